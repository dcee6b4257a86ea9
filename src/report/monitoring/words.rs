//! What a look says, in the words of a monitoring board.

use super::MonitoringReport;
use crate::bayes::LookProbabilities;
use crate::explore::monitor::{LookConclusion, SafetyCheck};
use crate::report::document::sentence;
use crate::report::numeral::{NONE, fixed};
use crate::scenario::Hypothesis;

/// Size of Z from which on an advantage of the control arm is pointed out.
const NOTABLE_Z: f64 = 1.96;

impl MonitoringReport {
    /// Names the look.
    fn when(&self) -> String {
        if self.after_overrun {
            format!("After look {} and its overrun", self.look)
        } else if self.is_final {
            format!("Look {}, the final analysis", self.look)
        } else {
            format!("Look {} of {}", self.look, self.planned_looks)
        }
    }

    /// States in a sentence which boundaries are crossed and what the design recommends.
    pub(super) fn summarise(&self) -> String {
        let mut findings = vec![self.finding()];
        findings.extend(self.crossed().filter_map(|event| event.finding()));
        let mut summary = format!("{}: {}", self.when(), findings.join("; "));
        if let Some(recommendation) = self.recommendation() {
            summary += &format!(": {recommendation}");
        }
        summary + "."
    }

    /// Lists what the reader must know in addition to the summary, a sentence each.
    pub(in crate::report) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.decides_alone {
            remarks.push(format!(
                "This is \"{}\" alone, at the whole alpha. The trial is decided by the rule of [success] for \
                 all its analyses together, so that this recommendation is not that of the trial.",
                self.analysis
            ));
        }
        // A board would expect a boundary where the experimental arm does this much worse.
        if self.z.is_some_and(|z| z < -NOTABLE_Z) && self.looks[self.row()].z_harm.is_none() {
            remarks.push(
                "Z below 0 favours the control arm; the design has no boundary for harm at this \
                 look."
                    .to_owned(),
            );
        }
        // Crossed boundaries are in the summary, which states them with the decision.
        let others = self.safety.iter().filter(|event| !event.is_crossed());
        remarks.extend(others.filter_map(|event| Some(sentence(&event.finding()?))));
        remarks
    }

    fn crossed(&self) -> impl Iterator<Item = &SafetyCheck> {
        self.safety.iter().filter(|event| event.is_crossed())
    }

    /// Compares Z with the boundaries of the look.
    fn finding(&self) -> String {
        let bounds = &self.looks[self.row()];
        // Without a statistic nothing can be compared with a boundary.
        let Some(z) = self.z else {
            return "the outcomes give no statistic, as when all are alike; such a look does not \
                    stop a trial, and Z counts as 0 below"
                .to_owned();
        };
        let z = fixed(z, 4);
        if let Some(probabilities) = self.posterior {
            return by_probability(self.without_safety, probabilities);
        }
        match self.without_safety {
            LookConclusion::Efficacy => {
                format!(
                    "efficacy boundary crossed (Z = {z}, boundary {})",
                    written(bounds.z_efficacy)
                )
            }
            LookConclusion::Harm => {
                format!("harm boundary crossed (Z = {z}, boundary {})", written(bounds.z_harm))
            }
            LookConclusion::Futility => format!(
                "futility boundary crossed ({}; Z = {z}, boundary {})",
                if self.binding_futility { "binding" } else { "non-binding" },
                written(bounds.z_futility)
            ),
            LookConclusion::NotSignificant => format!(
                "not statistically significant at the final analysis (Z = {z}, boundary {})",
                written(bounds.z_efficacy)
            ),
            // `without_safety` is never `Safety`; the arm keeps the match complete.
            LookConclusion::Continue | LookConclusion::Safety => {
                not_crossed(&z, [bounds.z_efficacy, bounds.z_futility, bounds.z_harm])
            }
        }
    }

    /// States what the design recommends; `None` if the look is not significant and the last.
    pub(super) fn recommendation(&self) -> Option<String> {
        // Once all data are in there is nothing left to stop, and the sentence states the result instead.
        let ends = self.is_final || self.after_overrun;
        let text = match self.decision {
            LookConclusion::NotSignificant => return None,
            LookConclusion::Efficacy if ends => match self.hypothesis {
                Hypothesis::Superiority => "the experimental arm is better",
                Hypothesis::SuperiorityBy(_) => {
                    "the experimental arm is better by more than the margin"
                }
                Hypothesis::NonInferiority(_) => "the experimental arm is not inferior",
                Hypothesis::Equivalence { .. } => "the arms are equivalent",
            },
            LookConclusion::Harm if ends => "the experimental arm is worse",
            LookConclusion::Efficacy => "the design recommends stopping for efficacy",
            LookConclusion::Harm => "the design recommends stopping for harm",
            LookConclusion::Safety => "the design recommends stopping for safety",
            LookConclusion::Futility if self.binding_futility => {
                "the design requires stopping for futility, as continuing would inflate the type I \
                 error"
            }
            LookConclusion::Futility => {
                "the design recommends stopping for futility; continuing would not inflate the type \
                 I error"
            }
            LookConclusion::Continue => "the design recommends continuing",
        };
        Some(text.to_owned())
    }
}

/// States what posterior and predictive probabilities show.
fn by_probability(conclusion: LookConclusion, probabilities: LookProbabilities) -> String {
    let LookProbabilities { posterior, predictive, harm } = probabilities;
    let finding = match conclusion {
        LookConclusion::Efficacy => "success",
        LookConclusion::Harm => "harm",
        LookConclusion::Futility => "futility",
        LookConclusion::NotSignificant => "no success at the final analysis",
        LookConclusion::Continue | LookConclusion::Safety => "no rule is met",
    };
    let mut shown =
        format!("{finding} (posterior probability of the effect {}", fixed(posterior, 4));
    if let Some(predictive) = predictive {
        shown += &format!(", predictive probability of final success {}", fixed(predictive, 4));
    }
    if let Some(harm) = harm {
        shown += &format!(", posterior probability of harm {}", fixed(harm, 4));
    }
    shown + ")"
}

/// States that none of the boundaries (efficacy, futility, harm) is crossed.
fn not_crossed(z: &str, bounds: [Option<f64>; 3]) -> String {
    let names = ["efficacy", "futility", "harm"];
    let tested: Vec<(&str, f64)> =
        names.into_iter().zip(bounds).filter_map(|(name, bound)| Some((name, bound?))).collect();
    match &tested[..] {
        [] => format!("no boundary is tested (Z = {z})"),
        [(name, bound)] => {
            format!("{name} boundary not crossed (Z = {z}, boundary {})", fixed(*bound, 4))
        }
        several => {
            let bounds: Vec<String> = several
                .iter()
                .map(|(name, bound)| format!("{name} {}", fixed(*bound, 4)))
                .collect();
            format!("no boundary crossed (Z = {z}; boundaries: {})", bounds.join(", "))
        }
    }
}

fn written(bound: Option<f64>) -> String {
    bound.map_or(NONE.to_owned(), |bound| fixed(bound, 4))
}
