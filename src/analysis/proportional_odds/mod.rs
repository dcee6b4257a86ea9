//! The shift analysis: logit P(mRS ≤ j) = α_j + β·experimental (McCullagh 1980, JRSS B 42:109), with
//! or without covariates.
//!
//! β is the log common odds ratio, above 0 if the experimental arm does better. Levels without patients
//! drop out of the likelihood.
//!
//! Two fits maximise the likelihood: [`unadjusted`] of one table with treatment alone, [`adjusted`] of
//! groups of patients with covariates, merged levels and further statistics.

pub mod adjusted;
pub mod assumption;
mod bordered;
pub mod covariates;
mod grouped;
pub mod levels;
mod newton;
mod prediction;
pub mod unadjusted;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grouping::CellLayout;
use super::margin::{NullEffects, WaldAgainst, statistic_without_margin};
use super::method::{
    ArmComparison, Binding, GroupedBy, Method, ParameterError, PatientScore, Statistic, Test,
};
use super::{Counts, EffectScale, FitStatus, TestResult};
use crate::outcome::LEVELS;
use adjusted::{AdjustedFit, LikelihoodRatio, Model};
use covariates::Covariates;
use levels::Levels;

/// Boundaries between the levels of the mRS.
const CUTS: usize = LEVELS - 1;

/// Parameters of the shift analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProportionalOdds {
    /// The statistic compared with the boundary: `score` by default, `wald` with a margin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<ShiftTest>,
    /// The mRS of each category, the best first, as in `[[0, 1], [2], [3], [4, 5, 6]]`; each mRS is a
    /// category of its own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(inner(range(min = 0, max = 6))))]
    pub levels: Option<Vec<Vec<u8>>>,
    /// Whether mRS 5 and 6 are one category: short for `levels = [[0], [1], [2], [3], [4], [5, 6]]`.
    #[serde(default)]
    pub merge_5_and_6: bool,
    /// Factors whose levels are covariates; none by default (treatment alone).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjust_for: Vec<String>,
}

/// Statistic of a regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShiftTest {
    /// Score test; without covariates Wilcoxon–Mann–Whitney with ties.
    #[default]
    Score,
    /// Maximum-likelihood log odds ratio over its standard error.
    Wald,
    /// Root of the likelihood-ratio χ², with the sign of the estimate.
    LikelihoodRatio,
}

impl fmt::Display for ShiftTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Score => "score",
            Self::Wald => "Wald",
            Self::LikelihoodRatio => "likelihood-ratio",
        })
    }
}

impl ShiftTest {
    /// Tests the estimate of a regression against null effects. Only Wald's statistic needs no fit at each
    /// of them.
    fn wald_against(
        self,
        regression: impl Test + 'static,
        null: NullEffects,
    ) -> Result<Box<dyn Test>, ParameterError> {
        match self {
            Self::Wald => Ok(Box::new(WaldAgainst::new(regression, null))),
            Self::Score => Err(statistic_without_margin("score", "wald")),
            Self::LikelihoodRatio => Err(statistic_without_margin("likelihood_ratio", "wald")),
        }
    }
}

/// The phrase "adjusted for" with the factors, after a space; empty without any.
pub(super) fn adjusted_for(factors: &[String]) -> String {
    if factors.is_empty() { String::new() } else { format!(" adjusted for {}", factors.join(", ")) }
}

impl ProportionalOdds {
    /// The statistic compared with the boundary.
    pub fn statistic(&self) -> ShiftTest {
        self.test.unwrap_or_default()
    }
}

impl Method for ProportionalOdds {
    fn key(&self) -> &'static str {
        "proportional_odds"
    }

    fn describe(&self) -> String {
        let merged = match (self.merge_5_and_6, self.stated_levels()) {
            (true, _) => " (5 and 6 merged)".to_owned(),
            (false, Ok(Some(levels))) => format!(" (levels {levels})"),
            // Levels that are wrong are reported when the method is bound.
            (false, Ok(None) | Err(_)) => String::new(),
        };
        let (test, adjusted) = (self.statistic(), adjusted_for(&self.adjust_for));
        format!("proportional odds{merged}, {test} test{adjusted}, log common odds ratio")
    }

    fn grouped_by(&self) -> GroupedBy<'_> {
        GroupedBy::covariates(&self.adjust_for)
    }

    fn counts_successes(&self) -> bool {
        false
    }

    fn bind(&self, cells: CellLayout<'_>, factors: &[usize]) -> Result<Binding, ParameterError> {
        let levels = self.stated_levels()?.unwrap_or(Levels::ALL);
        // The usual case has a fit of its own, which is faster.
        if factors.is_empty() && levels == Levels::ALL {
            return Ok(Binding::of_trial(Unadjusted::new(self.statistic())));
        }
        let regression = Regression::new(levels, self.statistic(), EffectScale::LogCommonOddsRatio);
        Ok(regression.bind(cells, factors))
    }
}

impl ProportionalOdds {
    /// The merged levels; `None` if each mRS is a level of its own.
    fn stated_levels(&self) -> Result<Option<Levels>, ParameterError> {
        if !self.merge_5_and_6 {
            return Levels::stated(self.levels.as_deref());
        }
        if self.levels.is_some() {
            let message = "conflicts with merge_5_and_6; give exactly one of them";
            return Err(ParameterError::new("levels", message));
        }
        Ok(Some(Levels::SEVERE_WITH_DEATH))
    }
}

/// The shift analysis of all levels with treatment alone.
#[derive(Debug)]
struct Unadjusted {
    test: ShiftTest,
    /// Model without covariates, for the likelihood-ratio test, which [`unadjusted`] does not have.
    // Kept here, as building it allocates.
    model: Model,
}

impl Unadjusted {
    fn new(test: ShiftTest) -> Self {
        Self { test, model: Model { levels: Levels::ALL, covariates: Covariates::none() } }
    }

    fn likelihood_ratio_z(
        &self,
        groups: &[Counts],
        scratch: &mut adjusted::FitScratch,
    ) -> Option<f64> {
        Some(self.model.likelihood_ratio(groups, scratch).z).filter(|z| z.is_finite())
    }
}

impl Test for Unadjusted {
    fn scale(&self) -> EffectScale {
        EffectScale::LogCommonOddsRatio
    }

    fn score(&self) -> PatientScore<'_> {
        PatientScore::Rank(Levels::ALL)
    }

    fn comparison(&self) -> Option<ArmComparison<'_>> {
        Some(ArmComparison::CommonOddsRatio(Levels::ALL))
    }

    fn test(&self, groups: &[Counts], scratch: &mut adjusted::FitScratch) -> TestResult {
        let fit = unadjusted::fit(&groups[0]);
        let z = match self.test {
            ShiftTest::Score => unadjusted::score_z(&groups[0]),
            ShiftTest::Wald => Some(fit.z()),
            ShiftTest::LikelihoodRatio => self.likelihood_ratio_z(groups, scratch),
        };
        let z = z.unwrap_or(f64::NAN);
        TestResult::with_wald_interval(fit.log_odds_ratio, fit.standard_error, z, fit.status)
    }

    fn statistic(&self, groups: &[Counts], scratch: &mut adjusted::FitScratch) -> Statistic {
        match self.test {
            ShiftTest::Score => Statistic::alone(unadjusted::score_z(&groups[0])),
            ShiftTest::LikelihoodRatio => {
                Statistic::alone(self.likelihood_ratio_z(groups, scratch))
            }
            // The estimate takes the same fit.
            ShiftTest::Wald => self.test(groups, scratch).into(),
        }
    }

    fn against(self: Box<Self>, null: NullEffects) -> Result<Box<dyn Test>, ParameterError> {
        let test = self.test;
        test.wald_against(*self, null)
    }
}

/// A regression of grouped patients: proportional odds with covariates or merged levels, and with two
/// levels logistic regression.
#[derive(Debug)]
pub(super) struct Regression {
    model: Model,
    test: ShiftTest,
    scale: EffectScale,
}

impl Regression {
    /// A regression without covariates.
    pub fn new(levels: Levels, test: ShiftTest, scale: EffectScale) -> Self {
        let model = Model { levels, covariates: Covariates::none() };
        Self { model, test, scale }
    }

    /// Adds the levels of factors as covariates.
    pub fn bind(mut self, cells: CellLayout<'_>, factors: &[usize]) -> Binding {
        if factors.is_empty() {
            return Binding::of_trial(self);
        }
        let grouping = cells.grouped(factors);
        self.model.covariates = Covariates::new(&grouping.indicators());
        Binding::of_groups(self, grouping)
    }
}

impl Test for Regression {
    fn scale(&self) -> EffectScale {
        self.scale
    }

    fn score(&self) -> PatientScore<'_> {
        PatientScore::Rank(self.model.levels)
    }

    fn comparison(&self) -> Option<ArmComparison<'_>> {
        let is_alone = self.model.covariates.groups() == 1 && self.model.covariates.main() == 0;
        match self.scale {
            EffectScale::LogCommonOddsRatio if is_alone => {
                Some(ArmComparison::CommonOddsRatio(self.model.levels))
            }
            // The odds ratio at one cut has no formula of its own here.
            EffectScale::LogCommonOddsRatio
            | EffectScale::RiskDifference
            | EffectScale::LogRiskRatio
            | EffectScale::LogOddsRatio
            | EffectScale::NetBenefit
            | EffectScale::LogWinOdds
            | EffectScale::LogWinRatio
            | EffectScale::UtilityDifference => None,
        }
    }

    fn test(&self, groups: &[Counts], scratch: &mut adjusted::FitScratch) -> TestResult {
        // Only the score test has no estimate yet: its statistic needs no fit with treatment.
        let Statistic { z, test } = self.statistic(groups, scratch);
        test.unwrap_or_else(|| {
            let fit = self.model.fit(groups, scratch);
            with_wald_interval(&fit, z.unwrap_or(f64::NAN))
        })
    }

    fn statistic(&self, groups: &[Counts], scratch: &mut adjusted::FitScratch) -> Statistic {
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
                let LikelihoodRatio { z, fit, .. } = self.model.likelihood_ratio(groups, scratch);
                with_wald_interval(&fit, z).into()
            }
        }
    }

    fn against(self: Box<Self>, null: NullEffects) -> Result<Box<dyn Test>, ParameterError> {
        let test = self.test;
        test.wald_against(*self, null)
    }
}

fn with_wald_interval(fit: &AdjustedFit, z: f64) -> TestResult {
    TestResult::with_wald_interval(fit.log_odds_ratio, fit.standard_error, z, fit.status)
}
