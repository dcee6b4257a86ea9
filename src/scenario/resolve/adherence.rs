//! Patients who do not get the treatment of their arm.

use super::super::file;
use super::super::problems::conflicts;
use super::super::treatments::{ByStratum, Treatments, mixture};
use super::{Checked, Resolver};
use crate::outcome::Adherence;
use crate::outcome::adherence::Departure;
use crate::population::Population;
use crate::randomisation::Arm;

/// Returns the mRS in each stratum of control and experimental arm, from those under both treatments.
pub(super) fn by_arm(
    treatments: &Treatments,
    strata: usize,
    adherence: Option<&Adherence>,
) -> ByStratum {
    // Exactly the treatments, not a mixture that rounding could move.
    let Some(adherence) = adherence else { return treatments.on_average() };
    [Arm::Control, Arm::Experimental].map(|arm| {
        (0..strata)
            .map(|stratum| {
                mixture(treatments.in_stratum(stratum).flat_map(|(share, mrs)| {
                    adherence.expected(arm, stratum, &mrs).map(|received| (share, received))
                }))
            })
            .collect()
    })
}

/// Returns the crossover between the strategies of a procedure, which happens by chance; `None` if it
/// never does.
fn crossover_of_procedure(file: &file::ScenarioFile, population: &Population) -> Option<Adherence> {
    let procedure = file.procedure.as_ref()?;
    let (control, experimental) = (procedure.control.crossover, procedure.experimental.crossover);
    // No refusals or failed access: these are part of the procedure itself.
    let departures = [control, experimental, 0.0].map(|probability| Departure {
        probability,
        per_prognosis: 0.0,
        of_stratum: vec![0.0; population.strata()],
    });
    (control > 0.0 || experimental > 0.0)
        .then(|| Adherence::new(&departures, &stratum_shares(population)))
}

fn stratum_shares(population: &Population) -> Vec<f64> {
    population.prognosis().map(|(share, _)| share).collect()
}

impl Resolver<'_> {
    /// Reads who does not get the treatment of their arm; `None` if all patients get it.
    pub(super) fn adherence(&mut self, population: &Population) -> Checked<Option<Adherence>> {
        let file = self.file;
        let Some(written) = &file.adherence else {
            return Ok(crossover_of_procedure(file, population));
        };
        if file.procedure.is_some() {
            let message = "conflicts with [procedure], whose strategies determine the treatment; allowed there: procedure.control.crossover, procedure.experimental.crossover";
            return self.fail("adherence", message);
        }
        if file.prior.is_some() {
            // The prior's effects are those of the arms as allocated.
            return self.fail("adherence", conflicts("prior"));
        }
        // All three before the first is returned, so that the problems of all are reported.
        let departures = [
            ("adherence.control_crossover", &written.control_crossover),
            ("adherence.experimental_refusal", &written.experimental_refusal),
            ("adherence.experimental_failed_access", &written.experimental_failed_access),
        ]
        .map(|(path, departure)| self.departure(path, departure, population));
        let [crossover, refusal, failed_access] = departures;
        let departures = [crossover?, refusal?, failed_access?];
        Ok(Some(Adherence::new(&departures, &stratum_shares(population))))
    }

    fn departure(
        &mut self,
        path: &str,
        written: &file::WrittenDeparture,
        population: &Population,
    ) -> Checked<Departure> {
        let of_stratum = self.log_odds_by_factor(path, &written.factors, population);
        Ok(Departure {
            probability: written.probability,
            per_prognosis: written.log_odds_per_prognosis,
            of_stratum: of_stratum?,
        })
    }
}
