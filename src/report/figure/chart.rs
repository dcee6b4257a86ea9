//! Charts: axes with their ticks, and the mapping of values to places.

use super::colour::{GRID, INK, SOFT};
use super::drawing::{
    Drawing, Lettering, Pixel, PixelBox, SMALL, Stroke, WORDS, pixel, text_width,
};
use crate::report::numeral::{grouped, trimmed};

/// A tick of an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub at: f64,
    /// Number or name; empty at a minor tick.
    pub label: String,
}

/// One axis of a chart.
#[derive(Debug, Clone)]
pub(super) struct ChartAxis {
    /// Name and unit.
    pub name: String,
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<Tick>,
}

/// Largest number of labelled ticks.
const MOST_TICKS: usize = 7;

impl ChartAxis {
    /// Builds an axis with ticks at round numbers.
    pub fn linear(name: impl Into<String>, low: f64, high: f64) -> Self {
        let step = round_step((high - low) / MOST_TICKS as f64);
        // The step decides the decimals, not each value: 0.5, 1.0, 1.5 rather than 0.5, 1, 1.5.
        let decimals = decimals_of(step);
        let ticks = multiples(low, high, step)
            .into_iter()
            .map(|at| Tick { at, label: tick_label(at, decimals) })
            .collect();
        Self { name: name.into(), low, high, ticks }
    }

    /// Builds an axis of shares, labelled in per cent.
    pub fn percent(name: impl Into<String>, low: f64, high: f64) -> Self {
        // Ticks are chosen in per cent: 0.05 needs two decimals as a share, but 5 % needs none.
        let mut axis = Self::linear(name, 100.0 * low, 100.0 * high);
        (axis.low, axis.high) = (low, high);
        for tick in &mut axis.ticks {
            tick.at /= 100.0;
            tick.label.push_str(" %");
        }
        axis
    }

    /// Builds an axis of powers of ten, given by the exponents of its ends. Labelled at 1, 2 and 5 times each
    /// power, and only at the powers if they are many.
    pub fn logarithmic(name: impl Into<String>, low: f64, high: f64) -> Self {
        let mut ticks = Vec::new();
        // Three powers have ten labels at 1, 2 and 5; more would run into one another.
        let is_long = high - low > 3.0;
        for power in low.floor() as i32..=high.ceil() as i32 {
            for digit in 1..10_u32 {
                let at = f64::from(power) + libm::log10(f64::from(digit));
                // An end that is a tick itself may miss its logarithm by a rounding error.
                if at < low - 1e-9 || at > high + 1e-9 {
                    continue;
                }
                let is_named = if is_long { digit == 1 } else { [1, 2, 5].contains(&digit) };
                let label = if is_named { power_label(digit, power) } else { String::new() };
                ticks.push(Tick { at, label });
            }
        }
        Self { name: name.into(), low, high, ticks }
    }

    /// Replaces the ticks.
    pub fn with_ticks(self, ticks: Vec<Tick>) -> Self {
        Self { ticks, ..self }
    }

    /// Returns the share of the axis below a value.
    fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// Returns the smallest step of 1, 2 or 5 times a power of ten that is no smaller than this one.
fn round_step(least: f64) -> f64 {
    // An empty range has no step.
    let least = if least > 0.0 && least.is_finite() { least } else { 1.0 };
    let power = libm::pow(10.0, libm::log10(least).floor());
    // Room for the rounding of `pow` and `log10`, by which a step of 0.2 would otherwise become 0.5.
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= least * (1.0 - 1e-9));
    digit.unwrap_or(10.0) * power
}

/// Returns the decimals that a step needs.
fn decimals_of(step: f64) -> usize {
    (-(libm::log10(step) + 1e-9).floor()).clamp(0.0, 9.0) as usize
}

/// Returns the multiples of a step between two values.
fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    // An infinite range falls back to a step of 1 and would have ticks without end.
    let count = (last - first).clamp(-1.0, 100.0) + 1.0;
    // Multiplied rather than added up: a sum of rounded steps drifts, and misses 0.
    (0..count as u32).map(|i| (first + f64::from(i)) * step).collect()
}

/// Writes a number at a tick, with spaces between thousands.
fn tick_label(at: f64, decimals: usize) -> String {
    // A minus sign is as wide as a plus sign; a hyphen is easily missed next to a digit.
    let text = crate::report::numeral::fixed(at, decimals).replace('-', "−");
    if decimals > 0 || at.abs() < 1000.0 {
        return text;
    }
    let sign = if at < 0.0 { "−" } else { "" };
    format!("{sign}{}", grouped(at.abs().round() as u64))
}

fn power_label(digit: u32, power: i32) -> String {
    let value = f64::from(digit) * libm::pow(10.0, f64::from(power));
    if value >= 1.0 { grouped(value.round() as u64) } else { trimmed(value, 9) }
}

/// A chart that is drawn: axes, and the area for what is shown.
#[derive(Debug)]
pub(super) struct Chart {
    /// The area between the axes.
    pub plot: PixelBox,
    pub x: ChartAxis,
    pub y: ChartAxis,
}

/// Height below a plot for ticks and name of its axis.
const BELOW: f64 = 42.0;
/// Height above a plot for the name of the axis that goes up.
const ABOVE: f64 = 24.0;

impl Chart {
    /// Draws axes and grid within an area; `x` goes across and `y` up.
    pub fn draw(drawing: &mut Drawing, area: PixelBox, x: ChartAxis, y: ChartAxis) -> Self {
        let labels = y.ticks.iter().map(|tick| text_width(&tick.label, SMALL));
        // Even without labels some room is kept: the first number across is centred below the corner.
        let left = area.left + labels.fold(12.0, f64::max) + 10.0;
        let top = area.top + if y.name.is_empty() { 6.0 } else { ABOVE };
        let below = if x.name.is_empty() { BELOW - 18.0 } else { BELOW };
        let plot = PixelBox::new(left, top, area.right, area.bottom - below);
        let chart = Self { plot, x, y };
        // The name lies level above its axis, where it takes no width.
        drawing.text(pixel(area.left, area.top + 9.0), &chart.y.name, Lettering::left(WORDS));
        chart.draw_up(drawing);
        chart.draw_across(drawing);
        chart
    }

    /// Draws the grid and the numbers of the axis that goes up.
    fn draw_up(&self, drawing: &mut Drawing) {
        let PixelBox { left, right, .. } = self.plot;
        let mut free_from = f64::INFINITY;
        for tick in &self.y.ticks {
            let y = self.up(tick.at);
            // In a low chart, numbers that would touch are left out.
            let is_free = y <= free_from;
            if tick.label.is_empty() || !is_free {
                drawing.line(&[pixel(left - 3.0, y), pixel(left, y)], Stroke::new(SOFT, 0.8));
                continue;
            }
            free_from = y - 1.3 * SMALL;
            drawing.line(&[pixel(left, y), pixel(right, y)], Stroke::new(GRID, 1.0));
            drawing.text(pixel(left - 7.0, y), &tick.label, Lettering::right(SMALL));
        }
    }

    /// Draws the line, the ticks and the name of the axis that goes across.
    fn draw_across(&self, drawing: &mut Drawing) {
        let PixelBox { left, right, bottom, .. } = self.plot;
        drawing.line(&[pixel(left, bottom), pixel(right, bottom)], Stroke::new(INK, 1.0));
        let mut free_from = f64::NEG_INFINITY;
        for tick in &self.x.ticks {
            let x = self.across(tick.at);
            let long = if tick.label.is_empty() { 3.0 } else { 5.0 };
            drawing.line(&[pixel(x, bottom), pixel(x, bottom + long)], Stroke::new(INK, 0.8));
            let at = pixel(x, bottom + 14.0);
            let extent = Lettering::centred(SMALL).extent(at, &tick.label);
            // Numbers that would run into one another are left out.
            if tick.label.is_empty() || extent.left < free_from {
                continue;
            }
            free_from = extent.right + 6.0;
            drawing.text(at, &tick.label, Lettering::centred(SMALL));
        }
        let at = pixel((left + right) / 2.0, bottom + 32.0);
        if !self.x.name.is_empty() {
            drawing.text(at, &self.x.name, Lettering::centred(WORDS));
        }
    }

    /// Returns the pixel of a value across.
    pub fn across(&self, x: f64) -> f64 {
        self.plot.left + self.x.share(x) * self.plot.width()
    }

    /// Returns the pixel of a value up.
    pub fn up(&self, y: f64) -> f64 {
        self.plot.bottom - self.y.share(y) * self.plot.height()
    }

    /// Returns the place of a point.
    pub fn at(&self, x: f64, y: f64) -> Pixel {
        pixel(self.across(x), self.up(y))
    }

    /// Draws a line over the whole width at a value up, with its name at the left end, above it.
    pub fn level(&self, drawing: &mut Drawing, y: f64, name: &str) {
        // A level beyond the axis would be drawn across its labels or the legend.
        if !(self.y.low..=self.y.high).contains(&y) {
            return;
        }
        let (at, PixelBox { left, right, .. }) = (self.up(y), self.plot);
        let stroke = Stroke::new(SOFT, 1.0).dashed(2.0);
        drawing.line(&[pixel(left, at), pixel(right, at)], stroke);
        let lettering = Lettering::left(SMALL).coloured(SOFT).over_lines();
        drawing.text(pixel(left + 4.0, at - 8.0), name, lettering);
    }

    /// Draws a line over the whole height at a value across, with its name at the foot.
    pub fn upright(&self, drawing: &mut Drawing, x: f64, name: &str) {
        if !(self.x.low..=self.x.high).contains(&x) {
            return;
        }
        let (at, PixelBox { right, top, bottom, .. }) = (self.across(x), self.plot);
        drawing.line(&[pixel(at, top), pixel(at, bottom)], Stroke::new(INK, 1.0).dashed(4.0));
        let fits = at + 6.0 + text_width(name, SMALL) <= right;
        let (place, lettering) = if fits {
            (at + 5.0, Lettering::left(SMALL))
        } else {
            (at - 5.0, Lettering::right(SMALL))
        };
        drawing.text(pixel(place, bottom - 10.0), name, lettering.over_lines());
    }
}

/// Returns the smallest and the largest finite value; infinities in reverse order without values.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values
        .filter(|value| value.is_finite())
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
            [low.min(value), high.max(value)]
        })
}

/// Widens a range by a share of it to both sides. A single value gets a unit of room, and no value the unit
/// interval, as an empty range cannot be drawn.
pub(super) fn with_room(range: [f64; 2], share: f64) -> [f64; 2] {
    let [low, high] = range;
    if high > low {
        [low - share * (high - low), high + share * (high - low)]
    } else if low.is_finite() {
        [low - 0.5, high + 0.5]
    } else {
        [0.0, 1.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &ChartAxis) -> Vec<&str> {
        axis.ticks
            .iter()
            .map(|tick| tick.label.as_str())
            .filter(|label| !label.is_empty())
            .collect()
    }

    #[test]
    fn thousands_are_grouped_on_both_sides_of_zero() {
        assert_eq!(tick_label(-12_000.0, 0), "−12 000");
        assert_eq!(tick_label(12_000.0, 0), "12 000");
        assert_eq!(tick_label(-900.0, 0), "−900");
        assert_eq!(tick_label(-1000.5, 1), "−1000.5");
    }

    #[test]
    fn ticks_are_round_and_zero_has_no_sign() {
        let axis = ChartAxis::linear("Z", -0.31, 0.29);
        assert_eq!(labels(&axis), ["−0.3", "−0.2", "−0.1", "0.0", "0.1", "0.2"]);
        assert_eq!(labels(&ChartAxis::linear("n", 0.0, 1200.0)).last(), Some(&"1 200"));
        assert_eq!(
            labels(&ChartAxis::percent("power", 0.0, 1.0)),
            ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
        );
    }

    #[test]
    fn logarithmic_axis_has_minor_ticks() {
        let axis = ChartAxis::logarithmic("n", libm::log10(50.0), libm::log10(2000.0));
        assert_eq!(labels(&axis), ["50", "100", "200", "500", "1 000", "2 000"]);
        assert_eq!(axis.ticks.len(), 5 + 9 + 2);
        let long = ChartAxis::logarithmic("n", 0.0, 6.0);
        assert_eq!(labels(&long).len(), 7);
    }

    #[test]
    fn ranges_without_extent_can_be_drawn() {
        assert_eq!(with_room([2.0, 2.0], 0.1), [1.5, 2.5]);
        assert_eq!(with_room(extent([f64::NAN].into_iter()), 0.1), [0.0, 1.0]);
        assert_eq!(with_room([0.0, 10.0], 0.1), [-1.0, 11.0]);
        assert!(!ChartAxis::linear("x", 1.0, 1.0).ticks.is_empty());
    }
}
