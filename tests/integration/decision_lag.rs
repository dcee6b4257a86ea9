//! Decisions later than the data of their look: every count refers to one of the two dates.
//! The seed is fixed; with a fresh seed a comparison within 4 Monte Carlo standard errors would fail by
//! chance once in 16 000.

use rescuesim::accrual::DAYS_PER_MONTH;
use rescuesim::scenario::Truth::Alternative;
use rescuesim::summary::{LookSummary, McEstimate};

use crate::util::{
    Results, angel_reboot, assert_within, output, rescuesim, set_options, simulate, too_wide,
};

const LAG: &str = "design.decision_lag_days=30";

/// Quantities of a look that refer to the day of its data.
fn on_day_of_data(look: &LookSummary) -> [McEstimate; 4] {
    [look.month, look.n_randomised, look.n_analysed, look.overrun]
}

/// The data of a look do not depend on the date of its decision. Between data and decision patients
/// arrive in a Poisson process at the scenario's rate, and in the steady state of accrual the number in
/// follow-up is the same on both days.
#[test]
fn a_lag_leaves_the_data_and_adds_the_patients_of_the_lag_to_the_decision() {
    let [without, with] = [&[][..], &[LAG]].map(|set: &[&str]| simulate(set, 4000));
    let file: toml::Table = angel_reboot().parse().expect("TOML");
    let per_month = file["accrual"]["per_month"].as_float().expect("a rate");
    let [plain, look] =
        [&without, &with].map(|result| &result.first_analysis(Alternative).looks[0]);
    assert_eq!(on_day_of_data(plain), on_day_of_data(look));
    assert_eq!(plain.decision.n_randomised, plain.n_randomised);
    assert_eq!(plain.decision.overrun, plain.overrun);
    assert_eq!(plain.decision.month, plain.month);
    let months = 30.0 / DAYS_PER_MONTH;
    let later = look.decision.month.value - look.month.value;
    assert!((later - months).abs() < 1e-9, "{later}");
    let expected = per_month * months;
    let arrivals = McEstimate {
        value: look.decision.n_randomised.value - look.n_randomised.value,
        // The variance of a Poisson count is its mean.
        mcse: (expected / 4000.0).sqrt(),
        n: 4000,
        limit_95: None,
    };
    assert_within("arrivals", arrivals, expected, expected, 4.0);
    let in_follow_up = McEstimate { mcse: 1.5 * look.overrun.mcse, ..look.decision.overrun };
    let expected = look.overrun.value;
    assert_within("in follow-up", in_follow_up, expected, expected, 4.0);
}

/// The counts of a stopped trial are those on the day of its decision.
#[test]
fn a_trial_stopped_at_its_first_look_ends_on_the_day_of_the_decision() {
    let always = r#"design.futility={rule="z",bounds=[3.71,2.51]}"#;
    let result = simulate(&[LAG, always], 500);
    let analysis = result.first_analysis(Alternative);
    let decision = &analysis.looks[0].decision;
    for (of_trial, of_look) in [
        (analysis.n_randomised.mean, decision.n_randomised),
        (analysis.overrun, decision.overrun),
        (analysis.duration_months, decision.month),
    ] {
        assert!((of_trial.value - of_look.value).abs() < 1e-9, "{of_trial:?} {of_look:?}");
    }
}

#[test]
fn the_table_has_a_row_for_each_date() {
    let [without, with] = [&[][..], &[LAG]].map(|set: &[&str]| {
        let run = ["run", "angel-reboot", "--replicates", "50", "--quiet", "--full"];
        output(rescuesim().args(run).args(set_options(set)))
    });
    for row in ["look 1, data", "look 1, decision", "final, data", "final, decision"] {
        assert!(with.lines().any(|line| line.starts_with(row)), "{with}");
        assert!(!without.contains(row), "{without}");
    }
    assert_eq!(too_wide(&with), Vec::<&str>::new());
}
