//! Curves over one axis, with Monte Carlo bands.

use super::chart::{Chart, ChartAxis, Tick, extent, with_room};
use super::colour::{Colour, SERIES};
use super::drawing::{Drawing, Pixel, PixelBox, SMALL, Stroke, WIDTH, shortened, text_width};
use super::labels::{EndLabel, end_labels};
use super::legend::{LegendEntry, Sample, legend};
use super::mark::{Mark, SHAPES};
use super::smooth::{smooth, smooth_band};

/// An axis of curves.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveAxis {
    /// Name and unit.
    pub name: String,
    /// Smallest and largest value; taken from the curves if `None`.
    pub range: Option<[f64; 2]>,
    /// Kind of value, which decides the labels.
    pub scale: CurveScale,
}

impl CurveAxis {
    /// Returns the ends of the band of a point, [`BAND`] standard errors to either side; shares are within
    /// 0 and 1.
    fn band(&self, at: PointWithError) -> [f64; 2] {
        let ends = [at.value - BAND * at.mcse, at.value + BAND * at.mcse];
        match self.scale {
            CurveScale::Percent => ends.map(|end| end.clamp(0.0, 1.0)),
            CurveScale::Linear | CurveScale::Logarithmic | CurveScale::Named(_) => ends,
        }
    }
}

/// The kind of value at an axis.
#[derive(Debug, Clone, PartialEq)]
pub enum CurveScale {
    /// Numbers.
    Linear,
    /// Shares, labelled in per cent.
    Percent,
    /// Exponents of powers of ten.
    Logarithmic,
    /// Whole numbers from 1, with their names.
    Named(Vec<String>),
}

/// The style of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveStyle {
    /// A mark at each point, and a smooth line through them.
    Marked,
    /// A mark at each point.
    Marks,
    /// A smooth line.
    Smooth,
    /// Straight lines.
    Line,
    /// Steps, which rise at each point as counts do.
    Steps,
    /// Steps, dashed, so that steps below remain visible.
    DashedSteps,
}

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Name; empty if another curve names it.
    pub name: String,
    /// Style of the line.
    pub style: CurveStyle,
    /// Number of its colour and mark.
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

/// Normal quantile of a band that holds 95 %.
pub(super) const BAND: f64 = 1.96;
/// Longest name at the end of a line; longer ones need a legend.
// More than a quarter of the figure would leave too little of it to the curves.
const LONGEST: f64 = 130.0;

/// Draws curves over a common axis, and remarks below them.
pub fn curves(x: &CurveAxis, y: &CurveAxis, curves: &[Curve], remarks: &[String]) -> String {
    let mut drawing = Drawing::new();
    let named = curves.iter().filter(|curve| !curve.name.is_empty()).count();
    let longest = curves.iter().map(|curve| text_width(&curve.name, SMALL)).fold(0.0, f64::max);
    // A single curve needs no name.
    // Names at the ends need no look back and forth to a legend, but take their width from the chart.
    let at_ends = named > 1 && named <= SERIES.len() && longest <= LONGEST;
    let mut top = 8.0;
    if named > 1 && !at_ends {
        let area = PixelBox::new(12.0, 6.0, WIDTH - 8.0, 0.0);
        top += legend(&mut drawing, area, &entries(curves));
    }
    let margin = if at_ends { longest + 22.0 } else { 14.0 };
    let area = PixelBox::new(12.0, top, WIDTH - margin, top + 280.0);
    let points = curves.iter().flat_map(|curve| &curve.points);
    // Room for the bands.
    let reach = points.clone().flat_map(|at| y.band(*at));
    let across = axis(x, points.map(|at| at.x), 0.02);
    let up = axis(y, reach, 0.06);
    let chart = Chart::draw(&mut drawing, area, across, up);
    // All bands come before the first line: one on top of it would make it pale.
    for curve in curves {
        draw_band(&mut drawing, &chart, y, curve);
    }
    for curve in curves {
        draw_curve(&mut drawing, &chart, curve);
    }
    if at_ends {
        let labels: Vec<EndLabel> =
            curves.iter().filter_map(|curve| end_label(&chart, curve)).collect();
        end_labels(&mut drawing, chart.plot.right + 18.0, chart.plot, &labels);
    }
    let bottom = drawing.remarks(area.bottom + 2.0, remarks);
    drawing.finish(bottom + 2.0)
}

fn entries(curves: &[Curve]) -> Vec<LegendEntry> {
    let named = curves.iter().filter(|curve| !curve.name.is_empty());
    named.map(|curve| LegendEntry::new(&curve.name, sample(curve))).collect()
}

fn sample(curve: &Curve) -> Sample {
    let (stroke, mark) = (stroke(curve), mark(curve));
    match curve.style {
        CurveStyle::Marked => Sample::Line(stroke, Some(mark)),
        CurveStyle::Marks => Sample::Point(mark),
        CurveStyle::Smooth | CurveStyle::Line | CurveStyle::Steps | CurveStyle::DashedSteps => {
            Sample::Line(stroke, None)
        }
    }
}

fn end_label(chart: &Chart, curve: &Curve) -> Option<EndLabel> {
    let last = curve.points.last().filter(|_| !curve.name.is_empty())?;
    let text = shortened(&curve.name, LONGEST, SMALL);
    Some(EndLabel { end: chart.at(last.x, last.value), text, colour: colour(curve) })
}

/// Builds the axis, whose range is that of the values with some room if it has none.
fn axis(axis: &CurveAxis, values: impl Iterator<Item = f64>, room: f64) -> ChartAxis {
    let [low, high] = axis.range.unwrap_or_else(|| with_room(extent(values), room));
    match &axis.scale {
        CurveScale::Linear => ChartAxis::linear(&axis.name, low, high),
        CurveScale::Percent => ChartAxis::percent(&axis.name, low, high),
        CurveScale::Logarithmic => ChartAxis::logarithmic(&axis.name, low, high),
        CurveScale::Named(names) => {
            let ticks = names.iter().zip(1_u32..);
            let ticks = ticks.map(|(name, i)| Tick { at: f64::from(i), label: name.clone() });
            ChartAxis::linear(&axis.name, low, high).with_ticks(ticks.collect())
        }
    }
}

fn colour(curve: &Curve) -> Colour {
    SERIES[curve.colour % SERIES.len()]
}

fn mark(curve: &Curve) -> Mark {
    Mark::new(SHAPES[curve.colour % SHAPES.len()], colour(curve))
}

fn stroke(curve: &Curve) -> Stroke {
    match curve.style {
        CurveStyle::Marked | CurveStyle::Marks | CurveStyle::Smooth | CurveStyle::Line => {
            Stroke::new(colour(curve), 2.0)
        }
        // Wide, so that it shows on both sides of a dashed line over it.
        CurveStyle::Steps => Stroke::new(colour(curve), 3.4),
        CurveStyle::DashedSteps => Stroke::new(colour(curve), 1.7).dashed(5.0),
    }
}

fn draw_band(drawing: &mut Drawing, chart: &Chart, y: &CurveAxis, curve: &Curve) {
    if curve.points.iter().all(|point| point.mcse == 0.0) {
        return;
    }
    let [lower, upper] = [0, 1].map(|side: usize| {
        let points = curve.points.iter();
        points.map(|at| chart.at(at.x, y.band(*at)[side])).collect::<Vec<_>>()
    });
    let band = smooth_band(&upper, &lower);
    drawing.path(&band, colour(curve), 0.18);
}

fn draw_curve(drawing: &mut Drawing, chart: &Chart, curve: &Curve) {
    let points: Vec<Pixel> = curve.points.iter().map(|at| chart.at(at.x, at.value)).collect();
    match curve.style {
        // The count is constant up to its next value.
        CurveStyle::Steps | CurveStyle::DashedSteps => {
            let mut steps: Vec<Pixel> = Vec::with_capacity(2 * points.len());
            for &at in &points {
                // From the axis: no trial has a value below the smallest.
                let before = steps.last().map_or(chart.up(0.0), |last| last.y);
                steps.extend([Pixel { y: before, ..at }, at]);
            }
            drawing.line(&steps, stroke(curve));
        }
        CurveStyle::Line => drawing.line(&points, stroke(curve)),
        CurveStyle::Smooth => drawing.curve(&smooth(&points), stroke(curve)),
        CurveStyle::Marks => points.into_iter().for_each(|at| mark(curve).draw(drawing, at)),
        CurveStyle::Marked => {
            drawing.curve(&smooth(&points), stroke(curve));
            points.into_iter().for_each(|at| mark(curve).draw(drawing, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: CurveScale) -> CurveAxis {
        CurveAxis { name: String::new(), range: None, scale }
    }

    #[test]
    fn the_band_of_a_share_ends_at_0_and_1_and_that_of_a_number_does_not() {
        let near_one = PointWithError { x: 1.0, value: 0.95, mcse: 0.05 };
        let near_zero = PointWithError { value: 0.05, ..near_one };
        let share = axis(CurveScale::Percent);
        assert_eq!([share.band(near_one)[1], share.band(near_zero)[0]], [1.0, 0.0]);
        assert_eq!(axis(CurveScale::Linear).band(near_one)[1], 0.95 + BAND * 0.05);
    }
}
