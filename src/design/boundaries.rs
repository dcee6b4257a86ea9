//! Boundaries on information fractions, and what follows from them: stopping probabilities, the
//! drift that reaches a power, and the cost in information.

use super::Decision;
use super::recursion::{CrossingProbabilities, Monitored, below};
use super::rules::{DesignError, Rules};
use crate::num::normal::upper_quantile;
use crate::num::root::brent;

/// Z bounds per look.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundaries {
    /// Information at each look, increasing to the maximum of 1.
    pub information_fractions: Vec<f64>,
    /// Efficacy is concluded if Z is at or above this; +∞ at a look without the test.
    pub efficacy: Vec<f64>,
    /// Futility is concluded if Z is at or below this; −∞ at a look without the test, and at the
    /// last.
    pub futility: Vec<f64>,
    /// Harm is concluded if Z is at or below this; −∞ at a look without the test.
    pub harm: Vec<f64>,
    /// One-sided α spent up to and including each look.
    pub alpha_spent: Vec<f64>,
    /// Harm bounds before they are capped by futility bounds; harm spends its own error by these.
    pub(super) harm_spending: Vec<f64>,
}

/// Probabilities of stopping at each look; the other trials continue to the end without a
/// conclusion.
#[derive(Debug, Clone, PartialEq)]
pub struct StoppingProbabilities {
    /// P(stop for efficacy); at the last look, P(efficacy is concluded).
    pub efficacy: Vec<f64>,
    /// P(stop for futility, without harm); 0 at the last look.
    pub futility: Vec<f64>,
    /// P(stop for harm); at the last look, P(harm is concluded).
    pub harm: Vec<f64>,
}

impl StoppingProbabilities {
    /// Returns P(efficacy at any look).
    pub fn rejection(&self) -> f64 {
        self.efficacy.iter().sum()
    }

    /// Returns P(the trial ends) at each look.
    pub fn ending(&self) -> Vec<f64> {
        let last = self.efficacy.len() - 1;
        let mut ending: Vec<f64> =
            (0..last).map(|k| self.efficacy[k] + self.futility[k] + self.harm[k]).collect();
        // All that are left end at the last look, with a conclusion or without.
        ending.push(1.0 - ending.iter().sum::<f64>());
        ending
    }

    /// Returns the mean, when the trial ends, of a quantity with the given value at each look.
    pub fn expected(&self, at_looks: &[f64]) -> f64 {
        self.ending().iter().zip(at_looks).map(|(p, value)| p * value).sum()
    }

    /// Returns the smallest of the numbers at the looks, which increase, that the number when the trial
    /// ends does not exceed with a probability of at least `p`.
    pub fn quantile(&self, at_looks: &[u32], p: f64) -> u32 {
        let mut reached = 0.0;
        let looks = self.ending().into_iter().zip(at_looks);
        let mut at_or_after = looks.filter_map(|(ending, &number)| {
            reached += ending;
            (reached >= p).then_some(number)
        });
        // Rounding may leave the sum just below 1.
        at_or_after.next().unwrap_or(at_looks[at_looks.len() - 1])
    }
}

impl Boundaries {
    /// Finds the boundaries at `information_fractions`, increasing, to 1 unless the last look has
    /// other than the planned information.
    ///
    /// # Errors
    /// When the rules have no solution there.
    pub fn new(rules: &Rules, information_fractions: &[f64]) -> Result<Self, DesignError> {
        let bounds = rules.bounds(information_fractions)?;
        for (k, (&futility, &efficacy)) in bounds.futility.iter().zip(&bounds.efficacy).enumerate()
        {
            if futility >= efficacy {
                return Err(DesignError::NoRoom { look: k + 1, futility, efficacy });
            }
        }
        let alpha_spent = rules.alpha_spent(information_fractions, &bounds);
        let efficacy = bounds.efficacy;
        let futility = [bounds.futility, vec![f64::NEG_INFINITY]].concat();
        let harm_spending =
            rules.harm.bounds(information_fractions, &efficacy, &rules.untested.harm);
        Ok(Self {
            information_fractions: information_fractions.to_vec(),
            harm: capped(&harm_spending, &futility),
            efficacy,
            futility,
            alpha_spent,
            harm_spending,
        })
    }

    /// Returns the looks with trials leaving below at `lower`, one Z per look.
    pub fn with_lower<'b>(&'b self, lower: &'b [f64]) -> Monitored<'b> {
        Monitored::new(&self.information_fractions, lower, &self.efficacy)
    }

    /// Returns the decision of look `k` (from 0) when Z is `z`.
    pub fn decide(&self, k: usize, z: f64) -> Decision {
        // Harm bounds are nowhere above futility bounds, so harm is asked first.
        if z >= self.efficacy[k] {
            Decision::Efficacy
        } else if z <= self.harm[k] {
            Decision::Harm
        } else if z <= self.futility[k] {
            Decision::Futility
        } else {
            Decision::Continue
        }
    }

    /// Returns the Z at or below which trials stop at each look, for futility or for harm.
    pub fn lower(&self) -> Vec<f64> {
        self.futility.iter().zip(&self.harm).map(|(futility, harm)| futility.max(*harm)).collect()
    }

    /// Computes stopping probabilities when the mean of Z at the maximum information is `drift`.
    pub fn stopping(&self, drift: f64) -> StoppingProbabilities {
        let lower = self.lower();
        let looks = Monitored {
            information: &self.information_fractions,
            lower: &lower,
            efficacy: &self.efficacy,
        };
        stopping(&looks, &self.harm, drift)
    }

    /// Solves for the drift at which P(efficacy) is `power`, with futility and harm heeded; `None`
    /// if no drift up to 40 has it.
    pub fn drift_for_power(&self, power: f64) -> Option<f64> {
        // A power below the error rate has a negative drift.
        brent(|drift| self.stopping(drift).rejection() - power, -10.0, 40.0)
    }

    /// Returns the maximum information over that of the test with one look and the same error rate
    /// and power; `None` if no drift has this power.
    pub fn inflation_factor(&self, alpha_one_sided: f64, power: f64) -> Option<f64> {
        let fixed = upper_quantile(alpha_one_sided) + upper_quantile(1.0 - power);
        // The drift grows with the root of the information.
        let ratio = self.drift_for_power(power)? / fixed;
        Some(ratio * ratio)
    }

    /// Returns the same efficacy and harm boundaries without stops for futility.
    #[must_use]
    pub fn without_futility(&self) -> Self {
        let futility = vec![f64::NEG_INFINITY; self.futility.len()];
        Self { futility, harm: self.harm_spending.clone(), ..self.clone() }
    }

    /// Returns the mean information when the trial ends, over the maximum.
    pub fn expected_information(&self, drift: f64) -> f64 {
        self.stopping(drift).expected(&self.information_fractions)
    }
}

/// Returns harm bounds that are nowhere above a futility bound.
fn capped(harm: &[f64], futility: &[f64]) -> Vec<f64> {
    let pairs = harm.iter().zip(futility);
    pairs
        // A futility bound of −∞ is none.
        .map(|(&harm, &futility)| if futility.is_finite() { harm.min(futility) } else { harm })
        .collect()
}

/// Computes stopping probabilities of `looks` under drift `theta`; trials that leave below at or
/// under `harm`, which is nowhere above the lower bound, stop for harm.
pub(super) fn stopping(looks: &Monitored, harm: &[f64], theta: f64) -> StoppingProbabilities {
    let all = CrossingProbabilities::new(looks.information, theta, looks.lower, looks.efficacy);
    // Most designs do not test harm, and the recursion costs as much as that of all bounds.
    let harm = match harm.iter().all(|z| *z == f64::NEG_INFINITY) {
        true => vec![0.0; harm.len()],
        false => below(looks, theta, harm),
    };
    let futility = all.lower.iter().zip(&harm).map(|(lower, harm)| lower - harm).collect();
    StoppingProbabilities { efficacy: all.upper, futility, harm }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::inference::{AssumedDrift, DriftPrior};
    use crate::design::{
        ConditionalOn, EfficacyRule, FutilityRule, HarmRule, SpendingFunction, TwoSidedSpending,
    };
    use proptest::prelude::*;

    fn spending() -> impl Strategy<Value = SpendingFunction> {
        prop_oneof![
            Just(SpendingFunction::LanDeMetsObrienFleming),
            Just(SpendingFunction::LanDeMetsPocock),
            (-6.0..2.0).prop_map(|gamma| SpendingFunction::HwangShihDeCani { gamma }),
            (0.5..4.0).prop_map(|rho| SpendingFunction::KimDeMets { rho }),
        ]
    }

    fn efficacy() -> impl Strategy<Value = EfficacyRule> {
        prop_oneof![
            spending().prop_map(EfficacyRule::Spending),
            (0.0..0.5).prop_map(|delta| EfficacyRule::WangTsiatis { delta }),
            (2.9..4.0).prop_map(|interim_z| EfficacyRule::HaybittlePeto { interim_z }),
            Just(EfficacyRule::FinalOnly),
        ]
    }

    /// Two to six looks anywhere.
    fn fractions() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(0.05..1.0f64, 2..=6).prop_map(|steps| {
            let total: f64 = steps.iter().sum();
            let mut so_far = 0.0;
            let mut cumulative: Vec<f64> = steps
                .iter()
                .map(|step| {
                    so_far += step / total;
                    so_far
                })
                .collect();
            *cumulative.last_mut().expect("two at least") = 1.0;
            cumulative
        })
    }

    fn total(probabilities: &[f64]) -> f64 {
        probabilities.iter().sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// With any rule and information, P(rejection | no effect) is α.
        #[test]
        fn boundaries_reject_with_probability_alpha(
            rule in efficacy(), t in fractions(), alpha in 0.01..0.1f64, skipped in 0usize..3,
        ) {
            let mut rules = Rules::efficacy_only(alpha, rule);
            rules.untested.efficacy = vec![skipped];
            let found = Boundaries::new(&rules, &t);
            prop_assume!(found != Err(DesignError::NoEfficacyBoundary));
            let found = found.expect("no futility to fail");
            prop_assert!((found.stopping(0.0).rejection() - alpha).abs() < 1e-9);
            if skipped + 1 < t.len() {
                prop_assert_eq!(found.efficacy[skipped], f64::INFINITY);
            }
            let two_sided = Rules {
                harm: HarmRule::Symmetric { spending: TwoSidedSpending::PerSide }, ..rules
            };
            let found = Boundaries::new(&two_sided, &t).expect("one side was solvable");
            let stopping = found.stopping(0.0);
            prop_assert!((stopping.rejection() - alpha).abs() < 1e-9);
            prop_assert!((total(&stopping.harm) - alpha).abs() < 1e-9);
        }

        /// Binding futility keeps α and reaches the wanted power when heeded; non-binding futility
        /// keeps α when disregarded. Harm spends its own error.
        #[test]
        fn futility_and_harm_spend_what_they_should(
            rule in spending(), beta in spending(), harm in spending(), t in fractions(),
            power in 0.6..0.95f64, binding in any::<bool>(),
        ) {
            let rules = Rules {
                futility: FutilityRule::BetaSpending { function: beta, power },
                binding_futility: binding,
                harm: HarmRule::Spending { function: harm, alpha_one_sided: 0.04 },
                ..Rules::efficacy_only(0.025, EfficacyRule::Spending(rule))
            };
            let found = Boundaries::new(&rules, &t).expect("solvable");
            let heeded = found.stopping(0.0).rejection();
            let disregarded = Boundaries {
                futility: vec![f64::NEG_INFINITY; t.len()],
                harm: vec![f64::NEG_INFINITY; t.len()],
                ..found.clone()
            };
            let without = disregarded.stopping(0.0).rejection();
            if binding {
                let no_harm = Boundaries { harm: disregarded.harm.clone(), ..found.clone() };
                prop_assert!((no_harm.stopping(0.0).rejection() - 0.025).abs() < 1e-9);
                prop_assert!(without >= 0.025 - 1e-9);
            } else {
                prop_assert!((without - 0.025).abs() < 1e-9);
                prop_assert!(heeded <= 0.025 + 1e-9);
            }
            let drift = found.drift_for_power(power).expect("it is built for it");
            let at_drift = found.stopping(drift);
            let ends = at_drift.ending();
            prop_assert!((total(&ends) - 1.0).abs() < 1e-12);
            prop_assert!(ends.iter().all(|p| (-1e-12..=1.0).contains(p)));
            prop_assert!((at_drift.rejection() - power).abs() < 1e-9);
            // Without futility in the way, harm spends its error, or less where the futility bound
            // is lower still.
            let harm_alone = Boundaries { futility: disregarded.futility.clone(), ..found.clone() };
            prop_assert!(total(&harm_alone.stopping(0.0).harm) <= 0.04 + 1e-9);
            prop_assert!(found.harm.iter().zip(&found.futility)
                .all(|(harm, futility)| *futility == f64::NEG_INFINITY || harm <= futility));
        }

        #[test]
        fn any_binding_futility_keeps_alpha_when_heeded(
            rule in efficacy(), t in fractions(), z in -1.0..1.0f64, chance in 0.02..0.3f64,
            kind in 0usize..4, power in 0.6..0.9f64,
        ) {
            let on = ConditionalOn::Trend;
            let rules = Rules {
                futility: match kind {
                    0 => FutilityRule::Z(vec![Some(z); t.len() - 1]),
                    1 => FutilityRule::ConditionalPower { at_most: chance, on },
                    2 => FutilityRule::PredictivePower { at_most: chance },
                    _ => FutilityRule::BetaSpending {
                        function: SpendingFunction::LanDeMetsPocock, power,
                    },
                },
                binding_futility: true,
                ..Rules::efficacy_only(0.025, rule)
            };
            let found = Boundaries::new(&rules, &t);
            prop_assume!(found.is_ok());
            let found = found.expect("assumed");
            prop_assert!((found.stopping(0.0).rejection() - 0.025).abs() < 1e-9);
        }

        /// Power grows with the effect, and so with the size.
        #[test]
        fn power_is_monotone_in_drift(rule in efficacy(), t in fractions()) {
            let found = Boundaries::new(&Rules::efficacy_only(0.025, rule), &t);
            prop_assume!(found.is_ok());
            let found = found.expect("assumed");
            let powers: Vec<f64> =
                (-4..=20).map(|i| found.stopping(0.3 * f64::from(i)).rejection()).collect();
            prop_assert!(powers.is_sorted(), "{powers:?}");
        }

        #[test]
        fn one_look_has_the_bound_and_information_of_the_fixed_design(rule in efficacy(), alpha in 0.001..0.2f64, power in 0.3..0.99f64) {
            prop_assume!(power > alpha);
            let found = Boundaries::new(&Rules::efficacy_only(alpha, rule), &[1.0]).expect("one");
            prop_assert!((found.efficacy[0] - upper_quantile(alpha)).abs() < 1e-10);
            let inflation = found.inflation_factor(alpha, power).expect("reachable");
            prop_assert!((inflation - 1.0).abs() < 1e-9);
        }
    }

    fn kim_demets(rho: f64) -> EfficacyRule {
        EfficacyRule::Spending(SpendingFunction::KimDeMets { rho })
    }

    fn trend(at_most: f64) -> FutilityRule {
        FutilityRule::ConditionalPower { at_most, on: ConditionalOn::Trend }
    }

    fn predictive(at_most: f64) -> FutilityRule {
        FutilityRule::PredictivePower { at_most }
    }

    /// Binding futility by power, with designs at which alternating between the two boundaries
    /// diverges or takes hundreds of rounds: the recursion gives α, and the power at every futility
    /// bound, followed forward to the looks after it, is the one that was asked for.
    #[test]
    fn binding_futility_is_found_for_designs_at_which_alternation_diverges() {
        let looks = [
            15, 49, 59, 83, 95, 98, 104, 105, 110, 113, 121, 125, 126, 138, 139, 148, 165, 174,
            178, 190,
        ];
        let uneven: Vec<f64> = looks.iter().map(|&n| f64::from(n) / 190.0).collect();
        let even: Vec<f64> = (1..=20).map(|k| f64::from(k) / 20.0).collect();
        let obrien_fleming = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        let cases = [
            (0.4999, kim_demets(0.212_146_985_281_998), trend(0.2), &uneven),
            (0.025, obrien_fleming.clone(), predictive(0.2), &even),
            (0.025, obrien_fleming, trend(0.2), &even),
            (0.025, EfficacyRule::OBRIEN_FLEMING, trend(0.2), &even),
            (0.27, kim_demets(2.4), predictive(0.7), &vec![0.2, 0.3, 0.5, 0.55, 0.8, 1.0]),
        ];
        for (alpha, efficacy, futility, t) in cases {
            let rules =
                Rules { futility, binding_futility: true, ..Rules::efficacy_only(alpha, efficacy) };
            let found = Boundaries::new(&rules, t).expect("there is one");
            let rejection = found.stopping(0.0).rejection();
            assert!((rejection - alpha).abs() < 1e-9, "{rules:?}: {rejection}");
            let no_lower = vec![f64::NEG_INFINITY; t.len()];
            let monitored = found.with_lower(&no_lower);
            for (k, &z) in found.futility[..t.len() - 1].iter().enumerate() {
                let (power, wanted) = match &rules.futility {
                    FutilityRule::PredictivePower { at_most } => {
                        (monitored.predictive_power(k, z, DriftPrior::Flat), *at_most)
                    }
                    FutilityRule::ConditionalPower { at_most, .. } => {
                        let drift = AssumedDrift::CurrentTrend;
                        (monitored.conditional_power(k, z, drift), *at_most)
                    }
                    FutilityRule::None | FutilityRule::Z(_) | FutilityRule::BetaSpending { .. } => {
                        continue;
                    }
                };
                assert!((power - wanted).abs() < 1e-8, "{rules:?}: {power} at look {}", k + 1);
            }
        }
    }

    /// Futility at the level of efficacy leaves P(Z ≥ 1.96) = α to the last look, which would have
    /// to reject at any Z: no boundary exists, whatever the rounding errors.
    #[test]
    fn binding_futility_that_leaves_only_alpha_has_no_boundary() {
        let never_early = EfficacyRule::HaybittlePeto { interim_z: 30.0 };
        for efficacy in [EfficacyRule::FinalOnly, never_early] {
            let rules = Rules {
                futility: FutilityRule::Z(vec![None, Some(upper_quantile(0.025))]),
                binding_futility: true,
                ..Rules::efficacy_only(0.025, efficacy)
            };
            let t = [1.0 / 3.0, 2.0 / 3.0, 1.0];
            assert_eq!(Boundaries::new(&rules, &t), Err(DesignError::Unsettled));
        }
    }

    #[test]
    fn harm_alone_spends_all_of_its_error_under_no_effect() {
        let function = SpendingFunction::LanDeMetsPocock;
        let rules = Rules {
            harm: HarmRule::Spending { function, alpha_one_sided: 0.1 },
            ..Rules::efficacy_only(
                0.0125,
                EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming),
            )
        };
        let found = Boundaries::new(&rules, &[0.2, 0.4, 0.6, 0.8, 1.0]).expect("solvable");
        assert!((total(&found.stopping(0.0).harm) - 0.1).abs() < 1e-10);
    }

    #[test]
    fn quantiles_are_numbers_of_looks_that_leave_no_more_than_the_rest_above() {
        let stopping = StoppingProbabilities {
            efficacy: vec![0.25, 0.25, 0.25],
            futility: vec![0.125, 0.0, 0.0],
            harm: vec![0.0, 0.125, 0.0],
        };
        let at = |p| stopping.quantile(&[104, 208, 312], p);
        assert_eq!(
            [0.1, 0.375, 0.5, 0.75, 0.76, 0.9, 1.0].map(at),
            [104, 104, 208, 208, 312, 312, 312]
        );
    }
}
