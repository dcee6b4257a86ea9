//! Analyses that decide together: the rule in words, its verdict and its results.

use super::document::Document;
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
    let rows = results.iter().map(|(truth, of)| {
        let mut row = vec![(*truth).to_owned()];
        let any_all = [of.success, of.any_rejection, of.all_rejections];
        row.extend(any_all.map(with_error));
        row.push(of.familywise_error.map_or(NONE.to_owned(), with_error));
        if switches {
            row.push(of.proportional_odds_rejected.map_or(NONE.to_owned(), with_error));
        }
        row.push(with_error(of.n_randomised.mean));
        row.push(with_error(of.duration_months));
        row
    });
    let rows = rows.collect();
    let mut header = vec!["under", "success", "any\nrejects", "all\nreject", "familywise\nerror"];
    if switches {
        header.push("odds not\nproportional");
    }
    header.extend(["mean\nn", "mean\nmonths"]);
    Document::of_table(&header, rows)
}

fn by_analysis(results: &[(&str, &SuccessSummary)]) -> Document {
    let rows = results.iter().flat_map(|(truth, of)| {
        of.analyses.iter().map(|analysis| {
            vec![
                (*truth).to_owned(),
                analysis.name.clone(),
                analysis.null_hypothesis.unwrap_or(NONE).to_owned(),
                with_error(analysis.rejection),
                with_error(analysis.rejection_first),
            ]
        })
    });
    let header = ["under", "analysis", "H0 is", "rejects\nby the rule", "rejects\nfirst"];
    Document::of_table(&header, rows.collect())
}

fn by_look(results: &[(&str, &SuccessSummary)]) -> Document {
    let rows = results.iter().flat_map(|(truth, of)| {
        of.looks.iter().map(|look| {
            vec![
                (*truth).to_owned(),
                look.look.to_string(),
                with_error(look.success),
                with_error(look.success_cumulative),
                with_error(look.ended),
            ]
        })
    });
    let header = ["under", "look", "success", "success,\ncumulative", "trial\nends"];
    Document::of_table(&header, rows.collect())
}
