//! Numerical tools that know no trial words: logarithms, the normal distribution, quadrature, root
//! finding.
//!
//! Everything here is built on `+ − × ÷ √` and the portable `libm`, so that a boundary has the
//! same bits on every platform.

pub mod log;
pub mod normal;
pub mod quadrature;
pub mod root;

/// log(p / (1 − p)) for p in (0, 1).
pub fn logit(p: f64) -> f64 {
    libm::log(p) - libm::log1p(-p)
}

/// 1 / (1 + exp(−x)), without overflow at either end.
pub fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + libm::exp(-x))
    } else {
        let e = libm::exp(x);
        e / (1.0 + e)
    }
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
}
