//! A trial at one of its looks: boundaries for the information that came, and what the data say.

use serde::Serialize;

use super::boundaries::{Boundaries, DesignError, Rules, Untested};
use super::efficacy::EfficacyRule;
use super::futility::FutilityRule;
use super::inference::{Belief, Drift, Estimate, Prior, repeated_p_value};
use super::spending::{SpendingFunction, StatedSpending};
use super::{Decision, Plan};
use crate::num::normal::upper_tail;

/// The looks of a trial so far, the last being the one at hand, and those still planned.
#[derive(Debug, Clone)]
pub struct RunningTrial {
    rules: Rules,
    /// At the information that came, and at the planned information of later looks.
    boundaries: Boundaries,
    /// Outcomes at each of these looks.
    analysed: Vec<u32>,
    /// The look at hand, from 0.
    look: usize,
    maximum: u32,
}

/// Why a trial cannot be monitored.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MonitorError {
    /// More looks than planned.
    #[error("there are {planned} looks, and this is number {given}")]
    NoSuchLook {
        /// Asked about.
        given: usize,
        /// Of the design.
        planned: usize,
    },
    /// Outcomes that do not grow from look to look.
    #[error("look {look} has {analysed} outcomes, not more than the {before} before it")]
    NotIncreasing {
        /// From 1.
        look: usize,
        /// Its outcomes.
        analysed: u32,
        /// Those of the look before.
        before: u32,
    },
    /// There are no boundaries at this information.
    #[error(transparent)]
    Boundaries(#[from] DesignError),
}

impl RunningTrial {
    /// Of a trial designed by `plan` whose looks so far had `analysed` outcomes.
    ///
    /// A spending function is read at the information that came; other boundaries spend at each
    /// look what was planned there (Slud & Wei 1982). The final look spends all α that is left,
    /// whatever its size. Planned looks that the one at hand has overtaken are left out.
    ///
    /// # Errors
    /// When looks do not fit the plan or have no boundaries.
    pub fn new(plan: &Plan, analysed: &[u32]) -> Result<Self, MonitorError> {
        let planned = plan.looks_analysed.len();
        let (given, look) = (analysed.len(), analysed.len().wrapping_sub(1));
        if given == 0 || given > planned {
            return Err(MonitorError::NoSuchLook { given, planned });
        }
        if let Some(k) = (0..given).find(|&k| analysed[k] <= before(analysed, k)) {
            let (analysed, before) = (analysed[k], before(analysed, k));
            return Err(MonitorError::NotIncreasing { look: k + 1, analysed, before });
        }
        // Positions in the plan of all looks, those so far being as many as came.
        let later = (given..planned).filter(|&k| plan.looks_analysed[k] > analysed[look]);
        let positions: Vec<usize> = (0..given).chain(later).collect();
        let mut sizes = analysed.to_vec();
        sizes.extend(positions[given..].iter().map(|&k| plan.looks_analysed[k]));
        let maximum = plan.maximum_analysed();
        let fractions: Vec<f64> =
            sizes.iter().map(|&n| f64::from(n) / f64::from(maximum)).collect();
        let rules = rules_at(plan, &positions, &fractions)?;
        let boundaries = Boundaries::new(&rules, &fractions)?;
        Ok(Self { rules, boundaries, analysed: sizes, look, maximum })
    }

    /// Boundaries of all looks: past, at hand, and to come.
    pub fn boundaries(&self) -> &Boundaries {
        &self.boundaries
    }

    /// Outcomes at each of these looks.
    pub fn analysed(&self) -> &[u32] {
        &self.analysed
    }

    /// The look at hand, from 0.
    pub fn look(&self) -> usize {
        self.look
    }

    /// Whether no look is left.
    pub fn is_final(&self) -> bool {
        self.look + 1 == self.analysed.len()
    }

    /// Outcomes over those planned for the final look.
    pub fn information(&self) -> f64 {
        f64::from(self.analysed[self.look]) / f64::from(self.maximum)
    }

    /// What a Z of `z` says.
    pub fn decide(&self, z: f64) -> Decision {
        let k = self.look;
        if z >= self.boundaries.efficacy[k] {
            Decision::Efficacy
        } else if z <= self.boundaries.harm[k] {
            Decision::Harm
        } else if z <= self.boundaries.futility[k] {
            Decision::Futility
        } else {
            Decision::Continue
        }
    }

    /// What the data say where Z is `z`; the mean of Z at the planned maximum is `planned_drift`
    /// under the planned effect.
    pub fn evidence(&self, z: f64, planned_drift: f64, belief: Option<Belief>) -> Evidence {
        let k = self.look;
        let no_lower = vec![f64::NEG_INFINITY; self.analysed.len()];
        let ahead = (!self.is_final()).then(|| self.boundaries.with_lower(&no_lower));
        let conditional = |drift| ahead.map(|looks| looks.conditional_power(k, z, drift));
        let predictive = |prior| ahead.map(|looks| looks.predictive_power(k, z, prior));
        let counted_out = self.counted_out_below();
        let so_far = self.boundaries.with_lower(&counted_out);
        Evidence {
            p_one_sided: upper_tail(z),
            conditional_rejection: conditional(Drift::Stated(0.0)),
            conditional_power: conditional(Drift::Stated(planned_drift)),
            conditional_power_trend: conditional(Drift::CurrentTrend),
            predictive_power: predictive(Prior::Flat),
            predictive_power_prior: belief.and_then(|belief| predictive(Prior::Normal(belief))),
            repeated_p: self.repeated_p(z),
            stagewise_p: so_far.stagewise_p_value(k, z, 0.0),
            drift: so_far.stagewise_estimate(k, z, 0.95),
        }
    }

    /// The smallest one-sided α at which the design rejects here.
    fn repeated_p(&self, z: f64) -> f64 {
        let fractions = &self.boundaries.information_fractions;
        repeated_p_value(z, |alpha_one_sided| {
            let rules = Rules {
                alpha_one_sided,
                futility: FutilityRule::None,
                binding_futility: false,
                ..self.rules.clone()
            };
            Some(Boundaries::new(&rules, fractions).ok()?.efficacy[self.look])
        })
    }

    /// Where trials are counted out below at each look.
    fn counted_out_below(&self) -> Vec<f64> {
        let Boundaries { efficacy, futility, .. } = &self.boundaries;
        let bounds = futility.iter().zip(efficacy);
        bounds.map(|(&low, &high)| self.rules.counted_out_below(low, high)).collect()
    }
}

fn before(analysed: &[u32], k: usize) -> u32 {
    if k == 0 { 0 } else { analysed[k - 1] }
}

/// The plan's rules for looks at other information: what they spend, and where they test.
fn rules_at(plan: &Plan, positions: &[usize], fractions: &[f64]) -> Result<Rules, DesignError> {
    let rules = &plan.rules;
    let planned = planned_fractions(plan);
    if planned == fractions {
        return Ok(rules.clone());
    }
    let kept = |untested: &[usize]| -> Vec<usize> {
        (0..positions.len()).filter(|&k| untested.contains(&positions[k])).collect()
    };
    let interims = &positions[..positions.len() - 1];
    Ok(Rules {
        efficacy: match &rules.efficacy {
            it @ (EfficacyRule::FinalOnly | EfficacyRule::Spending(_)) => it.clone(),
            _ => {
                let spent = Boundaries::new(rules, &planned)?.alpha_spent;
                EfficacyRule::Spending(as_planned(rules, &spent, positions, fractions))
            }
        },
        futility: match &rules.futility {
            FutilityRule::Z(bounds) => FutilityRule::Z(
                interims.iter().map(|&k| bounds.get(k).copied().flatten()).collect(),
            ),
            other => other.clone(),
        },
        untested: Untested {
            efficacy: kept(&rules.untested.efficacy),
            futility: kept(&rules.untested.futility),
            harm: kept(&rules.untested.harm),
        },
        ..rules.clone()
    })
}

fn planned_fractions(plan: &Plan) -> Vec<f64> {
    let maximum = f64::from(plan.maximum_analysed());
    plan.looks_analysed.iter().map(|&n| f64::from(n) / maximum).collect()
}

/// A spending function that spends at each look what was planned there.
fn as_planned(
    rules: &Rules,
    spent: &[f64],
    positions: &[usize],
    fractions: &[f64],
) -> SpendingFunction {
    let point = |(&k, &fraction): (&usize, &f64)| StatedSpending {
        fraction,
        share: spent[k] / rules.alpha_one_sided,
    };
    SpendingFunction::Stated(positions.iter().zip(fractions).map(point).collect())
}

/// What the data of a look say, on the scale of the drift.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// Nominal one-sided p value.
    pub p_one_sided: f64,
    /// P(efficacy later) without an effect; null at the final look, as the following.
    pub conditional_rejection: Option<f64>,
    /// P(efficacy later) under the planned effect.
    pub conditional_power: Option<f64>,
    /// Under the effect seen.
    pub conditional_power_trend: Option<f64>,
    /// Averaged over what the data say of the effect (flat prior).
    pub predictive_power: Option<f64>,
    /// The same with the given prior; null without one.
    pub predictive_power_prior: Option<f64>,
    /// The smallest one-sided α at which the design would reject here; 0.5 stands for more.
    pub repeated_p: f64,
    /// One-sided p value if the trial ends here.
    pub stagewise_p: f64,
    /// Median-unbiased estimate and 95 % limits if the trial ends here: mean of Z at the maximum.
    pub drift: Estimate,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(efficacy: EfficacyRule) -> Plan {
        Plan { looks_analysed: vec![104, 208, 312], rules: Rules::efficacy_only(0.025, efficacy) }
    }

    fn any_rule() -> impl Strategy<Value = EfficacyRule> {
        prop_oneof![
            Just(EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming)),
            Just(EfficacyRule::Spending(SpendingFunction::KimDeMets { rho: 2.0 })),
            Just(EfficacyRule::OBRIEN_FLEMING),
            Just(EfficacyRule::POCOCK),
            Just(EfficacyRule::HaybittlePeto { interim_z: 3.0 }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever came at the looks so far, the looks together spend α and nothing more.
        #[test]
        fn any_information_keeps_alpha(
            rule in any_rule(), first in 20u32..200, second in 1u32..150, third in 1u32..150,
            looks in 1usize..=3,
        ) {
            let all = [first, first + second, first + second + third];
            let trial = RunningTrial::new(&plan(rule), &all[..looks]);
            prop_assume!(trial.is_ok());
            let trial = trial.expect("assumed");
            let rejection = trial.boundaries().stopping(0.0).rejection();
            prop_assert!((rejection - 0.025).abs() < 1e-9, "{}", rejection);
            prop_assert_eq!(trial.is_final(), trial.analysed().len() == looks);
        }

        /// At the planned information nothing changes.
        #[test]
        fn as_planned_is_the_plan(rule in any_rule(), looks in 1usize..=3) {
            let plan = plan(rule);
            let trial = RunningTrial::new(&plan, &plan.looks_analysed[..looks]).expect("as planned");
            let planned = Boundaries::new(&plan.rules, &planned_fractions(&plan)).expect("solvable");
            prop_assert_eq!(trial.boundaries(), &planned);
        }

        /// The bound of a look is where the repeated p value is α.
        #[test]
        fn repeated_p_at_the_bound_is_alpha(rule in any_rule(), look in 0usize..3) {
            prop_assume!(!matches!(rule, EfficacyRule::HaybittlePeto { .. }));
            let plan = plan(rule);
            let trial = RunningTrial::new(&plan, &plan.looks_analysed[..=look]).expect("as planned");
            let bound = trial.boundaries().efficacy[look];
            let evidence = trial.evidence(bound, 2.8, None);
            prop_assert!((evidence.repeated_p / 0.025 - 1.0).abs() < 1e-6);
            prop_assert_eq!(trial.decide(bound), Decision::Efficacy);
        }
    }

    #[test]
    fn looks_that_do_not_fit_are_refused() {
        let plan = plan(EfficacyRule::POCOCK);
        let new = |analysed: &[u32]| RunningTrial::new(&plan, analysed).map(|_| ()).unwrap_err();
        assert_eq!(new(&[]), MonitorError::NoSuchLook { given: 0, planned: 3 });
        assert_eq!(new(&[1, 2, 3, 4]), MonitorError::NoSuchLook { given: 4, planned: 3 });
        let decreasing = MonitorError::NotIncreasing { look: 2, analysed: 100, before: 104 };
        assert_eq!(new(&[104, 100]), decreasing);
        assert_eq!(new(&[0]), MonitorError::NotIncreasing { look: 1, analysed: 0, before: 0 });
    }

    /// A look that comes so late that it overtakes the next leaves that one out.
    #[test]
    fn overtaken_looks_are_left_out() {
        let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        let trial = RunningTrial::new(&plan(rule.clone()), &[210]).expect("solvable");
        assert_eq!(trial.analysed(), [210, 312]);
        let trial = RunningTrial::new(&plan(rule), &[104, 320]).expect("solvable");
        assert!(trial.is_final());
        assert_eq!(trial.boundaries().alpha_spent[1], 0.025);
    }
}
