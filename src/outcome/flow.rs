//! Flow of an arm's patients from passes to outcome: weights of every state and mRS.
//!
//! The weights are probabilities when enumerated and numbers of patients when simulated, so that
//! both give every quantity by the same code.

use serde::Serialize;

use super::{LEVELS, Mrs, MrsDistribution};
use crate::procedure::{End, MAX_PASSES, State};

/// Weights of every state and mRS.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Weights by cell, see [`Flow::cell`].
    weights: Vec<f64>,
    attempts: [f64; MAX_PASSES],
    reperfusions: [f64; MAX_PASSES],
}

impl Default for Flow {
    fn default() -> Self {
        let none = [0.0; MAX_PASSES];
        Self { weights: vec![0.0; Self::CELLS], attempts: none, reperfusions: none }
    }
}

/// Mean and standard deviation of a quantity among the patients who have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Mean; NaN if no patient has the quantity.
    pub mean: f64,
    /// Standard deviation between patients, with the weight as divisor.
    pub sd: f64,
    /// Weight of the patients who have it.
    pub weight: f64,
}

/// Group of patients by the result of the procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// All patients.
    All,
    /// Reperfused by thrombectomy alone.
    Reperfused,
    /// Stented, with any result.
    Stented,
    /// Stented after at most the number of passes that counts as early.
    StentedEarly,
    /// Stented later.
    StentedLate,
    /// Neither reperfused by thrombectomy nor stented.
    Unopened,
}

/// Every group.
pub const GROUPS: [Group; 6] = [
    Group::All,
    Group::Reperfused,
    Group::Stented,
    Group::StentedEarly,
    Group::StentedLate,
    Group::Unopened,
];

impl Group {
    /// Returns its name in keys and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Reperfused => "reperfused",
            Self::Stented => "stented",
            Self::StentedEarly => "stented_early",
            Self::StentedLate => "stented_late",
            Self::Unopened => "unopened",
        }
    }

    /// Returns whether a patient belongs to it; `early_until` as in the procedure.
    pub fn has(self, state: &State, early_until: usize) -> bool {
        let stented = state.end.is_stented();
        let early = usize::from(state.passes) <= early_until;
        match self {
            Self::All => true,
            Self::Reperfused => state.end == End::Reperfused,
            Self::Stented => stented,
            Self::StentedEarly => stented && early,
            Self::StentedLate => stented && !early,
            Self::Unopened => !stented && state.end != End::Reperfused,
        }
    }
}

/// Quantity of a patient: 1 for yes and 0 for no, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// mRS 0–2.
    FunctionalIndependence,
    /// mRS 6.
    Mortality,
    /// Symptomatic haemorrhage.
    Haemorrhage,
    /// Perforation or dissection.
    Perforation,
    /// Vessel open at the end of the procedure.
    Reperfusion,
    /// Stent open at follow-up, among patients in whom it opened the vessel.
    Patency,
    /// A stent placed.
    Stented,
    /// Passes in all.
    Passes,
}

/// Every measure, with its name in keys and output.
pub const MEASURES: [(Measure, &str); 8] = [
    (Measure::FunctionalIndependence, "functional_independence"),
    (Measure::Mortality, "mortality"),
    (Measure::Haemorrhage, "haemorrhage"),
    (Measure::Perforation, "perforation"),
    (Measure::Reperfusion, "reperfusion"),
    (Measure::Patency, "patency"),
    (Measure::Stented, "stented"),
    (Measure::Passes, "passes"),
];

impl Measure {
    /// Returns its name in keys and output.
    pub fn name(self) -> &'static str {
        let named = MEASURES.iter().find(|(measure, _)| *measure == self);
        named.expect("every measure is listed").1
    }

    /// Returns its value for a patient; `None` for a patient without the quantity.
    pub fn of(self, state: &State, mrs: Mrs) -> Option<f64> {
        let has = match self {
            Self::FunctionalIndependence => mrs <= Mrs::INDEPENDENT,
            Self::Mortality => mrs == Mrs::DEAD,
            Self::Haemorrhage => state.haemorrhage,
            Self::Perforation => state.perforation,
            Self::Reperfusion => state.end.is_reperfused(),
            Self::Patency => match state.end {
                End::StentPatent => true,
                End::StentClosed => false,
                // Patency is asked of stents that opened the vessel only.
                End::Reperfused | End::StentFailed | End::AccessFailed | End::Stopped => {
                    return None;
                }
            },
            Self::Stented => state.end.is_stented(),
            Self::Passes => return Some(f64::from(state.passes)),
        };
        Some(f64::from(u8::from(has)))
    }
}

impl Flow {
    /// Number of cells.
    pub const CELLS: usize = State::COUNT * LEVELS;

    /// Returns the cell of a state and mRS.
    #[inline]
    pub fn cell(state: &State, mrs: Mrs) -> usize {
        state.index() * LEVELS + mrs.index()
    }

    /// Returns the state of a cell, without a fatal complication.
    pub fn state(cell: usize) -> State {
        State::from_index(cell / LEVELS)
    }

    /// Constructs a flow from numbers of patients by cell, attempts of every pass and their
    /// reperfusions.
    pub fn from_counts(
        cells: &[u64],
        attempts: &[u64; MAX_PASSES],
        reperfusions: &[u64; MAX_PASSES],
    ) -> Self {
        Self {
            weights: cells.iter().map(|&count| count as f64).collect(),
            attempts: attempts.map(|count| count as f64),
            reperfusions: reperfusions.map(|count| count as f64),
        }
    }

    pub(super) fn add(&mut self, state: &State, mrs: Mrs, weight: f64) {
        self.weights[Self::cell(state, mrs)] += weight;
    }

    pub(super) fn set_passes(
        &mut self,
        attempts: [f64; MAX_PASSES],
        reperfusions: [f64; MAX_PASSES],
    ) {
        self.attempts = attempts;
        self.reperfusions = reperfusions;
    }

    /// Iterates over the cells with weight. Whether a complication was fatal is not part of the
    /// state: the mRS shows it.
    fn cells(&self) -> impl Iterator<Item = (State, Mrs, f64)> {
        // A strategy fills few of the 1848 cells, and a summary reads them for dozens of means.
        let cells = self.weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
        cells.map(|(cell, &weight)| (Self::state(cell), Mrs((cell % LEVELS) as u8), weight))
    }

    /// Computes mean and standard deviation of the quantity that `of` returns for a patient.
    pub fn spread(&self, of: impl Fn(&State, Mrs) -> Option<f64>) -> Spread {
        let (mut weight, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (state, mrs, w) in self.cells() {
            if let Some(value) = of(&state, mrs) {
                weight += w;
                sum += w * value;
                squares += w * value * value;
            }
        }
        let mean = sum / weight;
        // Rounding may leave a quantity without variance slightly below 0.
        Spread { mean, sd: (squares / weight - mean * mean).max(0.0).sqrt(), weight }
    }

    /// Computes mean and standard deviation of a measure in a group.
    pub fn measure(&self, measure: Measure, group: Group, early_until: usize) -> Spread {
        self.spread(
            |state, mrs| {
                if group.has(state, early_until) { measure.of(state, mrs) } else { None }
            },
        )
    }

    /// Returns the mRS of all patients; `None` without patients.
    pub fn mrs(&self) -> Option<MrsDistribution> {
        let mut levels = [0.0; LEVELS];
        for (_, mrs, weight) in self.cells() {
            levels[mrs.index()] += weight;
        }
        // Weights are numbers of patients if the flow was simulated.
        let total: f64 = levels.iter().sum();
        MrsDistribution::new(levels.map(|weight| weight / total)).ok()
    }

    /// Returns the weight of patients who have pass k after randomisation, k = 1 … [`MAX_PASSES`].
    pub fn attempts(&self) -> &[f64; MAX_PASSES] {
        &self.attempts
    }

    /// Returns the weight of patients whose pass k reperfuses, lasting or not.
    pub fn reperfusions(&self) -> &[f64; MAX_PASSES] {
        &self.reperfusions
    }

    /// Returns the weight of all patients.
    pub fn total(&self) -> f64 {
        self.weights.iter().sum()
    }
}
