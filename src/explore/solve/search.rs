//! The search: simulations around the root, and the line through them.

use super::{Observed, Simulate, SimulatedValue, SolveError, SolveQuestion};
use crate::explore::bracket::{self, Domain, DoseScale, SearchPoint, TargetPlace};
use crate::explore::probit::{self, ProbitLine, Response};
use crate::num::normal;

/// Points of a round, in probits from the target.
// On both sides, and the closer the better the root is known, so that a curve that is no probit line
// does little harm.
const OFFSETS: [f64; 4] = [-0.5, -0.2, 0.2, 0.5];
/// Factors of these offsets, round by round; then the last.
const NARROWING: [f64; 3] = [1.0, 0.7, 0.5];
/// Distances from the target, in probits: the line is fitted to the points within the first of them
/// that gives a steep one.
const WINDOWS: [f64; 3] = [0.4, 1.0, f64::INFINITY];
/// The distance from the target, in probits, beyond which a probability is no guide to the line.
const NEAR: f64 = 1.5;
/// The number of standard errors from 0 at which a slope is steep enough to be used.
const STEEP: f64 = 4.0;
/// Divisors of the replicates of a verification that give those of a point, round by round.
// Four values in each round take 4 (1/80 + 1/20 + 1/5) = 1.05 times the replicates of a
// verification.
const ROUNDS: [u64; 3] = [80, 20, 5];
/// The fewest replicates of a point.
// With fewer, a share near one half would have a standard error above 0.025.
const LEAST: u64 = 400;
/// The number of replicates of a point in which the rarer of the two, that the event happens or not, is
/// expected at the target.
// No event in too few replicates says little of a probability close to 0 or 1.
const RARE: f64 = 10.0;
/// The most that values are moved outward in search of a slope, as a factor on the scale of square
/// roots of the patients of the bracket or of the start.
const FARTHEST: f64 = 8.0;
/// The most times that points are moved further apart until there is a slope.
const MOST_DOUBLINGS: usize = 12;
/// The most extra rounds, while the root is not among the points of the last one.
const MORE_ROUNDS: usize = 5;

/// Two values of a key, around a root or not.
#[derive(Debug, Clone, Copy)]
struct ValuePair {
    one: f64,
    other: f64,
}

/// A root that is known roughly, with the slope of the probit line there.
#[derive(Debug, Clone, Copy)]
struct RoughRoot {
    x: f64,
    slope: f64,
}

/// All simulations so far.
pub(super) struct RootSearch<'q, 's, E> {
    pub question: &'q SolveQuestion,
    /// Allowed values, without those that a simulation has refused.
    pub domain: Domain,
    pub simulate: Simulate<'s, E>,
    /// The first replicate that has not been used.
    pub next: u64,
    pub points: Vec<SimulatedValue>,
}

impl<E> RootSearch<'_, '_, E> {
    /// Simulates fresh replicates at a value; `None` if the value is not allowed.
    pub fn observe(&mut self, x: f64, replicates: u64) -> Result<Option<Observed>, SolveError<E>> {
        let range = self.next..self.next + replicates;
        let observed = (self.simulate)(x, range.clone()).map_err(SolveError::Simulation)?;
        if let Some(observed) = observed {
            self.next = range.end;
            self.points.push(SimulatedValue { x, observed });
        }
        Ok(observed)
    }

    fn replicates_of_point(&self, divisor: u64) -> u64 {
        let target = self.question.target;
        let rare = (RARE / target.min(1.0 - target)).ceil() as u64;
        (self.question.replicates / divisor).max(LEAST).max(rare)
    }

    /// Simulates round after round until the line is known.
    pub fn line(&mut self) -> Result<ProbitLine, SolveError<E>> {
        let RoughRoot { x: mut root, mut slope } = self.bracketed()?;
        let mut line = None;
        let last = ROUNDS[ROUNDS.len() - 1];
        let more = std::iter::repeat_n(last, MORE_ROUNDS);
        for (round, divisor) in ROUNDS.into_iter().chain(more).enumerate() {
            let narrowing = NARROWING[round.min(NARROWING.len() - 1)];
            let xs = self.values_around(root, slope / narrowing);
            let is_around =
                xs.first().zip(xs.last()).is_some_and(|(low, high)| (*low..=*high).contains(&root));
            if round >= ROUNDS.len() && is_around {
                break;
            }
            for &x in &xs {
                self.observe(x, self.replicates_of_point(divisor))?;
            }
            let Some(fitted) = self.fitted() else { continue };
            line = Some(fitted);
            // Noise, which would send the next round anywhere.
            if fitted.slope_in_errors() < 2.0 {
                continue;
            }
            slope = fitted.b;
            root = self.domain.value(self.dose_within_reach(&fitted, &xs));
        }
        line.filter(|line| line.slope_in_errors() >= 3.0).ok_or(SolveError::Flat(root))
    }

    /// Returns the dose of the target, no further from the points than they are from one another: an
    /// extrapolated line is trusted that far.
    fn dose_within_reach(&self, line: &ProbitLine, xs: &[f64]) -> f64 {
        let doses = xs.iter().map(|&x| self.domain.dose(x));
        let low = doses.clone().fold(f64::INFINITY, f64::min);
        let high = doses.fold(f64::NEG_INFINITY, f64::max);
        let reach = high - low;
        line.dose(self.probit()).clamp(low - reach, high + reach)
    }

    /// Returns the probit of the target.
    pub fn probit(&self) -> f64 {
        -normal::upper_quantile(self.question.target)
    }

    /// Finds a rough root and slope by small simulations outward from the start.
    fn bracketed(&mut self) -> Result<RoughRoot, SolveError<E>> {
        let SolveQuestion { target, start, .. } = *self.question;
        let replicates = self.replicates_of_point(ROUNDS[0]);
        let mut domain = self.domain;
        let place = bracket::find(&mut domain, start, target, &mut |x| {
            Ok(self.observe(x, replicates)?.map(Observed::share))
        })?;
        self.domain = domain;
        let range = domain.range;
        match place {
            Some(TargetPlace::Between(one, other)) => {
                let pair = self.narrowed(one, other, replicates)?;
                self.steep(pair, replicates)
            }
            Some(TargetPlace::Beyond(best)) => Err(SolveError::Unreachable { range, best }),
            Some(TargetPlace::Everywhere(least)) => Err(SolveError::Everywhere { range, least }),
            None => Err(SolveError::NoStart),
        }
    }

    /// Returns how far a probability is from the target, in probits.
    fn distance(&self, p: f64) -> f64 {
        let target = self.question.target;
        // A probability of 0 or 1 has no probit; this end is well beyond the target.
        let end = 0.001_f64.min(0.1 * target.min(1.0 - target));
        let probit = -normal::upper_quantile(p.clamp(end, 1.0 - end));
        (probit - self.probit()).abs()
    }

    /// Halves a bracket until the probabilities at its ends are close to the target.
    fn narrowed(
        &mut self,
        mut one: SearchPoint,
        mut other: SearchPoint,
        replicates: u64,
    ) -> Result<ValuePair, SolveError<E>> {
        for _ in 0..MOST_DOUBLINGS {
            if self.distance(one.value).max(self.distance(other.value)) <= NEAR {
                break;
            }
            let middle = 0.5 * (self.domain.dose(one.x) + self.domain.dose(other.x));
            let x = self.domain.nearest(self.domain.value(middle));
            if x == one.x || x == other.x {
                break;
            }
            let Some(observed) = self.observe(x, replicates)? else { break };
            let next = SearchPoint { x, value: observed.share() };
            if (next.value < self.question.target) == (one.value < self.question.target) {
                one = next;
            } else {
                other = next;
            }
        }
        Ok(ValuePair { one: one.x, other: other.x })
    }

    /// Finds root and slope from points further and further apart, until the slope is more than noise.
    fn steep(&mut self, pair: ValuePair, replicates: u64) -> Result<RoughRoot, SolveError<E>> {
        let (one, other) = (self.domain.dose(pair.one), self.domain.dose(pair.other));
        let middle = 0.5 * (one + other);
        let mut reach = (one - other).abs();
        let farthest = match self.domain.scale {
            // A replicate takes time in proportion to its patients.
            DoseScale::Root => {
                let start = self.domain.dose(self.question.start);
                FARTHEST * one.max(other).max(start)
            }
            DoseScale::Value | DoseScale::Probit => f64::INFINITY,
        };
        for _ in 0..MOST_DOUBLINGS {
            if let Some(line) = self.fitted().filter(|line| line.slope_in_errors() >= STEEP) {
                let dose = line.dose(self.probit()).clamp(middle - reach, middle + reach);
                return Ok(RoughRoot { x: self.domain.value(dose), slope: line.b });
            }
            reach *= 2.0;
            for dose in [middle - reach, middle + reach] {
                let x = self.domain.nearest(self.domain.value(dose.min(farthest)));
                // At an end of the domain it is the same value again.
                if self.points.iter().all(|point| point.x != x) {
                    self.observe(x, replicates)?;
                }
            }
        }
        Err(SolveError::Flat(self.domain.value(middle)))
    }

    /// Returns the values of a round, in order.
    fn values_around(&self, root: f64, slope: f64) -> Vec<f64> {
        let dose = self.domain.dose(root);
        let mut xs = OFFSETS
            .map(|offset| self.domain.nearest(self.domain.value(dose + offset / slope)))
            .to_vec();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        if let [only] = xs[..] {
            // Whole numbers can be further apart than the offsets.
            xs = [only - 1.0, only, only + 1.0].map(|x| self.domain.nearest(x)).to_vec();
            xs.dedup();
        }
        xs
    }

    /// Fits the line to the points that are close to the target; `None` if no line fits any points.
    pub fn fitted(&self) -> Option<ProbitLine> {
        let all: Vec<Response> = self
            .points
            .iter()
            .map(|point| Response {
                dose: self.domain.dose(point.x),
                count: point.observed.count as f64,
                n: point.observed.n as f64,
            })
            .collect();
        let guides: Vec<Response> =
            all.iter().filter(|of| self.distance(of.count / of.n) <= NEAR).copied().collect();
        let rough = probit::fit(&guides).or_else(|| probit::fit(&all))?;
        // The windows are measured on the line, not on the points: choosing points by what they happened
        // to show would bend the line.
        for window in WINDOWS {
            let near: Vec<Response> = all
                .iter()
                .filter(|of| (rough.probit(of.dose).0 - self.probit()).abs() <= window)
                .copied()
                .collect();
            if let Some(line) = probit::fit(&near).filter(|line| line.slope_in_errors() >= STEEP) {
                return Some(line);
            }
        }
        Some(rough)
    }
}
