//! Two values of a key between which a quantity passes its target.

use crate::num::normal;

/// The allowed values of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Domain {
    /// Smallest and largest value.
    pub range: (f64, f64),
    /// Whether only whole numbers are allowed.
    pub whole: bool,
    /// Scale on which the probit of a probability is nearly a line.
    pub scale: DoseScale,
}

/// A scale of values on which the probit of a probability is nearly a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoseScale {
    /// The value itself.
    Value,
    /// The square root of the value, for a number of patients.
    Root,
    /// The probit of the value, for a significance level, which spans powers of ten.
    Probit,
}

impl Domain {
    /// Converts a value to the scale on which the probit is a line.
    pub fn dose(&self, x: f64) -> f64 {
        match self.scale {
            DoseScale::Value => x,
            DoseScale::Root => x.max(0.0).sqrt(),
            DoseScale::Probit => -normal::upper_quantile(x),
        }
    }

    /// Converts a dose back to a value within the range, without rounding it.
    pub fn value(&self, dose: f64) -> f64 {
        let x = match self.scale {
            DoseScale::Value => dose,
            DoseScale::Root => dose.max(0.0) * dose.max(0.0),
            DoseScale::Probit => normal::lower_tail(dose),
        };
        x.clamp(self.range.0, self.range.1)
    }

    /// Returns the nearest allowed value.
    pub fn nearest(&self, x: f64) -> f64 {
        let x = if self.whole { x.round() } else { x };
        x.clamp(self.range.0, self.range.1)
    }

    /// Returns the allowed value a number of units away from `start`. A unit is a sixteenth of `start`,
    /// or of a probit.
    fn away(&self, start: f64, units: f64) -> f64 {
        if self.scale == DoseScale::Probit {
            return self.value(self.dose(start) + units / 16.0);
        }
        let width = self.range.1 - self.range.0;
        let unit = if self.whole {
            (start.abs() / 16.0).ceil().max(1.0)
        } else if start != 0.0 {
            start.abs() / 16.0
        } else if width.is_finite() {
            // A sixteenth of 0 leads nowhere.
            width / 64.0
        } else {
            1.0 / 16.0
        };
        self.nearest(start + units * unit)
    }
}

/// A value of the key and the quantity there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchPoint {
    /// Value of the key.
    pub x: f64,
    /// The quantity at this value.
    pub value: f64,
}

/// The place of the target among the values that were tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TargetPlace {
    /// Between two values: the quantity is below the target at one, and not at the other.
    Between(SearchPoint, SearchPoint),
    /// The quantity is below the target at all values; the point with the largest.
    Beyond(SearchPoint),
    /// The quantity is at or above the target at all values; the point with the smallest.
    Everywhere(SearchPoint),
}

/// Number of values tried on each side, each twice as far from the start as the one before.
// The last is 3 · 10¹⁰ times the start away, so that in practice the range ends each side.
const STEPS: u32 = 40;

/// Step from which a search for a number of patients may be hopeless: some 65 times the patients of
/// the start. With an effect, the probit of the power has by then moved by seven times its distance
/// from that of α at the start.
const FAR: u32 = 10;

/// Distance in probits by which a quantity must be further from the target than at the start for its
/// side to be given up: as the probit is nearly a line, the target is then on the other side.
const AWAY: f64 = 0.75;

/// Returns by how many probits `next` is nearer to the target than `first`.
fn approach(first: f64, next: f64, target: f64) -> f64 {
    // A few hundred replicates say little about a probability beyond 0.01 and 0.99, unless the target is
    // there.
    let end = 0.01_f64.min(0.1 * target.min(1.0 - target));
    distance_in_probits(first, target, end) - distance_in_probits(next, target, end)
}

/// Returns whether no number of patients worth simulating can reach the target, given the quantity at
/// the start and far from it: a power whose probit moves by less than half needs more than a thousand
/// times the patients of the start to be 80 %.
fn is_hopeless(first: f64, far: f64, target: f64) -> bool {
    distance_in_probits(first, target, 1e-15) - distance_in_probits(far, target, 1e-15) < 0.5
}

/// Returns the distance between the probits of a probability and of the target, with both kept within
/// `end` and 1 − `end`: 0 and 1 have no probit.
fn distance_in_probits(p: f64, target: f64, end: f64) -> f64 {
    let [p, target] = [p, target].map(|p| normal::upper_quantile(p.clamp(end, 1.0 - end)));
    (p - target).abs()
}

/// Finds where a quantity passes its target by trying values outward from `start` on both sides.
/// `quantity` returns `None` if a value is not allowed, which then bounds the range: `domain` is
/// narrowed to the allowed values and, if the target is not passed, to those that were tried. Returns
/// `None` if not even the start is allowed.
///
/// # Errors
/// Errors of `quantity`.
pub fn find<E>(
    domain: &mut Domain,
    start: f64,
    target: f64,
    quantity: &mut dyn FnMut(f64) -> Result<Option<f64>, E>,
) -> Result<Option<TargetPlace>, E> {
    let start = domain.nearest(start);
    let Some(value) = quantity(start)? else { return Ok(None) };
    let first = SearchPoint { x: start, value };
    let mut seen = vec![first];
    let mut sides = [Direction::Down, Direction::Up].map(|direction| Side {
        direction,
        last: first,
        is_open: true,
    });
    // The sides take turns, so that the bracket found is the one nearest to the start.
    for step in 0..STEPS {
        for side in &mut sides {
            if !side.is_open {
                continue;
            }
            let units = side.direction.sign() * f64::from(2u32).powi(step as i32);
            let x = domain.away(first.x, units);
            let before = side.last;
            let Some(next) = side.advance(domain, x, quantity)? else { continue };
            if (next.value < target) != (before.value < target) {
                return Ok(Some(TargetPlace::Between(before, next)));
            }
            // Only upwards: below the start there are not as many steps.
            let too_far = side.direction == Direction::Up
                && domain.scale == DoseScale::Root
                && step >= FAR
                && is_hopeless(first.value, next.value, target);
            if too_far || approach(first.value, next.value, target) < -AWAY {
                side.is_open = false;
            }
            seen.push(next);
        }
    }
    domain.range = seen.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
        (low.min(point.x), high.max(point.x))
    });
    Ok(if first.value < target {
        seen.iter()
            .max_by(|a, b| a.value.total_cmp(&b.value))
            .map(|best| TargetPlace::Beyond(*best))
    } else {
        seen.iter()
            .min_by(|a, b| a.value.total_cmp(&b.value))
            .map(|least| TargetPlace::Everywhere(*least))
    })
}

/// A direction in which values are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Down,
    Up,
}

impl Direction {
    fn sign(self) -> f64 {
        match self {
            Self::Down => -1.0,
            Self::Up => 1.0,
        }
    }

    /// Returns the end of the range in this direction.
    fn end(self, domain: &mut Domain) -> &mut f64 {
        match self {
            Self::Down => &mut domain.range.0,
            Self::Up => &mut domain.range.1,
        }
    }
}

/// The values on one side of the start.
#[derive(Debug, Clone, Copy)]
struct Side {
    direction: Direction,
    /// The point tried last.
    last: SearchPoint,
    /// Whether there is more to try.
    is_open: bool,
}

impl Side {
    /// Moves on to `x`, or to the last allowed value before it, which then ends the range; `None` if
    /// that is where the side already is.
    fn advance<E>(
        &mut self,
        domain: &mut Domain,
        x: f64,
        quantity: &mut dyn FnMut(f64) -> Result<Option<f64>, E>,
    ) -> Result<Option<SearchPoint>, E> {
        let next = if x == self.last.x {
            None
        } else if let Some(value) = quantity(x)? {
            Some(SearchPoint { x, value })
        } else {
            let last = last_allowed(domain, self.last, x, quantity)?;
            *self.direction.end(domain) = last.x;
            Some(last).filter(|last| last.x != self.last.x)
        };
        self.is_open = next.is_some_and(|next| next.x == x) && x != *self.direction.end(domain);
        self.last = next.unwrap_or(self.last);
        Ok(next)
    }
}

/// Finds the last allowed value between an allowed one and one that is not, by halving.
fn last_allowed<E>(
    domain: &Domain,
    allowed: SearchPoint,
    refused: f64,
    quantity: &mut dyn FnMut(f64) -> Result<Option<f64>, E>,
) -> Result<SearchPoint, E> {
    let (mut last, mut refused) = (allowed, refused);
    for _ in 0..24 {
        let middle = domain.nearest(0.5 * (last.x + refused));
        // A ten-thousandth is near enough: each step may be a simulation.
        if middle == last.x || middle == refused || (refused - last.x).abs() < 1e-4 * refused.abs()
        {
            break;
        }
        match quantity(middle)? {
            Some(value) => last = SearchPoint { x: middle, value },
            None => refused = middle,
        }
    }
    Ok(last)
}

/// Halves a bracket until its ends are neighbours or a millionth apart, and returns the value between
/// them at which the quantity has the target.
///
/// # Errors
/// Errors of `quantity`.
pub fn halve<E>(
    domain: &Domain,
    bracket: [SearchPoint; 2],
    target: f64,
    quantity: &mut dyn FnMut(f64) -> Result<Option<f64>, E>,
) -> Result<f64, E> {
    let [mut one, mut other] = bracket;
    // More halvings than a double has bits, in case the ends never meet the other conditions.
    for _ in 0..60 {
        let middle =
            domain.nearest(domain.value(0.5 * (domain.dose(one.x) + domain.dose(other.x))));
        if middle == one.x || middle == other.x || (one.x - other.x).abs() < 1e-6 * one.x.abs() {
            break;
        }
        // A value inside the bracket may still be refused, for example a number of patients by a look.
        let Some(value) = quantity(middle)? else { break };
        let next = SearchPoint { x: middle, value };
        if (value < target) == (one.value < target) {
            one = next;
        } else {
            other = next;
        }
    }
    // On the line between the ends.
    let share = (target - one.value) / (other.value - one.value);
    Ok(one.x + share.clamp(0.0, 1.0) * (other.x - one.x))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENTS: Domain = Domain { range: (2.0, 1e6), whole: true, scale: DoseScale::Root };

    fn place(drift: f64) -> (TargetPlace, Domain, f64) {
        let (mut domain, mut most) = (PATIENTS, 0.0_f64);
        let mut power = |x: f64| -> Result<Option<f64>, std::convert::Infallible> {
            most = most.max(x);
            Ok(Some(normal::upper_tail(1.96 - drift * (x / 348.0).sqrt())))
        };
        let Ok(found) = find(&mut domain, 348.0, 0.8, &mut power);
        (found.expect("the start is allowed"), domain, most)
    }

    #[test]
    fn the_target_lies_between_two_values() {
        for drift in [2.9, 1.0, 0.1] {
            let (TargetPlace::Between(one, other), ..) = place(drift) else { panic!("{drift}") };
            assert!((one.value < 0.8) != (other.value < 0.8), "{drift}: {one:?} {other:?}");
        }
    }

    #[test]
    fn a_search_for_fewer_patients_does_not_try_many_more() {
        let (mut domain, mut most) = (PATIENTS, 0.0_f64);
        let mut power = |x: f64| -> Result<Option<f64>, std::convert::Infallible> {
            most = most.max(x);
            Ok(Some(normal::upper_tail(1.96 - 0.15 * x.sqrt())))
        };
        // Two patients have a power of 0.040.
        let Ok(found) = find(&mut domain, 348.0, 0.025, &mut power);
        assert!(
            matches!(found, Some(TargetPlace::Everywhere(SearchPoint { x: 2.0, .. }))),
            "{found:?}"
        );
        assert!(most < 4.0 * 348.0, "{most}");
    }

    /// A one-sided test of level α/2 on this scale: Φ⁻¹ of 1 − 0.001 is reached at α = 0.002.
    #[test]
    fn a_level_is_found_across_powers_of_ten() {
        let domain = Domain { range: (1e-12, 0.5), whole: false, scale: DoseScale::Probit };
        for start in [0.05, 1e-9] {
            let mut within = domain;
            let mut accepts = |alpha: f64| -> Result<Option<f64>, std::convert::Infallible> {
                Ok(Some(1.0 - 0.5 * alpha))
            };
            let Ok(found) = find(&mut within, start, 0.999, &mut accepts);
            let Some(TargetPlace::Between(one, other)) = found else {
                panic!("{start}: {found:?}")
            };
            let Ok(root) = halve(&within, [one, other], 0.999, &mut accepts);
            assert!((root / 0.002 - 1.0).abs() < 1e-5, "{start}: {root}");
        }
    }

    #[test]
    fn a_search_without_effect_gives_up_before_patients_are_70_times_those_of_the_start() {
        for drift in [0.0, 0.01] {
            let (found, domain, most) = place(drift);
            assert!(matches!(found, TargetPlace::Beyond(_)), "{found:?}");
            assert!(most < 70.0 * 348.0 && domain.range.1 == most, "{most} {domain:?}");
        }
    }
}
