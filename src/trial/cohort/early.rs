//! Early mRS of the patients of a look.

use super::Cohort;
use crate::bayes::EarlyCounts;
use crate::scenario::AnalysisSet;
use crate::trial::{LookIndex, LookMoment};

/// Patients of a look, and when their early mRS is known.
#[derive(Debug, Clone, Copy)]
pub(in crate::trial) struct EarlySelection {
    pub look: LookIndex,
    pub moment: LookMoment,
    /// Days after randomisation.
    pub known_after_days: f64,
    pub set: AnalysisSet,
}

impl Cohort {
    /// Counts the patients of a look who are in the population, by early mRS, control arm first: those with
    /// an outcome, and those randomised whom the look does not analyse and whose early mRS is known.
    pub fn early_counts(
        &self,
        selection: EarlySelection,
        is_in_population: impl Fn(usize) -> bool,
    ) -> [EarlyCounts; 2] {
        let EarlySelection { look, moment, known_after_days, set } = selection;
        let mut counts = [EarlyCounts::default(); 2];
        for i in (0..moment.at_data.randomised as usize).filter(|&i| is_in_population(i)) {
            let Some(arm) = self.arm_in(set, i) else { continue };
            let of_arm = &mut counts[arm.index()];
            let early = self.early[i].index();
            if usize::from(self.due_from[i]) > look.taken {
                // Whether or not an outcome will follow: at the look that is not known.
                let known = self.enrolled.arrival_days[i] + known_after_days <= moment.day;
                of_arm.pending[early] += u32::from(known);
            } else if self.outcome_days[i] < f64::INFINITY {
                of_arm.completed[early][self.mrs[i].index()] += 1;
            }
        }
        counts
    }
}
