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
//! 1. `main.rs` has `cli/mod.rs` parse and dispatch the command line, and turns a failure into an
//!    exit code.
//! 2. `cli/run.rs` reads the scenario, opens the files of results, simulates and prints.
//!
//! The scenario:
//!
//! 3. [`scenario::document`](scenario::InputDocument) parses the text once and remembers where
//!    every value is written; `scenario/set.rs` applies the values of `--set`.
//! 4. `scenario/schema.rs` derives from the types of `scenario/file.rs` and of the modules that
//!    these name which keys and values are allowed; `scenario/walk.rs` compares the document with
//!    it and collects every misfit.
//! 5. `scenario/resolve/mod.rs` builds the domain types in stages (people, methods and truths,
//!    losses, the plan of looks) and reports contradictions between keys; the result is a
//!    [`Scenario`](scenario::Scenario), in which nothing needs to be checked again.
//! 6. On the way each analysis is bound to the strata of the trial ([`analysis::method`]), and
//!    [`design::Design`] computes the boundaries of the looks.
//!
//! The replicates:
//!
//! 7. `cli/simulation.rs` wraps the simulation in a progress bar and in the stop rule of
//!    `--precision`.
//! 8. [`engine::fold`] hands chunks of replicates to one [`Simulator`](trial::Simulator) per
//!    thread; each thread adds its results to a [`Tally`](summary::Tally), and the tallies are
//!    merged.
//! 9. [`trial::EnrolledCohort`] draws everything about the patients but their mRS, once for all
//!    truths: arrivals ([`accrual`]) at [`centres`], strata ([`population`]), arms
//!    ([`randomisation`]) and the random quantiles that will decide on outcomes and losses, each
//!    from a stream of [`rng`] of its own. The columns of these draws are in `trial/cohort/`.
//! 10. `follow` in `trial/enrolled.rs` adds the [`outcome`] under one truth (after a [`procedure`],
//!     if the scenario has one), loses the dropouts, finds the days of the looks and counts the
//!     outcomes known at each; the result is a [`trial::FollowedCohort`].
//! 11. `trial/monitoring.rs` goes from look to look: `trial/analyst.rs` gives the counts, with
//!     missing outcomes imputed if asked for, to an [`analysis`], and its Z goes to the [`design`],
//!     until a boundary or adverse events end the trial or the final look is reached.
//! 12. `trial` in `trial/followed.rs` adds the estimates and the overrunning patients; this is one
//!     [`TrialResult`](trial::TrialResult).
//!
//! The table:
//!
//! 13. [`summary::OperatingCharacteristics`] turns the tally into estimates with Monte Carlo
//!     errors, and places next to them what [`expected`] computes without simulation.
//! 14. `report/table.rs` arranges them as a document, and `report/document.rs` sets it as text.
//!
//! Beyond one run, [`evidence`] pools published tables into a prior and [`explore`] compares,
//! sweeps and solves over several scenarios, and [`page`] answers the local page of `rescuesim serve`.
//!
//! # Adding an analysis
//!
//! An analysis whose scale, score and comparison are among those of [`analysis`] is one file in
//! `src/analysis/` and four lines: its `pub mod` in `analysis/mod.rs`, and in `analysis/method.rs`
//! its `use`, a variant of [`AnalysisMethod`](analysis::AnalysisMethod) with a doc comment, and its
//! arm in `parameters`. `analysis/cochran_mantel_haenszel.rs` is a short example.
//!
//! The file defines the parameters as a scenario states them. Their ranges are `schemars`
//! attributes, which are checked before the method is bound; their doc comments are shown to users
//! in the schema and in errors. It implements [`Method`](analysis::method::Method) for the
//! parameters, with the variant's name in snake case as its key, and
//! [`Test`](analysis::method::Test) for the bound test, which sees counts by group, arm and mRS and
//! nothing else. Reading, checking, simulation and reports follow from these two traits.
//!
//! The tests name methods that are missing from the list `ANALYSES` of
//! `tests/integration/one_path.rs`, from `SHORTEST` in the tests of `analysis/method.rs` and, if they
//! have a closed form, from `WITH_CLOSED_FORM` in `scenario/comparison.rs`.

#![forbid(unsafe_code)]

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
pub mod bayes;
pub mod scenario;
pub mod expected;
pub mod trial;
pub mod engine;
pub mod summary;
pub mod explore;
pub mod report;
pub mod page;
