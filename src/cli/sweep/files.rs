//! The files that `sweep --out` writes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rescuesim::explore::grid::ParameterGrid;
use rescuesim::report::sweep::rows::SweepRows;
use rescuesim::report::sweep::{self, figures};

use super::SweepResult;
use crate::cli::Failure;
use crate::cli::output::{self, OutputFile, warn_of_earlier};
use crate::cli::signals::handle_signals;

/// Output files of `--out`. All are opened before anything is simulated, so that a directory that cannot
/// be written to is reported at once.
pub struct SweepFiles {
    #[cfg(feature = "parquet")]
    parquet: OutputFile,
    json: OutputFile,
    /// One for each figure of the grid.
    figures: Vec<OutputFile>,
    csv: OutputFile,
}

impl SweepFiles {
    /// Opens all files in `directory`, which is made if missing.
    ///
    /// # Errors
    /// When one cannot be opened or is one of the `inputs`.
    pub fn create(
        directory: &Path,
        grid: &ParameterGrid,
        inputs: &[PathBuf],
    ) -> Result<Self, Failure> {
        handle_signals();
        let files = Self::open(directory, grid).map_err(|error| {
            Failure::Usage(format!("cannot write to --out {}: {error}", directory.display()))
        })?;
        let all = [&files.csv, &files.json].into_iter().chain(&files.figures);
        #[cfg(feature = "parquet")]
        let all = all.chain([&files.parquet]);
        // A shard that was saved as sweep.json would be replaced by the result of its merge.
        output::keep_inputs(all, inputs)?;
        Ok(files)
    }

    fn open(directory: &Path, grid: &ParameterGrid) -> io::Result<Self> {
        let csv = OutputFile::create(directory, "sweep.csv")?;
        let names = figures::names(grid).into_iter();
        Ok(Self {
            #[cfg(feature = "parquet")]
            parquet: csv.sibling("sweep.parquet")?,
            json: csv.sibling("sweep.json")?,
            figures: names
                .map(|name| csv.sibling(&format!("{name}.svg")))
                .collect::<io::Result<_>>()?,
            csv,
        })
    }

    /// Completes all files, puts them in their places and returns these.
    ///
    /// # Errors
    /// When a file cannot be written; none is then replaced.
    pub fn finish(self, result: SweepResult<'_>) -> Result<Vec<PathBuf>, Failure> {
        self.put_in_place(result)
            .map_err(|error| Failure::Running(format!("cannot finish the files of --out: {error}")))
    }

    fn put_in_place(self, result: SweepResult<'_>) -> io::Result<Vec<PathBuf>> {
        let SweepResult { provenance, grid, points } = result;
        let rows = SweepRows::new(grid, points);
        rows.write_csv(self.csv.writer()?)?;
        #[cfg(feature = "parquet")]
        sweep::parquet::write(&rows, provenance, self.parquet.writer()?)?;
        sweep::write_json(provenance, points, self.json.writer()?)?;
        for (file, figure) in self.figures.iter().zip(figures::figures(provenance, grid, points)) {
            let mut out = file.writer()?;
            out.write_all(figure.svg.as_bytes())?;
            out.flush()?;
        }
        let mut complete = vec![self.csv, self.json];
        #[cfg(feature = "parquet")]
        complete.push(self.parquet);
        complete.extend(self.figures);
        // Some file systems report a full disk only when the data are to reach it.
        complete.iter().try_for_each(OutputFile::sync)?;
        let written: Vec<_> = complete.iter().map(|file| file.destination().to_owned()).collect();
        // Only now, so that a full disk leaves the files of an earlier sweep together.
        output::put_in_place(complete)?;
        // A sweep over one key draws no heat map: one in the directory is of another sweep.
        warn_of_earlier(&written[0], &["sweep.parquet", "power.svg", "heatmap.svg"], &written);
        Ok(written)
    }
}
