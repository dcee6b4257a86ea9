//! Boundaries against an independent recursion in R (tests/reference/README.md).

use std::collections::BTreeMap;

use rescuesim::design::{EfficacyRule, FutilityRule, SpendingFunction};

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

/// Fractions of a record; equally spaced ones are built as k/K, as 15 digits do not hold 1/3.
fn fractions(record: &Record) -> Vec<f64> {
    if record["spacing"] == "equal" {
        let looks = number(record, "K");
        (1..=looks as u32).map(|k| f64::from(k) / looks).collect()
    } else {
        record["info_rates"].split(';').map(|t| t.parse().expect("a fraction")).collect()
    }
}

fn rule(record: &Record) -> Option<EfficacyRule> {
    Some(match record["family"].as_str() {
        "OF" => EfficacyRule::ObrienFleming,
        "P" => EfficacyRule::Pocock,
        "asOF" => EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming),
        "asP" => EfficacyRule::Spending(SpendingFunction::LanDeMetsPocock),
        "asKD" => {
            EfficacyRule::Spending(SpendingFunction::KimDeMets { rho: number(record, "param") })
        }
        "asHSD" => EfficacyRule::Spending(SpendingFunction::HwangShihDeCani {
            gamma: number(record, "param"),
        }),
        // Families the program does not offer.
        "WT" | "HP" => return None,
        other => panic!("an unknown family {other}"),
    })
}

/// Every efficacy bound of the families offered, K = 2 … 10, equal and unequal fractions.
#[test]
fn efficacy_bounds_are_the_reference() {
    let mut designs: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in records(include_str!("../reference/boundaries.csv")) {
        let key = ["family", "param", "K", "info_rates", "alpha_one_sided"];
        designs.entry(key.map(|column| record[column].clone()).join(" ")).or_default().push(record);
    }
    let mut compared = 0;
    for (key, looks) in &designs {
        let Some(rule) = rule(&looks[0]) else { continue };
        let bounds =
            rule.critical_values(number(&looks[0], "alpha_one_sided"), &fractions(&looks[0]));
        for record in looks {
            let bound = bounds[number(record, "look") as usize - 1];
            let error = (bound - number(record, "z_ref")).abs();
            assert!(error <= 1e-10, "{key}: {bound} for {}", record["z_ref"]);
            compared += 1;
        }
    }
    assert_eq!(compared, 881);
}

/// A spending function by its name there, such as `asOF` or `bsHSD-2`.
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

/// Every non-binding β-spending bound.
#[test]
fn futility_bounds_are_the_reference() {
    let mut compared = 0;
    for record in records(include_str!("../reference/futility.csv")) {
        let function = spending(&record["beta_spending"]);
        let look = number(&record, "look") as usize;
        if record["binding"] == "TRUE" || look as f64 == number(&record, "K") {
            continue;
        }
        let fractions = fractions(&record);
        let alpha = number(&record, "alpha_one_sided");
        let efficacy = EfficacyRule::Spending(spending(&record["alpha_spending"]));
        let efficacy = efficacy.critical_values(alpha, &fractions);
        let rule = FutilityRule::BetaSpending { function, power: number(&record, "power") };
        let bounds = rule.bounds(&fractions, &efficacy).expect("the reference has a solution");
        let error = (bounds[look - 1] - number(&record, "z_fut_ref")).abs();
        assert!(error <= 1e-10, "{record:?}: {}", bounds[look - 1]);
        compared += 1;
    }
    assert_eq!(compared, 280);
}

/// O'Brien–Fleming and Pocock constants of Jennison & Turnbull (2000), tables 2.1 and 2.3, for
/// two-sided α = 0.05, which the one-sided bounds at 0.025 give to the printed digits.
#[test]
fn classical_constants_are_the_published_ones() {
    let published = [(2, 2.178, 1.977), (3, 2.289, 2.004), (4, 2.361, 2.024), (5, 2.413, 2.040)];
    for (looks, pocock, obrien_fleming) in published {
        let fractions: Vec<f64> = (1..=looks).map(|k| f64::from(k) / f64::from(looks)).collect();
        let last =
            |rule: EfficacyRule| *rule.critical_values(0.025, &fractions).last().expect("one");
        assert!((last(EfficacyRule::Pocock) - pocock).abs() < 5.1e-4, "{looks}");
        assert!((last(EfficacyRule::ObrienFleming) - obrien_fleming).abs() < 5.1e-4, "{looks}");
    }
}
