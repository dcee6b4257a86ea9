//! Cells of a row of patients.

use crate::outcome::Mrs;
use crate::randomisation::Arm;

/// A cell that cannot be read.
pub(super) struct CellProblem {
    pub(super) column: usize,
    pub(super) message: String,
}

/// A row of a file.
pub(super) struct Row<'r>(pub(super) &'r csv::StringRecord);

impl Row<'_> {
    /// Returns a cell; `None` if it is empty or there is no such column.
    pub(super) fn cell(&self, column: Option<usize>) -> Option<&str> {
        // Cells that a spreadsheet would run as a formula are written with an apostrophe.
        let cell = self.0.get(column?)?;
        Some(cell.strip_prefix('\'').unwrap_or(cell)).filter(|cell| !cell.is_empty())
    }

    /// Parses a cell; `None` if it is empty.
    pub(super) fn parsed<T>(
        &self,
        column: Option<usize>,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, CellProblem> {
        let Some((column, cell)) = column.zip(self.cell(column)) else { return Ok(None) };
        let message = || format!("is {cell}; allowed: {allowed}");
        parse(cell).map(Some).ok_or_else(|| CellProblem { column, message: message() })
    }

    /// Parses a cell that must not be empty.
    pub(super) fn required<T>(
        &self,
        column: usize,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, CellProblem> {
        let parsed = self.parsed(Some(column), allowed, parse)?;
        parsed
            .ok_or_else(|| CellProblem { column, message: format!("is empty; allowed: {allowed}") })
    }
}

pub(super) const ARMS: &str = "control or experimental";
pub(super) const MRS: &str = "0 to 6, or nothing";
pub(super) const DAY_OF_PATIENT: &str = "a number of days since the trial opened";
pub(super) const DAY: &str = "a number of days since the trial opened, or nothing";

pub(super) fn parse_arm(cell: &str) -> Option<Arm> {
    [Arm::Control, Arm::Experimental].into_iter().find(|arm| arm.name() == cell)
}

pub(super) fn parse_mrs(cell: &str) -> Option<Mrs> {
    cell.parse().ok().and_then(Mrs::new)
}

pub(super) fn parse_day(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|day: &f64| day.is_finite())
}

pub(super) fn parse_bool(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        // As exported by R, Python, SAS and electronic case report forms.
        "yes" | "true" | "1" => Some(true),
        "no" | "false" | "0" => Some(false),
        _ => None,
    }
}
