//! Further truths: experimental arms other than that of the alternative.

use std::borrow::Cow;

use super::super::file;
use super::super::treatments::{Treatments, marginal};
use super::super::{Configuration, Outcomes, Truth};
use super::enrichment::ConfigurationModel;
use super::outcome::ControlArm;
use super::{Checked, People, Reported, Resolver, adherence};
use crate::accrual::Accrual;
use crate::num::quadrature::normal_nodes;
use crate::outcome::safety::Event;
use crate::outcome::{Adherence, OutcomeModel};
use crate::population::Population;

/// What the configurations of a scenario share.
pub(super) struct SharedByConfigurations<'r> {
    pub accrual: Checked<Accrual>,
    pub people: &'r People,
    pub adherence: &'r Checked<Option<Adherence>>,
    /// The adverse events under the alternative.
    pub events: &'r [Checked<Event>],
}

impl Resolver<'_> {
    /// Reads the outcomes of each configuration. Without `outcomes` of the alternative, because of
    /// problems with them, only what a configuration says by itself is checked.
    pub(super) fn configuration_models(
        &mut self,
        outcomes: Option<&Outcomes>,
        population: Option<&Population>,
    ) -> Checked<Vec<ConfigurationModel>> {
        let file = self.file;
        let centres = normal_nodes(file.centres.as_ref().map_or(0.0, |centres| centres.outcome_sd));
        let mut models = Vec::with_capacity(file.configurations.len());
        for (index, written) in file.configurations.iter().enumerate() {
            let path = format!("configurations[{index}]");
            self.report_misnamed(index);
            if file.procedure.is_some() {
                let message = "conflicts with [procedure], from which the outcome follows; allowed with stated outcomes only";
                models.push(self.fail(&format!("{path}.experimental"), message));
                continue;
            }
            let control = match outcomes {
                Some(Outcomes::Stated(models)) => Ok(models[0].marginal()[0]),
                Some(Outcomes::AfterProcedure(_)) | None => Err(Reported),
            };
            let population = match (&written.effect_log_odds, population) {
                (Some(effects), Some(population)) => {
                    self.configured_effects(&path, effects, population).map(Some)
                }
                (None, population) => Ok(population.map(Cow::Borrowed)),
                (Some(_), None) => Ok(None),
            };
            let Ok(population) = population else {
                models.push(Err(Reported));
                continue;
            };
            let population = population.as_deref();
            let control = ControlArm {
                mrs: control,
                rescale: written.rescale,
                population,
                centres: &centres,
            };
            let experimental = self.experimental(&path, &written.experimental, control);
            models.push(match (control.mrs, experimental, population) {
                (Ok(control), Ok(experimental), Some(population)) => Ok(ConfigurationModel {
                    name: written.name.clone(),
                    model: OutcomeModel::across_centres(
                        [control, experimental],
                        population,
                        &centres,
                    ),
                }),
                (Err(Reported), _, _) | (_, Err(Reported), _) | (_, _, None) => Err(Reported),
            });
        }
        if let (Some(Outcomes::Stated(stated)), Some(population)) = (outcomes, population) {
            // After those of the file, which keep their places and names.
            let without_effect = self.null_configurations(&stated[0], population);
            models.extend(without_effect.into_iter().map(Ok));
        }
        models.into_iter().collect()
    }

    /// Returns the population with the effect modification of a configuration, whose table is at `path`.
    fn configured_effects<'p>(
        &mut self,
        path: &str,
        effects: &[file::FactorLogOdds],
        population: &'p Population,
    ) -> Checked<Cow<'p, Population>> {
        let path = format!("{path}.effect_log_odds");
        let mut seen = Vec::with_capacity(effects.len());
        let factors = population.factors().iter();
        let mut by_factor: Vec<Vec<f64>> = factors.map(|it| vec![0.0; it.levels.len()]).collect();
        for (i, written) in effects.iter().enumerate() {
            let path = format!("{path}[{i}]");
            let factor =
                self.factor_index(&format!("{path}.factor"), &written.factor, population)?;
            if seen.contains(&factor) {
                self.report_repeated(&format!("{path}.factor"), &written.factor, "factor");
                return Err(Reported);
            }
            seen.push(factor);
            let levels = by_factor[factor].len();
            if written.log_odds.len() != levels {
                let path = format!("{path}.log_odds");
                let why = format!("one for each level of \"{}\"", written.factor);
                return self.wrong_length(&path, written.log_odds.len(), levels, &why);
            }
            by_factor[factor].clone_from(&written.log_odds);
        }
        Ok(Cow::Owned(population.with_effect_log_odds(by_factor)))
    }

    /// Reports a name that another truth has.
    fn report_misnamed(&mut self, index: usize) {
        // Results and `--truth` know a truth by its name alone.
        let configurations = &self.file.configurations;
        let name = &configurations[index].name;
        let path = format!("configurations[{index}].name");
        if Truth::NAMES.contains(&name.as_str()) {
            let message = format!(
                "is \"{name}\", the name of another truth; allowed: any name but {}",
                Truth::NAMES.join(", ")
            );
            self.report(&path, message);
        }
        if configurations[..index].iter().any(|other| other.name == *name) {
            self.report_repeated(&path, name, "name");
        }
    }

    /// Builds the configurations of these outcomes.
    pub(super) fn configurations(
        &self,
        models: Checked<Vec<ConfigurationModel>>,
        shared: &SharedByConfigurations<'_>,
    ) -> Checked<Vec<Configuration>> {
        let models = models?;
        if models.is_empty() {
            return Ok(Vec::new());
        }
        let SharedByConfigurations { accrual, people, adherence, events } = *shared;
        let population = people.population.as_ref()?;
        let circumstances = self.circumstances(accrual, people)?;
        let adherence = adherence.as_ref()?.as_ref();
        let drifts = people.drift.as_ref()?.is_some();
        let events: Vec<Event> = events.iter().copied().collect::<Checked<_>>()?;
        let configurations = models.into_iter().map(|ConfigurationModel { name, model }| {
            let treatments = Treatments::stated(&model, &circumstances.all, adherence.is_some());
            // What is stated holds at one time; with a drift, that of the trial is an average over time.
            let of_treatments = if drifts {
                marginal(&treatments.on_average(), population)
            } else {
                *model.marginal()
            };
            let arms = match adherence {
                // If the treatments do not differ, the arms equal them to the last bit, whatever the adherence.
                Some(_)
                    if of_treatments[0] != of_treatments[1] || model.has_effect_modification() =>
                {
                    let strata = population.strata();
                    marginal(&adherence::by_arm(&treatments, strata, adherence), population)
                }
                Some(_) | None => of_treatments,
            };
            let events = events.iter().map(|event| match event {
                Event::Stated(stated) => Event::Stated(stated.with_experimental(&of_treatments[1])),
                Event::Death | Event::Haemorrhage | Event::Perforation => *event,
            });
            Configuration { name, arms, of_treatments, treatments, events: events.collect(), model }
        });
        Ok(configurations.collect())
    }
}

/// Lists all truths of a scenario, in the order of every result.
pub(super) fn truths(has_prior: bool, configurations: usize) -> Vec<Truth> {
    let mut truths = vec![Truth::Alternative, Truth::Null];
    truths.extend(has_prior.then_some(Truth::Prior));
    let others = truths.len();
    truths.extend((0..configurations).map(|i| Truth::Configuration { position: others + i }));
    truths
}
