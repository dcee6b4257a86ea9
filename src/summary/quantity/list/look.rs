//! Quantities of one look of an analysis.

use super::{count, exact, in_sweep, simulated, simulated_if_any};
use crate::summary::LookSummary;
use crate::summary::quantity::{Quantity, Unit};

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
