//! Confidence intervals of a difference, ratio or odds ratio of two proportions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arms, EffectEstimate, ProportionEffect};
use crate::analysis::restricted::{Distance, OddsRatio};
use crate::num::normal::upper_quantile;
use crate::num::root;

/// Interval of an effect of two proportions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProportionInterval {
    /// Estimate ± 1.96 standard errors, on the scale of the effect.
    #[default]
    Wald,
    /// Newcombe's hybrid score interval, for the risk difference.
    Newcombe,
    /// Miettinen & Nurminen's score interval.
    MiettinenNurminen,
    /// Farrington & Manning's: the same without the factor N / (N − 1).
    FarringtonManning,
}

impl ProportionInterval {
    /// Whether the method gives an interval of the effect.
    pub fn is_for(self, effect: ProportionEffect) -> bool {
        self != Self::Newcombe || effect == ProportionEffect::RiskDifference
    }
}

/// The interval of confidence `level`, in (0, 1), on the effect's scale: logarithms of the limits of a
/// ratio, ±∞ if the data set no limit. The upper limit of each method is minus the lower limit of the
/// swapped arms.
///
/// * `Wald`: estimate ± quantile × standard error: Wald's, Katz's or Woolf's, by effect. From −∞ to ∞ if
///   the estimate is infinite; clipped to [−1, 1] for the difference.
/// * `Newcombe`: Wilson's limits of each rate, combined (Newcombe 1998, Stat Med 17:873, method 10); for
///   the difference only.
/// * `MiettinenNurminen`: the effects that the score test does not reject, its variance multiplied by
///   N/(N − 1) (Miettinen & Nurminen 1985, Stat Med 4:213).
/// * `FarringtonManning`: the same without the factor (for the difference Mee 1984, Biometrics 40:1175;
///   Farrington & Manning 1990, Stat Med 9:1447).
///
/// `None` when an arm is empty, when the method is not for the effect
/// ([`ProportionInterval::is_for`]), and for `Wald` when all outcomes are alike.
pub fn interval(
    arms: &Arms,
    effect: ProportionEffect,
    method: ProportionInterval,
    level: f64,
) -> Option<(f64, f64)> {
    limits(arms, effect, method, upper_quantile(0.5 * (1.0 - level)))
}

/// The interval for the normal quantile of a level; see [`interval`].
pub(super) fn limits(
    arms: &Arms,
    effect: ProportionEffect,
    method: ProportionInterval,
    quantile: f64,
) -> Option<(f64, f64)> {
    if !method.is_for(effect) || arms.iter().any(|arm| arm.patients <= 0.0) {
        return None;
    }
    let swapped = [arms[1], arms[0]];
    Some(match method {
        ProportionInterval::Wald => {
            let (low, high) = wald(effect.estimate(arms), quantile)?;
            (effect.scale().within(low), effect.scale().within(high))
        }
        ProportionInterval::Newcombe => {
            (newcombe_lower(arms, quantile), -newcombe_lower(&swapped, quantile))
        }
        ProportionInterval::MiettinenNurminen => {
            let total = arms[0].patients + arms[1].patients;
            // With one patient or less the factor is infinite, and there is no limit.
            let factor = total / (total - 1.0).max(0.0);
            let critical = quantile * factor.sqrt();
            (score_lower(arms, effect, critical), -score_lower(&swapped, effect, critical))
        }
        ProportionInterval::FarringtonManning => {
            (score_lower(arms, effect, quantile), -score_lower(&swapped, effect, quantile))
        }
    })
}

/// `None` without information.
fn wald(effect: EffectEstimate, quantile: f64) -> Option<(f64, f64)> {
    let EffectEstimate { estimate, standard_error, .. } = effect;
    if standard_error.is_nan() {
        return None;
    }
    // ln 0 or ln ∞: the data exclude no effect, rather than all but an infinite one.
    if standard_error.is_infinite() {
        return Some((f64::NEG_INFINITY, f64::INFINITY));
    }
    let reach = quantile * standard_error;
    Some((estimate - reach, estimate + reach))
}

/// Wilson's limits of a rate (1927, JASA 22:209).
fn wilson(rate: f64, patients: f64, quantile: f64) -> (f64, f64) {
    let square = quantile * quantile / patients;
    let middle = rate + 0.5 * square;
    let reach = (square * (rate * (1.0 - rate) + 0.25 * square)).sqrt();
    (((middle - reach) / (1.0 + square)).max(0.0), ((middle + reach) / (1.0 + square)).min(1.0))
}

/// Newcombe's lower limit of the difference.
fn newcombe_lower(&[control, experimental]: &Arms, quantile: f64) -> f64 {
    let [p_c, p_e] = [control.rate(), experimental.rate()];
    let below = p_e - wilson(p_e, experimental.patients, quantile).0;
    let above = wilson(p_c, control.patients, quantile).1 - p_c;
    (p_e - p_c - (below * below + above * above).sqrt()).max(-1.0)
}

/// Largest absolute log ratio that is searched.
// Its exponential is still finite; limits of counts are far below it.
const FARTHEST: f64 = 300.0;

/// The effect below the estimate whose score Z is `critical`.
fn score_lower(arms: &Arms, effect: ProportionEffect, critical: f64) -> f64 {
    let (floor, unlimited) = match effect {
        ProportionEffect::RiskDifference => (-1.0, -1.0),
        ProportionEffect::LogRiskRatio | ProportionEffect::LogOddsRatio => {
            (-FARTHEST, f64::NEG_INFINITY)
        }
    };
    let estimate = effect.of_rates(arms);
    // No effect is below an estimate of −1, or of ln 0; if the estimate is undefined (ln 0/0), no effect
    // is excluded.
    if estimate.is_nan() || estimate <= floor {
        return unlimited;
    }
    // Not up to the estimate: with a restricted variance of 0 the surplus has a second root there. Just
    // below it the surplus is negative for every critical value.
    let ceiling = (estimate - 1e-9).clamp(floor, -floor);
    // Half a patient in every cell, so that the guess is finite.
    let halves =
        arms.map(|arm| super::ArmEvents { events: arm.events + 0.5, patients: arm.patients + 1.0 });
    let around = effect.estimate(&halves);
    let guess = (around.estimate - critical * around.standard_error).clamp(floor, ceiling);
    root::near(
        |candidate| surplus(arms, effect, candidate, critical),
        guess,
        0.25 * around.standard_error,
        [floor, ceiling],
        2.0 * f64::EPSILON,
    )
    .unwrap_or(unlimited)
}

/// Excess of the data over the effect `candidate`, less `critical` standard errors restricted to it:
/// above 0 if the score test rejects the candidate. Unlike Z it is finite without variance.
fn surplus(arms: &Arms, effect: ProportionEffect, candidate: f64, critical: f64) -> f64 {
    let rates = arms.map(|arm| arm.rate());
    let total = arms[0].patients + arms[1].patients;
    let share = arms[1].patients / total;
    let (excess, variance) = match effect {
        ProportionEffect::RiskDifference => {
            Distance::Difference(candidate).excess_and_variance(rates, share)
        }
        ProportionEffect::LogRiskRatio => {
            Distance::Ratio(libm::exp(candidate)).excess_and_variance(rates, share)
        }
        ProportionEffect::LogOddsRatio => {
            OddsRatio(libm::exp(candidate)).excess_and_variance(rates, share)
        }
    };
    // Rounding may leave a rate outside [0, 1] by the last digit.
    excess - critical * (variance.max(0.0) / total).sqrt()
}
