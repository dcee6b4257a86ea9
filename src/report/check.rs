//! `rescuesim check`: the scenario as it is understood, before anything is simulated.
//!
//! The text is a scenario itself: the derived tables are comments, the rest is the file with every
//! default written out.

use super::prior::components;
use super::table::{BoundaryRow, boundaries, grid, number, wrapped};
use crate::outcome::Mrs;
use crate::scenario::{Scenario, Truth};

/// The scenario as understood.
pub fn render(scenario: &Scenario) -> String {
    let mut comments = wrapped(&scenario.file().title);
    for warning in scenario.warnings() {
        comments += &wrapped(&format!("\nWarning: {warning}."));
    }
    comments += "\nBoundaries (Z above 0 favours the experimental arm; alpha one-sided)\n";
    comments += &bounds(scenario);
    let arms = &scenario.file().arms;
    comments +=
        &wrapped(&format!("\nControl: {}. Experimental: {}.", arms.control, arms.experimental));
    for text in super::centres::described(scenario.file()) {
        // Room for the comment sign.
        comments += &(textwrap::fill(&text, 78) + "\n");
    }
    comments += "\nmRS in the whole population, per cent\n";
    comments += &outcomes(scenario);
    comments += &conditional_odds(scenario);
    if let Some(procedure) = super::procedure::exact(scenario) {
        comments += "\nThe procedure, by enumeration\n";
        comments += &procedure;
    }
    comments += &super::safety::expected(scenario);
    comments += "\nRejection by formula (normal approximation)\n";
    comments += &formula(scenario);
    if let (Some(prior), Some(written)) = (&scenario.prior, &scenario.file().prior) {
        comments += "\nPrior on the common odds ratio (benefit: above 1)\n";
        comments += &components(prior.components(), written);
        comments += &format!("P(benefit): {:.4}\n", prior.probability_benefit());
    }
    comments += "\nThe scenario with every default written out:\n";
    let comments: String =
        comments.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect();
    let toml = toml::to_string(scenario.file()).expect("a scenario is plain data");
    format!("{comments}\n{toml}")
}

fn bounds(scenario: &Scenario) -> String {
    let finite = |z: f64| z.is_finite().then_some(z);
    let rows = scenario.design.looks().iter().enumerate().map(|(k, look)| BoundaryRow {
        name: (k + 1).to_string(),
        analysed: look.analysed,
        information: look.information_fraction,
        bounds: [look.efficacy, look.futility, look.harm].map(finite),
        alpha_spent: look.alpha_spent,
    });
    boundaries(rows.collect(), 6)
}

fn outcomes(scenario: &Scenario) -> String {
    let marginal = scenario.marginal(Truth::Alternative).expect("only the prior has none");
    let rows = ["control", "experimental"].into_iter().zip(marginal).map(|(name, mrs)| {
        let percent = |p: f64| format!("{:.2}", 100.0 * p);
        let mut row = vec![name.to_owned()];
        row.extend(mrs.probabilities().iter().map(|&p| percent(p)));
        row.push(percent(mrs.at_most(Mrs::INDEPENDENT)));
        row
    });
    grid(&["mRS", "0", "1", "2", "3", "4", "5", "6", "0–2"], rows.collect())
}

/// Odds ratios per cut: marginal, and within a stratum where factors are prognostic.
fn conditional_odds(scenario: &Scenario) -> String {
    let [control, experimental] =
        scenario.marginal(Truth::Alternative).expect("only the prior has none");
    let cuts = ["≤0", "≤1", "≤2", "≤3", "≤4", "≤5"];
    let text = |odds_ratio: Option<f64>| odds_ratio.map_or("–".into(), |or| format!("{or:.4}"));
    let mut marginal = vec!["marginal".to_owned()];
    let cumulative = control.cumulative().into_iter().zip(experimental.cumulative());
    marginal.extend(cumulative.map(|(c, e)| {
        let odds_ratio = e / (1.0 - e) / (c / (1.0 - c));
        text(odds_ratio.is_finite().then_some(odds_ratio))
    }));
    let mut rows = vec![marginal];
    let is_stated = scenario.procedural().is_none();
    let prognostic = scenario.population.prognosis().any(|(_, log_odds)| log_odds != 0.0);
    let centres_differ = scenario.centres.as_ref().is_some_and(|of| of.sd.outcome > 0.0);
    if is_stated && (prognostic || centres_differ) {
        let place = if centres_differ { "within a stratum and centre" } else { "within a stratum" };
        let mut within = vec![place.to_owned()];
        within.extend(scenario.odds_ratios_within_stratum(Truth::Alternative).map(text));
        rows.push(within);
    }
    let header: Vec<&str> = std::iter::once("odds ratio of mRS").chain(cuts).collect();
    format!("\n{}", grid(&header, rows))
}

fn formula(scenario: &Scenario) -> String {
    let rows = scenario.analyses.iter().map(|analysis| {
        let of = |truth| {
            let closed_form = scenario.normal_approximation(truth, analysis);
            number(closed_form.map(|closed_form| closed_form.rejection()))
        };
        let mut row = vec![analysis.name.clone(), of(Truth::Alternative), of(Truth::Null)];
        if scenario.prior.is_some() {
            row.push(number(scenario.assurance_by_formula(analysis)));
        }
        row
    });
    let mut header = vec!["analysis", "power", "type I error"];
    if scenario.prior.is_some() {
        header.push("assurance");
    }
    grid(&header, rows.collect())
}
