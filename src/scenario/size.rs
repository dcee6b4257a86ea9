//! A plan that follows another number of patients.

use toml_edit::{InlineTable, Value};

use super::document::InputDocument;
use super::file::LEAST_PATIENTS;
use super::path::KeyPath;
use super::set::Set;
use super::{LookTiming, Scenario};

/// Returns the path of the number of patients randomised, which outcomes and looks follow.
pub fn randomised() -> KeyPath {
    sample_size().key("randomised")
}

fn sample_size() -> KeyPath {
    KeyPath::default().key("sample_size")
}

fn looks() -> KeyPath {
    KeyPath::default().key("design").key("looks")
}

/// Returns what has to be set with `sample_size.randomised`, so that the outcomes planned and the looks
/// keep their shares of the patients where `document` has them as counts. Nothing if `sets` say
/// anything of them; `base` is the scenario with these.
pub fn following(
    base: &Scenario,
    document: &InputDocument,
    sets: &[Set],
    randomised: f64,
) -> Vec<Set> {
    let analysed = sample_size().key("analysed");
    if sets.iter().any(|set| says_what_follows(set.path(), &analysed)) {
        return Vec::new();
    }
    let mut out = Vec::new();
    if analysed.get(document.root()).is_some() {
        let share = f64::from(base.design.maximum_analysed()) / f64::from(base.randomised);
        let least = f64::from(LEAST_PATIENTS);
        // A small plan keeps the two outcomes that a scenario must have.
        let outcomes = (share * randomised).round().clamp(least, randomised.max(least));
        out.push(Set::number(analysed, outcomes, true));
    }
    if looks().key("analysed").get(document.root()).is_some() {
        // Fractions, as counts of another plan would have to be rounded twice.
        let fractions = base.design.looks().iter().map(|look| look.information_fraction);
        let mut table = InlineTable::new();
        table.insert("information_fractions", Value::from_iter(fractions));
        out.push(Set::new(looks(), table));
    }
    if let LookTiming::Randomised(patients) = &base.look_timing
        && looks().key("randomised").get(document.root()).is_some()
    {
        let share = randomised / f64::from(base.randomised);
        let interims = patients.iter().map(|&n| (share * f64::from(n)).round());
        // A number that is no whole one is reported at the key that has it.
        let counts = interims.chain([randomised]).map(|count| count as i64);
        let mut table = InlineTable::new();
        table.insert("randomised", Value::from_iter(counts));
        out.push(Set::new(looks(), table));
    }
    out
}

/// Returns whether a path has a value of its own for what else would follow, or takes the place of a
/// table with it.
fn says_what_follows(path: &KeyPath, analysed: &KeyPath) -> bool {
    [analysed, &looks()]
        .iter()
        .any(|own| path.below(own).is_some() || own.parent().as_ref() == Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> InputDocument {
        InputDocument::parse("scenario", text.to_owned()).expect("it is TOML")
    }

    fn sets(arguments: &[&str]) -> Vec<Set> {
        let arguments: Vec<String> = arguments.iter().map(|set| (*set).to_owned()).collect();
        Set::all(&arguments)
    }

    #[test]
    fn a_plan_of_few_patients_keeps_two_outcomes() {
        let document = document(include_str!("../../scenarios/angel-reboot.toml"));
        let few = sets(&["sample_size.analysed=100", "design.looks={equally_spaced=1}"]);
        let base = document.with(&few).resolve().expect("valid");
        let follows = following(&base, &document, &[], 4.0);
        assert_eq!(follows[0].text(), "sample_size.analysed=2");
    }

    #[test]
    fn looks_by_number_randomised_keep_their_shares() {
        let text = include_str!("../../scenarios/moste.toml");
        let document = document(text);
        let base = document.with(&[]).resolve().expect("valid");
        let mut set = following(&base, &document, &[], 412.0);
        set.push(Set::number(randomised(), 412.0, true));
        let scenario = document.with(&set).resolve().expect("valid");
        assert_eq!(scenario.look_timing, LookTiming::Randomised(vec![137, 274]));
        // What the command line sets is left as it is.
        let own = sets(&["design.looks={equally_spaced=2}"]);
        assert!(following(&base, &document, &own, 412.0).is_empty());
    }

    #[test]
    fn outcomes_and_looks_keep_their_shares() {
        let text = include_str!("../../scenarios/angel-reboot.toml");
        let document = document(text);
        let base = document.with(&[]).resolve().expect("valid");
        for (patients, looks) in
            [(348, [104, 208, 312]), (300, [90, 179, 269]), (696, [208, 416, 624])]
        {
            let mut set = following(&base, &document, &[], f64::from(patients));
            set.push(Set::number(randomised(), f64::from(patients), true));
            let scenario = document.with(&set).resolve().expect("valid");
            let found: Vec<u32> =
                scenario.design.looks().iter().map(|look| look.analysed).collect();
            assert_eq!(found, looks, "{patients}");
        }
        for own in ["sample_size.analysed=200", "design.looks.equally_spaced=2", "sample_size={}"] {
            assert_eq!(following(&base, &document, &sets(&[own]), 300.0), [], "{own}");
        }
        let free = text
            .replace("analysed = 312", "")
            .replace("{ analysed = [104, 208, 312] }", "{ equally_spaced = 3 }");
        let free = InputDocument::parse("scenario", free).expect("it is TOML");
        assert_eq!(following(&base, &free, &[], 300.0), []);
    }
}
