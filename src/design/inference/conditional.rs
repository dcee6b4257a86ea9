//! Conditional power: the probability that the trial will conclude efficacy, given the current Z.

use super::Monitored;
use crate::design::recursion::{Continuation, CrossingProbabilities};
use crate::num::normal::upper_quantile;
use crate::num::root::near;

/// Drift that the rest of the trial is assumed to have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AssumedDrift {
    /// A stated mean of Z at information 1: 0 for no effect, or the planned effect's.
    Stated(f64),
    /// The current trend Z/√t.
    CurrentTrend,
}

impl AssumedDrift {
    /// Returns the drift when Z is `z` at information `t` > 0.
    pub fn value(self, z: f64, t: f64) -> f64 {
        match self {
            Self::Stated(drift) => drift,
            Self::CurrentTrend => z / t.sqrt(),
        }
    }
}

impl Monitored<'_> {
    /// Computes conditional power by each look after look `k`, at which Z is `z`: the probability
    /// of having reached the efficacy bound at one of the looks k + 1 … j, for every j > k, in [0,
    /// 1] and never falling (Jennison & Turnbull 2000, §10.2).
    pub fn conditional_power_by_look(&self, k: usize, z: f64, drift: AssumedDrift) -> Vec<f64> {
        let now = self.information[k];
        let state = Continuation::at(now, z);
        CrossingProbabilities::after(state, k + 1, self, drift.value(z, now)).cumulative_upper()
    }

    /// Computes conditional power through all looks after look `k`, at which Z is `z`; 0 after the
    /// last look. Under drift 0 it is the conditional rejection probability. It grows with `z` and
    /// with the drift.
    pub fn conditional_power(&self, k: usize, z: f64, drift: AssumedDrift) -> f64 {
        self.conditional_power_by_look(k, z, drift).last().copied().unwrap_or(0.0)
    }

    /// Solves for the Z at look `k` at which [`Monitored::conditional_power`] under the current
    /// trend is `wanted`, in (0, 1); `None` if there is none, as after the last look or without a
    /// later efficacy bound. For a stated drift, [`Monitored::z_for_power`] solves all looks at
    /// once.
    pub fn z_for_power_under_trend(&self, k: usize, wanted: f64) -> Option<f64> {
        let guess = self.z_for_one_look(k, wanted)?;
        near(
            |z| wanted - self.conditional_power(k, z, AssumedDrift::CurrentTrend),
            guess,
            0.1,
            // No trial has a Z beyond these.
            [-160.0, 160.0],
            2.0 * f64::EPSILON,
        )
    }

    /// Computes a step from `z` towards [`Monitored::z_for_power_under_trend`], which it leaves
    /// unchanged, at the cost of one conditional power.
    ///
    /// The step is exact if one look remains, whose probit of conditional power is linear in Z.
    pub fn towards_power_under_trend(&self, k: usize, wanted: f64, z: f64) -> Option<f64> {
        let power = self.conditional_power(k, z, AssumedDrift::CurrentTrend);
        // Closer to 0 or 1 the probit would be that of rounding errors.
        let power = power.clamp(1e-12, 1.0 - 1e-12);
        Some(z + self.z_for_one_look(k, wanted)? - self.z_for_one_look(k, power)?)
    }

    /// Returns the least Z at look `k` at which one later look alone has this conditional power
    /// under the current trend; `None` without a later efficacy bound.
    fn z_for_one_look(&self, k: usize, power: f64) -> Option<f64> {
        let now = self.information[k];
        let later = self.information.iter().zip(self.efficacy).skip(k + 1);
        later
            .filter(|(_, bound)| **bound < f64::INFINITY)
            .map(|(&t, bound)| {
                // The later score has mean z·t/√now and variance t − now (Lan & Wittes 1988,
                // Biometrics 44:579); solved for z.
                let short = (t - now).sqrt() * upper_quantile(power);
                (bound * t.sqrt() - short) * now.sqrt() / t
            })
            .reduce(f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::normal::upper_tail;
    use proptest::prelude::*;

    const INFORMATION: [f64; 4] = [0.2, 0.45, 0.7, 1.1];
    const LOWER: [f64; 4] = [-0.5, 0.0, f64::NEG_INFINITY, 1.9];
    const EFFICACY: [f64; 4] = [4.5, f64::INFINITY, 2.4, 1.9];

    fn monitored() -> Monitored<'static> {
        Monitored::new(&INFORMATION, &LOWER, &EFFICACY)
    }

    proptest! {
        #[test]
        fn conditional_power_grows_with_z_and_with_drift(
            k in 0usize..3,
            z in -6.0..8.0f64,
            drift in -4.0..8.0f64,
            step in 0.0..1.0f64,
        ) {
            let monitored = monitored();
            let here = monitored.conditional_power(k, z, AssumedDrift::Stated(drift));
            prop_assert!((-1e-12..=1.0 + 1e-10).contains(&here));
            let larger_z = monitored.conditional_power(k, z + step, AssumedDrift::Stated(drift));
            prop_assert!(larger_z >= here - 1e-10);
            let larger_drift = monitored.conditional_power(k, z, AssumedDrift::Stated(drift + step));
            prop_assert!(larger_drift >= here - 1e-10);
            let trend = monitored.conditional_power(k, z, AssumedDrift::CurrentTrend);
            let larger_trend = monitored.conditional_power(k, z + step, AssumedDrift::CurrentTrend);
            prop_assert!(larger_trend >= trend - 1e-10);
        }

        #[test]
        fn z_found_for_a_conditional_power_has_it(
            k in 0usize..3,
            wanted in 0.001..0.999f64,
        ) {
            let z = monitored().z_for_power_under_trend(k, wanted).expect("it is reached");
            let power = monitored().conditional_power(k, z, AssumedDrift::CurrentTrend);
            prop_assert!((power - wanted).abs() < 1e-9);
        }

        /// A state may be conditioned on at any look: conditional power averaged over that look's Z
        /// is the power before it.
        #[test]
        fn conditional_power_averages_to_the_power_before_the_look(drift in -2.0..5.0f64) {
            use crate::num::{normal::density, quadrature::GaussLegendre};
            let monitored = monitored();
            let whole =
                CrossingProbabilities::new(&INFORMATION, drift, &LOWER, &EFFICACY).total_upper();
            let mean = drift * INFORMATION[0].sqrt();
            let later: f64 = GaussLegendre::new(80)
                .on(LOWER[0], EFFICACY[0])
                .map(|(z, w)| {
                    let power = monitored.conditional_power(0, z, AssumedDrift::Stated(drift));
                    w * density(z - mean) * power
                })
                .sum();
            let total = later + upper_tail(EFFICACY[0] - mean);
            prop_assert!((total - whole).abs() < 1e-10, "{total} {whole}");
        }

        /// With one look left, the recursion is the closed form.
        #[test]
        fn conditional_power_before_the_last_look_is_the_b_value_form(z in -5.0..6.0f64, drift in -4.0..6.0f64) {
            for drift in [AssumedDrift::Stated(drift), AssumedDrift::CurrentTrend] {
                // Lan & Wittes (1988), Biometrics 44:579.
                let expected = z * 0.7f64.sqrt() + 0.4 * drift.value(z, 0.7);
                let closed = upper_tail((1.9 * 1.1f64.sqrt() - expected) / 0.4f64.sqrt());
                let power = monitored().conditional_power(2, z, drift);
                prop_assert!((power - closed).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn conditional_power_is_zero_after_the_last_look() {
        let monitored = monitored();
        assert_eq!(monitored.conditional_power(3, 9.0, AssumedDrift::CurrentTrend), 0.0);
        assert_eq!(monitored.z_for_power_under_trend(3, 0.1), None);
        let never = [f64::INFINITY; 4];
        let monitored = Monitored::new(&INFORMATION, &LOWER, &never);
        assert_eq!(monitored.z_for_power_under_trend(0, 0.1), None);
    }
}
