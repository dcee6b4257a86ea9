//! `--checkpoint`, `--resume` and `--shard`: a run that goes on where it was stopped, or is shared out.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rescuesim::scenario::Scenario;
use rescuesim::summary::Tally;
use rescuesim::summary::part::{Part, Run, Share};

use super::Failure;
use super::clock::now;
use super::output::{OutputFile, print};

/// Where a run is kept, and what share of it this is.
#[derive(Debug, Args)]
pub struct CheckpointArgs {
    /// Keep what has been simulated in this file, every second or so. It also serves to add replicates
    /// to a finished run.
    #[arg(long, value_name = "FILE", conflicts_with = "trials")]
    checkpoint: Option<PathBuf>,
    /// Go on from the file of --checkpoint, if there is one.
    #[arg(long, requires = "checkpoint")]
    resume: bool,
    /// The least time between two writings of that file, in seconds.
    #[arg(long, value_name = "SECONDS", requires = "checkpoint", default_value_t = 1.0, value_parser = seconds, allow_negative_numbers = true)]
    checkpoint_every: f64,
    /// Simulate a share of the replicates, as in `--shard 3/16`, into the file of --checkpoint; `merge`
    /// puts the files of all shares together.
    #[arg(long, value_name = "SHARE", requires = "checkpoint", conflicts_with_all = ["precision", "out", "format"])]
    pub shard: Option<Share>,
}

/// The file of a run.
pub struct Checkpoint<C> {
    path: PathBuf,
    run: C,
    interval: Duration,
    saved: Instant,
}

/// A run to go on with.
pub struct Begun<C> {
    /// Where it is kept.
    pub checkpoint: Checkpoint<C>,
    /// What has been simulated of it.
    pub tally: Tally,
    /// The number of the replicate to go on with.
    pub next: u64,
}

impl CheckpointArgs {
    /// The share of the replicates that is simulated.
    pub fn share(&self) -> Share {
        self.shard.unwrap_or(Share::WHOLE)
    }

    /// Refuses more shards than there are replicates.
    ///
    /// # Errors
    /// When there are.
    pub fn check(&self, scenario: &Scenario) -> Result<(), Failure> {
        let shards = self.share().of();
        if shards > scenario.replicates {
            return Err(Failure::Usage(format!(
                "--shard {}: {} replicates cannot be shared out so; allowed: as many shards as replicates, or fewer",
                self.share(),
                scenario.replicates
            )));
        }
        Ok(())
    }

    /// Tells on standard output that a shard is done.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn tell(&self, scenario: &Scenario) -> Result<(), Failure> {
        let share = self.share();
        let Range { start, end } = share.replicates(scenario.replicates);
        let path = self.checkpoint.as_deref().expect("a shard has a file").display();
        print(&format!(
            "shard {share}, replicates {start} to {} of {}: {path}\nWhen all {} are there: rescuesim merge FILES\n",
            end - 1,
            scenario.replicates,
            share.of()
        ))
    }

    /// Opens the file that is asked for, if any; `run` says what it is of, given the number of
    /// replicates.
    ///
    /// # Errors
    /// When there is a file and it may not be gone on from, is of another run or damaged; when it
    /// cannot be written.
    pub fn open<C: Fn(u64) -> Run>(
        &self,
        scenario: &Scenario,
        run: C,
    ) -> Result<Option<Begun<C>>, Failure> {
        let Some(path) = &self.checkpoint else { return Ok(None) };
        let usage = |why: String| Failure::Usage(format!("--checkpoint {}: {why}", path.display()));
        let of = run(scenario.replicates);
        let Part { next, tally, .. } = match read_if_there(path).map_err(usage)? {
            Some(_) if !self.resume => {
                let why = "the file is there already; allowed: --resume to go on from it, or another file";
                return Err(usage(why.to_owned()));
            }
            Some(text) => Part::read(&text)
                .and_then(|(part, _)| part.of_run(&of))
                .map_err(|error| usage(format!("the file {error}")))?,
            None => {
                let next = of.own_replicates().start;
                Part { run: of, next, tally: Tally::new(scenario) }
            }
        };
        let interval = Duration::from_secs_f64(self.checkpoint_every);
        let saved = now();
        let mut checkpoint = Checkpoint { path: path.clone(), run, interval, saved };
        // Before anything is simulated, so that a place that cannot be written is told at once.
        let written = checkpoint.write(&tally, scenario.replicates, next);
        written.map_err(|error| usage(format!("cannot be written: {error}")))?;
        Ok(Some(Begun { checkpoint, tally, next }))
    }
}

/// From none to a day.
fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=86_400.0).contains(number));
    number.ok_or_else(|| "expected seconds from 0 to 86400, such as 60".to_owned())
}

fn read_if_there(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

impl<C: Fn(u64) -> Run> Checkpoint<C> {
    /// What is left when the run is interrupted.
    pub fn promise(&self) -> String {
        format!("what {} has is kept, and --resume goes on from it", self.path.display())
    }

    /// Keeps a total of all replicates before `next`, of `replicates`, unless one was kept just now. A
    /// failure does not stop a run whose end may yet be told; that of [`Self::finish`] is.
    pub fn keep(&mut self, tally: &Tally, replicates: u64, next: u64) {
        if self.saved.elapsed() >= self.interval {
            let _ = self.write(tally, replicates, next);
        }
    }

    /// Keeps the last total.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, tally: &Tally, replicates: u64, next: u64) -> Result<(), Failure> {
        self.write(tally, replicates, next).map_err(|error| {
            let path = self.path.display();
            Failure::Running(format!("cannot write --checkpoint {path}: {error}"))
        })
    }

    fn write(&mut self, tally: &Tally, replicates: u64, next: u64) -> io::Result<()> {
        self.saved = now();
        let part = Part { run: (self.run)(replicates), next, tally: tally.clone() };
        OutputFile::whole(&self.path, &part.to_json())?.put_in_place()
    }
}
