//! Curves over one axis, with their Monte-Carlo bands where they have one.

use plotters::element::DashedPathElement;
use plotters::prelude::*;

use crate::report::table::grouped;

use super::{Chart, Drawn, Mark, SERIES, WIDTH, axes, draw_mark, legend, plain, svg};

/// What an axis shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Name and unit.
    pub name: String,
    /// Least and greatest; from the curves where `None`.
    pub range: Option<(f64, f64)>,
    /// Whether values are powers of ten, given by their exponents.
    pub logarithmic: bool,
}

/// How a curve goes from point to point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveStyle {
    /// Straight, a mark at each point.
    Marked,
    /// Straight.
    Line,
    /// As counts that rise at each point.
    Steps,
    /// Dashed: not simulated.
    Dashed,
}

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// In the legend; empty for none.
    pub name: String,
    /// How it is drawn.
    pub style: CurveStyle,
    /// Which of the colours it has; curves that belong together share one.
    pub colour: usize,
    /// From left to right: where, how much, and its standard error (0 for none), of which the band
    /// reaches 1.96 to either side.
    pub points: Vec<(f64, f64, f64)>,
}

/// Curves over a common axis.
pub fn curves((x, y): (&Axis, &Axis), curves: &[Curve]) -> String {
    svg((WIDTH, 380), |area| {
        let named = curves.iter().filter(|curve| !curve.name.is_empty());
        let names: Vec<(&str, RGBColor)> =
            named.map(|curve| (curve.name.as_str(), colour(curve))).collect();
        let rows = legend(area, &names, (66, 18))?;
        let (_, below) = area.split_vertically(32 + rows);
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let across = range(x, points().map(|point| point.0), 0.02);
        let reach =
            points().flat_map(|&(_, value, error)| [value - 2.0 * error, value + 2.0 * error]);
        let up = range(y, reach, 0.06);
        let mut chart = ChartBuilder::on(&below)
            .margin(12)
            .x_label_area_size(46)
            .y_label_area_size(60)
            .build_cartesian_2d(across.0..across.1, up.0..up.1)?;
        axes(&mut chart, (&x.name, &y.name), (&|at| label(x, at), &|at| label(y, at)))?;
        curves.iter().try_for_each(|curve| draw(&mut chart, curve))
    })
}

/// Between powers of ten an axis of these has no numbers.
fn label(axis: &Axis, at: &f64) -> String {
    match axis.logarithmic {
        true if (at - at.round()).abs() > 1e-6 => String::new(),
        true => grouped(libm::pow(10.0, at.round()) as u64),
        false => plain(at),
    }
}

fn colour(curve: &Curve) -> RGBColor {
    SERIES[curve.colour % SERIES.len()]
}

/// That of the axis, or of the values with some room; never empty.
fn range(axis: &Axis, values: impl Iterator<Item = f64>, room: f64) -> (f64, f64) {
    if let Some(range) = axis.range {
        return range;
    }
    let ends = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), ends);
    match high - low {
        span if span > 0.0 => (low - room * span, high + room * span),
        _ if low.is_finite() => (low - 0.5, high + 0.5),
        _ => (0.0, 1.0),
    }
}

fn draw(chart: &mut Chart<'_>, curve: &Curve) -> Drawn {
    let colour = colour(curve);
    let edge = |side: f64| move |&(x, y, error): &(f64, f64, f64)| (x, y + side * 1.96 * error);
    if curve.points.iter().any(|point| point.2 > 0.0) {
        let upper = curve.points.iter().map(edge(1.0));
        let lower = curve.points.iter().rev().map(edge(-1.0));
        let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
        chart.draw_series(std::iter::once(Polygon::new(outline, colour.mix(0.22))))?;
    }
    let points = curve.points.iter().map(|&(x, y, _)| (x, y));
    let stroke = colour.stroke_width(2);
    match curve.style {
        CurveStyle::Dashed => {
            chart.draw_series(std::iter::once(DashedPathElement::new(points, 7, 5, stroke)))?;
        }
        CurveStyle::Steps => {
            let mut steps = Vec::new();
            let mut height = 0.0;
            for (x, y) in points {
                steps.extend([(x, height), (x, y)]);
                height = y;
            }
            chart.draw_series(LineSeries::new(steps, stroke))?;
        }
        CurveStyle::Line | CurveStyle::Marked => {
            chart.draw_series(LineSeries::new(points.clone(), stroke))?;
        }
    }
    if curve.style == CurveStyle::Marked {
        let mark = [Mark::Circle, Mark::Triangle, Mark::Cross][curve.colour % 3];
        for &(x, y, _) in &curve.points {
            draw_mark(chart.plotting_area(), (x, y), (mark, colour))?;
        }
    }
    Ok(())
}
