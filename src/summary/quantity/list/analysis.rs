//! Quantities of an analysis, in the order of the columns of a sweep.

use super::{count, exact, exact_list, extreme, in_sweep, list, simulated, simulated_if_any, text};
use crate::summary::quantity::{Quantity, Reading, Unit};
use crate::summary::{AnalysisSummary, NormalApproximation};

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
        "`rejection` estimated with control variates; absent without them",
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
            "`rejection` by closed form; null if there is none",
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
        "n_randomised_p50",
        simulated("n_randomised.p50", Unit::Patients, "median of that number", |it| {
            it.n_randomised.p50
        }),
    ),
    in_sweep(
        "n_randomised_p80",
        simulated("n_randomised.p80", Unit::Patients, "80th percentile of that number", |it| {
            it.n_randomised.p80
        }),
    ),
    in_sweep(
        "n_randomised_p90",
        simulated("n_randomised.p90", Unit::Patients, "90th percentile of that number", |it| {
            it.n_randomised.p90
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
        "n_analysed_p50",
        simulated("n_analysed.p50", Unit::Patients, "median of that number", |it| {
            it.n_analysed.p50
        }),
    ),
    in_sweep(
        "n_analysed_p80",
        simulated("n_analysed.p80", Unit::Patients, "80th percentile of that number", |it| {
            it.n_analysed.p80
        }),
    ),
    in_sweep(
        "n_analysed_p90",
        simulated("n_analysed.p90", Unit::Patients, "90th percentile of that number", |it| {
            it.n_analysed.p90
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
            "value that the estimate approaches in ever larger trials without dropout and, per protocol and \
         as treated, if all patients adhered; null if there is none, and under the prior, where bias, error and coverage refer to the effect drawn for each replicate",
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
    of: fn(&NormalApproximation) -> &Vec<f64>,
) -> Vec<Reading<'static>> {
    let looks = analysis.normal_approximation.as_ref().map(of);
    exact_list(looks.into_iter().flatten().map(|&p| Some(p)))
}
