//! A report as Markdown with its figures in files, which pandoc turns into a Word document.

use super::document::{Document, escaped};
use super::sections::{Card, Definition, Element, Fold, Report};
use crate::scenario::sources::{Parameter, ParameterOrigin};

/// Beginning of every report in Markdown, a comment that no reader shows.
const MARK: &str = "<!-- report by rescuesim";

/// Returns whether a text was written by [`page`].
pub fn is_own_page(text: &str) -> bool {
    text.starts_with(MARK)
}

/// Renders the report. `address` returns the path of the file of a figure by its name.
pub fn page(report: &Report<'_>, address: &dyn Fn(&str) -> String) -> String {
    let scenario = report.scenario.file();
    let version = report.summary.provenance.version;
    let mut out = format!("{MARK} {version} -->\n\n# {}\n", escaped(&scenario.title));
    let registration = scenario.registration.iter().map(|of| format!("Registration: {of}"));
    for line in registration.chain(report.imprint.line()) {
        out += &format!("\n{}\n", escaped(&line));
    }
    out += &format!("\n**{}**\n", escaped(&report.assumptions()));
    if let Some(question) = &scenario.question {
        out += &format!("\nRemark of the scenario: {}\n", escaped(question));
    }
    for element in &report.front() {
        out += &block(element, address);
    }
    out += &format!("\n{}\n", escaped(&report.errors()));
    for (i, section) in report.sections().iter().enumerate() {
        out += &format!("\n## {}. {}\n", i + 1, escaped(section.title));
        for element in &section.content {
            out += &block(element, address);
        }
    }
    out
}

/// Lays out an element, with an empty line before it unless it is empty.
fn block(element: &Element<'_>, address: &dyn Fn(&str) -> String) -> String {
    let text = match element {
        Element::Document(document) => document.to_markdown_at(2),
        Element::Definitions(rows) => rows.iter().map(definition).collect(),
        Element::Items(items) => {
            items.iter().map(|item| format!("- {}\n", escaped(item))).collect()
        }
        Element::Words { header, rows } => words(header, rows),
        Element::Parameters(parameters) => self::parameters(parameters),
        Element::Cards(cards) => self::cards(cards),
        Element::Figure(figure) => format!(
            "![{}. {}]({})\n",
            escaped(&figure.title),
            escaped(figure.caption.trim_end()),
            address(&figure.name)
        ),
        // Markdown folds nothing and holds no files: stories after the first would bury the report.
        Element::Fold { fold: Fold::Closed, .. } | Element::Files(_) => String::new(),
        Element::Fold { title, fold: Fold::Open | Fold::OpenOnPaper, content } => {
            let content: String = content.iter().map(|element| block(element, address)).collect();
            format!("### {}\n{content}", escaped(title))
        }
    };
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn definition(Definition { term, text }: &Definition) -> String {
    format!("- **{}**: {}\n", escaped(term), escaped(text))
}

fn cards(cards: &[Card]) -> String {
    let rows = cards.iter().map(|card| {
        let error = card.source.as_ref().and_then(|source| source.error.as_ref());
        let error = error.map_or(String::new(), |error| format!(" {error}"));
        vec![card.label.clone(), format!("{}{error}", card.value)]
    });
    Document::of_table(&["quantity", "value"], rows.collect()).to_markdown()
}

/// Lays out a table of words, in columns as wide as their content asks for.
fn words(header: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..header.len())
        .map(|i| {
            let longest = rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
            // Pandoc takes relative widths from the rule below the header.
            longest.clamp(header[i].len(), 40) + 2
        })
        .collect();
    let rule: String = widths.iter().map(|&width| format!("{}|", "-".repeat(width))).collect();
    let body: String = rows.iter().map(|row| cells(row.iter().map(|cell| escaped(cell)))).collect();
    format!("{}|{rule}\n{body}", cells(header.iter().map(|cell| escaped(cell))))
}

fn parameters(parameters: &[Parameter]) -> String {
    let rows: String = parameters
        .iter()
        .map(|Parameter { key, value, origin }| {
            let comment = match origin {
                ParameterOrigin::File(Some(comment)) => escaped(comment),
                ParameterOrigin::File(None) => String::new(),
                ParameterOrigin::CommandLine => "from the command line".to_owned(),
                ParameterOrigin::Default => "default".to_owned(),
            };
            cells([code(key), code(value), comment].into_iter())
        })
        .collect();
    // Equal dashes give pandoc three columns of a third each; by content the keys would take all.
    format!("| Key | Value | Comment |\n|------------|------------|------------|\n{rows}")
}

/// Writes a text as code; a table needs its bars escaped even there.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = text.replace('|', "\\|");
    // A run of as many backticks as the fence would end the code, and what follows would be read as HTML.
    let runs = text.split(|letter| letter != '`').map(str::len);
    match runs.max() {
        None | Some(0) => format!("`{text}`"),
        Some(longest) => {
            let fence = "`".repeat(longest + 1);
            format!("{fence} {text} {fence}")
        }
    }
}

fn cells(cells: impl Iterator<Item = String>) -> String {
    format!("|{}\n", cells.map(|cell| format!(" {cell} |")).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_its_code() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("x`<b>bold</b>`y"), "`` x`<b>bold</b>`y ``");
        assert_eq!(code("``"), "``` `` ```");
        assert_eq!(code(""), "");
    }
}
