//! A traced trial: the path of Z against the boundaries, and below it the calendar.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::lines::{Line, draw_lines, draw_numbers, names};
use super::{Area, Chart, Drawn, EFFICACY, FUTILITY, GRID, HARM, INK, Mark, failed, font, svg};
use crate::accrual::DAYS_PER_MONTH;
use crate::report::trace::{ExampleTrial, conclusion_word};
use crate::trial::trace::{Bounds, LookTrace, Trace};

const SIZE: (u32, u32) = (640, 880);
/// Height of the lines that say where it comes from.
const FOOTER: u32 = 44;
const FOOTER_LINES: usize = 3;
/// Height of the path of Z with its legend.
const PATH: u32 = 440;
/// Outcomes known, in the calendar.
const KNOWN: RGBColor = RGBColor(0, 158, 115);

/// The path of Z over the patients analysed, with the boundaries in force, and patients and outcomes
/// by month. Boundaries of looks that never came are pale.
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
    for (line, text) in footer.split_evenly((FOOTER_LINES, 1)).iter().zip(source(trial)) {
        centred(line, &text, 11)?;
    }
    Ok(())
}

/// Where it comes from, in as many lines as there is room for.
fn source(trial: &ExampleTrial) -> Vec<String> {
    let text = trial.source();
    let lines = textwrap::wrap(&text, 112).into_iter().take(FOOTER_LINES);
    lines.map(|line| line.into_owned()).collect()
}

fn centred(area: &Area, text: &str, size: u32) -> Drawn {
    let style = font(size).pos(Pos::new(HPos::Center, VPos::Center));
    let (width, height) = area.dim_in_pixel();
    let middle = (width as i32 / 2, height as i32 / 2);
    area.draw(&Text::new(text, middle, style)).map_err(failed)
}

/// Z at every look that has one and with the overrun, then boundaries in force and those that never
/// were.
fn lines(trace: &Trace) -> Vec<Line> {
    let circle =
        |name, colour, points| Line { name, colour, mark: Mark::Circle, above: true, points };
    let path = path(trace);
    let last = path.last().map(|&(x, z, _)| (x, z, String::new()));
    let repeated = trace.end.repeated.as_ref().filter(|it| it.test.z.is_finite());
    let overrun = repeated.map(|it| point(it.outcomes_known, it.test.z));
    let overrun = last.filter(|_| overrun.is_some()).into_iter().chain(overrun);
    // The path goes over what continues it, as boundaries do.
    let mut lines =
        vec![circle("with the overrun", pale(INK), overrun.collect()), circle("Z", INK, path)];
    type Of = fn(&Bounds) -> Option<f64>;
    let kinds: [(&str, RGBColor, Mark, Of); 3] = [
        ("efficacy", EFFICACY, Mark::Triangle, |bounds| bounds.efficacy),
        ("futility", FUTILITY, Mark::Cross, |bounds| bounds.futility),
        ("harm", HARM, Mark::Square, |bounds| bounds.harm),
    ];
    for (name, colour, mark, of) in kinds {
        let [in_force, planned] = boundary(trace, of);
        let above = name == "efficacy";
        lines.push(Line { name: "", colour: pale(colour), mark, above, points: planned });
        lines.push(Line { name, colour, mark, above, points: in_force });
    }
    lines.retain(|line| !line.points.is_empty());
    lines
}

/// The statistic at each look, the last with what was concluded.
fn path(trace: &Trace) -> Vec<(f64, f64, String)> {
    let looks = trace.looks.iter().filter(|look| look.test.z.is_finite());
    let of_look = |look: &LookTrace| {
        let (x, z, text) = point(look.outcomes_known, look.test.z);
        let concluded = look.conclusion.map(|it| format!("{text} {}", conclusion_word(it)));
        (x, z, concluded.unwrap_or(text))
    };
    looks.map(of_look).collect()
}

fn point(outcomes: u32, z: f64) -> (f64, f64, String) {
    (f64::from(outcomes), z, format!("{z:.3}"))
}

/// The bounds of the looks that took place, and the planned ones of those that did not.
fn boundary(trace: &Trace, of: impl Fn(&Bounds) -> Option<f64>) -> [Vec<(f64, f64, String)>; 2] {
    let at = |analysed: u32, bounds: &Bounds| of(bounds).map(|z| point(analysed, z));
    let in_force: Vec<_> =
        trace.looks.iter().filter_map(|it| at(it.outcomes_known, &it.bounds)).collect();
    let later = trace.plan.iter().filter(|planned| planned.look > trace.end.look);
    let mut planned: Vec<_> = later.filter_map(|it| at(it.analysed, &it.bounds)).collect();
    // The pale line goes on from the one in force.
    if let (Some(&(x, z, _)), false) = (in_force.last(), planned.is_empty()) {
        planned.insert(0, (x, z, String::new()));
    }
    [in_force, planned]
}

fn pale(RGBColor(r, g, b): RGBColor) -> RGBColor {
    let lighter = |channel: u8| 255 - (255 - channel) / 3;
    RGBColor(lighter(r), lighter(g), lighter(b))
}

fn draw_path(whole: &Area, area: &Area, trace: &Trace) -> Drawn {
    let lines = lines(trace);
    let (legend, below) = area.split_vertically(24);
    names(&legend, &lines)?;
    if trace.end.look < trace.plan.len() {
        let style = font(14).pos(Pos::new(HPos::Right, VPos::Center));
        let place = (SIZE.0 as i32 - 14, 12);
        legend.draw(&Text::new("pale: not reached", place, style)).map_err(failed)?;
    }
    let points = || lines.iter().flat_map(|line| &line.points);
    let most = points().map(|point| point.0).fold(1.0, f64::max);
    let heights = || points().map(|point| point.1);
    let (low, high) = (heights().fold(0.0, f64::min), heights().fold(0.0, f64::max));
    let room = 0.12 * (high - low).max(1.0);
    let mut chart = ChartBuilder::on(&below)
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..1.08 * most, low - room..high + room)?;
    axes(&mut chart, ["outcomes known", "Z (above 0 favours the experimental arm)"], 1)?;
    draw_lines(&mut chart, &lines)?;
    draw_numbers(whole, &chart, &lines)
}

/// Axes with these names and so many decimals of what goes up.
fn axes(chart: &mut Chart, [across, up]: [&str; 2], decimals: usize) -> Drawn {
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(font(14))
        .axis_desc_style(font(15))
        .x_desc(across)
        .y_desc(up)
        .x_label_formatter(&|x| format!("{x:.0}"))
        // Not −0.
        .y_label_formatter(&|y| format!("{:.decimals$}", y + 0.0))
        .draw()?;
    Ok(())
}

/// Steps of one patient at each of these months, from nobody to the end.
fn steps(mut months: Vec<f64>, end: f64) -> Vec<(f64, f64)> {
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
    let most = randomised.len() as f64;
    let (legend, below) = area.split_vertically(24);
    calendar_names(&legend)?;
    let mut chart = ChartBuilder::on(&below)
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..1.04 * end, 0.0..1.15 * most)?;
    axes(&mut chart, ["months from the opening of the trial", "patients"], 0)?;
    draw_looks(&mut chart, trace, (end, most))?;
    chart.draw_series(LineSeries::new(steps(randomised, end), INK.stroke_width(2)))?;
    chart.draw_series(LineSeries::new(steps(known, end), KNOWN.stroke_width(3)))?;
    Ok(())
}

/// A line for each look over the height of the calendar.
fn draw_looks(chart: &mut Chart, trace: &Trace, (end, most): (f64, f64)) -> Drawn {
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

fn calendar_names(area: &Area) -> Drawn {
    let lines = [("randomised", INK, 2), ("outcomes known", KNOWN, 3)];
    for ((name, colour, width), x) in lines.into_iter().zip([78, 218]) {
        let stroke = colour.stroke_width(width);
        area.draw(&PathElement::new([(x, 12), (x + 28, 12)], stroke)).map_err(failed)?;
        let style = font(14).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(name, (x + 36, 12), style)).map_err(failed)?;
    }
    Ok(())
}
