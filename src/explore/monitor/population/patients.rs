//! Populations of a look: their tests, and what nested selection and predictions make of them.

use super::super::posterior::enough_outcomes;
use super::super::{InvalidLook, LookConclusion};
use super::{JudgedPopulation, Judgement, Patients, futile, nothing_shown};
use crate::analysis::TestResult;
use crate::bayes::{DecisionCache, DecisionData, DecisionRules, LookPlace};
use crate::design::Decision;
use crate::design::enrichment::{LevelSet, NestedDecision, NestedSelection};
use crate::num::finite;
use crate::scenario::patients::TrialPatient;
use crate::trial::observed::ObservedLook;
use crate::trial::{expected_finally, observed_effect};

/// A population with the decision about it.
struct JudgedByProbability {
    found: JudgedPopulation,
    decision: Decision,
}

impl Patients<'_> {
    /// Selects the patients of some levels.
    pub(super) fn of(&self, levels: LevelSet) -> Vec<TrialPatient> {
        let of_levels =
            |patient: &&TrialPatient| self.adaptation.includes(levels, patient.stratum as usize);
        self.all.iter().filter(of_levels).cloned().collect()
    }

    /// Tests the patients of some levels, and counts their outcomes.
    pub(super) fn test(&self, levels: LevelSet) -> (u32, TestResult) {
        let patients = self.of(levels);
        let look = ObservedLook::new(self.scenario, self.analysis, &patients);
        (look.all.total(), look.test())
    }

    /// Judges a population by nested selection, and the one that takes its place if it is futile.
    pub(super) fn judge_nested(
        &self,
        selection: NestedSelection,
        effect: f64,
        before: LevelSet,
        is_final: bool,
    ) -> Judgement {
        let whole = self.adaptation.all();
        let mut judged = Vec::new();
        let mut levels = before;
        let (left, conclusion) = loop {
            let mut population = self.judged(levels);
            let Some(z) = population.z else {
                judged.push(population);
                break (levels, nothing_shown(is_final));
            };
            let decision = if is_final {
                selection.at_final(z, levels == whole)
            } else {
                let (_, test) = self.test(levels);
                population.z_against_effect = self
                    .analysis
                    .estimate_over_error(&test)
                    .map(|(z, standard_error)| z - effect / standard_error);
                // An estimate without an error cannot be futile.
                let against = population.z_against_effect.unwrap_or(f64::INFINITY);
                selection.at_interim(z, against, levels == whole)
            };
            judged.push(population);
            match decision {
                NestedDecision::Efficacy => break (levels, LookConclusion::Efficacy),
                NestedDecision::Continue => break (levels, LookConclusion::Continue),
                NestedDecision::Futility => break (levels, futile(is_final)),
                NestedDecision::Select => {
                    let nested: Vec<f64> = (1..self.adaptation.levels)
                        .map(|size| self.test(LevelSet::first(size)).1.z)
                        .map(|z| if z.is_nan() { f64::NEG_INFINITY } else { z })
                        .collect();
                    let selected = selection.selected(&nested);
                    match selected.filter(|&at| nested[at] > f64::NEG_INFINITY) {
                        Some(at) => levels = LevelSet::first(at + 1),
                        None => break (levels, futile(is_final)),
                    }
                }
            }
        };
        let shown = if conclusion == LookConclusion::Efficacy { left } else { LevelSet::NONE };
        Judgement { left, shown, conclusion, levels: Vec::new(), judged }
    }

    /// Drops the last levels while success in the population is improbable, and decides about the others.
    pub(super) fn judge_by_prediction(
        &self,
        rules: &DecisionRules,
        place: LookPlace,
        drop_below: f64,
        before: LevelSet,
    ) -> Result<Judgement, InvalidLook> {
        let mut judged = Vec::new();
        let mut left = before;
        let (z, decision) = loop {
            let population = self.judged_by_probability(rules, place, left)?;
            judged.push(population.found);
            // Without a probability there is no reason to drop a level.
            let predictive = population.found.probabilities.and_then(|it| it.predictive);
            let is_improbable = predictive.is_some_and(|predictive| predictive < drop_below);
            if place.is_final || left.len() == 1 || !is_improbable {
                break (population.found.z, population.decision);
            }
            left = LevelSet::first(left.len() - 1);
        };
        let conclusion = match z.map(|_| decision) {
            Some(Decision::Efficacy) => LookConclusion::Efficacy,
            Some(Decision::Harm) => LookConclusion::Harm,
            Some(Decision::Futility) => futile(place.is_final),
            Some(Decision::Continue) | None => nothing_shown(place.is_final),
        };
        let shown = if conclusion == LookConclusion::Efficacy { left } else { LevelSet::NONE };
        Ok(Judgement { left, shown, conclusion, levels: Vec::new(), judged })
    }

    /// Computes the statistic of a population.
    fn judged(&self, levels: LevelSet) -> JudgedPopulation {
        let (analysed, test) = self.test(levels);
        JudgedPopulation {
            levels,
            analysed,
            z: finite(test.z),
            z_against_effect: None,
            probabilities: None,
        }
    }

    /// Decides about a population by posterior and predictive probabilities.
    fn judged_by_probability(
        &self,
        rules: &DecisionRules,
        place: LookPlace,
        levels: LevelSet,
    ) -> Result<JudgedByProbability, InvalidLook> {
        let patients = self.of(levels);
        let look = ObservedLook::new(self.scenario, self.analysis, &patients);
        let test = look.test();
        let outcomes = look.known.all;
        let known = outcomes.counts.map(|arm| arm.iter().sum());
        let to_come = self.scenario.randomised - self.all.len() as u32;
        let later = if place.is_final {
            known
        } else {
            expected_finally(self.scenario, look.randomised_so_far(), to_come, known)
        };
        let early = rules.early_known_after_days.filter(|_| !place.is_final).map(|_| {
            let counts = look.early_counts(&patients);
            std::array::from_fn(|arm| {
                let dropout = self.scenario.dropout[arm];
                counts[arm].expected_to_complete(dropout, later[arm] - known[arm])
            })
        });
        let observed = observed_effect(test);
        let data = DecisionData { outcomes: &outcomes, observed, later, early: early.as_ref() };
        let model = self.analysis.model.as_ref().expect("every analysis of these designs has one");
        enough_outcomes(model, known, "--patients")?;
        let mut cache = DecisionCache::default();
        Ok(JudgedByProbability {
            found: JudgedPopulation {
                levels,
                analysed: look.all.total(),
                z: finite(test.z),
                z_against_effect: None,
                probabilities: rules.probabilities(model, place, data, &mut cache),
            },
            decision: rules.decide(model, place, data, &mut cache),
        })
    }
}
