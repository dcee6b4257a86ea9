//! A plan that follows another number of patients.

use toml::{Table, Value};

use super::Scenario;
use super::file::LEAST_PATIENTS;

/// The key that others follow.
pub const RANDOMISED: &str = "sample_size.randomised";

/// Keys whose own values leave nothing to follow.
const OWN: [&str; 4] = ["sample_size", "sample_size.analysed", "design", "design.looks"];

/// What has to be set beside `sample_size.randomised`, as `key=value`, so that the outcomes planned and the
/// looks keep their shares of the patients, where the file `text` has them as counts. Nothing where
/// `overrides` say anything of them; `base` is the scenario with these.
pub fn following(
    base: &Scenario,
    text: &str,
    overrides: &[String],
    randomised: f64,
) -> Vec<String> {
    let is_own = |set: &String| {
        let key = set.split('=').next().unwrap_or_default().trim();
        OWN.contains(&key) || key.starts_with("design.looks")
    };
    if overrides.iter().any(is_own) {
        return Vec::new();
    }
    let file: Table = text.parse().unwrap_or_default();
    let written = |table: &str, key: &str| file.get(table)?.as_table()?.get(key);
    let mut out = Vec::new();
    if written("sample_size", "analysed").is_some() {
        let share = f64::from(base.design.maximum_analysed()) / f64::from(base.randomised);
        let least = f64::from(LEAST_PATIENTS);
        let analysed = (share * randomised).round().clamp(least, randomised.max(least));
        out.push(format!("sample_size.analysed={analysed:.0}"));
    }
    if written("design", "looks")
        .and_then(Value::as_table)
        .is_some_and(|it| it.contains_key("analysed"))
    {
        let looks = base.design.looks().iter();
        let fractions: Vec<f64> = looks.map(|look| look.information_fraction).collect();
        out.push(format!("design.looks={{information_fractions={fractions:?}}}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small plan keeps the two outcomes that a scenario needs at least.
    #[test]
    fn few_patients_keep_two_outcomes() {
        let text = include_str!("../../scenarios/angel-reboot.toml");
        let few =
            ["sample_size.analysed=100".to_owned(), "design.looks={equally_spaced=1}".to_owned()];
        let base = Scenario::parse(text, &few).expect("valid");
        assert_eq!(following(&base, text, &[], 4.0)[0], "sample_size.analysed=2");
    }

    #[test]
    fn outcomes_and_looks_keep_their_shares() {
        let text = include_str!("../../scenarios/angel-reboot.toml");
        let base = Scenario::parse(text, &[]).expect("valid");
        for (randomised, looks) in
            [(348, [104, 208, 312]), (300, [90, 179, 269]), (696, [208, 416, 624])]
        {
            let mut set = following(&base, text, &[], f64::from(randomised));
            set.push(format!("{RANDOMISED}={randomised}"));
            let scenario = Scenario::parse(text, &set).expect("valid");
            let found: Vec<u32> =
                scenario.design.looks().iter().map(|look| look.analysed).collect();
            assert_eq!(found, looks, "{randomised}");
        }
        for own in ["sample_size.analysed=200", "design.looks.equally_spaced=2"] {
            assert_eq!(following(&base, text, &[own.to_owned()], 300.0), Vec::<String>::new());
        }
        let free = text
            .replace("analysed = 312", "")
            .replace("{ analysed = [104, 208, 312] }", "{ equally_spaced = 3 }");
        assert_eq!(following(&base, &free, &[], 300.0), Vec::<String>::new());
    }
}
