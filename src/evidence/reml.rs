//! Restricted maximum likelihood of the variance between studies.
//!
//! With w = 1/(v + τ²), W = diag(w) and P = W − W11'W/Σw, minus twice the restricted log likelihood
//! is A + Q, where A = Σ log(v + τ²) + log Σw and Q = y'Py (Viechtbauer 2005, J Educ Behav Stat
//! 30:261). It may have several maxima, one of them at 0, so that a root of its derivative proves
//! nothing.
//!
//! Since dP/dτ² = −P² and P has no negative eigenvalue, y'Pʲy and tr Pʲ fall as τ² rises. Twice
//! the score is y'P²y − tr P and twice its derivative tr P² − 2·y'P³y: differences of falling
//! functions, whose values at both ends of an interval enclose them within it. An interval on which
//! the score has one sign is discarded, one on which the score is monotone has at most one root, any
//! other is halved. So the search finds every stationary point.

use super::Effect;
use crate::num::root::brent;

// Width of an interval in v + τ², relative to its end, at which it is no longer halved: stationary
// points so close together have the same likelihood.
const NARROWEST: f64 = 1e-9;

/// Returns the τ² ≥ 0 with the largest restricted likelihood of two or more studies.
pub(super) fn reml(effects: &[Effect]) -> f64 {
    let mut best = (0.0, restricted_log_likelihood(effects, 0.0));
    for tau_squared in stationary_points(effects) {
        let likelihood = restricted_log_likelihood(effects, tau_squared);
        if likelihood > best.1 {
            best = (tau_squared, likelihood);
        }
    }
    best.0
}

/// Returns the restricted log likelihood up to a constant.
fn restricted_log_likelihood(effects: &[Effect], tau_squared: f64) -> f64 {
    let (mean, sum) = super::random::mean_and_weight(effects, tau_squared);
    let each = effects.iter().map(|&Effect { estimate, variance }| {
        let total = variance + tau_squared;
        libm::log(total) + (estimate - mean) * (estimate - mean) / total
    });
    -0.5 * (each.sum::<f64>() + libm::log(sum))
}

/// Finds every τ² > 0 at which the restricted likelihood is stationary, in no order.
fn stationary_points(effects: &[Effect]) -> Vec<f64> {
    let least = effects.iter().map(|effect| effect.variance).fold(f64::INFINITY, f64::min);
    let end = beyond_all(effects, least);
    let mut points = Vec::new();
    let mut open = Vec::new();
    if end > 0.0 {
        open.push((ScoreTerms::new(effects, 0.0), ScoreTerms::new(effects, end)));
    }
    while let Some((low, high)) = open.pop() {
        // The score is positive, or negative, on the whole interval.
        if high.spread - low.trace > 0.0 || low.spread - high.trace < 0.0 {
            continue;
        }
        let falls = low.trace_of_square - 2.0 * high.cubed < 0.0;
        let rises = high.trace_of_square - 2.0 * low.cubed > 0.0;
        let (from, to) = (least + low.tau_squared, least + high.tau_squared);
        if falls || rises {
            // No root where both ends have the same sign.
            points.extend(brent(
                |t| ScoreTerms::new(effects, t).score(),
                low.tau_squared,
                high.tau_squared,
            ));
        } else if to - from < NARROWEST * to {
            points.push(low.tau_squared);
        } else {
            // Halved on the scale of v + τ², which determines the weights and may span many powers of ten.
            let middle = ScoreTerms::new(effects, (from * to).sqrt() - least);
            open.extend([(low, middle), (middle, high)]);
        }
    }
    points
}

/// Returns a τ² beyond which the score is negative; 0 or less if it is negative everywhere.
///
/// With S = Σ(y − ȳ)², u = min v + τ² and D = max v − min v: y'P²y ≤ S/u², as no eigenvalue of P
/// exceeds 1/u and y'Py ≤ S/u; tr P ≥ (k − 1)/(u + D), as its k − 1 eigenvalues above 0 are at
/// least that. So the score is negative where (k − 1)u² > S(u + D).
fn beyond_all(effects: &[Effect], least: f64) -> f64 {
    let k = effects.len() as f64;
    let most = effects.iter().map(|effect| effect.variance).fold(0.0, f64::max);
    let mean = effects.iter().map(|effect| effect.estimate).sum::<f64>() / k;
    let deviations = effects.iter().map(|effect| effect.estimate - mean);
    let s: f64 = deviations.map(|deviation| deviation * deviation).sum();
    (s + (s * s + 4.0 * (k - 1.0) * s * (most - least)).sqrt()) / (2.0 * (k - 1.0)) - least
}

/// Terms of the score and its derivative at one τ².
#[derive(Debug, Clone, Copy)]
struct ScoreTerms {
    tau_squared: f64,
    /// y'P²y.
    spread: f64,
    /// y'P³y.
    cubed: f64,
    /// tr P.
    trace: f64,
    /// tr P².
    trace_of_square: f64,
}

impl ScoreTerms {
    fn new(effects: &[Effect], tau_squared: f64) -> Self {
        let (mean, sum) = super::random::mean_and_weight(effects, tau_squared);
        let (mut spread, mut weighted, mut pull) = (0.0, 0.0, 0.0);
        let (mut squares, mut cubes) = (0.0, 0.0);
        for &Effect { estimate, variance } in effects {
            let w = 1.0 / (variance + tau_squared);
            // An element of Py.
            let residual = w * (estimate - mean);
            spread += residual * residual;
            weighted += w * residual * residual;
            pull += w * residual;
            squares += w * w;
            cubes += w * w * w;
        }
        Self {
            tau_squared,
            spread,
            cubed: weighted - pull * pull / sum,
            trace: sum - squares / sum,
            trace_of_square: squares - 2.0 * cubes / sum + squares * squares / (sum * sum),
        }
    }

    /// Returns twice the derivative of the restricted log likelihood.
    fn score(&self) -> f64 {
        self.spread - self.trace
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn effects(of: &[(f64, f64)]) -> Vec<Effect> {
        of.iter().map(|&(estimate, variance)| Effect { estimate, variance }).collect()
    }

    /// Two registries of 20 000 patients that agree, three small trials that do not: the likelihood
    /// has maxima at 0 (−14.110) and at 2.0107 (−4.450), where metafor 3.8-1 has 2.011 as well. The
    /// score is −1054 at 0. In 40-digit arithmetic (mpmath).
    #[test]
    fn the_larger_of_two_maxima_is_found() {
        let tables: [[f64; 4]; 5] = [
            [4000.0, 6000.0, 4010.0, 5990.0],
            [3990.0, 6010.0, 4000.0, 6000.0],
            [16.0, 4.0, 4.0, 16.0],
            [18.0, 6.0, 5.0, 20.0],
            [14.0, 4.0, 3.0, 14.0],
        ];
        let effects: Vec<Effect> = tables
            .iter()
            .map(|[a, b, c, d]| Effect {
                estimate: libm::log(a * d / (b * c)),
                variance: 1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d,
            })
            .collect();
        assert!(ScoreTerms::new(&effects, 0.0).score() < -1000.0);
        assert!((reml(&effects) - 2.010_652_503_332_637).abs() < 1e-12, "{}", reml(&effects));
        let mut points = stationary_points(&effects);
        points.sort_by(f64::total_cmp);
        assert_eq!(points.len(), 2);
        // The minimum between them.
        assert!((points[0] - 0.0064).abs() < 1e-4, "{points:?}");
    }

    #[test]
    fn studies_that_agree_have_no_variance_between_them() {
        assert_eq!(reml(&effects(&[(0.3, 0.1), (0.3, 0.2), (0.3, 1e-7)])), 0.0);
        assert_eq!(reml(&effects(&[(0.3, 0.1), (0.2, 0.1)])), 0.0);
        // Equal variances: the estimate is their spread less the variance.
        let spread = 0.5 * (2.0_f64 * 2.0 + 2.0 * 2.0);
        let found = reml(&effects(&[(-2.0, 0.5), (2.0, 0.5), (0.0, 0.5)]));
        assert!((found - (spread - 0.5 + 0.0)).abs() < 1e-12, "{found}");
    }

    proptest! {
        /// No τ² of a dense grid over fourteen powers of ten is more likely.
        #[test]
        fn no_other_variance_is_more_likely(
            studies in prop::collection::vec((-4.0..4.0f64, -16.0..1.5f64), 2..9),
            shared in 0.0..2.0f64,
        ) {
            let effects: Vec<Effect> = studies
                .iter()
                .enumerate()
                .map(|(i, &(estimate, log_variance))| Effect {
                    // Large studies that agree make the maximum at 0.
                    estimate: if i < 2 { 0.01 * shared * estimate } else { estimate },
                    variance: libm::exp(log_variance),
                })
                .collect();
            let best = restricted_log_likelihood(&effects, reml(&effects));
            for i in 0..=2800 {
                let tau_squared = libm::pow(10.0, f64::from(i) / 200.0 - 9.0);
                let other = restricted_log_likelihood(&effects, tau_squared);
                prop_assert!(other <= best + 1e-9, "{tau_squared}: {other} > {best}");
            }
        }
    }
}
