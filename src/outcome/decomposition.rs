//! Decomposition of the difference between the arms by mechanism.
//!
//! The arms differ in their strategies, which affect the mRS by several mechanisms. Each mechanism
//! can be closed: then both arms have the control arm's average of it, independently of everything
//! else. With all mechanisms closed the arms are equal, with all open the difference is the whole
//! one. The part of a mechanism is its Shapley value (Shapley 1953): the increase by opening it,
//! averaged over every order of opening. Therefore the parts add up to the difference and no order
//! is preferred.
//!
//! As a game, the players are the six [`MECHANISMS`], and the value of a set of them is the
//! difference in P(mRS 0–2) when these are open and the others closed. The definition makes a
//! choice, the control arm's average as that of a closed mechanism. The average of the experimental
//! arm is an equally fair choice, as are other groupings, and each gives other parts of the same
//! difference: parts are a description, exact for their definition, and not causal effects.

use super::procedural::{Exposure, ProceduralModel};
use crate::procedure::{State, WeightedState};
use crate::randomisation::Arm;

/// Names of the mechanisms, in the order of [`ProceduralModel::decomposition`].
pub const MECHANISMS: [&str; 6] = [
    "reperfusion",
    "passes",
    "patency",
    "stent itself",
    "haemorrhage and perforation, survived",
    "fatal complications",
];

const SUBSETS: usize = 1 << MECHANISMS.len();

/// Averages over an arm, which replace the patient's own values if a mechanism is closed.
struct Average {
    reperfusion: f64,
    passes: f64,
    /// Share of closed vessels among those that were reperfused.
    closure: f64,
    stenting: f64,
    haemorrhage: f64,
    perforation: f64,
    fatality: f64,
}

impl ProceduralModel {
    /// Splits the difference of P(mRS 0–2), experimental less control arm, by [`MECHANISMS`].
    pub fn decomposition(&self) -> [f64; MECHANISMS.len()] {
        self.decomposition_from(Arm::Control)
    }

    /// Splits the difference with the average of `reference` as that of a closed mechanism.
    fn decomposition_from(&self, reference: Arm) -> [f64; MECHANISMS.len()] {
        let [control, experimental] =
            [Arm::Control, Arm::Experimental].map(|arm| self.procedure().course(arm).states);
        let average = Average::of(match reference {
            Arm::Control => &control,
            Arm::Experimental => &experimental,
        });
        let differences: Vec<f64> = (0..SUBSETS)
            .map(|open| {
                self.with_mechanisms(&experimental, &average, open)
                    - self.with_mechanisms(&control, &average, open)
            })
            .collect();
        std::array::from_fn(|mechanism| shapley(&differences, mechanism))
    }

    /// Computes P(mRS 0–2) of an arm when only the mechanisms of the set `open` are open.
    fn with_mechanisms(&self, states: &[WeightedState], average: &Average, open: usize) -> f64 {
        let mut sum = 0.0;
        for WeightedState { state, class, probability } in states {
            let own = Average::of_state(state);
            let [reperfusion, passes, closure, stenting, haemorrhages, perforations, fatality] = [
                (0, own.reperfusion, average.reperfusion),
                (1, own.passes, average.passes),
                (2, own.closure, average.closure),
                (3, own.stenting, average.stenting),
                (4, own.haemorrhage, average.haemorrhage),
                (4, own.perforation, average.perforation),
                (5, own.fatality, average.fatality),
            ]
            .map(
                |(mechanism, own, average)| if open >> mechanism & 1 == 1 { own } else { average },
            );
            // The average of a closed mechanism is a probability, independent of everything else.
            let vessel_open = reperfusion * (1.0 - closure);
            let mut independent = 0.0;
            for bits in 0..16u8 {
                let [open_vessel, stented, haemorrhage, perforation] =
                    [0, 1, 2, 3].map(|bit| bits >> bit & 1 == 1);
                let share = share_of(open_vessel, vessel_open)
                    * share_of(stented, stenting)
                    * share_of(haemorrhage, haemorrhages)
                    * share_of(perforation, perforations);
                // With all mechanisms open, the patient's own combination is the only possible one
                // of 16.
                if share > 0.0 {
                    let exposure =
                        Exposure { passes, open_vessel, stented, haemorrhage, perforation };
                    let log_odds = self.coefficients().log_odds(&exposure);
                    independent += share * self.independence(log_odds, *class);
                }
            }
            // A fatal complication gives mRS 6, whatever the other mechanisms.
            sum += probability * (1.0 - fatality) * independent;
        }
        sum
    }
}

fn share_of(so: bool, probability: f64) -> f64 {
    if so { probability } else { 1.0 - probability }
}

impl Average {
    /// Returns the values of one patient: 0 or 1, and the number of passes.
    fn of_state(state: &State) -> Self {
        let is_closed = state.end.is_reperfused() && !state.end.is_open();
        Self {
            reperfusion: f64::from(u8::from(state.end.is_reperfused())),
            passes: f64::from(state.passes),
            closure: f64::from(u8::from(is_closed)),
            stenting: f64::from(u8::from(state.end.is_stented())),
            haemorrhage: f64::from(u8::from(state.haemorrhage)),
            perforation: f64::from(u8::from(state.perforation)),
            fatality: f64::from(u8::from(state.fatal)),
        }
    }

    fn of(states: &[WeightedState]) -> Self {
        let mut mean = Self {
            reperfusion: 0.0,
            passes: 0.0,
            closure: 0.0,
            stenting: 0.0,
            haemorrhage: 0.0,
            perforation: 0.0,
            fatality: 0.0,
        };
        let mut open = 0.0;
        for WeightedState { state, probability, .. } in states {
            let own = Self::of_state(state);
            mean.reperfusion += probability * own.reperfusion;
            mean.passes += probability * own.passes;
            mean.stenting += probability * own.stenting;
            mean.haemorrhage += probability * own.haemorrhage;
            mean.perforation += probability * own.perforation;
            mean.fatality += probability * own.fatality;
            open += probability * f64::from(u8::from(state.end.is_open()));
        }
        // Among the reperfused, so that reperfusion and patency are separate mechanisms.
        if mean.reperfusion > 0.0 {
            mean.closure = 1.0 - open / mean.reperfusion;
        }
        mean
    }
}

/// Computes the Shapley value of a mechanism from the values of all subsets.
fn shapley(values: &[f64], mechanism: usize) -> f64 {
    let without = (0..values.len()).filter(|subset| subset >> mechanism & 1 == 0);
    without
        .map(|subset| {
            let size = subset.count_ones() as usize;
            let orders = factorial(size) * factorial(MECHANISMS.len() - 1 - size);
            let added = values[subset | 1 << mechanism] - values[subset];
            orders / factorial(MECHANISMS.len()) * added
        })
        .sum()
}

fn factorial(n: usize) -> f64 {
    (1..=n).product::<usize>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    /// With every mechanism closed both arms have the control arm's share of open vessels, and its
    /// share of everything else.
    #[test]
    fn closed_mechanisms_have_the_average_of_the_control_arm() {
        let text = include_str!("../../scenarios/early-vs-late.toml");
        let scenario = Scenario::parse(text, &[]).expect("the shipped scenario is valid");
        let model = scenario.procedural().expect("it has a procedure");
        let states = model.procedure().course(Arm::Control).states;
        let average = Average::of(&states);
        let open: f64 =
            states.iter().filter(|w| w.state.end.is_open()).map(|w| w.probability).sum();
        assert!((average.reperfusion * (1.0 - average.closure) - open).abs() < 1e-12);

        let experimental = model.procedure().course(Arm::Experimental).states;
        let closed = [&states, &experimental].map(|of| model.with_mechanisms(of, &average, 0));
        assert!((closed[0] - closed[1]).abs() < 1e-12, "{closed:?}");
        let all = model.with_mechanisms(&experimental, &average, SUBSETS - 1);
        assert!((all - 0.824).abs() < 1e-6, "{all}");
    }

    /// Either arm may be the reference: the parts differ, their sum does not. The parts of the
    /// passes are results of this code, which the documentation states.
    #[test]
    fn another_reference_gives_other_parts_of_the_same_difference() {
        let text = include_str!("../../scenarios/early-vs-late.toml");
        let scenario = Scenario::parse(text, &[]).expect("the shipped scenario is valid");
        let model = scenario.procedural().expect("it has a procedure");
        let [from_control, from_experimental] =
            [Arm::Control, Arm::Experimental].map(|arm| model.decomposition_from(arm));
        let sums = [&from_control, &from_experimental].map(|parts| parts.iter().sum::<f64>());
        assert!((sums[0] - 0.163).abs() < 5e-5 && (sums[0] - sums[1]).abs() < 1e-12, "{sums:?}");
        let passes = [from_control[1], from_experimental[1]];
        assert!((passes[0] - 0.1155).abs() < 5e-5 && (passes[1] - 0.1157).abs() < 5e-5);
    }
}
