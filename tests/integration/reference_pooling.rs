//! Pooling of 2×2 tables compared with metafor (tests/reference/README.md).

use std::collections::BTreeMap;

use rescuesim::evidence::{Pooled, PoolingMethod, Study, TauEstimator, pool};

type Values = BTreeMap<(String, String, String), Vec<f64>>;

/// Values by (set, method, quantity), on the odds ratio's scale.
fn reference() -> Values {
    let text = include_str!("../reference/meta.csv");
    let mut values = Values::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        if &record[1] == "OR" {
            let key = (record[0].to_owned(), record[2].to_owned(), record[3].to_owned());
            values.entry(key).or_default().push(record[5].parse().unwrap_or(f64::NAN));
        }
    }
    values
}

/// Events and patients per arm of a study: experimental, then control.
type Table = [u32; 4];

/// The sets of `r/f_meta.R`; the second has a zero cell.
const SETS: [(&str, [Table; 4]); 2] = [
    ("A", [[62, 156, 39, 156], [48, 120, 30, 118], [30, 75, 20, 77], [21, 60, 15, 58]]),
    ("B", [[62, 156, 39, 156], [0, 25, 4, 27], [30, 75, 20, 77], [12, 60, 15, 58]]),
];

fn study([a, n_e, c, n_c]: Table) -> Study {
    Study { name: "study".into(), experimental: (a, n_e), control: (c, n_c) }
}

fn random(tau: TauEstimator, hartung_knapp: bool) -> PoolingMethod {
    PoolingMethod::RandomEffects { tau, hartung_knapp }
}

fn methods() -> Vec<(&'static str, PoolingMethod)> {
    vec![
        ("IV fixed (EE)", PoolingMethod::InverseVariance),
        ("MH (no correction in MH; metafor default)", PoolingMethod::MantelHaenszel),
        ("Peto", PoolingMethod::Peto),
        ("DL", random(TauEstimator::DerSimonianLaird, false)),
        ("REML", random(TauEstimator::Reml, false)),
        ("PM", random(TauEstimator::PauleMandel, false)),
        ("DL+HKSJ", random(TauEstimator::DerSimonianLaird, true)),
        ("REML+HKSJ", random(TauEstimator::Reml, true)),
    ]
}

fn quantity(pooled: &Pooled, name: &str) -> Option<f64> {
    Some(match name {
        "estimate" => pooled.log_odds_ratio,
        "se" => pooled.standard_error,
        "ci_lb" => pooled.interval.0,
        "ci_ub" => pooled.interval.1,
        "pval" => pooled.p_two_sided,
        "QE" => pooled.q,
        "QEp" => pooled.q_p,
        "tau2" => pooled.tau_squared?,
        // metafor gives per cent.
        "I2" => 100.0 * pooled.i_squared,
        _ => return None,
    })
}

/// Every quantity of every method on two sets, one with a zero cell. Hartung–Knapp is compared
/// only if its lower limit of the variance is not active, as metafor has none.
#[test]
fn pooled_odds_ratios_agree_with_metafor() {
    let values = reference();
    let mut compared = 0;
    for (set, tables) in SETS {
        let studies = tables.map(study);
        for (name, method) in methods() {
            let pooled = pool(&studies, method).expect("informative studies");
            let theirs = |quantity: &str| {
                Some(values.get(&(set.to_owned(), name.to_owned(), quantity.to_owned()))?[0])
            };
            let guarded = name.ends_with("HKSJ")
                && theirs("se").is_some_and(|se| pooled.standard_error > se + 1e-9);
            for wanted in ["estimate", "se", "ci_lb", "ci_ub", "pval", "QE", "QEp", "tau2", "I2"] {
                let pair = (quantity(&pooled, wanted), theirs(wanted));
                let (Some(ours), Some(theirs)) = pair else { continue };
                if guarded && !["estimate", "QE", "QEp", "tau2", "I2"].contains(&wanted) {
                    continue;
                }
                assert!((ours - theirs).abs() < 1e-6, "{set} {name} {wanted}: {ours} for {theirs}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 114);
}

/// metafor 3.8-1 predicts by the reference distribution of the mean, which for τ² = 0 gives its
/// confidence interval; Higgins, Thompson & Spiegelhalter (2009) by t on k − 2 degrees of freedom.
/// The expected value combines metafor's estimate, standard error and τ² with the closed form
/// 0.95·√(2/(1 − 0.95²)) of the quantile.
#[test]
fn the_prediction_interval_has_two_degrees_of_freedom_less_than_studies() {
    let values = reference();
    for (set, tables) in SETS {
        let studies = tables.map(study);
        for name in ["DL", "REML", "PM"] {
            let theirs = |quantity: &str| values[&(set.into(), name.into(), quantity.into())][0];
            let (mean, error, tau_squared) = (theirs("estimate"), theirs("se"), theirs("tau2"));
            let reach = 4.302652729749464 * (error * error + tau_squared).sqrt();
            let method = methods().into_iter().find(|(known, _)| *known == name);
            let pooled = pool(&studies, method.expect("it is known").1).expect("informative");
            let predicted = pooled.prediction.expect("four studies");
            assert_eq!(predicted.degrees_of_freedom, 2.0);
            assert!((predicted.interval.0 - (mean - reach)).abs() < 1e-6, "{set} {name}");
            assert!((predicted.interval.1 - (mean + reach)).abs() < 1e-6, "{set} {name}");
            assert!(predicted.interval.0 < pooled.interval.0 - 0.1, "{set} {name}");
        }
    }
    let two = [SETS[0].1[0], SETS[0].1[1]].map(study);
    let reml = PoolingMethod::RandomEffects { tau: TauEstimator::Reml, hartung_knapp: false };
    assert_eq!(pool(&two, reml).expect("two studies").prediction, None);
}
