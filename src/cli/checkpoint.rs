//! `--checkpoint`, `--resume` and `--shard`: a run that goes on where it was stopped, or is shared out.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rescuesim::scenario::Scenario;
use rescuesim::summary::Tally;
use rescuesim::summary::part::{Part, Run, Share};

use super::clock::now;
use super::output::{OutputFile, print};
use super::simulation::handle_signals;
use super::{Failure, values};

/// Where a run is kept, and what share of it this is.
#[derive(Debug, Args)]
pub struct CheckpointArgs {
    /// Keep what has been simulated in this file, every second or so. It also serves to add replicates
    /// to a finished run.
    #[arg(long, value_name = "FILE", conflicts_with = "trials")]
    checkpoint: Option<PathBuf>,
    /// Go on from the file of --checkpoint, if there is one.
    #[arg(long, requires = "checkpoint", conflicts_with = "trials")]
    resume: bool,
    /// The least time between two writings of that file, in seconds.
    #[arg(long, value_name = "SECONDS", requires = "checkpoint", conflicts_with = "trials", default_value_t = 1.0, value_parser = values::seconds)]
    checkpoint_every: f64,
    /// Simulate a share of the replicates, as in `--shard 3/16`, into the file of --checkpoint; `merge`
    /// puts the files of all shares together.
    #[arg(long, value_name = "SHARE", requires = "checkpoint", conflicts_with_all = ["precision", "out", "format", "trials"])]
    pub shard: Option<Share>,
}

/// The file of a run.
pub struct Checkpoint {
    path: PathBuf,
    run: Run,
    interval: Duration,
    saved: Instant,
    has_failed: bool,
}

/// A run to go on with.
pub struct Begun {
    /// Where it is kept.
    pub checkpoint: Checkpoint,
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
        let replicates = scenario.replicates;
        if self.share().count() > replicates {
            return Err(Failure::Usage(format!(
                "--shard {}: {replicates} replicates cannot be shared out so; allowed: as many shards as replicates, or fewer",
                self.share()
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
            share.count()
        ))
    }

    /// Opens the file that is asked for, if any, to keep `run` in it.
    ///
    /// # Errors
    /// When there is a file and it may not be gone on from, is of another run or damaged; when it
    /// cannot be written.
    pub fn open(&self, scenario: &Scenario, run: Run) -> Result<Option<Begun>, Failure> {
        let Some(path) = &self.checkpoint else { return Ok(None) };
        let usage = |why: String| Failure::Usage(format!("--checkpoint {}: {why}", path.display()));
        let (tally, next) = match read_if_there(path).map_err(usage)? {
            Some(_) if !self.resume => {
                let why = "the file is there already; allowed: --resume to go on from it, or another file";
                return Err(usage(why.to_owned()));
            }
            Some(text) => Part::read(&text)
                .and_then(|(part, _)| part.of_run(&run))
                .map(|part| (part.tally, part.next))
                .map_err(|error| usage(format!("the file {error}")))?,
            None => (Tally::new(scenario), run.own_replicates().start),
        };
        let interval = Duration::from_secs_f64(self.checkpoint_every);
        let (path, saved) = (path.clone(), now());
        let mut checkpoint = Checkpoint { path, run, interval, saved, has_failed: false };
        handle_signals();
        // Before anything is simulated, so that a place that cannot be written is told at once.
        let written = checkpoint.write(&tally, next);
        written.map_err(|error| usage(format!("cannot be written: {error}")))?;
        Ok(Some(Begun { checkpoint, tally, next }))
    }
}

fn read_if_there(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

impl Checkpoint {
    /// What is left when the run is interrupted.
    pub fn promise(&self) -> String {
        format!(
            "{} has all but the last of them, and --resume goes on from it",
            self.path.display()
        )
    }

    /// Keeps a total of all replicates before `next`, unless one was kept just now and this is not the
    /// last. A failure does not stop a run whose end may yet be told; that of [`Self::finish`] is.
    pub fn keep(&mut self, tally: &Tally, next: u64, is_last: bool) {
        if !is_last && self.saved.elapsed() < self.interval {
            return;
        }
        if let Err(error) = self.write(tally, next)
            && !std::mem::replace(&mut self.has_failed, true)
        {
            let path = self.path.display();
            eprintln!("warning: cannot write --checkpoint {path}: {error}; the run goes on");
        }
    }

    /// Keeps the last total, of what has become `run`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, run: Run, tally: &Tally, next: u64) -> Result<(), Failure> {
        self.run = run;
        self.write(tally, next).map_err(|error| {
            let path = self.path.display();
            Failure::Running(format!("cannot write --checkpoint {path}: {error}"))
        })
    }

    fn write(&mut self, tally: &Tally, next: u64) -> io::Result<()> {
        let part = Part { run: self.run.clone(), next, tally: tally.clone() };
        let written = OutputFile::whole(&self.path, &part.to_json());
        let written = written.and_then(OutputFile::put_in_place);
        self.saved = now();
        written
    }
}
