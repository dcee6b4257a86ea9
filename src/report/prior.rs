//! The prior on the effect, and the assurance of a design under it.

use super::document::{Columns, Document};
use super::numeral::probability;
use super::numeral::{chance, number, with_error, with_limit, with_two_digit_error};
use super::pooling::interval;
use crate::evidence::prior::Component;
use crate::scenario::file;
use crate::summary::{McEstimate, PriorAnalysis, PriorSummary};

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
    let mut out = Columns::of(components.iter().enumerate())
        .column("prior", |(i, _)| (i + 1).to_string())
        .column("weight", |(_, component)| number(Some(component.weight)))
        .column("mean log\nodds ratio", |(_, component)| number(Some(component.mean)))
        .column("sd", |(_, component)| number(Some(component.sd)))
        .column_if(any_t, "df of t", |(_, component)| {
            component.degrees_of_freedom.map_or_else(|| "∞".to_owned(), |df| df.to_string())
        })
        .column("odds ratio [95 %]", |(_, component)| {
            let (low, high) = component.interval();
            interval(component.mean, low, high)
        })
        .document();
    // Sources are sentences: too long for a column.
    for (i, component) in written.components.iter().enumerate() {
        if let Some(source) = &component.source {
            out = out.text(format!("{}: {source}", i + 1));
        }
    }
    out
}

fn assurance(analyses: &[PriorAnalysis]) -> Document {
    Columns::of(analyses)
        .column("analysis", |analysis| analysis.name.clone())
        .column("assurance", |analysis| with_two_digit_error(analysis.assurance))
        .column("formula", |analysis| chance(analysis.assurance_by_formula))
        .column("P(benefit) after\npositive trial", |analysis| {
            with_error(analysis.probability_benefit_given_rejection)
        })
        .column("P(benefit) after\nnegative trial", |analysis| {
            with_error(analysis.probability_benefit_given_no_rejection)
        })
        .document()
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
    // Quantiles, as an estimate of the odds ratio is skewed.
    Columns::of(analyses)
        .column("predicted estimate", |analysis| analysis.name.clone())
        .column("mean", |analysis| with_error(analysis.predictive.mean))
        .column("2.5th pct", |analysis| with_error(analysis.predictive.p2_5))
        .column("median", |analysis| with_error(analysis.predictive.p50))
        .column("97.5th pct", |analysis| with_error(analysis.predictive.p97_5))
        .document()
}
