//! Tables of `rescuesim run`, each with the sentence that explains it.

use super::Summary;
use super::description::described;
use super::document::Document;
use super::numeral::{
    NONE, chance, fixed, grouped, number, probability, with_error, with_limit, with_two_digit_error,
};
use super::prior::averaged;
use super::procedure::Show;
use super::synopsis::Synopsis;
use crate::expected;
use crate::explore::precision::PrecisionReached;
use crate::scenario::Scenario;
use crate::scenario::file::{ScenarioFile, WrittenAnalysis};
use crate::summary::{
    AllocationBalance, AnalysisSummary, CentreSummary, EstimatePerformance, GuessedShares,
    LookSummary, McEstimate, NamedQuantity, SizeSummary, TruthSummary,
};

/// Lays out assumptions, verdict and warnings of a run.
pub fn verdict(summary: &Summary, scenario: &Scenario) -> Document {
    let Summary { provenance, truths, prior, procedure: _ } = summary;
    let mut out = Synopsis::new(scenario, truths, prior.as_ref()).document();
    out += warnings(scenario);
    let digest = &provenance.scenario_digest[..12];
    let version = provenance.version;
    out.text(format!("{}; rescuesim {version}, scenario {digest}.", simulated(summary)))
        .verbatim(format!("Recreate: {}", provenance.command))
        .text("More: --full prints all results, `rescuesim report` writes them as a page.")
}

/// Lays out all results of a run, assumptions and verdict first.
pub fn document(summary: &Summary, scenario: &Scenario) -> Document {
    let provenance = &summary.provenance;
    let written = &provenance.scenario;
    let [alternative, null, ..] = &summary.truths[..] else {
        unreachable!("every run simulates the alternative and the null")
    };
    let mut out = Synopsis::new(scenario, &summary.truths, summary.prior.as_ref()).document();
    out += warnings(scenario);
    out = out.gap();
    if let Some(question) = &written.question {
        out = out.text(format!("Remark of the scenario: {question}"));
    }
    out = out.text(format!("{}.", simulated(summary)));
    for text in super::centres::described(written) {
        out = out.text(&text);
    }
    out = out.heading("Does the trial show an effect?");
    out += rejection(alternative, null);
    out += by_formula(alternative, written);
    out += reduced(alternative, null);
    out += within_stratum(written, alternative);
    out += super::disregarded::document(alternative, null);
    out += super::safety::price(alternative, null);
    out += over_prior(summary);
    out = out.heading("Looks").text(scenario.design.description());
    out += super::looks::document(&alternative.analyses[0]);
    let analyses = alternative.analyses.iter().zip(&null.analyses).zip(&written.analyses);
    for ((effect, none), analysis) in analyses {
        out = out.heading(format!("Monitored by \"{}\": {}", effect.name, analysis.describe()));
        out += stops(effect, none);
        out = out.gap();
        out += sizes(effect, none);
        out = out.gap();
        out += estimates(effect, none);
    }
    out = out.gap();
    out = out.text(
        "Reversal: the trial stopped early, and the analysis repeated with the outcomes of the \
         overrun concludes otherwise. The estimate and the coverage of its 95 % interval ignore \
         the looks; \"early\" are trials that stopped at an interim look; \"followed\" is the estimate once the \
         patients of the overrun have been followed to their end.",
    );
    out = out.text(format!("\"Adjusted\" is {ADJUSTED}"));
    if let Some(procedure) = &summary.procedure {
        out = out.heading("The procedure, in all patients of trials that run to their end");
        out += super::procedure::document(procedure, written, Show::Simulated);
    }
    out += super::safety::events(alternative, null);
    out += described(&summary.truths);
    out = out.heading("Balance of the allocation when all are randomised");
    out += balance(&alternative.balance);
    out.gap().verbatim(format!(
        "rescuesim {}, scenario {}\nRecreate: {}",
        provenance.version,
        &provenance.scenario_digest[..12],
        provenance.command
    ))
}

/// Lays out quantities averaged over the prior; empty without a prior.
pub(super) fn over_prior(summary: &Summary) -> Document {
    match (&summary.prior, &summary.provenance.scenario.prior) {
        (Some(prior), Some(written)) => {
            Document::new().heading("Averaged over the prior") + averaged(prior, written)
        }
        (Some(_) | None, _) => Document::new(),
    }
}

/// Lays out the warnings of a scenario.
fn warnings(scenario: &Scenario) -> Document {
    let warnings = expected::warnings(scenario);
    warnings.iter().fold(Document::new(), |out, warning| out.text(format!("Warning: {warning}.")))
}

/// States how much was simulated.
fn simulated(summary: &Summary) -> String {
    let provenance = &summary.provenance;
    let truths = match summary.prior {
        Some(_) => {
            "under H1 (assumed effect), as many under H0 (no effect) and with effects drawn from the prior"
        }
        None => "under H1 (assumed effect) and as many under H0 (no effect)",
    };
    let (replicates, seed) = (grouped(provenance.replicates), provenance.seed);
    let reached = precision(provenance.precision.as_ref(), "");
    format!(
        "{replicates} simulated trials {truths}, seed {seed}{reached}; ± Monte Carlo standard error"
    )
}

/// Definition of adjusted estimates.
pub(super) const ADJUSTED: &str = "the median-unbiased estimate with its interval, by stage-wise \
    ordering. It allows for stops at all boundaries of the design, futility included, as if these \
    are always heeded, but not for stops by adverse events.";

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
    if *reached == 0.0 {
        return format!(", in all of which {what}{named} is the same");
    }
    // Two digits of the error.
    let digits = (1.0 - libm::log10(*reached).floor()).clamp(0.0, 17.0) as usize;
    format!(
        ", after which the standard error of {what}{named} is {reached:.digits$} (asked for: {asked})"
    )
}

/// Explains the closed forms, and why they may differ from the simulation.
pub(super) fn by_formula(alternative: &TruthSummary, scenario: &ScenarioFile) -> Document {
    let mut out = Document::new();
    for (summary, written) in alternative.analyses.iter().zip(&scenario.analyses) {
        let AnalysisSummary { name, formula, .. } = summary;
        out = out.text(match why_it_differs(summary, written, scenario) {
            Some(reasons) => format!(
                "By formula, {name}: {formula}. A normal approximation, which may differ from the \
                 simulation by more than Monte Carlo error, as {reasons}."
            ),
            None => format!("By formula, {name}: {formula}."),
        });
    }
    out
}

/// Lists the reasons for which a closed form differs from the simulation; `None` without a closed form.
fn why_it_differs(
    summary: &AnalysisSummary,
    written: &WrittenAnalysis,
    scenario: &ScenarioFile,
) -> Option<String> {
    summary.normal_approximation.as_ref()?;
    let mut reasons = vec![if written.method.parameters().counts_successes() {
        "successes are whole numbers"
    } else {
        "Z has the variance that large trials have"
    }];
    if scenario.drift.as_ref().is_some_and(|drift| drift.log_odds_per_year != 0.0) {
        reasons.push(
            "outcomes are averaged over the time of the trial while early looks see early patients",
        );
    }
    if scenario.centres.as_ref().is_some_and(|centres| centres.outcome_sd > 0.0) {
        reasons.push("outcomes are averaged over the centres");
    }
    Some(reasons.join(", and "))
}

/// States the odds ratio within a stratum; empty if it is that of the whole population.
pub(super) fn within_stratum(scenario: &ScenarioFile, alternative: &TruthSummary) -> Document {
    let prognostic = scenario.factors.iter().filter_map(|factor| factor.log_odds.as_ref());
    let prognostic = prognostic.flatten().any(|&log_odds| log_odds != 0.0);
    let centres_differ = scenario.centres.as_ref().is_some_and(|centres| centres.outcome_sd > 0.0);
    let (of, what) = match (prognostic, centres_differ) {
        (_, false) => ("a stratum", "prognostic factors put"),
        (false, true) => ("a centre", "differences between centres put"),
        (true, true) => ("a stratum and centre", "prognostic factors and centres put"),
    };
    match alternative.odds_ratios_within_stratum[2] {
        Some(odds_ratio) if prognostic || centres_differ => Document::new().text(format!(
            "Within {of} the odds ratio of mRS 0–2 is {odds_ratio:.4}: {what} it further from 1 than \
             in the whole population."
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
    pub alpha_spent: f64,
}

/// Lays out looks with their Z bounds, with a column for harm if some look tests for it.
pub(super) fn boundaries(looks: Vec<BoundaryRow>, decimals: usize) -> Document {
    // Most designs have no harm boundary, and the column would be empty.
    let shown = if looks.iter().any(|look| look.bounds[2].is_some()) { 3 } else { 2 };
    let rows = looks.into_iter().map(|look| {
        let mut row =
            vec![look.name, look.analysed.to_string(), format!("{:.4}", look.information)];
        let bounds = look.bounds.into_iter().take(shown);
        row.extend(bounds.map(|z| z.map_or(NONE.to_owned(), |z| fixed(z, decimals))));
        row.push(probability(look.alpha_spent, 6));
        row
    });
    let mut header = vec!["look", "analysed", "information"];
    header.extend(&["efficacy Z ≥", "futility Z ≤", "harm Z ≤"][..shown]);
    header.push("alpha spent");
    Document::of_table(&header, rows.collect())
}

/// Lays out power and type I error of every analysis, simulated and by closed form.
pub(super) fn rejection(alternative: &TruthSummary, null: &TruthSummary) -> Document {
    let rows = alternative.analyses.iter().zip(&null.analyses).map(|(effect, none)| {
        let [power, error] = [effect, none].map(|analysis| with_limit(analysis.rejection));
        let [power_by_formula, error_by_formula] = [effect, none].map(|analysis| {
            chance(analysis.normal_approximation.as_ref().map(|closed_form| closed_form.rejection))
        });
        vec![effect.name.clone(), power, power_by_formula, error, error_by_formula]
    });
    let header = ["analysis", "power", "by\nformula", "one-sided\ntype I error", "by\nformula"];
    Document::of_table(&header, rows.collect())
}

/// Lays out power and type I error by control variate, with the replicates that these save; empty without
/// control variates.
pub(super) fn reduced(alternative: &TruthSummary, null: &TruthSummary) -> Document {
    let analyses = alternative.analyses.iter().zip(&null.analyses);
    let rows: Vec<Vec<String>> = analyses
        .filter_map(|(effect, none)| {
            let [power, error] = [effect.rejection_reduced?, none.rejection_reduced?];
            let [by_power, by_error] = [power.factor, error.factor]
                .map(|gain| if gain.is_finite() { format!("×{gain:.1}") } else { NONE.to_owned() });
            let [power, error] = [power, error].map(|of| with_two_digit_error(of.estimate));
            Some(vec![effect.name.clone(), power, by_power, error, by_error])
        })
        .collect();
    if rows.is_empty() {
        return Document::new();
    }
    let header = ["control\nvariate", "power", "gain", "one-sided\ntype I error", "gain"];
    Document::new().gap().table(&header, rows).text(
        "The same with the noise taken out that a simpler trial of the same patients, whose chance is \
         known, has too. Gain: as many times the replicates would be needed without.",
    )
}

/// Returns whether the trial can stop for futility, and whether for harm.
pub(super) fn lower_boundaries(analysis: &AnalysisSummary) -> [bool; 2] {
    [
        analysis.looks.iter().any(|look| look.z_futility.is_some()),
        analysis.looks.iter().any(|look| look.z_harm.is_some()),
    ]
}

/// Lays out the probabilities of stopping, look by look.
pub(super) fn stops(effect: &AnalysisSummary, none: &AnalysisSummary) -> Document {
    let [has_futility, has_harm] = lower_boundaries(effect);
    let all: [Stops; 4] = [
        ("efficacy", |look| [look.efficacy, look.efficacy_cumulative]),
        ("futility", |look| [look.futility, look.futility_cumulative]),
        ("harm", |look| [look.harm, look.harm_cumulative]),
        ("safety", |look| {
            [look.safety, look.safety_cumulative]
                .map(|p| p.expect("the column is shown only if safety can stop the trial"))
        }),
    ];
    let shown = [true, has_futility, has_harm, effect.price_of_safety.is_some()];
    let reasons: Vec<Stops> =
        all.into_iter().zip(shown).filter(|(_, shown)| *shown).map(|(stops, _)| stops).collect();
    // Within 80 columns, three reasons leave no room for cumulative probabilities, nor do two with the many
    // decimals of stops as rare as those for safety under the null.
    if reasons.len() < 3 && effect.price_of_safety.is_none() {
        stops_with_cumulative(effect, none, &reasons)
    } else {
        stops_with_total(effect, none, &reasons)
    }
}

/// A reason to stop, with its probability at a look and by that look.
type Stops = (&'static str, fn(&LookSummary) -> [McEstimate; 2]);

fn stops_with_cumulative(
    effect: &AnalysisSummary,
    none: &AnalysisSummary,
    reasons: &[Stops],
) -> Document {
    let mut rows = Vec::new();
    for (truth, analysis) in [("effect", effect), ("no effect", none)] {
        for look in &analysis.looks {
            let mut row = vec![format!("{truth}, look {}", look.look)];
            row.extend(reasons.iter().flat_map(|(_, of)| of(look).map(with_error)));
            rows.push(row);
        }
    }
    let header = reasons.iter().flat_map(|(name, _)| [*name, "so far"]);
    Document::of_table(&std::iter::once("stops for").chain(header).collect::<Vec<_>>(), rows)
}

fn stops_with_total(
    effect: &AnalysisSummary,
    none: &AnalysisSummary,
    reasons: &[Stops],
) -> Document {
    let mut rows = Vec::new();
    for (truth, analysis) in [("effect", effect), ("no effect", none)] {
        for look in &analysis.looks {
            let mut row = vec![format!("{truth}, look {}", look.look)];
            row.extend(reasons.iter().map(|(_, of)| with_error(of(look)[0])));
            rows.push(row);
        }
        // The cumulative probabilities at the final look are those of the whole trial.
        let last = analysis.looks.last().expect("there is a final look");
        let mut row = vec![format!("{truth}, any look")];
        row.extend(reasons.iter().map(|(_, of)| with_error(of(last)[1])));
        rows.push(row);
    }
    let header = reasons.iter().map(|(name, _)| *name);
    Document::of_table(&std::iter::once("stops for").chain(header).collect::<Vec<_>>(), rows)
}

/// Lays out sizes, durations, overrun and reversals.
pub(super) fn sizes(effect: &AnalysisSummary, none: &AnalysisSummary) -> Document {
    let mut rows = Vec::new();
    for (truth, analysis) in [("effect", effect), ("no effect", none)] {
        for (what, size) in
            [("randomised", &analysis.n_randomised), ("analysed", &analysis.n_analysed)]
        {
            let SizeSummary { mean, p80, p95, max } = *size;
            let mut row = vec![format!("{truth}, {what}")];
            row.extend([mean, p80, p95, max].map(with_error));
            rows.push(row);
        }
        for (what, mean) in [
            ("overrun", analysis.overrun),
            ("months to decision", analysis.duration_months),
            ("reversal", analysis.reversal),
        ] {
            rows.push(vec![format!("{truth}, {what}"), with_error(mean)]);
        }
        if analysis.fit_failures > 0 {
            let name = format!("{truth}, trials without an estimate");
            rows.push(vec![name, grouped(analysis.fit_failures)]);
        }
    }
    Document::of_table(&["truth", "mean", "80th pct", "95th pct", "max"], rows)
}

/// Lays out mean, bias, error and coverage of the estimates.
pub(super) fn estimates(effect: &AnalysisSummary, none: &AnalysisSummary) -> Document {
    let mut rows = Vec::new();
    for (truth, analysis) in [("effect", effect), ("no effect", none)] {
        let estimate = &analysis.estimate;
        let mut shown = vec![(truth.to_owned(), &estimate.overall)];
        // Without early stops the other estimates are the same.
        if estimate.stopped_early.mean.n > 0 {
            shown.push((format!("{truth}, early"), &estimate.stopped_early));
            shown.push((format!("{truth}, followed"), &estimate.with_overrun));
            shown.push((format!("{truth}, adjusted"), &estimate.median_unbiased));
        }
        for (name, performance) in shown {
            let EstimatePerformance { mean, bias, rmse, coverage, .. } = *performance;
            let mut row = vec![name, number(estimate.truth), number(Some(mean.value))];
            row.extend([bias, rmse, coverage].map(with_error));
            rows.push(row);
        }
    }
    let mut out =
        Document::of_table(&["estimate", "truth", "mean", "bias", "RMSE", "coverage"], rows);
    let mean = effect.estimate.overall.mean.value;
    // The exponential of a mean logarithm is the geometric mean of the ratios.
    if let (Some(ratio), Some(truth), true) =
        (ratio_of(effect.estimate.scale), effect.estimate.truth, mean.is_finite())
    {
        let ratios = if ratio.ends_with('s') { ratio } else { ratio + "s" };
        out = out.text(format!(
            "As {ratios}, with the effect: truth {:.2}, mean {:.2}.",
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
    let centre = balance.centres.iter().map(|of| ("a centre".to_owned(), &of.arm_difference));
    let rows = std::iter::once(whole)
        .chain(levels)
        .chain(centre)
        .map(|(name, imbalance)| vec![name, with_error(imbalance.mean), with_error(imbalance.p95)]);
    Document::of_table(&["difference between the arms", "mean", "95th pct"], rows.collect()).gap()
        + correct_guesses(&balance.correct_guesses, balance.centres.as_ref())
        + balance.centres.as_ref().map_or_else(Document::new, super::centres::attendance)
}

fn correct_guesses(guesses: &GuessedShares, centres: Option<&CentreSummary>) -> Document {
    let mut shares = vec![
        ("the arms of all earlier patients", guesses.whole_trial),
        ("those of the patient's stratum", guesses.within_strata),
    ];
    shares.extend(centres.map(|of| ("those of the patient's centre", of.correct_guesses)));
    let rows = shares.into_iter().map(|(name, share)| vec![name.to_owned(), with_error(share)]);
    Document::of_table(
        &["predictability to an observer who knows", "guessed correctly"],
        rows.collect(),
    )
    .text(
        "The guess is the arm that is behind, in a tie the larger one; half a guess on each \
             where they are equal.",
    )
}
