//! Probabilities of a look against thresholds, and what is kept between looks.

use std::collections::BTreeMap;

use super::beta_binomial::PipelineToCome;
use super::bounds::EstimateBounds;
use super::longitudinal::PipelineScratch;
use super::rules::{DecisionData, DecisionModel, DecisionRules, LookPlace};
use super::{BetaBinomial, ProportionData, proportions, utility_difference};
use crate::num::normal::upper_quantile;
use crate::outcome::Mrs;

/// Question that a table of counts answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TableQuestion {
    Success,
    Harm,
    Futility,
    // Asked of smaller populations too, at the same sizes as futility but with another threshold.
    Restriction,
}

/// Tables of two proportions for which a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TableKey {
    question: TableQuestion,
    cut: Mrs,
    look: usize,
    sizes: [u32; 2],
    later: [u32; 2],
}

/// Successes of the experimental arm between which an answer is not yet known.
#[derive(Debug, Clone, Copy)]
struct AnswerBounds {
    /// Below this the answer is no.
    no_below: u32,
    /// From this on the answer is yes.
    yes_from: u32,
}

const UNKNOWN: AnswerBounds = AnswerBounds { no_below: 0, yes_from: u32::MAX };

/// Tables that are kept; their number is bounded only by the memory.
const MOST_TABLES: usize = 20_000;

/// Answers for tables of counts that were seen before, and buffers, for one set of rules and priors.
///
/// All probabilities rise with successes in the experimental arm, so that two counts bound the answer for
/// all others. Answers do not depend on what was asked before.
#[derive(Debug, Default)]
pub struct DecisionCache {
    tables: BTreeMap<TableKey, Vec<AnswerBounds>>,
    /// Least numbers for final success, by cut and final sizes.
    least: BTreeMap<(Mrs, [u32; 2]), Vec<u32>>,
    scratch: [Vec<f64>; 2],
    pipeline: PipelineScratch,
    estimates: EstimateBounds<EstimateQuestion>,
    /// The quantile asked for last; `None` before the first.
    quantile: Option<UpperQuantile>,
}

/// A normal quantile, which takes longer than all else that a prediction computes.
#[derive(Debug, Clone, Copy)]
struct UpperQuantile {
    probability: f64,
    z: f64,
}

/// Question that an estimate answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct EstimateQuestion {
    question: TableQuestion,
    /// Position of the least posterior probability of the look.
    look: usize,
    /// Outcomes known and at the final analysis; `None` if the question is not on the latter.
    predicted: Option<[u32; 2]>,
}

impl DecisionCache {
    /// Returns the answer for a table if it follows from earlier ones.
    fn known(&self, key: &TableKey, data: ProportionData) -> Option<bool> {
        let row = self.tables.get(key)?[data.control.successes as usize];
        let experimental = data.experimental.successes;
        if experimental < row.no_below {
            Some(false)
        } else if experimental >= row.yes_from {
            Some(true)
        } else {
            None
        }
    }

    /// Keeps the answer for a table.
    fn keep(&mut self, key: TableKey, data: ProportionData, answer: bool) {
        if self.tables.len() >= MOST_TABLES {
            self.tables.clear();
        }
        let rows = key.sizes[0] as usize + 1;
        let table = self.tables.entry(key).or_insert_with(|| vec![UNKNOWN; rows]);
        let row = &mut table[data.control.successes as usize];
        let experimental = data.experimental.successes;
        // Asked only between the two bounds, so that the new one narrows them and no maximum is
        // needed.
        if answer {
            row.yes_from = experimental;
        } else {
            row.no_below = experimental + 1;
        }
    }

    /// Returns the value that a standard normal variable exceeds with a probability.
    pub(super) fn upper_quantile(&mut self, probability: f64) -> f64 {
        // The rules ask for that of the final analysis at every look.
        if let Some(known) = self.quantile
            && known.probability == probability
        {
            return known.z;
        }
        let z = upper_quantile(probability);
        self.quantile = Some(UpperQuantile { probability, z });
        z
    }

    /// Returns the predictive probability of final success of two proportions.
    pub(super) fn predictive(
        &mut self,
        model: BetaBinomial,
        cut: Mrs,
        counts: ProportionData,
        data: DecisionData<'_>,
        success: f64,
    ) -> f64 {
        let later = data.later;
        if self.least.len() >= MOST_TABLES {
            self.least.clear();
        }
        let Self { least, scratch, pipeline, .. } = self;
        let least = least
            .entry((cut, later))
            .or_insert_with(|| model.least_for_success(later[0], later[1], success));
        match data.early {
            None => model.predictive_probability(counts, later, least, scratch),
            Some(early) => {
                let early = early.each_ref();
                let to_come = PipelineToCome { early, cut, later };
                model.predictive_with_early(counts, to_come, least, pipeline, scratch)
            }
        }
    }
}

/// A look whose probabilities are compared with thresholds.
pub(super) struct LookEvaluation<'e> {
    pub rules: &'e DecisionRules,
    pub model: &'e DecisionModel,
    pub place: LookPlace,
    pub data: DecisionData<'e>,
    pub cache: &'e mut DecisionCache,
}

impl LookEvaluation<'_> {
    /// Returns whether P(effect > `effect` | data) is at least `least`.
    pub fn exceeds(&mut self, question: TableQuestion, effect: f64, least: f64) -> bool {
        let Self { rules, model, place, data, cache } = self;
        match *model {
            &DecisionModel::BetaBinomial { control, experimental, cut } => {
                let counts = proportions(data.outcomes, cut);
                // A posterior probability does not depend on patients to come: one answer for all
                // their numbers.
                let key = TableKey::new(question, cut, *place, counts, [0; 2]);
                cache.known(&key, counts).unwrap_or_else(|| {
                    let model = BetaBinomial { control, experimental, difference: effect };
                    let answer = model.posterior_probability(counts) >= least;
                    cache.keep(key, counts, answer);
                    answer
                })
            }
            DecisionModel::Normal(prior) => data.observed.is_some_and(|observed| {
                let known = prior.is_sum().then(|| {
                    let look = rules.position(*place);
                    let asked = EstimateQuestion { question, look, predicted: None };
                    cache.estimates.reaches(asked, observed, |standard_error| {
                        prior.estimate_needed(standard_error, effect, least)
                    })
                });
                known
                    .flatten()
                    .unwrap_or_else(|| prior.posterior_probability(observed, effect) >= least)
            }),
            // Fourteen counts hardly ever come twice, so that no answer is kept.
            &DecisionModel::Dirichlet { prior, utilities } => {
                utility_difference(data.outcomes, prior, utilities).exceeds(effect, least)
            }
        }
    }

    /// Returns whether the predictive probability of success at the final analysis is at least `least`.
    pub fn predicts(&mut self, question: TableQuestion, least: f64) -> bool {
        let Self { rules, model, place, data, cache } = self;
        match *model {
            &DecisionModel::BetaBinomial { control, experimental, cut } => {
                let counts = proportions(data.outcomes, cut);
                let difference = rules.effect_above;
                let model = BetaBinomial { control, experimental, difference };
                if data.early.is_some() {
                    // Tables with the same counts have other early mRS.
                    let success = rules.final_success();
                    return cache.predictive(model, cut, counts, *data, success) >= least;
                }
                let key = TableKey::new(question, cut, *place, counts, data.later);
                if let Some(known) = cache.known(&key, counts) {
                    return known;
                }
                let predicted = cache.predictive(model, cut, counts, *data, rules.final_success());
                cache.keep(key, counts, predicted >= least);
                predicted >= least
            }
            DecisionModel::Normal(prior) => data.observed.is_some_and(|observed| {
                let known = prior.is_sum().then(|| {
                    let look = rules.position(*place);
                    let predicted = Some([data.outcomes.total(), data.later.iter().sum()]);
                    let asked = EstimateQuestion { question, look, predicted };
                    cache.estimates.reaches(asked, observed, |standard_error| {
                        let planned = rules.planned(prior, standard_error, *data)?;
                        prior.estimate_predicting(standard_error, planned, least)
                    })
                });
                known.flatten().unwrap_or_else(|| {
                    rules.predictive_of_estimate(prior, observed, *data) >= least
                })
            }),
            &DecisionModel::Dirichlet { prior, utilities } => {
                let difference = utility_difference(data.outcomes, prior, utilities);
                rules.predictive_of_utilities(&difference, prior, *data, cache) >= least
            }
        }
    }
}

impl TableKey {
    fn new(
        question: TableQuestion,
        cut: Mrs,
        place: LookPlace,
        counts: ProportionData,
        later: [u32; 2],
    ) -> Self {
        let sizes = [counts.control.patients, counts.experimental.patients];
        Self { question, cut, look: place.look, sizes, later }
    }
}
