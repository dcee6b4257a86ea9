//! The points of a grid: the scenario with their values, and what makes a grid invalid.

use rescuesim::explore::grid::ParameterGrid;
use rescuesim::scenario::edit::{self, EditError};
use rescuesim::scenario::{InputDocument, Origin, Rejection, Scenario, Set, size};

use crate::cli::Failure;

/// A point of the grid, before it is simulated.
pub struct Point {
    pub scenario: Scenario,
    /// Values set with those of the point, so that outcomes and looks follow a number of patients.
    pub following: Vec<Set>,
}

impl Point {
    /// Resolves the scenario `document` with `sets`, which is `base`, and with the values of a point.
    pub fn new(
        document: &InputDocument,
        sets: &[Set],
        base: &Scenario,
        grid: &ParameterGrid,
        number: usize,
    ) -> Result<Self, Failure> {
        let over = grid.sets(number);
        let mut all = [sets, &over].concat();
        // Looks stated as counts would not fit another number of patients.
        let patients = over.iter().find(|set| *set.path() == size::randomised());
        let following = match patients.and_then(Set::as_number) {
            Some(patients) => size::following(base, document, &all, patients),
            None => Vec::new(),
        };
        all.extend(following.iter().cloned());
        let scenario = document.with(&all).resolve();
        let scenario = scenario.map_err(|error| invalid(grid, number, &over, &error))?;
        Ok(Self { scenario, following })
    }
}

/// Refuses a grid whose points are not on the same random numbers, or have different numbers of
/// analyses, of which a table cannot be made.
pub fn check_common(base: &Scenario, points: &[Point]) -> Result<(), Failure> {
    for Point { scenario, .. } in points {
        // Shards divide a common number of replicates, and differences between points are paired.
        if (scenario.replicates, scenario.seed) != (base.replicates, base.seed) {
            return Err(Failure::Usage(
                "--over run: all points have the same replicates and random numbers; allowed: --replicates and --seed, for all of them".to_owned(),
            ));
        }
    }
    // A list of analyses can itself be varied.
    let mut counts = points.iter().map(|point| point.scenario.analyses.len());
    let first = counts.next().unwrap_or(0);
    match counts.find(|&other| other != first) {
        Some(other) => Err(Failure::Usage(format!(
            "--over: some points have {first} analyses, others {other}; allowed: the same number at every point"
        ))),
        None => Ok(()),
    }
}

/// Refuses keys of which one takes the place of another.
pub fn check_keys(grid: &ParameterGrid, scenario: &Scenario) -> Result<(), Failure> {
    // Two ways to state one effect, such as an odds ratio and a risk difference: the second removes the
    // first from every point, and the axis of the first would vary nothing.
    let replaced = grid.axes().iter().find(|axis| {
        matches!(edit::any_number(scenario, axis.path()), Err(EditError::NotThere { .. }))
    });
    match replaced {
        Some(axis) => Err(Failure::Usage(format!(
            "--over {axis}: another --over or --set takes its place; allowed: one of them"
        ))),
        None => Ok(()),
    }
}

/// Explains why a point is not a valid scenario. A problem with one of its values is reported as that
/// of the option that it is from.
fn invalid(grid: &ParameterGrid, number: usize, values: &[Set], error: &Rejection) -> Failure {
    let mut lines = Vec::with_capacity(error.problems.len());
    for problem in &error.problems {
        let sentence = problem.sentence();
        lines.push(match (&problem.place, error.line(problem)) {
            (Some((Origin::Override(text), _)), _) => {
                match values.iter().position(|value| value.text() == text) {
                    Some(axis) => format!("--over {}: {sentence}", grid.axes()[axis]),
                    None => format!("--set {text}: {sentence}"),
                }
            }
            (_, Some(line)) => format!("{}:{line}: {sentence}", error.name),
            (_, None) => sentence,
        });
    }
    let over: Vec<String> = grid.axes().iter().map(|axis| format!("--over {axis}")).collect();
    let values: Vec<&str> = values.iter().map(Set::text).collect();
    Failure::Usage(format!(
        "point {} of {}, {}, is not a valid scenario ({}); nothing was simulated\n{}",
        number + 1,
        grid.len(),
        values.join(", "),
        over.join(" "),
        lines.join("\n")
    ))
}
