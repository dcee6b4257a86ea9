//! Two proportions: tests, measures of effect and intervals from events and patients of each arm.
//!
//! An event is what the trial wants more of, such as functional independence. Counts are `f64`, so
//! that expected ones can be analysed too; only Fisher's test needs whole ones.

pub mod fisher;
pub mod intervals;

use super::{Counts, EffectScale, FitStatus, TestResult, Z_95};
use crate::outcome::Mrs;
use fisher::Conditional;
pub use intervals::ProportionInterval;

/// One arm's events and patients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmEvents {
    /// At least 0, at most `patients`.
    pub events: f64,
    /// At least 0.
    pub patients: f64,
}

impl ArmEvents {
    /// Events per patient, in [0, 1]; NaN when the arm is empty.
    pub fn rate(self) -> f64 {
        self.events / self.patients
    }

    /// Patients without an event.
    fn others(self) -> f64 {
        self.patients - self.events
    }

    /// Of the rate.
    fn variance(self) -> f64 {
        let p = self.rate();
        p * (1.0 - p) / self.patients
    }
}

/// Control and experimental arm, in this order.
pub type Arms = [ArmEvents; 2];

/// Patients with mRS at or below `cut` as events.
pub fn arms(counts: &Counts, cut: Mrs) -> Arms {
    counts.each_ref().map(|arm| ArmEvents {
        events: arm[..=cut.index()].iter().sum(),
        patients: arm.iter().sum(),
    })
}

/// The statistic that is compared with the boundary. Swapping the arms flips the sign of each.
///
/// With p the rates, n the patients, p̄ the rate of both arms together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProportionTest {
    /// (p_e − p_c) / √(p̄(1 − p̄)(1/n_c + 1/n_e)), the signed root of Pearson's χ².
    PooledZ,
    /// (p_e − p_c) / √(p_c(1 − p_c)/n_c + p_e(1 − p_e)/n_e): the difference over its own standard
    /// error. It rejects too often in small trials, and does not exist where all of one arm and
    /// none of the other have the event.
    UnpooledZ,
    /// The signed root of χ² with Yates' correction (1934, Suppl J R Stat Soc 1:217), which takes
    /// (1/n_c + 1/n_e)/2 from the difference, but never more than the difference.
    ContinuityCorrected,
    /// Fisher's exact test given both margins: [`Conditional::z`]. Whole counts only.
    Fisher,
    /// As `Fisher`, with half the probability of what was observed (Lancaster 1961, JASA 56:223):
    /// [`Conditional::mid_p_z`]. Closer to its level, but may exceed it. Whole counts only.
    FisherMidP,
}

impl ProportionTest {
    /// Whether Z is, but for a factor that does not depend on it, the estimate over a standard
    /// error: not of tests that are conservative on purpose.
    pub fn is_estimate_over_error(self) -> bool {
        matches!(self, Self::PooledZ | Self::UnpooledZ)
    }
}

/// What the estimate measures, experimental against control; above 0 is benefit on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProportionEffect {
    /// p_e − p_c, with the unpooled standard error of Wald.
    RiskDifference,
    /// ln(p_e / p_c), with the standard error of Katz et al. (1978), Biometrics 34:469.
    LogRiskRatio,
    /// ln(p_e(1 − p_c) / (p_c(1 − p_e))), with the standard error of Woolf (1955), Ann Hum Genet
    /// 19:251.
    LogOddsRatio,
}

/// An estimate without a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectEstimate {
    /// ±∞ where the logarithm of a ratio is that of 0 or ∞; NaN without information, but for the
    /// difference of patients who are all alike, which is 0.
    pub estimate: f64,
    /// Infinite where the estimate is; without information as the estimate.
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

    /// The estimate and its standard error. Nothing is added to empty cells.
    pub fn estimate(self, arms: &Arms) -> EffectEstimate {
        if pooled_variance(arms).is_none() {
            let status = FitStatus::NoInformation;
            // Patients who are all alike do not differ: a difference of 0, though no ratio.
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
    fn of_rates(self, arms: &Arms) -> f64 {
        // Differences of logarithms, not logarithms of ratios: swapping arms flips the sign exactly.
        let [control, experimental] = arms.map(|arm| match self {
            Self::RiskDifference => arm.rate(),
            Self::LogRiskRatio => libm::log(arm.rate()),
            Self::LogOddsRatio => libm::log(arm.events / arm.others()),
        });
        experimental - control
    }
}

/// Of the difference of rates when there is none; `None` when an arm is empty or all outcomes are
/// alike.
fn pooled_variance(&[control, experimental]: &Arms) -> Option<f64> {
    let pooled =
        (control.events + experimental.events) / (control.patients + experimental.patients);
    let variance = pooled * (1.0 - pooled) * (1.0 / control.patients + 1.0 / experimental.patients);
    // Not `variance <= 0`: an empty arm makes the variance infinite or NaN.
    (variance > 0.0 && variance.is_finite()).then_some(variance)
}

/// The statistic alone, for a look that only asks whether to stop. `None` when an arm is empty or
/// all outcomes are alike; for `UnpooledZ` also when all stands against none; for the two of Fisher
/// also when a count is not whole.
pub fn z(arms: &Arms, test: ProportionTest) -> Option<f64> {
    let pooled = pooled_variance(arms)?;
    let [control, experimental] = *arms;
    let difference = experimental.rate() - control.rate();
    match test {
        ProportionTest::PooledZ => Some(difference / pooled.sqrt()),
        ProportionTest::UnpooledZ => {
            let variance = control.variance() + experimental.variance();
            (variance > 0.0).then(|| difference / variance.sqrt())
        }
        ProportionTest::ContinuityCorrected => {
            let correction = 0.5 * (1.0 / control.patients + 1.0 / experimental.patients);
            let rest = difference.abs() - correction;
            // A difference of the size of the correction leaves nothing, whatever rounding leaves.
            let rest = if rest <= 1e-12 * correction { 0.0 } else { rest };
            Some((rest / pooled.sqrt()).copysign(difference))
        }
        ProportionTest::Fisher => Conditional::of(arms).map(|it| it.z()),
        ProportionTest::FisherMidP => Conditional::of(arms).map(|it| it.mid_p_z()),
    }
}

/// The statistic with the estimate, its standard error and its 95 % interval.
///
/// The status is that of the estimate (see [`EffectEstimate`]), or `NoInformation` where only the
/// statistic is missing (Fisher's test of counts that are not whole). Z is NaN exactly where [`z`]
/// gives none; a `Separated` estimate usually has a Z. The interval of a score method or
/// Newcombe's is defined whenever both arms have patients, even when the estimate is not; limits
/// are NaN only where [`intervals::interval`] gives none.
pub fn analyse(
    arms: &Arms,
    test: ProportionTest,
    effect: ProportionEffect,
    interval: ProportionInterval,
) -> TestResult {
    if arms.iter().any(|arm| arm.patients <= 0.0) {
        return TestResult::failed(FitStatus::NoInformation);
    }
    let EffectEstimate { estimate, standard_error, status } = effect.estimate(arms);
    let z = z(arms, test);
    let status = match status {
        FitStatus::Converged if z.is_none() => FitStatus::NoInformation,
        _ => status,
    };
    let interval = intervals::limits(arms, effect, interval, Z_95).unwrap_or((f64::NAN, f64::NAN));
    TestResult { estimate, standard_error, z: z.unwrap_or(f64::NAN), status, interval }
}

#[cfg(test)]
mod tests;
