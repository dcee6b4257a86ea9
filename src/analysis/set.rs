//! Analysis sets: which patients are compared, and in which arm.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::randomisation::Arm;

/// Analysis set: the patients that are compared, and the arm of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisSet {
    /// All patients, in the arm they were allocated to.
    #[default]
    IntentionToTreat,
    /// Patients who received the treatment of their arm.
    PerProtocol,
    /// All patients, in the arm whose treatment they received.
    AsTreated,
}

impl AnalysisSet {
    /// The arm in which a patient is analysed, from the arm allocated and the arm whose treatment they
    /// received; `None` if they are not analysed.
    #[inline]
    pub fn arm(self, allocated: Arm, received: Arm) -> Option<Arm> {
        match self {
            Self::IntentionToTreat => Some(allocated),
            Self::PerProtocol => (received == allocated).then_some(allocated),
            Self::AsTreated => Some(received),
        }
    }
}

/// Describes the patients and their arms, with the name of the set.
impl fmt::Display for AnalysisSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IntentionToTreat => "all patients, as allocated (intention to treat)",
            Self::PerProtocol => "patients who got the treatment of their arm (per protocol)",
            Self::AsTreated => "all patients, by the treatment received (as treated)",
        })
    }
}
