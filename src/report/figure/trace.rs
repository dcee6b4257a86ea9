//! One simulated trial: the path of Z against the boundaries, adverse events against theirs, and below them
//! the calendar.

use super::chart::{Chart, ChartAxis, extent, with_room};
use super::colour::{GREEN, INK, SAFETY, SOFT};
use super::drawing::{Drawing, Lettering, Pixel, PixelBox, SMALL, Stroke, WIDTH, pixel};
use super::labels::{LabelRoom, LabelSide};
use super::legend::{LegendEntry, Sample, legend};
use super::mark::{Mark, MarkShape};
use super::paths::end_name;
use super::z_chart::{BoundPoint, Z, ZChart, ZPoint, number};
use crate::accrual::DAYS_PER_MONTH;
use crate::report::design::BoundaryKind;
use crate::report::trace::ExampleTrial;
use crate::trial::trace::{Bounds, EventTrace, Trace};

/// Where a figure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigurePlace {
    /// On a page with its title and provenance.
    Page,
    /// In a file of its own, with title and provenance in the figure.
    File,
}

const RANDOMISED: Stroke = Stroke::new(INK, 1.6);
const KNOWN: Stroke = Stroke::new(GREEN, 2.2);

/// Draws the path of Z over the patients analysed, with the boundaries in force, adverse events with their
/// boundaries, and patients and outcomes by month. Boundaries of looks that did not take place are pale.
pub fn trace(trial: &ExampleTrial, place: FigurePlace) -> String {
    let mut drawing = Drawing::new();
    let title = match place {
        FigurePlace::Page => "",
        FigurePlace::File => &trial.provenance.scenario.title,
    };
    let mut y = drawing.heading(title, &trial.caption()) + 2.0;
    let trace = &trial.trace;
    let chart = z_chart(trace);
    y += 4.0 + legend(&mut drawing, PixelBox::new(12.0, y, WIDTH - 8.0, 0.0), &chart.entries());
    y = chart.draw(&mut drawing, y);
    if trace.looks.iter().any(|look| look.events.iter().any(|event| event.bound.is_some())) {
        y = draw_safety(&mut drawing, trace, y + 8.0);
    }
    y = draw_calendar(&mut drawing, trace, y + 10.0);
    if place == FigurePlace::File {
        y = drawing.source(y + 2.0, &trial.source());
    }
    drawing.finish(y + 2.0)
}

/// Collects Z and the boundaries of the looks that took place, and the planned boundaries of the others.
fn z_chart(trace: &Trace) -> ZChart {
    let mut bounds = Vec::new();
    for kind in BoundaryKind::ALL {
        for look in &trace.looks {
            let (outcomes, z) = (f64::from(look.outcomes_known), bound(&look.bounds, kind));
            bounds.extend(z.map(|z| BoundPoint { kind, outcomes, z, is_in_force: true }));
        }
        for planned in trace.plan.iter().filter(|planned| planned.look > trace.end.look) {
            let (outcomes, z) = (f64::from(planned.analysed), bound(&planned.bounds, kind));
            bounds.extend(z.map(|z| BoundPoint { kind, outcomes, z, is_in_force: false }));
        }
    }
    // Without a statistic the analysis with the overrun has no place on the axis of Z.
    let repeated = trace.end.repeated.as_ref().filter(|it| it.test.z.is_finite());
    ZChart {
        path: z_points(trace),
        repeated: repeated.map(|it| ZPoint::new(it.outcomes_known, it.test.z)),
        bounds,
        planned: trace.plan.len(),
        pale: "look not reached",
    }
}

fn bound(bounds: &Bounds, kind: BoundaryKind) -> Option<f64> {
    match kind {
        BoundaryKind::Efficacy => bounds.efficacy,
        BoundaryKind::Futility => bounds.futility,
        BoundaryKind::Harm => bounds.harm,
    }
}

/// Lists the statistic at each look that has one, the last with its conclusion.
fn z_points(trace: &Trace) -> Vec<ZPoint> {
    let mut points = Vec::new();
    for look in trace.looks.iter().filter(|look| look.test.z.is_finite()) {
        let mut point = ZPoint::new(look.outcomes_known, look.test.z);
        if let Some(conclusion) = look.conclusion {
            point.text += &format!(": {}", end_name(conclusion));
        }
        points.push(point);
    }
    points
}

/// Draws Z of each adverse event with a boundary, from this height. Returns the height at which they end.
fn draw_safety(drawing: &mut Drawing, trace: &Trace, top: f64) -> f64 {
    let names = trace.looks.first().map_or(0, |look| look.events.len());
    let mut y = top;
    for event in 0..names {
        let has_bound = trace.looks.iter().any(|look| look.events[event].bound.is_some());
        if has_bound {
            y = draw_event(drawing, trace, event, y) + 4.0;
        }
    }
    y
}

fn draw_event(drawing: &mut Drawing, trace: &Trace, event: usize, top: f64) -> f64 {
    let looks: Vec<(f64, &EventTrace)> = trace
        .looks
        .iter()
        .map(|look| (f64::from(look.outcomes_known), &look.events[event]))
        .collect();
    let zs = looks.iter().flat_map(|(_, it)| [Some(it.z), it.bound]).flatten();
    // In so low a chart a label beyond the outermost mark needs a quarter of the range.
    let [low, high] = with_room(extent(zs.chain([0.0])), 0.24);
    let most = trace.plan.iter().map(|look| f64::from(look.analysed));
    let most = looks.iter().map(|(outcomes, _)| *outcomes).chain(most).fold(1.0, f64::max);
    let area = PixelBox::new(12.0, top, WIDTH - 14.0, top + 150.0);
    let name = &trace.looks[0].events[event].name;
    let y = ChartAxis::linear(
        format!("Z of {name} (below 0: more in the experimental arm)"),
        low,
        high,
    );
    let x = ChartAxis::linear("", 0.0, 1.1 * most);
    let chart = Chart::draw(drawing, area, x, y);
    let boundary = Mark::new(MarkShape::Level, SAFETY).sized(5.0);
    let mut room = LabelRoom::new(chart.plot);
    let line: Vec<Pixel> = looks
        .iter()
        .filter(|(_, it)| it.z.is_finite())
        .map(|&(outcomes, it)| chart.at(outcomes, it.z))
        .collect();
    drawing.line(&line, Stroke::new(INK, 1.4));
    room.avoid_line(&line);
    for &(outcomes, it) in &looks {
        if let Some(bound) = it.bound {
            let at = chart.at(outcomes, bound);
            boundary.draw(drawing, at);
            room.avoid(PixelBox::new(at.x - 9.0, at.y - 3.0, at.x + 9.0, at.y + 3.0));
        }
    }
    for &at in &line {
        Z.draw(drawing, at);
        room.avoid(PixelBox::around(at, 5.0));
    }
    for &(outcomes, it) in &looks {
        if let Some(bound) = it.bound {
            let text = format!("boundary {}", number(bound));
            room.write(drawing, chart.at(outcomes, bound), &text, LabelSide::Below, SAFETY);
        }
        if it.z.is_finite() {
            room.write(drawing, chart.at(outcomes, it.z), &number(it.z), LabelSide::Above, INK);
        }
    }
    area.bottom
}

/// Returns the steps of a count that rises by one patient at each of these months, from 0 to the end.
fn steps(chart: &Chart, mut months: Vec<f64>, end: f64) -> Vec<Pixel> {
    // Outcomes are not known in the order of arrival.
    months.sort_by(f64::total_cmp);
    let mut out = vec![chart.at(0.0, 0.0)];
    for (i, month) in months.iter().enumerate() {
        out.extend([chart.at(*month, i as f64), chart.at(*month, i as f64 + 1.0)]);
    }
    out.push(chart.at(end, months.len() as f64));
    out
}

/// Draws patients and outcomes by month, from this height. Returns the height at which they end.
fn draw_calendar(drawing: &mut Drawing, trace: &Trace, top: f64) -> f64 {
    let randomised: Vec<f64> = trace.patients.iter().map(|patient| patient.month).collect();
    let days = trace.patients.iter().filter_map(|patient| patient.outcome_day);
    let known: Vec<f64> = days.map(|day| day / DAYS_PER_MONTH).collect();
    // The axis ends at the end of the trial or, if later, at the last outcome of the overrun.
    let end = known.iter().copied().fold(trace.end.duration_months, f64::max);
    let most = randomised.len() as f64;
    let entries = [
        LegendEntry::new("randomised", Sample::Line(RANDOMISED, None)),
        LegendEntry::new("outcome known", Sample::Line(KNOWN, None)),
    ];
    let top = top + legend(drawing, PixelBox::new(12.0, top, WIDTH - 8.0, 0.0), &entries);
    let area = PixelBox::new(12.0, top + 2.0, WIDTH - 14.0, top + 190.0);
    let x = ChartAxis::linear("months since the trial opened", 0.0, 1.03 * end.max(0.1));
    // Room above the curves for the names of the looks.
    let y = ChartAxis::linear("patients", 0.0, 1.18 * most.max(1.0));
    let chart = Chart::draw(drawing, area, x, y);
    draw_looks(drawing, &chart, trace);
    drawing.line(&steps(&chart, randomised, end), RANDOMISED);
    drawing.line(&steps(&chart, known, end), KNOWN);
    area.bottom
}

/// Draws a line for each look over the height of the calendar.
fn draw_looks(drawing: &mut Drawing, chart: &Chart, trace: &Trace) {
    let mut free_from = f64::NEG_INFINITY;
    for look in &trace.looks {
        let x = chart.across(look.month);
        let line = [pixel(x, chart.plot.top), pixel(x, chart.plot.bottom)];
        drawing.line(&line, Stroke::new(SOFT, 0.8).dashed(3.0));
        // By the plan, not by the looks that took place: a trial may stop before its final look.
        let name = if look.look == trace.plan.len() {
            "final".to_owned()
        } else {
            format!("look {}", look.look)
        };
        let (at, lettering) = (pixel(x - 4.0, chart.plot.top + 8.0), Lettering::right(SMALL));
        let extent = lettering.extent(at, &name);
        // Looks at nearly one time have no room for their names.
        if extent.left > free_from {
            free_from = extent.right + 2.0;
            drawing.text(at, &name, lettering.over_lines());
        }
    }
}
