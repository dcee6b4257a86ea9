//! The risk ratio adjusted for covariates: Poisson regression of success with a robust variance
//! (Zou 2004, Am J Epidemiol 159:702), known as modified Poisson.
//!
//! log P(success) = α + β·experimental + γ·x is fitted by the likelihood of Poisson counts, whose score
//! has mean 0 for successes and failures too. Their variance is not the Poisson one, so that of β is the
//! sandwich A⁻¹BA⁻¹ without a small-sample factor (HC0): A = Σ μ·x·xᵀ, B = Σ (y − μ)²·x·xᵀ. Unlike the
//! log-binomial model, the fit exists where a fitted probability would exceed 1. With treatment alone the
//! estimate and its error are those of Katz et al. (1978), which are computed in closed form.
//!
//! Patients of a covariate pattern without any success push its coefficient to −∞; they then have no
//! influence, and β converges. If β itself diverges, the fit is separated.

mod fit;

pub use fit::log_risk_ratio;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grouping::CellLayout;
use super::margin::{NullEffects, WaldAgainst};
use super::method::{Binding, GroupedBy, Method, ParameterError, PatientScore, Test};
use super::proportional_odds::{adjusted, adjusted_for};
use super::two_proportions::{Arms, ProportionEffect, arms, independent};
use super::utilities::regression::CovariateRows;
use super::{Counts, EffectScale, FitStatus, TestResult};
use crate::outcome::Mrs;

/// Parameters of a modified Poisson regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifiedPoisson {
    /// Success is an mRS at or below this.
    #[serde(default = "independent")]
    #[schemars(with = "u8", range(min = 0, max = 5))]
    pub cut: Mrs,
    /// Factors whose levels are covariates; none by default (treatment alone).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjust_for: Vec<String>,
}

/// The risk ratio of treatment.
#[derive(Debug)]
struct RiskRatio {
    cut: Mrs,
    /// Covariates of each group; `None` for treatment alone.
    covariates: Option<CovariateRows>,
}

impl Method for ModifiedPoisson {
    fn key(&self) -> &'static str {
        "modified_poisson"
    }

    fn describe(&self) -> String {
        let (cut, adjusted) = (self.cut, adjusted_for(&self.adjust_for));
        format!(
            "modified Poisson regression of mRS 0–{cut}, robust Wald test{adjusted}, log risk ratio"
        )
    }

    fn grouped_by(&self) -> GroupedBy<'_> {
        GroupedBy::covariates(&self.adjust_for)
    }

    fn counts_successes(&self) -> bool {
        true
    }

    fn bind(&self, cells: CellLayout<'_>, factors: &[usize]) -> Result<Binding, ParameterError> {
        let cut = self.cut;
        if factors.is_empty() {
            return Ok(Binding::of_trial(RiskRatio { cut, covariates: None }));
        }
        let grouping = cells.grouped(factors);
        let covariates = CovariateRows::new(&grouping.indicators())
            .map_err(|error| ParameterError::new("adjust_for", format!("makes {error}")))?;
        Ok(Binding::of_groups(RiskRatio { cut, covariates: Some(covariates) }, grouping))
    }
}

impl Test for RiskRatio {
    fn scale(&self) -> EffectScale {
        EffectScale::LogRiskRatio
    }

    fn score(&self) -> PatientScore<'_> {
        PatientScore::Success(self.cut)
    }

    fn test(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> TestResult {
        match &self.covariates {
            Some(covariates) => log_risk_ratio(covariates, groups, self.cut),
            None => katz(&arms(&groups[0], self.cut)),
        }
    }

    fn level_needs_events(&self) -> bool {
        true
    }

    fn against(self: Box<Self>, null: NullEffects) -> Result<Box<dyn Test>, ParameterError> {
        Ok(Box::new(WaldAgainst::new(*self, null)))
    }
}

/// Wald's test of the log risk ratio with the standard error of Katz et al. (1978), Biometrics 34:469.
fn katz(arms: &Arms) -> TestResult {
    let estimate = ProportionEffect::LogRiskRatio.estimate(arms);
    match estimate.status {
        FitStatus::NoInformation | FitStatus::NotConverged => TestResult::failed(estimate.status),
        // Without a success in one arm the estimate is infinite but has a direction, as in the
        // regression.
        FitStatus::Separated | FitStatus::Converged => {
            wald(estimate.estimate, estimate.standard_error)
        }
    }
}

/// The test of an estimate, of which an infinite one, or one without an error, has none.
fn wald(estimate: f64, standard_error: f64) -> TestResult {
    if estimate.is_finite() && standard_error.is_finite() && standard_error > 0.0 {
        let z = estimate / standard_error;
        return TestResult::with_wald_interval(estimate, standard_error, z, FitStatus::Converged);
    }
    TestResult::with_wald_interval(estimate, f64::NAN, f64::NAN, FitStatus::Separated)
}
