//! Boundaries, and the ways of simulated trials to them.

use plotters::prelude::*;

use super::{
    Chart, Drawn, EFFICACY, FUTILITY, HARM, INK, Mark, OPEN, SAFETY, WIDTH, axes, draw_mark,
    legend, plain, svg,
};
use crate::explore::dossier::ZPath;
use crate::trial::Conclusion;

/// Boundaries of a look; `None` where it has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookBounds {
    /// Outcomes planned.
    pub analysed: f64,
    /// Stops for efficacy at or above.
    pub efficacy: Option<f64>,
    /// Stops for futility at or below.
    pub futility: Option<f64>,
    /// Stops for harm at or below.
    pub harm: Option<f64>,
}

/// Paths in the colour of their end, which has a mark of its own, under the boundaries.
pub fn paths(looks: &[LookBounds], paths: &[ZPath]) -> String {
    svg((WIDTH, 420), |area| {
        let shown = |of: Conclusion| paths.iter().any(|path| path.conclusion == of);
        let ends = [
            ("efficacy", Conclusion::Efficacy),
            ("nothing shown", Conclusion::NotSignificant),
            ("futility", Conclusion::Futility),
            ("harm", Conclusion::Harm),
            ("safety", Conclusion::Safety),
        ];
        let names: Vec<(&str, RGBColor)> = ends
            .into_iter()
            .filter(|end| shown(end.1))
            .map(|(name, end)| (name, look(end).1))
            .collect();
        legend(area, &names, (60, 18))?;
        let (_, below) = area.split_vertically(32);
        let heights = || paths.iter().flat_map(|path| &path.points).map(|&(_, z)| z);
        let bounds = || looks.iter().flat_map(|it| [it.efficacy, it.futility, it.harm]).flatten();
        let low = heights().chain(bounds()).fold(0.0, f64::min);
        let high = heights().chain(bounds()).fold(0.0, f64::max);
        let most = looks.iter().map(|look| look.analysed);
        let ends = paths.iter().flat_map(|path| &path.points).map(|&(n, _)| n);
        let most = most.chain(ends).fold(1.0, f64::max);
        let mut chart = ChartBuilder::on(&below)
            .margin(10)
            .x_label_area_size(46)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..1.04 * most, low - 0.3..high + 0.3)?;
        axes(&mut chart, ("outcomes analysed", "Z"), (&|x| format!("{x:.0}"), &plain))?;
        paths.iter().try_for_each(|path| draw_path(&mut chart, path))?;
        let of: [fn(&LookBounds) -> Option<f64>; 3] =
            [|look| look.efficacy, |look| look.futility, |look| look.harm];
        for of in of {
            let points: Vec<(f64, f64)> =
                looks.iter().filter_map(|look| Some((look.analysed, of(look)?))).collect();
            bound(&mut chart, &points)?;
        }
        Ok(())
    })
}

/// The mark and the colour of an end.
fn look(end: Conclusion) -> (Mark, RGBColor) {
    match end {
        Conclusion::Efficacy => (Mark::Circle, EFFICACY),
        Conclusion::Futility => (Mark::Triangle, FUTILITY),
        Conclusion::Harm => (Mark::Cross, HARM),
        Conclusion::Safety => (Mark::Cross, SAFETY),
        Conclusion::NotSignificant => (Mark::Triangle, OPEN),
    }
}

fn draw_path(chart: &mut Chart<'_>, path: &ZPath) -> Drawn {
    let (mark, colour) = look(path.conclusion);
    let points = std::iter::once((0.0, 0.0)).chain(path.points.iter().copied());
    chart.draw_series(LineSeries::new(points, colour.mix(0.45).stroke_width(1)))?;
    match path.points.last() {
        Some(&end) => draw_mark(chart.plotting_area(), end, (mark, colour)),
        None => Ok(()),
    }
}

fn bound(chart: &mut Chart<'_>, points: &[(f64, f64)]) -> Drawn {
    chart.draw_series(LineSeries::new(points.iter().copied(), INK.stroke_width(2)))?;
    for &at in points {
        draw_mark(chart.plotting_area(), at, (Mark::Square, INK))?;
    }
    Ok(())
}
