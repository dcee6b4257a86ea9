//! Selection among nested groups, the rule of DEFUSE 3.

use serde::Serialize;

/// The rule of Lai, Lavori & Liao (2014), Contemp Clin Trials 39:191, on the Z of Wilcoxon's test.
///
/// Patients form groups 1 … J by an ordered factor, and group j is nested in groups 1 to j. At an
/// interim look the current population stops for efficacy, or is futile if its Z against the assumed
/// effect is below `futility`. The first population is that of all groups; if it is futile, the nested
/// population with the largest Z takes its place, is tested at the same look, and then has all later
/// patients. A nested population that is futile ends the trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NestedSelection {
    /// Z against the assumed effect below which a population is futile.
    pub futility: f64,
    /// Z from which an interim look stops for efficacy.
    pub efficacy: f64,
    /// Z from which the final look rejects.
    pub last: f64,
}

/// Decision about the current population at a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NestedDecision {
    /// The trial stops, and the null hypothesis of the current population is rejected.
    Efficacy,
    /// The trial continues in the current population.
    Continue,
    /// The largest of the nested populations takes the place of the whole.
    Select,
    /// The trial stops without a rejection.
    Futility,
}

impl NestedSelection {
    /// The boundaries of DEFUSE 3 as published with the R package ASSISTant.
    pub const DEFUSE_3: Self = Self { futility: -1.885_041, efficacy: 2.591_142, last: 2.758_487 };

    /// Decides at an interim look from the `z` of the current population and its Z against the assumed
    /// effect. `is_whole` says whether the population has all groups.
    pub fn at_interim(&self, z: f64, against_effect: f64, is_whole: bool) -> NestedDecision {
        if z >= self.efficacy {
            NestedDecision::Efficacy
        } else if against_effect >= self.futility {
            NestedDecision::Continue
        } else if is_whole {
            NestedDecision::Select
        } else {
            NestedDecision::Futility
        }
    }

    /// Decides at the final look. A whole that is not significant gives way to a nested population here
    /// as well.
    pub fn at_final(&self, z: f64, is_whole: bool) -> NestedDecision {
        if z >= self.last {
            NestedDecision::Efficacy
        } else if is_whole {
            NestedDecision::Select
        } else {
            NestedDecision::Futility
        }
    }

    /// Returns the position of the nested population with the largest Z, the smallest such one; `None`
    /// without populations.
    pub fn selected(&self, nested: &[f64]) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (position, z) in nested.iter().enumerate() {
            if best.is_none_or(|best| *z > nested[best]) {
                best = Some(position);
            }
        }
        best
    }
}
