//! Curves over one axis, with Monte Carlo bands.

use std::ops::Range;

use plotters::element::DashedPathElement;
use plotters::prelude::*;

use crate::report::numeral::grouped;

use super::{
    Chart, ChartAxis, Drawn, IN_A_REPORT, Mark, MarkShape, SERIES, WIDTH, chart, extent, legend,
    plain, svg,
};

/// An axis of curves.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveAxis {
    /// Name and unit.
    pub name: String,
    /// Smallest and largest value; taken from the curves if `None`.
    pub range: Option<[f64; 2]>,
    /// Whether values are powers of ten, given by their exponents.
    pub logarithmic: bool,
}

/// The style of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveStyle {
    /// Straight lines, with a mark at each point.
    Marked,
    /// Straight lines.
    Line,
    /// Steps, which rise at each point as counts do.
    Steps,
    /// Dashed lines: not simulated.
    Dashed,
}

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Name in the legend; no entry if empty.
    pub name: String,
    /// Style of the line.
    pub style: CurveStyle,
    /// Number of its colour; curves that belong together share one.
    pub colour: usize,
    /// Points from left to right.
    pub points: Vec<PointWithError>,
}

/// A point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointWithError {
    /// Place on the axis.
    pub x: f64,
    /// Height.
    pub value: f64,
    /// Standard error of the height, 0 if exact; the band reaches 1.96 of them to either side.
    pub mcse: f64,
}

/// Draws curves over a common axis.
pub fn curves(x: &CurveAxis, y: &CurveAxis, curves: &[Curve]) -> String {
    svg((WIDTH, 380), |area| {
        let names: Vec<(&str, RGBColor)> = curves
            .iter()
            .filter(|curve| !curve.name.is_empty())
            .map(|curve| (curve.name.as_str(), colour(curve)))
            .collect();
        let rows = legend(area, &names, (66, 18))?;
        let (_, below) = area.split_vertically(32 + rows);
        let points: Vec<PointWithError> =
            curves.iter().flat_map(|curve| curve.points.iter().copied()).collect();
        // Room for the bands, which reach 1.96 standard errors.
        let reach =
            points.iter().flat_map(|at| [at.value - 2.0 * at.mcse, at.value + 2.0 * at.mcse]);
        let across = ChartAxis {
            name: &x.name,
            range: range(x, points.iter().map(|at| at.x), 0.02),
            label: &|at| label(x, at),
        };
        let up =
            ChartAxis { name: &y.name, range: range(y, reach, 0.06), label: &|at| label(y, at) };
        let mut chart = chart(&below, IN_A_REPORT, across, up)?;
        curves.iter().try_for_each(|curve| draw(&mut chart, curve))
    })
}

/// Writes a number at an axis; nothing between the powers of ten of a logarithmic one.
fn label(axis: &CurveAxis, at: &f64) -> String {
    if !axis.logarithmic {
        plain(at)
    } else if (at - at.round()).abs() > 1e-6 {
        String::new()
    } else {
        grouped(libm::pow(10.0, at.round()) as u64)
    }
}

fn colour(curve: &Curve) -> RGBColor {
    SERIES[curve.colour % SERIES.len()]
}

/// Returns the range of the axis or, if it has none, that of the values with some room.
fn range(axis: &CurveAxis, values: impl Iterator<Item = f64>, room: f64) -> Range<f64> {
    if let Some([low, high]) = axis.range {
        return low..high;
    }
    let [low, high] = extent(values.filter(|value| value.is_finite()));
    // An empty range cannot be drawn: a single value has a unit of room, and no value the unit interval.
    if high > low {
        low - room * (high - low)..high + room * (high - low)
    } else if low.is_finite() {
        low - 0.5..high + 0.5
    } else {
        0.0..1.0
    }
}

fn draw(chart: &mut Chart<'_>, curve: &Curve) -> Drawn {
    let colour = colour(curve);
    if curve.points.iter().any(|point| point.mcse > 0.0) {
        let upper = curve.points.iter().map(|at| (at.x, at.value + 1.96 * at.mcse));
        let lower = curve.points.iter().rev().map(|at| (at.x, at.value - 1.96 * at.mcse));
        let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
        chart.draw_series(std::iter::once(Polygon::new(outline, colour.mix(0.22))))?;
    }
    let points: Vec<(f64, f64)> = curve.points.iter().map(|at| (at.x, at.value)).collect();
    let stroke = colour.stroke_width(2);
    match curve.style {
        CurveStyle::Dashed => {
            chart.draw_series(std::iter::once(DashedPathElement::new(
                points.clone(),
                7,
                5,
                stroke,
            )))?;
        }
        // The count is constant up to its next value.
        CurveStyle::Steps => {
            let mut steps = Vec::new();
            let mut height = 0.0;
            for &(x, y) in &points {
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
        // Exact curves share the colour of the simulated ones but have no marks.
        let shape = [MarkShape::Circle, MarkShape::Triangle, MarkShape::Cross][curve.colour % 3];
        for at in points {
            Mark::new(shape, colour).draw(chart.plotting_area(), at)?;
        }
    }
    Ok(())
}
