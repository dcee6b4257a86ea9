//! Questions beyond one simulation: comparisons of scenarios, procedure strategies, sweeps, values solved
//! for and calibrated, a look of a running trial, the contents of a report.
//!
#![doc = include_str!("README.md")]

pub mod benchmark;
pub mod bracket;
pub mod calibrate;
pub mod compare;
pub mod convergence;
pub mod dossier;
pub mod examples;
pub mod expectations;
pub mod goal;
pub mod grid;
pub mod imbalance;
pub mod monitor;
pub mod precision;
pub mod probit;
pub mod quantities;
pub mod sensitivity;
pub mod solve;
pub mod strategies;
