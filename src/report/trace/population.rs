//! The population of a traced trial as a story.

use super::{Document, decimals};
use crate::trial::Conclusion;
use crate::trial::trace::{LevelTrace, PopulationTrace, Trace};

/// Tells what decided on the population, and what was shown in it; empty if the scenario has no rule for
/// it.
pub(super) fn story(trace: &Trace) -> Document {
    let Some(population) = &trace.population else { return Document::new() };
    let mut out = Document::new().text(decision(trace, population));
    let tested: Vec<String> = population
        .levels
        .iter()
        .filter_map(|level| Some((level, level.combined_z?)))
        .map(|(level, z)| {
            let shown = if level.shown { "an effect is shown" } else { "no effect is shown" };
            format!("{} in {} ({shown})", decimals(z, 4), level.level)
        })
        .collect();
    if !tested.is_empty() {
        out = out.text(format!(
            "At the final look the combined Z, the least of all sets of levels with it, was {}.",
            listed(&tested)
        ));
    }
    // Without a restriction everybody who arrived was randomised.
    let arrived = population.screened;
    if arrived > trace.end.n_randomised {
        out = out.text(format!(
            "{arrived} people arrived until the last of the {} patients was randomised; {} of the patients \
             are of levels that were dropped.",
            trace.end.n_randomised, population.excluded
        ));
    }
    out
}

/// Tells which levels were left, and why.
fn decision(trace: &Trace, population: &PopulationTrace) -> String {
    let PopulationTrace { factor, levels, restricted_at, .. } = population;
    let left: Vec<String> =
        levels.iter().filter(|level| level.left).map(|level| level.level.clone()).collect();
    let powers: Vec<String> = levels.iter().filter_map(power).collect();
    if let (Some(look), true) = (restricted_at, population.rule == "predictive_probability") {
        let judged = (0..levels.len()).rev().filter_map(|at| {
            Some(format!("{} ({})", decimals(levels[at].power?, 4), first_names(levels, at)))
        });
        return format!(
            "At look {look} the predictive probability of success was {}, and the last levels of {factor} \
             were dropped; at the end {} were left.",
            listed(&judged.collect::<Vec<_>>()),
            listed(&left)
        );
    }
    if !powers.is_empty() {
        let then = if left.is_empty() {
            "no level was left, and the trial stopped".to_owned()
        } else if left.len() == levels.len() {
            "all levels continued".to_owned()
        } else {
            format!("all later patients came from {}", listed(&left))
        };
        return format!("Levels of {factor} at the look: {}; {then}.", listed(&powers));
    }
    let Some(look) = restricted_at else {
        return format!("The population was never restricted to levels of {factor}.");
    };
    // All levels together were not compared: they were the population that is replaced.
    let nested = (0..levels.len()).filter_map(|at| {
        Some(format!("{} ({})", decimals(levels[at].z_at_look?, 4), first_names(levels, at)))
    });
    // The same look may select a population and end the trial.
    let then = match (trace.end.conclusion, usize::from(*look) == trace.end.look) {
        (Conclusion::Futility, true) => "were futile as well",
        (_, true) => "were tested there",
        (_, false) => "had all later patients",
    };
    format!(
        "At look {look} all patients together were not promising. The Z of the first levels of {factor} was \
         {}; {} took their place and {then}.",
        listed(&nested.collect::<Vec<_>>()),
        listed(&left)
    )
}

/// Names the first levels, up to the one at a position.
fn first_names(levels: &[LevelTrace], last: usize) -> String {
    let names: Vec<&str> = levels[..=last].iter().map(|level| level.level.as_str()).collect();
    names.join(", ")
}

/// Writes the Z and the power of a level; `None` if it was not judged by power.
fn power(level: &LevelTrace) -> Option<String> {
    let z = level.z_at_look.map_or("none".to_owned(), |z| decimals(z, 4));
    Some(format!("{} with Z {z} and a power of {}", level.level, decimals(level.power?, 4)))
}

/// Joins items with commas and "and".
fn listed(items: &[String]) -> String {
    match items {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
