//! Counts and sums of one analysis under one truth.

use serde::{Deserialize, Serialize};

use super::McEstimate;
use super::merge::{merge_fields, sum};
use super::moments::{ExactMoments, Histogram};
use super::named::Sampled;
use super::population::PopulationTally;
use super::reestimation::SizeTally;
use crate::accrual::DAYS_PER_MONTH;
use crate::trial::{Conclusion, LookMoment, ReplicateResult, TrialResult};

/// Trials of one truth as seen by one analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct AnalysisTally {
    /// Value that the estimate aims at, see [`Expected::estimand`](crate::expected::Expected::estimand);
    /// `None` if there is none or if each trial draws its own.
    #[serde(skip)]
    pub estimand: Option<f64>,
    pub looks: Vec<LookTally>,
    pub n_randomised: Histogram,
    pub n_analysed: Histogram,
    pub duration_months: ExactMoments,
    /// Durations in tenths of a month.
    pub duration_tenths: Histogram,
    pub overrun: ExactMoments,
    /// Reversals after efficacy, futility and harm.
    pub reversals: [u64; 3],
    /// Estimates that ignore the looks, of all trials.
    pub estimates: EstimateTally,
    /// Estimates that ignore the looks, of trials that stopped early.
    pub early_estimates: EstimateTally,
    /// Estimates that include the outcomes of the overrun.
    pub estimates_with_overrun: EstimateTally,
    /// Estimates that allow for the looks, of all trials.
    pub median_unbiased: EstimateTally,
    /// Estimates that allow for the looks, of trials that stopped early.
    pub early_median_unbiased: EstimateTally,
    pub failed_looks: u64,
    /// Trials with efficacy if adverse events stopped none.
    pub efficacy_without_safety: u64,
    /// Trials with efficacy if only those stops ended them that the efficacy boundaries rely on.
    pub efficacy_stops_disregarded: u64,
    /// Re-estimation of the number of patients, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeTally>,
    /// Restrictions of the population, if the scenario has a rule for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<PopulationTally>,
}

merge_fields!(AnalysisTally {
    looks,
    n_randomised,
    n_analysed,
    duration_months,
    duration_tenths,
    overrun,
    reversals,
    estimates,
    early_estimates,
    estimates_with_overrun,
    median_unbiased,
    early_median_unbiased,
    failed_looks,
    efficacy_without_safety,
    efficacy_stops_disregarded,
    size,
    population,
} keep { estimand });

impl AnalysisTally {
    pub fn new(looks: usize, estimand: Option<f64>) -> Self {
        Self {
            estimand,
            looks: vec![LookTally::default(); looks],
            n_randomised: Histogram::default(),
            n_analysed: Histogram::default(),
            duration_months: ExactMoments::default(),
            duration_tenths: Histogram::default(),
            overrun: ExactMoments::default(),
            reversals: [0; 3],
            estimates: EstimateTally::default(),
            early_estimates: EstimateTally::default(),
            estimates_with_overrun: EstimateTally::default(),
            median_unbiased: EstimateTally::default(),
            early_median_unbiased: EstimateTally::default(),
            failed_looks: 0,
            efficacy_without_safety: 0,
            efficacy_stops_disregarded: 0,
            size: None,
            population: None,
        }
    }

    /// Returns the same tally with what the trial adapts, if anything.
    pub fn with_adaptations(
        self,
        size: Option<SizeTally>,
        population: Option<PopulationTally>,
    ) -> Self {
        Self { size, population, ..self }
    }

    /// Replicates counted.
    pub fn n(&self) -> u64 {
        // Every trial has a duration, whatever it concluded.
        self.duration_months.n()
    }

    /// Whether `n` replicates of trials with at most this many patients can have these counts.
    pub fn is_of(&self, n: u64, randomised: u32) -> bool {
        let patients = f64::from(randomised);
        let looks_fit = self.looks.iter().all(|look| look.is_possible(n, randomised))
            && self.looks.iter().map(LookTally::stops).sum::<u128>() <= u128::from(n);
        // The looks are checked first: forged counts may overflow the sums below.
        looks_fit
            && self.n_randomised.is_of(n, randomised)
            && self.n_analysed.is_of(n, randomised)
            && self.duration_months.is_of(n, f64::INFINITY)
            && self.duration_tenths.is_of(n, u32::MAX)
            && self.overrun.is_of(n, patients)
            && self.reversals[0] <= self.efficacies()
            && self.reversals[1] <= self.futilities()
            && self.reversals[2] <= self.harms()
            // Stops for adverse events only take conclusions of efficacy away.
            && (self.efficacies()..=n).contains(&self.efficacy_without_safety)
            && self.efficacy_stops_disregarded <= n
            // The number of replicates may be forged as well, so that the product could exceed 64
            // bits.
            && u128::from(self.failed_looks) <= u128::from(n) * self.looks.len() as u128
            && self.estimates.is_possible(n)
            && self.median_unbiased.is_possible(n)
            && self.estimates_with_overrun.is_possible(n)
            // Estimates of trials that stopped early are among those of all trials.
            && self.early_estimates.is_possible(self.estimates.estimates.n())
            && self.early_median_unbiased.is_possible(self.median_unbiased.estimates.n())
            && self.size.iter().all(|size| size.is_of(n))
            && self.population.iter().all(|population| population.is_of(n, randomised))
    }

    /// A share of the trials.
    pub fn share(&self, count: u64) -> Sampled {
        Sampled::Proportion { count, n: self.n() }
    }

    /// A share of the trials with its standard error.
    pub fn proportion(&self, count: u64) -> McEstimate {
        McEstimate::proportion(count, self.n())
    }

    /// Trials with efficacy.
    pub fn efficacies(&self) -> u64 {
        self.looks.iter().map(|look| look.efficacy).sum()
    }

    /// Trials with efficacy at the final look.
    pub fn final_efficacies(&self) -> u64 {
        self.looks.last().map_or(0, |look| look.efficacy)
    }

    /// Trials with efficacy at an interim look.
    pub fn early_efficacies(&self) -> u64 {
        self.efficacies() - self.final_efficacies()
    }

    /// Trials stopped for futility.
    pub fn futilities(&self) -> u64 {
        self.looks.iter().map(|look| look.futility).sum()
    }

    /// Trials with harm.
    pub fn harms(&self) -> u64 {
        self.looks.iter().map(|look| look.harm).sum()
    }

    /// Trials stopped by adverse events.
    pub fn stopped_for_safety(&self) -> u64 {
        self.looks.iter().map(|look| look.safety).sum()
    }

    pub fn add(&mut self, result: &ReplicateResult, trial: &TrialResult) {
        self.add_looks(result, trial);
        self.efficacy_without_safety += u64::from(trial.without_safety == Conclusion::Efficacy);
        self.efficacy_stops_disregarded += u64::from(trial.efficacy_stops_disregarded);
        self.n_randomised.add(trial.n_randomised);
        self.n_analysed.add(trial.n_analysed);
        // Twice: quantiles need a histogram, and a mean of rounded durations would not be exact.
        self.duration_months.add(trial.duration_months);
        // The cast truncates, so that adding a half rounds; it saturates for durations that do not fit.
        self.duration_tenths.add((10.0 * trial.duration_months + 0.5) as u32);
        self.overrun.add(f64::from(trial.overrun));
        if trial.reversed {
            let [after_efficacy, after_futility, after_harm] = &mut self.reversals;
            match trial.conclusion {
                Conclusion::Efficacy => *after_efficacy += 1,
                Conclusion::Futility => *after_futility += 1,
                Conclusion::Harm => *after_harm += 1,
                Conclusion::Safety | Conclusion::NotSignificant => {
                    unreachable!("only a conclusion from outcomes is reversed by outcomes")
                }
            }
        }
        self.failed_looks += u64::from(trial.failed_looks);
        self.add_estimates(trial);
    }

    fn add_looks(&mut self, result: &ReplicateResult, trial: &TrialResult) {
        let planned = self.looks.len();
        for (k, tally) in self.looks.iter_mut().enumerate().take(trial.look) {
            // Interim looks that an early final look has overtaken have no moment.
            if let Some(moment) = result.moment(trial, k, planned) {
                tally.add(&moment);
            }
        }
        let last = &mut self.looks[trial.look - 1];
        match trial.conclusion {
            Conclusion::Efficacy => last.efficacy += 1,
            Conclusion::Futility => last.futility += 1,
            Conclusion::Harm => last.harm += 1,
            Conclusion::Safety => last.safety += 1,
            Conclusion::NotSignificant => {}
        }
    }

    fn add_estimates(&mut self, trial: &TrialResult) {
        // The effect drawn for this trial is its own truth, unless the draw is too extreme to have one.
        let drawn = trial.drawn.map(|drawn| drawn.estimand).filter(|aim| aim.is_finite());
        let mut estimand = drawn.or(self.estimand);
        if let (Some(tally), Some(population)) = (&mut self.population, &trial.population) {
            // The estimate is of the population that was left.
            estimand = tally.estimand(population);
            tally.add(trial, population);
        }
        if let Some(size) = &mut self.size {
            size.add(trial, estimand);
        }
        if trial.with_overrun.has_estimate() {
            let (low, high) = trial.with_overrun.interval;
            self.estimates_with_overrun.add(estimand, trial.with_overrun.estimate, low, high);
        }
        if trial.has_estimate() {
            let (low, high) = trial.test.interval;
            let (stagewise_low, stagewise_high) = trial.stagewise_interval;
            let stops_early = trial.look < self.looks.len();
            self.estimates.add(estimand, trial.test.estimate, low, high);
            if stops_early {
                self.early_estimates.add(estimand, trial.test.estimate, low, high);
            }
            // Nothing is added if adjusted estimates are skipped.
            let median = trial.median_unbiased;
            if !median.is_nan() {
                self.median_unbiased.add(estimand, median, stagewise_low, stagewise_high);
                if stops_early {
                    self.early_median_unbiased.add(estimand, median, stagewise_low, stagewise_high);
                }
            }
        }
    }
}

/// One look; moments are over the replicates that reach it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct LookTally {
    pub efficacy: u64,
    pub futility: u64,
    pub harm: u64,
    pub safety: u64,
    pub n_randomised: ExactMoments,
    pub n_analysed: ExactMoments,
    pub overrun: ExactMoments,
    pub month: ExactMoments,
    pub decision_month: ExactMoments,
    pub decision_n_randomised: ExactMoments,
    pub decision_overrun: ExactMoments,
}

merge_fields!(LookTally {
    efficacy,
    futility,
    harm,
    safety,
    n_randomised,
    n_analysed,
    overrun,
    month,
    decision_month,
    decision_n_randomised,
    decision_overrun,
});

impl LookTally {
    fn add(&mut self, moment: &LookMoment) {
        let LookMoment { day, analysed, at_data, decision_day, at_decision } = *moment;
        self.n_randomised.add(f64::from(at_data.randomised));
        self.n_analysed.add(f64::from(analysed));
        self.overrun.add(f64::from(at_data.overrun));
        self.month.add(day / DAYS_PER_MONTH);
        self.decision_month.add(decision_day / DAYS_PER_MONTH);
        self.decision_n_randomised.add(f64::from(at_decision.randomised));
        self.decision_overrun.add(f64::from(at_decision.overrun));
    }

    /// Trials that end here with a boundary crossed.
    fn stops(&self) -> u128 {
        sum([self.efficacy, self.futility, self.harm, self.safety])
    }

    /// Whether `n` replicates of trials with at most this many patients can have these counts.
    fn is_possible(&self, n: u64, randomised: u32) -> bool {
        let reached = self.n_randomised.n();
        let patients = f64::from(randomised);
        let sizes = [
            &self.n_randomised,
            &self.n_analysed,
            &self.overrun,
            &self.decision_n_randomised,
            &self.decision_overrun,
        ];
        reached <= n
            && self.stops() <= u128::from(reached)
            && sizes.into_iter().all(|size| size.is_of(reached, patients))
            && self.month.is_of(reached, f64::INFINITY)
            && self.decision_month.is_of(reached, f64::INFINITY)
    }
}

/// Distance within which an estimate counts as equal to the truth: interpolated and rounded values are
/// no evidence of lying on either side.
const AT_TRUTH: f64 = 1e-6;

/// Estimates of the replicates that have one, and their errors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct EstimateTally {
    pub estimates: ExactMoments,
    pub errors: ExactMoments,
    // Moments, not a sum alone: the error of their mean needs their variance.
    pub squared_errors: ExactMoments,
    /// Intervals that contain the truth.
    pub covered: u64,
    /// Twice the number of estimates above the truth, plus the number of those equal to it.
    pub above_twice: u64,
}

merge_fields!(EstimateTally { estimates, errors, squared_errors, covered, above_twice });

impl EstimateTally {
    pub fn add(&mut self, estimand: Option<f64>, estimate: f64, low: f64, high: f64) {
        self.estimates.add(estimate);
        if let Some(estimand) = estimand {
            let error = estimate - estimand;
            self.errors.add(error);
            self.squared_errors.add(error * error);
            self.covered += u64::from(low <= estimand && estimand <= high);
            // Equality counts one half, so halves are counted to stay with whole numbers.
            self.above_twice += u64::from(error > AT_TRUTH) + u64::from(error >= -AT_TRUTH);
        }
    }

    /// The share of intervals that contain the truth, of the trials that have one.
    pub fn coverage(&self) -> Sampled {
        Sampled::Proportion { count: self.covered, n: self.squared_errors.n() }
    }

    /// Whether at most `n` trials can have these counts.
    pub fn is_possible(&self, n: u64) -> bool {
        let with_truth = self.errors.n();
        let all = [&self.estimates, &self.errors, &self.squared_errors];
        all.into_iter().all(|of| of.is_possible(f64::INFINITY))
            && self.estimates.n() <= n
            && with_truth <= self.estimates.n()
            && self.squared_errors.n() == with_truth
            && self.covered <= with_truth
            && u128::from(self.above_twice) <= 2 * u128::from(with_truth)
    }
}
