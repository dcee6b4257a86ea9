//! The calendar of a trial: who has come, whose outcome is known, and when the looks are.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::explore::dossier::Calendar;

use super::{Drawn, EFFICACY, HARM, INK, OPEN, WIDTH, axes, failed, font, legend, svg};

/// Randomised and known over the months; at each look the bar between them is the overrun, with those
/// who drop out.
pub fn calendar(calendar: &Calendar) -> String {
    svg((WIDTH, 380), |area| {
        let names =
            [("randomised", EFFICACY), ("outcome known", HARM), ("not known at the look", OPEN)];
        legend(area, &names, (66, 18))?;
        let (_, below) = area.split_vertically(32);
        let months = calendar.months.iter().map(|month| month.0);
        let last = months.chain(calendar.looks.iter().map(|look| look.0)).fold(1.0, f64::max);
        let most = calendar.months.iter().map(|month| month.1).fold(1.0, f64::max);
        let mut chart = ChartBuilder::on(&below)
            .margin(12)
            .x_label_area_size(46)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..1.03 * last, 0.0..1.1 * most)?;
        let whole = |value: &f64| format!("{value:.0}");
        axes(&mut chart, ("months since the trial opened", "patients"), (&whole, &whole))?;
        // More than a few names would run into one another.
        let every = calendar.looks.len().div_ceil(6);
        for (i, &at) in calendar.looks.iter().enumerate() {
            let is_named = (calendar.looks.len() - 1 - i).is_multiple_of(every);
            look(&mut chart, is_named.then_some(i + 1), at)?;
        }
        let curve = |of: fn(&(f64, f64, f64)) -> f64| {
            calendar.months.iter().map(move |month| (month.0, of(month)))
        };
        chart.draw_series(LineSeries::new(curve(|month| month.1), EFFICACY.stroke_width(2)))?;
        chart.draw_series(LineSeries::new(curve(|month| month.2), HARM.stroke_width(2)))?;
        Ok(())
    })
}

fn look(
    chart: &mut super::Chart<'_>,
    name: Option<usize>,
    (month, randomised, known): (f64, f64, f64),
) -> Drawn {
    let area = chart.plotting_area();
    let bar = PathElement::new([(month, known), (month, randomised)], OPEN.stroke_width(9));
    area.draw(&bar).map_err(failed)?;
    let down = PathElement::new([(month, 0.0), (month, known)], INK.stroke_width(1));
    area.draw(&down).map_err(failed)?;
    let Some(number) = name else { return Ok(()) };
    let style = font(16).pos(Pos::new(HPos::Right, VPos::Bottom));
    let text =
        EmptyElement::at((month, 0.0)) + Text::new(format!("look {number}"), (-4, -4), style);
    area.draw(&text).map_err(failed)
}
