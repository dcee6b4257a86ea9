//! `rescuesim pool`: a forest plot and the result of every method, as text or JSON.

use serde::Serialize;

use super::document::Document;
use super::numeral::{fixed, odds_ratio};
use crate::evidence::{Pooled, PoolingError, Review};

/// Number of columns of the forest plot, from odds ratio 1/[`REACH`] to [`REACH`]; odd, so that 1 has a
/// column of its own.
const PLOT: usize = 19;
/// Largest odds ratio of the forest plot.
const REACH: f64 = 32.0;

/// Renders all outcomes as tables. The forest plot shows the first method.
pub fn document(title: &str, reviews: &[Review]) -> Document {
    let mut out = Document::new().title(title);
    out = out.text("Odds ratios above 1: the event is more frequent in the experimental arm.");
    for review in reviews {
        out = out.heading(&review.outcome);
        out += forest(review);
        out = out.gap();
        out += methods(review);
    }
    out = out.gap();
    out.text(
        "χ² p: Pearson's test of the table, two-sided, without continuity correction. \
         HK: Hartung–Knapp interval with t on k − 1 degrees of freedom, never narrower than \
         without. Prediction: 95 % interval for the odds ratio of a new study, with t on k − 2 degrees of \
         freedom. Studies without \
         any event, or with events only, do not enter.",
    )
}

fn forest(review: &Review) -> Document {
    let mut rows = Vec::new();
    for study in &review.studies {
        // A study without events, or with events only, has no odds ratio.
        let (odds_ratio, plot) = if study.is_informative() {
            let (y, (low, high)) = (study.log_odds_ratio().estimate, study.interval());
            (interval(y, low, high), line(y, low, high, '■'))
        } else {
            ("not estimable".to_owned(), String::new())
        };
        let [experimental, control] =
            [study.experimental, study.control].map(|(events, n)| format!("{events}/{n}"));
        let p = study.pearson_p().map_or_else(String::new, p_value);
        rows.push(vec![study.name.clone(), experimental, control, odds_ratio, p, plot]);
    }
    if let Some((method, Ok(pooled))) = review.results.first() {
        let (y, (low, high)) = (pooled.log_odds_ratio, pooled.interval);
        let mut row = vec![String::new(); 6];
        row[0] = method.label.to_owned();
        row[3] = interval(y, low, high);
        row[5] = line(y, low, high, '◆');
        rows.push(row);
    }
    let scale = format!("{:<9}1{:>9}", "1/32", "32");
    Document::of_table(&["study", "exper.", "control", "OR [95 %]", "χ² p", &scale], rows)
}

/// Draws an interval on a logarithmic scale, with an arrow at an end that lies outside.
fn line(estimate: f64, low: f64, high: f64, mark: char) -> String {
    const LAST: f64 = (PLOT - 1) as f64;
    let [at, from, to] =
        [estimate, low, high].map(|y| ((0.5 + 0.5 * y / libm::log(REACH)) * LAST).round());
    let [mark_at, first, last] = [at, from, to].map(|column| column.clamp(0.0, LAST) as usize);
    let mut cells = [' '; PLOT];
    cells[PLOT / 2] = '│';
    cells[first..=last].fill('─');
    if from < 0.0 {
        cells[0] = '←';
    }
    if to > LAST {
        cells[PLOT - 1] = '→';
    }
    // Last, so that no arrow hides it.
    cells[mark_at] = mark;
    cells.into_iter().collect()
}

/// Writes an odds ratio with its interval, given their logarithms.
pub(super) fn interval(y: f64, low: f64, high: f64) -> String {
    let [y, low, high] = [y, low, high].map(odds_ratio);
    format!("{y} [{low}, {high}]")
}

fn methods(review: &Review) -> Document {
    let rows = review.results.iter().map(|(method, result)| match result {
        Ok(pooled) => {
            let prediction = pooled.prediction.map_or_else(String::new, |of| {
                let (low, high) = of.interval;
                format!("{}, {}", odds_ratio(low), odds_ratio(high))
            });
            vec![
                method.label.to_owned(),
                interval(pooled.log_odds_ratio, pooled.interval.0, pooled.interval.1),
                p_value(pooled.p_two_sided),
                prediction,
                format!("{} ({})", fixed(pooled.q, 2), p_value(pooled.q_p)),
                format!("{:.1}", 100.0 * pooled.i_squared),
                pooled.tau_squared.map_or_else(String::new, |tau| format!("{tau:.3}")),
            ]
        }
        // The reason is below the table: several methods may have the same.
        Err(_) => vec![method.label.to_owned(), "–".to_owned()],
    });
    let header = ["method", "OR [95 %]", "p", "prediction", "Q (p)", "I² %", "τ²"];
    Document::of_table(&header, rows.collect()) + failures(review)
}

/// Explains why some methods have no result, each reason once.
fn failures(review: &Review) -> Document {
    let mut failed: Vec<(PoolingError, Vec<&str>)> = Vec::new();
    for (method, result) in &review.results {
        let Err(error) = result else { continue };
        // Several methods fail for the same reason, which is stated once.
        match failed.iter_mut().find(|(known, _)| known == error) {
            Some((_, labels)) => labels.push(method.label),
            None => failed.push((*error, vec![method.label])),
        }
    }
    failed.iter().fold(Document::new(), |document, (error, labels)| {
        document.text(format!("{}: {error}.", labels.join(", ")))
    })
}

fn p_value(p: f64) -> String {
    // Four digits, as in published forest plots.
    if p < 0.0001 { "<.0001".to_owned() } else { format!("{p:.4}") }
}

/// The JSON of one outcome.
#[derive(Serialize)]
struct OutcomeJson<'e> {
    outcome: &'e str,
    studies: Vec<StudyJson<'e>>,
    methods: Vec<MethodJson>,
}

#[derive(Serialize)]
struct StudyJson<'e> {
    study: &'e str,
    log_odds_ratio: Option<f64>,
    standard_error: Option<f64>,
    pearson_p_two_sided: Option<f64>,
}

#[derive(Serialize)]
struct MethodJson {
    method: &'static str,
    #[serde(flatten)]
    result: MethodResult,
}

#[derive(Serialize)]
#[serde(untagged)]
enum MethodResult {
    Pooled {
        odds_ratio: f64,
        odds_ratio_95: (f64, f64),
        log_odds_ratio: f64,
        standard_error: f64,
        p_two_sided: f64,
        q: f64,
        q_p: f64,
        i_squared: f64,
        tau_squared: Option<f64>,
        prediction_odds_ratio_95: Option<(f64, f64)>,
    },
    Failed {
        error: String,
    },
}

impl From<&Result<Pooled, PoolingError>> for MethodResult {
    fn from(result: &Result<Pooled, PoolingError>) -> Self {
        match result {
            Ok(pooled) => Self::Pooled {
                odds_ratio: libm::exp(pooled.log_odds_ratio),
                odds_ratio_95: odds_ratios(pooled.interval.into()),
                log_odds_ratio: pooled.log_odds_ratio,
                standard_error: pooled.standard_error,
                p_two_sided: pooled.p_two_sided,
                q: pooled.q,
                q_p: pooled.q_p,
                i_squared: pooled.i_squared,
                tau_squared: pooled.tau_squared,
                prediction_odds_ratio_95: pooled
                    .prediction
                    .map(|of| odds_ratios(of.interval.into())),
            },
            Err(error) => Self::Failed { error: error.to_string() },
        }
    }
}

/// Converts an interval of log odds ratios to odds ratios.
fn odds_ratios([low, high]: [f64; 2]) -> (f64, f64) {
    (libm::exp(low), libm::exp(high))
}

/// Renders all outcomes as JSON, ending in a newline.
pub fn to_json(title: &str, reviews: &[Review]) -> String {
    let outcomes: Vec<OutcomeJson<'_>> = reviews.iter().map(outcome_json).collect();
    let json = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "title": title,
        "outcomes": outcomes,
    });
    serde_json::to_string_pretty(&json).expect("plain data") + "\n"
}

fn outcome_json(review: &Review) -> OutcomeJson<'_> {
    OutcomeJson {
        outcome: &review.outcome,
        studies: review
            .studies
            .iter()
            .map(|study| {
                let effect = study.is_informative().then(|| study.log_odds_ratio());
                StudyJson {
                    study: &study.name,
                    log_odds_ratio: effect.map(|of| of.estimate),
                    standard_error: effect.map(|of| of.variance.sqrt()),
                    pearson_p_two_sided: study.pearson_p(),
                }
            })
            .collect(),
        methods: review
            .results
            .iter()
            .map(|(method, result)| MethodJson { method: method.key, result: result.into() })
            .collect(),
    }
}
