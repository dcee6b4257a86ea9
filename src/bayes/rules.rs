//! Decisions at a look by posterior and predictive probabilities.

use std::collections::BTreeMap;

use super::{
    ArmCount, BetaBinomial, Dirichlet, EffectEstimate, FutilityBelow, NormalPrior, Planned,
    ProportionData, UtilityDifference,
};
use crate::analysis::OutcomeTable;
use crate::design::Decision;
use crate::num::beta::Beta;
use crate::outcome::{LEVELS, Mrs};

/// Rules of success, futility and harm.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRules {
    /// Least posterior probability of the effect for success, by planned look; the last is that of the
    /// final analysis.
    pub success: Vec<f64>,
    /// Effect that is to be exceeded, on the scale of the model.
    pub effect_above: f64,
    /// Least predictive probability of final success with which an interim look concludes success, in
    /// place of the posterior probability; `None` to use the latter.
    pub predictive_success: Option<f64>,
    /// Futility at interim looks; `None` for none.
    pub futility: Option<FutilityBelow>,
    /// Harm at every look; `None` for none.
    pub harm: Option<HarmAtLeast>,
}

/// Rule of harm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HarmAtLeast {
    /// Least posterior probability of an effect at or below `effect_below`.
    pub probability: f64,
    /// Effect on the scale of the model.
    pub effect_below: f64,
}

/// Model of the data of one analysis, with its prior.
#[derive(Debug, Clone, PartialEq)]
pub enum DecisionModel {
    /// Two proportions with independent beta priors; the effect is the risk difference.
    BetaBinomial {
        /// Prior of the control arm.
        control: Beta,
        /// Prior of the experimental arm.
        experimental: Beta,
        /// Success is an mRS at or below this.
        cut: Mrs,
    },
    /// A normal estimate of a log (common) odds ratio.
    Normal(NormalPrior),
    /// Mean utilities with independent Dirichlet priors; the effect is the difference of the means.
    Dirichlet {
        /// Prior weight of each level of the mRS.
        prior: f64,
        /// Utility of each level.
        utilities: [f64; LEVELS],
    },
}

/// Data of a look, and the outcomes expected at the final analysis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecisionData<'d> {
    /// Outcomes known.
    pub outcomes: &'d OutcomeTable,
    /// Estimate of the analysis, which the normal model needs; `None` if there is none.
    pub observed: Option<EffectEstimate>,
    /// Outcomes of control and experimental arm at the final analysis, at least those known.
    pub later: [u32; 2],
}

/// Place of a look in a design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookPlace {
    /// Planned number of the look, from 0.
    pub look: usize,
    /// Whether it is the final analysis.
    pub is_final: bool,
}

/// Probabilities on which a decision is made.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct LookProbabilities {
    /// P(effect > threshold of success | data).
    pub posterior: f64,
    /// Predictive probability of success at the final analysis; `None` at the final analysis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictive: Option<f64>,
    /// P(effect ≤ threshold of harm | data); `None` without a rule of harm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harm: Option<f64>,
}

/// Question that a table of counts answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum TableQuestion {
    Success,
    Harm,
    Futility,
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
        if answer {
            row.yes_from = experimental;
        } else {
            row.no_below = experimental + 1;
        }
    }

    /// Returns the predictive probability of final success of two proportions.
    fn predictive(
        &mut self,
        model: BetaBinomial,
        cut: Mrs,
        data: ProportionData,
        later: [u32; 2],
        success: f64,
    ) -> f64 {
        if self.least.len() >= MOST_TABLES {
            self.least.clear();
        }
        let Self { least, scratch, .. } = self;
        let least = least
            .entry((cut, later))
            .or_insert_with(|| model.least_for_success(later[0], later[1], success));
        model.predictive_probability(data, later, least, scratch)
    }
}

impl DecisionRules {
    /// Returns the least posterior probability for success at a look.
    pub fn success_at(&self, place: LookPlace) -> f64 {
        let last = self.success[self.success.len() - 1];
        if place.is_final { last } else { self.success[place.look] }
    }

    /// Returns whether a decision of an interim look depends on what later patients will show.
    pub fn needs_prediction(&self) -> bool {
        let futility = match self.futility {
            Some(FutilityBelow::Predictive(_)) => true,
            Some(FutilityBelow::Posterior(_)) | None => false,
        };
        futility || self.predictive_success.is_some()
    }

    /// Returns the least posterior probability for success at the final analysis.
    pub fn final_success(&self) -> f64 {
        self.success[self.success.len() - 1]
    }

    /// Decides at a look; `Continue` at the final analysis if it concludes nothing, and without an
    /// estimate that the model needs. Success is asked first, then harm, then futility.
    pub fn decide(
        &self,
        model: &DecisionModel,
        place: LookPlace,
        data: DecisionData<'_>,
        cache: &mut DecisionCache,
    ) -> Decision {
        if model.needs_estimate() && data.observed.is_none() {
            return Decision::Continue;
        }
        let mut look = LookEvaluation { rules: self, model, place, data, cache };
        let effect = self.effect_above;
        let succeeds = match self.predictive_success {
            Some(least) if !place.is_final => look.predicts(TableQuestion::Success, least),
            Some(_) | None => look.exceeds(TableQuestion::Success, effect, self.success_at(place)),
        };
        if succeeds {
            return Decision::Efficacy;
        }
        if let Some(HarmAtLeast { probability, effect_below }) = self.harm {
            // Harm is a small probability of anything better, and `next_up` turns ≤ into the contrary of ≥.
            let harmless = (1.0 - probability).next_up();
            if !look.exceeds(TableQuestion::Harm, effect_below, harmless) {
                return Decision::Harm;
            }
        }
        let continues = match self.futility {
            Some(_) if place.is_final => true,
            None => true,
            Some(FutilityBelow::Posterior(least)) => {
                look.exceeds(TableQuestion::Futility, effect, least)
            }
            Some(FutilityBelow::Predictive(least)) => look.predicts(TableQuestion::Futility, least),
        };
        if continues { Decision::Continue } else { Decision::Futility }
    }

    fn predictive_of_estimate(
        &self,
        prior: &NormalPrior,
        observed: EffectEstimate,
        data: DecisionData<'_>,
    ) -> f64 {
        let total: u32 = data.later.iter().sum();
        let information_fraction = (f64::from(data.outcomes.total()) / f64::from(total)).min(1.0);
        let standard_error = observed.standard_error * information_fraction.sqrt();
        let needed = prior.estimate_needed(standard_error, self.effect_above, self.final_success());
        // No estimate succeeds under a prior that rules the effect out.
        needed.map_or(0.0, |estimate_needed| {
            prior
                .predictive_probability(observed, Planned { information_fraction, estimate_needed })
        })
    }

    fn predictive_of_utilities(
        &self,
        difference: &UtilityDifference,
        data: DecisionData<'_>,
    ) -> f64 {
        let more: [f64; 2] = std::array::from_fn(|arm| {
            let known: u32 = data.outcomes.counts[arm].iter().sum();
            f64::from(data.later[arm].saturating_sub(known))
        });
        difference.predictive_probability(more, self.effect_above, self.final_success())
    }

    /// Computes the probabilities of a look, whether or not a rule needs them; `None` without an estimate
    /// that the model needs.
    pub fn probabilities(
        &self,
        model: &DecisionModel,
        place: LookPlace,
        data: DecisionData<'_>,
        cache: &mut DecisionCache,
    ) -> Option<LookProbabilities> {
        let [posterior, predictive] = match model {
            &DecisionModel::BetaBinomial { control, experimental, cut } => {
                let model = BetaBinomial { control, experimental, difference: self.effect_above };
                let counts = proportions(data.outcomes, cut);
                let posterior = model.posterior_probability(counts);
                let (later, last) = (data.later, self.final_success());
                [posterior, cache.predictive(model, cut, counts, later, last)]
            }
            DecisionModel::Normal(prior) => {
                let observed = data.observed?;
                [
                    prior.posterior_probability(observed, self.effect_above),
                    self.predictive_of_estimate(prior, observed, data),
                ]
            }
            &DecisionModel::Dirichlet { prior, utilities } => {
                let difference = utility_difference(data.outcomes, prior, utilities);
                [
                    difference.posterior_probability(self.effect_above),
                    self.predictive_of_utilities(&difference, data),
                ]
            }
        };
        let harm = self.harm.map(|harm| 1.0 - model.probability_above(harm.effect_below, data));
        let predictive = (!place.is_final).then_some(predictive);
        Some(LookProbabilities { posterior, predictive, harm })
    }
}

/// A look whose probabilities are compared with thresholds.
struct LookEvaluation<'e> {
    rules: &'e DecisionRules,
    model: &'e DecisionModel,
    place: LookPlace,
    data: DecisionData<'e>,
    cache: &'e mut DecisionCache,
}

impl LookEvaluation<'_> {
    /// Returns whether P(effect > `effect` | data) is at least `least`.
    fn exceeds(&mut self, question: TableQuestion, effect: f64, least: f64) -> bool {
        let Self { model, place, data, cache, .. } = self;
        match *model {
            &DecisionModel::BetaBinomial { control, experimental, cut } => {
                let counts = proportions(data.outcomes, cut);
                let key = TableKey::new(question, cut, *place, counts, [0; 2]);
                cache.known(&key, counts).unwrap_or_else(|| {
                    let model = BetaBinomial { control, experimental, difference: effect };
                    let answer = model.posterior_probability(counts) >= least;
                    cache.keep(key, counts, answer);
                    answer
                })
            }
            DecisionModel::Normal(_) => model.probability_above(effect, *data) >= least,
            &DecisionModel::Dirichlet { prior, utilities } => {
                utility_difference(data.outcomes, prior, utilities).exceeds(effect, least)
            }
        }
    }

    /// Returns whether the predictive probability of success at the final analysis is at least `least`.
    fn predicts(&mut self, question: TableQuestion, least: f64) -> bool {
        let Self { rules, model, place, data, cache } = self;
        match *model {
            &DecisionModel::BetaBinomial { control, experimental, cut } => {
                let counts = proportions(data.outcomes, cut);
                let key = TableKey::new(question, cut, *place, counts, data.later);
                if let Some(known) = cache.known(&key, counts) {
                    return known;
                }
                let difference = rules.effect_above;
                let model = BetaBinomial { control, experimental, difference };
                let predicted =
                    cache.predictive(model, cut, counts, data.later, rules.final_success());
                cache.keep(key, counts, predicted >= least);
                predicted >= least
            }
            DecisionModel::Normal(prior) => data.observed.is_some_and(|observed| {
                rules.predictive_of_estimate(prior, observed, *data) >= least
            }),
            &DecisionModel::Dirichlet { prior, utilities } => {
                let difference = utility_difference(data.outcomes, prior, utilities);
                rules.predictive_of_utilities(&difference, *data) >= least
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

impl DecisionModel {
    /// Returns whether the model needs the estimate of the analysis.
    pub fn needs_estimate(&self) -> bool {
        match self {
            Self::Normal(_) => true,
            Self::BetaBinomial { .. } | Self::Dirichlet { .. } => false,
        }
    }

    /// Computes P(effect > `threshold` | data); NaN without an estimate that the model needs.
    pub fn probability_above(&self, threshold: f64, data: DecisionData<'_>) -> f64 {
        match self {
            &Self::BetaBinomial { control, experimental, cut } => {
                BetaBinomial { control, experimental, difference: threshold }
                    .posterior_probability(proportions(data.outcomes, cut))
            }
            Self::Normal(prior) => data
                .observed
                .map_or(f64::NAN, |observed| prior.posterior_probability(observed, threshold)),
            &Self::Dirichlet { prior, utilities } => {
                utility_difference(data.outcomes, prior, utilities).posterior_probability(threshold)
            }
        }
    }
}

fn proportions(outcomes: &OutcomeTable, cut: Mrs) -> ProportionData {
    let [control, experimental] = outcomes.counts.map(|counts| ArmCount {
        successes: counts[..=cut.index()].iter().sum(),
        patients: counts.iter().sum(),
    });
    ProportionData { control, experimental }
}

fn utility_difference(
    outcomes: &OutcomeTable,
    prior: f64,
    utilities: [f64; LEVELS],
) -> UtilityDifference {
    let [control, experimental] =
        outcomes.counts.map(|counts| Dirichlet::posterior(prior, counts.map(f64::from), utilities));
    UtilityDifference { control, experimental }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(control: [u32; LEVELS], experimental: [u32; LEVELS]) -> OutcomeTable {
        OutcomeTable { counts: [control, experimental] }
    }

    fn rules() -> DecisionRules {
        DecisionRules {
            success: vec![0.99, 0.975],
            effect_above: 0.0,
            predictive_success: None,
            futility: Some(FutilityBelow::Predictive(0.1)),
            harm: Some(HarmAtLeast { probability: 0.95, effect_below: 0.0 }),
        }
    }

    fn beta_binomial() -> DecisionModel {
        let uniform = Beta { a: 1.0, b: 1.0 };
        DecisionModel::BetaBinomial {
            control: uniform,
            experimental: uniform,
            cut: Mrs::INDEPENDENT,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// What was asked before changes no answer, and decisions follow from the probabilities.
        #[test]
        fn decisions_are_those_of_the_probabilities(
            tables in prop::collection::vec(
                (prop::array::uniform7(0u32..5), prop::array::uniform7(0u32..5)), 1..6),
            look in 0usize..2,
        ) {
            let rules = rules();
            let utilities = [10.0, 9.1, 7.6, 6.5, 3.3, 0.0, 0.0];
            let models = [beta_binomial(), DecisionModel::Dirichlet { prior: 1.0, utilities }];
            let place = LookPlace { look, is_final: look == 1 };
            for model in &models {
                let mut cache = DecisionCache::default();
                for &(control, experimental) in &tables {
                    let outcomes = table(control, experimental);
                    let later = outcomes.counts.map(|arm| arm.iter().sum::<u32>().max(30));
                    let data = DecisionData { outcomes: &outcomes, observed: None, later };
                    let decision = rules.decide(model, place, data, &mut cache);
                    let fresh = &mut DecisionCache::default();
                    let it = rules.probabilities(model, place, data, fresh).expect("no estimate");
                    let expected = if it.posterior >= rules.success[look] {
                        Decision::Efficacy
                    } else if it.harm.is_some_and(|harm| harm >= 0.95) {
                        Decision::Harm
                    } else if it.predictive.is_some_and(|predictive| predictive < 0.1) {
                        Decision::Futility
                    } else {
                        Decision::Continue
                    };
                    prop_assert_eq!(decision, expected);
                }
            }
        }
    }

    #[test]
    fn vague_prior_decides_as_the_z_test() {
        let rules = DecisionRules { futility: None, harm: None, ..rules() };
        let model = DecisionModel::Normal(NormalPrior::Flat);
        let outcomes = table([1; LEVELS], [1; LEVELS]);
        let place = LookPlace { look: 1, is_final: true };
        for (z, expected) in [(1.95996, Decision::Continue), (1.95997, Decision::Efficacy)] {
            let observed = Some(EffectEstimate { estimate: 0.3 * z, standard_error: 0.3 });
            let data = DecisionData { outcomes: &outcomes, observed, later: [7, 7] };
            let decision = rules.decide(&model, place, data, &mut DecisionCache::default());
            assert_eq!(decision, expected);
        }
    }
}
