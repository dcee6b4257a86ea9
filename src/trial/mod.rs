//! One simulated trial, from the first patient to the decision.
//!
//! A [`Simulator`] runs a replicate under all truths and all analyses at once: patients, arms and
//! calendar are drawn once, and only the mRS differs between the truths. Its buffers are refilled
//! for every replicate, so that nothing is allocated inside a trial.

mod analyst;
mod centres;
mod cohort;
mod control;
mod description;
mod imputation;
mod overrun;
mod phase;
mod result;
mod safety;
pub mod trace;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::accrual::DAYS_PER_MONTH;
use crate::analysis::rerandomisation::Repeats;
use crate::analysis::{BoundMethod, KnownOutcomes, Statistic, TestResult};
use crate::design::inference::StagewiseEstimate;
use crate::design::{Decision, MAX_LOOKS};
use crate::expected::estimand_of_shift;
use crate::outcome::OutcomeModel;
use crate::outcome::safety::Event;
use crate::rng::{Purpose, Replicate, Streams, uniform};
use crate::scenario::{Analysis, AnalysisSet, Outcomes, Scenario, Truth};
use analyst::{Analyst, Draws, patients_analysed};
pub use centres::CentreBalance;
use cohort::{Among, Cohort};
use control::Controls;
pub use description::Described;
pub use phase::Phase;
pub use result::{
    Conclusion, CorrectGuesses, DrawnEffect, EventCounts, LookMoment, PatientCourse, PatientsSoFar,
    ReplicateResult, SafetyResult, TrialResult,
};

/// Runs replicates of a scenario one at a time.
#[derive(Debug)]
pub struct Simulator<'s> {
    scenario: &'s Scenario,
    /// Set to cut a replicate short.
    cancelled: &'s AtomicBool,
    streams: Streams,
    cohort: Cohort,
    /// Outcomes under the effect drawn, refilled for every replicate; `None` without a prior.
    drawn: Option<DrawnOutcomes>,
    /// Outcomes of the truth at hand known at each look that takes place, the last being final, of
    /// each analysis set that is asked for.
    known: [Vec<KnownOutcomes>; 3],
    /// Outcomes with those of the overrun, and under another allocation.
    in_the_end: KnownOutcomes,
    reallocated: KnownOutcomes,
    analyst: Analyst,
    /// Where they are asked for.
    controls: Option<Controls>,
    /// Patients in control and experimental arm, in the order of the imbalances.
    allocated: Vec<[u32; 2]>,
    result: ReplicateResult,
}

/// Flag of a simulation that nothing cancels.
pub(crate) static NEVER_CANCELLED: AtomicBool = AtomicBool::new(false);

/// Outcomes under an effect drawn from the prior.
#[derive(Debug)]
struct DrawnOutcomes {
    log_odds_ratio: f64,
    model: OutcomeModel,
    /// Adverse events, whose stated rates hold under this effect too.
    events: Vec<Event>,
}

/// Where monitoring ended.
struct End {
    /// Position among the looks that took place.
    at: usize,
    conclusion: Conclusion,
    /// Where the statistic of that look took all of it.
    test: Option<TestResult>,
    z: [f64; MAX_LOOKS],
    failed_looks: u32,
}

impl<'s> Simulator<'s> {
    /// Prepares the buffers.
    pub fn new(scenario: &'s Scenario) -> Self {
        Self {
            scenario,
            cancelled: &NEVER_CANCELLED,
            streams: Streams::new(scenario.seed),
            cohort: Cohort::default(),
            drawn: match (&scenario.prior, &scenario.outcomes) {
                (Some(_), Outcomes::Stated(models)) => Some(DrawnOutcomes {
                    log_odds_ratio: 0.0,
                    model: models[0].clone(),
                    events: scenario.safety_endpoints().iter().map(|it| it.event).collect(),
                }),
                _ => None,
            },
            known: Default::default(),
            in_the_end: KnownOutcomes::default(),
            reallocated: KnownOutcomes::default(),
            analyst: Analyst::default(),
            controls: Controls::new(scenario),
            allocated: Vec::new(),
            result: ReplicateResult::default(),
        }
    }

    /// The same simulator, which ends a replicate soon after `cancelled` is set. The result of that
    /// replicate is not that of the whole trial, and must not be used.
    #[must_use]
    pub fn heeding(self, cancelled: &'s AtomicBool) -> Self {
        Self { cancelled, ..self }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn draws(&self, replicate: Replicate) -> Draws<'s> {
        Draws { streams: self.streams, replicate, cancelled: self.cancelled }
    }

    /// Told before each replicate which are to be run from there on, enrols the patients of some of them
    /// side by side, which is quicker than one after the other. Running them gives the same either way.
    pub fn enrol(&mut self, replicates: Range<u64>, end_of: &mut impl FnMut(Phase)) {
        self.cohort.enrol((self.scenario, self.streams), replicates, end_of);
    }

    /// The same as [`Simulator::run`], with the result in the caller's keeping.
    pub fn run_into(&mut self, replicate: Replicate, result: &mut ReplicateResult) {
        self.run_into_in_phases(replicate, result, |_| {});
    }

    /// The same, telling `end_of` of every phase that ends; a phase may have several parts.
    #[inline]
    pub fn run_into_in_phases(
        &mut self,
        replicate: Replicate,
        result: &mut ReplicateResult,
        end_of: impl FnMut(Phase),
    ) {
        std::mem::swap(&mut self.result, result);
        self.run_in_phases(replicate, end_of);
        std::mem::swap(&mut self.result, result);
    }

    /// Runs one replicate under all truths and all analyses.
    pub fn run(&mut self, replicate: Replicate) -> &ReplicateResult {
        self.run_in_phases(replicate, |_| {})
    }

    #[inline]
    fn run_in_phases(
        &mut self,
        replicate: Replicate,
        mut end_of: impl FnMut(Phase),
    ) -> &ReplicateResult {
        let scenario = self.scenario;
        self.draw(replicate, &mut end_of);
        self.measure_balance();
        self.result.correct_guesses = self.cohort.enrolled.correct_guesses;
        end_of(Phase::Allocation);
        self.result.trials.clear();
        for &truth in scenario.truths() {
            if self.is_cancelled() {
                return &self.result;
            }
            self.begin(truth, &mut end_of);
            if truth == Truth::Alternative {
                let last = self.everyone().last().expect("there is a final look");
                self.result.outcomes = last.all;
            }
            for analysis in 0..scenario.analyses.len() {
                let trial = self.trial(replicate, truth, analysis);
                self.result.trials.push(trial);
                if self.is_cancelled() {
                    return &self.result;
                }
            }
            self.describe(truth);
            self.compare_safety(truth);
            end_of(Phase::Analysis);
        }
        if let Some(controls) = &mut self.controls {
            let patients = self.cohort.for_controls(scenario);
            controls.measure(patients, &mut self.result.control_deviations);
            end_of(Phase::Analysis);
        }
        &self.result
    }

    /// Draws a replicate under the alternative without analysing it: the days on which its patients come,
    /// those on which their outcomes are known (+∞ where they never are), and its looks if none stops it.
    pub fn follow_up_alone(&mut self, replicate: Replicate) -> (&[f64], &[f64], &[LookMoment]) {
        self.draw(replicate, &mut |_| {});
        self.begin(Truth::Alternative, &mut |_| {});
        let (came, known) = self.cohort.days();
        (came, known, &self.result.looks[Truth::Alternative.index()])
    }

    /// Draws what all truths have in common.
    fn draw(&mut self, replicate: Replicate, end_of: &mut impl FnMut(Phase)) {
        let truths = self.scenario.truths().len();
        self.cohort.draw(self.scenario, self.streams, replicate, end_of);
        self.result.looks.resize_with(truths, Vec::new);
        self.result.safety.resize_with(truths, Vec::new);
        self.draw_effect(replicate);
    }

    /// Draws the outcomes of a truth and finds its looks. Truths begin in their order, as one may go
    /// by what the one before has left.
    fn begin(&mut self, truth: Truth, end_of: &mut impl FnMut(Phase)) {
        self.draw_outcomes(truth);
        let stated = self.scenario.procedural().is_none();
        end_of(if stated { Phase::Outcome } else { Phase::Procedure });
        self.follow_up(truth);
        self.follow_safety(truth);
        end_of(Phase::Looks);
    }

    /// Draws the adverse events and finds the looks at which they reach their boundaries.
    fn follow_safety(&mut self, truth: Truth) {
        let Self { scenario, cohort, drawn, result, .. } = self;
        if scenario.safety.is_some() {
            let events = drawn.as_ref().map_or(&[][..], |drawn| &drawn.events);
            cohort.draw_events(scenario, truth, events);
            let looks = &result.looks[truth.index()];
            safety::follow((scenario, cohort), looks, &mut result.safety[truth.index()]);
        }
    }

    /// Compares the adverse events of all who were randomised in the trial of the first analysis.
    fn compare_safety(&mut self, truth: Truth) {
        let Self { scenario, cohort, result, .. } = self;
        if scenario.safety.is_some() {
            let first = &result.trials[truth.index() * scenario.analyses.len()];
            let results = &mut result.safety[truth.index()];
            safety::compare((scenario, cohort), first.n_randomised, results);
        }
    }

    /// Describes the trial of the first analysis.
    fn describe(&mut self, truth: Truth) {
        let Some(description) = &self.scenario.description else { return };
        let Self { scenario, analyst, known, result, .. } = self;
        let (design, analysis) = (&scenario.design, &scenario.analyses[0]);
        let first = &result.trials[truth.index() * scenario.analyses.len()];
        let everyone = &known[AnalysisSet::IntentionToTreat as usize];
        // A final look may follow fewer interims than planned.
        let is_final = first.look == design.looks().len();
        let at = if is_final { everyone.len() } else { first.look } - 1;
        let known = &known[analysis.set as usize][at];
        result.described.resize_with(scenario.truths().len(), Described::default);
        let described = &mut result.described[truth.index()];
        analyst.describe(description, known, described);
        if description.tipping_point {
            let analysed = everyone[at].all.total();
            // A look without any known outcome has no boundary.
            let can_show = analysed > 0 && first.conclusion != Conclusion::Safety;
            analyst.tip(&analysis.method, known, described, |z| {
                if !can_show {
                    return false;
                }
                let decision = if is_final {
                    design.decide_finally(at, analysed, z)
                } else {
                    design.decide(at, z)
                };
                decision == Decision::Efficacy
            });
        }
    }

    /// Finds who is lost and when the looks take place, and fills their tables.
    fn follow_up(&mut self, truth: Truth) {
        let Self { scenario, cohort, known, result, .. } = self;
        if truth == Truth::Alternative || scenario.loses_by_outcome() {
            cohort.lose(scenario);
            cohort.find_looks(scenario, &mut result.looks[truth.index()]);
        } else {
            let (first, others) = result.looks.split_at_mut(1);
            others[truth.index() - 1].clone_from(&first[0]);
        }
        for set in scenario.analysis_sets() {
            let known = &mut known[set as usize];
            known.resize_with(result.looks[truth.index()].len(), KnownOutcomes::default);
            cohort.fill_tables(known, scenario.detail, set);
        }
    }

    /// Outcomes known at each look, by the arm allocated: looks and boundaries go by these.
    fn everyone(&self) -> &[KnownOutcomes] {
        &self.known[AnalysisSet::IntentionToTreat as usize]
    }

    /// Draws every patient's mRS under a truth and fills the tables of the looks.
    fn draw_outcomes(&mut self, truth: Truth) {
        let Self { scenario, cohort, drawn, result, .. } = self;
        match (&scenario.outcomes, truth, drawn) {
            (Outcomes::Stated(_), Truth::Prior, Some(drawn)) => cohort.draw_mrs(&drawn.model),
            (Outcomes::Stated(models), ..) => cohort.draw_mrs(&models[truth.index()]),
            (Outcomes::AfterProcedure(model), Truth::Null, _) => cohort.perform_as_control(model),
            (Outcomes::AfterProcedure(model), ..) => cohort.perform(model, &mut result.courses),
        }
    }

    /// Draws the replicate's effect from the prior, where there is one.
    fn draw_effect(&mut self, replicate: Replicate) {
        if let (Some(prior), Some(drawn)) = (&self.scenario.prior, &mut self.drawn) {
            let mut rng = self.streams.stream(replicate, Purpose::Effect);
            drawn.log_odds_ratio = prior.draw(uniform(&mut rng), uniform(&mut rng));
            drawn.model.shift_experimental(drawn.log_odds_ratio);
            let [_, experimental] = drawn.model.marginal();
            for event in &mut drawn.events {
                if let Event::Stated(stated) = event {
                    *stated = stated.with_experimental(experimental);
                }
            }
        }
    }

    fn measure_balance(&mut self) {
        let (population, ratio) = (&self.scenario.population, self.scenario.ratio);
        let imbalance = |[control, experimental]: [u32; 2]| {
            let has = u64::from(experimental) * u64::from(ratio.parts());
            let due = u64::from(control + experimental) * u64::from(ratio.experimental);
            (2 * has.abs_diff(due)) as u32
        };
        // The whole trial, then the levels of each factor.
        let levels = population.factors().iter().map(|factor| factor.levels.len()).sum::<usize>();
        self.allocated.clear();
        self.allocated.resize(1 + levels, [0; 2]);
        for (stratum, &[control, experimental]) in self.cohort.enrolled.allocated.iter().enumerate()
        {
            let mut add = |cell: usize| {
                self.allocated[cell][0] += control;
                self.allocated[cell][1] += experimental;
            };
            add(0);
            let mut first = 1;
            for (factor, &level) in population.factors().iter().zip(population.levels(stratum)) {
                add(first + level);
                first += factor.levels.len();
            }
        }
        self.result.imbalances.clear();
        self.result.imbalances.extend(self.allocated.iter().map(|&counts| imbalance(counts)));
        self.cohort.enrolled.balance_centres(self.scenario, imbalance, &mut self.result.centres);
    }

    /// The trial as one analysis sees it, from the tables of the truth at hand.
    fn trial(&mut self, replicate: Replicate, truth: Truth, analysis: usize) -> TrialResult {
        let seen = Seen { replicate, truth, analysis: &self.scenario.analyses[analysis] };
        let otherwise = self.monitor(seen);
        let without_safety = otherwise.conclusion;
        let efficacy_stops_disregarded = self.reaches_efficacy(seen, &otherwise);
        let End { at, conclusion, test, z, failed_looks } =
            self.or_stopped_for_safety(truth, otherwise);
        let looks = &self.result.looks[truth.index()];
        let stopped_early = at + 1 < looks.len();
        let moment = looks[at];
        let draws = self.draws(replicate);
        let known = &self.known[seen.analysis.set as usize][at];
        let mut test = test.unwrap_or_else(|| self.analyst.test(seen.analysis, known, draws));
        let look = if stopped_early { at + 1 } else { self.scenario.design.looks().len() };
        if seen.analysis.rerandomisations > 0 {
            test.z = z[look - 1];
        }
        let adjusted = self.adjusted(at, seen.analysis, &test);
        let repeated = if stopped_early { self.repeat(at, seen) } else { None };
        TrialResult {
            replicate: replicate.0,
            truth,
            drawn: self.drawn_effect(truth, &seen.analysis.method),
            analysis,
            look,
            conclusion,
            without_safety,
            efficacy_stops_disregarded,
            n_randomised: moment.at_decision.randomised,
            n_analysed: patients_analysed(
                seen.analysis,
                &self.known[seen.analysis.set as usize][at],
            ),
            overrun: moment.at_decision.overrun,
            duration_months: moment.decision_day / DAYS_PER_MONTH,
            reversed: repeated.is_some_and(|repeated| repeated.reverses(conclusion)),
            with_overrun: repeated.map_or(test, |repeated| repeated.test),
            test,
            median_unbiased: adjusted.median,
            stagewise_interval: (adjusted.low, adjusted.high),
            z,
            failed_looks,
        }
    }

    /// The estimate and its limits, allowing for the looks: drifts times the standard error that the
    /// estimate's Z was divided by. A single look leaves nothing to allow for.
    fn adjusted(&self, at: usize, analysis: &Analysis, test: &TestResult) -> StagewiseEstimate {
        let (low, high) = test.interval;
        let plain = StagewiseEstimate { median: test.estimate, low, high };
        if !test.has_estimate() {
            return StagewiseEstimate { median: f64::NAN, low: f64::NAN, high: f64::NAN };
        }
        let design = &self.scenario.design;
        let Some((z, standard_error)) = analysis.estimate_over_error(test) else { return plain };
        let analysed = self.everyone()[at].all.total();
        let drift = design.drift_estimate(at, analysed, z);
        let scale = analysis.method.scale();
        let effect = drift.as_effect(design.information(analysed), standard_error);
        StagewiseEstimate {
            median: scale.within(effect.median),
            low: scale.within(effect.low),
            high: scale.within(effect.high),
        }
    }

    fn drawn_effect(&self, truth: Truth, method: &BoundMethod) -> Option<DrawnEffect> {
        let drawn = self.drawn.as_ref().filter(|_| truth == Truth::Prior)?;
        let log_odds_ratio = drawn.log_odds_ratio;
        let estimand = estimand_of_shift(method, drawn.model.marginal(), log_odds_ratio);
        Some(DrawnEffect { log_odds_ratio, estimand })
    }

    /// The end, or a stop for safety before or at the same look.
    fn or_stopped_for_safety(&self, truth: Truth, end: End) -> End {
        let interims = self.everyone().len() - 1;
        match safety::stop(&self.result.safety[truth.index()], interims) {
            Some(at) if at <= end.at => {
                let mut z = [f64::NAN; MAX_LOOKS];
                z[..=at].copy_from_slice(&end.z[..=at]);
                let failed_looks = z[..=at].iter().filter(|z| z.is_nan()).count() as u32;
                End { at, conclusion: Conclusion::Safety, test: None, z, failed_looks }
            }
            _ => end,
        }
    }

    /// Goes from look to look until one stops the trial. A look without a statistic never does.
    fn monitor(&mut self, seen: Seen<'_>) -> End {
        let design = &self.scenario.design;
        let final_look = self.everyone().len() - 1;
        let mut z = [f64::NAN; MAX_LOOKS];
        let mut failed_looks = 0;
        for k in 0..final_look {
            let statistic = self.statistic(seen, Among::Look(k));
            let Some(of_look) = statistic.z else {
                failed_looks += 1;
                continue;
            };
            z[k] = of_look;
            let conclusion = match design.decide(k, of_look) {
                Decision::Continue => continue,
                Decision::Efficacy => Conclusion::Efficacy,
                Decision::Futility => Conclusion::Futility,
                Decision::Harm => Conclusion::Harm,
            };
            return End { at: k, conclusion, test: statistic.test, z, failed_looks };
        }
        let statistic = self.statistic(seen, Among::Look(final_look));
        failed_looks += u32::from(statistic.z.is_none());
        z[design.looks().len() - 1] = statistic.z.unwrap_or(f64::NAN);
        let conclusion =
            self.conclude(final_look, self.everyone()[final_look].all.total(), statistic.z);
        End { at: final_look, conclusion, test: statistic.test, z, failed_looks }
    }

    /// Whether a trial that adverse events stop for nothing reaches an efficacy boundary if it also goes on
    /// after the futility boundary, unless that is binding, and after the harm boundary.
    fn reaches_efficacy(&mut self, seen: Seen<'_>, end: &End) -> bool {
        let final_look = self.everyone().len() - 1;
        if !matches!(end.conclusion, Conclusion::Futility | Conclusion::Harm)
            || end.at == final_look
        {
            return end.conclusion == Conclusion::Efficacy;
        }
        let design = &self.scenario.design;
        if design.ends_for_futility(end.at, end.z[end.at]) {
            return false;
        }
        for k in end.at + 1..final_look {
            match self.statistic(seen, Among::Look(k)).z {
                Some(z) if design.decide(k, z) == Decision::Efficacy => return true,
                Some(z) if design.ends_for_futility(k, z) => return false,
                _ => {}
            }
        }
        let z = self.statistic(seen, Among::Look(final_look)).z;
        let analysed = self.everyone()[final_look].all.total();
        self.conclude(final_look, analysed, z) == Conclusion::Efficacy
    }

    /// What a final look after `interims` interim looks shows, at so many outcomes.
    fn conclude(&self, interims: usize, analysed: u32, z: Option<f64>) -> Conclusion {
        let decide = |z| self.scenario.design.decide_finally(interims, analysed, z);
        match z.map(decide) {
            Some(Decision::Efficacy) => Conclusion::Efficacy,
            Some(Decision::Harm) => Conclusion::Harm,
            _ => Conclusion::NotSignificant,
        }
    }

    /// The statistic of an analysis of some patients; the outcomes of those known in the end must
    /// lie in `in_the_end`.
    fn statistic(&mut self, seen: Seen<'_>, among: Among) -> Statistic {
        let Self { scenario, cancelled, streams, cohort, analyst, .. } = self;
        let known = match among {
            Among::Look(k) => &self.known[seen.analysis.set as usize][k],
            Among::InTheEnd(_) => &self.in_the_end,
        };
        let draws = Draws { streams: *streams, replicate: seen.replicate, cancelled };
        let statistic = analyst.statistic(seen.analysis, known, draws);
        let Some(z) = statistic.z.filter(|_| seen.analysis.rerandomisations > 0) else {
            return statistic;
        };
        let mut rng = streams.stream(seen.replicate, Purpose::Rerandomisation);
        let mut repeats = Repeats::of(z);
        for _ in 0..seen.analysis.rerandomisations {
            if cancelled.load(Ordering::Relaxed) {
                break;
            }
            cohort.fill_reallocated(&mut self.reallocated, (scenario, among), &mut rng);
            repeats.add(analyst.statistic(seen.analysis, &self.reallocated, draws).z);
        }
        Statistic { z: Some(repeats.z()), ..statistic }
    }
}

/// The analysis at hand, and whose patients it sees.
#[derive(Debug, Clone, Copy)]
struct Seen<'s> {
    replicate: Replicate,
    truth: Truth,
    analysis: &'s Analysis,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Detail;

    const SCENARIO: &str = include_str!("../../scenarios/angel-reboot.toml");

    #[test]
    fn every_patient_is_in_one_place_at_every_look() {
        let scenario = Scenario::parse(SCENARIO, &[]).expect("the shipped scenario is valid");
        let mut simulator = Simulator::new(&scenario);
        for r in 0..50 {
            simulator.run(Replicate(r));
            let looks = &simulator.result.looks[1];
            let known = simulator.everyone();
            assert_eq!(looks.len(), 3);
            assert_eq!((looks[0].analysed, looks[1].analysed), (104, 208));
            for (look, table) in looks.iter().zip(known) {
                assert_eq!(look.analysed, table.all.total());
            }
            let in_the_end = |k: usize| {
                let mut table = KnownOutcomes::default();
                let among = Among::InTheEnd(looks[k].at_decision.randomised);
                let set = AnalysisSet::IntentionToTreat;
                simulator.cohort.fill(&mut table, Detail::default(), (among, set));
                table
            };
            assert_eq!(in_the_end(2), known[2]);
            let overrun = in_the_end(0).all.total() - known[0].all.total();
            assert!(overrun <= looks[0].at_decision.overrun, "some of the overrun drop out");
            assert_eq!(looks[2].at_decision.randomised, 348);
        }
    }

    #[test]
    fn trials_depend_on_the_replicate_alone() {
        let scenario = Scenario::parse(SCENARIO, &[]).expect("the shipped scenario is valid");
        let mut one = Simulator::new(&scenario);
        let mut other = Simulator::new(&scenario);
        for r in 0..20 {
            other.run(Replicate(r));
        }
        one.run(Replicate(19));
        assert_eq!(format!("{:?}", one.result), format!("{:?}", other.result));
    }

    /// By minimisation, by blocks in strata, by minimisation with the centre; one replicate is left out,
    /// and the last are too few.
    #[test]
    fn enrolled_side_by_side_trials_are_the_same() {
        let blocks =
            r#"randomisation={method="permuted_blocks",block_sizes=[4],stratify_by=["nihss"]}"#;
        let centres = include_str!("../../scenarios/angel-reboot-centres.toml");
        for (text, set) in [(SCENARIO, "seed=1"), (SCENARIO, blocks), (centres, "seed=1")] {
            let set = [set.replace("seed", "run.seed")];
            let scenario = Scenario::parse(text, &set).expect("valid");
            let mut alone = Simulator::new(&scenario);
            let mut beside = Simulator::new(&scenario);
            for r in (0..18).filter(|r| *r != 5) {
                beside.enrol(r..18, &mut |_| {});
                alone.run(Replicate(r));
                beside.run(Replicate(r));
                assert_eq!(format!("{:?}", alone.result), format!("{:?}", beside.result));
            }
        }
    }

    /// The null twin of an alternative without effect is the alternative itself.
    #[test]
    fn without_effect_both_truths_are_the_same_trials() {
        let set = ["outcome.experimental.common_odds_ratio=1.0".to_owned()];
        let scenario = Scenario::parse(SCENARIO, &set).expect("valid");
        let mut simulator = Simulator::new(&scenario);
        for r in 0..20 {
            let result = simulator.run(Replicate(r));
            let half = result.trials.len() / 2;
            for (a, b) in result.trials[..half].iter().zip(&result.trials[half..]) {
                assert_eq!(
                    (a.look, a.conclusion, a.n_analysed),
                    (b.look, b.conclusion, b.n_analysed)
                );
                assert_eq!(a.test, b.test);
            }
        }
    }
}
