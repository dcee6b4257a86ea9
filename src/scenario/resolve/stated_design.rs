//! Looks and boundaries that are stated without a scenario, as options do.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::document::{Draft, InputDocument, InputFile, Source};
use super::super::error::Rejection;
use super::super::file::{Futility, WrittenDesign};
use super::super::schema::{self, ValueShape};
use super::design::{PlannedComparison, PlannedLooks};
use super::{Checked, Reported, Resolver};
use crate::design::comparison::Comparison;
use crate::design::{Boundaries, DesignError, Rules};

/// A file that states looks and boundaries, with the keys of a scenario, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "rescuesim design")]
pub struct DesignFile {
    /// Looks and boundaries.
    pub design: WrittenDesign,
}

impl InputFile for DesignFile {
    fn schema() -> &'static Value {
        static SCHEMA: LazyLock<Value> = LazyLock::new(schema::build::<DesignFile>);
        &SCHEMA
    }

    fn shape() -> &'static ValueShape {
        static SHAPE: LazyLock<ValueShape> =
            LazyLock::new(|| ValueShape::known(DesignFile::schema()));
        &SHAPE
    }
}

/// The design that no option has changed.
// The defaults that the help of `--looks`, `--alpha-one-sided` and `--spending` states.
const DEFAULTS: &str = "\
[design]
alpha_one_sided = 0.025
looks = { equally_spaced = 1 }
efficacy = { rule = \"lan_demets_obrien_fleming\" }
";

/// The trial that looks and boundaries are stated for, as far as it is known before them.
#[derive(Debug, Clone)]
pub struct StatedTrial {
    /// Comparison of the arms.
    pub comparison: Comparison,
    /// Share of the experimental arm among the patients with an outcome.
    pub share_experimental: f64,
    /// Outcomes at the final look; `None` if their number is yet to be found.
    pub analysed: Option<u32>,
    /// Power to reach, if any.
    pub power: Option<f64>,
}

/// Looks and rules of a file that states nothing else.
#[derive(Debug)]
pub struct StatedDesign<'d> {
    source: Source<'d, DesignFile>,
    /// Information at each look over the maximum, increasing to 1.
    pub information_fractions: Vec<f64>,
    /// Rules of the boundaries.
    pub rules: Rules,
}

impl InputDocument {
    /// Returns the design that options change: one look, with the usual error rate.
    pub fn default_design() -> Self {
        Self::parse("the default design", DEFAULTS.to_owned()).expect("the defaults are TOML")
    }
}

impl<'d> Draft<'d> {
    /// Reads and resolves the document as looks and boundaries alone.
    ///
    /// # Errors
    /// Everything that is wrong with it: first its shape, then its meaning.
    pub fn resolve_design(self, trial: StatedTrial) -> Result<StatedDesign<'d>, Rejection> {
        let source = self.read::<DesignFile>()?;
        let mut resolver = resolver(&source);
        let resolved = resolver.stated_design(trial);
        let problems = resolver.problems;
        match resolved {
            Ok((looks, rules)) if problems.is_empty() => {
                Ok(StatedDesign { information_fractions: looks.fractions, rules, source })
            }
            Ok(_) | Err(Reported) => Err(source.reject(problems)),
        }
    }
}

impl StatedDesign<'_> {
    /// Finds the boundaries of these rules, or of the same with another error rate.
    ///
    /// # Errors
    /// When there are none, with the key that can change it.
    pub fn boundaries(&self, rules: &Rules) -> Result<Boundaries, Rejection> {
        Boundaries::new(rules, &self.information_fractions).map_err(|error| self.explain(error))
    }

    fn explain(&self, error: DesignError) -> Rejection {
        let mut resolver = resolver(&self.source);
        let Err(Reported) = resolver.fail_boundaries::<()>(error) else {
            unreachable!("a failure is reported")
        };
        let problems = resolver.problems;
        self.source.reject(problems)
    }
}

fn resolver<'s>(source: &'s Source<'_, DesignFile>) -> Resolver<'s, WrittenDesign> {
    Resolver { file: &source.file.design, places: Some(&source.places), problems: Vec::new() }
}

impl Resolver<'_, WrittenDesign> {
    fn stated_design(&mut self, trial: StatedTrial) -> Checked<(PlannedLooks, Rules)> {
        let alpha = self.alpha_one_sided();
        let fractions = self.information_fractions()?;
        // One look is the default, so that a forgotten option is likelier than a superfluous rule.
        if fractions.len() == 1 && self.file.futility != Futility::None {
            return self.fail("design.futility", "is given for one look; allowed with two or more");
        }
        let StatedTrial { comparison, share_experimental, analysed, power } = trial;
        let analysed = analysed
            .map(|total| fractions.iter().map(|fraction| fraction * f64::from(total)).collect());
        let looks = PlannedLooks { fractions, analysed };
        let planned = PlannedComparison { comparison: Ok(comparison), share_experimental, power };
        let rules = self.rules(&looks, alpha, Some(planned))?;
        Ok((looks, rules))
    }
}
