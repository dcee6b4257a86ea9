//! Critical values and estimates of a final look whose size is known only when it happens.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::inference::StagewiseTable;
use super::recursion::{Continuation, Monitored, Region, finest_increment};
use super::{Boundaries, HarmRule, Plan, efficacy, futility};

/// The final look after a given number of interim looks.
#[derive(Debug)]
pub(super) struct FinalLook {
    /// Trials that reach it by the efficacy boundary's account.
    efficacy: Reaching,
    alpha_left: f64,
    /// Trials that reach it by the harm boundary's account; `None` unless harm spends an error rate
    /// of its own.
    harm: Option<Reaching>,
    harm_alpha_left: f64,
    /// Outcomes at the last of the interim looks.
    analysed_before: u32,
    /// Information, efficacy bounds and lower bounds of the interim looks.
    information: Vec<f64>,
    efficacy_bounds: Vec<f64>,
    leave_below: Vec<f64>,
    /// Values that depend on the number of outcomes, by their number beyond `analysed_before`.
    by_analysed: ValuesBySize,
}

impl FinalLook {
    /// Prepares the final look for every number of interims, from none to all planned.
    pub(super) fn after_each(
        plan: &Plan,
        boundaries: &Boundaries,
        most_analysed: u32,
    ) -> Vec<Self> {
        let (harm, harm_alpha_left) = match plan.rules.harm {
            HarmRule::Spending { alpha_one_sided, .. } => {
                (Some(Reaching::start()), alpha_one_sided)
            }
            HarmRule::None | HarmRule::Symmetric { .. } => (None, 0.0),
        };
        let mut out = vec![Self {
            efficacy: Reaching::start(),
            alpha_left: plan.rules.alpha_one_sided,
            harm,
            harm_alpha_left,
            analysed_before: 0,
            information: Vec::new(),
            efficacy_bounds: Vec::new(),
            leave_below: Vec::new(),
            by_analysed: ValuesBySize::new(most_analysed),
        }];
        // Each continues from the one before, so that all of them together take one recursion.
        for k in 0..plan.looks_analysed.len() - 1 {
            out.push(out[k].after(plan, boundaries, k, most_analysed));
        }
        out
    }

    /// Returns the final look that follows interim look `k`, the next, as well.
    fn after(&self, plan: &Plan, boundaries: &Boundaries, k: usize, most_analysed: u32) -> Self {
        let (t, upper) = (boundaries.information_fractions[k], boundaries.efficacy[k]);
        let analysed_before = plan.looks_analysed[k];
        let finest = Finest {
            // The final look may have one outcome more than this one.
            final_look: 1.0 / f64::from(plan.maximum_analysed()),
            planned: finest_increment(&boundaries.information_fractions, k),
        };
        let lower = plan.rules.counted_out_below(boundaries.futility[k], upper);
        let harm_lower = boundaries.harm_spending[k];
        let harm_spent =
            self.harm.as_ref().map_or(0.0, |harm| harm.state.below(t, 0.0, harm_lower));
        // For estimates, which take every stop to have been heeded, unlike `lower`: the efficacy
        // boundary may not rely on futility.
        let leave_below = boundaries.futility[k].max(boundaries.harm[k]);
        Self {
            efficacy: self.efficacy.after(t, Region { lower, upper }, finest),
            alpha_left: plan.rules.alpha_one_sided - boundaries.alpha_spent[k],
            harm: self
                .harm
                .as_ref()
                .map(|harm| harm.after(t, Region { lower: harm_lower, upper }, finest)),
            harm_alpha_left: self.harm_alpha_left - harm_spent,
            analysed_before,
            information: [&self.information[..], &[t]].concat(),
            efficacy_bounds: [&self.efficacy_bounds[..], &[upper]].concat(),
            leave_below: [&self.leave_below[..], &[leave_below]].concat(),
            by_analysed: ValuesBySize::new(most_analysed.saturating_sub(analysed_before)),
        }
    }

    /// Returns the critical value on `analysed` outcomes, at this information.
    pub(super) fn critical(&self, analysed: u32, information: f64) -> f64 {
        cached(&self.values(analysed).efficacy, || {
            let (state, alpha) = (&self.efficacy.state, self.alpha_left);
            efficacy::critical_value_of_rest(state, information, alpha).expect(
                "the planned final look had a critical value, and no fewer trials reach this one",
            )
        })
    }

    /// Returns the bound of a harm boundary that spends an error rate of its own; −∞ without one.
    pub(super) fn harm(&self, analysed: u32, information: f64) -> f64 {
        let Some(harm) = &self.harm else { return f64::NEG_INFINITY };
        cached(&self.values(analysed).harm, || {
            let error = self.harm_alpha_left;
            futility::lower_bound(&harm.state, information, 0.0, error, f64::INFINITY)
        })
    }

    /// Returns the table of stage-wise estimates for a trial that ends here.
    pub(super) fn stagewise(&self, analysed: u32, information: f64) -> &StagewiseTable {
        self.values(analysed).stagewise.get_or_init(|| {
            let information = [&self.information[..], &[information]].concat();
            // The trial ends here at any Z, so the last bounds are never asked for.
            let efficacy = [&self.efficacy_bounds[..], &[f64::INFINITY]].concat();
            let leave_below = [&self.leave_below[..], &[f64::NEG_INFINITY]].concat();
            let looks = Monitored::new(&information, &leave_below, &efficacy);
            Box::new(StagewiseTable::new(&looks, information.len() - 1, 0.95))
        })
    }

    fn values(&self, analysed: u32) -> &SizeValues {
        self.by_analysed.at(analysed - self.analysed_before)
    }

    /// Returns the nodes that this look is integrated over, and those of the next planned one if
    /// they are others.
    #[cfg(test)]
    pub(super) fn nodes(&self) -> [usize; 2] {
        let Reaching { state, to_next_look } = &self.efficacy;
        [state.nodes(), to_next_look.as_ref().map_or(0, Continuation::nodes)]
    }
}

/// Smallest increments of information after a look.
#[derive(Debug, Clone, Copy)]
struct Finest {
    /// To a final look.
    final_look: f64,
    /// To or from a planned look.
    planned: f64,
}

/// Trials that continue after the interim looks before a final one.
#[derive(Debug)]
struct Reaching {
    /// Dense enough for a final look one patient later.
    state: Continuation,
    /// Dense enough for the next planned look; `None` if `state` is no denser.
    // In a trial of a million patients `state` has a hundred times the nodes, which would be
    // integrated over at every node of the next look.
    to_next_look: Option<Continuation>,
}

/// Nodes up to which one state serves both purposes.
const MOST_NODES: usize = 512;

impl Reaching {
    fn start() -> Self {
        Self { state: Continuation::start(), to_next_look: None }
    }

    /// Returns the trials that continue after one more look, at `information`, that stops outside
    /// `region`.
    fn after(&self, information: f64, region: Region, finest: Finest) -> Self {
        let from = self.to_next_look.as_ref().unwrap_or(&self.state);
        let state = from.advance(information, 0.0, region, finest.final_look);
        let is_dense = state.nodes() > MOST_NODES && finest.planned > finest.final_look;
        let to_next_look = is_dense.then(|| from.advance(information, 0.0, region, finest.planned));
        Self { state, to_next_look }
    }
}

/// Values found when a final look of one size first asks for them.
// Threads that look for one at the same time find the same bits, so that no lock is needed.
#[derive(Debug)]
struct SizeValues {
    /// Bits of the critical value; NaN until asked for.
    efficacy: AtomicU64,
    /// Bits of the harm bound; NaN until asked for.
    harm: AtomicU64,
    /// Boxed: most sizes are never estimated at, and a table in place would be most of the memory.
    stagewise: OnceLock<Box<StagewiseTable>>,
}

impl SizeValues {
    fn unknown() -> Self {
        let unknown = f64::NAN.to_bits();
        Self {
            efficacy: AtomicU64::new(unknown),
            harm: AtomicU64::new(unknown),
            stagewise: OnceLock::new(),
        }
    }
}

/// [`SizeValues`] for every size, in chunks that are made when first needed.
// Of a million possible sizes a run meets a few dozen.
#[derive(Debug)]
struct ValuesBySize(Vec<OnceLock<Box<[SizeValues]>>>);

impl ValuesBySize {
    const CHUNK: usize = 64;

    fn new(most: u32) -> Self {
        Self((0..=most as usize / Self::CHUNK).map(|_| OnceLock::new()).collect())
    }

    fn at(&self, size: u32) -> &SizeValues {
        let size = size as usize;
        let chunk = self.0[size / Self::CHUNK]
            .get_or_init(|| (0..Self::CHUNK).map(|_| SizeValues::unknown()).collect());
        &chunk[size % Self::CHUNK]
    }
}

/// Returns the value whose bits are cached, after finding it if it is not yet known.
fn cached(cache: &AtomicU64, find: impl FnOnce() -> f64) -> f64 {
    // Nothing else is published with the value, so the weakest ordering does.
    let known = f64::from_bits(cache.load(Ordering::Relaxed));
    if !known.is_nan() {
        return known;
    }
    let value = find();
    cache.store(value.to_bits(), Ordering::Relaxed);
    value
}
