//! The rank-sum test of Wilcoxon, Mann and Whitney with ties, alone and by stratum (van Elteren).
//!
//! All statistics are in terms of pairs of one experimental and one control patient: the rank sum
//! exceeds its expectation under the null by half of wins − losses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grouping::CellLayout;
use super::method::{Binding, GroupedBy, Method, ParameterError, PatientScore, Statistic, Test};
use super::proportional_odds::adjusted;
use super::proportional_odds::levels::Levels;
use super::wins::{PairsTest, WinMeasure, in_words};
use super::{Counts, EffectScale, FitStatus, TestResult};

/// Parameters of the rank sum test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wilcoxon {
    /// The mRS of each level, the best first, as in `[[0, 1], [2], [3], [4, 5, 6]]`: patients of one level
    /// are tied. Each mRS is a level of its own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(inner(range(min = 0, max = 6))))]
    pub levels: Option<Vec<Vec<u8>>>,
    /// Factors within whose combinations ranks are taken (van Elteren); none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stratify_by: Vec<String>,
}

/// Van Elteren's test, of groups that are strata.
#[derive(Debug)]
struct VanElteren {
    /// `None` if each mRS is a level of its own.
    levels: Option<Levels>,
}

impl VanElteren {
    fn sums(&self, strata: &[Counts]) -> WeightedSums {
        match &self.levels {
            None => WeightedSums::new(strata.iter().copied()),
            Some(levels) => {
                WeightedSums::new(strata.iter().map(|counts| levels.merge_arms(counts)))
            }
        }
    }
}

impl Method for Wilcoxon {
    fn key(&self) -> &'static str {
        "wilcoxon"
    }

    fn describe(&self) -> String {
        let levels = in_words(self.levels.as_deref());
        if self.stratify_by.is_empty() {
            format!("Wilcoxon's rank sum test{levels}, net benefit")
        } else {
            let strata = self.stratify_by.join(" × ");
            format!("van Elteren's test within {strata}{levels}, net benefit")
        }
    }

    fn grouped_by(&self) -> GroupedBy<'_> {
        match &self.stratify_by[..] {
            [] => GroupedBy::Nothing,
            factors => GroupedBy::Strata(factors),
        }
    }

    fn counts_successes(&self) -> bool {
        false
    }

    fn bind(&self, cells: CellLayout<'_>, factors: &[usize]) -> Result<Binding, ParameterError> {
        let levels = Levels::stated(self.levels.as_deref())?;
        Ok(if factors.is_empty() {
            Binding::of_trial(PairsTest { measure: WinMeasure::NetBenefit, levels })
        } else {
            Binding::of_groups(VanElteren { levels }, cells.grouped(factors))
        })
    }
}

impl Test for VanElteren {
    fn scale(&self) -> EffectScale {
        EffectScale::NetBenefit
    }

    fn score(&self) -> PatientScore<'_> {
        PatientScore::Rank(self.levels.unwrap_or(Levels::ALL))
    }

    fn test(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> TestResult {
        self.sums(groups).result()
    }

    fn statistic(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> Statistic {
        Statistic::alone(self.sums(groups).z())
    }
}

/// Wins − losses among all pairs, with the terms of its variance under the null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankSum {
    /// Wins − losses, a win being a pair whose experimental patient has the lower mRS. Twice the
    /// distance of the Mann–Whitney U from n_c·n_e/2.
    pub excess: f64,
    /// n_c·n_e, the number of pairs.
    pub pairs: f64,
    /// N, the number of patients.
    pub total: f64,
    /// n_c·n_e·(N³ − Σ t³)/3 over the sizes t of the tied groups: N² times the variance of `excess`
    /// when every patient is drawn anew, N(N − 1) times its variance when the arms are permuted.
    scaled_variance: f64,
}

impl RankSum {
    /// Compares the arms of a table, whole counts or expected ones.
    #[inline]
    pub fn new(counts: &Counts) -> Self {
        let [n_control, n_experimental] = counts.map(|arm| arm.iter().sum::<f64>());
        let total = n_control + n_experimental;
        let (mut below, mut excess, mut cubes) = (0.0, 0.0, 0.0);
        // One pass from the best level: an experimental patient here loses to the patients below and
        // wins against those above; pairs within the arm cancel in the sum.
        for (&control, &experimental) in counts[0].iter().zip(&counts[1]) {
            let here = control + experimental;
            excess += experimental * (total - 2.0 * below - here);
            cubes += here * here * here;
            below += here;
        }
        let pairs = n_control * n_experimental;
        // In patients, not shares, so that rounding does not hide a variance of exactly zero.
        let scaled_variance = pairs * (total * total * total - cubes) / 3.0;
        Self { excess, pairs, total, scaled_variance }
    }

    /// Variance of `excess` over all allocations of these patients to arms of these sizes (Lehmann
    /// 1975, *Nonparametrics*, eq. 1.35): four times that of the rank sum. `None` when an arm is
    /// empty, all patients have the same outcome, or expected counts sum to at most 1.
    pub fn permutation_variance(&self) -> Option<f64> {
        let arrangements = self.total * (self.total - 1.0);
        (self.scaled_variance > 0.0 && arrangements > 0.0)
            .then(|| self.scaled_variance / arrangements)
    }

    /// U / √V of the proportional-odds model at no effect, the score test with expected
    /// information: the Wilcoxon Z times √(N / (N − 1)). `None` without information.
    #[inline]
    pub fn score_z(&self) -> Option<f64> {
        (self.scaled_variance > 0.0).then(|| self.excess * self.total / self.scaled_variance.sqrt())
    }

    /// U / V of the score test, one step of Fisher's scoring from no effect: a log odds ratio near the
    /// estimate of maximum likelihood while both are small. NaN without information.
    pub(super) fn one_step_log_odds_ratio(&self) -> f64 {
        self.excess * self.total * (self.total * self.total / self.scaled_variance)
    }
}

/// Whether Z is corrected for the step between neighbouring rank sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// The plain normal approximation.
    Uncorrected,
    /// The rank sum is moved towards its expectation by ½, at most onto it, as R's `wilcox.test` does by
    /// default.
    Corrected,
}

/// The Wilcoxon Z with the correction for ties; `None` when an arm is empty or all patients have the
/// same outcome. A one-sided p value is its upper normal tail, a two-sided one twice the tail of its
/// absolute value.
pub fn z(counts: &Counts, continuity: Continuity) -> Option<f64> {
    let rank_sum = RankSum::new(counts);
    let variance = rank_sum.permutation_variance()?;
    let excess = match continuity {
        Continuity::Uncorrected => rank_sum.excess,
        // ½ of a rank sum is 1 of wins − losses.
        Continuity::Corrected => (rank_sum.excess.abs() - 1.0).max(0.0).copysign(rank_sum.excess),
    };
    Some(excess / variance.sqrt())
}

/// Sums over the strata, each weighted by 1/(N_s + 1).
#[derive(Default)]
struct WeightedSums {
    excess: f64,
    pairs: f64,
    variance: f64,
}

impl WeightedSums {
    fn new(strata: impl Iterator<Item = Counts>) -> Self {
        let mut sums = Self::default();
        for counts in strata {
            let rank_sum = RankSum::new(&counts);
            // An empty arm or a single outcome would add 0/0.
            let Some(variance) = rank_sum.permutation_variance() else { continue };
            let weight = 1.0 / (rank_sum.total + 1.0);
            sums.excess += weight * rank_sum.excess;
            sums.pairs += weight * rank_sum.pairs;
            sums.variance += weight * weight * variance;
        }
        sums
    }

    fn z(&self) -> Option<f64> {
        (self.variance > 0.0).then(|| self.excess / self.variance.sqrt())
    }

    fn result(&self) -> TestResult {
        if self.variance <= 0.0 {
            return TestResult::failed(FitStatus::NoInformation);
        }
        let error = self.variance.sqrt();
        let (estimate, standard_error) = (self.excess / self.pairs, error / self.pairs);
        let z = self.excess / error;
        let mut result =
            TestResult::with_wald_interval(estimate, standard_error, z, FitStatus::Converged);
        // A small stratum may have an error that reaches beyond every possible effect.
        result.interval = (result.interval.0.max(-1.0), result.interval.1.min(1.0));
        result
    }
}

/// Van Elteren's Z: Σ w_s·(wins − losses) over the root of its permutation variance, with the
/// locally best weights w_s = 1/(N_s + 1) (van Elteren 1960, Bull Inst Internat Statist 37:351;
/// Lehmann 1975, *Nonparametrics*, p. 145): the Cochran–Mantel–Haenszel test of mean scores with
/// modified ridits, and with one stratum the plain Wilcoxon Z.
///
/// A stratum with an empty arm or a single outcome contributes nothing; `None` if no stratum
/// contributes.
pub fn van_elteren_z(strata: &[Counts]) -> Option<f64> {
    WeightedSums::new(strata.iter().copied()).z()
}

/// Van Elteren's Z with the net benefit averaged over the informative strata, weighted by
/// n_c·n_e/(N_s + 1) (Kawaguchi, Koch & Wang 2011, Stat Biopharm Res 3:217, of which this is the
/// case of one outcome).
///
/// The standard error is that under the null, so that estimate / error is Z: strata are often too
/// small for an error estimated within them. The interval is estimate ± 1.96 errors within [−1, 1].
/// `NoInformation` when no stratum is informative; never `Separated`, as this error stays above 0.
pub fn van_elteren(strata: &[Counts]) -> TestResult {
    WeightedSums::new(strata.iter().copied()).result()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::tests::counts;
    use crate::outcome::LEVELS;
    use proptest::prelude::*;

    fn swapped(counts: &Counts) -> Counts {
        [counts[1], counts[0]]
    }

    /// Arm and mRS of each patient.
    fn patients(counts: &Counts) -> Vec<(usize, usize)> {
        let cells = (0..2).flat_map(|arm| (0..LEVELS).map(move |level| (arm, level)));
        cells.flat_map(|(arm, level)| vec![(arm, level); counts[arm][level] as usize]).collect()
    }

    /// Experimental rank sum (best ranked highest), its expectation and variance when the arms are
    /// permuted, from the midranks of patients one by one.
    fn from_midranks(counts: &Counts) -> (f64, f64, f64) {
        let patients = patients(counts);
        let rank = |level: usize| {
            let worse = patients.iter().filter(|other| other.1 > level).count() as f64;
            let alike = patients.iter().filter(|other| other.1 == level).count() as f64;
            worse + 0.5 * (alike + 1.0)
        };
        let n = patients.len() as f64;
        let n_e = patients.iter().filter(|p| p.0 == 1).count() as f64;
        let sum: f64 = patients.iter().filter(|p| p.0 == 1).map(|p| rank(p.1)).sum();
        let mean = 0.5 * (n + 1.0);
        let spread: f64 = patients.iter().map(|p| (rank(p.1) - mean).powi(2)).sum();
        (sum, n_e * mean, n_e * (n - n_e) * spread / (n * (n - 1.0)))
    }

    /// The mean-score statistic of Cochran, Mantel and Haenszel with modified ridits: scores are
    /// midranks over (N + 1), and the variance is that of the multivariate hypergeometric.
    fn mean_scores_z(strata: &[Counts]) -> f64 {
        let (mut difference, mut variance) = (0.0, 0.0);
        for counts in strata {
            let columns: [f64; LEVELS] = std::array::from_fn(|j| counts[0][j] + counts[1][j]);
            let rows = counts.map(|arm| arm.iter().sum::<f64>());
            let n = rows[0] + rows[1];
            if rows[0] == 0.0 || rows[1] == 0.0 {
                continue;
            }
            let mut worse = n;
            let scores = columns.map(|column| {
                worse -= column;
                (worse + 0.5 * (column + 1.0)) / (n + 1.0)
            });
            for j in 0..LEVELS {
                difference += scores[j] * (counts[1][j] - rows[1] * columns[j] / n);
                for k in 0..LEVELS {
                    let diagonal = if j == k { n * columns[j] } else { 0.0 };
                    let covariance = rows[0] * rows[1] * (diagonal - columns[j] * columns[k])
                        / (n * n * (n - 1.0));
                    variance += scores[j] * scores[k] * covariance;
                }
            }
        }
        difference / variance.sqrt()
    }

    proptest! {
        #[test]
        fn z_equals_that_computed_from_midranks_of_single_patients(counts in counts(9)) {
            let Some(z) = z(&counts, Continuity::Uncorrected) else { return Ok(()) };
            let (sum, expected, variance) = from_midranks(&counts);
            prop_assert!((z - (sum - expected) / variance.sqrt()).abs() < 1e-10);
            let corrected = super::z(&counts, Continuity::Corrected).expect("the other exists");
            let nearer = ((sum - expected).abs() - 0.5).max(0.0).copysign(sum - expected);
            prop_assert!((corrected - nearer / variance.sqrt()).abs() < 1e-10);
        }

        #[test]
        fn z_is_the_score_z_times_the_root_of_n_minus_1_over_n(counts in counts(40)) {
            let rank_sum = RankSum::new(&counts);
            let n = rank_sum.total;
            match (z(&counts, Continuity::Uncorrected), rank_sum.score_z()) {
                (Some(z), Some(score)) =>
                    prop_assert!((z - score * ((n - 1.0) / n).sqrt()).abs() < 1e-11),
                (z, score) => prop_assert_eq!(z, score),
            }
        }

        #[test]
        fn van_elterens_z_equals_those_of_midranks_and_of_mean_scores(
            strata in prop::collection::vec(counts(5), 1..6),
        ) {
            let Some(z) = van_elteren_z(&strata) else { return Ok(()) };
            let (mut excess, mut variance) = (0.0, 0.0);
            for counts in strata.iter().filter(|c| z_exists(c)) {
                let n: f64 = counts.iter().flatten().sum();
                let (sum, expected, its_variance) = from_midranks(counts);
                excess += (sum - expected) / (n + 1.0);
                variance += its_variance / ((n + 1.0) * (n + 1.0));
            }
            prop_assert!((z - excess / variance.sqrt()).abs() < 1e-10);
            prop_assert!((z - mean_scores_z(&strata)).abs() < 1e-10);
        }

        #[test]
        fn swapping_the_arms_flips_the_sign(strata in prop::collection::vec(counts(6), 1..5)) {
            let other: Vec<Counts> = strata.iter().map(swapped).collect();
            prop_assert_eq!(van_elteren_z(&strata), van_elteren_z(&other).map(|z| -z));
            for continuity in [Continuity::Uncorrected, Continuity::Corrected] {
                let (a, b) = (z(&strata[0], continuity), z(&other[0], continuity));
                prop_assert_eq!(a, b.map(|z| -z));
            }
        }

        #[test]
        fn one_stratum_gives_the_plain_test_and_uninformative_strata_change_nothing(counts in counts(9)) {
            let plain = z(&counts, Continuity::Uncorrected);
            let alone = van_elteren_z(&[counts]);
            prop_assert_eq!(plain.is_some(), alone.is_some());
            if let (Some(plain), Some(alone)) = (plain, alone) {
                prop_assert!((plain - alone).abs() < 1e-12);
            }
            let empty_arm = [[0.0; LEVELS], [3.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0]];
            let alike = [[0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]; 2];
            let padded = [empty_arm, counts, alike, [[0.0; LEVELS]; 2]];
            prop_assert_eq!(alone, van_elteren_z(&padded));
            let (a, b) = (van_elteren(&[counts]), van_elteren(&padded));
            prop_assert_eq!(a.status, b.status);
            prop_assert!(a.status != FitStatus::Converged || a == b);
        }
    }

    fn z_exists(counts: &Counts) -> bool {
        z(counts, Continuity::Uncorrected).is_some()
    }

    fn only_at(level: usize, n: f64) -> [f64; LEVELS] {
        std::array::from_fn(|j| if j == level { n } else { 0.0 })
    }

    #[test]
    fn tables_without_information_have_no_statistic() {
        let none = [0.0; LEVELS];
        for counts in
            [[none, none], [none, only_at(3, 5.0)], [only_at(3, 5.0), none], [only_at(6, 2.0); 2]]
        {
            assert_eq!(z(&counts, Continuity::Uncorrected), None, "{counts:?}");
            assert_eq!(z(&counts, Continuity::Corrected), None, "{counts:?}");
            assert_eq!(van_elteren(&[counts]).status, FitStatus::NoInformation);
        }
        // One patient per arm: rank sum 2 or 1, each with probability ½.
        let pair = [only_at(5, 1.0), only_at(2, 1.0)];
        assert_eq!(z(&pair, Continuity::Uncorrected), Some(1.0));
        assert_eq!(z(&pair, Continuity::Corrected), Some(0.0));
        assert_eq!(van_elteren(&[]).status, FitStatus::NoInformation);
    }

    #[test]
    fn the_stratified_estimate_of_one_stratum_is_its_net_benefit() {
        let counts =
            [[4.0, 8.0, 14.0, 20.0, 30.0, 15.0, 21.0], [10.0, 12.0, 17.0, 20.0, 25.0, 9.0, 12.0]];
        let rank_sum = RankSum::new(&counts);
        let result = van_elteren(&[counts]);
        assert!((result.estimate - rank_sum.excess / rank_sum.pairs).abs() < 1e-15);
        assert!((result.estimate / result.standard_error - result.z).abs() < 1e-13);
        // Twice the same stratum: the same estimate, √2 times the evidence.
        let twice = van_elteren(&[counts, counts]);
        assert!((twice.estimate - result.estimate).abs() < 1e-15);
        assert!((twice.z / result.z - 2f64.sqrt()).abs() < 1e-13);
    }
}
