//! Standard output, and files that appear whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rescuesim::report::document::Document;
use rescuesim::report::tidy;
use tempfile::NamedTempFile;

use super::{Failure, Format};

/// Writes to standard output. A reader that has gone away (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Running(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a result to standard output, from its document or its JSON.
pub fn print_as(
    format: Format,
    document: impl FnOnce() -> Document,
    json: impl FnOnce() -> String,
) -> Result<(), Failure> {
    print(&match format {
        Format::Table => document().to_terminal(),
        Format::Markdown => document().to_markdown(),
        Format::Json => json(),
        Format::Csv => tidy::csv_of(&json()),
    })
}

/// Writes a file as a whole.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let told = |error: io::Error| format!("cannot write {}: {error}", path.display());
    let file = OutputFile::at(path).map_err(|error| Failure::Usage(told(error)))?;
    file.filled(text.as_bytes())
        .and_then(OutputFile::put_in_place)
        .map_err(|error| Failure::Running(told(error)))
}

/// A file under construction beside its destination. Dropped unfinished, it leaves no trace.
#[derive(Debug)]
pub struct OutputFile {
    file: NamedTempFile,
    destination: PathBuf,
    /// After the file, which is in them.
    made: Arc<MadeFolders>,
}

/// Folders that were not there before, the innermost first; they go again unless there is something
/// in them.
#[derive(Debug)]
struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Makes a folder and those it is in, where need be.
    fn make(folder: &Path) -> io::Result<Self> {
        let missing =
            folder.ancestors().take_while(|at| !at.as_os_str().is_empty() && !at.exists());
        let made = Self(missing.map(Path::to_owned).collect());
        std::fs::create_dir_all(folder)?;
        Ok(made)
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

impl OutputFile {
    /// Starts `name` in `directory`, which is made if need be.
    pub fn create(directory: &Path, name: &str) -> io::Result<Self> {
        Self::within(directory, name, Arc::new(MadeFolders::make(directory)?))
    }

    /// Starts another file in the same folder, which goes with the last of them.
    pub fn beside(&self, name: &str) -> io::Result<Self> {
        let folder = self.destination.parent().expect("a file is in a folder");
        Self::within(folder, name, Arc::clone(&self.made))
    }

    fn within(directory: &Path, name: &str, made: Arc<MadeFolders>) -> io::Result<Self> {
        let destination = directory.join(name);
        if destination.is_dir() {
            let message = format!("{} is a directory", destination.display());
            return Err(io::Error::new(ErrorKind::IsADirectory, message));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(name).suffix(".part");
        #[cfg(unix)]
        {
            // As any new file: temporary files are for their owner alone.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        // By its kind alone: the error names a file that was never there.
        let file = builder.tempfile_in(directory).map_err(|error| error.kind())?;
        Ok(Self { file, destination, made })
    }

    /// Starts the file of a path.
    pub fn at(path: &Path) -> io::Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| io::Error::other("this is not the name of a file"))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self::create(folder.unwrap_or(Path::new(".")), name)
    }

    /// With its whole content, to be put in its place.
    pub fn whole(path: &Path, text: &str) -> io::Result<Self> {
        Self::at(path)?.filled(text.as_bytes())
    }

    /// With its whole content, to be put in its place.
    pub fn filled(self, content: &[u8]) -> io::Result<Self> {
        let mut out = self.writer()?;
        out.write_all(content)?;
        out.flush()?;
        self.sync()?;
        Ok(self)
    }

    /// Where it will be.
    pub fn destination(&self) -> &Path {
        &self.destination
    }

    /// Where it is under construction.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// A buffered handle to write through; it must be flushed before [`OutputFile::sync`].
    pub fn writer(&self) -> io::Result<BufWriter<File>> {
        Ok(BufWriter::with_capacity(1 << 16, self.file.reopen()?))
    }

    /// Makes sure that everything written is on the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.as_file().sync_all()
    }

    /// Puts the file in its place.
    pub fn put_in_place(self) -> io::Result<()> {
        self.file.persist(self.destination).map(|_| ()).map_err(|error| error.error)
    }
}

/// Tells of files in the folder of a new one that an earlier run has left there and this one has not
/// written.
pub fn tell_of_earlier(new: &Path, names: &[&str], written: &[PathBuf]) {
    let all = names.iter().map(|name| new.with_file_name(name));
    for path in all.filter(|path| !written.contains(path) && path.exists()) {
        eprintln!("warning: {} is of an earlier run", path.display());
    }
}
