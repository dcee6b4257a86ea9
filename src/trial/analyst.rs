//! What an analysis makes of the data of a look: missing outcomes dealt with, then the method.

use std::sync::atomic::AtomicBool;

use super::description::Described;
use super::imputation::Imputer;
use crate::analysis::imputation::Imputation;
use crate::analysis::{BoundMethod, Counts, KnownOutcomes, Scratch, Statistic, TestResult};
use crate::rng::{Purpose, Replicate, Streams};
use crate::scenario::{Analysis, Description};

/// The buffers of the analyses, refilled for every look.
#[derive(Debug, Default)]
pub(super) struct Analyst {
    scratch: Scratch,
    completed: KnownOutcomes,
    imputer: Imputer,
    groups: Vec<Counts>,
}

/// Where the draws of imputations come from: the same for every look, truth and analysis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws<'s> {
    pub streams: Streams,
    pub replicate: Replicate,
    /// Set to make no more of them.
    pub cancelled: &'s AtomicBool,
}

impl Analyst {
    /// The statistic, by the shortest way.
    pub fn statistic(
        &mut self,
        analysis: &Analysis,
        known: &KnownOutcomes,
        draws: Draws<'_>,
    ) -> Statistic {
        match rule(analysis, known) {
            Imputation::None => analysis.method.statistic(known, &mut self.scratch),
            Imputation::Single(rule) => {
                rule.complete(known, &mut self.completed);
                analysis.method.statistic(&self.completed, &mut self.scratch)
            }
            Imputation::Multiple(_) => self.test(analysis, known, draws).into(),
        }
    }

    /// The statistic with its estimate.
    pub fn test(
        &mut self,
        analysis: &Analysis,
        known: &KnownOutcomes,
        draws: Draws<'_>,
    ) -> TestResult {
        let Self { scratch, completed, imputer, .. } = self;
        match rule(analysis, known) {
            Imputation::None => analysis.method.test(known, scratch),
            Imputation::Single(rule) => {
                rule.complete(known, completed);
                analysis.method.test(completed, scratch)
            }
            Imputation::Multiple(rule) => {
                let mut rng = draws.streams.stream(draws.replicate, Purpose::Imputation);
                let analysed = (&analysis.method, &**rule);
                imputer.analyse(analysed, known, scratch, &mut rng, draws.cancelled)
            }
        }
    }

    /// What is described of a trial that has ended.
    pub fn describe(
        &mut self,
        description: &Description,
        known: &KnownOutcomes,
        described: &mut Described,
    ) {
        described.refill(description, known, (&mut self.scratch, &mut self.groups));
    }

    /// The tipping-point table of an analysis, see [`Described::tip`].
    pub fn tip(
        &mut self,
        method: &BoundMethod,
        known: &KnownOutcomes,
        described: &mut Described,
        shows: impl Fn(f64) -> bool,
    ) {
        described.tip(method, known, (&mut self.scratch, &mut self.completed), shows);
    }
}

/// What is done about missing outcomes. A look without any known outcome has no information, and so
/// no boundary, and nothing is put in the place of its missing ones.
fn rule<'a>(analysis: &'a Analysis, known: &KnownOutcomes) -> &'a Imputation {
    if known.all.total() == 0 { &Imputation::None } else { &analysis.missing }
}

/// Patients that an analysis has an outcome of, or puts one in the place of.
pub(super) fn patients_analysed(analysis: &Analysis, known: &KnownOutcomes) -> u32 {
    let imputed = match rule(analysis, known) {
        Imputation::None => 0,
        Imputation::Single(_) | Imputation::Multiple(_) => known.missing.iter().flatten().sum(),
    };
    known.all.total() + imputed
}
