//! Legends: a sample of each line, mark or block as it is in the chart, with its name.

use super::colour::{Colour, PAPER};
use super::drawing::{
    Drawing, Lettering, Pixel, PixelBox, SMALL, Stroke, pixel, text_width, wrapped,
};
use super::mark::Mark;

/// A sample of what is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sample {
    /// A block of a colour.
    Patch(Colour),
    /// A block whose stripes show that something is missing.
    Striped(Colour),
    /// A line, perhaps with a mark on it.
    Line(Stroke, Option<Mark>),
    /// A mark alone.
    Point(Mark),
}

/// An entry of a legend.
#[derive(Debug, Clone)]
pub(super) struct LegendEntry {
    pub name: String,
    pub sample: Sample,
}

impl LegendEntry {
    pub fn new(name: impl Into<String>, sample: Sample) -> Self {
        Self { name: name.into(), sample }
    }
}

/// Distance between rows.
const ROW: f64 = 19.0;

impl Sample {
    fn width(&self) -> f64 {
        match self {
            Self::Patch(_) | Self::Striped(_) => 13.0,
            // The widest mark, a level bar, reaches 2.2 radii to both sides: see `Mark::draw`.
            Self::Point(mark) => 4.4 * mark.radius.min(4.0),
            Self::Line(..) => 26.0,
        }
    }

    fn draw(&self, drawing: &mut Drawing, at: Pixel) {
        let Pixel { x, y } = at;
        let right = x + self.width();
        let patch = PixelBox::new(x, y - 6.0, right, y + 6.0);
        match *self {
            Self::Patch(colour) => drawing.block(patch, colour),
            Self::Striped(colour) => striped(drawing, patch, colour),
            Self::Point(mark) => mark.draw(drawing, patch.middle()),
            Self::Line(stroke, mark) => {
                drawing.line(&[pixel(x, y), pixel(right, y)], stroke);
                if let Some(mark) = mark {
                    mark.draw(drawing, patch.middle());
                }
            }
        }
    }
}

/// Draws a block with stripes across.
pub(super) fn striped(drawing: &mut Drawing, area: PixelBox, colour: Colour) {
    let outline = Stroke::new(colour, 1.0);
    drawing.outlined(area, outline);
    // Level stripes need no clipping, which renderers do differently.
    let mut y = area.top + 3.0;
    while y < area.bottom - 1.0 {
        drawing.line(&[pixel(area.left, y), pixel(area.right, y)], outline);
        y += 3.0;
    }
}

/// Draws the entries between left and right in as many rows as they need. Returns the height that they
/// take.
pub(super) fn legend(drawing: &mut Drawing, area: PixelBox, entries: &[LegendEntry]) -> f64 {
    if entries.is_empty() {
        return 0.0;
    }
    let PixelBox { left, top, right, .. } = area;
    let (mut x, mut y) = (left, top + ROW / 2.0);
    for LegendEntry { name, sample } in entries {
        // A name longer than a row takes several.
        let lines = wrapped(name, right - left - sample.width() - 6.0, SMALL);
        let widths = lines.iter().map(|line| text_width(line, SMALL));
        let width = sample.width() + 6.0 + widths.fold(0.0, f64::max);
        // A name at the start of a row stays there, however long: a further row would not be wider.
        if x > left && x + width > right {
            (x, y) = (left, y + ROW);
        }
        sample.draw(drawing, pixel(x, y));
        for (i, line) in lines.iter().enumerate() {
            // Lines of one name are closer than entries, which shows that they belong together.
            y += if i > 0 { ROW - 3.0 } else { 0.0 };
            drawing.text(pixel(x + sample.width() + 6.0, y), line, Lettering::left(SMALL));
        }
        x += width + 16.0;
    }
    y + ROW / 2.0 - top
}

/// Draws a scale of colours from `low` to `high`, named at some values. Returns the height that it takes.
pub(super) fn colour_scale(
    drawing: &mut Drawing,
    area: PixelBox,
    colour: fn(f64) -> Colour,
    names: &[ScaleName],
) -> f64 {
    const STEPS: usize = 40;
    let PixelBox { left, top, right, .. } = area;
    let width = (right - left) / STEPS as f64;
    for i in 0..STEPS {
        let from = left + width * i as f64;
        // Neighbours overlap a little, as seams between them would show.
        let cell = PixelBox::new(from, top, (from + width + 0.4).min(right), top + 11.0);
        drawing.block(cell, colour((i as f64 + 0.5) / STEPS as f64));
    }
    for ScaleName { share, name } in names {
        let x = left + share * (right - left);
        drawing.line(&[pixel(x, top), pixel(x, top + 11.0)], Stroke::new(PAPER, 1.0));
        drawing.text(pixel(x, top + 20.0), name, Lettering::centred(SMALL));
    }
    30.0
}

/// A name at a scale of colours.
#[derive(Debug, Clone)]
pub(super) struct ScaleName {
    pub share: f64,
    pub name: String,
}
