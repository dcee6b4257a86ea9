//! What an arm does with a patient who is still unresolved.

use super::difficulty::Class;
use super::{Entry, MAX_PASSES};
use crate::num::add_log_odds;

/// What happens at a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// P(a stent now).
    pub rescue: f64,
    /// Whether those without one are given up; otherwise they get another pass.
    pub last: bool,
}

/// What comes when no more passes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// A stent.
    Rescue,
    /// Nothing.
    Stop,
}

/// What is done with unresolved patients.
#[derive(Debug, Clone, PartialEq)]
pub enum Strategy {
    /// Up to so many more passes; none is a stent (or a stop) at once.
    Continue {
        /// Passes after randomisation.
        more: usize,
        /// No patient has more passes than this in all.
        last_pass: usize,
        /// What comes then.
        then: Then,
    },
    /// As operators were seen to do.
    Practice {
        /// P(a stent) after 0, 1, … passes: in [`Parameters`](super::Parameters) one row, for
        /// patients of average difficulty; in use one row per class of difficulty.
        rescue: Vec<[f64; MAX_PASSES + 1]>,
        /// Who is unresolved after so many passes and not stented is given up.
        last_pass: usize,
    },
}

impl Strategy {
    /// So many passes from the start, whatever the patient, and then this.
    pub fn passes_then(passes: usize, then: Then) -> Self {
        Self::Continue { more: passes, last_pass: passes, then }
    }

    /// With a row for each class of difficulty, harder patients being stented less readily by so many
    /// log odds per standard deviation.
    pub(super) fn by_difficulty(&self, classes: &[Class], lost: f64) -> Self {
        match self {
            Self::Practice { rescue, last_pass } => {
                let row = |class: &Class| rescue[0].map(|p| add_log_odds(p, -lost * class.z));
                let rescue = classes.iter().map(row).collect();
                Self::Practice { rescue, last_pass: *last_pass }
            }
            Self::Continue { .. } => self.clone(),
        }
    }

    /// The decision for a patient who entered as `entry` and is unresolved after `passes`.
    #[inline]
    pub fn decide(&self, entry: Entry, passes: usize) -> Decision {
        match self {
            Self::Continue { more, last_pass, then } => {
                let go_on = passes < usize::from(entry.passes) + more && passes < *last_pass;
                let rescue = if !go_on && *then == Then::Rescue { 1.0 } else { 0.0 };
                Decision { rescue, last: !go_on }
            }
            Self::Practice { rescue, last_pass } => {
                let rescue = rescue[usize::from(entry.class)][passes];
                Decision { rescue, last: passes >= *last_pass }
            }
        }
    }
}
