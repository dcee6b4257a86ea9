//! Adverse events, and when enough of them stop the trial.

use super::super::file::safety::{self as written, SafetyEvent};
use super::super::{Safety, SafetyEndpoint};
use super::Resolver;
use super::analyses::proportion_test;
use crate::accrual::{Accrual, FollowUp};
use crate::centres::Centres;
use crate::design::Design;
use crate::design::safety::SafetyBoundary;
use crate::outcome::safety::{Event, Link, StatedEvent};
use crate::outcome::{LEVELS, MrsDistribution};

/// What the calendar of the looks follows from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing<'d> {
    pub design: &'d Design,
    pub accrual: Accrual,
    pub centres: Option<&'d Centres>,
    pub follow_up: FollowUp,
    /// Share of the randomised whose outcome becomes known.
    pub share_known: f64,
}

impl Timing<'_> {
    fn expected_day(&self, patients: f64) -> f64 {
        Centres::expected_day(self.centres, &self.accrual, patients)
    }

    /// Patients whose event is expected to be known at each look; all of them in the end.
    fn patients(&self, randomised: u32, known_after_days: f64) -> Vec<u32> {
        let at = |analysed: u32| {
            let last = f64::from(analysed) / self.share_known;
            let day = self.expected_day(last) + self.follow_up.days - known_after_days;
            // The expected day grows with the number of patients.
            let (mut has_come, mut comes_later) = (0, randomised + 1);
            while comes_later - has_come > 1 {
                let middle = has_come + (comes_later - has_come) / 2;
                if self.expected_day(f64::from(middle)) <= day {
                    has_come = middle;
                } else {
                    comes_later = middle;
                }
            }
            has_come
        };
        let interims = self.design.interims().iter().map(|look| at(look.analysed));
        interims.chain([randomised]).collect()
    }
}

impl Resolver<'_> {
    /// The adverse events, where there are any; the outer `None` is for mistakes.
    pub(super) fn safety(
        &mut self,
        treatments: Option<&[MrsDistribution; 2]>,
        timing: Option<Timing<'_>>,
    ) -> Option<Option<Safety>> {
        let file = self.file;
        let Some(written) = &file.safety else { return Some(None) };
        let mut endpoints = Vec::new();
        for (index, endpoint) in written.endpoints.iter().enumerate() {
            let path = format!("safety.endpoints[{index}]");
            let name = &endpoint.name;
            if written.endpoints[..index].iter().any(|other| other.name == *name) {
                let message = format!(
                    "is \"{name}\", which another endpoint has; allowed: a name of its own"
                );
                self.fail::<()>(&format!("{path}.name"), message);
            }
            let is_death = matches!(endpoint.event, SafetyEvent::Death {});
            if is_death && endpoint.known_after_days > 0.0 {
                let message = format!(
                    "is {}; allowed for death: 0, as it is known when the outcome is",
                    endpoint.known_after_days
                );
                self.fail::<()>(&format!("{path}.known_after_days"), message);
            }
            let event = self.event(&path, &endpoint.event, treatments);
            let boundary = self.safety_boundary(&path, endpoint, timing);
            endpoints.push(event.zip(boundary).map(|(event, boundary)| SafetyEndpoint {
                name: name.clone(),
                event,
                known_after_days: endpoint.known_after_days,
                test: proportion_test(endpoint.test),
                boundary,
            }));
        }
        let endpoints = endpoints.into_iter().collect::<Option<_>>()?;
        Some(Some(Safety { endpoints, alpha_two_sided: written.alpha_two_sided }))
    }

    fn event(
        &mut self,
        path: &str,
        written: &SafetyEvent,
        treatments: Option<&[MrsDistribution; 2]>,
    ) -> Option<Event> {
        let procedure = self.file.procedure.as_ref();
        let (event, has) = match *written {
            SafetyEvent::Stated { control, experimental, log_odds_per_mrs, mrs_of_affected } => {
                let link = self.link(path, log_odds_per_mrs, mrs_of_affected)?;
                return self.stated_event(path, [control, experimental], (link, treatments?));
            }
            SafetyEvent::Death {} => (Event::Death, true),
            SafetyEvent::Haemorrhage {} => {
                let has = procedure.is_some_and(|procedure| procedure.haemorrhage.is_some());
                (Event::Haemorrhage, has)
            }
            SafetyEvent::Perforation {} => {
                let torn = procedure.map(|procedure| procedure.perforation);
                let has = torn.is_some_and(|it| it.thrombectomy > 0.0 || it.stenting > 0.0);
                (Event::Perforation, has)
            }
        };
        if has {
            return Some(event);
        }
        self.fail(
            &format!("{path}.event"),
            "is one of a procedure that does not have it; allowed: \"stated\", \"death\", or a [procedure] in which it happens",
        )
    }

    fn link(
        &mut self,
        path: &str,
        log_odds_per_mrs: f64,
        affected: Option<[f64; 7]>,
    ) -> Option<Link> {
        match affected {
            None => Some(Link::LogOddsPerMrs(log_odds_per_mrs)),
            Some(_) if log_odds_per_mrs != 0.0 => self.fail(
                &format!("{path}.log_odds_per_mrs"),
                "is given beside `mrs_of_affected`; allowed: one of the two",
            ),
            Some(shares) => {
                let shares = self.distribution(&format!("{path}.mrs_of_affected"), shares)?;
                Some(Link::MrsOfAffected(shares))
            }
        }
    }

    fn stated_event(
        &mut self,
        path: &str,
        rates: [f64; 2],
        (link, treatments): (Link, &[MrsDistribution; 2]),
    ) -> Option<Event> {
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
        Some(Event::Stated(StatedEvent { rates, link, given_mrs }))
    }

    /// The boundary, where there is one; the outer `None` is for mistakes.
    fn safety_boundary(
        &mut self,
        path: &str,
        endpoint: &written::WrittenSafetyEndpoint,
        timing: Option<Timing<'_>>,
    ) -> Option<Option<SafetyBoundary>> {
        let Some(stopping) = &endpoint.stopping else { return Some(None) };
        let timing = timing?;
        let path = format!("{path}.stopping");
        if timing.design.interims().is_empty() {
            let message = "is given for a trial with one look; allowed with interim looks";
            return self.fail(&path, message);
        }
        let patients = match endpoint.event {
            SafetyEvent::Death {} => {
                timing.design.looks().iter().map(|look| look.analysed).collect()
            }
            _ => {
                let randomised = self.file.sample_size.randomised;
                timing.patients(randomised, endpoint.known_after_days)
            }
        };
        let alpha = stopping.alpha_one_sided;
        let interims = &patients[..patients.len() - 1];
        if interims.iter().all(|&known| known == 0) {
            let message = "is never tested before the final look, as nobody is known by an interim look; allowed: a smaller known_after_days";
            return self.fail(&path, message);
        }
        let path = format!("{path}.spending");
        let nobody_new = patients.windows(2).position(|pair| pair[0] == pair[1]);
        if let (written::Boundary::Cumulative { .. }, Some(k)) = (&stopping.spending, nobody_new) {
            let message = format!(
                "is stated look by look, and look {} brings nobody new; allowed: a spending function",
                k + 2
            );
            return self.fail(&path, message);
        }
        let function = self.spending(&path, &stopping.spending, Some(alpha), &patients)?;
        match SafetyBoundary::new(patients, function, alpha) {
            Ok(boundary) => Some(Some(boundary)),
            Err(_) => self.fail(
                &path,
                "spends more than alpha_one_sided before the final look; allowed: a function that leaves some",
            ),
        }
    }
}
