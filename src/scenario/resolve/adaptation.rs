//! `[adaptation]`.

use super::super::Analysis;
use super::super::adaptation::{Adaptation, BlindedSize, SizeReestimation, SizeRule, variance};
use super::super::file::{Decisions, SizeEffect, SizeStatistic, WrittenSizeAdaptation};
use super::super::look_timing::LookTiming;
use super::super::problems::out_of_range;
use super::design::PlannedComparison;
use super::truths::ArmOutcomes;
use super::{Checked, Reported, Resolver, TrialPlan};
use crate::analysis::method::PatientScore;
use crate::design::comparison::Comparison;
use crate::design::reestimation::{
    AssumedEffect, FinalStatistic, PooledRate, PromisingZone, Restriction, StageBounds, StageSizes,
    ZoneLimits,
};
use crate::population::Population;

impl Resolver<'_> {
    /// Reads the changes of the trial at an interim look. `comparison` is that of the primary analysis,
    /// `None` if it has problems.
    pub(super) fn adaptation(
        &mut self,
        analyses: &[Analysis],
        plan: &TrialPlan,
        comparison: Option<&PlannedComparison>,
        arms: &ArmOutcomes,
        population: &Population,
    ) -> Checked<Adaptation> {
        let file = self.file;
        let Some(written) = &file.adaptation else { return Ok(Adaptation::default()) };
        if written.size.is_none() && written.population.is_none() {
            let message =
                "has no change of the trial; expected: adaptation.size, adaptation.population";
            return self.fail("adaptation", message);
        }
        // Both are read before an error with one is returned, so that the problems of both are
        // reported.
        let restriction = written
            .population
            .as_ref()
            .map(|of| self.population_adaptation(of, analyses, plan, population));
        let size = written
            .size
            .as_ref()
            .map(|size| self.size_adaptation(size, analyses, plan, comparison, arms));
        Ok(Adaptation { size: size.transpose()?, population: restriction.transpose()? })
    }

    /// Reads the re-estimation of the number of patients.
    fn size_adaptation(
        &mut self,
        size: &WrittenSizeAdaptation,
        analyses: &[Analysis],
        plan: &TrialPlan,
        comparison: Option<&PlannedComparison>,
        arms: &ArmOutcomes,
    ) -> Checked<SizeReestimation> {
        let file = self.file;
        let is_supported = self.supports_size(analyses, size);
        let look = self.look_of_size(plan, size);
        let maximum = self.maximum_size(size);
        let (look, maximum) = (look?, maximum?);
        is_supported?;
        let reestimation = |rule| SizeReestimation {
            look,
            planned: file.sample_size.randomised,
            maximum,
            step: size.step(),
            planned_analysed: plan.analysed,
            rule,
        };
        let rule = match size {
            WrittenSizeAdaptation::PromisingZone { .. } => {
                self.promising_zone(size, plan, look, comparison)?
            }
            WrittenSizeAdaptation::PooledRate { power, restricted, .. } => {
                self.pooled_rate(*power, *restricted, plan, look, &analyses[0], comparison)?
            }
            WrittenSizeAdaptation::PooledVariance { restricted, .. } => {
                self.pooled_variance(*restricted, &analyses[0], arms)?
            }
        };
        Ok(reestimation(rule))
    }

    /// Refuses what a re-estimation has no answer to.
    fn supports_size(
        &mut self,
        analyses: &[Analysis],
        size: &WrittenSizeAdaptation,
    ) -> Checked<()> {
        let before = self.problems.len();
        let file = self.file;
        if file.success.is_some() {
            self.report("success", "decides for several analyses together, and adaptation.size for each alone; allowed: one of them");
        }
        match file.design.decisions {
            Decisions::Frequentist => {}
            Decisions::Bayesian => self.report("design.decisions", "is \"bayesian\", and adaptation.size computes conditional power for boundaries of Z; allowed: \"frequentist\""),
        }
        if file.run.variance_reduction {
            self.report(
                "run.variance_reduction",
                "needs trials of one size; allowed with adaptation.size: false",
            );
        }
        if file.description.as_ref().is_some_and(|it| it.tipping_point) {
            self.report(
                "description.tipping_point",
                "needs a final look of the planned size; allowed with adaptation.size: false",
            );
        }
        for (position, analysis) in analyses.iter().enumerate() {
            let index = self.file.place_of_analysis(position);
            if analysis.rerandomisations > 0 {
                self.report(&format!("analyses[{index}].rerandomisations"), "repeats the allocation of all patients of a look; allowed with adaptation.size: 0");
            }
            if analysis.method.null_effects().upper.is_some() {
                self.report(&format!("analyses[{index}]"), "tests equivalence, which has two statistics; allowed with adaptation.size: superiority or non-inferiority");
            }
        }
        let is_planned =
            matches!(size, WrittenSizeAdaptation::PromisingZone { under: SizeEffect::Planned, .. });
        if is_planned && analyses.len() > 1 {
            self.report("adaptation.size.under", "is \"planned\", which is of the primary analysis; allowed with several analyses: \"trend\"");
        }
        if self.problems.len() > before { Err(Reported) } else { Ok(()) }
    }

    /// Returns the position of the look.
    fn look_of_size(&mut self, plan: &TrialPlan, size: &WrittenSizeAdaptation) -> Checked<usize> {
        let interims = plan.design.interims().len();
        let (path, look) = ("adaptation.size.look", size.look());
        if interims == 0 {
            let message = format!(
                "is {look}, but the design has no interim look; allowed: design.looks with two or more"
            );
            return self.fail(path, message);
        }
        // A look after the re-estimation would need boundaries for the new size.
        if look as usize != interims {
            return self.fail(
                path,
                out_of_range(look, format!("{interims}, the last look before the final one")),
            );
        }
        // The weights of the stages are those of the information planned for them.
        if LookTiming::of(&self.file.design.looks).is_random() {
            let message = "has looks whose number of outcomes differs between trials; allowed with adaptation.size: analysed, information_fractions, equally_spaced";
            return self.fail("design.looks", message);
        }
        Ok(interims - 1)
    }

    fn maximum_size(&mut self, size: &WrittenSizeAdaptation) -> Checked<u32> {
        let (planned, maximum) = (self.file.sample_size.randomised, size.maximum());
        if maximum < planned {
            let allowed = format!("at least sample_size.randomised ({planned})");
            return self.fail("adaptation.size.maximum", out_of_range(maximum, allowed));
        }
        Ok(maximum)
    }

    fn promising_zone(
        &mut self,
        size: &WrittenSizeAdaptation,
        plan: &TrialPlan,
        look: usize,
        comparison: Option<&PlannedComparison>,
    ) -> Checked<SizeRule> {
        let &WrittenSizeAdaptation::PromisingZone {
            at_least,
            below,
            target,
            maximum,
            under,
            statistic,
            ..
        } = size
        else {
            return Err(Reported);
        };
        let ends = below.unwrap_or(target);
        if at_least >= ends {
            let path = "adaptation.size.at_least";
            let name = if below.is_some() { "below" } else { "target" };
            let allowed = format!("less than `{name}` ({ends}), where the favourable zone begins");
            return self.fail(path, out_of_range(at_least, allowed));
        }
        let planned = f64::from(plan.analysed);
        let randomised = f64::from(self.file.sample_size.randomised);
        let (interim, last) = (&plan.design.looks()[look], &plan.design.looks()[look + 1]);
        let sizes = StageSizes {
            interim: f64::from(interim.analysed),
            planned,
            // Outcomes in proportion to patients, as the losses of later patients are those planned.
            maximum: f64::from(maximum) * planned / randomised,
        };
        let bounds = StageBounds { interim: interim.efficacy, last: last.efficacy };
        let limits = ZoneLimits { at_least, target: ends };
        let zone = match PromisingZone::new(sizes, limits, bounds) {
            Ok(zone) => zone,
            Err(error) => return self.fail("adaptation.size", error.to_string()),
        };
        let effect = match under {
            SizeEffect::Trend => AssumedEffect::Trend,
            SizeEffect::Planned => AssumedEffect::Stated(self.planned_effect_of(plan, comparison)?),
        };
        // No trial below the higher boundary reaches the re-estimation.
        let lower = interim.futility.max(interim.harm);
        let zone = zone.aiming_at(target).under(effect).stopping_below(lower);
        let statistic = match statistic {
            SizeStatistic::Weighted => FinalStatistic::Weighted,
            SizeStatistic::Conventional => FinalStatistic::Conventional,
        };
        Ok(SizeRule::Unblinded { zone, statistic })
    }

    /// Returns the planned mean of Z per root of a patient with an outcome.
    fn planned_effect_of(
        &mut self,
        plan: &TrialPlan,
        comparison: Option<&PlannedComparison>,
    ) -> Checked<f64> {
        let PlannedComparison { comparison, share_experimental, .. } =
            comparison.ok_or(Reported)?;
        let path = "adaptation.size.under";
        let Ok(comparison) = comparison else {
            return self.fail(
                path,
                "is \"planned\", and the primary analysis has no closed form; allowed: \"trend\"",
            );
        };
        let total = f64::from(plan.analysed);
        let alpha = plan.design.plan().rules.alpha_one_sided;
        let effect = comparison.drift(alpha, *share_experimental, total) / total.sqrt();
        // Without a benefit no number of patients reaches the target.
        if effect > 0.0 {
            Ok(effect)
        } else {
            self.fail(
                path,
                "is \"planned\", and the planned effect is no benefit; allowed: \"trend\"",
            )
        }
    }

    fn pooled_rate(
        &mut self,
        power: f64,
        restricted: bool,
        plan: &TrialPlan,
        look: usize,
        primary: &Analysis,
        comparison: Option<&PlannedComparison>,
    ) -> Checked<SizeRule> {
        let path = "adaptation.size.rule";
        let PlannedComparison { comparison, .. } = comparison.ok_or(Reported)?;
        let Some(cut) = primary.method.success_cut() else {
            return self.fail(path, "is \"pooled_rate\", and the primary analysis compares no two proportions without covariates; allowed: \"promising_zone\", or \"pooled_variance\" with utility_weighted");
        };
        let Ok(Comparison::TwoProportions(rates)) = comparison else {
            return self.fail(path, "is \"pooled_rate\", and the primary analysis has no planned difference of two proportions; allowed: \"promising_zone\", or a primary analysis by two_proportions");
        };
        let [control, experimental] = rates.rates();
        if self.ratio().reduced().parts() != 2 {
            return self.fail(path, "is \"pooled_rate\", whose formula is for arms of equal size; allowed: \"promising_zone\", or arms.allocation_ratio = \"1:1\"");
        }
        if experimental <= control {
            return self.fail(
                path,
                "is \"pooled_rate\", and no benefit is planned; allowed: \"promising_zone\"",
            );
        }
        let alpha_one_sided = plan.design.plan().rules.alpha_one_sided;
        // The test of no patients would have this power.
        if power <= alpha_one_sided {
            let allowed = format!("above the one-sided alpha ({alpha_one_sided})");
            return self.fail("adaptation.size.power", out_of_range(power, allowed));
        }
        let rule = PooledRate {
            interim: plan.design.looks()[look].analysed,
            planned: plan.analysed,
            // The limits are numbers of patients, and apply once the outcomes are converted to these.
            maximum: u32::MAX,
            difference: experimental - control,
            alpha_one_sided,
            power,
            restriction: if restricted {
                Restriction::Restricted
            } else {
                Restriction::Unrestricted
            },
        };
        Ok(SizeRule::Blinded { by: BlindedSize::Rate { cut, rule }, restricted })
    }

    fn pooled_variance(
        &mut self,
        restricted: bool,
        primary: &Analysis,
        arms: &ArmOutcomes,
    ) -> Checked<SizeRule> {
        let path = "adaptation.size.rule";
        let PatientScore::Utility(utilities) = primary.method.as_test().score() else {
            return self.fail(path, "is \"pooled_variance\", and the primary analysis compares no means; allowed: \"promising_zone\", \"pooled_rate\", or a primary analysis by utility_weighted");
        };
        let scores = *utilities.by_mrs();
        let share = self.ratio().share_experimental();
        let [control, experimental] = arms.mrs[0].each_ref().map(|mrs| mrs.probabilities());
        let mixed = std::array::from_fn(|j| (1.0 - share) * control[j] + share * experimental[j]);
        let planned = variance(&scores, &mixed);
        // A new size is the planned one times the observed variance over this one.
        if planned <= 0.0 {
            return self.fail(path, "is \"pooled_variance\", and all patients have the same planned utility; allowed: \"promising_zone\"");
        }
        Ok(SizeRule::Blinded { by: BlindedSize::Variance { scores, planned }, restricted })
    }
}
