//! Figures as SVG, readable in print and by colour-blind people: shapes, dashes and words differ as
//! well as colours.
//!
//! Colours are those of Okabe & Ito (2008), Color Universal Design. One file per figure; what they
//! share is here. Everything that is ink, paper or grid has a colour that nothing else has, so that
//! a page can give it another in the dark.

mod balance;
mod boundaries;
mod calendar;
mod curves;
mod flow;
mod looks;
mod mrs;
mod paths;

pub use balance::balance;
pub use boundaries::{BoundaryScale, boundaries};
pub use calendar::calendar;
pub use curves::{Axis, Curve, CurveStyle, curves};
pub use flow::{Flow, Link, flow};
pub use looks::{LookShares, looks};
pub use mrs::mrs;
pub use paths::{LookBounds, paths};

use plotters::coord::types::RangedCoordf64;
use plotters::coord::{CoordTranslate, Shift};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const INK: RGBColor = RGBColor(51, 51, 51);
const GRID: RGBColor = RGBColor(228, 228, 228);
/// Words on a colour that stays light in the dark.
const DARK: RGBColor = RGBColor(17, 17, 17);
const EFFICACY: RGBColor = RGBColor(0, 114, 178);
const FUTILITY: RGBColor = RGBColor(176, 116, 0);
const HARM: RGBColor = RGBColor(213, 94, 0);
const SAFETY: RGBColor = RGBColor(204, 121, 167);
/// Trials that go on, or show nothing.
const OPEN: RGBColor = RGBColor(140, 140, 140);
/// Of several curves, the first first.
const SERIES: [RGBColor; 4] = [EFFICACY, HARM, RGBColor(0, 158, 115), SAFETY];

/// Pixels from side to side of most figures: on a telephone words are still large enough.
const WIDTH: u32 = 620;

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

#[derive(Clone, Copy)]
enum Mark {
    Circle,
    Triangle,
    Cross,
}

/// What `draw` draws on paper of this size.
fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
    area.fill(&WHITE)
        .map_err(failed)
        .and_then(|()| draw(&area))
        .and_then(|()| area.present().map_err(failed))
        .expect("an SVG in memory takes everything");
    drop(area);
    text
}

fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// Words at a point, beside it or centred on it, half their height above it.
fn write(area: &Area<'_>, text: &str, at: (i32, i32), (size, side, colour): Words) -> Drawn {
    let style = font(size).color(&colour).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style)).map_err(failed)
}

/// Size, side of the point that words stand on, and colour.
type Words = (u32, HPos, RGBColor);

fn fill(area: &Area<'_>, corners: [(i32, i32); 2], colour: RGBColor) -> Drawn {
    area.draw(&Rectangle::new(corners, colour.filled())).map_err(failed)
}

fn line(area: &Area<'_>, points: &[(i32, i32)], colour: RGBColor) -> Drawn {
    area.draw(&PathElement::new(points.to_vec(), colour.stroke_width(1))).map_err(failed)
}

/// A row of names, each behind a patch of its colour.
fn legend(area: &Area<'_>, names: &[(&str, RGBColor)], (left, y): (i32, i32)) -> Drawn {
    let mut x = left;
    for (name, colour) in names {
        fill(area, [(x, y - 6), (x + 12, y + 6)], *colour)?;
        write(area, name, (x + 18, y), (17, HPos::Left, INK))?;
        x += 34 + 8 * name.chars().count() as i32;
    }
    Ok(())
}

fn draw_mark<C: CoordTranslate>(
    area: &DrawingArea<SVGBackend, C>,
    at: C::From,
    (mark, colour): (Mark, RGBColor),
) -> Drawn
where
    C::From: Clone,
{
    match mark {
        Mark::Circle => area.draw(&Circle::new(at, 5, colour.filled())),
        Mark::Triangle => area.draw(&TriangleMarker::new(at, 6, colour.filled())),
        Mark::Cross => area.draw(&Cross::new(at, 5, colour.stroke_width(3))),
    }
    .map_err(failed)
}

/// Axes with their names and a grid.
fn axes(
    chart: &mut Chart<'_>,
    (x, y): (&str, &str),
    labels: (&dyn Fn(&f64) -> String, &dyn Fn(&f64) -> String),
) -> Drawn {
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .x_labels(7)
        .y_labels(7)
        .label_style(font(17))
        .axis_desc_style(font(17))
        .x_desc(x)
        .y_desc(y)
        .x_label_formatter(labels.0)
        .y_label_formatter(labels.1)
        .draw()?;
    Ok(())
}

/// A number without the zeros it does not need.
fn plain(value: &f64) -> String {
    let text = format!("{:.3}", value + 0.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn failed(error: impl std::error::Error + 'static) -> Box<dyn std::error::Error> {
    Box::new(error)
}
#[cfg(test)]
mod preview {
    use super::*;
    use crate::explore::dossier::{Calendar, ZPath};
    use crate::trial::Conclusion;
    #[test]
    fn preview() {
        let out = |name: &str, text: String| {
            std::fs::write(format!("/tmp/fig/{name}.svg"), text).unwrap()
        };
        std::fs::create_dir_all("/tmp/fig").unwrap();
        out(
            "mrs",
            mrs(&[
                (
                    "bailout angioplasty or stenting".into(),
                    [0.13, 0.14, 0.13, 0.12, 0.16, 0.14, 0.18],
                ),
                ("control".into(), [0.06, 0.08, 0.11, 0.15, 0.2, 0.2, 0.2]),
            ]),
        );
        let look = |e, f, h, s| LookShares { efficacy: e, futility: f, harm: h, safety: s };
        out(
            "looks",
            looks(&[
                (
                    "with the effect".into(),
                    vec![
                        look(0.02, 0.01, 0., 0.01),
                        look(0.42, 0.03, 0., 0.02),
                        look(0.81, 0.05, 0.01, 0.02),
                    ],
                ),
                (
                    "without it".into(),
                    vec![
                        look(0.0, 0.1, 0., 0.1),
                        look(0.01, 0.3, 0.02, 0.2),
                        look(0.025, 0.5, 0.02, 0.3),
                    ],
                ),
            ]),
        );
        let lb = |n, e, f| LookBounds { analysed: n, efficacy: Some(e), futility: f, harm: None };
        let mut ps = Vec::new();
        for i in 0..60u64 {
            let a = (i as f64 * 0.618).fract() * 3.0 - 0.3;
            let b = a + (i as f64 * 0.414).fract() * 2.0;
            let mut points = vec![(104.0, a), (208.0, b)];
            let conclusion = if b > 2.51 {
                Conclusion::Efficacy
            } else if b < 0.3 {
                Conclusion::Futility
            } else {
                points.push((313.0, b + 0.3));
                if b + 0.3 > 1.99 { Conclusion::Efficacy } else { Conclusion::NotSignificant }
            };
            ps.push(ZPath { replicate: i, points, conclusion });
        }
        out(
            "paths",
            paths(
                &[
                    lb(104., 3.71, Some(-0.5)),
                    lb(208., 2.51, Some(0.3)),
                    LookBounds {
                        analysed: 312.,
                        efficacy: Some(1.993),
                        futility: None,
                        harm: None,
                    },
                ],
                &ps,
            ),
        );
        let pts = |f: fn(f64) -> f64, e: f64| {
            (0..9)
                .map(|i| {
                    let x = 0.25 + 0.025 * i as f64;
                    (x, f(x), e)
                })
                .collect::<Vec<_>>()
        };
        let axis = |name: &str| Axis { name: name.into(), range: None };
        out(
            "power",
            curves(
                (
                    &axis("functional independence, experimental"),
                    &Axis { name: "power".into(), range: Some((0.0, 1.0)) },
                ),
                &[
                    Curve {
                        name: "independence".into(),
                        style: CurveStyle::Marked,
                        colour: 0,
                        points: pts(|x| 1.0 / (1.0 + (-(x - 0.34) * 40.0).exp()), 0.01),
                    },
                    Curve {
                        name: String::new(),
                        style: CurveStyle::Dashed,
                        colour: 0,
                        points: pts(|x| 1.0 / (1.0 + (-(x - 0.343) * 40.0).exp()), 0.0),
                    },
                    Curve {
                        name: "shift".into(),
                        style: CurveStyle::Marked,
                        colour: 1,
                        points: pts(|x| 1.0 / (1.0 + (-(x - 0.32) * 45.0).exp()), 0.01),
                    },
                ],
                Some(0.8),
            ),
        );
        out(
            "ecdf",
            curves(
                (
                    &axis("patients randomised"),
                    &Axis { name: "share of trials".into(), range: Some((0.0, 1.0)) },
                ),
                &[
                    Curve {
                        name: "with the effect".into(),
                        style: CurveStyle::Steps,
                        colour: 0,
                        points: vec![
                            (160., 0.0, 0.),
                            (180., 0.02, 0.),
                            (280., 0.1, 0.),
                            (300., 0.42, 0.),
                            (348., 1.0, 0.),
                        ],
                    },
                    Curve {
                        name: "without it".into(),
                        style: CurveStyle::Steps,
                        colour: 1,
                        points: vec![(160., 0.0, 0.), (300., 0.02, 0.), (348., 1.0, 0.)],
                    },
                ],
                None,
            ),
        );
        out(
            "calendar",
            calendar(&Calendar {
                months: (0..20)
                    .map(|m| {
                        (
                            m as f64,
                            (22.0 * m as f64).min(348.0),
                            (22.0 * (m as f64 - 3.0).max(0.0) * 0.9).min(313.0),
                        )
                    })
                    .collect(),
                looks: vec![(8.1, 178.0, 104.0), (13.3, 290.0, 208.0), (19.0, 348.0, 313.0)],
            }),
        );
        out(
            "balance",
            balance(&[
                ("whole trial".into(), 1.0, 2.0),
                ("age: under 65 years or more".into(), 1.2, 3.0),
                ("NIHSS: 10–19".into(), 1.9, 5.0),
            ]),
        );
        let link = |from, to, share, colour| Link { from, to, share, colour };
        out(
            "flow",
            flow(&Flow {
                columns: vec![
                    vec!["all".into()],
                    vec!["open".into(), "pass 2".into(), "stent".into()],
                    vec!["open".into(), "pass 3".into(), "stent".into()],
                    vec!["mRS 0–2".into(), "mRS 3–5".into(), "dead".into()],
                ],
                links: vec![
                    link((0, 0), (1, 0), 0.3, 0),
                    link((0, 0), (1, 1), 0.5, 2),
                    link((0, 0), (1, 2), 0.2, 1),
                    link((1, 1), (2, 0), 0.2, 0),
                    link((1, 1), (2, 1), 0.2, 2),
                    link((1, 1), (2, 2), 0.1, 1),
                    link((1, 0), (3, 0), 0.2, 0),
                    link((1, 0), (3, 1), 0.08, 0),
                    link((1, 0), (3, 2), 0.02, 0),
                    link((1, 2), (3, 0), 0.1, 1),
                    link((1, 2), (3, 1), 0.05, 1),
                    link((1, 2), (3, 2), 0.05, 1),
                    link((2, 0), (3, 0), 0.1, 0),
                    link((2, 0), (3, 1), 0.1, 0),
                    link((2, 1), (3, 1), 0.15, 2),
                    link((2, 1), (3, 2), 0.05, 2),
                    link((2, 2), (3, 0), 0.05, 1),
                    link((2, 2), (3, 2), 0.05, 1),
                ],
            }),
        );
    }
}
