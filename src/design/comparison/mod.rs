//! Comparisons that a trial makes, under a stated alternative, and the resulting mean of Z.
//!
//! All are normal approximations. A simulation differs from them by more than its Monte Carlo error
//! for one or more of these reasons: counts are discrete; the variance of Z is not 1 under the
//! alternative, nor under the null where patients are allocated by covariates that predict the
//! outcome and the test leaves out; numbers of patients with an outcome vary; strata are sparse, so
//! that information does not grow with the number of outcomes.

mod expected_data;
pub mod mann_whitney;
pub mod means;
mod moments;
pub mod ordinal;
pub mod two_proportions;
mod words;

pub use expected_data::{ExpectedPoint, ExpectedStatistic};
pub use means::TwoMeans;
pub use moments::{Balance, StandardisedMoments};
pub use ordinal::{Ordinal, OrdinalTest};
pub use two_proportions::{TwoProportions, Variance};

use crate::analysis::method::ArmComparison;
use crate::analysis::proportional_odds::levels::Levels;
use crate::analysis::restricted::Distance;
use crate::analysis::two_proportions::{ProportionEffect, ProportionTest};
use crate::num::WrongSum;
use crate::num::normal::upper_quantile;
use crate::num::root::brent;
use crate::outcome::MrsDistribution;
use moments::StatisticMoments;

/// Steps in which [`Comparison::with_drift`] searches for the smallest effect.
const STEPS: usize = 128;

/// Endpoint and test of a trial, with the assumed distribution in each arm.
///
/// Shares of the experimental arm are in (0, 1), totals above 0, both over the patients analysed.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// Shares of patients with a success.
    TwoProportions(TwoProportions),
    /// Distributions over ordered levels.
    Ordinal(Ordinal),
    /// Means of a score.
    Means(TwoMeans),
    /// A test that depends on more than two distributions.
    ExpectedData(ExpectedStatistic),
}

/// Reason why numbers are not a valid comparison.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NotComparable {
    /// A proportion of 0 or 1, at which there is nothing to test.
    #[error("the {what} is {value}; allowed: above 0 and below 1")]
    Rate {
        /// Name of the rate.
        what: &'static str,
        /// The rate as given, or as it follows from the null hypothesis.
        value: f64,
    },
    /// A share of a level that is negative or not finite.
    #[error("the share of level {level} is {value}; allowed: 0 or more")]
    Share {
        /// Level, counted from 0, the best.
        level: usize,
        /// The share as given.
        value: f64,
    },
    /// Shares that do not sum to 1 or 100.
    #[error("the shares {0}")]
    Sum(#[from] WrongSum),
    /// More levels than the modified Rankin Scale has.
    #[error("{0} levels are too many for a common odds ratio; allowed: 2 to 7")]
    TooManyLevels(usize),
    /// Lists of different lengths.
    #[error("{0} levels do not match {1}")]
    Levels(usize, usize),
    /// All control patients have the same level.
    #[error("all control patients have the same level; allowed: at least two levels")]
    OneLevel,
    /// A score without spread, or a number that is not finite.
    #[error("the {what} is {value}; allowed: a finite number, and above 0 for a spread")]
    Score {
        /// Name of the number.
        what: &'static str,
        /// The number as given.
        value: f64,
    },
}

/// Probabilities of the levels of each arm.
fn merged(levels: Levels, arms: &[MrsDistribution; 2]) -> [Vec<f64>; 2] {
    arms.each_ref().map(|mrs| levels.merge(mrs.probabilities())[..levels.number()].to_vec())
}

impl Comparison {
    /// The comparison that an analysis makes of two distributions of the mRS, control first, against the
    /// null hypothesis that its effect is at most `null`, on the scale of the analysis: 0 for
    /// superiority.
    ///
    /// # Errors
    /// If the arms have no effect on its scale, as when all patients of an arm have a success, or `null`
    /// would take a rate beyond 0 or 1.
    pub fn of_arms(
        compared: ArmComparison<'_>,
        arms: &[MrsDistribution; 2],
        share_experimental: f64,
        null: f64,
    ) -> Result<Self, NotComparable> {
        Ok(match compared {
            ArmComparison::Proportions { cut, test, effect } => {
                let [control, experimental] = arms.each_ref().map(|mrs| mrs.at_most(cut));
                let rates = TwoProportions::new(control, experimental)?;
                let rates = rates.tested_by(test).measured_by(effect);
                // Only Wald's test depends on the scale of the effect when there is no margin.
                let has_scale = null != 0.0 || test == ProportionTest::Wald;
                let distance = match effect {
                    ProportionEffect::RiskDifference => Distance::Difference(null),
                    ProportionEffect::LogRiskRatio => Distance::Ratio(libm::exp(null)),
                    ProportionEffect::LogOddsRatio => Distance::OddsRatio(libm::exp(null)),
                };
                Self::TwoProportions(if has_scale { rates.against(distance)? } else { rates })
            }
            ArmComparison::CommonOddsRatio(levels) => {
                // Against a margin the test is Wald's.
                let test =
                    if null == 0.0 { OrdinalTest::ProportionalOdds } else { OrdinalTest::Wald };
                let [control, experimental] = merged(levels, arms);
                let fitted = Ordinal::fitted(&control, &experimental, share_experimental, test)?;
                Self::Ordinal(fitted.against(null))
            }
            ArmComparison::NetBenefit(levels) => {
                let test = OrdinalTest::MannWhitney;
                let [control, experimental] = merged(levels, arms);
                let fitted = Ordinal::fitted(&control, &experimental, share_experimental, test)?;
                Self::Ordinal(fitted.measured_by_net_benefit())
            }
            ArmComparison::Utilities { utilities, test } => {
                let [control, experimental] = arms.each_ref().map(MrsDistribution::probabilities);
                let means = TwoMeans::of_utilities(utilities.by_mrs(), control, experimental)?;
                Self::Means(means.tested_by(test).against(null))
            }
        })
    }

    /// Computes the total patients (not rounded) of the test with one look; `None` if the effect is
    /// not beyond the null hypothesis in the direction of benefit, or `power` not above the error
    /// rate.
    pub fn fixed_sample_size(
        &self,
        alpha_one_sided: f64,
        power: f64,
        share_experimental: f64,
    ) -> Option<f64> {
        let (z_alpha, z_beta) = (upper_quantile(alpha_one_sided), upper_quantile(1.0 - power));
        match self {
            Self::TwoProportions(it) => it.fixed_sample_size(z_alpha, z_beta, share_experimental),
            Self::Ordinal(it) => it.fixed_sample_size(z_alpha, z_beta, share_experimental),
            Self::Means(it) => it.moments(share_experimental).required(z_alpha, z_beta),
            Self::ExpectedData(it) => it.moments().required(z_alpha, z_beta),
        }
    }

    /// Computes the mean of Z on `total` patients, as that of a normal variable with variance 1.
    ///
    /// If the variance of the test statistic differs between the hypotheses, the ratio enters at
    /// the critical value of a test with one look (rpact's convention), so that Φ(drift − z_α) is
    /// that test's power. In small trials with a small effect that ratio may make it negative.
    pub fn drift(&self, alpha_one_sided: f64, share_experimental: f64, total: f64) -> f64 {
        self.moments(share_experimental, total).drift(alpha_one_sided, total)
    }

    /// Returns the stated effect on the scale that searches use: risk difference, log common odds
    /// ratio, difference of means, or that of the analysis for expected data; experimental minus
    /// control.
    pub fn effect(&self) -> f64 {
        match self {
            Self::TwoProportions(it) => it.effect(),
            Self::Ordinal(it) => it.log_odds_ratio(),
            Self::Means(it) => it.effect(),
            Self::ExpectedData(it) => it.effect(),
        }
    }

    /// Returns the effect, on the scale of [`Comparison::effect`], at which the null hypothesis
    /// ends.
    pub fn null_effect(&self) -> f64 {
        match self {
            Self::TwoProportions(it) => it.null_effect(),
            Self::Ordinal(it) => it.null_log_odds_ratio(),
            Self::Means(it) => it.null_effect(),
            Self::ExpectedData(it) => it.null_effect(),
        }
    }

    /// Returns whether the null hypothesis ends at a margin instead of no effect.
    pub fn has_margin(&self) -> bool {
        match self {
            Self::TwoProportions(_) | Self::Ordinal(_) | Self::Means(_) => {
                self.null_effect() != 0.0
            }
            // Imputed outcomes may give an estimate other than 0 without an effect.
            Self::ExpectedData(it) => it.has_margin(),
        }
    }

    /// Returns the effect on the scale on which effects are reported, that of the analysis if there
    /// is one. See [`Comparison::scale_name`].
    pub fn measured_effect(&self) -> f64 {
        match self {
            Self::TwoProportions(it) => {
                let [control, experimental] = it.rates();
                it.measure().of(control, experimental)
            }
            Self::Ordinal(it) if it.is_measured_by_net_benefit() => it.net_benefit(),
            Self::Ordinal(_) | Self::Means(_) | Self::ExpectedData(_) => self.effect(),
        }
    }

    /// Returns the comparison with another effect, on the scale of [`Comparison::measured_effect`];
    /// `None` if no shift has it. The control arm is unchanged.
    pub fn with_measured_effect(&self, effect: f64) -> Option<Self> {
        match self {
            Self::TwoProportions(it) => Some(self.with_effect(it.difference_measuring(effect))),
            Self::Ordinal(it) if it.is_measured_by_net_benefit() => {
                let (low, high) = self.effects();
                brent(|shift| it.with_effect(shift).net_benefit() - effect, low, high)
                    .map(|shift| self.with_effect(shift))
            }
            Self::Ordinal(_) | Self::Means(_) | Self::ExpectedData(_) => {
                Some(self.with_effect(effect))
            }
        }
    }

    /// Returns the comparison of arms whose prognostic factors the randomisation balances.
    pub fn balanced(mut self, balance: Balance) -> Self {
        match &mut self {
            Self::TwoProportions(it) => it.balance = balance,
            Self::Ordinal(it) => it.balance = balance,
            Self::Means(it) => it.balance = balance,
            Self::ExpectedData(it) => it.balance = balance,
        }
        self
    }

    /// Returns the assumed balance by the randomisation.
    pub fn balance(&self) -> Balance {
        match self {
            Self::TwoProportions(it) => it.balance,
            Self::Ordinal(it) => it.balance,
            Self::Means(it) => it.balance,
            Self::ExpectedData(it) => it.balance,
        }
    }

    /// Converts an effect to an odds ratio of success, the common odds ratio or the win odds; `None`
    /// on other scales, and if an arm would have only successes or none.
    pub fn odds_ratio_of(&self, effect: f64) -> Option<f64> {
        let ratio = match self {
            Self::TwoProportions(it) => two_proportions::odds_ratio(it.rates()[0], effect),
            Self::Ordinal(_) => libm::exp(effect),
            Self::ExpectedData(it) if it.scale().is_log_odds() => libm::exp(effect),
            Self::Means(_) | Self::ExpectedData(_) => return None,
        };
        (ratio.is_finite() && ratio > 0.0).then_some(ratio)
    }

    /// Returns the name of the scale on which effects are reported: `risk_difference`,
    /// `log_risk_ratio`, `log_odds_ratio`, `log_common_odds_ratio`, `net_benefit`,
    /// `difference_of_means`, or that of the analysis for expected data.
    pub fn scale_name(&self) -> &'static str {
        match self {
            Self::TwoProportions(it) => it.measure().scale().name(),
            Self::Ordinal(it) if it.is_measured_by_net_benefit() => "net_benefit",
            Self::Ordinal(_) => "log_common_odds_ratio",
            Self::Means(_) => "difference_of_means",
            Self::ExpectedData(it) => it.scale().name(),
        }
    }

    /// Returns the comparison with `f` times the stated effect beyond the null hypothesis: 0 is the
    /// null hypothesis, 1 as stated. Beyond 1, a proportion is limited to \[0, 1\].
    pub fn at_fraction(&self, f: f64) -> Self {
        match self {
            Self::TwoProportions(it) => Self::TwoProportions(it.at_fraction(f)),
            Self::Ordinal(it) => Self::Ordinal(it.at_fraction(f)),
            Self::Means(it) => Self::Means(it.at_fraction(f)),
            Self::ExpectedData(it) => Self::ExpectedData(it.at_fraction(f)),
        }
    }

    /// Returns the comparison with another effect and the same control arm; an ordinal experimental
    /// arm is the control arm shifted. A proportion is limited to \[0, 1\].
    pub fn with_effect(&self, effect: f64) -> Self {
        match self {
            Self::TwoProportions(it) => Self::TwoProportions(it.with_effect(effect)),
            Self::Ordinal(it) => Self::Ordinal(it.with_effect(effect)),
            Self::Means(it) => Self::Means(it.with_effect(effect)),
            Self::ExpectedData(it) => Self::ExpectedData(it.with_effect(effect)),
        }
    }

    /// Returns the comparison with the smallest effect in the direction of benefit whose
    /// [`Comparison::drift`] on `total` patients is `drift` > 0; `None` if no effect has it. The
    /// control arm is unchanged.
    pub fn with_drift(
        &self,
        drift: f64,
        alpha_one_sided: f64,
        share_experimental: f64,
        total: f64,
    ) -> Option<Self> {
        // The effect of means is the root of a quadratic equation, so nothing has to be searched.
        if let Self::Means(it) = self {
            return it
                .with_drift(drift, alpha_one_sided, share_experimental, total)
                .map(Self::Means);
        }
        // The drift need not rise with the effect throughout, so the first step that reaches it
        // brackets the smallest effect.
        let (from, to) = (self.null_effect(), self.effects().1);
        let mut below = from;
        for i in 1..=STEPS {
            let effect = from + (to - from) * i as f64 / STEPS as f64;
            let reached =
                self.with_effect(effect).drift(alpha_one_sided, share_experimental, total);
            if reached - drift >= 0.0 {
                let smallest = brent(
                    |effect| {
                        let comparison = self.with_effect(effect);
                        comparison.drift(alpha_one_sided, share_experimental, total) - drift
                    },
                    below,
                    effect,
                );
                return smallest.map(|effect| self.with_effect(effect));
            }
            below = effect;
        }
        None
    }

    /// Computes the test statistic on `total` patients if `effect` is observed and the control arm
    /// is as planned.
    pub fn z_at_effect(&self, effect: f64, share_experimental: f64, total: f64) -> f64 {
        match self.with_effect(effect) {
            // A continuity correction moves an observed statistic towards 0 from either side; the
            // mean, of which the moments are, it lowers at any effect.
            Self::TwoProportions(it) => it.observed_z(share_experimental, total),
            other => other.moments(share_experimental, total).z(total),
        }
    }

    /// Solves for the observed effect at which the test statistic is `z` on `total` patients when
    /// the control arm is observed as planned; `None` if no effect gives it.
    ///
    /// It is the inverse of [`Comparison::z_at_effect`]. With a continuity correction every small
    /// effect gives Z = 0, for which the null effect is returned.
    pub fn effect_at_z(&self, z: f64, share_experimental: f64, total: f64) -> Option<f64> {
        // Before the shortcut for 0: imputed outcomes may have a Z other than 0 without an effect.
        if let Self::ExpectedData(it) = self {
            return it.effect_at_z(z, total);
        }
        if z == 0.0 {
            return Some(self.null_effect());
        }
        if let Self::Means(it) = self {
            return Some(it.null_effect() + it.moments(share_experimental).effect_at(z, total));
        }
        let (low, high) = self.effects();
        let (low, high) =
            if z > 0.0 { (self.null_effect(), high) } else { (low, self.null_effect()) };
        brent(|effect| self.z_at_effect(effect, share_experimental, total) - z, low, high)
    }

    /// Returns the least and the largest effect of a search.
    fn effects(&self) -> (f64, f64) {
        match self {
            Self::TwoProportions(it) => it.effects(),
            // A log odds ratio of 30 leaves one patient in 10¹³ at the level of a control patient.
            Self::Ordinal(_) => (-30.0, 30.0),
            // Never searched: the effects of means follow in closed form.
            Self::Means(_) => (f64::NEG_INFINITY, f64::INFINITY),
            Self::ExpectedData(it) => it.effects(),
        }
    }

    fn moments(&self, share_experimental: f64, total: f64) -> StatisticMoments {
        match self {
            Self::TwoProportions(it) => it.moments(share_experimental, total),
            Self::Ordinal(it) => it.moments(share_experimental, total),
            Self::Means(it) => it.moments(share_experimental),
            Self::ExpectedData(it) => it.moments(),
        }
    }
}

#[cfg(test)]
mod tests;
