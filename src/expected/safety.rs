//! Adverse events that a scenario leads to expect.

use super::closed_form::{Losses, received_by};
use crate::centres::CentreEffects;
use crate::design::StoppingProbabilities;
use crate::design::comparison::two_proportions::two_proportions_drift;
use crate::design::safety::enumerated;
use crate::num::normal::{lower_tail, upper_quantile};
use crate::outcome::flow::{Group, Measure};
use crate::outcome::safety::{Event, StatedEvent};
use crate::outcome::{LEVELS, Mrs, MrsDistribution, ProceduralModel};
use crate::randomisation::Arm;
use crate::scenario::{AnalysisSet, SafetyEndpoint, Scenario, Truth};

impl Scenario {
    /// Share of control and experimental arm that has an event, of those in whom it is known;
    /// `None` for deaths under the prior, whose every effect has its own.
    pub fn event_rates(&self, truth: Truth, event: &Event) -> Option<[f64; 2]> {
        let of_procedure = |measure: Measure| {
            let model = self.procedural()?;
            let rate = |model: &ProceduralModel, arm| {
                model.expected(arm).measure(measure, Group::All, 0).mean
            };
            Some(match truth {
                Truth::Null => [rate(&model.without_crossover(), Arm::Control); 2],
                _ => [Arm::Control, Arm::Experimental].map(|arm| rate(model, arm)),
            })
        };
        match event {
            // Whatever effect is drawn, and all patients get the treatment of their arm.
            Event::Stated(stated) if truth == Truth::Prior => Some(stated.rates),
            Event::Stated(stated) => Some(self.stated_rates(truth, stated)),
            Event::Death => {
                self.marginal(truth)?;
                let adherence = self.adherence.as_ref();
                let everyone = (AnalysisSet::IntentionToTreat, adherence);
                let cells = self.expected_cells(truth, Losses::Left, everyone);
                let mut known = [[0.0; LEVELS]; 2];
                for cell in cells {
                    for (sums, counts) in known.iter_mut().zip(cell) {
                        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                    }
                }
                Some(known.map(|arm| arm[Mrs::DEAD.index()] / arm.iter().sum::<f64>()))
            }
            Event::Haemorrhage => of_procedure(Measure::Haemorrhage),
            Event::Perforation => of_procedure(Measure::Perforation),
        }
    }

    /// Over the treatments that the patients of each arm get, with the mRS that goes with them.
    fn stated_rates(&self, truth: Truth, event: &StatedEvent) -> [f64; 2] {
        let given = &event.given_mrs;
        let of_patients = |(arm, stratum), treatments: &[MrsDistribution; 2]| -> f64 {
            let received = received_by((arm, stratum), treatments, self.adherence.as_ref());
            let of_treatment = |(treatment, mrs): (usize, &[f64; LEVELS])| {
                let treatment = if truth == Truth::Null { 0 } else { treatment };
                mrs.iter().zip(given[treatment]).map(|(q, p)| q * p).sum::<f64>()
            };
            received.iter().enumerate().map(of_treatment).sum()
        };
        [Arm::Control, Arm::Experimental].map(|arm| {
            let of_stratum = |(stratum, (share, _)): (usize, (f64, f64))| {
                let parts = self.treatments_in(truth, stratum);
                let rates = parts.map(|(part, mrs)| part * of_patients((arm, stratum), &mrs));
                share * rates.sum::<f64>()
            };
            self.population.prognosis().enumerate().map(of_stratum).sum()
        })
    }

    /// P(more events are shown in the experimental arm) when all are randomised and compared at the
    /// two-sided level: by enumeration, in a large trial by the normal approximation to the pooled Z.
    /// `None` where there is neither, and for events that come in clusters or change over time.
    pub fn power_to_show_more(&self, truth: Truth, endpoint: &SafetyEndpoint) -> Option<f64> {
        let alpha = 0.5 * self.safety.as_ref()?.alpha_two_sided;
        let rates = self.rates_of_all(truth, &endpoint.event)?;
        let (patients, share) = self.patients_of(endpoint);
        let bound = [-upper_quantile(alpha)];
        let exact = enumerated((&[patients], share), endpoint.test, rates, &bound);
        exact.map(|stopped| stopped[0]).or_else(|| {
            let mean = mean_z(rates, (f64::from(patients), share), alpha)?;
            Some(lower_tail(bound[0] - mean))
        })
    }

    /// P(the boundary of an event is first reached at each look), were nothing else to stop the
    /// trial, likewise.
    pub fn safety_crossing(&self, truth: Truth, endpoint: &SafetyEndpoint) -> Option<Vec<f64>> {
        let boundary = endpoint.boundary.as_ref()?;
        let found = || {
            let rates = self.rates_of_all(truth, &endpoint.event)?;
            let (patients, share) = self.patients_of(endpoint);
            boundary.exact_crossing(endpoint.test, share, rates).or_else(|| {
                let alpha = 0.5 * self.safety.as_ref()?.alpha_two_sided;
                Some(boundary.crossing(mean_z(rates, (f64::from(patients), share), alpha)?))
            })
        };
        endpoint.crossing.get(truth.index())?.get_or_init(found).clone()
    }

    /// [`Scenario::event_rates`] where every patient has them, whenever and wherever they come.
    fn rates_of_all(&self, truth: Truth, event: &Event) -> Option<[f64; 2]> {
        let sd = self.centres.as_ref().map(|centres| centres.sd).unwrap_or_default();
        let alike = match event {
            Event::Haemorrhage | Event::Perforation => sd.procedure == 0.0,
            Event::Death => self.drift.is_none() && sd == CentreEffects::default(),
            Event::Stated(_) => {
                let by_mrs = self.drift.is_some() || sd.outcome > 0.0 || sd.procedure > 0.0;
                !by_mrs || event.is_independent_of_mrs()
            }
        };
        alike.then(|| self.event_rates(truth, event)).flatten()
    }

    /// Patients in whom an event is known in the end, and the share of the experimental arm.
    fn patients_of(&self, endpoint: &SafetyEndpoint) -> (u32, f64) {
        match endpoint.event {
            Event::Death => (self.expected_known(), self.share_experimental_known()),
            _ => (self.randomised, self.ratio.share_experimental()),
        }
    }

    /// What becomes of the stopping probabilities when safety may stop the trial at the interim
    /// looks before anything else does; `None` where an event that can goes with the mRS, so that
    /// the probability of both is not the product of theirs.
    pub(super) fn with_safety(
        &self,
        truth: Truth,
        mut stopping: StoppingProbabilities,
    ) -> Option<StoppingProbabilities> {
        if !self.stops_for_safety() {
            return Some(stopping);
        }
        let interims = self.design.interims().len();
        let mut goes_on = vec![1.0; interims + 1];
        for endpoint in self.safety_endpoints().iter().filter(|it| it.boundary.is_some()) {
            if !endpoint.event.is_independent_of_mrs() || self.adherence.is_some() {
                return None;
            }
            let crossing = self.safety_crossing(truth, endpoint)?;
            let mut so_far = 0.0;
            for (k, survives) in goes_on.iter_mut().enumerate() {
                so_far += if k < interims { crossing[k] } else { 0.0 };
                *survives *= 1.0 - so_far;
            }
        }
        for probabilities in [&mut stopping.efficacy, &mut stopping.futility, &mut stopping.harm] {
            probabilities.iter_mut().zip(&goes_on).for_each(|(p, survives)| *p *= survives);
        }
        Some(stopping)
    }
}

/// Mean of the pooled Z of an event's absence; `None` where it has none.
fn mean_z(rates: [f64; 2], (patients, share): (f64, f64), alpha: f64) -> Option<f64> {
    let [control, experimental] = rates.map(|rate| 1.0 - rate);
    if control == experimental {
        return (0.0 < control && control < 1.0).then_some(0.0);
    }
    let mean = two_proportions_drift((control, experimental), share, patients, alpha);
    mean.is_finite().then_some(mean)
}
