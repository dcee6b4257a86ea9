//! Numbers as text, at any size.

/// With so many decimals, and no sign on what rounds to nothing.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(size) if is_nothing(size) => size.to_owned(),
        _ => text,
    }
}

/// A probability with so many decimals, or two digits and a power of ten where these would show
/// nothing of it.
pub(super) fn probability(p: f64, decimals: usize) -> String {
    let text = fixed(p, decimals);
    if p != 0.0 && is_nothing(&text) { format!("{p:.1e}") } else { text }
}

/// An odds ratio from its logarithm: two decimals, one digit below 0.005, two digits and a power of
/// ten from 10 000 on.
pub(super) fn odds_ratio(log: f64) -> String {
    let odds_ratio = libm::exp(log);
    match odds_ratio {
        large if large >= 9_999.5 => format!("{large:.1e}"),
        hundreds if hundreds >= 999.5 => format!("{hundreds:.0}"),
        small if small < 0.000_5 => format!("{small:.0e}"),
        small if small < 0.005 => format!("{small:.3}"),
        usual => format!("{usual:.2}"),
    }
}

fn is_nothing(text: &str) -> bool {
    !text.contains(|c: char| ('1'..='9').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_sign_and_what_is_there_is_shown() {
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
