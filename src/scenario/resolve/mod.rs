//! From what is written to what it means: checks that need more than one key, and the building of
//! the domain types. Mistakes are collected, so that all are told at once.

mod adherence;
mod analyses;
mod centres;
mod design;
mod missing;
mod population;
mod prior;
mod procedure;
mod randomisation;
mod safety;

use std::collections::BTreeSet;

use super::comparison::{ComparedArms, KnownShares, comparison};
use super::error::Problem;
use super::read::Source;
use super::treatments::{ByStratum, Treatments, marginal};
use super::{Analysis, Outcomes, Registered, Scenario, file};
use crate::accrual::{Accrual, FollowUp};
use crate::centres::Centres;
use crate::num::quadrature::normal_nodes;
use crate::outcome::{Adherence, Drift, Mrs, MrsDistribution, OutcomeModel};
use crate::population::Population;
use crate::rng::Seed;
use design::PlannedComparison;
use safety::Timing;

/// Collects problems while values are built; a value with a problem is `None`.
struct Resolver<'s> {
    source: &'s Source<file::ScenarioFile>,
    file: &'s file::ScenarioFile,
    problems: Vec<Problem>,
}

/// Who comes, from where and when. As elsewhere the outer `None` is for mistakes.
struct People {
    population: Option<Population>,
    centres: Option<Option<Centres>>,
    drift: Option<Option<Drift>>,
    registered: Option<Option<Registered>>,
}

impl People {
    /// The population with the centres for whoever uses these, else without.
    fn seen_by(&self, uses: fn(&Registered) -> bool) -> Option<&Population> {
        Some(match self.registered.as_ref()? {
            Some(registered) if uses(registered) => &registered.population,
            _ => self.population.as_ref()?,
        })
    }
}

/// The mRS under the alternative and its null twin.
struct Truths {
    outcomes: Outcomes,
    treatments: Treatments,
    /// Under the alternative, in each stratum: of those who get a treatment, and of those allocated
    /// to it.
    by_treatment: ByStratum,
    by_arm: ByStratum,
    /// The same in the whole population, under either truth.
    of_treatments: [[MrsDistribution; 2]; 2],
    of_arms: [[MrsDistribution; 2]; 2],
}

pub(super) fn resolve(source: &Source<file::ScenarioFile>) -> Result<Scenario, Vec<Problem>> {
    let mut resolver = Resolver { source, file: &source.file, problems: Vec::new() };
    let scenario = resolver.scenario();
    resolver.problems.sort_by_key(Problem::position);
    match scenario {
        Some(scenario) if resolver.problems.is_empty() => Ok(scenario),
        _ => Err(resolver.problems),
    }
}

impl Resolver<'_> {
    fn fail<T>(&mut self, path: &str, message: impl Into<String>) -> Option<T> {
        self.problems.push(self.source.problem(path, message));
        None
    }

    /// Each part is tried, whatever became of the others, so that all mistakes are told.
    fn scenario(&mut self) -> Option<Scenario> {
        let file = self.file;
        let ratio = file.arms.allocation_ratio;
        let follow_up = self.follow_up();
        let people = self.people();
        let population = people.population.as_ref();
        let analysed_by = people.seen_by(|registered| registered.analyses);
        let randomised_by = people.seen_by(|registered| registered.randomisation);
        let randomisation =
            randomised_by.and_then(|population| self.randomisation(population, ratio));
        let outcomes = self.outcomes(population);
        let accrual = self.accrual(outcomes.as_ref());
        let prior = self.prior(outcomes.as_ref());
        let analyses = analysed_by.and_then(|population| self.analyses(population));
        let description = analysed_by.and_then(|population| self.description(population));
        let adherence = population.and_then(|population| self.adherence(population));
        let departures = adherence.as_ref().and_then(Option::as_ref);
        let truths = self.truths(&people, outcomes, accrual.as_ref(), departures);
        // Those of the treatments are what they are, whoever gets which.
        let arms = truths.as_ref().filter(|_| adherence.is_some());
        let early = self.early_outcome(arms.map(|truths| &truths.by_arm));
        let lost = population.zip(arms).and_then(|(population, truths)| {
            let mrs = (&truths.by_treatment, &truths.by_arm);
            self.missingness(population, mrs, early.as_ref()?)
        });
        // Where the losses are in doubt nothing that depends on them is told.
        let (missingness, dropout) = lost.unzip();
        let analysed = dropout.and_then(|dropout| self.analysed(ratio, dropout));
        let first = arms.zip(analyses.as_ref()).zip(missingness.as_ref()).zip(dropout);
        let comparison = first.map(|(((truths, analyses), missingness), dropout)| {
            let share_experimental = KnownShares::new(ratio, dropout).experimental;
            let by_factors = !file.missing.factors.is_empty();
            let compared = ComparedArms {
                mrs: &truths.of_arms[0],
                share_experimental,
                all_adhere: departures.is_none(),
                has_dropout: dropout != [0.0; 2],
                dropout_is_selective: dropout != [0.0; 2]
                    && (missingness.depends_on_outcome() || by_factors),
            };
            PlannedComparison { comparison: comparison(&analyses[0], compared), share_experimental }
        });
        let design = analysed.and_then(|analysed| self.design(analysed, comparison));
        let timing = design.as_ref().zip(accrual).zip(follow_up).zip(dropout).map(
            |(((design, accrual), follow_up), dropout)| {
                let share_known = KnownShares::new(ratio, dropout).of_randomised;
                let centres = people.centres.as_ref().and_then(Option::as_ref);
                Timing { design, accrual, centres, follow_up, share_known }
            },
        );
        let variance_reduction = self.variance_reduction();
        let safety = self.safety(truths.as_ref().map(|truths| &truths.of_treatments[0]), timing);

        let detail = self::analyses::detail(
            analyses.as_deref()?,
            file,
            analysed_by?,
            people.registered.as_ref()?.as_ref().is_some_and(|registered| registered.analyses),
        );
        let (written_prior, prior) = prior?.unzip();
        let People { population, centres, drift, registered } = people;
        let truths = truths?;
        Some(Scenario {
            file: with_defaults(file, analysed?, written_prior, analyses.as_deref()?),
            randomised: file.sample_size.randomised,
            accrual: accrual?,
            centres: centres?,
            drift: drift?,
            follow_up: follow_up?,
            ratio,
            randomisation: randomisation?,
            marginals: truths.of_arms,
            of_treatments: truths.of_treatments[0],
            outcomes: truths.outcomes,
            prior,
            treatments: truths.treatments,
            adherence: adherence?,
            missingness: missingness?,
            early_outcome: early?,
            safety: safety?,
            dropout: dropout?,
            design: design?,
            decision_lag_days: file.design.decision_lag_days,
            detail,
            description: description?,
            analyses: analyses?,
            registered: registered?,
            population: population?,
            replicates: file.run.replicates,
            seed: Seed(file.run.seed),
            variance_reduction: variance_reduction?,
        })
    }

    fn people(&mut self) -> People {
        let population = self.population();
        let centres = self.centres();
        let drift = self.drift();
        let both = population.as_ref().zip(centres.as_ref());
        let registered =
            both.and_then(|(population, centres)| self.registered(population, centres.as_ref()));
        People { population, centres, drift, registered }
    }

    /// What everyone's outcome is; `None` where something it goes by has a mistake.
    fn truths(
        &self,
        people: &People,
        outcomes: Option<Outcomes>,
        accrual: Option<&Accrual>,
        adherence: Option<&Adherence>,
    ) -> Option<Truths> {
        let population = people.population.as_ref()?;
        let (centres, drift) = (people.centres.as_ref()?.as_ref(), people.drift.as_ref()?.as_ref());
        let circumstances = self.circumstances(accrual, (centres, drift))?;
        let outcomes = outcomes?.in_circumstances(&circumstances.all);
        let treatments = Treatments::new(&outcomes, &circumstances.all, adherence.is_some());
        let by_treatment = treatments.on_average();
        let by_arm = adherence::by_arm(&treatments, population.strata(), adherence);
        // Stated outcomes hold at one time.
        let of_treatments = match drift {
            Some(_) => {
                let [control, experimental] = marginal(&by_treatment, population);
                [[control, experimental], [control; 2]]
            }
            None => outcomes.marginals(),
        };
        let [as_treated, null] = of_treatments;
        let as_allocated = match adherence {
            Some(_) => marginal(&by_arm, population),
            None => as_treated,
        };
        let of_arms = [as_allocated, null];
        Some(Truths { outcomes, treatments, by_treatment, by_arm, of_treatments, of_arms })
    }

    fn follow_up(&mut self) -> Option<FollowUp> {
        let FollowUp { days, window_days } = self.file.follow_up;
        if window_days > days {
            let allowed = format!("is {window_days}; allowed: 0 to follow_up.days ({days})");
            return self.fail("follow_up.window_days", allowed);
        }
        Some(FollowUp { days, window_days })
    }

    fn variance_reduction(&mut self) -> Option<bool> {
        let wanted = self.file.run.variance_reduction;
        if wanted && self.file.procedure.is_some() {
            return self.fail(
                "run.variance_reduction",
                "needs stated outcomes, whose chances are known; allowed with [procedure]: false",
            );
        }
        Some(wanted)
    }

    fn wrong_length<T>(&mut self, path: &str, has: usize, allowed: usize, why: &str) -> Option<T> {
        self.fail(path, format!("has {has} values; allowed: {allowed} ({why})"))
    }

    fn accrual(&mut self, outcomes: Option<&Outcomes>) -> Option<Accrual> {
        let file::WrittenAccrual { per_month, screened_per_month, ramp_up_months } =
            self.file.accrual;
        let screened = "accrual.screened_per_month";
        let per_month = match (per_month, screened_per_month, &self.file.procedure) {
            (Some(per_month), None, _) => per_month,
            (None, Some(screened), Some(_)) => screened * outcomes?.screening_yield()?,
            (None, Some(_), None) => {
                return self.fail(screened, "needs [procedure], which says how many of the screened are randomised; allowed without it: accrual.per_month");
            }
            (Some(_), Some(_), _) => {
                return self.fail(
                    screened,
                    "is given beside `accrual.per_month`; allowed: exactly one of the two",
                );
            }
            (None, None, _) => {
                return self.fail(
                    "accrual",
                    "has no rate; expected: exactly one of per_month, screened_per_month",
                );
            }
        };
        Some(Accrual::new(per_month, ramp_up_months))
    }

    fn outcomes(&mut self, population: Option<&Population>) -> Option<Outcomes> {
        match (&self.file.procedure, &self.file.outcome) {
            (None, file::WrittenOutcome::Stated(stated)) => {
                let centres = self.file.centres.as_ref();
                let centres = normal_nodes(centres.map_or(0.0, |centres| centres.outcome_sd));
                let model =
                    OutcomeModel::across_centres(self.stated(stated)?, population?, &centres);
                let null = model.null_twin();
                Some(Outcomes::Stated(Box::new([model, null])))
            }
            (Some(procedure), file::WrittenOutcome::AfterProcedure(after)) => {
                let model = self.procedural(procedure, after, population?)?;
                Some(Outcomes::AfterProcedure(Box::new(model)))
            }
            (Some(_), file::WrittenOutcome::Stated(_)) => self.fail(
                "outcome.control",
                "is given beside [procedure], from which the outcome follows; allowed in [outcome]: shape, intercept, per_pass, open_vessel, stenting, haemorrhage, perforation",
            ),
            (None, file::WrittenOutcome::AfterProcedure(_)) => self.fail(
                "outcome.shape",
                "needs [procedure]; allowed in [outcome] without it: control, experimental",
            ),
        }
    }

    fn stated(&mut self, file: &file::StatedOutcome) -> Option<[MrsDistribution; 2]> {
        let control = self.distribution("outcome.control", file.control);
        let experimental = match file.experimental {
            file::Experimental::Distribution(shares) => {
                self.distribution("outcome.experimental.distribution", shares)
            }
            file::Experimental::CommonOddsRatio(odds_ratio) => {
                control.map(|control| control.shifted(odds_ratio))
            }
            file::Experimental::FunctionalIndependence(target) => {
                let control = control?;
                let now = control.at_most(Mrs::INDEPENDENT);
                if now <= 0.0 || now >= 1.0 {
                    return self.fail(
                        "outcome.experimental.functional_independence",
                        format!("cannot be reached by an odds ratio: the control arm has P(mRS 0–2) = {now}; allowed: between 0 and 1"),
                    );
                }
                Some(control.shifted(control.odds_ratio_to(Mrs::INDEPENDENT, target)))
            }
        };
        Some([control?, experimental?])
    }

    fn distribution(&mut self, path: &str, shares: [f64; 7]) -> Option<MrsDistribution> {
        match MrsDistribution::new(shares) {
            Ok(distribution) => Some(distribution),
            Err(error) => self.fail(path, format!("is not a distribution: {error}")),
        }
    }
}

fn first_repeated(names: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    names.iter().find(|name| !seen.insert(*name))
}

/// The file with the defaults that depend on other keys written out, and the numbers of other files
/// in place of their names.
fn with_defaults(
    file: &file::ScenarioFile,
    analysed: u32,
    prior: Option<file::WrittenPrior>,
    analyses: &[Analysis],
) -> file::ScenarioFile {
    let mut file = file::ScenarioFile { prior, ..file.clone() };
    file.sample_size.analysed = Some(analysed);
    if let file::Futility::Z { bounds } | file::Futility::Effect { bounds } =
        &mut file.design.futility
    {
        let infinite = bounds.iter_mut().filter(|bound| **bound == f64::MIN);
        infinite.for_each(|bound| *bound = f64::NEG_INFINITY);
    }
    let names: Vec<String> = file.factors.iter().map(|factor| factor.name.clone()).collect();
    for factor in &mut file.factors {
        factor.log_odds.get_or_insert_with(|| vec![0.0; factor.levels.len()]);
    }
    match &mut file.randomisation {
        file::Randomisation::Minimisation { factors, weights, .. } => {
            let used = factors.get_or_insert(names).len();
            weights.get_or_insert_with(|| vec![1.0; used]);
        }
        file::Randomisation::MinimalSufficientBalance { factors, .. } => {
            factors.get_or_insert(names);
        }
        _ => {}
    }
    for (written, analysis) in file.analyses.iter_mut().zip(analyses) {
        written.name.get_or_insert_with(|| analysis.name.clone());
    }
    file
}
