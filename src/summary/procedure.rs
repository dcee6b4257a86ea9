//! Procedures and their outcomes by arm: simulated, and exact by enumeration.

mod tally;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::McEstimate;
use crate::num::root::brent;
use crate::outcome::decomposition::MECHANISMS;
use crate::outcome::flow::{GROUPS, Group, MEASURES, Measure, Spread};
use crate::outcome::{Flow, LEVELS, Mrs, ProceduralModel};
use crate::procedure::{End, MAX_PASSES, Minutes, State};
use crate::randomisation::Arm;
use crate::scenario::{Scenario, Truth};

pub use tally::ArmTally;
pub(super) use tally::ProcedureTally;
use tally::TENTH;

/// A simulated quantity and its exact value; both NaN (null in JSON) if no patients have the quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Checked {
    /// The simulated quantity; `n` is the number of patients.
    #[serde(flatten)]
    pub simulated: McEstimate,
    /// The exact value, by enumeration of all courses of the procedure.
    pub exact: f64,
}

impl Checked {
    fn new(simulated: Spread, exact: Spread) -> Self {
        Self { simulated: mean_of(simulated), exact: exact.mean }
    }
}

/// The mean of simulated patients with its standard error.
fn mean_of(patients: Spread) -> McEstimate {
    let Spread { mean, sd, weight } = patients;
    // `sd` has the number of patients as divisor, so σ²/n is estimated by sd²/(n − 1). One patient has no
    // spread.
    let mcse = if weight > 1.0 { sd / (weight - 1.0).sqrt() } else { f64::NAN };
    McEstimate::new(mean, mcse, weight as u64)
}

/// Procedures and their outcomes, over all patients of trials that run to their end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProcedureSummary {
    /// Share of the screened who are randomised.
    pub screening_yield: f64,
    /// Patients screened, on average, for all who are randomised.
    pub screened: f64,
    /// Patients randomised per month at the full rate of accrual.
    pub randomised_per_month: f64,
    /// Definition of haemorrhage, as in the scenario; null without haemorrhage.
    pub haemorrhage_definition: Option<String>,
    /// Control arm, then experimental arm.
    pub arms: Vec<ArmSummary>,
    /// P(mRS 0–2) in the experimental arm minus that in the control arm, exactly.
    pub difference: f64,
    /// Parts of `difference` by mechanism, which add up to it.
    #[serde(serialize_with = "as_map")]
    pub decomposition: Vec<(&'static str, f64)>,
}

fn as_map<S: Serializer>(parts: &[(&'static str, f64)], out: S) -> Result<S::Ok, S::Error> {
    out.collect_map(parts.iter().copied())
}

/// Procedures and outcomes of one arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmSummary {
    /// `control` or `experimental`.
    pub arm: &'static str,
    /// Shares of mRS 0 to 6.
    pub mrs: [Checked; LEVELS],
    /// Groups by how the procedure ended, without those that no patients can be in.
    pub groups: Vec<GroupSummary>,
    /// Numbers of passes, from those made before randomisation.
    pub passes: Vec<PassSummary>,
}

/// Patients whose procedure ended alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupSummary {
    /// Which patients.
    pub group: Group,
    /// Share of the arm's patients.
    pub share: Checked,
    /// Means within the group, by name of the measure.
    pub measures: BTreeMap<&'static str, Checked>,
    /// Duration of the procedure; null if the scenario has no times.
    pub minutes: Option<MinutesSummary>,
}

/// Minutes from puncture to end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MinutesSummary {
    /// Mean.
    pub mean: Checked,
    /// Lower quartile.
    pub p25: Checked,
    /// Median.
    pub median: Checked,
    /// Upper quartile.
    pub p75: Checked,
}

/// Procedures after a number of passes. Shares are of the arm's patients unless stated otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassSummary {
    /// Number of passes in all.
    pub passes: usize,
    /// Share with this pass after randomisation.
    pub attempted: Checked,
    /// Share of these passes that reperfuse, lasting or not.
    pub success: Checked,
    /// Share whose procedure ends here, reperfused by thrombectomy.
    pub reperfused: Checked,
    /// Share stented here.
    pub stented: Checked,
    /// Share whose procedure ends here with the vessel closed: given up, or no access for a stent.
    pub unopened: Checked,
}

impl ProcedureSummary {
    /// Summarises procedures; `None` without a procedure. With empty tallies only the exact values exist.
    pub(super) fn new(scenario: &Scenario, tallies: &[ArmTally; 2]) -> Option<Self> {
        let model = scenario.procedural()?;
        let [control_tally, experimental_tally] = tallies;
        let mut arms = vec![
            ArmSummary::new("control", control_tally, model, Arm::Control),
            ArmSummary::new("experimental", experimental_tally, model, Arm::Experimental),
        ];
        if !patients_are_independent(scenario) {
            arms.iter_mut().for_each(ArmSummary::remove_errors);
        }
        let [control, experimental] =
            scenario.marginal(Truth::Alternative)?.map(|mrs| mrs.at_most(Mrs::INDEPENDENT));
        Some(Self {
            difference: experimental - control,
            screening_yield: model.procedure().screening_yield(),
            screened: f64::from(scenario.randomised) / model.procedure().screening_yield(),
            randomised_per_month: scenario.accrual.per_month(),
            haemorrhage_definition: scenario.haemorrhage_definition(),
            arms,
            decomposition: MECHANISMS.into_iter().zip(model.decomposition()).collect(),
        })
    }

    /// The exact values, without simulation; `None` without a procedure.
    pub fn exact(scenario: &Scenario) -> Option<Self> {
        Self::new(scenario, &Default::default())
    }
}

/// Returns whether the outcomes of patients are independent: centres do not differ, and none recruits at a
/// pace of its own while outcomes drift.
fn patients_are_independent(scenario: &Scenario) -> bool {
    scenario.centres.as_ref().is_none_or(|centres| {
        // With drift, patients of centres that are slow by chance are late together.
        let shared_pace = !centres.have_a_planned_pace() && scenario.drift.is_some();
        centres.are_alike() && !shared_pace
    })
}

impl ArmSummary {
    /// Summarises an arm; with an empty tally only the exact values exist.
    pub fn new(name: &'static str, tally: &ArmTally, model: &ProceduralModel, arm: Arm) -> Self {
        let flows = Flows { simulated: tally.flow(), exact: model.expected(arm) };
        let procedure = model.procedure();
        let early_until = procedure.early_until();
        let mut groups = Vec::new();
        for group in GROUPS {
            let share = flows.share(|state, _| group.has(state, early_until));
            if share.exact > 0.0 {
                let measures = MEASURES
                    .iter()
                    .map(|&(measure, name)| (name, flows.measure(measure, group, early_until)));
                groups.push(GroupSummary {
                    group,
                    share,
                    measures: measures.collect(),
                    minutes: flows.minutes(group, early_until, procedure.minutes(), tally),
                });
            }
        }
        Self {
            arm: name,
            mrs: std::array::from_fn(|level| flows.share(|_, mrs| mrs.index() == level)),
            groups,
            passes: (0..=MAX_PASSES).filter_map(|passes| flows.after(passes)).collect(),
        }
    }

    /// Removes the standard errors, which are those of independent patients.
    fn remove_errors(&mut self) {
        let mut quantities: Vec<&mut Checked> = self.mrs.iter_mut().collect();
        for GroupSummary { share, measures, minutes, .. } in &mut self.groups {
            quantities.push(share);
            quantities.extend(measures.values_mut());
            if let Some(MinutesSummary { mean, p25, median, p75 }) = minutes {
                quantities.extend([mean, p25, median, p75]);
            }
        }
        for pass in &mut self.passes {
            let PassSummary { passes: _, attempted, success, reperfused, stented, unopened } = pass;
            quantities.extend([attempted, success, reperfused, stented, unopened]);
        }
        quantities.into_iter().for_each(|quantity| quantity.simulated.mcse = f64::NAN);
    }
}

/// An arm's patients, simulated and enumerated.
struct Flows {
    simulated: Flow,
    exact: Flow,
}

impl Flows {
    /// The share of all patients with a property.
    fn share(&self, property: impl Fn(&State, Mrs) -> bool) -> Checked {
        let [simulated, exact] = [&self.simulated, &self.exact]
            .map(|flow| flow.spread(|state, mrs| Some(f64::from(u8::from(property(state, mrs))))));
        Checked::new(simulated, exact)
    }

    /// The mean of a measure in a group.
    fn measure(&self, measure: Measure, group: Group, early_until: usize) -> Checked {
        Checked::new(
            self.simulated.measure(measure, group, early_until),
            self.exact.measure(measure, group, early_until),
        )
    }

    /// The share of all patients whose procedure ends after this number of passes in one of some ways.
    fn ended(&self, passes: usize, way: fn(End) -> bool) -> Checked {
        self.share(|state, _| usize::from(state.passes) == passes && way(state.end))
    }

    /// Summarises the procedures after a number of passes; `None` if no patients get that far.
    fn after(&self, passes: usize) -> Option<PassSummary> {
        let [simulated, exact] = [&self.simulated, &self.exact].map(|flow| {
            // No pass comes before the first.
            let pass = passes.checked_sub(1);
            let attempts = pass.map_or(0.0, |k| flow.attempts()[k]);
            let successes = pass.map_or(0.0, |k| flow.reperfusions()[k]);
            [binary(attempts, flow.total()), binary(successes, attempts)]
        });
        let summary = PassSummary {
            passes,
            attempted: Checked::new(simulated[0], exact[0]),
            success: Checked::new(simulated[1], exact[1]),
            reperfused: self.ended(passes, |end| end == End::Reperfused),
            stented: self.ended(passes, End::is_stented),
            unopened: self.ended(passes, |end| matches!(end, End::Stopped | End::AccessFailed)),
        };
        let shares = [summary.attempted, summary.reperfused, summary.stented, summary.unopened];
        shares.iter().any(|share| share.exact > 0.0).then_some(summary)
    }

    /// Summarises the minutes of a group; `None` if the scenario has no times.
    fn minutes(
        &self,
        group: Group,
        early_until: usize,
        minutes: &Minutes,
        tally: &ArmTally,
    ) -> Option<MinutesSummary> {
        let exact_mean =
            self.exact_mean(group, early_until, |passes, stented| minutes.mean(passes, stented));
        if exact_mean == 0.0 {
            return None;
        }
        let histogram = tally.minutes_of(group);
        let [p25, median, p75] = [0.25, 0.5, 0.75].map(|p| Checked {
            simulated: McEstimate::quantile_of_rounded(&histogram, p, TENTH),
            // The bracket holds from a fraction of a second to two years.
            exact: brent(
                |at| {
                    self.exact_mean(group, early_until, |passes, stented| {
                        minutes.probability(at, passes, stented)
                    }) - p
                },
                1e-9,
                1e6,
            )
            .unwrap_or(f64::NAN),
        });
        Some(MinutesSummary {
            mean: Checked {
                simulated: McEstimate::histogram_mean(&histogram, TENTH),
                exact: exact_mean,
            },
            p25,
            median,
            p75,
        })
    }

    /// The exact mean, over the patients of a group, of a function of their passes and of whether they are
    /// stented.
    fn exact_mean(&self, group: Group, early_until: usize, of: impl Fn(usize, bool) -> f64) -> f64 {
        let spread = self.exact.spread(|state, _| {
            group
                .has(state, early_until)
                .then(|| of(usize::from(state.passes), state.end.is_stented()))
        });
        spread.mean
    }
}

/// A proportion as the mean of ones and zeros.
fn binary(count: f64, weight: f64) -> Spread {
    let mean = count / weight;
    Spread { mean, sd: (mean * (1.0 - mean)).max(0.0).sqrt(), weight }
}
