//! The trace of one trial: it is the trial that a run counts, and its numbers are consistent.

use std::sync::atomic::AtomicBool;

use rescuesim::accrual::DAYS_PER_MONTH;
use rescuesim::randomisation::{Arm, Preference};
use rescuesim::rng::Replicate;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::trial::trace::{
    Cancelled, LookTrace, PatientTrace, Trace, TrialEnding, Viewpoint, find,
};
use rescuesim::trial::{Conclusion, Simulator};
use serde_json::Value;

use crate::util::{directory, only, output, rescuesim, scenario_file, set_options};

pub const FIRST: Viewpoint = Viewpoint { truth: Truth::Alternative, analysis: 0 };
pub const NULL: Viewpoint = Viewpoint { truth: Truth::Null, analysis: 0 };

/// Every reason to stop, in a design of three looks.
const ALL_ENDINGS: [&str; 2] = [
    r#"design.futility={rule="z",bounds=[-0.5,0.5]}"#,
    r#"design.harm={rule="spending",spending={rule="lan_demets_pocock"},alpha_one_sided=0.1}"#,
];

pub fn shipped(name: &str, set: &[&str]) -> Scenario {
    scenario_file(&format!("scenarios/{name}.toml"), set)
}

pub fn traced(scenario: &Scenario, replicate: u64, view: Viewpoint) -> Trace {
    Trace::new(scenario, Replicate(replicate), view)
}

/// Value of a traced trial in a column of `trials.csv`.
fn in_column(trace: &Value, column: &str) -> Value {
    let end = &trace["end"];
    match column {
        "replicate" | "truth" | "analysis" | "log_odds_ratio" => trace[column].clone(),
        "interval_low" => end["interval"][0].clone(),
        "interval_high" => end["interval"][1].clone(),
        "stagewise_low" => end["stagewise_interval"][0].clone(),
        "stagewise_high" => end["stagewise_interval"][1].clone(),
        _ => match column.strip_prefix("z_") {
            Some(number) => {
                let number: u64 = number.parse().expect("the number of a look");
                let looks = trace["looks"].as_array().expect("looks");
                let look = looks.iter().find(|look| look["look"] == number);
                look.map_or(Value::Null, |look| look["z"].clone())
            }
            None => end[column].clone(),
        },
    }
}

fn agree(written: &str, value: &Value) -> bool {
    match value {
        Value::Null => written.is_empty(),
        Value::String(text) => written == text,
        Value::Bool(whether) => written == if *whether { "TRUE" } else { "FALSE" },
        _ => written.parse().ok() == value.as_f64(),
    }
}

/// Compares every row of `trials.csv`, for several scenarios and every truth and analysis.
#[test]
fn traces_are_the_trials_that_a_run_counts() {
    let adherence =
        r#"adherence={control_crossover={probability=0.1},experimental_refusal={probability=0.2}}"#;
    let as_treated = r#"analyses=[{method="two_proportions",cut=2,population="as_treated"},{method="proportional_odds",population="per_protocol"}]"#;
    let repeats = r#"analyses=[{method="proportional_odds",rerandomisations=19}]"#;
    let imputed = only("scenarios/angel-reboot-missing.toml", &["binary worst", "shift last"]);
    let cases: [(&str, &[&str]); 9] = [
        ("angel-reboot", &["design.decision_lag_days=20"]),
        ("angel-reboot", &ALL_ENDINGS),
        ("angel-reboot", &[repeats]),
        ("angel-reboot-mechanistic", &[]),
        ("angel-reboot-centres", &[]),
        ("angel-reboot-safety", &[adherence, as_treated]),
        ("angel-reboot-missing", &[&imputed]),
        ("premat-assurance", &[]),
        ("guo-cohort", &[]),
    ];
    for (name, set) in cases {
        let folder = directory();
        let path = format!("scenarios/{name}.toml");
        let mut command = rescuesim();
        command.args(["run", &path, "--replicates", "12", "--quiet", "--trials", "csv"]);
        output(command.args(set_options(set)).arg("--out").arg(folder.path()));
        let rows = csv::Reader::from_path(folder.path().join("trials.csv"));
        assert_rows(&shipped(name, set), &mut rows.expect("the program wrote it"));
    }
}

fn assert_rows(scenario: &Scenario, rows: &mut csv::Reader<std::fs::File>) {
    let header = rows.headers().expect("a header").clone();
    let mut seen = 0;
    for row in rows.records() {
        let row = row.expect("a row");
        let named = |name: &str| &row[header.iter().position(|it| it == name).expect("a column")];
        let truth = scenario.truth_named(named("truth")).expect("a truth");
        let analysis = scenario.analyses.iter().position(|it| it.name == named("analysis"));
        let view = Viewpoint { truth, analysis: analysis.expect("an analysis") };
        let replicate = named("replicate").parse().expect("a number");
        let trace = serde_json::to_value(traced(scenario, replicate, view)).expect("plain data");
        for (column, written) in header.iter().zip(&row) {
            let value = in_column(&trace, column);
            assert!(agree(written, &value), "{column} of {row:?}: {value}");
        }
        seen += 1;
    }
    assert_eq!(seen, 12 * scenario.truths().len() * scenario.analyses.len());
}

/// Patients whose outcome is known by a look.
fn known<'t>(trace: &'t Trace, look: &LookTrace) -> impl Iterator<Item = &'t PatientTrace> {
    let day = look.day;
    trace.patients.iter().filter(move |it| it.outcome_day.is_some_and(|known| known <= day))
}

#[test]
fn the_counts_of_looks_add_up_from_the_patients() {
    let cases: [(&str, &[&str]); 4] = [
        ("angel-reboot-safety", &["design.decision_lag_days=14"]),
        ("angel-reboot-mechanistic", &[]),
        ("angel-reboot-centres", &[]),
        ("angel-reboot", &["missing.dropout={control=0.3,experimental=0.05}"]),
    ];
    for (name, set) in cases {
        let scenario = shipped(name, set);
        for (replicate, view) in (0..12).flat_map(|r| [(r, FIRST), (r, NULL)]) {
            let trace = traced(&scenario, replicate, view);
            assert_eq!(trace.patients.len(), trace.end.n_randomised as usize);
            trace.looks.iter().for_each(|look| assert_look(&scenario, &trace, look));
            let last = trace.looks.last().expect("a trial has a look");
            assert_eq!((last.look, last.conclusion), (trace.end.look, Some(trace.end.conclusion)));
            if let Some(repeated) = &trace.end.repeated {
                let known = trace.patients.iter().filter(|it| it.outcome_day.is_some()).count();
                assert_eq!(repeated.outcomes_known as usize, known);
            }
            for event in &trace.end.events {
                let had = |patient: &&PatientTrace| {
                    let is_known = event.name != "death" || patient.outcome_day.is_some();
                    is_known && patient.events.as_ref().expect("followed").contains(&event.name)
                };
                let count =
                    |arm| trace.patients.iter().filter(had).filter(|it| it.arm == arm).count();
                let counted = [Arm::Control, Arm::Experimental].map(count);
                assert_eq!(event.counts.map(|arm| arm.events as usize), counted);
            }
        }
    }
}

fn assert_look(scenario: &Scenario, trace: &Trace, look: &LookTrace) {
    // Counts on the day of the data, and on the day of the decision.
    let by = |day: f64| trace.patients.iter().filter(move |patient| patient.day <= day);
    let followed = |day: f64| by(day).filter(|it| it.followed_until_day > day).count();
    let counts_on = |day: f64| (by(day).count(), followed(day));
    let at_data = (look.n_randomised as usize, look.overrun as usize);
    assert_eq!(counts_on(look.day), at_data);
    let decision = &look.decision;
    assert_eq!(decision.day, look.day + scenario.decision_lag_days);
    assert_eq!(decision.month, decision.day / DAYS_PER_MONTH);
    let at_decision = (decision.n_randomised as usize, decision.overrun as usize);
    assert_eq!(counts_on(decision.day), at_decision);
    let mut counts = [[0; 7]; 2];
    known(trace, look).for_each(|it| counts[it.arm.index()][usize::from(it.mrs)] += 1);
    assert_eq!((counts, known(trace, look).count()), (look.counts, look.outcomes_known as usize));
    let is_due = |patient: &&PatientTrace| patient.followed_until_day <= look.day;
    let lost = by(look.day).filter(is_due).filter(|it| it.outcome_day.is_none());
    let mut of_arm = [0; 2];
    lost.for_each(|patient| of_arm[patient.arm.index()] += 1);
    assert_eq!(of_arm, look.lost);
    for (endpoint, event) in scenario.safety_endpoints().iter().zip(&look.events) {
        let is_final = look.look == trace.plan.len();
        let is_known = |patient: &&PatientTrace| match endpoint.name.as_str() {
            "death" => patient.outcome_day.is_some_and(|day| day <= look.day),
            _ => is_final || patient.day + endpoint.known_after_days <= look.day,
        };
        let patients = trace.patients.iter().filter(is_known);
        let mut counted = [(0, 0); 2];
        for patient in patients {
            let had = patient.events.as_ref().expect("followed").contains(&event.name);
            let (events, all) = &mut counted[patient.arm.index()];
            *events += u32::from(had);
            *all += 1;
        }
        assert_eq!(event.counts.map(|arm| (arm.events, arm.patients)), counted);
    }
}

#[test]
fn the_balance_before_each_patient_is_that_of_the_earlier_patients() {
    for (name, truth) in [("angel-reboot-centres", FIRST), ("angel-reboot-analyses", FIRST)] {
        let scenario = shipped(name, &[]);
        let trace = traced(&scenario, 3, truth);
        for (i, patient) in trace.patients.iter().enumerate() {
            let so_far = |is_like: &dyn Fn(&PatientTrace) -> bool| {
                let mut counts = [0; 2];
                let like = trace.patients[..i].iter().filter(|other| is_like(other));
                like.for_each(|other| counts[other.arm.index()] += 1);
                counts
            };
            assert_eq!(patient.before.trial, so_far(&|_| true));
            for (factor, before) in patient.before.levels.iter().enumerate() {
                let level = &patient.levels[factor];
                assert_eq!(*before, so_far(&|other| other.levels[factor] == *level));
            }
            let centre = patient.centre.map(|_| so_far(&|other| other.centre == patient.centre));
            assert_eq!(patient.before.centre, centre);
        }
        assert!(trace.patients.len() > 150 && trace.factors.len() == 3);
    }
}

/// Pocock & Simon by hand: the range within each of the patient's levels after either arm. A coin of 1
/// always allocates the preferred arm.
#[test]
fn a_coin_of_1_allocates_the_preferred_arm() {
    let sure = "randomisation.biased_coin_p=1";
    let trace = traced(&shipped("angel-reboot", &[sure]), 0, FIRST);
    let mut ties = 0;
    for patient in &trace.patients {
        let excess = patient.before.levels.iter().map(|&[control, experimental]| {
            let after_control = (control + 1).abs_diff(experimental);
            let after_experimental = control.abs_diff(experimental + 1);
            i64::from(after_experimental) - i64::from(after_control)
        });
        let wanted = match excess.sum::<i64>() {
            0 => Preference::Either,
            1.. => Preference::Control,
            _ => Preference::Experimental,
        };
        assert_eq!(patient.preferred, Some(wanted));
        ties += usize::from(wanted == Preference::Either);
        assert!(follows(patient), "{patient:?}");
    }
    assert!((20..300).contains(&ties), "{ties} ties");
    let others: [&[&str]; 3] = [
        &[
            sure,
            "arms.allocation_ratio={control=1,experimental=2}",
            "randomisation.preserve_ratio=true",
        ],
        &[r#"randomisation={method="minimal_sufficient_balance",p_threshold=0.9,biased_coin_p=1}"#],
        &[
            r#"randomisation={method="minimisation",factors=["nihss","centre"],biased_coin_p=1}"#,
            "centres.number=8",
        ],
    ];
    for set in others {
        let name = if set.len() == 2 { "angel-reboot-centres" } else { "angel-reboot" };
        let trace = traced(&shipped(name, set), 1, FIRST);
        assert!(trace.patients.iter().all(follows), "{set:?}");
        let asked = trace.patients.iter().filter(|it| it.preferred != Some(Preference::Either));
        assert!(asked.count() > 40, "{set:?}");
    }
    let blocks = r#"randomisation={method="permuted_blocks",block_sizes=[4]}"#;
    let trace = traced(&shipped("angel-reboot", &[blocks]), 0, FIRST);
    assert!(trace.patients.iter().all(|patient| patient.preferred.is_none()));
}

fn follows(patient: &PatientTrace) -> bool {
    match patient.preferred {
        Some(Preference::Control) => patient.arm == Arm::Control,
        Some(Preference::Experimental) => patient.arm == Arm::Experimental,
        Some(Preference::Either) => true,
        None => false,
    }
}

/// Under H1 the procedures are those of a run; under H0 all patients have control's strategy.
#[test]
fn procedures_of_a_trace_are_those_of_the_run() {
    let scenario = shipped("angel-reboot-mechanistic", &[]);
    let mut simulator = Simulator::new(&scenario);
    for replicate in 0..5 {
        let courses = &simulator.run(Replicate(replicate)).courses;
        let trace = traced(&scenario, replicate, FIRST);
        for arm in [Arm::Control, Arm::Experimental] {
            let of_run = courses.iter().filter(|course| course.arm == arm);
            let traced = trace.patients.iter().filter(|patient| patient.arm == arm);
            for (course, patient) in of_run.zip(traced) {
                let procedure = patient.procedure.as_ref().expect("it exists");
                let record = course.procedure;
                assert_eq!(*procedure, record.into());
                assert_eq!(usize::from(patient.mrs), course.mrs.index());
                let passes = usize::from(procedure.passes_before) + procedure.reperfused.len();
                assert_eq!(passes, usize::from(record.state.passes));
            }
        }
        let null = traced(&scenario, replicate, NULL);
        let of_null = null.patients.iter().map(|it| it.procedure.as_ref().expect("it exists"));
        assert!(of_null.clone().count() > 100);
        assert!(of_null.into_iter().all(|it| !it.end.is_stented()), "control does not stent");
    }
}

/// A fatal complication is a death, and events of the procedure are its complications, also under H0,
/// for which procedures are simulated again.
#[test]
fn events_of_the_procedure_are_its_complications() {
    let safety = r#"safety={endpoints=[{name="sICH",event="haemorrhage"},{name="hole",event="perforation"}]}"#;
    let scenario = shipped("angel-reboot-mechanistic", &[safety]);
    let mut complications = 0;
    for view in [FIRST, NULL] {
        for patient in &traced(&scenario, 0, view).patients {
            let procedure = patient.procedure.as_ref().expect("it exists");
            let events = patient.events.as_ref().expect("events are followed");
            assert_eq!(procedure.haemorrhage, events.iter().any(|name| name == "sICH"));
            assert_eq!(procedure.perforation, events.iter().any(|name| name == "hole"));
            assert!(!procedure.fatal || patient.mrs == 6);
            complications += events.len();
        }
    }
    assert!(complications > 10, "{complications}");
}

/// Whether a trial ended with the given conclusion.
fn ended(trace: &Trace, ending: &str) -> bool {
    let (name, look) = ending.split_once("-at-").unwrap_or((ending, ""));
    let conclusion = match name {
        "full-run" => return trace.end.look == trace.plan.len(),
        "reversal" => return trace.end.reversed,
        "efficacy" => Conclusion::Efficacy,
        "futility" => Conclusion::Futility,
        "harm" => Conclusion::Harm,
        "safety" => Conclusion::Safety,
        _ => Conclusion::NotSignificant,
    };
    trace.end.conclusion == conclusion && (look.is_empty() || look == trace.end.look.to_string())
}

#[test]
fn find_selects_the_first_trial_with_the_conclusion() {
    let scenario = shipped("angel-reboot-safety", &ALL_ENDINGS);
    let possible = TrialEnding::possible(&scenario);
    let written: Vec<String> = possible.iter().map(TrialEnding::to_string).collect();
    assert_eq!(
        written,
        [
            "efficacy",
            "efficacy-at-1",
            "efficacy-at-2",
            "efficacy-at-3",
            "futility",
            "futility-at-1",
            "futility-at-2",
            "harm",
            "harm-at-1",
            "harm-at-2",
            "harm-at-3",
            "safety",
            "safety-at-1",
            "safety-at-2",
            "not-significant",
            "full-run",
            "reversal"
        ]
    );
    for (ending, text) in possible.iter().zip(&written) {
        assert_eq!(text.parse(), Ok(*ending));
    }
    let running = AtomicBool::new(false);
    for view in [FIRST, NULL, Viewpoint { analysis: 1, ..NULL }] {
        let found =
            find(&scenario, &possible, view, 250, &running).expect("the run is not cancelled");
        let all: Vec<Trace> = (0..250).map(|r| traced(&scenario, r, view)).collect();
        for (first, ending) in found.iter().zip(&written) {
            let expected = all.iter().position(|trace| ended(trace, ending));
            assert_eq!(first.map(|it| it.0 as usize), expected, "{ending} {view:?}");
        }
        let kinds = found.iter().filter(|first| first.is_some()).count();
        assert!(kinds > 9, "{kinds} of {}", found.len());
    }
    let cancelled = AtomicBool::new(true);
    assert_eq!(find(&scenario, &possible, FIRST, 250, &cancelled), Err(Cancelled));
}

fn endings(scenario: &Scenario) -> Vec<String> {
    TrialEnding::possible(scenario).iter().map(TrialEnding::to_string).collect()
}

#[test]
fn a_design_allows_only_its_own_conclusions() {
    let one_look = endings(&shipped("guo-cohort", &[]));
    assert_eq!(one_look, ["efficacy", "efficacy-at-1", "not-significant", "full-run"]);
    let late = shipped("angel-reboot", &["design.efficacy_looks=[2]"]);
    assert!(!endings(&late).contains(&"efficacy-at-1".to_owned()));
    for wrong in
        ["", "efficacy-at-", "efficacy-at-x", "full-run-at-2", "stop", "not-significant-at-3"]
    {
        assert!(wrong.parse::<TrialEnding>().is_err(), "{wrong}");
    }
}

/// Under the prior, days and months of the calendar are consistent.
#[test]
fn months_are_days_divided_by_the_length_of_a_month() {
    let scenario = shipped("premat-assurance", &[]);
    let view = Viewpoint { truth: Truth::Prior, analysis: 1 };
    let trace = traced(&scenario, 5, view);
    assert!(trace.log_odds_ratio.is_some_and(f64::is_finite));
    assert!(trace.patients.iter().all(|it| (it.month * DAYS_PER_MONTH - it.day).abs() < 1e-9));
    let last = trace.looks.last().expect("a trial has a look");
    let decision = (last.day + scenario.decision_lag_days) / DAYS_PER_MONTH;
    assert_eq!(decision, trace.end.duration_months);
}
