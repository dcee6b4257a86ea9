//! A power curve as SVG: power over a key, a line for each combination of the others, with bands of
//! Monte-Carlo error.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, Chart, Drawn, GRID, INK, failed, font, svg};

const SIZE: (u32, u32) = (640, 460);

/// Lines at most: more cannot be told apart.
pub const MOST_LINES: usize = 8;

/// Of Okabe & Ito (2008); their yellow, too light for a line, darkened.
const COLOURS: [RGBColor; MOST_LINES] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(176, 116, 0),
    RGBColor(51, 51, 51),
    RGBColor(150, 140, 20),
];

/// Normal quantile of a band that holds 95 %.
const BAND: f64 = 1.96;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerCurve {
    /// Values of the other keys; empty where there are none.
    pub name: String,
    /// In order of x.
    pub points: Vec<CurvePoint>,
}

/// A simulated power.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Value of the key.
    pub x: f64,
    /// P(efficacy).
    pub power: f64,
    /// Its Monte-Carlo standard error.
    pub mcse: f64,
    /// The normal approximation, where there is one.
    pub formula: Option<f64>,
}

/// What is written around the curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// Above.
    pub title: String,
    /// Below the axis: the key.
    pub x: String,
    /// In small print at the bottom: where it comes from.
    pub footer: String,
}

/// Draws the first [`MOST_LINES`] curves.
pub fn power_curve(curves: &[PowerCurve], labels: &Labels) -> String {
    let shown = &curves[..curves.len().min(MOST_LINES)];
    svg(SIZE, |area| draw(area, shown, labels))
}

fn draw(area: &Area, curves: &[PowerCurve], labels: &Labels) -> Drawn {
    let (body, footer) = area.split_vertically(SIZE.1 as i32 - 20);
    let small = font(11).pos(Pos::new(HPos::Left, VPos::Center));
    footer.draw(&Text::new(labels.footer.clone(), (14, 8), small)).map_err(failed)?;
    let titled = body.titled(&labels.title, font(19)).map_err(failed)?;
    let rows = 1 + if curves.len() > 1 { curves.len().div_ceil(2) as i32 } else { 0 };
    let (legend, below) = titled.split_vertically(8 + 20 * rows);
    let mut chart = ChartBuilder::on(&below)
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(reach(curves), 0.0..1.0)?;
    axes(&mut chart, &labels.x)?;
    for (curve, place) in curves.iter().zip(0..) {
        draw_curve(area, &mut chart, curve, place)?;
    }
    explain(&legend, curves)?;
    Ok(())
}

/// The x axis, with a little room on both sides.
fn reach(curves: &[PowerCurve]) -> std::ops::Range<f64> {
    let xs = || curves.iter().flat_map(|curve| &curve.points).map(|point| point.x);
    let (low, high) = (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max));
    let room = if high > low { 0.03 * (high - low) } else { 0.5 };
    low - room..high + room
}

fn axes(chart: &mut Chart, x: &str) -> Drawn {
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(font(14))
        .axis_desc_style(font(15))
        .x_desc(x)
        .y_desc("power")
        .x_label_formatter(&|x| {
            let text = format!("{x:.6}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        })
        .y_label_formatter(&|y| format!("{y:.1}"))
        .draw()?;
    Ok(())
}

fn draw_curve(area: &Area, chart: &mut Chart, curve: &PowerCurve, place: usize) -> Drawn {
    let colour = COLOURS[place];
    let edge = |side: f64| {
        move |point: &CurvePoint| {
            (point.x, (point.power + side * BAND * point.mcse).clamp(0.0, 1.0))
        }
    };
    let above = curve.points.iter().map(edge(1.0));
    let band: Vec<_> = above.chain(curve.points.iter().rev().map(edge(-1.0))).collect();
    chart.draw_series([Polygon::new(band, colour.mix(0.22))])?;
    let path = curve.points.iter().map(|point| (point.x, point.power));
    chart.draw_series(LineSeries::new(path, colour.stroke_width(2)))?;
    let formula = curve.points.iter().filter_map(|point| Some((point.x, point.formula?)));
    chart.draw_series(DashedLineSeries::new(formula, 5, 4, colour.stroke_width(1)))?;
    for point in &curve.points {
        draw_mark(area, chart.plotting_area().map_coordinate(&(point.x, point.power)), place)?;
    }
    Ok(())
}

/// A shape for each line, so that they are told apart without their colours.
fn draw_mark(area: &Area, (x, y): (i32, i32), place: usize) -> Drawn {
    let (filled, line) = (COLOURS[place].filled(), COLOURS[place].stroke_width(2));
    match place {
        0 => area.draw(&Circle::new((x, y), 4, filled)),
        1 => area.draw(&TriangleMarker::new((x, y), 5, filled)),
        2 => area.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], filled)),
        3 => area.draw(&Cross::new((x, y), 4, line)),
        4 => area.draw(&Circle::new((x, y), 4, line)),
        5 => area.draw(&Polygon::new([(x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y)], filled)),
        6 => area.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], line)),
        _ => area.draw(&PathElement::new([(x, y - 6), (x, y + 6)], line)),
    }
    .map_err(failed)
}

/// What lines, bands and dashes are.
fn explain(area: &Area, curves: &[PowerCurve]) -> Drawn {
    let style = || font(14).pos(Pos::new(HPos::Left, VPos::Center));
    let dashes = curves.iter().flat_map(|curve| &curve.points).any(|point| point.formula.is_some());
    let formula = if dashes { "; dashed: normal approximation" } else { "" };
    let text = format!("band: ± 1.96 Monte-Carlo standard errors{formula}");
    area.draw(&Text::new(text, (70, 10), style())).map_err(failed)?;
    if curves.len() < 2 {
        return Ok(());
    }
    for (place, curve) in curves.iter().enumerate() {
        let (x, y) = (70 + 280 * (place as i32 % 2), 30 + 20 * (place as i32 / 2));
        let stroke = COLOURS[place].stroke_width(2);
        area.draw(&PathElement::new([(x, y), (x + 28, y)], stroke)).map_err(failed)?;
        draw_mark(area, (x + 14, y), place)?;
        area.draw(&Text::new(curve.name.clone(), (x + 36, y), style())).map_err(failed)?;
    }
    Ok(())
}
