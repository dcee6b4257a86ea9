//! Numbers of a look that contradict the scenario or each other, and those that are implausible.

use std::iter;

use crate::design::monitor::RunningTrial;
use crate::expected::plausibility::{EarlierLook, LookFacts};
use crate::scenario::{Analysis, Scenario, SizeRule};

use super::data::LookData;
use super::outcomes::GivenOutcomes;
use super::{GivenData, InvalidLook, LookInput, PathPoint};

/// Refuses scenarios whose looks decide by more than the Z of all patients.
pub fn is_supported(scenario: &Scenario) -> Result<(), InvalidLook> {
    if scenario.adaptation.population.is_none() {
        return Ok(());
    }
    Err(InvalidLook(
        "the scenario has adaptation.population, whose looks decide by levels; expected: `rescuesim monitor` \
         with --patients"
            .into(),
    ))
}

impl LookInput {
    /// Refuses more patients than the trial randomises, and more outcomes than patients randomised.
    pub fn check_patients(
        &self,
        scenario: &Scenario,
        outcomes: &[u32],
        given: Option<&GivenOutcomes>,
    ) -> Result<(), InvalidLook> {
        // Before the trial is built, whose own errors know neither options nor the scenario's key.
        let planned = self.most_randomised(scenario);
        let most = outcomes.iter().max().copied().unwrap_or(0);
        if most > planned {
            // Names the option that the number is from: the counts of the arms may be checked against --n.
            let option = match (&self.data, self.analysed.is_empty()) {
                (GivenData::Patients(_), _) => "--patients",
                (_, true) => "the counts of the arms",
                (_, false) => "--n",
            };
            return Err(InvalidLook(format!(
                "{option}: {most} outcomes, more than the {planned} patients who are to be \
                 randomised; {}",
                if_more(scenario, self.look)
            )));
        }
        let Some(randomised) = self.randomised else { return Ok(()) };
        let [control, experimental] = randomised;
        // Each may be any u32: a sum that wraps around would pass the check below.
        let total = control.saturating_add(experimental);
        if total > planned {
            return Err(InvalidLook(format!(
                "--randomised {control},{experimental}: {total} patients, more than the {planned} who \
                 are to be randomised; {}",
                if_more(scenario, self.look)
            )));
        }
        if most > total {
            return Err(InvalidLook(format!(
                "--randomised {control},{experimental}: {total} patients, fewer than the {most} \
                 outcomes"
            )));
        }
        match given {
            Some(given) => {
                // By arm as well: arms that were typed in the wrong order may have the right total.
                let mut arms = given.all.counts.map(|arm| arm.iter().sum());
                let Some(lost) = self.lost else {
                    return self.within(
                        "the counts of the arms",
                        "with an outcome",
                        arms,
                        randomised,
                    );
                };
                arms.iter_mut().zip(lost).for_each(|(patients, lost)| *patients += lost);
                let which = "with an outcome or lost";
                self.within("the counts of the arms and --lost", which, arms, randomised)
            }
            None => Ok(()),
        }
    }

    /// Patients whom the trial may have at the look: a blinded rule may have changed their number at the
    /// final one, whose statistic is that of all patients.
    fn most_randomised(&self, scenario: &Scenario) -> u32 {
        let is_final = self.look == scenario.design.looks().len();
        match &scenario.adaptation.size {
            Some(size) if is_final && matches!(size.rule, SizeRule::Blinded { .. }) => size.maximum,
            Some(_) | None => scenario.randomised,
        }
    }

    /// Refuses more patients in an arm than were randomised to it.
    pub fn within(
        &self,
        option: &str,
        which: &str,
        patients: [u32; 2],
        randomised: [u32; 2],
    ) -> Result<(), InvalidLook> {
        for (arm, name) in ["control", "experimental"].into_iter().enumerate() {
            if patients[arm] > randomised[arm] {
                return Err(InvalidLook(format!(
                    "{option}: {} patients {which} in the {name} arm, more than the {} of \
                     --randomised",
                    patients[arm], randomised[arm]
                )));
            }
        }
        Ok(())
    }

    /// Returns Z at the looks so far that are known.
    pub fn path(
        &self,
        trial: &RunningTrial,
        z: Option<f64>,
    ) -> Result<Vec<PathPoint>, InvalidLook> {
        let given = &self.earlier_z;
        let last = trial.look();
        // Z of this look is not among them: it follows from the outcomes or is given by --z.
        if !given.is_empty() && given.len() != last {
            let before = match last {
                0 => "none, as no look precedes this one".to_owned(),
                1 => "that of look 1".to_owned(),
                _ => format!("one for each of looks 1 to {last}"),
            };
            return Err(InvalidLook(format!(
                "--earlier-z has {} values; expected: {before}",
                given.len()
            )));
        }
        // All earlier values or none: of some it would be unknown which looks they belong to.
        let earlier = given.iter().copied().map(Some).chain(iter::repeat(None)).take(last);
        let values = earlier.chain([z]);
        // The numbers of the plan, which skip the looks that the trial has overtaken.
        let looks = trial.numbers().zip(trial.analysed());
        Ok(looks
            .zip(values)
            .filter_map(|((look, &analysed), z)| Some(PathPoint { look, analysed, z: z? }))
            .collect())
    }

    /// Gathers what is compared with the plan, without adverse events.
    pub fn facts<'t>(
        &self,
        analysis: &Analysis,
        trial: &'t RunningTrial,
        data: &LookData,
        given: Option<&GivenOutcomes>,
    ) -> LookFacts<'t> {
        let earlier = self.earlier_z.iter().enumerate();
        LookFacts {
            trial,
            stopped_at: self.overrun.then_some(self.look),
            earlier: earlier.map(|(position, &z)| EarlierLook { position, z }).collect(),
            z: data.z,
            outcomes: given.map(|given| given.of_arms(analysis)),
            randomised: self.randomised.or_else(|| given.and_then(|given| given.randomised)),
            // Filled in once the events have passed their own checks.
            known_events: Vec::new(),
        }
    }
}

/// Says what to do if more patients than planned were randomised.
fn if_more(scenario: &Scenario, look: usize) -> &'static str {
    let is_final = look == scenario.design.looks().len();
    match scenario.adaptation.size.as_ref().map(|size| &size.rule).filter(|_| is_final) {
        None | Some(SizeRule::Blinded { .. }) => {
            "if more were, give their number by --set sample_size.randomised"
        }
        // Z of all patients against the boundary of the planned size would not keep the type I error.
        Some(SizeRule::Unblinded { .. }) => {
            "the final look of another size than planned combines the Z of both stages (adaptation.size): \
             give the data of the look that changed the size too, by --interim-control, \
             --interim-control-mrs or --interim-day"
        }
    }
}
