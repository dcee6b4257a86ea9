//! Effects that differ between two levels compared with maximum likelihood and simulation in Python
//! (tests/reference/README.md).

use std::collections::BTreeMap;

use rescuesim::analysis::Counts;
use rescuesim::analysis::proportional_odds::adjusted::{
    Covariates, FitScratch, FullFit, Levels, Model, Terms,
};
use rescuesim::analysis::proportional_odds::unadjusted;
use rescuesim::expected::Expected;
use rescuesim::num::normal::upper_tail;
use rescuesim::outcome::OutcomeModel;
use rescuesim::randomisation::Arm;
use rescuesim::rng::{Purpose, Replicate, Seed, Streams, uniform};
use rescuesim::scenario::{Scenario, Truth};

use crate::util::shipped_text;

const ARMS: [Arm; 2] = [Arm::Control, Arm::Experimental];

const Z975: f64 = 1.959_963_984_540_054;

/// A design with its inputs and results.
#[derive(Debug, Default)]
struct Reference {
    inputs: BTreeMap<String, Vec<f64>>,
    rows: Vec<Row>,
}

/// A row of results.
#[derive(Debug)]
struct Row {
    quantity: String,
    values: Vec<f64>,
    se: Option<f64>,
    source: String,
}

/// Designs whose names begin with a prefix.
fn references(prefix: &str) -> BTreeMap<String, Reference> {
    let text = shipped_text("tests/reference/enrichment.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut found: BTreeMap<String, Reference> = BTreeMap::new();
    for record in reader.records() {
        let record = record.expect("a well-formed reference");
        if record[0].trim_end_matches(|c: char| c.is_ascii_digit()) != prefix {
            continue;
        }
        let values = record[2].split(' ').map(|it| it.parse().expect("a number")).collect();
        let reference = found.entry(record[0].to_owned()).or_default();
        if &record[4] == "input" {
            reference.inputs.insert(record[1].to_owned(), values);
            continue;
        }
        let quantity = record[1].to_owned();
        let (se, source) = (record[3].parse().ok(), record[4].to_owned());
        reference.rows.push(Row { quantity, values, se, source });
    }
    found
}

/// Two groups of patients, the levels of one factor.
fn by_level(interaction: bool) -> Model {
    let rows = [vec![0.0], vec![1.0]];
    let covariates = if interaction {
        Covariates::with_interactions(&rows, &rows)
    } else {
        Covariates::new(&rows)
    };
    Model { levels: Levels::ALL, covariates }
}

/// Estimates of treatment in level 1, level 2, and their interaction if it is fitted, with their errors.
fn coefficients(model: &Model, data: &[Counts], terms: Terms) -> [Vec<f64>; 2] {
    let full: FullFit = model.full_fit(data, terms, &mut FitScratch::default());
    let rest = full.main.iter().chain(&full.interactions).map(|it| it.expect("no column drops"));
    let mut both = [vec![full.fit.log_odds_ratio], vec![full.fit.standard_error]];
    for coefficient in rest {
        both[0].push(coefficient.value);
        both[1].push(coefficient.standard_error);
    }
    both
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < tolerance, "{what}: {found} and not {expected}");
    }
}

/// Estimates, errors and tests of both fixed tables; `clm` agrees with the reference to 1e-13.
#[test]
fn fits_of_two_levels_are_those_of_the_reference() {
    let references = references("EMD-");
    assert_eq!(references.len(), 2);
    for (name, reference) in references {
        let arm = |key: &str| -> [f64; 7] {
            reference.inputs[key].clone().try_into().expect("seven counts")
        };
        let data = [
            [arm("control level 1"), arm("experimental level 1")],
            [arm("control level 2"), arm("experimental level 2")],
        ];
        let [estimates, errors] = coefficients(&by_level(true), &data, Terms::Interactions);
        let [adjusted, adjusted_errors] = coefficients(&by_level(false), &data, Terms::Main);
        let test = by_level(true).interaction(&data, &mut FitScratch::default());
        let separate = data.each_ref().map(unadjusted::fit);
        let difference = separate[1].log_odds_ratio - separate[0].log_odds_ratio;
        let error = libm::hypot(separate[0].standard_error, separate[1].standard_error);
        let mut all = data[0];
        for (sum, count) in all.iter_mut().flatten().zip(data[1].iter().flatten()) {
            *sum += count;
        }
        for row in reference.rows {
            let found = match row.quantity.as_str() {
                "interaction model estimates" => estimates.clone(),
                "interaction model se" => errors.clone(),
                "interaction wald z" => vec![test.wald.sqrt().copysign(estimates[2])],
                "interaction likelihood ratio" => vec![test.likelihood_ratio],
                "adjusted model estimates" => adjusted.clone(),
                "adjusted model se" => adjusted_errors.clone(),
                "separate fits estimates" => separate.iter().map(|it| it.log_odds_ratio).collect(),
                "separate fits se" => separate.iter().map(|it| it.standard_error).collect(),
                "separate fits z of difference" => vec![difference / error],
                "unadjusted score z" => vec![unadjusted::score_z(&all).expect("it has one")],
                other => panic!("an unknown quantity {other}"),
            };
            assert_close(&found, &row.values, 1e-8, &format!("{name} {}", row.quantity));
        }
    }
}

/// A scenario with the reference's control arm over both levels, and its odds ratios within them.
fn scenario(reference: &Reference, patients: u32) -> Scenario {
    let marginal = reference.rows.iter().find(|row| row.quantity == "marginal control");
    let (shares, ors) = (&reference.inputs["shares"], &reference.inputs["ors"]);
    let text = format!(
        r#"
title = "two levels"
question = "Does the effect differ?"
sample_size = {{ randomised = {patients} }}
accrual = {{ per_month = 20 }}
follow_up = {{ days = 90 }}
arms = {{ control = "control", experimental = "experimental" }}
randomisation = {{ method = "permuted_blocks", block_sizes = [2] }}
design = {{ alpha_one_sided = 0.025, looks = {{ equally_spaced = 1 }}, efficacy = {{ rule = "none" }} }}
run = {{ replicates = 100, seed = 1 }}
description = {{ proportional_odds = false, subgroups = ["level"] }}
analyses = [
  {{ name = "shift", method = "proportional_odds", test = "score" }},
  {{ name = "adjusted", method = "proportional_odds", adjust_for = ["level"] }},
]

[[factors]]
name = "level"
levels = ["1", "2"]
shares = {shares:?}
log_odds = [0.0, {prognosis:?}]
effect_log_odds = [0.0, {effect:?}]

[outcome]
control = {control:?}
experimental = {{ conditional_common_odds_ratio = {odds_ratio:?} }}
rescale = true
"#,
        prognosis = reference.inputs["prognosis"][0],
        effect = libm::log(ors[1] / ors[0]),
        control = marginal.expect("it is given").values,
        odds_ratio = ors[0],
    );
    Scenario::parse(&text, &[]).expect("a valid scenario")
}

fn odds(p: f64) -> f64 {
    p / (1.0 - p)
}

/// Marginal distributions, limits of the fits, and powers of 600 and 312 patients.
#[test]
fn effects_that_differ_have_the_distributions_and_limits_of_the_reference() {
    let references = references("EM-");
    assert_eq!(references.len(), 3);
    for (name, reference) in references {
        let scenario = scenario(&reference, 312);
        let expected = Expected::new(&scenario);
        let [control, experimental] = *scenario.marginal(Truth::Alternative).expect("it is stated");
        let estimands: Vec<f64> = scenario
            .analyses
            .iter()
            .map(|it| expected.estimand(Truth::Alternative, it).expect("it has one"))
            .collect();
        let levels = expected.outcomes_by_level(Truth::Alternative);
        let share = &reference.inputs["shares"];
        let model = OutcomeModel::new([control, experimental], &scenario.population);
        let large = [0, 1]
            .map(|k| ARMS.map(|arm| model.in_stratum(arm, k, 0.0).map(|p| 1e9 * share[k] * p)));
        for row in &reference.rows {
            let what = format!("{name} {}", row.quantity);
            let cut = row
                .quantity
                .trim_end_matches(')')
                .rsplit('-')
                .next()
                .and_then(|cut| cut.parse::<usize>().ok());
            let at_most = cut.map(|cut| [control, experimental].map(|arm| arm.cumulative()[cut]));
            let found = match row.quantity.as_str() {
                "marginal control" => control.probabilities().map(|p| 100.0 * p).to_vec(),
                "marginal experimental" => experimental.probabilities().map(|p| 100.0 * p).to_vec(),
                "marginal log common odds ratio" => vec![estimands[0]],
                "limit interaction model" => {
                    coefficients(&by_level(true), &large, Terms::Interactions)[0].clone()
                }
                "limit adjusted model" => {
                    let found = coefficients(&by_level(false), &large, Terms::Main)[0].clone();
                    assert!((found[0] - estimands[1]).abs() < 1e-7, "{what}");
                    found
                }
                quantity if quantity.starts_with("marginal P") => {
                    at_most.expect("it names a cut").to_vec()
                }
                quantity if quantity.starts_with("marginal odds ratio") => {
                    let [c, e] = at_most.expect("it names a cut");
                    vec![odds(e) / odds(c)]
                }
                quantity => {
                    assert!(quantity.starts_with("N="), "an unknown quantity {quantity}");
                    continue;
                }
            };
            assert_close(&found, &row.values, 2e-8, &what);
        }
        // Each level has the odds ratio that the reference gives it; EM-2 has the same in both.
        assert_eq!(levels.len(), if name == "EM-2" { 0 } else { 2 });
        for (level, odds_ratio) in levels.iter().zip(&reference.inputs["ors"]) {
            let found = level.common_odds_ratio.expect("it is finite");
            assert!((found - odds_ratio).abs() < 1e-7, "{name}: {found} and not {odds_ratio}");
        }
    }
}

/// What the trials of one size gave.
#[derive(Debug, Default)]
struct Trials {
    trials: f64,
    rejections: BTreeMap<&'static str, f64>,
    means: [f64; 3],
}

fn simulate(model: &OutcomeModel, scenario: &Scenario, patients: u32, trials: u64) -> Trials {
    let streams = Streams::new(Seed(24));
    let (with, without) = (by_level(true), by_level(false));
    let mut scratch = FitScratch::default();
    let mut found = Trials { trials: trials as f64, ..Trials::default() };
    for replicate in (0..trials).map(Replicate) {
        let mut strata = streams.stream(replicate, Purpose::Baseline);
        let mut outcomes = streams.stream(replicate, Purpose::Outcome);
        let mut data: [Counts; 2] = Default::default();
        let mut all: Counts = Default::default();
        for patient in 0..patients {
            let stratum = scenario.population.draw(&mut strata) as usize;
            let arm = if patient % 2 == 0 { Arm::Control } else { Arm::Experimental };
            let mrs = model.draw(arm, stratum, uniform(&mut outcomes)).index();
            data[stratum][arm.index()][mrs] += 1.0;
            all[arm.index()][mrs] += 1.0;
        }
        let full = with.full_fit(&data, Terms::Interactions, &mut scratch);
        let estimates = [
            full.fit.log_odds_ratio,
            full.main[0].expect("two levels").value,
            full.interactions[0].expect("two levels").value,
        ];
        found.means.iter_mut().zip(estimates).for_each(|(sum, it)| *sum += it / trials as f64);
        let separate = data.each_ref().map(unadjusted::fit);
        let difference = separate[1].log_odds_ratio - separate[0].log_odds_ratio;
        let error = libm::hypot(separate[0].standard_error, separate[1].standard_error);
        let rejected = [
            ("shift score unadjusted", unadjusted::score_z(&all).is_some_and(|z| z >= Z975)),
            ("shift wald adjusted for level", without.fit(&data, &mut scratch).z() >= Z975),
            (
                "interaction wald two-sided",
                with.interaction(&data, &mut scratch).wald.sqrt() >= Z975,
            ),
            ("interaction separate fits two-sided", (difference / error).abs() >= Z975),
            ("level 1 wald", separate[0].z() >= Z975),
            ("level 2 wald", separate[1].z() >= Z975),
        ];
        for (test, rejects) in rejected {
            *found.rejections.entry(test).or_default() += f64::from(u8::from(rejects));
        }
    }
    found
}

/// Simulated powers within four standard errors of the difference; the formulas of the reference to 1e-6.
#[test]
fn effects_that_differ_have_the_powers_of_the_reference() {
    let trials = 4000;
    for (name, reference) in references("EM-") {
        for patients in [312, 600] {
            let scenario = scenario(&reference, patients);
            let [control, experimental] =
                *scenario.marginal(Truth::Alternative).expect("it is stated");
            let model = OutcomeModel::new([control, experimental], &scenario.population);
            let found = simulate(&model, &scenario, patients, trials);
            let expected = Expected::new(&scenario);
            let share = &reference.inputs["shares"];
            let prefix = format!("N={patients} ");
            let mut compared = 0;
            for row in &reference.rows {
                let Some(test) = row.quantity.strip_prefix(&prefix) else { continue };
                let what = format!("{name} {} {}", row.quantity, row.source);
                compared += 1;
                match (row.source.as_str(), test) {
                    ("simulation", "mean interaction model") => {
                        // The errors of these means are below 0.4/√4000.
                        assert_close(&found.means, &row.values, 0.026, &what);
                    }
                    ("simulation", test) => {
                        let power = found.rejections[test] / found.trials;
                        let mcse = (row.values[0] * (1.0 - row.values[0]) / found.trials).sqrt();
                        let error = libm::hypot(mcse, row.se.expect("it is simulated"));
                        let away = (power - row.values[0]).abs() / error;
                        assert!(away < 4.0, "{what}: {power} and not {}", row.values[0]);
                    }
                    ("formula", "shift score unadjusted") => {
                        let shift = &scenario.analyses[0];
                        let power = expected.normal_approximation(Truth::Alternative, shift);
                        let power = power.expect("it has a formula").rejection();
                        assert_close(&[power], &row.values, 1e-6, &what);
                    }
                    ("formula", "interaction separate fits two-sided") => {
                        let patients = f64::from(patients);
                        let fits = share.iter().enumerate().map(|(level, share)| {
                            let size = patients / 2.0 * share;
                            unadjusted::fit(
                                &ARMS
                                    .map(|arm| model.in_stratum(arm, level, 0.0).map(|p| size * p)),
                            )
                        });
                        let fits: Vec<_> = fits.collect();
                        let difference = fits[1].log_odds_ratio - fits[0].log_odds_ratio;
                        let z = difference
                            / libm::hypot(fits[0].standard_error, fits[1].standard_error);
                        let power = upper_tail(Z975 - z) + upper_tail(Z975 + z);
                        assert_close(&[power], &row.values, 1e-6, &what);
                    }
                    other => panic!("an unknown row {other:?}"),
                }
            }
            assert_eq!(compared, 9, "{name} {prefix}");
            // The likelihood-ratio test of `run` has the power of Wald's test but for small samples.
            let description = scenario.description.as_ref().expect("it tests the interaction");
            let formula = expected.interaction_power(Truth::Alternative, description)[0];
            let formula = formula.expect("it has a formula");
            let wald = found.rejections["interaction wald two-sided"] / found.trials;
            let mcse = (wald * (1.0 - wald) / found.trials).sqrt();
            assert!((formula - wald).abs() < 4.0 * mcse, "{name} {patients}: {formula} {wald}");
        }
    }
}
