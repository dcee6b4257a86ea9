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

mod bound;
mod test;

pub use bound::{BoundMethod, Scratch};
pub use test::{ArmComparison, PatientScore, ReferenceDistribution, Statistic, Test};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cochran_mantel_haenszel::CochranMantelHaenszel;
use super::grouping::{CellLayout, Grouping};
use super::logistic::Logistic;
use super::modified_poisson::ModifiedPoisson;
use super::proportional_odds::{ProportionalOdds, ShiftTest};
use super::sliding_dichotomy::{FactorPoints, SlidingDichotomy};
use super::two_proportions::Proportions;
use super::utilities::UtilityWeighted;
use super::wilcoxon::Wilcoxon;
use super::wins::{WinOdds, WinRatio};

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
            // Against a margin the score and likelihood-ratio tests would need a fit at the margin
            // itself.
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

    /// Factors that divide the patients into groups; none by default.
    fn grouped_by(&self) -> GroupedBy<'_> {
        GroupedBy::Nothing
    }

    /// Whether Z takes few values because it depends on whole numbers of successes, so that its
    /// distribution differs visibly from the normal one that formulas assume.
    fn counts_successes(&self) -> bool;

    /// A parameter that is allowed but probably not meant, as the predicate of a sentence about the
    /// analysis; `None` by default.
    fn warning(&self) -> Option<String> {
        None
    }

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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::outcome::Mrs;
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
