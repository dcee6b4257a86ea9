//! Decisions later than the data of their look: every count refers to one of the two dates.
//! The seed is fixed; with a fresh seed a comparison within 4 Monte Carlo standard errors would fail by
//! chance once in 16 000.

use rescuesim::accrual::DAYS_PER_MONTH;
use rescuesim::summary::{LookSummary, McEstimate, OperatingCharacteristics};

use crate::util::{output, rescuesim, simulate};

const LAG: &str = "design.decision_lag_days=30";

fn looks(result: &OperatingCharacteristics) -> &[LookSummary] {
    &result.truths[0].analyses[0].looks
}

/// The data of a look do not depend on the date of its decision. Between data and decision patients
/// arrive in a Poisson process at the scenario's rate, and in the steady state of accrual the number in
/// follow-up is the same on both days.
#[test]
fn a_lag_leaves_the_data_and_adds_the_patients_of_the_lag_to_the_decision() {
    let [without, with] = [&[][..], &[LAG]].map(|set: &[&str]| simulate(set, 4000));
    let file = std::fs::read_to_string(crate::util::project("scenarios/angel-reboot.toml"));
    let file: toml::Table = file.expect("the file is shipped").parse().expect("TOML");
    let per_month = file["accrual"]["per_month"].as_float().expect("a rate");
    for (plain, look) in looks(&without).iter().zip(looks(&with)).take(1) {
        let of =
            |look: &LookSummary| [look.month, look.n_randomised, look.n_analysed, look.overrun];
        assert_eq!(of(plain), of(look));
        assert_eq!(plain.decision.n_randomised, plain.n_randomised);
        assert_eq!(plain.decision.overrun, plain.overrun);
        assert_eq!(plain.decision.month, plain.month);
        let months = 30.0 / DAYS_PER_MONTH;
        let later = look.decision.month.value - look.month.value;
        assert!((later - months).abs() < 1e-9, "{later}");
        let come = McEstimate {
            value: look.decision.n_randomised.value - look.n_randomised.value,
            // The variance of a Poisson count is its mean.
            mcse: (per_month * months / 4000.0).sqrt(),
            n: 4000,
            limit_95: None,
        };
        let expected = per_month * months;
        crate::util::assert_within("come", come, expected, expected, 4.0);
        let followed = McEstimate { mcse: 1.5 * look.overrun.mcse, ..look.decision.overrun };
        let expected = look.overrun.value;
        crate::util::assert_within("followed", followed, expected, expected, 4.0);
    }
}

/// The counts of a stopped trial are those on the day of its decision.
#[test]
fn a_trial_stopped_at_its_first_look_ends_on_the_day_of_the_decision() {
    let always = r#"design.futility={rule="z",bounds=[3.71,2.51]}"#;
    let result = simulate(&[LAG, always], 500);
    let analysis = &result.truths[0].analyses[0];
    let decision = &looks(&result)[0].decision;
    let mean =
        |a: McEstimate, b: McEstimate| assert!((a.value - b.value).abs() < 1e-9, "{a:?} {b:?}");
    mean(analysis.n_randomised.mean, decision.n_randomised);
    mean(analysis.overrun, decision.overrun);
    mean(analysis.duration_months, decision.month);
}

#[test]
fn the_table_has_a_row_for_each_date() {
    let table = |set: &[&str]| {
        let mut command = rescuesim();
        command.args(["run", "angel-reboot", "--replicates", "50", "--quiet"]);
        set.iter().for_each(|text| {
            command.args(["--set", text]);
        });
        output(&mut command)
    };
    let (with, without) = (table(&[LAG]), table(&[]));
    for row in ["1, data", "1, decision", "3, data", "3, decision"] {
        assert!(with.lines().any(|line| line.starts_with(row)), "{with}");
        assert!(!without.contains(row), "{without}");
    }
    let mut printed = with.lines().filter(|line| !line.starts_with("Recreate"));
    assert!(printed.all(|line| line.chars().count() <= 80), "{with}");
}
