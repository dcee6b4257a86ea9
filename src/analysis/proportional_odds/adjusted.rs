//! The shift analysis with covariates: logit P(level ≤ j) = α_j + β·experimental + γ·x
//! (McCullagh 1980, JRSS B 42:109; Agresti, *Analysis of Ordinal Categorical Data*, 2010, ch. 3).
//!
//! Levels are mRS or merged mRS; with two it is logistic regression. Coefficients above 0 are for
//! better outcomes. Patients are counted by arm and mRS within groups that share covariates.
//!
//! Trouble is told apart by what it does to β. A column that tells nothing beyond those before it
//! is dropped. Where all patients of a stratum have the best (or worst) outcome, its coefficient
//! goes to infinity and takes these patients' information with it, while β converges. Only where
//! β itself goes to infinity is the fit separated.

pub use super::covariates::Covariates;
pub use super::levels::Levels;
pub use super::newton::Scratch;

use super::newton::Ending;
use crate::analysis::{Counts, FitStatus};
use crate::num::chi_squared;

/// Beyond this a β without information is on its way to infinity, else it could be anything: by
/// then the linear predictors that lost it are near 20, and a β that does not diverge with them
/// has moved by little.
const ON_ITS_WAY: f64 = 5.0;

/// What is fitted: constant over the trials of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The outcomes that are told apart.
    pub levels: Levels,
    /// Of each group of patients.
    pub covariates: Covariates,
}

/// A maximum-likelihood fit of treatment and the covariates' main effects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// β; ±∞ when separated, NaN unless converged or separated.
    pub log_odds_ratio: f64,
    /// From the observed information; NaN unless converged.
    pub standard_error: f64,
    /// Whether there is an estimate.
    pub status: FitStatus,
    /// Whether another parameter is on its way to infinity.
    pub nuisance_diverged: bool,
}

impl Fit {
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

/// The score test of β = 0, all other parameters at their estimates under it. NaN unless converged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Derivative of the log likelihood by β, above 0 where the experimental arm does better.
    pub score: f64,
    /// Variance of the score with the counts expected under the null.
    pub expected_information: f64,
    /// Minus the second derivative of the profile log likelihood.
    pub observed_information: f64,
    /// `Converged` also where β would be infinite, which the score does not need.
    pub status: FitStatus,
    /// Whether a parameter is on its way to infinity.
    pub nuisance_diverged: bool,
}

impl Score {
    /// The usual statistic.
    pub fn z_expected(&self) -> f64 {
        self.score / self.expected_information.sqrt()
    }

    /// With the information that Wald's statistic uses, but at β = 0.
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
    /// Signed root of χ²; finite where the fit is separated, else NaN unless converged.
    pub z: f64,
    /// Of the null, without the multinomial constant; NaN unless there is a statistic.
    pub null_log_likelihood: f64,
    /// Of the alternative, likewise; the supremum when that is separated.
    pub log_likelihood: f64,
    /// The alternative, whose status is also that of the test.
    pub fit: Fit,
}

/// A joint test that treatment's effect depends on none of the interactions' columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interaction {
    /// Twice the gain in log likelihood by the interactions.
    pub likelihood_ratio: f64,
    /// Wald's χ²; NaN when separated.
    pub wald: f64,
    /// Columns of interactions that the data can tell from each other and from the main effects.
    pub degrees_of_freedom: usize,
    /// `Separated`: an interaction is infinite, and only the likelihood ratio stands.
    /// `NoInformation`: no column, or no treatment effect, can be estimated; both are NaN.
    pub status: FitStatus,
}

impl Interaction {
    /// P(χ² ≥ the likelihood ratio) without interaction; NaN where that is.
    pub fn p_likelihood_ratio(&self) -> f64 {
        self.p(self.likelihood_ratio)
    }

    /// P(χ² ≥ Wald's) without interaction; NaN where that is.
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
}

/// A coefficient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// On the logit scale, above 0 for better outcomes.
    pub value: f64,
    /// From the observed information. Where the fit says that a nuisance parameter diverged, the
    /// values that are large and have a large error (or NaN) are those.
    pub standard_error: f64,
}

/// Which columns are fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    /// Main effects and treatment.
    Main,
    /// The interactions besides: β is then treatment's effect where their columns are 0.
    Interactions,
}

/// All of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Treatment.
    pub fit: Fit,
    /// With all the terms, without the multinomial constant; the supremum when separated, NaN when
    /// there is none.
    pub log_likelihood: f64,
    /// Of β, from the expected information; NaN unless converged.
    pub expected_standard_error: f64,
    /// Between the levels that somebody is in, best first.
    pub thresholds: Vec<Estimate>,
    /// Main effects; `None` for a column that was dropped.
    pub main: Vec<Option<Estimate>>,
    /// Interactions, likewise; empty without them.
    pub interactions: Vec<Option<Estimate>>,
}

impl Model {
    /// Fits β and the main effects.
    ///
    /// # Panics
    /// As do all methods, when `data` has not one table for each group of the covariates.
    pub fn fit(&self, data: &[Counts], scratch: &mut Scratch) -> Fit {
        match self.load(data, scratch, Terms::Main) {
            Some(treatment) => scratch.fit(treatment, treatment + 1),
            None => Fit::without_estimate(FitStatus::NoInformation),
        }
    }

    /// Fits the main effects under β = 0, and tests it.
    pub fn score(&self, data: &[Counts], scratch: &mut Scratch) -> Score {
        match self.load(data, scratch, Terms::Main) {
            Some(treatment) => scratch.score(treatment),
            None => Score::without_statistic(FitStatus::NoInformation),
        }
    }

    /// Fits with and without treatment.
    pub fn likelihood_ratio(&self, data: &[Counts], scratch: &mut Scratch) -> LikelihoodRatio {
        let without = |status| {
            let fit = Fit::without_estimate(status);
            LikelihoodRatio {
                z: f64::NAN,
                null_log_likelihood: f64::NAN,
                log_likelihood: f64::NAN,
                fit,
            }
        };
        let Some(treatment) = self.load(data, scratch, Terms::Main) else {
            return without(FitStatus::NoInformation);
        };
        let ending = scratch.climb(treatment, treatment + 1, 0..0);
        if ending == Ending::Lost {
            return without(FitStatus::NotConverged);
        }
        let null_log_likelihood = scratch.log_likelihood();
        scratch.leave_infinity(ending);
        let fit = scratch.fit(treatment, treatment + 1);
        let log_likelihood = match fit.status {
            FitStatus::Converged | FitStatus::Separated => scratch.log_likelihood(),
            status => return without(status),
        };
        let chi2 = 2.0 * (log_likelihood - null_log_likelihood);
        // Rounding may leave less than 0.
        let root = chi2.max(0.0).sqrt();
        LikelihoodRatio {
            z: root.copysign(fit.log_odds_ratio),
            null_log_likelihood,
            log_likelihood,
            fit,
        }
    }

    /// Tests the interactions' columns jointly against main effects and treatment.
    pub fn interaction(&self, data: &[Counts], scratch: &mut Scratch) -> Interaction {
        let without = |status| Interaction {
            likelihood_ratio: f64::NAN,
            wald: f64::NAN,
            degrees_of_freedom: 0,
            status,
        };
        let Some(treatment) = self.load(data, scratch, Terms::Interactions) else {
            return without(FitStatus::NoInformation);
        };
        let (first, columns) = (treatment + 1, scratch.data.kept.len());
        if first == columns {
            return without(FitStatus::NoInformation);
        }
        let ending = scratch.climb(first, first, 0..0);
        if ending == Ending::Lost {
            return without(FitStatus::NotConverged);
        }
        let main = scratch.log_likelihood();
        scratch.leave_infinity(ending);
        let (status, wald) = match scratch.climb(columns, columns, first..columns) {
            Ending::Settled | Ending::Diverging => {
                let wald = scratch.equations.joint_wald(first, &scratch.coefficients);
                (FitStatus::Converged, wald)
            }
            Ending::Faint => (FitStatus::Separated, f64::NAN),
            Ending::Lost => return without(FitStatus::NotConverged),
        };
        let likelihood_ratio = (2.0 * (scratch.log_likelihood() - main)).max(0.0);
        Interaction { likelihood_ratio, wald, degrees_of_freedom: columns - first, status }
    }

    /// Fits and tells everything; allocates.
    pub fn describe(&self, data: &[Counts], terms: Terms, scratch: &mut Scratch) -> Description {
        let mut description = Description {
            fit: Fit::without_estimate(FitStatus::NoInformation),
            log_likelihood: f64::NAN,
            expected_standard_error: f64::NAN,
            thresholds: Vec::new(),
            main: vec![None; self.covariates.main()],
            interactions: Vec::new(),
        };
        if terms == Terms::Interactions {
            description.interactions = vec![None; self.covariates.interactions()];
        }
        if let Some(treatment) = self.load(data, scratch, terms) {
            scratch.describe(treatment, &mut description);
        }
        description
    }

    /// Takes in the data; returns treatment's place among the columns, unless nothing can be
    /// learnt of it.
    pub(super) fn load(
        &self,
        data: &[Counts],
        scratch: &mut Scratch,
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

impl Scratch {
    /// Starts anew unless a fit has settled: with parameters on their way to infinity, the patients
    /// whose outcomes they make certain have no information left, and a fit of more columns that
    /// needs them back does not find the way.
    fn leave_infinity(&mut self, ending: Ending) {
        if ending != Ending::Settled {
            self.start();
        }
    }

    /// Climbs in the first `columns`, among them treatment, from where the parameters are.
    fn fit(&mut self, treatment: usize, columns: usize) -> Fit {
        let ending = self.climb(columns, columns, treatment..treatment + 1);
        let beta = self.coefficients[treatment];
        match ending {
            Ending::Lost => Fit::without_estimate(FitStatus::NotConverged),
            Ending::Faint if beta.abs() < ON_ITS_WAY => {
                Fit::without_estimate(FitStatus::NoInformation)
            }
            Ending::Faint => Fit {
                log_odds_ratio: f64::INFINITY.copysign(beta),
                ..Fit::without_estimate(FitStatus::Separated)
            },
            Ending::Settled | Ending::Diverging => Fit {
                log_odds_ratio: beta,
                standard_error: 1.0 / self.equations.information(treatment).sqrt(),
                status: FitStatus::Converged,
                nuisance_diverged: ending == Ending::Diverging,
            },
        }
    }

    /// The score at β = 0, where the parameters start.
    fn score(&mut self, treatment: usize) -> Score {
        let columns = treatment + 1;
        let ending = self.climb(treatment, columns, 0..0);
        if ending == Ending::Lost {
            return Score::without_statistic(FitStatus::NotConverged);
        }
        let score = self.equations.last_score();
        let observed_information = self.equations.information(treatment);
        self.expect(columns);
        let expected_information = self.equations.information(treatment);
        // What is left where all patients of one arm are in strata with a single outcome.
        if self.is_faint(observed_information.min(expected_information)) {
            return Score::without_statistic(FitStatus::NoInformation);
        }
        Score {
            score,
            expected_information,
            observed_information,
            status: FitStatus::Converged,
            nuisance_diverged: ending != Ending::Settled,
        }
    }

    fn describe(&mut self, treatment: usize, description: &mut Description) {
        let columns = self.data.kept.len();
        description.fit = self.fit(treatment, columns);
        if matches!(description.fit.status, FitStatus::Converged | FitStatus::Separated) {
            description.log_likelihood = self.log_likelihood();
        }
        if description.fit.status != FitStatus::Converged {
            return;
        }
        let threshold = |cut| Estimate {
            value: self.thresholds[cut],
            standard_error: self.equations.threshold_variance(cut).sqrt(),
        };
        description.thresholds = (0..self.data.cuts).map(threshold).collect();
        for (column, &original) in self.data.kept.iter().enumerate() {
            let estimate = Estimate {
                value: self.coefficients[column],
                standard_error: self.equations.variance(column).sqrt(),
            };
            let main = description.main.len();
            if original < main {
                description.main[original] = Some(estimate);
            } else if original > main {
                description.interactions[original - main - 1] = Some(estimate);
            }
        }
        self.expect(columns);
        description.expected_standard_error = 1.0 / self.equations.information(treatment).sqrt();
    }
}
