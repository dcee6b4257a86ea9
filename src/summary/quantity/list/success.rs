//! Quantities of analyses that decide together.

use super::{in_sweep, simulated, simulated_if_any, text};
use crate::summary::quantity::{Quantity, Unit};
use crate::summary::{SuccessAnalysis, SuccessLook, SuccessSummary};

/// Quantities of a rule under one truth.
pub const SUCCESS: &[Quantity<SuccessSummary>] = &[
    in_sweep("rule", text("rule", "name of the rule", |it| Some(it.rule))),
    in_sweep(
        "rule_success",
        simulated("success", Unit::Probability, "P(the rule is satisfied)", |it| it.success),
    ),
    in_sweep(
        "rule_any_rejection",
        simulated(
            "any_rejection",
            Unit::Probability,
            "P(at least one analysis rejects by the rule): disjunctive power; co-primary analyses reject \
             together or not at all",
            |it| it.any_rejection,
        ),
    ),
    in_sweep(
        "rule_all_rejections",
        simulated(
            "all_rejections",
            Unit::Probability,
            "P(every analysis rejects): conjunctive power",
            |it| it.all_rejections,
        ),
    ),
    in_sweep(
        "rule_rejections",
        simulated("rejections", Unit::None, "mean number of analyses that reject", |it| {
            it.rejections
        }),
    ),
    in_sweep(
        "rule_familywise_error",
        simulated_if_any(
            "familywise_error",
            Unit::Probability,
            "P(at least one true null hypothesis is rejected); null if it is not known which are true",
            |it| it.familywise_error,
        ),
    ),
    in_sweep(
        "rule_proportional_odds_rejected",
        simulated_if_any(
            "proportional_odds_rejected",
            Unit::Probability,
            "P(proportional odds are rejected at the look that ended the trial); null without a test of it",
            |it| it.proportional_odds_rejected,
        ),
    ),
    in_sweep(
        "rule_n_randomised_mean",
        simulated(
            "n_randomised.mean",
            Unit::Patients,
            "mean number of patients randomised until the decision by the rule",
            |it| it.n_randomised.mean,
        ),
    ),
    simulated("n_randomised.p50", Unit::Patients, "median of the patients randomised", |it| {
        it.n_randomised.p50
    }),
    simulated(
        "n_randomised.p80",
        Unit::Patients,
        "80th percentile of the patients randomised",
        |it| it.n_randomised.p80,
    ),
    simulated(
        "n_randomised.p90",
        Unit::Patients,
        "90th percentile of the patients randomised",
        |it| it.n_randomised.p90,
    ),
    simulated(
        "n_randomised.p95",
        Unit::Patients,
        "95th percentile of the patients randomised",
        |it| it.n_randomised.p95,
    ),
    super::extreme("n_randomised.max", Unit::Patients, "most patients randomised", |it| {
        it.n_randomised.max
    }),
    in_sweep(
        "rule_duration_months",
        simulated(
            "duration_months",
            Unit::Months,
            "mean months from the opening of the trial to the decision by the rule",
            |it| it.duration_months,
        ),
    ),
    in_sweep(
        "rule_overrun",
        simulated(
            "overrun",
            Unit::Patients,
            "mean number of patients randomised whose follow-up had not ended at the decision",
            |it| it.overrun,
        ),
    ),
];

/// Quantities of one analysis within a rule.
pub const SUCCESS_ANALYSIS: &[Quantity<SuccessAnalysis>] = &[
    in_sweep(
        "rule_null_hypothesis",
        text(
            "null_hypothesis",
            "whether its null hypothesis is true under the truth; null if its effect is not known",
            |it| it.null_hypothesis,
        ),
    ),
    in_sweep(
        "rule_rejection",
        simulated(
            "rejection",
            Unit::Probability,
            "P(the analysis rejects within the rule)",
            |it| it.rejection,
        ),
    ),
    in_sweep(
        "rule_rejection_first",
        simulated(
            "rejection_first",
            Unit::Probability,
            "P(the analysis rejects at the first look at which any does)",
            |it| it.rejection_first,
        ),
    ),
];

/// Quantities of one look of a rule.
pub const SUCCESS_LOOK: &[Quantity<SuccessLook>] = &[
    in_sweep(
        "rule_success",
        simulated(
            "success",
            Unit::Probability,
            "P(the rule is first satisfied at this look)",
            |it| it.success,
        ),
    ),
    simulated(
        "success_cumulative",
        Unit::Probability,
        "P(the rule is satisfied at this look or earlier)",
        |it| it.success_cumulative,
    ),
    simulated(
        "ended",
        Unit::Probability,
        "P(the trial ends at this look, for whatever reason)",
        |it| it.ended,
    ),
    simulated(
        "futility",
        Unit::Probability,
        "P(the trial ends at this look for futility, without success)",
        |it| it.futility,
    ),
    simulated(
        "harm",
        Unit::Probability,
        "P(the trial ends at this look for harm, without success)",
        |it| it.harm,
    ),
    simulated(
        "safety",
        Unit::Probability,
        "P(the trial ends at this look for an adverse event, with or without success)",
        |it| it.safety,
    ),
];
