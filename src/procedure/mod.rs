//! The procedure before the outcome: passes, reperfusion, rescue stenting, complications, minutes.
//!
//! A patient is randomised unresolved after some passes. At every decision the arm's [`Strategy`]
//! stents, stops, or makes another pass; pass k reperfuses with a probability of its own, and a
//! reperfused vessel may close again at once, which leaves the patient unresolved. A stent is
//! placed or cannot be, opens the vessel or does not, and stays patent or closes later. Symptomatic
//! haemorrhage and perforation follow, and either may be fatal.
//!
//! Every draw is numbered by what it is for, so that a patient's third pass succeeds or fails alike
//! under every strategy that makes it.

mod course;
mod difficulty;
mod entry;
mod minutes;
mod parameters;
mod strategy;

pub use course::{Course, WeightedState};
pub use difficulty::Difficulty;
pub use entry::{Entry, NobodyUnresolved};
pub use minutes::Minutes;
pub use parameters::{Haemorrhage, Parameters, PerPass, Perforation, Plan, Rescue};
pub use strategy::{Decision, Strategy, Then};

use crate::num::with_odds;
use crate::randomisation::Arm;
use crate::rng::PatientDraws;
use difficulty::Class;
use entry::Entries;
use serde::Serialize;

/// The most passes a patient can have.
pub const MAX_PASSES: usize = 10;

/// How a procedure ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Reperfused by thrombectomy, and it lasted.
    Reperfused,
    /// Stented; open at follow-up.
    StentPatent,
    /// Stented and opened; closed by follow-up.
    StentClosed,
    /// Stented without opening the vessel.
    StentFailed,
    /// A stent was meant and could not be brought to its place.
    AccessFailed,
    /// Given up without a stent.
    Stopped,
}

/// Every end, in the order of their numbers.
pub const ENDS: [End; 6] = [
    End::Reperfused,
    End::StentPatent,
    End::StentClosed,
    End::StentFailed,
    End::AccessFailed,
    End::Stopped,
];

/// Ends of a rescue, the better first.
const STENT_ENDS: [End; 4] =
    [End::StentPatent, End::StentClosed, End::StentFailed, End::AccessFailed];

impl End {
    /// Whether a stent was placed.
    pub fn is_stented(self) -> bool {
        matches!(self, Self::StentPatent | Self::StentClosed | Self::StentFailed)
    }

    /// Whether the vessel was open when the procedure ended.
    pub fn is_reperfused(self) -> bool {
        matches!(self, Self::Reperfused | Self::StentPatent | Self::StentClosed)
    }

    /// Whether the vessel is open at follow-up.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Reperfused | Self::StentPatent)
    }
}

/// What a procedure leaves behind: all that the outcome depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Passes in all, with those before randomisation; at most [`MAX_PASSES`].
    pub passes: u8,
    /// How it ended.
    pub end: End,
    /// Symptomatic haemorrhage.
    pub haemorrhage: bool,
    /// Perforation or dissection.
    pub perforation: bool,
    /// Haemorrhage or perforation was fatal.
    pub fatal: bool,
}

impl State {
    /// States that differ in passes, end and complications.
    pub const COUNT: usize = (MAX_PASSES + 1) * ENDS.len() * 4;

    /// A number below [`State::COUNT`]; whether a complication was fatal does not enter.
    #[inline]
    pub fn index(&self) -> usize {
        let end = usize::from(self.passes) * ENDS.len() + self.end as usize;
        end * 4 + usize::from(self.haemorrhage) * 2 + usize::from(self.perforation)
    }

    /// The state with a number, without a fatal complication.
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

/// One patient's procedure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcedureRecord {
    /// What it leaves behind.
    pub state: State,
    /// Passes before randomisation.
    pub passes_before: u8,
    /// Bit k − 1 is set when pass k, made after randomisation, reperfused, lasting or not.
    pub reperfusions: u16,
    /// From puncture to end.
    pub minutes: f64,
}

/// What was done, without how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treated {
    /// What it leaves behind.
    pub state: State,
    /// As [`ProcedureRecord::reperfusions`].
    pub reperfusions: u16,
}

/// The procedure of a scenario, ready to be performed.
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
    plans: [Plan; 2],
    /// (log odds, share) of the centres' success, which expected figures are averaged over.
    centres: Vec<(f64, f64)>,
}

/// The draws of a patient in a centre.
#[derive(Debug, Clone, Copy)]
pub struct CaseDraws {
    draws: PatientDraws,
    odds_ratio: f64,
}

impl CaseDraws {
    /// In a centre that adds `log_odds` to the success of a pass and of a stent.
    pub fn new(draws: PatientDraws, log_odds: f64) -> Self {
        let odds_ratio = if log_odds == 0.0 { 1.0 } else { libm::exp(log_odds) };
        Self { draws, odds_ratio }
    }

    #[inline]
    fn uniform(self, n: u64) -> f64 {
        self.draws.uniform(n)
    }

    /// A draw of which the smaller ones succeed.
    #[inline]
    fn success(self, n: u64) -> f64 {
        let u = self.draws.uniform(n);
        if self.odds_ratio == 1.0 { u } else { with_odds(u, self.odds_ratio) }
    }
}

impl From<PatientDraws> for CaseDraws {
    /// In a centre of average success.
    #[inline]
    fn from(draws: PatientDraws) -> Self {
        Self { draws, odds_ratio: 1.0 }
    }
}

/// Numbers of a patient's draws. They are part of every result: append, never renumber.
mod draw {
    pub const PASSES_BEFORE: u64 = 0;
    pub const CROSSOVER: u64 = 1;
    pub const RESCUE: u64 = 2;
    pub const HAEMORRHAGE: u64 = 3;
    pub const PERFORATION: u64 = 4;
    pub const FATALITY: u64 = 5;
    pub const MINUTES: u64 = 6;
    pub const DIFFICULTY: u64 = 7;
    /// Plus the number of the pass.
    pub const PASS: u64 = 16;
    /// Plus the number of passes before the decision.
    pub const DECISION: u64 = 32;
}

impl Procedure {
    /// Computes every table. Probabilities must be in [0, 1] and strategies must end by
    /// [`MAX_PASSES`].
    ///
    /// # Errors
    /// When nobody is left to be randomised after one of the stated numbers of passes.
    pub fn new(parameters: &Parameters) -> Result<Self, NobodyUnresolved> {
        let Parameters { rescue, haemorrhage, perforation, .. } = parameters;
        let classes = parameters.difficulty.classes(parameters);
        let entries = Entries::new(&classes, &parameters.randomised_after)?;
        let rescue_choice = parameters.difficulty.rescue_choice;
        let plans = parameters.plans.clone().map(|plan| Plan {
            strategy: plan.strategy.by_difficulty(&classes, rescue_choice),
            ..plan
        });
        Ok(Self {
            classes,
            entries,
            rescue: std::array::from_fn(|passes| {
                let placed = 1.0 - rescue.failed_access;
                let opened = placed * rescue.success[passes];
                let stays = |patency: PerPass| patency.probability(passes, 0.0);
                [opened * rescue.patency.map_or(1.0, stays), opened, placed]
            }),
            haemorrhage: std::array::from_fn(|passes| {
                let risk = |extra| {
                    haemorrhage.risk.map_or(0.0, |risk: PerPass| risk.probability(passes, extra))
                };
                [risk(0.0), risk(haemorrhage.stenting)]
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

    /// The same in centres that add these (log odds, share) to the success of a pass and of a stent
    /// after randomisation; who is randomised stays as it is.
    pub fn across_centres(self, centres: Vec<(f64, f64)>) -> Self {
        Self { centres, ..self }
    }

    /// The same procedure in a centre of average success with everyone entering before the first
    /// pass, and these strategies in place of the arms'.
    pub fn from_the_start(&self, plans: [Plan; 2]) -> Self {
        let entries = Entries::new(&self.classes, &[(0, 1.0)]);
        let entries = entries.expect("everyone is unresolved before any pass");
        Self { entries, plans, centres: vec![(0.0, 1.0)], ..self.clone() }
    }

    /// The same procedure with nobody crossing over.
    pub fn without_crossover(&self) -> Self {
        let plans = self.plans.clone().map(|plan| Plan { crossover: 0.0, ..plan });
        Self { plans, ..self.clone() }
    }

    /// Share of the screened patients who are randomised: those still unresolved when their turn
    /// comes.
    pub fn screening_yield(&self) -> f64 {
        self.entries.screening_yield()
    }

    /// A stent after at most this many passes is early.
    pub fn early_until(&self) -> usize {
        self.early_until
    }

    /// The duration of procedures.
    pub fn minutes(&self) -> &Minutes {
        &self.minutes
    }

    /// Difficulty of each class in standard deviations, as entries refer to it.
    pub fn difficulties(&self) -> impl Iterator<Item = f64> {
        self.classes.iter().map(|class| class.z)
    }

    /// How the patient enters.
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

    /// The procedure that the patient would have by the control arm's strategy, whoever crosses over.
    pub fn perform_as_control(&self, entry: Entry, draws: CaseDraws) -> ProcedureRecord {
        self.timed(self.treat_as_control(entry, draws), entry, draws)
    }

    /// With its duration.
    #[inline]
    fn timed(&self, treated: Treated, entry: Entry, draws: CaseDraws) -> ProcedureRecord {
        let Treated { state, reperfusions } = treated;
        let (passes, stented) = (usize::from(state.passes), state.end.is_stented());
        let minutes = self.minutes.draw(passes, stented, draws.uniform(draw::MINUTES));
        ProcedureRecord { state, passes_before: entry.passes, reperfusions, minutes }
    }

    /// The same without its duration, which the outcome does not need.
    #[inline]
    pub fn treat(&self, arm: Arm, entry: Entry, draws: impl Into<CaseDraws>) -> Treated {
        let draws = draws.into();
        let received = if self.crosses(arm, draws) { 1 - arm.index() } else { arm.index() };
        self.follow_plan(&self.plans[received].strategy, entry, draws)
    }

    /// What the patient would have by the control arm's strategy, whoever crosses over.
    #[inline]
    pub fn treat_as_control(&self, entry: Entry, draws: impl Into<CaseDraws>) -> Treated {
        self.follow_plan(&self.plans[Arm::Control.index()].strategy, entry, draws.into())
    }

    /// Whether a patient of an arm gets the other arm's strategy.
    #[inline]
    pub fn crosses(&self, arm: Arm, draws: impl Into<CaseDraws>) -> bool {
        let crossover = self.plans[arm.index()].crossover;
        crossover > 0.0 && draws.into().uniform(draw::CROSSOVER) < crossover
    }

    #[inline]
    fn follow_plan(&self, strategy: &Strategy, entry: Entry, draws: CaseDraws) -> Treated {
        let (passes, end, reperfusions) = self.revascularise(strategy, entry, draws);

        let stented = usize::from(end.is_stented());
        let happens = |n, p: f64| p > 0.0 && draws.uniform(n) < p;
        let haemorrhage = happens(draw::HAEMORRHAGE, self.haemorrhage[passes][stented]);
        let perforation = happens(draw::PERFORATION, self.perforation[stented]);
        let fatal = (haemorrhage || perforation)
            && happens(draw::FATALITY, self.fatality(haemorrhage, perforation));
        let state = State { passes: passes as u8, end, haemorrhage, perforation, fatal };
        Treated { state, reperfusions }
    }

    /// Passes and stenting until the vessel is open or given up.
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
            let Decision { rescue, last } = strategy.decide(entry, passes);
            let number = draw::DECISION + passes as u64;
            if rescue > 0.0 && (rescue >= 1.0 || draws.uniform(number) < rescue) {
                return (passes, self.stent(passes, draws.success(draw::RESCUE)), reperfusions);
            }
            if last {
                return (passes, End::Stopped, reperfusions);
            }
            passes += 1;
            let u = draws.success(draw::PASS + passes as u64);
            reperfusions |= u16::from(u < class.success[passes - 1]) << (passes - 1);
            if u < class.lasting[passes - 1] {
                return (passes, End::Reperfused, reperfusions);
            }
        }
    }

    /// What stenting after `passes` gives: the better, the smaller the draw.
    #[inline]
    fn stent(&self, passes: usize, u: f64) -> End {
        let better: usize = self.rescue[passes].iter().map(|&p| usize::from(u >= p)).sum();
        STENT_ENDS[better]
    }

    /// P(a complication is fatal), given those that happened.
    fn fatality(&self, haemorrhage: bool, perforation: bool) -> f64 {
        let survives = |happened, fatality: f64| if happened { 1.0 - fatality } else { 1.0 };
        1.0 - survives(haemorrhage, self.haemorrhage_fatality)
            * survives(perforation, self.perforation_fatality)
    }
}
