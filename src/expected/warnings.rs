//! Warnings about what is allowed but probably not meant, and notes, for `run`, `check` and reports. A
//! default never gives a warning.

mod analyses;
mod centres;
mod effect;

use super::Expected;
use crate::accrual::DAYS_PER_MONTH;
use crate::scenario::{Scenario, Truth, file};

/// Parts of a scenario that its author should reconsider, as the result may not be what is meant; a
/// sentence without full stop each.
pub fn warnings(scenario: &Scenario) -> Vec<String> {
    let mut warnings = effect::warnings(scenario);
    let of_design = [
        final_size(scenario),
        predictable_allocation(scenario),
        unused_log_odds(scenario),
        ignored_balance(scenario),
    ];
    warnings.extend(of_design.into_iter().flatten());
    warnings.extend(centres::warnings(scenario));
    warnings.extend(analyses::warnings(scenario));
    warnings
}

/// Consequences of a scenario that may surprise its author although they are legitimate; a sentence without
/// full stop each.
pub fn notes(scenario: &Scenario) -> Vec<String> {
    let notes = [
        late_looks(scenario),
        other_final_month(scenario),
        unused_factors(scenario),
        no_effect(scenario),
        analyses::adjusted_early_outcome(scenario),
    ];
    notes.into_iter().flatten().collect()
}

/// Log odds of a complication that never happens.
fn unused_log_odds(scenario: &Scenario) -> Option<String> {
    let procedure = scenario.file().procedure.as_ref()?;
    let file::WrittenOutcome::AfterProcedure(outcome) = &scenario.file().outcome else {
        return None;
    };
    let perforates =
        procedure.perforation.thrombectomy > 0.0 || procedure.perforation.stenting > 0.0;
    let unused: Vec<String> = [
        ("haemorrhage", outcome.haemorrhage != 0.0 && procedure.haemorrhage.is_none()),
        ("perforation", outcome.perforation != 0.0 && !perforates),
    ]
    .into_iter()
    .filter(|(_, unused)| *unused)
    .map(|(key, _)| format!("outcome.{key} has no effect, as [procedure] has no {key}"))
    .collect();
    (!unused.is_empty()).then(|| unused.join("; "))
}

/// Arms that do not differ.
fn no_effect(scenario: &Scenario) -> Option<String> {
    // Against a margin arms without a difference are an effect.
    if scenario.primary_hypothesis().has_margin() {
        return None;
    }
    let [control, experimental] = scenario.marginal(Truth::Alternative)?;
    // Rounding of percentages to a sum of 1 may leave a difference.
    let pairs = control.probabilities().iter().zip(experimental.probabilities());
    let alike = pairs.into_iter().all(|(c, e)| (c - e).abs() < 1e-9);
    alike.then(|| "both arms have the same mRS, so there is no effect to find".into())
}

/// Analyses that ignore prognostic factors which the randomisation balances.
fn ignored_balance(scenario: &Scenario) -> Option<String> {
    let alpha = scenario.alpha_one_sided();
    let expected = Expected::new(scenario);
    let conservative: Vec<String> = scenario
        .analyses
        .iter()
        .filter(|analysis| expected.is_conservative(analysis))
        .filter_map(|analysis| {
            let error = expected.normal_approximation(Truth::Null, analysis).ok()?.rejection();
            Some(format!("{} about {error:.4}", analysis.name))
        })
        .collect();
    (!conservative.is_empty()).then(|| {
        format!(
            "the randomisation balances prognostic factors that analyses ignore, so that their type I \
             error is below {alpha}: {}; adjust for the factors, or re-randomise",
            conservative.join(", ")
        )
    })
}

/// Fewer outcomes expected than planned for the final look.
// More do no harm, and the default plans for as many as are expected.
fn final_size(scenario: &Scenario) -> Option<String> {
    let planned = scenario.design.maximum_analysed();
    let expected = scenario.expected_known();
    // Rounded, as 1 − 0.93 has sixteen digits in binary.
    let share = (1e4 * (1.0 - scenario.share_known())).round() / 100.0;
    (expected < planned).then(|| {
        format!(
            "{share} % dropout of {} leaves {expected} outcomes, {} fewer than the {planned} planned",
            scenario.randomised,
            planned - expected
        )
    })
}

/// Looks whose decision is expected after accrual has ended, so that stopping there saves no patients.
fn late_looks(scenario: &Scenario) -> Option<String> {
    let accrual_ends = scenario.expected_day(f64::from(scenario.randomised));
    let mut late = Vec::new();
    for k in 0..scenario.design.interims().len() {
        let day = scenario.expected_day_of_look(k) + scenario.decision_lag_days;
        if day >= accrual_ends {
            late.push(format!("look {} (near month {:.1})", k + 1, day / DAYS_PER_MONTH));
        }
    }
    (!late.is_empty()).then(|| {
        let ends = accrual_ends / DAYS_PER_MONTH;
        format!(
            "the decision at {} is expected after the last patient is randomised (month {ends:.1}): \
             stopping at these looks would save time but no patients",
            late.join(", ")
        )
    })
}

/// A final look expected in another month than the one it is planned for.
fn other_final_month(scenario: &Scenario) -> Option<String> {
    let file::Looks::Months(months) = &scenario.file().design.looks else { return None };
    let planned = *months.last()?;
    let last_arrival = scenario.expected_day(f64::from(scenario.randomised));
    let expected = scenario.follow_up.closes(last_arrival) / DAYS_PER_MONTH;
    // Less would be within the chance of recruitment.
    ((expected - planned).abs() > 1.0_f64.max(0.1 * planned)).then(|| {
        format!(
            "the final look is planned for month {planned}, but the last patient is expected to have been \
             followed near month {expected:.1}, and it waits for that"
        )
    })
}

/// Factors that the randomisation does not use.
fn unused_factors(scenario: &Scenario) -> Option<String> {
    let used: &[String] = match &scenario.file().randomisation {
        file::Randomisation::Minimisation { factors, .. }
        | file::Randomisation::MinimalSufficientBalance { factors, .. } => {
            factors.as_deref().unwrap_or_default()
        }
        file::Randomisation::PermutedBlocks { stratify_by, .. }
        | file::Randomisation::Efron { stratify_by, .. }
        | file::Randomisation::BigStick { stratify_by, .. }
        | file::Randomisation::BlockUrn { stratify_by, .. } => stratify_by,
        file::Randomisation::Complete {} => &[],
    };
    let unused: Vec<&str> = scenario
        .file()
        .factors
        .iter()
        .map(|factor| factor.name.as_str())
        .filter(|name| !used.iter().any(|other| other == name))
        .collect();
    (!unused.is_empty())
        .then(|| format!("the randomisation does not balance {}", unused.join(", ")))
}

/// Randomisation whose next allocation an observer can predict.
fn predictable_allocation(scenario: &Scenario) -> Option<String> {
    let certain = "biased_coin_p = 1 makes";
    match scenario.file().randomisation {
        file::Randomisation::Minimisation { biased_coin_p, .. } => (biased_coin_p == 1.0).then(|| {
            format!("{certain} the next allocation predictable except on ties; 0.8 is usual")
        }),
        file::Randomisation::Efron { biased_coin_p, .. } => (biased_coin_p == 1.0)
            .then(|| format!("{certain} every second allocation predictable; 2/3 is usual")),
        file::Randomisation::BigStick { maximum_imbalance, .. } => {
            (maximum_imbalance == 1).then(|| {
                "maximum_imbalance = 1 makes every second allocation predictable; 3 or more is usual"
                    .to_owned()
            })
        }
        file::Randomisation::Complete {}
        | file::Randomisation::PermutedBlocks { .. }
        | file::Randomisation::BlockUrn { .. }
        | file::Randomisation::MinimalSufficientBalance { .. } => None,
    }
}
