//! Results of `rescuesim sweep`: a row of highlights for each point of a grid.

pub mod figures;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod rows;
mod rule;

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::explore::grid::{GridAxis, ParameterGrid};
use crate::explore::precision::PrecisionReached;
use crate::report::Provenance;
use crate::report::document::Document;
use crate::report::numeral::{NONE, grouped, value_and_error, with_error};
use crate::report::table::precision;
use crate::scenario::Truth;
use crate::summary::procedure::ProcedureSummary;
use crate::summary::quantity::{ANALYSIS, Reading, find};
use crate::summary::{OperatingCharacteristics, PriorSummary, TruthSummary};

/// Results of one point of the grid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweptPoint {
    /// Values of the keys, in the order of the grid.
    #[serde(serialize_with = "as_map")]
    pub values: Vec<(String, Value)>,
    /// Values of the keys as TOML.
    #[serde(skip)]
    pub toml: Vec<String>,
    /// Further overrides, by which outcomes and looks follow the number randomised.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub following: Vec<String>,
    /// Simulated trials under each truth.
    pub replicates: u64,
    /// Precision that determined `replicates`; absent if their number was stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionReached>,
    /// Truths, as in `summary.json`.
    pub truths: Vec<TruthSummary>,
    /// Quantities averaged over the prior; absent without a prior.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<PriorSummary>,
    /// Procedures under the alternative; absent without procedures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure: Option<ProcedureSummary>,
}

impl SweptPoint {
    /// Results of a point, given its number in the grid.
    pub fn new(
        grid: &ParameterGrid,
        number: usize,
        replicates: u64,
        precision: Option<PrecisionReached>,
        result: OperatingCharacteristics,
    ) -> Self {
        let toml = grid.point(number);
        let keys = grid.axes().iter().map(GridAxis::key);
        let values = keys.zip(toml.iter().map(|value| json(value))).collect();
        let OperatingCharacteristics { truths, prior, procedure } = result;
        let following = Vec::new();
        Self { values, toml, following, replicates, precision, truths, prior, procedure }
    }

    /// Adds the overrides by which outcomes and looks follow.
    #[must_use]
    pub fn with_following(mut self, following: Vec<String>) -> Self {
        self.following = following;
        self
    }

    /// The values for files: TOML, with texts unquoted.
    pub(super) fn plain(&self) -> impl Iterator<Item = String> {
        self.values
            .iter()
            .zip(&self.toml)
            .map(|((_, value), toml)| value.as_str().unwrap_or(toml).to_owned())
    }

    /// The values as a person reads them.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        self.values.iter().map(|(_, value)| words(value))
    }
}

fn as_map<S: Serializer>(values: &[(String, Value)], out: S) -> Result<S::Ok, S::Error> {
    out.collect_map(values.iter().map(|(key, value)| (key, value)))
}

/// Converts a TOML value to JSON.
fn json(value: &str) -> Value {
    let table: toml::Table = format!("value = {value}").parse().expect("values of a grid are TOML");
    serde_json::to_value(&table["value"]).expect("a value is plain data")
}

/// Writes a value for people: a table by its values, without the names of those that are texts.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace('_', " "),
        Value::Object(table) => {
            // A rule or method comes before its numbers.
            let (texts, others): (Vec<_>, Vec<_>) =
                table.iter().partition(|(_, value)| value.is_string());
            let texts = texts.into_iter().map(|(_, text)| words(text));
            let others = others
                .into_iter()
                .map(|(key, value)| format!("{} {}", key.replace('_', " "), words(value)));
            texts.chain(others).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Lays out a table of highlights for each analysis within a number of columns, given the provenance of the
/// scenario as it is written.
pub fn document(
    provenance: &Provenance,
    grid: &ParameterGrid,
    points: &[SweptPoint],
    columns: usize,
) -> Document {
    let mut out = Document::new()
        .title(&provenance.scenario.title)
        .gap()
        .text(how_much(provenance, points))
        .text(
            "± is the Monte Carlo standard error; other quantities have as many digits as their standard \
             errors support. All points use the same random numbers, so a difference between two points \
             usually has a smaller error than these suggest.",
        );
    if points.iter().any(|point| !point.following.is_empty()) {
        out = out.text(
            "Outcomes and looks that the scenario gives as counts change in proportion to the number \
             randomised.",
        );
    }
    let Some(first) = points.first() else { return out };
    for (i, analysis) in first.truths[0].analyses.iter().enumerate() {
        // A grid may vary the name itself.
        let share_name =
            points.iter().all(|point| point.truths[0].analyses[i].name == analysis.name);
        out = out.heading(if share_name {
            format!("Monitored by \"{}\"", analysis.name)
        } else {
            format!("Monitored by analysis {}", i + 1)
        });
        out = out.and(highlights(grid, points, i, columns));
    }
    out = out.and(rule::document(grid, points, columns));
    out.gap()
        .text(
            "Early and final: efficacy at an interim look, at the final look. With futility, harm, safety \
             and not significant they add up to 1; outcomes that never occur are omitted.",
        )
        .gap()
        .verbatim(format!("Recreate: {}", provenance.command))
}

fn how_much(provenance: &Provenance, points: &[SweptPoint]) -> String {
    let least = points.iter().map(|point| point.replicates).min().unwrap_or(0);
    let most = points.iter().map(|point| point.replicates).max().unwrap_or(0);
    let trials = if least == most {
        grouped(least)
    } else {
        format!("{} to {}", grouped(least), grouped(most))
    };
    let reached = points.iter().filter_map(|point| point.precision.as_ref());
    // The largest error of all points holds for each.
    let worst = reached.max_by(|a, b| a.reached.total_cmp(&b.reached));
    format!(
        "{} points, {trials} replicates at each (a trial under H1 and one under H0), seed {}{}.",
        points.len(),
        provenance.seed,
        precision(worst, "")
    )
}

/// One column of the table of a sweep.
struct SweepColumn {
    header: String,
    cells: Vec<String>,
    /// Order in which columns are omitted if the table is too wide, the largest number first; 0 is never
    /// omitted.
    expendable: u32,
}

// Wide enough for most keys, narrow enough to leave room for numbers.
const KEY_WIDTH: usize = 13;

fn highlights(
    grid: &ParameterGrid,
    points: &[SweptPoint],
    analysis: usize,
    most: usize,
) -> Document {
    let mut columns = keys(grid, points);
    columns.extend(quantities(points, analysis));
    fitted(columns, points.len(), most)
}

/// Lays out a table of at most this width, whose most expendable columns are omitted if it has to be.
fn fitted(mut columns: Vec<SweepColumn>, rows: usize, most: usize) -> Document {
    let mut left_out = Vec::new();
    while width(&columns) > most {
        let last = columns.iter().map(|column| column.expendable).max().unwrap_or(0);
        // Without keys and power a table says nothing, however narrow the terminal.
        if last == 0 {
            break;
        }
        let place = columns.iter().position(|column| column.expendable == last);
        let gone = columns.remove(place.expect("the maximum is that of a column"));
        left_out.push(gone.header.replace('\n', " "));
    }
    let header: Vec<&str> = columns.iter().map(|column| column.header.as_str()).collect();
    let rows =
        (0..rows).map(|point| columns.iter().map(|column| column.cells[point].clone()).collect());
    let table = Document::of_table(&header, rows.collect());
    if left_out.is_empty() {
        return table;
    }
    table.text(format!(
        "Columns omitted to fit {most} characters: {}. All are in --format json and --out.",
        left_out.join(", ")
    ))
}

/// Width of a table with a gap of one between columns.
fn width(columns: &[SweepColumn]) -> usize {
    let widths = columns.iter().map(|column| {
        let texts = column.cells.iter().chain([&column.header]);
        texts.flat_map(|text| text.lines()).map(|line| line.chars().count()).max().unwrap_or(0)
    });
    widths.sum::<usize>() + columns.len().saturating_sub(1)
}

/// Builds a column for each key of the grid.
fn keys(grid: &ParameterGrid, points: &[SweptPoint]) -> Vec<SweepColumn> {
    let axes = grid.axes().iter().enumerate();
    axes.map(|(i, axis)| {
        let values = points.iter().map(|point| point.words().nth(i).expect("one for each key"));
        SweepColumn {
            header: textwrap::fill(&short(&axis.key(), grid), KEY_WIDTH),
            cells: values.map(|value| textwrap::fill(&value, KEY_WIDTH)).collect(),
            expendable: 0,
        }
    })
    .collect()
}

/// Shortens a key to its last part, unless another key of the grid has the same last part.
pub(super) fn short(key: &str, grid: &ParameterGrid) -> String {
    let same = grid.axes().iter().filter(|other| last_part(&other.key()) == last_part(key)).count();
    let name = if same > 1 { key.replace('.', " ") } else { last_part(key).to_owned() };
    name.replace('_', " ")
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or_default()
}

/// A quantity in the table of a sweep.
struct Highlight {
    header: &'static str,
    /// See [`SweepColumn::expendable`].
    expendable: u32,
    truth: Truth,
    /// Key in the catalogue of an analysis.
    key: &'static str,
}

/// Highlights in the order of their columns. Power and type I error are shown with their errors.
const HIGHLIGHTS: [Highlight; 10] = [
    Highlight { header: "power", expendable: 0, truth: Truth::Alternative, key: "rejection" },
    Highlight { header: "type I\nerror", expendable: 7, truth: Truth::Null, key: "rejection" },
    highlight("early", 4, "outcomes.efficacy_early"),
    highlight("final", 3, "outcomes.efficacy_final"),
    highlight("futility", 2, "outcomes.futility"),
    highlight("harm", 5, "outcomes.harm"),
    highlight("safety", 6, "outcomes.safety"),
    highlight("not\nsignif.", 1, "outcomes.not_shown"),
    highlight("expected\nn", 8, "n_randomised.mean"),
    highlight("months", 9, "duration_months"),
];

const fn highlight(header: &'static str, expendable: u32, key: &'static str) -> Highlight {
    Highlight { header, expendable, truth: Truth::Alternative, key }
}

fn quantities(points: &[SweptPoint], analysis: usize) -> Vec<SweepColumn> {
    let mut columns = Vec::new();
    for Highlight { header, expendable, truth, key } in HIGHLIGHTS {
        let quantity = find(ANALYSIS, key);
        let cells: Vec<String> = points
            .iter()
            .map(|point| {
                let of = &point.truths[truth.index()].analyses[analysis];
                cell(&quantity.read(of), key == "rejection")
            })
            .collect();
        // An outcome that never occurs needs no column.
        if key == "rejection" || cells.iter().any(|cell| cell != "0" && cell != NONE) {
            columns.push(SweepColumn { header: header.to_owned(), cells, expendable });
        }
    }
    columns
}

/// Writes a simulated quantity, with its error if that is shown; a dash if there is none.
fn cell(reading: &Reading<'_>, shows_error: bool) -> String {
    match reading {
        Reading::Simulated(estimate) if shows_error => with_error(*estimate),
        Reading::Simulated(estimate) => value_and_error(*estimate, 1).0,
        Reading::Checked(_)
        | Reading::Exact(_)
        | Reading::Count(_)
        | Reading::Text(_)
        | Reading::List(_)
        | Reading::Absent => NONE.to_owned(),
    }
}

/// JSON of a sweep.
#[derive(Serialize)]
struct Swept<'p> {
    provenance: &'p Provenance,
    points: &'p [SweptPoint],
}

/// Writes JSON, ending in a newline.
///
/// # Errors
/// If `out` fails.
pub fn write_json(
    provenance: &Provenance,
    points: &[SweptPoint],
    mut out: impl Write,
) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &Swept { provenance, points })?;
    out.write_all(b"\n")?;
    // Dropping a buffered writer would lose the error of its last write.
    out.flush()
}
