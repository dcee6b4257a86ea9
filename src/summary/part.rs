//! Some of the replicates of a run, in a form that outlives the program: a checkpoint has those so
//! far, a shard those of its share. Both are the same file.
//!
//! Totals are exact and free of order, so parts put together are the run they are parts of, byte for
//! byte. A part carries its whole scenario, so that nothing else is needed to do so.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Tally;
use crate::engine::Accumulator;
use crate::scenario::{Scenario, sha256};

/// The most shares that all replicates are divided into.
const MOST_SHARES: u64 = 1_000_000;

/// Share `number` of `of`, from 1: replicates that follow each other, as many as in any other share,
/// give or take one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    number: u64,
    of: u64,
}

impl Share {
    /// All there is.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// The numbers of its replicates, of so many in all.
    pub fn replicates(self, all: u64) -> Range<u64> {
        let before = |number: u64| {
            let product = u128::from(all) * u128::from(number);
            (product / u128::from(self.of)) as u64
        };
        before(self.number - 1)..before(self.number)
    }

    /// How many shares there are.
    pub fn count(self) -> u64 {
        self.of
    }

    fn is_possible(self) -> bool {
        (1..=MOST_SHARES).contains(&self.of) && (1..=self.of).contains(&self.number)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('/').and_then(|(number, of)| {
            Some(Self { number: number.parse().ok()?, of: of.parse().ok()? })
        });
        numbers.filter(|share| share.is_possible()).ok_or_else(|| {
            format!(
                "expected a share of all, from 1, such as 3/16, and at most {MOST_SHARES} shares"
            )
        })
    }
}

/// What run a part is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    scenario_digest: String,
    seed: u64,
    /// Replicates of the whole run; `None` as long as a precision decides on them.
    pub replicates: Option<u64>,
    /// The share of them that is the part's.
    pub share: Share,
    /// The command that makes the whole run at once.
    pub command: String,
    scenario: String,
}

impl Run {
    /// A share of so many replicates of a scenario; `command` makes all of them at once.
    pub fn new(
        scenario: &Scenario,
        replicates: Option<u64>,
        share: Share,
        command: String,
    ) -> Self {
        Self {
            scenario_digest: scenario.digest(),
            seed: scenario.seed.0,
            replicates,
            share,
            command,
            scenario: scenario.to_text(),
        }
    }

    /// The part's own share of the replicates.
    pub fn own_replicates(&self) -> Range<u64> {
        self.share.replicates(self.replicates.unwrap_or(u64::MAX))
    }

    /// As a message tells it.
    fn extent(&self) -> String {
        match self.replicates {
            Some(replicates) => format!("shard {} of {replicates} replicates", self.share),
            None => "a run until a precision".to_owned(),
        }
    }
}

/// What has been simulated of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Of what.
    pub run: Run,
    /// The number of the replicate to go on with; those of the part before it are done.
    pub next: u64,
    /// What they were folded into.
    pub tally: Tally,
}

/// Around what is written of it, so that damage and other versions are told before the content is looked at.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    rescuesim_part: String,
    sha256: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// The version, and a digest of the sources that results depend on: programs of one version may be built
/// from different commits.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("RESCUESIM_SOURCES"));

/// Replicates of a run at most.
const MOST_REPLICATES: u64 = 1_000_000_000_000;

/// Why a part cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Another file, or the rest of one.
    #[error("is not a checkpoint or shard, or not all of one: {0}")]
    NotAPart(String),
    /// Of another version.
    #[error(
        "was written by rescuesim {0}, and versions may differ in their results; allowed: files of {VERSION}"
    )]
    OtherVersion(String),
    /// The checksum does not fit.
    #[error("is damaged: its checksum does not fit its content")]
    Damaged,
    /// Of another scenario.
    #[error(
        "is of another scenario ({found:.12} in place of {asked:.12}); it was made by: {command}"
    )]
    OtherScenario {
        /// Digest of its scenario.
        found: String,
        /// Digest of the one at hand.
        asked: String,
        /// How it was made.
        command: String,
    },
    /// Of another seed.
    #[error("is of seed {found}, not {asked}")]
    OtherSeed {
        /// Its seed.
        found: u64,
        /// The one at hand.
        asked: u64,
    },
    /// Of other replicates.
    #[error("is of {found}, not of {asked}")]
    OtherShare {
        /// Its share.
        found: String,
        /// The one at hand.
        asked: String,
    },
    /// There is more in it than is wanted.
    #[error("has {found} replicates; allowed: --replicates {allowed} or more")]
    Beyond {
        /// Replicates done.
        found: u64,
        /// The fewest of the whole run that go on from them.
        allowed: u64,
    },
}

impl Part {
    /// As JSON, ending in a newline.
    pub fn to_json(&self) -> String {
        let content = serde_json::value::to_raw_value(self).expect("a part is plain data");
        let envelope = Envelope {
            rescuesim_part: VERSION.to_owned(),
            sha256: checksum(VERSION, &content),
            content: &content,
        };
        let mut text = serde_json::to_string(&envelope).expect("a part is plain data");
        text.push('\n');
        text
    }

    /// Reads a part, with its scenario.
    ///
    /// # Errors
    /// When it is none, of another version, or damaged.
    pub fn read(text: &str) -> Result<(Self, Scenario), PartError> {
        let not_a_part = |error: serde_json::Error| PartError::NotAPart(error.to_string());
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(not_a_part)?;
        if envelope.sha256 != checksum(&envelope.rescuesim_part, envelope.content) {
            return Err(PartError::Damaged);
        }
        if envelope.rescuesim_part != VERSION {
            return Err(PartError::OtherVersion(envelope.rescuesim_part));
        }
        let Self { run, next, tally } =
            serde_json::from_str(envelope.content.get()).map_err(not_a_part)?;
        let inconsistent = || PartError::NotAPart("what it says does not fit together".to_owned());
        let scenario = Scenario::parse(&run.scenario, &[]).map_err(|_| inconsistent())?;
        let fits = run.share.is_possible()
            && run.replicates.is_none_or(|all| (1..=MOST_REPLICATES).contains(&all))
            && next <= MOST_REPLICATES
            && run.share.count() <= run.replicates.unwrap_or(1)
            && scenario.digest() == run.scenario_digest
            && scenario.seed.0 == run.seed;
        let own = if fits { run.own_replicates() } else { 0..0 };
        if next < own.start || next > own.end || !fits {
            return Err(inconsistent());
        }
        let tally = Tally::restored(&scenario, tally, next - own.start).ok_or_else(inconsistent)?;
        let scenario = scenario.with_replicates(run.replicates.unwrap_or(next));
        Ok((Self { run, next, tally }, scenario))
    }

    /// What there is of a run to go on from. The run may have more replicates than the part was made
    /// for, as long as they begin alike.
    ///
    /// # Errors
    /// When the part is of another run, or goes beyond this one.
    pub fn of_run(self, run: &Run) -> Result<Self, PartError> {
        let Self { run: found, next, .. } = &self;
        if found.scenario_digest != run.scenario_digest {
            return Err(PartError::OtherScenario {
                found: found.scenario_digest.clone(),
                asked: run.scenario_digest.clone(),
                command: found.command.clone(),
            });
        }
        if found.seed != run.seed {
            return Err(PartError::OtherSeed { found: found.seed, asked: run.seed });
        }
        let own = run.own_replicates();
        let shares_differ = found.share != run.share;
        if shares_differ || found.own_replicates().start != own.start {
            return Err(PartError::OtherShare { found: found.extent(), asked: run.extent() });
        }
        if *next > own.end {
            let found = next - own.start;
            // Only the first share begins alike in a longer run.
            return Err(PartError::Beyond { found, allowed: found * run.share.count() });
        }
        Ok(self)
    }
}

/// Of a version and the exact text of a content.
fn checksum(version: &str, content: &RawValue) -> String {
    sha256(format!("{version}\n{}", content.get()).as_bytes())
}

/// What keeps parts from being put together, each with the names of its files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeProblem {
    /// Of another run than most.
    #[error("{name} is not of the same run: {reason}")]
    Foreign {
        /// The file.
        name: String,
        /// In what it differs.
        reason: String,
    },
    /// Not yet a run of a number of replicates.
    #[error("unfinished: {name} is of a run until a precision; go on with it by --resume")]
    UntilPrecise {
        /// The file.
        name: String,
    },
    /// Shares that no file has.
    #[error("missing: shard {share} (replicates {} to {})", replicates.start, replicates.end - 1)]
    Missing {
        /// The share.
        share: Share,
        /// Its replicates.
        replicates: Range<u64>,
    },
    /// A share that several files have.
    #[error("doubled: shard {share} is in {}", names.join(" and in "))]
    Doubled {
        /// The share.
        share: Share,
        /// The files.
        names: Vec<String>,
    },
    /// A share that is not done.
    #[error(
        "unfinished: {name} has {done} of the {all} replicates of shard {share}; run it again with --resume"
    )]
    Unfinished {
        /// The file.
        name: String,
        /// The share.
        share: Share,
        /// Replicates it has.
        done: u64,
        /// Replicates of the share.
        all: u64,
    },
}

/// Puts the named parts of one run together, in any order: the total of the whole run.
///
/// # Errors
/// Every share that is missing, doubled or unfinished, and every part of another run. Without parts
/// there is nothing to be missing: the list of problems is empty.
pub fn merge(parts: Vec<(String, Part)>) -> Result<Part, Vec<MergeProblem>> {
    let Some(most) = most_common(&parts).cloned() else { return Err(Vec::new()) };
    let Some(replicates) = most.replicates else {
        let name = |(name, _)| MergeProblem::UntilPrecise { name };
        return Err(parts.into_iter().map(name).collect());
    };
    let mut problems = Vec::new();
    let mut of_run: Vec<(String, Part)> = Vec::new();
    for (name, part) in parts {
        match difference(&most, &part.run) {
            Some(reason) => problems.push(MergeProblem::Foreign { name, reason }),
            None => of_run.push((name, part)),
        }
    }
    of_run.sort_by_key(|(_, part)| part.run.share.number);
    let shares = of_run.chunk_by(|(_, a), (_, b)| a.run.share == b.run.share);
    let mut due = 1;
    let missing_until = |due: u64, next: u64, problems: &mut Vec<MergeProblem>| {
        problems.extend((due..next).map(|number| {
            let share = Share { number, of: most.share.of };
            MergeProblem::Missing { share, replicates: share.replicates(replicates) }
        }));
    };
    for same in shares {
        let (name, Part { run, next, .. }) = &same[0];
        let (share, own) = (run.share, run.own_replicates());
        missing_until(due, share.number, &mut problems);
        due = share.number + 1;
        if same.len() > 1 {
            let names = same.iter().map(|(name, _)| name.clone()).collect();
            problems.push(MergeProblem::Doubled { share, names });
        } else if *next < own.end {
            let (done, all) = (next - own.start, own.end - own.start);
            problems.push(MergeProblem::Unfinished { name: name.clone(), share, done, all });
        }
    }
    missing_until(due, most.share.of + 1, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let whole = of_run.into_iter().map(|(_, part)| part).reduce(|mut whole, part| {
        whole.tally.merge(part.tally);
        whole
    });
    let mut whole = whole.expect("no share is missing");
    whole.run.share = Share::WHOLE;
    whole.next = replicates;
    Ok(whole)
}

/// The run that most parts are of, the first of these where several are as common.
fn most_common(parts: &[(String, Part)]) -> Option<&Run> {
    let runs = parts.iter().map(|(_, part)| &part.run);
    let like = |run: &Run| runs.clone().filter(|other| difference(run, other).is_none()).count();
    runs.clone().rev().max_by_key(|run| like(run))
}

/// In what a part's run differs from another, but for the share.
fn difference(run: &Run, other: &Run) -> Option<String> {
    if other.scenario_digest != run.scenario_digest {
        Some(format!("another scenario; it was made by: {}", other.command))
    } else if other.seed != run.seed {
        Some(format!("seed {} in place of {}", other.seed, run.seed))
    } else if other.replicates != run.replicates {
        Some(format!("{} in place of {}", other.extent(), run.extent()))
    } else if other.share.of != run.share.of {
        Some(format!("{} shards in place of {}", other.share.of, run.share.of))
    } else {
        None
    }
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
            let mut result = Default::default();
            simulator.run_into(Replicate(replicate), &mut result);
            tally.add(&[result]);
        }
        tally
    }

    fn part(scenario: &Scenario, share: &str, done: u64) -> Part {
        let share = share.parse().expect("a share");
        let run = Run::new(scenario, Some(12), share, "rescuesim run x".into());
        let own = run.own_replicates();
        let next = own.start + done.min(own.end - own.start);
        Part { tally: tally(scenario, own.start..next), run, next }
    }

    fn angel_reboot(set: &[&str]) -> Scenario {
        let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
        let text = include_str!("../../scenarios/angel-reboot.toml");
        Scenario::parse(text, &set).expect("the shipped scenario is valid")
    }

    proptest! {
        #[test]
        fn shares_follow_each_other_and_are_as_large_as_can_be(all in 0u64..1_000_000_000_000, of in 1u64..50) {
            let mut next = 0;
            for number in 1..=of {
                let own = Share { number, of }.replicates(all);
                prop_assert_eq!(own.start, next);
                prop_assert!((all / of..=all.div_ceil(of)).contains(&(own.end - own.start)));
                next = own.end;
            }
            prop_assert_eq!(next, all);
        }
    }

    #[test]
    fn a_share_is_written_as_it_is_read() {
        assert_eq!("3/16".parse::<Share>().expect("a share").to_string(), "3/16");
        for text in ["", "3", "0/16", "17/16", "3/0", "-1/2", "1/2/3", "a/b", "1/1000001"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    /// Tallies of every kind there is come back as they were, and with them the scenario, whose file
    /// needs no other.
    #[test]
    fn parts_of_all_shipped_scenarios_come_back_as_they_were() {
        for shipped in SCENARIOS {
            let path = format!("{}/scenarios/{}.toml", env!("CARGO_MANIFEST_DIR"), shipped.name);
            let scenario = Scenario::load(path.as_ref(), &[]).expect("it is valid");
            let part = part(&scenario, "2/3", 3);
            let (read, again) = Part::read(&part.to_json()).expect("it was just written");
            assert_eq!(read, part, "{}", shipped.name);
            assert_eq!(again.file(), scenario.with_replicates(12).file(), "{}", shipped.name);
        }
    }

    #[test]
    fn shares_in_any_order_are_the_whole() {
        let scenario = angel_reboot(&[]);
        let name = |share: &str| (share.to_owned(), part(&scenario, share, 12));
        let merged = merge(["3/5", "1/5", "5/5", "2/5", "4/5"].map(name).into()).expect("all");
        assert_eq!(merged, part(&scenario, "1/1", 12));
        let shares: Vec<_> = (1..=12).map(|i| name(&format!("{i}/12"))).collect();
        assert_eq!(merge(shares).expect("all").tally, merged.tally);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let scenario = angel_reboot(&[]);
        let file = |name: &str, share: &str, done| (name.to_owned(), part(&scenario, share, done));
        let other = angel_reboot(&["run.seed=4"]);
        let parts = vec![
            file("a", "1/6", 12),
            file("b", "3/6", 1),
            file("c", "5/6", 12),
            file("d", "5/6", 12),
            ("e".to_owned(), part(&other, "2/6", 12)),
        ];
        let told: Vec<String> =
            merge(parts).expect_err("much is wrong").iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "e is not of the same run: seed 4 in place of 20211219",
                "missing: shard 2/6 (replicates 2 to 3)",
                "unfinished: b has 1 of the 2 replicates of shard 3/6; run it again with --resume",
                "missing: shard 4/6 (replicates 6 to 7)",
                "doubled: shard 5/6 is in c and in d",
                "missing: shard 6/6 (replicates 10 to 11)",
            ]
        );
        assert_eq!(merge(Vec::new()), Err(Vec::new()));

        let mut until_precise = part(&scenario, "1/1", 12);
        until_precise.run.replicates = None;
        let (read, _) = Part::read(&until_precise.to_json()).expect("it is whole");
        let told = merge(vec![("f".to_owned(), read)]).expect_err("it has no end");
        assert!(told[0].to_string().starts_with("unfinished: f is of a run until a precision"));
    }

    #[test]
    fn a_part_of_something_else_is_refused_with_the_reason() {
        let scenario = angel_reboot(&[]);
        let run = |scenario: &Scenario, replicates, share: &str| {
            Run::new(scenario, Some(replicates), share.parse().expect("a share"), String::new())
        };
        let goes_on = |run: &Run| part(&scenario, "1/2", 4).of_run(run).map(|part| part.next);
        assert_eq!(goes_on(&run(&scenario, 12, "1/2")), Ok(4));
        // The first half of more.
        assert_eq!(goes_on(&run(&scenario, 1000, "1/2")), Ok(4));
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
            let told = goes_on(&run).expect_err(reason).to_string();
            assert!(told.starts_with(reason), "{told}");
        }
    }

    /// Bytes flipped, lengths cut: refused, and nothing panics.
    #[test]
    fn damage_is_noticed() {
        let text =
            part(&angel_reboot(&[r#"analyses=[{method="two_proportions"}]"#]), "1/1", 2).to_json();
        assert!(Part::read(&text).is_ok());
        for at in (0..text.len() - 1).step_by(11) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(flipped) = String::from_utf8(bytes) else { continue };
            assert!(Part::read(&flipped).is_err(), "byte {at}");
        }
        for length in (0..text.len() - 1).step_by(13) {
            assert!(Part::read(&text[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn another_version_is_refused() {
        let text = part(&angel_reboot(&[]), "1/1", 2).to_json();
        let content = serde_json::from_str::<Envelope<'_>>(&text).expect("an envelope").content;
        let (version, sha256) = ("9.9.9".to_owned(), checksum("9.9.9", content));
        let newer = Envelope { rescuesim_part: version.clone(), sha256, content };
        let newer = serde_json::to_string(&newer).expect("plain data");
        assert_eq!(Part::read(&newer).expect_err("newer"), PartError::OtherVersion(version));
    }
}
