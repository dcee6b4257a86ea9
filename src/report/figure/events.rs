//! Adverse events of a look: Z of each against its boundary.

use super::chart::{Chart, ChartAxis, extent, with_room};
use super::colour::{HARM, INK, SOFT};
use super::drawing::{Drawing, Lettering, PixelBox, SMALL, Stroke, WIDTH, pixel, shortened};
use super::legend::{LegendEntry, Sample, legend};
use super::mark::{Mark, MarkShape};
use super::z_chart::Z;

const ROW: f64 = 26.0;
/// Left edge of the rows, to the right of their names.
const LEFT: f64 = 150.0;

const BOUNDARY: Mark = Mark::new(MarkShape::Bar, HARM);

/// An adverse event at a look.
#[derive(Debug, Clone, PartialEq)]
pub struct EventLook {
    /// Name of the event.
    pub name: String,
    /// Statistic, below 0 if the experimental arm has more events; `None` if there is none.
    pub z: Option<f64>,
    /// Z at or below which the trial stops; `None` if that is not tested.
    pub bound: Option<f64>,
}

/// Draws a row for each event, with the region in which the trial stops.
pub fn events(looks: &[EventLook]) -> String {
    let mut drawing = Drawing::new();
    let mut entries = vec![LegendEntry::new("Z", Sample::Point(Z))];
    if looks.iter().any(|look| look.bound.is_some()) {
        entries.push(LegendEntry::new("boundary", Sample::Point(BOUNDARY)));
    }
    let top = 8.0 + legend(&mut drawing, PixelBox::new(LEFT, 6.0, WIDTH - 8.0, 0.0), &entries);
    let values = looks.iter().flat_map(|look| [look.z, look.bound]).flatten();
    // 0, as many events in both arms, is always in sight.
    let [low, high] = with_room(extent(values.chain([-2.0, 0.5])), 0.06);
    let x = ChartAxis::linear("Z (below 0: more events in the experimental arm)", low, high);
    let y = ChartAxis::linear("", 0.0, 1.0).with_ticks(Vec::new());
    let rows = ROW * looks.len() as f64;
    let area = PixelBox::new(LEFT - 22.0, top, WIDTH - 14.0, top + rows + 52.0);
    let chart = Chart::draw(&mut drawing, area, x, y);
    let none = chart.across(0.0);
    let (above, below) = (chart.plot.top, chart.plot.bottom);
    drawing.line(&[pixel(none, above), pixel(none, below)], Stroke::new(SOFT, 1.0));
    for (i, look) in looks.iter().enumerate() {
        let y = chart.plot.top + ROW * (i as f64 + 0.5);
        let name = shortened(&look.name, LEFT - 24.0, SMALL);
        drawing.text(pixel(LEFT - 10.0, y), &name, Lettering::right(SMALL).coloured(INK));
        if let Some(bound) = look.bound.map(|bound| chart.across(bound)) {
            let half = 0.36 * ROW;
            let area = PixelBox::new(chart.plot.left, y - half, bound, y + half);
            drawing.rect(area, HARM, 0.12);
            let line = [pixel(bound, y - half), pixel(bound, y + half)];
            drawing.line(&line, Stroke::new(HARM, 2.6));
        }
        if let Some(z) = look.z {
            Z.draw(&mut drawing, pixel(chart.across(z), y));
        }
    }
    drawing.finish(area.bottom + 4.0)
}
