//! The quantities of every object of a result.

mod analysis;
mod look;
mod population;
mod prior;
mod procedure;
mod reestimation;
mod success;
mod trial;

use super::{Accessor, Quantity, Reading, Unit};
use crate::summary::McEstimate;
use crate::summary::procedure::Checked;
pub use analysis::ANALYSIS;
pub use look::LOOK;
pub use population::{POPULATION, POPULATION_CHOICE, POPULATION_LEVEL};
pub use prior::{COMPONENT, PRIOR, PRIOR_ANALYSIS};
pub use procedure::{ARM, GROUP, PASS, PROCEDURE};
pub use reestimation::{REESTIMATION, ZONE};
pub use success::{SUCCESS, SUCCESS_ANALYSIS, SUCCESS_LOOK};
pub use trial::{
    BALANCE, CENTRES, CUT, DESCRIPTION, LEVEL, MODIFIED, SAFETY, SAFETY_LOOK, SUBGROUP, TRUTH,
};

// One constructor per kind of accessor, so that entries read as rows of a table.

const fn simulated<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> McEstimate,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::Simulated(get))
}

const fn simulated_if_any<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> Option<McEstimate>,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::SimulatedIfAny(get))
}

const fn extreme<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> McEstimate,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::Extreme(get))
}

const fn checked<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> Checked,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::Checked(get))
}

const fn checked_if_any<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> Option<Checked>,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::CheckedIfAny(get))
}

const fn exact<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> Option<f64>,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::Exact(get))
}

const fn count<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> u64,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::Count(get))
}

const fn text<T>(
    key: &'static str,
    label: &'static str,
    get: fn(&T) -> Option<&str>,
) -> Quantity<T> {
    Quantity::new(key, Unit::None, label, Accessor::Text(get))
}

const fn list<T>(
    key: &'static str,
    unit: Unit,
    label: &'static str,
    get: fn(&T) -> Vec<Reading<'static>>,
) -> Quantity<T> {
    Quantity::new(key, unit, label, Accessor::List(get))
}

/// Adds a quantity to the columns of a sweep.
const fn in_sweep<T>(column: &'static str, quantity: Quantity<T>) -> Quantity<T> {
    Quantity { column: Some(column), ..quantity }
}

fn exact_list(values: impl IntoIterator<Item = Option<f64>>) -> Vec<Reading<'static>> {
    values.into_iter().map(|value| Reading::Exact(value.unwrap_or(f64::NAN))).collect()
}
