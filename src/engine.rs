//! Many replicates, in parallel, with a result that depends on their numbers alone.
//!
//! Replicates go to the workers in chunks. Each worker folds chunks that follow each other into an
//! accumulator whose sums are exact, so it does not matter who got what. Rows, when asked for, are
//! handed over in order of replicate, wave by wave, while the next wave is simulated.
//!
//! A cancelled run stops within a replicate. The replicate that is cut short counts for nothing, nor
//! does any after it: what is kept are the first replicates of the run.

use std::io;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::rng::Replicate;
use crate::scenario::Scenario;
use crate::trial::{ReplicateResult, Simulator, TrialResult};

/// Replicates handed to a worker at a time.
pub const CHUNK: u64 = 64;
/// Chunks per worker, if there are as many replicates: enough to even out the load.
const CHUNKS_AT_LEAST: u64 = 8;
/// Chunks per worker in a wave of rows: enough to even out the load, few enough to hold in memory.
const CHUNKS_PER_WAVE: u64 = 32;

/// Replicates between two looks at a running total that decide whether there are enough: enough to keep
/// many workers busy, few enough to stop soon.
pub const WAVE: u64 = 8192;

/// What replicates are folded into. Adding and merging must not depend on their order.
pub trait Accumulator: Send {
    /// Takes in one replicate, as it went in each of the scenarios that are run together.
    fn add(&mut self, results: &[ReplicateResult]);
    /// Takes in what another accumulator has.
    fn merge(&mut self, other: Self);
}

/// Takes rows in order of replicate, truth and analysis.
pub type RowSink<'a> = &'a mut (dyn FnMut(&[TrialResult]) -> io::Result<()> + Send);

/// How to run.
pub struct Options<'a> {
    /// Numbers of the replicates to run.
    pub replicates: Range<u64>,
    /// Worker threads; all cores when `None`.
    pub threads: Option<usize>,
    /// Told how many replicates have just been finished.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Set to stop early.
    pub cancelled: &'a AtomicBool,
}

/// Why a run did not finish.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Stopped on request.
    #[error("interrupted")]
    Cancelled,
    /// The operating system gave no threads.
    #[error("cannot start worker threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A row could not be written.
    #[error("cannot write rows: {0}")]
    Rows(#[from] io::Error),
}

/// Runs replicates of a scenario and folds them into an accumulator made by `new`.
///
/// # Errors
/// When interrupted, when threads cannot be started, when `rows` fails.
pub fn run<A: Accumulator>(
    scenario: &Scenario,
    options: &Options<'_>,
    new: impl Fn() -> A + Sync,
    rows: Option<RowSink<'_>>,
) -> Result<A, RunError> {
    run_together(std::slice::from_ref(scenario), options, new, rows)
}

/// Runs the same replicates of several scenarios side by side; rows are those of all, scenario by
/// scenario within a replicate.
///
/// # Errors
/// As [`run`].
pub fn run_together<A: Accumulator>(
    scenarios: &[Scenario],
    options: &Options<'_>,
    new: impl Fn() -> A + Sync,
    rows: Option<RowSink<'_>>,
) -> Result<A, RunError> {
    let (pool, crew) = Crew::new(scenarios, options)?;
    pool.install(|| match rows {
        None => crew.simulate_all(&options.replicates, &new),
        Some(sink) => crew.simulate_with_rows(sink, &new),
    })
}

/// Runs the same replicates of several scenarios side by side in waves, on top of what `total` has of
/// those before `options.replicates`. Before each wave `wave_end` is shown the total and the number of
/// the next replicate; it gives the end of the wave, or `None` to stop. At the end of
/// `options.replicates` it is asked once more, and its answer does not count. When interrupted, the
/// total is that of all replicates before the first that was not finished.
///
/// A total does not depend on the waves it came in: it is that of [`run`] over as many replicates.
///
/// # Errors
/// When threads cannot be started.
pub fn run_in_waves<A: Accumulator>(
    scenarios: &[Scenario],
    options: &Options<'_>,
    mut total: A,
    new: impl Fn() -> A + Sync,
    mut wave_end: impl FnMut(&A, u64) -> Option<u64>,
) -> Result<Waves<A>, RunError> {
    let Range { start: mut next, end: last } = options.replicates;
    let (pool, crew) = Crew::new(scenarios, options)?;
    while let Some(end) = wave_end(&total, next)
        && next < last
    {
        let wave = next..end.clamp(next + 1, last);
        let batch = pool.install(|| crew.simulate_wave(&wave, &new));
        total.merge(batch.tally);
        next += batch.done;
        if batch.interrupted {
            return Ok(Waves { total, next, interrupted: true });
        }
    }
    Ok(Waves { total, next, interrupted: false })
}

/// What came of waves.
#[derive(Debug)]
pub struct Waves<A> {
    /// Of all replicates before `next`.
    pub total: A,
    /// The number of the replicate after these.
    pub next: u64,
    /// Whether there would have been more.
    pub interrupted: bool,
}

struct Worker<'s> {
    /// One per scenario.
    simulators: Vec<Simulator<'s>>,
    results: Vec<ReplicateResult>,
}

/// Replicates that follow each other, folded.
struct Batch<A> {
    tally: A,
    /// Replicates in it.
    done: u64,
    /// Whether a replicate was cut short; none after it is taken in.
    interrupted: bool,
    /// Where they are wanted.
    rows: Vec<TrialResult>,
}

impl<A: Accumulator> Batch<A> {
    fn new(tally: A) -> Self {
        Self { tally, done: 0, interrupted: false, rows: Vec::new() }
    }

    /// With the replicates of another batch that come after these, unless one of these is missing.
    fn followed_by(mut self, next: Self) -> Self {
        if !self.interrupted {
            self.tally.merge(next.tally);
            self.done += next.done;
            self.interrupted = next.interrupted;
            self.rows.extend(next.rows);
        }
        self
    }
}

/// The workers of a pool, one per thread.
struct Crew<'r> {
    workers: Vec<Mutex<Worker<'r>>>,
    options: &'r Options<'r>,
}

impl<'r> Crew<'r> {
    fn new(
        scenarios: &'r [Scenario],
        options: &'r Options<'r>,
    ) -> Result<(rayon::ThreadPool, Self), RunError> {
        let threads = options.threads.unwrap_or(0);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let simulator = |scenario| Simulator::new(scenario).heeding(options.cancelled);
        let worker = |_| {
            Mutex::new(Worker {
                simulators: scenarios.iter().map(simulator).collect(),
                results: scenarios.iter().map(|_| ReplicateResult::default()).collect(),
            })
        };
        let workers = (0..pool.current_num_threads()).map(worker).collect();
        Ok((pool, Self { workers, options }))
    }

    fn is_cancelled(&self) -> bool {
        self.options.cancelled.load(Ordering::Relaxed)
    }

    /// The chunks of a range of replicates: small where there are few, so that every thread gets some.
    fn chunks(
        &self,
        replicates: &Range<u64>,
    ) -> impl IndexedParallelIterator<Item = Range<u64>> + use<> {
        let Range { start, end } = *replicates;
        let all = end.saturating_sub(start);
        let size = (all / (CHUNKS_AT_LEAST * self.workers.len() as u64)).clamp(1, CHUNK);
        (0..all.div_ceil(size) as usize).into_par_iter().map(move |chunk| {
            let from = start + chunk as u64 * size;
            from..end.min(from + size)
        })
    }

    /// Simulates replicates on all threads, or until cancelled: of very many, not even to walk past
    /// the rest takes no time.
    fn simulate_all<A: Accumulator>(
        &self,
        replicates: &Range<u64>,
        new: &(impl Fn() -> A + Sync),
    ) -> Result<A, RunError> {
        let batches = self.chunks(replicates).try_fold(
            || Batch::new(new()),
            |batch, chunk| {
                let batch = self.simulate(batch, chunk, Rows::Dropped);
                if batch.interrupted { Err(RunError::Cancelled) } else { Ok(batch) }
            },
        );
        let all = batches.try_reduce_with(|batch, next| Ok(batch.followed_by(next)));
        Ok(all.transpose()?.map_or_else(new, |all| all.tally))
    }

    /// Simulates replicates on all threads: all of them, or when cancelled those before the first that
    /// was not finished.
    fn simulate_wave<A: Accumulator>(
        &self,
        replicates: &Range<u64>,
        new: &(impl Fn() -> A + Sync),
    ) -> Batch<A> {
        let batches = self
            .chunks(replicates)
            .fold(|| Batch::new(new()), |batch, chunk| self.simulate(batch, chunk, Rows::Dropped));
        let all = batches.reduce_with(Batch::followed_by);
        all.unwrap_or_else(|| Batch::new(new()))
    }

    /// Simulates a chunk on the calling thread, on top of the replicates before it.
    fn simulate<A: Accumulator>(
        &self,
        mut batch: Batch<A>,
        chunk: Range<u64>,
        rows: Rows,
    ) -> Batch<A> {
        if batch.interrupted {
            return batch;
        }
        let thread = rayon::current_thread_index().expect("called from a worker of the pool");
        let mut worker = self.workers[thread].lock().expect("a panic has ended the run before");
        let Worker { simulators, results } = &mut *worker;
        let Range { start: first, end } = chunk;
        let before = batch.done;
        for replicate in first..end {
            if self.is_cancelled() {
                batch.interrupted = true;
                break;
            }
            for (simulator, result) in simulators.iter_mut().zip(&mut *results) {
                simulator.enrol(replicate..end, &mut |_| {});
                simulator.run_into(Replicate(replicate), result);
            }
            // Only now is it known that it was not cut short.
            if self.is_cancelled() {
                batch.interrupted = true;
                break;
            }
            batch.tally.add(results);
            batch.done += 1;
            if rows == Rows::Kept {
                results.iter().for_each(|result| batch.rows.extend_from_slice(&result.trials));
            }
        }
        (self.options.progress)(batch.done - before);
        batch
    }

    fn simulate_with_rows<A: Accumulator>(
        &self,
        sink: RowSink<'_>,
        new: &(impl Fn() -> A + Sync),
    ) -> Result<A, RunError> {
        let replicates = &self.options.replicates;
        let wave = CHUNK * CHUNKS_PER_WAVE * self.workers.len() as u64;
        let mut total = new();
        let mut finished: Vec<Vec<TrialResult>> = Vec::new();
        let mut start = replicates.start;
        while start < replicates.end {
            let end = replicates.end.min(start + wave);
            let simulate = || -> Vec<Batch<A>> {
                let batches = self.chunks(&(start..end)).fold(
                    || Batch::new(new()),
                    |batch, chunk| self.simulate(batch, chunk, Rows::Kept),
                );
                batches.collect()
            };
            let (written, batches) =
                rayon::join(|| finished.iter().try_for_each(|rows| sink(rows)), simulate);
            written?;
            finished.clear();
            for batch in batches {
                if batch.interrupted {
                    return Err(RunError::Cancelled);
                }
                total.merge(batch.tally);
                finished.push(batch.rows);
            }
            start = end;
        }
        finished.iter().try_for_each(|rows| sink(rows))?;
        Ok(total)
    }
}

/// Whether the rows of a batch are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Kept,
    Dropped,
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Seen(Vec<u64>);

    impl Accumulator for Seen {
        fn add(&mut self, results: &[ReplicateResult]) {
            self.0.push(results[0].trials[0].replicate);
        }
        fn merge(&mut self, other: Self) {
            self.0.extend(other.0);
        }
    }

    fn scenario() -> Scenario {
        let text = include_str!("../scenarios/angel-reboot.toml");
        Scenario::parse(text, &[]).expect("the shipped scenario is valid")
    }

    #[test]
    fn every_replicate_is_run_once_and_rows_come_in_order() {
        let scenario = scenario();
        for (threads, replicates) in [(1, 0..1), (2, 0..5000), (3, 130..9000), (7, 3..3)] {
            let options = Options {
                replicates: replicates.clone(),
                threads: Some(threads),
                progress: &|_| {},
                cancelled: &AtomicBool::new(false),
            };
            let mut rows = Vec::new();
            let mut sink = |trials: &[TrialResult]| {
                rows.extend(trials.iter().map(|trial| trial.replicate));
                Ok(())
            };
            let seen = run(&scenario, &options, || Seen(Vec::new()), Some(&mut sink));
            let mut seen = seen.expect("nothing stops it").0;
            seen.sort_unstable();
            let expected: Vec<u64> = replicates.collect();
            assert_eq!(seen, expected);
            // Two truths and two analyses.
            let in_fours: Vec<u64> = expected.iter().flat_map(|&r| [r; 4]).collect();
            assert_eq!(rows, in_fours);
        }
    }

    #[test]
    fn waves_add_up_for_any_number_of_threads_and_end_when_told_or_at_the_limit() {
        let scenario = scenario();
        let scenarios = std::slice::from_ref(&scenario);
        let in_waves = |threads, replicates, before: &[u64], most: usize| {
            let options = Options {
                replicates,
                threads: Some(threads),
                progress: &|_| {},
                cancelled: &AtomicBool::new(false),
            };
            let mut shown = Vec::new();
            let wave_end = |total: &Seen, next: u64| {
                shown.push((total.0.len() as u64, next));
                (shown.len() <= most).then_some(next + WAVE)
            };
            let new = || Seen(Vec::new());
            let ran = run_in_waves(scenarios, &options, Seen(before.to_vec()), new, wave_end);
            let Waves { mut total, next, interrupted } = ran.expect("there are threads");
            assert!(!interrupted);
            total.0.sort_unstable();
            (total.0, next, shown)
        };
        for threads in [1, 3] {
            let (seen, next, shown) = in_waves(threads, 100..50_000, &[7], 2);
            assert_eq!(shown, [(1, 100), (1 + WAVE, 100 + WAVE), (1 + 2 * WAVE, 100 + 2 * WAVE)]);
            assert_eq!(next, 100 + 2 * WAVE);
            assert_eq!(seen, [7].into_iter().chain(100..next).collect::<Vec<u64>>());

            let (seen, next, shown) = in_waves(threads, 5..505, &[], 9);
            assert_eq!((seen, next), ((5..505).collect(), 505));
            assert_eq!(shown, [(0, 5), (500, 505)]);
            assert_eq!(in_waves(threads, 8..8, &[], 9).2, [(0, 8)]);
        }
    }

    /// Cut somewhere in a wave, the total is that of the first replicates, without a gap.
    #[test]
    fn an_interrupted_wave_keeps_the_replicates_before_the_first_that_is_missing() {
        let scenario = scenario();
        let scenarios = std::slice::from_ref(&scenario);
        for threads in [1, 2, 3] {
            let cancelled = AtomicBool::new(false);
            let stop = |_| cancelled.store(true, Ordering::Relaxed);
            let options = Options {
                replicates: 10..1_000_000,
                threads: Some(threads),
                progress: &stop,
                cancelled: &cancelled,
            };
            let new = || Seen(Vec::new());
            let all = |_: &Seen, next| Some(next + 5000);
            let ran = run_in_waves(scenarios, &options, new(), new, all).expect("threads");
            let Waves { mut total, next, interrupted } = ran;
            total.0.sort_unstable();
            assert!(interrupted && next < 5010);
            assert_eq!(total.0, (10..next).collect::<Vec<u64>>());
            // On one thread the chunk that was finished is kept.
            assert!(threads > 1 || next > 10, "{next}");
        }
    }

    #[test]
    fn a_cancelled_run_and_a_failing_sink_end_with_their_reason() {
        let scenario = scenario();
        let cancelled = AtomicBool::new(false);
        let stop = |_| cancelled.store(true, Ordering::Relaxed);
        let options = Options {
            replicates: 0..1_000_000_000,
            threads: Some(2),
            progress: &stop,
            cancelled: &cancelled,
        };
        let result = run(&scenario, &options, || Seen(Vec::new()), None);
        assert!(matches!(result, Err(RunError::Cancelled)));

        // Whole waves are kept; the last was cut before its first replicate.
        cancelled.store(false, Ordering::Relaxed);
        let options = Options { progress: &|_| {}, ..options };
        let mut waves = 0;
        let wave_end = |_: &Seen, next| {
            waves += 1;
            cancelled.store(waves == 3, Ordering::Relaxed);
            Some(next + 100)
        };
        let scenarios = std::slice::from_ref(&scenario);
        let new = || Seen(Vec::new());
        let ran = run_in_waves(scenarios, &options, new(), new, wave_end).expect("threads");
        assert!(ran.interrupted);
        assert_eq!((ran.total.0.len(), ran.next), (200, 200));

        let options =
            Options { replicates: 0..100_000, cancelled: &AtomicBool::new(false), ..options };
        let mut full = |_: &[TrialResult]| Err(io::Error::from(io::ErrorKind::StorageFull));
        let options = Options { progress: &|_| {}, ..options };
        let result = run(&scenario, &options, || Seen(Vec::new()), Some(&mut full));
        assert!(matches!(result, Err(RunError::Rows(_))));
    }
}
