//! Expectations of a design compared with what was simulated.

use crate::scenario::Scenario;
use crate::scenario::expectation::Expectation;
use crate::summary::{McEstimate, NamedQuantity, Tally};

/// Half the width of a 95 % confidence interval in standard errors.
// Two-sided although a comparison has one side: each wrong conclusion then has 2.5 %.
const Z_95: f64 = 1.959963984540054;

/// An expectation with the result of its test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestedExpectation {
    /// The expectation.
    pub expectation: Expectation,
    /// The quantity.
    pub quantity: NamedQuantity,
    /// Simulated value of the quantity.
    pub estimate: McEstimate,
    /// Whether it is as expected.
    pub conclusion: ExpectationConclusion,
}

/// Whether a quantity is as expected, beyond its Monte Carlo error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectationConclusion {
    /// The whole 95 % confidence interval is as expected.
    Met,
    /// No value of the interval is as expected.
    NotMet,
    /// The limit is within the interval.
    Undecided {
        /// Replicates after which the interval would end at the limit; `None` if the value is the limit.
        needed: Option<u64>,
    },
}

/// Lists the quantities of the expectations that the scenario does not have, each with the reason.
pub fn missing(scenario: &Scenario) -> Vec<(NamedQuantity, String)> {
    let quantities = scenario.expectations.iter().map(quantity_of);
    quantities.filter_map(|of| Some((of, of.missing_from(scenario)?))).collect()
}

/// Compares the expectations of a scenario with its simulated trials.
pub fn test(scenario: &Scenario, tally: &Tally) -> Vec<TestedExpectation> {
    scenario
        .expectations
        .iter()
        .map(|expectation| {
            let quantity = quantity_of(expectation);
            let sampled = tally.sampled(quantity, expectation.analysis);
            let estimate = sampled.estimate();
            // Above 0 for an event that has not happened yet.
            let error = sampled.error_to_stop_by();
            let conclusion = conclude(expectation, estimate, error);
            TestedExpectation { expectation: expectation.clone(), quantity, estimate, conclusion }
        })
        .collect()
}

fn quantity_of(expectation: &Expectation) -> NamedQuantity {
    expectation.quantity.parse().expect("keys of [expect] are names of quantities")
}

/// Concludes whether an estimate with a standard error is as expected.
fn conclude(expectation: &Expectation, estimate: McEstimate, error: f64) -> ExpectationConclusion {
    let Expectation { comparison, limit, .. } = *expectation;
    // No comparison holds for NaN, though nothing contradicts the expectation.
    if estimate.value.is_nan() || error.is_nan() {
        return ExpectationConclusion::Undecided { needed: None };
    }
    let half = Z_95 * error;
    let [low, high] = [estimate.value - half, estimate.value + half];
    // A comparison has one sign, so that it holds between two values for which it does.
    match [low, high].map(|value| comparison.holds(value, limit)) {
        [true, true] => ExpectationConclusion::Met,
        [false, false] => ExpectationConclusion::NotMet,
        [true, false] | [false, true] => {
            // The half width falls with the root of the replicates, so these grow with the square.
            let ratio = half / (estimate.value - limit).abs();
            let needed = estimate.n as f64 * ratio * ratio;
            let needed = needed.is_finite().then(|| needed.ceil() as u64);
            ExpectationConclusion::Undecided { needed }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::expectation::Comparison;

    fn concluded(
        value: f64,
        error: f64,
        comparison: Comparison,
        limit: f64,
    ) -> ExpectationConclusion {
        let expectation =
            Expectation { quantity: "power".to_owned(), analysis: 0, comparison, limit };
        conclude(&expectation, McEstimate { value, mcse: error, n: 1000, limit_95: None }, error)
    }

    #[test]
    fn an_expectation_is_decided_when_the_interval_excludes_the_limit() {
        use ExpectationConclusion::{Met, NotMet, Undecided};
        let at_least = |value| concluded(value, 0.01, Comparison::AtLeast, 0.8);
        assert_eq!(at_least(0.83), Met);
        assert_eq!(at_least(0.77), NotMet);
        // Half the distance needs four times the replicates: (0.0196 / 0.01)² · 1000.
        assert_eq!(at_least(0.81), Undecided { needed: Some(3842) });
        assert_eq!(at_least(0.79), Undecided { needed: Some(3842) });
        assert_eq!(at_least(0.8), Undecided { needed: None });
        assert_eq!(concluded(0.0246, 0.0005, Comparison::AtMost, 0.027), Met);
        assert_eq!(concluded(0.0246, 0.0005, Comparison::AtMost, 0.023), NotMet);
        assert_eq!(at_least(f64::NAN), Undecided { needed: None });
        // Without an error the value decides.
        assert_eq!(concluded(348.0, 0.0, Comparison::AtMost, 348.0), Met);
        assert_eq!(concluded(348.0, 0.0, Comparison::LessThan, 348.0), NotMet);
    }
}
