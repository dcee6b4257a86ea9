//! Probabilities of crossing group-sequential boundaries by recursive numerical integration.
//!
//! Armitage, McPherson & Rowe (1969); Jennison & Turnbull (2000), chapter 19. The score statistic
//! S_k has mean θ·I_k and variance I_k at information I_k, with independent increments, and
//! Z_k = S_k / √I_k. Information may be on any scale (fractions, patients); θ is the drift per
//! unit of it, so that Z has mean θ·√I.

use std::sync::OnceLock;

use crate::num::exp::exp_normal;
use crate::num::normal::{lower_tail, upper_tail};
use crate::num::quadrature::GaussLegendre;

/// Standard deviations kept on a side of the mean.
// The mass beyond is below 2e-23.
const REACH: f64 = 10.0;
/// Standard deviations kept towards a bound, and above the mean without an upper bound.
// A later look may spend 1e-30, and the trials that cross there pass this far out.
const FAR: f64 = 16.0;
/// Quadrature nodes per standard deviation of the narrowest kernel.
pub(super) const NODES_PER_KERNEL: f64 = 3.0;
/// Fewest quadrature nodes at one look.
const LEAST_NODES: f64 = 64.0;
/// Most nodes of a single quadrature rule; longer intervals are cut into panels.
// The nodes of a Gauss-Legendre rule cost the square of its order to find, and are kept for good.
const MOST_NODES_IN_ONE: usize = 512;
/// Nodes of each panel of an interval that is cut.
const PANEL_NODES: usize = 32;

/// Z values between which a trial continues after a look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Z at or below which the trial stops; −∞ for no lower bound.
    pub lower: f64,
    /// Z at or above which the trial stops; +∞ for no upper bound.
    pub upper: f64,
}

/// Looks of a trial, with the Z values that stop it at each.
///
/// Constructed by [`Monitored::new`], which checks the slices. The recursion accepts any bounds of
/// one length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Monitored<'a> {
    pub(super) information: &'a [f64],
    pub(super) lower: &'a [f64],
    pub(super) efficacy: &'a [f64],
}

impl<'a> Monitored<'a> {
    /// Describes looks at `information`, positive and strictly increasing, in fractions of the
    /// planned maximum; it may exceed 1. The trial stops when Z is at or below `lower` (−∞ if that
    /// does not stop it, or is not heeded) or at or above `efficacy` (+∞ if efficacy is not
    /// tested).
    ///
    /// # Panics
    /// When the slices differ in length, or the information does not increase.
    pub fn new(information: &'a [f64], lower: &'a [f64], efficacy: &'a [f64]) -> Self {
        assert!(
            information.len() == lower.len() && information.len() == efficacy.len(),
            "one bound of each kind per look"
        );
        assert!(
            information.first().is_some_and(|&first| first > 0.0)
                && information.windows(2).all(|pair| pair[0] < pair[1]),
            "information is positive and increases"
        );
        Self { information, lower, efficacy }
    }

    /// Returns the information at each look.
    pub fn information(&self) -> &'a [f64] {
        self.information
    }

    fn region(&self, k: usize) -> Region {
        Region { lower: self.lower[k], upper: self.efficacy[k] }
    }
}

/// Scores at which a sub-density is evaluated.
pub(super) struct Grid {
    pub low: f64,
    pub high: f64,
    /// Approximate number of nodes.
    pub order: f64,
    /// Standard deviations of the increment beyond which earlier scores are ignored.
    pub reach: f64,
}

/// Sub-density of the score over the region where the trial continues.
#[derive(Debug, Clone)]
pub struct Continuation {
    /// Information at which all mass was at one score.
    // The spread of the density grows from here, so its reach is measured from here.
    origin: f64,
    /// Score at the origin.
    origin_score: f64,
    information: f64,
    scores: Vec<f64>,
    /// Density times quadrature weight at each score: the masses add up to P(trial continues).
    masses: Vec<f64>,
}

impl Continuation {
    /// Returns the state before the first look: all mass at score 0 and information 0.
    pub fn start() -> Self {
        Self::at(0.0, 0.0)
    }

    /// Returns the state after a look at `information` ≥ 0 that found Z = `z`: all mass at the
    /// score z·√information.
    pub fn at(information: f64, z: f64) -> Self {
        let score = z * information.sqrt();
        Self {
            origin: information,
            origin_score: score,
            information,
            scores: vec![score],
            masses: vec![1.0],
        }
    }

    /// Returns P(trial continues now and Z > `bound` at the given information).
    pub fn above(&self, information: f64, theta: f64, bound: f64) -> f64 {
        self.crossing(information, theta, bound, upper_tail)
    }

    /// Returns P(trial continues now and Z < `bound` at the given information).
    pub fn below(&self, information: f64, theta: f64, bound: f64) -> f64 {
        self.crossing(information, theta, bound, lower_tail)
    }

    fn crossing(&self, information: f64, theta: f64, bound: f64, tail: fn(f64) -> f64) -> f64 {
        let increment = information - self.information;
        let scale = increment.sqrt();
        let offset = bound * information.sqrt() - theta * increment;
        let probabilities = self.scores.iter().zip(&self.masses);
        probabilities.map(|(score, mass)| mass * tail((offset - score) / scale)).sum()
    }

    /// Returns the state after a look that stops the trial outside `region`.
    ///
    /// `finest` is the smallest increment of information this state will be integrated over; it
    /// sets how dense the nodes must be.
    pub fn advance(&self, information: f64, theta: f64, region: Region, finest: f64) -> Self {
        let scale = information.sqrt();
        let since = information - self.origin;
        let mean = self.origin_score + theta * since;
        let deviation = since.sqrt();
        // Without a lower bound, hardly any trial returns from there to a later efficacy bound.
        let below = if region.lower == f64::NEG_INFINITY { REACH } else { FAR };
        let low = (region.lower * scale).max(mean - below * deviation);
        let high = (region.upper * scale).min(mean + FAR * deviation);
        // Scores that far above the mean are fed by earlier scores that far away.
        let reach = if high - mean > REACH * deviation { FAR } else { REACH };
        let increment = information - self.information;
        let kernel = increment.min(finest).sqrt();
        let order = (NODES_PER_KERNEL * (high - low) / kernel).max(LEAST_NODES);
        self.between(information, theta, Grid { low, high, order, reach })
    }

    /// Returns the state after a look that stops the trial inside `stops` and outside `continues`, without
    /// drift; see [`Continuation::advance`].
    pub(super) fn advance_around(
        &self,
        information: f64,
        stops: Region,
        continues: Region,
        finest: f64,
    ) -> Self {
        let below = Region { lower: continues.lower, upper: stops.lower };
        let above = Region { lower: stops.upper, upper: continues.upper };
        let [below, above] = [below, above].map(|it| self.advance(information, 0.0, it, finest));
        // Scores increase.
        Self {
            scores: [below.scores, above.scores].concat(),
            masses: [below.masses, above.masses].concat(),
            ..below
        }
    }

    /// Returns the sub-density, at the given information, of a trial that continues now.
    pub(super) fn between(&self, information: f64, theta: f64, grid: Grid) -> Self {
        let mut state = Self {
            origin: self.origin,
            origin_score: self.origin_score,
            information,
            scores: Vec::new(),
            masses: Vec::new(),
        };
        // Bounds that leave no room stop every trial, and there is nothing to integrate.
        if grid.high > grid.low {
            let increment = information - self.information;
            for (score, weight) in nodes(grid.low, grid.high, grid.order) {
                state.scores.push(score);
                state.masses.push(weight * self.density(score, increment, theta, grid.reach));
            }
        }
        state
    }

    /// Returns the number of scores at which the sub-density is kept.
    pub(super) fn nodes(&self) -> usize {
        self.scores.len()
    }

    /// Iterates over pairs of score and mass, by increasing score.
    pub(super) fn masses(&self) -> impl Iterator<Item = (f64, f64)> {
        self.scores.iter().copied().zip(self.masses.iter().copied())
    }

    /// Returns the density of the score after `increment` more information.
    fn density(&self, score: f64, increment: f64, theta: f64, reach: f64) -> f64 {
        let target = score - theta * increment;
        let reach = reach * increment.sqrt();
        // Scores increase, and those out of reach would add less than rounding errors.
        let from = self.scores.partition_point(|&score| score < target - reach);
        let to = self.scores.partition_point(|&score| score <= target + reach);
        let exponent = -0.5 / increment;
        let (scores, masses) = (&self.scores[from..to], &self.masses[from..to]);
        // Four sums next to one another vectorise; the compiler may not change the order of a
        // single one.
        let mut sums = [0.0; 4];
        for (scores, masses) in scores.chunks_exact(4).zip(masses.chunks_exact(4)) {
            for ((sum, &score), &mass) in sums.iter_mut().zip(scores).zip(masses) {
                *sum += kernel(target - score, exponent, mass);
            }
        }
        let rest = scores.len() - scores.len() % 4;
        let rest: f64 = scores[rest..]
            .iter()
            .zip(&masses[rest..])
            .map(|(&score, &mass)| kernel(target - score, exponent, mass))
            .sum();
        let sum = sums.iter().sum::<f64>() + rest;
        sum / (2.0 * std::f64::consts::PI * increment).sqrt()
    }
}

/// Returns the contribution of a mass at this distance to a density, up to the constant of the
/// normal.
#[inline]
fn kernel(distance: f64, exponent: f64, mass: f64) -> f64 {
    mass * exp_normal(exponent * distance * distance)
}

/// Returns nodes and weights of quadrature from `low` to `high`: one rule of the given order, or
/// panels if looks are so close that one rule would be too long.
pub(super) fn nodes(low: f64, high: f64, order: f64) -> impl Iterator<Item = (f64, f64)> {
    let (rule, panels) = if order <= MOST_NODES_IN_ONE as f64 {
        (rule(order as usize), 1)
    } else {
        // A short rule needs more nodes per kernel than a long one for the same precision.
        (rule(PANEL_NODES), (1.5 * order / PANEL_NODES as f64).ceil() as usize)
    };
    let width = (high - low) / panels as f64;
    (0..panels).flat_map(move |panel| {
        let start = low + panel as f64 * width;
        rule.on(start, start + width).collect::<Vec<_>>()
    })
}

/// Returns the rule of the given order, at most [`MOST_NODES_IN_ONE`].
fn rule(order: usize) -> &'static GaussLegendre {
    // Rules are kept, because finding the nodes takes as long as a step of the recursion.
    static RULES: [OnceLock<GaussLegendre>; MOST_NODES_IN_ONE + 1] =
        [const { OnceLock::new() }; MOST_NODES_IN_ONE + 1];
    RULES[order].get_or_init(|| GaussLegendre::new(order))
}

/// Returns the smallest increment of information that starts or ends at look `k`.
pub(super) fn finest_increment(information: &[f64], k: usize) -> f64 {
    let before = information[k] - if k == 0 { 0.0 } else { information[k - 1] };
    let after = information.get(k + 1).map_or(before, |next| next - information[k]);
    before.min(after)
}

/// Stopping probabilities of a whole design at one drift.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossingProbabilities {
    /// P(stop above the upper bound at look k).
    pub upper: Vec<f64>,
    /// P(stop below the lower bound at look k).
    pub lower: Vec<f64>,
}

impl CrossingProbabilities {
    /// Computes them under drift `theta` from Z bounds per look (±∞ for none); `information` is
    /// increasing and positive. All slices have one length.
    pub fn new(information: &[f64], theta: f64, lower: &[f64], upper: &[f64]) -> Self {
        let looks = Monitored { information, lower, efficacy: upper };
        Self::after(Continuation::start(), 0, &looks, theta)
    }

    /// Computes the probabilities at look `from` (counted from 0) and the looks after it, for a
    /// trial that is in `state` before look `from`.
    pub(super) fn after(state: Continuation, from: usize, looks: &Monitored, theta: f64) -> Self {
        let both = at_each_look(state, from, looks, theta, |k, state| {
            let now = looks.information[k];
            (state.above(now, theta, looks.efficacy[k]), state.below(now, theta, looks.lower[k]))
        });
        let (upper, lower) = both.into_iter().unzip();
        Self { upper, lower }
    }

    /// Returns P(above an upper bound by each look).
    pub fn cumulative_upper(&self) -> Vec<f64> {
        let mut sum = 0.0;
        self.upper
            .iter()
            .map(|p| {
                sum += p;
                sum
            })
            .collect()
    }

    /// Returns P(ever above an upper bound).
    pub fn total_upper(&self) -> f64 {
        self.upper.iter().sum()
    }
}

/// Returns P(Z below `z` at each look) of trials that reach it, which stop as `looks` has it.
pub(super) fn below(looks: &Monitored, theta: f64, z: &[f64]) -> Vec<f64> {
    at_each_look(Continuation::start(), 0, looks, theta, |k, state| {
        state.below(looks.information[k], theta, z[k])
    })
}

/// Evaluates `read` on the state of the trial before look `from` and each look after it.
fn at_each_look<T>(
    mut state: Continuation,
    from: usize,
    looks: &Monitored,
    theta: f64,
    read: impl Fn(usize, &Continuation) -> T,
) -> Vec<T> {
    let information = looks.information;
    let mut out = Vec::with_capacity(information.len() - from);
    for (k, &now) in information.iter().enumerate().skip(from) {
        out.push(read(k, &state));
        // No look follows the last, whose state would cost as much as all that was read.
        if k + 1 < information.len() {
            let finest = finest_increment(information, k);
            state = state.advance(now, theta, looks.region(k), finest);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Armitage, McPherson & Rowe (1969), table 2: probability of |Z| > 1.96 at one of K equally
    /// spaced looks.
    #[test]
    fn repeated_tests_at_1_96_have_the_published_error() {
        let published = [
            (1, 0.050),
            (2, 0.083),
            (3, 0.107),
            (4, 0.126),
            (5, 0.142),
            (10, 0.193),
            (20, 0.248),
            (50, 0.320),
        ];
        for (looks, published) in published {
            let information: Vec<f64> = (1..=looks).map(f64::from).collect();
            let bound = vec![1.96; looks as usize];
            let mirror = vec![-1.96; looks as usize];
            let out = CrossingProbabilities::new(&information, 0.0, &mirror, &bound);
            let total = out.total_upper() + out.lower.iter().sum::<f64>();
            assert!((total - published).abs() < 5.1e-4, "{looks}: {total}");
        }
    }

    #[test]
    fn probabilities_add_to_one_when_the_last_look_decides() {
        let information = [0.2, 0.21, 0.6, 1.0];
        let (lower, upper) = ([-1.0, -0.5, 0.3, 1.9], [3.1, 3.0, 2.4, 1.9]);
        for theta in [-1.0, 0.0, 1.4, 2.8, 6.0] {
            let out = CrossingProbabilities::new(&information, theta, &lower, &upper);
            let total = out.total_upper() + out.lower.iter().sum::<f64>();
            assert!((total - 1.0).abs() < 1e-11, "{theta}: {total}");
        }
    }
}
