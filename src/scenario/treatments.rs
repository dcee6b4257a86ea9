//! The mRS under both treatments by stratum, at all centres and times.

use super::{Outcomes, Scenario, Truth};
use crate::outcome::{LEVELS, MrsDistribution, OutcomeModel};
use crate::population::Population;
use crate::randomisation::Arm;

/// Distributions by stratum, under control and experimental treatment, or of both arms.
pub(super) type ByStratum = [Vec<MrsDistribution>; 2];

/// Distributions of the mRS under both treatments, under the alternative, in parts of the patients.
#[derive(Debug)]
pub(super) struct Treatments(Vec<Part>);

/// Patients of centres and times with the same log odds.
#[derive(Debug)]
struct Part {
    share: f64,
    by_stratum: ByStratum,
}

impl Treatments {
    /// One part for each pair of log odds and share in `circumstances`, or a single one unless
    /// `by_part`: without non-adherence, which may depend on the outcome, averages are enough. After a
    /// procedure there is always a single one.
    pub fn new(outcomes: &Outcomes, circumstances: &[(f64, f64)], by_part: bool) -> Self {
        match outcomes {
            Outcomes::Stated(models) => Self::stated(&models[0], circumstances, by_part),
            Outcomes::AfterProcedure(model) => {
                let model = model.without_crossover();
                Self(vec![Part::new(1.0, ARMS.map(|arm| model.by_stratum(arm)))]).in_parts(by_part)
            }
        }
    }

    /// Treatments of one model of stated outcomes, in parts as in [`Treatments::new`].
    pub fn stated(model: &OutcomeModel, circumstances: &[(f64, f64)], by_part: bool) -> Self {
        let parts = circumstances.iter().map(|&(log_odds, share)| {
            Part::new(share, ARMS.map(|arm| model.by_stratum(arm, log_odds)))
        });
        Self(parts.collect()).in_parts(by_part)
    }

    fn in_parts(self, by_part: bool) -> Self {
        if by_part { self } else { Self(vec![Part { share: 1.0, by_stratum: self.on_average() }]) }
    }

    /// Distributions averaged over all centres and times.
    pub fn on_average(&self) -> ByStratum {
        // A single part needs no average, whose rounding would change its last digits.
        if let [Part { by_stratum, .. }] = &self.0[..] {
            return by_stratum.clone();
        }
        [0, 1].map(|treatment| {
            (0..self.0[0].by_stratum[treatment].len())
                .map(|stratum| {
                    mixture(self.0.iter().map(|part| {
                        (part.share, *part.by_stratum[treatment][stratum].probabilities())
                    }))
                })
                .collect()
        })
    }

    /// The parts of the patients of a stratum: their share, and the mRS under control and experimental
    /// treatment.
    pub fn in_stratum(&self, stratum: usize) -> impl Iterator<Item = (f64, [MrsDistribution; 2])> {
        self.0
            .iter()
            .map(move |part| (part.share, part.by_stratum.each_ref().map(|strata| strata[stratum])))
    }
}

const ARMS: [Arm; 2] = [Arm::Control, Arm::Experimental];

impl Part {
    fn new(share: f64, by_stratum: [Vec<[f64; LEVELS]>; 2]) -> Self {
        let by_stratum = by_stratum.map(|strata| strata.into_iter().map(distribution).collect());
        Self { share, by_stratum }
    }
}

impl Scenario {
    /// Shares of the patients of a stratum, with their mRS under control and experimental treatment.
    pub fn treatments_in(
        &self,
        truth: Truth,
        stratum: usize,
    ) -> impl Iterator<Item = (f64, [MrsDistribution; 2])> {
        let configuration = self.configuration(truth);
        let at_margin = self.null_treatments.as_ref().filter(|_| truth == Truth::Null);
        let treatments = configuration.map(|it| &it.treatments).or(at_margin);
        let both_as_control = truth == Truth::Null && at_margin.is_none();
        let treatments = treatments.unwrap_or(&self.treatments);
        treatments.in_stratum(stratum).map(move |(share, [control, experimental])| {
            (share, [control, if both_as_control { control } else { experimental }])
        })
    }
}

/// The mRS under both treatments, or of both arms, in the whole population.
pub(super) fn marginal(by_stratum: &ByStratum, population: &Population) -> [MrsDistribution; 2] {
    by_stratum.each_ref().map(|strata| {
        let weighted = population.prognosis().zip(strata);
        mixture(weighted.map(|((share, _), mrs)| (share, *mrs.probabilities())))
    })
}

/// The weighted sum of distributions whose weights sum to 1.
pub(super) fn mixture(parts: impl Iterator<Item = (f64, [f64; LEVELS])>) -> MrsDistribution {
    let mut sums = [0.0; LEVELS];
    for (weight, part) in parts {
        sums.iter_mut().zip(part).for_each(|(sum, p)| *sum += weight * p);
    }
    distribution(sums)
}

fn distribution(shares: [f64; LEVELS]) -> MrsDistribution {
    // If all patients have the same mRS, rounding may leave a share just above 1, which would be read as
    // a percentage.
    let shares = shares.map(|share| share.min(1.0));
    MrsDistribution::new(shares).expect("shares of a whole are a distribution")
}
