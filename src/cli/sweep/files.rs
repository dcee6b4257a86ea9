//! The files that `sweep --out` writes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rescuesim::explore::grid::ParameterGrid;
use rescuesim::report::sweep::rows::SweepRows;
use rescuesim::report::sweep::{self, figures};
use rescuesim::scenario::file::ScenarioFile;

use super::SweepResult;
use crate::cli::Failure;
use crate::cli::output::{self, OutputFile, warn_of_earlier};
use crate::cli::pictures::{FigureFormat, FigurePainter};
use crate::cli::signals::handle_signals;

/// Output files of `--out`. All are opened before anything is simulated, so that a directory that cannot
/// be written to is reported at once.
pub struct SweepFiles {
    #[cfg(feature = "parquet")]
    parquet: OutputFile,
    json: OutputFile,
    /// One for each figure of the grid in each format of the painter, figure by figure.
    figures: Vec<OutputFile>,
    painter: FigurePainter,
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
        scenario: &ScenarioFile,
        painter: FigurePainter,
        inputs: &[PathBuf],
    ) -> Result<Self, Failure> {
        handle_signals();
        let files = Self::open(directory, grid, scenario, painter).map_err(|error| {
            Failure::Usage(format!("cannot write to --out {}: {error}", directory.display()))
        })?;
        let all = [&files.csv, &files.json].into_iter().chain(&files.figures);
        #[cfg(feature = "parquet")]
        let all = all.chain([&files.parquet]);
        // A shard that was saved as sweep.json would be replaced by the result of its merge.
        output::keep_inputs(all, inputs)?;
        Ok(files)
    }

    fn open(
        directory: &Path,
        grid: &ParameterGrid,
        scenario: &ScenarioFile,
        painter: FigurePainter,
    ) -> io::Result<Self> {
        let csv = OutputFile::create(directory, "sweep.csv")?;
        let mut figures = Vec::new();
        for name in figures::names(grid, scenario) {
            for format in painter.formats() {
                figures.push(csv.sibling(&format!("{name}.{}", format.ending()))?);
            }
        }
        Ok(Self {
            #[cfg(feature = "parquet")]
            parquet: csv.sibling("sweep.parquet")?,
            json: csv.sibling("sweep.json")?,
            figures,
            painter,
            csv,
        })
    }

    /// Completes all files, puts them in their places and returns these.
    ///
    /// # Errors
    /// When a file cannot be written; none is then replaced.
    pub fn finish(self, result: SweepResult<'_>) -> Result<Vec<PathBuf>, Failure> {
        let SweepResult { provenance, grid, points } = result;
        let title = &provenance.scenario.title;
        let mut painted = Vec::new();
        for figure in figures::figures(provenance, grid, points) {
            for &format in self.painter.formats() {
                painted.push(self.painter.paint(format, &figure.svg, title)?);
            }
        }
        self.put_in_place(result, &painted)
            .map_err(|error| Failure::Running(format!("cannot finish the files of --out: {error}")))
    }

    /// Writes all files; `painted` has the contents of those of figures.
    fn put_in_place(
        self,
        result: SweepResult<'_>,
        painted: &[Vec<u8>],
    ) -> io::Result<Vec<PathBuf>> {
        let SweepResult { provenance, grid, points } = result;
        let rows = SweepRows::new(grid, points);
        rows.write_csv(self.csv.writer()?)?;
        #[cfg(feature = "parquet")]
        sweep::parquet::write(&rows, provenance, self.parquet.writer()?)?;
        sweep::write_json(provenance, points, self.json.writer()?)?;
        for (file, content) in self.figures.iter().zip(painted) {
            let mut out = file.writer()?;
            out.write_all(content)?;
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
        let mut names = vec!["sweep.parquet".to_owned()];
        for figure in ["power", "heatmap", "rule"] {
            names.extend(FigureFormat::ALL.map(|format| format!("{figure}.{}", format.ending())));
        }
        warn_of_earlier(&written[0], &names, &written);
        Ok(written)
    }
}
