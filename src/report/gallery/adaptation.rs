//! The figures of a re-estimated number of patients and of a restricted population.

use super::Figure;
use crate::report::csv;
use crate::report::document::Columns;
use crate::report::figure::{
    self, Curve, CurveAxis, CurveScale, CurveStyle, MOST_COLOURS, PointWithError, PopulationBar,
    PopulationShare,
};
use crate::scenario::{BlindedSize, Scenario, SizeReestimation, SizeRule, Truth};
use crate::summary::{PopulationChoice, PopulationSummary, TruthSummary};

/// Points of the curve.
const POINTS: u32 = 400;

/// Draws which number of patients follows from which interim result; `None` without a re-estimation.
pub(super) fn size(scenario: &Scenario) -> Option<Figure> {
    let size = scenario.adaptation.size.as_ref()?;
    let (name, points) = match &size.rule {
        SizeRule::Unblinded { zone, .. } => {
            let table = zone.table_points();
            // A little beyond the zones, whose ends would otherwise lie on the frame.
            let (low, high) = (*table.first()? - 0.4, *table.last()? + 0.4);
            let z = spread(low, high).filter(|z| !zone.ends(*z));
            let points = z.map(|z| [z, f64::from(size.randomised(zone.size(z)))]);
            (format!("Z at look {}", size.look + 1), points.collect::<Vec<_>>())
        }
        SizeRule::Blinded { by, restricted } => {
            let (name, high) = match by {
                BlindedSize::Rate { .. } => ("rate of both arms together", 0.98),
                BlindedSize::Variance { planned, .. } => {
                    ("variance of both arms together", 2.0 * planned)
                }
            };
            let least = if *restricted { size.planned } else { 1 };
            // Not from 0: outcomes without any variance ask for no patients.
            let observed = spread(0.02 * high, high);
            let points = observed.map(|at| [at, blinded(size, by, at, least)]);
            (name.to_owned(), points.collect())
        }
    };
    let curve = Curve {
        name: String::new(),
        style: CurveStyle::Line,
        colour: 0,
        points: points.iter().map(|&[x, value]| PointWithError { x, value, mcse: 0.0 }).collect(),
    };
    let axis =
        |name: &str| CurveAxis { name: name.to_owned(), range: None, scale: CurveScale::Linear };
    let rows = points.iter().map(|point| point.iter().map(|&value| csv::float(value)).collect());
    let data = csv::CsvTable::new(&["observed", "n_randomised"], rows);
    Some(Figure {
        name: "size-rule".to_owned(),
        title: "Number of patients by interim result".to_owned(),
        caption: scenario.size_adaptation_in_words()?,
        svg: figure::curves(&axis(&name), &axis("patients randomised"), &[curve], &[]),
        data,
    })
}

fn spread(low: f64, high: f64) -> impl Iterator<Item = f64> {
    (0..=POINTS).map(move |k| low + (high - low) * f64::from(k) / f64::from(POINTS))
}

fn blinded(size: &SizeReestimation, by: &BlindedSize, observed: f64, least: u32) -> f64 {
    f64::from(size.randomised(size.size_at(by, observed)).max(least))
}

/// Draws which populations the trials of the primary analysis were left with under every truth; `None` if
/// the population is never restricted.
pub(super) fn population(scenario: &Scenario, truths: &[TruthSummary]) -> Option<Figure> {
    let words = scenario.population_adaptation_in_words()?;
    let found: Vec<(&str, &PopulationSummary)> = truths
        .iter()
        .filter_map(|truth| Some((truth.truth.as_str(), truth.analyses[0].population.as_ref()?)))
        .collect();
    let (_, first) = found.first()?;
    let shown = shown_populations(&found, first.populations.len());
    // Rarer populations are one part of each bar, before that without any level.
    let has_others = shown.len() < left_in_any(&found, first.populations.len()).len();
    let (levels, none): (Vec<usize>, Vec<usize>) =
        shown.iter().copied().partition(|&at| first.populations[at].population != "none");
    let mut names: Vec<String> =
        levels.iter().map(|&at| name(&first.factor, &first.populations[at].population)).collect();
    names.extend(has_others.then(|| "others".to_owned()));
    names.extend(none.iter().map(|_| "no level left".to_owned()));
    let bars: Vec<PopulationBar> = found
        .iter()
        .map(|&(truth, of)| {
            let mut shares: Vec<PopulationShare> =
                levels.iter().map(|&at| share(&of.populations[at])).collect();
            if has_others {
                let others = (0..of.populations.len()).filter(|at| !shown.contains(at));
                let sum = PopulationShare { efficacy: 0.0, others: 0.0 };
                shares.push(others.map(|at| share(&of.populations[at])).fold(sum, |sum, of| {
                    PopulationShare {
                        efficacy: sum.efficacy + of.efficacy,
                        others: sum.others + of.others,
                    }
                }));
            }
            shares.extend(none.iter().map(|&at| share(&of.populations[at])));
            PopulationBar { name: under(truth), shares }
        })
        .collect();
    let choices = found.iter().flat_map(|(truth, of)| {
        of.populations.iter().map(move |choice| (truth, choice, share(choice)))
    });
    let data = Columns::of(choices)
        .column("truth", |(truth, ..)| **truth)
        .column("population", |(_, choice, _)| choice.population.clone())
        .column("efficacy", |(.., share)| csv::float(share.efficacy))
        .column("no_efficacy", |(.., share)| csv::float(share.others))
        .csv();
    Some(Figure {
        name: "population-rule".to_owned(),
        title: "Population left when the trial ends".to_owned(),
        caption: format!(
            "Shares of all trials, monitored by \"{}\". Full colours: with efficacy; light ones: without. \
             {words}",
            truths[0].analyses[0].name
        ),
        svg: figure::populations(&names, !none.is_empty(), &bars),
        data,
    })
}

/// Lists the positions of the populations that any trial was left with.
fn left_in_any(found: &[(&str, &PopulationSummary)], populations: usize) -> Vec<usize> {
    (0..populations)
        .filter(|&at| found.iter().any(|(_, of)| of.populations[at].probability.value > 0.0))
        .collect()
}

/// Lists the positions of the populations with a colour of their own, that of all levels first: all that were
/// left in any trial, or the most frequent ones.
fn shown_populations(found: &[(&str, &PopulationSummary)], populations: usize) -> Vec<usize> {
    let mut left = left_in_any(found, populations);
    if left.len() > MOST_COLOURS {
        left.sort_by(|&a, &b| largest_share(found, b).total_cmp(&largest_share(found, a)));
        // One colour is that of all others.
        left.truncate(MOST_COLOURS - 1);
    }
    // All patients first, as every trial begins with them.
    left.sort_by_key(|&at| (found[0].1.populations[at].population != "all", at));
    left
}

/// Returns the largest probability, over the truths, that a population was left.
fn largest_share(found: &[(&str, &PopulationSummary)], at: usize) -> f64 {
    found.iter().map(|(_, of)| of.populations[at].probability.value).fold(0.0, f64::max)
}

fn share(choice: &PopulationChoice) -> PopulationShare {
    let left = choice.probability.value;
    // Without trials there is no share with efficacy.
    let efficacy = if left > 0.0 { left * choice.rejection.value } else { 0.0 };
    PopulationShare { efficacy, others: left - efficacy }
}

fn name(factor: &str, population: &str) -> String {
    if population == "all" {
        "all patients".to_owned()
    } else {
        format!("{} {population}", factor.replace('_', " "))
    }
}

fn under(truth: &str) -> String {
    let [alternative, null, _] = Truth::NAMES;
    if truth == alternative {
        "under H1 (assumed effect)".to_owned()
    } else if truth == null {
        "under H0 (no effect)".to_owned()
    } else {
        truth.to_owned()
    }
}
