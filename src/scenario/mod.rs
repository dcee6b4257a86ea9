//! What a scenario means: every number checked, every table and boundary computed.
//!
//! [`mod@file`] is what is written, [`read`] gets it from text, `resolve` checks it as a whole and
//! builds the domain types. A [`Scenario`] in hand, nothing can fail any more.

mod error;
pub mod file;
mod tree;
mod walk;
mod overrides;
pub mod read;
mod resolve;
mod closed_form;
mod warnings;
pub mod published;

use std::path::Path;

pub use closed_form::estimand_of_shift;
pub use error::{Origin, Problem, Rejection, nearest};
pub use file::ScenarioFile;
use read::Source;
pub use read::schema;

use crate::accrual::{Accrual, FollowUp};
use crate::analysis::AnalysisMethod;
use crate::design::Design;
use crate::evidence::prior::Prior;
use crate::outcome::OutcomeModel;
use crate::population::Population;
use crate::randomisation::{AllocationRatio, RandomisationMethod};
use crate::rng::Seed;

/// A named analysis that monitors the trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// Unique within the scenario.
    pub name: String,
    /// What it does.
    pub method: AnalysisMethod,
}

/// What the simulator knows and the analyses must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// As the scenario says.
    Alternative,
    /// The null twin: the same patients and random numbers, the experimental arm drawn as control.
    Null,
    /// The same patients and random numbers, the experimental arm shifted from control by an odds
    /// ratio that each replicate draws from the prior.
    Prior,
}

impl Truth {
    /// Position in [`Scenario::truths`].
    #[inline]
    pub fn index(self) -> usize {
        self as usize
    }

    /// For files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alternative => "alternative",
            Self::Null => "null",
            Self::Prior => "prior",
        }
    }
}

/// A validated scenario, ready to run.
#[derive(Debug)]
pub struct Scenario {
    file: ScenarioFile,
    /// Patients randomised when the trial runs to its end.
    pub randomised: u32,
    /// Where patients come from.
    pub population: Population,
    /// How fast they come.
    pub accrual: Accrual,
    /// When their outcomes are known.
    pub follow_up: FollowUp,
    /// Relative sizes of the arms.
    pub ratio: AllocationRatio,
    /// How they are allocated.
    pub randomisation: RandomisationMethod,
    /// Outcomes under the alternative and its null twin.
    pub outcomes: [OutcomeModel; 2],
    /// What is believed of the effect, if anything is.
    pub prior: Option<Prior>,
    /// Probability of dropout in control and experimental arm.
    pub dropout: [f64; 2],
    /// Looks and boundaries.
    pub design: Design,
    /// Days from a look's last outcome to its decision.
    pub decision_lag_days: f64,
    /// At least one.
    pub analyses: Vec<Analysis>,
    /// Trials to simulate under each truth.
    pub replicates: u64,
    /// Key of all randomness.
    pub seed: Seed,
    warnings: Vec<String>,
}

impl Scenario {
    /// Reads and resolves a scenario file, with overrides of the form `path.to.key=value`.
    ///
    /// # Errors
    /// Everything that is wrong with it: first its shape, then its meaning.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, Rejection> {
        Self::resolve(Source::read(path, overrides)?)
    }

    /// The same from text; paths in it start at the current directory.
    ///
    /// # Errors
    /// As [`Scenario::load`].
    pub fn parse(text: &str, overrides: &[String]) -> Result<Self, Rejection> {
        Self::resolve(Source::parse("scenario".into(), text.to_owned(), overrides)?)
    }

    fn resolve(source: Source<ScenarioFile>) -> Result<Self, Rejection> {
        match resolve::resolve(&source) {
            Ok(mut scenario) => {
                scenario.warnings = warnings::of(&scenario);
                Ok(scenario)
            }
            Err(problems) => Err(source.reject(problems)),
        }
    }

    /// What is simulated, in the order of every result: the prior only where there is one.
    pub fn truths(&self) -> &'static [Truth] {
        match self.prior {
            Some(_) => &[Truth::Alternative, Truth::Null, Truth::Prior],
            None => &[Truth::Alternative, Truth::Null],
        }
    }

    /// Outcomes under a truth; `None` for the prior, whose every replicate has its own.
    pub fn outcome(&self, truth: Truth) -> Option<&OutcomeModel> {
        self.outcomes.get(truth.index())
    }

    /// The scenario as written, with every default filled in.
    pub fn file(&self) -> &ScenarioFile {
        &self.file
    }

    /// What a designer may want to reconsider, a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
