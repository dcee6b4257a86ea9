//! What has become of the trials by each look, stacked.

use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::{Area, DARK, Drawn, EFFICACY, FUTILITY, GRID, HARM, INK, OPEN, SAFETY, WIDTH};
use super::{fill, legend, line, svg, write};

/// Shares of all trials that have ended by a look, for each reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookShares {
    /// For efficacy.
    pub efficacy: f64,
    /// For futility.
    pub futility: f64,
    /// For harm.
    pub harm: f64,
    /// For adverse events.
    pub safety: f64,
}

const TOP: i32 = 66;
const HEIGHT: i32 = 230;
const LIGHT: RGBColor = RGBColor(254, 254, 254);

/// A panel for each truth, in it a bar for each look; what is left of a bar goes on, or at the final
/// look shows nothing.
pub fn looks(panels: &[(String, Vec<LookShares>)]) -> String {
    svg((WIDTH, (TOP + HEIGHT + 34) as u32), |area| {
        let any = |of: fn(&LookShares) -> f64| {
            panels.iter().flat_map(|(_, looks)| looks).any(|look| of(look) > 0.0)
        };
        let mut names = vec![("efficacy", EFFICACY), ("goes on, or nothing shown", OPEN)];
        names.extend(any(|look| look.futility).then_some(("futility", FUTILITY)));
        names.extend(any(|look| look.harm).then_some(("harm", HARM)));
        names.extend(any(|look| look.safety).then_some(("safety", SAFETY)));
        legend(area, &names, (44, 20))?;
        let width = (WIDTH as i32 - 60) / panels.len().max(1) as i32;
        for (i, (name, looks)) in panels.iter().enumerate() {
            panel(area, (name, looks), (48 + width * i as i32, width - 18))?;
        }
        shares(area)
    })
}

fn shares(area: &Area<'_>) -> Drawn {
    for percent in [0, 25, 50, 75, 100] {
        let y = down(f64::from(percent) / 100.0);
        write(area, &percent.to_string(), (40, y), (16, HPos::Right, INK))?;
    }
    write(area, "%", (40, TOP - 20), (16, HPos::Right, INK))
}

/// Where a share of everyone is.
fn down(share: f64) -> i32 {
    TOP + HEIGHT - (share * f64::from(HEIGHT)).round() as i32
}

fn panel(
    area: &Area<'_>,
    (name, looks): (&str, &[LookShares]),
    (left, width): (i32, i32),
) -> Drawn {
    write(area, name, (left + width / 2, TOP - 18), (18, HPos::Center, INK))?;
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        line(area, &[(left, down(share)), (left + width, down(share))], GRID)?;
    }
    let step = width / looks.len().max(1) as i32;
    for (k, look) in looks.iter().enumerate() {
        let left = left + step * k as i32 + step / 8;
        bar(area, look, (left, left + step * 3 / 4))?;
        let middle = left + step * 3 / 8;
        let label = format!("look {}", k + 1);
        let label = if step < 58 { (k + 1).to_string() } else { label };
        // More than a few numbers would run into one another.
        if (looks.len() - 1 - k).is_multiple_of(looks.len().div_ceil(10)) {
            write(area, &label, (middle, TOP + HEIGHT + 16), (17, HPos::Center, INK))?;
        }
    }
    Ok(())
}

fn bar(area: &Area<'_>, look: &LookShares, (left, right): (i32, i32)) -> Drawn {
    let LookShares { efficacy, futility, harm, safety } = *look;
    let open = (1.0 - efficacy - futility - harm - safety).max(0.0);
    let parts = [
        (efficacy, EFFICACY, LIGHT),
        (open, OPEN, DARK),
        (futility, FUTILITY, DARK),
        (harm, HARM, DARK),
        (safety, SAFETY, DARK),
    ];
    let mut below = 0.0;
    for (share, colour, words) in parts {
        let (bottom, top) = (down(below), down(below + share));
        fill(area, [(left, top), (right, bottom)], colour)?;
        if share >= 0.07 {
            let text = format!("{:.0}", 100.0 * share);
            let middle = ((left + right) / 2, (top + bottom) / 2);
            write(area, &text, middle, (17, HPos::Center, words))?;
        }
        below += share;
    }
    Ok(())
}
