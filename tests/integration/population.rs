//! Restriction of the population in simulated trials: reference values, laws, bad input.
//!
//! Seeds are fixed; with a fresh seed a comparison within 4 standard errors would fail by chance once in
//! 16 000.

use std::fmt::Write as _;

use rescuesim::design::enrichment::LevelSet;
use rescuesim::expected::Expected;
use rescuesim::rng::{Purpose, Replicate, Seed, Streams, uniform};
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::summary::{AnalysisSummary, McEstimate, PopulationSummary};
use rescuesim::trial::{Conclusion, Simulator, TrialResult};

use crate::reference_enrichment_design::{Reference, references};
use crate::util::{
    assert_within, directory, json, number, output, overrides, project, rescuesim, scenario_file,
    set_options, shipped_text, simulate_scenario,
};

const RESCUE: &str = "scenarios/rescue-by-cause.toml";
const DEFUSE: &str = "scenarios/defuse-3.toml";
const DAWN: &str = "scenarios/dawn-like.toml";

/// Outcomes on the day of arrival, as in the reference.
const AT_ONCE: &str = "follow_up={days=0,window_days=0}";

fn trials(scenario: &Scenario, replicates: u64) -> Vec<TrialResult> {
    let mut simulator = Simulator::new(scenario);
    (0..replicates).flat_map(|r| simulator.run(Replicate(r)).trials).collect()
}

fn population(of: &AnalysisSummary) -> &PopulationSummary {
    of.population.as_ref().expect("the population may be restricted")
}

/// The file of a shipped scenario without its rule for the population.
fn unrestricted(path: &str, set: &[&str]) -> Scenario {
    let text = shipped_text(path);
    let start = text.find("[adaptation.population]").expect("it has a rule");
    let end = start + text[start..].find("[[analyses]]").expect("it has analyses");
    let text = format!("{}{}", &text[..start], &text[end..]);
    Scenario::parse(&text, &overrides(set)).expect("a valid scenario")
}

/// The design of a reference with these odds ratios in its levels.
fn enriched(reference: &Reference, ors: &[f64]) -> Scenario {
    let shares = reference.list("shares");
    let (n1, n2) = (reference.list("n1")[0], reference.list("n2")[0]);
    let effects: Vec<String> = ors.iter().map(|or| format!("{:?}", libm::log(*or))).collect();
    let set = [
        AT_ONCE.to_owned(),
        format!("sample_size.randomised={n2}"),
        format!("design.looks={{analysed=[{n1},{n2}]}}"),
        format!("design.alpha_one_sided={}", reference.list("alpha")[0]),
        format!("factors[0].shares={shares:?}"),
        format!("factors[0].effect_log_odds=[{}]", effects.join(",")),
        "outcome.experimental={conditional_common_odds_ratio=1.0}".to_owned(),
        format!("outcome.control={:?}", reference.list("control")),
        "missing.dropout=0".to_owned(),
        "randomisation={method=\"permuted_blocks\",block_sizes=[2]}".to_owned(),
        format!("adaptation.population.drop_below={}", reference.list("drop_below")[0]),
        "adaptation.population.null_configurations=false".to_owned(),
    ];
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    scenario_file(RESCUE, &set)
}

/// Every simulated row of the reference within 4 errors of the difference. Patients of the levels are
/// drawn in another order there, so that whole trials cannot be compared.
#[test]
fn closed_tests_have_the_characteristics_of_the_reference() {
    let replicates = 12_000;
    let mut compared = 0;
    for (name, reference) in references("EN-") {
        let mut cases: Vec<&str> = reference
            .rows
            .keys()
            .filter_map(|key| key.strip_prefix("or=")?.split(' ').next())
            .collect();
        cases.dedup();
        for case in cases {
            let ors: Vec<f64> = case.split(',').map(|or| or.parse().expect("a ratio")).collect();
            let found = simulate_scenario(&enriched(&reference, &ors), replicates);
            let analysis = &found.truths[0].analyses[0];
            let of = population(analysis);
            let only = |levels: &str| {
                let mut choices = of.populations.iter();
                choices.find(|choice| choice.population == levels).expect("a choice").probability
            };
            let mut values = vec![
                ("reject level 1", of.levels[0].shown),
                ("reject level 2", of.levels[1].shown),
                ("reject any", analysis.rejection),
                ("level 2 dropped", only("atherosclerosis")),
                ("level 1 dropped", only("embolism")),
                ("both dropped", of.stopped),
                ("expected_n", analysis.n_randomised.mean),
            ];
            if ors.contains(&1.0) {
                values.push(("familywise error", of.familywise_error));
            }
            for (quantity, McEstimate { value, mcse, .. }) in values {
                let rows = &reference.rows[&format!("or={case} {quantity}")];
                let (wanted, error, _) = rows
                    .iter()
                    .find(|(_, _, source)| source == "simulation")
                    .expect("a simulated row");
                // 400 000 trials where no error is given.
                let error =
                    libm::hypot(mcse, error.unwrap_or(mcse * (replicates as f64 / 4e5).sqrt()));
                assert!(
                    (value - wanted).abs() <= 4.0 * error,
                    "{name} {case} {quantity}: {value} v {wanted} ±{error}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared >= 54, "{compared}");
}

/// Patients of DEFUSE 3 by group, arm and mRS.
type Groups = Vec<[[u32; 7]; 2]>;

/// Wilcoxon's Z of the first groups against P(better) + P(tie)/2 = 1/2 + theta, with its ties.
fn wilcoxon(groups: &[[[u32; 7]; 2]], theta: f64) -> f64 {
    let mut arms = [[0.0; 7]; 2];
    for group in groups {
        for (sum, count) in arms.iter_mut().flatten().zip(group.iter().flatten()) {
            *sum += f64::from(*count);
        }
    }
    let [m, k] = arms.map(|arm| arm.iter().sum::<f64>());
    let n = m + k;
    let (mut better, mut ties, mut above) = (0.0, 0.0, m);
    for (control, experimental) in arms[0].into_iter().zip(arms[1]) {
        above -= control;
        better += experimental * (above + control / 2.0);
        ties += (control + experimental).powi(3);
    }
    let variance = m * k / (12.0 * n * (n - 1.0)) * (n.powi(3) - ties);
    (better - m * k * (0.5 + theta)) / variance.sqrt()
}

/// What one trial comes to: population and look, with a rejection or not, and patients excluded.
struct NestedTrial {
    groups: usize,
    rejects: bool,
    look: usize,
    excluded: u32,
}

fn excluded(patients: &Groups, groups: usize) -> u32 {
    patients[groups..].iter().flatten().flatten().sum::<u32>()
}

fn nested_trial(cumulative: &[[f64; 6]; 2], replicate: u64) -> NestedTrial {
    let mut rng = Streams::new(Seed(11)).stream(Replicate(replicate), Purpose::Outcome);
    let mut patients: Groups = vec![[[0; 7]; 2]; 6];
    let (mut groups, mut randomised) = (6, 0);
    for (look, size) in [200, 340, 476].into_iter().enumerate() {
        for _ in randomised..size {
            let group = (uniform(&mut rng) * groups as f64) as usize;
            let arm = usize::from(uniform(&mut rng) < 0.5);
            let quantile = uniform(&mut rng);
            let mrs = cumulative[arm].iter().filter(|&&below| quantile >= below).count();
            patients[group][arm][mrs] += 1;
        }
        randomised = size;
        let bound = if look == 2 { 2.758_487 } else { 2.591_142 };
        let mut ended = None;
        loop {
            if wilcoxon(&patients[..groups], 0.0) >= bound {
                ended = Some(true);
            } else if look == 2 && groups < 6 {
                ended = Some(false);
            } else if look == 2 || wilcoxon(&patients[..groups], 0.105) < -1.885_041 {
                if groups < 6 {
                    ended = Some(false);
                } else {
                    let z: Vec<f64> =
                        (1..6).map(|first| wilcoxon(&patients[..first], 0.0)).collect();
                    groups = (0..5)
                        .fold(0, |best, next| if z[next] > z[best] { next } else { best })
                        + 1;
                    continue;
                }
            }
            break;
        }
        if let Some(rejects) = ended {
            return NestedTrial { groups, rejects, look, excluded: excluded(&patients, groups) };
        }
    }
    unreachable!("the last look ends the trial")
}

fn indicator(happened: bool) -> f64 {
    f64::from(u8::from(happened))
}

/// The same rule simulated from its description, with other random numbers.
#[test]
fn nested_selection_has_the_characteristics_of_another_simulation() {
    let set = [
        AT_ONCE,
        "randomisation={method=\"complete\"}",
        "adaptation.population.null_configurations=false",
    ];
    let scenario = scenario_file(DEFUSE, &set);
    let replicates = 8000;
    let found = simulate_scenario(&scenario, replicates);
    for truth in [Truth::Alternative, Truth::Null] {
        let arms = scenario.marginal(truth).expect("not the prior");
        let cumulative = [arms[0].cumulative(), arms[1].cumulative()];
        let (mut sums, mut squares) = ([0.0; 7], [0.0; 7]);
        for replicate in 0..replicates {
            let trial = nested_trial(&cumulative, replicate);
            let values = [
                indicator(trial.rejects),
                indicator(trial.rejects && trial.groups < 6),
                indicator(trial.groups < 6),
                indicator(trial.look == 0),
                indicator(trial.look == 1),
                [200.0, 340.0, 476.0][trial.look],
                f64::from(trial.excluded),
            ];
            for (i, value) in values.into_iter().enumerate() {
                sums[i] += value;
                squares[i] += value * value;
            }
        }
        let analysis = &found.truths[truth.index()].analyses[0];
        let of = population(analysis);
        let in_subgroup: f64 =
            of.populations[..5].iter().map(|it| it.probability.value * it.rejection.value).sum();
        let ends =
            |look: usize| analysis.looks[look].efficacy.value + analysis.looks[look].futility.value;
        let values = [
            analysis.rejection.value,
            in_subgroup,
            of.restricted.value,
            ends(0),
            ends(1),
            analysis.n_randomised.mean.value,
            of.excluded.value,
        ];
        let n = replicates as f64;
        for (i, value) in values.into_iter().enumerate() {
            let mean = sums[i] / n;
            let error = ((squares[i] / n - mean * mean) / n).sqrt() * std::f64::consts::SQRT_2;
            let error = error.max((1.0 / n / n).sqrt());
            assert!((value - mean).abs() < 4.0 * error, "{truth:?} {i}: {value} v {mean} ±{error}");
        }
    }
}

/// A rule that never restricts leaves the trial as it is, patient by patient and look by look.
#[test]
fn a_rule_that_drops_nothing_changes_no_patient() {
    let never = "adaptation.population.drop_below=0";
    let adaptive =
        scenario_file(RESCUE, &[never, "adaptation.population.null_configurations=false"]);
    let plain = unrestricted(RESCUE, &[]);
    let (mut one, mut other) = (Simulator::new(&plain), Simulator::new(&adaptive));
    for r in 0..100 {
        let (a, b) = (one.run(Replicate(r)), other.run(Replicate(r)));
        assert_eq!(a.looks, b.looks);
        assert_eq!(a.outcomes, b.outcomes);
        assert!(b.own_looks.is_empty());
        for (plain, adaptive) in a.trials.iter().zip(&b.trials) {
            let of = adaptive.population.expect("there is a rule");
            assert!(of.restricted_at.is_none() && of.levels == LevelSet::first(2));
            assert_eq!(plain.z[0].to_bits(), adaptive.z[0].to_bits());
            assert_eq!(plain.n_randomised, adaptive.n_randomised);
            assert_eq!(plain.test.estimate.to_bits(), adaptive.test.estimate.to_bits());
        }
    }
}

fn level(patient: &serde_json::Value) -> serde_json::Value {
    patient["levels"][0].clone()
}

/// Patients randomised by the decision remain; all later ones are of the levels left, and arrive later.
#[test]
fn a_restriction_changes_only_later_patients() {
    for path in [RESCUE, DEFUSE, DAWN] {
        let mut restricted = 0;
        let scenario = scenario_file(path, &["run.replicates=30"]);
        for trial in trials(&scenario, 30) {
            let of = trial.population.expect("there is a rule");
            let Some(at) = of.restricted_at.filter(|at| usize::from(*at) < trial.look) else {
                continue;
            };
            if trial.truth != Truth::Null {
                continue;
            }
            restricted += 1;
            let trace = |path: &str| {
                let replicate = trial.replicate.to_string();
                let mut command = rescuesim();
                command.args(["trace", path, "--replicate", &replicate, "--truth", "null"]);
                json(&mut command)["trace"].clone()
            };
            let found = trace(path);
            let kept = number(&found["looks"][usize::from(at) - 1]["decision"]["n_randomised"]);
            let patients = found["patients"].as_array().expect("patients");
            assert_eq!(patients.len(), trial.n_randomised as usize);
            let names: Vec<&str> = found["population"]["levels"]
                .as_array()
                .expect("levels")
                .iter()
                .filter(|level| level["left"] == true)
                .map(|level| level["level"].as_str().expect("a name"))
                .collect();
            // Nested selection and predictions may drop further levels later.
            if path != DAWN {
                let later = &patients[kept as usize..];
                assert!(later.iter().all(|it| names.contains(&level(it).as_str().expect("text"))));
            }
            assert!(patients.is_sorted_by_key(|patient| number(&patient["day"])), "{path}");
            if restricted > 3 {
                break;
            }
            // The same patients as without the rule, with the same outcomes.
            let folder = directory();
            let text = shipped_text(path);
            let start = text.find("[adaptation.population]").expect("it has a rule");
            let end = start + text[start..].find("[[analyses]]").expect("it has analyses");
            let file = folder.path().join("plain.toml");
            std::fs::write(&file, format!("{}{}", &text[..start], &text[end..])).expect("written");
            let plain = trace(file.to_str().expect("UTF-8"));
            let both = (kept as usize).min(plain["patients"].as_array().expect("patients").len());
            for i in 0..both {
                assert_eq!(plain["patients"][i], patients[i], "{path} {i}");
            }
        }
        assert!(restricted >= 3, "{path}: {restricted}");
    }
}

/// The trace, the rows and the run have the same trial.
#[test]
fn a_traced_trial_is_the_one_that_a_run_counts() {
    for path in [RESCUE, DEFUSE, DAWN] {
        let scenario = scenario_file(path, &[]);
        for trial in trials(&scenario, 6) {
            let replicate = trial.replicate.to_string();
            let truth = scenario.truth_name(trial.truth);
            let mut command = rescuesim();
            command.args(["trace", path, "--replicate", &replicate, "--truth", truth]);
            let found = json(&mut command)["trace"].clone();
            assert_eq!(number(&found["end"]["look"]), trial.look as f64, "{path} {truth}");
            assert_eq!(number(&found["end"]["n_randomised"]), f64::from(trial.n_randomised));
            assert_eq!(number(&found["end"]["n_analysed"]), f64::from(trial.n_analysed));
            let last = &found["looks"][found["looks"].as_array().expect("looks").len() - 1];
            let total: f64 = last["counts"]
                .as_array()
                .expect("arms")
                .iter()
                .flat_map(|arm| arm.as_array().expect("counts"))
                .map(number)
                .sum();
            assert_eq!(total, f64::from(trial.n_analysed), "{path} {truth} {replicate}");
            let z = trial.z[trial.look - 1];
            if z.is_finite() {
                let found = number(&last["z"]);
                assert!((found - z).abs() < 1e-12, "{path} {truth} {replicate}: {found} {z}");
            }
            let estimate = trial.test.estimate;
            if estimate.is_finite() {
                assert!((number(&found["end"]["estimate"]) - estimate).abs() < 1e-12);
            }
        }
    }
}

/// By formula and by simulation: the configurations have an effect exactly where their names say.
#[test]
fn null_configurations_have_an_effect_in_their_levels_only() {
    let scenario = scenario_file(RESCUE, &[]);
    let rule = scenario.adaptation.population.as_ref().expect("it has one");
    let expected = Expected::new(&scenario);
    let names: Vec<&str> =
        scenario.truths().iter().map(|&truth| scenario.truth_name(truth)).collect();
    assert_eq!(
        names,
        ["alternative", "null", "effect only in atherosclerosis", "effect only in embolism"]
    );
    let all = LevelSet::first(2);
    for (truth, levels) in scenario.truths().iter().zip([
        all,
        LevelSet::NONE,
        LevelSet::first(1),
        LevelSet::NONE.with(1),
    ]) {
        let analysis = &scenario.analyses[0];
        assert_eq!(expected.levels_with_effect(*truth, analysis, rule), levels, "{truth:?}");
        for level in 0..2 {
            let estimand = expected.estimand_in(*truth, analysis, rule, LevelSet::NONE.with(level));
            let wanted = if levels.has(level) { std::f64::consts::LN_2 } else { 0.0 };
            assert!((estimand.expect("finite") - wanted).abs() < 1e-9, "{truth:?} {level}");
        }
    }
}

/// One-sided familywise error at most α in every configuration; with these seeds below it.
#[test]
fn no_configuration_has_a_familywise_error_above_alpha() {
    let found = simulate_scenario(&scenario_file(RESCUE, &[]), 10_000);
    for truth in &found.truths[1..] {
        let of = population(&truth.analyses[0]);
        assert_within(&truth.truth, of.familywise_error, 0.0, 0.025, 3.5);
    }
}

/// The same with 10⁶ trials in each configuration, for closed tests by either measure.
#[test]
#[ignore = "takes minutes"]
fn no_configuration_has_a_familywise_error_above_alpha_in_a_million_trials() {
    for set in [
        "adaptation.population.drop_below=0.1",
        "adaptation.population.drop_below=0",
        "adaptation.population.measure=\"predictive_power\"",
    ] {
        let found = simulate_scenario(&scenario_file(RESCUE, &[set]), 1_000_000);
        let mut line = String::new();
        for truth in &found.truths[1..] {
            let error = population(&truth.analyses[0]).familywise_error;
            let _ = write!(line, "{} {:.5} ±{:.5}; ", truth.truth, error.value, error.mcse);
            assert_within(&truth.truth, error, 0.0, 0.025, 3.0);
        }
        println!("{set}: {line}");
    }
}

/// Crossover, centres and dropout that depends on the outcome: patients kept are those of the trial without
/// the rule, with the same treatment, centre and outcome.
#[test]
fn restricted_trials_have_centres_crossover_and_losses() {
    let set = [
        "adherence={control_crossover={probability=0.1},experimental_refusal={probability=0.05}}",
        "centres={number=12,outcome_sd=0.3}",
        "missing={dropout=0.1,log_odds_per_mrs=0.2}",
        "design.looks={equally_spaced=2}",
        "adaptation.population.null_configurations=false",
    ];
    let folder = directory();
    let text = shipped_text(RESCUE);
    let start = text.find("[adaptation.population]").expect("it has a rule");
    let end = start + text[start..].find("[[analyses]]").expect("it has analyses");
    let file = folder.path().join("plain.toml");
    std::fs::write(&file, format!("{}{}", &text[..start], &text[end..])).expect("written");
    let plain = file.to_str().expect("UTF-8");
    let mut compared = 0;
    for trial in trials(&scenario_file(RESCUE, &set), 30) {
        let of = trial.population.expect("there is a rule");
        assert!(of.screened >= trial.n_randomised && of.excluded <= trial.n_randomised);
        if trial.conclusion == Conclusion::Futility {
            continue;
        }
        assert_eq!(trial.n_randomised, 360);
        if of.restricted_at.is_none() || compared == 3 {
            continue;
        }
        let replicate = trial.replicate.to_string();
        let truth = if trial.truth == Truth::Null { "null" } else { "alternative" };
        let trace = |path: &str, set: &[&str]| {
            let mut command = rescuesim();
            command.args(["trace", path, "--replicate", &replicate, "--truth", truth]);
            json(command.args(set_options(set)))["trace"].clone()
        };
        let (restricted, plain) = (trace(RESCUE, &set), trace(plain, &set[..4]));
        let kept = number(&restricted["looks"][0]["decision"]["n_randomised"]) as usize;
        for i in 0..kept {
            assert_eq!(plain["patients"][i], restricted["patients"][i], "{replicate} {i}");
        }
        let patients = restricted["patients"].as_array().expect("patients");
        let crossed = patients.iter().filter(|patient| patient["received"] != patient["arm"]);
        assert!((5..60).contains(&crossed.count()), "{replicate}");
        compared += 1;
    }
    assert_eq!(compared, 3);
}

#[test]
fn threads_shards_and_resumed_runs_restrict_alike() {
    let folder = directory();
    for path in [RESCUE, DAWN] {
        let path = project(path);
        let run = |args: &[&str]| {
            let mut command = rescuesim();
            command.current_dir(folder.path()).arg("run").arg(&path);
            json(command.args(["--replicates", "300"]).args(args))["truths"].clone()
        };
        let one = run(&["--threads", "1"]);
        assert_eq!(one, run(&["--threads", "7"]));
        assert!(one.to_string().contains("\"familywise_error\""));
        for shard in ["1/2", "2/2"] {
            let name = format!("{}.json", &shard[..1]);
            let mut command = rescuesim();
            command.current_dir(folder.path()).arg("run").arg(&path);
            let shard = ["--replicates", "300", "--shard", shard, "--checkpoint", &name];
            output(command.args(shard));
        }
        let mut merge = rescuesim();
        let merged = json(merge.current_dir(folder.path()).args(["merge", "1.json", "2.json"]));
        assert_eq!(one, merged["truths"]);
        let mut first = rescuesim();
        first.current_dir(folder.path()).arg("run").arg(&path);
        output(first.args(["--replicates", "120", "--checkpoint", "resumed.json"]));
        assert_eq!(one, run(&["--checkpoint", "resumed.json", "--resume"]));
        for name in ["1.json", "2.json", "resumed.json"] {
            std::fs::remove_file(folder.path().join(name)).expect("written before");
        }
    }
}

/// Adverse events that are frequent enough to stop many trials, and death, to follow a population.
const EVENTS: &str = "safety={endpoints=[{name=\"bleeding\",event=\"stated\",control=0.05,experimental=0.12,log_odds_per_mrs=0.5,known_after_days=2,stopping={spending={rule=\"lan_demets_pocock\"},alpha_one_sided=0.2}},{name=\"death\",event=\"death\",stopping={spending={rule=\"lan_demets_pocock\"},alpha_one_sided=0.1}}]}";

/// Events that cannot stop a trial leave every trial as it is, but for the events.
#[test]
fn events_that_are_only_followed_change_no_restriction() {
    for path in [RESCUE, DEFUSE, DAWN] {
        let followed = "safety={endpoints=[{name=\"bleeding\",event=\"stated\",control=0.05,experimental=0.12},{name=\"death\",event=\"death\"}]}";
        let plain = trials(&scenario_file(path, &[]), 40);
        let with_events = trials(&scenario_file(path, &[followed]), 40);
        assert_eq!(format!("{plain:?}"), format!("{with_events:?}"), "{path}");
    }
}

/// Events of the patients whom a trace lists, as the trial's looks count them: by the days on which they are
/// known, whatever population the trial had.
#[test]
fn adverse_events_of_a_restricted_trial_are_those_of_its_patients() {
    let looks = "design.looks={analysed=[60,120,200,280,342]}";
    let at_second = "adaptation.population.look=2";
    let defuse_looks = "design.looks={analysed=[100,200,300,400,476]}";
    let sets: [(&str, &[&str]); 3] = [
        (RESCUE, &[EVENTS, looks, at_second, "adaptation.population.drop_below=0.4"]),
        (DEFUSE, &[EVENTS, defuse_looks, "adaptation.population.futility=0"]),
        (DAWN, &[EVENTS]),
    ];
    for (path, set) in sets {
        let scenario = scenario_file(path, set);
        let mut stopped = [0; 3];
        for trial in trials(&scenario, 40) {
            let of = trial.population.expect("there is a rule");
            let restricted_at = of.restricted_at.map(usize::from);
            if trial.conclusion == Conclusion::Safety {
                // Before a restriction would take place, and after it.
                stopped[usize::from(restricted_at.is_some())] += 1;
                assert!(restricted_at.is_none_or(|at| at < trial.look));
                assert!(of.rejected.is_empty());
                stopped[2] += u32::from(trial.without_safety == Conclusion::Efficacy);
            }
            if trial.replicate >= 6 {
                continue;
            }
            let replicate = trial.replicate.to_string();
            let truth = scenario.truth_name(trial.truth);
            let mut command = rescuesim();
            command.args(["trace", path, "--replicate", &replicate, "--truth", truth]);
            command.args(set_options(set));
            let trace = json(&mut command)["trace"].clone();
            assert_eq!(number(&trace["end"]["look"]), trial.look as f64);
            assert_eq!(number(&trace["end"]["n_randomised"]), f64::from(trial.n_randomised));
            let patients = trace["patients"].as_array().expect("patients");
            assert_eq!(patients.len(), trial.n_randomised as usize);
            let looks = trace["looks"].as_array().expect("looks");
            for (k, look) in looks.iter().enumerate() {
                let day = number(&look["day"]);
                let is_final = look["look"] == scenario.design.looks().len();
                let bleeding = |patient: &&serde_json::Value| number(&patient["day"]) + 2.0 <= day;
                let known = patients.iter().filter(|it| is_final || bleeding(it));
                let mut events = [[0.0; 2]; 2];
                for patient in known {
                    let arm = usize::from(patient["arm"] == "experimental");
                    let had = patient["events"].as_array().expect("events");
                    events[arm][0] += indicator(had.iter().any(|it| it == "bleeding"));
                    events[arm][1] += 1.0;
                }
                let found = &look["events"][0];
                for (arm, [had, of]) in events.into_iter().enumerate() {
                    let counts = &found["counts"][arm];
                    assert_eq!(number(&counts["events"]), had, "{path} {replicate} {truth} {k}");
                    assert_eq!(number(&counts["patients"]), of, "{path} {replicate} {truth} {k}");
                }
                let is_crossed = look["events"].as_array().expect("events").iter().any(|event| {
                    event["bound"].as_f64().is_some_and(|bound| number(&event["z"]) <= bound)
                });
                let stops_here = trial.conclusion == Conclusion::Safety && k + 1 == looks.len();
                assert_eq!(is_crossed && !is_final, stops_here, "{path} {replicate} {truth} {k}");
            }
        }
        // Most restrictions of these scenarios come late.
        assert!(stopped[0] > 10 && stopped[1] > 2, "{path}: {stopped:?}");
    }
}

/// Results of every truth, the configurations of the rule among them, have the events and the stops.
#[test]
fn results_of_a_restricted_trial_have_its_adverse_events() {
    for path in [RESCUE, DEFUSE] {
        let found = simulate_scenario(&scenario_file(path, &[EVENTS]), 200);
        assert!(found.truths.len() > 3, "{path}");
        for truth in &found.truths {
            let [bleeding, death] = &truth.safety[..] else { panic!("two events") };
            let analysis = &truth.analyses[0];
            let stopped = analysis.outcomes.safety.expect("events can stop the trial");
            let either: f64 = [bleeding, death]
                .iter()
                .map(|event| {
                    event.looks[..event.looks.len() - 1]
                        .iter()
                        .map(|it| it.reached.value)
                        .sum::<f64>()
                })
                .sum();
            assert!(stopped.value > 0.0 && stopped.value <= either + 1e-12, "{path}");
            // Death depends on the mRS, which a restricted population has otherwise.
            assert!(death.looks.iter().all(|look| look.by_formula_cumulative.is_none()));
            let of = analysis.population.as_ref().expect("there is a rule");
            assert!(of.integrated.is_none(), "the integral knows no adverse events");
        }
    }
}

/// Events that depend on nothing stop as many trials with the rule as without it, if it drops nothing.
#[test]
fn a_rule_that_drops_nothing_is_stopped_by_the_same_events() {
    let plain = unrestricted(RESCUE, &[EVENTS]);
    let set = ["adaptation.population.drop_below=0", EVENTS];
    let adaptive =
        scenario_file(RESCUE, &[set[0], set[1], "adaptation.population.null_configurations=false"]);
    let (mut one, mut other) = (Simulator::new(&plain), Simulator::new(&adaptive));
    for r in 0..100 {
        let (a, b) = (one.run(Replicate(r)), other.run(Replicate(r)));
        for (plain, adaptive) in a.trials.iter().zip(&b.trials) {
            let stopped = [plain, adaptive].map(|it| it.conclusion == Conclusion::Safety);
            assert_eq!(stopped[0], stopped[1]);
            assert_eq!((plain.look, plain.n_randomised), (adaptive.look, adaptive.n_randomised));
        }
        assert_eq!(format!("{:?}", a.safety), format!("{:?}", b.safety));
    }
}

/// Trials in which futility and harm are disregarded are those of a design without these rules.
#[test]
fn disregarded_futility_is_that_of_a_design_without_it() {
    let rule = "futility = { predictive_below = 0.1 }\n";
    let text = shipped_text(DAWN);
    assert!(text.contains(rule));
    let set = overrides(&["run.seed=5"]);
    let heeded = trials(&Scenario::parse(&text, &set).expect("valid"), 40);
    let without = Scenario::parse(&text.replace(rule, ""), &set).expect("valid");
    let mut stopped = 0;
    for (heeded, without) in heeded.iter().zip(trials(&without, 40)) {
        let reaches = without.conclusion == Conclusion::Efficacy;
        assert_eq!(heeded.efficacy_stops_disregarded, reaches, "{heeded:?}");
        let is_reversed = heeded.conclusion == Conclusion::Futility && reaches;
        stopped += u32::from(is_reversed);
        if heeded.conclusion == without.conclusion && heeded.look == without.look {
            assert_eq!(heeded.test, without.test);
        }
    }
    assert!(stopped > 0);
}

/// A rule that drops all levels of an effective treatment in most trials.
#[test]
fn a_rule_that_leaves_no_level_is_warned_about() {
    let warning = "no level is left in";
    let check = |drop_below: &str| {
        let set = format!("adaptation.population.drop_below={drop_below}");
        let text = output(rescuesim().args(["check", RESCUE, "--set", &set]));
        text.replace("\n# ", " ")
    };
    let text = check("0.999");
    assert!(text.contains(warning) && !text.contains("sample_size.randomised is"), "{text}");
    assert!(!check("0.1").contains(warning));
}

#[test]
fn design_says_that_it_restricts_nothing() {
    for path in [RESCUE, DEFUSE, DAWN] {
        let text = output(rescuesim().args(["design", path]));
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected =
            "The boundaries and their performance are those without it, for all patients";
        assert!(words.contains("Population adapted at"), "{text}");
        assert!(words.contains(expected), "{text}");
    }
}

#[test]
fn bad_restrictions_are_refused_at_their_keys() {
    let nested = "adaptation.population={rule=\"nested_selection\",factor=\"cause\",effect=0.2,futility=-1.9,efficacy=2.6,last=2.7}";
    let cases: [(&[&str], &str); 14] = [
        (&["adaptation.population.factor=\"age\""], "adaptation.population.factor is \"age\""),
        (&["adaptation.population.drop_below=1"], "adaptation.population.drop_below is 1"),
        (&["adaptation.population.drop_below=-0.1"], "adaptation.population.drop_below is -0.1"),
        (&["adaptation.population.look=2"], "adaptation.population.look is 2; allowed: 1 to 1"),
        (&["design.looks={equally_spaced=1}"], "the design has no interim look"),
        (&[nested, "design.looks={equally_spaced=1}"], "the design has none"),
        (&["design.looks={months=[20,40]}"], "design.looks has looks whose number of outcomes"),
        (&["design.efficacy={rule=\"pocock\"}"], "design.efficacy stops the trial for efficacy"),
        (&["design.futility={rule=\"z\",bounds=[0]}"], "design.futility stops the trial"),
        (&["run.variance_reduction=true"], "run.variance_reduction needs trials of one population"),
        (&["description={}"], "description describes the patients of one population"),
        (
            &[
                "adaptation.population={rule=\"predictive_probability\",factor=\"cause\",drop_below=0.2}",
            ],
            "needs design.decisions = \"bayesian\"",
        ),
        (
            &[
                "adaptation.size={rule=\"promising_zone\",look=1,at_least=0.3,target=0.8,maximum=500}",
            ],
            "adaptation.size changes the trial at an interim look as adaptation.population does",
        ),
        (
            &["analyses[0].rerandomisations=99"],
            "analyses[0].rerandomisations repeats the allocation",
        ),
    ];
    for (set, expected) in cases {
        let refusal = Scenario::load(&project(RESCUE), &overrides(set))
            .expect_err(expected)
            .to_string()
            .replace('`', "");
        let words = refusal.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(expected), "{set:?}: {refusal}");
    }
}
