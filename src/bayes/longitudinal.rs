//! Longitudinal model: the later mRS of patients in the pipeline, predicted from their early mRS.
//!
//! In each arm, early and later mRS have a Dirichlet prior that adds up to the prior of the later mRS. So
//! the rate of success of patients with one early mRS has a beta posterior of its own, from the completers
//! with that early mRS, as in the beta-binomial longitudinal model (Berry, Carlin, Lee & Müller 2010,
//! Bayesian Adaptive Methods for Clinical Trials; FACTS User Guide, Longitudinal models,
//! Berry Consultants). Once the pipeline is predicted, the arm has the posterior that it would have without
//! early mRS, and predicts the patients whose early mRS is not known. On average over the early mRS the
//! predictive probability is the one without them.

use super::Dirichlet;
use crate::num::beta::Beta;
use crate::outcome::{LEVELS, Mrs};

/// Early mRS of the patients of one arm at a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EarlyCounts {
    /// Patients with an outcome, by early mRS, then later mRS.
    pub completed: [[u32; LEVELS]; LEVELS],
    /// Patients whose outcome is expected later and whose early mRS is known, by early mRS.
    pub pending: [u32; LEVELS],
}

/// Buffers of the prediction of successes.
#[derive(Debug, Default)]
pub(super) struct PipelineScratch {
    summand: Vec<f64>,
    before: Vec<f64>,
    pipeline: Vec<f64>,
}

/// Mean utility of one arm at a later analysis, as predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MeanForecast {
    /// Expected posterior mean.
    pub mean: f64,
    /// Variance of the later posterior mean.
    pub gained: f64,
    /// Expected later posterior variance.
    pub left: f64,
}

/// Returns the share of the prior weight of a later mRS that belongs to an early mRS: patients who were
/// dead early are dead later, and the other combinations are equally likely.
fn prior_share(early: usize, later: usize) -> f64 {
    let dead = Mrs::DEAD.index();
    if later == dead {
        1.0 / LEVELS as f64
    } else if early == dead {
        0.0
    } else {
        1.0 / (LEVELS - 1) as f64
    }
}

impl EarlyCounts {
    /// Returns the number of patients in the pipeline whose early mRS is known.
    pub fn pending_total(&self) -> u32 {
        self.pending.iter().sum()
    }

    /// Leaves as many pending patients as are expected to have an outcome: all of the early dead, and of
    /// the others those whose follow-up is expected to be complete, at most `expected` patients in all.
    #[must_use]
    pub fn expected_to_complete(&self, dropout: f64, expected: u32) -> Self {
        let dead = self.pending[Mrs::DEAD.index()].min(expected);
        let others = self.pending_total() - self.pending[Mrs::DEAD.index()];
        let most = f64::from(expected - dead) / f64::from(others.max(1));
        let share = (1.0 - dropout).min(most);
        let (mut before, mut rounded) = (0, 0);
        let pending = std::array::from_fn(|early| {
            if early == Mrs::DEAD.index() {
                return dead;
            }
            // The sums are rounded: rounded numbers might add up to one patient too many.
            before += self.pending[early];
            let up_to = ((f64::from(before) * share).round() as u32).min(expected - dead);
            let patients = up_to - rounded;
            rounded = up_to;
            patients
        });
        Self { pending, ..*self }
    }

    /// Replaces `out` by P(k successes among the pending patients and `more` others of the arm) for each k.
    /// `posterior` is that of the arm's rate without the pending patients; a success is an mRS at or below
    /// `cut`, which is not the worst.
    pub(super) fn predict_successes(
        &self,
        prior: Beta,
        posterior: Beta,
        cut: Mrs,
        more: u32,
        scratch: &mut PipelineScratch,
        out: &mut Vec<f64>,
    ) {
        let PipelineScratch { summand, before, pipeline } = scratch;
        pipeline.clear();
        pipeline.push(1.0);
        for (early, &patients) in self.pending.iter().enumerate().filter(|it| *it.1 > 0) {
            let [successes, failures] = self.outcomes(early, cut);
            let a = prior.a * prior_share(early, 0) + f64::from(successes);
            // The early dead have no rate to estimate.
            if a > 0.0 {
                let b = prior.b * prior_share(early, Mrs::DEAD.index()) + f64::from(failures);
                Beta { a, b }.predict(patients, summand);
                before.clone_from(pipeline);
                convolve(before, summand, pipeline);
            }
        }
        let pending = self.pending_total();
        out.clear();
        out.resize((pending + more) as usize + 1, 0.0);
        for (successes, &p) in pipeline.iter().enumerate() {
            let gained = successes as f64;
            let after =
                Beta { a: posterior.a + gained, b: posterior.b + (f64::from(pending) - gained) };
            after.predict(more, summand);
            for (sum, &of_others) in out[successes..].iter_mut().zip(&*summand) {
                *sum += p * of_others;
            }
        }
    }

    fn outcomes(&self, early: usize, cut: Mrs) -> [u32; 2] {
        let (successes, failures) = self.completed[early].split_at(cut.index() + 1);
        [successes.iter().sum(), failures.iter().sum()]
    }

    /// Predicts the mean utility once the pending patients and `more` others have an outcome; `posterior`
    /// is that of the arm without them, from `prior` patients with each mRS.
    ///
    /// Means and variances of sums are those of Dirichlet-multinomial counts, for each early mRS and then
    /// for the arm, and are exact.
    pub(super) fn forecast(&self, prior: f64, posterior: &Dirichlet, more: f64) -> MeanForecast {
        let centre = posterior.mean();
        let utilities = posterior.utilities.map(|utility| utility - centre);
        let pending = f64::from(self.pending_total());
        let total = posterior.total() + pending;
        // Sums over the patients, of distances from the present mean, and of squared ones.
        let mut first = 0.0;
        // Σ a·(u − mean)² over the levels: the variance times A·(A + 1).
        let mut second = posterior.variance() * posterior.total() * (posterior.total() + 1.0);
        let mut variance_of_first = 0.0;
        for (early, &patients) in self.pending.iter().enumerate().filter(|it| *it.1 > 0) {
            let (mut weight, mut mean, mut square) = (0.0, 0.0, 0.0);
            for (later, utility) in utilities.iter().enumerate() {
                let counted = f64::from(self.completed[early][later]);
                let own = prior * prior_share(early, later) + counted;
                weight += own;
                mean += own * utility;
                square += own * utility * utility;
            }
            (mean, square) = (mean / weight, square / weight);
            let patients = f64::from(patients);
            first += patients * mean;
            second += patients * square;
            let of_patient = square - mean * mean;
            // A Dirichlet-multinomial sum of m patients has (A + m)/(A + 1) times the multinomial
            // variance.
            variance_of_first += patients * of_patient * (patients + weight) / (weight + 1.0);
        }
        let (mean, of_mean) = (first / total, variance_of_first / (total * total));
        let variance = (second / total - mean * mean - of_mean) / (total + 1.0);
        MeanForecast {
            mean: centre + mean,
            gained: of_mean + variance * more / (total + more),
            left: variance * total / (total + more),
        }
    }
}

/// Replaces `out` by the distribution of the sum of two counts.
fn convolve(one: &[f64], other: &[f64], out: &mut Vec<f64>) {
    out.clear();
    out.resize(one.len() + other.len() - 1, 0.0);
    for (i, p) in one.iter().enumerate() {
        for (sum, q) in out[i..].iter_mut().zip(other) {
            *sum += p * q;
        }
    }
}

#[cfg(test)]
mod tests;
