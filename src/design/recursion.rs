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

/// Standard deviations kept on a side of the mean; the mass beyond is below 2e-23.
const REACH: f64 = 10.0;
/// The same towards a bound, and above where there is none: a later look may spend 1e-30, which
/// comes of trials this far out.
const FAR: f64 = 16.0;
/// Quadrature nodes per standard deviation of the narrowest kernel, and the least at one look.
pub(super) const NODES_PER_KERNEL: f64 = 3.0;
const LEAST_NODES: f64 = 64.0;
/// With more nodes than this at one look the interval is cut into panels of [`PANEL_NODES`].
const MOST_NODES_IN_ONE: usize = 512;
const PANEL_NODES: usize = 32;

/// Scores at which a sub-density is wanted.
pub(super) struct Grid {
    pub low: f64,
    pub high: f64,
    /// About how many nodes.
    pub order: f64,
    /// Scores before the increment that are further away than this many of its standard deviations
    /// add nothing that is wanted.
    pub reach: f64,
}

/// The sub-density of the score over the region where the trial is still going on.
#[derive(Debug, Clone)]
pub struct Continuation {
    /// Where all mass was at one score: the density's reach is measured from there.
    origin: (f64, f64),
    information: f64,
    scores: Vec<f64>,
    /// Density times quadrature weight at each score: the masses add up to P(still going on).
    masses: Vec<f64>,
}

impl Continuation {
    /// Before the first look: all mass at score 0 and information 0.
    pub fn start() -> Self {
        Self::at(0.0, 0.0)
    }

    /// After a look at `information` ≥ 0 that found Z = `z`: all mass at the score z·√information.
    pub fn at(information: f64, z: f64) -> Self {
        let score = z * information.sqrt();
        Self { origin: (information, score), information, scores: vec![score], masses: vec![1.0] }
    }

    /// P(still going on now and Z > `bound` at the given information).
    pub fn above(&self, information: f64, theta: f64, bound: f64) -> f64 {
        self.crossing(information, theta, bound, upper_tail)
    }

    /// P(still going on now and Z < `bound` at the given information).
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

    /// The state after a look that stops outside (`lower`, `upper`) on the Z scale.
    ///
    /// `finest` is the smallest increment of information this state will be integrated over; it
    /// sets how dense the nodes must be.
    pub fn advance(
        &self,
        information: f64,
        theta: f64,
        (lower, upper): (f64, f64),
        finest: f64,
    ) -> Self {
        let scale = information.sqrt();
        let since = information - self.origin.0;
        let mean = self.origin.1 + theta * since;
        let deviation = since.sqrt();
        let below = if lower == f64::NEG_INFINITY { REACH } else { FAR };
        let low = (lower * scale).max(mean - below * deviation);
        let high = (upper * scale).min(mean + FAR * deviation);
        let reach = if high - mean > REACH * deviation { FAR } else { REACH };
        let increment = information - self.information;
        let kernel = increment.min(finest).sqrt();
        let order = (NODES_PER_KERNEL * (high - low) / kernel).max(LEAST_NODES);
        self.between(information, theta, Grid { low, high, order, reach })
    }

    /// The sub-density, at the given information, of a trial that is going on now.
    pub(super) fn between(&self, information: f64, theta: f64, grid: Grid) -> Self {
        let Grid { low, high, order, reach } = grid;
        let mut state =
            Self { origin: self.origin, information, scores: Vec::new(), masses: Vec::new() };
        if high > low {
            let increment = information - self.information;
            (state.scores, state.masses) = nodes(low, high, order)
                .map(|(score, weight)| {
                    (score, weight * self.density(score, increment, theta, reach))
                })
                .unzip();
        }
        state
    }

    /// Scores at which the sub-density is kept.
    pub(super) fn nodes(&self) -> usize {
        self.scores.len()
    }

    /// Pairs of score and mass, by increasing score.
    pub(super) fn masses(&self) -> impl Iterator<Item = (f64, f64)> {
        self.scores.iter().copied().zip(self.masses.iter().copied())
    }

    /// Density of the score after `increment` more information.
    fn density(&self, score: f64, increment: f64, theta: f64, reach: f64) -> f64 {
        let target = score - theta * increment;
        let reach = reach * increment.sqrt();
        let from = self.scores.partition_point(|&score| score < target - reach);
        let to = self.scores.partition_point(|&score| score <= target + reach);
        let exponent = -0.5 / increment;
        let term = |(score, mass): (&f64, &f64)| {
            let distance = target - score;
            mass * exp_normal(exponent * distance * distance)
        };
        let (scores, masses) = (&self.scores[from..to], &self.masses[from..to]);
        // Four sums side by side, as the compiler may not change the order of one.
        let mut sums = [0.0; 4];
        for (scores, masses) in scores.chunks_exact(4).zip(masses.chunks_exact(4)) {
            for (sum, pair) in sums.iter_mut().zip(scores.iter().zip(masses)) {
                *sum += term(pair);
            }
        }
        let rest = scores.len() - scores.len() % 4;
        let rest: f64 = scores[rest..].iter().zip(&masses[rest..]).map(term).sum();
        let sum = sums.iter().sum::<f64>() + rest;
        sum / (2.0 * std::f64::consts::PI * increment).sqrt()
    }
}

/// Nodes and weights: one rule of the given order over the whole interval, or panels where looks
/// are so close that one rule would be too long.
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

/// The rule of the given order, at most [`MOST_NODES_IN_ONE`]. Rules are kept: finding the nodes
/// takes as long as a step of the recursion.
fn rule(order: usize) -> &'static GaussLegendre {
    static RULES: [OnceLock<GaussLegendre>; MOST_NODES_IN_ONE + 1] =
        [const { OnceLock::new() }; MOST_NODES_IN_ONE + 1];
    RULES[order].get_or_init(|| GaussLegendre::new(order))
}

/// The smallest increment of information that starts or ends at look `k`.
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
    /// `upper` and `lower` are Z bounds per look (±∞ where there is none), `information` is
    /// increasing and positive; all of one length.
    pub fn new(information: &[f64], theta: f64, lower: &[f64], upper: &[f64]) -> Self {
        Self::after(Continuation::start(), 0, information, theta, (lower, upper))
    }

    /// The probabilities at look `from` (counted from 0) and the looks after it, for a trial that
    /// is in `state` before look `from`. The slices are those of all looks.
    pub fn after(
        state: Continuation,
        from: usize,
        information: &[f64],
        theta: f64,
        (lower, upper): (&[f64], &[f64]),
    ) -> Self {
        let both = going_on(state, from, information, theta, (lower, upper), |k, state| {
            let now = information[k];
            (state.above(now, theta, upper[k]), state.below(now, theta, lower[k]))
        });
        let (upper, lower) = both.into_iter().unzip();
        Self { upper, lower }
    }

    /// P(above an upper bound by each look).
    pub fn upper_so_far(&self) -> Vec<f64> {
        let add = |so_far: &mut f64, p: &f64| {
            *so_far += p;
            Some(*so_far)
        };
        self.upper.iter().scan(0.0, add).collect()
    }

    /// P(ever above an upper bound).
    pub fn total_upper(&self) -> f64 {
        self.upper.iter().sum()
    }
}

/// P(Z below `z` at each look) among trials that stop outside (`lower`, `upper`).
pub(super) fn below(
    information: &[f64],
    theta: f64,
    bounds: (&[f64], &[f64]),
    z: &[f64],
) -> Vec<f64> {
    going_on(Continuation::start(), 0, information, theta, bounds, |k, state| {
        state.below(information[k], theta, z[k])
    })
}

/// What `read` reads off the trials that have come to look `from` and each look after it.
fn going_on<T>(
    mut state: Continuation,
    from: usize,
    information: &[f64],
    theta: f64,
    (lower, upper): (&[f64], &[f64]),
    read: impl Fn(usize, &Continuation) -> T,
) -> Vec<T> {
    let mut out = Vec::with_capacity(information.len() - from);
    for (k, &now) in information.iter().enumerate().skip(from) {
        out.push(read(k, &state));
        if k + 1 < information.len() {
            let finest = finest_increment(information, k);
            state = state.advance(now, theta, (lower[k], upper[k]), finest);
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
