//! What a randomisation that balances prognostic factors does to a test that ignores them.

use crate::scenario::{Analysis, Scenario, Truth};
use crate::analysis::proportional_odds::levels::Levels;
use crate::analysis::{AnalysisMethod, Counts};
use crate::design::comparison::Balance;
use crate::outcome::LEVELS;

/// The effect of randomisation on an analysis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Balanced {
    /// The variance of its statistic is known.
    By(Balance),
    /// The test adjusts for some balanced factors and not for others, or the strength of the balance
    /// is not known.
    Unknown,
}

/// A balanced factor that explains less than this share of an outcome's variance does not matter.
const NEGLIGIBLE: f64 = 1e-9;

/// A test that adjusts for its groups leaves out no more than this share.
const LITTLE: f64 = 0.005;

/// Rounds in which the means of the factors' levels are found in turns.
const ROUNDS: usize = 200;

/// The mean and variance of a test's score, stratum by stratum.
struct Strata {
    /// Share of the population.
    shares: Vec<f64>,
    /// By arm, the control first.
    means: [Vec<f64>; 2],
    variances: [Vec<f64>; 2],
    /// Share of the patients analysed that are in each arm.
    arms: [f64; 2],
}

impl Scenario {
    /// What the randomisation leaves of the variance of an analysis.
    ///
    /// The estimate's variance with balanced factors, over that of independent arms, is
    /// Σ E Var(φ | h_a)/π_a + Var(h_e − h_c) over Σ Var(φ_a)/π_a, where φ is the score of a patient
    /// (a success, a rank, a utility), h_a its projection on the balanced factors in arm a and π_a the
    /// arm's share (Bugni, Canay & Shaikh 2018, JASA 113:1784, theorem 3.1; minimisation, which
    /// balances the margins: Ma, Qin, Li & Hu 2020, JASA 115:1488).
    pub(super) fn balance(&self, analysis: &Analysis) -> Balanced {
        let Some(partitions) = self.randomisation.balances() else {
            return if self.is_prognostic() { Balanced::Unknown } else { NOTHING };
        };
        if !self.is_prognostic() {
            return NOTHING;
        }
        // Strata as the randomisation knows them may be those with the centre.
        let strata = self.population.strata();
        let partitions: Vec<Vec<u32>> = partitions
            .into_iter()
            .map(|classes| classes.iter().step_by(classes.len() / strata).copied().collect())
            .collect();
        let shares = [Truth::Null, Truth::Alternative].map(|truth| {
            let strata = self.scores(truth, analysis);
            (strata.share_left(&partitions), strata.share_between_unadjusted(analysis, &partitions))
        });
        let [(null, unadjusted), (alternative, also_unadjusted)] = shares;
        let is_grouped = analysis.method.grouping().is_some();
        let is_sliding = matches!(analysis.method, AnalysisMethod::SlidingDichotomy { .. });
        if is_grouped && !is_sliding {
            return if unadjusted.max(also_unadjusted) > LITTLE {
                Balanced::Unknown
            } else {
                NOTHING
            };
        }
        // Patients lost at random leave the others as unbalanced as their share.
        let known = self.share_known();
        let [null, alternative] = [null, alternative].map(|left| 1.0 - known * (1.0 - left));
        let is_allowed_for = analysis.rerandomisations > 0;
        Balanced::By(Balance { null, alternative, is_allowed_for })
    }

    /// Whether an analysis takes its statistic to vary by a twentieth more than it does.
    pub(super) fn is_conservative(&self, analysis: &Analysis) -> bool {
        match self.balance(analysis) {
            Balanced::By(balance) => balance.null < 0.95 && !balance.is_allowed_for,
            Balanced::Unknown => false,
        }
    }

    fn is_prognostic(&self) -> bool {
        self.population.prognosis().any(|(_, log_odds)| log_odds != 0.0)
    }

    fn scores(&self, truth: Truth, analysis: &Analysis) -> Strata {
        let cells = self.expected_strata(truth, analysis);
        let scores = scores(&analysis.method, &cells);
        let whole: f64 = cells.iter().flatten().flatten().sum();
        let mut strata = Strata {
            shares: Vec::new(),
            means: Default::default(),
            variances: Default::default(),
            arms: [0, 1].map(|arm| cells.iter().flat_map(|of| of[arm]).sum::<f64>() / whole),
        };
        for (counts, scores) in cells.iter().zip(&scores) {
            strata.shares.push(counts.iter().flatten().sum::<f64>() / whole);
            for (arm, counts) in counts.iter().enumerate() {
                let patients = counts.iter().sum::<f64>().max(f64::MIN_POSITIVE);
                let mean = dot(counts, scores) / patients;
                let squares: f64 =
                    counts.iter().zip(scores).map(|(n, s)| n * (s - mean) * (s - mean)).sum();
                strata.means[arm].push(mean);
                strata.variances[arm].push(squares / patients);
            }
        }
        strata
    }
}

const NOTHING: Balanced = Balanced::By(Balance::NONE);

/// The score of each mRS, stratum by stratum, whose mean the test compares.
fn scores(method: &AnalysisMethod, cells: &[Counts]) -> Vec<[f64; LEVELS]> {
    let success = |cut: usize| std::array::from_fn(|level| f64::from(u8::from(level <= cut)));
    let of_all = match method {
        AnalysisMethod::TwoProportions { cut, .. } | AnalysisMethod::MantelHaenszel { cut, .. } => {
            success(cut.index())
        }
        AnalysisMethod::Utilities { utilities, .. }
        | AnalysisMethod::AdjustedUtilities { utilities, .. } => *utilities.by_mrs(),
        AnalysisMethod::SlidingDichotomy { cuts, grouping, .. } => {
            let cells_per_stratum = grouping.of_cell().len() / cells.len();
            let groups = grouping.of_cell().iter().step_by(cells_per_stratum);
            return groups.map(|&group| success(cuts[group].index())).collect();
        }
        AnalysisMethod::Regression(regression) => ranks(cells, &regression.model.levels),
        AnalysisMethod::ProportionalOdds { .. }
        | AnalysisMethod::Wins(_)
        | AnalysisMethod::VanElteren(_) => ranks(cells, &Levels::ALL),
    };
    vec![of_all; cells.len()]
}

/// Shares that do worse, and half of those that do alike, among all patients.
fn ranks(cells: &[Counts], levels: &Levels) -> [f64; LEVELS] {
    let mut patients = [0.0; LEVELS];
    for arm in cells.iter().flatten() {
        for (count, &level) in arm.iter().zip(levels.of_mrs()) {
            patients[level] += count;
        }
    }
    let whole: f64 = patients.iter().sum();
    let rank = |level: usize| {
        let worse: f64 = patients[level + 1..].iter().sum();
        (worse + 0.5 * patients[level]) / whole
    };
    levels.of_mrs().map(rank)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Strata {
    /// The variance of the difference of the arms with the partitions balanced, over that without.
    fn share_left(&self, partitions: &[Vec<u32>]) -> f64 {
        let (mut left, mut all) = (0.0, 0.0);
        let projections = self.means.each_ref().map(|means| self.projected(means, partitions));
        for (arm, projection) in projections.iter().enumerate() {
            let within = dot(&self.shares, &self.variances[arm]);
            let residuals: Vec<f64> =
                self.means[arm].iter().zip(projection).map(|(m, h)| m - h).collect();
            let squares = |values: &[f64]| self.variance(values);
            left += (within + squares(&residuals)) / self.arms[arm];
            all += (within + squares(&self.means[arm])) / self.arms[arm];
        }
        let [control, experimental] = &projections;
        let differences: Vec<f64> = experimental.iter().zip(control).map(|(e, c)| e - c).collect();
        left += self.variance(&differences);
        if all > 0.0 && left < (1.0 - NEGLIGIBLE) * all { left / all } else { 1.0 }
    }

    /// Share of the control arm's variance that the balanced factors explain within the groups that
    /// the analysis adjusts for.
    fn share_between_unadjusted(&self, analysis: &Analysis, partitions: &[Vec<u32>]) -> f64 {
        let Some(grouping) = analysis.method.grouping() else { return 0.0 };
        let means = self.projected(&self.means[0], partitions);
        let per_stratum = grouping.of_cell().len() / means.len();
        let groups: Vec<u32> =
            grouping.of_cell().iter().step_by(per_stratum).map(|&group| group as u32).collect();
        let of_groups = self.projected(&means, &[groups]);
        let rest: Vec<f64> = means.iter().zip(&of_groups).map(|(m, g)| m - g).collect();
        let all = dot(&self.shares, &self.variances[0]) + self.variance(&self.means[0]);
        if all > 0.0 { self.variance(&rest) / all } else { 0.0 }
    }

    /// The least-squares fit of a sum of one term for each partition, by fitting them in turns.
    fn projected(&self, values: &[f64], partitions: &[Vec<u32>]) -> Vec<f64> {
        let mean = dot(&self.shares, values);
        let mut fitted = vec![mean; values.len()];
        let rounds = if partitions.len() == 1 { 1 } else { ROUNDS };
        for _ in 0..rounds {
            let mut change = 0.0_f64;
            for classes in partitions {
                let steps = self.steps(values, &fitted, classes);
                for (fit, step) in fitted.iter_mut().zip(steps) {
                    *fit += step;
                    change = change.max(step.abs());
                }
            }
            if change < 1e-12 {
                break;
            }
        }
        fitted
    }

    /// The mean of what is left, class by class, for each stratum.
    fn steps(&self, values: &[f64], fitted: &[f64], classes: &[u32]) -> Vec<f64> {
        let count = classes.iter().max().map_or(0, |most| *most as usize + 1);
        let (mut sums, mut weights) = (vec![0.0; count], vec![0.0; count]);
        for (stratum, &class) in classes.iter().enumerate() {
            let share = self.shares[stratum];
            sums[class as usize] += share * (values[stratum] - fitted[stratum]);
            weights[class as usize] += share;
        }
        let step = |&class: &u32| match weights[class as usize] {
            weight if weight > 0.0 => sums[class as usize] / weight,
            _ => 0.0,
        };
        classes.iter().map(step).collect()
    }

    fn variance(&self, values: &[f64]) -> f64 {
        let mean = dot(&self.shares, values);
        self.shares.iter().zip(values).map(|(share, v)| share * (v - mean) * (v - mean)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Successes with these rates in each stratum and arm.
    fn successes(shares: &[f64], rates: [&[f64]; 2]) -> Strata {
        Strata {
            shares: shares.to_vec(),
            means: rates.map(<[f64]>::to_vec),
            variances: rates.map(|rates| rates.iter().map(|p| p * (1.0 - p)).collect()),
            arms: [0.5, 0.5],
        }
    }

    /// Rates of 0.2 and 0.6 in halves of the population: 0.2 of the variance of 0.24 is within them.
    #[test]
    fn one_balanced_factor_leaves_what_varies_within_its_levels() {
        let strata = successes(&[0.5, 0.5], [&[0.2, 0.6], &[0.2, 0.6]]);
        assert!((strata.share_left(&[vec![0, 1]]) - 0.2 / 0.24).abs() < 1e-12);
        assert_eq!(strata.share_left(&[]), 1.0);
        assert_eq!(strata.share_left(&[vec![0, 0]]), 1.0);
    }

    /// With an effect in one stratum alone, by hand: each arm's variance within strata is 0.2 and 0.16,
    /// that of all 0.24 and 0.16; the effects of 0 and −0.4 vary by 0.04 besides.
    #[test]
    fn effects_that_differ_between_strata_vary_in_any_case() {
        let strata = successes(&[0.5, 0.5], [&[0.2, 0.6], &[0.2, 0.2]]);
        let left = strata.share_left(&[vec![0, 1]]);
        assert!(
            (left - (2.0 * (0.2 + 0.16) + 0.04) / (2.0 * (0.24 + 0.16))).abs() < 1e-12,
            "{left}"
        );
    }

    proptest! {
        /// Balancing more leaves less, and the margins leave no less than their combinations.
        #[test]
        fn balancing_more_leaves_less(
            rates in prop::array::uniform6(0.05..0.95f64),
            weights in prop::array::uniform6(0.1..1.0f64),
        ) {
            let all: f64 = weights.iter().sum();
            let shares = weights.map(|weight| weight / all);
            let strata = successes(&shares, [&rates, &rates]);
            let (two, three) = (vec![0, 0, 0, 1, 1, 1], vec![0, 1, 2, 0, 1, 2]);
            let one_factor = strata.share_left(std::slice::from_ref(&two));
            let margins = strata.share_left(&[two, three]);
            let combinations = strata.share_left(&[vec![0, 1, 2, 3, 4, 5]]);
            prop_assert!(0.0 < combinations && combinations <= margins + 1e-9);
            prop_assert!(margins <= one_factor + 1e-9 && one_factor <= 1.0);
        }
    }
}
