//! One simulated trial: the path of Z between the boundaries, and below it the calendar.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::lines::{LabelledPoint, MarkedLine, draw_lines, draw_names, draw_numbers};
use super::{
    ALONE, Area, Chart, ChartAxis, Drawn, EFFICACY, FUTILITY, HARM, INK, Lettering, Mark,
    MarkShape, chart, extent, failed, font, legend_line, svg, whole, write,
};
use crate::accrual::DAYS_PER_MONTH;
use crate::report::design::BoundaryKind;
use crate::report::trace::{ExampleTrial, conclusion_word};
use crate::trial::trace::{Bounds, Trace};

const SIZE: (u32, u32) = (640, 880);
/// Height of the lines of provenance.
const FOOTER: u32 = 44;
const FOOTER_LINES: usize = 3;
/// Height of the path of Z with its legend.
const PATH: u32 = 440;
/// Colour of the outcomes known, in the calendar.
const KNOWN: RGBColor = RGBColor(0, 158, 115);

/// Draws the path of Z over the patients analysed, with the boundaries in force, and patients and
/// outcomes by month. Boundaries of looks that did not take place are pale.
pub fn trace(trial: &ExampleTrial) -> String {
    svg(SIZE, |area| draw(area, trial))
}

fn draw(area: &Area, trial: &ExampleTrial) -> Drawn {
    let titled = area.titled(&trial.provenance.scenario.title, font(19)).map_err(failed)?;
    let (caption, below) = titled.split_vertically(26);
    centred(&caption, &trial.caption(), 15)?;
    let (figures, footer) = below.split_vertically(SIZE.1 - 26 - 26 - FOOTER);
    let (path, calendar) = figures.split_vertically(PATH);
    draw_path(area, &path, &trial.trace)?;
    draw_calendar(&calendar, &trial.trace)?;
    // The provenance, in as many lines as there is room for.
    let source = trial.source();
    let lines = footer.split_evenly((FOOTER_LINES, 1));
    for (line, text) in lines.iter().zip(textwrap::wrap(&source, 112)) {
        centred(line, &text, 11)?;
    }
    Ok(())
}

fn centred(area: &Area, text: &str, size: u32) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    write(area, text, (width as i32 / 2, height as i32 / 2), Lettering::centred(size))
}

/// Lists the lines from the lowest layer to the highest: the overrun, the path of Z, then each boundary,
/// planned and in force.
fn lines(trace: &Trace) -> Vec<MarkedLine> {
    let path = path(trace);
    let mut overrun = Vec::new();
    let repeated = trace.end.repeated.as_ref().filter(|it| it.test.z.is_finite());
    if let Some(repeated) = repeated {
        // The pale line continues from the last look, which has its number already.
        overrun.extend(path.last().cloned().map(without_text));
        overrun.push(labelled(repeated.outcomes_known, repeated.test.z));
    }
    let pale_circle = Mark::new(MarkShape::Circle, pale(INK));
    let circle = Mark::new(MarkShape::Circle, INK);
    let mut lines = vec![
        MarkedLine { name: "with the overrun", mark: pale_circle, above: true, points: overrun },
        MarkedLine { name: "Z", mark: circle, above: true, points: path },
    ];
    for kind in BoundaryKind::ALL {
        lines.extend(boundary_lines(kind, boundary(trace, kind)));
    }
    lines.retain(|line| !line.points.is_empty());
    lines
}

/// A boundary on Z: the points in force, and those planned for later looks.
pub(super) struct BoundaryPoints {
    pub in_force: Vec<LabelledPoint>,
    pub planned: Vec<LabelledPoint>,
}

/// Makes the lines of a boundary: pale from the last point in force through those planned.
pub(super) fn boundary_lines(kind: BoundaryKind, points: BoundaryPoints) -> [MarkedLine; 2] {
    let (shape, colour) = match kind {
        BoundaryKind::Efficacy => (MarkShape::Triangle, EFFICACY),
        BoundaryKind::Futility => (MarkShape::Cross, FUTILITY),
        BoundaryKind::Harm => (MarkShape::Square, HARM),
    };
    let BoundaryPoints { in_force, mut planned } = points;
    // The pale line continues the one in force.
    if let (Some(last), false) = (in_force.last(), planned.is_empty()) {
        planned.insert(0, without_text(last.clone()));
    }
    let above = kind == BoundaryKind::Efficacy;
    // A boundary that is all ahead has no other line to name it.
    let name = if in_force.is_empty() { kind.name() } else { "" };
    [
        MarkedLine { name, mark: Mark::new(shape, pale(colour)), above, points: planned },
        MarkedLine { name: kind.name(), mark: Mark::new(shape, colour), above, points: in_force },
    ]
}

/// Returns the statistic at each look that has one, the last with its conclusion.
fn path(trace: &Trace) -> Vec<LabelledPoint> {
    let mut path = Vec::new();
    for look in trace.looks.iter().filter(|look| look.test.z.is_finite()) {
        let mut point = labelled(look.outcomes_known, look.test.z);
        if let Some(conclusion) = look.conclusion {
            point.text = format!("{} {}", point.text, conclusion_word(conclusion));
        }
        path.push(point);
    }
    path
}

pub(super) fn labelled(outcomes: u32, z: f64) -> LabelledPoint {
    LabelledPoint { x: f64::from(outcomes), y: z, text: format!("{z:.3}") }
}

pub(super) fn without_text(point: LabelledPoint) -> LabelledPoint {
    LabelledPoint { text: String::new(), ..point }
}

/// Returns the bounds of the looks that took place, and the planned ones of those that did not.
fn boundary(trace: &Trace, kind: BoundaryKind) -> BoundaryPoints {
    let in_force: Vec<LabelledPoint> = trace
        .looks
        .iter()
        .filter_map(|look| Some(labelled(look.outcomes_known, bound(&look.bounds, kind)?)))
        .collect();
    let planned = trace
        .plan
        .iter()
        .filter(|planned| planned.look > trace.end.look)
        .filter_map(|planned| Some(labelled(planned.analysed, bound(&planned.bounds, kind)?)))
        .collect();
    BoundaryPoints { in_force, planned }
}

fn bound(bounds: &Bounds, kind: BoundaryKind) -> Option<f64> {
    match kind {
        BoundaryKind::Efficacy => bounds.efficacy,
        BoundaryKind::Futility => bounds.futility,
        BoundaryKind::Harm => bounds.harm,
    }
}

/// Returns the colour with two thirds of white.
pub(super) fn pale(RGBColor(r, g, b): RGBColor) -> RGBColor {
    let [r, g, b] = [r, g, b].map(|channel| 255 - (255 - channel) / 3);
    RGBColor(r, g, b)
}

fn draw_path(whole_area: &Area, area: &Area, trace: &Trace) -> Drawn {
    // Only a trial that stopped early has pale boundaries.
    let note = (trace.end.look < trace.plan.len()).then_some("pale: not reached");
    draw_z_lines(whole_area, area, &lines(trace), note)
}

/// Draws lines of Z over the outcomes known, with their legend; `note` is written next to it.
pub(super) fn draw_z_lines(
    whole_area: &Area,
    area: &Area,
    lines: &[MarkedLine],
    note: Option<&str>,
) -> Drawn {
    let (legend, below) = area.split_vertically(24);
    draw_names(&legend, lines)?;
    if let Some(note) = note {
        write(&legend, note, (SIZE.0 as i32 - 14, 12), Lettering::right(14))?;
    }
    let points = || lines.iter().flat_map(|line| &line.points);
    let most = points().map(|point| point.x).fold(1.0, f64::max);
    let [low, high] = extent(points().map(|point| point.y).chain([0.0]));
    let room = 0.12 * (high - low).max(1.0);
    let x = ChartAxis { name: "outcomes known", range: 0.0..1.08 * most, label: &whole };
    let y = ChartAxis {
        name: "Z (above 0 favours the experimental arm)",
        range: low - room..high + room,
        // The sum of −0 and 0 is 0.
        label: &|z| format!("{:.1}", z + 0.0),
    };
    let mut chart = chart(&below, ALONE, x, y)?;
    draw_lines(&mut chart, lines)?;
    draw_numbers(whole_area, &chart, lines)
}

/// Returns the steps of a count that rises by one patient at each of these months, from 0 to the end.
fn steps(mut months: Vec<f64>, end: f64) -> Vec<(f64, f64)> {
    // Outcomes are not known in the order of arrival.
    months.sort_by(f64::total_cmp);
    let mut out = vec![(0.0, 0.0)];
    for (i, month) in months.iter().enumerate() {
        out.extend([(*month, i as f64), (*month, i as f64 + 1.0)]);
    }
    out.push((end, months.len() as f64));
    out
}

fn draw_calendar(area: &Area, trace: &Trace) -> Drawn {
    let randomised: Vec<f64> = trace.patients.iter().map(|patient| patient.month).collect();
    let days = trace.patients.iter().filter_map(|patient| patient.outcome_day);
    let known: Vec<f64> = days.map(|day| day / DAYS_PER_MONTH).collect();
    let end = known.iter().copied().fold(trace.end.duration_months, f64::max);
    // The axis ends at the end of the trial or, if later, at the last outcome of the overrun.
    let most = randomised.len() as f64;
    let (legend, below) = area.split_vertically(24);
    legend_line(&legend, "randomised", (78, 12), INK.stroke_width(2), None)?;
    legend_line(&legend, "outcomes known", (218, 12), KNOWN.stroke_width(3), None)?;
    let x = ChartAxis {
        name: "months from the opening of the trial",
        range: 0.0..1.04 * end,
        label: &whole,
    };
    let y = ChartAxis { name: "patients", range: 0.0..1.15 * most, label: &whole };
    let mut chart = chart(&below, ALONE, x, y)?;
    draw_looks(&mut chart, trace, end, most)?;
    chart.draw_series(LineSeries::new(steps(randomised, end), INK.stroke_width(2)))?;
    chart.draw_series(LineSeries::new(steps(known, end), KNOWN.stroke_width(3)))?;
    Ok(())
}

/// Draws a line for each look over the height of the calendar.
fn draw_looks(chart: &mut Chart, trace: &Trace, end: f64, most: f64) -> Drawn {
    for look in &trace.looks {
        let line = [(look.month, 0.0), (look.month, 1.15 * most)];
        chart.draw_series(DashedLineSeries::new(line, 4, 4, INK.stroke_width(1)))?;
        let label = format!("look {}", look.look);
        let style = font(14).pos(Pos::new(HPos::Right, VPos::Top));
        let place = (look.month - 0.006 * end, 1.14 * most);
        chart.draw_series([Text::new(label, place, style)])?;
    }
    Ok(())
}
