//! A trial at one of its looks: boundaries for the observed information, and what the data imply.

mod evidence;

pub use evidence::Evidence;

use super::boundaries::Boundaries;
use super::efficacy::EfficacyRule;
use super::futility::FutilityRule;
use super::inference::{Monitored, StagewiseEstimate};
use super::rules::{DesignError, Rules, Untested};
use super::spending::{SpendingFunction, StatedSpending};
use super::{Decision, Plan};

/// Looks of a trial so far, the last being the current one, and those still planned.
#[derive(Debug, Clone)]
pub struct RunningTrial {
    plan: Plan,
    /// Position of each look among the planned ones.
    positions: Vec<usize>,
    /// The plan's rules, with the futility bounds that were in force at each look.
    rules: Rules,
    /// Boundaries at the observed information, and at the planned information of later looks.
    boundaries: Boundaries,
    /// Outcomes at each of these looks.
    analysed: Vec<u32>,
    /// The current look, from 0.
    look: usize,
    remaining: RemainingLooks,
}

/// Looks that have taken place, the last being the current one.
#[derive(Debug, Clone)]
pub(super) struct LooksSoFar<'a> {
    /// Outcomes at each, increasing.
    pub analysed: &'a [u32],
    /// Position of each among the planned looks, increasing.
    pub positions: Vec<usize>,
}

/// Looks that follow the current one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum RemainingLooks {
    /// The later looks of the plan.
    AsPlanned,
    /// None: the current look is the last analysis of a trial that an earlier look stopped.
    None,
}

/// Reason why a trial cannot be monitored.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MonitorError {
    /// More looks than planned.
    #[error("there are {planned} looks, and this is number {given}")]
    NoSuchLook {
        /// The given number of looks.
        given: usize,
        /// Looks of the design.
        planned: usize,
    },
    /// Numbers of outcomes that do not increase from look to look.
    #[error(
        "look {look} has {analysed} outcomes; allowed: {}",
        match before {
            0 => "at least 1".to_owned(),
            before => format!("more than the {before} before it"),
        }
    )]
    NotIncreasing {
        /// Number of the look, from 1.
        look: usize,
        /// Outcomes at this look.
        analysed: u32,
        /// Outcomes at the look before.
        before: u32,
    },
    /// There are no boundaries at this information.
    #[error(transparent)]
    Boundaries(#[from] DesignError),
}

impl RunningTrial {
    /// Constructs a trial designed by `plan` whose looks so far had `analysed` outcomes.
    ///
    /// A spending function is evaluated at the observed information; Haybittle and Peto's interim
    /// bound is fixed; rules of Wang & Tsiatis spend at each look the α planned there (Slud & Wei
    /// 1982). The final look spends all α that is left, whatever its size. Planned looks with no
    /// more outcomes than the current one are left out.
    ///
    /// # Errors
    /// When looks do not fit the plan or have no boundaries.
    pub fn new(plan: &Plan, analysed: &[u32]) -> Result<Self, MonitorError> {
        Self::followed_by(RemainingLooks::AsPlanned, plan, analysed)
    }

    /// Constructs a trial that an interim look stopped, analysed again with the outcomes of the
    /// patients under treatment then (overrun): the last of `analysed`, after those at the looks.
    /// It spends all α that is left.
    ///
    /// # Errors
    /// When looks do not fit the plan or have no boundaries, and when the look that stopped the trial
    /// was the final one.
    pub fn after_overrun(plan: &Plan, analysed: &[u32]) -> Result<Self, MonitorError> {
        Self::followed_by(RemainingLooks::None, plan, analysed)
    }

    fn followed_by(
        remaining: RemainingLooks,
        plan: &Plan,
        analysed: &[u32],
    ) -> Result<Self, MonitorError> {
        let planned = plan.looks_analysed.len();
        let given = analysed.len();
        if given == 0 || given > planned {
            return Err(MonitorError::NoSuchLook { given, planned });
        }
        let mut before = 0;
        for (k, &analysed) in analysed.iter().enumerate() {
            if analysed <= before {
                return Err(MonitorError::NotIncreasing { look: k + 1, analysed, before });
            }
            before = analysed;
        }
        // Futility is fixed look by look: later information must not change the bounds that were in
        // force.
        let mut in_force = Vec::new();
        let beta_drift = plan.beta_drift()?;
        for now in 0..given - 1 {
            let looks = LooksSoFar { analysed: &analysed[..=now], positions: (0..=now).collect() };
            let earlier = Self::at(plan, looks, &in_force, RemainingLooks::AsPlanned, beta_drift)?;
            in_force.push(earlier.boundaries.futility[now]);
        }
        let positions = match remaining {
            RemainingLooks::AsPlanned => (0..given).collect(),
            // The analysis with the overrun is the final one, whichever look stopped the trial.
            RemainingLooks::None => (0..given - 1).chain([planned - 1]).collect(),
        };
        let looks = LooksSoFar { analysed, positions };
        Ok(Self::at(plan, looks, &in_force, remaining, beta_drift)?)
    }

    /// Constructs the trial at the last of these looks; `in_force` holds the futility bounds of the
    /// earlier ones, `beta_drift` is that of the plan.
    pub(super) fn at(
        plan: &Plan,
        looks: LooksSoFar<'_>,
        in_force: &[f64],
        remaining: RemainingLooks,
        beta_drift: Option<f64>,
    ) -> Result<Self, DesignError> {
        let LooksSoFar { analysed, mut positions } = looks;
        let (given, planned) = (analysed.len(), plan.looks_analysed.len());
        let look = given - 1;
        match remaining {
            RemainingLooks::AsPlanned => positions.extend(
                (positions[look] + 1..planned).filter(|&k| plan.looks_analysed[k] > analysed[look]),
            ),
            RemainingLooks::None => {}
        }
        let mut sizes = analysed.to_vec();
        sizes.extend(positions[given..].iter().map(|&k| plan.looks_analysed[k]));
        let fractions = plan.fractions(&sizes);
        let mut rules = rules_at(plan, &positions, &fractions)?;
        if rules.futility != FutilityRule::None {
            let mut bounds = futility_at(beta_drift, &rules, &fractions)?;
            bounds[..look].copy_from_slice(in_force);
            rules.futility = fixed_futility(&bounds);
        }
        let boundaries = Boundaries::new(&rules, &fractions)?;
        Ok(Self {
            plan: plan.clone(),
            positions,
            rules,
            boundaries,
            analysed: sizes,
            look,
            remaining,
        })
    }

    /// Returns the boundaries of all looks: past, current and later.
    pub fn boundaries(&self) -> &Boundaries {
        &self.boundaries
    }

    /// Returns the outcomes at each of these looks.
    pub fn analysed(&self) -> &[u32] {
        &self.analysed
    }

    /// Returns the number of each of these looks in the plan, from 1: planned looks that the trial
    /// has overtaken are missing.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        self.positions.iter().map(|position| position + 1)
    }

    /// Returns the current look, from 0.
    pub fn look(&self) -> usize {
        self.look
    }

    /// Returns whether no look follows.
    pub fn is_final(&self) -> bool {
        self.look + 1 == self.analysed.len()
    }

    /// Returns the outcomes at the current look over those planned for the final look.
    pub fn information(&self) -> f64 {
        self.boundaries.information_fractions[self.look]
    }

    /// Returns the one-sided error rate of the design.
    pub fn alpha_one_sided(&self) -> f64 {
        self.plan.rules.alpha_one_sided
    }

    /// Returns the confidence level that corresponds to the design's test: 1 − 2α.
    pub fn level(&self) -> f64 {
        1.0 - 2.0 * self.alpha_one_sided()
    }

    /// Returns the decision when Z is `z`.
    pub fn decide(&self, z: f64) -> Decision {
        self.boundaries.decide(self.look, z)
    }

    /// Computes the efficacy bound of this look for the design with another one-sided α; `None` if
    /// that design does not exist.
    pub fn repeated_bound(&self, alpha_one_sided: f64) -> Option<f64> {
        let rules = Rules {
            alpha_one_sided,
            // Without futility, intervals are valid whether or not futility is heeded.
            futility: FutilityRule::None,
            binding_futility: false,
            ..self.plan.rules.clone()
        };
        let plan = Plan { rules, looks_analysed: self.plan.looks_analysed.clone() };
        let fractions = &self.boundaries.information_fractions;
        let rules = rules_at(&plan, &self.positions, fractions).ok()?;
        Some(Boundaries::new(&rules, fractions).ok()?.efficacy[self.look])
    }

    /// Computes the median-unbiased estimate and limits of level 1 − 2α of the mean of Z at the
    /// maximum, if the trial ends here with an estimate that is `z` standard errors from no effect.
    ///
    /// Futility is taken to have been heeded at the looks before.
    pub fn drift_estimate(&self, z: f64) -> StagewiseEstimate {
        self.in_order(&self.boundaries.lower(), |looks, last| {
            looks.stagewise_estimate(last, z, self.level())
        })
    }

    /// Evaluates `ask` on the looks in the stage-wise ordering, of which trials leave below at
    /// `leaving`, and the position of the last of them.
    fn in_order<T>(&self, leaving: &[f64], ask: impl FnOnce(&Monitored, usize) -> T) -> T {
        let before = match self.remaining {
            RemainingLooks::AsPlanned => self.look,
            // The look that stopped the trial is left out, as the analysis with all patients takes
            // its place (the deletion method: Sooriyarachchi, Whitehead, Matsushita, Bolland &
            // Whitehead 2003, Biometrics 59:701).
            RemainingLooks::None => self.look - 1,
        };
        let ordered: Vec<usize> = (0..before).chain([self.look]).collect();
        let information = selected(&self.boundaries.information_fractions, &ordered);
        let efficacy = selected(&self.boundaries.efficacy, &ordered);
        let leaving = selected(leaving, &ordered);
        ask(&Monitored::new(&information, &leaving, &efficacy), before)
    }
}

fn selected(values: &[f64], looks: &[usize]) -> Vec<f64> {
    looks.iter().map(|&k| values[k]).collect()
}

/// Returns the plan's rules for looks at other information: the error they spend, and the tests
/// they have.
fn rules_at(plan: &Plan, positions: &[usize], fractions: &[f64]) -> Result<Rules, DesignError> {
    let rules = &plan.rules;
    let planned = plan.fractions(&plan.looks_analysed);
    // The trial is as planned to the bit, so its boundaries must be too.
    if planned == fractions {
        return Ok(rules.clone());
    }
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
                // A look that takes the place of the final one has no planned bound.
                interims.iter().map(|&k| bounds.get(k).copied().flatten()).collect(),
            ),
            it @ (FutilityRule::None
            | FutilityRule::ConditionalPower { .. }
            | FutilityRule::PredictivePower { .. }
            | FutilityRule::BetaSpending { .. }) => it.clone(),
        },
        untested: Untested {
            efficacy: untested_at(&rules.untested.efficacy, positions),
            futility: untested_at(&rules.untested.futility, positions),
            harm: untested_at(&rules.untested.harm, positions),
        },
        ..rules.clone()
    })
}

/// Returns the looks, among those at the given positions of the plan, that are `untested` there.
fn untested_at(untested: &[usize], positions: &[usize]) -> Vec<usize> {
    (0..positions.len()).filter(|&k| untested.contains(&positions[k])).collect()
}

/// Computes futility bounds of all looks by the plan's rule at the observed information; β is spent
/// under `beta_drift`, that of the plan.
fn futility_at(
    beta_drift: Option<f64>,
    rules: &Rules,
    fractions: &[f64],
) -> Result<Vec<f64>, DesignError> {
    match beta_drift {
        Some(drift) => rules.futility_under(drift, fractions),
        None => Ok(Boundaries::new(rules, fractions)?.futility),
    }
}

/// Returns the rule that has these bounds at the interim looks.
fn fixed_futility(bounds: &[f64]) -> FutilityRule {
    let interims = &bounds[..bounds.len() - 1];
    FutilityRule::Z(interims.iter().map(|&z| (z > f64::NEG_INFINITY).then_some(z)).collect())
}

/// Returns a spending function that spends at each look the α planned there.
fn as_planned(
    rules: &Rules,
    spent: &[f64],
    positions: &[usize],
    fractions: &[f64],
) -> SpendingFunction {
    let looks = positions.iter().zip(fractions);
    let points = looks.map(|(&k, &fraction)| StatedSpending {
        fraction,
        share: spent[k] / rules.alpha_one_sided,
    });
    SpendingFunction::Stated(points.collect())
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

        /// The looks together spend exactly α, whatever the observed information.
        #[test]
        fn looks_at_any_information_keep_alpha(
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

        /// The bounds in force at each look, as computed at that look, keep α when futility is
        /// relied on and heeded.
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

        #[test]
        fn looks_at_the_planned_information_have_the_planned_boundaries(rule in any_rule(), looks in 1usize..=3) {
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
    fn looks_that_do_not_fit_the_plan_are_refused() {
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
