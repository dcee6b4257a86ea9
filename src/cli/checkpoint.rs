//! `--checkpoint`, `--resume` and `--shard`: a command that is resumed, or divided among machines.

use std::fmt::Display;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rescuesim::engine::{Job, Observer};
use rescuesim::scenario::Scenario;
use rescuesim::summary::checkpoint::{
    Checkpoint, CheckpointError, JobTotal, RunId, Shard, StoredTotal,
};

use super::clock::now;
use super::output::{self, OutputFile, print};
use super::{Failure, input, values};

/// Checkpoint of a command that simulates.
#[derive(Debug, Args)]
pub struct CheckpointArgs {
    /// Write what has been simulated to this file, every second or so, so that --resume can continue
    /// after an interruption. The file also serves to add replicates to a finished run.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Continue from the file of --checkpoint, if it exists.
    #[arg(long, requires = "checkpoint")]
    resume: bool,
    /// Minimum seconds between two writings of the file of --checkpoint. A large file is written less
    /// often, so that at most a tenth of the time goes into it.
    #[arg(long, value_name = "SECONDS", requires = "checkpoint", default_value_t = 1.0, value_parser = values::seconds)]
    checkpoint_every: f64,
}

/// Shard of a run.
#[derive(Debug, Args)]
pub struct ShardArgs {
    /// Simulate only a part of the replicates, as in `--shard 3/16` for the third of 16, into the file of
    /// --checkpoint; `merge` combines the files of all shards.
    #[arg(long, value_name = "SHARD", requires = "checkpoint", conflicts_with_all = ["precision", "out", "format"])]
    shard: Option<Shard>,
}

/// The file of `--checkpoint`, which is written while a command simulates.
pub struct CheckpointFile {
    path: PathBuf,
    /// Jobs of the file that was resumed, and those of this run.
    content: Checkpoint,
    /// Position in the content of the current job.
    current: usize,
    /// Minimum time between two writings.
    interval: Duration,
    /// Time that the last writing took.
    took: Duration,
    /// Time of the last writing.
    saved: Instant,
    /// Whether a warning about a failed writing has been printed.
    has_failed: bool,
    /// The file as last written, locked so that no other run takes it.
    locked: Option<File>,
    pace: Pace,
}

impl ShardArgs {
    /// Whether a part of the replicates is simulated.
    pub fn is_given(&self) -> bool {
        self.shard.is_some()
    }

    /// Returns the shard of the replicates that is simulated.
    pub fn shard(&self) -> Shard {
        self.shard.unwrap_or(Shard::WHOLE)
    }

    /// Refuses more shards than there are replicates in all jobs together.
    ///
    /// # Errors
    /// When there are.
    pub fn check(&self, replicates: u64) -> Result<(), Failure> {
        if self.shard().count() > replicates {
            return Err(Failure::Usage(format!(
                "--shard {}: {replicates} replicates cannot be divided into more shards than replicates; allowed: at most {replicates} shards",
                self.shard()
            )));
        }
        Ok(())
    }

    /// Prints that a shard is done, given the replicates of all jobs together.
    ///
    /// # Errors
    /// When standard output cannot be written to.
    pub fn report(&self, checkpoint: &CheckpointArgs, replicates: u64) -> Result<(), Failure> {
        let shard = self.shard();
        // Counted over all jobs, as a shard may end in the middle of a point of a grid.
        let Range { start, end } = shard.replicates(replicates);
        let path = checkpoint.checkpoint.as_deref().expect("a shard has a file").display();
        print(&format!(
            "shard {shard}, replicates {start} to {} of {replicates}: {path}\nWhen all {} are complete: rescuesim merge FILES\n",
            end - 1,
            shard.count()
        ))
    }
}

impl CheckpointArgs {
    /// Whether what is simulated is kept in a file.
    pub fn is_given(&self) -> bool {
        self.checkpoint.is_some()
    }

    /// Opens the file that is asked for, if any, and reads what it has of `run`.
    ///
    /// # Errors
    /// When there is a file and it may not be resumed, is of another run or damaged; when it cannot be
    /// written.
    pub fn open(&self, run: RunId, threads: usize) -> Result<Option<CheckpointFile>, Failure> {
        let Some(path) = &self.checkpoint else { return Ok(None) };
        self.open_at(path, run, threads).map(Some).map_err(|why| refused(path, why))
    }

    fn open_at(&self, path: &Path, run: RunId, threads: usize) -> Result<CheckpointFile, String> {
        // Before anything is simulated, so that a place that cannot be written is reported at once.
        let file = OutputFile::at(path).map_err(unwritable)?;
        // Until the file is there, so that of two runs that begin together one finds that of the other.
        let _folder = output::lock(output::folder_of(path));
        let content = match read_if_there(path)? {
            Some(_) if !self.resume => {
                return Err(
                    "the file exists; allowed: --resume to continue from it, or another file"
                        .into(),
                );
            }
            Some(text) => Checkpoint::read(&text)
                .and_then(|begun| begun.resumed_by(&run))
                .map_err(|error| format!("the file {error}"))?,
            None => Checkpoint::new(run.clone()),
        };
        let mut opened = CheckpointFile {
            path: path.to_owned(),
            // The run as it is asked for now: it may have more replicates than the one that was begun.
            content: Checkpoint { run, ..content },
            current: 0,
            interval: Duration::from_secs_f64(self.checkpoint_every),
            took: Duration::ZERO,
            saved: now(),
            has_failed: false,
            locked: None,
            pace: Pace::new(threads),
        };
        // Although nothing is new: only a file that exists can be locked against a second run.
        opened.write(file).map_err(unwritable)?;
        Ok(opened)
    }
}

fn refused(path: &Path, why: impl Display) -> Failure {
    Failure::Usage(format!("--checkpoint {}: {why}", path.display()))
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
            // To open a named pipe would wait for its writer, without a message.
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

    /// Begins a job at its place in the run. If the file has some of its replicates, `job` continues
    /// after these. `empty` is a total of none.
    ///
    /// # Errors
    /// When the file has this job with another scenario, with more replicates, or with a total that is
    /// none of its scenario.
    pub fn begin<A: StoredTotal>(
        &mut self,
        begun: JobTotal,
        job: &mut Job<'_, A>,
        scenarios: &[&Scenario],
        empty: impl Fn() -> A,
    ) -> Result<(), Failure> {
        let jobs = &mut self.content.jobs;
        let place = jobs.iter().position(|of| of.number == begun.number);
        self.current = place.unwrap_or(jobs.len());
        let Some(place) = place else {
            jobs.push(begun);
            return Ok(());
        };
        // The run is the same, so a job that differs is one that was forged, or written by a program with
        // a fault.
        let found = &jobs[place];
        let restored = if found.is_of(&begun) && found.next <= job.replicates.end {
            found.restored(scenarios, empty())
        } else {
            Err(CheckpointError::NotACheckpoint("its contents are inconsistent".to_owned()))
        };
        let restored =
            restored.map_err(|error| refused(&self.path, format!("the file {error}")))?;
        job.resumed = Some(restored);
        job.replicates.start = found.next;
        Ok(())
    }

    /// Takes the total of the current job when its last replicate is done.
    pub fn end_job(&mut self, total: &impl StoredTotal, next: u64) {
        self.content.jobs[self.current].advance(total, next);
        if self.is_due() {
            self.save();
        }
    }

    /// Whether it is time for the next writing.
    fn is_due(&self) -> bool {
        // A checkpoint of thousands of points takes a while to be written.
        // Nine times as long between two writings leaves a tenth of the time to them.
        self.saved.elapsed() >= self.interval.max(9 * self.took)
    }

    /// Writes the content. A failure is a warning, once: the run may yet end, and [`Self::finish`]
    /// returns the failure that matters.
    fn save(&mut self) {
        let file = OutputFile::at(&self.path);
        if let Err(error) = file.and_then(|file| self.write(file))
            && !std::mem::replace(&mut self.has_failed, true)
        {
            let path = self.path.display();
            output::warn(&format!("cannot write --checkpoint {path}: {error}; the run continues"));
        }
    }

    /// Makes the file one of the run that it has become: at its end a precision has its number of
    /// replicates.
    #[must_use]
    pub fn of_run(mut self, run: RunId) -> Self {
        self.content.run = run;
        self
    }

    /// Writes the last totals.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(mut self) -> Result<(), Failure> {
        let file = OutputFile::at(&self.path);
        file.and_then(|file| self.write(file)).map_err(|error| {
            let path = self.path.display();
            Failure::Running(format!("cannot write --checkpoint {path}: {error}"))
        })
    }

    fn write(&mut self, file: OutputFile) -> io::Result<()> {
        let begun = now();
        let text = self.content.to_json();
        let written = file.filled(text.as_bytes()).and_then(OutputFile::put_in_place);
        // After a failure too: a full disk is not tried again at every wave.
        self.saved = now();
        self.took = self.saved - begun;
        // The file that was locked so far has been replaced, and its lock protects nothing any more.
        self.locked = Some(written?);
        Ok(())
    }
}

impl<A: StoredTotal> Observer<A> for CheckpointFile {
    fn before_wave(&mut self, total: &A, next: u64) -> u64 {
        let wave = self.pace.next_wave();
        if self.is_due() {
            self.content.jobs[self.current].advance(total, next);
            self.save();
        }
        // Not counting what the writing took.
        self.pace.begin();
        wave
    }

    // Whether or not a writing is due, as the program ends after it.
    fn cancelled(&mut self, total: &A, next: u64) {
        self.content.jobs[self.current].advance(total, next);
        self.save();
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
