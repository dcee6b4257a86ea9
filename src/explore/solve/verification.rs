//! The verification: a value is accepted when fresh replicates show that it reaches the target.

use super::search::Search;
use super::{Question, Solution, SolveError, Verification};
use crate::explore::probit::{self, ProbitLine};
use crate::num::normal;

/// Values verified at most.
const MOST_CANDIDATES: u32 = 20;
/// How probable it is, in probits, that a value whose power is as predicted is accepted: 0.84.
const ASSURED: f64 = 1.0;

impl<E> Search<'_, '_, E> {
    /// One candidate after another, until one is accepted.
    pub fn verified(
        mut self,
        mut line: ProbitLine,
        search_replicates: u64,
    ) -> Result<Solution, SolveError<E>> {
        let Question { target, confidence, replicates, .. } = *self.question;
        let probit = self.probit();
        let found = line;
        let root = self.domain.value(line.dose(probit));
        let points = self.points.clone();
        let mut verifications: Vec<Verification> = Vec::new();
        for k in 1..=MOST_CANDIDATES {
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
            line = self.fitted().unwrap_or(line);
        }
        Err(SolveError::NotShown { root, replicates })
    }

    /// The first allowed value that the line says will be accepted at this level, beyond the one before;
    /// `None` where there is none.
    fn candidate(&self, line: &ProbitLine, alpha: f64, before: Option<f64>) -> Option<f64> {
        let n = self.question.replicates as f64;
        let quantile = normal::upper_quantile(alpha);
        let (mut wanted, mut dose) = (self.question.target, line.dose(self.probit()));
        for _ in 0..20 {
            let by_verification = wanted * (1.0 - wanted) / n;
            let (eta, error) = line.probit(dose);
            let by_line = normal::density(eta) * error;
            let spread = (by_verification + by_line * by_line).sqrt();
            let margin = quantile * by_verification.sqrt() + ASSURED * spread;
            // Near 1 there is less room than that.
            wanted = (self.question.target + margin).min(0.5 * (1.0 + self.question.target));
            dose = line.dose(-normal::upper_quantile(wanted));
        }
        let sign = line.b.signum();
        let root = self.domain.value(line.dose(self.probit()));
        let x = self.rounded(self.domain.value(dose), root, sign);
        let Some(before) = before else { return Some(x) };
        let least = if self.domain.whole {
            1.0
        } else {
            0.5 * (before - root).abs().max(1e-9 * before.abs())
        };
        let end = if sign > 0.0 { self.domain.range.1 } else { self.domain.range.0 };
        let beyond = if sign * (x - before) >= least { x } else { before + sign * least };
        let beyond =
            if sign * (beyond - end) > 0.0 { end } else { self.rounded(beyond, root, sign) };
        (sign * (beyond - before) > 0.0).then_some(beyond)
    }

    /// To a whole number, or to the second digit of the distance from the root, towards more.
    fn rounded(&self, x: f64, root: f64, sign: f64) -> f64 {
        let distance = (x - root).abs().max(1e-12 * x.abs()).max(f64::MIN_POSITIVE);
        let decimals = if self.domain.whole { 0.0 } else { 1.0 - libm::log10(distance).floor() };
        let scale = libm::pow(10.0, decimals.clamp(-15.0, 15.0));
        let steps = if sign > 0.0 { (x * scale - 1e-9).ceil() } else { (x * scale + 1e-9).floor() };
        (steps / scale).clamp(self.domain.range.0, self.domain.range.1)
    }
}
