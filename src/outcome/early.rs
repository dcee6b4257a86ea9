//! The mRS seen early, at discharge or after some days, which goes with the one at 90 days.
//!
//! What is stated is how patients of the control arm move from the one to the other. The early mRS of
//! a patient is drawn given the later one, by Bayes' theorem, in both arms alike: so the stated
//! distributions at 90 days stay as they are.

use super::{LEVELS, Mrs, MrsDistribution, shares_between};

/// P(early mRS | mRS at 90 days).
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyOutcome {
    /// P(early ≤ j), j = 0 … 5, by the mRS at 90 days.
    cumulative: [[f64; LEVELS - 1]; LEVELS],
}

/// Why an early mRS and a transition do not go together with the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTransition {
    /// Those who are dead do not recover.
    #[error("lets the dead recover; allowed for mRS 6: [0, 0, 0, 0, 0, 0, 1]")]
    Resurrection,
    /// An outcome that patients have comes from nowhere.
    #[error(
        "leads nobody to mRS {0}, which patients have at 90 days; allowed: above 0 somewhere in that column"
    )]
    Unreached(usize),
}

impl EarlyOutcome {
    /// From the early mRS of the control arm and, for each early mRS, the distribution of the mRS
    /// at 90 days. `occurs` tells which outcomes anybody has.
    ///
    /// # Errors
    /// When the dead recover, or an outcome that occurs comes from nowhere.
    pub fn new(
        early: &MrsDistribution,
        transition: &[MrsDistribution; LEVELS],
        occurs: [bool; LEVELS],
    ) -> Result<Self, NoTransition> {
        let dead = Mrs::DEAD.index();
        if transition[dead].probabilities()[dead] < 1.0 {
            return Err(NoTransition::Resurrection);
        }
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

    /// The early mRS of a patient with this mRS at 90 days, at quantile `uniform` in [0, 1).
    #[inline]
    pub fn draw(&self, later: Mrs, uniform: f64) -> Mrs {
        let cumulative = &self.cumulative[later.index()];
        Mrs(cumulative.iter().map(|&below| u8::from(uniform >= below)).sum())
    }

    /// P(early mRS = 0 … 6 | mRS at 90 days).
    pub fn given(&self, later: Mrs) -> [f64; LEVELS] {
        shares_between(self.cumulative[later.index()])
    }

    /// The same of those who are lost: not of the early dead.
    pub fn given_loss(&self, later: Mrs) -> [f64; LEVELS] {
        let mut given = self.given(later);
        given[Mrs::DEAD.index()] = 0.0;
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
    fn early_and_later_are_joint_by_bayes() {
        let early = distribution([0.05, 0.1, 0.1, 0.2, 0.2, 0.25, 0.1]);
        let outcome = EarlyOutcome::new(&early, &transition(), [true; LEVELS]).expect("valid");
        let p = early.probabilities();
        // Later 3 comes from 2 (worse), 3 and 4 (better).
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
    fn transitions_that_cannot_be_are_told() {
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
