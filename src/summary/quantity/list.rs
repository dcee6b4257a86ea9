//! The quantities, in the order of the columns of a sweep where they have any.

use super::{Accessor, Quantity, Reading, Unit};
use crate::evidence::prior::Component;
use crate::summary::procedure::{ArmSummary, Checked, GroupSummary, PassSummary, ProcedureSummary};
use crate::summary::{
    AllocationBalance, AnalysisSummary, CentreSummary, CutSummary, DescriptionSummary,
    LevelBalance, LookSummary, McEstimate, PriorAnalysis, PriorSummary, SafetyLook, SafetySummary,
    SubgroupSummary, TruthSummary,
};

const fn simulated<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> McEstimate,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::Simulated(get))
}

const fn simulated_if_any<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> Option<McEstimate>,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::SimulatedIfAny(get))
}

const fn extreme<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> McEstimate,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::Extreme(get))
}

const fn checked<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> Checked,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::Checked(get))
}

const fn checked_if_any<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> Option<Checked>,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::CheckedIfAny(get))
}

const fn exact<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> Option<f64>,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::Exact(get))
}

const fn count<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> u64,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::Count(get))
}

const fn text<T>(
    key: &'static str,
    label: &'static str,
    get: fn(&T) -> Option<&str>,
) -> Quantity<T> {
    Quantity::new(key, Unit::None, label, Accessor::Text(get))
}

const fn list<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> Vec<Reading<'static>>,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::List(get))
}

/// Adds a quantity to the columns of a sweep.
const fn in_sweep<T>(column: &'static str, quantity: Quantity<T>) -> Quantity<T> {
    Quantity { column: Some(column), ..quantity }
}

fn exact_list(values: impl IntoIterator<Item = Option<f64>>) -> Vec<Reading<'static>> {
    values.into_iter().map(|value| Reading::Exact(value.unwrap_or(f64::NAN))).collect()
}

/// Quantities of one truth.
pub const TRUTH: &[Quantity<TruthSummary>] = &[list(
    "odds_ratios_within_stratum",
    Unit::OddsRatio,
    "odds ratio of mRS ≤ j, j = 0 … 5, between patients of one stratum and centre; null where an arm has \
     no patients on one side of the cut, and under the prior",
    |it| exact_list(it.odds_ratios_within_stratum),
)];

/// Quantities of one analysis under one truth.
pub const ANALYSIS: &[Quantity<AnalysisSummary>] = &[
    text("method", "method, as in the scenario", |it| Some(it.method)),
    in_sweep(
        "rejection",
        simulated(
            "rejection",
            Unit::Probability,
            "P(efficacy at any look): power under the alternative, one-sided type I error under the null, \
         assurance under the prior",
            |it| it.rejection,
        ),
    ),
    simulated_if_any(
        "rejection_reduced",
        Unit::Probability,
        "`rejection` estimated with [control variates](#control-variates); absent without them",
        |it| it.rejection_reduced.map(|reduced| reduced.estimate),
    ),
    exact(
        "rejection_reduced.factor",
        Unit::None,
        "factor by which the number of replicates would have to grow for the same precision without \
         control variates",
        |it| it.rejection_reduced.map(|reduced| reduced.factor),
    ),
    in_sweep(
        "rejection_stops_disregarded",
        simulated_if_any(
            "rejection_stops_disregarded",
            Unit::Probability,
            "`rejection` of the same trials if only the stops ended them that the efficacy boundaries rely \
         on: non-binding futility, harm and safety are disregarded; absent if there are none of these",
            |it| it.rejection_stops_disregarded,
        ),
    ),
    in_sweep(
        "rejection_by_formula",
        exact(
            "normal_approximation.rejection",
            Unit::Probability,
            "`rejection` by [closed form](#closed-forms); null if there is none",
            |it| it.normal_approximation.as_ref().map(|formula| formula.rejection),
        ),
    ),
    list(
        "normal_approximation.efficacy",
        Unit::Probability,
        "P(efficacy at each planned look) by closed form",
        |it| by_look(it, |formula| &formula.efficacy),
    ),
    list(
        "normal_approximation.futility",
        Unit::Probability,
        "P(futility at each planned look) by closed form",
        |it| by_look(it, |formula| &formula.futility),
    ),
    list(
        "normal_approximation.harm",
        Unit::Probability,
        "P(harm at each planned look) by closed form",
        |it| by_look(it, |formula| &formula.harm),
    ),
    text("formula", "how the closed form is found, or why there is none", |it| Some(&it.formula)),
    in_sweep(
        "efficacy_early",
        simulated(
            "outcomes.efficacy_early",
            Unit::Probability,
            "P(stopped for efficacy at an interim look); the `outcomes` add up to 1",
            |it| it.outcomes.efficacy_early,
        ),
    ),
    in_sweep(
        "efficacy_final",
        simulated(
            "outcomes.efficacy_final",
            Unit::Probability,
            "P(efficacy at the final look)",
            |it| it.outcomes.efficacy_final,
        ),
    ),
    in_sweep(
        "futility",
        simulated("outcomes.futility", Unit::Probability, "P(stopped for futility)", |it| {
            it.outcomes.futility
        }),
    ),
    in_sweep(
        "harm",
        simulated("outcomes.harm", Unit::Probability, "P(harm at any look)", |it| it.outcomes.harm),
    ),
    in_sweep(
        "safety",
        simulated_if_any(
            "outcomes.safety",
            Unit::Probability,
            "P(stopped by adverse events); absent if these cannot stop the trial",
            |it| it.outcomes.safety,
        ),
    ),
    in_sweep(
        "not_shown",
        simulated(
            "outcomes.not_shown",
            Unit::Probability,
            "P(the trial reaches the final look and is not significant)",
            |it| it.outcomes.not_shown,
        ),
    ),
    in_sweep(
        "rejection_without_safety",
        simulated_if_any(
            "price_of_safety.rejection_without",
            Unit::Probability,
            "`rejection` of the same trials if adverse events stopped none of them; absent if they cannot",
            |it| it.price_of_safety.as_ref().map(|price| price.rejection_without),
        ),
    ),
    in_sweep(
        "rejection_lost_to_safety",
        simulated_if_any(
            "price_of_safety.lost",
            Unit::Probability,
            "power lost to safety stopping: P(stopped by adverse events, and efficacy without that stop)",
            |it| it.price_of_safety.as_ref().map(|price| price.lost),
        ),
    ),
    simulated_if_any(
        "price_of_safety.stopped",
        Unit::Probability,
        "P(stopped by adverse events)",
        |it| it.price_of_safety.as_ref().map(|price| price.stopped),
    ),
    in_sweep(
        "n_randomised_mean",
        simulated(
            "n_randomised.mean",
            Unit::Patients,
            "expected number of patients randomised by the decision",
            |it| it.n_randomised.mean,
        ),
    ),
    in_sweep(
        "n_randomised_p80",
        simulated("n_randomised.p80", Unit::Patients, "80th percentile of that number", |it| {
            it.n_randomised.p80
        }),
    ),
    in_sweep(
        "n_randomised_p95",
        simulated("n_randomised.p95", Unit::Patients, "95th percentile of that number", |it| {
            it.n_randomised.p95
        }),
    ),
    in_sweep(
        "n_randomised_max",
        extreme("n_randomised.max", Unit::Patients, "largest such number simulated", |it| {
            it.n_randomised.max
        }),
    ),
    in_sweep(
        "n_analysed_mean",
        simulated(
            "n_analysed.mean",
            Unit::Patients,
            "expected number of outcomes in the analysis that ended the trial",
            |it| it.n_analysed.mean,
        ),
    ),
    in_sweep(
        "n_analysed_p80",
        simulated("n_analysed.p80", Unit::Patients, "80th percentile of that number", |it| {
            it.n_analysed.p80
        }),
    ),
    in_sweep(
        "n_analysed_p95",
        simulated("n_analysed.p95", Unit::Patients, "95th percentile of that number", |it| {
            it.n_analysed.p95
        }),
    ),
    in_sweep(
        "n_analysed_max",
        extreme("n_analysed.max", Unit::Patients, "largest such number simulated", |it| {
            it.n_analysed.max
        }),
    ),
    in_sweep(
        "duration_months",
        simulated(
            "duration_months",
            Unit::Months,
            "mean time from the opening of the trial to the decision",
            |it| it.duration_months,
        ),
    ),
    in_sweep(
        "overrun",
        simulated(
            "overrun",
            Unit::Patients,
            "mean number of patients randomised whose follow-up has not ended at the decision, over all \
         trials",
            |it| it.overrun,
        ),
    ),
    in_sweep(
        "reversal",
        simulated(
            "reversal",
            Unit::Probability,
            "P(the trial stopped early, and the analysis repeated with the outcomes of the overrun reaches \
         the other conclusion)",
            |it| it.reversal,
        ),
    ),
    in_sweep(
        "reversal_after_efficacy",
        simulated(
            "reversal_after_efficacy",
            Unit::Probability,
            "P(reversal after a stop for efficacy)",
            |it| it.reversal_after_efficacy,
        ),
    ),
    in_sweep(
        "reversal_after_futility",
        simulated(
            "reversal_after_futility",
            Unit::Probability,
            "P(reversal after a stop for futility)",
            |it| it.reversal_after_futility,
        ),
    ),
    in_sweep(
        "reversal_after_harm",
        simulated(
            "reversal_after_harm",
            Unit::Probability,
            "P(reversal after a stop for harm)",
            |it| it.reversal_after_harm,
        ),
    ),
    in_sweep(
        "estimate_scale",
        text("estimate.scale", "scale of the estimate", |it| Some(it.estimate.scale)),
    ),
    in_sweep(
        "estimate_truth",
        exact(
            "estimate.truth",
            Unit::Estimate,
            "value that the estimate approaches in ever larger trials; null if there is none, and under the \
         prior, where bias, error and coverage refer to the effect drawn for each replicate",
            |it| it.estimate.truth,
        ),
    ),
    in_sweep(
        "estimate_mean",
        simulated(
            "estimate.mean",
            Unit::Estimate,
            "mean estimate when the trial ends, ignoring the looks",
            |it| it.estimate.overall.mean,
        ),
    ),
    in_sweep(
        "estimate_bias",
        simulated("estimate.bias", Unit::Estimate, "mean estimate minus `truth`", |it| {
            it.estimate.overall.bias
        }),
    ),
    in_sweep(
        "estimate_rmse",
        simulated("estimate.rmse", Unit::Estimate, "root mean square error", |it| {
            it.estimate.overall.rmse
        }),
    ),
    in_sweep(
        "estimate_coverage",
        simulated("estimate.coverage", Unit::Probability, COVERAGE, |it| {
            it.estimate.overall.coverage
        }),
    ),
    in_sweep(
        "estimate_above_truth",
        simulated("estimate.above_truth", Unit::Probability, ABOVE_TRUTH, |it| {
            it.estimate.overall.above_truth
        }),
    ),
    in_sweep(
        "estimate_stopped_early_mean",
        simulated(
            "estimate.stopped_early.mean",
            Unit::Estimate,
            "mean estimate of trials that stopped at an interim look, ignoring the looks",
            |it| it.estimate.stopped_early.mean,
        ),
    ),
    in_sweep(
        "estimate_stopped_early_bias",
        simulated("estimate.stopped_early.bias", Unit::Estimate, BIAS, |it| {
            it.estimate.stopped_early.bias
        }),
    ),
    in_sweep(
        "estimate_stopped_early_rmse",
        simulated("estimate.stopped_early.rmse", Unit::Estimate, RMSE, |it| {
            it.estimate.stopped_early.rmse
        }),
    ),
    in_sweep(
        "estimate_stopped_early_coverage",
        simulated("estimate.stopped_early.coverage", Unit::Probability, COVERAGE, |it| {
            it.estimate.stopped_early.coverage
        }),
    ),
    in_sweep(
        "estimate_stopped_early_above_truth",
        simulated("estimate.stopped_early.above_truth", Unit::Probability, ABOVE_TRUTH, |it| {
            it.estimate.stopped_early.above_truth
        }),
    ),
    in_sweep(
        "estimate_with_overrun_mean",
        simulated(
            "estimate.with_overrun.mean",
            Unit::Estimate,
            "mean estimate once all patients randomised have completed follow-up",
            |it| it.estimate.with_overrun.mean,
        ),
    ),
    in_sweep(
        "estimate_with_overrun_bias",
        simulated("estimate.with_overrun.bias", Unit::Estimate, BIAS, |it| {
            it.estimate.with_overrun.bias
        }),
    ),
    in_sweep(
        "estimate_with_overrun_rmse",
        simulated("estimate.with_overrun.rmse", Unit::Estimate, RMSE, |it| {
            it.estimate.with_overrun.rmse
        }),
    ),
    in_sweep(
        "estimate_with_overrun_coverage",
        simulated("estimate.with_overrun.coverage", Unit::Probability, COVERAGE, |it| {
            it.estimate.with_overrun.coverage
        }),
    ),
    in_sweep(
        "estimate_with_overrun_above_truth",
        simulated("estimate.with_overrun.above_truth", Unit::Probability, ABOVE_TRUTH, |it| {
            it.estimate.with_overrun.above_truth
        }),
    ),
    in_sweep(
        "median_unbiased_mean",
        simulated(
            "estimate.median_unbiased.mean",
            Unit::Estimate,
            "mean of the median-unbiased estimate, by stage-wise ordering; it allows for stops at all \
         boundaries of the design, futility included, as if these were always followed",
            |it| it.estimate.median_unbiased.mean,
        ),
    ),
    in_sweep(
        "median_unbiased_bias",
        simulated("estimate.median_unbiased.bias", Unit::Estimate, BIAS, |it| {
            it.estimate.median_unbiased.bias
        }),
    ),
    in_sweep(
        "median_unbiased_rmse",
        simulated("estimate.median_unbiased.rmse", Unit::Estimate, RMSE, |it| {
            it.estimate.median_unbiased.rmse
        }),
    ),
    in_sweep(
        "median_unbiased_coverage",
        simulated("estimate.median_unbiased.coverage", Unit::Probability, COVERAGE, |it| {
            it.estimate.median_unbiased.coverage
        }),
    ),
    in_sweep(
        "median_unbiased_above_truth",
        simulated("estimate.median_unbiased.above_truth", Unit::Probability, ABOVE_TRUTH, |it| {
            it.estimate.median_unbiased.above_truth
        }),
    ),
    in_sweep(
        "median_unbiased_stopped_early_mean",
        simulated(
            "estimate.median_unbiased_stopped_early.mean",
            Unit::Estimate,
            "mean of the median-unbiased estimate in trials that stopped at an interim look",
            |it| it.estimate.median_unbiased_stopped_early.mean,
        ),
    ),
    in_sweep(
        "median_unbiased_stopped_early_bias",
        simulated("estimate.median_unbiased_stopped_early.bias", Unit::Estimate, BIAS, |it| {
            it.estimate.median_unbiased_stopped_early.bias
        }),
    ),
    in_sweep(
        "median_unbiased_stopped_early_rmse",
        simulated("estimate.median_unbiased_stopped_early.rmse", Unit::Estimate, RMSE, |it| {
            it.estimate.median_unbiased_stopped_early.rmse
        }),
    ),
    in_sweep(
        "median_unbiased_stopped_early_coverage",
        simulated(
            "estimate.median_unbiased_stopped_early.coverage",
            Unit::Probability,
            COVERAGE,
            |it| it.estimate.median_unbiased_stopped_early.coverage,
        ),
    ),
    in_sweep(
        "median_unbiased_stopped_early_above_truth",
        simulated(
            "estimate.median_unbiased_stopped_early.above_truth",
            Unit::Probability,
            ABOVE_TRUTH,
            |it| it.estimate.median_unbiased_stopped_early.above_truth,
        ),
    ),
    in_sweep(
        "fit_failures",
        count(
            "fit_failures",
            Unit::Replicates,
            "replicates without an estimate when the trial ends (an arm is empty; a ratio with all outcomes \
         alike or the arms separated); they stay in every denominator but the estimate's",
            |it| it.fit_failures,
        ),
    ),
    in_sweep(
        "failed_looks",
        count(
            "failed_looks",
            Unit::Looks,
            "looks without a statistic, over all replicates; such a look never stops a trial",
            |it| it.failed_looks,
        ),
    ),
];

const BIAS: &str = "its mean minus `truth`";
const RMSE: &str = "its root mean square error";
const COVERAGE: &str = "P(its 95 % confidence interval contains `truth`)";
const ABOVE_TRUTH: &str = "P(it exceeds `truth`), 0.5 without median bias";

/// Reads probabilities by look off the closed form.
fn by_look(
    analysis: &AnalysisSummary,
    of: fn(&crate::summary::NormalApproximation) -> &Vec<f64>,
) -> Vec<Reading<'static>> {
    let looks = analysis.normal_approximation.as_ref().map(of);
    exact_list(looks.into_iter().flatten().map(|&p| Some(p)))
}

/// Quantities of one look of one analysis. Means are over the replicates that reach the look.
pub const LOOK: &[Quantity<LookSummary>] = &[
    in_sweep(
        "planned_analysed",
        count("planned_analysed", Unit::Patients, "planned number of outcomes", |it| {
            u64::from(it.planned_analysed)
        }),
    ),
    exact("information_fraction", Unit::None, "planned share of the maximum information", |it| {
        Some(it.information_fraction)
    }),
    exact(
        "z_efficacy",
        Unit::Z,
        "planned efficacy boundary; null if the look cannot stop for efficacy. The boundary of the final \
         look is recomputed from the outcomes observed",
        |it| it.z_efficacy,
    ),
    exact("z_futility", Unit::Z, "planned futility boundary; null if there is none", |it| {
        it.z_futility
    }),
    exact("z_harm", Unit::Z, "planned harm boundary; null if there is none", |it| it.z_harm),
    in_sweep(
        "efficacy",
        simulated(
            "efficacy",
            Unit::Probability,
            "P(stop for efficacy at this look); at the final look, P(reject there)",
            |it| it.efficacy,
        ),
    ),
    simulated(
        "efficacy_cumulative",
        Unit::Probability,
        "P(efficacy at this look or earlier)",
        |it| it.efficacy_cumulative,
    ),
    in_sweep(
        "futility",
        simulated("futility", Unit::Probability, "P(stop for futility at this look)", |it| {
            it.futility
        }),
    ),
    simulated(
        "futility_cumulative",
        Unit::Probability,
        "P(futility at this look or earlier)",
        |it| it.futility_cumulative,
    ),
    in_sweep(
        "harm",
        simulated("harm", Unit::Probability, "P(stop for harm at this look)", |it| it.harm),
    ),
    simulated("harm_cumulative", Unit::Probability, "P(harm at this look or earlier)", |it| {
        it.harm_cumulative
    }),
    in_sweep(
        "safety",
        simulated_if_any(
            "safety",
            Unit::Probability,
            "P(stopped by adverse events at this look); absent if these cannot stop the trial",
            |it| it.safety,
        ),
    ),
    simulated_if_any(
        "safety_cumulative",
        Unit::Probability,
        "P(stopped by adverse events at this look or earlier)",
        |it| it.safety_cumulative,
    ),
    in_sweep(
        "reached",
        simulated("reached", Unit::Probability, "P(the look takes place)", |it| it.reached),
    ),
    in_sweep(
        "n_randomised",
        simulated(
            "n_randomised",
            Unit::Patients,
            "mean number of patients randomised by the day of the data",
            |it| it.n_randomised,
        ),
    ),
    in_sweep(
        "n_analysed",
        simulated(
            "n_analysed",
            Unit::Patients,
            "mean number of outcomes by that day, imputed ones not counted",
            |it| it.n_analysed,
        ),
    ),
    in_sweep(
        "overrun",
        simulated(
            "overrun",
            Unit::Patients,
            "mean number of patients randomised by that day whose follow-up has not ended",
            |it| it.overrun,
        ),
    ),
    in_sweep(
        "month",
        simulated("month", Unit::Months, "mean calendar month of the data", |it| it.month),
    ),
    in_sweep(
        "decision_month",
        simulated("decision.month", Unit::Months, "mean calendar month of the decision", |it| {
            it.decision.month
        }),
    ),
    in_sweep(
        "decision_n_randomised",
        simulated(
            "decision.n_randomised",
            Unit::Patients,
            "mean number of patients randomised by the decision",
            |it| it.decision.n_randomised,
        ),
    ),
    in_sweep(
        "decision_overrun",
        simulated(
            "decision.overrun",
            Unit::Patients,
            "mean number of these whose follow-up has not ended",
            |it| it.decision.overrun,
        ),
    ),
];

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
pub const SUBGROUP: &[Quantity<SubgroupSummary>] = &[simulated(
    "interaction",
    Unit::Probability,
    "P(the interaction of the factor with treatment is significant)",
    |it| it.interaction,
)];

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
        "mean share of each arm with the event, among all patients randomised when the first analysis \
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
        "share of allocations [guessed](#allocation) by an observer who knows the arms of all patients \
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

/// Quantities averaged over the prior.
pub const PRIOR: &[Quantity<PriorSummary>] =
    &[exact("probability_benefit", Unit::Probability, "prior P(common odds ratio > 1)", |it| {
        Some(it.probability_benefit)
    })];

/// Quantities of one component of the prior.
pub const COMPONENT: &[Quantity<Component>] = &[
    exact("weight", Unit::Probability, "weight in the mixture; the weights sum to 1", |it| {
        Some(it.weight)
    }),
    exact("mean", Unit::LogOddsRatio, "mean", |it| Some(it.mean)),
    exact(
        "sd",
        Unit::LogOddsRatio,
        "standard deviation, or scale of a t distribution; 0 puts all mass at the mean",
        |it| Some(it.sd),
    ),
    exact(
        "degrees_of_freedom",
        Unit::None,
        "degrees of freedom of a t distribution; absent for a normal one",
        |it| it.degrees_of_freedom,
    ),
];

/// Quantities of one analysis averaged over the prior.
pub const PRIOR_ANALYSIS: &[Quantity<PriorAnalysis>] = &[
    simulated(
        "assurance",
        Unit::Probability,
        "P(efficacy at any look), averaged over the prior",
        |it| it.assurance,
    ),
    exact(
        "assurance_by_formula",
        Unit::Probability,
        "`normal_approximation` averaged over the prior by quadrature; null if it has no value",
        |it| it.assurance_by_formula,
    ),
    simulated(
        "probability_benefit_given_rejection",
        Unit::Probability,
        "P(true odds ratio > 1), given efficacy",
        |it| it.probability_benefit_given_rejection,
    ),
    simulated(
        "probability_benefit_given_no_rejection",
        Unit::Probability,
        "P(true odds ratio > 1), given no efficacy",
        |it| it.probability_benefit_given_no_rejection,
    ),
    simulated(
        "predictive.mean",
        Unit::Estimate,
        "mean of the predictive distribution of the estimate, before the trial starts",
        |it| it.predictive.mean,
    ),
    simulated("predictive.sd", Unit::Estimate, "its standard deviation", |it| it.predictive.sd),
    simulated(
        "predictive.p2_5",
        Unit::Estimate,
        "its 2.5th percentile; percentiles are of estimates rounded to 1/4096 and clamped to ±8",
        |it| it.predictive.p2_5,
    ),
    simulated("predictive.p25", Unit::Estimate, "its lower quartile", |it| it.predictive.p25),
    simulated("predictive.p50", Unit::Estimate, "its median", |it| it.predictive.p50),
    simulated("predictive.p75", Unit::Estimate, "its upper quartile", |it| it.predictive.p75),
    simulated("predictive.p97_5", Unit::Estimate, "its 97.5th percentile", |it| {
        it.predictive.p97_5
    }),
];

/// Quantities of the procedures under the alternative, over all patients of trials that run to their end.
pub const PROCEDURE: &[Quantity<ProcedureSummary>] = &[
    exact("screening_yield", Unit::Probability, "share of the screened who are randomised", |it| {
        Some(it.screening_yield)
    }),
    exact(
        "screened",
        Unit::Patients,
        "expected number screened for all patients randomised",
        |it| Some(it.screened),
    ),
    exact("randomised_per_month", Unit::Patients, "accrual per month at its full rate", |it| {
        Some(it.randomised_per_month)
    }),
    text(
        "haemorrhage_definition",
        "definition of haemorrhage, as in the scenario; null without haemorrhage",
        |it| it.haemorrhage_definition.as_deref(),
    ),
    exact(
        "difference",
        Unit::Probability,
        "P(mRS 0–2) in the experimental arm minus that in the control arm",
        |it| Some(it.difference),
    ),
    exact(
        "decomposition.reperfusion",
        Unit::Probability,
        "part of `difference` by reperfusion",
        |it| part(it, "reperfusion"),
    ),
    exact("decomposition.passes", Unit::Probability, "part by the number of passes", |it| {
        part(it, "passes")
    }),
    exact("decomposition.patency", Unit::Probability, "part by patency at follow-up", |it| {
        part(it, "patency")
    }),
    exact("decomposition.stent itself", Unit::Probability, "part by the stent itself", |it| {
        part(it, "stent itself")
    }),
    exact(
        "decomposition.haemorrhage and perforation, survived",
        Unit::Probability,
        "part by haemorrhages and perforations that patients survive",
        |it| part(it, "haemorrhage and perforation, survived"),
    ),
    exact(
        "decomposition.fatal complications",
        Unit::Probability,
        "part by fatal complications; the parts add up to `difference`",
        |it| part(it, "fatal complications"),
    ),
];

fn part(summary: &ProcedureSummary, name: &str) -> Option<f64> {
    summary.decomposition.iter().find(|(way, _)| *way == name).map(|&(_, value)| value)
}

/// Quantities of one arm's procedures.
pub const ARM: &[Quantity<ArmSummary>] =
    &[list("mrs", Unit::Probability, "shares of mRS 0 to 6", |it| {
        it.mrs.map(Reading::Checked).to_vec()
    })];

/// Quantities of one group of an arm's patients. Measures are means within the group.
pub const GROUP: &[Quantity<GroupSummary>] =
    &[
        checked("share", Unit::Probability, "share of the arm's patients", |it| it.share),
        checked("measures.functional_independence", Unit::Probability, "P(mRS 0–2)", |it| {
            it.measures["functional_independence"]
        }),
        checked("measures.mortality", Unit::Probability, "P(mRS 6)", |it| it.measures["mortality"]),
        checked(
            "measures.haemorrhage",
            Unit::Probability,
            "P(haemorrhage)",
            |it| it.measures["haemorrhage"],
        ),
        checked(
            "measures.perforation",
            Unit::Probability,
            "P(perforation)",
            |it| it.measures["perforation"],
        ),
        checked(
            "measures.reperfusion",
            Unit::Probability,
            "P(open at the end of the procedure)",
            |it| it.measures["reperfusion"],
        ),
        checked(
            "measures.patency",
            Unit::Probability,
            "P(open at follow-up), of the stents that opened",
            |it| it.measures["patency"],
        ),
        checked("measures.stented", Unit::Probability, "P(stented)", |it| it.measures["stented"]),
        checked("measures.passes", Unit::Passes, "mean number of passes in all", |it| {
            it.measures["passes"]
        }),
        checked_if_any(
            "minutes.mean",
            Unit::Minutes,
            "mean time from puncture to end; null without times",
            |it| it.minutes.as_ref().map(|minutes| minutes.mean),
        ),
        checked_if_any("minutes.p25", Unit::Minutes, "its lower quartile", |it| {
            it.minutes.as_ref().map(|minutes| minutes.p25)
        }),
        checked_if_any("minutes.median", Unit::Minutes, "its median", |it| {
            it.minutes.as_ref().map(|minutes| minutes.median)
        }),
        checked_if_any("minutes.p75", Unit::Minutes, "its upper quartile", |it| {
            it.minutes.as_ref().map(|minutes| minutes.p75)
        }),
    ];

/// Quantities after one number of passes. Shares are of the arm's patients unless stated otherwise.
pub const PASS: &[Quantity<PassSummary>] = &[
    count("passes", Unit::Passes, "number of passes in all", |it| it.passes as u64),
    checked("attempted", Unit::Probability, "share with this pass after randomisation", |it| {
        it.attempted
    }),
    checked(
        "success",
        Unit::Probability,
        "share of these passes that reperfuse, lasting or not",
        |it| it.success,
    ),
    checked("reperfused", Unit::Probability, "share whose procedure ends here, reperfused", |it| {
        it.reperfused
    }),
    checked("stented", Unit::Probability, "share stented here", |it| it.stented),
    checked(
        "unopened",
        Unit::Probability,
        "share whose procedure ends here with the vessel closed",
        |it| it.unopened,
    ),
];
