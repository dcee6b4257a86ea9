//! Numerical tools without trial vocabulary: interpolation, exponentials, logarithms, the normal,
//! Student's t and the χ² distribution, quadrature, root finding, numbers as typed.
//!
//! A boundary must have the same bits on every platform. IEEE 754 requires `+ − × ÷`, the square root
//! and rounding to whole numbers to be exact to the last bit, so the whole crate uses the methods of
//! `f64` for these (`sqrt`, `floor`, `ceil`). It leaves all other functions open: exponentials,
//! logarithms, powers and trigonometry come from the portable `libm` crate, never from the platform.

pub mod beta;
pub mod chebyshev;
pub mod chi_squared;
pub mod exp;
pub mod fixed_point;
pub mod log;
pub mod normal;
pub mod quadrature;
pub mod root;
pub mod student;
pub mod typed;

/// The log odds log(p / (1 − p)) of a probability p in (0, 1).
pub fn logit(p: f64) -> f64 {
    libm::log(p) - libm::log1p(-p)
}

/// The logistic function 1 / (1 + exp(−x)), in [0, 1], without overflow at either end.
pub fn logistic(x: f64) -> f64 {
    // Each branch takes the exponential of a number at or below 0, which is at most 1.
    if x >= 0.0 {
        1.0 / (1.0 + libm::exp(-x))
    } else {
        let e = libm::exp(x);
        e / (1.0 + e)
    }
}

/// Adds log odds to a probability; 0 and 1 stay as they are.
pub fn add_log_odds(p: f64, log_odds: f64) -> f64 {
    // Adding 0 returns `p` itself: the way through `logit` and back would change its last bits.
    if log_odds == 0.0 || p <= 0.0 || p >= 1.0 { p } else { logistic(logit(p) + log_odds) }
}

/// A number; `None` if it is infinite or NaN.
pub fn finite(x: f64) -> Option<f64> {
    Some(x).filter(|x| x.is_finite())
}

/// The scalar product of two vectors.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The difference of two vectors.
pub(crate) fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// The largest number below 1.
const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

/// Moves a uniform draw u within [0, 1), so that every event that occurs when u is below some
/// probability has its odds multiplied: the result is below p exactly when u < p', where p' has
/// `odds_ratio` > 0 times the odds of p.
#[inline]
pub fn with_odds(uniform: f64, odds_ratio: f64) -> f64 {
    // A tiny odds ratio would round the quotient up to 1, which no inverse CDF accepts.
    (uniform / (uniform + (1.0 - uniform) * odds_ratio)).min(BELOW_ONE)
}

/// Relative error of a sum of shares that rounding in binary explains.
pub const EXACT_SUM: f64 = 1e-6;
/// Relative error of a sum of seven published percentages that rounding to whole numbers explains.
pub const ROUNDED_SUM: f64 = 0.01;

/// Returns a percentage as the fraction that a person would write.
pub fn percent_as_fraction(percent: f64) -> f64 {
    // Six decimals, or 33.3 would become 0.33299999999999996.
    (percent * 1e4).round() / 1e6
}

/// The error of shares that do not sum to 1 or to 100 %.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("sum to {sum}, too {} by {:.6}; allowed: a sum of {}", if sum > whole { "much" } else { "little" }, (sum - whole).abs(), self.allowed())]
pub struct WrongSum {
    /// Sum of the shares.
    pub sum: f64,
    /// The sum that is allowed: 1, or 100 for percentages.
    pub whole: f64,
    /// Relative error of the sum that is allowed.
    pub tolerance: f64,
}

impl WrongSum {
    fn allowed(&self) -> String {
        let Self { whole, tolerance, .. } = self;
        if *tolerance < ROUNDED_SUM {
            return whole.to_string();
        }
        format!("{} to {}", whole * (1.0 - tolerance), whole * (1.0 + tolerance))
    }

    /// Returns whether rounding of the shares explains the sum.
    pub fn may_be_rounding(&self) -> bool {
        is_within(self.sum, self.whole, ROUNDED_SUM)
    }
}

/// Returns fractions that sum to 1, given fractions or percentages; shares are percentages if any of
/// them exceeds 1.
///
/// # Errors
/// [`WrongSum`] if the sum differs from 1 (percentages: 100) by more than one part in a million.
pub fn normalised(shares: &[f64]) -> Result<Vec<f64>, WrongSum> {
    normalised_within(shares, EXACT_SUM)
}

/// Returns what [`normalised`] does, for sums that may differ from 1 by `tolerance`, a fraction.
///
/// # Errors
/// [`WrongSum`] if the sum differs from 1 (percentages: 100) by more than that.
pub fn normalised_within(shares: &[f64], tolerance: f64) -> Result<Vec<f64>, WrongSum> {
    let whole = if shares.iter().any(|&share| share > 1.0) { 100.0 } else { 1.0 };
    let sum: f64 = shares.iter().sum();
    if !is_within(sum, whole, tolerance) {
        return Err(WrongSum { sum, whole, tolerance });
    }
    Ok(shares.iter().map(|share| share / sum).collect())
}

/// Returns whether a sum of shares is `whole` but for a relative error. A sum of rounded decimals that
/// is 101 has an error in binary of its own.
fn is_within(sum: f64, whole: f64, tolerance: f64) -> bool {
    (sum - whole).abs() <= (tolerance + 1e-12) * whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logit_inverts_logistic() {
        for x in [-30.0, -2.5, 0.0, 1e-9, 0.7, 12.0] {
            assert!((logit(logistic(x)) - x).abs() < 1e-9 * (1.0 + x.abs() * 1e4), "{x}");
        }
        assert_eq!(logistic(-800.0), 0.0);
        assert_eq!(logistic(800.0), 1.0);
    }

    #[test]
    fn moved_draws_multiply_the_odds() {
        let steps = 100_000;
        for (p, odds_ratio) in [(0.25, 2.0), (0.9, 0.3), (1e-3, 20.0)] {
            let happens =
                (0..steps).filter(|&i| with_odds((f64::from(i) + 0.5) / 1e5, odds_ratio) < p);
            let share = happens.count() as f64 / f64::from(steps);
            let expected = logistic(logit(p) + libm::log(odds_ratio));
            assert!((share - expected).abs() <= 1e-5, "{share} {expected}");
        }
        assert_eq!(with_odds(0.0, 1e-9), 0.0);
        assert!(with_odds(BELOW_ONE, 1e-9) < 1.0);
    }
}
