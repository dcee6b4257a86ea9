//! Least estimates that decide a look, interpolated between standard errors.
//!
//! Whether a posterior or predictive probability reaches a threshold is the same as whether the estimate
//! reaches a bound, since both rise with the estimate. The bound is smooth in the standard error, so that a
//! prior of many components, whose sums take microseconds, is asked once for a standard error nearby.

use std::collections::BTreeMap;

use super::EffectEstimate;

/// Step between nodes in the logarithm of the standard error.
// Interpolation by cubics errs by 3/128·step⁴ times the fourth derivative of the bound over the standard
// error: below 1e-8 for priors as narrow as the standard error (tests below).
const STEP: f64 = 0.01;

/// Distance from the bound, in standard errors, up to which it does not decide.
// A hundred times the error of the interpolation. The sums decide the rare estimate that is closer.
const TOO_CLOSE: f64 = 1e-6;

/// Nodes that are kept; their number is bounded only by the memory.
const MOST_NODES: usize = 100_000;

/// Bounds over the standard error, by question `Q` and node.
///
/// Values at nodes depend on question and node alone, so that answers do not depend on what was asked
/// before.
#[derive(Debug)]
pub(super) struct EstimateBounds<Q> {
    nodes: BTreeMap<Q, InterpolationGrid>,
    stored: usize,
}

/// Bounds over the standard error at nodes.
#[derive(Debug, Default)]
struct InterpolationGrid {
    /// The four nodes around each cell, by the node below it: found by one search in place of four.
    cells: BTreeMap<i32, Option<[f64; 4]>>,
    /// Bound over the standard error; `None` if there is none.
    nodes: BTreeMap<i32, Option<f64>>,
}

impl<Q> Default for EstimateBounds<Q> {
    fn default() -> Self {
        Self { nodes: BTreeMap::new(), stored: 0 }
    }
}

impl<Q: Ord> EstimateBounds<Q> {
    /// Returns whether an estimate reaches the bound, which `bound` computes for a standard error; `None`
    /// if it is too close to it, or there is no bound.
    pub fn reaches(
        &mut self,
        question: Q,
        observed: EffectEstimate,
        bound: impl Fn(f64) -> Option<f64>,
    ) -> Option<bool> {
        // A forgotten node is computed again to the same bits.
        if self.stored >= MOST_NODES {
            self.nodes.clear();
            self.stored = 0;
        }
        let EffectEstimate { estimate, standard_error } = observed;
        let place = libm::log(standard_error) / STEP;
        let below = place.floor();
        let Self { nodes, stored } = self;
        let InterpolationGrid { cells, nodes } = nodes.entry(question).or_default();
        let cell = cells.entry(below as i32).or_insert_with(|| {
            let mut z = [0.0; 4];
            for (offset, z) in (-1..).zip(&mut z) {
                let node = below as i32 + offset;
                let found = nodes.entry(node).or_insert_with(|| {
                    *stored += 1;
                    let at = libm::exp(f64::from(node) * STEP);
                    // In standard errors: the bound of a flat prior is then linear in 1/se, and
                    // smooth for others.
                    bound(at).map(|bound| bound / at)
                });
                // Beside a node without a bound nothing can be interpolated.
                *z = (*found)?;
            }
            Some(z)
        });
        let z = (*cell)?;
        let distance = estimate / standard_error - cubic(z, place - below);
        (distance.abs() > TOO_CLOSE).then_some(distance > 0.0)
    }
}

/// Interpolates values at −1, 0, 1 and 2 by the cubic through them.
fn cubic(values: [f64; 4], x: f64) -> f64 {
    let [before, left, right, after] = values;
    -x * (x - 1.0) * (x - 2.0) / 6.0 * before + (x + 1.0) * (x - 1.0) * (x - 2.0) / 2.0 * left
        - (x + 1.0) * x * (x - 2.0) / 2.0 * right
        + (x + 1.0) * x * (x - 1.0) / 6.0 * after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayes::{NormalMixture, NormalPrior, Planned};
    use crate::evidence::prior::{Component, EffectPrior};

    fn sceptical(degrees_of_freedom: Option<f64>) -> NormalPrior {
        let component = |weight, mean, sd| Component { weight, mean, sd, degrees_of_freedom };
        let prior = EffectPrior::new(vec![component(0.7, 0.0, 0.2), component(0.3, 0.3, 0.5)]);
        NormalPrior::Mixture(NormalMixture::new(&prior))
    }

    #[test]
    fn interpolated_bounds_are_those_of_the_search() {
        for prior in [sceptical(None), sceptical(Some(4.0)), sceptical(Some(1.0))] {
            for standard_error in [0.08, 0.1234, 0.21, 0.4, 0.77] {
                for probability in [0.05, 0.9, 0.99] {
                    let exact = prior.estimate_needed(standard_error, 0.05, probability);
                    let exact = exact.expect("within reach");
                    for side in [-1.0, 1.0] {
                        let estimate = exact + side * 2.0 * TOO_CLOSE * standard_error;
                        let observed = EffectEstimate { estimate, standard_error };
                        let reaches = EstimateBounds::default().reaches((), observed, |error| {
                            prior.estimate_needed(error, 0.05, probability)
                        });
                        assert_eq!(reaches, Some(side > 0.0), "{standard_error} {probability}");
                    }
                }
            }
        }
    }

    #[test]
    fn interpolated_predictions_are_those_of_the_sums() {
        let prior = sceptical(Some(4.0));
        let planned = |standard_error: f64| {
            let needed = prior.estimate_needed(standard_error * 0.4_f64.sqrt(), 0.0, 0.975);
            let estimate_needed = needed.expect("within reach");
            Planned { information_fraction: 0.4, estimate_needed }
        };
        let mut bounds = EstimateBounds::default();
        let mut decided = [0, 0];
        for i in 0..400 {
            let standard_error = 0.2 + 0.0005 * f64::from(i);
            let estimate = 0.0015 * f64::from(i * 7 % 400);
            let observed = EffectEstimate { estimate, standard_error };
            let exact = prior.predictive_probability(observed, planned(standard_error)) >= 0.2;
            let reaches = bounds.reaches((), observed, |error| {
                prior.estimate_predicting(error, planned(error), 0.2)
            });
            assert_eq!(reaches, Some(exact), "{i}");
            decided[usize::from(exact)] += 1;
        }
        assert!(decided[0] > 50 && decided[1] > 50, "{decided:?}");
    }
}
