//! Exact operating characteristics of a promising zone for two proportions, by enumeration.

use serde::Serialize;

use super::{FinalStatistic, PromisingZone};
use crate::analysis::two_proportions::{self, ArmEvents, ProportionTest};
use crate::design::exact::binomial;

/// Distance from a bound up to which a statistic counts as being at the bound.
// Tables with mathematically equal Z differ in their last bits by the order of operations.
const TIE: f64 = 1e-11;

/// Exact operating characteristics at one pair of rates, for arms of equal size and the pooled Z.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnumeratedCharacteristics {
    /// P(efficacy) by the weighted statistic.
    pub weighted: f64,
    /// P(efficacy) by the conventional statistic.
    pub conventional: f64,
    /// P(efficacy) by the conventional statistic without re-estimation.
    pub fixed: f64,
    /// Mean number of patients with an outcome.
    pub expected_size: f64,
    /// P(the size is the maximum).
    pub at_maximum: f64,
    /// P(efficacy at the interim look).
    pub early: f64,
    /// P(the interim result is in the zone), in the order of [`Zone::ALL`](super::Zone::ALL).
    pub zones: [f64; 3],
}

/// Returns the pooled Z of successes among as many patients in each arm; 0 if all patients are alike.
pub(super) fn pooled_z(successes: [u32; 2], patients: u32) -> f64 {
    let arms = successes
        .map(|events| ArmEvents { events: f64::from(events), patients: f64::from(patients) });
    // Patients who are all alike are no evidence: 0 reaches no efficacy bound.
    two_proportions::z(&arms, ProportionTest::PooledZ).unwrap_or(0.0)
}

/// A result of the first stage.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstStage {
    /// Successes of control and experimental arm.
    pub successes: [u32; 2],
    pub probability: f64,
}

/// Lists all results of `patients` in each arm.
pub(super) fn first_stages(patients: u32, rates: [f64; 2]) -> Vec<FirstStage> {
    let [control, experimental] = rates.map(|rate| distribution(patients, rate));
    let mut stages = Vec::with_capacity(control.len() * experimental.len());
    for (x, p) in (0..).zip(&control) {
        for (y, q) in (0..).zip(&experimental) {
            stages.push(FirstStage { successes: [x, y], probability: p * q });
        }
    }
    stages
}

fn distribution(patients: u32, rate: f64) -> Vec<f64> {
    let mut out = Vec::new();
    binomial(patients, rate, &mut out);
    out
}

/// Further patients of each arm, with the distribution of their successes.
#[derive(Debug)]
pub(super) struct SecondStage {
    patients: u32,
    /// P(this number of successes) in the control arm.
    control: Vec<f64>,
    /// P(at least this number of successes) in the experimental arm; one more entry, of 0.
    experimental_tail: Vec<f64>,
}

impl SecondStage {
    pub(super) fn new(patients: u32, rates: [f64; 2]) -> Self {
        let mut experimental_tail = distribution(patients, rates[1]);
        for y in (0..patients as usize).rev() {
            experimental_tail[y] += experimental_tail[y + 1];
        }
        experimental_tail.push(0.0);
        Self { patients, control: distribution(patients, rates[0]), experimental_tail }
    }

    /// Computes P(`reaches`) of successes in both arms: it is to fall with those of the control arm and
    /// to rise with those of the experimental arm.
    fn probability(&self, reaches: impl Fn([u32; 2]) -> bool) -> f64 {
        // The number needed only grows, and all pairs are walked in one sweep.
        let mut needed = 0;
        let mut sum = 0.0;
        for (x, p) in (0..).zip(&self.control) {
            while needed <= self.patients && !reaches([x, needed]) {
                needed += 1;
            }
            sum += p * self.experimental_tail[needed as usize];
        }
        sum
    }

    /// Computes P(the pooled Z of all data is at or above `bound`).
    pub(super) fn conventional(&self, first: [u32; 2], interim: u32, bound: f64) -> f64 {
        let patients = interim + self.patients;
        self.probability(|second| {
            pooled_z([first[0] + second[0], first[1] + second[1]], patients) >= bound - TIE
        })
    }

    /// Computes P(the pooled Z of the second stage alone is at or above `bound`).
    fn alone(&self, bound: f64) -> f64 {
        self.probability(|second| pooled_z(second, self.patients) >= bound - TIE)
    }
}

impl PromisingZone {
    /// Computes exact operating characteristics at the rates of control and experimental arm, for arms
    /// of equal size, the pooled Z, and sizes rounded up to whole pairs.
    pub fn exact(&self, rates: [f64; 2]) -> EnumeratedCharacteristics {
        let (sizes, bounds) = (self.sizes(), self.bounds());
        let interim = (0.5 * sizes.interim).round() as u32;
        let most = (0.5 * sizes.maximum).round() as u32 - interim;
        let planned = SecondStage::new((0.5 * sizes.planned).round() as u32 - interim, rates);
        let mut second: Vec<Option<SecondStage>> = (0..=most).map(|_| None).collect();
        let mut out = EnumeratedCharacteristics {
            weighted: 0.0,
            conventional: 0.0,
            fixed: 0.0,
            expected_size: 0.0,
            at_maximum: 0.0,
            early: 0.0,
            zones: [0.0; 3],
        };
        for FirstStage { successes, probability } in first_stages(interim, rates) {
            let z = pooled_z(successes, interim);
            out.zones[self.zone(z) as usize] += probability;
            if z >= bounds.interim - TIE {
                let sums =
                    [&mut out.weighted, &mut out.conventional, &mut out.fixed, &mut out.early];
                sums.into_iter().for_each(|sum| *sum += probability);
                out.expected_size += probability * sizes.interim;
                continue;
            }
            if z <= self.lower() {
                out.expected_size += probability * sizes.interim;
                continue;
            }
            let size = self.whole_size(z, 2);
            out.expected_size += probability * f64::from(size);
            out.at_maximum += if f64::from(size) >= sizes.maximum { probability } else { 0.0 };
            let further = size / 2 - interim;
            let stage =
                second[further as usize].get_or_insert_with(|| SecondStage::new(further, rates));
            let alone = self.needed(FinalStatistic::Weighted, z, f64::from(size));
            out.weighted += probability * stage.alone(alone);
            out.conventional += probability * stage.conventional(successes, interim, bounds.last);
            out.fixed += probability * planned.conventional(successes, interim, bounds.last);
        }
        out
    }
}
