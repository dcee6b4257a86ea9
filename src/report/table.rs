//! Tables of results, each with the sentence that explains it.

use super::Summary;
use super::document::{Columns, Document};
use super::numeral::{
    NONE, chance, decimals_of, fixed, grouped, number, probability, value_and_error, with_error,
    with_limit, with_two_digit_error,
};
use super::prior::{averaged, no_benefit};
use super::synopsis::StopReason;
use crate::explore::precision::PrecisionReached;
use crate::scenario::Truth;
use crate::scenario::file::{Decisions, ScenarioFile, WrittenAnalysis};
use crate::summary::{
    AllocationBalance, AnalysisSummary, CentreSummary, EstimatePerformance, GuessedShares,
    NamedQuantity, SizeSummary, TruthSummary,
};

/// Lays out quantities averaged over the prior; empty without a prior.
pub(super) fn over_prior(summary: &Summary) -> Document {
    match (&summary.prior, &summary.provenance.scenario.prior) {
        (Some(prior), Some(written)) => {
            let out = Document::new().heading("Averaged over the prior") + averaged(prior, written);
            match summary.provenance.scenario.design.decisions {
                Decisions::Frequentist => out,
                Decisions::Bayesian => out + no_benefit(&prior.analyses),
            }
        }
        (Some(_) | None, _) => Document::new(),
    }
}

/// Definition of adjusted estimates.
pub(super) const ADJUSTED: &str = "the median-unbiased estimate with its interval, by stage-wise \
    ordering. It allows for stops at all boundaries of the design, futility included, as if these \
    are always heeded, but not for stops by adverse events";

/// Definition of the estimate of trials that changed their number of patients.
pub(super) const WEIGHTED: &str =
    "the estimate by the weighted Z of both stages (Lawrence & Hung 2003)";

/// Defines the adjusted estimates of a run.
pub(super) fn adjusted_in_words(analysis: &AnalysisSummary) -> String {
    let weighted = analysis.reestimation.as_ref().and_then(|it| it.weighted);
    match weighted {
        Some(_) => format!("{ADJUSTED}; in trials whose size changed, {WEIGHTED}"),
        None => ADJUSTED.to_owned(),
    }
}

/// Whether adjusted estimates differ from the others: if a look stopped a trial, or changed its size.
pub(super) fn has_adjusted(analysis: &AnalysisSummary) -> bool {
    let is_weighted = analysis.reestimation.as_ref().is_some_and(|it| it.weighted.is_some());
    is_weighted || analysis.estimate.stopped_early.mean.n > 0
}

/// Describes the precision that ended a simulation, with words to put before the name of the quantity; empty
/// without `--precision`.
pub(super) fn precision(reached: Option<&PrecisionReached>, what: &str) -> String {
    let Some(PrecisionReached { figure, asked, reached, by_control_variate }) = reached else {
        return String::new();
    };
    let named = figure
        .parse::<NamedQuantity>()
        .map_or_else(|_| figure.replace('-', " "), NamedQuantity::words);
    let named = if *by_control_variate { format!("{named} by control variate") } else { named };
    // A quantity that never varied; the logarithm of 0 would ask for infinitely many digits.
    if *reached == 0.0 {
        return format!(", in all of which {what}{named} is the same");
    }
    // Two digits of the error.
    let digits = decimals_of(*reached, 2, 17);
    format!(
        ", after which the standard error of {what}{named} is {reached:.digits$} (asked for: {asked})"
    )
}

/// Explains the closed forms, and why they may differ from the simulation.
pub(super) fn by_formula(alternative: &TruthSummary, scenario: &ScenarioFile) -> Document {
    let mut formulas: Vec<(&str, Vec<&str>)> = Vec::new();
    for AnalysisSummary { name, formula, .. } in &alternative.analyses {
        // Analyses that share a formula are named together, as nineteen paragraphs would bury the tables.
        match formulas.iter_mut().find(|(known, _)| known == formula) {
            Some((_, names)) => names.push(name),
            None => formulas.push((formula, vec![name])),
        }
    }
    let out = formulas.iter().fold(Document::new(), |out, (formula, names)| {
        out.text(format!("Formula, {}: {formula}.", names.join(", ")))
    });
    let reasons = why_formulas_differ(alternative, scenario);
    if reasons.is_empty() {
        return out;
    }
    out.text(format!(
        "Formulas are normal approximations, which can differ from the simulation beyond Monte Carlo \
         error because {}.",
        reasons.join(", and ")
    ))
}

/// Lists the reasons for which closed forms differ from the simulation; empty without a closed form.
fn why_formulas_differ(alternative: &TruthSummary, scenario: &ScenarioFile) -> Vec<&'static str> {
    let analyses = alternative.analyses.iter().zip(&scenario.analyses);
    let approximated: Vec<&WrittenAnalysis> = analyses
        .filter(|(summary, _)| summary.normal_approximation.is_some())
        .map(|(_, written)| written)
        .collect();
    if approximated.is_empty() {
        return Vec::new();
    }
    let drifts = scenario.drift.as_ref().is_some_and(|drift| drift.log_odds_per_year != 0.0);
    let centres_differ = scenario.centres.as_ref().is_some_and(|centres| centres.outcome_sd > 0.0);
    let is_bayesian = scenario.design.decisions == Decisions::Bayesian;
    let by_counts = |of: &&WrittenAnalysis| of.method.parameters().counts_successes();
    let reasons = [
        ("the Z that a posterior probability amounts to depends on the control arm", is_bayesian),
        ("counts of successes are discrete", approximated.iter().any(by_counts)),
        ("the variance of Z is that of large trials", !approximated.iter().all(by_counts)),
        (
            "outcomes are averaged over the time of the trial while early looks see early patients",
            drifts,
        ),
        ("outcomes are averaged over the centres", centres_differ),
    ];
    reasons.into_iter().filter(|(_, holds)| *holds).map(|(reason, _)| reason).collect()
}

/// States the odds ratio within a stratum; empty if it is that of the whole population.
pub(super) fn within_stratum(scenario: &ScenarioFile, alternative: &TruthSummary) -> Document {
    let prognostic = scenario.factors.iter().filter_map(|factor| factor.log_odds.as_ref());
    let prognostic = prognostic.flatten().any(|&log_odds| log_odds != 0.0);
    let centres_differ = scenario.centres.as_ref().is_some_and(|centres| centres.outcome_sd > 0.0);
    let (place, condition) = match (prognostic, centres_differ) {
        (_, false) => ("stratum", "prognostic factors"),
        (false, true) => ("centre", "the centre"),
        (true, true) => ("stratum and centre", "prognostic factors and centre"),
    };
    // Index 2 is the cut between mRS 2 and 3.
    match alternative.odds_ratios_within_stratum[2] {
        Some(odds_ratio) if prognostic || centres_differ => Document::new().text(format!(
            "The odds ratio of mRS 0–2 within a {place} is {odds_ratio:.2}: conditional on {condition} \
             it is further from 1 than the marginal odds ratio."
        )),
        Some(_) | None => Document::new(),
    }
}

/// Names the exponential of an estimate on a scale; `None` if the scale is no logarithm.
fn ratio_of(scale: &str) -> Option<String> {
    scale.strip_prefix("log_").map(|ratio| ratio.replace('_', " "))
}

/// One look of a table of boundaries.
pub(super) struct BoundaryRow {
    pub name: String,
    pub analysed: u32,
    pub information: f64,
    /// Z bounds for efficacy, futility and harm.
    pub bounds: [Option<f64>; 3],
    /// `None` if the boundaries do not follow from a level.
    pub alpha_spent: Option<f64>,
}

/// Lays out looks with their Z bounds, with a column for harm if some look tests for it.
pub(super) fn boundaries(looks: Vec<BoundaryRow>, decimals: usize) -> Document {
    // Most designs have no harm boundary, and the column would be empty.
    let has_harm = looks.iter().any(|look| look.bounds[2].is_some());
    let z = |bound: Option<f64>| bound.map_or(NONE.to_owned(), |z| fixed(z, decimals));
    Columns::of(looks)
        .column("look", |look| look.name.clone())
        .column("analysed", |look| look.analysed.to_string())
        .column("information", |look| format!("{:.4}", look.information))
        .column("efficacy Z ≥", |look| z(look.bounds[0]))
        .column("futility Z ≤", |look| z(look.bounds[1]))
        .column_if(has_harm, "harm Z ≤", |look| z(look.bounds[2]))
        .column("alpha spent", |look| {
            look.alpha_spent.map_or(NONE.to_owned(), |spent| probability(spent, 6))
        })
        .document()
}

/// Lays out power and type I error of every analysis, simulated and by closed form; `has_margin` says
/// whether the latter is that at the margin.
pub(super) fn rejection(
    alternative: &TruthSummary,
    null: &TruthSummary,
    has_margin: bool,
) -> Document {
    let error = if has_margin {
        "one-sided type I\nerror at the margin"
    } else {
        "one-sided\ntype I error"
    };
    Columns::of(alternative.analyses.iter().zip(&null.analyses))
        .column("analysis", |(effect, _)| effect.name.clone())
        .column("power", |(effect, _)| with_limit(effect.rejection))
        .column("formula", |(effect, _)| rejection_by_formula(effect))
        .column(error, |(_, none)| with_limit(none.rejection))
        .column("formula", |(_, none)| rejection_by_formula(none))
        .document()
}

fn rejection_by_formula(analysis: &AnalysisSummary) -> String {
    chance(analysis.normal_approximation.as_ref().map(|closed_form| closed_form.rejection))
}

/// Lays out power and type I error by control variate, with the replicates that these save; empty without
/// control variates.
pub(super) fn reduced(alternative: &TruthSummary, null: &TruthSummary) -> Document {
    let analyses: Vec<_> = alternative
        .analyses
        .iter()
        .zip(&null.analyses)
        .filter_map(|(effect, none)| {
            Some((&effect.name, effect.rejection_reduced?, none.rejection_reduced?))
        })
        .collect();
    if analyses.is_empty() {
        return Document::new();
    }
    let gain = |gain: f64| if gain.is_finite() { format!("×{gain:.1}") } else { NONE.to_owned() };
    let table = Columns::of(analyses)
        .column("control\nvariate", |(name, ..)| (*name).clone())
        .column("power", |(_, power, _)| with_two_digit_error(power.estimate))
        .column("gain", |(_, power, _)| gain(power.factor))
        .column("one-sided\ntype I error", |(.., error)| with_two_digit_error(error.estimate))
        .column("gain", |(.., error)| gain(error.factor));
    table.document().after_gap().text(
        "Control variates remove the noise that a simpler trial of the same patients, whose probability \
         is known, shares. Gain: factor by which more replicates would be needed without them.",
    )
}

/// Returns whether the trial can stop for futility, and whether for harm.
pub(super) fn lower_boundaries(analysis: &AnalysisSummary) -> [bool; 2] {
    [
        analysis.looks.iter().any(|look| look.z_futility.is_some()),
        analysis.looks.iter().any(|look| look.z_harm.is_some()),
    ]
}

/// Names a truth in a table whose column is headed "under", from its name in results.
pub(super) fn under(truth: &str) -> &str {
    let [alternative, null, _] = Truth::NAMES;
    if truth == alternative {
        "H1"
    } else if truth == null {
        "H0"
    } else {
        truth
    }
}

/// Names of the truths in the rows of tables, the alternative first.
pub(super) const TRUTHS: [&str; 2] = ["under H1", "under H0"];

/// Lays out the probabilities of stopping, look by look.
pub(super) fn stops(effect: &AnalysisSummary, none: &AnalysisSummary) -> Document {
    let reasons: Vec<StopReason> = StopReason::possible(effect).collect();
    // Within 80 columns, three reasons leave no room for cumulative probabilities, nor do two with the many
    // decimals of stops as rare as those for safety under the null.
    if reasons.len() < 3 && effect.price_of_safety.is_none() {
        stops_with_cumulative(effect, none, &reasons)
    } else {
        stops_with_total(effect, none, &reasons)
    }
}

/// Names a look: by its number, and the last one as the final one.
pub(super) fn look_name(look: usize, looks: usize) -> String {
    if look == looks { "final".to_owned() } else { format!("look {look}") }
}

fn stops_with_cumulative(
    effect: &AnalysisSummary,
    none: &AnalysisSummary,
    reasons: &[StopReason],
) -> Document {
    let looks = TRUTHS.into_iter().zip([effect, none]).flat_map(|(truth, analysis)| {
        analysis.looks.iter().map(move |look| {
            (format!("{truth}, {}", look_name(look.look, analysis.looks.len())), look)
        })
    });
    let table = Columns::of(looks).column("stopping probability", |(name, _)| name.clone());
    let table = reasons.iter().fold(table, |table, reason| {
        table
            .column(reason.name(), |(_, look)| with_error(reason.at(look)))
            .column("cumulative", |(_, look)| with_error(reason.cumulative(look)))
    });
    table.document()
}

fn stops_with_total(
    effect: &AnalysisSummary,
    none: &AnalysisSummary,
    reasons: &[StopReason],
) -> Document {
    let mut rows = Vec::new();
    for (truth, analysis) in TRUTHS.into_iter().zip([effect, none]) {
        for look in &analysis.looks {
            let name = look_name(look.look, analysis.looks.len());
            let mut row = vec![format!("{truth}, {name}")];
            row.extend(reasons.iter().map(|reason| with_error(reason.at(look))));
            rows.push(row);
        }
        // The cumulative probabilities at the final look are those of the whole trial.
        let last = analysis.looks.last().expect("there is a final look");
        let mut row = vec![format!("{truth}, any look")];
        row.extend(reasons.iter().map(|reason| with_error(reason.cumulative(last))));
        rows.push(row);
    }
    let header = reasons.iter().map(|reason| reason.name());
    let header: Vec<&str> = std::iter::once("stopping probability").chain(header).collect();
    Document::of_table(&header, rows)
}

/// Lays out sizes, durations, overrun and reversals.
pub(super) fn sizes(effect: &AnalysisSummary, none: &AnalysisSummary) -> Document {
    let mut rows = Vec::new();
    for (truth, analysis) in TRUTHS.into_iter().zip([effect, none]) {
        for (what, size) in
            [("randomised", &analysis.n_randomised), ("analysed", &analysis.n_analysed)]
        {
            let SizeSummary { mean, p80, p95, max, .. } = *size;
            let mut row = vec![format!("{truth}, {what}")];
            row.extend([mean, p80, p95, max].map(with_error));
            rows.push(row);
        }
        rows.push(vec![format!("{truth}, months"), with_error(analysis.duration_months)]);
        // Without interim looks no patient overruns, and no conclusion is reversed.
        if analysis.looks.len() > 1 {
            rows.push(vec![format!("{truth}, overrun"), with_error(analysis.overrun)]);
            rows.push(vec![format!("{truth}, reversal"), with_error(analysis.reversal)]);
        }
        if analysis.fit_failures > 0 {
            let name = format!("{truth}, trials without an estimate");
            rows.push(vec![name, grouped(analysis.fit_failures)]);
        }
    }
    Document::of_table(&["patients at the decision", "mean", "80th pct", "95th pct", "max"], rows)
}

/// Lays out mean, bias, error and coverage of the estimates.
pub(super) fn estimates(effect: &AnalysisSummary, none: &AnalysisSummary) -> Document {
    let mut rows = Vec::new();
    for (truth, analysis) in TRUTHS.into_iter().zip([effect, none]) {
        let estimate = &analysis.estimate;
        let mut shown = vec![(truth.to_owned(), &estimate.overall)];
        // Without early stops the other estimates are the same.
        if estimate.stopped_early.mean.n > 0 {
            shown.push((format!("{truth}, early"), &estimate.stopped_early));
            shown.push((format!("{truth}, followed"), &estimate.with_overrun));
        }
        if has_adjusted(analysis) {
            shown.push((format!("{truth}, adjusted"), &estimate.median_unbiased));
        }
        for (name, performance) in shown {
            let EstimatePerformance { mean, bias, rmse, coverage, .. } = *performance;
            let mut row = vec![name, number(estimate.truth), value_and_error(mean, 1).0];
            row.extend([bias, rmse, coverage].map(with_error));
            rows.push(row);
        }
    }
    let mut out =
        Document::of_table(&["estimate", "true", "mean", "bias", "RMSE", "coverage"], rows);
    let mean = effect.estimate.overall.mean.value;
    // The exponential of a mean logarithm is the geometric mean of the ratios.
    if let (Some(ratio), Some(truth), true) =
        (ratio_of(effect.estimate.scale), effect.estimate.truth, mean.is_finite())
    {
        let ratios = if ratio.ends_with('s') { ratio } else { ratio + "s" };
        out = out.text(format!(
            "As {ratios} under H1: true {:.2}, mean {:.2}.",
            libm::exp(truth),
            libm::exp(mean)
        ));
    }
    out
}

/// Lays out the balance of the allocation and its predictability.
pub(super) fn balance(balance: &AllocationBalance) -> Document {
    let whole = ("whole trial".to_owned(), &balance.arm_difference);
    let levels = balance
        .levels
        .iter()
        .map(|level| (format!("{}: {}", level.factor, level.level), &level.arm_difference));
    let centre = balance.centres.iter().map(|of| ("per centre".to_owned(), &of.arm_difference));
    Columns::of(std::iter::once(whole).chain(levels).chain(centre))
        .column("difference between arms", |(name, _)| name.clone())
        .column("mean", |(_, imbalance)| with_error(imbalance.mean))
        .column("95th pct", |(_, imbalance)| with_error(imbalance.p95))
        .document()
        .gap()
        + correct_guesses(&balance.correct_guesses, balance.centres.as_ref())
        + balance.centres.as_ref().map_or_else(Document::new, super::centres::attendance)
}

fn correct_guesses(guesses: &GuessedShares, centres: Option<&CentreSummary>) -> Document {
    let mut shares = vec![
        ("the arms of all earlier patients", guesses.whole_trial),
        ("the earlier arms of the patient's stratum", guesses.within_strata),
    ];
    shares
        .extend(centres.map(|of| ("the earlier arms of the patient's centre", of.correct_guesses)));
    Columns::of(shares)
        .column("predictability to an observer who knows", |(name, _)| *name)
        .column("guessed correctly", |(_, share)| with_error(*share))
        .document()
        .text("The guess is the arm that is behind its share; in a tie the larger arm, or a coin toss between \
             arms of equal size.")
}
