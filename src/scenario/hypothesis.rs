//! Hypotheses: what an analysis has to show, with its margins.

use std::fmt;

use super::file::{HypothesisType, WrittenHypothesis, WrittenMargin};
use crate::analysis::margin::{MarginScale, NullEffects};

/// What an analysis has to show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hypothesis {
    /// The experimental arm is better.
    Superiority,
    /// The experimental arm is better by more than a margin.
    SuperiorityBy(Margin),
    /// The experimental arm is not worse by as much as a margin.
    NonInferiority(Margin),
    /// The experimental arm is neither worse nor better by as much as two margins.
    Equivalence {
        /// Margin on the side of harm.
        margin: Margin,
        /// Margin on the side of benefit, on the same scale.
        upper: f64,
    },
}

/// A margin on a scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margin {
    /// The scale.
    pub scale: MarginScale,
    /// Value on the scale: a difference, or a ratio.
    pub value: f64,
}

impl Margin {
    /// Returns the value as an estimate has it: the logarithm of a ratio.
    pub fn as_estimate(self) -> f64 {
        // Adding 0 turns −0, the logarithm of a ratio next to 1, into 0.
        self.scale.to_estimate(self.value) + 0.0
    }
}

impl Hypothesis {
    /// Returns the margin on the side of harm, or of superiority; `None` for superiority over no effect.
    pub fn margin(self) -> Option<Margin> {
        match self {
            Self::Superiority => None,
            Self::SuperiorityBy(margin)
            | Self::NonInferiority(margin)
            | Self::Equivalence { margin, .. } => Some(margin),
        }
    }

    /// Returns the effects at which the null hypothesis ends, on the scale of the estimate.
    pub fn null_effects(self) -> NullEffects {
        let upper = match self {
            Self::Equivalence { margin, upper } => {
                Some(Margin { value: upper, ..margin }.as_estimate())
            }
            Self::Superiority | Self::SuperiorityBy(_) | Self::NonInferiority(_) => None,
        };
        NullEffects { lower: self.margin().map_or(0.0, Margin::as_estimate), upper }
    }

    /// Returns whether the null hypothesis is another one than no benefit.
    pub fn has_margin(self) -> bool {
        self.null_effects() != NullEffects::NONE
    }

    /// Returns the hypothesis as a file states it, with both margins of equivalence.
    pub fn written(self) -> WrittenHypothesis {
        let (kind, upper_margin) = match self {
            Self::Superiority | Self::SuperiorityBy(_) => (HypothesisType::Superiority, None),
            Self::NonInferiority(_) => (HypothesisType::NonInferiority, None),
            Self::Equivalence { upper, .. } => (HypothesisType::Equivalence, Some(upper)),
        };
        let margin = self.margin().map(|Margin { scale, value }| match scale {
            MarginScale::RiskDifference => WrittenMargin::RiskDifference(value),
            MarginScale::RiskRatio => WrittenMargin::RiskRatio(value),
            MarginScale::OddsRatio => WrittenMargin::OddsRatio(value),
            MarginScale::CommonOddsRatio => WrittenMargin::CommonOddsRatio(value),
            MarginScale::WinOdds => WrittenMargin::WinOdds(value),
            MarginScale::UtilityDifference => WrittenMargin::UtilityDifference(value),
        });
        WrittenHypothesis { kind, margin, upper_margin }
    }
}

/// The hypothesis with its margins, as part of a sentence.
impl fmt::Display for Hypothesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written().describe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn margin(scale: MarginScale, value: f64) -> Margin {
        Margin { scale, value }
    }

    #[test]
    fn hypotheses_are_worded_with_their_margins() {
        let cases = [
            (Hypothesis::Superiority, "superiority"),
            (
                Hypothesis::SuperiorityBy(margin(MarginScale::RiskDifference, 0.05)),
                "superiority, margin 0.05 on the risk difference",
            ),
            (
                Hypothesis::NonInferiority(margin(MarginScale::CommonOddsRatio, 0.8)),
                "non-inferiority, margin 0.8 on the common odds ratio",
            ),
            (
                Hypothesis::Equivalence {
                    margin: margin(MarginScale::RiskDifference, -0.05),
                    upper: 0.05,
                },
                "equivalence, margins −0.05 and 0.05 on the risk difference",
            ),
        ];
        for (hypothesis, words) in cases {
            assert_eq!(hypothesis.to_string(), words);
        }
    }

    #[test]
    fn a_margin_of_no_effect_is_superiority() {
        for (scale, none) in [(MarginScale::RiskDifference, 0.0), (MarginScale::OddsRatio, 1.0)] {
            let margin = Margin { scale, value: none };
            assert!(!Hypothesis::NonInferiority(margin).has_margin());
            assert!(Hypothesis::Equivalence { margin, upper: 0.1 }.has_margin());
        }
        assert!(!Hypothesis::Superiority.has_margin());
    }
}
