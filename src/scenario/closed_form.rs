//! What is known of a scenario without simulating it.

use super::{Scenario, Truth};
use crate::analysis::AnalysisMethod;
use crate::design::StoppingProbabilities;
use crate::design::comparison::ordinal::{limit_of_fit, proportional_odds_drift};
use crate::design::comparison::two_proportions::two_proportions_drift;
use crate::design::comparison::{Comparison, Ordinal, OrdinalTest, TwoProportions};
use crate::outcome::MrsDistribution;
use crate::randomisation::AllocationRatio;

impl Scenario {
    /// Share of all patients whose outcome becomes known, on average.
    pub fn share_known(&self) -> f64 {
        known(self.ratio, self.dropout).0
    }

    /// Share of the experimental arm among the patients whose outcome becomes known.
    pub fn share_experimental_known(&self) -> f64 {
        known(self.ratio, self.dropout).1
    }

    /// Outcomes expected to be known when everyone's follow-up has ended, rounded down.
    pub fn expected_known(&self) -> u32 {
        expected_known(self.randomised, self.share_known())
    }

    /// The value that an analysis's estimate approaches in a trial of ever larger size; `None`
    /// where it has none (the arms do not overlap, or all outcomes are alike), and under the prior,
    /// where every replicate has its own.
    ///
    /// Where odds are not proportional, the common odds ratio's limit depends on the arms' shares
    /// among the known outcomes.
    pub fn estimand(&self, truth: Truth, method: AnalysisMethod) -> Option<f64> {
        estimand(self.marginal(truth)?, self.share_experimental_known(), method)
    }

    /// What one analysis compares, for closed forms of sizes and effects; `None` where it has none:
    /// under the prior, when an arm has no success or only successes, and where the odds ratio is
    /// 0 or infinite.
    pub fn comparison(&self, truth: Truth, method: AnalysisMethod) -> Option<Comparison> {
        comparison(self.marginal(truth)?, self.share_experimental_known(), method)
    }

    /// Stopping probabilities of one analysis by the normal approximation, with as many outcomes
    /// at the final look as are expected to be known; `None` where it has none, as when everyone
    /// has a success, and under the prior.
    ///
    /// Two proportions: pooled variance under the null, unpooled under the alternative (rpact's
    /// convention). Proportional odds: Whitehead's information with the log odds ratio that the
    /// estimate approaches, which is the true one where odds are proportional.
    pub fn normal_approximation(
        &self,
        truth: Truth,
        method: AnalysisMethod,
    ) -> Option<StoppingProbabilities> {
        let marginal = self.marginal(truth)?;
        self.stopping_probabilities(marginal, self.estimand(truth, method)?, method)
    }

    /// P(efficacy at any look) by the same approximation, averaged over the prior; `None` without
    /// a prior and where the approximation has no value.
    pub fn assurance_by_formula(&self, method: AnalysisMethod) -> Option<f64> {
        let prior = self.prior.as_ref()?;
        let [control, _] = *self.marginal(Truth::Alternative)?;
        let power = |log_odds_ratio: f64| {
            let marginal = [control, control.shifted_by(log_odds_ratio)];
            let estimand = estimand_of_shift(method, &marginal, log_odds_ratio);
            self.stopping_probabilities(&marginal, estimand, method)
                .map_or(f64::NAN, |stopping| stopping.rejection())
        };
        // N outcomes hold no more information on a log odds ratio than N/12 (Whitehead 1993).
        let least_error = libm::sqrt(12.0 / f64::from(self.design.maximum_analysed()));
        Some(prior.average(power, least_error)).filter(|assurance| assurance.is_finite())
    }

    /// Of a trial whose arms have these marginal distributions and whose estimate aims at
    /// `estimand`.
    fn stopping_probabilities(
        &self,
        [control, experimental]: &[MrsDistribution; 2],
        estimand: f64,
        method: AnalysisMethod,
    ) -> Option<StoppingProbabilities> {
        let share = self.share_experimental_known();
        let maximum = f64::from(self.design.maximum_analysed());
        let drift = match method {
            AnalysisMethod::TwoProportions { cut } => two_proportions_drift(
                (control.at_most(cut), experimental.at_most(cut)),
                share,
                maximum,
                self.design.plan().rules.alpha_one_sided,
            ),
            AnalysisMethod::ProportionalOdds { .. } => proportional_odds_drift(
                control.probabilities(),
                experimental.probabilities(),
                estimand,
                share,
                maximum,
            ),
        };
        drift.is_finite().then(|| self.design.stopping(drift, self.expected_known().max(1)))
    }
}

/// As [`Scenario::estimand`], from the arms and the share of the experimental one among the known
/// outcomes.
fn estimand(
    [control, experimental]: &[MrsDistribution; 2],
    share_experimental: f64,
    method: AnalysisMethod,
) -> Option<f64> {
    let limit = match method {
        _ if control == experimental => 0.0,
        AnalysisMethod::TwoProportions { cut } => experimental.at_most(cut) - control.at_most(cut),
        AnalysisMethod::ProportionalOdds { .. } => {
            limit_of_fit(control.probabilities(), experimental.probabilities(), share_experimental)
        }
    };
    limit.is_finite().then_some(limit)
}

/// As [`Scenario::comparison`], likewise.
pub(super) fn comparison(
    marginal: &[MrsDistribution; 2],
    share_experimental: f64,
    method: AnalysisMethod,
) -> Option<Comparison> {
    let [control, experimental] = marginal;
    Some(match method {
        AnalysisMethod::TwoProportions { cut } => Comparison::TwoProportions(
            TwoProportions::new(control.at_most(cut), experimental.at_most(cut)).ok()?,
        ),
        AnalysisMethod::ProportionalOdds { .. } => {
            let (control, experimental) = (control.probabilities(), experimental.probabilities());
            let test = OrdinalTest::ProportionalOdds;
            let fitted = Ordinal::fitted(control, experimental, share_experimental, test);
            Comparison::Ordinal(fitted.ok()?)
        }
    })
}

/// Share of all patients whose outcome becomes known, and of the experimental arm among them.
pub(super) fn known(ratio: AllocationRatio, dropout: [f64; 2]) -> (f64, f64) {
    let experimental = ratio.share_experimental();
    let known = 1.0 - (1.0 - experimental) * dropout[0] - experimental * dropout[1];
    (known, experimental * (1.0 - dropout[1]) / known)
}

/// What an analysis's estimate aims at when the experimental arm is control shifted by a log odds
/// ratio: the risk difference, or the log odds ratio itself.
pub fn estimand_of_shift(
    method: AnalysisMethod,
    [control, experimental]: &[MrsDistribution; 2],
    log_odds_ratio: f64,
) -> f64 {
    match method {
        AnalysisMethod::TwoProportions { cut } => experimental.at_most(cut) - control.at_most(cut),
        AnalysisMethod::ProportionalOdds { .. } => log_odds_ratio,
    }
}

/// A whole number that rounding left a hair below itself must not lose a patient.
pub(super) fn expected_known(randomised: u32, share_known: f64) -> u32 {
    (f64::from(randomised) * share_known + 1e-9).floor() as u32
}
