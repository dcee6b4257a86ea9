//! Random-effects methods: odds ratios that vary between studies with variance τ².

use super::fixed::mantel_haenszel_of;
use super::reml::reml;
use super::{
    Effect, Pooled, Prediction, Reference, Study, TauEstimator, TwoByTwo, effects, q_about,
    summarise,
};
use crate::num::root::brent;

pub(super) fn pool(studies: &[&Study], tau: TauEstimator, hartung_knapp: bool) -> Pooled {
    let effects = effects(studies);
    let df = effects.len() as f64 - 1.0;
    let q = match tau {
        TauEstimator::RevMan => q_about(&effects, revman_centre(studies)),
        TauEstimator::DerSimonianLaird | TauEstimator::Reml | TauEstimator::PauleMandel => {
            q_about(&effects, mean_and_weight(&effects, 0.0).0)
        }
    };
    let tau_squared = if df == 0.0 {
        0.0
    } else {
        match tau {
            TauEstimator::DerSimonianLaird | TauEstimator::RevMan => moments(&effects, q),
            TauEstimator::Reml => reml(&effects),
            TauEstimator::PauleMandel => paule_mandel(&effects),
        }
    };
    let (mean, weight) = mean_and_weight(&effects, tau_squared);
    let plain = 1.0 / weight.sqrt();
    let (standard_error, reference) = if hartung_knapp {
        let spread: f64 = effects.iter().map(|of| squared_distance(of, mean, tau_squared)).sum();
        // Without this guard, studies that agree by chance would have an interval narrower than that of
        // the fixed effect.
        let scale = (spread / df).max(1.0);
        (plain * scale.sqrt(), Reference::T { degrees_of_freedom: df })
    } else {
        (plain, Reference::Normal)
    };
    let pooled = summarise(mean, standard_error, q, effects.len(), reference);
    Pooled {
        i_squared: match tau {
            TauEstimator::DerSimonianLaird | TauEstimator::RevMan => pooled.i_squared,
            TauEstimator::Reml | TauEstimator::PauleMandel => {
                // One study has no typical variance; its τ² is 0.
                if tau_squared == 0.0 {
                    0.0
                } else {
                    tau_squared / (tau_squared + typical_variance(&effects))
                }
            }
        },
        tau_squared: Some(tau_squared),
        prediction: prediction(&pooled, tau_squared),
        ..pooled
    }
}

fn prediction(pooled: &Pooled, tau_squared: f64) -> Option<Prediction> {
    let degrees_of_freedom = pooled.studies as f64 - 2.0;
    if degrees_of_freedom < 1.0 {
        return None;
    }
    let scale = (pooled.standard_error * pooled.standard_error + tau_squared).sqrt();
    let reach = Reference::T { degrees_of_freedom }.quantile_975() * scale;
    let interval = (pooled.log_odds_ratio - reach, pooled.log_odds_ratio + reach);
    Some(Prediction { scale, degrees_of_freedom, interval })
}

/// Returns the Mantel–Haenszel estimate of the corrected tables, about which RevMan 5 computes Q.
fn revman_centre(studies: &[&Study]) -> f64 {
    let tables: Vec<TwoByTwo> = studies.iter().map(|study| study.table().corrected()).collect();
    mantel_haenszel_of(&tables).0
}

/// Returns the weighted mean and the sum of weights 1/(v + τ²).
pub(super) fn mean_and_weight(effects: &[Effect], tau_squared: f64) -> (f64, f64) {
    let weight: f64 = effects.iter().map(|of| 1.0 / (of.variance + tau_squared)).sum();
    let sum: f64 = effects.iter().map(|of| of.estimate / (of.variance + tau_squared)).sum();
    (sum / weight, weight)
}

/// Returns (y − m)²/(v + τ²).
fn squared_distance(effect: &Effect, mean: f64, tau_squared: f64) -> f64 {
    let distance = effect.estimate - mean;
    distance * distance / (effect.variance + tau_squared)
}

/// Returns τ² by moments, (Q − df) / (Σw − Σw²/Σw), not below 0: DerSimonian & Laird (1986), Control
/// Clin Trials 7:177.
fn moments(effects: &[Effect], q: f64) -> f64 {
    let df = effects.len() as f64 - 1.0;
    let (sum, squares) = weight_sums(effects);
    ((q - df) / (sum - squares / sum)).max(0.0)
}

fn weight_sums(effects: &[Effect]) -> (f64, f64) {
    let weights = effects.iter().map(|of| 1.0 / of.variance);
    weights.fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w))
}

/// Returns the sampling variance of a typical study: Higgins & Thompson (2002), Stat Med 21:1539, equation 9.
fn typical_variance(effects: &[Effect]) -> f64 {
    let (sum, squares) = weight_sums(effects);
    (effects.len() as f64 - 1.0) * sum / (sum * sum - squares)
}

/// Returns the τ² at which the generalised Q equals its degrees of freedom; 0 if it is below them at 0.
fn paule_mandel(effects: &[Effect]) -> f64 {
    if excess_of_q(effects, 0.0) <= 0.0 {
        return 0.0;
    }
    // Q is at most the sum of squares about the plain mean over τ².
    let mean = effects.iter().map(|of| of.estimate).sum::<f64>() / effects.len() as f64;
    let squares: f64 = effects.iter().map(|of| (of.estimate - mean) * (of.estimate - mean)).sum();
    let df = effects.len() as f64 - 1.0;
    // Q falls as τ² rises, so that there is one root.
    brent(|tau_squared| excess_of_q(effects, tau_squared), 0.0, squares / df)
        .expect("Q exceeds its degrees of freedom only below the end")
}

/// Returns the generalised Q at τ², less its degrees of freedom.
fn excess_of_q(effects: &[Effect], tau_squared: f64) -> f64 {
    let mean = mean_and_weight(effects, tau_squared).0;
    let q: f64 = effects.iter().map(|of| squared_distance(of, mean, tau_squared)).sum();
    q - (effects.len() as f64 - 1.0)
}
