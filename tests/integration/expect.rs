//! `[expect]` of a scenario, and `check --expect`.

use rescuesim::scenario::Scenario;

use crate::util::{angel_reboot, overrides, refused, rescuesim};

/// Exit code, standard output and standard error of `check --expect` on the main scenario.
fn checked(set: &[&str], options: &[&str]) -> (i32, String, String) {
    let mut command = rescuesim();
    command.args(["check", "angel-reboot", "--expect", "--quiet", "--replicates", "400"]);
    command.args(options).args(set.iter().flat_map(|set| ["--set", *set]));
    let output = command.output().expect("the program starts");
    let [out, errors] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("it is text"));
    (output.status.code().expect("it exits"), out, errors)
}

#[test]
fn expectations_that_are_met_exit_with_0() {
    let set = [
        "expect.power=\">= 0.6\"",
        "expect.type_i_error=\"<= 0.08\"",
        "expect.months=\"<= 36\"",
        "expect.expected_n=\"< 348\"",
        "expect.efficacy_at=[\"\", \"> 0.2\"]",
    ];
    let (code, out, errors) = checked(&set, &[]);
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    for quantity in ["power", "type-i-error", "duration", "expected-n", "efficacy-at-2"] {
        let row = out.lines().find(|line| line.starts_with(&format!("{quantity}, independence ")));
        assert!(row.is_some_and(|row| row.contains('±') && row.ends_with(" met")), "{out}");
    }
}

#[test]
fn an_expectation_that_is_not_met_or_undecided_exits_with_1() {
    let (code, out, errors) = checked(&["expect.power=\">= 0.95\""], &[]);
    assert_eq!((code, errors.as_str()), (1, "error: 1 of 1 expectations not met\n"), "{out}");
    assert!(out.contains("power, independence") && out.contains("not met"), "{out}");
    // The power is some 0.78.
    let (code, out, errors) = checked(&["expect.power=\">= 0.78\""], &[]);
    assert_eq!(code, 1);
    assert!(errors.contains("1 of 1 expectations undecided"), "{errors}");
    assert!(out.contains("undecided"), "{out}");
    // Another analysis of the same trials has more.
    let (code, out, _) = checked(&["expect={analysis=\"shift\", power=\">= 0.8\"}"], &[]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("power, shift"), "{out}");
}

#[test]
fn a_scenario_without_expectations_is_refused() {
    let errors = refused(rescuesim().args(["check", "angel-reboot", "--expect"]));
    assert!(errors.contains("the scenario expects nothing"), "{errors}");
    let errors = refused(rescuesim().args(["check", "angel-reboot", "--precision", "0.1"]));
    assert!(errors.contains("--precision: nothing is simulated"), "{errors}");
}

#[test]
fn expectations_are_validated_whenever_the_scenario_is_read() {
    for (set, says) in [
        ("expect.powr=\">= 0.8\"", "`expect.powr` is not a known key (did you mean `power`?)"),
        ("expect.power=\"0.8\"", "(did you mean \">= 0.8\"?)"),
        ("expect.power=\">= 80\"", "(did you mean \">= 0.8\"?)"),
        ("expect.assurance=\">= 0.5\"", "`expect.assurance` needs [prior]"),
        ("expect.safety=\"<= 0.1\"", "`expect.safety` needs an adverse event with a boundary"),
        (
            "expect.efficacy_at=[\"\", \"\", \"\", \"> 0.1\"]",
            "`expect.efficacy_at[3]` is of a look that the design does not have; allowed: 3 values",
        ),
        ("expect={analysis=\"shft\", power=\"> 0.8\"}", "(did you mean `shift`?)"),
    ] {
        let error =
            Scenario::parse(&angel_reboot(), &overrides(&[set])).expect_err("it is refused");
        assert!(error.summary().contains(says), "{set}\n{error}");
    }
}

#[test]
fn expectations_change_neither_the_digest_nor_the_trial_with_one_look() {
    let plain = Scenario::parse(&angel_reboot(), &[]).expect("it is valid");
    let set = ["expect.power=\">= 0.8\"", "expect.efficacy_at=[\"\", \"> 0.2\"]"];
    let with = Scenario::parse(&angel_reboot(), &overrides(&set)).expect("it is valid");
    assert_eq!(with.expectations.len(), 2);
    assert_eq!(with.digest(), plain.digest());
    let one_look = with.with_one_look().expect("it needs no looks");
    assert!(one_look.expectations.is_empty());
    // The scenario with its defaults is read again with its expectations.
    let again = Scenario::parse(&with.to_text(), &[]).expect("it is valid");
    assert_eq!(again.expectations, with.expectations);
}
