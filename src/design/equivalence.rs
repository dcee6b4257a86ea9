//! Stopping probabilities of equivalence by two one-sided tests, at any number of looks.

use super::boundaries::{Boundaries, StoppingProbabilities};
use super::recursion::{Continuation, Region, finest_increment};

/// Means of the statistics against both margins at the maximum information: the estimate less the lower
/// margin, and the upper margin less the estimate, over the same standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EquivalenceDrifts {
    /// Mean of Z against the lower margin.
    pub above_lower: f64,
    /// Mean of Z against the upper margin.
    pub below_upper: f64,
}

impl EquivalenceDrifts {
    /// Returns the means with `factor` times the information.
    #[must_use]
    pub fn with_information(self, factor: f64) -> Self {
        let root = factor.sqrt();
        Self { above_lower: root * self.above_lower, below_upper: root * self.below_upper }
    }

    /// Returns the estimates, in standard errors from the true effect, for which both statistics are above a
    /// bound at the given information; the lower end is above the upper one if there are none.
    fn beyond(self, bound: f64, information: f64) -> Region {
        let Self { above_lower, below_upper } = self.with_information(information);
        Region { lower: bound - above_lower, upper: below_upper - bound }
    }
}

impl Boundaries {
    /// Computes stopping probabilities when the smaller of two statistics is compared with the boundaries,
    /// those against the lower and against the upper margin (two one-sided tests; Schuirmann 1987, J
    /// Pharmacokinet Biopharm 15:657), which the same estimate moves in opposite directions. A trial thus
    /// continues with estimates on both sides of those that stop it for efficacy. Boundaries for harm are
    /// disregarded: a small statistic is benefit as well as harm.
    pub fn stopping_for_equivalence(&self, drifts: EquivalenceDrifts) -> StoppingProbabilities {
        let information = &self.information_fractions;
        let mut state = Continuation::start();
        let looks = information.len();
        let [mut efficacy, mut futility] = [(); 2].map(|()| Vec::with_capacity(looks));
        for (k, &now) in information.iter().enumerate() {
            let stops = drifts.beyond(self.efficacy[k], now);
            let continues = drifts.beyond(self.futility[k], now);
            let has_stops = stops.lower < stops.upper;
            efficacy.push(if has_stops {
                state.above(now, 0.0, stops.lower) - state.above(now, 0.0, stops.upper)
            } else {
                0.0
            });
            futility.push(if continues.lower < continues.upper {
                state.below(now, 0.0, continues.lower) + state.above(now, 0.0, continues.upper)
            } else {
                state.above(now, 0.0, f64::NEG_INFINITY)
            });
            // No look follows the last, whose state nothing reads.
            if k + 1 < looks {
                let finest = finest_increment(information, k);
                state = if has_stops {
                    state.advance_around(now, stops, continues, finest)
                } else {
                    state.advance(now, 0.0, continues, finest)
                };
            }
        }
        StoppingProbabilities { efficacy, futility, harm: vec![0.0; looks] }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::design::{EfficacyRule, Rules, SpendingFunction};
    use crate::num::normal::lower_tail;

    fn boundaries(information: &[f64], efficacy: &[f64], futility: &[f64]) -> Boundaries {
        let rules = Rules::efficacy_only(
            0.025,
            EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming),
        );
        let spent = Boundaries::new(&rules, information).expect("valid information");
        Boundaries { efficacy: efficacy.to_vec(), futility: futility.to_vec(), ..spent }
    }

    /// Two looks at halves of the information with the bounds 2.2 and 2, by rectangles of the bivariate
    /// normal distribution (scipy 1.17, an error of 1e-9).
    #[test]
    fn two_looks_are_rectangles_of_the_bivariate_normal() {
        let none = f64::NEG_INFINITY;
        let looks = boundaries(&[0.5, 1.0], &[2.2, 2.0], &[none, none]);
        for (above_lower, below_upper, first, second) in [
            (4.5, 4.5, 0.6738905525501715, 0.3147290778112384),
            (3.5, 5.0, 0.517442543474835, 0.41933428996291944),
            (0.0, 7.0, 0.010921387068153376, 0.019022819912436928),
        ] {
            let drifts = EquivalenceDrifts { above_lower, below_upper };
            let found = looks.stopping_for_equivalence(drifts);
            assert!((found.efficacy[0] - first).abs() < 1e-9, "{found:?}");
            assert!((found.efficacy[1] - second).abs() < 1e-7, "{found:?}");
        }
    }

    proptest! {
        /// One look: Φ(a − b) + Φ(c − b) − 1, or 0 (Phillips 1990).
        #[test]
        fn one_look_has_the_closed_form(a in -1.0..6.0f64, c in -1.0..6.0f64, b in 1.5..2.5f64) {
            let looks = boundaries(&[1.0], &[b], &[f64::NEG_INFINITY]);
            let drifts = EquivalenceDrifts { above_lower: a, below_upper: c };
            let found = looks.stopping_for_equivalence(drifts).rejection();
            let expected = (lower_tail(a - b) + lower_tail(c - b) - 1.0).max(0.0);
            prop_assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }

        /// With one margin far away the trial is one of non-inferiority, and both margins are alike.
        #[test]
        fn a_far_margin_leaves_non_inferiority(
            drift in 0.0..5.0f64,
            bounds in prop::array::uniform3((1.8..3.5f64, -1.0..1.5f64)),
        ) {
            let efficacy = bounds.map(|(efficacy, _)| efficacy);
            let futility = [bounds[0].1, bounds[1].1, f64::NEG_INFINITY];
            let looks = boundaries(&[0.3, 0.6, 1.0], &efficacy, &futility);
            let one_sided = looks.stopping(drift);
            for (above_lower, below_upper) in [(drift, 60.0), (60.0, drift)] {
                let drifts = EquivalenceDrifts { above_lower, below_upper };
                let found = looks.stopping_for_equivalence(drifts);
                for k in 0..3 {
                    prop_assert!((found.efficacy[k] - one_sided.efficacy[k]).abs() < 1e-9);
                    prop_assert!((found.futility[k] - one_sided.futility[k]).abs() < 1e-9);
                }
            }
        }
    }
}
