//! Changes of the trial at an interim look, in words.

use super::super::file::{SizeEffect, SizeStatistic, WrittenSizeAdaptation};

/// Describes a re-estimation of the number of patients in whole sentences, from this planned number.
pub(in super::super) fn size(written: &WrittenSizeAdaptation, planned: u32) -> String {
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
            let under = match under {
                SizeEffect::Trend => "the observed effect",
                SizeEffect::Planned => "the planned effect",
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
                 {at_least} to below {ends}, the size becomes the one with a conditional power of {target}, \
                 {limits}; otherwise it stays. {statistic}"
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

fn least(restricted: bool, planned: u32) -> String {
    if restricted { format!("at least {planned} and ") } else { String::new() }
}
