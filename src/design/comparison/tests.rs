//! Laws that hold for every comparison, and the sizes and powers of ANGEL-REBOOT's planning pair.

use proptest::prelude::*;

use super::*;
use crate::analysis::restricted::Distance;
use crate::analysis::utilities::MeansTest;
use crate::num::normal::lower_tail;

const CONTROL: [f64; 7] = [0.047, 0.074, 0.129, 0.16, 0.249, 0.141, 0.20];
const UTILITIES: [f64; 7] = [1.0, 0.91, 0.76, 0.65, 0.33, 0.0, 0.0];
const VARIANCES: [Variance; 4] =
    [Variance::NullAndAlternative, Variance::Alternative, Variance::Null, Variance::Arcsine];
const TESTS: [OrdinalTest; 3] =
    [OrdinalTest::ProportionalOdds, OrdinalTest::MannWhitney, OrdinalTest::MannWhitneyNullVariance];

/// Rates inside (0, 1) that a benefit separates, and a margin that control can fall short by.
fn proportions() -> impl Strategy<Value = TwoProportions> {
    let margin = prop_oneof![
        Just(Distance::Difference(0.0)),
        Just(Distance::Ratio(1.0)),
        (-0.04..0.04f64).prop_map(Distance::Difference),
        (0.8..1.2f64).prop_map(Distance::Ratio),
    ];
    (0.05..0.7f64, 0.05..0.25f64, margin, prop::sample::select(&VARIANCES), any::<bool>()).prop_map(
        |(control, more, null, variance, corrected)| {
            let out = TwoProportions::new(control, control + more).expect("inside (0, 1)");
            let out = out.against(null).expect("a small margin").with_variance(variance);
            if corrected { out.continuity_corrected() } else { out }
        },
    )
}

fn distributions() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.02..1.0f64, 2..9).prop_map(|weights| {
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    })
}

fn shifts() -> impl Strategy<Value = Ordinal> {
    (distributions(), 1.1..4.0f64, prop::sample::select(&TESTS))
        .prop_map(|(control, ratio, test)| Ordinal::shifted(&control, ratio, test).expect("valid"))
}

fn means() -> impl Strategy<Value = TwoMeans> {
    (-2.0..2.0f64, 0.3..1.0f64, 0.1..3.0f64, 0.0..3.0f64, -0.2..0.2f64).prop_map(
        |(mean, more, sd, other, margin)| {
            let experimental = means::ArmMean::of_normal(mean + more, other);
            TwoMeans::new(means::ArmMean::of_normal(mean, sd), experimental)
                .expect("finite")
                .against(margin)
        },
    )
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        proportions().prop_map(Comparison::TwoProportions),
        shifts().prop_map(Comparison::Ordinal),
        means().prop_map(Comparison::Means),
    ]
}

proptest! {
    /// If the hypotheses differ in variance, the ratio of the two lowers the drift of small effects
    /// in small trials: there it increases with the effect only above a power of one half.
    #[test]
    fn drift_rises_with_patients_and_effect(
        comparison in comparisons(),
        share in 0.25..0.75f64,
        total in 100.0..2000.0f64,
        f in 0.0..1.0f64,
    ) {
        if comparison.effect() > comparison.null_effect() {
            let with_more_patients = comparison.drift(0.025, share, 1.1 * total);
            prop_assert!(comparison.drift(0.025, share, total) <= with_more_patients);
            let part = comparison.at_fraction(f).drift(0.025, share, total);
            let more = comparison.at_fraction(f + 0.05).drift(0.025, share, total);
            let moments = comparison.at_fraction(f).moments(share, total);
            let one_variance = moments.null_sd == moments.sd;
            if one_variance || part >= upper_quantile(0.025) {
                prop_assert!(part <= more + 1e-9, "{part} {more}");
            }
        }
    }

    #[test]
    fn no_effect_has_no_drift_and_no_size(
        comparison in comparisons(),
        share in 0.25..0.75f64,
        total in 50.0..2000.0f64,
    ) {
        let null = comparison.at_fraction(0.0);
        // The closed form of the rates at a margin has half the digits where its cubic's roots
        // meet.
        let drift = null.drift(0.025, share, total);
        let is_corrected = matches!(&null, Comparison::TwoProportions(it)
            if it.is_continuity_corrected() && it.variance() != Variance::Arcsine);
        // A correction makes the test conservative.
        prop_assert!(if is_corrected { drift < 0.0 } else { drift.abs() < 1e-7 }, "{drift}");
        prop_assert!((null.effect() - null.null_effect()).abs() < 1e-14);
        let whole = comparison.at_fraction(1.0);
        prop_assert!((whole.effect() - comparison.effect()).abs() < 1e-14);
        let harm = comparison.at_fraction(-0.2);
        if comparison.effect() > comparison.null_effect() {
            prop_assert_eq!(harm.fixed_sample_size(0.025, 0.8, share), None);
        }
    }

    /// On the fixed sample size the drift is z_α + z_β under every convention.
    #[test]
    fn the_size_has_the_power(
        comparison in comparisons(),
        share in 0.25..0.75f64,
        alpha in 0.005..0.1f64,
        power in 0.5..0.99f64,
    ) {
        if let Some(total) = comparison.fixed_sample_size(alpha, power, share) {
            let wanted = upper_quantile(alpha) + upper_quantile(1.0 - power);
            let drift = comparison.drift(alpha, share, total);
            prop_assert!((drift - wanted).abs() < 1e-9, "{total}: {drift} {wanted}");
        } else {
            prop_assert!(comparison.effect() <= comparison.null_effect());
        }
    }

    /// The effect at a Z has that Z.
    #[test]
    fn effect_at_z_inverts_z_at_effect(
        comparison in comparisons(),
        share in 0.25..0.75f64,
        total in 50.0..2000.0f64,
        z in -3.0..3.0f64,
    ) {
        let effect = comparison.effect_at_z(z, share, total);
        if let Some(effect) = effect {
            let back = comparison.z_at_effect(effect, share, total);
            prop_assert!((back - z).abs() < 1e-9, "{effect}: {back} {z}");
        } else {
            // The most extreme data are not extreme enough.
            let (low, high) = comparison.effects();
            let lowest = comparison.z_at_effect(low, share, total);
            let highest = comparison.z_at_effect(high, share, total);
            prop_assert!(z < lowest || z > highest);
        }
    }

    /// The effect found for a drift is the smallest that has it.
    #[test]
    fn with_drift_inverts_drift(
        comparison in comparisons(),
        share in 0.25..0.75f64,
        total in 100.0..2000.0f64,
        wanted in 0.5..4.0f64,
    ) {
        if let Some(found) = comparison.with_drift(wanted, 0.025, share, total) {
            prop_assert!((found.drift(0.025, share, total) - wanted).abs() < 1e-8);
            prop_assert!(found.effect() >= found.null_effect());
            for f in [0.2, 0.5, 0.9, 0.99] {
                prop_assert!(found.at_fraction(f).drift(0.025, share, total) < wanted);
            }
        }
    }

    /// With equal arms, calling good bad and exchanging the arms changes nothing.
    #[test]
    fn failures_with_the_arms_exchanged_are_the_same_test(
        control in 0.05..0.7f64,
        more in 0.05..0.25f64,
        variance in prop::sample::select(&VARIANCES),
        share in 0.25..0.75f64,
    ) {
        let experimental = control + more;
        let arms = [(control, experimental, share), (1.0 - experimental, 1.0 - control, 1.0 - share)];
        let [there, back] = arms.map(|(control, experimental, share)| {
            let stated = TwoProportions::new(control, experimental).expect("inside (0, 1)");
            let comparison = Comparison::TwoProportions(stated.with_variance(variance));
            comparison.drift(0.025, share, 400.0)
        });
        prop_assert!((there - back).abs() < 1e-10, "{there} {back}");
    }

    /// Two levels are a proportion: the Mann–Whitney test is then the pooled test of that
    /// proportion (times N/(N − 1) in its variance), and Whitehead's is near it.
    #[test]
    fn two_levels_are_two_proportions(control in 0.1..0.8f64, ratio in 1.2..2.5f64, share in 0.3..0.7f64) {
        let levels = [control, 1.0 - control];
        let odds = Ordinal::shifted(&levels, ratio, OrdinalTest::MannWhitney).expect("valid");
        let rate = odds.experimental()[0];
        let ordinal = Comparison::Ordinal(odds);
        let stated = TwoProportions::new(control, rate).expect("inside (0, 1)");
        let proportions = Comparison::TwoProportions(stated);
        let total = 500.0;
        let [by_ranks, pooled] =
            [&ordinal, &proportions].map(|it| it.z_at_effect(it.effect(), share, total));
        prop_assert!((by_ranks - pooled).abs() < 1e-9, "{by_ranks} {pooled}");
        let [by_ranks, pooled] =
            [&ordinal, &proportions].map(|it| it.drift(0.025, share, total));
        prop_assert!((by_ranks - pooled).abs() < 1e-9, "{by_ranks} {pooled}");
    }
}

fn shifted(test: OrdinalTest) -> Comparison {
    Comparison::Ordinal(Ordinal::shifted(&CONTROL, 2.0, test).expect("a distribution"))
}

/// Power of ANGEL-REBOOT with one look at 312 patients.
fn power_at_312_patients(comparison: &Comparison) -> f64 {
    lower_tail(comparison.drift(0.025, 0.5, 312.0) - upper_quantile(0.025))
}

/// Whitehead's formula gives 0.936 (a simulation of the fitted test has 0.934). For the
/// utility-weighted means numerical derivatives of Welch's t (numpy) give 0.926859 and a standard deviation
/// of Z of 1.029; 400 000 trials simulated there have a power of 0.9288 ±0.0004.
#[test]
fn powers_of_one_look_are_those_of_independent_calculations() {
    let whitehead = power_at_312_patients(&shifted(OrdinalTest::ProportionalOdds));
    assert!((whitehead - 0.936).abs() < 5e-4, "{whitehead}");
    let ranks = power_at_312_patients(&shifted(OrdinalTest::MannWhitney));
    assert!((ranks - 0.934).abs() < 3e-3, "{ranks}");
    let Comparison::Ordinal(pair) = shifted(OrdinalTest::MannWhitney) else { unreachable!() };
    let means = TwoMeans::of_utilities(&UTILITIES, pair.control(), pair.experimental());
    let means = power_at_312_patients(&Comparison::Means(means.expect("distributions")));
    assert!((means - 0.926859).abs() < 1e-6, "{means}");
}

/// Powers and standard deviations of Z at a common odds ratio of 3 in 114 patients, by numerical derivatives
/// of the t statistic (numpy).
#[test]
fn mean_utilities_have_the_moments_of_the_t_statistic() {
    let pair = Ordinal::shifted(&CONTROL, 3.0, OrdinalTest::MannWhitney).expect("a distribution");
    let means = TwoMeans::of_utilities(&UTILITIES, pair.control(), pair.experimental());
    let means = means.expect("distributions");
    for (test, share, power, sd) in [
        (MeansTest::Welch, 0.5, 0.898638, 1.071455),
        (MeansTest::Student, 0.5, 0.898638, 1.071455),
        (MeansTest::Welch, 2.0 / 3.0, 0.862070, 1.055487),
        (MeansTest::Student, 2.0 / 3.0, 0.866344, 1.081670),
        (MeansTest::Welch, 1.0 / 3.0, 0.860535, 1.108192),
        (MeansTest::Student, 1.0 / 3.0, 0.864192, 1.046188),
    ] {
        let comparison = Comparison::Means(means.tested_by(test));
        let drift = comparison.drift(0.025, share, 114.0);
        let found = lower_tail(drift - upper_quantile(0.025));
        assert!((found - power).abs() < 2e-6, "{test:?} {share}: {found}");
        let moments = comparison.moments(share, 114.0);
        assert!((moments.sd / moments.null_sd - sd).abs() < 2e-6, "{test:?} {share}: {moments:?}");
    }
}

/// Without proportional odds the fractions mix the arms, so P(better) changes in proportion.
#[test]
fn fractions_of_any_pair_mix_the_arms() {
    let (control, experimental) = ([0.1, 0.4, 0.3, 0.2], [0.3, 0.2, 0.25, 0.25]);
    let pair = Ordinal::pair(&control, &experimental, 0.3, OrdinalTest::MannWhitney);
    let pair = pair.expect("distributions");
    let advantage = pair.probability_better() - 0.5;
    assert!(advantage > 0.0);
    for f in [0.0, 0.25, 0.5, 1.0] {
        let part = pair.at_fraction(f);
        assert!((part.probability_better() - 0.5 - f * advantage).abs() < 1e-14);
        assert!((part.log_odds_ratio() - f * 0.3).abs() < 1e-14);
    }
}

/// Odds ratios lie between 0 and ∞; a rate outside (0, 1) has none.
#[test]
fn an_effect_beyond_the_rates_has_no_odds_ratio() {
    let comparison = Comparison::TwoProportions(TwoProportions::new(0.25, 0.4).expect("rates"));
    for effect in [-0.25, 0.75, -0.4, 0.8] {
        assert_eq!(comparison.odds_ratio_of(effect), None, "{effect}");
    }
    let found = comparison.odds_ratio_of(0.15).expect("both rates lie inside");
    assert!((found - 2.0).abs() < 1e-12);
}
