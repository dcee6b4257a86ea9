//! Monte Carlo simulation of randomised stroke trials with an ordinal 90-day outcome (modified
//! Rankin Scale), minimisation and group-sequential looks.
//!
//! The path of one trial: a [`scenario`] says what is true, how the trial is designed and how it
//! is analysed. [`trial`] lets patients arrive ([`accrual`]) at their [`centres`], gives each a stratum
//! ([`population`]), an arm ([`randomisation`]), a [`procedure`] where the scenario has one, and an
//! mRS ([`outcome`]); at each look the outcomes known by then go, as counts, to every [`analysis`],
//! whose Z the [`design`] compares with its boundaries. [`expected`] computes what a scenario implies without
//! simulation. [`engine`] runs many such trials, [`summary`] folds them into operating characteristics,
//! [`explore`] goes beyond one scenario, [`report`] renders all of it.
//!
//! Modules are listed in the order of reading; each imports only from those before it.
//!
//! Signs: Z > 0 and an odds ratio > 1 favour the experimental arm. α is one-sided.
//!
//! ```
//! use rescuesim::engine::{self, Job};
//! use rescuesim::scenario::Scenario;
//! use rescuesim::summary::{OperatingCharacteristics, Tally};
//!
//! let text = include_str!("../scenarios/angel-reboot.toml");
//! let scenario = Scenario::parse(text, &["missing.dropout=0.05".into()])?;
//! let folded = engine::fold([&scenario], Job::of(0..500), || Tally::new(&scenario))?;
//! let result = OperatingCharacteristics::new(&scenario, &folded.total);
//! let power = result.truths[0].analyses[0].rejection;
//! assert!(power.value > 0.7 && power.mcse < 0.02);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod num;
pub mod rng;
pub mod population;
pub mod accrual;
pub mod centres;
pub mod randomisation;
pub mod procedure;
pub mod outcome;
pub mod analysis;
pub mod design;
pub mod evidence;
pub mod scenario;
pub mod expected;
pub mod trial;
pub mod engine;
pub mod summary;
pub mod explore;
pub mod report;
