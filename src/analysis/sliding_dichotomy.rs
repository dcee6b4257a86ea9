//! The sliding dichotomy: success is judged by what the patient's prognosis let expect, so that a
//! patient of good prognosis must do better than one of poor prognosis (Murray 2005, J Neurotrauma
//! 22:511).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grouping::{CellLayout, Grouping};
use super::method::{
    Binding, GroupedBy, Method, ParameterError, PatientScore, ReferenceDistribution, Statistic,
    Test,
};
use super::proportional_odds::adjusted;
use super::two_proportions::{
    self, ArmEvents, Arms, ProportionEffect, ProportionInterval, ProportionTest, arms,
};
use super::{Counts, EffectScale, TestResult};
use crate::outcome::Mrs;
use crate::population::Population;

/// Parameters of the sliding dichotomy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlidingDichotomy {
    /// Factors of the prognosis: the points of a patient's levels are added up.
    #[schemars(length(min = 1))]
    pub points: Vec<FactorPoints>,
    /// Definitions of success by points, in rising order; the first applies from the fewest points.
    #[schemars(length(min = 1))]
    pub cuts: Vec<SlidingCut>,
    /// The statistic compared with the boundary.
    #[serde(default)]
    pub test: ProportionTest,
}

/// Points that a factor adds to a prognosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorPoints {
    /// Name of the factor.
    pub factor: String,
    /// Points of each of its levels.
    #[schemars(inner(range(min = -1000, max = 1000)))]
    pub of_levels: Vec<i32>,
}

/// A cut of the mRS for patients from a number of points on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlidingCut {
    /// Smallest number of points to which it applies.
    #[schemars(range(min = -1_000_000, max = 1_000_000))]
    pub from_points: i32,
    /// Success is an mRS at or below this.
    #[schemars(with = "u8", range(min = 0, max = 5))]
    pub cut: Mrs,
}

/// A test of two proportions with a cut for each group of patients.
#[derive(Debug)]
struct SlidingTest {
    cuts: Vec<Mrs>,
    test: ProportionTest,
}

impl Method for SlidingDichotomy {
    fn key(&self) -> &'static str {
        "sliding_dichotomy"
    }

    fn describe(&self) -> String {
        let cuts: Vec<String> = self.cuts.iter().map(|cut| format!("0–{}", cut.cut)).collect();
        let test = self.test;
        format!(
            "sliding dichotomy with mRS {} by prognosis, {test}, risk difference",
            cuts.join(", ")
        )
    }

    fn grouped_by(&self) -> GroupedBy<'_> {
        GroupedBy::Prognosis(&self.points)
    }

    fn counts_successes(&self) -> bool {
        true
    }

    fn warning(&self) -> Option<String> {
        let highest: i64 = self.points.iter().map(FactorPoints::most).sum();
        let unreached = self.cuts.iter().find(|cut| i64::from(cut.from_points) > highest)?;
        Some(format!(
            "has a cut for {} or more points, but the highest possible score is {highest}",
            unreached.from_points
        ))
    }

    fn bind(&self, cells: CellLayout<'_>, factors: &[usize]) -> Result<Binding, ParameterError> {
        // In i64, so that no sum of i32 overflows.
        let points = self.points_of_strata(cells.population, factors)?;
        self.check_that_cuts_rise()?;
        let least = points.iter().copied().min().unwrap_or(0);
        // Patients with fewer points than the first cut would have no definition of success.
        if i64::from(self.cuts[0].from_points) > least {
            return Err(ParameterError::new(
                "cuts[0].from_points",
                format!(
                    "is {}; allowed: at most {least}, the least that a patient has",
                    self.cuts[0].from_points
                ),
            ));
        }
        // Strata with the same cut are one group.
        let grouping = Grouping::new(
            cells.all().map(|(stratum, _)| vec![self.position_of_cut(points[stratum])]),
        );
        let cuts = grouping.levels().iter().map(|position| self.cuts[position[0]].cut).collect();
        Ok(Binding::of_groups(SlidingTest { cuts, test: self.test }, grouping))
    }
}

impl SlidingDichotomy {
    /// The sum of points in each stratum of the population.
    fn points_of_strata(
        &self,
        population: &Population,
        factors: &[usize],
    ) -> Result<Vec<i64>, ParameterError> {
        let mut sums = vec![0i64; population.strata()];
        for (i, (points, &factor)) in self.points.iter().zip(factors).enumerate() {
            let (has, allowed) =
                (points.of_levels.len(), population.factors()[factor].levels.len());
            if has != allowed {
                return Err(ParameterError::new(
                    format!("points[{i}].of_levels"),
                    format!(
                        "has {has} values; allowed: {allowed} (one for each level of \"{}\")",
                        points.factor
                    ),
                ));
            }
            for (stratum, sum) in sums.iter_mut().enumerate() {
                *sum += i64::from(points.of_levels[population.levels(stratum)[factor]]);
            }
        }
        Ok(sums)
    }

    fn check_that_cuts_rise(&self) -> Result<(), ParameterError> {
        for (i, pair) in self.cuts.windows(2).enumerate() {
            if pair[1].from_points <= pair[0].from_points {
                return Err(ParameterError::new(
                    format!("cuts[{}].from_points", i + 1),
                    format!(
                        "is {}; allowed: more than the {} before it",
                        pair[1].from_points, pair[0].from_points
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The last cut that begins at or below a sum of points.
    fn position_of_cut(&self, points: i64) -> usize {
        // `bind` refuses a first cut above the least possible score, so that one always applies.
        self.cuts.iter().rposition(|cut| i64::from(cut.from_points) <= points).unwrap_or(0)
    }
}

impl FactorPoints {
    fn most(&self) -> i64 {
        i64::from(self.of_levels.iter().copied().max().unwrap_or(0))
    }
}

impl Test for SlidingTest {
    fn scale(&self) -> EffectScale {
        EffectScale::RiskDifference
    }

    fn score(&self) -> PatientScore<'_> {
        PatientScore::SuccessByGroup(&self.cuts)
    }

    fn test(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> TestResult {
        let (effect, interval) = (ProportionEffect::RiskDifference, ProportionInterval::Wald);
        two_proportions::analyse(
            &sliding_dichotomy(groups, &self.cuts),
            self.test,
            effect,
            interval,
        )
    }

    fn statistic(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> Statistic {
        Statistic::alone(two_proportions::z(&sliding_dichotomy(groups, &self.cuts), self.test))
    }

    fn z_of_expected(
        &self,
        groups: &[Counts],
        reference: ReferenceDistribution,
        _: &mut adjusted::FitScratch,
    ) -> f64 {
        let arms = sliding_dichotomy(groups, &self.cuts);
        two_proportions::z(&arms, self.test.of_expected_counts(reference)).unwrap_or(f64::NAN)
    }

    fn is_estimate_over_error(&self) -> bool {
        self.test.is_estimate_over_error()
    }

    fn is_conservative(&self) -> bool {
        self.test.is_conservative()
    }
}

/// Successes and patients of each arm, control first, if success in group g is an mRS at or below
/// `cuts[g]`. Every patient counts, also in a group with an empty arm: the table is for a test of two
/// proportions.
///
/// # Panics
/// If there are not as many cuts as groups.
pub fn sliding_dichotomy(groups: &[Counts], cuts: &[Mrs]) -> Arms {
    assert_eq!(groups.len(), cuts.len(), "a cut for every group");
    let mut table = [ArmEvents { events: 0.0, patients: 0.0 }; 2];
    for (counts, &cut) in groups.iter().zip(cuts) {
        for (sum, arm) in table.iter_mut().zip(arms(counts, cut)) {
            sum.events += arm.events;
            sum.patients += arm.patients;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::LEVELS;
    use proptest::prelude::*;

    fn cut(score: u8) -> Mrs {
        Mrs::new(score).expect("0 to 5")
    }

    proptest! {
        #[test]
        fn the_same_cut_for_all_groups_is_the_plain_dichotomy(
            groups in prop::collection::vec(crate::analysis::tests::counts(9), 1..6),
            at in 0u8..6,
        ) {
            let cuts = vec![cut(at); groups.len()];
            let mut pooled = [[0.0; LEVELS]; 2];
            for (place, count) in groups.iter().flat_map(|c| c.iter().flatten().enumerate()) {
                pooled[place / LEVELS][place % LEVELS] += count;
            }
            prop_assert_eq!(sliding_dichotomy(&groups, &cuts), arms(&pooled, cut(at)));
        }
    }

    #[test]
    fn the_cut_depends_on_the_group() {
        let counts = [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]];
        let table = sliding_dichotomy(&[counts, counts], &[cut(1), cut(4)]);
        let expected = [3.0 + 15.0, 13.0 + 25.0];
        assert_eq!(table, expected.map(|events| ArmEvents { events, patients: 56.0 }));
        let empty = ArmEvents { events: 0.0, patients: 0.0 };
        assert_eq!(sliding_dichotomy(&[], &[]), [empty; 2]);
    }

    #[test]
    #[should_panic(expected = "a cut for every group")]
    fn a_group_without_a_cut_panics() {
        sliding_dichotomy(&[[[1.0; LEVELS]; 2]], &[]);
    }
}
