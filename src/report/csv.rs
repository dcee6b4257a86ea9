//! The one way this crate writes CSV.

use std::borrow::Cow;
use std::io::{self, Write};

/// What a cell may not begin with, as spreadsheets would run it as a formula: the ASCII signs and
/// their full-width forms, and the spaces that some of them skip.
const RUNS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Rows of cells as CSV (RFC 4180).
///
/// Names of analyses, factors, levels and studies are anybody's text. A cell that a spreadsheet would
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
    /// When the writer fails.
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
    /// When the writer fails.
    pub fn finish(self) -> io::Result<W> {
        self.0.into_inner().map_err(|error| error.into_error())
    }
}

/// A whole table.
pub(super) fn table<C: AsRef<str>>(
    header: &[C],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut out = CsvWriter::new(Vec::new());
    out.row(header).expect(IN_MEMORY);
    for row in rows {
        out.row(row).expect(IN_MEMORY);
    }
    String::from_utf8(out.finish().expect(IN_MEMORY)).expect("what is written is text")
}

const IN_MEMORY: &str = "memory can be written to, and every row has all columns";

/// The cell as a spreadsheet shows it, and does not run it.
fn harmless(cell: &str) -> Cow<'_, str> {
    let is_number = || cell.parse::<f64>().is_ok();
    if cell.starts_with(RUNS) && !is_number() {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_numbers_stay() {
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
    fn cells_with_separators_are_quoted() {
        let rows = vec![
            vec!["a,\"b\"".to_owned(), "-1".to_owned()],
            vec![String::new(), "x\ny".to_owned()],
        ];
        assert_eq!(table(&["=n", "m"], rows), "'=n,m\n\"a,\"\"b\"\"\",-1\n,\"x\ny\"\n");
    }
}
