//! Quantities that every replicate of compared scenarios gives.

use super::PairedComparison;
use crate::outcome::flow::Measure;
use crate::outcome::{LEVELS, Mrs};
use crate::randomisation::Arm;
use crate::scenario::{Scenario, Truth};
use crate::summary::NamedQuantity;
use crate::trial::{Conclusion, PatientCourse, ReplicateResult, TrialResult};

/// A quantity that every replicate gives. An analysis is meant by its index among the common ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PairedQuantity {
    /// Rejection of H0 for efficacy under the alternative or the null twin.
    Rejection { analysis: usize, truth: Truth },
    /// Rejection under a configuration, meant by its index among the common ones.
    RejectionUnder { analysis: usize, configuration: usize },
    /// Success by the rule by which the analyses decide together, under the alternative or the null twin.
    RuleSuccess(Truth),
    /// Number of patients randomised.
    Randomised { analysis: usize },
    /// Number of patients analysed.
    Analysed { analysis: usize },
    /// Months from the first patient to the decision.
    Duration { analysis: usize },
    /// Share of an arm with mRS 0 to 2.
    Independence(Arm),
    /// Share of an arm with mRS 6.
    Mortality(Arm),
    /// Mean of a measure of the procedure in an arm.
    Procedure(Arm, Measure),
    /// Mean minutes of the procedure in an arm.
    Minutes(Arm),
}

impl<'s> PairedComparison<'s> {
    /// Returns the quantity in one replicate of the scenario at `place`; `None` if no patient has it.
    pub(super) fn value(
        &self,
        quantity: PairedQuantity,
        place: usize,
        result: &ReplicateResult,
    ) -> Option<f64> {
        let counts = &result.outcomes.counts;
        match quantity {
            PairedQuantity::Rejection { analysis, truth } => {
                let trial = self.trial(result, place, analysis, truth);
                Some(f64::from(u8::from(trial.conclusion == Conclusion::Efficacy)))
            }
            PairedQuantity::RejectionUnder { analysis, configuration } => {
                let truth = self.configurations[configuration][place];
                let trial = self.trial(result, place, analysis, truth);
                Some(f64::from(u8::from(trial.conclusion == Conclusion::Efficacy)))
            }
            PairedQuantity::RuleSuccess(truth) => {
                let decided = result.rules.get(truth.index())?;
                Some(f64::from(u8::from(decided.success_at.is_some())))
            }
            PairedQuantity::Randomised { analysis } => {
                let trial = self.trial(result, place, analysis, Truth::Alternative);
                Some(f64::from(trial.n_randomised))
            }
            PairedQuantity::Analysed { analysis } => {
                let trial = self.trial(result, place, analysis, Truth::Alternative);
                Some(f64::from(trial.n_analysed))
            }
            PairedQuantity::Duration { analysis } => {
                let trial = self.trial(result, place, analysis, Truth::Alternative);
                Some(trial.duration_months)
            }
            PairedQuantity::Independence(arm) => {
                share(&counts[arm.index()], 0, Mrs::INDEPENDENT.index())
            }
            PairedQuantity::Mortality(arm) => {
                share(&counts[arm.index()], Mrs::DEAD.index(), Mrs::DEAD.index())
            }
            PairedQuantity::Procedure(arm, measure) => {
                mean_of_arm(&result.courses, arm, |c| measure.of(&c.procedure.state, c.mrs))
            }
            PairedQuantity::Minutes(arm) => {
                mean_of_arm(&result.courses, arm, |c| Some(c.procedure.minutes))
            }
        }
    }

    /// Returns the trial of a common analysis in one replicate of the scenario at `place`.
    fn trial<'r>(
        &self,
        result: &'r ReplicateResult,
        place: usize,
        analysis: usize,
        truth: Truth,
    ) -> &'r TrialResult {
        // Trials lie by truth, then by analysis; scenarios may have different numbers of analyses.
        let per_truth = self.scenarios[place].analyses.len();
        &result.trials[truth.index() * per_truth + self.analyses[analysis][place]]
    }

    /// Returns the name of a quantity in tables and JSON: the analysis or arm, then the quantity.
    pub(super) fn key(&self, quantity: PairedQuantity) -> String {
        let (analysis, name) = match quantity {
            PairedQuantity::Rejection { analysis, truth: Truth::Null } => {
                (analysis, "type_i_error")
            }
            PairedQuantity::Rejection { analysis, .. } => (analysis, "power"),
            PairedQuantity::RejectionUnder { analysis, configuration } => {
                let truth = self.configurations[configuration][0];
                let scenario = &self.scenarios[0];
                let name = &scenario.analyses[self.analyses[analysis][0]].name;
                return format!("{name}.rejection under {}", scenario.truth_name(truth));
            }
            PairedQuantity::RuleSuccess(Truth::Null) => {
                return "rule.success under null".to_owned();
            }
            PairedQuantity::RuleSuccess(_) => return "rule.success".to_owned(),
            PairedQuantity::Randomised { analysis } => (analysis, "n_randomised"),
            PairedQuantity::Analysed { analysis } => (analysis, "n_analysed"),
            PairedQuantity::Duration { analysis } => (analysis, "duration_months"),
            PairedQuantity::Independence(arm) => {
                return format!("{}.functional_independence", arm.name());
            }
            PairedQuantity::Mortality(arm) => return format!("{}.mortality", arm.name()),
            PairedQuantity::Procedure(arm, measure) => {
                return format!("{}.{}", arm.name(), measure.name());
            }
            PairedQuantity::Minutes(arm) => return format!("{}.minutes", arm.name()),
        };
        // The first scenario gives the names of the common analyses.
        format!("{}.{name}", self.scenarios[0].analyses[self.analyses[analysis][0]].name)
    }
}

impl PairedComparison<'_> {
    /// Returns whether a quantity is among those compared.
    pub fn has(&self, quantity: NamedQuantity) -> bool {
        self.quantities.iter().any(|of| of.named() == Some(quantity))
    }
}

impl PairedQuantity {
    pub(super) fn named(self) -> Option<NamedQuantity> {
        match self {
            Self::Rejection { truth: Truth::Null, .. } => Some(NamedQuantity::TYPE_I_ERROR),
            Self::Rejection { .. } => Some(NamedQuantity::POWER),
            Self::Randomised { .. } => Some(NamedQuantity::EXPECTED_N),
            Self::Duration { .. } => Some(NamedQuantity::DURATION),
            Self::RuleSuccess(Truth::Alternative) => Some(NamedQuantity::SUCCESS),
            Self::RuleSuccess(_)
            | Self::RejectionUnder { .. }
            | Self::Analysed { .. }
            | Self::Independence(_)
            | Self::Mortality(_)
            | Self::Procedure(..)
            | Self::Minutes(_) => None,
        }
    }
}

/// Lists the quantities of scenarios with these numbers of common analyses and configurations.
pub(super) fn quantities(
    analyses: usize,
    configurations: usize,
    scenarios: &[Scenario],
) -> Vec<PairedQuantity> {
    let mut quantities = Vec::new();
    for analysis in 0..analyses {
        quantities.push(PairedQuantity::Rejection { analysis, truth: Truth::Alternative });
        quantities.push(PairedQuantity::Rejection { analysis, truth: Truth::Null });
        quantities.extend(
            (0..configurations)
                .map(|configuration| PairedQuantity::RejectionUnder { analysis, configuration }),
        );
        quantities.push(PairedQuantity::Randomised { analysis });
        quantities.push(PairedQuantity::Analysed { analysis });
        quantities.push(PairedQuantity::Duration { analysis });
    }
    if scenarios.iter().all(|scenario| scenario.success.is_some()) {
        quantities.extend([Truth::Alternative, Truth::Null].map(PairedQuantity::RuleSuccess));
    }
    for arm in [Arm::Control, Arm::Experimental] {
        quantities.push(PairedQuantity::Independence(arm));
        quantities.push(PairedQuantity::Mortality(arm));
        if scenarios.iter().all(|scenario| scenario.procedural().is_some()) {
            // Rates by different definitions are not compared.
            let definition = scenarios[0].haemorrhage_definition();
            if definition.is_some()
                && scenarios.iter().all(|other| other.haemorrhage_definition() == definition)
            {
                quantities.push(PairedQuantity::Procedure(arm, Measure::Haemorrhage));
            }
            let measures = [Measure::Stented, Measure::Passes];
            quantities.extend(measures.map(|measure| PairedQuantity::Procedure(arm, measure)));
            quantities.push(PairedQuantity::Minutes(arm));
        }
    }
    quantities
}

/// Returns the share of patients with an mRS between two levels; `None` without patients.
fn share(counts: &[u32; LEVELS], from: usize, to: usize) -> Option<f64> {
    let all: u32 = counts.iter().sum();
    (all > 0).then(|| f64::from(counts[from..=to].iter().sum::<u32>()) / f64::from(all))
}

/// Returns the mean over the patients of an arm who have the value; `None` if no patient has it.
fn mean_of_arm(
    courses: &[PatientCourse],
    arm: Arm,
    value: impl Fn(&PatientCourse) -> Option<f64>,
) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0);
    for value in courses.iter().filter(|course| course.arm == arm).filter_map(value) {
        sum += value;
        n += 1;
    }
    (n > 0).then(|| sum / f64::from(n))
}
