//! The summary at the front: what a board reads alone.

use super::{Card, CardSource, Definition, Element, Report, rules};
use crate::expected::Assumptions;
use crate::report::document::{Columns, Document, capitalised};
use crate::report::numeral::{
    MOST_DECIMALS, decimals_of, fixed, grouped, percent_with_error, trimmed, with_error,
};
use crate::report::synopsis::Synopsis;
use crate::scenario::Truth;
use crate::summary::quantity::{ANALYSIS, JsonPlace, PRIOR_ANALYSIS, SUCCESS, find};
use crate::summary::{AnalysisSummary, McEstimate, SuccessSummary};

/// Analyses that the summary lists; the others follow in the results.
// Nineteen analyses, as in a shipped scenario, would take one of the two pages.
const MOST_ANALYSES: usize = 6;

/// Builds the summary.
pub(super) fn elements<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let [effect, none] = report.truths();
    let (primary, null) = (&effect.analyses[0], &none.analyses[0]);
    let synopsis = synopsis(report);
    let verdict = Document::new().text(synopsis.course()).text(synopsis.sizes());
    let mut elements = vec![Element::Cards(cards(report, &synopsis)), verdict.into()];
    elements.push(Document::new().heading("Rules for stopping and for the conclusion").into());
    elements.push(Element::Items(rules::stopping(report)));
    elements.push(
        Document::new()
            .heading(boundaries_of(report))
            .and(rules::boundaries(report, &report.scenario.analyses[0], primary, null))
            .into(),
    );
    elements.push(Document::new().heading("Analyses").into());
    elements.extend(analyses(report));
    elements.push(Document::new().heading("Conduct").into());
    elements.push(Element::Definitions(conduct(report)));
    elements.push(size(report).into());
    elements.push(events(report).into());
    elements.extend(report.figures(&["mrs"]));
    elements
}

/// Heads the table of boundaries.
fn boundaries_of(report: &Report<'_>) -> String {
    let what = if report.has_interims() { "Boundaries" } else { "Critical value" };
    match report.scenario.analyses.len() {
        1 => what.to_owned(),
        _ => format!("{what} of the primary analysis, {}", name(report, 0)),
    }
}

/// Gathers assumptions and verdict.
pub(super) fn synopsis(report: &Report<'_>) -> Synopsis {
    let summary = report.summary;
    Synopsis::new(report.scenario, &summary.truths, summary.prior.as_ref())
}

/// Shows the assumptions that the result depends on most and the quantities that answer the question, at
/// most eight.
fn cards(report: &Report<'_>, synopsis: &Synopsis) -> Vec<Card> {
    let [effect, none] = report.truths();
    let (primary, null) = (&effect.analyses[0], &none.analyses[0]);
    let alternative = JsonPlace::truth(Truth::Alternative.index()).analysis(0);
    let assumptions = &synopsis.assumptions;
    let rates = assumptions.rates.map(|rate| trimmed(100.0 * rate, 1));
    // Assumptions come first: power without them would be read as a property of the treatment.
    let mut cards = vec![
        assumption("Patients randomised", sizes(assumptions)),
        assumption(
            &format!("Assumed mRS 0–{}, control v experimental", assumptions.cut),
            format!("{} v {} %", rates[0], rates[1]),
        ),
        match (synopsis.alpha_one_sided, &report.scenario.bayesian) {
            (Some(alpha), _) => assumption("One-sided α", trimmed(alpha, 6)),
            (None, Some(_)) => assumption("Decisions", "Bayesian".to_owned()),
            (None, None) => assumption("Boundaries", "of the restriction".to_owned()),
        },
    ];
    cards.extend(match (&effect.success, &none.success) {
        (Some(effect), Some(none)) => rule_cards(effect, none),
        (None, _) | (_, None) => primary_cards(report, primary, null),
    });
    if let Some(prior) = &report.summary.prior {
        let pointer = JsonPlace::prior().analysis(0).pointer(find(PRIOR_ANALYSIS, "assurance"));
        cards.push(share("Assurance: power over the prior", prior.analyses[0].assurance, pointer));
    }
    // Without interim looks every trial has the planned size.
    if report.has_interims() {
        let pointer = alternative.pointer(find(ANALYSIS, "n_randomised.mean"));
        cards.push(mean(
            "Patients expected, assumed effect",
            primary.n_randomised.mean,
            0,
            pointer,
        ));
    }
    let pointer = alternative.pointer(find(ANALYSIS, "duration_months"));
    cards.push(mean("Months to the decision", primary.duration_months, 1, pointer));
    cards
}

/// Power and type I error of the primary analysis.
fn primary_cards(
    report: &Report<'_>,
    effect: &AnalysisSummary,
    none: &AnalysisSummary,
) -> [Card; 2] {
    let rejection = find(ANALYSIS, "rejection");
    let pointer = |truth: Truth| JsonPlace::truth(truth.index()).analysis(0).pointer(rejection);
    let error = if report.has_margin() {
        "Type I error, effect at the margin"
    } else {
        "False-positive rate, no effect"
    };
    [
        share("Power, primary analysis", effect.rejection, pointer(Truth::Alternative)),
        share(error, none.rejection, pointer(Truth::Null)),
    ]
}

/// Power and error of the rule by which several analyses decide.
fn rule_cards(effect: &SuccessSummary, none: &SuccessSummary) -> [Card; 2] {
    let success = find(SUCCESS, "success");
    let at_null = JsonPlace::truth(Truth::Null.index()).success();
    let error = match none.familywise_error {
        Some(error) => share(
            "Familywise error under H0",
            error,
            at_null.pointer(find(SUCCESS, "familywise_error")),
        ),
        None => share("Success under H0", none.success, at_null.pointer(success)),
    };
    let at_effect = JsonPlace::truth(Truth::Alternative.index()).success();
    [share("Power, by the rule", effect.success, at_effect.pointer(success)), error]
}

/// The planned number of patients, and the largest one if an interim look may change it.
fn sizes(assumptions: &Assumptions) -> String {
    let [planned, most] = [assumptions.randomised, assumptions.most_randomised]
        .map(|patients| grouped(u64::from(patients)));
    if most == planned { planned } else { format!("{planned}, up to {most}") }
}

fn assumption(label: &str, value: String) -> Card {
    Card { label: label.to_owned(), value, source: None }
}

/// A share as a percentage of two digits, its error in percentage points.
fn share(label: &str, share: McEstimate, pointer: String) -> Card {
    let percent = share.scaled(100.0);
    // Digits of the smaller of a share and its complement: 77 %, 2.5 %, 99.62 %.
    let rest = percent.value.min(100.0 - percent.value);
    let decimals = if rest > 0.0 { decimals_of(rest, 2, 4) } else { 0 };
    let error = has_error(percent).then(|| format!("± {} points", one_digit(percent.mcse)));
    let source = CardSource { error, value: share.value, pointer };
    let value = format!("{} %", fixed(percent.value, decimals));
    Card { label: label.to_owned(), value, source: Some(source) }
}

/// A mean with the given decimals.
fn mean(label: &str, mean: McEstimate, decimals: usize, pointer: String) -> Card {
    let error = has_error(mean).then(|| format!("± {}", one_digit(mean.mcse)));
    let source = CardSource { error, value: mean.value, pointer };
    Card { label: label.to_owned(), value: fixed(mean.value, decimals), source: Some(source) }
}

fn has_error(estimate: McEstimate) -> bool {
    estimate.mcse.is_finite() && estimate.mcse > 0.0
}

fn one_digit(error: f64) -> String {
    let decimals = decimals_of(error, 1, MOST_DECIMALS);
    fixed(error, decimals)
}

/// Tabulates the first analyses, and states their patients and rules for missing outcomes.
fn analyses<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let [effect, none] = report.truths();
    let written = report.scenario.file().analyses_primary_first();
    let mut rows = Vec::new();
    for (i, analysis) in effect.analyses.iter().enumerate().take(MOST_ANALYSES) {
        let primary = if i == 0 && written.len() > 1 { " (primary)" } else { "" };
        rows.push(vec![
            format!("{}{primary}", name(report, i)),
            written[i].describe_test(),
            percent_with_error(analysis.rejection),
            percent_with_error(none.analyses[i].rejection),
        ]);
    }
    let header = vec!["Analysis", "Test and estimate", "Power", "False positive"];
    let mut items = patients(report);
    let others = written.len().saturating_sub(MOST_ANALYSES);
    if others > 0 {
        items.push(format!(
            "{others} more analyses are listed under \"Power and false-positive rate\"."
        ));
    }
    vec![Element::Words { header, rows }, Element::Items(items)]
}

/// States which patients are analysed and what missing outcomes count as, once for the analyses that agree.
fn patients(report: &Report<'_>) -> Vec<String> {
    let written = report.scenario.file().analyses_primary_first();
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (i, analysis) in written.iter().enumerate() {
        let rule = format!("{}; missing outcomes {}", analysis.population, analysis.missing);
        match groups.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, names)) => names.push(name(report, i)),
            None => groups.push((rule, vec![name(report, i)])),
        }
    }
    // A single analysis is named in the table above and needs no "all".
    if let ([(rule, _)], 2..) = (&groups[..], written.len()) {
        return vec![format!("All analyses: {rule}.")];
    }
    groups.into_iter().map(|(rule, names)| format!("{}: {rule}.", names.join(", "))).collect()
}

/// Names an analysis in words: by its own name, or by its method.
fn name(report: &Report<'_>, index: usize) -> String {
    let written = report.scenario.file().analyses_primary_first()[index];
    match &written.name {
        Some(name) => name.clone(),
        None => written.method.parameters().key().replace('_', " "),
    }
}

/// Describes recruitment, allocation, follow-up and dropout.
pub(super) fn conduct(report: &Report<'_>) -> Vec<Definition> {
    let scenario = report.scenario;
    let file = scenario.file();
    let ratio = &file.arms.allocation_ratio;
    let mut rows = vec![
        Definition::new(
            "Arms",
            format!("Experimental: {}. Control: {}.", file.arms.experimental, file.arms.control),
        ),
        Definition::new(
            "Allocation",
            format!(
                "{}:{} (control:experimental), {}.",
                ratio.control,
                ratio.experimental,
                // Factors are named by keys, which a board reads as words.
                file.randomisation.describe().replace('_', " ")
            ),
        ),
        Definition::new(
            "Accrual",
            format!("{}.", file.accrual.describe(scenario.outcomes.screening_yield())),
        ),
        Definition::new("Follow-up", format!("{}.", file.follow_up.describe())),
        Definition::new(
            "Dropout",
            format!("{}.", capitalised(&file.missing.describe(scenario.dropout))),
        ),
    ];
    if let Some(adherence) = &file.adherence {
        rows.push(Definition::new("Adherence", format!("{}.", capitalised(&adherence.describe()))));
    }
    for text in crate::report::centres::described(file) {
        rows.push(Definition::new("Centres and time", text));
    }
    rows.push(rules::at_a_look(report));
    rows
}

/// Tabulates expected size and duration.
fn size(report: &Report<'_>) -> Document {
    let [effect, none] = report.truths();
    let truths = [("assumed effect", effect), (report.null_in_words(), none)];
    let table = Columns::of(truths.map(|(name, truth)| (name, &truth.analyses[0])))
        .column("if there is", |(name, _)| *name)
        .column("patients, mean", |(_, analysis)| with_error(analysis.n_randomised.mean))
        .column("80th percentile", |(_, analysis)| with_error(analysis.n_randomised.p80))
        .column("months to decision", |(_, analysis)| with_error(analysis.duration_months))
        // A single look cannot stop early.
        .column_if(report.has_interims(), "stops early", |(_, analysis)| stops_early(analysis));
    Document::new().heading("Size and duration, primary analysis").and(table.document())
}

fn stops_early(analysis: &AnalysisSummary) -> String {
    let interims = &analysis.looks[..analysis.looks.len() - 1];
    // The reasons exclude each other, so that their shares add up.
    let early: f64 = interims
        .iter()
        .map(|look| {
            let safety = look.safety.map_or(0.0, |share| share.value);
            look.efficacy.value + look.futility.value + look.harm.value + safety
        })
        .sum();
    format!("{} %", fixed(100.0 * early, 1))
}

/// Tabulates adverse events and the chance that they stop the trial; empty if none are followed.
fn events(report: &Report<'_>) -> Document {
    let [effect, none] = report.truths();
    if effect.safety.is_empty() {
        return Document::new();
    }
    let mut rows = Vec::new();
    for (with, without) in effect.safety.iter().zip(&none.safety) {
        let mut row = vec![with.name.clone()];
        row.extend(with.rate.map(percent_with_error));
        for event in [with, without] {
            // The final look records a crossing and stops nothing.
            let interims = event.looks.len().saturating_sub(1);
            let stop = event.looks[..interims].last().map(|look| look.reached_cumulative);
            row.push(stop.map_or("no boundary".to_owned(), percent_with_error));
        }
        rows.push(row);
    }
    let crossed = format!("boundary crossed, {}", report.null_in_words());
    let header =
        ["adverse event", "control", "experimental", "boundary crossed, assumed effect", &crossed];
    Document::new().heading("Adverse events").table(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_show_two_digits_of_a_share_and_its_error_in_points() {
        let shown = |value, mcse| {
            let estimate = McEstimate { value, mcse, n: 20_000, limit_95: None };
            let card = share("power", estimate, String::new());
            let error = card.source.and_then(|source| source.error);
            (card.value, error.unwrap_or_default())
        };
        let expected = |value: &str, error: &str| (value.to_owned(), error.to_owned());
        assert_eq!(shown(0.7668, 0.003), expected("77 %", "± 0.3 points"));
        assert_eq!(shown(0.0246, 0.0011), expected("2.5 %", "± 0.1 points"));
        assert_eq!(shown(0.9962, 0.0004), expected("99.62 %", "± 0.04 points"));
        assert_eq!(shown(0.0, 0.0), expected("0 %", ""));
        assert_eq!(shown(1.0, 0.0), expected("100 %", ""));
    }

    #[test]
    fn cards_show_means_with_few_decimals() {
        let months = McEstimate { value: 35.819, mcse: 0.02, n: 20_000, limit_95: None };
        let card = mean("months", months, 1, String::new());
        assert_eq!(card.value, "35.8");
        assert_eq!(card.source.and_then(|source| source.error).as_deref(), Some("± 0.02"));
    }
}
