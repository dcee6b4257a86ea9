//! The final look of a trial that changed its number of patients by an unblinded rule.

use serde::Serialize;

use super::bounds::bounds as bounds_of_looks;
use super::describe;
use super::effects::{EffectRow, table_of_effects};
use super::size::zone_at;
use crate::design::monitor::RunningTrial;
use crate::design::reestimation::FinalStatistic;
use crate::explore::monitor::{ChangedLookData, LookConclusion, UnblindedRule};
use crate::num::finite;
use crate::num::normal::upper_tail;
use crate::report::document::Document;
use crate::report::numeral::{chance, fixed, grouped, number};
use crate::scenario::{Analysis, Scenario};
use crate::trial::Conclusion;

/// The report on the final look.
#[derive(Debug, Clone, Serialize)]
pub struct ChangedLookReport {
    version: &'static str,
    command: String,
    scenario_digest: String,
    title: String,
    analysis: String,
    method: String,
    look: usize,
    /// Patients as planned, and at most.
    planned: u32,
    maximum: u32,
    /// Patients that follow from the interim look by the rule, before those who arrived by the decision.
    size_by_rule: u32,
    randomised: Option<u32>,
    interim_analysed: u32,
    analysed: u32,
    zone: &'static str,
    /// Conditional power at the planned size.
    conditional_power: f64,
    interim_z: f64,
    second_stage_z: Option<f64>,
    weighted_z: Option<f64>,
    conventional_z: Option<f64>,
    /// Statistic that decides.
    statistic: FinalStatistic,
    /// Boundaries of the final look as planned; null if it has none.
    z_efficacy: Option<f64>,
    z_harm: Option<f64>,
    decision: LookConclusion,
    /// Decision in a sentence.
    pub summary: String,
    effect_scale: &'static str,
    estimate: Option<f64>,
    interval: Option<(f64, f64)>,
    weighted_estimate: Option<f64>,
    weighted_interval: Option<(f64, f64)>,
    /// What is implausible about the data, a sentence each.
    warnings: Vec<String>,
}

impl ChangedLookReport {
    /// Builds the report.
    pub fn new(
        scenario: &Scenario,
        analysis: &Analysis,
        rule: UnblindedRule<'_>,
        data: ChangedLookData,
        command: String,
    ) -> Self {
        let UnblindedRule { size: rule, zone, statistic } = rule;
        let last = scenario.design.looks().len() - 1;
        let bounds = &scenario.design.looks()[last];
        let z = data.interim_z;
        // As the interim look itself found it, by the outcomes that it had.
        let so_far: Vec<u32> =
            scenario.design.looks()[..rule.look].iter().map(|look| look.analysed).collect();
        let interim = [&so_far[..], &data.analysed[..1]].concat();
        let interim = RunningTrial::new(scenario.design.plan(), &interim).ok();
        let observed =
            interim.and_then(|trial| zone_at(zone, &bounds_of_looks(&trial)[rule.look..]));
        let zone = observed.as_ref().unwrap_or(zone);
        let mut report = Self {
            version: env!("CARGO_PKG_VERSION"),
            command,
            scenario_digest: scenario.digest(),
            title: scenario.file().title.clone(),
            analysis: analysis.name.clone(),
            method: describe(scenario, analysis),
            look: last + 1,
            planned: rule.planned,
            maximum: rule.maximum,
            size_by_rule: rule.randomised(zone.size_if_continued(z)),
            randomised: data.randomised,
            interim_analysed: data.analysed[0],
            analysed: data.analysed[1],
            zone: zone.zone(z).name(),
            conditional_power: zone.conditional_power(z),
            interim_z: z,
            second_stage_z: finite(data.second_stage_z),
            weighted_z: finite(zone.weighted(z, data.second_stage_z)),
            conventional_z: finite(data.conventional_z),
            statistic,
            z_efficacy: finite(bounds.efficacy),
            z_harm: finite(bounds.harm),
            decision: match data.conclusion {
                Conclusion::Efficacy => LookConclusion::Efficacy,
                Conclusion::Harm => LookConclusion::Harm,
                Conclusion::Futility => LookConclusion::Futility,
                Conclusion::Safety => LookConclusion::Safety,
                Conclusion::NotSignificant => LookConclusion::NotSignificant,
            },
            summary: String::new(),
            effect_scale: analysis.method.scale().name(),
            estimate: finite(data.estimate),
            interval: limits(data.interval.0, data.interval.1),
            weighted_estimate: finite(data.weighted.median),
            weighted_interval: limits(data.weighted.low, data.weighted.high),
            warnings: Vec::new(),
        };
        report.warnings = report.implausible(scenario.design.looks()[rule.look].efficacy);
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
        for warning in &self.warnings {
            out = out.text(format!("Warning: {warning}."));
        }
        out = out.heading("Re-estimation of the size").text(self.size_in_words());
        out = out.heading("Statistics").and(self.statistics());
        out = out.heading("Treatment effect with 95 % confidence intervals").and(self.effects());
        out.gap().verbatim(format!("rescuesim {}\nRecreate: {}", self.version, self.command))
    }

    fn deciding(&self) -> (&'static str, Option<f64>) {
        match self.statistic {
            FinalStatistic::Weighted => ("weighted", self.weighted_z),
            FinalStatistic::Conventional => ("conventional", self.conventional_z),
        }
    }

    fn summarise(&self) -> String {
        let (name, z) = self.deciding();
        let Some(z) = z else {
            return format!("Final look of a changed size: the {name} Z does not exist.");
        };
        let z = fixed(z, 4);
        let finding = match self.decision {
            LookConclusion::Efficacy => {
                format!("{z} is at or above the efficacy boundary ({})", number(self.z_efficacy))
            }
            LookConclusion::Harm => {
                format!("{z} is at or below the harm boundary ({})", number(self.z_harm))
            }
            LookConclusion::Futility
            | LookConclusion::Safety
            | LookConclusion::Continue
            | LookConclusion::NotSignificant => {
                format!("{z} is below the efficacy boundary ({})", number(self.z_efficacy))
            }
        };
        format!("Final look of a changed size: the {name} Z of {finding}.")
    }

    fn size_in_words(&self) -> String {
        let randomised = match self.randomised {
            Some(randomised) => format!("; {} were randomised", grouped(u64::from(randomised))),
            None => String::new(),
        };
        format!(
            "The conditional power at the planned size was {}, {}: {} patients by the rule in place of \
             {}{randomised}.",
            fixed(self.conditional_power, 4),
            self.zone,
            grouped(u64::from(self.size_by_rule)),
            grouped(u64::from(self.planned))
        )
    }

    fn statistics(&self) -> Document {
        let (deciding, _) = self.deciding();
        let second = self.analysed - self.interim_analysed;
        let rows = [
            ("interim look", self.interim_analysed, Some(self.interim_z)),
            ("later outcomes alone", second, self.second_stage_z),
            ("weighted", self.analysed, self.weighted_z),
            ("conventional", self.analysed, self.conventional_z),
        ];
        let rows = rows.map(|(name, outcomes, z)| {
            let mark = if name == deciding { " <" } else { "" };
            let p = z.map(upper_tail);
            vec![format!("{name}{mark}"), grouped(u64::from(outcomes)), number(z), chance(p)]
        });
        Document::of_table(&["", "outcomes", "Z", "one-sided p"], rows.into())
    }

    fn effects(&self) -> Document {
        let weighted = EffectRow {
            name: "weighted",
            estimate: self.weighted_estimate,
            interval: self.weighted_interval,
        };
        let conventional = EffectRow {
            name: "conventional, ignores the change",
            estimate: self.estimate,
            interval: self.interval,
        };
        table_of_effects(self.effect_scale, vec![weighted, conventional])
    }

    /// Lists contradictions between the data and the rule.
    fn implausible(&self, interim_efficacy: f64) -> Vec<String> {
        let mut found = Vec::new();
        if self.interim_z >= interim_efficacy {
            found.push(format!(
                "Z at the interim look is {}, at or above its efficacy boundary ({})",
                fixed(self.interim_z, 4),
                fixed(interim_efficacy, 4)
            ));
        }
        if let Some(randomised) = self.randomised.filter(|&number| number < self.size_by_rule) {
            found.push(format!(
                "{randomised} patients were randomised, fewer than the {} of the rule",
                self.size_by_rule
            ));
        }
        found
    }
}

/// Returns the limits of an interval; `None` if one does not exist.
fn limits(low: f64, high: f64) -> Option<(f64, f64)> {
    (!low.is_nan() && !high.is_nan()).then_some((low, high))
}
