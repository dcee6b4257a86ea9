//! The rule by which several analyses decide together.

use super::super::Analysis;
use super::super::file::WrittenSuccess;
use super::super::file::success::{Crossing, LaterBoundaries, RuleStop};
use super::super::problems::{out_of_range, repeats, unknown};
use super::super::success::{Needed, ProportionalOddsSwitch, SharedDesign, SuccessRule};
use super::{Checked, Resolver};
use crate::design::multiplicity::{Graph, NotAGraph};
use crate::design::{Design, FutilityRule, Plan, Rules};

/// The names of the analyses of a rule, with the path of each.
fn named(written: &WrittenSuccess) -> Vec<(String, &str)> {
    match written {
        WrittenSuccess::CoPrimary { analyses, .. }
        | WrittenSuccess::Any { analyses, .. }
        | WrittenSuccess::Hierarchical { analyses, .. }
        | WrittenSuccess::Bonferroni { analyses, .. }
        | WrittenSuccess::Holm { analyses, .. }
        | WrittenSuccess::Graph { analyses, .. } => analyses
            .iter()
            .enumerate()
            .map(|(index, name)| (format!("success.analyses[{index}]"), name.as_str()))
            .collect(),
        WrittenSuccess::ProportionalOddsSwitch { shift, dichotomy, .. } => vec![
            ("success.shift".to_owned(), shift.as_str()),
            ("success.dichotomy".to_owned(), dichotomy.as_str()),
        ],
    }
}

impl Resolver<'_> {
    /// Reads the rule; `None` without one. Boundaries are found for the `design` of the scenario.
    pub(super) fn success(
        &mut self,
        analyses: &[Analysis],
        design: &Design,
    ) -> Checked<Option<SuccessRule>> {
        let file = self.file;
        let Some(written) = &file.success else { return Ok(None) };
        let positions = self.positions(&named(written), analyses);
        let graph = self.graph(written);
        let (positions, graph) = (positions?, graph?);
        let needed = match written {
            WrittenSuccess::CoPrimary { .. } => Needed::All,
            WrittenSuccess::Any { .. }
            | WrittenSuccess::Hierarchical { .. }
            | WrittenSuccess::Bonferroni { .. }
            | WrittenSuccess::Holm { .. }
            | WrittenSuccess::Graph { .. } => Needed::One,
            WrittenSuccess::ProportionalOddsSwitch { alpha_two_sided, statistic, .. } => {
                Needed::Chosen(ProportionalOddsSwitch {
                    alpha_two_sided: *alpha_two_sided,
                    statistic: *statistic,
                })
            }
        };
        let (stop, crossing) = match *written {
            WrittenSuccess::CoPrimary { crossing, .. } => (RuleStop::AllDecided, crossing),
            WrittenSuccess::Hierarchical { stop, crossing, .. }
            | WrittenSuccess::Holm { stop, crossing, .. }
            | WrittenSuccess::Graph { stop, crossing, .. } => (stop, crossing),
            // No share of α moves on, so that a boundary reached at an earlier look was a rejection
            // then.
            WrittenSuccess::Any { stop, .. } | WrittenSuccess::Bonferroni { stop, .. } => {
                (stop, Crossing::CurrentLook)
            }
            WrittenSuccess::ProportionalOddsSwitch { .. } => {
                // The analysis that is chosen decides alone.
                (RuleStop::FirstRejection, Crossing::CurrentLook)
            }
        };
        let later = match *written {
            WrittenSuccess::Hierarchical { later, .. } => later,
            WrittenSuccess::CoPrimary { .. }
            | WrittenSuccess::Any { .. }
            | WrittenSuccess::Bonferroni { .. }
            | WrittenSuccess::Holm { .. }
            | WrittenSuccess::Graph { .. }
            | WrittenSuccess::ProportionalOddsSwitch { .. } => LaterBoundaries::Own,
        };
        let designs = self.designs_by_share(graph, design)?;
        let analyses = positions;
        Ok(Some(SuccessRule { analyses, graph, needed, stop, crossing, later, designs }))
    }

    /// Finds the analyses of these names.
    fn positions(
        &mut self,
        named: &[(String, &str)],
        analyses: &[Analysis],
    ) -> Checked<Vec<usize>> {
        let mut positions = Vec::with_capacity(named.len());
        for (index, (path, name)) in named.iter().enumerate() {
            let known: Vec<&str> = analyses.iter().map(|analysis| analysis.name.as_str()).collect();
            let found = known.iter().position(|known| known == name);
            positions.push(match found {
                Some(_) if named[..index].iter().any(|(_, other)| other == name) => {
                    self.fail(path, repeats(format!("\"{name}\""), "analysis"))
                }
                Some(position) => Ok(position),
                None => self.fail(path, unknown(name, "an analysis of the scenario", &known)),
            });
        }
        positions.into_iter().collect()
    }

    fn graph(&mut self, written: &WrittenSuccess) -> Checked<Graph> {
        match written {
            WrittenSuccess::CoPrimary { analyses, .. } | WrittenSuccess::Any { analyses, .. } => {
                Ok(Graph::uncorrected(analyses.len()))
            }
            WrittenSuccess::Hierarchical { analyses, .. } => {
                Ok(Graph::hierarchical(analyses.len()))
            }
            WrittenSuccess::Holm { analyses, .. } => Ok(Graph::holm(analyses.len())),
            WrittenSuccess::Bonferroni { analyses, weights: None, .. } => {
                Ok(Graph::bonferroni(analyses.len()))
            }
            WrittenSuccess::Bonferroni { analyses, weights: Some(weights), .. } => {
                let none = vec![vec![0.0; weights.len()]; weights.len()];
                self.stated_graph(analyses.len(), weights, &none)
            }
            WrittenSuccess::Graph { analyses, weights, transitions, .. } => {
                self.stated_graph(analyses.len(), weights, transitions)
            }
            WrittenSuccess::ProportionalOddsSwitch { .. } => Ok(Graph::uncorrected(2)),
        }
    }

    fn stated_graph(
        &mut self,
        analyses: usize,
        weights: &[f64],
        transitions: &[Vec<f64>],
    ) -> Checked<Graph> {
        if weights.len() != analyses {
            return self.wrong_length(
                "success.weights",
                weights.len(),
                analyses,
                "one per analysis",
            );
        }
        if transitions.len() != analyses {
            let path = "success.transitions";
            return self.wrong_length(path, transitions.len(), analyses, "one row per analysis");
        }
        for (row, shares) in transitions.iter().enumerate() {
            let path = format!("success.transitions[{row}]");
            if shares.len() != analyses {
                return self.wrong_length(&path, shares.len(), analyses, "one per analysis");
            }
            // Here, as the schema states no range for lists in a list.
            let outside = shares.iter().position(|share| !(0.0..=1.0).contains(share));
            if let Some(column) = outside {
                let path = format!("{path}[{column}]");
                return self.fail(&path, out_of_range(shares[column], "0 to 1"));
            }
        }
        Graph::new(weights, transitions).or_else(|error| {
            let path = match error {
                NotAGraph::Weights { .. } => "success.weights".to_owned(),
                NotAGraph::Row { row, .. } => format!("success.transitions[{row}]"),
                NotAGraph::Diagonal { row, .. } => format!("success.transitions[{row}][{row}]"),
            };
            self.fail(&path, error.to_string())
        })
    }

    /// Finds the boundaries of every share of α that an analysis can have.
    fn designs_by_share(&mut self, graph: Graph, design: &Design) -> Checked<Vec<SharedDesign>> {
        let mut designs = Vec::new();
        for share in graph.shares() {
            let plan = design.plan();
            let alpha_one_sided = share * plan.rules.alpha_one_sided;
            // Futility is decided by the boundaries of the design. Where these are binding, boundaries for
            // efficacy rely on them at every share.
            let futility = if plan.rules.binding_futility {
                plan.rules.futility.clone()
            } else {
                FutilityRule::None
            };
            let rules = Rules { alpha_one_sided, futility, ..plan.rules.clone() };
            let plan = Plan { rules, looks_analysed: plan.looks_analysed.clone() };
            match self.design_of(plan) {
                Ok(design) => designs.push(SharedDesign { share, alpha_one_sided, design }),
                Err(error) => {
                    let message = format!(
                        "tests an analysis at a one-sided {alpha_one_sided:.6}, for which the design has no boundaries: {error}"
                    );
                    return self.fail("success.rule", message);
                }
            }
        }
        Ok(designs)
    }
}
