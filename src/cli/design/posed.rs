//! Question that a scenario poses about its design, or its boundaries alone if no formula answers it.

use rescuesim::design::AlphaSource;
use rescuesim::design::characteristics::LookCharacteristics;
use rescuesim::design::reestimation::WantedReestimation;
use rescuesim::design::sample_size::{ArmSizes, Rounding};
use rescuesim::expected::{Expected, FinalOutcomes, NoFormula, PosedDesign, SizedBoundaries};
use rescuesim::report::design::BoundariesReport;
use rescuesim::scenario::{Analysis, Scenario, Truth};

use super::DesignArgs;
use super::asked::Asked;
use crate::cli::{Failure, analysis, recreate};

/// Answer to the question that a scenario poses for an analysis: by formula, or boundaries alone.
pub enum Posed {
    /// A question with an answer by formula.
    Question(Box<Asked>),
    /// Boundaries, which need no formula.
    Boundaries(BoundariesReport),
}

/// Returns the question that a scenario poses for one of its analyses, or, if no formula answers it, the
/// boundaries alone.
///
/// # Errors
/// When a power is asked for that no formula gives.
pub fn asked_of(scenario: &Scenario, args: &DesignArgs) -> Result<Posed, Failure> {
    let analysis = analysis::named(scenario, args.analysis.as_deref())?;
    let expected = Expected::new(scenario);
    let adapted = match (&scenario.adaptation.size, &scenario.adaptation.population) {
        (Some(_), _) => Some("the size is re-estimated"),
        (None, Some(_)) => Some("the population may be restricted"),
        (None, None) => None,
    };
    if let (Some(power), Some(adapted)) = (args.power, adapted) {
        return Err(Failure::Usage(format!(
            "--power {power}: no formula has the size, as {adapted}; allowed: no --power, and `rescuesim \
             solve`, which finds a size by simulation"
        )));
    }
    // To find a size, looks are as planned. To evaluate the trial as it is, the final look has
    // the expected number of known outcomes, as in `check` and `run`.
    let outcomes = match args.power {
        Some(_) => FinalOutcomes::Planned,
        None => FinalOutcomes::Expected,
    };
    let posed = expected.posed_design(analysis, outcomes, args.rounding.rounding());
    let title = format!("{}, analysis {}", scenario.file().title, analysis.name);
    let share_randomised = scenario.ratio.share_experimental();
    let randomised =
        Rounding::Total.sizes(f64::from(scenario.randomised), share_randomised, &[1.0]).pop();
    let no_formula = match posed {
        Ok(PosedDesign { question, boundaries, sizes }) => {
            let mut conventions = question.conventions(AlphaSource::Given);
            conventions.extend(of_the_final_look(scenario, analysis, outcomes, &sizes));
            let sizes = Some(sizes);
            return Ok(Posed::Question(Box::new(Asked {
                question,
                boundaries,
                sizes,
                randomised,
                bayesian: scenario.bayesian.clone().zip(analysis.model.clone()),
                title,
                conventions,
                reestimation: reestimation_of(scenario, args),
            })));
        }
        Err(cause) => cause,
    };
    let cause = expected.no_formula(analysis, no_formula);
    if let (Some(power), NoFormula::Equivalence) = (args.power, no_formula)
        && let Ok(patients) = expected.patients_for_power(analysis, power)
    {
        return Err(Failure::Usage(format!(
            "--power {power}: `design` has no table of sizes for equivalence, which has two margins; by formula \
             {patients} patients have this power: give --set sample_size.randomised={patients} instead"
        )));
    }
    if let Some(power) = args.power {
        return Err(Failure::Usage(format!(
            "--power {power}: {cause}; without --power the boundaries are printed, and `rescuesim solve` \
             finds a size by simulation"
        )));
    }
    if args.reestimation.wanted().is_some() {
        return Err(Failure::Usage(format!("--promising-zone: {cause}")));
    }
    if args.enrichment.wanted().is_some() {
        return Err(Failure::Usage(format!("--enrich: {cause}")));
    }
    let SizedBoundaries { boundaries, sizes } = expected.sized_boundaries(outcomes);
    let rules = &scenario.design.plan().rules;
    let mut conventions = rules.sentences(sizes.len(), AlphaSource::Given);
    conventions.extend(of_the_final_look(scenario, analysis, outcomes, &sizes));
    let analysed = sizes.last().copied().expect("a trial has a final look");
    let mut looks = LookCharacteristics::without_effect(&boundaries, &sizes);
    if no_formula == NoFormula::Equivalence {
        looks = looks.into_iter().map(LookCharacteristics::without_continuation).collect();
    }
    Ok(Posed::Boundaries(BoundariesReport {
        version: env!("CARGO_PKG_VERSION"),
        command: recreate::as_typed(),
        title,
        conventions,
        no_formula: power_alone(&expected, analysis)
            .unwrap_or_else(|| format!("No power and no sizes: {cause}.")),
        alpha_one_sided: rules.alpha_one_sided,
        analysed,
        randomised: randomised.unwrap_or(analysed),
        looks,
    }))
}

/// Returns the re-estimation that a scenario states, if the design can have it: with the size and the looks
/// of the scenario, and without a power that asks for others.
fn reestimation_of(scenario: &Scenario, args: &DesignArgs) -> Option<WantedReestimation> {
    let size = scenario.adaptation.size.as_ref()?;
    let has_two_looks = scenario.design.looks().len() == 2;
    size.wanted().filter(|_| has_two_looks && args.power.is_none())
}

/// States the power and the type I error of an analysis that has these by formula, as `check` does, and the
/// sizes for usual powers, but no tables by effect and size: equivalence. `None` if it has neither.
fn power_alone(expected: &Expected<'_>, analysis: &Analysis) -> Option<String> {
    let [power, error] = [Truth::Alternative, Truth::Null].map(|truth| {
        expected.normal_approximation(truth, analysis).map(|stopping| stopping.rejection())
    });
    let sizes = match [0.8, 0.9].map(|power| expected.patients_for_power(analysis, power)) {
        [Ok(for_80), Ok(for_90)] => {
            format!("{for_80} patients for 80 % power, {for_90} for 90 %")
        }
        [Err(cause), _] | [_, Err(cause)] => format!("Patients for 80 or 90 % power: {cause}"),
    };
    Some(format!(
        "Power {:.4}, type I error at the margin {:.4}. {}. {sizes}.",
        power.ok()?,
        error.ok()?,
        expected.formula_in_words(Truth::Alternative, analysis)
    ))
}

/// States how many outcomes the final look has, and what the numbers leave out.
fn of_the_final_look(
    scenario: &Scenario,
    analysis: &Analysis,
    outcomes: FinalOutcomes,
    sizes: &[ArmSizes],
) -> Vec<String> {
    let total = sizes.last().map_or(0, |size| size.total());
    let adapted = Expected::new(scenario).normal_approximation(Truth::Alternative, analysis);
    let with_it = match adapted {
        Ok(stopping) => format!(" With it the power is {:.4}.", stopping.rejection()),
        Err(_) => String::new(),
    };
    let mut conventions = Vec::new();
    if outcomes == FinalOutcomes::Expected && total != scenario.design.maximum_analysed() {
        conventions.push(format!(
            "The final look has the {total} outcomes that are expected to be known."
        ));
    }
    if let Some(words) = scenario.size_adaptation_in_words() {
        conventions.push(format!(
            "{words} The boundaries and their performance are those without it; `rescuesim check` lists \
             which size follows from which result.{with_it}"
        ));
    }
    if let Some(words) = scenario.population_adaptation_in_words() {
        conventions.push(format!(
            "{words} The boundaries and their performance are those without it, for all patients; \
             `rescuesim check` lists the populations that may be left.{with_it}"
        ));
    }
    if scenario.bayesian.is_some() {
        conventions.push(
            "The decisions of the scenario are Bayesian: these are the boundaries of Z that they amount to \
             with the planned outcomes, and a normal approximation."
                .to_owned(),
        );
    }
    if scenario.stops_for_safety() {
        conventions.push("Stops by adverse events are left out.".to_owned());
    }
    conventions
}
