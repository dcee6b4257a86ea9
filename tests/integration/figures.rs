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

/// Big-endian number in a file.
#[cfg(feature = "png")]
fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

/// Width in pixels and pixels per metre of a PNG.
#[cfg(feature = "png")]
fn size_and_resolution(picture: &[u8]) -> [u32; 2] {
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
    let found = picture.windows(4).position(|four| four == b"pHYs").expect("the file states it");
    // Two numbers and the unit, which is 1 for metres.
    let content = &picture[found + 4..found + 13];
    assert_eq!((number(&content[..4]), content[8]), (number(&content[4..8]), 1));
    [number(&picture[16..20]), number(&content[..4])]
}

/// Only in a build that can render PNG and PDF.
#[cfg(feature = "png")]
#[test]
fn rendered_figures_have_their_size_and_resolution() {
    let folder = directory();
    let mut command = rescuesim();
    command.args(["report", "early-vs-late", "--replicates", "20", "--quiet", "--dpi", "600"]);
    command.args(["--figure-formats", "png,pdf", "--out"]);
    command.arg(folder.path().join("report.html")).arg("--figures").arg(folder.path());
    output(&mut command);
    let picture = fs::read(folder.path().join("mrs.png")).expect("painted");
    // 480 pixels at 96 per inch.
    assert_eq!(size_and_resolution(&picture), [3000, 23622]);
    let page = fs::read(folder.path().join("mrs.pdf")).expect("painted");
    assert!(page.starts_with(b"%PDF-") && page.trim_ascii_end().ends_with(b"%%EOF"));
    // 127 mm in points.
    assert!(page.windows(15).any(|text| text == b"/MediaBox [0 0 "));
    assert!(page.windows(19).any(|text| text == b"/MediaBox [0 0 360 "));
    assert!(!folder.path().join("mrs.svg").exists(), "only what was asked for");
}

/// Every command that draws does so in the format of the name, or in those asked for.
#[cfg(feature = "png")]
#[test]
fn every_command_renders_figures() {
    let folder = directory();
    output(
        rescuesim()
            .args(["design", "angel-reboot", "--plot"])
            .arg(folder.path().join("design.pdf")),
    );
    let mut command = rescuesim();
    output(
        command
            .args(["trace", "angel-reboot", "--dpi", "72", "--plot"])
            .arg(folder.path().join("trace.PNG")),
    );
    let mut command = rescuesim();
    let over = "outcome.experimental.functional_independence=[0.35,0.4]";
    command.args(["sweep", "angel-reboot", "--over", over, "--replicates", "20", "--quiet"]);
    command.args(["--over", "missing.dropout=[0.0,0.1]", "--figure-formats", "svg,png", "--out"]);
    output(command.arg(folder.path()));
    assert!(fs::read(folder.path().join("design.pdf")).expect("painted").starts_with(b"%PDF-"));
    let [width, _] =
        size_and_resolution(&fs::read(folder.path().join("trace.PNG")).expect("painted"));
    assert_eq!(width, 360);
    let [width, _] =
        size_and_resolution(&fs::read(folder.path().join("heatmap.png")).expect("painted"));
    assert_eq!(width, 1500);
    assert!(folder.path().join("power.svg").exists() && folder.path().join("heatmap.svg").exists());
}

/// No coordinate is rounded to whole pixels, and none has more digits than can be seen.
#[test]
fn coordinates_have_at_most_two_decimals() {
    let folder = directory();
    draw("angel-reboot", &TINY, folder.path());
    for (name, svg) in drawings(folder.path()) {
        let numbers = svg.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let decimals: Vec<usize> = numbers
            .filter_map(|number| Some(number.split_once('.')?.1))
            .filter(|decimals| !decimals.is_empty() && !decimals.contains('.'))
            .map(str::len)
            .collect();
        assert!(decimals.len() > 20, "{name}");
        // Three are those of numbers in texts.
        assert!(decimals.iter().all(|&digits| digits <= 3), "{name}");
    }
}

#[test]
fn a_heat_map_has_contours_and_every_power() {
    let folder = directory();
    let mut command = rescuesim();
    let over = "outcome.experimental.functional_independence=[0.3,0.4,0.5,0.6]";
    command.args(["sweep", "angel-reboot", "--over", "sample_size.randomised=200..500:150"]);
    command.args(["--over", over, "--replicates", "60", "--quiet", "--out"]);
    output(command.arg(folder.path()));
    let map = fs::read_to_string(folder.path().join("heatmap.svg")).expect("drawn");
    for text in ["power 80 %", "power 90 %", "functional independence", "randomised", "0.6"] {
        assert!(map.contains(text), "{text}");
    }
    // A cell for each of 3 × 4 points, in addition to the scale.
    assert_eq!(map.matches("class=\"block\"").count(), 3 * 4 + 40);
    let lines = fs::read_to_string(folder.path().join("power.svg")).expect("drawn");
    for text in ["0.3<", "0.4<", "0.5<", "0.6<", "planned", "90 %"] {
        assert!(lines.contains(text), "{text}");
    }
}

#[test]
fn lines_of_an_ordered_key_are_all_drawn() {
    let folder = directory();
    let mut command = rescuesim();
    let over = "outcome.experimental.functional_independence=0.3..0.4:0.01";
    command.args(["sweep", "angel-reboot", "--over", "sample_size.randomised=[300,400]"]);
    command.args(["--over", over, "--replicates", "10", "--quiet", "--out"]);
    output(command.arg(folder.path()));
    let lines = fs::read_to_string(folder.path().join("power.svg")).expect("drawn");
    let drawn = lines.lines().filter(|line| line.starts_with("<path") && line.contains("stroke="));
    assert_eq!(drawn.count(), 11);
    assert!(lines.contains(">0.3<") && lines.contains(">0.4<"), "the scale names its ends");
}
