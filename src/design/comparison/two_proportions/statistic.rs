//! Moments of the statistic of two proportions by each convention, and the sizes that follow from them.

use super::{TwoProportions, Variance};
use crate::analysis::restricted::{Distance, ScoreMoments};
use crate::analysis::two_proportions::ProportionEffect;
use crate::design::comparison::moments::StatisticMoments;

impl TwoProportions {
    /// Computes the moments of the statistic on `total` patients, which matter for a continuity
    /// correction only.
    pub(in crate::design::comparison) fn moments(
        &self,
        share_experimental: f64,
        total: f64,
    ) -> StatisticMoments {
        let excess = match (self.continuity_corrected, self.variance) {
            (false, _) => self.excess(share_experimental),
            (true, Variance::Arcsine) => self.excess_after_correction(share_experimental, total),
            (
                true,
                Variance::NullAndAlternative
                | Variance::Alternative
                | Variance::Null
                | Variance::Wald,
            ) => {
                // The mean of a corrected statistic is lower by the correction at any effect, even
                // a small one: on either side of the null hypothesis, benefit becomes harder to
                // show.
                self.excess(share_experimental) - self.correction(share_experimental) / total
            }
        };
        let [null_sd, sd] = self.standard_deviations(share_experimental);
        self.balance.applied_to(StatisticMoments { excess, null_sd, sd })
    }

    /// Computes the statistic for observed rates that equal the stated ones.
    pub(in crate::design::comparison) fn observed_z(
        &self,
        share_experimental: f64,
        total: f64,
    ) -> f64 {
        let excess = match self.continuity_corrected {
            false => self.excess(share_experimental),
            true => self.excess_after_correction(share_experimental, total),
        };
        let [null_sd, sd] = self.standard_deviations(share_experimental);
        StatisticMoments { excess, null_sd, sd }.z(total)
    }

    /// Returns the observed distance after a correction, which takes at most the whole of it.
    fn excess_after_correction(&self, share_experimental: f64, total: f64) -> f64 {
        let excess = self.excess(share_experimental);
        if self.variance == Variance::Arcsine {
            let lost = self.patients_for_continuity(share_experimental) / total;
            return excess * (1.0 - lost).max(0.0).sqrt();
        }
        let correction = self.correction(share_experimental) / total;
        (excess.abs() - correction).max(0.0).copysign(excess)
    }

    /// Computes the size of the test with one look from the upper quantiles at α and β.
    pub(in crate::design::comparison) fn fixed_sample_size(
        &self,
        z_alpha: f64,
        z_beta: f64,
        share_experimental: f64,
    ) -> Option<f64> {
        let total = self.moments(share_experimental, f64::INFINITY).required(z_alpha, z_beta)?;
        Some(match (self.continuity_corrected, self.variance) {
            (false, _) => total,
            (true, Variance::Arcsine) => total + self.patients_for_continuity(share_experimental),
            (
                true,
                Variance::NullAndAlternative
                | Variance::Alternative
                | Variance::Null
                | Variance::Wald,
            ) => {
                // The size at which the corrected distance has the power, in closed form (Fleiss,
                // Tytun & Ury 1980, for any allocation).
                let correction = self.correction(share_experimental);
                let root = 1.0
                    + (1.0 + 4.0 * correction / (total * self.excess(share_experimental))).sqrt();
                0.25 * total * root * root
            }
        })
    }

    /// Returns the distance from the null hypothesis on the scale of the statistic.
    fn excess(&self, share_experimental: f64) -> f64 {
        match self.variance {
            Variance::Arcsine => arcsine(self.experimental) - arcsine(self.null_rate()),
            Variance::Wald => {
                let scale = self.scale_of_null();
                scale.of(self.control, self.experimental) - scale.of(self.control, self.null_rate())
            }
            Variance::NullAndAlternative | Variance::Alternative | Variance::Null => {
                self.score_moments(share_experimental).excess
            }
        }
    }

    /// Returns the scale of the distance at which the null hypothesis ends.
    fn scale_of_null(&self) -> ProportionEffect {
        match self.null {
            Distance::Difference(_) => ProportionEffect::RiskDifference,
            Distance::Ratio(_) => ProportionEffect::LogRiskRatio,
            Distance::OddsRatio(_) => ProportionEffect::LogOddsRatio,
        }
    }

    /// Returns the standard deviation of the estimate on the scale of the null hypothesis, times the
    /// root of the number of patients.
    fn wald_sd(&self, share_experimental: f64) -> f64 {
        let per_patient = self.rates().map(|p| match self.null {
            Distance::Difference(_) => p * (1.0 - p),
            Distance::Ratio(_) => (1.0 - p) / p,
            Distance::OddsRatio(_) => 1.0 / (p * (1.0 - p)),
        });
        let [control, experimental] = per_patient;
        (control / (1.0 - share_experimental) + experimental / share_experimental).sqrt()
    }

    /// Returns σ₀ and σ₁ of [`StatisticMoments`].
    fn standard_deviations(&self, share_experimental: f64) -> [f64; 2] {
        let ScoreMoments { null_variance, variance, .. } = self.score_moments(share_experimental);
        match self.variance {
            Variance::NullAndAlternative => [null_variance.sqrt(), variance.sqrt()],
            Variance::Alternative => [variance.sqrt(); 2],
            Variance::Null => [null_variance.sqrt(); 2],
            Variance::Wald => [self.wald_sd(share_experimental); 2],
            Variance::Arcsine => {
                [0.5 / (share_experimental * (1.0 - share_experimental)).sqrt(); 2]
            }
        }
    }

    /// Returns the moments of the score statistic's numerator.
    fn score_moments(&self, share_experimental: f64) -> ScoreMoments {
        if self.has_margin() {
            return self.null.score_moments(self.rates(), share_experimental);
        }
        // The closed form of the cubic would lose half the digits of the pooled rate.
        let none = Distance::Difference(0.0);
        let pooled =
            (1.0 - share_experimental) * self.control + share_experimental * self.experimental;
        ScoreMoments {
            excess: self.experimental - self.control,
            null_variance: none.linear_variance([pooled; 2], share_experimental),
            variance: none.linear_variance(self.rates(), share_experimental),
        }
    }

    /// Returns the reduction of the distance by a continuity correction, times the number of
    /// patients.
    fn correction(&self, share_experimental: f64) -> f64 {
        let weight = match self.null {
            // That of an odds ratio is measured in the experimental rate.
            Distance::Difference(_) | Distance::OddsRatio(_) => 1.0,
            Distance::Ratio(ratio) => ratio,
        };
        0.5 * (1.0 / share_experimental + weight / (1.0 - share_experimental))
    }

    /// Returns the additional patients of the arcsine's continuity correction, over both arms.
    fn patients_for_continuity(&self, share_experimental: f64) -> f64 {
        let arms = share_experimental * (1.0 - share_experimental);
        0.5 / (arms * (self.experimental - self.null_rate()).abs())
    }
}

fn arcsine(rate: f64) -> f64 {
    libm::asin(rate.sqrt())
}
