//! Figures of an analysis by name: those a precision is asked for, and those that are solved for.

use std::fmt;
use std::str::FromStr;

use super::McEstimate;
use super::moments::Moments;
use super::tally::{AnalysisTally, Tally};
use crate::expected::Expected;
use crate::scenario::{Scenario, Truth, did_you_mean, nearest};

/// A figure that every analysis has, under the alternative unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedFigure {
    /// P(efficacy at any look).
    Power,
    /// The same under the null truth, one-sided.
    TypeIError,
    /// The same under the prior.
    Assurance,
    /// P(efficacy before the final look).
    EarlyEfficacy,
    /// P(efficacy at the final look).
    FinalEfficacy,
    /// P(efficacy at a look, from 1).
    EfficacyAt(usize),
    /// P(futility at any look).
    Futility,
    /// P(harm at any look).
    Harm,
    /// P(the trial is stopped for safety).
    Safety,
    /// P(the 95 % interval that ignores the looks holds the truth).
    Coverage,
    /// Mean number of patients randomised.
    ExpectedN,
    /// Mean months to the decision.
    Duration,
    /// Mean estimate, ignoring the looks.
    Estimate,
}

/// Names, and words for them, of all but efficacy at a look.
const NAMES: [(NamedFigure, &str, &str); 12] = [
    (NamedFigure::Power, "power", "power"),
    (NamedFigure::TypeIError, "type-i-error", "the type I error"),
    (NamedFigure::Assurance, "assurance", "assurance"),
    (NamedFigure::EarlyEfficacy, "early-efficacy", "early efficacy"),
    (NamedFigure::FinalEfficacy, "final-efficacy", "efficacy at the final look"),
    (NamedFigure::Futility, "futility", "futility"),
    (NamedFigure::Harm, "harm", "harm"),
    (NamedFigure::Safety, "safety", "stops for safety"),
    (NamedFigure::Coverage, "coverage", "coverage"),
    (NamedFigure::ExpectedN, "expected-n", "the expected number randomised"),
    (NamedFigure::Duration, "duration", "the duration in months"),
    (NamedFigure::Estimate, "estimate", "the mean estimate"),
];
const EFFICACY_AT: &str = "efficacy-at-";

/// A name that is no figure's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no figure `{name}`{}; allowed: {}, {EFFICACY_AT}1, {EFFICACY_AT}2 …", did_you_mean(.near), NAMES.map(|(_, name, _)| name).join(", "))]
pub struct UnknownFigure {
    name: String,
    near: Option<String>,
}

impl FromStr for NamedFigure {
    type Err = UnknownFigure;

    fn from_str(name: &str) -> Result<Self, UnknownFigure> {
        let look = name.strip_prefix(EFFICACY_AT).and_then(|look| look.parse().ok());
        let at_look = look.filter(|&look| look > 0).map(Self::EfficacyAt);
        let named = NAMES.iter().find(|(_, known, _)| *known == name).map(|&(figure, ..)| figure);
        named.or(at_look).ok_or_else(|| UnknownFigure {
            name: name.to_owned(),
            near: nearest(name, &NAMES.map(|(_, name, _)| name)).map(str::to_owned),
        })
    }
}

/// Its name.
impl fmt::Display for NamedFigure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EfficacyAt(look) => write!(out, "{EFFICACY_AT}{look}"),
            other => out.write_str(other.listed().1),
        }
    }
}

impl NamedFigure {
    fn listed(self) -> &'static (Self, &'static str, &'static str) {
        let listed = NAMES.iter().find(|(figure, ..)| *figure == self);
        listed.expect("all others are listed")
    }

    /// As it is called in a sentence.
    pub fn words(self) -> String {
        match self {
            Self::EfficacyAt(look) => format!("efficacy at look {look}"),
            other => other.listed().2.to_owned(),
        }
    }

    /// Under which truth it is.
    pub fn truth(self) -> Truth {
        match self {
            Self::TypeIError => Truth::Null,
            Self::Assurance => Truth::Prior,
            _ => Truth::Alternative,
        }
    }

    /// Whether it is a probability.
    pub fn is_probability(self) -> bool {
        !matches!(self, Self::ExpectedN | Self::Duration | Self::Estimate)
    }

    /// Why a scenario does not have it, if it does not.
    pub fn missing_from(self, scenario: &Scenario) -> Option<String> {
        let looks = scenario.design.looks().len();
        match self {
            Self::Assurance if scenario.prior.is_none() => {
                Some("the scenario has no [prior]; allowed: another figure".into())
            }
            Self::EfficacyAt(look) if look > looks => Some(format!(
                "the scenario has no such look; allowed: {EFFICACY_AT}1 to {EFFICACY_AT}{looks}"
            )),
            Self::Safety if !scenario.stops_for_safety() => {
                Some("no adverse event stops the scenario's trials; allowed: another figure".into())
            }
            Self::Coverage if self.has_no_truth(scenario) => {
                Some("no analysis aims at a value that is known; allowed: another figure".into())
            }
            _ => None,
        }
    }

    fn has_no_truth(self, scenario: &Scenario) -> bool {
        let (expected, truth) = (Expected::new(scenario), self.truth());
        scenario.analyses.iter().all(|analysis| expected.estimand(truth, analysis).is_none())
    }
}

/// What replicates say of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampled {
    /// Replicates in which something happens.
    Proportion {
        /// In how many it happens.
        count: u64,
        /// Of so many.
        n: u64,
    },
    /// The mean of a quantity.
    Mean(McEstimate),
}

impl Sampled {
    /// The figure as it is reported.
    pub fn estimate(self) -> McEstimate {
        match self {
            Self::Proportion { count, n } => McEstimate::proportion(count, n),
            Self::Mean(mean) => mean,
        }
    }

    /// The standard error that it is safe to stop by: that of a proportion is 0 as long as nothing
    /// has happened, so it is not taken to be less than with two replicates added to either side
    /// (Agresti & Coull 1998, Am Stat 52:119). NaN where there is none.
    pub fn error_to_stop_by(self) -> f64 {
        let error = self.estimate().mcse;
        match self {
            Self::Proportion { count, n } if n > 0 => {
                error.max(McEstimate::proportion(count + 2, n + 4).mcse)
            }
            _ => error,
        }
    }
}

/// The same of the mean of differences of ones and zeros: two replicates are added in which the one
/// happens without the other, and two the other way round.
pub(crate) fn error_of_difference_to_stop_by(differences: &Moments) -> f64 {
    let mut more = *differences;
    [1.0, 1.0, -1.0, -1.0].into_iter().for_each(|difference| more.add(difference));
    McEstimate::mean(differences).mcse.max(McEstimate::mean(&more).mcse)
}

impl Tally {
    /// A figure of one analysis, by its place in the scenario. The scenario must have the figure.
    pub fn sampled(&self, figure: NamedFigure, analysis: usize) -> Sampled {
        self.of(figure.truth(), analysis).sampled(figure)
    }

    /// The largest [`Sampled::error_to_stop_by`] of a figure over the analyses that have it; NaN
    /// where none has one.
    pub fn error_to_stop_by(&self, figure: NamedFigure) -> f64 {
        let errors = (0..self.analyses_per_truth()).map(|analysis| {
            match (figure, self.control(figure.truth(), analysis)) {
                (NamedFigure::Power | NamedFigure::TypeIError, Some(control)) => {
                    control.estimate().estimate.mcse
                }
                _ => self.sampled(figure, analysis).error_to_stop_by(),
            }
        });
        errors.fold(f64::NAN, f64::max)
    }
}

impl AnalysisTally {
    pub(super) fn sampled(&self, figure: NamedFigure) -> Sampled {
        let (last, interim) = self.looks.split_last().expect("there is a final look");
        let count = match figure {
            NamedFigure::Power | NamedFigure::TypeIError | NamedFigure::Assurance => {
                self.efficacies()
            }
            NamedFigure::EarlyEfficacy => interim.iter().map(|look| look.efficacy).sum(),
            NamedFigure::FinalEfficacy => last.efficacy,
            NamedFigure::EfficacyAt(look) => self.looks[look - 1].efficacy,
            NamedFigure::Futility => self.looks.iter().map(|look| look.futility).sum(),
            NamedFigure::Harm => self.looks.iter().map(|look| look.harm).sum(),
            NamedFigure::Safety => self.stopped_for_safety(),
            NamedFigure::Coverage => {
                let n = self.estimates.squared_errors.n();
                return Sampled::Proportion { count: self.estimates.covered, n };
            }
            NamedFigure::ExpectedN => {
                return Sampled::Mean(McEstimate::histogram_mean(&self.n_randomised, 1.0));
            }
            NamedFigure::Duration => return Sampled::Mean(McEstimate::mean(&self.duration_months)),
            NamedFigure::Estimate => {
                return Sampled::Mean(McEstimate::mean(&self.estimates.estimates));
            }
        };
        Sampled::Proportion { count, n: self.n() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_printed() {
        let listed = NAMES.map(|(figure, ..)| figure);
        for figure in listed.into_iter().chain([NamedFigure::EfficacyAt(3)]) {
            assert_eq!(figure.to_string().parse(), Ok(figure));
        }
        for wrong in ["efficacy-at-0", "efficacy-at-", "Power", ""] {
            assert!(wrong.parse::<NamedFigure>().is_err(), "{wrong}");
        }
        let message = "durration".parse::<NamedFigure>().expect_err("a slip").to_string();
        assert!(message.contains("did you mean `duration`"), "{message}");
    }

    #[test]
    fn nothing_seen_yet_is_not_certain() {
        let error = |count, n| Sampled::Proportion { count, n }.error_to_stop_by();
        // √(2 · 8194 / 8196³) with two of 8196.
        assert!((error(0, 8192) - 1.7253e-4).abs() < 1e-8, "{}", error(0, 8192));
        assert!((error(0, 8192) - error(8192, 8192)).abs() < 1e-15);
        let naive = McEstimate::proportion(4096, 8192).mcse;
        assert_eq!(error(4096, 8192), naive, "no less than what is reported");
        assert!(error(0, 0).is_nan());

        let mut alike = Moments::default();
        (0..8192).for_each(|_| alike.add(0.0));
        let error = error_of_difference_to_stop_by(&alike);
        assert!((error - 2.0 / 8196.0).abs() < 1e-7, "{error}");
    }
}
