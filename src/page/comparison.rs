//! A pinned design against the current one, on the same random numbers.

use serde::Serialize;
use serde_json::Value;

use super::Surroundings;
use super::request::ComparisonRequest;
use super::simulation::{Flags, Listener, NoResult};
use crate::engine::{self, FoldError, Job, Observer};
use crate::expected;
use crate::explore::compare::{ComparisonTally, PairedComparison};
use crate::report::comparison::{self, Comparison};
use crate::report::{Provenance, html};
use crate::scenario::Scenario;
use crate::trial::AdjustedEstimates;

/// Names of the files in the command that repeats a comparison.
const NAMES: [&str; 2] = ["pinned", "current"];

/// Two designs that can be compared.
#[derive(Debug)]
pub struct Pair(Vec<Scenario>);

impl Pair {
    /// Reads two designs, the second with seed and replicates of the first.
    ///
    /// # Errors
    /// When one of them is not valid, or they have no analysis in common.
    pub fn new(request: &ComparisonRequest, around: &Surroundings) -> Result<Self, String> {
        let pinned = around.scenario(&request.pinned).map_err(|error| error.summary())?;
        // Differences within replicates need the same random numbers in both designs.
        let same = [
            format!("run.replicates={}", pinned.replicates),
            format!("run.seed={}", pinned.seed.0),
        ];
        let current = around.parse(&request.text).and_then(|document| document.scenario(&same));
        let pair = vec![pinned, current.map_err(|error| error.summary())?];
        PairedComparison::new(&pair).map_err(|error| error.to_string())?;
        Ok(Self(pair))
    }
}

/// Differences so far.
#[derive(Debug, Serialize)]
struct ComparedDesigns {
    kind: &'static str,
    replicates: u64,
    of: u64,
    /// Tables of both designs with their differences.
    tables: String,
    /// JSON of `rescuesim compare`.
    comparison: Value,
}

/// Simulates both designs. The listener receives the differences after each wave and at the end.
///
/// # Errors
/// If it is stopped before its first replicates, or without threads.
pub fn compare(pair: &Pair, flags: Flags<'_>, listener: &mut dyn Listener) -> Result<(), NoResult> {
    let Pair(pair) = pair;
    let comparison = PairedComparison::new(pair).expect("the pair was checked when it was made");
    let replicates = pair[0].replicates;
    let mut watch = ComparisonWatch { pair, listener, last: 0 };
    let job = Job {
        cancelled: flags.stopped,
        observer: Some(&mut watch),
        // No quantity that is compared is an estimate of the effect.
        estimates: AdjustedEstimates::Skipped,
        ..Job::of(0..replicates)
    };
    match engine::fold(pair, job, || comparison.tally()) {
        Ok(folded) => {
            listener.receive(super::to_json(&compared("result", pair, &folded.total, folded.next)));
            Ok(())
        }
        // The listener has the differences of the last wave.
        Err(FoldError::Cancelled) if watch.last > 0 => Ok(()),
        Err(FoldError::Cancelled) => Err(NoResult::Stopped),
        Err(error @ (FoldError::Threads(_) | FoldError::Rows(_))) => {
            Err(NoResult::Failed(error.to_string()))
        }
    }
}

/// Watches a fold of two designs.
struct ComparisonWatch<'a> {
    pair: &'a [Scenario],
    listener: &'a mut dyn Listener,
    /// Replicates of the differences that were sent last.
    last: u64,
}

impl Observer<ComparisonTally<'_>> for ComparisonWatch<'_> {
    fn before_wave(&mut self, total: &ComparisonTally<'_>, next: u64) -> u64 {
        if next > 0 {
            self.last = next;
            self.listener.receive(super::to_json(&compared("progress", self.pair, total, next)));
        }
        self.listener.next_wave(next, self.pair[0].replicates)
    }

    fn cancelled(&mut self, total: &ComparisonTally<'_>, next: u64) {
        if next > 0 {
            self.last = next;
            self.listener.receive(super::to_json(&compared("result", self.pair, total, next)));
        }
    }
}

fn compared(
    kind: &'static str,
    pair: &[Scenario],
    total: &ComparisonTally<'_>,
    replicates: u64,
) -> ComparedDesigns {
    let [pinned, current] = NAMES.map(|name| format!("{name}.toml"));
    let seed = pair[0].seed.0;
    let command =
        format!("rescuesim compare {pinned} {current} --replicates {replicates} --seed {seed}");
    let provenance: Vec<Provenance> = pair
        .iter()
        .map(|of| Provenance { replicates, ..Provenance::new(of, command.clone()) })
        .collect();
    let warnings: Vec<Vec<String>> = pair.iter().map(expected::warnings).collect();
    let quantities = total.quantities();
    let comparison = Comparison {
        names: &NAMES.map(str::to_owned),
        provenance: &provenance,
        warnings: &warnings,
        quantities: &quantities,
    };
    let json = comparison::to_json(&comparison);
    ComparedDesigns {
        kind,
        replicates,
        of: pair[0].replicates,
        tables: html::fragment(&comparison::document(&comparison, usize::MAX)),
        comparison: serde_json::from_str(&json).expect("it was written as JSON"),
    }
}
