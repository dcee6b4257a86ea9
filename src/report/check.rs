//! `rescuesim check`: the scenario with all defaults, boundaries and warnings, before anything is
//! simulated.
//!
//! The text is a scenario itself: the derived tables are comments, the rest is the file with every
//! default written out.

use super::document::{Columns, Document};
use super::numeral::{number, probability};
use super::prior::components;
use super::synopsis::remarks;
use super::table::{BoundaryRow, boundaries};
use crate::expected::Expected;
use crate::outcome::Mrs;
use crate::scenario::{Analysis, Scenario, Truth};

/// Width of the tables, which leaves room for the comment sign.
const WIDTH: usize = 78;

/// Renders the scenario as TOML.
pub fn render(scenario: &Scenario) -> String {
    let assumptions = Expected::new(scenario).assumptions();
    let mut comments = Document::new().title(&scenario.file().title).text(assumptions.sentence());
    comments += remarks(scenario);
    comments =
        comments.heading("Boundaries (Z above 0 favours the experimental arm; alpha one-sided)");
    comments += bounds(scenario);
    comments += super::adaptation::decisions(scenario);
    comments += super::population::expected(scenario);
    let arms = &scenario.file().arms;
    comments = comments
        .gap()
        .text(format!("Control: {}. Experimental: {}.", arms.control, arms.experimental));
    for text in super::centres::described(scenario.file()) {
        comments = comments.text(text);
    }
    comments = comments.heading("mRS by arm, %");
    comments += outcomes(scenario);
    comments += conditional_odds(scenario);
    comments += super::modification::expected(scenario);
    if let Some(procedure) = super::procedure::exact(scenario) {
        comments = comments.heading("The procedure, by enumeration");
        comments += procedure;
    }
    comments += super::safety::expected(scenario);
    comments = comments.heading("Power and type I error, normal approximation");
    comments += formula(scenario);
    comments += super::configurations::expected(scenario);
    if let Some(words) = scenario.success_in_words() {
        comments = comments.heading("Analyses that decide together (no closed form)").text(words);
    }
    if let (Some(prior), Some(written)) = (&scenario.prior, &scenario.file().prior) {
        comments = comments.heading("Prior on the common odds ratio (benefit: above 1)");
        comments += components(prior.components(), written);
        comments =
            comments.text(format!("P(benefit): {}", probability(prior.probability_benefit(), 4)));
    }
    comments = comments.heading("The scenario with every default written out:");
    let comments: String = comments
        .within(WIDTH)
        .lines()
        // Empty lines are comments without a trailing blank.
        .map(|line| format!("# {line}").trim_end().to_owned() + "\n")
        .collect();
    let toml = toml::to_string(scenario.file()).expect("a scenario is plain data");
    format!("{comments}\n{toml}")
}

/// Tabulates the boundaries at the looks, after a description of the design.
pub fn bounds(scenario: &Scenario) -> Document {
    let rows = scenario.design.looks().iter().enumerate().map(|(k, look)| BoundaryRow {
        name: (k + 1).to_string(),
        analysed: look.analysed,
        information: look.information_fraction,
        bounds: [
            scenario.planned_efficacy_bound(k),
            // An infinite boundary is not tested.
            Some(look.futility).filter(|z| z.is_finite()),
            Some(look.harm).filter(|z| z.is_finite()),
        ],
        alpha_spent: (!scenario.has_boundaries_of_its_own()).then_some(look.alpha_spent),
    });
    let mut rules = Document::new().text(scenario.decisions_in_words().join(" "));
    if let Some(timing) = scenario.look_timing_in_words() {
        rules = rules.text(timing);
    }
    rules + boundaries(rows.collect(), 6)
}

fn outcomes(scenario: &Scenario) -> Document {
    let marginal = scenario.marginal(Truth::Alternative).expect("only the prior has none");
    let rows = ["control", "experimental"].into_iter().zip(marginal).map(|(name, mrs)| {
        let mut shares = mrs.probabilities().to_vec();
        shares.push(mrs.at_most(Mrs::INDEPENDENT));
        let mut row = vec![name.to_owned()];
        row.extend(shares.iter().map(|share| format!("{:.2}", 100.0 * share)));
        row
    });
    Document::of_table(&["mRS", "0", "1", "2", "3", "4", "5", "6", "0–2"], rows.collect())
}

/// Tabulates the odds ratios per cut: marginal and, if factors or centres are prognostic, within a
/// stratum.
fn conditional_odds(scenario: &Scenario) -> Document {
    let [control, experimental] =
        scenario.marginal(Truth::Alternative).expect("only the prior has none");
    let cuts = ["≤0", "≤1", "≤2", "≤3", "≤4", "≤5"];
    let mut marginal = vec!["marginal".to_owned()];
    let cumulative = control.cumulative().into_iter().zip(experimental.cumulative());
    marginal.extend(cumulative.map(|(c, e)| {
        let odds_ratio = e / (1.0 - e) / (c / (1.0 - c));
        or_dash(odds_ratio.is_finite().then_some(odds_ratio))
    }));
    let mut rows = vec![marginal];
    // A marginal odds ratio is nearer to 1 than the conditional ones it averages (non-collapsibility). An
    // outcome that follows from a procedure has no odds ratio within a stratum.
    let is_stated = scenario.procedural().is_none();
    let prognostic = scenario.population.prognosis().any(|(_, log_odds)| log_odds != 0.0);
    let centres_differ = scenario.centres.as_ref().is_some_and(|of| of.sd.outcome > 0.0);
    if is_stated && (prognostic || centres_differ) {
        let place = if centres_differ { "within a stratum and centre" } else { "within a stratum" };
        let mut within = vec![place.to_owned()];
        within.extend(scenario.odds_ratios_within_stratum(Truth::Alternative).map(or_dash));
        rows.push(within);
    }
    let header: Vec<&str> = std::iter::once("odds ratio of mRS").chain(cuts).collect();
    Document::of_table(&header, rows).after_gap()
}

/// Writes an odds ratio; a dash if a share on either side of the cut is 0.
fn or_dash(odds_ratio: Option<f64>) -> String {
    odds_ratio.map_or("–".to_owned(), |odds_ratio| format!("{odds_ratio:.4}"))
}

/// Writes the probability of efficacy by formula; a dash if there is none.
fn rejection(expected: &Expected<'_>, truth: Truth, analysis: &Analysis) -> String {
    let closed_form = expected.normal_approximation(truth, analysis).ok();
    number(closed_form.map(|closed_form| closed_form.rejection()))
}

fn formula(scenario: &Scenario) -> Document {
    let expected = Expected::new(scenario);
    let at_margin = scenario.primary_hypothesis().has_margin();
    let error = if at_margin { "type I error at the margin" } else { "type I error" };
    let table = Columns::of(&scenario.analyses)
        .column("analysis", |analysis| analysis.name.clone())
        .column("power", |analysis| rejection(&expected, Truth::Alternative, analysis))
        .column(error, |analysis| rejection(&expected, Truth::Null, analysis))
        .column_if(scenario.prior.is_some(), "assurance", |analysis| {
            number(expected.assurance(analysis))
        })
        .document();
    scenario.analyses.iter().fold(table, |document, analysis| {
        let words = expected.formula_in_words(Truth::Alternative, analysis);
        document.text(format!("{}: {words}.", analysis.name))
    })
}
