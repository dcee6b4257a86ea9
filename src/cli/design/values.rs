//! Numbers on the command line, with what is allowed.

use std::ops::RangeInclusive;

fn within(text: &str, ok: impl Fn(f64) -> bool, allowed: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|&number| ok(number));
    number.ok_or_else(|| format!("allowed: {allowed}"))
}

/// As [`within`], with a hint for those who gave a percentage.
fn fraction(text: &str, ok: impl Fn(f64) -> bool, allowed: &str) -> Result<f64, String> {
    within(text, &ok, allowed).map_err(|message| match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if percent >= 1.0 && ok(percent / 100.0) => {
            // Six decimals, or 33.3 would become 0.33299999999999996.
            let meant = (percent * 1e4).round() / 1e6;
            format!("{message} (did you mean {meant}?)")
        }
        _ => message,
    })
}

pub fn share(text: &str) -> Result<f64, String> {
    fraction(text, |x| 0.0 < x && x < 1.0, "above 0 and below 1")
}

pub fn dropout(text: &str) -> Result<f64, String> {
    fraction(text, |x| (0.0..=0.99).contains(&x), "0 to 0.99")
}

pub fn multiple(text: &str) -> Result<f64, String> {
    within(text, |x| (-10.0..=10.0).contains(&x), "-10 to 10")
}

pub fn finite(text: &str) -> Result<f64, String> {
    within(text, f64::is_finite, "a number")
}

pub fn alpha_one_sided(text: &str) -> Result<f64, String> {
    fraction(text, |x| (1e-12..=0.4999).contains(&x), "1e-12 to 0.4999")
}

pub fn alpha_two_sided(text: &str) -> Result<f64, String> {
    fraction(text, |x| (2e-12..=0.9998).contains(&x), "2e-12 to 0.9998")
}

pub fn positive(text: &str) -> Result<f64, String> {
    within(text, |x| (1e-3..=1e3).contains(&x), "0.001 to 1000")
}

pub fn margin(text: &str) -> Result<f64, String> {
    within(text, |x| -1.0 < x && x < 1.0, "above -1 and below 1")
}

pub fn looks(text: &str) -> Result<u32, String> {
    whole(text, 1..=20)
}

pub fn patients(text: &str) -> Result<u32, String> {
    whole(text, 2..=1_000_000)
}

fn whole(text: &str, allowed: RangeInclusive<u32>) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| allowed.contains(number));
    let (least, most) = allowed.into_inner();
    number.ok_or_else(|| format!("allowed: a whole number from {least} to {most}"))
}

pub fn ratio(text: &str) -> Result<(u32, u32), String> {
    let part = |text: &str| text.parse().ok().filter(|part| (1..=1000).contains(part));
    text.split_once(':')
        .and_then(|(control, experimental)| Some((part(control)?, part(experimental)?)))
        .ok_or_else(|| "expected CONTROL:EXPERIMENTAL, each from 1 to 1000, such as 1:2".to_owned())
}
