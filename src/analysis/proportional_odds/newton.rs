//! Newton's method on the likelihood of grouped counts.
//!
//! The log likelihood is concave (Pratt 1981, JASA 76:103). Along any line its terms are
//! functions φ with |φ‴| ≤ r·|φ″|, r being the largest change of a linear predictor (logistic
//! terms) or |Δd|·coth(d/2) (the thresholds' term). A Newton step t with t·r ≤ 1.5 then gains at
//! least t·(1 − 0.89·t) times the initial slope (from φ″(u) ≥ φ″(0)·e^{ru}, integrated twice), so
//! that steps cut to that length never lower the likelihood, and it need not be evaluated.

use super::CUTS;
use super::bordered::{Bordered, Step};
use super::grouped::{Grouped, weights};
use crate::num::exp::exp_normal;
use crate::num::log::ln_normal;
use crate::outcome::LEVELS;
use std::ops::Range;

/// Longest step that is known to gain.
const SAFE: f64 = 1.5;
/// A step that changes no linear predictor by more is the last: its own error is the square.
const SETTLED: f64 = 1e-8;
/// A linear predictor that still moves by this much …
const MOVING: f64 = 0.05;
/// … while the log likelihood per patient gains less than this, goes to infinity.
const NO_GAIN: f64 = 1e-10;
/// Of the information about treatment at the start: what is left is that of patients on their way
/// to F = 0 or 1, which at a gain of nothing is about 1e-9. The least of patients whose arms overlap
/// is one in as many as there are.
const FAINT: f64 = 1e-7;
/// No odds ratio of data that overlap has such a logarithm: with 1e6 patients on either side of a
/// cut and one on the wrong side in each arm it is 28.
const DIVERGED: f64 = 50.0;
/// Where linear predictors of all patients go to infinity at rates of 1 to 18, as they do in trials of a
/// dozen patients, each step of 1.5 gains a twelfth of what is left: 300 steps to where nothing is.
const MOST_STEPS: usize = 500;
/// Thresholds nearer to each other would cost 1 − e⁻ᵈ more than two of its digits.
const NARROW: f64 = 0.01;
/// Of a threshold and of what covariates add to it: exp of both together stays finite.
const EXP_RANGE: f64 = 340.0;

/// Memory of fits, sized by the first and used again by those after it.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) data: Grouped,
    pub(super) thresholds: [f64; CUTS],
    pub(super) coefficients: Vec<f64>,
    /// After [`Scratch::climb`]: the factored equations of its last step.
    pub(super) equations: Bordered,
    step: Step,
    /// About treatment, in the first equations since the start; NaN before.
    first_information: f64,
    /// By cell: γ·x, and exp of minus that.
    shifts: Vec<f64>,
    by_cell: Vec<f64>,
    /// exp of minus the thresholds: the odds against being below a cut are these times those of
    /// the cell.
    by_cut: [f64; CUTS],
}

/// By cut: second derivative (its size) and derivative of the logistic terms of a cell.
type Derivatives = ([f64; CUTS], [f64; CUTS]);

/// How a climb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// At the maximum.
    Settled,
    /// So high that nothing is left to gain, with some parameters on their way to infinity, but
    /// no watched one.
    Diverging,
    /// Likewise, and the data no longer tell where a watched one is.
    Faint,
    /// Out of steps or of numbers.
    Lost,
}

impl Scratch {
    /// Puts the thresholds where they are best without covariates, and every column at 0.
    pub(super) fn start(&mut self) {
        let data = &self.data;
        let mut below = 0.0;
        self.thresholds = [0.0; CUTS];
        for (threshold, total) in self.thresholds.iter_mut().zip(&data.totals).take(data.cuts) {
            below += total;
            *threshold = ln_normal(below / (data.patients - below));
        }
        self.first_information = f64::NAN;
        self.coefficients.clear();
        self.coefficients.resize(data.kept.len(), 0.0);
        for by_cell in [&mut self.shifts, &mut self.by_cell] {
            by_cell.clear();
            by_cell.resize(data.sizes.len(), 0.0);
        }
    }

    /// Maximises over the thresholds and the first `free` columns, from where they are, with the
    /// first `columns` (treatment among them) in the equations. The `watched` columns must come
    /// to rest too.
    pub(super) fn climb(&mut self, free: usize, columns: usize, watched: Range<usize>) -> Ending {
        for _ in 0..MOST_STEPS {
            self.evaluate();
            self.set_up(columns, observed);
            let totals = self.data.totals;
            self.add_gaps(&totals);
            self.equations.factor();
            self.equations.step(free, &mut self.step);
            if self.first_information.is_nan() {
                let treatment = self.data.treatment.expect("no climb without treatment");
                self.first_information = self.equations.information(treatment);
            }
            let (reach, strain) = self.length_of_step();
            if !(self.step.gain + strain).is_finite() {
                return Ending::Lost;
            }
            let scale = (SAFE / strain).min(1.0);
            self.take_step(scale);
            let settled = reach < SETTLED && scale == 1.0;
            if let Some(ending) = self.ending(reach, settled, watched.clone()) {
                return ending;
            }
        }
        Ending::Lost
    }

    /// What a step of this reach ends, if anything.
    fn ending(&self, reach: f64, settled: bool, mut watched: Range<usize>) -> Option<Ending> {
        let flat = reach > MOVING && self.step.gain < NO_GAIN * self.data.patients;
        let treatment = self.data.treatment.filter(|column| watched.contains(column));
        if treatment.is_some_and(|column| self.coefficients[column].abs() > DIVERGED) {
            return Some(Ending::Faint);
        }
        if !settled && !flat {
            return None;
        }
        let mut columns = watched.clone();
        let lost = |column| {
            !self.equations.has_information(column)
                || flat && self.is_faint(self.equations.information(column))
        };
        let at_rest = |column: usize| self.step.coefficients[column].abs() < SETTLED;
        if columns.any(lost) {
            Some(Ending::Faint)
        } else if settled {
            Some(Ending::Settled)
        } else {
            watched.all(at_rest).then_some(Ending::Diverging)
        }
    }

    /// Whether an information about treatment is no more than that of patients whose linear
    /// predictors are on their way to infinity.
    pub(super) fn is_faint(&self, information: f64) -> bool {
        information <= FAINT * self.first_information
    }

    /// Odds at the present parameters.
    fn evaluate(&mut self) {
        let against = |x: f64| exp_normal(-x.clamp(-EXP_RANGE, EXP_RANGE));
        for (odds, threshold) in self.by_cut.iter_mut().zip(&self.thresholds) {
            *odds = against(*threshold);
        }
        for (cell, shift) in self.shifts.iter_mut().enumerate() {
            *shift = self.data.shift(cell, &self.coefficients);
        }
        for (odds, shift) in self.by_cell.iter_mut().zip(&self.shifts) {
            *odds = against(*shift);
        }
    }

    /// Adds the logistic terms to equations in the thresholds and the first `columns`; `derive`
    /// has the derivatives of a cell from its F and 1 − F.
    fn set_up(
        &mut self,
        columns: usize,
        mut derive: impl FnMut(&Grouped, usize, &[f64; CUTS], &[f64; CUTS]) -> Derivatives,
    ) {
        let equations = &mut self.equations;
        equations.reset(columns);
        let (mut diagonal, mut gradient) = ([0.0; CUTS], [0.0; CUTS]);
        for (cell, odds) in self.by_cell.iter().enumerate() {
            let (mut lower, mut upper) = ([0.0; CUTS], [0.0; CUTS]);
            for j in 0..CUTS {
                let against = self.by_cut[j] * odds;
                lower[j] = 1.0 / (1.0 + against);
                upper[j] = against * lower[j];
            }
            let (curvature, residual) = derive(&self.data, cell, &lower, &upper);
            for j in 0..CUTS {
                diagonal[j] += curvature[j];
                gradient[j] += residual[j];
            }
            let slope: f64 = curvature.iter().sum();
            let pull: f64 = residual.iter().sum();
            let entries = self.data.entries(cell);
            for (i, a) in entries.iter().take_while(|entry| entry.column < columns).enumerate() {
                equations.gradient[a.column] += a.value * pull;
                let cross = &mut equations.cross[a.column];
                cross.iter_mut().zip(curvature).for_each(|(sum, term)| *sum += a.value * term);
                let row = &mut equations.matrix[a.column * columns..];
                let weighted = a.value * slope;
                entries[..=i].iter().for_each(|b| row[b.column] += weighted * b.value);
            }
        }
        (equations.diagonal, equations.threshold_gradient) = (diagonal, gradient);
    }

    /// The thresholds' own term: N·ln(eᵈ − 1) has the slope N·c and the curvature −N·c·(c − 1)
    /// with c = 1/(1 − e⁻ᵈ).
    fn add_gaps(&mut self, totals: &[f64; LEVELS]) {
        let equations = &mut self.equations;
        let (mut gaps, mut shares) = ([0.0; CUTS], [0.0; CUTS]);
        for j in 1..CUTS {
            gaps[j] = self.thresholds[j] - self.thresholds[j - 1];
            shares[j] = 1.0 - exp_normal(-gaps[j]);
        }
        for (j, total) in totals.iter().enumerate().take(self.data.cuts).skip(1) {
            let c = 1.0 / if gaps[j] < NARROW { -libm::expm1(-gaps[j]) } else { shares[j] };
            let slope = total * c;
            let curvature = slope * (c - 1.0);
            equations.threshold_gradient[j] += slope;
            equations.threshold_gradient[j - 1] -= slope;
            equations.diagonal[j] += curvature;
            equations.diagonal[j - 1] += curvature;
            equations.off[j - 1] -= curvature;
        }
    }

    /// The largest change of a linear predictor, and r of the step (see the file's head).
    fn length_of_step(&self) -> (f64, f64) {
        let changes = &self.step.thresholds[..self.data.cuts];
        let lowest = changes.iter().fold(f64::INFINITY, |least, &change| least.min(change));
        let highest = changes.iter().fold(f64::NEG_INFINITY, |most, &change| most.max(change));
        let mut reach: f64 = 0.0;
        for cell in 0..self.data.sizes.len() {
            let shift = self.data.shift(cell, &self.step.coefficients);
            reach = (shift + lowest).abs().max((shift + highest).abs()).max(reach);
        }
        let mut strain = reach;
        for j in 1..self.data.cuts {
            let gap = self.thresholds[j] - self.thresholds[j - 1];
            let change = changes[j] - changes[j - 1];
            // coth(x/2) ≤ 1 + 2/x, at the shorter end of the step; there the gap is at least
            // half of what it was, since |change|·4/gap ≤ 1.5.
            let steepness = 1.0 + if change < 0.0 { 4.0 } else { 2.0 } / gap;
            strain = strain.max(change.abs() * steepness);
        }
        (reach, strain)
    }

    fn take_step(&mut self, scale: f64) {
        let thresholds = self.thresholds.iter_mut().zip(&self.step.thresholds);
        thresholds.for_each(|(value, change)| *value += scale * change);
        let coefficients = self.coefficients.iter_mut().zip(&self.step.coefficients);
        coefficients.for_each(|(value, change)| *value += scale * change);
    }

    /// Without the multinomial constant, at the parameters where a climb ended.
    pub(super) fn log_likelihood(&mut self) -> f64 {
        self.evaluate();
        let mut cuts = [0.0; CUTS];
        for (cell, (good, bad)) in self.data.favourable.iter().zip(&self.data.adverse).enumerate() {
            for (j, sum) in cuts.iter_mut().enumerate() {
                // F = 1/(1 + e⁻ˣ) and 1 − F = F·e⁻ˣ.
                let x = self.thresholds[j] + self.shifts[cell];
                let against = self.by_cut[j] * self.by_cell[cell];
                *sum -= (good[j] + bad[j]) * ln_normal(1.0 + against) + bad[j] * x;
            }
        }
        let gap = |j: usize| self.thresholds[j] - self.thresholds[j - 1];
        let gaps = (1..self.data.cuts)
            .map(|j| self.data.totals[j] * libm::log(libm::expm1(gap(j))))
            .sum::<f64>();
        cuts.iter().sum::<f64>() + gaps
    }

    /// Factors the expected information about the thresholds and the first `columns`, at the
    /// parameters where a climb ended.
    pub(super) fn expect(&mut self, columns: usize) {
        self.evaluate();
        let mut totals = [0.0; LEVELS];
        self.set_up(columns, |data, cell, lower, upper| {
            let levels = expected_levels(data, cell, lower, upper);
            totals.iter_mut().zip(levels).for_each(|(total, level)| *total += level);
            let (favourable, adverse) = weights(&levels, data.cuts);
            derivatives(&favourable, &adverse, lower, upper)
        });
        self.add_gaps(&totals);
        self.equations.factor();
    }
}

/// With the patients there are.
#[inline]
fn observed(data: &Grouped, cell: usize, lower: &[f64; CUTS], upper: &[f64; CUTS]) -> Derivatives {
    derivatives(&data.favourable[cell], &data.adverse[cell], lower, upper)
}

#[inline]
fn derivatives(
    favourable: &[f64; CUTS],
    adverse: &[f64; CUTS],
    lower: &[f64; CUTS],
    upper: &[f64; CUTS],
) -> Derivatives {
    let (mut curvature, mut residual) = ([0.0; CUTS], [0.0; CUTS]);
    for j in 0..CUTS {
        curvature[j] = (favourable[j] + adverse[j]) * (lower[j] * upper[j]);
        residual[j] = favourable[j] * upper[j] - adverse[j] * lower[j];
    }
    (curvature, residual)
}

/// Patients of a cell by level, as many as are expected.
fn expected_levels(
    data: &Grouped,
    cell: usize,
    lower: &[f64; CUTS],
    upper: &[f64; CUTS],
) -> [f64; LEVELS] {
    let mut levels = [0.0; LEVELS];
    let mut below = 0.0;
    for (level, &lower) in levels.iter_mut().zip(lower).take(data.cuts) {
        *level = data.sizes[cell] * (lower - below).max(0.0);
        below = lower;
    }
    levels[data.cuts] = data.sizes[cell] * upper[data.cuts - 1];
    levels
}
