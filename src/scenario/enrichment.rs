//! Restriction of the population to some levels of a factor at interim looks.

use super::Scenario;
use crate::design::enrichment::{Enrichment, LevelSet, NestedSelection};
use crate::population::{Factor, Population};

/// A restriction of the population.
#[derive(Debug, Clone)]
pub struct PopulationAdaptation {
    /// Position of the factor in the population.
    pub factor: usize,
    /// Number of its levels.
    pub levels: usize,
    /// Level of the factor in each stratum.
    level_of: Vec<usize>,
    /// How the population follows from the looks.
    pub rule: PopulationRule,
}

/// How the population follows from the looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PopulationRule {
    /// Levels are dropped at one look, and each one left is tested at the final look.
    ClosedTest {
        /// Position of the look in the plan, from 0.
        look: usize,
        /// Which levels are dropped, and the test of the others.
        test: Enrichment,
        /// Whether a level continues whenever a later one does.
        ordered: bool,
    },
    /// The first levels with the largest Z take the place of a population that looks futile.
    NestedSelection {
        /// Boundaries.
        selection: NestedSelection,
        /// Effect, on the scale of the analysis, that futility is judged against.
        effect: f64,
    },
}

impl PopulationAdaptation {
    /// Constructs the restriction of a population to levels of the factor at a position.
    pub fn new(population: &Population, factor: usize, rule: PopulationRule) -> Self {
        let level_of = (0..population.strata()).map(|stratum| population.levels(stratum)[factor]);
        let levels = population.factors()[factor].levels.len();
        Self { factor, levels, level_of: level_of.collect(), rule }
    }

    /// Returns all levels of the factor.
    pub fn all(&self) -> LevelSet {
        LevelSet::first(self.levels)
    }

    /// Lists the populations that may be left when the trial ends.
    pub fn choices(&self) -> Vec<LevelSet> {
        match self.rule {
            PopulationRule::ClosedTest { ordered: true, .. } => {
                (0..=self.levels).map(LevelSet::first).collect()
            }
            PopulationRule::ClosedTest { ordered: false, .. } => {
                [LevelSet::NONE].into_iter().chain(LevelSet::all_of(self.levels)).collect()
            }
            PopulationRule::NestedSelection { .. } => {
                (1..=self.levels).map(LevelSet::first).collect()
            }
        }
    }

    /// Returns whether the patients of a stratum have one of these levels.
    #[inline]
    pub fn includes(&self, levels: LevelSet, stratum: usize) -> bool {
        levels.has(self.level_of[stratum])
    }

    /// Returns the levels that continue after the look of a closed test, from the Z of each there.
    pub fn continuing(test: &Enrichment, ordered: bool, first: &[f64]) -> LevelSet {
        let continuing: LevelSet =
            (0..first.len()).filter(|&level| test.continues(first[level])).collect();
        if ordered {
            LevelSet::first(continuing.iter().last().map_or(0, |last| last + 1))
        } else {
            continuing
        }
    }
}

impl Scenario {
    /// Describes the restriction of the population in whole sentences; `None` without one.
    pub fn population_adaptation_in_words(&self) -> Option<String> {
        let written = self.file.adaptation.as_ref()?.population.as_ref()?;
        Some(super::words::adaptation::population(written))
    }

    /// Returns the factor by which the population may be restricted; `None` if it never is.
    pub fn adapted_factor(&self) -> Option<&Factor> {
        let adaptation = self.adaptation.population.as_ref()?;
        Some(&self.population.factors()[adaptation.factor])
    }

    /// Names a set of levels of the factor by which the population may be restricted.
    pub fn levels_in_words(&self, levels: LevelSet) -> String {
        let names = self.adapted_factor().map_or(&[][..], |factor| &factor.levels[..]);
        if levels.is_empty() {
            return "none".to_owned();
        }
        if levels.len() == names.len() {
            return "all".to_owned();
        }
        let names: Vec<&str> = levels.iter().map(|level| names[level].as_str()).collect();
        names.join(", ")
    }
}
