//! What is believed of an effect before the trial: a mixture of normal distributions of the log
//! odds ratio.
//!
//! One component is the usual prior; several weigh bodies of evidence that contradict each other,
//! or a sceptic's view against an enthusiast's (Spiegelhalter, Abrams & Myles 2004, Bayesian
//! Approaches to Clinical Trials and Health-Care Evaluation, chapter 5).

use serde::Serialize;

use crate::num::normal::{density, upper_quantile, upper_tail};
use crate::num::quadrature::GaussLegendre;

/// One normal distribution of a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Component {
    /// Its share; all sum to 1.
    pub weight: f64,
    /// Mean log odds ratio.
    pub mean: f64,
    /// Standard deviation of the log odds ratio; 0 puts all mass at the mean.
    pub sd: f64,
}

impl Component {
    /// Its central 95 %.
    pub fn interval(&self) -> (f64, f64) {
        let reach = upper_quantile(0.025) * self.sd;
        (self.mean - reach, self.mean + reach)
    }

    fn average(&self, f: &impl Fn(f64) -> f64, scale: f64, rule: &GaussLegendre) -> f64 {
        if self.sd == 0.0 {
            return f(self.mean);
        }
        let at = |z: f64| f(self.mean + self.sd * z);
        let panels = (2.0 * REACH / PANEL * (self.sd / scale).max(1.0)).ceil() as u32;
        let edge = |k: u32| REACH * (2.0 * f64::from(k) / f64::from(panels) - 1.0);
        let mut sum = 0.0;
        let mut below = at(edge(0));
        for k in 0..panels {
            let above = at(edge(k + 1));
            // A wide prior lies mostly where the function has long reached its end.
            let flat = (above - below).abs() < FLAT;
            let value = |z| if flat { below } else { at(z) };
            let nodes = rule.on(edge(k), edge(k + 1));
            sum += nodes.map(|(z, dz)| dz * density(z) * value(z)).sum::<f64>();
            below = above;
        }
        sum
    }
}

/// A mixture of normal distributions of the log odds ratio.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    components: Vec<Component>,
}

/// Standard deviations on each side that an average covers; the mass beyond is below 2e-17.
const REACH: f64 = 8.5;
/// Widest panel of an average, in standard deviations and in the function's own scale, and the
/// nodes in each.
const PANEL: f64 = 3.0;
const NODES: usize = 10;
/// A function that changes by less over a panel is taken to be constant there.
const FLAT: f64 = 1e-9;

impl Prior {
    /// From one or more components whose weights are positive; they are divided by their sum.
    pub fn new(mut components: Vec<Component>) -> Self {
        let sum: f64 = components.iter().map(|component| component.weight).sum();
        components.iter_mut().for_each(|component| component.weight /= sum);
        Self { components }
    }

    /// At least one; their weights sum to 1.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The log odds ratio that two uniform draws from [0, 1) stand for: the first picks the
    /// component, the second is the quantile within it.
    pub fn draw(&self, which: f64, quantile: f64) -> f64 {
        let mut up_to = 0.0;
        let picked = self.components.iter().find(|component| {
            up_to += component.weight;
            which < up_to
        });
        // Rounding may leave the sum of the weights a hair below the largest draw.
        let last = &self.components[self.components.len() - 1];
        let Component { mean, sd, .. } = picked.unwrap_or(last);
        // 0 has no finite quantile: it is read as the draw next to it.
        let above = (1.0 - quantile).min(1.0 - f64::EPSILON);
        mean + sd * upper_quantile(above)
    }

    /// P(log odds ratio > 0).
    pub fn probability_benefit(&self) -> f64 {
        let of = |Component { weight, mean, sd }: &Component| match *sd {
            0.0 => weight * f64::from(u8::from(*mean > 0.0)),
            sd => weight * upper_tail(-mean / sd),
        };
        self.components.iter().map(of).sum()
    }

    /// The mean of a monotone function of the log odds ratio that rises or falls no faster than a
    /// normal distribution function of standard deviation `scale`, to about 1e-8; NaN where the
    /// function is.
    pub fn average(&self, f: impl Fn(f64) -> f64, scale: f64) -> f64 {
        let rule = GaussLegendre::new(NODES);
        let of = |component: &Component| component.weight * component.average(&f, scale, &rule);
        self.components.iter().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::normal::lower_tail;
    use proptest::prelude::*;

    fn normal(weight: f64, mean: f64, sd: f64) -> Component {
        Component { weight, mean, sd }
    }

    #[test]
    fn draws_are_quantiles_of_the_component_picked() {
        let prior = Prior::new(vec![normal(3.0, 1.0, 0.5), normal(1.0, -2.0, 0.0)]);
        assert_eq!(prior.components()[0].weight, 0.75);
        assert!((prior.draw(0.0, 0.5) - 1.0).abs() < 1e-15);
        assert!((prior.draw(0.7499, 0.975) - (1.0 + 0.5 * 1.959963984540054)).abs() < 1e-12);
        assert_eq!(prior.draw(0.75, 0.1), -2.0);
        let extreme = [0.0, f64::EPSILON, 1.0 - f64::EPSILON / 2.0].map(|u| prior.draw(0.0, u));
        assert!(extreme.iter().all(|draw| draw.is_finite()), "{extreme:?}");
        assert!(extreme[0] < -2.9 && extreme[2] > 5.0, "{extreme:?}");
    }

    /// The average of Φ(a + b·θ) over N(m, s) is Φ((a + b·m)/√(1 + b²s²)).
    fn averaged_probit(a: f64, b: f64, prior: &Prior) -> f64 {
        let of = |c: &Component| {
            c.weight * lower_tail((a + b * c.mean) / libm::sqrt(1.0 + b * b * c.sd * c.sd))
        };
        prior.components().iter().map(of).sum()
    }

    proptest! {
        #[test]
        fn averages_of_probit_curves_are_exact(
            a in -3.0..3.0f64,
            b in 0.01..500.0f64,
            means in prop::array::uniform3(-3.0..3.0f64),
            sds in prop::array::uniform3(prop_oneof![Just(0.0), 0.001..5.0f64]),
            weight in 0.1..10.0f64,
        ) {
            let components = means.iter().zip(sds).zip([1.0, weight, 2.0]);
            let components = components.map(|((&mean, sd), weight)| normal(weight, mean, sd));
            let prior = Prior::new(components.collect());
            let average = prior.average(|theta| lower_tail(a + b * theta), 1.0 / b);
            let exact = averaged_probit(a, b, &prior);
            prop_assert!((average - exact).abs() < 1e-8, "{average} {exact}");
        }
    }

    #[test]
    fn benefit_is_an_odds_ratio_above_one() {
        let benefit = |components| Prior::new(components).probability_benefit();
        assert_eq!(benefit(vec![normal(1.0, 0.0, 0.0)]), 0.0);
        assert_eq!(benefit(vec![normal(1.0, 0.0, 0.3), normal(1.0, 0.1, 0.0)]), 0.75);
        // Φ(2) in 40-digit arithmetic (mpmath).
        assert!((benefit(vec![normal(1.0, 1.0, 0.5)]) - 0.9772498680518208).abs() < 1e-15);
    }

    #[test]
    fn what_is_not_a_number_has_no_average() {
        let prior = Prior::new(vec![normal(1.0, 0.0, 1.0)]);
        assert!(prior.average(|theta| if theta > 2.0 { f64::NAN } else { 0.5 }, 1.0).is_nan());
    }
}
