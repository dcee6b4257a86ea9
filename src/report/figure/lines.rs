//! Lines with marks, their legend, and numbers beside their points.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, Chart, Drawn, Mark, draw_mark, failed, font};

/// Points with a line through them.
pub(super) struct Line {
    /// In the legend; left out there when empty.
    pub name: &'static str,
    pub colour: RGBColor,
    pub mark: Mark,
    /// Whether numbers are better above their points than below.
    pub above: bool,
    /// Across, up, and what is written beside it.
    pub points: Vec<(f64, f64, String)>,
}

/// The legend.
pub(super) fn names(area: &Area<'_>, lines: &[Line]) -> Drawn {
    let mut x = 78;
    for line in lines.iter().filter(|line| !line.name.is_empty()) {
        let stroke = line.colour.stroke_width(2);
        area.draw(&PathElement::new([(x, 12), (x + 28, 12)], stroke)).map_err(failed)?;
        draw_mark(area, (x + 14, 12), (line.mark, line.colour))?;
        let style = font(14).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(line.name, (x + 36, 12), style)).map_err(failed)?;
        // A letter takes about 8 pixels.
        x += 120.max(56 + 8 * line.name.len() as i32);
    }
    Ok(())
}

/// Size of the numbers beside points.
const LABEL: u32 = 14;

/// Left, top, right and bottom in pixels.
type Pixels = [i32; 4];

/// The lines with their marks.
pub(super) fn draw_lines(chart: &mut Chart, lines: &[Line]) -> Drawn {
    for line in lines {
        let path = line.points.iter().map(|&(x, y, _)| (x, y));
        chart.draw_series(LineSeries::new(path, line.colour.stroke_width(2)))?;
        for &(x, y, _) in &line.points {
            draw_mark(chart.plotting_area(), (x, y), (line.mark, line.colour))?;
        }
    }
    Ok(())
}

/// The numbers beside the points of a chart, on the area that it is part of.
pub(super) fn draw_numbers(area: &Area<'_>, chart: &Chart, lines: &[Line]) -> Drawn {
    let style = font(LABEL);
    for (place, text) in labels(chart, lines) {
        area.draw(&Text::new(text, place, style.clone())).map_err(failed)?;
    }
    Ok(())
}

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
        let numbered = line.points.iter().zip(path).filter(|((_, _, text), _)| !text.is_empty());
        for ((_, _, text), at) in numbered.rev() {
            if let Some(place) = free(*at, text, (line.above, sides), &taken, inside) {
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
