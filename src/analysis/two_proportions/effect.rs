//! Measures of the effect of two proportions.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ArmEvents, Arms, pooled_variance};
use crate::analysis::{EffectScale, FitStatus};

/// Effect of two proportions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProportionEffect {
    /// Experimental minus control.
    #[default]
    RiskDifference,
    /// Logarithm of experimental over control.
    LogRiskRatio,
    /// Logarithm of the odds ratio.
    LogOddsRatio,
}

impl fmt::Display for ProportionEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RiskDifference => "risk difference",
            Self::LogRiskRatio => "log risk ratio",
            Self::LogOddsRatio => "log odds ratio",
        })
    }
}

/// An estimate without a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectEstimate {
    /// ±∞ if a ratio is 0 or ∞; NaN without information, except for the difference of patients who are
    /// all alike, which is 0.
    pub estimate: f64,
    /// Infinite if the estimate is; without information equal to the estimate.
    pub standard_error: f64,
    /// `NoInformation` when an arm is empty or all patients are alike; `Separated` when the
    /// standard error is 0 or infinite.
    pub status: FitStatus,
}

impl ProportionEffect {
    /// The scale of the estimate.
    pub fn scale(self) -> EffectScale {
        match self {
            Self::RiskDifference => EffectScale::RiskDifference,
            Self::LogRiskRatio => EffectScale::LogRiskRatio,
            Self::LogOddsRatio => EffectScale::LogOddsRatio,
        }
    }

    /// The effect of two proportions.
    pub fn of(self, control: f64, experimental: f64) -> f64 {
        self.of_rates(&[control, experimental].map(|events| ArmEvents { events, patients: 1.0 }))
    }

    /// The estimate and its standard error: Wald's unpooled one of the difference, that of Katz et al.
    /// (1978), Biometrics 34:469, of the risk ratio, that of Woolf (1955), Ann Hum Genet 19:251, of the
    /// odds ratio. Nothing is added to empty cells.
    pub fn estimate(self, arms: &Arms) -> EffectEstimate {
        if pooled_variance(arms).is_none() {
            let status = FitStatus::NoInformation;
            // If all patients are alike the difference is certainly 0, but a ratio is not defined.
            let is_zero = self == Self::RiskDifference && arms.iter().all(|arm| arm.patients > 0.0);
            let value = if is_zero { 0.0 } else { f64::NAN };
            return EffectEstimate { estimate: value, standard_error: value, status };
        }
        let [variance_c, variance_e] = arms.map(|arm| match self {
            Self::RiskDifference => arm.variance(),
            Self::LogRiskRatio => 1.0 / arm.events - 1.0 / arm.patients,
            Self::LogOddsRatio => 1.0 / arm.events + 1.0 / arm.others(),
        });
        let standard_error = (variance_c + variance_e).sqrt();
        let status = if standard_error > 0.0 && standard_error.is_finite() {
            FitStatus::Converged
        } else {
            FitStatus::Separated
        };
        EffectEstimate { estimate: self.of_rates(arms), standard_error, status }
    }

    /// The estimate, NaN only where it is undefined: 0/0 or ∞/∞.
    pub(super) fn of_rates(self, arms: &Arms) -> f64 {
        // Differences of logarithms, not logarithms of ratios: swapping arms flips the sign exactly.
        let [control, experimental] = arms.map(|arm| match self {
            Self::RiskDifference => arm.rate(),
            Self::LogRiskRatio => libm::log(arm.rate()),
            Self::LogOddsRatio => libm::log(arm.events / arm.others()),
        });
        experimental - control
    }
}
