//! Tables as Parquet: the only file that names polars.
//!
//! polars' Parquet writer and the Arrow arrays it takes are crates of their own. Used directly they
//! build in a third of the time that its data frames take, which nothing here needs, and the only
//! codec is Snappy, so that no C library is built.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;

use polars_arrow::array::{Array, BooleanArray, MutableBinaryViewArray, PrimitiveArray};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field};
use polars_arrow::record_batch::RecordBatchT;
use polars_parquet::write::{
    CompressionOptions, Encoding, FileWriter, KeyValue, RowGroupIterator, StatisticsOptions,
    Version, WriteOptions, get_dtype_encoding, schema_to_metadata_key,
};

use super::Provenance;
use super::rows::{
    COLUMNS, POPULATION_COLUMNS, RowContext, SIZE_COLUMNS, changed, conclusion_name, status_name,
};
use crate::design::enrichment::LevelSet;
use crate::trial::{PopulationResult, TrialResult};

// Large enough to compress well, small enough to hold in memory.
const ROW_GROUP: usize = 1 << 16;

// Zstandard, the default of most writers, takes three times as long and saves little, as most columns are
// random digits.
const OPTIONS: WriteOptions = WriteOptions {
    statistics: StatisticsOptions {
        min_value: false,
        max_value: false,
        distinct_count: false,
        null_count: true,
        binary_statistics_truncate_length: None,
    },
    version: Version::V1,
    compression: CompressionOptions::Snappy,
    data_page_size: None,
};

/// One column of a table.
pub(super) struct Column {
    name: String,
    values: Box<dyn Array>,
}

impl Column {
    /// Builds a column of whole numbers from 0 to 2³² − 1.
    pub fn u32(name: &str, values: impl Iterator<Item = Option<u32>>) -> Self {
        let values: PrimitiveArray<u32> = values.collect();
        Self { name: name.to_owned(), values: values.boxed() }
    }

    /// Builds a column of whole numbers from 0 to 2⁶⁴ − 1.
    pub fn u64(name: &str, values: impl Iterator<Item = Option<u64>>) -> Self {
        let values: PrimitiveArray<u64> = values.collect();
        Self { name: name.to_owned(), values: values.boxed() }
    }

    /// Builds a column of numbers, of which those that are not finite are null.
    pub fn f64(name: &str, values: impl Iterator<Item = Option<f64>>) -> Self {
        let values: PrimitiveArray<f64> =
            values.map(|value| value.filter(|value| value.is_finite())).collect();
        Self { name: name.to_owned(), values: values.boxed() }
    }

    /// Builds a column of truth values.
    pub fn bool(name: &str, values: impl Iterator<Item = Option<bool>>) -> Self {
        let values: BooleanArray = values.collect();
        Self { name: name.to_owned(), values: values.boxed() }
    }

    /// Builds a column of texts.
    pub fn text<'t>(name: &str, values: impl Iterator<Item = Option<&'t str>>) -> Self {
        let values: MutableBinaryViewArray<str> = values.collect();
        Self { name: name.to_owned(), values: values.freeze().boxed() }
    }
}

/// Writer of a table whose metadata hold the provenance as JSON, under `rescuesim`.
pub(super) struct TableWriter<W: Write> {
    file: FileWriter<W>,
    encodings: Vec<Vec<Encoding>>,
}

impl<W: Write> TableWriter<W> {
    /// Starts a file with the names and types of `columns`.
    ///
    /// # Errors
    /// If two columns have the same name.
    pub fn new(out: W, columns: &[Column]) -> io::Result<Self> {
        let mut schema = ArrowSchema::default();
        for Column { name, values } in columns {
            let field = Field::new(name.as_str().into(), values.dtype().clone(), true);
            // Readers take columns by their names, and would see one of the two.
            if schema.insert(name.as_str().into(), field).is_some() {
                return Err(io::Error::other(format!("two columns have the name {name:?}")));
            }
        }
        let encodings = columns.iter().map(|column| encoding(column.values.dtype())).collect();
        let file = FileWriter::try_new(out, schema, OPTIONS).map_err(into_io)?;
        Ok(Self { file, encodings })
    }

    /// Writes rows as one row group.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn write(&mut self, columns: Vec<Column>) -> io::Result<()> {
        let rows = columns.first().map_or(0, |column| column.values.len());
        let schema = Arc::new(self.file.schema().clone());
        let arrays = columns.into_iter().map(|column| column.values).collect();
        let batch = RecordBatchT::try_new(rows, schema, arrays);
        let encodings = self.encodings.clone().into();
        let schema = self.file.schema();
        let groups = RowGroupIterator::try_new([batch].into_iter(), schema, OPTIONS, encodings);
        for group in groups.map_err(into_io)? {
            self.file.write(rows as u64, group.map_err(into_io)?).map_err(into_io)?;
        }
        Ok(())
    }

    /// Writes the footer, with the provenance: only at the end does a run with a precision know its number
    /// of replicates.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn finish(mut self, provenance: &Provenance) -> io::Result<()> {
        let value = serde_json::to_string(provenance).expect("provenance is plain data");
        let provenance = KeyValue { key: "rescuesim".to_owned(), value: Some(value) };
        let metadata = vec![schema_to_metadata_key(self.file.schema()), provenance];
        self.file.end(Some(metadata)).map(|_| ()).map_err(into_io)
    }
}

/// Chooses the encoding of a column.
fn encoding(dtype: &ArrowDataType) -> Vec<Encoding> {
    // Nearly all fractions differ, so a dictionary of them would only add to the size. polars chooses a
    // dictionary for other columns where it is smaller.
    if *dtype == ArrowDataType::Float64 { vec![Encoding::Plain] } else { get_dtype_encoding(dtype) }
}

fn into_io(error: impl Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// Writer of rows of trials as Parquet, row group by row group. Numbers that do not exist are null.
pub struct ParquetRows<W: Write> {
    table: TableWriter<W>,
    context: RowContext,
    pending: Vec<TrialResult>,
}

impl<W: Write> ParquetRows<W> {
    /// Starts a file.
    ///
    /// # Errors
    /// If `writer` fails.
    pub fn new(writer: W, context: RowContext) -> io::Result<Self> {
        // Of no trials, as only names and types of the columns are needed yet.
        let table = TableWriter::new(writer, &columns(&[], &context))?;
        Ok(Self { table, context, pending: Vec::with_capacity(ROW_GROUP) })
    }

    /// Writes some rows.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn write(&mut self, trials: &[TrialResult]) -> io::Result<()> {
        let mut rest = trials;
        // Every row group but the last has exactly this many rows: how many rows come at a time depends on
        // the number of threads, and the bytes of the file must not.
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(ROW_GROUP - self.pending.len()));
            self.pending.extend_from_slice(now);
            if self.pending.len() == ROW_GROUP {
                self.write_pending()?;
            }
            rest = later;
        }
        Ok(())
    }

    /// Writes the remaining rows and the footer, whose metadata hold the provenance as JSON, under
    /// `rescuesim`.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn finish(mut self, provenance: &Provenance) -> io::Result<()> {
        self.write_pending()?;
        self.table.finish(provenance)
    }

    fn write_pending(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            self.table.write(columns(&self.pending, &self.context))?;
            self.pending.clear();
        }
        Ok(())
    }
}

/// Builds the columns of `rows::COLUMNS`, then `z_1`, `z_2` … of the looks, and those of a re-estimation.
fn columns(trials: &[TrialResult], context: &RowContext) -> Vec<Column> {
    let [
        replicate,
        truth,
        log_odds_ratio,
        analysis,
        look,
        conclusion,
        n_randomised,
        n_analysed,
        overrun,
        duration_months,
        reversed,
        z,
        p_one_sided,
        estimate,
        standard_error,
        interval_low,
        interval_high,
        median_unbiased,
        stagewise_low,
        stagewise_high,
        fit_status,
        failed_looks,
    ] = COLUMNS;
    let analyses = &context.analyses;
    let mut columns = vec![
        Column::u64(replicate, trials.iter().map(|t| Some(t.replicate))),
        Column::text(truth, trials.iter().map(|t| Some(context.truths[t.truth.index()].as_str()))),
        Column::f64(
            log_odds_ratio,
            trials.iter().map(|t| t.drawn.map(|drawn| drawn.log_odds_ratio)),
        ),
        Column::text(analysis, trials.iter().map(|t| Some(analyses[t.analysis].as_str()))),
        Column::u32(look, trials.iter().map(|t| Some(t.look as u32))),
        Column::text(conclusion, trials.iter().map(|t| Some(conclusion_name(t.conclusion)))),
        Column::u32(n_randomised, trials.iter().map(|t| Some(t.n_randomised))),
        Column::u32(n_analysed, trials.iter().map(|t| Some(t.n_analysed))),
        Column::u32(overrun, trials.iter().map(|t| Some(t.overrun))),
        Column::f64(duration_months, trials.iter().map(|t| Some(t.duration_months))),
        Column::bool(reversed, trials.iter().map(|t| Some(t.reversed))),
        Column::f64(z, trials.iter().map(|t| Some(t.test.z))),
        Column::f64(p_one_sided, trials.iter().map(|t| Some(t.test.p_one_sided()))),
        Column::f64(estimate, trials.iter().map(|t| Some(t.test.estimate))),
        Column::f64(standard_error, trials.iter().map(|t| Some(t.test.standard_error))),
        Column::f64(interval_low, trials.iter().map(|t| Some(t.test.interval.0))),
        Column::f64(interval_high, trials.iter().map(|t| Some(t.test.interval.1))),
        Column::f64(median_unbiased, trials.iter().map(|t| Some(t.median_unbiased))),
        Column::f64(stagewise_low, trials.iter().map(|t| Some(t.stagewise_interval.0))),
        Column::f64(stagewise_high, trials.iter().map(|t| Some(t.stagewise_interval.1))),
        Column::text(fit_status, trials.iter().map(|t| Some(status_name(t.test.status)))),
        Column::u32(failed_looks, trials.iter().map(|t| Some(t.failed_looks))),
    ];
    columns.extend((0..context.looks).map(|k| {
        let name = format!("z_{}", k + 1);
        Column::f64(&name, trials.iter().map(|t| Some(t.z[k])))
    }));
    if context.has_size {
        columns.extend(size_columns(trials));
    }
    if !context.population_levels.is_empty() {
        columns.extend(population_columns(trials, context));
    }
    columns
}

/// Builds the columns of `rows::SIZE_COLUMNS`.
fn size_columns(trials: &[TrialResult]) -> [Column; 5] {
    let [decided, zone, observed, weighted, conventional] = SIZE_COLUMNS;
    [
        Column::u32(decided, trials.iter().map(|t| t.size?.decided)),
        Column::text(zone, trials.iter().map(|t| Some(t.size?.zone?.name()))),
        Column::f64(observed, trials.iter().map(|t| Some(t.size?.observed))),
        Column::f64(weighted, trials.iter().map(|t| Some(changed(t)?.weighted))),
        Column::f64(conventional, trials.iter().map(|t| Some(changed(t)?.conventional))),
    ]
}

/// Builds the columns of `rows::POPULATION_COLUMNS`.
fn population_columns(trials: &[TrialResult], context: &RowContext) -> [Column; 5] {
    let [left, shown, restricted_at, excluded, screened] = POPULATION_COLUMNS;
    let levels = names(trials, context, |of| of.levels);
    let rejected = names(trials, context, |of| of.rejected);
    [
        Column::text(left, levels.iter().map(|name| name.as_deref())),
        Column::text(shown, rejected.iter().map(|name| name.as_deref())),
        Column::u32(
            restricted_at,
            trials.iter().map(|t| t.population?.restricted_at.map(u32::from)),
        ),
        Column::u32(excluded, trials.iter().map(|t| Some(t.population?.excluded))),
        Column::u32(screened, trials.iter().map(|t| Some(t.population?.screened))),
    ]
}

/// Names a set of levels of each trial.
fn names(
    trials: &[TrialResult],
    context: &RowContext,
    set: fn(PopulationResult) -> LevelSet,
) -> Vec<Option<String>> {
    trials.iter().map(|t| Some(context.levels(set(t.population?)))).collect()
}
