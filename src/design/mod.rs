//! Group-sequential designs: when to look, and what Z stops the trial.
//!
//! Pure mathematics on the Z scale: no randomness, no files. Signs: a large Z favours the
//! experimental arm; α is one-sided throughout.

pub mod efficacy;
pub mod futility;
pub mod inference;
pub mod power;
pub mod recursion;
pub mod spending;

use std::sync::atomic::{AtomicU64, Ordering};

pub use efficacy::EfficacyRule;
pub use futility::FutilityRule;
pub use spending::SpendingFunction;

use recursion::{Continuation, CrossingProbabilities};

/// The most looks a design may have.
pub const MAX_LOOKS: usize = 20;

/// What is chosen when a trial is designed.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One-sided error rate, in (0, 0.5).
    pub alpha_one_sided: f64,
    /// Outcomes known at each look, strictly increasing; the last is the maximum information.
    pub looks_analysed: Vec<u32>,
    /// Boundary for efficacy.
    pub efficacy: EfficacyRule,
    /// Boundary for futility; if given as Z, one value per interim look.
    pub futility: FutilityRule,
}

/// One planned look.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Outcomes known when the look happens.
    pub analysed: u32,
    /// `analysed` over the maximum.
    pub information_fraction: f64,
    /// Stop for efficacy when Z is at or above this; +∞ when the look cannot.
    pub efficacy: f64,
    /// Stop for futility when Z is at or below this; −∞ when the look cannot.
    pub futility: f64,
    /// One-sided α spent up to and including this look.
    pub alpha_spent: f64,
}

/// What an interim look says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Continue,
    /// Stop: the efficacy boundary is reached.
    Efficacy,
    /// Stop: the futility boundary is reached.
    Futility,
}

/// A resolved design: its looks, and critical values for a final look of any size.
#[derive(Debug)]
pub struct Design {
    plan: Plan,
    looks: Vec<Look>,
    /// Entry j serves a final look that follows j interim looks.
    finals: Vec<FinalLook>,
}

/// The final look after a given number of interims, whose size is known only when it happens.
#[derive(Debug)]
struct FinalLook {
    state: Continuation,
    alpha_left: f64,
    /// Outcomes at the last of these interims.
    analysed_before: u32,
    /// Critical values (as bits) by number of outcomes beyond `analysed_before`, NaN until asked
    /// for. Threads that find one at the same time find the same.
    by_analysed: Vec<AtomicU64>,
}

/// β-spending cannot reach the wanted power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no drift gives this power with these efficacy bounds and looks")]
pub struct UnreachablePower;

impl Design {
    /// Finds the boundaries. `most_analysed` is the largest number of outcomes a final look can
    /// have (all randomised patients).
    ///
    /// # Errors
    /// When β-spending futility has no solution.
    pub fn new(plan: Plan, most_analysed: u32) -> Result<Self, UnreachablePower> {
        let alpha = plan.alpha_one_sided;
        let maximum = *plan.looks_analysed.last().expect("a plan has at least one look");
        let fraction = |analysed: u32| f64::from(analysed) / f64::from(maximum);
        let fractions: Vec<f64> = plan.looks_analysed.iter().map(|&n| fraction(n)).collect();
        let efficacy = plan.efficacy.critical_values(alpha, &fractions);
        let futility = plan.futility.bounds(&fractions, &efficacy).ok_or(UnreachablePower)?;

        let spent = plan.efficacy.alpha_spent(alpha, &fractions, &efficacy);

        let one_patient = fraction(1);
        let mut state = Continuation::start();
        let mut finals = vec![FinalLook::new(state.clone(), alpha, 0, most_analysed)];
        for k in 0..fractions.len() - 1 {
            let continues = (f64::NEG_INFINITY, efficacy[k]);
            state = state.advance(fractions[k], 0.0, continues, one_patient);
            let left = alpha - spent[k];
            finals.push(FinalLook::new(state.clone(), left, plan.looks_analysed[k], most_analysed));
        }
        let looks = (0..fractions.len())
            .map(|k| Look {
                analysed: plan.looks_analysed[k],
                information_fraction: fractions[k],
                efficacy: efficacy[k],
                futility: futility.get(k).copied().unwrap_or(f64::NEG_INFINITY),
                alpha_spent: spent[k],
            })
            .collect();
        Ok(Self { plan, looks, finals })
    }

    /// The planned looks, the last being the final one.
    pub fn looks(&self) -> &[Look] {
        &self.looks
    }

    /// The planned looks without the final one.
    pub fn interims(&self) -> &[Look] {
        &self.looks[..self.looks.len() - 1]
    }

    /// The maximum information: outcomes planned at the final look.
    pub fn maximum_analysed(&self) -> u32 {
        self.looks[self.looks.len() - 1].analysed
    }

    /// What was chosen.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What interim look `k` (from 0) says when Z is `z`.
    pub fn decide(&self, k: usize, z: f64) -> Decision {
        let look = &self.looks[k];
        if z >= look.efficacy {
            Decision::Efficacy
        } else if z <= look.futility {
            Decision::Futility
        } else {
            Decision::Continue
        }
    }

    /// The critical value of a final look on `analysed` outcomes after `interims` looks that
    /// happened as planned: it spends all the α that is left, with the correlation of the numbers
    /// that really came. `analysed` must exceed the last interim's.
    pub fn final_critical(&self, interims: usize, analysed: u32) -> f64 {
        let last = &self.finals[interims];
        let cached = &last.by_analysed[(analysed - last.analysed_before) as usize];
        let known = f64::from_bits(cached.load(Ordering::Relaxed));
        if !known.is_nan() {
            return known;
        }
        let information = f64::from(analysed) / f64::from(self.maximum_analysed());
        let critical = efficacy::critical_value(&last.state, information, last.alpha_left);
        cached.store(critical.to_bits(), Ordering::Relaxed);
        critical
    }

    /// Stopping probabilities per planned look by the normal approximation, when the final look
    /// has `final_analysed` outcomes and the interims below that number happen. `drift` is the mean of Z at the maximum information.
    pub fn crossing_probabilities(&self, drift: f64, final_analysed: u32) -> CrossingProbabilities {
        let (mut information, mut lower, mut upper) = (Vec::new(), Vec::new(), Vec::new());
        for look in self.interims().iter().filter(|look| look.analysed < final_analysed) {
            information.push(look.information_fraction);
            lower.push(look.futility);
            upper.push(look.efficacy);
        }
        let interims = information.len();
        upper.push(self.final_critical(interims, final_analysed));
        lower.push(f64::NEG_INFINITY);
        information.push(f64::from(final_analysed) / f64::from(self.maximum_analysed()));
        let mut out = CrossingProbabilities::new(&information, drift, &lower, &upper);
        // Interims that are left out stop nothing; the final look keeps its planned place.
        let left_out = std::iter::repeat_n(0.0, self.interims().len() - interims);
        out.upper.splice(interims..interims, left_out.clone());
        out.lower.splice(interims..interims, left_out);
        out
    }
}

impl FinalLook {
    fn new(state: Continuation, alpha_left: f64, analysed_before: u32, most_analysed: u32) -> Self {
        let unknown = || AtomicU64::new(f64::NAN.to_bits());
        let by_analysed = (analysed_before..=most_analysed).map(|_| unknown()).collect();
        Self { state, alpha_left, analysed_before, by_analysed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(looks: &[u32], efficacy: EfficacyRule) -> Plan {
        Plan {
            alpha_one_sided: 0.025,
            looks_analysed: looks.to_vec(),
            efficacy,
            futility: FutilityRule::None,
        }
    }

    fn protocol() -> Design {
        let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        Design::new(plan(&[104, 208, 312], rule), 348).expect("no futility to fail")
    }

    #[test]
    fn final_look_of_the_planned_size_has_the_planned_bound() {
        let design = protocol();
        let planned = design.looks()[2].efficacy;
        assert!((design.final_critical(2, 312) - planned).abs() < 1e-9);
        assert!((design.looks()[1].alpha_spent - 0.00604838912990766).abs() < 1e-10);
        assert!((design.looks()[2].alpha_spent - 0.025).abs() < 1e-15);
    }

    #[test]
    fn interim_at_the_bound_stops_and_just_below_goes_on() {
        let design = protocol();
        let bound = design.looks()[0].efficacy;
        assert_eq!(design.decide(0, bound), Decision::Efficacy);
        assert_eq!(design.decide(0, bound.next_down()), Decision::Continue);
        assert_eq!(design.decide(0, -9.0), Decision::Continue);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Whatever the final look's size, rejection under the null is exactly α.
        #[test]
        fn any_final_count_keeps_alpha(
            final_analysed in 209u32..=348,
            pocock in any::<bool>(),
        ) {
            let rule = if pocock { EfficacyRule::Pocock } else {
                EfficacyRule::Spending(SpendingFunction::HwangShihDeCani { gamma: -2.0 })
            };
            let design = Design::new(plan(&[104, 208, 312], rule), 348).expect("no futility");
            let total = design.crossing_probabilities(0.0, final_analysed).total_upper();
            prop_assert!((total - 0.025).abs() < 1e-8, "{}", total);
        }
    }

    /// Looks one patient apart in a large trial: the spent α is that of the function, and the
    /// bounds give it back.
    #[test]
    fn close_looks_in_a_large_trial_keep_alpha() {
        for looks in [[5_000, 9_998, 9_999, 10_000], [50_000, 99_998, 99_999, 100_000]] {
            let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsPocock);
            let design = Design::new(plan(&looks, rule), looks[3]).expect("no futility to fail");
            let crossing = design.crossing_probabilities(0.0, looks[3]);
            let mut so_far = 0.0;
            for (look, crossed) in design.looks().iter().zip(&crossing.upper) {
                so_far += crossed;
                assert!((so_far - look.alpha_spent).abs() < 1e-9, "{so_far} {look:?}");
            }
        }
    }

    #[test]
    fn one_look_is_the_fixed_test() {
        for rule in [EfficacyRule::FinalOnly, EfficacyRule::Pocock, EfficacyRule::ObrienFleming] {
            let design = Design::new(plan(&[312], rule), 348).expect("no futility");
            assert!((design.looks()[0].efficacy - 1.959963984540054).abs() < 1e-9, "{rule:?}");
            assert!((design.final_critical(0, 290) - 1.959963984540054).abs() < 1e-9);
        }
    }
}
