//! The output of a command for people, as blocks that each format lays out in its own way: the terminal
//! within 80 columns, Markdown, and sections of a page.

mod columns;
mod table;
mod wrapping;

use std::ops::{Add, AddAssign};

use anstyle::{AnsiColor, Color, Style};

pub(super) use columns::{Columns, Rows};
use table::grid;
pub(super) use wrapping::filled;

/// Columns of a terminal of default width.
const WIDTH: usize = 80;

/// Columns of prose at most, whatever the terminal has.
// Longer lines are hard to follow; tables may be wider.
const LONGEST_PROSE: usize = 100;

/// First word of a paragraph that is a warning.
const WARNING: &str = "Warning:";

/// Text and tables in reading order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    blocks: Vec<Block>,
}

/// One block of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Title of the document.
    Title(String),
    /// Heading of the blocks that follow.
    Heading(String),
    /// Prose.
    Text(String),
    /// Lines that are not wrapped, such as a command.
    Verbatim(String),
    /// Quantities in rows.
    Table {
        /// Headers of the columns; the first column has names, the others quantities.
        header: Vec<String>,
        /// Cells, at most as many in each row as in the header.
        rows: Vec<Vec<String>>,
        /// Whether a rule separates header and rows on the terminal.
        ruled: bool,
    },
    /// Empty line on the terminal; other formats separate blocks by themselves.
    Gap,
}

/// Columns and styles of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Columns that lines may have.
    pub columns: usize,
    /// Styles of the parts of a document.
    pub palette: Palette,
}

impl Layout {
    /// A terminal of default width without styles, as for a pipe or a file.
    pub const PLAIN: Self = Self { columns: WIDTH, palette: Palette::PLAIN };
}

/// Styles of the parts of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    title: Style,
    heading: Style,
    header: Style,
    warning: Style,
}

impl Palette {
    /// No styles.
    pub const PLAIN: Self = Self {
        title: Style::new(),
        heading: Style::new(),
        header: Style::new(),
        warning: Style::new(),
    };

    /// Styles of a terminal that has them.
    // The colours are those of the terminal's own palette, so that they can be read on any background.
    pub const STYLED: Self = Self {
        title: Style::new().bold(),
        heading: Style::new().bold().fg_color(Some(Color::Ansi(AnsiColor::Cyan))),
        header: Style::new().bold(),
        warning: Style::new().bold().fg_color(Some(Color::Ansi(AnsiColor::Yellow))),
    };
}

impl Document {
    /// An empty document.
    pub fn new() -> Self {
        Self::default()
    }

    /// A document of one table.
    pub fn of_table(header: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self::new().table(header, rows)
    }

    /// The blocks in reading order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Whether the document has no blocks.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Adds a title.
    pub fn title(self, text: impl Into<String>) -> Self {
        self.with(Block::Title(text.into()))
    }

    /// Adds a heading.
    pub fn heading(self, text: impl Into<String>) -> Self {
        self.with(Block::Heading(text.into()))
    }

    /// Adds prose, which is wrapped to the width.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Block::Text(text.into()))
    }

    /// Adds lines that are not wrapped.
    pub fn verbatim(self, text: impl Into<String>) -> Self {
        self.with(Block::Verbatim(text.into()))
    }

    /// Adds a table; the first column has names, the others quantities.
    pub fn table(self, header: &[&str], rows: Vec<Vec<String>>) -> Self {
        let header = header.iter().map(|&of| of.to_owned()).collect();
        self.with(Block::Table { header, rows, ruled: true })
    }

    /// Adds a short table whose header has no rule below it on the terminal.
    pub fn plain_table(self, header: &[&str], rows: Vec<Vec<String>>) -> Self {
        let header = header.iter().map(|&of| of.to_owned()).collect();
        self.with(Block::Table { header, rows, ruled: false })
    }

    /// Adds an empty line on the terminal.
    pub fn gap(self) -> Self {
        self.with(Block::Gap)
    }

    /// Appends another document.
    pub fn and(self, other: Self) -> Self {
        self + other
    }

    /// Puts an empty line before the document on the terminal, unless the document is empty.
    pub fn after_gap(self) -> Self {
        if self.is_empty() { self } else { Self::new().gap() + self }
    }

    fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// Lays the document out as plain text for a terminal of default width.
    pub fn to_terminal(&self) -> String {
        self.laid_out(Layout::PLAIN)
    }

    /// Lays the document out as plain text within the given number of columns, but for verbatim lines.
    pub fn within(&self, columns: usize) -> String {
        self.laid_out(Layout { columns, ..Layout::PLAIN })
    }

    /// Lays the document out as text for a terminal; verbatim lines are not wrapped.
    pub fn laid_out(&self, layout: Layout) -> String {
        let Layout { columns, palette } = layout;
        let prose = columns.min(LONGEST_PROSE);
        let mut out = String::new();
        for block in &self.blocks {
            match block {
                Block::Title(text) => push_styled(&mut out, palette.title, text, prose),
                Block::Text(text) => out += &paragraph(text, prose, palette),
                Block::Heading(text) => {
                    if !out.is_empty() {
                        out.push('\n');
                    }
                    push_styled(&mut out, palette.heading, text, prose);
                }
                Block::Verbatim(text) => {
                    out += text;
                    out.push('\n');
                }
                Block::Table { header, rows, ruled } => {
                    out += &with_header(&grid(header, rows, columns), *ruled, palette.header);
                }
                Block::Gap => out.push('\n'),
            }
        }
        out
    }

    /// Lays the document out as Markdown with pipe tables.
    pub fn to_markdown(&self) -> String {
        self.to_markdown_at(1)
    }

    /// Lays the document out as Markdown, its title a heading of the given level.
    pub(super) fn to_markdown_at(&self, level: usize) -> String {
        let title = "#".repeat(level);
        let blocks = self.blocks.iter().filter_map(|block| match block {
            Block::Title(text) => Some(format!("{title} {}\n", escaped(text))),
            Block::Heading(text) => Some(format!("{title}# {}\n", escaped(text))),
            Block::Text(text) => Some(format!("{}\n", escaped(text))),
            Block::Verbatim(text) => Some(format!("```\n{text}\n```\n")),
            Block::Table { header, rows, .. } => Some(pipes(header, rows)),
            Block::Gap => None,
        });
        blocks.collect::<Vec<_>>().join("\n")
    }
}

/// Adds wrapped text, every line in the style.
// Every line by itself, as a pager may begin at any of them.
fn push_styled(out: &mut String, style: Style, text: &str, columns: usize) {
    for line in filled(text, columns).lines() {
        *out += &format!("{style}{line}{style:#}\n");
    }
}

/// Wraps a paragraph, with the word that marks a warning in its style.
fn paragraph(text: &str, columns: usize, palette: Palette) -> String {
    let wrapped = filled(text, columns) + "\n";
    match wrapped.strip_prefix(WARNING) {
        Some(rest) => format!("{0}{WARNING}{0:#}{rest}", palette.warning),
        None => wrapped,
    }
}

/// Styles the header of a table, and removes the rule below it unless it is `ruled`.
fn with_header(table: &str, ruled: bool, style: Style) -> String {
    let mut out = String::new();
    let mut in_header = true;
    for line in table.lines() {
        if line.starts_with('─') {
            in_header = false;
            if !ruled {
                continue;
            }
        }
        // Columns that do not fit follow as a table of their own after an empty line.
        in_header |= line.is_empty();
        if in_header && !line.is_empty() {
            out += &format!("{style}{line}{style:#}\n");
        } else {
            out += line;
            out.push('\n');
        }
    }
    out
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

/// Lays out a pipe table.
fn pipes(header: &[String], rows: &[Vec<String>]) -> String {
    let columns = header.len();
    let rule: String = (0..columns).map(|i| if i == 0 { " :--- |" } else { " ---: |" }).collect();
    let body: String = rows.iter().map(|row| pipe_row(row, columns)).collect();
    format!("{}|{rule}\n{body}", pipe_row(header, columns))
}

/// Lays out a row of a pipe table, filled up with empty cells.
fn pipe_row(row: &[String], columns: usize) -> String {
    let cells = (0..columns).map(|i| row.get(i).map_or(String::new(), |text| cell(text)));
    format!("|{}\n", cells.map(|text| format!(" {text} |")).collect::<String>())
}

fn cell(text: &str) -> String {
    // Indented names are parts of the row above; Markdown drops spaces at the start of a cell.
    let indent = text.len() - text.trim_start().len();
    "&emsp;".repeat(indent / 2) + &escaped(&on_one_line(text.trim_start()))
}

/// Joins the lines of a cell that was broken to be narrow, and the syllables of its words.
pub(super) fn on_one_line(text: &str) -> String {
    text.replace("-\n", "").replace('\n', " ")
}

/// Escapes the characters that have a meaning in Markdown.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Only what can begin markup within a line: escaping all punctuation would spoil the text for readers
        // of the source.
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Writes a text with a capital first letter.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Writes a fragment as a sentence.
pub(super) fn sentence(fragment: &str) -> String {
    capitalised(fragment) + "."
}

#[cfg(test)]
mod tests {
    use super::table::widest;
    use super::*;

    #[test]
    fn lines_do_not_break_within_a_number_or_a_range() {
        let text = "of all patients 1 234 567 are in 20 000 trials with mRS 0-2 or 3-6";
        for columns in 10..40 {
            let lines = Document::new().text(text).within(columns);
            assert_eq!(lines.replace('\n', " ").trim_end(), text);
            let whole = |number| lines.lines().any(|line| line.contains(number));
            for number in ["1 234 567", "20 000", "0-2", "3-6"] {
                assert!(whole(number), "{number}: {lines}");
            }
        }
    }

    #[test]
    fn styles_mark_title_headers_and_warnings_and_change_no_other_character() {
        let rows = vec![strings(&["first", "1"])];
        let document = Document::new()
            .title("A trial")
            .heading("Size")
            .table(&["name", "two\nlines"], rows.clone())
            .plain_table(&["name", "n"], rows)
            .text("Warning: it is small.");
        let styled = document.laid_out(Layout { columns: 80, palette: Palette::STYLED });
        for part in [
            "\u{1b}[1mA trial\u{1b}[0m\n",
            "\u{1b}[1m        lines\u{1b}[0m\n",
            "Warning:\u{1b}[0m it",
        ] {
            assert!(styled.contains(part), "{styled:?}");
        }
        let plain: String = styled
            .split('\u{1b}')
            .enumerate()
            .map(
                |(i, part)| {
                    if i == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) }
                },
            )
            .collect();
        assert_eq!(plain, document.to_terminal());
        assert_eq!(plain.matches('─').count(), 13, "{plain}");
    }

    fn quantities() -> Vec<String> {
        strings(&["0.8093 ±0.0012", "0.8096", "0.0252 ±0.0005", "0.0250"])
    }

    #[test]
    fn prose_and_tables_fit_narrow_and_wide_terminals() {
        let rows = vec![[strings(&["an analysis with a long name"]), quantities()].concat()];
        let document = Document::new()
            .text("word ".repeat(60))
            .table(&["analysis", "power", "formula", "type I error", "formula"], rows);
        for columns in [60, 80, 160] {
            let text = document.within(columns);
            assert!(widest(&text) <= columns, "{text}");
            assert!(text.contains("0.8093 ±0.0012") && text.contains("0.0252 ±0.0005"), "{text}");
        }
        assert!(document.within(160).lines().next().is_some_and(|line| line.len() <= 100));
    }

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
