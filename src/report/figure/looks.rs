//! Status of the trials by look, as bars: stopped, for each reason, or continuing.

use super::colour::{CONTINUES, Colour, EFFICACY, FUTILITY, HARM, NOT_SIGNIFICANT, SAFETY, SOFT};
use super::drawing::{
    Drawing, Lettering, PixelBox, SMALL, Stroke, WIDTH, WORDS, pixel, text_width,
};
use super::legend::{LegendEntry, Sample, legend};

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

/// The looks of trials under one truth.
#[derive(Debug, Clone, PartialEq)]
pub struct LookPanel {
    /// The truth.
    pub name: String,
    /// Looks in their order, the final one last.
    pub looks: Vec<LookShares>,
}

/// Left edge of the bars, to the right of the looks and the shares of efficacy.
const LEFT: f64 = 108.0;
/// Right edge of the bars, with room for numbers of narrow parts.
const RIGHT: f64 = WIDTH - 64.0;
/// Height of a bar.
const HEIGHT: f64 = 20.0;

/// Draws a panel for each truth with a bar for each look. The rest of a bar is the trials that continue or,
/// at the final look, are not significant. The share of efficacy has a column of its own, as it is the power
/// or the type I error, however small.
pub fn looks(panels: &[LookPanel]) -> String {
    let mut drawing = Drawing::new();
    let area = PixelBox::new(12.0, 6.0, WIDTH - 8.0, 0.0);
    let mut y = 12.0 + legend(&mut drawing, area, &entries(panels));
    for panel in panels {
        y = draw_panel(&mut drawing, panel, y) + 12.0;
    }
    axis(&mut drawing, y - 8.0);
    drawing.finish(y + 28.0)
}

/// Lists the legend without reasons for which no trial stops.
fn entries(panels: &[LookPanel]) -> Vec<LegendEntry> {
    let has_interims = panels.iter().any(|panel| panel.looks.len() > 1);
    [
        ("efficacy", EFFICACY, true),
        ("continues", CONTINUES, has_interims),
        ("not significant", NOT_SIGNIFICANT, true),
        ("futility", FUTILITY, is_shown(panels, |look| look.futility)),
        ("harm", HARM, is_shown(panels, |look| look.harm)),
        ("safety", SAFETY, is_shown(panels, |look| look.safety)),
    ]
    .into_iter()
    .filter(|(_, _, is_shown)| *is_shown)
    .map(|(name, colour, _)| LegendEntry::new(name, Sample::Patch(colour)))
    .collect()
}

/// Returns whether any look has a part.
fn is_shown(panels: &[LookPanel], part: fn(&LookShares) -> f64) -> bool {
    panels.iter().flat_map(|panel| &panel.looks).any(|look| part(look) > 0.0)
}

/// Draws the bars of a truth from this height. Returns the height at which they end.
fn draw_panel(drawing: &mut Drawing, panel: &LookPanel, top: f64) -> f64 {
    drawing.text(pixel(12.0, top + 10.0), &panel.name, Lettering::left(WORDS).bold());
    let mut y = top + 22.0;
    // Twenty looks still fit a page.
    let (height, step) = if panel.looks.len() > 8 { (11.0, 14.0) } else { (HEIGHT, HEIGHT + 5.0) };
    for (k, look) in panel.looks.iter().enumerate() {
        let is_final = k + 1 == panel.looks.len();
        let middle = y + height / 2.0;
        let name = if is_final { "final".to_owned() } else { format!("look {}", k + 1) };
        drawing.text(pixel(12.0, middle), &name, Lettering::left(SMALL));
        let efficacy = Lettering::right(SMALL).coloured(EFFICACY).bold();
        drawing.text(pixel(LEFT - 6.0, middle), &percent(look.efficacy), efficacy);
        draw_bar(drawing, look, PixelBox::new(LEFT, y, RIGHT, y + height), is_final);
        y += step;
    }
    y
}

/// A part of a bar.
struct LookPart {
    share: f64,
    colour: Colour,
}

fn draw_bar(drawing: &mut Drawing, look: &LookShares, bar: PixelBox, is_final: bool) {
    let LookShares { efficacy, futility, harm, safety } = *look;
    // The sum of rounded shares may exceed 1 by a rounding error, and a negative width is no SVG.
    let open = (1.0 - efficacy - futility - harm - safety).max(0.0);
    let parts = [
        LookPart { share: efficacy, colour: EFFICACY },
        // Next to efficacy, as those trials may still reach it; stops for other reasons grow from the right.
        LookPart { share: open, colour: if is_final { NOT_SIGNIFICANT } else { CONTINUES } },
        LookPart { share: futility, colour: FUTILITY },
        LookPart { share: harm, colour: HARM },
        LookPart { share: safety, colour: SAFETY },
    ];
    let mut left = bar.left;
    // Numbers of parts too narrow for them follow to the right of the bar.
    let mut outside = bar.right + 6.0;
    for (i, LookPart { share, colour }) in parts.into_iter().enumerate() {
        let part = PixelBox { left, right: left + share * bar.width(), ..bar };
        left = part.right;
        if share <= 0.0 {
            continue;
        }
        drawing.block(part, colour);
        let text = percent(share);
        // The share of efficacy stands to the left of the bar.
        if i == 0 {
            continue;
        }
        if text_width(&text, SMALL) + 6.0 <= part.width() {
            let lettering = Lettering::centred(SMALL).coloured(colour.of_words());
            drawing.text(part.middle(), &text, lettering);
        // A smaller share would be written as 0.0 %.
        } else if share >= 0.000_5 {
            let at = pixel(outside, bar.middle().y);
            drawing.text(at, &text, Lettering::left(SMALL).coloured(colour));
            outside += text_width(&text, SMALL) + 4.0;
        }
    }
}

/// Writes a share in per cent: with a decimal below ten.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    // From 9.95 on one decimal would be 10.0 %, next to the 10 % of others.
    if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

fn axis(drawing: &mut Drawing, top: f64) {
    drawing.line(&[pixel(LEFT, top), pixel(RIGHT, top)], Stroke::new(SOFT, 0.8));
    for percent in [0, 25, 50, 75, 100] {
        let x = LEFT + (RIGHT - LEFT) * f64::from(percent) / 100.0;
        drawing.line(&[pixel(x, top), pixel(x, top + 4.0)], Stroke::new(SOFT, 0.8));
        drawing.text(pixel(x, top + 13.0), &percent.to_string(), Lettering::centred(SMALL));
    }
    drawing.text(
        pixel((LEFT + RIGHT) / 2.0, top + 29.0),
        "per cent of all trials",
        Lettering::centred(SMALL),
    );
}
