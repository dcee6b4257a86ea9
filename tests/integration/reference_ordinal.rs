//! Analyses against R on data sets with empty categories (tests/reference/README.md).

use std::collections::BTreeMap;

use rescuesim::analysis::proportional_odds::{ShiftTest, fit, score_z, test as shift_test};
use rescuesim::analysis::{FitStatus, OutcomeTable, two_proportions};
use rescuesim::outcome::Mrs;

/// Values by (data set, model, quantity, source).
type Reference = BTreeMap<[String; 4], f64>;

fn reference() -> Reference {
    let text = include_str!("../reference/ordinal.csv");
    let records = csv::Reader::from_reader(text.as_bytes()).into_records();
    records
        .map(|record| {
            let record = record.expect("a well-formed reference");
            let value = record[3].parse().unwrap_or(f64::NAN);
            ([&record[0], &record[1], &record[2], &record[4]].map(str::to_owned), value)
        })
        .collect()
}

/// Tables from the patient rows.
fn tables() -> BTreeMap<String, OutcomeTable> {
    let text = include_str!("../reference/ordinal_data.csv");
    let mut tables: BTreeMap<String, OutcomeTable> = BTreeMap::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        let index = |i: usize| record[i].parse::<usize>().expect("a whole number");
        tables.entry(record[0].to_owned()).or_default().counts[index(2)][index(6)] += 1;
    }
    tables
}

#[test]
fn shift_and_proportion_tests_are_the_reference() {
    let reference = reference();
    let tables = tables();
    assert!(tables.len() >= 9);
    let mut compared = 0;
    for (name, table) in &tables {
        let mut check = |model: &str, quantity: &str, source: &str, ours: f64, tolerance: f64| {
            let key = [name, model, quantity, source].map(str::to_owned);
            if let Some(&theirs) = reference.get(&key) {
                assert!((ours - theirs).abs() <= tolerance, "{key:?}: {ours} for {theirs}");
                compared += 1;
            }
        };
        let wald = shift_test(table, ShiftTest::Wald);
        assert_eq!(wald.status, FitStatus::Converged);
        // R's coefficient is above 0 for a worse outcome.
        for source in ["ownNewton", "clm", "orm"] {
            check("unadjusted", "trt_coef_polr_sign", source, -wald.estimate, 1e-8);
            check("unadjusted", "trt_se", source, wald.standard_error, 1e-8);
            check("unadjusted", "trt_wald_z", source, -wald.z, 1e-7);
        }
        let score = score_z(table).expect("the data have information");
        check("unadjusted", "score_z_expected", "ownNewton", -score, 1e-10);
        let n = f64::from(table.total());
        check("WMW", "z", "formula", -score * ((n - 1.0) / n).sqrt(), 1e-10);

        let cut = Mrs::new(2).expect("a score");
        let independence = two_proportions::test(table, cut);
        check("mRS<=2", "z_pooled", "formula", independence.z, 1e-10);
        check("mRS<=2", "RD", "formula", independence.estimate, 1e-12);
        let low = independence.estimate - 1.959963984540054 * independence.standard_error;
        check("mRS<=2", "RD_wald_low", "formula", low, 1e-12);
    }
    assert!(compared > 100, "{compared} values compared");
}

/// Shares instead of counts give the same odds ratio, and the information scales with them.
#[test]
fn weights_scale_the_information_and_not_the_estimate() {
    for table in tables().values() {
        let counts = table.counts.map(|arm| arm.map(f64::from));
        let quarter = counts.map(|arm| arm.map(|count| count / 4.0));
        let (whole, quarter) = (fit(&counts), fit(&quarter));
        assert!((whole.log_odds_ratio - quarter.log_odds_ratio).abs() < 1e-9);
        assert!((2.0 * whole.standard_error - quarter.standard_error).abs() < 1e-8);
    }
}
