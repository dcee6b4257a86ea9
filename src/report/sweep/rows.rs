//! One row per point, truth and analysis: the fields of `sweep.csv` and `sweep.parquet`.

use std::io::{self, Write};

use super::SweptPoint;
use crate::explore::grid::ParameterGrid;
use crate::report::csv::CsvWriter;
use crate::summary::{AnalysisSummary, EstimatePerformance, LookSummary, McEstimate, SizeSummary};

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A count.
    Whole(u64),
    /// A number; NaN where there is none.
    Number(f64),
    /// Nothing, as of a look that this point does not have.
    Missing,
}

#[cfg(feature = "parquet")]
impl Cell {
    /// The text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The count, if it is one.
    pub(super) fn as_whole(&self) -> Option<u64> {
        if let Self::Whole(count) = self { Some(*count) } else { None }
    }

    /// The number, if it is one.
    pub(super) fn as_number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }
}

/// Rows that all have the same columns, made one by one.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'p> {
    grid: &'p ParameterGrid,
    points: &'p [SweptPoint],
    /// The most that any point has.
    looks: usize,
}

impl<'p> Rows<'p> {
    /// Of all points of a grid.
    pub fn new(grid: &'p ParameterGrid, points: &'p [SweptPoint]) -> Self {
        let analyses = points.iter().flat_map(|point| &point.truths[0].analyses);
        let looks = analyses.map(|analysis| analysis.looks.len()).max().unwrap_or(0);
        Self { grid, points, looks }
    }

    /// Names of the columns.
    pub fn columns(&self) -> Vec<String> {
        self.named().next().into_iter().flatten().map(|(name, _)| name).collect()
    }

    /// As many cells in each as there are columns.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Cell>> + use<'p> {
        self.named().map(|row| row.into_iter().map(|(_, cell)| cell).collect())
    }

    fn named(&self) -> impl Iterator<Item = Vec<(String, Cell)>> + use<'p> {
        let (rows, points) = (*self, self.points);
        let of_point = move |(number, point): (usize, &'p SweptPoint)| {
            point.truths.iter().flat_map(move |truth| {
                let analyses = truth.analyses.iter();
                analyses.map(move |of| rows.row(number, point, truth.truth, of))
            })
        };
        points.iter().enumerate().flat_map(of_point)
    }

    fn row(
        &self,
        number: usize,
        point: &SweptPoint,
        truth: &str,
        analysis: &AnalysisSummary,
    ) -> Vec<(String, Cell)> {
        let mut cells = Cells::default();
        cells.push("point", Cell::Whole(number as u64 + 1));
        for (axis, value) in self.grid.axes().iter().zip(point.plain()) {
            let cell = match value.parse() {
                Ok(number) if axis.is_numeric() => Cell::Number(number),
                _ => Cell::Text(value),
            };
            cells.push(&axis.key(), cell);
        }
        cells.push("replicates", Cell::Whole(point.replicates));
        cells.push("truth", Cell::Text(truth.to_owned()));
        cells.push("analysis", Cell::Text(analysis.name.clone()));
        figures(&mut cells, analysis);
        (0..self.looks).for_each(|k| cells.look(k, analysis.looks.get(k)));
        cells.0
    }

    /// Writes CSV. Numbers that do not exist are empty.
    ///
    /// # Errors
    /// When `out` fails.
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
            Self::Number(number) if number.is_finite() => number.to_string(),
            Self::Number(_) | Self::Missing => String::new(),
        }
    }
}

/// Cells of a row under construction.
#[derive(Default)]
struct Cells(Vec<(String, Cell)>);

impl Cells {
    fn push(&mut self, name: &str, cell: Cell) {
        self.0.push((name.to_owned(), cell));
    }

    fn number(&mut self, name: &str, number: Option<f64>) {
        self.push(name, Cell::Number(number.unwrap_or(f64::NAN)));
    }

    /// A figure and its error.
    fn figure(&mut self, name: &str, figure: McEstimate) {
        self.number(name, Some(figure.value));
        self.number(&format!("{name}_mcse"), Some(figure.mcse));
    }

    fn size(&mut self, name: &str, size: &SizeSummary) {
        let SizeSummary { mean, p80, p95, max } = size;
        for (part, figure) in [("mean", mean), ("p80", p80), ("p95", p95)] {
            self.figure(&format!("{name}_{part}"), *figure);
        }
        self.number(&format!("{name}_max"), Some(max.value));
    }

    fn performance(&mut self, name: &str, performance: &EstimatePerformance) {
        let EstimatePerformance { mean, bias, rmse, coverage, above_truth } = *performance;
        for (part, figure) in [
            ("mean", mean),
            ("bias", bias),
            ("rmse", rmse),
            ("coverage", coverage),
            ("above_truth", above_truth),
        ] {
            self.figure(&format!("{name}_{part}"), figure);
        }
    }

    /// A look, from 0; a point with fewer has nothing there.
    fn look(&mut self, k: usize, look: Option<&LookSummary>) {
        let name = |part: &str| format!("look_{}_{part}", k + 1);
        let planned = look.map_or(Cell::Missing, |l| Cell::Whole(u64::from(l.planned_analysed)));
        self.push(&name("planned_analysed"), planned);
        type Part = (&'static str, fn(&LookSummary) -> McEstimate);
        let figures: [Part; 12] = [
            ("efficacy", |look| look.efficacy),
            ("futility", |look| look.futility),
            ("harm", |look| look.harm),
            ("safety", |look| look.safety.unwrap_or(NONE)),
            ("reached", |look| look.reached),
            ("n_randomised", |look| look.n_randomised),
            ("n_analysed", |look| look.n_analysed),
            ("overrun", |look| look.overrun),
            ("month", |look| look.month),
            ("decision_month", |look| look.decision.month),
            ("decision_n_randomised", |look| look.decision.n_randomised),
            ("decision_overrun", |look| look.decision.overrun),
        ];
        for (part, of) in figures {
            self.figure(&name(part), look.map_or(NONE, of));
        }
    }
}

/// A figure that does not exist.
const NONE: McEstimate = McEstimate { value: f64::NAN, mcse: f64::NAN, n: 0, limit_95: None };

fn figures(cells: &mut Cells, analysis: &AnalysisSummary) {
    cells.figure("rejection", analysis.rejection);
    let disregarded = analysis.rejection_stops_disregarded.unwrap_or(NONE);
    cells.figure("rejection_stops_disregarded", disregarded);
    let formula = analysis.normal_approximation.as_ref().map(|formula| formula.rejection);
    cells.number("rejection_by_formula", formula);
    let outcomes = &analysis.outcomes;
    for (name, share) in [
        ("efficacy_early", outcomes.efficacy_early),
        ("efficacy_final", outcomes.efficacy_final),
        ("futility", outcomes.futility),
        ("harm", outcomes.harm),
        ("safety", outcomes.safety.unwrap_or(NONE)),
        ("not_shown", outcomes.not_shown),
    ] {
        cells.figure(name, share);
    }
    let price = analysis.price_of_safety.as_ref();
    cells.figure("rejection_without_safety", price.map_or(NONE, |price| price.rejection_without));
    cells.figure("rejection_lost_to_safety", price.map_or(NONE, |price| price.lost));
    cells.size("n_randomised", &analysis.n_randomised);
    cells.size("n_analysed", &analysis.n_analysed);
    cells.figure("duration_months", analysis.duration_months);
    cells.figure("overrun", analysis.overrun);
    cells.figure("reversal", analysis.reversal);
    cells.figure("reversal_after_efficacy", analysis.reversal_after_efficacy);
    cells.figure("reversal_after_futility", analysis.reversal_after_futility);
    cells.figure("reversal_after_harm", analysis.reversal_after_harm);
    let estimate = &analysis.estimate;
    cells.push("estimate_scale", Cell::Text(estimate.scale.to_owned()));
    cells.number("estimate_truth", estimate.truth);
    cells.performance("estimate", &estimate.overall);
    cells.performance("estimate_stopped_early", &estimate.stopped_early);
    cells.performance("estimate_with_overrun", &estimate.with_overrun);
    cells.performance("median_unbiased", &estimate.median_unbiased);
    let early = &estimate.median_unbiased_stopped_early;
    cells.performance("median_unbiased_stopped_early", early);
    cells.push("fit_failures", Cell::Whole(analysis.fit_failures));
    cells.push("failed_looks", Cell::Whole(analysis.failed_looks));
}
