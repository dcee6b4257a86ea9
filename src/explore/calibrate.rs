//! Unknown values of a scenario solved so that its exact figures hit targets.
//!
//! Least squares by Levenberg & Marquardt (MINPACK's variant: Moré 1978) on the misses, with
//! probabilities sought on the scale of their logits, so that they stay probabilities.

use std::cell::OnceCell;

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::{DMatrix, DVector, Dyn, Owned};

use super::quantities;
use crate::num::{logistic, logit};
use crate::scenario::{Rejection, Scenario, did_you_mean, nearest};

/// A target is met when it is missed by no more than this.
pub const TOLERANCE: f64 = 1e-5;

/// Solved values are rounded to this many decimals.
const DECIMALS: i32 = 7;

/// A figure and the value it should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its name, as in [`quantities::exact`].
    pub quantity: String,
    /// The value it should have.
    pub value: f64,
}

/// A value to be found.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// Key path in the scenario.
    pub path: String,
    /// Where the search begins.
    pub start: f64,
    /// Least and greatest value allowed.
    pub range: (f64, f64),
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The unknowns with their values, rounded to seven decimals.
    pub solved: Vec<(Unknown, f64)>,
    /// The targets with the values reached.
    pub reached: Vec<(Target, f64)>,
}

/// Why a search could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The scenario has no such figure.
    #[error("there is no figure `{name}` in this scenario{}; allowed: {known}", did_you_mean(.near))]
    UnknownQuantity {
        /// As asked for.
        name: String,
        /// Known names like it.
        near: Option<String>,
        /// Names that there are.
        known: String,
    },
    /// More unknowns than targets have no one answer.
    #[error("{unknowns} unknowns need at least as many targets; there {} {targets}", if *.targets == 1 { "is" } else { "are" })]
    TooFewTargets {
        /// Values to be found.
        unknowns: usize,
        /// Figures to be hit.
        targets: usize,
    },
    /// An unknown or a target given twice.
    #[error("`{0}` is given twice; allowed: once")]
    Repeated(String),
    /// Some unknowns can change together without any target noticing.
    #[error(
        "the targets do not tell the unknowns apart: several values of {0} give the same figures; allowed: other targets, or fewer unknowns"
    )]
    Undetermined(String),
    /// A value that the search tried makes no scenario.
    #[error(
        "cannot be solved for: values beside the one in the file make no valid scenario (shares that must add up cannot be solved one by one)\n{0}"
    )]
    Scenario(#[from] Rejection),
}

impl Calibration {
    /// The largest miss.
    pub fn miss(&self) -> f64 {
        self.reached.iter().map(|(target, value)| (value - target.value).abs()).fold(0.0, f64::max)
    }

    /// Whether every target is met.
    pub fn is_met(&self) -> bool {
        self.miss() <= TOLERANCE
    }
}

/// Searches for the unknowns. `load` makes the scenario with overrides of the form `path=value`.
///
/// # Errors
/// When a target is no figure of the scenario, when targets are too few or an unknown is repeated,
/// when a value tried makes no valid scenario. Targets that cannot be met are no error: see [`Calibration::is_met`].
pub fn calibrate(
    load: &dyn Fn(&[String]) -> Result<Scenario, Rejection>,
    targets: Vec<Target>,
    unknowns: Vec<Unknown>,
) -> Result<Calibration, CalibrationError> {
    if targets.len() < unknowns.len() {
        let (unknowns, targets) = (unknowns.len(), targets.len());
        return Err(CalibrationError::TooFewTargets { unknowns, targets });
    }
    let names = |mut names: Vec<String>| {
        names.sort();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone())
    };
    let unknown = names(unknowns.iter().map(|unknown| unknown.path.clone()).collect());
    let target = names(targets.iter().map(|target| target.quantity.clone()).collect());
    if let Some(twice) = unknown.or(target) {
        return Err(CalibrationError::Repeated(twice));
    }
    let at_start: Vec<f64> = unknowns.iter().map(|unknown| unknown.start).collect();
    let search = Search { load, targets, unknowns, x: DVector::zeros(0), failure: OnceCell::new() };
    search.figures(&at_start)?;

    let x =
        search.unknowns.iter().zip(&at_start).map(|(unknown, &value)| unknown.on_the_line(value));
    let x = DVector::from_iterator(at_start.len(), x);
    let (search, _) = LevenbergMarquardt::new()
        .with_patience(200)
        .with_stepbound(1.0)
        .minimize(Search { x, ..search });
    if let Some(error) = search.failure.into_inner() {
        return Err(error);
    }
    let values = values(&search.unknowns, &search.x);
    let search = Search { failure: OnceCell::new(), ..search };
    let figures = search.figures(&values)?;
    let undetermined = search.undetermined();
    let calibration = Calibration {
        solved: search.unknowns.into_iter().zip(values).collect(),
        reached: search.targets.into_iter().zip(figures).collect(),
    };
    match undetermined {
        Some(paths) if calibration.is_met() => Err(CalibrationError::Undetermined(paths)),
        _ => Ok(calibration),
    }
}

/// Rounded values of the unknowns at a point of the search.
fn values(unknowns: &[Unknown], x: &DVector<f64>) -> Vec<f64> {
    let scale = 10f64.powi(DECIMALS);
    let value = |(unknown, &x): (&Unknown, &f64)| (unknown.at_point(x) * scale).round() / scale;
    unknowns.iter().zip(x.iter()).map(value).collect()
}

impl Unknown {
    fn is_probability(&self) -> bool {
        self.range == (0.0, 1.0)
    }

    /// On the scale of the search, which has no ends for a probability.
    fn on_the_line(&self, value: f64) -> f64 {
        if self.is_probability() { logit(value.clamp(1e-4, 1.0 - 1e-4)) } else { value }
    }

    fn at_point(&self, x: f64) -> f64 {
        if self.is_probability() { logistic(x) } else { x.clamp(self.range.0, self.range.1) }
    }
}

/// The least-squares problem at a point `x`.
struct Search<'l> {
    load: &'l dyn Fn(&[String]) -> Result<Scenario, Rejection>,
    targets: Vec<Target>,
    unknowns: Vec<Unknown>,
    x: DVector<f64>,
    /// What stopped the search, if anything did.
    failure: OnceCell<CalibrationError>,
}

impl Search<'_> {
    /// The figures aimed at when the unknowns have these values.
    fn figures(&self, values: &[f64]) -> Result<Vec<f64>, CalibrationError> {
        let set = |(unknown, value): (&Unknown, &f64)| format!("{}={value:?}", unknown.path);
        let overrides: Vec<String> = self.unknowns.iter().zip(values).map(set).collect();
        let all = quantities::exact(&(self.load)(&overrides)?);
        let figure = |target: &Target| {
            let found = all.iter().find(|(name, _)| *name == target.quantity);
            found.map(|(_, value)| *value).ok_or_else(|| unknown_quantity(target, &all))
        };
        self.targets.iter().map(figure).collect()
    }

    /// The unknowns, if the targets do not determine them where the search ended.
    fn undetermined(&self) -> Option<String> {
        let mut jacobian = self.jacobian()?;
        // Unknowns have scales of their own; one that moves nothing has none.
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
        match self.figures(&values) {
            Ok(figures) => {
                let misses = figures.iter().zip(&self.targets).map(|(f, target)| f - target.value);
                Some(DVector::from_iterator(self.targets.len(), misses))
            }
            Err(error) => {
                let _ = self.failure.set(error);
                None
            }
        }
    }
}

impl LeastSquaresProblem<f64, Dyn, Dyn> for Search<'_> {
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
        let columns: Option<Vec<DVector<f64>>> = (0..self.x.len())
            .map(|i| {
                let at = |by: f64| {
                    let mut x = self.x.clone();
                    x[i] += by;
                    self.misses(&x)
                };
                Some((at(STEP)? - at(-STEP)?) / (2.0 * STEP))
            })
            .collect();
        Some(DMatrix::from_columns(&columns?))
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
