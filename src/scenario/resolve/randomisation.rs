//! The allocation method, bound to the population.

use super::super::file;
use super::Resolver;
use crate::population::Population;
use crate::randomisation::minimisation::{MAX_PARTS, Rule};
use crate::randomisation::{
    AllocationRatio, Imbalance, Minimisation, PermutedBlocks, RandomisationMethod,
};

impl Resolver<'_> {
    pub(super) fn randomisation(
        &mut self,
        population: &Population,
        ratio: AllocationRatio,
    ) -> Option<RandomisationMethod> {
        match &self.file.randomisation {
            file::Randomisation::Complete {} => Some(RandomisationMethod::Complete(ratio)),
            file::Randomisation::PermutedBlocks { block_sizes, stratify_by } => {
                let factors =
                    self.factor_indices("randomisation.stratify_by", stratify_by, population);
                let multiples = self.block_multiples(block_sizes, ratio.reduced().parts());
                let series = block_series(population, &factors?);
                let blocks = PermutedBlocks::new(ratio.reduced(), multiples?, series);
                Some(RandomisationMethod::PermutedBlocks(blocks))
            }
            file::Randomisation::Minimisation {
                factors,
                weights,
                imbalance,
                biased_coin_p,
                preserve_ratio,
            } => {
                let factors =
                    self.weighted_factors(population, factors.as_deref(), weights.as_deref());
                self.check_slots(*preserve_ratio, ratio.reduced().parts());
                let rule = Rule {
                    ratio,
                    factors: factors?,
                    imbalance: match imbalance {
                        file::Imbalance::Range => Imbalance::Range,
                        file::Imbalance::Variance => Imbalance::Variance,
                        file::Imbalance::Sd => Imbalance::StandardDeviation,
                    },
                    biased_coin_p: *biased_coin_p,
                    preserve_ratio: *preserve_ratio,
                };
                Some(RandomisationMethod::Minimisation(Minimisation::new(&rule, population)))
            }
        }
    }

    /// The factors that minimisation balances, as indices, with their weights.
    fn weighted_factors(
        &mut self,
        population: &Population,
        names: Option<&[String]>,
        weights: Option<&[f64]>,
    ) -> Option<Vec<(usize, f64)>> {
        let all = || population.factors().iter().map(|factor| factor.name.clone()).collect();
        let names = names.map_or_else(all, <[String]>::to_vec);
        if names.is_empty() {
            let message = "is minimisation without factors; allowed: at least one of [[factors]]";
            return self.fail("randomisation", message);
        }
        let factors = self.factor_indices("randomisation.factors", &names, population)?;
        let weights = weights.map_or_else(|| vec![1.0; factors.len()], <[f64]>::to_vec);
        if weights.len() != factors.len() {
            let path = "randomisation.weights";
            return self.wrong_length(path, weights.len(), factors.len(), "one per factor");
        }
        Some(factors.into_iter().zip(weights).collect())
    }

    fn check_slots(&mut self, preserve_ratio: bool, parts: u32) {
        if preserve_ratio && parts > MAX_PARTS {
            let message = format!(
                "has {parts} parts in lowest terms; allowed under minimisation: at most \
                 {MAX_PARTS}, or randomisation.preserve_ratio = false"
            );
            self.fail::<()>("arms.allocation_ratio", message);
        }
    }

    fn block_multiples(&mut self, sizes: &[u32], parts: u32) -> Option<Vec<u32>> {
        for (i, size) in sizes.iter().enumerate().filter(|(_, size)| **size % parts != 0) {
            let path = format!("randomisation.block_sizes[{i}]");
            self.fail::<()>(
                &path,
                format!(
                    "is {size}; allowed: multiples of {parts}, the parts of the allocation ratio"
                ),
            );
        }
        sizes.iter().map(|size| (size % parts == 0).then_some(size / parts)).collect()
    }
}

/// The number of the series of blocks that serves each stratum.
fn block_series(population: &Population, factors: &[usize]) -> Vec<u32> {
    (0..population.strata())
        .map(|stratum| {
            let levels = population.levels(stratum);
            factors.iter().fold(0, |series, &factor| {
                let count = population.factors()[factor].levels.len();
                series * count as u32 + levels[factor] as u32
            })
        })
        .collect()
}
