//! Statistics of two proportions on the scale of an effect, with a margin or without.

use super::{
    ArmEvents, Arms, EffectEstimate, ProportionEffect, ProportionInterval, ProportionTest,
    intervals, z,
};
use crate::analysis::margin::NullEffects;
use crate::analysis::restricted::{Distance, OddsRatio};
use crate::analysis::{FitStatus, TestResult, Z_95};

/// The tests that have a margin, for messages.
pub(super) const WITH_MARGIN: &str = "wald, farrington_manning, miettinen_nurminen";

/// A test of two proportions with its effect and the effects at which the null hypothesis ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProportionStatistic {
    /// The statistic. Against a margin, `PooledZ` is `FarringtonManning`.
    pub test: ProportionTest,
    /// The scale of the effect and of the margins, which are logarithms of ratios.
    pub effect: ProportionEffect,
    /// Effects at which the null hypothesis ends.
    pub null: NullEffects,
}

impl ProportionStatistic {
    /// The statistic compared with the boundary. Without a margin it is [`z`], but for Wald's, which is
    /// the effect over its standard error on any scale. With a margin m on the effect θ:
    ///
    /// * `Wald`: (θ − m) over the standard error of [`ProportionEffect::estimate`].
    /// * `FarringtonManning` and `PooledZ`: [`Distance::score_z`] for a difference or ratio (Farrington &
    ///   Manning 1990, Stat Med 9:1447), [`OddsRatio::score_z`] for an odds ratio.
    /// * `MiettinenNurminen`: the same times √((N − 1)/N) (1985, Stat Med 4:213).
    ///
    /// `None` as for [`z`]; by a score test against a margin only when an arm is empty or the variance at
    /// the margin is 0. By Wald's test also if the effect is infinite. The tests that have no margin,
    /// which [`super::Method::bind`] refuses with one, are `None` with it.
    pub fn z(&self, arms: &Arms) -> Option<f64> {
        // Without a margin only Wald's statistic depends on the scale: the others compare rates.
        if self.null == NullEffects::NONE && self.test != ProportionTest::Wald {
            return z(arms, self.test);
        }
        let value = match self.test {
            ProportionTest::Wald | ProportionTest::UnpooledZ => {
                let EffectEstimate { estimate, standard_error, .. } = self.effect.estimate(arms);
                self.null.wald_z(estimate, standard_error)
            }
            ProportionTest::PooledZ | ProportionTest::FarringtonManning => {
                self.null.z(|margin| score_z(arms, self.effect, margin))
            }
            ProportionTest::MiettinenNurminen => {
                let [control, experimental] = arms.map(|arm| arm.patients);
                let total = control + experimental;
                // Expected counts may sum to less than one patient.
                let factor = ((total - 1.0) / total).max(0.0).sqrt();
                self.null.z(|margin| factor * score_z(arms, self.effect, margin))
            }
            ProportionTest::ContinuityCorrected
            | ProportionTest::Fisher
            | ProportionTest::FisherMidP => f64::NAN,
        };
        value.is_finite().then_some(value)
    }

    /// The statistic with the estimate, its standard error and its 95 % interval.
    ///
    /// The status is that of the estimate (see [`EffectEstimate`]), or `NoInformation` if only the
    /// statistic is missing (Fisher's test of counts that are not whole). Z is NaN exactly if
    /// [`ProportionStatistic::z`] gives none; a `Separated` estimate usually has a Z. The interval of a
    /// score method or Newcombe's is defined whenever both arms have patients, even when the estimate is
    /// not; limits are NaN only if [`intervals::interval`] gives none.
    pub fn analyse(&self, arms: &Arms, interval: ProportionInterval) -> TestResult {
        // Rates of an empty arm would be 0/0.
        if arms.iter().any(|arm| arm.patients <= 0.0) {
            return TestResult::failed(FitStatus::NoInformation);
        }
        let EffectEstimate { estimate, standard_error, status } = self.effect.estimate(arms);
        let z = self.z(arms);
        let status = if status == FitStatus::Converged && z.is_none() {
            FitStatus::NoInformation
        } else {
            status
        };
        let interval = intervals::limits(arms, self.effect, interval, Z_95);
        let interval = interval.unwrap_or((f64::NAN, f64::NAN));
        TestResult { estimate, standard_error, z: z.unwrap_or(f64::NAN), status, interval }
    }
}

/// Score Z against a margin on the scale of the effect; not finite without patients or variance.
fn score_z(arms: &Arms, effect: ProportionEffect, margin: f64) -> f64 {
    let (rates, patients) = (arms.map(ArmEvents::rate), arms.map(|arm| arm.patients));
    match effect {
        ProportionEffect::RiskDifference => Distance::Difference(margin).score_z(rates, patients),
        ProportionEffect::LogRiskRatio => {
            Distance::Ratio(libm::exp(margin)).score_z(rates, patients)
        }
        ProportionEffect::LogOddsRatio => OddsRatio(libm::exp(margin)).score_z(rates, patients),
    }
}
