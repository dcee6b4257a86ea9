//! Roots of a function of one variable.

/// A root of `f` between `low` and `high`, where `f` must change sign, to within a few units in
/// the last place; `None` when it does not change sign or is not a number there.
///
/// Brent, *Algorithms for Minimization without Derivatives* (1973), chapter 4: inverse quadratic
/// interpolation guarded by bisection. `b` is the best point so far, `a` the one before it, `c`
/// the last point on the other side of the root.
pub fn brent(f: impl Fn(f64) -> f64, low: f64, high: f64) -> Option<f64> {
    between((low, f(low)), (high, f(high)), 2.0 * f64::EPSILON, f)
}

/// The root of a falling `f` that lies near `guess`, to a relative `precision`: the interval is
/// `step` wide at first and doubles towards the root, up to `low` or `high`; `None` where there is
/// none between these.
pub fn near(
    f: impl Fn(f64) -> f64,
    (guess, step): (f64, f64),
    (low, high): (f64, f64),
    precision: f64,
) -> Option<f64> {
    let mut here = (guess, f(guess));
    let (sign, end) = if here.1 > 0.0 { (1.0, high) } else { (-1.0, low) };
    let mut step = step;
    loop {
        let next = if sign > 0.0 { (here.0 + step).min(end) } else { (here.0 - step).max(end) };
        let there = (next, f(next));
        if there.1 * sign <= 0.0 {
            return between(here, there, precision, f);
        }
        if next == end {
            return None;
        }
        here = there;
        step *= 2.0;
    }
}

/// As [`brent`], from two points with the values of `f` there, to a relative `precision`.
fn between(
    (mut a, mut fa): (f64, f64),
    (mut b, mut fb): (f64, f64),
    precision: f64,
    f: impl Fn(f64) -> f64,
) -> Option<f64> {
    if fa.is_nan() || fb.is_nan() || fa * fb > 0.0 {
        return None;
    }
    let (mut c, mut fc) = (a, fa);
    let mut step = b - a;
    let mut step_before = step;
    for _ in 0..200 {
        if fb * fc > 0.0 {
            (c, fc) = (a, fa);
            step = b - a;
            step_before = step;
        }
        if fc.abs() < fb.abs() {
            (a, b, c) = (b, c, b);
            (fa, fb, fc) = (fb, fc, fb);
        }
        let tolerance = precision * b.abs() + 1e-300;
        let half = 0.5 * (c - b);
        if half.abs() <= tolerance || fb == 0.0 {
            return Some(b);
        }
        let mut bisect = true;
        if step_before.abs() >= tolerance && fa.abs() > fb.abs() {
            let s = fb / fa;
            let (mut p, mut q) = if a == c {
                (2.0 * half * s, 1.0 - s)
            } else {
                let (q, r) = (fa / fc, fb / fc);
                (
                    s * (2.0 * half * q * (q - r) - (b - a) * (r - 1.0)),
                    (q - 1.0) * (r - 1.0) * (s - 1.0),
                )
            };
            if p > 0.0 {
                q = -q;
            }
            p = p.abs();
            if 2.0 * p < (3.0 * half * q - (tolerance * q).abs()).min((step_before * q).abs()) {
                step_before = step;
                step = p / q;
                bisect = false;
            }
        }
        if bisect {
            step = half;
            step_before = half;
        }
        (a, fa) = (b, fb);
        b += if step.abs() > tolerance { step } else { tolerance.copysign(half) };
        fb = f(b);
        if fb.is_nan() {
            return None;
        }
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_roots_of_known_functions() {
        let root = brent(|x| x * x * x - 2.0 * x - 5.0, 2.0, 3.0).expect("changes sign");
        assert!((root - 2.0945514815423265).abs() < 1e-14);
        let root = brent(|x| libm::exp(x) - 1e-12, -60.0, 0.0).expect("changes sign");
        assert!((root - libm::log(1e-12)).abs() < 1e-10);
        assert_eq!(brent(|x| x, 0.0, 1.0), Some(0.0));
    }

    #[test]
    fn finds_the_root_of_a_falling_function_from_near_it() {
        for guess in [0.1, 1.9, 2.0, 2.1, 9.9] {
            let root =
                near(|x| 8.0 - x * x * x, (guess, 0.05), (0.0, 10.0), 1e-15).expect("it falls");
            assert!((root - 2.0).abs() < 1e-14, "{guess}");
        }
        assert_eq!(near(|x| 8.0 - x, (3.0, 0.05), (0.0, 7.0), 1e-15), None);
        assert_eq!(near(|x| -1.0 - x, (3.0, 0.05), (0.0, 7.0), 1e-15), None);
        assert_eq!(near(|_| f64::NAN, (3.0, 0.05), (0.0, 7.0), 1e-15), None);
    }

    #[test]
    fn refuses_an_interval_without_a_sign_change() {
        assert_eq!(brent(|x| x * x + 1.0, -1.0, 1.0), None);
        assert_eq!(brent(|_| f64::NAN, -1.0, 1.0), None);
    }
}
