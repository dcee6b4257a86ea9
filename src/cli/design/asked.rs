//! Question about a design, and its answer.

use rescuesim::bayes::{DecisionModel, DecisionRules};
use rescuesim::design::Boundaries;
use rescuesim::design::characteristics::{
    DesignCharacteristics, ExactCharacteristics, Question, RequiredSize,
};
use rescuesim::design::comparison::Comparison;
use rescuesim::design::enrichment::EnrichedDesign;
use rescuesim::design::reestimation::{ReestimatedDesign, WantedReestimation};
use rescuesim::design::sample_size::ArmSizes;
use rescuesim::expected::MOST_PATIENTS;
use rescuesim::report::design::DesignReport;

use super::DesignArgs;
use crate::cli::{Failure, recreate};

/// Question about a design, with the given quantities.
pub struct Asked {
    pub(super) question: Question,
    pub(super) boundaries: Boundaries,
    /// Cumulative sizes per look, if they were given.
    pub(super) sizes: Option<Vec<ArmSizes>>,
    /// Patients that a scenario randomises.
    pub(super) randomised: Option<ArmSizes>,
    /// Rules of Bayesian decisions with the model of the analysis, if the scenario has them.
    pub(super) bayesian: Option<(DecisionRules, DecisionModel)>,
    pub(super) title: String,
    pub(super) conventions: Vec<String>,
    /// Re-estimation that a scenario states.
    pub(super) reestimation: Option<WantedReestimation>,
}

impl Asked {
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
