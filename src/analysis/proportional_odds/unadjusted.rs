//! The shift analysis of one table with treatment alone.
//!
//! [`adjusted`](super::adjusted) fits the same model when it has no covariates. This fit exists for
//! speed; see [`fit`].

use super::CUTS;
use crate::analysis::wilcoxon::RankSum;
use crate::analysis::{Counts, FitStatus};
use crate::num::exp::exp_normal;
use crate::num::log::ln_normal;
use crate::outcome::LEVELS;

/// A maximum-likelihood fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnadjustedFit {
    /// β; ±∞ when separated, NaN without information.
    pub log_odds_ratio: f64,
    /// From the observed information; NaN unless converged.
    pub standard_error: f64,
    /// Whether there is an estimate.
    pub status: FitStatus,
}

impl UnadjustedFit {
    /// The Wald statistic.
    pub fn z(&self) -> f64 {
        self.log_odds_ratio / self.standard_error
    }

    fn without_error(log_odds_ratio: f64, status: FitStatus) -> Self {
        Self { log_odds_ratio, standard_error: f64::NAN, status }
    }
}

/// U / √V at β = 0, where U = Σ_j e_j·(1 − F_j − F_{j−1}) over the experimental counts e_j and the
/// pooled distribution F, and V = n_c·n_e·(1 − Σ p̄_j³)/(3N) is the expected information: the
/// Wilcoxon–Mann–Whitney Z with ties times √(N / (N − 1)).
///
/// `None` when an arm is empty or all patients have the same outcome.
pub fn score_z(counts: &Counts) -> Option<f64> {
    RankSum::new(counts).score_z()
}

/// Absolute log odds ratio above which it has diverged.
// Data that overlap have none that is larger; see the constant of the same name in `newton`.
const DIVERGED: f64 = 50.0;
/// Largest exponent whose exponential is still finite.
const EXP_RANGE: f64 = 700.0;

/// Fits by Newton's method to counts (or shares: any non-negative weights) by arm and mRS.
///
/// The log likelihood is concave (Pratt 1981, JASA 76:103), and its Hessian is tridiagonal with a
/// border for β.
pub fn fit(counts: &Counts) -> UnadjustedFit {
    // `Model::fit` of a model without covariates gives the same estimate in 1.5 times the time: 1.7 µs
    // instead of 1.1 µs for the table of the benches `analysis::maximum_likelihood` (this fit) and
    // `analysis::adjusted_wald` with 0 factors. Here all arrays have a fixed size, and no step needs a
    // bound on its length.
    if let Some(fit) = without_finite_estimate(counts) {
        return fit;
    }
    let (table, levels) = merged(counts);
    let cuts = levels - 1;
    let (mut thresholds, mut beta) = start(&table, cuts);
    // A safeguard: convergence is quadratic, and the tests of random tables never reach the limit.
    for _ in 0..100 {
        let step = newton_step(&table, &thresholds, beta);
        let mut scale = 1.0;
        // A concave likelihood needs no other damping than to stay where it is defined.
        while !ordered(&thresholds, &step.thresholds, scale, cuts) {
            scale *= 0.5;
        }
        for (threshold, change) in thresholds.iter_mut().zip(step.thresholds) {
            *threshold += scale * change;
        }
        beta += scale * step.beta;
        // `f64::max` ignores NaN, so that the size of the step would hide it.
        if step.beta.is_nan() || beta.abs() > DIVERGED {
            break;
        }
        if step.size < 1e-8 {
            // The error after this step is of the order of its square; the information changes
            // by less than that.
            let standard_error = 1.0 / step.information.sqrt();
            return UnadjustedFit {
                log_odds_ratio: beta,
                standard_error,
                status: FitStatus::Converged,
            };
        }
    }
    UnadjustedFit::without_error(beta, FitStatus::NotConverged)
}

/// The fit of data without a finite estimate; `None` if there is one. β is infinite exactly when no
/// patient of one arm is better than any patient of the other.
fn without_finite_estimate(counts: &Counts) -> Option<UnadjustedFit> {
    let best = counts.map(|arm| arm.iter().position(|&c| c > 0.0));
    let worst = counts.map(|arm| arm.iter().rposition(|&c| c > 0.0));
    let ([Some(best_c), Some(best_e)], [Some(worst_c), Some(worst_e)]) = (best, worst) else {
        return Some(UnadjustedFit::without_error(f64::NAN, FitStatus::NoInformation));
    };
    match (best_e < worst_c, best_c < worst_e) {
        (true, true) => None,
        (true, false) => Some(UnadjustedFit::without_error(f64::INFINITY, FitStatus::Separated)),
        (false, true) => {
            Some(UnadjustedFit::without_error(f64::NEG_INFINITY, FitStatus::Separated))
        }
        (false, false) => Some(UnadjustedFit::without_error(f64::NAN, FitStatus::NoInformation)),
    }
}

/// Drops the levels without patients; returns the table and the number of levels with patients.
fn merged(counts: &Counts) -> (Counts, usize) {
    let mut table = [[0.0; LEVELS]; 2];
    let mut levels = 0;
    for (&control, &experimental) in counts[0].iter().zip(&counts[1]) {
        if control + experimental > 0.0 {
            table[0][levels] = control;
            table[1][levels] = experimental;
            levels += 1;
        }
    }
    (table, levels)
}

/// Starting values: β one step of the score test from no effect, and the thresholds that are best
/// without effect, lowered by the experimental arm's share of β. Thresholds beyond the last cut are at
/// infinity.
fn start(table: &Counts, cuts: usize) -> ([f64; CUTS], f64) {
    let beta = RankSum::new(table).one_step_log_odds_ratio();
    let [control, experimental] = table.map(|arm| arm.iter().sum::<f64>());
    let total = control + experimental;
    let shift = beta * experimental / total;
    let mut thresholds = [f64::INFINITY; CUTS];
    let mut below = 0.0;
    for (j, threshold) in thresholds.iter_mut().enumerate().take(cuts) {
        below += table[0][j] + table[1][j];
        *threshold = ln_normal(below / (total - below)) - shift;
    }
    (thresholds, beta)
}

/// Whether the thresholds stay increasing when `scale` of the step is taken.
fn ordered(thresholds: &[f64; CUTS], step: &[f64; CUTS], scale: f64, cuts: usize) -> bool {
    for j in 1..cuts {
        let before = thresholds[j - 1] + scale * step[j - 1];
        let after = thresholds[j] + scale * step[j];
        // A NaN step passes, and ends the iteration.
        if !(after > before || after.is_nan()) {
            return false;
        }
    }
    true
}

struct NewtonStep {
    thresholds: [f64; CUTS],
    beta: f64,
    /// Largest change of any parameter.
    size: f64,
    /// Information about β with the thresholds profiled out.
    information: f64,
}

/// Gradient and Hessian at the parameters, solved for the step.
fn newton_step(table: &Counts, thresholds: &[f64; CUTS], beta: f64) -> NewtonStep {
    let mut equations = Equations::default();
    let mut gradient_beta = 0.0;
    for (arm, counts) in table.iter().enumerate() {
        let shift = if arm == 1 { beta } else { 0.0 };
        let (mut below, mut slope) = ([0.0; CUTS], [0.0; CUTS]);
        // All loops run over all cuts, also those at infinity, so that the compiler unrolls and
        // vectorises them.
        for j in 0..CUTS {
            let against = exp_normal((-thresholds[j] - shift).min(EXP_RANGE));
            below[j] = 1.0 / (1.0 + against);
            slope[j] = below[j] * (1.0 - below[j]);
        }
        let (mut lower, mut upper) = ([0.0; LEVELS], [1.0; LEVELS]);
        lower[1..].copy_from_slice(&below);
        upper[..CUTS].copy_from_slice(&below);
        // By level: count over probability, and count over squared probability. A level without
        // patients may have the probability 0.
        let (mut ratio, mut curvature) = ([0.0; LEVELS], [0.0; LEVELS]);
        for j in 0..LEVELS {
            let inverse = 1.0 / (upper[j] - lower[j]).max(f64::MIN_POSITIVE);
            ratio[j] = counts[j] * inverse;
            curvature[j] = ratio[j] * inverse;
        }
        let (mut pull, mut diagonal, mut off) = ([0.0; CUTS], [0.0; CUTS], [0.0; LEVELS]);
        for j in 0..CUTS {
            let f = slope[j];
            pull[j] = f * (ratio[j] - ratio[j + 1]);
            let both = curvature[j] + curvature[j + 1];
            diagonal[j] = f * f * both - (1.0 - 2.0 * below[j]) * pull[j];
        }
        for j in 1..CUTS {
            off[j] = -slope[j - 1] * slope[j] * curvature[j];
        }
        for j in 0..CUTS {
            equations.gradient[j] += pull[j];
            equations.diagonal[j] += diagonal[j];
            equations.off[j] += off[j];
        }
        if arm == 1 {
            // β shifts all thresholds of this arm alike: its derivatives are sums over theirs.
            gradient_beta = pull.iter().sum();
            for j in 0..CUTS {
                equations.border[j] = off[j] + diagonal[j] + off[j + 1];
            }
        }
    }
    equations.solve(gradient_beta)
}

/// [A b; bᵀ Σb] (Δα, Δβ) = (g, g_β) with a symmetric tridiagonal A.
#[derive(Default)]
struct Equations {
    diagonal: [f64; CUTS],
    /// Element before the diagonal; the first is 0.
    off: [f64; CUTS],
    border: [f64; CUTS],
    gradient: [f64; CUTS],
}

impl Equations {
    /// Solves by elimination. A threshold at infinity has a row of zeros, and stays.
    fn solve(&self, gradient_beta: f64) -> NewtonStep {
        let (mut inverse, mut factor) = ([0.0; CUTS], [0.0; CUTS]);
        let (mut gradient, mut border) = (self.gradient, self.border);
        // Inverse pivot, gradient and border of the row above.
        let mut above = [0.0; 3];
        for j in 0..CUTS {
            factor[j] = self.off[j] * above[0];
            let pivot = self.diagonal[j] - factor[j] * self.off[j];
            // A threshold beyond the last cut has no equation.
            inverse[j] = if self.diagonal[j] == 0.0 { 0.0 } else { 1.0 / pivot };
            gradient[j] -= factor[j] * above[1];
            border[j] -= factor[j] * above[2];
            above = [inverse[j], gradient[j], border[j]];
        }
        let mut below = [0.0; 3];
        for j in (0..CUTS).rev() {
            gradient[j] = gradient[j] * inverse[j] - below[0] * below[1];
            border[j] = border[j] * inverse[j] - below[0] * below[2];
            below = [factor[j], gradient[j], border[j]];
        }
        let (mut information, mut beta) = (0.0, gradient_beta);
        for j in 0..CUTS {
            information += self.border[j] * (1.0 - border[j]);
            beta -= self.border[j] * gradient[j];
        }
        beta /= information;
        let (mut thresholds, mut size) = ([0.0; CUTS], beta.abs());
        for j in 0..CUTS {
            thresholds[j] = gradient[j] - border[j] * beta;
            size = size.max(thresholds[j].abs());
        }
        NewtonStep { thresholds, beta, size, information }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::logistic;
    use proptest::prelude::*;

    fn log_likelihood(table: &Counts, thresholds: &[f64], beta: f64) -> f64 {
        let mut sum = 0.0;
        for (arm, counts) in table.iter().enumerate() {
            let cumulative = |j: usize| match thresholds.get(j) {
                Some(a) => logistic(a + beta * arm as f64),
                None => 1.0,
            };
            for (j, count) in counts.iter().enumerate() {
                let below = if j == 0 { 0.0 } else { cumulative(j - 1) };
                sum += count * libm::log(cumulative(j) - below);
            }
        }
        sum
    }

    proptest! {
        #[test]
        fn swapping_the_arms_flips_every_sign(table in crate::analysis::tests::counts(40)) {
            let swapped = [table[1], table[0]];
            let (a, b) = (fit(&table), fit(&swapped));
            prop_assert_eq!(a.status, b.status);
            if a.status == FitStatus::Converged {
                prop_assert!((a.log_odds_ratio + b.log_odds_ratio).abs() < 1e-9);
                prop_assert!((a.standard_error - b.standard_error).abs() < 1e-9);
            }
            match (score_z(&table), score_z(&swapped)) {
                (Some(a), Some(b)) => prop_assert!((a + b).abs() < 1e-12),
                (a, b) => prop_assert_eq!(a, b),
            }
        }

        #[test]
        fn score_z_is_the_wilcoxon_z_with_ties_times_the_root_of_n_over_n_minus_1(table in crate::analysis::tests::counts(40)) {
            let counts = table;
            let [n_c, n_e] = counts.map(|arm| arm.iter().sum::<f64>());
            let n = n_c + n_e;
            let (mut wins, mut below, mut ties) = (0.0, 0.0, 0.0);
            for j in (0..LEVELS).rev() {
                let (c, e) = (counts[0][j], counts[1][j]);
                wins += e * (below + 0.5 * c);
                below += c;
                ties += (c + e).powi(3) - (c + e);
            }
            let variance = n_c * n_e / 12.0 * ((n + 1.0) - ties / (n * (n - 1.0)));
            match score_z(&table) {
                Some(z) => {
                    let wilcoxon = (wins - 0.5 * n_c * n_e) / variance.sqrt();
                    prop_assert!((z - wilcoxon * (n / (n - 1.0)).sqrt()).abs() < 1e-9);
                }
                // NaN for an empty arm.
                None => prop_assert!(variance.is_nan() || variance < 1e-9),
            }
        }

        #[test]
        fn every_table_has_a_fit_or_the_status_that_says_why(table in crate::analysis::tests::counts(3)) {
            let fit = fit(&table);
            match fit.status {
                FitStatus::Converged => prop_assert!(
                    fit.log_odds_ratio.is_finite() && fit.standard_error > 0.0),
                FitStatus::Separated => prop_assert!(fit.log_odds_ratio.is_infinite()),
                FitStatus::NoInformation => prop_assert!(fit.log_odds_ratio.is_nan()),
                FitStatus::NotConverged => prop_assert!(false, "{:?}", table),
            }
        }
    }

    #[test]
    fn the_estimate_maximises_the_likelihood() {
        let table =
            [[4.0, 8.0, 14.0, 20.0, 30.0, 15.0, 21.0], [10.0, 12.0, 17.0, 20.0, 25.0, 9.0, 12.0]];
        let fitted = fit(&table);
        // Profile by coarse descent over the thresholds at β ± δ: none may exceed the maximum.
        let profile = |beta: f64| {
            let (mut thresholds, _) = start(&table, CUTS);
            for _ in 0..60 {
                for j in 0..CUTS {
                    for step in [0.05, -0.05, 0.005, -0.005, 0.0005, -0.0005] {
                        let mut moved = thresholds;
                        moved[j] += step;
                        if log_likelihood(&table, &moved, beta)
                            > log_likelihood(&table, &thresholds, beta)
                        {
                            thresholds = moved;
                        }
                    }
                }
            }
            log_likelihood(&table, &thresholds, beta)
        };
        let best = profile(fitted.log_odds_ratio);
        assert!(best > profile(fitted.log_odds_ratio + 0.05));
        assert!(best > profile(fitted.log_odds_ratio - 0.05));
        // Curvature of the profile likelihood gives the standard error.
        let drop = best - profile(fitted.log_odds_ratio + fitted.standard_error);
        assert!((drop - 0.5).abs() < 0.01, "{drop}");
    }
}
