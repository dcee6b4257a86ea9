//! `rescuesim monitor` for a board: what a look says in words, adverse events, plausibility of the data.

use serde_json::Value;

use crate::util::{directory, json, number, output, refused, rescuesim};

const SAFETY: &str = "angel-reboot-safety";
const FUTILITY: &str = r#"design.futility={rule="conditional_power",at_most=0.2}"#;

fn look(scenario: &str, arguments: &[&str]) -> Value {
    json(rescuesim().args(["monitor", scenario]).args(arguments))
}

fn error(scenario: &str, arguments: &[&str]) -> String {
    refused(rescuesim().args(["monitor", scenario]).args(arguments))
}

fn summary(look: &Value) -> &str {
    look["summary"].as_str().expect("a sentence")
}

fn warnings(look: &Value) -> Vec<&str> {
    let warnings = look["warnings"].as_array().expect("a list").iter();
    warnings.map(|warning| warning.as_str().expect("text")).collect()
}

#[test]
fn a_look_recommends_in_the_words_of_a_board() {
    let z = |z: &'static str, look: &'static str, n: &'static str| {
        [["--z", z, "--look", look, "--n", n].to_vec(), vec!["--set", FUTILITY]].concat()
    };
    for (arguments, decision, words) in [
        (
            z("2.6", "2", "208"),
            "efficacy",
            "Look 2 of 3: efficacy boundary crossed (Z = 2.6000, boundary 2.5114): the design recommends stopping for efficacy.",
        ),
        (
            z("2", "2", "208"),
            "continue",
            "Look 2 of 3: no boundary crossed (Z = 2.0000; boundaries: efficacy 2.5114, futility 1.",
        ),
        (
            z("0.2", "2", "208"),
            "futility",
            "Look 2 of 3: futility boundary crossed (non-binding; Z = 0.2000, boundary 1.",
        ),
        (
            z("1.9", "3", "312"),
            "not_significant",
            "Look 3, the final analysis: not statistically significant at the final analysis (Z = 1.9000, boundary 1.9930).",
        ),
        (
            z("2.1", "3", "312"),
            "efficacy",
            "Look 3, the final analysis: efficacy boundary crossed (Z = 2.1000, boundary 1.9930): the experimental arm is better.",
        ),
    ] {
        let look = look("angel-reboot", &arguments);
        assert_eq!(look["decision"], decision, "{words}");
        assert!(summary(&look).starts_with(words), "{}", summary(&look));
    }
    let binding = [z("0.2", "2", "208"), vec!["--set", "design.binding_futility=true"]].concat();
    let binding = look("angel-reboot", &binding);
    assert!(summary(&binding).contains("(binding; "), "{}", summary(&binding));
    assert!(summary(&binding).contains("requires stopping"), "{}", summary(&binding));
}

/// The design has no other boundary, so that nothing is "between" boundaries.
#[test]
fn a_look_names_the_boundaries_that_the_design_has() {
    let low = look("angel-reboot", &["--look", "1", "--z=-3.2", "--n", "104"]);
    let words = "efficacy boundary not crossed (Z = -3.2000, boundary 3.7103): the design recommends continuing.";
    assert!(summary(&low).ends_with(words), "{}", summary(&low));
    let rules = low["rules"].to_string();
    assert!(rules.contains("No boundary for futility, harm or safety."), "{rules}");
    let text = output(rescuesim().args([
        "monitor",
        "angel-reboot",
        "--look",
        "1",
        "--z=-3.2",
        "--n",
        "104",
    ]));
    assert!(text.contains("favours the control arm"), "{text}");
    let rules = look(SAFETY, &["--look", "1", "--z", "1", "--n", "104"])["rules"].to_string();
    assert!(
        rules.contains("Safety, sICH: Lan-DeMets spending, Pocock type, one-sided alpha 0.025"),
        "{rules}"
    );
}

#[test]
fn a_safety_boundary_is_checked_or_said_not_to_be() {
    let arms = ["--look", "1", "--control", "12/52", "--experimental", "20/52"];
    let without = look(SAFETY, &arms);
    assert_eq!(
        (&without["decision"], &without["safety"][0]["status"]),
        (&"continue".into(), &"not_given".into())
    );
    let text = output(rescuesim().args(["monitor", SAFETY]).args(arms));
    let text = text.replace('\n', " ");
    assert!(
        text.contains(
            "Adverse events were not given, so the safety boundary for sICH was not checked"
        ),
        "{text}"
    );

    let few = look(SAFETY, &[&arms[..], &["--event", "sICH=1/90,4/90"]].concat());
    assert_eq!(
        (&few["decision"], &few["safety"][0]["status"]),
        (&"continue".into(), &"not_crossed".into())
    );
    let many = look(SAFETY, &[&arms[..], &["--event", "sICH=0/90,9/90"]].concat());
    let sich = &many["safety"][0];
    assert_eq!(
        (&many["decision"], &many["without_safety"], &sich["status"]),
        (&"safety".into(), &"continue".into(), &"crossed".into())
    );
    assert!(number(&sich["z"]) <= number(&sich["z_bound"]), "{sich}");
    assert_eq!(sich["planned_patients"], 180);
    assert!(
        summary(&many).ends_with("the design recommends stopping for safety."),
        "{}",
        summary(&many)
    );
    // An event without a boundary is compared and decides nothing.
    let other = look(SAFETY, &[&arms[..], &["--event", "dissection=0/90,30/90"]].concat());
    assert_eq!(
        (&other["decision"], &other["safety"][1]["status"]),
        (&"continue".into(), &"no_boundary".into())
    );
}

/// The final look ends the trial anyway, as in a simulated trial.
#[test]
fn a_safety_boundary_crossed_at_the_final_look_does_not_change_the_decision() {
    let arms = ["--look", "3", "--control", "30/156", "--experimental", "55/156"];
    let end = look(SAFETY, &[&arms[..], &["--event", "sICH=0/174,20/174"]].concat());
    assert_eq!(
        (&end["decision"], &end["safety"][0]["status"]),
        (&"efficacy".into(), &"crossed".into())
    );
    assert!(summary(&end).contains("safety boundary for sICH crossed"), "{}", summary(&end));
}

#[test]
fn deaths_are_read_from_the_mrs() {
    let counts = [
        "--look",
        "1",
        "--control-mrs",
        "2,4,7,8,13,7,11",
        "--experimental-mrs",
        "3,5,10,9,12,6,7",
    ];
    let deaths = look(SAFETY, &counts)["safety"][2].clone();
    let arms = |arm: usize| (&deaths["counts"][arm]["events"], &deaths["counts"][arm]["patients"]);
    assert_eq!((arms(0), arms(1)), ((&11.into(), &52.into()), (&7.into(), &52.into())));
    let contradiction = error(SAFETY, &[&counts[..], &["--event", "death=3/52,7/52"]].concat());
    assert!(contradiction.contains("expected 11/52,7/52"), "{contradiction}");
}

#[test]
fn impossible_numbers_are_refused() {
    let arms = ["--look", "1", "--control", "12/52", "--experimental", "20/52"];
    for (more, message) in [
        (
            &["--event", "sich=0/58,9/57"][..],
            "--event sich is unknown (did you mean sICH?); allowed: sICH, dissection, death",
        ),
        (&["--event", "sICH=0/58,9/57", "--event", "sICH=0/58,9/57"], "given twice"),
        (
            &["--event", "sICH=9/8,9/57"],
            "9 events of 8 patients; expected EVENTS/PATIENTS with 0 to 8 events",
        ),
        (&["--event", "sICH=0/58"], "expected NAME=EVENTS/PATIENTS,EVENTS/PATIENTS"),
        (
            &["--event", "sICH=0/200,9/200"],
            "400 patients, more than the 348 who are to be randomised",
        ),
        (
            &["--event", "sICH=0/61,9/60", "--randomised", "60,60"],
            "61 patients in whom it is known in the control arm, more than the 60 of --randomised",
        ),
        (
            &["--randomised", "50,60"],
            "52 patients with an outcome in the control arm, more than the 50 of --randomised",
        ),
        (&["--randomised", "50,50"], "100 patients, fewer than the 104 outcomes"),
        (&["--randomised", "200,200"], "400 patients, more than the 348 who are to be randomised"),
        (&["--earlier-z", "1"], "--earlier-z has 1 values; expected: none"),
        (&["--date", "2026-02-29"], "allowed: a date as YYYY-MM-DD"),
        (&["--date", "30.11.2026"], "allowed: a date as YYYY-MM-DD"),
    ] {
        let error = error(SAFETY, &[&arms[..], more].concat());
        assert!(error.contains(message), "{more:?}: {error}");
    }
    let many = error("angel-reboot", &["--look", "2", "--z", "2.1", "--n", "700"]);
    assert!(
        many.contains("700 outcomes, more than the 348 patients who are to be randomised"),
        "{many}"
    );
    let none = error(
        "angel-reboot",
        &["--look", "1", "--z", "1", "--n", "104", "--event", "sICH=0/58,9/57"],
    );
    assert!(none.contains("follows no adverse events"), "{none}");
}

#[test]
fn implausible_numbers_are_warned_about() {
    let two = ["--look", "2"];
    for (scenario, arguments, message) in [
        (
            "angel-reboot",
            &["--control", "45/160", "--experimental", "14/46"][..],
            "160 v 46 patients with an outcome (control v experimental): even if each patient were randomised independently at the planned 1:1, a difference this large would have a probability of less than 0.000000001; planned: minimisation",
        ),
        (
            "angel-reboot",
            &["--z", "2", "--n", "320"],
            "look 2 has 320 outcomes of the 208 planned for it, no fewer than planned for look 3, which no longer takes place, and this look is the final one",
        ),
        ("angel-reboot", &["--z", "2", "--n", "290"], "nearer to the 312 of look 3"),
        ("angel-reboot", &["--z", "2", "--n", "120"], "nearer to the 104 of look 1"),
        ("angel-reboot", &["--z", "7", "--n", "208"], "Z = 7.00 is more extreme"),
        (
            "angel-reboot",
            &["--z", "2", "--n", "208", "--earlier-z", "3.9"],
            "Z = 3.9000 had crossed the efficacy boundary of 3.7103 at look 1",
        ),
        (
            "angel-reboot",
            &["--control-mrs", "20,14,25,16,13,7,5", "--experimental-mrs", "18,18,18,16,20,8,8"],
            "from 6 to 0 than from 0 to 6",
        ),
        (
            "angel-reboot",
            &["--control", "80/104", "--experimental", "60/104"],
            "the successes fit the planned share of failures better",
        ),
        (
            SAFETY,
            &["--control", "26/104", "--experimental", "40/104", "--event", "sICH=0/145,4/90"],
            "145 v 90 patients in whom sICH is known",
        ),
        (
            SAFETY,
            &["--control", "26/104", "--experimental", "40/104", "--event", "sICH=0/90,4/120"],
            "sICH is known in 90 patients of the control arm, fewer than the 104 with an outcome",
        ),
        (
            SAFETY,
            &["--control", "26/104", "--experimental", "40/104", "--event", "sICH=0/105,4/105"],
            "sICH is known in 210 patients, and its boundary at this look was computed for 29",
        ),
    ] {
        let look = look(scenario, &[&two[..], arguments].concat());
        let warnings = warnings(&look);
        assert!(
            warnings.iter().any(|warning| warning.contains(message)),
            "{arguments:?}: {warnings:?}"
        );
    }
}

/// Minimisation keeps the arms of 120 patients closer than independent allocation does.
#[test]
fn an_imbalance_beyond_the_planned_method_is_warned_about() {
    let look = |randomised: &str, set: &[&str]| {
        let arguments = ["--look", "1", "--z", "1", "--n", "104", "--randomised", randomised];
        look("angel-reboot", &[&arguments[..], set].concat())
    };
    let minimised = look("70,50", &[]);
    let text = warnings(&minimised).concat();
    assert!(text.starts_with("70 v 50 patients randomised"), "{text}");
    assert!(text.contains("of 2000 simulated allocations at 1:1, 0 gave"), "{text}");
    assert!(text.contains("planned: minimisation on nihss"), "{text}");
    let complete = ["--set", r#"randomisation={method="complete"}"#];
    assert_eq!(warnings(&look("70,50", &complete)), Vec::<&str>::new());
    assert_eq!(warnings(&look("61,59", &[])), Vec::<&str>::new());
    let blocks = ["--set", r#"randomisation={method="permuted_blocks",block_sizes=[4]}"#];
    assert_eq!(warnings(&look("63,57", &blocks)).len(), 1, "blocks of 4 differ by 2 at most");
}

/// A verdict on an imbalance needs as many simulated allocations for large trials as for small ones; for
/// the largest there is none.
#[test]
fn large_trials_are_judged_by_as_many_allocations() {
    let look = |patients: &str, randomised: &str| {
        let size = format!("sample_size={{randomised={patients}}}");
        let plan = ["--set", &size, "--set", "design.looks={equally_spaced=3}"];
        let numbers = ["--look", "1", "--z", "1", "--n", "1400", "--randomised", randomised];
        look("angel-reboot", &[&plan[..], &numbers].concat())
    };
    let text = warnings(&look("5000", "2270,2230")).concat();
    assert!(text.contains("of 2000 simulated allocations at 1:1, 0 gave"), "{text}");
    let is_reported = |look: &Value| warnings(look).concat().contains("simulated allocations");
    assert!(!is_reported(&look("5000", "2251,2249")));
    assert!(!is_reported(&look("44000", "20100,20000")));
}

/// Numbers that a trial of this design gives are no reason for a warning.
#[test]
fn plausible_numbers_are_not_warned_about() {
    for arguments in [
        &["--look", "2", "--control", "26/104", "--experimental", "44/105"][..],
        &["--look", "1", "--z", "1.1", "--n", "99", "--randomised", "95,96"],
        &["--look", "3", "--z", "1.1", "--n", "331"],
        &[
            "--look",
            "2",
            "--control-mrs",
            "8,7,10,13,33,13,22",
            "--experimental-mrs",
            "10,12,15,16,27,12,16",
        ],
        &["--look", "2", "--overrun", "--n", "104,208,260", "--z", "2.4", "--earlier-z", "1,2.6"],
    ] {
        let look = look("angel-reboot", arguments);
        assert_eq!(warnings(&look), Vec::<&str>::new(), "{arguments:?}");
    }
    let unequal = [
        "--set",
        "arms.allocation_ratio.control=2",
        "--set",
        r#"randomisation={method="complete"}"#,
    ];
    let arms = ["--look", "1", "--control", "16/70", "--experimental", "12/34"];
    assert_eq!(
        warnings(&look("angel-reboot", &[&arms[..], &unequal].concat())),
        Vec::<&str>::new()
    );
}

/// The analysis of the overrun has the number of the last look, wherever its points are listed.
#[test]
fn the_point_of_an_overrun_is_at_its_look() {
    for (numbers, looks) in
        [(&["--z", "3.6"][..], vec![3]), (&["--z", "3.6", "--earlier-z", "3.8"], vec![1, 3])]
    {
        let given = [&["--look", "1", "--overrun", "--n", "104,150"], numbers].concat();
        let look = look("angel-reboot", &given);
        let points = look["path"].as_array().expect("points");
        let found: Vec<u64> = points.iter().filter_map(|point| point["look"].as_u64()).collect();
        assert_eq!(found, looks, "{look}");
        assert_eq!(look["looks"][1]["look"], 3);
    }
}

/// After the trial has stopped no safety boundary is tested, so no counts are asked for.
#[test]
fn events_are_not_asked_for_after_the_overrun() {
    let given = ["--look", "1", "--overrun", "--n", "104,150", "--z", "3.6"];
    let text = output(rescuesim().args(["monitor", "angel-reboot-safety"]).args(given));
    assert!(text.contains("is not tested at this look"), "{text}");
    assert!(!text.contains("were not given"), "{text}");
}

#[test]
fn a_repeated_p_value_beyond_the_search_is_a_limit() {
    let text = output(rescuesim().args([
        "monitor",
        "angel-reboot",
        "--look",
        "2",
        "--z=-1",
        "--n",
        "208",
    ]));
    assert!(text.contains("≥ 0.5"), "{text}");
    let text = output(rescuesim().args([
        "monitor",
        "angel-reboot",
        "--look",
        "2",
        "--z",
        "5",
        "--n",
        "208",
    ]));
    assert!(text.contains("< 0.0001"), "{text}");
}

const ROWS: &str = "arm,mrs,nihss,onset_to_puncture,occlusion_site,sICH,lost\n\
                    control,2,6-15,<6 h,anterior,no,\n\
                    experimental,0,>=16,6-24 h,posterior,yes,no\n\
                    control,,6-15,<6 h,anterior,,yes\n\
                    experimental,6,6-15,<6 h,anterior,no,\n";

fn patients_refused(csv: &str) -> String {
    let folder = directory();
    let file = folder.path().join("patients.csv");
    std::fs::write(&file, csv).expect("the folder is writable");
    let mut command = rescuesim();
    command.args(["monitor", SAFETY, "--look", "1", "--analysis", "shift", "--patients"]);
    refused(command.arg(&file).args([
        "--set",
        r#"analyses=[{name="shift",method="proportional_odds",adjust_for=["nihss"]}]"#,
    ]))
}

#[test]
fn errors_in_a_file_of_patients_have_line_and_column() {
    for (from, to, line, message) in [
        ("control,2,", "Control,2,", 2, "`arm` is Control; allowed: control or experimental"),
        ("control,2,", "control,7,", 2, "`mrs` is 7; allowed: 0 to 6, or nothing"),
        ("experimental,6,6-15", "experimental,6,6–15", 5, "`nihss` is 6–15; allowed: 6-15, >=16"),
        ("experimental,6,6-15", "experimental,6,", 5, "`nihss` is empty; allowed: 6-15, >=16"),
        (
            "posterior,yes,no",
            "posterior,maybe,no",
            3,
            "`sICH` is maybe; allowed: yes, no or nothing",
        ),
        (
            "posterior,yes,no",
            "posterior,yes,yes",
            3,
            "`lost` is yes for a patient with an mRS; allowed: no",
        ),
        ("arm,mrs,nihss", "arm,mrs,NIHSS", 1, "the header has no column `nihss` (is it `NIHSS`?)"),
        ("arm,mrs", "group,mrs", 1, "the header has no column `arm`"),
    ] {
        assert!(ROWS.contains(from), "{from}");
        let error = patients_refused(&ROWS.replacen(from, to, 1));
        assert!(error.contains(message), "{error}");
        assert!(error.contains(&format!("patients.csv:{line}:")), "line {line}: {error}");
    }
    assert!(patients_refused(&ROWS.replace(',', ";")).contains("separated by semicolons"));
    assert!(
        patients_refused("arm,mrs,nihss,onset_to_puncture,occlusion_site\n")
            .contains("has no patients")
    );
    let listed = ROWS.replace("sICH", "events").replace("yes,no", "sich,no").replace("no,", ",");
    assert!(
        patients_refused(&listed).contains("`events` names sich (did you mean sICH?)"),
        "{}",
        patients_refused(&listed)
    );
}

fn look_of_patients(csv: &str, arguments: &[&str]) -> Value {
    let folder = directory();
    let file = folder.path().join("patients.csv");
    std::fs::write(&file, csv).expect("the folder is writable");
    let mut command = rescuesim();
    command.args(["monitor", "angel-reboot", "--look", "1", "--patients"]).arg(&file);
    json(command.args(arguments))
}

/// A patient lost after the cut-off was still followed then: the mRS is pending and not imputed.
#[test]
fn a_patient_lost_after_the_cut_off_is_pending_then() {
    let rows = "arm,mrs,lost,day,followed_until_day,outcome_day\n\
                control,0,no,1,91,91\n\
                control,5,no,2,92,92\n\
                experimental,0,no,3,93,93\n\
                experimental,1,no,4,94,94\n\
                experimental,,yes,5,80,\n\
                experimental,,yes,6,120,\n";
    let worst = r#"analyses=[{method="two_proportions",missing={rule="single_value",mrs=6}}]"#;
    for (day, estimate) in [("100", 2.0 / 3.0 - 0.5), ("119", 2.0 / 3.0 - 0.5), ("120", 0.0)] {
        let look = look_of_patients(rows, &["--cutoff-day", day, "--set", worst]);
        let found = number(&look["effects"]["estimate"]);
        assert!((found - estimate).abs() < 1e-12, "{day}: {found}");
    }
}

/// Per protocol, a column that says who adhered is enough; as treated, the treatment must be known.
#[test]
fn adherence_is_read_from_the_treatment_received_or_from_a_flag() {
    let rows = |last: &str| {
        format!(
            "arm,mrs,received,per_protocol\ncontrol,0,control,yes\ncontrol,5,control,yes\n\
             experimental,0,experimental,yes\nexperimental,1,experimental,yes\nexperimental,6,{last}\n"
        )
    };
    let without = |column: usize, text: &str| -> String {
        let lines = text.lines().map(|line| {
            let cells = line.split(',').enumerate().filter(|(i, _)| *i != column);
            cells.map(|(_, cell)| cell).collect::<Vec<_>>().join(",") + "\n"
        });
        lines.collect()
    };
    let set = |population: &str| {
        format!(r#"analyses=[{{method="two_proportions",population="{population}"}}]"#)
    };
    let crossover = "adherence.control_crossover={probability=0.1}";
    let estimate = |csv: &str, population: &str| {
        let set = set(population);
        let look = look_of_patients(csv, &["--set", &set, "--set", crossover]);
        number(&look["effects"]["estimate"])
    };
    let crossed = rows("control,no");
    assert_eq!(estimate(&crossed, "intention_to_treat"), 2.0 / 3.0 - 0.5);
    for csv in [&crossed, &without(2, &crossed), &without(3, &crossed)] {
        assert_eq!(estimate(csv, "per_protocol"), 0.5);
    }
    assert_eq!(estimate(&without(3, &crossed), "as_treated"), 1.0 - 1.0 / 3.0);
    for (csv, population, message) in [
        (without(2, &crossed), "as_treated", "the header has no column `received`"),
        (without(2, &without(3, &crossed)), "per_protocol", "the header has no column `received`"),
        (
            rows("control,yes"),
            "per_protocol",
            "`per_protocol` contradicts `received`, which is control",
        ),
        (rows("control,maybe"), "per_protocol", "`per_protocol` is maybe; allowed: yes or no"),
        (rows("both,no"), "per_protocol", "`received` is both; allowed: control or experimental"),
    ] {
        let folder = directory();
        let file = folder.path().join("patients.csv");
        std::fs::write(&file, csv).expect("the folder is writable");
        let mut command = rescuesim();
        command.args(["monitor", "angel-reboot", "--look", "1", "--patients"]).arg(&file);
        let error = refused(command.args(["--set", &set(population), "--set", crossover]));
        assert!(error.contains(message), "{error}");
    }
}

/// A file needs the columns of the factors that the analysis uses, and no others.
#[test]
fn factors_that_the_analysis_does_not_use_need_no_column() {
    let rows = "arm,mrs,nihss\ncontrol,0,6-15\ncontrol,5,>=16\nexperimental,0,6-15\n\
                experimental,3,>=16\ncontrol,4,6-15\nexperimental,2,>=16\n";
    let stratified = r#"analyses=[{method="cochran_mantel_haenszel",stratify_by=["nihss"]}]"#;
    let look = look_of_patients(rows, &["--set", stratified]);
    // Each stratum has an excess of 1/3 with a hypergeometric variance of 2/9.
    let expected = (2.0 / 3.0) / (4.0_f64 / 9.0).sqrt();
    assert!((number(&look["z"]) - expected).abs() < 1e-12, "{}", look["z"]);
}

/// Without days, an empty mRS is pending and a column of its own says in whom an event is known.
#[test]
fn patients_without_days_are_counted_as_the_columns_say() {
    let folder = directory();
    let file = folder.path().join("patients.csv");
    let rows: String = ROWS.lines().skip(1).map(|row| format!("{row}\n")).collect();
    let header = ROWS.lines().next().expect("a header");
    std::fs::write(&file, format!("{header}\n{}", rows.repeat(26)))
        .expect("the folder is writable");
    let mut command = rescuesim();
    command.args(["monitor", SAFETY, "--look", "1", "--patients"]).arg(&file);
    let look = json(&mut command);
    assert_eq!(look["randomised"].to_string(), "[52,52]");
    assert_eq!(look["counts"][0].to_string(), "[0,0,26,0,0,0,0]");
    assert_eq!(look["safety"][0]["counts"][1]["events"], 26);
    assert_eq!(look["safety"][0]["counts"][0]["patients"], 26);
    assert_eq!(look["safety"][2]["counts"][1]["patients"], 52);
}

/// The report on one of several analyses says that it alone does not decide.
#[test]
fn an_analysis_that_decides_with_others_says_so() {
    let rule = r#"success={rule="holm",analyses=["independence","shift"]}"#;
    let args = [
        "monitor",
        "angel-reboot",
        "--look",
        "2",
        "--control",
        "26/104",
        "--experimental",
        "44/105",
    ];
    let alone = output(rescuesim().args(args));
    assert!(!alone.contains("[success]"), "{alone}");
    let together = output(rescuesim().args(args).args(["--set", rule]));
    let words = together.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("this recommendation is not that of the trial"), "{together}");
    assert_eq!(json(rescuesim().args(args).args(["--set", rule]))["decides_alone"], false);
}
