//! A probability of a trial that is to be reached: what is solved for.

use std::str::FromStr;

use super::solve::Observed;
use crate::expected::Expected;
use crate::scenario::{Analysis, Scenario, Truth};
use crate::summary::{NamedFigure, Sampled, Tally};

/// A figure and the value it is to have at least, or at most where less is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// A probability.
    pub figure: NamedFigure,
    /// In (0, 1).
    pub value: f64,
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected a figure and its value, as in power=0.9 or efficacy-at-1=0.3";
        let (name, value) = text.split_once('=').ok_or(expected)?;
        let figure: NamedFigure = name.trim().parse().map_err(|error| format!("{error}"))?;
        if !figure.is_probability() {
            return Err(format!("{figure} is no probability; allowed: power=0.9 and the like"));
        }
        let value = probability(value.trim())?;
        Ok(Self { figure, value })
    }
}

/// A number between 0 and 1.
///
/// # Errors
/// When it is none.
pub fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|&p| p > 0.0 && p < 1.0);
    number
        .ok_or_else(|| format!("{text} is not between 0 and 1; expected a probability such as 0.9"))
}

impl Goal {
    /// Whether the figure is to be no larger than its value, as it is of something bad.
    pub fn at_most(&self) -> bool {
        use NamedFigure::{Futility, Harm, Safety, TypeIError};
        matches!(self.figure, TypeIError | Futility | Harm | Safety)
    }

    /// The probability that is to be reached: that of the figure, or that it does not happen.
    pub fn target(&self) -> f64 {
        self.turned(self.value)
    }

    /// From the figure to the probability to be reached, and back.
    pub fn turned(&self, p: f64) -> f64 {
        if self.at_most() { 1.0 - p } else { p }
    }

    /// In how many replicates what is to be reached happened.
    pub fn observed(&self, tally: &Tally, analysis: usize) -> Observed {
        let Sampled::Proportion { count, n } = tally.sampled(self.figure, analysis) else {
            unreachable!("a goal is a probability")
        };
        Observed { count: if self.at_most() { n - count } else { count }, n }
    }

    /// The probability to be reached by the normal approximation, where it has one.
    pub fn by_formula(&self, scenario: &Scenario, analysis: &Analysis) -> Option<f64> {
        if self.figure.truth() == Truth::Prior {
            return None;
        }
        let closed_form =
            Expected::new(scenario).normal_approximation(self.figure.truth(), analysis).ok()?;
        let efficacy = &closed_form.efficacy;
        let figure = match self.figure {
            NamedFigure::Power | NamedFigure::TypeIError => closed_form.rejection(),
            NamedFigure::EarlyEfficacy => efficacy[..efficacy.len() - 1].iter().sum(),
            NamedFigure::FinalEfficacy => *efficacy.last()?,
            NamedFigure::EfficacyAt(look) => *efficacy.get(look - 1)?,
            NamedFigure::Futility => closed_form.futility.iter().sum(),
            NamedFigure::Harm => closed_form.harm.iter().sum(),
            _ => return None,
        };
        Some(self.turned(figure))
    }
}
