//! Centres: when they open, how fast they recruit, and how their patients differ.
//!
//! Recruitment is a Poisson process in each centre, whose rate is a gamma variable of the replicate
//! (Anisimov & Fedorov 2007, Stat Med 26:4958): the counts of a period are negative binomial, and how
//! they divide over the centres is Dirichlet-multinomial. A centre also has normal effects of its own on
//! the outcome, the procedure and the loss of outcomes, independent of each other and of its rate.

mod gamma;
mod recruitment;

use rand::Rng;

use crate::accrual::Accrual;
use crate::rng::PatientDraws;
use gamma::{gamma, normal};
pub use recruitment::Recruitment;

/// The factor that scenarios refer to centres by.
pub const FACTOR: &str = "centre";

/// When the centres open, in days from the opening of the trial.
#[derive(Debug, Clone, PartialEq)]
pub enum Opening {
    /// All at once, with the trial.
    WithTheTrial,
    /// Each at a time of its own, uniform over so many days.
    Over(f64),
    /// By plan, one day per centre.
    Planned(Vec<f64>),
}

/// How centres differ.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CentreEffects {
    /// Log odds of a better outcome.
    pub outcome: f64,
    /// Log odds that a pass reperfuses, and that a stent is placed and opens the vessel.
    pub procedure: f64,
    /// Log odds that an outcome is never known.
    pub dropout: f64,
}

/// The centres of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Centres {
    /// How many, at least 1.
    pub number: u32,
    /// Shape of the gamma distribution of their rates, above 0; all alike when `None`.
    pub rate_shape: Option<f64>,
    /// When they open.
    pub opening: Opening,
    /// Standard deviations of their effects, at least 0.
    pub sd: CentreEffects,
}

/// Numbers of a centre's draws. They are part of every result: append, never renumber.
mod draw {
    pub const OPENING: u64 = 0;
    pub const OUTCOME: u64 = 1;
    pub const PROCEDURE: u64 = 2;
    pub const DROPOUT: u64 = 3;
    /// And after, as many as a gamma variable takes.
    pub const RATE: u64 = 16;
}

/// One centre of a replicate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Centre {
    /// Day from which it recruits.
    pub opening_day: f64,
    /// Its rate as a multiple of the mean.
    pub relative_rate: f64,
    /// How its patients differ.
    pub effects: CentreEffects,
}

impl Centres {
    /// Whether rates and openings are the same in every trial.
    pub fn have_a_planned_pace(&self) -> bool {
        self.rate_shape.is_none() && !matches!(self.opening, Opening::Over(_))
    }

    /// Whether the outcomes and procedures of patients of a centre have nothing in common.
    pub fn are_alike(&self) -> bool {
        self.sd.outcome == 0.0 && self.sd.procedure == 0.0
    }

    /// The centre with this position, from the next key of a stream.
    pub fn draw(&self, position: usize, keys: &mut impl Rng) -> Centre {
        let draws = PatientDraws::new(keys);
        let effect = |sd: f64, n| if sd == 0.0 { 0.0 } else { sd * normal(draws, n) };
        Centre {
            opening_day: match &self.opening {
                Opening::WithTheTrial => 0.0,
                Opening::Over(days) => days * draws.uniform(draw::OPENING),
                Opening::Planned(days) => days[position],
            },
            relative_rate: self.rate_shape.map_or(1.0, |s| gamma(s, draws, draw::RATE) / s),
            effects: CentreEffects {
                outcome: effect(self.sd.outcome, draw::OUTCOME),
                procedure: effect(self.sd.procedure, draw::PROCEDURE),
                dropout: effect(self.sd.dropout, draw::DROPOUT),
            },
        }
    }

    /// The day by which the expected number of arrivals at these centres, if there are any, is
    /// `patients`; `accrual` has the rate of all together.
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
                let mut recruitment = Recruitment::default();
                recruitment.open(self, accrual, centres);
                recruitment.day_of(patients)
            }
        }
    }
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
