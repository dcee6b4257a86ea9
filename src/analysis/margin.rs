//! Margins: effects other than none at which the null hypothesis of an analysis ends.
//!
//! Non-inferiority is tested against the null hypothesis that the effect is at most a margin on the
//! side of harm, superiority by a margin against one on the side of benefit, equivalence against both
//! at once by two one-sided tests (Schuirmann 1987, J Pharmacokinet Biopharm 15:657).

use std::fmt;

use super::method::{ArmComparison, ParameterError, PatientScore, ReferenceDistribution, Test};
use super::proportional_odds::adjusted;
use super::{Counts, EffectScale, TestResult};

/// A scale on which a margin may be stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarginScale {
    /// Experimental minus control proportion.
    RiskDifference,
    /// Ratio of two proportions.
    RiskRatio,
    /// Odds ratio at one cut.
    OddsRatio,
    /// Odds ratio that all cuts share.
    CommonOddsRatio,
    /// Odds of doing better, ties split.
    WinOdds,
    /// Difference of mean utilities.
    UtilityDifference,
}

impl MarginScale {
    /// The scale of margins for estimates on another scale; `None` if there is none for these.
    pub fn of_estimates(scale: EffectScale) -> Option<Self> {
        match scale {
            EffectScale::RiskDifference => Some(Self::RiskDifference),
            EffectScale::LogRiskRatio => Some(Self::RiskRatio),
            EffectScale::LogOddsRatio => Some(Self::OddsRatio),
            EffectScale::LogCommonOddsRatio => Some(Self::CommonOddsRatio),
            EffectScale::LogWinOdds => Some(Self::WinOdds),
            EffectScale::UtilityDifference => Some(Self::UtilityDifference),
            EffectScale::NetBenefit | EffectScale::LogWinRatio => None,
        }
    }

    /// Key in scenarios.
    pub fn key(self) -> &'static str {
        match self {
            Self::RiskDifference => "risk_difference",
            Self::RiskRatio => "risk_ratio",
            Self::OddsRatio => "odds_ratio",
            Self::CommonOddsRatio => "common_odds_ratio",
            Self::WinOdds => "win_odds",
            Self::UtilityDifference => "utility_difference",
        }
    }

    /// Whether 1 is no effect, rather than 0.
    pub fn is_ratio(self) -> bool {
        match self {
            Self::RiskRatio | Self::OddsRatio | Self::CommonOddsRatio | Self::WinOdds => true,
            Self::RiskDifference | Self::UtilityDifference => false,
        }
    }

    /// A value as an estimate has it: the logarithm of a ratio.
    pub fn to_estimate(self, value: f64) -> f64 {
        if self.is_ratio() { libm::log(value) } else { value }
    }

    /// The value of an estimate: the inverse of [`MarginScale::to_estimate`].
    pub fn of_estimate(self, estimate: f64) -> f64 {
        if self.is_ratio() { libm::exp(estimate) } else { estimate }
    }

    /// The value as far from no effect on the other side.
    pub fn mirrored(self, value: f64) -> f64 {
        if self.is_ratio() { 1.0 / value } else { -value }
    }
}

/// Name in a sentence, such as "common odds ratio".
impl fmt::Display for MarginScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RiskDifference => "risk difference",
            Self::RiskRatio => "risk ratio",
            Self::OddsRatio => "odds ratio",
            Self::CommonOddsRatio => "common odds ratio",
            Self::WinOdds => "win odds",
            Self::UtilityDifference => "difference of mean utilities",
        })
    }
}

/// Effects at which null hypotheses end, on the scale of the estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NullEffects {
    /// The effect that has to be exceeded.
    pub lower: f64,
    /// For equivalence, the effect that the experimental arm has to stay below.
    pub upper: Option<f64>,
}

impl NullEffects {
    /// No effect, the null hypothesis of superiority.
    pub const NONE: Self = Self { lower: 0.0, upper: None };

    /// Combines the Z against each null effect: the smaller one of both directions for equivalence; NaN
    /// if one of them is.
    pub fn z(self, against: impl Fn(f64) -> f64) -> f64 {
        let lower = against(self.lower);
        match self.upper {
            None => lower,
            Some(upper) => {
                // The estimate has to stay below this one, so that its Z counts with the other
                // sign.
                let upper = -against(upper);
                // `f64::min` would ignore a NaN.
                if upper.is_nan() || upper < lower { upper } else { lower }
            }
        }
    }

    /// Z of an estimate with a standard error.
    pub fn wald_z(self, estimate: f64, standard_error: f64) -> f64 {
        self.z(|effect| (estimate - effect) / standard_error)
    }
}

/// A test by Wald's statistic, the estimate less the margin over its standard error.
#[derive(Debug)]
pub(super) struct WaldAgainst<T> {
    test: T,
    null: NullEffects,
}

impl<T: Test> WaldAgainst<T> {
    /// Tests the estimate of another test against null effects.
    pub fn new(test: T, null: NullEffects) -> Self {
        Self { test, null }
    }
}

impl<T: Test> Test for WaldAgainst<T> {
    fn scale(&self) -> EffectScale {
        self.test.scale()
    }

    fn score(&self) -> PatientScore<'_> {
        self.test.score()
    }

    fn comparison(&self) -> Option<ArmComparison<'_>> {
        self.test.comparison()
    }

    fn level_needs_events(&self) -> bool {
        self.test.level_needs_events()
    }

    fn test(&self, groups: &[Counts], scratch: &mut adjusted::FitScratch) -> TestResult {
        let test = self.test.test(groups, scratch);
        // Estimate, error and interval are of the effect itself, wherever its null hypothesis ends.
        TestResult { z: self.null.wald_z(test.estimate, test.standard_error), ..test }
    }

    fn z_of_expected(
        &self,
        groups: &[Counts],
        _: ReferenceDistribution,
        scratch: &mut adjusted::FitScratch,
    ) -> f64 {
        self.test(groups, scratch).z
    }
}

/// The refusal of a margin by a method without a test against one.
pub(super) fn no_margin() -> ParameterError {
    ParameterError::new(
        "hypothesis",
        "has a margin, which this method does not test; allowed: superiority, or one of the methods two_proportions, proportional_odds, logistic, modified_poisson, win_odds, utility_weighted",
    )
}

/// The refusal of a margin by a statistic of a method that has others.
pub(super) fn statistic_without_margin(statistic: &str, allowed: &str) -> ParameterError {
    ParameterError::new(
        "test",
        format!("is \"{statistic}\", which has no margin; allowed with this hypothesis: {allowed}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::method::{AnalysisMethod, Scratch};
    use crate::analysis::tests::counts;
    use crate::analysis::two_proportions::{
        ArmEvents, ProportionEffect, ProportionStatistic, ProportionTest, z,
    };
    use crate::outcome::Mrs;
    use proptest::prelude::*;

    const SCALES: [MarginScale; 6] = [
        MarginScale::RiskDifference,
        MarginScale::RiskRatio,
        MarginScale::OddsRatio,
        MarginScale::CommonOddsRatio,
        MarginScale::WinOdds,
        MarginScale::UtilityDifference,
    ];

    #[test]
    fn values_are_estimates_and_mirrored_values_are_minus_those() {
        for scale in SCALES {
            for value in [0.05, 0.8, 1.3] {
                let estimate = scale.to_estimate(value);
                assert!((scale.of_estimate(estimate) - value).abs() < 1e-15);
                assert!((scale.to_estimate(scale.mirrored(value)) + estimate).abs() < 1e-15);
            }
        }
    }

    /// Every method that tests margins, with Wald's statistic.
    const METHODS: [&str; 9] = [
        r#"{"method": "two_proportions", "test": "wald"}"#,
        r#"{"method": "two_proportions", "test": "wald", "effect": "log_risk_ratio", "cut": 1}"#,
        r#"{"method": "two_proportions", "test": "wald", "effect": "log_odds_ratio"}"#,
        r#"{"method": "proportional_odds", "test": "wald"}"#,
        r#"{"method": "proportional_odds", "test": "wald", "merge_5_and_6": true}"#,
        r#"{"method": "logistic"}"#,
        r#"{"method": "modified_poisson"}"#,
        r#"{"method": "win_odds"}"#,
        r#"{"method": "utility_weighted", "utilities": [1, 0.91, 0.76, 0.65, 0.33, 0, 0]}"#,
    ];

    fn method(text: &str) -> AnalysisMethod {
        serde_json::from_str(text).expect("it is a method")
    }

    fn tested(text: &str, null: NullEffects, counts: &Counts) -> TestResult {
        let bound = crate::analysis::method::tests::bound(&method(text));
        let bound = bound.testing_against(null).expect("the method tests margins");
        bound.as_test().test(&[*counts], Scratch::default().ordinal())
    }

    proptest! {
        /// Swapping the arms turns a margin into its mirror image, and Z changes its sign.
        #[test]
        fn margins_mirror_with_the_arms(counts in counts(30), margin in -0.5..0.5f64) {
            for text in METHODS {
                let null = |lower| NullEffects { lower, upper: None };
                let a = tested(text, null(margin), &counts);
                let b = tested(text, null(-margin), &[counts[1], counts[0]]);
                prop_assert!(a.z.is_nan() == b.z.is_nan(), "{text}");
                prop_assert!(a.z.is_nan() || (a.z + b.z).abs() < 1e-6 * (1.0 + a.z.abs()), "{text}: {} {}", a.z, b.z);
            }
        }

        /// A margin of 0 is superiority; Z falls as the margin rises, and at the estimate it is 0.
        #[test]
        fn z_is_zero_at_the_estimate_and_that_of_superiority_without_a_margin(counts in counts(30)) {
            for text in METHODS {
                let plain = crate::analysis::method::tests::bound(&method(text));
                let plain = plain.as_test().test(&[counts], Scratch::default().ordinal());
                prop_assume!(plain.z.is_finite());
                let without = tested(text, NullEffects::NONE, &counts);
                prop_assert!((without.z - plain.z).abs() < 1e-12 * (1.0 + plain.z.abs()), "{text}");
                let at = NullEffects { lower: plain.estimate, upper: None };
                prop_assert!(tested(text, at, &counts).z.abs() < 1e-9, "{text}");
                let below = NullEffects { lower: plain.estimate - 0.1, upper: None };
                prop_assert!(tested(text, below, &counts).z > 0.0, "{text}");
            }
        }

        /// Both one-sided tests have to reject for equivalence.
        #[test]
        fn equivalence_is_the_smaller_of_two_one_sided_tests(counts in counts(30), margin in 0.05..0.5f64) {
            for text in METHODS {
                let both = NullEffects { lower: -margin, upper: Some(margin) };
                let found = tested(text, both, &counts).z;
                let one = |lower| tested(text, NullEffects { lower, upper: None }, &counts).z;
                let (lower, upper) = (one(-margin), -one(margin));
                prop_assert!(found.is_nan() == (lower.is_nan() || upper.is_nan()));
                prop_assert!(found.is_nan() || found == lower.min(upper), "{text}");
            }
        }

        /// Without a margin every score statistic is the pooled Z, by any effect.
        #[test]
        fn score_statistics_without_a_margin_are_the_pooled_one(counts in counts(30)) {
            let arms = crate::analysis::two_proportions::arms(&counts, Mrs::INDEPENDENT);
            let pooled = z(&arms, ProportionTest::PooledZ);
            let total: f64 = arms.iter().map(|arm: &ArmEvents| arm.patients).sum();
            for effect in [ProportionEffect::RiskDifference, ProportionEffect::LogRiskRatio, ProportionEffect::LogOddsRatio] {
                let of = |test| ProportionStatistic { test, effect, null: NullEffects::NONE }.z(&arms);
                prop_assert_eq!(of(ProportionTest::FarringtonManning), pooled);
                let expected = pooled.map(|z| z * ((total - 1.0) / total).sqrt());
                let found = of(ProportionTest::MiettinenNurminen);
                prop_assert_eq!(found.is_some(), expected.is_some());
                let difference = found.unwrap_or(0.0) - expected.unwrap_or(0.0);
                prop_assert!(difference.abs() < 1e-12);
            }
        }
    }
}
