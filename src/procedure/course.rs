//! The same procedure by enumeration: the probability of everything that can happen.

use super::{Decision, ENDS, End, Entry, MAX_PASSES, Plan, Procedure, STENT_ENDS, State, Strategy};
use crate::num::add_log_odds;
use crate::randomisation::Arm;

/// A state that a procedure can leave behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightedState {
    /// The state.
    pub state: State,
    /// Class of difficulty, as in [`Entry`].
    pub class: usize,
    /// Probability of both, among the arm's patients.
    pub probability: f64,
}

/// Everything that can happen to a patient of an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// States, each once; probabilities sum to 1.
    pub states: Vec<WeightedState>,
    /// P(pass k is made after randomisation), k = 1 … [`MAX_PASSES`].
    pub attempts: [f64; MAX_PASSES],
    /// P(it is made and reperfuses).
    pub reperfusions: [f64; MAX_PASSES],
}

/// How patients begin, and the probability of beginning so.
#[derive(Clone, Copy)]
struct Start {
    entry: Entry,
    probability: f64,
}

/// Probabilities by passes and end.
type Ends = [[f64; ENDS.len()]; MAX_PASSES + 1];

impl Procedure {
    /// The course of an arm's patients.
    pub fn course(&self, arm: Arm) -> Course {
        let Plan { strategy, crossover } = &self.plans[arm.index()];
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
                    let start = Start { entry, probability: probability * share * of_centre };
                    self.follow(strategy, (start, log_odds), &mut course, ends);
                }
            }
        }
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

    /// Follows a strategy from entry to every end, in a centre that adds `log_odds` to success.
    fn follow(
        &self,
        strategy: &Strategy,
        (Start { entry, probability }, log_odds): (Start, f64),
        course: &mut Course,
        ends: &mut Ends,
    ) {
        let class = &self.classes[usize::from(entry.class)];
        let here = |p: f64| add_log_odds(p, log_odds);
        let mut unresolved = probability;
        let mut passes = usize::from(entry.passes);
        loop {
            let Decision { rescue, last } = strategy.decide(entry, passes);
            let [patent, opened, placed] = self.rescue[passes].map(here);
            // Log odds of a centre may change the order of two equal probabilities by rounding.
            let (opened, placed) = (opened.max(patent), placed.max(opened.max(patent)));
            let stented = [patent, opened - patent, placed - opened, 1.0 - placed];
            for (end, share) in STENT_ENDS.iter().zip(stented) {
                ends[passes][*end as usize] += unresolved * rescue * share;
            }
            unresolved *= 1.0 - rescue;
            if last {
                ends[passes][End::Stopped as usize] += unresolved;
                return;
            }
            course.attempts[passes] += unresolved;
            course.reperfusions[passes] += unresolved * here(class.success[passes]);
            let lasting = here(class.lasting[passes]);
            passes += 1;
            ends[passes][End::Reperfused as usize] += unresolved * lasting;
            unresolved *= 1.0 - lasting;
        }
    }

    /// The states that an end can turn into, with their conditional probabilities.
    fn complications(&self, passes: usize, end: End) -> impl Iterator<Item = (State, f64)> {
        let stented = usize::from(end.is_stented());
        let haemorrhages = self.haemorrhage[passes][stented];
        let perforations = self.perforation[stented];
        (0..8).filter_map(move |bits: u8| {
            let [haemorrhage, perforation, fatal] = [0, 1, 2].map(|bit| bits >> bit & 1 == 1);
            let of = |happens: bool, p: f64| if happens { p } else { 1.0 - p };
            let share = of(haemorrhage, haemorrhages)
                * of(perforation, perforations)
                * of(fatal, self.fatality(haemorrhage, perforation));
            let state = State { passes: passes as u8, end, haemorrhage, perforation, fatal };
            (share > 0.0).then_some((state, share))
        })
    }
}
