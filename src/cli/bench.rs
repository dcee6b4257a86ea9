//! `rescuesim bench`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rescuesim::engine::{self, Accumulator, FoldError, Job};
use rescuesim::explore::benchmark::{Benchmark, Measurements, PhaseTime, RepeatTimes, Throughput};
use rescuesim::report::bench as report;
use rescuesim::rng::Replicate;
use rescuesim::scenario::Scenario;
use rescuesim::summary::Tally;
use rescuesim::trial::{Phase, ReplicateResult, Simulator};

use super::clock::now;
use super::input;
use super::output::print_as;
use super::recreate::CommandLine;
use super::signals::cancelled_by_signal;
use super::simulation::worker_threads;
use super::{Failure, Format, ScenarioArgs, values};

/// How long a timed repeat on one thread is to take, where the number of replicates is not stated.
const REPEAT: Duration = Duration::from_millis(400);

#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Replicates for each thread in every timed repeat; by default as many as one thread simulates in 0.4 seconds.
    #[arg(long, value_parser = values::replicates)]
    replicates: Option<u64>,
    /// Timed repeats of each figure, after a warm-up.
    #[arg(long, default_value_t = 9, value_parser = values::whole::<u32>(1, 1000))]
    repeats: u32,
    /// The most worker threads; all cores by default, and at most four for each core.
    #[arg(long, value_parser = values::threads)]
    threads: Option<u16>,
    /// A file that `bench --format json` wrote, to compare with.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub fn bench(args: &BenchArgs) -> Result<(), Failure> {
    let ScenarioArgs { scenario: path, overrides } = &args.scenario;
    let began = now();
    let scenario = Scenario::load(path, overrides)?;
    Simulator::new(&scenario).run(Replicate(0));
    let first_trial = began.elapsed();
    let earlier = args.compare.as_ref().map(|path| read(path, &scenario)).transpose()?;
    let replicates = args.replicates.unwrap_or_else(|| replicates_in(&scenario, REPEAT));
    let (throughput, phases) = timed(args, &scenario, replicates)?;
    let command = CommandLine::of("bench", &args.scenario)
        .option("replicates", replicates)
        .option("repeats", args.repeats);
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
    let refused = |why: String| Failure::Usage(format!("--compare {}: {why}", path.display()));
    let text = input::read_text(path);
    let text = text.map_err(|error| refused(format!("cannot be read: {error}")))?;
    let earlier: Benchmark = serde_json::from_str(&text)
        .map_err(|error| refused(format!("is not what bench --format json writes: {error}")))?;
    if earlier.scenario_digest == scenario.digest() {
        Ok(earlier)
    } else {
        Err(refused(format!("is of another scenario; it was made by: {}", earlier.command)))
    }
}

/// Replicates that one thread simulates in about so long.
fn replicates_in(scenario: &Scenario, time: Duration) -> u64 {
    let mut simulator = Simulator::new(scenario);
    let mut simulate_for = |time: Duration| {
        let began = now();
        let mut replicates = 0;
        while began.elapsed() < time {
            simulator.run(Replicate(replicates));
            replicates += 1;
        }
        replicates
    };
    // The first replicates make tables for those to come.
    simulate_for(time / 2);
    2 * simulate_for(time / 2)
}

/// Times every number of threads in turn, and the phases, so that a change of the machine's pace
/// meets them all.
fn timed(
    args: &BenchArgs,
    scenario: &Scenario,
    replicates: u64,
) -> Result<(Vec<Throughput>, Vec<PhaseTime>), Failure> {
    let most = worker_threads(args.threads);
    let mut seconds = vec![Vec::new(); most];
    let mut phases = vec![Vec::new(); Phase::ALL.len()];
    for repeat in 0..=args.repeats {
        for (i, seconds) in seconds.iter_mut().enumerate() {
            // As many for each thread, so that starting them counts for as little.
            let threads = i + 1;
            let took = seconds_on(threads, scenario, replicates * threads as u64)?;
            // The first is to warm up.
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

/// Seconds in each phase on one thread, with those that reading the clock takes.
fn seconds_in_phases(
    scenario: &Scenario,
    replicates: u64,
) -> Result<[f64; Phase::ALL.len()], Failure> {
    let mut simulator = Simulator::new(scenario).heeding(cancelled_by_signal());
    let mut result = ReplicateResult::default();
    let mut tally = Tally::new(scenario);
    let mut took = [Duration::ZERO; Phase::ALL.len()];
    for replicate in 0..replicates {
        if cancelled_by_signal().load(std::sync::atomic::Ordering::Relaxed) {
            return Err(failure(FoldError::Cancelled));
        }
        let mut began = now();
        let mut end_of = |phase: Phase| {
            let end = now();
            took[phase as usize] += end - began;
            began = end;
        };
        simulator.enrol(replicate..replicates, &mut end_of);
        simulator.run_into_in_phases(Replicate(replicate), &mut result, &mut end_of);
        tally.add(std::slice::from_ref(&result));
        end_of(Phase::Summary);
    }
    Ok(took.map(|took| took.as_secs_f64()))
}

fn failure(error: FoldError) -> Failure {
    Failure::Running(error.to_string())
}

/// The most memory that the program has had, in bytes, where the system says.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kilobytes)
}
