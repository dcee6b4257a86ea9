//! Question about a design, from a scenario or from options, and its answer.

use rescuesim::bayes::{DecisionModel, DecisionRules};
use rescuesim::design::characteristics::{
    DesignCharacteristics, ExactCharacteristics, LookCharacteristics, Question, RequiredSize,
};
use rescuesim::design::comparison::Comparison;
use rescuesim::design::enrichment::EnrichedDesign;
use rescuesim::design::reestimation::{ReestimatedDesign, WantedReestimation};
use rescuesim::design::sample_size::{ArmSizes, Rounding};
use rescuesim::design::{AlphaSource, Boundaries};
use rescuesim::expected::{
    Expected, FinalOutcomes, MOST_PATIENTS, NoFormula, PosedDesign, SizedBoundaries,
};
use rescuesim::report::design::{BoundariesReport, DesignReport};
use rescuesim::scenario::{Analysis, InputDocument, Scenario, StatedTrial, Truth};

use super::DesignArgs;
use crate::cli::{Failure, analysis, recreate};

/// Question about a design, with the given quantities.
pub struct Asked {
    question: Question,
    boundaries: Boundaries,
    /// Cumulative sizes per look, if they were given.
    sizes: Option<Vec<ArmSizes>>,
    /// Patients that a scenario randomises.
    randomised: Option<ArmSizes>,
    /// Rules of Bayesian decisions with the model of the analysis, if the scenario has them.
    bayesian: Option<(DecisionRules, DecisionModel)>,
    title: String,
    conventions: Vec<String>,
    /// Re-estimation that a scenario states.
    reestimation: Option<WantedReestimation>,
}

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
            conventions.extend(of_the_final_look(scenario, outcomes, &sizes));
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
    conventions.extend(of_the_final_look(scenario, outcomes, &sizes));
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
    outcomes: FinalOutcomes,
    sizes: &[ArmSizes],
) -> Vec<String> {
    let total = sizes.last().map_or(0, |size| size.total());
    let mut conventions = Vec::new();
    if outcomes == FinalOutcomes::Expected && total != scenario.design.maximum_analysed() {
        conventions.push(format!(
            "The final look has the {total} outcomes that are expected to be known."
        ));
    }
    if let Some(words) = scenario.size_adaptation_in_words() {
        conventions.push(format!(
            "{words} The boundaries and their performance are those without it; `rescuesim check` lists \
             which size follows from which result."
        ));
    }
    if let Some(words) = scenario.population_adaptation_in_words() {
        conventions.push(format!(
            "{words} The boundaries and their performance are those without it, for all patients; \
             `rescuesim check` lists the populations that may be left."
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

impl Asked {
    pub fn of_options(args: &DesignArgs) -> Result<Self, Failure> {
        let trial = stated_trial(args)?;
        let (comparison, share_experimental) = (trial.comparison.clone(), trial.share_experimental);
        let document = InputDocument::default_design();
        let sets = args.rules.overrides(args.power)?;
        let design = document.with(&sets).resolve_design(trial)?;
        let question = Question {
            rules: design.rules.clone(),
            information_fractions: design.information_fractions.clone(),
            comparison,
            share_experimental,
            // A given size must not change by a patient.
            rounding: if args.size.n.is_some() {
                Rounding::Total
            } else {
                args.rounding.rounding()
            },
            dropout: [args.size.dropout; 2],
            sizes_are_expected: false,
        };
        let (question, alpha) = with_alpha(question, args)?;
        let boundaries = design.boundaries(&question.rules)?;
        let found = if args.endpoint.has_effect() {
            None
        } else {
            Some(with_effect(&question, &boundaries, args)?)
        };
        let is_solved = found.is_some();
        let question = found.unwrap_or(question);
        let mut conventions = question.conventions(alpha);
        if let (true, Some(power), Some(n)) = (is_solved, args.power, args.size.n) {
            conventions.push(question.solved_effect(power, n));
        }
        let sizes = args.size.n.map(|total| question.sizes(f64::from(total)));
        let title = question.title();
        Ok(Self {
            question,
            boundaries,
            sizes,
            randomised: None,
            bayesian: None,
            title,
            conventions,
            reestimation: None,
        })
    }

    /// Computes the characteristics of the design at the given sizes, or at those that reach the
    /// wanted power.
    pub fn answer(mut self, args: &DesignArgs) -> Result<DesignReport, Failure> {
        let solve = args.scenario.is_some() || self.sizes.is_none();
        let wanted = args.power.filter(|_| solve);
        let required = wanted.map(|power| self.required(power)).transpose()?;
        let sizes = match (&required, &self.sizes) {
            (Some(required), _) => self.question.sizes(required.total),
            (None, Some(sizes)) => sizes.clone(),
            (None, None) => {
                return Err(Failure::Usage(
                    "neither a size nor a power: give --n or --power".into(),
                ));
            }
        };
        check_growth(&sizes)?;
        // No effect and the stated one are always reported, as type I error and power.
        let mut fractions = [vec![0.0, 0.5, 1.0], args.effects.clone()].concat();
        fractions.sort_by(f64::total_cmp);
        fractions.dedup();
        let mut design =
            DesignCharacteristics::new(&self.question, &self.boundaries, &sizes, &fractions);
        if let Some((rules, model)) = &self.bayesian {
            // The exact values are those of the decisions, not of the boundaries of Z.
            design.exact = rules
                .regions(model, &sizes)
                .and_then(|regions| ExactCharacteristics::of_regions(&self.question, regions));
        }
        let wanted = args.reestimation.wanted().or(self.reestimation);
        let reestimation = wanted.map(|wanted| {
            let found = ReestimatedDesign::new(
                &self.question,
                &self.boundaries,
                &sizes,
                &design.effects,
                wanted,
            );
            found.map_err(|error| Failure::Usage(format!("--promising-zone: {error}")))
        });
        let reestimation = reestimation.transpose()?;
        let enrichment = args.enrichment.wanted().map(|wanted| {
            EnrichedDesign::new(&self.question, &self.boundaries, &sizes, wanted)
                .map_err(|error| Failure::Usage(format!("--enrich: {error}")))
        });
        let enrichment = enrichment.transpose()?;
        if required.is_some() {
            self.conventions.push(args.rounding.sentence().to_owned());
        }
        Ok(DesignReport {
            version: env!("CARGO_PKG_VERSION"),
            command: recreate::as_typed(),
            title: self.title,
            conventions: self.conventions,
            effect_scale: self.question.comparison.scale_name(),
            has_margin: self.question.comparison.has_margin(),
            design: match self.randomised.filter(|_| required.is_none()) {
                Some(randomised) => DesignCharacteristics { randomised, ..design },
                None => DesignCharacteristics { required, ..design },
            },
            reestimation,
            enrichment,
        })
    }

    fn required(&self, power: f64) -> Result<RequiredSize, Failure> {
        let question = &self.question;
        let alpha = question.rules.alpha_one_sided;
        // No effect at all has a power of alpha already.
        if power <= alpha {
            return Err(Failure::Usage(format!(
                "--power {power} is no more than the one-sided alpha; allowed: above {alpha} and \
                 below 1"
            )));
        }
        beneficial(&question.comparison)?;
        let found = question.required(&self.boundaries, power).ok_or_else(|| {
            Failure::Usage(format!(
                "--power {power}: no number of patients reaches it with these boundaries"
            ))
        })?;
        // The larger dropout of the two bounds the size of both arms.
        let randomised = found.total / (1.0 - question.dropout[0].max(question.dropout[1]));
        if randomised > MOST_PATIENTS {
            return Err(Failure::Usage(format!(
                "--power {power}: {randomised:.3e} patients would have to be randomised; allowed: a \
                 design of at most {MOST_PATIENTS:e}"
            )));
        }
        Ok(found)
    }
}

/// Returns what the options compare, without looks and boundaries.
fn stated_trial(args: &DesignArgs) -> Result<StatedTrial, Failure> {
    let (control, experimental) = args.size.ratio;
    let share_experimental = f64::from(experimental) / f64::from(control + experimental);
    let comparison = args.endpoint.comparison(share_experimental)?;
    Ok(StatedTrial { comparison, share_experimental, analysed: args.size.n, power: args.power })
}

/// Returns the question with its alpha, which is solved for if size, power and effect are all
/// given.
fn with_alpha(question: Question, args: &DesignArgs) -> Result<(Question, AlphaSource), Failure> {
    let is_given = args.rules.has_alpha();
    let (Some(total), Some(power), true) = (args.size.n, args.power, args.endpoint.has_effect())
    else {
        return Ok((question, if is_given { AlphaSource::Given } else { AlphaSource::Default }));
    };
    if is_given {
        // The power is then that of the futility rule, and the size and the effect determine the
        // design's own.
        if question.rules.futility.has_power() {
            return Ok((question, AlphaSource::Given));
        }
        let alpha = question.rules.alpha_one_sided;
        return Err(Failure::Usage(format!(
            "--n {total}, --power {power}, an effect and an alpha of {alpha} leave nothing to be \
             found; expected: all but one of them"
        )));
    }
    let found = question.with_sufficient_alpha(power, f64::from(total)).ok_or_else(|| {
        Failure::Usage(format!(
            "--power {power}: {total} patients do not have it at any one-sided alpha from 1e-9 to \
             0.4999 with this effect and these boundaries"
        ))
    })?;
    Ok((found, AlphaSource::SolvedFor))
}

/// Returns the question with the effect for which its size has the wanted power.
fn with_effect(
    question: &Question,
    boundaries: &Boundaries,
    args: &DesignArgs,
) -> Result<Question, Failure> {
    let (Some(total), Some(power)) = (args.size.n, args.power) else {
        return Err(Failure::Usage(
            "there is no effect; expected: --experimental, --common-odds-ratio or \
             --experimental-mrs, or both --n and --power to solve for it"
                .into(),
        ));
    };
    let alpha = question.rules.alpha_one_sided;
    let found = question.with_detectable_effect(boundaries, power, f64::from(total));
    // No effect has a power of alpha, so that less would be found at an effect that is harm.
    found.filter(|_| power > alpha).ok_or_else(|| {
        Failure::Usage(format!(
            "--power {power}: no effect on {total} patients has it; allowed: above alpha ({alpha}), \
             and what the largest effect reaches"
        ))
    })
}

/// Checks that the effect is beyond the null hypothesis, so that some number of patients has any
/// power.
fn beneficial(comparison: &Comparison) -> Result<(), Failure> {
    let (effect, null) = (comparison.effect(), comparison.null_effect());
    if effect > null {
        return Ok(());
    }
    Err(Failure::Usage(match comparison {
        Comparison::Ordinal(_) => format!(
            "the common odds ratio is {:.4}, which no number of patients detects; allowed: above {}",
            libm::exp(effect),
            (libm::exp(null) * 1e10).round() / 1e10
        ),
        Comparison::TwoProportions(_) | Comparison::Means(_) | Comparison::ExpectedData(_) => {
            format!(
                "the difference of experimental and control arm is {effect:.4}, which no number of \
             patients detects; allowed: above {null:.4}"
            )
        }
    }))
}

/// Checks that every look has new patients, and patients in both arms.
fn check_growth(sizes: &[ArmSizes]) -> Result<(), Failure> {
    let mut before = 0;
    for (k, size) in sizes.iter().enumerate() {
        if size.total() <= before || size.control == 0 || size.experimental == 0 {
            let ArmSizes { control, experimental } = size;
            let (look, total) = (k + 1, sizes[sizes.len() - 1].total());
            return Err(Failure::Usage(format!(
                "{total} patients are too few for these looks: look {look} has {control} in control \
                 and {experimental} in the experimental arm; allowed: patients in both arms, and new \
                 ones at every look"
            )));
        }
        before = size.total();
    }
    Ok(())
}
