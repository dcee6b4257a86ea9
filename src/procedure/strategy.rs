//! Strategy of an arm for patients with persistent occlusion.

use super::difficulty::Class;
use super::{Entry, MAX_PASSES};
use crate::num::add_log_odds;

/// Next step for a patient with persistent occlusion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NextStep {
    /// P(a stent now).
    pub rescue: f64,
    /// Whether the procedure ends without a stent otherwise, instead of continuing with another
    /// pass.
    pub last: bool,
}

/// Last step, after the last pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastStep {
    /// Rescue stenting.
    Rescue,
    /// End of the procedure without a stent.
    Stop,
}

/// Strategy for patients with persistent occlusion.
#[derive(Debug, Clone, PartialEq)]
pub enum Strategy {
    /// A number of further passes, then a last step; with 0 passes the last step follows
    /// immediately.
    Continue {
        /// Passes after randomisation.
        more: usize,
        /// Largest number of passes of a patient in total.
        last_pass: usize,
        /// Step after the last pass.
        then: LastStep,
    },
    /// Observed practice of operators.
    Practice {
        /// P(a stent) after 0, 1, … passes: in [`Parameters`](super::Parameters) one row, for
        /// patients of average difficulty; in use one row per class of difficulty.
        rescue: Vec<[f64; MAX_PASSES + 1]>,
        /// Number of passes after which patients who are not stented have no further pass.
        last_pass: usize,
    },
}

impl Strategy {
    /// Constructs a strategy of `passes` from the start for every patient, and then a last step.
    pub fn passes_then(passes: usize, then: LastStep) -> Self {
        Self::Continue { more: passes, last_pass: passes, then }
    }

    /// Returns the strategy with a row for each class of difficulty; harder patients are stented
    /// less often, by `lost` log odds per standard deviation.
    pub(super) fn by_difficulty(&self, classes: &[Class], lost: f64) -> Self {
        match self {
            Self::Practice { rescue, last_pass } => {
                let rows =
                    classes.iter().map(|class| rescue[0].map(|p| add_log_odds(p, -lost * class.z)));
                let rescue = rows.collect();
                Self::Practice { rescue, last_pass: *last_pass }
            }
            // A fixed number of passes is the same for all patients.
            Self::Continue { .. } => self.clone(),
        }
    }

    /// Returns the next step for a patient who entered as `entry` and has a persistent occlusion
    /// after `passes`.
    #[inline]
    pub fn next_step(&self, entry: Entry, passes: usize) -> NextStep {
        match self {
            Self::Continue { more, last_pass, then } => {
                // Patients randomised late reach the largest number of passes before they have had
                // all of theirs.
                let last = passes >= usize::from(entry.passes) + more || passes >= *last_pass;
                let rescue = if last && *then == LastStep::Rescue { 1.0 } else { 0.0 };
                NextStep { rescue, last }
            }
            Self::Practice { rescue, last_pass } => {
                let rescue = rescue[usize::from(entry.class)][passes];
                NextStep { rescue, last: passes >= *last_pass }
            }
        }
    }
}
