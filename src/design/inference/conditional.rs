//! Chances of success given the data of an interim look.
//!
//! Jennison & Turnbull (2000), chapter 10; Lan & Wittes (1988), Biometrics 44:579; Spiegelhalter,
//! Freedman & Blackburn (1986), Control Clin Trials 7:8.

use crate::design::recursion::{Continuation, CrossingProbabilities};
use crate::num::normal::density;
use crate::num::quadrature::GaussLegendre;
use crate::num::root::brent;

/// An efficacy boundary: what a trial may still cross. Lower boundaries are disregarded unless said.
#[derive(Debug, Clone, Copy)]
pub struct EfficacyBoundary<'b> {
    /// Information at each look, increasing.
    pub information: &'b [f64],
    /// Z bound at each look; +∞ where efficacy is not tested.
    pub bounds: &'b [f64],
}

impl EfficacyBoundary<'_> {
    /// P(efficacy) at each look after look `k` (from 0), given Z = `z` there. The mean of Z at
    /// information 1 is `drift`.
    pub fn conditional_crossing(self, k: usize, z: f64, drift: f64) -> Vec<f64> {
        self.conditional_stopping(&self.no_lower(), (k, z), drift).upper
    }

    /// The same with trials leaving below at `lower`, one Z per look: P(efficacy) and P(leaving
    /// below) at each look after look `k`.
    pub fn conditional_stopping(
        self,
        lower: &[f64],
        (k, z): (usize, f64),
        drift: f64,
    ) -> CrossingProbabilities {
        let state = Continuation::at(self.information[k], z);
        let bounds = (lower, self.bounds);
        CrossingProbabilities::after(state, k + 1, self.information, drift, bounds)
    }

    /// P(efficacy at any later look | Z = `z` at look `k`). Without drift it is the conditional
    /// rejection probability, also called conditional type I error.
    pub fn conditional_power(self, k: usize, z: f64, drift: f64) -> f64 {
        self.conditional_crossing(k, z, drift).iter().sum()
    }

    /// The same at the drift that the data suggest, z/√t.
    pub fn conditional_power_under_trend(self, k: usize, z: f64) -> f64 {
        self.conditional_power(k, z, z / libm::sqrt(self.information[k]))
    }

    /// P(efficacy at the final look | Z = `z` at look `k`) as if there were no look between:
    /// Φ((B + θ(T − t) − c√T)/√(T − t)) with B = z√t (Lan & Wittes 1988), T being the information of
    /// the final look.
    pub fn conditional_power_final_only(self, k: usize, z: f64, drift: f64) -> f64 {
        let last = self.bounds.len() - 1;
        let state = Continuation::at(self.information[k], z);
        state.above(self.information[last], drift, self.bounds[last])
    }

    /// P(efficacy at any later look | Z = `z` at look `k`), averaged over what is believed of the
    /// drift after the look.
    pub fn predictive_power(self, k: usize, z: f64, prior: DriftPrior) -> f64 {
        let posterior = prior.updated(self.information[k], z);
        posterior.average(|drift| self.conditional_power(k, z, drift))
    }

    /// P(efficacy at any look), averaged over a belief before the trial: assurance.
    pub fn assurance(self, prior: DriftPrior) -> f64 {
        prior.average(|drift| self.power(drift))
    }

    /// P(efficacy at any look).
    pub fn power(self, drift: f64) -> f64 {
        let none = self.no_lower();
        CrossingProbabilities::new(self.information, drift, &none, self.bounds).total_upper()
    }

    /// The drift with this power; `None` where none up to 40 has it.
    pub fn drift_for_power(self, power: f64) -> Option<f64> {
        brent(|drift| self.power(drift) - power, -10.0, 40.0)
    }

    fn no_lower(self) -> Vec<f64> {
        vec![f64::NEG_INFINITY; self.bounds.len()]
    }
}

/// What is believed of the drift: normal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriftPrior {
    /// Mean drift.
    pub mean: f64,
    /// 1 / variance; 0 for a flat prior.
    pub precision: f64,
}

/// Half-width of the averages over a normal distribution, in standard deviations.
const REACH: f64 = 9.0;
const NODES: usize = 96;

impl DriftPrior {
    /// Every drift alike.
    pub const FLAT: Self = Self { mean: 0.0, precision: 0.0 };

    /// Normal with this mean and standard deviation > 0.
    pub fn normal(mean: f64, sd: f64) -> Self {
        Self { mean, precision: 1.0 / (sd * sd) }
    }

    /// Standard deviation; infinite when flat.
    pub fn sd(self) -> f64 {
        1.0 / libm::sqrt(self.precision)
    }

    /// After Z = `z` at information `t`.
    pub fn updated(self, t: f64, z: f64) -> Self {
        let precision = self.precision + t;
        let mean = (self.precision * self.mean + z * libm::sqrt(t)) / precision;
        Self { mean, precision }
    }

    /// The mean of a function of the drift; not for a flat prior.
    fn average(self, of: impl Fn(f64) -> f64) -> f64 {
        let nodes = GaussLegendre::new(NODES);
        nodes.on(-REACH, REACH).map(|(x, w)| w * density(x) * of(self.mean + x * self.sd())).sum()
    }

    /// Mean and standard deviation of Z at information `later`, given Z = `z` at information `t`
    /// and this belief before.
    pub fn predicted_z(self, (t, z): (f64, f64), later: f64) -> (f64, f64) {
        let Self { mean, precision } = self.updated(t, z);
        let more = later - t;
        let score = z * libm::sqrt(t) + mean * more;
        let variance = more + more * more / precision;
        (score / libm::sqrt(later), libm::sqrt(variance / later))
    }
}

/// The Z at look `k` whose chance of success by `chance` is `wanted`; `None` where none has it.
/// `chance` must rise with Z.
pub fn z_for_chance(chance: impl Fn(f64) -> f64, wanted: f64) -> Option<f64> {
    brent(|z| chance(z) - wanted, -12.0, 15.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::{Boundaries, EfficacyRule, Rules, SpendingFunction};
    use crate::num::normal::upper_tail;
    use proptest::prelude::*;

    fn protocol() -> Boundaries {
        let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        let thirds = [1.0 / 3.0, 2.0 / 3.0, 1.0];
        Boundaries::new(&Rules::efficacy_only(0.025, rule), &thirds).expect("solvable")
    }

    fn boundary(design: &Boundaries) -> EfficacyBoundary<'_> {
        design.efficacy_boundary()
    }

    /// Averaged over what look 1 can be, conditional power is power.
    #[test]
    fn conditional_power_averages_to_power() {
        let design = protocol();
        for drift in [0.0, 1.5, 2.8, 4.0] {
            let mean = drift / 3f64.sqrt();
            let bound = design.efficacy[0];
            let rest: f64 = GaussLegendre::new(200)
                .on(mean - 9.0, bound)
                .map(|(z, w)| {
                    w * density(z - mean) * boundary(&design).conditional_power(0, z, drift)
                })
                .sum();
            let power = design.stopping(drift).rejection();
            assert!((rest + upper_tail(bound - mean) - power).abs() < 1e-10, "{drift}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn chances_rise_with_z_and_drift(
            k in 0usize..2, z in -3.0..3.0f64, step in 0.01..1.0f64, drift in -1.0..5.0f64,
        ) {
            let design = protocol();
            let power = |z, drift| boundary(&design).conditional_power(k, z, drift);
            prop_assert!(power(z, drift) <= power(z + step, drift));
            prop_assert!(power(z, drift) <= power(z, drift + step));
            let predictive = |z| boundary(&design).predictive_power(k, z, DriftPrior::FLAT);
            prop_assert!(predictive(z) <= predictive(z + step));
        }

        /// A belief without doubt predicts what its mean does.
        #[test]
        fn certain_beliefs_predict_conditional_power(z in -2.0..3.0f64, drift in 0.0..4.0f64) {
            let design = protocol();
            let certain = DriftPrior::normal(drift, 1e-6);
            let predicted = boundary(&design).predictive_power(0, z, certain);
            prop_assert!((predicted - boundary(&design).conditional_power(0, z, drift)).abs() < 1e-6);
        }

        #[test]
        fn z_inverts_the_chance(wanted in 0.01..0.99f64, k in 0usize..2) {
            let design = protocol();
            let chance = |z| boundary(&design).conditional_power_under_trend(k, z);
            let z = z_for_chance(chance, wanted).expect("every chance is reached");
            prop_assert!((chance(z) - wanted).abs() < 1e-10);
        }
    }
}
