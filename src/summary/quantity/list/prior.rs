//! Quantities averaged over a prior.

use super::{exact, simulated};
use crate::evidence::prior::Component;
use crate::summary::quantity::{Quantity, Unit};
use crate::summary::{PriorAnalysis, PriorSummary};

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
