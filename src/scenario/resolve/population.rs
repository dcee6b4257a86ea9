//! Factors and strata.

use std::collections::BTreeSet;

use super::{Resolver, first_repeated};
use crate::centres;
use crate::num::normalised;
use crate::population::{Factor, Population};
use crate::scenario::error::nearest;

/// The most combinations of factor levels.
pub(super) const MAX_STRATA: usize = 10_000;

impl Resolver<'_> {
    pub(super) fn population(&mut self) -> Option<Population> {
        let factors: Vec<Option<Factor>> =
            (0..self.file.factors.len()).map(|index| self.factor(index)).collect();
        let joint = !self.file.strata.is_empty();
        let shares: Vec<Option<Vec<f64>>> =
            (0..self.file.factors.len()).map(|index| self.shares(index, joint)).collect();
        let factors: Vec<Factor> = factors.into_iter().collect::<Option<_>>()?;
        let strata = factors
            .iter()
            .map(|f| f.levels.len())
            .try_fold(1usize, |n, levels| n.checked_mul(levels).filter(|&n| n <= MAX_STRATA));
        if strata.is_none() {
            let message = format!("make more than {MAX_STRATA} combinations of levels");
            return self.fail("factors", message);
        }
        if joint {
            return self.joint_table(&factors).map(|table| Population::joint(factors, table));
        }
        let shares: Vec<Vec<f64>> = shares.into_iter().collect::<Option<_>>()?;
        Some(Population::independent(factors.into_iter().zip(shares).collect()))
    }

    fn factor(&mut self, index: usize) -> Option<Factor> {
        let file = self.file;
        let factor = &file.factors[index];
        let at = format!("factors[{index}]");
        if file.factors[..index].iter().any(|other| other.name == factor.name) {
            self.fail::<()>(
                &format!("{at}.name"),
                format!("\"{}\" is used twice; allowed: a name of its own", factor.name),
            );
        }
        if let Some(twice) = first_repeated(&factor.levels) {
            self.fail::<()>(
                &format!("{at}.levels"),
                format!("has \"{twice}\" twice; allowed: different names"),
            );
        }
        let log_odds = factor.log_odds.clone().unwrap_or_else(|| vec![0.0; factor.levels.len()]);
        if log_odds.len() != factor.levels.len() {
            return self.wrong_length(
                &format!("{at}.log_odds"),
                log_odds.len(),
                factor.levels.len(),
                "one per level",
            );
        }
        Some(Factor { name: factor.name.clone(), levels: factor.levels.clone(), log_odds })
    }

    fn shares(&mut self, index: usize, joint: bool) -> Option<Vec<f64>> {
        let factor = &self.file.factors[index];
        let at = format!("factors[{index}].shares");
        match (&factor.shares, joint) {
            (Some(_), true) => self.fail(&at, "is given beside `strata`; allowed: one of the two"),
            (None, true) => Some(Vec::new()),
            (None, false) => {
                self.fail(&at, "is missing; expected: the share of patients in each level")
            }
            (Some(shares), false) if shares.len() != factor.levels.len() => {
                self.wrong_length(&at, shares.len(), factor.levels.len(), "one per level")
            }
            (Some(shares), false) => self.normalised(&at, shares),
        }
    }

    /// Fractions or percentages as fractions that sum to 1.
    pub(super) fn normalised(&mut self, path: &str, shares: &[f64]) -> Option<Vec<f64>> {
        match normalised(shares) {
            Ok(shares) => Some(shares),
            Err(error) => self.fail(path, error.to_string()),
        }
    }

    fn joint_table(&mut self, factors: &[Factor]) -> Option<Vec<(Vec<usize>, f64)>> {
        let strata = &self.file.strata;
        if factors.is_empty() {
            return self.fail(
                "strata",
                "is given without factors; expected: [[factors]] whose levels it names",
            );
        }
        let shares: Vec<f64> = strata.iter().map(|stratum| stratum.share).collect();
        let shares = self.normalised("strata", &shares);
        let mut seen = BTreeSet::new();
        let mut table = Vec::new();
        for (index, stratum) in strata.iter().enumerate() {
            let at = format!("strata[{index}].levels");
            let Some(levels) = self.stratum_levels(&at, &stratum.levels, factors) else { continue };
            if !seen.insert(levels.clone()) {
                self.fail::<()>(
                    &at,
                    "names a combination that is there already; allowed: each once",
                );
            }
            table.push(levels);
        }
        (table.len() == strata.len()).then_some(())?;
        Some(table.into_iter().zip(shares?).collect())
    }

    fn stratum_levels(
        &mut self,
        path: &str,
        names: &[String],
        factors: &[Factor],
    ) -> Option<Vec<usize>> {
        if names.len() != factors.len() {
            return self.wrong_length(path, names.len(), factors.len(), "one level of each factor");
        }
        let mut levels = Vec::new();
        for (name, factor) in names.iter().zip(factors) {
            match factor.levels.iter().position(|level| level == name) {
                Some(level) => levels.push(level),
                None => {
                    let known = factor.levels.join("\", \"");
                    return self.fail(
                        path,
                        format!("has \"{name}\"; allowed for `{}`: \"{known}\"", factor.name),
                    );
                }
            }
        }
        Some(levels)
    }

    /// Indices of named factors, each known and named once.
    pub(super) fn factor_indices(
        &mut self,
        path: &str,
        names: &[String],
        population: &Population,
    ) -> Option<Vec<usize>> {
        if let Some(twice) = first_repeated(names) {
            return self.fail(path, format!("has \"{twice}\" twice; allowed: each factor once"));
        }
        let indices: Vec<Option<usize>> = names
            .iter()
            .enumerate()
            .map(|(i, name)| self.factor_index(&format!("{path}[{i}]"), name, population))
            .collect();
        indices.into_iter().collect()
    }

    /// That no table of a list names the factor of an earlier one, which would count twice.
    pub(super) fn factors_once<'n>(
        &mut self,
        path: &str,
        names: impl Iterator<Item = &'n str>,
    ) -> Option<()> {
        let names: Vec<&str> = names.collect();
        match (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
            None => Some(()),
            Some(i) => self.fail(
                &format!("{path}[{i}].factor"),
                format!("is \"{}\" for the second time; allowed: each factor once", names[i]),
            ),
        }
    }

    /// The position of a factor that is named.
    pub(super) fn factor_index(
        &mut self,
        path: &str,
        name: &str,
        population: &Population,
    ) -> Option<usize> {
        let known: Vec<&str> = population.factors().iter().map(|f| f.name.as_str()).collect();
        if let Some(index) = known.iter().position(|factor| *factor == name) {
            return Some(index);
        }
        let hint = match (name, &self.file.centres) {
            (centres::FACTOR, None) => " (which needs [centres])".to_owned(),
            (centres::FACTOR, Some(_)) => {
                " here (centres differ by [centres], not level by level)".to_owned()
            }
            (_, centres) => {
                let of_centres = centres.as_ref().map(|_| centres::FACTOR);
                let known: Vec<&str> = known.iter().copied().chain(of_centres).collect();
                nearest(name, &known)
                    .map_or_else(String::new, |near| format!(" (did you mean \"{near}\"?)"))
            }
        };
        let allowed = if known.is_empty() {
            "none are defined in [[factors]]".to_owned()
        } else {
            known.join(", ")
        };
        self.fail(path, format!("is \"{name}\", not a factor{hint}; allowed: {allowed}"))
    }
}
