//! Adverse events: symptomatic haemorrhage, dissection, death, and how they go with the mRS.
//!
//! A stated event has a rate under each treatment and a link to the mRS, P(event | treatment, mRS),
//! such that the rate holds over the treatment's own distribution of the mRS. The event follows the
//! mRS by Bayes, so that the stated distributions of the mRS stay as they are. An effect drawn from a
//! prior changes the mRS of the experimental treatment and not the stated rate, so the link is solved
//! again for every drawn effect. Other events are read off what happens anyway: death is mRS 6, a
//! haemorrhage or perforation comes from the procedure.

use super::{LEVELS, Mrs, MrsDistribution};
use crate::num::root::brent;
use crate::num::{logistic, logit};
use crate::procedure::State;
use crate::randomisation::Arm;

/// The most endpoints of a trial: their events are bits of a byte.
pub const MAX_ENDPOINTS: usize = 8;

/// Where an event comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// At a rate under each treatment.
    Stated(StatedEvent),
    /// mRS 6; it is known when the mRS is.
    Death,
    /// Symptomatic haemorrhage of the procedure.
    Haemorrhage,
    /// Perforation or dissection of the procedure.
    Perforation,
}

/// An event of a stated rate under each treatment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatedEvent {
    /// Share of all patients who would have the event, if all got control and experimental treatment.
    pub rates: [f64; 2],
    /// How it goes with the mRS.
    pub link: Link,
    /// P(event | treatment, mRS), control treatment first.
    pub given_mrs: [[f64; LEVELS]; 2],
}

impl StatedEvent {
    /// Gives the experimental treatment another distribution of the mRS and keeps its rate.
    pub fn with_experimental(self, mrs: &MrsDistribution) -> Self {
        let [control, _] = self.given_mrs;
        let experimental = self.link.given_any_mrs(self.rates[1], mrs);
        Self { given_mrs: [control, experimental], ..self }
    }
}

/// How an event of a stated rate goes with the mRS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// Log odds of the event added by every level of the mRS; 0 leaves it independent.
    LogOddsPerMrs(f64),
    /// The distribution of the mRS of those who have the event.
    MrsOfAffected(MrsDistribution),
}

/// More of the affected than of all patients have an mRS.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "gives mRS {level} to {affected:.4} of the patients with this treatment, of whom {all:.4} have it"
)]
pub struct TooManyAffected {
    /// The mRS.
    pub level: usize,
    /// Share of the treated with the event and this mRS.
    pub affected: f64,
    /// Share of the treated with this mRS.
    pub all: f64,
}

impl Link {
    /// P(event | mRS) for patients with this distribution of the mRS, of whom `rate` in [0, 1] have
    /// the event.
    ///
    /// # Errors
    /// When those affected have an mRS more often than all together.
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
}

impl Link {
    /// The same where the distribution of the mRS may leave no room for those affected: of an mRS that
    /// they would have more often than all patients together, every patient is affected, and the rest
    /// of them are spread evenly over the unaffected patients of other mRS. The rate always holds.
    fn given_any_mrs(&self, rate: f64, mrs: &MrsDistribution) -> [f64; LEVELS] {
        let affected = match self {
            Self::LogOddsPerMrs(slope) => return by_slope(*slope, rate, mrs),
            Self::MrsOfAffected(affected) => affected.probabilities().map(|q| rate * q),
        };
        let all = mrs.probabilities();
        let fitting: [f64; LEVELS] = std::array::from_fn(|j| affected[j].min(all[j]));
        let left_over = rate - fitting.iter().sum::<f64>();
        let unaffected: f64 = all.iter().zip(fitting).map(|(all, fits)| all - fits).sum();
        let spread = if left_over > 0.0 { (left_over / unaffected).min(1.0) } else { 0.0 };
        std::array::from_fn(|j| match all[j] {
            all if all > 0.0 => ((fitting[j] + spread * (all - fitting[j])) / all).min(1.0),
            _ => 0.0,
        })
    }
}

fn by_slope(slope: f64, rate: f64, mrs: &MrsDistribution) -> [f64; LEVELS] {
    if slope == 0.0 || rate <= 0.0 || rate >= 1.0 {
        return [rate; LEVELS];
    }
    let at = |intercept: f64| -> [f64; LEVELS] {
        std::array::from_fn(|level| logistic(intercept + slope * level as f64))
    };
    let miss = |intercept: f64| {
        let pairs = mrs.probabilities().iter().zip(at(intercept));
        pairs.map(|(share, p)| share * p).sum::<f64>() - rate
    };
    // The rate lies between those of the best and the worst mRS; a slope may be too small to tell
    // them apart.
    let (start, reach) = (logit(rate), slope.abs() * LEVELS as f64);
    at(brent(miss, start - reach, start + reach).unwrap_or(start))
}

fn by_bayes(
    affected: &MrsDistribution,
    rate: f64,
    mrs: &MrsDistribution,
) -> Result<[f64; LEVELS], TooManyAffected> {
    let mut given = [0.0; LEVELS];
    for (level, p) in given.iter_mut().enumerate() {
        let all = mrs.probabilities()[level];
        let affected = rate * affected.probabilities()[level];
        if affected > all * (1.0 + 1e-9) {
            return Err(TooManyAffected { level, affected, all });
        }
        *p = if affected > 0.0 { (affected / all).min(1.0) } else { 0.0 };
    }
    Ok(given)
}

impl Event {
    /// Whether the event happens to a patient with this treatment and mRS, from a uniform draw;
    /// `procedure` is what the procedure left, where there is one.
    #[inline]
    pub fn happens(
        &self,
        treatment: Arm,
        mrs: Mrs,
        procedure: Option<&State>,
        uniform: impl FnOnce() -> f64,
    ) -> bool {
        match self {
            Self::Stated(event) => uniform() < event.given_mrs[treatment.index()][mrs.index()],
            Self::Death => mrs == Mrs::DEAD,
            Self::Haemorrhage => procedure.is_some_and(|state| state.haemorrhage),
            Self::Perforation => procedure.is_some_and(|state| state.perforation),
        }
    }

    /// Whether it has nothing to do with the mRS, under either treatment.
    pub fn is_independent_of_mrs(&self) -> bool {
        match self {
            Self::Stated(StatedEvent { given_mrs, .. }) => {
                given_mrs.iter().all(|p| p.iter().all(|other| *other == p[0]))
            }
            _ => false,
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
    fn the_rate_holds_over_the_mrs() {
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
    fn those_affected_have_the_stated_mrs() {
        let mrs = [0.0, 0.0, 0.05, 0.05, 0.1, 0.15, 0.65];
        let affected = MrsDistribution::new(mrs).expect("sums to 1");
        let given = Link::MrsOfAffected(affected).given_mrs(0.05, &control()).expect("few enough");
        assert!((overall(&given, &control()) - 0.05).abs() < 1e-15);
        for (level, p) in given.iter().enumerate() {
            let back = p * control().probabilities()[level] / 0.05;
            assert!((back - mrs[level]).abs() < 1e-12);
        }
    }

    /// Whatever effect is drawn, the rate is the stated one; where the affected fit, their mRS is too.
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
    fn more_affected_than_patients_is_refused() {
        let affected =
            MrsDistribution::new([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]).expect("sums to 1");
        let link = Link::MrsOfAffected(affected);
        assert!(link.given_mrs(0.2, &control()).is_ok());
        let error = link.given_mrs(0.3, &control()).expect_err("only a fifth is dead");
        assert_eq!(error.level, 6);
    }
}
