//! Where a difference between the arms comes from.
//!
//! The arms differ in what is done, and what is done reaches the mRS by several ways. Each way can
//! be shut: then both arms get what the control arm has of it on average, whatever else happens to
//! a patient. With all ways shut the arms are alike, with all open the difference is the whole one.
//! A way's part is its Shapley value (Shapley 1953): what opening it adds, averaged over every order
//! of opening. So the parts add up to the difference and no order is preferred.

use super::procedural::{Exposure, ProceduralModel};
use crate::procedure::WeightedState;
use crate::randomisation::Arm;

/// Names of the ways, in the order of [`ProceduralModel::decomposition`].
pub const WAYS: [&str; 6] = [
    "reperfusion",
    "passes",
    "patency",
    "stent itself",
    "haemorrhage and perforation, survived",
    "fatal complications",
];

const SUBSETS: usize = 1 << WAYS.len();

/// What the control arm has on average.
struct Average {
    reperfusion: f64,
    passes: f64,
    closure: f64,
    stenting: f64,
    haemorrhage: f64,
    perforation: f64,
    fatality: f64,
}

impl ProceduralModel {
    /// P(mRS 0–2) in the experimental arm less that in control, split into [`WAYS`].
    pub fn decomposition(&self) -> [f64; WAYS.len()] {
        let [control, experimental] =
            [Arm::Control, Arm::Experimental].map(|arm| self.procedure().course(arm).states);
        let average = Average::of(&control);
        let difference: Vec<f64> = (0..SUBSETS)
            .map(|open| {
                let of = |states: &[WeightedState]| self.with_ways(states, &average, open);
                of(&experimental) - of(&control)
            })
            .collect();
        std::array::from_fn(|way| shapley(&difference, way))
    }

    /// P(mRS 0–2) of an arm when only the ways of the set `open` are.
    fn with_ways(&self, states: &[WeightedState], average: &Average, open: usize) -> f64 {
        let is_open = |way: usize| open >> way & 1 == 1;
        let certain = |so: bool| f64::from(u8::from(so));
        let mut sum = 0.0;
        for WeightedState { state, class, probability } in states {
            let either =
                |way: usize, own: f64, average: f64| if is_open(way) { own } else { average };
            let closed = state.end.is_reperfused() && !state.end.is_open();
            let reperfusion = either(0, certain(state.end.is_reperfused()), average.reperfusion);
            let passes = either(1, state.passes as f64, average.passes);
            let closure = either(2, certain(closed), average.closure);
            let stenting = either(3, certain(state.end.is_stented()), average.stenting);
            let haemorrhages = either(4, certain(state.haemorrhage), average.haemorrhage);
            let perforations = either(4, certain(state.perforation), average.perforation);
            let fatality = either(5, certain(state.fatal), average.fatality);
            // Where a way is shut, its average is a probability apart from all else.
            let vessel_open = reperfusion * (1.0 - closure);
            let mut independent = 0.0;
            for bits in 0..16u8 {
                let [open_vessel, stented, haemorrhage, perforation] =
                    [0, 1, 2, 3].map(|bit| bits >> bit & 1 == 1);
                let share = share_of(open_vessel, vessel_open)
                    * share_of(stented, stenting)
                    * share_of(haemorrhage, haemorrhages)
                    * share_of(perforation, perforations);
                if share > 0.0 {
                    let exposure =
                        Exposure { passes, open_vessel, stented, haemorrhage, perforation };
                    let log_odds = self.coefficients().log_odds(&exposure);
                    independent += share * self.independence(log_odds, *class);
                }
            }
            sum += probability * (1.0 - fatality) * independent;
        }
        sum
    }
}

fn share_of(so: bool, probability: f64) -> f64 {
    if so { probability } else { 1.0 - probability }
}

impl Average {
    fn of(states: &[WeightedState]) -> Self {
        let mean = |of: &dyn Fn(&WeightedState) -> f64| -> f64 {
            states.iter().map(|weighted| weighted.probability * of(weighted)).sum()
        };
        let share = |of: &dyn Fn(&WeightedState) -> bool| mean(&|w| f64::from(u8::from(of(w))));
        Self {
            reperfusion: share(&|w| w.state.end.is_reperfused()),
            passes: mean(&|w| w.state.passes as f64),
            closure: share(&|w| w.state.end.is_reperfused() && !w.state.end.is_open()),
            stenting: share(&|w| w.state.end.is_stented()),
            haemorrhage: share(&|w| w.state.haemorrhage),
            perforation: share(&|w| w.state.perforation),
            fatality: share(&|w| w.state.fatal),
        }
    }
}

/// The Shapley value of `way` from the values of all subsets.
fn shapley(values: &[f64], way: usize) -> f64 {
    let factorial = |n: usize| (1..=n).product::<usize>() as f64;
    let without = (0..values.len()).filter(|subset| subset >> way & 1 == 0);
    without
        .map(|subset| {
            let size = subset.count_ones() as usize;
            let orders = factorial(size) * factorial(WAYS.len() - 1 - size);
            orders / factorial(WAYS.len()) * (values[subset | 1 << way] - values[subset])
        })
        .sum()
}
