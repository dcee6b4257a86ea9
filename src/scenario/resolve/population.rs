//! Factors and strata.

use std::collections::BTreeSet;

use super::super::file;
use super::super::problems::{conflicts, missing, suggestion};
use super::{Checked, Reported, Resolver, first_repeated};
use crate::centres;
use crate::num::normalised;
use crate::population::{Factor, Population};

/// The most combinations of factor levels.
// Each thread has counts for every one of them, which in a trial of some hundred patients are
// mostly 0.
pub(super) const MAX_STRATA: usize = 10_000;

impl Resolver<'_> {
    pub(super) fn population(&mut self) -> Checked<Population> {
        let file = self.file;
        let is_joint = !file.strata.is_empty();
        // Both parts of every factor, before any problem is returned.
        let mut factors = Vec::with_capacity(file.factors.len());
        for index in 0..file.factors.len() {
            let factor = self.factor(index);
            let shares = self.shares(index, is_joint);
            factors.push((factor, shares));
        }
        let strata = file
            .factors
            .iter()
            .map(|factor| factor.levels.len())
            // So many factors that the product overflows have too many combinations as well.
            .try_fold(1usize, |n, levels| n.checked_mul(levels).filter(|&n| n <= MAX_STRATA));
        if strata.is_none() {
            let message = format!("make more than {MAX_STRATA} combinations of levels");
            return self.fail("factors", message);
        }
        if is_joint {
            let factors = factors.into_iter().map(|(factor, _)| factor);
            let factors = factors.collect::<Checked<Vec<Factor>>>()?;
            let table = self.joint_table(&factors)?;
            return Ok(Population::joint(factors, table));
        }
        let factors = factors.into_iter().map(|(factor, shares)| Ok((factor?, shares?)));
        Ok(Population::independent(factors.collect::<Checked<_>>()?))
    }

    fn factor(&mut self, index: usize) -> Checked<Factor> {
        let file = self.file;
        let file::WrittenFactor { name, levels, log_odds, effect_log_odds, shares: _ } =
            &file.factors[index];
        let at = format!("factors[{index}]");
        if file.factors[..index].iter().any(|other| other.name == *name) {
            self.report_repeated(&format!("{at}.name"), name, "name");
        }
        if let Some(level) = first_repeated(levels) {
            self.report_repeated(&format!("{at}.levels"), level, "level");
        }
        // A factor need not be prognostic: it can be there for balance alone.
        let log_odds = log_odds.clone().unwrap_or_else(|| vec![0.0; levels.len()]);
        if log_odds.len() != levels.len() {
            let path = format!("{at}.log_odds");
            return self.wrong_length(&path, log_odds.len(), levels.len(), "one per level");
        }
        let path = format!("{at}.effect_log_odds");
        if effect_log_odds.is_some() && file.procedure.is_some() {
            return self.fail(
                &path,
                "conflicts with [procedure], from which the effect of the treatment follows; allowed with stated outcomes only",
            );
        }
        let effect_log_odds = effect_log_odds.clone().unwrap_or_else(|| vec![0.0; levels.len()]);
        if effect_log_odds.len() != levels.len() {
            return self.wrong_length(&path, effect_log_odds.len(), levels.len(), "one per level");
        }
        Ok(Factor { name: name.clone(), levels: levels.clone(), log_odds, effect_log_odds })
    }

    /// Reads the shares of the levels of a factor; none if `strata` have them.
    fn shares(&mut self, index: usize, is_joint: bool) -> Checked<Vec<f64>> {
        let factor = &self.file.factors[index];
        let path = format!("factors[{index}].shares");
        match &factor.shares {
            Some(_) if is_joint => self.fail(&path, conflicts("strata")),
            None if is_joint => Ok(Vec::new()),
            None => self.fail(&path, missing("the share of patients in each level")),
            Some(shares) if shares.len() != factor.levels.len() => {
                self.wrong_length(&path, shares.len(), factor.levels.len(), "one per level")
            }
            Some(shares) => self.normalised(&path, shares),
        }
    }

    /// Turns fractions or percentages into fractions that sum to 1.
    pub(super) fn normalised(&mut self, path: &str, shares: &[f64]) -> Checked<Vec<f64>> {
        match normalised(shares) {
            Ok(shares) => Ok(shares),
            Err(error) => self.fail(path, error.to_string()),
        }
    }

    /// Reads the share of each combination of levels that occurs.
    fn joint_table(&mut self, factors: &[Factor]) -> Checked<Vec<(Vec<usize>, f64)>> {
        let strata = &self.file.strata;
        if factors.is_empty() {
            return self.fail(
                "strata",
                "is given without factors; expected: [[factors]] whose levels it names",
            );
        }
        let shares: Vec<f64> = strata.iter().map(|stratum| stratum.share).collect();
        // Shares of strata that have problems of their own are checked as well.
        let shares = self.normalised("strata", &shares);
        let mut seen = BTreeSet::new();
        let mut table = Vec::with_capacity(strata.len());
        for (index, stratum) in strata.iter().enumerate() {
            let path = format!("strata[{index}].levels");
            let levels = self.stratum_levels(&path, &stratum.levels, factors);
            if let Ok(levels) = &levels
                && !seen.insert(levels.clone())
            {
                self.report_repeated(&path, &stratum.levels.join("\", \""), "combination");
            }
            table.push(levels);
        }
        let table = table.into_iter().collect::<Checked<Vec<_>>>()?;
        Ok(table.into_iter().zip(shares?).collect())
    }

    fn stratum_levels(
        &mut self,
        path: &str,
        names: &[String],
        factors: &[Factor],
    ) -> Checked<Vec<usize>> {
        if names.len() != factors.len() {
            return self.wrong_length(path, names.len(), factors.len(), "one level of each factor");
        }
        let mut levels = Vec::with_capacity(names.len());
        for (name, factor) in names.iter().zip(factors) {
            let Some(level) = factor.levels.iter().position(|level| level == name) else {
                let known = factor.levels.join("\", \"");
                let message = format!("has \"{name}\"; allowed for `{}`: \"{known}\"", factor.name);
                return self.fail(path, message);
            };
            levels.push(level);
        }
        Ok(levels)
    }

    /// Returns the indices of named factors, each known and named once.
    pub(super) fn factor_indices(
        &mut self,
        path: &str,
        names: &[String],
        population: &Population,
    ) -> Checked<Vec<usize>> {
        if let Some(name) = first_repeated(names) {
            self.report_repeated(path, name, "factor");
            return Err(Reported);
        }
        // Collected first, so that all unknown names are reported.
        let indices: Vec<Checked<usize>> = names
            .iter()
            .enumerate()
            .map(|(i, name)| self.factor_index(&format!("{path}[{i}]"), name, population))
            .collect();
        indices.into_iter().collect()
    }

    /// Checks that no table of a list names the factor of an earlier one, which would count twice.
    pub(super) fn factors_once<'n>(
        &mut self,
        path: &str,
        names: impl Iterator<Item = &'n str>,
    ) -> Checked<()> {
        let mut seen = BTreeSet::new();
        for (i, name) in names.enumerate() {
            if !seen.insert(name) {
                self.report_repeated(&format!("{path}[{i}].factor"), name, "factor");
                return Err(Reported);
            }
        }
        Ok(())
    }

    /// Returns the position of a factor that is named.
    pub(super) fn factor_index(
        &mut self,
        path: &str,
        name: &str,
        population: &Population,
    ) -> Checked<usize> {
        let known: Vec<&str> = population.factors().iter().map(|f| f.name.as_str()).collect();
        if let Some(index) = known.iter().position(|factor| *factor == name) {
            return Ok(index);
        }
        let hint = match (name, &self.file.centres) {
            (centres::FACTOR, None) => " (which needs [centres])".to_owned(),
            (centres::FACTOR, Some(_)) => {
                " here (centres differ by [centres], not level by level)".to_owned()
            }
            (_, Some(_)) => suggestion(name, &[known.as_slice(), &[centres::FACTOR]].concat()),
            (_, None) => suggestion(name, &known),
        };
        let allowed = if known.is_empty() {
            "none are defined in [[factors]]".to_owned()
        } else {
            known.join(", ")
        };
        self.fail(path, format!("is \"{name}\", not a factor{hint}; allowed: {allowed}"))
    }
}
