//! Course of a procedure by enumeration: the probability of every state that it can end in.

use super::{
    ArmPlan, ENDS, End, Entry, MAX_PASSES, NextStep, Procedure, STENT_ENDS, State, Strategy,
};
use crate::num::add_log_odds;
use crate::randomisation::Arm;

/// State after a procedure, with its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightedState {
    /// The state.
    pub state: State,
    /// Class of difficulty, as in [`Entry`].
    pub class: usize,
    /// Probability of both, among the arm's patients.
    pub probability: f64,
}

/// Course of an arm's patients.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// States, each once; probabilities sum to 1.
    pub states: Vec<WeightedState>,
    /// P(pass k is made after randomisation), k = 1 … [`MAX_PASSES`].
    pub attempts: [f64; MAX_PASSES],
    /// P(pass k is made and reperfuses).
    pub reperfusions: [f64; MAX_PASSES],
}

/// Patients at their entry, with their probability.
#[derive(Clone, Copy)]
struct Start {
    entry: Entry,
    probability: f64,
    /// Log odds that the centre adds to the success of a pass and of a stent.
    log_odds: f64,
}

/// Probabilities by passes and end.
type Ends = [[f64; ENDS.len()]; MAX_PASSES + 1];

impl Procedure {
    /// Computes the course of an arm's patients.
    pub fn course(&self, arm: Arm) -> Course {
        let ArmPlan { strategy, crossover } = &self.plans[arm.index()];
        let other = &self.plans[1 - arm.index()].strategy;
        let mut course = Course {
            states: Vec::new(),
            attempts: [0.0; MAX_PASSES],
            reperfusions: [0.0; MAX_PASSES],
        };
        let mut ends = vec![Ends::default(); self.classes.len()];
        for &(log_odds, of_centre) in &self.centres {
            for (entry, probability) in self.entries.iter() {
                let ends = &mut ends[usize::from(entry.class)];
                for (strategy, share) in [(strategy, 1.0 - crossover), (other, *crossover)] {
                    let probability = probability * share * of_centre;
                    let start = Start { entry, probability, log_odds };
                    self.follow(strategy, start, &mut course, ends);
                }
            }
        }
        // Many paths lead to the same passes and end, so complications are added to their sums
        // only.
        for (class, ends) in ends.iter().enumerate() {
            for (passes, ends) in ends.iter().enumerate() {
                for (end, &probability) in ENDS.into_iter().zip(ends) {
                    if probability > 0.0 {
                        let state = self.complications(passes, end);
                        course.states.extend(state.map(|(state, share)| WeightedState {
                            state,
                            class,
                            probability: probability * share,
                        }));
                    }
                }
            }
        }
        course
    }

    /// Adds the probabilities of a strategy's passes and ends from an entry.
    fn follow(&self, strategy: &Strategy, start: Start, course: &mut Course, ends: &mut Ends) {
        let Start { entry, probability, log_odds } = start;
        let class = &self.classes[usize::from(entry.class)];
        let mut persistent = probability;
        let mut passes = usize::from(entry.passes);
        loop {
            let NextStep { rescue, last } = strategy.next_step(entry, passes);
            let [patent, opened, placed] = self.rescue[passes].map(|p| add_log_odds(p, log_odds));
            // Log odds of a centre may change the order of two equal probabilities by rounding.
            let (opened, placed) = (opened.max(patent), placed.max(opened.max(patent)));
            let stented = [patent, opened - patent, placed - opened, 1.0 - placed];
            for (end, share) in STENT_ENDS.iter().zip(stented) {
                ends[passes][*end as usize] += persistent * rescue * share;
            }
            persistent *= 1.0 - rescue;
            if last {
                ends[passes][End::Stopped as usize] += persistent;
                return;
            }
            course.attempts[passes] += persistent;
            course.reperfusions[passes] +=
                persistent * add_log_odds(class.success[passes], log_odds);
            let lasting = add_log_odds(class.lasting[passes], log_odds);
            passes += 1;
            ends[passes][End::Reperfused as usize] += persistent * lasting;
            persistent *= 1.0 - lasting;
        }
    }

    /// Iterates over the states with this end, with their conditional probabilities.
    fn complications(&self, passes: usize, end: End) -> impl Iterator<Item = (State, f64)> {
        let stented = usize::from(end.is_stented());
        let haemorrhages = self.haemorrhage[passes][stented];
        let perforations = self.perforation[stented];
        // One bit per complication. Impossible combinations, such as a fatal complication without
        // any, have a share of 0.
        (0..8).filter_map(move |bits: u8| {
            let [haemorrhage, perforation, fatal] = [0, 1, 2].map(|bit| bits >> bit & 1 == 1);
            let fatalities = self.fatality(haemorrhage, perforation);
            let share =
                [(haemorrhage, haemorrhages), (perforation, perforations), (fatal, fatalities)]
                    .map(|(happens, p)| if happens { p } else { 1.0 - p });
            let share = share[0] * share[1] * share[2];
            let state = State { passes: passes as u8, end, haemorrhage, perforation, fatal };
            (share > 0.0).then_some((state, share))
        })
    }
}
