//! The shift analysis with covariates: logit P(level ≤ j) = α_j + β·experimental + γ·x
//! (McCullagh 1980, JRSS B 42:109; Agresti, *Analysis of Ordinal Categorical Data*, 2010, ch. 3).
//!
//! Levels are mRS or merged mRS; with two it is logistic regression. Coefficients above 0 are for
//! better outcomes. Patients are counted by arm and mRS within groups that share covariates.
//!
//! Degenerate data are classified by their effect on β. A column that is a combination of those before
//! it is dropped. If all patients of a stratum have the best (or worst) outcome, its coefficient
//! diverges, and these patients no longer contribute information, but β converges. Only if β itself
//! diverges is the fit separated.

pub use super::covariates::Covariates;
pub use super::levels::Levels;
pub use super::newton::FitScratch;

use super::newton::Convergence;
use crate::analysis::{Counts, FitStatus};
use crate::num::chi_squared;

/// Absolute value of a β without information above which it has diverged; a smaller one could be
/// anything.
// By the time the information is lost, the diverging linear predictors are near 20, and a β that does
// not diverge with them has changed little.
const DIVERGING_BETA: f64 = 5.0;

/// A model, constant over the trials of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The mRS, or merged mRS, that the model distinguishes.
    pub levels: Levels,
    /// Covariates of each group of patients.
    pub covariates: Covariates,
}

/// A maximum-likelihood fit of treatment and the covariates' main effects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdjustedFit {
    /// β; ±∞ when separated, NaN unless converged or separated.
    pub log_odds_ratio: f64,
    /// From the observed information; NaN unless converged.
    pub standard_error: f64,
    /// Whether there is an estimate.
    pub status: FitStatus,
    /// Whether a parameter other than β diverged.
    pub nuisance_diverged: bool,
}

impl AdjustedFit {
    /// Wald's statistic; NaN unless converged.
    pub fn z(&self) -> f64 {
        self.log_odds_ratio / self.standard_error
    }

    fn without_estimate(status: FitStatus) -> Self {
        Self {
            log_odds_ratio: f64::NAN,
            standard_error: f64::NAN,
            status,
            nuisance_diverged: false,
        }
    }
}

/// The score test of β = 0 with all other parameters at their estimates under β = 0. NaN unless
/// converged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Derivative of the log likelihood by β, above 0 if the experimental arm does better.
    pub score: f64,
    /// Variance of the score with the counts expected under the null.
    pub expected_information: f64,
    /// Minus the second derivative of the profile log likelihood.
    pub observed_information: f64,
    /// `Converged` also if β would be infinite, as the score does not need it.
    pub status: FitStatus,
    /// Whether a parameter diverged.
    pub nuisance_diverged: bool,
}

impl Score {
    /// The usual statistic, score / √(expected information).
    pub fn z_expected(&self) -> f64 {
        self.score / self.expected_information.sqrt()
    }

    /// Score / √(observed information), the information that Wald's statistic uses, but at β = 0.
    pub fn z_observed(&self) -> f64 {
        self.score / self.observed_information.sqrt()
    }

    fn without_statistic(status: FitStatus) -> Self {
        Self {
            score: f64::NAN,
            expected_information: f64::NAN,
            observed_information: f64::NAN,
            status,
            nuisance_diverged: false,
        }
    }
}

/// The likelihood-ratio test of β = 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LikelihoodRatio {
    /// Signed root of χ²; finite for a separated fit, else NaN unless converged.
    pub z: f64,
    /// Log likelihood under the null, without the multinomial constant; NaN without a statistic.
    pub null_log_likelihood: f64,
    /// Log likelihood under the alternative, without the multinomial constant; for a separated fit the
    /// supremum.
    pub log_likelihood: f64,
    /// The fit under the alternative, whose status is also that of the test.
    pub fit: AdjustedFit,
}

/// A joint test of all interactions with treatment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interaction {
    /// Twice the gain in log likelihood by the interactions.
    pub likelihood_ratio: f64,
    /// Wald's χ²; NaN when separated.
    pub wald: f64,
    /// Number of interaction columns that are no combination of the others and the main effects.
    pub degrees_of_freedom: usize,
    /// `Separated`: an interaction is infinite, and only the likelihood ratio is defined.
    /// `NoInformation`: no interaction, or no treatment effect, can be estimated; both are NaN.
    pub status: FitStatus,
}

impl Interaction {
    /// P(χ² ≥ the likelihood ratio) without interaction; NaN if the statistic is.
    pub fn p_likelihood_ratio(&self) -> f64 {
        self.p(self.likelihood_ratio)
    }

    /// P(χ² ≥ Wald's statistic) without interaction; NaN if the statistic is.
    pub fn p_wald(&self) -> f64 {
        self.p(self.wald)
    }

    fn p(&self, statistic: f64) -> f64 {
        if statistic.is_nan() {
            return f64::NAN;
        }
        // Rounding may leave a likelihood ratio below 0.
        chi_squared::upper_tail(statistic.max(0.0), self.degrees_of_freedom as u32)
    }

    fn without_statistic(status: FitStatus) -> Self {
        Self { likelihood_ratio: f64::NAN, wald: f64::NAN, degrees_of_freedom: 0, status }
    }
}

impl LikelihoodRatio {
    fn without_statistic(status: FitStatus) -> Self {
        Self {
            z: f64::NAN,
            null_log_likelihood: f64::NAN,
            log_likelihood: f64::NAN,
            fit: AdjustedFit::without_estimate(status),
        }
    }
}

/// A coefficient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficient {
    /// Log odds, above 0 for better outcomes.
    pub value: f64,
    /// From the observed information. If the fit reports a diverged nuisance parameter, those are the
    /// large values with a large (or NaN) error.
    pub standard_error: f64,
}

/// The columns that are fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    /// Main effects and treatment.
    Main,
    /// Main effects, treatment and interactions: β is then the effect of treatment at interaction
    /// columns of 0.
    Interactions,
}

/// A fit with all of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct FullFit {
    /// The estimate of treatment.
    pub fit: AdjustedFit,
    /// Log likelihood with all terms, without the multinomial constant; the supremum if separated, NaN
    /// without a fit.
    pub log_likelihood: f64,
    /// Standard error of β from the expected information; NaN unless converged.
    pub expected_standard_error: f64,
    /// Thresholds between the levels with patients, best first.
    pub thresholds: Vec<Coefficient>,
    /// Main effects; `None` for a column that was dropped.
    pub main: Vec<Option<Coefficient>>,
    /// Interactions; `None` for a column that was dropped, empty if they are not fitted.
    pub interactions: Vec<Option<Coefficient>>,
}

impl Model {
    /// Fits β and the main effects.
    ///
    /// # Panics
    /// If `data` does not have one table for each group of the covariates, as for all methods.
    pub fn fit(&self, data: &[Counts], scratch: &mut FitScratch) -> AdjustedFit {
        match self.load(data, scratch, Terms::Main) {
            Some(treatment) => scratch.fit(treatment, treatment + 1),
            None => AdjustedFit::without_estimate(FitStatus::NoInformation),
        }
    }

    /// Fits the main effects under β = 0, and tests β = 0.
    pub fn score(&self, data: &[Counts], scratch: &mut FitScratch) -> Score {
        match self.load(data, scratch, Terms::Main) {
            Some(treatment) => scratch.score(treatment),
            None => Score::without_statistic(FitStatus::NoInformation),
        }
    }

    /// Fits with and without treatment.
    pub fn likelihood_ratio(&self, data: &[Counts], scratch: &mut FitScratch) -> LikelihoodRatio {
        let Some(treatment) = self.load(data, scratch, Terms::Main) else {
            return LikelihoodRatio::without_statistic(FitStatus::NoInformation);
        };
        let convergence = scratch.climb(treatment, treatment + 1, 0..0);
        if convergence == Convergence::Failed {
            return LikelihoodRatio::without_statistic(FitStatus::NotConverged);
        }
        // The fit with treatment continues from here, a few steps from its maximum.
        let null_log_likelihood = scratch.log_likelihood();
        scratch.restart_unless_at_maximum(convergence);
        let fit = scratch.fit(treatment, treatment + 1);
        let log_likelihood = match fit.status {
            FitStatus::Converged | FitStatus::Separated => scratch.log_likelihood(),
            FitStatus::NoInformation | FitStatus::NotConverged => {
                return LikelihoodRatio::without_statistic(fit.status);
            }
        };
        // Rounding may leave a χ² below 0.
        let root = (2.0 * (log_likelihood - null_log_likelihood)).max(0.0).sqrt();
        let z = root.copysign(fit.log_odds_ratio);
        LikelihoodRatio { z, null_log_likelihood, log_likelihood, fit }
    }

    /// Tests the interactions' columns jointly against main effects and treatment.
    pub fn interaction(&self, data: &[Counts], scratch: &mut FitScratch) -> Interaction {
        let Some(treatment) = self.load(data, scratch, Terms::Interactions) else {
            return Interaction::without_statistic(FitStatus::NoInformation);
        };
        let (first, columns) = (treatment + 1, scratch.data.kept.len());
        if first == columns {
            return Interaction::without_statistic(FitStatus::NoInformation);
        }
        let convergence = scratch.climb(first, first, 0..0);
        if convergence == Convergence::Failed {
            return Interaction::without_statistic(FitStatus::NotConverged);
        }
        let main = scratch.log_likelihood();
        scratch.restart_unless_at_maximum(convergence);
        let (status, wald) = match scratch.climb(columns, columns, first..columns) {
            Convergence::Maximum | Convergence::Diverging => {
                let wald = scratch.equations.joint_wald(first, &scratch.coefficients);
                (FitStatus::Converged, wald)
            }
            Convergence::NoInformation => (FitStatus::Separated, f64::NAN),
            Convergence::Failed => return Interaction::without_statistic(FitStatus::NotConverged),
        };
        let likelihood_ratio = (2.0 * (scratch.log_likelihood() - main)).max(0.0);
        Interaction { likelihood_ratio, wald, degrees_of_freedom: columns - first, status }
    }

    /// Fits and returns all parameters; allocates.
    pub fn full_fit(&self, data: &[Counts], terms: Terms, scratch: &mut FitScratch) -> FullFit {
        let mut full = FullFit {
            fit: AdjustedFit::without_estimate(FitStatus::NoInformation),
            log_likelihood: f64::NAN,
            expected_standard_error: f64::NAN,
            thresholds: Vec::new(),
            main: vec![None; self.covariates.main()],
            interactions: Vec::new(),
        };
        if terms == Terms::Interactions {
            full.interactions = vec![None; self.covariates.interactions()];
        }
        if let Some(treatment) = self.load(data, scratch, terms) {
            scratch.full_fit(treatment, &mut full);
        }
        full
    }

    /// Loads the data and resets the parameters; returns treatment's position among the columns, `None`
    /// if the data have no information on it.
    pub(super) fn load(
        &self,
        data: &[Counts],
        scratch: &mut FitScratch,
        terms: Terms,
    ) -> Option<usize> {
        let interactions = terms == Terms::Interactions;
        scratch.data.load(&self.covariates, self.levels, data, interactions);
        if scratch.data.cuts == 0 {
            return None;
        }
        scratch.start();
        scratch.data.treatment
    }
}

impl FitScratch {
    /// Resets the parameters unless they are at the maximum.
    fn restart_unless_at_maximum(&mut self, convergence: Convergence) {
        // With diverging parameters, patients whose outcomes have become certain have no information
        // left, and a fit of more columns, which needs them, would not converge.
        if convergence != Convergence::Maximum {
            self.start();
        }
    }

    /// Fits the first `columns`, among them treatment, from the current parameters.
    fn fit(&mut self, treatment: usize, columns: usize) -> AdjustedFit {
        let convergence = self.climb(columns, columns, treatment..treatment + 1);
        let beta = self.coefficients[treatment];
        match convergence {
            Convergence::Failed => AdjustedFit::without_estimate(FitStatus::NotConverged),
            Convergence::NoInformation if beta.abs() < DIVERGING_BETA => {
                AdjustedFit::without_estimate(FitStatus::NoInformation)
            }
            // The sign of a diverging β is that of its limit.
            Convergence::NoInformation => AdjustedFit {
                log_odds_ratio: f64::INFINITY.copysign(beta),
                ..AdjustedFit::without_estimate(FitStatus::Separated)
            },
            Convergence::Maximum | Convergence::Diverging => AdjustedFit {
                log_odds_ratio: beta,
                standard_error: 1.0 / self.equations.information(treatment).sqrt(),
                status: FitStatus::Converged,
                nuisance_diverged: convergence == Convergence::Diverging,
            },
        }
    }

    /// The score at β = 0, from which the parameters start.
    fn score(&mut self, treatment: usize) -> Score {
        let columns = treatment + 1;
        let convergence = self.climb(treatment, columns, 0..0);
        if convergence == Convergence::Failed {
            return Score::without_statistic(FitStatus::NotConverged);
        }
        // Treatment is the last column, so that the factor has its score with all else profiled out.
        let score = self.equations.last_score();
        let observed_information = self.equations.information(treatment);
        self.expect(columns);
        let expected_information = self.equations.information(treatment);
        // If all patients of one arm are in strata with a single outcome, the information that remains
        // is rounding.
        if self.is_residual(observed_information.min(expected_information)) {
            return Score::without_statistic(FitStatus::NoInformation);
        }
        Score {
            score,
            expected_information,
            observed_information,
            status: FitStatus::Converged,
            nuisance_diverged: convergence != Convergence::Maximum,
        }
    }

    fn full_fit(&mut self, treatment: usize, full: &mut FullFit) {
        let columns = self.data.kept.len();
        full.fit = self.fit(treatment, columns);
        if matches!(full.fit.status, FitStatus::Converged | FitStatus::Separated) {
            full.log_likelihood = self.log_likelihood();
        }
        if full.fit.status != FitStatus::Converged {
            return;
        }
        full.thresholds = (0..self.data.cuts)
            .map(|cut| Coefficient {
                value: self.thresholds[cut],
                standard_error: self.equations.threshold_variance(cut).sqrt(),
            })
            .collect();
        for (column, &original) in self.data.kept.iter().enumerate() {
            let coefficient = Coefficient {
                value: self.coefficients[column],
                standard_error: self.equations.variance(column).sqrt(),
            };
            // Columns are the main effects, treatment, and the interactions.
            let main = full.main.len();
            if original < main {
                full.main[original] = Some(coefficient);
            } else if original > main {
                full.interactions[original - main - 1] = Some(coefficient);
            }
        }
        // Last, as it replaces the equations of the observed information.
        self.expect(columns);
        full.expected_standard_error = 1.0 / self.equations.information(treatment).sqrt();
    }
}
