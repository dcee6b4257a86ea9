//! Success or not within strata: the test and odds ratio of Cochran, Mantel and Haenszel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grouping::CellLayout;
use super::method::{Binding, GroupedBy, Method, ParameterError, PatientScore, Statistic, Test};
use super::proportional_odds::adjusted;
use super::two_proportions::{Arms, arms, independent};
use super::{Counts, EffectScale, FitStatus, TestResult};
use crate::outcome::Mrs;

/// Parameters of the Cochran–Mantel–Haenszel test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CochranMantelHaenszel {
    /// Success is an mRS at or below this.
    #[serde(default = "independent")]
    #[schemars(with = "u8", range(min = 0, max = 5))]
    pub cut: Mrs,
    /// Factors whose combinations are the strata.
    #[schemars(length(min = 1))]
    pub stratify_by: Vec<String>,
}

/// The test at a cut, of groups that are strata.
#[derive(Debug)]
struct MantelHaenszel {
    cut: Mrs,
}

impl Method for CochranMantelHaenszel {
    fn key(&self) -> &'static str {
        "cochran_mantel_haenszel"
    }

    fn describe(&self) -> String {
        let (cut, strata) = (self.cut, self.stratify_by.join(" × "));
        format!("Cochran–Mantel–Haenszel test of mRS 0–{cut} within {strata}, log odds ratio")
    }

    fn grouped_by(&self) -> GroupedBy<'_> {
        GroupedBy::Strata(&self.stratify_by)
    }

    fn counts_successes(&self) -> bool {
        true
    }

    fn bind(&self, cells: CellLayout<'_>, factors: &[usize]) -> Result<Binding, ParameterError> {
        Ok(Binding::of_groups(MantelHaenszel { cut: self.cut }, cells.grouped(factors)))
    }
}

impl Test for MantelHaenszel {
    fn scale(&self) -> EffectScale {
        EffectScale::LogOddsRatio
    }

    fn score(&self) -> PatientScore<'_> {
        PatientScore::Success(self.cut)
    }

    fn test(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> TestResult {
        mantel_haenszel(groups, self.cut)
    }

    fn statistic(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> Statistic {
        Statistic::alone(mantel_haenszel_z(groups, self.cut))
    }
}

/// Sums over the strata. In a stratum the experimental arm has a successes and b failures, the
/// control arm c and d, and there are n patients.
#[derive(Default)]
struct Sums {
    /// Experimental successes above those expected from the margins.
    excess: f64,
    /// Hypergeometric variance of `excess`.
    variance: f64,
    /// Σ R, R = a·d/n: pairs won.
    won: f64,
    /// Σ S, S = b·c/n: pairs lost.
    lost: f64,
    /// Σ P·R, Σ (P·S + Q·R) and Σ Q·S, P = (a + d)/n and Q = (b + c)/n.
    products: [f64; 3],
}

impl Sums {
    fn new(strata: &[Counts], cut: Mrs) -> Self {
        let mut sums = Self::default();
        for counts in strata {
            sums.add(&arms(counts, cut));
        }
        sums
    }

    fn add(&mut self, [control, experimental]: &Arms) {
        let (c, a) = (control.events, experimental.events);
        let (n_control, n_experimental) = (control.patients, experimental.patients);
        let (b, d) = (n_experimental - a, n_control - c);
        let n = n_control + n_experimental;
        let (successes, failures) = (a + c, b + d);
        let margins = n_control * n_experimental * successes * failures;
        // One patient, or expected counts of less than two, have a single possible table.
        if !(margins > 0.0 && n > 1.0) {
            return;
        }
        let (won, lost) = (a * d / n, b * c / n);
        // a − n_e·(a + c)/n, which as a difference of products is exact when it is zero.
        self.excess += (a * d - b * c) / n;
        self.variance += margins / (n * n * (n - 1.0));
        self.won += won;
        self.lost += lost;
        let (p, q) = ((a + d) / n, (b + c) / n);
        for (sum, term) in self.products.iter_mut().zip([p * won, p * lost + q * won, q * lost]) {
            *sum += term;
        }
    }

    fn z(&self) -> Option<f64> {
        (self.variance > 0.0).then(|| self.excess / self.variance.sqrt())
    }

    /// Robins, Breslow & Greenland (1986), Biometrics 42:311, eq. 1.
    fn log_odds_ratio_variance(&self) -> f64 {
        let [won, mixed, lost] = self.products;
        won / (2.0 * self.won * self.won)
            + mixed / (2.0 * self.won * self.lost)
            + lost / (2.0 * self.lost * self.lost)
    }
}

/// The Cochran–Mantel–Haenszel χ² at a cut without continuity correction, as the Z whose square it
/// is; above 0 if the experimental arm does better. `None` if no stratum has both arms and both
/// outcomes.
pub fn mantel_haenszel_z(strata: &[Counts], cut: Mrs) -> Option<f64> {
    Sums::new(strata, cut).z()
}

/// The logarithm of the Mantel–Haenszel odds ratio of success (mRS at or below `cut`), above 0 if
/// the experimental arm does better, with the standard error of Robins, Breslow and Greenland, the
/// interval estimate ± 1.96 errors, and [`mantel_haenszel_z`].
///
/// Strata without both arms and both outcomes contribute nothing; without any other the status is
/// `NoInformation`. If no stratum has a pair that is lost by the arm that is ahead, the estimate is ±∞
/// and `Separated`, its error NaN, its Z a number.
pub fn mantel_haenszel(strata: &[Counts], cut: Mrs) -> TestResult {
    let sums = Sums::new(strata, cut);
    let Some(z) = sums.z() else {
        return TestResult::failed(FitStatus::NoInformation);
    };
    let estimate = libm::log(sums.won) - libm::log(sums.lost);
    // ln 0: no pair is lost by the arm that is ahead, and the variance would divide by 0.
    if !estimate.is_finite() {
        return TestResult::with_wald_interval(estimate, f64::NAN, z, FitStatus::Separated);
    }
    let error = sums.log_odds_ratio_variance().sqrt();
    TestResult::with_wald_interval(estimate, error, z, FitStatus::Converged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::LEVELS;
    use proptest::prelude::*;

    fn strata(below: u32) -> impl Strategy<Value = Vec<Counts>> {
        prop::collection::vec(crate::analysis::tests::counts(below), 1..6)
    }

    fn cut(score: u8) -> Mrs {
        Mrs::new(score).expect("0 to 5")
    }

    fn close(a: f64, b: f64) -> bool {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-11 * (1.0 + a.abs())
    }

    /// The experimental successes a and failures b, and the control's.
    fn table(a: f64, b: f64, c: f64, d: f64) -> Counts {
        [[c, 0.0, 0.0, d, 0.0, 0.0, 0.0], [a, 0.0, 0.0, b, 0.0, 0.0, 0.0]]
    }

    proptest! {
        #[test]
        fn swapping_the_arms_flips_the_sign_and_inverts_the_ratio(strata in strata(6), at in 0u8..6) {
            let swapped: Vec<Counts> = strata.iter().map(|c| [c[1], c[0]]).collect();
            let (a, b) = (mantel_haenszel(&strata, cut(at)), mantel_haenszel(&swapped, cut(at)));
            prop_assert_eq!(a.status, b.status);
            prop_assert!(close(a.estimate, -b.estimate) && close(a.z, -b.z));
            prop_assert!(close(a.standard_error, b.standard_error));
        }

        #[test]
        fn counting_failures_instead_of_successes_flips_the_sign(strata in strata(6), at in 0u8..6) {
            let mirrored: Vec<Counts> = strata
                .iter()
                .map(|counts| counts.map(|mut arm| { arm.reverse(); arm }))
                .collect();
            let (a, b) = (mantel_haenszel(&strata, cut(at)), mantel_haenszel(&mirrored, cut(5 - at)));
            prop_assert!(close(a.estimate, -b.estimate) && close(a.z, -b.z));
            prop_assert!(close(a.standard_error, b.standard_error));
        }

        #[test]
        fn identical_halves_have_the_odds_ratio_of_the_whole(strata in strata(6), at in 0u8..6) {
            let halves: Vec<Counts> = strata
                .iter()
                .flat_map(|counts| [counts.map(|arm| arm.map(|count| count / 2.0)); 2])
                .filter(|half| half.iter().flatten().sum::<f64>() > 1.0)
                .collect();
            prop_assume!(halves.len() == 2 * strata.len());
            let (whole, split) = (mantel_haenszel(&strata, cut(at)), mantel_haenszel(&halves, cut(at)));
            prop_assert_eq!(whole.status, split.status);
            prop_assert!(close(whole.estimate, split.estimate));
            prop_assert!(close(whole.standard_error, split.standard_error));
        }

        /// One stratum: the odds ratio with Woolf's error, and the pooled Z times √((N − 1)/N).
        #[test]
        fn one_stratum_gives_the_odds_ratio_and_z_of_the_plain_table(
            a in 1..40u32, b in 1..40u32, c in 1..40u32, d in 1..40u32,
        ) {
            let [a, b, c, d] = [a, b, c, d].map(f64::from);
            let result = mantel_haenszel(&[table(a, b, c, d)], cut(2));
            let n = a + b + c + d;
            prop_assert!(close(result.estimate, libm::log(a * d / (b * c))));
            let woolf = (1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d).sqrt();
            prop_assert!(close(result.standard_error, woolf));
            let (p_e, p_c, p) = (a / (a + b), c / (c + d), (a + c) / n);
            let variance = p * (1.0 - p) * (1.0 / (a + b) + 1.0 / (c + d));
            let pooled = (p_e - p_c) / variance.sqrt();
            prop_assert!(close(result.z, pooled * ((n - 1.0) / n).sqrt()));
        }

        #[test]
        fn strata_without_both_arms_and_outcomes_change_nothing(strata in strata(4), at in 0u8..6) {
            let one_arm = [[0.0; LEVELS], [2.0; LEVELS]];
            let one_outcome = [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0]; 2];
            let mut padded = vec![one_arm, one_outcome, [[0.0; LEVELS]; 2]];
            padded.extend(&strata);
            let (a, b) = (mantel_haenszel(&strata, cut(at)), mantel_haenszel(&padded, cut(at)));
            prop_assert_eq!(a.status, b.status);
            prop_assert!(a.status != FitStatus::Converged || a == b);
        }
    }

    #[test]
    fn two_strata_give_the_values_computed_by_hand() {
        // R = 8·5/20 + 6·8/24, S = 2·5/20 + 4·6/24.
        let strata = [table(8.0, 2.0, 5.0, 5.0), table(6.0, 4.0, 6.0, 8.0)];
        let result = mantel_haenszel(&strata, cut(2));
        assert!(close(result.estimate, libm::log(4.0 / 1.5)));
        // Σ P·R = 13/20·2 + 14/24·2, Σ (P·S + Q·R) = 13/20·½ + 7/20·2 + 14/24·1 + 10/24·2,
        // Σ Q·S = 7/20·½ + 10/24·1.
        let (pr, mixed, qs) =
            (1.3 + 7.0 / 6.0, 0.325 + 0.7 + 7.0 / 12.0 + 5.0 / 6.0, 0.175 + 5.0 / 12.0);
        let variance: f64 = pr / (2.0 * 16.0) + mixed / (2.0 * 4.0 * 1.5) + qs / (2.0 * 2.25);
        assert!(close(result.standard_error, variance.sqrt()));
    }

    #[test]
    fn data_without_an_estimate_have_the_status_that_says_why() {
        use FitStatus::{Converged, NoInformation, Separated};
        let cases: [(&[Counts], FitStatus, f64); 7] = [
            (&[], NoInformation, f64::NAN),
            (&[[[0.0; LEVELS]; 2]], NoInformation, f64::NAN),
            (&[table(0.0, 0.0, 3.0, 2.0)], NoInformation, f64::NAN),
            (&[table(4.0, 0.0, 3.0, 0.0)], NoInformation, f64::NAN),
            (&[table(4.0, 0.0, 3.0, 2.0)], Separated, f64::INFINITY),
            (&[table(0.0, 1.0, 1.0, 0.0)], Separated, f64::NEG_INFINITY),
            // A zero cell is no trouble when another stratum fills it.
            (&[table(4.0, 0.0, 3.0, 2.0), table(1.0, 2.0, 2.0, 4.0)], Converged, 0.0),
        ];
        for (strata, status, estimate) in cases {
            let result = mantel_haenszel(strata, cut(2));
            assert_eq!(result.status, status, "{strata:?}");
            assert_eq!(mantel_haenszel_z(strata, cut(2)).is_none(), status == NoInformation);
            assert!(status == Converged || close(result.estimate, estimate), "{strata:?}");
            assert!(status == NoInformation || result.z.is_finite());
        }
    }
}
