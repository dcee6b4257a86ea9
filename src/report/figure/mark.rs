//! Marks at points: shapes that differ as well as colours.

use super::colour::{Colour, PAPER};
use super::drawing::{Drawing, Pixel, PixelBox, Stroke, pixel};

/// The shape of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MarkShape {
    Circle,
    Triangle,
    Square,
    Cross,
    OpenCircle,
    Diamond,
    OpenSquare,
    /// A bar upright.
    Bar,
    /// A level bar: a boundary that holds at one look and not between looks.
    Level,
}

/// Shapes of several curves, in their order.
pub(super) const SHAPES: [MarkShape; 8] = [
    MarkShape::Circle,
    MarkShape::Triangle,
    MarkShape::Square,
    MarkShape::Cross,
    MarkShape::OpenCircle,
    MarkShape::Diamond,
    MarkShape::OpenSquare,
    MarkShape::Bar,
];

/// A mark at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    pub shape: MarkShape,
    pub colour: Colour,
    /// Half of its width in pixels, about.
    pub radius: f64,
}

impl Mark {
    /// Builds a mark of the usual size.
    pub const fn new(shape: MarkShape, colour: Colour) -> Self {
        Self { shape, colour, radius: 4.0 }
    }

    pub const fn sized(self, radius: f64) -> Self {
        Self { radius, ..self }
    }

    /// Draws the mark, with an edge of paper that separates it from others.
    pub fn draw(self, drawing: &mut Drawing, at: Pixel) {
        let Self { shape, colour, radius: r } = self;
        let Pixel { x, y } = at;
        let filled = format!("fill=\"{colour}\" stroke=\"{PAPER}\" stroke-width=\"0.8\"");
        // 1.8 px at the usual size, as curves: a thinner cross would be lost on its own line.
        let stroke = Stroke::new(colour, 0.45 * r);
        let open = format!("fill=\"{PAPER}\" {}", stroke.attributes());
        let square =
            [pixel(x - r, y - r), pixel(x + r, y - r), pixel(x + r, y + r), pixel(x - r, y + r)];
        match shape {
            MarkShape::Circle => drawing.circle(at, r, &filled),
            MarkShape::OpenCircle => drawing.circle(at, r, &open),
            MarkShape::Triangle => {
                // A triangle looks smaller than a circle of its radius.
                let r = 1.25 * r;
                let corners = [
                    pixel(x, y - r),
                    pixel(x + 0.9 * r, y + 0.6 * r),
                    pixel(x - 0.9 * r, y + 0.6 * r),
                ];
                drawing.shape(&corners, &filled);
            }
            MarkShape::Square => drawing.shape(&square, &filled),
            MarkShape::OpenSquare => drawing.shape(&square, &open),
            MarkShape::Diamond => {
                // A diamond of 1.3 radii has about the area of the circle: 2 · 1.3² = 3.4 against π.
                let r = 1.3 * r;
                let corners = [pixel(x, y - r), pixel(x + r, y), pixel(x, y + r), pixel(x - r, y)];
                drawing.shape(&corners, &filled);
            }
            MarkShape::Cross => {
                let [a, b, c, d] = square;
                drawing.line(&[a, c], stroke);
                drawing.line(&[b, d], stroke);
            }
            MarkShape::Bar => {
                drawing.line(&[pixel(x, y - 1.5 * r), pixel(x, y + 1.5 * r)], stroke);
            }
            MarkShape::Level => {
                // Wide and flat, so that a mark of Z on it hides only its middle. Charts and legends that
                // keep room for it rely on the 2.2.
                let bar = PixelBox::new(x - 2.2 * r, y - 1.4, x + 2.2 * r, y + 1.4);
                drawing.rect(bar, colour, 1.0);
            }
        }
    }
}
