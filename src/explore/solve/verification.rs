//! The verification: a value is accepted when fresh replicates show that it reaches the target.

use super::search::RootSearch;
use super::{Solution, SolveError, SolveQuestion, Verification};
use crate::explore::probit::{self, ProbitLine};
use crate::num::normal;

/// The most values that are verified.
// At a confidence of 0.95 the twentieth has a level of 5e-8: further ones could hardly be accepted.
const MOST_CANDIDATES: u32 = 20;
/// The probit of the probability that a value whose power is as predicted is accepted: 0.84.
const ASSURED: f64 = 1.0;

impl<E> RootSearch<'_, '_, E> {
    /// Verifies one candidate after another, until one is accepted.
    pub fn verified(mut self, found: ProbitLine) -> Result<Solution, SolveError<E>> {
        let SolveQuestion { target, confidence, replicates, .. } = *self.question;
        let search_replicates = self.next;
        let probit = self.probit();
        let root = self.domain.value(found.dose(probit));
        let points = self.points.clone();
        let mut line = found;
        let mut verifications: Vec<Verification> = Vec::new();
        for k in 1..=MOST_CANDIDATES {
            // The levels of all candidates sum to less than 1 − confidence.
            let alpha = (1.0 - confidence) * libm::pow(0.5, f64::from(k));
            let before = verifications.last().map(|of| of.x);
            let Some(x) = self.candidate(&line, alpha, before) else { break };
            let Some(observed) = self.observe(x, replicates)? else { break };
            let lower_bound = probit::lower_bound(observed.count, observed.n, alpha);
            verifications.push(Verification { x, observed, lower_bound, alpha });
            if lower_bound >= target {
                let interval = found
                    .limits(probit, confidence)
                    .map(|(low, high)| (self.domain.value(low), self.domain.value(high)));
                return Ok(Solution {
                    root,
                    interval,
                    rises: found.b > 0.0,
                    fit: found.fit,
                    verifications,
                    search_replicates,
                    verification_replicates: self.next - search_replicates,
                    points,
                });
            }
            // A refused candidate is the best point there is: it has the most replicates.
            line = self.fitted().unwrap_or(line);
        }
        Err(SolveError::NotShown { root, replicates })
    }

    /// Returns the first allowed value that the line predicts to be accepted at this level, beyond the
    /// one before; `None` if there is none.
    fn candidate(&self, line: &ProbitLine, alpha: f64, before: Option<f64>) -> Option<f64> {
        let x = self.predicted(line, alpha);
        let root = self.domain.value(line.dose(self.probit()));
        let sign = line.b.signum();
        let x = self.rounded(x, root, sign);
        let Some(before) = before else { return Some(x) };
        let least_step = if self.domain.whole {
            f64::from(self.question.multiple)
        } else {
            // A smaller step would spend a whole verification on nearly the value that failed.
            0.5 * (before - root).abs().max(1e-9 * before.abs())
        };
        // The range may end between two multiples, the last of which is then its end.
        let limit = if sign > 0.0 { self.domain.range.1 } else { self.domain.range.0 };
        let end = self.rounded(limit, root, sign);
        let beyond = if sign * (x - before) >= least_step { x } else { before + sign * least_step };
        let beyond =
            if sign * (beyond - end) > 0.0 { end } else { self.rounded(beyond, root, sign) };
        (sign * (beyond - before) > 0.0).then_some(beyond)
    }

    /// Returns the value whose lower bound, as the line predicts it, just reaches the target.
    fn predicted(&self, line: &ProbitLine, alpha: f64) -> f64 {
        let target = self.question.target;
        let n = self.question.replicates as f64;
        let quantile = normal::upper_quantile(alpha);
        let mut dose = line.dose(self.probit());
        let mut wanted = target;
        // A fixed point: the errors depend on the probability that is wanted because of them. Each step
        // changes it far less than the one before.
        for _ in 0..20 {
            let by_verification = wanted * (1.0 - wanted) / n;
            let (eta, error) = line.probit(dose);
            let by_line = normal::density(eta) * error;
            let spread = (by_verification + by_line * by_line).sqrt();
            let margin = quantile * by_verification.sqrt() + ASSURED * spread;
            // Close to 1 there is less room than that.
            wanted = (target + margin).min(0.5 * (1.0 + target));
            dose = line.dose(-normal::upper_quantile(wanted));
        }
        self.domain.value(dose)
    }

    /// Rounds away from the root: to a multiple of the question if only whole numbers are allowed, else
    /// to the second digit of the distance from it.
    fn rounded(&self, x: f64, root: f64, sign: f64) -> f64 {
        let (low, high) = self.domain.range;
        if self.domain.whole {
            let multiple = f64::from(self.question.multiple);
            let [least, most] = [(low / multiple).ceil(), (high / multiple).floor()];
            // A range so narrow that it has no multiple still has whole numbers.
            return if least <= most {
                let steps = if sign > 0.0 {
                    (x / multiple - 1e-9).ceil()
                } else {
                    (x / multiple + 1e-9).floor()
                };
                steps.clamp(least, most) * multiple
            } else {
                (if sign > 0.0 { x.ceil() } else { x.floor() }).clamp(low, high)
            };
        }
        let distance = (x - root).abs().max(1e-12 * x.abs()).max(f64::MIN_POSITIVE);
        let decimals = 1.0 - libm::log10(distance).floor();
        // Beyond 15 decimals the product would lose the digits that are to be kept.
        let scale = libm::pow(10.0, decimals.clamp(-15.0, 15.0));
        // 1e-9 keeps a number that is round already from being moved by its last bit.
        let steps = if sign > 0.0 { (x * scale - 1e-9).ceil() } else { (x * scale + 1e-9).floor() };
        (steps / scale).clamp(low, high)
    }
}
