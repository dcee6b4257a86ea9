//! The files of `--out`: `summary.json`, and rows if they are asked for.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use rescuesim::engine::RowSink;
#[cfg(feature = "parquet")]
use rescuesim::report::parquet::ParquetRows;
use rescuesim::report::rows::{CsvRows, RowContext};
use rescuesim::report::{Provenance, Summary};
use rescuesim::scenario::Scenario;
use rescuesim::trial::TrialResult;

use super::Failure;
use super::output::{self, OutputFile, warn_of_earlier};

/// Format of a file of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum RowFormat {
    /// trials.csv
    Csv,
    /// trials.parquet
    Parquet,
}

/// Files under construction, all opened before anything is simulated.
pub struct ResultFiles {
    rows: Vec<RowFile>,
    summary: OutputFile,
    /// The first failure to write rows.
    failure: Option<String>,
}

/// A file of rows under construction.
struct RowFile {
    file: OutputFile,
    writer: RowWriter,
}

// Boxed, as the writers differ much in size.
enum RowWriter {
    Csv(Box<CsvRows<BufWriter<File>>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows<BufWriter<File>>>),
}

impl ResultFiles {
    /// Opens all files in `directory`, which is made if missing.
    ///
    /// # Errors
    /// When one cannot be opened or is one of the `inputs`, or rows are asked for in a format this build
    /// lacks.
    pub fn create(
        directory: &Path,
        formats: &[RowFormat],
        scenario: &Scenario,
        inputs: &[PathBuf],
    ) -> Result<Self, Failure> {
        let files = Self::open(directory, formats, scenario).map_err(|error| {
            Failure::Usage(format!("cannot write to --out {}: {error}", directory.display()))
        })?;
        let rows = files.rows.iter().map(|rows| &rows.file);
        output::keep_inputs(rows.chain([&files.summary]), inputs)?;
        Ok(files)
    }

    fn open(directory: &Path, formats: &[RowFormat], scenario: &Scenario) -> io::Result<Self> {
        let summary = OutputFile::create(directory, "summary.json")?;
        let context = RowContext::new(scenario);
        let mut rows = Vec::new();
        // A format that is given twice is one file.
        for format in formats.iter().collect::<BTreeSet<_>>() {
            let file = summary.sibling(format.file_name())?;
            let writer = RowWriter::new(*format, file.writer()?, context.clone())?;
            rows.push(RowFile { file, writer });
        }
        Ok(Self { rows, summary, failure: None })
    }

    /// Completes all files, puts them in their places and returns these; if rows cannot be written, the
    /// summary alone. Warns about files of rows that an earlier run left in the directory.
    ///
    /// # Errors
    /// When a file cannot be written; those not yet in place are discarded.
    pub fn finish(mut self, summary: &Summary) -> Result<Vec<PathBuf>, Failure> {
        let mut complete = Vec::new();
        for rows in self.rows {
            match rows.complete(&summary.provenance) {
                Ok(file) => complete.push(file),
                Err(failure) => self.failure = Some(failure),
            }
        }
        // Rows in one format and not in the other would look like all that were asked for.
        if self.failure.is_some() {
            complete.clear();
        }
        let place = self.summary.destination().to_owned();
        let mut written: Vec<_> =
            complete.iter().map(|file| file.destination().to_owned()).collect();
        written.push(place.clone());
        let filled = self.summary.filled(summary.to_json().as_bytes());
        filled
            // Put in place only now, so that a full disk leaves the files of an earlier run together.
            .and_then(|file| {
                complete.push(file);
                output::put_in_place(complete)
            })
            .map_err(|error| {
                Failure::Running(format!("cannot finish the files of --out: {error}"))
            })?;
        let rows = [RowFormat::Csv, RowFormat::Parquet].map(|format| format.file_name().to_owned());
        warn_of_earlier(&place, &rows, &written);
        self.failure.map_or(Ok(written), |failure| {
            Err(Failure::Running(format!(
                "{failure}; no rows were written, {} has all replicates",
                place.display()
            )))
        })
    }
}

impl RowSink for ResultFiles {
    /// Writes rows to every file of rows. On the first failure these files are discarded and the run
    /// continues, as its summary is worth having; [`ResultFiles::finish`] returns the failure.
    fn take(&mut self, trials: &[TrialResult]) -> io::Result<()> {
        let written = self.rows.iter_mut().try_for_each(|rows| {
            rows.writer.write(trials).map_err(|error| failure(&rows.file, &error))
        });
        if let Err(failure) = written {
            // Dropped, which removes the files under construction and makes room on a full disk.
            self.rows.clear();
            self.failure = Some(failure);
        }
        Ok(())
    }
}

impl RowFile {
    /// Writes the last rows.
    fn complete(self, provenance: &Provenance) -> Result<OutputFile, String> {
        let Self { file, writer } = self;
        match writer.finish(provenance).and_then(|()| file.sync()) {
            Ok(()) => Ok(file),
            Err(error) => Err(failure(&file, &error)),
        }
    }
}

/// Returns the message about rows that cannot be written.
fn failure(file: &OutputFile, error: &io::Error) -> String {
    format!("cannot write {}: {error}", file.destination().display())
}

impl RowFormat {
    fn file_name(self) -> &'static str {
        match self {
            Self::Csv => "trials.csv",
            Self::Parquet => "trials.parquet",
        }
    }
}

impl RowWriter {
    fn new(format: RowFormat, out: BufWriter<File>, context: RowContext) -> io::Result<Self> {
        match format {
            RowFormat::Csv => Ok(Self::Csv(Box::new(CsvRows::new(out, context)?))),
            #[cfg(feature = "parquet")]
            RowFormat::Parquet => Ok(Self::Parquet(Box::new(ParquetRows::new(out, context)?))),
            #[cfg(not(feature = "parquet"))]
            RowFormat::Parquet => {
                let message = "this rescuesim was built without Parquet; allowed: --trials csv";
                Err(io::Error::new(io::ErrorKind::Unsupported, message))
            }
        }
    }

    fn write(&mut self, trials: &[TrialResult]) -> io::Result<()> {
        match self {
            Self::Csv(rows) => rows.write(trials),
            #[cfg(feature = "parquet")]
            Self::Parquet(rows) => rows.write(trials),
        }
    }

    /// Writes what is pending, and the provenance if the format has a place for it.
    #[cfg_attr(not(feature = "parquet"), expect(unused_variables))]
    fn finish(self, provenance: &Provenance) -> io::Result<()> {
        match self {
            Self::Csv(rows) => rows.finish()?.flush(),
            #[cfg(feature = "parquet")]
            Self::Parquet(rows) => rows.finish(provenance),
        }
    }
}
