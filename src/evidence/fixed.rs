//! One odds ratio for all studies.

use super::{Cells, Pooled, PoolingError, Reference, Study, effects, q_about, summarise};

/// Weights 1/v.
pub(super) fn inverse_variance(studies: &[&Study]) -> Pooled {
    let effects = effects(studies);
    let weight: f64 = effects.iter().map(|of| 1.0 / of.variance).sum();
    let mean = effects.iter().map(|of| of.estimate / of.variance).sum::<f64>() / weight;
    let q = q_about(&effects, mean);
    summarise(mean, 1.0 / weight.sqrt(), q, studies.len(), Reference::Normal)
}

/// Σ ad/N over Σ bc/N, cells as they are; Q is about this estimate with inverse-variance weights.
///
/// # Errors
/// When one of the sums is 0.
pub(super) fn mantel_haenszel(studies: &[&Study]) -> Result<Pooled, PoolingError> {
    let cells: Vec<Cells> = studies.iter().map(|study| study.cells()).collect();
    // Never both: a study with ad = bc = 0 has events, or others, only, and does not enter.
    if cells.iter().all(|cell| cell.a * cell.d == 0.0) {
        return Err(PoolingError::Zero);
    }
    if cells.iter().all(|cell| cell.b * cell.c == 0.0) {
        return Err(PoolingError::Infinite);
    }
    let (estimate, standard_error) = mantel_haenszel_of(&cells);
    let q = q_about(&effects(studies), estimate);
    Ok(summarise(estimate, standard_error, q, studies.len(), Reference::Normal))
}

/// The Mantel–Haenszel log odds ratio and its standard error: Robins, Breslow & Greenland (1986),
/// Biometrics 42:311, with their R, S, P and Q.
pub(super) fn mantel_haenszel_of(cells: &[Cells]) -> (f64, f64) {
    let (mut r, mut s, mut pr, mut mixed, mut qs) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &cell in cells {
        let Cells { a, b, c, d } = cell;
        let n = cell.total();
        let (r_i, s_i) = (a * d / n, b * c / n);
        let (p_i, q_i) = ((a + d) / n, (b + c) / n);
        r += r_i;
        s += s_i;
        pr += p_i * r_i;
        mixed += p_i * s_i + q_i * r_i;
        qs += q_i * s_i;
    }
    let variance = pr / (2.0 * r * r) + mixed / (2.0 * r * s) + qs / (2.0 * s * s);
    (libm::log(r / s), variance.sqrt())
}

/// Σ (observed − expected) over Σ hypergeometric variance.
pub(super) fn peto(studies: &[&Study]) -> Pooled {
    let scores: Vec<(f64, f64)> = studies
        .iter()
        .map(|study| {
            let cell = study.cells();
            let Cells { a, b, c, d } = cell;
            let n = cell.total();
            let (treated, events) = (a + b, a + c);
            let expected = treated * events / n;
            let variance = treated * (c + d) * events * (b + d) / (n * n * (n - 1.0));
            (a - expected, variance)
        })
        .collect();
    let score: f64 = scores.iter().map(|(o_e, _)| o_e).sum();
    let variance: f64 = scores.iter().map(|(_, v)| v).sum();
    let q = scores.iter().map(|(o_e, v)| o_e * o_e / v).sum::<f64>() - score * score / variance;
    summarise(score / variance, 1.0 / variance.sqrt(), q, studies.len(), Reference::Normal)
}
