//! `rescuesim solve`: where a figure reaches its target, and the value that was shown to.

use serde::Serialize;

use super::Provenance;
use super::document::Document;
use super::numeral::{grouped, with_error};
use crate::explore::goal::Goal;
use crate::explore::solve::{Observed, Solution, Verification};
use crate::summary::{McEstimate, Sampled};

/// What was asked and found.
#[derive(Debug, Clone, Serialize)]
pub struct Solved {
    /// Key that was varied.
    pub key: String,
    /// Whether its values are whole numbers.
    pub whole: bool,
    /// The figure, by its name.
    pub figure: String,
    /// The value that it was to reach.
    pub target: f64,
    /// Whether it was to be no more than that, rather than no less.
    pub at_most: bool,
    /// Name of the analysis.
    pub analysis: String,
    /// With which the answer reaches the target, and of the root's interval.
    pub confidence: f64,
    /// Where the closed form has the target; null where it has none.
    pub by_formula: Option<f64>,
    /// Where a line through simulations has it.
    pub root: f64,
    /// Interval of the root; null where the slope is too uncertain.
    pub interval: Option<(f64, f64)>,
    /// The value that was shown to reach it.
    pub answer: f64,
    /// What is set beside it, so that outcomes and looks follow a number of patients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub following: Vec<String>,
    /// The figure there, on replicates of its own.
    pub verified: McEstimate,
    /// Confidence bound of the figure there: lower, or upper where it was to be no more.
    pub bound: f64,
    /// How well the line fits.
    pub fit: crate::explore::probit::GoodnessOfFit,
    /// Replicates spent in the search.
    pub search_replicates: u64,
    /// Replicates spent in verification.
    pub verification_replicates: u64,
    /// Values looked at in the search, with the figure there.
    pub points: Vec<(f64, McEstimate)>,
    /// Values that were verified before the answer, and failed.
    pub failed: Vec<(f64, McEstimate)>,
}

impl Solved {
    /// From what a search came to.
    pub fn new(
        (key, whole): (&str, bool),
        (goal, analysis): (&Goal, &str),
        confidence: f64,
        by_formula: Option<f64>,
        solution: &Solution,
    ) -> Self {
        let estimate = |&Observed { count, n }: &Observed| {
            let of = Sampled::Proportion { count, n }.estimate();
            McEstimate { value: goal.turned(of.value), ..of }
        };
        let verified = |of: &Verification| (of.x, estimate(&of.observed));
        let answer = solution.answer();
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
            verified: estimate(&answer.observed),
            bound: goal.turned(answer.lower_bound),
            fit: solution.fit,
            search_replicates: solution.search_replicates,
            verification_replicates: solution.verification_replicates,
            points: solution.points.iter().map(|of| (of.x, estimate(&of.observed))).collect(),
            failed: failed.map(verified).collect(),
        }
    }

    /// With what is set beside the answer.
    #[must_use]
    pub fn with_following(mut self, following: Vec<String>) -> Self {
        self.following = following;
        self
    }

    fn number(&self, x: f64) -> String {
        match x.abs() {
            _ if self.whole => format!("{x:.1}"),
            small if small > 0.0 && small < 0.01 => format!("{x:.3e}"),
            _ => format!("{x:.5}"),
        }
    }

    /// An allowed value.
    fn value(&self, x: f64) -> String {
        if self.whole { format!("{x:.0}") } else { format!("{x}") }
    }
}

/// The answer, what stands behind it, and what it took.
pub fn document(provenance: &Provenance, solved: &Solved, goal: &Goal) -> Document {
    let words = goal.quantity.words();
    let least = if solved.at_most { "at most" } else { "at least" };
    let percent = format!("{}", (1e4 * solved.confidence).round() / 100.0);
    let mut rows = vec![vec!["answer".to_owned(), solved.value(solved.answer)]];
    rows.push(vec!["root of the simulated curve".to_owned(), solved.number(solved.root)]);
    let interval = match solved.interval {
        Some((low, high)) => format!("{} to {}", solved.number(low), solved.number(high)),
        None => "–".to_owned(),
    };
    rows.push(vec![format!("  its {percent} % interval"), interval]);
    let formula = solved.by_formula.map_or("–".to_owned(), |x| solved.number(x));
    rows.push(vec!["root of the closed form".to_owned(), formula]);
    let fit = solved.fit;
    let lack = if fit.heterogeneity > 1.0 {
        format!(
            " The probit line does not fit (χ² {:.1}, {} degrees of freedom): the interval allows for \
             that by a factor of {:.1} on variances.",
            fit.chi_squared, fit.df, fit.heterogeneity
        )
    } else {
        String::new()
    };
    let failed = match solved.failed.len() {
        0 => String::new(),
        _ => {
            let told = solved
                .failed
                .iter()
                .map(|(x, of)| format!("{} ({})", solved.value(*x), with_error(*of)));
            format!(" Tried before it and not shown: {}.", told.collect::<Vec<_>>().join(", "))
        }
    };
    let following = match &solved.following[..] {
        [] => String::new(),
        set => format!(" Outcomes and looks follow: {}.", set.join(", ")),
    };
    Document::new()
        .title(&provenance.scenario.title)
        .gap()
        .text(format!("{} for {words} of {least} {} in \"{}\"", solved.key, solved.target, solved.analysis))
        .gap()
        .table(&["value", solved.key.rsplit('.').next().unwrap_or_default()], rows)
        .text(format!(
            "With {} the figure is {} on replicates of their own, and {least} {:.4} with a confidence of \
             {percent} %, whatever the search did.{failed}{following}",
            solved.value(solved.answer),
            with_error(solved.verified),
            solved.bound,
        ))
        .text(format!(
            "{} replicates in the search, at {} values with replicates of their own, and {} in \
             verification, seed {}.{lack}",
            grouped(solved.search_replicates),
            solved.points.len(),
            grouped(solved.verification_replicates),
            provenance.seed
        ))
        .gap()
        .verbatim(format!("Recreate: {}", provenance.command))
}

/// As JSON, ending in a newline.
pub fn to_json(provenance: &Provenance, solved: &Solved) -> String {
    let json = serde_json::json!({ "provenance": provenance, "solved": solved });
    serde_json::to_string_pretty(&json).expect("plain data") + "\n"
}
