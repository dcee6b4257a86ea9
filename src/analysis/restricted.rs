//! Two proportions under a stated difference or ratio: the maximum-likelihood rates that a score
//! test takes its variance from.
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
}

impl Distance {
    /// The rates of control and experimental arm that lie at this distance and are most likely
    /// when `control` and `experimental` are observed and a share `share_experimental`, in (0, 1),
    /// of the patients is in the experimental arm. All rates are in [0, 1].
    pub fn restricted_rates(
        self,
        (control, experimental): (f64, f64),
        share_experimental: f64,
    ) -> (f64, f64) {
        let theta = (1.0 - share_experimental) / share_experimental;
        match self {
            Self::Difference(difference) => {
                // The cubic a·x³ + b·x² + c·x + d in the experimental rate x.
                let a = 1.0 + theta;
                let b = -(a + experimental + theta * control + difference * (theta + 2.0));
                let c = difference * (difference + 2.0 * experimental + a)
                    + experimental
                    + theta * control;
                let d = -experimental * difference * (1.0 + difference);
                let third = b / (3.0 * a);
                let v = third * third * third - b * c / (6.0 * a * a) + d / (2.0 * a);
                let u = libm::sqrt((third * third - c / (3.0 * a)).max(0.0)).copysign(v);
                let cosine = if u == 0.0 { 0.0 } else { (v / (u * u * u)).clamp(-1.0, 1.0) };
                let w = (PI + libm::acos(cosine)) / 3.0;
                let rate = 2.0 * u * libm::cos(w) - third;
                let rate = rate.clamp(difference.max(0.0), (1.0 + difference).min(1.0));
                (rate - difference, rate)
            }
            Self::Ratio(ratio) => {
                let a = 1.0 + theta;
                let b = -(ratio * (1.0 + theta * control) + theta + experimental);
                let c = ratio * (experimental + theta * control);
                let root = libm::sqrt((b * b - 4.0 * a * c).max(0.0));
                let rate = ((-b - root) / (2.0 * a)).clamp(0.0, ratio.min(1.0));
                (rate / ratio, rate)
            }
        }
    }

    /// (experimental − control) beyond the distance: p_e − p_c − δ, or p_e − ρ·p_c.
    pub fn excess(self, (control, experimental): (f64, f64)) -> f64 {
        match self {
            Self::Difference(difference) => experimental - control - difference,
            Self::Ratio(ratio) => experimental - ratio * control,
        }
    }

    /// Variance of [`Distance::excess`] times the number of patients, at the given rates.
    pub fn variance(self, (control, experimental): (f64, f64), share_experimental: f64) -> f64 {
        let weight = match self {
            Self::Difference(_) => 1.0,
            Self::Ratio(ratio) => ratio * ratio,
        };
        experimental * (1.0 - experimental) / share_experimental
            + weight * control * (1.0 - control) / (1.0 - share_experimental)
    }

    /// Score Z of the null hypothesis that the arms lie at this distance, from observed rates and
    /// patients of control and experimental arm; NaN when the restricted variance is 0.
    pub fn score_z(self, rates: (f64, f64), (n_control, n_experimental): (f64, f64)) -> f64 {
        let total = n_control + n_experimental;
        let share = n_experimental / total;
        let variance = self.variance(self.restricted_rates(rates, share), share);
        self.excess(rates) / libm::sqrt(variance / total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Log-likelihood per patient of rates, given what was observed.
    fn likelihood(observed: (f64, f64), share: f64, (control, experimental): (f64, f64)) -> f64 {
        let term = |seen: f64, p: f64| {
            let part = |x: f64, p: f64| if x == 0.0 { 0.0 } else { x * libm::log(p) };
            part(seen, p) + part(1.0 - seen, 1.0 - p)
        };
        share * term(observed.1, experimental) + (1.0 - share) * term(observed.0, control)
    }

    proptest! {
        /// The rates keep the distance, and no rates at that distance are more likely.
        #[test]
        fn restricted_rates_are_the_most_likely(
            control in 0.0..1.0f64,
            experimental in 0.0..1.0f64,
            share in 0.1..0.9f64,
            difference in -0.9..0.9f64,
            ratio in 0.2..5.0f64,
        ) {
            let observed = (control, experimental);
            for distance in [Distance::Difference(difference), Distance::Ratio(ratio)] {
                let found = distance.restricted_rates(observed, share);
                prop_assert!(distance.excess(found).abs() < 1e-12);
                prop_assert!((-1e-12..=1.0 + 1e-12).contains(&found.0));
                prop_assert!((-1e-12..=1.0 + 1e-12).contains(&found.1));
                let best = likelihood(observed, share, found);
                for i in 1..200 {
                    let c = f64::from(i) / 200.0;
                    let e = match distance {
                        Distance::Difference(d) => c + d,
                        Distance::Ratio(r) => r * c,
                    };
                    if 0.0 < e && e < 1.0 {
                        let other = likelihood(observed, share, (c, e));
                        prop_assert!(other <= best + 1e-9, "{found:?} {c} {e}");
                    }
                }
            }
        }

        /// Without a difference, and with a ratio of 1, the restricted rate is the pooled one.
        #[test]
        fn no_distance_pools(control in 0.01..0.99f64, experimental in 0.01..0.99f64, share in 0.1..0.9f64) {
            let pooled = (1.0 - share) * control + share * experimental;
            for distance in [Distance::Difference(0.0), Distance::Ratio(1.0)] {
                let (c, e) = distance.restricted_rates((control, experimental), share);
                prop_assert!((c - pooled).abs() < 1e-9 && (e - pooled).abs() < 1e-9);
            }
        }
    }
}
