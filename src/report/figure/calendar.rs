//! The calendar of a trial: patients randomised, outcomes known, and looks.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::explore::dossier::{Calendar, CalendarPoint};

use super::{
    Chart, ChartAxis, Drawn, EFFICACY, HARM, IN_A_REPORT, INK, OPEN, WIDTH, chart, failed, font,
    legend, svg, whole,
};

/// Draws the patients randomised and the outcomes known over the months. At each look the bar between
/// them is the overrun, including patients who drop out.
pub fn calendar(calendar: &Calendar) -> String {
    let Calendar { months, looks } = calendar;
    svg((WIDTH, 380), |area| {
        let names =
            [("randomised", EFFICACY), ("outcome known", HARM), ("not known at the look", OPEN)];
        legend(area, &names, (66, 18))?;
        let (_, below) = area.split_vertically(32);
        // The axes reach at least 1, as an empty range cannot be drawn.
        let last = months.iter().chain(looks).map(|at| at.month).fold(1.0, f64::max);
        let most = months.iter().map(|at| at.randomised).fold(1.0, f64::max);
        let x = ChartAxis {
            name: "months since the trial opened",
            range: 0.0..1.03 * last,
            label: &whole,
        };
        let y = ChartAxis { name: "patients", range: 0.0..1.1 * most, label: &whole };
        let mut chart = chart(&below, IN_A_REPORT, x, y)?;
        // More than six names would run into one another; the last look always has its own.
        let every = looks.len().div_ceil(6);
        for (i, at) in looks.iter().enumerate() {
            let is_named = (looks.len() - 1 - i).is_multiple_of(every);
            draw_look(&mut chart, is_named.then_some(i + 1), at)?;
        }
        let randomised = months.iter().map(|at| (at.month, at.randomised));
        chart.draw_series(LineSeries::new(randomised, EFFICACY.stroke_width(2)))?;
        let known = months.iter().map(|at| (at.month, at.known));
        chart.draw_series(LineSeries::new(known, HARM.stroke_width(2)))?;
        Ok(())
    })
}

fn draw_look(chart: &mut Chart<'_>, number: Option<usize>, at: &CalendarPoint) -> Drawn {
    let CalendarPoint { month, randomised, known } = *at;
    let area = chart.plotting_area();
    let bar = PathElement::new([(month, known), (month, randomised)], OPEN.stroke_width(9));
    area.draw(&bar).map_err(failed)?;
    let down = PathElement::new([(month, 0.0), (month, known)], INK.stroke_width(1));
    area.draw(&down).map_err(failed)?;
    let Some(number) = number else { return Ok(()) };
    let style = font(16).pos(Pos::new(HPos::Right, VPos::Bottom));
    let text =
        EmptyElement::at((month, 0.0)) + Text::new(format!("look {number}"), (-4, -4), style);
    area.draw(&text).map_err(failed)
}
