//! Changes of the trial at an interim look.

use super::Scenario;
use super::enrichment::PopulationAdaptation;
use crate::analysis::OutcomeTable;
use crate::design::reestimation::{
    AssumedEffect, FinalStatistic, PooledRate, PromisingZone, WantedReestimation, Zone,
};
use crate::outcome::{LEVELS, Mrs};

/// Distance from a multiple of the step up to which a size counts as this multiple.
// Sizes that are whole but for rounding errors stay.
const WHOLE: f64 = 1e-9;

/// Changes of the trial at an interim look.
#[derive(Debug, Clone, Default)]
pub struct Adaptation {
    /// Re-estimation of the number of patients, if any.
    pub size: Option<SizeReestimation>,
    /// Restriction of the population, if any.
    pub population: Option<PopulationAdaptation>,
}

/// A re-estimation of the number of patients at the last interim look.
#[derive(Debug, Clone)]
pub struct SizeReestimation {
    /// Position of the look in the plan, from 0.
    pub look: usize,
    /// Patients randomised as planned.
    pub planned: u32,
    /// Patients randomised at most.
    pub maximum: u32,
    /// Patients by whose multiples a new size is rounded up.
    pub step: u32,
    /// Outcomes planned for the final look.
    pub planned_analysed: u32,
    /// How the size follows from the look.
    pub rule: SizeRule,
}

/// How the size follows from an interim look.
#[derive(Debug, Clone)]
pub enum SizeRule {
    /// By conditional power, from unblinded data. Sizes of the zone are patients with an outcome.
    Unblinded {
        /// Zone and target.
        zone: PromisingZone,
        /// Statistic of the final look of a trial whose size has changed.
        statistic: FinalStatistic,
    },
    /// By both arms together.
    Blinded {
        /// What is observed of them.
        by: BlindedSize,
        /// Whether the size is at least the planned one.
        restricted: bool,
    },
}

/// What a blinded re-estimation observes.
#[derive(Debug, Clone)]
pub enum BlindedSize {
    /// The share of patients with a success.
    Rate {
        /// Worst mRS of a success.
        cut: Mrs,
        /// Rule for outcomes of the two arms together.
        rule: PooledRate,
    },
    /// The variance of a score.
    Variance {
        /// Score by mRS.
        scores: [f64; LEVELS],
        /// Variance of both arms together as planned, in the planned shares.
        planned: f64,
    },
}

impl Scenario {
    /// Describes the re-estimation of the number of patients in whole sentences; `None` without one.
    pub fn size_adaptation_in_words(&self) -> Option<String> {
        let written = self.file.adaptation.as_ref()?.size.as_ref()?;
        Some(super::words::adaptation::size(written, self.randomised))
    }
}

impl SizeReestimation {
    /// Returns the request for the same re-estimation in a design without a scenario, whose sizes are
    /// numbers of outcomes; `None` for a rule that such a design does not know.
    pub fn wanted(&self) -> Option<WantedReestimation> {
        match &self.rule {
            SizeRule::Unblinded { zone, .. } => {
                let is_known = zone.assumed_effect() == AssumedEffect::Trend
                    && zone.aim() == zone.limits().target
                    && zone.lower() == f64::NEG_INFINITY;
                is_known.then(|| WantedReestimation {
                    limits: zone.limits(),
                    maximum: self.maximum_analysed().floor() as u32,
                    step: self.step,
                })
            }
            SizeRule::Blinded { .. } => None,
        }
    }

    /// Returns the largest number of outcomes in proportion to the largest number of patients.
    pub fn maximum_analysed(&self) -> f64 {
        self.analysed(self.maximum)
    }

    /// Returns the outcomes expected of this many patients, in the planned proportion.
    pub fn analysed(&self, randomised: u32) -> f64 {
        f64::from(randomised) * f64::from(self.planned_analysed) / f64::from(self.planned)
    }

    /// Returns the zone of Z at the look, which may stop the trial; `None` for a blinded rule.
    pub fn zone(&self, z: f64) -> Option<Zone> {
        match &self.rule {
            SizeRule::Unblinded { zone, .. } => Some(zone.zone(z)),
            SizeRule::Blinded { .. } => None,
        }
    }

    /// Returns the number of patients after a look that has this Z and these outcomes and does not
    /// stop the trial; the planned number if the rule needs a Z and there is none.
    pub fn size(&self, z: Option<f64>, known: &OutcomeTable) -> u32 {
        match &self.rule {
            SizeRule::Unblinded { zone, .. } => {
                z.map_or(self.planned, |z| self.randomised(zone.size_if_continued(z)))
            }
            SizeRule::Blinded { by, restricted } => {
                let least = if *restricted { self.planned } else { 1 };
                let observed = by.observed(known);
                // Without an outcome nothing is observed.
                if !observed.is_finite() {
                    return self.planned;
                }
                self.randomised(self.size_at(by, observed)).max(least)
            }
        }
    }

    /// Returns the outcomes that a blinded rule wants after an observed rate or variance, before rounding
    /// and limits.
    pub fn size_at(&self, by: &BlindedSize, observed: f64) -> f64 {
        match by {
            BlindedSize::Rate { rule, .. } => rule.unlimited(observed),
            BlindedSize::Variance { planned, .. } => {
                f64::from(self.planned_analysed) * observed / planned
            }
        }
    }

    /// Converts outcomes to patients randomised, rounded up to a multiple of the step unless that is the
    /// planned number, and at most the maximum.
    pub fn randomised(&self, analysed: f64) -> u32 {
        let size = analysed * f64::from(self.planned) / f64::from(self.planned_analysed);
        // A planned number that is no multiple of the step stays as it is.
        if (size - f64::from(self.planned)).abs() <= WHOLE * size {
            return self.planned;
        }
        let step = f64::from(self.step);
        let rounded = step * (size / step - WHOLE).ceil();
        rounded.clamp(1.0, f64::from(self.maximum)) as u32
    }
}

impl BlindedSize {
    /// Returns the rate or variance of both arms together; NaN without outcomes.
    pub fn observed(&self, known: &OutcomeTable) -> f64 {
        let [control, experimental] = known.counts;
        let counts: [f64; LEVELS] =
            std::array::from_fn(|j| f64::from(control[j] + experimental[j]));
        let total: f64 = counts.iter().sum();
        match self {
            Self::Rate { cut, .. } => counts[..=cut.index()].iter().sum::<f64>() / total,
            // The sample variance: the planned one is that of the population.
            Self::Variance { scores, .. } => variance(scores, &counts) * total / (total - 1.0),
        }
    }
}

/// Returns the variance of a score in a distribution with these weights.
pub(super) fn variance(scores: &[f64; LEVELS], weights: &[f64; LEVELS]) -> f64 {
    let total: f64 = weights.iter().sum();
    let mean = scores.iter().zip(weights).map(|(s, w)| s * w).sum::<f64>() / total;
    scores.iter().zip(weights).map(|(s, w)| w * (s - mean).powi(2)).sum::<f64>() / total
}
