//! Control variates: unbiased like counting, with a smaller error.

use assert_cmd::Command;
use rescuesim::engine::Accumulator;
use rescuesim::rng::Replicate;
use rescuesim::scenario::Scenario;
use rescuesim::summary::{AnalysisSummary, OperatingCharacteristics, Tally};
use rescuesim::trial::Simulator;

use crate::util::{
    json, number, only, output, refused, rescuesim, scenario, simulate, simulate_range,
};

const ON: &str = "run.variance_reduction=true";
const SCENARIO: &str = "scenarios/angel-reboot.toml";

/// ANGEL-REBOOT with overrides and control variates.
fn with_control_variates(set: &[&str]) -> Scenario {
    scenario(&[set, &[ON]].concat())
}

/// Under dropout, factors, centres, crossover and allocations of every kind a control variate has mean
/// 0: each within 4.5 standard errors of 20 000 replicates, which fails by chance for one seed in four
/// thousand over all 32.
#[test]
fn control_variates_have_mean_zero() {
    for set in [
        &[][..],
        &["arms.allocation_ratio={control=1,experimental=2}"],
        &[
            r#"randomisation={method="complete"}"#,
            "sample_size={randomised=12,analysed=9}",
            "design.looks.equally_spaced=1",
        ],
        &["factors[0].log_odds=[0,1.5]", "missing.dropout={control=0.3,experimental=0.05}"],
        &["missing={dropout=0.2,known_deaths=1.0,log_odds_per_mrs=0.3}"],
        &["adherence.control_crossover.probability=0.2", "accrual.per_month=500"],
        &["centres={number=12,outcome_sd=1.0}", "drift.log_odds_per_year=0.5"],
        &["design.futility={rule=\"z\",bounds=[0.0,0.5]}", "analyses[1].test=wald"],
    ] {
        let scenario = with_control_variates(set);
        let mut simulator = Simulator::new(&scenario);
        let (mut sums, n) = ([[0.0; 2]; 4], 20_000_u32);
        for replicate in 0..u64::from(n) {
            let deviations = &simulator.run(Replicate(replicate)).control_deviations;
            assert_eq!(deviations.len(), sums.len());
            for ([sum, squares], deviation) in sums.iter_mut().zip(deviations) {
                *sum += deviation;
                *squares += deviation * deviation;
            }
        }
        for [sum, squares] in sums {
            assert!(squares > 0.0, "{set:?}");
            assert!(sum.abs() < 4.5 * squares.sqrt(), "{set:?}: {}", sum / f64::from(n));
        }
    }
}

/// Four thousand runs of forty replicates, whose coefficients are very noisy: their mean is the plain
/// share of all replicates, within 4.5 standard errors, which fails by chance for one seed in 40 000.
#[test]
fn small_runs_are_unbiased() {
    const RUNS: u64 = 4_000;
    const SIZE: u64 = 40;
    let scenario = with_control_variates(&[&only(SCENARIO, &["independence"])]);
    let mut simulator = Simulator::new(&scenario);
    let (mut all, mut result) = (Tally::new(&scenario), Default::default());
    let mut errors: [Vec<f64>; 2] = Default::default();
    for run in 0..RUNS {
        let mut tally = Tally::new(&scenario);
        for replicate in run * SIZE..(run + 1) * SIZE {
            simulator.run_into(replicate..replicate + 1, &mut result);
            tally.add(std::slice::from_ref(&result));
        }
        let found = OperatingCharacteristics::new(&scenario, &tally);
        for (errors, truth) in errors.iter_mut().zip(&found.truths) {
            let AnalysisSummary { rejection, rejection_reduced, .. } = &truth.analyses[0];
            let reduced = rejection_reduced.expect("it is requested").estimate;
            errors.push(reduced.value - rejection.value);
        }
        all.merge(tally);
    }
    let found = OperatingCharacteristics::new(&scenario, &all);
    let runs = RUNS as f64;
    for (truth, errors) in found.truths.iter().zip(errors) {
        let mean = errors.iter().sum::<f64>() / runs;
        let variance = errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>() / runs;
        let bound = 4.5 * (variance / runs).sqrt();
        assert!(mean.abs() < bound, "{}: {mean}, bound {bound}", truth.truth);
        let whole = truth.analyses[0].rejection_reduced.expect("it is requested").estimate;
        let plain = truth.analyses[0].rejection;
        assert!((whole.value - plain.value).abs() < 4.5 * plain.mcse);
    }
}

/// The standard deviation of runs of 1 000 replicates is their reported error, except for the four
/// replicates added in each: 200 runs, within 25 % (five standard errors of a standard deviation).
#[test]
fn the_reported_error_is_that_of_repeated_runs() {
    let scenario = with_control_variates(&[&only(SCENARIO, &["independence"])]);
    let (runs, size) = (200_u64, 1_000);
    let mut values: [Vec<(f64, f64)>; 2] = Default::default();
    for run in 0..runs {
        let found = simulate_range(&scenario, run * size..(run + 1) * size, None);
        for (values, truth) in values.iter_mut().zip(&found.truths) {
            let reduced = truth.analyses[0].rejection_reduced.expect("it is requested").estimate;
            values.push((reduced.value, reduced.mcse));
        }
    }
    for values in values {
        let mean = values.iter().map(|(value, _)| value).sum::<f64>() / runs as f64;
        let square = |(value, _): &(f64, f64)| (value - mean).powi(2);
        let spread = (values.iter().map(square).sum::<f64>() / (runs - 1) as f64).sqrt();
        let (n, more) = (size as f64, 4.0);
        let variance = |(_, mcse): &(f64, f64)| (mcse * (n + more)).powi(2) - more;
        let stated = (values.iter().map(variance).sum::<f64>() / runs as f64).sqrt() / n;
        assert!((spread / stated - 1.0).abs() < 0.25, "{spread} v {stated}");
    }
}

#[test]
fn the_gain_is_large_and_no_other_quantity_changes() {
    let with = simulate(&[ON], 20_000);
    let without = simulate(&[], 20_000);
    for (with, without) in with.truths.iter().zip(&without.truths) {
        for (with, without) in with.analyses.iter().zip(&without.analyses) {
            assert_eq!(without.rejection_reduced, None);
            let reduced = with.rejection_reduced.expect("it is requested");
            let same = AnalysisSummary { rejection_reduced: None, ..with.clone() };
            assert_eq!(format!("{same:?}"), format!("{without:?}"));
            assert!(reduced.factor > 1.5, "{}: {}", with.name, reduced.factor);
            let error = libm::hypot(with.rejection.mcse, reduced.estimate.mcse);
            assert!((reduced.estimate.value - with.rejection.value).abs() < 4.0 * error);
        }
    }
}

/// Command `run --variance-reduction` on ANGEL-REBOOT.
fn reduced(args: &[&str]) -> Command {
    let mut command = rescuesim();
    command.args(["run", SCENARIO, "--variance-reduction", "--quiet", "--full"]).args(args);
    command
}

#[test]
fn variance_reduction_is_printed_recreated_and_saves_replicates() {
    let table = output(&mut reduced(&["--replicates", "500"]));
    for part in ["control", "gain", "--set run.variance_reduction=true --replicates 500"] {
        assert!(table.contains(part), "{part} in\n{table}");
    }
    let set = ["--set", &only(SCENARIO, &["independence"])];
    let precise = json(reduced(&set).args(["--precision", "0.0015"]));
    let power = &precise["truths"][0]["analyses"][0]["rejection_reduced"];
    assert!(number(&power["mcse"]) <= 0.0015);
    let replicates = precise["provenance"]["replicates"].as_u64().expect("a number");
    // 0.81 · 0.19 / 0.0015² = 68 600 without control variates.
    assert!(replicates <= 4 * 8192, "{replicates}");
    let repeated = json(reduced(&set).args(["--replicates", &replicates.to_string()]));
    assert_eq!(repeated["truths"], precise["truths"]);

    let message = refused(rescuesim().args(["run", "early-vs-late", "--variance-reduction"]));
    for part in ["needs stated outcomes", "allowed with [procedure]: false"] {
        assert!(message.contains(part), "{part} in\n{message}");
    }
}
