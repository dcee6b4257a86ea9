//! The path of Z of one trial against its boundaries, over the outcomes or, with one look, on a level axis.

use super::boundaries::{boundary_colour, boundary_mark};
use super::chart::{Chart, ChartAxis, extent, with_room};
use super::colour::{Colour, INK, PAPER, SOFT};
use super::drawing::{Drawing, Pixel, PixelBox, Stroke, WIDTH, pixel};
use super::labels::{LabelRoom, LabelSide};
use super::legend::{LegendEntry, Sample};
use super::mark::{Mark, MarkShape};
use crate::report::design::BoundaryKind;
use crate::report::numeral::fixed;

/// Mark of Z.
pub(super) const Z: Mark = Mark::new(MarkShape::Circle, INK);
/// Mark of Z with the outcomes of overrunning patients.
const OVERRUN: Mark = Mark::new(MarkShape::OpenCircle, SOFT);
const Z_AXIS: &str = "Z (above 0 favours the experimental arm)";

/// A statistic at a look, with the text next to it.
pub(super) struct ZPoint {
    pub outcomes: f64,
    pub z: f64,
    pub text: String,
}

impl ZPoint {
    pub fn new(outcomes: u32, z: f64) -> Self {
        Self { outcomes: f64::from(outcomes), z, text: number(z) }
    }
}

/// A boundary at a look.
pub(super) struct BoundPoint {
    pub kind: BoundaryKind,
    pub outcomes: f64,
    pub z: f64,
    /// Whether the look took place; drawn pale if not.
    pub is_in_force: bool,
}

/// What a chart of Z shows.
pub(super) struct ZChart {
    /// Z at the looks so far.
    pub path: Vec<ZPoint>,
    /// Z with the outcomes of overrunning patients.
    pub repeated: Option<ZPoint>,
    pub bounds: Vec<BoundPoint>,
    /// Number of looks planned.
    pub planned: usize,
    /// Name of pale boundaries in the legend.
    pub pale: &'static str,
}

/// Writes a statistic.
pub(super) fn number(z: f64) -> String {
    fixed(z, 3).replace('-', "−")
}

/// Returns a paler colour, of a look that did not take place.
fn pale(colour: Colour) -> Colour {
    // Mixed rather than transparent: the bar stays one colour over a line of the grid.
    colour.mixed(PAPER, 0.6)
}

impl BoundPoint {
    fn colour(&self) -> Colour {
        let colour = boundary_colour(self.kind);
        if self.is_in_force { colour } else { pale(colour) }
    }
}

impl ZChart {
    /// Lists the legend.
    pub fn entries(&self) -> Vec<LegendEntry> {
        let line = Stroke::new(INK, 1.8);
        // A design with one look has no path, and its legend no line.
        let z = if self.planned > 1 { Sample::Line(line, Some(Z)) } else { Sample::Point(Z) };
        let mut entries = Vec::new();
        if !self.path.is_empty() {
            entries.push(LegendEntry::new("Z", z));
        }
        if self.repeated.is_some() {
            let sample = Sample::Line(Stroke::new(SOFT, 1.2).dashed(3.0), Some(OVERRUN));
            entries.push(LegendEntry::new("with overrunning patients", sample));
        }
        for kind in BoundaryKind::ALL {
            if self.bounds.iter().any(|point| point.kind == kind) {
                let name = format!("{} boundary", kind.name());
                entries.push(LegendEntry::new(name, Sample::Point(boundary_mark(kind))));
            }
        }
        if let Some(point) = self.bounds.iter().find(|point| !point.is_in_force) {
            let mark = Mark { colour: point.colour(), ..boundary_mark(point.kind) };
            entries.push(LegendEntry::new(self.pale, Sample::Point(mark)));
        }
        entries
    }

    /// Draws the chart from this height. Returns the height at which it ends.
    pub fn draw(&self, drawing: &mut Drawing, top: f64) -> f64 {
        if self.planned > 1 { self.draw_path(drawing, top) } else { self.draw_level(drawing, top) }
    }

    fn points(&self) -> impl Iterator<Item = &ZPoint> {
        self.path.iter().chain(&self.repeated)
    }

    /// Returns the range of Z, with 0 in sight.
    fn range(&self, room: f64) -> [f64; 2] {
        let zs = self.points().map(|at| at.z).chain(self.bounds.iter().map(|at| at.z));
        // 0 is no effect: without it the chart would not show which arm Z favours.
        with_room(extent(zs.chain([0.0])), room)
    }

    /// Draws Z over the outcomes known.
    fn draw_path(&self, drawing: &mut Drawing, top: f64) -> f64 {
        // Room for a label of 13 px beyond the outermost mark, as in the figure of boundaries.
        let [low, high] = self.range(0.14);
        let outcomes = self.points().map(|at| at.outcomes);
        let outcomes = outcomes.chain(self.bounds.iter().map(|at| at.outcomes));
        // A trial that stopped before its first outcome has an axis all the same.
        let most = outcomes.fold(1.0, f64::max);
        let area = PixelBox::new(12.0, top, WIDTH - 14.0, top + 270.0);
        let x = ChartAxis::linear("outcomes known", 0.0, 1.1 * most);
        let chart = Chart::draw(drawing, area, x, ChartAxis::linear(Z_AXIS, low, high));
        let mut room = LabelRoom::new(chart.plot);
        for point in &self.bounds {
            let at = chart.at(point.outcomes, point.z);
            // 11 px: the level bar of radius 5 reaches 2.2 radii.
            room.avoid(PixelBox::new(at.x - 11.0, at.y - 3.0, at.x + 11.0, at.y + 3.0));
            let mark = Mark { colour: point.colour(), ..boundary_mark(point.kind) };
            mark.sized(5.0).draw(drawing, at);
        }
        self.draw_line(drawing, &chart, &mut room);
        // What decided comes first, and so has the best place.
        for point in self.path.iter().rev().chain(&self.repeated) {
            let at = chart.at(point.outcomes, point.z);
            room.write(drawing, at, &point.text, LabelSide::Below, INK);
        }
        for point in &self.bounds {
            let at = chart.at(point.outcomes, point.z);
            let side = match point.kind {
                BoundaryKind::Efficacy => LabelSide::Above,
                BoundaryKind::Futility | BoundaryKind::Harm => LabelSide::Below,
            };
            room.write(drawing, at, &number(point.z), side, boundary_colour(point.kind));
        }
        area.bottom
    }

    fn draw_line(&self, drawing: &mut Drawing, chart: &Chart, room: &mut LabelRoom) {
        let line: Vec<Pixel> = self.path.iter().map(|at| chart.at(at.outcomes, at.z)).collect();
        if let (Some(&last), Some(repeated)) = (line.last(), &self.repeated) {
            let end = chart.at(repeated.outcomes, repeated.z);
            drawing.line(&[last, end], Stroke::new(SOFT, 1.2).dashed(3.0));
            room.avoid_line(&[last, end]);
            room.avoid(PixelBox::around(end, 5.0));
            OVERRUN.draw(drawing, end);
        }
        drawing.line(&line, Stroke::new(INK, 1.8));
        room.avoid_line(&line);
        for &at in &line {
            room.avoid(PixelBox::around(at, 5.0));
            Z.draw(drawing, at);
        }
    }

    /// Draws Z and the boundaries of a single look on a level axis: over the outcomes, they would be two
    /// marks on an empty plane.
    fn draw_level(&self, drawing: &mut Drawing, top: f64) -> f64 {
        let [low, high] = self.range(0.2);
        let area = PixelBox::new(12.0, top, WIDTH - 14.0, top + 104.0);
        let y = ChartAxis::linear("", 0.0, 1.0).with_ticks(Vec::new());
        let chart = Chart::draw(drawing, area, ChartAxis::linear(Z_AXIS, low, high), y);
        let mut room = LabelRoom::new(PixelBox { top: chart.plot.top - 4.0, ..chart.plot });
        for point in &self.bounds {
            let x = chart.across(point.z);
            let line = [pixel(x, chart.plot.top + 18.0), pixel(x, chart.plot.bottom)];
            drawing.line(&line, Stroke::new(point.colour(), 2.6));
            room.avoid_line(&line);
            let colour = boundary_colour(point.kind);
            room.write(drawing, line[0], &number(point.z), LabelSide::Above, colour);
        }
        // A single look has one Z, and after its overrun another.
        let looks = self.path.iter().take(1).map(|point| (point, 0.3, Z));
        let marked = looks.chain(self.repeated.iter().map(|point| (point, 0.55, OVERRUN)));
        for (point, height, mark) in marked {
            let at = chart.at(point.z, height);
            room.avoid(PixelBox::around(at, 5.0));
            mark.draw(drawing, at);
            room.write(drawing, at, &point.text, LabelSide::Above, INK);
        }
        area.bottom
    }
}
