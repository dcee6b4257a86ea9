//! The mRS of both arms as stacked bars ("Grotta bars"), the usual picture in stroke trials.

use super::colour::{Colour, INK, SOFT};
use super::drawing::{
    Drawing, Lettering, PixelBox, SMALL, Stroke, WIDTH, WORDS, pixel, text_width, wrapped,
};
use crate::outcome::{LEVELS, Mrs};

/// Colours of the levels: from independent (blue) through grey to dependent (orange) and dead.
pub(super) const SHADES: [Colour; LEVELS] = [
    Colour::new(0x08_4594),
    Colour::new(0x21_71B5),
    Colour::new(0x6B_AED6),
    Colour::new(0xD9_D9D9),
    Colour::new(0xFD_BE85),
    Colour::new(0xD9_5F0E),
    Colour::new(0x4A_4A4A),
];

const LEFT: f64 = 12.0;
const RIGHT: f64 = WIDTH - 12.0;
/// Height of a bar.
const HEIGHT: f64 = 42.0;
/// Distance between the bars.
const BETWEEN: f64 = 38.0;
/// Height of a line of numbers outside a bar.
const OUTSIDE: f64 = 16.0;

/// The mRS of an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmMrs {
    /// Name of its treatment.
    pub treatment: String,
    /// Patients to be randomised to the arm; on average, if arms are allocated by chance.
    pub patients: f64,
    /// Shares of mRS 0 to 6.
    pub shares: [f64; LEVELS],
}

/// Draws the bars of two arms, the first on top; lines join their cuts.
pub fn mrs(arms: &[ArmMrs; 2]) -> String {
    let [upper, lower] = arms;
    let mut drawing = Drawing::new();
    scale(&mut drawing);
    // Names and narrow levels lie outside the bars, as lines run between them.
    let mut y = name(&mut drawing, upper, 44.0);
    let (narrow, top) = (y, y + room_outside(&upper.shares));
    bar(&mut drawing, &upper.shares, top, narrow + OUTSIDE / 2.0);
    let below = top + HEIGHT + BETWEEN;
    joints(&mut drawing, [&upper.shares, &lower.shares], top + HEIGHT);
    y = below + HEIGHT;
    bar(&mut drawing, &lower.shares, below, y + OUTSIDE / 2.0 + 1.0);
    y += room_outside(&lower.shares) + 4.0;
    y = name(&mut drawing, lower, y);
    drawing.finish(y + 4.0)
}

/// Writes the treatment of an arm, its patients and its functional independence. Returns the height at
/// which they end.
fn name(drawing: &mut Drawing, arm: &ArmMrs, top: f64) -> f64 {
    let independent: f64 = arm.shares[..=Mrs::INDEPENDENT.index()].iter().sum();
    let text = format!("mRS 0–2: {:.1} %", 100.0 * independent);
    let room = RIGHT - LEFT - text_width(&text, WORDS) - 16.0;
    // Without decimals: with unequal arms the planned number need not be whole.
    let named = format!("{} (n = {:.0})", arm.treatment, arm.patients);
    let mut y = top;
    for line in wrapped(&named, room, WORDS) {
        drawing.text(pixel(LEFT, y + 9.0), &line, Lettering::left(WORDS).bold());
        y += 18.0;
    }
    drawing.text(pixel(RIGHT, top + 9.0), &text, Lettering::right(WORDS));
    y + 2.0
}

/// Returns the pixel of a cumulative share of the arm.
fn across(share: f64) -> f64 {
    LEFT + share * (RIGHT - LEFT)
}

/// Draws the legend of the levels.
fn scale(drawing: &mut Drawing) {
    drawing.text(pixel(LEFT, 20.0), "mRS", Lettering::left(WORDS));
    for (level, &shade) in SHADES.iter().enumerate() {
        let left = LEFT + 38.0 + 34.0 * level as f64;
        let patch = PixelBox::new(left, 9.0, left + 30.0, 31.0);
        drawing.block(patch, shade);
        let lettering = Lettering::centred(WORDS).coloured(shade.of_words());
        drawing.text(patch.middle(), &level.to_string(), lettering);
    }
    let at = pixel(LEFT + 46.0 + 34.0 * LEVELS as f64, 20.0);
    drawing.text(at, "0 no symptoms … 6 dead", Lettering::left(SMALL).coloured(SOFT));
}

/// Writes a share in per cent; with a decimal if it would be 0.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent < 0.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// Returns whether a part of the bar has no room for its number.
fn is_narrow(share: f64) -> bool {
    // 2 px of the level's colour remain on both sides of its number.
    share > 0.0 && share * (RIGHT - LEFT) < text_width(&percent(share), SMALL) + 4.0
}

/// Returns the height of the numbers outside a bar.
fn room_outside(shares: &[f64; LEVELS]) -> f64 {
    if shares.iter().any(|&share| is_narrow(share)) { OUTSIDE } else { 0.0 }
}

/// Draws a bar; numbers of parts too narrow for them lie outside, at this height.
fn bar(drawing: &mut Drawing, shares: &[f64; LEVELS], top: f64, outside: f64) {
    let mut before = 0.0;
    let mut free_from = LEFT;
    for (&share, &shade) in shares.iter().zip(&SHADES) {
        let part = PixelBox::new(across(before), top, across(before + share), top + HEIGHT);
        before += share;
        if share <= 0.0 {
            continue;
        }
        drawing.block(part, shade);
        let text = percent(share);
        if !is_narrow(share) {
            let lettering = Lettering::centred(SMALL).coloured(shade.of_words());
            drawing.text(part.middle(), &text, lettering);
            continue;
        }
        // Neighbours that are narrow as well move aside.
        let width = text_width(&text, SMALL);
        let left = (part.middle().x - width / 2.0).min(RIGHT - width).max(free_from);
        drawing.text(pixel(left, outside), &text, Lettering::left(SMALL));
        free_from = left + width + 4.0;
    }
}

/// Draws the lines between the cuts of two bars.
fn joints(drawing: &mut Drawing, bars: [&[f64; LEVELS]; 2], top: f64) {
    // Cumulative shares, as a cut is the sum of the levels below it.
    let mut sums = [0.0, 0.0];
    // Death has no cut above it: all lines would end at the right edge.
    for level in 0..LEVELS - 1 {
        for (sum, shares) in sums.iter_mut().zip(bars) {
            *sum += shares[level];
        }
        // The cut of functional independence is the one that readers look for.
        let stroke = if level == Mrs::INDEPENDENT.index() {
            Stroke::new(INK, 1.6)
        } else {
            Stroke::new(SOFT, 0.7)
        };
        let ends = [pixel(across(sums[0]), top), pixel(across(sums[1]), top + BETWEEN)];
        drawing.line(&ends, stroke);
    }
}
