//! Centres: their opening days, recruitment rates, and effects on patients.
//!
//! Recruitment is a Poisson process in each centre, whose rate is a gamma variable of the replicate
//! (Anisimov & Fedorov 2007, Stat Med 26:4958): the counts of a period are negative binomial, and their
//! division among the centres is Dirichlet-multinomial. A centre also has normal effects of its own on
//! the outcome, the procedure and dropout, independent of each other and of its rate.
//!
#![doc = include_str!("README.md")]

mod gamma;
mod recruitment;

use rand::Rng;

use crate::accrual::Accrual;
use crate::rng::PatientDraws;
use gamma::{gamma, normal};
pub use recruitment::{ArrivalStreams, Arrivals, Recruitment};

/// The name of the factor by which scenarios refer to centres.
pub const FACTOR: &str = "centre";

/// The opening of the centres, in days from the opening of the trial.
#[derive(Debug, Clone, PartialEq)]
pub enum Opening {
    /// All together, with the trial.
    WithTheTrial,
    /// Each at a random time, uniform over this number of days.
    Over(f64),
    /// On planned days, one per centre.
    Planned(Vec<f64>),
}

/// Effects of a centre, or their standard deviations over centres.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CentreEffects {
    /// Log odds of a better outcome.
    pub outcome: f64,
    /// Log odds that a pass reperfuses, and that a stent is placed and opens the vessel.
    pub procedure: f64,
    /// Log odds of dropout.
    pub dropout: f64,
}

/// The centres of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Centres {
    /// Number of centres, at least 1.
    pub number: u32,
    /// Shape of the gamma distribution of recruitment rates, above 0; all rates are equal if `None`.
    pub rate_shape: Option<f64>,
    /// Opening of the centres.
    pub opening: Opening,
    /// Standard deviations of the centres' effects, at least 0.
    pub sd: CentreEffects,
}

/// Numbers of a centre's draws. They are part of every result: append, never renumber.
mod draw {
    pub const OPENING: u64 = 0;
    pub const OUTCOME: u64 = 1;
    pub const PROCEDURE: u64 = 2;
    pub const DROPOUT: u64 = 3;
    /// First of the draws of the rate, which uses as many as its rejection sampler needs.
    pub const RATE: u64 = 16;
}

/// One centre of a replicate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Centre {
    /// Day from which the centre recruits.
    pub opening_day: f64,
    /// Recruitment rate as a multiple of the mean.
    pub relative_rate: f64,
    /// Effects on the centre's patients.
    pub effects: CentreEffects,
}

impl Centres {
    /// Returns whether rates and openings are the same in every replicate.
    pub fn have_a_planned_pace(&self) -> bool {
        self.rate_shape.is_none() && !matches!(self.opening, Opening::Over(_))
    }

    /// Returns whether the centre of a patient has no effect on outcome and procedure.
    pub fn are_alike(&self) -> bool {
        self.sd.outcome == 0.0 && self.sd.procedure == 0.0
    }

    /// Draws the centre with this position, from the next key of a stream.
    pub fn draw(&self, position: usize, keys: &mut impl Rng) -> Centre {
        let draws = PatientDraws::new(keys);
        Centre {
            opening_day: match &self.opening {
                Opening::WithTheTrial => 0.0,
                Opening::Over(days) => days * draws.uniform(draw::OPENING),
                Opening::Planned(days) => days[position],
            },
            // Over its mean, the shape: on average the centres recruit what `accrual` states.
            relative_rate: self.rate_shape.map_or(1.0, |s| gamma(s, draws, draw::RATE) / s),
            effects: CentreEffects {
                outcome: effect(draws, draw::OUTCOME, self.sd.outcome),
                procedure: effect(draws, draw::PROCEDURE, self.sd.procedure),
                dropout: effect(draws, draw::DROPOUT, self.sd.dropout),
            },
        }
    }

    /// Returns the day by which the expected number of arrivals is `patients`, at these centres or, if
    /// `None`, without centres; `accrual` has the rate of all centres together.
    pub fn expected_day(centres: Option<&Self>, accrual: &Accrual, patients: f64) -> f64 {
        centres.map_or_else(
            || accrual.expected_day(patients),
            |centres| centres.day_of(accrual, patients),
        )
    }

    fn day_of(&self, accrual: &Accrual, patients: f64) -> f64 {
        match &self.opening {
            Opening::WithTheTrial => accrual.expected_day(patients),
            // On average the rate rises linearly.
            Opening::Over(days) => {
                let months = days / crate::accrual::DAYS_PER_MONTH;
                Accrual::new(accrual.per_month(), months).expected_day(patients)
            }
            Opening::Planned(days) => {
                let centres = days.iter().map(|&opening_day| Centre {
                    opening_day,
                    relative_rate: 1.0,
                    effects: CentreEffects::default(),
                });
                // Rates as planned: the calendar of the mean replicate.
                let mut recruitment = Recruitment::default();
                recruitment.open(self, accrual, centres);
                recruitment.day_of(patients)
            }
        }
    }
}

/// Draws a normal effect from draw number `n`.
fn effect(draws: PatientDraws, n: u64, sd: f64) -> f64 {
    // Most scenarios leave a standard deviation at 0, and a quantile costs more than the rest of a centre.
    if sd == 0.0 { 0.0 } else { sd * normal(draws, n) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accrual::DAYS_PER_MONTH;

    fn planned(months: &[f64]) -> Centres {
        Centres {
            number: months.len() as u32,
            rate_shape: None,
            opening: Opening::Planned(months.iter().map(|m| m * DAYS_PER_MONTH).collect()),
            sd: CentreEffects::default(),
        }
    }

    /// Four centres with two patients a month each: months 0, 1, 1 and 4 open. By month 1 two patients
    /// are expected, by month 4 two and three times six.
    #[test]
    fn expected_days_follow_the_plan() {
        let centres = planned(&[4.0, 1.0, 0.0, 1.0]);
        let accrual = Accrual::new(8.0, 0.0);
        for (patients, month) in [(1.0, 0.5), (2.0, 1.0), (8.0, 2.0), (20.0, 4.0), (36.0, 6.0)] {
            let day = centres.day_of(&accrual, patients);
            assert!((day / DAYS_PER_MONTH - month).abs() < 1e-12, "{patients}: {day}");
        }
    }

    #[test]
    fn on_average_the_rate_rises_linearly() {
        let centres = Centres { opening: Opening::Over(6.0 * DAYS_PER_MONTH), ..planned(&[0.0]) };
        let accrual = Accrual::new(20.0, 0.0);
        for (patients, month) in [(15.0, 3.0), (60.0, 6.0), (140.0, 10.0)] {
            let day = centres.day_of(&accrual, patients);
            assert!((day / DAYS_PER_MONTH - month).abs() < 1e-12, "{patients}: {day}");
        }
    }
}
