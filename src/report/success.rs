//! Analyses that decide together: the rule in words, its verdict and its results.

use super::document::{Columns, Document};
use super::numeral::{NONE, percent_with_error, with_error};
use super::table::under;
use crate::scenario::Scenario;
use crate::summary::{SuccessSummary, TruthSummary};

/// States the rule with its verdict; empty without a rule.
pub(super) fn verdict(scenario: &Scenario, truths: &[TruthSummary]) -> Document {
    let [alternative, null, ..] = truths else { return Document::new() };
    let (Some(words), Some(effect), Some(none)) =
        (scenario.success_in_words(), &alternative.success, &null.success)
    else {
        return Document::new();
    };
    let error = none.familywise_error.map_or_else(
        // Which null hypotheses are true may be unknown; how often the trial succeeds is not.
        || format!("success under H0 {}", percent_with_error(none.success)),
        |error| format!("familywise error under H0 {}", percent_with_error(error)),
    );
    Document::new().text(format!(
        "{words} Power by this rule {}, {error}.",
        percent_with_error(effect.success)
    ))
}

/// Lays out the results of the rule under every truth; empty without a rule.
pub(super) fn document(scenario: &Scenario, truths: &[TruthSummary]) -> Document {
    let Some(words) = scenario.success_in_words() else { return Document::new() };
    let results: Vec<(&str, &SuccessSummary)> =
        truths.iter().filter_map(|of| Some((under(&of.truth), of.success.as_ref()?))).collect();
    let mut out = Document::new().heading("Analyses that decide together").text(words);
    out += probabilities(&results);
    out += by_analysis(&results).after_gap();
    let has_interims = results.first().is_some_and(|(_, success)| success.looks.len() > 1);
    // The only look would repeat the table above.
    if has_interims {
        out += by_look(&results).after_gap();
    }
    out.text(
        "Familywise error: P(an analysis whose null hypothesis is true rejects); a dash if it is not known \
         which are true. Sizes and months are those of trials that stop by this rule. The rule has no \
         closed form.",
    )
}

fn probabilities(results: &[(&str, &SuccessSummary)]) -> Document {
    let switches = results.iter().any(|(_, of)| of.proportional_odds_rejected.is_some());
    Columns::of(results)
        .column("under", |(truth, _)| *truth)
        .column("success", |(_, of)| with_error(of.success))
        .column("any\nrejects", |(_, of)| with_error(of.any_rejection))
        .column("all\nreject", |(_, of)| with_error(of.all_rejections))
        .column("familywise\nerror", |(_, of)| {
            of.familywise_error.map_or(NONE.to_owned(), with_error)
        })
        .column_if(switches, "odds not\nproportional", |(_, of)| {
            of.proportional_odds_rejected.map_or(NONE.to_owned(), with_error)
        })
        .column("mean\nn", |(_, of)| with_error(of.n_randomised.mean))
        .column("mean\nmonths", |(_, of)| with_error(of.duration_months))
        .document()
}

fn by_analysis(results: &[(&str, &SuccessSummary)]) -> Document {
    let analyses =
        results.iter().flat_map(|(truth, of)| of.analyses.iter().map(move |it| (truth, it)));
    Columns::of(analyses)
        .column("under", |(truth, _)| **truth)
        .column("analysis", |(_, analysis)| analysis.name.clone())
        .column("H0 is", |(_, analysis)| analysis.null_hypothesis.unwrap_or(NONE))
        .column("rejects\nby the rule", |(_, analysis)| with_error(analysis.rejection))
        .column("rejects\nfirst", |(_, analysis)| with_error(analysis.rejection_first))
        .document()
}

fn by_look(results: &[(&str, &SuccessSummary)]) -> Document {
    let looks =
        results.iter().flat_map(|(truth, of)| of.looks.iter().map(move |look| (truth, look)));
    Columns::of(looks)
        .column("under", |(truth, _)| **truth)
        .column("look", |(_, look)| look.look.to_string())
        .column("success", |(_, look)| with_error(look.success))
        .column("success,\ncumulative", |(_, look)| with_error(look.success_cumulative))
        .column("trial\nends", |(_, look)| with_error(look.ended))
        .document()
}
