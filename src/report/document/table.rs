//! Tables of a terminal, whose columns are narrowed, folded or put below one another until they fit.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use textwrap::WordSeparator;
use textwrap::core::Word;

/// Table style with a rule under the header and no other lines.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Lays out a plain table with names left-aligned and quantities right-aligned.
pub(super) fn grid(header: &[String], rows: &[Vec<String>], columns: usize) -> String {
    // In order of preference: wide gaps, narrow gaps, folded names.
    for gap in [2, 1, 0] {
        let text = spaced(header, rows, gap);
        if widest(&text) <= columns {
            return text;
        }
    }
    // Not with the widest gap: narrow gaps are read more easily than names on several lines.
    for gap in [1, 0] {
        let text = folded(header, rows, columns, gap);
        if widest(&text) <= columns {
            return text;
        }
    }
    // Folding further would break words, so the columns that do not fit follow in a table of their own, with
    // the names again.
    let first = (2..header.len()).rev().find(|&to| {
        let (header, rows) = (some_cells(header, 1, to), some_columns(rows, 1, to));
        widest(&folded(&header, &rows, columns, 0)) <= columns
    });
    let Some(first) = first else {
        // One column of quantities is too wide for the terminal by itself.
        return narrowed(header, rows, columns, 0, LEAST_NAME);
    };
    let end = header.len();
    let above = grid(&some_cells(header, 1, first), &some_columns(rows, 1, first), columns);
    let below = grid(&some_cells(header, first, end), &some_columns(rows, first, end), columns);
    format!("{above}\n{below}")
}

/// Picks the name of a row and some of its other cells.
fn some_cells(row: &[String], from: usize, to: usize) -> Vec<String> {
    row.iter().take(1).chain(row.iter().take(to).skip(from)).cloned().collect()
}

/// Picks the names of rows and some of their other columns.
fn some_columns(rows: &[Vec<String>], from: usize, to: usize) -> Vec<Vec<String>> {
    rows.iter().map(|row| some_cells(row, from, to)).collect()
}

pub(super) fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

// Narrower names could not be read.
const LEAST_NAME: usize = 10;

// Longer words are broken.
const LONGEST_WORD: usize = 24;

/// Lays out a table with its names folded to the remaining columns, but no narrower than their longest word.
fn folded(header: &[String], rows: &[Vec<String>], columns: usize, gap: u16) -> String {
    let names = std::iter::once(&header[0]).chain(rows.iter().map(|row| &row[0]));
    let words = names.flat_map(|name| WordSeparator::Custom(words).find_words(name));
    let longest = words.map(|word| word.word.chars().count()).max().unwrap_or(0);
    narrowed(header, rows, columns, gap, longest.clamp(LEAST_NAME, LONGEST_WORD))
}

/// Lays out a table with its names folded until it fits, but no narrower than `least`.
fn narrowed(
    header: &[String],
    rows: &[Vec<String>],
    columns: usize,
    gap: u16,
    least: usize,
) -> String {
    let names = std::iter::once(&header[0]).chain(rows.iter().map(|row| &row[0]));
    let has = names.map(|name| widest(name)).max().unwrap_or(0);
    let excess = widest(&spaced(header, rows, gap)).saturating_sub(columns);
    let width = has.saturating_sub(excess).max(least);
    let options = textwrap::Options::new(width).word_separator(WordSeparator::Custom(words));
    let mut header = header.to_vec();
    let mut rows = rows.to_vec();
    for row in std::iter::once(&mut header).chain(&mut rows) {
        row[0] = textwrap::fill(&row[0], &options);
    }
    spaced(&header, &rows, gap)
}

/// Splits a line into words, and these after dashes, as in DerSimonian–Laird.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let between_spaces = WordSeparator::AsciiSpace.find_words(line);
    Box::new(between_spaces.flat_map(|word| {
        let ends = word.word.match_indices('–').map(|(at, dash)| at + dash.len());
        let ends: Vec<usize> = ends.filter(|&end| end < word.word.len()).collect();
        let mut parts = Vec::with_capacity(ends.len() + 1);
        let mut from = 0;
        for end in ends {
            parts.push(Word::from(&word.word[from..end]));
            from = end;
        }
        let mut last = Word::from(&word.word[from..]);
        last.whitespace = word.whitespace;
        parts.push(last);
        parts
    }))
}

/// Lays out a table with a gap between columns.
fn spaced(header: &[String], rows: &[Vec<String>], gap: u16) -> String {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(aligned(header))
        .add_rows(rows.iter().map(|row| aligned(row)));
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { gap }, 0));
    }
    // Empty cells at the end of a row would leave spaces there.
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Aligns the name of a row to the left and its quantities to the right.
fn aligned(row: &[String]) -> Vec<Cell> {
    let cells = row.iter().enumerate();
    cells
        .map(|(i, text)| {
            let side = if i == 0 { CellAlignment::Left } else { CellAlignment::Right };
            Cell::new(text).set_alignment(side)
        })
        .collect()
}
