//! Quantities with a name on the command line: those that `--precision-of` and `solve --reach` take.

mod entries;

use std::fmt;
use std::str::FromStr;

use super::McEstimate;
use super::moments::ExactMoments;
use super::quantity::{ANALYSIS, LOOK, SUCCESS, Unit, find};
use super::tally::Tally;
use crate::design::StoppingProbabilities;
use crate::expected::Expected;
use crate::scenario::{Scenario, Truth, did_you_mean, nearest};
use entries::{ENTRIES, Field, NamedEntry, Need, Sampling};

/// A quantity of one analysis under one truth that can be asked for by name.
#[derive(Debug, Clone, Copy)]
pub struct NamedQuantity {
    entry: &'static NamedEntry,
    /// The look, from 1; 0 for quantities that are of no look.
    look: usize,
}

/// A name that no quantity has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no quantity `{name}`{}; allowed: {}", did_you_mean(.near), allowed())]
pub struct UnknownQuantity {
    name: String,
    near: Option<String>,
}

/// All names, as an error lists them.
fn allowed() -> String {
    let names: Vec<String> = NamedQuantity::all().map(|quantity| quantity.to_string()).collect();
    // The last is that of a look, of which there may be any number.
    format!("{}, efficacy-at-2 …", names.join(", "))
}

impl FromStr for NamedQuantity {
    type Err = UnknownQuantity;

    fn from_str(name: &str) -> Result<Self, UnknownQuantity> {
        let found = ENTRIES.iter().find_map(|entry| match entry.field {
            Field::Analysis(_) | Field::Rule(_) => {
                (entry.name == name).then_some(Self { entry, look: 0 })
            }
            Field::Look(_) => {
                let look = name.strip_prefix(entry.name)?.parse().ok().filter(|&look| look > 0)?;
                Some(Self { entry, look })
            }
        });
        found.ok_or_else(|| {
            // Complete names: that of a look without its number would be refused again.
            let names: Vec<String> = Self::all().map(|quantity| quantity.to_string()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let near = nearest(name, &names).map(str::to_owned);
            UnknownQuantity { name: name.to_owned(), near }
        })
    }
}

/// The name, as on the command line.
impl fmt::Display for NamedQuantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry.field {
            Field::Analysis(_) | Field::Rule(_) => out.write_str(self.entry.name),
            Field::Look(_) => write!(out, "{}{}", self.entry.name, self.look),
        }
    }
}

/// Two names are equal if they are the same text.
// Not derived, as entries hold function pointers, whose addresses do not identify them.
impl PartialEq for NamedQuantity {
    fn eq(&self, other: &Self) -> bool {
        self.entry.name == other.entry.name && self.look == other.look
    }
}

impl Eq for NamedQuantity {}

impl NamedQuantity {
    /// Power, the default of `--precision-of`.
    // By position, as a constant cannot search; a test compares these constants with their names.
    pub const POWER: Self = Self { entry: &ENTRIES[0], look: 0 };
    /// One-sided type I error.
    pub const TYPE_I_ERROR: Self = Self { entry: &ENTRIES[1], look: 0 };
    /// Expected number of patients randomised.
    pub const EXPECTED_N: Self = Self { entry: &ENTRIES[9], look: 0 };
    /// Success by the rule by which analyses decide together.
    pub const SUCCESS: Self = Self { entry: &ENTRIES[12], look: 0 };
    /// Mean duration of the trial.
    pub const DURATION: Self = Self { entry: &ENTRIES[10], look: 0 };

    /// Every name, that of a look for the first look.
    pub fn all() -> impl Iterator<Item = Self> {
        ENTRIES.iter().map(|entry| match entry.field {
            Field::Analysis(_) | Field::Rule(_) => Self { entry, look: 0 },
            Field::Look(_) => Self { entry, look: 1 },
        })
    }

    /// The quantity in a sentence.
    pub fn words(self) -> String {
        match self.entry.field {
            Field::Analysis(_) | Field::Rule(_) => self.entry.words.to_owned(),
            Field::Look(_) => format!("{}{}", self.entry.words, self.look),
        }
    }

    /// The truth under which it is taken.
    pub fn truth(self) -> Truth {
        self.entry.truth
    }

    /// Its key in the JSON of an analysis, or of the rule of a truth.
    pub fn field(self) -> String {
        match self.entry.field {
            Field::Analysis(key) | Field::Rule(key) => key.to_owned(),
            Field::Look(key) => format!("looks[].{key}"),
        }
    }

    /// Whether it is of the rule by which the analyses decide together, rather than of an analysis.
    pub fn is_of_rule(self) -> bool {
        match self.entry.field {
            Field::Analysis(_) | Field::Look(_) => false,
            Field::Rule(_) => true,
        }
    }

    /// Whether it is a probability.
    pub fn is_probability(self) -> bool {
        let unit = match self.entry.field {
            Field::Analysis(key) => find(ANALYSIS, key).unit,
            Field::Rule(key) => find(SUCCESS, key).unit,
            Field::Look(key) => find(LOOK, key).unit,
        };
        unit == Unit::Probability
    }

    /// Whether it has an estimate by control variates in runs that use them.
    pub fn has_control_variate(self) -> bool {
        self == Self::POWER || self == Self::TYPE_I_ERROR
    }

    /// Whether a target is reached by no more than its value, as for an error or a stop for harm.
    pub fn less_is_better(self) -> bool {
        self.entry.less_is_better
    }

    /// The value by a closed form under the quantity's truth; `None` if it has none.
    pub fn by_formula(self, formula: &StoppingProbabilities) -> Option<f64> {
        self.entry.by_formula.and_then(|read| read(formula, self.look))
    }

    /// Explains why a scenario does not have the quantity; `None` if it has it.
    pub fn missing_from(self, scenario: &Scenario) -> Option<String> {
        let looks = scenario.design.looks().len();
        match self.entry.needs {
            Need::Nothing => None,
            Need::Prior => scenario
                .prior
                .is_none()
                .then(|| "the scenario has no [prior]; choose another quantity".into()),
            Need::StopsForSafety => (!scenario.stops_for_safety()).then(|| {
                "no adverse event stops the scenario's trials; choose another quantity".into()
            }),
            Need::KnownTruth => {
                let expected = Expected::new(scenario);
                let mut analyses = scenario.analyses.iter();
                analyses
                    .all(|analysis| expected.estimand(self.truth(), analysis).is_none())
                    .then(|| "no analysis estimates a known value; choose another quantity".into())
            }
            Need::Rule if scenario.success.is_some() => None,
            Need::Rule if scenario.adaptation.population.is_some() => Some(
                "the scenario has no [success]; the familywise error of levels without any effect is \
                 type-i-error, and `run` has that of every configuration"
                    .into(),
            ),
            Need::Rule => {
                Some("the scenario has no [success]; choose another quantity".into())
            }
            Need::Look => (self.look > looks).then(|| {
                let name = self.entry.name;
                format!("the scenario has no such look; allowed: {name}1 to {name}{looks}")
            }),
        }
    }
}

/// A quantity as sampled by replicates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampled {
    /// A share of the replicates.
    Proportion {
        /// Replicates with the event.
        count: u64,
        /// All replicates.
        n: u64,
    },
    /// A mean over the replicates.
    Mean(McEstimate),
}

impl Sampled {
    /// The quantity as it is reported.
    pub fn estimate(self) -> McEstimate {
        match self {
            Self::Proportion { count, n } => McEstimate::proportion(count, n),
            Self::Mean(mean) => mean,
        }
    }

    /// The standard error to compare with `--precision`. For a proportion it is at least that with two
    /// replicates added to either side (Agresti & Coull 1998, Am Stat 52:119). NaN if there is none.
    pub fn error_to_stop_by(self) -> f64 {
        let error = self.estimate().mcse;
        match self {
            // The error is 0 until the event first happens, which would stop every run after a wave.
            Self::Proportion { count, n } if n > 0 => {
                error.max(McEstimate::proportion(count + 2, n + 4).mcse)
            }
            Self::Proportion { .. } | Self::Mean(_) => error,
        }
    }
}

/// The standard error of a mean of differences between zeros and ones to compare with `--precision`: two
/// replicates are added in which only the first is 1, and two in which only the second is.
pub(crate) fn error_of_difference_to_stop_by(differences: &ExactMoments) -> f64 {
    let mut more = *differences;
    [1.0, 1.0, -1.0, -1.0].into_iter().for_each(|difference| more.add(difference));
    McEstimate::mean(differences).mcse.max(McEstimate::mean(&more).mcse)
}

impl Tally {
    /// The quantity of one analysis, given its position in the scenario, which must have the quantity.
    pub fn sampled(&self, quantity: NamedQuantity, analysis: usize) -> Sampled {
        match quantity.entry.sampled {
            Sampling::OfAnalysis(read) => read(self.of(quantity.truth(), analysis), quantity.look),
            // A scenario without a rule has no trial of it.
            Sampling::OfRule(read) => {
                self.success(quantity.truth()).map_or(Sampled::Proportion { count: 0, n: 0 }, read)
            }
        }
    }

    /// The largest [`Sampled::error_to_stop_by`] of a quantity over the analyses, or the largest error by
    /// control variate; NaN if no analysis has one.
    pub fn error_to_stop_by(&self, quantity: NamedQuantity) -> f64 {
        let errors = (0..self.analyses_per_truth()).map(|analysis| {
            match self.control(quantity.truth(), analysis) {
                Some(control) if quantity.has_control_variate() => control.estimate().estimate.mcse,
                Some(_) | None => self.sampled(quantity, analysis).error_to_stop_by(),
            }
        });
        // `f64::max` ignores NaN, so analyses without an error do not hide the others.
        errors.fold(f64::NAN, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_suggested_for_an_unknown_one_is_a_name() {
        let names = NamedQuantity::all().map(|quantity| quantity.to_string());
        let shortened = names.map(|name| name[..name.len() - 1].to_owned());
        let slips =
            ["eficacy-at-", "efficacy-at-0", "efficacy-at-x", "efficacy"].map(str::to_owned);
        for name in shortened.chain(slips) {
            let unknown = name.parse::<NamedQuantity>().expect_err("a slip");
            let near = unknown.near.unwrap_or_else(|| panic!("nothing is near {name}"));
            assert!(near.parse::<NamedQuantity>().is_ok(), "{name}: {near}");
        }
        let message = "efficacy-at-".parse::<NamedQuantity>().expect_err("a slip").to_string();
        assert!(message.contains("did you mean `efficacy-at-1`"), "{message}");
    }

    #[test]
    fn names_are_read_as_they_are_printed() {
        let third_look = "efficacy-at-3".parse().expect("a name");
        for quantity in NamedQuantity::all().chain([third_look]) {
            assert_eq!(quantity.to_string().parse(), Ok(quantity));
        }
        for wrong in ["efficacy-at-0", "efficacy-at-", "Power", ""] {
            assert!(wrong.parse::<NamedQuantity>().is_err(), "{wrong}");
        }
        let message = "durration".parse::<NamedQuantity>().expect_err("a slip").to_string();
        assert!(message.contains("did you mean `duration`"), "{message}");
        assert!(message.ends_with("familywise-error, efficacy-at-1, efficacy-at-2 …"), "{message}");
    }

    #[test]
    fn constants_have_their_names() {
        let constants = [
            (NamedQuantity::POWER, "power"),
            (NamedQuantity::TYPE_I_ERROR, "type-i-error"),
            (NamedQuantity::EXPECTED_N, "expected-n"),
            (NamedQuantity::DURATION, "duration"),
            (NamedQuantity::SUCCESS, "success"),
        ];
        for (constant, name) in constants {
            assert_eq!(constant.to_string(), name);
        }
    }

    fn error_of_share(count: u64, n: u64) -> f64 {
        Sampled::Proportion { count, n }.error_to_stop_by()
    }

    #[test]
    fn an_event_not_yet_seen_has_a_standard_error_above_zero() {
        // √(2 · 8194 / 8196³) with two of 8196.
        assert!((error_of_share(0, 8192) - 1.7253e-4).abs() < 1e-8, "{}", error_of_share(0, 8192));
        assert!((error_of_share(0, 8192) - error_of_share(8192, 8192)).abs() < 1e-15);
        let naive = McEstimate::proportion(4096, 8192).mcse;
        assert_eq!(error_of_share(4096, 8192), naive, "no less than what is reported");
        assert!(error_of_share(0, 0).is_nan());

        let mut alike = ExactMoments::default();
        (0..8192).for_each(|_| alike.add(0.0));
        let error = error_of_difference_to_stop_by(&alike);
        assert!((error - 2.0 / 8196.0).abs() < 1e-7, "{error}");
    }
}
