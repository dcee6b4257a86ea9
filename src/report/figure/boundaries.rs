//! The boundaries of a design over the patients analysed.

use super::lines::{LabelledPoint, MarkedLine, draw_lines, draw_names, draw_numbers};
use super::{
    ALONE, ChartAxis, EFFICACY, FUTILITY, HARM, Mark, MarkShape, chart, extent, failed, font,
    plain, svg, whole,
};
use crate::design::characteristics::{BoundaryCharacteristics, DesignCharacteristics};
use crate::report::design::{BoundaryKind, effect_name};

const SIZE: (u32, u32) = (840, 520);

/// The scale of a figure of boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundaryScale {
    /// Z statistic.
    Z,
    /// Nominal one-sided p value, logarithmic, small ones on top.
    P,
    /// Observed effect: risk difference, log common odds ratio or difference of means.
    Effect,
}

/// Draws the boundaries of a design over the patients analysed. `effect` names the effect's scale.
pub fn boundaries(
    design: &DesignCharacteristics,
    scale: BoundaryScale,
    title: &str,
    effect: &str,
) -> String {
    let lines = lines(design, scale);
    let most = f64::from(design.analysed.total());
    let heights = lines.iter().flat_map(|line| &line.points).map(|point| point.y);
    // 0, no effect, is always in sight.
    let [low, high] = extent(heights.chain([0.0]));
    let room = 0.12 * (high - low).max(1e-6);
    let name = match scale {
        BoundaryScale::Z => "Z (above 0 favours the experimental arm)".to_owned(),
        BoundaryScale::P => "one-sided p value at the boundary".to_owned(),
        BoundaryScale::Effect => format!("observed {}", effect_name(effect)),
    };
    svg(SIZE, |area| {
        let titled = area.titled(title, font(19)).map_err(failed)?;
        // A legend inside the axes would hide points of some designs.
        let (legend, below) = titled.split_vertically(24);
        draw_names(&legend, &lines)?;
        let x = ChartAxis { name: "patients analysed", range: 0.0..1.06 * most, label: &whole };
        let y =
            ChartAxis { name: &name, range: low - room..high + room, label: &|y| label(scale, y) };
        let mut chart = chart(&below, ALONE, x, y)?;
        draw_lines(&mut chart, &lines)?;
        draw_numbers(area, &chart, &lines)
    })
}

fn lines(design: &DesignCharacteristics, scale: BoundaryScale) -> Vec<MarkedLine> {
    let mut lines = Vec::new();
    for kind in BoundaryKind::ALL {
        let mark = match kind {
            BoundaryKind::Efficacy => Mark::new(MarkShape::Circle, EFFICACY),
            BoundaryKind::Futility => Mark::new(MarkShape::Triangle, FUTILITY),
            BoundaryKind::Harm => Mark::new(MarkShape::Cross, HARM),
        };
        let points: Vec<LabelledPoint> = design
            .looks
            .iter()
            .filter_map(|look| point(f64::from(look.analysed.total()), kind.at(look)?, scale))
            .collect();
        if !points.is_empty() {
            let above = kind == BoundaryKind::Efficacy;
            lines.push(MarkedLine { name: kind.name(), mark, above, points });
        }
    }
    lines
}

/// Returns the point of a boundary with the number next to it; `None` without an effect at it.
fn point(
    analysed: f64,
    boundary: &BoundaryCharacteristics,
    scale: BoundaryScale,
) -> Option<LabelledPoint> {
    let (y, text) = match scale {
        BoundaryScale::Z => (boundary.z, format!("{:.3}", boundary.z)),
        BoundaryScale::P => {
            let p = boundary.p_one_sided;
            let text = if p < 0.001 { format!("{p:.1e}") } else { format!("{p:.4}") };
            // Small p values on top, as large Z are on the other scale.
            (-libm::log10(p), text)
        }
        BoundaryScale::Effect => {
            let effect = boundary.effect?;
            (effect, format!("{effect:.3}"))
        }
    };
    Some(LabelledPoint { x: analysed, y, text })
}

/// Writes a number at the axis of the boundaries.
fn label(scale: BoundaryScale, y: &f64) -> String {
    match scale {
        BoundaryScale::Z | BoundaryScale::Effect => plain(y),
        // The room below the axis has no p values: they would exceed 1.
        BoundaryScale::P if *y < -1e-9 => String::new(),
        BoundaryScale::P => p_value(libm::pow(10.0, -y)),
    }
}

/// Writes a p value with one digit if below 0.001, otherwise with two, as far as the axis needs.
fn p_value(p: f64) -> String {
    if p < 0.000_95 {
        format!("{p:.0e}")
    } else if p < 0.009_5 {
        format!("{p:.4}")
    } else if p < 0.095 {
        format!("{p:.3}")
    } else {
        format!("{p:.2}")
    }
}
