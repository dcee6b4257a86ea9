//! The conclusion of a look.

use serde::Serialize;

use super::effects::Effects;
use super::safety::SafetyCheck;
use crate::bayes::LookProbabilities;
use crate::design::Decision;
use crate::design::monitor::{Evidence, RunningTrial};

/// The conclusion of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LookConclusion {
    /// The boundary for efficacy is reached.
    Efficacy,
    /// The boundary for harm is reached.
    Harm,
    /// The boundary for futility is reached.
    Futility,
    /// An adverse event has crossed its boundary at an interim look.
    Safety,
    /// No boundary is reached at an interim look.
    Continue,
    /// No boundary is reached at the final look.
    NotSignificant,
}

impl LookConclusion {
    /// Whether the trial ends.
    pub fn stops(self) -> bool {
        match self {
            Self::Continue => false,
            Self::Efficacy | Self::Harm | Self::Futility | Self::Safety | Self::NotSignificant => {
                true
            }
        }
    }
}

/// The result of a look.
#[derive(Debug, Clone)]
pub struct LookResult {
    /// Conclusion from the outcomes alone.
    pub without_safety: LookConclusion,
    /// Conclusion from outcomes and adverse events.
    pub decision: LookConclusion,
    /// What the data imply.
    pub evidence: LookEvidence,
}

/// Bayesian decision of a look from the outcomes alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PosteriorLook {
    /// The decision.
    pub decision: Decision,
    /// What it is made on.
    pub probabilities: LookProbabilities,
}

/// What the data of a look imply.
#[derive(Debug, Clone)]
pub struct LookEvidence {
    /// Statistic; `None` if the outcomes give none.
    pub z: Option<f64>,
    /// Number of the look that stopped the trial, if the outcomes of the overrun have been added since.
    pub stopped_at: Option<usize>,
    /// Probabilities that follow from Z.
    pub evidence: Evidence,
    /// Estimates and intervals.
    pub effects: Effects,
    /// Adverse events of the scenario, in its order.
    pub safety: Vec<SafetyCheck>,
    /// Decision by posterior and predictive probabilities, in place of Z; `None` without Bayesian decisions.
    pub posterior: Option<PosteriorLook>,
}

impl LookResult {
    /// Compares Z and adverse events with their boundaries; without a statistic a trial never stops for
    /// its outcomes.
    pub(super) fn new(trial: &RunningTrial, evidence: LookEvidence) -> Self {
        let by_outcomes = match evidence.posterior {
            Some(posterior) => posterior.decision,
            None => evidence.z.map_or(Decision::Continue, |z| trial.decide(z)),
        };
        // Harm and futility may both be reached; the design says which one counts.
        let without_safety = match by_outcomes {
            Decision::Efficacy => LookConclusion::Efficacy,
            Decision::Harm => LookConclusion::Harm,
            Decision::Futility => LookConclusion::Futility,
            // At the final look there is nothing to continue.
            Decision::Continue if trial.is_final() => LookConclusion::NotSignificant,
            Decision::Continue => LookConclusion::Continue,
        };
        // As in a simulated trial, a stop for safety comes first, and at the final look there is nothing
        // to stop.
        let stops = !trial.is_final() && evidence.safety.iter().any(SafetyCheck::is_crossed);
        // Both are kept: a board must see that efficacy was crossed too when it stops for safety.
        let decision = if stops { LookConclusion::Safety } else { without_safety };
        Self { without_safety, decision, evidence }
    }
}
