//! Procedures: the simulation agrees with the enumeration, and both agree with published results.
//!
//! Seeds are fixed, so a test always passes or always fails. With fresh seeds they would fail by
//! chance: [`every_simulated_quantity_has_its_exact_value`] checks 650 quantities (1000 at most), each
//! with the probability of a normal deviate beyond 4.5 (7 in a million; for shares by the
//! binomial distribution itself), many of them correlated, so one run in 200 fails; the others
//! check about 60 quantities at 3 Monte Carlo errors (1 in 370), so one run in 6 at most fails.
//!
//! Exact values agree with published counts to 1e-5 (the scenarios state six decimals), and with
//! other published numbers to half a unit of their last digit.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rescuesim::explore::calibrate::{Calibration, Target, Unknown, calibrate};
use rescuesim::explore::quantities;
use rescuesim::scenario::Truth::{self, Alternative, Null};
use rescuesim::scenario::{Scenario, edit};
use rescuesim::summary::OperatingCharacteristics;
use rescuesim::summary::procedure::{ArmSummary, Checked, GroupSummary, PassSummary};

use crate::checked::checked_quantities;
use crate::util::{Results, assert_within, project, scenario_file, simulate_file, with_procedure};

const LEE: &str = "scenarios/lee-cohort.toml";
const SELECTION: &str = "scenarios/lee-selection.toml";
const EARLY_LATE: &str = "scenarios/early-vs-late.toml";
const RESCUE: &str = "scenarios/angel-rescue-mechanistic.toml";
const REBOOT: &str = "scenarios/angel-reboot-mechanistic.toml";

const CONTROL: usize = 0;
const EXPERIMENTAL: usize = 1;

/// Results of the shipped cohort of Lee, shared by its tests.
static LEE_RESULT: LazyLock<OperatingCharacteristics> =
    LazyLock::new(|| simulate_file(LEE, &[], 10_000));

/// Twice the smaller tail of a standard normal distribution beyond 4.5.
const RARE: f64 = 6.795e-6;

#[test]
fn every_simulated_quantity_has_its_exact_value() {
    let mut checked = 0;
    for path in with_procedure() {
        let result = simulate_file(&path, &[], 10_000);
        let all = checked_quantities(&path, &result.procedure.expect("it exists"));
        all.iter().for_each(|quantity| quantity.check(RARE));
        checked += all.iter().filter(|quantity| quantity.exact.is_some()).count();
    }
    assert!((600..1000).contains(&checked), "{checked}: the false-alarm rate is for fewer");
}

/// Exact quantities of a shipped scenario with overrides, by name.
fn exact(path: &str, set: &[&str]) -> BTreeMap<String, f64> {
    quantities::exact(&scenario_file(path, set)).into_iter().collect()
}

fn arm(result: &OperatingCharacteristics, arm: usize) -> &ArmSummary {
    &result.procedure.as_ref().expect("there is a procedure").arms[arm]
}

fn group<'r>(result: &'r OperatingCharacteristics, of: usize, name: &str) -> &'r GroupSummary {
    let groups = &arm(result, of).groups;
    groups.iter().find(|group| group.group.name() == name).expect("it has patients")
}

fn pass(result: &OperatingCharacteristics, of: usize, passes: usize) -> &PassSummary {
    let all = &arm(result, of).passes;
    all.iter().find(|pass| pass.passes == passes).expect("patients have this pass")
}

/// Fails unless the exact value is within `reach` of the published one, and the simulated value within
/// 3 errors of the exact one.
#[track_caller]
fn assert_published(what: &str, quantity: &Checked, published: f64, reach: f64) {
    let exact = quantity.exact;
    assert!((exact - published).abs() <= reach, "{what}: {exact}, published {published}");
    assert_within(what, quantity.simulated, exact, exact, 3.0);
}

/// Half a unit of the third decimal.
const THIRD: f64 = 5e-4;
/// Rounding error of a fraction of whole numbers in a scenario with six decimals.
const COUNT: f64 = 1e-5;

/// 126 patients, 257 passes, 56 stents (Lee et al. 2025).
#[test]
fn the_practice_in_lees_cohort_is_reproduced_pass_by_pass() {
    let lee = &*LEE_RESULT;
    let all = &group(lee, CONTROL, "all").measures;
    assert_published("passes", &all["passes"], 257.0 / 126.0, COUNT);
    assert_published("stented", &all["stented"], 56.0 / 126.0, COUNT);
    let alone = [40.0, 21.0, 6.0, 3.0, 0.0];
    let stented = [16.0, 11.0, 14.0, 10.0, 5.0];
    for (i, (alone, stented)) in alone.into_iter().zip(stented).enumerate() {
        let pass = pass(lee, CONTROL, i + 1);
        assert_published("by passes alone", &pass.reperfused, alone / 126.0, COUNT);
        assert_published("stented", &pass.stented, stented / 126.0, COUNT);
        assert_eq!((pass.unopened.exact, pass.unopened.simulated.value), (0.0, 0.0));
    }
    for (k, success) in [(1, 0.373), (2, 0.329), (3, 0.158)] {
        assert_published("success", &pass(lee, CONTROL, k).success, success, THIRD);
    }
    // 3 of 23, over the fourth and the fifth pass.
    let fourth: [f64; 2] = [4, 5]
        .map(|k| pass(lee, CONTROL, k))
        .map(|pass| [pass.attempted.exact * pass.success.exact, pass.attempted.exact])
        .into_iter()
        .fold([0.0; 2], |sum, pass| [sum[0] + pass[0], sum[1] + pass[1]]);
    assert!((fourth[0] / fourth[1] - 0.130).abs() < THIRD, "{fourth:?}");
}

#[test]
fn the_outcomes_in_lees_cohort_are_reproduced_by_timing() {
    let lee = &*LEE_RESULT;
    let groups =
        [("stented_early", [0.852, 0.880, 0.037]), ("stented_late", [0.552, 0.654, 0.172])];
    for (name, published) in groups {
        let group = group(lee, CONTROL, name);
        for (measure, published) in
            ["functional_independence", "patency", "haemorrhage"].into_iter().zip(published)
        {
            let what = format!("{name} {measure}");
            assert_published(&what, &group.measures[measure], published, THIRD);
        }
    }
    let share = |name: &str| group(lee, CONTROL, name).share;
    assert_published("early", &share("stented_early"), 27.0 / 126.0, COUNT);
    assert_published("late", &share("stented_late"), 29.0 / 126.0, COUNT);
    let dead = group(lee, CONTROL, "stented").measures["mortality"];
    assert_published("dead of all stented", &dead, 5.0 / 56.0, COUNT);
}

/// Lee's medians are those of 27 and 29 patients, with a sampling error of 2.8 and 4.2 minutes
/// (1.25 × 0.26 × median / √n); the model agrees within 0.6 minutes. The quantiles of the model are those
/// of a mixture of log-normals over the passes at which Lee's patients were stented, solved with SciPy's
/// `brentq`; Lee's quartiles, 40–55 and 55–80, are not compared.
#[test]
fn minutes_are_those_of_a_mixture_of_log_normals() {
    let lee = &*LEE_RESULT;
    let groups = [
        ("stented_early", 45.0, [36.919647, 44.762777, 54.363236]),
        ("stented_late", 70.0, [57.358794, 69.446127, 84.222340]),
    ];
    for (name, published, quantiles) in groups {
        let minutes = group(lee, CONTROL, name).minutes.as_ref().expect("minutes are recorded");
        let all = [&minutes.p25, &minutes.median, &minutes.p75];
        for (quantity, quantile) in all.into_iter().zip(quantiles) {
            assert_published(name, quantity, quantile, 1e-3);
        }
        assert!((minutes.median.exact - published).abs() < 0.6, "{name}: {published}");
    }
}

/// Strategies "stent persistent occlusion after pass k", for all patients before the first pass.
#[test]
fn later_stenting_stents_fewer_patients_after_more_passes() {
    let rules = [(1, 68.3, 1.0), (2, 47.8, 1.68), (3, 40.2, 2.16), (4, 33.5, 2.56)];
    for (k, stents, passes) in rules {
        let rule = format!(
            r#"procedure.experimental.strategy={{rule="continue_then_rescue",more_passes={k}}}"#
        );
        let result = simulate_file(LEE, &[&rule], 3_000);
        let all = &group(&result, EXPERIMENTAL, "all").measures;
        assert_published("stents", &all["stented"], stents / 100.0, THIRD);
        assert_published("passes", &all["passes"], passes, 5e-3);
    }
}

/// Power of pooled z, one-sided 0.025, by enumeration of two binomial counts with SciPy:
/// Σ pmf(x; n, p_c) · pmf(y; n, p_e) over all x, y with z(x, y) ≥ 1.959964.
#[track_caller]
fn assert_power(result: &OperatingCharacteristics, truth: Truth, power: f64) {
    let rejection = result.analysis(truth, "independence").rejection;
    assert_within("rejection", rejection, power, power, 3.0);
}

#[test]
fn early_v_late_stenting_has_its_power_with_112_per_arm() {
    let result = simulate_file(EARLY_LATE, &[], 30_000);
    let [control, experimental] = [CONTROL, EXPERIMENTAL].map(|arm| group(&result, arm, "all"));
    let independent = "functional_independence";
    assert_published("control", &control.measures[independent], 0.661, 1e-6);
    assert_published("experimental", &experimental.measures[independent], 0.824, 1e-6);
    assert_published("stented after all", &control.measures["stented"], 0.763, THIRD);
    assert_published("passes", &control.measures["passes"], 3.61, 5e-3);
    // 0.661 v 0.824 with 112 per arm; under H0 0.661 in both.
    assert_power(&result, Alternative, 0.8049444911072385);
    assert_power(&result, Null, 0.02550052219439383);
}

fn odds_ratio(result: &BTreeMap<String, f64>) -> f64 {
    let odds = |group: &str| {
        let p = result[&format!("control.{group}.functional_independence")];
        p / (1.0 - p)
    };
    odds("stented_early") / odds("stented_late")
}

/// 0.852 v 0.552 in the paper, here without any effect of the procedure.
#[test]
fn selection_alone_gives_lees_contrast() {
    let quantities = exact(SELECTION, &[]);
    let early = quantities["control.stented_early.functional_independence"];
    let late = quantities["control.stented_late.functional_independence"];
    assert!((early - 0.837).abs() < THIRD && (late - 0.565).abs() < THIRD, "{early} {late}");
    assert!((odds_ratio(&quantities) - 3.95).abs() < 5e-3, "{}", odds_ratio(&quantities));

    // A trial has no effect to detect: 0.78381 in both arms of 126.
    assert!(quantities["effect.risk_difference"].abs() < 1e-12);
    let result = simulate_file(SELECTION, &[], 20_000);
    assert_power(&result, Alternative, 0.024522155366591986);
    let [alternative, null] =
        [Alternative, Null].map(|truth| result.analysis(truth, "independence").rejection);
    assert_eq!(alternative, null, "the same patients and outcomes");
}

/// Solves a shipped scenario for targets.
fn solve(path: &str, set: &[String], targets: &[(String, f64)], keys: &[String]) -> Calibration {
    let load = |more: &[String]| Scenario::load(&project(path), &[set, more].concat());
    let scenario = load(&[]).expect("a valid scenario");
    let target =
        |(quantity, value): &(String, f64)| Target { quantity: quantity.clone(), value: *value };
    let unknown = |path: &String| {
        let (start, range) =
            edit::number(&scenario, &path.parse().expect("a path")).expect("a number");
        Unknown { path: path.clone(), start, range }
    };
    let targets = targets.iter().map(target).collect();
    calibrate(&load, targets, keys.iter().map(unknown).collect()).expect("figures of the scenario")
}

/// With the stops and stents after each pass as in Lee's cohort, 39 of 56 independent, and operators
/// without selection, the odds ratio for early stenting is only 1.2 to 1.6.
#[test]
fn difficulty_without_selection_gives_a_small_part_of_lees_contrast() {
    let mut targets = vec![("control.stented.functional_independence".to_owned(), 39.0 / 56.0)];
    let mut keys = vec!["outcome.intercept".to_owned()];
    let stops = [(40.0, 16.0), (21.0, 11.0), (6.0, 14.0), (3.0, 10.0)];
    for (i, (alone, stented)) in stops.into_iter().enumerate() {
        let at = format!("control.after_pass[{}]", i + 1);
        targets.push((format!("{at}.reperfused"), alone / 126.0));
        targets.push((format!("{at}.stented"), stented / 126.0));
        keys.push(format!("procedure.pass_success[{i}]"));
        keys.push(format!("procedure.control.strategy.rescue_after_pass[{i}]"));
    }
    for (pass_success, outcome) in [(1, 1), (1, 2), (2, 2)] {
        let set = vec![
            format!("procedure.difficulty.pass_success={pass_success}"),
            format!("procedure.difficulty.outcome={outcome}"),
            "procedure.difficulty.rescue_choice=0".to_owned(),
        ];
        let solved = solve(SELECTION, &set, &targets, &keys);
        assert!(solved.is_met(), "{}", solved.miss());
        let values = solved.solved.iter().map(|(unknown, at)| format!("{}={at:?}", unknown.path));
        let all: Vec<String> = set.into_iter().chain(values).collect();
        let quantities = exact(SELECTION, &all.iter().map(String::as_str).collect::<Vec<_>>());
        let spurious = odds_ratio(&quantities);
        assert!((1.2..1.6).contains(&spurious), "{pass_success} {outcome}: {spurious}");
    }
}

/// Success of a pass 13 % (or 30 %) from the fourth on, independence 36 % with an open vessel and
/// 20.7 % with a closed one.
#[test]
fn further_passes_give_angel_rescue_the_planned_quarter_of_independence() {
    let one = r#"procedure.control.strategy={rule="continue_then_stop",more_passes=1}"#;
    let better = "procedure.pass_success[3]=0.30";
    let cases: [(&[&str], f64); 4] =
        [(&[], 0.244), (&[one], 0.227), (&[better, one], 0.253), (&[better], 0.285)];
    for (set, independent) in cases {
        let quantities = exact(RESCUE, set);
        let control = quantities["control.functional_independence"];
        assert!((control - independent).abs() < THIRD, "{set:?}: {control}");
    }
    assert!((exact(RESCUE, &[])["control.reperfusion"] - 0.243).abs() < THIRD);
}

#[test]
fn the_power_of_angel_rescue_is_that_of_two_binomials() {
    let result = simulate_file(RESCUE, &[], 30_000);
    let stented = group(&result, EXPERIMENTAL, "all").measures["functional_independence"];
    assert_published("24 of 66", &stented, 24.0 / 66.0, THIRD);
    // About 0.64.
    assert_power(&result, Alternative, 0.6379145782938742);
    let target = ("experimental.functional_independence".to_owned(), 0.488);
    let solved = solve(RESCUE, &[], &[target], &["outcome.stenting".to_owned()]);
    let (_, stenting) = &solved.solved[0];
    let result = simulate_file(RESCUE, &[&format!("outcome.stenting={stenting}")], 30_000);
    let stented = group(&result, EXPERIMENTAL, "all").measures["functional_independence"];
    assert_published("calibrated", &stented, 0.488, 1e-5);
    // About 0.995.
    assert_power(&result, Alternative, 0.995247281552054);
}

#[test]
fn angel_reboot_with_a_procedure_has_its_planned_rates() {
    let result = simulate_file(REBOOT, &[], 5_000);
    for (arm, independent, haemorrhage) in [(CONTROL, 0.25, 0.01), (EXPERIMENTAL, 0.40, 0.05)] {
        let all = &group(&result, arm, "all").measures;
        assert_published("mRS 0–2", &all["functional_independence"], independent, 1e-6);
        assert_published("haemorrhage", &all["haemorrhage"], haemorrhage, 1e-6);
    }
    for (arm, perforation) in [(CONTROL, 0.03), (EXPERIMENTAL, 0.14)] {
        let all = &group(&result, arm, "all").measures;
        assert_published("dissection", &all["perforation"], perforation, 1e-12);
    }
}
