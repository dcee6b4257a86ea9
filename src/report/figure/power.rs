//! Power curves: power over a key, a line for each combination of the others, with bands of Monte Carlo
//! error.

use super::alike::{CurveGroups, groups};
use super::chart::{Chart, ChartAxis, extent, with_room};
use super::colour::{Colour, SERIES, sequential_line};
use super::curves::BAND;
use super::drawing::{
    Drawing, Lettering, Pixel, PixelBox, SMALL, Stroke, WIDTH, pixel, text_width,
};
use super::labels::{EndLabel, end_labels};
use super::legend::{LegendEntry, Sample, ScaleName, colour_scale, legend};
use super::mark::{Mark, SHAPES};
use super::smooth::{smooth, smooth_band};

/// Largest number of lines with a shape of their own; more than these have only colours.
const MOST_LINES: usize = SHAPES.len();
/// Largest number of lines with a band and with the normal approximation; more would cover one another.
const MOST_BANDS: usize = 3;
/// Largest number of lines of things without an order; beyond it, those on each other are drawn as one.
const MOST_APART: usize = 6;
/// Longest name at the end of a line.
const LONGEST: f64 = 120.0;

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
    /// Title above the chart; empty on a page, which has its own.
    pub title: String,
    /// Second line of the title.
    pub subtitle: String,
    /// Name of the axis below: the key.
    pub x: String,
    /// Value of the key in the scenario, which is marked; `None` if it has none.
    pub planned: Option<f64>,
    /// Provenance, in small print at the bottom.
    pub footer: String,
}

/// The property that distinguishes the lines.
#[derive(Debug, Clone, PartialEq)]
pub enum Lines {
    /// Things without an order, such as analyses. Lines on each other are drawn as one.
    Unordered,
    /// Values of a key in their order, with its name.
    Ordered(String),
}

/// A line of the figure: a curve that may stand for several.
struct PowerLine<'c> {
    curve: &'c PowerCurve,
    name: String,
    mark: Mark,
    has_mark: bool,
}

/// Draws all curves.
pub fn power_curve(curves: &[PowerCurve], lines: &Lines, labels: &Labels) -> String {
    let mut drawing = Drawing::new();
    let mut top = drawing.heading(&labels.title, &labels.subtitle);
    let heights: Vec<Vec<f64>> =
        curves.iter().map(|curve| curve.points.iter().map(|at| at.power).collect()).collect();
    let grouped = match lines {
        Lines::Unordered => groups(&heights, MOST_APART),
        // Neighbours in an order are alike, and each is wanted.
        Lines::Ordered(_) => groups(&heights, usize::MAX),
    };
    let drawn = power_lines(curves, lines, &grouped);
    let longest = drawn.iter().map(|line| text_width(&line.name, SMALL)).fold(0.0, f64::max);
    let at_ends = *lines == Lines::Unordered
        && drawn.len() > 1
        // At the end of a line its name is found without a legend, if few and short names leave the chart its
        // width. Values of a key are read in their order and need the key's name above them.
        && drawn.len() <= MOST_BANDS + 1
        && longest <= LONGEST;
    top += if at_ends { 4.0 } else { 8.0 + name_lines(&mut drawing, top, &drawn, lines) };
    let margin = if at_ends { longest + 24.0 } else { 14.0 };
    let area = PixelBox::new(12.0, top, WIDTH - margin, top + 310.0);
    let chart = axes(&mut drawing, area, &drawn, labels);
    draw_lines(&mut drawing, &chart, &drawn);
    if at_ends {
        let ends: Vec<EndLabel> = drawn.iter().filter_map(|line| end_label(&chart, line)).collect();
        end_labels(&mut drawing, chart.plot.right + 20.0, chart.plot, &ends);
    }
    let bottom = drawing.remarks(area.bottom + 2.0, &[remark(&drawn, &grouped)]);
    let bottom = drawing.source(bottom, &labels.footer);
    drawing.finish(bottom + 2.0)
}

fn power_lines<'c>(
    curves: &'c [PowerCurve],
    lines: &Lines,
    grouped: &CurveGroups,
) -> Vec<PowerLine<'c>> {
    let count = grouped.groups.len();
    let is_ordered = *lines != Lines::Unordered && count > 2;
    let mut drawn = Vec::new();
    for (i, group) in grouped.groups.iter().enumerate() {
        let names: Vec<&str> = group.iter().map(|&curve| curves[curve].name.as_str()).collect();
        let colour =
            // Two values need no scale of colours: those of a series differ more.
            if is_ordered || count > MOST_LINES { sequential_line(i, count) } else { SERIES[i] };
        let mark = Mark::new(SHAPES[i % SHAPES.len()], colour);
        let curve = &curves[group[0]];
        let has_mark = count <= MOST_LINES;
        drawn.push(PowerLine { curve, name: names.join(", "), mark, has_mark });
    }
    drawn
}

/// Draws the legend from this height. Returns the height that it takes.
fn name_lines(drawing: &mut Drawing, top: f64, drawn: &[PowerLine<'_>], lines: &Lines) -> f64 {
    // One line needs no name.
    let [first, .., last] = drawn else { return 0.0 };
    let mut y = top + 4.0;
    let key = match lines {
        Lines::Unordered => "",
        Lines::Ordered(key) => key,
    };
    if !key.is_empty() {
        drawing.text(pixel(12.0, y + 9.0), key, Lettering::left(SMALL));
        y += 19.0;
    }
    let area = PixelBox::new(12.0, y, WIDTH - 8.0, 0.0);
    if drawn.len() <= MOST_LINES || key.is_empty() {
        let entries: Vec<LegendEntry> = drawn
            .iter()
            .map(|line| LegendEntry::new(&line.name, Sample::Line(stroke(line), shown_mark(line))))
            .collect();
        return y + legend(drawing, area, &entries) - top;
    }
    // More lines than shapes are read by their order.
    let names = [
        ScaleName { share: 0.0, name: first.name.clone() },
        // Exact for an odd number of lines; for an even one the middle name is half a line off.
        ScaleName { share: 0.5, name: drawn[drawn.len() / 2].name.clone() },
        ScaleName { share: 1.0, name: last.name.clone() },
    ];
    let scale = PixelBox { left: 40.0, right: WIDTH - 40.0, ..area };
    y + colour_scale(drawing, scale, line_scale, &names) - top
}

/// Returns the colour of a share of the order of lines.
fn line_scale(share: f64) -> Colour {
    // The scale asks for shares and lines have numbers: fine numbers give the scale the colours of lines.
    const FINE: usize = 1000;
    sequential_line((share * FINE as f64).round() as usize, FINE + 1)
}

fn stroke(line: &PowerLine<'_>) -> Stroke {
    Stroke::new(line.mark.colour, if line.has_mark { 2.0 } else { 1.4 })
}

fn shown_mark(line: &PowerLine<'_>) -> Option<Mark> {
    line.has_mark.then_some(line.mark)
}

fn axes(drawing: &mut Drawing, area: PixelBox, drawn: &[PowerLine<'_>], labels: &Labels) -> Chart {
    let xs = drawn.iter().flat_map(|line| &line.curve.points).map(|point| point.x);
    // Room for the marks at both ends.
    let [low, high] = with_room(extent(xs.chain(labels.planned)), 0.03);
    let x = ChartAxis::linear(&labels.x, low, high);
    let y = ChartAxis::percent("power", 0.0, 1.0);
    let chart = Chart::draw(drawing, area, x, y);
    // 80 % has a tick, of a scale in steps of 20 %; 90 % has none and needs its name.
    chart.level(drawing, 0.8, "");
    chart.level(drawing, 0.9, "90 %");
    if let Some(planned) = labels.planned {
        chart.upright(drawing, planned, "planned");
    }
    chart
}

fn draw_lines(drawing: &mut Drawing, chart: &Chart, drawn: &[PowerLine<'_>]) {
    if drawn.len() <= MOST_BANDS {
        drawn.iter().for_each(|line| draw_band(drawing, chart, line));
    }
    for line in drawn {
        let points = &line.curve.points;
        let path: Vec<Pixel> = points.iter().map(|at| chart.at(at.x, at.power)).collect();
        drawing.curve(&smooth(&path), stroke(line));
        if drawn.len() <= MOST_BANDS {
            let formula: Vec<Pixel> =
                points.iter().filter_map(|at| Some(chart.at(at.x, at.formula?))).collect();
            drawing.curve(&smooth(&formula), Stroke::new(line.mark.colour, 1.2).dashed(4.0));
        }
        if line.has_mark {
            path.into_iter().for_each(|at| line.mark.draw(drawing, at));
        }
    }
}

fn draw_band(drawing: &mut Drawing, chart: &Chart, line: &PowerLine<'_>) {
    let points = &line.curve.points;
    // A band beyond 0 or 1 would leave the axes.
    let [upper, lower] = [BAND, -BAND].map(|errors| {
        let edge = points.iter().map(|at| (at.x, (at.power + errors * at.mcse).clamp(0.0, 1.0)));
        edge.map(|(x, power)| chart.at(x, power)).collect::<Vec<_>>()
    });
    drawing.path(&smooth_band(&upper, &lower), line.mark.colour, 0.18);
}

fn end_label(chart: &Chart, line: &PowerLine<'_>) -> Option<EndLabel> {
    let last = line.curve.points.last()?;
    let end = chart.at(last.x, last.power);
    Some(EndLabel { end, text: line.name.clone(), colour: line.mark.colour })
}

/// Says what bands and dashes are, and which lines stand for several.
fn remark(drawn: &[PowerLine<'_>], grouped: &CurveGroups) -> String {
    let mut points = drawn.iter().flat_map(|line| &line.curve.points);
    let mut text = if drawn.len() <= MOST_BANDS {
        let dashes = points.any(|point| point.formula.is_some());
        let formula = if dashes { "; dashed: normal approximation" } else { "" };
        format!("Band: ± 1.96 Monte Carlo standard errors{formula}.")
    } else {
        // Without bands the reader still must know how far apart two lines are by chance.
        let most = points.map(|point| point.mcse).fold(0.0, f64::max);
        format!("Monte Carlo standard errors are at most {:.1} points.", 100.0 * most)
    };
    if grouped.tolerance > 0.0 {
        text += &format!(
            " Analyses whose power differs by at most {:.0} points everywhere are one line.",
            100.0 * grouped.tolerance
        );
    }
    text
}
