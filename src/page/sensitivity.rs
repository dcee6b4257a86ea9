//! Power against any number of a scenario.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::request::SensitivityRequest;
use super::simulation::{Flags, Listener, NoResult};
use super::{FILE, ShownFigure, Surroundings};
use crate::engine::{self, FoldError, Job, Observer};
use crate::explore::sensitivity::{POINT_SHARE, VariedScenario, around};
use crate::report::gallery;
use crate::scenario::edit::{self, Number};
use crate::scenario::{InputDocument, KeyPath, Scenario, Set, size};
use crate::summary::{OperatingCharacteristics, Tally};
use crate::trial::AdjustedEstimates;

/// Largest number of replicates of a point: a curve is read with the eye.
const MOST_REPLICATES: u64 = 10_000;

/// Scenarios that differ in one number.
#[derive(Debug)]
pub struct VariedNumber {
    path: KeyPath,
    planned: f64,
    points: Vec<VariedScenario>,
    replicates: u64,
    seed: u64,
}

impl VariedNumber {
    /// Varies a number within its allowed range; values that the design cannot follow are left out.
    ///
    /// # Errors
    /// A sentence, if the text is not valid, the path is not that of a number, or too few values are possible.
    pub fn new(request: &SensitivityRequest, files: &Surroundings) -> Result<Self, String> {
        let document = files.parse(&request.text).map_err(|error| error.summary())?;
        let base = document.scenario(&[]).map_err(|error| error.summary())?;
        let path: KeyPath = request.path.parse().map_err(|error| format!("{error}"))?;
        let number = edit::any_number(&base, &path).map_err(|error| error.to_string())?;
        let replicates = (base.replicates / POINT_SHARE).clamp(1, MOST_REPLICATES);
        let mut points = Vec::new();
        for value in around(&number) {
            let sets = sets(&base, &document, &path, &number, value);
            if let Ok(scenario) = document.with(&sets).resolve() {
                points
                    .push(VariedScenario { value, scenario: scenario.with_replicates(replicates) });
            }
        }
        // A curve through two points is a straight line, whatever the power does between them.
        if points.len() < 3 {
            return Err(format!("`{path}` has too few possible values around {}", number.value));
        }
        Ok(Self { path, planned: number.value, points, replicates, seed: base.seed.0 })
    }

    /// Returns the command that gives the same numbers.
    fn command(&self) -> String {
        let values: Vec<String> = self.points.iter().map(|point| point.value.to_string()).collect();
        let (path, replicates, seed) = (&self.path, self.replicates, self.seed);
        let values = values.join(",");
        format!(
            "rescuesim sweep {FILE} --over '{path}=[{values}]' --replicates {replicates} --seed {seed}"
        )
    }
}

/// Sets that give a scenario the value; with another number of patients, looks stated as counts follow.
fn sets(
    base: &Scenario,
    document: &InputDocument,
    path: &KeyPath,
    number: &Number,
    value: f64,
) -> Vec<Set> {
    let mut sets = Vec::new();
    if *path == size::randomised() {
        sets = size::following(base, document, &[], value);
    }
    sets.push(Set::number(path.clone(), value, number.whole));
    sets
}

/// The curve so far.
#[derive(Debug, Serialize)]
struct ShownCurve {
    kind: &'static str,
    replicates: u64,
    of: u64,
    path: String,
    figure: ShownFigure,
    command: String,
}

/// Paces the fold of a point as a part of all.
struct PointPace<'a> {
    listener: &'a mut dyn Listener,
    /// Replicates of the points before.
    before: u64,
    of: u64,
}

impl Observer<Tally> for PointPace<'_> {
    fn before_wave(&mut self, _: &Tally, next: u64) -> u64 {
        self.listener.next_wave(self.before + next, self.of)
    }

    fn cancelled(&mut self, _: &Tally, _: u64) {}
}

/// Simulates the points. The listener receives the curve after each point, from the third on.
///
/// # Errors
/// If it is stopped before its first points, or without threads.
pub fn power_curve(
    varied: &VariedNumber,
    flags: Flags<'_>,
    listener: &mut dyn Listener,
) -> Result<(), NoResult> {
    let mut found: Vec<(f64, OperatingCharacteristics)> = Vec::new();
    let command = varied.command();
    let name = varied.path.to_string();
    let of = varied.replicates * varied.points.len() as u64;
    for (place, point) in varied.points.iter().enumerate() {
        let scenario = &point.scenario;
        let before = varied.replicates * place as u64;
        let mut pace = PointPace { listener: &mut *listener, before, of };
        let job = Job {
            cancelled: flags.stopped,
            observer: Some(&mut pace),
            estimates: AdjustedEstimates::Skipped,
            ..Job::of(0..scenario.replicates)
        };
        let folded = match engine::fold([scenario], job, || Tally::new(scenario)) {
            Ok(folded) => folded,
            // The listener has the curve of the points so far.
            Err(FoldError::Cancelled) if found.len() > 2 => return Ok(()),
            Err(FoldError::Cancelled) => return Err(NoResult::Stopped),
            Err(error @ (FoldError::Threads(_) | FoldError::Rows(_))) => {
                return Err(NoResult::Failed(error.to_string()));
            }
        };
        found.push((point.value, OperatingCharacteristics::new(scenario, &folded.total)));
        let is_last = place + 1 == varied.points.len();
        if found.len() > 2 && !flags.gone.load(Ordering::Relaxed) {
            let figure = gallery::power_against(&name, varied.planned, &found);
            listener.receive(super::to_json(&ShownCurve {
                kind: if is_last { "result" } else { "progress" },
                replicates: before + folded.next,
                of,
                path: name.clone(),
                figure: ShownFigure::new(&figure, &command),
                command: command.clone(),
            }));
        }
    }
    Ok(())
}
