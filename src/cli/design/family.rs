//! Boundaries on the command line: `NAME` or `NAME=NUMBER`.

use std::str::FromStr;

use rescuesim::design::{EfficacyRule, SpendingFunction, StatedSpending};
use rescuesim::scenario::nearest;

/// Names, the number each takes, and its range.
const FAMILIES: [(&str, Takes); 10] = [
    ("none", Takes::Nothing),
    ("lan-demets-obrien-fleming", Takes::Nothing),
    ("lan-demets-pocock", Takes::Nothing),
    ("hwang-shih-decani", Takes::Number("gamma", -40.0, 40.0, None)),
    ("kim-demets", Takes::Number("rho", 0.01, 50.0, None)),
    ("cumulative", Takes::List),
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
}

impl FromStr for Family {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, written) = match text.split_once('=') {
            Some((name, numbers)) => (name, Some(numbers)),
            None => (text, None),
        };
        let asked = name.replace('_', "-").to_lowercase();
        let family = FAMILIES.iter().find(|(name, _)| *name == asked);
        let (name, takes) = *family.ok_or_else(|| {
            let names: Vec<&str> = FAMILIES.iter().map(|(name, _)| *name).collect();
            let hint = nearest(&asked, &names).map(|near| format!(" (did you mean {near}?)"));
            let hint = hint.unwrap_or_default();
            format!("no boundary has this name{hint}; allowed: {}", names.join(", "))
        })?;
        Ok(Self { name, numbers: takes.read(name, written)? })
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

    /// As a spending function for an error rate of `total`.
    pub fn spending(&self, total: f64, fractions: &[f64]) -> Result<SpendingFunction, String> {
        match (self.name, &self.numbers[..]) {
            ("lan-demets-obrien-fleming", _) => Ok(SpendingFunction::LanDeMetsObrienFleming),
            ("lan-demets-pocock", _) => Ok(SpendingFunction::LanDeMetsPocock),
            ("hwang-shih-decani", &[gamma]) => Ok(SpendingFunction::HwangShihDeCani { gamma }),
            ("kim-demets", &[rho]) => Ok(SpendingFunction::KimDeMets { rho }),
            ("cumulative", spent) => stated(spent, total, fractions),
            (name, _) => Err(format!(
                "{name} is a boundary and spends nothing by itself; allowed: \
                 lan-demets-obrien-fleming, lan-demets-pocock, hwang-shih-decani, kim-demets, \
                 cumulative"
            )),
        }
    }
}

fn stated(spent: &[f64], total: f64, fractions: &[f64]) -> Result<SpendingFunction, String> {
    if spent.len() != fractions.len() {
        let (given, looks) = (spent.len(), fractions.len());
        return Err(format!("cumulative has {given} numbers; expected: {looks}, one per look"));
    }
    let rises = spent.windows(2).all(|pair| pair[0] <= pair[1]) && spent[0] >= 0.0;
    let last = spent[spent.len() - 1];
    if !rises || (last - total).abs() > 1e-9 * total {
        return Err(format!(
            "cumulative must rise from 0 or more to the whole error rate, {total}; it ends at {last}"
        ));
    }
    let point =
        |(&fraction, &spent): (&f64, &f64)| StatedSpending { fraction, share: spent / total };
    Ok(SpendingFunction::Stated(fractions.iter().zip(spent).map(point).collect()))
}
