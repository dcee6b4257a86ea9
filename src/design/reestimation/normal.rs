//! Operating characteristics of a promising zone by quadrature over the interim result.

use std::sync::OnceLock;

use serde::Serialize;

use super::{FinalStatistic, PromisingZone, Zone};
use crate::design::recursion::CrossingProbabilities;
use crate::num::normal::{density, upper_tail};
use crate::num::quadrature::GaussLegendre;

/// Standard deviations of the interim Z on either side of its mean.
// The mass beyond is below 2e-19.
const REACH: f64 = 9.0;
/// Longest interval of one quadrature rule.
const LONGEST: f64 = 1.5;
/// Nodes of the rule.
const NODES: usize = 40;

/// Operating characteristics at one effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReestimationCharacteristics {
    /// P(efficacy) by the weighted statistic.
    pub weighted: f64,
    /// P(efficacy) by the conventional statistic.
    pub conventional: f64,
    /// P(efficacy) without re-estimation.
    pub fixed: f64,
    /// Mean number of patients with an outcome.
    pub expected_size: f64,
    /// P(the size is the maximum).
    pub at_maximum: f64,
    /// P(efficacy at the interim look).
    pub early: f64,
    /// Characteristics by zone, in the order of [`Zone::ALL`].
    pub zones: [ZoneCharacteristics; 3],
}

/// Trials whose interim result is in one zone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ZoneCharacteristics {
    /// The zone.
    pub zone: Zone,
    /// P(the interim result is in the zone).
    pub probability: f64,
    /// P(efficacy given the zone) by the weighted statistic; NaN for a zone that never happens.
    pub weighted: f64,
    /// P(efficacy given the zone) by the conventional statistic; NaN for a zone that never happens.
    pub conventional: f64,
    /// Mean number of patients given the zone; NaN for a zone that never happens.
    pub expected_size: f64,
}

/// Sums over interim results.
#[derive(Debug, Clone, Copy, Default)]
struct ZoneSums {
    probability: f64,
    weighted: f64,
    conventional: f64,
    size: f64,
}

impl ZoneSums {
    fn of_zone(self, zone: Zone) -> ZoneCharacteristics {
        ZoneCharacteristics {
            zone,
            probability: self.probability,
            weighted: self.weighted / self.probability,
            conventional: self.conventional / self.probability,
            expected_size: self.size / self.probability,
        }
    }
}

impl PromisingZone {
    /// Computes operating characteristics in the normal model, in which Z on n patients has the mean
    /// `effect`·√n; sizes are not rounded.
    pub fn characteristics(&self, effect: f64) -> ReestimationCharacteristics {
        let sizes = self.sizes();
        let mean = effect * sizes.interim.sqrt();
        let [mut at_maximum, mut early] = [0.0; 2];
        let mut sums = [ZoneSums::default(); 3];
        for (z, weight) in self.nodes(mean) {
            let probability = weight * density(z - mean);
            let size = self.size(z);
            let stops = self.stops(z);
            let sum = &mut sums[self.zone(z) as usize];
            sum.probability += probability;
            sum.size += probability * size;
            if stops {
                early += probability;
                sum.weighted += probability;
                sum.conventional += probability;
            } else if !self.ends(z) {
                let mean = effect * (size - sizes.interim).sqrt();
                let [weighted, conventional] =
                    [FinalStatistic::Weighted, FinalStatistic::Conventional]
                        .map(|statistic| upper_tail(self.needed(statistic, z, size) - mean));
                sum.weighted += probability * weighted;
                sum.conventional += probability * conventional;
            }
            if size >= sizes.maximum * (1.0 - 1e-12) {
                at_maximum += probability;
            }
        }
        let bounds = self.bounds();
        let information = [sizes.interim, sizes.planned];
        let lower = [self.lower(), f64::NEG_INFINITY];
        let upper = [bounds.interim, bounds.last];
        ReestimationCharacteristics {
            weighted: sums.iter().map(|sum| sum.weighted).sum(),
            conventional: sums.iter().map(|sum| sum.conventional).sum(),
            fixed: CrossingProbabilities::new(&information, effect, &lower, &upper).total_upper(),
            expected_size: sums.iter().map(|sum| sum.size).sum(),
            at_maximum,
            early,
            zones: Zone::ALL.map(|zone| sums[zone as usize].of_zone(zone)),
        }
    }

    /// Returns nodes and weights over the interim Z, in pieces between the points where the rule
    /// changes.
    fn nodes(&self, mean: f64) -> impl Iterator<Item = (f64, f64)> {
        static RULE: OnceLock<GaussLegendre> = OnceLock::new();
        let rule = RULE.get_or_init(|| GaussLegendre::new(NODES));
        let (low, high) = (mean - REACH, mean + REACH);
        let inner = self.changes().into_iter().filter(move |z| low < *z && *z < high);
        let ends: Vec<f64> = [low].into_iter().chain(inner).chain([high]).collect();
        let pieces: Vec<[f64; 2]> = ends.windows(2).map(|pair| [pair[0], pair[1]]).collect();
        pieces.into_iter().flat_map(move |[low, high]| {
            let parts = ((high - low) / LONGEST).ceil().max(1.0);
            (0..parts as u32).flat_map(move |part| {
                let width = (high - low) / parts;
                let start = low + f64::from(part) * width;
                rule.on(start, start + width)
            })
        })
    }
}
