//! Prior distributions of an effect: mixtures of normal and Student's t distributions of the log odds
//! ratio.
//!
//! A t distribution stands for a pooled estimate whose variance was itself estimated (Hartung &
//! Knapp 2001), and for the effect in a new study (Higgins, Thompson & Spiegelhalter 2009). One
//! component is the usual prior; several weigh bodies of evidence that contradict each other,
//! or a sceptic's view against an enthusiast's (Spiegelhalter, Abrams & Myles 2004, Bayesian
//! Approaches to Clinical Trials and Health-Care Evaluation, chapter 5).

use serde::Serialize;

use crate::num::normal::{density, upper_quantile, upper_tail};
use crate::num::quadrature::GaussLegendre;
use crate::num::student;

/// One component of a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Component {
    /// Weight in the mixture; all weights sum to 1.
    pub weight: f64,
    /// Mean log odds ratio.
    pub mean: f64,
    /// Standard deviation of the log odds ratio, or scale of its t distribution; 0 puts all mass at
    /// the mean.
    pub sd: f64,
    /// Degrees of freedom, 1 or more, of a t distribution; `None` for a normal one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degrees_of_freedom: Option<f64>,
}

impl Component {
    /// Returns the central 95 % of the component.
    pub fn interval(&self) -> (f64, f64) {
        (self.exceeded_with(0.975), self.exceeded_with(0.025))
    }

    /// Returns the log odds ratio exceeded with a probability in (0, 1).
    fn exceeded_with(&self, probability: f64) -> f64 {
        match self.degrees_of_freedom {
            None => self.mean + self.sd * upper_quantile(probability),
            Some(df) => {
                (self.mean + self.sd * student::upper_quantile(probability, df)).clamp(-END, END)
            }
        }
    }

    fn probability_benefit(&self) -> f64 {
        match (self.sd, self.degrees_of_freedom) {
            (0.0, _) => f64::from(u8::from(self.mean > 0.0)),
            (sd, None) => upper_tail(-self.mean / sd),
            (sd, Some(df)) => student::upper_tail(-self.mean / sd, df),
        }
    }

    fn average(&self, f: &impl Fn(f64) -> f64, scale: f64, rule: &GaussLegendre) -> f64 {
        if self.sd == 0.0 {
            return f(self.mean);
        }
        match self.degrees_of_freedom {
            None => self.average_over_normal(f, scale, rule),
            Some(df) => self.average_over_t(f, df, scale, rule),
        }
    }

    /// Returns the value of `f` at a number of standard deviations from the mean.
    fn at(&self, deviations: f64, f: &impl Fn(f64) -> f64) -> AverageNode {
        AverageNode { deviations, value: f(self.mean + self.sd * deviations) }
    }

    /// Averages over a t distribution by halving panels, in units of `sd` about the mean, until the
    /// function is flat over each or quadrature is exact there.
    fn average_over_t(
        &self,
        f: &impl Fn(f64) -> f64,
        df: f64,
        scale: f64,
        rule: &GaussLegendre,
    ) -> f64 {
        // The tails reach so far that panels of one width would be millions.
        let ends = [-END, END].map(|end| self.at((end - self.mean) / self.sd, f));
        // The mass beyond each end counts as being at the end.
        let mut sum = ends[0].value * student::upper_tail(-ends[0].deviations, df)
            + ends[1].value * student::upper_tail(ends[1].deviations, df);
        let mut open = vec![ends];
        while let Some([low, high]) = open.pop() {
            let (from, to) = (low.deviations, high.deviations);
            let nearest = if from < 0.0 && to > 0.0 { 0.0 } else { from.abs().min(to.abs()) };
            // The density is like that of a normal distribution in the middle and a power of t far out:
            // a panel may grow with its distance from the mean.
            let smooth =
                to - from <= (0.25 * nearest).max(1.0) && (to - from) * self.sd <= PANEL * scale;
            if low.value.is_nan() || high.value.is_nan() {
                // Halving would never end: no comparison with NaN is true.
                return f64::NAN;
            } else if (high.value - low.value).abs() < FLAT {
                sum += low.value * mass_of_t(from, to, df);
            } else if smooth {
                let nodes = rule.on(from, to);
                sum += nodes
                    .map(|(t, dt)| dt * student::density(t, df) * self.at(t, f).value)
                    .sum::<f64>();
            } else {
                let middle = self.at(0.5 * (from + to), f);
                open.extend([[low, middle], [middle, high]]);
            }
        }
        sum
    }

    fn average_over_normal(
        &self,
        f: &impl Fn(f64) -> f64,
        scale: f64,
        rule: &GaussLegendre,
    ) -> f64 {
        let panels = (2.0 * REACH / PANEL * (self.sd / scale).max(1.0)).ceil() as u32;
        let mut sum = 0.0;
        let mut low = self.at(-REACH, f);
        for k in 1..=panels {
            let high = self.at(REACH * (2.0 * f64::from(k) / f64::from(panels) - 1.0), f);
            // A wide prior lies mostly where the function is constant: no need to evaluate it there.
            let flat = (high.value - low.value).abs() < FLAT;
            sum += rule
                .on(low.deviations, high.deviations)
                .map(|(z, dz)| dz * density(z) * if flat { low.value } else { self.at(z, f).value })
                .sum::<f64>();
            low = high;
        }
        sum
    }
}

/// A value of the function that is averaged.
#[derive(Debug, Clone, Copy)]
struct AverageNode {
    /// Distance from the mean, in standard deviations.
    deviations: f64,
    value: f64,
}

/// Returns P(`from` < T < `to`) without cancellation in the tails.
fn mass_of_t(from: f64, to: f64, df: f64) -> f64 {
    if from >= 0.0 {
        student::upper_tail(from, df) - student::upper_tail(to, df)
    } else if to <= 0.0 {
        student::upper_tail(-to, df) - student::upper_tail(-from, df)
    } else {
        1.0 - student::upper_tail(-from, df) - student::upper_tail(to, df)
    }
}

/// A mixture of distributions of the log odds ratio.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectPrior {
    components: Vec<Component>,
}

/// Standard deviations on each side that an average covers; the mass beyond is below 2e-17.
const REACH: f64 = 8.5;
/// Widest panel of an average, in standard deviations and in the function's own scale.
const PANEL: f64 = 3.0;
/// Nodes of the quadrature in each panel.
const NODES: usize = 10;
/// Largest absolute log odds ratio of a t distribution: beyond, all but one patient in 10¹³ have the
/// best, or the worst, outcome, and the tails of few degrees of freedom reach 10¹⁵.
const END: f64 = 30.0;
/// Change of a function over a panel below which it counts as constant there.
const FLAT: f64 = 1e-9;

impl EffectPrior {
    /// Builds a mixture of one or more components with positive weights, which are divided by their sum.
    pub fn new(mut components: Vec<Component>) -> Self {
        let sum: f64 = components.iter().map(|component| component.weight).sum();
        components.iter_mut().for_each(|component| component.weight /= sum);
        Self { components }
    }

    /// Returns the components, at least one; their weights sum to 1.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Converts two uniform draws from [0, 1) to a log odds ratio: the first picks the component, the
    /// second is the quantile within it.
    pub fn draw(&self, which: f64, quantile: f64) -> f64 {
        let mut up_to = 0.0;
        let picked = self.components.iter().find(|component| {
            up_to += component.weight;
            which < up_to
        });
        // Rounding may leave the sum of the weights a hair below the largest draw.
        let last = &self.components[self.components.len() - 1];
        // A draw of 0 has no finite quantile and is read as the next larger one.
        let above = (1.0 - quantile).min(1.0 - f64::EPSILON);
        picked.unwrap_or(last).exceeded_with(above)
    }

    /// Returns P(log odds ratio > 0).
    pub fn probability_benefit(&self) -> f64 {
        self.components.iter().map(|of| of.weight * of.probability_benefit()).sum()
    }

    /// Returns the mean of a monotone function of the log odds ratio that rises or falls no faster than
    /// a normal distribution function of standard deviation `scale`, to about 1e-8; NaN if the function
    /// returns NaN.
    pub fn average(&self, f: impl Fn(f64) -> f64, scale: f64) -> f64 {
        let rule = GaussLegendre::new(NODES);
        self.components
            .iter()
            .map(|component| component.weight * component.average(&f, scale, &rule))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::normal::lower_tail;
    use proptest::prelude::*;

    fn normal(weight: f64, mean: f64, sd: f64) -> Component {
        Component { weight, mean, sd, degrees_of_freedom: None }
    }

    fn t(mean: f64, sd: f64, degrees_of_freedom: f64) -> Component {
        Component { weight: 1.0, mean, sd, degrees_of_freedom: Some(degrees_of_freedom) }
    }

    #[test]
    fn draws_are_quantiles_of_the_component_picked() {
        let prior = EffectPrior::new(vec![normal(3.0, 1.0, 0.5), normal(1.0, -2.0, 0.0)]);
        assert_eq!(prior.components()[0].weight, 0.75);
        assert!((prior.draw(0.0, 0.5) - 1.0).abs() < 1e-15);
        assert!((prior.draw(0.7499, 0.975) - (1.0 + 0.5 * 1.959963984540054)).abs() < 1e-12);
        assert_eq!(prior.draw(0.75, 0.1), -2.0);
        let extreme = [0.0, f64::EPSILON, 1.0 - f64::EPSILON / 2.0].map(|u| prior.draw(0.0, u));
        assert!(extreme.iter().all(|draw| draw.is_finite()), "{extreme:?}");
        assert!(extreme[0] < -2.9 && extreme[2] > 5.0, "{extreme:?}");
    }

    /// The average of Φ(a + b·θ) over N(m, s) is Φ((a + b·m)/√(1 + b²s²)).
    fn averaged_probit(a: f64, b: f64, prior: &EffectPrior) -> f64 {
        let of = |c: &Component| {
            c.weight * lower_tail((a + b * c.mean) / (1.0 + b * b * c.sd * c.sd).sqrt())
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
            let prior = EffectPrior::new(components.collect());
            let average = prior.average(|theta| lower_tail(a + b * theta), 1.0 / b);
            let exact = averaged_probit(a, b, &prior);
            prop_assert!((average - exact).abs() < 1e-8, "{average} {exact}");
        }
    }

    /// E Φ(a + b·θ) for θ = mean + scale·T, by quadrature over asinh T in 30 digits (mpmath).
    #[test]
    fn averages_over_t_are_exact_however_far_the_tails_reach() {
        for (a, b, component, exact) in [
            (0.0, 1.0, t(0.0, 1.0, 1.0), 0.5),
            (-1.5, 20.0, t(0.5, 0.3, 1.0), 0.802948838753216756),
            (2.0, 400.0, t(-0.2, 0.01, 2.0), 0.00131040040048528693),
            (-1.96, 11.0, t(0.55, 0.9, 3.0), 0.645503703205254559),
            (0.3, 0.5, t(-1.0, 2.0, 2.5), 0.450494469254869302),
            (-3.0, 100.0, t(0.4, 5.0, 1.0), 0.523511983496820116),
            (1.0, 5.0, t(0.1, 0.25, 40.0), 0.823139980169556491),
        ] {
            let prior = EffectPrior::new(vec![component]);
            let average = prior.average(|theta| lower_tail(a + b * theta), 1.0 / b);
            assert!((average - exact).abs() < 3e-8, "{component:?}: {average} {exact}");
        }
    }

    /// With 2 degrees of freedom P(T < t) is ½ + t/(2·√(t² + 2)).
    #[test]
    fn a_t_distribution_has_its_own_quantiles_and_tails() {
        let two = t(0.5, 0.5, 2.0);
        let prior = EffectPrior::new(vec![two]);
        assert!((prior.probability_benefit() - 0.788675134594813).abs() < 1e-14);
        let reach = 0.5 * 4.302652729749464;
        assert!((two.interval().0 - (0.5 - reach)).abs() < 1e-12);
        assert!((two.interval().1 - (0.5 + reach)).abs() < 1e-12);
        assert!((prior.draw(0.0, 0.975) - (0.5 + reach)).abs() < 1e-12);
        // Quartiles of Cauchy's distribution are one scale away; its tails are held.
        let one = EffectPrior::new(vec![t(0.0, 1.0, 1.0)]);
        assert!((one.draw(0.0, 0.25) + 1.0).abs() < 1e-12);
        assert_eq!([one.draw(0.0, 0.0), one.draw(0.0, 1.0 - 1e-16)], [-END, END]);
    }

    #[test]
    fn benefit_is_an_odds_ratio_above_one() {
        let benefit = |components| EffectPrior::new(components).probability_benefit();
        assert_eq!(benefit(vec![normal(1.0, 0.0, 0.0)]), 0.0);
        assert_eq!(benefit(vec![normal(1.0, 0.0, 0.3), normal(1.0, 0.1, 0.0)]), 0.75);
        // Φ(2) in 40-digit arithmetic (mpmath).
        assert!((benefit(vec![normal(1.0, 1.0, 0.5)]) - 0.9772498680518208).abs() < 1e-15);
    }

    #[test]
    fn the_average_of_a_function_with_nan_is_nan() {
        for component in [normal(1.0, 0.0, 1.0), t(0.0, 1.0, 3.0)] {
            let prior = EffectPrior::new(vec![component]);
            assert!(prior.average(|theta| if theta > 2.0 { f64::NAN } else { 0.5 }, 1.0).is_nan());
        }
    }
}
