//! CSV (RFC 4180), as every command writes it.

use std::borrow::Cow;
use std::io::{self, Write};

/// Characters at the start of a cell that make spreadsheets run it as a formula: ASCII signs, their
/// full-width forms, and white space that some spreadsheets skip.
const RUNS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Rows of cells as CSV (RFC 4180).
///
/// Names of analyses, factors, levels and studies come from users. A cell that a spreadsheet would
/// run as a formula is written with an apostrophe before it, which makes it text there (OWASP, *CSV
/// Injection*); numbers are written as they are.
#[derive(Debug)]
pub(super) struct CsvWriter<W: Write>(csv::Writer<W>);

impl<W: Write> CsvWriter<W> {
    pub fn new(writer: W) -> Self {
        Self(csv::Writer::from_writer(writer))
    }

    /// Writes a row; all rows have the same number of cells.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> io::Result<()> {
        for cell in cells {
            self.0.write_field(harmless(cell.as_ref()).as_bytes())?;
        }
        self.0.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// Flushes and gives the writer back.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn finish(self) -> io::Result<W> {
        self.0.into_inner().map_err(|error| error.into_error())
    }
}

/// Formats a table with its header.
pub(super) fn table<C: AsRef<str>>(
    header: &[C],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut out = CsvWriter::new(Vec::new());
    out.row(header).expect(IN_MEMORY);
    for row in rows {
        out.row(row).expect(IN_MEMORY);
    }
    String::from_utf8(out.finish().expect(IN_MEMORY)).expect("cells are text")
}

/// Formats a number so that every reader takes its column for one of floats: with a point, also if it is
/// whole. A number that does not exist is an empty cell.
// Readers guess the type of a column from its first rows, and CSV has no spelling of NaN and infinity that
// R, Python and Excel all read.
pub(super) fn float(x: f64) -> String {
    if !x.is_finite() {
        return String::new();
    }
    // Zero has no sign for a reader.
    // `{:?}` has the fewest digits that read back as the same float, and a point, which `{}` omits
    // for whole numbers.
    let written = format!("{:?}", if x == 0.0 { 0.0 } else { x });
    match written.split_once('e') {
        // `1e16` would be taken for text or for a whole number by some readers.
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        Some(_) | None => written,
    }
}

/// Formats a truth value.
// In capitals R takes the column for a logical one, as polars and pandas do.
pub(super) fn flag(value: bool) -> String {
    if value { "TRUE" } else { "FALSE" }.to_owned()
}

const IN_MEMORY: &str = "memory can be written to, and every row has all columns";

/// Escapes a cell that a spreadsheet would run as a formula.
fn harmless(cell: &str) -> Cow<'_, str> {
    // A negative number is none of these.
    if cell.starts_with(RUNS) && cell.parse::<f64>().is_err() {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// A table with a header, for a page and for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvTable {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl CsvTable {
    /// Collects the rows of a table, each with as many cells as the header.
    pub(super) fn new<C: AsRef<str>>(
        header: &[C],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Self {
        Self {
            header: header.iter().map(|name| name.as_ref().to_owned()).collect(),
            rows: rows.into_iter().collect(),
        }
    }

    /// Writes the table as CSV.
    pub fn to_csv(&self) -> String {
        table(&self.header, self.rows.iter().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_look_like_formulas_are_escaped_and_numbers_are_not() {
        let cells =
            ["=cmd|' /C calc'!A0", "@SUM(1+1)", "+1+1", "-2+3", "\t=1", "＝1", "-", "−1", ">=16"];
        let written = cells.map(|cell| harmless(cell).into_owned());
        let expected = [
            "'=cmd|' /C calc'!A0",
            "'@SUM(1+1)",
            "'+1+1",
            "'-2+3",
            "'\t=1",
            "'＝1",
            "'-",
            "−1",
            ">=16",
        ];
        assert_eq!(written, expected);
        for number in ["-0.5", "+3", "1e-5", "-1e300", ""] {
            assert_eq!(harmless(number), number);
        }
    }

    #[test]
    fn every_float_has_a_point_and_reads_back() {
        for (x, written) in [
            (55.0, "55.0"),
            (-0.0, "0.0"),
            (0.1, "0.1"),
            (1e-7, "1.0e-7"),
            (-2.5e-300, "-2.5e-300"),
            (1e16, "1.0e16"),
            (f64::NAN, ""),
            (f64::INFINITY, ""),
        ] {
            assert_eq!(float(x), written);
            assert!(!x.is_finite() || written.parse() == Ok(x), "{x}");
        }
    }

    #[test]
    fn cells_with_separators_are_quoted() {
        let rows = vec![
            vec!["a,\"b\"".to_owned(), "-1".to_owned()],
            vec![String::new(), "x\ny".to_owned()],
        ];
        assert_eq!(table(&["=n", "m"], rows), "'=n,m\n\"a,\"\"b\"\"\",-1\n,\"x\ny\"\n");
    }
}
