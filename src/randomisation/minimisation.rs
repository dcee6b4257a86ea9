//! Minimisation with a biased coin (Pocock & Simon 1975, Biometrics 31:103).
//!
//! A patient is tentatively allocated to each arm; the resulting imbalance in each of their factor
//! levels is weighted and summed; the arm with the smaller sum is preferred and taken with
//! probability p. Equal sums are decided by the allocation ratio.

use std::cmp::Ordering;

use super::{Allocating, AllocationRatio, Arm, Preference, TIGHT, experimental_if, side_by_side};
use crate::population::Population;
use crate::rng::uniform;
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Measure of imbalance within a factor level, on counts divided by the allocation ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Imbalance {
    /// Largest minus smallest.
    #[default]
    Range,
    /// Sample variance.
    Variance,
    /// Sample standard deviation.
    #[serde(rename = "sd")]
    StandardDeviation,
}

/// Relative difference of sums up to which slots are tied.
// The variances of slots are not whole numbers, so that sums equal on paper differ by rounding
// errors.
const TIE: f64 = 1e-9;

/// Largest number of parts of an allocation ratio in lowest terms.
pub const MAX_PARTS: u32 = 100;

/// A minimisation rule bound to a population.
#[derive(Debug, Clone)]
pub struct Minimisation {
    imbalance: Imbalance,
    biased_coin_p: f64,
    /// Number of factors balanced.
    factors: usize,
    /// Level of each balanced factor for every stratum, laid out [stratum][factor].
    levels: Vec<WeightedLevel>,
    cells: usize,
    scheme: Scheme,
}

/// Cells of a factor level's counts, and the weight of its factor.
#[derive(Debug, Clone, Copy)]
struct WeightedLevel {
    first_cell: usize,
    /// A whole number.
    weight: f64,
}

/// Scheme of an allocation ratio.
#[derive(Debug, Clone)]
enum Scheme {
    /// Two arms, counts divided by the ratio.
    TwoArms(TwoArms),
    /// Equal slots, as many per arm as its part of the ratio; the first are control's. One cell
    /// per level and slot.
    Slots { control: usize, all: usize },
}

/// Two arms in any ratio. One cell per factor level holds d = n_c·r_e − n_e·r_c.
#[derive(Debug, Clone, Copy)]
struct TwoArms {
    control: i32,
    experimental: i32,
    /// P(experimental) when control is preferred, on a tie, when experimental is preferred.
    experimental_p: [f64; 3],
}

impl TwoArms {
    #[inline(always)]
    fn allocate(
        self,
        imbalance: Imbalance,
        cells: &mut [i32],
        levels: &[WeightedLevel],
        uniform: f64,
    ) -> Arm {
        // One bit per preference, computed before the preference, which has to wait for the
        // previous patients.
        let [control, tie, experimental] = self.experimental_p.map(|p| u8::from(uniform < p));
        let coins = control | tie << 1 | experimental << 2;
        let coin = coins >> self.preference(imbalance, cells, levels) & 1;
        // Not a choice between two numbers: in a loop it would become a branch, which cannot be
        // predicted.
        let change = self.experimental - i32::from(coin) * (self.control + self.experimental);
        for level in levels {
            cells[level.first_cell] += change;
        }
        experimental_if(coin == 1)
    }

    /// Returns 0 if control is preferred, 1 on a tie, 2 if experimental is preferred.
    ///
    /// Compares the weighted imbalance after control with that after experimental, in units of
    /// r_c·r_e (squared for the variance), which do not change the sign of the difference. The
    /// range is |d + r_e| against |d − r_c|, and the variance is proportional to their squares;
    /// both differences are whole numbers, far below 2⁵³, so ties are exact.
    #[inline(always)]
    fn preference(self, imbalance: Imbalance, cells: &[i32], levels: &[WeightedLevel]) -> u8 {
        let parts = f64::from(self.control + self.experimental);
        let surplus = self.experimental - self.control;
        // The measure and the weight keep the sign, which is all that a single factor has to say.
        if let [level] = levels {
            let doubled = 2 * cells[level.first_cell] + surplus;
            return u8::from(doubled >= 0) + u8::from(doubled > 0);
        }
        let most = match imbalance {
            // With two arms the standard deviation is the range over √2.
            Imbalance::Range | Imbalance::StandardDeviation => parts,
            Imbalance::Variance => f64::INFINITY,
        };
        // Whole numbers, as floating-point ones are clamped without a branch.
        let lean: f64 = levels
            .iter()
            .map(|level| {
                let doubled = f64::from(2 * cells[level.first_cell] + surplus);
                level.weight * doubled.clamp(-most, most)
            })
            .sum();
        u8::from(lean >= 0.0) + u8::from(lean > 0.0)
    }
}

/// Parameters of minimisation.
#[derive(Debug, Clone, PartialEq)]
pub struct MinimisationRule {
    /// Target shares of the arms.
    pub ratio: AllocationRatio,
    /// Balanced factors, as indices into the population's, each with a weight above 0.
    pub factors: Vec<(usize, f64)>,
    /// Measure of imbalance within a level.
    pub imbalance: Imbalance,
    /// Probability of the preferred arm, 0.5 to 1.
    pub biased_coin_p: f64,
    /// Whether, for an unequal ratio, every patient's probability of each arm before the trial
    /// starts is exactly the ratio.
    ///
    /// `true` runs equal-ratio minimisation over as many slots as the ratio has parts, which are
    /// equally likely by symmetry (after Kuznetsova & Tymofyeyev 2012, Stat Med 31:701). `false`
    /// divides counts by the ratio and adjusts the coin (Han, Enas & McEntegart 2009, Stat Med
    /// 28:3329); it keeps the ratio only on average.
    pub preserve_ratio: bool,
}

impl Minimisation {
    /// Binds a rule to the population whose strata it will see.
    pub fn new(rule: &MinimisationRule, population: &Population) -> Self {
        let ratio = rule.ratio.reduced();
        let scheme = Scheme::new(ratio, rule.biased_coin_p, rule.preserve_ratio);
        let per_level = match scheme {
            Scheme::TwoArms(_) => 1,
            Scheme::Slots { all, .. } => all,
        };
        let mut offsets = Vec::new();
        let mut cells = 0;
        for &(factor, _) in &rule.factors {
            offsets.push(cells);
            cells += population.factors()[factor].levels.len() * per_level;
        }
        let weights = whole_weights(rule.factors.iter().map(|&(_, weight)| weight));
        let levels = (0..population.strata())
            .flat_map(|stratum| {
                let levels = population.levels(stratum);
                let used = rule.factors.iter().zip(&offsets).zip(&weights);
                used.map(|((&(factor, _), offset), &weight)| WeightedLevel {
                    first_cell: offset + levels[factor] * per_level,
                    weight,
                })
            })
            .collect();
        let MinimisationRule { imbalance, biased_coin_p, .. } = *rule;
        let factors = rule.factors.len();
        Self { imbalance, biased_coin_p, factors, levels, cells, scheme }
    }

    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// Returns whether the arms differ by a few patients only.
    pub(super) fn is_tight(&self) -> bool {
        self.biased_coin_p >= TIGHT
    }

    /// Returns the class of each stratum, by factor.
    pub(super) fn classes(&self) -> Vec<Vec<u32>> {
        (0..self.factors)
            .map(|factor| {
                let levels = self.levels.iter().skip(factor).step_by(self.factors);
                levels.map(|level| level.first_cell as u32).collect()
            })
            .collect()
    }

    fn levels(&self, stratum: usize) -> &[WeightedLevel] {
        &self.levels[stratum * self.factors..(stratum + 1) * self.factors]
    }

    /// Allocates one patient from one uniform draw and counts them in `cells`.
    #[inline]
    pub(super) fn allocate(&self, cells: &mut [i32], stratum: usize, uniform: f64) -> Arm {
        let levels = self.levels(stratum);
        match self.scheme {
            Scheme::TwoArms(arms) => arms.allocate(self.imbalance, cells, levels, uniform),
            Scheme::Slots { control, all } => {
                let slot = self.draw_slot(cells, levels, all, uniform);
                for level in levels {
                    cells[level.first_cell + slot] += 1;
                }
                experimental_if(slot >= control)
            }
        }
    }

    /// Allocates further patients of some trials.
    pub(super) fn allocate_further<R: Rng, const N: usize>(
        &self,
        trials: [Allocating<'_, R>; N],
    ) -> [R; N] {
        // The usual numbers of factors as constants, so that their loops are unrolled.
        match (&self.scheme, self.factors) {
            (Scheme::TwoArms(arms), 1) => self.allocate_by::<R, N, 1>(*arms, trials),
            (Scheme::TwoArms(arms), 2) => self.allocate_by::<R, N, 2>(*arms, trials),
            (Scheme::TwoArms(arms), 3) => self.allocate_by::<R, N, 3>(*arms, trials),
            (Scheme::TwoArms(_) | Scheme::Slots { .. }, _) => {
                side_by_side(trials, |state, stratum, rng| {
                    self.allocate(&mut state.cells, stratum, uniform(rng))
                })
            }
        }
    }

    fn allocate_by<R: Rng, const N: usize, const FACTORS: usize>(
        &self,
        arms: TwoArms,
        trials: [Allocating<'_, R>; N],
    ) -> [R; N] {
        let (levels, _) = self.levels.as_chunks::<FACTORS>();
        side_by_side(trials, |state, stratum, rng| {
            arms.allocate(self.imbalance, &mut state.cells, &levels[stratum], uniform(rng))
        })
    }

    /// Returns the arm after which the weighted imbalance is smaller; among slots, the arm of all
    /// preferred ones.
    pub(super) fn preferred(&self, cells: &[i32], stratum: usize) -> Preference {
        let levels = self.levels(stratum);
        match &self.scheme {
            Scheme::TwoArms(arms) => match arms.preference(self.imbalance, cells, levels).cmp(&1) {
                Ordering::Less => Preference::Control,
                Ordering::Equal => Preference::Either,
                Ordering::Greater => Preference::Experimental,
            },
            &Scheme::Slots { control, all } => {
                let sums = self.slot_sums(cells, levels, all);
                let least = least(&sums[..all]);
                match [&sums[..control], &sums[control..all]]
                    .map(|sums| sums.iter().any(|&sum| is_tied(sum, least)))
                {
                    [true, false] => Preference::Control,
                    [false, true] => Preference::Experimental,
                    [true, true] | [false, false] => Preference::Either,
                }
            }
        }
    }

    /// Computes the weighted imbalance after each of `all` slots.
    fn slot_sums(
        &self,
        cells: &[i32],
        levels: &[WeightedLevel],
        all: usize,
    ) -> [f64; MAX_PARTS as usize] {
        let mut sums = [0.0; MAX_PARTS as usize];
        for level in levels {
            let counts = &cells[level.first_cell..level.first_cell + all];
            for (slot, sum) in sums[..all].iter_mut().enumerate() {
                *sum += level.weight * imbalance_after(self.imbalance, counts, slot);
            }
        }
        sums
    }

    /// Returns the slot of a uniform draw: p is shared among the preferred, the rest among all
    /// others, averaged over which of the tied is preferred.
    fn draw_slot(
        &self,
        cells: &[i32],
        levels: &[WeightedLevel],
        all: usize,
        uniform: f64,
    ) -> usize {
        let sums = self.slot_sums(cells, levels, all);
        let sums = &sums[..all];
        let least = least(sums);
        let tied = sums.iter().filter(|&&sum| is_tied(sum, least)).count() as f64;
        let p = self.biased_coin_p;
        let other = (1.0 - p) / (all - 1) as f64;
        let mut below = 0.0;
        for (slot, &sum) in sums.iter().enumerate() {
            let is_tied = is_tied(sum, least);
            below += if is_tied { (p + (tied - 1.0) * other) / tied } else { other };
            if uniform < below {
                return slot;
            }
        }
        // Rounding errors may leave the sum of all probabilities just below the draw.
        all - 1
    }
}

fn least(sums: &[f64]) -> f64 {
    sums.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Returns whether a sum equals the least one up to rounding errors.
fn is_tied(sum: f64, least: f64) -> bool {
    sum - least <= TIE * (1.0 + least)
}

/// Returns whole numbers in the proportions of the weights.
///
/// Proportions other than those of whole numbers up to 10 000 are kept to one part in a million.
fn whole_weights(weights: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    // With fractions, sums that are equal on paper, such as 0.5 and 0.3 + 0.2, would differ by
    // rounding errors and break a tie.
    let least = weights.clone().fold(f64::INFINITY, f64::min);
    let most = weights.clone().fold(0.0, f64::max);
    let exact = (1..=10_000).map(|m| f64::from(m) / least);
    let scale = exact.take_while(|scale| scale * most <= 1e6).find(|scale| {
        weights.clone().map(|weight| weight * scale).all(|x| (x - x.round()).abs() < 1e-9 * x)
    });
    let scale = scale.unwrap_or(1e6 / most);
    weights.map(|weight| (weight * scale).round()).collect()
}

impl Scheme {
    fn new(ratio: AllocationRatio, p: f64, preserve_ratio: bool) -> Self {
        if preserve_ratio && ratio.control != ratio.experimental {
            return Self::Slots { control: ratio.control as usize, all: ratio.parts() as usize };
        }
        let AllocationRatio { control, experimental } = ratio;
        let experimental_p = [
            1.0 - preferred_p(p, control, experimental),
            ratio.share_experimental(),
            preferred_p(p, experimental, control),
        ];
        let (control, experimental) = (control as i32, experimental as i32);
        Self::TwoArms(TwoArms { control, experimental, experimental_p })
    }
}

/// Returns the probability of an arm when it is preferred, from its own and the other part of the
/// ratio.
fn preferred_p(p: f64, own: u32, other: u32) -> f64 {
    // Han et al. (2009) for two arms: that of the smaller arm is p, that of the other is such that
    // the ratio holds on average.
    if own <= other { p } else { 1.0 - (1.0 - p) * f64::from(other) / f64::from(own) }
}

/// Returns the imbalance of one level's counts with one more patient in `slot`.
fn imbalance_after(measure: Imbalance, counts: &[i32], slot: usize) -> f64 {
    let after =
        counts.iter().enumerate().map(|(i, &n)| f64::from(n) + f64::from(u8::from(i == slot)));
    if measure == Imbalance::Range {
        let (low, high) = after
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), n| (low.min(n), high.max(n)));
        return high - low;
    }
    let k = counts.len() as f64;
    let (sum, squares) = after.fold((0.0, 0.0), |(sum, squares), n| (sum + n, squares + n * n));
    let variance = (squares - sum * sum / k) / (k - 1.0);
    if measure == Imbalance::Variance { variance } else { variance.max(0.0).sqrt() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::population::Factor;
    use crate::rng::{Purpose, Replicate, Seed, Streams, uniform};

    fn factor(name: &str) -> Factor {
        Factor {
            name: name.into(),
            levels: vec!["0".into(), "1".into()],
            log_odds: vec![0.0; 2],
            effect_log_odds: vec![0.0; 2],
        }
    }

    fn three_binary_factors() -> Population {
        Population::independent(vec![
            (factor("f1"), vec![0.5; 2]),
            (factor("f2"), vec![0.65, 0.35]),
            (factor("f3"), vec![0.4, 0.6]),
        ])
    }

    fn rule(ratio: (u32, u32), weights: [f64; 3], imbalance: Imbalance) -> MinimisationRule {
        MinimisationRule {
            ratio: AllocationRatio { control: ratio.0, experimental: ratio.1 },
            factors: weights.into_iter().enumerate().collect(),
            imbalance,
            biased_coin_p: 0.8,
            preserve_ratio: false,
        }
    }

    /// The arm preferred at each of 1 699 steps, `preferred_own` of tests/reference: 1 and 2 are
    /// the arms, 0 is a tie. The file's first arm has the first part of the ratio.
    #[test]
    fn the_preferred_arm_is_that_of_the_reference_at_every_step() {
        let population = three_binary_factors();
        let file = include_str!("../../tests/reference/minimisation.csv");
        let mut rows = 0;
        for record in csv::Reader::from_reader(file.as_bytes()).records() {
            let record = record.expect("a well-formed reference");
            let number = |i: usize| record[i].parse::<i32>().expect("a count");
            let ratio = if &record[0] == "2:1" { (2, 1) } else { (1, 1) };
            let weights: Vec<f64> = record[1]
                .split(';')
                .map(|w| if w == "1/3" { 1.0 / 3.0 } else { w.parse().expect("a weight") })
                .collect();
            let imbalance = match &record[2] {
                "Range" => Imbalance::Range,
                "Var" => Imbalance::Variance,
                _ => Imbalance::StandardDeviation,
            };
            let weights = [weights[0], weights[1], weights[2]];
            let minimisation = Minimisation::new(&rule(ratio, weights, imbalance), &population);
            // Cells of a level: n_1·r_2 − n_2·r_1.
            let mut cells = vec![0; minimisation.cells()];
            let stratum = (number(4) * 4 + number(5) * 2 + number(6)) as usize;
            let levels = minimisation.levels(stratum).to_vec();
            for (f, level) in levels.iter().enumerate() {
                cells[level.first_cell] =
                    number(7 + 2 * f) * ratio.1 as i32 - number(8 + 2 * f) * ratio.0 as i32;
            }
            let Scheme::TwoArms(arms) = minimisation.scheme else { panic!("two arms were asked") };
            let ours = match arms.preference(imbalance, &cells, &levels) {
                0 => "1",
                1 => "0",
                _ => "2",
            };
            assert_eq!(ours, &record[15], "{record:?}");
            rows += 1;
        }
        assert_eq!(rows, 1700);
    }

    /// Returns the probability of the experimental arm when control, neither or the experimental
    /// arm is preferred.
    fn coin(ratio: (u32, u32), p: f64) -> [f64; 3] {
        let ratio = AllocationRatio { control: ratio.0, experimental: ratio.1 };
        let Scheme::TwoArms(arms) = Scheme::new(ratio, p, false) else { panic!("two arms") };
        arms.experimental_p
    }

    /// Han, Enas & McEntegart (2009): the smaller arm is given with p where it is preferred, the
    /// larger one with 1 − (1 − p)·(smaller part / larger part).
    #[test]
    fn the_coin_of_an_unequal_ratio_is_that_of_han_et_al() {
        let cases = [
            ((1, 2), 0.8, [0.2, 2.0 / 3.0, 0.9]),
            ((2, 1), 0.8, [0.1, 1.0 / 3.0, 0.8]),
            ((2, 3), 0.7, [0.3, 0.6, 0.8]),
            ((1, 1), 0.8, [0.2, 0.5, 0.8]),
        ];
        for (ratio, p, expected) in cases {
            for (found, expected) in coin(ratio, p).into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-15, "{ratio:?}: {found}, not {expected}");
            }
        }
    }

    proptest! {
        /// Arms that are preferred in proportion to their parts are allocated in that proportion.
        #[test]
        fn the_coin_keeps_the_ratio_on_average(
            control in 1..50u32, experimental in 1..50u32, p in 0.5..=1.0f64,
        ) {
            let [control_preferred, _, experimental_preferred] = coin((control, experimental), p);
            let share = f64::from(experimental) / f64::from(control + experimental);
            let given = (1.0 - share) * control_preferred + share * experimental_preferred;
            prop_assert!((given - share).abs() < 1e-12, "{} for {}", given, share);
        }
    }

    #[test]
    fn weights_become_whole_numbers_in_their_proportions() {
        let whole = |weights: &[f64]| whole_weights(weights.iter().copied());
        assert_eq!(whole(&[1.0 / 3.0; 3]), [1.0, 1.0, 1.0]);
        assert_eq!(whole(&[0.5, 0.3, 0.2]), [5.0, 3.0, 2.0]);
        assert_eq!(whole(&[3.0, 2.0, 1.0]), [3.0, 2.0, 1.0]);
        assert_eq!(whole(&[2.5]), [1.0]);
        assert_eq!(whole(&[1.0, std::f64::consts::SQRT_2]), [707_107.0, 1_000_000.0]);
        assert_eq!(whole(&[1e-6, 1e6]), [0.0, 1_000_000.0]);
    }

    /// Equal slots at 1:1 are the two arms: the same patients get the same arms.
    #[test]
    fn slots_of_an_equal_ratio_allocate_as_two_arms() {
        let population = three_binary_factors();
        for imbalance in [Imbalance::Range, Imbalance::Variance, Imbalance::StandardDeviation] {
            let two_arms =
                Minimisation::new(&rule((1, 1), [0.5, 0.3, 0.2], imbalance), &population);
            let mut slots = two_arms.clone();
            slots.scheme = Scheme::Slots { control: 1, all: 2 };
            slots.cells *= 2;
            slots.levels.iter_mut().for_each(|level| level.first_cell *= 2);
            let (mut a, mut b) = (vec![0; two_arms.cells()], vec![0; slots.cells()]);
            let mut rng = Streams::new(Seed(9)).stream(Replicate(0), Purpose::Allocation);
            for _ in 0..2_000 {
                let stratum = population.draw(&mut rng) as usize;
                let u = uniform(&mut rng);
                // Control's slots come first, so the draw runs the other way.
                let mirrored = 1.0 - u - f64::EPSILON;
                assert_eq!(
                    two_arms.allocate(&mut a, stratum, u),
                    slots.allocate(&mut b, stratum, mirrored)
                );
            }
        }
    }

    /// Each of the first 40 patients is experimental with probability 1/3 under a 2:1 ratio; each
    /// share of 20 000 within 4 standard errors (one seed in 400 fails by chance).
    #[test]
    fn equal_slots_preserve_the_ratio_at_every_patient() {
        let population = three_binary_factors();
        let mut rule = rule((4, 2), [1.0; 3], Imbalance::Range);
        rule.preserve_ratio = true;
        let minimisation = Minimisation::new(&rule, &population);
        let streams = Streams::new(Seed(21));
        let replicates = 20_000;
        let mut experimental = [0u32; 40];
        let mut last_difference = 0;
        for r in 0..replicates {
            let mut strata = streams.stream(Replicate(r), Purpose::Baseline);
            let mut coins = streams.stream(Replicate(r), Purpose::Allocation);
            let mut cells = vec![0; minimisation.cells()];
            let mut difference = 0;
            for share in &mut experimental {
                let stratum = population.draw(&mut strata) as usize;
                let arm = minimisation.allocate(&mut cells, stratum, uniform(&mut coins));
                *share += arm.index() as u32;
                difference += if arm == Arm::Experimental { 2 } else { -1 };
            }
            last_difference += i32::abs(difference);
        }
        let error = (2.0 / 9.0 / replicates as f64).sqrt();
        for (patient, &count) in experimental.iter().enumerate() {
            let share = f64::from(count) / replicates as f64;
            assert!((share - 1.0 / 3.0).abs() < 4.0 * error, "patient {patient}: {share}");
        }
        // Complete randomisation would leave |2·n_e − n_c| near 7 after 40 patients.
        assert!(f64::from(last_difference) / (replicates as f64) < 2.5);
    }
}
