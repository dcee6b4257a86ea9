//! Adverse events, and when enough of them stop the trial.

use super::super::file::safety::{self as written, SafetyEvent};
use super::super::look_timing::{LookCalendar, LookTiming};
use super::super::problems::conflicts;
use super::super::safety::BoundaryCrossings;
use super::super::{Safety, SafetyEndpoint};
use super::looks::shares_of_last;
use super::{Checked, Reported, Resolver};
use crate::design::Design;
use crate::design::safety::SafetyBoundary;
use crate::outcome::safety::{Event, Link, StatedEvent};
use crate::outcome::{LEVELS, MrsDistribution};

/// Recruitment, follow-up and looks, which determine the calendar of the trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing<'d> {
    pub design: &'d Design,
    pub calendar: LookCalendar<'d>,
    /// Share of the randomised whose outcome becomes known.
    pub share_known: f64,
}

impl Timing<'_> {
    /// Returns the patients whose event is expected to be known at each look; all at the final one.
    fn patients(&self, timing: &LookTiming, randomised: u32, known_after_days: f64) -> Vec<u32> {
        let Self { design, calendar, share_known } = *self;
        let interims = design.interims().iter().enumerate().map(|(k, look)| {
            let day = calendar.day_of_look(timing, k, look.analysed, share_known);
            calendar.randomised_by(day - known_after_days, randomised)
        });
        interims.chain([randomised]).collect()
    }
}

impl Resolver<'_> {
    /// Reads the adverse events, given the mRS under both treatments; none if none are followed.
    pub(super) fn events(
        &mut self,
        treatments: Option<&[MrsDistribution; 2]>,
    ) -> Vec<Checked<Event>> {
        let file = self.file;
        let Some(written) = &file.safety else { return Vec::new() };
        let mut events = Vec::with_capacity(written.endpoints.len());
        for (index, endpoint) in written.endpoints.iter().enumerate() {
            let path = format!("safety.endpoints[{index}]");
            // Tables and files identify an endpoint by its name.
            if written.endpoints[..index].iter().any(|other| other.name == endpoint.name) {
                self.report_repeated(&format!("{path}.name"), &endpoint.name, "name");
            }
            let is_death = matches!(endpoint.event, SafetyEvent::Death {});
            if is_death && endpoint.known_after_days > 0.0 {
                let message = format!(
                    "is {}; allowed for death: 0, as it is known when the outcome is",
                    endpoint.known_after_days
                );
                self.report(&format!("{path}.known_after_days"), message);
            }
            events.push(self.event(&path, &endpoint.event, treatments));
        }
        events
    }

    /// Builds the endpoints of these events; `None` if none are followed. Without `timing`, because of
    /// problems with the design, boundaries are not checked.
    pub(super) fn safety(
        &mut self,
        events: &[Checked<Event>],
        timing: Option<Timing<'_>>,
    ) -> Checked<Option<Safety>> {
        let file = self.file;
        let Some(written) = &file.safety else { return Ok(None) };
        let mut endpoints = Vec::with_capacity(events.len());
        for (index, (endpoint, event)) in written.endpoints.iter().zip(events).enumerate() {
            let path = format!("safety.endpoints[{index}]");
            let boundary = match (&endpoint.stopping, timing) {
                (None, _) => Ok(None),
                (Some(_), None) => Err(Reported),
                (Some(stopping), Some(timing)) => {
                    self.safety_boundary(&path, endpoint, stopping, timing).map(Some)
                }
            };
            endpoints.push(boundary.and_then(|boundary| {
                Ok(SafetyEndpoint {
                    name: endpoint.name.clone(),
                    event: (*event)?,
                    known_after_days: endpoint.known_after_days,
                    test: endpoint.test,
                    boundary,
                    // Filled when all truths are known.
                    crossings: BoundaryCrossings::default(),
                })
            }));
        }
        let endpoints = endpoints.into_iter().collect::<Checked<_>>()?;
        Ok(Some(Safety { endpoints, alpha_two_sided: written.alpha_two_sided }))
    }

    fn event(
        &mut self,
        path: &str,
        written: &SafetyEvent,
        treatments: Option<&[MrsDistribution; 2]>,
    ) -> Checked<Event> {
        let procedure = self.file.procedure.as_ref();
        let (event, happens) = match *written {
            SafetyEvent::Stated { control, experimental, log_odds_per_mrs, mrs_of_affected } => {
                let link = self.link(path, log_odds_per_mrs, mrs_of_affected)?;
                let treatments = treatments.ok_or(Reported)?;
                return self.stated_event(path, [control, experimental], link, treatments);
            }
            SafetyEvent::Death {} => (Event::Death, true),
            SafetyEvent::Haemorrhage {} => {
                let happens = procedure.is_some_and(|procedure| procedure.haemorrhage.is_some());
                (Event::Haemorrhage, happens)
            }
            SafetyEvent::Perforation {} => {
                let happens = procedure.is_some_and(|procedure| {
                    // Both are 0 by default, which is a procedure without perforations.
                    procedure.perforation.thrombectomy > 0.0 || procedure.perforation.stenting > 0.0
                });
                (Event::Perforation, happens)
            }
        };
        if happens {
            return Ok(event);
        }
        self.fail(
            &format!("{path}.event"),
            "is one of a procedure that does not have it; allowed: \"stated\", \"death\", or a [procedure] in which it happens",
        )
    }

    /// Reads how a stated event depends on the mRS.
    fn link(
        &mut self,
        path: &str,
        log_odds_per_mrs: f64,
        affected: Option<[f64; 7]>,
    ) -> Checked<Link> {
        match affected {
            None => Ok(Link::LogOddsPerMrs(log_odds_per_mrs)),
            Some(_) if log_odds_per_mrs != 0.0 => {
                self.fail(&format!("{path}.log_odds_per_mrs"), conflicts("mrs_of_affected"))
            }
            Some(shares) => {
                // Never rescaled: `rescale` is a key of [outcome].
                let shares = self.distribution(&format!("{path}.mrs_of_affected"), shares, None);
                Ok(Link::MrsOfAffected(shares?))
            }
        }
    }

    fn stated_event(
        &mut self,
        path: &str,
        rates: [f64; 2],
        link: Link,
        treatments: &[MrsDistribution; 2],
    ) -> Checked<Event> {
        // Trials draw the event after the mRS, so they need its probability given each level.
        let mut given_mrs = [[0.0; LEVELS]; 2];
        for (arm, rate) in rates.into_iter().enumerate() {
            match link.given_mrs(rate, &treatments[arm]) {
                Ok(of_arm) => given_mrs[arm] = of_arm,
                Err(error) => {
                    let treatment = ["control", "experimental"][arm];
                    let message = format!(
                        "{error} ({treatment} treatment); allowed: a smaller share of that mRS, or a lower rate"
                    );
                    return self.fail(&format!("{path}.mrs_of_affected"), message);
                }
            }
        }
        Ok(Event::Stated(StatedEvent { rates, link, given_mrs }))
    }

    fn safety_boundary(
        &mut self,
        path: &str,
        endpoint: &written::WrittenSafetyEndpoint,
        stopping: &written::SafetyStopping,
        timing: Timing<'_>,
    ) -> Checked<SafetyBoundary> {
        let path = format!("{path}.stopping");
        if timing.design.interims().is_empty() {
            let message = "is given for a trial with one look; allowed with interim looks";
            return self.fail(&path, message);
        }
        let patients: Vec<u32> = match endpoint.event {
            // Death is known with the outcome, of which each look has the planned number.
            SafetyEvent::Death {} => {
                timing.design.looks().iter().map(|look| look.analysed).collect()
            }
            SafetyEvent::Stated { .. }
            | SafetyEvent::Haemorrhage {}
            | SafetyEvent::Perforation {} => {
                let randomised = self.file.sample_size.randomised;
                let looks = LookTiming::of(&self.file.design.looks);
                timing.patients(&looks, randomised, endpoint.known_after_days)
            }
        };
        // The final look has all patients, whenever the event is known.
        let interims = &patients[..patients.len() - 1];
        if interims.iter().all(|&known| known == 0) {
            let message = "has no data at any interim look: the event is known too late; allowed: a smaller known_after_days";
            return self.fail(&path, message);
        }
        let path = format!("{path}.spending");
        let none_new = patients.windows(2).position(|pair| pair[0] == pair[1]);
        if let (written::Boundary::Cumulative { .. }, Some(k)) = (&stopping.spending, none_new) {
            let message = format!(
                "lists error per look, but no further patients are assessed at look {}; use a spending function",
                k + 2
            );
            return self.fail(&path, message);
        }
        let alpha = stopping.alpha_one_sided;
        let function =
            self.spending(&path, &stopping.spending, Some(alpha), &shares_of_last(&patients))?;
        match SafetyBoundary::new(patients, function, alpha) {
            Ok(boundary) => Ok(boundary),
            Err(_) => self.fail(
                &path,
                "spends more than alpha_one_sided before the final look; allowed: a function that leaves some",
            ),
        }
    }
}
