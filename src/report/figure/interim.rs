//! A running trial: the path of Z so far between the boundaries.

use super::lines::{LabelledPoint, MarkedLine};
use super::trace::{BoundaryPoints, boundary_lines, draw_z_lines, labelled};
use super::{INK, Mark, MarkShape, svg};
use crate::report::design::BoundaryKind;

const SIZE: (u32, u32) = (640, 440);

/// A look of a running trial.
#[derive(Debug, Clone, Copy)]
pub struct InterimLook {
    /// Outcomes known, or planned if the look is still ahead.
    pub analysed: u32,
    /// Whether the look has taken place.
    pub is_past: bool,
    /// Bounds on Z for efficacy, futility and harm; `None` if not tested.
    pub bounds: [Option<f64>; 3],
    /// Statistic; `None` if unknown.
    pub z: Option<f64>,
}

/// Draws the boundaries over the outcomes, those of later looks pale, and the path of Z.
pub fn interim(looks: &[InterimLook]) -> String {
    let path = looks.iter().filter_map(|look| Some(labelled(look.analysed, look.z?))).collect();
    let circle = Mark::new(MarkShape::Circle, INK);
    let mut lines = vec![MarkedLine { name: "Z", mark: circle, above: true, points: path }];
    for (kind, of) in BoundaryKind::ALL.into_iter().zip(0..) {
        let points =
            BoundaryPoints { in_force: points(looks, of, true), planned: points(looks, of, false) };
        lines.extend(boundary_lines(kind, points));
    }
    lines.retain(|line| !line.points.is_empty());
    let note = looks.iter().any(|look| !look.is_past).then_some("pale: planned");
    svg(SIZE, |area| draw_z_lines(area, area, &lines, note))
}

/// Returns the bounds of one kind, of the looks so far or of those ahead.
fn points(looks: &[InterimLook], kind: usize, is_past: bool) -> Vec<LabelledPoint> {
    let looks = looks.iter().filter(|look| look.is_past == is_past);
    looks.filter_map(|look| Some(labelled(look.analysed, look.bounds[kind]?))).collect()
}
