//! `rescuesim calibrate`: what was found, and what it gives.

use super::document::Document;
use crate::explore::calibrate::Calibration;

/// As tables.
pub fn document(calibration: &Calibration) -> Document {
    let solved = calibration.solved.iter().map(|(unknown, value)| {
        vec![unknown.path.clone(), format!("{:.6}", unknown.start), format!("{value:.6}")]
    });
    let reached = calibration.reached.iter().map(|(target, value)| {
        let miss = value - target.value;
        // No "-0.000000".
        let miss = if miss.abs() < 5e-7 { 0.0 } else { miss };
        let figures = [target.value, *value, miss].map(|figure| format!("{figure:.6}"));
        [vec![target.quantity.clone()], figures.to_vec()].concat()
    });
    let solved = Document::of_table(&["solved for", "from", "value"], solved.collect());
    let reached = Document::of_table(&["target", "wanted", "reached", "miss"], reached.collect());
    solved.gap() + reached
}
