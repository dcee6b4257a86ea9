//! Outcomes of a look as given: successes, counts by mRS, or patients.

use crate::analysis::{OutcomeTable, TestResult};
use crate::bayes::EarlyCounts;
use crate::expected::plausibility::ArmOutcomes;
use crate::expected::{CountsNeeded, Expected};
use crate::outcome::{LEVELS, Mrs};
use crate::scenario::patients::{PatientOutcome, TrialPatient};
use crate::scenario::{Analysis, LookTiming, Scenario};
use crate::trial::observed::ObservedLook;
use crate::trial::{EventCounts, RandomisedSoFar};

use super::{GivenData, InvalidLook, LookInput};

/// Outcomes of a look by arm, with their test.
pub struct GivenOutcomes {
    /// Outcomes by the arm allocated, on which looks and boundaries depend.
    pub all: OutcomeTable,
    /// Outcomes that the method tests; `None` if they are imputed several times.
    pub seen: Option<OutcomeTable>,
    pub test: TestResult,
    /// Patients randomised, if the patients were given.
    pub randomised: Option<[u32; 2]>,
    /// Patients randomised, and those whom the analysis sees, if the patients were given.
    pub randomised_so_far: Option<RandomisedSoFar>,
    /// Early mRS of control and experimental arm, if the patients were given.
    pub early: Option<[EarlyCounts; 2]>,
    /// Counts of each adverse event of the scenario; empty unless the patients were given.
    pub events: Vec<Option<[EventCounts; 2]>>,
    /// Whether each mRS was given, not only successes.
    is_by_mrs: bool,
}

impl GivenOutcomes {
    /// Returns the patients by mRS, by the arm allocated; `None` if only successes were given.
    pub fn by_mrs(&self) -> Option<[[u32; LEVELS]; 2]> {
        // Successes are stored at any mRS on either side of the cut.
        self.is_by_mrs.then_some(self.all.counts)
    }

    /// Returns the outcomes on either side of the cut of an analysis, if these alone were given.
    pub fn by_cut(&self, analysis: &Analysis) -> Option<(Mrs, OutcomeTable)> {
        let cut = analysis.method.success_cut()?;
        (!self.is_by_mrs).then_some((cut, self.all))
    }

    /// Returns the outcomes for a comparison with the plan.
    pub fn of_arms(&self, analysis: &Analysis) -> ArmOutcomes {
        match analysis.method.success_cut() {
            Some(cut) if !self.is_by_mrs => {
                let arms = self.all.counts.map(|arm| {
                    let successes: u32 = arm[..=cut.index()].iter().sum();
                    [successes, arm.iter().sum::<u32>() - successes]
                });
                ArmOutcomes::Dichotomised { cut, arms }
            }
            Some(_) | None => ArmOutcomes::Mrs(self.all.counts),
        }
    }
}

impl LookInput {
    /// Reads the outcomes; `None` if the options give Z instead.
    pub fn given(
        &self,
        scenario: &Scenario,
        analysis: &Analysis,
    ) -> Result<Option<GivenOutcomes>, InvalidLook> {
        if let GivenData::Patients(patients) = &self.data {
            // Patients come first: only they serve analyses that use factors or impute outcomes.
            let look = ObservedLook::new(scenario, analysis, self.followed(scenario, patients)?);
            // Patients whom a look does not analyse are randomised all the same, and their events
            // count.
            let everyone = ObservedLook::new(scenario, analysis, patients);
            let events = 0..scenario.safety_endpoints().len();
            return Ok(Some(GivenOutcomes {
                all: look.all,
                seen: look.seen(),
                test: look.test(),
                randomised: Some(everyone.randomised()),
                randomised_so_far: Some(everyone.randomised_so_far()),
                early: Some(look.early_counts(patients)),
                events: events.map(|event| everyone.events(event)).collect(),
                is_by_mrs: true,
            }));
        }
        let Some(table) = self.data.table(analysis)? else { return Ok(None) };
        // A test of counts alone would be another analysis than the one whose boundaries are checked.
        let needed = Expected::new(scenario).needs_only_counts(analysis).map_err(|cause| {
            InvalidLook(format!(
                "analysis {} takes more than the counts of two arms, because of its {cause}; expected: \
                 --patients, or --z, --n and --estimate as its analysis gave them",
                analysis.name
            ))
        })?;
        let lost = match (needed, self.lost) {
            (CountsNeeded::OutcomesAndLost, Some(lost)) => lost,
            (CountsNeeded::OutcomesAndLost, None) => {
                return Err(InvalidLook(format!(
                    "analysis {} imputes missing outcomes; expected: --lost with the patients of control \
                     and experimental arm whose follow-up has ended without an mRS, or --patients",
                    analysis.name
                )));
            }
            (CountsNeeded::Outcomes, None) => [0; 2],
            (CountsNeeded::Outcomes, Some(_)) => {
                return Err(InvalidLook(format!(
                    "--lost: analysis {} imputes no outcomes; allowed: no --lost",
                    analysis.name
                )));
            }
        };
        let look = ObservedLook::of_counts(scenario, analysis, table, lost);
        Ok(Some(GivenOutcomes {
            all: table,
            seen: look.seen(),
            test: look.test(),
            // Counts are of patients with an outcome, and others may be in follow-up: see --randomised.
            randomised: None,
            randomised_so_far: None,
            early: None,
            events: Vec::new(),
            is_by_mrs: matches!(self.data, GivenData::Mrs { .. }),
        }))
    }

    /// Returns the patients whom the look analyses: those randomised first, if it waits for their
    /// follow-up, else all.
    fn followed<'p>(
        &self,
        scenario: &Scenario,
        patients: &'p [TrialPatient],
    ) -> Result<&'p [TrialPatient], InvalidLook> {
        let LookTiming::Randomised(interims) = &scenario.look_timing else { return Ok(patients) };
        // The final look, and the analysis with the overrun, have all patients.
        let position = self.look.checked_sub(1).filter(|_| !self.overrun);
        let Some(&number) = position.and_then(|position| interims.get(position)) else {
            return Ok(patients);
        };
        let look = self.look;
        let Some(first) = patients.get(..number as usize) else {
            return Err(InvalidLook(format!(
                "--patients has {} patients; allowed at look {look}: at least the first {number} \
                 randomised (design.looks.randomised)",
                patients.len()
            )));
        };
        let pending =
            first.iter().filter(|patient| patient.outcome == PatientOutcome::Pending).count();
        if pending > 0 {
            return Err(InvalidLook(format!(
                "--patients: {pending} of the first {number} patients are still followed; allowed at look \
                 {look}: an mRS or lost = yes for each of them (design.looks.randomised)"
            )));
        }
        Ok(first)
    }
}

impl GivenData {
    /// Returns the counts of both arms; `None` if none are given.
    pub(super) fn table(&self, analysis: &Analysis) -> Result<Option<OutcomeTable>, InvalidLook> {
        let counts = match self {
            Self::Statistic(_) | Self::Patients(_) => return Ok(None),
            Self::Successes(arms) => {
                let Some(cut) = analysis.method.success_cut() else {
                    return Err(InvalidLook(format!(
                        "--control, --experimental: analysis {} does not compare proportions; \
                         expected: --control-mrs and --experimental-mrs, or --z and --n",
                        analysis.name
                    )));
                };
                arms.map(|EventCounts { events: successes, patients }| {
                    // Any mRS on either side of the cut will do, as the analysis dichotomises
                    // there.
                    let mut arm = [0; LEVELS];
                    arm[cut.index()] = successes;
                    arm[cut.index() + 1] = patients - successes;
                    arm
                })
            }
            Self::Mrs { control, experimental } => {
                [mrs("--control-mrs", control)?, mrs("--experimental-mrs", experimental)?]
            }
        };
        Ok(Some(OutcomeTable { counts }))
    }
}

/// Returns the patients of an arm by mRS.
fn mrs(option: &str, given: &[u32]) -> Result<[u32; LEVELS], InvalidLook> {
    // Seven numbers are needed even where the last are 0: six might lack either end of the scale.
    given.try_into().map_err(|_| {
        InvalidLook(format!("{option} has {} numbers; expected: 7, for mRS 0 to 6", given.len()))
    })
}
