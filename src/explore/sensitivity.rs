//! Scenarios beside a scenario, to see how far its power depends on what was assumed.

use crate::outcome::Mrs;
use crate::scenario::{Outcomes, Scenario, Truth, size};

/// A quantity that is varied, and what is set for each of its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// What is varied, in words.
    pub quantity: &'static str,
    /// Values, each with its overrides of the form `path.to.key=value`.
    pub points: Vec<(f64, Vec<String>)>,
}

/// Shares of the stated effect, on the scale of the log odds ratio.
const EFFECTS: [f64; 8] = [-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5];
/// Shares of the stated number of patients.
const SIZES: [f64; 5] = [0.5, 0.75, 1.0, 1.25, 1.5];

impl Sensitivity {
    /// Where outcomes are stated: a common odds ratio from half the effect in functional independence,
    /// turned to harm, to one and a half times it; no points without such an effect. After a procedure, whose effect comes about in many ways: the
    /// number of patients.
    /// Its file is `text` with `overrides`.
    pub fn of(scenario: &Scenario, text: &str, overrides: &[String]) -> Self {
        match &scenario.outcomes {
            Outcomes::Stated(_) => Self::of_effect(scenario),
            Outcomes::AfterProcedure(_) => Self::of_size(scenario, text, overrides),
        }
    }

    fn of_effect(scenario: &Scenario) -> Self {
        let marginal = scenario.marginal(Truth::Alternative).expect("only the prior has none");
        let log_odds = |arm: usize| {
            let p = marginal[arm].at_most(Mrs::INDEPENDENT);
            libm::log(p / (1.0 - p))
        };
        let log_odds_ratio = log_odds(1) - log_odds(0);
        let is_effect = log_odds_ratio.is_finite() && log_odds_ratio.abs() > 1e-6;
        let point = |share: &f64| {
            let odds_ratio = libm::exp(share * log_odds_ratio);
            (odds_ratio, vec![format!("outcome.experimental.common_odds_ratio={odds_ratio:?}")])
        };
        let points = EFFECTS.iter().filter(|_| is_effect).map(point);
        Self { quantity: "common odds ratio", points: points.collect() }
    }

    fn of_size(scenario: &Scenario, text: &str, overrides: &[String]) -> Self {
        let point = |share: &f64| {
            let randomised = (share * f64::from(scenario.randomised)).round();
            let mut set = size::following(scenario, text, overrides, randomised);
            set.push(format!("{}={randomised:.0}", size::RANDOMISED));
            (randomised, set)
        };
        Self { quantity: "patients randomised", points: SIZES.iter().map(point).collect() }
    }
}
