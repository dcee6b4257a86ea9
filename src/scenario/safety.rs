//! Adverse events of a scenario.

use std::sync::OnceLock;

use super::{Scenario, Truth};
use crate::analysis::two_proportions::ProportionTest;
use crate::design::safety::SafetyBoundary;
use crate::outcome::safety::Event;

/// Adverse events that are compared when a trial ends, and may stop it before.
#[derive(Debug, Clone)]
pub struct Safety {
    /// One to eight.
    // Their events are bits of a byte.
    pub endpoints: Vec<SafetyEndpoint>,
    /// Two-sided significance level of the comparisons when a trial ends.
    pub alpha_two_sided: f64,
}

/// An adverse event.
#[derive(Debug, Clone)]
pub struct SafetyEndpoint {
    /// Name, unique within the scenario.
    pub name: String,
    /// How the event arises.
    pub event: Event,
    /// Days from randomisation until it is known whether it happened; death is known with the mRS.
    pub known_after_days: f64,
    /// Test that compares the arms.
    pub test: ProportionTest,
    /// Boundary that stops the trial, if any.
    pub boundary: Option<SafetyBoundary>,
    /// Probabilities of crossing the boundary, once they are computed.
    pub(crate) crossings: BoundaryCrossings,
}

/// Probabilities of first crossing a boundary at each look, by truth, each computed when it is first
/// needed.
// Part of the scenario, which all worker threads share: the probabilities may enumerate all pairs of
// counts at all looks, and control variates, summary and report need the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct BoundaryCrossings(Vec<OnceLock<Option<Vec<f64>>>>);

impl BoundaryCrossings {
    /// Room for this many truths.
    pub fn of_truths(truths: usize) -> Self {
        Self(vec![OnceLock::new(); truths])
    }

    /// Returns the probabilities under a truth, by `compute` if they are not yet known.
    pub fn get_or_compute(
        &self,
        truth: Truth,
        compute: impl FnOnce() -> Option<Vec<f64>>,
    ) -> Option<&[f64]> {
        self.0[truth.index()].get_or_init(compute).as_deref()
    }
}

impl Scenario {
    /// Lists the adverse events; none if none are followed.
    pub fn safety_endpoints(&self) -> &[SafetyEndpoint] {
        self.safety.as_ref().map_or(&[], |safety| &safety.endpoints)
    }

    /// Returns whether an adverse event can stop the trial.
    pub fn stops_for_safety(&self) -> bool {
        self.safety_endpoints().iter().any(|endpoint| endpoint.boundary.is_some())
    }

    /// Returns whether an interim look can end the trial for a reason that the efficacy boundaries do not rely on:
    /// futility that is not binding, harm or an adverse event.
    pub fn has_stops_to_disregard(&self) -> bool {
        self.design.has_stops_to_disregard() || self.stops_for_safety()
    }
}
