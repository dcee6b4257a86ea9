//! Scenarios run on the same random numbers, so that their differences are paired.
//!
//! Patient i of replicate r has the same latent draws in every scenario. The randomness that two
//! scenarios share cancels from their difference, whose Monte Carlo error is that of the differences
//! within replicates.

mod quantity;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::engine::Accumulator;
use crate::scenario::{Scenario, Truth};
use crate::summary::checkpoint::{StoredTotal, stored};
use crate::summary::{
    ExactMoments, McEstimate, Merge, NamedQuantity, error_of_difference_to_stop_by,
};
use crate::trial::ReplicateResult;

use quantity::{PairedQuantity, quantities};

/// Scenarios that can be compared, and the quantities that they have in common.
#[derive(Debug)]
pub struct PairedComparison<'s> {
    scenarios: &'s [Scenario],
    /// Index of each common analysis in each scenario.
    analyses: Vec<Vec<usize>>,
    /// Each configuration that all scenarios have, by its name, as a truth of each scenario.
    configurations: Vec<Vec<Truth>>,
    quantities: Vec<PairedQuantity>,
}

/// The reason why scenarios cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// Fewer than two scenarios.
    #[error("there is nothing to compare: expected two scenarios or more")]
    TooFew,
    /// No analysis is in all scenarios.
    #[error(
        "the scenarios have no analysis in common; scenario 1 has {first}; scenario {number} has {other}"
    )]
    NoCommonAnalysis {
        /// Analyses of the first scenario.
        first: String,
        /// Number of the scenario, from 1, that shares no analysis with those before it.
        number: usize,
        /// Analyses of that scenario.
        other: String,
    },
}

impl<'s> PairedComparison<'s> {
    /// Finds the quantities that the scenarios have in common: those of analyses by the same method, and
    /// those of the patients.
    ///
    /// # Errors
    /// [`ComparisonError`] if there are fewer than two scenarios, or no analysis is in all of them.
    pub fn new(scenarios: &'s [Scenario]) -> Result<Self, ComparisonError> {
        let [first, others @ ..] = scenarios else { return Err(ComparisonError::TooFew) };
        // A single scenario differs from nothing.
        if others.is_empty() {
            return Err(ComparisonError::TooFew);
        }
        let mut analyses: Vec<Vec<usize>> = (0..first.analyses.len()).map(|i| vec![i]).collect();
        for (i, other) in others.iter().enumerate() {
            // By method, not by position or name: the second scenario may list them in another order.
            analyses.retain_mut(|places| {
                let mine = first.file().analyses_primary_first()[places[0]];
                let theirs = other.file().analyses_primary_first();
                let place = theirs.iter().position(|other| other.is_like(mine));
                places.extend(place);
                place.is_some()
            });
            if analyses.is_empty() {
                let (first, other) = (describe(first), describe(other));
                return Err(ComparisonError::NoCommonAnalysis { first, number: i + 2, other });
            }
        }
        // Fixed before the run, so that every worker's totals have the same columns.
        let configurations = common_configurations(scenarios);
        let quantities = quantities(analyses.len(), configurations.len(), scenarios);
        Ok(Self { scenarios, analyses, configurations, quantities })
    }

    /// Returns an empty tally.
    pub fn tally(&self) -> ComparisonTally<'_> {
        let tallies = vec![ExactMoments::default(); self.quantities.len()];
        ComparisonTally {
            comparison: self,
            values: vec![tallies.clone(); self.scenarios.len()],
            differences: vec![tallies; self.scenarios.len() - 1],
        }
    }
}

fn describe(scenario: &Scenario) -> String {
    let analyses = scenario.file().analyses_primary_first();
    analyses
        .iter()
        .map(|analysis| format!("\"{}\"", analysis.describe()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Lists the configurations whose name all scenarios have, in the order of the first.
fn common_configurations(scenarios: &[Scenario]) -> Vec<Vec<Truth>> {
    let names = scenarios[0].configurations.iter().map(|configuration| &configuration.name);
    names
        .filter_map(|name| scenarios.iter().map(|scenario| scenario.truth_named(name)).collect())
        .collect()
}

/// Moments of every quantity, and of its differences from the first scenario.
#[derive(Debug, Clone)]
pub struct ComparisonTally<'c> {
    comparison: &'c PairedComparison<'c>,
    /// Moments of the values, by scenario and quantity.
    values: Vec<Vec<ExactMoments>>,
    /// Moments of the differences, by scenario from the second on, and quantity.
    differences: Vec<Vec<ExactMoments>>,
}

impl Accumulator for ComparisonTally<'_> {
    fn add(&mut self, results: &[ReplicateResult]) {
        for (i, &quantity) in self.comparison.quantities.iter().enumerate() {
            let mut first = None;
            for (place, result) in results.iter().enumerate() {
                let value = self.comparison.value(quantity, place, result);
                if place == 0 {
                    first = value;
                }
                let Some(value) = value else { continue };
                self.values[place][i].add(value);
                // A replicate without the quantity in either scenario has no difference.
                if let Some(first) = first.filter(|_| place > 0) {
                    self.differences[place - 1][i].add(value - first);
                }
            }
        }
    }

    fn merge(&mut self, other: Self) {
        // Moments are exact sums: the order of merging does not matter.
        let mine = self.values.iter_mut().chain(&mut self.differences).flatten();
        let theirs = other.values.iter().chain(&other.differences).flatten();
        mine.zip(theirs).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}

/// Moments of a comparison as a checkpoint has them.
#[derive(Serialize, Deserialize)]
struct StoredMoments<'m> {
    values: Cow<'m, [Vec<ExactMoments>]>,
    differences: Cow<'m, [Vec<ExactMoments>]>,
}

impl StoredTotal for ComparisonTally<'_> {
    fn to_stored(&self) -> Box<RawValue> {
        stored(&StoredMoments {
            values: Cow::Borrowed(&self.values),
            differences: Cow::Borrowed(&self.differences),
        })
    }

    fn from_stored(mut empty: Self, text: &str, _: &[&Scenario], n: u64) -> Option<Self> {
        let StoredMoments { values, differences } = serde_json::from_str(text).ok()?;
        let fits = have_shape_of(&values, &empty.values)
            && have_shape_of(&differences, &empty.differences)
            // Forged sums could overflow when they are merged.
            && values.iter().chain(&*differences).flatten().all(|moments| {
                moments.n() <= n && moments.is_possible(f64::INFINITY)
            });
        empty.values = values.into_owned();
        empty.differences = differences.into_owned();
        fits.then_some(empty)
    }
}

/// Whether there are as many moments, scenario by scenario.
fn have_shape_of(read: &[Vec<ExactMoments>], empty: &[Vec<ExactMoments>]) -> bool {
    read.iter().map(Vec::len).eq(empty.iter().map(Vec::len))
}

/// A quantity in every scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedQuantity {
    /// Name of the quantity: `shift.power`, `experimental.minutes` …
    #[serde(rename = "figure")]
    pub quantity: String,
    /// Values of the quantity, by scenario.
    pub values: Vec<McEstimate>,
    /// Differences from the first scenario, by scenario from the second on.
    pub differences: Vec<Difference>,
}

/// A difference from the first scenario.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// The difference with its paired Monte Carlo error.
    #[serde(flatten)]
    pub paired: McEstimate,
    /// Monte Carlo error that the difference would have if the scenarios used independent random numbers.
    pub mcse_unpaired: f64,
    /// Paired error over unpaired; NaN (null in JSON) if neither varies.
    pub mcse_ratio: f64,
}

impl PairedComparison<'_> {}

impl PairedQuantity {}

impl ComparisonTally<'_> {
    /// Returns the largest standard error of a quantity's paired differences, over analyses and
    /// scenarios, by which a run may be stopped; NaN if the quantity is not compared.
    pub fn error_to_stop_by(&self, quantity: NamedQuantity) -> f64 {
        let mut largest = f64::NAN;
        for (i, compared) in self.comparison.quantities.iter().enumerate() {
            if compared.named() != Some(quantity) {
                continue;
            }
            for differences in &self.differences {
                // Rejections that have not differed so far have an error of 0, but may still differ.
                let error = if quantity.is_probability() {
                    error_of_difference_to_stop_by(&differences[i])
                } else {
                    McEstimate::mean(&differences[i]).mcse
                };
                largest = largest.max(error);
            }
        }
        largest
    }

    /// Returns every quantity with its differences.
    pub fn quantities(&self) -> Vec<ComparedQuantity> {
        let mut quantities = Vec::new();
        for (i, &quantity) in self.comparison.quantities.iter().enumerate() {
            let values: Vec<McEstimate> =
                self.values.iter().map(|of| McEstimate::mean(&of[i])).collect();
            let differences = self
                .differences
                .iter()
                .zip(&values[1..])
                .map(|(of, value)| {
                    let paired = McEstimate::mean(&of[i]);
                    // The variance of a difference of independent means is the sum of theirs.
                    let mcse_unpaired = libm::hypot(values[0].mcse, value.mcse);
                    Difference { paired, mcse_unpaired, mcse_ratio: paired.mcse / mcse_unpaired }
                })
                .collect();
            let quantity = self.comparison.key(quantity);
            quantities.push(ComparedQuantity { quantity, values, differences });
        }
        quantities
    }
}
