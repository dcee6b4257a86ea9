//! Documents, figures and files as parts of a page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};

use crate::report::document::{Block, Document, on_one_line};
use crate::report::gallery::{Figure, escaped};
use crate::report::table::with_error;
use crate::summary::McEstimate;

/// Headings become those of a subsection; empty lines are left to the style.
pub(super) fn document(document: &Document) -> Markup {
    html! { @for block in document.blocks() { (self::block(block)) } }
}

fn block(block: &Block) -> Markup {
    match block {
        Block::Title(text) | Block::Heading(text) => html! { h3 { (text) } },
        Block::Text(text) => html! { p.note { (text) } },
        Block::Verbatim(text) => html! { pre { (text) } },
        Block::Table { header, rows } => table(header, rows),
        Block::Gap => html! {},
    }
}

fn table(header: &[String], rows: &[Vec<String>]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { @for cell in header { th scope="col" { (on_one_line(cell)) } } } }
                tbody {
                    @for row in rows {
                        tr { @for i in 0..header.len() { td { (row.get(i).map_or("", String::as_str)) } } }
                    }
                }
            }
        }
    }
}

/// Two columns of words.
pub(super) fn definitions(rows: &[(&str, Markup)]) -> Markup {
    html! {
        table.words {
            tbody { @for (name, text) in rows { tr { th scope="row" { (name) } td { (text) } } } }
        }
    }
}

/// A drawing with its title, its words, and files of it and of the numbers behind it; `from` is where it
/// comes from.
pub(super) fn figure(figure: &Figure, from: &str) -> Markup {
    let labelled = figure.svg.replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{}\" ", escaped(&figure.title)),
        1,
    );
    html! {
        figure id=(format!("figure-{}", figure.name)) {
            div.title { (figure.title) }
            (PreEscaped(labelled))
            figcaption {
                (figure.caption)
                span.links {
                    " " (file("SVG", (&figure.name, "svg"), ("image/svg+xml", &figure.to_file(from))))
                    " · " (file("data", (&figure.name, "csv"), ("text/csv", &figure.data)))
                }
            }
        }
    }
}

/// A link that saves a text as a file.
pub(super) fn file(
    label: &str,
    (name, extension): (&str, &str),
    (kind, text): (&str, &str),
) -> Markup {
    let address = format!("data:{kind};base64,{}", STANDARD.encode(text));
    html! { a download=(format!("{name}.{extension}")) href=(address) { (label) } }
}

/// A figure of the summary, with its place there: keys and positions as in a JSON pointer.
pub(super) fn card(what: &str, pointer: &str, estimate: McEstimate) -> Markup {
    let (value, error) = crate::report::table::parts(estimate, 2.0);
    html! {
        div.card {
            span.what { (what) }
            data.value value=(estimate.value) data-pointer=(format!("{pointer}/value")) { (value) }
            @if let Some(error) = error {
                span.error { "± " data value=(estimate.mcse) data-pointer=(format!("{pointer}/mcse")) { (error) } }
            }
        }
    }
}

/// A figure in running text.
pub(super) fn figure_text(estimate: McEstimate) -> String {
    with_error(estimate, 2.0)
}
