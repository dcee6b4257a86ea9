//! p value, median-unbiased estimate and confidence limits after the trial, in the stage-wise
//! ordering of results.
//!
//! A result ranks higher in favour of the experimental arm the earlier it reached an efficacy
//! bound, and at the same look the larger its Z. Tsiatis, Rosner & Mehta (1984), Biometrics 40:797;
//! Jennison & Turnbull (2000), §8.4 and §8.5.

use super::{Monitored, StagewiseEstimate};
use crate::design::recursion::{Continuation, CrossingProbabilities, Grid, finest_increment};
use crate::num::normal::{upper_quantile, upper_tail};
use crate::num::root::brent;

/// Standard deviations kept beyond the range of drifts.
// The probability left out is 6e-17.
const REACH: f64 = 8.3;
/// Quadrature nodes per standard deviation of the narrowest kernel.
const NODES_PER_KERNEL: f64 = 2.2;
/// Quadrature nodes in addition, whatever the kernel.
const MORE_NODES: f64 = 12.0;
/// Largest shift of the score by a change of drift, in standard deviations, that is computed by
/// tilting.
// Further away, exp(δ·s) leaves the range of a double.
const LARGEST_TILT: f64 = 30.0;

impl Monitored<'_> {
    /// Computes the probability, under a drift, of a result at least as much in favour of the
    /// experimental arm as ending at look `k` with Z = `z`; under drift 0 the one-sided p value.
    /// It grows with the drift and falls with `z`.
    ///
    /// Σ_{j<k} P(efficacy at look j) + P(look k is reached and Z_k ≥ z).
    pub fn stagewise_p_value(&self, k: usize, z: f64, drift: f64) -> f64 {
        let mut upper = self.efficacy[..=k].to_vec();
        upper[k] = z;
        let (information, lower) = (&self.information[..=k], &self.lower[..=k]);
        CrossingProbabilities::new(information, drift, lower, &upper).total_upper()
    }

    /// Estimates the drift after a trial that ended at look `k` with Z = `z`, finite: the
    /// median-unbiased estimate and the confidence limits of `level`, in (0, 1), are the drifts at
    /// which the p value is ½ and (1 ∓ level)/2.
    pub fn stagewise_estimate(&self, k: usize, z: f64, level: f64) -> StagewiseEstimate {
        let outside = 0.5 * (1.0 - level);
        let drifts = self.bracket(k, z, outside);
        let [least, most] = drifts;
        let is_wide = 0.5 * (most - least) * self.information[k].sqrt() > LARGEST_TILT;
        let extreme = (!is_wide).then(|| AtLeastAsExtreme::new(self, k, z, drifts));
        let [median, low, high] = [0.5, outside, 1.0 - outside].map(|p| {
            let root = match &extreme {
                Some(extreme) => brent(|drift| extreme.probability(drift) - p, least, most),
                None => brent(|drift| self.stagewise_p_value(k, z, drift) - p, least, most),
            };
            root.expect("the bracket's ends have p values on either side")
        });
        StagewiseEstimate { median, low, high }
    }

    /// Returns drifts with p values below `outside` and above 1 − `outside`.
    fn bracket(&self, k: usize, z: f64, outside: f64) -> [f64; 2] {
        // With c_j the bound of look j, and z at look k, p ≤ Σ_{j≤k} P(Z_j ≥ c_j), and 1 − p is at
        // most P(Z_j < c_j) for any one j plus the probabilities of all lower bounds; and the same
        // with the roles of upper and lower bounds exchanged.
        let shift = upper_quantile(outside / (k + 1) as f64) + 1e-3;
        let mut low = self.drift_of(k, z - shift);
        let mut high = self.drift_of(k, z + shift);
        for j in 0..k {
            low = low.max(self.drift_of(j, self.lower[j] - shift));
            high = high.min(self.drift_of(j, self.efficacy[j] + shift));
        }
        // A second loop, because these must hold at every look, and the first loop narrows the
        // bracket.
        for j in 0..k {
            low = low.min(self.drift_of(j, self.efficacy[j] - shift));
            high = high.max(self.drift_of(j, self.lower[j] + shift));
        }
        [low, high]
    }

    /// Returns the drift under which the mean of Z at look `k` is `z`.
    fn drift_of(&self, k: usize, z: f64) -> f64 {
        z / self.information[k].sqrt()
    }
}

/// Probability of results at least as extreme as the observed one, as a function of the drift.
///
/// The sub-density of the score s at information I under drift θ is that under a reference drift θ₀
/// times exp(δ·(s − θ₀·I) − δ²·I/2), δ = θ − θ₀. The recursion runs once, for the reference drift.
struct AtLeastAsExtreme {
    reference: f64,
    first_bound: f64,
    /// Square root of the information at the first look.
    first_scale: f64,
    later: Vec<LookMass>,
}

/// Mass beyond the bound at one look.
struct LookMass {
    information: f64,
    /// Score less its mean under the reference drift, and mass.
    masses: Vec<(f64, f64)>,
}

impl AtLeastAsExtreme {
    /// Runs the recursion for a trial that ended at look `k` with Z = `z`, and drifts in this
    /// range.
    fn new(monitored: &Monitored, k: usize, z: f64, drifts: [f64; 2]) -> Self {
        let Monitored { information, lower, efficacy } = *monitored;
        let reference = 0.5 * (drifts[0] + drifts[1]);
        let mut bounds = efficacy[..=k].to_vec();
        bounds[k] = z;
        let mut state = Continuation::start();
        let mut later = Vec::with_capacity(k);
        for (j, &now) in information.iter().enumerate().take(k + 1) {
            let scale = now.sqrt();
            let step = if j == 0 { now } else { now - information[j - 1] };
            // Tilting to the ends of the range shifts an increment by this many standard
            // deviations.
            let reach = REACH + (drifts[1] - reference) * step.sqrt();
            // The first look needs no integral: its mass beyond the bound is a normal tail.
            if j > 0 {
                let beyond = grid([bounds[j] * scale, f64::INFINITY], now, drifts, step, reach);
                let beyond = state.between(now, reference, beyond);
                later.push(LookMass::new(&beyond, now, reference));
            }
            if j < k {
                let region = [lower[j] * scale, bounds[j] * scale];
                let grid = grid(region, now, drifts, finest_increment(information, j), reach);
                state = state.between(now, reference, grid);
            }
        }
        let first_scale = information[0].sqrt();
        Self { reference, first_bound: bounds[0], first_scale, later }
    }

    fn probability(&self, drift: f64) -> f64 {
        let tilt = drift - self.reference;
        let later: f64 = self.later.iter().map(|look| look.tilted(tilt)).sum();
        upper_tail(self.first_bound - drift * self.first_scale) + later
    }
}

/// Returns the part of a range of scores at `information` that trials with drifts in a range can
/// reach, with nodes dense enough for an increment `narrowest`.
fn grid(scores: [f64; 2], information: f64, drifts: [f64; 2], narrowest: f64, reach: f64) -> Grid {
    let deviations = REACH * information.sqrt();
    let low = scores[0].max(drifts[0] * information - deviations);
    let high = scores[1].min(drifts[1] * information + deviations);
    let order = NODES_PER_KERNEL * (high - low) / narrowest.sqrt() + MORE_NODES;
    Grid { low, high, order, reach }
}

impl LookMass {
    fn new(beyond: &Continuation, information: f64, reference: f64) -> Self {
        let mean = reference * information;
        // A mass next to the smallest double could meet a factor that overflows.
        let kept = beyond.masses().filter(|&(_, mass)| mass > 1e-290);
        Self { information, masses: kept.map(|(score, mass)| (score - mean, mass)).collect() }
    }

    fn tilted(&self, tilt: f64) -> f64 {
        let constant = 0.5 * tilt * tilt * self.information;
        self.masses.iter().map(|(score, mass)| mass * libm::exp(tilt * score - constant)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::recursion::Region;
    use proptest::prelude::*;

    const NONE: f64 = f64::NEG_INFINITY;
    const NEVER: f64 = f64::INFINITY;

    /// Designs of four looks: ordinary; heeding futility, one look without efficacy; looks one
    /// part in a thousand apart; no test but at the last look; almost certain to stop at the first
    /// look.
    const DESIGNS: [([f64; 4], [f64; 4], [f64; 4]); 5] = [
        ([0.25, 0.5, 0.75, 1.0], [NONE; 4], [4.3, 3.0, 2.4, 2.0]),
        ([0.2, 0.45, 0.7, 1.1], [-0.5, 0.0, 0.8, NONE], [4.5, NEVER, 2.4, 1.9]),
        ([0.3, 0.7, 0.701, 0.9], [NONE, -0.2, NONE, NONE], [3.7, 2.4, 2.4, 2.1]),
        ([0.3, 0.6, 0.8, 1.0], [NONE; 4], [NEVER, NEVER, NEVER, 1.96]),
        ([0.1, 0.5, 0.8, 1.0], [0.9, 0.0, 0.0, NONE], [1.0, 2.4, 2.2, 2.0]),
    ];

    fn any_design() -> impl Strategy<Value = Monitored<'static>> {
        (0..DESIGNS.len()).prop_map(|i| {
            let (information, lower, efficacy) = &DESIGNS[i];
            Monitored::new(information, lower, efficacy)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn estimates_have_the_p_values_that_define_them(
            monitored in any_design(),
            k in 0usize..4,
            z in -12.0..15.0f64,
            level in prop_oneof![Just(0.95), 0.05..0.9999f64],
        ) {
            let found = monitored.stagewise_estimate(k, z, level);
            let outside = 0.5 * (1.0 - level);
            let defined = [(found.low, outside), (found.median, 0.5), (found.high, 1.0 - outside)];
            for (drift, wanted) in defined {
                let p = monitored.stagewise_p_value(k, z, drift);
                prop_assert!((p - wanted).abs() < 1e-10, "{found:?} {p}");
            }
        }

        #[test]
        fn p_value_grows_with_the_drift_and_falls_with_z(
            monitored in any_design(),
            k in 0usize..4,
            z in -6.0..9.0f64,
            drift in -6.0..9.0f64,
            step in 0.0..1.0f64,
        ) {
            let p = monitored.stagewise_p_value(k, z, drift);
            prop_assert!((-1e-13..=1.0 + 1e-10).contains(&p));
            prop_assert!(monitored.stagewise_p_value(k, z, drift + step) >= p - 1e-10);
            prop_assert!(monitored.stagewise_p_value(k, z + step, drift) <= p + 1e-10);
        }

        #[test]
        fn intervals_nest_around_the_median(
            monitored in any_design(),
            k in 0usize..4,
            z in -12.0..15.0f64,
        ) {
            let half = monitored.stagewise_estimate(k, z, 0.5);
            let most = monitored.stagewise_estimate(k, z, 0.95);
            prop_assert!(most.low < half.low && half.low < half.median);
            prop_assert!(half.median < half.high && half.high < most.high);
            prop_assert!((half.median - most.median).abs() < 1e-8);
        }

        #[test]
        fn one_look_has_the_ordinary_estimate(z in -40.0..40.0f64, t in 0.05..2.0f64) {
            let (information, none, bound) = ([t], [NONE], [1.96]);
            let monitored = Monitored::new(&information, &none, &bound);
            let StagewiseEstimate { median, low, high } = monitored.stagewise_estimate(0, z, 0.95);
            for (found, exact) in [(median, z), (low, z - 1.9599639845400543), (high, z + 1.9599639845400543)] {
                prop_assert!((found * t.sqrt() - exact).abs() < 1e-12 * (1.0 + z.abs()));
            }
        }
    }

    /// P(interval of `level` holds the drift), from the distribution of all results with which the
    /// trial can stop: the limits grow with Z at one look, so that the Z whose interval holds it
    /// are an interval.
    fn coverage(monitored: &Monitored, drift: f64, level: f64) -> f64 {
        let Monitored { information, lower, efficacy } = *monitored;
        let last = information.len() - 1;
        let mut state = Continuation::start();
        let mut total = 0.0;
        for (k, &now) in information.iter().enumerate() {
            let whole = [(-20.0, 20.0)];
            let outer = [(-20.0, lower[k]), (efficacy[k], 20.0)];
            for &(from, to) in if k == last { &whole[..] } else { &outer[..] } {
                if from >= to {
                    continue;
                }
                let limits = |z| monitored.stagewise_estimate(k, z, level);
                let edge = |limit: &dyn Fn(f64) -> f64| {
                    let inside = brent(|z| limit(z) - drift, from, to);
                    inside.unwrap_or(if limit(from) > drift { from } else { to })
                };
                let first = edge(&|z| limits(z).high);
                let last = edge(&|z| limits(z).low);
                total += state.above(now, drift, first) - state.above(now, drift, last);
            }
            if k < last {
                let finest = finest_increment(information, k);
                state = state.advance(
                    now,
                    drift,
                    Region { lower: lower[k], upper: efficacy[k] },
                    finest,
                );
            }
        }
        total
    }

    #[test]
    fn intervals_cover_the_drift_exactly_as_often_as_they_say() {
        let information = [1.0 / 3.0, 2.0 / 3.0, 1.0];
        let bounds = [3.7103028732625, 2.51142748445272, 1.9930474832654];
        for lower in [[NONE; 3], [-0.2, 0.9, NONE]] {
            let monitored = Monitored::new(&information, &lower, &bounds);
            for drift in [-2.0, 0.0, 0.7, 2.0, 2.8, 4.0, 6.5, 9.0] {
                for level in [0.5, 0.95] {
                    let found = coverage(&monitored, drift, level);
                    assert!((found - level).abs() < 1e-9, "{lower:?} {drift} {level}: {found}");
                }
            }
        }
    }
}
