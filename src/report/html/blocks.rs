//! Blocks of a page: documents, figures, files and cards.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};

use crate::report::document::{Block, Document, on_one_line};
use crate::report::gallery::{Figure, escaped};
use crate::report::numeral::value_and_error;
use crate::summary::quantity::{JsonPlace, Quantity, Reading};

/// Shows a document; its headings become those of a subsection, and empty lines are left to the style.
pub(super) fn document(document: &Document) -> Markup {
    html! { @for block in document.blocks() { (self::block(block)) } }
}

fn block(block: &Block) -> Markup {
    match block {
        Block::Title(text) | Block::Heading(text) => html! { h3 { (text) } },
        Block::Text(text) => html! { p.note { (text) } },
        Block::Verbatim(text) => html! { pre { (text) } },
        Block::Table { header, rows, .. } => table(header, rows),
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

/// Shows terms and their definitions in two columns.
pub(super) fn definitions(rows: &[(&str, Markup)]) -> Markup {
    html! {
        table.words {
            tbody { @for (name, text) in rows { tr { th scope="row" { (name) } td { (text) } } } }
        }
    }
}

/// Shows a figure with title, caption and links to its SVG and data; `origin` names the version and command
/// that made it.
pub(super) fn figure(figure: &Figure, origin: &str) -> Markup {
    // Screen readers announce an SVG by its label, which plotters does not write.
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
                    " " (file("SVG", &format!("{}.svg", figure.name), "image/svg+xml", &figure.to_file(origin)))
                    " · " (file("data", &format!("{}.csv", figure.name), "text/csv", &figure.data))
                }
            }
        }
    }
}

/// Links a file that the page itself holds, so that it can be saved without a network.
pub(super) fn file(label: &str, name: &str, media_type: &str, text: &str) -> Markup {
    // Base64 rather than percent-encoding, which would triple the size of SVG.
    let address = format!("data:{media_type};base64,{}", STANDARD.encode(text));
    html! { a download=(name) href=(address) { (label) } }
}

/// Shows a simulated quantity of an object of the summary, with a link to its place in `summary.json`.
///
/// # Panics
/// If the quantity is not a simulated one.
pub(super) fn card<T>(title: &str, place: &JsonPlace, quantity: &Quantity<T>, of: &T) -> Markup {
    let Reading::Simulated(estimate) = quantity.read(of) else {
        unreachable!("cards show simulated quantities")
    };
    let pointer = place.pointer(quantity);
    let (value, error) = value_and_error(estimate, 2);
    html! {
        div.card {
            span.what { (title) }
            data.value value=(estimate.value) data-pointer=(format!("{pointer}/value")) { (value) }
            @if let Some(error) = error {
                span.error { "± " data value=(estimate.mcse) data-pointer=(format!("{pointer}/mcse")) { (error) } }
            }
        }
    }
}
