//! Levels by a closed test: those that continue, and those in which an effect is shown.

use super::super::{InvalidLook, LookConclusion};
use super::{Judgement, LevelFound, Patients, invalid};
use crate::design::enrichment::{Enrichment, LevelSet, LevelStages, MOST_LEVELS};
use crate::num::finite;
use crate::scenario::PopulationAdaptation;
use crate::scenario::patients::TrialPatient;
use crate::trial::observed::ObservedLook;

/// The rule of a closed test.
pub(super) struct TestOfLevels {
    pub test: Enrichment,
    pub ordered: bool,
}

impl TestOfLevels {
    /// Computes the Z of each level at the look that decides on the levels, −∞ without a statistic.
    pub fn first_stage(&self, patients: &Patients<'_>) -> Vec<LevelFound> {
        let levels = (0..patients.adaptation.levels).map(|level| {
            let (analysed, test) = patients.test(LevelSet::NONE.with(level));
            let first_z = finite(test.z);
            LevelFound {
                analysed: [analysed, 0],
                first_z,
                power: self.test.expected_power(first_z.unwrap_or(f64::NEG_INFINITY)),
                second_z: None,
                combined_z: None,
            }
        });
        levels.collect()
    }

    pub fn continuing(&self, first: &[LevelFound]) -> LevelSet {
        let z: Vec<f64> = first.iter().map(LevelFound::first_or_least).collect();
        PopulationAdaptation::continuing(&self.test, self.ordered, &z)
    }

    /// Decides which levels continue.
    pub fn judge_levels(&self, first: Vec<LevelFound>) -> Judgement {
        let left = self.continuing(&first);
        let conclusion =
            if left.is_empty() { LookConclusion::Futility } else { LookConclusion::Continue };
        Judgement { left, shown: LevelSet::NONE, conclusion, levels: first, judged: Vec::new() }
    }

    /// Tests the levels left by both stages.
    pub fn judge_finally(
        &self,
        patients: &Patients<'_>,
        interim: &[TrialPatient],
        mut levels: Vec<LevelFound>,
        left: LevelSet,
    ) -> Result<Judgement, InvalidLook> {
        let Patients { scenario, analysis, .. } = *patients;
        let at_interim = Patients { all: interim, ..*patients };
        let mut stages = [LevelStages { first: f64::NEG_INFINITY, second: None }; MOST_LEVELS];
        for (level, found) in levels.iter_mut().enumerate() {
            stages[level].first = found.first_or_least();
            if !left.has(level) {
                continue;
            }
            let only = LevelSet::NONE.with(level);
            let (first, last) = (at_interim.of(only), patients.of(only));
            let first = ObservedLook::new(scenario, analysis, &first);
            let last = ObservedLook::new(scenario, analysis, &last);
            let second = last.after(&first).ok_or_else(|| {
                invalid(
                    "--interim-day: more patients with some mRS at that look than finally; expected: a day \
                     before --cutoff-day",
                )
            })?;
            found.analysed[1] = second.all.total();
            // Patients without a statistic are no evidence of an effect.
            found.second_z = finite(second.test().z);
            let has_patients = second.known.all.total() > 0 && found.first_z.is_some();
            stages[level].second =
                has_patients.then_some(found.second_z.unwrap_or(f64::NEG_INFINITY));
        }
        if left.iter().all(|level| levels[level].analysed[1] == 0) {
            return Err(invalid(
                "--interim-day: no outcome in the levels left is later than that look; expected: the day of \
                 its data",
            ));
        }
        let adjusted = self.test.adjusted(&stages[..levels.len()]);
        let shown: LevelSet =
            left.iter().filter(|&level| adjusted[level] >= self.test.critical()).collect();
        for (found, z) in levels.iter_mut().zip(adjusted) {
            found.combined_z = finite(z);
        }
        let conclusion = if shown.is_empty() {
            LookConclusion::NotSignificant
        } else {
            LookConclusion::Efficacy
        };
        Ok(Judgement { left, shown, conclusion, levels, judged: Vec::new() })
    }
}

impl LevelFound {
    /// Z at the look that decides; without a statistic there is no evidence of an effect.
    fn first_or_least(&self) -> f64 {
        self.first_z.unwrap_or(f64::NEG_INFINITY)
    }
}
