//! Scenarios run on the same random numbers, so that their differences are paired.
//!
//! Patient i of replicate r has the same latent draws in every scenario. What two scenarios have in
//! common cancels from their difference, whose Monte-Carlo error is that of the differences within
//! replicates.

use serde::Serialize;

use crate::engine::Accumulator;
use crate::outcome::Mrs;
use crate::outcome::flow::Measure;
use crate::randomisation::Arm;
use crate::scenario::{Scenario, Truth};
use crate::summary::{McEstimate, Moments, NamedFigure, error_of_difference_to_stop_by};
use crate::trial::{Conclusion, PatientCourse, ReplicateResult, TrialResult};

/// A figure that every replicate gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    /// Of an analysis, by its place among the common ones.
    Rejection {
        analysis: usize,
        truth: Truth,
    },
    Randomised {
        analysis: usize,
    },
    Analysed {
        analysis: usize,
    },
    Duration {
        analysis: usize,
    },
    /// Of an arm.
    Independence(Arm),
    Mortality(Arm),
    /// Of an arm, where there is a procedure.
    Procedure(Arm, Measure),
    Minutes(Arm),
}

/// Scenarios that can be compared, and the figures they have in common.
#[derive(Debug)]
pub struct Comparison<'s> {
    scenarios: &'s [Scenario],
    /// Of each common analysis, its place in each scenario.
    analyses: Vec<Vec<usize>>,
    figures: Vec<Figure>,
}

/// Why scenarios cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotComparable {
    /// There must be two at least.
    #[error("there is nothing to compare: expected two scenarios or more")]
    TooFew,
    /// No analysis is in all of them.
    #[error(
        "the scenarios have no analysis in common; scenario 1 has {first}; scenario {number} has {other}"
    )]
    NoCommonAnalysis {
        /// Of the first scenario.
        first: String,
        /// The scenario that shares nothing with those before it, from 1.
        number: usize,
        /// Its analyses.
        other: String,
    },
}

impl<'s> Comparison<'s> {
    /// Finds what the scenarios have in common: analyses by the same method, and what happens to
    /// the patients.
    ///
    /// # Errors
    /// When there are fewer than two, or no analysis is in all of them.
    pub fn new(scenarios: &'s [Scenario]) -> Result<Self, NotComparable> {
        let [first, others @ ..] = scenarios else { return Err(NotComparable::TooFew) };
        if others.is_empty() {
            return Err(NotComparable::TooFew);
        }
        let mut analyses: Vec<Vec<usize>> = (0..first.analyses.len()).map(|i| vec![i]).collect();
        for (i, other) in others.iter().enumerate() {
            analyses.retain_mut(|places| {
                let mine = &first.file().analyses[places[0]];
                let place = other.file().analyses.iter().position(|other| other.is_like(mine));
                places.extend(place);
                place.is_some()
            });
            if analyses.is_empty() {
                let (first, other) = (describe(first), describe(other));
                return Err(NotComparable::NoCommonAnalysis { first, number: i + 2, other });
            }
        }
        let figures = figures(analyses.len(), scenarios);
        Ok(Self { scenarios, analyses, figures })
    }

    /// An empty tally.
    pub fn tally(&self) -> ComparisonTally<'_> {
        let tallies = vec![Moments::default(); self.figures.len()];
        ComparisonTally {
            comparison: self,
            values: vec![tallies.clone(); self.scenarios.len()],
            differences: vec![tallies; self.scenarios.len() - 1],
        }
    }

    fn value(&self, figure: Figure, place: usize, result: &ReplicateResult) -> Option<f64> {
        let trial = |analysis: usize, truth: Truth| {
            let per_truth = self.scenarios[place].analyses.len();
            &result.trials[truth.index() * per_truth + self.analyses[analysis][place]]
        };
        let alternative = |analysis| -> &TrialResult { trial(analysis, Truth::Alternative) };
        let share = |arm: Arm, from: usize, to: usize| {
            let counts = &result.outcomes.counts[arm.index()];
            mean(f64::from(counts[from..=to].iter().sum::<u32>()), counts.iter().sum())
        };
        match figure {
            Figure::Rejection { analysis, truth } => {
                let rejects = trial(analysis, truth).conclusion == Conclusion::Efficacy;
                Some(f64::from(u8::from(rejects)))
            }
            Figure::Randomised { analysis } => Some(f64::from(alternative(analysis).n_randomised)),
            Figure::Analysed { analysis } => Some(f64::from(alternative(analysis).n_analysed)),
            Figure::Duration { analysis } => Some(alternative(analysis).duration_months),
            Figure::Independence(arm) => share(arm, 0, Mrs::INDEPENDENT.index()),
            Figure::Mortality(arm) => share(arm, Mrs::DEAD.index(), Mrs::DEAD.index()),
            Figure::Procedure(arm, measure) => {
                of_arm(&result.courses, arm, |c| measure.of(&c.procedure.state, c.mrs))
            }
            Figure::Minutes(arm) => of_arm(&result.courses, arm, |c| Some(c.procedure.minutes)),
        }
    }

    fn key(&self, figure: Figure) -> String {
        let analysis = |i: usize| &self.scenarios[0].analyses[self.analyses[i][0]].name;
        let arm = |arm: Arm| match arm {
            Arm::Control => "control",
            Arm::Experimental => "experimental",
        };
        match figure {
            Figure::Rejection { analysis: i, truth: Truth::Null } => {
                format!("{}.type_i_error", analysis(i))
            }
            Figure::Rejection { analysis: i, .. } => format!("{}.power", analysis(i)),
            Figure::Randomised { analysis: i } => format!("{}.n_randomised", analysis(i)),
            Figure::Analysed { analysis: i } => format!("{}.n_analysed", analysis(i)),
            Figure::Duration { analysis: i } => format!("{}.duration_months", analysis(i)),
            Figure::Independence(of) => format!("{}.functional_independence", arm(of)),
            Figure::Mortality(of) => format!("{}.mortality", arm(of)),
            Figure::Procedure(of, measure) => format!("{}.{}", arm(of), measure.name()),
            Figure::Minutes(of) => format!("{}.minutes", arm(of)),
        }
    }
}

fn describe(scenario: &Scenario) -> String {
    let analyses = scenario.file().analyses.iter();
    analyses.map(|analysis| format!("\"{}\"", analysis.describe())).collect::<Vec<_>>().join(", ")
}

fn figures(analyses: usize, scenarios: &[Scenario]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for analysis in 0..analyses {
        figures.push(Figure::Rejection { analysis, truth: Truth::Alternative });
        figures.push(Figure::Rejection { analysis, truth: Truth::Null });
        figures.push(Figure::Randomised { analysis });
        figures.push(Figure::Analysed { analysis });
        figures.push(Figure::Duration { analysis });
    }
    for arm in [Arm::Control, Arm::Experimental] {
        figures.push(Figure::Independence(arm));
        figures.push(Figure::Mortality(arm));
        if scenarios.iter().all(|scenario| scenario.procedural().is_some()) {
            // Rates by different definitions are not compared.
            let definition = scenarios[0].haemorrhage_definition();
            if definition.is_some()
                && scenarios.iter().all(|other| other.haemorrhage_definition() == definition)
            {
                figures.push(Figure::Procedure(arm, Measure::Haemorrhage));
            }
            let measures = [Measure::Stented, Measure::Passes];
            figures.extend(measures.map(|measure| Figure::Procedure(arm, measure)));
            figures.push(Figure::Minutes(arm));
        }
    }
    figures
}

fn mean(sum: f64, n: u32) -> Option<f64> {
    (n > 0).then(|| sum / f64::from(n))
}

fn of_arm(
    courses: &[PatientCourse],
    arm: Arm,
    of: impl Fn(&PatientCourse) -> Option<f64>,
) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0);
    for value in courses.iter().filter(|course| course.arm == arm).filter_map(of) {
        sum += value;
        n += 1;
    }
    mean(sum, n)
}

/// Moments of every figure, and of its differences from the first scenario.
#[derive(Debug, Clone)]
pub struct ComparisonTally<'c> {
    comparison: &'c Comparison<'c>,
    /// Scenario by scenario.
    values: Vec<Vec<Moments>>,
    /// From the second scenario on.
    differences: Vec<Vec<Moments>>,
}

impl Accumulator for ComparisonTally<'_> {
    fn add(&mut self, results: &[ReplicateResult]) {
        for (i, &figure) in self.comparison.figures.iter().enumerate() {
            let mut first = None;
            for (place, result) in results.iter().enumerate() {
                let value = self.comparison.value(figure, place, result);
                if let Some(value) = value {
                    self.values[place][i].add(value);
                }
                match (place, first, value) {
                    (0, ..) => first = value,
                    (_, Some(first), Some(value)) => {
                        self.differences[place - 1][i].add(value - first);
                    }
                    _ => {}
                }
            }
        }
    }

    fn merge(&mut self, other: Self) {
        let mine = self.values.iter_mut().chain(&mut self.differences).flatten();
        let theirs = other.values.iter().chain(&other.differences).flatten();
        mine.zip(theirs).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}

/// A figure in every scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedFigure {
    /// Its name: `shift.power`, `experimental.minutes` …
    pub figure: String,
    /// Scenario by scenario.
    pub values: Vec<McEstimate>,
    /// From the second scenario on: the difference from the first.
    pub differences: Vec<Difference>,
}

/// A difference from the first scenario.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// With its paired Monte-Carlo error.
    #[serde(flatten)]
    pub paired: McEstimate,
    /// The error it would have on random numbers of their own.
    pub mcse_unpaired: f64,
    /// Paired error over unpaired; NaN (null in JSON) when neither varies.
    pub mcse_ratio: f64,
}

impl Comparison<'_> {
    /// Whether differences in a figure are looked at.
    pub fn has(&self, figure: NamedFigure) -> bool {
        self.figures.iter().any(|of| of.named() == Some(figure))
    }
}

impl Figure {
    fn named(self) -> Option<NamedFigure> {
        match self {
            Self::Rejection { truth: Truth::Null, .. } => Some(NamedFigure::TypeIError),
            Self::Rejection { .. } => Some(NamedFigure::Power),
            Self::Randomised { .. } => Some(NamedFigure::ExpectedN),
            Self::Duration { .. } => Some(NamedFigure::Duration),
            _ => None,
        }
    }
}

impl ComparisonTally<'_> {
    /// The largest standard error of a figure's paired differences, over analyses and scenarios, that
    /// it is safe to stop by: rejections that have not differed yet may still do so. NaN where there
    /// is none.
    pub fn error_to_stop_by(&self, figure: NamedFigure) -> f64 {
        let places = self.comparison.figures.iter().enumerate();
        let places = places.filter(|(_, of)| of.named() == Some(figure));
        let errors = places.flat_map(|(i, _)| {
            self.differences.iter().map(move |of| match figure.is_probability() {
                true => error_of_difference_to_stop_by(&of[i]),
                false => McEstimate::mean(&of[i]).mcse,
            })
        });
        errors.fold(f64::NAN, f64::max)
    }

    /// Every figure with its differences.
    pub fn figures(&self) -> Vec<ComparedFigure> {
        let figures = self.comparison.figures.iter().enumerate();
        figures
            .map(|(i, &figure)| {
                let values: Vec<McEstimate> =
                    self.values.iter().map(|of| McEstimate::mean(&of[i])).collect();
                let difference = |(of, value): (&Vec<Moments>, &McEstimate)| {
                    let paired = McEstimate::mean(&of[i]);
                    let mcse_unpaired = libm::hypot(values[0].mcse, value.mcse);
                    Difference { paired, mcse_unpaired, mcse_ratio: paired.mcse / mcse_unpaired }
                };
                let differences =
                    self.differences.iter().zip(&values[1..]).map(difference).collect();
                ComparedFigure { figure: self.comparison.key(figure), values, differences }
            })
            .collect()
    }
}
