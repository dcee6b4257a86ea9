//! The variance that randomisation removes when it balances prognostic factors which a test ignores.

use super::Expected;
use super::counts::Counting;
use crate::analysis::method::{GroupedBy, PatientScore};
use crate::analysis::proportional_odds::levels::Levels;
use crate::analysis::{BoundMethod, Counts};
use crate::design::comparison::Balance;
use crate::num::{difference, dot};
use crate::outcome::{LEVELS, Mrs};
use crate::scenario::{Analysis, Scenario, Truth};

/// Share of an outcome's variance below which balanced factors do not matter.
// Rounding alone would otherwise report a balance of factors that are not prognostic.
const NEGLIGIBLE: f64 = 1e-9;

/// Largest share of the variance that a test with groups may leave unadjusted and still have a formula.
// It changes a power by about 0.001, less than the error of the approximation itself.
const LITTLE: f64 = 0.005;

/// Most rounds of [`Strata::projected`].
const ROUNDS: usize = 200;

/// A test is conservative if the balance removes more than a twentieth of the variance it assumes.
const CONSERVATIVE: f64 = 0.95;

/// Mean and variance of a test's score in each stratum.
struct Strata {
    /// Share of the population.
    shares: Vec<f64>,
    /// Mean score by arm, control first, then stratum.
    means: [Vec<f64>; 2],
    variances: [Vec<f64>; 2],
    /// Share of the analysed patients in each arm.
    arms: [f64; 2],
}

impl Expected<'_> {
    /// The variance of an analysis's estimate after randomisation, relative to that with independent
    /// allocation; `None` if the test adjusts for some of the balanced factors only, or the degree of
    /// balance is not known.
    ///
    /// With balanced factors the variance relative to independent arms is
    /// Σ E Var(φ | h_a)/π_a + Var(h_e − h_c) over Σ Var(φ_a)/π_a, where φ is the score of a patient
    /// (a success, a rank, a utility), h_a its projection on the balanced factors in arm a and π_a the
    /// arm's share (Bugni, Canay & Shaikh 2018, JASA 113:1784, theorem 3.1; minimisation, which
    /// balances the margins: Ma, Qin, Li & Hu 2020, JASA 115:1488).
    pub(super) fn balance(&self, analysis: &Analysis) -> Option<Balance> {
        let scenario = self.scenario;
        // Factors that do not predict the outcome have nothing to balance, however strictly.
        if !is_prognostic(scenario) {
            return Some(Balance::NONE);
        }
        let partitions = scenario.randomisation.balances()?;
        // The randomisation may divide each stratum of the population by centre; centres do not
        // change the expected outcome, so that one class per stratum is enough.
        let strata = scenario.population.strata();
        let partitions: Vec<Vec<u32>> = partitions
            .into_iter()
            .map(|classes| classes.iter().step_by(classes.len() / strata).copied().collect())
            .collect();
        // Under H1 the arms have different variances, so that the balance removes another share.
        let null = Strata::new(scenario, Truth::Null, analysis);
        let alternative = Strata::new(scenario, Truth::Alternative, analysis);
        let is_adjusted = match analysis.method.grouped_by() {
            GroupedBy::Covariates(_) | GroupedBy::Strata(_) => true,
            // Groups with cuts of their own are added up to one table.
            GroupedBy::Nothing | GroupedBy::Prognosis(_) => false,
        };
        if is_adjusted {
            let unadjusted = null
                .share_between_unadjusted(analysis, &partitions)
                .max(alternative.share_between_unadjusted(analysis, &partitions));
            return if unadjusted > LITTLE { None } else { Some(Balance::NONE) };
        }
        // Dropout at random removes patients from a balanced trial as if they were drawn: only the
        // patients with an outcome carry the reduction.
        let known = scenario.share_known();
        let [null, alternative] =
            [null, alternative].map(|strata| 1.0 - known * (1.0 - strata.share_left(&partitions)));
        // Repeated allocations are balanced as the actual one is.
        let is_allowed_for = analysis.rerandomisations > 0;
        Some(Balance { null, alternative, is_allowed_for })
    }

    /// Whether an analysis assumes a variance at least a twentieth larger than the actual one.
    pub(super) fn is_conservative(&self, analysis: &Analysis) -> bool {
        self.balance(analysis)
            .is_some_and(|balance| balance.null < CONSERVATIVE && !balance.is_allowed_for)
    }
}

fn is_prognostic(scenario: &Scenario) -> bool {
    scenario.population.has_effect_modification()
        || scenario.population.prognosis().any(|(_, log_odds)| log_odds != 0.0)
}

/// The score of each mRS, by stratum.
fn scores(method: &BoundMethod, cells: &[Counts]) -> Vec<[f64; LEVELS]> {
    let in_all_strata = match method.as_test().score() {
        PatientScore::Success(cut) => success(cut),
        PatientScore::SuccessByGroup(cuts) => {
            let groups = group_of_strata(method, cells.len());
            return groups.into_iter().map(|group| success(cuts[group])).collect();
        }
        PatientScore::Rank(levels) => ranks(cells, &levels),
        PatientScore::Utility(utilities) => *utilities.by_mrs(),
    };
    vec![in_all_strata; cells.len()]
}

/// The group of each stratum, that of its first cell; 0 if the trial is one group.
fn group_of_strata(method: &BoundMethod, strata: usize) -> Vec<usize> {
    let Some(grouping) = method.grouping() else { return vec![0; strata] };
    let cells_per_stratum = grouping.of_cell().len() / strata;
    grouping.of_cell().iter().step_by(cells_per_stratum).copied().collect()
}

/// 1 for success, an mRS at or below the cut, else 0.
fn success(cut: Mrs) -> [f64; LEVELS] {
    std::array::from_fn(|level| f64::from(u8::from(level <= cut.index())))
}

/// For each mRS the share of all patients who do worse, and half of those on the same level.
fn ranks(cells: &[Counts], levels: &Levels) -> [f64; LEVELS] {
    let mut patients = [0.0; LEVELS];
    for arm in cells.iter().flatten() {
        for (count, &level) in arm.iter().zip(levels.of_mrs()) {
            patients[level] += count;
        }
    }
    let whole: f64 = patients.iter().sum();
    levels.of_mrs().map(|level| {
        let worse: f64 = patients[level + 1..].iter().sum();
        (worse + 0.5 * patients[level]) / whole
    })
}

impl Strata {
    fn new(scenario: &Scenario, truth: Truth, analysis: &Analysis) -> Self {
        let cells = Counting::of_analysis(scenario, truth, analysis).strata(scenario);
        let scores = scores(&analysis.method, &cells);
        let whole: f64 = cells.iter().flatten().flatten().sum();
        let mut strata = Self {
            shares: Vec::new(),
            means: Default::default(),
            variances: Default::default(),
            arms: [0, 1].map(|arm| cells.iter().flat_map(|of| of[arm]).sum::<f64>() / whole),
        };
        for (counts, scores) in cells.iter().zip(&scores) {
            strata.shares.push(counts.iter().flatten().sum::<f64>() / whole);
            for (arm, counts) in counts.iter().enumerate() {
                // A stratum without patients has a mean of 0 rather than NaN; its share is 0.
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

    /// Variance of the difference of the arms with the partitions balanced, relative to that without.
    fn share_left(&self, partitions: &[Vec<u32>]) -> f64 {
        let (mut left, mut all) = (0.0, 0.0);
        let projections = self.means.each_ref().map(|means| self.projected(means, partitions));
        for (arm, projection) in projections.iter().enumerate() {
            let within = dot(&self.shares, &self.variances[arm]);
            let residuals = difference(&self.means[arm], projection);
            left += (within + self.variance(&residuals)) / self.arms[arm];
            all += (within + self.variance(&self.means[arm])) / self.arms[arm];
        }
        let [control, experimental] = &projections;
        // Balance does not remove differences of the effect between strata.
        left += self.variance(&difference(experimental, control));
        if all > 0.0 && left < (1.0 - NEGLIGIBLE) * all { left / all } else { 1.0 }
    }

    /// Share of the control arm's variance that the balanced factors explain within the groups that
    /// the analysis adjusts for.
    fn share_between_unadjusted(&self, analysis: &Analysis, partitions: &[Vec<u32>]) -> f64 {
        let means = self.projected(&self.means[0], partitions);
        let groups = group_of_strata(&analysis.method, means.len());
        let groups = groups.into_iter().map(|group| group as u32).collect();
        let of_groups = self.projected(&means, &[groups]);
        let rest = difference(&means, &of_groups);
        let all = dot(&self.shares, &self.variances[0]) + self.variance(&self.means[0]);
        if all > 0.0 { self.variance(&rest) / all } else { 0.0 }
    }

    /// Least-squares fit of a sum of one term per partition: each term is fitted to what the others
    /// leave, in turn, until none changes (backfitting).
    fn projected(&self, values: &[f64], partitions: &[Vec<u32>]) -> Vec<f64> {
        let mean = dot(&self.shares, values);
        let mut fitted = vec![mean; values.len()];
        // A single partition is fitted exactly by the first round; several converge geometrically.
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

    /// Mean residual of the class of each stratum.
    fn steps(&self, values: &[f64], fitted: &[f64], classes: &[u32]) -> Vec<f64> {
        let count = classes.iter().max().map_or(0, |most| *most as usize + 1);
        let (mut sums, mut weights) = (vec![0.0; count], vec![0.0; count]);
        for (stratum, &class) in classes.iter().enumerate() {
            let share = self.shares[stratum];
            sums[class as usize] += share * (values[stratum] - fitted[stratum]);
            weights[class as usize] += share;
        }
        classes
            .iter()
            .map(|&class| (sums[class as usize], weights[class as usize]))
            .map(|(sum, weight)| if weight > 0.0 { sum / weight } else { 0.0 })
            .collect()
    }

    /// Variance over the strata.
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
