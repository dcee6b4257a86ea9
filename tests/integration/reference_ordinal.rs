//! Analyses compared with R on data sets with empty categories (tests/reference/README.md).

use std::collections::{BTreeMap, BTreeSet};

use rescuesim::analysis::proportional_odds::unadjusted::{fit, score_z};
use rescuesim::analysis::restricted::{Distance, OddsRatio};
use rescuesim::analysis::two_proportions::fisher::Conditional;
use rescuesim::analysis::two_proportions::intervals::interval;
use rescuesim::analysis::two_proportions::{
    Arms, ProportionEffect, ProportionInterval, ProportionTest, z,
};
use rescuesim::analysis::{FitStatus, OutcomeTable, two_proportions};
use rescuesim::num::normal::two_sided;
use rescuesim::outcome::Mrs;

use crate::util::whole_number;

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

/// Tables counted from the rows of patients.
fn tables() -> BTreeMap<String, OutcomeTable> {
    let text = include_str!("../reference/ordinal_data.csv");
    let mut tables: BTreeMap<String, OutcomeTable> = BTreeMap::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        let [arm, mrs] = [2, 6].map(|column| whole_number(&record, column));
        tables.entry(record[0].to_owned()).or_default().counts[arm][mrs] += 1;
    }
    tables
}

#[test]
fn shift_and_proportion_tests_agree_with_the_reference() {
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
        let wald = fit(&table.weights());
        assert_eq!(wald.status, FitStatus::Converged);
        // R's coefficient is above 0 for a worse outcome.
        for source in ["ownNewton", "clm", "orm"] {
            check("unadjusted", "trt_coef_polr_sign", source, -wald.log_odds_ratio, 1e-8);
            check("unadjusted", "trt_se", source, wald.standard_error, 1e-8);
            check("unadjusted", "trt_wald_z", source, -wald.z(), 1e-7);
        }
        let score = score_z(&table.weights()).expect("the data have information");
        check("unadjusted", "score_z_expected", "ownNewton", -score, 1e-10);
        let n = f64::from(table.total());
        check("WMW", "z", "formula", -score * ((n - 1.0) / n).sqrt(), 1e-10);
    }
    assert_eq!(compared, 99);
}

/// Every row of the dichotomy in the reference has its counterpart here, and vice versa.
#[test]
fn every_two_proportion_value_agrees_with_the_reference() {
    let reference = reference();
    let mut compared = 0;
    for (name, table) in &tables() {
        let ours = dichotomy(table);
        let mut met = BTreeSet::new();
        let rows =
            reference.iter().filter(|([set, model, ..], _)| set == name && model == "mRS<=2");
        for ([_, _, quantity, source], &theirs) in rows {
            let value = *ours.get(quantity.as_str()).expect("the quantity has a counterpart");
            let (error, tolerance) = error_and_tolerance(quantity, source, value, theirs);
            assert!(error <= tolerance, "{name} {quantity} {source}: {value} for {theirs}");
            met.insert(quantity.as_str());
            compared += 1;
        }
        assert!(met.iter().eq(ours.keys()), "{name}: {met:?}");
    }
    // 36 quantities, six of them from two sources, of nine data sets.
    assert_eq!(compared, 42 * 9);
}

/// Relative error above 1, and the accuracy of the source. Closed forms and tight roots agree to 5e-15,
/// gsDesign's confidence limits to 3.0e-5.
fn error_and_tolerance(quantity: &str, source: &str, ours: f64, theirs: f64) -> (f64, f64) {
    let error = (ours - theirs).abs() / theirs.abs().max(1.0);
    match source {
        "input" => (error, 0.0),
        "gsDesign::ciBinomial" => (error, 4e-5),
        // R finds the odds ratio, or its reciprocal if above 1, to the fourth root of the rounding error.
        "fisher.test" if quantity.contains("OR") => {
            let [ours, theirs] = [ours, theirs].map(|odds| odds.min(1.0 / odds));
            ((ours - theirs).abs(), f64::EPSILON.sqrt().sqrt())
        }
        _ => (error, 1e-13),
    }
}

/// The only source of these confidence limits is inaccurate, so they are also compared with their definition.
#[test]
fn confidence_limits_of_ratios_are_just_rejected() {
    for table in tables().values() {
        let arms = two_proportions::arms(&table.weights(), Mrs::new(2).expect("a score"));
        let rates = arms.map(|arm| arm.rate());
        let patients = arms.map(|arm| arm.patients);
        let total = patients[0] + patients[1];
        let limits = |effect| {
            let (low, high) = interval(&arms, effect, ProportionInterval::MiettinenNurminen, 0.95)
                .expect("both arms have patients");
            [(libm::exp(low), 1.0), (libm::exp(high), -1.0)]
        };
        let ratio = limits(ProportionEffect::LogRiskRatio)
            .map(|(limit, sign)| (Distance::Ratio(limit).score_z(rates, patients), sign));
        let odds = limits(ProportionEffect::LogOddsRatio)
            .map(|(limit, sign)| (OddsRatio(limit).score_z(rates, patients), sign));
        for (z, sign) in ratio.into_iter().chain(odds) {
            let z = z * ((total - 1.0) / total).sqrt();
            assert!((z - sign * 1.959963984540054).abs() < 1e-9, "{z}");
        }
        let fisher = Conditional::of(&arms).expect("whole counts");
        let (low, high) = fisher.odds_ratio_interval(0.95);
        assert!((fisher.tails_at(low).upper - 0.025).abs() < 1e-12);
        assert!((fisher.tails_at(high).lower - 0.025).abs() < 1e-12);
    }
}

/// The quantities of the reference's dichotomy at mRS ≤ 2.
fn dichotomy(table: &OutcomeTable) -> BTreeMap<&'static str, f64> {
    let arms = two_proportions::arms(&table.weights(), Mrs::new(2).expect("a score"));
    let mut out = BTreeMap::from([("x_trt0", arms[0].events), ("x_trt1", arms[1].events)]);
    out.extend(test_statistics(&arms));
    out.extend(exact_test(&arms));
    out.extend(effects(&arms));
    let rates = arms.map(|arm| arm.rate());
    let patients = arms.map(|arm| arm.patients);
    for (quantity, margin) in [("FM_z_delta0_-0.1", -0.1), ("FM_z_delta0_0.05", 0.05)] {
        out.insert(quantity, Distance::Difference(margin).score_z(rates, patients));
    }
    out
}

fn test_statistics(arms: &Arms) -> [(&'static str, f64); 6] {
    let z = |test| z(arms, test).expect("the data have information");
    let [pooled, corrected] = [ProportionTest::PooledZ, ProportionTest::ContinuityCorrected].map(z);
    [
        ("z_pooled", pooled),
        ("z_unpooled", z(ProportionTest::UnpooledZ)),
        ("chi2", pooled * pooled),
        ("chi2_p", two_sided(pooled)),
        ("chi2_yates", corrected * corrected),
        ("chi2_yates_p", two_sided(corrected)),
    ]
}

fn exact_test(arms: &Arms) -> [(&'static str, f64); 5] {
    let fisher = Conditional::of(arms).expect("whole counts");
    let (low, high) = fisher.odds_ratio_interval(0.95);
    [
        ("fisher_p_two_sided", fisher.p_two_sided()),
        ("fisher_p_greater", fisher.tails().upper),
        ("fisher_cond_MLE_OR", fisher.odds_ratio()),
        ("fisher_OR_ci_low", low),
        ("fisher_OR_ci_high", high),
    ]
}

/// Estimates, standard errors and intervals; ratios as ratios, not logarithms.
fn effects(arms: &Arms) -> BTreeMap<&'static str, f64> {
    use ProportionEffect::{LogOddsRatio, LogRiskRatio, RiskDifference};
    use ProportionInterval::{FarringtonManning, MiettinenNurminen, Newcombe, Wald};
    let [difference, risks, odds] =
        [RiskDifference, LogRiskRatio, LogOddsRatio].map(|effect| effect.estimate(arms));
    let mut out = BTreeMap::from([
        ("RD", difference.estimate),
        ("RR", libm::exp(risks.estimate)),
        ("logRR_se", risks.standard_error),
        ("OR", libm::exp(odds.estimate)),
        ("logOR_se", odds.standard_error),
    ]);
    for (effect, method, names) in [
        (RiskDifference, Wald, ["RD_wald_low", "RD_wald_high"]),
        (RiskDifference, Newcombe, ["RD_newcombe10_low", "RD_newcombe10_high"]),
        (RiskDifference, MiettinenNurminen, ["RD_MN_low", "RD_MN_high"]),
        (RiskDifference, FarringtonManning, ["RD_FM_low", "RD_FM_high"]),
        (LogRiskRatio, Wald, ["RR_katz_low", "RR_katz_high"]),
        (LogOddsRatio, Wald, ["OR_woolf_low", "OR_woolf_high"]),
        (LogRiskRatio, MiettinenNurminen, ["RR_MN_low", "RR_MN_high"]),
        (LogOddsRatio, MiettinenNurminen, ["OR_MN_low", "OR_MN_high"]),
    ] {
        let (low, high) = interval(arms, effect, method, 0.95).expect("both arms have patients");
        let limits =
            if effect == RiskDifference { [low, high] } else { [low, high].map(libm::exp) };
        out.extend(names.into_iter().zip(limits));
    }
    out
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
