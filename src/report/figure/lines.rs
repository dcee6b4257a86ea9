//! Lines with marks, their legend, and numbers next to their points.

use plotters::prelude::*;

use super::{Area, Chart, Drawn, Mark, Pixel, failed, font, legend_line};

/// Points with a line through them.
pub(super) struct MarkedLine {
    /// Name in the legend; no entry if empty.
    pub name: &'static str,
    /// Mark at each point, in the colour of the line.
    pub mark: Mark,
    /// Whether numbers are better above their points than below.
    pub above: bool,
    /// Points from left to right.
    pub points: Vec<LabelledPoint>,
}

/// A point with the number that is written next to it.
#[derive(Debug, Clone)]
pub(super) struct LabelledPoint {
    pub x: f64,
    pub y: f64,
    pub text: String,
}

/// Draws the legend of the lines.
pub(super) fn draw_names(area: &Area<'_>, lines: &[MarkedLine]) -> Drawn {
    let mut x = 78;
    for line in lines.iter().filter(|line| !line.name.is_empty()) {
        let stroke = line.mark.colour.stroke_width(2);
        legend_line(area, line.name, (x, 12), stroke, Some(line.mark))?;
        // A letter takes about 8 pixels.
        x += 120.max(56 + 8 * line.name.len() as i32);
    }
    Ok(())
}

/// Draws the lines with their marks.
pub(super) fn draw_lines(chart: &mut Chart<'_>, lines: &[MarkedLine]) -> Drawn {
    for line in lines {
        let path = line.points.iter().map(|point| (point.x, point.y));
        chart.draw_series(LineSeries::new(path, line.mark.colour.stroke_width(2)))?;
        for point in &line.points {
            line.mark.draw(chart.plotting_area(), (point.x, point.y))?;
        }
    }
    Ok(())
}

/// Size of the numbers next to points.
const LABEL: u32 = 14;

/// Writes the numbers next to the points of a chart, on the area that the chart is part of.
pub(super) fn draw_numbers(area: &Area<'_>, chart: &Chart<'_>, lines: &[MarkedLine]) -> Drawn {
    let style = font(LABEL);
    for (place, text) in labels(chart, lines) {
        area.draw(&Text::new(text, (place.left, place.top), style.clone())).map_err(failed)?;
    }
    Ok(())
}

/// A rectangle in pixels.
#[derive(Clone, Copy)]
struct PixelBox {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl PixelBox {
    fn around(centre: Pixel, reach: i32) -> Self {
        let (x, y) = centre;
        Self { left: x - reach, top: y - reach, right: x + reach, bottom: y + reach }
    }

    fn is_within(&self, other: &Self) -> bool {
        self.left >= other.left
            && self.top >= other.top
            && self.right <= other.right
            && self.bottom <= other.bottom
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// Places the numbers next to their points, over no mark, line or other number. A number without such
/// a place is left out; the tables have it.
fn labels(chart: &Chart<'_>, lines: &[MarkedLine]) -> Vec<(PixelBox, String)> {
    let plot = chart.plotting_area();
    let paths: Vec<Vec<Pixel>> = lines
        .iter()
        .map(|line| line.points.iter().map(|at| plot.map_coordinate(&(at.x, at.y))).collect())
        .collect();
    let mut taken: Vec<PixelBox> = Vec::new();
    for path in &paths {
        taken.extend(path.iter().map(|&at| PixelBox::around(at, 6)));
        taken.extend(path.windows(2).flat_map(|ends| along(ends[0], ends[1])));
    }
    let (across, down) = plot.get_pixel_range();
    let inside = PixelBox {
        left: across.start,
        top: down.start,
        // The last look lies at the edge: its number may reach into the margin.
        right: across.end + 14,
        bottom: down.end,
    };
    let mut out = Vec::new();
    for (line, path) in lines.iter().zip(&paths) {
        // Among many points, a number on the other side would seem to belong to another point.
        let sides = if path.len() > 6 { 1 } else { 2 };
        // Backwards, as the last look matters most and chooses first.
        for (point, &at) in line.points.iter().zip(path).rev() {
            if point.text.is_empty() {
                continue;
            }
            let free = candidates(at, &point.text, line.above, sides).into_iter().find(|place| {
                place.is_within(&inside) && !taken.iter().any(|other| place.overlaps(other))
            });
            if let Some(place) = free {
                taken.push(place);
                out.push((place, point.text.clone()));
            }
        }
    }
    out
}

/// Returns small boxes along a line.
fn along(from: Pixel, to: Pixel) -> impl Iterator<Item = PixelBox> {
    let (width, height) = (to.0 - from.0, to.1 - from.1);
    let steps = (width.abs().max(height.abs()) / 4).max(1);
    (0..=steps).map(move |i| {
        PixelBox::around((from.0 + width * i / steps, from.1 + height * i / steps), 1)
    })
}

/// Lists the places of a number next to a point in the order of preference: above before below or the
/// reverse, or only on the first of these `sides`.
fn candidates(at: Pixel, text: &str, above_first: bool, sides: usize) -> Vec<PixelBox> {
    let (x, y) = at;
    let (width, height) = (8 * text.len() as i32, LABEL as i32);
    let (above, below) = (y - 9 - height, y + 9);
    let rows = if above_first { [above, below] } else { [below, above] };
    let mut places = Vec::new();
    for top in rows.into_iter().take(sides) {
        for left in [x - width / 2, x - 4, x + 4 - width] {
            places.push(PixelBox { left, top, right: left + width, bottom: top + height });
        }
    }
    places
}
