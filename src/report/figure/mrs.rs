//! The mRS of both arms as stacked bars ("Grotta bars"), the usual picture in stroke trials.

use plotters::style::RGBColor;

use super::{Area, DARK, Drawn, INK, Lettering, OPEN, WIDTH, fill, line, svg, write};
use crate::outcome::{LEVELS, Mrs};

/// Colours of the levels: from independent (blue) through grey to dependent (orange) and dead.
const SHADES: [RGBColor; LEVELS] = [
    RGBColor(8, 69, 148),
    RGBColor(33, 113, 181),
    RGBColor(107, 174, 214),
    RGBColor(217, 217, 217),
    RGBColor(253, 190, 133),
    RGBColor(217, 95, 14),
    RGBColor(74, 74, 74),
];
/// Colours of words on the levels.
const WORDS: [RGBColor; LEVELS] = {
    let light = RGBColor(254, 254, 254);
    [light, light, DARK, DARK, DARK, light, light]
};

const LEFT: i32 = 16;
const RIGHT: i32 = WIDTH as i32 - 16;
/// Height of a bar.
const HEIGHT: i32 = 52;
/// Distance from the top of one bar to the top of the next.
const STEP: i32 = 100;
const TOP: i32 = 78;
/// Share below which a part is too narrow for its number.
const NARROW: f64 = 0.035;

/// The mRS of an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmMrs {
    /// Name of the arm.
    pub name: String,
    /// Shares of mRS 0 to 6.
    pub shares: [f64; LEVELS],
}

/// Draws the bars of two arms, the first on top; lines join their cuts.
pub fn mrs(arms: &[ArmMrs; 2]) -> String {
    let bottom = TOP + STEP + HEIGHT;
    let [upper, lower] = arms;
    svg((WIDTH, (bottom + 34) as u32), |area| {
        scale(area)?;
        // The names lie outside the bars, as lines run between them.
        name(area, upper, TOP - 15)?;
        bar(area, &upper.shares, TOP)?;
        joints(area, [&upper.shares, &lower.shares], TOP + HEIGHT)?;
        bar(area, &lower.shares, TOP + STEP)?;
        name(area, lower, bottom + 16)
    })
}

/// Writes the name of an arm and its functional independence, at this height.
fn name(area: &Area<'_>, arm: &ArmMrs, y: i32) -> Drawn {
    write(area, &arm.name, (LEFT, y), Lettering::left(18))?;
    let independent: f64 = arm.shares[..=Mrs::INDEPENDENT.index()].iter().sum();
    let text = format!("mRS 0–2: {:.1} %", 100.0 * independent);
    write(area, &text, (RIGHT, y), Lettering::right(18))
}

/// Returns the pixel of a cumulative share of the arm.
fn across(share: f64) -> i32 {
    LEFT + (share * f64::from(RIGHT - LEFT)).round() as i32
}

/// Draws the legend of the levels.
fn scale(area: &Area<'_>) -> Drawn {
    write(area, "mRS", (LEFT, 22), Lettering::left(17))?;
    for (level, (&shade, &words)) in SHADES.iter().zip(&WORDS).enumerate() {
        let left = LEFT + 44 + 46 * level as i32;
        fill(area, [(left, 10), (left + 40, 34)], shade)?;
        let lettering = Lettering { colour: words, ..Lettering::centred(17) };
        write(area, &level.to_string(), (left + 20, 22), lettering)?;
    }
    let text = "0 no symptoms … 6 dead";
    write(area, text, (LEFT + 44 + 46 * LEVELS as i32 + 8, 22), Lettering::left(16))
}

fn bar(area: &Area<'_>, shares: &[f64; LEVELS], top: i32) -> Drawn {
    let mut before = 0.0;
    for (level, &share) in shares.iter().enumerate() {
        let (left, right) = (across(before), across(before + share));
        fill(area, [(left, top), (right, top + HEIGHT)], SHADES[level])?;
        if share >= NARROW {
            // The sign needs more room than the number.
            let sign = if share < 0.06 { "" } else { " %" };
            let text = format!("{:.0}{sign}", 100.0 * share);
            let middle = ((left + right) / 2, top + HEIGHT / 2);
            let lettering = Lettering { colour: WORDS[level], ..Lettering::centred(18) };
            write(area, &text, middle, lettering)?;
        }
        before += share;
    }
    Ok(())
}

/// Draws the lines between the cuts of two bars.
fn joints(area: &Area<'_>, bars: [&[f64; LEVELS]; 2], top: i32) -> Drawn {
    // Cumulative shares, as a cut is the sum of the levels below it.
    let mut sums = [0.0, 0.0];
    for level in 0..LEVELS - 1 {
        for (sum, shares) in sums.iter_mut().zip(bars) {
            *sum += shares[level];
        }
        // The cut of functional independence is the one that readers look for.
        let colour = if level == Mrs::INDEPENDENT.index() { INK } else { OPEN };
        line(area, &[(across(sums[0]), top), (across(sums[1]), top + STEP - HEIGHT)], colour)?;
    }
    Ok(())
}
