//! The run that a checkpoint belongs to, and the shards it may be divided into.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{CheckpointError, JobTotal};
use crate::scenario::{Scenario, sha256};

/// Shards of a run at most.
const MOST_SHARDS: u64 = 1_000_000;

/// Replicates of a job at most.
// As many as --replicates allows, so that no checkpoint of the program is refused.
pub(super) const MOST_REPLICATES: u64 = 1_000_000_000_000;

/// Jobs of a run at most.
// With the replicates of each, the product is well within 64 bits.
pub(super) const MOST_JOBS: u64 = 1_000_000;

/// Shard `number` (from 1) of `of`: consecutive replicates, as many as in any other shard, give or take
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub(super) number: u64,
    pub(super) of: u64,
}

impl Shard {
    /// The only shard of a run that is not divided.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Returns the numbers of the shard's replicates, given those of the whole run.
    pub fn replicates(self, all: u64) -> Range<u64> {
        self.replicates_before(self.number - 1, all)..self.replicates_before(self.number, all)
    }

    /// Replicates of the first shards together, this many of them.
    fn replicates_before(self, shards: u64, all: u64) -> u64 {
        // The product may have 128 bits: a run with a precision has up to 2⁶⁴ − 1 replicates.
        (u128::from(all) * u128::from(shards) / u128::from(self.of)) as u64
    }

    /// Number of shards that the run is divided into.
    pub fn count(self) -> u64 {
        self.of
    }

    pub(super) fn is_possible(self) -> bool {
        (1..=MOST_SHARDS).contains(&self.of) && (1..=self.of).contains(&self.number)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('/').and_then(|(number, of)| {
            Some(Self { number: number.parse().ok()?, of: of.parse().ok()? })
        });
        // A limit, so that the shards that a merge misses can be listed.
        numbers.filter(|shard| shard.is_possible()).ok_or_else(|| {
            format!(
                "expected a shard number and the number of shards, such as 3/16; allowed: at most {MOST_SHARDS} shards"
            )
        })
    }
}

/// The question of a run in addition to scenario, seed and replicates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Task {
    /// Name of the command that simulates.
    pub command: String,
    /// Options that decide what is simulated, such as `--over missing.dropout=[0,0.1]`.
    pub options: Vec<String>,
    /// Number of jobs with the run's replicates each, which shards divide among them; 0 if jobs have
    /// numbers of replicates of their own, and cannot be divided.
    pub jobs: u64,
    /// Whether a run with more replicates may continue from a run with fewer.
    // A search may not: what it simulates next depends on the replicates before.
    pub can_grow: bool,
}

impl Task {
    /// Returns the task of one simulation of one scenario.
    pub fn run() -> Self {
        Self { command: "run".to_owned(), options: Vec::new(), jobs: 1, can_grow: true }
    }

    /// Describes command and options for a message.
    pub(super) fn words(&self) -> String {
        let options: String = self.options.iter().map(|option| format!(" {option}")).collect();
        format!("`{}{options}`", self.command)
    }
}

/// What the shards of a run have in common; runs with the same have no
/// [`difference`](RunId::difference).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunIdentity<'r> {
    scenario_digest: &'r str,
    seed: u64,
    task: &'r Task,
    replicates: Option<u64>,
    shards: u64,
}

/// Identifies the run that a checkpoint belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunId {
    pub(super) scenario_digest: String,
    pub(super) seed: u64,
    /// Replicates of the whole run, in each job; `None` as long as a precision has not decided on them.
    pub replicates: Option<u64>,
    /// The shard of them that the checkpoint is of.
    // The name in files, which were first written with it.
    #[serde(rename = "share")]
    pub shard: Shard,
    /// What is simulated.
    pub task: Task,
    /// The command that simulates the whole run.
    pub command: String,
    /// The scenario files, each with everything that it includes.
    pub(super) scenarios: Vec<String>,
}

impl RunId {
    /// Identifies the whole of a run with this many replicates; `command` simulates them. The first
    /// scenario gives the seed.
    pub fn new(
        scenarios: &[&Scenario],
        replicates: Option<u64>,
        task: Task,
        command: String,
    ) -> Self {
        Self {
            scenario_digest: joint_digest(scenarios.iter().copied()),
            // Apart from the scenario, whose digest does not depend on how much is simulated.
            seed: scenarios[0].seed.0,
            replicates,
            shard: Shard::WHOLE,
            task,
            command,
            scenarios: scenarios.iter().map(|scenario| scenario.to_text()).collect(),
        }
    }

    /// Returns the same run, divided into shards.
    #[must_use]
    pub fn in_shards(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    /// Returns the numbers of the shard's own replicates of a job, up to `u64::MAX` as long as a
    /// precision has not decided on their number.
    pub fn own_replicates(&self, job: u64) -> Range<u64> {
        let Some(replicates) = self.replicates else { return 0..u64::MAX };
        // Job after job, so that most jobs belong to one shard and have their fixed cost there alone.
        let Range { start, end } = self.shard.replicates(replicates * self.task.jobs);
        let [before, after] = [job, job + 1].map(|job| job * replicates);
        start.clamp(before, after) - before..end.clamp(before, after) - before
    }

    /// Whether the replicates of a job are among the shard's own, from the first on.
    pub(super) fn has_part_of(&self, job: &JobTotal) -> bool {
        // Such jobs have numbers of replicates that only their command knows.
        if self.task.jobs == 0 {
            return true;
        }
        let is_known = job.number < self.task.jobs;
        is_known && {
            let own = self.own_replicates(job.number);
            job.start == own.start && job.next <= own.end
        }
    }

    /// Whether every job begins with the replicate that it begins with in another run, so that the
    /// replicates of that run can be continued.
    pub(super) fn begins_with(&self, other: &Self) -> bool {
        let is_as_large = self.replicates == other.replicates;
        self.shard == other.shard
            && (is_as_large
                || (self.task.can_grow
                    // In a longer run every shard but the first begins later.
                    && (0..self.task.jobs).all(|job| self.first_of(job) == other.first_of(job))))
    }

    fn first_of(&self, job: u64) -> u64 {
        self.own_replicates(job).start
    }

    /// Whether the replicates can be divided into these shards.
    pub(super) fn is_possible(&self) -> bool {
        let possible = self.shard.is_possible()
            && self.task.jobs <= MOST_JOBS
            && self.replicates.is_none_or(|all| (1..=MOST_REPLICATES).contains(&all));
        // Only then the product is within 64 bits.
        possible
            && self.shard.count() <= self.replicates.map_or(1, |all| all * self.task.jobs).max(1)
    }

    /// Returns the first scenario, with the replicates of the run if they are known.
    ///
    /// # Errors
    /// When there is none, or not the one that the run is of.
    pub fn scenario(&self) -> Result<Scenario, CheckpointError> {
        let text = self.scenarios.first().ok_or_else(super::inconsistent)?;
        let scenario = Scenario::parse(text, &[]).map_err(|_| super::inconsistent())?;
        // The digest of compared scenarios is of all of them together.
        let is_alone = self.scenarios.len() == 1;
        if scenario.seed.0 != self.seed || (is_alone && scenario.digest() != self.scenario_digest) {
            return Err(super::inconsistent());
        }
        Ok(match self.replicates {
            Some(replicates) => scenario.with_replicates(replicates),
            None => scenario,
        })
    }

    /// Describes shard and replicates for a message.
    pub(super) fn extent(&self) -> String {
        match self.replicates {
            Some(replicates) if self.shard == Shard::WHOLE => {
                format!("all of {replicates} replicates")
            }
            Some(replicates) => format!("shard {} of {replicates} replicates", self.shard),
            None => "a run with --precision".to_owned(),
        }
    }

    /// Returns what all shards of the run have in common, and no shard of another run.
    pub(super) fn identity(&self) -> RunIdentity<'_> {
        RunIdentity {
            scenario_digest: &self.scenario_digest,
            seed: self.seed,
            task: &self.task,
            replicates: self.replicates,
            shards: self.shard.of,
        }
    }

    /// Describes in what another run differs, apart from the shard; `None` if in nothing.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if other.scenario_digest != self.scenario_digest {
            Some(format!("another scenario; it was made by: {}", other.command))
        } else if other.seed != self.seed {
            Some(format!("seed {} in place of {}", other.seed, self.seed))
        } else if other.task != self.task {
            Some(format!("{} in place of {}", other.task.words(), self.task.words()))
        } else if other.replicates != self.replicates {
            Some(format!("{} in place of {}", other.extent(), self.extent()))
        } else if other.shard.of != self.shard.of {
            Some(format!("{} shards in place of {}", other.shard.of, self.shard.of))
        } else {
            None
        }
    }
}

/// Computes a digest of some scenarios in their order; that of the scenario if there is one.
pub(super) fn joint_digest<'s>(scenarios: impl IntoIterator<Item = &'s Scenario>) -> String {
    let mut digests: Vec<String> = scenarios.into_iter().map(Scenario::digest).collect();
    // The digest that provenance shows, so that a user can compare them.
    if digests.len() == 1 {
        return digests.remove(0);
    }
    sha256(digests.join("\n").as_bytes())
}
