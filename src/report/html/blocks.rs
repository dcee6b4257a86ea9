//! Elements of a page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};

use crate::report::csv::CsvTable;
use crate::report::document::{Block, Document, on_one_line};
use crate::report::gallery::{Figure, escaped};
use crate::report::glossary;
use crate::report::numeral::decimals_of;
use crate::report::sections::{AttachedFile, Card, Definition, Element, Fold};
use crate::scenario::sources::{Parameter, ParameterOrigin};

/// Most rows of data that a page shows as a table.
// Longer tables are files, as 200 rows on a page would hide the text below them.
const MOST_ROWS: usize = 40;

/// Shows an element; `origin` names the version and command that made its figures.
pub(super) fn element(element: &Element<'_>, origin: &str) -> Markup {
    match element {
        Element::Document(document) => self::document(document),
        Element::Definitions(rows) => definitions(rows),
        Element::Items(items) => html! { ul { @for item in items { li { (joined(item)) } } } },
        Element::Words { header, rows } => words(header, rows),
        Element::Parameters(parameters) => self::parameters(parameters),
        Element::Cards(cards) => html! { div.cards { @for card in cards { (self::card(card)) } } },
        Element::Figure(figure) => self::figure(figure, origin),
        Element::Fold { title, fold, content } => html! {
            details open[*fold == Fold::Open] class=[(*fold == Fold::OpenOnPaper).then_some("whole")] {
                summary { (title) }
                @for element in content { (self::element(element, origin)) }
            }
        },
        Element::Files(files) => html! {
            ul { @for AttachedFile { name, media_type, content, description } in files {
                li { (file(name, name, media_type, content)) ": " (description) }
            } }
        },
    }
}

/// Joins a number with its unit and its error, so that no line ends between them.
pub(super) fn joined(text: &str) -> String {
    // A style cannot do this: `white-space` would keep whole sentences on a line.
    text.replace(" %", "\u{a0}%").replace(" ±", "\u{a0}±")
}

/// Shows a document; its headings become those of a subsection, and empty lines are left to the style.
pub(super) fn document(document: &Document) -> Markup {
    html! { @for block in document.blocks() { (self::block(block)) } }
}

fn block(block: &Block) -> Markup {
    match block {
        Block::Title(text) | Block::Heading(text) => html! { h3 { (text) } },
        Block::Text(text) => html! { p { (joined(text)) } },
        Block::Verbatim(text) => html! { pre { (text) } },
        Block::Table { header, rows, .. } => table(header, rows),
        Block::Gap => html! {},
    }
}

fn table(header: &[String], rows: &[Vec<String>]) -> Markup {
    let names: Vec<String> = header.iter().map(|cell| on_one_line(cell)).collect();
    let named: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let label = format!("Table: {}", named.join(", "));
    html! {
        // Focusable, so that a keyboard can scroll it.
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table {
                thead { tr { @for name in &names { (header_cell(name)) } } }
                tbody { @for row in rows { (table_row(row, header.len())) } }
            }
        }
    }
}

/// Shows the name of a column. A column without one has no header that a screen reader would read out.
fn header_cell(name: &str) -> Markup {
    // A header cell without words is an error to screen readers.
    html! { @if name.is_empty() { td {} } @else { th scope="col" { (term(name)) } } }
}

/// Shows a row, filled up with empty cells; the first names it.
fn table_row(row: &[String], columns: usize) -> Markup {
    let name = row.first().map_or("", String::as_str);
    // Names that are indented are parts of the row above.
    let is_part = name.starts_with("  ");
    html! {
        tr {
            th scope="row" class=[is_part.then_some("part")] { (on_one_line(name.trim_start())) }
            @for i in 1..columns { td { (row.get(i).map_or("", String::as_str)) } }
        }
    }
}

/// Shows a word with its definition, if the glossary has one.
fn term(name: &str) -> Markup {
    match glossary::lookup(name) {
        Some(term) => html! { abbr title=(term.definition) { (name) } },
        None => html! { (name) },
    }
}

/// Shows a table whose cells are words; a narrow screen stacks the cells of a row.
fn words(header: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        table.words.stack {
            thead { tr { @for name in header { (header_cell(name)) } } }
            tbody { @for row in rows {
                tr { @for (i, cell) in row.iter().enumerate() {
                    @if i == 0 { th scope="row" { (cell) } } @else { td data-name=(header[i]) { (joined(cell)) } }
                } }
            } }
        }
    }
}

/// Shows terms and their texts.
fn definitions(rows: &[Definition]) -> Markup {
    html! {
        dl { @for Definition { term, text } in rows { div { dt { (term) } dd { (definition_text(text)) } } } }
    }
}

/// Shows the values of a scenario with their comments.
fn parameters(parameters: &[Parameter]) -> Markup {
    html! {
        table.words.stack.keys {
            thead { tr { th scope="col" { "Key" } th scope="col" { "Value" } th scope="col" { "Comment" } } }
            tbody { @for parameter in parameters {
                @let Parameter { key, value, origin } = parameter;
                @if value.is_empty() {
                    tr.group { th scope="row" { code { (breakable(key)) } } td colspan="2" { (comment(origin)) } }
                } @else {
                    tr {
                        th scope="row" { code { (breakable(key)) } }
                        td { code { (value) } }
                        td { (comment(origin)) }
                    }
                }
            } }
        }
    }
}

fn comment(origin: &ParameterOrigin) -> &str {
    match origin {
        ParameterOrigin::File(Some(comment)) => comment,
        // A value of the file without a comment says nothing here: its presence in the file is no
        // explanation.
        ParameterOrigin::File(None) => "",
        ParameterOrigin::CommandLine => "from the command line",
        ParameterOrigin::Default => "default",
    }
}

/// Shows the text of a term; a checksum may be broken anywhere.
fn definition_text(text: &str) -> Markup {
    // 64 digits of SHA-256 in one word would make a narrow page scroll sideways.
    let is_checksum = text.len() >= 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_checksum {
        html! { code.checksum { (text) } }
    } else {
        html! { (joined(text)) }
    }
}

/// Shows a key that may be broken between its parts.
fn breakable(text: &str) -> Markup {
    let parts: Vec<&str> = text.split_inclusive(['.', '_', '[']).collect();
    // Without these a narrow screen breaks inside a word, as in `contro|l`.
    html! { @for (i, part) in parts.iter().enumerate() { @if i > 0 { wbr; } (part) } }
}

/// Shows a figure with title, caption, its numbers, and links to its SVG and data; `origin` names the
/// version and command that made it.
pub(super) fn figure(figure: &Figure, origin: &str) -> Markup {
    let caption = format!("caption-{}", figure.name);
    // Screen readers announce an SVG by its label, which a figure in a file has as its title instead.
    let labelled = figure.svg.replacen(
        "<svg ",
        &format!(
            "<svg role=\"img\" aria-label=\"{}\" aria-describedby=\"{caption}\" ",
            escaped(&figure.title)
        ),
        1,
    );
    html! {
        figure id=(format!("figure-{}", figure.name)) {
            div.title { (figure.title) }
            (PreEscaped(labelled))
            figcaption id=(caption) {
                (figure.caption)
                span.links {
                    " " (file("SVG", &format!("{}.svg", figure.name), "image/svg+xml", &figure.to_file(origin)))
                    " · " (file("data", &format!("{}.csv", figure.name), "text/csv", &figure.data.to_csv()))
                }
            }
            (numbers(figure))
        }
    }
}

/// Shows the numbers behind a figure, folded: the alternative to the drawing. Nothing if they are many.
fn numbers(figure: &Figure) -> Markup {
    let CsvTable { header, rows } = &figure.data;
    // The link to the data remains.
    if rows.is_empty() || rows.len() > MOST_ROWS {
        return html! {};
    }
    let header: Vec<String> = header.iter().map(|name| name.replace('_', " ")).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| rounded(cell)).collect()).collect();
    html! { details.numbers { summary { "Numbers of this figure" } (table(&header, &rows)) } }
}

/// Rounds a number to four significant digits; other texts stay as they are.
fn rounded(cell: &str) -> String {
    match cell.parse::<f64>() {
        // Whole numbers keep their digits: 1 234 patients are a count, not an estimate.
        Ok(number) if number.is_finite() && number != 0.0 && number.fract() != 0.0 => {
            let decimals = decimals_of(number.abs(), 4, 6);
            format!("{number:.decimals$}")
        }
        Ok(_) | Err(_) => cell.to_owned(),
    }
}

/// Links a file that the page itself holds, so that it can be saved without a network.
pub(super) fn file(label: &str, name: &str, media_type: &str, text: &str) -> Markup {
    // Base64 rather than percent-encoding, which would triple the size of SVG.
    let address = format!("data:{media_type};base64,{}", STANDARD.encode(text));
    html! { a download=(name) href=(address) { (label) } }
}

/// Shows a quantity; a simulated one with a link to its place in `summary.json`.
fn card(card: &Card) -> Markup {
    html! {
        div.card {
            span.what { (card.label) }
            @match &card.source {
                None => { span.value { (card.value) } }
                Some(source) => {
                    // The pointer lets a script, such as the test of the report, compare the page with the
                    // JSON.
                    data.value value=(source.value) data-pointer=(format!("{}/value", source.pointer)) { (card.value) }
                    @if let Some(error) = &source.error { span.error { (error) } }
                }
            }
        }
    }
}
