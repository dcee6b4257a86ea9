//! Latent difficulty: some vessels are hard to open, and their patients have worse outcomes.
//!
//! Difficulty is standard normal among all screened patients. Observable quantities depend on
//! it through smooth probabilities only, so the normal distribution is replaced by the nodes and
//! weights of a quadrature rule, and everything observable can be enumerated. The rule is the
//! trapezium's, whose error is exp(−2πd/h) for steps h where the nearest pole is d from the real
//! axis (Trefethen & Weideman 2014, SIAM Rev 56:385): a logistic curve of slope s has d = π/s, so
//! probabilities are right to 1e-9 for slopes up to 3, to 1e-6 at 5, to 1e-3 at 10.

use super::{MAX_PASSES, Parameters};
use crate::num::add_log_odds;
use crate::num::normal::density;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nodes of the rule, evenly spaced.
const NODES: usize = 64;
/// Outermost nodes, in standard deviations.
const REACH: f64 = 7.0;

/// Log odds lost per standard deviation of difficulty.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Difficulty {
    /// Log odds of every pass's success; `pass_success` is that of an average patient.
    #[schemars(range(min = -10.0, max = 10.0))]
    pub pass_success: f64,
    /// Log odds of a stent, at every decision of observed practice.
    #[schemars(range(min = -10.0, max = 10.0))]
    pub rescue_choice: f64,
    /// Log odds of a better outcome.
    #[schemars(range(min = -10.0, max = 10.0))]
    pub outcome: f64,
}

/// Class of patients with one difficulty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Class {
    /// Standard deviations above the mean.
    pub z: f64,
    /// Share of the screened patients.
    pub weight: f64,
    /// P(pass k reperfuses).
    pub success: [f64; MAX_PASSES],
    /// P(pass k reperfuses and the vessel stays open).
    pub lasting: [f64; MAX_PASSES],
}

impl Difficulty {
    /// Returns difficulties in standard deviations, with their weights; one class if difficulty has
    /// no effect.
    fn nodes(self) -> Vec<(f64, f64)> {
        // With one class no patient needs a draw of difficulty either.
        if self == Self::default() {
            return vec![(0.0, 1.0)];
        }
        let step = 2.0 * REACH / (NODES - 1) as f64;
        let nodes = (0..NODES).map(|i| i as f64 * step - REACH);
        // Weights of the trapezium rule, scaled to sum to 1 with the tails left out.
        let total: f64 = nodes.clone().map(density).sum();
        nodes.map(|z| (z, density(z) / total)).collect()
    }

    /// Computes the success of every pass in each class.
    pub(super) fn classes(self, parameters: &Parameters) -> Vec<Class> {
        self.nodes()
            .into_iter()
            .map(|(z, weight)| {
                let success =
                    parameters.pass_success.map(|p| add_log_odds(p, -self.pass_success * z));
                let lasting =
                    std::array::from_fn(|k| success[k] * (1.0 - parameters.reocclusion[k]));
                Class { z, weight, success, lasting }
            })
            .collect()
    }
}
