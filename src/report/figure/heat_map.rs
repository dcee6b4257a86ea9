//! Power over two keys as a heat map, with the contours of 80 and 90 %.

use super::chart::{Chart, ChartAxis, Tick};
use super::colour::{DARK, INK, LIGHT, sequential};
use super::drawing::{
    Drawing, Lettering, Pixel, PixelBox, SMALL, Stroke, WIDTH, WORDS, pixel, text_width,
};
use super::legend::{LegendEntry, Sample, ScaleName, colour_scale, legend};
use super::power::Labels;
use crate::report::numeral::trimmed;

/// Power at each combination of two keys.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerGrid {
    /// Values of the key across, increasing.
    pub x: Vec<f64>,
    /// Values of the key up, increasing.
    pub y: Vec<f64>,
    /// Name of the key up.
    pub y_name: String,
    /// Power by row of `y`, from the lowest, and column of `x`.
    pub power: Vec<Vec<f64>>,
}

/// A contour of the power.
struct Contour {
    level: f64,
    name: &'static str,
    dash: f64,
}

const CONTOURS: [Contour; 2] = [
    Contour { level: 0.8, name: "80 %", dash: 5.0 },
    Contour { level: 0.9, name: "90 %", dash: 0.0 },
];

/// Draws a cell for each combination, in the colour of its power, and the contours through them.
pub fn heat_map(grid: &PowerGrid, labels: &Labels) -> String {
    let mut drawing = Drawing::new();
    let top = drawing.heading(&labels.title, &labels.subtitle) + 4.0;
    let top = draw_legend(&mut drawing, grid, top);
    let area = PixelBox::new(12.0, top, WIDTH - 16.0, top + 350.0);
    let chart = axes(&mut drawing, area, grid, labels);
    let (columns, rows) = (edges(&grid.x), edges(&grid.y));
    let mut cells = Vec::new();
    for (j, row) in grid.power.iter().enumerate() {
        for (i, &power) in row.iter().enumerate() {
            let cell = PixelBox {
                left: chart.across(columns[i]),
                top: chart.up(rows[j + 1]),
                right: chart.across(columns[i + 1]),
                bottom: chart.up(rows[j]),
            };
            // Neighbours overlap a little, as seams between them would show.
            let covered = PixelBox { right: cell.right + 0.3, bottom: cell.bottom + 0.3, ..cell };
            drawing.block(covered, sequential(power));
            cells.push((cell, power));
        }
    }
    for contour in &CONTOURS {
        for piece in pieces(grid, contour.level) {
            let ends = piece.map(|at| chart.at(at.x, at.y));
            // A pale edge below the dark line: the colours run from dark to light, and either alone would
            // vanish. All edges come first, as each would cut the line of its neighbour.
            drawing.line(&ends, Stroke::new(LIGHT, 4.0));
        }
        for piece in pieces(grid, contour.level) {
            let ends = piece.map(|at| chart.at(at.x, at.y));
            drawing.line(&ends, Stroke::new(DARK, 1.8).dashed(contour.dash));
        }
    }
    // Numbers last, so that no contour crosses one.
    for (cell, power) in cells {
        write_power(&mut drawing, cell, power);
    }
    let bottom = drawing.source(area.bottom + 4.0, &labels.footer);
    drawing.finish(bottom + 2.0)
}

/// Draws the scale of colours and the contours from this height. Returns the height at which they end.
fn draw_legend(drawing: &mut Drawing, grid: &PowerGrid, top: f64) -> f64 {
    drawing.text(pixel(12.0, top + 6.0), "power", Lettering::left(SMALL));
    let names = [0.0, 0.25, 0.5, 0.75, 1.0]
        .map(|share| ScaleName { share, name: format!("{:.0} %", 100.0 * share) });
    let scale = PixelBox::new(74.0, top, 330.0, 0.0);
    colour_scale(drawing, scale, sequential, &names);
    // An entry for a contour that no power reaches would send the reader looking for it.
    let shown = CONTOURS.iter().filter(|contour| !pieces(grid, contour.level).is_empty());
    let entries: Vec<LegendEntry> = shown
        .map(|contour| {
            let stroke = Stroke::new(INK, 1.8).dashed(contour.dash);
            LegendEntry::new(format!("power {}", contour.name), Sample::Line(stroke, None))
        })
        .collect();
    let place = PixelBox::new(356.0, top - 6.0, WIDTH - 8.0, 0.0);
    legend(drawing, place, &entries);
    top + 38.0
}

fn axes(drawing: &mut Drawing, area: PixelBox, grid: &PowerGrid, labels: &Labels) -> Chart {
    let (columns, rows) = (edges(&grid.x), edges(&grid.y));
    let x = ChartAxis::linear(&labels.x, columns[0], columns[columns.len() - 1])
        // The chart itself leaves out numbers across that would touch.
        .with_ticks(ticks(&grid.x, usize::MAX));
    // A row needs the height of its number.
    // 66 px are the chart's room above and below its plot.
    let most = ((area.height() - 66.0) / 18.0) as usize;
    let y = ChartAxis::linear(&grid.y_name, rows[0], rows[rows.len() - 1])
        .with_ticks(ticks(&grid.y, most));
    Chart::draw(drawing, area, x, y)
}

/// Labels the values of a key, or as many of them, equally spaced, as there is room for.
fn ticks(values: &[f64], most: usize) -> Vec<Tick> {
    let step = values.len().div_ceil(most.max(1)).max(1);
    let shown = values.iter().step_by(step);
    shown.map(|&at| Tick { at, label: trimmed(at, 6).replace('-', "−") }).collect()
}

/// Returns the edges of cells around increasing values: the middles between them.
fn edges(values: &[f64]) -> Vec<f64> {
    let (first, last) = (0, values.len() - 1);
    // A single value has a unit of room.
    if first == last {
        return vec![values[0] - 0.5, values[0] + 0.5];
    }
    // The outer edges mirror the nearest inner ones, so that the outermost values are inside their cells.
    let mut edges = vec![values[0] - (values[1] - values[0]) / 2.0];
    edges.extend(values.windows(2).map(|two| (two[0] + two[1]) / 2.0));
    edges.push(values[last] + (values[last] - values[last - 1]) / 2.0);
    edges
}

/// Writes the power of a cell into it, if it has room.
fn write_power(drawing: &mut Drawing, cell: PixelBox, power: f64) {
    let colour = sequential(power);
    let text = format!("{:.0}", 100.0 * power);
    // No shortened number: "8" for 82 would be read as a power of 8 %.
    if text_width(&text, SMALL) + 6.0 <= cell.width() && cell.height() >= WORDS {
        let lettering = Lettering::centred(SMALL).coloured(colour.of_words()).on(colour);
        drawing.text(cell.middle(), &text, lettering);
    }
}

/// Returns the pieces of a contour, in the units of the keys: marching squares between the middles of cells,
/// linear along their edges.
fn pieces(grid: &PowerGrid, level: f64) -> Vec<[Pixel; 2]> {
    let mut pieces = Vec::new();
    for j in 1..grid.y.len() {
        for i in 1..grid.x.len() {
            pieces.extend(pieces_of_square(grid, level, i, j));
        }
    }
    pieces
}

/// Returns the pieces in the square whose upper right corner is column `i` of row `j`.
fn pieces_of_square(grid: &PowerGrid, level: f64, i: usize, j: usize) -> Vec<[Pixel; 2]> {
    // Around the square, so that neighbours in the list share an edge.
    let corners = [(i - 1, j - 1), (i, j - 1), (i, j), (i - 1, j)]
        .map(|(i, j)| (pixel(grid.x[i], grid.y[j]), grid.power[j][i]));
    let mut crossings = Vec::new();
    for k in 0..4 {
        let [(from, low), (to, high)] = [corners[k], corners[(k + 1) % 4]];
        // A corner exactly at the level counts as above on both of its edges, so that no contour ends
        // there; it also keeps `high - low` away from 0.
        if (low >= level) != (high >= level) {
            let share = (level - low) / (high - low);
            crossings
                .push(pixel(from.x + share * (to.x - from.x), from.y + share * (to.y - from.y)));
        }
    }
    match crossings[..] {
        [one, other] => vec![[one, other]],
        // At a saddle the mean decides which corners belong together.
        [a, b, c, d] => {
            let mean = corners.iter().map(|corner| corner.1).sum::<f64>() / 4.0;
            // With the mean on the side of corner 0, it and corner 2 are joined, and corners 1 and 3 cut off.
            if (mean >= level) == (corners[0].1 >= level) {
                vec![[a, b], [c, d]]
            } else {
                vec![[d, a], [b, c]]
            }
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Power as a function of the keys, on a grid with unequal steps.
    fn grid(power: fn(f64, f64) -> f64) -> PowerGrid {
        let (x, y) = (vec![0.0, 1.0, 3.0, 4.0], vec![0.0, 2.0, 3.0]);
        let rows = y.iter().map(|&y| x.iter().map(|&x| power(x, y)).collect());
        PowerGrid { power: rows.collect(), x, y, y_name: String::new() }
    }

    #[test]
    fn contour_of_a_plane_is_straight() {
        let plane = grid(|x, y| 0.2 * x + 0.1 * y);
        let pieces = pieces(&plane, 0.35);
        assert_eq!(pieces.len(), 3);
        for at in pieces.iter().flatten() {
            assert!((0.2 * at.x + 0.1 * at.y - 0.35).abs() < 1e-12, "{at:?}");
        }
    }

    #[test]
    fn contour_is_absent_if_no_power_reaches_it() {
        assert!(pieces(&grid(|_, _| 0.4), 0.8).is_empty());
        assert!(pieces(&grid(|_, _| 0.95), 0.8).is_empty());
    }

    #[test]
    fn saddle_has_two_pieces_that_do_not_cross() {
        let mut saddle = grid(|_, _| 0.0);
        (saddle.x, saddle.y) = (vec![0.0, 1.0], vec![0.0, 1.0]);
        saddle.power = vec![vec![1.0, 0.2], vec![0.2, 1.0]];
        let pieces = pieces(&saddle, 0.5);
        assert_eq!(pieces.len(), 2);
        // The mean is above the level, so that the low corners are cut off, each by one piece.
        assert!(pieces.iter().all(|[a, b]| (a.x - b.x).abs() < 0.5 && (a.y - b.y).abs() < 0.5));
    }

    #[test]
    fn cells_meet_between_their_values() {
        assert_eq!(edges(&[1.0, 2.0, 4.0]), [0.5, 1.5, 3.0, 5.0]);
        assert_eq!(edges(&[3.0]), [2.5, 3.5]);
    }
}
