//! What trials look like when they end: odds ratios cut by cut, and subgroups.

use serde::{Deserialize, Serialize};

use super::McEstimate;
use super::moments::Moments;
use crate::analysis::proportional_odds::assumption::cut_log_odds_ratios;
use crate::outcome::LEVELS;
use crate::scenario::{Description, Scenario, Truth};
use crate::trial::Described;

/// Descriptions of one truth's trials, as the first analysis left them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DescriptionSummary {
    /// Level of the tests.
    pub alpha_two_sided: f64,
    /// P(the test of proportional odds rejects); null where it is not asked for.
    pub rejects_proportional_odds: Option<McEstimate>,
    /// The odds of mRS ≤ j, j = 0 … 5; empty where they are not asked for.
    pub cuts: Vec<CutSummary>,
    /// Factor by factor.
    pub subgroups: Vec<SubgroupSummary>,
    /// P(at least one interaction is significant).
    pub any_interaction: Option<McEstimate>,
    /// P(efficacy) by the first analysis at the look that ended the trial, with every missing outcome
    /// as mRS c in the control arm and e in the experimental one, \[e\]\[c\]; absent where it is not
    /// asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tipping_point: Option<[[McEstimate; LEVELS]; LEVELS]>,
}

/// The odds ratio of mRS at or below a cut.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CutSummary {
    /// The highest mRS that counts as a good outcome.
    pub cut: u8,
    /// Log odds ratio in the population; null where it has none, and under the prior.
    pub truth: Option<f64>,
    /// Mean log odds ratio of the trials in which it is finite.
    pub log_odds_ratio: McEstimate,
}

/// The interaction of a factor with treatment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubgroupSummary {
    /// Name of the factor.
    pub factor: String,
    /// P(its interaction is significant): likelihood-ratio test in a proportional-odds model.
    pub interaction: McEstimate,
}

/// Counts over the replicates of one truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DescriptionTally {
    #[serde(skip)]
    alpha: f64,
    n: u64,
    not_proportional: u64,
    cuts: [Moments; LEVELS - 1],
    interactions: Vec<u64>,
    any: u64,
    shown_with_missing: [[u64; LEVELS]; LEVELS],
}

impl DescriptionTally {
    pub fn new(description: &Description) -> Self {
        Self {
            alpha: description.alpha_two_sided,
            n: 0,
            not_proportional: 0,
            cuts: Default::default(),
            interactions: vec![0; description.subgroups.len()],
            any: 0,
            shown_with_missing: Default::default(),
        }
    }

    /// A test that the data do not allow is not significant.
    pub fn add(&mut self, described: &Described) {
        let significant = |p: f64| p <= self.alpha;
        self.n += 1;
        self.not_proportional += u64::from(significant(described.p_proportional_odds));
        let interactions = described.p_interactions.iter();
        self.any += u64::from(interactions.clone().any(|&p| significant(p)));
        for (count, &p) in self.interactions.iter_mut().zip(interactions) {
            *count += u64::from(p <= self.alpha);
        }
        let shown = described.shown_with_missing.iter().flatten();
        for (count, &shown) in self.shown_with_missing.iter_mut().flatten().zip(shown) {
            *count += u64::from(shown);
        }
        for (moments, log) in self.cuts.iter_mut().zip(described.cut_log_odds_ratios) {
            if log.is_finite() {
                moments.add(log);
            }
        }
    }

    /// Whether it can be that of `n` replicates.
    pub fn is_of(&self, n: u64) -> bool {
        let counts = self.interactions.iter().chain(self.shown_with_missing.iter().flatten());
        self.n == n
            && counts.chain([&self.not_proportional, &self.any]).all(|&count| count <= n)
            && self.cuts.iter().all(|cut| cut.is_possible(f64::INFINITY) && cut.n() <= n)
    }

    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.not_proportional += other.not_proportional;
        self.any += other.any;
        let shown = self.shown_with_missing.iter_mut().flatten();
        shown.zip(other.shown_with_missing.iter().flatten()).for_each(|(a, b)| *a += b);
        self.interactions.iter_mut().zip(&other.interactions).for_each(|(a, b)| *a += b);
        self.cuts.iter_mut().zip(&other.cuts).for_each(|(a, b)| a.merge(b));
    }
}

impl DescriptionSummary {
    pub(super) fn new(
        scenario: &Scenario,
        truth: Truth,
        description: &Description,
        tally: &DescriptionTally,
    ) -> Self {
        let proportion = |count| McEstimate::proportion(count, tally.n);
        let truths = scenario.marginal(truth).map(|[control, experimental]| {
            cut_log_odds_ratios(&[*control.probabilities(), *experimental.probabilities()])
        });
        let cut = |(j, moments): (usize, &Moments)| CutSummary {
            cut: j as u8,
            truth: truths.map(|logs| logs[j]).filter(|log| log.is_finite()),
            log_odds_ratio: McEstimate::mean(moments),
        };
        let cuts = if description.proportional_odds {
            tally.cuts.iter().enumerate().map(cut).collect()
        } else {
            Vec::new()
        };
        let subgroups = description.subgroups.iter().zip(&tally.interactions);
        Self {
            alpha_two_sided: description.alpha_two_sided,
            rejects_proportional_odds: description
                .proportional_odds
                .then(|| proportion(tally.not_proportional)),
            cuts,
            subgroups: subgroups
                .map(|(subgroups, &count)| SubgroupSummary {
                    factor: subgroups.factor.clone(),
                    interaction: proportion(count),
                })
                .collect(),
            tipping_point: description
                .tipping_point
                .then(|| tally.shown_with_missing.map(|row| row.map(proportion))),
            any_interaction: (!description.subgroups.is_empty()).then(|| proportion(tally.any)),
        }
    }
}
