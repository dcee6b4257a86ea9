//! Newton's method on the likelihood of grouped counts.
//!
//! The log likelihood is concave (Pratt 1981, JASA 76:103). Along any line its terms are
//! functions φ with |φ‴| ≤ r·|φ″|, r being the largest change of a linear predictor (logistic
//! terms) or |Δd|·coth(d/2) (the thresholds' term). A Newton step t with t·r ≤ 1.5 then gains at
//! least t·(1 − 0.89·t) times the initial slope (from φ″(u) ≥ φ″(0)·e^{ru}, integrated twice), so
//! that steps cut to that length never lower the likelihood, and it need not be evaluated.

use super::CUTS;
use super::bordered::{Bordered, ParameterStep};
use super::grouped::{Grouped, weights};
use crate::num::exp::exp_normal;
use crate::num::log::ln_normal;
use crate::outcome::LEVELS;
use std::ops::Range;

/// Largest product t·r of a step that never lowers the likelihood (see the head of the file).
const SAFE_STEP: f64 = 1.5;

/// Change of a linear predictor below which a full step is the last.
// The error after a Newton step is of the order of its square, 1e-16.
const SETTLED: f64 = 1e-8;

/// Change of a linear predictor above which it still moves …
const MOVING: f64 = 0.05;

/// … and gain in log likelihood per patient below which it then diverges.
const NO_GAIN: f64 = 1e-10;

/// Share of the information about treatment at the start below which all of it is of patients whose
/// fitted probabilities approach 0 or 1.
// At a gain of `NO_GAIN` such patients still have a share of about 1e-9. Among patients who overlap, one
// in as many as there are has more than this.
const RESIDUAL_INFORMATION: f64 = 1e-7;

/// Absolute log odds ratio above which it has diverged.
// Data that overlap have none that is larger: with 1e6 patients on either side of a cut and one on the
// wrong side in each arm it is 28.
const DIVERGED: f64 = 50.0;

/// Largest number of steps.
// In trials of a dozen patients all linear predictors may diverge, at rates of 1 to 18. Each step of
// `SAFE_STEP` then gains a twelfth of the remaining likelihood, and it takes 300 until none remains.
const MAX_STEPS: usize = 500;

/// Gap between thresholds below which its exponential is computed by `expm1`.
// At this gap 1 − e⁻ᵈ has lost two digits.
const NARROW_GAP: f64 = 0.01;

/// Bound on thresholds and on shifts by covariates in exponentials.
// The product of two exponentials then stays finite.
const EXP_RANGE: f64 = 340.0;

/// Buffers of fits; the first fit allocates them, later ones reuse them.
#[derive(Debug, Default)]
pub struct FitScratch {
    pub(super) data: Grouped,
    pub(super) thresholds: [f64; CUTS],
    pub(super) coefficients: Vec<f64>,
    /// After [`FitScratch::climb`]: the factored equations of its last step.
    pub(super) equations: Bordered,
    step: ParameterStep,
    /// Information about treatment in the first equations since the start; NaN before.
    first_information: f64,
    /// γ·x by cell.
    shifts: Vec<f64>,
    /// exp(−γ·x) by cell.
    by_cell: Vec<f64>,
    /// exp of minus the thresholds. The odds against a level at or below a cut are the product of this
    /// and the value of the cell: one exponential per cut and per cell instead of one for each pair.
    by_cut: [f64; CUTS],
}

/// Derivatives of the logistic terms of a cell, by cut.
struct Derivatives {
    /// Minus the second derivatives.
    curvature: [f64; CUTS],
    /// First derivatives.
    residual: [f64; CUTS],
}

/// Result of a climb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Convergence {
    /// All parameters are at the maximum.
    Maximum,
    /// The likelihood no longer increases while some parameters diverge, but no watched one.
    Diverging,
    /// The likelihood no longer increases, and the data have no information on a watched parameter.
    NoInformation,
    /// The steps ran out, or a number is not finite.
    Failed,
}

impl FitScratch {
    /// Sets the thresholds to their estimates without covariates, and every coefficient to 0.
    pub(super) fn start(&mut self) {
        let data = &self.data;
        let mut below = 0.0;
        self.thresholds = [0.0; CUTS];
        for (threshold, total) in self.thresholds.iter_mut().zip(&data.totals).take(data.cuts) {
            below += total;
            *threshold = ln_normal(below / (data.patients - below));
        }
        self.first_information = f64::NAN;
        // `clear` and `resize` keep the memory: fits allocate nothing after the first.
        self.coefficients.clear();
        self.coefficients.resize(data.kept.len(), 0.0);
        for by_cell in [&mut self.shifts, &mut self.by_cell] {
            by_cell.clear();
            by_cell.resize(data.sizes.len(), 0.0);
        }
    }

    /// Maximises over the thresholds and the first `free` columns, from the current parameters, with the
    /// first `columns` (treatment among them) in the equations. It continues until the `watched` columns
    /// have settled too, or have no information.
    pub(super) fn climb(
        &mut self,
        free: usize,
        columns: usize,
        watched: Range<usize>,
    ) -> Convergence {
        for _ in 0..MAX_STEPS {
            self.evaluate();
            self.set_up(columns, observed);
            let totals = self.data.totals;
            self.add_gaps(&totals);
            self.equations.factor();
            self.equations.step(free, &mut self.step);
            // The first equations of a fit, in which no patient's outcome is certain yet.
            if self.first_information.is_nan() {
                let treatment = self.data.treatment.expect("a fit without treatment is not begun");
                self.first_information = self.equations.information(treatment);
            }
            let StepLength { reach, strain } = self.length_of_step();
            if !(self.step.gain + strain).is_finite() {
                return Convergence::Failed;
            }
            let scale = (SAFE_STEP / strain).min(1.0);
            self.take_step(scale);
            // A shortened step is small because of its scale, not because the maximum is near.
            let settled = reach < SETTLED && scale == 1.0;
            if let Some(convergence) = self.convergence(reach, settled, watched.clone()) {
                return convergence;
            }
        }
        Convergence::Failed
    }

    /// The result of the climb if the last step ended it. `reach` is the step's largest change of a
    /// linear predictor.
    fn convergence(
        &self,
        reach: f64,
        settled: bool,
        mut watched: Range<usize>,
    ) -> Option<Convergence> {
        // A parameter that moves while nothing is gained approaches a limit at infinity.
        let flat = reach > MOVING && self.step.gain < NO_GAIN * self.data.patients;
        let treatment = self.data.treatment.filter(|column| watched.contains(column));
        if treatment.is_some_and(|column| self.coefficients[column].abs() > DIVERGED) {
            return Some(Convergence::NoInformation);
        }
        if !settled && !flat {
            return None;
        }
        for column in watched.clone() {
            let has_none = !self.equations.has_information(column);
            // Near the maximum the information is what it is. While the likelihood is flat, what
            // remains may be that of diverging patients.
            if has_none || flat && self.is_residual(self.equations.information(column)) {
                return Some(Convergence::NoInformation);
            }
        }
        if settled {
            return Some(Convergence::Maximum);
        }
        watched
            .all(|column| self.step.coefficients[column].abs() < SETTLED)
            .then_some(Convergence::Diverging)
    }

    /// Whether information about treatment is no more than that of patients with diverging linear
    /// predictors.
    pub(super) fn is_residual(&self, information: f64) -> bool {
        information <= RESIDUAL_INFORMATION * self.first_information
    }

    /// Computes the odds at the current parameters.
    fn evaluate(&mut self) {
        for (odds, threshold) in self.by_cut.iter_mut().zip(&self.thresholds) {
            *odds = odds_against(*threshold);
        }
        for (cell, shift) in self.shifts.iter_mut().enumerate() {
            *shift = self.data.shift(cell, &self.coefficients);
        }
        for (odds, shift) in self.by_cell.iter_mut().zip(&self.shifts) {
            *odds = odds_against(*shift);
        }
    }

    /// Resets the equations to the logistic terms of the thresholds and the first `columns`; `derive`
    /// returns the derivatives of a cell from its F and 1 − F.
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
            let Derivatives { curvature, residual } = derive(&self.data, cell, &lower, &upper);
            for j in 0..CUTS {
                diagonal[j] += curvature[j];
                gradient[j] += residual[j];
            }
            let slope: f64 = curvature.iter().sum();
            let pull: f64 = residual.iter().sum();
            // Entries are in the order of columns, so that later ones are not needed.
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

    /// Adds the term of the thresholds alone: N·ln(eᵈ − 1) has the slope N·c and the curvature
    /// −N·c·(c − 1) with c = 1/(1 − e⁻ᵈ).
    fn add_gaps(&mut self, totals: &[f64; LEVELS]) {
        let equations = &mut self.equations;
        let (mut gaps, mut shares) = ([0.0; CUTS], [0.0; CUTS]);
        for j in 1..CUTS {
            gaps[j] = self.thresholds[j] - self.thresholds[j - 1];
            shares[j] = 1.0 - exp_normal(-gaps[j]);
        }
        for (j, total) in totals.iter().enumerate().take(self.data.cuts).skip(1) {
            // expm1 is slower, and only needed for the digits that a narrow gap cancels.
            let c = 1.0 / if gaps[j] < NARROW_GAP { -libm::expm1(-gaps[j]) } else { shares[j] };
            let slope = total * c;
            let curvature = slope * (c - 1.0);
            equations.threshold_gradient[j] += slope;
            equations.threshold_gradient[j - 1] -= slope;
            equations.diagonal[j] += curvature;
            equations.diagonal[j - 1] += curvature;
            equations.off[j - 1] -= curvature;
        }
    }

    fn length_of_step(&self) -> StepLength {
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
        StepLength { reach, strain }
    }

    fn take_step(&mut self, scale: f64) {
        let thresholds = self.thresholds.iter_mut().zip(&self.step.thresholds);
        thresholds.for_each(|(value, change)| *value += scale * change);
        let coefficients = self.coefficients.iter_mut().zip(&self.step.coefficients);
        coefficients.for_each(|(value, change)| *value += scale * change);
    }

    /// The log likelihood at the current parameters, without the multinomial constant.
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
        let mut gaps = 0.0;
        for j in 1..self.data.cuts {
            let gap = self.thresholds[j] - self.thresholds[j - 1];
            gaps += self.data.totals[j] * libm::log(libm::expm1(gap));
        }
        cuts.iter().sum::<f64>() + gaps
    }

    /// Factors the expected information about the thresholds and the first `columns`, at the current
    /// parameters.
    pub(super) fn expect(&mut self, columns: usize) {
        self.evaluate();
        // The thresholds' own term needs the expected number at each level in all cells.
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

/// Length of a Newton step.
struct StepLength {
    /// Largest change of a linear predictor.
    reach: f64,
    /// r of the step (see the head of the file).
    strain: f64,
}

/// exp(−x), with x limited so that products of two stay finite.
#[inline]
fn odds_against(x: f64) -> f64 {
    exp_normal(-x.clamp(-EXP_RANGE, EXP_RANGE))
}

/// Derivatives with the actual patients of a cell.
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
    Derivatives { curvature, residual }
}

/// Patients of a cell expected at each level.
fn expected_levels(
    data: &Grouped,
    cell: usize,
    lower: &[f64; CUTS],
    upper: &[f64; CUTS],
) -> [f64; LEVELS] {
    let mut levels = [0.0; LEVELS];
    let mut below = 0.0;
    for (level, &lower) in levels.iter_mut().zip(lower).take(data.cuts) {
        // Rounding may put neighbouring thresholds in the wrong order by the last digit.
        *level = data.sizes[cell] * (lower - below).max(0.0);
        below = lower;
    }
    levels[data.cuts] = data.sizes[cell] * upper[data.cuts - 1];
    levels
}
