//! The rule by which several analyses of one trial decide together.

use super::Scenario;
use super::file::success::{Crossing, LaterBoundaries, RuleStop};
use crate::analysis::proportional_odds::assumption::ProportionalOddsStatistic;
use crate::design::multiplicity::Graph;
use crate::design::{AnalysedSoFar, Design, LookBounds};
use crate::num::normal::upper_quantile;

/// How far two shares of α may differ by rounding.
// Shares are sums of products of weights, which differ with the order of the rejections.
const ROUNDING: f64 = 1e-8;

/// A rule by which several analyses decide together, with the boundaries of every share of α.
#[derive(Debug)]
pub struct SuccessRule {
    /// Positions of the analyses in the scenario, two or more, in the order of the rule.
    pub analyses: Vec<usize>,
    /// Shares of α at the beginning.
    pub graph: Graph,
    /// Which analyses must reject.
    pub needed: Needed,
    /// When rejections stop the trial.
    pub stop: RuleStop,
    /// Looks at which a boundary may have been reached.
    pub crossing: Crossing,
    /// Boundaries of the analyses after the first.
    pub later: LaterBoundaries,
    /// Designs by share of α.
    pub(super) designs: Vec<SharedDesign>,
}

/// Which analyses must reject for the trial to succeed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Needed {
    /// Every one.
    All,
    /// One or more.
    One,
    /// The one that a test of proportional odds chooses.
    Chosen(ProportionalOddsSwitch),
}

/// The choice between the first analysis of a rule (the shift) and the second (the dichotomy).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProportionalOddsSwitch {
    /// Two-sided significance level of the test of proportional odds.
    pub alpha_two_sided: f64,
    /// Statistic of the test.
    pub statistic: ProportionalOddsStatistic,
}

/// The boundaries at a share of α.
#[derive(Debug)]
pub(super) struct SharedDesign {
    /// From 0 to 1.
    pub share: f64,
    pub alpha_one_sided: f64,
    pub design: Design,
}

/// A look, as its boundaries depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundaryOf {
    /// Outcomes at the looks until this one.
    pub looks: AnalysedSoFar,
    /// Whether it is the final look.
    pub is_final: bool,
}

impl BoundaryOf {
    /// Returns the boundaries of the look in a design.
    pub fn bounds(&self, design: &Design) -> LookBounds {
        if self.is_final {
            design.final_bounds(&self.looks)
        } else {
            design.interim_bounds(&self.looks)
        }
    }
}

impl SuccessRule {
    /// Returns the Z from which an analysis, by its position in the rule, rejects with a share of α at a
    /// look; infinite without a share.
    pub fn bound(&self, position: usize, share: f64, look: BoundaryOf) -> f64 {
        let found = self.designs.iter().find(|of| (of.share - share).abs() <= ROUNDING);
        let Some(SharedDesign { design, alpha_one_sided, .. }) = found else {
            return f64::INFINITY;
        };
        match self.later {
            LaterBoundaries::Unadjusted if position > 0 => upper_quantile(*alpha_one_sided),
            LaterBoundaries::Own | LaterBoundaries::Unadjusted => look.bounds(design).efficacy,
        }
    }

    /// Returns whether a test of proportional odds chooses the analysis.
    pub fn tests_proportional_odds(&self) -> bool {
        match self.needed {
            Needed::All | Needed::One => false,
            Needed::Chosen(_) => true,
        }
    }

    /// Returns the number of analyses.
    pub fn len(&self) -> usize {
        self.analyses.len()
    }

    /// Returns whether the rule has no analyses, which validation refuses.
    pub fn is_empty(&self) -> bool {
        self.analyses.is_empty()
    }
}

impl Scenario {
    /// Describes the rule by which the analyses decide together in whole sentences; `None` without one.
    pub fn success_in_words(&self) -> Option<String> {
        let (rule, written) = (self.success.as_ref()?, self.file.success.as_ref()?);
        let names: Vec<&str> =
            rule.analyses.iter().map(|&position| self.analyses[position].name.as_str()).collect();
        let mut words = super::words::success::rule(written, &names);
        if self.design.interims().is_empty() {
            return Some(words);
        }
        words += " ";
        words += super::words::success::looks(written);
        Some(words)
    }
}
