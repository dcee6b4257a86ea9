//! The population of a traced trial: what decided on its levels.

use serde::Serialize;

use crate::design::enrichment::MOST_LEVELS;
use crate::num::finite;
use crate::scenario::PopulationRule;
use crate::trial::{FollowedCohort, TrialResult};

/// The population of one trial.
#[derive(Debug, Clone, Serialize)]
pub struct PopulationTrace {
    /// Name of the rule, as in the scenario.
    pub rule: &'static str,
    /// Name of the factor.
    pub factor: String,
    /// Number of the look that restricted the population, from 1; `None` if none did.
    pub restricted_at: Option<u8>,
    /// Levels of the factor.
    pub levels: Vec<LevelTrace>,
    /// Z against the effect assumed, of the population that was judged last by nested selection; `None`
    /// if none was.
    pub z_against_effect: Option<f64>,
    /// Patients randomised who are of levels that were dropped later.
    pub excluded: u32,
    /// People who had arrived, eligible or not, when the last patient was randomised.
    pub screened: u32,
}

/// A level of the factor in one trial.
#[derive(Debug, Clone, Serialize)]
pub struct LevelTrace {
    /// Name of the level.
    pub level: String,
    /// Z at the look that decided on the levels: of the level by a closed test, of the level with all those
    /// before it by nested selection; `None` if it was not computed or there is none.
    pub z_at_look: Option<f64>,
    /// Conditional or predictive power of the level at that look; with Bayesian decisions, predictive
    /// probability of success in the level and those before it at the look that first dropped one. `None`
    /// by nested selection, and if it was not computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
    /// Whether the level was left when the trial ended.
    pub left: bool,
    /// Z of the level at the end of a closed test, the least of the intersections that it belongs to;
    /// `None` if it was not tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub combined_z: Option<f64>,
    /// Whether an effect was shown in it.
    pub shown: bool,
}

impl PopulationTrace {
    /// Whether no level was left when the trial ended.
    pub fn is_empty(&self) -> bool {
        self.levels.iter().all(|level| !level.left)
    }
}

impl FollowedCohort<'_, '_> {
    /// Traces the population of the trial that was simulated last; `None` if the scenario has no rule for
    /// it.
    pub(super) fn population_trace(&mut self, trial: &TrialResult) -> Option<PopulationTrace> {
        let scenario = self.simulator.scenario;
        let adaptation = scenario.adaptation.population.as_ref()?;
        let written = scenario.file().adaptation.as_ref()?.population.as_ref()?;
        let factor = scenario.adapted_factor()?;
        let (result, current) = (trial.population?, self.population?);
        let evidence = current.evidence;
        // Computed for the trace alone: a run needs to know only on which side of the threshold they are.
        let predictions = match (adaptation.rule, current.restricted_at) {
            (PopulationRule::PredictiveProbability { .. }, Some(look)) => {
                self.predictions(self.analysis(trial.analysis), adaptation, look)
            }
            (PopulationRule::PredictiveProbability { .. }, None)
            | (PopulationRule::ClosedTest { .. } | PopulationRule::NestedSelection { .. }, _) => {
                [f64::NAN; MOST_LEVELS]
            }
        };
        let levels = factor.levels.iter().enumerate().map(|(at, level)| {
            // NaN in trials that ended before, which have no such look.
            let z = evidence.at_look[at];
            LevelTrace {
                level: level.clone(),
                z_at_look: finite(z),
                power: match adaptation.rule {
                    PopulationRule::ClosedTest { test, .. } => {
                        (!z.is_nan()).then(|| test.expected_power(z))
                    }
                    PopulationRule::NestedSelection { .. } => None,
                    PopulationRule::PredictiveProbability { .. } => finite(predictions[at]),
                },
                left: result.levels.has(at),
                combined_z: finite(evidence.combined[at]),
                shown: result.rejected.has(at),
            }
        });
        Some(PopulationTrace {
            rule: written.rule(),
            factor: factor.name.clone(),
            restricted_at: result.restricted_at,
            levels: levels.collect(),
            z_against_effect: finite(evidence.against_effect),
            excluded: result.excluded,
            screened: result.screened,
        })
    }
}
