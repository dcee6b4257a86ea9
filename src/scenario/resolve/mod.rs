//! From what is written to what it means: checks that need more than one key, and the building of
//! the domain types.
//!
//! The stages are types, each built from those before it: [`People`], then [`Truths`] and [`Methods`],
//! then [`Losses`], then [`TrialPlan`], then the [`Scenario`]. Every part is tried whichever other part has
//! problems, and left out only where it needs the value of one: so that all problems are reported together.

mod adaptation;
mod adherence;
mod analyses;
mod bayesian;
mod centres;
mod configurations;
mod defaults;
mod design;
mod enrichment;
mod expect;
mod futility;
mod hypothesis;
mod looks;
mod missing;
mod outcome;
mod population;
mod prior;
mod procedure;
mod randomisation;
mod resolver;
mod safety;
mod spending;
mod stated_design;
mod success;
mod truths;

use std::collections::BTreeSet;

use super::comparison::KnownShares;
use super::document::Places;
use super::error::Problem;
use super::look_timing::{LookCalendar, LookTiming};
use super::problems::out_of_range;
use super::safety::BoundaryCrossings;
use super::{Analysis, Description, Safety, Scenario, StrataByCentre, file};
use crate::accrual::FollowUp;
use crate::centres::Centres;
use crate::design::Design;
use crate::outcome::{Drift, EarlyOutcome, Missingness};
use crate::population::Population;
use crate::randomisation::{AllocationRatio, RandomisationMethod};
use crate::rng::Seed;
pub use stated_design::{DesignFile, StatedDesign, StatedTrial};

use bayesian::ResolvedBayesian;
use defaults::with_defaults;
use prior::ResolvedPrior;
use resolver::{Checked, Reported, Resolver};
use safety::Timing;
use truths::Truths;

/// The patients: strata, centres and the calendar.
struct People {
    population: Checked<Population>,
    centres: Checked<Option<Centres>>,
    drift: Checked<Option<Drift>>,
    /// The population with the centre as a factor, if anything names it.
    strata_by_centre: Checked<Option<StrataByCentre>>,
    follow_up: Checked<FollowUp>,
}

/// The methods of the trial: how patients are allocated, and how their outcomes are analysed.
struct Methods {
    randomisation: Checked<RandomisationMethod>,
    analyses: Checked<Vec<Analysis>>,
    description: Checked<Option<Description>>,
}

/// The outcomes that never become known.
struct Losses {
    early_outcome: Option<EarlyOutcome>,
    missingness: Missingness,
    /// Share of control and experimental arm that is lost under the alternative.
    dropout: [f64; 2],
}

/// The looks of the trial, with their boundaries.
struct TrialPlan {
    /// Outcomes at the final look.
    analysed: u32,
    design: Design,
    bayesian: Option<ResolvedBayesian>,
    safety: Option<Safety>,
}

/// Builds a scenario from what a file says.
///
/// # Errors
/// All problems, in the order of their places.
pub(super) fn resolve(
    file: &file::ScenarioFile,
    places: Option<&Places<'_>>,
) -> Result<Scenario, Vec<Problem>> {
    let mut resolver = Resolver { file, places, problems: Vec::new() };
    let scenario = resolver.scenario();
    resolver.problems.sort_by_key(Problem::position);
    match scenario {
        // Some problems leave a value that the rest can be checked with.
        Ok(scenario) if resolver.problems.is_empty() => Ok(scenario),
        Ok(_) | Err(Reported) => Err(resolver.problems),
    }
}

impl Resolver<'_> {
    fn scenario(&mut self) -> Checked<Scenario> {
        // All parts before any is opened, so that the problems of each are reported.
        let variance_reduction = self.variance_reduction();
        let people = self.people();
        let methods = self.methods(&people);
        let truths = self.truths(&people, &methods);
        let losses = self.losses(&people, &truths);
        let plan = self.plan(&people, &truths, &losses, &methods);
        let comparison = self.planned_comparison(&methods, &truths, &losses).ok();

        let file = self.file;
        let (plan, losses, mut analyses) = (plan?, losses?, methods.analyses?);
        let detail = {
            let population = people.analysed_by()?;
            let by_centre = people.strata_by_centre.as_ref()?;
            let by_centre = by_centre.as_ref().is_some_and(|strata| strata.analyses);
            analyses::detail(&analyses, file, population, by_centre)
        };
        let success = self.success(&analyses, &plan.design);
        let adaptation = {
            let (arms, population) = (truths.arms.as_ref()?, people.population.as_ref()?);
            self.adaptation(&analyses, &plan, comparison.as_ref(), arms, population)
        };
        let expectations = self.expectations(&analyses, &plan.design, plan.safety.as_ref());
        let (treated, arms) = (truths.treated?, truths.arms?);
        let configurations = truths.configurations?;
        let (written_prior, prior) = match truths.prior? {
            Some(ResolvedPrior { written, prior }) => (Some(written), Some(prior)),
            None => (None, None),
        };
        let (decision_prior, bayesian) = match plan.bayesian {
            Some(ResolvedBayesian { rules, models, prior }) => {
                for (analysis, model) in analyses.iter_mut().zip(models) {
                    analysis.model = Some(model);
                }
                (prior, Some(rules))
            }
            None => (None, None),
        };
        let mut filled = with_defaults(file, plan.analysed, written_prior, &analyses);
        if let Some(written) = &mut filled.design.bayesian {
            written.prior = decision_prior;
            bayesian::fill_priors(written, &analyses);
        }
        let truths_of_trial = configurations::truths(prior.is_some(), configurations.len());
        let mut safety = plan.safety;
        for endpoint in safety.iter_mut().flat_map(|safety| &mut safety.endpoints) {
            endpoint.crossings = BoundaryCrossings::of_truths(truths_of_trial.len());
        }
        Ok(Scenario {
            file: filled,
            randomised: file.sample_size.randomised,
            population: people.population?,
            accrual: truths.accrual?,
            centres: people.centres?,
            strata_by_centre: people.strata_by_centre?,
            drift: people.drift?,
            follow_up: people.follow_up?,
            ratio: file.arms.allocation_ratio,
            randomisation: methods.randomisation?,
            outcomes: treated.outcomes,
            marginals: arms.mrs,
            of_treatments: treated.mrs,
            null_of_treatments: treated.null,
            null_treatments: treated.null_treatments,
            truths: truths_of_trial,
            prior,
            configurations,
            treatments: treated.treatments,
            adherence: truths.adherence?,
            missingness: losses.missingness,
            early_outcome: losses.early_outcome,
            safety,
            dropout: losses.dropout,
            design: plan.design,
            look_timing: LookTiming::of(&file.design.looks),
            bayesian,
            decision_lag_days: file.design.decision_lag_days,
            adaptation: adaptation?,
            analyses,
            success: success?,
            description: methods.description?,
            detail,
            expectations: expectations?,
            replicates: file.run.replicates,
            seed: Seed(file.run.seed),
            variance_reduction: variance_reduction?,
        })
    }

    fn people(&mut self) -> People {
        let follow_up = self.follow_up();
        let population = self.population();
        let centres = self.centres();
        let drift = self.drift();
        let strata_by_centre = match (&population, &centres) {
            (Ok(population), Ok(centres)) => self.strata_by_centre(population, centres.as_ref()),
            (Err(Reported), _) | (_, Err(Reported)) => Err(Reported),
        };
        People { population, centres, drift, strata_by_centre, follow_up }
    }

    fn methods(&mut self, people: &People) -> Methods {
        let analysed_by = people.analysed_by();
        let randomisation = people.randomised_by().and_then(|strata| self.randomisation(strata));
        let analyses = analysed_by.and_then(|strata| self.analyses(strata));
        let description = analysed_by.and_then(|strata| self.description(strata, &analyses));
        Methods { randomisation, analyses, description }
    }

    fn losses(&mut self, people: &People, truths: &Truths) -> Checked<Losses> {
        let strata = truths.arms.as_ref().map(|arms| &arms.strata);
        let early_outcome = self.early_outcome(strata.ok())?;
        let lost = self.missingness(
            people.population.as_ref()?,
            &truths.treated.as_ref()?.strata,
            strata?,
            early_outcome.as_ref(),
        );
        let (missingness, dropout) = lost?;
        Ok(Losses { early_outcome, missingness, dropout })
    }

    /// Builds looks and boundaries. Where other parts have problems, what does not depend on them is
    /// checked all the same.
    fn plan(
        &mut self,
        people: &People,
        truths: &Truths,
        losses: &Checked<Losses>,
        methods: &Methods,
    ) -> Checked<TrialPlan> {
        // Looks are planned for the outcomes that are expected, not for the patients.
        let known = match losses {
            Ok(losses) => Ok(KnownShares::new(self.ratio(), losses.dropout)),
            Err(Reported) => Err(Reported),
        };
        let comparison = self.planned_comparison(methods, truths, losses);
        let analysed = self.analysed(known);
        let calendar = calendar(people, truths);
        let bayesian = self.bayesian(methods, truths);
        let design = match &bayesian {
            Ok(None) => self.design(analysed, comparison.ok(), calendar.as_ref().ok()),
            Ok(Some(bayesian)) => match (analysed, known) {
                (Ok(analysed), Ok(known)) => {
                    let looks_analysed = self.looks(analysed, calendar.as_ref().ok());
                    self.bayesian_design(bayesian, looks_analysed, known, truths, methods)
                }
                (Err(Reported), _) | (_, Err(Reported)) => Err(Reported),
            },
            Err(Reported) => Err(Reported),
        };
        let timing = timing(calendar, known, &design);
        let safety = self.safety(&truths.events, timing.ok());
        Ok(TrialPlan { analysed: analysed?, safety: safety?, design: design?, bayesian: bayesian? })
    }

    fn ratio(&self) -> AllocationRatio {
        self.file.arms.allocation_ratio
    }

    fn follow_up(&mut self) -> Checked<FollowUp> {
        let follow_up = self.file.follow_up;
        let FollowUp { days, window_days } = follow_up;
        if window_days > days {
            let allowed = format!("0 to follow_up.days ({days})");
            return self.fail("follow_up.window_days", out_of_range(window_days, allowed));
        }
        Ok(follow_up)
    }

    fn variance_reduction(&mut self) -> Checked<bool> {
        let wanted = self.file.run.variance_reduction;
        if wanted && self.file.procedure.is_some() {
            return self.fail(
                "run.variance_reduction",
                "needs stated outcomes, whose probabilities are known; allowed with [procedure]: false",
            );
        }
        Ok(wanted)
    }
}

impl<F> Resolver<'_, F> {}

impl People {
    /// Returns the strata that patients are randomised by: with the centre if the method names it.
    fn randomised_by(&self) -> Checked<&Population> {
        match self.strata_by_centre.as_ref()? {
            Some(strata) if strata.randomisation => Ok(&strata.population),
            Some(_) | None => Ok(self.population.as_ref()?),
        }
    }

    /// Returns the strata that outcomes are analysed by: with the centre if an analysis names it.
    fn analysed_by(&self) -> Checked<&Population> {
        match self.strata_by_centre.as_ref()? {
            Some(strata) if strata.analyses => Ok(&strata.population),
            Some(_) | None => Ok(self.population.as_ref()?),
        }
    }
}

fn calendar<'p>(people: &'p People, truths: &Truths) -> Checked<LookCalendar<'p>> {
    Ok(LookCalendar {
        accrual: truths.accrual?,
        centres: people.centres.as_ref()?.as_ref(),
        follow_up: people.follow_up?,
    })
}

/// Returns when the looks take place, on which the events known at each of them depend.
fn timing<'d>(
    calendar: Checked<LookCalendar<'d>>,
    known: Checked<KnownShares>,
    design: &'d Checked<Design>,
) -> Checked<Timing<'d>> {
    let (design, calendar) = (design.as_ref()?, calendar?);
    Ok(Timing { design, calendar, share_known: known?.of_randomised })
}

fn first_repeated(names: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    names.iter().find(|name| !seen.insert(*name))
}
