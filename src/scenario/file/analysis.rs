//! The table of an analysis.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WrittenHypothesis;
use crate::analysis::imputation::MissingRule;
use crate::analysis::{AnalysisMethod, AnalysisSet};

/// An analysis that monitors the trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Analysis")]
pub struct WrittenAnalysis {
    /// Unique name for tables; the method by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// Whether it is the primary analysis: sizes, boundaries and defaults refer to it, and it is listed
    /// first in every result. At most one analysis; by default the first is primary.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub primary: bool,
    /// Method and its parameters.
    #[serde(flatten)]
    pub method: AnalysisMethod,
    /// What this analysis has to show, if it differs from the hypothesis of the trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<WrittenHypothesis>,
    /// Patients that are compared, and the arm of each.
    #[serde(default)]
    pub population: AnalysisSet,
    /// Number of repetitions of the trial's allocation with patients and outcomes fixed, from which the
    /// p value is taken: (b + 1) / (m + 1) if b of m repetitions have a statistic that is no smaller.
    /// 0: p value from the normal distribution of the statistic.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rerandomisations: u32,
    /// Rule for outcomes that are missing although follow-up has ended.
    #[serde(default)]
    pub missing: MissingRule,
}

impl WrittenAnalysis {
    /// Whether two analyses differ in nothing but their names and in which of them is primary.
    pub fn is_like(&self, other: &Self) -> bool {
        *self == Self { name: self.name.clone(), primary: self.primary, ..other.clone() }
    }

    /// Names of the factors that the method or the imputation uses.
    pub fn factors(&self) -> impl Iterator<Item = &str> {
        let of_method = self.method.parameters().grouped_by().factors();
        of_method.into_iter().chain(self.missing.factors().iter().map(String::as_str))
    }

    /// Method, analysis set, re-randomisation and imputation, in a line or two.
    pub fn describe(&self) -> String {
        let mut text = self.method.parameters().describe();
        text += match self.population {
            AnalysisSet::IntentionToTreat => "",
            AnalysisSet::PerProtocol => ", per protocol",
            AnalysisSet::AsTreated => ", as treated",
        };
        if self.rerandomisations > 0 {
            text += &format!(", p from {} re-randomisations", self.rerandomisations);
        }
        text + &self.missing.describe() + &self.margin_in_words()
    }

    /// Test, estimate and margin, in a line or two.
    pub fn describe_test(&self) -> String {
        self.method.parameters().describe() + &self.margin_in_words()
    }

    /// The hypothesis after a semicolon; empty for superiority over no effect.
    fn margin_in_words(&self) -> String {
        match &self.hypothesis {
            Some(hypothesis) if hypothesis.margin.is_some() => {
                format!("; {}", hypothesis.describe())
            }
            Some(_) | None => String::new(),
        }
    }

    /// What is true under the null hypothesis, with which a sentence about it continues.
    pub fn null_in_words(&self) -> &'static str {
        if self.has_margin() { "at the margin" } else { "no effect" }
    }

    /// Whether the null hypothesis is another one than no benefit.
    pub fn has_margin(&self) -> bool {
        self.hypothesis.is_some_and(|hypothesis| hypothesis.has_margin())
    }
}
