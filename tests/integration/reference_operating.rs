//! Sample sizes, powers and expected sizes of two proportions over three looks, in each package's
//! conventions and by exact enumeration (tests/reference/README.md).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rescuesim::design::comparison::{Comparison, TwoProportions, Variance};
use rescuesim::design::exact::{ExactDesign, ExactProbabilities, ExactStatistic};
use rescuesim::design::sample_size::ArmSizes;
use rescuesim::design::{Boundaries, EfficacyRule, Rules, SpendingFunction, StoppingProbabilities};

const ALPHA: f64 = 0.025;
const EQUAL: f64 = 0.5;
const NO_LOWER: [f64; 3] = [f64::NEG_INFINITY; 3];

/// Largest allowed difference of a value, absolute, or above 1 relative. Observed: exact enumeration
/// 5e-15, the independent recursion 2e-14, gsDesign at r = 80 and tol = 1e-10 8e-10, rpact at tolerance
/// 1e-8 4e-9 (its size of the Lan–DeMets design).
const EXACT_TOLERANCE: f64 = 1e-12;
const REF_TOLERANCE: f64 = 1e-12;
const GSDESIGN_TOLERANCE: f64 = 2e-9;
const RPACT_TOLERANCE: f64 = 5e-9;

struct Row {
    source: String,
    design: String,
    variant: String,
    quantity: String,
    value: f64,
}

fn rows() -> Vec<Row> {
    let text = include_str!("../reference/opchar.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let records = reader.records().map(|record| record.expect("a well-formed reference"));
    records
        .map(|record| Row {
            source: record[0].to_owned(),
            design: record[1].to_owned(),
            variant: record[2].to_owned(),
            quantity: record[3].to_owned(),
            value: record[4].parse().expect("a number"),
        })
        .collect()
}

fn fractions() -> [f64; 3] {
    [1.0 / 3.0, 2.0 / 3.0, 1.0]
}

/// The designs, by their name in the reference.
static DESIGNS: LazyLock<BTreeMap<&str, Boundaries>> = LazyLock::new(|| {
    let designs = [
        ("asOF", EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming)),
        ("OF", EfficacyRule::OBRIEN_FLEMING),
        ("P", EfficacyRule::POCOCK),
    ];
    let boundaries = |rule| Boundaries::new(&Rules::efficacy_only(ALPHA, rule), &fractions());
    designs.map(|(name, rule)| (name, boundaries(rule).expect("solvable"))).into()
});

/// The planned comparison of 25 % v 40 %.
fn planned(variance: Variance) -> Comparison {
    let stated = TwoProportions::new(0.25, 0.40).expect("inside (0, 1)");
    Comparison::TwoProportions(stated.with_variance(variance))
}

fn stopping(design: &str, drift: f64) -> StoppingProbabilities {
    DESIGNS[design].stopping(drift)
}

/// The drift at which the design has this power.
fn drift_for(design: &str, power: f64) -> f64 {
    DESIGNS[design].drift_for_power(power).expect("reachable")
}

fn inflation(design: &str, power: f64) -> f64 {
    DESIGNS[design].inflation_factor(ALPHA, power).expect("reachable")
}

fn expected_fraction(design: &str, drift: f64) -> f64 {
    DESIGNS[design].expected_information(drift)
}

/// The number that follows `name` in `text`.
fn number_after(text: &str, name: &str) -> Option<f64> {
    let digits = &text[text.find(name)? + name.len()..];
    digits.split('_').next()?.parse().ok()
}

fn power_of(row: &Row) -> f64 {
    number_after(&row.quantity, "power_").expect("a size belongs to a power")
}

fn look_of(row: &Row) -> Option<usize> {
    number_after(&row.quantity, "look").map(|look| look as usize)
}

/// A quantity of a design whose drift is known at every size of the trial.
fn stops(row: &Row, drift: f64, total: f64) -> f64 {
    let quantity = row.quantity.as_str();
    let null = quantity.contains("_H0");
    let drift = if null { 0.0 } else { drift };
    let out = stopping(&row.design, drift);
    match (quantity.split('_').next(), look_of(row)) {
        (Some("power"), None) => out.rejection(),
        (Some("stop"), Some(look)) => out.efficacy[look - 1],
        (Some("EN"), None) => total * expected_fraction(&row.design, drift),
        _ => panic!("an unknown quantity {quantity}"),
    }
}

/// The required size, or an expectation at that size, when `fixed` is the size of one look.
fn required(row: &Row, fixed: f64) -> f64 {
    let power = power_of(row);
    let total = fixed * inflation(&row.design, power);
    let drift = drift_for(&row.design, power);
    match row.quantity.split("_power").next() {
        Some("N_required") => total * look_of(row).map_or(1.0, |look| look as f64 / 3.0),
        Some("EN_H0") => total * expected_fraction(&row.design, 0.0),
        // rpact's H01 is the alternative half way: half the drift.
        Some("EN_H01") => total * expected_fraction(&row.design, 0.5 * drift),
        Some("EN_H1") => total * expected_fraction(&row.design, drift),
        _ => panic!("an unknown quantity {}", row.quantity),
    }
}

fn fixed(variance: Variance, power: f64) -> f64 {
    planned(variance).fixed_sample_size(ALPHA, power, EQUAL).expect("40 % is more than 25 %")
}

fn of_reference(row: &Row) -> f64 {
    let power = power_of(row);
    let drift = drift_for(&row.design, power);
    match row.variant.as_str() {
        "inflation" => inflation(&row.design, power),
        "unpooled*inflation" => required(row, fixed(Variance::Alternative, power)),
        "pooled*inflation" => required(row, fixed(Variance::NullAndAlternative, power)),
        "EI ratio to fixed" => {
            let drift = if row.quantity.starts_with("EI_H0") { 0.0 } else { drift };
            inflation(&row.design, power) * expected_fraction(&row.design, drift)
        }
        "H0" | "H1" => stops(row, drift, f64::NAN),
        other => panic!("an unknown variant {other}"),
    }
}

/// Sizes without a trial size depend on the power, the others on the trial's size.
fn of_rpact(row: &Row) -> f64 {
    if row.variant == "inflationFactor" {
        return inflation(&row.design, power_of(row));
    }
    let variance = Variance::NullAndAlternative;
    let Some(total) = number_after(&row.quantity, "_N") else {
        return required(row, fixed(variance, power_of(row)));
    };
    stops(row, planned(variance).drift(ALPHA, EQUAL, total), total)
}

fn of_gsdesign(row: &Row) -> f64 {
    let fixed = fixed(Variance::NullAndAlternative, power_of(row));
    if row.design == "fixed" { fixed } else { required(row, fixed) }
}

fn of_gsprobability(row: &Row) -> f64 {
    let variance = match row.variant.as_str() {
        "drift=d*sqrt(n/(p1q1+p2q2))" => Variance::Alternative,
        "drift=d*sqrt(n/(2pbar qbar))" => Variance::Null,
        other => panic!("an unknown variant {other}"),
    };
    let total = number_after(&row.quantity, "_N").expect("a trial size");
    stops(row, planned(variance).drift(ALPHA, EQUAL, total), total)
}

fn exact_design(row: &Row) -> ExactDesign {
    let per_arm = number_after(&row.quantity, "_N").expect("a trial size") as u32 / 2;
    let sizes = [1, 2, 3].map(|look| {
        let n = per_arm * look / 3;
        ArmSizes { control: n, experimental: n }
    });
    let unpooled = row.variant.contains("z unpooled");
    let statistic = if unpooled { ExactStatistic::Unpooled } else { ExactStatistic::Pooled };
    let upper = &DESIGNS[row.design.as_str()].efficacy;
    let lower = if row.variant.contains("two-sided") {
        upper.iter().map(|bound| -bound).collect()
    } else {
        NO_LOWER.to_vec()
    };
    ExactDesign::new(&sizes, statistic, upper, &lower).expect("growing looks")
}

fn of_exact(row: &Row) -> f64 {
    let rates = match row.quantity.split('_').nth(2) {
        Some(".25") => [0.25, 0.25],
        Some(".325") => [0.325, 0.325],
        Some(".40") => [0.40, 0.40],
        _ => [0.25, 0.40],
    };
    // A given lower bound rejects, too: these are the rows of two-sided tests.
    let ExactProbabilities { upper, lower, rejection, expected_total } =
        exact_design(row).probabilities(rates);
    match (row.quantity.split('_').next(), look_of(row)) {
        (Some("power"), None) => rejection + lower.iter().sum::<f64>(),
        (Some("EN"), None) => expected_total,
        (Some("stop"), Some(look)) => upper[look - 1] + lower[look - 1],
        _ => panic!("an unknown quantity {}", row.quantity),
    }
}

/// The value computed here for a row, and the tolerance of its reference.
fn ours(row: &Row) -> (f64, f64) {
    match row.source.as_str() {
        "rpact4" => (of_rpact(row), RPACT_TOLERANCE),
        "gsDesign" => (of_gsdesign(row), GSDESIGN_TOLERANCE),
        "gsDesign gsProbability" => (of_gsprobability(row), GSDESIGN_TOLERANCE),
        "formula" => (fixed(Variance::Alternative, power_of(row)), REF_TOLERANCE),
        "ref" => (of_reference(row), REF_TOLERANCE),
        "exact" => (of_exact(row), EXACT_TOLERANCE),
        other => panic!("an unknown source {other}"),
    }
}

#[test]
fn every_operating_characteristic_agrees_with_the_reference() {
    let mut compared: BTreeMap<String, u32> = BTreeMap::new();
    for row in rows() {
        let (found, tolerance) = ours(&row);
        let error = (found - row.value).abs() / row.value.abs().max(1.0);
        let Row { source, design, variant, quantity, value } = row;
        assert!(error <= tolerance, "{source} {design} {variant} {quantity}: {found} for {value}");
        *compared.entry(source).or_default() += 1;
    }
    let counts: Vec<(&str, u32)> = compared.iter().map(|(k, &n)| (k.as_str(), n)).collect();
    let all = [
        ("exact", 378),
        ("formula", 3),
        ("gsDesign", 39),
        ("gsDesign gsProbability", 63),
        ("ref", 57),
        ("rpact4", 93),
    ];
    assert_eq!(counts, all);
}

/// Exact values that the file does not contain: 52 patients per arm and look, Lan–DeMets bounds, pooled Z,
/// with all interim looks.
#[test]
fn exact_probabilities_add_up_over_the_looks() {
    let sizes = [52, 104, 156].map(|n| ArmSizes { control: n, experimental: n });
    let design =
        ExactDesign::new(&sizes, ExactStatistic::Pooled, &DESIGNS["asOF"].efficacy, &NO_LOWER)
            .expect("growing looks");
    let planned = design.probabilities([0.25, 0.40]);
    let known = [0.015977930, 0.405689003, 0.386471807];
    for (found, known) in planned.upper.iter().zip(known) {
        assert!((found - known).abs() < 1e-9, "{found} {known}");
    }
    assert!((planned.expected_total - 266.484934).abs() < 1e-6);
    let by_rate = |rate: f64| design.probabilities([rate; 2]).rejection;
    assert!((by_rate(0.25) - 0.024976).abs() < 5e-7);
    assert!((by_rate(0.4) - 0.024557).abs() < 5e-7);
    let largest = design.maximum_type_one_error().maximum;
    assert!(largest >= by_rate(0.325) && largest < 0.027);
}
