//! Student's t distribution: upper tail, quantiles, and the normal score of a t statistic.
//!
//! The degrees of freedom ν may be any number above 0 (Welch's are not whole). Throughout,
//! s² = t²/ν, x = 1/(1 + s²), y = 1 − x, a = ν/2; the tail above t > 0 is ½·I_x(a, ½), a regularised
//! incomplete beta function.

use std::f64::consts::PI;

use super::normal;

/// Returns P(T ≥ `t`) for T with `df` > 0 degrees of freedom (the normal tail if `df` is infinite);
/// NaN if `df` is not above 0 or `t` is NaN. The relative error is below 1e-12 for values down to
/// 1e-300.
pub fn upper_tail(t: f64, df: f64) -> f64 {
    if t < 0.0 {
        return 1.0 - upper_tail(-t, df);
    }
    if df == f64::INFINITY {
        return normal::upper_tail(t);
    }
    libm::exp(ln_upper_tail(t, df))
}

/// Returns the density at `t` of T with `df` > 0 degrees of freedom.
pub fn density(t: f64, df: f64) -> f64 {
    libm::exp(ln_density(t, df))
}

/// Returns the t exceeded with probability `p` in (0, 1) at `df` > 0 degrees of freedom; ±∞ at the
/// ends, NaN outside.
///
/// Newton's method on ln p as a function of ln t, which is concave, so that it converges from above,
/// starting from the leading terms of the inverse of Hill's expansion (1970).
pub fn upper_quantile(p: f64, df: f64) -> f64 {
    let z = normal::upper_quantile(p);
    if df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if p > 0.5 {
        return -upper_quantile(1.0 - p, df);
    }
    if p == 0.5 {
        return 0.0;
    }
    if !z.is_finite() || df == f64::INFINITY {
        return z;
    }
    let a = (df - 0.5).max(0.5 * df);
    let w = (z - z * (z * z + 3.0) / (48.0 * a * a)).max(0.5 * z);
    let mut t = (df * libm::expm1(w * w / a)).sqrt();
    // Steps on the normal score are cheap where Hill's expansion holds: each evaluates a series, where
    // the steps below sum a continued fraction. They leave one or two of those.
    for _ in 0..3 {
        let (score, third) = hill(t, df);
        if third.abs() < 0.01 * score {
            let step = (z - score) * normal::density(score) / libm::exp(ln_density(t, df)) / t;
            t *= libm::exp(step.clamp(-2.0, 2.0));
        }
    }
    let target = libm::log(p);
    for _ in 0..60 {
        let tail = ln_upper_tail(t, df);
        let step = (tail - target) * libm::exp(tail - ln_density(t, df)) / t;
        // A full step would overshoot where t is small and the curve flat.
        t *= libm::exp(step.clamp(-2.0, 2.0));
        // Each step squares the error.
        if step.abs() < 1e-8 {
            break;
        }
    }
    t
}

/// Returns the standard normal z with P(Z ≥ z) = P(T ≥ `t`) for `df` > 0 degrees of freedom; NaN if
/// `df` is not above 0 or `t` is NaN.
///
/// Hill's expansion (1970) is the result if its third term is negligible; otherwise it starts Newton's
/// method on the logarithm of the normal tail.
pub fn normal_score(t: f64, df: f64) -> f64 {
    if df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if t < 0.0 {
        return -normal_score(-t, df);
    }
    if df == f64::INFINITY || t == 0.0 || t == f64::INFINITY {
        return t;
    }
    // Called at every look of a t test: the expansion alone costs a tenth of the Newton steps and
    // suffices at the degrees of freedom of a trial.
    let (start, third) = hill(t, df);
    if third.abs() < NEGLIGIBLE_THIRD * start {
        return start;
    }
    let target = ln_upper_tail(t, df);
    // With few degrees of freedom the expansion diverges; Wallace's first term does not.
    let mut z = if third.abs() < 0.01 * start { start } else { wallace(t, df) };
    for _ in 0..30 {
        let (tail, slope) = ln_normal_tail(z);
        let step = (tail - target) / slope;
        z -= step;
        // Each step squares the error.
        if step.abs() < 1e-9 * (1.0 + z) {
            break;
        }
    }
    z
}

/// Largest third term, relative to the score, at which Hill's expansion is used alone: the error is
/// then below 3e-13 of the score (in 50-digit arithmetic, ν from 5 to 1000, scores to 12).
const NEGLIGIBLE_THIRD: f64 = 1e-10;

/// Returns Hill's expansion of the normal score of t (1970, CACM 13:617, eq. 4) to three terms beyond
/// w = √((ν − ½)·ln(1 + s²)), and the third of these terms; NaN for ν ≤ ½.
fn hill(t: f64, df: f64) -> (f64, f64) {
    let a = df - 0.5;
    let b = 48.0 * a * a;
    let square = a * ln_1p_square(t / df.sqrt());
    let w = square.sqrt();
    let first = w * (square + 3.0) / b;
    let second = w * (855.0 + square * (240.0 + square * (33.0 + square * 4.0))) / (10.0 * b * b);
    let series = [1_788_885.0, 543_375.0, 89_775.0, 9_801.0, 788.0, 64.0];
    let third = w * series.iter().rev().fold(0.0, |sum, c| sum * square + c) / (210.0 * b * b * b);
    (w + first - second + third, third)
}

/// Returns ln(1 + s²) without overflow.
fn ln_1p_square(s: f64) -> f64 {
    // From 1e9 on 1 + s² rounds to s², and beyond 1e154 the square itself would overflow.
    if s > 1e9 { 2.0 * libm::log(s) } else { libm::log1p(s * s) }
}

/// Returns the logarithm of P(T ≥ `t`) for `t` ≥ 0.
fn ln_upper_tail(t: f64, df: f64) -> f64 {
    if df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    let a = 0.5 * df;
    let s = t / df.sqrt();
    let y = if s > 1e9 { 1.0 } else { s * s / (1.0 + s * s) };
    // x^a is (1 + s²)^−a: its logarithm is taken without x, which underflows for large s.
    let power = -a * ln_1p_square(s);
    // x^a·√y / B(a, ½) without the power of x, which may underflow and is added as a logarithm.
    let front = y.sqrt() * gamma_ratio(a) / PI.sqrt();
    // In the body, where the tail is near ½, the central series converges fast and the difference from ½
    // loses nothing; beyond, the continued fraction gives the tail itself.
    if y * (a + 2.5) < 1.5 {
        libm::log(0.5 - front * libm::exp(power) * central_series(a, y))
    } else {
        power + libm::log(0.5 * front * tail_fraction(a, 1.0 / (1.0 + s * s), y))
    }
}

/// Returns ₂F₁(1, a + ½; 3/2; y) by its series, all of whose terms are positive: P(|T| < t) is
/// 2·x^a·√y / B(a, ½) times this value (DLMF 8.17.8).
fn central_series(a: f64, y: f64) -> f64 {
    let (mut sum, mut term, mut n) = (1.0, 1.0, 0.0);
    while term > 1e-17 * sum {
        term *= y * (a + 0.5 + n) / (1.5 + n);
        sum += term;
        n += 1.0;
    }
    sum
}

/// Returns I_x(a, ½)·B(a, ½) / (x^a·√y) as a continued fraction (Didonato & Morris 1992, ACM TOMS
/// 18:360, eq. 9) by Lentz's method.
fn tail_fraction(a: f64, x: f64, y: f64) -> f64 {
    // The coefficients depend on x by λ = a·y − x/2 and 1 + y alone, which lose nothing if a is large
    // and x next to 1; those of the usual fraction (DLMF 8.17.22) lose seven digits there.
    let b = 0.5;
    let lambda = a * y - b * x;
    let first = a * (lambda + 1.0) / (a + 1.0);
    let (mut value, mut c, mut d) = (1.0 / first, first, 0.0);
    for m in 1..500 {
        let m = f64::from(m);
        let odd = a + 2.0 * m - 1.0;
        let share = x / odd;
        let alpha = (a + m - 1.0) * (a + b + m - 1.0) * m * (b - m) * share * share;
        let beta = m + m * (b - m) * share + (a + m) * (lambda + 1.0 + m * (1.0 + y)) / (odd + 2.0);
        d = 1.0 / (beta + alpha * d);
        c = beta + alpha / c;
        let change = c * d;
        value /= change;
        if (change - 1.0).abs() < 3e-16 {
            break;
        }
    }
    value
}

/// Returns the logarithm of the density at `t`.
fn ln_density(t: f64, df: f64) -> f64 {
    let power = -0.5 * (df + 1.0) * ln_1p_square(t / df.sqrt());
    power + libm::log(gamma_ratio(0.5 * df) / (PI * df).sqrt())
}

/// Returns Γ(a + ½) / Γ(a) for a > 0.
///
/// Its logarithm is ½·ln w − Σ E_2k / (k·4^(2k+1)·w^2k), w = a − ¼, with the Euler numbers E_2k (from
/// DLMF 5.11.8 and 24.4.31), once a has been raised to 10 by Γ(a + 1) = a·Γ(a).
fn gamma_ratio(a: f64) -> f64 {
    // A difference of two log-gamma functions would lose all digits at large a.
    const TERMS: [f64; 6] = [
        1.0 / 64.0,
        -5.0 / 2_048.0,
        61.0 / 49_152.0,
        -1_385.0 / 1_048_576.0,
        50_521.0 / 20_971_520.0,
        -2_702_765.0 / 402_653_184.0,
    ];
    let (mut factor, mut raised) = (1.0, a);
    while raised < 10.0 {
        factor *= raised / (raised + 0.5);
        raised += 1.0;
    }
    let w = raised - 0.25;
    let inverse = 1.0 / (w * w);
    let sum = TERMS.iter().rev().fold(0.0, |sum, c| (sum + c) * inverse);
    factor * w.sqrt() * libm::exp(sum)
}

/// Returns ln P(Z ≥ `z`) and its derivative, also if the tail is below the smallest number.
fn ln_normal_tail(z: f64) -> (f64, f64) {
    if z < 20.0 {
        let tail = normal::upper_tail(z);
        return (libm::log(tail), -normal::density(z) / tail);
    }
    // Mills' ratio by its asymptotic series, whose next term is below 1e-12 of the sum.
    let inverse = 1.0 / (z * z);
    let series = [-1.0, 3.0, -15.0, 105.0, -945.0, 10_395.0, -135_135.0];
    let mills = (1.0 + series.iter().rev().fold(0.0, |sum, c| (sum + c) * inverse)) / z;
    (-0.5 * z * z + libm::log(mills / (2.0 * PI).sqrt()), -1.0 / mills)
}

/// Approximates the normal score of t > 0 to within some tenths (Wallace 1959, Ann Math Statist
/// 30:1121).
fn wallace(t: f64, df: f64) -> f64 {
    let root = (df * ln_1p_square(t / df.sqrt())).sqrt();
    (8.0 * df + 1.0) / (8.0 * df + 3.0) * root
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use statrs::distribution::{ContinuousCDF, StudentsT};

    /// Degrees of freedom, t, P(T ≥ t) and its normal score: the incomplete beta function in
    /// 60 to 450-digit arithmetic (mpmath).
    const KNOWN: [(f64, f64, f64, f64); 20] = [
        (1.0, 0.5, 0.35241638234956673, 0.37880487807081295),
        (1.0, 1e+50, 3.1830988618379065e-51, 15.009461987086121),
        (2.0, 3.0, 0.047732983133354566, 1.6672436508059163),
        (2.5, 10.0, 0.0022207478836537124, 2.8449746498185354),
        (5.0, 0.001, 0.49962039338609883, 0.00095153281523023123),
        (7.3, 1.7, 0.065582684176543463, 1.5095222708005593),
        (10.0, 40.0, 1.1404288715428773e-12, 7.016137394477692),
        (30.0, 8.0, 3.1329112378503795e-9, 5.8095039263688785),
        (58.6, 2.2, 0.01588150905563761, 2.1473802947450843),
        (154.0, 1.73, 0.042816855961775147, 1.7188937966179773),
        (154.0, 30.0, 1.662023351292409e-66, 17.186979526371882),
        (310.0, 2.5, 0.0064678789595097387, 2.4855330385766064),
        (310.0, 6.0, 2.7496306972948581e-9, 5.8313139225245939),
        (1000.0, 1.5, 0.066965019411043086, 1.4987826045651953),
        (1000.0, 37.0, 8.6503944049565307e-190, 29.360987746229855),
        (12345.6, 12.0, 2.710366708939869e-33, 11.964985076843273),
        (100000.0, 1.8, 0.035931825483330664, 1.7999809203100976),
        (10000000.0, 1.75, 0.040059172198262463, 1.7499998222656522),
        (10000000.0, 37.0, 6.0006061613191709e-300, 36.998732843936842),
        (10000000.0, 6.0, 9.8662136668389176e-10, 5.9999944500107118),
    ];

    #[test]
    fn tails_and_scores_have_known_values() {
        for (df, t, tail, score) in KNOWN {
            let ours = upper_tail(t, df);
            assert!((ours / tail - 1.0).abs() < 1e-12, "{df} {t}: {ours}");
            assert!((upper_tail(-t, df) - (1.0 - tail)).abs() < 1e-15, "{df} {t}");
            let ours = normal_score(t, df);
            assert!((ours - score).abs() < 1e-12 * (1.0 + score), "{df} {t}: {ours}");
            assert_eq!(normal_score(-t, df), -ours);
            let back = upper_quantile(tail, df);
            // In the body the tail hardly depends on t, in the sense of relative rounding.
            assert!((back / t - 1.0).abs() < 1e-12 * (1.0 + 1.0 / t), "{df} {t}: {back}");
        }
    }

    #[test]
    fn one_and_two_degrees_of_freedom_are_closed_forms() {
        for i in -300..=300 {
            let t = libm::pow(10.0, f64::from(i) / 3.0);
            let (one, two) = if t > 1.0 {
                let root = (1.0 + 2.0 / t / t).sqrt();
                (libm::atan(1.0 / t) / PI, 1.0 / (t * t * root * (root + 1.0)))
            } else {
                (0.5 - libm::atan(t) / PI, 0.5 - 0.5 * t / (2.0 + t * t).sqrt())
            };
            assert!((upper_tail(t, 1.0) / one - 1.0).abs() < 1e-12, "{t}");
            assert!((upper_tail(t, 2.0) / two - 1.0).abs() < 1e-12, "{t}");
        }
    }

    #[test]
    fn agrees_with_statrs() {
        for df in [1.0, 3.7, 12.0, 99.5, 300.0] {
            let reference = StudentsT::new(0.0, 1.0, df).expect("a valid distribution");
            for i in -50..=50 {
                let t = f64::from(i) / 8.0;
                assert!((upper_tail(t, df) - reference.sf(t)).abs() < 1e-10, "{df} {t}");
            }
        }
    }

    #[test]
    fn ends_and_nonsense_are_defined() {
        for df in [0.3, 1.0, 40.0, 1e7, f64::INFINITY] {
            assert_eq!(upper_tail(0.0, df), 0.5, "{df}");
            assert_eq!(upper_tail(f64::INFINITY, df), 0.0, "{df}");
            assert_eq!(upper_tail(f64::NEG_INFINITY, df), 1.0, "{df}");
            assert_eq!(normal_score(0.0, df), 0.0);
            assert_eq!(normal_score(f64::INFINITY, df), f64::INFINITY);
            assert_eq!(upper_quantile(0.5, df), 0.0);
            assert_eq!(upper_quantile(0.0, df), f64::INFINITY);
            assert_eq!(upper_quantile(1.0, df), f64::NEG_INFINITY);
            assert!(upper_quantile(1.5, df).is_nan());
            assert!(upper_tail(f64::NAN, df).is_nan() && normal_score(f64::NAN, df).is_nan());
        }
        for df in [0.0, -1.0, f64::NAN] {
            assert!(upper_tail(1.0, df).is_nan() && normal_score(1.0, df).is_nan());
            assert!(upper_quantile(0.1, df).is_nan());
        }
        // Tails below the smallest number still have a score.
        assert!((normal_score(45.0, 1e9) - 45.0).abs() < 1e-4);
        assert!((67.0..68.0).contains(&normal_score(1e200, 5.0)));
    }

    #[test]
    fn the_tail_is_continuous_where_the_method_changes() {
        for df in [0.5, 1.0, 8.0, 300.0, 1e7] {
            let t = (df * 1.5_f64 / (0.5 * df + 1.0)).sqrt();
            let (below, above) =
                (upper_tail(t * (1.0 - 1e-15), df), upper_tail(t * (1.0 + 1e-15), df));
            assert!((below / above - 1.0).abs() < 1e-13, "{df}");
        }
    }

    proptest! {
        #[test]
        fn gamma_ratio_is_that_of_gamma_functions(a in 0.05..80.0f64) {
            let exact = libm::exp(libm::lgamma(a + 0.5) - libm::lgamma(a));
            prop_assert!((gamma_ratio(a) / exact - 1.0).abs() < 1e-12);
            // Γ(a + ½)/Γ(a) · Γ(a + 1)/Γ(a + ½) = a.
            prop_assert!((gamma_ratio(a) * gamma_ratio(a + 0.5) / a - 1.0).abs() < 1e-14);
        }

        #[test]
        fn the_score_has_the_tail_of_t(t in 0.0..40.0f64, log_df in 0.0..16.0f64) {
            let df = libm::exp(log_df);
            let tail = upper_tail(t, df);
            prop_assume!(tail > 1e-290);
            let z = normal_score(t, df);
            // An error of z is multiplied by about z in the tail.
            let off = (normal::upper_tail(z) / tail - 1.0).abs();
            prop_assert!(off < 1e-12 * (1.0 + z * z), "{} {} {}", t, df, off);
            prop_assert!(z <= t * (1.0 + 1e-12));
            if t > 1e-3 {
                let back = upper_quantile(tail, df);
                prop_assert!((back / t - 1.0).abs() < 1e-11, "{} {} {}", t, df, back);
            }
        }

        #[test]
        fn the_tail_falls_with_t_and_with_degrees_of_freedom(
            t in 0.01..30.0f64, log_df in 0.0..16.0f64, more in 0.001..1.0f64,
        ) {
            let df = libm::exp(log_df);
            let tail = upper_tail(t, df);
            prop_assert!(upper_tail(t * (1.0 + more), df) < tail);
            prop_assert!(upper_tail(t, df * (1.0 + more)) <= tail * (1.0 + 1e-12));
            prop_assert!(normal::upper_tail(t) <= tail * (1.0 + 1e-12));
        }
    }
}
