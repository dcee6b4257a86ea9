//! The first trials, among the replicates, that end in given ways.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Viewpoint;
use crate::rng::Replicate;
use crate::scenario::Scenario;
use crate::trial::{Conclusion, ReplicateResult, Simulator, TrialResult};

/// A way in which a trial may end. Written `efficacy`, `efficacy-at-1`, `futility`, `futility-at-2`,
/// `harm`, `harm-at-1`, `safety`, `safety-at-1`, `not-significant`, `full-run`, `reversal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialEnding {
    /// Conclusion at any look, or at the one with this number, from 1.
    Concluded(Conclusion, Option<usize>),
    /// The final look, whatever it shows.
    FullRun,
    /// Early stop that the outcomes of overrunning patients contradict.
    Reversal,
}

/// Text that is no ending.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "allowed: efficacy, futility, harm or safety, each with or without a look as in efficacy-at-1, \
     not-significant, full-run, reversal"
)]
pub struct UnknownEnding;

/// Request to stop before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;

/// Conclusions that several looks may have, with their names.
const AT_LOOKS: [(Conclusion, &str); 4] = [
    (Conclusion::Efficacy, "efficacy"),
    (Conclusion::Futility, "futility"),
    (Conclusion::Harm, "harm"),
    (Conclusion::Safety, "safety"),
];

const NOT_SIGNIFICANT: TrialEnding = TrialEnding::Concluded(Conclusion::NotSignificant, None);

impl FromStr for TrialEnding {
    type Err = UnknownEnding;

    fn from_str(text: &str) -> Result<Self, UnknownEnding> {
        match text {
            "not-significant" => Ok(NOT_SIGNIFICANT),
            "full-run" => Ok(Self::FullRun),
            "reversal" => Ok(Self::Reversal),
            // Any other text is a conclusion, at any look or at one.
            _ => {
                let (name, look) = match text.split_once("-at-") {
                    Some((name, look)) => (name, Some(look.parse().map_err(|_| UnknownEnding)?)),
                    None => (text, None),
                };
                let known = AT_LOOKS.iter().find(|(_, word)| *word == name).ok_or(UnknownEnding)?;
                Ok(Self::Concluded(known.0, look))
            }
        }
    }
}

impl fmt::Display for TrialEnding {
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

impl TrialEnding {
    /// Lists the endings of trials with one look or more: those at a look have the first for an example.
    pub fn all() -> Vec<Self> {
        let concluded = AT_LOOKS.iter().flat_map(|&(conclusion, _)| {
            [None, Some(1)].map(|look| Self::Concluded(conclusion, look))
        });
        concluded.chain([NOT_SIGNIFICANT, Self::FullRun, Self::Reversal]).collect()
    }

    /// Lists the endings that a scenario's design allows.
    pub fn possible(scenario: &Scenario) -> Vec<Self> {
        let last = scenario.design.looks().len();
        let mut out = Vec::new();
        let mut stops_early = false;
        for (conclusion, _) in AT_LOOKS {
            let looks = (1..=last).filter(|&look| is_tested(scenario, conclusion, look));
            let looks: Vec<usize> = looks.collect();
            if looks.is_empty() {
                continue;
            }
            out.push(Self::Concluded(conclusion, None));
            out.extend(looks.iter().map(|&look| Self::Concluded(conclusion, Some(look))));
            // A stop for adverse events is never contradicted.
            stops_early |=
                conclusion != Conclusion::Safety && looks.iter().any(|&look| look < last);
        }
        out.extend([NOT_SIGNIFICANT, Self::FullRun]);
        out.extend(stops_early.then_some(Self::Reversal));
        out
    }

    /// Lists the endings that show most of a design: efficacy at the first and at the last look that tests
    /// it, every other reason to stop, a reversal, and no significance.
    pub fn examples(scenario: &Scenario) -> Vec<Self> {
        let possible = Self::possible(scenario);
        let mut efficacies = possible
            .iter()
            .copied()
            .filter(|ending| matches!(ending, Self::Concluded(Conclusion::Efficacy, Some(_))));
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

    /// Whether a trial ended in this way.
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
        Conclusion::Efficacy => scenario.planned_efficacy_bound(look - 1).is_some(),
        Conclusion::Futility => {
            let of_population = scenario.adaptation.population.as_ref();
            let is_interim = look < scenario.design.looks().len();
            // By a rule of its own, which has no boundary in the design.
            let by_population = of_population.is_some_and(|of| of.may_be_futile(look - 1));
            planned.futility.is_finite() || (is_interim && by_population)
        }
        Conclusion::Harm => planned.harm.is_finite(),
        Conclusion::Safety => {
            let bounds = scenario.safety_endpoints().iter().filter_map(|it| it.boundary.as_ref());
            // A boundary at the final look is reported, but stops nothing.
            let is_interim = look < scenario.design.looks().len();
            is_interim && bounds.into_iter().any(|it| it.bound(look - 1).is_finite())
        }
        Conclusion::NotSignificant => look == scenario.design.looks().len(),
    }
}

/// Finds the first replicate below `replicates` whose trial ended in each of these ways; `None` if none did.
///
/// # Errors
/// When `cancelled` is set meanwhile.
pub fn find(
    scenario: &Scenario,
    endings: &[TrialEnding],
    view: Viewpoint,
    replicates: u64,
    cancelled: &AtomicBool,
) -> Result<Vec<Option<Replicate>>, Cancelled> {
    let looks = scenario.design.looks().len();
    // In order on one thread: with several, a later replicate might be found first.
    let mut simulator = Simulator::new(scenario).cancelled_by(cancelled);
    let mut result = ReplicateResult::default();
    let mut found = vec![None; endings.len()];
    for replicate in (0..replicates).map(Replicate) {
        if found.iter().all(Option::is_some) {
            break;
        }
        let trial = simulator.enrol(replicate, &mut result).follow(view.truth).trial(view.analysis);
        // The trial that was cut short may have ended in any way.
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
