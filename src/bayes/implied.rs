//! Z values that posterior and predictive probabilities amount to at planned looks.
//!
//! Formulas, figures and adjusted estimates work with boundaries of Z. Those of a Bayesian design are the Z
//! at which its decisions change if the looks have the planned numbers of outcomes and the control arm the
//! planned distribution. Trials are decided by the probabilities themselves, never by these values.

use super::region::ProportionRules;
use super::rules::{DecisionModel, DecisionRules, HarmAtLeast};
use super::{BetaBinomial, Dirichlet, EffectEstimate, FutilityBelow, NormalPrior, Planned};
use crate::design::sample_size::ArmSizes;
use crate::num::normal::upper_quantile;
use crate::num::root::brent;
use crate::outcome::LEVELS;

/// Bounds of Z per look.
#[derive(Debug, Clone, PartialEq)]
pub struct ImpliedBounds {
    /// Success at or above; +∞ if no Z has it.
    pub success: Vec<f64>,
    /// Futility at or below; −∞ for none, and at the last look.
    pub futility: Vec<f64>,
    /// Harm at or below; −∞ for none.
    pub harm: Vec<f64>,
}

/// The trial as planned.
#[derive(Debug, Clone, Copy)]
pub struct PlannedTrial<'p> {
    /// Outcomes per arm at each look.
    pub sizes: &'p [ArmSizes],
    /// Shares of the mRS in control and experimental arm.
    pub shares: [[f64; LEVELS]; 2],
    /// Success is an mRS at or below this level; `None` if the estimate is a common odds ratio.
    pub cut: Option<usize>,
}

/// Largest Z that is looked for.
const LARGEST: f64 = 12.0;

impl DecisionRules {
    /// Returns the bounds of Z that these rules amount to.
    pub fn implied_bounds(&self, model: &DecisionModel, plan: PlannedTrial<'_>) -> ImpliedBounds {
        match model {
            &DecisionModel::BetaBinomial { control, experimental, cut } => {
                let model = |difference| BetaBinomial { control, experimental, difference };
                let rate = plan.shares[0][..=cut.index()].iter().sum();
                self.of_proportions(model, plan.sizes, rate)
            }
            DecisionModel::Normal(prior) => {
                self.by_look(plan, |k, question| self.of_estimate(prior, plan, k, question))
            }
            &DecisionModel::Dirichlet { prior, utilities } => self.by_look(plan, |k, question| {
                self.of_utilities(prior, utilities, plan, k, question)
            }),
        }
    }

    /// Collects the bounds of all looks from those of one.
    fn by_look(
        &self,
        plan: PlannedTrial<'_>,
        bound: impl Fn(usize, BoundQuestion) -> Option<f64>,
    ) -> ImpliedBounds {
        let last = plan.sizes.len() - 1;
        let looks = 0..=last;
        // The final analysis has nothing left to predict: its posterior probability decides.
        let success = looks.clone().map(|k| match self.predictive_success {
            Some(least) if k < last => bound(k, BoundQuestion::Predictive(least)),
            Some(_) | None => bound(
                k,
                BoundQuestion::Posterior { effect: self.effect_above, least: self.success[k] },
            ),
        });
        let futility = looks.clone().map(|k| match self.futility.filter(|_| k < last)? {
            FutilityBelow::Posterior(least) => {
                bound(k, BoundQuestion::Posterior { effect: self.effect_above, least })
            }
            FutilityBelow::Predictive(least) => bound(k, BoundQuestion::Predictive(least)),
        });
        let harm = looks.map(|k| {
            let HarmAtLeast { probability, effect_below } = self.harm?;
            bound(k, BoundQuestion::Posterior { effect: effect_below, least: 1.0 - probability })
        });
        ImpliedBounds {
            success: success.map(|z| z.unwrap_or(f64::INFINITY)).collect(),
            futility: futility.map(|z| z.unwrap_or(f64::NEG_INFINITY)).collect(),
            harm: harm.map(|z| z.unwrap_or(f64::NEG_INFINITY)).collect(),
        }
    }

    fn of_proportions(
        &self,
        model: impl Fn(f64) -> BetaBinomial,
        sizes: &[ArmSizes],
        rate: f64,
    ) -> ImpliedBounds {
        let last = sizes.len() - 1;
        let rules = |difference, success: Vec<f64>, futility| {
            ProportionRules { model: model(difference), success, futility }.regions(sizes)
        };
        let regions = rules(self.effect_above, self.success.clone(), self.futility);
        // Predictive success and harm are regions of other rules.
        let predicted = self.predictive_success.map(|least| {
            let futility = Some(FutilityBelow::Predictive(least));
            rules(self.effect_above, self.success.clone(), futility)
        });
        let harmless = self
            .harm
            .map(|harm| rules(harm.effect_below, vec![1.0 - harm.probability; sizes.len()], None));
        // One row of the table stands for all: a bound of Z is one number, that of the planned
        // rate.
        let z = |k: usize, least: &[u32]| {
            let control = (rate * f64::from(sizes[k].control)).round() as usize;
            z_at(sizes[k], control as u32, least[control])
        };
        let success = (0..=last).map(|k| match &predicted {
            Some(predicted) if k < last => z(k, &predicted[k].below),
            Some(_) | None => z(k, &regions[k].above),
        });
        let futility = (0..=last).map(|k| match self.futility {
            Some(_) if k < last => z(k, &regions[k].below),
            Some(_) | None => f64::NEG_INFINITY,
        });
        let harm = (0..=last).map(|k| match &harmless {
            Some(harmless) => z(k, &harmless[k].above),
            None => f64::NEG_INFINITY,
        });
        ImpliedBounds {
            success: success.collect(),
            futility: futility.collect(),
            harm: harm.collect(),
        }
    }

    fn of_estimate(
        &self,
        prior: &NormalPrior,
        plan: PlannedTrial<'_>,
        k: usize,
        question: BoundQuestion,
    ) -> Option<f64> {
        let error_at = |look: usize| 1.0 / plan.information(look).sqrt();
        let (last, standard_error) = (plan.sizes.len() - 1, error_at(k));
        match question {
            BoundQuestion::Posterior { effect, least } => {
                let needed = prior.estimate_needed(standard_error, effect, least)?;
                Some(needed / standard_error)
            }
            BoundQuestion::Predictive(least) => {
                let estimate_needed = prior.estimate_needed(
                    error_at(last),
                    self.effect_above,
                    self.final_success(),
                )?;
                let information_fraction = plan.information(k) / plan.information(last);
                let planned = Planned { information_fraction, estimate_needed };
                let excess = |z: f64| {
                    let observed = EffectEstimate { estimate: z * standard_error, standard_error };
                    prior.predictive_probability(observed, planned) - least
                };
                brent(excess, -LARGEST, LARGEST)
            }
        }
    }

    /// Computes the bound of utilities, with normal posteriors.
    fn of_utilities(
        &self,
        prior: f64,
        utilities: [f64; LEVELS],
        plan: PlannedTrial<'_>,
        k: usize,
        question: BoundQuestion,
    ) -> Option<f64> {
        let counts = |look: usize| {
            let ArmSizes { control, experimental } = plan.sizes[look];
            [control, experimental].map(|n| plan.shares[0].map(|share| share * f64::from(n)))
        };
        let arms =
            |look: usize| counts(look).map(|counts| Dirichlet::posterior(prior, counts, utilities));
        let variance = |look: usize| arms(look).iter().map(Dirichlet::variance).sum::<f64>();
        let now = variance(k);
        if now == 0.0 {
            return None;
        }
        let difference = match question {
            BoundQuestion::Posterior { effect, least } => {
                effect + upper_quantile(1.0 - least) * now.sqrt()
            }
            BoundQuestion::Predictive(least) => {
                // A heavy prior with less spread than the data could make it larger, and the root
                // below NaN.
                let later = variance(plan.sizes.len() - 1).min(now);
                self.effect_above
                    + upper_quantile(1.0 - self.final_success()) * later.sqrt()
                    + upper_quantile(1.0 - least) * (now - later).sqrt()
            }
        };
        // The posterior mean of the experimental arm is that of prior and data.
        let [control, experimental] = arms(k);
        let patients = experimental.total() - prior * LEVELS as f64;
        let prior_sum: f64 = utilities.iter().map(|utility| prior * utility).sum();
        let mean = ((control.mean() + difference) * experimental.total() - prior_sum) / patients;
        let weighted = |power: fn(f64) -> f64| -> f64 {
            plan.shares[0].iter().zip(&utilities).map(|(share, &it)| share * power(it)).sum()
        };
        let observed = weighted(|it| it);
        let spread = weighted(|it| it * it) - observed * observed;
        let ArmSizes { control, experimental } = plan.sizes[k];
        let error = spread * (1.0 / f64::from(control) + 1.0 / f64::from(experimental));
        Some((mean - observed) / error.sqrt())
    }
}

/// Question about a look whose bound is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum BoundQuestion {
    Posterior { effect: f64, least: f64 },
    Predictive(f64),
}

impl PlannedTrial<'_> {
    /// Returns the information of the log odds ratio at a look, at the average of the two arms: that of
    /// one cut, or of all (Whitehead 1993, Stat Med 12:2257).
    fn information(&self, look: usize) -> f64 {
        let sizes = self.sizes[look];
        let (total, share) = (f64::from(sizes.total()), sizes.share_experimental());
        let average: [f64; LEVELS] = std::array::from_fn(|level| {
            (1.0 - share) * self.shares[0][level] + share * self.shares[1][level]
        });
        let spread = match self.cut {
            Some(cut) => {
                let rate: f64 = average[..=cut].iter().sum();
                rate * (1.0 - rate)
            }
            None => (1.0 - average.iter().map(|p| p * p * p).sum::<f64>()) / 3.0,
        };
        total * share * (1.0 - share) * spread
    }
}

/// Returns the pooled Z half a patient below the least number of successes of the experimental arm, which
/// separates yes from no; infinite if the answer is the same for all.
fn z_at(sizes: ArmSizes, control: u32, least: u32) -> f64 {
    if least == 0 {
        return f64::NEG_INFINITY;
    }
    if least > sizes.experimental {
        return f64::INFINITY;
    }
    let (n_c, n_e) = (f64::from(sizes.control), f64::from(sizes.experimental));
    let (x_c, x_e) = (f64::from(control), f64::from(least) - 0.5);
    let pooled = (x_c + x_e) / (n_c + n_e);
    (x_e / n_e - x_c / n_c) / (pooled * (1.0 - pooled) * (1.0 / n_c + 1.0 / n_e)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::beta::Beta;
    use crate::outcome::Mrs;

    const SHARES: [f64; LEVELS] = [0.08, 0.07, 0.1, 0.2, 0.25, 0.1, 0.2];

    fn sizes() -> Vec<ArmSizes> {
        [52, 104, 156].map(|n| ArmSizes { control: n, experimental: n }).to_vec()
    }

    fn rules() -> DecisionRules {
        DecisionRules {
            success: vec![0.995, 0.99, 0.975],
            effect_above: 0.0,
            predictive_success: None,
            futility: Some(FutilityBelow::Predictive(0.05)),
            harm: Some(HarmAtLeast { probability: 0.975, effect_below: 0.0 }),
            early_known_after_days: None,
        }
    }

    #[test]
    fn flat_prior_has_the_bounds_of_the_z_test() {
        let sizes = sizes();
        let plan = PlannedTrial { sizes: &sizes, shares: [SHARES; 2], cut: None };
        let model = DecisionModel::Normal(NormalPrior::Flat);
        let bounds = rules().implied_bounds(&model, plan);
        for (bound, least) in bounds.success.iter().zip(&rules().success) {
            assert!((bound - upper_quantile(1.0 - least)).abs() < 1e-12);
        }
        assert!(bounds.harm.iter().all(|z| (z + 1.959963984540054).abs() < 1e-12));
        assert_eq!(bounds.futility[2], f64::NEG_INFINITY);
        assert!(bounds.futility[0] < bounds.futility[1] && bounds.futility[1] < 1.96);
    }

    /// Uniform priors hardly matter with a hundred patients.
    #[test]
    fn models_with_weak_priors_have_nearly_the_bounds_of_the_flat_prior() {
        let sizes = sizes();
        let plan = PlannedTrial { sizes: &sizes, shares: [SHARES; 2], cut: Some(2) };
        let flat = rules().implied_bounds(&DecisionModel::Normal(NormalPrior::Flat), plan);
        let uniform = Beta { a: 1.0, b: 1.0 };
        let utilities = [10.0, 9.1, 7.6, 6.5, 3.3, 0.0, 0.0];
        let models = [
            DecisionModel::BetaBinomial {
                control: uniform,
                experimental: uniform,
                cut: Mrs::INDEPENDENT,
            },
            DecisionModel::Dirichlet { prior: 0.1, utilities },
        ];
        for model in &models {
            let bounds = rules().implied_bounds(model, plan);
            for k in 0..3 {
                assert!((bounds.success[k] - flat.success[k]).abs() < 0.15, "{model:?}");
                assert!((bounds.harm[k] - flat.harm[k]).abs() < 0.15, "{model:?}");
                assert!(k == 2 || (bounds.futility[k] - flat.futility[k]).abs() < 0.15);
            }
        }
    }
}
