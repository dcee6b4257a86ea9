//! The procedure and the mRS that follows it.

use super::super::file::procedure::{self as written, PassSuccess, RandomisedAfter};
use super::super::problems::{out_of_range, repeats};
use super::{Checked, Resolver};
use crate::num::quadrature::normal_nodes;
use crate::num::{logistic, logit};
use crate::outcome::procedural::Coefficients;
use crate::outcome::{Mrs, MrsDistribution, ProceduralModel};
use crate::population::Population;
use crate::procedure::{
    ArmPlan, Haemorrhage, LastStep, MAX_PASSES, Minutes, NoPersistentOcclusion, Parameters,
    PerPass, Procedure, Rescue, Strategy,
};

/// The limits on the passes of a patient.
#[derive(Debug, Clone, Copy)]
struct PassLimits {
    /// The most passes in all, if the scenario says so.
    most: Option<usize>,
    /// The passes after which the last patients are randomised.
    last_entry: usize,
}

impl Resolver<'_> {
    pub(super) fn procedural(
        &mut self,
        procedure: &written::WrittenProcedure,
        outcome: &written::AfterProcedure,
        population: &Population,
    ) -> Checked<ProceduralModel> {
        let shape = self.shape(outcome);
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
                Ok(ProceduralModel::new(procedure, &shape?, coefficients, population))
            }
            Err(NoPersistentOcclusion { passes }) => {
                let allowed = "a number of passes after which some patients have a persistent occlusion (no pass before with success 1 and without reocclusion)";
                self.fail("procedure.randomised_after", out_of_range(passes, allowed))
            }
        }
    }

    /// Reads the distribution that gives the scale its shape. Some but not all must be independent, as
    /// the scale is centred there.
    fn shape(&mut self, outcome: &written::AfterProcedure) -> Checked<MrsDistribution> {
        let shape = self.distribution("outcome.shape", outcome.shape, Some(outcome.rescale))?;
        let p = shape.at_most(Mrs::INDEPENDENT);
        if p <= 0.0 || p >= 1.0 {
            let message = format!(
                "has P(mRS 0–2) = {p}; allowed: between 0 and 1, as the scale is centred there"
            );
            return self.fail("outcome.shape", message);
        }
        Ok(shape)
    }

    fn parameters(&mut self, file: &written::WrittenProcedure) -> Checked<Parameters> {
        let randomised_after = self.randomised_after(file);
        let entries = randomised_after.iter().flatten();
        let limits = PassLimits {
            most: file.max_passes.map(|passes| passes as usize),
            last_entry: entries.map(|(passes, _)| *passes).max().unwrap_or(0),
        };
        let control = self.strategy("control", &file.control.strategy, limits);
        let experimental = self.strategy("experimental", &file.experimental.strategy, limits);
        let written::WrittenMinutes { base, per_pass, stenting, log_sd } = file.minutes;
        // Read once, for each number of passes before the stent.
        let rescue_success = by_pass(&file.rescue.success);
        Ok(Parameters {
            pass_success: pass_success(&file.pass_success),
            reocclusion: by_pass(&file.reocclusion),
            rescue: Rescue {
                failed_access: file.rescue.failed_access,
                // A stent before any pass succeeds as one after the first.
                success: std::array::from_fn(|passes| rescue_success[passes.saturating_sub(1)]),
                patency: file.rescue.patency,
            },
            haemorrhage: haemorrhage(file.haemorrhage.as_ref()),
            perforation: file.perforation,
            minutes: Minutes::new(base, per_pass, stenting, log_sd),
            difficulty: file.difficulty,
            randomised_after: randomised_after?,
            early_until: file.early_until as usize,
            plans: [
                ArmPlan { strategy: control?, crossover: file.control.crossover },
                ArmPlan { strategy: experimental?, crossover: file.experimental.crossover },
            ],
        })
    }

    /// Reads the passes after which patients are randomised, with shares that sum to 1.
    fn randomised_after(&mut self, file: &written::WrittenProcedure) -> Checked<Vec<(usize, f64)>> {
        let at = "procedure.randomised_after";
        let (passes, shares, is_list) = match &file.randomised_after {
            RandomisedAfter::Pass(pass) => (vec![*pass], vec![1.0], false),
            RandomisedAfter::Passes { passes, shares } => (passes.clone(), shares.clone(), true),
        };
        if shares.len() != passes.len() {
            let (path, per) = (format!("{at}.shares"), "one per number of passes");
            return self.wrong_length(&path, shares.len(), passes.len(), per);
        }
        if let Some(i) = (1..passes.len()).find(|&i| passes[..i].contains(&passes[i])) {
            let message = repeats(passes[i], "number of passes");
            return self.fail(&format!("{at}.passes[{i}]"), message);
        }
        let most = file.max_passes.unwrap_or(MAX_PASSES as u32);
        if let Some(i) = passes.iter().position(|&passes| passes > most) {
            let path = if is_list { format!("{at}.passes[{i}]") } else { at.to_owned() };
            let message = out_of_range(passes[i], format!("0 to max_passes ({most})"));
            return self.fail(&path, message);
        }
        let shares = self.normalised(&format!("{at}.shares"), &shares)?;
        // An entry without patients would need a distribution of patients that has none.
        let used = passes.into_iter().zip(shares).filter(|(_, share)| *share > 0.0);
        Ok(used.map(|(passes, share)| (passes as usize, share)).collect())
    }

    fn strategy(
        &mut self,
        arm: &str,
        strategy: &written::WrittenStrategy,
        limits: PassLimits,
    ) -> Checked<Strategy> {
        let path = format!("procedure.{arm}.strategy");
        match strategy {
            written::WrittenStrategy::RescueNow {} => {
                // A stent at once is no further pass and then a stent.
                Ok(Strategy::Continue { more: 0, last_pass: MAX_PASSES, then: LastStep::Rescue })
            }
            written::WrittenStrategy::ContinueThenRescue { more_passes } => {
                self.continuing(&path, *more_passes, limits, LastStep::Rescue)
            }
            written::WrittenStrategy::ContinueThenStop { more_passes } => {
                self.continuing(&path, *more_passes, limits, LastStep::Stop)
            }
            written::WrittenStrategy::Practice { rescue_after_pass } => {
                self.practice(&path, rescue_after_pass, limits)
            }
        }
    }

    fn practice(
        &mut self,
        path: &str,
        rescue_after_pass: &[f64],
        limits: PassLimits,
    ) -> Checked<Strategy> {
        let after = by_pass(rescue_after_pass);
        // No patient has a pass after a stent that is certain, wherever randomised.
        let certain = (limits.last_entry.max(1)..=MAX_PASSES).find(|&k| after[k - 1] >= 1.0);
        let Some(last_pass) = limits.most.or(certain) else {
            let last = after[MAX_PASSES - 1];
            return self.fail(
                &format!("{path}.rescue_after_pass"),
                format!("can never end: its last value is {last} and procedure.max_passes is not given; allowed: a last value of 1, or max_passes"),
            );
        };
        let mut rescue = [0.0; MAX_PASSES + 1];
        rescue[1..].copy_from_slice(&after);
        // One row, for average difficulty. The procedure adds one for each class of difficulty.
        Ok(Strategy::Practice { rescue: vec![rescue], last_pass })
    }

    fn continuing(
        &mut self,
        path: &str,
        more_passes: Option<u32>,
        limits: PassLimits,
        then: LastStep,
    ) -> Checked<Strategy> {
        let Some(more) = more_passes.map(|more| more as usize).or(limits.most) else {
            return self.fail(
                path,
                "can never end: neither its more_passes nor procedure.max_passes is given; allowed: one of them",
            );
        };
        // With max_passes, patients who would have more simply end there.
        let all = limits.last_entry + more;
        if limits.most.is_none() && all > MAX_PASSES {
            return self.fail(
                &format!("{path}.more_passes"),
                format!("is {more}, which makes {all} passes with those before randomisation; allowed: {MAX_PASSES} in all"),
            );
        }
        Ok(Strategy::Continue { more, last_pass: limits.most.unwrap_or(MAX_PASSES), then })
    }
}

fn haemorrhage(written: Option<&written::WrittenHaemorrhage>) -> Haemorrhage {
    match written {
        Some(written) => Haemorrhage {
            risk: Some(PerPass { intercept: written.intercept, per_pass: written.per_pass }),
            stenting: written.stenting,
            fatality: written.fatality,
        },
        None => Haemorrhage { risk: None, stenting: 0.0, fatality: 0.0 },
    }
}

/// Returns a value for each pass from a list whose last value repeats.
fn by_pass(list: &[f64]) -> [f64; MAX_PASSES] {
    std::array::from_fn(|pass| list[pass.min(list.len() - 1)])
}

fn pass_success(file: &PassSuccess) -> [f64; MAX_PASSES] {
    match file {
        PassSuccess::Flat(p) => [*p; MAX_PASSES],
        PassSuccess::ByPass(list) => by_pass(list),
        PassSuccess::Decay { first, odds_ratio_per_pass } => std::array::from_fn(|pass| {
            // On the scale of the odds, so that no pass has a probability above 1.
            logistic(logit(*first) + pass as f64 * libm::log(*odds_ratio_per_pass))
        }),
    }
}
