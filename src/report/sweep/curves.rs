//! Power curves of a sweep: over its first key of numbers, a line for each combination of the others.

use super::{SweptPoint, short};
use crate::explore::grid::{GridAxis, ParameterGrid};
use crate::report::Provenance;
use crate::report::figure::{CurvePoint, Labels, PowerCurve, power_curve};

/// The curves of the first analysis; `None` without a key of numbers.
pub fn curves(grid: &ParameterGrid, points: &[SweptPoint]) -> Option<Vec<PowerCurve>> {
    let x = grid.axes().iter().position(GridAxis::is_numeric)?;
    let mut curves: Vec<PowerCurve> = Vec::new();
    for point in points {
        let name = name(grid, point, x);
        let at = curves.iter().position(|curve| curve.name == name).unwrap_or_else(|| {
            curves.push(PowerCurve { name, points: Vec::new() });
            curves.len() - 1
        });
        curves[at].points.push(curve_point(point, x)?);
    }
    // A list in the scenario may be in any order; a line through its points must not go back.
    for curve in &mut curves {
        curve.points.sort_by(|a, b| a.x.total_cmp(&b.x));
    }
    Some(curves)
}

fn curve_point(point: &SweptPoint, x: usize) -> Option<CurvePoint> {
    let analysis = &point.truths[0].analyses[0];
    Some(CurvePoint {
        x: point.plain().nth(x)?.parse().ok()?,
        power: analysis.rejection.value,
        mcse: analysis.rejection.mcse,
        formula: analysis.normal_approximation.as_ref().map(|formula| formula.rejection),
    })
}

/// Values of all keys but one.
fn name(grid: &ParameterGrid, point: &SweptPoint, x: usize) -> String {
    let pairs = grid.axes().iter().zip(point.words()).enumerate().filter(|(i, _)| *i != x);
    let words = pairs.map(|(_, (axis, value))| format!("{} {value}", short(&axis.key(), grid)));
    words.collect::<Vec<_>>().join(", ")
}

/// The curves drawn; `None` without a key of numbers.
pub fn svg(provenance: &Provenance, grid: &ParameterGrid, points: &[SweptPoint]) -> Option<String> {
    let curves = curves(grid, points)?;
    let axis = grid.axes().iter().find(|axis| axis.is_numeric())?;
    let analysis = &points.first()?.truths[0].analyses[0].name;
    let labels = Labels {
        title: format!("Power of the analysis \"{analysis}\""),
        x: short(&axis.key(), grid),
        footer: format!(
            "rescuesim {}, scenario {}, seed {}",
            provenance.version,
            &provenance.scenario_digest[..12],
            provenance.seed
        ),
    };
    Some(power_curve(&curves, &labels))
}
