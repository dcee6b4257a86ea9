//! The exact quantities of a scenario by name, as targets of a calibration.

use crate::outcome::Mrs;
use crate::outcome::flow::{GROUPS, Group};
use crate::randomisation::Arm;
use crate::scenario::{Scenario, Truth};
use crate::summary::procedure::{ArmSummary, ArmTally};

/// Lists names and values that need no simulation: `control.functional_independence`,
/// `experimental.stented_early.mortality`, `control.after_pass[1].stented`,
/// `effect.odds_ratio` …; quantities without a finite value are left out.
pub fn exact(scenario: &Scenario) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    let marginals = scenario.marginal(Truth::Alternative).expect("only the prior has none");
    for arm in [Arm::Control, Arm::Experimental] {
        let name = arm.name();
        let mrs = &marginals[arm.index()];
        for (level, p) in mrs.probabilities().iter().enumerate() {
            all.push((format!("{name}.mrs[{level}]"), *p));
        }
        match scenario.procedural() {
            Some(model) => {
                // An empty tally: only the exact values are used.
                let summary = ArmSummary::new(name, &ArmTally::default(), model, arm);
                all.extend(of_procedure(&summary));
            }
            // Without a procedure the mRS is all that a patient has.
            None => {
                let dead = mrs.probabilities()[Mrs::DEAD.index()];
                all.push((
                    format!("{name}.functional_independence"),
                    mrs.at_most(Mrs::INDEPENDENT),
                ));
                all.push((format!("{name}.mortality"), dead));
            }
        }
    }
    let [control, experimental] = marginals.map(|mrs| mrs.at_most(Mrs::INDEPENDENT));
    all.push(("effect.risk_difference".into(), experimental - control));
    let [odds, control_odds] = [experimental, control].map(|p| p / (1.0 - p));
    all.push(("effect.odds_ratio".into(), odds / control_odds));
    all.extend(scenario.outcomes.screening_yield().map(|p| ("screening_yield".into(), p)));
    all.retain(|(_, value)| value.is_finite());
    all
}

fn of_procedure(arm: &ArmSummary) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    // A group that no patient can be in has no summary, but its share is a target that may be aimed at.
    for group in GROUPS {
        if arm.groups.iter().all(|present| present.group != group) {
            all.push((format!("{}.{}.share", arm.arm, group.name()), 0.0));
        }
    }
    for group in &arm.groups {
        let at = if group.group == Group::All {
            arm.arm.to_owned()
        } else {
            format!("{}.{}", arm.arm, group.group.name())
        };
        for (measure, value) in &group.measures {
            all.push((format!("{at}.{measure}"), value.exact));
        }
        if group.group != Group::All {
            all.push((format!("{at}.share"), group.share.exact));
        }
        if let Some(minutes) = &group.minutes {
            all.push((format!("{at}.minutes.mean"), minutes.mean.exact));
            all.push((format!("{at}.minutes.median"), minutes.median.exact));
        }
    }
    for pass in &arm.passes {
        let at = format!("{}.after_pass[{}]", arm.arm, pass.passes);
        all.push((format!("{at}.attempted"), pass.attempted.exact));
        all.push((format!("{at}.success"), pass.success.exact));
        all.push((format!("{at}.reperfused"), pass.reperfused.exact));
        all.push((format!("{at}.stented"), pass.stented.exact));
        all.push((format!("{at}.unopened"), pass.unopened.exact));
    }
    all
}
