//! Truths that trials are simulated under, and what they are in a scenario.

use super::Scenario;
use super::treatments::Treatments;
use crate::outcome::safety::Event;
use crate::outcome::{MrsDistribution, OutcomeModel};

/// A truth that trials are simulated under, which the analyses must not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// The scenario as stated.
    Alternative,
    /// The null twin: the same patients and random numbers, the experimental arm drawn as control; with a
    /// margin, shifted from control to the margin of the primary analysis.
    Null,
    /// Effects from the prior: the same patients and random numbers, the experimental arm shifted from
    /// control by an odds ratio that each replicate draws.
    Prior,
    /// A configuration of the scenario: the same patients and random numbers, with another experimental
    /// arm.
    Configuration {
        /// Position among the truths of the scenario.
        position: usize,
    },
}

impl Truth {
    /// Names of the truths that are not configurations, in the order of [`Scenario::truths`].
    pub const NAMES: [&'static str; 3] = ["alternative", "null", "prior"];

    /// Returns the position in [`Scenario::truths`], if the scenario has the truth.
    #[inline]
    pub fn index(self) -> usize {
        match self {
            Self::Alternative => 0,
            Self::Null => 1,
            Self::Prior => 2,
            Self::Configuration { position } => position,
        }
    }

    /// Returns the name in files and messages; `None` for a configuration, which its scenario names.
    pub fn own_name(self) -> Option<&'static str> {
        match self {
            Self::Alternative | Self::Null | Self::Prior => Some(Self::NAMES[self.index()]),
            Self::Configuration { .. } => None,
        }
    }
}

/// A further truth of a scenario with stated outcomes: another experimental arm.
#[derive(Debug)]
pub struct Configuration {
    /// Name, unique within the scenario and none of [`Truth::NAMES`].
    pub name: String,
    /// Model of the outcomes.
    pub model: OutcomeModel,
    /// The mRS of control and experimental arm, as allocated.
    pub(super) arms: [MrsDistribution; 2],
    /// The mRS under control and experimental treatment.
    pub(super) of_treatments: [MrsDistribution; 2],
    /// The mRS in each stratum under control and experimental treatment.
    pub(super) treatments: Treatments,
    /// Adverse events, whose stated rates also hold under this truth.
    pub events: Vec<Event>,
}

impl Scenario {
    /// Returns the mRS of control and experimental arm in the whole population; `None` for the prior,
    /// of which every replicate has its own.
    pub fn marginal(&self, truth: Truth) -> Option<&[MrsDistribution; 2]> {
        match truth {
            Truth::Alternative | Truth::Null => Some(&self.marginals[truth.index()]),
            Truth::Prior => None,
            Truth::Configuration { .. } => Some(&self.configuration(truth)?.arms),
        }
    }

    /// Returns the mRS in the whole population under control and experimental treatment, which that of
    /// the arms would be if all patients adhered; `None` for the prior.
    pub fn marginal_of_treatments(&self, truth: Truth) -> Option<&[MrsDistribution; 2]> {
        match truth {
            Truth::Alternative => Some(&self.of_treatments),
            Truth::Null => Some(&self.null_of_treatments),
            Truth::Prior => None,
            Truth::Configuration { .. } => Some(&self.configuration(truth)?.of_treatments),
        }
    }

    /// Returns the configuration that a truth is; `None` if it is another truth.
    pub fn configuration(&self, truth: Truth) -> Option<&Configuration> {
        match truth {
            Truth::Alternative | Truth::Null | Truth::Prior => None,
            Truth::Configuration { position } => {
                // Configurations are the last truths.
                let others = self.truths.len() - self.configurations.len();
                self.configurations.get(position.checked_sub(others)?)
            }
        }
    }

    /// Returns the name of a truth in files and messages.
    pub fn truth_name(&self, truth: Truth) -> &str {
        match self.configuration(truth) {
            Some(configuration) => &configuration.name,
            None => truth.own_name().unwrap_or_default(),
        }
    }

    /// Returns the truth with a name; `None` if the scenario has none of that name.
    pub fn truth_named(&self, name: &str) -> Option<Truth> {
        self.truths.iter().copied().find(|&truth| self.truth_name(truth) == name)
    }

    /// Lists the truths that are simulated, in the order of every result.
    pub fn truths(&self) -> &[Truth] {
        &self.truths
    }
}
