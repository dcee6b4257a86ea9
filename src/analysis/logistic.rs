//! Logistic regression of success: the proportional-odds model of two levels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EffectScale;
use super::grouping::CellLayout;
use super::method::{Binding, GroupedBy, Method, ParameterError};
use super::proportional_odds::levels::Levels;
use super::proportional_odds::{Regression, ShiftTest, adjusted_for};
use super::two_proportions::independent;
use crate::outcome::Mrs;

/// Parameters of a logistic regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    /// Success is an mRS at or below this.
    #[serde(default = "independent")]
    #[schemars(with = "u8", range(min = 0, max = 5))]
    pub cut: Mrs,
    /// The statistic compared with the boundary.
    #[serde(default = "wald")]
    pub test: ShiftTest,
    /// Factors whose levels are covariates; none by default (treatment alone).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjust_for: Vec<String>,
}

// Unlike the shift analysis, a logistic regression is usually reported with Wald's test.
fn wald() -> ShiftTest {
    ShiftTest::Wald
}

impl Method for Logistic {
    fn key(&self) -> &'static str {
        "logistic"
    }

    fn describe(&self) -> String {
        let (cut, test, adjusted) = (self.cut, self.test, adjusted_for(&self.adjust_for));
        format!("logistic regression of mRS 0–{cut}, {test} test{adjusted}, log odds ratio")
    }

    fn grouped_by(&self) -> GroupedBy<'_> {
        GroupedBy::covariates(&self.adjust_for)
    }

    fn counts_successes(&self) -> bool {
        true
    }

    fn bind(&self, cells: CellLayout<'_>, factors: &[usize]) -> Result<Binding, ParameterError> {
        let levels = Levels::at_most(self.cut);
        let regression = Regression::new(levels, self.test, EffectScale::LogOddsRatio);
        Ok(regression.bind(cells, factors))
    }
}
