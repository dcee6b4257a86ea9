//! Simulated trials that show most of a design.

use std::sync::atomic::AtomicBool;

use crate::rng::Replicate;
use crate::scenario::{Scenario, Truth};
use crate::trial::trace::{Cancelled, TrialEnding, Viewpoint, find};

/// Replicates searched under each truth.
// Rarer endings are no examples of the design, and the search takes seconds.
const SEARCHED: u64 = 20_000;

/// An ending with the first trial that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundExample {
    /// How the trial ends.
    pub ending: TrialEnding,
    /// Truth under which it ends so.
    pub truth: Truth,
    /// Number of the trial.
    pub replicate: Replicate,
}

/// Examples of a design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundExamples {
    /// Endings that trials have, with the first of each.
    pub found: Vec<FoundExample>,
    /// Endings that the design allows and that none of the replicates searched has.
    pub not_found: Vec<TrialEnding>,
}

impl FoundExamples {
    /// Searches the replicates of a scenario for the endings that show most of its design, by the primary
    /// analysis. An ending is taken from the alternative if any trial ends so there, and else from the null
    /// truth.
    ///
    /// # Errors
    /// When it is cancelled by its flag.
    pub fn search(scenario: &Scenario, cancelled: &AtomicBool) -> Result<Self, Cancelled> {
        let wanted = TrialEnding::examples(scenario);
        let mut found: Vec<FoundExample> = Vec::new();
        let mut missing = wanted.clone();
        // The alternative first: there a decision is right more often, as a reader expects of an example.
        for truth in [Truth::Alternative, Truth::Null] {
            // By the primary analysis, as the figure of paths.
            let view = Viewpoint { truth, analysis: 0 };
            let searched = scenario.replicates.min(SEARCHED);
            let firsts = find(scenario, &missing, view, searched, cancelled)?;
            let mut not_found = Vec::new();
            for (ending, first) in missing.into_iter().zip(firsts) {
                match first {
                    Some(replicate) => found.push(FoundExample { ending, truth, replicate }),
                    None => not_found.push(ending),
                }
            }
            missing = not_found;
        }
        found.sort_by_key(|of| wanted.iter().position(|ending| *ending == of.ending));
        Ok(Self { found, not_found: missing })
    }
}
