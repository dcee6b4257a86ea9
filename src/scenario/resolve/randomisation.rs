//! The allocation method, bound to the population.

use super::super::file;
use super::Resolver;
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
        ratio: AllocationRatio,
    ) -> Option<RandomisationMethod> {
        match &self.file.randomisation {
            file::Randomisation::Complete {} => Some(RandomisationMethod::Complete(ratio)),
            file::Randomisation::PermutedBlocks { block_sizes, stratify_by } => {
                let series = self.series(stratify_by, population);
                let multiples = self.block_multiples(block_sizes, ratio.reduced().parts());
                let blocks = PermutedBlocks::new(ratio.reduced(), multiples?, series?);
                Some(RandomisationMethod::PermutedBlocks(blocks))
            }
            file::Randomisation::Efron { biased_coin_p, stratify_by } => {
                let series = self.series(stratify_by, population);
                self.only_equal("efron", ratio)?;
                let coin = BiasedCoin::efron(*biased_coin_p, series?);
                Some(RandomisationMethod::BiasedCoin(coin))
            }
            file::Randomisation::BigStick { maximum_imbalance, stratify_by } => {
                let series = self.series(stratify_by, population);
                self.only_equal("big_stick", ratio)?;
                let coin = BiasedCoin::big_stick(*maximum_imbalance, series?);
                Some(RandomisationMethod::BiasedCoin(coin))
            }
            file::Randomisation::BlockUrn { balanced_sets, stratify_by } => {
                let series = self.series(stratify_by, population)?;
                let urn = BlockUrn::new(ratio, *balanced_sets, series);
                Some(RandomisationMethod::BlockUrn(urn))
            }
            file::Randomisation::Minimisation { .. } => self.minimisation(population, ratio),
            file::Randomisation::MinimalSufficientBalance { .. } => {
                self.minimal_sufficient_balance(population, ratio)
            }
        }
    }

    fn minimisation(
        &mut self,
        population: &Population,
        ratio: AllocationRatio,
    ) -> Option<RandomisationMethod> {
        let file::Randomisation::Minimisation {
            factors,
            weights,
            imbalance,
            biased_coin_p,
            preserve_ratio,
        } = &self.file.randomisation
        else {
            unreachable!("only minimisation comes here")
        };
        let factors = self.weighted_factors(population, factors.as_deref(), weights.as_deref());
        self.check_slots(*preserve_ratio, ratio.reduced().parts());
        let rule = minimisation::MinimisationRule {
            ratio,
            factors: factors?,
            imbalance: *imbalance,
            biased_coin_p: *biased_coin_p,
            preserve_ratio: *preserve_ratio,
        };
        Some(RandomisationMethod::Minimisation(Minimisation::new(&rule, population)))
    }

    fn minimal_sufficient_balance(
        &mut self,
        population: &Population,
        ratio: AllocationRatio,
    ) -> Option<RandomisationMethod> {
        let file::Randomisation::MinimalSufficientBalance {
            factors,
            p_threshold,
            biased_coin_p,
            burn_in,
        } = &self.file.randomisation
        else {
            unreachable!("only minimal sufficient balance comes here")
        };
        let factors =
            self.balanced_factors("minimal sufficient balance", population, factors.as_deref());
        self.only_equal("minimal_sufficient_balance", ratio)?;
        let rule = minimal_sufficient_balance::BalanceRule {
            factors: factors?,
            p_threshold: *p_threshold,
            biased_coin_p: *biased_coin_p,
            burn_in: *burn_in,
        };
        let balance = MinimalSufficientBalance::new(&rule, population);
        Some(RandomisationMethod::MinimalSufficientBalance(balance))
    }

    /// Refuses unequal arms where the method is for equal ones.
    fn only_equal(&mut self, method: &str, ratio: AllocationRatio) -> Option<()> {
        let AllocationRatio { control, experimental } = ratio;
        if control == experimental {
            return Some(());
        }
        let message = format!(
            "is {control}:{experimental}; allowed with randomisation.method = \"{method}\": equal \
             parts (for any ratio: block_urn, permuted_blocks, minimisation, complete)"
        );
        self.fail("arms.allocation_ratio", message)
    }

    /// The factors that a method balances, as indices; all of [[factors]] without names.
    fn balanced_factors(
        &mut self,
        method: &str,
        population: &Population,
        names: Option<&[String]>,
    ) -> Option<Vec<usize>> {
        let all = || self.file.factors.iter().map(|factor| factor.name.clone()).collect();
        let names = names.map_or_else(all, <[String]>::to_vec);
        if names.is_empty() {
            let message =
                format!("is {method} without factors; allowed: at least one of [[factors]]");
            return self.fail("randomisation", message);
        }
        self.factor_indices("randomisation.factors", &names, population)
    }

    /// The factors that minimisation balances, as indices, with their weights.
    fn weighted_factors(
        &mut self,
        population: &Population,
        names: Option<&[String]>,
        weights: Option<&[f64]>,
    ) -> Option<Vec<(usize, f64)>> {
        let factors = self.balanced_factors("minimisation", population, names)?;
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

    /// The number of the series of blocks, differences or urns that serves each stratum, one for
    /// each combination of the levels of these factors.
    fn series(&mut self, stratify_by: &[String], population: &Population) -> Option<Vec<u32>> {
        let factors = self.factor_indices("randomisation.stratify_by", stratify_by, population)?;
        let of_stratum = |stratum| {
            let levels = population.levels(stratum);
            factors.iter().fold(0, |series, &factor| {
                let count = population.factors()[factor].levels.len();
                series * count as u32 + levels[factor] as u32
            })
        };
        Some((0..population.strata()).map(of_stratum).collect())
    }
}
