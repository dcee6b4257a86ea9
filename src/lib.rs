//! Monte-Carlo simulation of randomised stroke trials with an ordinal 90-day outcome (modified
//! Rankin Scale), minimisation and group-sequential looks.

pub mod num;
pub mod rng;
pub mod population;
pub mod accrual;
pub mod randomisation;
pub mod outcome;
pub mod analysis;
pub mod design;
pub mod scenario;
pub mod trial;
pub mod engine;
pub mod summary;
