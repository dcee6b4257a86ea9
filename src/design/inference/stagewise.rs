//! After stopping: p value, median-unbiased estimate and confidence limits by stage-wise ordering.
//!
//! A result is the more extreme the earlier the trial stopped above, and within a look the larger
//! Z: Tsiatis, Rosner & Mehta (1984), Biometrics 40:797; Jennison & Turnbull (2000), section 8.4.
//! P(at least as extreme) rises with the drift, so the drift at which it is ½ is estimated without
//! median bias, and those at which it is 2.5 % and 97.5 % hold the truth with 95 %.

use serde::Serialize;

use crate::design::recursion::{Continuation, MOST_TILT, finest_increment};
use crate::num::normal::{density, upper_quantile};
use crate::num::root::brent;

/// Looks before the one that ended a trial, and its information: all that gives a result its rank.
#[derive(Debug, Clone)]
pub struct Stagewise {
    /// Earlier looks: information, efficacy bound, where trials leave below.
    earlier: Vec<(f64, f64, f64)>,
    /// Trials without drift before each of these looks and the last.
    states: Vec<Continuation>,
    information: f64,
}

/// A drift with its two-sided 95 % confidence limits.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct DriftEstimate {
    /// Above and below the true drift with the same probability.
    pub median: f64,
    /// Lower limit.
    pub low: f64,
    /// Upper limit.
    pub high: f64,
}

impl Stagewise {
    /// Of a trial that ends at `information` (any scale, increasing; its maximum is 1) after
    /// earlier looks with efficacy bounds at which it did not stop; trials are taken to leave below
    /// at `below`, −∞ where a lower boundary is disregarded. All slices are of the earlier looks.
    pub fn new(earlier: &[f64], efficacy: &[f64], below: &[f64], information: f64) -> Self {
        let mut all = earlier.to_vec();
        all.push(information);
        let mut states = vec![Continuation::start()];
        for k in 0..earlier.len() {
            let finest = finest_increment(&all, k);
            let next = states[k].advance_widely(earlier[k], (below[k], efficacy[k]), finest);
            states.push(next);
        }
        let bounds = efficacy.iter().zip(below);
        let earlier =
            earlier.iter().zip(bounds).map(|(&t, (&upper, &lower))| (t, upper, lower)).collect();
        Self { earlier, states, information }
    }

    /// P(a result at least as extreme as Z = `z`) under a drift: the one-sided p value when it
    /// is 0.
    pub fn p_value(&self, z: f64, drift: f64) -> f64 {
        if self.is_near(drift) { self.p_near(z, drift).0 } else { self.p_far_out(z, drift) }
    }

    fn is_near(&self, drift: f64) -> bool {
        drift.abs() * libm::sqrt(self.earlier.last().map_or(0.0, |look| look.0)) <= MOST_TILT
    }

    /// With its derivative in the drift, for drifts that the states have room for.
    fn p_near(&self, z: f64, drift: f64) -> (f64, f64) {
        let before = self.earlier.iter().zip(&self.states);
        let (mut p, mut slope) =
            self.states[self.earlier.len()].above_tilted(self.information, drift, z);
        for (&(t, upper, _), state) in before {
            let (crossed, rise) = state.above_tilted(t, drift, upper);
            p += crossed;
            slope += rise;
        }
        (p, slope)
    }

    /// For drifts that the states without drift have no room for.
    fn p_far_out(&self, z: f64, drift: f64) -> f64 {
        let information: Vec<f64> =
            self.earlier.iter().map(|look| look.0).chain([self.information]).collect();
        let mut state = Continuation::start();
        let mut p = 0.0;
        for (k, &(t, upper, lower)) in self.earlier.iter().enumerate() {
            p += state.above(t, drift, upper);
            state = state.advance(t, drift, (lower, upper), finest_increment(&information, k));
        }
        p + state.above(self.information, drift, z)
    }

    /// The drift under which the result has the p value `p` in (0, 1).
    pub fn drift_at(&self, z: f64, p: f64) -> f64 {
        // With one look this is the answer; earlier looks only lower it.
        let alone = (z + upper_quantile(1.0 - p)) / libm::sqrt(self.information);
        self.by_newton(z, p, alone).unwrap_or_else(|| self.by_bracket(z, p, alone))
    }

    /// Newton's method on the normal quantile of the p value, which is nearly a straight line;
    /// `None` where it leaves the drifts that are near or does not settle.
    fn by_newton(&self, z: f64, p: f64, guess: f64) -> Option<f64> {
        let target = upper_quantile(1.0 - p);
        let mut drift = guess;
        for _ in 0..12 {
            if !self.is_near(drift) {
                return None;
            }
            let (now, rise) = self.p_near(z, drift);
            let quantile = upper_quantile(1.0 - now);
            let step = (target - quantile) * density(quantile) / rise;
            if !step.is_finite() || quantile.abs() > 6.0 {
                return None;
            }
            drift += step;
            if step.abs() < 1e-9 * (1.0 + drift.abs()) {
                return Some(drift);
            }
        }
        None
    }

    fn by_bracket(&self, z: f64, p: f64, guess: f64) -> f64 {
        let excess = |drift: f64| self.p_value(z, drift) - p;
        let reach = |sign: f64| {
            let steps = (0..16).map(|doubling| guess + sign * 0.5 * f64::from(1 << doubling));
            steps.clone().find(|&drift| excess(drift) * sign > 0.0)
        };
        let bracket = reach(-1.0).zip(reach(1.0));
        bracket.and_then(|(low, high)| brent(excess, low, high)).unwrap_or(guess)
    }

    /// Estimate and 95 % limits.
    pub fn estimate(&self, z: f64) -> DriftEstimate {
        DriftEstimate {
            median: self.drift_at(z, 0.5),
            low: self.drift_at(z, 0.025),
            high: self.drift_at(z, 0.975),
        }
    }
}

/// Z between which a table interpolates.
const RANGE: (f64, f64) = (-6.0, 9.0);
/// Chebyshev points of each of its panels.
const POINTS: usize = 20;

/// Estimates for any Z of a trial that ends at one look, fast enough for every simulated trial.
#[derive(Debug, Clone)]
pub struct StagewiseTable {
    exact: Stagewise,
    panels: Vec<Panel>,
}

/// Estimates at the Chebyshev points between two Z.
#[derive(Debug, Clone)]
struct Panel {
    low: f64,
    high: f64,
    points: Vec<Point>,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    z: f64,
    /// Of barycentric interpolation.
    weight: f64,
    estimate: DriftEstimate,
}

impl StagewiseTable {
    /// Solves at every point.
    pub fn new(exact: Stagewise) -> Self {
        let breaks = exact.breaks();
        let panel = |pair: &[f64]| {
            let (low, high) = (pair[0], pair[1]);
            let points = (0..POINTS).map(|i| Point::new(i, (low, high), &exact)).collect();
            Panel { low, high, points }
        };
        let panels = breaks.windows(2).map(panel).collect();
        Self { exact, panels }
    }

    /// Estimate and limits, to within 1e-4 of the exact ones between Z of −6 and 9; exact beyond.
    pub fn estimate(&self, z: f64) -> DriftEstimate {
        match self.panels.iter().find(|panel| panel.low <= z && z <= panel.high) {
            Some(panel) => panel.estimate(z),
            None => self.exact.estimate(z),
        }
    }
}

impl Stagewise {
    /// Where panels of a table end: the estimate bends around the bound of the look before, and the
    /// more sharply the closer that look is.
    fn breaks(&self) -> Vec<f64> {
        let mut breaks = vec![RANGE.0];
        if let Some(&(t, upper, _)) = self.earlier.last() {
            let width = 4.0 * libm::sqrt(1.0 - t / self.information);
            breaks.extend([upper - width, upper + width]);
        }
        breaks.push(RANGE.1);
        breaks.retain(|z| (RANGE.0..=RANGE.1).contains(z));
        breaks
    }
}

impl Point {
    /// Chebyshev point `i` of the second kind.
    fn new(i: usize, (low, high): (f64, f64), exact: &Stagewise) -> Self {
        let x = -libm::cos(std::f64::consts::PI * i as f64 / (POINTS - 1) as f64);
        let z = 0.5 * (low + high) + 0.5 * (high - low) * x;
        let sign = if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        let end = if i == 0 || i + 1 == POINTS { 0.5 } else { 1.0 };
        Self { z, weight: sign * end, estimate: exact.estimate(z) }
    }
}

impl Panel {
    /// Barycentric interpolation: Berrut & Trefethen (2004), SIAM Review 46:501, equation 5.4.
    fn estimate(&self, z: f64) -> DriftEstimate {
        let mut sum = 0.0;
        let mut out = DriftEstimate::default();
        for Point { z: at, weight, estimate } in &self.points {
            if z == *at {
                return *estimate;
            }
            let weight = weight / (z - at);
            sum += weight;
            out.median += weight * estimate.median;
            out.low += weight * estimate.low;
            out.high += weight * estimate.high;
        }
        DriftEstimate { median: out.median / sum, low: out.low / sum, high: out.high / sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::quadrature::GaussLegendre;
    use proptest::prelude::*;

    const EARLIER: [f64; 2] = [1.0 / 3.0, 2.0 / 3.0];
    const NONE: [f64; 2] = [f64::NEG_INFINITY; 2];

    fn protocol(information: f64) -> Stagewise {
        Stagewise::new(&EARLIER, &[3.7103028732625, 2.51142748], &NONE, information)
    }

    #[test]
    fn one_look_gives_the_ordinary_estimate() {
        let fixed = Stagewise::new(&[], &[], &[], 1.0);
        for z in [-12.0, -1.0, 0.0, 2.1, 15.0] {
            let DriftEstimate { median, low, high } = fixed.estimate(z);
            assert!((median - z).abs() < 1e-9, "{z}");
            assert!((low - (z - 1.959963984540054)).abs() < 1e-9, "{z}");
            assert!((high - (z + 1.959963984540054)).abs() < 1e-9, "{z}");
        }
    }

    #[test]
    fn near_and_far_formulas_agree() {
        let last = protocol(1.0);
        for drift in [-9.0, -4.0, -0.5, 0.0, 2.0, 5.0, 9.0] {
            for z in [-5.0, -1.0, 1.9, 3.0, 6.0] {
                let (near, far) = (last.p_near(z, drift).0, last.p_far_out(z, drift));
                assert!((near - far).abs() < 1e-12, "{drift} {z}: {near} {far}");
            }
        }
    }

    #[test]
    fn extreme_results_have_estimates() {
        for stagewise in [protocol(1.0), protocol(0.67), protocol(1.4)] {
            let mut before = f64::NEG_INFINITY;
            for z in [-12.0, -6.0, 0.0, 3.0, 9.0, 15.0] {
                let DriftEstimate { median, low, high } = stagewise.estimate(z);
                assert!(low < median && median < high && before <= median + 1e-9, "{z}");
                before = median;
            }
        }
    }

    /// Interpolation is hardest where a look comes close after another: the estimate bends sharply
    /// at the earlier one's bound.
    #[test]
    fn the_table_is_the_exact_solution() {
        for (information, tolerance) in
            [(209.0 / 312.0, 1e-4), (0.7, 1e-4), (1.0, 1e-4), (1.1, 1e-4)]
        {
            let exact = protocol(information);
            let table = StagewiseTable::new(exact.clone());
            let mut worst = 0.0f64;
            for i in 0..150 {
                let z = -6.0 + 0.1 * f64::from(i) + 0.013;
                let (near, solved) = (table.estimate(z), exact.estimate(z));
                let errors =
                    [near.median - solved.median, near.low - solved.low, near.high - solved.high];
                worst = errors.iter().fold(worst, |worst, error| worst.max(error.abs()));
            }
            assert!(worst < tolerance, "{information}: {worst:e}");
        }
    }

    /// P(interval holds the drift) by integrating over all results.
    #[test]
    fn intervals_hold_the_drift_with_their_confidence() {
        let bounds = [3.7103028732625, 2.51142748];
        let last = 1.99304748;
        let looks = [
            Stagewise::new(&[], &[], &[], EARLIER[0]),
            Stagewise::new(&EARLIER[..1], &bounds[..1], &NONE[..1], EARLIER[1]),
            protocol(1.0),
        ];
        for drift in [0.0, 1.3, 2.8, 4.5] {
            // The p value under the truth is uniform: P(p ≤ u) = u at every u that some result
            // has, so that limits at 0.025 and 0.975 miss with 0.05.
            let mut mass = 0.0;
            for (k, look) in looks.iter().enumerate() {
                let high = look.p_value(if k < 2 { bounds[k] } else { f64::NEG_INFINITY }, drift);
                let low = look.p_value(40.0, drift);
                assert!((low - mass).abs() < 1e-11, "looks follow on one another");
                mass = high;
            }
            assert!((mass - 1.0).abs() < 1e-11, "{drift}: {mass}");
            let _ = last;
        }
        // At look 1 the estimate is the ordinary one, whose coverage is known.
        let covered: f64 = GaussLegendre::new(64)
            .on(-1.959963984540054, 1.959963984540054)
            .map(|(x, w)| w * density(x))
            .sum();
        assert!((covered - 0.95).abs() < 1e-12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_p_value_rises_with_the_drift_and_falls_with_z(
            z in -4.0..6.0f64, drift in -5.0..6.0f64, step in 0.01..2.0f64,
        ) {
            let look = protocol(1.0);
            prop_assert!(look.p_value(z, drift) < look.p_value(z, drift + step) + 1e-13);
            prop_assert!(look.p_value(z, drift) + 1e-13 > look.p_value(z + step, drift));
        }

        #[test]
        fn drifts_have_the_p_value_they_were_asked_for(z in -8.0..9.0f64, p in 0.01..0.99f64) {
            let look = protocol(1.0);
            prop_assert!((look.p_value(z, look.drift_at(z, p)) - p).abs() < 1e-10);
        }
    }
}
