//! Numbers of a look that contradict the scenario or each other, and those that are implausible.

use rescuesim::analysis::OutcomeTable;
use rescuesim::design::monitor::RunningTrial;
use rescuesim::expected::plausibility::{self, ArmOutcomes, EarlierLook, LookFacts};
use rescuesim::outcome::LEVELS;
use rescuesim::report::monitoring::PathPoint;
use rescuesim::scenario::{Analysis, Scenario};

use super::data::LookData;
use super::{ArmPatients, Failure, MonitorArgs};

impl MonitorArgs {
    /// Refuses more patients than the trial randomises, and more outcomes than patients randomised.
    pub fn check_patients(
        &self,
        scenario: &Scenario,
        outcomes: &[u32],
        table: Option<&OutcomeTable>,
    ) -> Result<(), Failure> {
        let planned = scenario.randomised;
        let most = outcomes.iter().max().copied().unwrap_or(0);
        if most > planned {
            let option = if self.n.is_empty() { "the counts of the arms" } else { "--n" };
            return Err(Failure::Usage(format!(
                "{option}: {most} outcomes, more than the {planned} patients who are to be \
                 randomised; if more were, give their number by --set sample_size.randomised"
            )));
        }
        let Some(randomised) = self.randomised else { return Ok(()) };
        let [control, experimental] = randomised.0;
        let total = control.saturating_add(experimental);
        if total > planned {
            return Err(Failure::Usage(format!(
                "--randomised {control},{experimental}: {total} patients, more than the {planned} who \
                 are to be randomised; if more were, give their number by --set \
                 sample_size.randomised"
            )));
        }
        if most > total {
            return Err(Failure::Usage(format!(
                "--randomised {control},{experimental}: {total} patients, fewer than the {most} \
                 outcomes"
            )));
        }
        match table {
            Some(table) => {
                let arms = table.counts.map(|arm| arm.iter().sum());
                self.within("the counts of the arms", "with an outcome", arms, randomised)
            }
            None => Ok(()),
        }
    }

    /// Refuses more patients in an arm than were randomised to it.
    pub fn within(
        &self,
        option: &str,
        which: &str,
        patients: [u32; 2],
        randomised: ArmPatients,
    ) -> Result<(), Failure> {
        for (arm, name) in ["control", "experimental"].into_iter().enumerate() {
            if patients[arm] > randomised.0[arm] {
                return Err(Failure::Usage(format!(
                    "{option}: {} patients {which} in the {name} arm, more than the {} of \
                     --randomised",
                    patients[arm], randomised.0[arm]
                )));
            }
        }
        Ok(())
    }

    /// Returns the counts by mRS; `None` unless they were given.
    pub fn mrs_counts(&self, table: Option<&OutcomeTable>) -> Option<[[u32; LEVELS]; 2]> {
        // Counts of successes are stored at any mRS on either side of the cut.
        table.filter(|_| !self.control_mrs.is_empty()).map(|table| table.counts)
    }

    /// Returns Z at the looks so far that are known.
    pub fn path(&self, trial: &RunningTrial, z: Option<f64>) -> Result<Vec<PathPoint>, Failure> {
        let given = &self.earlier_z;
        let last = trial.look();
        if !given.is_empty() && given.len() != last {
            let before = match last {
                0 => "none, as no look precedes this one".to_owned(),
                1 => "that of look 1".to_owned(),
                _ => format!("one for each of looks 1 to {last}"),
            };
            return Err(Failure::Usage(format!(
                "--earlier-z has {} values; expected: {before}",
                given.len()
            )));
        }
        let values = given.iter().copied().map(Some).enumerate().chain([(last, z)]);
        Ok(values
            .filter_map(|(k, z)| {
                Some(PathPoint { look: k + 1, analysed: trial.analysed()[k], z: z? })
            })
            .collect())
    }

    /// Lists what is implausible about the data.
    pub fn implausible(
        &self,
        scenario: &Scenario,
        analysis: &Analysis,
        trial: &RunningTrial,
        data: &LookData,
        table: Option<&OutcomeTable>,
    ) -> Vec<String> {
        let outcomes = table.map(|table| match analysis.method.success_cut() {
            Some(cut) if self.control_mrs.is_empty() => {
                let arms = table.counts.map(|arm| {
                    let successes: u32 = arm[..=cut.index()].iter().sum();
                    [successes, arm.iter().sum::<u32>() - successes]
                });
                ArmOutcomes::Dichotomised { cut, arms }
            }
            Some(_) | None => ArmOutcomes::Mrs(table.counts),
        });
        let earlier = self.earlier_z.iter().enumerate();
        let facts = LookFacts {
            trial,
            stopped_at: self.overrun.then_some(self.look),
            earlier: earlier.map(|(position, &z)| EarlierLook { position, z }).collect(),
            z: data.z,
            outcomes,
            randomised: self.randomised.map(|arms| arms.0),
            known_events: self.known_events(scenario),
        };
        plausibility::implausible(scenario, &facts)
    }
}
