//! Colours of figures. Those of lines and marks are from Okabe & Ito (2008), Color Universal Design, with
//! their yellow left out, as it is too light for a line.

use std::fmt;

/// An opaque colour. Written as in SVG, `#0072B2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(u32);

impl Colour {
    /// Builds a colour from red, green and blue, as in 0x0072B2.
    pub const fn new(rgb: u32) -> Self {
        Self(rgb)
    }

    fn channels(self) -> [f64; 3] {
        [16, 8, 0].map(|shift| f64::from((self.0 >> shift) & 0xFF))
    }

    /// Mixes in a share of another colour.
    pub fn mixed(self, other: Self, share: f64) -> Self {
        let mut mixed = 0;
        for (own, other) in self.channels().into_iter().zip(other.channels()) {
            mixed = mixed << 8 | (own + share * (other - own)).round() as u32;
        }
        Self(mixed)
    }

    /// Returns whether dark words are easier to read on the colour than light ones.
    pub fn is_light(self) -> bool {
        let [red, green, blue] = self.channels();
        // Weights of the perceived brightness (ITU-R BT.601).
        0.299 * red + 0.587 * green + 0.114 * blue > 150.0
    }

    /// Returns the colour of words on this one.
    pub fn of_words(self) -> Self {
        if self.is_light() { DARK } else { LIGHT }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "#{:06X}", self.0)
    }
}

// Paper, ink, soft ink and grid have colours that nothing else has, so that a page can replace them on a
// dark background.
pub(super) const PAPER: Colour = Colour::new(0xFF_FFFF);
pub(super) const INK: Colour = Colour::new(0x33_3333);
/// Words of less importance, and ticks.
pub(super) const SOFT: Colour = Colour::new(0x5F_5F5F);
pub(super) const GRID: Colour = Colour::new(0xE4_E4E4);
/// Words on a block that stays light on a dark background.
pub(super) const DARK: Colour = Colour::new(0x11_1111);
/// Words on a block that stays dark on a light background.
pub(super) const LIGHT: Colour = Colour::new(0xFE_FEFE);

pub(super) const EFFICACY: Colour = Colour::new(0x00_72B2);
pub(super) const FUTILITY: Colour = Colour::new(0xB0_7400);
pub(super) const HARM: Colour = Colour::new(0xD5_5E00);
pub(super) const SAFETY: Colour = Colour::new(0xB4_5A90);
/// Trials that end without significance.
pub(super) const NOT_SIGNIFICANT: Colour = Colour::new(0x8C_8C8C);
/// Trials that continue.
pub(super) const CONTINUES: Colour = Colour::new(0xD4_D4D4);
pub(super) const GREEN: Colour = Colour::new(0x00_9E73);
const SKY: Colour = Colour::new(0x3A_9AD9);
const OLIVE: Colour = Colour::new(0x8A_8014);

/// Colours of several curves, in their order.
// Blue and vermilion first: most figures have two curves, and these two differ for every kind of colour
// blindness.
pub(super) const SERIES: [Colour; 8] = [EFFICACY, HARM, GREEN, SAFETY, SKY, FUTILITY, INK, OLIVE];

/// Colours from dark to light of equal steps in brightness (viridis, of matplotlib), which keep their order
/// in grey and for colour-blind people.
const SEQUENCE: [Colour; 6] = [
    Colour::new(0x44_0154),
    Colour::new(0x41_4487),
    Colour::new(0x2A_788E),
    Colour::new(0x22_A884),
    Colour::new(0x7A_D151),
    Colour::new(0xFD_E725),
];

/// Returns the colour of a share of an ordered range, from 0 (dark) to 1 (light).
pub(super) fn sequential(share: f64) -> Colour {
    let last = SEQUENCE.len() - 1;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = (place as usize).min(last - 1);
    SEQUENCE[below].mixed(SEQUENCE[below + 1], place - below as f64)
}

/// Returns the colour of one of several lines of an ordered key. The lightest ones are too light for a line.
pub(super) fn sequential_line(number: usize, lines: usize) -> Colour {
    sequential(0.8 * number as f64 / lines.saturating_sub(1).max(1) as f64)
}
