//! Figures of the simulated trials: paths, stopping, distributions, calendar, convergence, balance.

use super::{Figure, axis};
use crate::explore::dossier::{Calendar, CalendarPoint, Distribution, Dossier};
use crate::report::figure::{
    self, ArmDifference, Curve, CurveAxis, CurveStyle, LookShares, PlannedBounds, PointWithError,
};
use crate::report::rows::conclusion_name;
use crate::report::{Summary, csv};
use crate::summary::{AnalysisSummary, ArmImbalance, TruthSummary};

/// Draws paths of Z between the planned boundaries.
pub(super) fn paths(analysis: &AnalysisSummary, dossier: &Dossier) -> Figure {
    let mut rows = Vec::new();
    for path in &dossier.paths {
        for (analysed, z) in &path.points {
            rows.push(vec![
                path.replicate.to_string(),
                analysed.to_string(),
                z.to_string(),
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
            rows.push(vec![replicate, bounds.analysed.to_string(), z.to_string(), name]);
        }
        looks.push(bounds);
    }
    Figure {
        name: "z-paths".to_owned(),
        title: format!("Boundaries and {} simulated trials with the effect", dossier.paths.len()),
        caption: format!(
            "The first replicates, monitored by \"{}\"; each ends in the colour and mark of its \
             conclusion. Squares are the planned boundaries; that of the final look is recomputed \
             for the observed number of outcomes.",
            analysis.name
        ),
        svg: figure::paths(&looks, &dossier.paths),
        data: csv::table(&["replicate", "analysed", "z", "conclusion"], rows),
    }
}

/// Draws the shares of trials that have stopped by each look, under both truths.
pub(super) fn stopped_by_look(effect: &TruthSummary, none: &TruthSummary) -> Figure {
    let panels = [
        ("with the effect".to_owned(), look_shares(effect)),
        ("without it".to_owned(), look_shares(none)),
    ];
    let mut rows = Vec::new();
    for (name, looks) in &panels {
        for (k, look) in looks.iter().enumerate() {
            let shares = [look.efficacy, look.futility, look.harm, look.safety];
            let mut row = vec![name.clone(), (k + 1).to_string()];
            row.extend(shares.iter().map(f64::to_string));
            rows.push(row);
        }
    }
    Figure {
        name: "outcomes".to_owned(),
        title: "What has become of the trials by each look".to_owned(),
        caption: format!("Per cent of all trials, monitored by \"{}\".", effect.analyses[0].name),
        svg: figure::looks(&panels),
        data: csv::table(&["truth", "by_look", "efficacy", "futility", "harm", "safety"], rows),
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
    distribution(sizes, "sample-size", "Patients randomised", "patients")
}

/// Draws the distribution of the duration.
pub(super) fn durations(durations: &Distribution) -> Figure {
    distribution(durations, "duration", "Time from opening to decision", "months")
}

fn distribution(of: &Distribution, name: &str, title: &str, unit: &str) -> Figure {
    let curves = [
        distribution_curve("with the effect", 0, &of.effect),
        distribution_curve("without it", 1, &of.none),
    ];
    // A little above 1, where the curves would lie on the frame.
    let shares = CurveAxis { range: Some([0.0, 1.02]), ..axis("share of trials") };
    let mut rows = Vec::new();
    for (truth, points) in [("effect", &of.effect), ("none", &of.none)] {
        for (value, share) in points {
            rows.push(vec![truth.to_owned(), value.to_string(), share.to_string()]);
        }
    }
    Figure {
        name: name.to_owned(),
        title: format!("{title}: distribution over the trials"),
        caption: format!("Share of trials with no more {unit} than on the axis below."),
        svg: figure::curves(&axis(unit), &shares, &curves),
        data: csv::table(&["truth", unit, "share_at_most"], rows),
    }
}

fn distribution_curve(name: &str, colour: usize, points: &[(f64, f64)]) -> Curve {
    // Rises from 0 at the smallest value.
    let start = points.first().map(|&(x, _)| (x, 0.0));
    let points = start
        .into_iter()
        .chain(points.iter().copied())
        .map(|(x, value)| PointWithError { x, value, mcse: 0.0 })
        .collect();
    Curve { name: name.to_owned(), style: CurveStyle::Steps, colour, points }
}

/// Draws patients and outcomes over the months, with the looks.
pub(super) fn calendar(calendar: &Calendar) -> Figure {
    // The points of the curves and the looks are in one file; the first column distinguishes them.
    let months = calendar.months.iter().map(|at| calendar_row(String::new(), at));
    let looks = calendar.looks.iter().enumerate();
    let looks = looks.map(|(k, at)| calendar_row(format!("look {}", k + 1), at));
    Figure {
        name: "calendar".to_owned(),
        title: "The calendar of a trial that runs to its end".to_owned(),
        caption: "Means over simulated trials with the effect. A look is drawn at the day of its data; the \
                  grey bar is the patients who are then randomised without a known outcome: most of them \
                  the overrun if the trial stops there without a delay."
            .to_owned(),
        svg: figure::calendar(calendar),
        data: csv::table(&["look", "month", "randomised", "known"], months.chain(looks)),
    }
}

fn calendar_row(look: String, at: &CalendarPoint) -> Vec<String> {
    let numbers = [at.month, at.randomised, at.known].map(|number| format!("{number:.4}"));
    std::iter::once(look).chain(numbers).collect()
}

/// Largest number of curves with bands in one figure.
const MOST_BANDS: usize = 4;

/// Draws the simulated power over the number of replicates.
pub(super) fn convergence(summary: &Summary, dossier: &Dossier) -> Figure {
    let analyses = &summary.truths[0].analyses;
    // With fewer replicates the band covers the whole figure.
    let least = 50.min(summary.provenance.replicates);
    let mut curves = Vec::new();
    for (i, analysis) in analyses.iter().enumerate().take(MOST_BANDS) {
        let points = dossier
            .convergence
            .iter()
            .filter(|point| point.replicates >= least)
            .map(|point| PointWithError {
                x: libm::log10(point.replicates as f64),
                value: point.efficacy[i].value,
                mcse: point.efficacy[i].mcse,
            })
            .collect();
        let (name, style) = (analysis.name.clone(), CurveStyle::Line);
        curves.push(Curve { name, style, colour: i, points });
    }
    let mut rows = Vec::new();
    for point in &dossier.convergence {
        // Rates under H1 of all analyses come before those under H0.
        let (powers, errors) = point.efficacy.split_at(analyses.len());
        for (analysis, (power, error)) in analyses.iter().zip(powers.iter().zip(errors)) {
            let mut row = vec![point.replicates.to_string(), analysis.name.clone()];
            row.extend([power.value, power.mcse, error.value, error.mcse].map(|x| x.to_string()));
            rows.push(row);
        }
    }
    // Every doubling of the replicates has the same number of points.
    let replicates = CurveAxis { logarithmic: true, ..axis("replicates so far") };
    let header =
        ["replicates", "analysis", "power", "power_mcse", "type_i_error", "type_i_error_mcse"];
    Figure {
        name: "convergence".to_owned(),
        title: "How the simulated power settles".to_owned(),
        caption: format!(
            "Power over the replicates so far, with its 95 % Monte Carlo band{}.",
            if analyses.len() > MOST_BANDS { ", of the first four analyses" } else { "" }
        ),
        svg: figure::curves(&replicates, &axis("power"), &curves),
        data: csv::table(&header, rows),
    }
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
        differences.push(difference("a centre".to_owned(), &centres.arm_difference));
    }
    let rows = differences
        .iter()
        .map(|row| vec![row.among.clone(), row.mean.to_string(), row.p95.to_string()]);
    Figure {
        name: "balance".to_owned(),
        title: "Balance of the allocation".to_owned(),
        caption:
            "Difference between the arms in numbers of patients when all are randomised, in the whole \
             trial and within each level of each factor; with unequal arms, twice the distance of the \
             experimental arm from its share."
                .to_owned(),
        svg: figure::balance(&differences),
        data: csv::table(&["among", "mean_difference", "p95_difference"], rows),
    }
}

fn difference(among: String, of: &ArmImbalance) -> ArmDifference {
    ArmDifference { among, mean: of.mean.value, p95: of.p95.value }
}
