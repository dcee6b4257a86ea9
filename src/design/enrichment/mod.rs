//! Enrichment: levels of a factor that look futile at an interim look are dropped, and all later patients
//! come from the others.
//!
//! [`Enrichment`] has two stages and combines their statistics in each level by the inverse normal method
//! with the planned weights (Lehmacher & Wassmer 1999, Biometrics 55:1286), under closed testing (Marcus,
//! Peritz & Gabriel 1976, Biometrika 63:655; for subgroups Brannath et al. 2009, Stat Med 28:1445): a
//! level is rejected if every intersection of null hypotheses that it belongs to is. The p value of an
//! intersection in a stage is that of Simes (1986, Biometrika 73:751) over its levels that have patients
//! in the stage. The familywise error is at most α, whatever rule drops levels, if the levels have
//! different patients and Simes' test holds its level, as it does for independent statistics.
//!
//! [`NestedSelection`] is the rule of DEFUSE 3 (Lai, Lavori & Liao 2014, Contemp Clin Trials 39:191):
//! groups that are nested by an ordered factor, of which the most promising replaces the whole once that
//! looks futile.

mod characteristics;
mod nested;
mod planned;

pub use characteristics::{Drifts, EnrichmentCharacteristics, LevelDrift};
pub use nested::{NestedDecision, NestedSelection};
pub use planned::{EnrichedDesign, EnrichedUnder, NoEnrichedDesign, WantedEnrichment};

use crate::num::normal::{lower_tail, upper_quantile, upper_tail};

/// The largest number of levels, whose intersections are all tested.
pub const MOST_LEVELS: usize = 8;

/// A two-stage design that drops levels by conditional power at its interim look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Enrichment {
    fraction: f64,
    drop_below: f64,
    critical: f64,
}

/// Why there is no such design.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NoEnrichment {
    /// The interim look is not inside the trial.
    #[error("the information fraction of the interim look is {0}; allowed: above 0, below 1")]
    Fraction(f64),
    /// A conditional power is a probability.
    #[error("levels are dropped below a conditional power of {0}; allowed: 0 or more, below 1")]
    DropBelow(f64),
    /// One-sided levels are below one half.
    #[error("one-sided alpha is {0}; allowed: above 0, below 0.5")]
    Alpha(f64),
}

/// The statistics of a level in both stages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelStages {
    /// Z of the patients of the first stage.
    pub first: f64,
    /// Z of the patients of the second stage alone; `None` if the level was dropped.
    pub second: Option<f64>,
}

impl Enrichment {
    /// Constructs a design whose interim look has the given `fraction` of the patients, in (0, 1), drops
    /// levels whose conditional power is below `drop_below`, in \[0, 1), and has the one-sided level
    /// `alpha`, in (0, 0.5).
    ///
    /// # Errors
    /// A value outside its range.
    pub fn new(fraction: f64, drop_below: f64, alpha: f64) -> Result<Self, NoEnrichment> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(NoEnrichment::Fraction(fraction));
        }
        if !(0.0..1.0).contains(&drop_below) {
            return Err(NoEnrichment::DropBelow(drop_below));
        }
        if !(alpha > 0.0 && alpha < 0.5) {
            return Err(NoEnrichment::Alpha(alpha));
        }
        Ok(Self { fraction, drop_below, critical: upper_quantile(alpha) })
    }

    /// Returns the conditional power of a level under the current trend,
    /// Φ((z/√t − z_α)/√(1 − t)), from its Z at the interim look.
    pub fn conditional_power(&self, first: f64) -> f64 {
        let t = self.fraction;
        lower_tail((first / t.sqrt() - self.critical) / (1.0 - t).sqrt())
    }

    /// Returns the Z at the interim look below which a level is dropped; −∞ if none ever is.
    pub fn drop_boundary(&self) -> f64 {
        if self.drop_below == 0.0 {
            return f64::NEG_INFINITY;
        }
        let t = self.fraction;
        t.sqrt() * (self.critical - (1.0 - t).sqrt() * upper_quantile(self.drop_below))
    }

    /// Returns whether a level with this Z at the interim look continues.
    pub fn continues(&self, first: f64) -> bool {
        first >= self.drop_boundary()
    }

    /// Returns whether the null hypothesis of each level is rejected, as bit i for level i.
    ///
    /// # Panics
    /// With more than [`MOST_LEVELS`] levels.
    pub fn rejected(&self, levels: &[LevelStages]) -> u32 {
        assert!(levels.len() <= MOST_LEVELS, "every intersection is tested");
        let all = (1u32 << levels.len()) - 1;
        let mut rejected = all;
        for intersection in 1..=all {
            if !self.rejects(levels, intersection) {
                rejected &= !intersection;
            }
        }
        rejected
    }

    /// Tests the intersection of the null hypotheses of some levels.
    fn rejects(&self, levels: &[LevelStages], intersection: u32) -> bool {
        let members = levels.iter().enumerate().filter(|(i, _)| intersection >> i & 1 == 1);
        let members = members.map(|(_, level)| level);
        let first = simes(members.clone().map(|level| level.first));
        let second = simes(members.filter_map(|level| level.second));
        // Without patients in the second stage nothing can be rejected at its end.
        second.is_some_and(|second| {
            let first = first.expect("an intersection has a level");
            self.combined(first, second) >= self.critical
        })
    }

    fn combined(&self, first: f64, second: f64) -> f64 {
        let [w1, w2] = self.weights();
        w1 * first + w2 * second
    }

    fn weights(&self) -> [f64; 2] {
        [self.fraction.sqrt(), (1.0 - self.fraction).sqrt()]
    }
}

/// The Z of Simes' p value, min over ranks r of m·p₍ᵣ₎/r; `None` without statistics.
fn simes(statistics: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted = [f64::NEG_INFINITY; MOST_LEVELS];
    let mut count = 0;
    for z in statistics {
        sorted[count] = z;
        count += 1;
    }
    let sorted = &mut sorted[..count];
    // A single statistic stays as it is: its p value and back would lose digits.
    if let [only] = sorted {
        return Some(*only);
    }
    sorted.sort_by(|a, b| b.total_cmp(a));
    let members = count as f64;
    let p = (1..).zip(&*sorted).map(|(rank, &z)| members * upper_tail(z) / f64::from(rank));
    p.min_by(f64::total_cmp).map(|p| upper_quantile(p.min(1.0)))
}

#[cfg(test)]
mod tests;
