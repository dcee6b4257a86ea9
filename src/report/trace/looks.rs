//! The looks of a traced trial, the analysis with the overrun, and the estimates.

use super::decimals;
use crate::analysis::EffectScale;
use crate::bayes::LookProbabilities;
use crate::outcome::{LEVELS, Mrs};
use crate::report::document::{Columns, Document, capitalised};
use crate::report::numeral::number;
use crate::report::numeral::probability;
use crate::trial::Conclusion;
use crate::trial::trace::{
    Bounds, DecisionTrace, EventTrace, LookTrace, PopulationTrace, RepeatedLook, TestTrace, Trace,
};

/// Tabulates every look in a row, or in two if the decision is made later than the data are collected.
pub(super) fn overview(trace: &Trace) -> Document {
    // Bounds that no look has would be a column of dashes.
    let has_futility = trace.looks.iter().any(|look| look.bounds.futility.is_some());
    let has_harm = trace.looks.iter().any(|look| look.bounds.harm.is_some());
    let lags = trace.looks.iter().any(|look| look.decision.day > look.day);
    let mut rows = Vec::new();
    for look in &trace.looks {
        let name = if lags { format!("{}, data", look.look) } else { look.look.to_string() };
        let mut row = vec![name, decimals(look.month, 2)];
        row.extend([look.n_randomised, look.n_analysed, look.overrun].map(|n| n.to_string()));
        row.push(number(look.bounds.efficacy));
        row.extend(has_futility.then(|| number(look.bounds.futility)));
        row.extend(has_harm.then(|| number(look.bounds.harm)));
        row.push(decimals(look.test.z, 4));
        row.push(decimals(look.test.estimate, 3));
        rows.push(row);
        rows.extend(lags.then(|| decision_row(look)));
    }
    let mut header = vec!["look", "month", "rando-\nmised", "ana-\nlysed", "over-\nrun"];
    header.push("efficacy\nif Z ≥");
    header.extend(has_futility.then_some("futility\nif Z ≤"));
    header.extend(has_harm.then_some("harm\nif Z ≤"));
    header.extend(["Z", "estimate"]);
    let dates = if lags { "Every row is of one date, the data's or the decision's. " } else { "" };
    Document::new().table(&header, rows).text(format!(
        "{dates}Overrun: patients randomised by then whose follow-up has not ended. Estimate: {}; above 0 \
         favours the experimental arm, as does Z.",
        scale(trace.scale)
    ))
}

/// Writes the decision of a look in the columns of [`overview`] up to the overrun.
fn decision_row(look: &LookTrace) -> Vec<String> {
    let DecisionTrace { month, n_randomised, overrun, .. } = look.decision;
    let name = format!("{}, decision", look.look);
    // The number analysed is that of the data.
    vec![name, decimals(month, 2), n_randomised.to_string(), String::new(), overrun.to_string()]
}

/// Describes each look with its outcomes, adverse events and decision.
pub(super) fn one_by_one(trace: &Trace) -> Document {
    trace.looks.iter().fold(Document::new(), |document, look| {
        let document = document
            .heading(format!("Look {}, month {}", look.look, decimals(look.month, 2)))
            .text(patients(look))
            .and(outcomes(&look.counts));
        events(document, &look.events).text(decision(trace, look))
    })
}

fn patients(look: &LookTrace) -> String {
    let lost: u32 = look.lost.iter().sum();
    let n = look.n_analysed;
    // Imputation adds patients to those with an outcome, an analysis set takes some away.
    let imputed = if n > look.outcomes_known {
        format!(" With imputed outcomes the analysis has {n} patients.")
    } else if n < look.outcomes_known {
        format!(" The analysis is of {n} of them.")
    } else {
        String::new()
    };
    let DecisionTrace { day, month, n_randomised, overrun } = look.decision;
    let later = if day > look.day {
        format!(
            " By the decision in month {} {n_randomised} are randomised, and {overrun} of them still in \
             follow-up.",
            decimals(month, 2)
        )
    } else {
        String::new()
    };
    format!(
        "{} patients are randomised: the outcomes of {} are known, {lost} are lost to follow-up, {} are \
         still in follow-up.{imputed}{later}",
        look.n_randomised, look.outcomes_known, look.overrun
    )
}

/// Tabulates the outcomes by arm and mRS.
fn outcomes(counts: &[[u32; LEVELS]; 2]) -> Document {
    let rows = ["control", "experimental"].into_iter().zip(counts).map(|(name, counts)| {
        let all: u32 = counts.iter().sum();
        let independent: u32 = counts[..=Mrs::INDEPENDENT.index()].iter().sum();
        let mut row = vec![name.to_owned()];
        row.extend(counts.iter().map(u32::to_string));
        row.push(all.to_string());
        row.push(decimals(100.0 * f64::from(independent) / f64::from(all), 1));
        row
    });
    let header = ["mRS", "0", "1", "2", "3", "4", "5", "6", "all", "0–2, %"];
    Document::new().table(&header, rows.collect())
}

fn events(document: Document, events: &[EventTrace]) -> Document {
    if events.is_empty() {
        return document;
    }
    let has_bounds = events.iter().any(|event| event.bound.is_some());
    let of_arm = |event: &EventTrace, arm: usize| {
        format!("{} of {}", event.counts[arm].events, event.counts[arm].patients)
    };
    let table = Columns::of(events)
        .column("adverse event", |event| event.name.clone())
        .column("control", |event| of_arm(event, 0))
        .column("experimental", |event| of_arm(event, 1))
        .column("Z", |event| decimals(event.z, 4))
        .column_if(has_bounds, "boundary\nif Z ≤", |event| number(event.bound));
    document.and(table.document())
}

/// Explains the conclusion of a look.
fn decision(trace: &Trace, look: &LookTrace) -> String {
    let Bounds { efficacy, futility, harm } = look.bounds;
    let [efficacy, futility, harm] =
        [efficacy, futility, harm].map(|z| decimals(z.unwrap_or(f64::NAN), 4));
    // The final look ends the trial whatever it shows.
    let is_final = look.look == trace.plan.len();
    let stops = if is_final { "" } else { " The trial stops." };
    if let Some(probabilities) = look.probabilities {
        return by_probability(trace, look, probabilities);
    }
    let said = match look.conclusion {
        None if look.test.z.is_nan() => "That stops nothing.".to_owned(),
        None => format!("{} The trial continues.", between(look.bounds)),
        Some(Conclusion::Efficacy) => {
            format!("Z is at or above the efficacy boundary of {efficacy}.{stops}")
        }
        Some(Conclusion::Futility) if look.bounds.futility.is_none() => {
            format!("By the rule for the population, stated above, the trial is futile.{stops}")
        }
        Some(Conclusion::Futility) => {
            format!("Z is at or below the futility boundary of {futility}.{stops}")
        }
        Some(Conclusion::Harm) => {
            format!("Z is at or below the harm boundary of {harm}.{stops}")
        }
        Some(Conclusion::Safety) => stopped_for_safety(trace, look),
        Some(Conclusion::NotSignificant) if look.test.z.is_nan() => {
            "The result is not significant.".to_owned()
        }
        Some(Conclusion::NotSignificant) => {
            format!("{} The result is not significant.", between(look.bounds))
        }
    };
    format!("{} {said}", result(trace.scale, &look.test))
}

/// Explains the conclusion of a look by posterior and predictive probabilities.
fn by_probability(trace: &Trace, look: &LookTrace, probabilities: LookProbabilities) -> String {
    let LookProbabilities { posterior, predictive, harm } = probabilities;
    let mut shown =
        format!("The posterior probability of the effect is {}", decimals(posterior, 4));
    if let Some(predictive) = predictive {
        shown += &format!(
            ", the predictive probability of success at the final analysis {}",
            decimals(predictive, 4)
        );
    }
    if let Some(harm) = harm {
        shown += &format!(", the posterior probability of harm {}", decimals(harm, 4));
    }
    let is_final = look.look == trace.plan.len();
    let stops = if is_final { "" } else { " The trial stops." };
    let said = match look.conclusion {
        None => "That decides nothing: the trial continues.".to_owned(),
        Some(Conclusion::Efficacy) => format!("That is a success.{stops}"),
        Some(Conclusion::Futility) => format!("Success is unlikely.{stops}"),
        Some(Conclusion::Harm) => format!("That is harm.{stops}"),
        Some(Conclusion::Safety) => stopped_for_safety(trace, look),
        Some(Conclusion::NotSignificant) => "That is no success.".to_owned(),
    };
    format!("{} {shown}. {said}", result(trace.scale, &look.test))
}

fn result(scale_of: EffectScale, test: &TestTrace) -> String {
    if test.z.is_nan() {
        return "These outcomes give no statistic.".to_owned();
    }
    // Separated outcomes have a Z and no finite estimate.
    let estimate = if test.estimate.is_finite() {
        format!(", {} {}", scale(scale_of), decimals(test.estimate, 4))
    } else {
        String::new()
    };
    format!(
        "Z = {}, one-sided p = {}{estimate}.",
        decimals(test.z, 4),
        probability(test.p_one_sided, 4)
    )
}

/// Describes the position of a Z that reaches no boundary.
fn between(Bounds { efficacy, futility, harm }: Bounds) -> String {
    // A Z above the futility boundary is also above the harm boundary, which lies lower.
    let above = futility.map(|z| ("futility", z)).or(harm.map(|z| ("harm", z)));
    let above = above.map(|(name, z)| format!("above the {name} boundary of {}", decimals(z, 4)));
    let below = efficacy.map(|z| format!("below the efficacy boundary of {}", decimals(z, 4)));
    let both: Vec<String> = below.into_iter().chain(above).collect();
    if both.is_empty() {
        "Nothing is tested.".to_owned()
    } else {
        format!("Z is {}.", both.join(" and "))
    }
}

fn stopped_for_safety(trace: &Trace, look: &LookTrace) -> String {
    let names: Vec<&str> = look
        .events
        .iter()
        .filter(|event| event.bound.is_some_and(|bound| event.z <= bound))
        .map(|event| event.name.as_str())
        .collect();
    let otherwise = match trace.end.without_safety {
        Conclusion::Efficacy => "would have shown efficacy",
        Conclusion::Futility => "would have stopped for futility",
        Conclusion::Harm => "would have shown harm",
        Conclusion::NotSignificant | Conclusion::Safety => "would not have been significant",
    };
    format!(
        "The trial stops for safety, as {}; without that it {otherwise}, here or later.",
        crate::report::safety::crossed_in_words(&names)
    )
}

/// Describes the analysis that includes the overrun; nothing if the trial ran to its final look.
pub(super) fn overrun(trace: &Trace) -> Document {
    // After the final look all patients have been followed: there is no overrun.
    if trace.is_full_run() {
        return Document::new();
    }
    let document = Document::new().heading("After the decision");
    let (randomised, followed) = (trace.end.n_randomised, trace.end.overrun);
    let document = match &trace.end.repeated {
        Some(repeated) => document
            .text(format!(
                "When all {randomised} patients have been followed to their end, {} outcomes are known.",
                repeated.outcomes_known
            ))
            .and(outcomes(&repeated.counts))
            .text(again(trace, repeated)),
        None if trace.end.conclusion == Conclusion::Safety => document.text(format!(
            "{followed} patients were still in follow-up. After a stop for safety the analysis is not \
             repeated."
        )),
        None if trace.population.as_ref().is_some_and(PopulationTrace::is_empty) => {
            document.text(format!(
                "{followed} patients were still in follow-up. As no level is left, the analysis is not \
                 repeated."
            ))
        }
        None => document.text(format!(
            "{followed} patients were still in follow-up, and no further outcome became known."
        )),
    };
    if trace.end.events.is_empty() {
        return document;
    }
    let all = format!("Adverse events of all {} who were randomised:", trace.end.n_randomised);
    events(document.text(all), &trace.end.events)
}

fn again(trace: &Trace, repeated: &RepeatedLook) -> String {
    let shown = match repeated.conclusion {
        Conclusion::Efficacy => "would show efficacy",
        Conclusion::Harm => "would show harm",
        Conclusion::Futility | Conclusion::Safety | Conclusion::NotSignificant => {
            "would not be significant"
        }
    };
    // A stop for futility can only be confirmed or reversed; there is no effect that could hold up.
    let stands = if trace.end.reversed {
        "which reverses the conclusion"
    } else if trace.end.conclusion == Conclusion::Futility {
        "which confirms the stop for futility"
    } else {
        "which confirms the conclusion"
    };
    // Bayesian decisions have no boundary of Z.
    let boundary = match trace.looks.iter().any(|look| look.probabilities.is_some()) {
        true => String::new(),
        false => format!(", with a boundary of {},", number(repeated.bounds.efficacy)),
    };
    format!(
        "{} A final look at these outcomes{boundary} {shown}, {stands}.",
        result(trace.scale, &repeated.test)
    )
}

/// Tabulates the estimates with their intervals.
pub(super) fn estimates(trace: &Trace) -> Document {
    let end = &trace.end;
    let document = Document::new().heading("Estimates");
    if !end.test.estimate.is_finite() {
        return document.text("The outcomes give no estimate.");
    }
    let (low, high) = end.test.interval;
    let ordinary = [end.test.estimate, low, high];
    let (low, high) = end.stagewise_interval;
    let adjusted = [end.median_unbiased, low, high];
    let is_weighted = trace.size.as_ref().is_some_and(|size| size.weighted_z.is_some());
    let (by, of_by, definition) = if is_weighted {
        ("weighted", "weighted, as a ratio", crate::report::table::WEIGHTED)
    } else {
        ("median-unbiased", "median-unbiased, as a ratio", crate::report::table::ADJUSTED)
    };
    let mut estimates = vec![("ordinary, ignores the looks", ordinary), (by, adjusted)];
    // Clinicians read odds ratios, statisticians their logarithms.
    if is_logarithm(trace.scale) {
        estimates.push(("ordinary, as a ratio", ordinary.map(libm::exp)));
        estimates.push((of_by, adjusted.map(libm::exp)));
    }
    let rows = estimates.into_iter().map(|(name, numbers)| {
        [vec![name.to_owned()], numbers.map(|number| decimals(number, 4)).to_vec()].concat()
    });
    let name = scale(trace.scale);
    document
        .table(&[&name, "estimate", "95 %: from", "to"], rows.collect())
        .text(format!("{}: {definition}.", capitalised(by)))
}

/// Writes the name of a scale in words.
fn scale(scale: EffectScale) -> String {
    scale.name().replace('_', " ")
}

fn is_logarithm(scale: EffectScale) -> bool {
    scale.name().starts_with("log_")
}
