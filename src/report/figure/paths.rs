//! The paths of Z of simulated trials between the boundaries; the last Z of each with one look.

use super::chart::{Chart, ChartAxis, Tick, extent, with_room};
use super::colour::{EFFICACY, FUTILITY, HARM, INK, NOT_SIGNIFICANT, SAFETY};
use super::drawing::{Drawing, Lettering, Pixel, PixelBox, SMALL, Stroke, WIDTH, pixel};
use super::labels::{LabelRoom, LabelSide};
use super::legend::{LegendEntry, Sample, legend};
use super::mark::{Mark, MarkShape};
use crate::explore::dossier::ZPath;
use crate::report::numeral::{fixed, grouped};
use crate::trial::Conclusion;

/// Planned boundaries of a look; `None` for a boundary that the look does not have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedBounds {
    /// Planned number of outcomes.
    pub analysed: f64,
    /// The trial stops for efficacy if Z is at or above this value.
    pub efficacy: Option<f64>,
    /// The trial stops for futility if Z is at or below this value.
    pub futility: Option<f64>,
    /// The trial stops for harm if Z is at or below this value.
    pub harm: Option<f64>,
}

impl PlannedBounds {
    fn all(&self) -> impl Iterator<Item = f64> {
        [self.efficacy, self.futility, self.harm].into_iter().flatten()
    }
}

/// Conclusions in the order of the legend.
const ENDS: [Conclusion; 5] = [
    Conclusion::Efficacy,
    Conclusion::NotSignificant,
    Conclusion::Futility,
    Conclusion::Harm,
    Conclusion::Safety,
];

/// Returns the name of a conclusion in a legend.
pub(super) const fn end_name(end: Conclusion) -> &'static str {
    match end {
        Conclusion::Efficacy => "efficacy",
        Conclusion::NotSignificant => "not significant",
        Conclusion::Futility => "futility",
        Conclusion::Harm => "harm",
        Conclusion::Safety => "safety stop",
    }
}

/// Returns the mark of a conclusion.
const fn mark(end: Conclusion) -> Mark {
    match end {
        Conclusion::Efficacy => Mark::new(MarkShape::Circle, EFFICACY),
        Conclusion::Futility => Mark::new(MarkShape::Square, FUTILITY),
        Conclusion::Harm => Mark::new(MarkShape::Cross, HARM),
        Conclusion::Safety => Mark::new(MarkShape::Diamond, SAFETY),
        Conclusion::NotSignificant => Mark::new(MarkShape::Triangle, NOT_SIGNIFICANT),
    }
}

const BOUNDARY: Mark = Mark::new(MarkShape::Level, INK);

/// Draws each path in the colour of its conclusion, which also has a mark of its own, and the boundaries at
/// the looks. With one look there are no paths, and the last Z of each trial is a dot on the axis of Z.
pub fn paths(looks: &[PlannedBounds], paths: &[ZPath]) -> String {
    let mut drawing = Drawing::new();
    let ends = ENDS.into_iter().filter(|end| paths.iter().any(|path| path.conclusion == *end));
    let mut entries: Vec<LegendEntry> =
        ends.map(|end| LegendEntry::new(end_name(end), Sample::Point(mark(end)))).collect();
    let area = PixelBox::new(12.0, 6.0, WIDTH - 8.0, 0.0);
    if looks.len() < 2 {
        let top = 10.0 + legend(&mut drawing, area, &entries);
        return dots(drawing, top, looks, paths);
    }
    if looks.iter().any(|look| look.all().next().is_some()) {
        entries.push(LegendEntry::new("planned boundary", Sample::Point(BOUNDARY)));
    }
    let top = 10.0 + legend(&mut drawing, area, &entries);
    let area = PixelBox::new(12.0, top, WIDTH - 16.0, top + 320.0);
    let chart = axes(&mut drawing, area, looks, paths);
    // Marks last, so that no line hides one.
    let ends = ends_apart(&chart, paths);
    for (path, end) in paths.iter().zip(&ends) {
        draw_path(&mut drawing, &chart, path, *end);
    }
    // Bars of neighbouring looks do not touch.
    let width = chart.plot.width() / looks.len() as f64;
    // Wider than the marks that are moved sideways.
    let bar = BOUNDARY.sized((width / 5.0).min(14.0));
    for look in looks {
        for z in look.all() {
            let at = chart.at(look.analysed, z);
            bar.draw(&mut drawing, at);
        }
    }
    let mut room = LabelRoom::new(PixelBox { right: chart.plot.right + 14.0, ..chart.plot });
    for (path, end) in paths.iter().zip(ends) {
        if let Some(end) = end {
            mark(path.conclusion).draw(&mut drawing, end);
            room.avoid(PixelBox::around(end, 4.0));
        }
    }
    // More looks have no room for numbers, which tables have.
    if looks.len() <= 5 {
        name_bounds(&mut drawing, &chart, looks, &mut room);
    }
    drawing.finish(area.bottom + 4.0)
}

/// Writes the numbers of the boundaries where no mark hides them.
fn name_bounds(
    drawing: &mut Drawing,
    chart: &Chart,
    looks: &[PlannedBounds],
    room: &mut LabelRoom,
) {
    for look in looks {
        for z in look.all() {
            // Towards the right end of the bar: most marks are around its middle.
            let at = chart.at(look.analysed, z);
            // Two decimals: the reader compares heights, and the tables have the digits to test against.
            let text = fixed(z, 2).replace('-', "−");
            room.write(drawing, pixel(at.x + 18.0, at.y), &text, LabelSide::Below, INK);
        }
    }
}

fn axes(drawing: &mut Drawing, area: PixelBox, looks: &[PlannedBounds], paths: &[ZPath]) -> Chart {
    let points = paths.iter().flat_map(|path| &path.points);
    let planned = looks.iter().map(|look| look.analysed);
    let range = extent(planned.chain(points.clone().map(|&(analysed, _)| analysed)));
    let [low, high] = with_room(range, 0.07);
    let bounds = looks.iter().flat_map(PlannedBounds::all);
    let [least, most] = with_room(extent(points.map(|&(_, z)| z).chain(bounds).chain([0.0])), 0.05);
    let ticks =
        looks.iter().map(|look| Tick { at: look.analysed, label: grouped(look.analysed as u64) });
    let x = ChartAxis::linear("outcomes analysed, at the planned looks", low, high)
        .with_ticks(ticks.collect());
    Chart::draw(drawing, area, x, ChartAxis::linear("Z", least, most))
}

/// Returns the places of the last points, moved sideways where they would cover one another; `None` for a
/// path without points.
fn ends_apart(chart: &Chart, paths: &[ZPath]) -> Vec<Option<Pixel>> {
    const STEP: f64 = 6.0;
    let mut taken: Vec<Pixel> = Vec::new();
    let mut ends = Vec::new();
    for path in paths {
        let Some(&(analysed, z)) = path.points.last() else {
            ends.push(None);
            continue;
        };
        let at = chart.at(analysed, z);
        // Sideways only: the height is the value. Outcomes are exact at a look, and a few px do not mislead.
        let places = [0.0, -1.0, 1.0, -2.0, 2.0, -3.0, 3.0]
            .map(|steps| pixel((at.x + STEP * steps).min(chart.plot.right), at.y));
        // Marks are 8 px wide, so that two more than 6 px apart cover less than a quarter of each other.
        let free = places.into_iter().find(|place| {
            taken.iter().all(|other| libm::hypot(other.x - place.x, other.y - place.y) > STEP)
        });
        // In a crowd a mark stays at its own place, where it is right, rather than far from its look.
        let place = free.unwrap_or(at);
        taken.push(place);
        ends.push(Some(place));
    }
    ends
}

fn draw_path(drawing: &mut Drawing, chart: &Chart, path: &ZPath, end: Option<Pixel>) {
    let mut points: Vec<Pixel> = path.points.iter().map(|&(n, z)| chart.at(n, z)).collect();
    if let (Some(last), Some(end)) = (points.last_mut(), end) {
        // The line follows its mark, which would otherwise seem to belong to a neighbour.
        *last = end;
    }
    drawing.line(&points, Stroke::new(mark(path.conclusion).colour, 1.0).faint(0.5));
}

/// Draws the trials of a design with one look as dots over their Z.
fn dots(mut drawing: Drawing, top: f64, looks: &[PlannedBounds], paths: &[ZPath]) -> String {
    // A mark of 8 px and a pixel of paper between two.
    const DOT: f64 = 9.0;
    let mut ends: Vec<LastZ> = paths
        .iter()
        .filter_map(|path| Some(LastZ { z: path.points.last()?.1, conclusion: path.conclusion }))
        .collect();
    ends.sort_by(|a, b| a.z.total_cmp(&b.z));
    let bounds = looks.iter().flat_map(PlannedBounds::all);
    let [low, high] = with_room(extent(ends.iter().map(|end| end.z).chain(bounds)), 0.06);
    // Dots in columns, each as wide as a dot.
    let columns = ((WIDTH - 32.0) / DOT).floor();
    let mut highest = 1.0_f64;
    let mut placed: Vec<PlacedDot> = Vec::new();
    for LastZ { z, conclusion } in ends {
        let column = ((z - low) / (high - low) * columns).floor();
        // Counted in order of Z, so that within a column a smaller Z lies below a larger one.
        let below = placed.iter().filter(|other| other.column == column).count() as f64;
        highest = highest.max(below + 1.0);
        placed.push(PlacedDot { column, below, conclusion });
    }
    let area = PixelBox::new(0.0, top, WIDTH - 16.0, top + 40.0 + DOT * highest + 48.0);
    let y = ChartAxis::linear("", 0.0, 1.0).with_ticks(Vec::new());
    let x = ChartAxis::linear("Z at the final look", low, high);
    let chart = Chart::draw(&mut drawing, area, x, y);
    for look in looks {
        draw_bound(&mut drawing, &chart, "efficacy", look.efficacy);
        draw_bound(&mut drawing, &chart, "futility", look.futility);
        draw_bound(&mut drawing, &chart, "harm", look.harm);
    }
    let width = chart.plot.width() / columns;
    for PlacedDot { column, below, conclusion } in placed {
        let x = chart.plot.left + (column + 0.5) * width;
        mark(conclusion).draw(&mut drawing, pixel(x, chart.plot.bottom - DOT * (below + 0.6)));
    }
    drawing.finish(area.bottom + 4.0)
}

/// The last Z of a trial, with its conclusion.
struct LastZ {
    z: f64,
    conclusion: Conclusion,
}

/// A dot in a column, above this number of others.
struct PlacedDot {
    column: f64,
    below: f64,
    conclusion: Conclusion,
}

/// Draws the boundary of the only look across the axis of Z.
fn draw_bound(drawing: &mut Drawing, chart: &Chart, name: &str, bound: Option<f64>) {
    let Some(z) = bound else { return };
    let x = chart.across(z);
    let line = [pixel(x, chart.plot.top + 12.0), pixel(x, chart.plot.bottom)];
    drawing.line(&line, Stroke::new(INK, 1.4).dashed(4.0));
    let text = format!("{name} boundary {}", fixed(z, 2));
    // Towards the middle, where there is room.
    let is_left = x < chart.plot.middle().x;
    let lettering = if is_left { Lettering::left(SMALL) } else { Lettering::right(SMALL) };
    drawing.text(pixel(x, chart.plot.top + 4.0), &text, lettering);
}
