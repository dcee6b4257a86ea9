//! Restriction of the population: the rule in words and its results.

use super::adaptation::if_any;
use super::document::{Columns, Document};
use super::numeral::{NONE, fixed, number, percent_with_error, with_error};
use super::table::under;
use crate::scenario::{PopulationRule, Scenario};
use crate::summary::{McEstimate, PopulationChoice, PopulationSummary, TruthSummary};

/// Populations that a table shows under one truth.
// Eight levels have 256 sets.
const MOST_POPULATIONS: usize = 12;

/// Results of one analysis under one truth.
struct RestrictedUnder<'r> {
    truth: &'r str,
    rejection: McEstimate,
    found: &'r PopulationSummary,
}

impl<'r> RestrictedUnder<'r> {
    /// Gathers the results of an analysis under every truth; empty if the population is never restricted.
    fn all(truths: &'r [TruthSummary], position: usize) -> Vec<Self> {
        let of_truth = |truth: &'r TruthSummary| {
            let analysis = &truth.analyses[position];
            let found = analysis.population.as_ref()?;
            Some(Self { truth: under(&truth.truth), rejection: analysis.rejection, found })
        };
        truths.iter().filter_map(of_truth).collect()
    }
}

/// States the rule with what it does; empty if the population is never restricted.
pub(super) fn verdict(scenario: &Scenario, truths: &[TruthSummary]) -> Document {
    let (Some(words), [alternative, null, configurations @ ..]) =
        (scenario.population_adaptation_in_words(), &RestrictedUnder::all(truths, 0)[..])
    else {
        return Document::new();
    };
    let percent = percent_with_error;
    let mut text = format!(
        "Familywise error {} under H0{}. The population left is the right one in {} under H1{}; no level \
         is left in {} ({} under H0).",
        percent(null.found.familywise_error),
        largest_error(scenario, configurations),
        percent(alternative.found.right_population),
        least_right(configurations),
        percent(alternative.found.stopped),
        percent(null.found.stopped),
    );
    // A population that is always left makes "no level is left" meaningless.
    if ends_at_once(scenario) {
        text = format!(
            "Type I error {} under H0. The population left is the right one in {} under H1{}; it is \
             restricted in {} ({} under H0).",
            percent(null.found.familywise_error),
            percent(alternative.found.right_population),
            least_right(configurations),
            percent(alternative.found.restricted),
            percent(null.found.restricted),
        );
    }
    Document::new().text(words).text(text)
}

/// Whether a trial whose population is futile still has that population, and rejects for it as a whole.
fn ends_at_once(scenario: &Scenario) -> bool {
    match scenario.adaptation.population.as_ref().map(|of| of.rule) {
        Some(
            PopulationRule::NestedSelection { .. } | PopulationRule::PredictiveProbability { .. },
        ) => true,
        Some(PopulationRule::ClosedTest { .. }) | None => false,
    }
}

/// Names the configuration with the largest familywise error; empty without configurations.
fn largest_error(scenario: &Scenario, configurations: &[RestrictedUnder<'_>]) -> String {
    // The error that counts is the largest, whatever the levels with an effect.
    let largest = configurations
        .iter()
        .max_by(|a, b| a.found.familywise_error.value.total_cmp(&b.found.familywise_error.value));
    let alpha = scenario.alpha_one_sided();
    match largest {
        Some(of) => format!(
            ", at most {} over the configurations (with {}); allowed: {} %",
            percent_with_error(of.found.familywise_error),
            of.truth,
            super::numeral::trimmed(100.0 * alpha, 4)
        ),
        None => format!("; allowed: {} %", super::numeral::trimmed(100.0 * alpha, 4)),
    }
}

/// Names the configuration in which the population is least often the right one; empty without
/// configurations.
fn least_right(configurations: &[RestrictedUnder<'_>]) -> String {
    let least = configurations
        .iter()
        .min_by(|a, b| a.found.right_population.value.total_cmp(&b.found.right_population.value));
    least.map_or(String::new(), |of| {
        format!(
            " and in at least {} over the configurations (with {})",
            percent_with_error(of.found.right_population),
            of.truth
        )
    })
}

/// Shows the rule, the Z that drops a level, and the recruitment in each population that may be
/// left; empty if the population is never restricted.
pub(super) fn expected(scenario: &Scenario) -> Document {
    let (Some(words), Some(adaptation)) =
        (scenario.population_adaptation_in_words(), &scenario.adaptation.population)
    else {
        return Document::new();
    };
    let mut out = Document::new().heading("Restriction of the population").text(words);
    let looks = match adaptation.rule {
        PopulationRule::ClosedTest { look, test, .. } => {
            let boundary = test.drop_boundary();
            out = out.text(if boundary.is_finite() {
                let z = fixed(boundary, 4);
                format!("A level is dropped if its Z at look {} is below {z}.", look + 1)
            } else {
                "No level is ever dropped.".to_owned()
            });
            look..look + 1
        }
        PopulationRule::NestedSelection { .. } | PopulationRule::PredictiveProbability { .. } => {
            0..scenario.design.interims().len()
        }
    };
    let rates = scenario.restricted_recruitment(looks.clone(), MOST_POPULATIONS);
    let mut recruitment = Columns::of(rates)
        .column("population\nleft", |of| scenario.levels_in_words(of.levels))
        .column("share, %", |of| fixed(100.0 * of.share, 1))
        .column("patients\na month", |of| fixed(of.patients_per_month, 2));
    for (position, look) in looks.enumerate() {
        let header = format!("months, from\nlook {}", look + 1);
        recruitment = recruitment.column(header, |of| fixed(of.months[position], 1));
    }
    out.and(recruitment.document()).text(
        "Months: expected duration of a trial that runs to its end with the planned number of patients, \
         who after the decision of the look are of this population only; without any, until that decision.",
    )
}

/// Lays out the results under every truth; empty if the population is never restricted.
pub(super) fn document(scenario: &Scenario, truths: &[TruthSummary]) -> Document {
    let Some(words) = scenario.population_adaptation_in_words() else { return Document::new() };
    let mut out = Document::new().heading("Restriction of the population").text(words);
    for (position, analysis) in scenario.analyses.iter().enumerate() {
        let results = RestrictedUnder::all(truths, position);
        // A single analysis is named above.
        if scenario.analyses.len() > 1 {
            out = out.gap().text(format!("By \"{}\":", analysis.name));
        }
        out += errors(&results).after_gap();
        out += right(&results).after_gap();
        out += patients(&results).after_gap();
        out += levels(&results).after_gap();
        for of in &results {
            out = out.gap().text(format!("Populations left ({}):", of.truth));
            out += populations(&of.found.populations);
        }
    }
    out.text(
        "Familywise error: an effect is shown in a level without any, or in a selected population without \
         any. Right population: the levels left are exactly those with an effect, and adverse events did not \
         stop the trial; without any effect, the trial stops early without a rejection. Shown: an effect is \
         shown in the level. Excluded: patients randomised who are of levels that were dropped later. \
         Screened: people who had arrived, eligible or not, when the last patient was randomised. Estimates \
         are ordinary ones in the population left, which the interim results have selected.",
    )
}

/// Whether the error rates are integrated too, which they are for closed tests of two levels.
fn is_integrated(results: &[RestrictedUnder<'_>]) -> bool {
    results.iter().any(|of| of.found.integrated.is_some())
}

fn errors(results: &[RestrictedUnder<'_>]) -> Document {
    let integrated = is_integrated(results);
    Columns::of(results)
        .column("under", |of| of.truth)
        .column("efficacy", |of| with_error(of.rejection))
        .column_if(integrated, "integrated", |of| {
            number(of.found.integrated.as_ref().map(|it| it.rejection))
        })
        .column("familywise\nerror", |of| with_error(of.found.familywise_error))
        .column_if(integrated, "integrated", |of| {
            number(of.found.integrated.as_ref().map(|it| it.familywise_error))
        })
        .column("shown in all\nwith an effect", |of| {
            of.found.all_shown.map_or(NONE.to_owned(), with_error)
        })
        .document()
}

fn right(results: &[RestrictedUnder<'_>]) -> Document {
    let integrated = is_integrated(results);
    Columns::of(results)
        .column("under", |of| of.truth)
        .column("right\npopulation", |of| with_error(of.found.right_population))
        .column_if(integrated, "integrated", |of| {
            number(of.found.integrated.as_ref().map(|it| it.right_population))
        })
        .column("restricted", |of| with_error(of.found.restricted))
        .column("no level\nleft", |of| with_error(of.found.stopped))
        .column_if(integrated, "integrated", |of| {
            number(of.found.integrated.as_ref().map(|it| it.stopped))
        })
        .document()
}

fn patients(results: &[RestrictedUnder<'_>]) -> Document {
    Columns::of(results)
        .column("under", |of| of.truth)
        .column("excluded", |of| with_error(of.found.excluded))
        .column("screened", |of| with_error(of.found.screened))
        .document()
}

fn levels(results: &[RestrictedUnder<'_>]) -> Document {
    let integrated = is_integrated(results);
    Columns::of(results.iter().flat_map(|of| of.found.levels.iter().map(|level| (of.truth, level))))
        // In one column, which is repeated when the others do not fit beside it.
        .column("under, level", |(truth, level)| format!("{truth}, {}", level.level))
        .column("effect", |(_, level)| if level.has_effect { "yes" } else { "no" })
        .column("dropped", |(_, level)| with_error(level.dropped))
        .column_if(integrated, "integrated", |(_, level)| number(level.dropped_integrated))
        .column("shown", |(_, level)| with_error(level.shown))
        .column_if(integrated, "integrated", |(_, level)| number(level.shown_integrated))
        .document()
}

/// Lays out the populations that were left in any trial, in their order; the most frequent ones of many.
fn populations(choices: &[PopulationChoice]) -> Document {
    let mut left: Vec<(usize, &PopulationChoice)> =
        choices.iter().enumerate().filter(|(_, of)| of.probability.value > 0.0).collect();
    let others = left.len().saturating_sub(MOST_POPULATIONS);
    left.sort_by(|(_, a), (_, b)| b.probability.value.total_cmp(&a.probability.value));
    left.truncate(MOST_POPULATIONS);
    // Chosen by frequency, but shown in the order of the levels.
    left.sort_by_key(|&(position, _)| position);
    let left: Vec<&PopulationChoice> = left.into_iter().map(|(_, of)| of).collect();
    let mut out = Columns::of(&left)
        .column("population", |of| of.population.clone())
        .column("probability", |of| with_error(of.probability))
        .column("efficacy,\ngiven it", |of| if_any(of.rejection))
        .column("mean\npatients", |of| if_any(of.n_randomised))
        .column("months", |of| if_any(of.duration_months))
        .document();
    if others > 0 {
        out = out.text(format!("And {others} populations that were left less often."));
    }
    let estimates = Columns::of(&left)
        .column("population", |of| of.population.clone())
        .column("effect", |of| number(of.truth))
        .column("mean estimate", |of| if_any(of.estimate.mean))
        .column("bias", |of| if_any(of.estimate.bias))
        .column("coverage", |of| if_any(of.estimate.coverage));
    out.gap() + estimates.document()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::synopsis::Synopsis;
    use crate::summary::population::tests::{RULES, restricted, results};

    fn in_one_line(document: &Document) -> String {
        document.to_terminal().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_verdict_states_error_rates_and_the_population_left() {
        for rule in RULES {
            let scenario = restricted(&[rule]);
            let truths = results(&scenario, 200).truths;
            let text = in_one_line(&verdict(&scenario, &truths));
            assert!(text.starts_with("Population adapted at"), "{text}");
            assert!(text.contains("The population left is the right one in"), "{text}");
            let is_closed = rule == RULES[0];
            let errors = "over the configurations (with effect only in";
            assert!(text.contains(errors), "{text}");
            assert_eq!(text.contains("Familywise error"), is_closed, "{text}");
            assert_eq!(text.contains("allowed: 2.5 %"), is_closed, "{text}");
            assert_eq!(text.contains("no level is left in"), is_closed, "{text}");
        }
    }

    /// Boundaries for all patients are none, and yet a trial stops early.
    #[test]
    fn the_synopsis_knows_that_the_trial_can_stop() {
        for rule in RULES {
            let scenario = restricted(&[rule]);
            let truths = results(&scenario, 200).truths;
            let synopsis = Synopsis::new(&scenario, &truths, None);
            let course = synopsis.course();
            assert!(course.starts_with("Stops early under H1 for"), "{course}");
            assert!(course.contains("under H0 for"), "{course}");
            assert!(course.contains("futility in"), "{course}");
            assert_eq!(course.contains("efficacy in"), rule == RULES[1], "{course}");
            let sizes = synopsis.sizes();
            assert!(sizes.contains("none, as the population may be restricted"), "{sizes}");
            let document = in_one_line(&synopsis.document());
            let level = "one-sided alpha 0.025";
            assert_eq!(document.contains(level), rule == RULES[0], "{document}");
        }
    }

    #[test]
    fn boundaries_are_those_of_the_rule() {
        let bounds = |rule| {
            let scenario = restricted(&[rule]);
            let looks = &results(&scenario, 2).truths[0].analyses[0].looks;
            looks.iter().map(|look| look.z_efficacy).collect::<Vec<_>>()
        };
        assert_eq!(bounds(RULES[1]), [Some(2.6), Some(2.8)]);
        let closed = bounds(RULES[0]);
        assert_eq!(closed[0], None);
        assert!((closed[1].expect("the final look") - 1.959_964).abs() < 1e-6);
    }

    #[test]
    fn every_population_and_level_is_in_the_tables() {
        let scenario = restricted(&[RULES[0]]);
        let truths = results(&scenario, 200).truths;
        let text = document(&scenario, &truths).to_terminal();
        for needed in ["small", "large", "effect only in small", "Populations left (H0):", "none"] {
            assert!(text.contains(needed), "{needed} in {text}");
        }
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{widest:?}: {text}");
    }

    #[test]
    fn check_states_when_a_level_is_dropped_and_how_recruitment_goes_on() {
        let text = in_one_line(&expected(&restricted(&[RULES[0]])));
        // With 60 of 120 outcomes: √½·(1.959964 − √½·Φ⁻¹(0.6)).
        assert!(text.contains("A level is dropped if its Z at look 1 is below 1.2592."), "{text}");
        // 60 patients by month 6, and 60 more at half of 10 a month.
        assert!(text.contains("small 50.0 5.00 18.0"), "{text}");
        assert!(text.contains("all 100.0 10.00 12.0"), "{text}");
        assert!(text.contains("none 0.0 0.00 6.0"), "{text}");
        let text = in_one_line(&expected(&restricted(&[RULES[1]])));
        assert!(text.contains("small 50.0 5.00 18.0"), "{text}");
        assert!(!text.contains("large 50.0"), "{text}");
    }
}
