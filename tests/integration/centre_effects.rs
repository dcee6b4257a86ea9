//! What centres and calendar time do to outcomes, against integrals made here. Seeds are fixed; every
//! comparison with a Monte-Carlo figure allows for 4 standard errors, which chance breaks for one seed
//! in 16 000.

use rescuesim::outcome::Mrs;
use rescuesim::outcome::flow::Group;
use rescuesim::rng::Replicate;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::trial::Simulator;

use crate::util::{angel_reboot, assert_within, simulate, simulate_file};

/// ANGEL-REBOOT with one look, everyone known and arms that are alike but for what is set.
fn scenario(set: &[&str]) -> Scenario {
    let fixed = [
        "design.looks.equally_spaced=1",
        "missing.dropout=0",
        "sample_size={randomised=300,analysed=300}",
        r#"randomisation={method="complete"}"#,
        "outcome.experimental={common_odds_ratio=1.0}",
    ];
    let set: Vec<String> = fixed.iter().chain(set).map(|&text| text.to_owned()).collect();
    Scenario::parse(&angel_reboot(), &set).expect("valid")
}

/// Numbers of patients with mRS 0–2, and of known outcomes, of so many trials.
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

/// A quarter of the patients have mRS 0–2 on average. Two patients of a centre covary by
/// E π² − p², π = logistic(δ + b), and two of ten equal centres meet in one for a tenth of the pairs.
#[test]
fn effects_on_the_outcome_keep_its_marginal_and_correlate_patients_of_a_centre() {
    let (patients, number, p) = (300.0, 10.0, 0.25);
    let sd = 0.8;
    let delta = intercept(p, sd);
    let covariance = normal_mean(sd, |b| logistic(delta + b) * logistic(delta + b)) - p * p;
    let expected = patients * p * (1.0 - p) + patients * (patients - 1.0) / number * covariance;
    assert!(covariance / (p * (1.0 - p)) > 0.08, "the correlation is worth finding");
    let counts = counts(&scenario(&["centres={number=10,outcome_sd=0.8}"]), 6_000);
    let [mean, error, variance, of_variance] = moments(counts.iter().map(|[good, _]| *good));
    assert!((mean - 75.0).abs() < 4.0 * error, "{mean} ± {error}");
    assert!((variance - expected).abs() < 4.0 * of_variance, "{variance}, expected {expected}");
}

/// The stated tenth is lost on average, and centres lose together: as above.
#[test]
fn effects_on_dropout_keep_the_stated_share() {
    let (patients, number, p, sd) = (300.0, 10.0, 0.1, 1.2);
    let delta = intercept(p, sd);
    let covariance = normal_mean(sd, |d| logistic(delta + d) * logistic(delta + d)) - p * p;
    let expected = patients * p * (1.0 - p) + patients * (patients - 1.0) / number * covariance;
    let set = ["centres={number=10,dropout_sd=1.2}", "missing.dropout=0.1"];
    let seen = counts(&scenario(&set), 6_000);
    let [known, error, variance, of_variance] = moments(seen.iter().map(|[_, known]| *known));
    assert!((known - 270.0).abs() < 4.0 * error, "{known} ± {error}");
    assert!((variance - expected).abs() < 4.0 * of_variance, "{variance}, expected {expected}");
    // The same where the outcome matters too and deaths are known.
    let set = [
        "centres={number=10,dropout_sd=1.2,outcome_sd=0.5}",
        "missing={dropout=0.1,log_odds_per_mrs=0.4,known_deaths=0.5}",
    ];
    let seen = counts(&scenario(&set), 4_000);
    let [known, error, ..] = moments(seen.iter().map(|[_, known]| *known));
    assert!((known - 270.0).abs() < 4.0 * error, "{known} ± {error}");
}

/// Everyone comes in the first days, and outcomes were those stated at another month: 0.5 log odds a
/// year before or since.
#[test]
fn drift_moves_outcomes_by_the_calendar() {
    for (month, log_odds) in [(0.0, 0.0), (6.0, -0.25), (12.0, -0.5), (36.0, -1.5)] {
        let drift = format!("drift={{log_odds_per_year=0.5,stated_at_month={month}}}");
        let scenario = scenario(&["accrual.per_month=1e6", &drift]);
        let expected = logistic(log_odds - libm::log(3.0));
        let [control, _] = scenario.marginal(Truth::Alternative).expect("stated");
        assert!((control.at_most(Mrs::INDEPENDENT) - expected).abs() < 1e-4);
        let [mean, error, ..] = moments(counts(&scenario, 1_500).iter().map(|[good, _]| *good));
        assert!((mean / 300.0 - expected).abs() < 4.0 * error / 300.0 + 1e-4, "{month}: {mean}");
    }
}

/// Patients come over 30 months: the share with mRS 0–2 is the mean over their expected days, and so
/// it is after a procedure.
#[test]
fn drift_is_averaged_over_the_patients_planned() {
    let scenario = scenario(&["accrual.per_month=10", "drift={log_odds_per_year=1.0}"]);
    let day = |i: usize| (i as f64 + 0.5) / 10.0 / 12.0;
    let expected: f64 = (0..300).map(|i| logistic(day(i) - libm::log(3.0))).sum::<f64>() / 300.0;
    let [control, _] = scenario.marginal(Truth::Null).expect("stated");
    assert!((control.at_most(Mrs::INDEPENDENT) - expected).abs() < 1e-5);
    let [mean, error, ..] = moments(counts(&scenario, 2_000).iter().map(|[good, _]| *good));
    assert!((mean / 300.0 - expected).abs() < 4.0 * error / 300.0 + 2e-4, "{mean}");
}

/// Every simulated share and mean of a procedure is its enumerated one, among patients of centres that
/// differ in the procedure, the outcome and dropout, while outcomes drift. Errors are those of 60 000
/// independent patients, times two for what they share.
#[test]
fn procedures_in_centres_are_as_enumerated() {
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
    // Differences between centres bring a small chance of success nearer to a half.
    let [here, there] = [procedure, plain].map(|of| of.arms[0].groups[1].share.exact);
    assert!(procedure.arms[0].groups[1].group == Group::Reperfused && here > there + 0.005);
}

/// With the effects of centres the closed form aims at the same effect, and departures go by the rank
/// within the centre.
#[test]
fn estimates_and_adherence_keep_their_aims() {
    let set = [
        "centres={number=30,outcome_sd=0.7}",
        "adherence={control_crossover={probability=0.1,log_odds_per_prognosis=-1.0}}",
    ];
    let result = simulate(&set, 6_000);
    let plain = simulate(&set[1..], 2);
    for truth in [0, 1] {
        let of = |result: &rescuesim::summary::OperatingCharacteristics| {
            result.truths[truth].analyses[0].estimate.truth.expect("it has one")
        };
        // Crossing over by rank within a centre is not quite the same as in the whole population.
        assert!((of(&result) - of(&plain)).abs() < 0.01);
        let summary = &result.truths[truth].analyses[0];
        let bias = summary.estimate.median_unbiased.bias;
        assert_within("bias", bias, -0.004, 0.004, 3.5);
    }
}
