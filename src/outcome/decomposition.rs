//! Where a difference between the arms comes from.
//!
//! The arms differ in what is done, and what is done reaches the mRS by several ways. Each way can
//! be shut: then both arms get what the control arm has of it on average, whatever else happens to
//! a patient. With all ways shut the arms are alike, with all open the difference is the whole one.
//! A way's part is its Shapley value (Shapley 1953): what opening it adds, averaged over every order
//! of opening. So the parts add up to the difference and no order is preferred.
//!
//! The game: the players are the six [`WAYS`], and the value of a set of them is the difference in
//! P(mRS 0–2) when these are open and the others shut. It rests on a choice, the control arm's average
//! as that of a shut way. The average of the experimental arm is as fair, as are other groupings of the
//! ways, and each gives other parts of the same difference: parts are a description, exact for their
//! definition, and not causal effects.

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
    /// Among the reperfused.
    closure: f64,
    stenting: f64,
    haemorrhage: f64,
    perforation: f64,
    fatality: f64,
}

impl ProceduralModel {
    /// P(mRS 0–2) in the experimental arm less that in control, split into [`WAYS`].
    pub fn decomposition(&self) -> [f64; WAYS.len()] {
        self.decomposition_from(Arm::Control)
    }

    /// The same with the average of `reference` as that of a shut way.
    fn decomposition_from(&self, reference: Arm) -> [f64; WAYS.len()] {
        let [control, experimental] =
            [Arm::Control, Arm::Experimental].map(|arm| self.procedure().course(arm).states);
        let average = Average::of(if reference == Arm::Control { &control } else { &experimental });
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
            let passes = either(1, f64::from(state.passes), average.passes);
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
        let reperfusion = share(&|w| w.state.end.is_reperfused());
        let open = share(&|w| w.state.end.is_open());
        Self {
            reperfusion,
            passes: mean(&|w| f64::from(w.state.passes)),
            closure: if reperfusion > 0.0 { 1.0 - open / reperfusion } else { 0.0 },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    /// With every way shut both arms have the control arm's share of open vessels, and its share of
    /// everything else.
    #[test]
    fn what_is_shut_is_the_average_of_control() {
        let text = include_str!("../../scenarios/early-vs-late.toml");
        let scenario = Scenario::parse(text, &[]).expect("the shipped scenario is valid");
        let model = scenario.procedural().expect("it has a procedure");
        let states = model.procedure().course(Arm::Control).states;
        let average = Average::of(&states);
        let open: f64 =
            states.iter().filter(|w| w.state.end.is_open()).map(|w| w.probability).sum();
        assert!((average.reperfusion * (1.0 - average.closure) - open).abs() < 1e-12);

        let experimental = model.procedure().course(Arm::Experimental).states;
        let shut = [&states, &experimental].map(|of| model.with_ways(of, &average, 0));
        assert!((shut[0] - shut[1]).abs() < 1e-12, "{shut:?}");
        let all = model.with_ways(&experimental, &average, SUBSETS - 1);
        assert!((all - 0.824).abs() < 1e-6, "{all}");
    }

    /// Either arm may be the reference: the parts differ, their sum does not. The parts of the passes are
    /// those of this code, which the documentation states.
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
