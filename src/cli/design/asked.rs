//! From a scenario, or options, to a question about a design and its answer.

use rescuesim::design::Boundaries;
use rescuesim::design::characteristics::{DesignCharacteristics, Question, RequiredSize};
use rescuesim::design::comparison::Comparison;
use rescuesim::design::sample_size::{ArmSizes, Rounding};
use rescuesim::expected::Expected;
use rescuesim::report::design::DesignReport;
use rescuesim::scenario::{Scenario, Truth};

use super::rules::{Size, USUAL_ALPHA};
use super::words::{Alpha, conventions, described, solved_effect};
use super::{DesignArgs, analysis_named, recreate, usage};
use crate::cli::Failure;

/// More patients than this are no trial, and do not fit the counts.
const MOST_PATIENTS: f64 = 1e9;

/// A question with what was given and what is to be found.
pub struct Asked {
    question: Question,
    boundaries: Boundaries,
    /// Cumulative sizes per look, where they were given.
    sizes: Option<Vec<ArmSizes>>,
    /// Patients that a scenario randomises.
    randomised: Option<ArmSizes>,
    title: String,
    conventions: Vec<String>,
}

impl Asked {
    pub fn of_scenario(scenario: &Scenario, args: &DesignArgs) -> Result<Self, Failure> {
        let analysis = analysis_named(scenario, args.analysis.as_deref())?;
        let share_experimental = scenario.share_experimental_known();
        let expected = Expected::new(scenario);
        let comparison = expected
            .balanced_comparison(Truth::Alternative, analysis)
            .map_err(|cause| usage(expected.no_comparison(analysis, cause)))?;
        // To find a size, looks are as planned; to judge the trial as it is, the final look has the
        // outcomes that are expected to be known, as in `check` and `run`.
        let sizes_are_expected = args.power.is_none();
        let (boundaries, total) = match sizes_are_expected {
            true => (
                scenario.design.boundaries_at(scenario.final_analysed()),
                scenario.final_analysed(),
            ),
            false => (scenario.design.boundaries().clone(), scenario.design.maximum_analysed()),
        };
        let question = Question {
            rules: scenario.design.plan().rules.clone(),
            information_fractions: boundaries.information_fractions.clone(),
            comparison,
            share_experimental,
            rounding: args.rounding.rounding(),
            dropout: scenario.dropout,
            sizes_are_expected,
        };
        let fractions = &question.information_fractions;
        let sizes = Rounding::Total.sizes(f64::from(total), share_experimental, fractions);
        let title = format!("{}, \"{}\"", scenario.file().title, analysis.name);
        let mut conventions = conventions(&question, Alpha::Given);
        if sizes_are_expected && total != scenario.design.maximum_analysed() {
            conventions.push(format!(
                "The final look has the {total} outcomes that are expected to be known."
            ));
        }
        if scenario.stops_for_safety() {
            conventions.push("Stops by adverse events are left out.".to_owned());
        }
        let share_randomised = scenario.ratio.share_experimental();
        let randomised =
            Rounding::Total.sizes(f64::from(scenario.randomised), share_randomised, &[1.0]).pop();
        let sizes = Some(sizes);
        Ok(Self { question, boundaries, sizes, randomised, title, conventions })
    }

    pub fn of_options(args: &DesignArgs) -> Result<Self, Failure> {
        let (question, alpha) = with_alpha(stated(args)?, args)?;
        let boundaries = args.rules.boundaries(&question.rules, &question.information_fractions)?;
        let found = if args.endpoint.has_effect() {
            None
        } else {
            Some(with_effect(&question, &boundaries, args)?)
        };
        let mut conventions = conventions(found.as_ref().unwrap_or(&question), alpha);
        if let (Some(found), Some(power), Some(n)) = (&found, args.power, args.n) {
            conventions.push(solved_effect(&found.comparison, power, n));
        }
        let question = found.unwrap_or(question);
        let sizes = args.n.map(|total| question.sizes(f64::from(total)));
        let title = described(&question);
        Ok(Self { question, boundaries, sizes, randomised: None, title, conventions })
    }

    /// The sizes that were given, or those that reach the wanted power; then what the design says.
    pub fn answer(mut self, args: &DesignArgs) -> Result<DesignReport, Failure> {
        let solve = args.scenario.is_some() || self.sizes.is_none();
        let required = match args.power {
            Some(power) if solve => Some(self.required(power)?),
            _ => None,
        };
        let sizes = match (&required, &self.sizes) {
            (Some(required), _) => self.question.sizes(required.total),
            (None, Some(sizes)) => sizes.clone(),
            (None, None) => return Err(usage("how large? expected: --power or --n".into())),
        };
        grow(&sizes)?;
        let mut fractions = [vec![0.0, 0.5, 1.0], args.effects.clone()].concat();
        fractions.sort_by(f64::total_cmp);
        fractions.dedup();
        let design =
            DesignCharacteristics::new(&self.question, &self.boundaries, &sizes, &fractions);
        if required.is_some() {
            self.conventions.push(args.rounding.sentence().to_owned());
        }
        Ok(DesignReport {
            version: env!("CARGO_PKG_VERSION"),
            command: recreate(),
            title: self.title,
            conventions: self.conventions,
            effect_scale: self.question.comparison.scale_name(),
            design: match self.randomised.filter(|_| required.is_none()) {
                Some(randomised) => DesignCharacteristics { randomised, ..design },
                None => DesignCharacteristics { required, ..design },
            },
        })
    }

    fn required(&self, power: f64) -> Result<RequiredSize, Failure> {
        let question = &self.question;
        let alpha = question.rules.alpha_one_sided;
        if power <= alpha {
            return Err(usage(format!(
                "--power {power} is no more than the one-sided alpha; allowed: above {alpha} and \
                 below 1"
            )));
        }
        beneficial(&question.comparison)?;
        let found = question.required(&self.boundaries, power).ok_or_else(|| {
            usage(format!(
                "--power {power}: no number of patients reaches it with these boundaries"
            ))
        })?;
        let randomised = found.total / (1.0 - question.dropout[0].max(question.dropout[1]));
        if randomised > MOST_PATIENTS {
            return Err(usage(format!(
                "--power {power}: {randomised:.3e} patients would have to be randomised; allowed: a \
                 design of at most {MOST_PATIENTS:e}"
            )));
        }
        Ok(found)
    }
}

/// The question as the options state it, with the usual alpha where none is given.
fn stated(args: &DesignArgs) -> Result<Question, Failure> {
    let (control, experimental) = args.ratio;
    let share_experimental = f64::from(experimental) / f64::from(control + experimental);
    let information_fractions = args.rules.information_fractions()?;
    let alpha = args.rules.alpha().unwrap_or(USUAL_ALPHA);
    let comparison = args.endpoint.comparison(share_experimental)?;
    let total = args.n.map(f64::from);
    let size =
        total.map(|total| Size { comparison: &comparison, share_experimental, total, alpha });
    let rules = args.rules.rules(alpha, &information_fractions, args.power, size.as_ref())?;
    Ok(Question {
        rules,
        comparison: comparison.clone(),
        information_fractions: information_fractions.clone(),
        share_experimental,
        // A given size is kept to the patient.
        rounding: if args.n.is_some() { Rounding::Total } else { args.rounding.rounding() },
        dropout: [args.dropout; 2],
        sizes_are_expected: false,
    })
}

/// The question with its alpha, which is solved for where size, power and effect leave nothing else.
fn with_alpha(question: Question, args: &DesignArgs) -> Result<(Question, Alpha), Failure> {
    let (Some(total), Some(power), true) = (args.n, args.power, args.endpoint.has_effect()) else {
        let given = args.rules.alpha().is_some();
        return Ok((question, if given { Alpha::Given } else { Alpha::Usual }));
    };
    if let Some(alpha) = args.rules.alpha() {
        if args.rules.futility_has_power() {
            return Ok((question, Alpha::Given));
        }
        return Err(usage(format!(
            "--n {total}, --power {power}, an effect and an alpha of {alpha} leave nothing to be \
             found; expected: all but one of them"
        )));
    }
    let found = question.with_sufficient_alpha(power, f64::from(total)).ok_or_else(|| {
        usage(format!(
            "--power {power}: {total} patients do not have it at any one-sided alpha from 1e-9 to \
             0.4999 with this effect and these boundaries"
        ))
    })?;
    Ok((found, Alpha::SolvedFor))
}

/// The question with the effect that its size shows with the wanted power.
fn with_effect(
    question: &Question,
    boundaries: &Boundaries,
    args: &DesignArgs,
) -> Result<Question, Failure> {
    let (Some(total), Some(power)) = (args.n, args.power) else {
        return Err(usage(
            "there is no effect; expected: --experimental, --common-odds-ratio or \
             --experimental-mrs, or both --n and --power to solve for it"
                .into(),
        ));
    };
    let alpha = question.rules.alpha_one_sided;
    let found = question.with_detectable_effect(boundaries, power, f64::from(total));
    found.filter(|_| power > alpha).ok_or_else(|| {
        usage(format!(
            "--power {power}: no effect on {total} patients has it; allowed: above alpha ({alpha}), \
             and what the largest effect reaches"
        ))
    })
}

/// An effect that more patients show ever more surely.
fn beneficial(comparison: &Comparison) -> Result<(), Failure> {
    let (effect, null) = (comparison.effect(), comparison.null_effect());
    if effect > null {
        return Ok(());
    }
    Err(usage(match comparison {
        Comparison::Ordinal(_) => format!(
            "the common odds ratio is {:.4}, which no size shows; allowed: above 1",
            libm::exp(effect)
        ),
        _ => format!(
            "the difference of experimental and control arm is {effect:.4}, which no size shows; \
             allowed: above {null:.4}"
        ),
    }))
}

/// Every look needs patients that the one before did not have, and both arms.
fn grow(sizes: &[ArmSizes]) -> Result<(), Failure> {
    let mut before = 0;
    for (k, size) in sizes.iter().enumerate() {
        if size.total() <= before || size.control == 0 || size.experimental == 0 {
            let ArmSizes { control, experimental } = size;
            let (look, total) = (k + 1, sizes[sizes.len() - 1].total());
            return Err(usage(format!(
                "{total} patients are too few for these looks: look {look} has {control} in control \
                 and {experimental} in the experimental arm; allowed: patients in both arms, and new \
                 ones at every look"
            )));
        }
        before = size.total();
    }
    Ok(())
}
