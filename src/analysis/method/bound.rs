//! A method with its parameters, bound to the patients of a scenario.

use super::{
    AnalysisMethod, Binding, GroupedBy, ParameterError, PatientScore, ReferenceDistribution,
    Statistic, Test,
};
use crate::analysis::grouping::{CellLayout, Grouping, gather_all};
use crate::analysis::margin::{MarginScale, NullEffects};
use crate::analysis::proportional_odds::adjusted;
use crate::analysis::{Counts, EffectScale, KnownOutcomes, TestResult};
use crate::outcome::{LEVELS, Mrs};

/// Buffers of the analyses, refilled at every look.
#[derive(Debug, Default)]
pub struct Scratch {
    groups: Vec<Counts>,
    ordinal: adjusted::FitScratch,
}

impl Scratch {
    /// Buffers of regressions.
    pub fn ordinal(&mut self) -> &mut adjusted::FitScratch {
        &mut self.ordinal
    }
}

/// Most groups of [`BoundMethod::sd_of_expected`], which fits twice for each of their cells.
const MOST_GROUPS: usize = 40;

/// Share by which [`BoundMethod::sd_of_expected`] changes a count.
// A smaller step would divide the rounding errors of a fit by it, a larger one would see the curvature.
const STEP: f64 = 0.01;

/// A method with its parameters, bound to the patients of a scenario.
#[derive(Debug)]
pub struct BoundMethod {
    parameters: AnalysisMethod,
    binding: Binding,
    null: NullEffects,
}

impl BoundMethod {
    /// Binds a method; see [`Method::bind`](super::Method::bind).
    ///
    /// # Errors
    /// The first parameter that conflicts with another or with the population.
    pub fn new(
        method: &AnalysisMethod,
        cells: CellLayout<'_>,
        factors: &[usize],
    ) -> Result<Self, ParameterError> {
        let binding = method.parameters().bind(cells, factors)?;
        // The parameters are kept for questions about them; a test has only what it computes with.
        Ok(Self { parameters: method.clone(), binding, null: NullEffects::NONE })
    }

    /// Returns the method tested against other null effects than none.
    ///
    /// # Errors
    /// If it has no test against a margin.
    pub fn testing_against(self, null: NullEffects) -> Result<Self, ParameterError> {
        let Self { parameters, binding: Binding { test, grouping }, .. } = self;
        let binding = Binding { test: test.against(null)?, grouping };
        Ok(Self { parameters, binding, null })
    }

    /// The effects at which the null hypothesis ends, on the scale of the estimate.
    pub fn null_effects(&self) -> NullEffects {
        self.null
    }

    /// The scale on which margins are stated; `None` if the estimate has none.
    pub fn margin_scale(&self) -> Option<MarginScale> {
        MarginScale::of_estimates(self.scale())
    }

    /// Key in scenarios and results.
    pub fn key(&self) -> &'static str {
        self.parameters.parameters().key()
    }

    /// Factors that divide the patients into groups.
    pub fn grouped_by(&self) -> GroupedBy<'_> {
        self.parameters.parameters().grouped_by()
    }

    /// Groups of patients; `None` if the whole trial is one.
    pub fn grouping(&self) -> Option<&Grouping> {
        self.binding.grouping.as_ref()
    }

    /// Returns the bound test.
    pub fn as_test(&self) -> &dyn Test {
        &*self.binding.test
    }

    /// The scale of the estimate.
    pub fn scale(&self) -> EffectScale {
        self.as_test().scale()
    }

    /// The worst mRS that counts as success, if the successes and patients of the arms, without groups,
    /// determine the test; else `None`.
    pub fn success_cut(&self) -> Option<Mrs> {
        if self.grouping().is_some() {
            return None;
        }
        match self.as_test().score() {
            PatientScore::Success(cut) => Some(cut),
            PatientScore::Rank(levels) => levels.cut_of_two(),
            PatientScore::SuccessByGroup(_) | PatientScore::Utility(_) => None,
        }
    }

    /// The statistic, with as little work as possible.
    pub fn statistic(&self, known: &KnownOutcomes, scratch: &mut Scratch) -> Statistic {
        let Scratch { groups, ordinal } = scratch;
        match self.grouping() {
            Some(grouping) => {
                grouping.gather_known(known, groups);
                self.as_test().statistic(groups, ordinal)
            }
            // On the stack: the hot path of most trials, without a buffer to refill.
            None => self.as_test().statistic(&[known.all.weights()], ordinal),
        }
    }

    /// The statistic with its estimate and standard error.
    pub fn test(&self, known: &KnownOutcomes, scratch: &mut Scratch) -> TestResult {
        let Scratch { groups, ordinal } = scratch;
        match self.grouping() {
            Some(grouping) => {
                grouping.gather_known(known, groups);
                self.as_test().test(groups, ordinal)
            }
            None => self.as_test().test(&[known.all.weights()], ordinal),
        }
    }

    /// The estimate from expected patients by cell, which need not be whole.
    pub fn estimate_of_expected(&self, cells: impl IntoIterator<Item = Counts>) -> f64 {
        self.test_of_expected(cells).estimate
    }

    /// The test of expected patients by cell, which need not be whole.
    pub fn test_of_expected(&self, cells: impl IntoIterator<Item = Counts>) -> TestResult {
        let Scratch { groups, ordinal } = &mut self.gathered(cells);
        self.as_test().test(groups, ordinal)
    }

    /// Z from expected patients by cell, which need not be whole.
    pub fn z_of_expected(
        &self,
        cells: impl IntoIterator<Item = Counts>,
        reference: ReferenceDistribution,
    ) -> f64 {
        let Scratch { groups, ordinal } = &mut self.gathered(cells);
        self.as_test().z_of_expected(groups, reference, ordinal)
    }

    /// The standard deviation of Z over trials with these expected patients by cell, by the delta method
    /// (van der Vaart 1998, *Asymptotic Statistics*, theorem 3.1): the patients of an arm are a multinomial
    /// sample of its groups and mRS, and Z is linear near the expected counts. `None` with more groups
    /// than 40, or if Z is not smooth there.
    pub fn sd_of_expected(
        &self,
        cells: impl IntoIterator<Item = Counts>,
        reference: ReferenceDistribution,
    ) -> Option<f64> {
        let Scratch { groups, ordinal } = &mut self.gathered(cells);
        if groups.len() > MOST_GROUPS {
            return None;
        }
        let mut variance = 0.0;
        for arm in 0..2 {
            let patients: f64 = groups.iter().flat_map(|group| group[arm]).sum();
            let (mut sum, mut squares) = (0.0, 0.0);
            for (group, level) in (0..groups.len()).flat_map(|g| (0..LEVELS).map(move |l| (g, l))) {
                let count = groups[group][arm][level];
                if count <= 0.0 {
                    continue;
                }
                let [below, above] = [1.0 - STEP, 1.0 + STEP].map(|factor| {
                    groups[group][arm][level] = factor * count;
                    self.as_test().z_of_expected(groups, reference, ordinal)
                });
                groups[group][arm][level] = count;
                // Of the share of the count by which it changes, so that rare cells do not divide by 0.
                let slope = (above - below) / (2.0 * STEP);
                sum += slope;
                squares += slope * slope / count;
            }
            variance += squares - sum * sum / patients;
        }
        Some(variance.sqrt()).filter(|sd| sd.is_finite() && *sd > 0.0)
    }

    fn gathered(&self, cells: impl IntoIterator<Item = Counts>) -> Scratch {
        // Not at a look but when a scenario is described, so that buffers of its own cost nothing.
        let mut scratch = Scratch::default();
        match self.grouping() {
            Some(grouping) => grouping.gather(cells, &mut scratch.groups),
            None => gather_all(cells, &mut scratch.groups),
        }
        scratch
    }
}
