//! A test whose mean of Z is known from the data that a trial is expected to have.

use super::moments::{Balance, StandardisedMoments, StatisticMoments};
use crate::analysis::EffectScale;

/// Multiples of the stated effect up to which an effect is searched for.
const FARTHEST: f64 = 50.0;

/// A test that depends on more than the distributions of two arms, such as covariates, strata or
/// imputed outcomes, with its estimate and its statistic on the expected data of a trial (O'Brien
/// 1986, SAS SUGI 11:778; Self, Mauritsen & Ohara 1992, Biometrics 48:31).
///
/// Between no effect and the stated one, and beyond, estimate and statistic are interpolated linearly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpectedStatistic {
    scale: EffectScale,
    null: ExpectedPoint,
    stated: ExpectedPoint,
    /// Share of the way from no effect to the stated one.
    fraction: f64,
    pub(super) balance: Balance,
    /// Whether the null hypothesis ends at a margin instead of no effect.
    has_margin: bool,
}

/// Estimate and statistic on the expected data under one effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpectedPoint {
    /// Estimate on the scale of the analysis.
    pub estimate: f64,
    /// Moments of Z with one of the outcomes that looks are counted by; the mean grows with their root.
    pub statistic: StandardisedMoments,
}

impl ExpectedStatistic {
    /// Constructs a comparison from the expected data without an effect, or at the margin, and with the
    /// stated one; all numbers are finite.
    pub fn new(
        scale: EffectScale,
        null: ExpectedPoint,
        stated: ExpectedPoint,
        has_margin: bool,
    ) -> Self {
        // Iterations end near 0, which is to be printed as none.
        let is_none = null.estimate.abs() < 1e-9;
        let null = ExpectedPoint { estimate: if is_none { 0.0 } else { null.estimate }, ..null };
        Self { scale, null, stated, fraction: 1.0, balance: Balance::NONE, has_margin }
    }

    pub(super) fn scale(&self) -> EffectScale {
        self.scale
    }

    pub(super) fn has_margin(&self) -> bool {
        self.has_margin
    }

    pub(super) fn effect(&self) -> f64 {
        self.effect_at_fraction(self.fraction)
    }

    pub(super) fn null_effect(&self) -> f64 {
        self.null.estimate
    }

    pub(super) fn effects(&self) -> (f64, f64) {
        let ends = [-FARTHEST, FARTHEST].map(|f| self.effect_at_fraction(f));
        (ends[0].min(ends[1]), ends[0].max(ends[1]))
    }

    /// Returns the same test at another effect; at any if there is no stated effect.
    pub(super) fn with_effect(&self, effect: f64) -> Self {
        let stated = self.stated.estimate - self.null.estimate;
        let fraction = if stated == 0.0 { 0.0 } else { (effect - self.null.estimate) / stated };
        Self { fraction, ..*self }
    }

    pub(super) fn at_fraction(&self, f: f64) -> Self {
        Self { fraction: f * self.fraction, balance: self.balance.at_fraction(f), ..*self }
    }

    /// Returns the estimate at which Z is `z` on `total` outcomes; `None` if Z does not depend on it.
    pub(super) fn effect_at_z(&self, z: f64, total: f64) -> Option<f64> {
        let mean = self.moments().effect_at(z, total);
        let [null, stated] = [self.null, self.stated].map(|point| point.statistic.mean);
        let effect = self.effect_at_fraction((mean - null) / (stated - null));
        effect.is_finite().then_some(effect)
    }

    pub(super) fn moments(&self) -> StatisticMoments {
        let (null, stated, f) = (self.null.statistic, self.stated.statistic, self.fraction);
        let statistic = StandardisedMoments {
            mean: null.mean + f * (stated.mean - null.mean),
            // Beyond the stated effect one that falls could become negative.
            sd: null.sd + f.clamp(0.0, 1.0) * (stated.sd - null.sd),
        };
        self.balance.applied_to(statistic.moments())
    }

    fn effect_at_fraction(&self, f: f64) -> f64 {
        self.null.estimate + f * (self.stated.estimate - self.null.estimate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::comparison::Comparison;
    use crate::num::normal::upper_quantile;

    fn point(estimate: f64, mean: f64, sd: f64) -> ExpectedPoint {
        ExpectedPoint { estimate, statistic: StandardisedMoments { mean, sd } }
    }

    fn log_odds(null: ExpectedPoint, stated: ExpectedPoint) -> Comparison {
        Comparison::ExpectedData(ExpectedStatistic::new(
            EffectScale::LogOddsRatio,
            null,
            stated,
            false,
        ))
    }

    #[test]
    fn means_of_z_grow_with_the_root_of_the_outcomes_and_with_the_effect() {
        let comparison = log_odds(point(1e-12, 0.0, 1.0), point(0.7, 0.16, 1.0));
        for (f, n) in [(0.0, 100.0), (0.5, 100.0), (1.0, 400.0), (-1.0, 225.0)] {
            let at = comparison.at_fraction(f);
            assert!((at.drift(0.025, 0.5, n) - 0.16 * f * f64::sqrt(n)).abs() < 1e-12);
            assert!((at.measured_effect() - 0.7 * f).abs() < 1e-12);
        }
        assert_eq!(comparison.null_effect(), 0.0);
        let needed = (upper_quantile(0.025) + upper_quantile(0.2)) / 0.16;
        let size = comparison.fixed_sample_size(0.025, 0.8, 0.5).expect("there is an effect");
        assert!((size - needed * needed).abs() < 1e-9);
        let odds_ratio = comparison.odds_ratio_of(0.7).expect("the scale is a logarithm of odds");
        assert!((odds_ratio - libm::exp(0.7)).abs() < 1e-12);
    }

    #[test]
    fn the_effect_at_a_z_gives_it_also_if_the_null_hypothesis_has_one() {
        let comparison = log_odds(point(-0.2, -0.05, 1.0), point(0.5, 0.16, 0.98));
        for z in [-2.0, 0.0, 1.3, 4.0] {
            let effect = comparison.effect_at_z(z, 0.5, 312.0).expect("the slope is not 0");
            assert!((comparison.z_at_effect(effect, 0.5, 312.0) - z).abs() < 1e-12);
        }
        let flat = log_odds(point(0.0, 0.0, 1.0), point(0.0, 0.0, 1.0));
        assert_eq!(flat.effect_at_z(1.0, 0.5, 312.0), None);
        assert_eq!(flat.fixed_sample_size(0.025, 0.8, 0.5), None);
    }

    /// With one look the power is Φ((δ − z_α) / σ): the mean δ exceeds the critical value by as many of
    /// its own standard deviations.
    #[test]
    fn a_smaller_spread_of_z_raises_the_power() {
        let drift =
            |sd| log_odds(point(0.0, 0.0, 1.0), point(0.7, 0.16, sd)).drift(0.025, 0.5, 400.0);
        let critical = upper_quantile(0.025);
        assert!((drift(0.9) - (critical + (3.2 - critical) / 0.9)).abs() < 1e-12);
        assert!((drift(1.0) - 3.2).abs() < 1e-12);
    }
}
