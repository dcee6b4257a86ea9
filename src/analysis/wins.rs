//! All pairs of an experimental and a control patient: wins, losses, ties, and from these the net
//! benefit, win odds and win ratio.
//!
//! A win is a pair whose experimental patient has the lower mRS. Probabilities are shares of the
//! n_c·n_e pairs; their variances are those of U-statistics, from the sample variance, within each
//! arm, of the shares of pairs that a patient wins and loses.

mod pairs;

pub use pairs::Pairs;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grouping::CellLayout;
use super::margin::{NullEffects, WaldAgainst, no_margin};
use super::method::{
    ArmComparison, Binding, Method, ParameterError, PatientScore, Statistic, Test,
};
use super::proportional_odds::adjusted;
use super::proportional_odds::levels::Levels;
use super::wilcoxon::{self, Continuity};
use super::{Counts, EffectScale, FitStatus, TestResult};
use crate::num::logistic;

/// Parameters of the win odds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WinOdds {
    /// The mRS of each level, the best first, as in `[[0, 1], [2], [3], [4, 5, 6]]`: patients of one level
    /// are tied. Each mRS is a level of its own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(inner(range(min = 0, max = 6))))]
    pub levels: Option<Vec<Vec<u8>>>,
}

impl Method for WinOdds {
    fn key(&self) -> &'static str {
        "win_odds"
    }

    fn describe(&self) -> String {
        format!("win odds (ties split), its logarithm{}", in_words(self.levels.as_deref()))
    }

    fn counts_successes(&self) -> bool {
        false
    }

    fn bind(&self, _: CellLayout<'_>, _: &[usize]) -> Result<Binding, ParameterError> {
        bound(WinMeasure::WinOdds, self.levels.as_deref())
    }
}

/// Parameters of the win ratio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WinRatio {
    /// The mRS of each level, the best first, as in `[[0, 1], [2], [3], [4, 5, 6]]`: patients of one level
    /// are tied. Each mRS is a level of its own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(inner(range(min = 0, max = 6))))]
    pub levels: Option<Vec<Vec<u8>>>,
}

impl Method for WinRatio {
    fn key(&self) -> &'static str {
        "win_ratio"
    }

    fn describe(&self) -> String {
        format!("win ratio (ties left out), its logarithm{}", in_words(self.levels.as_deref()))
    }

    fn counts_successes(&self) -> bool {
        false
    }

    fn bind(&self, _: CellLayout<'_>, _: &[usize]) -> Result<Binding, ParameterError> {
        bound(WinMeasure::WinRatio, self.levels.as_deref())
    }
}

/// Binds a measure of pairs in which the mRS of a level are tied.
fn bound(measure: WinMeasure, levels: Option<&[Vec<u8>]>) -> Result<Binding, ParameterError> {
    let levels = Levels::stated(levels)?;
    Ok(Binding::of_trial(PairsTest { measure, levels }))
}

/// The merged levels of an analysis after a comma; empty if each mRS is a level of its own.
pub(super) fn in_words(levels: Option<&[Vec<u8>]>) -> String {
    match Levels::stated(levels) {
        Ok(Some(levels)) => format!(", levels {levels}"),
        // Levels that are wrong are reported when the method is bound.
        Ok(None) | Err(_) => String::new(),
    }
}

/// A measure of the pairs, with its test.
#[derive(Debug)]
pub(super) struct PairsTest {
    pub measure: WinMeasure,
    /// `None` if each mRS is a level of its own.
    pub levels: Option<Levels>,
}

impl PairsTest {
    fn merged(&self, counts: &Counts) -> Counts {
        self.levels.map_or(*counts, |levels| levels.merge_arms(counts))
    }
}

/// A measure estimated from the pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WinMeasure {
    /// P(better) − P(worse), in [−1, 1] (Buyse 2010, Stat Med 29:3245); tested by the Wilcoxon Z.
    NetBenefit,
    /// (P(better) + ½P(tie)) / (P(worse) + ½P(tie)): Churilov's generalised odds ratio (2014, Int J
    /// Stroke 9:999), Dong's win odds (2020, Stat Biopharm Res 12:99). Estimated as its logarithm.
    WinOdds,
    /// P(better) / P(worse), ties left out: Agresti's generalised odds ratio (1980, Biometrics
    /// 36:59), Pocock's win ratio. Estimated as its logarithm.
    WinRatio,
}

impl Test for PairsTest {
    fn scale(&self) -> EffectScale {
        match self.measure {
            WinMeasure::NetBenefit => EffectScale::NetBenefit,
            WinMeasure::WinOdds => EffectScale::LogWinOdds,
            WinMeasure::WinRatio => EffectScale::LogWinRatio,
        }
    }

    fn score(&self) -> PatientScore<'_> {
        PatientScore::Rank(self.levels.unwrap_or(Levels::ALL))
    }

    fn comparison(&self) -> Option<ArmComparison<'_>> {
        match self.measure {
            WinMeasure::NetBenefit => {
                Some(ArmComparison::NetBenefit(self.levels.unwrap_or(Levels::ALL)))
            }
            WinMeasure::WinOdds | WinMeasure::WinRatio => None,
        }
    }

    fn test(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> TestResult {
        test(&self.merged(&groups[0]), self.measure)
    }

    fn statistic(&self, groups: &[Counts], scratch: &mut adjusted::FitScratch) -> Statistic {
        match self.measure {
            // The rank sum has its variance without going through the pairs.
            WinMeasure::NetBenefit => {
                let counts = self.merged(&groups[0]);
                Statistic::alone(wilcoxon::z(&counts, Continuity::Uncorrected))
            }
            WinMeasure::WinOdds | WinMeasure::WinRatio => self.test(groups, scratch).into(),
        }
    }

    fn against(self: Box<Self>, null: NullEffects) -> Result<Box<dyn Test>, ParameterError> {
        match self.measure {
            WinMeasure::WinOdds => Ok(Box::new(WaldAgainst::new(*self, null))),
            WinMeasure::NetBenefit | WinMeasure::WinRatio => Err(no_margin()),
        }
    }
}

/// A measure with its test.
///
/// * Net benefit: twice the DeLong error of the probability; Z is the Wilcoxon Z without continuity
///   correction, whose variance holds under the null; the interval is symmetric on the logit of the
///   probability and so stays within [−1, 1] (it is the interval of the win odds, transformed).
/// * Win odds and win ratio: logarithms, their errors, Z = estimate / error, estimate ± 1.96 errors.
///
/// `NoInformation` when an arm is empty, no pair is decided, or an arm has a single patient, so that
/// the estimate has no error (the net benefit and its Z are still given, error and interval NaN). If
/// all patients are alike, the net benefit and the logarithm of the win odds are 0, as is their error.
/// `Separated` when no pair is lost by the arm that is ahead: for the win ratio when there are no losses
/// or no wins, for the others when there are also no ties. The logarithms are then ±∞ and their Z NaN;
/// the net benefit is ±1, its error 0, and its Z a number.
pub fn test(counts: &Counts, measure: WinMeasure) -> TestResult {
    let pairs = Pairs::new(counts);
    match measure {
        WinMeasure::NetBenefit => net_benefit(&pairs, counts),
        WinMeasure::WinOdds => log_win_odds(&pairs),
        WinMeasure::WinRatio => {
            let error = pairs.log_win_ratio_error();
            log_ratio(&pairs, pairs.wins, pairs.losses, error)
        }
    }
}

fn net_benefit(pairs: &Pairs, counts: &Counts) -> TestResult {
    let Some(z) = wilcoxon::z(counts, Continuity::Uncorrected) else {
        let failed = TestResult::failed(FitStatus::NoInformation);
        let has_empty_arm = pairs.patients.contains(&0.0);
        if has_empty_arm {
            return failed;
        }
        // Without a statistic all patients have the same outcome: the arms certainly do not differ.
        return TestResult { estimate: 0.0, standard_error: 0.0, interval: (0.0, 0.0), ..failed };
    };
    // On the scale of the win odds, so that the interval stays within [−1, 1].
    let odds = log_win_odds(pairs);
    let interval = (2.0 * logistic(odds.interval.0) - 1.0, 2.0 * logistic(odds.interval.1) - 1.0);
    TestResult {
        estimate: pairs.net_benefit(),
        standard_error: 2.0 * pairs.probability_variance().sqrt(),
        z,
        status: odds.status,
        interval,
    }
}

fn log_win_odds(pairs: &Pairs) -> TestResult {
    let half_ties = 0.5 * pairs.ties;
    let error = pairs.log_win_odds_error();
    log_ratio(pairs, pairs.wins + half_ties, pairs.losses + half_ties, error)
}

/// The logarithm of `above` / `below`.
fn log_ratio(pairs: &Pairs, above: f64, below: f64, error: f64) -> TestResult {
    let status = pairs.status(above == 0.0 || below == 0.0, error);
    if pairs.wins + pairs.losses == 0.0 && above == below && above > 0.0 {
        // All patients have the same outcome: the arms certainly do not differ.
        return TestResult::with_wald_interval(0.0, 0.0, f64::NAN, status);
    }
    let estimate = match status {
        // A difference, so that swapping the arms changes the sign and nothing else.
        FitStatus::Converged | FitStatus::Separated => libm::log(above) - libm::log(below),
        FitStatus::NoInformation | FitStatus::NotConverged => f64::NAN,
    };
    let standard_error = if status == FitStatus::Converged { error } else { f64::NAN };
    TestResult::with_wald_interval(estimate, standard_error, estimate / standard_error, status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::tests::counts;
    use crate::outcome::LEVELS;
    use proptest::prelude::*;

    const MEASURES: [WinMeasure; 3] =
        [WinMeasure::NetBenefit, WinMeasure::WinOdds, WinMeasure::WinRatio];

    fn close(a: f64, b: f64) -> bool {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-11 * (1.0 + a.abs())
    }

    /// The mRS of each patient.
    fn patients(arm: &[f64; LEVELS]) -> Vec<usize> {
        (0..LEVELS).flat_map(|level| vec![level; arm[level] as usize]).collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    /// Mean and variance of the mean of `a`·(won) − `b`·(lost) over all pairs, patient by patient.
    fn by_pairs(counts: &Counts, score: impl Fn(usize, usize) -> f64) -> (f64, f64) {
        let [control, experimental] = counts.each_ref().map(patients);
        let variance = |values: &[f64]| {
            let centre = mean(values);
            let squares: f64 = values.iter().map(|v| (v - centre).powi(2)).sum();
            squares / (values.len() as f64 - 1.0) / values.len() as f64
        };
        let rows: Vec<f64> = experimental
            .iter()
            .map(|&e| mean(&control.iter().map(|&c| score(c, e)).collect::<Vec<_>>()))
            .collect();
        let columns: Vec<f64> = control
            .iter()
            .map(|&c| mean(&experimental.iter().map(|&e| score(c, e)).collect::<Vec<_>>()))
            .collect();
        (mean(&rows), variance(&rows) + variance(&columns))
    }

    proptest! {
        #[test]
        fn shares_and_variances_equal_those_computed_pair_by_pair(counts in counts(6)) {
            let pairs = Pairs::new(&counts);
            let won = |c: usize, e: usize| f64::from(u8::from(e < c));
            let lost = |c: usize, e: usize| f64::from(u8::from(e > c));
            let (p_won, _) = by_pairs(&counts, won);
            let (p_lost, _) = by_pairs(&counts, lost);
            let n = pairs.total();
            if n == 0.0 {
                return Ok(());
            }
            prop_assert!(close(pairs.wins / n, p_won) && close(pairs.losses / n, p_lost));
            prop_assert_eq!(pairs.wins + pairs.losses + pairs.ties, n);
            let (theta, variance) =
                by_pairs(&counts, |c, e| 0.5 + 0.5 * won(c, e) - 0.5 * lost(c, e));
            prop_assert!(close(pairs.probability(), theta));
            prop_assert!(close(pairs.probability_variance(), variance));
            if p_won > 0.0 && p_lost > 0.0 {
                let (_, variance) =
                    by_pairs(&counts, |c, e| won(c, e) / p_won - lost(c, e) / p_lost);
                prop_assert!(close(pairs.log_win_ratio_error(), variance.sqrt()));
            }
        }

        #[test]
        fn net_benefit_is_twice_the_probability_less_one(counts in counts(20)) {
            let pairs = Pairs::new(&counts);
            prop_assert!(close(pairs.net_benefit(), 2.0 * pairs.probability() - 1.0));
            let odds = pairs.win_odds();
            prop_assert!(!odds.is_finite() || close(pairs.probability(), odds / (1.0 + odds)));
        }

        #[test]
        fn swapping_the_arms_flips_signs_and_inverts_ratios(counts in counts(9)) {
            let swapped = [counts[1], counts[0]];
            let (a, b) = (Pairs::new(&counts), Pairs::new(&swapped));
            prop_assert!(close(a.win_odds(), 1.0 / b.win_odds()));
            prop_assert!(close(a.win_ratio(), 1.0 / b.win_ratio()));
            for measure in MEASURES {
                let (a, b) = (test(&counts, measure), test(&swapped, measure));
                prop_assert_eq!(a.status, b.status);
                prop_assert!(close(a.estimate, -b.estimate) && close(a.z, -b.z));
                prop_assert!(close(a.standard_error, b.standard_error));
                prop_assert!(close(a.interval.0, -b.interval.1));
            }
        }

        #[test]
        fn merging_categories_never_decides_a_pair(counts in counts(9), at in 0..LEVELS - 1) {
            let mut merged = counts;
            for arm in &mut merged {
                arm[at + 1] += arm[at];
                arm[at] = 0.0;
            }
            let (fine, coarse) = (Pairs::new(&counts), Pairs::new(&merged));
            prop_assert!(coarse.wins <= fine.wins && coarse.losses <= fine.losses);
            prop_assert_eq!(coarse.total(), fine.total());
        }

        #[test]
        fn a_test_says_whether_it_can_be_used(counts in counts(2)) {
            for measure in MEASURES {
                let result = test(&counts, measure);
                let TestResult { estimate, standard_error, interval, .. } = result;
                match result.status {
                    FitStatus::Converged => {
                        prop_assert!(estimate.is_finite() && result.z.is_finite());
                        prop_assert!(standard_error > 0.0 && standard_error.is_finite());
                        prop_assert!(interval.0 < estimate && estimate < interval.1);
                    }
                    FitStatus::Separated => prop_assert!(
                        estimate.abs() == 1.0 || estimate.is_infinite()),
                    _ => prop_assert!(interval.0.is_nan() && interval.1.is_nan()),
                }
            }
        }
    }

    #[test]
    fn data_without_an_estimate_have_a_status() {
        use FitStatus::{Converged, NoInformation, Separated};
        let none = [0.0; LEVELS];
        let at = |cells: &[(usize, f64)]| {
            let mut arm = none;
            for &(level, count) in cells {
                arm[level] = count;
            }
            arm
        };
        // Control, experimental, and the status of net benefit, win odds and win ratio.
        let cases = [
            (none, none, [NoInformation; 3]),
            (at(&[(2, 3.0), (4, 1.0)]), none, [NoInformation; 3]),
            (none, at(&[(2, 3.0), (4, 1.0)]), [NoInformation; 3]),
            (at(&[(6, 3.0)]), at(&[(6, 4.0)]), [NoInformation; 3]),
            (at(&[(3, 4.0), (5, 2.0)]), at(&[(0, 3.0), (1, 2.0)]), [Separated; 3]),
            (at(&[(0, 2.0)]), at(&[(6, 2.0)]), [Separated; 3]),
            (at(&[(3, 1.0)]), at(&[(2, 1.0)]), [Separated; 3]),
            (at(&[(3, 1.0)]), at(&[(3, 1.0)]), [NoInformation; 3]),
            // No losses, but ties: only the win ratio is infinite.
            (
                at(&[(3, 4.0), (5, 2.0)]),
                at(&[(0, 3.0), (3, 2.0)]),
                [Converged, Converged, Separated],
            ),
            // An arm of one has wins and losses, and shows no spread.
            (at(&[(3, 1.0)]), at(&[(0, 3.0), (5, 2.0)]), [NoInformation; 3]),
            (at(&[(0, 2.0), (6, 2.0)]), at(&[(3, 2.0)]), [Converged; 3]),
        ];
        for (control, experimental, expected) in cases {
            let counts = [control, experimental];
            let found = MEASURES.map(|measure| test(&counts, measure).status);
            assert_eq!(found, expected, "{counts:?}");
        }
    }

    #[test]
    fn what_a_status_leaves_of_the_numbers() {
        let mut counts = [[0.0; LEVELS]; 2];
        counts[0][6] = 5.0;
        counts[1][1] = 5.0;
        let net_benefit = test(&counts, WinMeasure::NetBenefit);
        assert_eq!((net_benefit.estimate, net_benefit.standard_error), (1.0, 0.0));
        assert_eq!(net_benefit.z, 3.0, "10 patients: √9 standard errors");
        for measure in [WinMeasure::WinOdds, WinMeasure::WinRatio] {
            assert_eq!(test(&counts, measure).estimate, f64::INFINITY);
            assert_eq!(test(&[counts[1], counts[0]], measure).estimate, f64::NEG_INFINITY);
            assert!(test(&counts, measure).z.is_nan());
        }
        counts[1] = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        counts[0] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0];
        let net_benefit = test(&counts, WinMeasure::NetBenefit);
        assert_eq!(net_benefit.estimate, 0.5);
        assert!(net_benefit.z > 0.0 && net_benefit.standard_error.is_nan());
    }

    /// Twice the odds of functional independence from 25 %, as expected counts of 100 patients.
    #[test]
    fn the_planning_pair_has_its_known_figures() {
        let control = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0];
        let experimental = [8.98, 12.61, 18.41, 18.16, 21.29, 9.44, 11.11];
        let pairs = Pairs::new(&[control, experimental]);
        let share = |count: f64| count / pairs.total();
        assert!((share(pairs.wins) - 0.5331).abs() < 5e-5);
        assert!((share(pairs.ties) - 0.1549).abs() < 5e-5);
        assert!((share(pairs.losses) - 0.3120).abs() < 5e-5);
        assert!((pairs.win_odds() - 1.568).abs() < 5e-4);
        assert!((pairs.win_ratio() - 1.709).abs() < 5e-4);
        assert!((pairs.probability() - 0.6105).abs() < 1e-4);
    }
}
