//! Predictive power, assurance and prediction intervals: conditional power averaged over a
//! distribution of the drift.
//!
//! Spiegelhalter, Freedman & Blackburn (1986), Control Clin Trials 7:8; Jennison & Turnbull
//! (2000), §10.4.

use super::Monitored;
use crate::design::recursion::CrossingProbabilities;
use crate::num::normal::upper_quantile;

/// Normal distribution of the drift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Belief {
    /// Mean of the drift.
    pub mean: f64,
    /// Standard deviation of the drift, at least 0.
    pub sd: f64,
}

/// Distribution of the drift before the trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DriftPrior {
    /// Flat (improper): all drifts are equally likely.
    Flat,
    /// A normal distribution.
    Normal(Belief),
}

impl DriftPrior {
    /// Returns the posterior distribution after Z was `z` at information `t` > 0. It does not
    /// depend on earlier looks or on the stopping rule.
    pub fn posterior(self, z: f64, t: f64) -> Belief {
        match self {
            // The limit of the posterior as the standard deviation of the prior grows.
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
    /// Computes predictive power by each look after look `k`, at which Z is `z`: conditional power
    /// by that look, averaged over the posterior of the drift.
    pub fn predictive_power_by_look(&self, k: usize, z: f64, prior: DriftPrior) -> Vec<f64> {
        let information = self.information[k];
        let now = CurrentScore { score: z * information.sqrt(), information };
        self.averaged_power(k + 1, now, prior.posterior(z, information))
    }

    /// Computes predictive power through all looks after look `k`, at which Z is `z`; 0 after the
    /// last look.
    pub fn predictive_power(&self, k: usize, z: f64, prior: DriftPrior) -> f64 {
        self.predictive_power_by_look(k, z, prior).last().copied().unwrap_or(0.0)
    }

    /// Computes the probability, before the trial, that it will conclude efficacy when the drift is
    /// distributed as `belief` (assurance, or probability of success: O'Hagan, Stevens & Campbell
    /// 2005, Pharm Stat 4:187).
    pub fn assurance(&self, belief: Belief) -> f64 {
        let by_look = self.averaged_power(0, CurrentScore { score: 0.0, information: 0.0 }, belief);
        by_look[by_look.len() - 1]
    }

    /// Computes P(efficacy by look j), for every j ≥ `from`, of a trial with the score `now` and a
    /// drift distributed as `belief`.
    fn averaged_power(&self, from: usize, now: CurrentScore, belief: Belief) -> Vec<f64> {
        // With prior N(m, v), the gain X of the score over a further information e has mean m·e and
        // variance e + v·e². Then (X − m·e) / (1 + v·e), the posterior mean of the drift less m
        // over v, is a martingale with independent increments and variance e / (1 + v·e), and the
        // usual recursion applies to it without integrating over the drift.
        let variance = belief.sd * belief.sd;
        let looks = self.information.len() - from;
        let (mut information, mut lower, mut upper) =
            (Vec::with_capacity(looks), Vec::with_capacity(looks), Vec::with_capacity(looks));
        for (k, &t) in self.information.iter().enumerate().skip(from) {
            let rest = t - now.information;
            let sd = (rest * (1.0 + variance * rest)).sqrt();
            information.push(rest / (1.0 + variance * rest));
            for (bounds, bound) in [(&mut lower, self.lower[k]), (&mut upper, self.efficacy[k])] {
                let gain = bound * t.sqrt() - now.score;
                bounds.push((gain - belief.mean * rest) / sd);
            }
        }
        CrossingProbabilities::new(&information, 0.0, &lower, &upper).cumulative_upper()
    }
}

/// Current score Z·√t, at information t.
#[derive(Debug, Clone, Copy)]
struct CurrentScore {
    score: f64,
    information: f64,
}

/// Computes the limits between which Z at information `later` will be with probability `level`, in
/// (0, 1), given Z = `z` at information `t` < `later`, if the trial continues until then.
pub fn prediction_interval(
    z: f64,
    t: f64,
    later: f64,
    prior: DriftPrior,
    level: f64,
) -> (f64, f64) {
    let Belief { mean, sd } = predicted_score(z, t, later, prior);
    let reach = upper_quantile(0.5 * (1.0 - level)) * sd;
    let scale = later.sqrt();
    ((mean - reach) / scale, (mean + reach) / scale)
}

/// Returns the distribution of the score Z·√t at information `later`, which is normal.
fn predicted_score(z: f64, t: f64, later: f64, prior: DriftPrior) -> Belief {
    let Belief { mean, sd } = prior.posterior(z, t);
    let rest = later - t;
    Belief { mean: z * t.sqrt() + mean * rest, sd: (rest * (1.0 + sd * sd * rest)).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::inference::AssumedDrift;
    use crate::num::normal::{density, upper_tail};
    use crate::num::quadrature::GaussLegendre;
    use proptest::prelude::*;

    const INFORMATION: [f64; 4] = [0.2, 0.45, 0.7, 1.1];
    const LOWER: [f64; 4] = [-0.5, 0.0, f64::NEG_INFINITY, 1.9];
    const EFFICACY: [f64; 4] = [4.5, f64::INFINITY, 2.4, 1.9];

    fn monitored() -> Monitored<'static> {
        Monitored::new(&INFORMATION, &LOWER, &EFFICACY)
    }

    fn any_prior() -> impl Strategy<Value = DriftPrior> {
        let belief = (-1.0..3.0, 0.2..3.0);
        prop_oneof![
            Just(DriftPrior::Flat),
            belief.prop_map(|(mean, sd)| DriftPrior::Normal(Belief { mean, sd })),
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
        fn predictive_power_is_conditional_power_averaged_over_the_posterior(
            k in 0usize..3,
            z in -2.0..4.0f64,
            prior in any_prior(),
        ) {
            let monitored = monitored();
            let power = |drift| monitored.conditional_power(k, z, AssumedDrift::Stated(drift));
            let averaged = average(prior.posterior(z, INFORMATION[k]), power);
            let found = monitored.predictive_power(k, z, prior);
            prop_assert!((found - averaged).abs() < 1e-9, "{found} {averaged}");
            if let DriftPrior::Normal(belief) = prior {
                let power = |drift| {
                    CrossingProbabilities::new(&INFORMATION, drift, &LOWER, &EFFICACY).total_upper()
                };
                prop_assert!((monitored.assurance(belief) - average(belief, power)).abs() < 1e-9);
            }
        }

        #[test]
        fn predictive_power_grows_with_z(
            k in 0usize..3,
            z in -4.0..6.0f64,
            step in 0.0..1.0f64,
            prior in any_prior(),
        ) {
            let power = |z| monitored().predictive_power(k, z, prior);
            prop_assert!(power(z + step) >= power(z) - 1e-10);
        }

        /// A prior without spread gives conditional power; an ever wider one approaches the flat
        /// prior.
        #[test]
        fn predictive_power_lies_between_a_point_prior_and_a_flat_one(k in 0usize..3, z in -2.0..4.0f64, mean in -1.0..4.0f64) {
            let monitored = monitored();
            let sure = DriftPrior::Normal(Belief { mean, sd: 0.0 });
            let vague = DriftPrior::Normal(Belief { mean, sd: 1e6 });
            let conditional = monitored.conditional_power(k, z, AssumedDrift::Stated(mean));
            let flat = monitored.predictive_power(k, z, DriftPrior::Flat);
            prop_assert!((monitored.predictive_power(k, z, sure) - conditional).abs() < 1e-10);
            prop_assert!((monitored.predictive_power(k, z, vague) - flat).abs() < 1e-9);
        }

        /// With one look left, the recursion is the closed form, and a prediction interval has its
        /// level.
        #[test]
        fn predictive_power_before_the_last_look_is_the_closed_form(z in -3.0..5.0f64, prior in any_prior()) {
            let Belief { mean, sd } = predicted_score(z, 0.7, 1.1, prior);
            let closed = |critical: f64| upper_tail((critical * 1.1f64.sqrt() - mean) / sd);
            let power = monitored().predictive_power(2, z, prior);
            prop_assert!((power - closed(1.9)).abs() < 1e-14);
            let (low, high) = prediction_interval(z, 0.7, 1.1, prior, 0.9);
            prop_assert!((closed(low) - 0.95).abs() < 1e-12);
            prop_assert!((closed(high) - 0.05).abs() < 1e-12);
        }
    }
}
