//! Standard output and standard error, and pages that replace earlier ones.

mod files;

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use clap::Args;
use rescuesim::report::document::{Document, Layout, Palette};
use rescuesim::report::{Summary, html, quantity_rows, run};
use rescuesim::scenario::Scenario;
use rescuesim::scenario::hidden::visible;
use terminal_size::Width;
use textwrap::WordSplitter;

use super::{Failure, Format};
pub use files::{OutputFile, folder_of, keep_inputs, lock, put_in_place};

// Read before `main`: there the standard library opens /dev/null in its place, and what is written is lost
// without an error.
#[cfg(unix)]
#[ctor::ctor(unsafe)]
static STDOUT_WAS_CLOSED: bool = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();

/// Returns whether standard output was closed when the program was started.
fn stdout_was_closed() -> bool {
    #[cfg(unix)]
    return *STDOUT_WAS_CLOSED;
    // Elsewhere writing to it fails.
    #[cfg(not(unix))]
    return false;
}

/// Writes to standard output. A reader that has gone away (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    if stdout_was_closed() {
        let message = "cannot write to standard output: it is closed; > /dev/null discards it";
        return Err(Failure::Running(message.to_owned()));
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Running(format!("cannot write to standard output: {error}"))),
    }
}

/// Lays a document out for standard output: with the width and the styles of a terminal, plainly for a pipe
/// or a file.
pub fn for_terminal(document: &Document) -> String {
    let stdout = io::stdout();
    let palette = if has_colour(&stdout) { Palette::STYLED } else { Palette::PLAIN };
    document.laid_out(Layout { columns: columns(), palette })
}

/// Returns the width of standard output: that of a terminal, or the usual one of a pipe or a file.
pub fn columns() -> usize {
    match terminal_size::terminal_size_of(io::stdout()) {
        Some((Width(columns), _)) => usize::from(columns).max(NARROWEST),
        None => Layout::PLAIN.columns,
    }
}

/// Returns whether a stream is a terminal with colours that the user wants: NO_COLOR, CLICOLOR and
/// CLICOLOR_FORCE are respected, as in errors of the command line.
pub fn has_colour(stream: &impl RawStream) -> bool {
    match AutoStream::choice(stream) {
        ColorChoice::Never => false,
        ColorChoice::Auto | ColorChoice::Always | ColorChoice::AlwaysAnsi => true,
    }
}

/// Columns of the narrowest terminal that output is laid out for.
// Narrower tables would break numbers.
const NARROWEST: usize = 40;

/// Writes to standard error.
pub fn print_message(text: &str) {
    // If it is closed or full the message is lost and nothing else: no result depends on messages.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Says on standard error which files were written; nothing without any.
pub fn report_written(paths: &[PathBuf]) {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let Some((last, others)) = names.split_last() else { return };
    let list = match others {
        [] => last.clone(),
        others => format!("{} and {last}", others.join(", ")),
    };
    print_message(&format!("Wrote {list}.\n"));
}

/// Writes a warning to standard error.
pub fn warn(message: &str) {
    print_message(&format!("{}\n", wrapped(&format!("warning: {message}"))));
}

/// Wraps a message between words if standard error is a terminal; a log keeps it in one line.
pub fn wrapped(message: &str) -> String {
    let Some(columns) = error_columns() else {
        return message.to_owned();
    };
    // An option such as --precision-of is one word.
    let options = textwrap::Options::new(columns).word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(message, options)
}

/// Returns the width of standard error; `None` if it is not a terminal.
pub fn error_columns() -> Option<usize> {
    let (Width(columns), _) = terminal_size::terminal_size_of(io::stderr())?;
    Some(usize::from(columns).max(NARROWEST))
}

/// Writes a result to standard output, from its document or its JSON.
pub fn print_as(
    format: Format,
    document: impl FnOnce() -> Document,
    json: impl FnOnce() -> String,
) -> Result<(), Failure> {
    print(&match format {
        Format::Table => for_terminal(&document()),
        Format::Markdown => document().to_markdown(),
        Format::Json => json(),
        Format::Csv => {
            let json = json();
            // A table of numbers has no place for it, and a comment would stop readers of CSV.
            if let Some(recreate) = quantity_rows::recreate(&json) {
                print_message(&visible(&recreate));
            }
            quantity_rows::csv_of_json(&json)
        }
    })
}

/// How much of a summary is printed for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Detail {
    /// Print all results, not just assumptions and verdict.
    #[arg(long)]
    pub full: bool,
}

/// Writes the summary of a run to standard output.
pub fn print_summary(
    format: Format,
    detail: Detail,
    summary: &Summary,
    scenario: &Scenario,
) -> Result<(), Failure> {
    print_as(
        format,
        || match detail {
            Detail { full: true } => run::document(summary, scenario),
            Detail { full: false } => run::verdict(summary, scenario),
        },
        || summary.to_json(),
    )
}

/// Writes a file as a whole, unless it is one of the files that the command reads.
pub fn write(path: &Path, content: &[u8], inputs: &[PathBuf]) -> Result<(), Failure> {
    let file = OutputFile::at(path).map_err(|error| Failure::Usage(cannot_write(path, &error)))?;
    keep_inputs([&file], inputs)?;
    match file.filled(content).and_then(OutputFile::put_in_place) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Running(cannot_write(path, &error))),
    }
}

/// An HTML page that is to be written.
pub struct OwnPage {
    file: OutputFile,
    /// Path as it was typed.
    path: PathBuf,
    /// Whether it replaces an earlier page of the program.
    replaces: bool,
}

/// Starts a page that may replace an earlier page of the program, and no other file.
///
/// # Errors
/// When it cannot be written, or another file has its name.
pub fn own_page(path: &Path, inputs: &[PathBuf]) -> Result<OwnPage, Failure> {
    let file = OutputFile::at(path).map_err(|error| Failure::Usage(cannot_write(path, &error)))?;
    keep_inputs([&file], inputs)?;
    Ok(OwnPage { file, path: path.to_owned(), replaces: replaces_own(path, html::is_own_page)? })
}

impl OwnPage {
    /// Writes the page, and returns the message that says so.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn written(self, text: &str) -> Result<String, Failure> {
        let path = self.path;
        let replacing = if self.replaces { ", replacing an earlier report" } else { "" };
        match self.file.filled(text.as_bytes()).and_then(OutputFile::put_in_place) {
            Ok(_) => Ok(format!("Wrote {}{replacing}.\n", path.display())),
            Err(error) => Err(Failure::Running(cannot_write(&path, &error))),
        }
    }
}

/// Returns whether a path leads to an earlier report of the program, which may be replaced.
///
/// # Errors
/// When it leads to another file with content.
pub fn replaces_own(path: &Path, is_own: impl Fn(&str) -> bool) -> Result<bool, Failure> {
    // Not a pipe or a device, which would wait for content. An empty file has nothing to lose.
    if !path.metadata().is_ok_and(|found| found.is_file() && found.len() > 0) {
        return Ok(false);
    }
    let content = fs::read(path).map_err(|error| Failure::Usage(cannot_write(path, &error)))?;
    if is_own(&String::from_utf8_lossy(&content)) {
        return Ok(true);
    }
    Err(Failure::Usage(format!(
        "cannot write {}: the file is not a report of rescuesim; allowed: a new name, or that of an earlier \
         report",
        path.display()
    )))
}

/// Returns the message about a place that cannot be written.
pub fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

/// Warns about files that an earlier run has left in the folder of a new file.
pub fn warn_of_earlier(new: &Path, names: &[String], written: &[PathBuf]) {
    for path in names.iter().map(|name| new.with_file_name(name)) {
        if !written.contains(&path) && path.exists() {
            warn(&format!("{} is left over from an earlier run", path.display()));
        }
    }
}
