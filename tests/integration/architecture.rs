//! Rules of the source tree: modules import only from modules to their left, and each library is
//! used only in its place.

use std::path::{Path, PathBuf};

use crate::util::project;

/// Order of dependence, which is also that of `pub mod` in lib.rs.
const ORDER: [&str; 20] = [
    "num",
    "rng",
    "population",
    "accrual",
    "centres",
    "randomisation",
    "procedure",
    "outcome",
    "analysis",
    "design",
    "evidence",
    "bayes",
    "scenario",
    "expected",
    "trial",
    "engine",
    "summary",
    "explore",
    "report",
    "page",
];

/// Text and the files (or folders) of `src/` that may contain it.
const PLACES: [(&str, &[&str]); 29] = [
    ("rayon", &["engine.rs"]),
    ("polars", &["report/parquet.rs"]),
    ("rand_xoshiro", &["rng.rs"]),
    // It uses the platform's logarithm, which must not affect a result.
    ("statrs", &["expected/plausibility.rs"]),
    ("sha2::", &["scenario/digest.rs"]),
    ("Deserialize", &WRITTEN),
    ("schemars", &WRITTEN),
    ("serde_path_to_error", &["scenario/document.rs"]),
    // Every cell must pass through the guard against formulas.
    ("csv::Writer", &["report/csv.rs"]),
    ("csv::Reader", &["report/csv.rs", "scenario/patients.rs", "scenario/published.rs"]),
    (
        "toml::",
        &[
            "scenario/",
            "report/check.rs",
            "report/glossary.rs",
            "report/sections/closing.rs",
            "report/sweep/mod.rs",
        ],
    ),
    ("toml_edit", &["scenario/"]),
    ("nalgebra", &["explore/calibrate.rs"]),
    ("levenberg_marquardt", &["explore/calibrate.rs"]),
    ("indicatif", &["cli/"]),
    ("annotate_snippets", &["report/rejection.rs"]),
    ("clap_complete", &["cli/shell.rs"]),
    ("clap_mangen", &["cli/shell.rs"]),
    ("comfy_table", &["report/document/table.rs"]),
    ("anstyle", &["report/document.rs"]),
    ("anstream", &["cli/"]),
    ("maud", &["report/html/"]),
    ("base64", &["report/html/"]),
    ("resvg", &["report/picture.rs"]),
    ("pdf_writer", &["report/picture.rs"]),
    ("std::time", &["cli/"]),
    ("println!", &["cli/"]),
    ("ExitCode", &["main.rs"]),
    ("process::exit", &["main.rs"]),
];

/// Files of types that scenarios write as they are, choices and numbers without an invariant, and of
/// totals that checkpoints hold and check, and of requests of the page.
const WRITTEN: [&str; 18] = [
    "accrual.rs",
    "outcome/mod.rs",
    "outcome/published.rs",
    "analysis/",
    "randomisation/mod.rs",
    "randomisation/minimisation.rs",
    "procedure/difficulty.rs",
    "procedure/parameters.rs",
    "design/enrichment/measure.rs",
    "design/harm.rs",
    "scenario/",
    "summary/",
    "explore/benchmark.rs",
    "explore/compare.rs",
    "explore/convergence.rs",
    "explore/dossier.rs",
    "report/glossary.rs",
    "page/request.rs",
];

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// Every line of code of `src/`, without tests and comments, with its file and number.
fn code() -> Vec<(String, usize, String)> {
    let root = project("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut lines = Vec::new();
    for path in files {
        let name = path.strip_prefix(&root).expect("it is below src").display().to_string();
        let text = std::fs::read_to_string(&path).expect("the file is text");
        for (i, line) in text.lines().enumerate() {
            if line.starts_with("#[cfg(test)]") {
                break;
            }
            if !line.trim_start().starts_with("//") {
                lines.push((name.clone(), i + 1, line.to_owned()));
            }
        }
    }
    lines
}

#[test]
fn modules_import_only_from_modules_to_their_left() {
    let position = |module: &str| ORDER.iter().position(|known| *known == module);
    let mut imports = 0;
    for (file, line, text) in code() {
        let module = file.split(['/', '.']).next().expect("a file has a name");
        let Some(own) = position(module) else {
            assert!(["lib", "main", "cli"].contains(&module), "src/{file} is in no order");
            continue;
        };
        for import in text.split("crate::").skip(1) {
            let name: String =
                import.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(other) = position(&name) else {
                panic!("src/{file}:{line} imports crate::{name}, which is no module")
            };
            assert!(other <= own, "src/{file}:{line} imports {name}, which comes after {module}");
            imports += 1;
        }
    }
    assert!(imports > 30, "{imports} imports seen");
}

#[test]
fn lib_lists_the_modules_in_order_of_dependence() {
    let text = std::fs::read_to_string(project("src/lib.rs")).expect("the file is text");
    let listed: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(listed, ORDER);
}

#[test]
fn libraries_stay_in_their_places() {
    for (file, line, text) in code() {
        for (library, places) in PLACES {
            let allowed = places.iter().any(|place| file.starts_with(place));
            assert!(allowed || !text.contains(library), "src/{file}:{line} has {library}");
        }
    }
}

/// serde fills the fields of a type without its constructor, so a type whose constructor checks or
/// computes something must not be read from a file.
#[test]
fn a_type_that_is_read_from_a_scenario_has_no_constructor() {
    let mut read = 0;
    let files = WRITTEN.iter().filter(|file| file.ends_with(".rs") && !file.starts_with("explore"));
    for file in files {
        let text = std::fs::read_to_string(project(&format!("src/{file}"))).expect("it is text");
        let code = text.split("#[cfg(test)]").next().expect("a text has a beginning");
        for item in code.split("#[derive(").skip(1).filter(|item| {
            item.split(")]").next().is_some_and(|derived| derived.contains("Deserialize"))
        }) {
            let (attributes, after) = ["pub struct ", "pub enum "]
                .iter()
                .filter_map(|keyword| item.split_once(keyword))
                .min_by_key(|(before, _)| before.len())
                .expect("a derive is on a type");
            // Read by its constructor, which refuses what it does not allow.
            if attributes.contains("try_from") {
                continue;
            }
            let name = after.split([' ', '<', '(', ';']).next().unwrap_or(after);
            for block in code.split(&format!("\nimpl {name} {{")).skip(1) {
                let block = block.split("\n}\n").next().unwrap_or(block);
                assert!(!block.contains("fn new("), "{name} in src/{file} has a constructor");
            }
            read += 1;
        }
    }
    assert!(read >= 7, "{read} types seen");
}
