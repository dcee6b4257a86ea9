//! Latent difficulty: some vessels are hard to open, and their patients fare worse.
//!
//! Difficulty is standard normal among all who are screened. What is seen of a patient depends on
//! it through smooth probabilities only, so the normal distribution is replaced by the nodes and
//! weights of a quadrature rule: everything observable has the same distribution to about 1e-9,
//! and it can be enumerated.

use super::{MAX_PASSES, Parameters};
use crate::num::normal::density;
use crate::num::quadrature::GaussLegendre;
use crate::num::{logistic, logit};

/// Nodes of the rule and where it ends, in standard deviations.
const NODES: usize = 48;
const REACH: f64 = 7.0;

/// Log odds lost per standard deviation of difficulty.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Difficulty {
    /// Of every pass's success.
    pub pass_success: f64,
    /// Of the operator's readiness to stent, at every decision of observed practice.
    pub rescue_choice: f64,
    /// Of a better outcome.
    pub outcome: f64,
}

/// Patients of one difficulty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Class {
    /// Standard deviations above the mean.
    pub z: f64,
    /// Share of those screened.
    pub weight: f64,
    /// P(pass k reperfuses).
    pub success: [f64; MAX_PASSES],
    /// P(pass k reperfuses for good).
    pub lasting: [f64; MAX_PASSES],
}

impl Difficulty {
    /// Difficulties in standard deviations, with their weights; one class when it does nothing.
    pub fn nodes(self) -> Vec<(f64, f64)> {
        if self == Self::default() {
            return vec![(0.0, 1.0)];
        }
        let rule = GaussLegendre::new(NODES);
        let nodes: Vec<(f64, f64)> =
            rule.on(-REACH, REACH).map(|(z, w)| (z, w * density(z))).collect();
        let total: f64 = nodes.iter().map(|(_, w)| w).sum();
        nodes.into_iter().map(|(z, w)| (z, w / total)).collect()
    }

    pub(super) fn classes(self, parameters: &Parameters) -> Vec<Class> {
        let class = |(z, weight): (f64, f64)| {
            let success = parameters.pass_success.map(|p| harder(p, self.pass_success * z));
            let lasting = std::array::from_fn(|k| success[k] * (1.0 - parameters.reocclusion[k]));
            Class { z, weight, success, lasting }
        };
        self.nodes().into_iter().map(class).collect()
    }
}

/// A probability with `lost` log odds taken away; impossible and certain stay so.
pub fn harder(p: f64, lost: f64) -> f64 {
    if lost == 0.0 || p <= 0.0 || p >= 1.0 { p } else { logistic(logit(p) - lost) }
}
