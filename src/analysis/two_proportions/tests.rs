//! Laws of the tests, effects and intervals of two proportions.

use super::*;
use crate::analysis::FitStatus;
use crate::analysis::Z_95;
use crate::analysis::restricted::{Distance, OddsRatio};
use intervals::interval;
use proptest::prelude::*;

const TWO: Mrs = Mrs::INDEPENDENT;

const TESTS: [ProportionTest; 5] = [
    ProportionTest::PooledZ,
    ProportionTest::UnpooledZ,
    ProportionTest::ContinuityCorrected,
    ProportionTest::Fisher,
    ProportionTest::FisherMidP,
];
const EFFECTS: [ProportionEffect; 3] = [
    ProportionEffect::RiskDifference,
    ProportionEffect::LogRiskRatio,
    ProportionEffect::LogOddsRatio,
];
const INTERVALS: [ProportionInterval; 4] = [
    ProportionInterval::Wald,
    ProportionInterval::Newcombe,
    ProportionInterval::MiettinenNurminen,
    ProportionInterval::FarringtonManning,
];

/// Events and patients of each arm.
fn counts(control: [u32; 2], experimental: [u32; 2]) -> Arms {
    [control, experimental].map(|[events, patients]| ArmEvents {
        events: f64::from(events),
        patients: f64::from(patients),
    })
}

/// An arm of 1 to `most` patients, in one of three cases with no or only events.
fn arm(most: u32) -> impl Strategy<Value = [u32; 2]> {
    (1..=most).prop_flat_map(|patients| {
        let events = prop_oneof![4 => 0..=patients, 1 => Just(0), 1 => Just(patients)];
        events.prop_map(move |events| [events, patients])
    })
}

fn two_arms(most: u32) -> impl Strategy<Value = Arms> {
    (arm(most), arm(most)).prop_map(|(control, experimental)| counts(control, experimental))
}

/// Score Z at a point of the effect's scale.
fn score_z(arms: &Arms, effect: ProportionEffect, at: f64) -> f64 {
    let rates = arms.map(|arm| arm.rate());
    let patients = arms.map(|arm| arm.patients);
    match effect {
        ProportionEffect::RiskDifference => Distance::Difference(at).score_z(rates, patients),
        ProportionEffect::LogRiskRatio => Distance::Ratio(libm::exp(at)).score_z(rates, patients),
        ProportionEffect::LogOddsRatio => OddsRatio(libm::exp(at)).score_z(rates, patients),
    }
}

proptest! {
    #[test]
    fn swapping_the_arms_flips_every_sign(arms in two_arms(200)) {
        let swapped = [arms[1], arms[0]];
        for test in TESTS {
            match (z(&arms, test), z(&swapped, test)) {
                (None, None) => {}
                (Some(a), Some(b)) => prop_assert!((a + b).abs() <= 1e-12, "{test:?} {a} {b}"),
                one => prop_assert!(false, "{test:?} {one:?}"),
            }
        }
        for effect in EFFECTS {
            let (a, b) = (effect.estimate(&arms), effect.estimate(&swapped));
            prop_assert_eq!(a.status, b.status);
            if a.status != FitStatus::NoInformation {
                prop_assert_eq!(a.estimate, -b.estimate);
                prop_assert_eq!(a.standard_error, b.standard_error);
            }
            for method in INTERVALS {
                let mirrored = interval(&swapped, effect, method, 0.9).map(|(low, high)| (-high, -low));
                prop_assert_eq!(interval(&arms, effect, method, 0.9), mirrored);
            }
        }
    }

    #[test]
    fn estimates_are_defined_and_intervals_contain_them(
        arms in two_arms(60),
        level in 0.5..0.999f64,
    ) {
        for effect in EFFECTS {
            let EffectEstimate { estimate, standard_error, status } = effect.estimate(&arms);
            match status {
                FitStatus::Converged => prop_assert!(estimate.is_finite() && standard_error > 0.0),
                FitStatus::Separated => prop_assert!(
                    !estimate.is_nan() && (standard_error == 0.0 || standard_error.is_infinite())
                ),
                // Patients who are all alike do not differ, and have no ratio.
                FitStatus::NoInformation => {
                    let as_due = match effect {
                        ProportionEffect::RiskDifference => (estimate, standard_error) == (0.0, 0.0),
                        ProportionEffect::LogRiskRatio | ProportionEffect::LogOddsRatio => {
                            estimate.is_nan()
                        }
                    };
                    prop_assert!(as_due, "{estimate} {standard_error}");
                }
                FitStatus::NotConverged => prop_assert!(false),
            }
            for method in INTERVALS {
                let Some((low, high)) = interval(&arms, effect, method, level) else {
                    let alike = method == ProportionInterval::Wald && status == FitStatus::NoInformation;
                    prop_assert!(alike || !method.is_for(effect));
                    continue;
                };
                prop_assert!(low <= high, "{effect:?} {method:?} {low} {high}");
                if !estimate.is_nan() {
                    prop_assert!(low <= estimate && estimate <= high, "{effect:?} {method:?}");
                }
                if effect == ProportionEffect::RiskDifference {
                    prop_assert!(-1.0 <= low && high <= 1.0, "{method:?} {low} {high}");
                }
                let wider = interval(&arms, effect, method, 0.5 + 0.5 * level);
                let (wider_low, wider_high) = wider.expect("the narrower exists");
                prop_assert!(wider_low <= low + 1e-9 && high <= wider_high + 1e-9);
            }
            for test in TESTS {
                let result = analyse(&arms, test, effect, ProportionInterval::MiettinenNurminen);
                prop_assert_eq!(result.status, status);
                prop_assert_eq!(result.z.is_nan(), z(&arms, test).is_none());
                prop_assert!(!result.interval.0.is_nan() && !result.interval.1.is_nan());
            }
        }
    }

    #[test]
    fn the_score_test_is_just_significant_at_a_score_limit(arms in two_arms(400), level in 0.6..0.999f64) {
        let quantile = crate::num::normal::upper_quantile(0.5 * (1.0 - level));
        let total = arms[0].patients + arms[1].patients;
        for effect in EFFECTS {
            for (method, factor) in [
                (ProportionInterval::MiettinenNurminen, total / (total - 1.0)),
                (ProportionInterval::FarringtonManning, 1.0),
            ] {
                let (low, high) = interval(&arms, effect, method, level).expect("both arms are there");
                let edge = if effect == ProportionEffect::RiskDifference { 1.0 } else { f64::INFINITY };
                for (limit, sign) in [(low, 1.0), (high, -1.0)] {
                    if limit.abs() == edge {
                        continue;
                    }
                    let beyond =
                        |at| score_z(&arms, effect, at) / factor.sqrt() - sign * quantile;
                    // Near ±1 the restricted rates cancel and Z is steep: there only the limit
                    // is precise.
                    let step = 1e-10;
                    let crossed = beyond(limit - step) > 0.0 && beyond(limit + step) < 0.0;
                    let z = beyond(limit);
                    prop_assert!(z.abs() < 1e-9 || crossed, "{effect:?} {limit} {z}");
                }
            }
        }
    }

    #[test]
    fn the_correction_shrinks_z_and_the_score_z_at_no_effect_is_the_pooled_z(arms in two_arms(300)) {
        if let Some(pooled) = z(&arms, ProportionTest::PooledZ) {
            let corrected = z(&arms, ProportionTest::ContinuityCorrected).expect("as the pooled");
            prop_assert!(corrected * pooled >= 0.0 && corrected.abs() <= pooled.abs());
            for effect in EFFECTS {
                let score = score_z(&arms, effect, 0.0);
                prop_assert!((score - pooled).abs() < 1e-9 * (1.0 + pooled.abs()), "{effect:?}");
            }
        }
    }
}

#[test]
fn an_empty_arm_gives_a_status_and_no_number() {
    let some = counts([3, 10], [0, 0]);
    for arms in [some, [some[1], some[0]], counts([0, 0], [0, 0])] {
        for (test, effect) in TESTS.into_iter().flat_map(|t| EFFECTS.map(|e| (t, e))) {
            assert_eq!(z(&arms, test), None);
            for method in INTERVALS {
                let result = analyse(&arms, test, effect, method);
                assert_eq!(result.status, FitStatus::NoInformation);
                assert_eq!(interval(&arms, effect, method, 0.95), None);
            }
        }
    }
}

fn score_limits(arms: &Arms, effect: ProportionEffect) -> (f64, f64) {
    let method = ProportionInterval::MiettinenNurminen;
    interval(arms, effect, method, 0.95).expect("both arms have patients")
}

/// With 0 of n in both arms the limits are about ±3/n, as by the rule of three.
#[test]
fn score_limits_of_tables_with_no_or_only_events_have_their_known_values() {
    let none = counts([0, 20], [0, 20]);
    let all_against_none = counts([0, 20], [20, 20]);
    let (low, high) = score_limits(&none, ProportionEffect::RiskDifference);
    // (1 − δ)·δ/20·40/39 = (δ/1.96)² at the limit.
    assert!((high - 1.0 / (1.0 + 20.0 * 39.0 / 40.0 / Z_95 / Z_95)).abs() < 1e-12, "{high}");
    assert_eq!(low, -high);
    let (low, high) = score_limits(&all_against_none, ProportionEffect::RiskDifference);
    assert!(high == 1.0 && 0.6 < low && low < 0.9, "{low}");
    for effect in [ProportionEffect::LogRiskRatio, ProportionEffect::LogOddsRatio] {
        assert_eq!(score_limits(&none, effect), (f64::NEG_INFINITY, f64::INFINITY));
        let (low, high) = score_limits(&all_against_none, effect);
        assert!(high == f64::INFINITY && 0.0 < low && low < 10.0, "{low}");
    }
    let wald = ProportionInterval::Wald;
    let unlimited = interval(&all_against_none, ProportionEffect::LogRiskRatio, wald, 0.95);
    assert_eq!(unlimited, Some((f64::NEG_INFINITY, f64::INFINITY)));
    // No variance with one patient in all.
    let half = [ArmEvents { events: 0.2, patients: 0.5 }; 2];
    assert_eq!(score_limits(&half, ProportionEffect::RiskDifference), (-1.0, 1.0));
}

#[test]
fn expected_counts_have_every_statistic_but_fishers() {
    let arms =
        [(11.5, 46.0), (18.4, 46.0)].map(|(events, patients)| ArmEvents { events, patients });
    for test in TESTS {
        let result = analyse(&arms, test, ProportionEffect::LogOddsRatio, ProportionInterval::Wald);
        let exact = matches!(test, ProportionTest::Fisher | ProportionTest::FisherMidP);
        let status = if exact { FitStatus::NoInformation } else { FitStatus::Converged };
        assert_eq!((result.status, result.z.is_nan()), (status, exact), "{test:?}");
        assert!((result.estimate - libm::log(2.0)).abs() < 1e-12);
    }
}

#[test]
fn a_million_patients_have_every_statistic_and_interval() {
    let arms = counts([124_000, 500_000], [126_000, 500_000]);
    for test in TESTS {
        // Pooled and unpooled differ by 2e-4 here, the exact test and Yates' by less than 1e-3.
        let z = z(&arms, test).expect("both arms vary");
        assert!((z - 4.62).abs() < 0.02, "{test:?} {z}");
    }
    let [wald, score] = [ProportionInterval::Wald, ProportionInterval::MiettinenNurminen]
        .map(|method| interval(&arms, ProportionEffect::LogOddsRatio, method, 0.95));
    let (wald, score) = (wald.expect("it varies"), score.expect("both arms are there"));
    assert!((wald.0 - score.0).abs() < 1e-6 && (wald.1 - score.1).abs() < 1e-6);
}

fn by_default(counts: &[[i32; 7]; 2]) -> TestResult {
    let arms = arms(&counts.map(|arm| arm.map(f64::from)), TWO);
    let (test, effect) = (ProportionTest::PooledZ, ProportionEffect::RiskDifference);
    analyse(&arms, test, effect, ProportionInterval::Wald)
}

#[test]
fn the_default_is_pooled_with_the_difference_and_walds_interval() {
    let counts = [[4, 8, 14, 20, 30, 15, 21], [10, 12, 17, 20, 25, 9, 12]];
    let swapped = [counts[1], counts[0]];
    let [a, b] = [counts, swapped].map(|counts| by_default(&counts));
    assert!(a.z > 0.0 && a.estimate > 0.0);
    assert_eq!((a.z, a.estimate), (-b.z, -b.estimate));
    assert_eq!(a.standard_error, b.standard_error);
    assert_eq!(a.interval, (-b.interval.1, -b.interval.0));
    let wald = TestResult::with_wald_interval(a.estimate, a.standard_error, a.z, a.status);
    assert_eq!(a, wald);
}

#[test]
fn tables_without_information_have_a_status_and_no_statistic() {
    let cases: [[[i32; 7]; 2]; 4] = [
        [[0; 7], [0; 7]],
        [[0; 7], [3, 1, 0, 2, 0, 0, 1]],
        [[5, 0, 0, 0, 0, 0, 0], [4, 1, 0, 0, 0, 0, 0]],
        [[0, 0, 0, 5, 0, 0, 0], [0, 0, 0, 0, 0, 0, 7]],
    ];
    for counts in cases {
        let arms = arms(&counts.map(|arm| arm.map(f64::from)), TWO);
        assert_eq!(z(&arms, ProportionTest::PooledZ), None, "{counts:?}");
        let result = by_default(&counts);
        assert_eq!(result.status, FitStatus::NoInformation);
        let empty = counts.iter().any(|arm| arm.iter().sum::<i32>() == 0);
        assert!(result.z.is_nan() && result.interval.0.is_nan() == empty, "{counts:?}");
        assert!(empty || result.estimate == 0.0, "{counts:?}");
    }
}
