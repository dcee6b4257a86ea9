//! Whether the odds are proportional, as a description beside the shift analysis.

use super::adjusted::{Model, Scratch};
use super::covariates::Covariates;
use super::levels::Levels;
use crate::analysis::{Counts, FitStatus};
use crate::num::chi_squared;
use crate::outcome::LEVELS;

/// The likelihood-ratio test of one odds ratio for all cuts against one for each, which for two arms
/// is the saturated model (as `nominal_test` of R's `ordinal`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProportionalOddsTest {
    /// Twice the gain in log likelihood; 0 or above.
    pub likelihood_ratio: f64,
    /// Levels that somebody is in, less 2; at least 1.
    pub degrees_of_freedom: u32,
}

impl ProportionalOddsTest {
    /// `None` where there is nothing to test: an arm empty, fewer than three levels, arms that do
    /// not overlap.
    pub fn new(counts: &Counts, scratch: &mut Scratch) -> Option<Self> {
        let levels = (0..LEVELS).filter(|&mrs| counts[0][mrs] + counts[1][mrs] > 0.0).count();
        let degrees_of_freedom = u32::try_from(levels).ok()?.checked_sub(2).filter(|&df| df > 0)?;
        let model = Model { levels: Levels::ALL, covariates: Covariates::none() };
        let fit = model.fit(std::slice::from_ref(counts), scratch);
        if fit.status != FitStatus::Converged {
            return None;
        }
        let likelihood_ratio = (2.0 * (saturated(counts) - scratch.log_likelihood())).max(0.0);
        Some(Self { likelihood_ratio, degrees_of_freedom })
    }

    /// P(χ² ≥ the likelihood ratio) where odds are proportional.
    pub fn p(&self) -> f64 {
        chi_squared::upper_tail(self.likelihood_ratio, self.degrees_of_freedom)
    }
}

/// Log likelihood of the shares that were seen, Σ n·ln(n / n_arm).
fn saturated(counts: &Counts) -> f64 {
    let of_arm = |arm: &[f64; LEVELS]| -> f64 {
        let patients: f64 = arm.iter().sum();
        let seen = arm.iter().filter(|count| **count > 0.0);
        seen.map(|count| count * libm::log(count / patients)).sum()
    };
    counts.iter().map(of_arm).sum()
}

/// The logarithm of the odds ratio of mRS ≤ j, j = 0 … 5, above 0 where the experimental arm does
/// better; ±∞ where an arm has nobody on one side, NaN where both or neither have.
pub fn cut_log_odds_ratios(counts: &Counts) -> [f64; LEVELS - 1] {
    let log_odds = |arm: &[f64; LEVELS]| -> [f64; LEVELS - 1] {
        std::array::from_fn(|j| {
            let (low, high) = arm.split_at(j + 1);
            libm::log(low.iter().sum::<f64>() / high.iter().sum::<f64>())
        })
    };
    let [control, experimental] = counts.each_ref().map(log_odds);
    std::array::from_fn(|j| experimental[j] - control[j])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn data_that_are_proportional_have_nothing_to_gain() {
        // The odds of every cut are doubled.
        let control = [0.2, 0.2, 0.1, 0.1, 0.2, 0.1, 0.1];
        let mut below = 0.0;
        let mut before = 0.0;
        let experimental: [f64; LEVELS] = std::array::from_fn(|j| {
            below += control[j];
            let odds = 2.0 * below / (1.0 - below);
            let at_most = if j == 6 { 1.0 } else { odds / (1.0 + odds) };
            let share = at_most - before;
            before = at_most;
            share
        });
        let counts = [control.map(|p| 1e4 * p), experimental.map(|p| 1e4 * p)];
        let mut scratch = Scratch::default();
        let test = ProportionalOddsTest::new(&counts, &mut scratch).expect("there is overlap");
        assert!(test.likelihood_ratio < 1e-6 && test.degrees_of_freedom == 5);
        assert!(test.p() > 0.999_99);
        for log in cut_log_odds_ratios(&counts) {
            assert!((log - std::f64::consts::LN_2).abs() < 1e-9, "{log}");
        }
    }

    #[test]
    fn there_must_be_something_to_test() {
        let mut scratch = Scratch::default();
        let cases = [
            [[0.0; 7], [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0]],
            [[4.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0], [3.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]],
            [[4.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0]],
        ];
        for counts in cases {
            assert_eq!(ProportionalOddsTest::new(&counts, &mut scratch), None, "{counts:?}");
        }
        let logs = cut_log_odds_ratios(&cases[2]);
        assert_eq!((logs[0], logs[1]), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        assert!(logs[4].is_nan());
    }

    proptest! {
        #[test]
        fn swapping_the_arms_changes_signs_and_nothing_else(
            counts in prop::array::uniform2(prop::array::uniform7(1u32..30)),
        ) {
            let counts: Counts = counts.map(|arm| arm.map(f64::from));
            let swapped = [counts[1], counts[0]];
            let mut scratch = Scratch::default();
            let [a, b] = [counts, swapped]
                .map(|counts| ProportionalOddsTest::new(&counts, &mut scratch).expect("no zeros"));
            prop_assert!((a.likelihood_ratio - b.likelihood_ratio).abs() < 1e-6);
            let logs = cut_log_odds_ratios(&counts).into_iter().zip(cut_log_odds_ratios(&swapped));
            for (a, b) in logs {
                prop_assert_eq!(a, -b);
            }
        }
    }
}
