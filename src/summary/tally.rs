//! Counts and exact sums over replicates.

use super::McEstimate;
use super::description::DescriptionTally;
use super::prior::PriorTally;
use super::procedure::ArmTally;
use crate::engine::Accumulator;
use crate::scenario::{Scenario, Truth};
use crate::trial::{Conclusion, CorrectGuesses, ReplicateResult, TrialResult};

/// Everything folded from the replicates of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// Truth by truth, analysis by analysis.
    analyses: Vec<AnalysisTally>,
    analyses_per_truth: usize,
    /// As [`ReplicateResult::imbalances`].
    imbalances: Vec<Histogram>,
    /// Halves of correct guesses in the trial and in the strata.
    correct_guesses: [Moments; 2],
    /// Truth by truth; empty where nothing is described.
    described: Vec<DescriptionTally>,
    /// Analysis by analysis; empty without a prior.
    prior: Vec<PriorTally>,
    /// Where there is a procedure: control and experimental arm, and what counts as early.
    procedures: Option<([ArmTally; 2], usize)>,
}

impl Tally {
    /// With no replicate in it.
    pub fn new(scenario: &Scenario) -> Self {
        let looks = scenario.design.looks().len();
        let tally = |truth, method| AnalysisTally::new(looks, scenario.estimand(truth, method));
        let analyses = scenario
            .truths()
            .iter()
            .flat_map(|&truth| scenario.analyses.iter().map(move |a| tally(truth, &a.method)))
            .collect();
        let levels: usize = scenario.population.factors().iter().map(|f| f.levels.len()).sum();
        let analyses_per_truth = scenario.analyses.len();
        let with_prior = if scenario.prior.is_some() { analyses_per_truth } else { 0 };
        let procedures = scenario
            .procedural()
            .map(|model| (Default::default(), model.procedure().early_until()));
        Self {
            analyses,
            analyses_per_truth,
            imbalances: vec![Histogram::default(); 1 + levels],
            correct_guesses: Default::default(),
            described: scenario.description.as_ref().map_or_else(Vec::new, |description| {
                vec![DescriptionTally::new(description); scenario.truths().len()]
            }),
            prior: vec![PriorTally::default(); with_prior],
            procedures,
        }
    }

    pub(super) fn of(&self, truth: Truth, analysis: usize) -> &AnalysisTally {
        &self.analyses[truth.index() * self.analyses_per_truth + analysis]
    }

    pub(super) fn description(&self, truth: Truth) -> Option<&DescriptionTally> {
        self.described.get(truth.index())
    }

    pub(super) fn prior(&self) -> &[PriorTally] {
        &self.prior
    }

    pub(super) fn imbalances(&self) -> &[Histogram] {
        &self.imbalances
    }

    pub(super) fn correct_guesses(&self) -> &[Moments; 2] {
        &self.correct_guesses
    }

    pub(super) fn procedures(&self) -> Option<&[ArmTally; 2]> {
        self.procedures.as_ref().map(|(arms, _)| arms)
    }
}

impl Accumulator for Tally {
    fn add(&mut self, results: &[ReplicateResult]) {
        let [result] = results else { unreachable!("a tally is of one scenario") };
        for (tally, trial) in self.analyses.iter_mut().zip(&result.trials) {
            tally.add(result, trial);
        }
        for (histogram, &imbalance) in self.imbalances.iter_mut().zip(&result.imbalances) {
            histogram.add(imbalance);
        }
        let CorrectGuesses { halves_in_trial, halves_in_strata } = result.correct_guesses;
        for (moments, halves) in
            self.correct_guesses.iter_mut().zip([halves_in_trial, halves_in_strata])
        {
            moments.add(f64::from(halves));
        }
        for (tally, described) in self.described.iter_mut().zip(&result.described) {
            tally.add(described);
        }
        let drawn = result.trials.iter().skip(Truth::Prior.index() * self.analyses_per_truth);
        for (tally, trial) in self.prior.iter_mut().zip(drawn) {
            tally.add(trial);
        }
        if let Some((arms, early_until)) = &mut self.procedures {
            for course in &result.courses {
                arms[course.arm.index()].add(course, *early_until);
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.analyses.iter_mut().zip(&other.analyses) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.imbalances.iter_mut().zip(&other.imbalances) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.correct_guesses.iter_mut().zip(&other.correct_guesses) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.described.iter_mut().zip(&other.described) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.prior.iter_mut().zip(&other.prior) {
            mine.merge(theirs);
        }
        let arms = self.procedures.iter_mut().flat_map(|(arms, _)| arms);
        let others = other.procedures.iter().flat_map(|(arms, _)| arms);
        arms.zip(others).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}

/// What one analysis saw under one truth.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AnalysisTally {
    /// What the estimate aims at, where it aims at anything and not at a drawn effect.
    pub estimand: Option<f64>,
    pub looks: Vec<LookTally>,
    pub n_randomised: Histogram,
    pub n_analysed: Histogram,
    pub duration_months: Moments,
    pub overrun: Moments,
    /// After efficacy, futility, harm.
    pub reversals: [u64; 3],
    /// The estimates that ignore the looks: all, and those of trials that stopped early.
    pub estimates: EstimateTally,
    pub early_estimates: EstimateTally,
    /// Those that allow for the looks.
    pub median_unbiased: EstimateTally,
    pub early_median_unbiased: EstimateTally,
    pub failed_looks: u64,
}

impl AnalysisTally {
    fn new(looks: usize, estimand: Option<f64>) -> Self {
        Self {
            estimand,
            looks: vec![LookTally::default(); looks],
            n_randomised: Histogram::default(),
            n_analysed: Histogram::default(),
            duration_months: Moments::default(),
            overrun: Moments::default(),
            reversals: [0; 3],
            estimates: EstimateTally::default(),
            early_estimates: EstimateTally::default(),
            median_unbiased: EstimateTally::default(),
            early_median_unbiased: EstimateTally::default(),
            failed_looks: 0,
        }
    }

    /// Replicates taken in.
    pub fn n(&self) -> u64 {
        self.duration_months.n()
    }

    /// P(efficacy at any look).
    pub fn rejection(&self) -> McEstimate {
        McEstimate::proportion(self.looks.iter().map(|look| look.efficacy).sum(), self.n())
    }

    fn add(&mut self, result: &ReplicateResult, trial: &TrialResult) {
        let planned = self.looks.len();
        let last = trial.look - 1;
        for (k, tally) in self.looks.iter_mut().enumerate().take(trial.look) {
            if let Some(moment) = result.moment(trial.truth, k, planned) {
                tally.n_randomised.add(f64::from(moment.randomised));
                tally.n_analysed.add(f64::from(moment.analysed));
                tally.overrun.add(f64::from(moment.overrun));
                tally.month.add(moment.day / crate::accrual::DAYS_PER_MONTH);
            }
        }
        self.looks[last].efficacy += u64::from(trial.conclusion == Conclusion::Efficacy);
        self.looks[last].futility += u64::from(trial.conclusion == Conclusion::Futility);
        self.looks[last].harm += u64::from(trial.conclusion == Conclusion::Harm);
        self.n_randomised.add(trial.n_randomised);
        self.n_analysed.add(trial.n_analysed);
        self.duration_months.add(trial.duration_months);
        self.overrun.add(f64::from(trial.overrun));
        if trial.reversed {
            let [after_efficacy, after_futility, after_harm] = &mut self.reversals;
            match trial.conclusion {
                Conclusion::Efficacy => *after_efficacy += 1,
                Conclusion::Futility => *after_futility += 1,
                Conclusion::Harm => *after_harm += 1,
                Conclusion::NotSignificant => unreachable!("a trial that ran to its end"),
            }
        }
        self.failed_looks += u64::from(trial.failed_looks);
        if trial.has_estimate() {
            let drawn = trial.drawn.map(|drawn| drawn.estimand).filter(|aim| aim.is_finite());
            let estimand = drawn.or(self.estimand);
            let naive = (trial.test.estimate, trial.test.interval);
            let adjusted = (trial.median_unbiased, trial.stagewise_interval);
            self.estimates.add(estimand, naive);
            self.median_unbiased.add(estimand, adjusted);
            if trial.look < planned {
                self.early_estimates.add(estimand, naive);
                self.early_median_unbiased.add(estimand, adjusted);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.looks.iter_mut().zip(&other.looks) {
            mine.merge(theirs);
        }
        self.n_randomised.merge(&other.n_randomised);
        self.n_analysed.merge(&other.n_analysed);
        self.duration_months.merge(&other.duration_months);
        self.overrun.merge(&other.overrun);
        for (mine, theirs) in self.reversals.iter_mut().zip(other.reversals) {
            *mine += theirs;
        }
        self.estimates.merge(&other.estimates);
        self.early_estimates.merge(&other.early_estimates);
        self.median_unbiased.merge(&other.median_unbiased);
        self.early_median_unbiased.merge(&other.early_median_unbiased);
        self.failed_looks += other.failed_looks;
    }
}

/// One look; moments are over the replicates that reach it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LookTally {
    pub efficacy: u64,
    pub futility: u64,
    pub harm: u64,
    pub n_randomised: Moments,
    pub n_analysed: Moments,
    pub overrun: Moments,
    pub month: Moments,
}

impl LookTally {
    fn merge(&mut self, other: &Self) {
        self.efficacy += other.efficacy;
        self.futility += other.futility;
        self.harm += other.harm;
        self.n_randomised.merge(&other.n_randomised);
        self.n_analysed.merge(&other.n_analysed);
        self.overrun.merge(&other.overrun);
        self.month.merge(&other.month);
    }
}

/// An estimate this close is at the truth: interpolation and rounding are no evidence of a side.
const AT_TRUTH: f64 = 1e-6;

/// The estimates of replicates that have one, and their distance from what they aim at.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct EstimateTally {
    pub estimates: Moments,
    pub errors: Moments,
    pub squared_errors: Moments,
    /// Intervals that hold the truth.
    pub covered: u64,
    /// Estimates above the truth, twice, and those at it, once.
    pub above_twice: u64,
}

impl EstimateTally {
    fn add(&mut self, estimand: Option<f64>, (estimate, (low, high)): (f64, (f64, f64))) {
        self.estimates.add(estimate);
        if let Some(estimand) = estimand {
            let error = estimate - estimand;
            self.errors.add(error);
            self.squared_errors.add(error * error);
            self.covered += u64::from(low <= estimand && estimand <= high);
            self.above_twice += u64::from(error > AT_TRUTH) + u64::from(error >= -AT_TRUTH);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.estimates.merge(&other.estimates);
        self.errors.merge(&other.errors);
        self.squared_errors.merge(&other.squared_errors);
        self.covered += other.covered;
        self.above_twice += other.above_twice;
    }
}

/// Count, sum and sum of squares of numbers rounded to a grid of 2⁻²⁴ (6e-8), kept as integers:
/// adding and merging are exact, so their order leaves no trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moments {
    n: u64,
    sum: i128,
    squares: i128,
}

impl Moments {
    const GRID: f64 = (1u64 << 24) as f64;

    pub fn add(&mut self, value: f64) {
        debug_assert!(value.is_finite());
        let steps = i128::from((value * Self::GRID).round() as i64);
        self.n += 1;
        self.sum += steps;
        self.squares = self.squares.saturating_add(steps * steps);
    }

    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.squares = self.squares.saturating_add(other.squares);
    }

    pub fn n(&self) -> u64 {
        self.n
    }

    /// NaN when empty.
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.n as f64 / Self::GRID
    }

    /// Sample standard deviation; NaN with fewer than two values.
    pub fn sd(&self) -> f64 {
        if self.n < 2 {
            return f64::NAN;
        }
        let n = self.n as f64;
        let mean = self.sum as f64 / n;
        let variance = (self.squares as f64 / n - mean * mean).max(0.0) * n / (n - 1.0);
        variance.sqrt() / Self::GRID
    }
}

/// How often each whole number came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    n: u64,
}

impl Histogram {
    pub fn add(&mut self, value: u32) {
        let index = value as usize;
        if index >= self.counts.len() {
            // Grows to the largest value met and no further, so only the first replicates pay.
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += 1;
        self.n += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.n += other.n;
    }

    pub fn n(&self) -> u64 {
        self.n
    }

    /// Mean and sample standard deviation.
    pub fn mean_sd(&self) -> (f64, f64) {
        let total = |of: fn(f64) -> f64, centre: f64| -> f64 {
            let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
            counts.map(|(value, &count)| count as f64 * of(value as f64 - centre)).sum()
        };
        let mean = total(|x| x, 0.0) / self.n as f64;
        let spread = total(|x| x * x, mean);
        (mean, if self.n < 2 { f64::NAN } else { (spread / (self.n - 1) as f64).sqrt() })
    }

    /// The smallest value with at least a share `p` of the numbers at or below it.
    pub fn quantile(&self, p: f64) -> f64 {
        let needed = (p * self.n as f64).ceil().clamp(1.0, self.n.max(1) as f64) as u64;
        let mut so_far = 0;
        let at = self.counts.iter().position(|count| {
            so_far += count;
            so_far >= needed
        });
        at.map_or(f64::NAN, |value| value as f64)
    }

    /// The quantile of numbers that were rounded when they were counted, spread evenly over the
    /// half step to either side of each; NaN when empty.
    pub fn quantile_of_rounded(&self, p: f64) -> f64 {
        let needed = p.clamp(0.0, 1.0) * self.n as f64;
        let mut so_far = 0.0;
        for (value, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = count as f64;
            if so_far + count >= needed {
                return value as f64 - 0.5 + (needed - so_far) / count;
            }
            so_far += count;
        }
        f64::NAN
    }

    /// NaN when empty.
    pub fn max(&self) -> f64 {
        self.counts.iter().rposition(|&count| count > 0).map_or(f64::NAN, |value| value as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn moments_do_not_depend_on_order_or_split(
            values in prop::collection::vec(-50.0..50.0f64, 2..60),
            cut in 0usize..60,
        ) {
            let of = |values: &[f64]| {
                let mut moments = Moments::default();
                values.iter().for_each(|&value| moments.add(value));
                moments
            };
            let (left, right) = values.split_at(cut.min(values.len()));
            let mut merged = of(right);
            merged.merge(&of(left));
            let whole = of(&values);
            prop_assert_eq!(merged, whole);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
            prop_assert!((whole.mean() - mean).abs() < 1e-7);
            prop_assert!((whole.sd() - variance.sqrt()).abs() < 1e-6);
        }

        #[test]
        fn histogram_quantiles_are_those_of_the_sorted_values(
            values in prop::collection::vec(0u32..40, 1..60),
            p in 0.0..1.0f64,
        ) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|&value| histogram.add(value));
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let rank = ((p * sorted.len() as f64).ceil() as usize).max(1);
            prop_assert_eq!(histogram.quantile(p), f64::from(sorted[rank - 1]));
            prop_assert_eq!(histogram.max(), f64::from(sorted[sorted.len() - 1]));
            let interpolated = histogram.quantile_of_rounded(p);
            prop_assert!((interpolated - histogram.quantile(p)).abs() <= 0.5);
            let mean = f64::from(values.iter().sum::<u32>()) / values.len() as f64;
            prop_assert!((histogram.mean_sd().0 - mean).abs() < 1e-12);
        }
    }
}
