//! A design of two looks that drops one of two levels at the first.

use serde::Serialize;

use super::{Enrichment, EnrichmentCharacteristics, LevelDrift, NoEnrichment};
use crate::design::boundaries::Boundaries;
use crate::design::characteristics::Question;
use crate::design::futility::FutilityRule;
use crate::design::harm::HarmRule;
use crate::design::sample_size::ArmSizes;

/// Effects of both levels, as multiples of the stated one, whose characteristics are reported.
const CONFIGURATIONS: [[f64; 2]; 7] =
    [[0.0, 0.0], [0.5, 0.0], [1.0, 0.0], [0.0, 0.5], [0.0, 1.0], [1.0, 0.5], [1.0, 1.0]];

/// Effects of one level, as multiples of the stated one, at which the other's error is searched.
// Far beyond the stated effect that level is always kept, and the error no longer changes.
const SEARCHED: [f64; 8] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0];

/// Request for an enrichment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WantedEnrichment {
    /// Shares of the patients in both levels, which sum to 1.
    pub shares: [f64; 2],
    /// Conditional power below which a level is dropped.
    pub drop_below: f64,
}

/// Reason why a design cannot drop a level.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoEnrichedDesign {
    /// Another number of looks than two.
    #[error("the design has {0} looks; allowed: two, of which the first may drop a level")]
    Looks(usize),
    /// Boundaries at the first look other than those of the levels.
    #[error(
        "the first look has a boundary for efficacy, futility or harm in all patients; allowed with levels \
         that may be dropped: none (--spending none)"
    )]
    Stops,
    /// A value outside its range.
    #[error(transparent)]
    Range(#[from] NoEnrichment),
}

/// Operating characteristics under one pair of effects.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnrichedUnder {
    /// Multiple of the stated effect in each level: 0 none, 1 all of it.
    pub fractions: [f64; 2],
    /// Probabilities of rejecting, dropping and stopping, by quadrature in the normal model.
    #[serde(flatten)]
    pub normal: EnrichmentCharacteristics,
    /// P(exactly the levels with an effect continue); without any, P(the trial stops).
    pub right_population: f64,
    /// Expected number of patients with an outcome.
    pub expected_size: f64,
}

/// A design that drops levels at its first look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnrichedDesign {
    /// Shares of the patients in both levels.
    pub shares: [f64; 2],
    /// Conditional power below which a level is dropped.
    pub drop_below: f64,
    /// Z of a level below which it is dropped; null if none is.
    pub drop_boundary: Option<f64>,
    /// Patients with an outcome at the first look.
    pub interim: u32,
    /// Patients with an outcome at the final look.
    pub planned: u32,
    /// Operating characteristics by pair of effects.
    pub effects: Vec<EnrichedUnder>,
    /// Largest familywise error if one level has no effect and the other none to four times the stated one.
    pub largest_familywise_error: f64,
}

impl EnrichedDesign {
    /// Computes the characteristics of a design with these boundaries and sizes.
    ///
    /// # Errors
    /// When the design does not allow levels to be dropped.
    pub fn new(
        question: &Question,
        boundaries: &Boundaries,
        sizes: &[ArmSizes],
        wanted: WantedEnrichment,
    ) -> Result<Self, NoEnrichedDesign> {
        let &[first, last] = sizes else { return Err(NoEnrichedDesign::Looks(sizes.len())) };
        // The closed test is made once, at the final look.
        let stops = boundaries.efficacy[0].is_finite()
            || question.rules.futility != FutilityRule::None
            || question.rules.harm != HarmRule::None;
        if stops {
            return Err(NoEnrichedDesign::Stops);
        }
        let WantedEnrichment { shares, drop_below } = wanted;
        let alpha = question.rules.alpha_one_sided;
        let [interim, planned] = [first, last].map(|size| f64::from(size.total()));
        let rule = Enrichment::new(interim / planned, drop_below, alpha)?;
        let boundary = rule.drop_boundary();
        let plan = PlannedLevels { question, shares, interim, planned };
        let effects = CONFIGURATIONS.map(|fractions| {
            let drifts = [0, 1].map(|level| plan.drift(level, fractions[level]));
            let normal = EnrichmentCharacteristics::new(&rule, &drifts);
            let chances = [0, 1].map(|level| {
                let kept = crate::num::normal::upper_tail(boundary - drifts[level].first);
                if fractions[level] > 0.0 { kept } else { 1.0 - kept }
            });
            EnrichedUnder {
                fractions,
                normal,
                // The levels have different patients, so that their interim results are
                // independent.
                right_population: chances[0] * chances[1],
                expected_size: normal.expected_size(interim, planned),
            }
        });
        let errors = SEARCHED.iter().flat_map(|&fraction| {
            [[0.0, fraction], [fraction, 0.0]].map(|fractions| {
                let drifts = [0, 1].map(|level| plan.drift(level, fractions[level]));
                EnrichmentCharacteristics::new(&rule, &drifts).familywise_error
            })
        });
        Ok(Self {
            shares,
            drop_below,
            drop_boundary: boundary.is_finite().then_some(boundary),
            interim: first.total(),
            planned: last.total(),
            largest_familywise_error: errors.fold(0.0, f64::max),
            effects: effects.to_vec(),
        })
    }
}

/// Patients of the levels.
struct PlannedLevels<'q> {
    question: &'q Question,
    shares: [f64; 2],
    interim: f64,
    planned: f64,
}

impl PlannedLevels<'_> {
    /// Returns the means of the Z of a level with a multiple of the stated effect.
    fn drift(&self, level: usize, fraction: f64) -> LevelDrift {
        if fraction == 0.0 {
            return LevelDrift::NONE;
        }
        let Question { rules, comparison, share_experimental, .. } = self.question;
        let comparison = comparison.at_fraction(fraction);
        let later = self.planned - self.interim;
        let [first, second, alone] =
            [self.shares[level] * self.interim, self.shares[level] * later, later].map(
                |patients| comparison.drift(rules.alpha_one_sided, *share_experimental, patients),
            );
        LevelDrift { first, second, alone }
    }
}
