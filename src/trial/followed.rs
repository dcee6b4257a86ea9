//! Patients followed to their outcomes under one truth, and the trials that analyses make of them.

use super::analyst::patients_analysed;
use super::cohort::PatientSelection;
use super::enrichment::CurrentPopulation;
use super::monitoring::MonitoringEnd;
use super::reestimation::Resized;
use super::{
    AdjustedEstimates, Conclusion, Described, DrawnEffect, LookIndex, LookMoment, LookSequence,
    Phase, PhaseObserver, ReplicateResult, ReplicateStreams, Simulator, SizeResult, TrialResult,
    safety,
};
use crate::accrual::DAYS_PER_MONTH;
use crate::analysis::{BoundMethod, KnownOutcomes, TestResult};
use crate::design::inference::StagewiseEstimate;
use crate::design::{AnalysedSoFar, Decision};
use crate::expected::estimand_of_shift;
use crate::scenario::{Analysis, AnalysisSet, Truth};

/// The patients of a replicate followed under one truth, with the looks that would take place if nothing
/// stopped the trial.
#[derive(Debug)]
pub struct FollowedCohort<'b, 's, O = ()> {
    pub(super) simulator: &'b mut Simulator<'s, O>,
    pub(super) result: &'b mut ReplicateResult,
    pub(super) streams: ReplicateStreams,
    pub(super) truth: Truth,
    pub(super) looks: LookSequence,
    /// What the current analysis observed at the look that re-estimates the number of patients.
    pub(super) size: Option<SizeResult>,
    /// The final look, if the current analysis has changed the number of patients.
    pub(super) resized: Option<Resized>,
    /// The population of the current analysis's trial, if the scenario has a rule for it.
    pub(super) population: Option<CurrentPopulation>,
    /// Whether patients of a restricted population have been drawn for that trial.
    pub(super) is_drawn: bool,
}

impl<'b, 's, O: PhaseObserver> FollowedCohort<'b, 's, O> {
    pub(super) fn new(
        simulator: &'b mut Simulator<'s, O>,
        result: &'b mut ReplicateResult,
        streams: ReplicateStreams,
        truth: Truth,
        looks: LookSequence,
    ) -> Self {
        Self {
            simulator,
            result,
            streams,
            truth,
            looks,
            size: None,
            resized: None,
            population: None,
            is_drawn: false,
        }
    }
}

impl<'s, O: PhaseObserver> FollowedCohort<'_, 's, O> {
    /// Returns the day on which each patient arrives, in order.
    pub fn arrival_days(&self) -> &[f64] {
        &self.simulator.cohort.enrolled.arrival_days
    }

    /// Returns the day on which each patient's outcome is known; +∞ if it never is.
    pub fn outcome_days(&self) -> &[f64] {
        &self.simulator.cohort.outcome_days
    }

    /// Returns the looks that take place if nothing stops the trial.
    pub fn looks(&self) -> LookSequence {
        self.looks
    }

    /// Returns the looks of the current analysis's trial, as its population has been restricted or not.
    pub(super) fn looks_of_trial(&self) -> LookSequence {
        self.population.map_or(self.looks, |population| population.looks)
    }

    /// Returns when a look takes place, and the patients by then.
    pub fn moment(&self, look: LookIndex) -> LookMoment {
        if let Some(resized) = self.resized.filter(|_| look.is_final) {
            return resized.final_look.moment;
        }
        if let Some(moment) = self.moment_if_restricted(look) {
            return moment;
        }
        self.result.looks[self.truth.index()][look.taken]
    }

    /// Returns the analysis at a position in the scenario.
    pub(super) fn analysis(&self, position: usize) -> &'s Analysis {
        &self.simulator.scenario.analyses[position]
    }

    /// Returns the outcomes that an analysis sees at a look.
    pub(super) fn known(&self, analysis: &Analysis, look: LookIndex) -> &KnownOutcomes {
        if self.resized.is_some() && look.is_final {
            return &self.simulator.resized;
        }
        if self.population.is_some() {
            return &self.simulator.in_population;
        }
        &self.simulator.known[analysis.set as usize][look.taken]
    }

    /// Returns how many outcomes are known at a look, by the arm allocated: looks and boundaries depend on
    /// these, whatever set an analysis sees.
    pub(super) fn outcomes_known(&self, look: LookIndex) -> u32 {
        if let Some(resized) = self.resized.filter(|_| look.is_final) {
            return resized.final_look.moment.analysed;
        }
        if let Some(moment) = self.moment_if_restricted(look) {
            return moment.analysed;
        }
        self.simulator.known[AnalysisSet::IntentionToTreat as usize][look.taken].all.total()
    }

    /// Returns the outcomes known at the looks up to one, as [`FollowedCohort::outcomes_known`] counts them.
    pub(super) fn analysed_by(&self, look: LookIndex) -> AnalysedSoFar {
        let moments = &self.result.looks[self.truth.index()][..look.taken];
        let now = self.moment(look).analysed;
        // A size may fall to the patients whose outcomes an interim look had: the final look, with the same
        // data, then takes its place.
        let before =
            moments.iter().map(|moment| moment.analysed).take_while(|&before| before < now);
        AnalysedSoFar::new(before.chain([now]))
    }

    /// Simulates the trial as each analysis sees it, and describes that of the first.
    pub(super) fn analyse_all(&mut self) {
        for analysis in 0..self.simulator.scenario.analyses.len() {
            let trial = self.trial(analysis);
            self.result.trials.push(trial);
            if analysis == 0 {
                self.compare_safety(&trial);
            }
            // What was cut short has no look to describe.
            if self.simulator.is_cancelled() {
                return;
            }
        }
        let scenario = self.simulator.scenario;
        if let Some(rule) = &scenario.success {
            let decided = self.decide_together(rule);
            self.result.rules.push(decided);
        }
        if self.truth == Truth::Alternative {
            let last = self.looks.last();
            let sets = &self.simulator.known;
            self.result.outcomes = sets[AnalysisSet::IntentionToTreat as usize][last.taken].all;
        }
        self.describe();
        self.simulator.phases.ended(Phase::Analysis);
    }

    /// Simulates the trial as one analysis sees it.
    pub fn trial(&mut self, position: usize) -> TrialResult {
        let analysis = self.analysis(position);
        (self.size, self.resized) = (None, None);
        (self.population, self.is_drawn) = (None, false);
        let unstopped = match &self.simulator.scenario.adaptation.population {
            Some(adaptation) => self.monitor_population(analysis, adaptation),
            None => self.monitor(analysis),
        };
        let without_safety = unstopped.conclusion;
        let efficacy_stops_disregarded = self.reaches_efficacy(analysis, &unstopped);
        let MonitoringEnd { look, conclusion, test, z, failed_looks } =
            self.or_stopped_for_safety(analysis, unstopped);
        let moment = self.moment(look);
        let n_analysed = patients_analysed(analysis, self.known(analysis, look));
        // A statistic alone has been enough so far: only the look that ends the trial needs an
        // estimate.
        let mut test = test.unwrap_or_else(|| self.test(analysis, look));
        // The decision was made on the Z of re-randomisation, or that of both stages by their weights.
        let has_other_z = self.population.is_some() || (self.resized.is_some() && look.is_final);
        if analysis.rerandomisations > 0 || has_other_z {
            test.z = z[look.planned];
        }
        let adjusted = self.adjusted(look, analysis, &test);
        let size = self.size_at_end(look);
        // A final look has no patients without an outcome to wait for.
        let repeated = if look.is_final {
            None
        } else {
            // In the population left, and by its own boundaries.
            match &self.simulator.scenario.adaptation.population {
                Some(adaptation) => self.repeat_in_population(adaptation, look, analysis),
                None => self.repeat(look, analysis),
            }
        };
        let population = self.population_at_end(look);
        TrialResult {
            replicate: self.streams.replicate.0,
            truth: self.truth,
            drawn: self.drawn_effect(&analysis.method),
            analysis: position,
            look: look.number(),
            conclusion,
            without_safety,
            efficacy_stops_disregarded,
            n_randomised: moment.at_decision.randomised,
            n_analysed,
            overrun: moment.at_decision.overrun,
            duration_months: moment.decision_day / DAYS_PER_MONTH,
            reversed: repeated.is_some_and(|repeated| repeated.reverses(conclusion)),
            // Without further outcomes the estimate stays as it is.
            with_overrun: repeated.map_or(test, |repeated| repeated.test),
            test,
            median_unbiased: adjusted.median,
            stagewise_interval: (adjusted.low, adjusted.high),
            z,
            failed_looks,
            size,
            population,
        }
    }

    /// Returns the re-estimation as it is known when the trial ends at a look.
    fn size_at_end(&self, look: LookIndex) -> Option<SizeResult> {
        let size = self.size?;
        let rule = self.simulator.scenario.adaptation.size.as_ref()?;
        // Adverse events may have stopped the trial before, or at the look itself.
        if look.planned < rule.look {
            return None;
        }
        let decided = size.decided.filter(|_| look.is_final);
        let changed = self.resized.filter(|_| look.is_final).map(|resized| resized.final_look);
        Some(SizeResult { decided, changed, ..size })
    }

    /// Computes the full test of an analysis at a look.
    pub(super) fn test(&mut self, analysis: &Analysis, look: LookIndex) -> TestResult {
        let is_resized = self.resized.is_some() && look.is_final;
        let has_population = self.population.is_some();
        let Simulator { analyst, known, resized, in_population, cancelled, .. } =
            &mut *self.simulator;
        let known = if is_resized {
            resized
        } else if has_population {
            in_population
        } else {
            &mut known[analysis.set as usize][look.taken]
        };
        analyst.test(analysis, known, self.streams, cancelled)
    }

    /// Adjusts estimate and interval for the looks: the drift that stage-wise ordering gives, times the
    /// standard error that the estimate's Z was divided by, beyond the margin if there is one.
    fn adjusted(
        &mut self,
        look: LookIndex,
        analysis: &Analysis,
        test: &TestResult,
    ) -> StagewiseEstimate {
        let (low, high) = test.interval;
        let plain = StagewiseEstimate { median: test.estimate, low, high };
        // Stage-wise ordering knows no looks that choose among populations.
        let is_known =
            self.simulator.adjusted == AdjustedEstimates::Computed && self.population.is_none();
        // Equivalence has two margins and no Z that estimates could be ordered by.
        let has_one_end = analysis.method.null_effects().upper.is_none();
        if !test.has_estimate() || !is_known || !has_one_end {
            return StagewiseEstimate { median: f64::NAN, low: f64::NAN, high: f64::NAN };
        }
        if look.is_final
            && let Some(weighted) = self.weighted_estimate(analysis)
        {
            return weighted;
        }
        let design = &self.simulator.scenario.design;
        // An estimate that is certain has no error to scale a drift with.
        let Some((z, standard_error)) = analysis.estimate_over_error(test) else { return plain };
        let analysed = self.outcomes_known(look);
        let drift = design.drift_estimate(&self.analysed_by(look), z);
        let scale = analysis.method.scale();
        let null = analysis.method.null_effects().lower;
        let effect = drift.as_effect_from(null, design.information(analysed), standard_error);
        StagewiseEstimate {
            median: scale.within(effect.median),
            low: scale.within(effect.low),
            high: scale.within(effect.high),
        }
    }

    fn drawn_effect(&self, method: &BoundMethod) -> Option<DrawnEffect> {
        let drawn = self.simulator.drawn.as_ref().filter(|_| self.truth == Truth::Prior)?;
        let log_odds_ratio = drawn.log_odds_ratio;
        let estimand = estimand_of_shift(method, drawn.model.marginal(), log_odds_ratio);
        Some(DrawnEffect { log_odds_ratio, estimand })
    }

    /// The trial of the primary analysis, which is the one that is described.
    fn first_trial(&self) -> TrialResult {
        let analyses = self.simulator.scenario.analyses.len();
        self.result.trials[self.truth.index() * analyses]
    }

    /// Compares the adverse events of all patients randomised in the trial of the primary analysis, which was
    /// simulated last.
    fn compare_safety(&mut self, primary: &TrialResult) {
        if self.simulator.scenario.safety.is_some() {
            let Simulator { scenario, cohort, safety, restricted, .. } = &*self.simulator;
            let (cohort, followed) = if self.is_drawn {
                (&restricted.cohort, &restricted.safety)
            } else {
                (cohort, safety)
            };
            let results = &mut self.result.safety[self.truth.index()];
            results.clone_from(followed);
            safety::compare(scenario, cohort, primary.n_randomised, results);
        }
    }

    /// Computes the supplementary analyses of the primary analysis's trial.
    fn describe(&mut self) {
        let Some(description) = &self.simulator.scenario.description else { return };
        let first = self.first_trial();
        // Other analyses may have changed the number of patients otherwise.
        self.resize_as(self.analysis(0), first.size);
        let look =
            self.looks.numbered(first.look).expect("a trial ends at a look that takes place");
        let analysed = self.outcomes_known(look);
        let looks = self.analysed_by(look);
        let is_resized = self.resized.is_some() && look.is_final;
        let Simulator { scenario, analyst, known, resized, .. } = &mut *self.simulator;
        let (design, analysis) = (&scenario.design, &scenario.analyses[0]);
        let known = if is_resized { &*resized } else { &known[analysis.set as usize][look.taken] };
        self.result.described.resize_with(scenario.truths().len(), Described::default);
        let described = &mut self.result.described[self.truth.index()];
        analyst.describe(description, known, described);
        if description.tipping_point {
            // A look without any outcome has no boundary, and after a stop for safety the outcomes decide
            // nothing.
            let can_reject = analysed > 0 && first.conclusion != Conclusion::Safety;
            analyst.tip(&analysis.method, known, described, |z| {
                can_reject
                    && Decision::Efficacy
                        == if look.is_final {
                            design.decide_finally(&looks, z)
                        } else {
                            design.decide(&looks, z)
                        }
            });
        }
    }

    /// Fills the table of the patients randomised first, all followed to their end.
    pub(super) fn fill_with_overrun(&mut self, randomised: u32, set: AnalysisSet) {
        let Simulator { scenario, cohort, with_overrun, .. } = &mut *self.simulator;
        let selection = PatientSelection::FirstRandomised(randomised);
        cohort.fill(with_overrun, scenario.detail, selection, set);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Replicate;
    use crate::scenario::Scenario;
    use crate::trial::PatientsSoFar;

    const SCENARIO: &str = include_str!("../../scenarios/angel-reboot.toml");

    #[test]
    fn every_patient_is_in_one_place_at_every_look() {
        let scenario = Scenario::parse(SCENARIO, &[]).expect("the shipped scenario is valid");
        let mut simulator = Simulator::new(&scenario);
        for r in 0..50 {
            let mut result = ReplicateResult::default();
            let mut followed =
                simulator.enrol(Replicate(r), &mut result).follow(Truth::Alternative);
            let looks: Vec<LookIndex> = followed.looks().all().collect();
            let moments: Vec<LookMoment> =
                looks.iter().map(|&look| followed.moment(look)).collect();
            assert_eq!(looks.len(), 3);
            assert_eq!((moments[0].analysed, moments[1].analysed), (104, 208));
            for (moment, &look) in moments.iter().zip(&looks) {
                assert_eq!(moment.analysed, followed.outcomes_known(look));
            }
            let known = followed.simulator.known[AnalysisSet::IntentionToTreat as usize].clone();
            followed.fill_with_overrun(348, AnalysisSet::IntentionToTreat);
            assert_eq!(followed.simulator.with_overrun, known[2]);
            let PatientsSoFar { randomised, overrun } = moments[0].at_decision;
            followed.fill_with_overrun(randomised, AnalysisSet::IntentionToTreat);
            let later = followed.simulator.with_overrun.all.total() - known[0].all.total();
            assert!(later <= overrun, "some of the overrun drop out");
            assert_eq!(moments[2].at_decision.randomised, 348);
        }
    }

    /// With a prior, with procedures, with adverse events and with dropout that depends on the outcome.
    #[test]
    fn a_truth_followed_alone_has_the_trial_that_it_has_among_all() {
        for name in
            ["premat-assurance", "early-vs-late", "angel-reboot-safety", "angel-reboot-missing"]
        {
            let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
            let scenario =
                Scenario::load(path.as_ref(), &[]).expect("the shipped scenario is valid");
            let (mut one, mut other) = (Simulator::new(&scenario), Simulator::new(&scenario));
            for r in 0..4 {
                for trial in one.run(Replicate(r)).trials {
                    let mut result = ReplicateResult::default();
                    let alone = other
                        .enrol(Replicate(r), &mut result)
                        .follow(trial.truth)
                        .trial(trial.analysis);
                    assert_eq!(format!("{alone:?}"), format!("{trial:?}"), "{name}");
                }
            }
        }
    }
}
