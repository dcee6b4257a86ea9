//! Boundaries compared with an independent recursion in R (tests/reference/README.md).

use std::collections::BTreeMap;

use rescuesim::design::{
    Boundaries, DesignError, EfficacyRule, FutilityRule, HarmRule, Rules, SpendingFunction,
    StatedSpending, TwoSidedSpending,
};
use rescuesim::num::normal::upper_quantile;

type Record = BTreeMap<String, String>;

fn records(text: &str) -> Vec<Record> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().expect("a header").clone();
    reader
        .records()
        .map(|record| {
            let record = record.expect("a well-formed reference");
            header.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect()
        })
        .collect()
}

fn number(record: &Record, column: &str) -> f64 {
    record[column].parse().unwrap_or_else(|_| panic!("{column} of {record:?}"))
}

/// Fractions of a record; equally spaced ones are computed as k/K, as 15 digits cannot express 1/3.
fn fractions(record: &Record) -> Vec<f64> {
    let printed: Vec<f64> =
        record["info_rates"].split(';').map(|t| t.parse().expect("a fraction")).collect();
    let looks = printed.len() as f64;
    let equal: Vec<f64> = (1..=printed.len()).map(|k| k as f64 / looks).collect();
    let is_equal = printed.iter().zip(&equal).all(|(a, b)| (a - b).abs() < 1e-14);
    if is_equal { equal } else { printed }
}

fn rule(record: &Record) -> EfficacyRule {
    let param = || number(record, "param");
    match record["family"].as_str() {
        "OF" => EfficacyRule::OBRIEN_FLEMING,
        "P" => EfficacyRule::POCOCK,
        "WT" => EfficacyRule::WangTsiatis { delta: param() },
        "HP" => EfficacyRule::HaybittlePeto { interim_z: param() },
        "asOF" => EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming),
        "asP" => EfficacyRule::Spending(SpendingFunction::LanDeMetsPocock),
        "asKD" => EfficacyRule::Spending(SpendingFunction::KimDeMets { rho: param() }),
        "asHSD" => EfficacyRule::Spending(SpendingFunction::HwangShihDeCani { gamma: param() }),
        other => panic!("an unknown family {other}"),
    }
}

/// Records grouped by design.
fn designs(text: &str, key: &[&str]) -> BTreeMap<String, Vec<Record>> {
    let mut designs: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in records(text) {
        let key: Vec<String> = key.iter().map(|&column| record[column].clone()).collect();
        designs.entry(key.join(" ")).or_default().push(record);
    }
    designs
}

/// Every efficacy bound, K = 2 … 10, equal and unequal fractions, with the α spent by it. One
/// design has none: nine interim looks at 3 spend more than α = 0.005.
#[test]
fn efficacy_bounds_agree_with_the_reference() {
    let key = ["family", "param", "K", "info_rates", "alpha_one_sided"];
    let mut compared = 0;
    for (key, looks) in &designs(include_str!("../reference/boundaries.csv"), &key) {
        let rules = Rules::efficacy_only(number(&looks[0], "alpha_one_sided"), rule(&looks[0]));
        let found = Boundaries::new(&rules, &fractions(&looks[0]));
        if looks[0]["z_ref"] == "NA" {
            assert_eq!(found, Err(DesignError::NoEfficacyBoundary), "{key}");
            continue;
        }
        let found = found.unwrap_or_else(|error| panic!("{key}: {error}"));
        for record in looks {
            let k = number(record, "look") as usize - 1;
            let error = (found.efficacy[k] - number(record, "z_ref")).abs();
            assert!(error <= 1e-10, "{key}: {} for {}", found.efficacy[k], record["z_ref"]);
            let spent = number(record, "cum_alpha_ref");
            let error = (found.alpha_spent[k] - spent).abs();
            assert!(error <= 1e-12, "{key}: {} for {spent}", found.alpha_spent[k]);
            compared += 1;
        }
    }
    assert_eq!(compared, 1216);
}

/// Every symmetric two-sided bound, with alpha spent per side and on both sides together.
#[test]
fn two_sided_bounds_agree_with_the_reference() {
    let key = ["family", "K", "info_rates", "alpha_two_sided"];
    let mut compared = 0;
    for (key, looks) in &designs(include_str!("../reference/boundaries_twosided.csv"), &key) {
        let fractions = fractions(&looks[0]);
        let alpha = 0.5 * number(&looks[0], "alpha_two_sided");
        let one_sided = Rules::efficacy_only(alpha, rule(&looks[0]));
        let two_sided = |spending| {
            let harm = HarmRule::Symmetric { spending };
            Boundaries::new(&Rules { harm, ..one_sided.clone() }, &fractions).expect("solvable")
        };
        let per_side = two_sided(TwoSidedSpending::PerSide);
        let both_sides = two_sided(TwoSidedSpending::BothSides);
        let one_sided = Boundaries::new(&one_sided, &fractions).expect("solvable");
        let columns = [
            ("z_ref_two_sided_symmetric", &per_side),
            ("z_ref_one_sided_at_half_alpha", &one_sided),
            ("z_ref_spending_at_full_alpha_two_sided", &both_sides),
        ];
        for record in looks {
            let k = number(record, "look") as usize - 1;
            for (column, found) in columns.iter().filter(|(column, _)| record[*column] != "NA") {
                let error = (found.efficacy[k] - number(record, column)).abs();
                assert!(error <= 1e-10, "{key}, {column}: {}", found.efficacy[k]);
                compared += 1;
            }
            assert_eq!(per_side.harm[k], -per_side.efficacy[k]);
            let spent = 2.0 * per_side.alpha_spent[k];
            assert!((spent - number(record, "cum_alpha_two_sided")).abs() <= 1e-12, "{key}");
        }
    }
    assert_eq!(compared, 81 * 2 + 45);
}

/// The spending function with the given name in the reference, such as `asOF` or `bsHSD-2`.
fn spending(name: &str) -> SpendingFunction {
    let family = &name[2..];
    let parameter = |prefix: &str| family.strip_prefix(prefix)?.parse::<f64>().ok();
    match (family, parameter("HSD"), parameter("KD")) {
        ("OF", ..) => SpendingFunction::LanDeMetsObrienFleming,
        ("P", ..) => SpendingFunction::LanDeMetsPocock,
        (_, Some(gamma), _) => SpendingFunction::HwangShihDeCani { gamma },
        (_, _, Some(rho)) => SpendingFunction::KimDeMets { rho },
        _ => panic!("an unknown function {name}"),
    }
}

/// Every β-spending design, binding and non-binding: bounds, inflation, and performance under no effect,
/// half the effect and the full effect.
#[test]
fn futility_designs_agree_with_the_reference() {
    let key = ["alpha_spending", "beta_spending", "K", "info_rates", "power", "binding"];
    let mut compared = 0;
    for (key, looks) in &designs(include_str!("../reference/futility.csv"), &key) {
        let (first, fractions) = (&looks[0], fractions(&looks[0]));
        let (alpha, power) = (number(first, "alpha_one_sided"), number(first, "power"));
        let efficacy = EfficacyRule::Spending(spending(&first["alpha_spending"]));
        let function = spending(&first["beta_spending"]);
        let rules = Rules {
            futility: FutilityRule::BetaSpending { function, power },
            binding_futility: first["binding"] == "TRUE",
            ..Rules::efficacy_only(alpha, efficacy)
        };
        let found = Boundaries::new(&rules, &fractions).expect("the reference has a solution");
        let mut check = |what: &str, value: f64, reference: f64, tolerance: f64| {
            assert!((value - reference).abs() <= tolerance, "{key}, {what}: {value}, {reference}");
            compared += 1;
        };
        let drift = found.drift_for_power(power).expect("it is built for this power");
        let inflation = found.inflation_factor(alpha, power).expect("it has the power");
        let last = fractions.len() - 1;
        let truths = [("H0", 0.0), ("half", 0.5), ("H1", 1.0)]
            .map(|(name, share)| (name, found.stopping(share * drift)));
        for record in looks {
            let k = number(record, "look") as usize - 1;
            check("z_eff", found.efficacy[k], number(record, "z_eff_ref"), 1e-10);
            if k < last {
                check("z_fut", found.futility[k], number(record, "z_fut_ref"), 1e-10);
            }
            check("inflation", inflation, number(record, "inflation_ref"), 1e-10);
            for (name, stopping) in &truths {
                let ending = stopping.ending();
                let not_shown = ending[last] - stopping.efficacy[last];
                let futility = if k == last { not_shown } else { stopping.futility[k] };
                let mean: f64 = ending.iter().zip(&fractions).map(|(p, t)| p * t).sum();
                let information = inflation * mean;
                let column = |what: &str| number(record, &format!("{what}_{name}_ref"));
                check("efficacy", stopping.efficacy[k], column("rej"), 1e-10);
                check("futility", futility, column("fut"), 1e-10);
                check("information", information, column("EI"), 1e-10);
            }
        }
    }
    assert_eq!(compared, 808 * 11 + 556);
}

/// Constants of Jennison & Turnbull (2000) for two-sided α = 0.05 to the printed digits: Pocock's
/// (table 2.1), O'Brien & Fleming's (table 2.3), Wang & Tsiatis' for Δ = 0.25 (table 2.9).
#[test]
fn classical_constants_are_the_published_ones() {
    let published = [
        (2, 2.178, 1.977, 2.038),
        (3, 2.289, 2.004, 2.083),
        (4, 2.361, 2.024, 2.113),
        (5, 2.413, 2.040, 2.136),
        (10, 2.555, 2.087, 2.199),
    ];
    for (looks, pocock, obrien_fleming, wang_tsiatis) in published {
        let fractions: Vec<f64> = (1..=looks).map(|k| f64::from(k) / f64::from(looks)).collect();
        for (delta, constant) in [(0.5, pocock), (0.0, obrien_fleming), (0.25, wang_tsiatis)] {
            let rules = Rules {
                harm: HarmRule::Symmetric { spending: TwoSidedSpending::PerSide },
                ..Rules::efficacy_only(0.025, EfficacyRule::WangTsiatis { delta })
            };
            let found = Boundaries::new(&rules, &fractions).expect("solvable");
            let last = found.efficacy[looks as usize - 1];
            assert!((last - constant).abs() < 5.1e-4, "{looks} looks, {delta}: {last}");
        }
    }
}

fn stated(fraction: f64, spent: f64) -> StatedSpending {
    StatedSpending { fraction, share: spent / 0.025 }
}

/// Stages that spend 1e-30 and less keep their precision, at the first look and after it. The
/// look before a stage spends so much less that the trials it stops are negligible, and the bound
/// is nearly that of a test with one look.
#[test]
fn stages_that_spend_1e_30_have_accurate_bounds() {
    for fractions in [[0.5, 0.7, 1.0], [0.9, 0.95, 1.0], [0.1, 0.9, 1.0]] {
        let points = vec![stated(fractions[0], 1e-45), stated(fractions[1], 1e-30)];
        let rule = EfficacyRule::Spending(SpendingFunction::Stated(points));
        let found = Boundaries::new(&Rules::efficacy_only(0.025, rule), &fractions);
        let found = found.expect("solvable").efficacy;
        assert!((found[0] - upper_quantile(1e-45)).abs() < 1e-10, "{fractions:?}: {found:?}");
        assert!((found[1] - upper_quantile(1e-30)).abs() < 1e-10, "{fractions:?}: {found:?}");
    }
}
