//! Instruction counts of the hot paths under valgrind, which other load on the machine does not change.
//!
//! `cargo bench --bench instructions` needs valgrind and the gungraun-runner of the same version as
//! the library (`cargo install gungraun-runner --version …`). A second run reports the changes since
//! the first.

#![allow(missing_docs)] // the macros generate items without documentation

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use rescuesim::engine::Accumulator;
use rescuesim::scenario::Scenario;
use rescuesim::summary::Tally;
use rescuesim::trial::{ReplicateResult, Simulator};

/// Number of counted replicates; the same number runs before them to fill tables and buffers.
const REPLICATES: u64 = 100;

/// Loads a scenario for the lifetime of the process and returns a simulator and totals after a first run.
fn warm(name: &str, set: &[&str]) -> (Simulator<'static>, Tally) {
    let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
    let scenario = Scenario::load(name.as_ref(), &set).expect("the shipped scenario is valid");
    let scenario: &'static Scenario = Box::leak(Box::new(scenario));
    let (mut simulator, mut tally) = (Simulator::new(scenario), Tally::new(scenario));
    run(&mut simulator, &mut tally, 0);
    (simulator, tally)
}

fn run(simulator: &mut Simulator<'_>, tally: &mut Tally, first: u64) {
    let mut results = [ReplicateResult::default()];
    for replicate in first..first + REPLICATES {
        simulator.run_into(replicate..first + REPLICATES, &mut results[0]);
        tally.add(&results);
    }
}

fn two_proportions() -> (Simulator<'static>, Tally) {
    warm("angel-reboot", &[r#"analyses=[{method="two_proportions"}]"#])
}

fn wald_at_every_look() -> (Simulator<'static>, Tally) {
    warm("angel-reboot", &["analyses[1].test=wald"])
}

#[library_benchmark]
#[bench::two_proportions(two_proportions())]
#[bench::wald_at_every_look(wald_at_every_look())]
#[bench::angel_reboot(warm("angel-reboot", &[]))]
#[bench::early_vs_late(warm("early-vs-late", &[]))]
#[bench::centres(warm("angel-reboot-centres", &[]))]
fn hundred_replicates((mut simulator, mut tally): (Simulator<'static>, Tally)) -> Tally {
    run(&mut simulator, &mut tally, REPLICATES);
    black_box(tally)
}

library_benchmark_group!(name = replicates, benchmarks = hundred_replicates);
main!(library_benchmark_groups = replicates);
