//! Adverse events: how often the trials show a difference, and how often they reach a boundary.

use serde::{Deserialize, Serialize};

use super::McEstimate;
use super::moments::Moments;
use crate::expected::Expected;
use crate::num::normal::upper_quantile;
use crate::scenario::{Safety, Truth};
use crate::trial::SafetyResult;

/// An adverse event under one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SafetySummary {
    /// Name in the scenario.
    pub name: String,
    /// The share of control and experimental arm that has it, of those in whom it is known; null
    /// for deaths under the prior.
    pub truth: Option<[f64; 2]>,
    /// Mean share among all who were randomised when the first analysis ended the trial, with those
    /// of the overrun.
    pub rate: [McEstimate; 2],
    /// Level of the comparison.
    pub alpha_two_sided: f64,
    /// P(the comparison then shows more events in the experimental arm).
    pub more: McEstimate,
    /// P(it shows fewer).
    pub fewer: McEstimate,
    /// P(more are shown) in trials that run to their end, by enumeration, with more than 1000 patients
    /// by the normal approximation; null where it has none.
    pub more_by_formula: Option<f64>,
    /// The boundary look by look, were nothing else to stop the trial; empty without a boundary.
    pub looks: Vec<SafetyLook>,
}

/// A look at an adverse event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SafetyLook {
    /// From 1; the last is the final look, which stops nothing any more.
    pub look: usize,
    /// Patients expected to be known.
    pub planned_patients: u32,
    /// Harm is shown by a Z at or below this; null where the look is not tested, as nobody new is
    /// known.
    pub z: Option<f64>,
    /// P(the boundary is reached here for the first time).
    pub reached: McEstimate,
    /// P(it is reached here or before).
    pub reached_cumulative: McEstimate,
    /// The same by enumeration of the patients expected, with more than 1000 by the normal
    /// approximation; null where it has none.
    pub by_formula_cumulative: Option<f64>,
}

/// Counts over the replicates of one truth, of one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SafetyTally {
    #[serde(skip)]
    critical: f64,
    n: u64,
    rates: [Moments; 2],
    more: u64,
    fewer: u64,
    /// By planned look.
    reached: Vec<u64>,
}

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

    /// One trial, in which so many looks take place. A comparison that the data do not allow shows
    /// nothing.
    pub fn add(&mut self, result: &SafetyResult, looks: usize) {
        self.n += 1;
        self.more += u64::from(result.z <= -self.critical);
        self.fewer += u64::from(result.z >= self.critical);
        for (moments, counts) in self.rates.iter_mut().zip(result.counts) {
            if counts.patients > 0 {
                moments.add(f64::from(counts.events) / f64::from(counts.patients));
            }
        }
        if let Some(position) = result.reached {
            // A final look may follow fewer interims than planned.
            let last = self.reached.len() - 1;
            self.reached[if position + 1 == looks { last } else { position }] += 1;
        }
    }

    /// Whether it can be that of `n` replicates.
    pub fn is_of(&self, n: u64) -> bool {
        let at_most_n =
            |counts: &[u64]| counts.iter().copied().map(u128::from).sum::<u128>() <= u128::from(n);
        self.n == n
            && at_most_n(&[self.more, self.fewer])
            && at_most_n(&self.reached)
            && self.rates.iter().all(|rate| rate.is_possible(1.0) && rate.n() <= n)
    }

    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.more += other.more;
        self.fewer += other.fewer;
        self.rates.iter_mut().zip(&other.rates).for_each(|(a, b)| a.merge(b));
        self.reached.iter_mut().zip(&other.reached).for_each(|(a, b)| *a += b);
    }
}

impl SafetySummary {
    pub(super) fn new(
        expected: &Expected<'_>,
        truth: Truth,
        safety: &Safety,
        endpoint: usize,
        tally: &SafetyTally,
    ) -> Self {
        let proportion = |count| McEstimate::proportion(count, tally.n);
        let by_formula = expected.safety_crossing(truth, endpoint);
        let endpoint = &safety.endpoints[endpoint];
        let look = |(k, boundary): (usize, &crate::design::safety::SafetyBoundary)| SafetyLook {
            look: k + 1,
            planned_patients: boundary.patients()[k],
            z: Some(boundary.bound(k)).filter(|z| z.is_finite()),
            reached: proportion(tally.reached[k]),
            reached_cumulative: proportion(tally.reached[..=k].iter().sum()),
            by_formula_cumulative: by_formula.map(|crossing| crossing[..=k].iter().sum()),
        };
        let looks = tally.reached.len();
        Self {
            name: endpoint.name.clone(),
            truth: expected.event_rates(truth, &endpoint.event),
            rate: tally.rates.each_ref().map(McEstimate::mean),
            alpha_two_sided: safety.alpha_two_sided,
            more: proportion(tally.more),
            fewer: proportion(tally.fewer),
            more_by_formula: expected.power_to_show_more(truth, endpoint),
            looks: endpoint
                .boundary
                .iter()
                .flat_map(|it| (0..looks).map(move |k| (k, it)))
                .map(look)
                .collect(),
        }
    }
}
