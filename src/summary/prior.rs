//! What a prior on the effect makes of a design.
//!
//! Assurance is power averaged over the prior (O'Hagan, Stevens & Campbell 2005, Pharm Stat 4:187).
//! Benefit is a true common odds ratio above 1.

use serde::{Deserialize, Serialize};

use super::McEstimate;
use super::moments::{Histogram, Moments};
use super::tally::{AnalysisTally, Tally};
use crate::evidence::prior::Component;
use crate::expected::Expected;
use crate::scenario::{Analysis, Scenario, Truth};
use crate::trial::{Conclusion, DrawnEffect, TrialResult};

/// Figures averaged over the prior.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriorSummary {
    /// Normal distributions of the log common odds ratio; the weights sum to 1.
    pub components: Vec<Component>,
    /// Prior P(common odds ratio > 1), exact.
    pub probability_benefit: f64,
    /// In the order of the scenario.
    pub analyses: Vec<PriorAnalysis>,
}

/// What one analysis makes of trials whose effects are drawn from the prior.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriorAnalysis {
    /// Name in the scenario.
    pub name: String,
    /// P(efficacy at any look), averaged over the prior.
    pub assurance: McEstimate,
    /// The normal approximation to the power, averaged over the prior; null where it has no value.
    pub assurance_by_formula: Option<f64>,
    /// P(benefit | efficacy at any look).
    pub probability_benefit_given_rejection: McEstimate,
    /// P(benefit | no efficacy).
    pub probability_benefit_given_no_rejection: McEstimate,
    /// The estimate when the trial ends, before it starts.
    pub predictive: PredictiveSummary,
}

/// Distribution of the estimate over prior and trials, among the trials that have one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PredictiveSummary {
    /// Mean.
    pub mean: McEstimate,
    /// Standard deviation.
    pub sd: McEstimate,
    /// 2.5th percentile; as the others, of estimates rounded to 1/4096 and held within ±8.
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct PriorTally {
    /// Trials, [without and with benefit][without and with efficacy].
    trials: [[u64; 2]; 2],
    /// Estimates as steps of the grid.
    estimates: Histogram,
}

/// Steps of the grid of estimates in a unit, and where it starts and ends.
const STEPS: f64 = 4096.0;
const REACH: f64 = 8.0;

impl PriorTally {
    pub fn add(&mut self, trial: &TrialResult) {
        let Some(DrawnEffect { log_odds_ratio, .. }) = trial.drawn else { return };
        let benefit = usize::from(log_odds_ratio > 0.0);
        let rejected = usize::from(trial.conclusion == Conclusion::Efficacy);
        self.trials[benefit][rejected] += 1;
        if trial.has_estimate() {
            let within = trial.test.estimate.clamp(-REACH, REACH);
            self.estimates.add(((within + REACH) * STEPS).round() as u32);
        }
    }

    /// Whether it can be that of `n` replicates.
    pub fn is_of(&self, n: u64) -> bool {
        let trials = self.trials.as_flattened().iter().copied().map(u128::from);
        let most = (2.0 * REACH * STEPS) as u32;
        trials.sum::<u128>() == u128::from(n)
            && self.estimates.is_possible(most)
            && self.estimates.n() <= n
    }

    pub fn merge(&mut self, other: &Self) {
        let mine = self.trials.as_flattened_mut();
        for (mine, theirs) in mine.iter_mut().zip(other.trials.as_flattened()) {
            *mine += theirs;
        }
        self.estimates.merge(&other.estimates);
    }

    /// P(benefit | efficacy), or given none.
    fn benefit_given(&self, rejected: bool) -> McEstimate {
        let [without, with] = self.trials.map(|trials| trials[usize::from(rejected)]);
        McEstimate::proportion(with, without + with)
    }
}

impl PriorSummary {
    /// Reads the figures off a tally; `None` without a prior.
    pub(super) fn new(expected: &Expected<'_>, scenario: &Scenario, tally: &Tally) -> Option<Self> {
        let prior = scenario.prior.as_ref()?;
        let analyses = tally.prior().iter().enumerate();
        Some(Self {
            components: prior.components().to_vec(),
            probability_benefit: prior.probability_benefit(),
            analyses: analyses
                .map(|(i, of)| {
                    PriorAnalysis::new(
                        expected,
                        &scenario.analyses[i],
                        tally.of(Truth::Prior, i),
                        of,
                    )
                })
                .collect(),
        })
    }
}

impl PriorAnalysis {
    fn new(
        expected: &Expected<'_>,
        analysis: &Analysis,
        trials: &AnalysisTally,
        prior: &PriorTally,
    ) -> Self {
        Self {
            name: analysis.name.clone(),
            assurance: trials.rejection(),
            assurance_by_formula: expected.assurance(analysis),
            probability_benefit_given_rejection: prior.benefit_given(true),
            probability_benefit_given_no_rejection: prior.benefit_given(false),
            predictive: PredictiveSummary::new(&trials.estimates.estimates, &prior.estimates),
        }
    }
}

impl PredictiveSummary {
    fn new(moments: &Moments, estimates: &Histogram) -> Self {
        let quantile = |p| {
            let steps = McEstimate::quantile(estimates, p, 1.0 / STEPS);
            McEstimate { value: steps.value - REACH, ..steps }
        };
        Self {
            mean: McEstimate::mean(moments),
            sd: McEstimate::sd(moments),
            p2_5: quantile(0.025),
            p25: quantile(0.25),
            p50: quantile(0.5),
            p75: quantile(0.75),
            p97_5: quantile(0.975),
        }
    }
}
