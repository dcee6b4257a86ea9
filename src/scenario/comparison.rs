//! The comparison of two distributions that an analysis makes, for sizes and effects by formula, and
//! the numbers of outcomes that the looks are planned with.

use super::{Analysis, AnalysisSet, Scenario};
use crate::analysis::imputation::Imputation;
use crate::analysis::margin::NullEffects;
use crate::design::comparison::Comparison;
use crate::outcome::MrsDistribution;
use crate::randomisation::AllocationRatio;

/// The analyses whose sizes and effects have a closed form, for messages.
pub(crate) const WITH_CLOSED_FORM: &str = "two_proportions, proportional_odds, wilcoxon and \
     utility_weighted have one, without covariates or strata";

/// The arms that an analysis compares, and what of them an analysis may depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComparedArms<'a> {
    /// The mRS of control and experimental arm as allocated.
    pub mrs: &'a [MrsDistribution; 2],
    /// Share of the experimental arm among the patients with an outcome.
    pub share_experimental: f64,
    /// Whether all patients receive the treatment of their arm.
    pub all_adhere: bool,
    /// Whether some outcomes never become known.
    pub has_dropout: bool,
    /// Whether patients with an outcome differ from the others in more than their number.
    pub dropout_is_selective: bool,
}

impl<'a> ComparedArms<'a> {
    /// The arms of a trial without non-adherence and dropout.
    pub fn without_losses(mrs: &'a [MrsDistribution; 2], share_experimental: f64) -> Self {
        Self {
            mrs,
            share_experimental,
            all_adhere: true,
            has_dropout: false,
            dropout_is_selective: false,
        }
    }
}

/// Why an analysis is not a comparison of two distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoComparison {
    /// The method needs more than two distributions.
    #[error("({WITH_CLOSED_FORM})")]
    Method,
    /// An arm has no success or only successes, or the odds ratio is 0 or infinite.
    #[error("with these arms")]
    Arms,
    /// A key of the analysis makes it depend on more.
    #[error("with its `{0}`")]
    Key(&'static str),
    /// Dropout depends on the outcome or on factors.
    #[error("with `missing` that depends on the outcome or on factors")]
    SelectiveLoss,
    /// Prognostic factors are balanced to an unknown degree.
    #[error("with prognostic factors and this `randomisation`")]
    Randomisation,
}

/// The comparison of two distributions that an analysis makes.
///
/// # Errors
/// If it depends on more than these distributions, or they have no effect.
pub(crate) fn comparison(
    analysis: &Analysis,
    compared: ComparedArms<'_>,
) -> Result<Comparison, NoComparison> {
    // Only if all patients adhere do the other sets have the patients and arms of intention to
    // treat.
    if analysis.set != AnalysisSet::IntentionToTreat && !compared.all_adhere {
        return Err(NoComparison::Key("population"));
    }
    // Where every outcome becomes known, no value is ever imputed.
    if analysis.missing != Imputation::None && compared.has_dropout {
        return Err(NoComparison::Key("missing"));
    }
    // The patients with an outcome then have another distribution than their arm.
    if compared.dropout_is_selective {
        return Err(NoComparison::SelectiveLoss);
    }
    // Its p value comes from the allocations that are drawn, not from the distribution of the
    // statistic.
    if analysis.rerandomisations > 0 {
        return Err(NoComparison::Key("rerandomisations"));
    }
    let compared_by = analysis.method.as_test().comparison().ok_or(NoComparison::Method)?;
    // Equivalence has to reject two hypotheses, so that its power has no formula of one difference.
    let NullEffects { lower: null, upper: None } = analysis.method.null_effects() else {
        return Err(NoComparison::Key("hypothesis"));
    };
    Comparison::of_arms(compared_by, compared.mrs, compared.share_experimental, null)
        .map_err(|_| NoComparison::Arms)
}

/// Shares of the patients whose outcome becomes known, on average.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownShares {
    /// Among all randomised patients.
    pub of_randomised: f64,
    /// Experimental arm among the patients with an outcome.
    pub experimental: f64,
}

impl KnownShares {
    /// From the shares of control and experimental arm that drop out.
    pub fn new(ratio: AllocationRatio, dropout: [f64; 2]) -> Self {
        let experimental = ratio.share_experimental();
        let known = 1.0 - (1.0 - experimental) * dropout[0] - experimental * dropout[1];
        Self { of_randomised: known, experimental: experimental * (1.0 - dropout[1]) / known }
    }

    /// Outcomes expected to become known, rounded down.
    pub fn patients(self, randomised: u32) -> u32 {
        // A whole number that rounding left just below itself must not lose a patient.
        (f64::from(randomised) * self.of_randomised + 1e-9).floor() as u32
    }
}

impl Scenario {
    /// Whether some outcomes never become known.
    pub fn has_dropout(&self) -> bool {
        self.dropout != [0.0; 2]
    }

    /// Whether patients with an outcome differ from the others in more than their number.
    pub fn dropout_is_selective(&self) -> bool {
        let by_factors = !self.file.missing.factors.is_empty();
        self.has_dropout() && (self.missingness.depends_on_outcome() || by_factors)
    }

    /// Share of all patients whose outcome becomes known, on average.
    pub fn share_known(&self) -> f64 {
        KnownShares::new(self.ratio, self.dropout).of_randomised
    }

    /// Share of the experimental arm among the patients whose outcome becomes known.
    pub fn share_experimental_known(&self) -> f64 {
        KnownShares::new(self.ratio, self.dropout).experimental
    }

    /// Outcomes expected to be known when all follow-up has ended, rounded down.
    pub fn expected_known(&self) -> u32 {
        KnownShares::new(self.ratio, self.dropout).patients(self.randomised)
    }

    /// Outcomes at the final look of a trial that runs to its end.
    pub fn final_analysed(&self) -> u32 {
        // Boundaries are at shares of this number, which must not be 0.
        self.expected_known().max(1)
    }

    /// Level of the tests of efficacy.
    pub fn alpha_one_sided(&self) -> f64 {
        self.design.plan().rules.alpha_one_sided
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::method::tests::{bound, shortest};

    #[test]
    fn the_message_names_exactly_the_methods_with_a_closed_form() {
        for method in shortest() {
            let bound = bound(&method);
            let is_named = WITH_CLOSED_FORM.contains(bound.key());
            assert_eq!(bound.as_test().comparison().is_some(), is_named, "{}", bound.key());
        }
    }
}
