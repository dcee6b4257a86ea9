//! What data say during a group-sequential trial and after it.
//!
//! Everything is on the scale of the drift: the mean of Z at the maximum information of 1. An
//! estimate with standard error se at information t, and so Z = estimate / se, turns a drift into
//! an effect: effect = drift·√t·se.

pub mod conditional;
pub mod repeated;
pub mod stagewise;

pub use conditional::{DriftPrior, EfficacyBoundary};
pub use stagewise::{DriftEstimate, Stagewise, StagewiseTable};
