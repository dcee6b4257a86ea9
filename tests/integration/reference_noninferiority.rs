//! Sizes, powers and exact rejection probabilities of tests against a margin, statistics of tables and
//! simulated trials with non-adherence (tests/reference/README.md).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rescuesim::analysis::margin::NullEffects;
use rescuesim::analysis::restricted::{Distance, OddsRatio};
use rescuesim::analysis::two_proportions::{
    ArmEvents, ProportionEffect, ProportionStatistic, ProportionTest,
};
use rescuesim::design::comparison::{Comparison, Ordinal, OrdinalTest, TwoProportions};
use rescuesim::design::exact::{ExactDesign, ExactStatistic};
use rescuesim::design::sample_size::ArmSizes;
use rescuesim::design::{Boundaries, EfficacyRule, Rules, SpendingFunction};
use rescuesim::num::normal::upper_tail;

/// Largest allowed relative difference from a closed form or a size, whose inflation factor the
/// reference solves to 1e-8.
const FORMULA: f64 = 1e-8;
/// Largest allowed difference from an exact probability.
const EXACT: f64 = 1e-10;
/// Largest allowed difference from rpact, whose bounds are solved to 1e-8.
const RPACT: f64 = 1e-6;

/// A value of the reference with its source.
struct Entry {
    quantity: String,
    value: String,
    source: String,
}

/// The designs of the reference.
static DESIGNS: LazyLock<BTreeMap<String, Vec<Entry>>> = LazyLock::new(|| {
    let text = include_str!("../reference/noninferiority.csv");
    let mut designs: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for row in csv::Reader::from_reader(text.as_bytes()).records() {
        let row = row.expect("a well-formed reference");
        let entry = Entry {
            quantity: row[1].to_owned(),
            value: row[2].to_owned(),
            source: row[4].to_owned(),
        };
        designs.entry(row[0].to_owned()).or_default().push(entry);
    }
    designs
});

fn text<'d>(design: &'d [Entry], quantity: &str) -> Option<&'d str> {
    design.iter().find(|entry| entry.quantity == quantity).map(|entry| entry.value.as_str())
}

fn numbers(value: &str) -> Vec<f64> {
    value.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

fn number(design: &[Entry], quantity: &str) -> f64 {
    let value = text(design, quantity).unwrap_or_else(|| panic!("{quantity}"));
    value.parse().expect("a number")
}

#[track_caller]
fn assert_close(what: &str, found: f64, expected: f64, tolerance: f64) {
    let difference = (found - expected).abs() / expected.abs().max(1.0);
    assert!(difference <= tolerance, "{what}: {found} instead of {expected}");
}

fn boundaries(alpha: f64, looks: usize) -> Boundaries {
    let fractions: Vec<f64> = (1..=looks).map(|k| k as f64 / looks as f64).collect();
    let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
    Boundaries::new(&Rules::efficacy_only(alpha, rule), &fractions).expect("solvable")
}

/// Two proportions against a margin, as a design of the reference states them.
struct Proportions<'d> {
    name: &'d str,
    design: &'d [Entry],
    rates: [f64; 2],
    margin: f64,
    distance: Distance,
    effect: ProportionEffect,
    alpha: f64,
    boundaries: Boundaries,
    sizes: Vec<ArmSizes>,
}

impl<'d> Proportions<'d> {
    fn new(name: &'d str, design: &'d [Entry]) -> Option<Self> {
        let scale = text(design, "scale")?;
        let margin = number(design, "margin");
        let (distance, effect, estimate) = match scale {
            "diff" => (Distance::Difference(margin), ProportionEffect::RiskDifference, margin),
            "ratio" => (Distance::Ratio(margin), ProportionEffect::LogRiskRatio, libm::log(margin)),
            "odds" => {
                (Distance::OddsRatio(margin), ProportionEffect::LogOddsRatio, libm::log(margin))
            }
            _ => panic!("{scale}"),
        };
        let alpha = number(design, "alpha");
        let looks = number(design, "looks") as usize;
        let control = numbers(text(design, "exact_n_control")?);
        let experimental = numbers(text(design, "exact_n_experimental")?);
        let sizes = control.iter().zip(&experimental);
        Some(Self {
            name,
            design,
            rates: [number(design, "pc"), number(design, "pe")],
            margin: estimate,
            distance,
            effect,
            alpha,
            boundaries: boundaries(alpha, looks),
            sizes: sizes
                .map(|(&c, &e)| ArmSizes { control: c as u32, experimental: e as u32 })
                .collect(),
        })
    }

    fn comparison(&self, test: ProportionTest) -> Comparison {
        let [control, experimental] = self.rates;
        let stated = TwoProportions::new(control, experimental).expect("inside (0, 1)");
        let stated = stated.tested_by(test).measured_by(self.effect);
        Comparison::TwoProportions(stated.against(self.distance).expect("inside (0, 1)"))
    }

    fn exact(&self, test: ProportionTest) -> ExactDesign {
        let null = NullEffects { lower: self.margin, upper: None };
        let statistic = ProportionStatistic { test, effect: self.effect, null };
        let none = vec![f64::NEG_INFINITY; self.sizes.len()];
        let statistic = ExactStatistic::Against(statistic);
        ExactDesign::new(&self.sizes, statistic, &self.boundaries.efficacy, &none)
            .expect("growing looks")
    }

    /// Compares every row of one test.
    fn check(&self, prefix: &str, test: ProportionTest) -> usize {
        let share = number(self.design, "ratio") / (1.0 + number(self.design, "ratio"));
        let power = number(self.design, "power");
        let last = self.sizes[self.sizes.len() - 1];
        let comparison = self.comparison(test);
        let fixed = comparison.fixed_sample_size(self.alpha, power, share).expect("a benefit");
        let one_look = self.sizes.len() == 1;
        let inflation = self.boundaries.inflation_factor(self.alpha, power).expect("reachable");
        let drift =
            comparison.drift(self.alpha, last.share_experimental(), f64::from(last.total()));
        let stopping = self.boundaries.stopping(drift);
        // The reference scales each bound by the ratio of standard deviations, and the program shifts the
        // drift so that the two agree at the last bound, as rpact does: the difference at another bound, times
        // the highest density, limits that of the probabilities.
        let shifts = self.boundaries.efficacy.iter().map(|&bound| {
            let total = f64::from(last.total());
            let here = comparison.drift(upper_tail(bound), last.share_experimental(), total);
            0.4 * (here - drift).abs()
        });
        let convention: f64 = FORMULA + shifts.sum::<f64>();
        let exact = self.exact(test);
        let at_margin = |control| [control, self.distance.experimental_rate(control)];
        let mut compared = 0;
        for entry in self.design {
            let Some(quantity) = entry.quantity.strip_prefix(prefix) else { continue };
            let what = format!("{} {}", self.name, entry.quantity);
            let is_rpact = entry.source.starts_with("rpact");
            let rates = match quantity {
                _ if quantity.starts_with("exact_power") => self.rates,
                "exact_type1_control+10" => at_margin(self.rates[0] + 0.1),
                _ if quantity.starts_with("exact_type1") => at_margin(self.rates[0]),
                "exact_equal" => [self.rates[0]; 2],
                _ => [f64::NAN; 2],
            };
            match quantity {
                "n_fixed" => {
                    assert_close(&what, fixed, entry.value.parse().expect("a size"), FORMULA)
                }
                "n" => {
                    let tolerance = if is_rpact { RPACT } else { FORMULA };
                    let expected = entry.value.parse().expect("a size");
                    assert_close(&what, fixed * inflation, expected, tolerance);
                }
                "power" => {
                    let tolerance = match (is_rpact, prefix == "wald_" || one_look) {
                        (true, _) => RPACT,
                        (false, true) => FORMULA,
                        (false, false) => convention,
                    };
                    let expected = entry.value.parse().expect("a power");
                    assert_close(&what, stopping.rejection(), expected, tolerance);
                }
                "power_looks" => {
                    let tolerance = if prefix == "wald_" { FORMULA } else { convention };
                    for (found, expected) in stopping.efficacy.iter().zip(numbers(&entry.value)) {
                        assert_close(&what, *found, expected, tolerance);
                    }
                }
                _ if quantity.starts_with("exact_n") => continue,
                _ if quantity.ends_with("_looks") => {
                    let found = exact.probabilities(rates).upper;
                    for (found, expected) in found.into_iter().zip(numbers(&entry.value)) {
                        assert_close(&what, found, expected, EXACT);
                    }
                }
                _ if quantity.starts_with("exact_") => {
                    let expected = entry.value.parse().expect("a probability");
                    assert_close(&what, exact.probabilities(rates).rejection, expected, EXACT);
                }
                // The rows of Miettinen & Nurminen begin with those of the score test.
                _ if quantity.starts_with("mn_") => continue,
                _ => panic!("{what}"),
            }
            compared += 1;
        }
        compared
    }
}

#[test]
fn tests_of_proportions_against_a_margin_have_the_sizes_powers_and_exact_errors_of_the_reference() {
    let mut compared = 0;
    for (name, design) in &*DESIGNS {
        let Some(proportions) = Proportions::new(name, design) else { continue };
        for (found, expected) in proportions
            .boundaries
            .efficacy
            .iter()
            .zip(numbers(text(design, "bounds").expect("every design has bounds")))
        {
            assert_close(name, *found, expected, FORMULA);
        }
        compared += proportions.check("wald_", ProportionTest::Wald);
        compared += proportions.check("score_", ProportionTest::FarringtonManning);
        compared += proportions.check("score_mn_", ProportionTest::MiettinenNurminen);
    }
    assert!(compared >= 230, "{compared}");
}

/// DEVT, SWIFT DIRECT, DIRECT-SAFE, AcT and ORIGINAL as published or planned.
#[test]
fn published_non_inferiority_trials_have_their_sizes_and_powers() {
    let rates = |rate: f64, margin: f64| {
        let stated = TwoProportions::new(rate, rate).expect("inside (0, 1)");
        Comparison::TwoProportions(
            stated.against(Distance::Difference(margin)).expect("inside (0, 1)"),
        )
    };
    let power = |comparison: &Comparison, alpha: f64, total: f64, looks: usize| {
        boundaries(alpha, looks).stopping(comparison.drift(alpha, 0.5, total)).rejection()
    };
    assert!((power(&rates(0.43, -0.10), 0.025, 970.0, 5) - 0.8766).abs() < 5e-5);
    let swift_direct = power(&rates(0.60, -0.12), 0.05, 404.0, 1);
    assert!((swift_direct - 0.796).abs() < 5e-4, "{swift_direct}");
    let direct_safe = power(&rates(0.50, -0.10), 0.025, 780.0, 1);
    assert!((direct_safe - 0.800).abs() < 5e-4, "{direct_safe}");
    let stated = TwoProportions::new(0.35, 0.38).expect("inside (0, 1)");
    let act = stated.tested_by(ProportionTest::Wald).against(Distance::Difference(-0.05));
    let act = Comparison::TwoProportions(act.expect("inside (0, 1)"));
    let size = act.fixed_sample_size(0.025, 0.9, 0.5).expect("a benefit");
    // 5 % dropout, to a round number.
    assert!((size / 0.95 - 1600.7).abs() < 0.05, "{size}");
    let stated = TwoProportions::new(0.63, 0.63).expect("inside (0, 1)");
    let original = stated.against(Distance::Ratio(0.937)).expect("inside (0, 1)");
    let original = Comparison::TwoProportions(original);
    let size = original.fixed_sample_size(0.025, 0.8, 0.5).expect("a benefit");
    // rpact 3.3.4; 4 366 in whole patients of each arm.
    assert!((size - 4365.03).abs() < 0.005, "{size}");
}

#[test]
fn the_common_odds_ratio_against_a_margin_has_the_sizes_and_powers_of_the_reference() {
    let mut compared = 0;
    for (name, design) in &*DESIGNS {
        let Some(true_ratio) = text(design, "cor") else { continue };
        let true_ratio: f64 = true_ratio.parse().expect("an odds ratio");
        let control = numbers(text(design, "control").expect("shares of control"));
        let (alpha, total) = (number(design, "alpha"), number(design, "n"));
        let (margin, power) = (number(design, "margin"), number(design, "power"));
        let boundaries = boundaries(alpha, number(design, "looks") as usize);
        let share = number(design, "ratio") / (1.0 + number(design, "ratio"));
        let of = |odds_ratio: f64, test| {
            let shifted = Ordinal::shifted(&control, odds_ratio, test).expect("a distribution");
            Comparison::Ordinal(shifted.against(libm::log(margin)))
        };
        for entry in design {
            let (kind, rest) = entry.quantity.split_once('_').unwrap_or((&entry.quantity, ""));
            let test = match kind {
                "whitehead" => OrdinalTest::ProportionalOdds,
                "information" => OrdinalTest::Wald,
                _ => continue,
            };
            let what = format!("{name} {}", entry.quantity);
            let expected = entry.value.parse().expect("a number");
            let found = if rest == "n" {
                let fixed = of(true_ratio, test).fixed_sample_size(alpha, power, share);
                let inflation = boundaries.inflation_factor(alpha, power).expect("reachable");
                fixed.expect("a benefit") * inflation
            } else {
                let odds_ratio = match rest {
                    "power" => true_ratio,
                    "type1" => margin,
                    "equal" => 1.0,
                    _ => panic!("{what}"),
                };
                boundaries.stopping(of(odds_ratio, test).drift(alpha, share, total)).rejection()
            };
            assert_close(&what, found, expected, FORMULA);
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared}");
}

#[test]
fn statistics_of_tables_against_margins_are_those_of_the_reference() {
    let mut compared = 0;
    for (name, design) in DESIGNS.iter().filter(|(name, _)| name.starts_with("NIT")) {
        let [yc, nc, ye, ne] = ["yc", "nc", "ye", "ne"].map(|quantity| number(design, quantity));
        let arms = [(yc, nc), (ye, ne)];
        let arms = arms.map(|(events, patients)| ArmEvents { events, patients });
        let margins = numbers(text(design, "margins").expect("three margins"));
        for entry in design {
            let Some((scale, rest)) = entry.quantity.split_once(' ') else { continue };
            let what = format!("{name} {}", entry.quantity);
            let share = ne / (nc + ne);
            let (effect, margin, restricted) = match scale {
                "diff" => (
                    ProportionEffect::RiskDifference,
                    margins[0],
                    Distance::Difference(margins[0]).restricted_rates([yc / nc, ye / ne], share),
                ),
                "ratio" => (
                    ProportionEffect::LogRiskRatio,
                    libm::log(margins[1]),
                    Distance::Ratio(margins[1]).restricted_rates([yc / nc, ye / ne], share),
                ),
                "odds" => (
                    ProportionEffect::LogOddsRatio,
                    libm::log(margins[2]),
                    OddsRatio(margins[2]).restricted_rates([yc / nc, ye / ne], share),
                ),
                _ => panic!("{what}"),
            };
            let z = |test| {
                let null = NullEffects { lower: margin, upper: None };
                ProportionStatistic { test, effect, null }.z(&arms)
            };
            let found = match rest {
                "wald z" => z(ProportionTest::Wald),
                "score z" => z(ProportionTest::FarringtonManning),
                "score_mn z" => z(ProportionTest::MiettinenNurminen),
                "score p" => z(ProportionTest::FarringtonManning).map(upper_tail),
                _ => {
                    for (found, expected) in restricted.iter().zip(numbers(&entry.value)) {
                        assert_close(&what, *found, expected, 1e-9);
                    }
                    compared += 1;
                    continue;
                }
            };
            match entry.value.as_str() {
                "undefined" => assert_eq!(found, None, "{what}"),
                expected => {
                    let expected = expected.parse().expect("a number");
                    assert_close(&what, found.expect("it is defined"), expected, 1e-9);
                }
            }
            compared += 1;
        }
    }
    assert!(compared >= 100, "{compared}");
}
