//! Dropout and the early mRS.

use super::super::file;
use super::super::treatments::ByStratum;
use super::{Checked, Reported, Resolver};
use crate::num::quadrature::normal_nodes;
use crate::outcome::early::NoTransition;
use crate::outcome::missingness::Mechanism;
use crate::outcome::{EarlyOutcome, LEVELS, Missingness, Mrs, MrsDistribution};
use crate::population::Population;
use crate::randomisation::Arm;

impl Resolver<'_> {
    /// Reads the early mRS; `None` if none is seen. Its distributions are checked even if there is no
    /// mRS `by_arm`, because of problems with that.
    pub(super) fn early_outcome(
        &mut self,
        by_arm: Option<&ByStratum>,
    ) -> Checked<Option<EarlyOutcome>> {
        let Some(written) = &self.file.early_outcome else { return Ok(None) };
        let early =
            self.distribution("early_outcome.control", written.control, Some(written.rescale));
        let rows: Vec<MrsDistribution> = (0..LEVELS)
            .filter_map(|mrs| {
                let path = format!("early_outcome.transition[{mrs}]");
                self.distribution(&path, written.transition[mrs], Some(written.rescale)).ok()
            })
            .collect();
        // Fewer rows than levels if there were problems with some.
        let transition: [MrsDistribution; LEVELS] = rows.try_into().map_err(|_| Reported)?;
        let by_arm = by_arm.ok_or(Reported)?;
        let occurs = std::array::from_fn(|level| {
            by_arm.iter().flatten().any(|mrs| mrs.probabilities()[level] > 0.0)
        });
        match EarlyOutcome::new(&early?, &transition, occurs) {
            Ok(early) => Ok(Some(early)),
            Err(error) => {
                let path = match error {
                    NoTransition::Resurrection => "early_outcome.transition[6]",
                    NoTransition::Unreached(_) => "early_outcome.transition",
                };
                self.fail(path, error.to_string())
            }
        }
    }

    /// The model of dropout, and the share of control and experimental arm that drops out under the
    /// alternative. `treatments` are the distributions under both treatments, `by_arm` those of the arms.
    pub(super) fn missingness(
        &mut self,
        population: &Population,
        treatments: &ByStratum,
        by_arm: &ByStratum,
        early: Option<&EarlyOutcome>,
    ) -> Checked<(Missingness, [f64; 2])> {
        let written = &self.file.missing;
        let dropout = match written.dropout {
            file::Dropout::Both(p) => [p; 2],
            file::Dropout::ByArm { control, experimental } => [control, experimental],
        };
        let dead = Mrs::DEAD;
        let mechanism = Mechanism {
            dropout,
            of_stratum: self.log_odds_by_factor("missing", &written.factors, population)?,
            per_mrs: written.log_odds_per_mrs,
            known_deaths: written.known_deaths,
            // A death that was seen early cannot be lost afterwards.
            early_deaths: early.map_or(0.0, |early| early.given(dead)[dead.index()]),
            // Centres differ by a normal effect on the log odds, over which dropout is averaged.
            centres: normal_nodes(self.file.centres.as_ref().map_or(0.0, |it| it.dropout_sd)),
        };
        let shares: Vec<f64> = population.prognosis().map(|(share, _)| share).collect();
        let of_control = treatments[0].iter().map(|mrs| *mrs.probabilities());
        let control: Vec<(f64, [f64; LEVELS])> = shares.iter().copied().zip(of_control).collect();
        let missingness = match Missingness::new(&mechanism, &control) {
            Ok(missingness) => missingness,
            Err(error) => {
                let allowed = if error.most > 0.0 {
                    format!("less than {:.4}", error.most)
                } else {
                    "0".to_owned()
                };
                let message = format!("{error}, as deaths are known; allowed: {allowed}");
                return self.fail("missing.dropout", message);
            }
        };
        let at_random = written.log_odds_per_mrs == 0.0 && mechanism.known_deaths == 0.0;
        // The sums below would only change the last digits of what is stated.
        let lost = if at_random && early.is_none() {
            dropout
        } else {
            [Arm::Control, Arm::Experimental].map(|arm| {
                shares
                    .iter()
                    .enumerate()
                    .map(|(stratum, share)| {
                        let mrs = by_arm[arm.index()][stratum].probabilities();
                        let p = missingness.on_average(arm, stratum);
                        share * mrs.iter().zip(p).map(|(of_level, p)| of_level * p).sum::<f64>()
                    })
                    .sum()
            })
        };
        Ok((missingness, lost))
    }

    /// The log odds of each stratum, the sum over the levels of its factors.
    pub(super) fn log_odds_by_factor(
        &mut self,
        path: &str,
        factors: &[file::FactorLogOdds],
        population: &Population,
    ) -> Checked<Vec<f64>> {
        let names = factors.iter().map(|written| written.factor.as_str());
        self.factors_once(&format!("{path}.factors"), names)?;
        let mut sums = vec![0.0; population.strata()];
        for (i, written) in factors.iter().enumerate() {
            let path = format!("{path}.factors[{i}]");
            let factor =
                self.factor_index(&format!("{path}.factor"), &written.factor, population)?;
            let levels = population.factors()[factor].levels.len();
            if written.log_odds.len() != levels {
                let path = format!("{path}.log_odds");
                let why = format!("one for each level of \"{}\"", written.factor);
                return self.wrong_length(&path, written.log_odds.len(), levels, &why);
            }
            for (stratum, sum) in sums.iter_mut().enumerate() {
                *sum += written.log_odds[population.levels(stratum)[factor]];
            }
        }
        Ok(sums)
    }
}
