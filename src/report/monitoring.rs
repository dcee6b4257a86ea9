//! `rescuesim monitor`: an interim analysis as tables and JSON.

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
    /// Name of the scale: see [`crate::analysis::EffectScale::name`].
    pub scale: &'static str,
    /// Ordinary estimate; null if the counts give none.
    pub estimate: Option<f64>,
    /// Standard error of the estimate; without counts, the divisor of Z. Null if unknown.
    pub standard_error: Option<f64>,
    /// Confidence level of the intervals, 1 − 2α.
    pub level: f64,
    /// Ordinary interval, which ignores the looks: that of the analysis, given counts and a level of 95 %.
    pub interval: Option<(f64, f64)>,
    /// Repeated confidence interval, valid at every look, whether or not the trial stops and whether or
    /// not futility is heeded; null if efficacy is not tested.
    pub repeated_interval: Option<(f64, f64)>,
    /// Repeated confidence interval by inversion of the score test of two proportions; null without
    /// their counts.
    pub repeated_score_interval: Option<(f64, f64)>,
    /// Median-unbiased estimate if the trial ends at this look; null if the statistic is not the estimate
    /// over its error and the counts are not given.
    pub median_unbiased: Option<f64>,
    /// Interval of the median-unbiased estimate by stage-wise ordering.
    pub stagewise_interval: Option<(f64, f64)>,
}

/// The conclusion of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum LookConclusion {
    Efficacy,
    Harm,
    Futility,
    /// No boundary is reached at an interim look.
    Continue,
    /// No boundary is reached at the final look.
    NotSignificant,
}

/// The result of a look.
#[derive(Debug, Clone)]
pub struct LookResult {
    z: Option<f64>,
    conclusion: LookConclusion,
    stopped_at: Option<usize>,
    evidence: Evidence,
    effects: Effects,
}

impl LookResult {
    /// Compares Z with the boundaries; without a statistic a trial never stops. `stopped_at` is the number
    /// of the look that stopped the trial, if the outcomes of the overrun have been added since.
    pub fn new(
        trial: &RunningTrial,
        z: Option<f64>,
        stopped_at: Option<usize>,
        evidence: Evidence,
        effects: Effects,
    ) -> Self {
        // Harm and futility may both be reached; the design says which one counts.
        let conclusion = match z.map_or(Decision::Continue, |z| trial.decide(z)) {
            Decision::Efficacy => LookConclusion::Efficacy,
            Decision::Harm => LookConclusion::Harm,
            Decision::Futility => LookConclusion::Futility,
            // At the final look there is nothing to continue.
            Decision::Continue if trial.is_final() => LookConclusion::NotSignificant,
            Decision::Continue => LookConclusion::Continue,
        };
        Self { z, conclusion, stopped_at, evidence, effects }
    }
}

/// The boundaries of a look for the observed or planned information.
#[derive(Debug, Clone, Serialize)]
struct BoundsOfLook {
    look: usize,
    analysed: u32,
    information_fraction: f64,
    z_efficacy: Option<f64>,
    z_futility: Option<f64>,
    z_harm: Option<f64>,
    alpha_spent: f64,
}

/// The report on a look.
#[derive(Debug, Clone, Serialize)]
pub struct MonitoringReport {
    version: &'static str,
    command: String,
    title: String,
    look: usize,
    after_overrun: bool,
    looks: Vec<BoundsOfLook>,
    z: Option<f64>,
    decision: LookConclusion,
    effects: Effects,
    #[serde(flatten)]
    evidence: Evidence,
}

impl MonitoringReport {
    /// Builds the report; `command` reproduces it.
    pub fn new(
        command: String,
        title: String,
        monitored: &RunningTrial,
        result: LookResult,
    ) -> Self {
        let boundaries = monitored.boundaries();
        let looks = (0..monitored.analysed().len()).map(|k| BoundsOfLook {
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
            look: result.stopped_at.unwrap_or(monitored.look() + 1),
            after_overrun: result.stopped_at.is_some(),
            looks: looks.collect(),
            z: result.z,
            decision: result.conclusion,
            effects: result.effects,
            evidence: result.evidence,
        }
    }

    /// Renders the report as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a look is plain data") + "\n"
    }

    /// Renders the report as tables.
    pub fn document(&self) -> Document {
        let mut out = Document::new().title(&self.title);
        // A trial whose overrun has been added has stopped already.
        let stop = if self.after_overrun { "" } else { "stop, " };
        let said = match self.decision {
            LookConclusion::Efficacy => {
                format!("at or above the efficacy boundary: {stop}the experimental arm is better")
            }
            LookConclusion::Harm => {
                format!("at or below the harm boundary: {stop}the experimental arm is worse")
            }
            LookConclusion::Futility => {
                "at or below the futility boundary: stop for futility".to_owned()
            }
            LookConclusion::Continue => "between the boundaries: continue".to_owned(),
            LookConclusion::NotSignificant => {
                "below the efficacy boundary of the final look: not significant".to_owned()
            }
        };
        let when = if self.after_overrun {
            format!("After look {} and its overrun", self.look)
        } else {
            format!("Look {}", self.look)
        };
        out = out.text(match self.z {
            Some(z) => format!("{when}: Z = {} is {said}.", fixed(z, 4)),
            // Without a statistic nothing can be compared with a boundary.
            None => format!(
                "{when}: the outcomes give no statistic, as where all are alike. Such a look does not \
                 stop a trial; Z counts as 0 below."
            ),
        });
        out = out.heading("Boundaries for the observed and the planned outcomes");
        out += self.bounds();
        out = out.heading("Evidence");
        out += self.evidence();
        // 1 − 2α has rounding errors: 0.95 would be printed as 94.99999999999999 %.
        let percent = (1e8 * self.effects.level).round() / 1e6;
        out = out.heading(format!("Effect, with limits of {percent} %"));
        out += self.effects.document();
        out.gap().verbatim(format!("rescuesim {}\nRecreate: {}", self.version, self.command))
    }

    fn bounds(&self) -> Document {
        let rows = self.looks.iter().map(|look| BoundaryRow {
            name: self.name_of(look.look),
            analysed: look.analysed,
            information: look.information_fraction,
            bounds: [look.z_efficacy, look.z_futility, look.z_harm],
            alpha_spent: look.alpha_spent,
        });
        boundaries(rows.collect(), 4)
    }

    /// Names a look, with a mark at the one that is reported: the last, after the overrun.
    fn name_of(&self, look: usize) -> String {
        if self.after_overrun && look == self.looks.len() {
            "end <".to_owned()
        } else if !self.after_overrun && look == self.look {
            format!("{look} <")
        } else {
            look.to_string()
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
        // At the final look nothing lies ahead.
        rows.extend(ahead.into_iter().filter(|(_, chance)| chance.is_some()));
        let rows = rows.into_iter().map(|(name, value)| {
            vec![name.to_owned(), value.map_or("–".to_owned(), |value| probability(value, 6))]
        });
        // A prediction is an interval and fits in no column of single values.
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
        // An interval of a logarithm is also shown as a ratio, which the protocol states.
        let is_log = self.scale.starts_with("log_");
        let mut estimates = vec![
            ("ordinary, ignores the looks", self.estimate, self.interval),
            ("repeated, holds at every look", None, self.repeated_interval),
        ];
        if self.repeated_score_interval.is_some() {
            estimates.push(("repeated, score test", None, self.repeated_score_interval));
        }
        estimates.push(("if the trial ends here", self.median_unbiased, self.stagewise_interval));
        let mut rows = Vec::new();
        for (name, estimate, limits) in estimates {
            let values = [estimate, limits.map(|it| it.0), limits.map(|it| it.1)];
            let mut row = vec![name.to_owned()];
            row.extend(values.map(number));
            if is_log {
                row.extend(values.map(|value| number(value.map(libm::exp))));
            }
            rows.push(row);
        }
        let name = self.scale.replace('_', " ");
        let ratio = name.trim_start_matches("log ").to_owned();
        let mut header = vec![name.as_str(), "estimate", "low", "high"];
        if is_log {
            header.extend([ratio.as_str(), "low", "high"]);
        }
        Document::of_table(&header, rows)
    }
}

/// Returns a boundary; `None` if it is infinite, which means that it is not tested.
fn finite(z: f64) -> Option<f64> {
    z.is_finite().then_some(z)
}
