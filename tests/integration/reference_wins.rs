//! Wins, rank tests, stratified and utility analyses compared with R (tests/reference/README.md), and
//! least squares with a fit to patient rows.

use std::collections::BTreeMap;

use rescuesim::analysis::cochran_mantel_haenszel::{mantel_haenszel, mantel_haenszel_z};
use rescuesim::analysis::sliding_dichotomy::sliding_dichotomy;
use rescuesim::analysis::utilities::regression::{CovariateRows, adjusted_t_test};
use rescuesim::analysis::utilities::{MeansTest, TTest, Utilities, t_test};
use rescuesim::analysis::wilcoxon::{Continuity, RankSum, van_elteren_z, z as wilcoxon_z};
use rescuesim::analysis::wins::{Pairs, WinMeasure, test as win_test};
use rescuesim::analysis::{Counts, FitStatus, TestResult};
use rescuesim::num::normal::{two_sided, upper_tail};
use rescuesim::num::student;
use rescuesim::outcome::{LEVELS, Mrs};

use crate::util::whole_number;

const STRATA: usize = 8;

/// Patients by the eight strata of three binary factors.
type Strata = [Counts; STRATA];

fn data_sets() -> BTreeMap<String, Strata> {
    let text = include_str!("../reference/ordinal_data.csv");
    let mut sets: BTreeMap<String, Strata> = BTreeMap::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        let bits = [3, 4, 5].map(|column| whole_number(&record, column));
        let stratum = 4 * bits[0] + 2 * bits[1] + bits[2];
        let [arm, mrs] = [2, 6].map(|column| whole_number(&record, column));
        sets.entry(record[0].to_owned()).or_default()[stratum][arm][mrs] += 1.0;
    }
    sets
}

fn pooled(strata: &Strata) -> Counts {
    let mut counts = [[0.0; LEVELS]; 2];
    for (sum, count) in strata.iter().flat_map(|stratum| {
        (0..2 * LEVELS).map(|cell| (cell, stratum[cell / LEVELS][cell % LEVELS]))
    }) {
        counts[sum / LEVELS][sum % LEVELS] += count;
    }
    counts
}

/// Values by (data set, quantity) of one model.
fn reference(text: &str, model: &str) -> BTreeMap<(String, String), f64> {
    let mut values = BTreeMap::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        if &record[1] == model {
            let value: f64 = record[3].parse().expect("a number");
            assert!(values.insert((record[0].to_owned(), record[2].to_owned()), value).is_none());
        }
    }
    values
}

const ORDINAL: &str = include_str!("../reference/ordinal.csv");
const WINS: &str = include_str!("../reference/wins.csv");

/// Compares every row of a model with `ours`, relative to values above 1, and checks the number of rows,
/// so that none is skipped.
#[track_caller]
fn compare(
    text: &str,
    model: &str,
    rows: usize,
    tolerance: f64,
    ours: impl Fn(&Strata, &str) -> f64,
) {
    let sets = data_sets();
    let reference = reference(text, model);
    let mut largest = 0.0f64;
    for ((name, quantity), theirs) in &reference {
        let value = ours(&sets[name], quantity);
        let off = (value - theirs).abs() / theirs.abs().max(1.0);
        assert!(off <= tolerance, "{name} {model} {quantity}: {value} for {theirs}");
        largest = largest.max(off);
    }
    println!("{model}: {} rows, largest difference {largest:.1e}", reference.len());
    assert_eq!(reference.len(), rows, "{model}");
}

#[test]
fn rank_tests_agree_with_the_reference() {
    compare(ORDINAL, "WMW", 45, 1e-10, |strata, quantity| {
        let counts = pooled(strata);
        let rank_sum = RankSum::new(&counts);
        let z = |continuity| wilcoxon_z(&counts, continuity).expect("the data have information");
        match quantity {
            // R counts the pairs in which the experimental patient has the higher mRS.
            "U_trt1_higher_mRS" | "W" => 0.5 * (rank_sum.pairs - rank_sum.excess),
            "z" => -z(Continuity::Uncorrected),
            "p_two_sided" => two_sided(z(Continuity::Uncorrected)),
            "p_two_sided_cc" => two_sided(z(Continuity::Corrected)),
            other => panic!("{other} is not compared"),
        }
    });
}

#[test]
fn wins_agree_with_the_reference() {
    compare(ORDINAL, "winratio", 99, 1e-10, |strata, quantity| {
        let counts = pooled(strata);
        let pairs = Pairs::new(&counts);
        let test = |measure| win_test(&counts, measure);
        match quantity {
            "wins" => pairs.wins,
            "losses" => pairs.losses,
            "ties" => pairs.ties,
            "win_ratio" => libm::exp(test(WinMeasure::WinRatio).estimate),
            "win_odds" => libm::exp(test(WinMeasure::WinOdds).estimate),
            "net_benefit" => test(WinMeasure::NetBenefit).estimate,
            "prob_better_mann_whitney" => pairs.probability(),
            "prob_better_var_delong" => pairs.probability_variance(),
            "brunner_munzel_z" => {
                let net_benefit = test(WinMeasure::NetBenefit);
                net_benefit.estimate / net_benefit.standard_error
            }
            "log_win_odds_se_delta" => test(WinMeasure::WinOdds).standard_error,
            "log_win_ratio_se_ustat" => test(WinMeasure::WinRatio).standard_error,
            other => panic!("{other} is not compared"),
        }
    });
}

#[test]
fn every_win_measure_has_its_z_and_interval() {
    for strata in data_sets().values() {
        let counts = pooled(strata);
        let [benefit, odds, ratio] =
            [WinMeasure::NetBenefit, WinMeasure::WinOdds, WinMeasure::WinRatio]
                .map(|measure| win_test(&counts, measure));
        assert_eq!(Some(benefit.z), wilcoxon_z(&counts, Continuity::Uncorrected));
        for TestResult { estimate, standard_error, z, status, interval } in [odds, ratio] {
            assert_eq!(status, FitStatus::Converged);
            assert!((z - estimate / standard_error).abs() < 1e-14);
            assert!((interval.1 - estimate - 1.959963984540054 * standard_error).abs() < 1e-14);
        }
        // tanh of half a log odds is the net benefit.
        for (ours, log_odds) in [
            (benefit.estimate, odds.estimate),
            (benefit.interval.0, odds.interval.0),
            (benefit.interval.1, odds.interval.1),
        ] {
            assert!((ours - libm::tanh(0.5 * log_odds)).abs() < 1e-14);
        }
    }
}

fn cut(score: u8) -> Mrs {
    Mrs::new(score).expect("a score")
}

#[test]
fn mantel_haenszel_at_functional_independence_agrees_with_the_reference() {
    compare(ORDINAL, "mRS<=2 CMH (2^3 strata)", 10, 1e-10, |strata, quantity| match quantity {
        "CMH_chi2" => mantel_haenszel_z(strata, cut(2)).expect("informative").powi(2),
        "MH_OR" => libm::exp(mantel_haenszel(strata, cut(2)).estimate),
        other => panic!("{other} is not compared"),
    });
}

#[test]
fn mantel_haenszel_at_every_cut_agrees_with_the_reference() {
    compare(WINS, "mantel_haenszel", 204, 1e-10, |strata, quantity| {
        let (what, at) = quantity.rsplit_once("_cut").expect("a cut");
        let result = mantel_haenszel(strata, cut(at.parse().expect("a score")));
        assert_eq!(result.status, FitStatus::Converged);
        match what {
            "chi2" => result.z * result.z,
            "or" => libm::exp(result.estimate),
            "or_low" => libm::exp(result.interval.0),
            "or_high" => libm::exp(result.interval.1),
            other => panic!("{other} is not compared"),
        }
    });
}

#[test]
fn van_elteren_agrees_with_the_reference() {
    compare(WINS, "van_elteren", 9, 1e-10, |strata, _| {
        van_elteren_z(strata).expect("the data have information")
    });
}

#[test]
fn a_sliding_dichotomy_uses_the_cut_of_each_patient() {
    let strata = &data_sets()["D11"];
    let cuts: [Mrs; STRATA] = std::array::from_fn(|s| cut(s as u8 % 4));
    let [control, experimental] = sliding_dichotomy(strata, &cuts);
    let text = include_str!("../reference/ordinal_data.csv");
    let mut expected = [(0.0, 0.0); 2];
    for line in text.lines().filter(|line| line.starts_with("D11")) {
        let fields: Vec<usize> =
            line.split(',').skip(1).map(|f| f.parse().expect("whole")).collect();
        let [_, arm, x1, x2, x3, mrs] = fields[..] else { panic!("{line}") };
        expected[arm].0 += f64::from(u8::from(mrs <= (4 * x1 + 2 * x2 + x3) % 4));
        expected[arm].1 += 1.0;
    }
    let counted = [control, experimental].map(|arm| (arm.events, arm.patients));
    assert_eq!(counted, expected);
}

/// Utilities of Chaisinanunkul 2015, Stroke 46:2238.
const UTILITIES: [f64; LEVELS] = [1.0, 0.91, 0.76, 0.65, 0.33, 0.0, 0.0];

fn utilities() -> Utilities {
    Utilities::new(UTILITIES).expect("finite, and some differ")
}

fn statistic(test: &TTest, quantity: &str) -> f64 {
    let t = test.difference / test.standard_error;
    let result = test.result();
    // The normal score has the p value of t.
    let p = 2.0 * student::upper_tail(t.abs(), test.degrees_of_freedom);
    assert!((2.0 * upper_tail(result.z.abs()) / p - 1.0).abs() < 1e-11);
    match quantity {
        "difference" => test.difference,
        "standard_error" => test.standard_error,
        "t" => t,
        "df" => test.degrees_of_freedom,
        "p_two_sided" => p,
        "low" => result.interval.0,
        "high" => result.interval.1,
        other => panic!("{other} is not compared"),
    }
}

#[test]
fn utility_t_tests_agree_with_the_reference() {
    for (model, means_test) in [("student", MeansTest::Student), ("welch", MeansTest::Welch)] {
        compare(WINS, model, 54, 1e-10, |strata, quantity| {
            statistic(&t_test(&utilities(), &pooled(strata), means_test), quantity)
        });
    }
}

fn factors() -> [[f64; 3]; STRATA] {
    std::array::from_fn(|s| [4, 2, 1].map(|bit| f64::from(u8::from(s & bit > 0))))
}

#[test]
fn adjusted_utility_differences_agree_with_the_reference() {
    let factors = CovariateRows::new(&factors()).expect("finite");
    // A dummy for each stratum: one too many, and more if a stratum is empty.
    let dummies: [[f64; STRATA]; STRATA] =
        std::array::from_fn(|s| std::array::from_fn(|d| f64::from(u8::from(s == d))));
    let dummies = CovariateRows::new(&dummies).expect("finite");
    for (model, covariates) in [("lm_factors", factors), ("lm_strata", dummies)] {
        compare(WINS, model, 63, 1e-10, |strata, quantity| {
            statistic(&adjusted_t_test(&utilities(), &covariates, strata), quantity)
        });
    }
}

/// Coefficients by Gauss–Jordan elimination with partial pivoting of [A | b].
fn solve(mut system: Vec<Vec<f64>>) -> Vec<f64> {
    let n = system.len();
    for column in 0..n {
        let largest =
            |a: &usize, b: &usize| system[*a][column].abs().total_cmp(&system[*b][column].abs());
        let pivot = (column..n).max_by(largest).expect("a row is left");
        system.swap(column, pivot);
        let pivot = system[column].clone();
        for (_, row) in system.iter_mut().enumerate().filter(|(row, _)| *row != column) {
            let factor = row[column] / pivot[column];
            for (value, above) in row.iter_mut().zip(&pivot) {
                *value -= factor * above;
            }
        }
    }
    (0..n).map(|i| system[i][n] / system[i][i]).collect()
}

/// Intercept, treatment, three factors and an interaction, fitted to single patients.
#[test]
fn least_squares_on_counts_equals_least_squares_on_patients() {
    let text = include_str!("../reference/ordinal_data.csv");
    let rows = factors().map(|[a, b, c]| [a, b, c, a * b]);
    let covariates = CovariateRows::new(&rows).expect("finite");
    for (name, strata) in data_sets() {
        let mut normal = vec![vec![0.0; 7]; 6];
        let mut patients = Vec::new();
        for line in text.lines().filter(|line| line.starts_with(&name)) {
            let f: Vec<f64> =
                line.split(',').skip(2).map(|f| f.parse().expect("a number")).collect();
            let x = [1.0, f[0], f[1], f[2], f[3], f[1] * f[2]];
            patients.push((x, UTILITIES[f[4] as usize]));
        }
        for (x, u) in &patients {
            for i in 0..6 {
                for j in 0..6 {
                    normal[i][j] += x[i] * x[j];
                }
                normal[i][6] += x[i] * u;
            }
        }
        let coefficients = solve(normal.clone());
        let residual = |(x, u): &([f64; 6], f64)| {
            (u - x.iter().zip(&coefficients).map(|(x, b)| x * b).sum::<f64>()).powi(2)
        };
        let df = patients.len() as f64 - 6.0;
        let variance = patients.iter().map(residual).sum::<f64>() / df;
        for (i, row) in normal.iter_mut().enumerate() {
            row[6] = f64::from(u8::from(i == 1));
        }
        let error = (variance * solve(normal)[1]).sqrt();
        let ours = adjusted_t_test(&utilities(), &covariates, &strata);
        assert_eq!(ours.degrees_of_freedom, df, "{name}");
        assert!((ours.difference - coefficients[1]).abs() < 1e-12, "{name}");
        assert!((ours.standard_error - error).abs() < 1e-12, "{name}");
    }
}
