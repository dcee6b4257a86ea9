//! The prior on the effect, and the assurance of a design under it.

use super::document::Document;
use super::numeral::probability;
use super::numeral::{chance, number, with_error, with_limit, with_two_digit_error};
use super::pooling::interval;
use crate::evidence::prior::Component;
use crate::scenario::file;
use crate::summary::{McEstimate, PredictiveSummary, PriorAnalysis, PriorSummary};

/// Renders the section of a run: prior, assurance, predicted estimates.
pub(super) fn averaged(prior: &PriorSummary, written: &file::WrittenPrior) -> Document {
    let mut out = components(&prior.components, written);
    out = out.gap();
    out += assurance(&prior.analyses);
    out = out.text(format!(
        "Benefit is a true odds ratio above 1; before the trial its probability is {}.",
        probability(prior.probability_benefit, 4)
    ));
    out = out.gap();
    out += predictive(&prior.analyses);
    out.text(
        "Predictive distribution of the estimate of a trial that has not started, on the scale of each analysis.",
    )
}

/// Tabulates the components with their sources.
pub(super) fn components(components: &[Component], written: &file::WrittenPrior) -> Document {
    // Degrees of freedom are shown only if a component has them.
    let any_t = components.iter().any(|component| component.degrees_of_freedom.is_some());
    let rows = components.iter().enumerate().map(|(i, component)| {
        let Component { weight, mean, sd, degrees_of_freedom } = *component;
        let (low, high) = component.interval();
        let odds_ratio = interval(mean, low, high);
        let numbers = [weight, mean, sd].map(|value| number(Some(value)));
        let mut row = [vec![format!("{}", i + 1)], numbers.to_vec()].concat();
        if any_t {
            row.push(degrees_of_freedom.map_or_else(|| "∞".to_owned(), |df| format!("{df}")));
        }
        [row, vec![odds_ratio]].concat()
    });
    let mut header = vec!["prior", "weight", "mean log\nodds ratio", "sd", "odds ratio [95 %]"];
    if any_t {
        header.insert(4, "df of t");
    }
    let mut out = Document::of_table(&header, rows.collect());
    // Sources are sentences: too long for a column.
    for (i, component) in written.components.iter().enumerate() {
        if let Some(source) = &component.source {
            out = out.text(format!("{}: {source}", i + 1));
        }
    }
    out
}

fn assurance(analyses: &[PriorAnalysis]) -> Document {
    let rows = analyses.iter().map(|analysis| {
        vec![
            analysis.name.clone(),
            with_two_digit_error(analysis.assurance),
            chance(analysis.assurance_by_formula),
            with_error(analysis.probability_benefit_given_rejection),
            with_error(analysis.probability_benefit_given_no_rejection),
        ]
    });
    let header = [
        "analysis",
        "assurance",
        "formula",
        "P(benefit) after\npositive trial",
        "P(benefit) after\nnegative trial",
    ];
    Document::of_table(&header, rows.collect())
}

/// States how often a success is none under the prior, which is what regulators ask of Bayesian decisions.
pub(super) fn no_benefit(analyses: &[PriorAnalysis]) -> Document {
    analyses.iter().fold(Document::new(), |out, analysis| {
        let benefit = analysis.probability_benefit_given_rejection;
        let none = McEstimate {
            value: 1.0 - benefit.value,
            limit_95: benefit.limit_95.map(|limit| 1.0 - limit),
            ..benefit
        };
        out.text(format!(
            "P(no benefit | success) of \"{}\" under this prior: {}.",
            analysis.name,
            with_limit(none)
        ))
    })
}

fn predictive(analyses: &[PriorAnalysis]) -> Document {
    let rows = analyses.iter().map(|analysis| {
        // Quantiles, as an estimate of the odds ratio is skewed.
        let PredictiveSummary { mean, p2_5, p50, p97_5, .. } = analysis.predictive;
        let figures = [mean, p2_5, p50, p97_5].map(with_error);
        [vec![analysis.name.clone()], figures.to_vec()].concat()
    });
    Document::of_table(
        &["predicted estimate", "mean", "2.5th pct", "median", "97.5th pct"],
        rows.collect(),
    )
}
