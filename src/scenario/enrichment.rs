//! Restriction of the population to some levels of a factor at interim looks.

use super::Scenario;
use crate::accrual::DAYS_PER_MONTH;
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
    /// Share of each level in the population.
    shares: Vec<f64>,
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
    /// The last level is dropped while success in the population is improbable.
    PredictiveProbability {
        /// Predictive probability of success below which a level is dropped.
        drop_below: f64,
    },
}

impl PopulationAdaptation {
    /// Constructs the restriction of a population to levels of the factor at a position.
    pub fn new(population: &Population, factor: usize, rule: PopulationRule) -> Self {
        // Looked up for every patient: a list is quicker than the levels of all factors.
        let level_of = (0..population.strata()).map(|stratum| population.levels(stratum)[factor]);
        let level_of: Vec<usize> = level_of.collect();
        let levels = population.factors()[factor].levels.len();
        let mut shares = vec![0.0; levels];
        for (&level, (share, _)) in level_of.iter().zip(population.prognosis()) {
            shares[level] += share;
        }
        Self { factor, levels, level_of, shares, rule }
    }

    /// Returns the share of some levels in the population.
    pub fn share(&self, levels: LevelSet) -> f64 {
        levels.iter().map(|level| self.shares[level]).sum()
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
            PopulationRule::NestedSelection { .. }
            | PopulationRule::PredictiveProbability { .. } => {
                (1..=self.levels).map(LevelSet::first).collect()
            }
        }
    }

    /// Returns the Z from which a look shows an effect; `None` for an interim look that does not test.
    pub fn bound(&self, is_final: bool) -> Option<f64> {
        match self.rule {
            PopulationRule::ClosedTest { test, .. } => is_final.then_some(test.critical()),
            PopulationRule::NestedSelection { selection, .. } => {
                Some(if is_final { selection.last } else { selection.efficacy })
            }
            // It decides by probabilities.
            PopulationRule::PredictiveProbability { .. } => None,
        }
    }

    /// Returns whether the rule may end the trial for futility at an interim look, given its position
    /// from 0.
    pub fn may_be_futile(&self, interim: usize) -> bool {
        match self.rule {
            PopulationRule::ClosedTest { look, test, .. } => {
                look == interim && test.drop_boundary().is_finite()
            }
            PopulationRule::NestedSelection { .. } => true,
            // The rules of the design stop the trial.
            PopulationRule::PredictiveProbability { .. } => false,
        }
    }

    /// Returns the level of the patients of a stratum.
    #[inline]
    pub fn level(&self, stratum: usize) -> usize {
        self.level_of[stratum]
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
            // A level before the last one that continues is not worse, if they are ordered rightly.
            LevelSet::first(continuing.iter().last().map_or(0, |last| last + 1))
        } else {
            continuing
        }
    }
}

/// Recruitment in a population after a restriction.
#[derive(Debug, Clone, PartialEq)]
pub struct RestrictedRecruitment {
    /// Levels of the population.
    pub levels: LevelSet,
    /// Its share of all patients.
    pub share: f64,
    /// Its patients per month in full swing.
    pub patients_per_month: f64,
    /// Expected months until a trial restricted to it after each of some looks ends.
    pub months: Vec<f64>,
}

impl Scenario {
    /// Lists how recruitment is expected to continue in the populations that may be left after some interim
    /// looks, from 0: all of them, or if these are more than `most` each level alone and all levels.
    pub fn restricted_recruitment(
        &self,
        looks: std::ops::Range<usize>,
        most: usize,
    ) -> Vec<RestrictedRecruitment> {
        let Some(adaptation) = &self.adaptation.population else { return Vec::new() };
        let mut choices = adaptation.choices();
        if choices.len() > most {
            choices.retain(|levels| levels.len() == 1 || *levels == adaptation.all());
        }
        let of_levels = |levels: LevelSet| {
            let strata = self.population.prognosis().enumerate();
            let shares = strata
                .filter(|&(stratum, _)| adaptation.includes(levels, stratum))
                .map(|(_, (share, _))| share);
            let share: f64 = shares.sum();
            let months = looks.clone().map(|look| self.months_if_restricted(look, share));
            RestrictedRecruitment {
                levels,
                share,
                patients_per_month: share * self.accrual.per_month(),
                months: months.collect(),
            }
        };
        choices.into_iter().map(of_levels).collect()
    }

    /// Returns the expected months until the end of a trial whose patients after the decision of a look are a
    /// share of those who arrive; until the decision if there are none.
    fn months_if_restricted(&self, look: usize, share: f64) -> f64 {
        // Patients of every level are randomised until the decision. After it those of the dropped
        // levels still arrive but are not randomised, so that the rest take 1/share as many
        // arrivals.
        let decided = f64::from(self.expected_randomised_at_decision(look));
        let day = if share > 0.0 {
            let later = f64::from(self.randomised) - decided;
            self.follow_up.closes(self.expected_day(decided + later / share))
        } else {
            self.expected_day_of_look(look)
        };
        (day + self.decision_lag_days) / DAYS_PER_MONTH
    }

    /// Describes the restriction of the population in whole sentences; `None` without one.
    pub fn population_adaptation_in_words(&self) -> Option<String> {
        let written = self.file.adaptation.as_ref()?.population.as_ref()?;
        Some(super::words::adaptation::population(written))
    }

    /// States by what the looks decide, besides the rule for the population; `None` without one.
    pub(super) fn population_decisions_in_words(&self) -> Option<String> {
        let written = self.file.adaptation.as_ref()?.population.as_ref()?;
        Some(super::words::adaptation::population_decisions(written, self.alpha_one_sided()))
    }

    /// Returns the planned Z from which a look, given its position from 0, shows efficacy: that of the rule
    /// for the population if this has boundaries of its own, else that of the design. `None` if the look
    /// cannot show it.
    pub fn planned_efficacy_bound(&self, look: usize) -> Option<f64> {
        let looks = self.design.looks();
        let bound =
            match self.adaptation.population.as_ref().map(|of| of.rule) {
                Some(PopulationRule::NestedSelection { selection, .. }) => {
                    if look + 1 == looks.len() { selection.last } else { selection.efficacy }
                }
                // The closed test of the final look has the level of the design.
                Some(
                    PopulationRule::ClosedTest { .. }
                    | PopulationRule::PredictiveProbability { .. },
                )
                | None => looks[look].efficacy,
            };
        // An infinite bound is never crossed.
        Some(bound).filter(|bound| bound.is_finite())
    }

    /// Whether the boundaries of Z are stated, so that no level of the design is kept by them.
    pub fn has_boundaries_of_its_own(&self) -> bool {
        match self.adaptation.population.as_ref().map(|of| of.rule) {
            Some(PopulationRule::NestedSelection { .. }) => true,
            Some(
                PopulationRule::ClosedTest { .. } | PopulationRule::PredictiveProbability { .. },
            )
            | None => false,
        }
    }

    /// Returns the factor by which the population may be restricted; `None` if it never is.
    pub fn adapted_factor(&self) -> Option<&Factor> {
        let adaptation = self.adaptation.population.as_ref()?;
        Some(&self.population.factors()[adaptation.factor])
    }

    /// Lists the names of some levels of the factor by which the population may be restricted.
    pub fn names_of_levels(&self, levels: LevelSet) -> Vec<String> {
        let names = self.adapted_factor().map_or(&[][..], |factor| &factor.levels[..]);
        levels.iter().map(|level| names[level].clone()).collect()
    }

    /// Names a set of levels of the factor by which the population may be restricted.
    pub fn levels_in_words(&self, levels: LevelSet) -> String {
        let names = self.adapted_factor().map_or(&[][..], |factor| &factor.levels[..]);
        if levels.is_empty() {
            return "none".to_owned();
        }
        // Eight names would fill a column of a table.
        if levels.len() == names.len() {
            return "all".to_owned();
        }
        self.names_of_levels(levels).join(", ")
    }
}
