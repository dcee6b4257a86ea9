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
/// exp stays finite.
const EXP_RANGE: f64 = 700.0;

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
    /// Cell × cut: α_j + γ·x, F and 1 − F there.
    predictor: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// Cell × cut: second derivative (its size) and derivative of a cut's logistic term.
    curvature: Vec<f64>,
    residual: Vec<f64>,
}

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
            *threshold = libm::log(below / (data.patients - below));
        }
        self.first_information = f64::NAN;
        self.coefficients.clear();
        self.coefficients.resize(data.kept.len(), 0.0);
        let size = data.sizes.len() * data.cuts;
        for by_cut in [
            &mut self.predictor,
            &mut self.lower,
            &mut self.upper,
            &mut self.curvature,
            &mut self.residual,
        ] {
            by_cut.clear();
            by_cut.resize(size, 0.0);
        }
    }

    /// Maximises over the thresholds and the first `free` columns, from where they are, with the
    /// first `columns` (treatment among them) in the equations. The `watched` columns must come
    /// to rest too.
    pub(super) fn climb(&mut self, free: usize, columns: usize, watched: Range<usize>) -> Ending {
        for _ in 0..200 {
            self.evaluate();
            self.weigh();
            self.set_up(columns, self.data.totals);
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
                self.evaluate();
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

    /// Linear predictors and probabilities at the present parameters.
    fn evaluate(&mut self) {
        let cells = self.predictor.chunks_exact_mut(self.data.cuts);
        for (cell, predictors) in cells.enumerate() {
            let entries = self.data.entries(cell).iter();
            let shift: f64 = entries.map(|e| e.value * self.coefficients[e.column]).sum();
            for (predictor, threshold) in predictors.iter_mut().zip(&self.thresholds) {
                *predictor = (threshold + shift).clamp(-EXP_RANGE, EXP_RANGE);
            }
        }
        let probabilities = self.lower.iter_mut().zip(&mut self.upper);
        for (x, (lower, upper)) in self.predictor.iter().zip(probabilities) {
            let odds_against = exp_normal(-x);
            *lower = 1.0 / (1.0 + odds_against);
            *upper = odds_against * *lower;
        }
    }

    /// Derivatives of the logistic terms with the patients there are.
    fn weigh(&mut self) {
        let patients = self.data.favourable.iter().zip(&self.data.adverse);
        let probabilities = self.lower.iter().zip(&self.upper);
        let out = self.curvature.iter_mut().zip(&mut self.residual);
        for (((good, bad), (lower, upper)), (curvature, residual)) in
            patients.zip(probabilities).zip(out)
        {
            *curvature = (good + bad) * (lower * upper);
            *residual = good * upper - bad * lower;
        }
    }

    /// Second derivatives with the patients expected at the present parameters; returns these
    /// by level.
    fn weigh_expected(&mut self) -> [f64; LEVELS] {
        let cuts = self.data.cuts;
        let mut totals = [0.0; LEVELS];
        for (cell, size) in self.data.sizes.iter().enumerate() {
            let at = cell * cuts..(cell + 1) * cuts;
            let (lower, upper) = (&self.lower[at.clone()], &self.upper[at.clone()]);
            let mut levels = [0.0; LEVELS];
            let mut below = 0.0;
            for (level, &lower) in levels.iter_mut().zip(lower) {
                *level = size * (lower - below).max(0.0);
                below = lower;
            }
            levels[cuts] = size * upper[cuts - 1];
            totals.iter_mut().zip(levels).for_each(|(total, level)| *total += level);
            let (favourable, adverse) = weights(&levels, cuts);
            for (j, curvature) in self.curvature[at].iter_mut().enumerate() {
                *curvature = (favourable[j] + adverse[j]) * lower[j] * upper[j];
            }
        }
        totals
    }

    /// Gradient and Hessian in the thresholds and the first `columns`.
    fn set_up(&mut self, columns: usize, totals: [f64; LEVELS]) {
        let cuts = self.data.cuts;
        self.equations.reset(cuts, columns);
        self.add_gaps(&totals);
        let equations = &mut self.equations;
        let terms = self.curvature.chunks_exact(cuts).zip(self.residual.chunks_exact(cuts));
        for (cell, (curvature, residual)) in terms.enumerate() {
            let mut by_cut = [0.0; CUTS];
            by_cut[..cuts].copy_from_slice(curvature);
            let (mut slope, mut pull) = (0.0, 0.0);
            for (j, (curvature, residual)) in curvature.iter().zip(residual).enumerate() {
                equations.diagonal[j] += curvature;
                equations.threshold_gradient[j] += residual;
                slope += curvature;
                pull += residual;
            }
            let entries = self.data.entries(cell);
            for (i, a) in entries.iter().take_while(|entry| entry.column < columns).enumerate() {
                equations.gradient[a.column] += a.value * pull;
                let cross = &mut equations.cross[a.column];
                cross.iter_mut().zip(&by_cut).for_each(|(sum, term)| *sum += a.value * term);
                let row = &mut equations.matrix[a.column * columns..];
                let weighted = a.value * slope;
                entries[..=i].iter().for_each(|b| row[b.column] += weighted * b.value);
            }
        }
    }

    /// The thresholds' own term: N·ln(eᵈ − 1) has the slope N·c and the curvature −N·c²·e⁻ᵈ with
    /// c = 1/(1 − e⁻ᵈ).
    fn add_gaps(&mut self, totals: &[f64; LEVELS]) {
        let equations = &mut self.equations;
        for (j, total) in totals.iter().enumerate().take(self.data.cuts).skip(1) {
            let gap = self.thresholds[j] - self.thresholds[j - 1];
            let c = -1.0 / libm::expm1(-gap);
            let slope = total * c;
            let curvature = slope * c * libm::exp(-gap);
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
            let entries = self.data.entries(cell).iter();
            let moving = entries.take_while(|entry| entry.column < self.step.coefficients.len());
            let shift: f64 = moving.map(|e| e.value * self.step.coefficients[e.column]).sum();
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
    pub(super) fn log_likelihood(&self) -> f64 {
        let patients = self.data.favourable.iter().zip(&self.data.adverse);
        let at = self.lower.iter().zip(&self.predictor);
        // 1 − F = F·e⁻ˣ.
        let term = |((good, bad), (&lower, x)): ((&f64, &f64), (&f64, &f64))| {
            (good + bad) * ln_normal(lower) - bad * x
        };
        let cuts: f64 = patients.zip(at).map(term).sum();
        let gap = |j: usize| self.thresholds[j] - self.thresholds[j - 1];
        let gaps = (1..self.data.cuts)
            .map(|j| self.data.totals[j] * libm::log(libm::expm1(gap(j))))
            .sum::<f64>();
        cuts + gaps
    }

    /// Factors the expected information about the thresholds and the first `columns`, at the
    /// parameters where a climb ended.
    pub(super) fn expect(&mut self, columns: usize) {
        let totals = self.weigh_expected();
        self.set_up(columns, totals);
        self.equations.factor();
    }
}
