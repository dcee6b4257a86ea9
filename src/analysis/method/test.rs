//! Tests: methods of analysis bound to the patients of a scenario.

use std::fmt::Debug;

use super::ParameterError;
use crate::analysis::margin::{self, NullEffects};
use crate::analysis::proportional_odds::adjusted;
use crate::analysis::proportional_odds::levels::Levels;
use crate::analysis::two_proportions::{ProportionEffect, ProportionTest};
use crate::analysis::utilities::{MeansTest, Utilities};
use crate::analysis::{Counts, EffectScale, TestResult};
use crate::outcome::Mrs;

/// A method bound to the patients of a scenario.
pub trait Test: Debug + Send + Sync {
    /// The scale of the estimate.
    fn scale(&self) -> EffectScale;

    /// The number given to each patient so that the test compares, exactly or nearly, its means in the
    /// two arms: what control variates, and the gain from balanced prognostic factors, are computed with.
    fn score(&self) -> PatientScore<'_>;

    /// The comparison from which power and sizes follow by formula: Z is then normal but for terms that
    /// vanish as patients become many, with a mean and a variance that the mRS of the two arms
    /// determine. `None`, the default, if the test depends on more, such as covariates, or has no formula here.
    fn comparison(&self) -> Option<ArmComparison<'_>> {
        None
    }

    /// The statistic with estimate, standard error and interval, from counts by group; they need not
    /// be whole.
    fn test(&self, groups: &[Counts], scratch: &mut adjusted::FitScratch) -> TestResult;

    /// The statistic alone, if it takes less work than [`Test::test`]: what a look needs that only
    /// decides whether to stop.
    fn statistic(&self, groups: &[Counts], scratch: &mut adjusted::FitScratch) -> Statistic {
        self.test(groups, scratch).into()
    }

    /// Z of expected counts. Tests that need whole counts compute that of the closest test that does
    /// not.
    fn z_of_expected(
        &self,
        groups: &[Counts],
        _reference: ReferenceDistribution,
        scratch: &mut adjusted::FitScratch,
    ) -> f64 {
        self.test(groups, scratch).z
    }

    /// Whether Z is the estimate over a standard error, but for a factor near 1.
    fn is_estimate_over_error(&self) -> bool {
        true
    }

    /// Whether the type I error is below the nominal level by design of the test, which subtracts a correction
    /// or allows for every common proportion.
    fn is_conservative(&self) -> bool {
        false
    }

    /// Whether the type I error is far from the nominal level if an arm has few successes or failures, as for
    /// statistics that divide a difference or ratio of proportions by an error estimated in each arm: the
    /// error then moves with the proportion.
    fn level_needs_events(&self) -> bool {
        false
    }

    /// Returns the test of the same estimate against other null effects than none; see
    /// [`margin`].
    ///
    /// # Errors
    /// If the statistic has no margin. Tests by Wald's statistic return one against any.
    fn against(self: Box<Self>, _null: NullEffects) -> Result<Box<dyn Test>, ParameterError> {
        Err(margin::no_margin())
    }
}

/// The score of a patient whose means a test compares, or nearly so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PatientScore<'t> {
    /// 1 for an mRS at or below the cut, else 0.
    Success(Mrs),
    /// 1 for an mRS at or below the cut of the patient's group, else 0.
    SuccessByGroup(&'t [Mrs]),
    /// The rank among all patients, by level.
    Rank(Levels),
    /// The utility of the mRS.
    Utility(&'t Utilities),
}

/// A comparison of two distributions of the mRS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ArmComparison<'t> {
    /// Shares with an mRS at or below the cut.
    Proportions {
        /// Success is an mRS at or below this.
        cut: Mrs,
        /// The statistic.
        test: ProportionTest,
        /// The measure of effect.
        effect: ProportionEffect,
    },
    /// The log common odds ratio of a proportional-odds model of these levels with treatment alone.
    CommonOddsRatio(Levels),
    /// P(better) − P(worse), by ranks among these levels.
    NetBenefit(Levels),
    /// Mean utilities.
    Utilities {
        /// Utility of each mRS.
        utilities: &'t Utilities,
        /// The t statistic.
        test: MeansTest,
    },
}

/// Distribution that gives the p value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceDistribution {
    /// The normal distribution of the statistic.
    Normal,
    /// The statistics of repeated allocations. With nearly equal arm sizes a continuity correction is
    /// nearly the same for all of them and changes no rank; the pooled Z stands in for every test of
    /// two proportions.
    Rerandomisation,
}

/// The test statistic of a look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistic {
    /// Compared with the boundary; `None` if the data give none (see
    /// [`FitStatus`](crate::analysis::FitStatus)).
    pub z: Option<f64>,
    /// The full test, if the statistic had to compute it.
    pub test: Option<TestResult>,
}

impl Statistic {
    /// A statistic without estimate or interval.
    pub(in crate::analysis) fn alone(z: Option<f64>) -> Self {
        Self { z, test: None }
    }
}

impl From<TestResult> for Statistic {
    fn from(test: TestResult) -> Self {
        Self { z: Some(test.z).filter(|z| z.is_finite()), test: Some(test) }
    }
}
