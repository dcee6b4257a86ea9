//! P(difference of two mean utilities > threshold) by inversion of characteristic functions.

use std::f64::consts::PI;

use super::{Dirichlet, UtilityDifference};

/// Precision of an inversion.
#[derive(Debug, Clone, Copy)]
pub(super) enum Precision {
    /// To rounding, or to 1e-10 with rare levels in both arms.
    Exact,
    /// To 1e-7, in a quarter of the time.
    Rough,
}

impl Precision {
    /// Returns the distance of a difference from its mean beyond which it counts as impossible. Whatever the
    /// weights, the probability there is below 5e-11 for the exact one and 2e-8 for the rough one.
    fn reach(self, difference: &UtilityDifference) -> f64 {
        let [control, experimental] =
            [&difference.control, &difference.experimental].map(Dirichlet::largest_variance);
        let largest_sd = (control + experimental).sqrt();
        match self {
            Self::Exact => (REACH * difference.variance().sqrt()).max(7.0 * largest_sd),
            Self::Rough => 6.1 * largest_sd,
        }
    }

    /// Returns the value of the characteristic function below which no further term is added. With the exact
    /// one, the sum stays the same number.
    fn least_term(self) -> f64 {
        match self {
            Self::Exact => 1e-17,
            Self::Rough => 1e-9,
        }
    }

    /// Returns the most terms of a sum. Few suffice, 10 to 40, unless nearly all patients of both arms have one
    /// level and the weights of the others are small.
    fn most_terms(self) -> usize {
        match self {
            Self::Exact => 4000,
            Self::Rough => 100,
        }
    }

    /// Returns the logarithm of the smallest modulus that is added along the line, compared with the largest:
    /// e⁻⁴² is 6e-19 and e⁻²¹ 8e-10.
    fn least_ln_modulus(self) -> f64 {
        match self {
            Self::Exact => -42.0,
            Self::Rough => -21.0,
        }
    }

    /// Returns the step of the trapezium rule along the line, for a sum of weights A.
    ///
    /// The rule adds the values at g = 1 + k·2π/step, which are exp(−A·(x − ln(1 + x))) with x = 2π/step: below
    /// 1e-17 and 1e-9 for every A with these.
    fn line_step(self, total: f64) -> f64 {
        2.0 * PI
            / match self {
                Self::Exact => 9.0 / total.sqrt() + 40.0 / total,
                Self::Rough => 6.5 / total.sqrt() + 21.0 / total,
            }
    }
}

/// Standard deviations beyond which the difference counts as impossible when a sum is bounded.
const REACH: f64 = 11.0;

/// A probability by inversion of the characteristic function.
pub(super) struct Inversion {
    pub probability: f64,
    /// Whether the characteristic function had vanished at the last term.
    pub is_complete: bool,
}

impl UtilityDifference {
    /// Computes P(difference > `threshold`), by inversion of the characteristic function (Gil-Pelaez 1951,
    /// Biometrika 38:481).
    pub(super) fn invert(&self, threshold: f64, precision: Precision) -> Inversion {
        let distance = threshold - self.mean();
        let reach = precision.reach(self);
        if reach == 0.0 {
            let probability = f64::from(u8::from(distance < 0.0));
            return Inversion { probability, is_complete: true };
        }
        // The midpoint rule adds the tails beyond the threshold ± 2π/step with alternating signs (Davies
        // 1973, Biometrika 60:415).
        let step = 2.0 * PI / (distance.abs() + reach);
        let [control, experimental] =
            [&self.control, &self.experimental].map(|arm| InversionLine::new(arm, precision));
        let mut sum = 0.0;
        let mut is_complete = false;
        for j in 0..precision.most_terms() {
            // Half steps: at t = 0 the integrand is 0/0, and the midpoint rule never asks for it.
            let half_odd = j as f64 + 0.5;
            let t = half_odd * step;
            let (c, e) = (control.characteristic(t), experimental.characteristic(t));
            let angle = half_odd * step * distance;
            // The control arm counts with a minus: its characteristic function is conjugated.
            let re = e.re * c.re + e.im * c.im;
            let im = e.im * c.re - e.re * c.im;
            sum += (im * libm::cos(angle) - re * libm::sin(angle)) / half_odd;
            is_complete = re.abs().max(im.abs()) < precision.least_term();
            if is_complete {
                break;
            }
        }
        Inversion { probability: (0.5 + sum / PI).clamp(0.0, 1.0), is_complete }
    }
}

impl Dirichlet {
    /// Returns a variance of a normal distribution whose tails are those of the mean utility at most, also of
    /// one that is far from normal: range²/(4·(A + 1)).
    ///
    /// It is that of beta distributions on the range (Marchal & Arbel 2017, Electron Commun Probab 22:54), and
    /// a mean utility has the same exponential moments at most, by Jensen's inequality.
    fn largest_variance(&self) -> f64 {
        let utilities = self.utilities.iter().copied();
        let range = utilities.clone().fold(f64::NEG_INFINITY, f64::max)
            - utilities.fold(f64::INFINITY, f64::min);
        range * range / (4.0 * (self.total() + 1.0))
    }
}

/// A complex number.
#[derive(Debug, Clone, Copy)]
struct Complex {
    re: f64,
    im: f64,
}

/// The line along which a Laplace transform is inverted, for one Dirichlet distribution.
///
/// G·M is a sum of independent gamma variables if G has a gamma distribution of shape A, so that
/// g^(A − 1)·E exp(itgM) / Γ(A) has the Laplace transform Π (s − it·u_i)^(−a_i). It is inverted at g = 1 along
/// Re s = A by the trapezium rule, and divided by the same sum at t = 0, where the function is 1.
struct InversionLine {
    total: f64,
    /// Step of the trapezium rule.
    step: f64,
    /// Weights of the distinct utilities with their distances from the mean.
    levels: Vec<WeightAt>,
    /// Largest distance of a utility from the mean.
    farthest: f64,
    /// Logarithm of the smallest modulus that is added.
    least_ln_modulus: f64,
    /// The sum at t = 0.
    at_zero: f64,
}

/// Weight of a utility.
#[derive(Debug, Clone, Copy)]
struct WeightAt {
    weight: f64,
    distance: f64,
}

impl InversionLine {
    fn new(dirichlet: &Dirichlet, precision: Precision) -> Self {
        let (total, mean) = (dirichlet.total(), dirichlet.mean());
        let mut levels: Vec<WeightAt> = Vec::new();
        for (&weight, &utility) in dirichlet.weights.iter().zip(&dirichlet.utilities) {
            let distance = utility - mean;
            // Levels of one utility, often mRS 5 and 6, share a factor of the transform: one
            // arctangent less at every node.
            match levels.iter_mut().find(|level| level.distance == distance) {
                Some(level) => level.weight += weight,
                None => levels.push(WeightAt { weight, distance }),
            }
        }
        let farthest = levels.iter().map(|level| level.distance.abs()).fold(0.0, f64::max);
        let step = precision.line_step(total);
        let least_ln_modulus = precision.least_ln_modulus();
        let line = Self { total, step, levels, farthest, least_ln_modulus, at_zero: 1.0 };
        Self { at_zero: line.sum(0.0).re, ..line }
    }

    /// Returns the characteristic function of the mean utility less its mean at t.
    fn characteristic(&self, t: f64) -> Complex {
        let Complex { re, im } = self.sum(t);
        Complex { re: re / self.at_zero, im: im / self.at_zero }
    }

    /// Sums the transform along the line at one t, over its value at t = 0 and s = A.
    fn sum(&self, t: f64) -> Complex {
        let mut sum = Complex { re: 0.0, im: 0.0 };
        for side in [1.0, -1.0] {
            // The point at 0 belongs to the first side.
            let mut i = if side > 0.0 { 0.0 } else { 1.0 };
            loop {
                if i > MOST_STEPS {
                    break;
                }
                let y = side * i * self.step;
                let mut ln_modulus = 0.0;
                for &WeightAt { weight, distance } in &self.levels {
                    let x = (y - t * distance) / self.total;
                    ln_modulus -= 0.5 * weight * libm::log1p(x * x);
                }
                if ln_modulus > self.least_ln_modulus {
                    // The kernel e^(sg) at s = A + iy and g = 1 has the phase y; its modulus e^A
                    // cancels.
                    let mut phase = y;
                    for &WeightAt { weight, distance } in &self.levels {
                        phase -= weight * libm::atan((y - t * distance) / self.total);
                    }
                    let modulus = libm::exp(ln_modulus);
                    sum.re += modulus * libm::cos(phase);
                    sum.im += modulus * libm::sin(phase);
                } else if y.abs() > (t * self.farthest).abs() {
                    // Outside of all centres the modulus only falls.
                    break;
                } else {
                    // The logarithm changes by at most half of the distance along the line, as
                    // |x|/(1 + x²) ≤ ½: the points up to where it may be large enough again are left out.
                    i += (2.0 * (self.least_ln_modulus - ln_modulus) / self.step).floor();
                }
                i += 1.0;
            }
        }
        sum
    }
}

/// Steps to each side after which a sum is cut, for sums of weights below 5, whose transform hardly decays:
/// what is left out is of the order of (5000·A)^(−A) with A the sum of the weights.
const MOST_STEPS: f64 = 20_000.0;
