//! Parameters of a procedure, as a scenario states them.

use super::{Difficulty, MAX_PASSES, Minutes, Strategy};
use crate::num::logistic;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Log odds that are linear in the number of passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PerPass {
    /// Log odds without any pass.
    #[schemars(range(min = -20.0, max = 20.0))]
    pub intercept: f64,
    /// Log odds added by every pass.
    #[serde(default)]
    #[schemars(range(min = -20.0, max = 20.0))]
    pub per_pass: f64,
}

impl PerPass {
    /// Returns the probability after `passes`, with `extra` log odds.
    pub(super) fn probability(self, passes: usize, extra: f64) -> f64 {
        logistic(self.intercept + self.per_pass * passes as f64 + extra)
    }
}

/// Rescue stenting.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescue {
    /// P(the stent cannot be placed).
    pub failed_access: f64,
    /// P(the stent opens the vessel | placed) after 0, 1, … passes.
    pub success: [f64; MAX_PASSES + 1],
    /// P(open at follow-up | opened); 1 when `None`.
    pub patency: Option<PerPass>,
}

/// Symptomatic haemorrhage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Haemorrhage {
    /// Probability without a stent; 0 if `None`.
    pub risk: Option<PerPass>,
    /// Log odds added by a stent.
    pub stenting: f64,
    /// P(fatal).
    pub fatality: f64,
}

/// Perforation or dissection.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Perforation {
    /// Probability without a stent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub thrombectomy: f64,
    /// Probability with a stent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub stenting: f64,
    /// Probability that it is fatal.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fatality: f64,
}

/// Strategy of an arm, with crossover.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmPlan {
    /// Strategy for patients of the arm.
    pub strategy: Strategy,
    /// P(a patient is treated by the other arm's strategy instead).
    pub crossover: f64,
}

/// Parameters of procedures in a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// P(pass k reperfuses) of a patient of average difficulty, k = 1 … [`MAX_PASSES`].
    pub pass_success: [f64; MAX_PASSES],
    /// P(the vessel closes again immediately | pass k reperfused).
    pub reocclusion: [f64; MAX_PASSES],
    /// Stenting.
    pub rescue: Rescue,
    /// Haemorrhage.
    pub haemorrhage: Haemorrhage,
    /// Perforation.
    pub perforation: Perforation,
    /// Duration.
    pub minutes: Minutes,
    /// Effects of latent difficulty.
    pub difficulty: Difficulty,
    /// Passes after which patients are randomised, with their shares among the randomised (sum 1).
    pub randomised_after: Vec<(usize, f64)>,
    /// Largest number of passes after which a stent is early.
    pub early_until: usize,
    /// Plans of control and experimental arm.
    pub plans: [ArmPlan; 2],
}
