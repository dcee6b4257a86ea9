//! What can be said about the effect while a group-sequential trial runs and when it has ended.
//!
//! Everything is on the canonical scale: at information t, a fraction of the planned maximum, Z
//! has mean θ·√t and variance 1, and Z·√t has independent increments. θ, the *drift*, is the mean
//! of Z at information 1; [`scale`] turns it into an effect. Looks are counted from 0.
//!
//! Jennison & Turnbull (2000), *Group Sequential Methods with Applications to Clinical Trials*,
//! chapters 8 to 10.

mod backward;
mod conditional;
mod predictive;
mod repeated;
pub mod scale;
mod stagewise;
mod table;

pub use backward::Future;
pub use conditional::Drift;
pub use predictive::{Belief, Prior, prediction_interval};
pub use repeated::{repeated_difference, repeated_interval, repeated_p_value};
pub use table::StagewiseTable;

use serde::Serialize;

/// The looks of a trial and what stops it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Monitored<'a> {
    information: &'a [f64],
    lower: &'a [f64],
    efficacy: &'a [f64],
}

/// An estimate with its confidence limits, on one scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The median-unbiased estimate: as likely too large as too small.
    pub median: f64,
    /// Lower confidence limit.
    pub low: f64,
    /// Upper confidence limit.
    pub high: f64,
}

impl<'a> Monitored<'a> {
    /// `information`, per look, is positive and strictly increasing, in fractions of the planned
    /// maximum; it may exceed 1. The trial stops when Z is at or below `lower` (−∞ where that does
    /// not stop it, or is not heeded) or at or above `efficacy` (+∞ where it cannot be reached).
    ///
    /// # Panics
    /// When the slices differ in length, or the information does not increase.
    pub fn new(information: &'a [f64], lower: &'a [f64], efficacy: &'a [f64]) -> Self {
        assert!(
            information.len() == lower.len() && information.len() == efficacy.len(),
            "one bound of each kind per look"
        );
        assert!(
            information.first().is_some_and(|&first| first > 0.0)
                && information.windows(2).all(|pair| pair[0] < pair[1]),
            "information is positive and increases"
        );
        Self { information, lower, efficacy }
    }

    /// Information at each look.
    pub fn information(&self) -> &'a [f64] {
        self.information
    }
}
