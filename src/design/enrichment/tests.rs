use proptest::prelude::*;

use super::*;

fn design(drop_below: f64) -> Enrichment {
    Enrichment::new(1.0 / 3.0, drop_below, 0.025).expect("inside its ranges")
}

#[test]
fn values_outside_their_ranges_are_refused() {
    assert_eq!(Enrichment::new(1.0, 0.1, 0.025), Err(NoEnrichment::Fraction(1.0)));
    assert_eq!(Enrichment::new(0.0, 0.1, 0.025), Err(NoEnrichment::Fraction(0.0)));
    assert_eq!(Enrichment::new(0.5, 1.0, 0.025), Err(NoEnrichment::DropBelow(1.0)));
    assert_eq!(Enrichment::new(0.5, -0.1, 0.025), Err(NoEnrichment::DropBelow(-0.1)));
    assert_eq!(Enrichment::new(0.5, 0.1, 0.5), Err(NoEnrichment::Alpha(0.5)));
    assert!(Enrichment::new(0.5, f64::NAN, 0.025).is_err());
}

/// The boundary of EN-1 in tests/reference/enrichment.csv.
#[test]
fn levels_are_dropped_at_the_boundary_of_the_conditional_power() {
    let design = design(0.1);
    let boundary = design.drop_boundary();
    assert!((boundary - 0.527_456_532_451_623).abs() < 1e-12, "{boundary}");
    assert!((design.expected_power(boundary) - 0.1).abs() < 1e-12);
    assert!(design.continues(boundary) && !design.continues(boundary - 1e-9));
    assert_eq!(self::design(0.0).drop_boundary(), f64::NEG_INFINITY);
    let predictive = design.by(DropMeasure::PredictivePower);
    let boundary = predictive.drop_boundary();
    assert!((predictive.expected_power(boundary) - 0.1).abs() < 1e-12);
    // Averaged over what is not known of the effect, extreme powers move towards one half.
    assert!(boundary < design.drop_boundary());
}

#[test]
fn sets_of_levels_list_their_members() {
    let set = LevelSet::NONE.with(1).with(4);
    assert_eq!((set.len(), set.has(4), set.has(0)), (2, true, false));
    assert_eq!(set.iter().collect::<Vec<_>>(), [1, 4]);
    assert_eq!(set.and(LevelSet::first(4)), LevelSet::NONE.with(1));
    assert_eq!(LevelSet::all_of(3).count(), 7);
    assert_eq!(LevelSet::first(MOST_LEVELS).len(), MOST_LEVELS);
}

/// With one level there is one intersection, whose test is that of the weighted statistic.
#[test]
fn one_level_is_no_enrichment() {
    let design = design(0.0);
    let critical = upper_quantile(0.025);
    let [w1, w2] = [f64::sqrt(1.0 / 3.0), f64::sqrt(2.0 / 3.0)];
    for first in [-1.0, 0.3, 1.5, 3.0] {
        for second in [-2.0, 0.0, 1.2, 2.5] {
            let level = LevelStages { first, second: Some(second) };
            let rejects = w1 * first + w2 * second >= critical;
            assert_eq!(!design.rejected(&[level]).is_empty(), rejects, "{first} {second}");
        }
    }
}

#[test]
fn a_dropped_level_is_never_rejected() {
    let strong = LevelStages { first: 6.0, second: Some(6.0) };
    let dropped = LevelStages { first: 6.0, second: None };
    assert_eq!(design(0.1).rejected(&[strong, dropped]), LevelSet::first(1));
    assert_eq!(design(0.1).rejected(&[dropped, strong]), LevelSet::NONE.with(1));
    assert_eq!(design(0.1).rejected(&[dropped, dropped]), LevelSet::NONE);
}

/// Simes' test of all levels can hold a level back that is significant by itself.
#[test]
fn closed_testing_needs_every_intersection() {
    let weak = LevelStages { first: -1.0, second: Some(-1.0) };
    let just = LevelStages { first: 1.2, second: Some(1.6) };
    assert_eq!(design(0.0).rejected(&[just]), LevelSet::first(1));
    assert_eq!(design(0.0).rejected(&[just, weak]), LevelSet::NONE);
}

/// Between the exact extremes, whatever the other level's effect. With one level alone under its null
/// hypothesis and the other overwhelming, its own test remains, which spends all of α.
#[test]
fn the_familywise_error_is_at_most_alpha_at_every_null_configuration() {
    let effect = |z: f64| LevelDrift { first: z, second: z * 2f64.sqrt(), alone: 2.0 * z };
    for (fraction, drop_below) in [(1.0 / 3.0, 0.0), (1.0 / 3.0, 0.1), (0.5, 0.3), (0.7, 0.05)] {
        let design = Enrichment::new(fraction, drop_below, 0.025).expect("inside its ranges");
        let mut largest: f64 = 0.0;
        for z in [0.0, 0.5, 1.0, 2.0, 4.0, 8.0] {
            let other = if z == 0.0 { LevelDrift::NONE } else { effect(z) };
            let found = EnrichmentCharacteristics::new(&design, &[LevelDrift::NONE, other]);
            largest = largest.max(found.familywise_error);
            assert!(
                found.familywise_error <= 0.025 + 1e-7,
                "{fraction} {drop_below} {z}: {found:?}"
            );
        }
        if drop_below == 0.0 {
            assert!(largest > 0.0249, "the test of one level has its level: {largest}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The levels may be named in either order; probabilities add up.
    #[test]
    fn characteristics_are_symmetric(a in 0.0..3.0f64, b in -1.0..3.0f64, drop_below in 0.0..0.5f64) {
        let design = design(drop_below);
        let drift = |z: f64| LevelDrift { first: z, second: 1.5 * z, alone: 2.0 * z };
        let found = EnrichmentCharacteristics::new(&design, &[drift(a), drift(b)]);
        let mirrored = EnrichmentCharacteristics::new(&design, &[drift(b), drift(a)]);
        prop_assert!((found.rejected[0] - mirrored.rejected[1]).abs() < 1e-7);
        prop_assert!((found.both - mirrored.both).abs() < 1e-7);
        prop_assert!((found.dropped[0] - mirrored.dropped[1]).abs() < 1e-12);
        prop_assert!(found.both <= found.rejected[0].min(found.rejected[1]) + 1e-9);
        prop_assert!(found.any <= 1.0 - found.stopped + 1e-7);
    }
}

#[test]
fn the_nested_population_with_the_largest_statistic_is_selected() {
    let rule = NestedSelection::DEFUSE_3;
    assert_eq!(rule.selected(&[0.1, 1.4, 1.4, -2.0]), Some(1));
    assert_eq!(rule.selected(&[]), None);
    assert_eq!(rule.at_interim(2.6, 0.0, true), NestedDecision::Efficacy);
    assert_eq!(rule.at_interim(1.0, -1.88, false), NestedDecision::Continue);
    assert_eq!(rule.at_interim(0.0, -1.9, true), NestedDecision::Select);
    assert_eq!(rule.at_interim(0.0, -1.9, false), NestedDecision::Futility);
    assert_eq!(rule.at_final(2.7, true), NestedDecision::Select);
    assert_eq!(rule.at_final(2.76, false), NestedDecision::Efficacy);
}
