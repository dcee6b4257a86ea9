//! Laws of every procedure, whatever its numbers.
//!
//! Nearly all are exact. Two tests also simulate; they compare trials with the same random numbers for
//! equality.

use std::collections::BTreeMap;

use rescuesim::explore::quantities;
use rescuesim::num::logistic;
use rescuesim::outcome::{Mrs, MrsDistribution};
use rescuesim::randomisation::Arm;
use rescuesim::scenario::{Scenario, Truth};

use crate::util::{Results, scenario_file, simulate_file, with_procedure};

fn quantities(path: &str, set: &[&str]) -> BTreeMap<String, f64> {
    quantities::exact(&scenario_file(path, set)).into_iter().collect()
}

/// Override that gives the experimental arm the control arm's strategy.
fn same_strategies(path: &str) -> String {
    let file = serde_json::to_value(scenario_file(path, &[]).file()).expect("plain data");
    let strategy: BTreeMap<String, toml::Value> =
        serde_json::from_value(file["procedure"]["control"]["strategy"].clone()).expect("a table");
    let keys = strategy.iter().map(|(key, value)| format!("{key}={value}"));
    format!("procedure.experimental.strategy={{{}}}", keys.collect::<Vec<_>>().join(","))
}

fn independence(scenario: &Scenario, truth: Truth) -> [f64; 2] {
    scenario.marginal(truth).expect("it exists").map(|mrs| mrs.at_most(Mrs::INDEPENDENT))
}

#[test]
fn the_parts_of_the_difference_add_up_to_it() {
    for path in &with_procedure() {
        // A mechanism without effect has no part; with every mechanism in use, all six have one.
        let all_ways: &[&str] = &[
            "outcome.per_pass=-0.2",
            "outcome.open_vessel=0.9",
            "outcome.stenting=-0.3",
            "outcome.haemorrhage=-1.1",
            "outcome.perforation=-0.7",
            r#"procedure.haemorrhage={definition="any",intercept=-2,stenting=0.5,fatality=0.3}"#,
            "procedure.perforation={thrombectomy=0.05,stenting=0.1,fatality=0.2}",
            "procedure.rescue.patency={intercept=1,per_pass=-0.2}",
            "procedure.experimental.crossover=0.1",
        ];
        for set in [&[], all_ways] {
            let scenario = scenario_file(path, set);
            let parts = scenario.procedural().expect("a procedure").decomposition();
            let [control, experimental] = independence(&scenario, Truth::Alternative);
            let sum: f64 = parts.iter().sum();
            assert!((sum - (experimental - control)).abs() < 1e-12, "{path}: {parts:?}");
            assert!(set.is_empty() || parts.iter().all(|part| part.abs() > 1e-9), "{parts:?}");
        }
    }
}

/// The part of a mechanism is 0 if its log odds, or the probability of its event, is 0.
#[test]
fn a_mechanism_without_effect_has_no_part() {
    let path = "scenarios/angel-reboot-mechanistic.toml";
    let parts =
        |set: &[&str]| scenario_file(path, set).procedural().expect("a procedure").decomposition();
    let shut: [(&[&str], [usize; 2]); 4] = [
        (&["outcome.open_vessel=0"], [0, 2]),
        (&["outcome.per_pass=0"], [1, 1]),
        (&["outcome.stenting=0"], [3, 3]),
        (&["procedure.haemorrhage.fatality=0", "procedure.perforation.fatality=0"], [5, 5]),
    ];
    for (set, ways) in shut {
        let parts = parts(set);
        for way in ways {
            assert!(parts[way].abs() < 1e-15, "{set:?}: {parts:?}");
        }
    }
    // Reperfusion opens a vessel, and a stent that closes loses it.
    let parts = parts(&[]);
    assert!(parts[0] > 0.0 && parts[2] < 0.0 && parts[5] < 0.0, "{parts:?}");
}

#[test]
fn equal_strategies_give_equal_trials() {
    for path in &with_procedure() {
        let same = same_strategies(path);
        let scenario = scenario_file(path, &[&same]);
        let parts = scenario.procedural().expect("a procedure").decomposition();
        assert_eq!(parts, [0.0; 6], "{path}");
        let result = simulate_file(path, &[&same], 200);
        let [alternative, null] = [Truth::Alternative, Truth::Null]
            .map(|truth| serde_json::to_value(&result.under(truth).analyses).expect("plain data"));
        assert_eq!(alternative, null, "{path}");
    }
}

fn marginals(of: &Scenario, truth: Truth) -> [MrsDistribution; 2] {
    *of.marginal(truth).expect("it exists")
}

#[test]
fn under_the_null_all_patients_have_the_strategy_of_control() {
    for path in &with_procedure() {
        let crossed = scenario_file(path, &["procedure.control.crossover=0.2"]);
        let [control, experimental] = marginals(&crossed, Truth::Null);
        assert_eq!(control, experimental);
        assert_eq!(control, marginals(&scenario_file(path, &[]), Truth::Alternative)[0]);
    }
}

/// Quantities of one arm, by their names without the arm.
fn of_arm<'f>(
    quantities: &'f BTreeMap<String, f64>,
    arm: &'f str,
) -> impl Iterator<Item = (&'f str, f64)> {
    quantities
        .iter()
        .filter_map(move |(name, value)| Some((name.strip_prefix(arm)?.strip_prefix('.')?, *value)))
}

#[track_caller]
fn assert_same<'f>(
    ours: impl Iterator<Item = (&'f str, f64)>,
    theirs: impl Iterator<Item = (&'f str, f64)>,
) {
    let [ours, theirs]: [Vec<_>; 2] = [ours.collect(), theirs.collect()];
    assert!(ours.len() > 20);
    assert_eq!(ours.len(), theirs.len());
    for ((name, ours), (other, theirs)) in ours.into_iter().zip(theirs) {
        // Minutes are solved to about 1e-9.
        assert_eq!(name, other);
        assert!((ours - theirs).abs() < 1e-7 * (1.0 + ours.abs()), "{name}: {ours} {theirs}");
    }
}

#[test]
fn full_crossover_exchanges_the_arms_and_half_makes_them_equal() {
    for path in &with_procedure() {
        let with = |p: f64| {
            let set = ["control", "experimental"].map(|a| format!("procedure.{a}.crossover={p}"));
            quantities(path, &[&set[0], &set[1]])
        };
        let (plain, crossed, mixed) = (with(0.0), with(1.0), with(0.5));
        assert_same(of_arm(&plain, "control"), of_arm(&crossed, "experimental"));
        assert_same(of_arm(&plain, "experimental"), of_arm(&crossed, "control"));
        assert_same(of_arm(&mixed, "control"), of_arm(&mixed, "experimental"));
        let half = (plain["control.stented"] + plain["experimental.stented"]) / 2.0;
        assert!((mixed["control.stented"] - half).abs() < 1e-12, "{path}");
    }
}

#[test]
fn without_access_no_patient_is_stented() {
    for path in &with_procedure() {
        let set = ["procedure.rescue.failed_access=1"];
        let result = simulate_file(path, &set, 200);
        let (before, after) = (quantities(path, &[]), quantities(path, &set));
        let procedure = result.procedure.expect("it exists");
        for arm in procedure.arms {
            let all = &arm.groups[0];
            assert_eq!(all.group.name(), "all");
            let stented = &all.measures["stented"];
            assert_eq!((stented.exact, stented.simulated.value), (0.0, 0.0), "{path}");
            assert!(arm.groups.iter().all(|group| !group.group.name().starts_with("stented")));
            // Planned stents are given up; patients reperfused by passes alone are unchanged.
            let name = |quantity: &str| format!("{}.{quantity}", arm.arm);
            let share = |quantities: &BTreeMap<String, f64>, group: &str| {
                quantities.get(&name(&format!("{group}.share"))).copied().unwrap_or(0.0)
            };
            let meant = share(&before, "stented") + share(&before, "unopened");
            assert!((share(&after, "unopened") - meant).abs() < 1e-12, "{path}");
            assert!((share(&after, "reperfused") - share(&before, "reperfused")).abs() < 1e-12);
        }
    }
}

/// Fatal cases are taken from mRS 0 to 5 in proportion to the fatality and added to mRS 6; the
/// procedure itself is unchanged.
#[test]
fn fatality_moves_patients_to_mrs_6_only() {
    let path = "scenarios/angel-reboot-mechanistic.toml";
    let with = |fatality: &str| {
        let haemorrhage = format!("procedure.haemorrhage.fatality={fatality}");
        quantities(path, &[&haemorrhage, "procedure.perforation={}"])
    };
    let (none, half, all) = (with("0"), with("0.5"), with("1"));
    for arm in ["control", "experimental"] {
        for level in 0..7 {
            let name = format!("{arm}.mrs[{level}]");
            let (none, half, all) = (none[&name], half[&name], all[&name]);
            assert!(if level < 6 { all < none } else { all > none }, "{name}: {none} {all}");
            assert!((half - 0.5 * (none + all)).abs() < 1e-14, "{name}: {none} {half} {all}");
        }
        // Every haemorrhage is fatal.
        let bleeding = all[&format!("{arm}.haemorrhage")];
        let lost: f64 = (0..6).map(|level| format!("{arm}.mrs[{level}]")).map(|n| all[&n]).sum();
        assert!(lost < 1.0 - bleeding + 1e-12);
        for quantity in ["stented", "reperfusion", "passes", "haemorrhage", "minutes.median"] {
            let name = format!("{arm}.{quantity}");
            assert!((none[&name] - all[&name]).abs() < 1e-9, "{name}");
        }
    }
}

/// With η = intercept for all patients, the mRS is the shape if the intercept is the shape's log odds.
#[test]
fn a_procedure_without_effect_makes_the_arms_equal() {
    let nothing = [
        "outcome.per_pass=0",
        "outcome.open_vessel=0",
        "outcome.stenting=0",
        "outcome.haemorrhage=0",
        "outcome.perforation=0",
        "procedure.haemorrhage.fatality=0",
        "procedure.perforation.fatality=0",
        "procedure.haemorrhage.definition=any",
        "procedure.haemorrhage.intercept=-3",
        // The log odds of 25 %, the share of mRS 0–2 in the shape.
        "outcome.intercept=-1.0986122886681098",
    ];
    let shape = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0];
    for path in &with_procedure() {
        let set = [nothing.as_slice(), &["procedure.difficulty={}"]].concat();
        let scenario = scenario_file(path, &set);
        for arm in scenario.marginal(Truth::Alternative).expect("it exists") {
            for (p, percent) in arm.probabilities().iter().zip(shape) {
                assert!((100.0 * p - percent).abs() < 1e-9, "{path}: {p} {percent}");
            }
        }
    }
}

/// Each log odds of the outcome, alone, changes the independence of the patients it applies to, and of
/// no others.
#[test]
fn the_log_odds_of_a_stent_apply_to_stented_patients_only() {
    let path = "scenarios/angel-rescue-mechanistic.toml";
    let set = ["outcome.open_vessel=0", "outcome.stenting=0.6", "outcome.intercept=-1.2"];
    let quantities = quantities(path, &set);
    let independent = |name: &str| quantities[&format!("{name}.functional_independence")];
    assert!((independent("experimental.stented") - logistic(-0.6)).abs() < 1e-14);
    assert!((independent("control") - logistic(-1.2)).abs() < 1e-14);
}

fn yields(set: &str) -> Option<f64> {
    scenario_file("scenarios/lee-cohort.toml", &[set]).outcomes.screening_yield()
}

/// Without earlier stents, 60.2, 50.7 and 42.2 of Lee's 126 have persistent occlusion after 2, 3 and 4
/// passes.
#[test]
fn the_screening_yield_is_the_share_with_persistent_occlusion() {
    let success = [0.373016, 0.328571, 0.157895, 0.166667];
    let reocclusion = [0.148936, 0.086957, 0.0, 0.0];
    let published = [86.0, 60.2, 50.7, 42.2];
    let mut occluded = 1.0;
    for k in 0..4 {
        occluded *= 1.0 - success[k] * (1.0 - reocclusion[k]);
        let after = yields(&format!("procedure.randomised_after={}", k + 1)).expect("a procedure");
        assert!((after - occluded).abs() < 1e-14, "{after} {occluded}");
        assert!((126.0 * after - published[k]).abs() < 0.05, "{after}");
    }
    // Of 1/0.682540 + 1/0.402339 screened patients two are randomised, one after each number of passes.
    let mixed = "procedure.randomised_after={passes=[1,3],shares=[50,50]}";
    let both = 2.0 / (1.0 / 0.682539510976 + 1.0 / 0.40233926965415756);
    assert!((yields(mixed).expect("a procedure") - both).abs() < 1e-14);
    assert_eq!(yields("procedure.randomised_after=0"), Some(1.0));
}

/// A trial depends on the number randomised per month only, which screening and yield determine.
#[test]
fn accrual_by_screening_equals_accrual_by_its_yield() {
    let path = "scenarios/early-vs-late.toml";
    let rate = 30.0 * scenario_file(path, &[]).outcomes.screening_yield().expect("a procedure");
    let screened = simulate_file(path, &[], 50);
    let randomised = simulate_file(path, &[&format!("accrual={{per_month={rate:?}}}")], 50);
    let [screened, randomised] =
        [screened, randomised].map(|result| serde_json::to_value(&result).expect("plain data"));
    assert_eq!(screened, randomised);
    // 224 patients at 14.33 a month, and the 104 days of the last one.
    let months = &screened["truths"][0]["analyses"][0]["duration_months"];
    let [months, mcse] = ["value", "mcse"].map(|key| months[key].as_f64().expect("a number"));
    let expected = 224.0 / rate + 104.0 / 30.4375;
    assert!((months - expected).abs() < 4.0 * mcse, "{months} ± {mcse}, expected {expected}");
}

/// Difficult vessels are more likely to stay occluded: patients randomised later are more difficult and
/// have worse outcomes, although the procedure has no effect on the outcome.
#[test]
fn difficult_vessels_are_enriched_among_patients_randomised_late() {
    let independent = |pass_success: u32, outcome: u32, after: u32| {
        let set = [
            format!("procedure.difficulty.pass_success={pass_success}"),
            format!("procedure.difficulty.outcome={outcome}"),
            format!("procedure.randomised_after={after}"),
            r#"procedure.control.strategy={rule="rescue_now"}"#.to_owned(),
        ];
        let set = set.each_ref().map(String::as_str);
        independence(&scenario_file("scenarios/lee-selection.toml", &set), Truth::Alternative)[0]
    };
    for after in 0..4 {
        assert!(independent(1, 1, after) > independent(1, 1, after + 1) + 0.01, "{after}");
        assert!((independent(1, 0, after) - independent(1, 0, after + 1)).abs() < 1e-14);
        assert!((independent(0, 1, after) - independent(0, 1, after + 1)).abs() < 1e-14);
    }
    assert!(independent(2, 1, 3) < independent(1, 1, 3));
}

/// The same integrals over a normal latent difficulty by SciPy's adaptive `quad` and, to 25 digits,
/// by mpmath, from an independent enumeration in Python; slopes are those of pass
/// success, rescue choice and outcome.
#[test]
fn quadrature_over_difficulty_agrees_with_adaptive_integration() {
    let cases = [
        (
            1e-11,
            [1, 1, 2],
            [
                0.7838104603997864,
                0.21428572493412246,
                0.8371195817590626,
                0.23015881382647327,
                0.5654405109187423,
            ],
        ),
        (
            1e-9,
            [3, 3, 3],
            [
                0.7248972737797349,
                0.12611828920086582,
                0.8632041351335854,
                0.35158667438312746,
                0.3883763834646782,
            ],
        ),
    ];
    let names = [
        "control.functional_independence",
        "control.stented_early.share",
        "control.stented_early.functional_independence",
        "control.stented_late.share",
        "control.stented_late.functional_independence",
    ];
    for (reach, [pass_success, rescue_choice, outcome], expected) in cases {
        let difficulty = format!(
            "procedure.difficulty={{pass_success={pass_success},rescue_choice={rescue_choice},outcome={outcome}}}"
        );
        let quantities = quantities("scenarios/lee-selection.toml", &[&difficulty]);
        for (name, expected) in names.into_iter().zip(expected) {
            assert!(
                (quantities[name] - expected).abs() < reach,
                "{name}: {} {expected}",
                quantities[name]
            );
        }
    }
    // P(mRS ≤ j) of the whole population, j = 0 … 5.
    let at_most = [
        0.5252163562310976,
        0.6744461349388025,
        0.7838104603997864,
        0.8551669622848321,
        0.9241759262394303,
        0.954924292747294,
    ];
    let scenario = scenario_file("scenarios/lee-selection.toml", &[]);
    let marginal = scenario.marginal(Truth::Alternative).expect("it exists")[0];
    for (p, expected) in marginal.cumulative().into_iter().zip(at_most) {
        assert!((p - expected).abs() < 1e-11, "{p} {expected}");
    }
}

/// Probabilities also sum to one with crossover.
#[test]
fn probabilities_of_an_arm_sum_to_one() {
    for path in &with_procedure() {
        let scenario = scenario_file(path, &["procedure.experimental.crossover=0.3"]);
        let model = scenario.procedural().expect("a procedure");
        let marginals = scenario.marginal(Truth::Alternative).expect("it exists");
        for (arm, marginal) in [Arm::Control, Arm::Experimental].into_iter().zip(marginals) {
            let course = model.procedure().course(arm);
            let sum: f64 = course.states.iter().map(|state| state.probability).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{path}: {sum}");
            let expected = model.expected(arm).mrs().expect("it has patients");
            for (p, q) in expected.probabilities().iter().zip(marginal.probabilities()) {
                assert!((p - q).abs() < 1e-14, "{path}: {p} {q}");
            }
        }
    }
}
