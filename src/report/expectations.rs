//! The expectations of a design next to what was simulated.

use super::document::Document;
use super::numeral::{grouped, trimmed, with_two_digit_error};
use crate::explore::expectations::{ExpectationConclusion, TestedExpectation};
use crate::scenario::Scenario;

/// Lays out a row per expectation, and what to do about those that are undecided.
pub fn document(scenario: &Scenario, replicates: u64, tested: &[TestedExpectation]) -> Document {
    let rows = tested.iter().map(|tested| {
        let TestedExpectation { expectation, quantity, estimate, conclusion } = tested;
        let analysis = &scenario.analyses[expectation.analysis].name;
        let conclusion = match conclusion {
            ExpectationConclusion::Met => "met",
            ExpectationConclusion::NotMet => "not met",
            ExpectationConclusion::Undecided { .. } => "undecided",
        };
        vec![
            format!("{quantity}, {analysis}"),
            format!("{} {}", expectation.comparison, trimmed(expectation.limit, 6)),
            with_two_digit_error(*estimate),
            conclusion.to_owned(),
        ]
    });
    let mut document = Document::new()
        .title(&scenario.file().title)
        .text(format!(
            "{} simulated trials, seed {}. ± is the Monte Carlo standard error; an expectation is \
             undecided while its limit lies within the 95 % confidence interval.",
            grouped(replicates),
            scenario.seed.0
        ))
        .gap()
        .table(&["quantity", "expected", "simulated", ""], rows.collect());
    for tested in tested {
        if let ExpectationConclusion::Undecided { needed } = tested.conclusion {
            document = document.text(match needed {
                Some(needed) => format!(
                    "{} would be decided by about {} replicates.",
                    tested.quantity,
                    grouped(two_digits(needed))
                ),
                None => format!("{} is as large as its limit.", tested.quantity),
            });
        }
    }
    document
}

/// Rounds up to two digits, as the number is an extrapolation.
fn two_digits(count: u64) -> u64 {
    // At least 1, as 0 has no logarithm.
    let step = 10_u64.pow(count.max(1).ilog10().saturating_sub(1));
    count.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::two_digits;

    #[test]
    fn replicates_are_rounded_up_to_two_digits() {
        assert_eq!([7, 99, 100, 3842, 40_001].map(two_digits), [7, 99, 100, 3900, 41_000]);
    }
}
