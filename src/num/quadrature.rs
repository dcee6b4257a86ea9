//! Quadrature: Gauss–Legendre of any order, and means over a normal distribution.

use std::f64::consts::PI;

use super::normal::density;

/// A Gauss–Legendre rule: nodes and weights on [−1, 1], in increasing order of node.
#[derive(Debug, Clone)]
pub struct GaussLegendre {
    nodes: Vec<f64>,
    weights: Vec<f64>,
}

impl GaussLegendre {
    /// Builds the rule with `order` ≥ 1 nodes, exact for polynomials of degree 2·order − 1, by
    /// Newton's method on the Legendre polynomial from Tricomi's starting values.
    pub fn new(order: usize) -> Self {
        let n = order as f64;
        let mut nodes = vec![0.0; order];
        let mut weights = vec![0.0; order];
        // The rule is symmetric about 0: half of the roots give the others.
        for i in 0..order.div_ceil(2) {
            let mut x = libm::cos(PI * (i as f64 + 0.75) / (n + 0.5));
            let mut slope = 1.0;
            // Three or four steps from these starting values; the bound is for NaN.
            for _ in 0..100 {
                let (value, derivative) = legendre(order, x);
                slope = derivative;
                let step = value / derivative;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            let weight = 2.0 / ((1.0 - x * x) * slope * slope);
            nodes[i] = -x;
            nodes[order - 1 - i] = x;
            weights[i] = weight;
            weights[order - 1 - i] = weight;
        }
        Self { nodes, weights }
    }

    /// Iterates over pairs of node and weight for the interval from `low` to `high`.
    pub fn on(&self, low: f64, high: f64) -> impl Iterator<Item = (f64, f64)> {
        let half = 0.5 * (high - low);
        let middle = 0.5 * (high + low);
        self.nodes.iter().zip(&self.weights).map(move |(x, w)| (middle + half * x, half * w))
    }
}

/// Step of the rule for normal means, in standard deviations or in units of the logistic scale,
/// whichever is shorter.
const STEP: f64 = 0.75;
/// Distance of the last node of that rule from the mean, in standard deviations; the mass beyond is
/// 8e-11.
const REACH: f64 = 6.5;

/// Returns pairs of value and weight for means over a normal distribution: the mean of a smooth
/// function of a normal variable with mean 0 and standard deviation `sd` is the weighted sum of its
/// values. A single value, 0, if `sd` is 0.
///
/// This is the trapezium rule, whose error is exp(−2πd/h) for steps h where the nearest pole is d from
/// the real axis, and exp(−2π²/h²) by the normal density (Trefethen & Weideman 2014, SIAM Rev 56:385):
/// a logistic curve of the variable has d = π/`sd`, so its mean is right to 1e-9.
pub fn normal_nodes(sd: f64) -> Vec<(f64, f64)> {
    if sd == 0.0 {
        return vec![(0.0, 1.0)];
    }
    let step = STEP / sd.max(1.0);
    let last = (REACH / step).ceil() as i32;
    let nodes = (-last..=last).map(|i| f64::from(i) * step);
    // Dividing by the sum makes the mean of a constant exact.
    let total: f64 = nodes.clone().map(density).sum();
    nodes.map(|z| (sd * z, density(z) / total)).collect()
}

/// Returns P_n(x) and its derivative, by the three-term recurrence.
fn legendre(order: usize, x: f64) -> (f64, f64) {
    let (mut previous, mut current) = (1.0, x);
    for k in 2..=order {
        let k = k as f64;
        (previous, current) = (current, ((2.0 * k - 1.0) * x * current - (k - 1.0) * previous) / k);
    }
    (current, order as f64 * (x * current - previous) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrates_polynomials_exactly_and_the_normal_density_closely() {
        for order in [1, 2, 5, 64, 301] {
            let rule = GaussLegendre::new(order);
            let length: f64 = rule.on(-3.0, 5.0).map(|(_, w)| w).sum();
            assert!((length - 8.0).abs() < 1e-12, "{order}");
            let degree = (2 * order - 1).min(9) as i32;
            let power: f64 = rule.on(0.0, 2.0).map(|(x, w)| w * x.powi(degree)).sum();
            let exact = 2f64.powi(degree + 1) / f64::from(degree + 1);
            assert!((power / exact - 1.0).abs() < 1e-12, "{order}");
        }
        let mass: f64 = GaussLegendre::new(64)
            .on(-10.0, 10.0)
            .map(|(x, w)| w * crate::num::normal::density(x))
            .sum();
        assert!((mass - 1.0).abs() < 1e-13);
    }

    /// Means of logistic curves, against Gauss–Legendre on 400 nodes.
    #[test]
    fn normal_means_of_logistic_curves_are_right() {
        let fine = GaussLegendre::new(400);
        for sd in [0.1, 0.6, 1.0, 2.0, 5.0] {
            for at in [-3.0, 0.0, 1.1] {
                let curve = |x: f64| crate::num::logistic(at + x);
                let mean: f64 = normal_nodes(sd).iter().map(|(x, w)| w * curve(*x)).sum();
                let exact: f64 =
                    fine.on(-9.0, 9.0).map(|(z, w)| w * density(z) * curve(sd * z)).sum();
                assert!((mean - exact).abs() < 1e-9, "{sd} {at}: {mean} {exact}");
            }
        }
        assert_eq!(normal_nodes(0.0), [(0.0, 1.0)]);
    }
}
