//! The number of patients that follows from a look that re-estimates it.

use serde::Serialize;

use super::BoundsOfLook;
use crate::analysis::OutcomeTable;
use crate::design::reestimation::{PromisingZone, StageBounds};
use crate::explore::monitor::LookConclusion;
use crate::outcome::{LEVELS, Mrs};
use crate::report::numeral::{fixed, grouped};
use crate::scenario::{BlindedSize, Scenario, SizeReestimation, SizeRule};

/// A re-estimation at a look of a running trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeAtLook {
    /// Zone of the result; null for a blinded rule.
    pub zone: Option<&'static str>,
    /// Conditional power at the planned size or, for a blinded rule, the rate or variance of both arms
    /// together; null without the outcomes that it needs.
    pub observed: Option<f64>,
    /// Patients randomised as planned.
    pub planned: u32,
    /// Patients at the final look by the rule, and at least those randomised so far if their number was
    /// given; null if the look stops the trial or lacks what the rule needs.
    pub randomised: Option<u32>,
}

/// The data that a re-estimation needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct SizeData<'d> {
    pub z: Option<f64>,
    /// Outcomes by arm and mRS, if given.
    pub counts: Option<[[u32; LEVELS]; 2]>,
    /// Outcomes of which the successes alone were given, at either side of this cut.
    pub successes: Option<(Mrs, OutcomeTable)>,
    /// Patients randomised so far, if given.
    pub randomised: Option<[u32; 2]>,
    /// Boundaries of this look and those after it.
    pub looks: &'d [BoundsOfLook],
    pub decision: LookConclusion,
}

/// Returns the zone for the outcomes that an interim look has, given the boundaries of this look and the
/// final one; `None` if they leave none to come.
pub(super) fn zone_at(zone: &PromisingZone, looks: &[BoundsOfLook]) -> Option<PromisingZone> {
    let [here, last, ..] = looks else { return None };
    let bounds = StageBounds {
        interim: here.z_efficacy.unwrap_or(f64::INFINITY),
        last: last.z_efficacy.unwrap_or(f64::INFINITY),
    };
    zone.observed_at(f64::from(here.analysed), bounds).ok()
}

impl SizeAtLook {
    /// Applies the rule of the scenario to an interim look, by its number; `None` if it does not
    /// re-estimate there.
    pub(super) fn new(scenario: &Scenario, look: usize, data: SizeData<'_>) -> Option<Self> {
        let rule = scenario.adaptation.size.as_ref()?;
        // After the overrun of a trial that has stopped there is no later look, and no size to
        // change.
        if rule.look + 1 != look || data.looks.len() < look + 1 {
            return None;
        }
        let stops = data.decision.stops();
        let so_far = data.randomised.map_or(0, |[control, experimental]| control + experimental);
        match &rule.rule {
            SizeRule::Unblinded { .. } => Self::unblinded(rule, look, &data, so_far, stops),
            SizeRule::Blinded { by, .. } => {
                let by_mrs = data.counts.map(|counts| OutcomeTable { counts });
                let known = by_mrs.or(match (by, data.successes) {
                    (BlindedSize::Rate { cut, .. }, Some((given, table))) if *cut == given => {
                        Some(table)
                    }
                    (BlindedSize::Rate { .. } | BlindedSize::Variance { .. }, _) => None,
                });
                // Patients who have been randomised stay in the trial, however small the size that
                // follows.
                let size = known.map(|known| rule.size(None, &known).max(so_far));
                Some(Self {
                    zone: None,
                    observed: known.map(|known| by.observed(&known)),
                    planned: rule.planned,
                    randomised: size.filter(|_| !stops),
                })
            }
        }
    }

    /// By the conditional power for the outcomes that the look has.
    fn unblinded(
        rule: &SizeReestimation,
        look: usize,
        data: &SizeData<'_>,
        so_far: u32,
        stops: bool,
    ) -> Option<Self> {
        let SizeRule::Unblinded { zone, .. } = rule.rule else { return None };
        let zone = zone_at(&zone, &data.looks[look - 1..])?;
        let size = data.z.filter(|_| !stops).map(|z| rule.randomised(zone.size(z)).max(so_far));
        Some(Self {
            zone: data.z.map(|z| zone.zone(z).name()),
            observed: data.z.map(|z| zone.conditional_power(z)),
            planned: rule.planned,
            randomised: size,
        })
    }

    /// Describes the result in a sentence.
    pub(super) fn in_words(&self) -> String {
        let observed = match (self.observed, self.zone) {
            (None, _) => "The look lacks the data that the rule needs".to_owned(),
            (Some(power), Some(zone)) => {
                format!("The conditional power at the planned size is {}, {zone}", fixed(power, 4))
            }
            (Some(observed), None) => format!("Both arms together give {}", fixed(observed, 4)),
        };
        let size = match self.randomised {
            None => "no size follows".to_owned(),
            Some(size) if size == self.planned => {
                format!("the size stays at {} patients", grouped(u64::from(size)))
            }
            Some(size) => format!(
                "the size becomes {} patients in place of {}",
                grouped(u64::from(size)),
                grouped(u64::from(self.planned))
            ),
        };
        format!("{observed}: {size}.")
    }
}
