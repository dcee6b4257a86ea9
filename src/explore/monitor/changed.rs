//! The final look of a size that an unblinded rule changed, from the data of both stages.

use super::{GivenData, InvalidLook};
use crate::analysis::OutcomeTable;
use crate::design::inference::StagewiseEstimate;
use crate::design::reestimation::{FinalStatistic, PromisingZone};
use crate::expected::{CountsNeeded, Expected};
use crate::scenario::{Analysis, Scenario, SizeReestimation, SizeRule};
use crate::trial::observed::ObservedLook;
use crate::trial::{Conclusion, conclude_changed, weighted_estimate};

/// Data of the look that changed the number of patients, and of all patients, in the same form.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedInput {
    /// At the look that changed the number.
    pub interim: GivenData,
    /// At the final look, those of the interim look included.
    pub last: GivenData,
    /// Patients randomised to control and experimental arm, if known; the patients themselves have it.
    pub randomised: Option<[u32; 2]>,
}

/// A rule that changes the number of patients by the result of an interim look.
#[derive(Debug, Clone, Copy)]
pub struct UnblindedRule<'s> {
    /// Look, numbers of patients.
    pub size: &'s SizeReestimation,
    /// How the number follows from Z.
    pub zone: &'s PromisingZone,
    /// Statistic that decides at the final look.
    pub statistic: FinalStatistic,
}

/// What both stages of the trial show. Numbers that do not exist are NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangedLookData {
    /// Outcomes at the interim look, and of all patients.
    pub analysed: [u32; 2],
    /// Patients randomised in both arms together, if known.
    pub randomised: Option<u32>,
    /// Z at the interim look.
    pub interim_z: f64,
    /// Z of the patients whose outcome became known after the interim look.
    pub second_stage_z: f64,
    /// Z of all patients together.
    pub conventional_z: f64,
    /// Estimate of all patients together.
    pub estimate: f64,
    /// Its 95 % confidence interval, which ignores the change.
    pub interval: (f64, f64),
    /// Estimate by the weighted statistic, with its 95 % confidence interval.
    pub weighted: StagewiseEstimate,
    /// The conclusion.
    pub conclusion: Conclusion,
}

impl<'s> UnblindedRule<'s> {
    /// Returns the rule of a scenario.
    ///
    /// # Errors
    /// If the scenario has no such rule.
    pub fn of(scenario: &'s Scenario) -> Result<Self, InvalidLook> {
        match scenario.adaptation.size.as_ref().map(|size| (size, &size.rule)) {
            Some((size, SizeRule::Unblinded { zone, statistic })) => {
                Ok(Self { size, zone, statistic: *statistic })
            }
            Some((_, SizeRule::Blinded { .. })) => Err(InvalidLook(
                "--interim-…: a blinded rule has the statistic of all patients; allowed: no data of the \
                 interim look, and --n with the outcomes of every look"
                    .into(),
            )),
            None => Err(InvalidLook(
                "--interim-…: the scenario changes no size; allowed with adaptation.size".into(),
            )),
        }
    }

    /// Evaluates the final look of a changed size by an analysis of the scenario.
    ///
    /// # Errors
    /// When the data contradict the scenario or each other, or are not enough for the analysis.
    pub fn evaluate(
        &self,
        scenario: &Scenario,
        analysis: &Analysis,
        input: &ChangedInput,
    ) -> Result<ChangedLookData, InvalidLook> {
        let Self { zone, statistic, .. } = *self;
        let [interim, last] =
            [&input.interim, &input.last].map(|given| observed(scenario, analysis, given));
        let (interim, last) = (interim?, last?);
        let analysed = [interim.all.total(), last.all.total()];
        let randomised = match &input.last {
            GivenData::Patients(patients) => Some(patients.len() as u32),
            GivenData::Statistic(_) | GivenData::Successes(_) | GivenData::Mrs { .. } => {
                input.randomised.map(|[control, experimental]| control.saturating_add(experimental))
            }
        };
        self.check_size(scenario, analysed[1], randomised)?;
        let Some(second) = last.after(&interim) else {
            return Err(InvalidLook(
                "--interim-…: more patients with some mRS at the interim look than finally; expected: all \
                 patients at the final look, those of the interim look included"
                    .into(),
            ));
        };
        if analysed[0] == 0 || analysed[0] == analysed[1] {
            return Err(InvalidLook(format!(
                "--interim-…: {} outcomes at the interim look and {} finally; allowed: some, and more finally",
                analysed[0], analysed[1]
            )));
        }
        let [first, second, all] = [interim.test(), second.test(), last.test()];
        if first.z.is_nan() {
            return Err(InvalidLook(
                "--interim-…: these outcomes give no Z, and without one the rule keeps the planned size"
                    .into(),
            ));
        }
        let deciding = match statistic {
            FinalStatistic::Weighted => zone.weighted(first.z, second.z),
            FinalStatistic::Conventional => all.z,
        };
        Ok(ChangedLookData {
            analysed,
            randomised,
            interim_z: first.z,
            second_stage_z: second.z,
            conventional_z: all.z,
            estimate: all.estimate,
            interval: all.interval,
            weighted: weighted_estimate(analysis, zone, [first, second]),
            conclusion: conclude_changed(scenario, deciding),
        })
    }

    /// Refuses the planned size, whose final look is that of a trial without the rule, and sizes above the
    /// maximum.
    fn check_size(
        &self,
        scenario: &Scenario,
        analysed: u32,
        randomised: Option<u32>,
    ) -> Result<(), InvalidLook> {
        let planned = match randomised {
            Some(_) => self.size.planned,
            None => scenario.design.maximum_analysed(),
        };
        let patients = randomised.unwrap_or(analysed);
        if patients == planned {
            return Err(InvalidLook(format!(
                "--interim-…: the final look has the planned {planned} patients; allowed: another size, and \
                 for the planned one no data of the interim look"
            )));
        }
        let maximum = self.size.maximum;
        if patients > maximum {
            return Err(InvalidLook(format!(
                "{patients} patients; allowed: at most {maximum} (adaptation.size.maximum)"
            )));
        }
        Ok(())
    }
}

/// Counts the outcomes of a look.
fn observed<'g>(
    scenario: &'g Scenario,
    analysis: &'g Analysis,
    given: &'g GivenData,
) -> Result<ObservedLook<'g>, InvalidLook> {
    if let GivenData::Patients(patients) = given {
        return Ok(ObservedLook::new(scenario, analysis, patients));
    }
    let needed = Expected::new(scenario).needs_only_counts(analysis);
    let table: Option<OutcomeTable> = given.table(analysis)?;
    match (needed, table) {
        (Ok(CountsNeeded::Outcomes), Some(table)) => {
            Ok(ObservedLook::of_counts(scenario, analysis, table, [0; 2]))
        }
        (Ok(CountsNeeded::OutcomesAndLost) | Err(_), _) | (_, None) => Err(InvalidLook(format!(
            "--interim-…: analysis {} takes more than the counts of two arms; expected: --patients and \
                 --interim-day",
            analysis.name
        ))),
    }
}
