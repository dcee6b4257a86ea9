//! Changes of the trial at an interim look, in words.

use super::super::file::{
    SizeEffect, SizeStatistic, WrittenPopulationAdaptation, WrittenSizeAdaptation,
};
use crate::design::enrichment::DropMeasure;

/// Describes a re-estimation of the number of patients in whole sentences, from this planned number.
pub(in super::super) fn size(written: &WrittenSizeAdaptation, planned: u32) -> String {
    // The numbers stay as written: a reader compares them with the file.
    let (look, maximum) = (written.look(), written.maximum());
    let step = match written.step() {
        1 => String::new(),
        step => format!(", rounded up to a multiple of {step}"),
    };
    let limits = format!("at most {maximum} patients randomised{step}");
    let rule = match *written {
        WrittenSizeAdaptation::PromisingZone {
            at_least, below, target, under, statistic, ..
        } => {
            let ends = below.unwrap_or(target);
            let (under, and) = match under {
                SizeEffect::Trend => ("the observed effect", " with a Z above 0"),
                SizeEffect::Planned => ("the planned effect", ""),
            };
            let statistic = match statistic {
                SizeStatistic::Weighted => {
                    "The final look of a changed size combines the Z of the patients before and after \
                     look {look} by the information planned for them (Cui, Hung & Wang)."
                }
                SizeStatistic::Conventional => {
                    "The final look of a changed size has the Z of all patients together."
                }
            };
            let statistic = statistic.replace("{look}", &look.to_string());
            format!(
                "if the conditional power at {planned} patients (under {under}) is promising, from \
                 {at_least} to below {ends}{and}, the size becomes the one with a conditional power of {target}, \
                 {limits}; otherwise it is unchanged. {statistic}"
            )
        }
        WrittenSizeAdaptation::PooledRate { power, restricted, .. } => format!(
            "the size becomes the one with a power of {power} for the planned difference at the rate of \
             both arms together, {}{limits}. The arms are not known.",
            least(restricted, planned)
        ),
        WrittenSizeAdaptation::PooledVariance { restricted, .. } => format!(
            "the size becomes the planned {planned} times the ratio of the variance of both arms together \
             to the planned one, {}{limits}. The arms are not known.",
            least(restricted, planned)
        ),
    };
    format!("Size re-estimated at look {look}: {rule}")
}

/// Describes a restriction of the population in whole sentences.
pub(in super::super) fn population(written: &WrittenPopulationAdaptation) -> String {
    match written {
        WrittenPopulationAdaptation::ClosedTest {
            look,
            factor,
            drop_below,
            measure,
            ordered,
            ..
        } => {
            let measure = match measure {
                DropMeasure::ConditionalPower => "conditional power under its observed effect",
                DropMeasure::PredictivePower => "predictive power",
            };
            let ordered = if *ordered { " unless a later one continues" } else { "" };
            let dropped = if *drop_below == 0.0 {
                format!("no level of {factor} is dropped, as no {measure} is below 0")
            } else {
                format!(
                    "a level of {factor} whose {measure} is below {drop_below} is dropped{ordered}, and all \
                     later patients come from the others; the trial stops if none is left"
                )
            };
            format!(
                "Population adapted at look {look}: {dropped}. The final look tests each level left by the weighted Z of both \
                 stages, under closed testing with Simes' test, so that the familywise error over all \
                 levels is kept."
            )
        }
        WrittenPopulationAdaptation::NestedSelection {
            factor,
            effect,
            futility,
            efficacy,
            last,
            ..
        } => format!(
            "Population adapted at every look (Lai, Lavori & Liao): the trial stops for efficacy if Z is at \
             least {efficacy}. If Z against an effect of {effect} is below {futility}, the first levels of \
             {factor} with the largest Z take the place of all patients, are tested at the same look, and \
             have all later patients; the trial stops if they are futile at that look or a later one. The \
             final look rejects if Z is at least {last}, for all patients or else for the first levels with \
             the largest Z."
        ),
        WrittenPopulationAdaptation::PredictiveProbability { factor, drop_below, .. } => format!(
            "Population adapted at every interim look: the last level of {factor} is dropped while the \
             predictive probability of success in the population is below {drop_below} and more than one \
             level is left; all later patients come from the levels left, about which the rules of the \
             design decide."
        ),
    }
}

/// States by what a trial whose population may be restricted is decided, besides the rule itself.
pub(in super::super) fn population_decisions(
    written: &WrittenPopulationAdaptation,
    alpha_one_sided: f64,
) -> String {
    match written {
        WrittenPopulationAdaptation::ClosedTest { look, .. } => format!(
            "Efficacy is tested in the levels left, at the final look, with a familywise error of at most \
             {alpha_one_sided}; the trial stops at look {look} if no level is left. No look has a boundary \
             for all patients."
        ),
        WrittenPopulationAdaptation::NestedSelection { effect, futility, .. } => format!(
            "Efficacy has the stated boundaries of Z, which are those of the population at the look. The \
             population is futile if its Z against an effect of {effect} is below {futility}."
        ),
        WrittenPopulationAdaptation::PredictiveProbability { .. } => {
            "Success, futility and harm are decided about the population left.".to_owned()
        }
    }
}

fn least(restricted: bool, planned: u32) -> String {
    if restricted { format!("at least {planned} and ") } else { String::new() }
}
