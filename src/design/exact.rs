//! Exact stopping probabilities of a group-sequential comparison of two proportions.
//!
//! The probabilities are unconditional: the successes in each arm are binomial with fixed numbers
//! of patients, and all pairs of counts that continue are carried from look to look (Jennison &
//! Turnbull 2000, chapter 12). They include what a normal approximation leaves out: discreteness
//! and the variance under the alternative.

mod counts;

pub(crate) use counts::binomial;

use serde::Serialize;

use super::common_rate::CommonRate;
use super::sample_size::ArmSizes;
use crate::analysis::two_proportions::{self, ArmEvents, ProportionStatistic, ProportionTest};
use counts::{RowRange, Workspace};

/// Distance from a bound up to which a statistic counts as being at the bound.
// Tables with mathematically equal Z differ in their last bits by the order of operations, so a
// bound that is the Z of some table (one tuned to the exact error rate, or a round number) must be
// compared with a slack, or the result would depend on rounding. A simulation that compares `z >=
// bound` to the bit can differ from the value here for such bounds only: other Z of trials of a
// million patients are further apart than this.
const TIE: f64 = 1e-12;

/// Test statistic of two proportions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ExactStatistic {
    /// Difference over its pooled standard error, as [`crate::analysis::two_proportions`].
    Pooled,
    /// Difference over its unpooled (Wald) standard error; undefined for all against none, as
    /// [`crate::analysis::two_proportions`].
    Unpooled,
    /// Statistic of an analysis of proportions.
    Of(ProportionTest),
    /// Statistic of an analysis of proportions against a margin.
    Against(ProportionStatistic),
}

/// Looks with fixed sizes and bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactDesign {
    looks: Vec<ExactLook>,
}

/// Reason why numbers are not a valid exact design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoExactDesign {
    /// The number of bounds is not that of the looks.
    #[error("{looks} looks with {upper} upper and {lower} lower bounds; allowed: one per look")]
    Bounds {
        /// Sizes given.
        looks: usize,
        /// Upper bounds given.
        upper: usize,
        /// Lower bounds given.
        lower: usize,
    },
    /// A look has no new patients, or fewer than the one before, or there is no look.
    #[error(
        "look {0} has no more patients than the one before; allowed: more in one arm, fewer in none"
    )]
    Sizes(usize),
    /// A look does not have one bound per number of successes in the control arm.
    #[error("look {0} does not have one bound per number of successes in the control arm")]
    Rows(usize),
}

/// Counts that stop a trial at one look, by the number of successes in the control arm from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct StoppingRegion {
    /// Patients per arm.
    pub sizes: ArmSizes,
    /// Least successes in the experimental arm that stop the trial above; more than its patients for
    /// none.
    pub above: Vec<u32>,
    /// Successes in the experimental arm below which the trial stops below, unless it stops above; 0 for
    /// none.
    pub below: Vec<u32>,
}

impl StoppingRegion {
    /// Returns the numbers of successes that the control arm can have.
    fn rows(&self) -> usize {
        self.sizes.control as usize + 1
    }
}

/// Exact stopping probabilities at one pair of true rates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExactProbabilities {
    /// P(stop at the upper bound) per look.
    pub upper: Vec<f64>,
    /// P(stop at the lower bound) per look.
    pub lower: Vec<f64>,
    /// P(reject the null hypothesis at any look).
    pub rejection: f64,
    /// Expected number of patients in both arms; a trial that no bound stops has the maximum.
    pub expected_total: f64,
}

/// Largest rejection probability when both arms have the same rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TypeOneError {
    /// The probability.
    pub maximum: f64,
    /// The rate at which it is attained.
    pub at: f64,
}

/// Counts that stop the trial at one look: for each number of successes in the control arm, the
/// numbers in the experimental arm.
// Z rarely falls with the latter, so that ranges are few.
#[derive(Debug, Clone, PartialEq)]
struct ExactLook {
    sizes: ArmSizes,
    above: Vec<RowRange>,
    below: Vec<RowRange>,
}

impl ExactDesign {
    /// Constructs a design from cumulative `sizes` per look and bounds of Z: it stops when Z is at
    /// or above `upper` (+∞ for none), otherwise at or below `lower` (−∞ for none). A table without
    /// information has no Z and never stops.
    ///
    /// # Errors
    /// When the lists differ in length or a look has no new patients.
    pub fn new(
        sizes: &[ArmSizes],
        statistic: ExactStatistic,
        upper: &[f64],
        lower: &[f64],
    ) -> Result<Self, NoExactDesign> {
        let looks = sizes.len();
        if upper.len() != looks || lower.len() != looks {
            return Err(NoExactDesign::Bounds { looks, upper: upper.len(), lower: lower.len() });
        }
        check_growth(sizes)?;
        let looks =
            (0..looks).map(|k| ExactLook::new(sizes[k], statistic, lower[k], upper[k])).collect();
        Ok(Self { looks })
    }

    /// Constructs a design from the counts that stop it at each look.
    ///
    /// # Errors
    /// When a look has no new patients, or another number of rows than counts of the control arm.
    pub fn of_regions(regions: Vec<StoppingRegion>) -> Result<Self, NoExactDesign> {
        let sizes: Vec<ArmSizes> = regions.iter().map(|region| region.sizes).collect();
        check_growth(&sizes)?;
        let rows_of = |look: &StoppingRegion| [look.above.len(), look.below.len()];
        if let Some(k) = regions.iter().position(|look| rows_of(look) != [look.rows(); 2]) {
            return Err(NoExactDesign::Rows(k + 1));
        }
        Ok(Self { looks: regions.into_iter().map(ExactLook::of_region).collect() })
    }

    /// Returns the patients in both arms at the last look.
    pub(super) fn patients(&self) -> u32 {
        self.looks.last().map_or(0, |look| look.sizes.total())
    }

    /// Computes stopping probabilities at true success rates of control and experimental arm, each
    /// in \[0, 1\].
    pub fn probabilities(&self, rates: [f64; 2]) -> ExactProbabilities {
        let mut cells = Workspace::start();
        let mut before = ArmSizes { control: 0, experimental: 0 };
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        let (mut continuing, mut expected_total) = (1.0, 0.0);
        for look in &self.looks {
            expected_total += continuing * f64::from(look.sizes.total() - before.total());
            cells.enrol_arms(before, look.sizes, rates);
            upper.push(cells.stop(&look.above));
            lower.push(cells.stop(&look.below));
            continuing = cells.continuing();
            before = look.sizes;
        }
        let rejection = upper.iter().sum();
        ExactProbabilities { upper, lower, rejection, expected_total }
    }

    /// Computes the largest one-sided type I error over all common rates, to a relative 1e-7.
    pub fn maximum_type_one_error(&self) -> TypeOneError {
        CommonRate::new(self).maximum()
    }

    /// Computes P(stop at the upper bound with s successes in both arms, s = 0, 1, …) at a common
    /// rate, by look, with the patients of the look.
    pub(super) fn rejections_by_total(&self, rate: f64) -> Vec<(u32, Vec<f64>)> {
        let mut cells = Workspace::start();
        let mut before = ArmSizes { control: 0, experimental: 0 };
        let mut by_look = Vec::new();
        for look in &self.looks {
            cells.enrol_arms(before, look.sizes, [rate; 2]);
            by_look.push((look.sizes.total(), cells.by_total(&look.above)));
            cells.stop(&look.above);
            cells.stop(&look.below);
            before = look.sizes;
        }
        by_look
    }
}

/// Checks that every look has more patients than the one before, and no fewer in either arm.
fn check_growth(sizes: &[ArmSizes]) -> Result<(), NoExactDesign> {
    let mut before = ArmSizes { control: 0, experimental: 0 };
    for (k, &now) in sizes.iter().enumerate() {
        let fewer = now.control < before.control || now.experimental < before.experimental;
        if fewer || now == before {
            return Err(NoExactDesign::Sizes(k + 1));
        }
        before = now;
    }
    if sizes.is_empty() { Err(NoExactDesign::Sizes(1)) } else { Ok(()) }
}

impl ExactLook {
    fn of_region(region: StoppingRegion) -> Self {
        let StoppingRegion { sizes, above, below } = region;
        let counts = sizes.experimental + 1;
        let rows = above.iter().zip(&below).enumerate();
        let below = rows.map(|(row, (&above, &below))| RowRange {
            row,
            range: 0..below.min(above).min(counts) as usize,
        });
        let below = below.collect();
        let rows = above.into_iter().enumerate();
        let above = rows.map(|(row, least)| RowRange {
            row,
            range: least.min(counts) as usize..counts as usize,
        });
        Self { sizes, above: above.collect(), below }
    }

    fn new(sizes: ArmSizes, statistic: ExactStatistic, lower: f64, upper: f64) -> Self {
        let (mut above, mut below) = (Vec::new(), Vec::new());
        for x in 0..=sizes.control {
            let row = TableRow { statistic, sizes, control: x };
            if let ExactStatistic::Against(_) = statistic {
                row.add_stopping(lower, upper, [&mut below, &mut above]);
                continue;
            }
            let counts = sizes.experimental as usize + 1;
            // Only none or all of both arms, or one against the other, is without information.
            let first = usize::from(row.z(0).is_none());
            let end = counts - usize::from(counts > first && row.z(counts - 1).is_none());
            let from = row.first_reaching(upper - TIE, first, end);
            above.push(RowRange { row: x as usize, range: from..end.max(from) });
            // The upper bound is asked first, so counts at both belong to it.
            let until = row.first_reaching((lower + TIE).next_up(), first, end).min(from);
            below.push(RowRange { row: x as usize, range: first.min(until)..until });
        }
        Self { sizes, above, below }
    }
}

/// Tables of one look with a given number of successes in the control arm.
struct TableRow {
    statistic: ExactStatistic,
    sizes: ArmSizes,
    control: u32,
}

impl TableRow {
    /// Returns Z with `experimental` successes in the experimental arm.
    fn z(&self, experimental: usize) -> Option<f64> {
        let successes = [f64::from(self.control), experimental as f64];
        let patients = [f64::from(self.sizes.control), f64::from(self.sizes.experimental)];
        self.statistic.z(successes, patients)
    }

    /// Adds the numbers of experimental successes with Z at or below `lower` and at or above `upper` to the
    /// ranges below and above.
    ///
    /// Z need not rise throughout, so that a row may have several ranges: Wald's against a margin falls at
    /// first where hardly any patient has a success, that of log ratios again where hardly any has a failure,
    /// and that of equivalence rises and falls.
    fn add_stopping(&self, lower: f64, upper: f64, below_above: [&mut Vec<RowRange>; 2]) {
        let row = self.control as usize;
        let [below, above] = below_above;
        for y in 0..=self.sizes.experimental as usize {
            let Some(z) = self.z(y) else { continue };
            // The upper bound is asked first, so counts at both belong to it.
            let ranges = match (z >= upper - TIE, z <= lower + TIE) {
                (true, _) => &mut *above,
                (false, true) => &mut *below,
                (false, false) => continue,
            };
            match ranges.last_mut() {
                Some(last) if last.row == row && last.range.end == y => last.range.end += 1,
                Some(_) | None => ranges.push(RowRange { row, range: y..y + 1 }),
            }
        }
    }

    /// Returns the first number of experimental successes in `first..end` with Z ≥ `bound`; the end
    /// of the range if none has.
    fn first_reaching(&self, bound: f64, first: usize, end: usize) -> usize {
        let counts = end.saturating_sub(first);
        first + partition_point(counts, |i| self.z(first + i).is_some_and(|z| z < bound))
    }
}

/// Returns how many of the indices below `indices` have a property that the first have and the
/// others do not.
fn partition_point(indices: usize, property: impl Fn(usize) -> bool) -> usize {
    let (mut with, mut without) = (0, indices);
    while with < without {
        let middle = with + (without - with) / 2;
        if property(middle) {
            with = middle + 1;
        } else {
            without = middle;
        }
    }
    with
}

impl ExactStatistic {
    /// Computes Z from successes and patients, control first; `None` for data without information.
    fn z(self, successes: [f64; 2], patients: [f64; 2]) -> Option<f64> {
        let ([x_c, x_e], [n_c, n_e]) = (successes, patients);
        let (control, experimental) = (x_c / n_c, x_e / n_e);
        let variance = match self {
            Self::Of(test) => {
                let arms = [(x_c, n_c), (x_e, n_e)];
                let arms = arms.map(|(events, patients)| ArmEvents { events, patients });
                return two_proportions::z(&arms, test);
            }
            Self::Against(statistic) => {
                let arms = [(x_c, n_c), (x_e, n_e)];
                let arms = arms.map(|(events, patients)| ArmEvents { events, patients });
                return statistic.z(&arms);
            }
            Self::Pooled => {
                let pooled = (x_c + x_e) / (n_c + n_e);
                pooled * (1.0 - pooled) * (1.0 / n_c + 1.0 / n_e)
            }
            Self::Unpooled => {
                control * (1.0 - control) / n_c + experimental * (1.0 - experimental) / n_e
            }
        };
        // All against none has no unpooled variance, and an empty arm an infinite one.
        let is_informative = variance > 0.0 && variance.is_finite();
        is_informative.then(|| (experimental - control) / variance.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::OutcomeTable;
    use crate::analysis::two_proportions::{ProportionTest, arms, z};
    use crate::outcome::Mrs;
    use proptest::prelude::*;

    fn equal(per_arm: &[u32]) -> Vec<ArmSizes> {
        per_arm.iter().map(|&n| ArmSizes { control: n, experimental: n }).collect()
    }

    #[test]
    fn binomial_probabilities_are_right_from_one_patient_to_many() {
        let mut out = Vec::new();
        for (n, rate) in [(1, 0.3), (6, 0.0), (6, 1.0), (52, 0.4), (2000, 0.001), (100_000, 0.37)] {
            binomial(n, rate, &mut out);
            let total: f64 = out.iter().sum();
            let weighted = |f: &dyn Fn(f64) -> f64| -> f64 {
                out.iter().enumerate().map(|(k, p)| p * f(k as f64)).sum()
            };
            let mean = weighted(&|k| k);
            let variance = weighted(&|k| (k - mean) * (k - mean));
            let n = f64::from(n);
            assert!((total - 1.0).abs() < 1e-13);
            assert!((mean - n * rate).abs() <= 1e-12 * n, "{mean}");
            assert!((variance - n * rate * (1.0 - rate)).abs() <= 1e-10 * n, "{variance}");
        }
        binomial(52, 0.4, &mut out);
        assert!((out[0] / 0.6f64.powi(52) - 1.0).abs() < 1e-12);
        assert!((out[52] / 0.4f64.powi(52) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn pooled_statistic_has_the_bits_of_the_simulated_test() {
        let (n_c, n_e) = (23, 31);
        for x in 0..=n_c {
            for y in 0..=n_e {
                let counts = [[x, 0, 0, n_c - x, 0, 0, 0], [y, 0, 0, 0, n_e - y, 0, 0]];
                let expected = z(
                    &arms(&OutcomeTable { counts }.weights(), Mrs::INDEPENDENT),
                    ProportionTest::PooledZ,
                );
                let z = ExactStatistic::Pooled
                    .z([f64::from(x), f64::from(y)], [f64::from(n_c), f64::from(n_e)]);
                assert_eq!(z, expected, "{x} {y}");
            }
        }
    }

    #[test]
    fn unpooled_statistic_is_undefined_without_variance_as_in_the_simulation() {
        for (x, y) in [(0, 5), (4, 0), (0, 0), (4, 5)] {
            let counts = [f64::from(x), f64::from(y)];
            assert_eq!(ExactStatistic::Unpooled.z(counts, [4.0, 5.0]), None);
            let simulated = ExactStatistic::Of(ProportionTest::UnpooledZ);
            assert_eq!(simulated.z(counts, [4.0, 5.0]), None);
        }
        assert_eq!(ExactStatistic::Pooled.z([0.0, 1.0], [0.0, 5.0]), None);
    }

    /// In 4 v 4, all against none is the only table at Z = √8; 1 v 4 and 0 v 3 follow, with equal Z
    /// that rounding may separate.
    #[test]
    fn a_bound_that_is_a_tables_own_z_stops_all_such_tables() {
        let tied = ExactStatistic::Pooled.z([1.0, 4.0], [4.0, 4.0]).expect("informative");
        let sizes = equal(&[4]);
        for bound in [tied, tied.next_up(), tied.next_down()] {
            let design =
                ExactDesign::new(&sizes, ExactStatistic::Pooled, &[bound], &[f64::NEG_INFINITY]);
            let found = design.expect("one look").probabilities([0.5, 0.5]).rejection;
            assert!((found - 9.0 / 256.0).abs() < 1e-15, "{found}");
        }
    }

    /// Every path of counts through two looks, followed one by one.
    fn by_paths(
        sizes: &[ArmSizes; 2],
        statistic: ExactStatistic,
        uppers: [f64; 2],
        lowers: [f64; 2],
        rates: [f64; 2],
    ) -> [f64; 4] {
        let pmf = |n: u32, rate: f64| {
            let mut out = Vec::new();
            binomial(n, rate, &mut out);
            out
        };
        let stops = |k: usize, x: usize, y: usize| {
            let z = TableRow { statistic, sizes: sizes[k], control: x as u32 }.z(y)?;
            if z >= uppers[k] { Some(0) } else { (z <= lowers[k]).then_some(1) }
        };
        let [first, second] = [[0, 0], [sizes[0].control, sizes[0].experimental]];
        let added = |k: usize, before: [u32; 2]| {
            [
                pmf(sizes[k].control - before[0], rates[0]),
                pmf(sizes[k].experimental - before[1], rates[1]),
            ]
        };
        let ([first_x, first_y], [more_x, more_y]) = (added(0, first), added(1, second));
        let mut out = [0.0; 4];
        for (x, p) in first_x.iter().enumerate() {
            for (y, q) in first_y.iter().enumerate() {
                if let Some(side) = stops(0, x, y) {
                    out[side] += p * q;
                    continue;
                }
                for (added_x, r) in more_x.iter().enumerate() {
                    for (added_y, s) in more_y.iter().enumerate() {
                        if let Some(side) = stops(1, x + added_x, y + added_y) {
                            out[2 + side] += p * q * r * s;
                        }
                    }
                }
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn two_looks_have_the_probabilities_of_all_their_paths(
            first in (0..9u32, 0..9u32),
            more in (0..7u32, 1..7u32),
            uppers in (0.3..3.0f64, 0.3..2.0f64),
            lowers in (-2.0..0.8f64, -2.0..2.5f64),
            rates in (0.0..1.0f64, 0.0..1.0f64),
            pooled in any::<bool>(),
        ) {
            let sizes = [
                ArmSizes { control: first.0 + 1, experimental: first.1 + 1 },
                ArmSizes { control: first.0 + 1 + more.0, experimental: first.1 + 1 + more.1 },
            ];
            let statistic = if pooled { ExactStatistic::Pooled } else { ExactStatistic::Unpooled };
            let (uppers, lowers): ([f64; 2], [f64; 2]) = (uppers.into(), lowers.into());
            let rates = rates.into();
            let design = ExactDesign::new(&sizes, statistic, &uppers, &lowers)
                .expect("growing looks");
            let found = design.probabilities(rates);
            let [up, down, later_up, later_down] =
                by_paths(&sizes, statistic, uppers, lowers, rates);
            prop_assert!((found.upper[0] - up).abs() < 1e-14);
            prop_assert!((found.lower[0] - down).abs() < 1e-14);
            prop_assert!((found.upper[1] - later_up).abs() < 1e-14);
            prop_assert!((found.lower[1] - later_down).abs() < 1e-14);
            prop_assert!((found.rejection - (up + later_up)).abs() < 1e-13);
            let (n, last) = (f64::from(sizes[0].total()), f64::from(sizes[1].total()));
            let expected = (up + down) * n + (1.0 - up - down) * last;
            prop_assert!((found.expected_total - expected).abs() < 1e-12);
        }

        /// Exchanging the arms, or successes and failures, mirrors the probabilities.
        #[test]
        fn exchanging_the_arms_mirrors_the_probabilities(
            rates in (0.0..1.0f64, 0.0..1.0f64),
            bound in 0.5..3.0f64,
        ) {
            let sizes = equal(&[10, 17]);
            let design = ExactDesign::new(
                &sizes, ExactStatistic::Pooled, &[bound; 2], &[-bound; 2],
            ).expect("growing looks");
            let there = design.probabilities(rates.into());
            for back in [[rates.1, rates.0], [1.0 - rates.0, 1.0 - rates.1]] {
                let back = design.probabilities(back);
                for k in 0..2 {
                    prop_assert!((there.upper[k] - back.lower[k]).abs() < 1e-13);
                    prop_assert!((there.lower[k] - back.upper[k]).abs() < 1e-13);
                }
            }
        }
    }

    #[test]
    fn looks_without_new_patients_and_missing_bounds_are_refused() {
        let new = |sizes: &[ArmSizes], upper: &[f64]| {
            ExactDesign::new(sizes, ExactStatistic::Pooled, upper, &[0.0, 0.0])
        };
        assert_eq!(new(&equal(&[5, 5]), &[2.0, 2.0]), Err(NoExactDesign::Sizes(2)));
        assert_eq!(new(&equal(&[5, 4]), &[2.0, 2.0]), Err(NoExactDesign::Sizes(2)));
        // Fewer in one arm alone.
        for (control, experimental) in [(4, 6), (6, 4)] {
            let sizes = [equal(&[5])[0], ArmSizes { control, experimental }];
            assert_eq!(new(&sizes, &[2.0, 2.0]), Err(NoExactDesign::Sizes(2)));
        }
        let error = new(&equal(&[5, 6]), &[2.0]).expect_err("one bound").to_string();
        assert!(error.starts_with("2 looks with 1 upper and 2 lower bounds"), "{error}");
    }
}
