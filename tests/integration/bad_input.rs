//! Broken scenarios: each gives exit code 2 and a message with the place, the key, the value and what is
//! allowed; never a panic or a partial file.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use rescuesim::report::rejection::rejection;
use rescuesim::scenario::{Origin, Scenario};
use rescuesim::summary::Tally;
use rescuesim::summary::checkpoint::{Checkpoint, JobTotal, RunId, Task};

use crate::util::{angel_reboot, directory, overrides, rescuesim};

/// One edit of a valid scenario, and parts of the expected message.
pub struct Broken {
    replace: &'static str,
    by: &'static str,
    says: &'static [&'static str],
}

pub const fn broken(
    replace: &'static str,
    by: &'static str,
    says: &'static [&'static str],
) -> Broken {
    Broken { replace, by, says }
}

impl Broken {
    /// Returns the text of a valid scenario with the edit applied.
    fn apply(&self, valid: &str) -> String {
        assert!(valid.contains(self.replace), "{:?} is in the scenario", self.replace);
        valid.replacen(self.replace, self.by, 1)
    }
}

const CONTROL: &str = "control = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0]";
const LOOKS: &str = "looks = { analysed = [104, 208, 312] }";
const FACTORS: &str = r#"factors = ["nihss", "onset_to_puncture", "occlusion_site"]"#;

const METHOD: &str = r#"method = "minimisation"
factors = ["nihss", "onset_to_puncture", "occlusion_site"]
weights = [1, 1, 1]
imbalance = "range"
biased_coin_p = 0.8"#;

const TABLE: [Broken; 68] = [
    broken(
        "biased_coin_p = 0.8",
        "biased_coin = 0.8",
        &[
            "`randomisation.biased_coin` is not a known key (did you mean `biased_coin_p`?)",
            "allowed in `randomisation`: biased_coin_p, factors",
        ],
    ),
    broken(
        "[sample_size]",
        "[samplesize]",
        &[
            "`samplesize` is not a known key (did you mean `sample_size`?)",
            "`sample_size` is missing",
        ],
    ),
    broken(
        "randomised = 348",
        "randomised = \"348\"",
        &["`sample_size.randomised` is \"348\"; allowed: a whole number from 2 to 1000000"],
    ),
    broken(
        "randomised = 348",
        "randomised = 348.5",
        &["`sample_size.randomised` is 348.5; allowed: a whole number"],
    ),
    broken(
        "randomised = 348",
        "randomised = 3485e-1",
        &["`sample_size.randomised` is 348.5; allowed: a whole number"],
    ),
    broken(
        "randomised = 348",
        "randomised = 1e7",
        &["`sample_size.randomised` is 10000000; allowed: 2 to 1000000"],
    ),
    broken(
        "randomised = 348",
        "randomised = -1",
        &["`sample_size.randomised` is -1; allowed: 2 to 1000000"],
    ),
    broken("randomised = 348", "randomised = 99999999999999999999", &["too large a number"]),
    broken(
        "randomised = 348\n",
        "",
        &[
            "`sample_size.randomised` is missing; expected: Patients randomised when the trial runs to its end",
        ],
    ),
    broken(
        "analysed = 312\n",
        "analysed = 400\n",
        &["`sample_size.analysed` is 400; allowed: at most sample_size.randomised (348)"],
    ),
    broken(
        "per_month = 22.39",
        "per_month = nan",
        &["`accrual.per_month` nan is not a finite number"],
    ),
    broken(
        "per_month = 22.39",
        "per_month = inf",
        &["`accrual.per_month` inf is not a finite number"],
    ),
    broken("per_month = 22.39", "per_month = 0", &["`accrual.per_month` is 0; allowed"]),
    broken(
        "dropout = 0.10",
        "dropout = -0.1",
        &["`missing.dropout` is -0.1; allowed: 0.0 to 0.99"],
    ),
    broken("dropout = 0.10", "dropout = 1.2", &["`missing.dropout` is 1.2; allowed: 0.0 to 0.99"]),
    broken(
        "dropout = 0.10",
        "dropout = { control = 0.1 }",
        &["`missing.dropout.experimental` is missing"],
    ),
    broken(
        "dropout = 0.10",
        "dropout = true",
        &["`missing.dropout` is true; allowed: a number or a table"],
    ),
    broken(
        CONTROL,
        "control = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 19.3]",
        &[
            "`outcome.control` is not a distribution",
            "too little by 0.700000; allowed: a sum of 100",
        ],
    ),
    broken(
        CONTROL,
        "control = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, -20.0]",
        &["`outcome.control` is not a distribution: the share of mRS 6 is -20"],
    ),
    broken(
        CONTROL,
        "control = [25, 75]",
        &["`outcome.control` has 2 elements; allowed: exactly 7"],
    ),
    broken(
        "{ functional_independence = 0.40 }",
        "{ functional_independence = 40 }",
        &["`outcome.experimental.functional_independence` is 40; allowed: 1e-6 to 0.999999"],
    ),
    broken(
        "{ functional_independence = 0.40 }",
        "{ functional_independence = 0.4, common_odds_ratio = 2 }",
        &[
            "`outcome.experimental` has common_odds_ratio and functional_independence; allowed: exactly one of distribution, common_odds_ratio, common_odds_ratio_of_worse",
        ],
    ),
    broken(
        "{ functional_independence = 0.40 }",
        "{ odds_ratio = 2 }",
        &[
            "`outcome.experimental.odds_ratio` is not a known key (did you mean `common_odds_ratio`?)",
        ],
    ),
    broken(
        "{ functional_independence = 0.40 }",
        "{}",
        &["`outcome.experimental` is an empty table; allowed: exactly one of"],
    ),
    broken(
        LOOKS,
        "looks = { analysed = [208, 104, 312] }",
        &[
            "`design.looks.analysed[1]` puts look 2 at 104 outcomes; allowed: more than the 208 before it",
        ],
    ),
    broken(
        LOOKS,
        "looks = { analysed = [104, 208, 400] }",
        &[
            "`design.looks.analysed[2]` is 400; allowed: sample_size.analysed (312) for the final look",
        ],
    ),
    broken(
        LOOKS,
        "looks = { analysed = [] }",
        &["`design.looks.analysed` has 0 elements; allowed: 1 to 20"],
    ),
    broken(
        LOOKS,
        "looks = { information_fractions = [0.3, 0.6] }",
        &["`design.looks.information_fractions` ends at 0.6; allowed: 1 for the final look"],
    ),
    broken(
        LOOKS,
        "looks = { information_fractions = [0.5, 1.5] }",
        &["`design.looks.information_fractions[1]` is 1.5; allowed"],
    ),
    broken(
        LOOKS,
        "looks = 3",
        &[
            "`design.looks` is 3; allowed: exactly one of analysed, information_fractions, equally_spaced",
        ],
    ),
    broken(
        "alpha_two_sided = 0.05",
        "alpha_two_sided = 1.5",
        &["`design.alpha_two_sided` is 1.5; allowed"],
    ),
    broken(
        "alpha_two_sided = 0.05\n",
        "",
        &[
            "`design` has no type I error; expected: exactly one of alpha_one_sided, alpha_two_sided",
        ],
    ),
    broken(
        "alpha_two_sided = 0.05",
        "alpha_two_sided = 0.05\nalpha_one_sided = 0.025",
        &[
            "`design.alpha_two_sided` conflicts with `design.alpha_one_sided`; give exactly one of them",
        ],
    ),
    broken(
        "{ rule = \"lan_demets_obrien_fleming\" }",
        "{ rule = \"obrien_flemming\" }",
        &[
            "`design.efficacy.rule` is \"obrien_flemming\" (did you mean `obrien_fleming`?)",
            "allowed: none, lan_demets_obrien_fleming",
        ],
    ),
    broken(
        "{ rule = \"lan_demets_obrien_fleming\" }",
        "{ rule = \"kim_demets\" }",
        &["`design.efficacy.rho` is missing"],
    ),
    broken(
        "{ rule = \"none\" }",
        "{ rule = \"z\", bounds = [0.0] }",
        &["`design.futility.bounds` has 1 values; allowed: 2 (one per interim look)"],
    ),
    broken(
        "{ rule = \"none\" }",
        "{ rule = \"z\", bounds = [0.0, 2.6] }",
        &["`design.futility.bounds[1]` is 2.6", "below the efficacy bound of look 2 (2.5114)"],
    ),
    broken(
        FACTORS,
        r#"factors = ["nihs", "onset_to_puncture", "occlusion_site"]"#,
        &[
            "`randomisation.factors[0]` is \"nihs\", not a factor (did you mean `nihss`?)",
            "allowed: nihss, onset_to_puncture, occlusion_site",
        ],
    ),
    broken(
        "weights = [1, 1, 1]",
        "weights = [1, 1]",
        &["`randomisation.weights` has 2 values; allowed: 3 (one per factor)"],
    ),
    broken(
        "method = \"minimisation\"",
        "method = \"minimization\"",
        &["`randomisation.method` is \"minimization\" (did you mean `minimisation`?)"],
    ),
    broken(
        METHOD,
        "method = \"big_stik\"",
        &[
            "`randomisation.method` is \"big_stik\" (did you mean `big_stick`?)",
            "efron, big_stick, block_urn, minimal_sufficient_balance",
        ],
    ),
    broken(
        METHOD,
        "method = \"efron\"\nbiased_coin_p = 0.4",
        &["`randomisation.biased_coin_p` is 0.4; allowed: 0.5 to 1.0"],
    ),
    broken(
        METHOD,
        "method = \"efron\"\nstratify_by = [\"nihs\"]",
        &["`randomisation.stratify_by[0]` is \"nihs\", not a factor (did you mean `nihss`?)"],
    ),
    broken(
        METHOD,
        "method = \"efron\"\nweights = [1, 1, 1]",
        &[
            "`randomisation.weights` is not a known key",
            "allowed in `randomisation`: biased_coin_p, method, stratify_by",
        ],
    ),
    broken(
        METHOD,
        "method = \"big_stick\"",
        &[
            "`randomisation.maximum_imbalance` is missing; expected: Maximum difference between the arms in patients",
        ],
    ),
    broken(
        METHOD,
        "method = \"big_stick\"\nmaximum_imbalance = 0",
        &["`randomisation.maximum_imbalance` is 0; allowed: 1 to 10000"],
    ),
    broken(
        METHOD,
        "method = \"block_urn\"\nbalanced_sets = 0",
        &["`randomisation.balanced_sets` is 0; allowed: 1 to 1000"],
    ),
    broken(
        METHOD,
        "method = \"block_urn\"\nbalanced_sets = 2.5",
        &["`randomisation.balanced_sets` is 2.5; allowed: a whole number"],
    ),
    broken(
        METHOD,
        "method = \"minimal_sufficient_balance\"\np_threshold = 0.0",
        &["`randomisation.p_threshold` is 0.0; allowed: 0.001 to 1.0"],
    ),
    broken(
        METHOD,
        "method = \"minimal_sufficient_balance\"\nfactors = [\"nihss\", \"nihss\"]",
        &["`randomisation.factors` repeats \"nihss\"; allowed: each factor once"],
    ),
    broken(
        METHOD,
        "method = \"minimal_sufficient_balance\"\nfactors = []",
        &["`randomisation` is minimal sufficient balance without factors; allowed: at least one"],
    ),
    broken(
        "{ control = 1, experimental = 1 }",
        "{ control = 0, experimental = 1 }",
        &["`arms.allocation_ratio.control` is 0; allowed: 1 to 1000"],
    ),
    broken(
        "shares = [0.52, 0.48]",
        "shares = [0.52, 0.40]",
        &["`factors[0].shares` sum to 0.92", "too little by 0.080000; allowed: a sum of 1"],
    ),
    broken(
        "shares = [0.52, 0.48]",
        "shares = [1.0]",
        &["`factors[0].shares` has 1 values; allowed: 2 (one per level)"],
    ),
    broken(
        "window_days = 14",
        "window_days = 100",
        &["`follow_up.window_days` is 100; allowed: 0 to follow_up.days (90)"],
    ),
    broken(
        "replicates = 100_000",
        "replicates = 0",
        &["`run.replicates` is 0; allowed: 1 to 1000000000000"],
    ),
    broken(
        "name = \"shift\"",
        "name = \"independence\"",
        &["`analyses[1].name` repeats \"independence\"; allowed: each name once"],
    ),
    broken("cut = 2", "cut = 6", &["`analyses[0].cut` is 6; allowed: 0 to 5"]),
    broken(
        "{ control = 1, experimental = 1 }",
        "{ control = 100, experimental = 101 }",
        &[
            "`arms.allocation_ratio` has 201 parts in lowest terms; allowed under minimisation: at most 100",
        ],
    ),
    broken("[run]", "[prior]\n[run]", &["`prior.components` is missing; expected: One or more"]),
    broken(
        "[run]",
        "[prior]\ncomponents = []\n[run]",
        &["`prior.components` has 0 elements; allowed: 1 to 10"],
    ),
    broken(
        "[run]",
        "[prior]\ncomponents = [{ log_odds_ratio = { mean = 1 } }]\n[run]",
        &["`prior.components[0].log_odds_ratio.sd` is missing; expected: Standard deviation"],
    ),
    broken(
        "[run]",
        "[prior]\ncomponents = [{ log_odds_ratio = { mean = 1, sd = -1 } }]\n[run]",
        &["`prior.components[0].log_odds_ratio.sd` is -1; allowed: 0.0 to 10.0"],
    ),
    broken(
        "[run]",
        "[prior]\ncomponents = [{ weight = 0, log_odds_ratio = { mean = 1, sd = 1 } }]\n[run]",
        &["`prior.components[0].weight` is 0; allowed: 1e-6 to 1000000.0"],
    ),
    broken(
        "[run]",
        "[prior]\ncomponents = [{ weight = 1, log_odds = { mean = 1, sd = 1 } }]\n[run]",
        &[
            "`prior.components[0].log_odds` is not a known key (did you mean `log_odds_ratio`?)",
            "allowed in `prior.components[0]`: evidence, log_odds_ratio, source, weight",
        ],
    ),
    broken(
        "[run]",
        "[prior]\ncomponents = [{ weight = 1 }]\n[run]",
        &[
            "`prior.components[0]` has no distribution; expected: exactly one of log_odds_ratio, evidence",
        ],
    ),
    broken(
        "[run]",
        "[prior]\ncomponents = [\n{ log_odds_ratio = { mean = 1, sd = 1 }, evidence = { file = \"a\", outcome = \"b\" } }]\n[run]",
        &[
            "`prior.components[0].evidence` conflicts with `prior.components[0].log_odds_ratio`; give exactly one of them",
        ],
    ),
    broken("[run]", "[run", &["not valid TOML"]),
];

/// The errors of a scenario file in the format of the program.
fn errors_of(path: &Path, set: &[&str]) -> String {
    let rejected = Scenario::load(path, &overrides(set)).expect_err("the scenario is broken");
    rejection(&rejected, false, None)
}

/// Other tests of messages use the library. This one checks that the program adds the exit code, uses
/// the right streams and writes no file.
#[test]
fn the_program_prints_the_errors_and_exits_with_2() {
    let directory = directory();
    let path = directory.path().join("broken.toml");
    let out = directory.path().join("out");
    let set = ["missing.dropout=2", "missing.dropuot=0.1", "missing.dropout"];
    let broken_files = TABLE.iter().step_by(9).map(|broken| (broken.apply(&angel_reboot()), None));
    let broken_overrides = set.into_iter().map(|set| (angel_reboot(), Some(set)));
    let mut started = 0;
    for (text, set) in broken_files.chain(broken_overrides) {
        fs::write(&path, text).expect("the folder is writable");
        let mut command = rescuesim();
        command.arg("run").arg(&path).arg("--out").arg(&out).timeout(Duration::from_secs(30));
        command.args(set.iter().flat_map(|set| ["--set", set]));
        let output = command.output().expect("the program starts");
        let errors = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert_eq!(errors, errors_of(&path, set.as_slice()));
        assert!(output.stdout.is_empty() && !out.exists(), "{errors}");
        started += 1;
    }
    assert!(started >= 10, "{started}");
}

#[test]
fn every_error_is_reported_with_its_place_and_what_is_allowed() {
    assert_reported(&angel_reboot(), &TABLE);
}

#[test]
fn methods_of_equal_arms_refuse_unequal_ratios() {
    for method in ["efron", "big_stick", "minimal_sufficient_balance"] {
        let more = if method == "big_stick" { "\nmaximum_imbalance = 3" } else { "" };
        let valid = angel_reboot().replace(METHOD, &format!("method = \"{method}\"{more}"));
        let refused = broken(
            "{ control = 1, experimental = 1 }",
            "{ control = 2, experimental = 3 }",
            &[
                "`arms.allocation_ratio` is 2:3; allowed with randomisation.method = ",
                "equal parts (for any ratio: block_urn, permuted_blocks, minimisation, complete)",
            ],
        );
        assert_reported(&valid, &[refused]);
        let equal = ["arms.allocation_ratio={control=3,experimental=3}".to_owned()];
        assert!(Scenario::parse(&valid, &equal).is_ok(), "{method}");
    }
}

/// Applies every edit to the text of a valid scenario and checks its message.
pub fn assert_reported(valid: &str, table: &[Broken]) {
    let directory = directory();
    let path = directory.path().join("broken.toml");
    for broken in table {
        let Broken { replace, by, says } = broken;
        fs::write(&path, broken.apply(valid)).expect("the folder is writable");
        let errors = errors_of(&path, &[]);
        for text in *says {
            assert!(errors.contains(text), "{by:?} should say {text:?} and says\n{errors}");
        }
        // A missing key is reported at its table, any other error at its own line.
        let start = valid.find(replace).expect("just seen");
        let line = 1 + valid[..start].matches('\n').count();
        let table =
            1 + valid[..start].rfind("\n[").map_or(0, |at| 1 + valid[..at].matches('\n').count());
        let place = |line: usize| format!("{}:{line}:", path.display());
        let lines = line..line + by.lines().count().max(1);
        assert!(
            lines.clone().any(|line| errors.contains(&place(line)))
                || errors.contains(&place(table)),
            "{by:?} should point to line {lines:?} or {table} and says\n{errors}"
        );
    }
}

#[test]
fn an_error_is_reported_at_its_line() {
    let directory = directory();
    let path = directory.path().join("broken.toml");
    let text = angel_reboot().replace("biased_coin_p = 0.8", "biased_coin_p = 1.8");
    let line = 1 + text.lines().position(|line| line.contains("1.8")).expect("just put there");
    fs::write(&path, text).expect("the folder is writable");
    let errors = errors_of(&path, &[]);
    assert!(errors.contains(&format!("{}:{line}:17", path.display())), "{errors}");
    assert!(errors.contains("biased_coin_p = 1.8"), "{errors}");
}

#[test]
fn several_errors_are_reported_together() {
    let directory = directory();
    let path = directory.path().join("broken.toml");
    let text = angel_reboot()
        .replace("randomised = 348", "randomised = 1")
        .replace("biased_coin_p", "biased_coin")
        .replace("dropout = 0.10", "dropout = 2");
    fs::write(&path, text).expect("the folder is writable");
    let errors = errors_of(&path, &[]);
    assert!(errors.contains("3 errors"), "{errors}");
    let text = angel_reboot()
        .replace("window_days = 14", "window_days = 91")
        .replace("shares = [0.52, 0.48]", "shares = [0.5, 0.4]")
        .replace("weights = [1, 1, 1]", "weights = [1]");
    fs::write(&path, text).expect("the folder is writable");
    let errors = errors_of(&path, &[]);
    assert!(errors.contains("window_days") && errors.contains("shares"), "{errors}");
    let errors = errors_of(
        Path::new("scenarios/angel-reboot.toml"),
        &[
            r#"adherence.control_crossover={probability=0.1,factors=[{factor="nope",log_odds=[0,1]}]}"#,
            r#"safety.endpoints=[{name="x",event="stated",control=0.6,experimental=0.6,mrs_of_affected=[100,0,0,0,0,0,0]}]"#,
        ],
    );
    assert!(errors.contains("nope") && errors.contains("safety.endpoints[0]"), "{errors}");
}

#[test]
fn files_that_are_not_a_scenario_have_distinct_messages() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name);
    let write = |name: &str, bytes: &[u8]| {
        fs::write(path(name), bytes).expect("the folder is writable");
        errors_of(&path(name), &[])
    };
    assert!(errors_of(&path("missing.toml"), &[]).contains("cannot be read"));
    assert!(errors_of(directory.path(), &[]).contains("is a directory"));
    assert!(write("empty.toml", b"").contains("is empty; expected TOML"));
    assert!(write("blank.toml", b" \n\n").contains("is empty; expected TOML"));
    let latin1 = write("latin1.toml", b"title = \"a\"\nquestion = \"\xe9\"\n");
    assert!(latin1.contains("is not UTF-8 text: line 2 has an invalid byte"), "{latin1}");
    let large = write("large.toml", &vec![b'#'; 10 << 20]);
    assert!(large.contains("is larger than 1048576 bytes"), "{large}");
    assert!(write("binary.toml", &[0, 1, 2, 3]).contains("not valid TOML"));
    assert!(write("comment.toml", b"# nothing\n").contains("`sample_size` is missing"));
}

#[test]
fn errors_in_set_values_point_to_the_argument() {
    let scenario = Path::new("scenarios/angel-reboot.toml");
    let cases = [
        ("missing.dropout=2", "`missing.dropout` is 2; allowed: 0.0 to 0.99"),
        ("missing.dropuot=0.1", "`missing.dropuot` is not a known key (did you mean `dropout`?)"),
        ("prior=3", "`prior` is 3; allowed: a table"),
        ("missing.dropout", "expected --set path.to.key=value"),
        ("missing.dropout=", "expected --set path.to.key=value"),
        (
            "analyses.shift.method=wilcoxon",
            "`analyses` is an array of 2 (did you mean `analyses[1].method`?)",
        ),
        ("analyses[7].cut=2", "there is no `analyses[7].cut` to set: `analyses` is an array of 2"),
        ("title.x=1", "there is no `title.x` to set: `title` is \"ANGEL-REBOOT: "),
        ("missing.dropout.control=0.1", "to set: `missing.dropout` is 0.1"),
        ("missing[0]=0.1", "there is no `missing[0]` to set: `missing` is a table"),
        (
            "factors[0].log_odds[1]=-1",
            "there is no `factors[0].log_odds[1]` to set: `factors[0].log_odds` is not given",
        ),
        ("a.b.c=1", "`a` is not a known key"),
        ("outcome..control=1", "expected keys joined by dots"),
        ("missing.dropout=.1", "the value is not valid TOML"),
        ("title=\"a\\u001b[31m\"", "text without control characters"),
    ];
    for (set, says) in cases {
        let errors = errors_of(scenario, &[set]);
        assert!(errors.contains(says), "{set} should say {says:?} and says\n{errors}");
        assert!(errors.contains("--set") && errors.contains(set), "{errors}");
        assert!(errors.matches("-->").count() <= 1, "one error was made\n{errors}");
    }
}

/// Evidence files in the scenario's folder, whose errors are reported in one line.
#[test]
fn evidence_that_gives_no_prior_is_reported() {
    let scenario = Path::new("scenarios/premat-assurance.toml");
    let directory = directory();
    let csv = directory.path().join("evidence.csv");
    let header = "outcome,study,events_experimental,n_experimental,events_control,n_control";
    fs::write(&csv, format!("{header}\nzero,x,0,9,0,9\none,y,3,9,1,9\n"))
        .expect("the folder is writable");
    let broken = directory.path().join("broken.csv");
    fs::write(&broken, format!("{header}\nzero,x,10,9,0,9\n")).expect("the folder is writable");
    let from = |file: &Path, outcome: &str, method: &str| {
        let file = file.display();
        format!(
            r#"prior.components[0].evidence={{file="{file}",outcome="{outcome}",method="{method}",event="wanted"}}"#
        )
    };
    let at = |key: &str| format!("`prior.components[0].evidence.{key}`");
    let cases = [
        (
            "prior.components[0].evidence.outcome=\"mRS 0-2\"".to_owned(),
            format!(
                "{} is \"mRS 0-2\", not an outcome of evidence/premat.toml (did you mean `mRS 0-2 at 90 days`?); allowed: \"mRS 0-2 at 90 days\", \"death\"",
                at("outcome")
            ),
        ),
        (
            "prior.components[0].evidence.outcome=death".to_owned(),
            format!("{} is \"death\", which evidence/premat.toml says is unwanted", at("outcome")),
        ),
        (
            "prior.components[0].evidence={file=\"evidence/premat.toml\"}".to_owned(),
            format!("{} is missing; allowed: \"mRS 0-2 at 90 days\", \"death\"", at("outcome")),
        ),
        (
            "prior.components[0].evidence.method=revman_randon".to_owned(),
            format!(
                "{} is \"revman_randon\", not a method (did you mean `revman_random`?); allowed",
                at("method")
            ),
        ),
        (
            "prior.components[0].evidence.file=\"evidence/nothing.toml\"".to_owned(),
            format!(
                "{} cannot be used: scenarios/evidence/nothing.toml cannot be read",
                at("file")
            ),
        ),
        (
            "prior.components[0].evidence.file=\"angel-rescue.toml\"".to_owned(),
            format!("{} cannot be used: scenarios/angel-rescue.toml:", at("file")),
        ),
        (
            from(&broken, "zero", "peto"),
            "10 events of 9; allowed: 0 to n, n at least 1".to_owned(),
        ),
        (
            from(&csv, "zero", "peto"),
            "`prior.components[0].evidence` cannot be pooled: no study has both events".to_owned(),
        ),
        (
            from(&csv, "one", "reml_hartung_knapp"),
            "`prior.components[0].evidence` cannot be pooled: one study has no variance".to_owned(),
        ),
        (
            "prior.components[0].evidence={file=\"evidence/premat.toml\",outcome=\"mRS 0-2 at 90 days\",method=\"peto\",distribution=\"new_study\"}".to_owned(),
            format!("{} is \"new_study\", which `peto` has no variance", at("distribution")),
        ),
        (
            from(&csv, "one", "reml").replace("event=\"wanted\"", "event=\"wanted\",distribution=\"new_study\""),
            format!("{} is \"new_study\", from 1 informative studies", at("distribution")),
        ),
        (
            "outcome.control=[0,0,0,0,1,0,0]".to_owned(),
            "`prior` shifts nothing: all of the control arm have the same mRS".to_owned(),
        ),
    ];
    for (set, says) in cases {
        let errors = errors_of(scenario, &[&set]);
        assert!(errors.contains(&says), "{set} should say {says:?} and says\n{errors}");
    }
}

/// Thousands of errors are counted, and the first ones shown, quickly.
#[test]
fn a_file_with_thousands_of_errors_is_reported_briefly() {
    let directory = directory();
    let path = directory.path().join("errors.toml");
    let keys: String = (0..50_000).map(|i| format!("k{i} = 1\n")).collect();
    fs::write(&path, keys).expect("the folder is writable");
    let errors = errors_of(&path, &[]);
    assert!(errors.contains("… and ") && errors.lines().count() < 300, "{}", errors.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    /// Parsing any damaged text returns a scenario or errors that point into the text, and never
    /// panics.
    #[test]
    fn damaged_scenarios_are_refused_or_understood(
        cuts in prop::collection::vec((0.0..1.0f64, 0usize..12, "[ -~\n]{0,6}"), 1..4),
    ) {
        let mut text: Vec<char> = angel_reboot().chars().collect();
        for (at, length, insert) in cuts {
            let start = (at * text.len() as f64) as usize;
            let end = (start + length).min(text.len());
            text.splice(start..end, insert.chars());
        }
        let text: String = text.into_iter().collect();
        // Large sizes would only take time.
        prop_assume!(!text.contains("000000"));
        let Err(rejection) = Scenario::parse(&text, &[]) else { return Ok(()) };
        prop_assert!(!rejection.problems.is_empty());
        for problem in &rejection.problems {
            if let Some((Origin::File, span)) = &problem.place {
                prop_assert!(span.start <= span.end && span.end <= text.len());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    /// Damaged checkpoints are refused, unless the cuts changed only white space.
    #[test]
    fn damaged_checkpoints_are_refused(
        cuts in prop::collection::vec((0.0..1.0f64, 0usize..12, "[ -~\n]{0,6}"), 1..4),
    ) {
        static WHOLE: LazyLock<String> = LazyLock::new(|| {
            let set = [r#"analyses=[{method="two_proportions"}]"#.to_owned()];
            let scenario = Scenario::parse(&angel_reboot(), &set).expect("a valid scenario");
            let command = "rescuesim run".to_owned();
            let run = RunId::new(&[&scenario], Some(100), Task::run(), command);
            let empty = Tally::new(&scenario);
            let job = JobTotal::begun(0, &[&scenario], Vec::new(), 0, &empty);
            Checkpoint { run, jobs: vec![job] }.to_json()
        });
        let mut text: Vec<char> = WHOLE.chars().collect();
        for (at, length, insert) in cuts {
            let start = (at * text.len() as f64) as usize;
            let end = (start + length).min(text.len());
            text.splice(start..end, insert.chars());
        }
        let text: String = text.into_iter().collect();
        let same = || text.split_whitespace().collect::<String>() == WHOLE.split_whitespace().collect::<String>();
        prop_assert!(Checkpoint::read(&text).is_err() || same(), "{}", text);
    }
}

#[test]
fn invalid_arguments_are_reported_with_what_is_allowed() {
    for (arguments, says) in [
        ("run", "required arguments were not provided:\n  <SCENARIO>"),
        ("rnu S", "unrecognized subcommand 'rnu'"),
        ("Power S", "some similar subcommands exist: 'run', 'design'"),
        ("interim S", "a similar subcommand exists: 'monitor'"),
        ("run S --replicates many", "expected a whole number from 1 to 1e12"),
        ("run S --replicates 0", "expected a whole number from 1 to 1e12"),
        ("run S --threads 0", "allowed: a whole number from 1 to 1024"),
        ("run S --trials csv", "required arguments were not provided:\n  --out <DIR>"),
        ("run S --replicates -1", "expected a whole number from 1 to 1e12"),
        ("run S --seed -1", "allowed: a whole number from 0 to 9223372036854775807"),
        ("run S --threads -1", "allowed: a whole number from 1 to 1024"),
        ("trace S --replicate -1", "allowed: a whole number from 0 to 1000000000000"),
        ("monitor S --look 2 --z 2 --n -5", "allowed: a whole number from 0"),
        ("monitor S --look 2 --z 2 --n 208 --estimate 3", "a risk difference between -1 and 1"),
        // Without these conflicts clap would ignore the option, since a conflict waives a requirement.
        ("run S --replicates 9 --precision-of coverage", "cannot be used with"),
        ("run S --out x --trials csv --resume", "cannot be used with"),
        ("run S --out x --trials csv --checkpoint-every 5", "cannot be used with"),
        ("strategies S --patients 9 --precision-of mortality", "cannot be used with"),
    ] {
        let arguments = arguments.replace('S', "scenarios/angel-reboot.toml");
        let output =
            rescuesim().args(arguments.split_whitespace()).output().expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}\n{errors}");
        assert!(errors.contains(says), "{arguments} should say {says:?} and says\n{errors}");
    }
}

/// Invalid options of `rescuesim design`, and a part of the expected message: the option, the value and
/// what is allowed.
const DESIGNS: [(&str, &str); 56] = [
    ("", "nothing to design for: give a scenario, or --control and --experimental"),
    ("R", "neither a size nor a power: give --n or --power"),
    ("--control 0.25 --power 0.8", "there is no effect; expected: --experimental"),
    ("--control 0.25 --n 100", "there is no effect; expected: --experimental"),
    (
        "--control 25 --n 100",
        "'25' for '--control <RATE>': allowed: above 0 and below 1 (did you mean 0.25?)",
    ),
    (
        "R --power 80",
        "'80' for '--power <POWER>': allowed: above 0 and below 1 (did you mean 0.8?)",
    ),
    ("R --power nan", "'nan' for '--power <POWER>': allowed: above 0 and below 1"),
    ("R --power 0.02", "--power 0.02 is no more than the one-sided alpha; allowed: above 0.025"),
    (
        "R --power 0.8 --alpha-one-sided 0",
        "`design.alpha_one_sided` is 0; allowed: 1e-12 to 0.4999",
    ),
    ("R --power 0.8 --alpha-one-sided 0.6", "1 | --alpha-one-sided 0.6\n  |                   ^^^"),
    (
        "R --power 0.8 --alpha-one-sided 0.02 --alpha-two-sided 0.05",
        "cannot be used with '--alpha-two-sided",
    ),
    ("R --power 0.8 --looks 21", "`design.looks.equally_spaced` is 21; allowed: 1 to 20"),
    (
        "R --power 0.8 --information-fractions 0.5,0.4,1",
        "puts look 2 at an information fraction of 0.4; allowed: more than the 0.5 before it",
    ),
    ("R --power 0.8 --information-fractions 0.5,0.9", "ends at 0.9; allowed: 1 for the final look"),
    (
        "R --power 0.8 --information-fractions nan,1",
        "`design.looks.information_fractions[0]` nan is not a finite number",
    ),
    (
        "R --power 0.8 --looks 2 --information-fractions 0.5,1",
        "cannot be used with '--information-fractions",
    ),
    ("R --n 1", "'1' for '--n <PATIENTS>': allowed: a whole number from 2 to 1000000"),
    ("R --n 2 --looks 2", "2 patients are too few for these looks: look 1 has 0 in control"),
    (
        "R --power 0.8 --n 300 --alpha-one-sided 0.025",
        "--n 300, --power 0.8, an effect and an alpha of 0.025 leave nothing to be found",
    ),
    ("R --n 300 --rounding total", "cannot be used with '--rounding"),
    ("R --power 0.8 --dropout 1", "'1' for '--dropout <SHARE>': allowed: 0 to 0.99"),
    (
        "R --power 0.8 --ratio 0:1",
        "'0:1' for '--ratio <C:E>': expected CONTROL:EXPERIMENTAL, each from 1 to 1000",
    ),
    (
        "R --power 0.8 --spending obrien-flemming",
        "`design.efficacy.rule` is \"obrien_flemming\" (did you mean `obrien_fleming`?)",
    ),
    ("R --power 0.8 --spending pococ", "(did you mean `pocock`?)"),
    (
        "R --power 0.8 --spending kim-demets",
        "`design.efficacy.rho` is missing; expected: Exponent ρ; 3 is near O'Brien–Fleming",
    ),
    ("R --power 0.8 --spending pocock=1", "pocock takes no number"),
    (
        "R --power 0.8 --looks 3 --spending cumulative=0.01,0.025",
        "`design.efficacy.spent` has 2 values; allowed: 3 (one per look)",
    ),
    (
        "R --power 0.8 --looks 2 --spending cumulative=0.01,0.03",
        "`design.efficacy.spent[1]` is 0.03; allowed: the whole error rate, 0.025",
    ),
    (
        "R --power 0.8 --looks 3 --spending haybittle-peto=2 --alpha-one-sided 0.005",
        "`design.efficacy` spends more than alpha before the final look; allowed: fewer or higher",
    ),
    (
        "R --power 0.8 --looks 3 --efficacy-looks 4",
        "`design.efficacy_looks[0]` is 4; allowed: 1 to 3",
    ),
    (
        "R --power 0.8 --futility cp:0.2",
        "`design.futility` is given for one look; allowed with two or more",
    ),
    (
        "R --power 0.8 --looks 3 --futility z:1",
        "`design.futility.bounds` has 1 values; allowed: 2 (one per interim look)",
    ),
    (
        "R --power 0.8 --looks 3 --futility z:1,5",
        "`design.futility.bounds[1]` is 5.0000 on the Z scale; allowed: below the efficacy bound of look 2 (2.5114)",
    ),
    (
        "R --power 0.8 --looks 3 --futility p:2,0.5",
        "`design.futility.bounds[0]` is 2; allowed: 1e-12 to",
    ),
    (
        "R --power 0.8 --looks 3 --futility beta:pocock",
        "`design.futility.spending.rule` is a boundary and spends nothing by itself; allowed: lan_demets",
    ),
    (
        "R --power 0.8 --looks 3 --futility effect:0,0",
        "`design.futility` is on the effect scale, which needs the number of patients, --n",
    ),
    (
        "R --power 0.8 --looks 3 --futility predictive:0.2",
        "--futility predictive:0.2: allowed: none, beta:FAMILY, z:A,B,…",
    ),
    (
        "R --power 0.8 --looks 3 --futility none --futility-looks 1",
        "`design.futility_looks` is given without `design.futility`",
    ),
    ("R --power 0.8 --looks 3 --harm pocok=2:x", "`design.harm.alpha_one_sided` is \"x\"; allowed"),
    ("R --power 0.8 --looks 3 --harm pocok=2:x", "`design.harm.spending.rule` is \"pocok\" (did"),
    ("scenarios/angel-reboot.toml --looks 0", "1 | --looks 0\n"),
    ("scenarios/angel-reboot.toml --n 300", "cannot be used with"),
    (
        "R --n 300 --looks 3 --futility beta:kim-demets=1",
        "--futility beta:kim-demets=1: needs --power",
    ),
    ("R --power 0.8 --looks 3 --binding", "--futility <RULE>"),
    ("R --power 0.8 --looks 3 --two-sided --harm kim-demets=1:0.1", "cannot be used with"),
    ("R --power 0.8 --looks 3 --two-sided --harm-looks 1", "cannot be used with"),
    ("R --power 0.8 --set missing.dropout=0.5", "cannot be used with"),
    ("R --power 0.8 --analysis shift", "cannot be used with"),
    (
        "R --power 0.8 --looks 3 --harm kim-demets=1",
        "--harm kim-demets=1: expected FAMILY:ALPHA, such as lan-demets-pocock:0.1",
    ),
    (
        "R --power 0.8 --margin 0.2",
        "the difference of experimental and control arm is 0.1500, which no number of patients detects; allowed: above 0.2000",
    ),
    (
        "R --power 0.8 --margin=-0.5",
        "--margin: the experimental rate under the null hypothesis is -0.25; allowed: above 0 and below 1",
    ),
    ("R --power 0.8 --test mann-whitney", "cannot be used with"),
    (
        "R --power 0.8 --plot figure.gif",
        "'figure.gif' for '--plot <FILE>': must be the name of a file that ends in .svg, .pdf or .png",
    ),
    (
        "--control 0.49991 --experimental 0.5 --power 0.999",
        "patients would have to be randomised; allowed: a design of at most 1e9",
    ),
    (
        "--control-mrs 4.7,7.4,87.9 --experimental-mrs 50,50 --power 0.8",
        "--experimental-mrs has 2 numbers; expected: 3, as many as --control-mrs",
    ),
    (
        "--control-mrs 5,7 --common-odds-ratio 2 --power 0.8",
        "--control-mrs: the shares sum to 12, too little by 88.000000; allowed: a sum of 100",
    ),
];

#[test]
fn invalid_designs_are_reported() {
    for (arguments, says) in DESIGNS {
        let arguments = arguments.replace('R', "--control 0.25 --experimental 0.4");
        let mut command = rescuesim();
        command.arg("design").args(arguments.split_whitespace()).timeout(Duration::from_secs(60));
        let output = command.output().expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}\n{errors}");
        assert!(output.stdout.is_empty(), "{arguments}");
        assert!(errors.contains(says), "{arguments} should say {says:?} and says\n{errors}");
    }
}
