//! The rule by which several analyses decide together, in words.

use super::super::file::WrittenSuccess;
use super::super::file::success::{Crossing, LaterBoundaries, RuleStop};
use crate::analysis::proportional_odds::assumption::ProportionalOddsStatistic;

/// Describes which analyses must reject, and at which level each is tested.
pub(in super::super) fn rule(written: &WrittenSuccess, names: &[&str]) -> String {
    let listed = names.join(", ");
    match written {
        WrittenSuccess::CoPrimary { .. } => {
            format!(
                "Success if all these analyses reject, each at the whole alpha (co-primary): {listed}."
            )
        }
        WrittenSuccess::Any { .. } => format!(
            "Success if any of these analyses rejects, each at the whole alpha without a correction: {listed}."
        ),
        WrittenSuccess::Hierarchical { .. } => format!(
            "Hierarchical: {} are tested in this order at the whole alpha, each once those before it have rejected.",
            names.join(", then ")
        ),
        WrittenSuccess::Bonferroni { weights: None, .. } => {
            format!("Bonferroni: {listed} are tested at equal shares of alpha.")
        }
        WrittenSuccess::Bonferroni { weights: Some(weights), .. } => {
            format!("Bonferroni: {} of alpha.", with_weights(names, weights))
        }
        WrittenSuccess::Holm { .. } => format!(
            "Holm: {listed} are tested at equal shares of alpha; the share of an analysis that rejects is divided among the others."
        ),
        WrittenSuccess::Graph { weights, .. } => format!(
            "Graph: {} of alpha; an analysis that rejects passes its share on.",
            with_weights(names, weights)
        ),
        WrittenSuccess::ProportionalOddsSwitch { shift, dichotomy, alpha_two_sided, statistic } => {
            let by = match statistic {
                ProportionalOddsStatistic::LikelihoodRatio => "by likelihood ratio",
                ProportionalOddsStatistic::HomogeneityLessScore => {
                    "by the likelihood ratio of homogeneity less the squared Z of the shift"
                }
            };
            format!(
                "Switch: {dichotomy} decides if proportional odds are rejected at a two-sided {alpha_two_sided} {by}, otherwise {shift}, each at the whole alpha."
            )
        }
    }
}

fn with_weights(names: &[&str], weights: &[f64]) -> String {
    let each = names.iter().zip(weights).map(|(name, weight)| format!("{name} at {weight}"));
    each.collect::<Vec<_>>().join(", ")
}

/// Describes how the rule is applied at interim looks: which analysis stops the trial.
pub(in super::super) fn looks(written: &WrittenSuccess) -> &'static str {
    match written {
        WrittenSuccess::CoPrimary { crossing: Crossing::CurrentLook, .. } => {
            "The trial stops for efficacy at the first look at which all reach their boundaries."
        }
        WrittenSuccess::CoPrimary { crossing: Crossing::AnyLook, .. } => {
            "The trial stops for efficacy once each has reached its boundary, at this look or before."
        }
        WrittenSuccess::Hierarchical { later: LaterBoundaries::Unadjusted, stop, .. } => match stop
        {
            RuleStop::AllDecided => {
                "The first has its boundaries at every look, the others the critical value of a single look, which does not hold alpha; the trial continues until all have rejected."
            }
            RuleStop::FirstRejection => {
                "The first analysis stops the trial at its boundary; the others are tested at that look by the critical value of a single look, which does not hold alpha."
            }
        },
        WrittenSuccess::Any { stop, .. }
        | WrittenSuccess::Hierarchical { later: LaterBoundaries::Own, stop, .. }
        | WrittenSuccess::Bonferroni { stop, .. }
        | WrittenSuccess::Holm { stop, .. }
        | WrittenSuccess::Graph { stop, .. } => match stop {
            RuleStop::AllDecided => {
                "Each analysis has the boundaries of its current share of alpha; the trial continues until all have rejected or none is left that could."
            }
            RuleStop::FirstRejection => {
                "Each analysis has the boundaries of its current share of alpha; the first that rejects stops the trial, and the others are tested at that look."
            }
        },
        WrittenSuccess::ProportionalOddsSwitch { .. } => {
            "The analysis is chosen anew at each look and stops the trial at its boundary."
        }
    }
}
