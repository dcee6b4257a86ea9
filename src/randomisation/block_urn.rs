//! The block urn (Zhao & Weng 2011, Contemp Clin Trials 32:953), for any ratio, in the whole trial
//! or within strata.
//!
//! The urn begins with λ balanced sets of balls, a set being the parts of the ratio. A patient's
//! ball is drawn and kept out; as soon as the balls kept out contain a balanced set, that set is
//! returned. Therefore the arms of a 1:1 trial never differ by more than λ, as with blocks of λ
//! sets, but fewer allocations are certain: with two sets one in six, with blocks of four one in
//! three.
//!
//! With an unequal ratio the probability of each arm, before the trial starts, is the ratio only on
//! average and for the first patients, not at every patient (in the sense of Kuznetsova &
//! Tymofyeyev 2012, Stat Med 31:701); one set is permuted blocks of its size.

use super::{AllocationRatio, Arm, experimental_if, series_count};

/// Block urn randomisation.
#[derive(Debug, Clone)]
pub struct BlockUrn {
    /// Balls of control and experimental arm in a set.
    set: [i32; 2],
    /// Balls of both in a full urn.
    full: [i32; 2],
    /// Urn of each stratum.
    series: Vec<u32>,
}

impl BlockUrn {
    /// Constructs urns filled with `balanced_sets` (λ, at least 1) times the parts of the ratio in
    /// lowest terms. `series` holds the number of the urn of each stratum: all 0 if unstratified.
    pub fn new(ratio: AllocationRatio, balanced_sets: u32, series: Vec<u32>) -> Self {
        let AllocationRatio { control, experimental } = ratio.reduced();
        let set = [control as i32, experimental as i32];
        Self { set, full: set.map(|balls| balls * balanced_sets as i32), series }
    }

    /// Returns the urn of each stratum.
    pub(super) fn series(&self) -> &[u32] {
        &self.series
    }

    pub(super) fn cells(&self) -> usize {
        2 * series_count(&self.series)
    }

    /// Allocates one patient; `cells` holds, per urn, the balls of each arm that are kept out.
    #[inline]
    pub(super) fn allocate(&self, cells: &mut [i32], stratum: usize, uniform: f64) -> Arm {
        let at = 2 * self.series[stratum] as usize;
        let out = &mut cells[at..at + 2];
        let [control, experimental] = [self.full[0] - out[0], self.full[1] - out[1]];
        // Compared as a product, which needs no division.
        let drawn = uniform * f64::from(control + experimental) < f64::from(experimental);
        out[usize::from(drawn)] += 1;
        if out[0] >= self.set[0] && out[1] >= self.set[1] {
            out[0] -= self.set[0];
            out[1] -= self.set[1];
        }
        experimental_if(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arm::{Control as C, Experimental as E};

    fn allocate(urn: &BlockUrn, uniforms: &[f64]) -> Vec<Arm> {
        let mut cells = vec![0; urn.cells()];
        uniforms.iter().map(|&u| urn.allocate(&mut cells, 0, u)).collect()
    }

    /// P(experimental) of an urn of two sets at 1:1 is ½, ⅓ and 0 when that arm is ahead by 0, 1,
    /// 2.
    #[test]
    fn two_sets_give_the_published_probabilities() {
        let ratio = AllocationRatio { control: 3, experimental: 3 };
        let urn = BlockUrn::new(ratio, 2, vec![0]);
        let arms = allocate(&urn, &[0.49, 0.33, 0.0, 0.34, 0.51, 0.67, 0.99, 0.66]);
        assert_eq!(arms, [E, E, C, C, C, C, E, E]);
    }

    /// 1:2 with two sets: P(experimental) is 4/6, 3/5, 2/4, 1/3 and 0 while it is drawn. Balls kept
    /// out: (0,1), (0,2), (0,3), (0,4), (1,4) → (0,2), (0,3), (1,3) → (0,1), (1,1), (2,1).
    #[test]
    fn an_unequal_ratio_returns_a_set_of_its_parts() {
        let ratio = AllocationRatio { control: 1, experimental: 2 };
        let urn = BlockUrn::new(ratio, 2, vec![0]);
        let uniforms = [0.66, 0.59, 0.49, 0.33, 0.0, 0.49, 0.34, 0.61, 0.76];
        assert_eq!(allocate(&urn, &uniforms), [E, E, E, E, C, E, C, C, C]);
    }
}
