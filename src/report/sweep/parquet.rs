//! Rows of a sweep as Parquet.

use std::io::{self, Write};

use super::rows::{Cell, SweepRows};
use crate::report::Provenance;
use crate::report::parquet::{Column, TableWriter};

/// Writes a file whose metadata hold the provenance as JSON, under `rescuesim`. Numbers that do not
/// exist are null.
///
/// # Errors
/// If `out` fails.
pub fn write(rows: &SweepRows<'_>, provenance: &Provenance, out: impl Write) -> io::Result<()> {
    let cells: Vec<Vec<Cell>> = rows.rows().collect();
    let names = rows.columns();
    let columns: Vec<Column> =
        names.iter().enumerate().map(|(i, name)| column(name, &cells, i)).collect();
    let mut table = TableWriter::new(out, &columns)?;
    table.write(columns)?;
    table.finish(provenance)
}

/// Builds a column given its position in the rows; its type is that of the first cell that is not missing.
fn column(name: &str, rows: &[Vec<Cell>], position: usize) -> Column {
    let cells = rows.iter().map(|row| &row[position]);
    // A look that a point does not have is missing there, whatever its type.
    match cells.clone().find(|cell| **cell != Cell::Missing) {
        Some(Cell::Text(_)) => Column::text(name, cells.map(Cell::as_text)),
        Some(Cell::Whole(_)) => Column::u64(name, cells.map(Cell::as_whole)),
        Some(Cell::Number(_) | Cell::Missing) | None => {
            Column::f64(name, cells.map(Cell::as_number))
        }
    }
}
