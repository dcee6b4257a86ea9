//! A look of a running trial: from the data that were given to what the design says.

mod changed;
mod checks;
mod conclusion;
mod data;
mod effects;
mod events;
mod outcomes;
mod population;
mod posterior;
mod safety;
pub mod typed;

pub use changed::{ChangedInput, ChangedLookData, UnblindedRule};
pub use conclusion::{LookConclusion, LookEvidence, LookResult, PosteriorLook};
pub use effects::Effects;
pub use events::GivenEvent;
pub use population::{JudgedPopulation, LevelFound, PopulationInput, PopulationLook};
pub use safety::{SafetyCheck, SafetyStatus};

use serde::Serialize;

use super::imbalance;
use crate::analysis::OutcomeTable;
use crate::design::inference::Belief;
use crate::design::monitor::RunningTrial;
use crate::expected::plausibility::{self, LookFacts};
use crate::outcome::{LEVELS, Mrs};
use crate::scenario::patients::TrialPatient;
use crate::scenario::{Analysis, Scenario};
use crate::trial::EventCounts;
use data::{LookData, PlannedEffect};
use outcomes::GivenOutcomes;

/// What is known at a look. An error names a value by its option of `rescuesim monitor`.
#[derive(Debug, Clone, PartialEq)]
pub struct LookInput {
    /// The look, from 1.
    pub look: usize,
    /// Whether the trial stopped at this look and the data are those of all its patients, including the
    /// overrun.
    pub overrun: bool,
    /// Outcomes at each look so far, or at this one alone; may be empty if the data have them.
    pub analysed: Vec<u32>,
    /// Z of the looks before; empty if it is not known.
    pub earlier_z: Vec<f64>,
    /// Data of this look.
    pub data: GivenData,
    /// Patients randomised to control and experimental arm, if known.
    pub randomised: Option<[u32; 2]>,
    /// Patients of both arms whose follow-up has ended without an mRS, if given.
    pub lost: Option<[u32; 2]>,
    /// Adverse events.
    pub events: Vec<GivenEvent>,
    /// Normal prior on the effect, on the scale of the analysis.
    pub prior: Option<Belief>,
}

/// Outcomes of a look, or their statistic.
#[derive(Debug, Clone, PartialEq)]
pub enum GivenData {
    /// Result of the analysis.
    Statistic(GivenStatistic),
    /// Successes and patients of control and experimental arm.
    Successes([EventCounts; 2]),
    /// Patients by mRS.
    Mrs {
        /// Control arm, seven numbers.
        control: Vec<u32>,
        /// Experimental arm, seven numbers.
        experimental: Vec<u32>,
    },
    /// Patients, in order of randomisation.
    Patients(Vec<TrialPatient>),
}

/// Result of an analysis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GivenStatistic {
    /// Z.
    pub z: f64,
    /// Estimate on the scale of the analysis, if given.
    pub estimate: Option<f64>,
}

/// Why the data of a look cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidLook(String);

/// Z at a look so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PathPoint {
    /// Number of the look, from 1.
    pub look: usize,
    /// Outcomes at the look.
    pub analysed: u32,
    /// Statistic.
    pub z: f64,
}

/// A look with its result.
#[derive(Debug, Clone)]
pub struct EvaluatedLook {
    /// The trial at this look.
    pub trial: RunningTrial,
    /// What the data imply.
    pub result: LookResult,
    /// Patients randomised to control and experimental arm, if known.
    pub randomised: Option<[u32; 2]>,
    /// Outcomes by arm and mRS, if given.
    pub counts: Option<[[u32; LEVELS]; 2]>,
    /// Outcomes on either side of a cut, if these alone were given.
    pub successes: Option<(Mrs, OutcomeTable)>,
    /// Z at the looks up to this one that are known.
    pub path: Vec<PathPoint>,
    /// What is implausible about the data, a sentence each.
    pub warnings: Vec<String>,
}

/// Evaluates a look by an analysis of the scenario.
///
/// # Errors
/// When the data contradict the scenario or each other, or are not enough for the analysis.
pub fn evaluate(
    scenario: &Scenario,
    analysis: &Analysis,
    input: &LookInput,
) -> Result<EvaluatedLook, InvalidLook> {
    checks::is_supported(scenario)?;
    let given = input.given(scenario, analysis)?;
    let given = given.as_ref();
    let plan = scenario.design.plan();
    let outcomes = input.outcomes(scenario, given.map(|given| given.all.total()))?;
    input.check_patients(scenario, &outcomes, given)?;
    let safety = input.safety(scenario, given)?;
    let trial = if input.overrun {
        RunningTrial::after_overrun(plan, &outcomes)
    } else {
        RunningTrial::new(plan, &outcomes)
    };
    let trial = trial.map_err(|error| InvalidLook(format!("--n, --look: {error}")))?;
    let planned = PlannedEffect::new(scenario, analysis);
    let data = match input.data {
        GivenData::Statistic(statistic) => {
            let analysed = trial.analysed()[trial.look()];
            LookData::of_statistic(analysis, &planned, analysed, statistic)?
        }
        GivenData::Successes(_) | GivenData::Mrs { .. } | GivenData::Patients(_) => {
            let given = given.expect("these are outcomes");
            LookData::of_test(analysis, &given.test)?
        }
    };
    // Counts without a statistic, such as no events in either arm, are no evidence in any
    // direction.
    let z = data.z.unwrap_or(0.0);
    let facts = input.facts(analysis, &trial, &data, given);
    // Only now: `safety` above has refused events that contradict each other.
    let facts = LookFacts { known_events: input.known_events(scenario, given), ..facts };
    let mut warnings = plausibility::implausible(scenario, &facts);
    warnings.extend(imbalance::implausible(scenario, &facts));
    let randomised = facts.randomised;
    let seen = given.and_then(|given| given.seen.as_ref());
    let posterior =
        posterior::posterior(scenario, analysis, &trial, &data, given, input.randomised)?;
    let belief = input.belief(analysis, &trial, &data)?;
    let evidence = LookEvidence {
        z: data.z,
        stopped_at: input.overrun.then_some(input.look),
        evidence: trial.evidence(z, planned.drift, belief),
        effects: Effects::new(&trial, analysis, &data, seen, input.overrun),
        safety,
        posterior,
    };
    Ok(EvaluatedLook {
        result: LookResult::new(&trial, evidence),
        randomised,
        counts: given.and_then(GivenOutcomes::by_mrs),
        successes: given.and_then(|given| given.by_cut(analysis)),
        path: input.path(&trial, data.z)?,
        warnings,
        trial,
    })
}

impl LookInput {
    fn belief(
        &self,
        analysis: &Analysis,
        trial: &RunningTrial,
        data: &LookData,
    ) -> Result<Option<Belief>, InvalidLook> {
        let Some(prior) = self.prior else { return Ok(None) };
        // The prior is on the scale of the effect and the drift on that of Z: the error translates.
        let Some((_, error)) = data.adjustable else {
            return Err(InvalidLook(
                "--prior-mean: this look has no standard error to measure the prior by; expected: \
                 none, or the counts of the arms"
                    .into(),
            ));
        };
        let null = analysis.method.null_effects().lower;
        Ok(Some(prior.as_drift(null, trial.information(), error)))
    }

    /// Returns the outcomes at the looks up to the current one, and after them those with the
    /// overrun.
    fn outcomes(&self, scenario: &Scenario, in_arms: Option<u32>) -> Result<Vec<u32>, InvalidLook> {
        let looks = scenario.design.looks();
        // No patients overrun the final look, which waits for all outcomes.
        let allowed = if self.overrun { looks.len() - 1 } else { looks.len() };
        if self.look == 0 || self.look > allowed {
            let which = if self.overrun { " with --overrun" } else { "" };
            let allowed = match allowed {
                0 => "none, as there are no interim looks".to_owned(),
                _ => format!("1 to {allowed}"),
            };
            return Err(InvalidLook(format!("--look is {}; allowed{which}: {allowed}", self.look)));
        }
        let mut outcomes: Vec<u32> = looks[..self.look].iter().map(|look| look.analysed).collect();
        // A place for the analysis with the overrun, filled below.
        outcomes.extend(self.overrun.then_some(0));
        let last = outcomes.len() - 1;
        let (when, all) = match self.overrun {
            true => (
                "after the overrun".to_owned(),
                format!("one number for each look up to {} and one after the overrun", self.look),
            ),
            false => (
                format!("at look {}", self.look),
                format!("one number for each of the looks up to {}", self.look),
            ),
        };
        let given = &self.analysed;
        // Both may be given, as --n also states the earlier looks; of this look they must agree.
        if let (Some(total), Some(&now)) = (in_arms, given.last())
            && now != total
        {
            return Err(
                self.wrong_outcomes(&format!("{total} {when}, as in the counts of the arms"))
            );
        }
        match (given.len(), in_arms) {
            (0, Some(total)) => outcomes[last] = total,
            // A single number is that of the current look: the looks before were as planned.
            (1, _) => outcomes[last] = given[0],
            (looks, _) if looks == outcomes.len() => outcomes.clone_from(given),
            _ => return Err(self.wrong_outcomes(&format!("the outcomes {when}, or {all}"))),
        }
        Ok(outcomes)
    }

    fn wrong_outcomes(&self, expected: &str) -> InvalidLook {
        let given: Vec<String> = self.analysed.iter().map(u32::to_string).collect();
        InvalidLook(format!("--n {}: expected {expected}", given.join(",")))
    }
}
