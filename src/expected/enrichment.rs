//! Effects in parts of the population, for trials that may be restricted to them.

use super::Expected;
use super::counts::{Counting, MissingAs, scaled};
use super::estimand::LARGE_TRIAL;
use crate::analysis::method::ArmComparison;
use crate::analysis::{AnalysisSet, Counts};
use crate::design::comparison::ordinal::limit_of_fit;
use crate::design::enrichment::LevelSet;
use crate::outcome::{LEVELS, MrsDistribution};
use crate::scenario::{Analysis, PopulationAdaptation, Truth};

/// Least net benefit, P(better) − P(worse), that is an effect.
// Distributions that are equal by construction differ by rounding errors.
const LEAST_EFFECT: f64 = 1e-9;

impl Expected<'_> {
    /// The limit of an analysis's estimate among patients of some levels of the factor by which the
    /// population may be restricted; as [`Expected::estimand`] for all patients.
    pub fn estimand_in(
        &self,
        truth: Truth,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        levels: LevelSet,
    ) -> Option<f64> {
        if levels == adaptation.all() || analysis.by_centre {
            return self.estimand(truth, analysis);
        }
        let counting = self.counting_in_levels(truth, analysis);
        let scenario = self.scenario;
        let arms = arms_in(&counting.strata(scenario), adaptation, levels)?;
        if arms[0] == arms[1] {
            return Some(0.0);
        }
        let [control, experimental] = &arms;
        let limit = match analysis.method.as_test().comparison() {
            Some(ArmComparison::CommonOddsRatio(merged)) => limit_of_fit(
                &merged.merge(control.probabilities()),
                &merged.merge(experimental.probabilities()),
                scenario.share_experimental_known(),
            ),
            Some(ArmComparison::Proportions { cut, effect, .. }) => {
                effect.of(control.at_most(cut), experimental.at_most(cut))
            }
            Some(ArmComparison::NetBenefit(_) | ArmComparison::Utilities { .. }) | None => {
                let cells = counting.cells(scenario);
                let per_stratum = cells.len() / scenario.population.strata();
                let included = cells.into_iter().enumerate().map(|(cell, counts)| {
                    let is_included = adaptation.includes(levels, cell / per_stratum);
                    scaled(counts, if is_included { LARGE_TRIAL } else { 0.0 })
                });
                analysis.method.estimate_of_expected(included)
            }
        };
        limit.is_finite().then_some(limit)
    }

    /// Lists the levels in which the experimental arm of an analysis does better than the control arm.
    pub fn levels_with_effect(
        &self,
        truth: Truth,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
    ) -> LevelSet {
        let strata = self.counting_in_levels(truth, analysis).strata(self.scenario);
        let has_effect = |&level: &usize| {
            let arms = arms_in(&strata, adaptation, LevelSet::NONE.with(level));
            arms.is_some_and(|[control, experimental]| {
                net_benefit(&control, &experimental) > LEAST_EFFECT
            })
        };
        (0..adaptation.levels).filter(has_effect).collect()
    }

    fn counting_in_levels(&self, truth: Truth, analysis: &Analysis) -> Counting<'_> {
        let adherence = match analysis.set {
            AnalysisSet::IntentionToTreat => self.scenario.adherence.as_ref(),
            // These sets aim at the effect if all patients adhered.
            AnalysisSet::PerProtocol | AnalysisSet::AsTreated => None,
        };
        Counting { truth, missing: MissingAs::Observed, set: analysis.set, adherence }
    }
}

/// Returns the mRS of both arms among patients of some levels; `None` if there are none.
fn arms_in(
    strata: &[Counts],
    adaptation: &PopulationAdaptation,
    levels: LevelSet,
) -> Option<[MrsDistribution; 2]> {
    let mut sums = [[0.0; LEVELS]; 2];
    let included = strata.iter().enumerate().filter(|&(at, _)| adaptation.includes(levels, at));
    for (_, counts) in included {
        let sums = sums.iter_mut().flatten();
        sums.zip(counts.iter().flatten()).for_each(|(sum, count)| *sum += count);
    }
    let [control, experimental] = sums.map(|arm| {
        let total: f64 = arm.iter().sum();
        MrsDistribution::new(arm.map(|count| count / total)).ok()
    });
    Some([control?, experimental?])
}

/// P(an experimental patient does better than a control patient) − P(worse).
fn net_benefit(control: &MrsDistribution, experimental: &MrsDistribution) -> f64 {
    let (control, experimental) = (control.probabilities(), experimental.probabilities());
    let mut sum = 0.0;
    for (i, p) in control.iter().enumerate() {
        let better: f64 = experimental[..i].iter().sum();
        let worse: f64 = experimental[i + 1..].iter().sum();
        sum += p * (better - worse);
    }
    sum
}
