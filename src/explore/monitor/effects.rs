//! The treatment effect at a look, with unadjusted, repeated and stage-wise intervals.

use serde::Serialize;

use super::data::LookData;
use crate::analysis::OutcomeTable;
use crate::analysis::method::ArmComparison;
use crate::analysis::two_proportions::{self, ProportionEffect};
use crate::design::inference::repeated_difference;
use crate::design::monitor::RunningTrial;
use crate::num::normal::upper_quantile;
use crate::scenario::Analysis;

/// Level of the confidence intervals of analyses.
const LEVEL: f64 = 0.95;

/// Effects at a look, on the scale of the analysis.
#[derive(Debug, Clone, Serialize)]
pub struct Effects {
    /// Name of the scale: see [`crate::analysis::EffectScale::name`].
    pub scale: &'static str,
    /// Ordinary estimate; null if the counts give none.
    pub estimate: Option<f64>,
    /// Standard error of the estimate; without counts, the divisor of Z. Null if unknown.
    pub standard_error: Option<f64>,
    /// Confidence level of the intervals, 1 − 2α.
    pub level: f64,
    /// Unadjusted interval, which ignores the looks: that of the analysis, given counts and a level of
    /// 95 %.
    pub interval: Option<(f64, f64)>,
    /// Repeated confidence interval, valid at every look, whether or not the trial stops and whether or
    /// not futility is heeded; null if efficacy is not tested.
    pub repeated_interval: Option<(f64, f64)>,
    /// Repeated confidence interval by inversion of the score test of two proportions; null without
    /// their counts.
    pub repeated_score_interval: Option<(f64, f64)>,
    /// Median-unbiased estimate if the trial ends at this look; null if the statistic is not the estimate
    /// over its error and the counts are not given.
    pub median_unbiased: Option<f64>,
    /// Interval of the median-unbiased estimate by stage-wise ordering.
    pub stagewise_interval: Option<(f64, f64)>,
}

impl Effects {
    /// Computes estimate and intervals on the scale of the analysis.
    pub(super) fn new(
        trial: &RunningTrial,
        analysis: &Analysis,
        data: &LookData,
        table: Option<&OutcomeTable>,
        overrun: bool,
    ) -> Self {
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
                cut,
                effect: ProportionEffect::RiskDifference,
                ..
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
        Self {
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
}
