//! Effects in parts of the population, for trials that may be restricted to them.

use super::counts::{Counting, MissingAs, scaled};
use super::estimand::LARGE_TRIAL;
use super::normal_approximation::all_alike;
use super::{Expected, NoFormula};
use crate::analysis::method::ArmComparison;
use crate::analysis::{AnalysisSet, Counts};
use crate::design::StoppingProbabilities;
use crate::design::comparison::ordinal::limit_of_fit;
use crate::design::enrichment::{Drifts, EnrichmentCharacteristics, LevelDrift, LevelSet};
use crate::outcome::{LEVELS, MrsDistribution};
use crate::scenario::comparison::{ComparedArms, comparison};
use crate::scenario::{Analysis, PopulationAdaptation, PopulationRule, Truth};

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
        // By outcomes rather than by the estimate, which has no limit in some analyses.
        (0..adaptation.levels)
            .filter_map(|level| {
                let [control, experimental] =
                    arms_in(&strata, adaptation, LevelSet::NONE.with(level))?;
                (net_benefit(&control, &experimental) > LEAST_EFFECT).then_some(level)
            })
            .collect()
    }

    /// Operating characteristics of a closed test of two levels as one analysis sees them, by numerical
    /// integration in the normal model. After a level is dropped, its patients who were randomised by the
    /// decision use up places of the others, as in the simulation.
    ///
    /// # Errors
    /// If the rule is another one, if factors besides the levels are prognostic or modify the effect, and
    /// the causes of [`Expected::normal_approximation`].
    pub fn restriction(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<RestrictionCharacteristics, NoFormula> {
        let scenario = self.scenario;
        let adaptation = scenario.adaptation.population.as_ref().ok_or(NoFormula::Population)?;
        // The integral drops each level by itself, which an ordered rule does not.
        let PopulationRule::ClosedTest { look, test, ordered: false } = adaptation.rule else {
            return Err(NoFormula::Population);
        };
        let arms = scenario.marginal(truth).ok_or(NoFormula::Prior)?;
        if all_alike(arms) {
            return Err(NoFormula::AllAlike);
        }
        if adaptation.levels != 2 || analysis.by_centre {
            return Err(NoFormula::Population);
        }
        let strata = self.counting_in_levels(truth, analysis).strata(scenario);
        let stages = self.stages(look);
        let drifts: Drifts = [
            self.level_drift(analysis, adaptation, &strata, 0, stages)?,
            self.level_drift(analysis, adaptation, &strata, 1, stages)?,
        ];
        let with_effect = self.levels_with_effect(truth, analysis, adaptation);
        let found = EnrichmentCharacteristics::new(&test, &drifts);
        Ok(RestrictionCharacteristics::new(found, with_effect))
    }

    /// Stopping probabilities, if the population may be restricted.
    pub(super) fn stopping_if_restricted(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Option<Result<StoppingProbabilities, NoFormula>> {
        let scenario = self.scenario;
        let adaptation = scenario.adaptation.population.as_ref()?;
        let PopulationRule::ClosedTest { look, .. } = adaptation.rule else {
            return Some(Err(NoFormula::Population));
        };
        let looks = scenario.design.looks().len();
        Some(self.restriction(truth, analysis).map(|found| {
            let mut stopping = StoppingProbabilities {
                efficacy: vec![0.0; looks],
                futility: vec![0.0; looks],
                harm: vec![0.0; looks],
            };
            // Effects are shown at the final look alone.
            stopping.efficacy[looks - 1] = found.any;
            stopping.futility[look] = found.stopped;
            stopping
        }))
    }

    /// Outcomes of both stages around a look.
    fn stages(&self, look: usize) -> Stages {
        let scenario = self.scenario;
        let first = f64::from(scenario.design.looks()[look].analysed);
        let later = (f64::from(scenario.final_analysed()) - first).max(0.0);
        let decided = f64::from(scenario.expected_randomised_at_decision(look));
        // Rounded numbers may leave less than nothing.
        let pipeline = (decided * scenario.share_known() - first).clamp(0.0, later);
        Stages { first, later, pipeline }
    }

    /// Means of the Z of a level in both stages.
    fn level_drift(
        &self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        strata: &[Counts],
        level: usize,
        stages: Stages,
    ) -> Result<LevelDrift, NoFormula> {
        let scenario = self.scenario;
        let levels = LevelSet::NONE.with(level);
        // A level without patients cannot be tested.
        let arms = arms_in(strata, adaptation, levels).ok_or(NoFormula::Population)?;
        if !is_one_population(strata, adaptation, levels, &arms) {
            return Err(NoFormula::Population);
        }
        if net_benefit(&arms[0], &arms[1]).abs() <= LEAST_EFFECT {
            return Ok(LevelDrift::NONE);
        }
        let share_experimental = scenario.share_experimental_known();
        let compared = ComparedArms {
            mrs: &arms,
            share_experimental,
            all_adhere: scenario.adherence.is_none(),
            has_dropout: scenario.has_dropout(),
            dropout_is_selective: scenario.dropout_is_selective(),
        };
        let comparison = comparison(analysis, compared).map_err(|_| NoFormula::Population)?;
        let shares = scenario.population.prognosis().enumerate();
        let share: f64 = shares
            .filter(|&(stratum, _)| adaptation.includes(levels, stratum))
            .map(|(_, (share, _))| share)
            .sum();
        let Stages { first, later, pipeline } = stages;
        // Those in the pipeline came from all levels, whatever is dropped.
        let alone = later - (1.0 - share) * pipeline;
        let [first, second, alone] = [share * first, share * later, alone].map(|patients| {
            comparison.drift(scenario.alpha_one_sided(), share_experimental, patients)
        });
        let drift = LevelDrift { first, second, alone };
        let is_finite = [first, second, alone].iter().all(|mean| mean.is_finite());
        if is_finite { Ok(drift) } else { Err(NoFormula::NoEstimand) }
    }

    fn counting_in_levels(&self, truth: Truth, analysis: &Analysis) -> Counting<'_> {
        let adherence = match analysis.set {
            AnalysisSet::IntentionToTreat => self.scenario.adherence.as_ref(),
            // These sets aim at the effect if all patients adhered.
            AnalysisSet::PerProtocol | AnalysisSet::AsTreated => None,
        };
        // As if all outcomes were known: the limit of an estimate does not depend on losses at random.
        Counting { truth, missing: MissingAs::Observed, set: analysis.set, adherence }
    }
}

/// Operating characteristics of a closed test of two levels, by numerical integration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestrictionCharacteristics {
    /// P(an effect is shown in at least one level).
    pub any: f64,
    /// P(an effect is shown in at least one level without any).
    pub familywise_error: f64,
    /// P(one level is dropped).
    pub restricted: f64,
    /// P(both levels are dropped, which ends the trial).
    pub stopped: f64,
    /// P(the levels left are those with an effect; without any, P(the trial stops)).
    pub right_population: f64,
    /// P(each level is dropped, alone or with the other).
    pub dropped: [f64; 2],
    /// P(an effect is shown in each level).
    pub shown: [f64; 2],
}

impl RestrictionCharacteristics {
    fn new(found: EnrichmentCharacteristics, with_effect: LevelSet) -> Self {
        let EnrichmentCharacteristics { rejected, any, both: _, dropped, stopped, .. } = found;
        let restricted = dropped[0] + dropped[1];
        let has_effect = [with_effect.has(0), with_effect.has(1)];
        // A level in which the experimental arm is worse has a true null hypothesis as well.
        let familywise_error = match has_effect {
            [false, false] => any,
            [false, true] => rejected[0],
            [true, false] => rejected[1],
            [true, true] => 0.0,
        };
        let right_population = match has_effect {
            [false, false] => stopped,
            [false, true] => dropped[0],
            [true, false] => dropped[1],
            [true, true] => 1.0 - restricted - stopped,
        };
        Self {
            any,
            familywise_error,
            restricted,
            stopped,
            right_population,
            dropped: dropped.map(|alone| alone + stopped),
            shown: rejected,
        }
    }
}

/// Outcomes around a look.
#[derive(Debug, Clone, Copy)]
struct Stages {
    /// Outcomes at the look.
    first: f64,
    /// Outcomes between the look and the end of the trial.
    later: f64,
    /// Later outcomes of patients randomised by the decision of the look.
    pipeline: f64,
}

/// Whether all patients of some levels have the same outcomes, whatever their other factors.
fn is_one_population(
    strata: &[Counts],
    adaptation: &PopulationAdaptation,
    levels: LevelSet,
    arms: &[MrsDistribution; 2],
) -> bool {
    let included = strata.iter().enumerate().filter(|&(at, _)| adaptation.includes(levels, at));
    included.flat_map(|(_, counts)| counts.iter().zip(arms)).all(|(counts, mrs)| {
        let total: f64 = counts.iter().sum();
        let pairs = counts.iter().zip(mrs.probabilities());
        // A stratum without patients has no outcomes of its own.
        pairs.into_iter().all(|(count, p)| (count - total * p).abs() <= LEAST_EFFECT * total)
    })
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
