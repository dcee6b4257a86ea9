//! What a command has to say to a person, as blocks that each format lays out in its own way: the
//! terminal within 80 columns, Markdown, and sections of a page.

use std::ops::{Add, AddAssign};

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use textwrap::WordSeparator;
use textwrap::core::Word;

/// Columns of a terminal that has not been widened.
const WIDTH: usize = 80;

/// A rule under the header and nothing else.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Text and tables in the order they are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    blocks: Vec<Block>,
}

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// What all of it is about.
    Title(String),
    /// Names what follows.
    Heading(String),
    /// Prose.
    Text(String),
    /// Lines that are not to be wrapped, such as a command.
    Verbatim(String),
    /// Figures in rows.
    Table {
        /// Of the columns; the first is of names, the others of figures.
        header: Vec<String>,
        /// Cells, as many in each row as in the header, or fewer.
        rows: Vec<Vec<String>>,
    },
    /// An empty line on the terminal; other formats set blocks apart by themselves.
    Gap,
}

impl Document {
    /// With nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// A table alone.
    pub fn of_table(header: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self::new().table(header, rows)
    }

    /// The blocks in their order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Adds what all of it is about.
    pub fn title(self, text: impl Into<String>) -> Self {
        self.with(Block::Title(text.into()))
    }

    /// Adds a heading.
    pub fn heading(self, text: impl Into<String>) -> Self {
        self.with(Block::Heading(text.into()))
    }

    /// Adds prose, which is wrapped where it has to be.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Block::Text(text.into()))
    }

    /// Adds lines that are not wrapped.
    pub fn verbatim(self, text: impl Into<String>) -> Self {
        self.with(Block::Verbatim(text.into()))
    }

    /// Adds a table; the first column is of names, the others of figures.
    pub fn table(self, header: &[&str], rows: Vec<Vec<String>>) -> Self {
        self.with(Block::Table { header: header.iter().map(|&of| of.to_owned()).collect(), rows })
    }

    /// Adds an empty line on the terminal.
    pub fn gap(self) -> Self {
        self.with(Block::Gap)
    }

    /// Adds all of another document.
    pub fn and(self, other: Self) -> Self {
        self + other
    }

    /// An empty line on the terminal, then this; nothing where there is nothing.
    pub fn after_gap(self) -> Self {
        if self.is_empty() { self } else { Self::new().gap() + self }
    }

    fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// As plain text for a terminal that has not been widened.
    pub fn to_terminal(&self) -> String {
        self.within(WIDTH)
    }

    /// As plain text within so many columns, but for what is not to be wrapped.
    pub fn within(&self, columns: usize) -> String {
        let mut out = String::new();
        for block in &self.blocks {
            match block {
                Block::Title(text) | Block::Text(text) => {
                    out += &textwrap::fill(text, columns);
                    out.push('\n');
                }
                Block::Heading(text) => {
                    if !out.is_empty() {
                        out.push('\n');
                    }
                    out += &textwrap::fill(text, columns);
                    out.push('\n');
                }
                Block::Verbatim(text) => {
                    out += text;
                    out.push('\n');
                }
                Block::Table { header, rows } => out += &grid(header, rows, columns),
                Block::Gap => out.push('\n'),
            }
        }
        out
    }

    /// As Markdown with pipe tables.
    pub fn to_markdown(&self) -> String {
        let blocks = self.blocks.iter().filter_map(|block| match block {
            Block::Title(text) => Some(format!("# {}\n", escaped(text))),
            Block::Heading(text) => Some(format!("## {}\n", escaped(text))),
            Block::Text(text) => Some(format!("{}\n", escaped(text))),
            Block::Verbatim(text) => Some(format!("```\n{text}\n```\n")),
            Block::Table { header, rows } => Some(pipes(header, rows)),
            Block::Gap => None,
        });
        blocks.collect::<Vec<_>>().join("\n")
    }
}

impl AddAssign for Document {
    fn add_assign(&mut self, other: Self) {
        self.blocks.extend(other.blocks);
    }
}

impl Add for Document {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

/// A pipe table; a row that is too short is filled with empty cells.
fn pipes(header: &[String], rows: &[Vec<String>]) -> String {
    let line = |row: &[String]| {
        let cells = (0..header.len()).map(|i| row.get(i).map_or(String::new(), |text| cell(text)));
        format!("|{}\n", cells.map(|text| format!(" {text} |")).collect::<String>())
    };
    let rule: String =
        (0..header.len()).map(|i| if i == 0 { " :--- |" } else { " ---: |" }).collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    format!("{}|{rule}\n{body}", line(header))
}

fn cell(text: &str) -> String {
    // Indented names stand for parts of the row above.
    let indent = text.len() - text.trim_start().len();
    "&emsp;".repeat(indent / 2) + &escaped(&on_one_line(text.trim_start()))
}

/// A cell that was broken to be narrow, with syllables joined again.
pub(super) fn on_one_line(text: &str) -> String {
    text.replace("-\n", "").replace('\n', " ")
}

/// Text in which no character is a sign of Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A plain table whose first column is left-aligned and whose others are right-aligned, with wide
/// gaps where these fit. Where nothing fits the first column, of names, is folded; where that would
/// break words, columns that do not fit follow in a table of their own, with the names again.
fn grid(header: &[String], rows: &[Vec<String>], columns: usize) -> String {
    let fits = |text: &String| widest(text) <= columns;
    let narrowing = [2, 1, 0].map(|gap| spaced(header, rows, gap));
    let whole = narrowing.into_iter().find(fits);
    let folding = || [1, 0].map(|gap| folded(header, rows, columns, gap)).into_iter().find(fits);
    if let Some(text) = whole.or_else(folding) {
        return text;
    }
    let some = |from: usize, to: usize| {
        let pick = |row: &[String]| -> Vec<String> {
            let rest = row.iter().take(to).skip(from);
            row.iter().take(1).chain(rest).cloned().collect()
        };
        (pick(header), rows.iter().map(|row| pick(row)).collect::<Vec<_>>())
    };
    let first = (2..header.len()).rev().find(|&to| {
        let (header, rows) = some(1, to);
        fits(&folded(&header, &rows, columns, 0))
    });
    // A name and figures that are wider than the terminal by themselves.
    let Some(first) = first else {
        return narrowly(header, rows, columns);
    };
    let (above, below) = (some(1, first), some(first, header.len()));
    format!("{}\n{}", grid(&above.0, &above.1, columns), grid(&below.0, &below.1, columns))
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// Columns that are left to a name however wide the figures beside it are.
const LEAST_NAME: usize = 10;
/// Words longer than this are broken.
const LONGEST_WORD: usize = 24;

/// With the names folded to what is left of the columns, but to no less than their longest word.
fn folded(header: &[String], rows: &[Vec<String>], columns: usize, gap: u16) -> String {
    let names = || std::iter::once(&header[0]).chain(rows.iter().map(|row| &row[0]));
    let words = names().flat_map(|name| WordSeparator::Custom(words).find_words(name));
    let longest = words.map(|word| word.word.chars().count()).max().unwrap_or(0);
    narrowed(header, rows, columns, gap, longest.clamp(LEAST_NAME, LONGEST_WORD))
}

/// With the names folded as narrowly as it takes.
fn narrowly(header: &[String], rows: &[Vec<String>], columns: usize) -> String {
    narrowed(header, rows, columns, 0, LEAST_NAME)
}

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
    let fold = |row: &[String]| {
        let name = textwrap::fill(&row[0], &options);
        std::iter::once(name).chain(row[1..].iter().cloned()).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| fold(row)).collect();
    spaced(&fold(header), &rows, gap)
}

/// Words between spaces, and parts of them that end in a dash, as in DerSimonian–Laird.
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

fn spaced(header: &[String], rows: &[Vec<String>], gap: u16) -> String {
    let align = |i: usize| if i == 0 { CellAlignment::Left } else { CellAlignment::Right };
    let cells = |row: &[String]| -> Vec<Cell> {
        let cells = row.iter().enumerate();
        cells.map(|(i, text)| Cell::new(text).set_alignment(align(i))).collect()
    };
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(cells(header))
        .add_rows(rows.iter().map(|row| cells(row)));
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { gap }, 0));
    }
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn long_names_are_folded_to_the_width() {
        let long = "an analysis that is named by a sentence, with all that it takes".to_owned();
        let word = "x".repeat(90);
        let figures = || strings(&["0.8093 ±0.0012", "0.8096", "0.0252 ±0.0005", "0.0250"]);
        let row = |name: &String| [vec![name.clone()], figures()].concat();
        let header = strings(&["analysis", "power", "a", "b", "c"]);
        let text = grid(&header, &[row(&long), row(&word)], WIDTH);
        assert!(widest(&text) <= WIDTH, "{text}");
        assert_eq!(text.matches("0.8093 ±0.0012").count(), 2);
        assert_eq!(text.matches('x').count(), 90, "{text}");
    }

    #[test]
    fn columns_that_do_not_fit_follow_below() {
        let figures = |figure: &str| vec![figure.to_owned(); 6];
        let row = |name: &str, figure: &str| [strings(&[name]), figures(figure)].concat();
        let header = row("method", "a figure");
        let rows = [row("DerSimonian–Laird", "1.00 [0.02, 42.08]"), strings(&["Peto"])];
        let text = grid(&header, &rows, WIDTH);
        assert!(widest(&text) <= WIDTH, "{text}");
        assert_eq!(text.matches("1.00 [0.02, 42.08]").count(), 6, "{text}");
        // At the dash alone, and once in each of two tables.
        assert_eq!((text.matches("DerSimonian–").count(), text.matches("Laird").count()), (2, 2));
        assert_eq!(text.matches("Peto").count(), 2, "{text}");
    }

    #[test]
    fn blocks_are_laid_out_for_the_terminal_and_as_markdown() {
        let rows = vec![strings(&["a|b", "1"]), strings(&["  infor-\nmation"])];
        let document = Document::new()
            .title("A *trial*")
            .heading("Size")
            .table(&["name", "n\nmore"], rows)
            .gap()
            .text("As_is.")
            .verbatim("rescuesim run x");
        let terminal = "A *trial*\n\nSize\nname          n\n           more\n───────────────\na|b           1\n  infor-\nmation\n\nAs_is.\nrescuesim run x\n";
        assert_eq!(document.to_terminal(), terminal);
        let markdown = "# A \\*trial\\*\n\n## Size\n\n| name | n more |\n| :--- | ---: |\n| a\\|b | 1 |\n| &emsp;information |  |\n\nAs\\_is.\n\n```\nrescuesim run x\n```\n";
        assert_eq!(document.to_markdown(), markdown);
    }
}
