//! Methods of analysis: their parameters as a scenario states them, and the tests they become once
//! bound to its patients.
//!
//! Each method is one file that holds everything about it: parameters and their schema, description,
//! factors, checks, binding, test and estimate. It implements [`Method`] for its parameters and
//! [`Test`] for what [`Method::bind`] returns. To add a method, write such a file and give it a variant
//! in [`AnalysisMethod`].
//!
//! An analysis must not see the truth of a scenario, so that nothing here knows one. Sizes and powers
//! by formula need the truth: a test only says which comparison of two distributions it amounts to
//! ([`ArmComparison`]) or which score of a patient it averages ([`PatientScore`]), and the modules
//! `design` and `expected` turn these into numbers.

use std::fmt::Debug;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cochran_mantel_haenszel::CochranMantelHaenszel;
use super::grouping::{CellLayout, Grouping, gather_all};
use super::logistic::Logistic;
use super::margin::{self, MarginScale, NullEffects};
use super::modified_poisson::ModifiedPoisson;
use super::proportional_odds::levels::Levels;
use super::proportional_odds::{ProportionalOdds, ShiftTest, adjusted};
use super::sliding_dichotomy::{FactorPoints, SlidingDichotomy};
use super::two_proportions::{ProportionEffect, ProportionTest, Proportions};
use super::utilities::{MeansTest, Utilities, UtilityWeighted};
use super::wilcoxon::Wilcoxon;
use super::wins::{WinOdds, WinRatio};
use super::{Counts, EffectScale, KnownOutcomes, TestResult};
use crate::outcome::{LEVELS, Mrs};

/// A test with its estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum AnalysisMethod {
    /// Two proportions with mRS at or below a cut.
    TwoProportions(Proportions),
    /// Proportional-odds model; estimate: log common odds ratio.
    ProportionalOdds(ProportionalOdds),
    /// Logistic regression of mRS at or below a cut; estimate: log odds ratio.
    Logistic(Logistic),
    /// Poisson regression of mRS at or below a cut with a robust variance, also in place of a log-binomial
    /// model; estimate: log risk ratio.
    ModifiedPoisson(ModifiedPoisson),
    /// Wilcoxon's rank sum test with ties; estimate: net benefit, P(better) − P(worse).
    Wilcoxon(Wilcoxon),
    /// Odds of doing better with ties split, the generalised odds ratio of Churilov et al. (2014);
    /// estimate: its logarithm.
    WinOdds(WinOdds),
    /// P(better) / P(worse), ties left out: Agresti's generalised odds ratio; estimate: its
    /// logarithm.
    WinRatio(WinRatio),
    /// Mean utility of the mRS; estimate: its difference.
    UtilityWeighted(UtilityWeighted),
    /// Cochran–Mantel–Haenszel test of mRS at or below a cut; estimate: Mantel–Haenszel log odds
    /// ratio.
    CochranMantelHaenszel(CochranMantelHaenszel),
    /// Two proportions with success defined by the patient's prognosis; estimate: risk difference.
    SlidingDichotomy(SlidingDichotomy),
}

impl AnalysisMethod {
    /// The parameters of whichever method it is.
    pub fn parameters(&self) -> &dyn Method {
        match self {
            Self::TwoProportions(method) => method,
            Self::ProportionalOdds(method) => method,
            Self::Logistic(method) => method,
            Self::ModifiedPoisson(method) => method,
            Self::Wilcoxon(method) => method,
            Self::WinOdds(method) => method,
            Self::WinRatio(method) => method,
            Self::UtilityWeighted(method) => method,
            Self::CochranMantelHaenszel(method) => method,
            Self::SlidingDichotomy(method) => method,
        }
    }
}

impl AnalysisMethod {
    /// Returns the method with its statistic stated, which for some is another one with a margin.
    #[must_use]
    pub fn with_statistic(&self, has_margin: bool) -> Self {
        let mut method = self.clone();
        if let Self::ProportionalOdds(parameters) = &mut method {
            let default = if has_margin { ShiftTest::Wald } else { ShiftTest::default() };
            parameters.test.get_or_insert(default);
        }
        method
    }
}

/// The parameters of a method, as a scenario states them.
pub trait Method {
    /// Key in scenarios and results.
    fn key(&self) -> &'static str;

    /// Test, covariates and effect, in a line or two without a full stop.
    fn describe(&self) -> String;

    /// Factors that divide the patients into groups.
    fn grouped_by(&self) -> GroupedBy<'_>;

    /// Whether Z takes few values because it depends on whole numbers of successes, so that its
    /// distribution differs visibly from the normal one that formulas assume.
    fn counts_successes(&self) -> bool;

    /// A parameter that is allowed but probably not meant, as the predicate of a sentence about the
    /// analysis.
    fn warning(&self) -> Option<String>;

    /// Checks the parameters and binds them to the cells of a scenario; `factors` are the positions in
    /// the population of those of [`Method::grouped_by`].
    ///
    /// # Errors
    /// The first parameter that conflicts with another or with the population.
    fn bind(&self, cells: CellLayout<'_>, factors: &[usize]) -> Result<Binding, ParameterError>;
}

/// Factors by which a method divides the patients, and the purpose of the groups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GroupedBy<'m> {
    /// The trial is one group.
    Nothing,
    /// Levels of these factors are covariates of a regression (key `adjust_for`).
    Covariates(&'m [String]),
    /// Arms are compared within the combinations of levels (key `stratify_by`).
    Strata(&'m [String]),
    /// Points of these factors decide what counts as success (key `points`).
    Prognosis(&'m [FactorPoints]),
}

impl<'m> GroupedBy<'m> {
    /// A regression's covariates; nothing without factors.
    pub(super) fn covariates(factors: &'m [String]) -> Self {
        if factors.is_empty() { Self::Nothing } else { Self::Covariates(factors) }
    }

    /// Names of the factors.
    pub fn factors(self) -> Vec<&'m str> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Covariates(names) | Self::Strata(names) => {
                names.iter().map(String::as_str).collect()
            }
            Self::Prognosis(points) => points.iter().map(|points| points.factor.as_str()).collect(),
        }
    }
}

/// A bound test with its groups, returned by [`Method::bind`].
#[derive(Debug)]
pub struct Binding {
    /// Computes the statistic and the estimate.
    pub test: Box<dyn Test>,
    /// Groups that the test is given; `None` if it is given the whole trial as one.
    pub grouping: Option<Grouping>,
}

impl Binding {
    /// A test of the trial as a whole.
    pub(super) fn of_trial(test: impl Test + 'static) -> Self {
        Self { test: Box::new(test), grouping: None }
    }

    /// A test of groups of patients.
    pub(super) fn of_groups(test: impl Test + 'static, grouping: Grouping) -> Self {
        Self { test: Box::new(test), grouping: Some(grouping) }
    }
}

/// A parameter that conflicts with another or with the population.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {message}")]
pub struct ParameterError {
    /// Path below the table of the analysis.
    pub key: String,
    /// The problem and what is allowed, as the predicate of a sentence about the key.
    pub message: String,
}

impl ParameterError {
    pub(super) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

/// A method bound to the patients of a scenario.
pub trait Test: Debug + Send + Sync {
    /// The scale of the estimate.
    fn scale(&self) -> EffectScale;

    /// The number given to each patient so that the test compares, exactly or nearly, its means in the
    /// two arms: what control variates, and the gain from balanced prognostic factors, are computed with.
    fn score(&self) -> PatientScore<'_>;

    /// The comparison from which power and sizes follow by formula: Z is then normal but for terms that
    /// vanish as patients become many, with a mean and a variance that the mRS of the two arms
    /// determine. `None` if the test depends on more, such as covariates, or has no formula here.
    fn comparison(&self) -> Option<ArmComparison<'_>>;

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
    /// [`FitStatus`](super::FitStatus)).
    pub z: Option<f64>,
    /// The full test, if the statistic had to compute it.
    pub test: Option<TestResult>,
}

impl Statistic {
    /// A statistic without estimate or interval.
    pub(super) fn alone(z: Option<f64>) -> Self {
        Self { z, test: None }
    }
}

impl From<TestResult> for Statistic {
    fn from(test: TestResult) -> Self {
        Self { z: Some(test.z).filter(|z| z.is_finite()), test: Some(test) }
    }
}

/// Buffers of the analyses, refilled at every look.
#[derive(Debug, Default)]
pub struct Scratch {
    groups: Vec<Counts>,
    ordinal: adjusted::FitScratch,
}

impl Scratch {
    /// Buffers of regressions.
    pub fn ordinal(&mut self) -> &mut adjusted::FitScratch {
        &mut self.ordinal
    }
}

/// Most groups of [`BoundMethod::sd_of_expected`], which fits twice for each of their cells.
const MOST_GROUPS: usize = 40;

/// Share by which [`BoundMethod::sd_of_expected`] changes a count.
// A smaller step would divide the rounding errors of a fit by it, a larger one would see the curvature.
const STEP: f64 = 0.01;

/// A method with its parameters, bound to the patients of a scenario.
#[derive(Debug)]
pub struct BoundMethod {
    parameters: AnalysisMethod,
    binding: Binding,
    null: NullEffects,
}

impl BoundMethod {
    /// Binds a method; see [`Method::bind`].
    ///
    /// # Errors
    /// The first parameter that conflicts with another or with the population.
    pub fn new(
        method: &AnalysisMethod,
        cells: CellLayout<'_>,
        factors: &[usize],
    ) -> Result<Self, ParameterError> {
        let binding = method.parameters().bind(cells, factors)?;
        // The parameters are kept for questions about them; a test has only what it computes with.
        Ok(Self { parameters: method.clone(), binding, null: NullEffects::NONE })
    }

    /// Returns the method tested against other null effects than none.
    ///
    /// # Errors
    /// If it has no test against a margin.
    pub fn testing_against(self, null: NullEffects) -> Result<Self, ParameterError> {
        let Self { parameters, binding: Binding { test, grouping }, .. } = self;
        let binding = Binding { test: test.against(null)?, grouping };
        Ok(Self { parameters, binding, null })
    }

    /// The effects at which the null hypothesis ends, on the scale of the estimate.
    pub fn null_effects(&self) -> NullEffects {
        self.null
    }

    /// The scale on which margins are stated; `None` if the estimate has none.
    pub fn margin_scale(&self) -> Option<MarginScale> {
        MarginScale::of_estimates(self.scale())
    }

    /// Key in scenarios and results.
    pub fn key(&self) -> &'static str {
        self.parameters.parameters().key()
    }

    /// Factors that divide the patients into groups.
    pub fn grouped_by(&self) -> GroupedBy<'_> {
        self.parameters.parameters().grouped_by()
    }

    /// Groups of patients; `None` if the whole trial is one.
    pub fn grouping(&self) -> Option<&Grouping> {
        self.binding.grouping.as_ref()
    }

    /// Returns the bound test.
    pub fn as_test(&self) -> &dyn Test {
        &*self.binding.test
    }

    /// The scale of the estimate.
    pub fn scale(&self) -> EffectScale {
        self.as_test().scale()
    }

    /// The worst mRS that counts as success, if the successes and patients of the arms, without groups,
    /// determine the test; else `None`.
    pub fn success_cut(&self) -> Option<Mrs> {
        if self.grouping().is_some() {
            return None;
        }
        match self.as_test().score() {
            PatientScore::Success(cut) => Some(cut),
            PatientScore::Rank(levels) => levels.cut_of_two(),
            PatientScore::SuccessByGroup(_) | PatientScore::Utility(_) => None,
        }
    }

    /// The statistic, with as little work as possible.
    pub fn statistic(&self, known: &KnownOutcomes, scratch: &mut Scratch) -> Statistic {
        let Scratch { groups, ordinal } = scratch;
        match self.grouping() {
            Some(grouping) => {
                grouping.gather_known(known, groups);
                self.as_test().statistic(groups, ordinal)
            }
            // On the stack: the hot path of most trials, without a buffer to refill.
            None => self.as_test().statistic(&[known.all.weights()], ordinal),
        }
    }

    /// The statistic with its estimate and standard error.
    pub fn test(&self, known: &KnownOutcomes, scratch: &mut Scratch) -> TestResult {
        let Scratch { groups, ordinal } = scratch;
        match self.grouping() {
            Some(grouping) => {
                grouping.gather_known(known, groups);
                self.as_test().test(groups, ordinal)
            }
            None => self.as_test().test(&[known.all.weights()], ordinal),
        }
    }

    /// The estimate from expected patients by cell, which need not be whole.
    pub fn estimate_of_expected(&self, cells: impl IntoIterator<Item = Counts>) -> f64 {
        self.test_of_expected(cells).estimate
    }

    /// The test of expected patients by cell, which need not be whole.
    pub fn test_of_expected(&self, cells: impl IntoIterator<Item = Counts>) -> TestResult {
        let Scratch { groups, ordinal } = &mut self.gathered(cells);
        self.as_test().test(groups, ordinal)
    }

    /// Z from expected patients by cell, which need not be whole.
    pub fn z_of_expected(
        &self,
        cells: impl IntoIterator<Item = Counts>,
        reference: ReferenceDistribution,
    ) -> f64 {
        let Scratch { groups, ordinal } = &mut self.gathered(cells);
        self.as_test().z_of_expected(groups, reference, ordinal)
    }

    /// The standard deviation of Z over trials with these expected patients by cell, by the delta method
    /// (van der Vaart 1998, *Asymptotic Statistics*, theorem 3.1): the patients of an arm are a multinomial
    /// sample of its groups and mRS, and Z is linear near the expected counts. `None` with more groups
    /// than 40, or if Z is not smooth there.
    pub fn sd_of_expected(
        &self,
        cells: impl IntoIterator<Item = Counts>,
        reference: ReferenceDistribution,
    ) -> Option<f64> {
        let Scratch { groups, ordinal } = &mut self.gathered(cells);
        if groups.len() > MOST_GROUPS {
            return None;
        }
        let mut variance = 0.0;
        for arm in 0..2 {
            let patients: f64 = groups.iter().flat_map(|group| group[arm]).sum();
            let (mut sum, mut squares) = (0.0, 0.0);
            for (group, level) in (0..groups.len()).flat_map(|g| (0..LEVELS).map(move |l| (g, l))) {
                let count = groups[group][arm][level];
                if count <= 0.0 {
                    continue;
                }
                let [below, above] = [1.0 - STEP, 1.0 + STEP].map(|factor| {
                    groups[group][arm][level] = factor * count;
                    self.as_test().z_of_expected(groups, reference, ordinal)
                });
                groups[group][arm][level] = count;
                // Of the share of the count by which it changes, so that rare cells do not divide by 0.
                let slope = (above - below) / (2.0 * STEP);
                sum += slope;
                squares += slope * slope / count;
            }
            variance += squares - sum * sum / patients;
        }
        Some(variance.sqrt()).filter(|sd| sd.is_finite() && *sd > 0.0)
    }

    fn gathered(&self, cells: impl IntoIterator<Item = Counts>) -> Scratch {
        // Not at a look but when a scenario is described, so that buffers of its own cost nothing.
        let mut scratch = Scratch::default();
        match self.grouping() {
            Some(grouping) => grouping.gather(cells, &mut scratch.groups),
            None => gather_all(cells, &mut scratch.groups),
        }
        scratch
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::population::{Factor, Population};

    /// The shortest statement of every method, in the order of [`AnalysisMethod`].
    pub const SHORTEST: [&str; 10] = [
        r#"{"method": "two_proportions"}"#,
        r#"{"method": "proportional_odds"}"#,
        r#"{"method": "logistic"}"#,
        r#"{"method": "modified_poisson"}"#,
        r#"{"method": "wilcoxon"}"#,
        r#"{"method": "win_odds"}"#,
        r#"{"method": "win_ratio"}"#,
        r#"{"method": "utility_weighted", "utilities": [1, 0.91, 0.76, 0.65, 0.33, 0, 0]}"#,
        r#"{"method": "cochran_mantel_haenszel", "stratify_by": ["side"]}"#,
        r#"{"method": "sliding_dichotomy", "points": [{"factor": "side", "of_levels": [0, 1]}],
            "cuts": [{"from_points": 0, "cut": 1}, {"from_points": 1, "cut": 3}]}"#,
    ];

    /// Every method in its shortest form.
    pub fn shortest() -> impl Iterator<Item = AnalysisMethod> {
        SHORTEST.iter().map(|text| serde_json::from_str(text).expect("it is a method"))
    }

    /// A method bound to patients who differ by one factor of two levels, `side`.
    pub fn bound(method: &AnalysisMethod) -> BoundMethod {
        let factors: Vec<usize> = (0..method.parameters().grouped_by().factors().len()).collect();
        let side = Factor {
            name: "side".to_owned(),
            levels: ["left", "right"].map(str::to_owned).to_vec(),
            log_odds: vec![0.0; 2],
            effect_log_odds: vec![0.0; 2],
        };
        let population = Population::independent(vec![(side, vec![0.5, 0.5])]);
        let cells = CellLayout { population: &population, by_early: false };
        BoundMethod::new(method, cells, &factors).expect("the parameters fit the population")
    }

    #[test]
    fn the_key_of_every_method_is_the_name_in_a_scenario() {
        let schema = schemars::schema_for!(AnalysisMethod).to_value();
        let variants = schema["oneOf"].as_array().expect("one for each method");
        let names: Vec<&str> = variants
            .iter()
            .filter_map(|variant| variant["properties"]["method"]["const"].as_str())
            .collect();
        let keys: Vec<&str> = shortest().map(|method| method.parameters().key()).collect();
        assert_eq!(keys, names);
        for method in shortest() {
            let written = serde_json::to_value(&method).expect("it is plain data");
            assert_eq!(written["method"], method.parameters().key());
        }
    }

    #[test]
    fn methods_determined_by_successes_of_whole_arms_have_a_cut() {
        for method in shortest() {
            let expected = match method {
                AnalysisMethod::TwoProportions(_)
                | AnalysisMethod::Logistic(_)
                | AnalysisMethod::ModifiedPoisson(_) => Some(Mrs::INDEPENDENT),
                AnalysisMethod::ProportionalOdds(_)
                | AnalysisMethod::Wilcoxon(_)
                | AnalysisMethod::WinOdds(_)
                | AnalysisMethod::WinRatio(_)
                | AnalysisMethod::UtilityWeighted(_)
                | AnalysisMethod::CochranMantelHaenszel(_)
                | AnalysisMethod::SlidingDichotomy(_) => None,
            };
            assert_eq!(bound(&method).success_cut(), expected, "{method:?}");
        }
        let adjusted = r#"{"method": "logistic", "adjust_for": ["side"]}"#;
        let adjusted = serde_json::from_str(adjusted).expect("it is a method");
        assert_eq!(bound(&adjusted).success_cut(), None);
    }
}
