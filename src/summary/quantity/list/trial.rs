//! Quantities of one truth: supplementary analyses, adverse events, balance of the allocation.

use super::{count, exact, exact_list, list, simulated, simulated_if_any};
use crate::expected::LevelOutcomes;
use crate::summary::quantity::{Quantity, Reading, Unit};
use crate::summary::{
    AllocationBalance, CentreSummary, CutSummary, DescriptionSummary, LevelBalance, SafetyLook,
    SafetySummary, SubgroupSummary, TruthSummary,
};

/// Quantities of one truth.
pub const TRUTH: &[Quantity<TruthSummary>] = &[list(
    "odds_ratios_within_stratum",
    Unit::OddsRatio,
    "odds ratio of mRS ≤ j, j = 0 … 5, between patients of one stratum and centre; null where an arm has \
     no patients on one side of the cut, and under the prior",
    |it| exact_list(it.odds_ratios_within_stratum),
)];

/// Quantities of the supplementary analyses of one truth.
pub const DESCRIPTION: &[Quantity<DescriptionSummary>] = &[
    exact("alpha_two_sided", Unit::Probability, "two-sided level of the tests", |it| {
        Some(it.alpha_two_sided)
    }),
    simulated_if_any(
        "rejects_proportional_odds",
        Unit::Probability,
        "P(the test of proportional odds is significant); null if it is not asked for",
        |it| it.rejects_proportional_odds,
    ),
    simulated_if_any(
        "any_interaction",
        Unit::Probability,
        "P(at least one interaction is significant); null without subgroups",
        |it| it.any_interaction,
    ),
    list(
        "tipping_point",
        Unit::Probability,
        "P(efficacy) with every missing outcome as mRS e in the experimental and c in the control arm, \
         `[e][c]`; absent if it is not asked for",
        |it| {
            let rows = it.tipping_point.iter().flatten();
            rows.map(|row| Reading::List(row.map(Reading::Simulated).to_vec())).collect()
        },
    ),
];

/// Quantities of one cut of the mRS.
pub const CUT: &[Quantity<CutSummary>] = &[
    exact(
        "truth",
        Unit::LogOddsRatio,
        "log odds ratio of mRS ≤ cut in the population; null if it has none, and under the prior",
        |it| it.truth,
    ),
    simulated(
        "log_odds_ratio",
        Unit::LogOddsRatio,
        "mean of the trials in which it is finite",
        |it| it.log_odds_ratio,
    ),
];

/// Quantities of one factor's subgroups.
pub const SUBGROUP: &[Quantity<SubgroupSummary>] = &[
    simulated(
        "interaction",
        Unit::Probability,
        "P(the interaction of the factor with treatment is significant)",
        |it| it.interaction,
    ),
    exact(
        "interaction_by_formula",
        Unit::Probability,
        "the same by non-central χ² if all patients are analysed; absent unless the effect differs between \
         levels of a factor",
        |it| it.interaction_by_formula,
    ),
];

/// Quantities of one level of a factor that modifies the effect.
pub const MODIFIED: &[Quantity<LevelOutcomes>] = &[
    exact("share", Unit::Probability, "share of all patients", |it| Some(it.share)),
    list("control", Unit::Probability, "P(mRS = j), j = 0 … 6, of the control arm", |it| {
        exact_list(it.control.map(Some))
    }),
    list("experimental", Unit::Probability, "P(mRS = j) of the experimental arm", |it| {
        exact_list(it.experimental.map(Some))
    }),
    exact(
        "common_odds_ratio",
        Unit::OddsRatio,
        "limit of the common odds ratio of a proportional-odds fit; null if it is infinite",
        |it| it.common_odds_ratio,
    ),
];

/// Quantities of one adverse event under one truth.
pub const SAFETY: &[Quantity<SafetySummary>] = &[
    list(
        "truth",
        Unit::Probability,
        "share of the control and of the experimental arm with the event, of the patients in whom it is \
         known; null for deaths under the prior",
        |it| exact_list(it.truth.into_iter().flatten().map(Some)),
    ),
    list(
        "rate",
        Unit::Probability,
        "mean share of each arm with the event, among all patients randomised when the primary analysis \
         ended the trial",
        |it| it.rate.map(Reading::Simulated).to_vec(),
    ),
    exact("alpha_two_sided", Unit::Probability, "two-sided level of the comparison", |it| {
        Some(it.alpha_two_sided)
    }),
    simulated(
        "more",
        Unit::Probability,
        "P(significantly more events in the experimental arm)",
        |it| it.more,
    ),
    simulated(
        "fewer",
        Unit::Probability,
        "P(significantly fewer events in the experimental arm)",
        |it| it.fewer,
    ),
    exact(
        "more_by_formula",
        Unit::Probability,
        "`more` in trials that run to their end, by enumeration, with more than 1000 patients by the \
         normal approximation; null if it has no value",
        |it| it.more_by_formula,
    ),
];

/// Quantities of one look at an adverse event, if nothing else stopped the trial.
pub const SAFETY_LOOK: &[Quantity<SafetyLook>] = &[
    count("planned_patients", Unit::Patients, "expected number of patients assessed", |it| {
        u64::from(it.planned_patients)
    }),
    exact(
        "z",
        Unit::Z,
        "harm is significant at this Z or below; null if the look is not tested, as no further patients \
         have been assessed",
        |it| it.z,
    ),
    simulated("reached", Unit::Probability, "P(first crossing at this look)", |it| it.reached),
    simulated(
        "reached_cumulative",
        Unit::Probability,
        "P(crossed at this look or earlier)",
        |it| it.reached_cumulative,
    ),
    exact(
        "by_formula_cumulative",
        Unit::Probability,
        "`reached_cumulative` by enumeration, with more than 1000 patients by the normal approximation; \
         null if it has no value",
        |it| it.by_formula_cumulative,
    ),
];

const ARM_DIFFERENCE: &str = "mean |n_e − n_c| when all are randomised; with another ratio, twice the \
    distance of n_e from its share";

/// Quantities of the balance of the allocation.
pub const BALANCE: &[Quantity<AllocationBalance>] = &[
    simulated("arm_difference.mean", Unit::Patients, ARM_DIFFERENCE, |it| it.arm_difference.mean),
    simulated("arm_difference.p95", Unit::Patients, "95th percentile of it", |it| {
        it.arm_difference.p95
    }),
    simulated(
        "correct_guesses.whole_trial",
        Unit::Probability,
        "share of allocations guessed by an observer who knows the arms of all patients \
         so far",
        |it| it.correct_guesses.whole_trial,
    ),
    simulated(
        "correct_guesses.within_strata",
        Unit::Probability,
        "share guessed by an observer who knows the arms in the patient's stratum, a combination of all \
         factors",
        |it| it.correct_guesses.within_strata,
    ),
];

/// Quantities of the balance within one level of a factor.
pub const LEVEL: &[Quantity<LevelBalance>] = &[
    simulated("arm_difference.mean", Unit::Patients, ARM_DIFFERENCE, |it| it.arm_difference.mean),
    simulated("arm_difference.p95", Unit::Patients, "95th percentile of it", |it| {
        it.arm_difference.p95
    }),
];

/// Quantities of the balance within centres.
pub const CENTRES: &[Quantity<CentreSummary>] = &[
    count("number", Unit::Centres, "centres of the trial", |it| u64::from(it.number)),
    simulated(
        "arm_difference.mean",
        Unit::Patients,
        "mean |n_e − n_c| over the centres that have patients",
        |it| it.arm_difference.mean,
    ),
    simulated(
        "arm_difference.p95",
        Unit::Patients,
        "95th percentile over the centres of all trials",
        |it| it.arm_difference.p95,
    ),
    simulated(
        "correct_guesses",
        Unit::Probability,
        "share guessed by an observer who knows the arms in the patient's centre",
        |it| it.correct_guesses,
    ),
    simulated("largest", Unit::Patients, "patients of the largest centre", |it| it.largest),
    simulated("empty", Unit::Centres, "centres without a patient", |it| it.empty),
    simulated("one_arm", Unit::Centres, "centres whose patients are all in one arm", |it| {
        it.one_arm
    }),
];
