//! Mean utilities with independent Dirichlet priors: the posterior of their difference.

use std::f64::consts::PI;

use super::EarlyCounts;
use super::longitudinal::MeanForecast;
use crate::num::normal::{density, upper_quantile, upper_tail};

/// Levels of the mRS.
const LEVELS: usize = 7;

/// A Dirichlet distribution of the shares of the seven levels, with the utility of each level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dirichlet {
    /// Weights of the levels, each above 0.
    pub weights: [f64; LEVELS],
    /// Utility of each level.
    pub utilities: [f64; LEVELS],
}

/// Difference of two mean utilities, experimental less control.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UtilityDifference {
    /// Shares in the control arm.
    pub control: Dirichlet,
    /// Shares in the experimental arm.
    pub experimental: Dirichlet,
}

/// A complex number.
#[derive(Debug, Clone, Copy)]
struct Complex {
    re: f64,
    im: f64,
}

impl Dirichlet {
    /// Constructs the posterior from a prior weight per level, above 0, and patients by mRS.
    pub fn posterior(prior: f64, counts: [f64; LEVELS], utilities: [f64; LEVELS]) -> Self {
        Self { weights: counts.map(|count| prior + count), utilities }
    }

    /// Returns the sum of the weights.
    pub fn total(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// Returns the mean of the mean utility.
    pub fn mean(&self) -> f64 {
        self.moment_about(0.0, 1) / self.total()
    }

    /// Returns the variance of the mean utility.
    pub fn variance(&self) -> f64 {
        let total = self.total();
        self.moment_about(self.mean(), 2) / (total * (total + 1.0))
    }

    /// Predicts the mean utility once `more` patients have an outcome.
    fn forecast(&self, more: f64) -> MeanForecast {
        let (variance, total) = (self.variance(), self.total());
        MeanForecast {
            mean: self.mean(),
            gained: variance * more / (total + more),
            left: variance * total / (total + more),
        }
    }

    /// Sums a power of the distance of each utility from a centre, by weight.
    fn moment_about(&self, centre: f64, power: usize) -> f64 {
        let pairs = self.weights.iter().zip(&self.utilities);
        pairs.map(|(weight, utility)| weight * whole_power(utility - centre, power)).sum()
    }

    /// Returns the cumulants of the mean utility from the second to the sixth.
    ///
    /// Moments m_n about the mean follow from E(1 − zM)^(−A) = Π (1 − z·u_i)^(−a_i), where A is the sum of
    /// the weights a_i (Cifarelli & Regazzini 1990, Ann Stat 18:429): with p_k = Σ a_i·u_i^k, the
    /// coefficients of the product are n·c_n = Σ p_k·c_(n−k), and m_n = c_n·n! / (A·(A + 1)·…·(A + n − 1)).
    fn cumulants(&self) -> [f64; 5] {
        let (total, mean) = (self.total(), self.mean());
        let mut coefficients = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let powers: [f64; 7] =
            std::array::from_fn(|k| if k < 2 { 0.0 } else { self.moment_about(mean, k) });
        let mut moments = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let mut scale = 1.0 / total;
        for n in 2..=6 {
            let sum: f64 = (2..=n).map(|k| powers[k] * coefficients[n - k]).sum();
            coefficients[n] = sum / n as f64;
            scale *= n as f64 / (total + n as f64 - 1.0);
            moments[n] = coefficients[n] * scale;
        }
        let [_, _, m2, m3, m4, m5, m6] = moments;
        [
            m2,
            m3,
            m4 - 3.0 * m2 * m2,
            m5 - 10.0 * m3 * m2,
            m6 - 15.0 * m4 * m2 - 10.0 * m3 * m3 + 30.0 * m2 * m2 * m2,
        ]
    }

    /// Returns the characteristic function of the mean utility less its mean at each t = (j + ½)·`step`,
    /// until it is below 1e-17 or there are `most`.
    ///
    /// G·M is a sum of independent gamma variables if G has a gamma distribution of shape A, so that
    /// g^(A − 1)·E exp(itgM) / Γ(A) has the Laplace transform Π (s − it·u_i)^(−a_i). It is inverted at
    /// g = 1 along Re s = A by the trapezium rule, and divided by the same sum at t = 0, where the
    /// function is 1.
    fn characteristic(&self, step: f64, most: usize) -> Vec<Complex> {
        let line = InversionLine::new(self);
        let at_zero = line.sum(0.0).re;
        let mut values = Vec::new();
        for j in 0..most {
            // Half steps: at t = 0 the integrand of Gil-Pelaez is 0/0, and the midpoint rule never
            // asks for it.
            let sum = line.sum((j as f64 + 0.5) * step);
            values.push(Complex { re: sum.re / at_zero, im: sum.im / at_zero });
            if sum.re.abs().max(sum.im.abs()) < 1e-17 * at_zero {
                break;
            }
        }
        values
    }
}

/// The line along which a Laplace transform is inverted, for one Dirichlet distribution.
struct InversionLine {
    total: f64,
    /// Step of the trapezium rule.
    step: f64,
    /// Weights of the distinct utilities with their distances from the mean.
    levels: Vec<WeightAt>,
    /// Largest distance of a utility from the mean.
    farthest: f64,
}

/// Weight of a utility.
#[derive(Debug, Clone, Copy)]
struct WeightAt {
    weight: f64,
    distance: f64,
}

impl InversionLine {
    fn new(dirichlet: &Dirichlet) -> Self {
        let (total, mean) = (dirichlet.total(), dirichlet.mean());
        let mut levels: Vec<WeightAt> = Vec::new();
        for (&weight, &utility) in dirichlet.weights.iter().zip(&dirichlet.utilities) {
            let distance = utility - mean;
            // Levels of one utility, often mRS 5 and 6, share a factor of the transform: one
            // arctangent less at every node.
            match levels.iter_mut().find(|level| level.distance == distance) {
                Some(level) => level.weight += weight,
                None => levels.push(WeightAt { weight, distance }),
            }
        }
        let farthest = levels.iter().map(|level| level.distance.abs()).fold(0.0, f64::max);
        // The rule adds the values at g = 1 + k·2π/step, which are exp(−A·(x − ln(1 + x))) with
        // x = 2π/step: below 1e-17 for every A with this step.
        let step = 2.0 * PI / (9.0 / total.sqrt() + 40.0 / total);
        Self { total, step, levels, farthest }
    }

    /// Sums the transform along the line at one t, over its value at t = 0 and s = A.
    fn sum(&self, t: f64) -> Complex {
        let mut sum = Complex { re: 0.0, im: 0.0 };
        for side in [1.0, -1.0] {
            // The point at 0 belongs to the first side.
            let mut i = if side > 0.0 { 0.0 } else { 1.0 };
            loop {
                if i > MOST_STEPS {
                    break;
                }
                let y = side * i * self.step;
                // The kernel e^(sg) at s = A + iy and g = 1 has the phase y; its modulus e^A
                // cancels.
                let (mut ln_modulus, mut phase) = (0.0, y);
                for &WeightAt { weight, distance } in &self.levels {
                    let x = (y - t * distance) / self.total;
                    ln_modulus -= 0.5 * weight * libm::log1p(x * x);
                    phase -= weight * libm::atan(x);
                }
                if ln_modulus > LEAST_LN_MODULUS {
                    let modulus = libm::exp(ln_modulus);
                    sum.re += modulus * libm::cos(phase);
                    sum.im += modulus * libm::sin(phase);
                } else if y.abs() > (t * self.farthest).abs() {
                    // Outside of all centres the modulus only falls.
                    break;
                }
                i += 1.0;
            }
        }
        sum
    }
}

/// Logarithm of the smallest modulus that is added: e⁻⁴² is 6e-19.
const LEAST_LN_MODULUS: f64 = -42.0;

/// Terms of the inversion of the characteristic function: 15 to 40 suffice unless all weights are small.
const MOST_TERMS: usize = 4000;

/// Multiple of the last terms of the Edgeworth series by which it must differ from a threshold to decide
/// alone.
// It then takes 0.2 µs where the exact probability takes 400. Rare levels make it err by more than its last
// terms say, but in 48 000 comparisons of beta distributions, counts from 0.3 of 40 to 400 patients and
// thresholds from 0.9 to 0.99999, no decision was wrong even at twice the terms.
const LAST_TERMS: f64 = 4.0;

/// Distance from a threshold beyond which a series that has broken down is on the right side all the same.
// Far in a tail it may be negative or above 1, by some thousandths of what the probability is.
const FAR: f64 = 0.01;

/// Distance from a threshold that rounding errors may make.
const ROUNDING: f64 = 1e-9;

/// Sum of weights in each arm from which the Edgeworth series is used.
const EDGEWORTH_FROM: f64 = 40.0;

/// Steps to each side after which a sum is cut, for sums of weights below 5, whose transform hardly decays:
/// what is left out is of the order of (5000·A)^(−A) with A the sum of the weights.
const MOST_STEPS: f64 = 20_000.0;

/// An Edgeworth series at a threshold.
struct Edgeworth {
    /// P(difference > threshold) by the series.
    probability: f64,
    /// Sum of the absolute values of its last two orders.
    last_terms: f64,
    /// λ₃·|x|³/6, the exponent by which skewness changes the tail at x: the series breaks down above 1.
    tilt: f64,
}

impl UtilityDifference {
    /// Returns the mean of the difference.
    pub fn mean(&self) -> f64 {
        self.experimental.mean() - self.control.mean()
    }

    /// Returns the variance of the difference.
    pub fn variance(&self) -> f64 {
        self.experimental.variance() + self.control.variance()
    }

    /// Computes P(difference > `threshold`), by inversion of the characteristic function (Gil-Pelaez 1951,
    /// Biometrika 38:481).
    pub fn posterior_probability(&self, threshold: f64) -> f64 {
        let (distance, sd) = (threshold - self.mean(), self.variance().sqrt());
        if sd == 0.0 {
            return f64::from(u8::from(distance < 0.0));
        }
        // The midpoint rule adds the tails beyond the threshold ± 2π/step with alternating signs (Davies
        // 1973, Biometrika 60:415).
        let step = 2.0 * PI / (distance.abs() + REACH * sd);
        let control = self.control.characteristic(step, MOST_TERMS);
        let experimental = self.experimental.characteristic(step, MOST_TERMS);
        let mut sum = 0.0;
        for (j, (c, e)) in control.iter().zip(&experimental).enumerate() {
            let half_odd = j as f64 + 0.5;
            let angle = half_odd * step * distance;
            // The control arm counts with a minus: its characteristic function is conjugated.
            let re = e.re * c.re + e.im * c.im;
            let im = e.im * c.re - e.re * c.im;
            sum += (im * libm::cos(angle) - re * libm::sin(angle)) / half_odd;
        }
        (0.5 + sum / PI).clamp(0.0, 1.0)
    }

    /// Sums the Edgeworth series of P(difference > `threshold`) to the terms of order 1/n² (Kolassa 2006,
    /// Series Approximation Methods in Statistics, §3.5), from six exact cumulants.
    fn edgeworth(&self, threshold: f64) -> Edgeworth {
        let (c, e) = (self.control.cumulants(), self.experimental.cumulants());
        let variance = c[0] + e[0];
        let sd = variance.sqrt();
        let [k3, k5] = [1, 3].map(|n| e[n] - c[n]);
        let [k4, k6] = [2, 4].map(|n| e[n] + c[n]);
        let (l3, l4) = (k3 / (variance * sd), k4 / (variance * variance));
        let (l5, l6) = (k5 / (variance * variance * sd), k6 / (variance * variance * variance));
        let x = (threshold - self.mean()) / sd;
        let he = hermite(x);
        let first = l3 / 6.0 * he[2] + l4 / 24.0 * he[3] + l3 * l3 / 72.0 * he[5];
        let last = [
            l5 / 120.0 * he[4],
            l3 * l4 / 144.0 * he[6],
            l3 * l3 * l3 / 1296.0 * he[8],
            l6 / 720.0 * he[5],
            (l4 * l4 / 1152.0 + l3 * l5 / 720.0) * he[7],
            l3 * l3 * l4 / 1728.0 * he[9],
            l3 * l3 * l3 * l3 / 31_104.0 * he[11],
        ];
        let (sum, size) =
            last.iter().fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
        let density = density(x);
        Edgeworth {
            probability: upper_tail(x) + density * (first + sum),
            last_terms: density * size,
            tilt: l3.abs() * x.abs() * x * x / 6.0,
        }
    }

    /// Returns whether P(difference > `threshold`) is at least `probability`: by the Edgeworth series if
    /// it is clear of the probability, otherwise exactly.
    pub fn exceeds(&self, threshold: f64, probability: f64) -> bool {
        self.clearly_exceeds(threshold, probability)
            .unwrap_or_else(|| self.posterior_probability(threshold) >= probability)
    }

    /// Returns what the Edgeworth series decides; `None` if it may err.
    fn clearly_exceeds(&self, threshold: f64, probability: f64) -> Option<bool> {
        if self.control.total().min(self.experimental.total()) < EDGEWORTH_FROM {
            return None;
        }
        let series = self.edgeworth(threshold);
        let excess = series.probability - probability;
        let is_clear = excess.abs() > LAST_TERMS * series.last_terms + ROUNDING
            && (series.tilt < 1.0 || excess.abs() > FAR);
        is_clear.then_some(excess > 0.0)
    }

    /// Computes the probability, given the data, that a later analysis with `more` further patients,
    /// control arm first, finds P(difference > `threshold`) ≥ `probability`.
    ///
    /// The later posterior mean has the present one as its mean and the variance V·m / (A + m) per arm,
    /// where V is the present variance, A the sum of the weights and m the further patients; the later
    /// variance is V·A / (A + m) on average. Both are exact; that the later mean and posterior are normal
    /// is an approximation.
    pub fn predictive_probability(&self, more: [f64; 2], threshold: f64, probability: f64) -> f64 {
        let arms = [self.control.forecast(more[0]), self.experimental.forecast(more[1])];
        chance_of_success(arms, threshold, probability)
    }

    /// Computes the probability of [`UtilityDifference::predictive_probability`] with the early mRS of
    /// patients in the pipeline, who are among those to come, by the longitudinal model; `prior` is the
    /// prior weight of each mRS.
    pub(super) fn predictive_with_early(
        &self,
        early: &[EarlyCounts; 2],
        prior: f64,
        more: [f64; 2],
        threshold: f64,
        probability: f64,
    ) -> f64 {
        let of_arms =
            [(&self.control, &early[0], more[0]), (&self.experimental, &early[1], more[1])];
        let arms = of_arms.map(|(arm, early, more)| {
            early.forecast(prior, arm, more - f64::from(early.pending_total()))
        });
        chance_of_success(arms, threshold, probability)
    }
}

/// Returns the probability that the difference of two later posterior means, experimental less control, is
/// enough for P(difference > `threshold`) ≥ `probability`.
fn chance_of_success(arms: [MeanForecast; 2], threshold: f64, probability: f64) -> f64 {
    let [control, experimental] = arms;
    let (gained, left) = (control.gained + experimental.gained, control.left + experimental.left);
    let mean = experimental.mean - control.mean;
    let needed = threshold + upper_quantile(1.0 - probability) * left.sqrt();
    // No patients are to come: the posterior of now is that of the later analysis.
    if gained == 0.0 {
        return f64::from(u8::from(mean >= needed));
    }
    upper_tail((needed - mean) / gained.sqrt())
}

/// Standard deviations beyond which the difference counts as impossible when a sum is bounded.
const REACH: f64 = 11.0;

/// Returns the Hermite polynomials He_0 to He_11 at x.
fn hermite(x: f64) -> [f64; 12] {
    let mut he = [1.0; 12];
    he[1] = x;
    for n in 2..12 {
        he[n] = x * he[n - 1] - (n as f64 - 1.0) * he[n - 2];
    }
    he
}

/// Returns a number to a whole power.
fn whole_power(x: f64, power: usize) -> f64 {
    // Not `powi`, whose rounding is left to the platform.
    (0..power).fold(1.0, |product, _| product * x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UTILITIES: [f64; LEVELS] = [10.0, 9.1, 7.6, 6.5, 3.3, 0.0, 0.0];

    fn difference(control: [f64; LEVELS], experimental: [f64; LEVELS]) -> UtilityDifference {
        let posterior = |counts| Dirichlet::posterior(1.0, counts, UTILITIES);
        UtilityDifference { control: posterior(control), experimental: posterior(experimental) }
    }

    #[test]
    fn two_levels_are_beta_distributions() {
        use crate::bayes::{ArmCount, BetaBinomial, ProportionData};
        use crate::num::beta::Beta;
        // Utility 1 for mRS 0 to 2: the share of these has a beta distribution with the summed weights.
        let utilities = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let arm = |counts| Dirichlet::posterior(0.5, counts, utilities);
        let both = UtilityDifference {
            control: arm([3.0, 4.0, 6.0, 8.0, 10.0, 5.0, 16.0]),
            experimental: arm([5.0, 8.0, 8.0, 8.0, 9.0, 5.0, 9.0]),
        };
        let prior = Beta { a: 1.5, b: 2.0 };
        let count = |successes| ArmCount { successes, patients: 52 };
        let data = ProportionData { control: count(13), experimental: count(21) };
        for threshold in [0.0, 0.05, -0.1, 0.3] {
            let model = BetaBinomial { control: prior, experimental: prior, difference: threshold };
            let exact = model.posterior_probability(data);
            let ours = both.posterior_probability(threshold);
            assert!((ours - exact).abs() < 1e-12, "{threshold}: {ours} {exact}");
        }
    }

    #[test]
    fn cumulants_are_those_of_the_moments_of_a_beta_distribution() {
        let utilities = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let dirichlet = Dirichlet { weights: [2.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], utilities };
        // Beta(2, 3): variance 1/25, skewness 2/7 of it, excess kurtosis −9/14.
        let [k2, k3, k4, ..] = dirichlet.cumulants();
        assert!((k2 - 0.04).abs() < 1e-15 && (dirichlet.variance() - k2).abs() < 1e-15);
        assert!((k3 / (k2 * k2.sqrt()) - 2.0 / 7.0).abs() < 1e-13);
        assert!((k4 / (k2 * k2) + 9.0 / 14.0).abs() < 1e-13);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// From a prior of a third of a patient per level, so that rare levels are among the cases.
        #[test]
        fn where_the_edgeworth_series_decides_the_exact_probability_agrees(
            control in prop::array::uniform7(0u32..6),
            experimental in prop::array::uniform7(0u32..6),
            larger in (0usize..7, 0usize..7),
            more in (20u32..300, 20u32..300),
            prior in 0.05f64..1.0,
            threshold in -1.0f64..1.0,
            two_levels in any::<bool>(),
        ) {
            let utilities = if two_levels { [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0] } else { UTILITIES };
            let (mut control, mut experimental) = (control, experimental);
            control[larger.0] += more.0;
            experimental[larger.1] += more.1;
            let arm = |counts: [u32; 7]| {
                Dirichlet::posterior(prior, counts.map(f64::from), utilities)
            };
            let both = UtilityDifference { control: arm(control), experimental: arm(experimental) };
            let threshold = both.mean() + 5.0 * threshold * both.variance().sqrt();
            let exact = both.posterior_probability(threshold);
            for probability in [0.05, 0.5, 0.9, 0.975, 0.99, 0.999, 0.9999, 0.99999] {
                if let Some(exceeds) = both.clearly_exceeds(threshold, probability) {
                    prop_assert_eq!(exceeds, exact >= probability, "{} {}", probability, exact);
                }
            }
        }

        #[test]
        fn exchanged_arms_have_the_complement(
            control in prop::array::uniform7(0u32..20),
            experimental in prop::array::uniform7(0u32..20),
            threshold in -3.0f64..3.0,
        ) {
            let one = difference(control.map(f64::from), experimental.map(f64::from));
            let other = UtilityDifference { control: one.experimental, experimental: one.control };
            let sum = one.posterior_probability(threshold) + other.posterior_probability(-threshold);
            prop_assert!((sum - 1.0).abs() < 1e-11, "{}", sum);
        }
    }

    /// 0.99913 by integration of the beta distributions with SciPy; the series has 0.9988.
    #[test]
    fn a_rare_level_is_left_to_the_exact_probability() {
        let utilities = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let arm = |counts| Dirichlet::posterior(1.0 / 3.0, counts, utilities);
        let both = UtilityDifference {
            control: arm([0.0, 0.0, 0.0, 198.0, 0.0, 0.0, 0.0]),
            experimental: arm([9.0, 0.0, 0.0, 189.0, 0.0, 0.0, 0.0]),
        };
        assert_eq!(both.clearly_exceeds(0.0, 0.999), None);
        assert!(both.exceeds(0.0, 0.999));
        assert!(!both.exceeds(0.0, 0.9992));
    }

    /// In the usual trial the series decides alone unless the probability is within a ten-thousandth.
    #[test]
    fn the_series_decides_in_trials_of_usual_size() {
        let both = difference(
            [8.0, 12.0, 20.0, 25.0, 39.0, 22.0, 30.0],
            [15.0, 21.0, 26.0, 25.0, 29.0, 14.0, 26.0],
        );
        let exact = both.posterior_probability(0.0);
        assert_eq!(both.clearly_exceeds(0.0, exact - 1e-4), Some(true));
        assert_eq!(both.clearly_exceeds(0.0, exact + 1e-4), Some(false));
        assert_eq!(both.clearly_exceeds(0.0, exact), None);
    }

    #[test]
    fn prediction_of_no_more_patients_is_the_normal_decision_now() {
        let both = difference(
            [8.0, 12.0, 20.0, 25.0, 39.0, 22.0, 30.0],
            [15.0, 21.0, 26.0, 25.0, 29.0, 14.0, 26.0],
        );
        assert_eq!(both.predictive_probability([0.0, 0.0], 0.0, 0.99), 1.0);
        assert_eq!(both.predictive_probability([0.0, 0.0], 0.0, 0.999), 0.0);
        // With ever more patients the later posterior is certain, and right.
        let endless = both.predictive_probability([1e12, 1e12], 0.0, 0.99);
        assert!((endless - upper_tail(-both.mean() / both.variance().sqrt())).abs() < 1e-5);
    }
}
