//! Numbers as text: the one place that decides how many digits a reader sees.

use crate::summary::McEstimate;

/// Shown where a number does not exist.
pub(super) const NONE: &str = "–";

/// Formats a number with the given decimals, without a sign on what rounds to zero.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        // "-0.00" reads as a small negative effect, which the digits shown do not support.
        Some(size) if is_zero(size) => size.to_owned(),
        Some(_) | None => text,
    }
}

/// Formats a number with at most the given decimals: trailing zeros are dropped, as in `14` or `0.35`.
pub(super) fn trimmed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Formats a probability with the given decimals, or as two digits and a power of ten if these decimals
/// would be all zeros.
pub(super) fn probability(p: f64, decimals: usize) -> String {
    let text = fixed(p, decimals);
    if p != 0.0 && is_zero(&text) { format!("{p:.1e}") } else { text }
}

/// Formats a number to four decimals, or a dash if there is none.
pub(super) fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or(NONE.to_owned(), |value| fixed(value, 4))
}

/// Formats a probability to four decimals however small it is, or a dash if there is none.
pub(super) fn chance(value: Option<f64>) -> String {
    value.filter(|p| p.is_finite()).map_or(NONE.to_owned(), |p| probability(p, 4))
}

/// Formats an odds ratio given its logarithm: two decimals, one digit below 0.005, two digits and a
/// power of ten from 10 000.
pub(super) fn odds_ratio(log: f64) -> String {
    let odds_ratio = libm::exp(log);
    // The limits are those of rounding: 9999.5 would be written with five digits.
    if odds_ratio >= 9_999.5 {
        format!("{odds_ratio:.1e}")
    } else if odds_ratio >= 999.5 {
        format!("{odds_ratio:.0}")
    } else if odds_ratio < 0.000_5 {
        format!("{odds_ratio:.0e}")
    } else if odds_ratio < 0.005 {
        format!("{odds_ratio:.3}")
    } else {
        format!("{odds_ratio:.2}")
    }
}

/// Formats a count with spaces between thousands.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Formats a simulated quantity as `value ±error`, the error with one digit and the value with as many
/// decimals as the error.
pub(super) fn with_error(estimate: McEstimate) -> String {
    let (value, error) = value_and_error(estimate, 1);
    error.map_or(value.clone(), |error| format!("{value} ±{error}"))
}

/// Formats a simulated quantity as [`with_error`] does, the error with two digits.
pub(super) fn with_two_digit_error(estimate: McEstimate) -> String {
    let (value, error) = value_and_error(estimate, 2);
    error.map_or(value.clone(), |error| format!("{value} ±{error}"))
}

/// Formats value and error of a simulated quantity, the error with the given number of digits; `None` if
/// the quantity has no error or never varied.
pub(super) fn value_and_error(estimate: McEstimate, digits: u32) -> (String, Option<String>) {
    let McEstimate { value, mcse, .. } = estimate;
    if value.is_nan() {
        return (NONE.to_owned(), None);
    }
    if mcse.is_nan() || mcse == 0.0 {
        return (trimmed(value, 4), None);
    }
    let decimals = decimals_of(mcse, digits, MOST_DECIMALS);
    (fixed(value, decimals), Some(format!("{mcse:.decimals$}")))
}

/// Decimals of a simulated quantity at most, the resolution of the grid on which means are summed (2⁻²⁴).
pub(super) const MOST_DECIMALS: u32 = 7;

/// Decimals with which a number above 0 is written with the given number of significant digits, at most
/// `most`; more digits if it has them before the point.
pub(super) fn decimals_of(number: f64, digits: u32, most: u32) -> usize {
    // The first digit is at decimal −⌊log10⌋.
    let decimals = f64::from(digits) - 1.0 - libm::log10(number).floor();
    decimals.clamp(0.0, f64::from(most)) as usize
}

/// Formats a proportion with its error, and with its one-sided 95 % limit if all replicates agree.
pub(super) fn with_limit(proportion: McEstimate) -> String {
    let text = with_two_digit_error(proportion);
    match proportion.limit_95 {
        Some(limit) if proportion.value == 0.0 => format!("{text} (<{})", rounded_up(limit)),
        Some(limit) => {
            // The distance from 1 is rounded up, not the limit, so that the limit stays conservative.
            let rest = rounded_up(1.0 - limit);
            // As many decimals as the rest, as the subtraction from 1 would add others.
            let decimals = rest.to_string().len() - 2;
            format!("{text} (>{:.decimals$})", 1.0 - rest)
        }
        None => text,
    }
}

/// Formats a share as a percentage without its sign, with as many digits as its error supports.
pub(super) fn percent(share: McEstimate) -> String {
    value_and_error(share.scaled(100.0), 1).0
}

/// Formats a share as a percentage with its error, or with its one-sided 95 % limit if all replicates agree.
pub(super) fn percent_with_error(share: McEstimate) -> String {
    match share.limit_95 {
        Some(limit) if share.value == 0.0 => format!("0 (<{}) %", rounded_up(100.0 * limit)),
        Some(limit) => {
            let rest = rounded_up(100.0 * (1.0 - limit));
            format!("100 (>{}) %", trimmed(100.0 - rest, 7))
        }
        None => format!("{} %", with_error(share.scaled(100.0))),
    }
}

/// Rounds up to two digits.
fn rounded_up(limit: f64) -> f64 {
    let unit = libm::pow(10.0, libm::log10(limit).floor() - 1.0);
    let decimals = decimals_of(limit, 2, 15);
    // Through text, as a multiple of 0.001 is in general no number that prints with three decimals.
    format!("{:.decimals$}", (limit / unit).ceil() * unit).parse().expect("digits are a number")
}

fn is_zero(text: &str) -> bool {
    !text.contains(|c: char| ('1'..='9').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: f64, mcse: f64) -> String {
        with_error(McEstimate { value, mcse, n: 10, limit_95: None })
    }

    #[test]
    fn values_have_no_more_decimals_than_their_error() {
        let power = McEstimate { value: 0.80927, mcse: 0.00124, n: 100_000, limit_95: None };
        assert_eq!(with_two_digit_error(power), "0.8093 ±0.0012");
        assert_eq!(shown(266.4849, 0.1834), "266.5 ±0.2");
        assert_eq!(shown(14.0, 0.0), "14");
        assert_eq!(shown(f64::NAN, f64::NAN), "–");
        assert_eq!(shown(348.0, f64::NAN), "348");
        assert_eq!(shown(0.93215, 0.00080), "0.9322 ±0.0008");
        assert_eq!(shown(1234.0, 23.0), "1234 ±23");
    }

    #[test]
    fn thousands_are_grouped_by_spaces() {
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(grouped(100), "100");
    }

    #[test]
    fn trailing_zeros_are_dropped_after_the_point_only() {
        assert_eq!(trimmed(0.350, 4), "0.35");
        assert_eq!(trimmed(120.0, 4), "120");
        assert_eq!(trimmed(120.0, 0), "120");
        assert_eq!(trimmed(-0.000_04, 4), "0");
    }

    #[test]
    fn numbers_that_round_to_zero_have_no_sign_and_small_probabilities_keep_two_digits() {
        assert_eq!(fixed(-0.00004, 4), "0.0000");
        assert_eq!(fixed(-0.0, 2), "0.00");
        assert_eq!(fixed(-0.00006, 4), "-0.0001");
        assert_eq!(probability(6.221e-16, 6), "6.2e-16");
        assert_eq!(probability(4.9e-7, 6), "4.9e-7");
        assert_eq!(probability(5.1e-7, 6), "0.000001");
        assert_eq!(probability(0.0, 6), "0.000000");
        assert_eq!(probability(0.0249, 4), "0.0249");
    }

    #[test]
    fn odds_ratios_are_narrow_at_any_size() {
        let shown = [1e-300, 4.2e-5, 0.000_6, 0.0049, 0.006, 2.8742, 627.804, 1234.2, 62_574.7]
            .map(|odds_ratio| super::odds_ratio(libm::log(odds_ratio)));
        let expected =
            ["1e-300", "4e-5", "0.001", "0.005", "0.01", "2.87", "627.80", "1234", "6.3e4"];
        assert_eq!(shown, expected);
    }
}
