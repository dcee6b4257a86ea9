//! What interim looks wait for, and the days on which they are expected.

use super::{Scenario, file};
use crate::accrual::{Accrual, DAYS_PER_MONTH, FollowUp};
use crate::centres::Centres;

/// What interim looks wait for.
#[derive(Debug, Clone, PartialEq)]
pub enum LookTiming {
    /// A number of outcomes, which is that of the plan.
    Outcomes,
    /// The end of follow-up of the patients randomised first, by interim look; it analyses their
    /// outcomes alone.
    Randomised(Vec<u32>),
    /// A day after the opening of the trial, by interim look.
    Days(Vec<f64>),
}

impl LookTiming {
    /// Returns what the looks of a file wait for.
    pub(super) fn of(looks: &file::Looks) -> Self {
        match looks {
            file::Looks::Analysed(_)
            | file::Looks::InformationFractions(_)
            | file::Looks::EquallySpaced(_) => Self::Outcomes,
            // The last number is that of the final look, which waits until all patients have been
            // followed.
            file::Looks::Randomised(patients) => {
                Self::Randomised(patients[..patients.len() - 1].to_vec())
            }
            // The final look waits for the last follow-up, so that its month is planned and not
            // kept.
            file::Looks::Months(months) => {
                let interims = &months[..months.len() - 1];
                Self::Days(interims.iter().map(|month| month * DAYS_PER_MONTH).collect())
            }
        }
    }

    /// Returns whether the number of outcomes at an interim look differs between trials.
    pub fn is_random(&self) -> bool {
        match self {
            Self::Outcomes => false,
            Self::Randomised(_) | Self::Days(_) => true,
        }
    }
}

/// Recruitment and follow-up, which determine the calendar of the trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct LookCalendar<'c> {
    pub accrual: Accrual,
    pub centres: Option<&'c Centres>,
    pub follow_up: FollowUp,
}

impl LookCalendar<'_> {
    /// Returns the day by which the expected number of patients randomised is `patients`.
    pub fn expected_day(&self, patients: f64) -> f64 {
        Centres::expected_day(self.centres, &self.accrual, patients)
    }

    /// Returns how many of the patients are expected to be randomised by a day.
    pub fn randomised_by(&self, day: f64, patients: u32) -> u32 {
        // The expected day grows with the number of patients, and has no inverse in closed form with
        // centres.
        let (mut before, mut after) = (0, patients + 1);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.expected_day(f64::from(middle)) <= day {
                before = middle;
            } else {
                after = middle;
            }
        }
        before
    }

    /// Returns how many of the patients are expected to have been followed to their end by a day.
    pub fn followed_by(&self, day: f64, patients: u32) -> u32 {
        self.randomised_by(day - self.follow_up.days, patients)
    }

    /// Returns the day on which interim look `k`, from 0, is expected, if it has this number of
    /// outcomes and `share_known` of the patients have one.
    pub fn day_of_look(
        &self,
        timing: &LookTiming,
        k: usize,
        analysed: u32,
        share_known: f64,
    ) -> f64 {
        match timing {
            LookTiming::Outcomes => {
                self.expected_day(f64::from(analysed) / share_known) + self.follow_up.days
            }
            // The last of them to be followed is hardly ever the last to arrive, and nearly the end of
            // the window.
            LookTiming::Randomised(patients) => {
                self.follow_up.closes(self.expected_day(f64::from(patients[k])))
            }
            LookTiming::Days(days) => days[k],
        }
    }
}

impl Scenario {
    /// Describes what the looks wait for, in sentences; `None` if that is a number of outcomes.
    pub fn look_timing_in_words(&self) -> Option<String> {
        if !self.look_timing.is_random() || self.design.interims().is_empty() {
            return None;
        }
        let when = match &self.file().design.looks {
            file::Looks::Randomised(patients) => format!(
                "Looks take place when the first {} patients randomised have been followed, and analyse \
                 their outcomes alone",
                listed(patients.iter().map(u32::to_string).collect())
            ),
            file::Looks::Months(months) => {
                let (last, interims) = months.split_last()?;
                format!(
                    "Interim looks take place {} months after the opening of the trial, the final one, \
                     planned for month {last}, when all patients have been followed",
                    listed(interims.iter().map(f64::to_string).collect())
                )
            }
            file::Looks::Analysed(_)
            | file::Looks::InformationFractions(_)
            | file::Looks::EquallySpaced(_) => return None,
        };
        Some(format!(
            "{when}. Numbers of outcomes are those expected; each trial's boundaries depend on those \
             that it observes."
        ))
    }

    /// Returns the day on which interim look `k`, from 0, is expected to take place.
    pub fn expected_day_of_look(&self, k: usize) -> f64 {
        let calendar = self.calendar();
        let analysed = self.design.looks()[k].analysed;
        calendar.day_of_look(&self.look_timing, k, analysed, self.share_known())
    }

    /// Returns how many patients are expected to be randomised by the decision of interim look `k`, from 0.
    pub fn expected_randomised_at_decision(&self, k: usize) -> u32 {
        let day = self.expected_day_of_look(k) + self.decision_lag_days;
        self.calendar().randomised_by(day, self.randomised)
    }

    fn calendar(&self) -> LookCalendar<'_> {
        LookCalendar {
            accrual: self.accrual,
            centres: self.centres.as_ref(),
            follow_up: self.follow_up,
        }
    }
}

/// Writes texts as a list with "and" before the last.
fn listed(texts: Vec<String>) -> String {
    match &texts[..] {
        [several @ .., last] if !several.is_empty() => format!("{} and {last}", several.join(", ")),
        few => few.concat(),
    }
}
