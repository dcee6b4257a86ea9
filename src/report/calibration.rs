//! `rescuesim calibrate`: what was found, and what it gives.

use super::table::grid;
use crate::explore::calibrate::Calibration;

/// As text.
pub fn render(calibration: &Calibration) -> String {
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
    let solved = grid(&["solved for", "from", "value"], solved.collect());
    let reached = grid(&["target", "wanted", "reached", "miss"], reached.collect());
    format!("{solved}\n{reached}")
}
