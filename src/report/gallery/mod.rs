//! The figures of a report: each with its title, caption, drawing, and the numbers behind it.

mod adaptation;
mod procedure;
mod trials;

use super::Summary;
use super::csv;
use super::figure::{self, ArmMrs, CurveAxis, CurvePoint, CurveScale, Labels, Lines, PowerCurve};
use crate::explore::dossier::Dossier;
use crate::explore::sensitivity::VariedQuantity;
use crate::explore::strategies::StrategySummary;
use crate::outcome::MrsDistribution;
use crate::report::document::Columns;
use crate::scenario::{Scenario, Truth};
use crate::summary::{AnalysisSummary, OperatingCharacteristics};

/// A figure with its explanation and its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// File name without extension.
    pub name: String,
    /// Title.
    pub title: String,
    /// Explanation of how to read the figure.
    pub caption: String,
    /// The drawing.
    pub svg: String,
    /// The numbers behind the drawing.
    pub data: csv::CsvTable,
}

impl Figure {
    /// Returns the drawing as a file with its title and provenance.
    pub fn to_file(&self, provenance: &str) -> String {
        // Both belong directly after the opening tag.
        let end = self.svg.find('>').map_or(0, |end| end + 1);
        let (title, from) = (escaped(&self.title), escaped(provenance));
        let (head, body) = self.svg.split_at(end);
        format!("{head}\n<title>{title}</title>\n<desc>{from}</desc>{body}")
    }
}

/// Escapes a text for HTML and SVG, also between quotes.
pub(super) fn escaped(text: &str) -> String {
    // First the sign that the other replacements insert.
    // Apostrophes may stay: attributes are written in double quotes.
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Draws all figures of a scenario, in the order of a report.
pub fn figures(
    scenario: &Scenario,
    summary: &Summary,
    dossier: &Dossier,
    strategies: &[StrategySummary],
) -> Vec<Figure> {
    let [effect, none, ..] = &summary.truths[..] else {
        unreachable!("these two are always there")
    };
    let first = &effect.analyses[0];
    let mut figures = vec![assumed_mrs(scenario)];
    if let Some(procedure) = &summary.procedure {
        figures.extend(procedure::flows(procedure));
    }
    if !strategies.is_empty() {
        figures.push(strategy_curve(strategies));
    }
    figures
        .extend([trials::paths(first, dossier), trials::stopped_by_look(scenario, effect, none)]);
    figures.extend(adaptation::size(scenario));
    figures.extend(adaptation::population(scenario, &summary.truths));
    // Without interim looks all trials have one size.
    if dossier.sizes.varies() {
        figures.push(trials::sizes(&dossier.sizes));
    }
    figures.extend([
        trials::durations(&dossier.durations),
        trials::calendar(&dossier.calendar),
        trials::convergence(summary, dossier),
        trials::balance(effect),
    ]);
    figures
}

/// Draws the outcomes of a procedure under several strategies.
pub fn strategy_curve(strategies: &[StrategySummary]) -> Figure {
    procedure::strategies(strategies)
}

/// Draws the assumed mRS of both arms.
pub fn assumed_mrs(scenario: &Scenario) -> Figure {
    let names = &scenario.file().arms;
    let [control, experimental] =
        scenario.marginal(Truth::Alternative).expect("only the prior has none");
    let randomised = f64::from(scenario.randomised);
    let share_experimental = names.allocation_ratio.share_experimental();
    let arms = [
        arm_mrs(&names.experimental, share_experimental * randomised, experimental),
        arm_mrs(&names.control, (1.0 - share_experimental) * randomised, control),
    ];
    let rows = arms.iter().zip(["experimental", "control"]).map(|(arm, name)| {
        std::iter::once(name.to_owned()).chain(arm.shares.iter().map(f64::to_string)).collect()
    });
    Figure {
        name: "mrs".to_owned(),
        title: "Assumed mRS of both arms".to_owned(),
        caption:
            "Shares of all patients as randomised. The thick line is the cut between mRS 2 and 3, \
                  functional independence."
                .to_owned(),
        svg: figure::mrs(&arms),
        data: csv::CsvTable::new(
            &["arm", "mrs_0", "mrs_1", "mrs_2", "mrs_3", "mrs_4", "mrs_5", "mrs_6"],
            rows,
        ),
    }
}

fn arm_mrs(treatment: &str, patients: f64, mrs: &MrsDistribution) -> ArmMrs {
    ArmMrs { treatment: treatment.to_owned(), patients, shares: *mrs.probabilities() }
}

/// Draws the planned boundaries of the primary analysis at its looks, without trials.
pub fn planned_boundaries(scenario: &Scenario) -> Figure {
    trials::planned(scenario)
}

/// Draws the power over values of a quantity, each with its simulation; a line for each analysis. `planned`
/// is the value in the scenario.
pub fn power_curve(
    quantity: VariedQuantity,
    planned: f64,
    points: &[(f64, OperatingCharacteristics)],
) -> Figure {
    let x = quantity.to_string();
    let figure = power_against(&x, planned, points);
    Figure {
        title: match quantity {
            VariedQuantity::CommonOddsRatio => "Power by common odds ratio",
            VariedQuantity::PatientsRandomised => "Power by number of patients randomised",
        }
        .to_owned(),
        caption: match quantity {
            VariedQuantity::CommonOddsRatio => {
                "Everything else as in the scenario, with the same patients at every point. An odds \
                 ratio shifts all cuts of the control arm's mRS alike, even where the scenario's own \
                 effect does not."
            }
            VariedQuantity::PatientsRandomised => SAME_PATIENTS,
        }
        .to_owned(),
        ..figure
    }
}

/// Caption of a power curve.
const SAME_PATIENTS: &str =
    "Everything else as in the scenario, with the same patients at every point.";

/// Draws the power over values of a key, each with its simulation; a line for each analysis. `planned` is
/// the value in the scenario.
pub fn power_against(
    key: &str,
    planned: f64,
    points: &[(f64, OperatingCharacteristics)],
) -> Figure {
    let mut curves: Vec<PowerCurve> = Vec::new();
    for (x, simulated) in points {
        // The alternative comes first of the truths.
        for (i, analysis) in simulated.truths[0].analyses.iter().enumerate() {
            // The first point begins the curves, which have the same analyses at every point.
            if i == curves.len() {
                curves.push(PowerCurve { name: analysis.name.clone(), points: Vec::new() });
            }
            curves[i].points.push(curve_point(*x, analysis));
        }
    }
    let points = curves.iter().flat_map(|curve| curve.points.iter().map(move |at| (curve, at)));
    let data = Columns::of(points)
        .column("analysis", |(curve, _)| curve.name.clone())
        .column("value", |(_, at)| csv::float(at.x))
        .column("power", |(_, at)| csv::float(at.power))
        .column("power_mcse", |(_, at)| csv::float(at.mcse))
        .column("by_formula", |(_, at)| at.formula.map_or(String::new(), csv::float))
        .csv();
    // Title and provenance are those of the page.
    let labels = Labels {
        title: String::new(),
        subtitle: String::new(),
        x: key.to_owned(),
        planned: Some(planned),
        footer: String::new(),
    };
    Figure {
        name: "power-curve".to_owned(),
        title: format!("Power by {key}"),
        caption: SAME_PATIENTS.to_owned(),
        svg: figure::power_curve(&curves, &Lines::Unordered, &labels),
        data,
    }
}

fn curve_point(x: f64, analysis: &AnalysisSummary) -> CurvePoint {
    CurvePoint {
        x,
        power: analysis.rejection.value,
        mcse: analysis.rejection.mcse,
        formula: analysis.normal_approximation.as_ref().map(|formula| formula.rejection),
    }
}

/// Builds a linear axis whose range is taken from the curves.
fn axis(name: &str) -> CurveAxis {
    CurveAxis { name: name.to_owned(), range: None, scale: CurveScale::Linear }
}
