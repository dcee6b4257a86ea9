//! The closed forms that stand beside a simulation of this scenario.

use super::{Scenario, Truth};
use crate::analysis::AnalysisMethod;
use crate::design::power::{proportional_odds_drift, two_proportions_drift};
use crate::design::recursion::CrossingProbabilities;

impl Scenario {
    /// Stopping probabilities of one analysis by the normal approximation, with as many outcomes
    /// at the final look as are expected to be known.
    ///
    /// Two proportions: pooled variance under the null, unpooled under the alternative (rpact's
    /// convention). Proportional odds: Whitehead's information with the log odds ratio that the
    /// estimate approaches, which is the true one where odds are proportional.
    pub fn normal_approximation(
        &self,
        truth: Truth,
        method: AnalysisMethod,
    ) -> CrossingProbabilities {
        let share = self.ratio.share_experimental();
        let maximum = f64::from(self.design.maximum_analysed());
        let [control, experimental] = self.outcomes[truth.index()].marginal();
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
                self.estimand(truth, method),
                share,
                maximum,
            ),
        };
        let expected = (f64::from(self.randomised) * self.share_known()).round();
        self.design.crossing_probabilities(drift, (expected as u32).max(1))
    }
}
