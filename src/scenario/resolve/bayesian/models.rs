//! Bayesian models of the analyses, with their priors.

use crate::analysis::imputation::Imputation;
use crate::analysis::method::ArmComparison;
use crate::analysis::{BoundMethod, EffectScale};
use crate::bayes::{DecisionModel, NormalPrior};
use crate::num::beta::Beta;
use crate::scenario::resolve::{Checked, Reported, Resolver};
use crate::scenario::{Analysis, file};

/// Methods with a Bayesian model, for messages.
const WITH_MODEL: &str = "two_proportions with effect = \"risk_difference\" (beta-binomial) or \"log_odds_ratio\" (normal), \
     proportional_odds, logistic and cochran_mantel_haenszel (normal), and utility_weighted without \
     covariates (Dirichlet)";

/// Keys of the models' priors, and whether a model uses them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct UsedPriors {
    beta_binomial: bool,
    normal: bool,
    dirichlet: bool,
}

impl Resolver<'_> {
    pub(super) fn decision_models(
        &mut self,
        written: &file::WrittenBayesian,
        normal: &NormalPrior,
        analyses: &[Analysis],
    ) -> Checked<Vec<DecisionModel>> {
        let mut used = UsedPriors::default();
        let mut models = Vec::new();
        for (position, analysis) in analyses.iter().enumerate() {
            let index = self.file.place_of_analysis(position);
            let model = model_of(&analysis.method, written, normal);
            match &model {
                Some(DecisionModel::BetaBinomial { .. }) => used.beta_binomial = true,
                Some(DecisionModel::Normal(_)) => used.normal = true,
                Some(DecisionModel::Dirichlet { .. }) => used.dirichlet = true,
                None => {
                    let message = format!("has no Bayesian model; allowed: {WITH_MODEL}");
                    self.report(&format!("analyses[{index}].method"), message);
                }
            }
            if analysis.rerandomisations > 0 {
                let message = "is given with Bayesian decisions, which need no p value; allowed: 0";
                self.report(&format!("analyses[{index}].rerandomisations"), message);
            }
            if analysis.hypothesis.has_margin() {
                let own = self.file.analyses[index].hypothesis.is_some();
                let path =
                    if own { format!("analyses[{index}].hypothesis") } else { "hypothesis".into() };
                let message = "has a margin for Z, and design.decisions = \"bayesian\" decides by probabilities; allowed: no margin, with design.bayesian.success.effect_above as the effect to exceed";
                self.report(&path, message);
            }
            let counts = model.as_ref().is_some_and(|model| !model.needs_estimate());
            if let Some(DecisionModel::Normal(_)) = &model
                && written.longitudinal.is_some()
            {
                let message = format!(
                    "predicts counts, and analysis \"{}\" has the normal model of an estimate; allowed with two_proportions with effect = \"risk_difference\" and utility_weighted without covariates",
                    analysis.name
                );
                self.report("design.bayesian.longitudinal", message);
            }
            if counts && analysis.missing != Imputation::None {
                let message = "imputes outcomes, and this method's Bayesian model counts patients with an outcome; allowed: none, or a method that estimates a log odds ratio";
                self.report(&format!("analyses[{index}].missing"), message);
            }
            models.push(model);
        }
        let unused = [
            (
                "prior_control",
                written.prior_control.is_some() && !used.beta_binomial,
                "beta-binomial",
            ),
            (
                "prior_experimental",
                written.prior_experimental.is_some() && !used.beta_binomial,
                "beta-binomial",
            ),
            ("prior", written.prior.is_some() && !used.normal, "normal"),
            ("prior_per_level", written.prior_per_level.is_some() && !used.dirichlet, "Dirichlet"),
        ];
        for (key, _, model) in unused.into_iter().filter(|entry| entry.1) {
            let message = format!(
                "has no effect: no analysis has the {model} model; allowed with {WITH_MODEL}"
            );
            self.report(&format!("design.bayesian.{key}"), message);
        }
        models.into_iter().collect::<Option<Vec<_>>>().ok_or(Reported)
    }
}

/// Returns the model of a method; `None` if it has none.
fn model_of(
    method: &BoundMethod,
    written: &file::WrittenBayesian,
    normal: &NormalPrior,
) -> Option<DecisionModel> {
    match method.scale() {
        EffectScale::LogOddsRatio | EffectScale::LogCommonOddsRatio => {
            Some(DecisionModel::Normal(normal.clone()))
        }
        EffectScale::RiskDifference => match method.as_test().comparison()? {
            ArmComparison::Proportions { cut, .. } => Some(DecisionModel::BetaBinomial {
                control: beta(written.prior_control),
                experimental: beta(written.prior_experimental),
                cut,
            }),
            ArmComparison::CommonOddsRatio(_)
            | ArmComparison::NetBenefit(_)
            | ArmComparison::Utilities { .. } => None,
        },
        EffectScale::UtilityDifference => match method.as_test().comparison()? {
            ArmComparison::Utilities { utilities, test: _ } => Some(DecisionModel::Dirichlet {
                prior: written.prior_per_level.unwrap_or(1.0),
                utilities: *utilities.by_mrs(),
            }),
            ArmComparison::CommonOddsRatio(_)
            | ArmComparison::NetBenefit(_)
            | ArmComparison::Proportions { .. } => None,
        },
        EffectScale::LogRiskRatio
        | EffectScale::NetBenefit
        | EffectScale::LogWinOdds
        | EffectScale::LogWinRatio => None,
    }
}

/// Writes out the default priors of the models that the analyses have.
pub(in crate::scenario::resolve) fn fill_priors(
    written: &mut file::WrittenBayesian,
    analyses: &[Analysis],
) {
    for model in analyses.iter().filter_map(|analysis| analysis.model.as_ref()) {
        match model {
            DecisionModel::BetaBinomial { control, experimental, cut: _ } => {
                written.prior_control = Some([control.a, control.b]);
                written.prior_experimental = Some([experimental.a, experimental.b]);
            }
            &DecisionModel::Dirichlet { prior, utilities: _ } => {
                written.prior_per_level = Some(prior);
            }
            // Without a stated prior it is that of the scenario, or flat.
            DecisionModel::Normal(_) => {}
        }
    }
}

/// Returns a beta prior, uniform unless it is stated.
fn beta(written: Option<[f64; 2]>) -> Beta {
    let [a, b] = written.unwrap_or([1.0, 1.0]);
    Beta { a, b }
}
