//! Looks by number of patients randomised and by calendar month.

use rescuesim::accrual::DAYS_PER_MONTH;
use rescuesim::design::monitor::RunningTrial;
use rescuesim::rng::Replicate;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::trial::trace::{Trace, Viewpoint};
use rescuesim::trial::{ReplicateResult, Simulator};

use crate::util::{
    assert_within, directory, output, refused, rescuesim, scenario, simulate, simulate_scenario,
};

const RANDOMISED: &str = "design.looks={randomised=[116,232,348]}";
const MONTHS: &str = "design.looks={months=[8,13,19]}";

const PRIMARY: Viewpoint = Viewpoint { truth: Truth::Alternative, analysis: 0 };

fn traces(scenario: &Scenario, replicates: u64) -> impl Iterator<Item = Trace> {
    (0..replicates).map(|replicate| Trace::new(scenario, Replicate(replicate), PRIMARY))
}

/// Look k analyses the outcomes of the first n_k patients, on the first day on which none of them is
/// followed any more; all others are overrun.
#[test]
fn a_look_by_number_randomised_analyses_the_first_patients_when_all_are_followed() {
    let scenario = scenario(&[RANDOMISED]);
    for trace in traces(&scenario, 40) {
        for (look, number) in trace.looks.iter().zip([116, 232]) {
            if look.look == 3 {
                continue;
            }
            let first = &trace.patients[..number];
            let known = first.iter().filter(|patient| patient.outcome_day.is_some()).count();
            assert_eq!(look.outcomes_known as usize, known);
            let followed = first.iter().map(|patient| patient.followed_until_day);
            let day = followed.fold(f64::NEG_INFINITY, f64::max);
            assert!((look.day - day).abs() < 1e-9, "{} {day}", look.day);
            let lost: u32 = look.lost.iter().sum();
            assert_eq!(look.outcomes_known + lost, number as u32);
            assert_eq!(look.overrun, look.n_randomised - number as u32);
        }
    }
}

/// Look k sees what is known on its day.
#[test]
fn a_look_by_month_analyses_what_is_known_on_its_day() {
    let scenario = scenario(&[MONTHS]);
    for trace in traces(&scenario, 40) {
        for (look, month) in trace.looks.iter().zip([8.0, 13.0]) {
            if look.look == 3 {
                continue;
            }
            let day = month * DAYS_PER_MONTH;
            assert!((look.day - day).abs() < 1e-9);
            let days = trace.patients.iter().filter_map(|patient| patient.outcome_day);
            assert_eq!(look.outcomes_known as usize, days.filter(|&known| known <= day).count());
        }
    }
}

/// The bounds of a simulated look are those of `monitor` for its numbers of outcomes.
#[test]
fn bounds_are_those_of_monitoring_with_the_observed_outcomes() {
    let futility = r#"design.futility={rule="conditional_power",at_most=0.1,under="planned"}"#;
    for set in [&[RANDOMISED][..], &[MONTHS], &[RANDOMISED, futility]] {
        let scenario = scenario(set);
        let mut interims = 0;
        for trace in traces(&scenario, 12) {
            let analysed: Vec<u32> = trace.looks.iter().map(|look| look.outcomes_known).collect();
            for (k, look) in trace.looks.iter().enumerate() {
                let trial = RunningTrial::new(scenario.design.plan(), &analysed[..=k]);
                let bounds = trial.expect("it is valid").boundaries().efficacy[k];
                let found = look.bounds.efficacy.expect("every look tests efficacy");
                assert!((found - bounds).abs() < 1e-9, "{found} {bounds} {analysed:?}");
                interims += usize::from(look.look < 3);
            }
        }
        assert!(interims > 12, "{interims}");
    }
}

/// Four designs with random information, each within 3.6 standard errors of the nominal 0.025 by the
/// shift analysis, whose Z is nearly normal: one seed in 780 fails.
#[test]
fn type_i_error_is_kept_with_random_information() {
    let dropout = "missing.dropout=0.25";
    let pocock = r#"design.efficacy={rule="lan_demets_pocock"}"#;
    let peto = r#"design.efficacy={rule="haybittle_peto",interim_z=2.5}"#;
    let designs: [&[&str]; 4] =
        [&[RANDOMISED, dropout, pocock], &[MONTHS, pocock], &[MONTHS, peto], &[MONTHS]];
    for set in designs {
        let null = &simulate(set, 12_000).truths[1];
        let shift = &null.analyses[1];
        assert_within("type I error", shift.rejection, 0.025, 0.025, 3.6);
    }
}

/// Without dropout the first n_k patients have n_k outcomes, and the bounds are the planned ones: the
/// same power as with looks by outcomes, but for the few outcomes by which the looks differ.
#[test]
fn without_dropout_every_trial_has_the_planned_bounds() {
    let set = ["missing.dropout=0", "sample_size.analysed=348", RANDOMISED];
    let scenario = scenario(&set);
    for trace in traces(&scenario, 10) {
        for (look, planned) in trace.looks.iter().zip(scenario.design.looks()) {
            assert_eq!(look.outcomes_known, planned.analysed);
            let efficacy = look.bounds.efficacy.expect("it is tested");
            assert!((efficacy - planned.efficacy).abs() < 1e-9);
        }
    }
}

/// Slow recruitment delays the look by number, fast recruitment ends the trial before the month.
#[test]
fn a_month_after_the_end_of_the_trial_is_left_out() {
    // Planned by the expectation: the second look has all but a few outcomes, and in some trials
    // there is nothing after it.
    let scenario = scenario(&["design.looks={months=[8,18.3,22]}"]);
    let mut simulator = Simulator::new(&scenario);
    let mut result = ReplicateResult::default();
    let mut taken = [0; 3];
    for replicate in 0..200 {
        simulator.run_into(replicate..replicate + 1, &mut result);
        let looks = &result.looks[0];
        assert!(looks.windows(2).all(|pair| pair[0].analysed < pair[1].analysed));
        assert!(looks.windows(2).all(|pair| pair[0].day < pair[1].day));
        taken[looks.len() - 1] += 1;
    }
    assert!(taken[1] > 20 && taken[2] > 20 && taken[0] == 0, "{taken:?}");
}

#[test]
fn no_outcomes_by_a_month_is_a_look_that_decides_nothing() {
    let set = ["design.looks={months=[3.2,13,22]}", "accrual.per_month=22"];
    let scenario = scenario(&set);
    let result = simulate_scenario(&scenario, 400);
    let primary = &result.truths[0].analyses[0];
    assert!(primary.failed_looks > 0, "some trials have no outcomes by month 3.2");
    assert!(primary.rejection.value > 0.7);
}

/// `monitor` with the patients of a traced trial analyses the first of them as the trial did.
#[test]
fn monitor_analyses_the_first_patients_as_the_trial_did() {
    let folder = directory();
    let path = folder.path().join("patients.csv");
    let set = ["--set", RANDOMISED];
    let trace = Trace::new(&scenario(&[RANDOMISED]), Replicate(3), PRIMARY);
    let look = &trace.looks[0];
    let csv = output(
        rescuesim()
            .args(["trace", "angel-reboot", "--replicate", "3", "--format", "csv"])
            .args(set),
    );
    std::fs::write(&path, &csv).expect("the folder is writable");
    let mut monitor = rescuesim();
    monitor.args(["monitor", "angel-reboot", "--look", "1", "--format", "json"]).args(set);
    monitor.arg("--cutoff-day").arg(look.day.to_string()).arg("--patients").arg(&path);
    let json: serde_json::Value = serde_json::from_str(&output(&mut monitor)).expect("valid JSON");
    let z = json["z"].as_f64().expect("there is a statistic");
    assert!((z - look.test.z).abs() < 1e-9, "{z} {}", look.test.z);
    // Before the last of them has been followed the look is not due.
    let mut early = rescuesim();
    early.args(["monitor", "angel-reboot", "--look", "1"]).args(set);
    early.arg("--cutoff-day").arg((look.day - 1.0).to_string()).arg("--patients").arg(&path);
    let errors = refused(&mut early);
    assert!(errors.contains("of the first 116 patients are still followed"), "{errors}");
    let few: String = csv.lines().take(100).map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, few).expect("the folder is writable");
    let mut short = rescuesim();
    short.args(["monitor", "angel-reboot", "--look", "1"]).args(set);
    let errors = refused(short.arg("--patients").arg(&path));
    assert!(errors.contains("at least the first 116 randomised"), "{errors}");
}

/// Expected numbers in the plan, and where the words say so.
#[test]
fn check_states_what_the_looks_wait_for() {
    let checked = output(rescuesim().args(["check", "angel-reboot", "--set", RANDOMISED]));
    let words: String = checked.replace("\n# ", " ");
    assert!(words.contains("when the first 116, 232 and 348 patients randomised"), "{checked}");
    let late = ["check", "angel-reboot", "--set", "design.looks={months=[8,13,36]}"];
    let checked = output(rescuesim().args(late)).replace("\n# ", " ");
    assert!(checked.contains("the final look is planned for month 36"), "{checked}");
    let planned = output(rescuesim().args(["check", "angel-reboot", "--set", MONTHS]));
    assert!(!planned.contains("the final look is planned for month"), "{planned}");
}

/// MOSTE: looks when 274 and 548 of 824 have been followed, 5 % without an outcome.
#[test]
fn published_looks_by_number_randomised_have_the_expected_outcomes() {
    for (name, expected) in [
        ("moste", &[260, 520, 782][..]),
        ("resilient", &[174, 346, 518, 690]),
        ("ims-iii", &[150, 300, 450, 600, 750, 900]),
    ] {
        let scenario = Scenario::load(name.as_ref(), &[]).expect("a shipped scenario");
        let planned: Vec<u32> = scenario.design.looks().iter().map(|look| look.analysed).collect();
        assert_eq!(planned, expected, "{name}");
    }
    // DEFUSE 3 and TENSION, with the primary analysis of ANGEL-REBOOT in place of theirs.
    for (set, expected) in [
        (
            ["sample_size={randomised=476}", "design.looks={randomised=[200,340,476]}"],
            [180, 306, 428],
        ),
        (
            ["sample_size={randomised=665}", "design.looks={randomised=[222,443,665]}"],
            [200, 399, 599],
        ),
    ] {
        let planned = scenario(&set);
        let planned: Vec<u32> = planned.design.looks().iter().map(|look| look.analysed).collect();
        assert!(planned.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1), "{planned:?}");
    }
}
