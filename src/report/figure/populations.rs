//! Populations that trials were left with, as stacked bars: a bar for each truth, a colour for each
//! population, lighter where its trials had no efficacy.

use super::colour::{Colour, NOT_SIGNIFICANT, PAPER, SERIES, SOFT};
use super::drawing::{
    Drawing, Lettering, PixelBox, SMALL, Stroke, WIDTH, WORDS, pixel, text_width, wrapped,
};
use super::legend::{LegendEntry, Sample, legend};

/// Share of all trials that were left with a population.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PopulationShare {
    /// With efficacy.
    pub efficacy: f64,
    /// Without.
    pub others: f64,
}

/// Trials under one truth.
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationBar {
    /// The truth.
    pub name: String,
    /// Shares of the populations, as many as there are names, in their order.
    pub shares: Vec<PopulationShare>,
}

/// Populations that have a colour of their own.
pub const MOST_COLOURS: usize = SERIES.len();

const LEFT: f64 = 12.0;
const RIGHT: f64 = WIDTH - 12.0;
/// Height of a bar.
const HEIGHT: f64 = 22.0;
/// How much paper the colour of trials without efficacy has.
const LIGHTER: f64 = 0.62;

/// Draws a bar for each truth. The last population is that without any level, in grey, if `has_none`.
pub fn populations(names: &[String], has_none: bool, bars: &[PopulationBar]) -> String {
    let mut drawing = Drawing::new();
    let colours = colours(names.len(), has_none);
    let entries: Vec<LegendEntry> = names
        .iter()
        .zip(&colours)
        .map(|(name, &colour)| LegendEntry::new(name.as_str(), Sample::Patch(colour)))
        .collect();
    let area = PixelBox::new(LEFT, 6.0, RIGHT, 0.0);
    let mut y = 10.0 + legend(&mut drawing, area, &entries);
    for bar in bars {
        y = draw_bar(&mut drawing, bar, &colours, y) + 10.0;
    }
    axis(&mut drawing, y - 4.0);
    drawing.finish(y + 32.0)
}

fn colours(populations: usize, has_none: bool) -> Vec<Colour> {
    let mut colours: Vec<Colour> = SERIES.into_iter().cycle().take(populations).collect();
    if let (true, Some(last)) = (has_none, colours.last_mut()) {
        *last = NOT_SIGNIFICANT;
    }
    colours
}

/// Draws the bar of a truth below its name, from this height. Returns the height at which it ends.
fn draw_bar(drawing: &mut Drawing, bar: &PopulationBar, colours: &[Colour], top: f64) -> f64 {
    let mut y = top;
    for line in wrapped(&bar.name, RIGHT - LEFT, WORDS) {
        drawing.text(pixel(LEFT, y + 9.0), &line, Lettering::left(WORDS).bold());
        y += 18.0;
    }
    y += 2.0;
    let mut left = LEFT;
    for (share, &colour) in bar.shares.iter().zip(colours) {
        let parts = [(share.efficacy, colour), (share.others, colour.mixed(PAPER, LIGHTER))];
        for (share, colour) in parts {
            let part = PixelBox::new(left, y, left + share * (RIGHT - LEFT), y + HEIGHT);
            left = part.right;
            if share <= 0.0 {
                continue;
            }
            drawing.block(part, colour);
            let text = format!("{:.0} %", 100.0 * share);
            if text_width(&text, SMALL) + 4.0 <= part.width() {
                let lettering = Lettering::centred(SMALL).coloured(colour.of_words());
                drawing.text(part.middle(), &text, lettering);
            }
        }
    }
    y + HEIGHT
}

fn axis(drawing: &mut Drawing, top: f64) {
    drawing.line(&[pixel(LEFT, top), pixel(RIGHT, top)], Stroke::new(SOFT, 0.8));
    for percent in [0, 25, 50, 75, 100] {
        let x = LEFT + (RIGHT - LEFT) * f64::from(percent) / 100.0;
        drawing.line(&[pixel(x, top), pixel(x, top + 4.0)], Stroke::new(SOFT, 0.8));
        // The numbers at both ends stay inside the picture.
        let at = pixel(x.clamp(LEFT + 4.0, RIGHT - 10.0), top + 13.0);
        drawing.text(at, &percent.to_string(), Lettering::centred(SMALL));
    }
    let middle = pixel((LEFT + RIGHT) / 2.0, top + 29.0);
    drawing.text(middle, "per cent of all trials", Lettering::centred(SMALL));
}
