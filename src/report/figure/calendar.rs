//! The calendar of a trial: patients randomised, outcomes known, and looks.

use super::chart::{Chart, ChartAxis};
use super::colour::{EFFICACY, GREEN, NOT_SIGNIFICANT, SOFT};
use super::drawing::{
    Drawing, Lettering, Pixel, PixelBox, SMALL, Stroke, WIDTH, pixel, text_width,
};
use super::legend::{LegendEntry, Sample, legend, striped};
use crate::explore::dossier::{Calendar, CalendarPoint};

const RANDOMISED: Stroke = Stroke::new(EFFICACY, 2.0);
const KNOWN: Stroke = Stroke::new(GREEN, 2.0);

/// Draws the patients randomised and the outcomes known over the months. At each interim look a bar between
/// them is the patients whose outcome is still to come; at the final look, those who have none.
pub fn calendar(calendar: &Calendar) -> String {
    let Calendar { months, looks } = calendar;
    let mut drawing = Drawing::new();
    let area = PixelBox::new(12.0, 6.0, WIDTH - 8.0, 0.0);
    let top = 10.0 + legend(&mut drawing, area, &entries(looks));
    // The axes reach at least 1, as an empty range cannot be drawn.
    let last = months.iter().chain(looks).map(|at| at.month).fold(1.0, f64::max);
    let most = months.iter().map(|at| at.randomised).fold(1.0, f64::max);
    let x = ChartAxis::linear("months since the trial opened", 0.0, 1.02 * last);
    let y = ChartAxis::linear("patients", 0.0, 1.12 * most);
    let area = PixelBox::new(12.0, top, WIDTH - 12.0, top + 280.0);
    let chart = Chart::draw(&mut drawing, area, x, y);
    for (k, at) in looks.iter().enumerate() {
        draw_look(&mut drawing, &chart, at, k + 1 == looks.len());
    }
    name_looks(&mut drawing, &chart, looks);
    let randomised: Vec<Pixel> =
        months.iter().map(|at| chart.at(at.month, at.randomised)).collect();
    drawing.line(&randomised, RANDOMISED);
    let known: Vec<Pixel> = months.iter().map(|at| chart.at(at.month, at.known)).collect();
    drawing.line(&known, KNOWN);
    drawing.finish(area.bottom + 4.0)
}

fn entries(looks: &[CalendarPoint]) -> Vec<LegendEntry> {
    let mut entries = vec![
        LegendEntry::new("randomised", Sample::Line(RANDOMISED, None)),
        LegendEntry::new("outcome known", Sample::Line(KNOWN, None)),
    ];
    if looks.len() > 1 {
        let pending = Sample::Patch(NOT_SIGNIFICANT);
        entries.push(LegendEntry::new("outcome pending at an interim look", pending));
    }
    if looks.last().is_some_and(|at| at.randomised - at.known >= 0.5) {
        let missing = Sample::Striped(NOT_SIGNIFICANT);
        entries.push(LegendEntry::new("no outcome at the final look", missing));
    }
    entries
}

fn draw_look(drawing: &mut Drawing, chart: &Chart, at: &CalendarPoint, is_final: bool) {
    let CalendarPoint { month, randomised, known } = *at;
    let (foot, low, high) =
        (chart.at(month, 0.0), chart.at(month, known), chart.at(month, randomised));
    drawing.line(&[foot, low], Stroke::new(SOFT, 0.8).dashed(3.0));
    // Means are seldom whole: less than half a patient would be written as 0.
    if randomised - known < 0.5 {
        return;
    }
    let bar = PixelBox::new(high.x - 4.5, high.y, high.x + 4.5, low.y);
    if is_final {
        striped(drawing, bar, NOT_SIGNIFICANT);
    } else {
        drawing.block(bar, NOT_SIGNIFICANT);
    }
    let text = format!("{:.0}", randomised - known);
    let beside = pixel(bar.right + 4.0, bar.middle().y);
    drawing.text(beside, &text, Lettering::left(SMALL).over_lines());
}

/// Names the looks at the foot of their lines, from the last, as far as there is room.
fn name_looks(drawing: &mut Drawing, chart: &Chart, looks: &[CalendarPoint]) {
    let mut free_to = f64::INFINITY;
    // From the last, as "final" must never be the name that has no room.
    for (k, at) in looks.iter().enumerate().rev() {
        let is_final = k + 1 == looks.len();
        let name = if is_final { "final".to_owned() } else { format!("look {}", k + 1) };
        let place = chart.at(at.month, 0.0);
        let right = place.x - 4.0;
        if right > free_to {
            continue;
        }
        let lettering = Lettering::right(SMALL).over_lines();
        drawing.text(pixel(right, place.y - 10.0), &name, lettering);
        free_to = right - text_width(&name, SMALL) - 4.0;
    }
}
