//! Two values of a key between which a figure passes its target.

use crate::num::normal;

/// What values a key may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Domain {
    /// Least and greatest.
    pub range: (f64, f64),
    /// Whether only whole numbers are allowed.
    pub whole: bool,
    /// On which the probit of a probability is a line.
    pub scale: Scale,
}

/// A scale of values on which the probit of a probability is nearly a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// The value itself.
    Value,
    /// Its square root, as for a number of patients.
    Root,
    /// Its probit, as for a significance level, which spans powers of ten.
    Probit,
}

impl Domain {
    /// The value on the scale on which the probit is a line.
    pub fn dose(&self, x: f64) -> f64 {
        match self.scale {
            Scale::Value => x,
            Scale::Root => x.max(0.0).sqrt(),
            Scale::Probit => -normal::upper_quantile(x),
        }
    }

    /// The value of a dose, within the range; not rounded.
    pub fn value(&self, dose: f64) -> f64 {
        let x = match self.scale {
            Scale::Value => dose,
            Scale::Root => dose.max(0.0) * dose.max(0.0),
            Scale::Probit => normal::lower_tail(dose),
        };
        x.clamp(self.range.0, self.range.1)
    }

    /// The nearest allowed value.
    pub fn nearest(&self, x: f64) -> f64 {
        let x = if self.whole { x.round() } else { x };
        x.clamp(self.range.0, self.range.1)
    }

    /// The value so many units from another: of a sixteenth of it, or of a probit.
    fn away(&self, start: f64, units: f64) -> f64 {
        let unit = match self.scale {
            Scale::Probit => return self.value(self.dose(start) + units / 16.0),
            _ if self.whole => (start.abs() / 16.0).ceil().max(1.0),
            _ => step_at(self, start),
        };
        self.nearest(start + units * unit)
    }
}

/// A value and the figure there.
pub type At = (f64, f64);

/// Where the target lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// Between two values: the figure is below the target at one, and not at the other.
    Between(At, At),
    /// The figure is below the target everywhere; the best that was seen.
    Beyond(At),
    /// The figure is nowhere below the target; the least that was seen.
    Everywhere(At),
}

/// Values looked at on each side, each twice as far from the start as the one before.
const STEPS: u32 = 40;

/// So many steps out, patients are some 65 times as many as at the start. With an effect, the probit
/// of the power has by then moved by seven times its distance from that of α at the start.
const FAR: u32 = 10;

/// How many probits a figure is nearer to the target than another; above 0 where it is nearer. What
/// was seen in a few hundred replicates says little of a probability beyond 0.01 and 0.99, unless the
/// target is there.
fn approach(first: f64, next: f64, target: f64) -> f64 {
    let end = 0.01_f64.min(0.1 * target.min(1.0 - target));
    let probit = |p: f64| normal::upper_quantile(p.clamp(end, 1.0 - end));
    (probit(first) - probit(target)).abs() - (probit(next) - probit(target)).abs()
}

/// A figure that is this many probits further from the target than at the start is on the wrong side
/// of the start, as the probit is nearly a line.
const AWAY: f64 = 0.75;

/// Whether values so far out, or further, are of no use: patients in any number worth simulating would
/// not reach the target. A power whose probit moves by less needs more than a thousand times those of
/// the start to be 80 %.
fn is_hopeless(first: f64, far: f64, target: f64) -> bool {
    let [by, to, aim] =
        [first, far, target].map(|p| normal::upper_quantile(p.clamp(1e-15, 1.0 - 1e-15)));
    (by - aim).abs() - (to - aim).abs() < 0.5
}

/// Looks outward from `start` on both sides. `figure` is `None` where a value is not allowed, which
/// then bounds the range: `domain` is narrowed to what is allowed and, where the target is not passed,
/// to what was tried.
///
/// # Errors
/// When `figure` fails; when not even the start is allowed there is no place.
pub fn find<E>(
    domain: &mut Domain,
    start: f64,
    target: f64,
    figure: &mut dyn FnMut(f64) -> Result<Option<f64>, E>,
) -> Result<Option<Place>, E> {
    let start = domain.nearest(start);
    let Some(first) = figure(start)? else { return Ok(None) };
    let mut ends = [(start, first); 2];
    let mut seen = vec![(start, first)];
    let mut open = [true; 2];
    for step in 0..STEPS {
        for side in 0..2 {
            if !open[side] {
                continue;
            }
            let sign = if side == 0 { -1.0 } else { 1.0 };
            let x = domain.away(start, sign * f64::from(2u32).powi(step as i32));
            let next = if x == ends[side].0 {
                None
            } else {
                reach(domain, side, (ends[side], x), figure)?
            };
            let Some(next) = next else {
                open[side] = false;
                continue;
            };
            open[side] = next.0 == x && x != [domain.range.0, domain.range.1][side];
            if (next.1 < target) != (ends[side].1 < target) {
                return Ok(Some(Place::Between(ends[side], next)));
            }
            // Below the start there are not as many steps.
            let too_far = side == 1
                && domain.scale == Scale::Root
                && step >= FAR
                && is_hopeless(first, next.1, target);
            if too_far || approach(first, next.1, target) < -AWAY {
                open[side] = false;
            }
            ends[side] = next;
            seen.push(next);
        }
    }
    let tried = seen.iter().map(|of| of.0);
    domain.range =
        (tried.clone().fold(f64::INFINITY, f64::min), tried.fold(f64::NEG_INFINITY, f64::max));
    let by_figure = |a: &&At, b: &&At| a.1.total_cmp(&b.1);
    let best =
        if first < target { seen.iter().max_by(by_figure) } else { seen.iter().min_by(by_figure) };
    let best = *best.expect("the start was seen");
    Ok(Some(if first < target { Place::Beyond(best) } else { Place::Everywhere(best) }))
}

/// A sixteenth of the value, or of the range where that is 0 and bounded.
fn step_at(domain: &Domain, x: f64) -> f64 {
    let width = domain.range.1 - domain.range.0;
    match x.abs() {
        size if size > 0.0 => size / 16.0,
        _ if width.is_finite() => width / 64.0,
        _ => 1.0 / 16.0,
    }
}

/// The figure at `x`, or at the last allowed value before it, which then ends the range.
fn reach<E>(
    domain: &mut Domain,
    side: usize,
    (good, x): (At, f64),
    figure: &mut dyn FnMut(f64) -> Result<Option<f64>, E>,
) -> Result<Option<At>, E> {
    if let Some(value) = figure(x)? {
        return Ok(Some((x, value)));
    }
    let (mut last, mut bad) = (good, x);
    for _ in 0..24 {
        let middle = domain.nearest(0.5 * (last.0 + bad));
        if middle == last.0 || middle == bad || (bad - last.0).abs() < 1e-4 * bad.abs() {
            break;
        }
        match figure(middle)? {
            Some(value) => last = (middle, value),
            None => bad = middle,
        }
    }
    match side {
        0 => domain.range.0 = last.0,
        _ => domain.range.1 = last.0,
    }
    Ok((last.0 != good.0).then_some(last))
}

/// Halves a bracket until its ends are neighbours or a millionth apart: the value nearer to where the
/// figure has the target.
///
/// # Errors
/// When `figure` fails.
pub fn halve<E>(
    domain: &Domain,
    (mut one, mut other): (At, At),
    target: f64,
    figure: &mut dyn FnMut(f64) -> Result<Option<f64>, E>,
) -> Result<f64, E> {
    for _ in 0..60 {
        let middle =
            domain.nearest(domain.value(0.5 * (domain.dose(one.0) + domain.dose(other.0))));
        if middle == one.0 || middle == other.0 || (one.0 - other.0).abs() < 1e-6 * one.0.abs() {
            break;
        }
        let Some(value) = figure(middle)? else { break };
        if (value < target) == (one.1 < target) {
            one = (middle, value)
        } else {
            other = (middle, value)
        };
    }
    // On the line between them.
    let share = (target - one.1) / (other.1 - one.1);
    Ok(one.0 + share.clamp(0.0, 1.0) * (other.0 - one.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENTS: Domain = Domain { range: (2.0, 1e6), whole: true, scale: Scale::Root };

    fn place(drift: f64) -> (Place, Domain, f64) {
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
            let (Place::Between(one, other), ..) = place(drift) else { panic!("{drift}") };
            assert!((one.1 < 0.8) != (other.1 < 0.8), "{drift}: {one:?} {other:?}");
        }
    }

    #[test]
    fn patients_do_not_grow_where_fewer_are_wanted() {
        let (mut domain, mut most) = (PATIENTS, 0.0_f64);
        let mut power = |x: f64| -> Result<Option<f64>, std::convert::Infallible> {
            most = most.max(x);
            Ok(Some(normal::upper_tail(1.96 - 0.15 * x.sqrt())))
        };
        // Two patients have a power of 0.040.
        let Ok(found) = find(&mut domain, 348.0, 0.025, &mut power);
        assert!(matches!(found, Some(Place::Everywhere((2.0, _)))), "{found:?}");
        assert!(most < 4.0 * 348.0, "{most}");
    }

    /// A one-sided test of level α/2 on this scale: Φ⁻¹ of 1 − 0.001 is reached at α = 0.002.
    #[test]
    fn a_level_is_found_across_powers_of_ten() {
        let domain = Domain { range: (1e-12, 0.5), whole: false, scale: Scale::Probit };
        for start in [0.05, 1e-9] {
            let mut within = domain;
            let mut accepts = |alpha: f64| -> Result<Option<f64>, std::convert::Infallible> {
                Ok(Some(1.0 - 0.5 * alpha))
            };
            let Ok(found) = find(&mut within, start, 0.999, &mut accepts);
            let Some(Place::Between(one, other)) = found else { panic!("{start}: {found:?}") };
            let Ok(root) = halve(&within, (one, other), 0.999, &mut accepts);
            assert!((root / 0.002 - 1.0).abs() < 1e-5, "{start}: {root}");
        }
    }

    #[test]
    fn patients_do_not_grow_without_end_where_there_is_no_effect() {
        for drift in [0.0, 0.01] {
            let (found, domain, most) = place(drift);
            assert!(matches!(found, Place::Beyond(_)), "{found:?}");
            assert!(most < 70.0 * 348.0 && domain.range.1 == most, "{most} {domain:?}");
        }
    }
}
