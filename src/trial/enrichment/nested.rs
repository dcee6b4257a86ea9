//! Populations of the first levels, of which the one with the largest Z takes the place of all patients once
//! these look futile.

use crate::design::MAX_LOOKS;
use crate::design::enrichment::{LevelSet, MOST_LEVELS, NestedDecision, NestedSelection};
use crate::scenario::{Analysis, PopulationAdaptation};
use crate::trial::monitoring::MonitoringEnd;
use crate::trial::{Conclusion, FollowedCohort, LookIndex, PhaseObserver};

/// What a rule does with the population at a look.
enum PopulationDecision {
    Continue,
    Restrict(LevelSet),
    End(Conclusion),
}

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Monitors a trial by nested selection.
    pub(super) fn monitor_nested(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        selection: NestedSelection,
        effect: f64,
    ) -> MonitoringEnd {
        let mut z = [f64::NAN; MAX_LOOKS];
        let mut failed_looks = 0;
        let mut position = 0;
        loop {
            let look = self.current_population().looks.taken(position);
            let levels = self.current_population().levels;
            self.fill_population(adaptation, look, levels);
            let statistic = self.population_z(analysis);
            z[look.planned] = statistic.unwrap_or(f64::NAN);
            // Counted for the population that came to the look, whatever is selected there.
            failed_looks += u32::from(statistic.is_none());
            let decision = self.judge_nested(analysis, adaptation, selection, effect, look);
            // The Z of the population that was selected, if one was.
            if let Some(selected) = self.population_z(analysis) {
                z[look.planned] = selected;
            }
            let conclusion = match decision {
                PopulationDecision::Continue => None,
                PopulationDecision::Restrict(levels) => {
                    let is_possible = self.restrict(analysis, adaptation, look, levels);
                    (!is_possible).then_some(Conclusion::Futility)
                }
                PopulationDecision::End(conclusion) => Some(conclusion),
            };
            if let Some(conclusion) = conclusion {
                return MonitoringEnd { look, conclusion, test: None, z, failed_looks };
            }
            // The looks after a restriction are others, but begin with the same ones.
            position += 1;
        }
    }

    /// Judges the current population at a look, and the one that takes its place if it is futile.
    fn judge_nested(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        selection: NestedSelection,
        effect: f64,
        look: LookIndex,
    ) -> PopulationDecision {
        let before = self.current_population().levels;
        loop {
            let levels = self.current_population().levels;
            // Only all patients together give way to a smaller population.
            let is_whole = levels == adaptation.all();
            let Some(z) = self.population_z(analysis) else {
                // A look without a statistic decides nothing.
                return if look.is_final {
                    PopulationDecision::End(Conclusion::NotSignificant)
                } else {
                    PopulationDecision::Continue
                };
            };
            let decision = if look.is_final {
                selection.at_final(z, is_whole)
            } else {
                // An estimate without an error cannot be futile.
                let against = self.z_against(analysis, effect).unwrap_or(f64::INFINITY);
                if let Some(population) = &mut self.population {
                    population.evidence.against_effect = against;
                }
                selection.at_interim(z, against, is_whole)
            };
            match decision {
                NestedDecision::Efficacy => {
                    if let Some(population) = &mut self.population {
                        population.rejected = levels;
                    }
                    return PopulationDecision::End(Conclusion::Efficacy);
                }
                NestedDecision::Continue if levels == before => {
                    return PopulationDecision::Continue;
                }
                NestedDecision::Continue => return PopulationDecision::Restrict(levels),
                NestedDecision::Futility if look.is_final => {
                    return PopulationDecision::End(Conclusion::NotSignificant);
                }
                NestedDecision::Futility => return PopulationDecision::End(Conclusion::Futility),
                NestedDecision::Select => {
                    let mut nested = [f64::NEG_INFINITY; MOST_LEVELS];
                    let sizes = 1..adaptation.levels;
                    for size in sizes.clone() {
                        let first = LevelSet::first(size);
                        self.fill_population(adaptation, look, first);
                        nested[size - 1] = self.population_z(analysis).unwrap_or(f64::NEG_INFINITY);
                    }
                    let Some(selected) = selection.selected(&nested[..sizes.len()]) else {
                        // A factor with one level has no smaller population.
                        let conclusion = if look.is_final {
                            Conclusion::NotSignificant
                        } else {
                            Conclusion::Futility
                        };
                        return PopulationDecision::End(conclusion);
                    };
                    let selected = LevelSet::first(selected + 1);
                    if let Some(population) = &mut self.population {
                        population.evidence.at_look = nested;
                    }
                    self.fill_population(adaptation, look, selected);
                    self.set_levels(selected);
                    if let Some(population) = &mut self.population {
                        population.restricted_at.get_or_insert(look);
                    }
                }
            }
        }
    }

    /// Computes the Z of the current population against an effect on the scale of the analysis; `None` if
    /// its estimate has no error.
    fn z_against(&mut self, analysis: &Analysis, effect: f64) -> Option<f64> {
        let test = self.population_test(analysis);
        let (z, standard_error) = analysis.estimate_over_error(&test)?;
        Some(z - effect / standard_error)
    }
}
