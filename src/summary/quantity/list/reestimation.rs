//! Quantities of trials that re-estimate their number of patients.

use super::{exact, extreme, in_sweep, simulated, simulated_if_any, text};
use crate::summary::quantity::{Quantity, Unit};
use crate::summary::{ReestimationSummary, ZoneSummary};

/// Quantities of a re-estimation under one truth, as one analysis sees it.
pub const REESTIMATION: &[Quantity<ReestimationSummary>] = &[
    text("rule", "name of the rule", |it| Some(it.rule)),
    simulated("reached", Unit::Probability, "P(the look that re-estimates takes place)", |it| {
        it.reached
    }),
    in_sweep(
        "size_increased",
        simulated(
            "increased",
            Unit::Probability,
            "P(more patients than planned at the final look)",
            |it| it.increased,
        ),
    ),
    in_sweep(
        "size_decreased",
        simulated(
            "decreased",
            Unit::Probability,
            "P(fewer patients than planned at the final look)",
            |it| it.decreased,
        ),
    ),
    in_sweep(
        "size_at_maximum",
        simulated(
            "at_maximum",
            Unit::Probability,
            "P(the largest number of patients at the final look)",
            |it| it.at_maximum,
        ),
    ),
    simulated(
        "paused",
        Unit::Probability,
        "P(recruitment paused for the decision, and more patients followed)",
        |it| it.paused,
    ),
    in_sweep(
        "size_final_mean",
        simulated(
            "final_size.mean",
            Unit::Patients,
            "mean number of patients of trials that reached the final look",
            |it| it.final_size.mean,
        ),
    ),
    simulated("final_size.p50", Unit::Patients, "their median", |it| it.final_size.p50),
    simulated("final_size.p80", Unit::Patients, "their 80th percentile", |it| it.final_size.p80),
    simulated("final_size.p90", Unit::Patients, "their 90th percentile", |it| it.final_size.p90),
    simulated("final_size.p95", Unit::Patients, "their 95th percentile", |it| it.final_size.p95),
    extreme("final_size.max", Unit::Patients, "most patients at a final look", |it| {
        it.final_size.max
    }),
    in_sweep(
        "size_rejection_weighted",
        simulated_if_any(
            "weighted",
            Unit::Probability,
            "P(efficacy) if the statistic of a changed size is the weighted one",
            |it| it.weighted,
        ),
    ),
    in_sweep(
        "size_rejection_conventional",
        simulated_if_any(
            "conventional",
            Unit::Probability,
            "P(efficacy) if the statistic of a changed size is the conventional one",
            |it| it.conventional,
        ),
    ),
    exact(
        "integrated.weighted",
        Unit::Probability,
        "P(efficacy) by the weighted statistic, by numerical integration",
        |it| it.integrated.as_ref().map(|it| it.weighted),
    ),
    exact(
        "integrated.conventional",
        Unit::Probability,
        "P(efficacy) by the conventional statistic, by numerical integration",
        |it| it.integrated.as_ref().map(|it| it.conventional),
    ),
    exact(
        "integrated.fixed",
        Unit::Probability,
        "P(efficacy) without re-estimation, by numerical integration",
        |it| it.integrated.as_ref().map(|it| it.fixed),
    ),
    exact(
        "integrated.expected_analysed",
        Unit::Patients,
        "mean number of outcomes, by numerical integration",
        |it| it.integrated.as_ref().map(|it| it.expected_analysed),
    ),
    exact(
        "integrated.at_maximum",
        Unit::Probability,
        "P(the largest number of patients), by numerical integration",
        |it| it.integrated.as_ref().map(|it| it.at_maximum),
    ),
    simulated(
        "naive_changed.mean",
        Unit::Estimate,
        "mean conventional estimate of trials whose size changed",
        |it| it.naive_changed.mean,
    ),
    simulated("naive_changed.bias", Unit::Estimate, "its bias", |it| it.naive_changed.bias),
    simulated("naive_changed.rmse", Unit::Estimate, "its root mean square error", |it| {
        it.naive_changed.rmse
    }),
    simulated("naive_changed.coverage", Unit::Probability, "coverage of its 95 % interval", |it| {
        it.naive_changed.coverage
    }),
    simulated("naive_changed.above_truth", Unit::Probability, "P(it exceeds the truth)", |it| {
        it.naive_changed.above_truth
    }),
    simulated(
        "weighted_changed.mean",
        Unit::Estimate,
        "mean weighted estimate of trials whose size changed",
        |it| it.weighted_changed.mean,
    ),
    simulated("weighted_changed.bias", Unit::Estimate, "its bias", |it| it.weighted_changed.bias),
    simulated("weighted_changed.rmse", Unit::Estimate, "its root mean square error", |it| {
        it.weighted_changed.rmse
    }),
    simulated(
        "weighted_changed.coverage",
        Unit::Probability,
        "coverage of its 95 % interval",
        |it| it.weighted_changed.coverage,
    ),
    simulated("weighted_changed.above_truth", Unit::Probability, "P(it exceeds the truth)", |it| {
        it.weighted_changed.above_truth
    }),
];

/// Quantities of one zone of the interim result.
pub const ZONE: &[Quantity<ZoneSummary>] = &[
    text("zone", "name of the zone", |it| Some(it.zone)),
    simulated("probability", Unit::Probability, "P(the interim result is in the zone)", |it| {
        it.probability
    }),
    exact("probability_integrated", Unit::Probability, "the same by integration", |it| {
        it.probability_integrated
    }),
    simulated("rejection", Unit::Probability, "P(efficacy given the zone)", |it| it.rejection),
    exact("rejection_integrated", Unit::Probability, "the same by integration", |it| {
        it.rejection_integrated
    }),
    simulated(
        "n_randomised",
        Unit::Patients,
        "mean number of patients randomised, given the zone",
        |it| it.n_randomised,
    ),
    simulated("n_analysed", Unit::Patients, "mean number of outcomes, given the zone", |it| {
        it.n_analysed
    }),
    exact("n_analysed_integrated", Unit::Patients, "the same by integration", |it| {
        it.n_analysed_integrated
    }),
];
