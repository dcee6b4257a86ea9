//! Re-estimation of the sample size at an interim look.
//!
//! [`PromisingZone`] re-estimates by conditional power from unblinded data, [`PooledRate`] by the rate
//! of both arms together from blinded data. Both say which size follows from the interim result; their
//! operating characteristics are computed by quadrature or enumeration, without simulation.
//!
//! Numbers of patients are those with an outcome, in both arms together.

mod blinded;
mod enumeration;
mod normal;
mod planned;

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
        Ok(Self { sizes, limits, bounds })
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

    /// Computes the conditional power at the planned size under the trend of Z = `z` at the interim
    /// look.
    pub fn conditional_power(&self, z: f64) -> f64 {
        let StageSizes { interim, planned, .. } = self.sizes;
        lower_tail(z * ((planned - interim) / interim).sqrt() - self.second_stage_bound(z))
    }

    /// Returns the zone of Z = `z` at the interim look. A trend without benefit is unfavourable,
    /// whatever the zone.
    pub fn zone(&self, z: f64) -> Zone {
        let power = self.conditional_power(z);
        if z >= self.bounds.interim || power >= self.limits.target - TIE {
            Zone::Favourable
        } else if z > 0.0 && power >= self.limits.at_least - TIE {
            Zone::Promising
        } else {
            Zone::Unfavourable
        }
    }

    /// Returns whether Z = `z` at the interim look stops the trial for efficacy.
    pub fn stops(&self, z: f64) -> bool {
        z >= self.bounds.interim
    }

    /// Returns the size that gives the target of conditional power after Z = `z` > 0, without limits.
    ///
    /// n₁ + (n₁/z²)·(A + z_target)², A being the bound of the second stage: equation 8 of the paper.
    fn unlimited(&self, z: f64) -> f64 {
        let interim = self.sizes.interim;
        let needed = self.second_stage_bound(z) + upper_quantile(1.0 - self.limits.target);
        interim + interim / (z * z) * needed * needed
    }

    /// Returns the final size after Z = `z` at the interim look, before it is rounded; the patients of
    /// the interim look if that stops the trial.
    pub fn size(&self, z: f64) -> f64 {
        let StageSizes { interim, planned, maximum } = self.sizes;
        if self.stops(z) {
            return interim;
        }
        match self.zone(z) {
            Zone::Promising => self.unlimited(z).clamp(planned, maximum),
            Zone::Unfavourable | Zone::Favourable => planned,
        }
    }

    /// Returns the final size in whole patients: that of [`PromisingZone::size`], an increase being
    /// rounded up to multiples of `step`, but never above the maximum.
    pub fn whole_size(&self, z: f64, step: u32) -> u32 {
        let size = self.size(z);
        let step = f64::from(step);
        // Sizes that are whole but for rounding errors stay.
        let rounded = step * (size / step - 1e-9).ceil();
        rounded.min(self.sizes.maximum).max(size.min(self.sizes.planned)) as u32
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
        let begins = begins.unwrap_or(0.0).max(0.0);
        let mut changes = vec![begins];
        if let Some(ends) = self.z_at(self.limits.target).filter(|ends| *ends > begins) {
            // The size falls with Z, and has no finite value at 0.
            let from = begins.max(1e-9);
            let maximum = self.sizes.maximum;
            changes.extend(brent(|z| self.unlimited(z) - maximum, from, ends));
            changes.push(ends);
        }
        if self.bounds.interim.is_finite() {
            changes.push(self.bounds.interim);
        }
        changes.sort_by(f64::total_cmp);
        changes
    }

    /// Computes the least conditional power at which a promising zone with this target may begin so
    /// that the conventional statistic keeps the type I error (Chen, DeMets & Lan 2004, Stat Med
    /// 23:1023; table 1 of Mehta & Pocock).
    ///
    /// The bound that the conventional statistic would need after Z = z and the size that follows is
    /// b(z) = (z√n₁ + √(n − n₁)·A)/√n; it is at most the final bound from there on.
    pub fn least_for_conventional(&self) -> f64 {
        let Some(ends) = self.z_at(self.limits.target).filter(|ends| *ends > 0.0) else {
            return 0.0;
        };
        // At the end of the zone the size is as planned, and the bound is the final one.
        let steps = 4000;
        let mut above = ends;
        for step in 1..steps {
            let z = ends * (1.0 - f64::from(step) / f64::from(steps));
            if self.excess(z) > 1e-9 {
                let change = brent(|z| self.excess(z), z, above).unwrap_or(z);
                return self.conditional_power(change);
            }
            above = z;
        }
        0.0
    }

    /// Returns by how much the bound that the conventional statistic needs exceeds the final one, if the
    /// size is re-estimated after Z = `z`.
    fn excess(&self, z: f64) -> f64 {
        let StageSizes { interim, planned, maximum } = self.sizes;
        let size = self.unlimited(z).clamp(planned, maximum);
        let score = z * interim.sqrt() + (size - interim).sqrt() * self.second_stage_bound(z);
        score / size.sqrt() - self.bounds.last
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
