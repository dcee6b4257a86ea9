//! The re-randomisation test: a statistic compared with those after repeated allocation of the same
//! patients with the same outcomes (Simon 1979, Biometrics 35:503; Rosenberger & Lachin 2016,
//! Randomization in Clinical Trials, chapter 6).
//!
//! If b of m repeats have a statistic no smaller than the observed one, p = (b + 1)/(m + 1). The test
//! keeps its level for every m (Phipson & Smyth 2010, Stat Appl Genet Mol Biol
//! 9:39). It cannot be below 1/(m + 1): with 999 repeats its Z never exceeds 3.09.

use crate::num::normal::upper_quantile;

/// Difference relative to its size below which a statistic equals the observed one.
// Allocations with the same table give the same statistic but for the order of sums.
const TIE: f64 = 1e-10;

/// Numbers of repeats with a statistic on either side of the observed one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repeats {
    observed: f64,
    at_or_above: u32,
    at_or_below: u32,
    repeats: u32,
}

impl Repeats {
    /// No repeats yet.
    pub fn of(observed: f64) -> Self {
        Self { observed, at_or_above: 0, at_or_below: 0, repeats: 0 }
    }

    /// Adds a repeat.
    pub fn add(&mut self, statistic: Option<f64>) {
        // A repeat without a statistic counts as equal to the observed one, which raises both p values:
        // leaving it out could lower them.
        let near = TIE * (1.0 + self.observed.abs());
        let distance = statistic.map_or(0.0, |statistic| statistic - self.observed);
        self.at_or_above += u32::from(distance >= -near);
        self.at_or_below += u32::from(distance <= near);
        self.repeats += 1;
    }

    /// The one-sided p value of benefit.
    pub fn p_of_benefit(&self) -> f64 {
        self.p(self.at_or_above)
    }

    /// The one-sided p value of harm.
    pub fn p_of_harm(&self) -> f64 {
        self.p(self.at_or_below)
    }

    /// The normal score of the smaller p value, 0 if neither is below ½, so that swapping the arms
    /// changes its sign.
    pub fn z(&self) -> f64 {
        let (benefit, harm) = (self.p_of_benefit(), self.p_of_harm());
        if benefit <= harm { score(benefit) } else { -score(harm) }
    }

    fn p(&self, beyond: u32) -> f64 {
        (f64::from(beyond) + 1.0) / (f64::from(self.repeats) + 1.0)
    }
}

/// Normal score of a p value, at least 0.
fn score(p: f64) -> f64 {
    if p < 0.5 { upper_quantile(p) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(observed: f64, others: &[f64]) -> Repeats {
        let mut repeats = Repeats::of(observed);
        others.iter().for_each(|&other| repeats.add(Some(other)));
        repeats
    }

    #[test]
    fn the_observed_allocation_counts_as_one_of_the_repeats() {
        let others: Vec<f64> = (0..999).map(f64::from).collect();
        assert_eq!(repeats(1000.0, &others).p_of_benefit(), 1.0 / 1000.0);
        assert_eq!(repeats(990.0, &others).p_of_benefit(), 10.0 / 1000.0);
        assert_eq!(repeats(-1.0, &others).p_of_benefit(), 1.0);
        assert!((repeats(975.0, &others).z() - 1.959963984540054).abs() < 1e-12);
    }

    #[test]
    fn swapping_the_arms_changes_the_sign() {
        let others: Vec<f64> = (0..99).map(|i| f64::from(i * i % 37) - 11.0).collect();
        let mirrored: Vec<f64> = others.iter().map(|z| -z).collect();
        for observed in [-20.0, -11.0, 0.0, 3.0, 24.0, 30.0] {
            assert_eq!(repeats(observed, &others).z(), -repeats(-observed, &mirrored).z());
        }
    }

    #[test]
    fn ties_and_repeats_without_a_statistic_raise_both_p_values() {
        let mut tied = repeats(1.0, &[1.0 + 1e-13; 9]);
        assert_eq!((tied.p_of_benefit(), tied.p_of_harm(), tied.z()), (1.0, 1.0, 0.0));
        tied.add(None);
        assert_eq!((tied.p_of_benefit(), tied.p_of_harm()), (1.0, 1.0));
    }
}
