//! The figures of reports, one by one.

use std::fs;
use std::path::Path;

use crate::util::{directory, output, rescuesim};

/// Writes the figures of a report on a tiny run.
fn draw(scenario: &str, set: &[&str], folder: &Path) {
    let mut command = rescuesim();
    command.args(["report", scenario, "--replicates", "40", "--quiet", "--out"]);
    command.arg(folder.join("report.html")).arg("--figures").arg(folder);
    output(command.args(set.iter().flat_map(|set| ["--set", set])));
}

/// Every figure in a folder, by name.
fn drawings(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).expect("the program wrote it");
    let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
    let mut drawings: Vec<(String, String)> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "svg"))
        .map(|path| {
            let name = path
                .file_stem()
                .and_then(|name| name.to_str())
                .expect("the name is UTF-8")
                .to_owned();
            (name, fs::read_to_string(&path).expect("the file is text"))
        })
        .collect();
    drawings.sort();
    drawings
}

/// Three looks and futility, so that no figure is empty.
const TINY: [&str; 6] = [
    "sample_size.randomised=60",
    "sample_size.analysed=54",
    "accrual.per_month=10",
    "design.looks={equally_spaced=3}",
    "design.futility={rule=\"z\",bounds=[-0.5,0.3]}",
    "run.seed=7",
];

#[test]
fn the_figures_of_a_tiny_trial_are_unchanged() {
    let folder = directory();
    draw("angel-reboot", &TINY, folder.path());
    let drawings = drawings(folder.path());
    assert!(drawings.len() >= 12, "{}", drawings.len());
    for (name, svg) in drawings {
        insta::assert_snapshot!(format!("tiny__{name}"), svg);
    }
}

#[test]
fn the_figures_of_a_tiny_trial_with_procedures_are_unchanged() {
    let folder = directory();
    let tiny = ["sample_size.randomised=40", "sample_size.analysed=40", "run.seed=7"];
    draw("early-vs-late", &tiny, folder.path());
    for name in ["flow-control", "flow-experimental", "strategies"] {
        let svg = fs::read_to_string(folder.path().join(format!("{name}.svg"))).expect("drawn");
        insta::assert_snapshot!(format!("tiny_procedures__{name}"), svg);
    }
}

#[test]
fn every_figure_has_its_title_its_source_and_its_numbers() {
    let folder = directory();
    draw("early-vs-late", &[], folder.path());
    for (name, svg) in drawings(folder.path()) {
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{name}");
        assert!(svg.contains("<title>") && svg.contains("rescuesim run early-vs-late"), "{name}");
        for colour in svg.split("fill=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(colour == "none" || colour.starts_with('#'), "{name}: {colour}");
        }
        let data = fs::read_to_string(folder.path().join(format!("{name}.csv")))
            .expect("the program wrote it");
        let mut rows = csv::Reader::from_reader(data.as_bytes());
        let rows: Result<Vec<csv::StringRecord>, _> = rows.records().collect();
        assert!(!rows.expect("whole").is_empty(), "{name}");
    }
}

/// Only in a build that can render PNG.
#[cfg(feature = "png")]
#[test]
fn png_figures_have_twice_the_size() {
    let folder = directory();
    let mut command = rescuesim();
    command.args(["report", "early-vs-late", "--replicates", "20", "--quiet", "--png", "--out"]);
    command.arg(folder.path().join("report.html")).arg("--figures").arg(folder.path());
    output(&mut command);
    let picture = fs::read(folder.path().join("mrs.png")).expect("painted");
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
    let width = u32::from_be_bytes(picture[16..20].try_into().expect("four bytes"));
    assert_eq!(width, 2 * 620);
}
