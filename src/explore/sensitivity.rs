//! Scenarios near a scenario, which show how far its power depends on what was assumed.

use std::fmt;

use crate::outcome::Mrs;
use crate::scenario::edit::Number;
use crate::scenario::{InputDocument, KeyPath, Outcomes, Scenario, Set, Truth, size};

/// Quantity that is varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariedQuantity {
    /// The effect, the same odds ratio at every cut of the mRS.
    CommonOddsRatio,
    /// The number of patients randomised.
    PatientsRandomised,
}

/// Names the quantity.
impl fmt::Display for VariedQuantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CommonOddsRatio => "common odds ratio",
            Self::PatientsRandomised => "patients randomised",
        })
    }
}

/// A quantity that is varied, and what is set for each of its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// The quantity.
    pub quantity: VariedQuantity,
    /// The value in the scenario.
    pub planned: f64,
    /// Values of the quantity.
    pub points: Vec<Variation>,
}

/// A value of the quantity that is varied.
#[derive(Debug, Clone, PartialEq)]
pub struct Variation {
    /// The value.
    pub value: f64,
    /// Sets that give the scenario this value.
    pub sets: Vec<Set>,
}

/// Shares of the stated effect, on the scale of the log odds ratio.
// Harm and no effect show the type I error; beyond the effect a curve flattens.
const EFFECTS: [f64; 8] = [-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5];
/// Shares of the stated number of patients.
const SIZES: [f64; 5] = [0.5, 0.75, 1.0, 1.25, 1.5];

/// Shares of a number from which a curve over it is drawn.
const SHARES: [f64; 9] = [0.5, 0.625, 0.75, 0.875, 1.0, 1.125, 1.25, 1.375, 1.5];

/// Returns values around a number of a scenario, in increasing order, within its allowed range.
pub fn around(number: &Number) -> Vec<f64> {
    let Number { value, range: (least, most), whole } = *number;
    // Around 0 shares are all the same: a tenth of the range above it, or 1, is the width.
    let width = if value != 0.0 {
        value.abs()
    } else if most.is_finite() {
        0.1 * most
    } else {
        1.0
    };
    let mut values: Vec<f64> = SHARES
        .iter()
        .map(|share| value + (share - 1.0) * width)
        // Rounded to digits that a person would type, without the noise of the arithmetic.
        .map(|x| if whole { x.round() } else { rounded(x, width) })
        .filter(|x| (least..=most).contains(x))
        .collect();
    values.push(value);
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// Rounds to a thousandth of the leading digit of a width.
fn rounded(x: f64, width: f64) -> f64 {
    let decimals = (3.0 - libm::log10(width).floor()).clamp(0.0, 15.0);
    let scale = libm::pow(10.0, decimals);
    (x * scale).round() / scale
}

impl Sensitivity {
    /// Varies the effect if outcomes are stated: a common odds ratio from half the effect on functional
    /// independence, turned to harm, to one and a half times it; no points without such an effect.
    /// Varies the number of patients after a procedure, whose effect arises in many ways. `scenario` is
    /// `document` with `sets`.
    pub fn of(scenario: &Scenario, document: &InputDocument, sets: &[Set]) -> Self {
        match &scenario.outcomes {
            Outcomes::Stated(_) => Self::of_effect(scenario),
            Outcomes::AfterProcedure(_) => Self::of_size(scenario, document, sets),
        }
    }

    fn of_effect(scenario: &Scenario) -> Self {
        let marginal = scenario.marginal(Truth::Alternative).expect("only the prior has none");
        let [control, experimental] = marginal.map(|mrs| {
            let p = mrs.at_most(Mrs::INDEPENDENT);
            libm::log(p / (1.0 - p))
        });
        // At the cut that most readers know; the odds ratio of other cuts may differ.
        let log_odds_ratio = experimental - control;
        // Below this all points would be the same trial, and no curve could be drawn through them.
        let is_effect = log_odds_ratio.is_finite() && log_odds_ratio.abs() > 1e-6;
        let path = KeyPath::default().key("outcome").key("experimental").key("common_odds_ratio");
        let points = EFFECTS.iter().filter(|_| is_effect).map(|share| {
            let value = libm::exp(share * log_odds_ratio);
            Variation { value, sets: vec![Set::new(path.clone(), value)] }
        });
        let planned = libm::exp(log_odds_ratio);
        Self { quantity: VariedQuantity::CommonOddsRatio, planned, points: points.collect() }
    }

    fn of_size(scenario: &Scenario, document: &InputDocument, sets: &[Set]) -> Self {
        let points = SIZES.iter().map(|share| {
            let value = (share * f64::from(scenario.randomised)).round();
            let mut own = size::following(scenario, document, sets, value);
            own.push(Set::number(size::randomised(), value, true));
            Variation { value, sets: own }
        });
        let planned = f64::from(scenario.randomised);
        Self { quantity: VariedQuantity::PatientsRandomised, planned, points: points.collect() }
    }
}

/// Scenarios that differ in one quantity.
#[derive(Debug)]
pub struct VariedScenarios {
    /// The quantity.
    pub quantity: VariedQuantity,
    /// Value of the quantity in the scenario that is varied.
    pub planned: f64,
    /// Scenarios with other values; those that the design cannot follow are left out.
    pub points: Vec<VariedScenario>,
}

/// A scenario with another value of the quantity.
#[derive(Debug)]
pub struct VariedScenario {
    /// The value.
    pub value: f64,
    /// The scenario.
    pub scenario: Scenario,
}

/// Replicates of a scenario per replicate of one that differs in a quantity: a curve of many points is read
/// with the eye.
// The eight points of a curve over the effect take 1.6 times as long as the scenario itself.
pub const POINT_SHARE: u64 = 5;

impl VariedScenarios {
    /// Varies a scenario, which is `document` with `sets` and perhaps another seed or number of replicates.
    pub fn of(scenario: &Scenario, document: &InputDocument, sets: &[Set]) -> Self {
        let Sensitivity { quantity, planned, points } = Sensitivity::of(scenario, document, sets);
        // The points share the random numbers of the scenario.
        let seed = Set::all(&[format!("run.seed={}", scenario.seed.0)]);
        let replicates = (scenario.replicates / POINT_SHARE).max(1);
        let mut varied = Vec::new();
        for Variation { value, sets: own } in points {
            let all = [sets, own.as_slice(), &seed].concat();
            // Looks may be too close together at a small number of patients, for example.
            if let Ok(scenario) = document.with(&all).resolve() {
                let scenario = scenario.with_replicates(replicates);
                varied.push(VariedScenario { value, scenario });
            }
        }
        Self { quantity, planned, points: varied }
    }
}
