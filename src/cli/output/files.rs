//! Files that appear whole or not at all, alone or in sets.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::cli::Failure;

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
/// When one cannot be put there; the places then have what they had before, if the system has hard links.
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
    let mut replaced = Vec::with_capacity(files.len());
    for file in files {
        let earlier = EarlierContent::of(&file.target);
        match file.put_in_place() {
            Ok(_) => replaced.push(earlier),
            Err(error) => {
                // Files of two runs would look like one result.
                replaced.into_iter().rev().for_each(EarlierContent::restore);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The content of a place before a new file was put there.
enum EarlierContent {
    /// There was no file.
    None(PathBuf),
    /// A second name of the earlier file, which is removed when dropped.
    Kept { place: PathBuf, copy: NamedTempFile<()> },
    /// A pipe or a device, or a file system without second names.
    Unknown,
}

impl EarlierContent {
    fn of(target: &OutputTarget) -> Self {
        let OutputTarget::File(place) = target else { return Self::Unknown };
        if !place.exists() {
            return Self::None(place.clone());
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(PART_PREFIX).suffix(PART_SUFFIX);
        let copy = builder.make_in(folder_of(place), |name| fs::hard_link(place, name));
        copy.map_or(Self::Unknown, |copy| Self::Kept { place: place.clone(), copy })
    }

    /// Puts the earlier content back, if the system can do so.
    fn restore(self) {
        match self {
            Self::None(place) => {
                let _ = fs::remove_file(place);
            }
            Self::Kept { place, copy } => {
                let _ = copy.into_temp_path().persist(place);
            }
            Self::Unknown => {}
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The content of a file; `None` if there is none.
    fn content(path: PathBuf) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    #[test]
    fn a_set_that_cannot_be_completed_leaves_the_earlier_files() {
        let folder = tempfile::tempdir().expect("the system has temporary folders");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("first"), "earlier").expect("the folder is writable");
        let new = |name: &str| {
            let file = OutputFile::create(folder.path(), name).expect("the folder is writable");
            file.filled(b"new").expect("there is room on the disk")
        };
        let files = vec![new("first"), new("second"), new("third")];
        // A file under construction that is gone cannot be put in its place.
        fs::remove_file(files[2].path()).expect("it was created");
        put_in_place(files).expect_err("the third file is gone");
        assert_eq!(content(at("first")).as_deref(), Some("earlier"));
        assert_eq!([content(at("second")), content(at("third"))], [None, None]);
        put_in_place(vec![new("first"), new("second")]).expect("both are there");
        assert_eq!(
            ["first", "second"].map(|name| content(at(name))),
            ["new", "new"].map(|it| Some(it.to_owned()))
        );
        // Second names are gone.
        assert_eq!(fs::read_dir(folder.path()).expect("it is a folder").count(), 2);
    }
}
