//! The procedure and the mRS that follows it.

use super::super::file::procedure::{self as written, PassSuccess, RandomisedAfter};
use super::Resolver;
use crate::num::quadrature::normal_nodes;
use crate::num::{logistic, logit};
use crate::outcome::procedural::Coefficients;
use crate::outcome::{Mrs, MrsDistribution, ProceduralModel};
use crate::population::Population;
use crate::procedure::{
    ArmPlan, Haemorrhage, LastStep, MAX_PASSES, Minutes, NoPersistentOcclusion, Parameters,
    PerPass, Procedure, Rescue, Strategy,
};

impl Resolver<'_> {
    pub(super) fn procedural(
        &mut self,
        procedure: &written::WrittenProcedure,
        outcome: &written::AfterProcedure,
        population: &Population,
    ) -> Option<ProceduralModel> {
        let shape = self.shape(outcome.shape);
        let parameters = self.parameters(procedure);
        let coefficients = Coefficients {
            intercept: outcome.intercept,
            per_pass: outcome.per_pass,
            open_vessel: outcome.open_vessel,
            stenting: outcome.stenting,
            haemorrhage: outcome.haemorrhage,
            perforation: outcome.perforation,
            difficulty: procedure.difficulty.outcome,
        };
        match Procedure::new(&parameters?) {
            Ok(procedure) => {
                let centres = self.file.centres.as_ref();
                let centres = normal_nodes(centres.map_or(0.0, |centres| centres.procedure_sd));
                let procedure = procedure.across_centres(centres);
                Some(ProceduralModel::new(procedure, &shape?, coefficients, population))
            }
            Err(NoPersistentOcclusion { passes }) => self.fail(
                "procedure.randomised_after",
                format!("is {passes}; allowed: a number of passes after which somebody is unresolved (no pass before with success 1 and without reocclusion)"),
            ),
        }
    }

    /// Some but not all must be independent.
    fn shape(&mut self, shares: [f64; 7]) -> Option<MrsDistribution> {
        let shape = self.distribution("outcome.shape", shares)?;
        let p = shape.at_most(Mrs::INDEPENDENT);
        if p <= 0.0 || p >= 1.0 {
            return self.fail(
                "outcome.shape",
                format!(
                    "has P(mRS 0–2) = {p}; allowed: between 0 and 1, as the scale is centred there"
                ),
            );
        }
        Some(shape)
    }

    fn parameters(&mut self, file: &written::WrittenProcedure) -> Option<Parameters> {
        let randomised_after = self.randomised_after(file);
        let last_entry =
            randomised_after.iter().flatten().map(|(passes, _)| *passes).max().unwrap_or(0);
        let arms = [("control", &file.control), ("experimental", &file.experimental)];
        let plans = arms.map(|(name, arm)| {
            let path = format!("procedure.{name}.strategy");
            let strategy = self.strategy(&path, &arm.strategy, file, last_entry);
            Some(ArmPlan { strategy: strategy?, crossover: arm.crossover })
        });
        let [control, experimental] = plans;
        let written::WrittenMinutes { base, per_pass, stenting, log_sd } = file.minutes;
        let haemorrhage = file.haemorrhage.as_ref();
        Some(Parameters {
            pass_success: pass_success(&file.pass_success),
            reocclusion: by_pass(&file.reocclusion),
            rescue: Rescue {
                failed_access: file.rescue.failed_access,
                success: std::array::from_fn(|passes| {
                    by_pass(&file.rescue.success)[passes.saturating_sub(1)]
                }),
                patency: file.rescue.patency,
            },
            haemorrhage: Haemorrhage {
                risk: haemorrhage.map(|h| PerPass { intercept: h.intercept, per_pass: h.per_pass }),
                stenting: haemorrhage.map_or(0.0, |h| h.stenting),
                fatality: haemorrhage.map_or(0.0, |h| h.fatality),
            },
            perforation: file.perforation,
            minutes: Minutes::new(base, per_pass, stenting, log_sd),
            difficulty: file.difficulty,
            randomised_after: randomised_after?,
            early_until: file.early_until as usize,
            plans: [control?, experimental?],
        })
    }

    /// Passes after which patients are randomised, with shares that sum to 1.
    fn randomised_after(&mut self, file: &written::WrittenProcedure) -> Option<Vec<(usize, f64)>> {
        let (passes, shares) = match &file.randomised_after {
            RandomisedAfter::Pass(pass) => (vec![*pass], vec![1.0]),
            RandomisedAfter::Passes { passes, shares } => (passes.clone(), shares.clone()),
        };
        let at = "procedure.randomised_after";
        if shares.len() != passes.len() {
            let path = format!("{at}.shares");
            return self.wrong_length(
                &path,
                shares.len(),
                passes.len(),
                "one per number of passes",
            );
        }
        if let Some(i) = (1..passes.len()).find(|&i| passes[..i].contains(&passes[i])) {
            let message = format!("is {} for the second time; allowed: once", passes[i]);
            return self.fail(&format!("{at}.passes[{i}]"), message);
        }
        let most = file.max_passes.unwrap_or(MAX_PASSES as u32);
        if let Some(i) = passes.iter().position(|&passes| passes > most) {
            let path = match file.randomised_after {
                RandomisedAfter::Pass(_) => at.to_owned(),
                RandomisedAfter::Passes { .. } => format!("{at}.passes[{i}]"),
            };
            let message = format!("is {}; allowed: 0 to max_passes ({most})", passes[i]);
            return self.fail(&path, message);
        }
        let shares = self.normalised(&format!("{at}.shares"), &shares)?;
        let used = passes.into_iter().zip(shares).filter(|(_, share)| *share > 0.0);
        Some(used.map(|(passes, share)| (passes as usize, share)).collect())
    }

    fn strategy(
        &mut self,
        path: &str,
        strategy: &written::WrittenStrategy,
        file: &written::WrittenProcedure,
        last_entry: usize,
    ) -> Option<Strategy> {
        let max_passes = file.max_passes.map(|passes| passes as usize);
        match strategy {
            written::WrittenStrategy::RescueNow {} => {
                Some(Strategy::Continue { more: 0, last_pass: MAX_PASSES, then: LastStep::Rescue })
            }
            written::WrittenStrategy::ContinueThenRescue { more_passes } => {
                self.continuing(path, *more_passes, max_passes, last_entry, LastStep::Rescue)
            }
            written::WrittenStrategy::ContinueThenStop { more_passes } => {
                self.continuing(path, *more_passes, max_passes, last_entry, LastStep::Stop)
            }
            written::WrittenStrategy::Practice { rescue_after_pass } => {
                let after = by_pass(rescue_after_pass);
                // Nobody goes past a stent that is certain, wherever randomised.
                let certain = (last_entry.max(1)..=MAX_PASSES).find(|&k| after[k - 1] >= 1.0);
                let Some(last_pass) = max_passes.or(certain) else {
                    let last = after[MAX_PASSES - 1];
                    return self.fail(
                        &format!("{path}.rescue_after_pass"),
                        format!("can never end: its last value is {last} and procedure.max_passes is not given; allowed: a last value of 1, or max_passes"),
                    );
                };
                let rescue = std::array::from_fn(|passes| match passes {
                    0 => 0.0,
                    _ => after[passes - 1],
                });
                Some(Strategy::Practice { rescue: vec![rescue], last_pass })
            }
        }
    }

    fn continuing(
        &mut self,
        path: &str,
        more_passes: Option<u32>,
        max_passes: Option<usize>,
        last_entry: usize,
        then: LastStep,
    ) -> Option<Strategy> {
        let Some(more) = more_passes.map(|more| more as usize).or(max_passes) else {
            return self.fail(
                path,
                "can never end: neither its more_passes nor procedure.max_passes is given; allowed: one of them",
            );
        };
        let last_pass = max_passes.unwrap_or(MAX_PASSES);
        if max_passes.is_none() && last_entry + more > MAX_PASSES {
            return self.fail(
                &format!("{path}.more_passes"),
                format!("is {more}, which makes {} passes with those before randomisation; allowed: {MAX_PASSES} in all", last_entry + more),
            );
        }
        Some(Strategy::Continue { more, last_pass, then })
    }
}

/// A list by pass whose last value repeats.
fn by_pass(list: &[f64]) -> [f64; MAX_PASSES] {
    std::array::from_fn(|pass| list[pass.min(list.len() - 1)])
}

fn pass_success(file: &PassSuccess) -> [f64; MAX_PASSES] {
    match file {
        PassSuccess::Flat(p) => [*p; MAX_PASSES],
        PassSuccess::ByPass(list) => by_pass(list),
        PassSuccess::Decay { first, odds_ratio_per_pass } => std::array::from_fn(|pass| {
            logistic(logit(*first) + pass as f64 * libm::log(*odds_ratio_per_pass))
        }),
    }
}
