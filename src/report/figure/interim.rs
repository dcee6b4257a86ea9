//! A running trial: the path of Z so far between the boundaries.

use super::drawing::{Drawing, PixelBox, WIDTH};
use super::legend::legend;
use super::z_chart::{BoundPoint, ZChart, ZPoint};
use crate::report::design::BoundaryKind;

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
    let mut bounds = Vec::new();
    for look in looks {
        let outcomes = f64::from(look.analysed);
        for (kind, z) in BoundaryKind::ALL.into_iter().zip(look.bounds) {
            let is_in_force = look.is_past;
            bounds.extend(z.map(|z| BoundPoint { kind, outcomes, z, is_in_force }));
        }
    }
    let path = looks.iter().filter_map(|look| Some(ZPoint::new(look.analysed, look.z?)));
    let chart = ZChart {
        path: path.collect(),
        // The analysis with the overrun is a look of its own here, the last one.
        repeated: None,
        bounds,
        planned: looks.len(),
        pale: "look still ahead",
    };
    let mut drawing = Drawing::new();
    let area = PixelBox::new(12.0, 6.0, WIDTH - 8.0, 0.0);
    let top = 10.0 + legend(&mut drawing, area, &chart.entries());
    let bottom = chart.draw(&mut drawing, top);
    drawing.finish(bottom + 4.0)
}
