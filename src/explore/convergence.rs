//! Convergence of simulated rejection rates with the number of replicates.

use serde::{Deserialize, Serialize};

use crate::engine::Accumulator;
use crate::scenario::{Scenario, Truth};
use crate::summary::McEstimate;
use crate::trial::{Conclusion, ReplicateResult};

// Batches per doubling of the number of replicates, as a power of two.
const PER_DOUBLING: u32 = 3;

/// Batches of the most replicates that a number of 64 bits counts.
const MOST_BATCHES: usize = 64 << PER_DOUBLING;

/// Counts of trials that reject H0, in batches of replicates by their number: eight batches for every
/// doubling, so that few suffice for any number of replicates. The counts do not depend on the division
/// of replicates among threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConvergenceTally {
    batches: Vec<ReplicateBatch>,
    /// Trials of a replicate: one per truth and analysis.
    trials: usize,
}

/// Replicates of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ReplicateBatch {
    replicates: u64,
    /// Number of rejections, by truth and analysis.
    efficacies: Vec<u64>,
}

/// The rejection rates after some number of replicates.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvergencePoint {
    /// Number of replicates, counted from the first.
    pub replicates: u64,
    /// P(efficacy) by truth and analysis: all analyses under H1, then all under H0.
    pub efficacy: Vec<McEstimate>,
}

impl ConvergenceTally {
    /// Creates an empty tally for the trials of a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let truths = [Truth::Alternative, Truth::Null].len();
        Self { batches: Vec::new(), trials: truths * scenario.analyses.len() }
    }

    /// Returns the cumulative rejection rates after each batch.
    pub fn points(&self) -> Vec<ConvergencePoint> {
        let mut points = Vec::new();
        let (mut replicates, mut counts) = (0, vec![0; self.trials]);
        // The first doublings have fewer replicates than batches.
        for batch in self.batches.iter().filter(|batch| batch.replicates > 0) {
            replicates += batch.replicates;
            counts.iter_mut().zip(&batch.efficacies).for_each(|(all, more)| *all += more);
            let efficacy =
                counts.iter().map(|&count| McEstimate::proportion(count, replicates)).collect();
            points.push(ConvergencePoint { replicates, efficacy });
        }
        points
    }

    /// Whether `n` replicates of the scenario of an empty tally can have these counts.
    pub(super) fn is_of(&self, n: u64, empty: &Self) -> bool {
        // In 128 bits, as counts of a damaged file may overflow 64.
        let replicates: u128 = self.batches.iter().map(|of| u128::from(of.replicates)).sum();
        // Efficacies are added trial by trial, so that lists of another length would be cut.
        self.trials == empty.trials
            && self.batches.len() <= MOST_BATCHES
            && replicates == u128::from(n)
            && self.batches.iter().all(|batch| {
                batch.efficacies.len() == self.trials
                    && batch.efficacies.iter().all(|&count| count <= batch.replicates)
            })
    }

    fn batch(&mut self, index: usize) -> &mut ReplicateBatch {
        if index >= self.batches.len() {
            let empty = ReplicateBatch { replicates: 0, efficacies: vec![0; self.trials] };
            self.batches.resize(index + 1, empty);
        }
        &mut self.batches[index]
    }
}

impl Accumulator for ConvergenceTally {
    fn add(&mut self, results: &[ReplicateResult]) {
        let [result] = results else { unreachable!("a tally is of one scenario") };
        // Trials of the alternative and the null precede those of the prior.
        let trials = &result.trials[..self.trials];
        let batch = self.batch(batch_of(trials[0].replicate));
        batch.replicates += 1;
        for (count, trial) in batch.efficacies.iter_mut().zip(trials) {
            *count += u64::from(trial.conclusion == Conclusion::Efficacy);
        }
    }

    fn merge(&mut self, other: Self) {
        for (index, theirs) in other.batches.into_iter().enumerate() {
            let mine = self.batch(index);
            mine.replicates += theirs.replicates;
            for (mine, theirs) in mine.efficacies.iter_mut().zip(theirs.efficacies) {
                *mine += theirs;
            }
        }
    }
}

/// Returns the batch of a replicate: the doubling of its number and, within it, the eighth.
fn batch_of(replicate: u64) -> usize {
    let number = replicate + 1;
    let doublings = number.ilog2();
    // The three bits after the leading one are the eighth; numbers below 8 have fewer and are batches of
    // their own doubling.
    let part = match doublings.checked_sub(PER_DOUBLING) {
        Some(shift) => (number >> shift) & ((1 << PER_DOUBLING) - 1),
        None => 0,
    };
    ((u64::from(doublings) << PER_DOUBLING) + part) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_follow_one_another_and_double() {
        let mut before = 0;
        for replicate in 0..5000 {
            let batch = batch_of(replicate);
            assert!(batch >= before, "{replicate}");
            before = batch;
        }
        assert_eq!(batch_of(2 * 4096 - 1), batch_of(4096 - 1) + 8);
        assert!(batch_of(u64::MAX - 1) < 64 * 8);
    }
}
