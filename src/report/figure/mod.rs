//! Figures as SVG, readable in print and by colour-blind people: shapes, dashes and words differ as
//! well as colours.
//!
//! Colours are those of Okabe & Ito (2008), Color Universal Design. Each figure has a file; charts,
//! axes, marks and legends are built here. Ink, paper and grid have colours that nothing else has, so
//! that a page can replace them on a dark background.

mod balance;
mod boundaries;
mod calendar;
mod curves;
mod flow;
mod interim;
mod lines;
mod looks;
mod mrs;
mod paths;
mod power;
mod trace;

pub use balance::{ArmDifference, balance};
pub use boundaries::{BoundaryScale, boundaries};
pub use calendar::calendar;
pub use curves::{Curve, CurveAxis, CurveStyle, PointWithError, curves};
pub use flow::{FlowDiagram, Ribbon, StatePosition, flow};
pub use interim::{InterimLook, interim};
pub use looks::{LookShares, looks};
pub use mrs::{ArmMrs, mrs};
pub use paths::{PlannedBounds, paths};
pub use power::{CurvePoint, Labels, MOST_LINES, PowerCurve, power_curve};
pub use trace::trace;

use std::ops::Range;

use plotters::coord::types::RangedCoordf64;
use plotters::coord::{CoordTranslate, Shift};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const INK: RGBColor = RGBColor(51, 51, 51);
const GRID: RGBColor = RGBColor(228, 228, 228);
/// Words on a colour that stays light on a dark background.
const DARK: RGBColor = RGBColor(17, 17, 17);
const EFFICACY: RGBColor = RGBColor(0, 114, 178);
const FUTILITY: RGBColor = RGBColor(176, 116, 0);
const HARM: RGBColor = RGBColor(213, 94, 0);
const SAFETY: RGBColor = RGBColor(204, 121, 167);
/// Trials that continue, or end without significance.
const OPEN: RGBColor = RGBColor(140, 140, 140);
/// Colours of several curves, in their order.
const SERIES: [RGBColor; 4] = [EFFICACY, HARM, RGBColor(0, 158, 115), SAFETY];

/// Width of most figures in pixels: on a telephone, words are still large enough.
const WIDTH: u32 = 620;

/// Width and height in pixels.
type Size = (u32, u32);
/// Coordinates in pixels, across and down, as plotters has them.
type Pixel = (i32, i32);
type Fallible<T> = Result<T, Box<dyn std::error::Error>>;
type Drawn = Fallible<()>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Returns the drawing that `draw` makes on white paper of this size.
fn svg(size: Size, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
    area.fill(&WHITE)
        .map_err(failed)
        .and_then(|()| draw(&area))
        .and_then(|()| area.present().map_err(failed))
        // plotters reports errors of files and screens; a string has none.
        .expect("an SVG in memory accepts everything");
    // The area borrows the text and writes its end when it is dropped.
    drop(area);
    text
}

fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// The size, the colour and the side of its point of a text.
#[derive(Clone, Copy)]
struct Lettering {
    size: u32,
    side: HPos,
    colour: RGBColor,
}

impl Lettering {
    /// Begins the text at its point.
    const fn left(size: u32) -> Self {
        Self { size, side: HPos::Left, colour: INK }
    }

    /// Centres the text on its point.
    const fn centred(size: u32) -> Self {
        Self { size, side: HPos::Center, colour: INK }
    }

    /// Ends the text at its point.
    const fn right(size: u32) -> Self {
        Self { size, side: HPos::Right, colour: INK }
    }
}

/// Writes a text at a point, half of its height above it.
fn write(area: &Area<'_>, text: &str, at: Pixel, lettering: Lettering) -> Drawn {
    let Lettering { size, side, colour } = lettering;
    let style = font(size).color(&colour).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style)).map_err(failed)
}

fn fill(area: &Area<'_>, corners: [Pixel; 2], colour: RGBColor) -> Drawn {
    area.draw(&Rectangle::new(corners, colour.filled())).map_err(failed)
}

fn line(area: &Area<'_>, points: &[Pixel], colour: RGBColor) -> Drawn {
    area.draw(&PathElement::new(points.to_vec(), colour.stroke_width(1))).map_err(failed)
}

/// Draws a legend of names, each after a patch of its colour, in as many rows as they need. Returns the
/// pixels that the rows after the first take.
fn legend(area: &Area<'_>, names: &[(&str, RGBColor)], corner: Pixel) -> Fallible<i32> {
    // Names that do not fit begin a new row.
    let (mut x, mut y) = corner;
    for (name, colour) in names {
        // A letter takes about 8 pixels; SVG does not say how wide a text is.
        let width = 34 + 8 * name.chars().count() as i32;
        if x > corner.0 && x + width > WIDTH as i32 {
            (x, y) = (corner.0, y + 20);
        }
        fill(area, [(x, y - 6), (x + 12, y + 6)], *colour)?;
        write(area, name, (x + 18, y), Lettering::left(17))?;
        x += width;
    }
    Ok(y - corner.1)
}

/// Draws an entry of a legend of lines: a piece of the line, 28 pixels long, with its mark, and its name
/// after it.
fn legend_line(
    area: &Area<'_>,
    name: &str,
    at: Pixel,
    stroke: ShapeStyle,
    mark: Option<Mark>,
) -> Drawn {
    let (x, y) = at;
    area.draw(&PathElement::new([(x, y), (x + 28, y)], stroke)).map_err(failed)?;
    if let Some(mark) = mark {
        mark.draw(area, (x + 14, y))?;
    }
    write(area, name, (x + 36, y), Lettering::left(14))
}

/// The shape of a mark.
#[derive(Clone, Copy)]
enum MarkShape {
    Circle,
    Triangle,
    Square,
    Cross,
    OpenCircle,
    Diamond,
    OpenSquare,
    Bar,
}

/// A mark at a point of a line.
#[derive(Clone, Copy)]
struct Mark {
    shape: MarkShape,
    colour: RGBColor,
    /// Half of its width in pixels, about.
    radius: i32,
}

impl Mark {
    /// Builds a mark of the usual size.
    const fn new(shape: MarkShape, colour: RGBColor) -> Self {
        Self { shape, colour, radius: 5 }
    }

    fn draw<C: CoordTranslate>(self, area: &DrawingArea<SVGBackend<'_>, C>, at: C::From) -> Drawn
    where
        C::From: Clone,
    {
        let Self { shape, colour, radius: r } = self;
        // Offsets from the point in pixels: a mark must not be stretched with the axes.
        let filled = colour.filled();
        let outlined = colour.stroke_width(r as u32 - 2);
        let square = [(-r, -r), (r, r)];
        match shape {
            MarkShape::Circle => area.draw(&Circle::new(at, r, filled)),
            // A little larger: a triangle looks smaller than a circle of its radius.
            MarkShape::Triangle => area.draw(&TriangleMarker::new(at, r + 1, filled)),
            MarkShape::Square => {
                area.draw(&(EmptyElement::at(at) + Rectangle::new(square, filled)))
            }
            MarkShape::Cross => area.draw(&Cross::new(at, r, outlined)),
            MarkShape::OpenCircle => area.draw(&Circle::new(at, r, outlined)),
            MarkShape::Diamond => {
                let r = r + 2;
                let corners = [(0, -r), (r, 0), (0, r), (-r, 0)];
                area.draw(&(EmptyElement::at(at) + Polygon::new(corners, filled)))
            }
            MarkShape::OpenSquare => {
                area.draw(&(EmptyElement::at(at) + Rectangle::new(square, outlined)))
            }
            MarkShape::Bar => {
                let ends = [(0, -r - 2), (0, r + 2)];
                area.draw(&(EmptyElement::at(at) + PathElement::new(ends, outlined)))
            }
        }
        .map_err(failed)
    }
}

/// One axis of a chart.
struct ChartAxis<'l> {
    /// Name and unit.
    name: &'l str,
    range: Range<f64>,
    /// Writes a number at the axis.
    label: &'l dyn Fn(&f64) -> String,
}

/// The layout of a chart.
#[derive(Clone, Copy)]
struct Layout {
    /// Pixels around the chart.
    margin: u32,
    /// Pixels to the left of the chart, for numbers and name of the axis that goes up.
    left: u32,
    /// Size of the numbers at the axes.
    numbers: u32,
    /// Size of the names of the axes.
    names: u32,
    /// Largest number of numbers at an axis.
    most_numbers: usize,
}

/// The layout of charts in a report.
const IN_A_REPORT: Layout =
    Layout { margin: 12, left: 60, numbers: 17, names: 17, most_numbers: 7 };
/// The layout of charts in files of their own, which are larger on paper.
const ALONE: Layout = Layout { margin: 14, left: 64, numbers: 14, names: 15, most_numbers: 11 };

/// Draws the axes of a chart with a grid; `x` goes across and `y` up.
fn chart<'a>(
    area: &Area<'a>,
    layout: Layout,
    x: ChartAxis<'_>,
    y: ChartAxis<'_>,
) -> Fallible<Chart<'a>> {
    let mut chart = ChartBuilder::on(area)
        .margin(layout.margin)
        .x_label_area_size(46)
        .y_label_area_size(layout.left)
        .build_cartesian_2d(x.range, y.range)?;
    chart
        .configure_mesh()
        // A fine grid would hide the pale bands.
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .x_labels(layout.most_numbers)
        .y_labels(layout.most_numbers)
        .label_style(font(layout.numbers))
        .axis_desc_style(font(layout.names))
        .x_desc(x.name)
        .y_desc(y.name)
        .x_label_formatter(x.label)
        .y_label_formatter(y.label)
        .draw()?;
    Ok(chart)
}

/// Returns the smallest and the largest value; infinities in reverse order without values.
fn extent(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
        [low.min(value), high.max(value)]
    })
}

/// Writes a whole number.
fn whole(value: &f64) -> String {
    format!("{value:.0}")
}

/// Writes a number with at most three decimals, without trailing zeros.
fn plain(value: &f64) -> String {
    crate::report::numeral::trimmed(*value, 3)
}

fn failed(error: impl std::error::Error + 'static) -> Box<dyn std::error::Error> {
    Box::new(error)
}
