//! `rescuesim calibrate`: the values found and the targets reached.

use super::document::{Columns, Document};
use crate::explore::calibrate::Calibration;

/// Renders the calibration as tables.
pub fn document(calibration: &Calibration) -> Document {
    let solved = Columns::of(&calibration.solved)
        .column("solved for", |(unknown, _)| unknown.path.clone())
        .column("from", |(unknown, _)| format!("{:.6}", unknown.start))
        .column("value", |(_, value)| format!("{value:.6}"));
    let reached = Columns::of(&calibration.reached)
        .column("target", |(target, _)| target.quantity.clone())
        .column("wanted", |(target, _)| format!("{:.6}", target.value))
        .column("reached", |(_, value)| format!("{value:.6}"))
        .column("miss", |(target, value)| {
            let miss = value - target.value;
            // Otherwise a small negative miss would be printed as -0.000000.
            format!("{:.6}", if miss.abs() < 5e-7 { 0.0 } else { miss })
        });
    solved.document().gap() + reached.document()
}
