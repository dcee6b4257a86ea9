//! Patients of a running trial as CSV, a row for each in order of randomisation.
//!
//! | column | content |
//! |---|---|
//! | `arm` | `control` or `experimental` |
//! | `mrs` | 0 to 6; empty if not known |
//! | a factor's name | level of the factor, if the analysis uses it |
//! | `centre` | number of the centre, from 1, if the analysis uses it |
//! | `received` | arm whose treatment the patient received, if the analysis set depends on it |
//! | `per_protocol` | `yes` or `no`, enough in place of `received` for an analysis per protocol |
//! | `early_mrs` | early mRS, if missing outcomes are imputed or later ones predicted from it |
//! | `lost` | `yes` if follow-up has ended without an mRS |
//! | `events` | names of the patient's adverse events, with semicolons |
//! | an event's name | `yes` or `no`; empty if not known |
//! | `day`, `followed_until_day`, `outcome_day` | days since the trial opened, for a cut-off |
//!
//! Other columns are ignored, so that the rows of `rescuesim trace --format csv` can be read.

mod columns;
mod row;

use std::ops::Range;
use std::path::Path;

use super::document::read_patients_text;
use super::error::{Origin, Problem, Rejection, nearest};
use super::{Analysis, Scenario};
use crate::outcome::Mrs;
use crate::outcome::safety::Event;
use crate::randomisation::Arm;
use columns::{EarlyNeed, Needs, PatientColumns, early_known_after};
use row::{
    ARMS, CellProblem, DAY, DAY_OF_PATIENT, MRS, Row, parse_arm, parse_bool, parse_day, parse_mrs,
};

/// A patient of a running trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialPatient {
    /// Arm allocated.
    pub arm: Arm,
    /// Arm whose treatment the patient received.
    pub received: Arm,
    /// Stratum of the population; 0 if the file does not say.
    pub stratum: u32,
    /// Centre, from 0; 0 if the file does not say.
    pub centre: u32,
    /// Early mRS, if observed.
    pub early: Option<Mrs>,
    /// Outcome, as far as it is known.
    pub outcome: PatientOutcome,
    /// Whether the patient had each adverse event of the scenario; `None` if not known.
    pub events: Vec<Option<bool>>,
}

/// Outcome of a patient, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatientOutcome {
    /// The mRS is known.
    Known(Mrs),
    /// Follow-up has ended without an mRS.
    Lost,
    /// Follow-up has not ended.
    Pending,
}

impl Scenario {
    /// Reads the patients of a running trial with the columns that an analysis needs; with
    /// `cutoff_day`, only what was known by that day since the trial opened.
    ///
    /// # Errors
    /// Everything that is wrong with the file, with line and column.
    pub fn read_patients(
        &self,
        path: &Path,
        analysis: &Analysis,
        cutoff_day: Option<f64>,
    ) -> Result<Vec<TrialPatient>, Rejection> {
        let name = path.display().to_string();
        let text = read_patients_text(path)?;
        PatientReader { scenario: self, cutoff_day }
            .read(&text, &Needs::new(self, analysis))
            .map_err(|problems| Rejection::new(name, text, problems))
    }
}

/// Reader of one file.
struct PatientReader<'s> {
    scenario: &'s Scenario,
    cutoff_day: Option<f64>,
}

impl PatientReader<'_> {
    fn read(&self, text: &str, needs: &Needs) -> Result<Vec<TrialPatient>, Vec<Problem>> {
        let mut reader =
            // Some programs pad cells with spaces to the width of their column.
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let header = reader.headers().cloned().unwrap_or_default();
        let columns = self
            .columns(&header, needs)
            .map_err(|message| vec![Problem::at("", message, Origin::File, 0..0)])?;
        let (mut patients, mut problems) = (Vec::new(), Vec::new());
        for record in reader.into_records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let start = error.position().map_or(0, |at| at.byte() as usize);
                    // The reader continues with the next row, so that one run reports all problems
                    // of the file.
                    let message = format!("not a row of the table: {error}");
                    problems.push(Problem::at("", message, Origin::File, start..start));
                    continue;
                }
            };
            let start = record.position().map_or(0, |position| position.byte() as usize);
            match self.patient(&columns, needs, &Row(&record)) {
                Ok(patient) => patients.extend(patient),
                Err(CellProblem { column, message }) => {
                    let place = place_of(text, start, column);
                    problems.push(Problem::at(&header[column], message, Origin::File, place));
                }
            }
        }
        if patients.is_empty() && problems.is_empty() {
            let message = "has no patients; expected a header and a row for each".to_owned();
            problems.push(Problem::general(message));
        }
        if problems.is_empty() { Ok(patients) } else { Err(problems) }
    }

    /// Reads a patient; `None` if they were randomised after the cut-off.
    fn patient(
        &self,
        columns: &PatientColumns,
        needs: &Needs,
        row: &Row<'_>,
    ) -> Result<Option<TrialPatient>, CellProblem> {
        let day = match (columns.day, self.cutoff_day) {
            // A patient without a day might be one of after the cut-off.
            (Some(column), Some(_)) => Some(row.required(column, DAY_OF_PATIENT, parse_day)?),
            (day, _) => row.parsed(day, DAY, parse_day)?,
        };
        if let (Some(day), Some(cutoff)) = (day, self.cutoff_day)
            && day > cutoff
        {
            return Ok(None);
        }
        let arm = row.required(columns.arm, ARMS, parse_arm)?;
        let received = Self::received(columns, row, arm)?;
        let number = self.scenario.centres.as_ref().map_or(u32::MAX, |centres| centres.number);
        let allowed = format!("1 to {number}");
        let parse_centre =
            |cell: &str| cell.parse().ok().filter(|centre| (1..=number).contains(centre));
        let centre = match columns.centre.filter(|_| needs.centre) {
            Some(column) => Some(row.required(column, &allowed, parse_centre)?),
            None => row.parsed(columns.centre, &allowed, parse_centre)?,
        };
        let outcome = self.outcome(columns, row)?;
        let is_needed = match (needs.early, outcome) {
            (EarlyNeed::Everybody, PatientOutcome::Known(_) | PatientOutcome::Lost)
            | (EarlyNeed::Lost, PatientOutcome::Lost) => true,
            (_, PatientOutcome::Known(_) | PatientOutcome::Lost | PatientOutcome::Pending) => false,
        };
        let early = match columns.early.filter(|_| is_needed) {
            Some(column) => Some(row.required(column, "0 to 6 for this analysis", parse_mrs)?),
            None => row.parsed(columns.early, MRS, parse_mrs)?,
        };
        let early = early.filter(|_| self.early_is_known(day));
        Ok(Some(TrialPatient {
            arm,
            received,
            stratum: self.stratum(columns, row)?,
            centre: centre.map_or(0, |centre| centre - 1),
            early,
            outcome,
            events: self.events(columns, row, outcome, day)?,
        }))
    }

    /// Reads the arm whose treatment a patient received, that of their own arm if the file does not say.
    fn received(columns: &PatientColumns, row: &Row<'_>, arm: Arm) -> Result<Arm, CellProblem> {
        let received = row.parsed(columns.received, ARMS, parse_arm)?;
        let per_protocol = row.parsed(columns.per_protocol, "yes or no", parse_bool)?;
        match (received, per_protocol) {
            (Some(received), Some(adheres)) if adheres != (received == arm) => Err(CellProblem {
                column: columns.per_protocol.unwrap_or(0),
                message: format!(
                    "contradicts `received`, which is {}; allowed: {}, or one of the two columns",
                    received.name(),
                    if adheres { "no" } else { "yes" }
                ),
            }),
            (Some(received), _) => Ok(received),
            // Any treatment but that of the arm: per protocol the patient is left out.
            (None, Some(false)) => Ok(match arm {
                Arm::Control => Arm::Experimental,
                Arm::Experimental => Arm::Control,
            }),
            (None, Some(true) | None) => Ok(arm),
        }
    }

    fn outcome(
        &self,
        columns: &PatientColumns,
        row: &Row<'_>,
    ) -> Result<PatientOutcome, CellProblem> {
        let mrs = row.parsed(Some(columns.mrs), MRS, parse_mrs)?;
        let lost = row.parsed(columns.lost, "yes or no", parse_bool)?.unwrap_or(false);
        let outcome_day = row.parsed(columns.outcome_day, DAY, parse_day)?;
        let followed_until = row.parsed(columns.followed_until_day, DAY, parse_day)?;
        // A simulated patient has an mRS that is never known if there is no day of the outcome.
        let is_known = match (columns.outcome_day, outcome_day) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(day)) => self.is_past(day),
        };
        if let (Some(_), true, Some(column)) = (mrs.filter(|_| is_known), lost, columns.lost) {
            let message = "is yes for a patient with an mRS; allowed: no".to_owned();
            return Err(CellProblem { column, message });
        }
        Ok(match mrs {
            Some(mrs) if is_known => PatientOutcome::Known(mrs),
            // A patient lost after the cut-off was still followed then.
            Some(_) | None if followed_until.map_or(lost, |day| self.is_past(day)) => {
                PatientOutcome::Lost
            }
            Some(_) | None => PatientOutcome::Pending,
        })
    }

    /// Returns whether the early mRS of a patient randomised on a day is known at the cut-off.
    fn early_is_known(&self, day: Option<f64>) -> bool {
        match (day, early_known_after(self.scenario)) {
            (Some(day), Some(after)) => self.is_past(day + after),
            (None, _) | (_, None) => true,
        }
    }

    fn is_past(&self, day: f64) -> bool {
        self.cutoff_day.is_none_or(|cutoff| day <= cutoff)
    }

    /// Finds the stratum from the levels: of those with the same levels of the factors that have a column,
    /// the first, as the analysis does not use the others.
    fn stratum(&self, columns: &PatientColumns, row: &Row<'_>) -> Result<u32, CellProblem> {
        let population = &self.scenario.population;
        let mut levels = Vec::new();
        for (factor, column) in population.factors().iter().zip(&columns.factors) {
            let Some(column) = *column else {
                levels.push(None);
                continue;
            };
            let allowed = factor.levels.join(", ");
            levels.push(Some(row.required(column, &allowed, |cell| {
                factor.levels.iter().position(|level| level == cell)
            })?));
        }
        let found = (0..population.strata()).find(|&stratum| {
            let has = population.levels(stratum);
            levels.iter().zip(has).all(|(level, has)| level.is_none_or(|level| level == *has))
        });
        // A joint distribution may leave combinations out.
        found.map(|stratum| stratum as u32).ok_or_else(|| CellProblem {
            column: columns.factors.iter().flatten().next().copied().unwrap_or(0),
            message: "and the other factors are a combination that the scenario does not have"
                .to_owned(),
        })
    }

    fn events(
        &self,
        columns: &PatientColumns,
        row: &Row<'_>,
        outcome: PatientOutcome,
        day: Option<f64>,
    ) -> Result<Vec<Option<bool>>, CellProblem> {
        let endpoints = self.scenario.safety_endpoints();
        let listed: Vec<&str> = row
            .cell(columns.events)
            .map(|cell| cell.split(';').map(str::trim).filter(|name| !name.is_empty()).collect())
            .unwrap_or_default();
        for name in &listed {
            if !endpoints.iter().any(|endpoint| endpoint.name == *name) {
                let known: Vec<&str> = endpoints.iter().map(|it| it.name.as_str()).collect();
                let near = nearest(name, &known).map(|near| format!(" (did you mean {near}?)"));
                let message = format!(
                    "names {name}{}; allowed: {}",
                    near.unwrap_or_default(),
                    if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }
                );
                return Err(CellProblem { column: columns.events.unwrap_or(0), message });
            }
        }
        let mut events = Vec::with_capacity(endpoints.len());
        for (endpoint, column) in endpoints.iter().zip(&columns.by_event) {
            if matches!(endpoint.event, Event::Death) {
                // Known with the mRS, and as the mRS says.
                events.push(match outcome {
                    PatientOutcome::Known(mrs) => Some(mrs == Mrs::DEAD),
                    // Whether a patient has died is unknown without an mRS, also after loss to follow-up.
                    PatientOutcome::Lost | PatientOutcome::Pending => None,
                });
            } else if column.is_some() {
                events.push(row.parsed(*column, "yes, no or nothing", parse_bool)?);
            } else {
                let is_known = day.is_none_or(|day| self.is_past(day + endpoint.known_after_days));
                let had = listed.contains(&endpoint.name.as_str());
                events.push(columns.events.filter(|_| is_known).map(|_| had));
            }
        }
        Ok(events)
    }
}

/// Finds the bytes of a cell in the row that starts at a byte.
fn place_of(text: &str, start: usize, column: usize) -> Range<usize> {
    // The reader counts the line break before a row to it.
    let skipped = text[start..].len() - text[start..].trim_start_matches(['\r', '\n']).len();
    let start = start + skipped;
    let line = text[start..].lines().next().unwrap_or_default();
    // Quoted cells may have commas: then the row is pointed to as a whole.
    if line.contains('"') {
        return start..start + line.len();
    }
    let before: usize = line.split(',').take(column).map(|cell| cell.len() + 1).sum();
    let cell = line.split(',').nth(column).unwrap_or_default();
    start + before..start + before + cell.len()
}
