//! Slips that people make in TOML are answered in their own words.

use rescuesim::scenario::Scenario;

use crate::util::{angel_reboot, overrides};

/// The errors of the main scenario with an edit, one a line.
fn errors_of(replace: &str, by: &str) -> String {
    let valid = angel_reboot();
    assert!(valid.contains(replace), "{replace}");
    let edited = valid.replacen(replace, by, 1);
    Scenario::parse(&edited, &[]).expect_err("it is refused").summary()
}

const DROPOUT: &str = "dropout = 0.10";
const CONTROL: &str = "control = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0]";
const RATIO: &str = "allocation_ratio = { control = 1, experimental = 1 }";
const FUTILITY: &str = "futility = { rule = \"none\" }";
const LOOKS: &str = "looks = { analysed = [104, 208, 312] }";
const INDEPENDENCE: &str = "experimental = { functional_independence = 0.40 }";

#[test]
fn a_slip_that_is_not_toml_is_one_error_with_what_was_meant() {
    for (replace, by, says) in [
        (DROPOUT, "dropout = 0,05", "0,05 has a decimal comma (did you mean `0.05`?)"),
        (DROPOUT, "dropout = 12 %", "12 % has a percent sign (did you mean `0.12`?)"),
        ("replicates = 100_000", "replicates = 20 000", "(did you mean `20000`?)"),
        ("replicates = 100_000", "replicates = 20'000", "(did you mean `20000`?)"),
        ("replicates = 100_000", "replicates = 20,000", "(did you mean `20000` or `20.000`?)"),
        ("randomised = 348", "randomised =\u{a0}348", "a no-break space (U+00A0)"),
        ("method = \"two_proportions\"", "method = two_proportions", "text without quotes"),
        ("method = \"two_proportions\"", "method = “two_proportions”", "typographic quotes"),
        (
            CONTROL,
            "control = [4.7%, 7.4%, 12.9%, 16%, 24.9%, 14.1%, 20%]",
            "4.7% has a percent sign",
        ),
        (RATIO, "allocation_ratio = 1:2", "`{ control = 1, experimental = 2 }`?)"),
        (FUTILITY, "futility = { rule = none }", "none is text without quotes"),
    ] {
        let errors = errors_of(replace, by);
        assert!(errors.contains("not valid TOML: ") && errors.contains(says), "{by}\n{errors}");
        assert_eq!(errors.lines().count(), 1, "{by}\n{errors}");
    }
}

#[test]
fn a_value_that_its_key_does_not_allow_is_compared_with_what_people_mean() {
    for (replace, by, says) in [
        (DROPOUT, "dropout = 12", "is 12; allowed: 0.0 to 0.99 (did you mean 0.12?)"),
        (DROPOUT, "dropout = \"12 %\"", "(did you mean 0.12, without quotes?)"),
        (DROPOUT, "dropout = \"0,05\"", "(did you mean 0.05, without quotes?)"),
        ("randomised = 348", "randomised = \"348\"", "(did you mean 348, without quotes?)"),
        ("randomised = 348", "randomised = 1.250", "(did you mean 1250?)"),
        (INDEPENDENCE, "experimental = { functional_independence = 38 }", "(did you mean 0.38?)"),
        (
            INDEPENDENCE,
            "experimental = [10, 10, 20, 16, 24, 10, 10]",
            "(did you mean `{ distribution = [10, 10, 20, 16, 24, 10, 10] }`?)",
        ),
        ("alpha_two_sided = 0.05", "alpha_two_sided = 5", "(did you mean 0.05?)"),
        (
            FUTILITY,
            "futility = { rule = \"conditional_power\", at_most = 20 }",
            "`design.futility.at_most` is 20; allowed: 1e-6 to 0.9999 (did you mean 0.2?)",
        ),
        (FUTILITY, "futility = \"none\"", "(did you mean `{ rule = \"none\" }`?)"),
        (LOOKS, "looks = 3", "(did you mean `{ equally_spaced = 3 }`?)"),
        (LOOKS, "looks = { information_fractions = [33, 66, 100] }", "(did you mean 0.33?)"),
        (
            RATIO,
            "allocation_ratio = \"1:2\"",
            "(did you mean `{ control = 1, experimental = 2 }`?)",
        ),
        (
            CONTROL,
            "control = [4,7, 7,4, 12,9, 16,0, 24,9, 14,1, 20,0]",
            "has 14 elements; allowed: exactly 7 (decimal commas? did you mean [4.7, 7.4, …]?)",
        ),
        (
            "randomised = 348",
            "per_arm = 175",
            "`randomised` is the total of both arms, 350 with equal arms",
        ),
        (
            "[run]",
            "[prior]\ncomponents = [{ odds_ratio = 1.6, low = 1.0, high = 2.5 }]\n[run]",
            "write `log_odds_ratio = { mean = 0.470, sd = 0.234 }`",
        ),
        (
            "[run]",
            "[prior]\ncomponents = [{ log_odds_ratio = { odds_ratio = 1.6 } }]\n[run]",
            "write `log_odds_ratio = { mean = 0.470, sd = (ln of the upper limit",
        ),
    ] {
        let errors = errors_of(replace, by);
        assert!(errors.contains(says), "{by}\n{errors}");
    }
}

#[test]
fn slips_in_arguments_of_set_are_answered_in_the_same_way() {
    for (set, says) in [
        ("missing.dropout=5%", "not valid TOML: 5% has a percent sign (did you mean `0.05`?)"),
        ("missing.dropout=0,05", "a decimal comma (did you mean `0.05`?)"),
        (
            "missing.dropout=12",
            "`missing.dropout` is 12; allowed: 0.0 to 0.99 (did you mean 0.12?)",
        ),
        ("sample_size.randomised=20 000", "(did you mean `20000`?)"),
        ("arms.allocation_ratio=1:2", "(did you mean `{ control = 1, experimental = 2 }`?)"),
        ("title=“A trial”", "typographic quotes (did you mean `\"A trial\"`?)"),
        ("design.looks=3", "(did you mean `{ equally_spaced = 3 }`?)"),
        ("outcome.control=[4,7,7,4,12,9,16,0,24,9,14,1,20,0]", "decimal commas?"),
        ("design.efficacy=obrien_fleming", "(did you mean `{ rule = \"obrien_fleming\" }`?)"),
    ] {
        let error =
            Scenario::parse(&angel_reboot(), &overrides(&[set])).expect_err("it is refused");
        assert!(error.summary().contains(says), "{set}\n{error}");
    }
}
