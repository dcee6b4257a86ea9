//! Two proportions with independent beta priors: exact posterior and predictive probabilities.

use super::EarlyCounts;
use super::longitudinal::PipelineScratch;
use crate::num::beta::{Beta, ln_beta};
use crate::outcome::Mrs;

/// Successes in one arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArmCount {
    /// Patients with the event.
    pub successes: u32,
    /// Patients with an outcome.
    pub patients: u32,
}

impl ArmCount {
    /// Returns the patients without the event.
    pub fn failures(self) -> u32 {
        self.patients - self.successes
    }
}

/// Successes in both arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProportionData {
    /// The control arm.
    pub control: ArmCount,
    /// The experimental arm.
    pub experimental: ArmCount,
}

/// Independent beta priors of two proportions, and the difference that is of interest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaBinomial {
    /// Prior of the control arm.
    pub control: Beta,
    /// Prior of the experimental arm.
    pub experimental: Beta,
    /// Risk difference, in (−1, 1), above which the effect counts.
    pub difference: f64,
}

/// Patients of both arms who will have an outcome at a later analysis.
#[derive(Debug, Clone, Copy)]
pub(super) struct PipelineToCome<'d> {
    /// Early mRS of control and experimental arm; the pending patients are among those to come.
    pub early: [&'d EarlyCounts; 2],
    /// Success is an mRS at or below this.
    pub cut: Mrs,
    /// Patients with an outcome at the later analysis.
    pub later: [u32; 2],
}

/// Whole parameter up to which the finite sum is used; quadrature costs about as much as this many terms.
const LONGEST_SUM: f64 = 4000.0;

/// Logarithm of the smallest first term of the finite sum, far above underflow at e⁻⁷⁰⁸.
const SMALLEST_FIRST: f64 = -650.0;

/// Logarithm of a share of a density's maximum below which the density is left out: e⁻⁴⁰ is 4e-18.
const NEGLIGIBLE: f64 = -40.0;

/// Farthest logistic argument: e⁻⁷⁰⁰ is 1e-304, and its logarithm does not exist below 5e-324.
const FARTHEST: f64 = 700.0;

/// Step of the trapezium rule over the narrower of the two posteriors' standard deviations.
// The error of the rule for a normal curve is 2·exp(−2π²/step²); half of a standard deviation leaves room
// for skewed ones.
const STEP: f64 = 0.5;

/// Longest step. With few events the weight falls as exp(−n·exp(u)) to one side, which holds within π/2 of
/// the real axis: the error falls as exp(−π²/step), and is 5e-12 at 0.25 with 4 of 84 and 5 of 97 (exact
/// rational arithmetic).
const LONGEST_STEP: f64 = 0.16;

impl BetaBinomial {
    fn posterior(&self, data: ProportionData) -> [Beta; 2] {
        [(self.control, data.control), (self.experimental, data.experimental)].map(
            |(prior, count)| Beta {
                a: prior.a + f64::from(count.successes),
                b: prior.b + f64::from(count.failures()),
            },
        )
    }

    /// Computes P(experimental rate − control rate > the threshold | data).
    pub fn posterior_probability(&self, data: ProportionData) -> f64 {
        let [control, experimental] = self.posterior(data);
        // Cook's sum is of P(E > C): a difference of the rates other than 0 has no finite sum.
        if self.difference == 0.0
            && let Some(probability) = finite_sum(control, experimental)
        {
            return probability;
        }
        quadrature(control, experimental, self.difference)
    }

    /// Returns the mean and the standard deviation of the difference of the rates given the data.
    pub fn moments(&self, data: ProportionData) -> (f64, f64) {
        let [control, experimental] = self.posterior(data);
        let variance = control.variance() + experimental.variance();
        (experimental.mean() - control.mean(), variance.sqrt())
    }

    /// Returns, for every number of successes among `control` patients of the control arm, the least
    /// number among the `experimental` ones with which the posterior probability is at least
    /// `threshold`; one more than all of them if none has it.
    ///
    /// The posterior probability rises with successes in the experimental arm and falls with those in
    /// the control arm, so that the least numbers never fall.
    pub fn least_for_success(&self, control: u32, experimental: u32, threshold: f64) -> Vec<u32> {
        // Carried from row to row: a table takes n_c + n_e posterior probabilities, not n_c·n_e.
        let mut least = 0;
        (0..=control)
            .map(|successes| {
                while least <= experimental {
                    let arm = ArmCount { successes: least, patients: experimental };
                    let control = ArmCount { successes, patients: control };
                    let data = ProportionData { control, experimental: arm };
                    if self.posterior_probability(data) >= threshold {
                        break;
                    }
                    least += 1;
                }
                least
            })
            .collect()
    }

    /// Computes the probability, given the data, that the counts of a later analysis will be at or above
    /// `least`, the least number of successes in the experimental arm by that in the control arm (as
    /// [`BetaBinomial::least_for_success`] returns). `later` has the patients of that analysis, control
    /// first, at least as many as now.
    pub fn predictive_probability(
        &self,
        data: ProportionData,
        later: [u32; 2],
        least: &[u32],
        scratch: &mut [Vec<f64>; 2],
    ) -> f64 {
        let [control, experimental] = self.posterior(data);
        let [to_come_control, to_come_experimental] = scratch;
        control.predict(later[0] - data.control.patients, to_come_control);
        experimental.predict(later[1] - data.experimental.patients, to_come_experimental);
        chance_of_enough(data, least, scratch)
    }

    /// Computes the probability of [`BetaBinomial::predictive_probability`] with the early mRS of patients
    /// in the pipeline, by the longitudinal model.
    pub(super) fn predictive_with_early(
        &self,
        data: ProportionData,
        to_come: PipelineToCome<'_>,
        least: &[u32],
        pipeline: &mut PipelineScratch,
        scratch: &mut [Vec<f64>; 2],
    ) -> f64 {
        let PipelineToCome { early, cut, later } = to_come;
        let priors = [self.control, self.experimental];
        let posteriors = self.posterior(data);
        let known = [data.control.patients, data.experimental.patients];
        for (arm, out) in scratch.iter_mut().enumerate() {
            let others = later[arm] - known[arm] - early[arm].pending_total();
            early[arm].predict_successes(priors[arm], posteriors[arm], cut, others, pipeline, out);
        }
        chance_of_enough(data, least, scratch)
    }
}

/// Returns the probability that the successes to come, whose distributions in control and experimental arm
/// are given, are enough with those of now.
fn chance_of_enough(data: ProportionData, least: &[u32], to_come: &mut [Vec<f64>; 2]) -> f64 {
    let [control, experimental] = to_come;
    // P(at least k more) in place of P(k more).
    for k in (0..experimental.len() - 1).rev() {
        experimental[k] += experimental[k + 1];
    }
    let from = data.control.successes as usize;
    let mut success = 0.0;
    for (p, &needed) in control.iter().zip(&least[from..]) {
        success += match needed.checked_sub(data.experimental.successes) {
            // Enough already, whatever the patients to come show.
            None => *p,
            Some(more) => p * experimental.get(more as usize).copied().unwrap_or(0.0),
        };
    }
    success
}

/// Computes P(experimental > control) as a finite sum of positive terms; `None` unless a parameter is a
/// whole number and the terms do not underflow.
///
/// For a whole number α of the experimental arm it is Σ B(a + i, β + b) / ((β + i)·B(1 + i, β)·B(a, b)), i
/// from 0 to α − 1 (Cook 2005, Exact calculation of beta inequalities, MD Anderson UTMDABTR-005-05); the
/// other parameters follow by exchanging arms or success and failure.
fn finite_sum(control: Beta, experimental: Beta) -> Option<f64> {
    // P(E > C) = P(1 − C > 1 − E) = 1 − P(C > E) = 1 − P(1 − E > 1 − C).
    let ways = [
        (experimental.a, control, experimental, false),
        (control.b, experimental.mirrored(), control.mirrored(), false),
        (control.a, experimental, control, true),
        (experimental.b, control.mirrored(), experimental.mirrored(), true),
    ];
    let whole = ways.into_iter().filter(|way| way.0.fract() == 0.0 && way.0 <= LONGEST_SUM);
    // Time and rounding errors of the sum grow with its terms.
    let shortest = whole.min_by(|x, y| x.0.total_cmp(&y.0));
    let (terms, lower, upper, complement) = shortest?;
    let sum = sum_of_terms(terms as u32, lower, upper.b)?;
    Some(if complement { 1.0 - sum } else { sum })
}

/// Returns P(upper > lower), where `upper` has the parameters (`terms`, `upper_b`); `None` if the first
/// term underflows.
fn sum_of_terms(terms: u32, lower: Beta, upper_b: f64) -> Option<f64> {
    // The term of i = 0 is B(a, β + b) / B(a, b), and each term follows from the one before it.
    let Beta { a, b } = lower;
    let ln_first = ln_beta(a, upper_b + b) - ln_beta(a, b);
    if ln_first < SMALLEST_FIRST {
        return None;
    }
    let mut term = libm::exp(ln_first);
    let mut sum = term;
    for i in 1..terms {
        let before = f64::from(i - 1);
        term *= (a + before) * (upper_b + before) / ((a + b + upper_b + before) * f64::from(i));
        sum += term;
    }
    Some(sum)
}

/// Computes P(experimental − control > difference) as the mean of the experimental arm's tail over the
/// distribution of the control arm.
///
/// The part of the control arm's range in which the tail is neither 0 nor 1 is mapped to the real line by
/// a logistic function, which turns the powers at its ends into exponentials, and the trapezium rule
/// converges exponentially (Trefethen & Weideman 2014, SIAM Rev 56:385).
fn quadrature(control: Beta, experimental: Beta, difference: f64) -> f64 {
    // Below this rate of the control arm the difference is exceeded for certain.
    let certain = (-difference).max(0.0);
    let end = (1.0 - difference).min(1.0);
    let width = end - certain;
    let ln_b = ln_beta(control.a, control.b);
    let weight = |u: f64| {
        let [share, rest] = share_and_rest(u);
        let (rate, complement) = (certain + width * share, (1.0 - end) + width * rest);
        // As a logarithm: `highest` has to compare values far from the mode that would all
        // underflow to 0.
        let ln_density =
            (control.a - 1.0) * libm::log(rate) + (control.b - 1.0) * libm::log(complement) - ln_b;
        ln_density + libm::log(width * share * rest)
    };
    let mode = highest(&weight);
    let top = weight(mode);
    let [from, to] = [-1.0, 1.0].map(|side| reach(&weight, mode, side, top + NEGLIGIBLE));
    // In units of u a standard deviation of a rate r is divided by r·(1 − r).
    let narrowest = [control, experimental]
        .map(|beta| beta.variance().sqrt() / (beta.mean() * (1.0 - beta.mean())))
        .into_iter()
        .fold(f64::INFINITY, f64::min);
    let steps = ((to - from) / (STEP * narrowest).min(LONGEST_STEP)).ceil().max(40.0);
    let step = (to - from) / steps;
    // Both are exact next to 0, where a parameter of 0.01 has much of its distribution below 1e-100.
    let tail = |[share, rest]: [f64; 2]| {
        experimental.upper_tail_at(
            width * share + difference.max(0.0),
            width * rest + (-difference).max(0.0),
        )
    };
    let mut sum = 0.0;
    for i in 0..=steps as u32 {
        let u = from + f64::from(i) * step;
        // A density that has not died away at an end of the range is cut there by half a step.
        let share_of_step = if i == 0 || i == steps as u32 { 0.5 } else { 1.0 };
        sum += share_of_step * libm::exp(weight(u)) * tail(share_and_rest(u));
    }
    let [first, last] = [share_and_rest(from), share_and_rest(to)];
    let below = control.lower_tail(certain + width * first[0]) - control.lower_tail(certain);
    let above = control.upper_tail_at(end - width * last[1], (1.0 - end) + width * last[1])
        - control.upper_tail(end);
    // Beyond the range both distributions are powers of the rate, or of its complement, if they end at the
    // same rate. Without these parts a weight of 0.01 would lose a thousandth.
    let [rise, fall] = if difference == 0.0 {
        [control.a / (control.a + experimental.a), control.b / (control.b + experimental.b)]
    } else {
        [1.0, 1.0]
    };
    let beyond = below * (1.0 - rise * (1.0 - tail(first))) + above * fall * tail(last);
    control.lower_tail(certain) + step * sum + beyond
}

/// Returns a logistic share and its complement, without loss next to 0.
fn share_and_rest(u: f64) -> [f64; 2] {
    let e = libm::exp(-u.abs());
    let [near, far] = [e / (1.0 + e), 1.0 / (1.0 + e)];
    if u < 0.0 { [near, far] } else { [far, near] }
}

/// Returns where a function with one maximum, within ±[`FARTHEST`], has it, to about 0.01.
fn highest(f: &impl Fn(f64) -> f64) -> f64 {
    // Golden sections would save few evaluations: this costs a small part of the quadrature.
    let (mut low, mut high) = (-FARTHEST, FARTHEST);
    while high - low > 0.01 {
        let third = (high - low) / 3.0;
        if f(low + third) < f(high - third) {
            low += third;
        } else {
            high -= third;
        }
    }
    0.5 * (low + high)
}

/// Returns a place on one `side` of the maximum where a function with one maximum is at or below
/// `level`, or the end of ±[`FARTHEST`].
fn reach(f: &impl Fn(f64) -> f64, mode: f64, side: f64, level: f64) -> f64 {
    let mut distance = 0.1;
    let mut place = mode;
    while place.abs() < FARTHEST {
        place = (mode + side * distance).clamp(-FARTHEST, FARTHEST);
        if f(place) <= level {
            break;
        }
        distance *= 1.25;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arm([successes, patients]: [u32; 2]) -> ArmCount {
        ArmCount { successes, patients }
    }

    fn data(control: [u32; 2], experimental: [u32; 2]) -> ProportionData {
        ProportionData { control: arm(control), experimental: arm(experimental) }
    }

    const UNIFORM: Beta = Beta { a: 1.0, b: 1.0 };

    fn model(control: Beta, experimental: Beta, difference: f64) -> BetaBinomial {
        BetaBinomial { control, experimental, difference }
    }

    #[test]
    fn prior_without_data_and_equal_data_are_even() {
        let uniform = model(UNIFORM, UNIFORM, 0.0);
        let prior = uniform.posterior_probability(data([0, 0], [0, 0]));
        assert!((prior - 0.5).abs() < 1e-15, "{prior}");
        let even = uniform.posterior_probability(data([7, 20], [7, 20]));
        assert!((even - 0.5).abs() < 1e-14, "{even}");
        // P(X > Y + d) of two uniform variables is (1 − d)²/2, and one minus that below 0.
        let above = model(UNIFORM, UNIFORM, 0.3).posterior_probability(data([0, 0], [0, 0]));
        assert!((above - 0.245).abs() < 1e-13, "{above}");
        let below = model(UNIFORM, UNIFORM, -0.3).posterior_probability(data([0, 0], [0, 0]));
        assert!((below - 0.755).abs() < 1e-13, "{below}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn finite_sum_and_quadrature_agree(
            n in 1u32..300, m in 1u32..300, x in 0.0f64..1.0, y in 0.0f64..1.0,
        ) {
            let x = (x * f64::from(n)).round();
            let y = (y * f64::from(m)).round();
            let control = Beta { a: 1.0 + x, b: 1.0 + f64::from(n) - x };
            let experimental = Beta { a: 1.0 + y, b: 1.0 + f64::from(m) - y };
            let sum = finite_sum(control, experimental).expect("whole parameters");
            let integral = quadrature(control, experimental, 0.0);
            prop_assert!((sum - integral).abs() < 2e-12, "{} {}", sum, integral);
        }

        #[test]
        fn exchanged_arms_have_the_complement(
            a in 0.2f64..80.0, b in 0.2f64..80.0, c in 0.2f64..80.0, d in 0.2f64..80.0,
            difference in -0.4f64..0.4,
        ) {
            let (first, second) = (Beta { a, b }, Beta { a: c, b: d });
            let one = quadrature(first, second, difference);
            let other = quadrature(second, first, -difference);
            prop_assert!((one + other - 1.0).abs() < 1e-10, "{} {}", one, other);
        }
    }

    /// Values by adaptive quadrature with 30 digits in the logit of the control arm's rate (mpmath 1.3.0).
    #[test]
    fn priors_of_a_hundredth_of_a_patient_have_a_posterior() {
        #[rustfmt::skip]
        let cases = [
            ([0.01, 90.01], [0.01, 90.01], 0.0, 0.5),
            ([0.01, 90.01], [1.01, 89.01], 0.0, 0.993_223_931_946_13),
            ([0.01, 90.01], [0.01, 60.01], 0.0, 0.502_012_807_146_98),
            ([90.01, 0.01], [60.01, 0.01], 0.0, 0.497_987_192_853_02),
            ([0.01, 90.01], [0.01, 60.01], 0.01, 0.004_552_955_341_345_14),
            ([0.01, 90.01], [1.01, 60.01], -0.01, 0.999_222_233_914_522),
            ([90.01, 0.01], [60.01, 0.01], -0.01, 0.995_447_044_658_655),
            ([0.001, 5.001], [0.001, 3.001], 0.0, 0.500_291_123_942_955),
            ([90.01, 0.01], [60.01, 0.01], 0.02, 0.000_641_570_205_137_54),
        ];
        for (control, experimental, difference, expected) in cases {
            let [control, experimental] = [control, experimental].map(|[a, b]| Beta { a, b });
            let found = quadrature(control, experimental, difference);
            assert!((found - expected).abs() < 1e-9, "{control:?} {experimental:?}: {found}");
        }
    }

    #[test]
    fn prediction_of_no_more_patients_is_the_decision_now() {
        let model = model(UNIFORM, UNIFORM, 0.0);
        let least = model.least_for_success(20, 20, 0.95);
        let mut scratch = [Vec::new(), Vec::new()];
        for (x, y) in [(5, least[5]), (5, least[5] - 1)] {
            let now = data([x, 20], [y, 20]);
            let predicted = model.predictive_probability(now, [20, 20], &least, &mut scratch);
            let success = model.posterior_probability(now) >= 0.95;
            assert_eq!(predicted, f64::from(u8::from(success)));
        }
    }
}
