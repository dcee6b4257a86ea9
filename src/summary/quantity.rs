//! The catalogue of quantities: key, meaning, unit and accessor of every number of a result.
//!
//! Keys are those of the JSON. The columns of a sweep, the links of the cards of a report and the tables
//! of fields in `src/summary/quantity/README.md` are made from the catalogue, and a test compares it with the JSON of
//! results that have everything: a field that is added to a summary and not listed here fails that test.
//!
#![doc = include_str!("quantity/README.md")]
#![doc = include_str!("quantity/adaptations.md")]
#![doc = include_str!("quantity/prior_and_procedure.md")]

mod list;
mod place;
mod table;

use std::fmt;

use super::McEstimate;
use super::procedure::Checked;
pub use list::{
    ANALYSIS, LOOK, POPULATION, PRIOR_ANALYSIS, REESTIMATION, SUCCESS, SUCCESS_ANALYSIS,
    SUCCESS_LOOK,
};
pub use place::{JsonPlace, LISTS, readings};
pub use table::{
    CatalogueEntry, adaptations_as_markdown, entries, names_as_markdown,
    prior_and_procedure_as_markdown, truths_as_markdown,
};

/// A number of a `T`, or a text that belongs to its numbers.
pub struct Quantity<T: 'static> {
    /// JSON keys that lead to it from its `T`, joined by dots.
    pub key: &'static str,
    /// Name in words.
    pub label: &'static str,
    /// Unit of measurement.
    pub unit: Unit,
    /// Column in the rows of a sweep, if there is one.
    pub column: Option<&'static str>,
    // Private, so that a quantity is read in one way only.
    accessor: Accessor<T>,
}

/// Reads a quantity off a `T`. The variant is known without a `T`, so that a row has the same columns
/// whether or not its point has the quantity.
enum Accessor<T> {
    Simulated(fn(&T) -> McEstimate),
    /// `None` where the JSON leaves the field out or has null.
    SimulatedIfAny(fn(&T) -> Option<McEstimate>),
    /// An extreme of the replicates, which has no standard error.
    Extreme(fn(&T) -> McEstimate),
    Checked(fn(&T) -> Checked),
    CheckedIfAny(fn(&T) -> Option<Checked>),
    /// NaN or `None` where the JSON has null.
    Exact(fn(&T) -> Option<f64>),
    Count(fn(&T) -> u64),
    Text(fn(&T) -> Option<&str>),
    List(fn(&T) -> Vec<Reading<'static>>),
}

/// What a quantity is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// From 0 to 1.
    Probability,
    /// Numbers of patients.
    Patients,
    /// Calendar months.
    Months,
    /// Minutes of a procedure.
    Minutes,
    /// Numbers of centres.
    Centres,
    /// Numbers of looks.
    Looks,
    /// Numbers of replicates.
    Replicates,
    /// Numbers of thrombectomy passes.
    Passes,
    /// The scale of the analysis's estimate.
    Estimate,
    /// Log odds ratios; above 0 favours the experimental arm.
    LogOddsRatio,
    /// Odds ratios; above 1 favours the experimental arm.
    OddsRatio,
    /// Standard normal deviates; above 0 favours the experimental arm.
    Z,
    /// The modified Rankin Scale.
    Mrs,
    /// Numbers without a unit.
    None,
}

impl fmt::Display for Unit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Probability => "probability",
            Self::Patients => "patients",
            Self::Months => "months",
            Self::Minutes => "minutes",
            Self::Centres => "centres",
            Self::Looks => "looks",
            Self::Replicates => "replicates",
            Self::Passes => "passes",
            Self::Estimate => "`scale`",
            Self::LogOddsRatio => "log odds ratio",
            Self::OddsRatio => "odds ratio",
            Self::Z => "Z",
            Self::Mrs => "mRS",
            Self::None => "",
        })
    }
}

/// The value of a quantity in one result.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading<'r> {
    /// Simulated, with its standard error and replicates.
    Simulated(McEstimate),
    /// Simulated over patients, with the exact value.
    Checked(Checked),
    /// Planned or computed; NaN if it has no value.
    Exact(f64),
    /// A whole number.
    Count(u64),
    /// A text.
    Text(&'r str),
    /// Several of a kind.
    List(Vec<Reading<'r>>),
    /// Not in this result.
    Absent,
}

impl From<Option<McEstimate>> for Reading<'_> {
    fn from(estimate: Option<McEstimate>) -> Self {
        estimate.map_or(Self::Absent, Self::Simulated)
    }
}

/// How a quantity is shown in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value and its Monte Carlo standard error.
    Simulated,
    /// A value and its standard error, with the exact value.
    Checked,
    /// A number without an error.
    Number,
    /// A whole number.
    Count,
    /// A text.
    Text,
    /// Several numbers.
    List,
}

impl<T> Quantity<T> {
    const fn new(
        key: &'static str,
        unit: Unit,
        label: &'static str,
        accessor: Accessor<T>,
    ) -> Self {
        Self { key, label, unit, column: None, accessor }
    }

    /// How it is shown in a row.
    pub fn kind(&self) -> Kind {
        match self.accessor {
            Accessor::Simulated(_) | Accessor::SimulatedIfAny(_) => Kind::Simulated,
            Accessor::Checked(_) | Accessor::CheckedIfAny(_) => Kind::Checked,
            Accessor::Extreme(_) | Accessor::Exact(_) => Kind::Number,
            Accessor::Count(_) => Kind::Count,
            Accessor::Text(_) => Kind::Text,
            Accessor::List(_) => Kind::List,
        }
    }

    /// Its value in a result.
    pub fn read<'t>(&self, of: &'t T) -> Reading<'t> {
        match self.accessor {
            Accessor::Simulated(get) | Accessor::Extreme(get) => Reading::Simulated(get(of)),
            Accessor::SimulatedIfAny(get) => get(of).into(),
            Accessor::Checked(get) => Reading::Checked(get(of)),
            Accessor::CheckedIfAny(get) => get(of).map_or(Reading::Absent, Reading::Checked),
            Accessor::Exact(get) => Reading::Exact(get(of).unwrap_or(f64::NAN)),
            Accessor::Count(get) => Reading::Count(get(of)),
            Accessor::Text(get) => get(of).map_or(Reading::Absent, Reading::Text),
            Accessor::List(get) => Reading::List(get(of)),
        }
    }
}

/// The quantity of a catalogue with this key.
///
/// # Panics
/// If the catalogue has no such key.
pub fn find<T>(catalogue: &'static [Quantity<T>], key: &str) -> &'static Quantity<T> {
    // A linear search of at most 60 keys, a few times for each file that is written.
    catalogue.iter().find(|quantity| quantity.key == key).expect("the catalogue has the key")
}

#[cfg(test)]
mod tests;
