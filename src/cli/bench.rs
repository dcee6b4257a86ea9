//! `rescuesim bench`.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use rescuesim::engine::{self, Accumulator, FoldError, Job};
use rescuesim::explore::benchmark::{Benchmark, Measurements, PhaseTime, RepeatTimes, Throughput};
use rescuesim::report::bench as report;
use rescuesim::rng::Replicate;
use rescuesim::scenario::Scenario;
use rescuesim::summary::Tally;
use rescuesim::trial::{Phase, PhaseObserver, ReplicateResult, Simulator};

use super::clock::now;
use super::input;
use super::output::print_as;
use super::signals::cancelled_by_signal;
use super::simulation::worker_threads;
use super::{Failure, Format, ScenarioArgs, delay, values};

/// Time of a repeat on one thread if the number of replicates is not given.
const REPEAT: Duration = Duration::from_millis(400);

#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Replicates for each thread in every timed repeat; by default as many as one thread simulates in 0.4 seconds.
    #[arg(long, value_parser = values::replicates)]
    replicates: Option<u64>,
    /// Timed repeats of each figure, after a warm-up.
    // An odd number, so that the median is one of the repeats.
    #[arg(long, default_value_t = 9, value_parser = values::whole::<u32>(1, 1000))]
    repeats: u32,
    /// The most worker threads; all cores by default, and at most four for each core.
    #[arg(long, value_parser = values::threads)]
    threads: Option<u16>,
    /// A file that `bench --format json` wrote, to compare with.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub fn bench(args: &BenchArgs) -> Result<(), Failure> {
    let ScenarioArgs { scenario: path, overrides } = &args.scenario;
    // From here: reading and validating count as the wait for the first trial.
    let began = now();
    let scenario = delay::announced(false, || Scenario::load(path, overrides))?;
    Simulator::new(&scenario).run(Replicate(0));
    let first_trial = began.elapsed();
    let earlier = args.compare.as_ref().map(|path| read(path, &scenario)).transpose()?;
    let replicates = args.replicates.unwrap_or_else(|| replicates_in(&scenario, REPEAT));
    let (throughput, phases) = timed(args, &scenario, replicates)?;
    let command = args
        .scenario
        .command("bench")
        .option("replicates", replicates)
        .option("repeats", args.repeats);
    // The times by thread are of as many as there were.
    let command = match args.threads {
        Some(threads) => command.option("threads", threads),
        None => command,
    };
    let measured = Measurements {
        replicates,
        throughput,
        phases,
        seconds_to_first_trial: first_trial.as_secs_f64(),
        peak_memory_bytes: peak_memory(),
    };
    let found = Benchmark::new(&scenario, command.to_string(), measured);
    print_as(
        args.format,
        || report::document(&found, earlier.as_ref()),
        || report::to_json(&found, earlier.as_ref()),
    )
}

fn read(path: &Path, scenario: &Scenario) -> Result<Benchmark, Failure> {
    parse(path, scenario)
        .map_err(|why| Failure::Usage(format!("--compare {}: {why}", path.display())))
}

fn parse(path: &Path, scenario: &Scenario) -> Result<Benchmark, String> {
    let text = input::read_text(path).map_err(|error| format!("cannot be read: {error}"))?;
    let earlier: Benchmark = serde_json::from_str(&text)
        .map_err(|error| format!("is not what bench --format json writes: {error}"))?;
    // Times of other trials say nothing of a change of the program.
    if earlier.scenario_digest != scenario.digest() {
        return Err(format!("is of another scenario; it was made by: {}", earlier.command));
    }
    Ok(earlier)
}

/// Measures how many replicates one thread simulates in the given time.
fn replicates_in(scenario: &Scenario, time: Duration) -> u64 {
    let mut simulator = Simulator::new(scenario);
    // The first replicates fill tables for later ones.
    simulate_for(&mut simulator, time / 2);
    2 * simulate_for(&mut simulator, time / 2)
}

/// Simulates for the given time and returns the number of replicates.
fn simulate_for(simulator: &mut Simulator<'_>, time: Duration) -> u64 {
    let (began, mut replicates) = (now(), 0);
    while began.elapsed() < time {
        simulator.run(Replicate(replicates));
        replicates += 1;
    }
    replicates
}

/// Times every number of threads and the phases.
fn timed(
    args: &BenchArgs,
    scenario: &Scenario,
    replicates: u64,
) -> Result<(Vec<Throughput>, Vec<PhaseTime>), Failure> {
    let most = worker_threads(args.threads);
    let mut seconds = vec![Vec::new(); most];
    let mut phases = vec![Vec::new(); Phase::ALL.len()];
    // All in turn in each repeat, so that a change of the machine's pace affects all of them.
    for repeat in 0..=args.repeats {
        for (i, seconds) in seconds.iter_mut().enumerate() {
            // The same number for each thread, so that starting them counts for equally little.
            let threads = i + 1;
            let took = seconds_on(threads, scenario, replicates * threads as u64)?;
            // The first repeat is to warm up.
            if repeat > 0 {
                seconds.push(took);
            }
        }
        let of_phases = seconds_in_phases(scenario, replicates)?;
        if repeat > 0 {
            phases.iter_mut().zip(of_phases).for_each(|(all, took)| all.push(took));
        }
    }
    let trials = (replicates * scenario.truths().len() as u64) as f64;
    let alone = RepeatTimes::of(&seconds[0]);
    let throughput = seconds.iter().enumerate().map(|(i, seconds)| {
        Throughput::new(i + 1, trials, &RepeatTimes::of(seconds), alone.median)
    });
    Ok((throughput.collect(), PhaseTime::all(&phases, trials, alone.median)))
}

fn seconds_on(threads: usize, scenario: &Scenario, replicates: u64) -> Result<f64, Failure> {
    let job =
        Job { threads: Some(threads), cancelled: cancelled_by_signal(), ..Job::of(0..replicates) };
    let began = now();
    engine::fold([scenario], job, || Tally::new(scenario)).map_err(failure)?;
    Ok(began.elapsed().as_secs_f64())
}

/// Measures the seconds of each phase on one thread, including those of reading the clock.
fn seconds_in_phases(
    scenario: &Scenario,
    replicates: u64,
) -> Result<[f64; Phase::ALL.len()], Failure> {
    let cancelled = cancelled_by_signal();
    let stopwatch = Stopwatch { began: now(), took: [Duration::ZERO; Phase::ALL.len()] };
    let mut simulator = Simulator::new(scenario).cancelled_by(cancelled).observed_by(stopwatch);
    let mut results = [ReplicateResult::default()];
    let mut tally = Tally::new(scenario);
    for replicate in 0..replicates {
        if cancelled.load(Ordering::Relaxed) {
            return Err(failure(FoldError::Cancelled));
        }
        simulator.observer().began = now();
        simulator.run_into(replicate..replicates, &mut results[0]);
        tally.add(&results);
        simulator.observer().ended(Phase::Summary);
    }
    Ok(simulator.observer().took.map(|took| took.as_secs_f64()))
}

/// Time spent in each phase.
struct Stopwatch {
    /// Beginning of the current phase.
    began: Instant,
    took: [Duration; Phase::ALL.len()],
}

impl PhaseObserver for Stopwatch {
    fn ended(&mut self, phase: Phase) {
        let end = now();
        self.took[phase as usize] += end - self.began;
        self.began = end;
    }
}

fn failure(error: FoldError) -> Failure {
    Failure::Running(error.to_string())
}

/// Returns the peak memory of the program in bytes; `None` if the system does not report it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kilobytes)
}
