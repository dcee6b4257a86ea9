//! Early mRS, at discharge or after some days, and its association with the mRS at 90 days.
//!
//! The scenario states the transition of control patients from the early mRS to that at 90 days.
//! The early mRS of a patient is drawn given the later one, by Bayes' theorem and equally in both
//! arms, so that the stated distributions at 90 days hold.

use super::{LEVELS, Mrs, MrsDistribution, shares_between};

/// Distribution of the early mRS given the mRS at 90 days.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyOutcome {
    /// P(early ≤ j), j = 0 … 5, by the mRS at 90 days.
    cumulative: [[f64; LEVELS - 1]; LEVELS],
}

/// Reason why an early mRS and a transition contradict each other or the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTransition {
    /// Patients who have died do not recover.
    #[error("lets the dead recover; allowed for mRS 6: [0, 0, 0, 0, 0, 0, 1]")]
    Resurrection,
    /// An outcome that occurs follows from no early mRS.
    #[error(
        "gives mRS {0} at 90 days zero probability, but it occurs in the outcome; allowed: above 0 \
         somewhere in that column"
    )]
    Unreached(usize),
}

impl EarlyOutcome {
    /// Constructs it from the early mRS of the control arm and, for each early mRS, the
    /// distribution of the mRS at 90 days. `occurs` marks the outcomes that occur.
    ///
    /// # Errors
    /// When the dead recover, or an outcome that occurs follows from no early mRS.
    pub fn new(
        early: &MrsDistribution,
        transition: &[MrsDistribution; LEVELS],
        occurs: [bool; LEVELS],
    ) -> Result<Self, NoTransition> {
        let dead = Mrs::DEAD.index();
        if transition[dead].probabilities()[dead] < 1.0 {
            return Err(NoTransition::Resurrection);
        }
        // An outcome that never occurs keeps an early mRS of 0, which is never drawn.
        let mut cumulative = [[1.0; LEVELS - 1]; LEVELS];
        for later in 0..LEVELS {
            let joint: [f64; LEVELS] = std::array::from_fn(|first| {
                early.probabilities()[first] * transition[first].probabilities()[later]
            });
            let total: f64 = joint.iter().sum();
            if total > 0.0 {
                let mut sum = 0.0;
                for (below, p) in cumulative[later].iter_mut().zip(joint) {
                    sum += p;
                    *below = (sum / total).min(1.0);
                }
            } else if occurs[later] {
                return Err(NoTransition::Unreached(later));
            }
        }
        Ok(Self { cumulative })
    }

    /// Draws the early mRS of a patient with this mRS at 90 days, at quantile `uniform` in [0, 1).
    #[inline]
    pub fn draw(&self, later: Mrs, uniform: f64) -> Mrs {
        let cumulative = &self.cumulative[later.index()];
        Mrs(cumulative.iter().map(|&below| u8::from(uniform >= below)).sum())
    }

    /// Returns P(early mRS = 0 … 6 | mRS at 90 days).
    pub fn given(&self, later: Mrs) -> [f64; LEVELS] {
        shares_between(self.cumulative[later.index()])
    }

    /// Returns P(early mRS = 0 … 6 | mRS at 90 days, lost to follow-up): the early dead are never
    /// lost.
    pub fn given_loss(&self, later: Mrs) -> [f64; LEVELS] {
        let mut given = self.given(later);
        given[Mrs::DEAD.index()] = 0.0;
        // All patients with this later mRS may have died early, and then none is lost.
        let rest: f64 = given.iter().sum();
        given.map(|p| if rest > 0.0 { p / rest } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(shares: [f64; LEVELS]) -> MrsDistribution {
        MrsDistribution::new(shares).expect("sums to 1")
    }

    /// One step better, as now, one step worse; the dead stay dead.
    fn transition() -> [MrsDistribution; LEVELS] {
        std::array::from_fn(|first| {
            let mut shares = [0.0; LEVELS];
            if first == 6 {
                shares[6] = 1.0;
            } else {
                shares[first.saturating_sub(1)] += 0.3;
                shares[first] += 0.5;
                shares[first + 1] += 0.2;
            }
            distribution(shares)
        })
    }

    #[test]
    fn the_early_mrs_given_the_later_one_follows_bayes() {
        let early = distribution([0.05, 0.1, 0.1, 0.2, 0.2, 0.25, 0.1]);
        let outcome = EarlyOutcome::new(&early, &transition(), [true; LEVELS]).expect("valid");
        let p = early.probabilities();
        // mRS 3 follows an early 2 (worse), 3 and 4 (better).
        let joint = [p[2] * 0.2, p[3] * 0.5, p[4] * 0.3];
        let total: f64 = joint.iter().sum();
        let given = outcome.given(Mrs(3));
        for (first, joint) in (2..5).zip(joint) {
            assert!((given[first] - joint / total).abs() < 1e-15);
        }
        assert_eq!(outcome.draw(Mrs(3), 0.0).index(), 2);
        assert_eq!(outcome.draw(Mrs(3), 0.999).index(), 4);
        // The dead were dead, or at 5.
        assert_eq!(outcome.given(Mrs::DEAD)[..5], [0.0; 5]);
    }

    #[test]
    fn impossible_transitions_are_refused() {
        let early = distribution([0.0, 0.1, 0.15, 0.2, 0.2, 0.25, 0.1]);
        let mut wrong = transition();
        wrong[6] = distribution([0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.9]);
        let error = EarlyOutcome::new(&early, &wrong, [true; LEVELS]);
        assert_eq!(error, Err(NoTransition::Resurrection));
        let mut gap = transition();
        gap[1] = distribution([0.0, 0.8, 0.2, 0.0, 0.0, 0.0, 0.0]);
        let error = EarlyOutcome::new(&early, &gap, [true; LEVELS]);
        assert_eq!(error, Err(NoTransition::Unreached(0)));
    }
}
