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
mod measure;
mod nested;
mod planned;

pub use characteristics::{Drifts, EnrichmentCharacteristics, LevelDrift};
pub use measure::DropMeasure;
pub use nested::{NestedDecision, NestedSelection};
pub use planned::{EnrichedDesign, EnrichedUnder, NoEnrichedDesign, WantedEnrichment};

use crate::num::normal::{lower_tail, upper_quantile, upper_tail};

/// The largest number of levels, whose intersections are all tested.
pub const MOST_LEVELS: usize = 8;

/// A two-stage design that drops levels by conditional or predictive power at its interim look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Enrichment {
    fraction: f64,
    drop_below: f64,
    critical: f64,
    measure: DropMeasure,
    /// Z at the interim look below which a level is dropped.
    // Asked for by every level of every simulated trial, and a quantile takes longer than many a fit.
    drop_boundary: f64,
}

/// Levels of a factor, each with its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LevelSet(u8);

impl LevelSet {
    /// No level.
    pub const NONE: Self = Self(0);

    /// Returns the first levels, this many.
    ///
    /// # Panics
    /// With more than [`MOST_LEVELS`].
    pub fn first(levels: usize) -> Self {
        assert!(levels <= MOST_LEVELS, "every level has a bit");
        // In 32 bits: of eight levels, 1 << 8 would overflow a byte.
        Self(((1u32 << levels) - 1) as u8)
    }

    /// Returns every set of at least one of this many levels.
    pub fn all_of(levels: usize) -> impl Iterator<Item = Self> {
        (1..=Self::first(levels).0).map(Self)
    }

    /// Returns the set with a level added.
    #[must_use]
    pub fn with(self, level: usize) -> Self {
        Self(self.0 | 1 << level)
    }

    /// Returns whether a level is in the set.
    pub fn has(self, level: usize) -> bool {
        self.0 >> level & 1 == 1
    }

    /// Returns whether the set has no level.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the number of levels in the set.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Returns the levels that are in both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Lists the positions of the levels in the set.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..MOST_LEVELS).filter(move |&level| self.has(level))
    }
}

impl FromIterator<usize> for LevelSet {
    fn from_iter<I: IntoIterator<Item = usize>>(levels: I) -> Self {
        levels.into_iter().fold(Self::NONE, Self::with)
    }
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
        let measure = DropMeasure::ConditionalPower;
        let critical = upper_quantile(alpha);
        let drop_boundary = f64::NEG_INFINITY;
        Ok(Self { fraction, drop_below, critical, measure, drop_boundary }.by(measure))
    }

    /// Returns the same design, which drops levels by another measure.
    #[must_use]
    pub fn by(self, measure: DropMeasure) -> Self {
        let design = Self { measure, ..self };
        Self { drop_boundary: design.boundary(), ..design }
    }

    /// Returns the value below which a level is dropped.
    pub fn drop_below(&self) -> f64 {
        self.drop_below
    }

    /// Returns what levels are dropped by.
    pub fn measure(&self) -> DropMeasure {
        self.measure
    }

    /// Returns the Z from which the combination of both stages is significant.
    pub fn critical(&self) -> f64 {
        self.critical
    }

    /// Returns the conditional power of a level under the current trend,
    /// Φ((z/√t − z_α)/√(1 − t)), from its Z at the interim look; or its predictive power,
    /// Φ((z − z_α·√t)/√(1 − t)) (Spiegelhalter, Freedman & Blackburn 1986, Control Clin Trials 7:8), if
    /// levels are dropped by that.
    pub fn expected_power(&self, first: f64) -> f64 {
        let t = self.fraction;
        let rest = (1.0 - t).sqrt();
        lower_tail(match self.measure {
            DropMeasure::ConditionalPower => (first / t.sqrt() - self.critical) / rest,
            DropMeasure::PredictivePower => (first - self.critical * t.sqrt()) / rest,
        })
    }

    /// Returns the Z at the interim look below which a level is dropped; −∞ if none ever is.
    pub fn drop_boundary(&self) -> f64 {
        self.drop_boundary
    }

    fn boundary(&self) -> f64 {
        if self.drop_below == 0.0 {
            return f64::NEG_INFINITY;
        }
        let t = self.fraction;
        let rest = (1.0 - t).sqrt() * upper_quantile(self.drop_below);
        match self.measure {
            DropMeasure::ConditionalPower => t.sqrt() * (self.critical - rest),
            DropMeasure::PredictivePower => t.sqrt() * self.critical - rest,
        }
    }

    /// Returns whether a level with this Z at the interim look continues.
    pub fn continues(&self, first: f64) -> bool {
        first >= self.drop_boundary()
    }

    /// Returns the Z of each level by which its null hypothesis is rejected, from [`Self::critical`]
    /// upwards: the least combined Z of the intersections that it belongs to. It is −∞ for a level without
    /// patients in the second stage, and for levels that there are not.
    ///
    /// # Panics
    /// With more than [`MOST_LEVELS`] levels.
    pub fn adjusted(&self, levels: &[LevelStages]) -> [f64; MOST_LEVELS] {
        let mut adjusted = [f64::NEG_INFINITY; MOST_LEVELS];
        for (z, level) in adjusted.iter_mut().zip(levels) {
            if level.second.is_some() {
                // Starts above every intersection, whose least Z it becomes; a dropped level stays
                // at −∞.
                *z = f64::INFINITY;
            }
        }
        // All sets, 255 of eight levels: a shortcut would hold for some orders of p values only.
        for intersection in LevelSet::all_of(levels.len()) {
            let first = simes(intersection.iter().map(|level| levels[level].first));
            let second = simes(intersection.iter().filter_map(|level| levels[level].second));
            // Without patients in the second stage nothing can be rejected at its end.
            let z = match (first, second) {
                (Some(first), Some(second)) => self.combined(first, second),
                (None, _) | (_, None) => f64::NEG_INFINITY,
            };
            for level in intersection.iter() {
                adjusted[level] = adjusted[level].min(z);
            }
        }
        adjusted
    }

    /// Returns the levels whose null hypothesis is rejected.
    ///
    /// # Panics
    /// With more than [`MOST_LEVELS`] levels.
    pub fn rejected(&self, levels: &[LevelStages]) -> LevelSet {
        let adjusted = self.adjusted(levels);
        (0..levels.len()).filter(|&level| adjusted[level] >= self.critical).collect()
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
