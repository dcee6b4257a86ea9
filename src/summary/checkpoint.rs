//! Checkpoints: some of the replicates of a run, in a form that outlives the program.
//!
//! An interrupted run leaves a checkpoint with its first replicates, a shard one with its share of them.
//! Both are the same file. Totals are exact and independent of order, so shards that are merged are the
//! run that they are shards of, byte for byte. A checkpoint holds its whole scenario, so that merging
//! needs no other file.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Tally;
use crate::engine::Accumulator;
use crate::scenario::{Scenario, sha256};

/// Shards of a run at most.
const MOST_SHARDS: u64 = 1_000_000;

/// Replicates of a run at most.
const MOST_REPLICATES: u64 = 1_000_000_000_000;

/// Version of the program, with a digest of the sources that results depend on.
// The version alone would not do: programs of one version may be built from different commits.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("RESCUESIM_SOURCES"));

/// Shard `number` (from 1) of `of`: consecutive replicates, as many as in any other shard, give or take
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    number: u64,
    of: u64,
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

    fn is_possible(self) -> bool {
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
                "expected a share of all, from 1, such as 3/16, and at most {MOST_SHARDS} shares"
            )
        })
    }
}

/// Identifies the run that a checkpoint belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunId {
    scenario_digest: String,
    seed: u64,
    /// Replicates of the whole run; `None` as long as a precision has not decided on them.
    pub replicates: Option<u64>,
    /// The shard of them that the checkpoint is of.
    // The name in files, which were first written with it.
    #[serde(rename = "share")]
    pub shard: Shard,
    /// The command that simulates the whole run.
    pub command: String,
    /// The scenario file, with everything that it includes.
    scenario: String,
}

impl RunId {
    /// Identifies a shard of this many replicates of a scenario; `command` simulates all of them.
    pub fn new(
        scenario: &Scenario,
        replicates: Option<u64>,
        shard: Shard,
        command: String,
    ) -> Self {
        Self {
            scenario_digest: scenario.digest(),
            // Apart from the scenario, whose digest does not depend on how much is simulated.
            seed: scenario.seed.0,
            replicates,
            shard,
            command,
            scenario: scenario.to_text(),
        }
    }

    /// Returns the numbers of the shard's own replicates, up to `u64::MAX` as long as a precision has
    /// not decided on their number.
    pub fn own_replicates(&self) -> Range<u64> {
        self.shard.replicates(self.replicates.unwrap_or(u64::MAX))
    }

    /// Describes shard and replicates for a message.
    fn extent(&self) -> String {
        match self.replicates {
            Some(replicates) => format!("shard {} of {replicates} replicates", self.shard),
            None => "a run with --precision".to_owned(),
        }
    }

    /// Describes in what another run differs, apart from the shard; `None` if in nothing.
    fn difference(&self, other: &Self) -> Option<String> {
        if other.scenario_digest != self.scenario_digest {
            Some(format!("another scenario; it was made by: {}", other.command))
        } else if other.seed != self.seed {
            Some(format!("seed {} in place of {}", other.seed, self.seed))
        } else if other.replicates != self.replicates {
            Some(format!("{} in place of {}", other.extent(), self.extent()))
        } else if other.shard.of != self.shard.of {
            Some(format!("{} shards in place of {}", other.shard.of, self.shard.of))
        } else {
            None
        }
    }
}

/// Replicates of a run that have been simulated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The run.
    pub run: RunId,
    /// Number of the first replicate that is not in the total; all of the shard before it are.
    pub next: u64,
    /// Total of the replicates.
    pub tally: Tally,
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
    /// Writes the checkpoint as JSON, ending in a newline.
    pub fn to_json(&self) -> String {
        let content = serde_json::value::to_raw_value(self).expect("a checkpoint is plain data");
        let envelope = Envelope {
            version: VERSION.to_owned(),
            sha256: checksum(VERSION, &content),
            content: &content,
        };
        let mut text = serde_json::to_string(&envelope).expect("a checkpoint is plain data");
        text.push('\n');
        text
    }

    /// Reads a checkpoint, with its scenario.
    ///
    /// # Errors
    /// When the text is no checkpoint, of another version, or damaged.
    pub fn read(text: &str) -> Result<(Self, Scenario), CheckpointError> {
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(not_a_checkpoint)?;
        if envelope.sha256 != checksum(&envelope.version, envelope.content) {
            return Err(CheckpointError::Damaged);
        }
        // After the checksum: a flipped bit in the version is damage, not another version.
        if envelope.version != VERSION {
            return Err(CheckpointError::OtherVersion(envelope.version));
        }
        let Self { run, next, tally } =
            serde_json::from_str(envelope.content.get()).map_err(not_a_checkpoint)?;
        // The checksum keeps accidents out, not forgeries: what follows must not panic on any content.
        let scenario = Scenario::parse(&run.scenario, &[]).map_err(|_| inconsistent())?;
        let is_consistent = run.shard.is_possible()
            && run.replicates.is_none_or(|all| (1..=MOST_REPLICATES).contains(&all))
            && next <= MOST_REPLICATES
            && run.shard.count() <= run.replicates.unwrap_or(1)
            && scenario.digest() == run.scenario_digest
            && scenario.seed.0 == run.seed;
        // Only a possible shard has replicates: with a number or a count of 0 this would panic.
        if !is_consistent {
            return Err(inconsistent());
        }
        let own = run.own_replicates();
        if next < own.start || next > own.end {
            return Err(inconsistent());
        }
        // The sums of a total are consistent with its number of replicates, or it is not a total.
        let tally =
            Tally::restored(&scenario, &tally, next - own.start).ok_or_else(inconsistent)?;
        let scenario = scenario.with_replicates(run.replicates.unwrap_or(next));
        Ok((Self { run, next, tally }, scenario))
    }

    /// Returns the checkpoint if a run can be resumed from it. The run may have more replicates than the
    /// one that the checkpoint was made in, as long as both begin alike.
    ///
    /// # Errors
    /// When the checkpoint is of another run, or has more replicates than this one.
    pub fn resumed_by(self, run: &RunId) -> Result<Self, CheckpointError> {
        let Self { run: found, next, .. } = &self;
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
        let own = run.own_replicates();
        // In a longer run every shard but the first begins later.
        if found.shard != run.shard || found.own_replicates().start != own.start {
            return Err(CheckpointError::OtherShard { found: found.extent(), asked: run.extent() });
        }
        if *next > own.end {
            let found = next - own.start;
            // Only the first shard comes here, and it has found or more of found · count replicates.
            return Err(CheckpointError::TooMany { found, allowed: found * run.shard.count() });
        }
        Ok(self)
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
        /// Numbers of its replicates.
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

/// Merges the shards of one run, in any order, into the checkpoint of the whole run.
///
/// # Errors
/// Every shard that is missing, duplicate or unfinished, and every checkpoint of another run. Without
/// checkpoints no shard is known to be missing: the list of problems is empty.
pub fn merge(checkpoints: Vec<NamedCheckpoint>) -> Result<Checkpoint, Vec<MergeProblem>> {
    let Some(most) = most_common(&checkpoints).cloned() else { return Err(Vec::new()) };
    let Some(replicates) = most.replicates else {
        let names = checkpoints.into_iter().map(|of| of.name);
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
    let mut merged: Option<Checkpoint> = None;
    for number in 1..=most.shard.of {
        let shard = Shard { number, ..most.shard };
        let own = shard.replicates(replicates);
        let mut same = by_number.remove(&number).unwrap_or_default();
        let Some(NamedCheckpoint { name, checkpoint: Checkpoint { run, next, tally } }) =
            same.pop()
        else {
            problems.push(MergeProblem::Missing { shard, replicates: own });
            continue;
        };
        if !same.is_empty() {
            let names = same.into_iter().map(|of| of.name).chain([name]).collect();
            problems.push(MergeProblem::Duplicate { shard, names });
        } else if next < own.end {
            let (done, all) = (next - own.start, own.end - own.start);
            problems.push(MergeProblem::Unfinished { name, shard, done, all });
        } else {
            match &mut merged {
                Some(merged) => merged.tally.merge(tally),
                // Commands may differ between shards of one run. That of the first shard is kept, so
                // that the order of the files does not matter.
                None => {
                    let run = RunId { shard: Shard::WHOLE, ..run };
                    merged = Some(Checkpoint { run, next: replicates, tally });
                }
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(merged.expect("a run has a shard, and none is missing"))
}

/// Finds the run that most checkpoints are of, the first of these if several are as common.
// Most, so that one foreign file among many shards is the one that is named, wherever it is listed.
fn most_common(checkpoints: &[NamedCheckpoint]) -> Option<&RunId> {
    let runs = checkpoints.iter().map(|of| &of.checkpoint.run);
    // The last of several equals is taken, so the first of them in reverse.
    runs.clone()
        .rev()
        .max_by_key(|run| runs.clone().filter(|other| run.difference(other).is_none()).count())
}

#[cfg(test)]
mod tests {
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

    fn checkpoint(scenario: &Scenario, shard: &str, done: u64) -> Checkpoint {
        let shard = shard.parse().expect("a shard");
        let run = RunId::new(scenario, Some(12), shard, "rescuesim run x".into());
        let own = run.own_replicates();
        let next = own.start + done.min(own.end - own.start);
        Checkpoint { tally: tally(scenario, own.start..next), run, next }
    }

    fn named(name: &str, checkpoint: Checkpoint) -> NamedCheckpoint {
        NamedCheckpoint { name: name.to_owned(), checkpoint }
    }

    fn angel_reboot(set: &[&str]) -> Scenario {
        let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
        let text = include_str!("../../scenarios/angel-reboot.toml");
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
            let (read, again) = Checkpoint::read(&written.to_json()).expect("it was just written");
            assert_eq!(read, written, "{}", shipped.name);
            assert_eq!(again.file(), scenario.with_replicates(12).file(), "{}", shipped.name);
        }
    }

    #[test]
    fn shards_merged_in_any_order_are_the_whole_run() {
        let scenario = angel_reboot(&[]);
        let name = |shard: &str| named(shard, checkpoint(&scenario, shard, 12));
        let merged = merge(["3/5", "1/5", "5/5", "2/5", "4/5"].map(name).into()).expect("all");
        assert_eq!(merged, checkpoint(&scenario, "1/1", 12));
        let shards: Vec<_> = (1..=12).map(|i| name(&format!("{i}/12"))).collect();
        assert_eq!(merge(shards).expect("all").tally, merged.tally);
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
        assert_eq!(reversed.to_json(), in_order.to_json());
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
        let (read, _) = Checkpoint::read(&until_precise.to_json()).expect("it is whole");
        let messages = merge(vec![named("f", read)]).expect_err("it has no end");
        assert!(messages[0].to_string().starts_with("unfinished: f is of a run with --precision"));
    }

    #[test]
    fn a_run_is_not_resumed_from_a_checkpoint_of_another() {
        let scenario = angel_reboot(&[]);
        let run = |scenario: &Scenario, replicates, shard: &str| {
            RunId::new(scenario, Some(replicates), shard.parse().expect("a shard"), String::new())
        };
        let resumed =
            |run: &RunId| checkpoint(&scenario, "1/2", 4).resumed_by(run).map(|begun| begun.next);
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
