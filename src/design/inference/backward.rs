//! Conditional and predictive power at all looks at once, by backward induction over the looks.
//!
//! [`Monitored::conditional_power`] follows one trial forward from where it stands. A futility bound
//! at every look asks for the power of trials that stand anywhere: the power at a look, as a function
//! of the score there, is an integral over the power at the next look (Jennison & Turnbull 2000,
//! §19.2), so that one pass from the last look to the first serves all looks.

use super::Monitored;
use crate::design::recursion::{NODES_PER_KERNEL, nodes};
use crate::num::exp::exp_normal;
use crate::num::normal::{upper_quantile, upper_tail};
use crate::num::root::near;

/// Standard deviations beyond which a crossing is certain or impossible: 2e-23 is left out.
const REACH: f64 = 10.0;
/// The least nodes at one look.
const LEAST_NODES: f64 = 64.0;

/// The distribution of later scores given the present one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Future {
    /// Conditional power under a stated drift, the mean of Z at information 1.
    Drift(f64),
    /// Predictive power: the drift has its posterior distribution from a flat prior.
    ///
    /// The posterior depends on the past only through the present score, so the predicted scores are
    /// a Markov process too.
    FlatPrior,
}

impl Future {
    /// The distribution of the score at information `later`, given the score at `now`.
    fn step(self, now: f64, later: f64) -> Step {
        let rest = later - now;
        match self {
            Self::Drift(drift) => Step { factor: 1.0, shift: drift * rest, deviation: rest.sqrt() },
            Self::FlatPrior => {
                let factor = later / now;
                Step { factor, shift: 0.0, deviation: (rest * factor).sqrt() }
            }
        }
    }
}

/// A later score is normal with mean factor × score + shift.
#[derive(Debug, Clone, Copy)]
struct Step {
    factor: f64,
    shift: f64,
    deviation: f64,
}

impl Step {
    fn mean(self, score: f64) -> f64 {
        self.factor * score + self.shift
    }

    /// The score from which the later one has mean `later` plus `deviations` standard deviations.
    fn score_before(self, later: f64, deviations: f64) -> f64 {
        (later + deviations * self.deviation - self.shift) / self.factor
    }
}

/// P(efficacy at a later look) of trials that are going on after a look.
struct Power {
    /// To the next look.
    step: Step,
    /// Trials that come to the next look at this score or above show efficacy, sooner or later.
    certain: f64,
    /// Scores at the next look of trials that may still do so, and the power there times quadrature
    /// weight.
    later: Vec<(f64, f64)>,
}

impl Power {
    fn at(&self, score: f64) -> f64 {
        let (mean, deviation) = (self.step.mean(score), self.step.deviation);
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
    /// The Z at each look but the last at which the probability of efficacy at a later look is
    /// `wanted`, in (0, 1); `None` where there is none, as without an efficacy bound to come.
    pub fn z_for_power(&self, wanted: f64, future: Future) -> Vec<Option<f64>> {
        let interims = self.information.len() - 1;
        let mut out = vec![None; interims];
        let mut next: Option<Power> = None;
        for k in (0..interims).rev() {
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

    /// The power after look `k`, from that after the next look; `None` after the last efficacy bound.
    fn power_after(&self, k: usize, future: Future, next: Option<&Power>) -> Power {
        let step = future.step(self.information[k], self.information[k + 1]);
        let root = self.information[k + 1].sqrt();
        let bound = self.efficacy[k + 1] * root;
        let Some(next) = next else { return Power { step, certain: bound, later: Vec::new() } };
        let reached = |deviations: f64| self.score_towards(k + 1, future, deviations);
        let low = reached(-REACH).max(self.lower[k + 1] * root);
        let certain = reached(REACH).min(bound).max(low.min(bound));
        // In scores of the next look, the power there changes over its own step divided by the factor.
        let kernel = step.deviation.min(next.step.deviation / next.step.factor);
        let order = (NODES_PER_KERNEL * (certain - low) / kernel).max(LEAST_NODES);
        let later = match certain > low {
            true => nodes(low, certain, order).map(|(x, w)| (x, w * next.at(x))).collect(),
            false => Vec::new(),
        };
        Power { step, certain, later }
    }

    /// The least score at look `k` from which some later efficacy bound is this many standard
    /// deviations below the mean.
    fn score_towards(&self, k: usize, future: Future, deviations: f64) -> f64 {
        let bounds = self.information.iter().zip(self.efficacy).skip(k + 1);
        bounds
            .filter(|(_, z)| **z < f64::INFINITY)
            .map(|(&later, z)| {
                let step = future.step(self.information[k], later);
                step.score_before(z * later.sqrt(), deviations)
            })
            .fold(f64::INFINITY, f64::min)
    }

    /// The score at look `k` at which the power after it is `wanted`.
    fn score_with(&self, k: usize, future: Future, wanted: f64, power: &Power) -> Option<f64> {
        // Nearly that of the one later look that is most easily reached.
        let guess = self.score_towards(k, future, -upper_quantile(wanted));
        let scale = self.information[k].sqrt();
        let missing = |score: f64| wanted - power.at(score);
        near(missing, guess, 0.1 * scale, [-160.0 * scale, 160.0 * scale], 2.0 * f64::EPSILON)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::inference::{Drift, Prior};
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
                let power = looks.conditional_power(k, z, Drift::Stated(drift));
                prop_assert!((power - wanted).abs() < 1e-9, "{k} {power}");
                let z = predictive[k].expect("it is reached");
                let power = looks.predictive_power(k, z, Prior::Flat);
                prop_assert!((power - wanted).abs() < 1e-9, "{k} {power}");
            }
        }
    }

    #[test]
    fn without_an_efficacy_bound_to_come_there_is_no_z() {
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
