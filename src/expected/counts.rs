//! Patients expected by cell, arm and mRS, as an analysis sees them.

use crate::analysis::Counts;
use crate::analysis::imputation::{Imputation, SingleImputation};
use crate::outcome::{Adherence, EarlyOutcome, LEVELS, Mrs, MrsDistribution};
use crate::randomisation::Arm;
use crate::scenario::{Analysis, AnalysisSet, Scenario, Truth};

/// Which patients are counted, in which arm, and with which outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counting<'s> {
    pub truth: Truth,
    pub missing: MissingAs,
    pub set: AnalysisSet,
    /// `None` counts patients as if all of them received the treatment of their arm.
    pub adherence: Option<&'s Adherence>,
}

/// How patients without an outcome are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum MissingAs {
    /// Patients counted with their outcome, as if it had been observed.
    Observed,
    /// Patients not counted.
    LeftOut,
    /// Patients counted with an imputed value.
    Imputed(SingleImputation),
}

impl<'s> Counting<'s> {
    /// Counts the patients of an analysis with its rule for missing outcomes.
    pub fn of_analysis(scenario: &'s Scenario, truth: Truth, analysis: &Analysis) -> Self {
        // Multiple imputation has no drift by formula; for its balance complete cases stand in.
        let missing = match &analysis.missing {
            Imputation::Single(rule) if scenario.has_dropout() => MissingAs::Imputed(*rule),
            Imputation::Single(_) | Imputation::None | Imputation::Multiple(_) => {
                MissingAs::LeftOut
            }
        };
        Self { truth, missing, set: analysis.set, adherence: scenario.adherence.as_ref() }
    }

    /// Patients expected per patient randomised, by cell of [`Scenario::detail`], arm and mRS.
    pub fn cells(&self, scenario: &Scenario) -> Vec<Counts> {
        let cells_per_stratum = cells_per_stratum(scenario);
        let mut cells = Vec::new();
        for (stratum, (share, _)) in scenario.population.prognosis().enumerate() {
            cells.push(self.counts_of_stratum(scenario, stratum, share));
            // No method groups patients within a stratum except by centre, and neither that nor
            // multiple imputation has a formula. So all patients of a stratum may be counted in its
            // first cell.
            cells.resize(cells.len() + cells_per_stratum - 1, [[0.0; LEVELS]; 2]);
        }
        cells
    }

    /// The first cell of each stratum, which holds all of the stratum's patients.
    pub fn strata(&self, scenario: &Scenario) -> Vec<Counts> {
        self.cells(scenario).into_iter().step_by(cells_per_stratum(scenario)).collect()
    }

    fn counts_of_stratum(&self, scenario: &Scenario, stratum: usize, share: f64) -> Counts {
        let mut counts = [[0.0; LEVELS]; 2];
        let share_experimental = scenario.ratio.share_experimental();
        for (part, treatments) in scenario.treatments_in(self.truth, stratum) {
            let share = share * part;
            for arm in [Arm::Control, Arm::Experimental] {
                let share_of_arm = match arm {
                    Arm::Control => 1.0 - share_experimental,
                    Arm::Experimental => share_experimental,
                };
                // Outcomes and dropout depend on the treatment received and on the arm allocated.
                let received = received_treatments(arm, stratum, &treatments, self.adherence);
                let lost = scenario.missingness.on_average(arm, stratum);
                for (treatment, mrs) in [Arm::Control, Arm::Experimental].into_iter().zip(received)
                {
                    let Some(analysed_in) = self.set.arm(arm, treatment) else { continue };
                    let early = scenario.early_outcome.as_ref();
                    let seen = self.missing.distribution(analysed_in, &mrs, &lost, early);
                    let share = share * share_of_arm;
                    let sums = counts[analysed_in.index()].iter_mut();
                    sums.zip(seen).for_each(|(sum, p)| *sum += share * p);
                }
            }
        }
        counts
    }
}

impl MissingAs {
    /// The mRS as the analysis sees it, from P(mRS = j) of all patients and the share `lost` at each
    /// level; sums to less than 1 when missing outcomes are left out. `arm` is the one that the patients
    /// are analysed in, whose value is imputed.
    fn distribution(
        self,
        arm: Arm,
        mrs: &[f64; LEVELS],
        lost: &[f64; LEVELS],
        early: Option<&EarlyOutcome>,
    ) -> [f64; LEVELS] {
        let rule = match self {
            Self::Observed => return *mrs,
            Self::LeftOut => None,
            Self::Imputed(rule) => Some(rule),
        };
        let mut seen: [f64; LEVELS] = std::array::from_fn(|level| mrs[level] * (1.0 - lost[level]));
        let missing: [f64; LEVELS] = std::array::from_fn(|level| mrs[level] * lost[level]);
        match rule {
            None => {}
            Some(SingleImputation::Value(values)) => {
                seen[values[arm.index()].index()] += missing.iter().sum::<f64>();
            }
            Some(SingleImputation::LastObservation) => {
                let early = early.expect("a scenario with this rule has an early mRS");
                for (later, missing) in Mrs::all().zip(missing) {
                    let first = early.given_loss(later);
                    seen.iter_mut().zip(first).for_each(|(p, first)| *p += missing * first);
                }
            }
        }
        seen
    }
}

/// P(mRS = j and treatment received) of the patients of an arm and stratum, by treatment received.
pub(super) fn received_treatments(
    arm: Arm,
    stratum: usize,
    treatments: &[MrsDistribution; 2],
    adherence: Option<&Adherence>,
) -> [[f64; LEVELS]; 2] {
    match adherence {
        Some(adherence) => adherence.expected(arm, stratum, treatments),
        None => {
            let mut received = [[0.0; LEVELS]; 2];
            received[arm.index()] = *treatments[arm.index()].probabilities();
            received
        }
    }
}

fn cells_per_stratum(scenario: &Scenario) -> usize {
    let early = if scenario.detail.by_early { LEVELS } else { 1 };
    match (&scenario.centres, scenario.detail.by_centre) {
        (Some(centres), true) => centres.number as usize * early,
        (Some(_), false) | (None, _) => early,
    }
}

/// Multiplies all counts by a number.
pub(super) fn scaled(counts: Counts, scale: f64) -> Counts {
    counts.map(|arm| arm.map(|count| count * scale))
}
