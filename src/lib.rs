//! Monte Carlo simulation of randomised stroke trials with an ordinal 90-day outcome (the modified
//! Rankin Scale, mRS), minimisation and group-sequential looks.
//!
//! Modules are listed in the order of reading; each imports only from those before it. Signs: Z > 0
//! and an odds ratio > 1 favour the experimental arm. α is one-sided inside the program.
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
//!
//! # From a scenario file to the printed table
//!
//! `rescuesim run angel-reboot.toml` passes through these files, in this order.
//!
//! 1. `main.rs` parses the command line, dispatches it and turns a failure into an exit code.
//! 2. `cli/run.rs` reads the scenario, opens the files of results, simulates and prints.
//!
//! The scenario:
//!
//! 3. [`scenario::document`](scenario::InputDocument) parses the text once and remembers where
//!    every value is written; `scenario/set.rs` applies the values of `--set`.
//! 4. `scenario/schema.rs` derives from the types of `scenario/file.rs` which keys and values are
//!    allowed; `scenario/walk.rs` compares the document with it and collects every misfit.
//! 5. `scenario/resolve/mod.rs` builds the domain types in stages (people, truths and methods,
//!    losses, the plan of looks) and reports contradictions between keys; the result is a
//!    [`Scenario`](scenario::Scenario), in which nothing needs to be checked again.
//! 6. On the way [`design::Design`] computes the boundaries of the looks, and each analysis is
//!    bound to the strata of the trial ([`analysis::method`]).
//!
//! The replicates:
//!
//! 7. `cli/simulation.rs` wraps the simulation in a progress bar and in the stop rule of
//!    `--precision`.
//! 8. [`engine::fold`] hands chunks of replicates to one [`Simulator`](trial::Simulator) per thread
//!    and adds their results to one [`Tally`](summary::Tally).
//! 9. [`trial::EnrolledCohort`] draws what all truths share: arrivals ([`accrual`]) at [`centres`],
//!    strata ([`population`]) and arms ([`randomisation`]), each from a stream of [`rng`] of its
//!    own.
//! 10. [`trial::FollowedCohort`] adds the [`outcome`] under one truth (after a [`procedure`], if
//!     the scenario has one), loses the dropouts and counts the outcomes known at each look by arm
//!     and mRS.
//! 11. `trial/monitoring.rs` gives these counts to an [`analysis`] look by look, and its Z to the
//!     [`design`], until a boundary is crossed or the final look is reached; this is one
//!     [`TrialResult`](trial::TrialResult).
//!
//! The table:
//!
//! 12. [`summary::OperatingCharacteristics`] turns the tally into estimates with Monte Carlo
//!     errors, and places next to them what [`expected`] computes without simulation.
//! 13. `report/table.rs` arranges them as a document, and `report/document.rs` sets it as text.
//!
//! Beyond one run, [`evidence`] pools published tables into a prior and [`explore`] compares,
//! sweeps and solves over several scenarios.
//!
//! # Adding an analysis
//!
//! An analysis is one file in `src/analysis/` and two lines in `src/analysis/method.rs`: a variant
//! of [`AnalysisMethod`](analysis::AnalysisMethod) and its arm in `parameters`. The file defines
//! the parameters as a scenario states them (`Deserialize`, `JsonSchema`), implements
//! [`Method`](analysis::method::Method) for them, and [`Test`](analysis::method::Test) for the
//! bound test, which sees counts by group, arm and mRS and nothing else. `analysis/wilcoxon.rs` is
//! a short example. Reading, checking, simulation, reports and documentation follow from these two
//! traits.

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
