//! Figures of a sweep: power over its first key of numbers, a line for each combination of the others; of
//! two keys of numbers, also a heat map; of analyses that decide together, also success by their rule.

use super::{SweptPoint, short};
use crate::explore::grid::{GridAxis, ParameterGrid};
use crate::report::Provenance;
use crate::report::figure::{
    CurvePoint, Labels, Lines, PowerCurve, PowerGrid, heat_map, power_curve,
};
use crate::scenario::file::ScenarioFile;
use crate::scenario::path::{KeyPath, PathStep};
use crate::summary::{AnalysisSummary, McEstimate};

/// A figure of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepFigure {
    /// File name without extension.
    pub name: &'static str,
    /// The drawing.
    pub svg: String,
}

/// Figures that a grid of a scenario has, by name.
pub fn names(grid: &ParameterGrid, scenario: &ScenarioFile) -> Vec<&'static str> {
    let mut names = Vec::new();
    if grid.axes().iter().any(GridAxis::is_numeric) {
        names.push("power");
    }
    if is_plane(grid) {
        names.push("heatmap");
    }
    if rule_axis(grid, scenario).is_some() {
        names.push("rule");
    }
    names
}

/// Draws the figures of the primary analysis, in the order of [`names`].
pub fn figures(
    provenance: &Provenance,
    grid: &ParameterGrid,
    points: &[SweptPoint],
) -> Vec<SweepFigure> {
    let mut figures = Vec::new();
    if let Some(x) = grid.axes().iter().position(GridAxis::is_numeric) {
        let labels = labels(provenance, grid, points, x);
        let curves = curves(grid, points, x, |point| Some(of_primary(point)));
        let svg = power_curve(&curves, &lines(grid, x), &labels);
        figures.push(SweepFigure { name: "power", svg });
    }
    if is_plane(grid) {
        let labels = labels(provenance, grid, points, 0);
        let svg = heat_map(&plane(grid, points), &labels);
        figures.push(SweepFigure { name: "heatmap", svg });
    }
    if let Some(x) = rule_axis(grid, &provenance.scenario) {
        figures.push(SweepFigure { name: "rule", svg: rule_figure(provenance, grid, points, x) });
    }
    figures
}

/// The key over which success by the rule is drawn; `None` without a rule or a key of numbers.
fn rule_axis(grid: &ParameterGrid, scenario: &ScenarioFile) -> Option<usize> {
    scenario.success.as_ref()?;
    grid.axes().iter().position(GridAxis::is_numeric)
}

/// Draws success by the rule; over one key also the power of each of its analyses alone, on the same trials.
fn rule_figure(
    provenance: &Provenance,
    grid: &ParameterGrid,
    points: &[SweptPoint],
    x: usize,
) -> String {
    let mut drawn = curves(grid, points, x, |point| {
        let rule = point.truths[0].success.as_ref()?;
        Some(Height { estimate: rule.success, formula: None })
    });
    let mut labels = labels(provenance, grid, points, x);
    labels.subtitle = "Success by the rule".to_owned();
    // With other keys there is a line for each of their combinations, and analyses would multiply
    // them.
    if let [by_rule] = &mut drawn[..] {
        by_rule.name = "by the rule".to_owned();
        let first = points.first().and_then(|point| point.truths[0].success.as_ref());
        for analysis in first.iter().flat_map(|rule| &rule.analyses) {
            let alone = curves(grid, points, x, |point| alone(point, &analysis.name));
            drawn.extend(
                alone
                    .into_iter()
                    .map(|curve| PowerCurve { name: format!("{} alone", analysis.name), ..curve }),
            );
        }
        labels.subtitle += ", and power of each of its analyses alone";
    }
    power_curve(&drawn, &lines(grid, x), &labels)
}

/// Returns whether the grid has two keys, both of numbers, and more than one value of each.
fn is_plane(grid: &ParameterGrid) -> bool {
    grid.axes().len() == 2 && grid.axes().iter().all(|axis| axis.is_numeric() && axis.count() > 1)
}

/// Returns what distinguishes the lines: the values of a key of numbers have an order.
fn lines(grid: &ParameterGrid, x: usize) -> Lines {
    let mut others = grid.axes().iter().enumerate().filter(|(i, _)| *i != x);
    match (others.next(), others.next()) {
        (Some((_, only)), None) if only.is_numeric() => Lines::Ordered(short(&only.key(), grid)),
        (Some(_) | None, _) => Lines::Unordered,
    }
}

/// A probability to draw, with its closed form if it has one.
struct Height {
    estimate: McEstimate,
    formula: Option<f64>,
}

/// Curves of a probability over the key with this number; points without the probability are left out.
fn curves(
    grid: &ParameterGrid,
    points: &[SweptPoint],
    x: usize,
    height: impl Fn(&SweptPoint) -> Option<Height>,
) -> Vec<PowerCurve> {
    let mut curves: Vec<PowerCurve> = Vec::new();
    for point in points {
        let Some(Height { estimate, formula }) = height(point) else { continue };
        let name = name(grid, point, x);
        let at = curves.iter().position(|curve| curve.name == name).unwrap_or_else(|| {
            curves.push(PowerCurve { name, points: Vec::new() });
            curves.len() - 1
        });
        curves[at].points.push(CurvePoint {
            x: value(point, x),
            power: estimate.value,
            mcse: estimate.mcse,
            formula,
        });
    }
    // A list in the scenario may be in any order; a line through its points must not go back.
    for curve in &mut curves {
        curve.points.sort_by(|a, b| a.x.total_cmp(&b.x));
    }
    if let Lines::Ordered(_) = lines(grid, x) {
        curves.sort_by(|a, b| number(&a.name).total_cmp(&number(&b.name)));
    }
    curves
}

fn of_primary(point: &SweptPoint) -> Height {
    power(&point.truths[0].analyses[0])
}

/// The power of an analysis that decides alone.
fn alone(point: &SweptPoint, name: &str) -> Option<Height> {
    let analyses = &point.truths[0].analyses;
    analyses.iter().find(|analysis| analysis.name == name).map(power)
}

fn power(analysis: &AnalysisSummary) -> Height {
    Height {
        estimate: analysis.rejection,
        formula: analysis.normal_approximation.as_ref().map(|formula| formula.rejection),
    }
}

/// Value of a key of numbers.
fn value(point: &SweptPoint, key: usize) -> f64 {
    number(&point.plain().nth(key).expect("a point has a value of each key"))
}

fn number(text: &str) -> f64 {
    // TOML writes large numbers with underscores.
    text.replace('_', "").parse().unwrap_or(f64::NAN)
}

/// Values of all keys but one; without the name of a key that a legend names.
fn name(grid: &ParameterGrid, point: &SweptPoint, x: usize) -> String {
    let is_named = matches!(lines(grid, x), Lines::Ordered(_));
    let pairs = grid.axes().iter().zip(point.words()).enumerate().filter(|(i, _)| *i != x);
    let words =
        pairs.map(
            |(_, (axis, value))| {
                if is_named { value } else { format!("{} {value}", short(&axis.key(), grid)) }
            },
        );
    words.collect::<Vec<_>>().join(", ")
}

/// Power over a plane of two keys, the first across.
fn plane(grid: &ParameterGrid, points: &[SweptPoint]) -> PowerGrid {
    let [x, y] = [0, 1].map(|key| {
        let mut values: Vec<f64> = points.iter().map(|point| value(point, key)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    });
    let mut power = vec![vec![f64::NAN; x.len()]; y.len()];
    for point in points {
        let [column, row] = [(&x, 0), (&y, 1)].map(|(values, key)| {
            // Equal without a tolerance: values of a point are parsed from the same texts as the axes.
            let at = value(point, key);
            values.iter().position(|&other| other == at).expect("it is one of the values")
        });
        power[row][column] = point.truths[0].analyses[0].rejection.value;
    }
    PowerGrid { x, y, y_name: short(&grid.axes()[1].key(), grid), power }
}

fn labels(
    provenance: &Provenance,
    grid: &ParameterGrid,
    points: &[SweptPoint],
    x: usize,
) -> Labels {
    let key = grid.axes()[x].key();
    let analysis = points.first().map_or("", |point| &point.truths[0].analyses[0].name);
    Labels {
        title: provenance.scenario.title.clone(),
        subtitle: format!("Power, analysis: {analysis}"),
        x: short(&key, grid),
        planned: planned(provenance, &key),
        footer: format!(
            "rescuesim {}, scenario {}, seed {}",
            provenance.version,
            // As many digits as messages about checkpoints print.
            &provenance.scenario_digest[..12],
            provenance.seed
        ),
    }
}

/// Value of a key in the scenario; `None` if it is no number.
fn planned(provenance: &Provenance, key: &str) -> Option<f64> {
    let scenario = serde_json::to_value(&provenance.scenario).ok()?;
    let path: KeyPath = key.parse().ok()?;
    let value = path.steps().iter().try_fold(&scenario, |at, step| match step {
        PathStep::Key(key) => at.get(key),
        PathStep::Index(index) => at.get(index),
    });
    value?.as_f64()
}
