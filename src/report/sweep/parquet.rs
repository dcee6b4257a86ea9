//! Rows of a sweep as Parquet.

use std::io::{self, Write};

use polars::io::parquet::write::{KeyValueMetadata, ParquetWriter};
use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, PolarsError, Series};

use super::rows::{Cell, Rows};
use crate::report::Provenance;
use crate::report::parquet::into_io;

/// Writes a file whose metadata hold the provenance as JSON, under `rescuesim`. Numbers that do not
/// exist are null.
///
/// # Errors
/// When `out` fails.
pub fn write(rows: &Rows<'_>, provenance: &Provenance, out: impl Write) -> io::Result<()> {
    let json = serde_json::to_string(provenance).expect("provenance is plain data");
    let metadata = KeyValueMetadata::from_static(vec![("rescuesim".to_owned(), json)]);
    let mut frame = frame(rows).map_err(into_io)?;
    let writer = ParquetWriter::new(out)
        .with_key_value_metadata(Some(metadata))
        .set_parallel(false)
        .finish(&mut frame);
    writer.map(|_| ()).map_err(into_io)
}

fn frame(rows: &Rows<'_>) -> Result<DataFrame, PolarsError> {
    let cells: Vec<Vec<Cell>> = rows.rows().collect();
    let names = rows.columns().into_iter().enumerate();
    let columns = names.map(|(place, name)| column(&cells, place, &name));
    DataFrame::new(cells.len(), columns.collect())
}

/// Of the type of its first cell that is not missing.
fn column(rows: &[Vec<Cell>], place: usize, name: &str) -> Column {
    let cells = || rows.iter().map(|row| &row[place]);
    let series = match cells().find(|cell| **cell != Cell::Missing) {
        Some(Cell::Text(_)) => {
            let texts = cells().map(|cell| match cell {
                Cell::Text(text) => Some(text.clone()),
                _ => None,
            });
            Series::new(name.into(), texts.collect::<Vec<_>>())
        }
        Some(Cell::Whole(_)) => {
            let counts = cells().map(|cell| match cell {
                Cell::Whole(count) => Some(*count),
                _ => None,
            });
            Series::new(name.into(), counts.collect::<Vec<_>>())
        }
        _ => {
            let numbers = cells().map(|cell| match cell {
                Cell::Number(number) => Some(*number).filter(|number| number.is_finite()),
                _ => None,
            });
            Series::new(name.into(), numbers.collect::<Vec<_>>())
        }
    };
    series.into_column()
}
