//! Adverse events to be expected, and how often they stop the trial.

use super::Expected;
use super::counts::{Counting, MissingAs, received_treatments};
use crate::design::StoppingProbabilities;
use crate::design::comparison::two_proportions::two_proportions_drift;
use crate::design::safety::enumerated;
use crate::num::normal::{lower_tail, upper_quantile};
use crate::outcome::flow::{Group, Measure};
use crate::outcome::safety::{Event, StatedEvent};
use crate::outcome::{LEVELS, Mrs, MrsDistribution};
use crate::randomisation::Arm;
use crate::scenario::{AnalysisSet, Safety, SafetyEndpoint, Truth};

/// Patients in whom an event is known at the end.
struct Followed {
    patients: u32,
    share_experimental: f64,
}

impl<'s> Expected<'s> {
    /// Share of control and experimental arm with an event, among patients in whom it is known; `None`
    /// for deaths under the prior, where every replicate has its own effect.
    pub fn event_rates(&self, truth: Truth, event: &Event) -> Option<[f64; 2]> {
        match event {
            // The rates do not depend on the effect drawn, and all patients adhere under a prior.
            Event::Stated(stated) if truth == Truth::Prior => Some(stated.rates),
            Event::Stated(stated) => Some(self.stated_rates(truth, &self.under(truth, stated))),
            Event::Death => self.death_rates(truth),
            Event::Haemorrhage => self.procedural_rates(truth, Measure::Haemorrhage),
            Event::Perforation => self.procedural_rates(truth, Measure::Perforation),
        }
    }

    /// The event as it depends on the mRS under a truth, whose overall rates are the stated ones.
    fn under(&self, truth: Truth, event: &StatedEvent) -> StatedEvent {
        match self.scenario.configuration(truth) {
            Some(_) => match self.scenario.marginal_of_treatments(truth) {
                Some([_, experimental]) => event.with_experimental(experimental),
                None => *event,
            },
            None => *event,
        }
    }

    fn procedural_rates(&self, truth: Truth, measure: Measure) -> Option<[f64; 2]> {
        let model = self.scenario.procedural()?;
        Some(match truth {
            Truth::Null => {
                let control = model.without_crossover().expected(Arm::Control);
                [control.measure(measure, Group::All, 0).mean; 2]
            }
            Truth::Alternative | Truth::Prior | Truth::Configuration { .. } => {
                [Arm::Control, Arm::Experimental]
                    .map(|arm| model.expected(arm).measure(measure, Group::All, 0).mean)
            }
        })
    }

    /// Deaths among the patients with an outcome.
    fn death_rates(&self, truth: Truth) -> Option<[f64; 2]> {
        self.scenario.marginal(truth)?;
        let counting = Counting {
            truth,
            missing: MissingAs::LeftOut,
            set: AnalysisSet::IntentionToTreat,
            adherence: self.scenario.adherence.as_ref(),
        };
        let mut known = [[0.0; LEVELS]; 2];
        for cell in counting.cells(self.scenario) {
            for (sums, counts) in known.iter_mut().zip(cell) {
                sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            }
        }
        Some(known.map(|arm| arm[Mrs::DEAD.index()] / arm.iter().sum::<f64>()))
    }

    /// Averages a stated event over strata and over the treatments received, with the mRS under each.
    fn stated_rates(&self, truth: Truth, event: &StatedEvent) -> [f64; 2] {
        [Arm::Control, Arm::Experimental].map(|arm| {
            let strata = self.scenario.population.prognosis().enumerate();
            strata
                .map(|(stratum, (share, _))| {
                    let parts = self.scenario.treatments_in(truth, stratum);
                    let rates = parts
                        .map(|(part, mrs)| part * self.rate_of(event, truth, arm, stratum, &mrs));
                    share * rates.sum::<f64>()
                })
                .sum()
        })
    }

    /// P(event) of the patients of an arm and stratum whose mRS under each treatment is `treatments`.
    fn rate_of(
        &self,
        event: &StatedEvent,
        truth: Truth,
        arm: Arm,
        stratum: usize,
        treatments: &[MrsDistribution; 2],
    ) -> f64 {
        let adherence = self.scenario.adherence.as_ref();
        let received = received_treatments(arm, stratum, treatments, adherence);
        received
            .iter()
            .enumerate()
            .map(|(treatment, mrs)| {
                // Under H0 the experimental treatment is the control treatment.
                let treatment = if truth == Truth::Null { 0 } else { treatment };
                mrs.iter().zip(event.given_mrs[treatment]).map(|(q, p)| q * p).sum::<f64>()
            })
            .sum()
    }

    /// P(the final comparison at the two-sided level shows more events in the experimental arm), if all
    /// patients are randomised: by enumeration, in a large trial by the normal approximation to the
    /// pooled Z.
    ///
    /// `None` if neither is possible, and for events that depend on the centre or change over time.
    pub fn power_to_show_more(&self, truth: Truth, endpoint: &SafetyEndpoint) -> Option<f64> {
        // More events are one side of a two-sided comparison.
        let alpha = 0.5 * self.scenario.safety.as_ref()?.alpha_two_sided;
        let rates = self.rates_of_all(truth, &endpoint.event)?;
        let followed = self.followed(endpoint);
        let bound = [-upper_quantile(alpha)];
        let (patients, share) = (followed.patients, followed.share_experimental);
        // Exact first: the normal approximation is poor for rare events.
        let exact = enumerated(&[patients], share, endpoint.test, rates, &bound);
        exact
            .map(|stopped| stopped[0])
            .or_else(|| Some(lower_tail(bound[0] - mean_z(rates, &followed, alpha)?)))
    }

    /// P(the boundary of the endpoint with this index is first reached at each look), if nothing else
    /// stops the trial, by the same methods.
    ///
    /// Computed once and kept with the scenario, for all threads.
    pub fn safety_crossing(&self, truth: Truth, endpoint: usize) -> Option<&'s [f64]> {
        let safety = self.scenario.safety.as_ref()?;
        let endpoint = &safety.endpoints[endpoint];
        endpoint.crossings.get_or_compute(truth, || self.compute_crossing(truth, safety, endpoint))
    }

    fn compute_crossing(
        &self,
        truth: Truth,
        safety: &Safety,
        endpoint: &SafetyEndpoint,
    ) -> Option<Vec<f64>> {
        let boundary = endpoint.boundary.as_ref()?;
        let rates = self.rates_of_all(truth, &endpoint.event)?;
        let followed = self.followed(endpoint);
        boundary.exact_crossing(endpoint.test, followed.share_experimental, rates).or_else(|| {
            let alpha = 0.5 * safety.alpha_two_sided;
            Some(boundary.crossing(mean_z(rates, &followed, alpha)?))
        })
    }

    /// Rates that hold for every patient; `None` if they differ between centres or over time.
    fn rates_of_all(&self, truth: Truth, event: &Event) -> Option<[f64; 2]> {
        let scenario = self.scenario;
        let sd = scenario.centres.as_ref().map(|centres| centres.sd).unwrap_or_default();
        // The formula needs independent patients with the same rate; centre effects and drift make
        // events of the same centre or time depend on each other.
        // The patients of a trial that may be restricted have another mRS than all.
        let may_be_restricted = scenario.adaptation.population.is_some();
        let mrs_varies =
            may_be_restricted || scenario.drift.is_some() || sd.outcome > 0.0 || sd.procedure > 0.0;
        let alike = match event {
            Event::Haemorrhage | Event::Perforation => sd.procedure == 0.0,
            Event::Death => !mrs_varies && sd.dropout == 0.0,
            Event::Stated(_) => !mrs_varies || event.is_independent_of_mrs(),
        };
        alike.then(|| self.event_rates(truth, event)).flatten()
    }

    fn followed(&self, endpoint: &SafetyEndpoint) -> Followed {
        let scenario = self.scenario;
        match endpoint.event {
            Event::Death => Followed {
                patients: scenario.expected_known(),
                share_experimental: scenario.share_experimental_known(),
            },
            Event::Stated(_) | Event::Haemorrhage | Event::Perforation => Followed {
                patients: scenario.randomised,
                share_experimental: scenario.ratio.share_experimental(),
            },
        }
    }

    /// Reduces stopping probabilities by the probability that safety stops the trial first; at the
    /// same look safety comes first.
    ///
    /// `None` if an event that can stop the trial depends on the mRS, as the probability of both is then
    /// not the product of their probabilities.
    pub(super) fn with_safety(
        &self,
        truth: Truth,
        mut stopping: StoppingProbabilities,
    ) -> Option<StoppingProbabilities> {
        if !self.scenario.stops_for_safety() {
            return Some(stopping);
        }
        let interims = self.scenario.design.interims().len();
        let mut continues = vec![1.0; interims + 1];
        for (index, endpoint) in self.scenario.safety_endpoints().iter().enumerate() {
            if endpoint.boundary.is_none() {
                continue;
            }
            // With non-adherence both depend on the treatment received.
            if !endpoint.event.is_independent_of_mrs() || self.scenario.adherence.is_some() {
                return None;
            }
            let crossing = self.safety_crossing(truth, index)?;
            let mut crossed = 0.0;
            for (k, continues) in continues.iter_mut().enumerate() {
                // The final look compares efficacy whatever safety shows.
                crossed += if k < interims { crossing[k] } else { 0.0 };
                *continues *= 1.0 - crossed;
            }
        }
        for probabilities in [&mut stopping.efficacy, &mut stopping.futility, &mut stopping.harm] {
            probabilities.iter_mut().zip(&continues).for_each(|(p, continues)| *p *= continues);
        }
        Some(stopping)
    }
}

/// Mean of the pooled Z of an event's absence; `None` if no patients or all patients have it.
fn mean_z(rates: [f64; 2], followed: &Followed, alpha: f64) -> Option<f64> {
    let [control, experimental] = rates.map(|rate| 1.0 - rate);
    // The drift of a comparison without effect is not defined; the mean of its Z is 0.
    if control == experimental {
        return (0.0 < control && control < 1.0).then_some(0.0);
    }
    let share = followed.share_experimental;
    let patients = f64::from(followed.patients);
    let mean = two_proportions_drift([control, experimental], share, patients, alpha);
    mean.is_finite().then_some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn crossings_of_a_safety_boundary_are_computed_once_for_all_threads() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/angel-reboot-safety.toml");
        let scenario = Scenario::load(path.as_ref(), &[]).expect("the shipped scenario is valid");
        let endpoints = scenario.safety_endpoints();
        let stopping = endpoints.iter().position(|endpoint| endpoint.boundary.is_some());
        let stopping = stopping.expect("the scenario has a boundary");
        let ask = || {
            let crossing = Expected::new(&scenario).safety_crossing(Truth::Alternative, stopping);
            crossing.expect("the rates are known")
        };
        let [here, elsewhere] =
            std::thread::scope(|scope| [ask(), scope.spawn(ask).join().expect("no panic")]);
        assert!(std::ptr::eq(here, elsewhere), "the second answer was computed again");
    }
}
