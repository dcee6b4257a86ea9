//! The state of a text after a change: values and problems for the form, and all that is known without
//! simulation.

use serde::Serialize;
use serde_json::Value;

use super::request::StateRequest;
use super::{FILE, ShownFigure, ShownProblem, Surroundings, problems};
use crate::expected::{self, Expected};
use crate::report::{check, gallery, html};
use crate::scenario::edit::{self, Edit};
use crate::scenario::{InputDocument, Rejection, Scenario, ScenarioFile, Set, Truth, size};

/// Powers for which the page gives the number of patients.
// The two that protocols plan with.
const POWERS: [f64; 2] = [0.8, 0.9];

/// A text and what it means.
#[derive(Debug, Serialize)]
pub struct PageState {
    /// Text after the changes, comments kept.
    pub text: String,
    /// Keys and values as written; null if the text is not TOML.
    pub written: Value,
    /// All problems; none if the text is a valid scenario.
    pub problems: Vec<ShownProblem>,
    /// What a valid scenario implies.
    pub valid: Option<ValidState>,
}

/// What a valid scenario implies without simulation.
#[derive(Debug, Serialize)]
pub struct ValidState {
    /// The scenario with every default filled in.
    pub resolved: ScenarioFile,
    /// Assumptions in one sentence.
    pub sentence: String,
    /// Warnings and notes, a sentence each.
    pub remarks: Vec<Remark>,
    /// Power and type I error by closed form.
    pub formula: Vec<FormulaRow>,
    /// Patients for given powers, by closed form.
    pub patients: Vec<PatientsForPower>,
    /// Boundaries at the looks as a table.
    pub boundaries: String,
    /// Assumed mRS, and boundaries.
    pub figures: Vec<ShownFigure>,
    /// Shares of mRS 0 to 6 in control and experimental arm; null where an effect is not one distribution.
    pub mrs: Vec<[f64; 7]>,
    /// Replicates that a simulation has.
    pub replicates: u64,
    /// Seed of a simulation.
    pub seed: u64,
    /// One-sided level of the test of efficacy.
    pub alpha_one_sided: f64,
    /// Number of looks.
    pub looks: usize,
    /// Outcomes planned for each look.
    pub analysed: Vec<u32>,
    /// Whether outcomes follow from a procedure, so that strategies can be compared.
    pub has_procedure: bool,
    /// Names of the adverse events.
    pub events: Vec<String>,
    /// Command that simulates the scenario.
    pub command: String,
}

/// A warning or note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Whether the result may not be what is meant.
    pub is_warning: bool,
    /// A sentence without full stop.
    pub text: String,
}

/// Power and type I error of an analysis by closed form.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FormulaRow {
    /// Name of the analysis.
    pub name: String,
    /// Method in words.
    pub method: String,
    /// Whether the analysis is the primary one.
    pub is_primary: bool,
    /// P(efficacy) under the alternative; `None` without a closed form.
    pub power: Option<f64>,
    /// P(efficacy) under the null.
    pub type_i_error: Option<f64>,
    /// What the closed form is, or why there is none.
    pub formula: String,
}

/// Patients to randomise for a power.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PatientsForPower {
    /// The power.
    pub power: f64,
    /// Patients in both arms; `None` if no number is known.
    pub randomised: Option<u32>,
    /// Why no number is known.
    pub problem: Option<String>,
}

/// Applies changes to a text and says what the result means.
///
/// # Errors
/// A sentence, when a change has no place in the text.
pub fn state(request: &StateRequest, around: &Surroundings) -> Result<PageState, String> {
    let text = changed(request, around)?;
    let document = match around.parse(&text) {
        Ok(document) => document,
        Err(rejection) => return Ok(PageState::invalid(text, Value::Null, &rejection)),
    };
    let written = document.to_json();
    Ok(match document.scenario(&[]) {
        Err(rejection) => PageState::invalid(text, written, &rejection),
        Ok(scenario) => {
            let valid = Some(ValidState::new(&scenario));
            PageState { text, written, problems: Vec::new(), valid }
        }
    })
}

/// Applies the changes of a request. A text that is not TOML has no values that could be changed.
fn changed(request: &StateRequest, around: &Surroundings) -> Result<String, String> {
    let StateRequest { text, edits, randomised } = request;
    if edits.is_empty() && randomised.is_none() {
        return Ok(text.clone());
    }
    let document = around.parse(text).map_err(|rejection| rejection.summary())?;
    // Edits come first, as the number of patients is spread over the looks that they leave.
    let text = edited(&document, edits)?;
    let Some(randomised) = *randomised else { return Ok(text) };
    let document = around.parse(&text).map_err(|rejection| rejection.summary())?;
    let number = Set::number(size::randomised(), f64::from(randomised), true);
    let mut sets = match document.scenario(&[]) {
        Ok(base) => size::following(&base, &document, &[], f64::from(randomised)),
        // Nothing follows a number in a text that is not yet a scenario.
        Err(_) => Vec::new(),
    };
    sets.push(number);
    edit::with_sets(&document, &sets).map_err(|error| error.to_string())
}

fn edited(document: &InputDocument, edits: &[Edit]) -> Result<String, String> {
    edit::with_edits(document, edits).map_err(|error| error.to_string())
}

impl PageState {
    fn invalid(text: String, written: Value, rejection: &Rejection) -> Self {
        Self { text, written, problems: problems(rejection), valid: None }
    }
}

impl ValidState {
    fn new(scenario: &Scenario) -> Self {
        let expected = Expected::new(scenario);
        let command = command(scenario);
        let figures = [gallery::assumed_mrs(scenario), gallery::planned_boundaries(scenario)];
        let looks = scenario.design.looks();
        let safety = scenario.safety.iter().flat_map(|safety| &safety.endpoints);
        let mrs = scenario.marginal(Truth::Alternative).into_iter().flatten();
        Self {
            resolved: scenario.file().clone(),
            sentence: expected.assumptions().sentence(),
            remarks: remarks(scenario),
            formula: (0..scenario.analyses.len()).map(|i| FormulaRow::new(scenario, i)).collect(),
            patients: POWERS.map(|power| PatientsForPower::new(scenario, power)).into(),
            boundaries: html::fragment(&check::bounds(scenario)),
            figures: figures.iter().map(|figure| ShownFigure::new(figure, &command)).collect(),
            mrs: mrs.map(|arm| *arm.probabilities()).collect(),
            replicates: scenario.replicates,
            seed: scenario.seed.0,
            alpha_one_sided: scenario.alpha_one_sided(),
            looks: looks.len(),
            analysed: looks.iter().map(|look| look.analysed).collect(),
            has_procedure: scenario.procedural().is_some(),
            events: safety.map(|endpoint| endpoint.name.clone()).collect(),
            command,
        }
    }
}

fn remarks(scenario: &Scenario) -> Vec<Remark> {
    let warnings = expected::warnings(scenario).into_iter();
    let warnings = warnings.map(|text| Remark { is_warning: true, text });
    let notes = expected::notes(scenario).into_iter();
    warnings.chain(notes.map(|text| Remark { is_warning: false, text })).collect()
}

/// Returns the command that simulates a scenario of the page.
pub fn command(scenario: &Scenario) -> String {
    let (replicates, seed) = (scenario.replicates, scenario.seed.0);
    format!("rescuesim run {FILE} --replicates {replicates} --seed {seed}")
}

impl FormulaRow {
    fn new(scenario: &Scenario, place: usize) -> Self {
        let expected = Expected::new(scenario);
        let analysis = &scenario.analyses[place];
        let [power, type_i_error] = [Truth::Alternative, Truth::Null].map(|truth| {
            let closed_form = expected.normal_approximation(truth, analysis).ok()?;
            Some(closed_form.rejection())
        });
        Self {
            name: analysis.name.clone(),
            method: scenario.file().analyses_primary_first()[place].describe(),
            is_primary: place == 0,
            power,
            type_i_error,
            formula: expected.formula_in_words(Truth::Alternative, analysis),
        }
    }
}

impl PatientsForPower {
    fn new(scenario: &Scenario, power: f64) -> Self {
        let found = Expected::new(scenario).patients_for_power(&scenario.analyses[0], power);
        Self {
            power,
            randomised: found.as_ref().ok().copied(),
            problem: found.err().map(|cause| cause.to_string()),
        }
    }
}
