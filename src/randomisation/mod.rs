//! Randomisation: allocation of each patient on arrival, given all earlier patients.
//!
#![doc = include_str!("README.md")]

pub mod biased_coin;
pub mod block_urn;
pub mod minimal_sufficient_balance;
pub mod minimisation;
pub mod permuted_blocks;
pub mod predictability;

pub use biased_coin::BiasedCoin;
pub use block_urn::BlockUrn;
pub use minimal_sufficient_balance::MinimalSufficientBalance;
pub use minimisation::{Imbalance, Minimisation};
pub use permuted_blocks::PermutedBlocks;
pub use predictability::ConvergenceStrategy;

use crate::rng::uniform;
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A randomised group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Standard treatment.
    Control,
    /// The treatment under test.
    Experimental,
}

impl Arm {
    /// Returns the name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Experimental => "experimental",
        }
    }

    /// Returns 0 for control, 1 for experimental.
    #[inline]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Arm that would balance the allocation, before the coin decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// Control.
    Control,
    /// A tie.
    Either,
    /// The experimental arm.
    Experimental,
}

/// Relative sizes of the arms; 1:1 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AllocationRatio {
    /// Part of the control arm.
    #[schemars(range(min = 1, max = 1000))]
    pub control: u32,
    /// Part of the experimental arm.
    #[schemars(range(min = 1, max = 1000))]
    pub experimental: u32,
}

impl Default for AllocationRatio {
    fn default() -> Self {
        Self { control: 1, experimental: 1 }
    }
}

impl AllocationRatio {
    /// Returns the sum of the parts.
    pub fn parts(self) -> u32 {
        self.control + self.experimental
    }

    /// Returns the share of patients in the experimental arm.
    pub fn share_experimental(self) -> f64 {
        f64::from(self.experimental) / f64::from(self.parts())
    }

    /// Returns the ratio in lowest terms.
    pub fn reduced(self) -> Self {
        // Euclid's algorithm.
        let (mut a, mut b) = (self.control, self.experimental);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Self { control: self.control / a, experimental: self.experimental / a }
    }
}

/// Method of randomisation.
#[derive(Debug, Clone)]
pub enum RandomisationMethod {
    /// Each patient independently, by the ratio.
    Complete(AllocationRatio),
    /// Blocks that contain the arms in the exact ratio, in random order.
    PermutedBlocks(PermutedBlocks),
    /// Efron's biased coin or the big stick; two equal arms.
    BiasedCoin(BiasedCoin),
    /// Zhao & Weng's block urn.
    BlockUrn(BlockUrn),
    /// Pocock & Simon's minimisation.
    Minimisation(Minimisation),
    /// Zhao, Hill & Palesch's minimal sufficient balance; two equal arms.
    MinimalSufficientBalance(MinimalSufficientBalance),
}

/// Memory of a method about earlier patients.
#[derive(Debug, Clone, Default)]
pub struct AllocationState {
    /// Counts or differences of counts, laid out as the method needs them.
    // One buffer for all methods, reused by every replicate: an enum of typed counts would be
    // matched for every patient, and would allocate when a scenario's method differs from the last
    // one's.
    cells: Vec<i32>,
}

impl AllocationState {
    /// Takes over the memory of another state of the same method.
    pub fn copy_from(&mut self, other: &Self) {
        // Unlike a derived `clone_from` this allocates nothing.
        self.cells.clone_from(&other.cells);
    }
}

/// Patients of a trial to be allocated, with the state of the method.
#[derive(Debug)]
pub struct Allocating<'t, R> {
    /// Strata of the patients to be allocated, in order of arrival.
    pub strata: &'t [u32],
    /// Memory of the method about the patients before.
    pub state: &'t mut AllocationState,
    /// Stream of the coin.
    pub rng: R,
    /// Arms of the patients before, to which those of these patients are appended.
    pub arms: &'t mut Vec<Arm>,
}

impl RandomisationMethod {
    /// Returns, for each factor or series that the method balances, the class of each stratum.
    ///
    /// The arms of a class differ from the ratio by a few patients, for any number of patients.
    /// Empty if every patient is allocated independently; `None` if the balance may be loose.
    pub fn balances(&self) -> Option<Vec<Vec<u32>>> {
        match self {
            Self::Complete(_) => Some(Vec::new()),
            Self::PermutedBlocks(blocks) => Some(vec![blocks.series().to_vec()]),
            Self::BiasedCoin(coin) => coin.is_tight().then(|| vec![coin.series().to_vec()]),
            Self::BlockUrn(urn) => Some(vec![urn.series().to_vec()]),
            Self::Minimisation(rule) => rule.is_tight().then(|| rule.classes()),
            Self::MinimalSufficientBalance(_) => None,
        }
    }

    /// Resets the memory.
    pub fn reset(&self, state: &mut AllocationState) {
        let cells = match self {
            Self::Complete(_) => 0,
            Self::PermutedBlocks(blocks) => blocks.cells(),
            Self::BiasedCoin(coin) => coin.cells(),
            Self::BlockUrn(urn) => urn.cells(),
            Self::Minimisation(minimisation) => minimisation.cells(),
            Self::MinimalSufficientBalance(balance) => balance.cells(),
        };
        state.cells.clear();
        state.cells.resize(cells, 0);
    }

    /// Allocates the next patient, who is in `stratum`, with the same number of draws for every
    /// patient.
    #[inline]
    pub fn allocate(&self, state: &mut AllocationState, stratum: usize, rng: &mut impl Rng) -> Arm {
        match self {
            Self::Complete(ratio) => experimental_if(uniform(rng) < ratio.share_experimental()),
            Self::PermutedBlocks(blocks) => blocks.allocate(&mut state.cells, stratum, rng),
            Self::BiasedCoin(coin) => coin.allocate(&mut state.cells, stratum, uniform(rng)),
            Self::BlockUrn(urn) => urn.allocate(&mut state.cells, stratum, uniform(rng)),
            Self::Minimisation(minimisation) => {
                minimisation.allocate(&mut state.cells, stratum, uniform(rng))
            }
            Self::MinimalSufficientBalance(balance) => {
                balance.allocate(&mut state.cells, stratum, uniform(rng))
            }
        }
    }

    /// Allocates the first patients of some trials with equal numbers of patients, and returns the streams
    /// after the last of them.
    pub fn allocate_all<R: Rng, const N: usize>(
        &self,
        mut trials: [Allocating<'_, R>; N],
    ) -> [R; N] {
        for trial in &mut trials {
            self.reset(trial.state);
            trial.arms.clear();
        }
        self.allocate_further(trials)
    }

    /// Allocates further patients of some trials with equal numbers of patients, and returns the streams
    /// after the last of them.
    pub fn allocate_further<R: Rng, const N: usize>(
        &self,
        trials: [Allocating<'_, R>; N],
    ) -> [R; N] {
        // Minimisation is the usual method and the slowest one, with loops specialised by the
        // number of factors.
        if let Self::Minimisation(minimisation) = self {
            minimisation.allocate_further(trials)
        } else {
            side_by_side(trials, |state, stratum, rng| self.allocate(state, stratum, rng))
        }
    }

    /// Returns the arm that the coin of the next patient, who is in `stratum`, prefers; `None` if
    /// the method does not weigh imbalances.
    pub fn preferred(&self, state: &AllocationState, stratum: usize) -> Option<Preference> {
        match self {
            Self::Minimisation(rule) => Some(rule.preferred(&state.cells, stratum)),
            Self::MinimalSufficientBalance(rule) => Some(rule.preferred(&state.cells, stratum)),
            Self::Complete(_)
            | Self::PermutedBlocks(_)
            | Self::BiasedCoin(_)
            | Self::BlockUrn(_) => None,
        }
    }
}

/// Allocates one patient of every trial at a time.
// Each allocation waits for the result of the one before, and meanwhile the processor can work on
// the other trials. Inlined, so that the method is matched outside the loops.
#[inline(always)]
fn side_by_side<R: Rng, const N: usize>(
    mut trials: [Allocating<'_, R>; N],
    mut allocate: impl FnMut(&mut AllocationState, usize, &mut R) -> Arm,
) -> [R; N] {
    let patients = trials.iter().map(|trial| trial.strata.len()).min().unwrap_or(0);
    let before = trials.iter().map(|trial| trial.arms.len()).max().unwrap_or(0);
    for Allocating { arms, .. } in &mut trials {
        arms.resize(before + patients, Arm::Control);
    }
    for i in 0..patients {
        for Allocating { strata, state, rng, arms } in &mut trials {
            arms[before + i] = allocate(state, strata[i] as usize, rng);
        }
    }
    trials.map(|trial| trial.rng)
}

/// Least probability of the preferred arm with which the arms differ by a few patients only.
const TIGHT: f64 = 0.65;

/// Returns the number of series of allocations, from the series of each stratum.
fn series_count(series: &[u32]) -> usize {
    series.iter().max().map_or(0, |&last| last as usize) + 1
}

#[inline]
fn experimental_if(experimental: bool) -> Arm {
    if experimental { Arm::Experimental } else { Arm::Control }
}
