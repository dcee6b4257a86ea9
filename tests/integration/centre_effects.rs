//! Effects of centres and of calendar time on outcomes, compared with integrals computed here. Seeds are
//! fixed; every comparison with a simulation allows for 4 standard errors, which fails by chance for one
//! seed in 16 000.

use rescuesim::outcome::Mrs;
use rescuesim::outcome::flow::Group;
use rescuesim::rng::Replicate;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::trial::Simulator;

use crate::util::{Results, assert_within, scenario, simulate, simulate_file};

/// ANGEL-REBOOT with one look, without dropout, and with arms that differ only as set.
fn with_one_look(set: &[&str]) -> Scenario {
    let fixed = [
        "design.looks.equally_spaced=1",
        "missing.dropout=0",
        "sample_size={randomised=300,analysed=300}",
        r#"randomisation={method="complete"}"#,
        "outcome.experimental={common_odds_ratio=1.0}",
    ];
    scenario(&[&fixed, set].concat())
}

/// Numbers of patients with mRS 0–2, and of known outcomes, in each of the given number of trials.
fn counts(scenario: &Scenario, trials: u64) -> Vec<[f64; 2]> {
    let mut simulator = Simulator::new(scenario);
    let count = |trial| {
        let outcomes = simulator.run(Replicate(trial)).outcomes;
        let good = outcomes.counts.iter().map(|arm| arm[..3].iter().sum::<u32>()).sum::<u32>();
        [f64::from(good), f64::from(outcomes.total())]
    };
    (0..trials).map(count).collect()
}

/// Mean, its standard error, variance and its standard error.
fn moments(values: impl Iterator<Item = f64>) -> [f64; 4] {
    let values: Vec<f64> = values.collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let central = |power: i32| values.iter().map(|v| (v - mean).powi(power)).sum::<f64>() / n;
    let variance = central(2);
    let of_variance = ((central(4) - variance * variance) / n).sqrt();
    [mean, (variance / n).sqrt(), variance, of_variance]
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// Mean of a function of a normal variable, by Simpson's rule on 2 000 intervals.
fn normal_mean(sd: f64, of: impl Fn(f64) -> f64) -> f64 {
    let step = 16.0 / 2_000.0;
    let term = |i: i32| {
        let z = -8.0 + step * f64::from(i);
        let weight = match i {
            0 | 2_000 => 1.0,
            i if i % 2 == 1 => 4.0,
            _ => 2.0,
        };
        weight * libm::exp(-0.5 * z * z) * of(sd * z)
    };
    (0..=2_000).map(term).sum::<f64>() * step / 3.0 / (2.0 * std::f64::consts::PI).sqrt()
}

/// The intercept at which a logistic-normal mean is `p`, by bisection.
fn intercept(p: f64, sd: f64) -> f64 {
    let (mut low, mut high) = (-20.0, 20.0);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        let mean = normal_mean(sd, |b| logistic(middle + b));
        if mean < p { low = middle } else { high = middle }
    }
    low
}

/// A quarter of the patients have mRS 0–2 on average. Two patients of a centre have the covariance
/// E π² − p², with π = logistic(δ + b), and a tenth of the pairs in ten equal centres share a centre.
#[test]
fn effects_on_the_outcome_keep_its_marginal_and_correlate_patients_of_a_centre() {
    let (patients, number, p) = (300.0, 10.0, 0.25);
    let sd = 0.8;
    let delta = intercept(p, sd);
    let covariance = normal_mean(sd, |b| logistic(delta + b) * logistic(delta + b)) - p * p;
    let expected = patients * p * (1.0 - p) + patients * (patients - 1.0) / number * covariance;
    assert!(covariance / (p * (1.0 - p)) > 0.08, "the correlation is worth finding");
    let counts = counts(&with_one_look(&["centres={number=10,outcome_sd=0.8}"]), 6_000);
    let [mean, error, variance, of_variance] = moments(counts.iter().map(|[good, _]| *good));
    assert!((mean - 75.0).abs() < 4.0 * error, "{mean} ± {error}");
    assert!((variance - expected).abs() < 4.0 * of_variance, "{variance}, expected {expected}");
}

/// A tenth of the outcomes is missing on average, as stated, and losses within a centre are correlated.
#[test]
fn effects_on_dropout_keep_the_stated_share() {
    let (patients, number, p, sd) = (300.0, 10.0, 0.1, 1.2);
    let delta = intercept(p, sd);
    let covariance = normal_mean(sd, |d| logistic(delta + d) * logistic(delta + d)) - p * p;
    let expected = patients * p * (1.0 - p) + patients * (patients - 1.0) / number * covariance;
    let set = ["centres={number=10,dropout_sd=1.2}", "missing.dropout=0.1"];
    let seen = counts(&with_one_look(&set), 6_000);
    let [known, error, variance, of_variance] = moments(seen.iter().map(|[_, known]| *known));
    assert!((known - 270.0).abs() < 4.0 * error, "{known} ± {error}");
    assert!((variance - expected).abs() < 4.0 * of_variance, "{variance}, expected {expected}");
    // The share also holds if dropout depends on the outcome and deaths are known.
    let set = [
        "centres={number=10,dropout_sd=1.2,outcome_sd=0.5}",
        "missing={dropout=0.1,log_odds_per_mrs=0.4,known_deaths=0.5}",
    ];
    let seen = counts(&with_one_look(&set), 4_000);
    let [known, error, ..] = moments(seen.iter().map(|[_, known]| *known));
    assert!((known - 270.0).abs() < 4.0 * error, "{known} ± {error}");
}

/// All patients are randomised in the first days, and the stated outcomes hold at another month:
/// 0.5 log odds a year before or after.
#[test]
fn drift_moves_outcomes_by_the_calendar() {
    for (month, log_odds) in [(0.0, 0.0), (6.0, -0.25), (12.0, -0.5), (36.0, -1.5)] {
        let drift = format!("drift={{log_odds_per_year=0.5,stated_at_month={month}}}");
        let scenario = with_one_look(&["accrual.per_month=1e6", &drift]);
        let expected = logistic(log_odds - libm::log(3.0));
        let [control, _] = scenario.marginal(Truth::Alternative).expect("the scenario states it");
        assert!((control.at_most(Mrs::INDEPENDENT) - expected).abs() < 1e-4);
        let [mean, error, ..] = moments(counts(&scenario, 1_500).iter().map(|[good, _]| *good));
        assert!((mean / 300.0 - expected).abs() < 4.0 * error / 300.0 + 1e-4, "{month}: {mean}");
    }
}

/// Patients are randomised over 30 months: the share with mRS 0–2 is the mean over their expected days,
/// with and without a procedure.
#[test]
fn drift_is_averaged_over_the_planned_patients() {
    let scenario = with_one_look(&["accrual.per_month=10", "drift={log_odds_per_year=1.0}"]);
    let day = |i: usize| (i as f64 + 0.5) / 10.0 / 12.0;
    let expected: f64 = (0..300).map(|i| logistic(day(i) - libm::log(3.0))).sum::<f64>() / 300.0;
    let [control, _] = scenario.marginal(Truth::Null).expect("the scenario states it");
    assert!((control.at_most(Mrs::INDEPENDENT) - expected).abs() < 1e-5);
    let [mean, error, ..] = moments(counts(&scenario, 2_000).iter().map(|[good, _]| *good));
    assert!((mean / 300.0 - expected).abs() < 4.0 * error / 300.0 + 2e-4, "{mean}");
}

/// Every simulated share and mean of a procedure agrees with its enumeration, among patients of centres
/// that differ in the procedure, the outcome and dropout, while outcomes drift. Errors are those of
/// 60 000 independent patients, doubled for the correlation within centres.
#[test]
fn procedures_in_centres_agree_with_the_enumeration() {
    let centres = "centres={number=60,outcome_sd=0.3,procedure_sd=0.5}";
    let set = [centres, "drift={log_odds_per_year=0.4}"];
    let result = simulate_file("scenarios/angel-reboot-mechanistic.toml", &set, 180);
    let plain = simulate_file("scenarios/angel-reboot-mechanistic.toml", &[], 2);
    let [procedure, plain] =
        [&result, &plain].map(|result| result.procedure.as_ref().expect("there is a procedure"));
    for (arm, without) in procedure.arms.iter().zip(&plain.arms) {
        for (group, of_plain) in arm.groups.iter().zip(&without.groups) {
            let patients = group.share.simulated.n as f64;
            let error = (group.share.exact * (1.0 - group.share.exact) / patients).sqrt();
            let miss = group.share.simulated.value - group.share.exact;
            assert!(miss.abs() < 8.0 * error + 1e-12, "{:?} {:?}", group.group, group.share);
            assert!(group.share.simulated.mcse.is_nan() && !of_plain.share.simulated.mcse.is_nan());
        }
        for checked in &arm.mrs {
            let patients = checked.simulated.n as f64;
            let error = (checked.exact * (1.0 - checked.exact) / patients).sqrt();
            assert!((checked.simulated.value - checked.exact).abs() < 8.0 * error, "{checked:?}");
        }
    }
    // Differences between centres move a small probability of success towards a half.
    let [here, there] = [procedure, plain].map(|of| of.arms[0].groups[1].share.exact);
    assert!(procedure.arms[0].groups[1].group == Group::Reperfused && here > there + 0.005);
}

/// With effects of centres the estimand of the closed form is unchanged, and adherence depends on the
/// rank within the centre.
#[test]
fn effects_of_centres_leave_estimands_and_adherence_unchanged() {
    let set = [
        "centres={number=30,outcome_sd=0.7}",
        "adherence={control_crossover={probability=0.1,log_odds_per_prognosis=-1.0}}",
    ];
    let result = simulate(&set, 6_000);
    let plain = simulate(&set[1..], 2);
    for truth in [Truth::Alternative, Truth::Null] {
        let [estimate, plain] =
            [&result, &plain].map(|result| &result.first_analysis(truth).estimate);
        let [estimand, of_plain] = [estimate, plain].map(|it| it.truth.expect("it exists"));
        // Crossover by rank within a centre differs slightly from crossover by rank in the whole population.
        assert!((estimand - of_plain).abs() < 0.01);
        assert_within("bias", estimate.median_unbiased.bias, -0.004, 0.004, 3.5);
    }
}
