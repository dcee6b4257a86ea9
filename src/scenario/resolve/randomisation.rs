//! The allocation method, bound to the population.

use super::super::file;
use super::{Checked, Resolver};
use crate::population::Population;
use crate::randomisation::minimisation::MAX_PARTS;
use crate::randomisation::{
    AllocationRatio, BiasedCoin, BlockUrn, MinimalSufficientBalance, Minimisation, PermutedBlocks,
    RandomisationMethod, minimal_sufficient_balance, minimisation,
};

impl Resolver<'_> {
    pub(super) fn randomisation(
        &mut self,
        population: &Population,
    ) -> Checked<RandomisationMethod> {
        let file = self.file;
        let ratio = self.ratio();
        match &file.randomisation {
            file::Randomisation::Complete {} => Ok(RandomisationMethod::Complete(ratio)),
            file::Randomisation::PermutedBlocks { block_sizes, stratify_by } => {
                let series = self.series(stratify_by, population);
                // In lowest terms, as blocks of two hold 2:2 as well as 1:1.
                let multiples = self.block_multiples(block_sizes, ratio.reduced().parts());
                let blocks = PermutedBlocks::new(ratio.reduced(), multiples?, series?);
                Ok(RandomisationMethod::PermutedBlocks(blocks))
            }
            // Factors come first here and below, so that problems with them and with the ratio are both reported.
            file::Randomisation::Efron { biased_coin_p, stratify_by } => {
                let series = self.series(stratify_by, population);
                self.check_equal_arms("efron")?;
                let coin = BiasedCoin::efron(*biased_coin_p, series?);
                Ok(RandomisationMethod::BiasedCoin(coin))
            }
            file::Randomisation::BigStick { maximum_imbalance, stratify_by } => {
                let series = self.series(stratify_by, population);
                self.check_equal_arms("big_stick")?;
                let coin = BiasedCoin::big_stick(*maximum_imbalance, series?);
                Ok(RandomisationMethod::BiasedCoin(coin))
            }
            file::Randomisation::BlockUrn { balanced_sets, stratify_by } => {
                let series = self.series(stratify_by, population)?;
                let urn = BlockUrn::new(ratio, *balanced_sets, series);
                Ok(RandomisationMethod::BlockUrn(urn))
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
                // Otherwise counts are divided by the ratio, whose parts may then be of any size.
                if *preserve_ratio {
                    self.check_slots(ratio.reduced());
                }
                let rule = minimisation::MinimisationRule {
                    ratio,
                    factors: factors?,
                    imbalance: *imbalance,
                    biased_coin_p: *biased_coin_p,
                    preserve_ratio: *preserve_ratio,
                };
                Ok(RandomisationMethod::Minimisation(Minimisation::new(&rule, population)))
            }
            file::Randomisation::MinimalSufficientBalance {
                factors,
                p_threshold,
                biased_coin_p,
                burn_in,
            } => {
                let method = "minimal sufficient balance";
                let factors = self.balanced_factors(method, population, factors.as_deref());
                self.check_equal_arms("minimal_sufficient_balance")?;
                let rule = minimal_sufficient_balance::BalanceRule {
                    factors: factors?,
                    p_threshold: *p_threshold,
                    biased_coin_p: *biased_coin_p,
                    burn_in: *burn_in,
                };
                let balance = MinimalSufficientBalance::new(&rule, population);
                Ok(RandomisationMethod::MinimalSufficientBalance(balance))
            }
        }
    }

    /// Refuses unequal arms with a method for equal ones.
    fn check_equal_arms(&mut self, method: &str) -> Checked<()> {
        // These methods are defined by a fair coin.
        let AllocationRatio { control, experimental } = self.ratio();
        if control == experimental {
            return Ok(());
        }
        let message = format!(
            "is {control}:{experimental}; allowed with randomisation.method = \"{method}\": equal \
             parts (for any ratio: block_urn, permuted_blocks, minimisation, complete)"
        );
        self.fail("arms.allocation_ratio", message)
    }

    /// Returns the factors that a method balances, as indices; all of [[factors]] without names.
    fn balanced_factors(
        &mut self,
        method: &str,
        population: &Population,
        names: Option<&[String]>,
    ) -> Checked<Vec<usize>> {
        // Without names all factors of the scenario are balanced, which is why they are there.
        let names = match names {
            Some(names) => names.to_vec(),
            None => self.file.factors.iter().map(|factor| factor.name.clone()).collect(),
        };
        if names.is_empty() {
            let message =
                format!("is {method} without factors; allowed: at least one of [[factors]]");
            return self.fail("randomisation", message);
        }
        self.factor_indices("randomisation.factors", &names, population)
    }

    /// Returns the factors that minimisation balances, as indices, with their weights.
    fn weighted_factors(
        &mut self,
        population: &Population,
        names: Option<&[String]>,
        weights: Option<&[f64]>,
    ) -> Checked<Vec<(usize, f64)>> {
        let factors = self.balanced_factors("minimisation", population, names)?;
        let weights = weights.map_or_else(|| vec![1.0; factors.len()], <[f64]>::to_vec);
        if weights.len() != factors.len() {
            let path = "randomisation.weights";
            return self.wrong_length(path, weights.len(), factors.len(), "one per factor");
        }
        Ok(factors.into_iter().zip(weights).collect())
    }

    /// Checks that minimisation has no more slots than it can keep the ratio with.
    fn check_slots(&mut self, ratio: AllocationRatio) {
        let parts = ratio.parts();
        if parts > MAX_PARTS {
            let message = format!(
                "has {parts} parts in lowest terms; allowed under minimisation: at most \
                 {MAX_PARTS}, or randomisation.preserve_ratio = false"
            );
            self.report("arms.allocation_ratio", message);
        }
    }

    /// Returns block sizes as multiples of the parts of the allocation ratio.
    fn block_multiples(&mut self, sizes: &[u32], parts: u32) -> Checked<Vec<u32>> {
        let mut multiples = Vec::with_capacity(sizes.len());
        for (i, size) in sizes.iter().enumerate() {
            multiples.push(if size.is_multiple_of(parts) {
                Ok(size / parts)
            } else {
                let message = format!(
                    "is {size}; allowed: multiples of {parts}, the parts of the allocation ratio"
                );
                self.fail(&format!("randomisation.block_sizes[{i}]"), message)
            });
        }
        multiples.into_iter().collect()
    }

    /// Returns for each stratum the number of the series of blocks, differences or urns that serves it:
    /// one for each combination of the levels of these factors.
    fn series(&mut self, stratify_by: &[String], population: &Population) -> Checked<Vec<u32>> {
        let factors = self.factor_indices("randomisation.stratify_by", stratify_by, population);
        let factors = factors?;
        let mut of_strata = Vec::with_capacity(population.strata());
        for stratum in 0..population.strata() {
            let levels = population.levels(stratum);
            // The levels are the digits of the number.
            of_strata.push(factors.iter().fold(0, |series, &factor| {
                let count = population.factors()[factor].levels.len();
                series * count as u32 + levels[factor] as u32
            }));
        }
        Ok(of_strata)
    }
}
