//! Boundaries on the command line: `NAME` or `NAME=NUMBER`.

use std::fmt;
use std::str::FromStr;

use rescuesim::design::{EfficacyRule, SpendingFunction, StatedSpending};
use rescuesim::scenario::nearest;

/// Families of boundaries by name, the spending functions first.
const FAMILIES: [(&str, Takes); 10] = [
    (
        "lan-demets-obrien-fleming",
        Takes::Nothing(spending(SpendingFunction::LanDeMetsObrienFleming)),
    ),
    ("lan-demets-pocock", Takes::Nothing(spending(SpendingFunction::LanDeMetsPocock))),
    (
        "hwang-shih-decani",
        Takes::Number {
            what: "gamma",
            range: [-40.0, 40.0],
            default: None,
            rule: |gamma| spending(SpendingFunction::HwangShihDeCani { gamma }),
        },
    ),
    (
        "kim-demets",
        Takes::Number {
            what: "rho",
            range: [0.01, 50.0],
            default: None,
            rule: |rho| spending(SpendingFunction::KimDeMets { rho }),
        },
    ),
    ("cumulative", Takes::List),
    ("none", Takes::Nothing(EfficacyRule::FinalOnly)),
    ("obrien-fleming", Takes::Nothing(EfficacyRule::OBRIEN_FLEMING)),
    ("pocock", Takes::Nothing(EfficacyRule::POCOCK)),
    (
        "wang-tsiatis",
        Takes::Number {
            what: "delta",
            range: [-0.5, 1.0],
            default: None,
            rule: |delta| EfficacyRule::WangTsiatis { delta },
        },
    ),
    (
        "haybittle-peto",
        Takes::Number {
            what: "interim Z",
            range: [1.0, 8.0],
            default: Some(3.0),
            rule: |interim_z| EfficacyRule::HaybittlePeto { interim_z },
        },
    ),
];

/// Number of spending functions at the start of [`FAMILIES`].
const SPENDING_FUNCTIONS: usize = 5;

const fn spending(function: SpendingFunction) -> EfficacyRule {
    EfficacyRule::Spending(function)
}

/// Value after the name of a family.
enum Takes {
    /// No value.
    Nothing(EfficacyRule),
    /// A number.
    Number {
        /// Name of the number.
        what: &'static str,
        /// Least and largest value.
        range: [f64; 2],
        /// Value if it is left out; `None` if it must be given.
        default: Option<f64>,
        /// Rule with the number.
        rule: fn(f64) -> EfficacyRule,
    },
    /// One cumulative error per look.
    List,
}

/// Boundary or spending function of an option.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    rule: Written,
    text: String,
}

/// Rule as far as an option determines it.
#[derive(Debug, Clone, PartialEq)]
enum Written {
    Rule(EfficacyRule),
    /// Cumulative errors, which become shares of an error rate at the fractions of the looks.
    Cumulative(Vec<f64>),
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { rule: written(&FAMILIES, "boundary", text)?, text: text.to_owned() })
    }
}

impl Family {
    /// Returns the boundary for efficacy with a one-sided error rate of `alpha`.
    pub fn efficacy(&self, alpha: f64, fractions: &[f64]) -> Result<EfficacyRule, String> {
        rule(&self.rule, alpha, fractions)
    }

    /// Returns a spending function for an error rate of `total`, from its name.
    pub fn spending_for(
        text: &str,
        total: f64,
        fractions: &[f64],
    ) -> Result<SpendingFunction, String> {
        let written = written(&FAMILIES[..SPENDING_FUNCTIONS], "spending function", text)?;
        match rule(&written, total, fractions)? {
            EfficacyRule::Spending(function) => Ok(function),
            EfficacyRule::FinalOnly
            | EfficacyRule::WangTsiatis { .. }
            | EfficacyRule::HaybittlePeto { .. } => {
                unreachable!("spending functions come first")
            }
        }
    }
}

fn written(families: &[(&str, Takes)], what: &str, text: &str) -> Result<Written, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    // Scenario files write the same names with underscores.
    let asked = name.replace('_', "-").to_lowercase();
    let Some((name, takes)) = families.iter().find(|(name, _)| *name == asked) else {
        let names: Vec<&str> = families.iter().map(|(name, _)| *name).collect();
        let hint = nearest(&asked, &names).map(|near| format!(" (did you mean {near}?)"));
        let hint = hint.unwrap_or_default();
        return Err(format!("no {what} has this name{hint}; allowed: {}", names.join(", ")));
    };
    match takes {
        Takes::Nothing(_) if value.is_some() => Err(format!("{name} takes no number")),
        Takes::Nothing(rule) => Ok(Written::Rule(rule.clone())),
        Takes::Number { what, range: [least, most], default, rule } => {
            let number = match value {
                Some(text) => text.parse().ok().filter(|x| (least..=most).contains(&x)),
                None => *default,
            };
            let number =
                number.ok_or_else(|| format!("expected {name}={what}, from {least} to {most}"))?;
            Ok(Written::Rule(rule(number)))
        }
        Takes::List => {
            let numbers: Result<Vec<f64>, _> =
                value.unwrap_or_default().split(',').map(str::parse).collect();
            numbers.map(Written::Cumulative).map_err(|_| {
                format!("expected {name}=A,B,…: the one-sided error spent up to each look")
            })
        }
    }
}

/// Completes a rule for an error rate of `total` at the looks.
fn rule(written: &Written, total: f64, fractions: &[f64]) -> Result<EfficacyRule, String> {
    let spent = match written {
        Written::Rule(rule) => return Ok(rule.clone()),
        Written::Cumulative(spent) => spent,
    };
    if spent.len() != fractions.len() {
        let (given, looks) = (spent.len(), fractions.len());
        return Err(format!("{given} numbers; expected: {looks}, one per look"));
    }
    let rises = spent.windows(2).all(|pair| pair[0] <= pair[1]) && spent[0] >= 0.0;
    let last = spent[spent.len() - 1];
    // A total such as 1 - power differs from the typed number by rounding errors.
    if !rises || (last - total).abs() > 1e-9 * total {
        // Rounded, or the rest of a power of 0.8 would be printed as 0.19999999999999996.
        let total = (total * 1e12).round() / 1e12;
        return Err(format!("allowed: numbers from 0 that never fall and end at {total}"));
    }
    let points = fractions
        .iter()
        .zip(spent)
        .map(|(&fraction, &spent)| StatedSpending { fraction, share: spent / total });
    Ok(EfficacyRule::Spending(SpendingFunction::Stated(points.collect())))
}
