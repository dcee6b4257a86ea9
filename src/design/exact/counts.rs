//! Probabilities of the pairs of counts with which a trial continues from look to look.

use std::ops::Range;

use crate::design::sample_size::ArmSizes;

/// Tables with a number of successes in the control arm, `row`, and some in the experimental arm.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RowRange {
    pub row: usize,
    pub range: Range<usize>,
}

/// Probabilities of the pairs of counts with which the trial continues: a row per number of
/// successes in the control arm, a column per number in the experimental arm.
pub(super) struct Workspace {
    cells: Vec<f64>,
    width: usize,
    /// Cells of the next step.
    // Kept, as it would have to be allocated at every look.
    spare: Vec<f64>,
    binomial: Vec<f64>,
}

impl Workspace {
    /// Starts with no patients: one cell, which is certain.
    pub(super) fn start() -> Self {
        Self { cells: vec![1.0], width: 1, spare: Vec::new(), binomial: Vec::new() }
    }

    /// Adds the patients between two looks, with rates of success in control and experimental arm.
    pub(super) fn enrol_arms(&mut self, before: ArmSizes, now: ArmSizes, rates: [f64; 2]) {
        self.enrol(now.control - before.control, rates[0], Self::control);
        self.enrol(now.experimental - before.experimental, rates[1], Self::experimental);
    }

    /// Convolves one arm with the successes among its new patients.
    fn enrol(&mut self, patients: u32, rate: f64, convolve: fn(&mut Self)) {
        if patients > 0 {
            binomial(patients, rate, &mut self.binomial);
            convolve(self);
            std::mem::swap(&mut self.cells, &mut self.spare);
        }
    }

    /// Convolves along the columns, which makes rows.
    fn control(&mut self) {
        let more = self.binomial.len() - 1;
        self.spare.clear();
        self.spare.resize(self.cells.len() + more * self.width, 0.0);
        for (i, &weight) in self.binomial.iter().enumerate() {
            add(&mut self.spare[i * self.width..], weight, &self.cells);
        }
    }

    /// Convolves along the rows, which makes them longer.
    fn experimental(&mut self) {
        let width = self.width + self.binomial.len() - 1;
        self.spare.clear();
        self.spare.resize(self.cells.len() / self.width * width, 0.0);
        let rows = self.cells.chunks_exact(self.width).zip(self.spare.chunks_exact_mut(width));
        for (from, to) in rows {
            for (i, &weight) in self.binomial.iter().enumerate() {
                add(&mut to[i..], weight, from);
            }
        }
        self.width = width;
    }

    /// Returns the probability that the trial continues.
    pub(super) fn continuing(&self) -> f64 {
        self.cells.iter().sum()
    }

    /// Sums the probabilities in ranges by the successes in both arms.
    pub(super) fn by_total(&self, ranges: &[RowRange]) -> Vec<f64> {
        let mut totals = vec![0.0; self.cells.len() / self.width + self.width - 1];
        for RowRange { row, range } in ranges {
            for y in range.clone() {
                totals[row + y] += self.cells[row * self.width + y];
            }
        }
        totals
    }

    /// Removes the probabilities in ranges and returns their sum.
    pub(super) fn stop(&mut self, ranges: &[RowRange]) -> f64 {
        let stopped = ranges.iter().map(|RowRange { row, range }| {
            let first = row * self.width;
            let stopping = &mut self.cells[first + range.start..first + range.end];
            let sum = stopping.iter().fold(0.0, |sum, p| sum + p);
            stopping.fill(0.0);
            sum
        });
        // Not `sum()`: the sum of no numbers is −0, which would be printed as a negative
        // probability.
        stopped.fold(0.0, |sum, stopped| sum + stopped)
    }
}

/// Adds `weight` times `from` to the beginning of `to`.
fn add(to: &mut [f64], weight: f64, from: &[f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += weight * from;
    }
}

/// Replaces `out` by P(k successes) for k = 0 … `patients`.
// Ratios of neighbours outwards from the mode, then divided by their sum: none overflows, and those
// that underflow are 0 next to the others.
pub fn binomial(patients: u32, rate: f64, out: &mut Vec<f64>) {
    let n = patients as usize;
    let mode = (((n + 1) as f64 * rate) as usize).min(n);
    out.clear();
    out.resize(n + 1, 0.0);
    out[mode] = 1.0;
    for k in mode..n {
        out[k + 1] = out[k] * ((n - k) as f64 * rate) / ((k + 1) as f64 * (1.0 - rate));
    }
    for k in (0..mode).rev() {
        out[k] = out[k + 1] * ((k + 1) as f64 * (1.0 - rate)) / ((n - k) as f64 * rate);
    }
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|p| *p /= sum);
}
