//! What the data of a look imply: p values, conditional and predictive power.

use serde::Serialize;

use super::RunningTrial;
use crate::design::boundaries::Boundaries;
use crate::design::inference::{
    AssumedDrift, Belief, DriftPrior, prediction_interval, repeated_p_value,
};
use crate::num::normal::{two_sided, upper_tail};

/// Quantities that the data of a look imply, on the scale of the drift.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// Nominal one-sided p value.
    pub p_one_sided: f64,
    /// Nominal two-sided p value.
    pub p_two_sided: f64,
    /// P(efficacy later) without an effect; null at the final look, as the following.
    pub conditional_rejection: Option<f64>,
    /// P(efficacy later) under the planned effect.
    pub conditional_power: Option<f64>,
    /// P(efficacy later) under the current trend.
    pub conditional_power_trend: Option<f64>,
    /// P(efficacy later) averaged over the posterior of the effect from a flat prior.
    pub predictive_power: Option<f64>,
    /// Limits of Z at the final look that have a probability of 1 − 2α by that posterior.
    pub predicted_final_z: Option<(f64, f64)>,
    /// P(efficacy later) averaged over the posterior from the given prior; null without one.
    pub predictive_power_prior: Option<f64>,
    /// The smallest one-sided α at which the design would reject here; 0.5 means 0.5 or more.
    pub repeated_p: f64,
    /// One-sided p value if the trial ends here.
    pub stagewise_p: f64,
}

impl RunningTrial {
    /// Computes what the data imply when Z is `z`; the mean of Z at the planned maximum is
    /// `planned_drift` under the planned effect, `None` if that is unknown.
    pub fn evidence(&self, z: f64, planned_drift: Option<f64>, belief: Option<Belief>) -> Evidence {
        let leaving = self.counted_out_below();
        Evidence {
            p_one_sided: upper_tail(z),
            p_two_sided: two_sided(z),
            conditional_rejection: self.conditional_power(z, AssumedDrift::Stated(0.0)),
            conditional_power: planned_drift
                .and_then(|drift| self.conditional_power(z, AssumedDrift::Stated(drift))),
            conditional_power_trend: self.conditional_power(z, AssumedDrift::CurrentTrend),
            predictive_power: self.predictive_power(z, DriftPrior::Flat),
            predicted_final_z: (!self.is_final()).then(|| {
                let last = *self
                    .boundaries
                    .information_fractions
                    .last()
                    .expect("a trial has at least one look");
                prediction_interval(z, self.information(), last, DriftPrior::Flat, self.level())
            }),
            predictive_power_prior: belief
                .and_then(|belief| self.predictive_power(z, DriftPrior::Normal(belief))),
            repeated_p: repeated_p_value(z, |alpha| self.repeated_bound(alpha)),
            stagewise_p: self
                .in_order(&leaving, |looks, last| looks.stagewise_p_value(last, z, 0.0)),
        }
    }

    /// Computes conditional power with futility disregarded; `None` at the final look.
    fn conditional_power(&self, z: f64, drift: AssumedDrift) -> Option<f64> {
        // Non-binding futility may be overruled, and then the trial can still succeed.
        let no_lower = vec![f64::NEG_INFINITY; self.analysed.len()];
        let looks = self.boundaries.with_lower(&no_lower);
        (!self.is_final()).then(|| looks.conditional_power(self.look, z, drift))
    }

    /// Computes predictive power with futility disregarded; `None` at the final look.
    fn predictive_power(&self, z: f64, prior: DriftPrior) -> Option<f64> {
        let no_lower = vec![f64::NEG_INFINITY; self.analysed.len()];
        let looks = self.boundaries.with_lower(&no_lower);
        (!self.is_final()).then(|| looks.predictive_power(self.look, z, prior))
    }

    /// Returns the Z at or below which each look takes trials out, whether or not futility is
    /// heeded.
    fn counted_out_below(&self) -> Vec<f64> {
        let Boundaries { efficacy, futility, harm, .. } = &self.boundaries;
        (0..efficacy.len())
            .map(|k| self.rules.counted_out_below(futility[k], efficacy[k]).max(harm[k]))
            .collect()
    }
}
