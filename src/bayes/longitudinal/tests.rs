//! The longitudinal model against simulated patients, and laws that it obeys.

use super::*;
use crate::bayes::beta_binomial::PipelineToCome;
use crate::bayes::{ArmCount, BetaBinomial, ProportionData, UtilityDifference};
use crate::rng::{Purpose, Replicate, Seed, Streams, uniform};
use rand_distr::{Beta as BetaDraw, Distribution, Gamma};

const CUT: Mrs = Mrs::INDEPENDENT;
const UTILITIES: [f64; LEVELS] = [10.0, 9.1, 7.6, 6.5, 3.3, 0.0, 0.0];

/// Completers of two arms, and patients in the pipeline.
const EARLY: [EarlyCounts; 2] = [
    EarlyCounts {
        completed: [
            [1, 1, 0, 0, 0, 0, 0],
            [1, 1, 1, 0, 0, 0, 0],
            [0, 1, 3, 1, 0, 1, 0],
            [0, 0, 2, 4, 1, 0, 1],
            [0, 0, 1, 3, 5, 2, 2],
            [0, 0, 0, 1, 3, 4, 5],
            [0, 0, 0, 0, 0, 0, 6],
        ],
        pending: [1, 2, 5, 4, 6, 5, 2],
    },
    EarlyCounts {
        completed: [
            [2, 1, 0, 0, 0, 0, 0],
            [1, 3, 1, 0, 0, 0, 0],
            [0, 2, 4, 1, 1, 0, 0],
            [0, 1, 2, 4, 1, 1, 0],
            [0, 0, 2, 3, 4, 1, 2],
            [0, 0, 0, 1, 2, 3, 4],
            [0, 0, 0, 0, 0, 0, 5],
        ],
        pending: [2, 3, 6, 4, 4, 4, 1],
    },
];

fn by_later(early: &EarlyCounts) -> [u32; LEVELS] {
    std::array::from_fn(|later| early.completed.iter().map(|row| row[later]).sum())
}

fn proportions(early: &[EarlyCounts; 2]) -> ProportionData {
    let [control, experimental] = early.each_ref().map(|early| {
        let later = by_later(early);
        let successes = later[..=CUT.index()].iter().sum();
        ArmCount { successes, patients: later.iter().sum() }
    });
    ProportionData { control, experimental }
}

fn model(prior: Beta) -> BetaBinomial {
    BetaBinomial { control: prior, experimental: prior, difference: 0.0 }
}

fn predicted(model: BetaBinomial, early: &[EarlyCounts; 2], later: [u32; 2]) -> f64 {
    let least = model.least_for_success(later[0], later[1], 0.975);
    let to_come = PipelineToCome { early: early.each_ref(), cut: CUT, later };
    let (mut pipeline, mut scratch) = Default::default();
    model.predictive_with_early(proportions(early), to_come, &least, &mut pipeline, &mut scratch)
}

fn plain(model: BetaBinomial, early: &[EarlyCounts; 2], later: [u32; 2]) -> f64 {
    let least = model.least_for_success(later[0], later[1], 0.975);
    let mut scratch = Default::default();
    model.predictive_probability(proportions(early), later, &least, &mut scratch)
}

/// Returns the weight of each early mRS in the posterior of an arm.
fn early_weights(prior: Beta, early: &EarlyCounts) -> [f64; LEVELS] {
    std::array::from_fn(|first| {
        let completed: u32 = early.completed[first].iter().sum();
        prior.a * prior_share(first, 0)
            + prior.b * prior_share(first, 6)
            + f64::from(completed + early.pending[first])
    })
}

/// Averages over the early mRS of further patients, who enter the pipeline one by one.
fn average(
    model: BetaBinomial,
    early: &mut [EarlyCounts; 2],
    arms: &[usize],
    later: [u32; 2],
) -> f64 {
    let Some((&arm, others)) = arms.split_first() else {
        return predicted(model, early, later);
    };
    let weights = early_weights(model.control, &early[arm]);
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    for (first, weight) in weights.iter().enumerate() {
        early[arm].pending[first] += 1;
        sum += weight / total * average(model, early, others, later);
        early[arm].pending[first] -= 1;
    }
    sum
}

#[test]
fn on_average_over_the_early_mrs_the_prediction_is_the_one_without() {
    let model = model(Beta { a: 1.0, b: 1.5 });
    let later = [90, 88];
    let mut early = EARLY.map(|arm| EarlyCounts { pending: [0; LEVELS], ..arm });
    let without = plain(model, &early, later);
    assert!((predicted(model, &early, later) - without).abs() < 1e-14, "no patient is pending");
    let mean = average(model, &mut early, &[0, 1, 1, 0], later);
    assert!((mean - without).abs() < 1e-12, "{mean} {without}");
    // The early mRS of one patient alone changes the prediction.
    early[1].pending[0] = 1;
    assert!(predicted(model, &early, later) > without + 0.002);
}

/// An early mRS that all patients share says nothing; the prior is too weak for its shares to matter.
#[test]
fn an_early_mrs_that_all_share_changes_nothing() {
    let model = model(Beta { a: 0.1, b: 0.1 });
    let early = EARLY.map(|arm| {
        let (mut completed, mut pending) = ([[0; LEVELS]; LEVELS], [0; LEVELS]);
        completed[3] = by_later(&arm);
        pending[3] = 20;
        EarlyCounts { completed, pending }
    });
    let (with, without) = (predicted(model, &early, [90, 88]), plain(model, &early, [90, 88]));
    assert!((0.1..0.9).contains(&with) && (with - without).abs() < 2e-3, "{with} {without}");
}

/// Draws rates from their posteriors, then patients: nothing is shared with the sums but the model.
#[test]
fn simulated_patients_succeed_as_often_as_predicted() {
    let prior = Beta { a: 1.4, b: 2.1 };
    let (model, later) = (model(prior), [90, 88]);
    let expected = predicted(model, &EARLY, later);
    let data = proportions(&EARLY);
    let least = model.least_for_success(later[0], later[1], 0.975);
    let mut rng = Streams::new(Seed(11)).stream(Replicate(0), Purpose::Outcome);
    let (trials, mut successes) = (40_000, 0_u32);
    for _ in 0..trials {
        let counts: [u32; 2] = std::array::from_fn(|arm| {
            let early = &EARLY[arm];
            let known = [data.control, data.experimental][arm];
            let of_early = early_weights(prior, early)
                .map(|weight| Gamma::new(weight, 1.0).expect("above 0").sample(&mut rng));
            let rates: [f64; LEVELS] = std::array::from_fn(|first| {
                let [good, bad] = early.outcomes(first, CUT).map(f64::from);
                let a = prior.a * prior_share(first, 0) + good;
                if a == 0.0 {
                    return 0.0;
                }
                let b = prior.b * prior_share(first, 6) + bad;
                BetaDraw::new(a, b).expect("above 0").sample(&mut rng)
            });
            let mut successes = known.successes;
            for (first, &patients) in early.pending.iter().enumerate() {
                for _ in 0..patients {
                    successes += u32::from(uniform(&mut rng) < rates[first]);
                }
            }
            let total: f64 = of_early.iter().sum();
            let overall: f64 = of_early.iter().zip(rates).map(|(w, rate)| w / total * rate).sum();
            for _ in 0..later[arm] - known.patients - early.pending_total() {
                successes += u32::from(uniform(&mut rng) < overall);
            }
            successes
        });
        successes += u32::from(counts[1] >= least[counts[0] as usize]);
    }
    let share = f64::from(successes) / f64::from(trials);
    let error = (expected * (1.0 - expected) / f64::from(trials)).sqrt();
    let without = plain(model, &EARLY, later);
    assert!((share - expected).abs() < 3.0 * error, "{share} {expected} {error}");
    assert!((share - without).abs() > 5.0 * error, "{share} {without} {error}");
}

/// Draws the later mRS by Pólya urns, and recomputes the posterior each time.
#[test]
fn simulated_utilities_have_the_forecast_moments() {
    let (prior, more) = (0.7, 30);
    let early = &EARLY[1];
    let later = by_later(early).map(f64::from);
    let posterior = Dirichlet::posterior(prior, later, UTILITIES);
    let forecast = early.forecast(prior, &posterior, f64::from(more));
    let mut rng = Streams::new(Seed(5)).stream(Replicate(0), Purpose::Outcome);
    let mut draw = |weights: &[f64; LEVELS]| {
        let mut at = uniform(&mut rng) * weights.iter().sum::<f64>();
        weights.iter().position(|weight| {
            at -= weight;
            at < 0.0
        })
    };
    let trials = 20_000;
    let (mut means, mut variances) = (Vec::new(), Vec::new());
    for _ in 0..trials {
        let mut arm = posterior;
        for (first, &patients) in early.pending.iter().enumerate() {
            let mut urn: [f64; LEVELS] = std::array::from_fn(|later| {
                prior * prior_share(first, later) + f64::from(early.completed[first][later])
            });
            for _ in 0..patients {
                let drawn = draw(&urn).expect("a level");
                urn[drawn] += 1.0;
                arm.weights[drawn] += 1.0;
            }
        }
        for _ in 0..more {
            let drawn = draw(&arm.weights).expect("a level");
            arm.weights[drawn] += 1.0;
        }
        means.push(arm.mean());
        variances.push(arm.variance());
    }
    let n = f64::from(trials);
    let mean = means.iter().sum::<f64>() / n;
    let gained = means.iter().map(|m| (m - mean) * (m - mean)).sum::<f64>() / n;
    let left = variances.iter().sum::<f64>() / n;
    let error = (gained / n).sqrt();
    assert!((mean - forecast.mean).abs() < 3.0 * error, "{mean} {forecast:?}");
    // The variance of a normal sample has a relative error of √(2/n), here 0.01.
    assert!((gained / forecast.gained - 1.0).abs() < 0.03, "{gained} {forecast:?}");
    assert!((left / forecast.left - 1.0).abs() < 0.003, "{left} {forecast:?}");
    // Without patients in the pipeline it is the plain forecast.
    let none = EarlyCounts { pending: [0; LEVELS], ..*early };
    let both = UtilityDifference { control: posterior, experimental: posterior };
    let plain = both.predictive_probability([40.0; 2], 0.05, 0.9);
    let with = both.predictive_with_early(&[none; 2], prior, [40.0; 2], 0.05, 0.9);
    assert!((plain - with).abs() < 1e-13, "{plain} {with}");
}

#[test]
fn expected_completers_are_the_dead_and_a_rounded_share_of_the_others() {
    let early = EarlyCounts { pending: [1, 1, 1, 1, 3, 3, 2], ..EarlyCounts::default() };
    assert_eq!(early.expected_to_complete(0.0, 40), early);
    let expected = early.expected_to_complete(0.1, 40);
    assert_eq!((expected.pending_total(), expected.pending[6]), (11, 2));
    for most in 0..12 {
        let capped = early.expected_to_complete(0.1, most);
        assert_eq!(capped.pending_total(), most.min(11));
    }
}
