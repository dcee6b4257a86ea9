//! Supplementary analyses of a trial that has ended.

use crate::analysis::imputation::SingleImputation;
use crate::analysis::proportional_odds::assumption::{ProportionalOddsTest, cut_log_odds_ratios};
use crate::analysis::{BoundMethod, Counts, KnownOutcomes, Scratch};
use crate::outcome::{LEVELS, Mrs};
use crate::scenario::Description;

/// Supplementary analyses of one trial; NaN if the data have no information.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Described {
    /// Logarithm of the odds ratio of mRS ≤ j, j = 0 … 5; infinite if an arm has no patients on one side.
    pub cut_log_odds_ratios: [f64; LEVELS - 1],
    /// P value of the test that these odds ratios are equal.
    pub p_proportional_odds: f64,
    /// P value of the interaction of each factor with treatment.
    pub p_interactions: Vec<f64>,
    /// Whether H0 is rejected for efficacy with every missing outcome as mRS c in the control arm and e in
    /// the experimental one, \[e\]\[c\].
    pub shown_with_missing: [[bool; LEVELS]; LEVELS],
}

impl Described {
    /// Computes the supplementary analyses of known outcomes, in the memory of earlier ones.
    pub(super) fn refill(
        &mut self,
        description: &Description,
        known: &KnownOutcomes,
        scratch: &mut Scratch,
        groups: &mut Vec<Counts>,
    ) {
        if description.proportional_odds {
            let counts = known.all.weights();
            self.cut_log_odds_ratios = cut_log_odds_ratios(&counts);
            let test = ProportionalOddsTest::new(&counts, scratch.ordinal());
            self.p_proportional_odds = test.map_or(f64::NAN, |test| test.p());
        }
        // Cleared and filled rather than collected: nothing is allocated inside a trial.
        self.p_interactions.clear();
        for subgroups in &description.subgroups {
            subgroups.grouping.gather_known(known, groups);
            let test = subgroups.model.interaction(groups, scratch.ordinal());
            self.p_interactions.push(test.p_likelihood_ratio());
        }
    }

    /// Repeats the analysis with each pair of mRS in the place of missing outcomes; `rejects` says whether a
    /// statistic would have rejected H0 at the look that ended the trial.
    pub(super) fn tip(
        &mut self,
        method: &BoundMethod,
        known: &KnownOutcomes,
        scratch: &mut Scratch,
        completed: &mut KnownOutcomes,
        rejects: impl Fn(f64) -> bool,
    ) {
        // 49 tests of complete data; the statistic alone decides.
        for (row, experimental) in self.shown_with_missing.iter_mut().zip(Mrs::all()) {
            for (shown, control) in row.iter_mut().zip(Mrs::all()) {
                SingleImputation::Value([control, experimental]).complete(known, completed);
                *shown = method.statistic(completed, scratch).z.is_some_and(&rejects);
            }
        }
    }
}
