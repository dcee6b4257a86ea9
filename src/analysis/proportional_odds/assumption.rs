//! Tests whether the odds are proportional, to describe a trial in addition to the shift analysis.

use super::adjusted::{FitScratch, Model};
use super::covariates::Covariates;
use super::levels::Levels;
use crate::analysis::{Counts, FitStatus};
use crate::num::chi_squared;
use crate::outcome::LEVELS;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Statistic of a test of proportional odds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProportionalOddsStatistic {
    /// Twice the log likelihood of the saturated model less that of the proportional-odds model.
    #[default]
    LikelihoodRatio,
    /// The likelihood ratio of homogeneity of the arms less the squared Z of the shift: much the same
    /// without a fit of the model.
    HomogeneityLessScore,
}

/// The likelihood-ratio test of one odds ratio for all cuts against one for each, which for two arms
/// is the saturated model (as `nominal_test` of R's `ordinal`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProportionalOddsTest {
    /// Twice the gain in log likelihood; 0 or above.
    pub likelihood_ratio: f64,
    /// Number of levels with patients, less 2; at least 1.
    pub degrees_of_freedom: u32,
}

impl ProportionalOddsTest {
    /// Tests a table; `None` if an arm is empty, there are fewer than three levels, or the arms do not
    /// overlap.
    pub fn new(counts: &Counts, scratch: &mut FitScratch) -> Option<Self> {
        let levels = (0..LEVELS).filter(|&mrs| counts[0][mrs] + counts[1][mrs] > 0.0).count();
        // Two levels have a single cut, and so a single odds ratio.
        let degrees_of_freedom = u32::try_from(levels).ok()?.checked_sub(2).filter(|&df| df > 0)?;
        let model = Model { levels: Levels::ALL, covariates: Covariates::none() };
        let fit = model.fit(std::slice::from_ref(counts), scratch);
        if fit.status != FitStatus::Converged {
            return None;
        }
        // Rounding may leave less than 0.
        let likelihood_ratio = (2.0 * (saturated(counts) - scratch.log_likelihood())).max(0.0);
        Some(Self { likelihood_ratio, degrees_of_freedom })
    }

    /// Tests a table by the likelihood ratio of homogeneity of the arms less the squared Z of the shift;
    /// `None` if an arm is empty or there are fewer than three levels.
    pub fn from_homogeneity(counts: &Counts, z: f64) -> Option<Self> {
        let both: [f64; LEVELS] = std::array::from_fn(|mrs| counts[0][mrs] + counts[1][mrs]);
        let levels = both.iter().filter(|count| **count > 0.0).count();
        let degrees_of_freedom = u32::try_from(levels).ok()?.checked_sub(2).filter(|&df| df > 0)?;
        if counts.iter().any(|arm| arm.iter().sum::<f64>() <= 0.0) || !z.is_finite() {
            return None;
        }
        // The pooled shares are those of a single arm.
        let pooled = saturated(&[both, [0.0; LEVELS]]);
        let homogeneity = 2.0 * (saturated(counts) - pooled);
        Some(Self { likelihood_ratio: (homogeneity - z * z).max(0.0), degrees_of_freedom })
    }

    /// P(χ² ≥ the likelihood ratio) under proportional odds.
    pub fn p(&self) -> f64 {
        chi_squared::upper_tail(self.likelihood_ratio, self.degrees_of_freedom)
    }
}

/// Log likelihood of the observed shares, Σ n·ln(n / n_arm).
fn saturated(counts: &Counts) -> f64 {
    let mut sum = 0.0;
    for arm in counts {
        let patients: f64 = arm.iter().sum();
        // A level without patients has the term 0·ln 0 = 0.
        let levels = arm.iter().filter(|count| **count > 0.0);
        sum += levels.map(|count| count * libm::log(count / patients)).sum::<f64>();
    }
    sum
}

/// The logarithm of the odds ratio of mRS ≤ j, j = 0 … 5, above 0 if the experimental arm does better;
/// ±∞ if an arm has no patients on one side of the cut, NaN if both or neither have any there.
pub fn cut_log_odds_ratios(counts: &Counts) -> [f64; LEVELS - 1] {
    let [control, experimental] = counts.each_ref().map(cut_log_odds);
    std::array::from_fn(|j| experimental[j] - control[j])
}

/// The logarithm of the odds of mRS ≤ j, j = 0 … 5.
fn cut_log_odds(arm: &[f64; LEVELS]) -> [f64; LEVELS - 1] {
    std::array::from_fn(|j| {
        let (low, high) = arm.split_at(j + 1);
        libm::log(low.iter().sum::<f64>() / high.iter().sum::<f64>())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn proportional_data_have_a_likelihood_ratio_of_0_and_equal_odds_ratios() {
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
        let mut scratch = FitScratch::default();
        let test = ProportionalOddsTest::new(&counts, &mut scratch).expect("there is overlap");
        assert!(test.likelihood_ratio < 1e-6 && test.degrees_of_freedom == 5);
        assert!(test.p() > 0.999_99);
        for log in cut_log_odds_ratios(&counts) {
            assert!((log - std::f64::consts::LN_2).abs() < 1e-9, "{log}");
        }
    }

    #[test]
    fn tables_without_three_levels_or_overlap_have_no_test() {
        let mut scratch = FitScratch::default();
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
        fn swapping_the_arms_changes_the_signs_and_nothing_else(
            counts in prop::array::uniform2(prop::array::uniform7(1u32..30)),
        ) {
            let counts: Counts = counts.map(|arm| arm.map(f64::from));
            let swapped = [counts[1], counts[0]];
            let mut scratch = FitScratch::default();
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
