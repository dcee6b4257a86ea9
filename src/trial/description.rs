//! What is described when a trial ends, beside what it concludes.

use crate::analysis::imputation::SingleImputation;
use crate::analysis::proportional_odds::assumption::{ProportionalOddsTest, cut_log_odds_ratios};
use crate::analysis::{BoundMethod, Counts, KnownOutcomes, Scratch};
use crate::outcome::{LEVELS, Mrs};
use crate::scenario::Description;

/// A trial described; NaN where the data say nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Described {
    /// Logarithm of the odds ratio of mRS ≤ j, j = 0 … 5; infinite where an arm has nobody on one
    /// side.
    pub cut_log_odds_ratios: [f64; LEVELS - 1],
    /// P value of the test that they are one.
    pub p_proportional_odds: f64,
    /// P value of the interaction of each factor with treatment.
    pub p_interactions: Vec<f64>,
    /// Whether efficacy is shown with every missing outcome as mRS c in the control arm and e in the
    /// experimental one, \[e\]\[c\].
    pub shown_with_missing: [[bool; LEVELS]; LEVELS],
}

impl Described {
    /// Describes what is known, in the memory there is.
    pub(super) fn refill(
        &mut self,
        description: &Description,
        known: &KnownOutcomes,
        (scratch, groups): (&mut Scratch, &mut Vec<Counts>),
    ) {
        if description.proportional_odds {
            let counts = known.all.weights();
            self.cut_log_odds_ratios = cut_log_odds_ratios(&counts);
            let test = ProportionalOddsTest::new(&counts, scratch.ordinal());
            self.p_proportional_odds = test.map_or(f64::NAN, |test| test.p());
        }
        self.p_interactions.clear();
        for subgroups in &description.subgroups {
            subgroups.grouping.gather_known(known, groups);
            let test = subgroups.model.interaction(groups, scratch.ordinal());
            self.p_interactions.push(test.p_likelihood_ratio());
        }
    }

    /// Concludes again with each mRS in the place of what is missing; `shows` tells what a statistic
    /// would have shown at the look that ended the trial.
    pub(super) fn tip(
        &mut self,
        method: &BoundMethod,
        known: &KnownOutcomes,
        (scratch, completed): (&mut Scratch, &mut KnownOutcomes),
        shows: impl Fn(f64) -> bool,
    ) {
        for (row, experimental) in self.shown_with_missing.iter_mut().zip(Mrs::all()) {
            for (shown, control) in row.iter_mut().zip(Mrs::all()) {
                SingleImputation::Value([control, experimental]).complete(known, completed);
                *shown = method.statistic(completed, scratch).z.is_some_and(&shows);
            }
        }
    }
}
