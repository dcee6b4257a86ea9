//! Smooth curves through points that never go beyond them between two points.
//!
//! Monotone cubic interpolation: Fritsch & Butland 1984, SIAM J Sci Stat Comput 5:300, equation 1. A spline
//! would show a power above 1 next to points at 1.

use super::drawing::{Pixel, short};

/// Returns the commands of an SVG path through the points, which are in order of x, from left or right.
pub(super) fn smooth(points: &[Pixel]) -> String {
    let Some(first) = points.first() else { return String::new() };
    format!("M{},{}{}", short(first.x), short(first.y), smooth_on(points))
}

/// Returns the commands of a band between two smooth curves from left to right.
pub(super) fn smooth_band(upper: &[Pixel], lower: &[Pixel]) -> String {
    let back: Vec<Pixel> = lower.iter().rev().copied().collect();
    let Some(corner) = back.first() else { return String::new() };
    let there = smooth(upper);
    format!("{there}L{},{}{}Z", short(corner.x), short(corner.y), smooth_on(&back))
}

/// Returns the commands that lead on from the first point to the others.
fn smooth_on(points: &[Pixel]) -> String {
    let slopes: Vec<f64> = points.windows(2).map(|ends| slope(ends[0], ends[1])).collect();
    let mut commands = String::new();
    for (i, ends) in points.windows(2).enumerate() {
        let [from, to] = [ends[0], ends[1]];
        // A cubic with given slopes at its ends is the Bézier curve with controls at the thirds.
        let third = (to.x - from.x) / 3.0;
        // The ends leave along their segment: without a neighbour any steeper slope would be invented.
        let leaves = if i == 0 { slopes[0] } else { between(points, &slopes, i) };
        let arrives =
            if i + 2 == points.len() { slopes[i] } else { between(points, &slopes, i + 1) };
        commands.push_str(&format!(
            "C{},{} {},{} {},{}",
            short(from.x + third),
            short(from.y + leaves * third),
            short(to.x - third),
            short(to.y - arrives * third),
            short(to.x),
            short(to.y)
        ));
    }
    commands
}

fn slope(from: Pixel, to: Pixel) -> f64 {
    // Two points at one x have no slope.
    if to.x == from.x { 0.0 } else { (to.y - from.y) / (to.x - from.x) }
}

/// Returns the slope at an inner point: a weighted harmonic mean, 0 where the curve turns.
fn between(points: &[Pixel], slopes: &[f64], i: usize) -> f64 {
    let [before, after] = [slopes[i - 1], slopes[i]];
    if before * after <= 0.0 {
        return 0.0;
    }
    let [left, right] = [points[i].x - points[i - 1].x, points[i + 1].x - points[i].x];
    // Points of a key may be unequally spaced. Both distances change sign together in the way back along a
    // band, and the weight stays.
    let weight = (left + 2.0 * right) / (3.0 * (left + right));
    before * after / (weight * after + (1.0 - weight) * before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::drawing::pixel;

    /// Height of a Bézier curve at a share of its way.
    fn height(controls: [f64; 4], t: f64) -> f64 {
        let [a, b, c, d] = controls;
        let u = 1.0 - t;
        u * u * u * a + 3.0 * u * u * t * b + 3.0 * u * t * t * c + t * t * t * d
    }

    #[test]
    fn curve_stays_between_the_points() {
        let heights = [100.0, 99.5, 60.0, 10.0, 1.0, 1.0, 4.0];
        let points: Vec<Pixel> =
            heights.iter().enumerate().map(|(i, &y)| pixel(20.0 * (i * i) as f64, y)).collect();
        let commands = smooth(&points);
        let numbers: Vec<f64> = commands
            .split(['M', 'C', ' '])
            .filter_map(|pair| pair.split_once(',')?.1.parse().ok())
            .collect();
        assert_eq!(numbers.len(), 1 + 3 * (heights.len() - 1));
        for (i, ends) in heights.windows(2).enumerate() {
            let at = 3 * i;
            let controls = [numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]];
            assert_eq!([controls[0], controls[3]], [ends[0], ends[1]]);
            let [low, high] = [ends[0].min(ends[1]), ends[0].max(ends[1])];
            for step in 0..=20 {
                let y = height(controls, f64::from(step) / 20.0);
                assert!((low - 0.02..=high + 0.02).contains(&y), "{y} of {ends:?}");
            }
        }
    }

    #[test]
    fn band_returns_to_its_start() {
        let upper = [pixel(0.0, 0.0), pixel(10.0, 5.0)];
        let lower = [pixel(0.0, 4.0), pixel(10.0, 9.0)];
        let band = smooth_band(&upper, &lower);
        assert_eq!(band, "M0,0C3.33,1.67 6.67,3.33 10,5L10,9C6.67,7.33 3.33,5.67 0,4Z");
        assert_eq!(smooth(&[]), "");
    }
}
