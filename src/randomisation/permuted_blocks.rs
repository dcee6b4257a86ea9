//! Permuted blocks, in the whole trial or within strata, of one size or of random sizes.

use super::{AllocationRatio, Arm, experimental_if, series_count};
use crate::rng::uniform;
use rand::Rng;

/// Permuted-block randomisation.
#[derive(Debug, Clone)]
pub struct PermutedBlocks {
    ratio: AllocationRatio,
    /// Block sizes as multiples of the (reduced) ratio's parts, chosen with equal probability.
    multiples: Vec<u32>,
    /// Series of blocks of each stratum.
    series: Vec<u32>,
}

impl PermutedBlocks {
    /// Constructs blocks whose sizes are `multiples` (at least one, each ≥ 1) of the parts of the
    /// ratio. `series` holds the number of the series of blocks of each stratum: all 0 if
    /// unstratified.
    pub fn new(ratio: AllocationRatio, multiples: Vec<u32>, series: Vec<u32>) -> Self {
        Self { ratio, multiples, series }
    }

    /// Returns the size of the blocks if all are of one size and follow one another in the whole trial.
    pub fn only_block(&self) -> Option<u32> {
        let [multiple] = self.multiples[..] else { return None };
        (series_count(&self.series) == 1).then(|| multiple * self.ratio.parts())
    }

    /// Returns the series of each stratum.
    pub(super) fn series(&self) -> &[u32] {
        &self.series
    }

    pub(super) fn cells(&self) -> usize {
        2 * series_count(&self.series)
    }

    /// Allocates one patient; `cells` holds, per series, the places of each arm left in the current
    /// block.
    #[inline]
    pub(super) fn allocate(&self, cells: &mut [i32], stratum: usize, rng: &mut impl Rng) -> Arm {
        let coin = uniform(rng);
        // Drawn for every patient, so that the number of draws does not depend on the block.
        let size = if self.multiples.len() > 1 { uniform(rng) } else { 0.0 };
        let at = 2 * self.series[stratum] as usize;
        let left = &mut cells[at..at + 2];
        if left[0] + left[1] == 0 {
            let pick = (size * self.multiples.len() as f64) as usize;
            let multiple = self.multiples[pick];
            left[0] = (self.ratio.control * multiple) as i32;
            left[1] = (self.ratio.experimental * multiple) as i32;
        }
        // Compared as a product, which needs no division.
        let experimental = coin * f64::from(left[0] + left[1]) < f64::from(left[1]);
        left[usize::from(experimental)] -= 1;
        experimental_if(experimental)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Replicate, Seed, Streams};

    const TWO_TO_ONE: AllocationRatio = AllocationRatio { control: 2, experimental: 1 };

    #[test]
    fn every_block_contains_the_ratio() {
        let blocks = PermutedBlocks::new(TWO_TO_ONE, vec![2], vec![0, 0]);
        let mut cells = vec![0; blocks.cells()];
        let mut rng = Streams::new(Seed(3)).stream(Replicate(0), Purpose::Allocation);
        for _ in 0..200 {
            let block: Vec<Arm> =
                (0..6).map(|i| blocks.allocate(&mut cells, i % 2, &mut rng)).collect();
            assert_eq!(block.iter().filter(|arm| **arm == Arm::Experimental).count(), 2);
        }
    }

    #[test]
    fn strata_have_separate_blocks_and_all_random_sizes_occur() {
        let one = AllocationRatio { control: 1, experimental: 1 };
        let blocks = PermutedBlocks::new(one, vec![1, 2, 3], vec![0, 1, 0]);
        assert_eq!(blocks.cells(), 4);
        let mut cells = vec![0; 4];
        let mut rng = Streams::new(Seed(4)).stream(Replicate(0), Purpose::Allocation);
        let mut sizes = std::collections::BTreeSet::new();
        let mut length = 0;
        for _ in 0..600 {
            blocks.allocate(&mut cells, 1, &mut rng);
            length += 1;
            if cells[2] + cells[3] == 0 {
                sizes.insert(length);
                length = 0;
            }
        }
        assert_eq!(cells[..2], [0, 0], "strata 0 and 2 were never touched");
        assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [2, 4, 6]);
    }
}
