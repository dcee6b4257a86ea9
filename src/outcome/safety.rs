//! Adverse events: symptomatic haemorrhage, dissection, death, and their association with the mRS.
//!
//! A stated event has a rate under each treatment and a link to the mRS, P(event | treatment, mRS),
//! such that the rate holds over the treatment's own distribution of the mRS. The event is drawn
//! given the mRS, by Bayes' theorem, so that the stated distributions of the mRS hold. An effect
//! drawn from a prior changes the mRS of the experimental treatment and not the stated rate, so the
//! link is solved again for every drawn effect. Other events are part of the simulated course:
//! death is mRS 6, a haemorrhage or perforation results from the procedure.

use super::{LEVELS, Mrs, MrsDistribution};
use crate::num::root::brent;
use crate::num::{logistic, logit};
use crate::procedure::State;
use crate::randomisation::Arm;

/// Adverse event, by its source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// Event with a stated rate under each treatment.
    Stated(StatedEvent),
    /// mRS 6; known when the mRS is.
    Death,
    /// Symptomatic haemorrhage of the procedure.
    Haemorrhage,
    /// Perforation or dissection of the procedure.
    Perforation,
}

/// Event with a stated rate under each treatment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatedEvent {
    /// Share of patients with the event if all received the control and the experimental treatment.
    pub rates: [f64; 2],
    /// Association with the mRS.
    pub link: Link,
    /// P(event | treatment, mRS), control treatment first.
    pub given_mrs: [[f64; LEVELS]; 2],
}

impl StatedEvent {
    /// Returns the event for another distribution of the mRS under the experimental treatment, with
    /// the same rate.
    pub fn with_experimental(self, mrs: &MrsDistribution) -> Self {
        let [control, _] = self.given_mrs;
        let experimental = self.link.given_any_mrs(self.rates[1], mrs);
        Self { given_mrs: [control, experimental], ..self }
    }
}

/// Association of an event with the mRS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// Log odds of the event added by every level of the mRS; 0 leaves it independent.
    LogOddsPerMrs(f64),
    /// Distribution of the mRS of patients with the event.
    MrsOfAffected(MrsDistribution),
}

/// Error: more patients with the event than patients in total have an mRS.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "gives mRS {level} to {affected:.4} of the patients with this treatment, of whom {all:.4} have it"
)]
pub struct TooManyAffected {
    /// The mRS concerned.
    pub level: usize,
    /// Share of the treated with the event and this mRS.
    pub affected: f64,
    /// Share of the treated with this mRS.
    pub all: f64,
}

impl Link {
    /// Returns P(event | mRS) for patients with this distribution of the mRS, of whom a share
    /// `rate` in [0, 1] has the event.
    ///
    /// # Errors
    /// When more patients with the event than patients in total have an mRS.
    pub fn given_mrs(
        &self,
        rate: f64,
        mrs: &MrsDistribution,
    ) -> Result<[f64; LEVELS], TooManyAffected> {
        match self {
            Self::LogOddsPerMrs(slope) => Ok(by_slope(*slope, rate, mrs)),
            Self::MrsOfAffected(affected) => by_bayes(affected, rate, mrs),
        }
    }

    /// Returns P(event | mRS) for any distribution of the mRS, so that the rate always holds.
    fn given_any_mrs(&self, rate: f64, mrs: &MrsDistribution) -> [f64; LEVELS] {
        let affected = match self {
            Self::LogOddsPerMrs(slope) => return by_slope(*slope, rate, mrs),
            Self::MrsOfAffected(affected) => affected.probabilities().map(|q| rate * q),
        };
        // If more patients with the event than patients in total would have an mRS, every patient
        // with that mRS has the event, and the others are spread evenly over the patients without
        // it.
        let all = mrs.probabilities();
        let fitting: [f64; LEVELS] = std::array::from_fn(|j| affected[j].min(all[j]));
        let left_over = rate - fitting.iter().sum::<f64>();
        let unaffected: f64 = all.iter().zip(fitting).map(|(all, fits)| all - fits).sum();
        let spread = if left_over > 0.0 { (left_over / unaffected).min(1.0) } else { 0.0 };
        std::array::from_fn(|j| {
            if all[j] > 0.0 {
                ((fitting[j] + spread * (all[j] - fitting[j])) / all[j]).min(1.0)
            } else {
                0.0
            }
        })
    }
}

/// Solves for logit P(event | mRS) = intercept + slope · mRS with a given rate.
fn by_slope(slope: f64, rate: f64, mrs: &MrsDistribution) -> [f64; LEVELS] {
    // At a rate of 0 or 1 the intercept is infinite.
    if slope == 0.0 || rate <= 0.0 || rate >= 1.0 {
        return [rate; LEVELS];
    }
    // The rate lies between those of the best and the worst mRS.
    let (start, reach) = (logit(rate), slope.abs() * LEVELS as f64);
    let intercept = brent(
        |intercept| {
            let pairs = mrs.probabilities().iter().zip(on_line(intercept, slope));
            pairs.map(|(share, p)| share * p).sum::<f64>() - rate
        },
        start - reach,
        start + reach,
    );
    // A slope may be so small that the two ends are equal.
    on_line(intercept.unwrap_or(start), slope)
}

fn on_line(intercept: f64, slope: f64) -> [f64; LEVELS] {
    std::array::from_fn(|level| logistic(intercept + slope * level as f64))
}

/// Computes P(event | mRS) from the distribution of the mRS of patients with the event.
fn by_bayes(
    affected: &MrsDistribution,
    rate: f64,
    mrs: &MrsDistribution,
) -> Result<[f64; LEVELS], TooManyAffected> {
    let mut given = [0.0; LEVELS];
    for (level, p) in given.iter_mut().enumerate() {
        let all = mrs.probabilities()[level];
        let affected = rate * affected.probabilities()[level];
        // A share that was rounded when it was written down is no contradiction.
        if affected > all * (1.0 + 1e-9) {
            return Err(TooManyAffected { level, affected, all });
        }
        *p = if affected > 0.0 { (affected / all).min(1.0) } else { 0.0 };
    }
    Ok(given)
}

impl Event {
    /// Returns whether the event happens to a patient with this treatment and mRS, from a uniform
    /// draw; `procedure` is the state after the procedure, if the scenario has one.
    #[inline]
    pub fn happens(
        &self,
        treatment: Arm,
        mrs: Mrs,
        procedure: Option<&State>,
        uniform: impl FnOnce() -> f64,
    ) -> bool {
        match self {
            // Only a stated event needs a draw of its own.
            Self::Stated(event) => uniform() < event.given_mrs[treatment.index()][mrs.index()],
            Self::Death => mrs == Mrs::DEAD,
            Self::Haemorrhage => procedure.is_some_and(|state| state.haemorrhage),
            Self::Perforation => procedure.is_some_and(|state| state.perforation),
        }
    }

    /// Returns whether the event is independent of the mRS under both treatments.
    pub fn is_independent_of_mrs(&self) -> bool {
        match self {
            Self::Stated(StatedEvent { given_mrs, .. }) => {
                given_mrs.iter().all(|p| p.iter().all(|other| *other == p[0]))
            }
            Self::Death | Self::Haemorrhage | Self::Perforation => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> MrsDistribution {
        MrsDistribution::new([4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0]).expect("sums to 100")
    }

    fn overall(given: &[f64; LEVELS], mrs: &MrsDistribution) -> f64 {
        given.iter().zip(mrs.probabilities()).map(|(p, share)| p * share).sum()
    }

    #[test]
    fn the_rate_holds_over_the_distribution_of_the_mrs() {
        for slope in [-3.0, -0.4, -1e-17, 0.0, 1e-12, 0.7, 10.0] {
            for rate in [0.0, 0.001, 0.05, 0.5, 0.97] {
                let given = Link::LogOddsPerMrs(slope).given_mrs(rate, &control()).expect("any");
                assert!((overall(&given, &control()) - rate).abs() < 1e-12, "{slope} {rate}");
                if rate > 0.0 && slope.abs() < 1.0 {
                    let step = logit(given[4]) - logit(given[3]);
                    assert!((step - slope).abs() < 1e-9, "{step} {slope}");
                }
            }
        }
    }

    /// Of the affected 65 % die: MR CLEAN's fatality of symptomatic haemorrhage.
    #[test]
    fn patients_with_the_event_have_the_stated_mrs() {
        let mrs = [0.0, 0.0, 0.05, 0.05, 0.1, 0.15, 0.65];
        let affected = MrsDistribution::new(mrs).expect("sums to 1");
        let given = Link::MrsOfAffected(affected).given_mrs(0.05, &control()).expect("few enough");
        assert!((overall(&given, &control()) - 0.05).abs() < 1e-15);
        for (level, p) in given.iter().enumerate() {
            let back = p * control().probabilities()[level] / 0.05;
            assert!((back - mrs[level]).abs() < 1e-12);
        }
    }

    /// Under any drawn effect the rate is the stated one; if the patients with the event fit, so is
    /// their mRS.
    #[test]
    fn the_rate_holds_under_every_drawn_effect() {
        let mrs = [0.0, 0.0, 0.05, 0.05, 0.1, 0.15, 0.65];
        let affected = MrsDistribution::new(mrs).expect("sums to 1");
        let links =
            [Link::LogOddsPerMrs(1.0), Link::LogOddsPerMrs(0.0), Link::MrsOfAffected(affected)];
        for link in links {
            let given_mrs = [link.given_mrs(0.1, &control()).expect("few enough"); 2];
            let event = StatedEvent { rates: [0.1; 2], link, given_mrs };
            for log_odds_ratio in [-30.0, -2.0, 0.0, 0.7, 3.0, 30.0] {
                let drawn = control().shifted_by(log_odds_ratio);
                let under = event.with_experimental(&drawn).given_mrs;
                assert_eq!(under[0], given_mrs[0]);
                assert!(under[1].iter().all(|p| (0.0..=1.0).contains(p)), "{under:?}");
                let rate = overall(&under[1], &drawn);
                assert!((rate - 0.1).abs() < 1e-12, "{link:?} {log_odds_ratio}: {rate}");
                if log_odds_ratio == 0.0 {
                    let same = under[1].iter().zip(given_mrs[1]);
                    assert!(same.into_iter().all(|(a, b)| (a - b).abs() < 1e-12));
                }
            }
        }
    }

    #[test]
    fn more_patients_with_the_event_than_patients_are_refused() {
        let affected =
            MrsDistribution::new([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]).expect("sums to 1");
        let link = Link::MrsOfAffected(affected);
        assert!(link.given_mrs(0.2, &control()).is_ok());
        let error = link.given_mrs(0.3, &control()).expect_err("only a fifth is dead");
        assert_eq!(error.level, 6);
    }
}
