//! Figures as SVG, readable in print and by colour-blind people: shapes differ as well as colours.
//!
//! Colours are those of Okabe & Ito (2008), Color Universal Design. One file per figure; what they
//! share is here.

mod boundaries;
mod lines;
mod trace;

pub use boundaries::{BoundaryScale, boundaries};
pub use trace::trace;

use plotters::coord::CoordTranslate;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

const INK: RGBColor = RGBColor(51, 51, 51);
const GRID: RGBColor = RGBColor(228, 228, 228);
const EFFICACY: RGBColor = RGBColor(0, 114, 178);
const FUTILITY: RGBColor = RGBColor(176, 116, 0);
const HARM: RGBColor = RGBColor(213, 94, 0);

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

#[derive(Clone, Copy)]
enum Mark {
    Circle,
    Triangle,
    Cross,
    Square,
}

fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
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
        Mark::Square => {
            let style = colour.filled();
            area.draw(&(EmptyElement::at(at) + Rectangle::new([(-5, -5), (5, 5)], style)))
        }
        Mark::Cross => area.draw(&Cross::new(at, 5, colour.stroke_width(3))),
    }
    .map_err(failed)
}

fn failed(error: impl std::error::Error + 'static) -> Box<dyn std::error::Error> {
    Box::new(error)
}
