//! Plausibility of the data of a look: what the scenario's design makes improbable.
//!
//! Impossible numbers are refused before; these are possible, and probably slips of the keyboard.

use statrs::distribution::{Binomial, DiscreteCDF};

use crate::design::Decision;
use crate::design::monitor::RunningTrial;
use crate::outcome::safety::Event;
use crate::outcome::{LEVELS, Mrs};
use crate::scenario::{SafetyEndpoint, Scenario, Truth};

/// Probability below which an imbalance of the arms is reported.
// Low, as each look is tested on several numbers: outcomes, patients, every adverse event.
const IMPROBABLE: f64 = 1e-3;

/// Z beyond which a slip is likelier than any effect.
// A trial planned for a power of 0.9 expects Z = 3.2 (1.96 + 1.28), with a standard deviation of 1.
const EXTREME_Z: f64 = 6.0;

/// Log likelihood ratio from which on another reading of the data is reported.
// A factor of 20 000: more than a wrong plan explains.
const OTHER_READING: f64 = 10.0;

/// Data of a look.
#[derive(Debug)]
pub struct LookFacts<'f> {
    /// Looks so far, with their boundaries.
    pub trial: &'f RunningTrial,
    /// Number of the look that stopped the trial, if this is its analysis with the overrun.
    pub stopped_at: Option<usize>,
    /// Z at earlier looks.
    pub earlier: Vec<EarlierLook>,
    /// Z at the current look; `None` if the data give none.
    pub z: Option<f64>,
    /// Outcomes by arm.
    pub outcomes: Option<ArmOutcomes>,
    /// Patients randomised in control and experimental arm.
    pub randomised: Option<[u32; 2]>,
    /// Patients in whom an event of the scenario is known, control first.
    pub known_events: Vec<KnownEvent<'f>>,
}

/// An earlier look.
#[derive(Debug, Clone, Copy)]
pub struct EarlierLook {
    /// Position of the look, from 0.
    pub position: usize,
    /// Statistic.
    pub z: f64,
}

/// Outcomes at a look, by arm.
#[derive(Debug, Clone, Copy)]
pub enum ArmOutcomes {
    /// Patients by arm and mRS.
    Mrs([[u32; LEVELS]; 2]),
    /// Patients by arm with an mRS at or below the cut, and above it.
    Dichotomised {
        /// Largest mRS that counts as success.
        cut: Mrs,
        /// Successes and failures of control and experimental arm.
        arms: [[u32; 2]; 2],
    },
}

/// Patients in whom it is known whether they had an event.
#[derive(Debug, Clone, Copy)]
pub struct KnownEvent<'f> {
    /// The event.
    pub endpoint: &'f SafetyEndpoint,
    /// Patients of control and experimental arm.
    pub patients: [u32; 2],
}

impl ArmOutcomes {
    /// Returns the patients of control and experimental arm.
    pub fn patients(&self) -> [u32; 2] {
        match self {
            Self::Mrs(arms) => arms.map(|arm| arm.iter().sum()),
            Self::Dichotomised { arms, .. } => arms.map(|arm| arm.iter().sum()),
        }
    }
}

/// Lists what is implausible about a look, each as a fragment of a sentence.
pub fn implausible(scenario: &Scenario, facts: &LookFacts<'_>) -> Vec<String> {
    let mut warnings: Vec<String> = timing(scenario, facts).into_iter().collect();
    if let Some(outcomes) = &facts.outcomes {
        let share = scenario.share_experimental_known();
        warnings.extend(imbalance(
            scenario,
            "patients with an outcome",
            outcomes.patients(),
            share,
        ));
        warnings.extend(reversed(scenario, outcomes));
    }
    if let Some(randomised) = facts.randomised {
        let share = scenario.ratio.share_experimental();
        warnings.extend(imbalance(scenario, "patients randomised", randomised, share));
    }
    for event in &facts.known_events {
        warnings.extend(event_patients(scenario, facts, event));
    }
    warnings.extend(facts.earlier.iter().filter_map(|earlier| past_boundary(facts, earlier)));
    let extreme = facts.z.filter(|z| z.abs() > EXTREME_Z);
    warnings.extend(extreme.map(|z| {
        format!("Z = {z:.2} is more extreme than trials give; check its sign and decimal point")
    }));
    warnings
}

/// Compares the outcomes of the current look with those planned for it and its neighbours.
fn timing(scenario: &Scenario, facts: &LookFacts<'_>) -> Option<String> {
    // The number with the overrun is not planned.
    if facts.stopped_at.is_some() {
        return None;
    }
    let planned = scenario.design.looks();
    let position = facts.trial.look();
    let (look, analysed) = (position + 1, facts.trial.analysed()[position]);
    let here = planned[position].analysed;
    let overtaken: Vec<String> = (position + 1..planned.len())
        .filter(|&later| planned[later].analysed <= analysed)
        .map(|later| (later + 1).to_string())
        .collect();
    if !overtaken.is_empty() {
        let is_final = if facts.trial.is_final() { ", and this look is the final one" } else { "" };
        let others = match &overtaken[..] {
            [only] => format!("look {only}, which no longer takes place"),
            several => format!("looks {}, which no longer take place", several.join(" and ")),
        };
        return Some(format!(
            "look {look} has {analysed} outcomes of the {here} planned for it, no fewer than planned \
             for {others}{is_final}"
        ));
    }
    // The nearest look, by outcomes; no outcomes stand for the time before the first.
    let before = position.checked_sub(1).map_or(0, |before| planned[before].analysed);
    let after = planned.get(look).map(|after| after.analysed);
    let distance = here.abs_diff(analysed);
    let is_nearer = |other: u32| other.abs_diff(analysed) < distance;
    if is_nearer(before) || after.is_some_and(is_nearer) {
        let other = if is_nearer(before) { look - 1 } else { look + 1 };
        let nearest = match other {
            // Nearer to none than to the outcomes of the first look.
            0 => "less than half of them".to_owned(),
            other => format!("nearer to the {} of look {other}", planned[other - 1].analysed),
        };
        return Some(format!(
            "look {look} has {analysed} outcomes where {here} were planned, {nearest}; check the \
             number of the look"
        ));
    }
    None
}

/// Tests numbers of patients in both arms against the allocation ratio.
fn imbalance(
    scenario: &Scenario,
    which: &str,
    patients: [u32; 2],
    share_experimental: f64,
) -> Option<String> {
    let [control, experimental] = patients;
    let p = probability_of_imbalance(control + experimental, experimental, share_experimental)?;
    let ratio = scenario.ratio;
    (p < IMPROBABLE).then(|| {
        format!(
            "{control} v {experimental} {which} (control v experimental): even if each patient were \
             randomised independently at the planned {}:{}, a difference this large would have a \
             probability of {}; planned: {}",
            ratio.control,
            ratio.experimental,
            power_of_ten(p),
            scenario.file().randomisation.describe()
        )
    })
}

/// Returns whether the arms differ improbably from the ratio even if each patient is allocated
/// independently.
pub fn is_improbable(patients: [u32; 2], share_experimental: f64) -> bool {
    let [control, experimental] = patients;
    probability_of_imbalance(control + experimental, experimental, share_experimental)
        .is_some_and(|p| p < IMPROBABLE)
}

/// Computes P(the experimental arm has a number of patients at least this far from its mean), if each
/// of `patients` is allocated independently; `None` without patients.
// Methods that balance the arms give a smaller probability.
fn probability_of_imbalance(patients: u32, experimental: u32, share: f64) -> Option<f64> {
    if patients == 0 {
        return None;
    }
    let law = Binomial::new(share, patients.into()).expect("a share is a probability");
    let mean = share * f64::from(patients);
    // Counts as far from the mean on the other side belong to the tail, whatever the last digit
    // of the distance.
    let distance = (f64::from(experimental) - mean).abs() - 1e-9;
    let below = (mean - distance).floor();
    let above = (mean + distance).ceil();
    let low = if below < 0.0 { 0.0 } else { law.cdf(below as u64) };
    // sf(k) is P(X > k).
    let high = if above < 1.0 { 1.0 } else { law.sf(above as u64 - 1) };
    Some((low + high).min(1.0))
}

/// Writes a small probability as a decimal fraction with one digit.
fn power_of_ten(p: f64) -> String {
    if p < 1e-9 { "less than 0.000000001".to_owned() } else { significant(p) }
}

/// Writes a probability with one significant digit, without an exponent.
fn significant(p: f64) -> String {
    // From 0.95 on, the digit is rounded up to the next power: 0.00096 is written as 0.001.
    let decimals = (1..).find(|&decimals| p >= 0.95 * 0.1_f64.powi(decimals)).expect("p > 0");
    format!("{p:.decimals$}", decimals = decimals as usize)
}

/// Tests whether outcomes fit the plan better with the scale reversed, or with successes and failures
/// exchanged.
fn reversed(scenario: &Scenario, outcomes: &ArmOutcomes) -> Option<String> {
    let planned = scenario.marginal(Truth::Alternative)?.each_ref().map(|mrs| *mrs.probabilities());
    let (ratio, message) = match outcomes {
        ArmOutcomes::Mrs(counts) => {
            let ratio = counts.iter().zip(&planned).map(|(counts, planned)| {
                let mut other = *planned;
                other.reverse();
                log_likelihood(counts, &other) - log_likelihood(counts, planned)
            });
            (
                ratio.sum::<f64>(),
                "the counts fit the planned mRS better from 6 to 0 than from 0 to 6",
            )
        }
        ArmOutcomes::Dichotomised { cut, arms } => {
            let ratio = arms.iter().zip(&planned).map(|(counts, planned)| {
                let success: f64 = planned[..=cut.index()].iter().sum();
                let planned = [success, 1.0 - success];
                let other = [1.0 - success, success];
                log_likelihood(counts, &other) - log_likelihood(counts, &planned)
            });
            (ratio.sum::<f64>(), "the successes fit the planned share of failures better")
        }
    };
    (ratio > OTHER_READING)
        .then(|| format!("{message}; check their order (mRS 0 is best, 6 is death)"))
}

fn log_likelihood(counts: &[u32], shares: &[f64]) -> f64 {
    // A level that was not planned must not make either reading impossible.
    let terms = counts.iter().zip(shares);
    terms.map(|(&count, &share)| f64::from(count) * libm::log(share.max(1e-3))).sum()
}

/// Compares the patients in whom an event is known with those randomised, with an outcome and planned.
fn event_patients(
    scenario: &Scenario,
    facts: &LookFacts<'_>,
    event: &KnownEvent<'_>,
) -> Vec<String> {
    let KnownEvent { endpoint, patients } = *event;
    let name = &endpoint.name;
    let share = scenario.ratio.share_experimental();
    let which = format!("patients in whom {name} is known");
    let mut warnings: Vec<String> =
        imbalance(scenario, &which, patients, share).into_iter().collect();
    let is_death = matches!(endpoint.event, Event::Death);
    let outcomes = facts.outcomes.map(|outcomes| outcomes.patients());
    let is_earlier = endpoint.known_after_days <= scenario.follow_up.days;
    if let Some(outcomes) = outcomes.filter(|_| is_earlier && !is_death) {
        for (arm, (known, outcomes)) in
            ["control", "experimental"].into_iter().zip(patients.into_iter().zip(outcomes))
        {
            if known < outcomes {
                warnings.push(format!(
                    "{name} is known in {known} patients of the {arm} arm, fewer than the {outcomes} \
                     with an outcome, which takes longer to be known"
                ));
            }
        }
    }
    let k = facts.trial.look();
    let planned = endpoint.boundary.as_ref().map(|boundary| boundary.patients()[k]);
    let total: u32 = patients.iter().sum();
    if let Some(planned) = planned.filter(|_| facts.stopped_at.is_none())
        && total.abs_diff(planned) > planned / 4
    {
        warnings.push(format!(
            "{name} is known in {total} patients, and its boundary at this look was computed for \
             {planned}"
        ));
    }
    warnings
}

/// Reports an earlier look at which the trial should have stopped.
fn past_boundary(facts: &LookFacts<'_>, earlier: &EarlierLook) -> Option<String> {
    let &EarlierLook { position: look, z } = earlier;
    // The look that stopped the trial did what it should.
    if facts.stopped_at == Some(look + 1) {
        return None;
    }
    let boundaries = facts.trial.boundaries();
    let (name, bound) = match boundaries.decide(look, z) {
        Decision::Continue => return None,
        Decision::Efficacy => ("efficacy", boundaries.efficacy[look]),
        Decision::Futility => ("futility", boundaries.futility[look]),
        Decision::Harm => ("harm", boundaries.harm[look]),
    };
    Some(format!(
        "Z = {z:.4} had crossed the {name} boundary of {bound:.4} at look {}, where the design \
         recommended stopping",
        look + 1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first by exact summation in Python; the others by hand.
    #[test]
    fn the_probability_of_an_imbalance_is_that_of_a_binomial_distribution() {
        let p = |n, x, share| probability_of_imbalance(n, x, share).expect("there are patients");
        assert!((p(270, 90, 0.5) / 4.610_62e-8 - 1.0).abs() < 1e-3, "{}", p(270, 90, 0.5));
        assert_eq!(p(10, 5, 0.5), 1.0);
        assert!((p(4, 0, 0.5) - 0.125).abs() < 1e-12);
        assert!((p(3, 3, 2.0 / 3.0) - (8.0 / 27.0 + 7.0 / 27.0)).abs() < 1e-12);
        assert_eq!(probability_of_imbalance(0, 0, 0.5), None);
    }

    #[test]
    fn small_probabilities_are_written_without_an_exponent() {
        assert_eq!(power_of_ten(4.7e-8), "0.00000005");
        assert_eq!(power_of_ten(0.00096), "0.001");
        assert_eq!(power_of_ten(0.0), "less than 0.000000001");
    }
}
