//! Posterior and predictive probabilities compared with quadrature, enumeration and simulation in Python
//! (tests/reference/README.md).

use std::collections::BTreeMap;

use rescuesim::bayes::{
    ArmCount, BetaBinomial, Dirichlet, EffectEstimate, FutilityBelow, NormalMixture, NormalPrior,
    Planned, ProportionData, ProportionRules, UtilityDifference,
};
use rescuesim::design::exact::{ExactDesign, ExactProbabilities, ExactStatistic, StoppingRegion};
use rescuesim::design::sample_size::ArmSizes;
use rescuesim::evidence::prior::{Component, EffectPrior};
use rescuesim::num::beta::Beta;
use rescuesim::num::normal::{upper_quantile, upper_tail};

/// One row of results.
struct Row {
    quantity: String,
    values: Vec<f64>,
    /// Monte Carlo standard error of a simulated value.
    error: Option<f64>,
    source: String,
    note: String,
}

/// Inputs and results of one design.
#[derive(Default)]
struct Design {
    inputs: BTreeMap<String, Vec<f64>>,
    rows: Vec<Row>,
}

impl Design {
    fn list(&self, input: &str) -> &[f64] {
        &self.inputs[input]
    }

    fn number(&self, input: &str) -> f64 {
        self.inputs[input][0]
    }

    fn count(&self, input: &str) -> u32 {
        self.number(input) as u32
    }

    fn beta(&self, input: &str) -> Beta {
        let [a, b] = *self.list(input) else { panic!("{input} is not a pair") };
        Beta { a, b }
    }
}

fn numbers(text: &str) -> Vec<f64> {
    text.split(' ').map(|number| number.parse().expect("a number")).collect()
}

/// Returns the designs whose names begin with `prefix`.
fn designs(prefix: &str) -> BTreeMap<String, Design> {
    let text = include_str!("../reference/bayes.csv");
    let mut designs: BTreeMap<String, Design> = BTreeMap::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        if !record[0].starts_with(prefix) {
            continue;
        }
        let design = designs.entry(record[0].to_owned()).or_default();
        let values = numbers(&record[2]);
        if &record[4] == "input" {
            design.inputs.insert(record[1].to_owned(), values);
        } else {
            design.rows.push(Row {
                quantity: record[1].to_owned(),
                values,
                error: record[3].parse().ok(),
                source: record[4].to_owned(),
                note: record[5].to_owned(),
            });
        }
    }
    designs
}

/// Compares one row. Simulated values are within 3.5 of their standard errors, which one correct value
/// in 2000 is not; 23 rows are simulated.
#[track_caller]
fn compare(design: &str, row: &Row, ours: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), row.values.len(), "{design} {}", row.quantity);
    for (ours, &theirs) in ours.iter().zip(&row.values) {
        let allowed = match row.error {
            Some(error) => 3.5 * error,
            None => tolerance * theirs.abs().max(1.0),
        };
        let Row { quantity, source, .. } = row;
        assert!(
            (ours - theirs).abs() <= allowed,
            "{design} {quantity} ({source}): {ours} {theirs}"
        );
    }
}

/// Returns the least successes of the experimental arm with a pooled Z of 1.96 or more.
fn least_by_pooled_z(sizes: [u32; 2]) -> Vec<u32> {
    let [control, experimental] = sizes;
    (0..=control)
        .map(|x| {
            let reaches = |y: u32| {
                let (p_c, p_e) =
                    (f64::from(x) / f64::from(control), f64::from(y) / f64::from(experimental));
                let pooled = f64::from(x + y) / f64::from(control + experimental);
                let variance = pooled
                    * (1.0 - pooled)
                    * (1.0 / f64::from(control) + 1.0 / f64::from(experimental));
                variance > 0.0 && (p_e - p_c) / variance.sqrt() >= 1.96 - 1e-11
            };
            (0..=experimental).find(|&y| reaches(y)).unwrap_or(experimental + 1)
        })
        .collect()
}

fn proportions(design: &Design) -> ProportionData {
    let arm = |successes, patients| ArmCount {
        successes: design.count(successes),
        patients: design.count(patients),
    };
    ProportionData { control: arm("yc", "nc"), experimental: arm("ye", "ne") }
}

#[test]
fn beta_binomial_probabilities_are_those_of_quadrature_and_sums() {
    let mut rows = 0;
    for (name, design) in designs("BA") {
        let data = proportions(&design);
        let model = |difference| BetaBinomial {
            control: design.beta("prior_c"),
            experimental: design.beta("prior_e"),
            difference,
        };
        let later = [design.count("nc_final"), design.count("ne_final")];
        let mut scratch = [Vec::new(), Vec::new()];
        for row in &design.rows {
            let (ours, tolerance) = if let Some(delta) =
                row.quantity.strip_prefix("posterior delta=")
            {
                let model = model(delta.parse().expect("a number"));
                match row.source.as_str() {
                    "normal" => {
                        let (mean, sd) = model.moments(data);
                        (upper_tail((model.difference - mean) / sd), 1e-12)
                    }
                    // Their Gauss–Legendre rule has an error of 7e-14, and of 2e-3 where the density has
                    // a pole at 0, a trap of the reference.
                    "gauss-legendre" if name == "BA-4" => (model.posterior_probability(data), 2e-3),
                    _ => (model.posterior_probability(data), 2e-13),
                }
            } else {
                let least = match row.quantity.as_str() {
                    "predictive bayes" => {
                        model(0.0).least_for_success(later[0], later[1], design.number("success"))
                    }
                    "predictive pooled z" => least_by_pooled_z(later),
                    other => panic!("{other} is not compared"),
                };
                (model(0.0).predictive_probability(data, later, &least, &mut scratch), 1e-12)
            };
            compare(&name, row, &[ours], tolerance);
            rows += 1;
        }
    }
    assert_eq!(rows, 54);
}

#[test]
fn normal_probabilities_are_closed_forms_and_quadrature() {
    let mut rows = 0;
    for (name, design) in designs("BB") {
        let observed =
            EffectEstimate { estimate: design.number("est"), standard_error: design.number("se") };
        let sd = design.number("s0");
        let prior = if sd == 0.0 {
            NormalPrior::Flat
        } else {
            let mean = design.number("m0");
            let component = Component { weight: 1.0, mean, sd, degrees_of_freedom: None };
            NormalPrior::Mixture(NormalMixture::new(&EffectPrior::new(vec![component])))
        };
        let (t, threshold) = (design.number("t"), design.number("threshold"));
        let last_error = observed.standard_error * t.sqrt();
        let planned = |quantity: &str| Planned {
            information_fraction: t,
            estimate_needed: if quantity.ends_with("frequentist z") {
                design.number("z") * last_error
            } else {
                let gamma = design.number("gamma");
                prior.estimate_needed(last_error, threshold, gamma).expect("within reach")
            },
        };
        let (mean, sd) = prior.posterior_moments(observed);
        for row in &design.rows {
            let quantity = row.quantity.as_str();
            let ours = match quantity {
                "posterior mean" => vec![mean],
                "posterior sd" => vec![sd],
                "posterior P(log OR > threshold)" => {
                    vec![prior.posterior_probability(observed, threshold)]
                }
                "posterior P(log OR > 0)" => vec![prior.posterior_probability(observed, 0.0)],
                "credible 95%" => {
                    let reach = upper_quantile(0.025) * sd;
                    vec![mean - reach, mean + reach]
                }
                _ if quantity.starts_with("final estimate needed") => {
                    vec![planned(quantity).estimate_needed]
                }
                _ if quantity.starts_with("predictive") => {
                    vec![prior.predictive_probability(observed, planned(quantity))]
                }
                _ if quantity.starts_with("conditional power trend") => {
                    vec![NormalPrior::conditional_power_under_trend(observed, planned(quantity))]
                }
                other => panic!("{other} is not compared"),
            };
            // The inputs have 15 digits, and so have the results.
            compare(&name, row, &ours, 1e-12);
            rows += 1;
        }
    }
    assert_eq!(rows, 39);
}

/// Rules and regions of a design of two proportions with looks.
struct Looks {
    rules: ProportionRules,
    sizes: Vec<ArmSizes>,
    regions: Vec<StoppingRegion>,
    exact: ExactDesign,
}

impl Looks {
    fn new(design: &Design) -> Self {
        let futility = design.number("futility");
        let rules = ProportionRules {
            model: BetaBinomial {
                control: design.beta("prior_c"),
                experimental: design.beta("prior_e"),
                difference: design.number("delta"),
            },
            success: design.list("efficacy").to_vec(),
            futility: (futility > 0.0).then_some(FutilityBelow::Predictive(futility)),
        };
        let sizes = design.list("n").iter().map(|&n| n as u32);
        let sizes: Vec<ArmSizes> =
            sizes.map(|n| ArmSizes { control: n, experimental: n }).collect();
        let regions = rules.regions(&sizes);
        let exact = ExactDesign::of_regions(regions.clone()).expect("sizes that grow");
        Self { rules, sizes, regions, exact }
    }

    /// Returns the value of a quantity of one look.
    fn at_look(&self, quantity: &str) -> f64 {
        let mut words = quantity.split(' ');
        let look: usize = words.nth(1).expect("a look").parse().expect("a number");
        let count = |name: &str| -> u32 {
            let (_, after) = quantity.split_once(name).expect("a count");
            after.split(' ').next().and_then(|it| it.parse().ok()).expect("a number")
        };
        let (region, control) = (&self.regions[look - 1], count("xc="));
        if quantity.contains("least xe for efficacy") {
            return f64::from(region.above[control as usize]);
        }
        if quantity.contains("least xe not futile") {
            return f64::from(region.below[control as usize]);
        }
        let ArmSizes { control: n_c, experimental: n_e } = self.sizes[look - 1];
        let data = ProportionData {
            control: ArmCount { successes: control, patients: n_c },
            experimental: ArmCount { successes: count("xe="), patients: n_e },
        };
        let last = self.sizes[self.sizes.len() - 1];
        let least = &self.regions[self.regions.len() - 1].above;
        let mut scratch = [Vec::new(), Vec::new()];
        let later = [last.control, last.experimental];
        self.rules.model.predictive_probability(data, later, least, &mut scratch)
    }

    /// Returns the smallest distance of a posterior probability from the threshold of its look.
    fn closest(&self) -> f64 {
        let mut closest = f64::INFINITY;
        for ((sizes, region), threshold) in
            self.sizes.iter().zip(&self.regions).zip(&self.rules.success)
        {
            for (x, &least) in region.above.iter().enumerate() {
                for y in [least.wrapping_sub(1), least] {
                    if y > sizes.experimental {
                        continue;
                    }
                    let data = ProportionData {
                        control: ArmCount { successes: x as u32, patients: sizes.control },
                        experimental: ArmCount { successes: y, patients: sizes.experimental },
                    };
                    let distance = self.rules.model.posterior_probability(data) - threshold;
                    closest = closest.min(distance.abs());
                }
            }
        }
        closest
    }

    fn operating_characteristic(name: &str, of: &ExactProbabilities) -> Vec<f64> {
        match name {
            "efficacy_looks" => of.upper.clone(),
            "efficacy" => vec![of.rejection],
            "futility_looks" => of.lower.clone(),
            "expected_n" => vec![of.expected_total],
            other => panic!("{other} is not compared"),
        }
    }
}

#[test]
fn exact_recursion_has_the_operating_characteristics_of_the_reference() {
    let mut rows = 0;
    for (name, design) in designs("BC") {
        let looks = Looks::new(&design);
        for row in &design.rows {
            let quantity = row.quantity.as_str();
            if quantity == "maximum type I error" {
                let rates = (5..=95).map(|i| f64::from(i) / 100.0);
                let errors =
                    rates.map(|rate| (looks.exact.probabilities([rate; 2]).rejection, rate));
                let (maximum, at) = errors.max_by(|x, y| x.0.total_cmp(&y.0)).expect("rates");
                compare(&name, row, &[maximum], 1e-11);
                assert!(row.note.ends_with(&format!("at {at:.2}")), "{name} {at}");
                // The search over all rates finds no less.
                assert!(looks.exact.maximum_type_one_error().maximum >= maximum - 1e-9);
            } else if quantity == "closest posterior to a threshold" {
                compare(&name, row, &[looks.closest()], 1e-12);
            } else if quantity.starts_with("look ") {
                compare(&name, row, &[looks.at_look(quantity)], 1e-12);
            } else {
                let words: Vec<&str> = quantity.split(' ').collect();
                let [control, "v", experimental, result] = *words else { panic!("{quantity}") };
                let rates = [control, experimental].map(|rate| rate.parse().expect("a rate"));
                let exact = looks.exact.probabilities(rates);
                compare(&name, row, &Looks::operating_characteristic(result, &exact), 1e-11);
            }
            rows += 1;
        }
    }
    assert_eq!(rows, 58);
}

#[test]
fn utility_differences_are_those_of_inverted_characteristic_functions() {
    let mut rows = 0;
    for (name, design) in designs("BD") {
        let arm = |counts: &str| {
            let seven =
                |input: &str| <[f64; 7]>::try_from(design.list(input)).expect("seven levels");
            Dirichlet::posterior(design.number("prior"), seven(counts), seven("utilities"))
        };
        let both = UtilityDifference { control: arm("control"), experimental: arm("experimental") };
        for row in &design.rows {
            let (ours, tolerance) = match row.quantity.as_str() {
                "control mean" => (both.control.mean(), 1e-13),
                "control variance" => (both.control.variance(), 1e-13),
                "experimental mean" => (both.experimental.mean(), 1e-13),
                "experimental variance" => (both.experimental.variance(), 1e-13),
                "difference mean" => (both.mean(), 1e-13),
                "difference sd" => (both.variance().sqrt(), 1e-13),
                probability => {
                    let (_, threshold) = probability.split_once("> ").expect("a threshold");
                    let threshold: f64 = threshold.trim_end_matches(')').parse().expect("a number");
                    match row.source.as_str() {
                        "normal" => {
                            let z = (threshold - both.mean()) / both.variance().sqrt();
                            (upper_tail(z), 1e-12)
                        }
                        _ => (both.posterior_probability(threshold), 1e-10),
                    }
                }
            };
            compare(&name, row, &[ours], tolerance);
            rows += 1;
        }
    }
    assert_eq!(rows, 36);
}

/// The regions of the pooled Z test give the exact design of its bounds.
#[test]
fn regions_of_counts_are_an_exact_design() {
    let sizes: Vec<ArmSizes> = [20, 40].map(|n| ArmSizes { control: n, experimental: n }).to_vec();
    let regions = sizes.iter().map(|&sizes| {
        let above = least_by_pooled_z([sizes.control, sizes.experimental]);
        StoppingRegion { sizes, below: vec![0; above.len()], above }
    });
    let ours = ExactDesign::of_regions(regions.collect()).expect("sizes that grow");
    let bounds = [1.96, 1.96];
    let none = [f64::NEG_INFINITY; 2];
    let by_z = ExactDesign::new(&sizes, ExactStatistic::Pooled, &bounds, &none).expect("bounds");
    assert_eq!(ours.probabilities([0.3, 0.5]), by_z.probabilities([0.3, 0.5]));
}
