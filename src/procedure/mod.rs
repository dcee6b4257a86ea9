//! Procedure before the outcome: passes, reperfusion, rescue stenting, complications, duration.
//!
//! A patient is randomised with a persistent occlusion after some passes. At every decision the
//! arm's [`Strategy`] stents, stops, or makes another pass; each pass has its own probability of
//! reperfusion, and a reperfused vessel may close again immediately, so that the occlusion
//! persists. A stent is placed or cannot be, opens the vessel or does not, and stays patent or
//! closes later. Symptomatic haemorrhage and perforation follow, and either may be fatal.
//!
//! Every draw is numbered by its purpose, so that a patient's third pass has the same result
//! under every strategy that makes it.
//!
#![doc = include_str!("README.md")]

mod course;
mod difficulty;
mod entry;
mod minutes;
mod parameters;
mod strategy;

pub use course::{Course, WeightedState};
pub use difficulty::Difficulty;
pub use entry::{Entry, NoPersistentOcclusion};
pub use minutes::Minutes;
pub use parameters::{ArmPlan, Haemorrhage, Parameters, PerPass, Perforation, Rescue};
pub use strategy::{LastStep, NextStep, Strategy};

use crate::num::with_odds;
use crate::randomisation::Arm;
use crate::rng::PatientDraws;
use difficulty::Class;
use entry::Entries;
use serde::Serialize;

/// Largest number of passes of a patient.
pub const MAX_PASSES: usize = 10;

/// End of a procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Reperfused by thrombectomy, lastingly.
    Reperfused,
    /// Stented; open at follow-up.
    StentPatent,
    /// Stented and opened; closed by follow-up.
    StentClosed,
    /// Stented without opening the vessel.
    StentFailed,
    /// A stent was attempted and could not be placed.
    AccessFailed,
    /// Stopped without a stent.
    Stopped,
}

/// All ends, in the order of their numbers.
pub const ENDS: [End; 6] = [
    End::Reperfused,
    End::StentPatent,
    End::StentClosed,
    End::StentFailed,
    End::AccessFailed,
    End::Stopped,
];

/// Ends of rescue stenting, the better first.
const STENT_ENDS: [End; 4] =
    [End::StentPatent, End::StentClosed, End::StentFailed, End::AccessFailed];

impl End {
    /// Returns whether a stent was placed.
    pub fn is_stented(self) -> bool {
        matches!(self, Self::StentPatent | Self::StentClosed | Self::StentFailed)
    }

    /// Returns whether the vessel was open when the procedure ended.
    pub fn is_reperfused(self) -> bool {
        matches!(self, Self::Reperfused | Self::StentPatent | Self::StentClosed)
    }

    /// Returns whether the vessel is open at follow-up.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Reperfused | Self::StentPatent)
    }
}

/// State after a procedure: everything that the outcome depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Passes in total, including those before randomisation; at most [`MAX_PASSES`].
    pub passes: u8,
    /// End of the procedure.
    pub end: End,
    /// Symptomatic haemorrhage.
    pub haemorrhage: bool,
    /// Perforation or dissection.
    pub perforation: bool,
    /// Whether a haemorrhage or perforation was fatal.
    pub fatal: bool,
}

impl State {
    /// Number of states that differ in passes, end and complications.
    pub const COUNT: usize = (MAX_PASSES + 1) * ENDS.len() * 4;

    /// Returns a number below [`State::COUNT`], which does not depend on whether a complication was
    /// fatal.
    #[inline]
    pub fn index(&self) -> usize {
        // Patients with a fatal complication have mRS 6 in any state, so tables by state need no
        // entry for them.
        let end = usize::from(self.passes) * ENDS.len() + self.end as usize;
        end * 4 + usize::from(self.haemorrhage) * 2 + usize::from(self.perforation)
    }

    /// Returns the state with a number, without a fatal complication.
    pub fn from_index(index: usize) -> Self {
        let (end, complications) = (index / 4, index % 4);
        Self {
            passes: (end / ENDS.len()) as u8,
            end: ENDS[end % ENDS.len()],
            haemorrhage: complications & 2 != 0,
            perforation: complications & 1 != 0,
            fatal: false,
        }
    }
}

/// Procedure of one patient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcedureRecord {
    /// State after the procedure.
    pub state: State,
    /// Passes before randomisation.
    pub passes_before: u8,
    /// Bit k − 1 is set when pass k, made after randomisation, reperfused, lasting or not.
    pub reperfusions: u16,
    /// Minutes from puncture to the end.
    pub minutes: f64,
}

/// Procedure of one patient without its duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treated {
    /// State after the procedure.
    pub state: State,
    /// Reperfusions, as in [`ProcedureRecord::reperfusions`].
    pub reperfusions: u16,
}

/// Procedure of a scenario, with all tables computed.
#[derive(Debug, Clone)]
pub struct Procedure {
    classes: Vec<Class>,
    entries: Entries,
    /// P(patent), P(opened), P(placed) of a rescue after 0, 1, … passes.
    rescue: [[f64; 3]; MAX_PASSES + 1],
    /// P(haemorrhage) after 0, 1, … passes, without and with a stent.
    haemorrhage: [[f64; 2]; MAX_PASSES + 1],
    haemorrhage_fatality: f64,
    perforation: [f64; 2],
    perforation_fatality: f64,
    minutes: Minutes,
    early_until: usize,
    plans: [ArmPlan; 2],
    /// Log odds of success in the centres, each with its share, over which expected quantities are
    /// averaged.
    centres: Vec<(f64, f64)>,
}

/// Draws of a patient in a centre.
#[derive(Debug, Clone, Copy)]
pub struct CaseDraws {
    draws: PatientDraws,
    odds_ratio: f64,
}

impl CaseDraws {
    /// Constructs draws in a centre that adds `log_odds` to the success of a pass and of a stent.
    pub fn new(draws: PatientDraws, log_odds: f64) -> Self {
        // Exactly 1 in a centre of average success, whose draws are then used as they are.
        let odds_ratio = if log_odds == 0.0 { 1.0 } else { libm::exp(log_odds) };
        Self { draws, odds_ratio }
    }

    #[inline]
    fn uniform(self, n: u64) -> f64 {
        self.draws.uniform(n)
    }

    /// Returns whether an event of probability `p` happens; an impossible one needs no draw.
    #[inline]
    fn happens(self, n: u64, p: f64) -> bool {
        p > 0.0 && self.uniform(n) < p
    }

    /// Returns a draw that succeeds if it is small enough, with the centre's effect.
    #[inline]
    fn success(self, n: u64) -> f64 {
        // Success is a draw below a probability. Dividing the odds of the draw is multiplying the
        // odds of that probability, and needs no table per centre.
        let u = self.draws.uniform(n);
        if self.odds_ratio == 1.0 { u } else { with_odds(u, self.odds_ratio) }
    }
}

impl From<PatientDraws> for CaseDraws {
    /// Constructs draws in a centre of average success.
    #[inline]
    fn from(draws: PatientDraws) -> Self {
        Self { draws, odds_ratio: 1.0 }
    }
}

/// Numbers of a patient's draws.
// They are part of every result: append, never renumber.
mod draw {
    pub const PASSES_BEFORE: u64 = 0;
    pub const CROSSOVER: u64 = 1;
    pub const RESCUE: u64 = 2;
    pub const HAEMORRHAGE: u64 = 3;
    pub const PERFORATION: u64 = 4;
    pub const FATALITY: u64 = 5;
    pub const MINUTES: u64 = 6;
    pub const DIFFICULTY: u64 = 7;
    /// First of a range, to which the number of the pass is added.
    pub const PASS: u64 = 16;
    /// First of a range, to which the number of passes before the decision is added.
    pub const DECISION: u64 = 32;
}

impl Procedure {
    /// Computes every table. Probabilities must be in [0, 1] and strategies must end by
    /// [`MAX_PASSES`].
    ///
    /// # Errors
    /// When no occlusion persists after one of the stated numbers of passes.
    pub fn new(parameters: &Parameters) -> Result<Self, NoPersistentOcclusion> {
        let Parameters { rescue, haemorrhage, perforation, .. } = parameters;
        let classes = parameters.difficulty.classes(parameters);
        let entries = Entries::new(&classes, &parameters.randomised_after)?;
        let rescue_choice = parameters.difficulty.rescue_choice;
        let plans = parameters.plans.clone().map(|plan| ArmPlan {
            strategy: plan.strategy.by_difficulty(&classes, rescue_choice),
            ..plan
        });
        Ok(Self {
            classes,
            entries,
            rescue: std::array::from_fn(|passes| {
                let placed = 1.0 - rescue.failed_access;
                let opened = placed * rescue.success[passes];
                let patent = rescue.patency.map_or(1.0, |it| it.probability(passes, 0.0));
                // Cumulative, so that one draw decides on placement, opening and patency.
                [opened * patent, opened, placed]
            }),
            haemorrhage: std::array::from_fn(|passes| {
                [0.0, haemorrhage.stenting].map(|extra| {
                    haemorrhage.risk.map_or(0.0, |risk| risk.probability(passes, extra))
                })
            }),
            haemorrhage_fatality: haemorrhage.fatality,
            perforation: [perforation.thrombectomy, perforation.stenting],
            perforation_fatality: perforation.fatality,
            minutes: parameters.minutes.clone(),
            early_until: parameters.early_until,
            plans,
            centres: vec![(0.0, 1.0)],
        })
    }

    /// Returns the procedure in centres that add these log odds, each with its share, to the
    /// success of a pass and of a stent after randomisation; the distribution of entries is
    /// unchanged.
    pub fn across_centres(self, centres: Vec<(f64, f64)>) -> Self {
        Self { centres, ..self }
    }

    /// Returns the procedure in a centre of average success with all patients entering before the
    /// first pass, and these plans in place of the arms'.
    pub fn from_the_start(&self, plans: [ArmPlan; 2]) -> Self {
        let entries = Entries::new(&self.classes, &[(0, 1.0)]);
        let entries = entries.expect("every occlusion persists before the first pass");
        Self { entries, plans, centres: vec![(0.0, 1.0)], ..self.clone() }
    }

    /// Returns the procedure without crossover.
    pub fn without_crossover(&self) -> Self {
        let plans = self.plans.clone().map(|plan| ArmPlan { crossover: 0.0, ..plan });
        Self { plans, ..self.clone() }
    }

    /// Returns the share of the screened patients who are randomised: those with a persistent
    /// occlusion after the passes before randomisation.
    pub fn screening_yield(&self) -> f64 {
        self.entries.screening_yield()
    }

    /// Returns the largest number of passes after which a stent is early.
    pub fn early_until(&self) -> usize {
        self.early_until
    }

    /// Returns the duration of procedures.
    pub fn minutes(&self) -> &Minutes {
        &self.minutes
    }

    /// Iterates over the difficulties of the classes, in standard deviations.
    pub fn difficulties(&self) -> impl Iterator<Item = f64> {
        self.classes.iter().map(|class| class.z)
    }

    /// Draws the entry of a patient.
    #[inline]
    pub fn enter(&self, draws: PatientDraws) -> Entry {
        self.entries.pick(|| draws.uniform(draw::PASSES_BEFORE), || draws.uniform(draw::DIFFICULTY))
    }

    /// Performs the procedure on a patient of an arm.
    #[inline]
    pub fn perform(&self, arm: Arm, entry: Entry, draws: impl Into<CaseDraws>) -> ProcedureRecord {
        let draws = draws.into();
        self.timed(self.treat(arm, entry, draws), entry, draws)
    }

    /// Performs the procedure that the patient would have by the control arm's strategy, without
    /// crossover.
    pub fn perform_as_control(&self, entry: Entry, draws: CaseDraws) -> ProcedureRecord {
        self.timed(self.treat_as_control(entry, draws), entry, draws)
    }

    /// Adds the duration.
    #[inline]
    fn timed(&self, treated: Treated, entry: Entry, draws: CaseDraws) -> ProcedureRecord {
        let Treated { state, reperfusions } = treated;
        let (passes, stented) = (usize::from(state.passes), state.end.is_stented());
        let minutes = self.minutes.draw(passes, stented, draws.uniform(draw::MINUTES));
        ProcedureRecord { state, passes_before: entry.passes, reperfusions, minutes }
    }

    /// Performs the procedure on a patient of an arm without its duration, on which the outcome
    /// does not depend.
    #[inline]
    pub fn treat(&self, arm: Arm, entry: Entry, draws: impl Into<CaseDraws>) -> Treated {
        let draws = draws.into();
        // The draws are the patient's own, so that crossing patients have the procedure that they
        // would have had in the other arm.
        let received = if self.crosses(arm, draws) { 1 - arm.index() } else { arm.index() };
        self.follow_plan(&self.plans[received].strategy, entry, draws)
    }

    /// Performs [`Procedure::treat`] by the control arm's strategy, without crossover.
    #[inline]
    pub fn treat_as_control(&self, entry: Entry, draws: impl Into<CaseDraws>) -> Treated {
        self.follow_plan(&self.plans[Arm::Control.index()].strategy, entry, draws.into())
    }

    /// Returns whether a patient of an arm is treated by the other arm's strategy.
    #[inline]
    pub fn crosses(&self, arm: Arm, draws: impl Into<CaseDraws>) -> bool {
        let crossover = self.plans[arm.index()].crossover;
        crossover > 0.0 && draws.into().uniform(draw::CROSSOVER) < crossover
    }

    #[inline]
    fn follow_plan(&self, strategy: &Strategy, entry: Entry, draws: CaseDraws) -> Treated {
        let (passes, end, reperfusions) = self.revascularise(strategy, entry, draws);

        let stented = usize::from(end.is_stented());
        let haemorrhage = draws.happens(draw::HAEMORRHAGE, self.haemorrhage[passes][stented]);
        let perforation = draws.happens(draw::PERFORATION, self.perforation[stented]);
        let fatal = (haemorrhage || perforation)
            && draws.happens(draw::FATALITY, self.fatality(haemorrhage, perforation));
        let state = State { passes: passes as u8, end, haemorrhage, perforation, fatal };
        Treated { state, reperfusions }
    }

    /// Performs passes and stenting until the vessel is open or the procedure stops.
    #[inline]
    fn revascularise(
        &self,
        strategy: &Strategy,
        entry: Entry,
        draws: CaseDraws,
    ) -> (usize, End, u16) {
        let class = &self.classes[usize::from(entry.class)];
        let mut passes = usize::from(entry.passes);
        let mut reperfusions = 0;
        loop {
            let NextStep { rescue, last } = strategy.next_step(entry, passes);
            let number = draw::DECISION + passes as u64;
            // A decision without a choice needs no draw; draws are numbered, so none shifts
            // another.
            if rescue > 0.0 && (rescue >= 1.0 || draws.uniform(number) < rescue) {
                return (passes, self.stent(passes, draws.success(draw::RESCUE)), reperfusions);
            }
            if last {
                return (passes, End::Stopped, reperfusions);
            }
            passes += 1;
            let u = draws.success(draw::PASS + passes as u64);
            // Lasting success has the smaller probability of the two, so one draw decides on both.
            reperfusions |= u16::from(u < class.success[passes - 1]) << (passes - 1);
            if u < class.lasting[passes - 1] {
                return (passes, End::Reperfused, reperfusions);
            }
        }
    }

    /// Returns the end of stenting after `passes`: the better, the smaller the draw.
    #[inline]
    fn stent(&self, passes: usize, u: f64) -> End {
        // Counted without a branch, as a draw cannot be predicted.
        let better: usize = self.rescue[passes].iter().map(|&p| usize::from(u >= p)).sum();
        STENT_ENDS[better]
    }

    /// Returns P(a complication is fatal), given those that happened.
    fn fatality(&self, haemorrhage: bool, perforation: bool) -> f64 {
        let mut survival = 1.0;
        if haemorrhage {
            survival *= 1.0 - self.haemorrhage_fatality;
        }
        if perforation {
            survival *= 1.0 - self.perforation_fatality;
        }
        1.0 - survival
    }
}
