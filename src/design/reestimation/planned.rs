//! A group-sequential design of two looks whose size may be increased at the first.

use serde::Serialize;

use super::{
    EnumeratedCharacteristics, PromisingZone, ReestimationCharacteristics, StageBounds, StageSizes,
    Zone, ZoneLimits,
};
use crate::design::boundaries::Boundaries;
use crate::design::characteristics::{EffectCharacteristics, Question};
use crate::design::comparison::Comparison;
use crate::design::exact::ExactStatistic;
use crate::design::futility::FutilityRule;
use crate::design::harm::HarmRule;
use crate::design::sample_size::ArmSizes;

/// Largest number of patients for which all results are enumerated.
// The work grows with the cube of their number.
const MOST_ENUMERATED: u32 = 1200;

/// Request for a re-estimation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WantedReestimation {
    /// Zone and target of conditional power.
    pub limits: ZoneLimits,
    /// Patients at most at the final look.
    pub maximum: u32,
    /// Patients by whose multiples the size is rounded up.
    pub step: u32,
}

/// Reason why a design cannot be re-estimated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoReestimation {
    /// Another number of looks than two.
    #[error("the design has {0} looks; allowed: two, of which the first re-estimates the size")]
    Looks(usize),
    /// Boundaries below that the second stage takes no account of.
    #[error("the design has a boundary for futility or harm; allowed with a promising zone: none")]
    Lower,
    /// A maximum that is no increase.
    #[error("the maximum is {maximum}; allowed: at least the {planned} patients planned")]
    Maximum {
        /// The given maximum.
        maximum: u32,
        /// Patients planned for the final look.
        planned: u32,
    },
    /// An empty zone.
    #[error(
        "the zone is {at_least} to {target}; allowed: two conditional powers from 0 to below 1, the first \
         the smaller"
    )]
    Zone {
        /// Begin of the zone.
        at_least: f64,
        /// End of the zone.
        target: f64,
    },
}

/// A row of the decision table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeDecision {
    /// Z at the interim look.
    pub z: f64,
    /// Observed effect with the control arm as planned, on the scale of the comparison; null if no effect
    /// gives this Z.
    pub effect: Option<f64>,
    /// Conditional power at the planned size under the current trend.
    pub conditional_power: f64,
    /// Zone of the result.
    pub zone: Zone,
    /// Patients with an outcome at the final look; those of the interim look if it stops the trial.
    pub size: u32,
}

/// Operating characteristics under one effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReestimationUnder {
    /// Share of the stated effect: 0 none, 1 all of it.
    pub fraction: f64,
    /// Effect on the scale of the comparison.
    pub effect: f64,
    /// By quadrature in the normal model.
    #[serde(flatten)]
    pub normal: ReestimationCharacteristics,
    /// By enumeration; null except for the pooled test of two proportions in equal arms.
    pub exact: Option<EnumeratedCharacteristics>,
}

/// A design whose size is re-estimated at its first look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReestimatedDesign {
    /// Begin of the promising zone and target, as conditional power.
    pub zone: ZoneLimits,
    /// Patients with an outcome at the interim look.
    pub interim: u32,
    /// Patients planned for the final look.
    pub planned: u32,
    /// Patients at most at the final look.
    pub maximum: u32,
    /// Patients by whose multiples the size is rounded up.
    pub step: u32,
    /// Conditional power at which the zone would have to begin for the conventional statistic to keep
    /// the type I error.
    pub least_for_conventional: f64,
    /// Interim result and the size that follows, by increasing Z.
    pub decisions: Vec<SizeDecision>,
    /// Operating characteristics, by increasing effect.
    pub effects: Vec<ReestimationUnder>,
}

impl ReestimatedDesign {
    /// Computes decisions and operating characteristics of a design with these boundaries and sizes,
    /// under each of the `effects`.
    ///
    /// # Errors
    /// When the design does not allow a re-estimation.
    pub fn new(
        question: &Question,
        boundaries: &Boundaries,
        sizes: &[ArmSizes],
        effects: &[EffectCharacteristics],
        wanted: WantedReestimation,
    ) -> Result<Self, NoReestimation> {
        let &[first, last] = sizes else { return Err(NoReestimation::Looks(sizes.len())) };
        let has_lower =
            question.rules.futility != FutilityRule::None || question.rules.harm != HarmRule::None;
        if has_lower {
            return Err(NoReestimation::Lower);
        }
        let (interim, planned) = (first.total(), last.total());
        let WantedReestimation { limits, maximum, step } = wanted;
        if maximum < planned {
            return Err(NoReestimation::Maximum { maximum, planned });
        }
        let stage_sizes = StageSizes {
            interim: f64::from(interim),
            planned: f64::from(planned),
            maximum: f64::from(maximum),
        };
        let bounds = StageBounds { interim: boundaries.efficacy[0], last: boundaries.efficacy[1] };
        let ZoneLimits { at_least, target } = limits;
        // Sizes increase from look to look and to the maximum, so that only the zone can be wrong.
        let rule = PromisingZone::new(stage_sizes, limits, bounds)
            .map_err(|_| NoReestimation::Zone { at_least, target })?;
        let share = question.share_experimental;
        let decisions = rule.table_points().into_iter().map(|z| SizeDecision {
            z,
            effect: question
                .comparison
                .effect_at_z(z, share, f64::from(interim))
                .map(|effect| question.comparison.with_effect(effect).measured_effect()),
            conditional_power: rule.conditional_power(z),
            zone: rule.zone(z),
            size: rule.whole_size(z, step),
        });
        let is_enumerated = is_enumerated(question, sizes, wanted);
        let effects = effects.iter().map(|effect| ReestimationUnder {
            fraction: effect.fraction,
            effect: effect.effect,
            // The drift is the mean of Z at the planned size; per root of a patient it is taken
            // to hold at every size.
            normal: rule.characteristics(effect.drift / f64::from(planned).sqrt()),
            exact: match question.comparison.at_fraction(effect.fraction) {
                Comparison::TwoProportions(it) if is_enumerated => Some(rule.exact(it.rates())),
                Comparison::TwoProportions(_)
                | Comparison::Ordinal(_)
                | Comparison::Means(_)
                | Comparison::ExpectedData(_) => None,
            },
        });
        Ok(Self {
            zone: limits,
            interim,
            planned,
            maximum,
            step,
            least_for_conventional: rule.least_for_conventional(),
            decisions: decisions.collect(),
            effects: effects.collect(),
        })
    }
}

/// Whether the exact characteristics are those of the design: of the pooled test in equal arms, with
/// sizes of whole pairs.
fn is_enumerated(question: &Question, sizes: &[ArmSizes], wanted: WantedReestimation) -> bool {
    let Comparison::TwoProportions(comparison) = &question.comparison else { return false };
    let is_pooled = match comparison.exact_statistic() {
        Some(ExactStatistic::Pooled) => true,
        Some(ExactStatistic::Of(test)) => {
            test == crate::analysis::two_proportions::ProportionTest::PooledZ
        }
        Some(ExactStatistic::Unpooled | ExactStatistic::Against(_)) | None => false,
    };
    let are_equal = sizes.iter().all(|size| size.control == size.experimental);
    let in_pairs = wanted.maximum.is_multiple_of(2) && wanted.step == 2;
    is_pooled
        && are_equal
        && in_pairs
        && comparison.null_effect() == 0.0
        && wanted.maximum <= MOST_ENUMERATED
}
