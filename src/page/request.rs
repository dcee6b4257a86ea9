//! The requests of the page, as JSON.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::scenario::edit::Edit;

/// A request that is read from the body of a message.
pub trait PageRequest: Sized {
    /// Reads the request.
    ///
    /// # Errors
    /// A sentence, if the body is not JSON of this form.
    fn read(body: &[u8]) -> Result<Self, String>;
}

impl<T: DeserializeOwned> PageRequest for T {
    fn read(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| format!("the request is invalid: {error}"))
    }
}

/// A text with changes to be made to it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateRequest {
    /// Text of the scenario.
    pub text: String,
    /// Changes of single values.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Number of patients to randomise; outcomes and looks that the text states as counts follow.
    #[serde(default)]
    pub randomised: Option<u32>,
}

/// A text to compute something for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextRequest {
    /// Text of the scenario.
    pub text: String,
}

/// Two texts to compare.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparisonRequest {
    /// Text of the pinned design, which gives seed and replicates.
    pub pinned: String,
    /// Text of the current design.
    pub text: String,
}

/// A number of a scenario to vary.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensitivityRequest {
    /// Text of the scenario.
    pub text: String,
    /// Key path of the number.
    pub path: String,
}

/// Data of an interim look, as typed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookRequest {
    /// Text of the scenario.
    pub text: String,
    /// The look, from 1.
    pub look: u32,
    /// Patients of the control arm by mRS, with commas.
    pub control: String,
    /// Patients of the experimental arm by mRS, with commas.
    pub experimental: String,
    /// Z of the looks before, with commas; may be empty.
    pub earlier_z: String,
    /// Adverse events.
    pub events: Vec<EventRequest>,
}

/// Counts of an adverse event, as typed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRequest {
    /// Name of the event in the scenario.
    pub name: String,
    /// Events and patients of the control arm, such as 1/60.
    pub control: String,
    /// Events and patients of the experimental arm.
    pub experimental: String,
}
