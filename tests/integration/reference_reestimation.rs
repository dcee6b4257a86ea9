//! Re-estimation of the sample size compared with quadrature and enumeration in Python
//! (tests/reference/README.md).

use std::collections::{BTreeMap, BTreeSet};

use rescuesim::design::reestimation::{
    EnumeratedCharacteristics, PooledRate, PooledRateCharacteristics, PromisingZone,
    ReestimationCharacteristics, Restriction, StageBounds, StageSizes, Zone, ZoneLimits,
};
use rescuesim::design::{Boundaries, EfficacyRule, Rules, SpendingFunction};
use rescuesim::num::normal::upper_quantile;
use rescuesim::outcome::MrsDistribution;

use crate::util::shipped_text;

/// A row of results.
#[derive(Debug)]
struct Row {
    quantity: String,
    values: Vec<f64>,
    se: Option<f64>,
    source: String,
}

/// A design with its inputs and results.
#[derive(Debug, Default)]
struct Reference {
    inputs: BTreeMap<String, String>,
    rows: Vec<Row>,
}

impl Reference {
    fn input(&self, key: &str) -> f64 {
        self.inputs[key].parse().unwrap_or_else(|_| panic!("{key} of {self:?}"))
    }

    fn list(&self, key: &str) -> Vec<f64> {
        self.inputs[key].split(' ').map(|it| it.parse().expect("a number")).collect()
    }

    fn zone(&self) -> PromisingZone {
        let sizes = match self.inputs.get("t") {
            Some(_) => StageSizes {
                interim: self.input("t"),
                planned: 1.0,
                maximum: self.input("ratio_max"),
            },
            None => StageSizes {
                interim: self.input("n1"),
                planned: self.input("n2"),
                maximum: self.input("nmax"),
            },
        };
        let limits = ZoneLimits { at_least: self.input("cpmin"), target: self.input("target") };
        let alpha = self.input("alpha");
        let bounds = if self.inputs.contains_key("early") {
            let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
            let fractions = [sizes.interim / sizes.planned, 1.0];
            let found = Boundaries::new(&Rules::efficacy_only(alpha, rule), &fractions);
            let efficacy = found.expect("it has boundaries").efficacy;
            StageBounds { interim: efficacy[0], last: efficacy[1] }
        } else {
            StageBounds { interim: f64::INFINITY, last: upper_quantile(alpha) }
        };
        PromisingZone::new(sizes, limits, bounds).expect("a promising zone")
    }
}

fn references() -> BTreeMap<String, Reference> {
    let text = shipped_text("tests/reference/reestimation.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut found: BTreeMap<String, Reference> = BTreeMap::new();
    for record in reader.records() {
        let record = record.expect("a well-formed reference");
        let (quantity, value) = (record[1].to_owned(), record[2].to_owned());
        let reference = found.entry(record[0].to_owned()).or_default();
        if &record[4] == "input" {
            reference.inputs.insert(quantity, value);
            continue;
        }
        let values = value.split(' ').map(|it| it.parse().expect("a number")).collect();
        let (se, source) = (record[3].parse().ok(), record[4].to_owned());
        reference.rows.push(Row { quantity, values, se, source });
    }
    found
}

fn of_zone(found: &ReestimationCharacteristics, zone: &str) -> usize {
    let names = ["unfavourable", "promising", "favourable"];
    let position = names.iter().position(|name| *name == zone).expect("a zone");
    assert_eq!(found.zones[position].zone, Zone::ALL[position]);
    position
}

fn by_quadrature(found: &ReestimationCharacteristics, quantity: &str) -> f64 {
    match quantity {
        "chw" => found.weighted,
        "conventional" => found.conventional,
        "fixed_planned" => found.fixed,
        "expected_n" => found.expected_size,
        "p_nmax" => found.at_maximum,
        "p_early" => found.early,
        _ => {
            let (what, zone) = quantity.rsplit_once('_').expect("it names a zone");
            let of_zone = &found.zones[of_zone(found, zone)];
            match what {
                "p" => of_zone.probability,
                "chw_given" => of_zone.weighted,
                "n_given" => of_zone.expected_size,
                other => panic!("an unknown quantity {other}"),
            }
        }
    }
}

fn by_enumeration(found: &EnumeratedCharacteristics, quantity: &str) -> f64 {
    match quantity {
        "chw" => found.weighted,
        "conventional" => found.conventional,
        "fixed_planned" => found.fixed,
        "expected_n" => found.expected_size,
        "p_nmax" => found.at_maximum,
        "p_early" => found.early,
        "p_unfavourable" => found.zones[0],
        "p_promising" => found.zones[1],
        "p_favourable" => found.zones[2],
        other => panic!("an unknown quantity {other}"),
    }
}

/// Fails unless a value is that of a row, relative to its size if that is above 1.
fn assert_near(design: &str, row: &Row, found: f64, wanted: f64, tolerance: f64) {
    let distance = (found - wanted).abs() / wanted.abs().max(1.0);
    assert!(distance <= tolerance, "{design} {row:?}: {found}");
}

/// The reference begins the zone that starts at a conditional power of 0 at Z = 1e-6, not at 0.
fn tolerance(design: &str) -> f64 {
    if design == "PZ-all" { 1e-6 } else { 1e-9 }
}

/// The effect of a case, on Z per root of a patient, and what is left of the quantity.
fn effect<'q>(reference: &Reference, quantity: &'q str) -> Option<(f64, &'q str)> {
    let (case, what) = quantity.rsplit_once(' ')?;
    if let Some(drift) = case.strip_prefix("drift=") {
        let rounded: f64 = drift.parse().expect("a number");
        // Six digits identify the drift, and are not precise enough to compute with.
        let exact = reference.list("drifts").into_iter().find(|it| (it - rounded).abs() < 1e-5);
        return Some((exact.expect("a drift of the inputs"), what));
    }
    if let Some(delta) = case.strip_prefix("delta=") {
        return Some((delta.parse::<f64>().expect("a number") / 15.0, what));
    }
    if let Some(odds_ratio) = case.strip_prefix("or=") {
        let odds_ratio: f64 = odds_ratio.parse().expect("a number");
        let control = reference.list("control");
        let control = MrsDistribution::new(control.try_into().expect("seven shares"));
        let control = control.expect("a distribution");
        let shifted = control.shifted(odds_ratio);
        let cubes = control.probabilities().iter().zip(shifted.probabilities());
        let cubes: f64 = cubes.map(|(p, q)| (0.5 * (p + q)).powi(3)).sum();
        return Some((libm::log(odds_ratio) * ((1.0 - cubes) / 12.0).sqrt(), what));
    }
    let [control, experimental] = rates(quantity)?;
    let variance = control * (1.0 - control) + experimental * (1.0 - experimental);
    Some(((experimental - control) / (2.0 * variance).sqrt(), what))
}

/// The rates of a case such as `0.25 v 0.4 chw`.
fn rates(quantity: &str) -> Option<[f64; 2]> {
    let (case, _) = quantity.rsplit_once(' ')?;
    let (control, experimental) = case.split_once(" v ")?;
    Some([control.parse().ok()?, experimental.parse().ok()?])
}

/// Zones, conditional powers, new sizes and the characteristics by quadrature of nine designs.
#[test]
fn promising_zones_are_those_of_the_reference() {
    let mut seen = 0;
    for (design, reference) in &references() {
        if design.starts_with("BL") {
            continue;
        }
        let zone = reference.zone();
        let mut computed = BTreeMap::new();
        for row in &reference.rows {
            let quantity = row.quantity.as_str();
            let oracle = ["ref", "normal", "two-dimensional"].contains(&row.source.as_str());
            let is_enumerated = row.source == "ref" && rates(quantity).is_some();
            if !oracle || is_enumerated {
                continue;
            }
            seen += 1;
            let tolerance = tolerance(design);
            if quantity == "bounds" {
                let StageBounds { interim, last } = zone.bounds();
                assert!(interim == row.values[0] || (interim - row.values[0]).abs() < 1e-8);
                assert_near(design, row, last, row.values[1], 1e-8);
            } else if quantity == "zone_z" {
                let changes = zone.changes();
                assert_eq!(changes.len(), row.values.len(), "{design} {changes:?} {row:?}");
                for (found, wanted) in changes.iter().zip(&row.values) {
                    assert_near(design, row, *found, *wanted, tolerance.max(2e-8));
                }
            } else if quantity == "cpmin_conventional" {
                // The reference searches a grid of 1e-5 in Z.
                assert_near(design, row, zone.least_for_conventional(), row.values[0], 1e-5);
            } else if let Some(case) = quantity.strip_prefix("cpmin_conventional t=") {
                let (t, maximum) = case.split_once(" max=").expect("a case");
                let number = |text: &str| text.parse().expect("a number");
                let sizes =
                    StageSizes { interim: number(t), planned: 1.0, maximum: number(maximum) };
                let limits = ZoneLimits { at_least: 0.3, target: 0.8 };
                let bounds = StageBounds { interim: f64::INFINITY, last: upper_quantile(0.025) };
                let zone = PromisingZone::new(sizes, limits, bounds).expect("valid");
                assert_near(design, row, zone.least_for_conventional(), row.values[0], 1e-5);
            } else if let Some(z) = quantity.strip_prefix("z1=") {
                let z = z.parse().expect("a number");
                assert_near(design, row, zone.conditional_power(z), row.values[0], 1e-12);
                assert_near(design, row, zone.size(z), row.values[1], 1e-12);
            } else {
                let (effect, what) = effect(reference, quantity).expect("a case");
                let found = computed
                    .entry(effect.to_bits())
                    .or_insert_with(|| zone.characteristics(effect));
                assert_near(
                    design,
                    row,
                    by_quadrature(found, what),
                    row.values[0],
                    tolerance.max(2e-8),
                );
            }
        }
    }
    assert_eq!(seen, 571);
}

/// Rows by enumeration, and simulations within 4 standard errors: one in 16 000 fails by chance.
#[test]
fn exact_promising_zones_are_those_of_the_reference() {
    let mut seen = BTreeSet::new();
    for (design, reference) in &references() {
        if !design.starts_with("PZ-") {
            continue;
        }
        let zone = reference.zone();
        let mut computed = BTreeMap::new();
        for row in &reference.rows {
            let Some(case) = rates(&row.quantity) else { continue };
            let what = row.quantity.rsplit(' ').next().expect("a quantity");
            let found = computed.entry(case.map(f64::to_bits)).or_insert_with(|| zone.exact(case));
            match (row.source.as_str(), row.se) {
                ("ref", None) => {
                    assert_near(design, row, by_enumeration(found, what), row.values[0], 1e-9);
                }
                ("simulation", Some(se)) => {
                    let distance = (by_enumeration(found, what) - row.values[0]).abs();
                    assert!(distance < 4.0 * se, "{design} {row:?}");
                }
                // By quadrature, or of a rule without a zone.
                _ => continue,
            }
            seen.insert(format!("{design} {} {}", row.quantity, row.source));
        }
    }
    assert!(seen.len() > 130, "{}", seen.len());
}

#[test]
fn blinded_reestimations_are_those_of_the_reference() {
    let mut seen = 0;
    for (design, reference) in &references() {
        if !design.starts_with("BL") {
            continue;
        }
        let whole = |key| reference.input(key) as u32;
        let rule = PooledRate {
            interim: whole("n1"),
            planned: whole("n2"),
            maximum: whole("nmax"),
            difference: reference.input("delta"),
            alpha_one_sided: reference.input("alpha"),
            power: reference.input("power"),
            restriction: match whole("restricted") {
                1 => Restriction::Restricted,
                _ => Restriction::Unrestricted,
            },
        };
        let mut computed: BTreeMap<[u64; 2], PooledRateCharacteristics> = BTreeMap::new();
        for row in &reference.rows {
            seen += 1;
            if let Some(pooled) = row.quantity.strip_prefix("size at pooled ") {
                let size = rule.unlimited(pooled.parse().expect("a number"));
                assert_near(design, row, size, row.values[0], 1e-9);
                continue;
            }
            let case = rates(&row.quantity).expect("a case");
            let found = computed.entry(case.map(f64::to_bits)).or_insert_with(|| rule.exact(case));
            let value = match row.quantity.rsplit(' ').next().expect("a quantity") {
                "rejection" => found.rejection,
                "fixed_planned" => found.fixed,
                "expected_n" => found.expected_size,
                "sd_n" => found.sd_size,
                other => panic!("an unknown quantity {other}"),
            };
            match row.se {
                Some(se) => assert!((value - row.values[0]).abs() < 4.0 * se, "{design} {row:?}"),
                // A difference of squares of sizes leaves fewer digits.
                None => assert_near(design, row, value, row.values[0], 1e-8),
            }
        }
    }
    assert_eq!(seen, 60);
}
