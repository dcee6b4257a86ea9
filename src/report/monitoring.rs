//! `rescuesim monitor`: a look as tables and JSON.

use serde::Serialize;

use super::document::Document;
use super::numeral::number;
use super::numeral::{fixed, probability};
use super::table::{BoundaryRow, boundaries};
use crate::design::Decision;
use crate::design::monitor::{Evidence, RunningTrial};

/// Effects at a look, on the scale of the analysis.
#[derive(Debug, Clone, Serialize)]
pub struct Effects {
    /// That of the analysis: see [`crate::analysis::EffectScale::name`].
    pub scale: &'static str,
    /// The ordinary one; null where the counts give none.
    pub estimate: Option<f64>,
    /// Of the estimate; without counts, what Z was divided by. Null where it is not known.
    pub standard_error: Option<f64>,
    /// Confidence level of the intervals, 1 − 2α.
    pub level: f64,
    /// Ignoring the looks: with counts and a level of 95 % the analysis's own.
    pub interval: Option<(f64, f64)>,
    /// Valid at every look, whether the trial stops or not and whether or not futility is heeded;
    /// null where efficacy is not tested.
    pub repeated_interval: Option<(f64, f64)>,
    /// The same by inverting the score test of two proportions; null without their counts.
    pub repeated_score_interval: Option<(f64, f64)>,
    /// If the trial ends here; null where the statistic is not the estimate over its error and the
    /// counts are not given.
    pub median_unbiased: Option<f64>,
    /// Its interval by stage-wise ordering.
    pub stagewise_interval: Option<(f64, f64)>,
}

/// What a look says.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    z: Option<f64>,
    decision: &'static str,
    stopped_at: Option<usize>,
}

impl Said {
    /// Of a look with this Z, or without a statistic, which never stops a trial; `stopped_at` is the
    /// number of the look that did, where the outcomes of the overrun have come since.
    pub fn new(trial: &RunningTrial, z: Option<f64>, stopped_at: Option<usize>) -> Self {
        let decision = match (z.map(|z| trial.decide(z)), trial.is_final()) {
            (Some(Decision::Efficacy), _) => "efficacy",
            (Some(Decision::Harm), _) => "harm",
            (Some(Decision::Futility), _) => "futility",
            (Some(Decision::Continue) | None, false) => "continue",
            (Some(Decision::Continue) | None, true) => "not_significant",
        };
        Self { z, decision, stopped_at }
    }
}

/// A boundary for the information that came, or is planned.
#[derive(Debug, Clone, Serialize)]
struct LookBounds {
    look: usize,
    analysed: u32,
    information_fraction: f64,
    z_efficacy: Option<f64>,
    z_futility: Option<f64>,
    z_harm: Option<f64>,
    alpha_spent: f64,
}

/// A trial at a look.
#[derive(Debug, Clone, Serialize)]
pub struct MonitoringReport {
    version: &'static str,
    command: String,
    title: String,
    look: usize,
    after_overrun: bool,
    looks: Vec<LookBounds>,
    z: Option<f64>,
    decision: &'static str,
    effects: Effects,
    #[serde(flatten)]
    evidence: Evidence,
}

impl MonitoringReport {
    /// Of a look.
    pub fn new(
        command: String,
        title: String,
        monitored: &RunningTrial,
        said: Said,
        evidence: Evidence,
        effects: Effects,
    ) -> Self {
        let boundaries = monitored.boundaries();
        let finite = |z: f64| z.is_finite().then_some(z);
        let looks = (0..monitored.analysed().len()).map(|k| LookBounds {
            look: k + 1,
            analysed: monitored.analysed()[k],
            information_fraction: boundaries.information_fractions[k],
            z_efficacy: finite(boundaries.efficacy[k]),
            z_futility: finite(boundaries.futility[k]),
            z_harm: finite(boundaries.harm[k]),
            alpha_spent: boundaries.alpha_spent[k],
        });
        Self {
            version: env!("CARGO_PKG_VERSION"),
            command,
            title,
            look: said.stopped_at.unwrap_or(monitored.look() + 1),
            after_overrun: said.stopped_at.is_some(),
            looks: looks.collect(),
            z: said.z,
            decision: said.decision,
            effects,
            evidence,
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a look is plain data") + "\n"
    }

    /// As tables.
    pub fn document(&self) -> Document {
        let mut out = Document::new().title(&self.title);
        let said = match (self.decision, self.after_overrun) {
            ("efficacy", false) => {
                "at or above the efficacy boundary: stop, the experimental arm is better"
            }
            ("efficacy", true) => {
                "at or above the efficacy boundary: the experimental arm is better"
            }
            ("harm", false) => "at or below the harm boundary: stop, the experimental arm is worse",
            ("harm", true) => "at or below the harm boundary: the experimental arm is worse",
            ("futility", _) => "at or below the futility boundary: stop for futility",
            ("continue", _) => "between the boundaries: go on",
            _ => "below the efficacy boundary of the final look: no effect is shown",
        };
        let when = match self.after_overrun {
            true => format!("After look {} and its overrun", self.look),
            false => format!("Look {}", self.look),
        };
        out = out.text(match self.z {
            Some(z) => format!("{when}: Z = {} is {said}.", fixed(z, 4)),
            None => format!(
                "{when}: the outcomes give no statistic, as where all are alike. Such a look does not \
                 stop a trial; Z stands as 0 below."
            ),
        });
        out = out.heading("Boundaries for the outcomes that came and are planned");
        out += self.bounds();
        out = out.heading("Evidence");
        out += self.evidence();
        let percent = (1e8 * self.effects.level).round() / 1e6;
        out = out.heading(format!("Effect, with limits of {percent} %"));
        out += self.effects.document();
        out.gap().verbatim(format!("rescuesim {}\nRecreate: {}", self.version, self.command))
    }

    fn bounds(&self) -> Document {
        let row = |look: &LookBounds| BoundaryRow {
            name: self.name_of(look.look),
            analysed: look.analysed,
            information: look.information_fraction,
            bounds: [look.z_efficacy, look.z_futility, look.z_harm],
            alpha_spent: look.alpha_spent,
        };
        boundaries(self.looks.iter().map(row).collect(), 4)
    }

    fn name_of(&self, look: usize) -> String {
        match (self.after_overrun, look == self.look, look == self.looks.len()) {
            (true, _, true) => "end <".to_owned(),
            (false, true, _) => format!("{look} <"),
            _ => look.to_string(),
        }
    }

    fn evidence(&self) -> Document {
        let Evidence {
            p_one_sided,
            conditional_rejection,
            conditional_power,
            conditional_power_trend,
            predictive_power,
            predictive_power_prior,
            predicted_final_z,
            repeated_p,
            stagewise_p,
            ..
        } = self.evidence;
        let mut rows = vec![
            ("nominal p value, one-sided", Some(p_one_sided)),
            ("repeated p value", Some(repeated_p)),
            ("p value if the trial ends here (stage-wise)", Some(stagewise_p)),
        ];
        let ahead = [
            ("conditional power, planned effect", conditional_power),
            ("conditional power, effect seen", conditional_power_trend),
            ("conditional rejection probability, no effect", conditional_rejection),
            ("predictive power, flat prior", predictive_power),
            ("predictive power, given prior", predictive_power_prior),
        ];
        rows.extend(ahead.into_iter().filter(|(_, chance)| chance.is_some()));
        let rows = rows.into_iter().map(|(name, value)| {
            vec![name.to_owned(), value.map_or("–".to_owned(), |value| probability(value, 6))]
        });
        let table = Document::of_table(&["", "value"], rows.collect());
        match predicted_final_z {
            Some((low, high)) => table.text(format!(
                "Z of the final look, predicted with a flat prior: {} to {}",
                fixed(low, 4),
                fixed(high, 4)
            )),
            None => table,
        }
    }
}

impl Effects {
    fn document(&self) -> Document {
        let is_log = self.scale.starts_with("log_");
        let mut rows = Vec::new();
        let mut row = |name: &str, estimate: Option<f64>, limits: Option<(f64, f64)>| {
            let mut row = vec![name.to_owned()];
            let values = [estimate, limits.map(|it| it.0), limits.map(|it| it.1)];
            row.extend(values.map(number));
            if is_log {
                row.extend(values.map(|value| number(value.map(libm::exp))));
            }
            rows.push(row);
        };
        row("ordinary, ignores the looks", self.estimate, self.interval);
        row("repeated, holds at every look", None, self.repeated_interval);
        if self.repeated_score_interval.is_some() {
            row("repeated, score test", None, self.repeated_score_interval);
        }
        row("if the trial ends here", self.median_unbiased, self.stagewise_interval);
        let name = self.scale.replace('_', " ");
        let ratio = name.trim_start_matches("log ").to_owned();
        let mut header = vec![name.as_str(), "estimate", "low", "high"];
        if is_log {
            header.extend([ratio.as_str(), "low", "high"]);
        }
        Document::of_table(&header, rows)
    }
}
