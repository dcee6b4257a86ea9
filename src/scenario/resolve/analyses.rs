//! The analyses, bound to the cells they work with.

use super::super::{Analysis, AnalysisSet, Description, Subgroups, file};
use super::{Checked, Reported, Resolver};
use crate::analysis::grouping::CellLayout;
use crate::analysis::imputation::{Imputation, MissingRule};
use crate::analysis::method::GroupedBy;
use crate::analysis::proportional_odds::adjusted::Model;
use crate::analysis::proportional_odds::covariates::Covariates;
use crate::analysis::proportional_odds::levels::Levels;
use crate::analysis::{AnalysisMethod, BoundMethod, Detail};
use crate::centres;
use crate::population::Population;

/// The cells of a file: by early mRS if any analysis imputes with it.
fn cell_layout<'p>(file: &file::ScenarioFile, population: &'p Population) -> CellLayout<'p> {
    let by_early = file.analyses.iter().any(|analysis| analysis.missing.uses_early());
    CellLayout { population, by_early }
}

/// The detail that the analyses need in addition to the outcomes of the whole trial.
pub(super) fn detail(
    analyses: &[Analysis],
    file: &file::ScenarioFile,
    population: &Population,
    by_centre: bool,
) -> Detail {
    let layout = cell_layout(file, population);
    let by_early = layout.by_early;
    let grouped = analyses.iter().any(|analysis| {
        analysis.method.grouping().is_some() || matches!(analysis.missing, Imputation::Multiple(_))
    });
    let subgroups = file.description.as_ref().is_some_and(|it| !it.subgroups.is_empty())
        || !file.effect_modifiers().is_empty();
    // Zero cells spare every trial the counts by cell, which nothing would read.
    let cells = if grouped || by_early || subgroups { layout.all().count() } else { 0 };
    let missing = analyses.iter().any(|analysis| analysis.missing != Imputation::None)
        || file.description.as_ref().is_some_and(|it| it.tipping_point);
    Detail { cells, by_centre, by_early, missing }
}

impl Resolver<'_> {
    pub(super) fn analyses(&mut self, population: &Population) -> Checked<Vec<Analysis>> {
        let file = self.file;
        let cells = cell_layout(file, population);
        let mut analyses = Vec::with_capacity(file.analyses.len());
        for (index, written) in file.analyses.iter().enumerate() {
            let path = format!("analyses[{index}]");
            let hypothesis = self.hypothesis(index);
            let has_margin = hypothesis.as_ref().is_ok_and(|read| read.hypothesis.has_margin());
            let method = self.method(&path, &written.method.with_statistic(has_margin), cells);
            let method = match (method, &hypothesis) {
                (Ok(method), Ok(read)) => self.against_margin(index, method, read),
                (Err(Reported), _) | (_, Err(Reported)) => Err(Reported),
            };
            let missing = self.missing_rule(&path, &written.missing, cells);
            let rerandomisations = written.rerandomisations;
            // Every allocation that is drawn would need imputations of its own.
            if rerandomisations > 0 && matches!(missing, Ok(Imputation::Multiple(_))) {
                self.report(
                    &format!("{path}.rerandomisations"),
                    "is given with multiple imputation; allowed there: 0",
                );
            }
            let set = written.population;
            if rerandomisations > 0 && set != AnalysisSet::IntentionToTreat {
                self.report(
                    &format!("{path}.rerandomisations"),
                    "is given for patients picked by the treatment they got; allowed there: 0, or population = \"intention_to_treat\"",
                );
            }
            analyses.push(match (method, missing, hypothesis) {
                (Ok(method), Ok(missing), Ok(read)) => {
                    let hypothesis = read.hypothesis;
                    // Two analyses by one method have one name, and are refused below.
                    let name = written.name.clone().unwrap_or_else(|| method.key().to_owned());
                    let by_centre = method.grouped_by().factors().contains(&centres::FACTOR);
                    Ok(Analysis {
                        name,
                        method,
                        hypothesis,
                        by_centre,
                        rerandomisations,
                        missing,
                        set,
                        // Bayesian decisions give it one once the prior is known.
                        model: None,
                    })
                }
                (Err(Reported), _, _) | (_, Err(Reported), _) | (_, _, Err(Reported)) => {
                    Err(Reported)
                }
            });
        }
        let analyses = analyses.into_iter().collect::<Checked<Vec<Analysis>>>()?;
        for (index, analysis) in analyses.iter().enumerate() {
            let name = &analysis.name;
            if analyses[..index].iter().any(|other| other.name == *name) {
                let path = format!("analyses[{index}].name");
                self.report_repeated(&path, name, "name");
            }
        }
        Ok(file::primary_first(analyses, self.primary()?))
    }

    /// Returns the position of the primary analysis in the file: the first if none is marked.
    fn primary(&mut self) -> Checked<usize> {
        let marked = self.file.analyses.iter().enumerate().filter(|(_, written)| written.primary);
        let marked: Vec<usize> = marked.map(|(index, _)| index).collect();
        match marked[..] {
            [] => Ok(0),
            [primary] => Ok(primary),
            [first, second, ..] => self.fail(
                &format!("analyses[{second}].primary"),
                format!("conflicts with analyses[{first}].primary; allowed: true for one analysis"),
            ),
        }
    }

    /// Reads what is described when a trial ends; `None` if nothing is.
    pub(super) fn description(
        &mut self,
        population: &Population,
        analyses: &Checked<Vec<Analysis>>,
    ) -> Checked<Option<Description>> {
        let file = self.file;
        let modifiers = file.effect_modifiers();
        let unwritten = file::WrittenDescription::of_interactions();
        let written = match &file.description {
            Some(written) => written,
            None if modifiers.is_empty() => return Ok(None),
            None => &unwritten,
        };
        if modifiers.is_empty()
            && !written.proportional_odds
            && written.subgroups.is_empty()
            && !written.tipping_point
        {
            let message = "describes nothing; allowed: proportional_odds = true, subgroups, tipping_point = true, or no [description]";
            return self.fail("description", message);
        }
        let primary = analyses.as_ref().ok().map(|analyses| &analyses[0]);
        if written.tipping_point && primary.is_some_and(|primary| primary.rerandomisations > 0) {
            let message = "is asked for a primary analysis with rerandomisations; allowed with another primary analysis";
            return self.fail("description.tipping_point", message);
        }
        let path = "description.subgroups";
        let mut factors = self.factor_indices(path, &written.subgroups, population)?;
        // The power of the test of interaction is of interest wherever effects differ.
        for name in modifiers {
            let position = population.factors().iter().position(|factor| factor.name == name);
            factors.extend(position.filter(|position| !factors.contains(position)));
        }
        let cells = cell_layout(file, population);
        let subgroups = factors.into_iter().map(|factor| {
            let grouping = cells.grouped(&[factor]);
            let rows = grouping.indicators();
            let covariates = Covariates::with_interactions(&rows, &rows);
            let model = Model { levels: Levels::ALL, covariates };
            let factor = population.factors()[factor].name.clone();
            Subgroups { factor, model, grouping }
        });
        Ok(Some(Description {
            proportional_odds: written.proportional_odds,
            tipping_point: written.tipping_point,
            subgroups: subgroups.collect(),
            alpha_two_sided: written.alpha_two_sided,
        }))
    }

    /// Checks the factors of a method, then its other parameters.
    fn method(
        &mut self,
        path: &str,
        method: &AnalysisMethod,
        cells: CellLayout<'_>,
    ) -> Checked<BoundMethod> {
        let factors = match method.parameters().grouped_by() {
            GroupedBy::Nothing => Vec::new(),
            GroupedBy::Covariates(names) => {
                self.factor_indices(&format!("{path}.adjust_for"), names, cells.population)?
            }
            GroupedBy::Strata(names) => {
                self.factor_indices(&format!("{path}.stratify_by"), names, cells.population)?
            }
            GroupedBy::Prognosis(points) => {
                let path = format!("{path}.points");
                let names = points.iter().map(|points| points.factor.as_str());
                self.factors_once(&path, names.clone())?;
                let indices: Vec<Checked<usize>> = names
                    .enumerate()
                    .map(|(i, name)| {
                        self.factor_index(&format!("{path}[{i}].factor"), name, cells.population)
                    })
                    .collect();
                indices.into_iter().collect::<Checked<_>>()?
            }
        };
        match BoundMethod::new(method, cells, &factors) {
            Ok(bound) => Ok(bound),
            Err(error) => self.fail(&format!("{path}.{}", error.key), error.message),
        }
    }

    fn missing_rule(
        &mut self,
        path: &str,
        rule: &MissingRule,
        cells: CellLayout<'_>,
    ) -> Checked<Imputation> {
        if rule.uses_early() && self.file.early_outcome.is_none() {
            let message = "needs [early_outcome]; allowed without it: complete_case, single_value, by_arm, multiple_imputation without `early`";
            return self.fail(&format!("{path}.missing"), message);
        }
        let path = format!("{path}.missing.adjust_for");
        let factors = self.factor_indices(&path, rule.factors(), cells.population)?;
        Ok(rule.bind(cells, &factors))
    }
}
