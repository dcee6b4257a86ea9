//! Stopped trials by look and reason, as stacked bars.

use plotters::style::RGBColor;

use super::{
    Area, DARK, Drawn, EFFICACY, FUTILITY, GRID, HARM, Lettering, OPEN, SAFETY, WIDTH, fill,
    legend, line, svg, write,
};

/// Shares of all trials that have stopped by a look, for each reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookShares {
    /// Stopped for efficacy.
    pub efficacy: f64,
    /// Stopped for futility.
    pub futility: f64,
    /// Stopped for harm.
    pub harm: f64,
    /// Stopped for adverse events.
    pub safety: f64,
}

const TOP: i32 = 66;
const HEIGHT: i32 = 230;
const LIGHT: RGBColor = RGBColor(254, 254, 254);

/// Draws a panel for each truth with a bar for each look. The rest of a bar is the trials that
/// continue or, at the final look, are not significant.
pub fn looks(panels: &[(String, Vec<LookShares>)]) -> String {
    svg((WIDTH, (TOP + HEIGHT + 34) as u32), |area| {
        let mut names = vec![("efficacy", EFFICACY), ("goes on, or nothing shown", OPEN)];
        // Reasons for which no trial stops are left out.
        let all = || panels.iter().flat_map(|(_, looks)| looks);
        if all().any(|look| look.futility > 0.0) {
            names.push(("futility", FUTILITY));
        }
        if all().any(|look| look.harm > 0.0) {
            names.push(("harm", HARM));
        }
        if all().any(|look| look.safety > 0.0) {
            names.push(("safety", SAFETY));
        }
        legend(area, &names, (44, 20))?;
        let width = (WIDTH as i32 - 60) / panels.len().max(1) as i32;
        for (i, (name, looks)) in panels.iter().enumerate() {
            panel(area, name, looks, 48 + width * i as i32, width - 18)?;
        }
        for percent in [0, 25, 50, 75, 100] {
            let y = height(f64::from(percent) / 100.0);
            write(area, &percent.to_string(), (40, y), Lettering::right(16))?;
        }
        write(area, "%", (40, TOP - 20), Lettering::right(16))
    })
}

/// Returns the pixel of a share of all trials.
fn height(share: f64) -> i32 {
    TOP + HEIGHT - (share * f64::from(HEIGHT)).round() as i32
}

fn panel(area: &Area<'_>, name: &str, looks: &[LookShares], left: i32, width: i32) -> Drawn {
    write(area, name, (left + width / 2, TOP - 18), Lettering::centred(18))?;
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        line(area, &[(left, height(share)), (left + width, height(share))], GRID)?;
    }
    let step = width / looks.len().max(1) as i32;
    for (k, look) in looks.iter().enumerate() {
        let left = left + step * k as i32 + step / 8;
        bar(area, look, left, left + step * 3 / 4)?;
        let middle = left + step * 3 / 8;
        let label = if step < 58 { (k + 1).to_string() } else { format!("look {}", k + 1) };
        // More than ten numbers would run into one another; the last look always has its own.
        if (looks.len() - 1 - k).is_multiple_of(looks.len().div_ceil(10)) {
            write(area, &label, (middle, TOP + HEIGHT + 16), Lettering::centred(17))?;
        }
    }
    Ok(())
}

fn bar(area: &Area<'_>, look: &LookShares, left: i32, right: i32) -> Drawn {
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
        let (bottom, top) = (height(below), height(below + share));
        fill(area, [(left, top), (right, bottom)], colour)?;
        // Lower parts have no room for a number.
        if share >= 0.07 {
            let text = format!("{:.0}", 100.0 * share);
            let lettering = Lettering { colour: words, ..Lettering::centred(17) };
            write(area, &text, ((left + right) / 2, (top + bottom) / 2), lettering)?;
        }
        below += share;
    }
    Ok(())
}
