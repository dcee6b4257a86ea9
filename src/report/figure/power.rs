//! Power curves: power over a key, a line for each combination of the others, with bands of Monte Carlo
//! error.

use plotters::prelude::*;

use super::{
    ALONE, Area, Chart, ChartAxis, Drawn, Lettering, Mark, MarkShape, chart, extent, failed, font,
    legend_line, svg, write,
};

const SIZE: (u32, u32) = (640, 460);

/// Largest number of lines: there are no more colours and shapes that a reader can distinguish.
pub const MOST_LINES: usize = 8;

/// The mark of each line, so that lines differ without their colours. These are the colours of Okabe &
/// Ito (2008); their yellow, too light for a line, is darkened.
const MARKS: [Mark; MOST_LINES] = [
    mark(MarkShape::Circle, RGBColor(0, 114, 178)),
    mark(MarkShape::Triangle, RGBColor(213, 94, 0)),
    mark(MarkShape::Square, RGBColor(0, 158, 115)),
    mark(MarkShape::Cross, RGBColor(204, 121, 167)),
    mark(MarkShape::OpenCircle, RGBColor(86, 180, 233)),
    mark(MarkShape::Diamond, RGBColor(176, 116, 0)),
    mark(MarkShape::OpenSquare, RGBColor(51, 51, 51)),
    mark(MarkShape::Bar, RGBColor(150, 140, 20)),
];

const fn mark(shape: MarkShape, colour: RGBColor) -> Mark {
    Mark { shape, colour, radius: 4 }
}

/// Normal quantile of a band that holds 95 %.
const BAND: f64 = 1.96;

/// One power curve.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerCurve {
    /// Values of the other keys; empty without other keys.
    pub name: String,
    /// Points in order of x.
    pub points: Vec<CurvePoint>,
}

/// A simulated power.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Value of the key.
    pub x: f64,
    /// P(efficacy).
    pub power: f64,
    /// Monte Carlo standard error of the power.
    pub mcse: f64,
    /// Power by the normal approximation, if the analysis has one.
    pub formula: Option<f64>,
}

/// The texts around the curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// Title above the chart.
    pub title: String,
    /// Name of the axis below: the key.
    pub x: String,
    /// Provenance, in small print at the bottom.
    pub footer: String,
}

/// Draws the first [`MOST_LINES`] curves.
pub fn power_curve(curves: &[PowerCurve], labels: &Labels) -> String {
    let shown = &curves[..curves.len().min(MOST_LINES)];
    svg(SIZE, |area| {
        let (body, footer) = area.split_vertically(SIZE.1 as i32 - 20);
        write(&footer, &labels.footer, (14, 8), Lettering::left(11))?;
        let titled = body.titled(&labels.title, font(19)).map_err(failed)?;
        // One curve needs no name.
        let rows = 1 + if shown.len() > 1 { shown.len().div_ceil(2) as i32 } else { 0 };
        let (legend, below) = titled.split_vertically(8 + 20 * rows);
        let [low, high] = extent(shown.iter().flat_map(|curve| &curve.points).map(|point| point.x));
        // Room for the marks at both ends; a single point has none of its own.
        let room = if high > low { 0.03 * (high - low) } else { 0.5 };
        let x = ChartAxis {
            name: &labels.x,
            range: low - room..high + room,
            label: &|x| crate::report::numeral::trimmed(*x, 6),
        };
        let y = ChartAxis { name: "power", range: 0.0..1.0, label: &|y| format!("{y:.1}") };
        let mut chart = chart(&below, ALONE, x, y)?;
        for (curve, mark) in shown.iter().zip(MARKS) {
            draw_curve(&mut chart, curve, mark)?;
        }
        explain(&legend, shown)
    })
}

fn draw_curve(chart: &mut Chart<'_>, curve: &PowerCurve, mark: Mark) -> Drawn {
    let points = &curve.points;
    // A band beyond 0 or 1 would leave the axes.
    let upper = points.iter().map(|at| (at.x, (at.power + BAND * at.mcse).clamp(0.0, 1.0)));
    let lower = points.iter().rev().map(|at| (at.x, (at.power - BAND * at.mcse).clamp(0.0, 1.0)));
    let band: Vec<(f64, f64)> = upper.chain(lower).collect();
    chart.draw_series([Polygon::new(band, mark.colour.mix(0.22))])?;
    let path = points.iter().map(|at| (at.x, at.power));
    chart.draw_series(LineSeries::new(path.clone(), mark.colour.stroke_width(2)))?;
    let formula = points.iter().filter_map(|at| Some((at.x, at.formula?)));
    chart.draw_series(DashedLineSeries::new(formula, 5, 4, mark.colour.stroke_width(1)))?;
    for at in path {
        mark.draw(chart.plotting_area(), at)?;
    }
    Ok(())
}

/// Draws the legend: the meaning of bands and dashes, and the names of the lines in two columns.
fn explain(area: &Area<'_>, curves: &[PowerCurve]) -> Drawn {
    let dashes = curves.iter().flat_map(|curve| &curve.points).any(|point| point.formula.is_some());
    let formula = if dashes { "; dashed: normal approximation" } else { "" };
    let text = format!("band: ± 1.96 Monte Carlo standard errors{formula}");
    write(area, &text, (70, 10), Lettering::left(14))?;
    if curves.len() < 2 {
        return Ok(());
    }
    for (i, (curve, mark)) in (0..).zip(curves.iter().zip(MARKS)) {
        let at = (70 + 280 * (i % 2), 30 + 20 * (i / 2));
        legend_line(area, &curve.name, at, mark.colour.stroke_width(2), Some(mark))?;
    }
    Ok(())
}
