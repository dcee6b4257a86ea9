//! Trials whose population may be restricted: which levels were left, and what was shown in them.

use serde::{Deserialize, Serialize};

use super::McEstimate;
use super::analysis::EstimatePerformance;
use super::analysis_tally::{AnalysisTally, EstimateTally};
use super::merge::{merge_fields, sum};
use super::moments::ExactMoments;
use crate::design::enrichment::LevelSet;
use crate::expected::Expected;
use crate::scenario::{Analysis, PopulationRule, Truth};
use crate::trial::{Conclusion, PopulationResult, TrialResult};

/// Restrictions of the population as one analysis sees them, under one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PopulationSummary {
    /// Name of the rule, as in the scenario.
    pub rule: &'static str,
    /// Name of the factor.
    pub factor: String,
    /// P(the population was restricted to some of the levels).
    pub restricted: McEstimate,
    /// P(no level was left, which ended the trial).
    pub stopped: McEstimate,
    /// P(an effect was shown in at least one level without any; by nested selection, in a population
    /// without any).
    pub familywise_error: McEstimate,
    /// P(an effect was shown in all levels that have one); null if none has.
    pub all_shown: Option<McEstimate>,
    /// P(the levels left are exactly those with an effect, and adverse events did not stop the trial); if
    /// none has, P(the trial stopped early without a rejection).
    pub right_population: McEstimate,
    /// Mean number of patients randomised who are of levels that were dropped later.
    pub excluded: McEstimate,
    /// Mean number of people who had arrived, eligible or not, when the last patient was randomised.
    pub screened: McEstimate,
    /// By numerical integration; null if there is none.
    pub integrated: Option<PopulationIntegrated>,
    /// Levels of the factor.
    pub levels: Vec<LevelSummary>,
    /// Populations that may be left.
    pub populations: Vec<PopulationChoice>,
}

/// Restrictions of the population by numerical integration in the normal model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PopulationIntegrated {
    /// P(an effect is shown in at least one level).
    pub rejection: f64,
    /// P(an effect is shown in at least one level without any).
    pub familywise_error: f64,
    /// P(the population is restricted to some of the levels).
    pub restricted: f64,
    /// P(no level is left, which ends the trial).
    pub stopped: f64,
    /// P(the levels left are exactly those with an effect); if none has, P(the trial stops).
    pub right_population: f64,
}

/// A level of the factor by which the population may be restricted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelSummary {
    /// Name of the factor.
    pub factor: String,
    /// Name of the level.
    pub level: String,
    /// Whether the experimental arm is truly better in it.
    pub has_effect: bool,
    /// P(the level was dropped, or the trial stopped with no level left).
    pub dropped: McEstimate,
    /// `dropped` by numerical integration; null if there is none.
    pub dropped_integrated: Option<f64>,
    /// P(an effect was shown in the level).
    pub shown: McEstimate,
    /// `shown` by numerical integration; null if there is none.
    pub shown_integrated: Option<f64>,
}

/// A population that may be left when the trial ends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PopulationChoice {
    /// Its levels: their names with a comma between them, `all` or `none`.
    pub population: String,
    /// P(it was left).
    pub probability: McEstimate,
    /// P(efficacy given that it was left).
    pub rejection: McEstimate,
    /// Mean number of patients randomised, given that it was left.
    pub n_randomised: McEstimate,
    /// Mean duration in months, given that it was left.
    pub duration_months: McEstimate,
    /// The effect in it, which the estimate aims at; null if there is none.
    pub truth: Option<f64>,
    /// Estimate of the effect in it when the trial ends, not adjusted for the choice.
    pub estimate: EstimatePerformance,
}

/// Counts of trials whose population may be restricted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PopulationTally {
    // These come from the scenario, which is read again when a run is resumed.
    /// Levels that truly have an effect.
    #[serde(skip)]
    with_effect: LevelSet,
    /// Populations that may be left, in the order of their tallies, and the effect in each.
    #[serde(skip)]
    choices: Vec<LevelSet>,
    #[serde(skip)]
    estimands: Vec<Option<f64>>,
    #[serde(skip)]
    claim: Claim,
    n: u64,
    restricted: u64,
    stopped: u64,
    errors: u64,
    all_shown: u64,
    right: u64,
    excluded: ExactMoments,
    screened: ExactMoments,
    /// By level.
    dropped: Vec<u64>,
    shown: Vec<u64>,
    populations: Vec<ChoiceTally>,
}

merge_fields!(PopulationTally {
    n,
    restricted,
    stopped,
    errors,
    all_shown,
    right,
    excluded,
    screened,
    dropped,
    shown,
    populations,
} keep { with_effect, choices, estimands, claim });

/// What a rejection claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Claim {
    /// An effect in each level rejected.
    #[default]
    EachLevel,
    /// An effect in the population that they are together.
    Population,
}

/// Counts of trials that one population was left in.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct ChoiceTally {
    efficacy: u64,
    n_randomised: ExactMoments,
    duration_months: ExactMoments,
    estimates: EstimateTally,
}

merge_fields!(ChoiceTally { efficacy, n_randomised, duration_months, estimates });

impl PopulationTally {
    /// A tally of no trials; `None` if the population is never restricted.
    pub fn new(expected: &Expected<'_>, truth: Truth, analysis: &Analysis) -> Option<Self> {
        let scenario = expected.scenario();
        let adaptation = scenario.adaptation.population.as_ref()?;
        // In the order of the sets, so that tallies of shards have the same places.
        let choices = adaptation.choices();
        // Computed once for every population: most trials end in one of a few.
        let estimand = |&levels: &LevelSet| {
            // What is estimated once no level is left is the effect in all patients.
            let levels = if levels.is_empty() { adaptation.all() } else { levels };
            expected.estimand_in(truth, analysis, adaptation, levels)
        };
        Some(Self {
            with_effect: expected.levels_with_effect(truth, analysis, adaptation),
            estimands: choices.iter().map(estimand).collect(),
            n: 0,
            restricted: 0,
            stopped: 0,
            errors: 0,
            all_shown: 0,
            right: 0,
            excluded: ExactMoments::default(),
            screened: ExactMoments::default(),
            dropped: vec![0; adaptation.levels],
            shown: vec![0; adaptation.levels],
            populations: vec![ChoiceTally::default(); choices.len()],
            choices,
            claim: match adaptation.rule {
                PopulationRule::ClosedTest { .. } => Claim::EachLevel,
                PopulationRule::NestedSelection { .. }
                | PopulationRule::PredictiveProbability { .. } => Claim::Population,
            },
        })
    }

    /// Returns the effect in the population that a trial was left with.
    pub fn estimand(&self, population: &PopulationResult) -> Option<f64> {
        self.estimands[self.position(population.levels)]
    }

    fn position(&self, levels: LevelSet) -> usize {
        let position = self.choices.iter().position(|&choice| choice == levels);
        position.expect("every set of levels that can be left is listed")
    }

    /// Adds a trial.
    pub fn add(&mut self, trial: &TrialResult, population: &PopulationResult) {
        let PopulationResult { levels, rejected, restricted_at, excluded, screened, own_looks: _ } =
            *population;
        let position = self.position(levels);
        // As in the rows of all trials, so that both agree.
        let has_efficacy = trial.conclusion == Conclusion::Efficacy;
        // The levels shown rightly.
        let no_error = rejected.and(self.with_effect);
        self.n += 1;
        self.restricted += u64::from(restricted_at.is_some());
        self.stopped += u64::from(levels.is_empty());
        self.errors += u64::from(match self.claim {
            Claim::EachLevel => no_error != rejected,
            // The claim is of the mean effect in these levels together, which one of them may
            // carry.
            Claim::Population => !rejected.is_empty() && no_error.is_empty(),
        });
        self.all_shown += u64::from(!self.with_effect.is_empty() && no_error == self.with_effect);
        // Without an effect there is no right population but none: the trial should stop.
        self.right += u64::from(if self.with_effect.is_empty() {
            match trial.conclusion {
                Conclusion::Futility | Conclusion::Harm | Conclusion::Safety => true,
                Conclusion::Efficacy | Conclusion::NotSignificant => false,
            }
        } else {
            // A trial that adverse events stopped has not chosen the levels that were left.
            levels == self.with_effect && trial.conclusion != Conclusion::Safety
        });
        self.excluded.add(f64::from(excluded));
        self.screened.add(f64::from(screened));
        for (level, dropped) in self.dropped.iter_mut().enumerate() {
            *dropped += u64::from(!levels.has(level));
        }
        for (level, shown) in self.shown.iter_mut().enumerate() {
            *shown += u64::from(rejected.has(level));
        }
        let estimand = self.estimands[position];
        let of = &mut self.populations[position];
        of.efficacy += u64::from(has_efficacy);
        of.n_randomised.add(f64::from(trial.n_randomised));
        of.duration_months.add(trial.duration_months);
        if trial.has_estimate() {
            let (low, high) = trial.test.interval;
            of.estimates.add(estimand, trial.test.estimate, low, high);
        }
    }

    /// Whether `n` replicates of trials with at most this many patients can have these counts.
    pub fn is_of(&self, n: u64, randomised: u32) -> bool {
        let patients = f64::from(randomised);
        let shares = [self.restricted, self.stopped, self.errors, self.all_shown, self.right];
        // A damaged file may have any counts.
        let mut shares = shares.iter().chain(&self.dropped).chain(&self.shown);
        self.n == n
            && shares.all(|&count| count <= n)
            && self.excluded.is_of(n, patients)
            && self.screened.is_of(n, f64::INFINITY)
            && sum(self.populations.iter().map(|of| of.n_randomised.n())) == u128::from(n)
            && self.populations.iter().all(|of| {
                let left = of.n_randomised.n();
                of.efficacy <= left
                    && of.n_randomised.is_of(left, patients)
                    && of.duration_months.is_of(left, f64::INFINITY)
                    && of.estimates.is_possible(left)
            })
    }

    fn share(&self, count: u64) -> McEstimate {
        McEstimate::proportion(count, self.n)
    }
}

impl PopulationSummary {
    /// Reads the restrictions off a tally; `None` if the population is never restricted.
    pub(super) fn new(
        expected: &Expected<'_>,
        truth: Truth,
        analysis: &Analysis,
        whole: &AnalysisTally,
    ) -> Option<Self> {
        let scenario = expected.scenario();
        let tally = whole.population.as_ref()?;
        // The integral knows nothing of stops for adverse events.
        let integrated =
            expected.restriction(truth, analysis).ok().filter(|_| !scenario.stops_for_safety());
        let written = scenario.file().adaptation.as_ref()?.population.as_ref()?;
        // A rule has a factor: both are read from the same table of the file.
        let factor = scenario.adapted_factor()?;
        let levels = factor.levels.iter().enumerate().map(|(at, level)| LevelSummary {
            factor: factor.name.clone(),
            level: level.clone(),
            has_effect: tally.with_effect.has(at),
            dropped: tally.share(tally.dropped[at]),
            dropped_integrated: integrated.map(|it| it.dropped[at]),
            shown: tally.share(tally.shown[at]),
            shown_integrated: integrated.map(|it| it.shown[at]),
        });
        let choices = tally.choices.iter().zip(&tally.estimands).zip(&tally.populations);
        let populations = choices.map(|((choice, &truth), of)| {
            let left = of.n_randomised.n();
            PopulationChoice {
                population: scenario.levels_in_words(*choice),
                probability: tally.share(left),
                rejection: McEstimate::proportion(of.efficacy, left),
                n_randomised: McEstimate::mean(&of.n_randomised),
                duration_months: McEstimate::mean(&of.duration_months),
                truth,
                estimate: EstimatePerformance::new(truth, &of.estimates),
            }
        });
        // Shown in all of no levels would be true of every trial.
        let has_effects = !tally.with_effect.is_empty();
        Some(Self {
            rule: written.rule(),
            factor: factor.name.clone(),
            restricted: tally.share(tally.restricted),
            stopped: tally.share(tally.stopped),
            familywise_error: tally.share(tally.errors),
            all_shown: has_effects.then(|| tally.share(tally.all_shown)),
            right_population: tally.share(tally.right),
            excluded: McEstimate::mean(&tally.excluded),
            screened: McEstimate::mean(&tally.screened),
            integrated: integrated.map(|it| PopulationIntegrated {
                rejection: it.any,
                familywise_error: it.familywise_error,
                restricted: it.restricted,
                stopped: it.stopped,
                right_population: it.right_population,
            }),
            levels: levels.collect(),
            populations: populations.collect(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
