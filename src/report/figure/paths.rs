//! The paths of Z of simulated trials between the boundaries.

use plotters::prelude::*;

use super::{
    Chart, ChartAxis, Drawn, EFFICACY, FUTILITY, HARM, IN_A_REPORT, INK, Layout, Mark, MarkShape,
    OPEN, SAFETY, WIDTH, chart, extent, legend, plain, svg, whole,
};
use crate::explore::dossier::ZPath;
use crate::trial::Conclusion;

/// Planned boundaries of a look; `None` for a boundary that the look does not have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedBounds {
    /// Planned number of outcomes.
    pub analysed: f64,
    /// The trial stops for efficacy if Z is at or above this value.
    pub efficacy: Option<f64>,
    /// The trial stops for futility if Z is at or below this value.
    pub futility: Option<f64>,
    /// The trial stops for harm if Z is at or below this value.
    pub harm: Option<f64>,
}

/// Conclusions in the order of the legend.
const ENDS: [(&str, Conclusion); 5] = [
    ("efficacy", Conclusion::Efficacy),
    ("nothing shown", Conclusion::NotSignificant),
    ("futility", Conclusion::Futility),
    ("harm", Conclusion::Harm),
    ("safety", Conclusion::Safety),
];

/// Draws each path in the colour of its conclusion, which also has a mark of its own, and the
/// boundaries over them.
pub fn paths(looks: &[PlannedBounds], paths: &[ZPath]) -> String {
    svg((WIDTH, 420), |area| {
        let names: Vec<(&str, RGBColor)> = ENDS
            .into_iter()
            .filter(|(_, end)| paths.iter().any(|path| path.conclusion == *end))
            .map(|(name, end)| (name, mark(end).colour))
            .collect();
        legend(area, &names, (60, 18))?;
        let (_, below) = area.split_vertically(32);
        let points = || paths.iter().flat_map(|path| &path.points);
        let bounds = looks.iter().flat_map(|it| [it.efficacy, it.futility, it.harm]).flatten();
        let [low, high] = extent(points().map(|&(_, z)| z).chain(bounds).chain([0.0]));
        let analysed = looks.iter().map(|look| look.analysed).chain(points().map(|&(n, _)| n));
        let most = analysed.fold(1.0, f64::max);
        let layout = Layout { margin: 10, left: 52, ..IN_A_REPORT };
        let x = ChartAxis { name: "outcomes analysed", range: 0.0..1.04 * most, label: &whole };
        let y = ChartAxis { name: "Z", range: low - 0.3..high + 0.3, label: &plain };
        let mut chart = chart(&below, layout, x, y)?;
        // Boundaries last, over the paths.
        paths.iter().try_for_each(|path| draw_path(&mut chart, path))?;
        draw_bound(&mut chart, looks.iter().map(|look| (look.analysed, look.efficacy)))?;
        draw_bound(&mut chart, looks.iter().map(|look| (look.analysed, look.futility)))?;
        draw_bound(&mut chart, looks.iter().map(|look| (look.analysed, look.harm)))
    })
}

/// Returns the mark of a conclusion.
fn mark(end: Conclusion) -> Mark {
    match end {
        Conclusion::Efficacy => Mark::new(MarkShape::Circle, EFFICACY),
        Conclusion::Futility => Mark::new(MarkShape::Triangle, FUTILITY),
        Conclusion::Harm => Mark::new(MarkShape::Cross, HARM),
        Conclusion::Safety => Mark::new(MarkShape::Cross, SAFETY),
        Conclusion::NotSignificant => Mark::new(MarkShape::Triangle, OPEN),
    }
}

fn draw_path(chart: &mut Chart<'_>, path: &ZPath) -> Drawn {
    let mark = mark(path.conclusion);
    // Every trial begins at Z = 0 without patients.
    let points = std::iter::once((0.0, 0.0)).chain(path.points.iter().copied());
    chart.draw_series(LineSeries::new(points, mark.colour.mix(0.45).stroke_width(1)))?;
    match path.points.last() {
        Some(&end) => mark.draw(chart.plotting_area(), end),
        None => Ok(()),
    }
}

/// Draws one boundary through the looks that have it.
fn draw_bound(chart: &mut Chart<'_>, bounds: impl Iterator<Item = (f64, Option<f64>)>) -> Drawn {
    let points: Vec<(f64, f64)> = bounds.filter_map(|(n, z)| Some((n, z?))).collect();
    chart.draw_series(LineSeries::new(points.iter().copied(), INK.stroke_width(2)))?;
    for at in points {
        Mark::new(MarkShape::Square, INK).draw(chart.plotting_area(), at)?;
    }
    Ok(())
}
