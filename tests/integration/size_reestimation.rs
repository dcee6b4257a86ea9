//! Re-estimation of the number of patients in simulated trials: laws, numbers by integration, bad input.

use rescuesim::rng::Replicate;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::summary::{McEstimate, OperatingCharacteristics, ReestimationSummary};
use rescuesim::trial::{Simulator, TrialResult};

use crate::util::{
    assert_within, directory, json, number, output, overrides, refused, rescuesim, scenario_file,
    shipped_text, simulate_scenario,
};

const ICARUS: &str = "scenarios/icarus.toml";
const MOSTE: &str = "scenarios/moste-reestimated.toml";

fn icarus(set: &[&str]) -> Scenario {
    scenario_file(ICARUS, set)
}

/// The file of a shipped scenario without its re-estimation.
fn group_sequential(path: &str) -> Scenario {
    let text = shipped_text(path);
    let start = text.find("[adaptation.size]").expect("it re-estimates");
    let end = start + text[start..].find("[[analyses]]").expect("it has analyses");
    let text = format!("{}{}", &text[..start], &text[end..]);
    Scenario::parse(&text, &[]).expect("a valid scenario")
}

fn trials(scenario: &Scenario, replicates: u64) -> Vec<TrialResult> {
    let mut simulator = Simulator::new(scenario);
    (0..replicates).flat_map(|r| simulator.run(Replicate(r)).trials).collect()
}

fn reestimation(found: &OperatingCharacteristics, truth: usize) -> &ReestimationSummary {
    found.truths[truth].analyses[0].reestimation.as_ref().expect("it re-estimates")
}

/// With another maximum the zone is the same, but nothing can grow.
#[test]
fn a_zone_that_never_triggers_is_the_group_sequential_design() {
    for (path, planned) in [(ICARUS, 296), (MOSTE, 824)] {
        let plain = trials(&group_sequential(path), 200);
        let never = format!("adaptation.size.maximum={planned}");
        let narrow = "adaptation.size.at_least=0.7999999";
        for set in [&never[..], narrow] {
            if set == narrow && path == MOSTE {
                continue;
            }
            let adaptive = trials(&scenario_file(path, &[set]), 200);
            assert_eq!(plain.len(), adaptive.len());
            for (one, other) in plain.iter().zip(&adaptive) {
                let other = TrialResult { size: None, ..*other };
                assert_eq!(format!("{one:?}"), format!("{other:?}"), "{path} {set}");
            }
        }
    }
}

fn columns(rows: &str) -> usize {
    rows.lines().next().map_or(0, |header| header.split(',').count())
}

/// `run`, `compare` and every other command then print the same numbers.
#[test]
fn a_zone_that_never_triggers_has_the_rows_of_the_group_sequential_design() {
    let folder = directory();
    let text = shipped_text(ICARUS);
    let start = text.find("[adaptation.size]").expect("it re-estimates");
    let end = start + text[start..].find("[[analyses]]").expect("it has analyses");
    std::fs::write(folder.path().join("plain.toml"), format!("{}{}", &text[..start], &text[end..]))
        .expect("written");
    std::fs::write(
        folder.path().join("never.toml"),
        text.replace("maximum = 498", "maximum = 296"),
    )
    .expect("written");
    let rows = |name: &str| {
        let out = format!("{name}.out");
        let mut command = rescuesim();
        command.current_dir(folder.path()).args(["run", name, "--replicates", "300"]);
        output(command.args(["--out", &out, "--trials", "csv", "--quiet"]));
        let file = folder.path().join(out).join("trials.csv");
        std::fs::read_to_string(file).expect("rows")
    };
    // Rows of a rule that changes nothing end with its columns.
    let (plain, never) = (rows("plain.toml"), rows("never.toml"));
    assert_eq!(columns(&plain) + 5, columns(&never));
    for (plain, never) in plain.lines().zip(never.lines()) {
        let (rest, size) = never.split_at(plain.len());
        assert!(rest == plain && size.starts_with(','), "{plain} {never}");
    }
    assert_eq!(plain.lines().count(), never.lines().count());
}

/// A cell that is empty is a number that does not exist.
fn cell(number: f64) -> String {
    if number.is_nan() { String::new() } else { format!("{number:?}") }
}

#[test]
fn rows_of_trials_have_the_size_and_both_statistics() {
    let folder = directory();
    for path in [ICARUS, MOSTE] {
        let out = folder.path().join("rows");
        let mut command = rescuesim();
        command.args(["run", path, "--replicates", "60", "--trials", "csv", "--quiet", "--out"]);
        output(command.arg(&out));
        let text = std::fs::read_to_string(out.join("trials.csv")).expect("rows");
        let header = "size_decided,size_zone,size_observed,size_z_weighted,size_z_conventional";
        assert!(text.lines().next().expect("a header").ends_with(header), "{text}");
        let trials = trials(&scenario_file(path, &[]), 60);
        assert_eq!(text.lines().count(), 1 + trials.len());
        let (mut changed, mut unchanged) = (0, 0);
        for (row, trial) in text.lines().skip(1).zip(&trials) {
            let size = trial.size;
            let final_look = size.and_then(|size| size.changed);
            let fields = [
                size.and_then(|size| size.decided).map_or(String::new(), |n| n.to_string()),
                size.and_then(|size| size.zone).map_or(String::new(), |it| it.name().to_owned()),
                cell(size.map_or(f64::NAN, |size| size.observed)),
                cell(final_look.map_or(f64::NAN, |look| look.weighted)),
                cell(final_look.map_or(f64::NAN, |look| look.conventional)),
            ];
            assert!(row.ends_with(&format!(",{}", fields.join(","))), "{row} {fields:?}");
            *if final_look.is_some() { &mut changed } else { &mut unchanged } += 1;
        }
        assert!(changed > 10 && unchanged > 10, "{path}: {changed} {unchanged}");
        std::fs::remove_dir_all(&out).expect("it was written");
    }
}

#[test]
fn rows_of_a_sweep_have_the_sizes_of_trials_that_re_estimate() {
    let folder = directory();
    let rows = |scenario: &str, over: &str| {
        let out = folder.path().join("swept");
        let mut command = rescuesim();
        command.args(["sweep", scenario, "--over", over, "--replicates", "100", "--quiet"]);
        output(command.arg("--out").arg(&out));
        let text = std::fs::read_to_string(out.join("sweep.csv")).expect("rows");
        std::fs::remove_dir_all(&out).expect("it was written");
        text
    };
    let text = rows("icarus", "adaptation.size.maximum=[400,498]");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).expect("a column");
    let (mean, increased) = (place("size_final_mean"), place("size_increased"));
    let values: Vec<[f64; 2]> = lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            [mean, increased].map(|place| cells[place].parse().expect("a number"))
        })
        .collect();
    assert_eq!(values.len(), 4);
    for [small, large] in [[values[0], values[2]], [values[1], values[3]]] {
        assert!(296.0 < small[0] && small[0] < large[0], "{values:?}");
        assert_eq!(small[1], large[1], "the zone is the same, and so are the trials");
        assert!((0.02..0.9).contains(&small[1]), "{values:?}");
    }
    assert!(!rows("angel-reboot", "missing.dropout=[0.0,0.1]").contains("size_"));
}

#[test]
fn the_first_patients_are_those_of_the_trial_without_reestimation() {
    for path in [ICARUS, MOSTE] {
        let (plain, adaptive) = (group_sequential(path), scenario_file(path, &[]));
        let (mut one, mut other) = (Simulator::new(&plain), Simulator::new(&adaptive));
        for r in 0..40 {
            let (mut first, mut second) = Default::default();
            let plain_days = one.enrol(Replicate(r), &mut first);
            let adaptive_days = other.enrol(Replicate(r), &mut second);
            let (a, b) =
                (plain_days.follow(Truth::Alternative), adaptive_days.follow(Truth::Alternative));
            let planned = plain.randomised as usize;
            assert_eq!(a.arrival_days(), &b.arrival_days()[..planned]);
            assert_eq!(a.outcome_days(), &b.outcome_days()[..planned]);
            assert_eq!(b.arrival_days().len(), adaptive.most_randomised() as usize);
            let (a, b) = (one.run(Replicate(r)), other.run(Replicate(r)));
            assert_eq!(a.looks, b.looks);
            assert_eq!(a.outcomes, b.outcomes);
            for (plain, adaptive) in a.trials.iter().zip(&b.trials) {
                let looks = adaptive.look - 1;
                assert_eq!(
                    format!("{:?}", &plain.z[..looks]),
                    format!("{:?}", &adaptive.z[..looks])
                );
            }
        }
    }
}

/// The size is the rule's, never below the patients randomised by the decision nor above the maximum.
#[test]
fn every_size_follows_from_the_interim_result() {
    let scenario = icarus(&["adaptation.size.step=10"]);
    let rule = scenario.adaptation.size.as_ref().expect("it re-estimates");
    let mut changed = 0;
    for trial in trials(&scenario, 400) {
        let size = trial.size.expect("the look takes place");
        let z = trial.z[0];
        let decided = size.decided.expect("nothing stops early");
        assert_eq!(decided, rule.size(Some(z), &Default::default()));
        assert_eq!(trial.n_randomised, decided);
        assert!((296..=498).contains(&decided));
        assert!(decided == 296 || decided == 498 || decided.is_multiple_of(10), "{decided}");
        changed += u32::from(size.changed.is_some());
    }
    assert!(changed > 100);
}

/// With four patients more the weights are nearly those of the numbers of patients. The statistics still
/// differ, as each part of the weighted one estimates the shares of the mRS by itself.
#[test]
fn an_increase_to_the_planned_size_leaves_the_weighted_statistic_near_the_conventional() {
    let (mut squares, mut changes) = (0.0, 0.0);
    for trial in trials(&icarus(&["adaptation.size.maximum=300"]), 400) {
        if let Some(changed) = trial.size.and_then(|size| size.changed) {
            assert!([298, 300].contains(&changed.moment.analysed));
            squares += (changed.weighted - changed.conventional).powi(2);
            changes += 1.0;
        }
    }
    assert!(changes > 100.0 && squares / changes < 0.08 * 0.08, "{changes} {squares}");
}

#[track_caller]
fn assert_near(what: &str, found: McEstimate, exact: f64) {
    assert_within(what, found, exact, exact, 3.0);
}

/// Under H0, where the normal model has no other error than that of discrete counts.
#[test]
fn simulated_and_integrated_characteristics_agree() {
    let found = simulate_scenario(&icarus(&["adaptation.size.step=1"]), 20_000);
    for truth in [0, 1] {
        let of = reestimation(&found, truth);
        let exact = of.integrated.as_ref().expect("it is integrated");
        assert_near("weighted", of.weighted.expect("unblinded"), exact.weighted);
        assert_near("conventional", of.conventional.expect("unblinded"), exact.conventional);
        assert_near("maximum", of.at_maximum, exact.at_maximum);
        for zone in &of.zones {
            let probability = zone.probability_integrated.expect("it is integrated");
            assert_near(zone.zone, zone.probability, probability);
            let rejection = zone.rejection_integrated.expect("it is integrated");
            assert_near(zone.zone, zone.rejection, rejection);
            let size = zone.n_analysed_integrated.expect("it is integrated");
            // Sizes are rounded up by half a patient on average.
            assert_within(zone.zone, zone.n_analysed, size - 1e-9, size + 0.6, 3.0);
        }
        let total: f64 = of.zones.iter().map(|zone| zone.probability.value).sum();
        assert!((total - 1.0).abs() < 1e-12);
    }
}

/// Rows of `tests/reference/reestimation.csv`: the design of ICARUS at a common odds ratio of 1.56, 10⁶
/// trials by another program.
#[test]
fn the_reference_simulation_agrees() {
    let mut reader =
        csv::Reader::from_path(crate::util::project("tests/reference/reestimation.csv"))
            .expect("it is shipped");
    let found = simulate_scenario(&icarus(&[]), 20_000);
    let mut compared = 0;
    for row in reader.records().map(|row| row.expect("a row")) {
        if &row[0] != "ICARUS-A" || &row[4] != "simulation" {
            continue;
        }
        let Some((truth, quantity)) = row[1].split_once(' ') else { continue };
        let truth = match truth {
            "or=1.56" => 0,
            "or=1" => 1,
            _ => continue,
        };
        let of = reestimation(&found, truth);
        let simulated = match quantity {
            "chw" => of.weighted.expect("unblinded"),
            "conventional" => of.conventional.expect("unblinded"),
            "p_promising" => of.zones[1].probability,
            "p_nmax" => of.at_maximum,
            "expected_n" => found.truths[truth].analyses[0].n_randomised.mean,
            _ => continue,
        };
        let (value, se): (f64, f64) =
            (row[2].parse().expect("a number"), row[3].parse().expect("a number"));
        let error = libm::hypot(se, simulated.mcse);
        assert!((simulated.value - value).abs() < 3.5 * error, "{row:?}: {simulated:?}");
        compared += 1;
    }
    assert_eq!(compared, 10);
}

/// A zone without a beginning, which is too low for the conventional statistic, up to five times the size.
const LOW: &[&str] =
    &["adaptation.size.at_least=0", "adaptation.size.maximum=1480", "adaptation.size.step=1"];

fn type_one_errors(replicates: u64) {
    let found = simulate_scenario(&icarus(LOW), replicates);
    let of = reestimation(&found, 1);
    let exact = of.integrated.as_ref().expect("it is integrated");
    assert!((exact.weighted - 0.025).abs() < 1e-6, "{exact:?}");
    assert!(exact.conventional > 0.029, "{exact:?}");
    let (weighted, conventional) =
        (of.weighted.expect("unblinded"), of.conventional.expect("unblinded"));
    assert!(weighted.value <= 0.025 + 3.0 * weighted.mcse, "{weighted:?}");
    assert_near("conventional", conventional, exact.conventional);
}

#[test]
fn the_weighted_statistic_keeps_the_type_one_error_and_the_naive_one_does_not() {
    type_one_errors(20_000);
}

#[test]
#[ignore = "a million replicates take a minute"]
fn the_weighted_statistic_keeps_the_type_one_error_in_a_million_trials() {
    type_one_errors(1_000_000);
}

/// Without an early stop the weighted estimate has no median bias, and its interval covers.
#[test]
fn the_weighted_estimate_has_no_median_bias_where_the_size_changes() {
    let found = simulate_scenario(&icarus(LOW), 10_000);
    let estimate = &found.truths[0].analyses[0].estimate;
    // Over all trials: given a change the interim result is selected.
    assert_within("above", estimate.median_unbiased.above_truth, 0.5, 0.5, 3.0);
    assert_within("coverage", estimate.median_unbiased.coverage, 0.945, 0.955, 3.0);
    let of = reestimation(&found, 0);
    assert!(
        of.naive_changed.mean.n == of.weighted_changed.mean.n && of.naive_changed.mean.n > 4000
    );
}

/// The decision comes when all planned patients have been randomised: recruitment waits for it.
#[test]
fn patients_who_arrive_before_the_decision_are_counted() {
    let fast = icarus(&["accrual.per_month=200", "design.decision_lag_days=30"]);
    let mut paused = 0;
    for trial in trials(&fast, 100) {
        let size = trial.size.expect("the look takes place");
        if let Some(changed) = size.changed {
            assert!(changed.paused_days > 30.0);
            assert!(changed.moment.day > 200.0, "{changed:?}");
            paused += 1;
        }
    }
    assert!(paused > 10);
    let slow = icarus(&["accrual.per_month=2"]);
    let changes = trials(&slow, 50).into_iter().filter_map(|trial| trial.size?.changed);
    assert!(changes.map(|changed| changed.paused_days).all(|days| days == 0.0));
    // A blinded rule may reduce the size, but not below the patients randomised already.
    let blinded =
        r#"adaptation.size={rule="pooled_rate",look=1,power=0.05,maximum=296,restricted=false}"#;
    let set = [blinded, "analyses=[{name=\"a\",method=\"two_proportions\",cut=2}]"];
    for trial in trials(&icarus(&set), 50) {
        let moment = trial.size.and_then(|size| size.changed).expect("power is nearly none").moment;
        assert!((148..296).contains(&moment.at_data.randomised), "{moment:?}");
    }
}

#[test]
fn blinded_sizes_follow_the_rate_and_the_variance_of_both_arms() {
    let rate = r#"adaptation.size={rule="pooled_rate",look=1,power=0.8,maximum=900}"#;
    let analyses = "analyses=[{name=\"a\",method=\"two_proportions\",cut=2}]";
    let scenario = icarus(&[rate, analyses]);
    let rule = scenario.adaptation.size.as_ref().expect("it re-estimates");
    let mut seen = std::collections::BTreeSet::new();
    for trial in trials(&scenario, 100) {
        let size = trial.size.expect("the look takes place");
        assert!(size.zone.is_none() && (0.0..1.0).contains(&size.observed));
        seen.insert((size.observed.to_bits(), trial.n_randomised));
        assert!(trial.n_randomised >= rule.planned);
    }
    // The nearer to one half, the more patients.
    let sizes: Vec<u32> = seen.iter().map(|(_, size)| *size).collect();
    assert!(sizes.len() > 10 && sizes.is_sorted(), "{seen:?}");
    let variance =
        r#"adaptation.size={rule="pooled_variance",look=1,maximum=600,restricted=false}"#;
    let analyses = "analyses=[{name=\"a\",method=\"utility_weighted\",utilities=[1.0,0.91,0.76,0.65,0.33,0.0,0.0]}]";
    let found = simulate_scenario(&icarus(&[variance, analyses]), 2000);
    let of = reestimation(&found, 1);
    // The null twin has the planned control arm in both, whose variance is about the planned one.
    assert!((of.final_size.mean.value - 296.0).abs() < 15.0, "{of:?}");
    assert!(of.increased.value > 0.2 && of.decreased.value > 0.2);
    assert_within("type I error", found.truths[1].analyses[0].rejection, 0.0, 0.025, 3.5);
}

#[test]
fn threads_shards_and_resumed_runs_have_the_same_numbers() {
    let folder = directory();
    let project = crate::util::project("");
    let path = project.join(MOSTE);
    let run = |args: &[&str]| {
        let mut command = rescuesim();
        command.current_dir(folder.path()).arg("run").arg(&path);
        command.args(["--replicates", "700"]).args(args);
        let mut found = json(&mut command);
        found.as_object_mut().expect("an object").remove("provenance");
        found
    };
    let one = run(&["--threads", "1"]);
    assert_eq!(one, run(&["--threads", "7"]));
    assert!(one.to_string().contains("\"reestimation\""));
    for shard in ["1/2", "2/2"] {
        let name = format!("{}.json", &shard[..1]);
        let mut command = rescuesim();
        command.current_dir(folder.path()).arg("run").arg(&path);
        output(command.args(["--replicates", "700", "--shard", shard, "--checkpoint", &name]));
    }
    let mut merged =
        json(rescuesim().current_dir(folder.path()).args(["merge", "1.json", "2.json"]));
    merged.as_object_mut().expect("an object").remove("provenance");
    assert_eq!(one["truths"], merged["truths"]);
    let mut first = rescuesim();
    first.current_dir(folder.path()).arg("run").arg(&path);
    output(first.args(["--replicates", "300", "--checkpoint", "resumed.json"]));
    assert_eq!(one["truths"], run(&["--checkpoint", "resumed.json", "--resume"])["truths"]);
}

#[test]
fn the_trace_and_the_check_describe_the_reestimation() {
    let scenario = icarus(&[]);
    let changed = trials(&scenario, 100)
        .into_iter()
        .find(|trial| {
            trial.truth == Truth::Alternative
                && trial.size.is_some_and(|size| size.changed.is_some())
        })
        .expect("one is promising");
    let mut command = rescuesim();
    let replicate = changed.replicate.to_string();
    let text = output(command.args(["trace", "icarus", "--replicate", &replicate]));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let n = changed.n_randomised;
    assert!(text.contains(&format!("the size was changed from 296 to {n} patients")), "{text}");
    assert!(text.contains("At the final look the weighted Z was"), "{text}");
    let text = output(rescuesim().args(["check", "icarus"]));
    let words = text.replace("\n#", "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("Size re-estimated at look 1: if the conditional power at 296 patients")
    );
    // Rows of the reference's rule: where the zone begins, and where it ends.
    assert!(text.contains("1.1237") && text.contains("1.8067"), "{text}");
}

/// At Z = 1.3 the decision table of `check` has a size above the maximum; 498 is the maximum.
#[test]
fn monitor_applies_the_rule_and_refuses_the_final_look_of_a_changed_size() {
    let monitor = ["monitor", "icarus", "--look"];
    let look = output(rescuesim().args(monitor).args(["1", "--n", "148", "--z", "1.3"]));
    let words = look.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the size becomes 498 patients in place of 296"), "{look}");
    let last = refused(rescuesim().args(monitor).args(["2", "--n", "148,490", "--z", "2.1"]));
    let words = last.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("490 outcomes, more than the 296 patients"), "{last}");
    assert!(words.contains("combines the Z of both stages"), "{last}");
}

/// Numbers separated by commas, as options take them.
fn listed(counts: &serde_json::Value) -> String {
    let counts = counts.as_array().expect("seven counts").iter();
    counts.map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The counts of both looks, and the patients of the trial, give the numbers of the simulated trial.
#[test]
fn monitor_has_the_final_look_of_a_changed_size_as_the_trial_has() {
    let folder = directory();
    let (mut efficacies, mut checked) = (0, 0);
    for statistic in ["weighted", "conventional"] {
        let set = format!("adaptation.size.statistic={statistic:?}");
        let trials = trials(&icarus(&[&set]), 30);
        let alternative = trials.iter().filter(|trial| trial.truth == Truth::Alternative);
        for trial in alternative {
            let Some(changed) = trial.size.and_then(|size| size.changed) else { continue };
            let replicate = trial.replicate.to_string();
            let command = |name: &str| {
                let mut command = rescuesim();
                command.args([name, "icarus", "--set", &set]);
                command
            };
            let trace = json(command("trace").args(["--replicate", &replicate]))["trace"].clone();
            let rows =
                output(command("trace").args(["--replicate", &replicate, "--format", "csv"]));
            let patients = folder.path().join("patients.csv");
            std::fs::write(&patients, rows).expect("a writable folder");
            let counts = |look: usize, arm: usize| listed(&trace["looks"][look]["counts"][arm]);
            let of_counts = json(command("monitor").args([
                "--look",
                "2",
                "--control-mrs",
                &counts(1, 0),
                "--experimental-mrs",
                &counts(1, 1),
                "--interim-control-mrs",
                &counts(0, 0),
                "--interim-experimental-mrs",
                &counts(0, 1),
            ]));
            let mut command = command("monitor");
            command.args(["--look", "2", "--patients"]).arg(&patients);
            command.args(["--interim-day", &trace["looks"][0]["day"].to_string()]);
            let of_patients = json(&mut command);
            for look in [&of_counts, &of_patients] {
                let is = |key: &str, expected: f64| {
                    assert!((number(&look[key]) - expected).abs() < 1e-12, "{key} {look}");
                };
                is("interim_z", trial.z[0]);
                is("weighted_z", changed.weighted);
                is("conventional_z", changed.conventional);
                is("weighted_estimate", trial.median_unbiased);
                let interval = &look["weighted_interval"];
                let (low, high) = trial.stagewise_interval;
                assert!((number(&interval[0]) - low).abs() < 1e-12, "{look}");
                assert!((number(&interval[1]) - high).abs() < 1e-12, "{look}");
                is(&format!("{statistic}_z"), trial.test.z);
                let decided = trial.size.and_then(|size| size.decided);
                assert_eq!(look["size_by_rule"], serde_json::json!(decided));
                assert_eq!(look["decision"], trace["end"]["conclusion"], "{look}");
            }
            assert_eq!(of_patients["randomised"], changed.moment.at_data.randomised);
            efficacies += u32::from(of_counts["decision"] == "efficacy");
            checked += 1;
        }
    }
    assert!(checked > 10 && 0 < efficacies && efficacies < checked, "{efficacies} of {checked}");
}

/// The final look of a trace has the adverse events of all who were randomised.
#[test]
fn a_trace_has_the_adverse_events_of_the_changed_size() {
    let bleeding =
        r#"safety={endpoints=[{name="bleeding",event="stated",control=0.05,experimental=0.05}]}"#;
    let mut changed = 0;
    for replicate in ["0", "1", "2", "3", "4", "5", "6", "7"] {
        let args = ["trace", "icarus", "--replicate", replicate, "--set", bleeding];
        let trace = json(rescuesim().args(args))["trace"].clone();
        let Some(last) = trace["looks"].as_array().expect("looks").get(1) else { continue };
        let counts = last["events"][0]["counts"].as_array().expect("both arms").iter();
        let patients: f64 = counts.map(|arm| number(&arm["patients"])).sum();
        assert_eq!(patients, number(&last["n_randomised"]), "{replicate}");
        changed += u32::from(patients > 296.0);
    }
    assert!(changed > 0);
}

#[test]
fn monitor_refuses_stages_that_do_not_fit() {
    let refusal = |args: &[&str]| {
        let message = refused(rescuesim().args(["monitor", "icarus", "--look"]).args(args));
        message.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let interim = "--interim-control-mrs=5,8,10,12,14,10,15";
    let experimental = "--interim-experimental-mrs=6,9,11,12,12,10,14";
    let now = "--control-mrs=15,18,30,42,44,30,45";
    let of_experimental = "--experimental-mrs=26,29,31,42,42,30,34";
    let all = [now, of_experimental, interim, experimental];
    let shown = output(rescuesim().args(["monitor", "icarus", "--look", "2"]).args(all));
    assert!(shown.contains("Final look of a changed size: the weighted Z of"), "{shown}");
    assert!(refusal(&[&["1"], &all[..]].concat()).contains("allowed: --look 2 without --overrun"));
    let fewer = ["2", "--control-mrs=4,18,30,42,44,30,45", of_experimental, interim, experimental];
    assert!(refusal(&fewer).contains("more patients with some mRS at the interim look"));
    let planned = ["2", "--randomised=148,148"];
    let message = refusal(&[&planned, &all[..]].concat());
    assert!(message.contains("the final look has the planned 296 patients"), "{message}");
    let most = ["2", "--randomised=250,249"];
    assert!(refusal(&[&most, &all[..]].concat()).contains("499 patients; allowed: at most 498"));
    let mut other = rescuesim();
    other.args(["monitor", "angel-reboot", "--look", "3"]).args(all);
    assert!(refused(&mut other).contains("the scenario changes no size"));
}

#[test]
fn bad_reestimations_are_refused_at_their_keys() {
    let cases = [
        ("adaptation.size.maximum=295", "adaptation.size.maximum is 295; allowed: at least"),
        ("adaptation.size.at_least=0.8", "adaptation.size.at_least is 0.8; allowed: less than"),
        ("adaptation.size.below=0.2", "allowed: less than `below` (0.2)"),
        ("adaptation.size.target=1.2", "adaptation.size.target is 1.2"),
        ("adaptation.size.at_least=-0.1", "adaptation.size.at_least is -0.1"),
        ("adaptation.size.look=2", "adaptation.size.look is 2; allowed: 1"),
        ("design.looks={equally_spaced=1}", "the design has no interim look"),
        ("design.looks={equally_spaced=3}", "allowed: 2, the last look before the final one"),
        (
            "design.looks={randomised=[148,296]}",
            "design.looks has looks whose number of outcomes differs",
        ),
        (
            "design.looks={months=[20,32]}",
            "design.looks has looks whose number of outcomes differs",
        ),
        ("run.variance_reduction=true", "run.variance_reduction"),
        ("analyses[0].rerandomisations=999", "analyses[0].rerandomisations"),
        ("description={tipping_point=true}", "description.tipping_point"),
        ("adaptation={}", "adaptation has no change of the trial"),
        (
            "design={decisions=\"bayesian\",looks={analysed=[148,296]},\
             bayesian={success={posterior_at_least=0.975}}}",
            "bayesian",
        ),
        (
            "adaptation.size={rule=\"pooled_rate\",look=1,power=0.8,maximum=498}",
            "adaptation.size.rule is \"pooled_rate\"",
        ),
        (
            "adaptation.size={rule=\"pooled_variance\",look=1,maximum=498}",
            "adaptation.size.rule is \"pooled_variance\"",
        ),
    ];
    for (set, expected) in cases {
        let refusal = Scenario::load(&crate::util::project(ICARUS), &overrides(&[set]))
            .expect_err(set)
            .to_string()
            .replace('`', "");
        assert!(refusal.contains(&expected.replace('`', "")), "{set}: {refusal}");
    }
    let message =
        refused(rescuesim().args(["run", "icarus", "--set", "adaptation.size.maximum=1"]));
    assert!(message.contains("adaptation.size.maximum"), "{message}");
}

/// Blinded rules with and without a least size, as enumerated in `tests/reference/reestimation.csv`: patients
/// arrive so slowly that the size may fall to the outcomes of the interim look.
#[test]
fn a_blinded_size_may_fall_to_the_patients_of_the_interim_look() {
    let mut reader =
        csv::Reader::from_path(crate::util::project("tests/reference/reestimation.csv"))
            .expect("it is shipped");
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    let (mut compared, mut fallen) = (0, 0);
    for (design, restricted) in [("BL-un", false), ("BL-re", true)] {
        for (control, experimental) in [("0.25", "0.4"), ("0.15", "0.3"), ("0.4", "0.55")] {
            let mrs = |rate: &str| {
                let rate: f64 = rate.parse().expect("a number");
                format!("[{rate},0,0,{},0,0,0]", 1.0 - rate)
            };
            let set = [
                "sample_size.randomised=312".to_owned(),
                "design.looks={analysed=[156,312]}".to_owned(),
                "follow_up={days=1,window_days=0}".to_owned(),
                "accrual.per_month=1".to_owned(),
                "missing.dropout=0".to_owned(),
                "design.decision_lag_days=0".to_owned(),
                "randomisation={method=\"permuted_blocks\",block_sizes=[2]}".to_owned(),
                format!("outcome.control={}", mrs(control)),
                format!("outcome.experimental={{distribution={}}}", mrs(experimental)),
                format!(
                    "adaptation.size={{rule=\"pooled_rate\",look=1,power=0.8,step=2,maximum=624,restricted={restricted}}}"
                ),
                "analyses=[{name=\"i\",method=\"two_proportions\",cut=2}]".to_owned(),
            ];
            let set: Vec<&str> = set.iter().map(String::as_str).collect();
            let found = simulate_scenario(&icarus(&set), 10_000);
            for (truth, experimental) in [(0, experimental), (1, control)] {
                let of = &found.truths[truth].analyses[0];
                let rates = format!("{control} v {experimental} ");
                for row in rows.iter().filter(|row| &row[0] == design && &row[4] == "ref") {
                    let simulated = match row[1].strip_prefix(&rates) {
                        Some("rejection") => of.rejection,
                        Some("expected_n") => of.n_randomised.mean,
                        Some(_) | None => continue,
                    };
                    let exact: f64 = row[2].parse().expect("a number");
                    // Sizes that hardly ever change have an error of about 0.
                    let error = simulated.mcse.max(1e-3);
                    assert!(
                        (simulated.value - exact).abs() < 4.0 * error,
                        "{design} {row:?}: {simulated:?}"
                    );
                    compared += 1;
                }
            }
            fallen += u32::from(found.truths[1].analyses[0].n_randomised.mean.value < 300.0);
        }
    }
    assert!(compared >= 16 && fallen > 0, "{compared} {fallen}");
}

/// The final look after a blinded rule has the boundary of the trial: the interim look has spent what was
/// planned for it.
#[test]
fn monitor_has_the_final_look_of_a_blinded_rule_as_the_trial_has() {
    let set = [
        "sample_size.randomised=120",
        "design.looks={analysed=[60,120]}",
        "design.efficacy={rule=\"lan_demets_pocock\"}",
        "missing.dropout=0",
        "adaptation.size={rule=\"pooled_rate\",look=1,power=0.99,maximum=360}",
        "analyses=[{name=\"i\",method=\"two_proportions\",cut=2}]",
    ];
    let scenario = icarus(&set);
    let mut compared = 0;
    for trial in trials(&scenario, 12) {
        let Some(changed) = trial.size.and_then(|size| size.changed) else { continue };
        let replicate = trial.replicate.to_string();
        let mut command = rescuesim();
        command.args(["trace", "icarus", "--replicate", &replicate, "--truth"]);
        command.arg(scenario.truth_name(trial.truth)).args(crate::util::set_options(&set));
        let trace = json(&mut command)["trace"].clone();
        let counts = |arm: usize| listed(&trace["looks"][1]["counts"][arm]);
        let outcomes = format!("60,{}", changed.moment.analysed);
        let (control, experimental) = (counts(0), counts(1));
        let mut command = rescuesim();
        command.args(["monitor", "icarus", "--look", "2", "--n", &outcomes]);
        command.args(["--control-mrs", &control, "--experimental-mrs", &experimental]);
        let found = json(command.args(crate::util::set_options(&set)));
        let bound = &found["looks"][1]["z_efficacy"];
        let expected = number(&trace["looks"][1]["bounds"]["efficacy"]);
        assert!((number(bound) - expected).abs() < 1e-9, "{bound} {expected}");
        assert!((number(&found["z"]) - trial.test.z).abs() < 1e-12);
        assert_eq!(found["decision"], trace["end"]["conclusion"]);
        let median = number(&found["effects"]["median_unbiased"]);
        assert!((median - trial.median_unbiased).abs() < 1e-6, "{median} {trial:?}");
        compared += 1;
    }
    assert!(compared > 8, "{compared}");
    // Successes alone are enough for the rule at its own look.
    let mut command = rescuesim();
    command.args(["monitor", "icarus", "--look", "1", "--control", "15/30"]);
    let found =
        json(command.args(["--experimental", "20/30"]).args(crate::util::set_options(&set)));
    assert!(found["size"]["randomised"].is_number(), "{}", found["size"]);
}

/// The conditional power that a look reports is the one that the final look recalls, whatever the number of
/// outcomes that the look had.
#[test]
fn monitor_recalls_the_interim_result_as_it_was_reported() {
    let interim = ["3,5,7,12,14,8,15", "2,10,9,15,14,6,10"];
    let set = ["adaptation.size.at_least=0.2"];
    let mut command = rescuesim();
    command.args(["monitor", "icarus", "--look", "1", "--control-mrs", interim[0]]);
    command.args(["--experimental-mrs", interim[1]]).args(crate::util::set_options(&set));
    let first = json(&mut command)["size"].clone();
    let mut command = rescuesim();
    command.args(["monitor", "icarus", "--look", "2", "--control-mrs", "13,15,32,44,52,34,50"]);
    command.args(["--experimental-mrs", "18,20,36,43,51,26,35"]);
    command.args(["--interim-control-mrs", interim[0], "--interim-experimental-mrs", interim[1]]);
    let last = json(command.args(crate::util::set_options(&set)));
    assert!((number(&last["conditional_power"]) - number(&first["observed"])).abs() < 1e-12);
    assert_eq!(last["size_by_rule"], first["randomised"]);
    assert_eq!(last["zone"], first["zone"]);
}
