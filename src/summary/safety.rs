//! Adverse events: how often they differ significantly between the arms, and how often they cross a
//! boundary.

use serde::{Deserialize, Serialize};

use super::merge::{merge_fields, sum};
use super::moments::ExactMoments;
use super::{McEstimate, Tally};
use crate::design::safety::SafetyBoundary;
use crate::expected::Expected;
use crate::num::normal::upper_quantile;
use crate::scenario::{Safety, Scenario, Truth};
use crate::trial::SafetyResult;

/// An adverse event under one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SafetySummary {
    /// Name in the scenario.
    pub name: String,
    /// Share of the control and of the experimental arm with the event, of the patients in whom it is known;
    /// null for deaths under the prior.
    pub truth: Option<[f64; 2]>,
    /// Mean share of each arm with the event, among all patients randomised when the primary analysis ended
    /// the trial, including the overrun.
    pub rate: [McEstimate; 2],
    /// Two-sided level of the comparison.
    pub alpha_two_sided: f64,
    /// P(significantly more events in the experimental arm at that time).
    pub more: McEstimate,
    /// P(significantly fewer events in the experimental arm at that time).
    pub fewer: McEstimate,
    /// `more` in trials that run to their end, by enumeration, with more than 1000 patients by the normal
    /// approximation; null if it has no value.
    pub more_by_formula: Option<f64>,
    /// Crossing of the boundary look by look, if nothing else stopped the trial; empty without a boundary.
    pub looks: Vec<SafetyLook>,
}

/// One look at an adverse event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SafetyLook {
    /// Number of the look, from 1; the last is the final look, which can stop nothing.
    pub look: usize,
    /// Expected number of patients assessed.
    pub planned_patients: u32,
    /// Boundary: harm is significant at this Z or below; null if the look is not tested, as no further
    /// patients have been assessed.
    pub z: Option<f64>,
    /// P(the boundary is crossed for the first time at this look).
    pub reached: McEstimate,
    /// P(the boundary is crossed at this look or earlier).
    pub reached_cumulative: McEstimate,
    /// `reached_cumulative` by enumeration of the patients expected, with more than 1000 by the normal
    /// approximation; null if it has no value.
    pub by_formula_cumulative: Option<f64>,
}

/// Counts of one event over the replicates of one truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SafetyTally {
    /// Z at which a difference is significant.
    #[serde(skip)]
    critical: f64,
    n: u64,
    rates: [ExactMoments; 2],
    more: u64,
    fewer: u64,
    /// First crossings of the boundary, by planned look.
    reached: Vec<u64>,
}

merge_fields!(SafetyTally { n, rates, more, fewer, reached } keep { critical });

impl SafetyTally {
    pub fn new(safety: &Safety, looks: usize) -> Self {
        Self {
            critical: upper_quantile(0.5 * safety.alpha_two_sided),
            n: 0,
            rates: Default::default(),
            more: 0,
            fewer: 0,
            reached: vec![0; looks],
        }
    }

    /// Adds one trial. A Z that the data do not allow is NaN and not significant.
    pub fn add(&mut self, result: &SafetyResult) {
        self.n += 1;
        self.more += u64::from(result.z <= -self.critical);
        self.fewer += u64::from(result.z >= self.critical);
        for (moments, counts) in self.rates.iter_mut().zip(result.counts) {
            // An arm in which no patients are assessed has no rate; 0 would lower the mean.
            if counts.patients > 0 {
                moments.add(f64::from(counts.events) / f64::from(counts.patients));
            }
        }
        if let Some(position) = result.reached {
            self.reached[position] += 1;
        }
    }

    fn proportion(&self, count: u64) -> McEstimate {
        McEstimate::proportion(count, self.n)
    }

    /// Whether `n` replicates can have these counts.
    pub fn is_of(&self, n: u64) -> bool {
        self.n == n
            && sum([self.more, self.fewer]) <= u128::from(n)
            && sum(self.reached.iter().copied()) <= u128::from(n)
            && self.rates.iter().all(|rate| rate.is_possible(1.0) && rate.n() <= n)
    }
}

impl SafetySummary {
    /// Reads one adverse event off a tally, given its position in the scenario; `None` without adverse
    /// events.
    pub(super) fn new(
        expected: &Expected<'_>,
        scenario: &Scenario,
        truth: Truth,
        event: usize,
        whole: &Tally,
    ) -> Option<Self> {
        let safety = scenario.safety.as_ref()?;
        let endpoint = &safety.endpoints[event];
        let tally = &whole.safety(truth)[event];
        let by_formula = expected.safety_crossing(truth, event);
        let looks = endpoint.boundary.iter().flat_map(|boundary| {
            (0..tally.reached.len()).map(move |k| SafetyLook::new(boundary, tally, by_formula, k))
        });
        Some(Self {
            name: endpoint.name.clone(),
            truth: expected.event_rates(truth, &endpoint.event),
            rate: tally.rates.each_ref().map(McEstimate::mean),
            alpha_two_sided: safety.alpha_two_sided,
            more: tally.proportion(tally.more),
            fewer: tally.proportion(tally.fewer),
            more_by_formula: expected.power_to_show_more(truth, endpoint),
            looks: looks.collect(),
        })
    }
}

impl SafetyLook {
    fn new(
        boundary: &SafetyBoundary,
        tally: &SafetyTally,
        by_formula: Option<&[f64]>,
        k: usize,
    ) -> Self {
        Self {
            look: k + 1,
            planned_patients: boundary.patients()[k],
            z: Some(boundary.bound(k)).filter(|z| z.is_finite()),
            reached: tally.proportion(tally.reached[k]),
            reached_cumulative: tally.proportion(tally.reached[..=k].iter().sum()),
            by_formula_cumulative: by_formula.map(|crossing| crossing[..=k].iter().sum()),
        }
    }
}
