//! Chebyshev interpolation of a function of one variable.

use std::f64::consts::PI;

/// A polynomial on an interval from `low` to `high`, as a sum of Chebyshev polynomials.
#[derive(Debug, Clone)]
pub struct Chebyshev {
    low: f64,
    high: f64,
    coefficients: Vec<f64>,
}

impl Chebyshev {
    /// Returns the `order` points between `low` and `high` at which [`Chebyshev::through`] needs the
    /// values, in descending order.
    pub fn points(order: usize, low: f64, high: f64) -> impl Iterator<Item = f64> {
        let (middle, half) = (0.5 * (high + low), 0.5 * (high - low));
        (0..order).map(move |i| middle + half * libm::cos(node_angle(i, order)))
    }

    /// Interpolates `values` at the points of [`Chebyshev::points`] (Press et al., *Numerical
    /// Recipes*, 2007, eq. 5.8.7).
    pub fn through(low: f64, high: f64, values: &[f64]) -> Self {
        let order = values.len();
        let mut coefficients = Vec::with_capacity(order);
        for j in 0..order {
            let mut sum = 0.0;
            for (i, value) in values.iter().enumerate() {
                sum += value * libm::cos(j as f64 * node_angle(i, order));
            }
            // The constant counts half (c₀/2 in the book), so that `at` may add it whole.
            coefficients.push(sum * if j == 0 { 1.0 } else { 2.0 } / order as f64);
        }
        Self { low, high, coefficients }
    }

    /// Evaluates the polynomial at `x`, in the interval, by Clenshaw's recurrence.
    pub fn at(&self, x: f64) -> f64 {
        let u = (2.0 * x - self.low - self.high) / (self.high - self.low);
        let (mut later, mut next) = (0.0, 0.0);
        for c in self.coefficients.iter().skip(1).rev() {
            (next, later) = (c + 2.0 * u * next - later, next);
        }
        self.coefficients[0] + u * next - later
    }

    /// Returns the sum of the absolute values of the last three coefficients, an estimate of the
    /// distance between the polynomial and the smooth function that it interpolates.
    pub fn tail(&self) -> f64 {
        // More than one, because every second coefficient of an even or odd function is 0.
        self.coefficients.iter().rev().take(3).map(|c| c.abs()).sum()
    }
}

/// Returns the angle whose cosine is the `i`-th node on [−1, 1].
fn node_angle(i: usize, order: usize) -> f64 {
    PI * (i as f64 + 0.5) / order as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(f: impl Fn(f64) -> f64, order: usize, low: f64, high: f64) -> Chebyshev {
        let values: Vec<f64> = Chebyshev::points(order, low, high).map(f).collect();
        Chebyshev::through(low, high, &values)
    }

    #[test]
    fn polynomials_are_exact_and_a_smooth_function_is_close() {
        let cubic = through(|x| x * x * x - 4.0 * x + 1.0, 4, -1.0, 5.0);
        let smooth = through(libm::exp, 16, -1.0, 2.0);
        for i in 0..=60 {
            let x = -1.0 + f64::from(i) / 10.0;
            assert!((cubic.at(x) - (x * x * x - 4.0 * x + 1.0)).abs() < 1e-12, "{x}");
            let x = 0.5 * x - 0.5;
            assert!((smooth.at(x) - libm::exp(x)).abs() < 1e-12, "{x}");
        }
        // 2e^½·Σ I_n(1.5) for n = 13, 14, 15.
        assert!((smooth.tail() - 1.34e-11).abs() < 1e-12, "{}", smooth.tail());
        assert!(through(f64::abs, 16, -1.0, 1.0).tail() > 1e-3);
    }

    #[test]
    fn one_point_is_a_constant() {
        assert_eq!(through(|_| 3.0, 1, 0.0, 1.0).at(0.9), 3.0);
    }
}
