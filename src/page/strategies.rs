//! Early or late: one procedure under several strategies.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::simulation::{Flags, Listener, NoResult};
use super::{FILE, ShownFigure};
use crate::explore::strategies::{
    DEFAULT_PATIENTS, StrategyComparison, StrategySummary, default_max_passes,
};
use crate::report::{Provenance, gallery, html, strategies};
use crate::scenario::Scenario;

/// Strategies with the results so far.
#[derive(Debug, Serialize)]
struct ShownStrategies<'s> {
    kind: &'static str,
    replicates: u64,
    of: u64,
    strategies: &'s [StrategySummary],
    tables: String,
    figure: ShownFigure,
}

/// Simulates every strategy of a procedure. The listener receives results after each wave and at the end.
///
/// # Errors
/// If it is stopped before its first patients.
///
/// # Panics
/// If the scenario has no procedure.
pub fn compare_strategies(
    scenario: &Scenario,
    flags: Flags<'_>,
    listener: &mut dyn Listener,
) -> Result<(), NoResult> {
    let max_passes = default_max_passes(scenario);
    let mut rules = StrategyComparison::new(scenario, max_passes as usize)
        .expect("strategies are asked for with a procedure");
    let per_replicate = u64::from(scenario.randomised);
    loop {
        // A wave of no patients would never end the loop.
        let wave = listener.next_wave(rules.patients(), DEFAULT_PATIENTS).max(1);
        if flags.stopped.load(Ordering::Relaxed) {
            let none = rules.patients() == 0;
            return if none { Err(NoResult::Stopped) } else { Ok(()) };
        }
        // The rest of a replicate cannot be simulated alone, but for the last.
        let wave = wave.div_ceil(per_replicate) * per_replicate;
        rules.simulate(DEFAULT_PATIENTS.min(rules.patients() + wave));
        let is_last = rules.patients() == DEFAULT_PATIENTS;
        let kind = if is_last { "result" } else { "progress" };
        listener.receive(shown(kind, scenario, &rules, max_passes));
        if is_last {
            return Ok(());
        }
    }
}

fn shown(
    kind: &'static str,
    scenario: &Scenario,
    rules: &StrategyComparison<'_>,
    max_passes: u32,
) -> String {
    let (patients, seed) = (rules.patients(), scenario.seed.0);
    let command = format!(
        "rescuesim strategies {FILE} --patients {patients} --seed {seed} --max-passes {max_passes}"
    );
    let summaries = rules.summaries();
    let provenance = Provenance::new(scenario, command.clone());
    let tables = strategies::document(&provenance, &summaries, patients, max_passes);
    super::to_json(&ShownStrategies {
        kind,
        replicates: patients,
        of: DEFAULT_PATIENTS,
        strategies: &summaries,
        tables: html::fragment(&tables),
        figure: ShownFigure::new(&gallery::strategy_curve(&summaries), &command),
    })
}
