//! Gauss–Legendre quadrature of any order.

use std::f64::consts::PI;

/// Nodes and weights on [−1, 1], in increasing order of node.
#[derive(Debug, Clone)]
pub struct GaussLegendre {
    nodes: Vec<f64>,
    weights: Vec<f64>,
}

impl GaussLegendre {
    /// The rule with `order` ≥ 1 nodes, exact for polynomials of degree 2·order − 1.
    ///
    /// Newton's method on the Legendre polynomial from Tricomi's starting values.
    pub fn new(order: usize) -> Self {
        let n = order as f64;
        let mut nodes = vec![0.0; order];
        let mut weights = vec![0.0; order];
        for i in 0..order.div_ceil(2) {
            let mut x = libm::cos(PI * (i as f64 + 0.75) / (n + 0.5));
            let mut slope = 1.0;
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

    /// Pairs of node and weight for the interval from `low` to `high`.
    pub fn on(&self, low: f64, high: f64) -> impl Iterator<Item = (f64, f64)> {
        let half = 0.5 * (high - low);
        let middle = 0.5 * (high + low);
        self.nodes.iter().zip(&self.weights).map(move |(x, w)| (middle + half * x, half * w))
    }
}

/// P_n(x) and its derivative, by the three-term recurrence.
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
}
