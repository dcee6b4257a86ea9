//! Missing outcomes.
//!
//! logit P(missing) = a_arm + the log odds of the patient's factor levels + b·mRS, so an outcome
//! may be missing completely at random (MCAR), at random given baseline factors (MAR), or not at
//! random (MNAR). The intercept a_arm is such that the arm would lose the stated share if its
//! outcomes were those of the control treatment: the mechanism does not depend on the effect of
//! treatment. Some deaths are always known, such as those in hospital. A centre may add log odds of
//! its own; the stated share is then that of all centres together.

use super::{LEVELS, Mrs};
use crate::num::root::brent;
use crate::num::{add_log_odds, logistic, logit};
use crate::randomisation::Arm;

/// Mechanism by which outcomes go missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Mechanism {
    /// Share that an arm with the outcomes of the control treatment would lose, control first, in
    /// [0, 1).
    pub dropout: [f64; 2],
    /// Log odds of each stratum.
    pub of_stratum: Vec<f64>,
    /// Log odds added by every level of the mRS.
    pub per_mrs: f64,
    /// Share of deaths that are always known, in [0, 1].
    pub known_deaths: f64,
    /// Share of deaths that occurred by the early visit, which are never lost either.
    pub early_deaths: f64,
    /// Log odds of the centres, each with its share of patients.
    pub centres: Vec<(f64, f64)>,
}

/// Error: the stated share cannot be lost.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("cannot be reached: at most {most:.4} of the control arm's outcomes can go missing")]
pub struct Unreachable {
    /// Share lost if every outcome that can go missing does.
    pub most: f64,
}

/// P(missing) of every arm × stratum × mRS.
#[derive(Debug, Clone, PartialEq)]
pub struct Missingness {
    strata: usize,
    /// P(missing) of patients not dead at the early visit, in a centre without an effect, laid out
    /// [arm][stratum].
    probabilities: Vec<[f64; LEVELS]>,
    /// P(missing) of all patients of all centres.
    on_average: Vec<[f64; LEVELS]>,
    depends_on_outcome: bool,
}

impl Missingness {
    /// Solves the intercepts; `control` holds the share of each stratum and its distribution of the
    /// mRS in the control arm.
    ///
    /// # Errors
    /// When too many deaths are known for an arm to lose the stated share.
    pub fn new(
        mechanism: &Mechanism,
        control: &[(f64, [f64; LEVELS])],
    ) -> Result<Self, Unreachable> {
        let mut probabilities = Vec::with_capacity(2 * control.len());
        // Both intercepts are solved with the outcomes of the control treatment: with its own
        // outcomes an effective experimental arm would lose another share of patients by the same
        // mechanism.
        for dropout in mechanism.dropout {
            if mechanism.is_completely_at_random() {
                // Nothing to solve, and the stated share is kept to the last bit.
                probabilities.extend(control.iter().map(|_| [dropout; LEVELS]));
                continue;
            }
            let intercept = mechanism.intercept(dropout, control)?;
            let strata = &mechanism.of_stratum;
            probabilities.extend(strata.iter().map(|eta| mechanism.at(intercept + eta)));
        }
        let differs_by_mrs = probabilities.iter().any(|p| p.iter().any(|other| *other != p[0]));
        Ok(Self {
            strata: control.len(),
            depends_on_outcome: mechanism.early_deaths > 0.0 || differs_by_mrs,
            on_average: probabilities.iter().map(|p| mechanism.on_average(p)).collect(),
            probabilities,
        })
    }

    /// Returns P(missing) by mRS of patients of an arm and stratum who were not dead at the early
    /// visit, in a centre without an effect.
    #[inline]
    pub fn of(&self, arm: Arm, stratum: usize) -> &[f64; LEVELS] {
        &self.probabilities[arm.index() * self.strata + stratum]
    }

    /// Returns P(missing) by mRS of all patients of an arm and stratum.
    pub fn on_average(&self, arm: Arm, stratum: usize) -> [f64; LEVELS] {
        self.on_average[arm.index() * self.strata + stratum]
    }

    /// Returns whether missingness depends on the outcome, or early deaths are never lost.
    pub fn depends_on_outcome(&self) -> bool {
        self.depends_on_outcome
    }
}

impl Mechanism {
    fn is_completely_at_random(&self) -> bool {
        self.per_mrs == 0.0
            && self.known_deaths == 0.0
            && self.early_deaths == 0.0
            && self.of_stratum.iter().all(|eta| *eta == self.of_stratum[0])
            && self.centres.iter().all(|(log_odds, _)| *log_odds == 0.0)
    }

    /// Returns P(missing) by mRS over all centres and including the early dead, from that of other
    /// patients in a centre without an effect.
    fn on_average(&self, p: &[f64; LEVELS]) -> [f64; LEVELS] {
        let mut mean = p.map(|p| {
            self.centres.iter().map(|&(log_odds, share)| share * add_log_odds(p, log_odds)).sum()
        });
        mean[Mrs::DEAD.index()] *= 1.0 - self.early_deaths;
        mean
    }

    /// Returns P(missing) by mRS, given the log odds without the effect of the mRS.
    fn at(&self, log_odds: f64) -> [f64; LEVELS] {
        std::array::from_fn(|mrs| {
            let unknown = if mrs == Mrs::DEAD.index() { 1.0 - self.known_deaths } else { 1.0 };
            unknown * logistic(log_odds + self.per_mrs * mrs as f64)
        })
    }

    fn intercept(
        &self,
        dropout: f64,
        control: &[(f64, [f64; LEVELS])],
    ) -> Result<f64, Unreachable> {
        if dropout == 0.0 {
            return Ok(f64::NEG_INFINITY);
        }
        let most = self.lost(f64::INFINITY, control);
        if dropout >= most {
            return Err(Unreachable { most });
        }
        // Beyond these every probability is within rounding errors of its limit.
        let reach = 40.0
            + self.per_mrs.abs() * LEVELS as f64
            + self.of_stratum.iter().map(|eta| eta.abs()).fold(0.0, f64::max)
            + self.centres.iter().map(|(log_odds, _)| log_odds.abs()).fold(0.0, f64::max);
        let start = logit(dropout);
        brent(|intercept| self.lost(intercept, control) - dropout, start - reach, start + reach)
            // The largest share itself may be out of reach by a rounding error.
            .ok_or(Unreachable { most })
    }

    /// Returns the share of all outcomes that is lost at an intercept.
    fn lost(&self, intercept: f64, control: &[(f64, [f64; LEVELS])]) -> f64 {
        let strata = control.iter().zip(&self.of_stratum);
        strata
            .map(|((share, mrs), eta)| {
                let p = self.on_average(&self.at(intercept + eta));
                share * mrs.iter().zip(p).map(|(of_level, p)| of_level * p).sum::<f64>()
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: [f64; LEVELS] = [0.047, 0.074, 0.129, 0.16, 0.249, 0.141, 0.2];

    fn mechanism() -> Mechanism {
        Mechanism {
            dropout: [0.1, 0.2],
            of_stratum: vec![0.0, 0.7],
            per_mrs: 0.3,
            known_deaths: 0.5,
            early_deaths: 0.0,
            centres: vec![(0.0, 1.0)],
        }
    }

    #[test]
    fn arms_lose_the_stated_shares_of_the_control_arms_outcomes() {
        let mechanism = mechanism();
        let control = [(0.6, CONTROL), (0.4, CONTROL)];
        let missingness = Missingness::new(&mechanism, &control).expect("reachable");
        assert!(missingness.depends_on_outcome());
        for (arm, stated) in [(Arm::Control, 0.1), (Arm::Experimental, 0.2)] {
            let lost: f64 = (0..2)
                .map(|s| {
                    let p = missingness.of(arm, s);
                    control[s].0 * CONTROL.iter().zip(p).map(|(q, p)| q * p).sum::<f64>()
                })
                .sum();
            assert!((lost - stated).abs() < 1e-12, "{lost}");
            let [p, q] = [0, 1].map(|s| missingness.of(arm, s));
            assert!((logit(p[3]) - logit(p[1]) - 0.6).abs() < 1e-12);
            assert!((logit(q[2]) - logit(p[2]) - 0.7).abs() < 1e-12);
            let death = logit(p[6] / 0.5);
            assert!((death - logit(p[5]) - 0.3).abs() < 1e-12);
        }
    }

    #[test]
    fn centres_together_lose_the_stated_share() {
        let centres = crate::num::quadrature::normal_nodes(0.9);
        let mechanism = Mechanism { centres, ..mechanism() };
        let control = [(0.6, CONTROL), (0.4, CONTROL)];
        let missingness = Missingness::new(&mechanism, &control).expect("reachable");
        let lost: f64 = (0..2)
            .map(|s| {
                let p = missingness.on_average(Arm::Experimental, s);
                control[s].0 * CONTROL.iter().zip(p).map(|(q, p)| q * p).sum::<f64>()
            })
            .sum();
        assert!((lost - 0.2).abs() < 1e-12, "{lost}");
        // The logistic curve is convex at small probabilities: their mean exceeds that of an
        // average centre.
        let [of, all] = [*missingness.of(Arm::Control, 0), missingness.on_average(Arm::Control, 0)];
        assert!(of.iter().zip(all).all(|(of, all)| *of < all));
    }

    #[test]
    fn missingness_at_random_does_not_depend_on_the_outcome() {
        let mechanism = Mechanism { per_mrs: 0.0, known_deaths: 0.0, ..mechanism() };
        let control = [(0.6, CONTROL), (0.4, CONTROL)];
        let missingness = Missingness::new(&mechanism, &control).expect("reachable");
        assert!(!missingness.depends_on_outcome());
        let none = Mechanism { dropout: [0.0; 2], ..mechanism };
        let missingness = Missingness::new(&none, &control).expect("no outcome is lost");
        assert_eq!(missingness.of(Arm::Experimental, 1), &[0.0; LEVELS]);
    }

    #[test]
    fn known_deaths_bound_the_share_that_can_go_missing() {
        let mechanism = Mechanism { dropout: [0.95; 2], known_deaths: 1.0, ..mechanism() };
        let error = Missingness::new(&mechanism, &[(0.6, CONTROL), (0.4, CONTROL)]);
        assert!((error.expect_err("a fifth is dead").most - 0.8).abs() < 1e-12);
    }
}
