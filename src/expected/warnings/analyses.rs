//! Analyses and dropout that are probably not meant as they are written.

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

/// The largest number that `rerandomisations` accepts.
const MOST_REPEATS: f64 = 1e6;

/// Largest difference between the mRS that the early mRS leads to and the stated one that is not worth a
/// warning: published percentages are rounded to this.
const ROUNDING: f64 = 0.01;

/// Warnings about analyses and dropout.
pub(super) fn warnings(scenario: &Scenario) -> Vec<String> {
    let mut warnings: Vec<String> = unused_dropout_keys(scenario).into_iter().collect();
    for (analysis, written) in
        scenario.analyses.iter().zip(scenario.file().analyses_primary_first())
    {
        let of_analysis = [
            written.method.parameters().warning(),
            many_covariates(scenario, &analysis.method),
            few_rerandomisations(scenario, analysis),
            unused_missing_rule(scenario, &written.missing),
        ];
        warnings.extend(
            of_analysis
                .into_iter()
                .flatten()
                .map(|warning| format!("analysis \"{}\" {warning}", analysis.name)),
        );
    }
    warnings
}

/// Keys of dropout without any dropout.
fn unused_dropout_keys(scenario: &Scenario) -> Option<String> {
    let file::Missing { log_odds_per_mrs, factors, known_deaths, .. } = &scenario.file().missing;
    let given = *log_odds_per_mrs != 0.0 || !factors.is_empty() || *known_deaths != 0.0;
    (!scenario.has_dropout() && given)
        .then(|| "the other keys of [missing] have no effect, as `dropout` is 0".to_owned())
}

/// An early mRS and a transition whose product is not the stated outcome.
pub(super) fn adjusted_early_outcome(scenario: &Scenario) -> Option<String> {
    let written = scenario.file().early_outcome.as_ref()?;
    let [control, _] = &scenario.of_treatments;
    let stated = control.probabilities();
    // Shares may be written as percentages, and need not sum to 1 exactly.
    let whole: f64 = written.control.iter().sum();
    let mut implied = [0.0; LEVELS];
    for (later, sum) in implied.iter_mut().enumerate() {
        for (share, row) in written.control.iter().zip(&written.transition) {
            *sum += share / whole * row[later] / row.iter().sum::<f64>();
        }
    }
    let (later, difference) = (0..LEVELS)
        .map(|mrs| (mrs, (implied[mrs] - stated[mrs]).abs()))
        .max_by(|a, b| f64::total_cmp(&a.1, &b.1))?;
    (difference > ROUNDING).then(|| {
        format!(
            "early_outcome implies mRS {later} in {:.1} % of control patients, the outcome in {:.1} %: the \
             early mRS and the transition matrix were adjusted to match the outcome",
            100.0 * implied[later],
            100.0 * stated[later]
        )
    })
}

/// A regression with too many covariates for the outcomes of the first look.
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

/// Too few re-randomisations for a p value below the level of a look.
fn few_rerandomisations(scenario: &Scenario, analysis: &Analysis) -> Option<String> {
    let repeats = f64::from(analysis.rerandomisations);
    if repeats == 0.0 {
        return None;
    }
    // The smallest p value of such a test, which counts the actual allocation among the others.
    let most = upper_quantile(1.0 / (repeats + 1.0));
    let unreachable: Vec<(usize, f64)> = scenario
        .design
        .looks()
        .iter()
        .enumerate()
        .map(|(k, look)| (k + 1, look.efficacy))
        .filter(|(_, bound)| bound.is_finite() && *bound > most)
        .collect();
    let highest = unreachable.iter().map(|(_, bound)| *bound).reduce(f64::max)?;
    let looks: Vec<String> = unreachable.iter().map(|(look, _)| look.to_string()).collect();
    let plural = if looks.len() > 1 { "s" } else { "" };
    let needed = (1.0 / upper_tail(highest) - 1.0).ceil();
    let needed = if needed <= MOST_REPEATS {
        format!("{needed} are needed")
    } else {
        format!("no number up to {MOST_REPEATS} is enough")
    };
    Some(format!(
        "can never reject H0 at look{plural} {}: its {repeats} re-randomisations give no Z above \
         {most:.4}, and the bound is {highest:.4}; {needed}",
        looks.join(", ")
    ))
}

/// A rule for missing outcomes without any dropout.
fn unused_missing_rule(scenario: &Scenario, rule: &MissingRule) -> Option<String> {
    (!scenario.has_dropout() && *rule != MissingRule::CompleteCase {})
        .then(|| "has a rule for missing outcomes, but dropout is 0".to_owned())
}
