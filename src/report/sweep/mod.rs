//! `rescuesim sweep`: a row of highlights for each point of a grid.

pub mod curves;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod rows;

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::explore::grid::{GridAxis, ParameterGrid};
use crate::explore::precision::PrecisionReached;
use crate::report::Provenance;
use crate::report::document::Document;
use crate::report::numeral::{grouped, value_and_error, with_error};
use crate::report::table::precision;
use crate::summary::procedure::ProcedureSummary;
use crate::summary::{AnalysisSummary, McEstimate, OperatingCharacteristics};
use crate::summary::{PriorSummary, TruthSummary};

/// What came of one point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweptPoint {
    /// The values of the keys, in the order of the grid.
    #[serde(serialize_with = "as_map")]
    pub values: Vec<(String, Value)>,
    /// The same as TOML.
    #[serde(skip)]
    pub toml: Vec<String>,
    /// What was set beside them, so that outcomes and looks follow the number randomised.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub following: Vec<String>,
    /// Simulated trials under each truth.
    pub replicates: u64,
    /// The precision that gave that number; absent where it was stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionReached>,
    /// As in `summary.json`.
    pub truths: Vec<TruthSummary>,
    /// What the prior makes of the design; absent without a prior.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<PriorSummary>,
    /// Procedures under the alternative, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure: Option<ProcedureSummary>,
}

impl SweptPoint {
    /// Of a point of the grid, by its number.
    pub fn new(
        (grid, number): (&ParameterGrid, usize),
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

    /// With what was set beside its values.
    #[must_use]
    pub fn with_following(mut self, following: Vec<String>) -> Self {
        self.following = following;
        self
    }

    /// The values for files: TOML, but text as it is, without the quotes of TOML.
    pub(super) fn plain(&self) -> impl Iterator<Item = String> {
        self.values.iter().zip(&self.toml).map(|((_, value), toml)| match value {
            Value::String(text) => text.clone(),
            _ => toml.clone(),
        })
    }

    /// The values as a person reads them.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        self.values.iter().map(|(_, value)| words(value))
    }
}

fn as_map<S: Serializer>(values: &[(String, Value)], out: S) -> Result<S::Ok, S::Error> {
    out.collect_map(values.iter().map(|(key, value)| (key, value)))
}

/// A TOML value as JSON.
fn json(value: &str) -> Value {
    let table: toml::Table = format!("value = {value}").parse().expect("values of a grid are TOML");
    serde_json::to_value(&table["value"]).expect("a value is plain data")
}

/// A table by its values, without the names of those that are text.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace('_', " "),
        Value::Object(table) => {
            let part = |(key, value): (&String, &Value)| match value {
                Value::String(text) => text.replace('_', " "),
                other => format!("{} {}", key.replace('_', " "), words(other)),
            };
            // What it is comes before its numbers.
            let (texts, others): (Vec<_>, Vec<_>) =
                table.iter().partition(|(_, value)| value.is_string());
            texts.into_iter().chain(others).map(part).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// A table of highlights for each analysis; `provenance` is that of the scenario as it stands.
pub fn document(provenance: &Provenance, grid: &ParameterGrid, points: &[SweptPoint]) -> Document {
    let mut out = Document::new()
        .title(&provenance.scenario.title)
        .gap()
        .text(how_much(provenance, points))
        .text(
            "± is the Monte Carlo standard error; figures without it have the digits that their error \
             leaves. All points have the same random numbers, so the difference between two is \
             usually known better than these errors say.",
        );
    if points.iter().any(|point| !point.following.is_empty()) {
        out = out.text(
            "The outcomes and looks that the scenario has as counts follow the number randomised, in \
             proportion.",
        );
    }
    let Some(first) = points.first() else { return out };
    for (i, analysis) in first.truths[0].analyses.iter().enumerate() {
        let has_name = |point: &SweptPoint| point.truths[0].analyses[i].name == analysis.name;
        out = out.heading(match points.iter().all(has_name) {
            true => format!("Monitored by \"{}\"", analysis.name),
            false => format!("Monitored by analysis {}", i + 1),
        });
        out = out.and(highlights(grid, points, i));
    }
    out.gap()
        .text(
            "Early and final: efficacy is shown at an interim look, at the final one. With futility, \
             harm, safety and what is not shown they add up to 1; ends that no point has are left out.",
        )
        .gap()
        .verbatim(format!("Recreate: {}", provenance.command))
}

fn how_much(provenance: &Provenance, points: &[SweptPoint]) -> String {
    let replicates = || points.iter().map(|point| point.replicates);
    let (least, most) = (replicates().min().unwrap_or(0), replicates().max().unwrap_or(0));
    let trials = match least == most {
        true => grouped(least),
        false => format!("{} to {}", grouped(least), grouped(most)),
    };
    let reached = points.iter().filter_map(|point| point.precision.as_ref());
    let worst = reached.max_by(|a, b| a.reached.total_cmp(&b.reached));
    format!(
        "{} points, {trials} simulated trials at each with the effect and without it, seed {}{}.",
        points.len(),
        provenance.seed,
        precision(worst, "")
    )
}

/// A column of the table; those that matter least go first where there is no room.
struct Column {
    header: String,
    cells: Vec<String>,
    /// 0 stays whatever happens.
    expendable: u32,
}

/// Columns of a terminal.
const WIDTH: usize = 80;

/// Wide enough for most keys, narrow enough to leave room for figures.
const KEY_WIDTH: usize = 13;

fn highlights(grid: &ParameterGrid, points: &[SweptPoint], analysis: usize) -> Document {
    let mut columns = keys(grid, points);
    columns.extend(figures(points, analysis));
    let mut left_out = Vec::new();
    while width(&columns) > WIDTH {
        let last = columns.iter().map(|column| column.expendable).max().unwrap_or(0);
        if last == 0 {
            break;
        }
        let place = columns.iter().position(|column| column.expendable == last);
        let gone = columns.remove(place.expect("it is one of them"));
        left_out.push(gone.header.replace('\n', " "));
    }
    let header: Vec<&str> = columns.iter().map(|column| column.header.as_str()).collect();
    let row = |i: usize| columns.iter().map(|column| column.cells[i].clone()).collect();
    let table = Document::of_table(&header, (0..points.len()).map(row).collect());
    match left_out.is_empty() {
        true => table,
        false => table.text(format!(
            "No room for {}; --format json and the files of --out have all.",
            left_out.join(", ")
        )),
    }
}

/// With a gap of one between columns.
fn width(columns: &[Column]) -> usize {
    let lines = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let of = |column: &Column| {
        let texts = column.cells.iter().chain([&column.header]);
        texts.map(|text| lines(text)).max().unwrap_or(0)
    };
    columns.iter().map(of).sum::<usize>() + columns.len().saturating_sub(1)
}

fn keys(grid: &ParameterGrid, points: &[SweptPoint]) -> Vec<Column> {
    let folded = |text: &str| textwrap::fill(text, KEY_WIDTH);
    let axes = grid.axes().iter().enumerate();
    let column = |(i, axis): (usize, &GridAxis)| {
        let values = points.iter().map(|point| point.words().nth(i).expect("one for each key"));
        Column {
            header: folded(&short(&axis.key(), grid)),
            cells: values.map(|value| folded(&value)).collect(),
            expendable: 0,
        }
    };
    axes.map(column).collect()
}

/// The last part of a key, or all of it where another key ends alike.
pub(super) fn short(key: &str, grid: &ParameterGrid) -> String {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let alike = grid.axes().iter().filter(|other| last(&other.key()) == last(key)).count();
    let name = if alike > 1 { key.replace('.', " ") } else { last(key) };
    name.replace('_', " ")
}

fn figures(points: &[SweptPoint], analysis: usize) -> Vec<Column> {
    type Of<'f> = &'f dyn Fn(&AnalysisSummary) -> Option<McEstimate>;
    let column = |header: &str, expendable: u32, cell: &dyn Fn(&SweptPoint) -> String| Column {
        header: header.into(),
        cells: points.iter().map(cell).collect(),
        expendable,
    };
    let rejection = |truth: usize| {
        move |point: &SweptPoint| with_error(point.truths[truth].analyses[analysis].rejection)
    };
    let share = |header: &str, expendable: u32, of: Of| {
        let effect = |point: &SweptPoint| of(&point.truths[0].analyses[analysis]);
        let digits =
            |point: &SweptPoint| effect(point).map_or("–".into(), |of| value_and_error(of, 1).0);
        column(header, expendable, &digits)
    };
    let mut columns = vec![
        column("power", 0, &rejection(0)),
        column("type I\nerror", 7, &rejection(1)),
        share("early", 4, &|of| Some(of.outcomes.efficacy_early)),
        share("final", 3, &|of| Some(of.outcomes.efficacy_final)),
        share("futility", 2, &|of| Some(of.outcomes.futility)),
        share("harm", 5, &|of| Some(of.outcomes.harm)),
        share("safety", 6, &|of| of.outcomes.safety),
        share("not\nshown", 1, &|of| Some(of.outcomes.not_shown)),
        share("expected\nn", 8, &|of| Some(of.n_randomised.mean)),
        share("months", 9, &|of| Some(of.duration_months)),
    ];
    // What never happens anywhere needs no column.
    columns.retain(|column| {
        let is_rejection = ["power", "type I\nerror"].contains(&column.header.as_str());
        is_rejection || column.cells.iter().any(|cell| cell != "0" && cell != "–")
    });
    columns
}

/// All of a sweep.
#[derive(Serialize)]
struct Swept<'p> {
    provenance: &'p Provenance,
    points: &'p [SweptPoint],
}

/// Writes JSON, ending in a newline.
///
/// # Errors
/// When `out` fails.
pub fn write_json(
    provenance: &Provenance,
    points: &[SweptPoint],
    mut out: impl Write,
) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &Swept { provenance, points })?;
    out.write_all(b"\n")?;
    out.flush()
}
