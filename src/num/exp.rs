//! An exponential function for sums over many nodes.

use std::f64::consts::LOG2_E;

// ln 2 in two parts (FDLIBM's): the low bits of the first are 0, so that its product with a whole
// number up to 1024 is exact and x − k·ln 2 keeps all its digits.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
// 1.5·2⁵²: adding it rounds to a whole number, which the sum then holds in its lowest bits. `round`
// and a cast would do the same, but do not vectorise on baseline x86-64.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// Returns eˣ for x up to 700, to within 2 units in the last place; e⁻⁷⁰⁰ (1e-304) for x below −700.
///
/// The function has no branches or calls, so that a loop over it can be vectorised: x = k·ln 2 + r with
/// |r| at most ½·ln 2, and eʳ is the series up to r¹³, whose remainder is below 5e-18.
#[inline]
pub fn exp_normal(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 14] = [
        1.0,
        1.0,
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5_040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0,
    ];
    // 2ᵏ below is built from bits and must be a normal number: k ≥ −1022, so x ≥ −708.
    let x = x.max(-700.0);
    let shifted = x * LOG2_E + ROUNDING;
    let k = shifted - ROUNDING;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let series = COEFFICIENTS.iter().rev().fold(0.0, |sum, c| sum * r + c);
    // The lowest 12 bits of `shifted` are k; in the place of the exponent, added to that of 1.0, they
    // make 2ᵏ.
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0f64.to_bits()));
    series * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn is_the_exponential(x in -700.0..700.0f64) {
            let exact = libm::exp(x);
            prop_assert!((exp_normal(x) / exact - 1.0).abs() <= 2.0 * f64::EPSILON, "{x}");
        }
    }

    #[test]
    fn is_exact_at_zero_and_small_numbers_add_up() {
        assert_eq!(exp_normal(0.0), 1.0);
        for x in [-700.1, -710.0, -2000.0, f64::NEG_INFINITY] {
            assert!((0.0..1e-300).contains(&exp_normal(x)), "{x}");
        }
        for x in [-1e-9, 1e-9, -50.0, 0.5, std::f64::consts::LN_2] {
            assert!((exp_normal(x) / libm::exp(x) - 1.0).abs() <= 2.0 * f64::EPSILON, "{x}");
        }
    }
}
