//! Merging the shards of a run.

use std::collections::BTreeMap;
use std::ops::Range;

use super::run::RunIdentity;
use super::{Checkpoint, CheckpointError, JobTotal, RunId, Shard};
use crate::engine::Accumulator;
use crate::scenario::Scenario;
use crate::summary::Tally;

/// A checkpoint to be merged, with the name of its file.
#[derive(Debug, Clone)]
pub struct NamedCheckpoint {
    /// The file, for messages.
    pub name: String,
    /// Its content.
    pub checkpoint: Checkpoint,
}

/// Why shards cannot be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeProblem {
    /// A checkpoint of another run than most.
    #[error("{name} is not of the same run: {reason}")]
    Foreign {
        /// The file.
        name: String,
        /// In what the run differs.
        reason: String,
    },
    /// A checkpoint of a command that has no shards.
    #[error("{name} is of `{command}`, which has no shards; allowed: files of run and sweep")]
    NoShard {
        /// The file.
        name: String,
        /// The command.
        command: String,
    },
    /// A run whose number of replicates is not yet known.
    #[error("unfinished: {name} is of a run with --precision; continue it with --resume")]
    UntilPrecise {
        /// The file.
        name: String,
    },
    /// A shard that no file has.
    #[error("missing: shard {shard} (replicates {} to {})", replicates.start, replicates.end - 1)]
    Missing {
        /// The shard.
        shard: Shard,
        /// Numbers of its replicates, counted over all jobs.
        replicates: Range<u64>,
    },
    /// A shard that several files have.
    #[error("duplicate: shard {shard} is in {}", names.join(" and in "))]
    Duplicate {
        /// The shard.
        shard: Shard,
        /// The files.
        names: Vec<String>,
    },
    /// A shard that is not done.
    #[error(
        "unfinished: {name} has {done} of the {all} replicates of shard {shard}; run it again with --resume"
    )]
    Unfinished {
        /// The file.
        name: String,
        /// The shard.
        shard: Shard,
        /// Number of replicates in the file.
        done: u64,
        /// Number of replicates of the shard.
        all: u64,
    },
}

/// All shards of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedRun {
    /// The run, as one shard.
    pub run: RunId,
    /// Its replicates in each job.
    pub replicates: u64,
    /// Pieces of each job, one for each shard that has some of its replicates.
    jobs: BTreeMap<u64, Vec<JobTotal>>,
}

/// A job of a merged run.
#[derive(Debug)]
pub struct MergedJob {
    /// The scenario.
    pub scenario: Scenario,
    /// Overrides by which outcomes and looks follow a number of patients.
    pub following: Vec<String>,
    /// Total of all replicates.
    pub tally: Tally,
}

impl MergedRun {
    /// Returns a job with the total of its pieces.
    ///
    /// # Errors
    /// When the files do not have this job, or its total is not one of its scenario.
    pub fn job(&self, number: u64) -> Result<MergedJob, CheckpointError> {
        let pieces = self.jobs.get(&number).ok_or_else(super::inconsistent)?;
        let first = pieces.first().expect("a job is there because of a piece");
        let [text] = &first.scenarios[..] else { return Err(super::inconsistent()) };
        let scenario = Scenario::parse(text, &[]).map_err(|_| super::inconsistent())?;
        // The file has the replicates of its own run, which may have been shorter.
        let scenario = scenario.with_replicates(self.replicates);
        let mut tally = Tally::new(&scenario);
        for piece in pieces {
            // All shards simulated the same scenario, or they are not one run.
            if piece.digest != scenario.digest() {
                return Err(super::inconsistent());
            }
            tally.merge(piece.restored(&[&scenario], Tally::new(&scenario))?);
        }
        Ok(MergedJob { scenario, following: first.following.clone(), tally })
    }
}

/// Merges the shards of one run, in any order.
///
/// # Errors
/// Every shard that is missing, duplicate or unfinished, and every checkpoint of another run. Without
/// checkpoints no shard is known to be missing: the list of problems is empty.
pub fn merge(checkpoints: Vec<NamedCheckpoint>) -> Result<MergedRun, Vec<MergeProblem>> {
    let Some(most) = most_common(&checkpoints).cloned() else { return Err(Vec::new()) };
    let names = checkpoints.iter().map(|of| of.name.clone());
    if !["run", "sweep"].contains(&most.task.command.as_str()) {
        let command = &most.task.command;
        return Err(names
            .map(|name| MergeProblem::NoShard { name, command: command.clone() })
            .collect());
    }
    // A shard's replicates follow from those of the run, which a precision has yet to find.
    let Some(replicates) = most.replicates else {
        return Err(names.map(|name| MergeProblem::UntilPrecise { name }).collect());
    };
    let mut problems = Vec::new();
    let mut by_number: BTreeMap<u64, Vec<NamedCheckpoint>> = BTreeMap::new();
    for of in checkpoints {
        match most.difference(&of.checkpoint.run) {
            Some(reason) => problems.push(MergeProblem::Foreign { name: of.name, reason }),
            None => by_number.entry(of.checkpoint.run.shard.number).or_default().push(of),
        }
    }
    // A job that two shards divide has a piece from each.
    let mut jobs: BTreeMap<u64, Vec<JobTotal>> = BTreeMap::new();
    let mut whole = None;
    for number in 1..=most.shard.of {
        let shard = Shard { number, ..most.shard };
        let own = shard.replicates(replicates * most.task.jobs);
        let mut same = by_number.remove(&number).unwrap_or_default();
        let Some(NamedCheckpoint { name, checkpoint }) = same.pop() else {
            problems.push(MergeProblem::Missing { shard, replicates: own });
            continue;
        };
        let (done, all) = (checkpoint.replicates_done(), own.end - own.start);
        if !same.is_empty() {
            let names = same.into_iter().map(|of| of.name).chain([name]).collect();
            // Not the longer of the two: they may be of programs that ran at the same time, and a
            // silent choice would hide that one machine did another's work.
            problems.push(MergeProblem::Duplicate { shard, names });
        } else if done < all {
            problems.push(MergeProblem::Unfinished { name, shard, done, all });
        } else {
            // Commands may differ between shards of one run. That of the first shard is kept, so that
            // the order of the files does not matter.
            whole.get_or_insert(checkpoint.run.in_shards(Shard::WHOLE));
            for job in checkpoint.jobs {
                jobs.entry(job.number).or_default().push(job);
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let run = whole.expect("a run has a shard, and none is missing");
    Ok(MergedRun { run, replicates, jobs })
}

/// Finds the run that most checkpoints are of, the first of these if several are as common.
// Most, so that one foreign file among many shards is the one that is named, wherever it is listed.
fn most_common(checkpoints: &[NamedCheckpoint]) -> Option<&RunId> {
    let runs = checkpoints.iter().map(|of| &of.checkpoint.run);
    // Counted by identity in one pass: a million shards compared in pairs would take days.
    let mut counts: BTreeMap<RunIdentity<'_>, usize> = BTreeMap::new();
    runs.clone().for_each(|run| *counts.entry(run.identity()).or_default() += 1);
    // The last of several equals is taken, so the first of them in reverse.
    runs.rev().max_by_key(|run| counts[&run.identity()])
}
