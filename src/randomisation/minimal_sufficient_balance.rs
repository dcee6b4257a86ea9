//! Minimal sufficient balance (Zhao, Hill & Palesch 2015, Stat Methods Med Res 24:989): the coin is
//! fair until a test detects an imbalance.
//!
//! When a patient arrives, every factor is tested on the earlier patients: Pearson's χ² of arms by
//! levels, without continuity correction, over the levels that have occurred. If its p value is
//! below the threshold (0.3 is usual), the factor votes for the arm with fewer patients of the new
//! patient's level than expected. The arms' sizes have a vote of their own by the same rule, D²/n
//! against χ² with one degree of freedom. The arm with more votes is taken with the probability of
//! the biased coin (0.65 is usual); without a majority the coin is fair. The first patients may be
//! allocated by a fair coin, because tests of few patients have little power. For two equal arms.
//!
//! Arms × levels that have n_c and n_e patients in the arms, and c_l and e_l at level l, have
//! χ² = Σ (c_l·n_e − e_l·n_c)² / (c_l + e_l) / (n_c·n_e): differences of whole numbers, so that a
//! level in exact balance has no vote, and swapped arms have swapped votes to the last bit.

use std::cmp::Ordering;

use super::{Arm, Preference, experimental_if};
use crate::num::chi_squared;
use crate::population::Population;

/// Parameters of minimal sufficient balance.
#[derive(Debug, Clone, PartialEq)]
pub struct BalanceRule {
    /// Factors that vote, as indices into the population's, each once.
    pub factors: Vec<usize>,
    /// Largest p value of a test that votes, exclusive; 1e-9 to 1.
    pub p_threshold: f64,
    /// Probability of taking the arm with more votes, 0.5 to 1.
    pub biased_coin_p: f64,
    /// Patients at the beginning whose coin is fair.
    pub burn_in: u32,
}

/// A rule of minimal sufficient balance bound to a population.
#[derive(Debug, Clone)]
pub struct MinimalSufficientBalance {
    factors: Vec<FactorCells>,
    /// Cells of the level of each factor for every stratum, laid out [stratum][factor].
    own_levels: Vec<usize>,
    cells: usize,
    /// χ² above which a test votes, by degrees of freedom less 1.
    critical: Vec<f64>,
    /// P(experimental) when control has more votes, without a majority, when experimental has.
    experimental_p: [f64; 3],
    burn_in: i32,
}

/// Cells of a factor's counts: control and experimental arm of the first level, of the second …
#[derive(Debug, Clone, Copy)]
struct FactorCells {
    first_cell: usize,
    end: usize,
}

impl MinimalSufficientBalance {
    /// Binds a rule to the population whose strata it will see.
    pub fn new(rule: &BalanceRule, population: &Population) -> Self {
        // The first two cells are the sizes of the arms.
        let mut end = 2;
        let factors: Vec<FactorCells> = rule
            .factors
            .iter()
            .map(|&factor| {
                let first_cell = end;
                end += 2 * population.factors()[factor].levels.len();
                FactorCells { first_cell, end }
            })
            .collect();
        let own_levels = (0..population.strata())
            .flat_map(|stratum| {
                let levels = population.levels(stratum);
                let used = rule.factors.iter().zip(&factors);
                used.map(|(&factor, counts)| counts.first_cell + 2 * levels[factor])
            })
            .collect();
        let most = factors.iter().map(|factor| (factor.end - factor.first_cell) / 2).max();
        // One degree of freedom at least, for the vote of the sizes.
        let freedom = 1..most.unwrap_or(2).max(2) as u32;
        let p = rule.biased_coin_p;
        Self {
            own_levels,
            factors,
            cells: end,
            critical: freedom.map(|df| chi_squared::upper_quantile(rule.p_threshold, df)).collect(),
            experimental_p: [1.0 - p, 0.5, p],
            burn_in: rule.burn_in as i32,
        }
    }

    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// Allocates one patient from one uniform draw and counts them in `cells`: the sizes of the
    /// arms, then the counts of the factors.
    #[inline]
    pub(super) fn allocate(&self, cells: &mut [i32], stratum: usize, uniform: f64) -> Arm {
        let own_levels = self.own_levels(stratum);
        let majority = self.majority(cells, own_levels);
        let experimental = uniform < self.experimental_p[(1 + majority) as usize];
        let arm = usize::from(experimental);
        cells[arm] += 1;
        for level in own_levels {
            cells[level + arm] += 1;
        }
        experimental_if(experimental)
    }

    fn own_levels(&self, stratum: usize) -> &[usize] {
        let used = self.factors.len();
        &self.own_levels[stratum * used..(stratum + 1) * used]
    }

    /// Returns the arm with more votes.
    pub(super) fn preferred(&self, cells: &[i32], stratum: usize) -> Preference {
        match self.majority(cells, self.own_levels(stratum)).cmp(&0) {
            Ordering::Less => Preference::Control,
            Ordering::Equal => Preference::Either,
            Ordering::Greater => Preference::Experimental,
        }
    }

    /// Returns 1 if the experimental arm has more votes, −1 if control has, 0 if neither.
    fn majority(&self, cells: &[i32], own_levels: &[usize]) -> i32 {
        let sizes = [cells[0], cells[1]];
        if sizes[0] + sizes[1] < self.burn_in {
            return 0;
        }
        let mut votes = self.vote_of_sizes(sizes);
        for (factor, &own) in self.factors.iter().zip(own_levels) {
            votes += self.vote(cells, *factor, own);
        }
        votes.signum()
    }

    fn vote_of_sizes(&self, sizes: [i32; 2]) -> i32 {
        let [control, experimental] = sizes;
        // In 64 bits: the square of an imbalance of 50 000 patients exceeds 32.
        let difference = i64::from(control - experimental);
        let is_uneven =
            (difference * difference) as f64 > self.critical[0] * f64::from(control + experimental);
        if is_uneven { difference.signum() as i32 } else { 0 }
    }

    fn vote(&self, cells: &[i32], factor: FactorCells, own: usize) -> i32 {
        let sizes = [cells[0], cells[1]].map(i64::from);
        let mut seen = 0;
        let mut sum = 0.0;
        for level in cells[factor.first_cell..factor.end].chunks_exact(2) {
            let patients = level[0] + level[1];
            if patients > 0 {
                seen += 1;
                let surplus = surplus(sizes, level) as f64;
                sum += surplus * surplus / f64::from(patients);
            }
        }
        // A factor with one level so far cannot be unbalanced.
        let is_uneven =
            seen > 1 && sum > self.critical[seen - 2] * (sizes[0] as f64 * sizes[1] as f64);
        if is_uneven { surplus(sizes, &cells[own..own + 2]).signum() as i32 } else { 0 }
    }
}

/// Returns n_c·n_e times the difference between the arms in their shares of a level, control less
/// experimental.
#[inline]
fn surplus(sizes: [i64; 2], level: &[i32]) -> i64 {
    i64::from(level[0]) * sizes[1] - i64::from(level[1]) * sizes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population;
    use crate::rng::{Purpose, Replicate, Seed, Streams, uniform};
    use Arm::{Control as C, Experimental as E};
    use statrs::distribution::{ChiSquared, ContinuousCDF};

    fn population(levels: &[usize]) -> Population {
        let factor = |&levels: &usize| {
            let names = (0..levels).map(|level| level.to_string()).collect();
            let log_odds = vec![0.0; levels];
            let effect_log_odds = log_odds.clone();
            let name = "f".into();
            let factor = population::Factor { name, levels: names, log_odds, effect_log_odds };
            (factor, vec![1.0 / levels as f64; levels])
        };
        Population::independent(levels.iter().map(factor).collect())
    }

    fn rule(factors: usize) -> BalanceRule {
        let factors = (0..factors).collect();
        BalanceRule { factors, p_threshold: 0.3, biased_coin_p: 0.65, burn_in: 0 }
    }

    /// One binary factor; 0.6 is experimental only with its majority, 0.4 unless control has it,
    /// 0.2 always. χ² at 0.3 is 1.074 with one degree of freedom.
    #[test]
    fn votes_decide_the_coin_of_each_patient() {
        let rule = MinimalSufficientBalance::new(&rule(1), &population(&[2]));
        let mut cells = vec![0; rule.cells()];
        let patients = [
            (0, 0.4, E), // nobody yet
            (0, 0.4, E), // D²/n = 1: too little; one level has been seen, so the factor is silent
            (0, 0.4, C), // D²/n = 2: the sizes vote for control
            (1, 0.6, C), // (1,2), only one level: D²/n = 1/3; fair
            (1, 0.6, E), // 2·2: level 1 has (1,0), χ² = 4/3: it votes for experimental
            (0, 0.2, E), // (2,3): D²/n = 1/5, χ² = 5/36; fair
        ];
        for (i, &(stratum, u, arm)) in patients.iter().enumerate() {
            assert_eq!(rule.allocate(&mut cells, stratum, u), arm, "patient {i}");
        }
        assert_eq!(cells, [2, 4, 1, 3, 1, 1]);
        assert_eq!(rule.allocate(&mut cells, 0, 0.4), E, "D²/n = 2/3 and χ² = 3/8 are too little");
        assert_eq!(cells, [2, 5, 1, 4, 1, 1]);
        assert_eq!(rule.allocate(&mut cells, 0, 0.4), C, "D²/n = 9/7 is enough");
    }

    /// The majority against one from p values of statrs and tables of expected counts, over random
    /// tables of three factors with two, three and five levels.
    #[test]
    fn majorities_agree_with_p_values_of_another_implementation() {
        let population = population(&[2, 3, 5]);
        let balance = MinimalSufficientBalance::new(&rule(3), &population);
        let mut rng = Streams::new(Seed(5)).stream(Replicate(0), Purpose::Allocation);
        let mut votes_seen = [0; 3];
        for trial in 0..3_000 {
            let mut cells = vec![0; balance.cells()];
            let share = uniform(&mut rng);
            for _ in 0..trial % 60 {
                // Arms lean with the levels, so that tests have something to find.
                let stratum = population.draw(&mut rng) as usize;
                let own = &balance.own_levels[stratum * 3..stratum * 3 + 3];
                let lean = if stratum.is_multiple_of(2) { share } else { 1.0 - share };
                let arm = usize::from(uniform(&mut rng) < lean);
                cells[arm] += 1;
                own.iter().for_each(|level| cells[level + arm] += 1);
            }
            let stratum = population.draw(&mut rng) as usize;
            let own = &balance.own_levels[stratum * 3..stratum * 3 + 3];
            let expected = majority_by_p_values(&balance, &cells, own);
            assert_eq!(balance.majority(&cells, own), expected, "{cells:?} {own:?}");
            votes_seen[(expected + 1) as usize] += 1;
        }
        assert!(votes_seen.iter().all(|&count| count > 300), "{votes_seen:?}");
    }

    fn tail(x: f64, df: usize) -> f64 {
        ChiSquared::new(df as f64).expect("df > 0").sf(x)
    }

    fn majority_by_p_values(
        balance: &MinimalSufficientBalance,
        cells: &[i32],
        own_levels: &[usize],
    ) -> i32 {
        let number = |cell: usize| f64::from(cells[cell]);
        let n = number(0) + number(1);
        let mut votes = 0;
        if n > 0.0 {
            let by_half = |arm| (number(arm) - n / 2.0).powi(2) / (n / 2.0);
            if tail(by_half(0) + by_half(1), 1) < 0.3 {
                votes += if cells[1] < cells[0] { 1 } else { -1 };
            }
        }
        for (factor, &own) in balance.factors.iter().zip(own_levels) {
            let levels = (factor.first_cell..factor.end).step_by(2);
            let seen: Vec<usize> = levels.filter(|&l| cells[l] + cells[l + 1] > 0).collect();
            if seen.len() < 2 || cells[0] == 0 || cells[1] == 0 {
                continue;
            }
            let expected = |l: usize, arm| (number(l) + number(l + 1)) * number(arm) / n;
            let cell = |l, arm| (number(l + arm) - expected(l, arm)).powi(2) / expected(l, arm);
            let statistic = seen.iter().map(|&l| cell(l, 0) + cell(l, 1)).sum();
            let surplus = number(own) - expected(own, 0);
            if tail(statistic, seen.len() - 1) < 0.3 && surplus.abs() > 1e-9 {
                votes += if surplus > 0.0 { 1 } else { -1 };
            }
        }
        i32::signum(votes)
    }

    #[test]
    fn the_first_patients_have_a_fair_coin() {
        let rule = BalanceRule { burn_in: 5, ..rule(1) };
        let rule = MinimalSufficientBalance::new(&rule, &population(&[2]));
        let mut cells = vec![0; rule.cells()];
        let arms: Vec<Arm> = (0..7).map(|_| rule.allocate(&mut cells, 0, 0.4)).collect();
        assert_eq!(arms, [E, E, E, E, E, C, C]);
    }
}
