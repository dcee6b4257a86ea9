//! Modified Poisson regression compared with R and statsmodels (tests/reference/README.md), and the laws it
//! must obey.

use proptest::prelude::*;
use rescuesim::analysis::modified_poisson::log_risk_ratio;
use rescuesim::analysis::two_proportions::{ProportionEffect, arms};
use rescuesim::analysis::utilities::regression::CovariateRows;
use rescuesim::analysis::{Counts, FitStatus, TestResult};
use rescuesim::outcome::{LEVELS, Mrs};

use crate::util::ordinal_data;

/// Rows of the first binary covariates, for each of the eight strata.
fn covariates(columns: usize) -> CovariateRows {
    let row = |stratum: usize| (0..columns).map(move |k| f64::from((stratum >> k & 1) as u8));
    let rows: Vec<Vec<f64>> = (0..8).map(|stratum| row(stratum).collect()).collect();
    CovariateRows::new(&rows).expect("finite and few")
}

fn cut(score: u8) -> Mrs {
    Mrs::new(score).expect("0 to 5")
}

/// The values of a quantity of the reference; empty for one that this program does not have.
fn values(quantity: &str, fit: &TestResult, patients: f64, columns: f64) -> Vec<f64> {
    match quantity {
        "log rr" => vec![fit.estimate],
        "rr" => vec![libm::exp(fit.estimate)],
        "se robust HC0" => vec![fit.standard_error],
        "se robust HC1" => vec![fit.standard_error * (patients / (patients - columns)).sqrt()],
        "z robust HC0" => vec![fit.z],
        "rr 95% CI" => vec![libm::exp(fit.interval.0), libm::exp(fit.interval.1)],
        _ => Vec::new(),
    }
}

#[test]
fn risk_ratios_agree_with_the_reference() {
    let text = include_str!("../reference/rate_ratio.csv");
    let data = ordinal_data();
    let models = [("unadjusted", covariates(0), 2.0), ("adjusted", covariates(3), 5.0)];
    let mut compared = 0;
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        let strata = &data[&record[0]];
        let (levels, quantity) = record[1].split_once(' ').expect("a cut and a quantity");
        let cut = cut(levels[2..].parse().expect("the cut"));
        let value = |text: &str| text.parse::<f64>().expect("a number");
        let expected = record[2].split(' ').filter(|text| *text != "none").map(value);
        if quantity == "counts" {
            let mut events = [[0.0; 2]; 2];
            for arms in strata.iter().map(|counts| arms(counts, cut)) {
                for (sum, arm) in events.iter_mut().zip(arms) {
                    sum[0] += arm.events;
                    sum[1] += arm.patients;
                }
            }
            assert!(expected.eq(events.concat()), "{record:?}");
            compared += 1;
            continue;
        }
        let (model, quantity) = quantity.split_once(' ').expect("a model and a quantity");
        let (_, covariates, columns) =
            models.iter().find(|(name, ..)| *name == model).expect("a known model");
        let fit = log_risk_ratio(covariates, strata, cut);
        assert_eq!(fit.status, FitStatus::Converged, "{record:?}");
        let patients = strata.iter().flatten().flatten().sum();
        let ours = values(quantity, &fit, patients, *columns);
        if ours.is_empty() {
            continue;
        }
        // The sandwich package takes the fit of glm, which stops early.
        let tolerance = if &record[5] == "sandwich package" { 1e-7 } else { 1e-10 };
        for (ours, reference) in ours.iter().zip(expected) {
            let close = (ours - reference).abs() <= tolerance * (1.0 + reference.abs());
            assert!(close, "{record:?}: {ours}");
        }
        compared += 1;
    }
    assert_eq!(compared, 573);
}

fn strata(below: u32) -> impl Strategy<Value = [Counts; 8]> {
    let counts = prop::array::uniform2(prop::array::uniform7(0..below))
        .prop_map(|counts| counts.map(|arm| arm.map(f64::from)));
    prop::array::uniform8(counts)
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + a.abs())
}

proptest! {
    #[test]
    fn swapping_the_arms_flips_the_sign(strata in strata(3), at in 0u8..6) {
        let swapped = strata.map(|[control, experimental]| [experimental, control]);
        let (a, b) = (
            log_risk_ratio(&covariates(3), &strata, cut(at)),
            log_risk_ratio(&covariates(3), &swapped, cut(at)),
        );
        prop_assert_eq!(a.status, b.status);
        prop_assert!(close(a.estimate, -b.estimate, 1e-7), "{} {}", a.estimate, b.estimate);
        prop_assert!(close(a.z, -b.z, 1e-7), "{} {}", a.z, b.z);
    }

    /// Without covariates the robust variance is that of Katz et al.
    #[test]
    fn without_covariates_it_is_the_ratio_of_two_proportions(strata in strata(4), at in 0u8..6) {
        let fit = log_risk_ratio(&covariates(0), &strata, cut(at));
        let mut all = [[0.0; LEVELS]; 2];
        for counts in &strata {
            for (sum, count) in all.iter_mut().flatten().zip(counts.iter().flatten()) {
                *sum += count;
            }
        }
        let katz = ProportionEffect::LogRiskRatio.estimate(&arms(&all, cut(at)));
        prop_assert_eq!(fit.status, katz.status);
        if fit.status == FitStatus::Converged {
            prop_assert!(close(fit.estimate, katz.estimate, 1e-12));
            prop_assert!(close(fit.standard_error, katz.standard_error, 1e-12));
        } else if fit.status == FitStatus::Separated {
            prop_assert_eq!(fit.estimate, katz.estimate);
        }
    }

    /// Patients in strata without any success have no influence once their stratum has a covariate.
    #[test]
    fn strata_without_success_do_not_matter(strata in strata(3), failures in 1u32..30) {
        let rows: Vec<Vec<f64>> =
            (0..3).map(|s| vec![f64::from(u8::from(s == 1)), f64::from(u8::from(s == 2))]).collect();
        let covariates = CovariateRows::new(&rows).expect("finite and few");
        let mut with = [strata[0], strata[1], [[0.0; LEVELS]; 2]];
        let without = log_risk_ratio(&covariates, &with, cut(2));
        with[2] = [[0.0, 0.0, 0.0, f64::from(failures), 0.0, 0.0, 1.0]; 2];
        let padded = log_risk_ratio(&covariates, &with, cut(2));
        if without.status == FitStatus::Converged {
            prop_assert_eq!(padded.status, FitStatus::Converged);
            prop_assert!(close(without.estimate, padded.estimate, 1e-9));
            prop_assert!(close(without.standard_error, padded.standard_error, 1e-9));
        }
    }
}

fn table(control: [f64; 2], experimental: [f64; 2]) -> Counts {
    [control, experimental]
        .map(|[successes, failures]| [successes, 0.0, 0.0, failures, 0.0, 0.0, 0.0])
}

#[test]
fn data_without_an_estimate_have_the_status_that_says_why() {
    use FitStatus::{Converged, NoInformation, Separated};
    let rows = CovariateRows::new(&[[0.0], [1.0]]).expect("finite and few");
    let cases = [
        ([table([0.0, 0.0], [0.0, 0.0]); 2], NoInformation, f64::NAN),
        ([table([3.0, 0.0], [2.0, 0.0]); 2], NoInformation, f64::NAN),
        ([table([0.0, 3.0], [0.0, 4.0]); 2], NoInformation, f64::NAN),
        // The covariate is the arm.
        ([table([3.0, 2.0], [0.0, 0.0]), table([0.0, 0.0], [2.0, 3.0])], NoInformation, f64::NAN),
        // Each outcome is determined by the covariate.
        ([table([3.0, 0.0], [2.0, 0.0]), table([0.0, 2.0], [0.0, 3.0])], NoInformation, f64::NAN),
        ([table([0.0, 3.0], [2.0, 3.0]), table([0.0, 2.0], [1.0, 3.0])], Separated, f64::INFINITY),
        ([table([2.0, 3.0], [0.0, 3.0]), table([1.0, 2.0], [0.0, 3.0])], Separated, -f64::INFINITY),
        // The arms can be compared in the first stratum alone, where control patients have no success.
        ([table([0.0, 3.0], [2.0, 3.0]), table([2.0, 2.0], [0.0, 0.0])], Separated, f64::INFINITY),
        ([table([1.0, 3.0], [2.0, 3.0]), table([0.0, 2.0], [0.0, 4.0])], Converged, libm::log(1.6)),
    ];
    for (strata, status, estimate) in cases {
        let fit = log_risk_ratio(&rows, &strata, cut(2));
        assert_eq!(fit.status, status, "{strata:?} {fit:?}");
        assert!(close(fit.estimate, estimate, 1e-9), "{strata:?} {fit:?}");
        assert_eq!(fit.z.is_finite(), status == Converged, "{strata:?} {fit:?}");
    }
}
