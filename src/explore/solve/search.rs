//! The search: simulations around the root, and the line through them.

use super::{Observed, Question, Simulate, SolveError};
use crate::explore::bracket::{self, Domain, Place, Point, Scale};
use crate::explore::probit::{self, ProbitLine, Response};
use crate::num::normal;

/// Points of a round, in probits from the target: on both sides, and the nearer the better the root
/// is known, so that a curve that is no probit line does little harm.
const OFFSETS: [f64; 4] = [-0.5, -0.2, 0.2, 0.5];
/// What these are multiplied by, round by round; then the last.
const NARROWING: [f64; 3] = [1.0, 0.7, 0.5];
/// Points are taken within the first of these, in probits from the target, that gives a line.
const WINDOWS: [f64; 3] = [0.4, 1.0, f64::INFINITY];
/// Probabilities further from the target, in probits, are no guide to the line.
const NEAR: f64 = 1.5;
/// A slope this many standard errors from 0 is steep enough to go by.
const STEEP: f64 = 4.0;
/// Parts of the replicates of a verification that each point of a round has.
const ROUNDS: [u64; 3] = [80, 20, 5];
/// Replicates of a point at least.
const LEAST: u64 = 400;
/// Replicates of a point in which the rarer of the two, that it happens or not, is expected at the
/// target at least: nothing seen in too few says little of a probability next to 0 or 1.
const RARE: f64 = 10.0;
/// Times the square root of the patients of a bracket, or of the start, beyond which none are simulated
/// in search of a slope.
const FARTHEST: f64 = 8.0;
/// How often points are put further apart until there is a slope.
const MOST_DOUBLINGS: usize = 12;
/// Rounds more, where the root was not among the points of the last.
const MORE_ROUNDS: usize = 5;

/// Everything simulated so far.
pub(super) struct Search<'q, 's, E> {
    pub question: &'q Question,
    /// Narrowed by values that are not allowed.
    pub domain: Domain,
    pub simulate: Simulate<'s, E>,
    /// The first replicate that has not been used.
    pub next: u64,
    pub points: Vec<(f64, Observed)>,
}

impl<E> Search<'_, '_, E> {
    /// Fresh replicates at a value.
    pub fn observe(&mut self, x: f64, replicates: u64) -> Result<Option<Observed>, SolveError<E>> {
        let range = self.next..self.next + replicates;
        let observed = (self.simulate)(x, range.clone()).map_err(SolveError::Simulation)?;
        if let Some(observed) = observed {
            self.next = range.end;
            self.points.push((x, observed));
        }
        Ok(observed)
    }

    fn per_point(&self, part: u64) -> u64 {
        let target = self.question.target;
        let rare = (RARE / target.min(1.0 - target)).ceil() as u64;
        (self.question.replicates / part).max(LEAST).max(rare)
    }

    /// Rounds of simulation until the line is known.
    pub fn line(&mut self) -> Result<ProbitLine, SolveError<E>> {
        let (mut root, mut slope) = self.bracketed()?;
        let mut line = None;
        let last = ROUNDS[ROUNDS.len() - 1];
        let more = std::iter::repeat_n(last, MORE_ROUNDS);
        for (round, part) in ROUNDS.into_iter().chain(more).enumerate() {
            let narrowing = NARROWING[round.min(NARROWING.len() - 1)];
            let xs = self.values_around(root, slope / narrowing);
            let held =
                xs.first().zip(xs.last()).is_some_and(|(low, high)| (*low..=*high).contains(&root));
            if round >= ROUNDS.len() && held {
                break;
            }
            for &x in &xs {
                self.observe(x, self.per_point(part))?;
            }
            let Some(fitted) = self.fitted() else { continue };
            line = Some(fitted);
            if fitted.slope_in_errors() < 2.0 {
                continue;
            }
            slope = fitted.b;
            root = self.domain.value(self.within_reach(&fitted, &xs));
        }
        let line = line.filter(|line| line.slope_in_errors() >= 3.0);
        line.ok_or(SolveError::Flat(root))
    }

    /// The dose of the target, no further from the points than they are from one another.
    fn within_reach(&self, line: &ProbitLine, xs: &[f64]) -> f64 {
        let doses = xs.iter().map(|&x| self.domain.dose(x));
        let low = doses.clone().fold(f64::INFINITY, f64::min);
        let high = doses.fold(f64::NEG_INFINITY, f64::max);
        let reach = high - low;
        line.dose(self.probit()).clamp(low - reach, high + reach)
    }

    pub fn probit(&self) -> f64 {
        -normal::upper_quantile(self.question.target)
    }

    /// A rough root and slope, by small simulations outward from the start.
    fn bracketed(&mut self) -> Result<(f64, f64), SolveError<E>> {
        let (target, start, replicates) =
            (self.question.target, self.question.start, self.per_point(ROUNDS[0]));
        let mut domain = self.domain;
        let place = bracket::find(&mut domain, start, target, &mut |x| {
            let observed = self.observe(x, replicates)?;
            Ok(observed.map(|of| of.count as f64 / of.n as f64))
        })?;
        self.domain = domain;
        let range = domain.range;
        let (one, other) = match place.ok_or(SolveError::NoStart)? {
            Place::Between(one, other) => (one, other),
            Place::Beyond(best) => return Err(SolveError::Unreachable { range, best }),
            Place::Everywhere(least) => return Err(SolveError::Everywhere { range, least }),
        };
        let (one, other) = self.narrowed((one, other), replicates)?;
        self.steep((one, other), replicates)
    }

    /// How far a probability is from the target, in probits.
    fn distance(&self, p: f64) -> f64 {
        let target = self.question.target;
        let end = 0.001_f64.min(0.1 * target.min(1.0 - target));
        let probit = -normal::upper_quantile(p.clamp(end, 1.0 - end));
        (probit - self.probit()).abs()
    }

    /// Halves a bracket until its ends are near the target: a probability of 0 or 1 has no probit.
    fn narrowed(
        &mut self,
        (mut one, mut other): (Point, Point),
        replicates: u64,
    ) -> Result<(f64, f64), SolveError<E>> {
        for _ in 0..MOST_DOUBLINGS {
            if self.distance(one.value).max(self.distance(other.value)) <= NEAR {
                break;
            }
            let middle = 0.5 * (self.domain.dose(one.x) + self.domain.dose(other.x));
            let x = self.domain.nearest(self.domain.value(middle));
            let is_new = x != one.x && x != other.x;
            let Some(Observed { count, n }) =
                (if is_new { self.observe(x, replicates)? } else { None })
            else {
                break;
            };
            let next = Point { x, value: count as f64 / n as f64 };
            let like_one =
                (next.value < self.question.target) == (one.value < self.question.target);
            if like_one {
                one = next;
            } else {
                other = next;
            }
        }
        Ok((one.x, other.x))
    }

    /// Root and slope from points further and further apart, until the slope is more than noise.
    fn steep(
        &mut self,
        (one, other): (f64, f64),
        replicates: u64,
    ) -> Result<(f64, f64), SolveError<E>> {
        let middle = 0.5 * (self.domain.dose(one) + self.domain.dose(other));
        let mut reach = (self.domain.dose(one) - self.domain.dose(other)).abs();
        let farthest = match self.domain.scale {
            Scale::Root => {
                let start = self.domain.dose(self.question.start);
                FARTHEST * self.domain.dose(one).max(self.domain.dose(other)).max(start)
            }
            Scale::Value | Scale::Probit => f64::INFINITY,
        };
        for _ in 0..MOST_DOUBLINGS {
            let line = self.fitted().filter(|line| line.slope_in_errors() >= STEEP);
            if let Some(line) = line {
                let dose = line.dose(self.probit()).clamp(middle - reach, middle + reach);
                return Ok((self.domain.value(dose), line.b));
            }
            reach *= 2.0;
            for dose in [middle - reach, middle + reach] {
                let x = self.domain.nearest(self.domain.value(dose.min(farthest)));
                if self.points.iter().all(|(seen, _)| *seen != x) {
                    self.observe(x, replicates)?;
                }
            }
        }
        Err(SolveError::Flat(self.domain.value(middle)))
    }

    /// Values at which to simulate, in order.
    fn values_around(&self, root: f64, slope: f64) -> Vec<f64> {
        let dose = self.domain.dose(root);
        let mut xs: Vec<f64> = OFFSETS
            .iter()
            .map(|offset| self.domain.nearest(self.domain.value(dose + offset / slope)))
            .collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        if let [only] = xs[..] {
            // Whole numbers so few that they are further apart than that.
            xs = [only - 1.0, only, only + 1.0].map(|x| self.domain.nearest(x)).to_vec();
            xs.dedup();
        }
        xs
    }

    /// The line through the points that are near the target.
    pub fn fitted(&self) -> Option<ProbitLine> {
        let response = |&(x, Observed { count, n }): &(f64, Observed)| Response {
            dose: self.domain.dose(x),
            count: count as f64,
            n: n as f64,
        };
        let all: Vec<Response> = self.points.iter().map(response).collect();
        let guides = all.iter().filter(|of| self.distance(of.count / of.n) <= NEAR);
        let rough =
            probit::fit(&guides.copied().collect::<Vec<_>>()).or_else(|| probit::fit(&all))?;
        let within = |window: f64| {
            let near = |of: &&Response| (rough.probit(of.dose).0 - self.probit()).abs() <= window;
            probit::fit(&all.iter().filter(near).copied().collect::<Vec<_>>())
        };
        let mut lines = WINDOWS.into_iter().filter_map(within);
        lines.find(|line| line.slope_in_errors() >= STEEP).or(Some(rough))
    }
}
