//! Two-stage enrichment compared with simulations in Python (tests/reference/README.md).
//!
//! Seeds are fixed; with a fresh seed a comparison would fail by chance once in 16 000 (4 standard errors).

use std::collections::{BTreeMap, BTreeSet};

use rescuesim::analysis::Counts;
use rescuesim::analysis::proportional_odds::unadjusted;
use rescuesim::design::enrichment::{
    Enrichment, EnrichmentCharacteristics, LevelDrift, LevelStages,
};
use rescuesim::outcome::{MrsDistribution, OutcomeModel};
use rescuesim::population::Population;
use rescuesim::randomisation::Arm;
use rescuesim::rng::{Purpose, Replicate, Seed, Streams, uniform};

use crate::util::{json, number, output, refused, rescuesim, shipped_text};

/// Value, standard error if any, and source.
pub type Row = (f64, Option<f64>, String);

/// A design with its inputs and results by quantity.
#[derive(Debug, Default)]
pub struct Reference {
    pub inputs: BTreeMap<String, String>,
    pub rows: BTreeMap<String, Vec<Row>>,
}

impl Reference {
    pub fn list(&self, key: &str) -> Vec<f64> {
        self.inputs[key].split(' ').map(|it| it.parse().expect("a number")).collect()
    }

    fn number(&self, key: &str) -> f64 {
        self.list(key)[0]
    }
}

pub fn references(prefix: &str) -> BTreeMap<String, Reference> {
    let text = shipped_text("tests/reference/enrichment.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut found: BTreeMap<String, Reference> = BTreeMap::new();
    for record in reader.records() {
        let record = record.expect("a well-formed reference");
        if !record[0].starts_with(prefix) {
            continue;
        }
        let reference = found.entry(record[0].to_owned()).or_default();
        if &record[4] == "input" {
            reference.inputs.insert(record[1].to_owned(), record[2].to_owned());
            continue;
        }
        let value = record[2].parse().expect("a number");
        let row = (value, record[3].parse().ok(), record[4].to_owned());
        reference.rows.entry(record[1].to_owned()).or_default().push(row);
    }
    found
}

/// Odds ratios of a case such as `or=2,1`.
fn odds_ratios(case: &str) -> [f64; 2] {
    let (one, other) = case[3..].split_once(',').expect("two odds ratios");
    [one, other].map(|it| it.parse().expect("a number"))
}

fn models(reference: &Reference, ors: [f64; 2]) -> [OutcomeModel; 2] {
    let control: [f64; 7] = reference.list("control").try_into().expect("seven shares");
    let control = MrsDistribution::new(control).expect("it sums to 100");
    ors.map(|or| OutcomeModel::new([control, control.shifted(or)], &Population::uniform()))
}

/// Whitehead's information of a log common odds ratio per patient of a 1:1 trial.
fn information(model: &OutcomeModel) -> f64 {
    let [control, experimental] = model.marginal().map(|arm| *arm.probabilities());
    let cubes: f64 = control.iter().zip(&experimental).map(|(c, e)| ((c + e) / 2.0).powi(3)).sum();
    (1.0 - cubes) / 12.0
}

pub fn within(what: &str, found: f64, expected: f64, error: f64) {
    let away = (found - expected).abs() / error;
    assert!(away < 4.0, "{what}: {found} and not {expected}, {away:.1} errors");
}

/// Every row of the normal model by quadrature; the error is that of four million simulated trials.
#[test]
fn enrichment_of_two_levels_has_the_characteristics_of_the_reference() {
    let mut compared = 0;
    for (name, reference) in references("EN-") {
        let (n1, n2) = (reference.number("n1"), reference.number("n2"));
        let (drop_below, alpha) = (reference.number("drop_below"), reference.number("alpha"));
        let design = Enrichment::new(n1 / n2, drop_below, alpha).expect("a valid design");
        let shares = reference.list("shares");
        for (quantity, rows) in &reference.rows {
            let Some((case, quantity)) = quantity.split_once(' ').filter(|it| it.0.contains('='))
            else {
                assert_eq!(quantity, "dropped below z1");
                let expected = if drop_below == 0.0 { f64::NEG_INFINITY } else { rows[0].0 };
                let found = design.drop_boundary();
                assert!(found == expected || (found - expected).abs() < 1e-12, "{name}: {found}");
                continue;
            };
            let ors = odds_ratios(case);
            let models = models(&reference, ors);
            let drifts = [0, 1].map(|i| {
                let information = information(&models[i]);
                LevelDrift::new(libm::log(ors[i]), information, shares[i], [n1, n2 - n1])
            });
            let found = EnrichmentCharacteristics::new(&design, &drifts);
            let value = match quantity {
                "reject level 1" => found.rejected[0],
                "reject level 2" => found.rejected[1],
                "reject any" => found.any,
                "reject both" => found.both,
                "level 1 dropped" => found.dropped[0],
                "level 2 dropped" => found.dropped[1],
                "both dropped" => found.stopped,
                "familywise error" => found.familywise_error,
                "expected_n" => found.expected_size(n1, n2),
                other => panic!("an unknown quantity {other}"),
            };
            for (expected, error, source) in rows.iter().filter(|row| row.2 == "normal") {
                compared += 1;
                // The size differs from its maximum by n2 - n1 patients in the trials that stop.
                let sd = (n2 - n1) * (found.stopped * (1.0 - found.stopped) / 4e6).sqrt();
                let error = error.unwrap_or(sd).max(1e-6);
                within(&format!("{name} {case} {quantity} {source}"), value, *expected, error);
            }
        }
    }
    assert_eq!(compared, 61);
}

/// Every simulated row, by simulating the same trials with the shift score test of each level.
#[test]
fn simulated_enrichment_is_that_of_the_reference() {
    let trials = 10_000;
    let mut compared = 0;
    for (name, reference) in references("EN-") {
        let (n1, n2) = (reference.number("n1"), reference.number("n2"));
        let design =
            Enrichment::new(n1 / n2, reference.number("drop_below"), 0.025).expect("valid");
        let share = reference.list("shares")[0];
        let cases: BTreeSet<&str> = reference
            .rows
            .keys()
            .filter_map(|quantity| quantity.split_once(' '))
            .map(|(case, _)| case)
            .filter(|case| case.starts_with("or="))
            .collect();
        for case in cases {
            let ors = odds_ratios(case);
            let models = models(&reference, ors);
            let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
            let mut size = 0.0;
            for replicate in (0..trials).map(Replicate) {
                let mut trial = SimulatedTrial::new(&models, share, replicate);
                let first = trial.stage(n1 as u32, [true, true]);
                let kept = first.map(|z| design.continues(z.expect("a statistic")));
                let second = trial.stage((n2 - n1) as u32, kept);
                let levels = [0, 1].map(|i| LevelStages {
                    first: first[i].expect("a statistic"),
                    second: second[i],
                });
                let rejected = design.rejected(&levels);
                size += if kept == [false, false] { n1 } else { n2 };
                let events = [
                    ("reject level 1", rejected.has(0)),
                    ("reject level 2", rejected.has(1)),
                    ("reject any", !rejected.is_empty()),
                    ("reject both", rejected.len() == 2),
                    ("level 2 dropped", kept == [true, false]),
                    ("level 1 dropped", kept == [false, true]),
                    ("both dropped", kept == [false, false]),
                    ("familywise error", rejected.iter().any(|i| ors[i] == 1.0)),
                ];
                for (event, happened) in events {
                    *counts.entry(event).or_default() += f64::from(u8::from(happened));
                }
            }
            for (quantity, rows) in &reference.rows {
                let Some(quantity) =
                    quantity.strip_prefix(case).and_then(|it| it.strip_prefix(' '))
                else {
                    continue;
                };
                for (expected, _, _) in rows.iter().filter(|row| row.2 == "simulation") {
                    compared += 1;
                    let what = format!("{name} {case} {quantity}");
                    let of_mean = |p: f64| (p * (1.0 - p) * (1.0 / trials as f64 + 2.5e-6)).sqrt();
                    if quantity == "expected_n" {
                        let error = (n2 - n1) * of_mean((n2 - expected) / (n2 - n1)).max(1e-6);
                        within(&what, size / trials as f64, *expected, error);
                    } else {
                        let error = of_mean(*expected).max(1e-6);
                        within(&what, counts[quantity] / trials as f64, *expected, error);
                    }
                }
            }
        }
    }
    assert_eq!(compared, 61);
}

/// The patients of one trial, equal arms in each stage.
struct SimulatedTrial<'m, R> {
    models: &'m [OutcomeModel; 2],
    share: f64,
    rng: R,
}

impl<'m> SimulatedTrial<'m, Box<dyn FnMut() -> f64>> {
    fn new(models: &'m [OutcomeModel; 2], share: f64, replicate: Replicate) -> Self {
        let mut rng = Streams::new(Seed(31)).stream(replicate, Purpose::Outcome);
        Self { models, share, rng: Box::new(move || uniform(&mut rng)) }
    }

    /// Returns the Z of each level that is recruited; all patients come from a single one.
    fn stage(&mut self, patients: u32, recruited: [bool; 2]) -> [Option<f64>; 2] {
        if recruited == [false, false] {
            return [None; 2];
        }
        let mut data: [Counts; 2] = Default::default();
        for patient in 0..patients {
            let drawn = usize::from((self.rng)() >= self.share);
            let level = if recruited[drawn] { drawn } else { 1 - drawn };
            let arm = if patient % 2 == 0 { Arm::Control } else { Arm::Experimental };
            let mrs = self.models[level].draw(arm, 0, (self.rng)()).index();
            data[level][arm.index()][mrs] += 1.0;
        }
        // Every level has patients of both arms in any trial worth its name.
        [0, 1].map(|i| recruited[i].then(|| unadjusted::score_z(&data[i]).unwrap_or(0.0)))
    }
}

const DESIGN: [&str; 10] = [
    "design",
    "--control-mrs",
    "4.7,7.4,12.9,16,24.9,14.1,20",
    "--common-odds-ratio",
    "2",
    "--n",
    "312",
    "--spending",
    "none",
    "--information-fractions",
];

/// EN-1 with an effect in both levels and in one; Whitehead's information is that of the reference.
#[test]
fn the_design_command_has_the_characteristics_of_the_reference() {
    let reference = &references("EN-")["EN-1"];
    let options = ["0.3333333333333333,1", "--enrich", "0.5:0.5", "--drop-below", "0.1"];
    let found = &json(rescuesim().args(DESIGN).args(options))["enrichment"];
    assert!((number(&found["drop_boundary"]) - 0.527_456_532_451_623).abs() < 1e-9);
    for (case, fractions) in [("or=2,1", [1.0, 0.0]), ("or=2,2", [1.0, 1.0]), ("or=1,1", [0.0; 2])]
    {
        let effects = found["effects"].as_array().expect("a list");
        let under =
            effects.iter().find(|it| [0, 1].map(|i| number(&it["fractions"][i])) == fractions);
        let under = under.expect("it is reported");
        for (quantity, value) in [
            ("reject level 1", &under["rejected"][0]),
            ("reject level 2", &under["rejected"][1]),
            ("reject any", &under["any"]),
            ("both dropped", &under["stopped"]),
        ] {
            let rows = &reference.rows[&format!("{case} {quantity}")];
            let (expected, error, _) =
                rows.iter().find(|row| row.2 == "normal").expect("it has one");
            within(
                &format!("{case} {quantity}"),
                number(value),
                *expected,
                error.expect("simulated"),
            );
        }
    }
    let largest = number(&found["largest_familywise_error"]);
    assert!(largest > 0.02 && largest <= 0.025 + 1e-7, "{largest}");
    let text = output(rescuesim().args(DESIGN).args(options));
    assert!(text.contains("Enrichment at look 1: levels of 50.0 % and 50.0 %"), "{text}");
}

#[test]
fn bad_enrichments_are_refused_with_their_option() {
    for (options, says) in [
        (&["0.5,1", "--enrich", "0.5:0.6"][..], "two shares above 0 that sum to 1"),
        (&["0.5,1", "--enrich", "1:0"], "two shares above 0 that sum to 1"),
        (&["0.5,1", "--enrich", "0.5:0.5", "--drop-below", "1.2"], "from 0 to below 1"),
        (&["0.3,0.6,1", "--enrich", "0.5:0.5"], "--enrich: the design has 3 looks"),
        (&["0.5,1", "--enrich", "0.5:0.5", "--futility", "cp:0.1"], "--enrich: the first look has"),
        (&["0.5,1", "--drop-below", "0.2"], "--enrich"),
    ] {
        let message = refused(rescuesim().args(DESIGN).args(options));
        assert!(message.contains(says), "{options:?}: {message}");
    }
}
