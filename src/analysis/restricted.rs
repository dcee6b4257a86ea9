//! Two proportions under a stated difference, ratio or odds ratio: the restricted maximum-likelihood
//! rates that give the variance of a score test.
//!
//! Rates and numbers of patients are pairs, control first.
//!
//! Miettinen & Nurminen (1985), Stat Med 4:213; closed forms of Farrington & Manning (1990), Stat
//! Med 9:1447, appendix.

use std::f64::consts::PI;

/// A distance between the experimental and the control proportion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distance {
    /// Experimental minus control, in (−1, 1).
    Difference(f64),
    /// Experimental over control, above 0.
    Ratio(f64),
    /// Odds of the experimental over odds of the control proportion, above 0: see [`OddsRatio`].
    OddsRatio(f64),
}

/// Mean and variances of the numerator of a score statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreMoments {
    /// p_e − p_c − δ, p_e − ρ·p_c, or p_e less its restricted rate.
    pub excess: f64,
    /// Variance of the excess that the statistic assumes, at the restricted rates, times the number of
    /// patients.
    pub null_variance: f64,
    /// Variance of the excess at the given rates, times the number of patients.
    pub variance: f64,
}

impl Distance {
    /// The most likely rates at this distance, from observed rates and the share of the patients in the
    /// experimental arm, in (0, 1). All rates are in [0, 1].
    pub fn restricted_rates(
        self,
        [control, experimental]: [f64; 2],
        share_experimental: f64,
    ) -> [f64; 2] {
        let theta = (1.0 - share_experimental) / share_experimental;
        match self {
            Self::Difference(difference) => {
                // The cubic a·x³ + b·x² + c·x + d in the experimental rate x has three real roots, of which
                // the trigonometric solution gives the one in the range of rates.
                let a = 1.0 + theta;
                let b = -(a + experimental + theta * control + difference * (theta + 2.0));
                let c = difference * (difference + 2.0 * experimental + a)
                    + experimental
                    + theta * control;
                let d = -experimental * difference * (1.0 + difference);
                let third = b / (3.0 * a);
                let v = third * third * third - b * c / (6.0 * a * a) + d / (2.0 * a);
                let u = (third * third - c / (3.0 * a)).max(0.0).sqrt().copysign(v);
                // Rounding may take the cosine of a double root beyond 1.
                let cosine = if u == 0.0 { 0.0 } else { (v / (u * u * u)).clamp(-1.0, 1.0) };
                let w = (PI + libm::acos(cosine)) / 3.0;
                let rate = 2.0 * u * libm::cos(w) - third;
                // The control rate, lower by the difference, has to be a probability as well.
                let rate = rate.clamp(difference.max(0.0), (1.0 + difference).min(1.0));
                [rate - difference, rate]
            }
            Self::Ratio(ratio) => {
                let a = 1.0 + theta;
                let b = -(ratio * (1.0 + theta * control) + theta + experimental);
                let c = ratio * (experimental + theta * control);
                // The larger root lies between 1 and the ratio, where one of the two rates exceeds
                // 1.
                let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
                let rate = ((-b - root) / (2.0 * a)).clamp(0.0, ratio.min(1.0));
                [rate / ratio, rate]
            }
            Self::OddsRatio(ratio) => {
                OddsRatio(ratio).restricted_rates([control, experimental], share_experimental)
            }
        }
    }

    /// The experimental rate at this distance from a control rate; outside [0, 1] if there is none.
    pub fn experimental_rate(self, control: f64) -> f64 {
        match self {
            Self::Difference(difference) => control + difference,
            Self::Ratio(ratio) => control * ratio,
            Self::OddsRatio(ratio) => ratio * control / (1.0 + control * (ratio - 1.0)),
        }
    }

    /// Variance of p_e − w·p_c times the number of patients, at the given rates; w is the ratio, or 1.
    pub fn linear_variance(
        self,
        [control, experimental]: [f64; 2],
        share_experimental: f64,
    ) -> f64 {
        let weight = match self {
            // The score statistic of an odds ratio is not linear in both rates: see [`OddsRatio`].
            Self::Difference(_) | Self::OddsRatio(_) => 1.0,
            Self::Ratio(ratio) => ratio * ratio,
        };
        experimental * (1.0 - experimental) / share_experimental
            + weight * control * (1.0 - control) / (1.0 - share_experimental)
    }

    /// The excess over the distance, and its variance at the restricted rates, times the number of
    /// patients; see [`ScoreMoments`].
    pub fn excess_and_variance(self, rates: [f64; 2], share_experimental: f64) -> (f64, f64) {
        let [control, experimental] = rates;
        let excess = match self {
            Self::Difference(difference) => experimental - control - difference,
            Self::Ratio(ratio) => experimental - ratio * control,
            Self::OddsRatio(ratio) => {
                return OddsRatio(ratio).excess_and_variance(rates, share_experimental);
            }
        };
        let restricted = self.restricted_rates(rates, share_experimental);
        (excess, self.linear_variance(restricted, share_experimental))
    }

    /// Moments of the score statistic's numerator in a large trial with these true rates.
    pub fn score_moments(self, rates: [f64; 2], share_experimental: f64) -> ScoreMoments {
        let (excess, null_variance) = self.excess_and_variance(rates, share_experimental);
        let variance = match self {
            Self::Difference(_) | Self::Ratio(_) => self.linear_variance(rates, share_experimental),
            Self::OddsRatio(ratio) => OddsRatio(ratio).variance(rates, share_experimental),
        };
        ScoreMoments { excess, null_variance, variance }
    }

    /// Score Z of the null hypothesis that the arms are at this distance, from observed rates and
    /// numbers of patients; NaN if the restricted variance is 0.
    pub fn score_z(self, rates: [f64; 2], patients: [f64; 2]) -> f64 {
        let total = patients[0] + patients[1];
        let (excess, variance) = self.excess_and_variance(rates, patients[1] / total);
        excess / (variance / total).sqrt()
    }
}

/// An odds ratio of experimental to control, above 0. Its score statistic compares the experimental
/// arm with its restricted rate, unlike that of a [`Distance`], which is linear in both rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OddsRatio(pub f64);

impl OddsRatio {
    /// The most likely rates with this odds ratio, as for [`Distance::restricted_rates`]: those whose
    /// weighted mean is that of the observed rates (Miettinen & Nurminen, eq. 16–17).
    pub fn restricted_rates(
        self,
        [control, experimental]: [f64; 2],
        share_experimental: f64,
    ) -> [f64; 2] {
        let share_control = 1.0 - share_experimental;
        let pooled = share_control * control + share_experimental * experimental;
        let a = share_control * (self.0 - 1.0);
        let b = share_experimental * self.0 + share_control - pooled * (self.0 - 1.0);
        let root = (b * b + 4.0 * a * pooled).max(0.0).sqrt();
        // Two forms of the same root, each without cancellation for its sign of b; b < 0 implies a > 0.
        let rate = if b > 0.0 { 2.0 * pooled / (b + root) } else { (root - b) / (2.0 * a) };
        let rate = rate.clamp(0.0, 1.0);
        [rate, (self.0 * rate / (1.0 + rate * (self.0 - 1.0))).clamp(0.0, 1.0)]
    }

    /// The experimental rate less its restricted one, and the variance of this difference times the
    /// number of patients.
    pub fn excess_and_variance(self, rates: [f64; 2], share_experimental: f64) -> (f64, f64) {
        let restricted = self.restricted_rates(rates, share_experimental);
        let share_control = 1.0 - share_experimental;
        let [control, experimental] = restricted.map(|p| p * (1.0 - p));
        let both = share_control * control + share_experimental * experimental;
        // Restricted rates of 0 or 1 in both arms leave no variance, and 0/0 in its formula.
        let variance = if both > 0.0 {
            control * experimental * share_control / (share_experimental * both)
        } else {
            0.0
        };
        (rates[1] - restricted[1], variance)
    }

    /// The variance of the same difference at the given rates, times the number of patients. With
    /// restricted information a in the control arm and b in the experimental arm, the difference is, to
    /// first order, that of a/(a + b) times the experimental and b/(a + b) times the control arm's
    /// deviation.
    fn variance(self, rates: [f64; 2], share_experimental: f64) -> f64 {
        let restricted = self.restricted_rates(rates, share_experimental).map(|p| p * (1.0 - p));
        let shares = [1.0 - share_experimental, share_experimental];
        let [a, b] = [0, 1].map(|arm: usize| shares[arm] * restricted[arm]);
        let [of_control, of_experimental] =
            [0, 1].map(|arm: usize| shares[arm] * rates[arm] * (1.0 - rates[arm]));
        let sum = (a + b) * (a + b);
        let successes = (a * a * of_experimental + b * b * of_control) / sum;
        successes / (share_experimental * share_experimental)
    }

    /// Score Z of the null hypothesis of this odds ratio, as for [`Distance::score_z`]. With
    /// ũ = p̃(1 − p̃) and n_e(p̂_e − p̃_e) = −n_c(p̂_c − p̃_c), the statistic of Miettinen & Nurminen is n_e(p̂_e − p̃_e)·√(1/(n_c·ũ_c) + 1/(n_e·ũ_e)).
    pub fn score_z(self, rates: [f64; 2], patients: [f64; 2]) -> f64 {
        let total = patients[0] + patients[1];
        let (excess, variance) = self.excess_and_variance(rates, patients[1] / total);
        excess / (variance / total).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Log-likelihood per patient of rates, given what was observed.
    fn likelihood(observed: [f64; 2], share: f64, [control, experimental]: [f64; 2]) -> f64 {
        let term = |seen: f64, p: f64| {
            let part = |x: f64, p: f64| if x == 0.0 { 0.0 } else { x * libm::log(p) };
            part(seen, p) + part(1.0 - seen, 1.0 - p)
        };
        share * term(observed[1], experimental) + (1.0 - share) * term(observed[0], control)
    }

    proptest! {
        #[test]
        fn restricted_rates_keep_the_distance_and_no_others_at_it_are_more_likely(
            control in 0.0..1.0f64,
            experimental in 0.0..1.0f64,
            share in 0.1..0.9f64,
            difference in -0.9..0.9f64,
            ratio in 0.2..5.0f64,
        ) {
            let observed = [control, experimental];
            let odds_ratio = Distance::OddsRatio(ratio);
            for distance in [Distance::Difference(difference), Distance::Ratio(ratio), odds_ratio] {
                let found = distance.restricted_rates(observed, share);
                prop_assert!((distance.experimental_rate(found[0]) - found[1]).abs() < 1e-12);
                prop_assert!((-1e-12..=1.0 + 1e-12).contains(&found[0]));
                prop_assert!((-1e-12..=1.0 + 1e-12).contains(&found[1]));
                let best = likelihood(observed, share, found);
                for i in 1..200 {
                    let c = f64::from(i) / 200.0;
                    let e = distance.experimental_rate(c);
                    if 0.0 < e && e < 1.0 {
                        let other = likelihood(observed, share, [c, e]);
                        prop_assert!(other <= best + 1e-9, "{found:?} {c} {e}");
                    }
                }
            }
        }

        /// The rates keep the odds ratio and the mean, and the statistic is the published one.
        #[test]
        fn the_score_of_an_odds_ratio_is_that_of_miettinen_and_nurminen(
            control in 0.01..0.99f64,
            experimental in 0.01..0.99f64,
            n in prop::array::uniform2(10.0..500.0f64),
            log in -4.0..4.0f64,
        ) {
            let (share, odds_ratio) = (n[1] / (n[0] + n[1]), OddsRatio(libm::exp(log)));
            let [c, e] = odds_ratio.restricted_rates([control, experimental], share);
            let kept = libm::log(e / (1.0 - e)) - libm::log(c / (1.0 - c));
            prop_assert!((kept - log).abs() < 1e-10);
            prop_assert!((n[0] * (control - c) + n[1] * (experimental - e)).abs() < 1e-10);
            let (u_c, u_e) = (c * (1.0 - c), e * (1.0 - e));
            let published = ((experimental - e) / u_e - (control - c) / u_c)
                / (1.0 / (n[0] * u_c) + 1.0 / (n[1] * u_e)).sqrt();
            let z = odds_ratio.score_z([control, experimental], n);
            prop_assert!((z - published).abs() < 1e-9 * (1.0 + z.abs()), "{z} {published}");
        }

        /// If the rates differ by the margin, the restricted rates equal them, and so do the variances.
        #[test]
        fn both_variances_agree_at_the_distance(
            control in 0.05..0.95f64,
            share in 0.1..0.9f64,
            difference in -0.4..0.4f64,
            ratio in 0.5..2.0f64,
        ) {
            let distances =
                [Distance::Difference(difference), Distance::Ratio(ratio), Distance::OddsRatio(ratio)];
            for distance in distances {
                let experimental = distance.experimental_rate(control);
                if !(0.01..0.99).contains(&experimental) {
                    continue;
                }
                let found = distance.score_moments([control, experimental], share);
                prop_assert!(found.excess.abs() < 1e-12);
                prop_assert!((found.variance / found.null_variance - 1.0).abs() < 1e-6);
            }
        }

        #[test]
        fn restricted_rates_at_no_distance_are_the_pooled_rate(control in 0.01..0.99f64, experimental in 0.01..0.99f64, share in 0.1..0.9f64) {
            let pooled = (1.0 - share) * control + share * experimental;
            let observed = [control, experimental];
            let found = [
                Distance::Difference(0.0).restricted_rates(observed, share),
                Distance::Ratio(1.0).restricted_rates(observed, share),
                OddsRatio(1.0).restricted_rates(observed, share),
            ];
            for [c, e] in found {
                prop_assert!((c - pooled).abs() < 1e-9 && (e - pooled).abs() < 1e-9);
            }
        }
    }
}
