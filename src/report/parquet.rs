//! Rows as Parquet: the only file that names polars.

use std::io::{self, Write};

use polars::io::parquet::write::{BatchedWriter, KeyValueMetadata, ParquetWriter};
use polars::prelude::{
    Column, DataFrame, Field, IntoColumn, NamedFrom, ParquetCompression, PolarsError, Schema,
    Series,
};

use super::Provenance;
use super::rows::{COLUMNS, RowContext, conclusion_name, status_name};
use crate::trial::TrialResult;

/// Rows in a row group: large enough to compress well, small enough to hold.
const ROW_GROUP: usize = 1 << 16;

/// Writes rows as Parquet, row group by row group. Numbers that do not exist are null.
pub struct ParquetRows<W: Write> {
    writer: BatchedWriter<W>,
    context: RowContext,
    pending: Vec<TrialResult>,
}

impl<W: Write + Send> ParquetRows<W> {
    /// Starts a file whose metadata hold the provenance as JSON, under `rescuesim`.
    ///
    /// # Errors
    /// When `writer` fails.
    pub fn new(writer: W, context: RowContext, provenance: &Provenance) -> io::Result<Self> {
        let json = serde_json::to_string(provenance).expect("provenance is plain data");
        let metadata = KeyValueMetadata::from_static(vec![("rescuesim".to_owned(), json)]);
        let empty = frame(&[], &context).map_err(io::Error::other)?;
        let fields = empty
            .columns()
            .iter()
            .map(|column| Field::new(column.name().clone(), column.dtype().clone()));
        let schema: Schema = fields.collect();
        // The default takes three times as long and saves little: most columns are random digits.
        let writer = ParquetWriter::new(writer)
            .with_compression(ParquetCompression::Snappy)
            .with_key_value_metadata(Some(metadata))
            .set_parallel(false)
            .batched(&schema)
            .map_err(into_io)?;
        Ok(Self { writer, context, pending: Vec::with_capacity(ROW_GROUP) })
    }

    /// Writes some rows.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&mut self, trials: &[TrialResult]) -> io::Result<()> {
        self.pending.extend_from_slice(trials);
        if self.pending.len() >= ROW_GROUP { self.write_pending() } else { Ok(()) }
    }

    /// Writes what is pending and the footer.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> io::Result<()> {
        self.write_pending()?;
        self.writer.finish().map(|_| ()).map_err(into_io)
    }

    fn write_pending(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            let frame = frame(&self.pending, &self.context).map_err(into_io)?;
            self.writer.write_batch(&frame).map_err(into_io)?;
            self.pending.clear();
        }
        Ok(())
    }
}

pub(super) fn into_io(error: PolarsError) -> io::Error {
    match error {
        PolarsError::IO { error, .. } => io::Error::new(error.kind(), error.to_string()),
        other => io::Error::other(other.to_string()),
    }
}

fn frame<'c>(trials: &[TrialResult], context: &'c RowContext) -> Result<DataFrame, PolarsError> {
    let whole = |of: fn(&TrialResult) -> u32| -> Vec<u32> { trials.iter().map(of).collect() };
    let text =
        |of: &dyn Fn(&TrialResult) -> &'c str| -> Vec<&str> { trials.iter().map(of).collect() };
    let number = |of: &dyn Fn(&TrialResult) -> f64| -> Vec<Option<f64>> {
        trials.iter().map(of).map(|x| x.is_finite().then_some(x)).collect()
    };
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
    let series = |name: &str, values: Series| values.with_name(name.into()).into_column();
    let numbers = |name: &str, of: &dyn Fn(&TrialResult) -> f64| {
        series(name, Series::new("".into(), number(of)))
    };
    let texts = |name: &str, of: &dyn Fn(&TrialResult) -> &'c str| {
        series(name, Series::new("".into(), text(of)))
    };
    let wholes =
        |name: &str, of: fn(&TrialResult) -> u32| series(name, Series::new("".into(), whole(of)));
    let mut columns: Vec<Column> = vec![
        series(
            replicate,
            Series::new("".into(), trials.iter().map(|t| t.replicate).collect::<Vec<_>>()),
        ),
        texts(truth, &|t| t.truth.name()),
        numbers(log_odds_ratio, &|t| t.drawn.map_or(f64::NAN, |drawn| drawn.log_odds_ratio)),
        texts(analysis, &|t| &context.analyses[t.analysis]),
        wholes(look, |t| t.look as u32),
        texts(conclusion, &|t| conclusion_name(t.conclusion)),
        wholes(n_randomised, |t| t.n_randomised),
        wholes(n_analysed, |t| t.n_analysed),
        wholes(overrun, |t| t.overrun),
        numbers(duration_months, &|t| t.duration_months),
        series(
            reversed,
            Series::new("".into(), trials.iter().map(|t| t.reversed).collect::<Vec<_>>()),
        ),
        numbers(z, &|t| t.test.z),
        numbers(p_one_sided, &|t| t.test.p_one_sided()),
        numbers(estimate, &|t| t.test.estimate),
        numbers(standard_error, &|t| t.test.standard_error),
        numbers(interval_low, &|t| t.test.interval.0),
        numbers(interval_high, &|t| t.test.interval.1),
        numbers(median_unbiased, &|t| t.median_unbiased),
        numbers(stagewise_low, &|t| t.stagewise_interval.0),
        numbers(stagewise_high, &|t| t.stagewise_interval.1),
        texts(fit_status, &|t| status_name(t.test.status)),
        wholes(failed_looks, |t| t.failed_looks),
    ];
    columns.extend((0..context.looks).map(|k| numbers(&format!("z_{}", k + 1), &|t| t.z[k])));
    DataFrame::new(trials.len(), columns)
}
