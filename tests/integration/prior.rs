//! Trials whose effect is drawn from a prior.
//!
//! The exact values are sums over two binomials of 156 patients (pooled Z at 1.96), integrated over
//! the prior with SciPy. Seeds are fixed; with a fresh seed a comparison would fail by chance once in
//! 370 (3 standard errors).

use std::path::Path;

use rescuesim::evidence::{PoolingMethod, pool};
use rescuesim::rng::Replicate;
use rescuesim::scenario::published::PublishedEvidence;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::summary::{OperatingCharacteristics, PriorAnalysis};
use rescuesim::trial::Simulator;

use crate::util::{
    Results, angel_reboot, assert_within, directory, json, output, project, rescuesim, rows,
    simulate, simulate_file, too_wide,
};

const SCENARIO: &str = "scenarios/premat-assurance.toml";

/// Half the weight on Premat 2020, half on ANGEL-REBOOT.
const MIXTURE: &str = r#"prior.components=[{evidence={file="evidence/premat.toml",outcome="mRS 0-2 at 90 days"}},{log_odds_ratio={mean=-0.151,sd=0.190}}]"#;

const REPLICATES: u64 = 100_000;

fn independence(result: &OperatingCharacteristics) -> PriorAnalysis {
    result.prior.as_ref().expect("there is a prior").analyses[0].clone()
}

#[track_caller]
fn assert_assurance(set: &[&str], exact: f64) -> PriorAnalysis {
    let analysis = independence(&simulate_file(SCENARIO, set, REPLICATES));
    assert_within("assurance", analysis.assurance, exact, exact, 3.0);
    let formula = analysis.assurance_by_formula.expect("it exists");
    assert!((formula - exact).abs() < 0.001, "by formula {formula}, exactly {exact}");
    analysis
}

/// The prior of Premat et al. (2020), unrounded and rounded, with 25 % and with 20.7 % independence in
/// the control arm.
#[test]
fn assurance_is_the_exact_power_averaged_over_the_prior() {
    assert_assurance(&[], 0.9540124184668214);
    let rounded = "prior.components[0].log_odds_ratio={mean=1.054,sd=0.247}";
    assert_assurance(&[rounded], 0.9534487468932512);
    let control =
        "outcome.control=[3.718487,6.012433,10.969080,14.541114,24.971907,15.588017,24.198962]";
    assert_assurance(&[rounded, control], 0.9431113471047818);
}

/// By Hartung–Knapp the mean of Premat's four series is t on 3 degrees of freedom, with the standard
/// error of the other methods (its factor, √0.968, is raised to 1); the odds ratio in a new series is t
/// on 2, as τ² is 0. The exact powers averaged over these with SciPy.
#[test]
fn t_priors_are_averaged_over_their_tails() {
    let hartung_knapp = "prior.components[0].evidence.method=reml_hartung_knapp";
    assert_assurance(&[hartung_knapp], 0.9193199411950445);
    let new_study = "prior.components[0].evidence.distribution=new_study";
    assert_assurance(&[new_study], 0.9005444583724833);
    let prior = simulate_file(SCENARIO, &[new_study], 10).prior.expect("it exists");
    assert!((prior.probability_benefit - 0.9747260784960018).abs() < 1e-12);
    let component = prior.components[0];
    assert_eq!(component.degrees_of_freedom, Some(2.0));
    assert!((component.sd - 0.24681637107057677).abs() < 1e-12, "{component:?}");
}

/// The prior that `check` prints in place of the evidence has the same distribution.
#[test]
fn check_prints_the_degrees_of_freedom_of_the_evidence() {
    let set = "prior.components[0].evidence.method=reml_hartung_knapp";
    let checked = output(rescuesim().args(["check", SCENARIO, "--set", set]));
    assert!(checked.contains("degrees_of_freedom = 3"), "{checked}");
    let directory = directory();
    let path = directory.path().join("checked.toml");
    std::fs::write(&path, &checked).expect("the folder is writable");
    assert_eq!(output(rescuesim().arg("check").arg(&path)), checked);
}

/// Deaths in Premat's series: odds ratio 0.385, 95 % confidence interval 0.159 to 0.935 (RevMan's random
/// effects): fewer deaths are a benefit.
#[test]
fn the_odds_ratio_of_an_unwanted_event_is_inverted() {
    let directory = directory();
    let header = "study,events_experimental,n_experimental,events_control,n_control";
    let rows =
        ["Baracchini,1,23,9,23", "Chang,6,48,19,100", "Cornelissen,0,12,5,14", "Peng,21,66,29,66"];
    let write = |name: &str, header: &str, ending: &str| {
        let lines = rows.map(|row| format!("{row}{ending}\n")).concat();
        let path = directory.path().join(name);
        std::fs::write(&path, format!("{header}\n{lines}")).expect("the folder is writable");
        path
    };
    let plain = write("plain.csv", header, "");
    let marked = write("marked.csv", &format!("{header},wanted"), ",FALSE");
    let load = |path: &std::path::Path, event: &str| {
        let set = format!("prior.components[0].evidence={{file={path:?}{event}}}");
        Scenario::load(&project(SCENARIO), &[set])
    };
    for path in [&plain, &marked] {
        let prior =
            load(path, ",event=\"unwanted\"").expect("a valid scenario").prior.expect("it exists");
        let component = prior.components()[0];
        let odds_ratio = libm::exp(component.mean);
        assert!((odds_ratio - 1.0 / 0.385).abs() < 0.005, "{component:?}");
        assert!(prior.probability_benefit() > 0.97, "{component:?}");
    }
    let refused =
        |path, event| load(path, event).expect_err("the direction is unknown").to_string();
    let unknown = refused(&plain, "");
    assert!(unknown.contains("evidence.event` is missing, and"), "{unknown}");
    assert!(unknown.contains("has no column `wanted`"), "{unknown}");
    let unwanted = refused(&marked, "");
    assert!(unwanted.contains("says is unwanted"), "{unwanted}");
    let contradicted = refused(&marked, ",event=\"wanted\"");
    assert!(contradicted.contains("contradicts"), "{contradicted}");
}

#[test]
fn sceptical_and_mixed_priors_give_the_probability_of_benefit_after_a_rejection() {
    let sceptical = "prior.components[0].log_odds_ratio={mean=0,sd=0.24681637107057675}";
    let doubt = assert_assurance(&[sceptical], 0.0814377979254163);
    let given = doubt.probability_benefit_given_rejection;
    assert_within("benefit if it rejects", given, 0.9545622483809404, 0.9545622483809404, 3.0);
    let given = doubt.probability_benefit_given_no_rejection;
    assert_within("benefit if not", given, 0.45969946461484795, 0.45969946461484795, 3.0);

    let mixed = assert_assurance(&[MIXTURE], 0.487348456511393);
    let given = mixed.probability_benefit_given_rejection;
    assert_within("benefit if it rejects", given, 0.9952047439461427, 0.9952047439461427, 3.0);
    let given = mixed.probability_benefit_given_no_rejection;
    assert_within("benefit if not", given, 0.23734528399285434, 0.23734528399285434, 3.0);
    let prior = simulate_file(SCENARIO, &[MIXTURE], 10).prior.expect("it exists");
    assert!((prior.probability_benefit - 0.6066869220536473).abs() < 1e-12);
}

/// Estimates are multiples of 1/156, so their quantiles are certain except for one seed in 300.
#[test]
fn the_predictive_distribution_is_that_of_binomials_mixed_over_the_prior() {
    let result = simulate_file(SCENARIO, &[], REPLICATES);
    let predictive = independence(&result).predictive;
    assert_within("mean", predictive.mean, 0.23944042121463144, 0.23944042121463144, 3.0);
    assert_within("sd", predictive.sd, 0.08045535755074074, 0.08045535755074074, 3.0);
    let quantiles =
        [predictive.p2_5, predictive.p25, predictive.p50, predictive.p75, predictive.p97_5];
    for (quantile, patients) in quantiles.into_iter().zip([13.0, 29.0, 37.0, 46.0, 62.0]) {
        assert!((quantile.value - patients / 156.0).abs() < 1.3e-4, "{}", quantile.value);
    }
    // The difference of two shares has no bias for the effect drawn for each trial.
    let estimate = &result.first_analysis(Truth::Prior).estimate;
    assert_eq!(estimate.truth, None);
    assert_within("bias", estimate.overall.bias, 0.0, 0.0, 3.0);
    assert_within("coverage", estimate.overall.coverage, 0.945, 0.952, 3.0);
}

/// Utilities have any unit, and the percentiles of their differences are in it.
#[test]
fn percentiles_of_mean_utilities_scale_with_the_utilities() {
    let median = |utilities: &str| {
        let analysis = format!(
            r#"analyses=[{{name="independence",method="utility_weighted",utilities=[{utilities}]}}]"#
        );
        let predictive = independence(&simulate_file(SCENARIO, &[&analysis], 400)).predictive;
        let [low, middle, high] =
            [predictive.p25, predictive.p50, predictive.p75].map(|quantile| quantile.value);
        assert!(low < middle && middle < high, "{predictive:?}");
        assert!((middle - predictive.mean.value).abs() < predictive.sd.value, "{predictive:?}");
        middle
    };
    let whole = median("100,91,76,65,33,0,0");
    let small = median("0.001,0.00091,0.00076,0.00065,0.00033,0,0");
    assert!(whole > 8.0, "{whole}");
    // The grid has 32768 steps of the range.
    assert!((small * 1e5 - whole).abs() < 100.0 / 32768.0, "{small} {whole}");
}

/// ANGEL-REBOOT with prognostic factors, an odds ratio of 2 and a prior on a single value.
fn with_point_mass(mean: f64) -> Scenario {
    let set = [
        "factors[0].log_odds=[0,-1.0]".to_owned(),
        "outcome.experimental.common_odds_ratio=2".to_owned(),
        format!("prior={{components=[{{log_odds_ratio={{mean={mean},sd=0}}}}]}}"),
    ];
    Scenario::parse(&angel_reboot(), &set).expect("a valid scenario")
}

#[test]
fn a_prior_with_a_single_value_gives_the_trials_of_that_value() {
    for (mean, truth) in [(libm::log(2.0), Truth::Alternative), (0.0, Truth::Null)] {
        let scenario = with_point_mass(mean);
        let mut simulator = Simulator::new(&scenario);
        for r in 0..500 {
            let trials = &simulator.run(Replicate(r)).trials;
            let of = |truth| trials.iter().filter(move |trial| trial.truth == truth);
            assert_eq!(of(Truth::Prior).count(), 2);
            for (drawn, fixed) in of(Truth::Prior).zip(of(truth)) {
                assert_eq!(drawn.drawn.map(|effect| effect.log_odds_ratio), Some(mean));
                assert_eq!(fixed.drawn, None);
                assert_eq!((drawn.look, drawn.conclusion), (fixed.look, fixed.conclusion));
                assert_eq!((drawn.test, drawn.reversed), (fixed.test, fixed.reversed));
            }
        }
    }
}

/// Compares the trials under the other truths with and without a prior.
#[test]
fn a_prior_leaves_the_other_truths_unchanged() {
    let prior = "prior={components=[{log_odds_ratio={mean=0.5,sd=0.3}}]}";
    let [without, with] = [&[][..], &[prior]].map(|set: &[&str]| simulate(set, 500).truths);
    assert_eq!((without.len(), with.len()), (2, 3));
    // As text, because missing quantities are not equal to themselves as numbers.
    assert_eq!(format!("{without:?}"), format!("{:?}", &with[..2]));
}

/// `check` prints the numbers of the evidence, so that its output runs without the file.
#[test]
fn check_prints_the_numbers_of_the_evidence() {
    let directory = directory();
    let checked = output(rescuesim().args(["check", SCENARIO]));
    for text in [
        "2.87 [1.77, 4.66]",
        "assurance",
        "0.9536",
        "mean = 1.055733837",
        r#"source = 'evidence/premat.toml, "mRS 0-2 at 90 days", revman_random'"#,
    ] {
        assert!(checked.contains(text), "{text:?} in\n{checked}");
    }
    let path = directory.path().join("checked.toml");
    std::fs::write(&path, &checked).expect("the folder is writable");
    let [original, printed] = [Path::new(SCENARIO), &path]
        .map(|path| json(rescuesim().arg("run").arg(path).args(["--replicates", "300"])));
    let digests = [&original, &printed].map(|summary| &summary["provenance"]["scenario_digest"]);
    assert_eq!(digests[0], digests[1]);
    assert_eq!(original["prior"], printed["prior"]);
    assert_eq!(output(rescuesim().arg("check").arg(&path)), checked);
}

#[test]
fn the_table_and_the_json_show_assurance_and_predictive_distribution() {
    let run = ["run", SCENARIO, "--replicates", "2000", "--set", MIXTURE, "--full"];
    let table = output(rescuesim().args(run));
    for text in [
        "Averaged over the prior",
        "0.86 [0.59, 1.25]",
        "before the trial its probability is",
        "predicted estimate",
    ] {
        assert!(table.contains(text), "{text:?} in\n{table}");
    }
    assert_eq!(too_wide(&table), Vec::<&str>::new());

    let summary = json(rescuesim().args(run));
    assert_eq!(summary["truths"][2]["truth"], "prior");
    let prior = &summary["prior"];
    assert_eq!(
        prior["components"][1],
        serde_json::json!({"weight": 0.5, "mean": -0.151, "sd": 0.19})
    );
    for analysis in prior["analyses"].as_array().expect("analyses") {
        for field in [
            "assurance",
            "probability_benefit_given_rejection",
            "probability_benefit_given_no_rejection",
        ] {
            assert!(analysis[field]["value"].is_number(), "{field}");
        }
        for field in ["mean", "sd", "p2_5", "p25", "p50", "p75", "p97_5"] {
            assert!(analysis["predictive"][field]["value"].is_number(), "{field}");
        }
        assert!(analysis["assurance_by_formula"].is_number());
    }
}

#[test]
fn rows_contain_the_drawn_effect() {
    let directory = directory();
    let mut command = rescuesim();
    command.args(["run", SCENARIO, "--replicates", "100", "--quiet", "--trials", "csv", "--out"]);
    output(command.arg(directory.path()));
    let trials = std::fs::read_to_string(directory.path().join("trials.csv"));
    let mut effects = Vec::new();
    for row in rows(&trials.expect("the program wrote it")) {
        match row["truth"].as_str() {
            "prior" => effects.push(row["log_odds_ratio"].parse::<f64>().expect("a number")),
            _ => assert_eq!(row["log_odds_ratio"], ""),
        }
    }
    assert_eq!(effects.len(), 200);
    // Two analyses of one trial share its effect; trials have different effects.
    assert!(effects.chunks(2).all(|pair| pair[0] == pair[1]));
    effects.dedup();
    assert_eq!(effects.len(), 100);
}

/// Overrides replace `evidence` by `log_odds_ratio` and back, and files are found.
#[test]
fn evidence_is_pooled_by_the_requested_method() {
    let components = |set: &str| {
        let scenario =
            Scenario::load(&project(SCENARIO), &[set.to_owned()]).expect("a valid scenario");
        scenario.prior.expect("it has a prior").components().to_vec()
    };
    let peto = components("prior.components[0].evidence.method=peto")[0];
    let evidence = PublishedEvidence::load(&project("scenarios/evidence/premat.toml"))
        .expect("the file is shipped");
    let pooled = pool(&evidence.outcomes[0].studies, PoolingMethod::Peto).expect("four studies");
    assert_eq!((peto.mean, peto.sd), (pooled.log_odds_ratio, pooled.standard_error));
    let directory = directory();
    let path = directory.path().join("independence.csv");
    let rows = "study,events_experimental,n_experimental,events_control,n_control\n\
                Baracchini 2017,13,23,4,23\nChang 2018,19,48,22,100\n\
                Cornelissen 2018,8,12,3,14\nPeng 2019,24,66,13,66\n";
    std::fs::write(&path, rows).expect("the folder is writable");
    let only =
        format!("prior.components[0].evidence={{file={path:?},method=\"peto\",event=\"wanted\"}}");
    assert_eq!(components(&only)[0], peto);
    let replaced = components("prior.components[0].log_odds_ratio={mean=0,sd=0.247}")[0];
    assert_eq!((replaced.weight, replaced.mean, replaced.sd), (1.0, 0.0, 0.247));
    let mixed = components(MIXTURE);
    assert_eq!((mixed[0].weight, mixed[1].weight), (0.5, 0.5));
}
