//! Centres, the factor they make, and what changes over calendar time.

use super::super::{Registered, file};
use super::Resolver;
use super::population::MAX_STRATA;
use crate::accrual::{Accrual, DAYS_PER_MONTH};
use crate::centres::{self, CentreEffects, Centres, Opening};
use crate::outcome::{Circumstances, Drift};
use crate::population::{Factor, Population};
use file::analysis::{Method, MissingRule};

/// Days in the year that `log_odds_per_year` is of.
const DAYS_PER_YEAR: f64 = 365.25;

impl Resolver<'_> {
    /// The outer `None` is for mistakes.
    pub(super) fn centres(&mut self) -> Option<Option<Centres>> {
        let file = self.file;
        let Some(written) = &file.centres else { return Some(None) };
        if let Some(index) = file.factors.iter().position(|factor| factor.name == centres::FACTOR) {
            let path = format!("factors[{index}].name");
            let message = "is \"centre\", which is the factor that [centres] makes; allowed: another name, or no [centres]";
            self.fail::<()>(&path, message);
        }
        if written.procedure_sd > 0.0 && file.procedure.is_none() {
            let message = format!(
                "is {}, and there is no [procedure] to succeed; allowed without it: 0",
                written.procedure_sd
            );
            self.fail::<()>("centres.procedure_sd", message);
        }
        let opening = self.opening(written)?;
        Some(Some(Centres {
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

    fn opening(&mut self, written: &file::WrittenCentres) -> Option<Opening> {
        let Some(opening) = &written.opening else { return Some(Opening::WithTheTrial) };
        if self.file.accrual.ramp_up_months > 0.0 {
            let message = "is given beside accrual.ramp_up_months, which is another way for the rate to rise; allowed: one of the two";
            return self.fail("centres.opening", message);
        }
        match opening {
            file::WrittenOpening::OverMonths(0.0) => Some(Opening::WithTheTrial),
            file::WrittenOpening::OverMonths(months) => {
                Some(Opening::Over(months * DAYS_PER_MONTH))
            }
            file::WrittenOpening::Months(plan) if plan.len() != written.number as usize => {
                let (path, number) = ("centres.opening.months", written.number as usize);
                self.wrong_length(path, plan.len(), number, "one per centre")
            }
            file::WrittenOpening::Months(plan) => {
                Some(Opening::Planned(plan.iter().map(|month| month * DAYS_PER_MONTH).collect()))
            }
        }
    }

    /// The outer `None` is for mistakes.
    pub(super) fn drift(&mut self) -> Option<Option<Drift>> {
        let Some(written) = &self.file.drift else { return Some(None) };
        if written.log_odds_per_year == 0.0 {
            return Some(None);
        }
        if self.file.prior.is_some() {
            let message = "is given beside [prior], whose effects are those between stated outcomes, not between those of a period; allowed: one of the two";
            return self.fail("drift", message);
        }
        Some(Some(Drift {
            per_day: written.log_odds_per_year / DAYS_PER_YEAR,
            stated_day: written.stated_at_month * DAYS_PER_MONTH,
        }))
    }

    /// What patients are randomised and analysed by where anything names the centre; the outer `None`
    /// is for mistakes.
    pub(super) fn registered(
        &mut self,
        population: &Population,
        centres: Option<&Centres>,
    ) -> Option<Option<Registered>> {
        let Some(centres) = centres else { return Some(None) };
        let randomisation = named_by_randomisation(&self.file.randomisation);
        let subgroups = self.file.description.iter().flat_map(|it| &it.subgroups);
        let analyses = self.file.analyses.iter().any(|analysis| {
            names_centre(factors_of(&analysis.method))
                || matches!(&analysis.missing, MissingRule::MultipleImputation { adjust_for, .. } if names_centre(adjust_for.iter().map(String::as_str)))
        }) || names_centre(subgroups.map(String::as_str));
        if !(randomisation || analyses) {
            return Some(None);
        }
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
        };
        let population = population.crossed(factor);
        Some(Some(Registered { population, randomisation, analyses }))
    }

    /// Centre and time of the patients planned; the accrual matters only where outcomes drift.
    pub(super) fn circumstances(
        &self,
        accrual: Option<&Accrual>,
        (centres, drift): (Option<&Centres>, Option<&Drift>),
    ) -> Option<Circumstances> {
        let outcome_sd = centres.map_or(0.0, |centres| centres.sd.outcome);
        let Some(drift) = drift else { return Some(Circumstances::of_centres(outcome_sd)) };
        let accrual = accrual?;
        let expected_day = |patients: f64| Centres::expected_day(centres, accrual, patients);
        let patients = self.file.sample_size.randomised;
        Some(Circumstances::of_centres(outcome_sd).over_time(drift, patients, expected_day))
    }
}

fn names_centre<'n>(mut names: impl Iterator<Item = &'n str>) -> bool {
    names.any(|name| name == centres::FACTOR)
}

fn named_by_randomisation(written: &file::Randomisation) -> bool {
    let names = match written {
        file::Randomisation::Complete {} => None,
        file::Randomisation::Minimisation { factors, .. }
        | file::Randomisation::MinimalSufficientBalance { factors, .. } => factors.as_ref(),
        file::Randomisation::PermutedBlocks { stratify_by, .. }
        | file::Randomisation::Efron { stratify_by, .. }
        | file::Randomisation::BigStick { stratify_by, .. }
        | file::Randomisation::BlockUrn { stratify_by, .. } => Some(stratify_by),
    };
    names_centre(names.into_iter().flatten().map(String::as_str))
}

/// The factors that a method names.
fn factors_of(method: &Method) -> Box<dyn Iterator<Item = &str> + '_> {
    match method {
        Method::ProportionalOdds { adjust_for: names, .. }
        | Method::Logistic { adjust_for: names, .. }
        | Method::UtilityWeighted { adjust_for: names, .. }
        | Method::Wilcoxon { stratify_by: names }
        | Method::CochranMantelHaenszel { stratify_by: names, .. } => {
            Box::new(names.iter().map(String::as_str))
        }
        Method::SlidingDichotomy { points, .. } => {
            Box::new(points.iter().map(|points| points.factor.as_str()))
        }
        Method::TwoProportions { .. } | Method::WinOdds {} | Method::WinRatio {} => {
            Box::new(std::iter::empty())
        }
    }
}

/// Whether a method is one by centre.
pub(super) fn is_by_centre(method: &Method) -> bool {
    names_centre(factors_of(method))
}
