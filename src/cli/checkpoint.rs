//! `--checkpoint`, `--resume` and `--shard`: a run that is resumed, or divided among machines.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rescuesim::engine::Observer;
use rescuesim::scenario::Scenario;
use rescuesim::summary::Tally;
use rescuesim::summary::checkpoint::{Checkpoint, RunId, Shard};

use super::clock::now;
use super::output::{self, OutputFile, print};
use super::{Failure, input, values};

/// Checkpoint of a run, and its shard.
#[derive(Debug, Args)]
pub struct CheckpointArgs {
    /// Write what has been simulated to this file, every second or so. The file also serves to add
    /// replicates to a finished run.
    #[arg(long, value_name = "FILE", conflicts_with = "trials")]
    checkpoint: Option<PathBuf>,
    /// Continue from the file of --checkpoint, if it exists.
    #[arg(long, requires = "checkpoint", conflicts_with = "trials")]
    resume: bool,
    /// The least time between two writings of that file, in seconds.
    #[arg(long, value_name = "SECONDS", requires = "checkpoint", conflicts_with = "trials", default_value_t = 1.0, value_parser = values::seconds)]
    checkpoint_every: f64,
    /// Simulate a share of the replicates, as in `--shard 3/16`, into the file of --checkpoint; `merge`
    /// combines the files of all shards.
    #[arg(long, value_name = "SHARE", requires = "checkpoint", conflicts_with_all = ["precision", "out", "format", "trials"])]
    pub shard: Option<Shard>,
}

/// The file of `--checkpoint`, which is written while a run is simulated.
pub struct CheckpointFile {
    path: PathBuf,
    /// The run that the file belongs to.
    run: RunId,
    /// The least time between two writings.
    interval: Duration,
    /// Time of the last writing.
    saved: Instant,
    /// Whether a warning about a failed writing has been printed.
    has_failed: bool,
    /// The file as last written, locked so that no other run takes it.
    locked: Option<File>,
    pace: Pace,
}

impl CheckpointArgs {
    /// Returns the shard of the replicates that is simulated.
    pub fn shard(&self) -> Shard {
        self.shard.unwrap_or(Shard::WHOLE)
    }

    /// Refuses more shards than there are replicates.
    ///
    /// # Errors
    /// When there are.
    pub fn check(&self, scenario: &Scenario) -> Result<(), Failure> {
        let replicates = scenario.replicates;
        if self.shard().count() > replicates {
            return Err(Failure::Usage(format!(
                "--shard {}: {replicates} replicates cannot be divided into more shards than replicates; allowed: at most {replicates} shards",
                self.shard()
            )));
        }
        Ok(())
    }

    /// Prints that a shard is done.
    ///
    /// # Errors
    /// When standard output cannot be written to.
    pub fn report_shard(&self, scenario: &Scenario) -> Result<(), Failure> {
        let shard = self.shard();
        let Range { start, end } = shard.replicates(scenario.replicates);
        let path = self.checkpoint.as_deref().expect("a shard has a file").display();
        print(&format!(
            "shard {shard}, replicates {start} to {} of {}: {path}\nWhen all {} are complete: rescuesim merge FILES\n",
            end - 1,
            scenario.replicates,
            shard.count()
        ))
    }

    /// Opens the file that is asked for, if any, and reads what it has of `run`.
    ///
    /// # Errors
    /// When there is a file and it may not be resumed, is of another run or damaged; when it cannot be
    /// written.
    pub fn open(
        &self,
        scenario: &Scenario,
        run: RunId,
        threads: usize,
    ) -> Result<Option<(CheckpointFile, Checkpoint)>, Failure> {
        let Some(path) = &self.checkpoint else { return Ok(None) };
        self.open_at(path, scenario, run, threads)
            .map(Some)
            .map_err(|why| Failure::Usage(format!("--checkpoint {}: {why}", path.display())))
    }

    fn open_at(
        &self,
        path: &Path,
        scenario: &Scenario,
        run: RunId,
        threads: usize,
    ) -> Result<(CheckpointFile, Checkpoint), String> {
        // Before anything is simulated, so that a place that cannot be written is reported at once.
        let file = OutputFile::at(path).map_err(unwritable)?;
        // Until the file is there, so that of two runs that begin together one finds that of the other.
        let _folder = output::lock(output::folder_of(path));
        let begun = match read_if_there(path)? {
            Some(_) if !self.resume => {
                return Err(
                    "the file exists; allowed: --resume to continue from it, or another file"
                        .into(),
                );
            }
            Some(text) => Checkpoint::read(&text)
                .and_then(|(begun, _)| begun.resumed_by(&run))
                .map_err(|error| format!("the file {error}"))?,
            None => {
                let next = run.own_replicates().start;
                Checkpoint { run: run.clone(), next, tally: Tally::new(scenario) }
            }
        };
        let mut opened = CheckpointFile {
            path: path.to_owned(),
            run,
            interval: Duration::from_secs_f64(self.checkpoint_every),
            saved: now(),
            has_failed: false,
            locked: None,
            pace: Pace::new(threads),
        };
        opened.write(file, &begun.tally, begun.next).map_err(unwritable)?;
        Ok((opened, begun))
    }
}

fn unwritable(error: io::Error) -> String {
    format!("cannot be written: {error}")
}

/// Reads the text of a checkpoint that no other run has; `None` if there is no file.
fn read_if_there(path: &Path) -> Result<Option<String>, String> {
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
        // A file that has been replaced since was locked for nothing: the other run has the new one.
        if is_at(&file, path).map_err(unreadable)? {
            return input::read_open(&file).map(Some).map_err(unreadable);
        }
    }
}

fn unreadable(error: io::Error) -> String {
    format!("cannot be read: {error}")
}

/// Whether an open file is the one that has the name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (file, path) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((file.dev(), file.ino()) == (path.dev(), path.ino()))
}

/// Whether an open file is the one that has the name.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    // Here the file of a name cannot be replaced while it is open.
    Ok(true)
}

impl CheckpointFile {
    /// Describes the file after an interruption.
    pub fn on_interruption(&self) -> String {
        format!(
            "{} has those before the first that was not finished, and --resume continues from it",
            self.path.display()
        )
    }

    /// Writes a total of all replicates before `next`. A failure is a warning, once: the run may yet end,
    /// and [`Self::finish`] returns the failure that matters.
    fn save(&mut self, tally: &Tally, next: u64) {
        let file = OutputFile::at(&self.path);
        if let Err(error) = file.and_then(|file| self.write(file, tally, next))
            && !std::mem::replace(&mut self.has_failed, true)
        {
            let path = self.path.display();
            output::warn(&format!("cannot write --checkpoint {path}: {error}; the run continues"));
        }
    }

    /// Writes the last total, under the run that it has become: only now a precision has its number of
    /// replicates.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, run: RunId, tally: &Tally, next: u64) -> Result<(), Failure> {
        self.run = run;
        let file = OutputFile::at(&self.path);
        file.and_then(|file| self.write(file, tally, next)).map_err(|error| {
            let path = self.path.display();
            Failure::Running(format!("cannot write --checkpoint {path}: {error}"))
        })
    }

    fn write(&mut self, file: OutputFile, tally: &Tally, next: u64) -> io::Result<()> {
        let content = Checkpoint { run: self.run.clone(), next, tally: tally.clone() };
        let written = file.filled(content.to_json().as_bytes()).and_then(OutputFile::put_in_place);
        // After a failure too: a full disk is not tried again at every wave.
        self.saved = now();
        self.locked = Some(written?);
        Ok(())
    }
}

impl Observer<Tally> for CheckpointFile {
    fn before_wave(&mut self, total: &Tally, next: u64) -> u64 {
        let wave = self.pace.next_wave();
        if self.saved.elapsed() >= self.interval {
            self.save(total, next);
        }
        // Not counting what the writing took.
        self.pace.begin();
        wave
    }

    fn cancelled(&mut self, total: &Tally, next: u64) {
        self.save(total, next);
    }
}

/// Adapts the number of replicates of a wave to their speed, so that the file is up to date: waves of 0.1
/// to 0.5 s; of at least one replicate per thread if replicates are slow.
struct Pace {
    /// Beginning of the current wave.
    began: Instant,
    /// Replicates of the current wave.
    wave: u64,
    threads: u64,
}

impl Pace {
    /// Replicates for each thread below which a wave is shortened only if it is [`Pace::LONG`].
    // With one replicate each, all threads would wait for the slowest.
    const FEW: u64 = 4;
    const LONG: Duration = Duration::from_secs(10);

    // A wave without replicates to simulate takes no time, and doubling must not overflow.
    const MOST: u64 = 1_000_000_000_000;

    fn new(threads: usize) -> Self {
        Self { began: now(), wave: threads as u64, threads: threads as u64 }
    }

    /// Returns the replicates of the next wave, from the time that the current one has taken.
    fn next_wave(&mut self) -> u64 {
        let took = self.began.elapsed();
        let most = if self.wave > Self::FEW * self.threads {
            Duration::from_millis(500)
        } else {
            Self::LONG
        };
        if took > most {
            self.wave = (self.wave / 2).max(self.threads);
        } else if took < Duration::from_millis(100) {
            self.wave = (self.wave * 2).min(Self::MOST);
        }
        self.wave
    }

    /// Begins the next wave.
    fn begin(&mut self) {
        self.began = now();
    }
}
