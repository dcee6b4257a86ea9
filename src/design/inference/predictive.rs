//! Predictive power and its relatives: conditional power averaged over what is believed about the
//! drift.
//!
//! Spiegelhalter, Freedman & Blackburn (1986), Control Clin Trials 7:8; Jennison & Turnbull
//! (2000), §10.4.

use super::Monitored;
use crate::design::recursion::CrossingProbabilities;
use crate::num::normal::upper_quantile;

/// A normal distribution of the drift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Belief {
    /// Mean of the drift.
    pub mean: f64,
    /// Standard deviation of the drift, at least 0.
    pub sd: f64,
}

/// What is believed about the drift before the trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Prior {
    /// Nothing: every drift alike.
    Flat,
    /// A normal distribution.
    Normal(Belief),
}

impl Prior {
    /// What is believed after Z was `z` at information `t` > 0. Looks in between do not matter,
    /// nor why the trial is where it is.
    pub fn posterior(self, z: f64, t: f64) -> Belief {
        match self {
            Self::Flat => Belief { mean: z / t.sqrt(), sd: 1.0 / t.sqrt() },
            Self::Normal(Belief { mean, sd }) => {
                let variance = sd * sd;
                let learnt = 1.0 + variance * t;
                Belief { mean: (mean + variance * z * t.sqrt()) / learnt, sd: sd / learnt.sqrt() }
            }
        }
    }
}

impl Monitored<'_> {
    /// Predictive power by each look after look `k`, where Z is `z`: conditional power by that
    /// look, averaged over the posterior of the drift.
    pub fn predictive_power_by_look(&self, k: usize, z: f64, prior: Prior) -> Vec<f64> {
        let now = self.information[k];
        self.power_believed(k + 1, (now, z * now.sqrt()), prior.posterior(z, now))
    }

    /// Predictive power through all looks after look `k`, where Z is `z`; 0 after the last look.
    pub fn predictive_power(&self, k: usize, z: f64, prior: Prior) -> f64 {
        self.predictive_power_by_look(k, z, prior).last().copied().unwrap_or(0.0)
    }

    /// The probability, before the trial, that it will show efficacy when the drift is distributed
    /// as `belief` (assurance, or probability of success: O'Hagan, Stevens & Campbell 2005, Pharm
    /// Stat 4:187).
    pub fn assurance(&self, belief: Belief) -> f64 {
        let by_look = self.power_believed(0, (0.0, 0.0), belief);
        by_look[by_look.len() - 1]
    }

    /// P(efficacy by look j), for every j from `from` on, of a trial whose score is `score` at
    /// information `now`, the drift being distributed as `belief`.
    ///
    /// With prior N(m, v), the gain X of the score over a further information e has mean m·e and
    /// variance e + v·e². Then (X − m·e) / (1 + v·e), the posterior mean of the drift less m over
    /// v, is a martingale with independent increments and variance e / (1 + v·e), and the usual
    /// recursion applies to it: nothing need be integrated over the drift.
    fn power_believed(&self, from: usize, (now, score): (f64, f64), belief: Belief) -> Vec<f64> {
        let variance = belief.sd * belief.sd;
        let rest = self.information.iter().skip(from).map(|t| t - now);
        let information: Vec<f64> = rest.clone().map(|e| e / (1.0 + variance * e)).collect();
        let transformed = |bounds: &[f64]| -> Vec<f64> {
            let later = self.information.iter().zip(bounds).skip(from);
            later
                .zip(rest.clone())
                .map(|((t, bound), e)| {
                    let gain = bound * t.sqrt() - score;
                    (gain - belief.mean * e) / (e * (1.0 + variance * e)).sqrt()
                })
                .collect()
        };
        let (lower, upper) = (transformed(self.lower), transformed(self.efficacy));
        CrossingProbabilities::new(&information, 0.0, &lower, &upper).upper_so_far()
    }
}

/// The limits between which Z at information `later` will be with probability `level`, in (0, 1),
/// given Z = `z` at information `t` < `later`, should the trial go on until then.
pub fn prediction_interval((z, t): (f64, f64), later: f64, prior: Prior, level: f64) -> (f64, f64) {
    let (mean, sd) = predicted_score((z, t), later, prior);
    let reach = upper_quantile(0.5 * (1.0 - level)) * sd;
    let scale = later.sqrt();
    ((mean - reach) / scale, (mean + reach) / scale)
}

/// Mean and standard deviation of the score Z·√t at information `later`.
fn predicted_score((z, t): (f64, f64), later: f64, prior: Prior) -> (f64, f64) {
    let Belief { mean, sd } = prior.posterior(z, t);
    let rest = later - t;
    (z * t.sqrt() + mean * rest, (rest * (1.0 + sd * sd * rest)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::inference::Drift;
    use crate::num::normal::{density, upper_tail};
    use crate::num::quadrature::GaussLegendre;
    use proptest::prelude::*;

    const INFORMATION: [f64; 4] = [0.2, 0.45, 0.7, 1.1];
    const LOWER: [f64; 4] = [-0.5, 0.0, f64::NEG_INFINITY, 1.9];
    const EFFICACY: [f64; 4] = [4.5, f64::INFINITY, 2.4, 1.9];

    fn monitored() -> Monitored<'static> {
        Monitored::new(&INFORMATION, &LOWER, &EFFICACY)
    }

    fn any_prior() -> impl Strategy<Value = Prior> {
        let belief = (-1.0..3.0, 0.2..3.0);
        prop_oneof![
            Just(Prior::Flat),
            belief.prop_map(|(mean, sd)| Prior::Normal(Belief { mean, sd })),
        ]
    }

    /// The mean of a power over a distribution of the drift, by quadrature.
    fn average(belief: Belief, power: impl Fn(f64) -> f64) -> f64 {
        let rule = GaussLegendre::new(160);
        rule.on(-9.0, 9.0).map(|(x, w)| w * density(x) * power(belief.mean + x * belief.sd)).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn is_conditional_power_averaged_over_the_posterior(
            k in 0usize..3,
            z in -2.0..4.0f64,
            prior in any_prior(),
        ) {
            let monitored = monitored();
            let power = |drift| monitored.conditional_power(k, z, Drift::Stated(drift));
            let averaged = average(prior.posterior(z, INFORMATION[k]), power);
            let found = monitored.predictive_power(k, z, prior);
            prop_assert!((found - averaged).abs() < 1e-9, "{found} {averaged}");
            if let Prior::Normal(belief) = prior {
                let power = |drift| {
                    CrossingProbabilities::new(&INFORMATION, drift, &LOWER, &EFFICACY).total_upper()
                };
                prop_assert!((monitored.assurance(belief) - average(belief, power)).abs() < 1e-9);
            }
        }

        #[test]
        fn grows_with_z(
            k in 0usize..3,
            z in -4.0..6.0f64,
            step in 0.0..1.0f64,
            prior in any_prior(),
        ) {
            let power = |z| monitored().predictive_power(k, z, prior);
            prop_assert!(power(z + step) >= power(z) - 1e-10);
        }

        /// A prior that is sure leaves conditional power; one that knows nothing is flat.
        #[test]
        fn has_its_limits(k in 0usize..3, z in -2.0..4.0f64, mean in -1.0..4.0f64) {
            let monitored = monitored();
            let sure = Prior::Normal(Belief { mean, sd: 0.0 });
            let vague = Prior::Normal(Belief { mean, sd: 1e6 });
            let conditional = monitored.conditional_power(k, z, Drift::Stated(mean));
            let flat = monitored.predictive_power(k, z, Prior::Flat);
            prop_assert!((monitored.predictive_power(k, z, sure) - conditional).abs() < 1e-10);
            prop_assert!((monitored.predictive_power(k, z, vague) - flat).abs() < 1e-9);
        }

        /// With one look to come, the recursion is the closed form, and a prediction interval
        /// leaves out what it should.
        #[test]
        fn one_look_to_come_is_the_closed_form(z in -3.0..5.0f64, prior in any_prior()) {
            let (mean, sd) = predicted_score((z, 0.7), 1.1, prior);
            let closed = |critical: f64| upper_tail((critical * 1.1f64.sqrt() - mean) / sd);
            let power = monitored().predictive_power(2, z, prior);
            prop_assert!((power - closed(1.9)).abs() < 1e-14);
            let (low, high) = prediction_interval((z, 0.7), 1.1, prior, 0.9);
            prop_assert!((closed(low) - 0.95).abs() < 1e-12);
            prop_assert!((closed(high) - 0.05).abs() < 1e-12);
        }
    }
}
