//! Mean utilities with independent Dirichlet priors: the posterior of their difference.

mod inversion;

use super::EarlyCounts;
use super::longitudinal::MeanForecast;
use crate::num::normal::{density, upper_tail};
use inversion::Precision;

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
        let pairs = self.weights.iter().zip(&self.utilities);
        pairs.map(|(weight, utility)| weight * utility).sum::<f64>() / self.total()
    }

    /// Returns the variance of the mean utility.
    pub fn variance(&self) -> f64 {
        let (total, mean) = (self.total(), self.mean());
        let [_, _, second, ..] = self.power_sums(mean);
        second / (total * (total + 1.0))
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

    /// Sums each power of the distance of the utilities from their mean, by weight, from the second to the
    /// sixth; the sums before them are 0.
    fn power_sums(&self, mean: f64) -> [f64; 7] {
        let mut sums = [0.0; 7];
        for (weight, utility) in self.weights.iter().zip(&self.utilities) {
            let distance = utility - mean;
            let mut power = distance;
            for sum in &mut sums[2..] {
                power *= distance;
                *sum += weight * power;
            }
        }
        sums
    }

    /// Returns the cumulants of the mean utility from the first to the sixth.
    ///
    /// Moments m_n about the mean follow from E(1 − zM)^(−A) = Π (1 − z·u_i)^(−a_i), where A is the sum of
    /// the weights a_i (Cifarelli & Regazzini 1990, Ann Stat 18:429): with p_k = Σ a_i·u_i^k, the
    /// coefficients of the product are n·c_n = Σ p_k·c_(n−k), and m_n = c_n·n! / (A·(A + 1)·…·(A + n − 1)).
    fn cumulants(&self) -> [f64; 6] {
        let (total, mean) = (self.total(), self.mean());
        let mut coefficients = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let powers = self.power_sums(mean);
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
            mean,
            m2,
            m3,
            m4 - 3.0 * m2 * m2,
            m5 - 10.0 * m3 * m2,
            m6 - 15.0 * m4 * m2 - 10.0 * m3 * m3 + 30.0 * m2 * m2 * m2,
        ]
    }
}

/// Multiple of the last terms of the Edgeworth series by which it must differ from a threshold to decide
/// alone.
// It then takes 0.1 µs where a rough inversion takes 60. Rare levels make it err by more than its last
// terms say, but in 48 000 comparisons of beta distributions, counts from 0.3 of 40 to 400 patients and
// thresholds from 0.9 to 0.99999, no decision was wrong even at twice the terms.
const LAST_TERMS: f64 = 4.0;

/// Distance from a threshold beyond which a series that has broken down is on the right side all the same.
// Far in a tail it may be negative or above 1, by some thousandths of what the probability is.
const FAR: f64 = 0.01;

/// Distance from a threshold that rounding errors may make.
const ROUNDING: f64 = 1e-9;

/// Error that a rough inversion is allowed.
// Fifty times the probability that it takes to be impossible. In 18 000 comparisons, with weights from 0.05 to 300,
// it erred by 5e-10 at most.
const ROUGH_ERROR: f64 = 1e-6;

/// Sum of weights in each arm from which the Edgeworth series and rough inversions are used.
const LARGE_FROM: f64 = 40.0;

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
        self.invert(threshold, Precision::Exact).probability
    }

    /// Sums the Edgeworth series of P(difference > `threshold`) to the terms of order 1/n² (Kolassa 2006,
    /// Series Approximation Methods in Statistics, §3.5), from six exact cumulants.
    fn edgeworth(&self, threshold: f64) -> Edgeworth {
        let (c, e) = (self.control.cumulants(), self.experimental.cumulants());
        let [mean, k3, k5] = [0, 2, 4].map(|n| e[n] - c[n]);
        let [variance, k4, k6] = [1, 3, 5].map(|n| e[n] + c[n]);
        let sd = variance.sqrt();
        let (l3, l4) = (k3 / (variance * sd), k4 / (variance * variance));
        let (l5, l6) = (k5 / (variance * variance * sd), k6 / (variance * variance * variance));
        let x = (threshold - mean) / sd;
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

    /// Returns whether P(difference > `threshold`) is at least `probability`: by the Edgeworth series or a rough
    /// inversion if they are clear of the probability, otherwise exactly.
    pub fn exceeds(&self, threshold: f64, probability: f64) -> bool {
        self.clearly_exceeds(threshold, probability)
            .or_else(|| self.roughly_exceeds(threshold, probability))
            .unwrap_or_else(|| self.posterior_probability(threshold) >= probability)
    }

    /// Whether both arms have weights enough for shortcuts.
    fn is_large(&self) -> bool {
        self.control.total().min(self.experimental.total()) >= LARGE_FROM
    }

    /// Returns what a rough inversion decides; `None` if it may err.
    fn roughly_exceeds(&self, threshold: f64, probability: f64) -> Option<bool> {
        if !self.is_large() {
            return None;
        }
        let rough = self.invert(threshold, Precision::Rough);
        let excess = rough.probability - probability;
        (rough.is_complete && excess.abs() > ROUGH_ERROR).then_some(excess > 0.0)
    }

    /// Returns what the Edgeworth series decides; `None` if it may err.
    fn clearly_exceeds(&self, threshold: f64, probability: f64) -> Option<bool> {
        if !self.is_large() {
            return None;
        }
        let series = self.edgeworth(threshold);
        let excess = series.probability - probability;
        let is_clear = excess.abs() > LAST_TERMS * series.last_terms + ROUNDING
            && (series.tilt < 1.0 || excess.abs() > FAR);
        is_clear.then_some(excess > 0.0)
    }

    /// Computes the probability, given the data, that in a later analysis with `more` further patients,
    /// control arm first, the posterior mean is at least `deviations` of its standard deviations above the
    /// `threshold`. For P(difference > `threshold`) ≥ p these are the normal quantile of p.
    ///
    /// The later posterior mean has the present one as its mean and the variance V·m / (A + m) per arm,
    /// where V is the present variance, A the sum of the weights and m the further patients; the later
    /// variance is V·A / (A + m) on average. Both are exact; that the later mean and posterior are normal
    /// is an approximation.
    pub fn predictive_probability(&self, more: [f64; 2], threshold: f64, deviations: f64) -> f64 {
        let arms = [self.control.forecast(more[0]), self.experimental.forecast(more[1])];
        chance_of_success(arms, threshold, deviations)
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
        deviations: f64,
    ) -> f64 {
        let of_arms =
            [(&self.control, &early[0], more[0]), (&self.experimental, &early[1], more[1])];
        let arms = of_arms.map(|(arm, early, more)| {
            early.forecast(prior, arm, more - f64::from(early.pending_total()))
        });
        chance_of_success(arms, threshold, deviations)
    }
}

/// Returns the probability that the difference of two later posterior means, experimental less control, is
/// at least `deviations` of its standard deviations above the `threshold`.
fn chance_of_success(arms: [MeanForecast; 2], threshold: f64, deviations: f64) -> f64 {
    let [control, experimental] = arms;
    let (gained, left) = (control.gained + experimental.gained, control.left + experimental.left);
    let mean = experimental.mean - control.mean;
    let needed = threshold + deviations * left.sqrt();
    // No patients are to come: the posterior of now is that of the later analysis.
    if gained == 0.0 {
        return f64::from(u8::from(mean >= needed));
    }
    upper_tail((needed - mean) / gained.sqrt())
}

/// Returns the Hermite polynomials He_0 to He_11 at x.
fn hermite(x: f64) -> [f64; 12] {
    let mut he = [1.0; 12];
    he[1] = x;
    for n in 2..12 {
        he[n] = x * he[n - 1] - (n as f64 - 1.0) * he[n - 2];
    }
    he
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::normal::upper_quantile;
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
        let [_, k2, k3, k4, ..] = dirichlet.cumulants();
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
            let rough = both.invert(threshold, Precision::Rough);
            let error = (rough.probability - exact).abs();
            prop_assert!(error < ROUGH_ERROR / 30.0 || !rough.is_complete, "{error} off {exact}");
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
        let [likely, certain] = [0.01, 0.001].map(upper_quantile);
        assert_eq!(both.predictive_probability([0.0, 0.0], 0.0, likely), 1.0);
        assert_eq!(both.predictive_probability([0.0, 0.0], 0.0, certain), 0.0);
        // With ever more patients the later posterior is certain, and right.
        let endless = both.predictive_probability([1e12, 1e12], 0.0, likely);
        assert!((endless - upper_tail(-both.mean() / both.variance().sqrt())).abs() < 1e-5);
    }
}
