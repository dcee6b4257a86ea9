//! What is known of a scenario without simulating it.

use super::{Scenario, Truth};
use crate::analysis::{AnalysisMethod, proportional_odds};
use crate::design::power::{proportional_odds_drift, two_proportions_drift};
use crate::design::recursion::CrossingProbabilities;
use crate::outcome::LEVELS;

/// Levels rarer than this do not enter the limit of a fit: no trial would see them, and their
/// logarithms would only add rounding noise.
const NEGLIGIBLE: f64 = 1e-12;

impl Scenario {
    /// Share of all patients whose outcome becomes known, on average.
    pub fn share_known(&self) -> f64 {
        let experimental = self.ratio.share_experimental();
        1.0 - (1.0 - experimental) * self.dropout[0] - experimental * self.dropout[1]
    }

    /// Share of the experimental arm among the patients whose outcome becomes known.
    pub fn share_experimental_known(&self) -> f64 {
        self.ratio.share_experimental() * (1.0 - self.dropout[1]) / self.share_known()
    }

    /// Outcomes expected to be known when everyone's follow-up has ended, rounded down.
    pub fn expected_known(&self) -> u32 {
        expected_known(self.randomised, self.share_known())
    }

    /// The value that an analysis's estimate approaches in a trial of ever larger size; `None`
    /// where it has none (the arms do not overlap, or all outcomes are alike).
    ///
    /// Where odds are not proportional, the common odds ratio's limit depends on the arms' shares
    /// among the known outcomes.
    pub fn estimand(&self, truth: Truth, method: AnalysisMethod) -> Option<f64> {
        let [control, experimental] = self.marginal(truth);
        let limit = match method {
            _ if control == experimental => 0.0,
            AnalysisMethod::TwoProportions { cut } => {
                experimental.at_most(cut) - control.at_most(cut)
            }
            AnalysisMethod::ProportionalOdds { .. } => {
                let share = self.share_experimental_known();
                let weights = |p: &[f64; LEVELS], share: f64| {
                    p.map(|p| if p < NEGLIGIBLE { 0.0 } else { share * p })
                };
                let table = [
                    weights(control.probabilities(), 1.0 - share),
                    weights(experimental.probabilities(), share),
                ];
                proportional_odds::fit(&table).log_odds_ratio
            }
        };
        limit.is_finite().then_some(limit)
    }

    /// Stopping probabilities of one analysis by the normal approximation, with as many outcomes
    /// at the final look as are expected to be known; `None` where it has none, as when everyone
    /// has a success.
    ///
    /// Two proportions: pooled variance under the null, unpooled under the alternative (rpact's
    /// convention). Proportional odds: Whitehead's information with the log odds ratio that the
    /// estimate approaches, which is the true one where odds are proportional.
    pub fn normal_approximation(
        &self,
        truth: Truth,
        method: AnalysisMethod,
    ) -> Option<CrossingProbabilities> {
        let share = self.share_experimental_known();
        let maximum = f64::from(self.design.maximum_analysed());
        let [control, experimental] = self.marginal(truth);
        let drift = match method {
            AnalysisMethod::TwoProportions { cut } => two_proportions_drift(
                (control.at_most(cut), experimental.at_most(cut)),
                share,
                maximum,
                self.design.plan().alpha_one_sided,
            ),
            AnalysisMethod::ProportionalOdds { .. } => proportional_odds_drift(
                control.probabilities(),
                experimental.probabilities(),
                self.estimand(truth, method)?,
                share,
                maximum,
            ),
        };
        drift
            .is_finite()
            .then(|| self.design.crossing_probabilities(drift, self.expected_known().max(1)))
    }
}

/// A whole number that rounding left a hair below itself must not lose a patient.
pub(super) fn expected_known(randomised: u32, share_known: f64) -> u32 {
    (f64::from(randomised) * share_known + 1e-9).floor() as u32
}
