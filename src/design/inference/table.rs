//! Stage-wise estimates of one look for many trials.

use std::sync::OnceLock;

use super::{Monitored, StagewiseEstimate};
use crate::num::chebyshev::Chebyshev;

/// Z values that are tabulated; others are solved for.
// Beyond, a table would be larger and serve hardly any trial.
const RANGE: [f64; 2] = [-6.0, 9.0];
/// Pieces of the range before any is halved.
// Each is tabulated when it is first needed: a run of few replicates pays for one or two.
const PIECES: usize = 3;
/// Points that the polynomial of a piece passes through.
const POINTS: usize = 24;
/// Largest number of times that a piece is halved.
const MOST_HALVINGS: u32 = 7;
/// Largest tail of a piece's coefficients.
// The error against the exact solution that the test below allows.
const TOLERANCE: f64 = 1e-7;

/// [`Monitored::stagewise_estimate`] at one look as a function of Z.
///
/// Each trial costs the evaluation of a few polynomials instead of a solution.
#[derive(Debug, Clone)]
pub struct StagewiseTable {
    information: Vec<f64>,
    lower: Vec<f64>,
    efficacy: Vec<f64>,
    level: f64,
    /// Ranges by increasing Z, without gaps.
    ranges: [ZRange; PIECES],
}

/// Z values whose estimates are tabulated when the first of them is asked for.
// A run of few replicates meets most of its final looks once or twice, and always the same range: the
// other ranges would cost more than all its trials.
#[derive(Debug, Clone)]
struct ZRange {
    low: f64,
    /// Largest Z of the range.
    high: f64,
    /// Number of times that the range may be halved.
    halvings: u32,
    estimates: OnceLock<RangeEstimates>,
}

/// Estimates of a range.
#[derive(Debug, Clone)]
enum RangeEstimates {
    /// Polynomials over the whole range.
    Piece(Piece),
    /// The lower and the upper half, as the polynomials of the whole range miss a bend.
    Halves(Box<[ZRange; 2]>),
}

/// Polynomials between two Z.
#[derive(Debug, Clone)]
struct Piece {
    median: Chebyshev,
    low_limit: Chebyshev,
    high_limit: Chebyshev,
}

impl StagewiseTable {
    /// Tabulates trials that end at look `k` of `monitored`, with confidence limits of `level`.
    pub fn new(monitored: &Monitored, k: usize, level: f64) -> Self {
        let width = (RANGE[1] - RANGE[0]) / PIECES as f64;
        Self {
            information: monitored.information[..=k].to_vec(),
            lower: monitored.lower[..=k].to_vec(),
            efficacy: monitored.efficacy[..=k].to_vec(),
            level,
            ranges: std::array::from_fn(|i| {
                let low = RANGE[0] + i as f64 * width;
                ZRange::new(low, low + width, MOST_HALVINGS)
            }),
        }
    }

    /// Returns the estimate of the drift after a trial that ended with Z = `z`, finite.
    pub fn estimate(&self, z: f64) -> StagewiseEstimate {
        // No piece ends below NaN, so the search would take the first one; the solver panics.
        if z.is_nan() || z < RANGE[0] {
            return self.solve(z);
        }
        let range = self.ranges.iter().find(|range| z <= range.high);
        range.map_or_else(|| self.solve(z), |range| range.estimate(self, z))
    }

    fn solve(&self, z: f64) -> StagewiseEstimate {
        let looks = Monitored::new(&self.information, &self.lower, &self.efficacy);
        looks.stagewise_estimate(self.information.len() - 1, z, self.level)
    }
}

impl ZRange {
    fn new(low: f64, high: f64, halvings: u32) -> Self {
        Self { low, high, halvings, estimates: OnceLock::new() }
    }

    /// Returns the estimate at a Z of the range.
    fn estimate(&self, table: &StagewiseTable, z: f64) -> StagewiseEstimate {
        match self.estimates.get_or_init(|| self.tabulated(table)) {
            RangeEstimates::Piece(piece) => piece.at(z),
            RangeEstimates::Halves(halves) => {
                let half = usize::from(z > halves[0].high);
                halves[half].estimate(table, z)
            }
        }
    }

    fn tabulated(&self, table: &StagewiseTable) -> RangeEstimates {
        let &Self { low, high, halvings, .. } = self;
        let piece = Piece::new(table, low, high);
        // If the look before was shortly before, the function bends within the spread of the few
        // patients between, and the polynomial of a long piece misses it.
        if halvings > 0 && piece.tail() > TOLERANCE {
            let middle = 0.5 * (low + high);
            let halves = [(low, middle), (middle, high)];
            let halves = halves.map(|(low, high)| Self::new(low, high, halvings - 1));
            RangeEstimates::Halves(Box::new(halves))
        } else {
            RangeEstimates::Piece(piece)
        }
    }
}

impl Piece {
    fn new(table: &StagewiseTable, low: f64, high: f64) -> Self {
        let (mut median, mut low_limit, mut high_limit) = (Vec::new(), Vec::new(), Vec::new());
        for z in Chebyshev::points(POINTS, low, high) {
            let estimate = table.solve(z);
            median.push(estimate.median);
            low_limit.push(estimate.low);
            high_limit.push(estimate.high);
        }
        Self {
            median: Chebyshev::through(low, high, &median),
            low_limit: Chebyshev::through(low, high, &low_limit),
            high_limit: Chebyshev::through(low, high, &high_limit),
        }
    }

    fn tail(&self) -> f64 {
        self.median.tail().max(self.low_limit.tail()).max(self.high_limit.tail())
    }

    fn at(&self, z: f64) -> StagewiseEstimate {
        StagewiseEstimate {
            median: self.median.at(z),
            low: self.low_limit.at(z),
            high: self.high_limit.at(z),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: f64 = f64::NEG_INFINITY;

    #[test]
    #[should_panic(expected = "the bracket's ends")]
    fn a_statistic_that_is_not_a_number_has_no_tabulated_estimate() {
        let monitored = Monitored::new(&[0.5, 1.0], &[NONE; 2], &[2.8, 1.98]);
        StagewiseTable::new(&monitored, 1, 0.95).estimate(f64::NAN);
    }

    #[test]
    fn a_statistic_beyond_the_table_has_the_estimate_of_the_solver() {
        let monitored = Monitored::new(&[0.5, 1.0], &[NONE; 2], &[2.8, 1.98]);
        let table = StagewiseTable::new(&monitored, 1, 0.95);
        for z in [RANGE[0] - 0.5, RANGE[1] + 0.5] {
            let (fast, exact) = (table.estimate(z), monitored.stagewise_estimate(1, z, 0.95));
            assert_eq!(
                [fast.median, fast.low, fast.high].map(f64::to_bits),
                [exact.median, exact.low, exact.high].map(f64::to_bits),
                "{z}"
            );
        }
    }

    #[test]
    fn tabulated_estimates_are_the_exact_solutions() {
        let designs = [
            ([1.0 / 3.0, 2.0 / 3.0, 1.0], [NONE; 3], [3.71, 2.51, 1.99]),
            ([0.4, 0.8, 1.2], [0.0, 1.0, NONE], [2.28, 2.29, 2.30]),
            ([0.3, 0.9, 0.91], [NONE; 3], [3.9, 2.2, 2.1]),
        ];
        for (information, lower, efficacy) in designs {
            let monitored = Monitored::new(&information, &lower, &efficacy);
            for k in 0..3 {
                let table = StagewiseTable::new(&monitored, k, 0.95);
                for i in 0..=900 {
                    let z = -6.5 + f64::from(i) / 900.0 * 16.0;
                    let (fast, exact) =
                        (table.estimate(z), monitored.stagewise_estimate(k, z, 0.95));
                    for (fast, exact) in [
                        (fast.median, exact.median),
                        (fast.low, exact.low),
                        (fast.high, exact.high),
                    ] {
                        let error = (fast - exact).abs() / exact.abs().max(1.0);
                        assert!(error < 1e-7, "{efficacy:?} {k} {z}: {fast} {exact}");
                    }
                }
            }
        }
    }
}
