//! The true outcomes of the patients: how fast patients come, their mRS under either treatment and in
//! either arm, and what is believed of the effect.

use super::super::comparison::{ComparedArms, KnownShares, comparison};
use super::super::problems::conflicts;
use super::super::treatments::{ByStratum, Treatments, marginal};
use super::super::{Configuration, Outcomes, file};
use super::configurations::SharedByConfigurations;
use super::design::PlannedComparison;
use super::prior::ResolvedPrior;
use super::{Checked, Losses, Methods, People, Reported, Resolver, adherence};
use crate::accrual::Accrual;
use crate::num::quadrature::normal_nodes;
use crate::outcome::safety::Event;
use crate::outcome::{Adherence, MrsDistribution, OutcomeModel};
use crate::population::Population;

/// The true outcomes, of treatments and of arms, and what they depend on.
pub(super) struct Truths {
    pub accrual: Checked<Accrual>,
    pub prior: Checked<Option<ResolvedPrior>>,
    pub adherence: Checked<Option<Adherence>>,
    pub treated: Checked<TreatedOutcomes>,
    pub arms: Checked<ArmOutcomes>,
    /// The adverse events that are followed.
    pub events: Vec<Checked<Event>>,
    pub configurations: Checked<Vec<Configuration>>,
}

/// The outcomes under the treatments that patients receive.
pub(super) struct TreatedOutcomes {
    pub outcomes: Outcomes,
    pub treatments: Treatments,
    /// Treatments under a null twin at a margin; `None` if it has control outcomes in both arms.
    pub null_treatments: Option<Treatments>,
    /// The mRS in each stratum under either treatment, under the alternative.
    pub strata: ByStratum,
    /// The mRS of all patients under either treatment, under the alternative.
    pub mrs: [MrsDistribution; 2],
    /// The mRS of all patients under either treatment, under the null twin.
    pub null: [MrsDistribution; 2],
}

/// The outcomes of the arms that patients are allocated to, which differ from those of the treatments
/// only if some patients do not adhere.
pub(super) struct ArmOutcomes {
    /// The mRS in each stratum of either arm, under the alternative.
    pub strata: ByStratum,
    /// The mRS of all patients of either arm, under the alternative and its null twin.
    pub mrs: [[MrsDistribution; 2]; 2],
    all_adhere: bool,
}

impl Resolver<'_> {
    pub(super) fn truths(&mut self, people: &People, methods: &Methods) -> Truths {
        let outcomes = self.outcomes(people.population.as_ref().ok(), methods);
        // Rates of screening need the outcomes of the procedure; other problems are reported without.
        let accrual = self.accrual(outcomes.as_ref().ok());
        let prior = self.prior(outcomes.as_ref().ok());
        let adherence = match &people.population {
            Ok(population) => self.adherence(population),
            Err(Reported) => Err(Reported),
        };
        let mixes = !matches!(adherence, Ok(None));
        let population = people.population.as_ref().ok();
        let models = self.configuration_models(outcomes.as_ref().ok(), population);
        let treated = outcomes.and_then(|outcomes| self.treated(outcomes, accrual, people, mixes));
        // Events follow from treatments, so problems with them are reported even if there are some with
        // the adherence.
        let events = self.events(treated.as_ref().ok().map(|treated| &treated.mrs));
        let arms = arm_outcomes(people, &treated, &adherence);
        let shared =
            SharedByConfigurations { accrual, people, adherence: &adherence, events: &events };
        let configurations = self.configurations(models, &shared);
        Truths { accrual, prior, adherence, treated, arms, events, configurations }
    }

    /// Returns the outcomes in the centres and at the times of the trial. `mixes` says whether some
    /// patients of an arm may receive the treatment of the other.
    fn treated(
        &self,
        outcomes: Outcomes,
        accrual: Checked<Accrual>,
        people: &People,
        mixes: bool,
    ) -> Checked<TreatedOutcomes> {
        let circumstances = self.circumstances(accrual, people)?;
        let outcomes = outcomes.in_circumstances(&circumstances.all);
        let treatments = Treatments::new(&outcomes, &circumstances.all, mixes);
        let strata = treatments.on_average();
        let [as_stated, null] = outcomes.marginals();
        let null_treatments = match &outcomes {
            Outcomes::Stated(models) if null[0] != null[1] => {
                Some(Treatments::stated(&models[1], &circumstances.all, mixes))
            }
            Outcomes::Stated(_) | Outcomes::AfterProcedure(_) => None,
        };
        // What is stated holds at one time. With a drift, that of the trial is an average over time.
        let (mrs, null) = match people.drift.as_ref()? {
            Some(_) => {
                let population = people.population.as_ref()?;
                let mrs = marginal(&strata, population);
                let at_margin = null_treatments.as_ref();
                let at_margin = at_margin.map(|it| marginal(&it.on_average(), population));
                (mrs, at_margin.unwrap_or([mrs[0]; 2]))
            }
            None => (as_stated, null),
        };
        Ok(TreatedOutcomes { outcomes, treatments, null_treatments, strata, mrs, null })
    }

    /// Describes what the primary analysis compares, if two distributions determine it.
    pub(super) fn planned_comparison(
        &self,
        methods: &Methods,
        truths: &Truths,
        losses: &Checked<Losses>,
    ) -> Checked<PlannedComparison> {
        let (arms, losses) = (truths.arms.as_ref()?, losses.as_ref()?);
        let first = &methods.analyses.as_ref()?[0];
        let share_experimental = KnownShares::new(self.ratio(), losses.dropout).experimental;
        let has_dropout = losses.dropout != [0.0; 2];
        let is_selective =
            losses.missingness.depends_on_outcome() || !self.file.missing.factors.is_empty();
        let compared = ComparedArms {
            mrs: &arms.mrs[0],
            share_experimental,
            all_adhere: arms.all_adhere,
            has_dropout,
            dropout_is_selective: has_dropout && is_selective,
        };
        let comparison = comparison(first, compared);
        Ok(PlannedComparison { comparison, share_experimental, power: None })
    }

    /// Reads how fast patients come. `outcomes` are needed for a rate of screening, which the procedure
    /// turns into one of randomisation; `None` if there were problems with them.
    fn accrual(&mut self, outcomes: Option<&Outcomes>) -> Checked<Accrual> {
        let file::WrittenAccrual { per_month, screened_per_month, ramp_up_months } =
            self.file.accrual;
        let path = "accrual.screened_per_month";
        let per_month = match (per_month, screened_per_month) {
            (Some(per_month), None) => per_month,
            (None, Some(_)) if self.file.procedure.is_none() => {
                return self.fail(path, "needs [procedure], which says how many of the screened are randomised; allowed without it: accrual.per_month");
            }
            (None, Some(screened)) => {
                screened * outcomes.and_then(Outcomes::screening_yield).ok_or(Reported)?
            }
            (Some(_), Some(_)) => return self.fail(path, conflicts("accrual.per_month")),
            (None, None) => {
                return self.fail(
                    "accrual",
                    "has no rate; expected: exactly one of per_month, screened_per_month",
                );
            }
        };
        Ok(Accrual::new(per_month, ramp_up_months))
    }

    /// Reads the outcomes. What they say by themselves is checked without the `population` too.
    fn outcomes(
        &mut self,
        population: Option<&Population>,
        methods: &Methods,
    ) -> Checked<Outcomes> {
        match (&self.file.procedure, &self.file.outcome) {
            (None, file::WrittenOutcome::Stated(stated)) => {
                let centres = self.file.centres.as_ref();
                // A stated distribution is that over all centres, so their effects enter the model from the start.
                let centres = normal_nodes(centres.map_or(0.0, |centres| centres.outcome_sd));
                let stated = self.stated(stated, population, &centres)?;
                let model =
                    OutcomeModel::across_centres(stated, population.ok_or(Reported)?, &centres);
                // The twin is built once, as trials under both truths share everything but the experimental arm.
                let null = match &methods.analyses {
                    Ok(analyses) => self.null_twin(&model, &analyses[0], &centres)?,
                    // The rest can be checked with any twin.
                    Err(Reported) => model.null_twin(),
                };
                Ok(Outcomes::Stated(Box::new([model, null])))
            }
            (Some(procedure), file::WrittenOutcome::AfterProcedure(after)) => {
                let model = self.procedural(procedure, after, population.ok_or(Reported)?)?;
                Ok(Outcomes::AfterProcedure(Box::new(model)))
            }
            (Some(_), file::WrittenOutcome::Stated(_)) => self.fail(
                "outcome.control",
                "conflicts with [procedure], from which the outcome follows; allowed in [outcome]: shape, intercept, per_pass, open_vessel, stenting, haemorrhage, perforation",
            ),
            (None, file::WrittenOutcome::AfterProcedure(_)) => self.fail(
                "outcome.shape",
                "needs [procedure]; allowed in [outcome] without it: control, experimental",
            ),
        }
    }
}

fn arm_outcomes(
    people: &People,
    treated: &Checked<TreatedOutcomes>,
    adherence: &Checked<Option<Adherence>>,
) -> Checked<ArmOutcomes> {
    let (population, treated) = (people.population.as_ref()?, treated.as_ref()?);
    let adherence = adherence.as_ref()?.as_ref();
    let strata = adherence::by_arm(&treated.treatments, population.strata(), adherence);
    // If all adhere, the arms are the treatments to the last bit, which sums would not give.
    let alternative = match adherence {
        Some(_) => marginal(&strata, population),
        None => treated.mrs,
    };
    // Without a margin the arms do not differ, whatever treatment their patients receive.
    let null = match (&treated.null_treatments, adherence) {
        (Some(treatments), Some(_)) => {
            let arms = adherence::by_arm(treatments, population.strata(), adherence);
            marginal(&arms, population)
        }
        (Some(_), None) | (None, _) => treated.null,
    };
    let mrs = [alternative, null];
    Ok(ArmOutcomes { strata, mrs, all_adhere: adherence.is_none() })
}
