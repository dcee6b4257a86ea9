//! Figures as SVG, readable in print and by colour-blind people: shapes differ as well as colours.
//!
//! Colours are those of Okabe & Ito (2008), Color Universal Design.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::design::characteristics::{
    BoundaryCharacteristics, DesignCharacteristics, LookCharacteristics,
};

const SIZE: (u32, u32) = (840, 520);
const INK: RGBColor = RGBColor(51, 51, 51);
const GRID: RGBColor = RGBColor(228, 228, 228);
const EFFICACY: RGBColor = RGBColor(0, 114, 178);
const FUTILITY: RGBColor = RGBColor(176, 116, 0);
const HARM: RGBColor = RGBColor(213, 94, 0);

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

/// One boundary as it is drawn.
struct Line {
    name: &'static str,
    colour: RGBColor,
    mark: Mark,
    /// Patients analysed, height, and what is written beside it.
    points: Vec<(f64, f64, String)>,
}

#[derive(Clone, Copy)]
enum Mark {
    Circle,
    Triangle,
    Cross,
}

/// The boundaries of a design over the patients analysed. `effect` names the effect's scale.
pub fn boundaries(
    design: &DesignCharacteristics,
    scale: BoundaryScale,
    title: &str,
    effect: &str,
) -> String {
    let lines = lines(design, scale);
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw(&area, &lines, scale, (title, effect), f64::from(design.analysed.total()))
        .expect("an SVG in memory takes everything");
    drop(area);
    svg
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
        Line { name, colour, mark, points: design.looks.iter().filter_map(point).collect() }
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

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(
    area: &DrawingArea<SVGBackend, Shift>,
    lines: &[Line],
    scale: BoundaryScale,
    (title, effect): (&str, &str),
    most: f64,
) -> Drawn {
    area.fill(&WHITE).map_err(failed)?;
    let heights = || lines.iter().flat_map(|line| &line.points).map(|&(_, height, _)| height);
    let (low, high) = (heights().fold(0.0, f64::min), heights().fold(0.0, f64::max));
    let room = 0.12 * (high - low).max(1e-6);
    let font = |size: u32| ("sans-serif", size).into_font().color(&INK);
    let mut chart = ChartBuilder::on(area)
        .caption(title, font(19))
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..1.12 * most, low - room..high + room)?;
    let name = match scale {
        BoundaryScale::Z => "Z (above 0 favours the experimental arm)".to_owned(),
        BoundaryScale::P => "one-sided p value at the boundary".to_owned(),
        BoundaryScale::Effect => format!("observed {effect}"),
    };
    let label = |y: &f64| match scale {
        BoundaryScale::P if *y < 0.0 => String::new(),
        BoundaryScale::P if *y < 3.5 => format!("{:.4}", libm::pow(10.0, -y)),
        BoundaryScale::P => format!("{:.0e}", libm::pow(10.0, -y)),
        _ => format!("{y:.2}"),
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
    for line in lines {
        let (colour, mark) = (line.colour, line.mark);
        let path = line.points.iter().map(|&(x, y, _)| (x, y));
        chart
            .draw_series(LineSeries::new(path, colour.stroke_width(2)))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
        let above = line.name == "efficacy";
        let anchor = Pos::new(HPos::Center, if above { VPos::Bottom } else { VPos::Top });
        let shift = if above { -8 } else { 8 };
        let style = font(14).pos(anchor);
        let points = line.points.iter().map(|&(x, y, _)| (x, y));
        match mark {
            Mark::Circle => {
                chart.draw_series(points.map(|at| Circle::new(at, 5, colour.filled())))?;
            }
            Mark::Triangle => {
                chart.draw_series(points.map(|at| TriangleMarker::new(at, 6, colour.filled())))?;
            }
            Mark::Cross => {
                chart.draw_series(points.map(|at| Cross::new(at, 5, colour.stroke_width(3))))?;
            }
        }
        chart.draw_series(line.points.iter().map(|(x, y, text)| {
            EmptyElement::at((*x, *y)) + Text::new(text.clone(), (0, shift), style.clone())
        }))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE)
        .border_style(GRID)
        .label_font(font(14))
        .draw()?;
    area.present().map_err(failed)?;
    Ok(())
}

fn failed(error: impl std::error::Error + 'static) -> Box<dyn std::error::Error> {
    Box::new(error)
}
