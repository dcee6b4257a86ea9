//! Operating characteristics of enrichment with two levels, by quadrature over the interim results.

use serde::Serialize;

use super::Enrichment;
use crate::num::normal::{density, upper_quantile, upper_tail};
use crate::num::quadrature::GaussLegendre;
use crate::num::root::brent;

/// Half-width of the interim results integrated, in standard deviations around their mean.
// Beyond it lies a probability of 2e-17, less than rounding.
const REACH: f64 = 8.5;

/// Panels over the interim results, cut at every bend, and nodes in each.
const PANELS: usize = 8;
const NODES: usize = 10;

/// Means of the Z of one level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelDrift {
    /// In the first stage.
    pub first: f64,
    /// In the second stage, if both levels continue.
    pub second: f64,
    /// In the second stage, if all of its patients come from this level.
    pub alone: f64,
}

/// Means of the Z of both levels, which are independent and have variance 1.
pub type Drifts = [LevelDrift; 2];

/// Operating characteristics of an enrichment design with two levels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EnrichmentCharacteristics {
    /// P(the null hypothesis of each level is rejected).
    pub rejected: [f64; 2],
    /// P(at least one is rejected).
    pub any: f64,
    /// P(both are rejected).
    pub both: f64,
    /// P(each level alone is dropped).
    pub dropped: [f64; 2],
    /// P(both levels are dropped, which ends the trial).
    pub stopped: f64,
    /// P(at least one true null hypothesis is rejected): those of levels without any drift.
    pub familywise_error: f64,
}

impl LevelDrift {
    /// A level without an effect.
    pub const NONE: Self = Self { first: 0.0, second: 0.0, alone: 0.0 };

    /// Returns the drift of a level with a `share` of the patients, whose estimate of the `effect` has
    /// the given `information` per patient, with `patients` in the first and in the second stage.
    pub fn new(effect: f64, information: f64, share: f64, patients: [f64; 2]) -> Self {
        let [first, second] = patients;
        let [first, second, alone] = [share * first, share * second, second]
            .map(|patients| effect * (information * patients).sqrt());
        Self { first, second, alone }
    }

    fn is_null(self) -> bool {
        self == Self::NONE
    }
}

/// Chances of the second stage, given the first.
#[derive(Debug, Clone, Copy, Default)]
struct Chances {
    rejected: [f64; 2],
    both: f64,
}

impl EnrichmentCharacteristics {
    /// Computes them, with an error below 1e-7.
    pub fn new(design: &Enrichment, drifts: &Drifts) -> Self {
        let boundary = design.drop_boundary();
        let kept = drifts.map(|drift| upper_tail(boundary - drift.first));
        let mut found = Chances::default();
        // Where a bend of the inner integrand passes the step at the boundary, the outer one has a bend.
        let mut outer = vec![0.0];
        if boundary.is_finite() {
            outer.extend(design.bends(boundary, drifts[0].first));
        }
        for (first, weight) in nodes(drifts[0].first, &outer) {
            let bends = design.bends(first, drifts[1].first);
            for (second, part) in nodes(drifts[1].first, &bends) {
                let given = design.given_first_stage([first, second], drifts);
                for (sum, chance) in found.rejected.iter_mut().zip(given.rejected) {
                    *sum += weight * part * chance;
                }
                found.both += weight * part * given.both;
            }
        }
        // Counted once where both are rejected.
        let any = found.rejected[0] + found.rejected[1] - found.both;
        // An error is a rejection in a level whose null hypothesis is true.
        let familywise_error = match drifts.map(LevelDrift::is_null) {
            [true, true] => any,
            [true, false] => found.rejected[0],
            [false, true] => found.rejected[1],
            [false, false] => 0.0,
        };
        Self {
            rejected: found.rejected,
            any,
            both: found.both,
            dropped: [(1.0 - kept[0]) * kept[1], kept[0] * (1.0 - kept[1])],
            stopped: (1.0 - kept[0]) * (1.0 - kept[1]),
            familywise_error,
        }
    }

    /// Returns the expected number of patients of a trial with `first` patients at its interim look and
    /// `all` at its end.
    pub fn expected_size(&self, first: f64, all: f64) -> f64 {
        all - self.stopped * (all - first)
    }
}

impl Enrichment {
    /// Returns the chances of the second stage, given the Z of the first.
    fn given_first_stage(&self, first: [f64; 2], drifts: &Drifts) -> Chances {
        let joint = super::simes(first.into_iter()).expect("two levels");
        let mut found = Chances::default();
        match first.map(|z| self.continues(z)) {
            [false, false] => {}
            [true, false] | [false, true] => {
                let level = usize::from(self.continues(first[1]));
                let z = self.needed_after(first[level]).max(self.needed_after(joint));
                found.rejected[level] = upper_tail(z - drifts[level].alone);
            }
            [true, true] => {
                // The p values of the second stage that the intersection and each level need.
                let limit = upper_tail(self.needed_after(joint));
                let own = first.map(|z| upper_tail(self.needed_after(z)));
                let free = drifts.map(|drift| Intervals::new(limit, 1.0, drift.second));
                let capped = [0, 1].map(|i| Intervals::new(limit, own[i], drifts[i].second));
                found.rejected =
                    [capped[0].significant_with(free[1]), capped[1].significant_with(free[0])];
                found.both = capped[0].significant_with(capped[1]);
            }
        }
        found
    }

    /// Returns the Z of the other level in the first stage, around its `mean`, where the chances of the
    /// second stage have a bend or a step.
    fn bends(&self, first: f64, mean: f64) -> Vec<f64> {
        let p = upper_tail(first);
        // The Simes p value changes its form where one p value is the other, or twice the other.
        let mut bends = vec![
            self.drop_boundary(),
            first,
            upper_quantile((2.0 * p).min(1.0)),
            upper_quantile(0.5 * p),
        ];
        // In the second stage the p value that a level needs passes half of that of the intersection.
        let half = |second: f64| {
            let joint = super::simes([first, second].into_iter()).expect("two levels");
            0.5 * upper_tail(self.needed_after(joint))
        };
        let (low, high) = (mean - REACH, mean + REACH);
        let own = upper_tail(self.needed_after(first));
        bends.extend(brent(|second| half(second) - own, low, high));
        bends.extend(brent(
            |second| half(second) - upper_tail(self.needed_after(second)),
            low,
            high,
        ));
        bends
    }

    /// Returns the Z of the second stage from which a combination with this Z of the first is significant.
    fn needed_after(&self, first: f64) -> f64 {
        let [w1, w2] = self.weights();
        (self.critical - w1 * first) / w2
    }
}

/// Probabilities that the p value of a level in the second stage is below a cap, and below half the limit
/// of the intersection, from there to the limit, and above it.
#[derive(Debug, Clone, Copy)]
struct Intervals {
    half: f64,
    limit: f64,
    above: f64,
}

impl Intervals {
    fn new(limit: f64, cap: f64, drift: f64) -> Self {
        let [half, whole, all] =
            [0.5 * limit, limit, 1.0].map(|p| upper_tail(upper_quantile(p.min(cap)) - drift));
        Self { half, limit: whole - half, above: all - whole }
    }

    /// Returns the probability that both p values are below their caps and Simes' p value is below the
    /// limit: one of them below its half, or both below it.
    fn significant_with(self, other: Self) -> f64 {
        self.half * (other.half + other.limit + other.above)
            + self.limit * (other.half + other.limit)
            + self.above * other.half
    }
}

/// Nodes with their normal weights around a mean, in panels that end at each bend of the integrand.
fn nodes(mean: f64, bends: &[f64]) -> Vec<(f64, f64)> {
    let (low, high) = (mean - REACH, mean + REACH);
    let mut ends: Vec<f64> =
        bends.iter().copied().filter(|end| (low..high).contains(end)).collect();
    ends.extend((0..=PANELS).map(|k| low + (high - low) * k as f64 / PANELS as f64));
    ends.sort_by(f64::total_cmp);
    let rule = GaussLegendre::new(NODES);
    let mut nodes = Vec::new();
    for pair in ends.windows(2) {
        nodes.extend(rule.on(pair[0], pair[1]).map(|(z, width)| (z, width * density(z - mean))));
    }
    nodes
}
