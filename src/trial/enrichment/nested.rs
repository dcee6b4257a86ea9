//! Populations of the first levels, of which the one with the largest Z takes the place of all patients once
//! these look futile.

use super::{JudgedLook, PopulationDecision};
use crate::design::enrichment::{LevelSet, MOST_LEVELS, NestedDecision, NestedSelection};
use crate::scenario::{Analysis, PopulationAdaptation};
use crate::trial::{Conclusion, FollowedCohort, LookIndex, PhaseObserver};

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Judges the current population at a look, and the one that takes its place if it is futile.
    pub(super) fn judge_nested(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        selection: NestedSelection,
        effect: f64,
        look: LookIndex,
    ) -> JudgedLook {
        let before = self.current_population().levels;
        let mut z = self.population_z(analysis);
        // Counted for the population before the look, whatever is selected there.
        let is_failed = z.is_none();
        let decision = loop {
            let levels = self.current_population().levels;
            // Only all patients together give way to a smaller population.
            let is_whole = levels == adaptation.all();
            let Some(z_here) = z else {
                break PopulationDecision::without_statistic(look);
            };
            let decision = if look.is_final {
                selection.at_final(z_here, is_whole)
            } else {
                // An estimate without an error cannot be futile.
                let against = self.z_against(analysis, effect).unwrap_or(f64::INFINITY);
                if let Some(population) = &mut self.population {
                    population.evidence.against_effect = against;
                }
                selection.at_interim(z_here, against, is_whole)
            };
            match decision {
                NestedDecision::Efficacy => {
                    self.reject_in(levels);
                    break PopulationDecision::End(Conclusion::Efficacy);
                }
                NestedDecision::Continue if levels == before => break PopulationDecision::Continue,
                NestedDecision::Continue => break PopulationDecision::Restrict(levels),
                NestedDecision::Futility => break futile_at(look),
                NestedDecision::Select => {
                    match self.select_nested(analysis, adaptation, selection, look) {
                        Some(selected) => z = Some(selected),
                        // A factor with one level has no smaller population, and one without a
                        // statistic cannot be selected.
                        None => break futile_at(look),
                    }
                }
            }
        };
        // Futility is part of the rule itself.
        JudgedLook { z, is_failed, decision, unless_stopped: decision }
    }

    /// Puts the population of the first levels with the largest Z in the place of all, and returns its Z;
    /// `None` if no smaller population has one.
    fn select_nested(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        selection: NestedSelection,
        look: LookIndex,
    ) -> Option<f64> {
        let mut nested = [f64::NEG_INFINITY; MOST_LEVELS];
        let sizes = 1..adaptation.levels;
        self.fill_population(analysis, adaptation, look, LevelSet::NONE);
        for size in sizes.clone() {
            self.add_level(analysis, adaptation, look, size - 1);
            nested[size - 1] = self.population_z(analysis).unwrap_or(f64::NEG_INFINITY);
        }
        let at = selection.selected(&nested[..sizes.len()]);
        // All may be without a statistic, and the first of equals would be selected.
        let at = at.filter(|&at| nested[at] > f64::NEG_INFINITY);
        let selected = at.map_or(adaptation.all(), |at| LevelSet::first(at + 1));
        self.fill_population(analysis, adaptation, look, selected);
        if let Some(population) = self.population.as_mut().filter(|_| at.is_some()) {
            population.evidence.at_look = nested;
            population.restrict(look, selected);
        }
        at.map(|at| nested[at])
    }

    /// Computes the Z of the current population against an effect on the scale of the analysis; `None` if
    /// its estimate has no error.
    fn z_against(&mut self, analysis: &Analysis, effect: f64) -> Option<f64> {
        let test = self.population_test(analysis);
        let (z, standard_error) = analysis.estimate_over_error(&test)?;
        Some(z - effect / standard_error)
    }
}

/// Ends a trial without an effect at a look.
fn futile_at(look: LookIndex) -> PopulationDecision {
    PopulationDecision::End(if look.is_final {
        Conclusion::NotSignificant
    } else {
        Conclusion::Futility
    })
}
