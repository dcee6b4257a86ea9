//! Operating characteristics of a re-estimated number of patients by numerical integration.

use super::{Expected, NoFormula};
use crate::design::StoppingProbabilities;
use crate::design::reestimation::{
    FinalStatistic, PromisingZone, ReestimationCharacteristics, Zone,
};
use crate::num::normal::lower_tail;
use crate::outcome::Mrs;
use crate::scenario::{Analysis, BlindedSize, SizeReestimation, SizeRule, Truth};
use serde::Serialize;

/// A row of the decision table of a re-estimation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeDecisionRow {
    /// Z of the look, or the rate or variance of both arms together.
    pub observed: f64,
    /// Effect with the control arm as planned that gives this Z, on the scale of the analysis; null for a
    /// blinded rule and if none does.
    pub effect: Option<f64>,
    /// Conditional power at the planned size; null for a blinded rule.
    pub conditional_power: Option<f64>,
    /// Zone of the result; null for a blinded rule.
    pub zone: Option<Zone>,
    /// Patients randomised at the final look; null if the result stops the trial.
    pub randomised: Option<u32>,
}

/// Differences from the planned rate, and ratios to the planned variance, that a table has.
const RATE_STEPS: [f64; 7] = [-0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15];
const VARIANCE_RATIOS: [f64; 7] = [0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5];

impl Expected<'_> {
    /// Lists which number of patients follows from which interim result of the primary analysis, with as
    /// many patients randomised by the decision as have an outcome; empty without a re-estimation.
    pub fn size_decisions(&self) -> Vec<SizeDecisionRow> {
        let scenario = self.scenario;
        let Some(size) = &scenario.adaptation.size else { return Vec::new() };
        match &size.rule {
            SizeRule::Unblinded { zone, .. } => zone
                .table_points()
                .into_iter()
                .map(|z| SizeDecisionRow {
                    observed: z,
                    effect: self
                        .effect_at_z(z, f64::from(scenario.design.looks()[size.look].analysed)),
                    conditional_power: Some(zone.conditional_power(z)),
                    zone: Some(zone.zone(z)),
                    randomised: (!zone.ends(z)).then(|| size.randomised(zone.size_if_continued(z))),
                })
                .collect(),
            SizeRule::Blinded { by, restricted } => {
                let least = if *restricted { size.planned } else { 1 };
                let observed: Vec<f64> = match by {
                    BlindedSize::Rate { cut, .. } => {
                        let planned = self.pooled_rate(*cut);
                        let rates = RATE_STEPS.into_iter().map(|step| planned + step);
                        // Near 0 and 1 there is no room for the planned difference between the arms.
                        rates.filter(|rate| (0.02..=0.98).contains(rate)).collect()
                    }
                    BlindedSize::Variance { planned, .. } => {
                        VARIANCE_RATIOS.into_iter().map(|ratio| ratio * planned).collect()
                    }
                };
                let rows = observed.into_iter().map(|observed| SizeDecisionRow {
                    observed,
                    effect: None,
                    conditional_power: None,
                    zone: None,
                    randomised: Some(size.randomised(size.size_at(by, observed)).max(least)),
                });
                rows.collect()
            }
        }
    }

    /// The effect of the primary analysis that gives a Z with this many outcomes.
    fn effect_at_z(&self, z: f64, analysed: f64) -> Option<f64> {
        let scenario = self.scenario;
        let comparison = self.comparison(Truth::Alternative, &scenario.analyses[0]).ok()?;
        let effect = comparison.effect_at_z(z, scenario.share_experimental_known(), analysed)?;
        Some(comparison.with_effect(effect).measured_effect())
    }

    /// The planned rate of both arms together, as allocated.
    fn pooled_rate(&self, cut: Mrs) -> f64 {
        let share = self.scenario.ratio.share_experimental();
        let [control, experimental] = self
            .scenario
            .marginal(Truth::Alternative)
            .expect("only the prior has none")
            .each_ref()
            .map(|mrs| mrs.at_most(cut));
        (1.0 - share) * control + share * experimental
    }

    /// Operating characteristics of the re-estimation as one analysis sees it, in the normal model; sizes
    /// are numbers of outcomes and not rounded.
    ///
    /// # Errors
    /// If the rule is blinded, if the design has other looks than the one that re-estimates and the final
    /// one, and the causes of [`Expected::drift`].
    pub fn reestimation(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<ReestimationCharacteristics, NoFormula> {
        let (zone, effect) = self.zone_and_effect(truth, analysis)?;
        Ok(zone.characteristics(effect))
    }

    /// The zone, with the mean of Z per root of a patient with an outcome.
    fn zone_and_effect(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<(&PromisingZone, f64), NoFormula> {
        let scenario = self.scenario;
        let Some(SizeReestimation { rule: SizeRule::Unblinded { zone, .. }, .. }) =
            &scenario.adaptation.size
        else {
            return Err(NoFormula::Reestimation);
        };
        // An earlier look would select the interim results, which the integral takes as normal.
        if scenario.design.looks().len() != 2 {
            return Err(NoFormula::Reestimation);
        }
        // The sizes of the zone are planned ones; the drift is that of the outcomes expected.
        let drift = self.drift_at_maximum(self.drift(truth, analysis)?);
        Ok((zone, drift / f64::from(scenario.design.maximum_analysed()).sqrt()))
    }

    /// Stopping probabilities by the statistic of the scenario, if the number of patients is re-estimated.
    pub(super) fn stopping_if_reestimated(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Option<Result<StoppingProbabilities, NoFormula>> {
        let size = self.scenario.adaptation.size.as_ref()?;
        Some(self.reestimated_stopping(size, truth, analysis))
    }

    fn reestimated_stopping(
        &self,
        size: &SizeReestimation,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<StoppingProbabilities, NoFormula> {
        let (zone, effect) = self.zone_and_effect(truth, analysis)?;
        let SizeRule::Unblinded { statistic, .. } = size.rule else {
            return Err(NoFormula::Reestimation);
        };
        let look = &self.scenario.design.looks()[size.look];
        // Harm at a final look of another size has no closed form here.
        if look.harm.is_finite() || self.scenario.design.looks()[size.look + 1].harm.is_finite() {
            return Err(NoFormula::Reestimation);
        }
        let found = zone.characteristics(effect);
        let rejection = match statistic {
            FinalStatistic::Weighted => found.weighted,
            FinalStatistic::Conventional => found.conventional,
        };
        let mean = effect * f64::from(look.analysed).sqrt();
        Ok(StoppingProbabilities {
            efficacy: vec![found.early, rejection - found.early],
            futility: vec![lower_tail(zone.lower() - mean), 0.0],
            harm: vec![0.0; 2],
        })
    }
}
