//! Conditional power: how likely the trial is to end with efficacy shown, given where it stands.

use super::Monitored;
use crate::design::recursion::{Continuation, CrossingProbabilities};
use crate::num::normal::upper_quantile;
use crate::num::root::near;

/// The drift that the rest of the trial is taken to have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drift {
    /// A stated mean of Z at information 1: 0 for no effect, or the planned effect's.
    Stated(f64),
    /// The current trend Z/√t.
    CurrentTrend,
}

impl Drift {
    /// The drift when Z is `z` at information `t` > 0.
    pub fn value(self, z: f64, t: f64) -> f64 {
        match self {
            Self::Stated(drift) => drift,
            Self::CurrentTrend => z / t.sqrt(),
        }
    }
}

impl Monitored<'_> {
    /// Conditional power by each look after look `k`, where Z is `z`: the probability of having
    /// reached the efficacy bound at one of the looks k + 1 … j, for every j > k, in [0, 1] and
    /// never falling (Jennison & Turnbull 2000, §10.2).
    pub fn conditional_power_by_look(&self, k: usize, z: f64, drift: Drift) -> Vec<f64> {
        let now = self.information[k];
        let (state, bounds) = (Continuation::at(now, z), (self.lower, self.efficacy));
        let drift = drift.value(z, now);
        let crossing = CrossingProbabilities::after(state, k + 1, self.information, drift, bounds);
        crossing.upper_so_far()
    }

    /// Conditional power through all looks after look `k`, where Z is `z`; 0 after the last look.
    /// Under drift 0 it is the conditional rejection probability. It grows with `z` and with the
    /// drift.
    pub fn conditional_power(&self, k: usize, z: f64, drift: Drift) -> f64 {
        self.conditional_power_by_look(k, z, drift).last().copied().unwrap_or(0.0)
    }

    /// The Z at look `k` at which [`Monitored::conditional_power`] under the current trend is
    /// `wanted`, in (0, 1); `None` when there is none, as after the last look or without an efficacy
    /// bound to come. A stated drift has [`Monitored::z_for_power`], for all looks at once.
    pub fn z_for_power_under_trend(&self, k: usize, wanted: f64) -> Option<f64> {
        let guess = self.z_for_one_look(k, wanted)?;
        let missing = |z: f64| wanted - self.conditional_power(k, z, Drift::CurrentTrend);
        // A Z beyond these says more than any trial can.
        near(missing, guess, 0.1, [-160.0, 160.0], 2.0 * f64::EPSILON)
    }

    /// A step from `z` towards [`Monitored::z_for_power_under_trend`], which it leaves unchanged, at
    /// the cost of one conditional power.
    ///
    /// The step is exact where one look is to come, whose probit of conditional power is linear in
    /// Z.
    pub fn towards_power_under_trend(&self, k: usize, wanted: f64, z: f64) -> Option<f64> {
        let power = self.conditional_power(k, z, Drift::CurrentTrend);
        // Beyond these the probit is that of rounding errors.
        let power = power.clamp(1e-12, 1.0 - 1e-12);
        Some(z + self.z_for_one_look(k, wanted)? - self.z_for_one_look(k, power)?)
    }

    /// The Z at look `k` at which one of the later looks alone has this conditional power under the
    /// current trend: the look that needs the least. Its score has mean z·t'/√t (Lan & Wittes 1988,
    /// Biometrics 44:579).
    fn z_for_one_look(&self, k: usize, power: f64) -> Option<f64> {
        let now = self.information[k];
        let later = self.information.iter().zip(self.efficacy).skip(k + 1);
        let with_bound = later.filter(|(_, bound)| **bound < f64::INFINITY);
        let z = with_bound.map(|(&t, bound)| {
            let short = (t - now).sqrt() * upper_quantile(power);
            (bound * t.sqrt() - short) * now.sqrt() / t
        });
        z.reduce(f64::min)
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
        fn grows_with_z_and_with_drift(
            k in 0usize..3,
            z in -6.0..8.0f64,
            drift in -4.0..8.0f64,
            step in 0.0..1.0f64,
        ) {
            let monitored = monitored();
            let power = |z, drift| monitored.conditional_power(k, z, drift);
            let here = power(z, Drift::Stated(drift));
            prop_assert!((-1e-12..=1.0 + 1e-10).contains(&here));
            prop_assert!(power(z + step, Drift::Stated(drift)) >= here - 1e-10);
            prop_assert!(power(z, Drift::Stated(drift + step)) >= here - 1e-10);
            let trend = power(z, Drift::CurrentTrend);
            prop_assert!(power(z + step, Drift::CurrentTrend) >= trend - 1e-10);
        }

        #[test]
        fn z_found_for_a_power_has_it(
            k in 0usize..3,
            wanted in 0.001..0.999f64,
        ) {
            let z = monitored().z_for_power_under_trend(k, wanted).expect("it is reached");
            let power = monitored().conditional_power(k, z, Drift::CurrentTrend);
            prop_assert!((power - wanted).abs() < 1e-9);
        }

        /// A state may be conditioned on at any look: the mean over that look's Z of what follows
        /// is what was expected before it.
        #[test]
        fn averages_to_the_power_before(drift in -2.0..5.0f64) {
            use crate::num::{normal::density, quadrature::GaussLegendre};
            let monitored = monitored();
            let whole =
                CrossingProbabilities::new(&INFORMATION, drift, &LOWER, &EFFICACY).total_upper();
            let mean = drift * INFORMATION[0].sqrt();
            let later: f64 = GaussLegendre::new(80)
                .on(LOWER[0], EFFICACY[0])
                .map(|(z, w)| {
                    let power = monitored.conditional_power(0, z, Drift::Stated(drift));
                    w * density(z - mean) * power
                })
                .sum();
            let total = later + upper_tail(EFFICACY[0] - mean);
            prop_assert!((total - whole).abs() < 1e-10, "{total} {whole}");
        }

        /// With one look to come, the recursion is the closed form.
        #[test]
        fn one_look_to_come_is_the_b_value_form(z in -5.0..6.0f64, drift in -4.0..6.0f64) {
            for drift in [Drift::Stated(drift), Drift::CurrentTrend] {
                // Lan & Wittes (1988), Biometrics 44:579.
                let expected = z * 0.7f64.sqrt() + 0.4 * drift.value(z, 0.7);
                let closed = upper_tail((1.9 * 1.1f64.sqrt() - expected) / 0.4f64.sqrt());
                let power = monitored().conditional_power(2, z, drift);
                prop_assert!((power - closed).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn nothing_to_come_has_no_power() {
        let monitored = monitored();
        assert_eq!(monitored.conditional_power(3, 9.0, Drift::CurrentTrend), 0.0);
        assert_eq!(monitored.z_for_power_under_trend(3, 0.1), None);
        let never = [f64::INFINITY; 4];
        let monitored = Monitored::new(&INFORMATION, &LOWER, &never);
        assert_eq!(monitored.z_for_power_under_trend(0, 0.1), None);
    }
}
