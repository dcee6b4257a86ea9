//! The largest type I error of an exact design over the rate that both arms have in common.
//!
//! Given the number s of successes in both arms, the split between the arms does not depend on the
//! common rate p (it is hypergeometric). Therefore one recursion gives h(s) = P(reject at a look |
//! s) for each look, and R(p) = Σ h(s)·B(s; n, p), a polynomial, for every p at once.
//!
//! The maximum is proven by branch and bound in φ = arcsin √p. With the derivatives of the binomial
//! likelihood, −R″(φ) ≤ 2n·(E[h(S + 1)] + E[h(S)]), S ~ B(n − 1, p): the curve exceeds the higher
//! end of an interval by no more than an eighth of the square of its width times the right side's
//! maximum. And from one rate to a higher one no probability of a count grows by more than the
//! ratio of the rates to the power of n, nor from one to a lower by more than the ratio of their
//! complements, so that the right side at both ends bounds it between them. All of this holds up to
//! the rates 0 and 1, of which only the other end of an interval bounds the right side; and as the
//! curve is continuous there, its maximum over [0, 1] is the supremum over the rates between them.

use std::f64::consts::FRAC_PI_2;

use super::exact::{ExactDesign, TypeOneError, binomial};

/// Relative error of the maximum.
const PRECISION: f64 = 1e-7;
/// Intervals before any is halved.
// A first maximum that is nearly the largest spares most of the others.
const START: u32 = 100;
/// Patients per run of the recursion.
// With more, counts far from the run's rate would underflow.
const PER_RUN: u32 = 500;

/// Rejection probabilities of a design at any rate that both arms have in common.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CommonRate {
    looks: Vec<GivenTotal>,
}

/// P(reject at a look | s successes among its patients of both arms), s = 0 … `patients`.
#[derive(Debug, Clone, PartialEq)]
struct GivenTotal {
    patients: u32,
    rejects: Vec<f64>,
}

/// A rate with the values of the curve there.
#[derive(Debug, Clone, PartialEq)]
struct RatePoint {
    angle: f64,
    rate: f64,
    rejection: f64,
    /// 2n·(E[h(S + 1)] + E[h(S)]), by look.
    curvatures: Vec<f64>,
}

impl CommonRate {
    /// Runs the recursion at rates close enough that together they cover every total.
    pub(super) fn new(design: &ExactDesign) -> Self {
        let patients = design.patients();
        let runs = 1 + patients / PER_RUN;
        let mut looks: Vec<GivenTotal> = Vec::new();
        let mut likelihoods: Vec<Vec<f64>> = Vec::new();
        let mut likelihood = Vec::new();
        for run in 0..runs {
            // Equal steps of the angle, on which the standard deviation of a share does not depend
            // on the rate.
            let angle = FRAC_PI_2 * (f64::from(run) + 0.5) / f64::from(runs);
            let rate = libm::sin(angle) * libm::sin(angle);
            for (k, (patients, rejected)) in
                design.rejections_by_total(rate).into_iter().enumerate()
            {
                binomial(patients, rate, &mut likelihood);
                if k == looks.len() {
                    looks.push(GivenTotal { patients, rejects: vec![0.0; likelihood.len()] });
                    likelihoods.push(vec![0.0; likelihood.len()]);
                }
                // The run in which a count is most likely loses least of it.
                for (s, &likelihood) in likelihood.iter().enumerate() {
                    if likelihood > likelihoods[k][s] {
                        likelihoods[k][s] = likelihood;
                        looks[k].rejects[s] = (rejected[s] / likelihood).min(1.0);
                    }
                }
            }
        }
        Self { looks }
    }

    /// Finds the largest rejection probability over all rates.
    pub(super) fn maximum(&self) -> TypeOneError {
        let mut distribution = Vec::new();
        let grid: Vec<RatePoint> = (0..=START)
            .map(|i| FRAC_PI_2 * f64::from(i) / f64::from(START))
            .map(|angle| self.point(angle, &mut distribution))
            .collect();
        // For a design that never rejects: its error is 0 at every rate, so any may be named.
        let mut best = TypeOneError { maximum: 0.0, at: 0.5 };
        for point in &grid {
            keep_larger(&mut best, point);
        }
        let mut open: Vec<(RatePoint, RatePoint)> =
            grid.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        // Depth first, which keeps few intervals in memory; every order proves the same maximum.
        while let Some((low, high)) = open.pop() {
            if self.bound(&low, &high) <= best.maximum * (1.0 + PRECISION) {
                continue;
            }
            let middle = self.point(0.5 * (low.angle + high.angle), &mut distribution);
            keep_larger(&mut best, &middle);
            open.extend([(low, middle.clone()), (middle, high)]);
        }
        best
    }

    fn point(&self, angle: f64, distribution: &mut Vec<f64>) -> RatePoint {
        let rate = libm::sin(angle) * libm::sin(angle);
        let (mut rejection, mut curvatures) = (0.0, Vec::with_capacity(self.looks.len()));
        for GivenTotal { patients, rejects } in &self.looks {
            binomial(patients - 1, rate, distribution);
            // The last patient fails or succeeds.
            let (fails, succeeds) =
                (mean(distribution, rejects), mean(distribution, &rejects[1..]));
            rejection += (1.0 - rate) * fails + rate * succeeds;
            curvatures.push(2.0 * f64::from(*patients) * (fails + succeeds));
        }
        RatePoint { angle, rate, rejection, curvatures }
    }

    /// Returns an upper bound of the rejection probabilities between two rates.
    fn bound(&self, low: &RatePoint, high: &RatePoint) -> f64 {
        let width = high.angle - low.angle;
        let by_look = self.looks.iter().zip(low.curvatures.iter().zip(&high.curvatures));
        let curvature: f64 = by_look
            .map(|(look, (at_low, at_high))| {
                let n = f64::from(look.patients - 1);
                // From a rate of 0 all counts but that of no success have a ratio of infinity.
                let from_low = if low.rate > 0.0 {
                    at_low * growth(n, high.rate / low.rate)
                } else {
                    f64::INFINITY
                };
                let from_high = if high.rate < 1.0 {
                    at_high * growth(n, (1.0 - low.rate) / (1.0 - high.rate))
                } else {
                    f64::INFINITY
                };
                from_low.min(from_high)
            })
            .sum();
        low.rejection.max(high.rejection) + 0.125 * width * width * curvature
    }
}

/// Returns the largest growth of a probability of counts among `n` patients between two rates.
fn growth(n: f64, ratio: f64) -> f64 {
    // Finite, as 0·∞ would arise at a look that never rejects.
    libm::exp(n * libm::log(ratio)).min(f64::MAX)
}

fn mean(distribution: &[f64], values: &[f64]) -> f64 {
    distribution.iter().zip(values).map(|(p, value)| p * value).sum()
}

fn keep_larger(best: &mut TypeOneError, point: &RatePoint) {
    if point.rejection > best.maximum {
        *best = TypeOneError { maximum: point.rejection, at: point.rate };
    }
}

#[cfg(test)]
mod tests {
    use super::super::exact::ExactStatistic;
    use super::super::sample_size::ArmSizes;
    use super::*;
    use proptest::prelude::*;

    fn one_look(control: u32, experimental: u32, z: f64) -> ExactDesign {
        let sizes = [ArmSizes { control, experimental }];
        ExactDesign::new(&sizes, ExactStatistic::Pooled, &[z], &[f64::NEG_INFINITY])
            .expect("one look")
    }

    /// Control and experimental patients, largest error and its rate, by enumeration of all tables
    /// in Python at 19 999 rates, at equal steps of the arcsine, then by golden section next to the
    /// best. A grid of 0.01 has 0.1081 for the first.
    #[test]
    fn peaks_between_grid_points_are_found() {
        let cases = [
            (400, 4, 0.11184906489706381, 0.03394034),
            (156, 156, 0.025805894007753936, 0.62510507),
            (5, 5, 0.03092404517251117, 0.3825443),
            (10, 10, 0.02109527587890626, 0.5),
            (3, 17, 0.06541521456766218, 0.93278158),
            (60, 3, 0.09487678371580423, 0.04980324),
            (20, 200, 0.08335146997237491, 0.9910052280883197),
            (2, 2, 0.0625, 0.5),
        ];
        for (control, experimental, maximum, at) in cases {
            let found = one_look(control, experimental, 1.959963984540054).maximum_type_one_error();
            assert!((found.maximum / maximum - 1.0).abs() < 1e-6, "{found:?} {maximum}");
            // With equal arms a rate and its complement have the same error.
            let mirrored = if control == experimental { 1.0 - found.at } else { found.at };
            let off = (found.at - at).abs().min((mirrored - at).abs());
            assert!(off < 2e-4, "{found:?} {at}");
        }
    }

    #[test]
    fn a_bound_that_no_table_reaches_has_no_type_one_error() {
        let found = one_look(3, 3, 9.0).maximum_type_one_error();
        assert_eq!(found.maximum, 0.0);
        let rare = one_look(40, 40, 6.5).maximum_type_one_error();
        assert!(rare.maximum > 0.0 && rare.maximum < 1e-9, "{rare:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// The maximum is compared with the recursion at 2001 rates, with one look and with two.
        #[test]
        fn no_rate_has_a_larger_error_than_the_maximum(
            first in (1..14u32, 1..14u32),
            more in prop::option::of((1..12u32, 1..12u32)),
            upper in (0.4..3.0f64, 0.3..2.5f64),
            lower in -2.0..0.3f64,
        ) {
            let mut sizes = vec![ArmSizes { control: first.0, experimental: first.1 }];
            let (mut uppers, mut lowers) = (vec![upper.0], vec![lower]);
            if let Some((control, experimental)) = more {
                let (control, experimental) = (control + first.0, experimental + first.1);
                sizes.push(ArmSizes { control, experimental });
                uppers.push(upper.1);
                lowers.push(f64::NEG_INFINITY);
            }
            let design = ExactDesign::new(&sizes, ExactStatistic::Pooled, &uppers, &lowers)
                .expect("growing looks");
            let error = |rate: f64| design.probabilities([rate; 2]).rejection;
            let found = design.maximum_type_one_error();
            prop_assert!((error(found.at) - found.maximum).abs() < 1e-12);
            for i in 0..=2000 {
                let angle = FRAC_PI_2 * f64::from(i) / 2000.0;
                let rate = libm::sin(angle) * libm::sin(angle);
                prop_assert!(error(rate) <= found.maximum * (1.0 + 2e-7) + 1e-15, "{rate}");
            }
        }
    }
}
