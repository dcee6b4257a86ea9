//! Conditional and predictive power at all looks at once, by backward induction over the looks.
//!
//! [`Monitored::conditional_power`] follows one trial forward from its current Z. A futility bound
//! at every look asks for the power of trials at any Z: the power at a look, as a function
//! of the score there, is an integral over the power at the next look (Jennison & Turnbull 2000,
//! §19.2), so that one pass from the last look to the first serves all looks.

use super::Monitored;
use crate::design::recursion::{NODES_PER_KERNEL, nodes};
use crate::num::exp::exp_normal;
use crate::num::normal::{upper_quantile, upper_tail};
use crate::num::root::near;

/// Standard deviations beyond which a crossing is certain or impossible.
// The probability left out is 2e-23.
const REACH: f64 = 10.0;
/// Fewest quadrature nodes at one look.
const LEAST_NODES: f64 = 64.0;

/// Distribution of later scores given the current one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Future {
    /// Conditional power under a stated drift, the mean of Z at information 1.
    Drift(f64),
    /// Predictive power: the drift has its posterior distribution from a flat prior.
    ///
    /// The posterior depends on the past only through the present score, so the predicted scores
    /// are a Markov process too.
    FlatPrior,
}

impl Future {
    /// Returns the distribution of the score at information `later`, given the score at `now`.
    fn transition(self, now: f64, later: f64) -> Transition {
        let rest = later - now;
        match self {
            Self::Drift(drift) => {
                Transition { factor: 1.0, shift: drift * rest, deviation: rest.sqrt() }
            }
            Self::FlatPrior => {
                // The posterior mean of the drift is score/now, and its variance 1/now.
                let factor = later / now;
                Transition { factor, shift: 0.0, deviation: (rest * factor).sqrt() }
            }
        }
    }
}

/// Normal distribution of a later score, with mean factor × score + shift.
#[derive(Debug, Clone, Copy)]
struct Transition {
    factor: f64,
    shift: f64,
    deviation: f64,
}

impl Transition {
    fn mean(self, score: f64) -> f64 {
        self.factor * score + self.shift
    }

    /// Returns the score from which the later one has mean `later` plus `deviations` standard
    /// deviations.
    fn score_before(self, later: f64, deviations: f64) -> f64 {
        (later + deviations * self.deviation - self.shift) / self.factor
    }
}

/// P(efficacy at a later look) of trials that continue after a look.
struct Power {
    /// Transition to the next look.
    next: Transition,
    /// Score at the next look from which efficacy is certain, there or later.
    certain: f64,
    /// Scores at the next look from which efficacy is possible, and the power there times
    /// quadrature weight.
    later: Vec<(f64, f64)>,
}

impl Power {
    fn at(&self, score: f64) -> f64 {
        let (mean, deviation) = (self.next.mean(score), self.next.deviation);
        let exponent = -0.5 / (deviation * deviation);
        let terms = self.later.iter().map(|(later, power)| {
            let distance = later - mean;
            power * exp_normal(exponent * distance * distance)
        });
        let uncertain: f64 = terms.sum();
        upper_tail((self.certain - mean) / deviation)
            + uncertain / (deviation * (2.0 * std::f64::consts::PI).sqrt())
    }
}

impl Monitored<'_> {
    /// Solves for the Z at each look but the last at which the probability of efficacy at a later
    /// look is `wanted`, in (0, 1); `None` if there is none, as without a later efficacy bound.
    pub fn z_for_power(&self, wanted: f64, future: Future) -> Vec<Option<f64>> {
        let interims = self.information.len() - 1;
        let mut out = vec![None; interims];
        let mut next: Option<Power> = None;
        for k in (0..interims).rev() {
            // Without a later efficacy bound the power is 0 at any Z.
            if self.efficacy[k + 1..].iter().all(|z| *z == f64::INFINITY) {
                continue;
            }
            let power = self.power_after(k, future, next.as_ref());
            out[k] = self
                .score_with(k, future, wanted, &power)
                .map(|score| score / self.information[k].sqrt());
            next = Some(power);
        }
        out
    }

    /// Computes the power after look `k` from that after the next look; `later` is `None` if look k
    /// + 1 has the last efficacy bound.
    fn power_after(&self, k: usize, future: Future, later: Option<&Power>) -> Power {
        let next = future.transition(self.information[k], self.information[k + 1]);
        let root = self.information[k + 1].sqrt();
        let bound = self.efficacy[k + 1] * root;
        let Some(after_next) = later else {
            return Power { next, certain: bound, later: Vec::new() };
        };
        let low = self.score_towards(k + 1, future, -REACH).max(self.lower[k + 1] * root);
        let certain = self.score_towards(k + 1, future, REACH).min(bound).max(low.min(bound));
        // In scores of the next look, the power there changes over its own deviation divided by the
        // factor.
        let kernel = next.deviation.min(after_next.next.deviation / after_next.next.factor);
        let order = (NODES_PER_KERNEL * (certain - low) / kernel).max(LEAST_NODES);
        let later = match certain > low {
            true => nodes(low, certain, order).map(|(x, w)| (x, w * after_next.at(x))).collect(),
            false => Vec::new(),
        };
        Power { next, certain, later }
    }

    /// Returns the least score at look `k` from which some later efficacy bound is this many
    /// standard deviations below the mean.
    fn score_towards(&self, k: usize, future: Future, deviations: f64) -> f64 {
        let bounds = self.information.iter().zip(self.efficacy).skip(k + 1);
        bounds
            .filter(|(_, z)| **z < f64::INFINITY)
            .map(|(&later, z)| {
                let transition = future.transition(self.information[k], later);
                transition.score_before(z * later.sqrt(), deviations)
            })
            .fold(f64::INFINITY, f64::min)
    }

    /// Solves for the score at look `k` at which the power after it is `wanted`.
    fn score_with(&self, k: usize, future: Future, wanted: f64, power: &Power) -> Option<f64> {
        // The later look that is most easily reached has nearly all of the power.
        let guess = self.score_towards(k, future, -upper_quantile(wanted));
        let scale = self.information[k].sqrt();
        near(
            |score| wanted - power.at(score),
            guess,
            0.1 * scale,
            [-160.0 * scale, 160.0 * scale],
            2.0 * f64::EPSILON,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::inference::{AssumedDrift, DriftPrior};
    use proptest::prelude::*;

    const INFORMATION: [f64; 5] = [0.1, 0.45, 0.46, 0.9, 1.1];
    const LOWER: [f64; 5] = [-0.5, 0.0, f64::NEG_INFINITY, 0.4, 1.9];
    const EFFICACY: [f64; 5] = [4.5, f64::INFINITY, 2.9, 2.4, 1.9];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// Followed forward from the Z found, the trial has the power that was wanted.
        #[test]
        fn forward_recursion_from_the_z_found_has_the_power(
            wanted in 0.001..0.999f64,
            drift in -3.0..6.0f64,
            binding in any::<bool>(),
        ) {
            let lower = if binding { LOWER } else { [f64::NEG_INFINITY; 5] };
            let looks = Monitored::new(&INFORMATION, &lower, &EFFICACY);
            let conditional = looks.z_for_power(wanted, Future::Drift(drift));
            let predictive = looks.z_for_power(wanted, Future::FlatPrior);
            for k in 0..4 {
                let z = conditional[k].expect("it is reached");
                let power = looks.conditional_power(k, z, AssumedDrift::Stated(drift));
                prop_assert!((power - wanted).abs() < 1e-9, "{k} {power}");
                let z = predictive[k].expect("it is reached");
                let power = looks.predictive_power(k, z, DriftPrior::Flat);
                prop_assert!((power - wanted).abs() < 1e-9, "{k} {power}");
            }
        }
    }

    #[test]
    fn looks_without_a_later_efficacy_bound_have_no_z() {
        let efficacy = [2.0, f64::INFINITY, 2.9, f64::INFINITY, f64::INFINITY];
        let lower = [f64::NEG_INFINITY; 5];
        let found =
            Monitored::new(&INFORMATION, &lower, &efficacy).z_for_power(0.2, Future::Drift(1.0));
        assert_eq!(
            found.iter().map(Option::is_some).collect::<Vec<_>>(),
            [true, true, false, false]
        );
        assert!(
            Monitored::new(&[1.0], &[1.0], &[2.0]).z_for_power(0.2, Future::FlatPrior).is_empty()
        );
    }
}
