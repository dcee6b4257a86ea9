//! `[adaptation.population]`.

use super::super::Analysis;
use super::super::enrichment::{PopulationAdaptation, PopulationRule};
use super::super::file::{Boundary, Decisions, Futility, Harm, WrittenPopulationAdaptation};
use super::super::look_timing::LookTiming;
use super::super::problems::out_of_range;
use super::{Checked, Reported, Resolver, TrialPlan};
use crate::design::enrichment::{Enrichment, LevelSet, MOST_LEVELS, NestedSelection};
use crate::outcome::OutcomeModel;
use crate::population::Population;

/// Levels up to which every set of them is a configuration.
// With four levels there are fourteen, and a run would take eight times as long.
const MOST_LEVELS_IN_ALL_SETS: usize = 3;

/// The outcomes of a configuration.
pub(super) struct ConfigurationModel {
    pub name: String,
    pub model: OutcomeModel,
}

impl Resolver<'_> {
    /// Reads the restriction of the population.
    pub(super) fn population_adaptation(
        &mut self,
        written: &WrittenPopulationAdaptation,
        analyses: &[Analysis],
        plan: &TrialPlan,
        population: &Population,
    ) -> Checked<PopulationAdaptation> {
        let is_supported = self.supports_restriction(written, analyses);
        let factor = self.adapted_factor(written, population);
        let rule = match *written {
            WrittenPopulationAdaptation::ClosedTest {
                look, drop_below, measure, ordered, ..
            } => self.closed_test_look(look, plan).and_then(|look| {
                let planned = f64::from(plan.analysed);
                let fraction = f64::from(plan.design.looks()[look].analysed) / planned;
                let alpha = plan.design.plan().rules.alpha_one_sided;
                match Enrichment::new(fraction, drop_below, alpha) {
                    Ok(test) => {
                        Ok(PopulationRule::ClosedTest { look, test: test.by(measure), ordered })
                    }
                    Err(error) => self.fail("adaptation.population", error.to_string()),
                }
            }),
            WrittenPopulationAdaptation::NestedSelection {
                effect,
                futility,
                efficacy,
                last,
                ..
            } => {
                self.has_interim_looks(plan).and(self.possible_effect(effect, analyses)).map(|()| {
                    let selection = NestedSelection { futility, efficacy, last };
                    PopulationRule::NestedSelection { selection, effect }
                })
            }
            WrittenPopulationAdaptation::PredictiveProbability { drop_below, .. } => self
                .has_interim_looks(plan)
                .map(|()| PopulationRule::PredictiveProbability { drop_below }),
        };
        // Both were read before either is opened, so that all problems are reported.
        let (factor, rule) = (factor?, rule?);
        is_supported?;
        Ok(PopulationAdaptation::new(population, factor, rule))
    }

    /// Refuses an effect that no estimate can be.
    fn possible_effect(&mut self, effect: f64, analyses: &[Analysis]) -> Checked<()> {
        let scale = analyses.first().map(|analysis| analysis.method.scale());
        match scale.filter(|scale| scale.is_within_one() && effect >= 1.0) {
            Some(scale) => {
                let name = scale.name().replace('_', " ");
                self.fail(
                    "adaptation.population.effect",
                    out_of_range(effect, format!("a {name} below 1")),
                )
            }
            None => Ok(()),
        }
    }

    /// Refuses a design without interim looks, at which alone a population is restricted.
    fn has_interim_looks(&mut self, plan: &TrialPlan) -> Checked<()> {
        if plan.design.interims().is_empty() {
            let message = "drops levels at interim looks, and the design has none; allowed: design.looks with two or more";
            return self.fail("adaptation.population", message);
        }
        Ok(())
    }

    /// Refuses what a restriction of the population has no answer to.
    fn supports_restriction(
        &mut self,
        written: &WrittenPopulationAdaptation,
        analyses: &[Analysis],
    ) -> Checked<()> {
        let before = self.problems.len();
        let file = self.file;
        let with = "allowed with adaptation.population";
        // Both decide at the same look how many patients follow, and each without the other.
        let has_size = file.adaptation.as_ref().is_some_and(|adaptation| adaptation.size.is_some());
        if has_size {
            self.report("adaptation.size", "changes the trial at an interim look as adaptation.population does; allowed: one of them");
        }
        if file.success.is_some() {
            self.report("success", "decides for several analyses together, and adaptation.population for each alone; allowed: one of them");
        }
        if file.procedure.is_some() {
            self.report("procedure", format!("changes outcomes by strategies that are the same in all levels; {with}: stated outcomes"));
        }
        if file.prior.is_some() {
            self.report("prior", format!("is on the effect in all patients; {with}: no [prior]"));
        }
        // Boundaries of Z have no meaning for posterior probabilities, nor these for the boundaries.
        let by_probability = match written {
            WrittenPopulationAdaptation::ClosedTest { .. }
            | WrittenPopulationAdaptation::NestedSelection { .. } => false,
            WrittenPopulationAdaptation::PredictiveProbability { .. } => true,
        };
        match (file.design.decisions, by_probability) {
            (Decisions::Frequentist, false) | (Decisions::Bayesian, true) => {}
            (Decisions::Bayesian, false) => self.report("design.decisions", "is \"bayesian\", and this rule of adaptation.population compares Z with boundaries; allowed: \"frequentist\", or adaptation.population.rule = \"predictive_probability\""),
            (Decisions::Frequentist, true) => self.report("adaptation.population.rule", "is \"predictive_probability\", which needs design.decisions = \"bayesian\"; allowed: closed_test, nested_selection"),
        }
        let efficacy = file.design.efficacy.as_ref();
        // A single look has no interim boundary, whatever the rule.
        let has_efficacy = efficacy.is_some_and(|rule| *rule != Boundary::None {});
        if has_efficacy && file.design.looks.number() > 1 {
            self.report("design.efficacy", format!("stops the trial for efficacy in all patients; {with}: rule = \"none\", as its own boundaries decide"));
        }
        if file.design.futility != Futility::None {
            self.report("design.futility", format!("stops the trial for futility in all patients; {with}: rule = \"none\", as it stops the trial once no level is left"));
        }
        if file.design.harm != Harm::None {
            self.report(
                "design.harm",
                format!("stops the trial for harm in all patients; {with}: rule = \"none\""),
            );
        }
        // Stages are weighted, and levels selected, by the information planned.
        if LookTiming::of(&file.design.looks).is_random() {
            self.report("design.looks", format!("has looks whose number of outcomes differs between trials; {with}: analysed, information_fractions, equally_spaced"));
        }
        if file.run.variance_reduction {
            self.report(
                "run.variance_reduction",
                format!("needs trials of one population; {with}: false"),
            );
        }
        if file.description.is_some() {
            self.report(
                "description",
                format!("describes the patients of one population; {with}: no [description]"),
            );
        }
        for (position, analysis) in analyses.iter().enumerate() {
            let index = self.file.place_of_analysis(position);
            if analysis.rerandomisations > 0 {
                self.report(
                    &format!("analyses[{index}].rerandomisations"),
                    format!("repeats the allocation of all patients of a look; {with}: 0"),
                );
            }
            if analysis.hypothesis.has_margin() {
                self.report(
                    &format!("analyses[{index}]"),
                    format!(
                        "tests against a margin, which its levels do not have; {with}: superiority"
                    ),
                );
            }
        }
        if self.problems.len() > before { Err(Reported) } else { Ok(()) }
    }

    /// Returns the position of the factor.
    fn adapted_factor(
        &mut self,
        written: &WrittenPopulationAdaptation,
        population: &Population,
    ) -> Checked<usize> {
        let path = "adaptation.population.factor";
        let factor = self.factor_index(path, written.factor(), population)?;
        let levels = population.factors()[factor].levels.len();
        if levels > MOST_LEVELS {
            let message = format!(
                "is \"{}\", which has {levels} levels; allowed: at most {MOST_LEVELS}, since every set of \
                 levels is tested",
                written.factor()
            );
            return self.fail(path, message);
        }
        // A level that no patient has would count in every intersection that is tested.
        for (position, level) in population.factors()[factor].levels.iter().enumerate() {
            let of_level = population
                .prognosis()
                .enumerate()
                .filter(|&(stratum, _)| population.levels(stratum)[factor] == position);
            let share: f64 = of_level.map(|(_, (share, _))| share).sum();
            if share == 0.0 {
                let message = format!(
                    "has no patients in \"{level}\", a level of {path}; allowed: shares above 0"
                );
                return self.fail(&format!("factors[{factor}].shares[{position}]"), message);
            }
        }
        Ok(factor)
    }

    /// Returns the position of the look of a closed test.
    fn closed_test_look(&mut self, look: u32, plan: &TrialPlan) -> Checked<usize> {
        let interims = plan.design.interims().len();
        let path = "adaptation.population.look";
        if interims == 0 {
            let message = format!(
                "is {look}, but the design has no interim look; allowed: design.looks with two or more"
            );
            return self.fail(path, message);
        }
        if look as usize > interims {
            return self.fail(
                path,
                out_of_range(look, format!("1 to {interims}, the looks before the final one")),
            );
        }
        Ok(look as usize - 1)
    }

    /// Returns the configurations with an effect in some levels only, in which a rejection for another
    /// level is an error; empty if the population is never restricted, or if they are not wanted.
    pub(super) fn null_configurations(
        &self,
        alternative: &OutcomeModel,
        population: &Population,
    ) -> Vec<ConfigurationModel> {
        let adaptation = self.file.adaptation.as_ref();
        let Some(written) = adaptation.and_then(|adaptation| adaptation.population.as_ref()) else {
            return Vec::new();
        };
        let factors = population.factors();
        // An unknown name is reported with the rule.
        let Some(factor) = factors.iter().position(|it| it.name == written.factor()) else {
            return Vec::new();
        };
        let levels = &factors[factor].levels;
        if !written.has_null_configurations() || levels.len() > MOST_LEVELS {
            return Vec::new();
        }
        sets_with_effect(levels.len(), written.is_ordered())
            .into_iter()
            .map(|with_effect| {
                let names: Vec<&str> = with_effect.iter().map(|at| levels[at].as_str()).collect();
                // By stratum, as other factors may cross the levels.
                let without_effect = (0..population.strata())
                    .map(|stratum| !with_effect.has(population.levels(stratum)[factor]));
                ConfigurationModel {
                    name: format!("effect only in {}", names.join(", ")),
                    model: alternative.without_effect_in(without_effect.collect()),
                }
            })
            .collect()
    }
}

/// Lists the sets of levels that alone have an effect: all sets of few levels, the first levels if they
/// are ordered, and otherwise each level and all but each level.
fn sets_with_effect(levels: usize, ordered: bool) -> Vec<LevelSet> {
    let all = LevelSet::first(levels);
    if ordered {
        return (1..levels).map(LevelSet::first).collect();
    }
    if levels <= MOST_LEVELS_IN_ALL_SETS {
        return LevelSet::all_of(levels).filter(|set| *set != all).collect();
    }
    // With a single null hypothesis, or a single false one, Simes' test is furthest from its level.
    let alone = (0..levels).map(|level| LevelSet::NONE.with(level));
    let others =
        (0..levels).map(|level| (0..levels).filter(|&other| other != level).collect::<LevelSet>());
    alone.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_configurations_are_proper_sets_of_levels() {
        for (levels, ordered, number) in
            [(2, false, 2), (3, false, 6), (4, false, 8), (6, true, 5), (1, false, 0)]
        {
            let sets = sets_with_effect(levels, ordered);
            assert_eq!(sets.len(), number, "{levels}");
            assert!(sets.iter().all(|set| !set.is_empty() && set.len() < levels));
        }
    }
}
