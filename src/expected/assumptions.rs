//! Assumptions of a scenario and main features of its design, with which every output begins.

use super::Expected;
use crate::analysis::method::ArmComparison;
use crate::design::comparison::ordinal::limit_of_fit;
use crate::outcome::{Mrs, MrsDistribution};
use crate::randomisation::AllocationRatio;
use crate::scenario::{Hypothesis, Outcomes, Truth};

/// Largest ratio of the odds ratios of two cuts that still counts as one common odds ratio.
// Stated percentages are rounded, so that cuts of a proportional shift may differ in the third digit.
const ROUNDING: f64 = 1.01;

/// Assumptions of a scenario and main features of its design.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumptions {
    /// Patients randomised when the trial runs to its end.
    pub randomised: u32,
    /// Largest number of patients to which an interim look may change it.
    pub most_randomised: u32,
    /// Relative sizes of the arms, in lowest terms.
    pub ratio: AllocationRatio,
    /// Outcomes planned for the final look.
    pub planned_outcomes: u32,
    /// Outcomes expected when all follow-up has ended.
    pub expected_outcomes: u32,
    /// Shares of control and experimental arm without an outcome.
    pub dropout: [f64; 2],
    /// Cut of the mRS that `rates` refer to: that of the primary analysis, 2 if it has none.
    pub cut: Mrs,
    /// Shares of control and experimental patients at or below the cut.
    pub rates: [f64; 2],
    /// Effect on the whole mRS.
    pub effect: AssumedEffect,
    /// Level of the test of efficacy as the scenario states it.
    pub alpha: StatedAlpha,
    /// What the primary analysis has to show.
    pub hypothesis: Hypothesis,
    /// Looks before the final one.
    pub interim_looks: usize,
    /// Number of centres; `None` if they are not distinguished.
    pub centres: Option<u32>,
    /// Patients randomised per month in full swing.
    pub patients_per_month: f64,
    /// Whether the outcome follows from a simulated procedure.
    pub after_procedure: bool,
    /// Whether some patients do not get the treatment of their arm.
    pub non_adherence: bool,
    /// Change of the log odds of a better mRS per year; 0 if outcomes do not change.
    pub drift_per_year: f64,
    /// P(benefit) under the prior; `None` without a prior.
    pub prior_benefit: Option<f64>,
}

/// Assumed effect on the whole mRS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AssumedEffect {
    /// Both arms have the same mRS.
    None,
    /// One odds ratio at every cut.
    Proportional {
        /// The common odds ratio, above 1 if the experimental arm is better.
        odds_ratio: f64,
    },
    /// Odds ratios that differ between cuts.
    NotProportional {
        /// The common odds ratio that a proportional-odds model finds in ever larger trials; `None` if
        /// the arms do not overlap.
        fitted: Option<f64>,
        /// Smallest odds ratio of a cut.
        least: f64,
        /// Largest odds ratio of a cut.
        largest: f64,
    },
    /// No cut has a finite odds ratio.
    Separated,
}

/// Level of the test of efficacy as the scenario states it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StatedAlpha {
    /// One-sided.
    OneSided(f64),
    /// Two-sided, half of it on the side of benefit.
    TwoSided(f64),
    /// None: the boundaries of Z are stated themselves.
    Boundaries,
    /// None: decisions are Bayesian.
    None,
}

impl Expected<'_> {
    /// Gathers the assumptions of the scenario.
    pub fn assumptions(&self) -> Assumptions {
        let scenario = self.scenario;
        let file = scenario.file();
        let arms = scenario.marginal(Truth::Alternative).expect("only the prior has none");
        let cut = match scenario.analyses[0].method.as_test().comparison() {
            Some(ArmComparison::Proportions { cut, .. }) => cut,
            Some(
                ArmComparison::CommonOddsRatio(_)
                | ArmComparison::NetBenefit(_)
                | ArmComparison::Utilities { .. },
            )
            | None => Mrs::INDEPENDENT,
        };
        let alpha = match (file.design.alpha_two_sided, file.design.alpha_one_sided) {
            // The level in the file decides nothing.
            _ if scenario.has_boundaries_of_its_own() => StatedAlpha::Boundaries,
            // As it was written: half of a two-sided level is a number that its author does not know.
            (Some(alpha), _) => StatedAlpha::TwoSided(alpha),
            (None, Some(alpha)) => StatedAlpha::OneSided(alpha),
            // Without a level the scenario decides by probabilities of the effect.
            (None, None) => StatedAlpha::None,
        };
        Assumptions {
            randomised: scenario.randomised,
            most_randomised: scenario.most_randomised(),
            ratio: scenario.ratio.reduced(),
            planned_outcomes: scenario.design.maximum_analysed(),
            expected_outcomes: scenario.expected_known(),
            dropout: scenario.dropout,
            cut,
            rates: arms.each_ref().map(|mrs| mrs.at_most(cut)),
            effect: AssumedEffect::between(arms, scenario.share_experimental_known()),
            alpha,
            hypothesis: scenario.primary_hypothesis(),
            interim_looks: scenario.design.interims().len(),
            centres: scenario.centres.as_ref().map(|centres| centres.number),
            patients_per_month: scenario.accrual.per_month(),
            after_procedure: match scenario.outcomes {
                Outcomes::Stated(_) => false,
                Outcomes::AfterProcedure(_) => true,
            },
            non_adherence: scenario.adherence.is_some(),
            drift_per_year: file.drift.as_ref().map_or(0.0, |drift| drift.log_odds_per_year),
            prior_benefit: scenario.prior.as_ref().map(|prior| prior.probability_benefit()),
        }
    }
}

impl AssumedEffect {
    /// Finds the effect between control and experimental arm.
    fn between(arms: &[MrsDistribution; 2], share_experimental: f64) -> Self {
        let [control, experimental] = arms;
        let pairs = control.probabilities().iter().zip(experimental.probabilities());
        // Rounding of percentages to a sum of 1 may leave a difference.
        if pairs.into_iter().all(|(c, e)| (c - e).abs() < 1e-9) {
            return Self::None;
        }
        let cuts = control.cumulative().into_iter().zip(experimental.cumulative());
        let odds_ratios: Vec<f64> = cuts
            .map(|(c, e)| e / (1.0 - e) / (c / (1.0 - c)))
            // A cut with all patients of an arm on one side has the odds 0 or infinity, and says
            // nothing about whether the others are proportional.
            .filter(|odds_ratio| odds_ratio.is_finite() && *odds_ratio > 0.0)
            .collect();
        let least = odds_ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = odds_ratios.iter().copied().fold(0.0, f64::max);
        if odds_ratios.is_empty() {
            return Self::Separated;
        }
        let log =
            limit_of_fit(control.probabilities(), experimental.probabilities(), share_experimental);
        // Arms that do not overlap have a likelihood without a maximum.
        let fitted = Some(libm::exp(log)).filter(|odds_ratio| odds_ratio.is_finite());
        match fitted {
            Some(odds_ratio) if largest <= ROUNDING * least => Self::Proportional { odds_ratio },
            Some(_) | None => Self::NotProportional { fitted, least, largest },
        }
    }
}
