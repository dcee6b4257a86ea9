//! A normal estimate with a normal, mixed or heavy-tailed prior of the effect.
//!
//! The estimate of an effect θ is normal with mean θ and a known standard error (Spiegelhalter, Abrams &
//! Myles 2004, chapter 3). Every prior here is a mixture of normal distributions, so that posterior and
//! predictive probabilities are sums of closed forms: a t distribution is a normal one whose precision
//! has a gamma distribution, and that integral is a finite sum to 1e-9.

use crate::evidence::prior::{Component, EffectPrior};
use crate::num::normal::{upper_quantile, upper_tail};
use crate::num::root::brent;

/// A normal distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Normal {
    mean: f64,
    variance: f64,
}

/// A normal distribution with its weight in a mixture.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weighted {
    weight: f64,
    normal: Normal,
}

/// A mixture of normal distributions; the weights sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalMixture {
    components: Vec<Weighted>,
}

/// Prior of an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum NormalPrior {
    /// Every effect is equally likely (improper).
    Flat,
    /// A mixture of normal distributions.
    Mixture(NormalMixture),
}

/// An estimate of the effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectEstimate {
    /// The estimate, such as a log odds ratio.
    pub estimate: f64,
    /// Standard error of the estimate, above 0.
    pub standard_error: f64,
}

/// Estimate of a later analysis, whose standard error is known now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planned {
    /// Information now over that of the later analysis, in (0, 1].
    pub information_fraction: f64,
    /// Least estimate of the later analysis with which it succeeds.
    pub estimate_needed: f64,
}

/// Step of the sum over the logarithm of the precision.
// The integrand is analytic within π/2 of the real axis, so that the error falls as exp(−π²/step): below 1e-10 (tests below).
const STEP: f64 = 0.33;

/// Logarithm of the largest weight that is left out of the sum.
const NEGLIGIBLE: f64 = -22.0;

impl NormalMixture {
    /// Converts a prior of the effect.
    pub fn new(prior: &EffectPrior) -> Self {
        let mut components = Vec::new();
        for component in prior.components() {
            match component.degrees_of_freedom {
                Some(df) if component.sd > 0.0 => scale_mixture(component, df, &mut components),
                Some(_) | None => components.push(Weighted {
                    weight: component.weight,
                    normal: Normal { mean: component.mean, variance: component.sd * component.sd },
                }),
            }
        }
        Self { components }
    }

    /// Returns the number of normal components.
    pub fn components(&self) -> usize {
        self.components.len()
    }

    fn upper_tail(&self, threshold: f64) -> f64 {
        self.components.iter().map(|it| it.weight * it.normal.upper_tail(threshold)).sum()
    }

    /// Sums `f` over the components of the posterior, by their weights.
    fn posterior_mean_of(&self, observed: EffectEstimate, f: impl Fn(Normal) -> f64) -> f64 {
        let EffectEstimate { estimate, standard_error } = observed;
        let variance = standard_error * standard_error;
        let exponent = |prior: &Normal| {
            let distance = estimate - prior.mean;
            -0.5 * distance * distance / (prior.variance + variance)
        };
        // The largest exponent becomes 0, or an estimate far from the prior would have no weight at all.
        let largest =
            self.components.iter().map(|it| exponent(&it.normal)).fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut total) = (0.0, 0.0);
        for Weighted { weight, normal } in &self.components {
            let density = libm::exp(exponent(normal) - largest);
            let weight = weight * density / (normal.variance + variance).sqrt();
            total += weight;
            // Components far from the estimate may have lost their weight to underflow, and `f` is
            // the costly part.
            if weight > 0.0 {
                sum += weight * f(normal.updated(observed));
            }
        }
        sum / total
    }
}

impl Normal {
    /// Returns the distribution after an estimate.
    fn updated(self, observed: EffectEstimate) -> Self {
        let variance = observed.standard_error * observed.standard_error;
        // Written so that a prior variance of 0 or of 1e300 is right.
        let share = self.variance / (self.variance + variance);
        let mean = self.mean + share * (observed.estimate - self.mean);
        Self { mean, variance: share * variance }
    }

    /// Returns P(X > `threshold`).
    fn upper_tail(self, threshold: f64) -> f64 {
        if self.variance == 0.0 {
            return f64::from(u8::from(self.mean > threshold));
        }
        upper_tail((threshold - self.mean) / self.variance.sqrt())
    }
}

/// Adds a t distribution as normal distributions of variance sd²/λ, where λ has a gamma distribution of
/// shape and rate ν/2 (Andrews & Mallows 1974, J R Stat Soc B 36:99).
///
/// The trapezium rule in u = ln λ converges exponentially: the density of u falls as exp(νu/2) to the
/// left and doubly exponentially to the right.
fn scale_mixture(component: &Component, df: f64, out: &mut Vec<Weighted>) {
    let half = 0.5 * df;
    // Logarithm of the density at u over that at its mode, 0.
    let ln_weight = |u: f64| half * (u - libm::expm1(u));
    // Large degrees of freedom have a narrow density, which needs shorter steps: its standard deviation
    // is about 1/√(ν/2).
    let step = STEP.min(0.5 / half.sqrt());
    let beyond = |side: f64| {
        (1..).map(move |i| f64::from(i) * side * step).take_while(|&u| ln_weight(u) > NEGLIGIBLE)
    };
    let nodes: Vec<f64> = [0.0].into_iter().chain(beyond(-1.0)).chain(beyond(1.0)).collect();
    // Dividing by the sum gives the components their weight exactly.
    let total: f64 = nodes.iter().map(|&u| libm::exp(ln_weight(u))).sum();
    out.extend(nodes.into_iter().map(|u| Weighted {
        weight: component.weight * libm::exp(ln_weight(u)) / total,
        normal: Normal {
            mean: component.mean,
            variance: component.sd * component.sd * libm::exp(-u),
        },
    }));
}

impl NormalPrior {
    /// Computes P(effect > `threshold` | the estimate).
    pub fn posterior_probability(&self, observed: EffectEstimate, threshold: f64) -> f64 {
        match self {
            Self::Flat => upper_tail((threshold - observed.estimate) / observed.standard_error),
            Self::Mixture(prior) => {
                prior.posterior_mean_of(observed, |posterior| posterior.upper_tail(threshold))
            }
        }
    }

    /// Returns mean and standard deviation of the effect given the estimate.
    pub fn posterior_moments(&self, observed: EffectEstimate) -> (f64, f64) {
        match self {
            Self::Flat => (observed.estimate, observed.standard_error),
            Self::Mixture(prior) => {
                let mean = prior.posterior_mean_of(observed, |posterior| posterior.mean);
                let variance = prior.posterior_mean_of(observed, |posterior| {
                    let distance = posterior.mean - mean;
                    posterior.variance + distance * distance
                });
                (mean, variance.sqrt())
            }
        }
    }

    /// Computes P(effect > `threshold`) before the trial; `None` for a flat prior.
    pub fn prior_probability(&self, threshold: f64) -> Option<f64> {
        match self {
            Self::Flat => None,
            Self::Mixture(prior) => Some(prior.upper_tail(threshold)),
        }
    }

    /// Returns the least estimate with the given standard error whose posterior probability of an effect
    /// above `threshold` is at least `probability`, in (0, 1); `None` if none within 60 standard errors
    /// or within 60 of the threshold has it.
    pub fn estimate_needed(
        &self,
        standard_error: f64,
        threshold: f64,
        probability: f64,
    ) -> Option<f64> {
        let variance = standard_error * standard_error;
        let deviations = upper_quantile(1.0 - probability);
        match self {
            Self::Flat => return Some(threshold + deviations * standard_error),
            Self::Mixture(prior) => {
                if let [Weighted { normal, .. }] = prior.components[..]
                    && normal.variance > 0.0
                {
                    // The posterior has the variance share·se² and the mean m + share·(estimate − m).
                    let share = normal.variance / (normal.variance + variance);
                    let needed = threshold + deviations * (share * variance).sqrt();
                    return Some(normal.mean + (needed - normal.mean) / share);
                }
            }
        }
        let reach = 60.0 * standard_error.max(1.0);
        // The posterior probability rises with the estimate: normal densities have monotone likelihood
        // ratios (Karlin & Rubin 1956).
        let excess = |estimate: f64| {
            self.posterior_probability(EffectEstimate { estimate, standard_error }, threshold)
                - probability
        };
        brent(excess, threshold - reach, threshold + reach)
    }

    /// Computes the probability, given the estimate, that the later analysis succeeds.
    ///
    /// The later estimate is t·now + (1 − t)·new, where the estimate from new patients alone has mean θ and
    /// variance se²·t / (1 − t) (Spiegelhalter, Freedman & Blackburn 1986, Control Clin Trials 7:8).
    pub fn predictive_probability(&self, observed: EffectEstimate, planned: Planned) -> f64 {
        let Planned { information_fraction: t, estimate_needed } = planned;
        let variance = observed.standard_error * observed.standard_error;
        let success = |posterior: Normal| {
            let later = Normal {
                mean: t * observed.estimate + (1.0 - t) * posterior.mean,
                variance: (1.0 - t) * ((1.0 - t) * posterior.variance + t * variance),
            };
            // At or above: a certain estimate that is the one needed succeeds.
            if later.variance > 0.0 {
                later.upper_tail(estimate_needed)
            } else {
                f64::from(u8::from(later.mean >= estimate_needed))
            }
        };
        match self {
            Self::Flat => success(Normal { mean: observed.estimate, variance }),
            Self::Mixture(prior) => prior.posterior_mean_of(observed, success),
        }
    }

    /// Returns the estimate with the given standard error whose predictive probability of success is
    /// `probability`; `None` if none within 60 standard errors has it.
    pub fn estimate_predicting(
        &self,
        standard_error: f64,
        planned: Planned,
        probability: f64,
    ) -> Option<f64> {
        let reach = 60.0 * standard_error;
        // It rises with the estimate, as the posterior does.
        brent(
            |estimate| {
                let observed = EffectEstimate { estimate, standard_error };
                self.predictive_probability(observed, planned) - probability
            },
            -reach,
            reach,
        )
    }

    /// Returns whether probabilities are sums of several terms.
    pub fn is_sum(&self) -> bool {
        match self {
            Self::Flat => false,
            Self::Mixture(prior) => prior.components() > 1,
        }
    }

    /// Computes the conditional power of the later analysis if the effect is the estimate.
    pub fn conditional_power_under_trend(observed: EffectEstimate, planned: Planned) -> f64 {
        let Planned { information_fraction: t, estimate_needed } = planned;
        let error = observed.standard_error * (t * (1.0 - t)).sqrt();
        upper_tail((estimate_needed - observed.estimate) / error)
    }
}

/// Returns the density at `x` of a t distribution's mixture of normal distributions, for tests.
#[cfg(test)]
fn density(mixture: &NormalMixture, x: f64) -> f64 {
    let normal = |it: &Weighted| {
        let sd = it.normal.variance.sqrt();
        it.weight * crate::num::normal::density((x - it.normal.mean) / sd) / sd
    };
    mixture.components.iter().map(normal).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::student;

    fn mixture(components: &[(f64, f64, f64, Option<f64>)]) -> NormalPrior {
        let components = components.iter().map(|&(weight, mean, sd, degrees_of_freedom)| {
            Component { weight, mean, sd, degrees_of_freedom }
        });
        NormalPrior::Mixture(NormalMixture::new(&EffectPrior::new(components.collect())))
    }

    #[test]
    fn heavy_tailed_components_have_the_density_of_t() {
        for df in [1.0, 2.0, 3.0, 4.5, 10.0, 40.0, 300.0] {
            let prior = EffectPrior::new(vec![Component {
                weight: 1.0,
                mean: 0.1,
                sd: 0.35,
                degrees_of_freedom: Some(df),
            }]);
            let normal = NormalMixture::new(&prior);
            assert!(normal.components() < 160, "{df}: {}", normal.components());
            for x in [-3.0, -0.5, 0.1, 0.3, 1.0, 4.0, 10.0] {
                let exact = student::density((x - 0.1) / 0.35, df) / 0.35;
                let (ours, peak) = (density(&normal, x), student::density(0.0, df) / 0.35);
                assert!((ours - exact).abs() < 1e-9 * peak, "{df} {x}: {ours} {exact}");
            }
        }
    }

    /// Posterior under a t prior against Gauss–Legendre quadrature of likelihood times prior.
    #[test]
    fn posterior_under_a_heavy_tailed_prior_is_that_of_quadrature() {
        use crate::num::normal::density;
        use crate::num::quadrature::GaussLegendre;
        let rule = GaussLegendre::new(200);
        for (estimate, standard_error, df) in [(0.45, 0.31, 4.0), (2.5, 0.2, 1.0), (-0.6, 0.1, 3.0)]
        {
            let prior = mixture(&[(1.0, 0.0, 0.35, Some(df))]);
            let integral = |low: f64, high: f64| -> f64 {
                let panels = 40;
                let width = (high - low) / f64::from(panels);
                (0..panels)
                    .flat_map(|i| {
                        let from = low + f64::from(i) * width;
                        rule.on(from, from + width)
                    })
                    .map(|(x, w)| {
                        w * density((estimate - x) / standard_error)
                            * student::density(x / 0.35, df)
                    })
                    .sum()
            };
            let above = integral(0.1, estimate + 9.0);
            let exact = above / (above + integral(estimate - 9.0, 0.1));
            let ours =
                prior.posterior_probability(EffectEstimate { estimate, standard_error }, 0.1);
            assert!((ours - exact).abs() < 1e-8, "{df}: {ours} {exact}");
        }
    }

    #[test]
    fn vague_prior_is_the_z_test() {
        let vague = mixture(&[(1.0, 0.3, 1e8, None)]);
        for z in [-3.0, 0.0, 1.5, 1.959963984540054, 4.0] {
            let observed = EffectEstimate { estimate: 0.2 * z, standard_error: 0.2 };
            let flat = NormalPrior::Flat.posterior_probability(observed, 0.0);
            assert!((flat - upper_tail(-z)).abs() < 1e-15);
            assert!((vague.posterior_probability(observed, 0.0) - flat).abs() < 1e-8);
        }
        let needed = NormalPrior::Flat.estimate_needed(0.2, 0.0, 0.975).expect("within reach");
        assert!((needed / 0.2 - 1.959963984540054).abs() < 1e-12);
    }

    #[test]
    fn estimate_needed_has_the_posterior_probability_wanted() {
        let mixed = [(0.7, 0.2, 0.3, None), (0.3, 0.0, 0.5, Some(4.0))];
        for prior in [NormalPrior::Flat, mixture(&[(1.0, 0.1, 0.4, None)]), mixture(&mixed)] {
            for (standard_error, threshold, probability) in [(0.2, 0.0, 0.975), (0.31, 0.1, 0.8)] {
                let needed = prior.estimate_needed(standard_error, threshold, probability);
                let estimate = needed.expect("within reach");
                let observed = EffectEstimate { estimate, standard_error };
                let back = prior.posterior_probability(observed, threshold);
                assert!((back - probability).abs() < 1e-12, "{prior:?}: {back}");
            }
        }
    }

    #[test]
    fn certain_components_keep_their_place() {
        let prior = mixture(&[(0.5, 0.0, 0.0, None), (0.5, 0.5, 0.0, None)]);
        let observed = EffectEstimate { estimate: 0.25, standard_error: 0.3 };
        assert!((prior.posterior_probability(observed, 0.1) - 0.5).abs() < 1e-14);
        assert_eq!(prior.prior_probability(0.1), Some(0.5));
        // An estimate far from both: the nearer one has all the weight.
        let far = EffectEstimate { estimate: 40.0, standard_error: 0.3 };
        assert_eq!(prior.posterior_probability(far, 0.1), 1.0);
    }

    #[test]
    fn heavy_tails_yield_to_an_estimate_far_from_the_prior() {
        let observed = EffectEstimate { estimate: 3.0, standard_error: 0.3 };
        let (robust, _) = mixture(&[(1.0, 0.0, 0.2, Some(3.0))]).posterior_moments(observed);
        let (normal, _) = mixture(&[(1.0, 0.0, 0.2, None)]).posterior_moments(observed);
        assert!(robust > 2.7 && normal < 1.0, "{robust} {normal}");
    }
}
