//! Quantities of trials whose population may be restricted.

use super::{exact, in_sweep, simulated, simulated_if_any, text};
use crate::summary::quantity::{Quantity, Unit};
use crate::summary::{LevelSummary, PopulationChoice, PopulationSummary};

/// Quantities of restrictions under one truth, as one analysis sees them.
pub const POPULATION: &[Quantity<PopulationSummary>] = &[
    text("rule", "name of the rule", |it| Some(it.rule)),
    text("factor", "name of the factor", |it| Some(&it.factor)),
    in_sweep(
        "population_restricted",
        simulated(
            "restricted",
            Unit::Probability,
            "P(the population was restricted to some of the levels)",
            |it| it.restricted,
        ),
    ),
    in_sweep(
        "population_stopped",
        simulated(
            "stopped",
            Unit::Probability,
            "P(no level was left, which ended the trial)",
            |it| it.stopped,
        ),
    ),
    in_sweep(
        "familywise_error",
        simulated(
            "familywise_error",
            Unit::Probability,
            "P(an effect was shown in at least one level, or a population selected, without any)",
            |it| it.familywise_error,
        ),
    ),
    simulated_if_any(
        "all_shown",
        Unit::Probability,
        "P(an effect was shown in all levels that have one)",
        |it| it.all_shown,
    ),
    in_sweep(
        "right_population",
        simulated(
            "right_population",
            Unit::Probability,
            "P(the levels left are exactly those with an effect, and adverse events did not stop the trial; if \
             none has, the trial stopped early without a rejection)",
            |it| it.right_population,
        ),
    ),
    simulated(
        "excluded",
        Unit::Patients,
        "mean number of patients randomised who are of levels that were dropped later",
        |it| it.excluded,
    ),
    simulated(
        "screened",
        Unit::Patients,
        "mean number of people who had arrived, eligible or not, when the last patient was randomised",
        |it| it.screened,
    ),
    exact(
        "integrated.rejection",
        Unit::Probability,
        "P(an effect is shown in at least one level) by numerical integration",
        |it| Some(it.integrated.as_ref()?.rejection),
    ),
    exact(
        "integrated.familywise_error",
        Unit::Probability,
        "P(an effect is shown in at least one level without any) by numerical integration",
        |it| Some(it.integrated.as_ref()?.familywise_error),
    ),
    exact(
        "integrated.restricted",
        Unit::Probability,
        "P(the population is restricted) by numerical integration",
        |it| Some(it.integrated.as_ref()?.restricted),
    ),
    exact(
        "integrated.stopped",
        Unit::Probability,
        "P(no level is left) by numerical integration",
        |it| Some(it.integrated.as_ref()?.stopped),
    ),
    exact(
        "integrated.right_population",
        Unit::Probability,
        "P(the levels left are exactly those with an effect; if none has, the trial stops) by numerical \
         integration",
        |it| Some(it.integrated.as_ref()?.right_population),
    ),
];

/// Quantities of a level of the factor.
pub const POPULATION_LEVEL: &[Quantity<LevelSummary>] = &[
    text("factor", "name of the factor", |it| Some(&it.factor)),
    text("level", "name of the level", |it| Some(&it.level)),
    simulated("dropped", Unit::Probability, "P(the level was not left)", |it| it.dropped),
    exact("dropped_integrated", Unit::Probability, "the same by numerical integration", |it| {
        it.dropped_integrated
    }),
    simulated("shown", Unit::Probability, "P(an effect was shown in the level)", |it| it.shown),
    exact("shown_integrated", Unit::Probability, "the same by numerical integration", |it| {
        it.shown_integrated
    }),
];

/// Quantities of a population that may be left.
pub const POPULATION_CHOICE: &[Quantity<PopulationChoice>] = &[
    text("population", "levels that were left", |it| Some(&it.population)),
    simulated("probability", Unit::Probability, "P(they were left)", |it| it.probability),
    simulated("rejection", Unit::Probability, "P(efficacy given that)", |it| it.rejection),
    simulated("n_randomised", Unit::Patients, "mean number of patients randomised then", |it| {
        it.n_randomised
    }),
    simulated("duration_months", Unit::Months, "mean duration then", |it| it.duration_months),
    exact("truth", Unit::Estimate, "effect in them", |it| it.truth),
    simulated("estimate.mean", Unit::Estimate, "mean estimate in them", |it| it.estimate.mean),
    simulated("estimate.bias", Unit::Estimate, "its bias", |it| it.estimate.bias),
    simulated("estimate.rmse", Unit::Estimate, "its root mean square error", |it| it.estimate.rmse),
    simulated("estimate.coverage", Unit::Probability, "coverage of its 95 % interval", |it| {
        it.estimate.coverage
    }),
    simulated("estimate.above_truth", Unit::Probability, "P(it exceeds the truth)", |it| {
        it.estimate.above_truth
    }),
];
