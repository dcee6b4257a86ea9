//! The data of a look as an analysis sees them: statistic, estimate, intervals.

use rescuesim::analysis::method::ArmComparison;
use rescuesim::analysis::two_proportions::{self, ProportionEffect};
use rescuesim::analysis::{EffectScale, OutcomeTable, TestResult};
use rescuesim::design::comparison::Comparison;
use rescuesim::design::inference::{repeated_difference, repeated_interval};
use rescuesim::design::monitor::RunningTrial;
use rescuesim::expected::Expected;
use rescuesim::num::normal::upper_quantile;
use rescuesim::report::monitoring::Effects;
use rescuesim::scenario::{Analysis, Scenario};

use super::Failure;

/// Level of the confidence intervals of analyses.
const LEVEL: f64 = 0.95;

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

/// Computes estimate and intervals on the scale of the analysis.
pub fn effects(
    trial: &RunningTrial,
    analysis: &Analysis,
    data: &LookData,
    table: Option<&OutcomeTable>,
    overrun: bool,
) -> Effects {
    let scale = analysis.method.scale();
    let alpha = trial.alpha_one_sided();
    // The overrun is not an analysis that the design planned, so that it has no boundary to invert;
    // an infinite bound is that of a look that does not test efficacy.
    let bound = trial.repeated_bound(alpha).filter(|bound| bound.is_finite() && !overrun);
    // An interval by the error that Z was divided by excludes the null effect exactly if Z is
    // beyond the bound.
    let error_of_z = data.adjustable.map(|(_, error)| error);
    let adjusted = data.adjustable.map(|(z, error)| {
        // Stage-wise ordering needs the path only up to this look: the boundaries before it and Z here.
        let drift = trial.drift_estimate(z);
        drift.as_effect_from(analysis.method.null_effects().lower, trial.information(), error)
    });
    // Score intervals are for the risk difference.
    let cut = match analysis.method.as_test().comparison() {
        Some(ArmComparison::Proportions {
            cut, effect: ProportionEffect::RiskDifference, ..
        }) => Some(cut),
        Some(
            ArmComparison::Proportions {
                effect: ProportionEffect::LogRiskRatio | ProportionEffect::LogOddsRatio,
                ..
            }
            | ArmComparison::CommonOddsRatio(_)
            | ArmComparison::NetBenefit(_)
            | ArmComparison::Utilities { .. },
        )
        | None => None,
    };
    let arms = table.zip(cut).map(|(table, cut)| two_proportions::arms(&table.weights(), cut));
    Effects {
        scale: scale.name(),
        estimate: data.estimate,
        standard_error: data.standard_error,
        level: trial.level(),
        interval: data
            .interval
            // Methods report 95 % intervals of their own kind, such as Newcombe's. For another level there
            // is only that of estimate and standard error.
            .filter(|_| trial.level() == LEVEL)
            .or_else(|| data.interval_of(scale, data.standard_error?, upper_quantile(alpha))),
        repeated_interval: bound.and_then(|bound| data.interval_of(scale, error_of_z?, bound)),
        repeated_score_interval: arms.zip(bound).map(|([control, experimental], bound)| {
            let rates = [control.rate(), experimental.rate()];
            repeated_difference(rates, [control.patients, experimental.patients], bound)
        }),
        // Adding 0 turns −0 into 0.
        median_unbiased: adjusted.map(|adjusted| scale.within(adjusted.median) + 0.0),
        // Limits of a normal approximation may exceed a risk difference of 1; see `EffectScale::within`.
        stagewise_interval: adjusted
            .map(|adjusted| (scale.within(adjusted.low), scale.within(adjusted.high))),
    }
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
    fn interval_of(&self, scale: EffectScale, error: f64, bound: f64) -> Option<(f64, f64)> {
        let (low, high) = repeated_interval(self.estimate?, error, bound);
        Some((scale.within(low), scale.within(high)))
    }

    /// Takes the test of given outcomes.
    ///
    /// # Errors
    /// When it has neither a statistic nor an estimate.
    pub fn of_test(analysis: &Analysis, test: &TestResult) -> Result<Self, Failure> {
        // Either alone is enough: equal outcomes in all patients give an estimate of 0 and no Z.
        if !test.z.is_finite() && !test.has_estimate() {
            return Err(Failure::Usage(format!(
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
}
