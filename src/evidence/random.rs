//! A distribution of odds ratios between studies, with variance τ².

use super::fixed::mantel_haenszel_of;
use super::{Cells, Pooled, Reference, Study, TauEstimator, effects, q_about, summarise};
use crate::num::root::brent;

pub(super) fn pool(studies: &[&Study], tau: TauEstimator, hartung_knapp: bool) -> Pooled {
    let effects = effects(studies);
    let df = effects.len() as f64 - 1.0;
    let q = match tau {
        TauEstimator::RevMan => q_about(&effects, revman_centre(studies)),
        _ => q_about(&effects, mean_and_weight(&effects, 0.0).0),
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
        let spread: f64 =
            effects.iter().map(|(y, v)| (y - mean) * (y - mean) / (v + tau_squared)).sum();
        // Without the guard the interval of studies that agree by chance is narrower than any.
        let scale = (spread / df).max(1.0);
        (plain * scale.sqrt(), Reference::T { degrees_of_freedom: df })
    } else {
        (plain, Reference::Normal)
    };
    let pooled = summarise(mean, standard_error, q, effects.len(), reference);
    let reach = reference.quantile_975() * (standard_error * standard_error + tau_squared).sqrt();
    Pooled {
        i_squared: match tau {
            TauEstimator::DerSimonianLaird | TauEstimator::RevMan => pooled.i_squared,
            // Also with one study, which has no typical variance.
            _ if tau_squared == 0.0 => 0.0,
            _ => tau_squared / (tau_squared + typical_variance(&effects)),
        },
        tau_squared: Some(tau_squared),
        prediction: (df > 0.0).then_some((mean - reach, mean + reach)),
        ..pooled
    }
}

/// RevMan 5 computes Q about the Mantel–Haenszel estimate of the corrected cells.
fn revman_centre(studies: &[&Study]) -> f64 {
    let cells: Vec<Cells> = studies.iter().map(|study| study.cells().corrected()).collect();
    mantel_haenszel_of(&cells).0
}

/// The weighted mean and the sum of weights 1/(v + τ²).
fn mean_and_weight(effects: &[(f64, f64)], tau_squared: f64) -> (f64, f64) {
    let weight: f64 = effects.iter().map(|(_, v)| 1.0 / (v + tau_squared)).sum();
    let sum: f64 = effects.iter().map(|(y, v)| y / (v + tau_squared)).sum();
    (sum / weight, weight)
}

/// (Q − df) / (Σw − Σw²/Σw), not below 0: DerSimonian & Laird (1986), Control Clin Trials 7:177.
fn moments(effects: &[(f64, f64)], q: f64) -> f64 {
    let df = effects.len() as f64 - 1.0;
    let (sum, squares) = weight_sums(effects);
    ((q - df) / (sum - squares / sum)).max(0.0)
}

fn weight_sums(effects: &[(f64, f64)]) -> (f64, f64) {
    let weights = effects.iter().map(|(_, v)| 1.0 / v);
    weights.fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w))
}

/// The sampling variance of a typical study: Higgins & Thompson (2002), Stat Med 21:1539, equation 9.
fn typical_variance(effects: &[(f64, f64)]) -> f64 {
    let (sum, squares) = weight_sums(effects);
    (effects.len() as f64 - 1.0) * sum / (sum * sum - squares)
}

/// The τ² at which the generalised Q equals its degrees of freedom; 0 when it is below them at 0.
fn paule_mandel(effects: &[(f64, f64)]) -> f64 {
    let df = effects.len() as f64 - 1.0;
    let excess = |tau_squared: f64| {
        let mean = mean_and_weight(effects, tau_squared).0;
        let each = effects.iter().map(|(y, v)| (y - mean) * (y - mean) / (v + tau_squared));
        each.sum::<f64>() - df
    };
    root_above_zero(excess, effects)
}

/// The τ² at which the restricted likelihood is stationary, from its score
/// Σw²(y − μ)² − Σw + Σw²/Σw with w = 1/(v + τ²) (Viechtbauer 2005, J Educ Behav Stat 30:261).
fn reml(effects: &[(f64, f64)]) -> f64 {
    let score = |tau_squared: f64| {
        let (mean, sum) = mean_and_weight(effects, tau_squared);
        let (mut spread, mut squares) = (0.0, 0.0);
        for (y, v) in effects {
            let w = 1.0 / (v + tau_squared);
            spread += w * w * (y - mean) * (y - mean);
            squares += w * w;
        }
        spread - sum + squares / sum
    };
    root_above_zero(score, effects)
}

/// The root of a function that is negative for a large τ²; 0 when it is negative at 0 already.
fn root_above_zero(f: impl Fn(f64) -> f64, effects: &[(f64, f64)]) -> f64 {
    if f(0.0) <= 0.0 {
        return 0.0;
    }
    let low = effects.iter().map(|(y, _)| *y).fold(f64::INFINITY, f64::min);
    let high = effects.iter().map(|(y, _)| *y).fold(f64::NEG_INFINITY, f64::max);
    // The variance between studies cannot exceed the square of their range by much.
    let mut most = (high - low) * (high - low) + 1.0;
    while f(most) > 0.0 {
        most *= 2.0;
    }
    brent(f, 0.0, most).expect("the sign changes between 0 and `most`")
}
