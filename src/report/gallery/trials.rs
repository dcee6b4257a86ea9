//! Figures of the simulated trials: paths, stopping, distributions, calendar, convergence, balance.

use super::{Figure, axis};
use crate::explore::convergence::ConvergencePoint;
use crate::explore::dossier::{Calendar, CalendarPoint, Distribution, Dossier};
use crate::num::finite;
use crate::report::document::Columns;
use crate::report::figure::{
    self, ArmDifference, Curve, CurveAxis, CurveScale, CurveStyle, LookPanel, LookShares,
    PlannedBounds, PointWithError,
};
use crate::report::rows::conclusion_name;
use crate::report::{Summary, csv};
use crate::scenario::Scenario;
use crate::summary::{AnalysisSummary, ArmImbalance, TruthSummary};

/// Draws paths of Z between the planned boundaries.
pub(super) fn paths(analysis: &AnalysisSummary, dossier: &Dossier) -> Figure {
    let mut rows = Vec::new();
    for path in &dossier.paths {
        for (analysed, z) in &path.points {
            rows.push(vec![
                path.replicate.to_string(),
                analysed.to_string(),
                csv::float(*z),
                conclusion_name(path.conclusion).to_owned(),
            ]);
        }
    }
    let mut looks = Vec::new();
    for look in &analysis.looks {
        let bounds = PlannedBounds {
            analysed: f64::from(look.planned_analysed),
            efficacy: look.z_efficacy,
            futility: look.z_futility,
            harm: look.z_harm,
        };
        for (name, z) in
            [("efficacy", bounds.efficacy), ("futility", bounds.futility), ("harm", bounds.harm)]
        {
            let Some(z) = z else { continue };
            // Boundaries belong to no replicate.
            let replicate = String::new();
            let name = format!("{name} boundary");
            rows.push(vec![replicate, bounds.analysed.to_string(), csv::float(z), name]);
        }
        looks.push(bounds);
    }
    Figure {
        name: "z-paths".to_owned(),
        title: format!("Boundaries and {} simulated trials under H1", dossier.paths.len()),
        caption: paths_caption(analysis),
        svg: figure::paths(&looks, &dossier.paths),
        data: csv::CsvTable::new(&["replicate", "analysed", "z", "conclusion"], rows),
    }
}

/// Draws the planned boundaries without paths.
pub(super) fn planned(scenario: &Scenario) -> Figure {
    let mut rows = Vec::new();
    let mut looks = Vec::new();
    for (k, look) in scenario.design.looks().iter().enumerate() {
        let bounds = PlannedBounds {
            analysed: f64::from(look.analysed),
            efficacy: scenario.planned_efficacy_bound(k),
            // An infinite boundary is not tested.
            futility: finite(look.futility),
            harm: finite(look.harm),
        };
        for (name, z) in
            [("efficacy", bounds.efficacy), ("futility", bounds.futility), ("harm", bounds.harm)]
        {
            let Some(z) = z else { continue };
            let analysed = look.analysed.to_string();
            rows.push(vec![(k + 1).to_string(), analysed, name.to_owned(), csv::float(z)]);
        }
        looks.push(bounds);
    }
    Figure {
        name: "boundaries".to_owned(),
        title: "Planned boundaries".to_owned(),
        caption: "Z at which the trial stops, by the number of patients with an outcome. Z above 0 favours \
                  the experimental arm."
            .to_owned(),
        svg: figure::paths(&looks, &[]),
        data: csv::CsvTable::new(&["look", "analysed", "boundary", "z"], rows),
    }
}

fn paths_caption(analysis: &AnalysisSummary) -> String {
    let name = &analysis.name;
    if analysis.looks.len() == 1 {
        return format!(
            "Z of the first replicates at their only look, monitored by \"{name}\". The boundary is \
             recomputed for the observed number of outcomes."
        );
    }
    format!(
        "Z of the first replicates, monitored by \"{name}\", from look to look; each ends with the mark of \
         its conclusion. Bars are the planned boundaries; that of the final look is recomputed for the \
         observed number of outcomes. Marks that would cover one another are moved sideways."
    )
}

/// Names of the truths in figures.
const UNDER_H1: &str = "under H1 (assumed effect)";
const UNDER_H0: &str = "under H0 (no effect)";
const AT_MARGIN: &str = "under H0 (at the margin)";

/// Draws the shares of trials that have stopped by each look, under both truths.
pub(super) fn stopped_by_look(
    scenario: &Scenario,
    effect: &TruthSummary,
    none: &TruthSummary,
) -> Figure {
    let under_h0 = if scenario.primary_hypothesis().has_margin() { AT_MARGIN } else { UNDER_H0 };
    let panels = [
        LookPanel { name: UNDER_H1.to_owned(), looks: look_shares(effect) },
        LookPanel { name: under_h0.to_owned(), looks: look_shares(none) },
    ];
    let rows = panels.iter().zip(["effect", "none"]).flat_map(|(panel, truth)| {
        panel.looks.iter().enumerate().map(move |(k, look)| (truth, k + 1, look))
    });
    let data = Columns::of(rows)
        .column("truth", |(truth, ..)| *truth)
        .column("by_look", |(_, look, _)| look.to_string())
        .column("efficacy", |(.., shares)| csv::float(shares.efficacy))
        .column("futility", |(.., shares)| csv::float(shares.futility))
        .column("harm", |(.., shares)| csv::float(shares.harm))
        .column("safety", |(.., shares)| csv::float(shares.safety))
        .csv();
    Figure {
        name: "outcomes".to_owned(),
        title: "Status of the trials by look".to_owned(),
        caption: format!(
            "Cumulative, monitored by \"{}\". At the final look, efficacy is the power under H1 and \
             the type I error under H0.",
            effect.analyses[0].name
        ),
        svg: figure::looks(&panels),
        data,
    }
}

fn look_shares(truth: &TruthSummary) -> Vec<LookShares> {
    truth.analyses[0]
        .looks
        .iter()
        .map(|look| LookShares {
            efficacy: look.efficacy_cumulative.value,
            futility: look.futility_cumulative.value,
            harm: look.harm_cumulative.value,
            safety: look.safety_cumulative.map_or(0.0, |share| share.value),
        })
        .collect()
}

/// Draws the distribution of the number randomised.
pub(super) fn sizes(sizes: &Distribution) -> Figure {
    distribution(
        sizes,
        "sample-size",
        "Distribution of the number randomised",
        "patients randomised",
    )
}

/// Draws the distribution of the duration.
pub(super) fn durations(durations: &Distribution) -> Figure {
    distribution(durations, "duration", "Distribution of the months to the decision", "months")
}

fn distribution(of: &Distribution, name: &str, title: &str, unit: &str) -> Figure {
    // The first word: a column has no spaces.
    let column = unit.split(' ').next().unwrap_or(unit);
    // Exactly equal, as both truths have the same patients: what does not depend on the effect is the same to
    // the last bit.
    let curves = if of.effect == of.none {
        vec![distribution_curve("under H1 and H0", 0, CurveStyle::Steps, &of.effect)]
    } else {
        // Dashed over the wider line of H1, so that both show where they are the same.
        vec![
            distribution_curve("under H1", 0, CurveStyle::Steps, &of.effect),
            distribution_curve("under H0", 1, CurveStyle::DashedSteps, &of.none),
        ]
    };
    // A little above 1, where the curves would lie on the frame.
    let shares = CurveAxis {
        range: Some([0.0, 1.02]),
        scale: CurveScale::Percent,
        ..axis("cumulative share of trials")
    };
    let mut rows = Vec::new();
    for (truth, points) in [("effect", &of.effect), ("none", &of.none)] {
        for (value, share) in points {
            rows.push(vec![truth.to_owned(), csv::float(*value), csv::float(*share)]);
        }
    }
    let remarks = match &curves[..] {
        [one] => vec![format!("The same {}.", one.name)],
        _ => Vec::new(),
    };
    Figure {
        name: name.to_owned(),
        title: title.to_owned(),
        caption: format!("Cumulative proportion of trials by {unit}."),
        svg: figure::curves(&axis(unit), &shares, &curves, &remarks),
        data: csv::CsvTable::new(&["truth", column, "share_at_most"], rows),
    }
}

fn distribution_curve(
    name: &str,
    colour: usize,
    style: CurveStyle,
    points: &[(f64, f64)],
) -> Curve {
    // Rises from 0 at the smallest value.
    let start = points.first().map(|&(x, _)| (x, 0.0));
    let points = start
        .into_iter()
        .chain(points.iter().copied())
        .map(|(x, value)| PointWithError { x, value, mcse: 0.0 })
        .collect();
    Curve { name: name.to_owned(), style, colour, points }
}

/// Draws patients and outcomes over the months, with the looks.
pub(super) fn calendar(calendar: &Calendar) -> Figure {
    // The points of the curves and the looks are in one file; the first column distinguishes them.
    let months = calendar.months.iter().map(|at| calendar_row(String::new(), at));
    let looks = calendar.looks.iter().enumerate();
    let looks = looks.map(|(k, at)| calendar_row(format!("look {}", k + 1), at));
    Figure {
        name: "calendar".to_owned(),
        title: "Calendar of a trial that runs to its final look".to_owned(),
        caption: "Means over simulated trials under H1. Looks are at the day of their data. At an interim look \
                  the bar is the patients randomised whose outcome is not known, most of whom overrun if \
                  the trial stops there; at the final look, those who have none."
            .to_owned(),
        svg: figure::calendar(calendar),
        data: csv::CsvTable::new(&["look", "month", "randomised", "known"], months.chain(looks)),
    }
}

fn calendar_row(look: String, at: &CalendarPoint) -> Vec<String> {
    // Means of simulated trials: four decimals are more than their error supports.
    let numbers = [at.month, at.randomised, at.known].map(|number| format!("{number:.4}"));
    std::iter::once(look).chain(numbers).collect()
}

/// Largest number of curves with bands in one figure.
const MOST_BANDS: usize = 3;
/// Largest number of curves; beyond it, those on each other are drawn as one.
const MOST_CURVES: usize = 6;

/// Draws the simulated power over the number of replicates.
pub(super) fn convergence(summary: &Summary, dossier: &Dossier) -> Figure {
    let analyses = &summary.truths[0].analyses;
    let rows = dossier.convergence.iter().flat_map(|point| {
        // Rates under H1 of all analyses come before those under H0.
        let (powers, errors) = point.efficacy.split_at(analyses.len());
        let rates = powers.iter().zip(errors);
        analyses.iter().zip(rates).map(|(analysis, rates)| (point.replicates, analysis, rates))
    });
    let data = Columns::of(rows)
        .column("replicates", |(replicates, ..)| replicates.to_string())
        .column("analysis", |(_, analysis, _)| analysis.name.clone())
        .column("power", |(.., (power, _))| csv::float(power.value))
        .column("power_mcse", |(.., (power, _))| csv::float(power.mcse))
        .column("type_i_error", |(.., (_, error))| csv::float(error.value))
        .column("type_i_error_mcse", |(.., (_, error))| csv::float(error.mcse))
        .csv();
    // Every doubling of the replicates has the same number of points.
    let replicates = CurveAxis { scale: CurveScale::Logarithmic, ..axis("replicates so far") };
    let power = CurveAxis { scale: CurveScale::Percent, ..axis("power") };
    let (curves, remark) = convergence_curves(summary, dossier);
    Figure {
        name: "convergence".to_owned(),
        title: "Convergence of the simulated power".to_owned(),
        caption: "Power over the number of replicates so far.".to_owned(),
        svg: figure::curves(&replicates, &power, &curves, &[remark]),
        data,
    }
}

/// Returns a curve for each analysis, or for several that are alike, and what is to be said of them.
fn convergence_curves(summary: &Summary, dossier: &Dossier) -> (Vec<Curve>, String) {
    let analyses = &summary.truths[0].analyses;
    // With fewer replicates the band covers the whole figure.
    let least = 50.min(summary.provenance.replicates);
    let points: Vec<&ConvergencePoint> =
        dossier.convergence.iter().filter(|point| point.replicates >= least).collect();
    let powers: Vec<Vec<f64>> = (0..analyses.len())
        .map(|i| points.iter().map(|point| point.efficacy[i].value).collect())
        .collect();
    let alike = figure::groups(&powers, MOST_CURVES);
    let mut curves = Vec::new();
    for (colour, group) in alike.groups.iter().enumerate() {
        let names: Vec<&str> = group.iter().map(|&i| analyses[i].name.as_str()).collect();
        // Many bands would cover one another.
        let has_band = alike.groups.len() <= MOST_BANDS || colour == 0;
        let points = points.iter().map(|point| PointWithError {
            // The axis takes exponents: see `CurveScale::Logarithmic`.
            x: libm::log10(point.replicates as f64),
            value: point.efficacy[group[0]].value,
            mcse: if has_band { point.efficacy[group[0]].mcse } else { 0.0 },
        });
        let (style, points) = (CurveStyle::Line, points.collect());
        curves.push(Curve { name: names.join(", "), style, colour, points });
    }
    let mut remark = "Band: ± 1.96 Monte Carlo standard errors".to_owned();
    if alike.groups.len() > MOST_BANDS {
        remark += &format!(", of {}", analyses[0].name);
    }
    remark.push('.');
    if alike.tolerance > 0.0 {
        remark += &format!(
            " Analyses whose power differs by at most {:.0} points throughout are one line.",
            100.0 * alike.tolerance
        );
    }
    (curves, remark)
}

/// Draws the difference between the arms in the whole trial and in each level of each factor.
pub(super) fn balance(truth: &TruthSummary) -> Figure {
    let balance = &truth.balance;
    let mut differences = vec![difference("whole trial".to_owned(), &balance.arm_difference)];
    for level in &balance.levels {
        let among = format!("{}: {}", level.factor, level.level);
        differences.push(difference(among, &level.arm_difference));
    }
    // One row for all centres, of which a trial may have a hundred.
    if let Some(centres) = &balance.centres {
        differences.push(difference("per centre".to_owned(), &centres.arm_difference));
    }
    let rows = differences
        .iter()
        .map(|row| vec![row.among.clone(), csv::float(row.mean), csv::float(row.p95)]);
    Figure {
        name: "balance".to_owned(),
        title: "Treatment balance after the last patient".to_owned(),
        caption:
            "Difference between the numbers of patients in the arms, in the whole trial and within each level \
             of each factor; with unequal arms, twice the distance of the experimental arm from its share."
                .to_owned(),
        svg: figure::balance(&differences),
        data: csv::CsvTable::new(&["among", "mean_difference", "p95_difference"], rows),
    }
}

fn difference(among: String, of: &ArmImbalance) -> ArmDifference {
    ArmDifference { among, mean: of.mean.value, p95: of.p95.value }
}
