//! The mRS under both treatments, stratum by stratum, wherever and whenever patients come.

use super::{Outcomes, Scenario, Truth};
use crate::outcome::{LEVELS, MrsDistribution};
use crate::population::Population;
use crate::randomisation::Arm;

/// Distributions of each stratum under control and experimental treatment.
pub(super) type ByStratum = [Vec<MrsDistribution>; 2];

/// Those of the scenario, under the alternative.
#[derive(Debug)]
pub(super) struct Treatments(Vec<Part>);

/// Patients of centres and times with the same log odds.
#[derive(Debug)]
struct Part {
    share: f64,
    by_stratum: ByStratum,
}

impl Treatments {
    /// For patients with these (log odds, share) of centre and time, `apart` only where they are told
    /// apart; after a procedure they never are.
    pub fn new(outcomes: &Outcomes, circumstances: &[(f64, f64)], apart: bool) -> Self {
        let part = |share, by_stratum: &dyn Fn(Arm) -> Vec<[f64; LEVELS]>| {
            let distributions = |arm| by_stratum(arm).into_iter().map(distribution).collect();
            Part { share, by_stratum: [Arm::Control, Arm::Experimental].map(distributions) }
        };
        let parts = Self(match outcomes {
            Outcomes::Stated(models) => circumstances
                .iter()
                .map(|&(log_odds, share)| part(share, &|arm| models[0].by_stratum(arm, log_odds)))
                .collect(),
            Outcomes::AfterProcedure(model) => {
                let model = model.without_crossover();
                vec![part(1.0, &|arm| model.by_stratum(arm))]
            }
        });
        if apart {
            return parts;
        }
        Self(vec![Part { share: 1.0, by_stratum: parts.on_average() }])
    }

    /// Over all centres and times.
    pub fn on_average(&self) -> ByStratum {
        if let [Part { by_stratum, .. }] = &self.0[..] {
            return by_stratum.clone();
        }
        [0, 1].map(|arm| {
            let of_stratum = |stratum: usize| {
                let parts = self.0.iter().map(|part| (part.share, &part.by_stratum[arm][stratum]));
                mixture(parts.map(|(share, mrs)| (share, *mrs.probabilities())))
            };
            (0..self.0[0].by_stratum[arm].len()).map(of_stratum).collect()
        })
    }

    /// Shares of the patients of a stratum, with what they have under either treatment.
    pub fn in_stratum(&self, stratum: usize) -> impl Iterator<Item = (f64, [MrsDistribution; 2])> {
        let of_part = move |part: &Part| {
            (part.share, part.by_stratum.each_ref().map(|strata| strata[stratum]))
        };
        self.0.iter().map(of_part)
    }
}

impl Scenario {
    /// Shares of the patients of a stratum, with their mRS under control and experimental treatment.
    pub fn treatments_in(
        &self,
        truth: Truth,
        stratum: usize,
    ) -> impl Iterator<Item = (f64, [MrsDistribution; 2])> {
        self.treatments.in_stratum(stratum).map(move |(share, [control, experimental])| {
            (share, [control, if truth == Truth::Null { control } else { experimental }])
        })
    }
}

/// The mRS under either treatment, or in either arm, in the whole population.
pub(super) fn marginal(by_stratum: &ByStratum, population: &Population) -> [MrsDistribution; 2] {
    by_stratum.each_ref().map(|strata| {
        let weighted = population.prognosis().zip(strata);
        mixture(weighted.map(|((share, _), mrs)| (share, *mrs.probabilities())))
    })
}

/// Parts with their weights put together.
pub(super) fn mixture(parts: impl Iterator<Item = (f64, [f64; LEVELS])>) -> MrsDistribution {
    let mut sums = [0.0; LEVELS];
    for (weight, part) in parts {
        sums.iter_mut().zip(part).for_each(|(sum, p)| *sum += weight * p);
    }
    distribution(sums)
}

fn distribution(shares: [f64; LEVELS]) -> MrsDistribution {
    // Where everyone has the same mRS, rounding may leave a hair above 1, as if in per cent.
    let shares = shares.map(|share| share.min(1.0));
    MrsDistribution::new(shares).expect("shares of a whole are a distribution")
}
