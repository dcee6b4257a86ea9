//! Roots of a function of one variable.

/// A value of a function with its place.
#[derive(Debug, Clone, Copy)]
struct Evaluation {
    x: f64,
    value: f64,
}

/// Finds a root of `f` between `low` and `high`, where `f` must change sign, to within a few units in
/// the last place; `None` if it does not change sign or is not a number there.
///
/// Brent, *Algorithms for Minimization without Derivatives* (1973), chapter 4: inverse quadratic
/// interpolation guarded by bisection.
pub fn brent(f: impl Fn(f64) -> f64, low: f64, high: f64) -> Option<f64> {
    let from = Evaluation { x: low, value: f(low) };
    let to = Evaluation { x: high, value: f(high) };
    between(from, to, 2.0 * f64::EPSILON, f)
}

/// Finds the root of a falling `f` that lies near `guess`, to a relative `precision`: the interval is
/// `step` wide at first and doubles towards the root, up to the ends of `range`; `None` if `f` does not
/// change sign within `range`.
pub fn near(
    f: impl Fn(f64) -> f64,
    guess: f64,
    step: f64,
    range: [f64; 2],
    precision: f64,
) -> Option<f64> {
    let mut here = Evaluation { x: guess, value: f(guess) };
    // A falling function that is positive has its root above.
    let [sign, end] = if here.value > 0.0 { [1.0, range[1]] } else { [-1.0, range[0]] };
    let mut step = step;
    loop {
        let x = if sign > 0.0 { (here.x + step).min(end) } else { (here.x - step).max(end) };
        let there = Evaluation { x, value: f(x) };
        if there.value * sign <= 0.0 {
            return between(here, there, precision, f);
        }
        // Also where `f` is not a number, which compares false above.
        if x == end {
            return None;
        }
        here = there;
        step *= 2.0;
    }
}

/// Finds a root between two points by Brent's method, to a relative `precision`.
fn between(
    from: Evaluation,
    to: Evaluation,
    precision: f64,
    f: impl Fn(f64) -> f64,
) -> Option<f64> {
    // Brent's names: `b` is the best point so far, `a` the one before it, `c` the last point on the
    // other side of the root.
    let (Evaluation { x: mut a, value: mut fa }, Evaluation { x: mut b, value: mut fb }) =
        (from, to);
    if fa.is_nan() || fb.is_nan() || fa * fb > 0.0 {
        return None;
    }
    let (mut c, mut fc) = (a, fa);
    let mut step = b - a;
    let mut step_before = step;
    // A bound, so that rounding errors that change sign for ever end the search; `b` is then as good
    // as any point.
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
        // The last summand keeps the tolerance above 0 at a root of 0.
        let tolerance = precision * b.abs() + 1e-300;
        let half = 0.5 * (c - b);
        if half.abs() <= tolerance || fb == 0.0 {
            return Some(b);
        }
        let mut bisect = true;
        if step_before.abs() >= tolerance && fa.abs() > fb.abs() {
            // The step is p/q, whose division waits until it is known to be used. Two points give the
            // secant, three the inverse parabola.
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
            // Taken only if it stays within three quarters of the interval and is less than half of the
            // step before the last: otherwise interpolation has stalled.
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
                near(|x| 8.0 - x * x * x, guess, 0.05, [0.0, 10.0], 1e-15).expect("it falls");
            assert!((root - 2.0).abs() < 1e-14, "{guess}");
        }
        assert_eq!(near(|x| 8.0 - x, 3.0, 0.05, [0.0, 7.0], 1e-15), None);
        assert_eq!(near(|x| -1.0 - x, 3.0, 0.05, [0.0, 7.0], 1e-15), None);
        assert_eq!(near(|_| f64::NAN, 3.0, 0.05, [0.0, 7.0], 1e-15), None);
    }

    #[test]
    fn refuses_an_interval_without_a_sign_change() {
        assert_eq!(brent(|x| x * x + 1.0, -1.0, 1.0), None);
        assert_eq!(brent(|_| f64::NAN, -1.0, 1.0), None);
    }
}
