//! Control variates: whether a simpler trial of the same patients would reject, less the known chance of it.
//!
//! The simpler trial has one look, at the patients whose outcome is finally known (at all patients if that
//! depends on the outcome), by the arm allocated. Given the arms, whatever method allocated them, the
//! patients' quantiles are independent uniform numbers, so the chance that it rejects is known. Its
//! rejection less that chance has mean 0, whatever the scenario, and is correlated with the rejection of the
//! trial itself (Lavenberg & Welch 1981, Manag Sci 27:322).

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
pub(super) struct ControlVariates {
    /// Truth by truth, analysis by analysis.
    variates: Vec<ControlVariate>,
    /// Normal scores of the patients who count, in control and experimental arm.
    scores: [ScoreSum; 2],
    has_scores: bool,
}

/// The simpler trial of one analysis under one truth.
#[derive(Debug)]
enum ControlVariate {
    /// Two proportions, of quantiles below the arms' chances of success.
    Proportions {
        success: [f64; 2],
        /// Value of the pooled Z from which the simpler trial rejects.
        critical: f64,
        /// P(rejecting) by patients of control and experimental arm.
        // Found by enumeration when first needed: a run meets a few hundred pairs of numbers.
        chances: BTreeMap<[u32; 2], f64>,
        counts: [Successes; 2],
    },
    /// Normal scores of the quantiles, whose difference over its standard error is standard normal.
    Scores { critical: f64 },
}

/// Normal scores of an arm's patients.
#[derive(Debug, Clone, Copy, Default)]
struct ScoreSum {
    sum: f64,
    patients: u32,
}

/// Patients of an arm, and the successes among them.
#[derive(Debug, Clone, Copy, Default)]
struct Successes {
    successes: u32,
    patients: u32,
}

impl From<Successes> for ArmEvents {
    fn from(Successes { successes, patients }: Successes) -> Self {
        Self { events: f64::from(successes), patients: f64::from(patients) }
    }
}

impl ControlVariates {
    /// Prepares the control variates of a scenario; `None` unless it asks for them.
    pub fn new(scenario: &Scenario) -> Option<Self> {
        if !scenario.variance_reduction {
            return None;
        }
        let expected = Expected::new(scenario);
        let mut variates = Vec::new();
        for truth in TRUTHS {
            for analysis in &scenario.analyses {
                variates.push(ControlVariate::new(scenario, &expected, truth, analysis));
            }
        }
        let has_scores = variates.iter().any(|of| matches!(of, ControlVariate::Scores { .. }));
        Some(Self { variates, scores: Default::default(), has_scores })
    }

    /// Replaces `deviations`, truth by truth and analysis by analysis, by those of patients with these
    /// arms and quantiles.
    pub fn measure(
        &mut self,
        patients: impl Iterator<Item = (Arm, f64)>,
        deviations: &mut Vec<f64>,
    ) {
        self.scores = Default::default();
        for variate in &mut self.variates {
            if let ControlVariate::Proportions { counts, .. } = variate {
                *counts = Default::default();
            }
        }
        for (arm, quantile) in patients {
            if self.has_scores {
                let score = &mut self.scores[arm.index()];
                // A good outcome has a small quantile. The smallest that can be drawn is 0, whose score is
                // infinite; half of the step of the draws stands for it.
                score.sum += quick_upper_quantile(quantile.max(f64::EPSILON / 4.0));
                score.patients += 1;
            }
            for variate in &mut self.variates {
                if let ControlVariate::Proportions { success, counts, .. } = variate {
                    let arm = arm.index();
                    counts[arm].successes += u32::from(quantile < success[arm]);
                    counts[arm].patients += 1;
                }
            }
        }
        let scores = standardised(self.scores);
        deviations.clear();
        deviations.extend(self.variates.iter_mut().map(|variate| variate.deviation(scores)));
    }
}

impl ControlVariate {
    fn new(
        scenario: &Scenario,
        expected: &Expected<'_>,
        truth: Truth,
        analysis: &Analysis,
    ) -> Self {
        // Any chance would do; the closer it is to that of the trial itself, the higher the correlation.
        let by_formula = expected.normal_approximation(truth, analysis);
        let otherwise = match truth {
            Truth::Null => scenario.design.plan().rules.alpha_one_sided,
            Truth::Alternative | Truth::Prior | Truth::Configuration { .. } => 0.5,
        };
        let chance =
            by_formula.map_or(otherwise, |stops| stops.rejection()).clamp(1e-6, 1.0 - 1e-6);
        let quantile = upper_quantile(chance);
        let cut = match analysis.method.as_test().score() {
            PatientScore::Success(cut) => cut,
            // These use more of the scale than one cut: normal scores are closer to them.
            PatientScore::SuccessByGroup(_) | PatientScore::Rank(_) | PatientScore::Utility(_) => {
                return Self::Scores { critical: quantile };
            }
        };
        let marginal = scenario.marginal(truth).expect("only the prior has none");
        let success = marginal.each_ref().map(|mrs| mrs.at_most(cut));
        let share = scenario.share_experimental_known();
        let patients = f64::from(scenario.expected_known());
        let shares = [1.0 - share, share];
        let arms = [0, 1].map(|arm| ArmEvents {
            events: success[arm] * shares[arm] * patients,
            patients: shares[arm] * patients,
        });
        let drift = z(&arms, ProportionTest::PooledZ).unwrap_or(0.0);
        Self::Proportions {
            success,
            critical: drift + quantile,
            chances: BTreeMap::new(),
            counts: Default::default(),
        }
    }

    /// Returns whether the simpler trial rejects (1 or 0), less the chance that it does.
    fn deviation(&mut self, scores: Option<f64>) -> f64 {
        match self {
            Self::Scores { critical } => scores.map_or(0.0, |scores| {
                f64::from(u8::from(scores >= *critical)) - upper_tail(*critical)
            }),
            Self::Proportions { success, critical, chances, counts } => {
                let chance = chances
                    .entry(counts.map(|arm| arm.patients))
                    .or_insert_with_key(|&patients| chance(patients, *success, *critical));
                f64::from(u8::from(reaches(*counts, *critical))) - *chance
            }
        }
    }
}

/// Computes the difference of the arms' means over its standard error; `None` if an arm is empty.
fn standardised([control, experimental]: [ScoreSum; 2]) -> Option<f64> {
    let [n_c, n_e] = [control.patients, experimental.patients].map(f64::from);
    let difference = experimental.sum / n_e - control.sum / n_c;
    (n_c > 0.0 && n_e > 0.0).then(|| difference / (1.0 / n_c + 1.0 / n_e).sqrt())
}

/// Whether the pooled statistic, 0 if all patients are alike, reaches a value.
fn reaches(arms: [Successes; 2], critical: f64) -> bool {
    z(&arms.map(ArmEvents::from), ProportionTest::PooledZ).unwrap_or(0.0) >= critical
}

/// Computes the probability that two independent binomial counts reach a value of the pooled statistic.
fn chance(patients: [u32; 2], success: [f64; 2], critical: f64) -> f64 {
    let (mut control, mut experimental) = (Vec::new(), Vec::new());
    binomial(patients[0], success[0], &mut control);
    binomial(patients[1], success[1], &mut experimental);
    // From probabilities of a count to those of at least that count.
    for x in (0..patients[1] as usize).rev() {
        experimental[x] += experimental[x + 1];
    }
    // The statistic falls with the successes of the control arm and rises with those of the experimental
    // arm: the number needed only grows, and all pairs are walked in one sweep.
    let mut needed = 0;
    let mut sum = 0.0;
    for (x, p) in (0..).zip(control) {
        while needed <= patients[1]
            && !reaches(
                [
                    Successes { successes: x, patients: patients[0] },
                    Successes { successes: needed, patients: patients[1] },
                ],
                critical,
            )
        {
            needed += 1;
        }
        let Some(enough) = experimental.get(needed as usize) else { break };
        sum += p * enough;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arm(successes: u32, patients: u32) -> Successes {
        Successes { successes, patients }
    }

    fn scores(sum: f64, patients: u32) -> ScoreSum {
        ScoreSum { sum, patients }
    }

    proptest! {
        #[test]
        fn the_chance_is_the_sum_over_all_pairs_of_counts(
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
                    if reaches([arm(x, n_c), arm(y, n_e)], critical) {
                        sum += p * q;
                    }
                }
            }
            let found = chance([n_c, n_e], [p_c, p_e], critical);
            prop_assert!((found - sum).abs() < 1e-12, "{found} {sum}");
        }
    }

    #[test]
    fn an_empty_arm_has_no_standardised_difference() {
        assert_eq!(standardised([scores(0.0, 0), scores(3.0, 2)]), None);
        for critical in [-1.0, 1.0] {
            let reaches = f64::from(u8::from(reaches([arm(0, 0), arm(3, 5)], critical)));
            assert!((chance([0, 5], [0.2, 0.4], critical) - reaches).abs() < 1e-15);
        }
        // Two patients an arm, half a standard deviation apart.
        assert!(
            (standardised([scores(-1.0, 2), scores(0.0, 2)]).expect("both arms") - 0.5).abs()
                < 1e-15
        );
    }
}
