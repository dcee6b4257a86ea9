//! Every analysis that can monitor a trial, behind one pair of questions: the statistic alone, or
//! the statistic with its estimate.

use super::grouping::{Grouping, gather_all};
use super::proportional_odds::adjusted::{self, Model};
use super::proportional_odds::covariates::Covariates as Rows;
use super::proportional_odds::levels::Levels;
use super::proportional_odds::{self, ShiftTest};
use super::stratified::{mantel_haenszel, mantel_haenszel_z, sliding_dichotomy};
use super::two_proportions::{self, Arms, ProportionEffect, ProportionInterval, ProportionTest};
use super::utilities::{self, Covariates, Utilities, Variances};
use super::wilcoxon::{self, Continuity};
use super::wins::{self, WinMeasure};
use super::{Counts, EffectScale, FitStatus, KnownOutcomes, TestResult};
use crate::outcome::Mrs;

/// What a trial is monitored with.
#[derive(Debug, Clone, PartialEq)]
pub enum AnalysisMethod {
    /// Two proportions with mRS at or below a cut.
    TwoProportions {
        /// The best outcomes count as success: 2 for functional independence.
        cut: Mrs,
        /// Test, effect and interval.
        proportions: Proportions,
    },
    /// Proportional odds of all seven levels with treatment alone.
    ProportionalOdds {
        /// The statistic that is compared with the boundary.
        test: ShiftTest,
    },
    /// Proportional odds with covariates or merged levels; with two levels logistic regression.
    Regression(Box<Regression>),
    /// Pairs of patients, one of each arm.
    Wins(WinMeasure),
    /// Van Elteren's test within groups.
    VanElteren(Grouping),
    /// Difference of mean utilities, by a t test.
    Utilities {
        /// Of mRS 0 to 6.
        utilities: Utilities,
        /// Student's or Welch's.
        variances: Variances,
    },
    /// The same, by linear regression on covariates.
    AdjustedUtilities {
        /// Of mRS 0 to 6.
        utilities: Utilities,
        /// Of each group.
        covariates: Covariates,
        /// Which group a patient belongs to.
        grouping: Grouping,
    },
    /// Cochran–Mantel–Haenszel at a cut, within groups.
    MantelHaenszel {
        /// Success is an mRS at or below this.
        cut: Mrs,
        /// Which group a patient belongs to.
        grouping: Grouping,
    },
    /// Two proportions with a cut by prognosis.
    SlidingDichotomy {
        /// Of each group.
        cuts: Vec<Mrs>,
        /// Which group a patient belongs to.
        grouping: Grouping,
        /// The statistic that is compared with the boundary.
        test: ProportionTest,
    },
}

/// How two proportions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportions {
    /// The statistic that is compared with the boundary.
    pub test: ProportionTest,
    /// What is estimated.
    pub effect: ProportionEffect,
    /// Its 95 % interval.
    pub interval: ProportionInterval,
}

/// A regression on grouped patients.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// Levels and covariates.
    pub model: Model,
    /// Which group a patient belongs to; `None` without covariates.
    pub grouping: Option<Grouping>,
    /// The statistic that is compared with the boundary.
    pub test: ShiftTest,
    /// Whether success at a cut is all that is told apart.
    pub is_logistic: bool,
}

/// What a look that only asks whether to stop is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistic {
    /// Compared with the boundary; `None` when the data give none (see [`FitStatus`]).
    pub z: Option<f64>,
    /// All of the test, where the statistic takes no less.
    pub test: Option<TestResult>,
}

impl Statistic {
    fn alone(z: Option<f64>) -> Self {
        Self { z, test: None }
    }
}

impl From<TestResult> for Statistic {
    fn from(test: TestResult) -> Self {
        Self { z: Some(test.z).filter(|z| z.is_finite()), test: Some(test) }
    }
}

/// Buffers of the analyses, refilled for every look.
#[derive(Debug, Default)]
pub struct Scratch {
    groups: Vec<Counts>,
    ordinal: adjusted::Scratch,
}

impl Scratch {
    /// Those of regressions.
    pub fn ordinal(&mut self) -> &mut adjusted::Scratch {
        &mut self.ordinal
    }
}

impl AnalysisMethod {
    /// For files: the key of the scenario.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TwoProportions { .. } => "two_proportions",
            Self::Regression(regression) if regression.is_logistic => "logistic",
            Self::ProportionalOdds { .. } | Self::Regression(_) => "proportional_odds",
            Self::Wins(WinMeasure::NetBenefit) | Self::VanElteren(_) => "wilcoxon",
            Self::Wins(WinMeasure::WinOdds) => "win_odds",
            Self::Wins(WinMeasure::WinRatio) => "win_ratio",
            Self::Utilities { .. } | Self::AdjustedUtilities { .. } => "utility_weighted",
            Self::MantelHaenszel { .. } => "cochran_mantel_haenszel",
            Self::SlidingDichotomy { .. } => "sliding_dichotomy",
        }
    }

    /// The groups it works with; `None` where the whole trial is one.
    pub fn grouping(&self) -> Option<&Grouping> {
        match self {
            Self::Regression(regression) => regression.grouping.as_ref(),
            Self::VanElteren(grouping)
            | Self::AdjustedUtilities { grouping, .. }
            | Self::MantelHaenszel { grouping, .. }
            | Self::SlidingDichotomy { grouping, .. } => Some(grouping),
            Self::TwoProportions { .. }
            | Self::ProportionalOdds { .. }
            | Self::Wins(_)
            | Self::Utilities { .. } => None,
        }
    }

    /// Returns the worst mRS that counts as success, if the method compares two proportions in the
    /// trial as a whole.
    pub fn cut(&self) -> Option<Mrs> {
        match self {
            Self::TwoProportions { cut, .. } => Some(*cut),
            Self::Regression(regression)
                if regression.is_logistic && regression.grouping.is_none() =>
            {
                let levels = regression.model.levels.of_mrs();
                let last = levels.iter().rposition(|&level| level == 0)?;
                Mrs::new(last as u8)
            }
            Self::Regression(_)
            | Self::ProportionalOdds { .. }
            | Self::Wins(_)
            | Self::VanElteren(_)
            | Self::Utilities { .. }
            | Self::AdjustedUtilities { .. }
            | Self::MantelHaenszel { .. }
            | Self::SlidingDichotomy { .. } => None,
        }
    }

    /// Returns the successes and patients of each arm, if the method estimates a risk difference.
    pub fn arms(&self, counts: &Counts) -> Option<Arms> {
        match self {
            Self::TwoProportions { cut, proportions }
                if proportions.effect == ProportionEffect::RiskDifference =>
            {
                Some(two_proportions::arms(counts, *cut))
            }
            Self::TwoProportions { .. }
            | Self::Regression(_)
            | Self::ProportionalOdds { .. }
            | Self::Wins(_)
            | Self::VanElteren(_)
            | Self::Utilities { .. }
            | Self::AdjustedUtilities { .. }
            | Self::MantelHaenszel { .. }
            | Self::SlidingDichotomy { .. } => None,
        }
    }

    /// Whether Z is the estimate over some standard error, or nearly so.
    pub fn is_estimate_over_error(&self) -> bool {
        match self {
            Self::TwoProportions { proportions: Proportions { test, .. }, .. }
            | Self::SlidingDichotomy { test, .. } => test.is_estimate_over_error(),
            _ => true,
        }
    }

    /// The scale of the method's estimate.
    pub fn scale(&self) -> EffectScale {
        match self {
            Self::TwoProportions { proportions, .. } => proportions.effect.scale(),
            Self::Regression(regression) if regression.is_logistic => EffectScale::LogOddsRatio,
            Self::ProportionalOdds { .. } | Self::Regression(_) => EffectScale::LogCommonOddsRatio,
            Self::Wins(WinMeasure::NetBenefit) | Self::VanElteren(_) => EffectScale::NetBenefit,
            Self::Wins(WinMeasure::WinOdds) => EffectScale::LogWinOdds,
            Self::Wins(WinMeasure::WinRatio) => EffectScale::LogWinRatio,
            Self::Utilities { .. } | Self::AdjustedUtilities { .. } => {
                EffectScale::UtilityDifference
            }
            Self::MantelHaenszel { .. } => EffectScale::LogOddsRatio,
            Self::SlidingDichotomy { .. } => EffectScale::RiskDifference,
        }
    }

    /// The test statistic, by the shortest way.
    pub fn statistic(&self, known: &KnownOutcomes, scratch: &mut Scratch) -> Statistic {
        self.on_groups(known, scratch, |method, groups, ordinal| {
            method.statistic_of(groups, ordinal)
        })
    }

    /// The statistic with its estimate and standard error.
    pub fn test(&self, known: &KnownOutcomes, scratch: &mut Scratch) -> TestResult {
        self.on_groups(known, scratch, |method, groups, ordinal| method.test_of(groups, ordinal))
    }

    /// The same with the test that Fisher's stands closest to, which expected counts have too.
    pub fn by_z(&self) -> Self {
        let mut method = self.clone();
        if let Self::TwoProportions { proportions: Proportions { test, .. }, .. }
        | Self::SlidingDichotomy { test, .. } = &mut method
        {
            *test = match *test {
                ProportionTest::Fisher => ProportionTest::ContinuityCorrected,
                ProportionTest::FisherMidP => ProportionTest::PooledZ,
                other => other,
            };
        }
        method
    }

    /// Returns the method with every test of two proportions replaced by the uncorrected one. A
    /// re-randomisation test does not depend on a correction, which is the same for every allocation.
    pub fn by_uncorrected_z(&self) -> Self {
        let mut method = self.clone();
        if let Self::TwoProportions { proportions: Proportions { test, .. }, .. }
        | Self::SlidingDichotomy { test, .. } = &mut method
        {
            *test = ProportionTest::PooledZ;
        }
        method
    }

    /// As [`AnalysisMethod::test`], from expected patients by cell, which need not be whole.
    pub fn test_expected(
        &self,
        cells: impl IntoIterator<Item = Counts>,
        scratch: &mut Scratch,
    ) -> TestResult {
        let Scratch { groups, ordinal } = scratch;
        match self.grouping() {
            Some(grouping) => grouping.gather(cells, groups),
            None => gather_all(cells, groups),
        }
        self.test_of(groups, ordinal)
    }

    fn on_groups<T>(
        &self,
        known: &KnownOutcomes,
        scratch: &mut Scratch,
        ask: impl Fn(&Self, &[Counts], &mut adjusted::Scratch) -> T,
    ) -> T {
        let Scratch { groups, ordinal } = scratch;
        match self.grouping() {
            Some(grouping) => {
                grouping.gather_known(known, groups);
                ask(self, groups, ordinal)
            }
            None => ask(self, &[known.all.weights()], ordinal),
        }
    }

    /// As [`AnalysisMethod::test`], from counts by group, which need not be whole: a single group
    /// where the method has no grouping.
    fn test_of(&self, groups: &[Counts], scratch: &mut adjusted::Scratch) -> TestResult {
        match self {
            Self::TwoProportions { cut, proportions } => {
                proportions.analyse(&two_proportions::arms(&groups[0], *cut))
            }
            Self::ProportionalOdds { test } => {
                let fit = proportional_odds::fit(&groups[0]);
                let z = match test {
                    ShiftTest::Score => proportional_odds::score_z(&groups[0]),
                    ShiftTest::Wald => Some(fit.z()),
                    ShiftTest::LikelihoodRatio => likelihood_ratio_z(&groups[0], scratch),
                };
                let z = z.unwrap_or(f64::NAN);
                let (estimate, error) = (fit.log_odds_ratio, fit.standard_error);
                TestResult::with_wald_interval(estimate, error, z, fit.status)
            }
            Self::Regression(regression) => regression.test(groups, scratch),
            Self::Wins(measure) => wins::test(&groups[0], *measure),
            Self::VanElteren(_) => wilcoxon::van_elteren(groups),
            Self::Utilities { utilities, variances } => {
                utilities::t_test(utilities, &groups[0], *variances).result()
            }
            Self::AdjustedUtilities { utilities, covariates, .. } => {
                utilities::adjusted(utilities, covariates, groups).result()
            }
            Self::MantelHaenszel { cut, .. } => mantel_haenszel(groups, *cut),
            Self::SlidingDichotomy { cuts, test, .. } => {
                Proportions::of_test(*test).analyse(&sliding_dichotomy(groups, cuts))
            }
        }
    }

    fn statistic_of(&self, groups: &[Counts], scratch: &mut adjusted::Scratch) -> Statistic {
        Statistic::alone(match self {
            Self::TwoProportions { cut, proportions } => {
                two_proportions::z(&two_proportions::arms(&groups[0], *cut), proportions.test)
            }
            Self::SlidingDichotomy { cuts, test, .. } => {
                two_proportions::z(&sliding_dichotomy(groups, cuts), *test)
            }
            Self::ProportionalOdds { test: ShiftTest::Score } => {
                proportional_odds::score_z(&groups[0])
            }
            Self::ProportionalOdds { test: ShiftTest::LikelihoodRatio } => {
                likelihood_ratio_z(&groups[0], scratch)
            }
            Self::Regression(regression) => return regression.statistic(groups, scratch),
            Self::Wins(WinMeasure::NetBenefit) => wilcoxon::z(&groups[0], Continuity::Uncorrected),
            Self::VanElteren(_) => wilcoxon::van_elteren_z(groups),
            Self::MantelHaenszel { cut, .. } => mantel_haenszel_z(groups, *cut),
            _ => return self.test_of(groups, scratch).into(),
        })
    }
}

fn likelihood_ratio_z(counts: &Counts, scratch: &mut adjusted::Scratch) -> Option<f64> {
    let model = Model { levels: Levels::ALL, covariates: Rows::none() };
    Some(model.likelihood_ratio(std::slice::from_ref(counts), scratch).z).filter(|z| z.is_finite())
}

impl Proportions {
    fn of_test(test: ProportionTest) -> Self {
        let (effect, interval) = (ProportionEffect::RiskDifference, ProportionInterval::Wald);
        Self { test, effect, interval }
    }

    fn analyse(self, arms: &Arms) -> TestResult {
        two_proportions::analyse(arms, self.test, self.effect, self.interval)
    }
}

impl Regression {
    fn statistic(&self, groups: &[Counts], scratch: &mut adjusted::Scratch) -> Statistic {
        match self.test {
            ShiftTest::Score => {
                let score = self.model.score(groups, scratch);
                let converged = score.status == FitStatus::Converged;
                Statistic::alone(converged.then(|| score.z_expected()))
            }
            ShiftTest::Wald => {
                let fit = self.model.fit(groups, scratch);
                with_wald_interval(&fit, fit.z()).into()
            }
            ShiftTest::LikelihoodRatio => {
                let ratio = self.model.likelihood_ratio(groups, scratch);
                with_wald_interval(&ratio.fit, ratio.z).into()
            }
        }
    }

    fn test(&self, groups: &[Counts], scratch: &mut adjusted::Scratch) -> TestResult {
        let Statistic { z, test } = self.statistic(groups, scratch);
        test.unwrap_or_else(|| {
            with_wald_interval(&self.model.fit(groups, scratch), z.unwrap_or(f64::NAN))
        })
    }
}

fn with_wald_interval(fit: &adjusted::Fit, z: f64) -> TestResult {
    TestResult::with_wald_interval(fit.log_odds_ratio, fit.standard_error, z, fit.status)
}
