//! Fisher's exact test: the events of one arm when both margins are fixed.
//!
//! Without an effect they are hypergeometric; with odds ratio ω their probabilities are multiplied
//! by ωⁱ (Fisher's noncentral distribution: Fisher 1935, J R Stat Soc 98:39). Every probability is
//! a ratio of sums of terms, each computed from its neighbour, outwards from the mode. This takes
//! +, −, ×, ÷ alone, loses no precision to logarithms of factorials, and needs the terms within some
//! ten standard deviations.

use std::iter::successors;

use super::{ArmEvents, Arms, ProportionEffect};
use crate::num::normal::upper_quantile;
use crate::num::root;

/// Share of a sum below which a term ends it.
// There the terms fall so fast that all further ones together are below one rounding of the sum.
const VANISHING: f64 = 1e-20;
/// Largest absolute log odds ratio that is searched.
// Its exponential, and the products of it with counts, are still finite.
const FARTHEST: f64 = 300.0;

/// A fourfold table with fixed margins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditional {
    /// Events of the experimental arm.
    observed: f64,
    /// Events of both arms.
    events: f64,
    /// Patients of the control arm.
    control: f64,
    /// Patients of the experimental arm.
    experimental: f64,
}

/// Probabilities of X, the experimental arm's events, around the observed x. Each is precise in
/// relative terms, down to 1e-300.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tails {
    /// P(X ≤ x).
    pub lower: f64,
    /// P(X ≥ x).
    pub upper: f64,
    /// P(X = x).
    pub point: f64,
}

/// A number of events and its probability as a multiple of the mode's.
type Term = (f64, f64);

impl Conditional {
    /// `None` when an arm is empty or a count is not whole: expected counts have no exact test, and
    /// rounding them would test another table.
    pub fn of(arms: &Arms) -> Option<Self> {
        for arm in arms {
            let whole = arm.events.trunc() == arm.events && arm.patients.trunc() == arm.patients;
            let possible = 0.0 <= arm.events && arm.events <= arm.patients && 0.0 < arm.patients;
            if !(whole && possible) {
                return None;
            }
        }
        let [control, experimental] = arms;
        Some(Self {
            observed: experimental.events,
            events: control.events + experimental.events,
            control: control.patients,
            experimental: experimental.patients,
        })
    }

    /// The tails when the arms do not differ: the one-sided p values of Fisher's test, `upper` for
    /// benefit and `lower` for harm.
    pub fn tails(&self) -> Tails {
        self.tails_at(1.0)
    }

    /// Two-sided p value: the probability of all tables that are at most as likely as the observed one.
    /// Ties count, up to a relative 1e-7 as in R's `fisher.test`.
    pub fn p_two_sided(&self) -> f64 {
        let mode = self.mode(1.0);
        let Some((_, observed)) = self.walk_to_observed(mode, 1.0) else { return 0.0 };
        let limit = observed * (1.0 + 1e-7);
        let above = self.upwards((mode, 1.0), 1.0).filter(|&(_, weight)| weight <= limit);
        // The mode is in both walks; it counts once.
        let below = self.downwards((mode, 1.0), 1.0).skip(1).filter(|&(_, weight)| weight <= limit);
        let (above, below) = (total(above), total(below));
        ((above + below) / self.whole(mode, 1.0)).min(1.0)
    }

    /// Z of the one-sided p value of the side on which the data are: Φ⁻¹(1 − P(X ≥ x)) if x is above
    /// its expectation, −Φ⁻¹(1 − P(X ≤ x)) if below, and 0 if that would have the other sign.
    ///
    /// Each one-sided p value is conservative, and the two add up to more than 1, so that no Z can give
    /// both. This one rejects for benefit exactly if P(X ≥ x) ≤ α and for harm exactly if P(X ≤ x) ≤ α,
    /// for every α < ½, and changes its sign when the arms are swapped. Its absolute value is at most
    /// 37.6, at which the p value is the smallest normal number.
    pub fn z(&self) -> f64 {
        let Tails { lower, upper, .. } = self.tails();
        let beyond = self.beyond_expectation();
        if beyond > 0.0 {
            quantile(upper).max(0.0)
        } else if beyond < 0.0 {
            -quantile(lower).max(0.0)
        } else {
            0.0
        }
    }

    /// Φ⁻¹(1 − p) of the mid-p value p = P(X > x) + ½·P(X = x). The values of both sides add up to 1, so
    /// that Z changes its sign when the arms are swapped.
    pub fn mid_p_z(&self) -> f64 {
        let Tails { lower, upper, point } = self.tails();
        // From the smaller tail: 1 − p keeps no small p.
        if self.beyond_expectation() >= 0.0 {
            quantile(upper - 0.5 * point)
        } else {
            -quantile(lower - 0.5 * point)
        }
    }

    /// The conditional maximum-likelihood odds ratio, under which the expectation is the observed number
    /// of events. 0 or ∞ if no table has fewer or more events; NaN if the margins allow no other table.
    pub fn odds_ratio(&self) -> f64 {
        match (self.observed == self.least(), self.observed == self.most()) {
            (true, true) => f64::NAN,
            (true, false) => 0.0,
            (false, true) => f64::INFINITY,
            (false, false) => self.solve(0.0, |it, odds| it.observed - it.expectation(odds)),
        }
    }

    /// The exact interval of the odds ratio, of confidence `level` in (0, 1): at each limit the
    /// tail beyond the observed has probability (1 − level)/2 (Cornfield 1956; R's `fisher.test`).
    /// Limits are 0 or ∞ if no table has fewer or more events.
    pub fn odds_ratio_interval(&self, level: f64) -> (f64, f64) {
        let tail = 0.5 * (1.0 - level);
        let reach = upper_quantile(tail);
        let low = if self.observed == self.least() {
            0.0
        } else {
            self.solve(-reach, |it, odds| tail - it.tails_at(odds).upper)
        };
        let high = if self.observed == self.most() {
            f64::INFINITY
        } else {
            self.solve(reach, |it, odds| it.tails_at(odds).lower - tail)
        };
        (low, high)
    }

    /// The odds ratio at which `f`, which falls, is 0. The search starts `reach` standard errors from the
    /// estimate.
    fn solve(&self, reach: f64, f: impl Fn(&Self, f64) -> f64) -> f64 {
        // Half a patient in every cell, so that the start is finite.
        let around = ProportionEffect::LogOddsRatio.estimate(&[
            ArmEvents { events: self.events - self.observed + 0.5, patients: self.control + 1.0 },
            ArmEvents { events: self.observed + 0.5, patients: self.experimental + 1.0 },
        ]);
        let guess = around.estimate + reach * around.standard_error;
        let log = root::near(
            |log| f(self, libm::exp(log)),
            guess.clamp(-FARTHEST, FARTHEST),
            0.25 * around.standard_error,
            [-FARTHEST, FARTHEST],
            2.0 * f64::EPSILON,
        );
        libm::exp(log.unwrap_or(FARTHEST.copysign(guess)))
    }

    /// Above 0 when the experimental arm has more events than expected without a difference.
    fn beyond_expectation(&self) -> f64 {
        let control = self.events - self.observed;
        self.observed * self.control - control * self.experimental
    }

    /// Fewest events that the margins allow.
    fn least(&self) -> f64 {
        (self.events - self.control).max(0.0)
    }

    /// Most events that the margins allow.
    fn most(&self) -> f64 {
        self.experimental.min(self.events)
    }

    /// The most likely number of events (Liao & Rosen 2001, Am Stat 55:366). Rounding may give its
    /// neighbour, which does not matter: sums only have to start near the mode.
    fn mode(&self, odds: f64) -> f64 {
        // The greater of two neighbours of equal probability solves a·i² − b·i + c = 0.
        let a = odds - 1.0;
        let b = (self.experimental + self.events + 2.0) * odds + self.control - self.events;
        let c = (self.experimental + 1.0) * (self.events + 1.0) * odds;
        let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
        // Two forms of the same root, each without cancellation for its sign of b; b < 0 implies a < 0.
        let i = if b > 0.0 { 2.0 * c / (b + root) } else { (b - root) / (2.0 * a) };
        i.floor().clamp(self.least(), self.most())
    }

    /// Terms from `start` to the most events, as long as they are above 0.
    fn upwards(&self, start: Term, odds: f64) -> impl Iterator<Item = Term> {
        let it = *self;
        successors(Some(start), move |&(i, weight)| {
            let more = (it.experimental - i) * (it.events - i);
            let fewer = (i + 1.0) * (it.control - it.events + i + 1.0);
            let next = weight * (more / fewer * odds);
            // At the most events `more` is 0, which ends the walk, too.
            (next > 0.0).then_some((i + 1.0, next))
        })
    }

    /// Terms from `start` to the fewest events, as long as they are above 0.
    fn downwards(&self, start: Term, odds: f64) -> impl Iterator<Item = Term> {
        let it = *self;
        successors(Some(start), move |&(i, weight)| {
            let fewer = i * (it.control - it.events + i);
            let more = (it.experimental - i + 1.0) * (it.events - i + 1.0);
            let next = weight * (fewer / more / odds);
            (next > 0.0).then_some((i - 1.0, next))
        })
    }

    /// The term of the observed events; `None` if it is too small for a number.
    fn walk_to_observed(&self, mode: f64, odds: f64) -> Option<Term> {
        if self.observed >= mode {
            self.upwards((mode, 1.0), odds).find(|&(i, _)| i == self.observed)
        } else {
            self.downwards((mode, 1.0), odds).find(|&(i, _)| i == self.observed)
        }
    }

    /// The sum of all terms.
    fn whole(&self, mode: f64, odds: f64) -> f64 {
        let above = total(self.upwards((mode, 1.0), odds));
        let below = total(self.downwards((mode, 1.0), odds));
        above + below - 1.0
    }

    /// The tails when the experimental arm's odds are `odds` times control's, from e⁻³⁰⁰ to e³⁰⁰.
    pub fn tails_at(&self, odds: f64) -> Tails {
        // Terms are multiples of that of the mode, so that none overflows.
        let mode = self.mode(odds);
        let observed = self.walk_to_observed(mode, odds);
        let whole = self.whole(mode, odds);
        let point = observed.map_or(0.0, |term| term.1);
        // The tail away from the mode may be tiny, and is summed. The tail with the mode loses no digits
        // by subtraction.
        if self.observed >= mode {
            let beyond = observed.map_or(0.0, |term| total(self.upwards(term, odds)));
            let (lower, upper) = ((whole - beyond + point) / whole, beyond / whole);
            Tails { lower, upper, point: point / whole }
        } else {
            let beyond = observed.map_or(0.0, |term| total(self.downwards(term, odds)));
            let (lower, upper) = (beyond / whole, (whole - beyond + point) / whole);
            Tails { lower, upper, point: point / whole }
        }
    }

    /// E(X) at an odds ratio.
    fn expectation(&self, odds: f64) -> f64 {
        let mode = self.mode(odds);
        let above = moments(self.upwards((mode, 1.0), odds), mode);
        let below = moments(self.downwards((mode, 1.0), odds), mode);
        mode + (above.1 + below.1) / (above.0 + below.0 - 1.0)
    }
}

fn total(terms: impl Iterator<Item = Term>) -> f64 {
    moments(terms, 0.0).0
}

/// Sum of the weights, and of the weighted distances from `about`.
fn moments(terms: impl Iterator<Item = Term>, about: f64) -> (f64, f64) {
    let (mut whole, mut first) = (0.0, 0.0);
    for (i, weight) in terms {
        whole += weight;
        first += (i - about) * weight;
        // At the start `whole` is the weight itself, so that the first term never ends the sum.
        if weight < VANISHING * whole {
            break;
        }
    }
    (whole, first)
}

/// The upper normal quantile; finite also if the sum p was rounded to 1 or underflowed to 0.
fn quantile(p: f64) -> f64 {
    upper_quantile(p.clamp(f64::MIN_POSITIVE, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn conditional(control: (u32, u32), experimental: (u32, u32)) -> Conditional {
        let arms = [control, experimental].map(|(events, patients)| ArmEvents {
            events: f64::from(events),
            patients: f64::from(patients),
        });
        Conditional::of(&arms).expect("whole counts of patients")
    }

    fn table(most: u32) -> impl Strategy<Value = [(u32, u32); 2]> {
        let arm = move || (1..=most).prop_flat_map(|n| (0..=n, Just(n)));
        [arm(), arm()]
    }

    /// Ways to choose, exactly.
    fn binomial(n: u32, k: u32) -> u128 {
        (0..k).fold(1, |ways, i| ways * u128::from(n - i) / u128::from(i + 1))
    }

    proptest! {
        /// Tails and the two-sided p value by counting every table with the same margins, exactly.
        #[test]
        fn tails_and_two_sided_p_equal_those_by_enumeration([control, experimental] in table(30)) {
            let events = control.0 + experimental.0;
            let ways = |i: u32| binomial(experimental.1, i) * binomial(control.1, events - i);
            let support = events.saturating_sub(control.1)..=events.min(experimental.1);
            let x = experimental.0;
            let all = binomial(control.1 + experimental.1, events);
            let share = |holds: &dyn Fn(u32) -> bool| {
                support.clone().filter(|&i| holds(i)).map(ways).sum::<u128>() as f64 / all as f64
            };
            let it = conditional(control, experimental);
            let tails = it.tails();
            let close = |ours: f64, exact: f64| (ours / exact - 1.0).abs() < 1e-13;
            prop_assert!(close(tails.upper, share(&|i| i >= x)), "{tails:?}");
            prop_assert!(close(tails.lower, share(&|i| i <= x)), "{tails:?}");
            prop_assert!(close(tails.point, share(&|i| i == x)), "{tails:?}");
            prop_assert!(close(it.p_two_sided(), share(&|i| ways(i) <= ways(x))));
        }

        /// Tails and expectation under an odds ratio of 3 and of ⅓, by the same count.
        #[test]
        fn tails_and_expectation_under_an_odds_ratio_equal_those_by_enumeration([control, experimental] in table(30)) {
            let events = control.0 + experimental.0;
            let least = events.saturating_sub(control.1);
            let most = events.min(experimental.1);
            let x = experimental.0;
            let it = conditional(control, experimental);
            for (odds, tripled) in [(3.0, false), (1.0 / 3.0, true)] {
                let ways = |i: u32| {
                    let threes = if tripled { most - i } else { i - least };
                    binomial(experimental.1, i) * binomial(control.1, events - i) * 3u128.pow(threes)
                };
                let all: u128 = (least..=most).map(ways).sum();
                let tails = it.tails_at(odds);
                let close = |ours: f64, exact: u128| {
                    (ours / (exact as f64 / all as f64) - 1.0).abs() < 1e-13
                };
                prop_assert!(close(tails.upper, (x..=most).map(ways).sum()), "{tails:?}");
                prop_assert!(close(tails.lower, (least..=x).map(ways).sum()), "{tails:?}");
                prop_assert!(close(tails.point, ways(x)), "{tails:?}");
                let moment: u128 = (least..=most).map(|i| u128::from(i) * ways(i)).sum();
                let expectation = moment as f64 / all as f64;
                prop_assert!((it.expectation(odds) - expectation).abs() < 1e-12 * (1.0 + expectation));
            }
        }

        #[test]
        fn tails_add_up_and_mid_p_lies_between([control, experimental] in table(3000)) {
            let it = conditional(control, experimental);
            let Tails { lower, upper, point } = it.tails();
            prop_assert!((lower + upper - point - 1.0).abs() < 1e-13);
            let two_sided = it.p_two_sided();
            prop_assert!(lower.min(upper) <= two_sided * (1.0 + 1e-13) && two_sided <= 1.0);
            // Shrunk towards 0, never past it.
            let (z, mid) = (it.z(), it.mid_p_z());
            let side = it.beyond_expectation();
            prop_assert!(z * side >= 0.0 && z.abs() <= mid.abs().max(1e-12) + 1e-12, "{z} {mid}");
            if point > 0.0 && (1e-12..0.5).contains(&upper) {
                prop_assert!((crate::num::normal::upper_tail(z) / upper - 1.0).abs() < 1e-9);
                prop_assert!(mid > z);
            }
        }

        /// The estimate's expectation is the observed; tails at the limits have their probability;
        /// swapping the arms gives reciprocals.
        #[test]
        fn odds_ratios_solve_their_equations(
            [control, experimental] in table(400),
            level in 0.5..0.999f64,
        ) {
            let it = conditional(control, experimental);
            let swapped = conditional(experimental, control);
            let reciprocal = |a: f64, b: f64| a == 1.0 / b || (a * b - 1.0).abs() < 1e-9;
            let (low, high) = it.odds_ratio_interval(level);
            let (swapped_low, swapped_high) = swapped.odds_ratio_interval(level);
            prop_assert!(reciprocal(low, swapped_high) && reciprocal(high, swapped_low));
            let tail = 0.5 * (1.0 - level);
            if low > 0.0 {
                prop_assert!((it.tails_at(low).upper / tail - 1.0).abs() < 1e-11);
            }
            if high < f64::INFINITY {
                prop_assert!((it.tails_at(high).lower / tail - 1.0).abs() < 1e-11);
            }
            let estimate = it.odds_ratio();
            if it.least() == it.most() {
                prop_assert!(estimate.is_nan());
            } else {
                prop_assert!(low <= estimate && estimate <= high, "{low} {estimate} {high}");
                prop_assert!(reciprocal(estimate, swapped.odds_ratio()));
            }
            if estimate > 0.0 && estimate < f64::INFINITY {
                prop_assert!((it.expectation(estimate) - it.observed).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn counts_that_are_not_whole_have_no_exact_test() {
        let whole = ArmEvents { events: 3.0, patients: 10.0 };
        let part = ArmEvents { events: 3.5, ..whole };
        let empty = ArmEvents { events: 0.0, patients: 0.0 };
        let wrong = ArmEvents { events: 11.0, ..whole };
        for other in [part, empty, wrong, ArmEvents { events: f64::NAN, ..whole }] {
            assert_eq!(Conditional::of(&[whole, other]), None);
            assert_eq!(Conditional::of(&[other, whole]), None);
        }
    }

    /// In a million patients a p value may underflow to 0; its Z is finite.
    #[test]
    fn a_p_value_that_underflows_has_a_finite_z() {
        let it = conditional((0, 500_000), (500_000, 500_000));
        assert_eq!(it.tails(), Tails { lower: 1.0, upper: 0.0, point: 0.0 });
        assert_eq!(it.p_two_sided(), 0.0);
        assert!((37.0..38.0).contains(&it.z()) && (37.0..38.0).contains(&it.mid_p_z()));
        assert_eq!(it.odds_ratio(), f64::INFINITY);
    }

    #[test]
    fn tails_have_known_values() {
        // Sums of exact terms in 60-digit arithmetic (mpmath).
        let known = [
            ((250, 1000), (400, 1000), 2.4198409184926376e-13, 4.7786330332814902e-13),
            ((100, 1000), (100, 100), 6.3633593476097299e-86, 6.3633593476097299e-86),
            ((10, 1000), (300, 1000), 1.426511039207463e-86, 1.4607032236955742e-86),
            ((3, 600_000), (60, 400_000), 1.1373345421071435e-20, 1.1754289017834729e-20),
            ((124_000, 500_000), (126_000, 500_000), 4.2947856168096489e-8, 1.9512268658032864e-6),
            (
                (124_000, 500_000),
                (127_500, 500_000),
                1.3604008213853456e-17,
                3.6729239037023044e-16,
            ),
        ];
        for (control, experimental, point, upper) in known {
            let tails = conditional(control, experimental).tails();
            assert!((tails.point / point - 1.0).abs() < 2e-13, "{tails:?}");
            assert!((tails.upper / upper - 1.0).abs() < 2e-13, "{tails:?}");
        }
    }
}
