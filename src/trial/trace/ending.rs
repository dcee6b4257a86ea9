//! Trials that ended in some way, found among the replicates.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Viewpoint;
use crate::rng::Replicate;
use crate::scenario::Scenario;
use crate::trial::{Conclusion, Simulator, TrialResult};

/// How a trial may have ended. Written `efficacy`, `efficacy-at-1`, `futility`, `futility-at-2`,
/// `harm`, `harm-at-1`, `safety`, `safety-at-1`, `not-significant`, `full-run`, `reversal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With a conclusion, at any look or at one, from 1.
    Concluded(Conclusion, Option<usize>),
    /// At the final look, whatever it showed.
    FullRun,
    /// Early, and contradicted by the outcomes of the overrun.
    Reversal,
}

/// No ending is written like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "allowed: efficacy, futility, harm or safety, each with or without a look as in efficacy-at-1, \
     not-significant, full-run, reversal"
)]
pub struct UnknownEnding;

/// Stopped on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;

/// Conclusions that may come at several looks.
const AT_LOOKS: [(Conclusion, &str); 4] = [
    (Conclusion::Efficacy, "efficacy"),
    (Conclusion::Futility, "futility"),
    (Conclusion::Harm, "harm"),
    (Conclusion::Safety, "safety"),
];

const NOT_SIGNIFICANT: Ending = Ending::Concluded(Conclusion::NotSignificant, None);

impl FromStr for Ending {
    type Err = UnknownEnding;

    fn from_str(text: &str) -> Result<Self, UnknownEnding> {
        match text {
            "not-significant" => return Ok(NOT_SIGNIFICANT),
            "full-run" => return Ok(Self::FullRun),
            "reversal" => return Ok(Self::Reversal),
            _ => {}
        }
        let (name, look) = match text.split_once("-at-") {
            Some((name, look)) => (name, Some(look.parse().map_err(|_| UnknownEnding)?)),
            None => (text, None),
        };
        let known = AT_LOOKS.iter().find(|(_, word)| *word == name).ok_or(UnknownEnding)?;
        Ok(Self::Concluded(known.0, look))
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (conclusion, look) = match self {
            Self::FullRun => return out.write_str("full-run"),
            Self::Reversal => return out.write_str("reversal"),
            Self::Concluded(conclusion, look) => (conclusion, look),
        };
        let known = AT_LOOKS.iter().find(|(known, _)| known == conclusion);
        out.write_str(known.map_or("not-significant", |(_, word)| word))?;
        look.map_or(Ok(()), |look| write!(out, "-at-{look}"))
    }
}

impl Ending {
    /// All that a scenario's design allows.
    pub fn possible(scenario: &Scenario) -> Vec<Self> {
        let mut out = Vec::new();
        for (conclusion, _) in AT_LOOKS {
            let looks: Vec<usize> = (1..=scenario.design.looks().len())
                .filter(|&look| is_tested(scenario, conclusion, look))
                .collect();
            if !looks.is_empty() {
                out.push(Self::Concluded(conclusion, None));
                let at = looks.iter().map(|&look| Self::Concluded(conclusion, Some(look)));
                out.extend(at);
            }
        }
        let last = scenario.design.looks().len();
        let early = |ending: &Self| match *ending {
            Self::Concluded(conclusion, look) => {
                conclusion != Conclusion::Safety && look.is_some_and(|look| look < last)
            }
            _ => false,
        };
        let reverses = out.iter().any(early).then_some(Self::Reversal);
        out.extend([NOT_SIGNIFICANT, Self::FullRun]);
        out.extend(reverses);
        out
    }

    /// Those that tell something of a design: efficacy at its first chance and at the end, every other
    /// reason to stop, a reversal, and nothing shown.
    pub fn examples(scenario: &Scenario) -> Vec<Self> {
        let possible = Self::possible(scenario);
        let efficacy =
            |ending: &Self| matches!(ending, Self::Concluded(Conclusion::Efficacy, Some(_)));
        let mut efficacies = possible.iter().copied().filter(efficacy);
        let first = efficacies.next();
        let last = efficacies.next_back();
        let others = possible.iter().copied().filter(|ending| match ending {
            Self::Concluded(conclusion, look) => {
                *conclusion != Conclusion::Efficacy && look.is_none()
            }
            Self::FullRun => false,
            Self::Reversal => true,
        });
        first.into_iter().chain(others).chain(last).collect()
    }

    /// Whether a trial ended so.
    fn is_of(self, trial: &TrialResult, looks_planned: usize) -> bool {
        match self {
            Self::Concluded(conclusion, look) => {
                trial.conclusion == conclusion && look.is_none_or(|look| trial.look == look)
            }
            Self::FullRun => trial.look == looks_planned,
            Self::Reversal => trial.reversed,
        }
    }
}

/// Whether a look, from 1, can end a trial with a conclusion.
fn is_tested(scenario: &Scenario, conclusion: Conclusion, look: usize) -> bool {
    let planned = &scenario.design.looks()[look - 1];
    match conclusion {
        Conclusion::Efficacy => planned.efficacy.is_finite(),
        Conclusion::Futility => planned.futility.is_finite(),
        Conclusion::Harm => planned.harm.is_finite(),
        Conclusion::Safety => {
            let bounds = scenario.safety_endpoints().iter().filter_map(|it| it.boundary.as_ref());
            let is_interim = look < scenario.design.looks().len();
            is_interim && bounds.into_iter().any(|it| it.bound(look - 1).is_finite())
        }
        Conclusion::NotSignificant => look == scenario.design.looks().len(),
    }
}

/// The first replicate, of so many from 0 on, whose trial ended in each of these ways; `None` where
/// none did. Replicates are run until all are found.
///
/// # Errors
/// When `cancelled` is set meanwhile.
pub fn find(
    scenario: &Scenario,
    endings: &[Ending],
    view: Viewpoint,
    (replicates, cancelled): (u64, &AtomicBool),
) -> Result<Vec<Option<Replicate>>, Cancelled> {
    let looks = scenario.design.looks().len();
    let mut simulator = Simulator::new(scenario).heeding(cancelled);
    let mut found = vec![None; endings.len()];
    for replicate in (0..replicates).map(Replicate) {
        if found.iter().all(Option::is_some) {
            break;
        }
        let trial = simulator.trial_alone(replicate, view);
        if cancelled.load(Ordering::Relaxed) {
            return Err(Cancelled);
        }
        for (first, ending) in found.iter_mut().zip(endings) {
            if first.is_none() && ending.is_of(&trial, looks) {
                *first = Some(replicate);
            }
        }
    }
    Ok(found)
}
