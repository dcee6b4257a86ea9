//! Statistic of the data expected at the final look: their counts, put into the analysis.

use super::counts::{Counting, scaled};
use super::{Expected, NoFormula};
use crate::analysis::method::{GroupedBy, ReferenceDistribution};
use crate::analysis::{BoundMethod, Counts};
use crate::design::comparison::{
    Comparison, ExpectedPoint, ExpectedStatistic, StandardisedMoments,
};
use crate::scenario::{Analysis, Truth};

/// Number of patients below which a group is sparse.
// In a trial such a group often lacks an arm or an outcome and contributes nothing, while its expected
// counts always contribute.
const FEW_PATIENTS: f64 = 10.0;

/// The largest share of the patients that may be in sparse groups.
const SPARSE_SHARE: f64 = 0.1;

impl Expected<'_> {
    /// The comparison by the statistic of the expected data, with the variance reduced by what the
    /// randomisation balances.
    ///
    /// # Errors
    /// The causes of [`Expected::drift`].
    pub(super) fn by_expected_data(&self, analysis: &Analysis) -> Result<Comparison, NoFormula> {
        // Both truths are checked for what the points below do not show, such as few re-randomisations.
        for truth in [Truth::Alternative, Truth::Null] {
            self.drift(truth, analysis)?;
        }
        let null = self.expected_point(Truth::Null, analysis)?;
        let stated = self.expected_point(Truth::Alternative, analysis)?;
        let balance = self.formula_balance(Truth::Alternative, analysis)?;
        let has_margin = analysis.hypothesis.has_margin();
        let statistic = ExpectedStatistic::new(analysis.method.scale(), null, stated, has_margin);
        Ok(Comparison::ExpectedData(statistic).balanced(balance))
    }

    /// Estimate and statistic of the data expected at the final look.
    fn expected_point(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<ExpectedPoint, NoFormula> {
        let outcomes = f64::from(self.scenario.final_analysed());
        let StandardisedMoments { mean, sd } = self.statistic_of_expected_data(truth, analysis)?;
        let statistic = StandardisedMoments { mean: mean / outcomes.sqrt(), sd };
        let cells = self.expected_cells(truth, analysis)?;
        let estimate = analysis.method.estimate_of_expected(cells);
        if !estimate.is_finite() {
            return Err(NoFormula::NoEstimand);
        }
        Ok(ExpectedPoint { estimate, statistic })
    }

    /// The patients expected at the final look, by cell of the analysis.
    pub(super) fn expected_cells(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<Vec<Counts>, NoFormula> {
        let scenario = self.scenario;
        // Shares are per patient randomised; the final look has `final_analysed` patients, all known.
        let outcomes = f64::from(scenario.final_analysed());
        let scale = outcomes / scenario.share_known();
        let counting = Counting::of_analysis(scenario, truth, analysis);
        let cells: Vec<Counts> =
            counting.cells(scenario).into_iter().map(|counts| scaled(counts, scale)).collect();
        if is_sparse(&analysis.method, &cells) {
            return Err(NoFormula::SparseStrata);
        }
        Ok(cells)
    }

    pub(super) fn statistic_of_expected_data(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<StandardisedMoments, NoFormula> {
        let cells = self.expected_cells(truth, analysis)?;
        let reference = if analysis.rerandomisations > 0 {
            ReferenceDistribution::Rerandomisation
        } else {
            ReferenceDistribution::Normal
        };
        let mean = analysis.method.z_of_expected(cells.iter().copied(), reference);
        if !mean.is_finite() {
            return Err(NoFormula::NoEstimand);
        }
        // Without an effect, where differences would only add rounding, it is 1 by design of the test; with
        // very many groups it is taken to be 1.
        let sd =
            if mean.abs() < 1e-9 { None } else { analysis.method.sd_of_expected(cells, reference) };
        Ok(StandardisedMoments { mean, sd: sd.unwrap_or(1.0) })
    }
}

/// Whether too many patients are in groups too small for statistics of expected counts.
fn is_sparse(method: &BoundMethod, cells: &[Counts]) -> bool {
    let grouping = match (method.grouped_by(), method.grouping()) {
        (GroupedBy::Strata(_), Some(grouping)) => grouping,
        (GroupedBy::Strata(_), None)
        | (GroupedBy::Nothing | GroupedBy::Covariates(_) | GroupedBy::Prognosis(_), _) => {
            return false;
        }
    };
    let mut groups = Vec::new();
    grouping.gather(cells.iter().copied(), &mut groups);
    let sizes: Vec<f64> = groups.iter().map(|group| group.iter().flatten().sum()).collect();
    let sparse: f64 = sizes.iter().filter(|&&size| size < FEW_PATIENTS).sum();
    sparse > SPARSE_SHARE * sizes.iter().sum::<f64>()
}
