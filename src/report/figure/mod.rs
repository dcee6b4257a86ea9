//! Figures as SVG, readable in print and by colour-blind people: shapes, dashes and words differ as
//! well as colours.
//!
//! Colours are those of Okabe & Ito (2008), Color Universal Design. One file per figure; what they
//! share is here. Everything that is ink, paper or grid has a colour that nothing else has, so that
//! a page can give it another in the dark.

mod balance;
mod boundaries;
mod calendar;
mod curves;
mod flow;
mod lines;
mod looks;
mod mrs;
mod paths;
mod power;
mod trace;

pub use balance::balance;
pub use boundaries::{BoundaryScale, boundaries};
pub use calendar::calendar;
pub use curves::{Axis, Curve, CurveStyle, curves};
pub use flow::{Flow, Link, flow};
pub use looks::{LookShares, looks};
pub use mrs::mrs;
pub use paths::{LookBounds, paths};
pub use power::{CurvePoint, Labels, MOST_LINES, PowerCurve, power_curve};
pub use trace::trace;

use plotters::coord::types::RangedCoordf64;
use plotters::coord::{CoordTranslate, Shift};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const INK: RGBColor = RGBColor(51, 51, 51);
const GRID: RGBColor = RGBColor(228, 228, 228);
/// Words on a colour that stays light in the dark.
const DARK: RGBColor = RGBColor(17, 17, 17);
const EFFICACY: RGBColor = RGBColor(0, 114, 178);
const FUTILITY: RGBColor = RGBColor(176, 116, 0);
const HARM: RGBColor = RGBColor(213, 94, 0);
const SAFETY: RGBColor = RGBColor(204, 121, 167);
/// Trials that go on, or show nothing.
const OPEN: RGBColor = RGBColor(140, 140, 140);
/// Of several curves, the first first.
const SERIES: [RGBColor; 4] = [EFFICACY, HARM, RGBColor(0, 158, 115), SAFETY];

/// Pixels from side to side of most figures: on a telephone words are still large enough.
const WIDTH: u32 = 620;

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

#[derive(Clone, Copy)]
enum Mark {
    Circle,
    Triangle,
    Cross,
    Square,
}

/// What `draw` draws on paper of this size.
fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
    area.fill(&WHITE)
        .map_err(failed)
        .and_then(|()| draw(&area))
        .and_then(|()| area.present().map_err(failed))
        .expect("an SVG in memory takes everything");
    drop(area);
    text
}

fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// Words at a point, beside it or centred on it, half their height above it.
fn write(area: &Area<'_>, text: &str, at: (i32, i32), (size, side, colour): Words) -> Drawn {
    let style = font(size).color(&colour).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style)).map_err(failed)
}

/// Size, side of the point that words stand on, and colour.
type Words = (u32, HPos, RGBColor);

fn fill(area: &Area<'_>, corners: [(i32, i32); 2], colour: RGBColor) -> Drawn {
    area.draw(&Rectangle::new(corners, colour.filled())).map_err(failed)
}

fn line(area: &Area<'_>, points: &[(i32, i32)], colour: RGBColor) -> Drawn {
    area.draw(&PathElement::new(points.to_vec(), colour.stroke_width(1))).map_err(failed)
}

/// Names, each behind a patch of its colour, in as many rows as they need; the pixels that these take
/// beyond the first.
fn legend(
    area: &Area<'_>,
    names: &[(&str, RGBColor)],
    (left, top): (i32, i32),
) -> Result<i32, Box<dyn std::error::Error>> {
    let (mut x, mut y) = (left, top);
    for (name, colour) in names {
        let width = 34 + 8 * name.chars().count() as i32;
        if x > left && x + width > WIDTH as i32 {
            (x, y) = (left, y + 20);
        }
        fill(area, [(x, y - 6), (x + 12, y + 6)], *colour)?;
        write(area, name, (x + 18, y), (17, HPos::Left, INK))?;
        x += width;
    }
    Ok(y - top)
}

fn draw_mark<C: CoordTranslate>(
    area: &DrawingArea<SVGBackend, C>,
    at: C::From,
    (mark, colour): (Mark, RGBColor),
) -> Drawn
where
    C::From: Clone,
{
    match mark {
        Mark::Circle => area.draw(&Circle::new(at, 5, colour.filled())),
        Mark::Triangle => area.draw(&TriangleMarker::new(at, 6, colour.filled())),
        Mark::Square => {
            let style = colour.filled();
            area.draw(&(EmptyElement::at(at) + Rectangle::new([(-5, -5), (5, 5)], style)))
        }
        Mark::Cross => area.draw(&Cross::new(at, 5, colour.stroke_width(3))),
    }
    .map_err(failed)
}

/// Writes a number beside an axis.
type Label<'l> = &'l dyn Fn(&f64) -> String;

/// Axes with their names and a grid.
fn axes(chart: &mut Chart<'_>, (x, y): (&str, &str), labels: (Label<'_>, Label<'_>)) -> Drawn {
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .x_labels(7)
        .y_labels(7)
        .label_style(font(17))
        .axis_desc_style(font(17))
        .x_desc(x)
        .y_desc(y)
        .x_label_formatter(labels.0)
        .y_label_formatter(labels.1)
        .draw()?;
    Ok(())
}

/// A number without the zeros it does not need.
fn plain(value: &f64) -> String {
    let text = format!("{:.3}", value + 0.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn failed(error: impl std::error::Error + 'static) -> Box<dyn std::error::Error> {
    Box::new(error)
}
