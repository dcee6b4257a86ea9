//! What is allowed but may surprise: told by `rescuesim check` and above the table of a run.

mod analyses;
mod centres;

use statrs::distribution::{Binomial, DiscreteCDF};

use super::Expected;
use crate::accrual::DAYS_PER_MONTH;
use crate::scenario::{Scenario, Truth, file};

/// What a designer may want to reconsider, a sentence each.
pub fn warnings(scenario: &Scenario) -> Vec<String> {
    let warnings = [
        final_size(scenario),
        late_looks(scenario),
        unused_factors(scenario),
        determinism(scenario),
        idle_log_odds(scenario),
        no_effect(scenario),
        ignored_balance(scenario),
    ];
    let of_centres = centres::of(scenario);
    warnings.into_iter().flatten().chain(of_centres).chain(analyses::of(scenario)).collect()
}

/// Log odds of a complication that never happens.
fn idle_log_odds(scenario: &Scenario) -> Option<String> {
    let procedure = scenario.file().procedure.as_ref()?;
    let file::WrittenOutcome::AfterProcedure(outcome) = &scenario.file().outcome else {
        return None;
    };
    let perforation = procedure.perforation;
    let torn = perforation.thrombectomy > 0.0 || perforation.stenting > 0.0;
    let idle = [
        ("haemorrhage", outcome.haemorrhage != 0.0 && procedure.haemorrhage.is_none()),
        ("perforation", outcome.perforation != 0.0 && !torn),
    ];
    let idle = idle.into_iter().filter(|(_, idle)| *idle);
    let idle: Vec<String> = idle
        .map(|(what, _)| format!("outcome.{what} does nothing, as [procedure] has no {what}"))
        .collect();
    (!idle.is_empty()).then(|| idle.join("; "))
}

fn no_effect(scenario: &Scenario) -> Option<String> {
    let [control, experimental] = scenario.marginal(Truth::Alternative)?;
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

/// Whether the patients randomised leave the number planned for the final look.
fn final_size(scenario: &Scenario) -> Option<String> {
    let planned = scenario.design.maximum_analysed();
    let randomised = scenario.randomised;
    let lost = 1.0 - scenario.share_known();
    let expected = scenario.expected_known();
    let compared = match expected.cmp(&planned) {
        std::cmp::Ordering::Less => format!("{} fewer than", planned - expected),
        std::cmp::Ordering::Greater if expected - planned == 1 => "one more than".to_owned(),
        std::cmp::Ordering::Greater => format!("{} more than", expected - planned),
        std::cmp::Ordering::Equal if lost == 0.0 => return None,
        std::cmp::Ordering::Equal => "as many as".to_owned(),
    };
    let share = (1e4 * lost).round() / 100.0;
    let both = if scenario.dropout[0] == scenario.dropout[1] { "" } else { " (both arms)" };
    let mut text = format!(
        "{share} % dropout{both} of {randomised} leaves {expected}, {compared} the {planned} planned"
    );
    // What is lost together in a centre is no binomial number.
    let by_centre = scenario.centres.as_ref().is_some_and(|centres| {
        centres.sd.dropout > 0.0
            || (centres.sd.outcome > 0.0 && scenario.missingness.depends_on_outcome())
    });
    if lost > 0.0 && !by_centre {
        let known = Binomial::new(1.0 - lost, u64::from(randomised)).ok()?;
        let short = match 100.0 * known.cdf(u64::from(planned) - 1) {
            short if short < 1.0 => "below 1 %".to_owned(),
            short if short > 99.0 => "above 99 %".to_owned(),
            short => format!("{short:.0} %"),
        };
        text += &format!("; fewer than {planned} will be known with probability {short}");
    }
    Some(text)
}

/// Looks that come when accrual is over, so that stopping there saves no patients.
fn late_looks(scenario: &Scenario) -> Option<String> {
    let days_to = |patients: f64| scenario.expected_day(patients);
    let accrual_ends = days_to(f64::from(scenario.randomised));
    let late: Vec<String> = scenario
        .design
        .interims()
        .iter()
        .enumerate()
        .map(|(k, look)| {
            let patients = f64::from(look.analysed) / scenario.share_known();
            (k, days_to(patients) + scenario.follow_up.days + scenario.decision_lag_days)
        })
        .filter(|(_, day)| *day >= accrual_ends)
        .map(|(k, day)| format!("look {} (near month {:.1})", k + 1, day / DAYS_PER_MONTH))
        .collect();
    (!late.is_empty()).then(|| {
        let ends = accrual_ends / DAYS_PER_MONTH;
        format!("the decision at {} will come after the last patient is randomised (month {ends:.1}): stopping there saves time, not patients", late.join(", "))
    })
}

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

fn determinism(scenario: &Scenario) -> Option<String> {
    match scenario.file().randomisation {
        file::Randomisation::Minimisation { biased_coin_p: 1.0, .. } => Some(
            "biased_coin_p = 1 makes the next allocation predictable except on ties; 0.8 is usual"
                .into(),
        ),
        file::Randomisation::Efron { biased_coin_p: 1.0, .. } => {
            Some("biased_coin_p = 1 makes every second allocation predictable; 2/3 is usual".into())
        }
        file::Randomisation::BigStick { maximum_imbalance: 1, .. } => Some(
            "maximum_imbalance = 1 makes every second allocation predictable; 3 or more is usual"
                .into(),
        ),
        _ => None,
    }
}
