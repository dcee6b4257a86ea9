//! The value that an estimate aims at: its limit in ever larger trials.

use super::Expected;
use super::counts::{Counting, MissingAs, scaled};
use crate::analysis::BoundMethod;
use crate::analysis::method::ArmComparison;
use crate::design::comparison::ordinal::limit_of_fit;
use crate::outcome::MrsDistribution;
use crate::scenario::{Analysis, AnalysisSet, Truth};

/// Patients of a trial so large that terms of order 1/N of its estimate do not matter.
pub(super) const LARGE_TRIAL: f64 = 1e9;

impl Expected<'_> {
    /// The limit of an analysis's estimate in ever larger trials without dropout and with ever more
    /// centres. By intention to treat it includes non-adherence; per protocol and as treated it is what
    /// these sets aim at, the effect if all patients adhered.
    ///
    /// `None` if there is none (the arms do not overlap, or all outcomes are alike), by centre unless
    /// the effect is 0, and under the prior, where every replicate has its own effect.
    ///
    /// If odds are not proportional, the limit of the common odds ratio depends on the arms' shares
    /// among the patients with an outcome.
    pub fn estimand(&self, truth: Truth, analysis: &Analysis) -> Option<f64> {
        let scenario = self.scenario;
        let by_treatment = match analysis.set {
            AnalysisSet::IntentionToTreat => false,
            AnalysisSet::PerProtocol | AnalysisSet::AsTreated => true,
        };
        let [control, experimental] = if by_treatment {
            scenario.marginal_of_treatments(truth)?
        } else {
            scenario.marginal(truth)?
        };
        // Exactly 0 on every scale, also for methods whose limit is otherwise not known. Effects that cancel
        // out over all patients need not do so in an analysis that adjusts for the factor.
        let cancels =
            scenario.has_effect_modification(truth) && analysis.method.grouping().is_some();
        if control == experimental && !cancels {
            return Some(0.0);
        }
        // The number of centres grows with the trial: counts of a large one do not give the limit.
        if analysis.by_centre {
            return None;
        }
        let limit = match analysis.method.as_test().comparison() {
            Some(ArmComparison::CommonOddsRatio(levels)) => limit_of_fit(
                &levels.merge(control.probabilities()),
                &levels.merge(experimental.probabilities()),
                scenario.share_experimental_known(),
            ),
            Some(ArmComparison::Proportions { cut, effect, .. }) => {
                effect.of(control.at_most(cut), experimental.at_most(cut))
            }
            Some(ArmComparison::NetBenefit(_) | ArmComparison::Utilities { .. }) | None => {
                let adherence = match analysis.set {
                    AnalysisSet::IntentionToTreat => scenario.adherence.as_ref(),
                    AnalysisSet::PerProtocol | AnalysisSet::AsTreated => None,
                };
                let (missing, set) = (MissingAs::Observed, analysis.set);
                let counting = Counting { truth, missing, set, adherence };
                let cells = counting.cells(scenario).into_iter().map(|it| scaled(it, LARGE_TRIAL));
                analysis.method.estimate_of_expected(cells)
            }
        };
        limit.is_finite().then_some(limit)
    }
}

/// The limit of a method's estimate in a trial of equal arms whose experimental arm is the control arm
/// shifted by a log odds ratio; NaN for methods with covariates or strata, whose limit depends on more
/// than the arms.
pub fn estimand_of_shift(
    method: &BoundMethod,
    [control, experimental]: &[MrsDistribution; 2],
    log_odds_ratio: f64,
) -> f64 {
    match method.as_test().comparison() {
        Some(ArmComparison::Proportions { cut, effect, .. }) => {
            effect.of(control.at_most(cut), experimental.at_most(cut))
        }
        Some(ArmComparison::CommonOddsRatio(_)) => log_odds_ratio,
        Some(ArmComparison::NetBenefit(_) | ArmComparison::Utilities { .. }) | None => {
            if method.grouping().is_some() {
                return f64::NAN;
            }
            let counts = [*control.probabilities(), *experimental.probabilities()];
            method.estimate_of_expected(std::iter::once(scaled(counts, LARGE_TRIAL)))
        }
    }
}
