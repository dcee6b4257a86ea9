//! One simulated trial, from the first patient to the decision.
//!
//! A [`Simulator`] runs a replicate under both truths and all analyses at once: patients, arms and
//! calendar are drawn once, and only the mRS differs between the truths. Its buffers are refilled
//! for every replicate, so that nothing is allocated inside a trial.

use crate::accrual::{DAYS_PER_MONTH, day_of_nth_outcome};
use crate::analysis::{FitStatus, OutcomeTable, TestResult};
use crate::design::{Decision, MAX_LOOKS};
use crate::outcome::Mrs;
use crate::randomisation::{AllocationState, Arm};
use crate::rng::{Purpose, Replicate, Streams, uniform};
use crate::scenario::{Analysis, Scenario, TRUTHS, Truth};

/// The standard normal quantile of a two-sided 95 % interval.
const Z_95: f64 = 1.959963984540054;

/// The patients of one replicate, as columns in order of arrival.
#[derive(Debug, Default)]
struct Cohort {
    arrival_days: Vec<f64>,
    strata: Vec<u32>,
    arms: Vec<Arm>,
    /// When follow-up ends, with or without an outcome.
    due_days: Vec<f64>,
    /// When the outcome is known: the due day, or +∞ when it never is.
    outcome_days: Vec<f64>,
    /// Arrival and outcome days of the patients whose outcome is ever known.
    known_arrival_days: Vec<f64>,
    known_outcome_days: Vec<f64>,
    /// The first look that knows the outcome, by position among the looks that take place;
    /// [`NEVER`] when none does.
    known_from: Vec<u8>,
    /// Quantile of the outcome within the patient's distribution.
    quantiles: Vec<f64>,
    /// The outcome under the truth at hand, known or not.
    mrs: Vec<Mrs>,
}

/// A look that does not exist.
const NEVER: u8 = u8::MAX;

/// How the trial stands at a look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LookMoment {
    /// Day of the data.
    pub day: f64,
    /// Outcomes known.
    pub analysed: u32,
    /// Patients randomised by the time of the decision.
    pub randomised: u32,
    /// Of these, patients whose follow-up has not ended.
    pub overrun: u32,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// The efficacy boundary was reached, at an interim or the final look.
    Efficacy,
    /// Stopped at an interim look for futility.
    Futility,
    /// Ran to its end without significance.
    NotSignificant,
}

/// One trial under one truth as one analysis saw it: what a row of output is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialResult {
    /// From 0.
    pub replicate: u64,
    /// What the patients were drawn from.
    pub truth: Truth,
    /// Position of the analysis in the scenario.
    pub analysis: usize,
    /// The look the trial ended at, from 1; the final look has the number of looks planned.
    pub look: usize,
    /// How it ended.
    pub conclusion: Conclusion,
    /// Patients randomised, with those randomised until the decision.
    pub n_randomised: u32,
    /// Outcomes in the analysis that ended the trial.
    pub n_analysed: u32,
    /// Patients randomised whose follow-up had not ended.
    pub overrun: u32,
    /// Months from the opening of the trial to the decision.
    pub duration_months: f64,
    /// Whether the analysis repeated with the overrun's outcomes reaches the other conclusion.
    pub reversed: bool,
    /// Estimate and statistic of the analysis that ended the trial.
    pub test: TestResult,
    /// 95 % interval of the estimate that ignores the looks.
    pub interval: (f64, f64),
    /// Z at each look by its number less 1; NaN where there was none.
    pub z: [f64; MAX_LOOKS],
    /// Looks whose statistic could not be computed.
    pub failed_looks: u32,
}

/// One replicate: every trial of it, and what they share.
#[derive(Debug)]
pub struct ReplicateResult {
    /// Interim looks that took place, then the final one.
    pub looks: Vec<LookMoment>,
    /// Truth by truth, analysis by analysis.
    pub trials: Vec<TrialResult>,
    /// For the whole trial and each level of each factor: how far the arms are from the ratio, as
    /// 2·|n_e·(r_c + r_e) − n·r_e|. Divided by r_c + r_e it is the arm difference of a 1:1 trial.
    pub imbalances: Vec<u32>,
}

impl ReplicateResult {
    /// The moment of the look a trial ended at, or of an earlier look k (from 0). A final look
    /// may follow fewer interims than planned; it is always the last.
    pub fn moment(&self, k: usize, looks_planned: usize) -> Option<&LookMoment> {
        let final_look = self.looks.len() - 1;
        if k + 1 == looks_planned { self.looks.last() } else { self.looks[..final_look].get(k) }
    }
}

/// Runs replicates of a scenario one at a time.
#[derive(Debug)]
pub struct Simulator<'s> {
    scenario: &'s Scenario,
    streams: Streams,
    cohort: Cohort,
    allocation: AllocationState,
    /// Allocated per stratum, control and experimental.
    allocated: Vec<[u32; 2]>,
    days_buffer: Vec<f64>,
    /// Outcomes of the truth at hand known at each look that takes place; the last is final.
    known: Vec<OutcomeTable>,
    result: ReplicateResult,
}

impl<'s> Simulator<'s> {
    /// Prepares the buffers.
    pub fn new(scenario: &'s Scenario) -> Self {
        let levels: usize = scenario.population.factors().iter().map(|f| f.levels.len()).sum();
        Self {
            scenario,
            streams: Streams::new(scenario.seed),
            cohort: Cohort::default(),
            allocation: AllocationState::default(),
            allocated: vec![[0; 2]; scenario.population.strata()],
            days_buffer: Vec::new(),
            known: Vec::with_capacity(MAX_LOOKS),
            result: ReplicateResult {
                looks: Vec::with_capacity(MAX_LOOKS),
                trials: Vec::with_capacity(TRUTHS.len() * scenario.analyses.len()),
                imbalances: Vec::with_capacity(1 + levels),
            },
        }
    }

    /// Runs one replicate under both truths and all analyses.
    pub fn run(&mut self, replicate: Replicate) -> &ReplicateResult {
        self.draw_patients(replicate);
        self.measure_balance();
        self.find_looks();
        self.result.trials.clear();
        for truth in TRUTHS {
            self.draw_outcomes(truth);
            for analysis in 0..self.scenario.analyses.len() {
                let trial = self.monitor(replicate, truth, analysis);
                self.result.trials.push(trial);
            }
        }
        &self.result
    }

    fn draw_patients(&mut self, replicate: Replicate) {
        let scenario = self.scenario;
        let cohort = &mut self.cohort;
        let stream = |purpose| self.streams.stream(replicate, purpose);
        let patients = scenario.randomised;

        let mut rng = stream(Purpose::Arrival);
        scenario.accrual.arrivals(patients, &mut rng, &mut cohort.arrival_days);

        let mut rng = stream(Purpose::Baseline);
        cohort.strata.clear();
        cohort.strata.extend((0..patients).map(|_| scenario.population.draw(&mut rng)));

        let mut rng = stream(Purpose::Allocation);
        scenario.randomisation.reset(&mut self.allocation);
        self.allocated.fill([0; 2]);
        cohort.arms.clear();
        cohort.arms.extend(cohort.strata.iter().map(|&stratum| {
            let stratum = stratum as usize;
            let arm = scenario.randomisation.allocate(&mut self.allocation, stratum, &mut rng);
            self.allocated[stratum][arm.index()] += 1;
            arm
        }));

        let mut rng = stream(Purpose::FollowUp);
        cohort.due_days.clear();
        let due = |&arrival: &f64| scenario.follow_up.outcome_day(arrival, &mut rng);
        cohort.due_days.extend(cohort.arrival_days.iter().map(due));

        let mut rng = stream(Purpose::Dropout);
        cohort.outcome_days.clear();
        let known = |(&due, arm): (&f64, &Arm)| {
            if uniform(&mut rng) < scenario.dropout[arm.index()] { f64::INFINITY } else { due }
        };
        cohort.outcome_days.extend(cohort.due_days.iter().zip(&cohort.arms).map(known));

        cohort.known_arrival_days.clear();
        cohort.known_outcome_days.clear();
        for (&arrival, &day) in cohort.arrival_days.iter().zip(&cohort.outcome_days) {
            if day < f64::INFINITY {
                cohort.known_arrival_days.push(arrival);
                cohort.known_outcome_days.push(day);
            }
        }

        let mut rng = stream(Purpose::Outcome);
        cohort.quantiles.clear();
        cohort.quantiles.extend((0..patients).map(|_| uniform(&mut rng)));
    }

    fn measure_balance(&mut self) {
        let (population, ratio) = (&self.scenario.population, self.scenario.ratio);
        let imbalance = |[control, experimental]: [u32; 2]| {
            let has = u64::from(experimental) * u64::from(ratio.parts());
            let due = u64::from(control + experimental) * u64::from(ratio.experimental);
            (2 * has.abs_diff(due)) as u32
        };
        let sum = |a: [u32; 2], b: &[u32; 2]| [a[0] + b[0], a[1] + b[1]];
        let imbalances = &mut self.result.imbalances;
        imbalances.clear();
        imbalances.push(imbalance(self.allocated.iter().fold([0; 2], sum)));
        for (f, factor) in population.factors().iter().enumerate() {
            for level in 0..factor.levels.len() {
                let strata = self.allocated.iter().enumerate();
                let within = strata.filter(|(stratum, _)| population.levels(*stratum)[f] == level);
                let counts = within.map(|(_, counts)| counts).fold([0; 2], sum);
                imbalances.push(imbalance(counts));
            }
        }
    }

    /// Finds when the looks take place. An interim whose number of outcomes is never exceeded is
    /// left out: the final look has the same data.
    fn find_looks(&mut self) {
        let Scenario { design, follow_up, .. } = self.scenario;
        let Cohort {
            arrival_days,
            due_days,
            outcome_days,
            known_arrival_days,
            known_outcome_days,
            known_from,
            ..
        } = &mut self.cohort;
        let known = known_outcome_days.len() as u32;
        let looks = &mut self.result.looks;
        looks.clear();
        for look in design.interims() {
            if look.analysed >= known {
                break;
            }
            let day = day_of_nth_outcome(
                look.analysed,
                follow_up,
                known_arrival_days,
                known_outcome_days,
                &mut self.days_buffer,
            )
            .expect("fewer outcomes are asked for than are known");
            let decision_day = day + self.scenario.decision_lag_days;
            let randomised = arrival_days.partition_point(|&arrival| arrival <= decision_day);
            let overrun = due_days[..randomised].iter().filter(|&&due| due > day).count();
            looks.push(LookMoment {
                day,
                analysed: look.analysed,
                randomised: randomised as u32,
                overrun: overrun as u32,
            });
        }
        let interims = looks.len() as u8;
        let last_arrival = arrival_days[arrival_days.len() - 1];
        looks.push(LookMoment {
            day: follow_up.closes(last_arrival),
            analysed: known,
            randomised: arrival_days.len() as u32,
            overrun: 0,
        });
        known_from.clear();
        let in_the_end = |&day: &f64| if day < f64::INFINITY { interims } else { NEVER };
        known_from.extend(outcome_days.iter().map(in_the_end));
        for (k, look) in looks[..usize::from(interims)].iter().enumerate().rev() {
            // Nobody who came after the day of the look is known by it.
            let arrived = arrival_days.partition_point(|&arrival| arrival <= look.day);
            for (from, &day) in known_from[..arrived].iter_mut().zip(&*outcome_days) {
                *from = if day <= look.day { k as u8 } else { *from };
            }
        }
    }

    /// Draws every patient's mRS and counts it from the first look on that knows it.
    fn draw_outcomes(&mut self, truth: Truth) {
        let outcome = &self.scenario.outcomes[truth.index()];
        let Cohort { arms, strata, quantiles, known_from, mrs, .. } = &mut self.cohort;
        mrs.clear();
        let patients = arms.iter().zip(&*strata).zip(&*quantiles);
        mrs.extend(patients.map(|((&arm, &stratum), &u)| outcome.draw(arm, stratum as usize, u)));

        self.known.clear();
        self.known.resize(self.result.looks.len(), OutcomeTable::default());
        for ((&arm, &mrs), &from) in arms.iter().zip(&*mrs).zip(&*known_from) {
            if let Some(table) = self.known.get_mut(usize::from(from)) {
                table.record(arm, mrs);
            }
        }
        for k in 1..self.known.len() {
            let before = self.known[k - 1];
            self.known[k].add(&before);
        }
    }

    /// Outcomes known in the end of those randomised by the decision of look `k`.
    fn with_overrun(&self, k: usize) -> OutcomeTable {
        let Cohort { arms, mrs, known_from, .. } = &self.cohort;
        let mut table = OutcomeTable::default();
        for i in 0..self.result.looks[k].randomised as usize {
            if known_from[i] != NEVER {
                table.record(arms[i], mrs[i]);
            }
        }
        table
    }

    /// Monitors the trial whose tables are filled with one analysis.
    fn monitor(&self, replicate: Replicate, truth: Truth, analysis: usize) -> TrialResult {
        let Self { scenario, known, .. } = self;
        let Analysis { method, .. } = scenario.analyses[analysis];
        let looks = &self.result.looks;
        let final_look = looks.len() - 1;
        let planned = scenario.design.looks().len();

        let mut z = [f64::NAN; MAX_LOOKS];
        let mut failed_looks = 0;
        let mut end = None;
        for (k, table) in known[..final_look].iter().enumerate() {
            let Some(statistic) = method.statistic(table) else {
                failed_looks += 1;
                continue;
            };
            z[k] = statistic;
            end = match scenario.design.decide(k, statistic) {
                Decision::Continue => continue,
                Decision::Efficacy => Some((k, Conclusion::Efficacy)),
                Decision::Futility => Some((k, Conclusion::Futility)),
            };
            break;
        }
        let (at, look, conclusion) = match end {
            Some((k, conclusion)) => (k, k + 1, conclusion),
            None => {
                let statistic = method.statistic(&known[final_look]);
                failed_looks += u32::from(statistic.is_none());
                z[planned - 1] = statistic.unwrap_or(f64::NAN);
                let significant = self.is_significant(final_look, &known[final_look], statistic);
                let conclusion =
                    if significant { Conclusion::Efficacy } else { Conclusion::NotSignificant };
                (final_look, planned, conclusion)
            }
        };
        let test = method.test(&known[at]);
        let reach = Z_95 * test.standard_error;
        let moment = looks[at];
        TrialResult {
            replicate: replicate.0,
            truth,
            analysis,
            look,
            conclusion,
            n_randomised: moment.randomised,
            n_analysed: known[at].total(),
            overrun: moment.overrun,
            duration_months: (moment.day + scenario.decision_lag_days) / DAYS_PER_MONTH,
            reversed: at < final_look && self.is_reversed(at, conclusion, analysis),
            test,
            interval: (test.estimate - reach, test.estimate + reach),
            z,
            failed_looks,
        }
    }

    /// Whether a final look after `interims` interim looks rejects.
    fn is_significant(&self, interims: usize, table: &OutcomeTable, z: Option<f64>) -> bool {
        z.is_some_and(|z| z >= self.scenario.design.final_critical(interims, table.total()))
    }

    /// Whether a final look at all who were randomised until the decision of look `k` would
    /// contradict its conclusion.
    fn is_reversed(&self, k: usize, conclusion: Conclusion, analysis: usize) -> bool {
        let table = self.with_overrun(k);
        if table.total() <= self.known[k].total() {
            return false;
        }
        let z = self.scenario.analyses[analysis].method.statistic(&table);
        let significant = self.is_significant(k + 1, &table, z);
        significant != (conclusion == Conclusion::Efficacy)
    }
}

impl TrialResult {
    /// Whether the estimate is a finite number with an error.
    pub fn has_estimate(&self) -> bool {
        self.test.status == FitStatus::Converged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = include_str!("../scenarios/angel-reboot.toml");

    #[test]
    fn every_patient_is_in_one_place_at_every_look() {
        let scenario = Scenario::parse(SCENARIO, &[]).expect("the shipped scenario is valid");
        let mut simulator = Simulator::new(&scenario);
        for r in 0..50 {
            simulator.run(Replicate(r));
            let looks = &simulator.result.looks;
            let known = &simulator.known;
            assert_eq!(looks.len(), 3);
            assert_eq!((looks[0].analysed, looks[1].analysed), (104, 208));
            for (look, table) in looks.iter().zip(known) {
                assert_eq!(look.analysed, table.total());
            }
            assert_eq!(simulator.with_overrun(2), known[2]);
            let overrun = simulator.with_overrun(0).total() - known[0].total();
            assert!(overrun <= looks[0].overrun, "some of the overrun drop out");
            assert_eq!(looks[2].randomised, 348);
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
