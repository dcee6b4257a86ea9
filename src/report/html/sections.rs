//! Sections of a report.

use maud::{Markup, html};

use super::Report;
use super::blocks::{card, definitions, document, figure, file};
use crate::expected;
use crate::report::procedure::Show;
use crate::report::{numeral, table};
use crate::scenario::Truth;
use crate::scenario::sources::ParameterOrigin;
use crate::summary::quantity::{ANALYSIS, JsonPlace, PRIOR_ANALYSIS, find};
use crate::summary::{AnalysisSummary, McEstimate, TruthSummary};

/// One section of the page, listed in its table of contents.
pub(super) struct Section {
    pub id: &'static str,
    pub title: &'static str,
    pub content: Markup,
}

impl Section {
    fn new(id: &'static str, title: &'static str, content: Markup) -> Self {
        Self { id, title, content }
    }
}

/// Builds all sections in the order of the page.
pub(super) fn all(report: &Report<'_>) -> Vec<Section> {
    let mut sections = vec![
        Section::new("aims", "Aims and estimands", aims(report)),
        Section::new("patients", "Patients: what is assumed, and from where", patients(report)),
        Section::new("design", "Design", design(report)),
        Section::new("methods", "Methods and simulation", methods(report)),
        Section::new("power", "Does the trial show an effect?", power(report)),
        Section::new("early", "Early stopping, size and duration", early(report)),
        Section::new("estimates", "Estimates", estimates(report)),
    ];
    if let Some(compared) = fixed(report) {
        sections.push(Section::new("fixed", "Against a design without interim looks", compared));
    }
    if let Some(content) = procedure(report) {
        sections.push(Section::new("procedure", "The procedure", content));
    }
    if let Some(content) = shown(report, "power-curve") {
        sections.push(Section::new("sensitivity", "Sensitivity to the effect size", content));
    }
    if !report.examples.is_empty() {
        sections.push(Section::new("examples", "Example trials", examples(report)));
    }
    sections.push(Section::new("balance", "Balance of the allocation", balance(report)));
    sections.push(Section::new("limits", "Limitations", limits(report)));
    sections.push(Section::new("recreate", "Reproducing this report", recreate(report)));
    sections
}

fn truths<'r>(report: &Report<'r>) -> [&'r TruthSummary; 2] {
    let [effect, none, ..] = &report.summary.truths[..] else {
        unreachable!("every run simulates the alternative and the null")
    };
    [effect, none]
}

fn shown(report: &Report<'_>, name: &str) -> Option<Markup> {
    let found = report.figures.iter().find(|figure| figure.name == name)?;
    Some(figure(found, &report.summary.provenance.line()))
}

fn figures(report: &Report<'_>, names: &[&str]) -> Markup {
    html! { @for name in names { @if let Some(figure) = shown(report, name) { (figure) } } }
}

/// Shows the quantities that a reader wants first.
pub(super) fn answer(report: &Report<'_>) -> Markup {
    let [effect, none] = truths(report);
    let rejection = find(ANALYSIS, "rejection");
    let alternative = JsonPlace::truth(Truth::Alternative.index());
    let null = JsonPlace::truth(Truth::Null.index());
    let first = &effect.analyses[0];
    html! {
        div.cards {
            @for (i, (with, without)) in effect.analyses.iter().zip(&none.analyses).enumerate() {
                (card(&format!("Power, {}", with.name), &alternative.analysis(i), rejection, with))
                (card(&format!("One-sided type I error, {}", without.name), &null.analysis(i), rejection, without))
            }
            @if let Some(prior) = &report.summary.prior {
                @for (i, analysis) in prior.analyses.iter().enumerate() {
                    (card(&format!("Assurance, {}", analysis.name), &JsonPlace::prior().analysis(i), find(PRIOR_ANALYSIS, "assurance"), analysis))
                }
            }
            (card(&format!("Patients expected with the effect, {}", first.name), &alternative.analysis(0), find(ANALYSIS, "n_randomised.mean"), first))
            (card(&format!("Months to the decision, {}", first.name), &alternative.analysis(0), find(ANALYSIS, "duration_months"), first))
        }
        p.soft {
            "± is the Monte Carlo standard error of a simulated figure. "
            (numeral::grouped(report.summary.provenance.replicates))
            " trials were simulated with the effect, and the same ones without it."
        }
    }
}

fn aims(report: &Report<'_>) -> Markup {
    let file = report.scenario.file();
    let [effect, _] = truths(report);
    let design = &report.scenario.design;
    let question =
        file.question.clone().unwrap_or_else(|| "Not stated in the scenario.".to_owned());
    definitions(&[
        ("Question", html! { (question) }),
        (
            "Arms",
            html! { "Experimental: " (file.arms.experimental) ". Control: " (file.arms.control) "." },
        ),
        (
            "Endpoint",
            html! { "Modified Rankin Scale (0 best, 6 dead), " (file.follow_up.days) " days after randomisation." },
        ),
        (
            "Hypothesis",
            html! { "Superiority of the experimental arm, one-sided alpha " (design.plan().rules.alpha_one_sided) "." },
        ),
        (
            "Estimands",
            html! {
                @for analysis in &effect.analyses { (estimand(analysis)) br; }
                "Whose outcomes are compared, and what is done about missing ones, stands with each analysis under Methods; death counts as mRS 6."
            },
        ),
    ])
}

fn estimand(analysis: &AnalysisSummary) -> String {
    let scale = analysis.estimate.scale.replace('_', " ");
    match analysis.estimate.truth {
        Some(truth) => format!("{}: {scale}, {truth:.4} in these patients.", analysis.name),
        None => format!("{}: {scale}.", analysis.name),
    }
}

fn patients(report: &Report<'_>) -> Markup {
    html! {
        (figures(report, &["mrs"]))
        @for text in crate::report::centres::described(report.scenario.file()) { p { (text) } }
        @if !report.preamble.is_empty() {
            h3 { "What the scenario says of its sources" }
            @for (is_item, text) in report.preamble {
                @if *is_item { p.item { (text) } } @else { p { (text) } }
            }
        }
        h3 { "Every value" }
        details open {
            summary { (report.parameters.len()) " values, with the comment that the scenario has on each" }
            div.scroll {
                table.words {
                    thead { tr { th scope="col" { "key" } th scope="col" { "value" } th scope="col" { "comment in the scenario" } } }
                    tbody { @for parameter in report.parameters {
                        tr { td { code { (parameter.key) } } td { code { (parameter.value) } } td { (source(&parameter.origin)) } }
                    } }
                }
            }
        }
    }
}

fn source(origin: &ParameterOrigin) -> &str {
    match origin {
        ParameterOrigin::File(Some(comment)) => comment,
        ParameterOrigin::File(None) => "no comment of its own; see above",
        ParameterOrigin::CommandLine => "the command line",
        ParameterOrigin::Default => "default, or computed from other values",
    }
}

fn design(report: &Report<'_>) -> Markup {
    let file = report.scenario.file();
    let [effect, _] = truths(report);
    html! {
        (definitions(&[
            ("Patients", html! { (file.sample_size.randomised) " randomised, " (report.scenario.design.maximum_analysed()) " outcomes planned at the final look." }),
            ("Allocation", html! { (file.arms.allocation_ratio.control) " : " (file.arms.allocation_ratio.experimental) " (control : experimental), " (file.randomisation.describe()) "." }),
            ("At a look", html! {
                "The outcomes known by then are analysed; accrual goes on until the decision, "
                (file.design.decision_lag_days) " days later. Patients randomised by then stay in the trial; those whose follow-up has not ended are the overrun."
            }),
        ]))
        h3 { "Boundaries" }
        (document(&crate::report::check::bounds(report.scenario)))
        p.note { "Z above 0 favours the experimental arm; alpha is one-sided." }
        h3 { "When the looks are" }
        (document(&crate::report::looks::document(&effect.analyses[0])))
        (figures(report, &["calendar"]))
    }
}

fn methods(report: &Report<'_>) -> Markup {
    let provenance = &report.summary.provenance;
    let [effect, none] = truths(report);
    let failures: u64 =
        effect.analyses.iter().chain(&none.analyses).map(|it| it.fit_failures).sum();
    let looks: u64 = effect.analyses.iter().chain(&none.analyses).map(|it| it.failed_looks).sum();
    let largest = effect.analyses.iter().map(|it| it.rejection.mcse).fold(0.0, f64::max);
    let null = none.analyses.iter().map(|it| it.rejection.mcse).fold(0.0, f64::max);
    // √(p(1 − p)/n) is largest at p = ½.
    let worst = 0.5 / (provenance.replicates as f64).sqrt();
    html! {
        h3 { "Analyses, each monitoring the same trials" }
        ul { @for (analysis, written) in effect.analyses.iter().zip(&report.scenario.file().analyses) {
            li { (analysis.name) ": " (written.describe()) }
        } }
        h3 { "Simulation" }
        (definitions(&[
            ("Replicates", html! {
                (numeral::grouped(provenance.replicates)) (table::precision(provenance.precision.as_ref(), "")) ". A share of all trials has a Monte Carlo standard error of at most "
                (format!("{worst:.5}")) " with so many; that of the power is " (format!("{largest:.5}")) ", of the type I error "
                (format!("{null:.5}")) "."
            }),
            ("Random numbers", html! {
                "Seed " (provenance.seed) ". Every patient of every replicate has random numbers of their own for each purpose, "
                "the same with and without the effect. The result does not depend on the machine or the number of threads."
            }),
            ("Failures", html! {
                (numeral::grouped(failures)) " analyses of trials without an estimate and " (numeral::grouped(looks))
                " looks without a statistic, over all analyses with and without the effect; such a look never stops a trial, and all trials stay in every denominator but the estimate's."
            }),
            ("Truths", html! {
                "The effect as stated, and the null twin: the same patients with the experimental arm drawn as control."
                @if report.summary.prior.is_some() { " And the prior: the same patients with an effect drawn for each trial." }
            }),
        ]))
        (figures(report, &["convergence"]))
    }
}

fn power(report: &Report<'_>) -> Markup {
    let [effect, none] = truths(report);
    html! {
        (document(&table::rejection(effect, none)))
        (document(&table::reduced(effect, none)))
        (document(&table::by_formula(effect, report.scenario.file())))
        (document(&table::within_stratum(report.scenario.file(), effect)))
        (document(&crate::report::disregarded::document(effect, none)))
        (document(&crate::report::safety::price(effect, none)))
        (document(&table::over_prior(report.summary)))
        (figures(report, &["z-paths", "outcomes"]))
    }
}

fn early(report: &Report<'_>) -> Markup {
    let [effect, none] = truths(report);
    html! {
        @for ((with, without), written) in effect.analyses.iter().zip(&none.analyses).zip(&report.scenario.file().analyses) {
            h3 { "Monitored by \"" (with.name) "\": " (written.describe()) }
            (document(&table::stops(with, without)))
            (document(&table::sizes(with, without)))
        }
        p.note {
            "Reversal: the trial stopped early, and the analysis repeated with the outcomes of the overrun concludes otherwise."
        }
        (figures(report, &["sample-size", "duration"]))
        (document(&crate::report::safety::events(effect, none)))
    }
}

fn estimates(report: &Report<'_>) -> Markup {
    let [effect, none] = truths(report);
    html! {
        @for (with, without) in effect.analyses.iter().zip(&none.analyses) {
            h3 { (with.name) }
            (document(&table::estimates(with, without)))
        }
        p.note {
            "Estimate and 95 % interval ignore the looks; \"early\" are trials that stopped at an interim look; \"followed\" is the estimate once the patients of the overrun have been followed to their end. \"Adjusted\" is "
            (table::ADJUSTED)
        }
        (document(&crate::report::description::described(&report.summary.truths)))
    }
}

/// Compares the design with a single analysis of the same trials; `None` if the design has one look.
fn fixed(report: &Report<'_>) -> Option<Markup> {
    let [one_effect, one_none, ..] = &report.fixed?.truths[..] else { return None };
    let [effect, none] = truths(report);
    Some(html! {
        p { "The same simulated patients in a trial of the same size that looks once, when all outcomes are known, and tests efficacy alone." }
        @for (i, (with, without)) in effect.analyses.iter().zip(&none.analyses).enumerate() {
            h3 { (with.name) }
            div.scroll { table {
                thead { tr { th { "" } th { "this design" } th { "one look" } } }
                tbody {
                    @for row in compared(with, &one_effect.analyses[i], without, &one_none.analyses[i]) {
                        tr { @for cell in row { td { (cell) } } }
                    }
                }
            } }
        }
    })
}

/// Compares an analysis with the same one at a single look, under the alternative and under the null.
fn compared(
    effect: &AnalysisSummary,
    effect_once: &AnalysisSummary,
    none: &AnalysisSummary,
    none_once: &AnalysisSummary,
) -> Vec<[String; 3]> {
    vec![
        [
            "power".to_owned(),
            numeral::with_two_digit_error(effect.rejection),
            numeral::with_two_digit_error(effect_once.rejection),
        ],
        [
            "one-sided type I error".to_owned(),
            numeral::with_two_digit_error(none.rejection),
            numeral::with_two_digit_error(none_once.rejection),
        ],
        with_errors(
            "patients randomised, with the effect",
            effect.n_randomised.mean,
            effect_once.n_randomised.mean,
        ),
        with_errors(
            "patients randomised, without it",
            none.n_randomised.mean,
            none_once.n_randomised.mean,
        ),
        with_errors(
            "months to the decision, with the effect",
            effect.duration_months,
            effect_once.duration_months,
        ),
        with_errors(
            "bias of the estimate, with the effect",
            effect.estimate.overall.bias,
            effect_once.estimate.overall.bias,
        ),
        with_errors(
            "coverage of its 95 % interval",
            effect.estimate.overall.coverage,
            effect_once.estimate.overall.coverage,
        ),
    ]
}

/// Row of a quantity with this design and with one look.
fn with_errors(name: &str, design: McEstimate, once: McEstimate) -> [String; 3] {
    [name.to_owned(), numeral::with_error(design), numeral::with_error(once)]
}

fn procedure(report: &Report<'_>) -> Option<Markup> {
    let summary = report.summary.procedure.as_ref()?;
    let file = report.scenario.file();
    let tables = crate::report::procedure::document(summary, file, Show::Simulated);
    Some(html! {
        (figures(report, &["flow-control", "flow-experimental", "strategies"]))
        (document(&tables))
    })
}

fn examples(report: &Report<'_>) -> Markup {
    html! {
        p { "The first replicates that ended so, as they went." }
        @if !report.not_found.is_empty() {
            p { "None of the replicates that were searched ended otherwise: " (report.not_found.join(", ")) "." }
        }
        @for example in report.examples {
            (figure(&example.figure, &report.summary.provenance.line()))
            details { summary { "The whole story" } (document(&example.story)) }
            p.note { "All of it: " code { (example.command) } }
        }
    }
}

fn balance(report: &Report<'_>) -> Markup {
    let [effect, _] = truths(report);
    html! {
        (figures(report, &["balance"]))
        (document(&table::balance(&effect.balance)))
    }
}

fn limits(report: &Report<'_>) -> Markup {
    let has_interims = report.scenario.design.looks().len() > 1;
    html! {
        ul {
            @for warning in expected::warnings(report.scenario) { li { (warning) "." } }
            li { "What is simulated is what the scenario assumes; what it says of its sources is above. Other values give other figures." }
            li { "Nobody in the trial learns from interim results, and accrual does not change with them." }
            @if has_interims {
                li { "Adjusted estimates take futility to be heeded, and do not allow for stops by adverse events." }
            }
            li { "Monte Carlo error is that of the simulation. It says nothing of how well the assumptions are known." }
        }
    }
}

fn recreate(report: &Report<'_>) -> Markup {
    let provenance = &report.summary.provenance;
    let scenario = toml::to_string(report.scenario.file()).expect("a scenario is plain data");
    html! {
        p { "This page, and the same figures on a terminal:" }
        pre { (report.command) "\n" (provenance.command) }
        (definitions(&[
            ("Version", html! { "rescuesim " (provenance.version) }),
            ("Scenario", html! { code { (provenance.scenario_digest) } " (SHA-256 of what it means, whatever its comments and layout)" }),
            ("Seed, replicates", html! { (provenance.seed) ", " (provenance.replicates) }),
            ("Files", html! {
                (file("summary.json", "summary.json", "application/json", &report.summary.to_json()))
                " (every figure with its error), "
                (file("scenario.toml", "scenario.toml", "text/plain", &scenario))
                " (every value written out)"
            }),
        ]))
    }
}
