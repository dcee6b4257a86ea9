//! Bayesian decisions: rules, models of the analyses, and the boundaries of Z that they amount to.

mod implied;
mod models;

pub(super) use models::fill_priors;

use super::super::problems::{missing, out_of_range};
use super::super::{Analysis, file};
use super::prior::ResolvedPrior;
use super::truths::Truths;
use super::{Checked, Methods, Reported, Resolver};
use crate::accrual::FollowUp;
use crate::bayes::{
    DecisionModel, DecisionRules, FutilityBelow, HarmAtLeast, NormalMixture, NormalPrior,
};

/// Rules and models, with the prior in numbers for the file.
pub(super) struct ResolvedBayesian {
    pub rules: DecisionRules,
    /// The model of each analysis.
    pub models: Vec<DecisionModel>,
    pub prior: Option<file::WrittenPrior>,
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
}
