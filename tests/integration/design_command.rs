//! `rescuesim design`, end to end.

use std::fs;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value;

use crate::util::{directory, json, number, output, refused, rescuesim, rows};

const RATES: [&str; 4] = ["--control", "0.25", "--experimental", "0.4"];
const MRS: [&str; 2] = ["--control-mrs", "4.7,7.4,12.9,16,24.9,14.1,20"];
const THREE: [&str; 4] = ["--looks", "3", "--power", "0.8"];

/// Command `design`, with further options in one text.
fn command(parts: &[&[&str]], more: &str) -> Command {
    let mut command = rescuesim();
    command.arg("design").args(parts.concat()).args(more.split_whitespace());
    command
}

fn printed(parts: &[&[&str]], more: &str) -> String {
    output(&mut command(parts, more))
}

fn designed(parts: &[&[&str]], more: &str) -> Value {
    json(&mut command(parts, more))
}

#[track_caller]
fn close(found: &Value, expected: f64, within: f64) {
    let found = number(found);
    assert!((found - expected).abs() <= within, "{found}, expected {expected}");
}

/// Checks the size per arm, before and after rounding.
#[track_caller]
fn per_arm(more: &str, exact: f64, whole: u64) {
    let design = designed(&[&RATES, &THREE], more);
    close(&design["required"]["total"], 2.0 * exact, 1.1e-3);
    assert_eq!(design["analysed"]["control"], whole, "{more}");
    assert_eq!(design["analysed"]["experimental"], whole, "{more}");
    assert!(number(&design["power"]) >= 0.8, "{more}");
}

/// 25 % v 40 %, three equal looks, one-sided 0.025, 80 %: the conventions that give the 156 per arm
/// of ANGEL-REBOOT's protocol. tests/reference/r/c2_156.R has the sizes and the inflation factor.
#[test]
fn conventions_give_different_sizes_of_angel_reboot() {
    per_arm("--variance null", 155.011, 156);
    per_arm("", 153.812, 154);
    per_arm("--rounding per-look", 153.812, 156);
    per_arm("--variance unpooled", 151.037, 152);
    per_arm("--spending obrien-fleming", 154.512, 155);
    per_arm("--futility beta:lan-demets-obrien-fleming --binding", 161.099, 162);
    per_arm("--futility beta:lan-demets-obrien-fleming", 167.714, 168);
    let design = designed(&[&RATES, &THREE], "--variance null");
    close(&design["required"]["inflation_factor"], 1.012795, 5e-7);
    let design = designed(&[&RATES, &THREE], "--rounding per-look");
    let looks: Vec<&Value> = (0..3).map(|k| &design["looks"][k]["analysed"]["control"]).collect();
    assert_eq!(looks, [52, 104, 156]);
}

/// MOSTE (NCT03796468), 412 per group: 60 % v 70 %, one-sided 0.025, 80 %, 5 % without an outcome, three looks
/// for efficacy and futility by O'Brien–Fleming-type spending. The protocol does not name its variance; of
/// the conventions with these rules the unpooled test with futility that is not binding has its size.
#[test]
fn moste_has_412_patients_per_group_unpooled_with_futility_that_is_not_binding() {
    let moste: [&[&str]; 2] = [
        &["--control", "0.6", "--experimental", "0.7", "--power", "0.8", "--dropout", "0.05"],
        &["--looks", "3", "--futility", "beta:lan-demets-obrien-fleming"],
    ];
    let per_group = |more: &str| {
        let design = designed(&moste, more);
        assert_eq!(design["randomised"]["control"], design["randomised"]["experimental"]);
        design["randomised"]["control"].as_u64().expect("a number of patients")
    };
    assert_eq!(per_group("--variance unpooled"), 412);
    let others = ["--variance unpooled --binding", "", "--binding", "--variance null"];
    assert_eq!(others.map(per_group), [395, 415, 398, 416]);
    // 353.2 outcomes per group at one look, times the inflation factor.
    let design = designed(&moste, "--variance unpooled");
    close(&design["required"]["fixed_total"], 2.0 * 353.2, 0.05);
    close(&design["required"]["inflation_factor"], 1.1043, 5e-5);
}

/// Patients of control and experimental arm together.
fn of_both_arms(sizes: &Value) -> f64 {
    number(&sizes["control"]) + number(&sizes["experimental"])
}

/// Sizes by Whitehead (1993) with the mRS of ANGEL-REBOOT's control arm, from tests/reference.
#[test]
fn sizes_for_the_mrs_are_whiteheads() {
    let size = |control: &str| {
        let odds_ratio = "--common-odds-ratio 2 --power 0.8 --rounding total";
        designed(&[&["--control-mrs", control]], odds_ratio)["analysed"].clone()
    };
    assert_eq!(of_both_arms(&size(MRS[1])), 202.0);
    assert_eq!(of_both_arms(&size("4.7,7.4,12.9,16,24.9,34.1")), 205.0);
}

/// Exact binomial enumeration in R, 52 patients per arm and look.
#[test]
fn the_exact_probabilities_of_the_shipped_scenario_are_those_of_r() {
    let design = designed(&[&AS_PLANNED[..]], "");
    let exact = &design["exact"];
    close(&exact["alternative"]["rejection"], 0.808138740495668, 1e-12);
    for (k, stop) in [0.015977930, 0.405689003, 0.386471807].into_iter().enumerate() {
        close(&exact["alternative"]["upper"][k], stop, 1e-9);
    }
    close(&exact["alternative"]["expected_total"], 266.484934, 1e-6);
    close(&exact["null"]["rejection"], 0.024976, 5e-7);
    assert_eq!([&design["analysed"]["control"], &design["randomised"]["control"]], [156, 156]);
    // The shipped scenario expects 313 outcomes at the final look, of 348 patients.
    let design = designed(&[&["scenarios/angel-reboot.toml"]], "");
    let sizes = ["analysed", "randomised"].map(|which| of_both_arms(&design[which]));
    assert_eq!(sizes, [313.0, 348.0]);
}

/// The shipped scenario with the planned number of outcomes at the final look.
const AS_PLANNED: [&str; 5] = [
    "scenarios/angel-reboot.toml",
    "--set",
    "missing.dropout=0",
    "--set",
    "sample_size.randomised=312",
];

/// A scenario and equivalent options give the same numbers.
#[test]
fn a_scenario_and_equivalent_options_give_the_same_design() {
    let without_words = |mut design: Value| {
        let fields = design.as_object_mut().expect("an object");
        for words in ["command", "title", "conventions"] {
            assert!(fields.remove(words).is_some(), "{words}");
        }
        design
    };
    let scenario = designed(&[&AS_PLANNED[..]], "");
    let options = designed(&[&RATES], "--n 312 --looks 3");
    assert!(number(&scenario["looks"][0]["efficacy"]["z"]) > 3.7);
    // The rate of the scenario is solved from percentages and has a rounding error.
    agree(&without_words(scenario), &without_words(options), "design");
}

/// Rules that differ from those of the scenario.
const OTHER_RULES: &str = "--looks 4 --alpha-one-sided 0.01 --spending haybittle-peto \
                           --futility cp-planned:.2 --futility-looks 2,3 --binding";

/// Options of rules with a scenario replace its own, like the same keys with `--set`.
#[test]
fn options_of_rules_replace_those_of_a_scenario() {
    let keys = [
        "design.looks={equally_spaced=4}",
        "design.alpha_one_sided=0.01",
        "design.efficacy={rule=\"haybittle_peto\"}",
        "design.futility={rule=\"conditional_power\",at_most=0.2,under=\"planned\"}",
        "design.futility_looks=[2,3]",
        "design.binding_futility=true",
    ];
    let sets: Vec<&str> = keys.iter().flat_map(|set| ["--set", set]).collect();
    let [mut options, mut sets] =
        [designed(&[&AS_PLANNED], OTHER_RULES), designed(&[&AS_PLANNED, &sets], "")];
    for design in [&mut options, &mut sets] {
        design.as_object_mut().expect("an object").remove("command");
    }
    assert_eq!(options, sets);
    assert_eq!(options["looks"].as_array().map(Vec::len), Some(4));
    let stated = designed(&[&RATES], &format!("--n 312 {OTHER_RULES}"));
    assert_eq!(options["conventions"], stated["conventions"]);
    agree(&options["looks"], &stated["looks"], "looks");
}

#[track_caller]
fn agree(one: &Value, other: &Value, at: &str) {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            assert_eq!(one.len(), other.len(), "{at}");
            one.iter().zip(other).for_each(|(one, other)| agree(one, other, at));
        }
        (Value::Object(one), Value::Object(other)) => {
            assert!(one.keys().eq(other.keys()), "{at}");
            one.iter().for_each(|(key, value)| agree(value, &other[key], key));
        }
        (Value::Number(_), Value::Number(_)) => {
            let (one, other) = (number(one), number(other));
            assert!((one - other).abs() <= 1e-8 * one.abs().max(1e-3), "{at}: {one} and {other}");
        }
        _ => assert_eq!(one, other, "{at}"),
    }
}

/// With one look every family of boundaries is the test with one look.
#[test]
fn every_family_with_one_look_is_the_fixed_design() {
    for family in ["pocock", "haybittle-peto", "kim-demets=2", "none", "cumulative=0.025"] {
        let design = designed(&[&RATES], &format!("--power 0.8 --spending {family}"));
        close(&design["looks"][0]["efficacy"]["z"], 1.959963984540054, 1e-9);
        close(&design["required"]["total"], 2.0 * 151.868862, 2e-6);
        close(&design["required"]["inflation_factor"], 1.0, 1e-9);
    }
}

const FAMILIES: [&str; 5] = [
    "",
    "--spending haybittle-peto --ratio 1:2",
    "--spending wang-tsiatis=0.25 --variance arcsine",
    "--two-sided both-sides --continuity-correction",
    "--futility pp:0.1 --binding --information-fractions 0.4,0.8,1",
];

/// A design with the value solved for, as given options, has the target power.
#[test]
fn the_solved_value_has_the_target_power() {
    for family in FAMILIES {
        let looks = if family.contains("fractions") { "" } else { "--looks 3" };
        let family = format!("{family} {looks}");
        let sized = designed(&[&RATES], &format!("{family} --power 0.85"));
        assert!(number(&sized["power"]) >= 0.85, "{family}");

        let solved = designed(&[&["--control", "0.25"]], &format!("{family} --n 300 --power 0.85"));
        let effect = &solved["effects"][2]["effect"];
        let experimental = format!("--experimental {}", 0.25 + number(effect));
        let back = designed(&[&["--control", "0.25"]], &format!("{family} --n 300 {experimental}"));
        close(&back["power"], 0.85, 1e-7);

        let solved = designed(&[&RATES], &format!("{family} --n 240 --power 0.85"));
        let alpha = format!("--alpha-one-sided {}", number(&solved["alpha_one_sided"]));
        let back = designed(&[&RATES], &format!("{family} --n 240 {alpha}"));
        close(&back["power"], 0.85, 1e-7);
    }
}

/// A given size is kept to the patient.
#[test]
fn a_given_size_is_not_rounded() {
    for n in [313, 314, 400] {
        let design = designed(&[&RATES], &format!("--n {n} --looks 3 --ratio 2:3"));
        let arms = &design["analysed"];
        assert_eq!(number(&arms["control"]) + number(&arms["experimental"]), f64::from(n));
    }
}

/// A look without a test has no boundary, and its alpha is spent at the next tested look.
#[test]
fn looks_without_a_test_have_no_boundary() {
    let design =
        designed(&[&RATES, &THREE], "--efficacy-looks 2 --futility z:0,1 --futility-looks 1");
    let looks = &design["looks"];
    assert!(looks[0]["efficacy"].is_null() && looks[1]["efficacy"]["z"].is_number());
    assert!(looks[0]["futility"]["z"].is_number() && looks[1]["futility"].is_null());
    close(&looks[0]["alpha_spent"], 0.0, 0.0);
    close(&looks[2]["alpha_spent"], 0.025, 1e-12);
}

/// The effect at a boundary, with control at its planned 25 %, is also given as an odds ratio.
#[test]
fn effects_at_boundaries_have_their_odds_ratio() {
    let design = designed(&[&RATES, &THREE], "--futility z:-0.5,0.5");
    for (k, look) in design["looks"].as_array().expect("a list").iter().enumerate() {
        assert_eq!(look["look"], k + 1);
        let boundaries: &[&str] = if k < 2 { &["efficacy", "futility"] } else { &["efficacy"] };
        for boundary in boundaries {
            let rate = 0.25 + number(&look[boundary]["effect"]);
            let odds_ratio = rate / (1.0 - rate) / (0.25 / 0.75);
            close(&look[boundary]["odds_ratio"], odds_ratio, 1e-9);
        }
    }
}

/// Checks the CSV for a row per look and boundary, with the numbers of the JSON.
#[test]
fn csv_has_a_row_per_look_and_boundary() {
    let rules = "--futility beta:kim-demets=2 --harm lan-demets-pocock:0.1";
    let design = designed(&[&RATES, &THREE], rules);
    let mut found = Vec::new();
    for row in rows(&printed(&[&RATES, &THREE, &["--format", "csv"]], rules)) {
        let (look, boundary) = (&row["look"], &row["boundary"]);
        let index: usize = look.parse().expect("a number");
        let z = row["z"].parse().expect("a number");
        close(&design["looks"][index - 1][boundary]["z"], z, 1e-12);
        found.push(format!("{look} {boundary}"));
    }
    let expected = "1 efficacy,1 futility,1 harm,2 efficacy,2 futility,2 harm,3 efficacy,3 harm";
    assert_eq!(found.join(","), expected);
}

/// Tables of all designs fit a terminal and contain only finite numbers.
#[test]
fn tables_fit_the_terminal_and_have_finite_numbers() {
    let designs: [(&[&str], &str); 9] = [
        (&RATES, "--power 0.8 --effects 0.75,1.25,2,-0.333333333 --dropout 0.1"),
        (&RATES, "--power 0.8 --looks 20 --futility beta:pocock-type --harm kim-demets=1:0.1"),
        (&RATES, "--n 2"),
        (&RATES, "--n 1000000 --looks 20 --effects 5"),
        (&RATES, "--power 0.9 --looks 5 --two-sided --spending pocock"),
        (&["--control", "0.4"], "--experimental 0.4 --margin -0.1 --power 0.8 --looks 2"),
        (&MRS, "--common-odds-ratio 2 --power 0.8 --looks 3 --test mann-whitney"),
        (&MRS, "--n 300 --power 0.8 --utilities 1,.91,.76,.65,.33,0,0 --looks 2"),
        (&["scenarios/early-vs-late.toml"], "--power 0.9 --rounding total"),
    ];
    for (what, more) in designs {
        let more = more.replace("pocock-type", "lan-demets-pocock");
        let table = printed(&[what], &more);
        let lines = table.lines().filter(|line| !line.starts_with("Recreate"));
        let widest = lines.map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{widest:?} columns\n{table}");
        let odd =
            |word: &&str| word.contains("NaN") || word.contains("inf\n") || *word == "-0.0000";
        assert_eq!(table.split_whitespace().find(odd), None, "{table}");
    }
}

#[test]
fn the_table_of_a_design_is_unchanged() {
    let table = printed(
        &[&RATES, &THREE],
        "--futility beta:lan-demets-obrien-fleming --harm kim-demets=1:0.1",
    );
    let (tables, _) = table.split_once("\nrescuesim ").expect("the version follows");
    insta::assert_snapshot!(tables);
}

#[test]
fn a_figure_of_a_design_is_unchanged() {
    let directory = directory();
    let path = directory.path().join("new/folder/boundaries.svg");
    let mut command = rescuesim();
    command.arg("design").args(RATES).args(["--n", "312", "--looks", "2", "--spending", "pocock"]);
    output(command.arg("--plot").arg(&path));
    insta::assert_snapshot!(fs::read_to_string(path).expect("the program wrote it"));
}

/// Labels that would cover another label, a point or a line are omitted.
#[test]
fn a_figure_draws_every_boundary_on_every_scale() {
    let directory = directory();
    for (scale, tick) in [("z", "Z (above 0"), ("p", "one-sided p"), ("effect", "risk difference")]
    {
        let path = directory.path().join(format!("{scale}.svg"));
        let path = path.to_str().expect("the name is UTF-8");
        let rules = "--looks 20 --futility beta:kim-demets=2 --harm lan-demets-pocock:0.1";
        printed(&[&RATES, &["--power", "0.9", "--plot", path, "--scale", scale]], rules);
        let svg = fs::read_to_string(path).expect("the program wrote it");
        for text in [tick, "efficacy", "futility", "harm", "patients analysed"] {
            assert!(svg.contains(text), "{text} in {scale}");
        }
        assert!(!svg.contains("NaN"), "{scale}");
    }
}

/// An output that cannot be written is a wrong argument, and nothing is printed.
#[test]
fn an_unwritable_figure_is_refused() {
    let directory = directory();
    let folder = directory.path().join("folder.svg");
    fs::create_dir(&folder).expect("a temporary folder");
    let mut command = rescuesim();
    command.arg("design").args(RATES).args(THREE).arg("--plot").arg(&folder);
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("cannot write") && errors.contains("is a directory"), "{errors}");
    assert_eq!(
        fs::read_dir(directory.path()).expect("the folder can be listed").count(),
        1,
        "nothing half-written"
    );
}

/// The largest trials and the most looks are computed in interactive time; the limits are for an
/// unoptimised build on a machine that runs other tests.
#[test]
fn large_designs_are_computed_quickly() {
    for more in [
        "--n 1000000 --looks 20 --futility beta:kim-demets=2 --power 0.9 --alpha-one-sided 0.025",
        "--n 1000 --looks 20",
    ] {
        let mut command = rescuesim();
        command.arg("design").args(RATES).args(more.split_whitespace());
        output(command.timeout(Duration::from_secs(200)));
    }
}

const TWO: [&str; 6] = ["--looks", "2", "--spending", "none", "--n", "312"];

/// The values by enumeration of tests/reference/reestimation.csv, design PZ-A.
#[test]
fn a_re_estimated_design_has_the_characteristics_of_the_reference() {
    let zone = "--promising-zone 0.36:0.8 --maximum 624";
    let design = &designed(&[&RATES, &TWO], zone)["reestimation"];
    let exact = [
        (0, [0.0253014083010316, 0.0245017349283057, 0.0251145570436078], 327.427124501485),
        (2, [0.845055265004506, 0.843451130971798, 0.812101838729275], 344.069098803743),
    ];
    for (effect, [weighted, conventional, fixed], expected) in exact {
        let found = &design["effects"][effect]["exact"];
        close(&found["weighted"], weighted, 1e-9);
        close(&found["conventional"], conventional, 1e-9);
        close(&found["fixed"], fixed, 1e-9);
        close(&found["expected_size"], expected, 1e-6);
    }
    close(&design["effects"][0]["weighted"], 0.025, 1e-9);
    close(&design["least_for_conventional"], 0.357582, 1e-5);
    let decisions = design["decisions"].as_array().expect("a list");
    let sizes: Vec<f64> = decisions.iter().map(|row| number(&row["size"])).collect();
    assert_eq!((sizes[0], sizes[sizes.len() - 1]), (312.0, 312.0));
    assert_eq!(sizes.iter().copied().fold(0.0, f64::max), 624.0);
    assert!(sizes.iter().all(|size| size % 2.0 == 0.0));
    let text = printed(&[&RATES, &TWO], zone);
    assert!(
        text.contains("Re-estimation of the size at look 1, from 312 to at most 624"),
        "{text}"
    );
}

/// The inflation factor takes the variance to be the same under both hypotheses.
#[test]
fn a_size_that_misses_its_power_says_so() {
    let utilities = "--common-odds-ratio 2 --utilities 1,0.9,0.7,0.6,0.3,0,0 --looks 5 --spending pocock --futility cp:0.1";
    let control = ["--control-mrs", "5,5,10,20,20,20,20", "--power", "0.8"];
    let text = printed(&[&control], utilities);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Power at these sizes: 0.7969"), "{text}");
    assert!(text.contains("It misses the power a little, as the variance differs"), "{text}");
    let rates = printed(&[&RATES], "--power 0.8 --looks 3");
    assert!(!rates.contains("misses the power"), "{rates}");
}

/// Only an increase is rounded to the step: other trials keep the planned size.
#[test]
fn a_size_that_is_not_increased_is_not_rounded() {
    let two = ["--looks", "2", "--spending", "none", "--n", "300"];
    let zone = "--promising-zone 0.3:0.9 --maximum 480 --size-step 40";
    let decisions = designed(&[&RATES, &two], zone)["reestimation"]["decisions"].clone();
    let decisions = decisions.as_array().expect("a list");
    let sizes: Vec<f64> = decisions.iter().map(|row| number(&row["size"])).collect();
    assert_eq!((sizes[0], sizes[sizes.len() - 1]), (300.0, 300.0));
    assert!(sizes.iter().all(|size| *size == 300.0 || size % 40.0 == 0.0), "{sizes:?}");
    assert!(sizes.contains(&480.0) && sizes.contains(&400.0), "{sizes:?}");
}

/// A maximum that allows no increase is the design without re-estimation, with early stopping too.
#[test]
fn a_re_estimation_without_an_increase_is_the_design_without_it() {
    for spending in ["none", "lan-demets-obrien-fleming"] {
        let looks = ["--looks", "2", "--spending", spending, "--n", "312"];
        let design = designed(&[&RATES, &looks], "--promising-zone 0.3:0.9 --maximum 312");
        for k in 0..3 {
            let (with, without) = (&design["reestimation"]["effects"][k], &design["effects"][k]);
            for power in ["weighted", "conventional", "fixed"] {
                close(&with[power], number(&without["rejection"]), 1e-9);
            }
            close(&with["expected_size"], number(&without["expected_total"]), 1e-6);
        }
    }
    assert!(designed(&[&RATES, &TWO], "").get("reestimation").is_none());
}

#[test]
fn impossible_re_estimations_are_refused() {
    for (options, message) in [
        ("--looks 2 --promising-zone 0.8:0.36 --maximum 624", "the first the smaller"),
        ("--looks 2 --promising-zone 0.36 --maximum 624", "such as 0.36:0.8"),
        ("--looks 2 --promising-zone 0.36:0.8 --maximum 300", "at least the 312 patients planned"),
        ("--looks 3 --promising-zone 0.36:0.8 --maximum 624", "has 3 looks; allowed: two"),
        (
            "--looks 2 --futility z:0 --promising-zone 0.36:0.8 --maximum 624",
            "a boundary for futility or harm",
        ),
        ("--looks 2 --maximum 624", "--promising-zone"),
        ("--looks 2 --promising-zone 0.36:0.8", "--maximum"),
    ] {
        let errors = refused(&mut command(&[&RATES, &["--n", "312"]], options));
        assert!(errors.contains(message), "{options}\n{errors}");
    }
}
