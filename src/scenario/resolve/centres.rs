//! Centres, the factor they make, and what changes over calendar time.

use super::super::problems::conflicts;
use super::super::{StrataByCentre, file};
use super::population::MAX_STRATA;
use super::{Checked, People, Resolver};
use crate::accrual::{Accrual, DAYS_PER_MONTH};
use crate::centres::{self, CentreEffects, Centres, Opening};
use crate::outcome::{Circumstances, Drift};
use crate::population::{Factor, Population};

/// Days in the year that `log_odds_per_year` is of.
const DAYS_PER_YEAR: f64 = 365.25;

impl Resolver<'_> {
    pub(super) fn centres(&mut self) -> Checked<Option<Centres>> {
        let file = self.file;
        let Some(written) = &file.centres else { return Ok(None) };
        if let Some(index) = file.factors.iter().position(|factor| factor.name == centres::FACTOR) {
            let path = format!("factors[{index}].name");
            let message = "is \"centre\", which is the factor that [centres] makes; allowed: another name, or no [centres]";
            self.report(&path, message);
        }
        // It would have no effect, and the trial would not be what its author thinks.
        if written.procedure_sd > 0.0 && file.procedure.is_none() {
            let message = format!(
                "is {}, and there is no [procedure] to succeed; allowed without it: 0",
                written.procedure_sd
            );
            self.report("centres.procedure_sd", message);
        }
        let opening = self.opening(written)?;
        Ok(Some(Centres {
            number: written.number,
            rate_shape: written.rate_shape,
            opening,
            sd: CentreEffects {
                outcome: written.outcome_sd,
                procedure: written.procedure_sd,
                dropout: written.dropout_sd,
            },
        }))
    }

    fn opening(&mut self, written: &file::WrittenCentres) -> Checked<Opening> {
        let Some(opening) = &written.opening else { return Ok(Opening::WithTheTrial) };
        if self.file.accrual.ramp_up_months > 0.0 {
            // Both make the rate rise. Together they would make it rise twice.
            return self.fail("centres.opening", conflicts("accrual.ramp_up_months"));
        }
        match opening {
            file::WrittenOpening::OverMonths(0.0) => Ok(Opening::WithTheTrial),
            file::WrittenOpening::OverMonths(months) => Ok(Opening::Over(months * DAYS_PER_MONTH)),
            file::WrittenOpening::Months(plan) if plan.len() != written.number as usize => {
                let (path, number) = ("centres.opening.months", written.number as usize);
                self.wrong_length(path, plan.len(), number, "one per centre")
            }
            file::WrittenOpening::Months(plan) => {
                Ok(Opening::Planned(plan.iter().map(|month| month * DAYS_PER_MONTH).collect()))
            }
        }
    }

    pub(super) fn drift(&mut self) -> Checked<Option<Drift>> {
        let Some(written) = &self.file.drift else { return Ok(None) };
        // No drift at all, which leaves stated outcomes exact to the last bit.
        if written.log_odds_per_year == 0.0 {
            return Ok(None);
        }
        if self.file.prior.is_some() {
            // The prior's effect is one between stated outcomes, not between those of a period.
            return self.fail("drift", conflicts("prior"));
        }
        Ok(Some(Drift {
            per_day: written.log_odds_per_year / DAYS_PER_YEAR,
            stated_day: written.stated_at_month * DAYS_PER_MONTH,
        }))
    }

    /// Returns the strata with the centre as a factor; `None` if nothing names the centre.
    pub(super) fn strata_by_centre(
        &mut self,
        population: &Population,
        centres: Option<&Centres>,
    ) -> Checked<Option<StrataByCentre>> {
        let Some(centres) = centres else { return Ok(None) };
        let file = self.file;
        let randomisation = randomises_by_centre(&file.randomisation);
        let analyses = file.analyses.iter().any(analyses_by_centre)
            || file.description.iter().any(|described| names_centre(&described.subgroups));
        if !(randomisation || analyses) {
            return Ok(None);
        }
        // Tables of counts have a row for each combination, in every thread.
        let strata = population.strata() * centres.number as usize;
        if strata > MAX_STRATA {
            let message = format!(
                "is {}, which makes {strata} combinations with the levels of [[factors]]; allowed where anything is by centre: {MAX_STRATA} combinations",
                centres.number
            );
            return self.fail("centres.number", message);
        }
        let factor = Factor {
            name: centres::FACTOR.into(),
            levels: (1..=centres.number).map(|number| number.to_string()).collect(),
            log_odds: vec![0.0; centres.number as usize],
            effect_log_odds: vec![0.0; centres.number as usize],
        };
        let population = population.crossed(factor);
        Ok(Some(StrataByCentre { population, randomisation, analyses }))
    }

    /// Returns centre and time of the patients planned; the accrual matters only if outcomes drift.
    pub(super) fn circumstances(
        &self,
        accrual: Checked<Accrual>,
        people: &People,
    ) -> Checked<Circumstances> {
        let centres = people.centres.as_ref()?.as_ref();
        let of_centres =
            Circumstances::of_centres(centres.map_or(0.0, |centres| centres.sd.outcome));
        let Some(drift) = people.drift.as_ref()? else { return Ok(of_centres) };
        let accrual = accrual?;
        let patients = self.file.sample_size.randomised;
        Ok(of_centres.over_time(drift, patients, |patients: f64| {
            Centres::expected_day(centres, &accrual, patients)
        }))
    }
}

fn names_centre(names: &[String]) -> bool {
    names.iter().any(|name| name == centres::FACTOR)
}

fn randomises_by_centre(written: &file::Randomisation) -> bool {
    match written {
        file::Randomisation::Complete {} => false,
        file::Randomisation::Minimisation { factors, .. }
        | file::Randomisation::MinimalSufficientBalance { factors, .. } => {
            factors.as_deref().is_some_and(names_centre)
        }
        file::Randomisation::PermutedBlocks { stratify_by, .. }
        | file::Randomisation::Efron { stratify_by, .. }
        | file::Randomisation::BigStick { stratify_by, .. }
        | file::Randomisation::BlockUrn { stratify_by, .. } => names_centre(stratify_by),
    }
}

fn analyses_by_centre(analysis: &file::WrittenAnalysis) -> bool {
    analysis.factors().any(|name| name == centres::FACTOR)
}
