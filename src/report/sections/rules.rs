//! The rules of a trial in words, and what its boundaries mean.

use super::{Definition, Report};
use crate::design::FutilityRule;
use crate::design::characteristics::BoundaryCharacteristics;
use crate::design::comparison::Comparison;
use crate::design::sample_size::Rounding;
use crate::expected::{Expected, FinalOutcomes, PosedDesign};
use crate::report::design::BoundaryKind;
use crate::report::document::Document;
use crate::report::numeral::{NONE, fixed, grouped, percent_with_error, trimmed};
use crate::scenario::{Analysis, SafetyEndpoint};
use crate::summary::{AnalysisSummary, LookSummary, McEstimate};

/// States every rule by which a trial stops or concludes, a sentence or two each.
pub(super) fn stopping(report: &Report<'_>) -> Vec<String> {
    let scenario = report.scenario;
    let rules = &scenario.design.plan().rules;
    let mut sentences = match &scenario.bayesian {
        Some(_) => scenario.decisions_in_words(),
        // Its looks decide by the rule for the population, without a boundary for all patients.
        None if scenario.adaptation.population.is_some() => scenario.decisions_in_words(),
        None => vec![efficacy(report)],
    };
    sentences.extend(scenario.size_adaptation_in_words());
    sentences.extend(scenario.population_adaptation_in_words());
    sentences.extend(scenario.success_in_words());
    sentences.extend(scenario.look_timing_in_words());
    let decides_by_z = scenario.bayesian.is_none() && scenario.adaptation.population.is_none();
    if report.has_interims() && decides_by_z {
        sentences.push(futility(&rules.futility, rules.binding_futility));
        let none = || "Harm by the primary outcome: no boundary.".to_owned();
        sentences.push(rules.harm_sentence().unwrap_or_else(none));
    }
    match &scenario.safety {
        None => sentences.push("Adverse events: not followed.".to_owned()),
        Some(safety) => sentences.extend(safety.endpoints.iter().map(safety_rule)),
    }
    sentences
}

/// States the level of the test, with both sides, as protocols use either, and the rule for efficacy.
fn efficacy(report: &Report<'_>) -> String {
    let one_sided = report.scenario.alpha_one_sided();
    let level = format!(
        "one-sided alpha {} (two-sided {})",
        trimmed(one_sided, 6),
        trimmed(2.0 * one_sided, 6)
    );
    let hypothesis = report.scenario.primary_hypothesis();
    let shown = match hypothesis.margin() {
        None => "superiority of the experimental arm".to_owned(),
        Some(_) => format!("{hypothesis}"),
    };
    if report.has_interims() {
        let rule = &report.scenario.design.plan().rules.efficacy;
        format!("Efficacy ({shown}): {level}, {rule}.")
    } else {
        format!("Efficacy ({shown}): {level}, one look at the end.")
    }
}

/// States the rule for futility and what it means that it binds or not.
fn futility(rule: &FutilityRule, is_binding: bool) -> String {
    match (rule, is_binding) {
        (FutilityRule::None, _) => "Futility: no boundary.".to_owned(),
        (rule, true) => format!(
            "Futility, binding: {rule}. The efficacy boundaries rely on the trial stopping there: \
             continuing would inflate the type I error."
        ),
        (rule, false) => format!(
            "Futility, non-binding: {rule}. The trial may continue past it without inflating the type I \
             error."
        ),
    }
}

/// Describes what happens around a look.
pub(super) fn at_a_look(report: &Report<'_>) -> Definition {
    if !report.has_interims() {
        return Definition::new(
            "Analysis",
            "Once, when all follow-up has ended, of the outcomes known by then.",
        );
    }
    let lag = report.scenario.decision_lag_days;
    let decision = if lag > 0.0 {
        format!("the decision follows {lag} days after the last of these outcomes")
    } else {
        "the decision is made at once".to_owned()
    };
    Definition::new(
        "At a look",
        format!(
            "The outcomes known by then are analysed; {decision}. Accrual continues meanwhile: patients \
             randomised by the decision whose follow-up has not ended are the overrun."
        ),
    )
}

/// Tabulates the boundaries for an analysis: what has to be observed to cross each, and how often trials
/// stop there.
pub(super) fn boundaries(
    report: &Report<'_>,
    analysis: &Analysis,
    effect: &AnalysisSummary,
    none: &AnalysisSummary,
) -> Document {
    let expected = Expected::new(report.scenario);
    // With the outcomes expected at the final look, as in `design` and in the simulation: the planned number
    // would give another final boundary than the trials have.
    let posed = expected.posed_design(analysis, FinalOutcomes::Expected, Rounding::Total);
    let (meanings, note) = match &posed {
        Ok(posed) => (posed.characteristics(&[1.0]).looks, crossing_note(report, posed)),
        Err(cause) => (Vec::new(), format!("The observed effect has no closed form, {cause}.")),
    };
    let last = effect.looks.len();
    let mut rows = Vec::new();
    for (k, (look, null)) in effect.looks.iter().zip(&none.looks).enumerate() {
        let name = if k + 1 == last { "final".to_owned() } else { look.look.to_string() };
        for kind in BoundaryKind::ALL {
            let Some(bound) = Bound::of(kind, look, null) else { continue };
            let meaning = meanings.get(k).and_then(|meaning| kind.at(meaning));
            let outcomes =
                meanings.get(k).map_or(look.planned_analysed, |meaning| meaning.analysed.total());
            let observed = match (&posed, meaning) {
                (Ok(posed), Some(at)) => observed(&posed.question.comparison, at),
                (Ok(_), None) | (Err(_), _) => NONE.to_owned(),
            };
            rows.push(vec![
                format!("{name}, {}", kind.name()),
                grouped(u64::from(outcomes)),
                format!("{} {}", bound.relation, fixed(bound.z, 2).replace('-', "−")),
                observed,
                percent_with_error(bound.effect),
                percent_with_error(bound.none),
            ]);
        }
    }
    let header = [
        "look, boundary",
        "outcomes",
        "crossed if Z",
        "observed effect at the boundary",
        "crossed, assumed effect",
        &format!("crossed, {}", report.null_in_words()),
    ];
    Document::of_table(&header, rows).text(note)
}

/// A boundary of a look with the chance that a trial stops there.
struct Bound {
    relation: &'static str,
    z: f64,
    effect: McEstimate,
    none: McEstimate,
}

impl Bound {
    fn of(kind: BoundaryKind, look: &LookSummary, null: &LookSummary) -> Option<Self> {
        let [effect, none] = [look, null].map(|look| match kind {
            BoundaryKind::Efficacy => look.efficacy,
            BoundaryKind::Futility => look.futility,
            BoundaryKind::Harm => look.harm,
        });
        let (relation, z) = match kind {
            BoundaryKind::Efficacy => ("≥", look.z_efficacy?),
            BoundaryKind::Futility => ("≤", look.z_futility?),
            BoundaryKind::Harm => ("≤", look.z_harm?),
        };
        Some(Self { relation, z, effect, none })
    }
}

fn crossing_note(report: &Report<'_>, posed: &PosedDesign) -> String {
    let control = match &posed.question.comparison {
        Comparison::TwoProportions(it) => {
            format!(" ({} %)", trimmed(100.0 * it.rates()[0], 1))
        }
        Comparison::Ordinal(_) | Comparison::Means(_) | Comparison::ExpectedData(_) => {
            String::new()
        }
    };
    format!(
        "Observed effect: what the data have to show at that look if the control arm does as planned{control}. \
         \"Assumed effect\" and \"{}\" give the share of simulated trials that end at that boundary.",
        report.null_in_words()
    )
}

/// Writes the effect that a boundary corresponds to in the units of the comparison.
fn observed(comparison: &Comparison, at: &BoundaryCharacteristics) -> String {
    let Some(effect) = at.effect else { return "no effect is large enough".to_owned() };
    match (comparison.with_measured_effect(effect), at.odds_ratio) {
        (Some(Comparison::TwoProportions(it)), _) => {
            let [control, experimental] = it.rates().map(|rate| 100.0 * rate);
            format!(
                "{} % v {} % ({} points)",
                fixed(control, 1),
                fixed(experimental, 1),
                signed(experimental - control, 1)
            )
        }
        (Some(Comparison::ExpectedData(_)), _) => {
            let name = comparison.scale_name().replace('_', " ");
            match name.strip_prefix("log ") {
                Some(ratio) => format!("{ratio} {}", fixed(libm::exp(effect), 2)),
                None => format!("{name} {}", signed(effect, 3)),
            }
        }
        (_, Some(odds_ratio)) => format!("common odds ratio {}", fixed(odds_ratio, 2)),
        (_, None) => format!("difference {}", signed(effect, 3)),
    }
}

/// Writes a difference with its sign.
fn signed(difference: f64, decimals: usize) -> String {
    let text = fixed(difference, decimals);
    // A sign on both sides: "5 points" leaves open in whose favour. 0 has none.
    if difference > 0.0 { format!("+{text}") } else { text.replace('-', "−") }
}

/// Describes the boundary of an adverse event.
fn safety_rule(endpoint: &SafetyEndpoint) -> String {
    let Some(boundary) = &endpoint.boundary else {
        return format!(
            "{}: compared when the trial ends; it does not stop the trial.",
            endpoint.name
        );
    };
    // The final look ends the trial anyway, and a crossing there is only recorded.
    let last = boundary.patients().len() - 1;
    let bounds: Vec<String> = (0..last)
        .filter(|&k| boundary.bound(k).is_finite())
        .map(|k| format!("Z ≤ {} at look {}", fixed(boundary.bound(k), 2).replace('-', "−"), k + 1))
        .collect();
    if bounds.is_empty() {
        return format!("{}: no interim look can stop the trial.", endpoint.name);
    }
    format!(
        "{}: the trial stops at an interim look for an excess in the experimental arm ({boundary}): {}.",
        endpoint.name,
        bounds.join(", ")
    )
}
