//! Question about a design that options state, without a scenario.

use rescuesim::design::characteristics::Question;
use rescuesim::design::sample_size::Rounding;
use rescuesim::design::{AlphaSource, Boundaries};
use rescuesim::scenario::{InputDocument, StatedTrial};

use super::DesignArgs;
use super::asked::Asked;
use crate::cli::Failure;

impl Asked {
    /// States the question of the options; size, power, effect and alpha that are not given are solved for.
    ///
    /// # Errors
    /// If the options contradict one another or have no solution.
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
