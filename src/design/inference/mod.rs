//! Inference on the effect while a group-sequential trial runs and after it has ended.
//!
//! All functions use the canonical scale: at information t, a fraction of the planned maximum, Z
//! has mean θ·√t and variance 1, and Z·√t has independent increments. θ, the *drift*, is the mean
//! of Z at information 1; [`scale`] converts it to an effect. Looks are counted from 0.
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
pub use conditional::AssumedDrift;
pub use predictive::{Belief, DriftPrior, prediction_interval};
pub use repeated::{repeated_difference, repeated_interval, repeated_p_value};
pub use table::StagewiseTable;

pub use super::recursion::Monitored;

use serde::Serialize;

/// Median-unbiased estimate with its confidence limits in the stage-wise ordering, on one scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StagewiseEstimate {
    /// Median-unbiased estimate: as likely too large as too small.
    pub median: f64,
    /// Lower confidence limit.
    pub low: f64,
    /// Upper confidence limit.
    pub high: f64,
}
