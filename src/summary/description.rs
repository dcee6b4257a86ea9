//! Supplementary analyses when trials end: odds ratios cut by cut, subgroups, tipping point.

use serde::{Deserialize, Serialize};

use super::McEstimate;
use super::merge::merge_fields;
use super::moments::ExactMoments;
use crate::analysis::proportional_odds::assumption::cut_log_odds_ratios;
use crate::expected::Expected;
use crate::outcome::LEVELS;
use crate::scenario::{Description, Scenario, Truth};
use crate::trial::Described;

/// Supplementary analyses of the trials of one truth, when the primary analysis ends them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DescriptionSummary {
    /// Two-sided level of the tests.
    pub alpha_two_sided: f64,
    /// P(the test of proportional odds is significant); null if it is not asked for.
    pub rejects_proportional_odds: Option<McEstimate>,
    /// Odds ratios of mRS ≤ j, j = 0 … 5; empty if they are not asked for.
    pub cuts: Vec<CutSummary>,
    /// Interactions with treatment, factor by factor.
    pub subgroups: Vec<SubgroupSummary>,
    /// P(at least one interaction is significant).
    pub any_interaction: Option<McEstimate>,
    /// P(efficacy) by the primary analysis at the look that ended the trial, with every missing outcome as
    /// mRS c in the control and e in the experimental arm, \[e\]\[c\]; absent if it is not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tipping_point: Option<[[McEstimate; LEVELS]; LEVELS]>,
}

/// The odds ratio of mRS at or below a cut.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CutSummary {
    /// The highest mRS that counts as a good outcome.
    pub cut: u8,
    /// Log odds ratio in the population; null if it has none, and under the prior.
    pub truth: Option<f64>,
    /// Mean log odds ratio of the trials in which it is finite.
    pub log_odds_ratio: McEstimate,
}

/// The interaction of a factor with treatment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubgroupSummary {
    /// Name of the factor.
    pub factor: String,
    /// P(the interaction is significant) by likelihood-ratio test in a proportional-odds model.
    pub interaction: McEstimate,
    /// The same by formula if all patients are analysed; absent unless the effect differs between levels
    /// of a factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction_by_formula: Option<f64>,
}

/// Counts of the supplementary analyses over the replicates of one truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DescriptionTally {
    /// Two-sided level of the tests.
    #[serde(skip)]
    alpha: f64,
    n: u64,
    not_proportional: u64,
    cuts: [ExactMoments; LEVELS - 1],
    interactions: Vec<u64>,
    any_interaction: u64,
    /// Trials with efficacy if every missing outcome is mRS e in the experimental and c in the control arm,
    /// \[e\]\[c\].
    efficacy_with_missing: [[u64; LEVELS]; LEVELS],
}

merge_fields!(DescriptionTally {
    n,
    not_proportional,
    cuts,
    interactions,
    any_interaction,
    efficacy_with_missing,
} keep { alpha });

impl DescriptionTally {
    pub fn new(description: &Description) -> Self {
        Self {
            alpha: description.alpha_two_sided,
            n: 0,
            not_proportional: 0,
            cuts: Default::default(),
            interactions: vec![0; description.subgroups.len()],
            any_interaction: 0,
            efficacy_with_missing: Default::default(),
        }
    }

    /// Adds one trial. The p value of a test that the data do not allow is NaN and not significant.
    pub fn add(&mut self, described: &Described) {
        self.n += 1;
        self.not_proportional += u64::from(described.p_proportional_odds <= self.alpha);
        self.any_interaction +=
            u64::from(described.p_interactions.iter().any(|&p| p <= self.alpha));
        for (count, &p) in self.interactions.iter_mut().zip(&described.p_interactions) {
            *count += u64::from(p <= self.alpha);
        }
        // All zeros if the table is not asked for.
        let efficacy = described.shown_with_missing.iter().flatten();
        for (count, &efficacy) in self.efficacy_with_missing.iter_mut().flatten().zip(efficacy) {
            *count += u64::from(efficacy);
        }
        for (moments, log) in self.cuts.iter_mut().zip(described.cut_log_odds_ratios) {
            // An arm without patients on one side of the cut has an infinite log odds ratio.
            if log.is_finite() {
                moments.add(log);
            }
        }
    }

    /// Whether `n` replicates can have these counts.
    pub fn is_of(&self, n: u64) -> bool {
        let counts = self.interactions.iter().chain(self.efficacy_with_missing.iter().flatten());
        self.n == n
            && counts
                .chain([&self.not_proportional, &self.any_interaction])
                .all(|&count| count <= n)
            && self.cuts.iter().all(|cut| cut.is_possible(f64::INFINITY) && cut.n() <= n)
    }

    fn proportion(&self, count: u64) -> McEstimate {
        McEstimate::proportion(count, self.n)
    }
}

impl DescriptionSummary {
    /// Reads the supplementary analyses off a tally; `None` if none are asked for.
    pub(super) fn new(scenario: &Scenario, truth: Truth, tally: &DescriptionTally) -> Option<Self> {
        let description = scenario.description.as_ref()?;
        let cuts = if description.proportional_odds {
            CutSummary::all(scenario, truth, tally)
        } else {
            Vec::new()
        };
        // Without a modified effect the power is about the level, and no formula is needed.
        let formulas = if scenario.file().effect_modifiers().is_empty() {
            vec![None; description.subgroups.len()]
        } else {
            Expected::new(scenario).interaction_power(truth, description)
        };
        let subgroups = description.subgroups.iter().zip(&tally.interactions).zip(formulas);
        Some(Self {
            alpha_two_sided: description.alpha_two_sided,
            rejects_proportional_odds: description
                .proportional_odds
                .then(|| tally.proportion(tally.not_proportional)),
            cuts,
            subgroups: subgroups
                .map(|((subgroups, &count), formula)| SubgroupSummary {
                    factor: subgroups.factor.clone(),
                    interaction: tally.proportion(count),
                    interaction_by_formula: formula,
                })
                .collect(),
            any_interaction: (!description.subgroups.is_empty())
                .then(|| tally.proportion(tally.any_interaction)),
            tipping_point: description.tipping_point.then(|| {
                tally.efficacy_with_missing.map(|row| row.map(|count| tally.proportion(count)))
            }),
        })
    }
}

impl CutSummary {
    fn all(scenario: &Scenario, truth: Truth, tally: &DescriptionTally) -> Vec<Self> {
        let truths = scenario.marginal(truth).map(|[control, experimental]| {
            cut_log_odds_ratios(&[*control.probabilities(), *experimental.probabilities()])
        });
        let cuts = tally.cuts.iter().enumerate();
        cuts.map(|(j, moments)| Self {
            cut: j as u8,
            truth: truths.map(|logs| logs[j]).filter(|log| log.is_finite()),
            log_odds_ratio: McEstimate::mean(moments),
        })
        .collect()
    }
}
