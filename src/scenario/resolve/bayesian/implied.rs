//! Boundaries of Z that Bayesian rules amount to.

use super::ResolvedBayesian;
use crate::analysis::EffectScale;
use crate::analysis::method::PatientScore;
use crate::bayes::LEAST_WEIGHT;
use crate::bayes::implied::{ImpliedBounds, PlannedTrial};
use crate::design::recursion::CrossingProbabilities;
use crate::design::sample_size::ArmSizes;
use crate::design::{
    Design, EfficacyRule, FutilityRule, HarmRule, Plan, Rules, SpendingFunction, StatedSpending,
    Untested,
};
use crate::outcome::Mrs;
use crate::scenario::comparison::KnownShares;
use crate::scenario::resolve::truths::Truths;
use crate::scenario::resolve::{Checked, Methods, Resolver};

impl Resolver<'_> {
    /// Refuses a first look with so few outcomes that posterior probabilities of mean utilities would take
    /// seconds each.
    fn enough_for_utilities(
        &mut self,
        bayesian: &ResolvedBayesian,
        first: &ArmSizes,
    ) -> Checked<()> {
        let smaller = f64::from(first.control.min(first.experimental));
        let smaller = (smaller * self.least_population()).floor() as u32;
        for model in &bayesian.models {
            if let Some(weight) = model.too_small_weight(smaller) {
                let message = format!(
                    "has {smaller} outcomes in an arm at the first look, which with the prior of mean utilities weigh {weight:.2}; allowed: {LEAST_WEIGHT} or more, by later looks or a larger design.bayesian.prior_per_level"
                );
                return self.fail("design.looks", message);
            }
        }
        Ok(())
    }

    /// Returns the share of the smallest population that a look may judge, as far as the file states it for a
    /// factor alone.
    fn least_population(&self) -> f64 {
        let adaptation = self.file.adaptation.as_ref();
        let Some(rule) = adaptation.and_then(|adaptation| adaptation.population.as_ref()) else {
            return 1.0;
        };
        let factor = self.file.factors.iter().find(|factor| factor.name == rule.factor());
        let shares = factor.and_then(|factor| factor.shares.as_ref());
        shares.and_then(|shares| Some(shares.first()? / shares.iter().sum::<f64>())).unwrap_or(1.0)
    }

    /// Builds the boundaries of Z that the rules amount to for the first analysis.
    pub(in crate::scenario::resolve) fn bayesian_design(
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
        self.enough_for_utilities(bayesian, &sizes[0])?;
        let method = &methods.analyses.as_ref()?[0].method;
        // A common odds ratio uses all cuts.
        let cut = match (method.as_test().score(), method.scale()) {
            (PatientScore::Success(cut), EffectScale::LogOddsRatio) => Some(cut.index()),
            // An odds ratio of two levels, which logistic regression estimates.
            (PatientScore::Rank(levels), _) => levels.cut_of_two().map(Mrs::index),
            (
                PatientScore::Success(_)
                | PatientScore::SuccessByGroup(_)
                | PatientScore::Utility(_),
                _,
            ) => None,
        };
        let plan = PlannedTrial { sizes: &sizes, shares, cut };
        let bounds = bayesian.rules.implied_bounds(&bayesian.models[0], plan);
        let fractions = crate::scenario::resolve::looks::shares_of_last(&looks_analysed);
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
