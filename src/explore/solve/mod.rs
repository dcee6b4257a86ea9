//! The value of a key at which a simulated probability reaches a target, and a value of which that is
//! shown.
//!
//! The search fits a probit line to simulations at a few values around the root, in rounds of growing
//! size. Every value has replicates of its own, so the errors of the line's points are independent.
//! Then the first allowed value that the line says can be shown to reach the target is simulated on
//! fresh replicates, and accepted when the exact lower bound of the probability there is the target
//! or more, at level α/2 for the first such value, α/4 for the second and so on: whatever the search
//! did, a value is accepted wrongly with a probability of α at most (Bonferroni).

mod search;
mod verification;

use std::ops::Range;

use serde::Serialize;

use super::bracket::{Domain, Point};
use super::probit::GoodnessOfFit;
use search::Search;

/// Replicates in which something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// In how many it happened.
    pub count: u64,
    /// Of so many.
    pub n: u64,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// The probability to be reached, in (0, 1).
    pub target: f64,
    /// With which the answer reaches it, and of the root's interval, in (0, 1).
    pub confidence: f64,
    /// Replicates of each verification; the search takes about as many, and more where
    /// the target is so near 0 or 1 that few would show it.
    pub replicates: u64,
    /// Values allowed.
    pub domain: Domain,
    /// Where the search begins.
    pub start: f64,
}

/// A value whose probability was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verification {
    /// The value.
    pub x: f64,
    /// What was seen.
    pub observed: Observed,
    /// Lower confidence bound of the probability.
    pub lower_bound: f64,
    /// One-sided level of that bound.
    pub alpha: f64,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solution {
    /// Where the line has the target.
    pub root: f64,
    /// Fieller's limits of the root; absent where the slope is too uncertain.
    pub interval: Option<(f64, f64)>,
    /// Whether the probability rises with the value.
    pub rises: bool,
    /// How well the line fits.
    pub fit: GoodnessOfFit,
    /// Values that were verified; the last is the answer.
    pub verifications: Vec<Verification>,
    /// Replicates spent in the search.
    pub search_replicates: u64,
    /// Replicates spent in verification.
    pub verification_replicates: u64,
    /// Values looked at in the search.
    pub points: Vec<(f64, Observed)>,
}

impl Solution {
    /// The value that was accepted.
    pub fn answer(&self) -> &Verification {
        self.verifications.last().expect("there is an answer")
    }
}

/// Without the last digits of a value that bisection has come to: seven are left.
fn rounded(x: f64) -> f64 {
    format!("{x:.6e}").parse().unwrap_or(x)
}

/// A probability to four decimals, or two digits and a power of ten where these would be 0.
fn shown(p: f64) -> String {
    if p > 0.0 && p < 0.000_05 { format!("{p:.1e}") } else { format!("{p:.4}") }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SolveError<E> {
    /// A simulation did not end.
    #[error("{0}")]
    Simulation(E),
    /// The start is not allowed.
    #[error("no value can be tried")]
    NoStart,
    /// The target is not reached.
    #[error("the target is not reached by the values tried from {} to {}: the best seen is {} at {}", rounded(.range.0), rounded(.range.1), shown(.best.value), rounded(.best.x))]
    Unreachable {
        /// Values allowed.
        range: (f64, f64),
        /// Value and probability.
        best: Point,
    },
    /// It seems to be reached, but no value could be shown to.
    #[error(
        "the target seems to be reached near {}, but {replicates} replicates cannot show it of any value allowed; allowed: more --replicates, or a wider --within", rounded(*.root)
    )]
    NotShown {
        /// Where the line has the target.
        root: f64,
        /// Of each verification.
        replicates: u64,
    },
    /// So many replicates could not show it even if all reached it.
    #[error(
        "{replicates} replicates cannot show a probability of {target}, even if it happens in all; allowed: at least {needed}"
    )]
    TooFew {
        /// Of each verification.
        replicates: u64,
        /// To be shown.
        target: f64,
        /// The fewest that can show it.
        needed: u64,
    },
    /// Every value reaches it.
    #[error("every value tried from {} to {} reaches the target: the least seen is {} at {}", rounded(.range.0), rounded(.range.1), shown(.least.value), rounded(.least.x))]
    Everywhere {
        /// Values allowed.
        range: (f64, f64),
        /// Value and probability.
        least: Point,
    },
    /// The probability does not follow the value.
    #[error("the figure does not change with this key by more than Monte-Carlo error near {0}")]
    Flat(f64),
}

/// Simulates replicates with these numbers at a value; `None` where the value is not allowed.
pub type Simulate<'s, E> = &'s mut dyn FnMut(f64, Range<u64>) -> Result<Option<Observed>, E>;

/// Finds and verifies a value.
///
/// # Errors
/// When a simulation fails, when no value is allowed, reaches the target or fails it, when the figure
/// does not change with the value.
pub fn solve<E>(question: &Question, simulate: Simulate<'_, E>) -> Result<Solution, SolveError<E>> {
    let Question { target, confidence, replicates, .. } = *question;
    // The exact lower bound of n out of n is α^(1/n).
    let needed = (libm::log(0.5 * (1.0 - confidence)) / libm::log(target)).ceil() as u64;
    if replicates < needed {
        return Err(SolveError::TooFew { replicates, target, needed });
    }
    let mut search =
        Search { question, domain: question.domain, simulate, next: 0, points: Vec::new() };
    let line = search.line()?;
    let search_replicates = search.next;
    search.verified(line, search_replicates)
}
