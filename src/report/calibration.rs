//! `rescuesim calibrate`: the values found and the targets reached.

use super::document::Document;
use crate::explore::calibrate::Calibration;

/// Renders the calibration as tables.
pub fn document(calibration: &Calibration) -> Document {
    let solved = calibration.solved.iter().map(|(unknown, value)| {
        vec![unknown.path.clone(), format!("{:.6}", unknown.start), format!("{value:.6}")]
    });
    let reached = calibration.reached.iter().map(|(target, value)| {
        let miss = value - target.value;
        // Otherwise a small negative miss would be printed as -0.000000.
        let miss = if miss.abs() < 5e-7 { 0.0 } else { miss };
        let numbers = [target.value, *value, miss].map(|number| format!("{number:.6}"));
        [vec![target.quantity.clone()], numbers.to_vec()].concat()
    });
    let solved = Document::of_table(&["solved for", "from", "value"], solved.collect());
    let reached = Document::of_table(&["target", "wanted", "reached", "miss"], reached.collect());
    solved.gap() + reached
}
