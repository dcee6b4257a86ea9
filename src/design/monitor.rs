//! A trial at one of its looks: boundaries for the information that came, and what the data say.

use serde::Serialize;

use super::boundaries::{Boundaries, DesignError, Rules, Untested};
use super::efficacy::EfficacyRule;
use super::futility::FutilityRule;
use super::inference::{
    Belief, Drift, Estimate, Monitored, Prior, prediction_interval, repeated_p_value,
};
use super::spending::{SpendingFunction, StatedSpending};
use super::{Decision, Plan};
use crate::num::normal::upper_tail;

/// The looks of a trial so far, the last being the one at hand, and those still planned.
#[derive(Debug, Clone)]
pub struct RunningTrial {
    plan: Plan,
    /// Of each look, its position among those planned.
    positions: Vec<usize>,
    /// The plan's rules, with futility as it was found when each look was at hand.
    rules: Rules,
    /// At the information that came, and at the planned information of later looks.
    boundaries: Boundaries,
    /// Outcomes at each of these looks.
    analysed: Vec<u32>,
    /// The look at hand, from 0.
    look: usize,
    after: After,
}

/// What follows the look at hand.
#[derive(Debug, Clone, Copy, PartialEq)]
enum After {
    /// The later looks of the plan.
    AsPlanned,
    /// Nothing: it is the final one.
    Nothing,
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
    /// A spending function is read at the information that came; Haybittle and Peto's interim bound
    /// is what it is; those of Wang & Tsiatis spend at each look what was planned there (Slud & Wei
    /// 1982). The final look spends all α that is left,
    /// whatever its size. Planned looks that the one at hand has overtaken are left out.
    ///
    /// # Errors
    /// When looks do not fit the plan or have no boundaries.
    pub fn new(plan: &Plan, analysed: &[u32]) -> Result<Self, MonitorError> {
        Self::with_looks_after(plan, analysed, After::AsPlanned)
    }

    /// The same of a trial that an interim look stopped, analysed again with the outcomes of the
    /// patients who were then under way: the last of `analysed`, after those at the looks. It spends
    /// all α that is left.
    ///
    /// # Errors
    /// As [`RunningTrial::new`], and when the look that stopped it was the final one.
    pub fn after_overrun(plan: &Plan, analysed: &[u32]) -> Result<Self, MonitorError> {
        Self::with_looks_after(plan, analysed, After::Nothing)
    }

    fn with_looks_after(plan: &Plan, analysed: &[u32], after: After) -> Result<Self, MonitorError> {
        let planned = plan.looks_analysed.len();
        let given = analysed.len();
        if given == 0 || given > planned {
            return Err(MonitorError::NoSuchLook { given, planned });
        }
        if let Some(k) = (0..given).find(|&k| analysed[k] <= before(analysed, k)) {
            let (analysed, before) = (analysed[k], before(analysed, k));
            return Err(MonitorError::NotIncreasing { look: k + 1, analysed, before });
        }
        // Futility is frozen look by look: what comes later must not change what was in force.
        let mut frozen = Vec::new();
        let mut found = None;
        for now in 0..given {
            let after = if now + 1 == given { after } else { After::AsPlanned };
            let trial = Self::at(plan, &analysed[..=now], &frozen, after)?;
            frozen.push(trial.boundaries.futility[now]);
            found = Some(trial);
        }
        Ok(found.expect("there is a look"))
    }

    /// With the futility bounds of earlier looks `frozen`.
    fn at(
        plan: &Plan,
        analysed: &[u32],
        frozen: &[f64],
        after: After,
    ) -> Result<Self, DesignError> {
        let (given, planned) = (analysed.len(), plan.looks_analysed.len());
        let look = given - 1;
        let positions: Vec<usize> = match after {
            After::AsPlanned => {
                let later = (given..planned).filter(|&k| plan.looks_analysed[k] > analysed[look]);
                (0..given).chain(later).collect()
            }
            After::Nothing => (0..look).chain([planned - 1]).collect(),
        };
        let mut sizes = analysed.to_vec();
        sizes.extend(positions[given..].iter().map(|&k| plan.looks_analysed[k]));
        let fractions = plan.fractions(&sizes);
        let mut rules = rules_at(plan, &positions, &fractions)?;
        if rules.futility != FutilityRule::None {
            let mut bounds = futility_at(plan, &rules, &fractions)?;
            bounds.iter_mut().zip(frozen).for_each(|(bound, frozen)| *bound = *frozen);
            rules.futility = given_z(&bounds);
        }
        let boundaries = Boundaries::new(&rules, &fractions)?;
        Ok(Self { plan: plan.clone(), positions, rules, boundaries, analysed: sizes, look, after })
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
        self.boundaries.information_fractions[self.look]
    }

    /// One-sided error rate of the design.
    pub fn alpha_one_sided(&self) -> f64 {
        self.plan.rules.alpha_one_sided
    }

    /// Confidence level that goes with the design's test: 1 − 2α.
    pub fn level(&self) -> f64 {
        1.0 - 2.0 * self.alpha_one_sided()
    }

    /// What a Z of `z` says.
    pub fn decide(&self, z: f64) -> Decision {
        self.boundaries.decide(self.look, z)
    }

    /// The efficacy bound here of the design with another one-sided α, futility disregarded, so that
    /// what is not rejected by it holds whether or not futility is heeded; `None` where there is
    /// none.
    pub fn repeated_bound(&self, alpha_one_sided: f64) -> Option<f64> {
        let rules = Rules {
            alpha_one_sided,
            futility: FutilityRule::None,
            binding_futility: false,
            ..self.plan.rules.clone()
        };
        let plan = Plan { rules, looks_analysed: self.plan.looks_analysed.clone() };
        let fractions = &self.boundaries.information_fractions;
        let rules = rules_at(&plan, &self.positions, fractions).ok()?;
        Some(Boundaries::new(&rules, fractions).ok()?.efficacy[self.look])
    }

    /// What the data say where Z is `z`; the mean of Z at the planned maximum is `planned_drift`
    /// under the planned effect, where that is known.
    pub fn evidence(&self, z: f64, planned_drift: Option<f64>, belief: Option<Belief>) -> Evidence {
        let k = self.look;
        let no_lower = vec![f64::NEG_INFINITY; self.analysed.len()];
        let ahead = (!self.is_final()).then(|| self.boundaries.with_lower(&no_lower));
        let conditional = |drift| ahead.map(|looks| looks.conditional_power(k, z, drift));
        let predictive = |prior| ahead.map(|looks| looks.predictive_power(k, z, prior));
        Evidence {
            p_one_sided: upper_tail(z),
            conditional_rejection: conditional(Drift::Stated(0.0)),
            conditional_power: planned_drift.and_then(|drift| conditional(Drift::Stated(drift))),
            conditional_power_trend: conditional(Drift::CurrentTrend),
            predictive_power: predictive(Prior::Flat),
            predicted_final_z: ahead.map(|looks| {
                let (now, last) =
                    (self.information(), looks.information()[self.analysed.len() - 1]);
                prediction_interval((z, now), last, Prior::Flat, self.level())
            }),
            predictive_power_prior: belief.and_then(|belief| predictive(Prior::Normal(belief))),
            repeated_p: repeated_p_value(z, |alpha| self.repeated_bound(alpha)),
            stagewise_p: self.in_order(&self.counted_out_below(), |looks, last| {
                looks.stagewise_p_value(last, z, 0.0)
            }),
        }
    }

    /// The median-unbiased estimate and limits of level 1 − 2α if the trial ends here with an estimate
    /// that is `z` standard errors from no effect: of the mean of Z at the maximum. Futility is taken
    /// to have been heeded at the looks before.
    pub fn drift_estimate(&self, z: f64) -> Estimate {
        let Boundaries { futility, harm, .. } = &self.boundaries;
        let leaving: Vec<f64> = futility.iter().zip(harm).map(|(f, h)| f.max(*h)).collect();
        self.in_order(&leaving, |looks, last| looks.stagewise_estimate(last, z, self.level()))
    }

    /// Asks the looks that the stage-wise ordering goes by, of which trials leave below as given, and the
    /// last of them. After an overrun the look that stopped the trial is left out, as the analysis with
    /// all its patients takes its place (the deletion method: Sooriyarachchi, Whitehead, Matsushita,
    /// Bolland & Whitehead 2003, Biometrics 59:701).
    fn in_order<T>(&self, leaving: &[f64], ask: impl FnOnce(&Monitored, usize) -> T) -> T {
        let before = match self.after {
            After::AsPlanned => self.look,
            After::Nothing => self.look - 1,
        };
        let kept = || (0..before).chain([self.look]);
        let column = |of: &[f64]| -> Vec<f64> { kept().map(|k| of[k]).collect() };
        let Boundaries { information_fractions, efficacy, .. } = &self.boundaries;
        let (information, efficacy) = (column(information_fractions), column(efficacy));
        ask(&Monitored::new(&information, &column(leaving), &efficacy), before)
    }

    /// Where trials count as having left below at each look, whether or not futility is heeded.
    fn counted_out_below(&self) -> Vec<f64> {
        let Boundaries { efficacy, futility, harm, .. } = &self.boundaries;
        let leave = |k: usize| self.rules.counted_out_below(futility[k], efficacy[k]).max(harm[k]);
        (0..efficacy.len()).map(leave).collect()
    }
}

fn before(analysed: &[u32], k: usize) -> u32 {
    if k == 0 { 0 } else { analysed[k - 1] }
}

/// The plan's rules for looks at other information: what they spend, and where they test.
fn rules_at(plan: &Plan, positions: &[usize], fractions: &[f64]) -> Result<Rules, DesignError> {
    let rules = &plan.rules;
    let planned = plan.fractions(&plan.looks_analysed);
    if planned == fractions {
        return Ok(rules.clone());
    }
    let kept = |untested: &[usize]| -> Vec<usize> {
        (0..positions.len()).filter(|&k| untested.contains(&positions[k])).collect()
    };
    let interims = &positions[..positions.len() - 1];
    Ok(Rules {
        efficacy: match &rules.efficacy {
            it @ (EfficacyRule::FinalOnly
            | EfficacyRule::Spending(_)
            | EfficacyRule::HaybittlePeto { .. }) => it.clone(),
            EfficacyRule::WangTsiatis { .. } => {
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

/// Futility bounds of all looks by the plan's rule at the information there is: β-spending under the
/// drift of the plan.
fn futility_at(plan: &Plan, rules: &Rules, fractions: &[f64]) -> Result<Vec<f64>, DesignError> {
    let planned = plan.fractions(&plan.looks_analysed);
    match plan.rules.beta_drift(&planned)? {
        Some(drift) => rules.futility_under(drift, fractions),
        None => Ok(Boundaries::new(rules, fractions)?.futility),
    }
}

/// Bounds of the interim looks as a rule.
fn given_z(bounds: &[f64]) -> FutilityRule {
    let interims = &bounds[..bounds.len() - 1];
    FutilityRule::Z(interims.iter().map(|&z| (z > f64::NEG_INFINITY).then_some(z)).collect())
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
    /// Where Z of the final look will be with a probability of 1 − 2α, by the same.
    pub predicted_final_z: Option<(f64, f64)>,
    /// The same with the given prior; null without one.
    pub predictive_power_prior: Option<f64>,
    /// The smallest one-sided α at which the design would reject here; 0.5 stands for more.
    pub repeated_p: f64,
    /// One-sided p value if the trial ends here.
    pub stagewise_p: f64,
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

        /// The bounds in force at each look, as they were given when it was at hand, keep α when
        /// futility is relied on and heeded.
        #[test]
        fn bounds_in_force_keep_alpha_with_binding_futility(
            first in 60u32..140, second in 60u32..140, third in 40u32..140, kind in 0usize..3,
        ) {
            let futility = match kind {
                0 => FutilityRule::BetaSpending {
                    function: SpendingFunction::HwangShihDeCani { gamma: -2.0 }, power: 0.9,
                },
                1 => FutilityRule::Z(vec![Some(-0.2), Some(0.6)]),
                _ => FutilityRule::ConditionalPower {
                    at_most: 0.1, on: crate::design::ConditionalOn::Trend,
                },
            };
            let mut plan = plan(EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming));
            plan.rules = Rules { futility, binding_futility: true, ..plan.rules };
            let analysed = [first, first + second, first + second + third];
            let (mut efficacy, mut futility) = (Vec::new(), Vec::new());
            for look in 0..3 {
                let trial = RunningTrial::new(&plan, &analysed[..=look]);
                prop_assume!(trial.is_ok());
                let trial = trial.expect("assumed");
                // A look that uses up all the information is the last.
                prop_assume!(trial.analysed().len() == 3);
                efficacy.push(trial.boundaries().efficacy[look]);
                futility.push(trial.boundaries().futility[look]);
            }
            let fractions = plan.fractions(&analysed);
            let crossing = crate::design::recursion::CrossingProbabilities::new(
                &fractions, 0.0, &futility, &efficacy,
            );
            prop_assert!((crossing.total_upper() - 0.025).abs() < 1e-9, "{}", crossing.total_upper());
        }

        /// At the planned information nothing changes.
        #[test]
        fn as_planned_is_the_plan(rule in any_rule(), looks in 1usize..=3) {
            let plan = plan(rule);
            let trial = RunningTrial::new(&plan, &plan.looks_analysed[..looks]).expect("as planned");
            let planned = Boundaries::new(&plan.rules, &plan.fractions(&plan.looks_analysed)).expect("solvable");
            prop_assert_eq!(trial.boundaries(), &planned);
        }

        /// The bound of a look is where the repeated p value is α.
        #[test]
        fn repeated_p_at_the_bound_is_alpha(
            rule in any_rule(), look in 0usize..3, late in 0u32..9,
        ) {
            let plan = plan(rule.clone());
            let mut analysed = plan.looks_analysed[..=look].to_vec();
            analysed[look] += late;
            let trial = RunningTrial::new(&plan, &analysed).expect("a few patients late");
            let bound = trial.boundaries().efficacy[look];
            // Haybittle-Peto has the same interim bound at every alpha.
            prop_assume!(!matches!(rule, EfficacyRule::HaybittlePeto { .. }) || look == 2);
            let evidence = trial.evidence(bound, Some(2.8), None);
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
