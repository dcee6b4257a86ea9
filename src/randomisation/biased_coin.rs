//! A coin that is fair while the arms differ by less than a bound and turns against the larger arm
//! when they do not, in the whole trial or within strata: Efron's biased coin (Efron 1971,
//! Biometrika 58:403) and the big stick (Soares & Wu 1983, Commun Stat Theory Methods 12:2017).
//!
//! With D the number of experimental less that of control patients, Efron's coin takes the smaller
//! arm with probability p as soon as |D| ≥ 1; the big stick forces it when |D| reaches the bound.
//! Both are for two equal arms.

use super::{Arm, TIGHT, experimental_if, series_count};

/// Efron's biased coin or the big stick.
#[derive(Debug, Clone)]
pub struct BiasedCoin {
    /// Difference from which the coin is biased.
    bound: i32,
    /// P(experimental) when that arm is behind by the bound, within it, ahead by it.
    experimental_p: [f64; 3],
    /// Series of each stratum, whose difference its patients count in.
    series: Vec<u32>,
}

impl BiasedCoin {
    /// Constructs Efron's coin, which takes the smaller arm with probability `p`, 0.5 to 1.
    /// `series` holds the number of the series of each stratum: all 0 if unstratified.
    pub fn efron(p: f64, series: Vec<u32>) -> Self {
        Self { bound: 1, experimental_p: [p, 0.5, 1.0 - p], series }
    }

    /// Constructs the big stick, with which the arms never differ by more than `maximum_imbalance`
    /// patients, at least 1, in any series.
    pub fn big_stick(maximum_imbalance: u32, series: Vec<u32>) -> Self {
        Self { bound: maximum_imbalance as i32, experimental_p: [1.0, 0.5, 0.0], series }
    }

    /// Returns the series of each stratum.
    pub(super) fn series(&self) -> &[u32] {
        &self.series
    }

    /// Returns whether the arms differ by a few patients only.
    pub(super) fn is_tight(&self) -> bool {
        self.experimental_p[0] >= TIGHT
    }

    pub(super) fn cells(&self) -> usize {
        series_count(&self.series)
    }

    /// Allocates one patient; `cells` holds the difference of each series, experimental less
    /// control.
    #[inline]
    pub(super) fn allocate(&self, cells: &mut [i32], stratum: usize, uniform: f64) -> Arm {
        let difference = &mut cells[self.series[stratum] as usize];
        // 0, 1 or 2 without a branch: behind by the bound, within it, ahead by it.
        let ahead = usize::from(*difference > -self.bound) + usize::from(*difference >= self.bound);
        let experimental = uniform < self.experimental_p[ahead];
        *difference += if experimental { 1 } else { -1 };
        experimental_if(experimental)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arm::{Control as C, Experimental as E};

    fn allocate(coin: &BiasedCoin, patients: &[(usize, f64)]) -> Vec<Arm> {
        let mut cells = vec![0; coin.cells()];
        patients.iter().map(|&(stratum, u)| coin.allocate(&mut cells, stratum, u)).collect()
    }

    /// p = 2/3: 0.6 is experimental only when that arm is behind, 0.4 unless it is ahead, 0.9
    /// never.
    #[test]
    fn efrons_coin_favours_the_smaller_arm() {
        let coin = BiasedCoin::efron(2.0 / 3.0, vec![0]);
        let uniforms = [0.4, 0.4, 0.6, 0.6, 0.3, 0.3, 0.9, 0.9, 0.9, 0.6];
        let arms = allocate(&coin, &uniforms.map(|u| (0, u)));
        assert_eq!(arms, [E, C, C, E, E, E, C, C, C, E]);
    }

    /// Bound 2: a coin of 0.5 between the bounds, no coin at them.
    #[test]
    fn the_big_stick_forces_the_smaller_arm_at_the_bound() {
        let coin = BiasedCoin::big_stick(2, vec![0]);
        let uniforms = [0.1, 0.1, 0.1, 0.1, 0.0, 0.7, 0.7, 0.7, 0.999, 0.999];
        let arms = allocate(&coin, &uniforms.map(|u| (0, u)));
        assert_eq!(arms, [E, E, C, E, C, C, C, C, E, C]);
    }

    #[test]
    fn each_series_has_a_separate_difference() {
        let coin = BiasedCoin::big_stick(1, vec![0, 1, 0]);
        assert_eq!(coin.cells(), 2);
        let arms = allocate(&coin, &[(0, 0.1), (1, 0.1), (2, 0.1), (1, 0.1)]);
        assert_eq!(arms, [E, E, C, C]);
    }
}
