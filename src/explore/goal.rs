//! A probability of a trial and its target, as `solve --reach` states them.

use std::fmt;
use std::str::FromStr;

use super::solve::Observed;
use crate::expected::Expected;
use crate::num::percent_as_fraction;
use crate::scenario::{Analysis, Scenario, Truth};
use crate::summary::{NamedQuantity, Sampled, Tally};

/// A quantity and its target: at least that value, or at most if less is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// The quantity, a probability.
    pub quantity: NamedQuantity,
    /// Target, in (0, 1).
    pub value: f64,
}

/// Formats the goal as `--reach` takes it.
impl fmt::Display for Goal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.quantity, self.value)
    }
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected a quantity and its value, as in power=0.9 or efficacy-at-1=0.3";
        let (name, value) = text.split_once('=').ok_or(expected)?;
        let quantity: NamedQuantity = name.trim().parse().map_err(|error| format!("{error}"))?;
        if !quantity.is_probability() {
            return Err(format!(
                "{quantity} is not a probability; allowed: a probability, as in power=0.9"
            ));
        }
        let value = probability(value.trim())?;
        Ok(Self { quantity, value })
    }
}

/// Reads a number between 0 and 1.
///
/// # Errors
/// If the text is no such number.
pub fn probability(text: &str) -> Result<f64, String> {
    // The ends are excluded, as no number of patients gives a power of exactly 1.
    let number = text.parse::<f64>().ok().filter(|&p| p > 0.0 && p < 1.0);
    number.ok_or_else(|| {
        let hint = as_percentage(text).map_or(String::new(), |p| format!("; did you mean {p}?"));
        format!("{text} is not between 0 and 1; expected a probability such as 0.9{hint}")
    })
}

/// Reads a percentage such as 90 or 90%, as a probability.
fn as_percentage(text: &str) -> Option<f64> {
    let percent = text.trim_end_matches('%').trim_end().parse::<f64>().ok()?;
    // A value below 1 with a percent sign is as likely a slip as a small probability.
    (1.0 < percent && percent < 100.0).then(|| percent_as_fraction(percent))
}

impl Goal {
    /// Whether the quantity is to be at most its target.
    pub fn at_most(&self) -> bool {
        self.quantity.less_is_better()
    }

    /// The probability that is to reach at least this value: that of the quantity, or of its complement if
    /// less is better.
    pub fn target(&self) -> f64 {
        self.turned(self.value)
    }

    /// Converts between the quantity and the probability that the search raises.
    // The search only knows "at least"; "at most" is asked of the complement.
    pub fn turned(&self, p: f64) -> f64 {
        if self.at_most() { 1.0 - p } else { p }
    }

    /// Counts the replicates with the event that the search makes more probable.
    pub fn observed(&self, tally: &Tally, analysis: usize) -> Observed {
        let Sampled::Proportion { count, n } = tally.sampled(self.quantity, analysis) else {
            unreachable!("a goal is a probability")
        };
        Observed { count: if self.at_most() { n - count } else { count }, n }
    }

    /// The probability that the search raises by closed form; `None` if it has none.
    pub fn by_formula(&self, scenario: &Scenario, analysis: &Analysis) -> Option<f64> {
        let truth = self.quantity.truth();
        // Effects drawn from a prior have no single drift.
        if truth == Truth::Prior {
            return None;
        }
        let formula = Expected::new(scenario).normal_approximation(truth, analysis).ok()?;
        self.quantity.by_formula(&formula).map(|p| self.turned(p))
    }
}
