//! Group-sequential designs: when to look, and what Z stops the trial.
//!
//! Pure mathematics on the Z scale: no randomness, no files. Signs: a large Z favours the
//! experimental arm; α is one-sided throughout.

pub mod boundaries;
pub mod characteristics;
mod common_rate;
pub mod comparison;
pub mod efficacy;
pub mod exact;
pub mod futility;
pub mod harm;
pub mod inference;
pub mod monitor;
pub mod recursion;
pub mod safety;
pub mod sample_size;
pub mod spending;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

pub use boundaries::{Boundaries, DesignError, Rules, StoppingProbabilities, Untested};
pub use efficacy::EfficacyRule;
pub use futility::{ConditionalOn, FutilityRule};
pub use harm::{HarmRule, TwoSidedSpending};
pub use spending::{SpendingFunction, StatedSpending};

use inference::{Estimate, Monitored, StagewiseTable};
use recursion::Continuation;

/// The most looks a design may have.
pub const MAX_LOOKS: usize = 20;

/// What is chosen when a trial is designed.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Outcomes known at each look, strictly increasing; the last is the maximum information.
    pub looks_analysed: Vec<u32>,
    /// Which boundaries, and how they are found.
    pub rules: Rules,
}

impl Plan {
    /// Outcomes planned at the final look.
    pub fn maximum_analysed(&self) -> u32 {
        *self.looks_analysed.last().expect("a plan has at least one look")
    }

    /// These numbers of outcomes over those planned at the final look.
    fn fractions(&self, analysed: &[u32]) -> Vec<f64> {
        let maximum = f64::from(self.maximum_analysed());
        analysed.iter().map(|&n| f64::from(n) / maximum).collect()
    }
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
    /// Stop for harm when Z is at or below this; −∞ when the look cannot.
    pub harm: f64,
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
    /// Stop: the futility boundary is reached, and not the harm boundary.
    Futility,
    /// Stop: the harm boundary is reached.
    Harm,
}

/// A resolved design: its looks, and critical values for a final look of any size.
#[derive(Debug)]
pub struct Design {
    plan: Plan,
    boundaries: Boundaries,
    looks: Vec<Look>,
    /// Entry j serves a final look that follows j interim looks.
    finals: Vec<FinalLook>,
}

/// The final look after a given number of interims, whose size is known only when it happens.
#[derive(Debug)]
struct FinalLook {
    efficacy: GoingOn,
    alpha_left: f64,
    /// Trials by the harm boundary's account, where it spends an error rate of its own, and what
    /// is left of that.
    harm: Option<(GoingOn, f64)>,
    /// Outcomes at the last of these interims.
    analysed_before: u32,
    /// The looks before it.
    interims: Vec<EarlierLook>,
    /// What follows from the number of outcomes, by their number beyond `analysed_before`.
    by_analysed: BySize,
}

/// Trials that go on after the interim looks before a final one.
#[derive(Debug)]
struct GoingOn {
    /// Dense enough for a final look one patient later.
    state: Continuation,
    /// Dense enough for the next planned look; `None` where the other is no denser. In a trial of a million
    /// patients that has a hundred times the nodes, which would be integrated over at every node of the
    /// next.
    to_next_look: Option<Continuation>,
}

/// The nodes up to which a state is used for all that follows.
const MOST_NODES: usize = 512;

impl GoingOn {
    fn start() -> Self {
        Self { state: Continuation::start(), to_next_look: None }
    }

    /// After one more look, at `information`, that stops outside `region`; the final look may come
    /// `one_patient` later, and the next planned look comes no less than `finest` later.
    fn after(&self, information: f64, region: (f64, f64), [one_patient, finest]: [f64; 2]) -> Self {
        let from = self.to_next_look.as_ref().unwrap_or(&self.state);
        let state = from.advance(information, 0.0, region, one_patient);
        let is_dense = state.nodes() > MOST_NODES && finest > one_patient;
        let to_next_look = is_dense.then(|| from.advance(information, 0.0, region, finest));
        Self { state, to_next_look }
    }
}

/// An interim look as the estimate of a later one sees it.
#[derive(Debug, Clone, Copy)]
struct EarlierLook {
    information: f64,
    efficacy: f64,
    /// Where trials are taken to leave below.
    leave_below: f64,
}

/// What is found when a final look of some size first asks for it. Threads that find one at the
/// same time find the same.
#[derive(Debug)]
struct Found {
    /// Critical values, as bits; NaN until asked for.
    efficacy: AtomicU64,
    harm: AtomicU64,
    stagewise: OnceLock<Box<StagewiseTable>>,
}

/// [`Found`] for every size, in chunks: of a million possible sizes a run meets a few dozen.
#[derive(Debug)]
struct BySize(Vec<OnceLock<Box<[Found]>>>);

impl BySize {
    const CHUNK: usize = 64;

    fn new(most: u32) -> Self {
        Self((0..=most as usize / Self::CHUNK).map(|_| OnceLock::new()).collect())
    }

    fn at(&self, size: u32) -> &Found {
        let size = size as usize;
        let unknown = || AtomicU64::new(f64::NAN.to_bits());
        let found = |_| Found { efficacy: unknown(), harm: unknown(), stagewise: OnceLock::new() };
        let chunk =
            self.0[size / Self::CHUNK].get_or_init(|| (0..Self::CHUNK).map(found).collect());
        &chunk[size % Self::CHUNK]
    }
}

impl Design {
    /// Finds the boundaries. `most_analysed` is the largest number of outcomes a final look can
    /// have (all randomised patients).
    ///
    /// # Errors
    /// When the rules have no solution at these looks.
    pub fn new(plan: Plan, most_analysed: u32) -> Result<Self, DesignError> {
        let fractions = plan.fractions(&plan.looks_analysed);
        let boundaries = Boundaries::new(&plan.rules, &fractions)?;
        let looks = (0..fractions.len())
            .map(|k| Look {
                analysed: plan.looks_analysed[k],
                information_fraction: fractions[k],
                efficacy: boundaries.efficacy[k],
                futility: boundaries.futility[k],
                harm: boundaries.harm[k],
                alpha_spent: boundaries.alpha_spent[k],
            })
            .collect();
        let finals = FinalLook::after_each(&plan, &boundaries, most_analysed);
        Ok(Self { plan, boundaries, looks, finals })
    }

    /// The boundaries of the looks as planned.
    pub fn boundaries(&self) -> &Boundaries {
        &self.boundaries
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
        self.plan.maximum_analysed()
    }

    /// What was chosen.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What interim look `k` (from 0) says when Z is `z`.
    pub fn decide(&self, k: usize, z: f64) -> Decision {
        self.boundaries.decide(k, z)
    }

    /// Whether the trial must end at interim look `k` because the futility boundary is reached and the
    /// efficacy boundaries rely on stopping there.
    pub fn ends_for_futility(&self, k: usize, z: f64) -> bool {
        self.plan.rules.binding_futility && z <= self.looks[k].futility
    }

    /// Whether an interim look can end the trial for a reason that the efficacy boundaries do not rely on:
    /// futility that is not binding, or harm.
    pub fn has_stops_to_disregard(&self) -> bool {
        let binding = self.plan.rules.binding_futility;
        let is_tested =
            |look: &Look| (look.futility.is_finite() && !binding) || look.harm.is_finite();
        self.interims().iter().any(is_tested)
    }

    /// What a final look on `analysed` outcomes says when Z is `z`, after `interims` looks that
    /// happened as planned; `Continue` where it shows nothing. `analysed` must exceed the last
    /// interim's.
    pub fn decide_finally(&self, interims: usize, analysed: u32, z: f64) -> Decision {
        if z >= self.final_critical(interims, analysed) {
            Decision::Efficacy
        } else if z <= self.final_harm(interims, analysed) {
            Decision::Harm
        } else {
            Decision::Continue
        }
    }

    /// The critical value of a final look on `analysed` outcomes after `interims` looks that
    /// happened as planned: it spends all the α that is left, with the correlation of the numbers
    /// that really came. `analysed` must exceed the last interim's.
    pub fn final_critical(&self, interims: usize, analysed: u32) -> f64 {
        let last = &self.finals[interims];
        cached(&last.found(analysed).efficacy, || {
            let information = self.information(analysed);
            efficacy::critical_value_of_rest(&last.efficacy.state, information, last.alpha_left)
                .expect("the planned final look had a critical value, and more trials come to this")
        })
    }

    /// The Z at or below which such a final look shows harm; −∞ where it cannot.
    pub fn final_harm(&self, interims: usize, analysed: u32) -> f64 {
        match (&self.plan.rules.harm, &self.finals[interims]) {
            (HarmRule::Symmetric { .. }, _) => -self.final_critical(interims, analysed),
            (_, last @ FinalLook { harm: Some((going_on, left)), .. }) => {
                cached(&last.found(analysed).harm, || {
                    let information = self.information(analysed);
                    futility::lower_bound(&going_on.state, information, 0.0, *left, f64::INFINITY)
                })
            }
            _ => f64::NEG_INFINITY,
        }
    }

    /// The drift that a trial's result is evidence of, by stage-wise ordering: it ended with Z =
    /// `z` on `analysed` outcomes after `interims` looks that happened as planned and did not stop
    /// it. Futility and harm count, as trials stop for them: where the efficacy boundary does not
    /// rely on futility, it is still taken to have been heeded.
    pub fn drift_estimate(&self, interims: usize, analysed: u32, z: f64) -> Estimate {
        let last = &self.finals[interims];
        let table = last.found(analysed).stagewise.get_or_init(|| {
            let column = |of: fn(&EarlierLook) -> f64, now: f64| -> Vec<f64> {
                last.interims.iter().map(of).chain([now]).collect()
            };
            let information = column(|look| look.information, self.information(analysed));
            let efficacy = column(|look| look.efficacy, f64::INFINITY);
            let leave_below = column(|look| look.leave_below, f64::NEG_INFINITY);
            let looks = Monitored::new(&information, &leave_below, &efficacy);
            Box::new(StagewiseTable::new(&looks, interims, 0.95))
        });
        table.estimate(z)
    }

    /// The boundaries of a trial whose final look has so many outcomes, by information relative to
    /// that: those of the interim looks that come before it as planned, and what is left for it.
    pub fn boundaries_at(&self, final_analysed: u32) -> Boundaries {
        let interims: Vec<usize> = (0..self.looks.len() - 1)
            .filter(|&k| self.looks[k].analysed < final_analysed)
            .collect();
        let column = |of: &[f64], last: f64| -> Vec<f64> {
            interims.iter().map(|&k| of[k]).chain([last]).collect()
        };
        let information =
            |k: &usize| f64::from(self.looks[*k].analysed) / f64::from(final_analysed);
        let planned = &self.boundaries;
        let harm = self.final_harm(interims.len(), final_analysed);
        Boundaries {
            information_fractions: interims.iter().map(information).chain([1.0]).collect(),
            efficacy: column(
                &planned.efficacy,
                self.final_critical(interims.len(), final_analysed),
            ),
            futility: column(&planned.futility, f64::NEG_INFINITY),
            harm: column(&planned.harm, harm),
            alpha_spent: column(&planned.alpha_spent, self.plan.rules.alpha_one_sided),
            harm_spending: column(&planned.harm_spending, harm),
        }
    }

    /// Outcomes over those planned for the final look.
    pub fn information(&self, analysed: u32) -> f64 {
        f64::from(analysed) / f64::from(self.maximum_analysed())
    }

    /// Stopping probabilities per planned look by the normal approximation, when the final look
    /// has `final_analysed` outcomes and the interims below that number happen. `drift` is the
    /// mean of Z at the maximum information.
    pub fn stopping(&self, drift: f64, final_analysed: u32) -> StoppingProbabilities {
        let happen = |look: &&Look| look.analysed < final_analysed;
        let interims: Vec<&Look> = self.interims().iter().filter(happen).collect();
        let column = |of: fn(&Look) -> f64, last: f64| -> Vec<f64> {
            interims.iter().map(|look| of(look)).chain([last]).collect()
        };
        let critical = self.final_critical(interims.len(), final_analysed);
        let harm = self.final_harm(interims.len(), final_analysed);
        let mut out = boundaries::stopping(
            &column(|look| look.information_fraction, self.information(final_analysed)),
            drift,
            &column(|look| look.efficacy, critical),
            &column(|look| look.futility.max(look.harm), harm),
            &column(|look| look.harm, harm),
        );
        // Interims that are left out stop nothing; the final look keeps its planned place.
        let left_out = vec![0.0; self.interims().len() - interims.len()];
        for probabilities in [&mut out.efficacy, &mut out.futility, &mut out.harm] {
            let at = interims.len();
            probabilities.splice(at..at, left_out.iter().copied());
        }
        out
    }
}

impl FinalLook {
    /// One for every number of interims, from none to all.
    fn after_each(plan: &Plan, boundaries: &Boundaries, most_analysed: u32) -> Vec<Self> {
        let none = Self {
            efficacy: GoingOn::start(),
            alpha_left: plan.rules.alpha_one_sided,
            harm: match plan.rules.harm {
                HarmRule::Spending { alpha_one_sided, .. } => {
                    Some((GoingOn::start(), alpha_one_sided))
                }
                _ => None,
            },
            analysed_before: 0,
            interims: Vec::new(),
            by_analysed: BySize::new(most_analysed),
        };
        let mut out = vec![none];
        for k in 0..plan.looks_analysed.len() - 1 {
            out.push(out[k].after(plan, boundaries, k, most_analysed));
        }
        out
    }

    /// The same with interim look `k`, the next, behind it.
    fn after(&self, plan: &Plan, boundaries: &Boundaries, k: usize, most_analysed: u32) -> Self {
        let (t, efficacy) = (boundaries.information_fractions[k], boundaries.efficacy[k]);
        let harm = boundaries.harm_spending[k];
        let analysed_before = plan.looks_analysed[k];
        // The final look may come one patient after this one.
        let one_patient = 1.0 / f64::from(plan.maximum_analysed());
        let finest = recursion::finest_increment(&boundaries.information_fractions, k);
        let out_below = plan.rules.counted_out_below(boundaries.futility[k], efficacy);
        let leave_below = boundaries.futility[k].max(boundaries.harm[k]);
        Self {
            efficacy: self.efficacy.after(t, (out_below, efficacy), [one_patient, finest]),
            alpha_left: plan.rules.alpha_one_sided - boundaries.alpha_spent[k],
            harm: self.harm.as_ref().map(|(going_on, left)| {
                let spent = going_on.state.below(t, 0.0, harm);
                (going_on.after(t, (harm, efficacy), [one_patient, finest]), left - spent)
            }),
            analysed_before,
            interims: [
                &self.interims[..],
                &[EarlierLook { information: t, efficacy, leave_below }],
            ]
            .concat(),
            by_analysed: BySize::new(most_analysed.saturating_sub(analysed_before)),
        }
    }

    fn found(&self, analysed: u32) -> &Found {
        self.by_analysed.at(analysed - self.analysed_before)
    }
}

fn cached(cache: &AtomicU64, find: impl FnOnce() -> f64) -> f64 {
    let known = f64::from_bits(cache.load(Ordering::Relaxed));
    if !known.is_nan() {
        return known;
    }
    let value = find();
    cache.store(value.to_bits(), Ordering::Relaxed);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(looks: &[u32], efficacy: EfficacyRule) -> Plan {
        Plan { looks_analysed: looks.to_vec(), rules: Rules::efficacy_only(0.025, efficacy) }
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
            let rule = if pocock { EfficacyRule::POCOCK } else {
                EfficacyRule::Spending(SpendingFunction::HwangShihDeCani { gamma: -2.0 })
            };
            let design = Design::new(plan(&[104, 208, 312], rule), 348).expect("no futility");
            let total = design.stopping(0.0, final_analysed).rejection();
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
            let crossing = design.stopping(0.0, looks[3]).efficacy;
            let mut so_far = 0.0;
            for (look, crossed) in design.looks().iter().zip(&crossing) {
                so_far += crossed;
                assert!((so_far - look.alpha_spent).abs() < 1e-9, "{so_far} {look:?}");
            }
        }
    }

    /// The final look of a million patients may come one patient after an interim look, which takes tens of
    /// thousands of nodes. They are not integrated over at the nodes of the next look.
    #[test]
    fn large_trials_go_on_to_the_next_look_with_few_nodes() {
        let looks: Vec<u32> = (1..=20).map(|k| 50_000 * k).collect();
        let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        let design = Design::new(plan(&looks, rule), 1_000_000).expect("no futility to fail");
        for last in &design.finals[1..20] {
            let nodes = last.efficacy.to_next_look.as_ref().expect("it is dense").nodes();
            assert!(nodes < 1000 && last.efficacy.state.nodes() > 10_000, "{nodes}");
        }
        let total = design.stopping(0.0, 950_001).rejection();
        assert!((total - 0.025).abs() < 1e-8, "{total}");
    }

    #[test]
    fn one_look_is_the_fixed_test() {
        for rule in [EfficacyRule::FinalOnly, EfficacyRule::POCOCK, EfficacyRule::OBRIEN_FLEMING] {
            let design = Design::new(plan(&[312], rule.clone()), 348).expect("no futility");
            assert!((design.looks()[0].efficacy - 1.959963984540054).abs() < 1e-9, "{rule:?}");
            assert!((design.final_critical(0, 290) - 1.959963984540054).abs() < 1e-9);
        }
    }
}
