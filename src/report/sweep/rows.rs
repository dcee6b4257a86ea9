//! Rows of `sweep.csv` and `sweep.parquet`, one per point, truth and analysis. Their columns are those that
//! the catalogue of quantities has.

use std::io::{self, Write};

use super::SweptPoint;
use crate::explore::grid::ParameterGrid;
use crate::report::csv::{CsvWriter, float};
use crate::summary::procedure::Checked;
use crate::summary::quantity::{
    ANALYSIS, Kind, LOOK, POPULATION, Quantity, REESTIMATION, Reading, SUCCESS, SUCCESS_ANALYSIS,
    SUCCESS_LOOK,
};
use crate::summary::{AnalysisSummary, McEstimate, SuccessSummary, TruthSummary};

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// Count.
    Whole(u64),
    /// Number; NaN if it does not exist.
    Number(f64),
    /// No value, as at a look that this point does not have.
    Missing,
}

#[cfg(feature = "parquet")]
impl Cell {
    /// The text; `None` in other cells.
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The count; `None` in other cells.
    pub(super) fn as_whole(&self) -> Option<u64> {
        if let Self::Whole(count) = self { Some(*count) } else { None }
    }

    /// The number; `None` in other cells.
    pub(super) fn as_number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }
}

/// Rows of a sweep. All have the same columns, also at points with fewer looks than others.
#[derive(Debug, Clone, Copy)]
pub struct SweepRows<'p> {
    grid: &'p ParameterGrid,
    points: &'p [SweptPoint],
    /// Largest number of looks of any point.
    looks: usize,
    /// Whether analyses decide together by a rule at any point.
    has_rule: bool,
    /// Whether trials re-estimate their number of patients at any point.
    has_size: bool,
    /// Whether the population may be restricted at any point.
    has_population: bool,
}

impl<'p> SweepRows<'p> {
    /// Rows of all points of a grid.
    pub fn new(grid: &'p ParameterGrid, points: &'p [SweptPoint]) -> Self {
        // Truths differ in their patients, and share the looks of the design.
        let analyses = points.iter().flat_map(|point| &point.truths[0].analyses);
        let looks = analyses.map(|analysis| analysis.looks.len()).max().unwrap_or(0);
        let mut truths = points.iter().flat_map(|point| &point.truths);
        let has_rule = truths.any(|truth| truth.success.is_some());
        let mut analyses = points.iter().flat_map(|point| &point.truths[0].analyses);
        let has_size = analyses.any(|analysis| analysis.reestimation.is_some());
        let mut analyses = points.iter().flat_map(|point| &point.truths[0].analyses);
        let has_population = analyses.any(|analysis| analysis.population.is_some());
        Self { grid, points, looks, has_rule, has_size, has_population }
    }

    /// Names of the columns.
    pub fn columns(&self) -> Vec<String> {
        // All rows have the columns of the first.
        self.named().next().into_iter().flatten().map(|(name, _)| name).collect()
    }

    /// Cells of each row, one for each column.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Cell>> + use<'p> {
        self.named().map(|row| row.into_iter().map(|(_, cell)| cell).collect())
    }

    // Columns and cells are built by one function, so that they cannot differ in order.
    fn named(&self) -> impl Iterator<Item = Vec<(String, Cell)>> + use<'p> {
        let rows = *self;
        rows.points.iter().enumerate().flat_map(move |(number, point)| {
            point.truths.iter().flat_map(move |truth| {
                let analyses = truth.analyses.iter();
                analyses.map(move |analysis| rows.row(number, point, truth, analysis))
            })
        })
    }

    fn row(
        &self,
        number: usize,
        point: &SweptPoint,
        truth: &TruthSummary,
        analysis: &AnalysisSummary,
    ) -> Vec<(String, Cell)> {
        let mut cells = NamedCells::default();
        cells.push("point", Cell::Whole(number as u64 + 1));
        for (axis, value) in self.grid.axes().iter().zip(point.plain()) {
            // A text that looks like a number stays a text if other points have other texts.
            let cell = match value.parse() {
                Ok(number) if axis.is_numeric() => Cell::Number(number),
                Ok(_) | Err(_) => Cell::Text(value),
            };
            cells.push(&axis.key(), cell);
        }
        cells.push("replicates", Cell::Whole(point.replicates));
        cells.push("truth", Cell::Text(truth.truth.clone()));
        cells.push("analysis", Cell::Text(analysis.name.clone()));
        cells.all_of("", ANALYSIS, Some(analysis));
        for k in 0..self.looks {
            cells.all_of(&format!("look_{}_", k + 1), LOOK, analysis.looks.get(k));
        }
        if self.has_size {
            cells.all_of("", REESTIMATION, analysis.reestimation.as_ref());
        }
        if self.has_population {
            cells.all_of("", POPULATION, analysis.population.as_ref());
        }
        if self.has_rule {
            self.add_rule(&mut cells, truth.success.as_ref(), &analysis.name);
        }
        cells.0
    }

    /// Adds the results of the rule, which all analyses of a truth share, and those of one analysis within it,
    /// which are missing if the rule does not have the analysis.
    fn add_rule(&self, cells: &mut NamedCells, rule: Option<&SuccessSummary>, analysis: &str) {
        cells.all_of("", SUCCESS, rule);
        let mut within = rule.iter().flat_map(|rule| &rule.analyses);
        let within = within.find(|of| of.name == analysis);
        cells.all_of("", SUCCESS_ANALYSIS, within);
        for k in 0..self.looks {
            let look = rule.and_then(|rule| rule.looks.get(k));
            cells.all_of(&format!("look_{}_", k + 1), SUCCESS_LOOK, look);
        }
    }

    /// Writes CSV, in which numbers that do not exist are empty cells.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let mut writer = CsvWriter::new(out);
        writer.row(self.columns())?;
        for row in self.rows() {
            writer.row(row.iter().map(Cell::text))?;
        }
        writer.finish().map(drop)
    }
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Whole(count) => count.to_string(),
            Self::Number(number) => float(*number),
            Self::Missing => String::new(),
        }
    }
}

/// Cells of a row under construction, each with its column.
#[derive(Default)]
struct NamedCells(Vec<(String, Cell)>);

impl NamedCells {
    fn push(&mut self, column: &str, cell: Cell) {
        self.0.push((column.to_owned(), cell));
    }

    /// Adds the quantities of the catalogue that have a column; the cells are empty without a value.
    fn all_of<T>(&mut self, prefix: &str, catalogue: &'static [Quantity<T>], of: Option<&T>) {
        for quantity in catalogue {
            if let Some(column) = quantity.column {
                let reading = of.map_or(Reading::Absent, |of| quantity.read(of));
                self.quantity(&format!("{prefix}{column}"), quantity.kind(), &reading);
            }
        }
    }

    fn quantity(&mut self, column: &str, kind: Kind, reading: &Reading<'_>) {
        match reading {
            Reading::Simulated(McEstimate { value, mcse, .. })
            | Reading::Checked(Checked { simulated: McEstimate { value, mcse, .. }, .. }) => {
                self.push(column, Cell::Number(*value));
                // The kind of an extreme, which has no error, is that of a plain number.
                if kind == Kind::Simulated || kind == Kind::Checked {
                    self.push(&format!("{column}_mcse"), Cell::Number(*mcse));
                }
            }
            Reading::Exact(value) => self.push(column, Cell::Number(*value)),
            Reading::Count(count) => self.push(column, Cell::Whole(*count)),
            Reading::Text(text) => self.push(column, Cell::Text((*text).to_owned())),
            Reading::List(_) => unreachable!("a list has no column"),
            Reading::Absent => self.absent(column, kind),
        }
    }

    /// Adds as many cells as a value of this kind takes, so that all rows have the same columns.
    fn absent(&mut self, column: &str, kind: Kind) {
        self.push(column, Cell::Missing);
        match kind {
            Kind::Simulated | Kind::Checked => {
                self.push(&format!("{column}_mcse"), Cell::Missing);
            }
            Kind::Number | Kind::Count | Kind::Text => {}
            Kind::List => unreachable!("a list has no column"),
        }
    }
}
