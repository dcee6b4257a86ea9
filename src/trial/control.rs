//! Control variates: what a simpler trial of the same patients would have shown, less the known chance
//! of it.
//!
//! The simpler trial has one look, at the patients whose outcome is known in the end (at all of them
//! where that depends on the outcome), by the arm allocated. Given the arms, however these came about,
//! the patients' quantiles are independent uniform numbers, and so the chance that it rejects is
//! known. What it shows less that chance has mean 0, whatever the scenario, and varies with what the
//! trial itself shows (Lavenberg & Welch 1981, Manag Sci 27:322).

use std::collections::BTreeMap;

use crate::analysis::method::PatientScore;
use crate::analysis::two_proportions::{ArmEvents, ProportionTest, z};
use crate::design::exact::binomial;
use crate::expected::Expected;
use crate::num::normal::{quick_upper_quantile, upper_quantile, upper_tail};
use crate::randomisation::Arm;
use crate::scenario::{Analysis, Scenario, Truth};

/// The truths that have control variates, in the order of theirs.
const TRUTHS: [Truth; 2] = [Truth::Alternative, Truth::Null];

/// The control variates of a scenario's analyses.
#[derive(Debug)]
pub(super) struct Controls {
    /// Truth by truth, analysis by analysis.
    controls: Vec<Control>,
    /// Normal scores of those who count: sum and number in control and experimental arm.
    scores: [(f64, u32); 2],
    has_scores: bool,
}

/// The simpler trial of one analysis under one truth.
#[derive(Debug)]
enum Control {
    /// Two proportions of quantiles below those of the arms' success.
    Proportions {
        success: [f64; 2],
        critical: f64,
        /// P(reaching it) by patients of control and experimental arm, as met so far.
        chances: BTreeMap<[u32; 2], f64>,
        counts: [(u32, u32); 2],
    },
    /// Normal scores of the quantiles, whose difference over its standard error is standard normal.
    Scores { critical: f64 },
}

impl Controls {
    /// Those of a scenario that asks for them.
    pub fn new(scenario: &Scenario) -> Option<Self> {
        if !scenario.variance_reduction {
            return None;
        }
        let expected = Expected::new(scenario);
        let mut controls = Vec::new();
        for truth in TRUTHS {
            for analysis in &scenario.analyses {
                controls.push(Control::new(scenario, &expected, truth, analysis));
            }
        }
        let has_scores = controls.iter().any(|of| matches!(of, Control::Scores { .. }));
        Some(Self { controls, scores: Default::default(), has_scores })
    }

    /// Replaces `deviations`, truth by truth and analysis by analysis, by those of patients with these
    /// arms and quantiles, of whom some count.
    pub fn measure(
        &mut self,
        patients: impl Iterator<Item = (Arm, f64, bool)>,
        deviations: &mut Vec<f64>,
    ) {
        self.scores = Default::default();
        self.controls.iter_mut().for_each(Control::forget);
        for (arm, quantile, _) in patients.filter(|&(.., counts)| counts) {
            if self.has_scores {
                let (sum, patients) = &mut self.scores[arm.index()];
                // A good outcome has a small quantile. The smallest drawn is 0.
                *sum += quick_upper_quantile(quantile.max(f64::EPSILON / 4.0));
                *patients += 1;
            }
            for control in &mut self.controls {
                if let Control::Proportions { success, counts, .. } = control {
                    let (events, patients) = &mut counts[arm.index()];
                    *events += u32::from(quantile < success[arm.index()]);
                    *patients += 1;
                }
            }
        }
        let scores = standardised(self.scores);
        deviations.clear();
        deviations.extend(self.controls.iter_mut().map(|control| control.deviation(scores)));
    }
}

impl Control {
    fn new(
        scenario: &Scenario,
        expected: &Expected<'_>,
        truth: Truth,
        analysis: &Analysis,
    ) -> Self {
        let by_formula = expected.normal_approximation(truth, analysis);
        let otherwise =
            if truth == Truth::Null { scenario.design.plan().rules.alpha_one_sided } else { 0.5 };
        let chance =
            by_formula.map_or(otherwise, |stops| stops.rejection()).clamp(1e-6, 1.0 - 1e-6);
        let quantile = upper_quantile(chance);
        let cut = match analysis.method.as_test().score() {
            PatientScore::Success(cut) => cut,
            PatientScore::SuccessByGroup(_) | PatientScore::Rank(_) | PatientScore::Utility(_) => {
                return Self::Scores { critical: quantile };
            }
        };
        let marginal = scenario.marginal(truth).expect("only the prior has none");
        let success = marginal.each_ref().map(|mrs| mrs.at_most(cut));
        let share = scenario.share_experimental_known();
        let patients = f64::from(scenario.expected_known());
        let [control, experimental] = success;
        let arms = [(control, 1.0 - share), (experimental, share)].map(|(rate, share)| ArmEvents {
            events: rate * share * patients,
            patients: share * patients,
        });
        let drift = z(&arms, ProportionTest::PooledZ).unwrap_or(0.0);
        Self::Proportions {
            success,
            critical: drift + quantile,
            chances: BTreeMap::new(),
            counts: Default::default(),
        }
    }

    fn forget(&mut self) {
        if let Self::Proportions { counts, .. } = self {
            *counts = Default::default();
        }
    }

    /// Whether the simpler trial rejects, less the chance that it does.
    fn deviation(&mut self, scores: Option<f64>) -> f64 {
        match self {
            Self::Scores { critical } => scores.map_or(0.0, |scores| {
                f64::from(u8::from(scores >= *critical)) - upper_tail(*critical)
            }),
            Self::Proportions { success, critical, chances, counts } => {
                let [control, experimental] = *counts;
                let chance = chances
                    .entry([control.1, experimental.1])
                    .or_insert_with_key(|patients| chance(*patients, *success, *critical));
                f64::from(u8::from(reaches([control, experimental], *critical))) - *chance
            }
        }
    }
}

/// The difference of the arms' means over its standard error; `None` when an arm is empty.
fn standardised([(control, n_c), (experimental, n_e)]: [(f64, u32); 2]) -> Option<f64> {
    let [n_c, n_e] = [n_c, n_e].map(f64::from);
    let difference = experimental / n_e - control / n_c;
    (n_c > 0.0 && n_e > 0.0).then(|| difference / (1.0 / n_c + 1.0 / n_e).sqrt())
}

/// Whether the pooled statistic of (events, patients), 0 where all are alike, reaches a value.
fn reaches(arms: [(u32, u32); 2], critical: f64) -> bool {
    let arms = arms.map(|(events, patients)| ArmEvents {
        events: f64::from(events),
        patients: f64::from(patients),
    });
    z(&arms, ProportionTest::PooledZ).unwrap_or(0.0) >= critical
}

/// P(reaching it) of two independent binomial counts. The statistic falls with the events of the
/// control arm and rises with those of the experimental arm.
fn chance([n_c, n_e]: [u32; 2], [p_c, p_e]: [f64; 2], critical: f64) -> f64 {
    let (mut control, mut experimental) = (Vec::new(), Vec::new());
    binomial(n_c, p_c, &mut control);
    binomial(n_e, p_e, &mut experimental);
    let mut at_least = experimental;
    for x in (0..n_e as usize).rev() {
        at_least[x] += at_least[x + 1];
    }
    let mut needed = 0;
    let mut sum = 0.0;
    for (x, p) in (0..).zip(control) {
        while needed <= n_e && !reaches([(x, n_c), (needed, n_e)], critical) {
            needed += 1;
        }
        let Some(enough) = at_least.get(needed as usize) else { break };
        sum += p * enough;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The sum over all pairs of counts.
        #[test]
        fn the_chance_is_that_of_all_pairs_of_counts(
            n_c in 0u32..30,
            n_e in 0u32..30,
            p_c in 0.0..1.0f64,
            p_e in 0.0..1.0f64,
            critical in -3.0..3.0f64,
        ) {
            let (mut control, mut experimental) = (Vec::new(), Vec::new());
            binomial(n_c, p_c, &mut control);
            binomial(n_e, p_e, &mut experimental);
            let mut sum = 0.0;
            for (x, p) in (0..).zip(&control) {
                for (y, q) in (0..).zip(&experimental) {
                    if reaches([(x, n_c), (y, n_e)], critical) {
                        sum += p * q;
                    }
                }
            }
            let found = chance([n_c, n_e], [p_c, p_e], critical);
            prop_assert!((found - sum).abs() < 1e-12, "{found} {sum}");
        }
    }

    #[test]
    fn an_empty_arm_shows_nothing() {
        assert_eq!(standardised([(0.0, 0), (3.0, 2)]), None);
        for critical in [-1.0, 1.0] {
            let reaches = f64::from(u8::from(reaches([(0, 0), (3, 5)], critical)));
            assert!((chance([0, 5], [0.2, 0.4], critical) - reaches).abs() < 1e-15);
        }
        // Two patients an arm, half a standard deviation apart.
        assert!((standardised([(-1.0, 2), (0.0, 2)]).expect("both arms") - 0.5).abs() < 1e-15);
    }
}
