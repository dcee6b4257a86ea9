//! Parsing of scenarios; the lines after a line `--set` are overrides.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rescuesim::scenario::Scenario;

fuzz_target!(|text: &str| {
    let (text, overrides) = text.split_once("\n--set\n").unwrap_or((text, ""));
    let overrides: Vec<String> = overrides.lines().take(3).map(str::to_owned).collect();
    let _ = Scenario::parse(text, &overrides);
});
