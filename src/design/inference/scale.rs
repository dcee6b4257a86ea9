//! Conversion between the drift and an effect.
//!
//! An estimate with standard error se at information t has Z = effect / se, whose mean is drift·√t:
//! a drift corresponds to the effect drift·√t·se.

use super::{Belief, StagewiseEstimate};

/// Returns the effect that `drift` corresponds to, on the scale of an estimate with
/// `standard_error` at information `t` > 0.
pub fn effect(drift: f64, t: f64, standard_error: f64) -> f64 {
    drift * t.sqrt() * standard_error
}

impl StagewiseEstimate {
    /// Converts an estimate of the drift to one of the effect: see [`effect`].
    pub fn as_effect(self, t: f64, standard_error: f64) -> Self {
        let [median, low, high] =
            [self.median, self.low, self.high].map(|drift| effect(drift, t, standard_error));
        Self { median, low, high }
    }

    /// Converts an estimate of the drift to one of the effect if no drift is the effect `null`, the
    /// margin that Z is tested against: `null` plus [`effect`].
    pub fn as_effect_from(self, null: f64, t: f64, standard_error: f64) -> Self {
        let beyond = self.as_effect(t, standard_error);
        if null == 0.0 {
            // An addition would change the sign of an estimate of −0.
            return beyond;
        }
        let [median, low, high] = [beyond.median, beyond.low, beyond.high].map(|it| null + it);
        Self { median, low, high }
    }
}

/// Returns the standard error in Z = estimate / error: `estimate` / `z`, and `at_zero` if both are
/// 0, but for rounding, and do not determine it.
pub fn standard_error_of(estimate: f64, z: f64, at_zero: f64) -> f64 {
    // Estimates have rounding errors of some 1e-15, which leave such a ratio nine digits.
    const LEAST_Z: f64 = 1e-6;
    if z.abs() < LEAST_Z { at_zero } else { estimate / z }
}

impl Belief {
    /// Converts a distribution of the effect to one of the drift: the inverse of
    /// [`StagewiseEstimate::as_effect_from`].
    pub fn as_drift(self, null: f64, t: f64, standard_error: f64) -> Self {
        let scale = effect(1.0, t, standard_error);
        Self { mean: (self.mean - null) / scale, sd: self.sd / scale }
    }
}

/// Returns the effect that `drift` corresponds to, in standard deviations of one patient's outcome;
/// `patients` are those of control and experimental arm at information `t` > 0.
///
/// It is [`effect`] with the standard error √(1/n_c + 1/n_e): rpact's "general" scale.
pub fn standardised(drift: f64, t: f64, patients: [f64; 2]) -> f64 {
    effect(drift, t, (1.0 / patients[0] + 1.0 / patients[1]).sqrt())
}

/// Computes the standard error of a difference of two proportions with the pooled variance, from
/// the observed rates and the patients of control and experimental arm.
pub fn pooled_standard_error(rates: [f64; 2], patients: [f64; 2]) -> f64 {
    let ([control, experimental], [n_control, n_experimental]) = (rates, patients);
    let events = control * n_control + experimental * n_experimental;
    let pooled = events / (n_control + n_experimental);
    (pooled * (1.0 - pooled) * (1.0 / n_control + 1.0 / n_experimental)).sqrt()
}

/// Computes the standard error of a difference of two proportions with a variance per arm, from the
/// observed rates and the patients of control and experimental arm.
pub fn unpooled_standard_error(rates: [f64; 2], patients: [f64; 2]) -> f64 {
    let [control, experimental] =
        [0, 1].map(|arm: usize| rates[arm] * (1.0 - rates[arm]) / patients[arm]);
    (control + experimental).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The score test of equal arms had Z = 1.5e-29 and an estimate of 9e-16, whose ratio is 6e13.
    #[test]
    fn rounding_errors_determine_no_standard_error() {
        assert_eq!(standard_error_of(9.4e-16, 1.5e-29, 1.8), 1.8);
        assert_eq!(standard_error_of(1e-17, -1e-17, 1.8), 1.8);
        assert_eq!(standard_error_of(0.0, 0.0, 1.8), 1.8);
        assert_eq!(standard_error_of(-0.5, -2.0, 1.8), 0.25);
    }

    /// With a single look z/√t is the drift, which corresponds to the estimate itself.
    #[test]
    fn the_observed_drift_corresponds_to_the_estimate() {
        let (rates, patients, t) = ([0.25, 0.41], [104.0, 99.0], 2.0_f64 / 3.0);
        for error in
            [pooled_standard_error(rates, patients), unpooled_standard_error(rates, patients)]
        {
            let drift = (rates[1] - rates[0]) / error / t.sqrt();
            assert!((effect(drift, t, error) - 0.16).abs() < 1e-15);
        }
    }

    #[test]
    fn one_standard_deviation_is_the_unit_of_the_standardised_scale() {
        let rates = [0.3, 0.3];
        let general = standardised(2.5, 0.5, [50.0, 70.0]);
        let effect = effect(2.5, 0.5, pooled_standard_error(rates, [50.0, 70.0]));
        assert!((general * 0.21_f64.sqrt() - effect).abs() < 1e-15);
    }
}
