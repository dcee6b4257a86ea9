//! Re-estimation of the sample size at an interim look.
//!
//! [`PromisingZone`] re-estimates by conditional power from unblinded data, [`PooledRate`] by the rate
//! of both arms together from blinded data. Both say which size follows from the interim result; their
//! operating characteristics are computed by quadrature or enumeration, without simulation.
//!
//! Numbers of patients are those with an outcome, in both arms together.

mod blinded;
mod conventional;
mod enumeration;
mod normal;
mod planned;
mod table;

pub use blinded::{PooledRate, PooledRateCharacteristics, Restriction};
pub use enumeration::EnumeratedCharacteristics;
pub use normal::{ReestimationCharacteristics, ZoneCharacteristics};
pub use planned::{
    NoReestimation, ReestimatedDesign, ReestimationUnder, SizeDecision, WantedReestimation,
};

use serde::Serialize;

use crate::num::normal::{lower_tail, upper_quantile};
use crate::num::root::brent;

/// Distance from a limit of conditional power up to which it counts as reached.
// A zone that begins at the conditional power of some table includes this table, whatever the rounding.
const TIE: f64 = 1e-12;

/// Largest Z of an interim result that is searched.
const LARGEST_Z: f64 = 40.0;

/// The unblinded rule of Mehta & Pocock (2011), Stat Med 30:3267: the size is increased if the interim
/// result is promising, which is a conditional power at the planned size in a zone, and is then the
/// one at which the conditional power reaches a target, up to a maximum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PromisingZone {
    sizes: StageSizes,
    limits: ZoneLimits,
    bounds: StageBounds,
    /// Conditional power that the new size is to reach.
    aim: f64,
    under: AssumedEffect,
    /// Z of the interim look at or below which the trial stops there; −∞ if none does.
    lower: f64,
}

/// Effect under which conditional power is computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AssumedEffect {
    /// The one observed at the interim look.
    Trend,
    /// A stated one, as the mean of Z per root of a patient with an outcome; above 0.
    Stated(f64),
}

/// Patients with an outcome, at the interim look and finally.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageSizes {
    /// At the interim look.
    pub interim: f64,
    /// At the final look as planned.
    pub planned: f64,
    /// At most at the final look.
    pub maximum: f64,
}

/// Conditional power at the planned size under the current trend.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ZoneLimits {
    /// Where the promising zone begins; from 0.
    pub at_least: f64,
    /// Where it ends, and what the new size is to reach; below 1.
    pub target: f64,
}

/// Efficacy bounds on the scale of Z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageBounds {
    /// Of the interim look; +∞ if it cannot stop the trial.
    pub interim: f64,
    /// Of the final look.
    pub last: f64,
}

/// What an interim result is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// Conditional power below the promising zone: the size stays as planned.
    Unfavourable,
    /// Conditional power in the promising zone: the size may grow.
    Promising,
    /// Conditional power above the promising zone, or efficacy at the interim look: no more patients
    /// than planned are needed.
    Favourable,
}

impl Zone {
    /// All zones, by increasing interim result.
    pub const ALL: [Self; 3] = [Self::Unfavourable, Self::Promising, Self::Favourable];

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unfavourable => "unfavourable",
            Self::Promising => "promising",
            Self::Favourable => "favourable",
        }
    }
}

/// Statistic of the final look of a trial whose size was re-estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalStatistic {
    /// Z of both stages weighted by the information planned for them, whatever their size (Cui, Hung &
    /// Wang 1999, Biometrics 55:853; the inverse normal combination). The type I error is kept.
    Weighted,
    /// Z of all data together. The type I error is kept if the promising zone begins high enough, see
    /// [`PromisingZone::least_for_conventional`].
    Conventional,
}

/// Reason why numbers are no promising zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPromisingZone {
    /// Sizes that do not increase.
    #[error("the interim look has at least as many patients as planned, or the maximum has fewer")]
    Sizes,
    /// A zone that is empty, or limits that are no probabilities.
    #[error("the zone begins below 0, not below its target, or ends at 1 or above")]
    Limits,
}

impl PromisingZone {
    /// Constructs the rule.
    ///
    /// # Errors
    /// Unless 0 < interim < planned ≤ maximum, and 0 ≤ `at_least` < `target` < 1.
    pub fn new(
        sizes: StageSizes,
        limits: ZoneLimits,
        bounds: StageBounds,
    ) -> Result<Self, NoPromisingZone> {
        let StageSizes { interim, planned, maximum } = sizes;
        if !(0.0 < interim && interim < planned && planned <= maximum) {
            return Err(NoPromisingZone::Sizes);
        }
        let ZoneLimits { at_least, target } = limits;
        if !(0.0 <= at_least && at_least < target && target < 1.0) {
            return Err(NoPromisingZone::Limits);
        }
        Ok(Self {
            sizes,
            limits,
            bounds,
            aim: target,
            under: AssumedEffect::Trend,
            lower: f64::NEG_INFINITY,
        })
    }

    /// Returns the same rule with new sizes that are to reach another conditional power than the one
    /// where the zone ends; in (0, 1).
    #[must_use]
    pub fn aiming_at(self, target: f64) -> Self {
        Self { aim: target, ..self }
    }

    /// Returns the same rule with conditional power under another effect.
    #[must_use]
    pub fn under(self, effect: AssumedEffect) -> Self {
        Self { under: effect, ..self }
    }

    /// Returns the same rule in a trial that stops at the interim look, for futility or harm, if Z is at
    /// or below a bound.
    #[must_use]
    pub fn stopping_below(self, z: f64) -> Self {
        Self { lower: z, ..self }
    }

    /// Returns the same rule for an interim look with another number of outcomes, between 0 and the
    /// planned size, and other bounds.
    ///
    /// # Errors
    /// If the number is not below the planned size.
    pub fn observed_at(self, interim: f64, bounds: StageBounds) -> Result<Self, NoPromisingZone> {
        let sizes = StageSizes { interim, ..self.sizes };
        let observed = Self::new(sizes, self.limits, bounds)?;
        Ok(Self { aim: self.aim, under: self.under, lower: self.lower, ..observed })
    }

    /// Returns the limits of the zone.
    pub fn limits(&self) -> ZoneLimits {
        self.limits
    }

    /// Returns the conditional power that the new size is to reach.
    pub fn aim(&self) -> f64 {
        self.aim
    }

    /// Returns the effect under which conditional power is computed.
    pub fn assumed_effect(&self) -> AssumedEffect {
        self.under
    }

    /// Returns the sizes of the stages.
    pub fn sizes(&self) -> StageSizes {
        self.sizes
    }

    /// Returns the efficacy bounds of both looks.
    pub fn bounds(&self) -> StageBounds {
        self.bounds
    }

    /// Returns the information fraction of the interim look at the planned size.
    fn fraction(&self) -> f64 {
        self.sizes.interim / self.sizes.planned
    }

    /// Returns the Z of the second stage alone at which the weighted statistic reaches the final bound,
    /// after Z = `z` at the interim look.
    pub fn second_stage_bound(&self, z: f64) -> f64 {
        let t = self.fraction();
        (self.bounds.last - t.sqrt() * z) / (1.0 - t).sqrt()
    }

    /// Returns the weighted statistic of Z at the interim look and Z of the second stage alone.
    pub fn weighted(&self, z: f64, second_stage: f64) -> f64 {
        let t = self.fraction();
        t.sqrt() * z + (1.0 - t).sqrt() * second_stage
    }

    /// Computes the conditional power at the planned size after Z = `z` at the interim look.
    pub fn conditional_power(&self, z: f64) -> f64 {
        self.conditional_power_at(z, self.sizes.planned)
    }

    /// Computes the conditional power at another final size, above that of the interim look, after
    /// Z = `z` there, by the weighted statistic.
    pub fn conditional_power_at(&self, z: f64, size: f64) -> f64 {
        let interim = self.sizes.interim;
        let mean = match self.under {
            AssumedEffect::Trend => z * ((size - interim) / interim).sqrt(),
            AssumedEffect::Stated(effect) => effect * (size - interim).sqrt(),
        };
        // The bound keeps the planned weights at every size: only the mean of the second stage
        // grows.
        lower_tail(mean - self.second_stage_bound(z))
    }

    /// Returns the zone of Z = `z` at the interim look. A trend without benefit is unfavourable,
    /// whatever the zone, if conditional power is that of the trend.
    pub fn zone(&self, z: f64) -> Zone {
        let power = self.conditional_power(z);
        let may_grow = match self.under {
            AssumedEffect::Trend => z > 0.0,
            AssumedEffect::Stated(_) => true,
        };
        if z >= self.bounds.interim || power >= self.limits.target - TIE {
            Zone::Favourable
        } else if may_grow && power >= self.limits.at_least - TIE {
            Zone::Promising
        } else {
            Zone::Unfavourable
        }
    }

    /// Returns the Z of the interim look at or below which the trial stops there; −∞ if none does.
    pub fn lower(&self) -> f64 {
        self.lower
    }

    /// Returns whether Z = `z` at the interim look stops the trial, for efficacy or below.
    pub fn ends(&self, z: f64) -> bool {
        self.stops(z) || z <= self.lower
    }

    /// Returns whether Z = `z` at the interim look stops the trial for efficacy.
    pub fn stops(&self, z: f64) -> bool {
        z >= self.bounds.interim
    }

    /// Returns the size that gives the wanted conditional power after Z = `z`, which is above 0 if that
    /// is under the trend, without limits.
    ///
    /// n₁ + (n₁/z²)·(A + z_target)², A being the bound of the second stage: equation 8 of the paper. With
    /// a stated effect it takes the place of the trend z/√n₁.
    fn unlimited(&self, z: f64) -> f64 {
        let interim = self.sizes.interim;
        let effect = match self.under {
            AssumedEffect::Trend => z / interim.sqrt(),
            AssumedEffect::Stated(effect) => effect,
        };
        // Nothing is needed if the second stage may even be against the treatment.
        let needed = (self.second_stage_bound(z) + upper_quantile(1.0 - self.aim)).max(0.0);
        interim + (needed / effect).powi(2)
    }

    /// Returns the final size after Z = `z` at the interim look, before it is rounded; the patients of
    /// the interim look if that stops the trial.
    pub fn size(&self, z: f64) -> f64 {
        if self.ends(z) { self.sizes.interim } else { self.size_if_continued(z) }
    }

    /// Returns the final size after Z = `z` at the interim look, before it is rounded, of a trial that
    /// does not stop there, whatever its bounds.
    pub fn size_if_continued(&self, z: f64) -> f64 {
        let StageSizes { planned, maximum, .. } = self.sizes;
        match self.zone(z) {
            Zone::Promising => self.unlimited(z).clamp(planned, maximum),
            Zone::Unfavourable | Zone::Favourable => planned,
        }
    }

    /// Returns the final size in whole patients: that of [`PromisingZone::size`], an increase being
    /// rounded up to multiples of `step`, but never above the maximum.
    pub fn whole_size(&self, z: f64, step: u32) -> u32 {
        let size = self.size(z);
        // The planned size, and that of a trial that stops at the interim look, are not the rule's to round.
        let step = if size > self.sizes.planned { f64::from(step) } else { 1.0 };
        // Sizes that are whole but for rounding errors stay.
        let rounded = step * (size / step - 1e-9).ceil();
        rounded.min(self.sizes.maximum) as u32
    }

    /// Returns the Z at which the conditional power is `power`; `None` beyond 40.
    fn z_at(&self, power: f64) -> Option<f64> {
        brent(|z| self.conditional_power(z) - power, -LARGEST_Z, LARGEST_Z)
    }

    /// Returns the Z of the interim look where the rule changes, increasing: where the promising zone
    /// begins, where the new size falls below the maximum, where the zone ends, and the efficacy bound;
    /// those that exist.
    pub fn changes(&self) -> Vec<f64> {
        let begins =
            if self.limits.at_least > 0.0 { self.z_at(self.limits.at_least) } else { None };
        // The size falls with Z; under the trend it has no finite value at 0.
        let (begins, from) = match self.under {
            AssumedEffect::Trend => {
                let begins = begins.unwrap_or(0.0).max(0.0);
                (begins, begins.max(1e-9))
            }
            AssumedEffect::Stated(_) => {
                let begins = begins.unwrap_or(-LARGEST_Z);
                (begins, begins)
            }
        };
        let mut changes = vec![begins];
        if let Some(ends) = self.z_at(self.limits.target).filter(|ends| *ends > begins) {
            let StageSizes { planned, maximum, .. } = self.sizes;
            changes.extend(brent(|z| self.unlimited(z) - maximum, from, ends));
            // If the aim is below the end of the zone, the size is as planned before it.
            if self.aim < self.limits.target {
                changes.extend(brent(|z| self.unlimited(z) - planned, from, ends));
            }
            changes.push(ends);
        }
        changes.extend([self.bounds.interim, self.lower].into_iter().filter(|z| z.is_finite()));
        changes.sort_by(f64::total_cmp);
        changes
    }

    /// Returns the Z of the second stage alone at which the statistic reaches the final bound, after
    /// Z = `z` at the interim look and with `size` patients at the final analysis.
    pub fn needed(&self, statistic: FinalStatistic, z: f64, size: f64) -> f64 {
        match statistic {
            FinalStatistic::Weighted => self.second_stage_bound(z),
            FinalStatistic::Conventional => {
                let interim = self.sizes.interim;
                let score = self.bounds.last * size.sqrt() - z * interim.sqrt();
                score / (size - interim).sqrt()
            }
        }
    }
}
