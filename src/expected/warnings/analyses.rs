//! Analyses, and losses, that do not do what they seem to be meant for.

use crate::analysis::BoundMethod;
use crate::analysis::imputation::MissingRule;
use crate::analysis::method::GroupedBy;
use crate::centres;
use crate::num::normal::{upper_quantile, upper_tail};
use crate::outcome::LEVELS;
use crate::scenario::{Analysis, Scenario, file};

/// Outcomes for each covariate below which estimates are known to be unstable (Peduzzi et al. 1996,
/// J Clin Epidemiol 49:1373, of events).
const OUTCOMES_PER_COVARIATE: usize = 10;

/// The most that `rerandomisations` takes.
const MOST_REPEATS: f64 = 1e6;

pub(super) fn of(scenario: &Scenario) -> Vec<String> {
    let of_all = [idle_losses(scenario), bent_early_outcome(scenario)];
    let mut warnings: Vec<String> = of_all.into_iter().flatten().collect();
    for (analysis, written) in scenario.analyses.iter().zip(&scenario.file().analyses) {
        let of_analysis = [
            written.method.parameters().warning(),
            many_covariates(scenario, &analysis.method),
            few_repeats(scenario, analysis),
            idle_rule(scenario, &written.missing),
        ];
        let told = of_analysis.into_iter().flatten();
        warnings.extend(told.map(|warning| format!("analysis \"{}\" {warning}", analysis.name)));
    }
    warnings
}

/// Log odds and deaths of a dropout that never happens.
fn idle_losses(scenario: &Scenario) -> Option<String> {
    let file::Missing { log_odds_per_mrs, factors, known_deaths, .. } = &scenario.file().missing;
    let given = *log_odds_per_mrs != 0.0 || !factors.is_empty() || *known_deaths != 0.0;
    (nobody_lost(scenario) && given)
        .then(|| "the other keys of [missing] do nothing, as `dropout` is 0".to_owned())
}

/// An early mRS and a transition that lead elsewhere than to the outcome.
fn bent_early_outcome(scenario: &Scenario) -> Option<String> {
    let written = scenario.file().early_outcome.as_ref()?;
    let [control, _] = &scenario.of_treatments;
    let whole: f64 = written.control.iter().sum();
    let led_to = |later: usize| -> f64 {
        let rows = written.control.iter().zip(&written.transition);
        rows.map(|(share, row)| share / whole * row[later] / row.iter().sum::<f64>()).sum()
    };
    let stated = control.probabilities();
    let later = (0..LEVELS).max_by(|&a, &b| {
        f64::total_cmp(&(led_to(a) - stated[a]).abs(), &(led_to(b) - stated[b]).abs())
    })?;
    ((led_to(later) - stated[later]).abs() > 0.01).then(|| {
        format!(
            "early_outcome leads {:.1} % of control patients to mRS {later}, the outcome has {:.1} %: \
             the outcome is kept, and the early mRS and the transition are bent to fit it",
            100.0 * led_to(later),
            100.0 * stated[later]
        )
    })
}

fn nobody_lost(scenario: &Scenario) -> bool {
    scenario.dropout == [0.0; 2]
}

/// Regressions with too many covariates for the outcomes of the first look.
fn many_covariates(scenario: &Scenario, method: &BoundMethod) -> Option<String> {
    let names = match method.grouped_by() {
        GroupedBy::Covariates(names) => names,
        GroupedBy::Nothing | GroupedBy::Strata(_) | GroupedBy::Prognosis(_) => return None,
    };
    let used = scenario.file().factors.iter().filter(|factor| names.contains(&factor.name));
    let of_factors: usize = used.map(|factor| factor.levels.len() - 1).sum();
    let by_centre = names.iter().any(|name| name == centres::FACTOR);
    let centres = scenario.centres.as_ref().filter(|_| by_centre);
    let covariates = of_factors + centres.map_or(0, |centres| centres.number as usize - 1);
    let outcomes = scenario.design.looks()[0].analysed;
    (outcomes as usize <= OUTCOMES_PER_COVARIATE * covariates && covariates > 0).then(|| {
        format!(
            "has {covariates} covariates and, at look 1, {outcomes} outcomes: more than \
             {OUTCOMES_PER_COVARIATE} for each are usual"
        )
    })
}

/// Re-randomisations whose smallest p value lies above a look's.
fn few_repeats(scenario: &Scenario, analysis: &Analysis) -> Option<String> {
    let repeats = f64::from(analysis.rerandomisations);
    if repeats == 0.0 {
        return None;
    }
    let most = upper_quantile(1.0 / (repeats + 1.0));
    let bounds = scenario.design.looks().iter().enumerate();
    let beyond: Vec<(usize, f64)> = bounds
        .map(|(k, look)| (k + 1, look.efficacy))
        .filter(|(_, bound)| bound.is_finite() && *bound > most)
        .collect();
    let highest = beyond.iter().map(|(_, bound)| *bound).reduce(f64::max)?;
    let looks: Vec<String> = beyond.iter().map(|(look, _)| look.to_string()).collect();
    let plural = if looks.len() > 1 { "s" } else { "" };
    let needed = (1.0 / upper_tail(highest) - 1.0).ceil();
    let needed = if needed <= MOST_REPEATS {
        format!("{needed} are needed")
    } else {
        format!("no number up to {MOST_REPEATS} is enough")
    };
    Some(format!(
        "can never show efficacy at look{plural} {}: its {repeats} re-randomisations give no Z above \
         {most:.4}, and the bound is {highest:.4}; {needed}",
        looks.join(", ")
    ))
}

fn idle_rule(scenario: &Scenario, rule: &MissingRule) -> Option<String> {
    let does_nothing = nobody_lost(scenario) && *rule != MissingRule::CompleteCase {};
    does_nothing.then(|| "has a rule for missing outcomes, and nobody is lost".to_owned())
}
