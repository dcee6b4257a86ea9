//! Fixed-effect methods: one odds ratio for all studies.

use super::{Pooled, PoolingError, Reference, Study, TwoByTwo, effects, q_about, summarise};

/// Pools with weights 1/v.
pub(super) fn inverse_variance(studies: &[&Study]) -> Pooled {
    let effects = effects(studies);
    let weight: f64 = effects.iter().map(|of| 1.0 / of.variance).sum();
    let mean = effects.iter().map(|of| of.estimate / of.variance).sum::<f64>() / weight;
    let q = q_about(&effects, mean);
    summarise(mean, 1.0 / weight.sqrt(), q, studies.len(), Reference::Normal)
}

/// Pools by Mantel & Haenszel: Σ ad/N over Σ bc/N, without correction of zero cells; Q is about this
/// estimate with inverse-variance weights.
///
/// # Errors
/// [`PoolingError::Zero`] or [`PoolingError::Infinite`] if one of the sums is 0.
pub(super) fn mantel_haenszel(studies: &[&Study]) -> Result<Pooled, PoolingError> {
    let tables: Vec<TwoByTwo> = studies.iter().map(|study| study.table()).collect();
    // Not both sums can be 0 in one study: with ad = bc = 0 it has events only, or none, and is not
    // informative.
    if tables.iter().all(|table| table.a * table.d == 0.0) {
        return Err(PoolingError::Zero);
    }
    if tables.iter().all(|table| table.b * table.c == 0.0) {
        return Err(PoolingError::Infinite);
    }
    let (estimate, standard_error) = mantel_haenszel_of(&tables);
    let q = q_about(&effects(studies), estimate);
    Ok(summarise(estimate, standard_error, q, studies.len(), Reference::Normal))
}

/// Returns the Mantel–Haenszel log odds ratio and its standard error: Robins, Breslow & Greenland (1986),
/// Biometrics 42:311, with their R, S, P and Q.
pub(super) fn mantel_haenszel_of(tables: &[TwoByTwo]) -> (f64, f64) {
    let (mut r, mut s, mut pr, mut mixed, mut qs) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &table in tables {
        let TwoByTwo { a, b, c, d } = table;
        let n = table.total();
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

/// Pools by Peto's one-step estimate: Σ (observed − expected) over Σ hypergeometric variance.
pub(super) fn peto(studies: &[&Study]) -> Pooled {
    let scores: Vec<(f64, f64)> = studies
        .iter()
        .map(|study| {
            let table = study.table();
            let TwoByTwo { a, b, c, d } = table;
            let n = table.total();
            let (treated, events) = (a + b, a + c);
            let expected = treated * events / n;
            // An informative study has an event and a patient without one, so that n is 2 or more.
            let variance = treated * (c + d) * events * (b + d) / (n * n * (n - 1.0));
            (a - expected, variance)
        })
        .collect();
    let score: f64 = scores.iter().map(|(o_e, _)| o_e).sum();
    let variance: f64 = scores.iter().map(|(_, v)| v).sum();
    let q = scores.iter().map(|(o_e, v)| o_e * o_e / v).sum::<f64>() - score * score / variance;
    summarise(score / variance, 1.0 / variance.sqrt(), q, studies.len(), Reference::Normal)
}
