//! Who does not get the treatment of their arm.

use super::super::file;
use super::super::treatments::{ByStratum, Treatments, mixture};
use super::Resolver;
use crate::outcome::Adherence;
use crate::outcome::adherence::Departure;
use crate::population::Population;
use crate::randomisation::Arm;

/// The mRS in each stratum of control and experimental arm, from those under both treatments.
pub(super) fn by_arm(
    treatments: &Treatments,
    strata: usize,
    adherence: Option<&Adherence>,
) -> ByStratum {
    let Some(adherence) = adherence else { return treatments.on_average() };
    [Arm::Control, Arm::Experimental].map(|arm| {
        let in_stratum = |stratum: usize| {
            let parts = treatments.in_stratum(stratum).flat_map(|(share, mrs)| {
                adherence.expected(arm, stratum, &mrs).map(|received| (share, received))
            });
            mixture(parts)
        };
        (0..strata).map(in_stratum).collect()
    })
}

/// Crossover between the strategies of a procedure happens by chance.
fn crossover_of_procedure(file: &file::ScenarioFile, population: &Population) -> Option<Adherence> {
    let procedure = file.procedure.as_ref()?;
    let by_chance = |probability| {
        let of_stratum = vec![0.0; population.strata()];
        Departure { probability, per_prognosis: 0.0, of_stratum }
    };
    let [control, experimental] =
        [&procedure.control, &procedure.experimental].map(|arm| arm.crossover);
    let departures = [control, experimental, 0.0].map(by_chance);
    let shares: Vec<f64> = population.prognosis().map(|(share, _)| share).collect();
    (control > 0.0 || experimental > 0.0).then(|| Adherence::new(&departures, &shares))
}

impl Resolver<'_> {
    /// The outer `None` is for mistakes.
    pub(super) fn adherence(&mut self, population: &Population) -> Option<Option<Adherence>> {
        let file = self.file;
        let Some(written) = &file.adherence else {
            return Some(crossover_of_procedure(file, population));
        };
        if file.procedure.is_some() {
            let message = "is given beside [procedure], whose strategies say who gets what; allowed there: procedure.control.crossover, procedure.experimental.crossover";
            return self.fail("adherence", message);
        }
        if file.prior.is_some() {
            let message = "is given beside [prior], whose effects are those of the arms as allocated; allowed: one of the two";
            return self.fail("adherence", message);
        }
        let departures = [
            ("adherence.control_crossover", &written.control_crossover),
            ("adherence.experimental_refusal", &written.experimental_refusal),
            ("adherence.experimental_failed_access", &written.experimental_failed_access),
        ]
        .map(|(path, departure)| self.departure(path, departure, population));
        let [Some(crossover), Some(refusal), Some(failed_access)] = departures else {
            return None;
        };
        let shares: Vec<f64> = population.prognosis().map(|(share, _)| share).collect();
        Some(Some(Adherence::new(&[crossover, refusal, failed_access], &shares)))
    }

    fn departure(
        &mut self,
        path: &str,
        written: &file::WrittenDeparture,
        population: &Population,
    ) -> Option<Departure> {
        Some(Departure {
            probability: written.probability,
            per_prognosis: written.log_odds_per_prognosis,
            of_stratum: self.log_odds_by_factor(path, &written.factors, population)?,
        })
    }
}
