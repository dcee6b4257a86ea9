//! The Bayesian decision of a look from data that were given.

use crate::analysis::OutcomeTable;
use crate::bayes::{
    DecisionCache, DecisionData, DecisionModel, EffectEstimate, LEAST_WEIGHT, LookPlace,
};
use crate::design::Decision;
use crate::design::monitor::RunningTrial;
use crate::scenario::{Analysis, Scenario};
use crate::trial::{RandomisedSoFar, expected_finally};

use super::data::LookData;
use super::outcomes::GivenOutcomes;
use super::{InvalidLook, PosteriorLook};

/// Decides by posterior and predictive probabilities; `None` if the scenario decides by Z.
///
/// The final analysis is taken to have the outcomes expected of the patients randomised and of those to come;
/// if the number randomised is not given, the planned outcomes by the allocation ratio.
pub fn posterior(
    scenario: &Scenario,
    analysis: &Analysis,
    trial: &RunningTrial,
    shown: &LookData,
    given: Option<&GivenOutcomes>,
    randomised: Option<[u32; 2]>,
) -> Result<Option<PosteriorLook>, InvalidLook> {
    let (Some(rules), Some(model)) = (&scenario.bayesian, &analysis.model) else {
        return Ok(None);
    };
    let total = trial.analysed()[trial.look()];
    let share = scenario.share_experimental_known();
    let outcomes = match given {
        // Only models of an estimate allow imputation, and they use the number of outcomes alone.
        Some(given) => given.seen.unwrap_or(given.all),
        None if model.needs_estimate() => unspecified(total, share),
        None => {
            let message = format!(
                "--z: the Bayesian model of \"{}\" needs the outcomes; expected: --control and --experimental, --control-mrs and --experimental-mrs, or --patients",
                analysis.name
            );
            return Err(InvalidLook(message));
        }
    };
    let observed = shown.estimate.zip(shown.standard_error);
    let observed = observed
        .filter(|(estimate, error)| estimate.is_finite() && *error > 0.0)
        .map(|(estimate, standard_error)| EffectEstimate { estimate, standard_error });
    let planned = f64::from(scenario.design.maximum_analysed());
    let shares = [1.0 - share, share];
    let known: [u32; 2] = outcomes.counts.map(|arm| arm.iter().sum());
    let source = if given.is_some_and(|given| given.randomised_so_far.is_some()) {
        "--patients"
    } else {
        "the counts of the arms"
    };
    enough_outcomes(model, known, source)?;
    let so_far = given
        .and_then(|given| given.randomised_so_far)
        .or(randomised.map(RandomisedSoFar::as_allocated));
    let later: [u32; 2] = match so_far {
        Some(so_far) => {
            let to_come = scenario.randomised.saturating_sub(so_far.total());
            expected_finally(scenario, so_far, to_come, known)
        }
        // An arm may already have more outcomes than planned, none of which can be taken back.
        None => std::array::from_fn(|arm| known[arm].max((planned * shares[arm]).round() as u32)),
    };
    let is_final = trial.is_final();
    // A trial that has skipped interim looks still ends by the rule of the final one.
    let look = if is_final { rules.success.len() - 1 } else { trial.look() };
    let place = LookPlace { look, is_final };
    let early = match (rules.early_known_after_days, given.and_then(|given| given.early)) {
        (None, _) => None,
        (Some(_), _) if is_final => None,
        (Some(_), Some(counts)) => Some(std::array::from_fn(|arm| {
            let to_come = later[arm] - known[arm];
            counts[arm].expected_to_complete(scenario.dropout[arm], to_come)
        })),
        (Some(_), None) => {
            let message = "--control: the predictive probability uses the early mRS of patients in the pipeline (design.bayesian.longitudinal); expected: --patients";
            return Err(InvalidLook(message.into()));
        }
    };
    let data = DecisionData { outcomes: &outcomes, observed, later, early: early.as_ref() };
    let mut cache = DecisionCache::default();
    let probabilities = rules.probabilities(model, place, data, &mut cache).ok_or_else(|| {
        InvalidLook(
            "--z: this look has no estimate with a standard error, which the Bayesian model needs; \
             expected: the counts of the arms"
                .into(),
        )
    })?;
    // As in a simulated trial, a look without a statistic decides nothing.
    let decision = match shown.z {
        Some(_) => rules.decide(model, place, data, &mut cache),
        None => Decision::Continue,
    };
    Ok(Some(PosteriorLook { decision, probabilities }))
}

/// Refuses so few outcomes in an arm that probabilities would take seconds. `source` names the option that
/// they are from.
pub(super) fn enough_outcomes(
    model: &DecisionModel,
    known: [u32; 2],
    source: &str,
) -> Result<(), InvalidLook> {
    let smaller = known[0].min(known[1]);
    model.too_small_weight(smaller).map_or(Ok(()), |weight| {
        Err(InvalidLook(format!(
            "{source}: {smaller} outcomes in an arm, which with the prior of mean utilities weigh {weight:.2}; \
             allowed: {LEAST_WEIGHT} or more"
        )))
    })
}

/// Returns a table of this many outcomes, of whose mRS nothing is known: the normal model uses their
/// number alone.
fn unspecified(total: u32, share_experimental: f64) -> OutcomeTable {
    let experimental = (f64::from(total) * share_experimental).round() as u32;
    let mut outcomes = OutcomeTable::default();
    outcomes.counts[0][0] = total - experimental;
    outcomes.counts[1][0] = experimental;
    outcomes
}
