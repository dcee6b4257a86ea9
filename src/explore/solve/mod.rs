//! The value of a key at which a simulated probability reaches a target, and a value that is shown to
//! reach it.
//!
//! The search fits a probit line to simulations at a few values around the root, in rounds of growing
//! size. Every value has replicates of its own, so the errors of the line's points are independent.
//! Then the first allowed value that the line predicts to pass is simulated on fresh replicates, and
//! accepted when the exact lower bound of the probability there is the target or more, at level α/2
//! for the first such value, α/4 for the second and so on: whatever the search did, a value is accepted
//! wrongly with a probability of α at most (Bonferroni).
//!
#![doc = include_str!("README.md")]

mod search;
mod verification;

use std::ops::Range;

use serde::Serialize;

use super::bracket::{Domain, SearchPoint};
use super::probit::GoodnessOfFit;
use search::RootSearch;

/// Replicates with an event, among all replicates of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// Replicates with the event.
    pub count: u64,
    /// All replicates.
    pub n: u64,
}

impl Observed {
    /// Returns the share of replicates with the event.
    pub fn share(self) -> f64 {
        self.count as f64 / self.n as f64
    }
}

/// A value that was simulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatedValue {
    /// The value.
    pub x: f64,
    /// Replicates of the value.
    pub observed: Observed,
}

/// Serializes a pair, which is how result files list the values of a search.
impl Serialize for SimulatedValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.x, self.observed).serialize(serializer)
    }
}

/// The probability to be reached, and how to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SolveQuestion {
    /// The probability to be reached, in (0, 1).
    pub target: f64,
    /// Confidence that the answer reaches the target, and level of the root's interval, in (0, 1).
    pub confidence: f64,
    /// Replicates of each verification; the search takes about as many, and more if the target is so
    /// close to 0 or 1 that few would show it.
    pub replicates: u64,
    /// Allowed values.
    pub domain: Domain,
    /// Answers are multiples of this if only whole numbers are allowed, as a number of patients that is
    /// divided among the arms.
    pub multiple: u32,
    /// The value that the search begins at.
    pub start: f64,
}

/// A value on new replicates, with a bound for its probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verification {
    /// The value.
    pub x: f64,
    /// Replicates of the value.
    pub observed: Observed,
    /// Lower confidence bound of the probability.
    pub lower_bound: f64,
    /// One-sided level of that bound.
    pub alpha: f64,
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solution {
    /// The value at which the line reaches the target.
    pub root: f64,
    /// Fieller's limits of the root; absent if the slope is too uncertain.
    pub interval: Option<(f64, f64)>,
    /// Whether the probability rises with the value.
    pub rises: bool,
    /// How well the line fits.
    pub fit: GoodnessOfFit,
    /// Values that were verified; the last is the answer.
    pub verifications: Vec<Verification>,
    /// Replicates of the search.
    pub search_replicates: u64,
    /// Replicates of all verifications.
    pub verification_replicates: u64,
    /// Values simulated in the search.
    pub points: Vec<SimulatedValue>,
}

impl Solution {
    /// Returns the value that was accepted.
    pub fn answer(&self) -> &Verification {
        self.verifications.last().expect("a solution has the verification of its answer")
    }
}

/// Rounds a value that bisection found to seven digits, as the others mean nothing.
fn rounded(x: f64) -> f64 {
    format!("{x:.6e}").parse().unwrap_or(x)
}

/// Formats a probability with four decimals, or two digits and a power of ten if these would be 0.
fn shown(p: f64) -> String {
    if p > 0.0 && p < 0.000_05 { format!("{p:.1e}") } else { format!("{p:.4}") }
}

/// Words what both ends of a search have shown.
fn at_both([low, high]: &[SearchPoint; 2]) -> String {
    let [low_x, high_x] = [low, high].map(|end| rounded(end.x));
    format!("with {} at {low_x} and {} at {high_x}", shown(low.value), shown(high.value))
}

/// A search without an answer.
#[derive(Debug, thiserror::Error)]
pub enum SolveError<E> {
    /// A simulation failed.
    #[error("{0}")]
    Simulation(E),
    /// The start is not allowed.
    #[error("there is no allowed value to begin with")]
    NoStart,
    /// The target is not reached.
    #[error("no value tried from {} to {} reaches it; the best was {} at {}, {}", rounded(.ends[0].x), rounded(.ends[1].x), shown(.best.value), rounded(.best.x), at_both(.ends))]
    Unreachable {
        /// The smallest and the largest value tried.
        ends: [SearchPoint; 2],
        /// Value and probability.
        best: SearchPoint,
    },
    /// The target seems to be reached, but no value could be verified.
    #[error(
        "it seems to be reached near {}, but {replicates} replicates verify no allowed value; allowed: more --replicates, or a wider --within", rounded(*.root)
    )]
    NotShown {
        /// The value at which the line reaches the target.
        root: f64,
        /// Replicates of each verification.
        replicates: u64,
    },
    /// The replicates could not verify the target even if the event happened in all of them.
    #[error("{replicates} replicates are too few to verify it; allowed: at least {needed}")]
    TooFew {
        /// Replicates of each verification.
        replicates: u64,
        /// The fewest replicates that can verify it.
        needed: u64,
    },
    /// Every value reaches it.
    #[error("every value tried from {} to {} reaches it; the least was {} at {}, {}", rounded(.ends[0].x), rounded(.ends[1].x), shown(.least.value), rounded(.least.x), at_both(.ends))]
    Everywhere {
        /// The smallest and the largest value tried.
        ends: [SearchPoint; 2],
        /// Value and probability.
        least: SearchPoint,
    },
    /// The probability does not depend on the value.
    #[error("the quantity does not change with this key by more than Monte Carlo error near the target, {}; allowed: more --replicates, or --within a range in which it does", at_both(.ends))]
    Flat {
        /// The smallest and the largest value tried.
        ends: [SearchPoint; 2],
    },
}

/// Simulates replicates with these numbers at a value; `None` if the value is not allowed.
pub type Simulate<'s, E> = &'s mut dyn FnMut(f64, Range<u64>) -> Result<Option<Observed>, E>;

/// Finds and verifies a value.
///
/// # Errors
/// When a simulation fails, when no value is allowed, when none or each reaches the target, when the
/// probability does not change with the value.
pub fn solve<E>(
    question: &SolveQuestion,
    simulate: Simulate<'_, E>,
) -> Result<Solution, SolveError<E>> {
    let SolveQuestion { target, confidence, replicates, .. } = *question;
    // The exact lower bound of n out of n is α^(1/n), and the first candidate has half of α.
    let needed = (libm::log(0.5 * (1.0 - confidence)) / libm::log(target)).ceil() as u64;
    // Before a search that could only end without an answer.
    if replicates < needed {
        return Err(SolveError::TooFew { replicates, needed });
    }
    let mut search = RootSearch {
        question,
        domain: question.domain,
        simulate,
        next: 0,
        points: Vec::new(),
        near: (f64::NEG_INFINITY, f64::INFINITY),
    };
    let line = search.line()?;
    search.verified(line)
}
