//! Decisions of a look: by boundaries of Z, or by posterior and predictive probabilities.

use super::cohort::{EarlySelection, PatientSelection};
use super::monitoring::FinalTable;
use super::{FollowedCohort, LookIndex, PhaseObserver};
use crate::analysis::TestResult;
use crate::bayes::{
    DecisionData, DecisionRules, EarlyCounts, EffectEstimate, LookPlace, LookProbabilities,
};
use crate::design::Decision;
use crate::randomisation::Arm;
use crate::scenario::{Analysis, Scenario};

/// A look as its decision sees it.
#[derive(Debug, Clone, Copy)]
struct DecisionBasis {
    of: PatientSelection,
    place: LookPlace,
    /// Estimate with its error; `None` if the analysis has none or the model needs none.
    observed: Option<EffectEstimate>,
    ahead: Ahead,
}

/// What an interim look knows of the final analysis.
#[derive(Debug, Clone, Copy, Default)]
struct Ahead {
    /// Outcomes of both arms expected at the final analysis.
    later: [u32; 2],
    /// Early mRS of both arms; `None` if the rules predict without them.
    early: Option<[EarlyCounts; 2]>,
}

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Returns the decision of an interim look.
    pub(super) fn decide(
        &mut self,
        analysis: &Analysis,
        look: LookIndex,
        z: f64,
        test: Option<TestResult>,
    ) -> Decision {
        let scenario = self.simulator.scenario;
        let Some(rules) = &scenario.bayesian else {
            return scenario.design.decide(&self.analysed_by(look), z);
        };
        // Only if asked: a prediction counts the patients of the whole trial, at every look.
        let ahead = if rules.needs_prediction() {
            self.ahead(rules, analysis, look)
        } else {
            Ahead::default()
        };
        let basis = interim_basis(look, test, ahead);
        self.decide_by_probability(rules, analysis, basis)
    }

    /// Returns the decision of a final look.
    pub(super) fn decide_finally(
        &mut self,
        analysis: &Analysis,
        outcomes: FinalTable,
        z: f64,
        test: Option<TestResult>,
    ) -> Decision {
        let scenario = self.simulator.scenario;
        let FinalTable { looks, of } = outcomes;
        let Some(rules) = &scenario.bayesian else {
            return scenario.design.decide_finally(&looks, z);
        };
        self.decide_by_probability(rules, analysis, final_basis(of, rules, test))
    }

    fn decide_by_probability(
        &mut self,
        rules: &DecisionRules,
        analysis: &Analysis,
        basis: DecisionBasis,
    ) -> Decision {
        // Copied: the analyst and the table are parts of the same simulator.
        let outcomes = match basis.of {
            PatientSelection::DueBy(look) => self.known(analysis, look).all,
            PatientSelection::FirstRandomised(_) => self.simulator.with_overrun.all,
        };
        let DecisionBasis { place, observed, ahead: Ahead { later, ref early }, .. } = basis;
        let data = DecisionData { outcomes: &outcomes, observed, later, early: early.as_ref() };
        let model = analysis.model.as_ref().expect("every analysis of a Bayesian design has one");
        self.simulator.analyst.decide(rules, model, place, data)
    }

    /// Returns whether success at the final analysis is predicted with a probability of at least `least`
    /// at an interim look; `None` without Bayesian decisions or without an estimate that the model needs.
    pub(super) fn predicts(
        &mut self,
        analysis: &Analysis,
        look: LookIndex,
        test: TestResult,
        least: f64,
    ) -> Option<bool> {
        let rules = self.simulator.scenario.bayesian.as_ref()?;
        let ahead = self.ahead(rules, analysis, look);
        let DecisionBasis { place, observed, ahead: Ahead { later, ref early }, .. } =
            interim_basis(look, Some(test), ahead);
        let outcomes = self.known(analysis, look).all;
        let data = DecisionData { outcomes: &outcomes, observed, later, early: early.as_ref() };
        self.simulator.analyst.predicts(rules, analysis.model.as_ref()?, place, data, least)
    }

    /// Computes the probabilities that the decision of a look is made on; `None` without Bayesian
    /// decisions or without an estimate that the model needs.
    pub(super) fn probabilities(
        &mut self,
        analysis: &Analysis,
        look: LookIndex,
        test: TestResult,
    ) -> Option<LookProbabilities> {
        let scenario = self.simulator.scenario;
        let rules = scenario.bayesian.as_ref()?;
        let basis = if look.is_final {
            final_basis(PatientSelection::DueBy(look), rules, Some(test))
        } else {
            interim_basis(look, Some(test), self.ahead(rules, analysis, look))
        };
        let outcomes = self.known(analysis, look).all;
        // A final look has nothing left to predict.
        let now = outcomes.counts.map(|arm| arm.iter().sum());
        let DecisionBasis { place, observed, ahead, .. } = basis;
        let later = if look.is_final { now } else { ahead.later };
        let early = ahead.early.as_ref();
        let data = DecisionData { outcomes: &outcomes, observed, later, early };
        self.simulator.analyst.probabilities(rules, analysis.model.as_ref()?, place, data)
    }

    /// Returns what the decision of an interim look may use to predict the final analysis.
    fn ahead(&self, rules: &DecisionRules, analysis: &Analysis, look: LookIndex) -> Ahead {
        let later = self.later(analysis, look);
        let scenario = self.simulator.scenario;
        let early = rules.early_known_after_days.map(|days| {
            let known = self.known(analysis, look).all.counts;
            let selection = EarlySelection {
                look,
                moment: self.moment(look),
                known_after_days: days,
                set: analysis.set,
            };
            let counts = self.cohort().early_counts(selection, |i| self.is_in_population(i));
            std::array::from_fn(|arm| {
                let to_come = later[arm] - known[arm].iter().sum::<u32>();
                counts[arm].expected_to_complete(scenario.dropout[arm], to_come)
            })
        });
        Ahead { later, early }
    }

    /// Returns the outcomes of each arm expected at the final analysis: of the patients randomised by the
    /// look, in the arms that they are in, and of those to come, by the allocation ratio.
    fn later(&self, analysis: &Analysis, look: LookIndex) -> [u32; 2] {
        let scenario = self.simulator.scenario;
        let randomised = self.moment(look).at_data.randomised;
        let cohort = self.cohort();
        let arms = &cohort.enrolled.arms[..randomised as usize];
        let received = &cohort.received;
        let so_far = if self.population.is_none() && received.is_empty() {
            // The usual case, counted without a branch on each patient.
            let experimental = arms.iter().map(|arm| arm.index() as u32).sum();
            RandomisedSoFar::as_allocated([randomised - experimental, experimental])
        } else {
            let mut so_far = RandomisedSoFar::default();
            for (i, &arm) in arms.iter().enumerate().filter(|&(i, _)| self.is_in_population(i)) {
                let received = received.get(i).copied().unwrap_or(arm);
                so_far.add(arm, analysis.set.arm(arm, received));
            }
            so_far
        };
        // All patients to come are of the population, restricted or not.
        let to_come = scenario.randomised - randomised;
        let known = self.known(analysis, look).all.counts.map(|arm| arm.iter().sum());
        expected_finally(scenario, so_far, to_come, known)
    }
}

/// Patients randomised by a look, by the arm allocated, and those of them whom an analysis sees in each arm.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomisedSoFar {
    allocated: [u32; 2],
    seen: [[u32; 2]; 2],
}

impl RandomisedSoFar {
    /// Takes patients whom an analysis sees in the arm allocated.
    pub fn as_allocated(allocated: [u32; 2]) -> Self {
        Self { allocated, seen: [[allocated[0], 0], [0, allocated[1]]] }
    }

    /// Number of patients.
    pub fn total(&self) -> u32 {
        self.allocated[0].saturating_add(self.allocated[1])
    }

    /// Counts a patient, whom the analysis may see in an arm.
    pub fn add(&mut self, allocated: Arm, seen: Option<Arm>) {
        self.allocated[allocated.index()] += 1;
        if let Some(seen) = seen {
            self.seen[allocated.index()][seen.index()] += 1;
        }
    }
}

/// Returns the outcomes of each arm expected at the final analysis, at least those `known`: of the patients
/// randomised by a look, and of those to come, who are randomised by the allocation ratio and whom the
/// analysis sees in as many cases as those before.
pub fn expected_finally(
    scenario: &Scenario,
    randomised: RandomisedSoFar,
    to_come: u32,
    known: [u32; 2],
) -> [u32; 2] {
    let share = scenario.ratio.share_experimental();
    let to_come = f64::from(to_come);
    let to_come = [to_come * (1.0 - share), to_come * share];
    let mut expected = [0.0; 2];
    for arm in [0, 1] {
        let allocated = f64::from(randomised.allocated[arm]);
        for (seen_in, &seen) in randomised.seen[arm].iter().enumerate() {
            // An arm without patients so far is taken to be seen as allocated.
            let share = if allocated > 0.0 {
                f64::from(seen) / allocated
            } else {
                f64::from(u8::from(seen_in == arm))
            };
            let patients = f64::from(seen) + to_come[arm] * share;
            expected[seen_in] += patients * (1.0 - scenario.dropout[arm]);
        }
    }
    // The total is rounded first: halves of two arms would be rounded to one patient too many.
    let total = (expected[0] + expected[1]).round() as u32;
    let experimental = expected[1].round() as u32;
    let rounded = [total.saturating_sub(experimental), experimental];
    std::array::from_fn(|arm| rounded[arm].max(known[arm]))
}

fn interim_basis(look: LookIndex, test: Option<TestResult>, ahead: Ahead) -> DecisionBasis {
    DecisionBasis {
        of: PatientSelection::DueBy(look),
        place: LookPlace { look: look.planned, is_final: false },
        observed: test.and_then(observed_effect),
        ahead,
    }
}

fn final_basis(
    of: PatientSelection,
    rules: &DecisionRules,
    test: Option<TestResult>,
) -> DecisionBasis {
    let place = LookPlace { look: rules.success.len() - 1, is_final: true };
    // A final look has nothing ahead, and its rules predict nothing.
    DecisionBasis { of, place, observed: test.and_then(observed_effect), ahead: Ahead::default() }
}

/// Returns the estimate of a test with its error, if it has both.
pub fn observed_effect(test: TestResult) -> Option<EffectEstimate> {
    let TestResult { estimate, standard_error, .. } = test;
    // The normal model divides by the error: a certain estimate has no posterior in it.
    (test.has_estimate() && standard_error > 0.0)
        .then_some(EffectEstimate { estimate, standard_error })
}
