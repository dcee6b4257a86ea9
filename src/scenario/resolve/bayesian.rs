//! Bayesian decisions: rules, models of the analyses, and the boundaries of Z that they amount to.

use super::super::comparison::KnownShares;
use super::super::problems::{missing, out_of_range};
use super::super::{Analysis, file};
use super::prior::ResolvedPrior;
use super::truths::Truths;
use super::{Checked, Methods, Reported, Resolver};
use crate::accrual::FollowUp;
use crate::analysis::imputation::Imputation;
use crate::analysis::method::{ArmComparison, PatientScore};
use crate::analysis::{BoundMethod, EffectScale};
use crate::bayes::implied::{ImpliedBounds, PlannedTrial};
use crate::bayes::{
    DecisionModel, DecisionRules, FutilityBelow, HarmAtLeast, NormalMixture, NormalPrior,
};
use crate::design::recursion::CrossingProbabilities;
use crate::design::sample_size::ArmSizes;
use crate::design::{
    Design, EfficacyRule, FutilityRule, HarmRule, Plan, Rules, SpendingFunction, StatedSpending,
    Untested,
};
use crate::num::beta::Beta;

/// Methods with a Bayesian model, for messages.
const WITH_MODEL: &str = "two_proportions with effect = \"risk_difference\" (beta-binomial) or \"log_odds_ratio\" (normal), \
     proportional_odds, logistic and cochran_mantel_haenszel (normal), and utility_weighted without \
     covariates (Dirichlet)";

/// Rules and models, with the prior in numbers for the file.
pub(super) struct ResolvedBayesian {
    pub rules: DecisionRules,
    /// The model of each analysis.
    pub models: Vec<DecisionModel>,
    pub prior: Option<file::WrittenPrior>,
}

/// Keys of the models' priors, and whether a model uses them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct UsedPriors {
    beta_binomial: bool,
    normal: bool,
    dirichlet: bool,
}

impl Resolver<'_> {
    /// Reads rules and models; `None` for decisions by Z.
    pub(super) fn bayesian(
        &mut self,
        methods: &Methods,
        truths: &Truths,
    ) -> Checked<Option<ResolvedBayesian>> {
        let design = &self.file.design;
        let written = match (design.decisions, &design.bayesian) {
            (file::Decisions::Frequentist, None) => return Ok(None),
            (file::Decisions::Frequentist, Some(_)) => {
                let message = "has no effect; allowed with design.decisions = \"bayesian\"";
                return self.fail("design.bayesian", message);
            }
            (file::Decisions::Bayesian, None) => {
                let message =
                    missing("the rules, as in { success = { posterior_at_least = 0.975 } }");
                return self.fail("design.bayesian", message);
            }
            (file::Decisions::Bayesian, Some(written)) => written,
        };
        self.report_boundaries_of_z();
        let own_prior = match &written.prior {
            Some(prior) => Some(self.effect_prior("design.bayesian.prior", prior)?),
            None => None,
        };
        let rules = self.decision_rules(written);
        let normal = match (&own_prior, &truths.prior) {
            (Some(ResolvedPrior { prior, .. }), _) => {
                NormalPrior::Mixture(NormalMixture::new(prior))
            }
            (None, Ok(Some(ResolvedPrior { prior, .. }))) => {
                NormalPrior::Mixture(NormalMixture::new(prior))
            }
            (None, Ok(None)) => NormalPrior::Flat,
            (None, Err(Reported)) => return Err(Reported),
        };
        let analyses = methods.analyses.as_ref()?;
        let models = self.decision_models(written, &normal, analyses)?;
        self.report_scales(written, analyses);
        let prior = own_prior.map(|prior| prior.written);
        Ok(Some(ResolvedBayesian { rules: rules?, models, prior }))
    }

    /// Reports boundaries of Z, which Bayesian decisions do not have.
    fn report_boundaries_of_z(&mut self) {
        let design = &self.file.design;
        let given = [
            ("alpha_one_sided", design.alpha_one_sided.is_some()),
            ("alpha_two_sided", design.alpha_two_sided.is_some()),
            ("efficacy", design.efficacy.is_some()),
            ("efficacy_looks", design.efficacy_looks.is_some()),
            ("futility", design.futility != file::Futility::None),
            ("futility_looks", design.futility_looks.is_some()),
            ("binding_futility", design.binding_futility),
            ("harm", design.harm != file::Harm::None),
            ("harm_looks", design.harm_looks.is_some()),
        ];
        for (key, _) in given.into_iter().filter(|entry| entry.1) {
            let message = "is for boundaries of Z; allowed with decisions = \"bayesian\": the rules of design.bayesian";
            self.report(&format!("design.{key}"), message);
        }
        if self.file.description.as_ref().is_some_and(|it| it.tipping_point) {
            let message = "needs boundaries of Z; allowed with decisions = \"bayesian\": false";
            self.report("description.tipping_point", message);
        }
        if self.file.success.is_some() {
            let message = "lets analyses decide together by boundaries of Z; allowed with design.decisions = \"frequentist\"";
            self.report("success", message);
        }
    }

    fn decision_rules(&mut self, written: &file::WrittenBayesian) -> Checked<DecisionRules> {
        let looks = self.file.design.looks.number();
        let path = "design.bayesian.success.posterior_at_least";
        let success = match &written.success.posterior_at_least {
            file::ByLook::All(least) => vec![*least; looks],
            file::ByLook::Each(by_look) if by_look.len() == looks => by_look.clone(),
            file::ByLook::Each(by_look) => {
                return self.wrong_length(path, by_look.len(), looks, "one per look");
            }
        };
        if looks == 1 && written.futility.is_some() {
            let message = "is given for one look; allowed with two or more";
            self.report("design.bayesian.futility", message);
        }
        let effect_above = written.success.effect_above;
        let futility = written.futility.map(|futility| match futility {
            file::WrittenFutility::PredictiveBelow(least) => FutilityBelow::Predictive(least),
            file::WrittenFutility::PosteriorBelow(least) => FutilityBelow::Posterior(least),
        });
        let lowest = success.iter().copied().fold(f64::INFINITY, f64::min);
        if let Some(FutilityBelow::Posterior(least)) = futility.filter(|_| looks > 1)
            && least >= lowest
        {
            let allowed = format!("below the least probability for success ({lowest})");
            self.report("design.bayesian.futility.posterior_below", out_of_range(least, allowed));
        }
        if let (Some(FutilityBelow::Predictive(least)), Some(enough)) =
            (futility, written.success.predictive_at_least)
            && least >= enough
        {
            let allowed = format!("below success.predictive_at_least ({enough})");
            self.report("design.bayesian.futility.predictive_below", out_of_range(least, allowed));
        }
        let harm = written.harm.map(|harm| HarmAtLeast {
            probability: harm.posterior_at_least,
            effect_below: harm.effect_below,
        });
        if let Some(HarmAtLeast { effect_below, .. }) =
            harm.filter(|it| it.effect_below > effect_above)
        {
            let allowed = format!("at most success.effect_above ({effect_above})");
            self.report("design.bayesian.harm.effect_below", out_of_range(effect_below, allowed));
        }
        let predictive_success = written.success.predictive_at_least;
        let early_known_after_days = written.longitudinal.map(|it| it.early_known_after_days);
        let rules = DecisionRules {
            success,
            effect_above,
            predictive_success,
            futility,
            harm,
            early_known_after_days,
        };
        self.check_longitudinal(&rules);
        Ok(rules)
    }

    /// Reports a longitudinal model that is not possible or has no effect.
    fn check_longitudinal(&mut self, rules: &DecisionRules) {
        let Some(days) = rules.early_known_after_days else { return };
        if self.file.early_outcome.is_none() {
            let message = "needs [early_outcome]; allowed without it: no longitudinal model";
            self.report("design.bayesian.longitudinal", message);
        }
        if !rules.needs_prediction() {
            let message = "has no effect: no rule is predictive; allowed with futility.predictive_below or success.predictive_at_least";
            self.report("design.bayesian.longitudinal", message);
        }
        let FollowUp { days: follow_up, window_days } = self.file.follow_up;
        let first = follow_up - window_days;
        if days > first {
            let allowed =
                format!("0 to {first}, the first day on which an outcome can be known (follow_up)");
            let path = "design.bayesian.longitudinal.early_known_after_days";
            self.report(path, out_of_range(days, allowed));
        }
    }

    fn decision_models(
        &mut self,
        written: &file::WrittenBayesian,
        normal: &NormalPrior,
        analyses: &[Analysis],
    ) -> Checked<Vec<DecisionModel>> {
        let mut used = UsedPriors::default();
        let mut models = Vec::new();
        for (position, analysis) in analyses.iter().enumerate() {
            let index = self.place_in_file(position);
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

    /// Returns the position in the file of a resolved analysis, of which the primary one is the first.
    fn place_in_file(&self, position: usize) -> usize {
        let primary = self.file.analyses.iter().position(|written| written.primary).unwrap_or(0);
        match position {
            0 => primary,
            moved if moved <= primary => moved - 1,
            kept => kept,
        }
    }

    /// Reports thresholds that analyses of different scales cannot share.
    fn report_scales(&mut self, written: &file::WrittenBayesian, analyses: &[Analysis]) {
        let first = analyses[0].method.scale();
        if analyses.iter().all(|analysis| analysis.method.scale() == first) {
            return;
        }
        let message =
            "is on one scale, and the analyses have several; allowed: 0, or analyses of one scale";
        if written.success.effect_above != 0.0 {
            self.report("design.bayesian.success.effect_above", message);
        }
        if written.harm.is_some_and(|harm| harm.effect_below != 0.0) {
            self.report("design.bayesian.harm.effect_below", message);
        }
    }

    /// Builds the boundaries of Z that the rules amount to for the first analysis.
    pub(super) fn bayesian_design(
        &mut self,
        bayesian: &ResolvedBayesian,
        looks_analysed: Checked<Vec<u32>>,
        known: KnownShares,
        truths: &Truths,
        methods: &Methods,
    ) -> Checked<Design> {
        let looks_analysed = looks_analysed?;
        let shares = truths.arms.as_ref()?.mrs[0].each_ref().map(|mrs| *mrs.probabilities());
        let sizes: Vec<ArmSizes> = looks_analysed
            .iter()
            .map(|&total| {
                let experimental = (f64::from(total) * known.experimental).round() as u32;
                ArmSizes { control: total - experimental, experimental }
            })
            .collect();
        if let Some(look) =
            sizes.iter().position(|arms| arms.control == 0 || arms.experimental == 0)
        {
            let message = format!(
                "leaves an arm without outcomes at look {}; allowed: more outcomes",
                look + 1
            );
            return self.fail("design.looks", message);
        }
        let method = &methods.analyses.as_ref()?[0].method;
        // A common odds ratio uses all cuts.
        let cut = match method.as_test().score() {
            PatientScore::Success(cut) if method.scale() == EffectScale::LogOddsRatio => {
                Some(cut.index())
            }
            PatientScore::Success(_)
            | PatientScore::SuccessByGroup(_)
            | PatientScore::Rank(_)
            | PatientScore::Utility(_) => None,
        };
        let plan = PlannedTrial { sizes: &sizes, shares, cut };
        let bounds = bayesian.rules.implied_bounds(&bayesian.models[0], plan);
        let fractions = super::looks::shares_of_last(&looks_analysed);
        let rules = implied_rules(&bounds, &fractions);
        if !(1e-12..0.4999).contains(&rules.alpha_one_sided) {
            let message = format!(
                "amounts to a one-sided type I error of {:.3e} on the Z scale; allowed: thresholds and priors that amount to 1e-12 to 0.4999",
                rules.alpha_one_sided
            );
            return self.fail("design.bayesian.success", message);
        }
        match self.design_of(Plan { looks_analysed, rules }) {
            Ok(design) => Ok(design),
            Err(error) => self.fail(
                "design.bayesian",
                format!(
                    "has no boundaries of Z that it amounts to: {error}; allowed: other thresholds"
                ),
            ),
        }
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
pub(super) fn fill_priors(written: &mut file::WrittenBayesian, analyses: &[Analysis]) {
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

/// Returns rules with the boundaries of Z as given: the error rates that they spend are stated.
fn implied_rules(bounds: &ImpliedBounds, fractions: &[f64]) -> Rules {
    let (alpha_one_sided, function) = spending(&bounds.success, fractions);
    let interims = fractions.len() - 1;
    let has_futility = bounds.futility.iter().any(|z| *z > f64::NEG_INFINITY);
    // Infinitely bad data are never futile: a bound of −∞ is a look without the test, one of +∞ a look
    // that always stops, at any Z that a trial has.
    let futility = bounds.futility[..interims].iter();
    let futility = futility.map(|&z| Some(z.min(LARGEST_Z)).filter(|z| z.is_finite()));
    let mirrored: Vec<f64> = bounds.harm.iter().map(|z| -z).collect();
    let (harm_alpha, harm_function) = spending(&mirrored, fractions);
    Rules {
        alpha_one_sided,
        efficacy: EfficacyRule::Spending(function),
        futility: if has_futility {
            FutilityRule::Z(futility.collect())
        } else {
            FutilityRule::None
        },
        binding_futility: false,
        harm: if (1e-12..0.4999).contains(&harm_alpha) {
            HarmRule::Spending { function: harm_function, alpha_one_sided: harm_alpha }
        } else {
            HarmRule::None
        },
        untested: Untested::default(),
    }
}

/// Stands for a futility bound above all Z.
const LARGEST_Z: f64 = 40.0;

/// Returns the error rate that upper bounds spend under no effect, and how.
fn spending(bounds: &[f64], fractions: &[f64]) -> (f64, SpendingFunction) {
    let none = vec![f64::NEG_INFINITY; bounds.len()];
    let spent = CrossingProbabilities::new(fractions, 0.0, &none, bounds).cumulative_upper();
    let total = spent[spent.len() - 1];
    let points = fractions.iter().zip(&spent).map(|(&fraction, spent)| StatedSpending {
        fraction,
        share: if total > 0.0 { spent / total } else { 0.0 },
    });
    (total, SpendingFunction::Stated(points.collect()))
}
