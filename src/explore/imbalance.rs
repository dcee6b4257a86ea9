//! Plausibility of the arms' sizes under a method that balances them, by simulation of the allocation
//! alone.
//!
//! Independent allocation has a formula, see [`crate::expected::plausibility`]; methods that balance the
//! arms give much smaller imbalances.

use crate::expected::plausibility::{LookFacts, is_improbable};
use crate::randomisation::{Allocating, AllocationState, Arm, RandomisationMethod};
use crate::rng::{Purpose, Replicate, Streams, uniform};
use crate::scenario::Scenario;

/// Allocations that are simulated.
// Twice as many as give one event of probability 0.001: two as large are still reported.
const ALLOCATIONS: u64 = 2000;

/// Patients of a trial whose arms are compared.
// Minimisation allocates some four million patients a second. Fewer allocations of larger trials would
// prove nothing: none of 100 as large is compatible with a probability of 3 %.
const MOST_PATIENTS: u32 = 20_000;

/// Number of allocations with an imbalance from which on it is not reported: more than a probability of
/// 0.001, at which independent allocation is reported too.
const TOO_MANY: usize = 3;

/// Patients of both arms, and how some of the randomised come to be missing among them.
struct ArmSizesSeen {
    which: &'static str,
    patients: [u32; 2],
    share_experimental: f64,
    /// Share of control and experimental arm that is lost at random.
    lost: [f64; 2],
}

/// Lists imbalances of a look that the scenario's method hardly ever gives, each as a fragment of a
/// sentence; those that independent allocation does not give either are left to
/// [`crate::expected::plausibility::implausible`].
pub fn implausible(scenario: &Scenario, facts: &LookFacts<'_>) -> Vec<String> {
    if matches!(scenario.randomisation, RandomisationMethod::Complete(_)) {
        return Vec::new();
    }
    let outcomes = facts.outcomes.map(|outcomes| ArmSizesSeen {
        which: "patients with an outcome",
        patients: outcomes.patients(),
        share_experimental: scenario.share_experimental_known(),
        lost: scenario.dropout,
    });
    let randomised = facts.randomised.map(|patients| ArmSizesSeen {
        which: "patients randomised",
        patients,
        share_experimental: scenario.ratio.share_experimental(),
        lost: [0.0; 2],
    });
    let seen = outcomes.into_iter().chain(randomised);
    seen.filter(|seen| !is_improbable(seen.patients, seen.share_experimental))
        .filter_map(|seen| improbable(scenario, &seen))
        .collect()
}

/// Compares an imbalance with simulated ones.
fn improbable(scenario: &Scenario, seen: &ArmSizesSeen) -> Option<String> {
    let [control, experimental] = seen.patients;
    let total = control + experimental;
    let observed = distance(seen.patients, seen.share_experimental);
    // Less than a patient is no imbalance.
    if observed < 1.0 || total > MOST_PATIENTS {
        return None;
    }
    let simulation = AllocationSimulation::new(scenario, seen);
    let as_large = (0..ALLOCATIONS)
        .filter(|&replicate| {
            let arms = simulation.patients(Replicate(replicate));
            // With a share such as 2/3 equal distances differ in the last digits.
            distance(arms, seen.share_experimental) >= observed - 1e-9
        })
        // One more than can be reported settles the question.
        .take(TOO_MANY)
        .count();
    (as_large < TOO_MANY).then(|| {
        format!(
            "{control} v {experimental} {} (control v experimental): of {ALLOCATIONS} simulated \
             allocations at {}:{}, {as_large} gave a difference this large; planned: {}",
            seen.which,
            scenario.ratio.control,
            scenario.ratio.experimental,
            scenario.file().randomisation.describe()
        )
    })
}

/// Distance of the experimental arm from its share, in patients.
fn distance([control, experimental]: [u32; 2], share_experimental: f64) -> f64 {
    (f64::from(experimental) - share_experimental * f64::from(control + experimental)).abs()
}

/// The allocation of the patients of a scenario, without their outcomes.
struct AllocationSimulation<'s> {
    scenario: &'s Scenario,
    /// Patients allocated, of whom the expected number remains.
    allocated: u32,
    lost: [f64; 2],
}

impl<'s> AllocationSimulation<'s> {
    fn new(scenario: &'s Scenario, seen: &ArmSizesSeen) -> Self {
        let share = scenario.ratio.share_experimental();
        let known = 1.0 - (1.0 - share) * seen.lost[0] - share * seen.lost[1];
        let total: u32 = seen.patients.iter().sum();
        // At most 0.99 of the patients of a scenario are lost.
        let allocated = (f64::from(total) / known.max(0.01)).round() as u32;
        Self { scenario, allocated, lost: seen.lost }
    }

    /// Allocates the patients of a replicate, and returns those of each arm who are not lost.
    fn patients(&self, replicate: Replicate) -> [u32; 2] {
        let Self { scenario, allocated, lost } = *self;
        let streams = Streams::new(scenario.seed);
        let mut rng = streams.stream(replicate, Purpose::Baseline);
        let by_centre = scenario.strata_by_centre.as_ref().filter(|strata| strata.randomisation);
        let centres = scenario.centres.as_ref().filter(|_| by_centre.is_some());
        let strata: Vec<u32> = (0..allocated)
            .map(|_| {
                let stratum = scenario.population.draw(&mut rng);
                // Centres of one size: how they differ hardly matters to the arms of the whole trial.
                let number = centres.map_or(1, |centres| centres.number);
                stratum * number + (uniform(&mut rng) * f64::from(number)) as u32
            })
            .collect();
        let (mut state, mut arms) = (AllocationState::default(), Vec::<Arm>::new());
        scenario.randomisation.allocate_all([Allocating {
            strata: &strata,
            state: &mut state,
            rng: streams.stream(replicate, Purpose::Allocation),
            arms: &mut arms,
        }]);
        let mut patients = [0; 2];
        // A stream of its own, as in a simulated trial: losses do not change the allocation.
        let mut rng = streams.stream(replicate, Purpose::Dropout);
        for arm in arms {
            let is_lost = uniform(&mut rng) < lost[arm.index()];
            patients[arm.index()] += u32::from(!is_lost);
        }
        patients
    }
}
