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
const NARROWING: [f64; 5] = [1.0, 0.7, 0.5, 0.35, 0.25];
/// Distances from the target, in probits: the line is fitted to the points within the first of them
/// that gives a steep one.
const WINDOWS: [f64; 5] = [0.1, 0.2, 0.4, 1.0, f64::INFINITY];
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
/// The times that replicates are added to two values around the root before values further apart are tried.
const MORE_BETWEEN: usize = 5;
/// The most extra rounds, while the root is not among the points of the last one or is known less well than
/// a verification will know its value.
const MORE_ROUNDS: usize = 5;
/// The number of standard errors from the target at which a share of replicates is on a side of it.
const CLEAR: f64 = 2.5;
/// The most times that the replicates of a value are doubled while its side of the target is not clear.
const MOST_REPEATS: u32 = 4;
/// The error of the root that ends the search, as a multiple of that of a verification, in probits.
const PRECISE: f64 = 1.5;

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
    /// Doses around the root, to whose points lines are fitted: a curve is a line near it only.
    pub near: (f64, f64),
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
        let mut line: Option<ProbitLine> = None;
        let last = ROUNDS[ROUNDS.len() - 1];
        let more = std::iter::repeat_n(last, MORE_ROUNDS);
        for (round, divisor) in ROUNDS.into_iter().chain(more).enumerate() {
            let narrowing = NARROWING[round.min(NARROWING.len() - 1)];
            let xs = self.values_around(root, slope / narrowing);
            let is_around =
                xs.first().zip(xs.last()).is_some_and(|(low, high)| (*low..=*high).contains(&root));
            if round >= ROUNDS.len()
                && is_around
                && line.as_ref().is_some_and(|it| self.is_precise(it))
            {
                break;
            }
            for &x in &xs {
                self.observe(x, self.replicates_of_point(divisor))?;
            }
            self.look_near(&xs);
            let Some(fitted) = self.fitted() else { continue };
            // Noise, which would send the next round anywhere.
            if fitted.slope_in_errors() < 3.0 {
                continue;
            }
            // Kept if later rounds find none: a narrow window may have too few replicates.
            line = Some(fitted);
            slope = fitted.b;
            root = self.domain.value(self.dose_within_reach(&fitted, &xs));
        }
        line.ok_or_else(|| self.flat())
    }

    /// Fits later lines to the points around some values only.
    fn look_near(&mut self, xs: &[f64]) {
        let doses = xs.iter().map(|&x| self.domain.dose(x));
        let low = doses.clone().fold(f64::INFINITY, f64::min);
        let high = doses.fold(f64::NEG_INFINITY, f64::max);
        let reach = high - low;
        self.near = (low - reach, high + reach);
    }

    /// Returns whether the line knows the target's value nearly as well as a verification will.
    fn is_precise(&self, line: &ProbitLine) -> bool {
        let target = self.question.target;
        let n = self.question.replicates as f64;
        let verified = (target * (1.0 - target) / n).sqrt() / normal::density(self.probit());
        line.fit.heterogeneity == 1.0
            && line.probit(line.dose(self.probit())).1 <= PRECISE * verified
    }

    /// Simulates a value until it is clear on which side of the target it is, or known well enough; `None`
    /// if the value is not allowed.
    fn share(&mut self, x: f64, replicates: u64) -> Result<Option<f64>, SolveError<E>> {
        let target = self.question.target;
        let mut all = Observed { count: 0, n: 0 };
        let mut more = replicates;
        for _ in 0..=MOST_REPEATS {
            let Some(Observed { count, n }) = self.observe(x, more)? else { return Ok(None) };
            all = Observed { count: all.count + count, n: all.n + n };
            let error = (target * (1.0 - target) / all.n as f64).sqrt();
            if (all.share() - target).abs() > CLEAR * error {
                break;
            }
            // Doubled, so that a value near the target takes few steps.
            more = all.n;
        }
        Ok(Some(all.share()))
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
        let place = bracket::find(&mut domain, start, target, &mut |x| self.share(x, replicates))?;
        self.domain = domain;
        let range = domain.range;
        match place {
            Some(TargetPlace::Between(one, other)) => {
                let pair = self.narrowed(one, other, replicates)?;
                self.steep(pair, replicates)
            }
            Some(TargetPlace::Beyond(best)) => {
                Err(SolveError::Unreachable { ends: self.ends(range.0, range.1), best })
            }
            Some(TargetPlace::Everywhere(least)) => {
                Err(SolveError::Everywhere { ends: self.ends(range.0, range.1), least })
            }
            None => Err(SolveError::NoStart),
        }
    }

    /// Returns the error of a search whose values all have nearly the same probability.
    fn flat(&self) -> SolveError<E> {
        let xs = self.points.iter().map(|point| point.x);
        let low = xs.clone().fold(f64::INFINITY, f64::min);
        let high = xs.fold(f64::NEG_INFINITY, f64::max);
        SolveError::Flat { ends: self.ends(low, high) }
    }

    /// Returns what all replicates at two values show.
    fn ends(&self, low: f64, high: f64) -> [SearchPoint; 2] {
        [low, high].map(|x| {
            let here = self.points.iter().filter(|point| point.x == x);
            let (count, n) = here.fold((0, 0), |(count, n), point| {
                (count + point.observed.count, n + point.observed.n)
            });
            SearchPoint { x, value: count as f64 / n as f64 }
        })
    }

    /// Returns how far a probability is from the target, in probits.
    fn distance(&self, p: f64) -> f64 {
        (self.probit_of(p) - self.probit()).abs()
    }

    /// Returns the probit of a probability, or of the last one well beyond the target.
    fn probit_of(&self, p: f64) -> f64 {
        let target = self.question.target;
        // A probability of 0 or 1 has no probit.
        let end = 0.001_f64.min(0.1 * target.min(1.0 - target));
        -normal::upper_quantile(p.clamp(end, 1.0 - end))
    }

    /// Halves a bracket until the probabilities at its ends are close to the target.
    fn narrowed(
        &mut self,
        mut one: SearchPoint,
        mut other: SearchPoint,
        replicates: u64,
    ) -> Result<[SearchPoint; 2], SolveError<E>> {
        for _ in 0..MOST_DOUBLINGS {
            if self.distance(one.value).max(self.distance(other.value)) <= NEAR {
                break;
            }
            let middle = 0.5 * (self.domain.dose(one.x) + self.domain.dose(other.x));
            let x = self.domain.nearest(self.domain.value(middle));
            if x == one.x || x == other.x {
                break;
            }
            let Some(value) = self.share(x, replicates)? else { break };
            let next = SearchPoint { x, value };
            if (next.value < self.question.target) == (one.value < self.question.target) {
                one = next;
            } else {
                other = next;
            }
        }
        Ok([one, other])
    }

    /// Finds root and slope from points further and further apart, until the slope is more than noise.
    fn steep(
        &mut self,
        pair: [SearchPoint; 2],
        replicates: u64,
    ) -> Result<RoughRoot, SolveError<E>> {
        let [one, other] = pair.map(|point| self.domain.dose(point.x));
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
        self.look_near(&pair.map(|point| point.x));
        for doubling in 0..MOST_DOUBLINGS {
            if let Some(line) = self.fitted().filter(|line| line.slope_in_errors() >= STEEP) {
                let dose = line.dose(self.probit()).clamp(middle - reach, middle + reach);
                return Ok(RoughRoot { x: self.domain.value(dose), slope: line.b });
            }
            // First more replicates between the two, then values further apart.
            if doubling < MORE_BETWEEN {
                let middle = self.domain.nearest(self.domain.value(middle));
                for x in [pair[0].x, middle, pair[1].x] {
                    self.observe(x, replicates << doubling)?;
                }
                continue;
            }
            reach *= 2.0;
            self.near = (middle - reach, middle + reach);
            for dose in [middle - reach, middle + reach] {
                let x = self.domain.nearest(self.domain.value(dose.min(farthest)));
                // At an end of the domain it is the same value again.
                if self.points.iter().all(|point| point.x != x) {
                    self.observe(x, replicates)?;
                }
            }
        }
        // The curve may be so bent that no line is steep, on one side of the root or on both.
        let [first, last] = pair.map(|point| self.probit_of(point.value));
        if first == last || one == other {
            return Err(self.flat());
        }
        self.look_near(&pair.map(|point| point.x));
        Ok(RoughRoot { x: self.domain.value(middle), slope: (last - first) / (other - one) })
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
            .filter(|of| (self.near.0..=self.near.1).contains(&of.dose))
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
