//! Many replicates, folded in parallel into one total that depends on their numbers alone.
//!
//! [`fold`] is the only way in. It simulates replicates in waves; a wave goes to the workers in chunks.
//! Each worker folds chunks that follow each other into an accumulator whose sums are exact, so it does
//! not matter which worker got which chunk. Between two waves a stop rule may end the fold, and an
//! observer sees the total. Rows are handed over in order of replicate, those of one wave while the next
//! is simulated.
//!
//! A cancelled fold ends within a replicate. The replicate that is cut short counts for nothing, nor
//! does any after it: the total is that of the first replicates of the job.

use std::io;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::scenario::Scenario;
use crate::trial::{AdjustedEstimates, NEVER_CANCELLED, ReplicateResult, Simulator, TrialResult};

/// Replicates handed to a worker at a time.
// Long enough that handing over costs nothing (a millisecond of work), and a multiple of the replicates
// that a simulator enrols together.
pub const CHUNK: u64 = 64;

/// Replicates between two decisions of a stop rule: the rule sees the totals of 8192, 16 384 … replicates
/// and no others.
// Enough to keep many workers busy in between, few enough to stop soon.
pub const STOP_EVERY: u64 = 8192;

/// Chunks per worker of a wave, if it has as many replicates.
// A worker that finishes early takes over chunks of the others.
const CHUNKS_AT_LEAST: u64 = 8;

/// Chunks per worker in a wave whose rows are handed over.
// Rows stay in memory until the next wave is simulated: 2 048 replicates of about 2 kB a worker.
const CHUNKS_WITH_ROWS: u64 = 32;

/// Replicates of a wave at most.
// After a cancellation rayon still walks past all chunks of the wave: a million take milliseconds, those
// of 10¹² replicates would take minutes.
const MOST_PER_WAVE: u64 = CHUNK << 20;

/// A sum over replicates. Adding and merging must not depend on their order.
pub trait Accumulator: Send {
    /// Adds one replicate, given its results in each of the scenarios that are simulated together.
    fn add(&mut self, results: &[ReplicateResult]);
    /// Adds all replicates of another accumulator.
    fn merge(&mut self, other: Self);
}

/// Sees the total of a fold as it grows.
pub trait Observer<A> {
    /// Receives the total of all replicates before `next`, as a wave is about to begin. Returns how many
    /// replicates this wave may have at most.
    fn before_wave(&mut self, total: &A, next: u64) -> u64;
    /// Receives the total of a cancelled fold: that of all replicates before `next`, the first that was
    /// not finished.
    fn cancelled(&mut self, total: &A, next: u64);
}

/// Decides whether the total of all replicates before the given one is enough.
pub type StopRule<'a, A> = &'a mut dyn FnMut(&A, u64) -> bool;

/// Takes the rows of a fold.
// Sent to another thread: rows are written while the next wave is simulated.
pub trait RowSink: Send {
    /// Takes the next rows, in order of replicate, scenario, truth and analysis.
    ///
    /// # Errors
    /// When they cannot be taken, which ends the fold.
    fn take(&mut self, rows: &[TrialResult]) -> io::Result<()>;
}

/// Replicates to simulate, and what accompanies them.
///
/// [`Job::of`] has the usual values: all cores, nothing that stops or observes.
pub struct Job<'a, A> {
    /// Numbers of the replicates.
    pub replicates: Range<u64>,
    /// Total that these replicates are added to; an empty one if `None`.
    pub resumed: Option<A>,
    /// Worker threads; all cores if `None`. The result does not depend on them.
    pub threads: Option<usize>,
    /// Flag that cancels the fold once it is set.
    pub cancelled: &'a AtomicBool,
    /// Receives how many replicates a worker has just finished.
    // A shared function rather than part of the observer: all workers call it at once.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Ends the fold before its last replicate, at a multiple of [`STOP_EVERY`].
    pub stop: Option<StopRule<'a, A>>,
    /// Sees the total between waves.
    pub observer: Option<&'a mut dyn Observer<A>>,
    /// Whether trials get estimates that allow for the looks.
    pub estimates: AdjustedEstimates,
    /// Receives the rows; none are kept if `None`.
    pub rows: Option<&'a mut dyn RowSink>,
}

impl<'a, A> Job<'a, A> {
    /// Returns a job of these replicates that runs to its end on all cores.
    pub fn of(replicates: Range<u64>) -> Self {
        Self {
            replicates,
            resumed: None,
            threads: None,
            cancelled: &NEVER_CANCELLED,
            progress: &|_| {},
            stop: None,
            observer: None,
            estimates: AdjustedEstimates::Computed,
            rows: None,
        }
    }

    /// Returns the same job with a shorter lifetime, so that a function that is given a job can add what
    /// lives no longer than its call.
    // Mutable references to trait objects are invariant: `..job` would not shorten them, a coercion does.
    pub fn shortened<'b>(self) -> Job<'b, A>
    where
        'a: 'b,
    {
        Job {
            replicates: self.replicates,
            resumed: self.resumed,
            threads: self.threads,
            cancelled: self.cancelled,
            progress: self.progress,
            stop: self.stop.map(|stop| stop as StopRule<'b, A>),
            observer: self.observer.map(|observer| observer as &mut dyn Observer<A>),
            estimates: self.estimates,
            rows: self.rows.map(|rows| rows as &mut dyn RowSink),
        }
    }
}

/// The result of a fold.
#[derive(Debug)]
pub struct Folded<A> {
    /// Total of all replicates before `next`.
    pub total: A,
    /// Number of the first replicate that was not simulated: the end of the job, or where its stop rule
    /// ended it.
    pub next: u64,
}

/// Why a fold did not finish.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// Cancelled on request.
    #[error("interrupted")]
    Cancelled,
    /// The operating system gave no threads.
    #[error("cannot start worker threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A row could not be written.
    #[error("cannot write rows: {0}")]
    Rows(#[from] io::Error),
}

/// Simulates the replicates of a job in each of some scenarios, and folds them into an accumulator that
/// `new` makes.
///
/// The total depends on the scenarios and the replicates alone, not on threads, waves or where an
/// earlier fold was cut.
///
/// # Errors
/// When cancelled, when threads cannot be started, when a row cannot be written.
pub fn fold<'s, A: Accumulator>(
    scenarios: impl IntoIterator<Item = &'s Scenario>,
    job: Job<'_, A>,
    new: impl Fn() -> A + Sync,
) -> Result<Folded<A>, FoldError> {
    let Job { replicates, resumed, threads, cancelled, progress, stop, .. } = job;
    let Job { mut observer, estimates, mut rows, .. } = job;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build()?;
    let keeps_rows = rows.is_some();
    let mut crew = Crew { workers: Vec::new(), cancelled, progress, estimates, keeps_rows };
    crew.hire(pool.current_num_threads(), &scenarios.into_iter().collect::<Vec<_>>());
    let mut total = resumed.unwrap_or_else(&new);
    let mut next = replicates.start;
    let mut stop = stop;
    let mut unwritten = Vec::new();
    while next < replicates.end {
        // At the same numbers whatever the waves were: the number of replicates is part of the result.
        if let Some(is_enough) = &mut stop
            && next > 0
            && next.is_multiple_of(STOP_EVERY)
            && is_enough(&total, next)
        {
            break;
        }
        let mut most = crew.most_per_wave();
        if stop.is_some() {
            most = most.min(STOP_EVERY - next % STOP_EVERY);
        }
        if let Some(observer) = &mut observer {
            most = most.min(observer.before_wave(&total, next).max(1));
        }
        let wave = next..replicates.end.min(next.saturating_add(most));
        let (written, batch) = pool.install(|| {
            rayon::join(|| hand_over(&mut rows, &unwritten), || crew.simulate_wave(&wave, &new))
        });
        written?;
        total.merge(batch.tally);
        next += batch.done;
        if batch.is_cut {
            if let Some(observer) = &mut observer {
                observer.cancelled(&total, next);
            }
            return Err(FoldError::Cancelled);
        }
        unwritten = batch.rows;
    }
    hand_over(&mut rows, &unwritten)?;
    Ok(Folded { total, next })
}

/// Hands over the rows of a wave.
fn hand_over(sink: &mut Option<&mut dyn RowSink>, rows: &[Vec<TrialResult>]) -> io::Result<()> {
    sink.as_mut().map_or(Ok(()), |sink| rows.iter().try_for_each(|rows| sink.take(rows)))
}

/// The buffers of one thread.
struct Worker<'s> {
    /// One simulator per scenario.
    simulators: Vec<Simulator<'s>>,
    /// Results of the current replicate, one per scenario.
    results: Vec<ReplicateResult>,
}

/// The workers of a pool, one per thread.
struct Crew<'r> {
    // Never contended: each thread locks its own. A mutex is what lets rayon share them.
    workers: Vec<Mutex<Worker<'r>>>,
    cancelled: &'r AtomicBool,
    progress: &'r (dyn Fn(u64) + Sync),
    estimates: AdjustedEstimates,
    keeps_rows: bool,
}

/// Replicates that follow each other, folded.
struct FoldedChunks<A> {
    tally: A,
    /// Number of replicates.
    done: u64,
    /// Whether the fold was cancelled in or before a replicate of the batch; none after it is added.
    is_cut: bool,
    /// Rows, if they are kept, in pieces that need not be copied when batches are joined.
    rows: Vec<Vec<TrialResult>>,
}

impl<A: Accumulator> FoldedChunks<A> {
    fn new(tally: A) -> Self {
        Self { tally, done: 0, is_cut: false, rows: Vec::new() }
    }

    /// Appends a batch of later replicates, unless one of its own is missing.
    fn followed_by(mut self, next: Self) -> Self {
        // Behind a gap nothing counts: a resumed run could not say which replicates it has.
        if !self.is_cut {
            self.tally.merge(next.tally);
            self.done += next.done;
            self.is_cut = next.is_cut;
            self.rows.extend(next.rows);
        }
        self
    }
}

impl<'r> Crew<'r> {
    fn hire(&mut self, threads: usize, scenarios: &[&'r Scenario]) {
        for _ in 0..threads {
            let simulators = scenarios.iter().map(|&of| {
                Simulator::new(of).cancelled_by(self.cancelled).with_estimates(self.estimates)
            });
            let results = scenarios.iter().map(|_| ReplicateResult::default());
            self.workers.push(Mutex::new(Worker {
                simulators: simulators.collect(),
                results: results.collect(),
            }));
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Replicates that a wave may have, whatever stops or observes the fold.
    fn most_per_wave(&self) -> u64 {
        if self.keeps_rows {
            CHUNK * CHUNKS_WITH_ROWS * self.workers.len() as u64
        } else {
            MOST_PER_WAVE
        }
    }

    /// Simulates a wave on all threads: all of it, or if cancelled the replicates before the first that
    /// was not finished.
    fn simulate_wave<A: Accumulator, N: Fn() -> A + Sync>(
        &self,
        replicates: &Range<u64>,
        new: &N,
    ) -> FoldedChunks<A> {
        let Range { start, end } = *replicates;
        let all = end - start;
        // Smaller chunks if there are few replicates, so that every thread gets some.
        let chunk = (all / (CHUNKS_AT_LEAST * self.workers.len() as u64)).clamp(1, CHUNK);
        // rayon joins batches in the order of their chunks, which keeps rows in order.
        (0..all.div_ceil(chunk) as usize)
            .into_par_iter()
            .map(|i| start + i as u64 * chunk)
            .fold(
                || FoldedChunks::new(new()),
                |batch, from| self.simulate_chunk(batch, from..end.min(from + chunk)),
            )
            .reduce_with(FoldedChunks::followed_by)
            .unwrap_or_else(|| FoldedChunks::new(new()))
    }

    /// Simulates a chunk on the calling thread and adds it to the replicates before it.
    fn simulate_chunk<A: Accumulator>(
        &self,
        mut batch: FoldedChunks<A>,
        replicates: Range<u64>,
    ) -> FoldedChunks<A> {
        if batch.is_cut {
            return batch;
        }
        let thread = rayon::current_thread_index().expect("called from a worker of the pool");
        let mut worker = self.workers[thread].lock().expect("a panic has ended the run before");
        let Worker { simulators, results } = &mut *worker;
        if self.keeps_rows && batch.rows.is_empty() {
            batch.rows.push(Vec::new());
        }
        let before = batch.done;
        for replicate in replicates.clone() {
            if self.is_cancelled() {
                batch.is_cut = true;
                break;
            }
            for (simulator, result) in simulators.iter_mut().zip(&mut *results) {
                simulator.run_into(replicate..replicates.end, result);
            }
            // Again: a simulator that is cancelled leaves its replicate unfinished and does not say so.
            if self.is_cancelled() {
                batch.is_cut = true;
                break;
            }
            batch.tally.add(results);
            batch.done += 1;
            if let Some(rows) = batch.rows.last_mut() {
                results.iter().for_each(|result| rows.extend_from_slice(&result.trials));
            }
        }
        (self.progress)(batch.done - before);
        batch
    }
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

    fn none() -> Seen {
        Seen(Vec::new())
    }

    /// Asks for waves of 5 000 replicates and notes what it sees; cancels after some waves.
    struct Noted<'a> {
        waves: Vec<(usize, u64)>,
        cut: Option<(Vec<u64>, u64)>,
        cancels_after: usize,
        flag: &'a AtomicBool,
    }

    impl<'a> Noted<'a> {
        fn new(flag: &'a AtomicBool, cancels_after: usize) -> Self {
            Self { waves: Vec::new(), cut: None, cancels_after, flag }
        }
    }

    impl Observer<Seen> for Noted<'_> {
        fn before_wave(&mut self, total: &Seen, next: u64) -> u64 {
            self.waves.push((total.0.len(), next));
            self.flag.store(self.waves.len() > self.cancels_after, Ordering::Relaxed);
            5000
        }
        fn cancelled(&mut self, total: &Seen, next: u64) {
            let mut seen = total.0.clone();
            seen.sort_unstable();
            self.cut = Some((seen, next));
        }
    }

    /// The replicates of the rows.
    struct Numbers(Vec<u64>);

    impl RowSink for Numbers {
        fn take(&mut self, rows: &[TrialResult]) -> io::Result<()> {
            self.0.extend(rows.iter().map(|row| row.replicate));
            Ok(())
        }
    }

    struct Full;

    impl RowSink for Full {
        fn take(&mut self, _: &[TrialResult]) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    fn scenario() -> Scenario {
        let text = include_str!("../scenarios/angel-reboot.toml");
        Scenario::parse(text, &[]).expect("the shipped scenario is valid")
    }

    #[test]
    fn every_replicate_is_simulated_once_and_rows_come_in_order() {
        let scenario = scenario();
        for (threads, replicates) in [(1, 0..1), (2, 0..5000), (3, 130..9000), (7, 3..3)] {
            let mut rows = Numbers(Vec::new());
            let job = Job {
                threads: Some(threads),
                rows: Some(&mut rows),
                ..Job::of(replicates.clone())
            };
            let Folded { total: Seen(mut seen), next } =
                fold([&scenario], job, none).expect("nothing stops it");
            seen.sort_unstable();
            assert_eq!(next, replicates.end);
            let expected: Vec<u64> = replicates.collect();
            assert_eq!(seen, expected);
            // Two truths and two analyses.
            let in_fours: Vec<u64> = expected.iter().flat_map(|&r| [r; 4]).collect();
            assert_eq!(rows.0, in_fours);
        }
    }

    #[test]
    fn a_stop_rule_decides_at_the_same_numbers_whatever_the_waves_and_where_a_fold_is_resumed() {
        let scenario = scenario();
        for (threads, begun, observed) in
            [(1, 0, false), (3, 0, true), (2, 100, true), (1, STOP_EVERY, false)]
        {
            let flag = AtomicBool::new(false);
            let mut observer = Noted::new(&flag, usize::MAX);
            let mut asked = Vec::new();
            let mut is_enough = |total: &Seen, next: u64| {
                asked.push((total.0.len() as u64, next));
                next == 2 * STOP_EVERY
            };
            let job = Job {
                resumed: Some(Seen((0..begun).collect())),
                threads: Some(threads),
                stop: Some(&mut is_enough),
                observer: if observed { Some(&mut observer) } else { None },
                ..Job::of(begun..u64::MAX)
            };
            let Folded { total: Seen(mut seen), next } =
                fold([&scenario], job, none).expect("nothing cancels it");
            seen.sort_unstable();
            assert_eq!(next, 2 * STOP_EVERY);
            assert_eq!(seen, (0..next).collect::<Vec<u64>>());
            assert_eq!(asked, [STOP_EVERY, 2 * STOP_EVERY].map(|at| (at, at)));
        }
    }

    #[test]
    fn an_observer_sees_every_total_and_a_job_without_replicates_is_done_at_once() {
        let scenario = scenario();
        for threads in [1, 3] {
            let flag = AtomicBool::new(false);
            let mut observer = Noted::new(&flag, usize::MAX);
            let job = Job {
                resumed: Some(Seen(vec![7])),
                threads: Some(threads),
                observer: Some(&mut observer),
                ..Job::of(100..11_000)
            };
            let folded = fold([&scenario], job, none).expect("nothing cancels it");
            assert_eq!(observer.waves, [(1, 100), (5001, 5100), (10_001, 10_100)]);
            assert_eq!((folded.total.0.len(), folded.next), (10_901, 11_000));

            let none_at_all = fold([&scenario], Job::of(8..8), none).expect("nothing to do");
            assert_eq!((none_at_all.total.0, none_at_all.next), (Vec::new(), 8));
        }
    }

    /// Cut somewhere in a wave, the total is that of the first replicates, without a gap.
    #[test]
    fn a_cancelled_fold_keeps_the_replicates_before_the_first_that_is_missing() {
        let scenario = scenario();
        for threads in [1, 2, 3] {
            let flag = AtomicBool::new(false);
            let mut observer = Noted::new(&flag, usize::MAX);
            let job = Job {
                threads: Some(threads),
                cancelled: &flag,
                progress: &|_| flag.store(true, Ordering::Relaxed),
                observer: Some(&mut observer),
                ..Job::of(10..1_000_000)
            };
            let folded = fold([&scenario], job, none);
            assert!(matches!(folded, Err(FoldError::Cancelled)));
            let (seen, next) = observer.cut.expect("it was cancelled");
            assert!(next < 5010, "{next}");
            assert_eq!(seen, (10..next).collect::<Vec<u64>>());
            // On one thread the chunk that was finished is kept.
            assert!(threads > 1 || next > 10, "{next}");
        }
    }

    #[test]
    fn a_fold_cancelled_between_waves_keeps_whole_waves() {
        let scenario = scenario();
        let flag = AtomicBool::new(false);
        let mut observer = Noted::new(&flag, 2);
        let job = Job {
            threads: Some(2),
            cancelled: &flag,
            observer: Some(&mut observer),
            ..Job::of(0..1_000_000)
        };
        assert!(matches!(fold([&scenario], job, none), Err(FoldError::Cancelled)));
        let (seen, next) = observer.cut.expect("it was cancelled");
        assert_eq!((seen.len(), next), (10_000, 10_000));
    }

    #[test]
    fn a_cancelled_fold_of_very_many_replicates_ends_at_once_and_a_failing_sink_with_its_reason() {
        let scenario = scenario();
        let flag = AtomicBool::new(false);
        let job = Job {
            threads: Some(2),
            cancelled: &flag,
            progress: &|_| flag.store(true, Ordering::Relaxed),
            ..Job::of(0..1_000_000_000_000)
        };
        assert!(matches!(fold([&scenario], job, none), Err(FoldError::Cancelled)));

        let job = Job { threads: Some(2), rows: Some(&mut Full), ..Job::of(0..100_000) };
        assert!(matches!(fold([&scenario], job, none), Err(FoldError::Rows(_))));
    }
}
