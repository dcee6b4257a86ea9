//! How trials go: early stops by reason, patients, months.

use crate::report::numeral::percent;
use crate::summary::{AnalysisSummary, LookSummary, McEstimate};

/// Interim looks whose probabilities are named one by one.
const FEW_LOOKS: usize = 3;

/// Interim looks whose probabilities are listed.
const MOST_LOOKS: usize = 6;

/// How trials under one truth go, monitored by one analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct CourseOfTrials {
    /// Reasons for which the design can stop the trial at an interim look.
    pub early_stops: Vec<EarlyStops>,
    /// Mean number of patients randomised by the decision.
    pub patients: McEstimate,
    /// Mean months from the opening of the trial to the decision.
    pub months: McEstimate,
}

/// Stops at interim looks for one reason.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyStops {
    /// Reason to stop.
    pub reason: StopReason,
    /// P(the trial stops at an interim look for this reason).
    pub total: McEstimate,
    /// P(the trial stops at this look for this reason), for each interim look.
    pub by_look: Vec<McEstimate>,
}

impl CourseOfTrials {
    pub(super) fn new(primary: &AnalysisSummary) -> Self {
        // The final look ends the trial without stopping it early.
        let interims = &primary.looks[..primary.looks.len() - 1];
        let early_stops = StopReason::possible(primary).filter_map(|reason| {
            let last = interims.last()?;
            // A reason that only the final look knows does not stop a trial early.
            // A trial with no level left stops for futility without a boundary for all patients.
            let possible = reason == StopReason::Safety
                || (reason == StopReason::Futility && primary.population.is_some())
                || interims.iter().any(|look| reason.bound(look).is_some());
            possible.then(|| EarlyStops {
                reason,
                // The cumulative share has an error of its own; a sum of the looks' shares would have none.
                total: reason.cumulative(last),
                by_look: interims.iter().map(|look| reason.at(look)).collect(),
            })
        });
        Self {
            early_stops: early_stops.collect(),
            patients: primary.n_randomised.mean,
            months: primary.duration_months,
        }
    }
}

impl EarlyStops {
    /// States reason and probability.
    pub(super) fn in_words(&self) -> String {
        format!("for {} in {} %", self.reason.name(), percent(self.total))
    }

    /// States reason and probability, in all and look by look.
    pub(super) fn by_look_in_words(&self) -> String {
        let shares: Vec<String> = self.by_look.iter().map(|share| percent(*share)).collect();
        let looks = match shares.len() {
            // "0 % (look 1: 0 %, look 2: 0 %)" would say nothing more.
            _ if self.total.value == 0.0 => return self.in_words(),
            1 => "at look 1".to_owned(),
            2..=FEW_LOOKS => {
                let looks = shares.iter().enumerate();
                let looks: Vec<String> =
                    looks.map(|(k, share)| format!("look {}: {share} %", k + 1)).collect();
                format!("({})", looks.join(", "))
            }
            looks if looks <= MOST_LOOKS => format!("(looks 1–{looks}: {} %)", shares.join(", ")),
            looks => format!("(looks 1–{looks})"),
        };
        format!("{} {looks}", self.in_words())
    }
}

/// Reason for which a trial stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The efficacy boundary is reached.
    Efficacy,
    /// The futility boundary is reached.
    Futility,
    /// The harm boundary is reached.
    Harm,
    /// Adverse events reach a boundary.
    Safety,
}

impl StopReason {
    /// Lists the reasons that can stop a trial, efficacy first.
    pub(in crate::report) fn possible(analysis: &AnalysisSummary) -> impl Iterator<Item = Self> {
        let shown = [
            (Self::Efficacy, true),
            (
                Self::Futility,
                analysis.population.is_some()
                    || analysis.looks.iter().any(|look| look.z_futility.is_some()),
            ),
            (Self::Harm, analysis.looks.iter().any(|look| look.z_harm.is_some())),
            (Self::Safety, analysis.price_of_safety.is_some()),
        ];
        shown.into_iter().filter(|(_, shown)| *shown).map(|(reason, _)| reason)
    }

    /// Returns the name, as in the columns of tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Efficacy => "efficacy",
            Self::Futility => "futility",
            Self::Harm => "harm",
            Self::Safety => "safety",
        }
    }

    /// Returns the Z bound of a look; `None` for safety and for rules of the population, which have bounds
    /// of their own.
    fn bound(self, look: &LookSummary) -> Option<f64> {
        match self {
            Self::Efficacy => look.z_efficacy,
            Self::Futility => look.z_futility,
            Self::Harm => look.z_harm,
            Self::Safety => None,
        }
    }

    /// Returns P(stop at the look for this reason).
    pub(in crate::report) fn at(self, look: &LookSummary) -> McEstimate {
        match self {
            Self::Efficacy => look.efficacy,
            Self::Futility => look.futility,
            Self::Harm => look.harm,
            Self::Safety => look.safety.expect("safety can stop the trial"),
        }
    }

    /// Returns P(stop by the look for this reason).
    pub(in crate::report) fn cumulative(self, look: &LookSummary) -> McEstimate {
        match self {
            Self::Efficacy => look.efficacy_cumulative,
            Self::Futility => look.futility_cumulative,
            Self::Harm => look.harm_cumulative,
            Self::Safety => look.safety_cumulative.expect("safety can stop the trial"),
        }
    }
}
