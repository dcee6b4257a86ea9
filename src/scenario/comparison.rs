//! Which comparison of two distributions an analysis makes, for sizes and effects by formula.

use super::{Analysis, AnalysisSet};
use crate::analysis::AnalysisMethod;
use crate::analysis::imputation::MissingRule;
use crate::analysis::wins::WinMeasure;
use crate::design::comparison::{Comparison, Means, Ordinal, OrdinalTest, TwoProportions};
use crate::outcome::MrsDistribution;
use crate::randomisation::AllocationRatio;

/// The analyses whose sizes and effects have a closed form, for messages.
pub(crate) const WITH_CLOSED_FORM: &str = "two_proportions, proportional_odds (mRS 5 and 6 apart), \
     wilcoxon and utility_weighted have one, without covariates or strata";

/// What an analysis's comparison depends on besides the analysis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// The mRS of control and experimental arm as allocated.
    pub arms: &'a [MrsDistribution; 2],
    /// Share of the experimental arm among the known outcomes.
    pub share_experimental: f64,
    /// Whether some patients do not get the treatment of their arm.
    pub departs: bool,
    /// Whether some outcomes are never known.
    pub loses: bool,
    /// Whether those known differ from the others.
    pub loss_is_selective: bool,
}

impl<'a> Circumstances<'a> {
    /// Of a trial in which everyone adheres and nobody is lost.
    pub fn of_arms(arms: &'a [MrsDistribution; 2], share_experimental: f64) -> Self {
        let (departs, loses, loss_is_selective) = (false, false, false);
        Self { arms, share_experimental, departs, loses, loss_is_selective }
    }
}

/// Why an analysis is no comparison of two distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoComparison {
    /// Of its method, covariates or strata.
    #[error("({WITH_CLOSED_FORM})")]
    Method,
    /// An arm has no success or only successes, or the odds ratio is 0 or infinite.
    #[error("with these arms")]
    Arms,
    /// Of a key of the analysis.
    #[error("with its `{0}`")]
    Key(&'static str),
    /// Of losses by outcome or factor.
    #[error("with `missing` that depends on the outcome or on factors")]
    SelectiveLoss,
    /// Of a randomisation that keeps prognostic factors in a balance of unknown strength.
    #[error("with prognostic factors and this `randomisation`")]
    Randomisation,
}

/// What an analysis compares.
pub(crate) fn comparison(
    analysis: &Analysis,
    circumstances: Circumstances<'_>,
) -> Result<Comparison, NoComparison> {
    let Circumstances { arms, share_experimental, departs, loses, loss_is_selective } =
        circumstances;
    if analysis.set != AnalysisSet::IntentionToTreat && departs {
        return Err(NoComparison::Key("population"));
    }
    if analysis.missing != MissingRule::CompleteCase && loses {
        return Err(NoComparison::Key("missing"));
    }
    if loss_is_selective {
        return Err(NoComparison::SelectiveLoss);
    }
    if analysis.rerandomisations > 0 {
        return Err(NoComparison::Key("rerandomisations"));
    }
    let [control, experimental] = arms.each_ref().map(MrsDistribution::probabilities);
    let ordinal = |test: OrdinalTest| {
        Ordinal::fitted(control, experimental, share_experimental, test)
            .map_err(|_| NoComparison::Arms)
    };
    Ok(match &analysis.method {
        AnalysisMethod::TwoProportions { cut, proportions } => {
            let [control, experimental] = arms.each_ref().map(|mrs| mrs.at_most(*cut));
            let rates = TwoProportions::new(control, experimental);
            let rates = rates.map_err(|_| NoComparison::Arms)?;
            let tested = rates.tested_by(proportions.test).measured_by(proportions.effect);
            Comparison::TwoProportions(tested)
        }
        AnalysisMethod::ProportionalOdds { .. } => {
            Comparison::Ordinal(ordinal(OrdinalTest::ProportionalOdds)?)
        }
        AnalysisMethod::Wins(WinMeasure::NetBenefit) => {
            Comparison::Ordinal(ordinal(OrdinalTest::MannWhitney)?.measured_by_net_benefit())
        }
        AnalysisMethod::Utilities { utilities, .. } => {
            let means = Means::of_utilities(utilities.by_mrs(), control, experimental);
            Comparison::Means(means.map_err(|_| NoComparison::Arms)?)
        }
        AnalysisMethod::Regression(_)
        | AnalysisMethod::Wins(WinMeasure::WinOdds | WinMeasure::WinRatio)
        | AnalysisMethod::VanElteren(_)
        | AnalysisMethod::AdjustedUtilities { .. }
        | AnalysisMethod::MantelHaenszel { .. }
        | AnalysisMethod::SlidingDichotomy { .. } => return Err(NoComparison::Method),
    })
}

/// Share of all patients whose outcome becomes known, and of the experimental arm among them.
pub(crate) fn known(ratio: AllocationRatio, dropout: [f64; 2]) -> (f64, f64) {
    let experimental = ratio.share_experimental();
    let known = 1.0 - (1.0 - experimental) * dropout[0] - experimental * dropout[1];
    (known, experimental * (1.0 - dropout[1]) / known)
}

/// A whole number that rounding left a hair below itself must not lose a patient.
pub(crate) fn expected_known(randomised: u32, share_known: f64) -> u32 {
    (f64::from(randomised) * share_known + 1e-9).floor() as u32
}
