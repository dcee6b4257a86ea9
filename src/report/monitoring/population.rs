//! A look of a trial whose population may be restricted.

use serde::Serialize;

use super::effects::{EffectRow, table_of_effects};
use super::{describe, safety};
use crate::explore::monitor::{
    JudgedPopulation, LevelFound, LookConclusion, PopulationInput, PopulationLook, SafetyCheck,
    SafetyStatus,
};
use crate::num::finite;
use crate::report::document::{Document, capitalised};
use crate::report::numeral::{NONE, chance, fixed, grouped, number};
use crate::report::safety::crossed_in_words;
use crate::scenario::{Analysis, PopulationRule, Scenario};

/// The report on a look.
#[derive(Debug, Clone, Serialize)]
pub struct PopulationLookReport {
    version: &'static str,
    command: String,
    scenario_digest: String,
    title: String,
    analysis: String,
    method: String,
    look: usize,
    planned_looks: usize,
    is_final: bool,
    /// Rules of the design, a sentence each.
    rules: Vec<String>,
    /// Name of the factor, and number of its levels.
    factor: String,
    #[serde(skip)]
    all_levels: usize,
    /// Patients randomised, of all levels, and those planned.
    randomised: u32,
    planned: u32,
    /// Levels left before the look.
    before: Vec<String>,
    /// Levels left after it.
    left: Vec<String>,
    /// Levels in which an effect is shown; by nested selection, in these together.
    shown: Vec<String>,
    /// Each level by the looks of a closed test; empty for other rules.
    levels: Vec<LevelRow>,
    /// Populations that were judged; empty for a closed test.
    populations: Vec<PopulationRow>,
    /// Z from which the look shows an effect; null if it tests none, or decides by probabilities.
    z_efficacy: Option<f64>,
    /// Z against the effect below which a population is futile; null without such a boundary.
    z_futility: Option<f64>,
    /// Conditional or predictive power, or predictive probability of success, below which a level is
    /// dropped; null by nested selection.
    drop_below: Option<f64>,
    decision: LookConclusion,
    /// Conclusion from the outcomes alone.
    without_safety: LookConclusion,
    /// Decision in a sentence or two.
    pub summary: String,
    safety: Vec<SafetyCheck>,
    /// What is implausible about the data, a sentence each.
    warnings: Vec<String>,
    /// Outcomes of the levels left, which the estimate is of; before the look if none is left.
    analysed: u32,
    effect_scale: &'static str,
    estimate: Option<f64>,
    /// 95 % confidence interval, which ignores the choice of the levels.
    interval: Option<(f64, f64)>,
}

/// A level by the looks of a closed test.
#[derive(Debug, Clone, Serialize)]
struct LevelRow {
    level: String,
    #[serde(flatten)]
    found: LevelFound,
}

/// A population that was judged.
#[derive(Debug, Clone, Serialize)]
struct PopulationRow {
    levels: Vec<String>,
    #[serde(flatten)]
    found: JudgedPopulation,
}

impl PopulationLookReport {
    /// Builds the report; `command` repeats it.
    ///
    /// # Panics
    /// If the scenario has no rule for the population, by which the look was evaluated.
    pub fn new(
        scenario: &Scenario,
        analysis: &Analysis,
        input: &PopulationInput,
        found: PopulationLook,
        command: String,
    ) -> Self {
        let adaptation = scenario.adaptation.population.as_ref();
        let rule = adaptation.expect("the look was evaluated by a rule").rule;
        let factor = scenario.adapted_factor().expect("a rule has a factor");
        let looks = scenario.design.looks().len();
        let mut rules = scenario.decisions_in_words();
        rules.extend(scenario.population_adaptation_in_words());
        rules.extend(found.safety.iter().filter_map(SafetyCheck::rule));
        let levels = found.levels.iter().zip(&factor.levels);
        let bound = scenario.planned_efficacy_bound(input.look - 1);
        let (z_efficacy, z_futility, drop_below) = match rule {
            PopulationRule::ClosedTest { test, .. } => (bound, None, Some(test.drop_below())),
            PopulationRule::NestedSelection { selection, .. } => {
                (bound, Some(selection.futility), None)
            }
            PopulationRule::PredictiveProbability { drop_below } => (None, None, Some(drop_below)),
        };
        let mut report = Self {
            version: env!("CARGO_PKG_VERSION"),
            command,
            scenario_digest: scenario.digest(),
            title: scenario.file().title.clone(),
            analysis: analysis.name.clone(),
            method: describe(scenario, analysis),
            look: input.look,
            planned_looks: looks,
            is_final: input.look == looks,
            rules,
            factor: factor.name.clone(),
            all_levels: factor.levels.len(),
            randomised: input.patients.len() as u32,
            planned: scenario.randomised,
            before: scenario.names_of_levels(found.before),
            left: scenario.names_of_levels(found.left),
            shown: scenario.names_of_levels(found.shown),
            levels: levels.map(|(&found, name)| LevelRow { level: name.clone(), found }).collect(),
            populations: found
                .judged
                .iter()
                .map(|&found| PopulationRow {
                    levels: scenario.names_of_levels(found.levels),
                    found,
                })
                .collect(),
            z_efficacy,
            z_futility,
            drop_below,
            decision: found.decision,
            without_safety: found.without_safety,
            summary: String::new(),
            safety: found.safety,
            warnings: found.warnings,
            analysed: found.analysed,
            effect_scale: analysis.method.scale().name(),
            estimate: finite(found.test.estimate),
            interval: Some(found.test.interval)
                .filter(|(low, high)| !low.is_nan() && !high.is_nan()),
        };
        report.summary = report.summarise();
        report
    }

    /// Renders the report as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a look is plain data") + "\n"
    }

    /// Renders the report as tables.
    pub fn document(&self) -> Document {
        let mut out = Document::new().title(format!("{}, \"{}\"", self.title, self.analysis));
        out = out.text(&self.summary);
        for event in &self.safety {
            if let Some(finding) =
                event.finding().filter(|_| event.status != SafetyStatus::NotTested)
            {
                out = out.text(format!("{}.", capitalised(&finding)));
            }
        }
        for warning in &self.warnings {
            out = out.text(format!("Warning: {warning}."));
        }
        out = out.heading("Rules of the design").text(self.rules.join(" "));
        if !self.levels.is_empty() {
            out = out.heading(format!("Levels of {}", self.factor)).and(self.table_of_levels());
        }
        if !self.populations.is_empty() {
            out = out
                .heading("Populations in the order they were judged")
                .and(self.table_of_populations());
        }
        if !self.safety.is_empty() {
            out = out.heading("Adverse events in all patients").and(safety::table(&self.safety));
        }
        let of = if self.left.is_empty() { &self.before } else { &self.left };
        let row =
            EffectRow { name: "unadjusted", estimate: self.estimate, interval: self.interval };
        out = out
            .heading(format!(
                "Treatment effect in {} ({} outcomes) with 95 % confidence interval",
                self.in_words(of),
                grouped(u64::from(self.analysed))
            ))
            .and(table_of_effects(self.effect_scale, vec![row]))
            .text("Estimate and interval ignore that the levels were chosen by their results.");
        out.gap().verbatim(format!("rescuesim {}\nRecreate: {}", self.version, self.command))
    }

    fn table_of_levels(&self) -> Document {
        let mut header = vec!["level", "outcomes", "Z", "power", "then"];
        if self.is_final {
            header.extend(["later outcomes", "Z of these", "combined Z", "effect shown"]);
        }
        let rows = self.levels.iter().map(|row| {
            // Whatever the powers are, a stop for safety comes first.
            let then = if self.decision == LookConclusion::Safety {
                NONE
            } else if self.left.contains(&row.level) {
                "continues"
            } else {
                "dropped"
            };
            let mut cells = vec![
                row.level.clone(),
                grouped(u64::from(row.found.analysed[0])),
                number(row.found.first_z),
                chance(Some(row.found.power)),
                then.to_owned(),
            ];
            if self.is_final {
                let shown = if self.shown.contains(&row.level) { "yes" } else { "no" };
                cells.push(grouped(u64::from(row.found.analysed[1])));
                cells.extend([
                    number(row.found.second_z),
                    number(row.found.combined_z),
                    shown.to_owned(),
                ]);
            }
            cells
        });
        let document = Document::of_table(&header, rows.collect());
        match self.z_efficacy.filter(|_| self.is_final) {
            Some(bound) => document.text(format!(
                "An effect is shown if the combined Z, the least of all sets of levels with it, is at least \
                 {}.",
                fixed(bound, 4)
            )),
            None => document,
        }
    }

    fn table_of_populations(&self) -> Document {
        let by_probability = self.populations.iter().any(|row| row.found.probabilities.is_some());
        let mut header = vec!["population", "outcomes", "Z"];
        if by_probability {
            header.extend(["posterior\nprobability", "predictive\nprobability"]);
        } else if !self.is_final {
            header.push("Z against\nthe effect");
        }
        let rows = self.populations.iter().map(|row| {
            let mut cells = vec![
                self.in_words(&row.levels),
                grouped(u64::from(row.found.analysed)),
                number(row.found.z),
            ];
            if by_probability {
                cells.push(chance(row.found.probabilities.map(|it| it.posterior)));
                cells.push(chance(row.found.probabilities.and_then(|it| it.predictive)));
            } else if !self.is_final {
                cells.push(number(row.found.z_against_effect));
            }
            cells
        });
        Document::of_table(&header, rows.collect())
    }

    /// States the decision, and who is randomised from here.
    fn summarise(&self) -> String {
        let place = if self.is_final {
            "Final look".to_owned()
        } else {
            format!("Look {} of {}", self.look, self.planned_looks)
        };
        let left = self.in_words(&self.left);
        let decision = match self.decision {
            LookConclusion::Efficacy if self.levels.is_empty() => {
                format!("an effect is shown in {left}{}", self.stops())
            }
            LookConclusion::Efficacy => {
                format!("an effect is shown in {}", self.in_words(&self.shown))
            }
            LookConclusion::Harm => format!("harm in {left}{}", self.stops()),
            LookConclusion::Futility if self.left.is_empty() => {
                format!("no level is left{}", self.stops())
            }
            LookConclusion::Futility => format!("futile in {left}{}", self.stops()),
            LookConclusion::Safety => {
                let crossed: Vec<&str> = self
                    .safety
                    .iter()
                    .filter(|event| event.is_crossed())
                    .map(|event| event.name.as_str())
                    .collect();
                format!("the trial stops for safety, as {}", crossed_in_words(&crossed))
            }
            LookConclusion::NotSignificant => "no effect is shown".to_owned(),
            LookConclusion::Continue => self.continuation(&left),
        };
        format!("{place}: {decision}.")
    }

    fn continuation(&self, left: &str) -> String {
        let to_come = self.planned.saturating_sub(self.randomised);
        if self.left == self.before {
            return format!(
                "the trial continues in {left}; {} more are to be randomised",
                grouped(to_come.into())
            );
        }
        let dropped: Vec<String> =
            self.before.iter().filter(|level| !self.left.contains(level)).cloned().collect();
        let (drops, names) = match &dropped[..] {
            [only] => ("is", only.clone()),
            several => ("are", several.join(", ")),
        };
        format!(
            "{names} {drops} dropped, and the trial continues in {left}; {} more of {} are to be randomised",
            grouped(to_come.into()),
            if self.left.len() == 1 { "this level" } else { "these levels" }
        )
    }

    fn stops(&self) -> &'static str {
        if self.is_final { "" } else { ", and the trial stops" }
    }

    fn in_words(&self, levels: &[String]) -> String {
        if levels.len() == self.all_levels {
            return "all patients".to_owned();
        }
        levels.join(", ")
    }
}
