//! The data of a look as an analysis sees them: statistic and estimate.

use super::{GivenStatistic, InvalidLook};
use crate::analysis::{EffectScale, TestResult};
use crate::design::comparison::Comparison;
use crate::design::inference::repeated_interval;
use crate::design::inference::scale::standard_error_of;
use crate::expected::Expected;
use crate::scenario::{Analysis, Scenario};

/// Data of a look, as an analysis reports them.
pub struct LookData {
    /// `None` if the counts give none.
    pub z: Option<f64>,
    pub estimate: Option<f64>,
    pub standard_error: Option<f64>,
    /// Estimate over its standard error, and that error; see [`Analysis::estimate_over_error`].
    pub adjustable: Option<(f64, f64)>,
    /// 95 % confidence interval of the analysis.
    pub interval: Option<(f64, f64)>,
}

/// Planned effect, as an analysis sees it.
pub struct PlannedEffect {
    comparison: Option<Comparison>,
    pub drift: Option<f64>,
    share_experimental: f64,
}

impl PlannedEffect {
    pub fn new(scenario: &Scenario, analysis: &Analysis) -> Self {
        let share_experimental = scenario.share_experimental_known();
        let comparison = Expected::new(scenario).planned_comparison(analysis);
        let alpha = scenario.design.plan().rules.alpha_one_sided;
        let maximum = f64::from(scenario.design.maximum_analysed());
        let drift = comparison
            .as_ref()
            .map(|comparison| comparison.drift(alpha, share_experimental, maximum));
        Self { comparison, drift, share_experimental }
    }

    /// Returns whether a formula knows the effect that belongs to a Z.
    pub fn is_known(&self) -> bool {
        self.comparison.is_some()
    }

    /// Returns the estimate that gives a Z when the control arm is observed as planned; `None` if no
    /// effect does, and for an analysis without a formula.
    pub fn effect_at(&self, z: f64, analysed: u32) -> Option<f64> {
        let comparison = self.comparison.as_ref()?;
        // The planned control arm stands in for the observed one, of which a Z alone says nothing.
        let effect = comparison.effect_at_z(z, self.share_experimental, f64::from(analysed))?;
        Some(comparison.with_effect(effect).measured_effect())
    }
}

impl LookData {
    /// Returns the estimate ± `bound` standard errors, within the range of the scale; `None`
    /// without an estimate.
    pub(super) fn interval_of(
        &self,
        scale: EffectScale,
        error: f64,
        bound: f64,
    ) -> Option<(f64, f64)> {
        let (low, high) = repeated_interval(self.estimate?, error, bound);
        Some((scale.within(low), scale.within(high)))
    }

    /// Takes the test of given outcomes.
    ///
    /// # Errors
    /// When it has neither a statistic nor an estimate.
    pub fn of_test(analysis: &Analysis, test: &TestResult) -> Result<Self, InvalidLook> {
        // Either alone is enough: equal outcomes in all patients give an estimate of 0 and no Z.
        if !test.z.is_finite() && !test.has_estimate() {
            return Err(InvalidLook(format!(
                "the counts give analysis {} neither a statistic nor an estimate; allowed: patients \
                 in both arms",
                analysis.name
            )));
        }
        let &TestResult { z, estimate, standard_error, interval, .. } = test;
        let [z, estimate, standard_error] = [z, estimate, standard_error]
            .map(|value| Some(value).filter(|value| value.is_finite()));
        Ok(Self {
            z,
            estimate,
            standard_error,
            adjustable: analysis.estimate_over_error(test),
            // An infinite limit is a result, such as that of an odds ratio with an empty cell; NaN is none.
            interval: Some(interval).filter(|(low, high)| !low.is_nan() && !high.is_nan()),
        })
    }
    /// Returns Z and estimate as given; without an estimate, the one that gives this Z with the
    /// control arm as planned, if a formula knows it.
    ///
    /// # Errors
    /// When no effect gives this Z, and when the estimate contradicts it.
    pub fn of_statistic(
        analysis: &Analysis,
        planned: &PlannedEffect,
        analysed: u32,
        given: GivenStatistic,
    ) -> Result<Self, InvalidLook> {
        let z = given.z;
        let scale = analysis.method.scale();
        // Z is 0 at the margin, if there is one.
        let null = analysis.method.null_effects().lower;
        // If Z is not the estimate over its error, the error is unknown without the counts.
        let is_so = analysis.rerandomisations == 0
            && analysis.method.null_effects().upper.is_none()
            && analysis.method.as_test().is_estimate_over_error();
        let estimate = match given.estimate {
            Some(estimate) if scale.is_within_one() && estimate.abs() >= 1.0 => {
                let what = scale.name().replace('_', " ");
                return Err(InvalidLook(format!(
                    "--estimate is {estimate}; allowed: a {what} between -1 and 1"
                )));
            }
            // An exact p value, or one from few re-randomisations, may fall on the other side of one half.
            Some(estimate) if !is_so => Some(estimate),
            // Opposite signs mean that one of the two is coded the other way round.
            Some(estimate) if (estimate == null) == (z == 0.0) && (estimate - null) * z >= 0.0 => {
                Some(estimate)
            }
            Some(estimate) if null == 0.0 => {
                return Err(InvalidLook(format!(
                    "--estimate is {estimate} while --z is {z}; allowed: the same sign, and 0 with 0"
                )));
            }
            Some(estimate) => {
                return Err(InvalidLook(format!(
                    "--estimate is {estimate} while --z is {z}; allowed: an estimate above the margin \
                     ({null:.6}) with a Z above 0, and below it with one below 0"
                )));
            }
            // Without a formula the estimate stays unknown; decision, p values and boundaries need none.
            None if !planned.is_known() => None,
            None => {
                let effect = planned.effect_at(z, analysed);
                let possible = effect.filter(|&effect| scale.within(effect) == effect);
                Some(possible.ok_or_else(|| {
                    InvalidLook(format!(
                        "--z {z}: no effect gives it with control as planned; check its decimal point, or \
                         give --estimate"
                    ))
                })?)
            }
        };
        // At Z = 0 estimate and Z do not determine the error, but the slope of the planned effect
        // in Z does.
        // Small enough for the effect to be linear in Z, large enough to outweigh rounding.
        let slope = planned.effect_at(1e-3, analysed).map(|effect| (effect - null) / 1e-3);
        let standard_error = match (estimate, slope) {
            (None, _) => None,
            (Some(_), None) if z == 0.0 => None,
            (Some(estimate), slope) => {
                Some(standard_error_of(estimate - null, z, slope.unwrap_or(f64::NAN)))
            }
        };
        let adjustable = standard_error.filter(|_| is_so).map(|error| (z, error));
        Ok(Self {
            z: Some(z),
            estimate,
            standard_error: standard_error.filter(|_| is_so),
            adjustable,
            interval: None,
        })
    }
}
