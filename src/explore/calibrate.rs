//! Calibration: values of a scenario at which its exact quantities have given values.
//!
//! Least squares by Levenberg & Marquardt (MINPACK's variant: Moré 1978) on the misses. Probabilities
//! are sought on the scale of their logits, so that they stay probabilities.

use std::cell::OnceCell;

// Two libraries for one command: MINPACK's trust region, its scaling of unknowns and its convergence tests
// are proven for problems whose unknowns differ by powers of ten and whose targets contradict each other, as
// here. A damped Gauss–Newton method of our own would be 60 lines, but would have to be proven again.
// nalgebra comes with it and also gives the rank of the Jacobian, which detects undetermined unknowns.
use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::{DMatrix, DVector, Dyn, Owned};

use super::quantities;
use crate::num::{logistic, logit};
use crate::scenario::{Rejection, Scenario, did_you_mean, nearest};

/// Largest miss of a target that counts as met.
pub const TOLERANCE: f64 = 1e-5;

/// Number of decimals of solved values.
// Two more than the tolerance has, so that rounding a value does not miss its target.
const DECIMALS: i32 = 7;

/// A quantity and the value that it should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Name of the quantity, as in [`quantities::exact`].
    pub quantity: String,
    /// Value that the quantity should have.
    pub value: f64,
}

/// A key whose value is sought.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// Key path in the scenario.
    pub path: String,
    /// Start of the search.
    pub start: f64,
    /// Smallest and largest allowed value.
    pub range: (f64, f64),
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The unknowns with their values, rounded to seven decimals.
    pub solved: Vec<(Unknown, f64)>,
    /// The targets with the values of their quantities.
    pub reached: Vec<(Target, f64)>,
}

/// The reason why a calibration failed.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The scenario has no quantity of this name.
    #[error("there is no quantity `{name}` in this scenario{}; allowed: {known}", did_you_mean(.near))]
    UnknownQuantity {
        /// Requested name.
        name: String,
        /// The most similar known name.
        near: Option<String>,
        /// All known names.
        known: String,
    },
    /// More unknowns than targets, which have no unique solution.
    #[error("{unknowns} unknowns need at least as many targets; there {} {targets}", if *.targets == 1 { "is" } else { "are" })]
    TooFewTargets {
        /// Number of unknowns.
        unknowns: usize,
        /// Number of targets.
        targets: usize,
    },
    /// An unknown or a target is given twice.
    #[error("`{0}` is given twice; allowed: once")]
    Repeated(String),
    /// Some unknowns can change together without a change of any target.
    #[error(
        "the targets do not determine the unknowns: several values of {0} give the same quantities; allowed: other targets, or fewer unknowns"
    )]
    Undetermined(String),
    /// A value that the search tried does not give a valid scenario.
    #[error(
        "cannot be calibrated: changing it makes the scenario invalid (shares that must add up cannot be solved one by one)\n{0}"
    )]
    Scenario(#[from] Rejection),
}

impl Calibration {
    /// Returns the largest miss.
    pub fn miss(&self) -> f64 {
        self.reached.iter().map(|(target, value)| (value - target.value).abs()).fold(0.0, f64::max)
    }

    /// Returns whether every target is met.
    pub fn is_met(&self) -> bool {
        self.miss() <= TOLERANCE
    }
}

/// Searches for the unknowns. `load` makes the scenario with overrides of the form `path=value`.
///
/// # Errors
/// [`CalibrationError`] if a target is not a quantity of the scenario, if targets are too few or repeated,
/// or if a value tried does not give a valid scenario. Targets that cannot be met are not an error: see
/// [`Calibration::is_met`].
pub fn calibrate(
    load: &dyn Fn(&[String]) -> Result<Scenario, Rejection>,
    targets: Vec<Target>,
    unknowns: Vec<Unknown>,
) -> Result<Calibration, CalibrationError> {
    if targets.len() < unknowns.len() {
        let (unknowns, targets) = (unknowns.len(), targets.len());
        return Err(CalibrationError::TooFewTargets { unknowns, targets });
    }
    let paths = unknowns.iter().map(|unknown| unknown.path.as_str()).collect();
    let quantities = targets.iter().map(|target| target.quantity.as_str()).collect();
    if let Some(twice) = repeated(paths).or_else(|| repeated(quantities)) {
        return Err(CalibrationError::Repeated(twice));
    }
    let at_start: Vec<f64> = unknowns.iter().map(|unknown| unknown.start).collect();
    let search = Misfit { load, targets, unknowns, x: DVector::zeros(0), failure: OnceCell::new() };
    // Errors of names and values are found here, before the search, which can only stop at them.
    search.quantities(&at_start)?;

    let x = search.unknowns.iter().zip(&at_start).map(|(unknown, &value)| unknown.to_point(value));
    let x = DVector::from_iterator(at_start.len(), x);
    let (search, _) = LevenbergMarquardt::new()
        .with_patience(200)
        // The usual factor of 100 would take the first step to log odds at which every probability
        // is 0 or 1.
        .with_stepbound(1.0)
        .minimize(Misfit { x, ..search });
    if let Some(error) = search.failure.into_inner() {
        return Err(error);
    }
    // The targets are evaluated at the rounded values, which are those that the user will have.
    let values = values(&search.unknowns, &search.x);
    let search = Misfit { failure: OnceCell::new(), ..search };
    let reached = search.quantities(&values)?;
    let undetermined = search.undetermined();
    let calibration = Calibration {
        solved: search.unknowns.into_iter().zip(values).collect(),
        reached: search.targets.into_iter().zip(reached).collect(),
    };
    // Where targets are not met, the Jacobian may be singular for that reason alone.
    match undetermined.filter(|_| calibration.is_met()) {
        Some(paths) => Err(CalibrationError::Undetermined(paths)),
        None => Ok(calibration),
    }
}

/// Returns a name that occurs twice.
fn repeated(mut names: Vec<&str>) -> Option<String> {
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned())
}

/// Returns the rounded values of the unknowns at a point of the search.
fn values(unknowns: &[Unknown], x: &DVector<f64>) -> Vec<f64> {
    let scale = 10f64.powi(DECIMALS);
    unknowns
        .iter()
        .zip(x.iter())
        .map(|(unknown, &x)| (unknown.at_point(x) * scale).round() / scale)
        .collect()
}

impl Unknown {
    fn is_probability(&self) -> bool {
        self.range == (0.0, 1.0)
    }

    /// Converts a value to the scale of the search, which is unbounded for a probability.
    fn to_point(&self, value: f64) -> f64 {
        // Kept off 0 and 1, whose logits are infinite.
        if self.is_probability() { logit(value.clamp(1e-4, 1.0 - 1e-4)) } else { value }
    }

    /// Converts a point of the search to a value.
    fn at_point(&self, x: f64) -> f64 {
        if self.is_probability() { logistic(x) } else { x.clamp(self.range.0, self.range.1) }
    }
}

/// The least-squares problem at a point `x`.
struct Misfit<'l> {
    load: &'l dyn Fn(&[String]) -> Result<Scenario, Rejection>,
    targets: Vec<Target>,
    unknowns: Vec<Unknown>,
    x: DVector<f64>,
    /// Error that stopped the search: the library's interface has no place for one.
    failure: OnceCell<CalibrationError>,
}

impl Misfit<'_> {
    /// Returns the quantities of the targets if the unknowns have these values.
    fn quantities(&self, values: &[f64]) -> Result<Vec<f64>, CalibrationError> {
        let unknowns = self.unknowns.iter().zip(values);
        let overrides: Vec<String> =
            unknowns.map(|(unknown, value)| format!("{}={value:?}", unknown.path)).collect();
        let all = quantities::exact(&(self.load)(&overrides)?);
        let mut wanted = Vec::with_capacity(self.targets.len());
        for target in &self.targets {
            let found = all.iter().find(|(name, _)| *name == target.quantity);
            let (_, value) = found.ok_or_else(|| unknown_quantity(target, &all))?;
            wanted.push(*value);
        }
        Ok(wanted)
    }

    /// Returns the unknowns, if the targets do not determine them at the end of the search.
    fn undetermined(&self) -> Option<String> {
        let mut jacobian = self.jacobian()?;
        // Columns have the scales of their unknowns, which the rank must not depend on. One that changes no
        // target is left as it is: scaled to length 1, its rounding errors would count as a direction.
        for mut column in jacobian.column_iter_mut() {
            let length = column.norm();
            if length > 1e-9 {
                column /= length;
            }
        }
        let paths: Vec<&str> = self.unknowns.iter().map(|u| u.path.as_str()).collect();
        (jacobian.rank(1e-6) < paths.len()).then(|| paths.join(", "))
    }

    fn misses(&self, x: &DVector<f64>) -> Option<DVector<f64>> {
        let values: Vec<f64> =
            self.unknowns.iter().zip(x.iter()).map(|(u, &x)| u.at_point(x)).collect();
        match self.quantities(&values) {
            Ok(found) => {
                let misses = found.iter().zip(&self.targets).map(|(f, target)| f - target.value);
                Some(DVector::from_iterator(self.targets.len(), misses))
            }
            Err(error) => {
                // The first error is kept; the search stops at `None`.
                let _ = self.failure.set(error);
                None
            }
        }
    }
}

impl LeastSquaresProblem<f64, Dyn, Dyn> for Misfit<'_> {
    type ParameterStorage = Owned<f64, Dyn>;
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, Dyn>;

    fn set_params(&mut self, x: &DVector<f64>) {
        self.x.copy_from(x);
    }

    fn params(&self) -> DVector<f64> {
        self.x.clone()
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        self.misses(&self.x)
    }

    fn jacobian(&self) -> Option<DMatrix<f64>> {
        // The optimal step of a central difference is near the cube root of the precision.
        const STEP: f64 = 1e-5;
        let mut columns = Vec::with_capacity(self.x.len());
        for i in 0..self.x.len() {
            let (mut above, mut below) = (self.x.clone(), self.x.clone());
            above[i] += STEP;
            below[i] -= STEP;
            columns.push((self.misses(&above)? - self.misses(&below)?) / (2.0 * STEP));
        }
        Some(DMatrix::from_columns(&columns))
    }
}

fn unknown_quantity(target: &Target, all: &[(String, f64)]) -> CalibrationError {
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    CalibrationError::UnknownQuantity {
        name: target.quantity.clone(),
        near: nearest(&target.quantity, &names).map(str::to_owned),
        known: names.join(", "),
    }
}
