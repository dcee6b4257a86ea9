//! How a simulated share settles as replicates come in.

use crate::engine::Accumulator;
use crate::scenario::{Scenario, Truth};
use crate::summary::McEstimate;
use crate::trial::{Conclusion, ReplicateResult};

/// Batches per doubling of the number of replicates, as a power of two.
const PER_DOUBLING: u32 = 3;

/// Trials that show efficacy, in batches of replicates by their number: eight batches for every
/// doubling, so that few are enough for any number. Which worker ran a replicate leaves no trace.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvergenceTally {
    /// Of each batch, how many replicates, and how many efficacies of each truth and analysis.
    batches: Vec<(u64, Vec<u64>)>,
    trials: usize,
}

/// What is known after some replicates.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvergencePoint {
    /// Replicates from the first on.
    pub replicates: u64,
    /// P(efficacy) under each truth but the prior, analysis by analysis: the alternative's, then the
    /// null's.
    pub efficacy: Vec<McEstimate>,
}

impl ConvergenceTally {
    /// Empty, for the trials of a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let truths = [Truth::Alternative, Truth::Null].len();
        Self { batches: Vec::new(), trials: truths * scenario.analyses.len() }
    }

    /// After each batch.
    pub fn points(&self) -> Vec<ConvergencePoint> {
        let (mut replicates, mut counts) = (0, vec![0; self.trials]);
        let batches = self.batches.iter().filter(|(n, _)| *n > 0);
        let point = |(n, efficacies): &(u64, Vec<u64>)| {
            replicates += n;
            counts.iter_mut().zip(efficacies).for_each(|(all, more)| *all += more);
            let share = |&count: &u64| McEstimate::proportion(count, replicates);
            ConvergencePoint { replicates, efficacy: counts.iter().map(share).collect() }
        };
        batches.map(point).collect()
    }

    fn batch(&mut self, index: usize) -> &mut (u64, Vec<u64>) {
        if index >= self.batches.len() {
            self.batches.resize(index + 1, (0, vec![0; self.trials]));
        }
        &mut self.batches[index]
    }
}

impl Accumulator for ConvergenceTally {
    fn add(&mut self, results: &[ReplicateResult]) {
        let [result] = results else { unreachable!("a tally is of one scenario") };
        let trials = &result.trials[..self.trials];
        let (n, efficacies) = self.batch(batch_of(trials[0].replicate));
        *n += 1;
        for (count, trial) in efficacies.iter_mut().zip(trials) {
            *count += u64::from(trial.conclusion == Conclusion::Efficacy);
        }
    }

    fn merge(&mut self, other: Self) {
        for (index, (n, efficacies)) in other.batches.into_iter().enumerate() {
            let mine = self.batch(index);
            mine.0 += n;
            mine.1.iter_mut().zip(efficacies).for_each(|(mine, theirs)| *mine += theirs);
        }
    }
}

/// Grows with the logarithm of the number.
fn batch_of(replicate: u64) -> usize {
    let number = replicate + 1;
    let doublings = number.ilog2();
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
