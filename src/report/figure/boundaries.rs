//! The boundaries of a design over the patients analysed.

use plotters::prelude::*;

use super::lines::{Line, draw_lines, draw_numbers, names};
use super::{Area, Chart, Drawn, EFFICACY, FUTILITY, GRID, HARM, INK, Mark, failed, font, svg};
use crate::design::characteristics::{
    BoundaryCharacteristics, DesignCharacteristics, LookCharacteristics,
};
use crate::report::design::effect_name;

const SIZE: (u32, u32) = (840, 520);

/// The scale of a figure of boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundaryScale {
    /// Z.
    Z,
    /// Nominal one-sided p value, logarithmic, small ones on top.
    P,
    /// Observed effect: risk difference, log common odds ratio or difference of means.
    Effect,
}

/// The boundaries of a design over the patients analysed. `effect` names the effect's scale.
pub fn boundaries(
    design: &DesignCharacteristics,
    scale: BoundaryScale,
    title: &str,
    effect: &str,
) -> String {
    let lines = lines(design, scale);
    let most = f64::from(design.analysed.total());
    svg(SIZE, |area| draw(area, &lines, scale, (title, effect), most))
}

fn lines(design: &DesignCharacteristics, scale: BoundaryScale) -> Vec<Line> {
    type Of = fn(&LookCharacteristics) -> Option<&BoundaryCharacteristics>;
    let kinds: [(&str, RGBColor, Mark, Of); 3] = [
        ("efficacy", EFFICACY, Mark::Circle, |look| look.efficacy.as_ref()),
        ("futility", FUTILITY, Mark::Triangle, |look| look.futility.as_ref()),
        ("harm", HARM, Mark::Cross, |look| look.harm.as_ref()),
    ];
    let line = |(name, colour, mark, of): (&'static str, RGBColor, Mark, Of)| {
        let point = |look: &LookCharacteristics| {
            let (height, text) = height(of(look)?, scale)?;
            Some((f64::from(look.analysed.total()), height, text))
        };
        let points = design.looks.iter().filter_map(point).collect();
        Line { name, colour, mark, above: name == "efficacy", points }
    };
    kinds.into_iter().map(line).filter(|line| !line.points.is_empty()).collect()
}

/// Where a boundary stands, and the number beside it.
fn height(boundary: &BoundaryCharacteristics, scale: BoundaryScale) -> Option<(f64, String)> {
    match scale {
        BoundaryScale::Z => Some((boundary.z, format!("{:.3}", boundary.z))),
        BoundaryScale::P => {
            let p = boundary.p_one_sided;
            let text = if p < 0.001 { format!("{p:.1e}") } else { format!("{p:.4}") };
            Some((-libm::log10(p), text))
        }
        BoundaryScale::Effect => {
            let effect = boundary.effect?;
            Some((effect, format!("{effect:.3}")))
        }
    }
}

fn draw(
    area: &Area<'_>,
    lines: &[Line],
    scale: BoundaryScale,
    (title, effect): (&str, &str),
    most: f64,
) -> Drawn {
    let titled = area.titled(title, font(19)).map_err(failed)?;
    // A legend inside the axes would hide points of some designs.
    let (legend, below) = titled.split_vertically(24);
    names(&legend, lines)?;
    let heights = || lines.iter().flat_map(|line| &line.points).map(|&(_, height, _)| height);
    let (low, high) = (heights().fold(0.0, f64::min), heights().fold(0.0, f64::max));
    let room = 0.12 * (high - low).max(1e-6);
    let mut chart = ChartBuilder::on(&below)
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..1.06 * most, low - room..high + room)?;
    axes(&mut chart, scale, effect)?;
    draw_lines(&mut chart, lines)?;
    draw_numbers(area, &chart, lines)?;
    Ok(())
}

fn axes(chart: &mut Chart, scale: BoundaryScale, effect: &str) -> Drawn {
    let name = match scale {
        BoundaryScale::Z => "Z (above 0 favours the experimental arm)".to_owned(),
        BoundaryScale::P => "one-sided p value at the boundary".to_owned(),
        BoundaryScale::Effect => format!("observed {}", effect_name(effect)),
    };
    let label = |y: &f64| match scale {
        BoundaryScale::P if *y < -1e-9 => String::new(),
        BoundaryScale::P => p_value(libm::pow(10.0, -y)),
        _ => format!("{:.3}", y + 0.0).trim_end_matches('0').trim_end_matches('.').to_owned(),
    };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(font(14))
        .axis_desc_style(font(15))
        .x_desc("patients analysed")
        .y_desc(name)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&label)
        .draw()?;
    Ok(())
}

/// Two digits, small ones as a power of ten.
fn p_value(p: f64) -> String {
    match p {
        p if p < 0.000_95 => format!("{p:.0e}"),
        p if p < 0.009_5 => format!("{p:.4}"),
        p if p < 0.095 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    }
}
