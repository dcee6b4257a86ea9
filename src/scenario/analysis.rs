//! Analyses of a scenario, those that monitor and those that describe.

use super::AnalysisSet;
use super::hypothesis::Hypothesis;
use crate::analysis::grouping::Grouping;
use crate::analysis::imputation::Imputation;
use crate::analysis::margin::NullEffects;
use crate::analysis::proportional_odds::adjusted::Model;
use crate::analysis::{BoundMethod, TestResult};
use crate::bayes::DecisionModel;
use crate::design::inference::scale::standard_error_of;

/// A named analysis that monitors the trial.
#[derive(Debug)]
pub struct Analysis {
    /// Unique within the scenario.
    pub name: String,
    /// Test and estimate, against the margin if there is one.
    pub method: BoundMethod,
    /// What it has to show.
    pub hypothesis: Hypothesis,
    /// Whether it adjusts for the centre, or is stratified by it.
    pub by_centre: bool,
    /// Repeats of the allocation that the p value comes from; 0 for the statistic's own
    /// distribution.
    pub rerandomisations: u32,
    /// Rule for missing outcomes.
    pub missing: Imputation,
    /// Patients that are compared.
    pub set: AnalysisSet,
    /// Model of Bayesian decisions; `None` if looks decide by the boundaries of Z.
    pub model: Option<DecisionModel>,
}

impl Analysis {
    /// Returns the estimate less the margin over its standard error, and that error, from which
    /// stage-wise inference is computed. `None` without an estimate, if the error is 0, and for
    /// equivalence, whose Z has two margins.
    ///
    /// Most test statistics are that but for a factor. A statistic by permutation, or of an exact or
    /// corrected test, is not, and is replaced by Wald's.
    pub fn estimate_over_error(&self, test: &TestResult) -> Option<(f64, f64)> {
        let NullEffects { lower: null, upper: None } = self.method.null_effects() else {
            return None;
        };
        if !test.has_estimate() {
            return None;
        }
        let excess = test.estimate - null;
        let is_estimate_over_error =
            self.rerandomisations == 0 && self.method.as_test().is_estimate_over_error();
        let (z, standard_error) = if is_estimate_over_error && test.z.is_finite() {
            (test.z, standard_error_of(excess, test.z, test.standard_error))
        } else {
            (excess / test.standard_error, test.standard_error)
        };
        (z.is_finite() && standard_error > 0.0).then_some((z, standard_error))
    }
}

/// Supplementary analyses when a trial ends, of the outcomes that its primary analysis had.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Whether the odds ratio of every cut is estimated, and the proportional-odds assumption tested.
    pub proportional_odds: bool,
    /// Whether each trial is analysed again with all missing outcomes as each mRS.
    pub tipping_point: bool,
    /// Factors whose interaction with treatment is tested.
    pub subgroups: Vec<Subgroups>,
    /// Two-sided significance level of these tests.
    pub alpha_two_sided: f64,
}

/// A factor whose interaction with treatment is tested.
#[derive(Debug, Clone, PartialEq)]
pub struct Subgroups {
    /// Name of the factor.
    pub factor: String,
    /// Proportional odds with treatment, the factor's levels, and both together.
    pub model: Model,
    /// Levels of the factor, as groups of cells.
    pub grouping: Grouping,
}
