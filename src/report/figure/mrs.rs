//! The mRS of both arms as stacked bars, which every reader of stroke trials knows.

use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::{Area, DARK, Drawn, INK, OPEN, WIDTH, fill, line, svg, write};
use crate::outcome::{LEVELS, Mrs};

/// From independent (blue) through grey to dependent (orange) and dead, dark and light so that words
/// on them can be read.
const SHADES: [RGBColor; LEVELS] = [
    RGBColor(8, 69, 148),
    RGBColor(33, 113, 181),
    RGBColor(107, 174, 214),
    RGBColor(217, 217, 217),
    RGBColor(253, 190, 133),
    RGBColor(217, 95, 14),
    RGBColor(74, 74, 74),
];
const WORDS: [RGBColor; LEVELS] = {
    let light = RGBColor(254, 254, 254);
    [light, light, DARK, DARK, DARK, light, light]
};

const LEFT: i32 = 16;
const RIGHT: i32 = WIDTH as i32 - 16;
/// Of a bar, and from the top of one to that of the next.
const HEIGHT: i32 = 52;
const STEP: i32 = 100;
const TOP: i32 = 78;
/// Shares of less are too narrow for their number.
const NARROW: f64 = 0.035;

/// Shares of mRS 0 to 6 of two arms, the first on top; lines join their cuts.
pub fn mrs([(above, upper), (below, lower)]: [(&str, &[f64; LEVELS]); 2]) -> String {
    let bottom = TOP + STEP + HEIGHT;
    svg((WIDTH, (bottom + 34) as u32), |area| {
        scale(area)?;
        // Outside the bars, as lines run between them.
        named(area, (above, upper), TOP - 15)?;
        bar(area, upper, TOP)?;
        joints(area, [upper, lower], TOP + HEIGHT)?;
        bar(area, lower, TOP + STEP)?;
        named(area, (below, lower), bottom + 16)
    })
}

/// The name of an arm and its functional independence, at this height.
fn named(area: &Area<'_>, (name, shares): (&str, &[f64; LEVELS]), y: i32) -> Drawn {
    write(area, name, (LEFT, y), (18, HPos::Left, INK))?;
    let independent: f64 = shares[..=Mrs::INDEPENDENT.index()].iter().sum();
    let text = format!("mRS 0–2: {:.1} %", 100.0 * independent);
    write(area, &text, (RIGHT, y), (18, HPos::Right, INK))
}

/// Where a share of everyone ends.
fn across(share: f64) -> i32 {
    LEFT + (share * f64::from(RIGHT - LEFT)).round() as i32
}

/// What the shades stand for.
fn scale(area: &Area<'_>) -> Drawn {
    write(area, "mRS", (LEFT, 22), (17, HPos::Left, INK))?;
    for (level, (&shade, &words)) in SHADES.iter().zip(&WORDS).enumerate() {
        let left = LEFT + 44 + 46 * level as i32;
        fill(area, [(left, 10), (left + 40, 34)], shade)?;
        write(area, &level.to_string(), (left + 20, 22), (17, HPos::Center, words))?;
    }
    let text = "0 no symptoms … 6 dead";
    write(area, text, (LEFT + 44 + 46 * LEVELS as i32 + 8, 22), (16, HPos::Left, INK))
}

fn bar(area: &Area<'_>, shares: &[f64; LEVELS], top: i32) -> Drawn {
    let mut before = 0.0;
    for (level, &share) in shares.iter().enumerate() {
        let (left, right) = (across(before), across(before + share));
        fill(area, [(left, top), (right, top + HEIGHT)], SHADES[level])?;
        if share >= NARROW {
            let text = format!("{:.0} %", 100.0 * share);
            let text = if share < 0.06 { format!("{:.0}", 100.0 * share) } else { text };
            let middle = ((left + right) / 2, top + HEIGHT / 2);
            write(area, &text, middle, (18, HPos::Center, WORDS[level]))?;
        }
        before += share;
    }
    Ok(())
}

fn joints(area: &Area<'_>, bars: [&[f64; LEVELS]; 2], top: i32) -> Drawn {
    let mut sums = [0.0, 0.0];
    for level in 0..LEVELS - 1 {
        for (sum, shares) in sums.iter_mut().zip(bars) {
            *sum += shares[level];
        }
        let colour = if level == Mrs::INDEPENDENT.index() { INK } else { OPEN };
        line(area, &[(across(sums[0]), top), (across(sums[1]), top + STEP - HEIGHT)], colour)?;
    }
    Ok(())
}
