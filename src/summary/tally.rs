//! All totals of a scenario's replicates.

use serde::{Deserialize, Serialize};

use super::analysis_tally::AnalysisTally;
use super::centres::CentreTally;
use super::control_variate::{ControlVariateTally, ReducedEstimate};
use super::description::DescriptionTally;
use super::merge::{Merge, merge_fields};
use super::moments::{ExactMoments, Histogram};
use super::population::PopulationTally;
use super::prior::PriorTally;
use super::procedure::{ArmTally, ProcedureTally};
use super::reestimation::SizeTally;
use super::safety::SafetyTally;
use super::success::SuccessTally;
use crate::engine::Accumulator;
use crate::expected::Expected;
use crate::scenario::{Scenario, Truth};
use crate::trial::{Conclusion, GuessCounts, ReplicateResult};

/// Everything folded from the replicates of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Totals of analyses, truth by truth.
    analyses: Vec<AnalysisTally>,
    #[serde(skip)]
    analyses_per_truth: usize,
    /// Control variates of the analyses under the alternative, then under the null; empty without them.
    controls: Vec<ControlVariateTally>,
    /// Imbalances of the whole trial and of each level, as [`ReplicateResult::imbalances`].
    imbalances: Vec<Histogram>,
    /// Halves of correct guesses in the trial and in the strata.
    correct_guesses: [ExactMoments; 2],
    /// Balance within centres; `None` without centres.
    centres: Option<CentreTally>,
    /// Supplementary analyses, truth by truth; empty if none are asked for.
    described: Vec<DescriptionTally>,
    /// Adverse events, truth by truth; empty without adverse events.
    safety: Vec<Vec<SafetyTally>>,
    /// Analyses that decide together, truth by truth; empty without a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    success: Vec<SuccessTally>,
    /// Trials with effects drawn from the prior, by analysis; empty without a prior.
    prior: Vec<PriorTally>,
    /// Procedures under the alternative; `None` without procedures.
    procedures: Option<ProcedureTally>,
}

merge_fields!(Tally {
    analyses,
    controls,
    imbalances,
    correct_guesses,
    centres,
    described,
    safety,
    success,
    prior,
    procedures,
} keep { analyses_per_truth });

impl Tally {
    /// A tally of no replicates.
    pub fn new(scenario: &Scenario) -> Self {
        let expected = &Expected::new(scenario);
        let truths = scenario.truths();
        let looks = scenario.design.looks().len();
        let levels: usize = scenario.population.factors().iter().map(|f| f.levels.len()).sum();
        let analyses_per_truth = scenario.analyses.len();
        // Only the alternative and the null have a control variate: the rejection probability of the
        // simpler trial must be known exactly.
        let controls = if scenario.variance_reduction { 2 * analyses_per_truth } else { 0 };
        let with_prior = if scenario.prior.is_some() { analyses_per_truth } else { 0 };
        let prior = (0..with_prior).map(|position| PriorTally::new(scenario, position)).collect();
        Self {
            analyses: truths
                .iter()
                .flat_map(|&truth| {
                    scenario.analyses.iter().map(move |analysis| {
                        let population = PopulationTally::new(expected, truth, analysis);
                        AnalysisTally::new(looks, expected.estimand(truth, analysis))
                            .with_adaptations(SizeTally::new(scenario), population)
                    })
                })
                .collect(),
            analyses_per_truth,
            controls: vec![ControlVariateTally::default(); controls],
            imbalances: vec![Histogram::default(); 1 + levels],
            correct_guesses: Default::default(),
            centres: scenario.centres.as_ref().map(|_| CentreTally::default()),
            described: scenario.description.as_ref().map_or_else(Vec::new, |description| {
                vec![DescriptionTally::new(description); truths.len()]
            }),
            safety: scenario.safety.as_ref().map_or_else(Vec::new, |safety| {
                let events = vec![SafetyTally::new(safety, looks); safety.endpoints.len()];
                vec![events; truths.len()]
            }),
            success: scenario.success.as_ref().map_or_else(Vec::new, |rule| {
                truths
                    .iter()
                    .map(|&truth| SuccessTally::new(expected, scenario, rule, truth))
                    .collect()
            }),
            prior,
            procedures: scenario.procedural().map(ProcedureTally::new),
        }
    }

    /// Restores a tally that was read from a file, together with what the scenario determines; `None` if
    /// `n` replicates of the scenario cannot have these counts.
    pub(crate) fn restored(scenario: &Scenario, folded: &Self, n: u64) -> Option<Self> {
        // Merged into an empty tally instead of taken as read: this keeps what the file has not,
        // and gives each list the scenario's length, whatever the file's is.
        let mut tally = Self::new(scenario);
        Merge::merge(&mut tally, folded);
        tally.is_of(n, scenario).then_some(tally)
    }

    fn is_of(&self, n: u64, scenario: &Scenario) -> bool {
        let randomised = scenario.randomised;
        // A re-estimated trial may have more patients than planned; balance is counted among the
        // planned ones.
        self.analyses.iter().all(|of| of.is_of(n, scenario.most_randomised()))
            // The truths with control variates come first, so these lists go together.
            && self.controls.iter().zip(&self.analyses).all(|(control, analysis)| {
                control.is_of(n, analysis.efficacies())
            })
            && self.imbalances.iter().all(|of| of.is_of(n, u32::MAX))
            && self.correct_guesses.iter().all(|of| of.is_of(n, 2.0 * f64::from(randomised)))
            && self.centres.iter().all(|of| of.is_of(n, scenario))
            && self.described.iter().all(|of| of.is_of(n))
            && self.safety.iter().flatten().all(|of| of.is_of(n))
            && self.success.iter().all(|of| of.is_of(n, randomised))
            && self.prior.iter().all(|of| of.is_of(n))
            && self.procedures.iter().all(|of| {
                of.patients().is_some_and(|all| Some(all) == n.checked_mul(u64::from(randomised)))
            })
    }

    /// P(efficacy) by control variate; `None` without control variates.
    pub(super) fn reduced(&self, truth: Truth, analysis: usize) -> Option<ReducedEstimate> {
        self.control(truth, analysis).map(ControlVariateTally::estimate)
    }

    pub(super) fn control(&self, truth: Truth, analysis: usize) -> Option<&ControlVariateTally> {
        self.controls.get(truth.index() * self.analyses_per_truth + analysis)
    }

    pub(super) fn of(&self, truth: Truth, analysis: usize) -> &AnalysisTally {
        &self.analyses[truth.index() * self.analyses_per_truth + analysis]
    }

    /// Numbers of patients randomised, each with the share of trials that had no more.
    pub fn sizes(&self, truth: Truth, analysis: usize) -> Vec<(f64, f64)> {
        self.of(truth, analysis).n_randomised.shares_at_most(1.0)
    }

    /// Months from opening to decision, rounded to a tenth, each with the share of trials that took no
    /// longer.
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

    pub(super) fn success(&self, truth: Truth) -> Option<&SuccessTally> {
        self.success.get(truth.index())
    }

    pub(super) fn prior(&self) -> &[PriorTally] {
        &self.prior
    }

    pub(super) fn imbalances(&self) -> &[Histogram] {
        &self.imbalances
    }

    pub(super) fn correct_guesses(&self) -> &[ExactMoments; 2] {
        &self.correct_guesses
    }

    pub(super) fn centres(&self) -> Option<&CentreTally> {
        self.centres.as_ref()
    }

    pub(super) fn procedures(&self) -> Option<&[ArmTally; 2]> {
        self.procedures.as_ref().map(|procedures| &procedures.arms)
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
        let GuessCounts { halves_in_trial, halves_in_strata } = result.correct_guesses;
        let [in_trial, in_strata] = &mut self.correct_guesses;
        in_trial.add(f64::from(halves_in_trial));
        in_strata.add(f64::from(halves_in_strata));
        if let Some(tally) = &mut self.centres {
            tally.add(&result.centres);
        }
        for (tally, described) in self.described.iter_mut().zip(&result.described) {
            tally.add(described);
        }
        for (tallies, results) in self.safety.iter_mut().zip(&result.safety) {
            for (tally, result) in tallies.iter_mut().zip(results) {
                tally.add(result);
            }
        }
        for (tally, rule) in self.success.iter_mut().zip(&result.rules) {
            tally.add(rule);
        }
        // Without a prior there are no tallies, whatever truth is in its place.
        let drawn = result.trials.iter().skip(Truth::Prior.index() * self.analyses_per_truth);
        for (tally, trial) in self.prior.iter_mut().zip(drawn) {
            tally.add(trial);
        }
        if let Some(tally) = &mut self.procedures {
            result.courses.iter().for_each(|course| tally.add(course));
        }
    }

    fn merge(&mut self, other: Self) {
        Merge::merge(self, &other);
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
            tally.add(&[simulator.run(Replicate(replicate))]);
        }
        tally
    }

    /// Places of all whole numbers in a JSON text, each with its key.
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

    fn restored(scenario: &Scenario, text: &str) -> Option<Tally> {
        let folded: Tally = serde_json::from_str(text).expect("a tally");
        Tally::restored(scenario, &folded, REPLICATES)
    }

    /// Forged counts are too large by far, or the largest that 64 bits hold.
    #[test]
    fn a_tally_with_a_forged_count_is_refused() {
        for name in [
            "angel-reboot",
            "angel-reboot-analyses",
            "angel-reboot-safety",
            "angel-reboot-centres",
            "premat-assurance",
            "early-vs-late",
            "icarus",
        ] {
            let scenario = scenario(name);
            let tally = tally(&scenario);
            let honest = serde_json::to_string(&tally).expect("a tally is plain data");
            assert_eq!(restored(&scenario, &honest), Some(tally), "{name}");
            let places = numbers(&honest);
            // A sample of them, from beginning to end. Sums of squares have no upper limit.
            let step = places.len() / 40 + 1;
            let counts = places.iter().filter(|(_, key)| *key != "squares");
            for (place, key) in counts.step_by(step) {
                for forged in ["1000000000000000000", "18446744073709551615"] {
                    let mut text = honest.clone();
                    text.replace_range(place.clone(), forged);
                    assert_eq!(
                        restored(&scenario, &text),
                        None,
                        "{name}: {key} at {place:?} is {forged}"
                    );
                }
            }
        }
    }
}
