//! Stage-wise estimates of one look for many trials.

use super::{Estimate, Monitored};
use crate::num::chebyshev::Chebyshev;

/// The Z values that are tabulated; others are solved for.
const RANGE: (f64, f64) = (-6.0, 9.0);
/// Pieces at first, points per piece, and how often a piece may be halved.
const PIECES: usize = 3;
const POINTS: usize = 24;
const MOST_HALVINGS: u32 = 7;
/// Largest tail of a piece's coefficients.
const TOLERANCE: f64 = 1e-7;

/// [`Monitored::stagewise_estimate`] at one look as a function of Z, for as many trials as wanted:
/// each costs a few polynomials instead of a solution.
#[derive(Debug, Clone)]
pub struct StagewiseTable {
    information: Vec<f64>,
    lower: Vec<f64>,
    efficacy: Vec<f64>,
    level: f64,
    /// By increasing Z, without gaps.
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    high: f64,
    median: Chebyshev,
    low_limit: Chebyshev,
    high_limit: Chebyshev,
}

impl StagewiseTable {
    /// For trials that end at look `k` of `monitored`, with confidence limits of `level`.
    pub fn new(monitored: &Monitored, k: usize, level: f64) -> Self {
        let solve = |z: f64| monitored.stagewise_estimate(k, z, level);
        let width = (RANGE.1 - RANGE.0) / PIECES as f64;
        let mut pieces = Vec::new();
        for i in 0..PIECES {
            let low = RANGE.0 + i as f64 * width;
            fill(&mut pieces, &solve, (low, low + width), MOST_HALVINGS);
        }
        Self {
            information: monitored.information[..=k].to_vec(),
            lower: monitored.lower[..=k].to_vec(),
            efficacy: monitored.efficacy[..=k].to_vec(),
            level,
            pieces,
        }
    }

    /// The drift after a trial that ended with Z = `z`, finite.
    pub fn estimate(&self, z: f64) -> Estimate {
        let piece = self.pieces.partition_point(|piece| piece.high < z);
        match self.pieces.get(piece) {
            Some(piece) if z >= RANGE.0 => piece.at(z),
            _ => {
                let all = Monitored::new(&self.information, &self.lower, &self.efficacy);
                all.stagewise_estimate(self.information.len() - 1, z, self.level)
            }
        }
    }
}

/// Adds the pieces between `low` and `high`, halved where the function bends too much: next to a
/// look shortly before it does so within the noise of the few patients between.
fn fill(
    pieces: &mut Vec<Piece>,
    solve: &impl Fn(f64) -> Estimate,
    (low, high): (f64, f64),
    halvings: u32,
) {
    let piece = Piece::new(solve, (low, high));
    if halvings == 0 || piece.tail() <= TOLERANCE {
        pieces.push(piece);
        return;
    }
    let middle = 0.5 * (low + high);
    fill(pieces, solve, (low, middle), halvings - 1);
    fill(pieces, solve, (middle, high), halvings - 1);
}

impl Piece {
    fn new(solve: impl Fn(f64) -> Estimate, (low, high): (f64, f64)) -> Self {
        let solved: Vec<Estimate> = Chebyshev::points(POINTS, low, high).map(solve).collect();
        let through = |part: fn(&Estimate) -> f64| {
            let values: Vec<f64> = solved.iter().map(part).collect();
            Chebyshev::through(low, high, &values)
        };
        Self {
            high,
            median: through(|estimate| estimate.median),
            low_limit: through(|estimate| estimate.low),
            high_limit: through(|estimate| estimate.high),
        }
    }

    fn tail(&self) -> f64 {
        self.median.tail().max(self.low_limit.tail()).max(self.high_limit.tail())
    }

    fn at(&self, z: f64) -> Estimate {
        Estimate {
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
    fn is_the_exact_solution_everywhere() {
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
