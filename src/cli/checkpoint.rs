//! `--checkpoint`, `--resume` and `--shard`: a run that goes on where it was stopped, or is shared out.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rescuesim::scenario::Scenario;
use rescuesim::summary::Tally;
use rescuesim::summary::part::{Part, Run, Share};

use super::clock::now;
use super::output::{self, OutputFile, print};
use super::signals::handle_signals;
use super::{Failure, input, values};

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
    /// The file as it was last written, locked, so that no other run takes it.
    locked: Option<File>,
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
        let unwritable = |error: io::Error| usage(format!("cannot be written: {error}"));
        handle_signals();
        // Before anything is simulated, so that a place that cannot be written is told at once.
        let file = OutputFile::at(path).map_err(unwritable)?;
        // Until the file is there, so that of two runs that begin together one finds that of the other.
        let _folder = output::lock(output::folder_of(path));
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
        let (has_failed, locked) = (false, None);
        let mut checkpoint = Checkpoint { path, run, interval, saved, has_failed, locked };
        checkpoint.write(file, &tally, next).map_err(unwritable)?;
        Ok(Some(Begun { checkpoint, tally, next }))
    }
}

/// The text of a checkpoint that no other run has.
fn read_if_there(path: &Path) -> Result<Option<String>, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    loop {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
            Ok(found) if !found.is_file() => {
                return Err("is a pipe or a device; allowed: the name of a file".to_owned());
            }
            Ok(_) => {}
        }
        let file = File::open(path).map_err(unreadable)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(
                "another run has this file; allowed: another file, or that run's end".into()
            );
        }
        // One that has been replaced since was locked by a run that has the new one.
        if is_at(&file, path).map_err(unreadable)? {
            return input::read_open(&file).map(Some).map_err(unreadable);
        }
    }
}

/// Whether an open file is the one that has the name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (file, path) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((file.dev(), file.ino()) == (path.dev(), path.ino()))
}

/// Whether an open file is the one that has the name: open files keep theirs here.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

impl Checkpoint {
    /// What is left when the run is interrupted.
    pub fn promise(&self) -> String {
        format!(
            "{} has those before the first that was not finished, and --resume continues from it",
            self.path.display()
        )
    }

    /// Keeps a total of all replicates before `next`, unless one was kept just now and this is not the
    /// last. A failure does not stop a run whose end may yet be told; that of [`Self::finish`] is.
    pub fn keep(&mut self, tally: &Tally, next: u64, is_last: bool) {
        if !is_last && self.saved.elapsed() < self.interval {
            return;
        }
        let file = OutputFile::at(&self.path);
        if let Err(error) = file.and_then(|file| self.write(file, tally, next))
            && !std::mem::replace(&mut self.has_failed, true)
        {
            let path = self.path.display();
            output::warn(&format!("cannot write --checkpoint {path}: {error}; the run continues"));
        }
    }

    /// Keeps the last total, of what has become `run`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, run: Run, tally: &Tally, next: u64) -> Result<(), Failure> {
        self.run = run;
        let file = OutputFile::at(&self.path);
        file.and_then(|file| self.write(file, tally, next)).map_err(|error| {
            let path = self.path.display();
            Failure::Running(format!("cannot write --checkpoint {path}: {error}"))
        })
    }

    fn write(&mut self, file: OutputFile, tally: &Tally, next: u64) -> io::Result<()> {
        let part = Part { run: self.run.clone(), next, tally: tally.clone() };
        let written = file.filled(part.to_json().as_bytes()).and_then(OutputFile::put_in_place);
        self.saved = now();
        self.locked = Some(written?);
        Ok(())
    }
}
