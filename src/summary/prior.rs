//! A design averaged over a prior on the effect.
//!
//! Assurance is power averaged over the prior (O'Hagan, Stevens & Campbell 2005, Pharm Stat 4:187).
//! Benefit is a true common odds ratio above 1.

use serde::{Deserialize, Serialize};

use super::McEstimate;
use super::merge::{merge_fields, sum};
use super::moments::{ExactMoments, Histogram};
use super::tally::Tally;
use crate::analysis::AnalysisMethod;
use crate::analysis::utilities::UtilityWeighted;
use crate::evidence::prior::Component;
use crate::expected::Expected;
use crate::scenario::{Scenario, Truth};
use crate::trial::{Conclusion, DrawnEffect, TrialResult};

/// Quantities averaged over the prior.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriorSummary {
    /// Components of the prior on the log common odds ratio; the weights sum to 1.
    pub components: Vec<Component>,
    /// Prior P(common odds ratio > 1), exact.
    pub probability_benefit: f64,
    /// Analyses in the order of the scenario.
    pub analyses: Vec<PriorAnalysis>,
}

/// One analysis in trials whose effects are drawn from the prior.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriorAnalysis {
    /// Name in the scenario.
    pub name: String,
    /// P(efficacy at any look), averaged over the prior.
    pub assurance: McEstimate,
    /// The normal approximation to the power, averaged over the prior; null if it has no value.
    pub assurance_by_formula: Option<f64>,
    /// P(benefit | efficacy at any look).
    pub probability_benefit_given_rejection: McEstimate,
    /// P(benefit | no efficacy).
    pub probability_benefit_given_no_rejection: McEstimate,
    /// Predictive distribution of the estimate at the final analysis, before the trial starts.
    pub predictive: PredictiveSummary,
}

/// Distribution of the estimate over prior and trials, among the trials that have one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PredictiveSummary {
    /// Mean.
    pub mean: McEstimate,
    /// Standard deviation.
    pub sd: McEstimate,
    /// 2.5th percentile; percentiles are of estimates rounded to 1/4096 and clamped to ±8, those of mean
    /// utilities to 1/32768 of the range of the utilities and to ± that range.
    pub p2_5: McEstimate,
    /// 25th percentile.
    pub p25: McEstimate,
    /// Median.
    pub p50: McEstimate,
    /// 75th percentile.
    pub p75: McEstimate,
    /// 97.5th percentile.
    pub p97_5: McEstimate,
}

/// Counts over trials whose effects are drawn from the prior.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PriorTally {
    /// Largest absolute estimate on the grid.
    #[serde(skip)]
    reach: f64,
    /// Numbers of trials, \[without and with benefit\]\[without and with efficacy\].
    trials: [[u64; 2]; 2],
    /// Estimates as steps of the grid.
    estimates: Histogram,
}

merge_fields!(PriorTally { trials, estimates } keep { reach });

/// Steps of the grid of estimates to either side of 0: a power of two, so that 1/4096 is exact up to 8.
const STEPS: f64 = 32768.0;
/// Largest absolute logarithm of a ratio on the grid, the ratio e⁸ = 2981.
const LOG_REACH: f64 = 8.0;

impl PriorTally {
    /// Constructs a tally of no trials.
    pub fn new(scenario: &Scenario, position: usize) -> Self {
        let written = scenario.file().analyses_primary_first()[position];
        // Utilities have any unit, and a difference of their means is at most their range.
        let reach = if let AnalysisMethod::UtilityWeighted(means) = &written.method {
            let UtilityWeighted { utilities, .. } = means;
            let best = utilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let worst = utilities.iter().copied().fold(f64::INFINITY, f64::min);
            best - worst
        } else {
            LOG_REACH
        };
        Self { reach, trials: [[0; 2]; 2], estimates: Histogram::default() }
    }

    /// Adds a trial, if its effect was drawn from the prior.
    pub fn add(&mut self, trial: &TrialResult) {
        let Some(DrawnEffect { log_odds_ratio, .. }) = trial.drawn else { return };
        let benefit = usize::from(log_odds_ratio > 0.0);
        let rejected = usize::from(trial.conclusion == Conclusion::Efficacy);
        self.trials[benefit][rejected] += 1;
        if trial.has_estimate() {
            // The histogram counts whole numbers from 0.
            let within = (trial.test.estimate / self.reach).clamp(-1.0, 1.0);
            self.estimates.add(((within + 1.0) * STEPS).round() as u32);
        }
    }

    /// Whether `n` replicates can have these counts.
    pub fn is_of(&self, n: u64) -> bool {
        let most = (2.0 * STEPS) as u32;
        sum(self.trials.into_iter().flatten()) == u128::from(n)
            && self.estimates.is_possible(most)
            && self.estimates.n() <= n
    }

    /// Quantile of the estimates.
    fn quantile(&self, p: f64) -> McEstimate {
        let from_start = McEstimate::quantile(&self.estimates, p, self.reach / STEPS);
        McEstimate { value: from_start.value - self.reach, ..from_start }
    }

    /// P(benefit | efficacy), or P(benefit | no efficacy).
    fn benefit_given(&self, rejected: bool) -> McEstimate {
        let [without, with] = self.trials.map(|trials| trials[usize::from(rejected)]);
        McEstimate::proportion(with, without + with)
    }
}

impl PriorSummary {
    /// Reads the quantities off a tally; `None` without a prior.
    pub(super) fn new(expected: &Expected<'_>, scenario: &Scenario, tally: &Tally) -> Option<Self> {
        let prior = scenario.prior.as_ref()?;
        Some(Self {
            components: prior.components().to_vec(),
            probability_benefit: prior.probability_benefit(),
            analyses: (0..scenario.analyses.len())
                .map(|analysis| PriorAnalysis::new(expected, scenario, tally, analysis))
                .collect(),
        })
    }
}

impl PriorAnalysis {
    fn new(expected: &Expected<'_>, scenario: &Scenario, tally: &Tally, position: usize) -> Self {
        let trials = tally.of(Truth::Prior, position);
        let prior = &tally.prior()[position];
        let analysis = &scenario.analyses[position];
        Self {
            name: analysis.name.clone(),
            assurance: trials.proportion(trials.efficacies()),
            assurance_by_formula: expected.assurance(analysis),
            probability_benefit_given_rejection: prior.benefit_given(true),
            probability_benefit_given_no_rejection: prior.benefit_given(false),
            predictive: PredictiveSummary::new(&trials.estimates.estimates, prior),
        }
    }
}

impl PredictiveSummary {
    fn new(moments: &ExactMoments, tally: &PriorTally) -> Self {
        Self {
            mean: McEstimate::mean(moments),
            sd: McEstimate::sd(moments),
            p2_5: tally.quantile(0.025),
            p25: tally.quantile(0.25),
            p50: tally.quantile(0.5),
            p75: tally.quantile(0.75),
            p97_5: tally.quantile(0.975),
        }
    }
}
