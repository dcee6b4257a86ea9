//! Effects, futility rules and sizes that are probably not meant as they are written.

use crate::analysis::margin::NullEffects;
use crate::design::{ConditionalOn, FutilityRule};
use crate::expected::{AssumedEffect, Expected};
use crate::outcome::{LEVELS, MrsDistribution};
use crate::scenario::{Scenario, Truth};

/// Power that futility may cost without a warning.
const COST_OF_FUTILITY: f64 = 0.05;

/// Power below which a size is probably a slip, such as a missing digit.
// Trials are planned with 0.8 or more; an old cohort read as a trial may have half of that.
const LITTLE_POWER: f64 = 0.3;

/// Largest difference between the power of a rule and that of the trial.
// Dropout and the rounding of sizes change a power by a few points, not by ten.
const DISAGREEMENT: f64 = 0.1;

/// Warnings about the effect, futility and the size.
pub(super) fn warnings(scenario: &Scenario) -> Vec<String> {
    // A treatment that may be somewhat worse is what non-inferiority is about.
    let has_margin = scenario.primary_hypothesis().has_margin();
    let worse = if has_margin { beyond_margin(scenario) } else { worse_arm(scenario) };
    // A trial of a harmful treatment has no power, which is no news.
    // Nor would other patients help one that stops because no level is left.
    let little = match worse {
        Some(_) => None,
        None => no_level_left(scenario).or_else(|| little_power(scenario)),
    };
    let futility = [costly_futility(scenario), power_of_futility(scenario)];
    [worse, reversed_mrs(scenario), little].into_iter().chain(futility).flatten().collect()
}

/// An experimental arm that is worse than control, by one measure or more.
fn worse_arm(scenario: &Scenario) -> Option<String> {
    let assumed = Expected::new(scenario).assumptions();
    let [control, experimental] = assumed.rates;
    let mut worse = Vec::new();
    // Percentages are divided by their sum, after which equal rates may differ in the last digits.
    if experimental < control - 1e-9 {
        let [control, experimental] = [control, experimental].map(|rate| 100.0 * rate);
        let cut = assumed.cut;
        worse.push(format!("mRS 0–{cut} in {experimental:.1} % v {control:.1} % in control"));
    }
    match assumed.effect {
        AssumedEffect::Proportional { odds_ratio }
        | AssumedEffect::NotProportional { fitted: Some(odds_ratio), .. }
            if odds_ratio < 1.0 =>
        {
            worse.push(format!("a common odds ratio of {odds_ratio:.2}"));
        }
        AssumedEffect::None
        | AssumedEffect::Proportional { .. }
        | AssumedEffect::NotProportional { .. }
        | AssumedEffect::Separated => {}
    }
    let means = scenario.marginal(Truth::Alternative)?.each_ref().map(mean);
    if means[1] > means[0] + 1e-9 {
        worse.push(format!("a mean mRS of {:.2} v {:.2}", means[1], means[0]));
    }
    (!worse.is_empty()).then(|| {
        format!(
            "the experimental arm is worse than control: {}; mRS 0 is the best outcome, and an odds ratio \
             above 1 favours the experimental arm",
            worse.join(", ")
        )
    })
}

/// An assumed effect for which the null hypothesis of the primary analysis holds.
fn beyond_margin(scenario: &Scenario) -> Option<String> {
    let primary = &scenario.analyses[0];
    let effect = Expected::new(scenario).estimand(Truth::Alternative, primary)?;
    let NullEffects { lower, upper } = primary.method.null_effects();
    let is_null = effect <= lower || upper.is_some_and(|upper| effect >= upper);
    is_null.then(|| {
        let scale = primary.method.margin_scale().map_or(effect, |scale| scale.of_estimate(effect));
        format!(
            "the assumed effect of analysis {}, {scale:.4}, is not beyond its margin ({}); a trial under it \
             rejects by chance alone",
            primary.name, primary.hypothesis
        )
    })
}

/// Mean of the mRS.
fn mean(mrs: &MrsDistribution) -> f64 {
    mrs.probabilities().iter().enumerate().map(|(level, share)| level as f64 * share).sum()
}

/// A control arm whose shares are probably listed from death to no symptoms.
///
/// In published stroke trials fewer patients survive bedridden (mRS 5) than die (mRS 6). Read backwards,
/// such a list has fewer patients with mRS 6 than with 5, and fewer with mRS 1 than with 0; the second
/// alone is usual after mild strokes.
fn reversed_mrs(scenario: &Scenario) -> Option<String> {
    let [control, _] = &scenario.of_treatments;
    let shares: &[f64; LEVELS] = control.probabilities();
    (shares[6] < shares[5] && shares[1] < shares[0]).then(|| {
        format!(
            "the mRS of the control arm is probably reversed: death (mRS 6) has {:.1} % and severe \
             disability (mRS 5) {:.1} %, mRS 0 {:.1} % and mRS 1 {:.1} %; the list begins with mRS 0, no \
             symptoms",
            100.0 * shares[6],
            100.0 * shares[5],
            100.0 * shares[0],
            100.0 * shares[1]
        )
    })
}

/// Futility rules that stop many trials that would have shown the effect.
fn costly_futility(scenario: &Scenario) -> Option<String> {
    if !scenario.design.interims().iter().any(|look| look.futility.is_finite()) {
        return None;
    }
    let expected = Expected::new(scenario);
    let boundaries = scenario.design.boundaries_at(scenario.final_analysed());
    // With the efficacy bounds as they are: other bounds would mix their own gain into the cost.
    let without = boundaries.without_futility();
    let costs: Vec<String> = scenario
        .analyses
        .iter()
        .filter_map(|analysis| {
            let drift = expected.drift(Truth::Alternative, analysis).ok()?;
            let [with, without] =
                [&boundaries, &without].map(|bounds| bounds.stopping(drift).rejection());
            (without - with > COST_OF_FUTILITY).then(|| {
                let [with, without] = [with, without].map(|power| 100.0 * power);
                format!("{} from {without:.0} to {with:.0} %", analysis.name)
            })
        })
        .collect();
    (!costs.is_empty()).then(|| {
        format!(
            "the futility rule lowers the power by more than {:.0} points: {}; a less strict rule or later \
             futility looks cost less",
            100.0 * COST_OF_FUTILITY,
            costs.join(", ")
        )
    })
}

/// A futility rule that is built for another power than the trial has.
fn power_of_futility(scenario: &Scenario) -> Option<String> {
    let planned = match &scenario.design.plan().rules.futility {
        FutilityRule::BetaSpending { power, .. }
        | FutilityRule::ConditionalPower { on: ConditionalOn::Power(power), .. } => *power,
        FutilityRule::None
        | FutilityRule::Z(_)
        | FutilityRule::ConditionalPower {
            on: ConditionalOn::Trend | ConditionalOn::Drift(_),
            ..
        }
        | FutilityRule::PredictivePower { .. } => return None,
    };
    let primary = &scenario.analyses[0];
    let drift = Expected::new(scenario).drift(Truth::Alternative, primary).ok()?;
    let bounds = scenario.design.boundaries_at(scenario.final_analysed());
    let power = bounds.stopping(drift).rejection();
    (planned - power > DISAGREEMENT).then(|| {
        format!(
            "the futility rule is built for a power of {planned}, but the primary analysis has {power:.2} by \
             formula with {} patients",
            scenario.randomised
        )
    })
}

/// A rule that drops all levels of the factor in most trials, although the treatment works.
fn no_level_left(scenario: &Scenario) -> Option<String> {
    let expected = Expected::new(scenario);
    if expected.assumptions().effect == AssumedEffect::None {
        return None;
    }
    let found = expected.restriction(Truth::Alternative, &scenario.analyses[0]).ok()?;
    (found.stopped > 0.5).then(|| {
        format!(
            "no level is left in {:.0} % of the trials under H1, by formula: adaptation.population.drop_below \
             drops all levels that do not look certain",
            100.0 * found.stopped
        )
    })
}

/// A size that gives every analysis with a formula little power.
fn little_power(scenario: &Scenario) -> Option<String> {
    let expected = Expected::new(scenario);
    // A scenario of two equal arms is run for its type I error: its power is alpha, as intended.
    if expected.assumptions().effect == AssumedEffect::None {
        return None;
    }
    let powers = scenario.analyses.iter().filter_map(|analysis| {
        let stopping = expected.normal_approximation(Truth::Alternative, analysis).ok()?;
        Some(stopping.rejection())
    });
    // The best, as a secondary analysis may be in the scenario to show that it has little power.
    let best = powers.reduce(f64::max)?;
    (best < LITTLE_POWER).then(|| {
        format!(
            "{} patients give a power of at most {:.0} % by formula; sample_size.randomised is the number in \
             both arms together",
            scenario.randomised,
            100.0 * best
        )
    })
}
