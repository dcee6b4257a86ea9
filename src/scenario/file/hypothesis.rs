//! The written hypothesis: what an analysis has to show, and the margin.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::margin::MarginScale;

/// What an analysis has to show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Hypothesis")]
pub struct WrittenHypothesis {
    /// What has to be shown.
    #[serde(rename = "type")]
    pub kind: HypothesisType,
    /// Margin, on the scale that the analysis estimates; none for superiority over no effect. Values
    /// above 0, or ratios above 1, favour the experimental arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<WrittenMargin>,
    /// Upper margin of equivalence on the same scale; by default as far from no effect as the other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper_margin: Option<f64>,
}

/// What an analysis has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HypothesisType {
    /// The experimental arm is better; with a margin on the side of benefit, better by more than that.
    Superiority,
    /// The experimental arm is not worse by as much as the margin, which is on the side of harm.
    NonInferiority,
    /// The experimental arm is neither worse nor better by as much as the margins, by two one-sided
    /// tests.
    Equivalence,
}

/// A margin, on exactly one scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Margin")]
pub enum WrittenMargin {
    /// Experimental minus control share of successes, a fraction, such as -0.05.
    RiskDifference(#[schemars(range(min = -0.999_999, max = 0.999_999))] f64),
    /// Experimental over control share of successes, such as 0.9.
    RiskRatio(#[schemars(range(min = 1e-3, max = 1e3))] f64),
    /// Odds ratio of success, such as 0.74.
    OddsRatio(#[schemars(range(min = 1e-3, max = 1e3))] f64),
    /// Odds of a better mRS, the same at every cut, such as 0.8.
    CommonOddsRatio(#[schemars(range(min = 1e-3, max = 1e3))] f64),
    /// Odds of doing better, ties split, such as 0.85.
    WinOdds(#[schemars(range(min = 1e-3, max = 1e3))] f64),
    /// Difference of mean utilities, such as -0.03.
    UtilityDifference(#[schemars(range(min = -1e6, max = 1e6))] f64),
}

impl WrittenMargin {
    /// The scale.
    pub fn scale(self) -> MarginScale {
        match self {
            Self::RiskDifference(_) => MarginScale::RiskDifference,
            Self::RiskRatio(_) => MarginScale::RiskRatio,
            Self::OddsRatio(_) => MarginScale::OddsRatio,
            Self::CommonOddsRatio(_) => MarginScale::CommonOddsRatio,
            Self::WinOdds(_) => MarginScale::WinOdds,
            Self::UtilityDifference(_) => MarginScale::UtilityDifference,
        }
    }

    /// The value on its scale.
    pub fn value(self) -> f64 {
        match self {
            Self::RiskDifference(value)
            | Self::RiskRatio(value)
            | Self::OddsRatio(value)
            | Self::CommonOddsRatio(value)
            | Self::WinOdds(value)
            | Self::UtilityDifference(value) => value,
        }
    }
}

impl WrittenHypothesis {
    /// Whether the null hypothesis is another one than no benefit.
    pub fn has_margin(&self) -> bool {
        let none = |margin: WrittenMargin| if margin.scale().is_ratio() { 1.0 } else { 0.0 };
        self.margin.is_some_and(|margin| {
            // Equivalence always has one: its two margins lie on either side of no effect.
            self.kind == HypothesisType::Equivalence || margin.value() != none(margin)
        })
    }

    /// The word for what a trial shows that rejects the null hypothesis, such as "non-inferiority".
    pub fn name(&self) -> &'static str {
        match self.kind {
            HypothesisType::Superiority => "superiority",
            HypothesisType::NonInferiority => "non-inferiority",
            HypothesisType::Equivalence => "equivalence",
        }
    }

    /// The hypothesis with its margins, as part of a sentence.
    pub fn describe(&self) -> String {
        let mut text = self.name().to_owned();
        if let Some(margin) = self.margin {
            let (scale, value) = (margin.scale(), signed(margin.value()));
            text += &match self.upper_margin {
                Some(upper) => format!(", margins {value} and {} on the {scale}", signed(upper)),
                None => format!(", margin {value} on the {scale}"),
            };
        }
        text
    }
}

/// Writes a margin with at most six digits after the point, and a minus sign.
fn signed(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    rounded.to_string().replacen('-', "−", 1)
}
