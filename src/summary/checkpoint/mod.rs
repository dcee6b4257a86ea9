//! Checkpoints: some of the replicates of a run, in a form that outlives the program.
//!
//! A command simulates jobs, one after another: `run` one, `sweep` one for each point of its grid,
//! `solve` one for each value it tries. An interrupted command leaves a checkpoint with the totals of
//! its finished jobs and of the replicates of the job that was interrupted, a shard one with its part of
//! all replicates. Both are the same file. Totals are exact and independent of order, so a resumed
//! command, or one whose shards are merged, gives the bytes of one that was never interrupted. A
//! checkpoint holds its scenarios, so that merging needs no other file.

mod merge;
mod run;

pub use merge::{MergeProblem, MergedJob, MergedRun, NamedCheckpoint, merge};
pub use run::{RunId, Shard, Task};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Tally;
use crate::engine::Accumulator;
use crate::scenario::{Scenario, sha256};
use run::{MOST_JOBS, MOST_REPLICATES, joint_digest};

/// Version of the program, with a digest of the sources that results depend on.
// The version alone would not do: programs of one version may be built from different commits.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("RESCUESIM_SOURCES"));

/// A total that a checkpoint can hold.
pub trait StoredTotal: Accumulator + Sized {
    /// Writes the total as JSON.
    fn to_stored(&self) -> Box<RawValue>;

    /// Reads the total of `n` replicates of some scenarios, given one of no replicates; `None` if they
    /// cannot have this total.
    // The checksum keeps accidents out, not forgeries: a total that was read must not make the program
    // panic, whatever it holds.
    fn from_stored(empty: Self, text: &str, scenarios: &[&Scenario], n: u64) -> Option<Self>;
}

/// Writes plain data as JSON that is embedded in a checkpoint.
pub(crate) fn stored(total: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(total).expect("a total is plain data")
}

impl StoredTotal for Tally {
    fn to_stored(&self) -> Box<RawValue> {
        stored(self)
    }

    fn from_stored(_: Self, text: &str, scenarios: &[&Scenario], n: u64) -> Option<Self> {
        let [scenario] = scenarios else { return None };
        Self::restored(scenario, &serde_json::from_str(text).ok()?, n)
    }
}

/// The total of consecutive replicates of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobTotal {
    /// Number of the job, from 0.
    pub number: u64,
    /// Digest of the scenarios that are simulated together.
    // Compared when a run is resumed: parsing the scenarios of thousands of points would take minutes.
    digest: String,
    /// Those scenarios.
    // Resolved ones, as only the command that made them knows what a point sets in its file.
    scenarios: Vec<String>,
    /// Overrides by which outcomes and looks follow a number of patients.
    pub following: Vec<String>,
    /// Number of the first replicate of the shard.
    pub start: u64,
    /// Number of the first replicate that is not in the total; all of the shard before it are.
    pub next: u64,
    /// Total of the replicates.
    // As text, since its type depends on the command, and since a finished job is written many times.
    total: Box<RawValue>,
}

impl PartialEq for JobTotal {
    fn eq(&self, other: &Self) -> bool {
        let Self { number, digest, scenarios, following, start, next, total } = self;
        (number, digest, scenarios, following, start, next, total.get())
            == (
                &other.number,
                &other.digest,
                &other.scenarios,
                &other.following,
                &other.start,
                &other.next,
                other.total.get(),
            )
    }
}

impl JobTotal {
    /// Begins a job whose first replicate is `start`, with the total of none.
    pub fn begun(
        number: u64,
        scenarios: &[&Scenario],
        following: Vec<String>,
        start: u64,
        empty: &impl StoredTotal,
    ) -> Self {
        Self {
            number,
            digest: joint_digest(scenarios.iter().copied()),
            scenarios: scenarios.iter().map(|scenario| scenario.to_text()).collect(),
            following,
            start,
            next: start,
            total: empty.to_stored(),
        }
    }

    /// Takes the total of all replicates before `next`.
    pub fn advance(&mut self, total: &impl StoredTotal, next: u64) {
        self.next = next;
        self.total = total.to_stored();
    }

    /// Whether the job is of the same scenarios as another, and begins at the same replicate.
    pub fn is_of(&self, other: &Self) -> bool {
        (self.number, &self.digest, self.start) == (other.number, &other.digest, other.start)
    }

    /// Returns the total, given the scenarios and a total of no replicates.
    ///
    /// # Errors
    /// When it is not a total of these replicates.
    pub fn restored<A: StoredTotal>(
        &self,
        scenarios: &[&Scenario],
        empty: A,
    ) -> Result<A, CheckpointError> {
        let n = self.next - self.start;
        A::from_stored(empty, self.total.get(), scenarios, n).ok_or_else(inconsistent)
    }
}

/// Replicates of a run that have been simulated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The run.
    pub run: RunId,
    /// Its jobs that have begun, in order.
    pub jobs: Vec<JobTotal>,
}

/// Version and checksum, verified before the content is parsed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    // The name in files, which were first written with it.
    #[serde(rename = "rescuesim_part")]
    version: String,
    sha256: String,
    // Borrowed as it is written: the checksum is of the bytes, and a total may have millions.
    #[serde(borrow)]
    content: &'a RawValue,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Another file, or the rest of one.
    #[error("is not a checkpoint or shard, or not all of one: {0}")]
    NotACheckpoint(String),
    /// Written by another version.
    #[error(
        "was written by rescuesim {0}, and versions may differ in their results; allowed: files of {VERSION}"
    )]
    OtherVersion(String),
    /// The checksum is not that of the content.
    #[error("is damaged: the checksum does not match the content")]
    Damaged,
    /// Made from another scenario.
    #[error(
        "is of another scenario ({found:.12} in place of {asked:.12}); it was made by: {command}"
    )]
    OtherScenario {
        /// Digest of the checkpoint's scenario.
        found: String,
        /// Digest of the scenario to be run.
        asked: String,
        /// The command that made the checkpoint.
        command: String,
    },
    /// Made with another seed.
    #[error("is of seed {found}, not {asked}")]
    OtherSeed {
        /// Seed of the checkpoint.
        found: u64,
        /// Seed of the run.
        asked: u64,
    },
    /// Made by another command, or with other options.
    #[error("is of {found}, not of {asked}")]
    OtherTask {
        /// Command and options of the checkpoint.
        found: String,
        /// Command and options of the run.
        asked: String,
    },
    /// Made of other replicates.
    #[error("is of {found}, not of {asked}")]
    OtherShard {
        /// Shard and replicates of the checkpoint.
        found: String,
        /// Shard and replicates of the run.
        asked: String,
    },
    /// More replicates than the run is to have.
    #[error("has {found} replicates; allowed: --replicates {allowed} or more")]
    TooMany {
        /// Replicates in the checkpoint.
        found: u64,
        /// The fewest replicates of a whole run that can be resumed from it.
        allowed: u64,
    },
}

impl Checkpoint {
    /// Creates the checkpoint of a run that has no replicates yet.
    pub fn new(run: RunId) -> Self {
        Self { run, jobs: Vec::new() }
    }

    /// Number of replicates, in all jobs.
    pub fn replicates_done(&self) -> u64 {
        self.jobs.iter().map(|job| job.next - job.start).sum()
    }

    /// Writes the checkpoint as JSON, ending in a newline.
    pub fn to_json(&self) -> String {
        let content = stored(self);
        let envelope = Envelope {
            version: VERSION.to_owned(),
            sha256: checksum(VERSION, &content),
            content: &content,
        };
        let mut text = serde_json::to_string(&envelope).expect("a checkpoint is plain data");
        text.push('\n');
        text
    }

    /// Reads a checkpoint. Totals are not read until they are restored with their scenarios.
    ///
    /// # Errors
    /// When the text is no checkpoint, of another version, or damaged.
    pub fn read(text: &str) -> Result<Self, CheckpointError> {
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(not_a_checkpoint)?;
        if envelope.sha256 != checksum(&envelope.version, envelope.content) {
            return Err(CheckpointError::Damaged);
        }
        // After the checksum: a flipped bit in the version is damage, not another version.
        if envelope.version != VERSION {
            return Err(CheckpointError::OtherVersion(envelope.version));
        }
        let read: Self = serde_json::from_str(envelope.content.get()).map_err(not_a_checkpoint)?;
        // The checksum keeps accidents out, not forgeries: what follows must not panic on any content.
        if read.is_consistent() { Ok(read) } else { Err(inconsistent()) }
    }

    fn is_consistent(&self) -> bool {
        let Self { run, jobs } = self;
        // A job that is there twice would be counted twice.
        let numbers: BTreeSet<u64> = jobs.iter().map(|job| job.number).collect();
        run.is_possible()
            && numbers.len() == jobs.len()
            && jobs.len() as u64 <= MOST_JOBS
            && jobs.iter().all(|job| {
                job.start <= job.next && job.next <= MOST_REPLICATES && run.has_part_of(job)
            })
    }

    /// Returns the checkpoint if a run can be resumed from it. The run may have more replicates than the
    /// one that the checkpoint was made in, as long as both begin with the same.
    ///
    /// # Errors
    /// When the checkpoint is of another run, or has more replicates than this one.
    pub fn resumed_by(self, run: &RunId) -> Result<Self, CheckpointError> {
        let found = &self.run;
        let other_task =
            CheckpointError::OtherTask { found: found.task.words(), asked: run.task.words() };
        // First, as two commands hardly ever have the same scenario, seed and replicates.
        if found.task.command != run.task.command {
            return Err(other_task);
        }
        if found.scenario_digest != run.scenario_digest {
            return Err(CheckpointError::OtherScenario {
                found: found.scenario_digest.clone(),
                asked: run.scenario_digest.clone(),
                command: found.command.clone(),
            });
        }
        if found.seed != run.seed {
            return Err(CheckpointError::OtherSeed { found: found.seed, asked: run.seed });
        }
        if found.task != run.task {
            return Err(other_task);
        }
        if !run.begins_with(found) {
            return Err(CheckpointError::OtherShard { found: found.extent(), asked: run.extent() });
        }
        match self.jobs.iter().find(|job| !run.has_part_of(job)) {
            Some(job) => {
                let found = job.next - job.start;
                // Only the first shard comes here, and it has found or more of found · count replicates.
                Err(CheckpointError::TooMany { found, allowed: found * run.shard.count() })
            }
            None => Ok(self),
        }
    }
}

fn not_a_checkpoint(error: serde_json::Error) -> CheckpointError {
    CheckpointError::NotACheckpoint(error.to_string())
}

fn inconsistent() -> CheckpointError {
    CheckpointError::NotACheckpoint("its contents are inconsistent".to_owned())
}

/// Computes the checksum of a version and the exact text of a content.
fn checksum(version: &str, content: &RawValue) -> String {
    sha256(format!("{version}\n{}", content.get()).as_bytes())
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::rng::Replicate;
    use crate::scenario::shipped::SCENARIOS;
    use crate::trial::Simulator;
    use proptest::prelude::*;

    fn tally(scenario: &Scenario, replicates: Range<u64>) -> Tally {
        let mut simulator = Simulator::new(scenario);
        let mut tally = Tally::new(scenario);
        for replicate in replicates {
            tally.add(&[simulator.run(Replicate(replicate))]);
        }
        tally
    }

    fn run_id(scenario: &Scenario, replicates: u64, shard: &str, task: Task) -> RunId {
        let run = RunId::new(&[scenario], Some(replicates), task, "rescuesim run x".into());
        run.in_shards(shard.parse().expect("a shard"))
    }

    fn checkpoint(scenario: &Scenario, shard: &str, done: u64) -> Checkpoint {
        let run = run_id(scenario, 12, shard, Task::run());
        let own = run.own_replicates(0);
        let next = own.start + done.min(own.end - own.start);
        Checkpoint { jobs: vec![job(scenario, 0, own.start..next)], run }
    }

    fn job(scenario: &Scenario, number: u64, replicates: Range<u64>) -> JobTotal {
        let Range { start, end } = replicates;
        let empty = Tally::new(scenario);
        let mut job = JobTotal::begun(number, &[scenario], Vec::new(), start, &empty);
        job.advance(&tally(scenario, replicates), end);
        job
    }

    /// Checkpoint of a shard of a sweep over some scenarios, with 12 replicates of each.
    fn of_sweep(points: &[Scenario], shard: &str) -> Checkpoint {
        let task = Task {
            command: "sweep".to_owned(),
            options: Vec::new(),
            jobs: points.len() as u64,
            can_grow: true,
        };
        let run = run_id(&points[0], 12, shard, task);
        let own = points
            .iter()
            .zip(0..)
            .map(|(point, number)| job(point, number, run.own_replicates(number)));
        let jobs = own.filter(|job| job.next > job.start).collect();
        Checkpoint { run, jobs }
    }

    fn named(name: &str, checkpoint: Checkpoint) -> NamedCheckpoint {
        NamedCheckpoint { name: name.to_owned(), checkpoint }
    }

    fn angel_reboot(set: &[&str]) -> Scenario {
        let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
        let text = include_str!("../../../scenarios/angel-reboot.toml");
        Scenario::parse(text, &set).expect("the shipped scenario is valid")
    }

    proptest! {
        #[test]
        fn shards_follow_each_other_and_differ_by_one_replicate_at_most(all in 0u64..1_000_000_000_000, of in 1u64..50) {
            let mut next = 0;
            for number in 1..=of {
                let own = Shard { number, of }.replicates(all);
                prop_assert_eq!(own.start, next);
                prop_assert!((all / of..=all.div_ceil(of)).contains(&(own.end - own.start)));
                next = own.end;
            }
            prop_assert_eq!(next, all);
        }
    }

    #[test]
    fn a_shard_is_written_as_it_is_read() {
        assert_eq!("3/16".parse::<Shard>().expect("a shard").to_string(), "3/16");
        for text in ["", "3", "0/16", "17/16", "3/0", "-1/2", "1/2/3", "a/b", "1/1000001"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    /// With tallies of every kind, and the scenario, whose text needs no other file.
    #[test]
    fn checkpoints_of_all_shipped_scenarios_are_read_as_they_were_written() {
        for shipped in SCENARIOS {
            let path = format!("{}/scenarios/{}.toml", env!("CARGO_MANIFEST_DIR"), shipped.name);
            let scenario = Scenario::load(path.as_ref(), &[]).expect("it is valid");
            let written = checkpoint(&scenario, "2/3", 3);
            let read = Checkpoint::read(&written.to_json()).expect("it was just written");
            assert_eq!(read, written, "{}", shipped.name);
            let restored = read.jobs[0].restored(&[&scenario], Tally::new(&scenario));
            assert_eq!(restored, Ok(tally(&scenario, 4..7)), "{}", shipped.name);
            let again = read.run.scenario().expect("it is in the file");
            assert_eq!(again.file(), scenario.with_replicates(12).file(), "{}", shipped.name);
        }
    }

    #[test]
    fn shards_merged_in_any_order_are_the_whole_run() {
        let scenario = angel_reboot(&[]);
        let name = |shard: &str| named(shard, checkpoint(&scenario, shard, 12));
        let merged = merge(["3/5", "1/5", "5/5", "2/5", "4/5"].map(name).into()).expect("all");
        assert_eq!(merged.run, checkpoint(&scenario, "1/1", 12).run);
        let whole = tally(&scenario, 0..12);
        assert_eq!(merged.job(0).expect("its pieces fit").tally, whole);
        let shards: Vec<_> = (1..=12).map(|i| name(&format!("{i}/12"))).collect();
        assert_eq!(merge(shards).expect("all").job(0).expect("they fit").tally, whole);
    }

    /// Three points in two shards: the second point is divided; in seven, each point is.
    #[test]
    fn merged_shards_of_a_sweep_are_all_its_points() {
        let points = ["0.05", "0.1", "0.2"]
            .map(|dropout| angel_reboot(&[&format!("missing.dropout={dropout}")]));
        for of in [1, 2, 7, 36] {
            let shards = (1..=of).rev().map(|number| {
                let shard = format!("{number}/{of}");
                named(&shard, of_sweep(&points, &shard))
            });
            let merged = merge(shards.collect()).expect("all shards");
            for (number, point) in points.iter().enumerate() {
                let job = merged.job(number as u64).expect("its pieces fit");
                assert_eq!(job.tally, tally(point, 0..12), "{number} of {of}");
                assert_eq!(job.scenario.digest(), point.digest());
            }
            assert!(merged.job(3).is_err(), "there are three points");
        }
    }

    #[test]
    fn a_merge_keeps_the_command_of_the_first_shard_in_any_order_of_files() {
        let scenario = angel_reboot(&[]);
        let part = |shard: &str, command: &str| {
            let mut checkpoint = checkpoint(&scenario, shard, 12);
            checkpoint.run.command = command.to_owned();
            named(shard, checkpoint)
        };
        let [first, second] = [part("1/2", "rescuesim run a"), part("2/2", "rescuesim run b")];
        let [in_order, reversed] = [vec![first.clone(), second.clone()], vec![second, first]]
            .map(|parts| merge(parts).expect("all shards"));
        assert_eq!(in_order.run.command, "rescuesim run a");
        assert_eq!(reversed, in_order);
    }

    #[test]
    fn a_merge_names_every_shard_that_is_missing_duplicate_unfinished_or_foreign() {
        let scenario = angel_reboot(&[]);
        let file = |name: &str, shard: &str, done| named(name, checkpoint(&scenario, shard, done));
        let other = angel_reboot(&["run.seed=4"]);
        let parts = vec![
            file("a", "1/6", 12),
            file("b", "3/6", 1),
            file("c", "5/6", 12),
            file("d", "5/6", 12),
            named("e", checkpoint(&other, "2/6", 12)),
        ];
        let messages: Vec<String> =
            merge(parts).expect_err("much is wrong").iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "e is not of the same run: seed 4 in place of 20211219",
                "missing: shard 2/6 (replicates 2 to 3)",
                "unfinished: b has 1 of the 2 replicates of shard 3/6; run it again with --resume",
                "missing: shard 4/6 (replicates 6 to 7)",
                "duplicate: shard 5/6 is in c and in d",
                "missing: shard 6/6 (replicates 10 to 11)",
            ]
        );
        assert_eq!(merge(Vec::new()), Err(Vec::new()));

        let mut until_precise = checkpoint(&scenario, "1/1", 12);
        until_precise.run.replicates = None;
        let read = Checkpoint::read(&until_precise.to_json()).expect("it is whole");
        let messages = merge(vec![named("f", read)]).expect_err("it has no end");
        assert!(messages[0].to_string().starts_with("unfinished: f is of a run with --precision"));
    }

    /// A merge counts runs by their identity and describes those that differ.
    #[test]
    fn runs_have_one_identity_exactly_if_they_do_not_differ() {
        let scenario = angel_reboot(&[]);
        let run = |scenario: &Scenario, replicates, shard: &str| {
            run_id(scenario, replicates, shard, Task::run())
        };
        let other_task = Task { options: vec!["--no-estimates".to_owned()], ..Task::run() };
        let runs = [
            run(&scenario, 12, "1/2"),
            run(&scenario, 12, "2/2"),
            RunId { command: "another command".to_owned(), ..run(&scenario, 12, "1/2") },
            run(&scenario, 12, "1/3"),
            run(&scenario, 13, "1/2"),
            run(&angel_reboot(&["run.seed=4"]), 12, "1/2"),
            run(&angel_reboot(&["missing.dropout=0.2"]), 12, "1/2"),
            run_id(&scenario, 12, "1/2", other_task),
            RunId { replicates: None, ..run(&scenario, 12, "1/2") },
        ];
        for (a, b) in runs.iter().flat_map(|a| runs.iter().map(move |b| (a, b))) {
            let is_same = a.difference(b).is_none();
            assert_eq!(a.identity() == b.identity(), is_same, "{a:?} {b:?}");
        }
        assert_eq!(runs[0].identity(), runs[2].identity());
    }

    #[test]
    fn a_run_is_not_resumed_from_a_checkpoint_of_another() {
        let scenario = angel_reboot(&[]);
        let run = |scenario: &Scenario, replicates, shard: &str| {
            run_id(scenario, replicates, shard, Task::run())
        };
        let resumed = |run: &RunId| {
            checkpoint(&scenario, "1/2", 4).resumed_by(run).map(|begun| begun.replicates_done())
        };
        assert_eq!(resumed(&run(&scenario, 12, "1/2")), Ok(4));
        // The first half of more.
        assert_eq!(resumed(&run(&scenario, 1000, "1/2")), Ok(4));
        let other = angel_reboot(&["missing.dropout=0.2"]);
        for (run, reason) in [
            (run(&other, 12, "1/2"), "is of another scenario"),
            (run(&angel_reboot(&["run.seed=3"]), 12, "1/2"), "is of seed 20211219, not 3"),
            (
                run(&scenario, 12, "2/2"),
                "is of shard 1/2 of 12 replicates, not of shard 2/2 of 12 replicates",
            ),
            (run(&scenario, 6, "1/2"), "has 4 replicates; allowed: --replicates 8 or more"),
            (
                run(&angel_reboot(&["run.variance_reduction=true"]), 12, "1/2"),
                "is of another scenario",
            ),
            (
                run_id(&scenario, 12, "1/2", of_sweep(&[angel_reboot(&[])], "1/1").run.task),
                "is of `run`, not of `sweep`",
            ),
        ] {
            let messages = resumed(&run).expect_err(reason).to_string();
            assert!(messages.starts_with(reason), "{messages}");
        }
    }

    /// Bytes flipped, lengths cut: refused, and nothing panics.
    #[test]
    fn a_damaged_checkpoint_is_refused() {
        let text =
            checkpoint(&angel_reboot(&[r#"analyses=[{method="two_proportions"}]"#]), "1/1", 2)
                .to_json();
        assert!(Checkpoint::read(&text).is_ok());
        for at in (0..text.len() - 1).step_by(11) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(flipped) = String::from_utf8(bytes) else { continue };
            assert!(Checkpoint::read(&flipped).is_err(), "byte {at}");
        }
        for length in (0..text.len() - 1).step_by(13) {
            assert!(Checkpoint::read(&text[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_checkpoint_of_another_version_is_refused() {
        let text = checkpoint(&angel_reboot(&[]), "1/1", 2).to_json();
        let content = serde_json::from_str::<Envelope<'_>>(&text).expect("an envelope").content;
        let (version, sha256) = ("9.9.9".to_owned(), checksum("9.9.9", content));
        let newer = Envelope { version: version.clone(), sha256, content };
        let newer = serde_json::to_string(&newer).expect("plain data");
        assert_eq!(
            Checkpoint::read(&newer).expect_err("newer"),
            CheckpointError::OtherVersion(version)
        );
    }
}
