//! Boundaries on the command line: `NAME` or `NAME=NUMBER`.

use std::fmt;
use std::str::FromStr;

use rescuesim::design::{EfficacyRule, SpendingFunction, StatedSpending};
use rescuesim::scenario::nearest;

/// Spending functions, the number each takes, and its range.
const SPENDING: [(&str, Takes); 5] = [
    ("lan-demets-obrien-fleming", Takes::Nothing),
    ("lan-demets-pocock", Takes::Nothing),
    ("hwang-shih-decani", Takes::Number("gamma", -40.0, 40.0, None)),
    ("kim-demets", Takes::Number("rho", 0.01, 50.0, None)),
    ("cumulative", Takes::List),
];
/// The same for boundaries that are no spending functions.
const BOUNDS: [(&str, Takes); 5] = [
    ("none", Takes::Nothing),
    ("obrien-fleming", Takes::Nothing),
    ("pocock", Takes::Nothing),
    ("wang-tsiatis", Takes::Number("delta", -0.5, 1.0, None)),
    ("haybittle-peto", Takes::Number("interim Z", 1.0, 8.0, Some(3.0))),
];

#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    /// What it is, the least, the most, and the default if it may be left out.
    Number(&'static str, f64, f64, Option<f64>),
    /// One cumulative error per look.
    List,
}

/// A family of boundaries or spending functions with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    name: &'static str,
    numbers: Vec<f64>,
    written: String,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::among(&[SPENDING, BOUNDS].concat(), "boundary", text)
    }
}

impl Takes {
    fn read(self, name: &str, written: Option<&str>) -> Result<Vec<f64>, String> {
        match (self, written) {
            (Self::Nothing, None) => Ok(Vec::new()),
            (Self::Nothing, Some(_)) => Err(format!("{name} takes no number")),
            (Self::Number(_, _, _, Some(default)), None) => Ok(vec![default]),
            (Self::Number(what, least, most, _), written) => {
                let expected = || format!("expected {name}={what}, from {least} to {most}");
                let number = written.and_then(|text| text.parse::<f64>().ok());
                let number = number.filter(|number| (least..=most).contains(number));
                Ok(vec![number.ok_or_else(expected)?])
            }
            (Self::List, written) => {
                let text = written.unwrap_or_default();
                let numbers: Result<Vec<f64>, _> = text.split(',').map(str::parse).collect();
                numbers.map_err(|_| {
                    format!("expected {name}=A,B,…: the one-sided error spent up to each look")
                })
            }
        }
    }
}

impl Family {
    fn among(families: &[(&'static str, Takes)], what: &str, text: &str) -> Result<Self, String> {
        let (name, numbers) = match text.split_once('=') {
            Some((name, numbers)) => (name, Some(numbers)),
            None => (text, None),
        };
        let asked = name.replace('_', "-").to_lowercase();
        let family = families.iter().find(|(name, _)| *name == asked);
        let (name, takes) = *family.ok_or_else(|| {
            let names: Vec<&str> = families.iter().map(|(name, _)| *name).collect();
            let hint = nearest(&asked, &names).map(|near| format!(" (did you mean {near}?)"));
            let hint = hint.unwrap_or_default();
            format!("no {what} has this name{hint}; allowed: {}", names.join(", "))
        })?;
        Ok(Self { name, numbers: takes.read(name, numbers)?, written: text.to_owned() })
    }

    /// A spending function for an error rate of `total`, from its name.
    pub fn spending_for(
        text: &str,
        total: f64,
        fractions: &[f64],
    ) -> Result<SpendingFunction, String> {
        Self::among(&SPENDING, "spending function", text)?.spending(total, fractions)
    }

    /// As a boundary for efficacy with a one-sided error rate of `alpha`.
    pub fn efficacy(&self, alpha: f64, fractions: &[f64]) -> Result<EfficacyRule, String> {
        Ok(match (self.name, &self.numbers[..]) {
            ("none", _) => EfficacyRule::FinalOnly,
            ("obrien-fleming", _) => EfficacyRule::OBRIEN_FLEMING,
            ("pocock", _) => EfficacyRule::POCOCK,
            ("wang-tsiatis", &[delta]) => EfficacyRule::WangTsiatis { delta },
            ("haybittle-peto", &[interim_z]) => EfficacyRule::HaybittlePeto { interim_z },
            _ => EfficacyRule::Spending(self.spending(alpha, fractions)?),
        })
    }

    fn spending(&self, total: f64, fractions: &[f64]) -> Result<SpendingFunction, String> {
        match (self.name, &self.numbers[..]) {
            ("lan-demets-obrien-fleming", _) => Ok(SpendingFunction::LanDeMetsObrienFleming),
            ("lan-demets-pocock", _) => Ok(SpendingFunction::LanDeMetsPocock),
            ("hwang-shih-decani", &[gamma]) => Ok(SpendingFunction::HwangShihDeCani { gamma }),
            ("kim-demets", &[rho]) => Ok(SpendingFunction::KimDeMets { rho }),
            ("cumulative", spent) => stated(spent, total, fractions),
            (name, _) => unreachable!("{name} is not in SPENDING"),
        }
    }
}

fn stated(spent: &[f64], total: f64, fractions: &[f64]) -> Result<SpendingFunction, String> {
    if spent.len() != fractions.len() {
        let (given, looks) = (spent.len(), fractions.len());
        return Err(format!("{given} numbers; expected: {looks}, one per look"));
    }
    let rises = spent.windows(2).all(|pair| pair[0] <= pair[1]) && spent[0] >= 0.0;
    let last = spent[spent.len() - 1];
    if !rises || (last - total).abs() > 1e-9 * total {
        // Not 0.19999999999999996 for the rest of a power of 0.8.
        let total = (total * 1e12).round() / 1e12;
        return Err(format!("allowed: numbers from 0 that never fall and end at {total}"));
    }
    let point =
        |(&fraction, &spent): (&f64, &f64)| StatedSpending { fraction, share: spent / total };
    Ok(SpendingFunction::Stated(fractions.iter().zip(spent).map(point).collect()))
}
