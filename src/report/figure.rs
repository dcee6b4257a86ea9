//! Figures as SVG, readable in print and by colour-blind people: shapes differ as well as colours.
//!
//! Colours are those of Okabe & Ito (2008), Color Universal Design.

use plotters::coord::types::RangedCoordf64;
use plotters::coord::{CoordTranslate, Shift};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::design::effect_name;
use crate::design::characteristics::{
    BoundaryCharacteristics, DesignCharacteristics, LookCharacteristics,
};

const SIZE: (u32, u32) = (840, 520);
pub(super) const INK: RGBColor = RGBColor(51, 51, 51);
pub(super) const GRID: RGBColor = RGBColor(228, 228, 228);
const EFFICACY: RGBColor = RGBColor(0, 114, 178);
const FUTILITY: RGBColor = RGBColor(176, 116, 0);
const HARM: RGBColor = RGBColor(213, 94, 0);

/// The scale of a figure of boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundaryScale {
    /// Z.
    Z,
    /// Nominal one-sided p value, logarithmic, small ones on top.
    P,
    /// Observed effect: risk difference, log common odds ratio or difference of means.
    Effect,
}

/// One boundary as it is drawn.
struct Line {
    name: &'static str,
    colour: RGBColor,
    mark: Mark,
    /// Patients analysed, height, and what is written beside it.
    points: Vec<(f64, f64, String)>,
}

#[derive(Clone, Copy)]
enum Mark {
    Circle,
    Triangle,
    Cross,
}

/// The boundaries of a design over the patients analysed. `effect` names the effect's scale.
pub fn boundaries(
    design: &DesignCharacteristics,
    scale: BoundaryScale,
    title: &str,
    effect: &str,
) -> String {
    let lines = lines(design, scale);
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw(&area, &lines, scale, (title, effect), f64::from(design.analysed.total()))
        .expect("an SVG in memory takes everything");
    drop(area);
    svg
}

fn lines(design: &DesignCharacteristics, scale: BoundaryScale) -> Vec<Line> {
    type Of = fn(&LookCharacteristics) -> Option<&BoundaryCharacteristics>;
    let kinds: [(&str, RGBColor, Mark, Of); 3] = [
        ("efficacy", EFFICACY, Mark::Circle, |look| look.efficacy.as_ref()),
        ("futility", FUTILITY, Mark::Triangle, |look| look.futility.as_ref()),
        ("harm", HARM, Mark::Cross, |look| look.harm.as_ref()),
    ];
    let line = |(name, colour, mark, of): (&'static str, RGBColor, Mark, Of)| {
        let point = |look: &LookCharacteristics| {
            let (height, text) = height(of(look)?, scale)?;
            Some((f64::from(look.analysed.total()), height, text))
        };
        Line { name, colour, mark, points: design.looks.iter().filter_map(point).collect() }
    };
    kinds.into_iter().map(line).filter(|line| !line.points.is_empty()).collect()
}

/// Where a boundary stands, and the number beside it.
fn height(boundary: &BoundaryCharacteristics, scale: BoundaryScale) -> Option<(f64, String)> {
    match scale {
        BoundaryScale::Z => Some((boundary.z, format!("{:.3}", boundary.z))),
        BoundaryScale::P => {
            let p = boundary.p_one_sided;
            let text = if p < 0.001 { format!("{p:.1e}") } else { format!("{p:.4}") };
            Some((-libm::log10(p), text))
        }
        BoundaryScale::Effect => {
            let effect = boundary.effect?;
            Some((effect, format!("{effect:.3}")))
        }
    }
}

pub(super) type Drawn = Result<(), Box<dyn std::error::Error>>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn draw(
    area: &DrawingArea<SVGBackend, Shift>,
    lines: &[Line],
    scale: BoundaryScale,
    (title, effect): (&str, &str),
    most: f64,
) -> Drawn {
    area.fill(&WHITE).map_err(failed)?;
    let titled = area.titled(title, font(19)).map_err(failed)?;
    // A legend inside the axes would hide points of some designs.
    let (legend, below) = titled.split_vertically(24);
    names(&legend, lines)?;
    let heights = || lines.iter().flat_map(|line| &line.points).map(|&(_, height, _)| height);
    let (low, high) = (heights().fold(0.0, f64::min), heights().fold(0.0, f64::max));
    let room = 0.12 * (high - low).max(1e-6);
    let mut chart = ChartBuilder::on(&below)
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..1.06 * most, low - room..high + room)?;
    axes(&mut chart, scale, effect)?;
    for line in lines {
        let path = line.points.iter().map(|&(x, y, _)| (x, y));
        chart.draw_series(LineSeries::new(path, line.colour.stroke_width(2)))?;
        for &(x, y, _) in &line.points {
            draw_mark(chart.plotting_area(), (x, y), line)?;
        }
    }
    let style = font(LABEL);
    for (place, text) in labels(&chart, lines) {
        area.draw(&Text::new(text, place, style.clone())).map_err(failed)?;
    }
    area.present().map_err(failed)?;
    Ok(())
}

pub(super) fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

fn names(area: &DrawingArea<SVGBackend, Shift>, lines: &[Line]) -> Drawn {
    let mut x = 78;
    for line in lines {
        let stroke = line.colour.stroke_width(2);
        area.draw(&PathElement::new([(x, 12), (x + 28, 12)], stroke)).map_err(failed)?;
        draw_mark(area, (x + 14, 12), line)?;
        let style = font(14).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(line.name, (x + 36, 12), style)).map_err(failed)?;
        x += 120;
    }
    Ok(())
}

fn draw_mark<C: CoordTranslate>(
    area: &DrawingArea<SVGBackend, C>,
    at: C::From,
    line: &Line,
) -> Drawn
where
    C::From: Clone,
{
    match line.mark {
        Mark::Circle => area.draw(&Circle::new(at, 5, line.colour.filled())),
        Mark::Triangle => area.draw(&TriangleMarker::new(at, 6, line.colour.filled())),
        Mark::Cross => area.draw(&Cross::new(at, 5, line.colour.stroke_width(3))),
    }
    .map_err(failed)
}

fn axes(chart: &mut Chart, scale: BoundaryScale, effect: &str) -> Drawn {
    let name = match scale {
        BoundaryScale::Z => "Z (above 0 favours the experimental arm)".to_owned(),
        BoundaryScale::P => "one-sided p value at the boundary".to_owned(),
        BoundaryScale::Effect => format!("observed {}", effect_name(effect)),
    };
    let label = |y: &f64| match scale {
        BoundaryScale::P if *y < -1e-9 => String::new(),
        BoundaryScale::P => p_value(libm::pow(10.0, -y)),
        _ => format!("{:.3}", y + 0.0).trim_end_matches('0').trim_end_matches('.').to_owned(),
    };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(font(14))
        .axis_desc_style(font(15))
        .x_desc("patients analysed")
        .y_desc(name)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&label)
        .draw()?;
    Ok(())
}

/// Two digits, small ones as a power of ten.
fn p_value(p: f64) -> String {
    match p {
        p if p < 0.000_95 => format!("{p:.0e}"),
        p if p < 0.009_5 => format!("{p:.4}"),
        p if p < 0.095 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    }
}

/// Size of the numbers beside points.
const LABEL: u32 = 14;

/// Left, top, right and bottom in pixels.
type Pixels = [i32; 4];

/// Where the numbers beside points go: beside their points, over nothing else. A number without
/// such a place is left out; the tables have it.
fn labels(chart: &Chart, lines: &[Line]) -> Vec<((i32, i32), String)> {
    let pixel = |&(x, y, _): &(f64, f64, String)| chart.plotting_area().map_coordinate(&(x, y));
    let paths: Vec<Vec<(i32, i32)>> =
        lines.iter().map(|line| line.points.iter().map(pixel).collect()).collect();
    let mut taken: Vec<Pixels> = Vec::new();
    for path in &paths {
        taken.extend(path.iter().map(|(x, y)| [x - 6, y - 6, x + 6, y + 6]));
        taken.extend(path.windows(2).flat_map(|ends| along(ends[0], ends[1])));
    }
    let (across, down) = chart.plotting_area().get_pixel_range();
    let inside = [across.start, down.start, across.end + 14, down.end];
    let mut out = Vec::new();
    for (line, path) in lines.iter().zip(&paths) {
        // Among many points a number on the other side would seem to be another point's.
        let sides = if path.len() > 6 { 1 } else { 2 };
        // From the last look, which matters most.
        for ((_, _, text), at) in line.points.iter().zip(path).rev() {
            if let Some(place) = free(*at, text, (line.name == "efficacy", sides), &taken, inside) {
                taken.push(place);
                out.push(((place[0], place[1]), text.clone()));
            }
        }
    }
    out
}

/// Small boxes along a line.
fn along((x0, y0): (i32, i32), (x1, y1): (i32, i32)) -> impl Iterator<Item = Pixels> {
    let steps = ((x1 - x0).abs().max((y1 - y0).abs()) / 4).max(1);
    (0..=steps).map(move |i| {
        let (x, y) = (x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps);
        [x - 1, y - 1, x + 1, y + 1]
    })
}

/// The first place beside a point that is inside and not taken, above before below or
/// the reverse, or only on one of these `sides`.
fn free(
    (x, y): (i32, i32),
    text: &str,
    (above_first, sides): (bool, usize),
    taken: &[Pixels],
    inside: Pixels,
) -> Option<Pixels> {
    let (width, height) = (8 * text.len() as i32, LABEL as i32);
    let (above, below) = (y - 9 - height, y + 9);
    let rows = if above_first { [above, below] } else { [below, above] };
    let rows = &rows[..sides];
    let columns = [x - width / 2, x - 4, x + 4 - width];
    let places = rows.iter().flat_map(|&top| columns.map(|left| (left, top)));
    places.map(|(left, top)| [left, top, left + width, top + height]).find(|place| {
        let within = place[0] >= inside[0]
            && place[1] >= inside[1]
            && place[2] <= inside[2]
            && place[3] <= inside[3];
        within && !taken.iter().any(|other| overlap(place, other))
    })
}

fn overlap(one: &Pixels, other: &Pixels) -> bool {
    one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
}

pub(super) fn failed(error: impl std::error::Error + 'static) -> Box<dyn std::error::Error> {
    Box::new(error)
}
