//! Results of `rescuesim solve`: the value at which a quantity reaches its target, and how it was found.

use serde::Serialize;

use super::Provenance;
use super::document::Document;
use super::numeral::{NONE, grouped, with_error};
use crate::explore::goal::Goal;
use crate::explore::solve::{Observed, Solution};
use crate::scenario::size;
use crate::summary::{McEstimate, Sampled};

/// Question and answer of a search.
#[derive(Debug, Clone, Serialize)]
pub struct Solved {
    /// Key that is varied.
    pub key: String,
    /// Whether its values are whole numbers.
    pub whole: bool,
    /// Name of the quantity.
    pub figure: String,
    /// Target of the quantity.
    pub target: f64,
    /// Whether the quantity is to be at most, not at least, its target.
    pub at_most: bool,
    /// Name of the analysis.
    pub analysis: String,
    /// Confidence that the answer reaches the target, and confidence of the interval.
    pub confidence: f64,
    /// Value at which the closed form reaches the target; null if there is none.
    pub by_formula: Option<f64>,
    /// Value at which a line through the simulations reaches the target.
    pub root: f64,
    /// Confidence interval of `root`; null if the slope is too uncertain.
    pub interval: Option<(f64, f64)>,
    /// Value that was verified to reach the target.
    pub answer: f64,
    /// Further overrides, by which outcomes and looks follow a number of patients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub following: Vec<String>,
    /// The quantity at the answer, in new replicates.
    pub verified: McEstimate,
    /// Confidence bound of the quantity at the answer: lower, or upper for a target that is a maximum.
    pub bound: f64,
    /// Goodness of fit of the line.
    pub fit: crate::explore::probit::GoodnessOfFit,
    /// Replicates spent in the search.
    pub search_replicates: u64,
    /// Replicates spent in verification.
    pub verification_replicates: u64,
    /// Values simulated in the search, with the quantity at each.
    pub points: Vec<(f64, McEstimate)>,
    /// Values whose verification failed before the answer, with the quantity at each.
    pub failed: Vec<(f64, McEstimate)>,
}

/// Question that a search answers.
#[derive(Debug, Clone, Copy)]
pub struct SolvedQuestion<'q> {
    /// Key that is varied.
    pub key: &'q str,
    /// Whether its values are whole numbers.
    pub whole: bool,
    /// Quantity and target.
    pub goal: &'q Goal,
    /// Name of the analysis.
    pub analysis: &'q str,
    /// Confidence of the answer.
    pub confidence: f64,
}

/// The quantity of a goal as observed in replicates.
fn estimate(goal: &Goal, observed: &Observed) -> McEstimate {
    let Observed { count, n } = *observed;
    let of = Sampled::Proportion { count, n }.estimate();
    McEstimate { value: goal.turned(of.value), ..of }
}

impl Solved {
    /// Collects the results of a search.
    pub fn new(
        question: &SolvedQuestion<'_>,
        by_formula: Option<f64>,
        solution: &Solution,
    ) -> Self {
        let &SolvedQuestion { key, whole, goal, analysis, confidence } = question;
        let answer = solution.answer();
        // The last verification is that of the answer; a value is verified once.
        let failed = solution.verifications.iter().filter(|of| of.x != answer.x);
        Self {
            key: key.to_owned(),
            whole,
            figure: goal.quantity.to_string(),
            target: goal.value,
            at_most: goal.at_most(),
            analysis: analysis.to_owned(),
            confidence,
            by_formula,
            root: solution.root,
            interval: solution.interval,
            answer: answer.x,
            following: Vec::new(),
            verified: estimate(goal, &answer.observed),
            bound: goal.turned(answer.lower_bound),
            fit: solution.fit,
            search_replicates: solution.search_replicates,
            verification_replicates: solution.verification_replicates,
            points: solution.points.iter().map(|of| (of.x, estimate(goal, &of.observed))).collect(),
            failed: failed.map(|of| (of.x, estimate(goal, &of.observed))).collect(),
        }
    }

    /// Adds the overrides by which outcomes and looks follow.
    #[must_use]
    pub fn with_following(mut self, following: Vec<String>) -> Self {
        self.following = following;
        self
    }

    /// Formats the confidence in per cent.
    fn percent(&self) -> String {
        // Rounded to two decimals, as 100 × 0.95 is not 95 in binary.
        format!("{}", (1e4 * self.confidence).round() / 100.0)
    }

    fn number(&self, x: f64) -> String {
        if self.whole {
            // A decimal although the values are whole, as the line reaches the target between two of them.
            format!("{x:.1}")
        } else if x != 0.0 && x.abs() < 0.01 {
            // Five decimals would leave two digits of a level such as 0.00012.
            format!("{x:.3e}")
        } else {
            format!("{x:.5}")
        }
    }

    /// Formats a value that the key may have.
    fn value(&self, x: f64) -> String {
        if self.whole { format!("{x:.0}") } else { format!("{x}") }
    }
}

/// Lays out the answer, how it was found, and the amount of simulation.
pub fn document(provenance: &Provenance, solved: &Solved, goal: &Goal) -> Document {
    let words = goal.quantity.words();
    let least = if solved.at_most { "at most" } else { "at least" };
    let mut rows = vec![vec!["use".to_owned(), solved.value(solved.answer)]];
    rows.push(vec!["estimate from simulation".to_owned(), solved.number(solved.root)]);
    let interval = match solved.interval {
        Some((low, high)) => format!("{} to {}", solved.number(low), solved.number(high)),
        None => NONE.to_owned(),
    };
    rows.push(vec![format!("  {} % confidence interval", solved.percent()), interval]);
    let formula = solved.by_formula.map_or(NONE.to_owned(), |x| solved.number(x));
    rows.push(vec!["estimate from the formula".to_owned(), formula]);
    Document::new()
        .title(&provenance.scenario.title)
        .gap()
        .text(format!(
            "{} for {words} of {least} {} in \"{}\": use {}.",
            solved.key,
            solved.target,
            solved.analysis,
            solved.value(solved.answer)
        ))
        .text(verified(solved))
        .gap()
        .table(&["value", solved.key.rsplit('.').next().unwrap_or_default()], rows)
        .text(effort(provenance, solved))
        .gap()
        .verbatim(format!("Recreate: {}", provenance.command))
}

/// Says what the verification of the answer found, what failed before it, and what is set with it.
fn verified(solved: &Solved) -> String {
    let answer = solved.value(solved.answer);
    let gives = if solved.key == size::randomised().to_string() {
        format!("{answer} patients give")
    } else {
        format!("{answer} gives")
    };
    // The first value that is verified has half of the error rate, the second a quarter and so on.
    let mut text = format!(
        "Verified: {gives} {} in {} new trials (one-sided {} % {} limit {:.4}, adjusted for the number \
         of values verified).",
        with_error(solved.verified),
        grouped(solved.verified.n),
        solved.percent(),
        if solved.at_most { "upper" } else { "lower" },
        solved.bound,
    );
    let failed: Vec<String> = solved
        .failed
        .iter()
        .map(|(x, of)| format!("{} ({})", solved.value(*x), with_error(*of)))
        .collect();
    if !failed.is_empty() {
        text += &format!(" Not verified: {}.", failed.join(", "));
    }
    if !solved.following.is_empty() {
        text += &format!(" Outcomes and looks follow: {}.", solved.following.join(", "));
    }
    text
}

/// Says how much was simulated, and whether the line that the search fits is one.
fn effort(provenance: &Provenance, solved: &Solved) -> String {
    let mut text = format!(
        "The search took {} replicates at {} values, each with its own; the verification {}; seed {}.",
        grouped(solved.search_replicates),
        solved.points.len(),
        grouped(solved.verification_replicates),
        provenance.seed
    );
    let fit = solved.fit;
    if fit.heterogeneity > 1.0 {
        text += &format!(
            " The probit line does not fit well (χ² {:.1}, {} degrees of freedom), so the interval is \
             wider: its variance is multiplied by {:.1}.",
            fit.chi_squared, fit.df, fit.heterogeneity
        );
    }
    text
}

/// Formats the result as JSON, ending in a newline.
pub fn to_json(provenance: &Provenance, solved: &Solved) -> String {
    let json = serde_json::json!({ "provenance": provenance, "solved": solved });
    serde_json::to_string_pretty(&json).expect("plain data") + "\n"
}
