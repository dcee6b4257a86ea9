//! What the replicates of a scenario are folded into.

use serde::{Deserialize, Serialize};

use super::McEstimate;
use super::centres::CentreTally;
use super::control::{ControlTally, ReducedEstimate};
use super::description::DescriptionTally;
use super::moments::{Histogram, Moments};
use super::prior::PriorTally;
use super::procedure::ArmTally;
use super::safety::SafetyTally;
use crate::accrual::DAYS_PER_MONTH;
use crate::analysis::TestResult;
use crate::engine::Accumulator;
use crate::expected::Expected;
use crate::scenario::{Scenario, Truth};
use crate::trial::{Conclusion, CorrectGuesses, LookMoment, ReplicateResult, TrialResult};

/// Everything folded from the replicates of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Truth by truth, analysis by analysis.
    analyses: Vec<AnalysisTally>,
    analyses_per_truth: usize,
    /// Of the alternative and the null truth, analysis by analysis; empty without control variates.
    controls: Vec<ControlTally>,
    /// As [`ReplicateResult::imbalances`].
    imbalances: Vec<Histogram>,
    /// Halves of correct guesses in the trial and in the strata.
    correct_guesses: [Moments; 2],
    /// Where there are centres.
    centres: Option<CentreTally>,
    /// Truth by truth; empty where nothing is described.
    described: Vec<DescriptionTally>,
    /// Truth by truth, event by event; empty without adverse events.
    safety: Vec<Vec<SafetyTally>>,
    /// Analysis by analysis; empty without a prior.
    prior: Vec<PriorTally>,
    /// Where there is a procedure: control and experimental arm, and what counts as early.
    procedures: Option<([ArmTally; 2], usize)>,
}

impl Tally {
    /// With no replicate in it.
    pub fn new(scenario: &Scenario) -> Self {
        let looks = scenario.design.looks().len();
        let expected = Expected::new(scenario);
        let tally = |truth, analysis| AnalysisTally::new(looks, expected.estimand(truth, analysis));
        let analyses = scenario
            .truths()
            .iter()
            .flat_map(|&truth| scenario.analyses.iter().map(move |a| tally(truth, a)))
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
            controls: if scenario.variance_reduction {
                vec![ControlTally::default(); 2 * analyses_per_truth]
            } else {
                Vec::new()
            },
            imbalances: vec![Histogram::default(); 1 + levels],
            correct_guesses: Default::default(),
            centres: scenario.centres.as_ref().map(|_| CentreTally::default()),
            described: scenario.description.as_ref().map_or_else(Vec::new, |description| {
                vec![DescriptionTally::new(description); scenario.truths().len()]
            }),
            safety: scenario.safety.as_ref().map_or_else(Vec::new, |safety| {
                let events = vec![SafetyTally::new(safety, looks); safety.endpoints.len()];
                vec![events; scenario.truths().len()]
            }),
            prior: vec![PriorTally::default(); with_prior],
            procedures,
        }
    }

    /// What was folded before, read back, with all that the scenario says of it; `None` if these cannot
    /// be the counts of `n` replicates of the scenario.
    pub(super) fn restored(scenario: &Scenario, folded: Self, n: u64) -> Option<Self> {
        let mut tally = Self::new(scenario);
        tally.merge(folded);
        tally.is_of(n, scenario).then_some(tally)
    }

    fn is_of(&self, n: u64, scenario: &Scenario) -> bool {
        let randomised = scenario.randomised;
        let control_fits =
            |(i, control): (usize, &ControlTally)| control.is_of(n, self.analyses[i].efficacies());
        self.analyses.iter().all(|of| of.is_of(n, randomised))
            && self.controls.iter().enumerate().all(control_fits)
            && self.imbalances.iter().all(|of| of.is_of(n, u32::MAX))
            && self.correct_guesses.iter().all(|of| of.is_of(n, 2.0 * f64::from(randomised)))
            && self.centres.iter().all(|of| of.is_of(n, scenario))
            && self.described.iter().all(|of| of.is_of(n))
            && self.safety.iter().flatten().all(|of| of.is_of(n))
            && self.prior.iter().all(|of| of.is_of(n))
            && self.procedures.iter().all(|(arms, _)| {
                let patients = arms.each_ref().map(ArmTally::patients);
                let all = patients[0].zip(patients[1]).and_then(|(a, b)| a.checked_add(b));
                all.is_some_and(|all| Some(all) == n.checked_mul(u64::from(randomised)))
            })
    }

    /// P(efficacy) by control variate, where there is one.
    pub(super) fn reduced(&self, truth: Truth, analysis: usize) -> Option<ReducedEstimate> {
        self.control(truth, analysis).map(ControlTally::estimate)
    }

    pub(super) fn control(&self, truth: Truth, analysis: usize) -> Option<&ControlTally> {
        self.controls.get(truth.index() * self.analyses_per_truth + analysis)
    }

    pub(super) fn of(&self, truth: Truth, analysis: usize) -> &AnalysisTally {
        &self.analyses[truth.index() * self.analyses_per_truth + analysis]
    }

    /// Numbers of patients randomised, each with the share of trials that had no more.
    pub fn sizes(&self, truth: Truth, analysis: usize) -> Vec<(f64, f64)> {
        self.of(truth, analysis).n_randomised.shares_at_most(1.0)
    }

    /// Months from opening to decision, rounded to a tenth, each with the share of trials that took no longer.
    pub fn durations(&self, truth: Truth, analysis: usize) -> Vec<(f64, f64)> {
        self.of(truth, analysis).duration_tenths.shares_at_most(10.0)
    }

    pub(super) fn analyses_per_truth(&self) -> usize {
        self.analyses_per_truth
    }

    pub(super) fn description(&self, truth: Truth) -> Option<&DescriptionTally> {
        self.described.get(truth.index())
    }

    pub(super) fn safety(&self, truth: Truth) -> &[SafetyTally] {
        self.safety.get(truth.index()).map_or(&[], Vec::as_slice)
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

    pub(super) fn centres(&self) -> Option<&CentreTally> {
        self.centres.as_ref()
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
        let deviations = result.trials.iter().zip(&result.control_deviations);
        for (tally, (trial, &deviation)) in self.controls.iter_mut().zip(deviations) {
            tally.add(trial.replicate, trial.conclusion == Conclusion::Efficacy, deviation);
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
        if let Some(tally) = &mut self.centres {
            tally.add(&result.centres);
        }
        for (tally, described) in self.described.iter_mut().zip(&result.described) {
            tally.add(described);
        }
        let trials = self.safety.iter_mut().zip(&result.safety).zip(&result.looks);
        for ((tallies, results), looks) in trials {
            let results = tallies.iter_mut().zip(results);
            results.for_each(|(tally, result)| tally.add(result, looks.len()));
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
        for (mine, theirs) in self.controls.iter_mut().zip(&other.controls) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.imbalances.iter_mut().zip(&other.imbalances) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.correct_guesses.iter_mut().zip(&other.correct_guesses) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.centres.iter_mut().zip(&other.centres) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.described.iter_mut().zip(&other.described) {
            mine.merge(theirs);
        }
        let safety = self.safety.iter_mut().flatten().zip(other.safety.iter().flatten());
        safety.for_each(|(mine, theirs)| mine.merge(theirs));
        for (mine, theirs) in self.prior.iter_mut().zip(&other.prior) {
            mine.merge(theirs);
        }
        let arms = self.procedures.iter_mut().flat_map(|(arms, _)| arms);
        let others = other.procedures.iter().flat_map(|(arms, _)| arms);
        arms.zip(others).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}

/// What one analysis saw under one truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct AnalysisTally {
    /// What the estimate aims at, where it aims at anything and not at a drawn effect.
    #[serde(skip)]
    pub estimand: Option<f64>,
    pub looks: Vec<LookTally>,
    pub n_randomised: Histogram,
    pub n_analysed: Histogram,
    pub duration_months: Moments,
    /// In tenths.
    pub duration_tenths: Histogram,
    pub overrun: Moments,
    /// After efficacy, futility, harm.
    pub reversals: [u64; 3],
    /// The estimates that ignore the looks: all, and those of trials that stopped early.
    pub estimates: EstimateTally,
    pub early_estimates: EstimateTally,
    /// The same with the outcomes that come after the trial has stopped.
    pub estimates_with_overrun: EstimateTally,
    /// Those that allow for the looks.
    pub median_unbiased: EstimateTally,
    pub early_median_unbiased: EstimateTally,
    pub failed_looks: u64,
    /// Trials that would have shown efficacy if adverse events stopped nothing.
    pub efficacy_without_safety: u64,
    /// Trials that would have shown efficacy if nothing else stopped them that the efficacy boundaries do
    /// not rely on.
    pub efficacy_stops_disregarded: u64,
}

impl AnalysisTally {
    fn new(looks: usize, estimand: Option<f64>) -> Self {
        Self {
            estimand,
            looks: vec![LookTally::default(); looks],
            n_randomised: Histogram::default(),
            n_analysed: Histogram::default(),
            duration_months: Moments::default(),
            duration_tenths: Histogram::default(),
            overrun: Moments::default(),
            reversals: [0; 3],
            estimates: EstimateTally::default(),
            early_estimates: EstimateTally::default(),
            estimates_with_overrun: EstimateTally::default(),
            median_unbiased: EstimateTally::default(),
            early_median_unbiased: EstimateTally::default(),
            failed_looks: 0,
            efficacy_without_safety: 0,
            efficacy_stops_disregarded: 0,
        }
    }

    /// Replicates taken in.
    pub fn n(&self) -> u64 {
        self.duration_months.n()
    }

    /// Whether it can be that of `n` replicates with so many patients at most.
    fn is_of(&self, n: u64, randomised: u32) -> bool {
        let patients = f64::from(randomised);
        let looks_fit = self.looks.iter().all(|look| look.is_possible(n, randomised))
            && self.looks.iter().map(LookTally::stops).sum::<u128>() <= u128::from(n);
        let sum = |of: fn(&LookTally) -> u64| self.looks.iter().map(of).sum::<u64>();
        // Only after the looks, whose sums may be beyond all numbers.
        looks_fit
            && self.n_randomised.is_of(n, randomised)
            && self.n_analysed.is_of(n, randomised)
            && self.duration_months.is_of(n, f64::INFINITY)
            && self.duration_tenths.is_of(n, u32::MAX)
            && self.overrun.is_of(n, patients)
            && self.reversals[0] <= sum(|look| look.efficacy)
            && self.reversals[1] <= sum(|look| look.futility)
            && self.reversals[2] <= sum(|look| look.harm)
            && self.efficacy_without_safety <= n
            && u128::from(self.failed_looks) <= u128::from(n) * self.looks.len() as u128
            && self.estimates.is_possible(n)
            && self.median_unbiased.is_possible(n)
            && self.estimates_with_overrun.is_possible(n)
            && self.early_estimates.is_possible(self.estimates.estimates.n())
            && self.early_median_unbiased.is_possible(self.median_unbiased.estimates.n())
    }

    /// P(efficacy at any look).
    pub fn rejection(&self) -> McEstimate {
        McEstimate::proportion(self.efficacies(), self.n())
    }

    /// Trials that show efficacy.
    pub fn efficacies(&self) -> u64 {
        self.looks.iter().map(|look| look.efficacy).sum()
    }

    /// Trials that adverse events stop.
    pub fn stopped_for_safety(&self) -> u64 {
        self.looks.iter().map(|look| look.safety).sum()
    }

    fn add(&mut self, result: &ReplicateResult, trial: &TrialResult) {
        let planned = self.looks.len();
        let last = trial.look - 1;
        for (k, tally) in self.looks.iter_mut().enumerate().take(trial.look) {
            if let Some(moment) = result.moment(trial.truth, k, planned) {
                tally.add(moment);
            }
        }
        self.looks[last].efficacy += u64::from(trial.conclusion == Conclusion::Efficacy);
        self.looks[last].futility += u64::from(trial.conclusion == Conclusion::Futility);
        self.looks[last].harm += u64::from(trial.conclusion == Conclusion::Harm);
        self.looks[last].safety += u64::from(trial.conclusion == Conclusion::Safety);
        self.efficacy_without_safety += u64::from(trial.without_safety == Conclusion::Efficacy);
        self.efficacy_stops_disregarded += u64::from(trial.efficacy_stops_disregarded);
        self.n_randomised.add(trial.n_randomised);
        self.n_analysed.add(trial.n_analysed);
        self.duration_months.add(trial.duration_months);
        self.duration_tenths.add((10.0 * trial.duration_months + 0.5) as u32);
        self.overrun.add(f64::from(trial.overrun));
        if trial.reversed {
            let [after_efficacy, after_futility, after_harm] = &mut self.reversals;
            match trial.conclusion {
                Conclusion::Efficacy => *after_efficacy += 1,
                Conclusion::Futility => *after_futility += 1,
                Conclusion::Harm => *after_harm += 1,
                Conclusion::Safety | Conclusion::NotSignificant => {
                    unreachable!("only what the outcomes say can be reversed")
                }
            }
        }
        self.failed_looks += u64::from(trial.failed_looks);
        let drawn = trial.drawn.map(|drawn| drawn.estimand).filter(|aim| aim.is_finite());
        let estimand = drawn.or(self.estimand);
        if trial.with_overrun.has_estimate() {
            let TestResult { estimate, interval, .. } = trial.with_overrun;
            self.estimates_with_overrun.add(estimand, (estimate, interval));
        }
        if trial.has_estimate() {
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
        self.duration_tenths.merge(&other.duration_tenths);
        self.overrun.merge(&other.overrun);
        for (mine, theirs) in self.reversals.iter_mut().zip(other.reversals) {
            *mine += theirs;
        }
        self.estimates.merge(&other.estimates);
        self.early_estimates.merge(&other.early_estimates);
        self.estimates_with_overrun.merge(&other.estimates_with_overrun);
        self.median_unbiased.merge(&other.median_unbiased);
        self.early_median_unbiased.merge(&other.early_median_unbiased);
        self.failed_looks += other.failed_looks;
        self.efficacy_without_safety += other.efficacy_without_safety;
        self.efficacy_stops_disregarded += other.efficacy_stops_disregarded;
    }
}

/// One look; moments are over the replicates that reach it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct LookTally {
    pub efficacy: u64,
    pub futility: u64,
    pub harm: u64,
    pub safety: u64,
    pub n_randomised: Moments,
    pub n_analysed: Moments,
    pub overrun: Moments,
    pub month: Moments,
    pub decision_month: Moments,
    pub decision_n_randomised: Moments,
    pub decision_overrun: Moments,
}

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

    /// Trials that end here, other than without significance.
    fn stops(&self) -> u128 {
        [self.efficacy, self.futility, self.harm, self.safety].into_iter().map(u128::from).sum()
    }

    /// Whether it can be that of `n` replicates with so many patients at most.
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

    fn merge(&mut self, other: &Self) {
        self.efficacy += other.efficacy;
        self.futility += other.futility;
        self.harm += other.harm;
        self.safety += other.safety;
        self.n_randomised.merge(&other.n_randomised);
        self.n_analysed.merge(&other.n_analysed);
        self.overrun.merge(&other.overrun);
        self.month.merge(&other.month);
        self.decision_month.merge(&other.decision_month);
        self.decision_n_randomised.merge(&other.decision_n_randomised);
        self.decision_overrun.merge(&other.decision_overrun);
    }
}

/// An estimate this close is at the truth: interpolation and rounding are no evidence of a side.
const AT_TRUTH: f64 = 1e-6;

/// The estimates of replicates that have one, and their distance from what they aim at.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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

    /// Whether it can be that of at most `n` trials.
    fn is_possible(&self, n: u64) -> bool {
        let aimed = self.errors.n();
        let all = [&self.estimates, &self.errors, &self.squared_errors];
        all.into_iter().all(|of| of.is_possible(f64::INFINITY))
            && self.estimates.n() <= n
            && aimed <= self.estimates.n()
            && self.squared_errors.n() == aimed
            && self.covered <= aimed
            && u128::from(self.above_twice) <= 2 * u128::from(aimed)
    }

    fn merge(&mut self, other: &Self) {
        self.estimates.merge(&other.estimates);
        self.errors.merge(&other.errors);
        self.squared_errors.merge(&other.squared_errors);
        self.covered += other.covered;
        self.above_twice += other.above_twice;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Replicate;
    use crate::trial::Simulator;
    use std::ops::Range;

    const REPLICATES: u64 = 12;

    fn scenario(name: &str) -> Scenario {
        let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let set = ["run.variance_reduction=true".to_owned()];
        let with_control = Scenario::load(path.as_ref(), &set);
        with_control.or_else(|_| Scenario::load(path.as_ref(), &[])).expect("it is shipped")
    }

    fn tally(scenario: &Scenario) -> Tally {
        let mut simulator = Simulator::new(scenario);
        let mut tally = Tally::new(scenario);
        for replicate in 0..REPLICATES {
            let mut result = Default::default();
            simulator.run_into(Replicate(replicate), &mut result);
            tally.add(&[result]);
        }
        tally
    }

    /// The place of every whole number in a text of JSON, with the key that it is under.
    fn numbers(text: &str) -> Vec<(Range<usize>, &str)> {
        let mut found = Vec::new();
        let (mut key, mut at) = ("", 0);
        while let Some(next) = text[at..].find(|c: char| c == '"' || c.is_ascii_digit()) {
            let start = at + next;
            if text[start..].starts_with('"') {
                let length = text[start + 1..].find('"').expect("a key ends");
                key = &text[start + 1..start + 1 + length];
                at = start + length + 2;
            } else {
                let is_digit = |c: char| c.is_ascii_digit();
                at = text[start..].find(|c| !is_digit(c)).map_or(text.len(), |end| start + end);
                found.push((start..at, key));
            }
        }
        found
    }

    /// Whatever count is forged, and to whatever: more than there can be, or all that a number holds.
    #[test]
    fn counts_that_cannot_be_are_refused() {
        for name in [
            "angel-reboot",
            "angel-reboot-analyses",
            "angel-reboot-safety",
            "angel-reboot-centres",
            "premat-assurance",
            "early-vs-late",
        ] {
            let scenario = scenario(name);
            let tally = tally(&scenario);
            let honest = serde_json::to_string(&tally).expect("a tally is plain data");
            let restored = |text: &str| {
                let folded: Tally = serde_json::from_str(text).expect("a tally");
                Tally::restored(&scenario, folded, REPLICATES)
            };
            assert_eq!(restored(&honest), Some(tally), "{name}");
            let mut places = numbers(&honest);
            // The last is what counts as early, which the scenario says.
            let _ = scenario.procedural().and_then(|_| places.pop());
            let is_count =
                |(_, key): &&(Range<usize>, &str)| !["squares", "analyses_per_truth"].contains(key);
            // Some of them, from beginning to end.
            let step = places.len() / 40 + 1;
            for (place, key) in places.iter().filter(is_count).step_by(step) {
                for forged in ["1000000000000000000", "18446744073709551615"] {
                    let mut text = honest.clone();
                    text.replace_range(place.clone(), forged);
                    assert_eq!(restored(&text), None, "{name}: {key} at {place:?} is {forged}");
                }
            }
        }
    }
}
