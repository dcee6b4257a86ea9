//! Standard output and standard error, and files that appear whole or not at all.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use clap::Args;
use rescuesim::report::document::{Document, Layout, Palette};
use rescuesim::report::{Summary, html, quantity_rows, run};
use rescuesim::scenario::Scenario;
use rescuesim::scenario::hidden::visible;
use tempfile::NamedTempFile;
use terminal_size::Width;
use textwrap::WordSplitter;

use super::{Failure, Format};

/// Writes to standard output. A reader that has gone away (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Failure> {
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
    let columns = match terminal_size::terminal_size_of(&stdout) {
        Some((Width(columns), _)) => usize::from(columns).max(NARROWEST),
        None => Layout::PLAIN.columns,
    };
    document.laid_out(Layout { columns, palette })
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
    let Some((Width(columns), _)) = terminal_size::terminal_size_of(io::stderr()) else {
        return message.to_owned();
    };
    // An option such as --precision-of is one word.
    let options = textwrap::Options::new(usize::from(columns).max(NARROWEST))
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(message, options)
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
    // Not a pipe or a device, which would wait for content.
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

/// Refuses outputs that would replace a file that the command reads.
///
/// # Errors
/// Names the first such file.
pub fn keep_inputs<'f>(
    outputs: impl IntoIterator<Item = &'f OutputFile>,
    inputs: &[PathBuf],
) -> Result<(), Failure> {
    // One file has many paths: through links, through `..`, relative and absolute.
    let inputs: Vec<PathBuf> = inputs.iter().filter_map(|path| path.canonicalize().ok()).collect();
    for output in outputs {
        if inputs.iter().any(|input| output.replaces(input)) {
            return Err(Failure::Usage(format!(
                "cannot write {}: the command reads this file; allowed: the name of another file",
                output.destination().display()
            )));
        }
    }
    Ok(())
}

/// A file under construction, to be put in its place when it is complete. Dropped unfinished, it leaves
/// no trace.
#[derive(Debug)]
pub struct OutputFile {
    file: NamedTempFile,
    /// Path that the user gave.
    destination: PathBuf,
    target: OutputTarget,
    // Declared after the file, and so dropped after it: only an empty folder can be removed.
    made: Arc<MadeFolders>,
}

/// The destination of an output.
#[derive(Debug)]
enum OutputTarget {
    /// A regular file, at the end of all links that lead there, which is replaced as a whole.
    File(PathBuf),
    /// A pipe or a device, which is written to.
    Special,
}

/// Folders that did not exist before, the innermost first. When dropped they are removed unless they have
/// content.
#[derive(Debug)]
struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Makes a folder and the missing ones above it.
    fn make(folder: &Path) -> io::Result<Self> {
        let missing =
            folder.ancestors().take_while(|at| !at.as_os_str().is_empty() && !at.exists());
        let made = Self(missing.map(Path::to_owned).collect());
        // A slip such as `/results` for `results` must not leave a folder at the root of the file system.
        if let Some(outermost) = made.0.last().filter(|at| is_at_root(at)) {
            let outermost = outermost.display();
            return Err(io::Error::other(format!(
                "{outermost} does not exist, and folders at the root are not made"
            )));
        }
        fs::create_dir_all(folder)?;
        Ok(made)
    }
}

/// Whether a folder is right below the root of its file system.
fn is_at_root(folder: &Path) -> bool {
    folder.has_root() && folder.parent().is_some_and(|parent| parent.parent().is_none())
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            // Fails if the folder has content, which is then kept.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl OutputFile {
    /// Starts `name` in `directory`, which is made if missing.
    pub fn create(directory: &Path, name: impl AsRef<OsStr>) -> io::Result<Self> {
        Self::within(directory, name.as_ref(), Arc::new(MadeFolders::make(directory)?))
    }

    /// Starts another file in the same folder.
    pub fn sibling(&self, name: &str) -> io::Result<Self> {
        Self::within(folder_of(&self.destination), name.as_ref(), Arc::clone(&self.made))
    }

    fn within(directory: &Path, name: &OsStr, made: Arc<MadeFolders>) -> io::Result<Self> {
        let destination = directory.join(name);
        let found = match fs::metadata(&destination) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            found => Some(found?),
        };
        let target = OutputTarget::of(&destination, found.as_ref())?;
        let file = match &target {
            // In the folder of the file that it replaces: only within one file system is a rename atomic.
            OutputTarget::File(path) => part_in(folder_of(path))?,
            OutputTarget::Special => NamedTempFile::new()?,
        };
        if let (OutputTarget::File(_), Some(found)) = (&target, found) {
            take_after(&file, &found)?;
        }
        Ok(Self { file, destination, target, made })
    }

    /// Starts the file at a path.
    pub fn at(path: &Path) -> io::Result<Self> {
        // `Path` ignores what ends a folder's name: "results/" would become a file "results".
        let written = path.as_os_str().as_encoded_bytes();
        let is_folder = written.ends_with(b"/") || written.ends_with(b"/.");
        let name = path.file_name().filter(|_| !is_folder);
        let name = name.ok_or_else(|| io::Error::other("this is not the name of a file"))?;
        Self::create(folder_of(path), name)
    }

    /// Writes the whole content.
    pub fn filled(self, content: &[u8]) -> io::Result<Self> {
        let mut out = self.writer()?;
        out.write_all(content)?;
        out.flush()?;
        self.sync()?;
        Ok(self)
    }

    /// Returns the path that the user gave.
    pub fn destination(&self) -> &Path {
        &self.destination
    }

    /// Returns the path of the file under construction.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Whether it replaces a file, given by its canonical path.
    fn replaces(&self, file: &Path) -> bool {
        let OutputTarget::File(path) = &self.target else { return false };
        path.canonicalize().is_ok_and(|path| path == file)
    }

    /// Returns a buffered handle to write through; it must be flushed before [`OutputFile::sync`].
    pub fn writer(&self) -> io::Result<BufWriter<File>> {
        Ok(BufWriter::with_capacity(1 << 16, self.file.reopen()?))
    }

    /// Makes sure that everything written is on the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.as_file().sync_all()
    }

    /// Puts the file in its place and returns it, locked if the system can lock files.
    pub fn put_in_place(self) -> io::Result<File> {
        match self.target {
            OutputTarget::File(path) => {
                let file = self.file.persist(&path).map_err(|error| error.error)?;
                sync_folder(folder_of(&path));
                Ok(file)
            }
            OutputTarget::Special => {
                let mut out = OpenOptions::new().write(true).open(&self.destination)?;
                io::copy(&mut self.file.reopen()?, &mut out)?;
                Ok(out)
            }
        }
    }
}

/// Puts files in their places together. Another program that does so in the same folders waits, so that a
/// folder has the files of one run.
///
/// # Errors
/// When one cannot be put there.
pub fn put_in_place(files: Vec<OutputFile>) -> io::Result<()> {
    let paths = files.iter().filter_map(|file| match &file.target {
        OutputTarget::File(path) => Some(path),
        OutputTarget::Special => None,
    });
    // Locked in one order, so that no two runs wait for each other.
    let folders: BTreeSet<PathBuf> =
        paths.filter_map(|path| folder_of(path).canonicalize().ok()).collect();
    let _locks: Vec<Option<File>> = folders.iter().map(|folder| lock(folder)).collect();
    // Before any file is moved: the set is complete or as it was.
    if let Some(file) = files.iter().find(|file| file.destination.is_dir()) {
        return Err(is_a_directory(&file.destination));
    }
    files.into_iter().try_for_each(|file| file.put_in_place().map(|_| ()))
}

impl OutputTarget {
    /// Finds the target of a path; `found` is what the path leads to now.
    fn of(path: &Path, found: Option<&Metadata>) -> io::Result<Self> {
        let Some(found) = found else { return Ok(Self::File(end_of_links(path))) };
        if found.is_dir() {
            return Err(is_a_directory(path));
        }
        if !found.is_file() {
            return Ok(Self::Special);
        }
        // As /dev/stdout is if it was redirected to a file: a rename would replace the name alone.
        if path.starts_with("/dev") || path.starts_with("/proc") {
            return Err(io::Error::other("this is an open file; allowed: its own name"));
        }
        if found.permissions().readonly() {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "the file is read-only"));
        }
        if hard_links(found) > 1 {
            return Err(io::Error::other(
                "the file has other names (hard links), which would keep the old content; allowed: a file with one name",
            ));
        }
        Ok(Self::File(path.canonicalize()?))
    }
}

fn is_a_directory(path: &Path) -> io::Error {
    io::Error::new(ErrorKind::IsADirectory, format!("{} is a directory", path.display()))
}

/// Follows links that lead to no file yet.
fn end_of_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    while let Ok(target) = fs::read_link(&path) {
        path = folder_of(&path).join(target);
    }
    path
}

/// Returns the folder that a file is in, or would be.
pub fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn hard_links(file: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(file)
}

#[cfg(not(unix))]
fn hard_links(_: &Metadata) -> u64 {
    1
}

/// Gives a new file the permissions and, if the system allows it, the owner of the file that it replaces.
fn take_after(file: &NamedTempFile, replaced: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let _ = fchown(file.as_file(), Some(replaced.uid()), Some(replaced.gid()));
    }
    file.as_file().set_permissions(replaced.permissions())
}

/// Beginning of the names of files under construction.
const PART_PREFIX: &str = "rescuesim-";
/// End of the names of files under construction.
const PART_SUFFIX: &str = ".part";

/// Creates a file under construction, locked as long as the program runs, and removes those that killed
/// programs have left.
fn part_in(folder: &Path) -> io::Result<NamedTempFile> {
    // With the folder locked no other program creates a file meanwhile: one that is not locked is abandoned.
    let lock = lock(folder);
    if lock.is_some() {
        remove_abandoned(folder);
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(PART_PREFIX).suffix(PART_SUFFIX);
    #[cfg(unix)]
    {
        // The permissions of any new file: those of temporary files are for their owner alone.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    // The kind alone, as the error names a file that never existed.
    let file = builder.tempfile_in(folder).map_err(|error| error.kind())?;
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// Removes files under construction that no program has locked, once for each folder.
fn remove_abandoned(folder: &Path) {
    static DONE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let is_new = DONE.lock().is_ok_and(|mut done| done.insert(folder.to_owned()));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter(|_| is_new).flatten() {
        let name = entry.file_name();
        let is_part = name
            .to_str()
            .is_some_and(|name| name.starts_with(PART_PREFIX) && name.ends_with(PART_SUFFIX));
        if is_part
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            // Only a killed program has left its file without a lock.
            && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Locks a folder until the result is dropped; `None` if folders cannot be locked, or another program
/// keeps it locked for two seconds.
pub fn lock(folder: &Path) -> Option<File> {
    const PAUSE: Duration = Duration::from_millis(5);
    let file = File::open(folder).ok()?;
    // rescuesim never holds one this long; `flock FOLDER rescuesim …` does, and must not wait for itself.
    for _ in 0..400 {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}

/// Makes sure that the names in a folder are on the disk, if the system can do so.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Warns about files that an earlier run has left in the folder of a new file.
pub fn warn_of_earlier(new: &Path, names: &[&str], written: &[PathBuf]) {
    for path in names.iter().map(|name| new.with_file_name(name)) {
        if !written.contains(&path) && path.exists() {
            warn(&format!("{} is left over from an earlier run", path.display()));
        }
    }
}
