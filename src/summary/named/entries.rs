//! Every name of a quantity on the command line, with what it stands for.

use super::Sampled;
use crate::design::StoppingProbabilities;
use crate::scenario::Truth;
use crate::summary::McEstimate;
use crate::summary::analysis_tally::AnalysisTally;
use crate::summary::success::SuccessTally;

/// What is known of a name.
#[derive(Debug)]
pub(super) struct NamedEntry {
    /// Name on the command line, which the number of the look follows for a quantity of a look.
    pub name: &'static str,
    /// Name in a sentence, which the number of the look follows for a quantity of a look.
    pub words: &'static str,
    pub truth: Truth,
    /// Key in the catalogue.
    pub field: Field,
    pub needs: Need,
    /// Whether `solve` looks for no more than the target, as the quantity is of something bad.
    pub less_is_better: bool,
    pub sampled: Sampling,
    /// The value by closed form, if the quantity has one.
    pub by_formula: Option<fn(&StoppingProbabilities, look: usize) -> Option<f64>>,
}

/// How a tally has a quantity.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sampling {
    OfAnalysis(fn(&AnalysisTally, look: usize) -> Sampled),
    OfRule(fn(&SuccessTally) -> Sampled),
}

/// Where the catalogue has a quantity.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    Analysis(&'static str),
    /// Of the rule by which the analyses decide together.
    Rule(&'static str),
    Look(&'static str),
}

/// What a scenario must have for a quantity to exist.
#[derive(Debug, Clone, Copy)]
pub(super) enum Need {
    Nothing,
    Prior,
    StopsForSafety,
    KnownTruth,
    Rule,
    Look,
}

/// Every name, the one of a look last.
pub(super) static ENTRIES: [NamedEntry; 17] = [
    NamedEntry {
        name: "power",
        words: "power",
        truth: Truth::Alternative,
        field: Field::Analysis("rejection"),
        needs: Need::Nothing,
        less_is_better: false,
        sampled: Sampling::OfAnalysis(|tally, _| tally.share(tally.efficacies())),
        by_formula: Some(|formula, _| Some(formula.rejection())),
    },
    NamedEntry {
        name: "type-i-error",
        words: "the type I error",
        truth: Truth::Null,
        field: Field::Analysis("rejection"),
        needs: Need::Nothing,
        less_is_better: true,
        sampled: Sampling::OfAnalysis(|tally, _| tally.share(tally.efficacies())),
        by_formula: Some(|formula, _| Some(formula.rejection())),
    },
    NamedEntry {
        name: "assurance",
        words: "assurance",
        truth: Truth::Prior,
        field: Field::Analysis("rejection"),
        needs: Need::Prior,
        less_is_better: false,
        sampled: Sampling::OfAnalysis(|tally, _| tally.share(tally.efficacies())),
        // Stopping probabilities are those of one effect, not of a distribution of effects.
        by_formula: None,
    },
    NamedEntry {
        name: "early-efficacy",
        words: "early efficacy",
        truth: Truth::Alternative,
        field: Field::Analysis("outcomes.efficacy_early"),
        needs: Need::Nothing,
        less_is_better: false,
        sampled: Sampling::OfAnalysis(|tally, _| tally.share(tally.early_efficacies())),
        by_formula: Some(|formula, _| {
            let (_, interim) = formula.efficacy.split_last()?;
            Some(interim.iter().sum())
        }),
    },
    NamedEntry {
        name: "final-efficacy",
        words: "efficacy at the final look",
        truth: Truth::Alternative,
        field: Field::Analysis("outcomes.efficacy_final"),
        needs: Need::Nothing,
        less_is_better: false,
        sampled: Sampling::OfAnalysis(|tally, _| tally.share(tally.final_efficacies())),
        by_formula: Some(|formula, _| formula.efficacy.last().copied()),
    },
    NamedEntry {
        name: "futility",
        words: "futility",
        truth: Truth::Alternative,
        field: Field::Analysis("outcomes.futility"),
        needs: Need::Nothing,
        less_is_better: true,
        sampled: Sampling::OfAnalysis(|tally, _| tally.share(tally.futilities())),
        by_formula: Some(|formula, _| Some(formula.futility.iter().sum())),
    },
    NamedEntry {
        name: "harm",
        words: "harm",
        truth: Truth::Alternative,
        field: Field::Analysis("outcomes.harm"),
        needs: Need::Nothing,
        less_is_better: true,
        sampled: Sampling::OfAnalysis(|tally, _| tally.share(tally.harms())),
        by_formula: Some(|formula, _| Some(formula.harm.iter().sum())),
    },
    NamedEntry {
        name: "safety",
        words: "stops for safety",
        truth: Truth::Alternative,
        field: Field::Analysis("outcomes.safety"),
        needs: Need::StopsForSafety,
        less_is_better: true,
        sampled: Sampling::OfAnalysis(|tally, _| tally.share(tally.stopped_for_safety())),
        // The closed form of an analysis has no boundary for adverse events.
        by_formula: None,
    },
    NamedEntry {
        name: "coverage",
        words: "coverage",
        truth: Truth::Alternative,
        field: Field::Analysis("estimate.coverage"),
        needs: Need::KnownTruth,
        less_is_better: false,
        // Not of all trials: those without an estimate have no interval.
        sampled: Sampling::OfAnalysis(|tally, _| tally.estimates.coverage()),
        by_formula: None,
    },
    NamedEntry {
        name: "expected-n",
        words: "the expected number randomised",
        truth: Truth::Alternative,
        field: Field::Analysis("n_randomised.mean"),
        needs: Need::Nothing,
        less_is_better: false,
        sampled: Sampling::OfAnalysis(|tally, _| {
            Sampled::Mean(McEstimate::histogram_mean(&tally.n_randomised, 1.0))
        }),
        by_formula: None,
    },
    NamedEntry {
        name: "duration",
        words: "the duration in months",
        truth: Truth::Alternative,
        field: Field::Analysis("duration_months"),
        needs: Need::Nothing,
        less_is_better: false,
        sampled: Sampling::OfAnalysis(|tally, _| {
            Sampled::Mean(McEstimate::mean(&tally.duration_months))
        }),
        by_formula: None,
    },
    NamedEntry {
        name: "estimate",
        words: "the mean estimate",
        truth: Truth::Alternative,
        field: Field::Analysis("estimate.mean"),
        needs: Need::Nothing,
        less_is_better: false,
        sampled: Sampling::OfAnalysis(|tally, _| {
            Sampled::Mean(McEstimate::mean(&tally.estimates.estimates))
        }),
        by_formula: None,
    },
    NamedEntry {
        name: "success",
        words: "success by the rule",
        truth: Truth::Alternative,
        field: Field::Rule("success"),
        needs: Need::Rule,
        less_is_better: false,
        sampled: Sampling::OfRule(SuccessTally::success),
        by_formula: None,
    },
    NamedEntry {
        name: "any-rejection",
        words: "the probability that any analysis rejects",
        truth: Truth::Alternative,
        field: Field::Rule("any_rejection"),
        needs: Need::Rule,
        less_is_better: false,
        sampled: Sampling::OfRule(SuccessTally::any_rejection),
        by_formula: None,
    },
    NamedEntry {
        name: "all-rejections",
        words: "the probability that all analyses reject",
        truth: Truth::Alternative,
        field: Field::Rule("all_rejections"),
        needs: Need::Rule,
        less_is_better: false,
        sampled: Sampling::OfRule(SuccessTally::all_rejections),
        by_formula: None,
    },
    NamedEntry {
        name: "familywise-error",
        words: "the familywise error",
        truth: Truth::Null,
        field: Field::Rule("familywise_error"),
        needs: Need::Rule,
        less_is_better: true,
        sampled: Sampling::OfRule(SuccessTally::familywise_error),
        by_formula: None,
    },
    NamedEntry {
        name: "efficacy-at-",
        words: "efficacy at look ",
        truth: Truth::Alternative,
        field: Field::Look("efficacy"),
        needs: Need::Look,
        less_is_better: false,
        sampled: Sampling::OfAnalysis(|tally, look| tally.share(tally.looks[look - 1].efficacy)),
        by_formula: Some(|formula, look| formula.efficacy.get(look - 1).copied()),
    },
];
