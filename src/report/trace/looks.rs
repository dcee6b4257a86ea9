//! The looks of a traced trial, what the overrun added, and the estimates.

use super::decimals;
use crate::analysis::EffectScale;
use crate::outcome::{LEVELS, Mrs};
use crate::report::document::Document;
use crate::report::numeral::number;
use crate::report::numeral::probability;
use crate::trial::Conclusion;
use crate::trial::trace::{
    Bounds, DecisionTrace, EventTrace, LookTrace, RepeatedLook, TestTrace, Trace,
};

/// Every look in a row.
pub(super) fn overview(trace: &Trace) -> Document {
    let bounds = || trace.looks.iter().map(|look| look.bounds);
    let has_futility = bounds().any(|bounds| bounds.futility.is_some());
    let has_harm = bounds().any(|bounds| bounds.harm.is_some());
    let lags = trace.looks.iter().any(|look| look.decision.day > look.day);
    let data = |look: &LookTrace| {
        let name = if lags { format!("{}, data", look.look) } else { look.look.to_string() };
        let mut row = vec![name, decimals(look.month, 2)];
        row.extend([look.n_randomised, look.n_analysed, look.overrun].map(|n| n.to_string()));
        row.push(number(look.bounds.efficacy));
        row.extend(has_futility.then(|| number(look.bounds.futility)));
        row.extend(has_harm.then(|| number(look.bounds.harm)));
        row.push(decimals(look.test.z, 4));
        row.push(decimals(look.test.estimate, 3));
        row
    };
    let mut header = vec!["look", "month", "rando-\nmised", "ana-\nlysed", "over-\nrun"];
    header.push("efficacy\nif Z ≥");
    header.extend(has_futility.then_some("futility\nif Z ≤"));
    header.extend(has_harm.then_some("harm\nif Z ≤"));
    header.extend(["Z", "estimate"]);
    let rows = trace
        .looks
        .iter()
        .flat_map(|look| std::iter::once(data(look)).chain(lags.then(|| decided(look))));
    let dates = if lags { "Every row is of one date, the data's or the decision's. " } else { "" };
    Document::new().table(&header, rows.collect()).text(format!(
        "{dates}Overrun: patients randomised by then whose follow-up has not ended. Estimate: {}; above 0 \
         favours the experimental arm, as does Z.",
        scale(trace.scale)
    ))
}

/// The day of a look's decision in the columns of [`overview`], which end with the overrun.
fn decided(look: &LookTrace) -> Vec<String> {
    let DecisionTrace { month, n_randomised, overrun, .. } = look.decision;
    let name = format!("{}, decision", look.look);
    vec![name, decimals(month, 2), n_randomised.to_string(), String::new(), overrun.to_string()]
}

/// Each with its outcomes, adverse events and decision.
pub(super) fn one_by_one(trace: &Trace) -> Document {
    trace.looks.iter().fold(Document::new(), |document, look| {
        let document = document
            .heading(format!("Look {}, month {}", look.look, decimals(look.month, 2)))
            .text(who(look))
            .and(outcomes(&look.counts));
        events(document, &look.events).text(decision(trace, look))
    })
}

fn who(look: &LookTrace) -> String {
    let lost: u32 = look.lost.iter().sum();
    let imputed = match look.n_analysed {
        n if n > look.outcomes_known => {
            format!(" The analysis puts something in the place of the lost and has {n}.")
        }
        n if n < look.outcomes_known => format!(" The analysis is of {n} of them."),
        _ => String::new(),
    };
    let later = match look.decision {
        DecisionTrace { day, month, n_randomised, overrun } if day > look.day => format!(
            " By the decision in month {} {n_randomised} are randomised, and {overrun} of them still \
             followed.",
            decimals(month, 2)
        ),
        _ => String::new(),
    };
    format!(
        "{} patients are randomised: the outcomes of {} are known, {lost} are lost to follow-up, {} are \
         still followed.{imputed}{later}",
        look.n_randomised, look.outcomes_known, look.overrun
    )
}

/// Arm × mRS.
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
    let row = |event: &EventTrace| {
        let counts = event.counts.map(|arm| format!("{} of {}", arm.events, arm.patients));
        let mut row = [vec![event.name.clone()], counts.to_vec()].concat();
        row.push(decimals(event.z, 4));
        row.extend(has_bounds.then(|| number(event.bound)));
        row
    };
    let mut header = vec!["adverse event", "control", "experimental", "Z"];
    header.extend(has_bounds.then_some("boundary\nif Z ≤"));
    document.table(&header, events.iter().map(row).collect())
}

/// What the look said, and why.
fn decision(trace: &Trace, look: &LookTrace) -> String {
    let Bounds { efficacy, futility, harm } = look.bounds;
    let bound = |z: Option<f64>| decimals(z.unwrap_or(f64::NAN), 4);
    let is_final = look.look == trace.plan.len();
    let stops = if is_final { "" } else { " The trial stops." };
    let said = match look.conclusion {
        None if look.test.z.is_nan() => "That stops nothing.".to_owned(),
        None => format!("{} The trial goes on.", between(look.bounds)),
        Some(Conclusion::Efficacy) => {
            format!("Z is at or above the efficacy boundary of {}.{stops}", bound(efficacy))
        }
        Some(Conclusion::Futility) => {
            format!("Z is at or below the futility boundary of {}.{stops}", bound(futility))
        }
        Some(Conclusion::Harm) => {
            format!("Z is at or below the harm boundary of {}.{stops}", bound(harm))
        }
        Some(Conclusion::Safety) => stopped_for_safety(trace, look),
        Some(Conclusion::NotSignificant) if look.test.z.is_nan() => "Nothing is shown.".to_owned(),
        Some(Conclusion::NotSignificant) => format!("{} Nothing is shown.", between(look.bounds)),
    };
    format!("{} {said}", result(trace.scale, &look.test))
}

fn result(scale_of: EffectScale, test: &TestTrace) -> String {
    if test.z.is_nan() {
        return "No statistic can be had from these outcomes.".to_owned();
    }
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

/// Where a Z is that reaches no boundary.
fn between(Bounds { efficacy, futility, harm }: Bounds) -> String {
    let above = futility.map(|z| ("futility", z)).or(harm.map(|z| ("harm", z)));
    let above = above.map(|(name, z)| format!("above the {name} boundary of {}", decimals(z, 4)));
    let below = efficacy.map(|z| format!("below the efficacy boundary of {}", decimals(z, 4)));
    let both: Vec<String> = below.into_iter().chain(above).collect();
    match both.is_empty() {
        true => "Nothing is tested.".to_owned(),
        false => format!("Z is {}.", both.join(" and ")),
    }
}

fn stopped_for_safety(trace: &Trace, look: &LookTrace) -> String {
    let reached = |event: &&EventTrace| event.bound.is_some_and(|bound| event.z <= bound);
    let names: Vec<&str> =
        look.events.iter().filter(reached).map(|event| event.name.as_str()).collect();
    let otherwise = match trace.end.without_safety {
        Conclusion::Efficacy => "would have shown efficacy",
        Conclusion::Futility => "would have stopped for futility",
        Conclusion::Harm => "would have shown harm",
        _ => "would have shown nothing",
    };
    format!(
        "The trial stops for safety, as {} is at its boundary; without that it {otherwise}, here or \
         later.",
        names.join(" and ")
    )
}

/// What the outcomes showed that were still to come when the trial stopped.
pub(super) fn overrun(trace: &Trace) -> Document {
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
            "{followed} patients were still followed. After a stop for safety the analysis is not \
             repeated."
        )),
        None => document.text(format!(
            "{followed} patients were still followed, and no outcome was still to come."
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
        Conclusion::Efficacy => "efficacy",
        Conclusion::Harm => "harm",
        _ => "nothing",
    };
    let stands = match (trace.end.reversed, trace.end.conclusion) {
        (true, _) => "so that the conclusion is reversed",
        (false, Conclusion::Futility) => "so that the stop for futility was no mistake",
        (false, _) => "so that the conclusion stands",
    };
    format!(
        "{} A final look of this size, with its boundary of {}, shows {shown}, {stands}.",
        result(trace.scale, &repeated.test),
        number(repeated.bounds.efficacy)
    )
}

/// The estimate with its intervals.
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
    let row = |name: &str, figures: [f64; 3]| {
        [vec![name.to_owned()], figures.map(|figure| decimals(figure, 4)).to_vec()].concat()
    };
    let mut rows =
        vec![row("ordinary, ignores the looks", ordinary), row("median-unbiased", adjusted)];
    if is_logarithm(trace.scale) {
        rows.push(row("ordinary, as a ratio", ordinary.map(libm::exp)));
        rows.push(row("median-unbiased, as a ratio", adjusted.map(libm::exp)));
    }
    let name = scale(trace.scale);
    document
        .table(&[&name, "estimate", "95 %: from", "to"], rows)
        .text(format!("Median-unbiased: {}", crate::report::table::ADJUSTED))
}

/// In words.
fn scale(scale: EffectScale) -> String {
    scale.name().replace('_', " ")
}

fn is_logarithm(scale: EffectScale) -> bool {
    scale.name().starts_with("log_")
}
