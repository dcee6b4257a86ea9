//! Models of the outcomes: stated distributions, or those that follow from procedures.

use crate::outcome::{MrsDistribution, OutcomeModel, ProceduralModel};
use crate::randomisation::Arm;

/// Model of the outcomes.
#[derive(Debug, Clone)]
pub enum Outcomes {
    /// Stated distributions, under the alternative and its null twin.
    Stated(Box<[OutcomeModel; 2]>),
    /// Outcomes of a procedure; under the null truth all patients get the control arm's strategy.
    AfterProcedure(Box<ProceduralModel>),
}

impl Outcomes {
    /// Returns the mRS under control and experimental treatment, of the alternative and its null twin.
    pub(super) fn marginals(&self) -> [[MrsDistribution; 2]; 2] {
        match self {
            Self::Stated(models) => [*models[0].marginal(), *models[1].marginal()],
            Self::AfterProcedure(model) => {
                let model = model.without_crossover();
                let [control, experimental] = [Arm::Control, Arm::Experimental]
                    .map(|arm| model.expected(arm).mrs().expect("an arm's probabilities sum to 1"));
                [[control, experimental], [control; 2]]
            }
        }
    }

    /// Averages a procedural model over (log odds, share) of centre and time. Stated distributions hold
    /// on average already.
    pub(super) fn in_circumstances(self, circumstances: &[(f64, f64)]) -> Self {
        match self {
            Self::Stated(models) => Self::Stated(models),
            Self::AfterProcedure(model) => {
                Self::AfterProcedure(Box::new(model.in_circumstances(circumstances)))
            }
        }
    }

    /// Returns the share of screened patients who are randomised; `None` without a procedure.
    pub fn screening_yield(&self) -> Option<f64> {
        match self {
            Self::Stated(_) => None,
            Self::AfterProcedure(model) => Some(model.procedure().screening_yield()),
        }
    }
}
