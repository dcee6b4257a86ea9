//! `rescuesim calibrate`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::explore::calibrate::{self, Target, Unknown};
use rescuesim::report::calibration;
use rescuesim::scenario::edit::{self, EditError};
use rescuesim::scenario::path::NotAPath;
use rescuesim::scenario::{InputDocument, KeyPath, Scenario};

use super::output::{OutputFile, cannot_write, keep_inputs, print};
use super::{Failure, delay};

#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Scenario file (TOML).
    scenario: PathBuf,
    /// An exact quantity and the value it should have, as in
    /// `--target control.functional_independence=0.25`; may be repeated.
    #[arg(long = "target", value_name = "QUANTITY=VALUE", required = true, value_parser = target)]
    targets: Vec<Target>,
    /// A number of the scenario to be found, as in `--solve outcome.intercept`; may be repeated.
    #[arg(long = "solve", value_name = "KEY", required = true)]
    solve: Vec<String>,
    /// Write the solved scenario here; by default it is printed.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn target(text: &str) -> Result<Target, String> {
    let expected = "expected a quantity and a number, as in control.functional_independence=0.25";
    let (quantity, value) = text.split_once('=').ok_or(expected)?;
    let value: f64 = value.trim().parse().map_err(|_| expected)?;
    // `inf` and `nan` parse as numbers, and no quantity has them.
    if !value.is_finite() {
        return Err(expected.to_owned());
    }
    Ok(Target { quantity: quantity.trim().to_owned(), value })
}

pub fn calibrate(args: &CalibrateArgs) -> Result<(), Failure> {
    let document = InputDocument::read(&args.scenario)?;
    let scenario = delay::announced(false, || document.scenario(&[]))?;
    let mut unknowns = Vec::new();
    for path in &args.solve {
        let parsed = path.parse().map_err(|e: NotAPath| refused(e.into()))?;
        // The search follows derivatives, which a whole number does not have.
        let (start, range) = edit::number(&scenario, &parsed).map_err(refused)?;
        unknowns.push(Unknown { path: path.clone(), start, range });
    }
    // Before the search: a key that the file does not have cannot be replaced after it either.
    solved_text(&document, unknowns.iter().map(|unknown| (unknown.path.clone(), unknown.start)))?;
    let calibration =
        calibrate::calibrate(&|set| document.scenario(set), args.targets.clone(), unknowns)
            .map_err(|error| Failure::Usage(error.to_string()))?;
    let summary = calibration::document(&calibration).to_terminal();
    // Nothing is written: a scenario near the targets would be taken for one that meets them.
    if !calibration.is_met() {
        let miss = calibration.miss();
        return Err(Failure::Usage(format!(
            "the targets cannot be met by these unknowns: the nearest that was found misses by {miss:.5}\n\n{summary}"
        )));
    }
    let solved = calibration.solved.iter();
    let solved = solved.map(|(unknown, value)| (unknown.path.clone(), *value));
    write(args, &solved_text(&document, solved)?, &summary, &document)
}

/// Replaces numbers in the text of the scenario.
fn solved_text(
    document: &InputDocument,
    numbers: impl Iterator<Item = (String, f64)>,
) -> Result<String, Failure> {
    let numbers = numbers.map(|(path, number)| Ok((path.parse::<KeyPath>()?, number)));
    let numbers = numbers.collect::<Result<Vec<_>, EditError>>().map_err(refused)?;
    edit::with_numbers(document, &numbers).map_err(refused)
}

fn refused(error: EditError) -> Failure {
    Failure::Usage(format!("--solve {error}"))
}

/// Writes the solved scenario to a file and prints the summary; without a file prints both, the summary as
/// comments.
fn write(
    args: &CalibrateArgs,
    text: &str,
    summary: &str,
    document: &InputDocument,
) -> Result<(), Failure> {
    let Some(out) = &args.out else {
        let comments: String =
            summary.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect();
        return print(&format!("{comments}\n{text}"));
    };
    let file = OutputFile::at(out).map_err(|error| Failure::Usage(cannot_write(out, &error)))?;
    keep_inputs([&file], &document.paths())?;
    let file = file
        .filled(text.as_bytes())
        .map_err(|error| Failure::Running(cannot_write(out, &error)))?;
    // Read again from its folder, where relative paths in it, such as that of evidence, may lead elsewhere.
    Scenario::load(file.path(), &[]).map_err(|error| {
        Failure::Usage(format!(
            "not written to {}, where it would be no valid scenario:\n{error}",
            out.display()
        ))
    })?;
    file.put_in_place().map_err(|error| Failure::Running(cannot_write(out, &error)))?;
    print(&format!("{summary}\nWritten to {}.\n", out.display()))
}
