//! Parsers of values on the command line; an error says what is allowed.

use std::path::PathBuf;

use rescuesim::num::percent_as_fraction;
use rescuesim::num::typed::{self, number};

/// Parses a fraction; for a percentage the error has a hint.
fn fraction(text: &str, ok: impl Fn(f64) -> bool, allowed: &str) -> Result<f64, String> {
    let message = match number(text, &ok, allowed) {
        Ok(fraction) => return Ok(fraction),
        Err(message) => message,
    };
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if percent >= 1.0 && ok(percent / 100.0) => {
            let meant = percent_as_fraction(percent);
            Err(format!("{message} (did you mean {meant}?)"))
        }
        Ok(_) | Err(_) => Err(message),
    }
}

pub fn share(text: &str) -> Result<f64, String> {
    fraction(text, |x| 0.0 < x && x < 1.0, "above 0 and below 1")
}

pub fn dropout(text: &str) -> Result<f64, String> {
    fraction(text, |x| (0.0..=0.99).contains(&x), "0 to 0.99")
}

pub fn multiple(text: &str) -> Result<f64, String> {
    number(text, |x| (-10.0..=10.0).contains(&x), "-10 to 10")
}

pub fn finite(text: &str) -> Result<f64, String> {
    number(text, f64::is_finite, "a number")
}

pub fn positive(text: &str) -> Result<f64, String> {
    // The range of a common odds ratio in a scenario.
    number(text, |x| (1e-3..=1e3).contains(&x), "0.001 to 1000")
}

pub fn margin(text: &str) -> Result<f64, String> {
    number(text, |x| -1.0 < x && x < 1.0, "above -1 and below 1")
}

pub fn standard_error(text: &str) -> Result<f64, String> {
    number(text, |x| x > 0.0 && x.is_finite(), "a number above 0, such as 0.0005")
}

/// Parses seconds, up to a day.
pub fn seconds(text: &str) -> Result<f64, String> {
    number(text, |x| (0.0..=86_400.0).contains(&x), "0 to 86400 seconds")
}

pub fn sd(text: &str) -> Result<f64, String> {
    // A prior without any spread would outweigh all data.
    number(text, |x| (1e-6..=100.0).contains(&x), "0.000001 to 100")
}

pub fn patients(text: &str) -> Result<u32, String> {
    whole(2, 1_000_000)(text)
}

pub fn replicates(text: &str) -> Result<u64, String> {
    whole(1, 1_000_000_000_000)(text)
        .map_err(|_| "expected a whole number from 1 to 1e12, such as 20000 or 1e6".to_owned())
}

pub fn seed(text: &str) -> Result<u64, String> {
    // TOML has no larger whole number, and a seed must fit into a scenario.
    whole(0, i64::MAX as u64)(text)
}

pub fn threads(text: &str) -> Result<u16, String> {
    whole(1, 1024)(text)
}

/// Makes a parser of whole numbers of a range, also written as 1e6 or 100_000.
pub fn whole<T: TryFrom<u64>>(least: u64, most: u64) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| typed::whole(text, least, most)
}

pub fn ratio(text: &str) -> Result<(u32, u32), String> {
    text.split_once(':')
        .and_then(|(control, experimental)| Some((ratio_part(control)?, ratio_part(experimental)?)))
        .ok_or_else(|| "expected CONTROL:EXPERIMENTAL, each from 1 to 1000, such as 1:2".to_owned())
}

/// Checks a date of the calendar.
pub fn date(text: &str) -> Result<String, String> {
    let parts: Vec<u32> = text
        .split('-')
        .zip([4, 2, 2])
        .filter(|(part, digits)| {
            part.len() == *digits && part.bytes().all(|byte| byte.is_ascii_digit())
        })
        .filter_map(|(part, _)| part.parse().ok())
        .collect();
    match parts[..] {
        [year, month @ 1..=12, day @ 1..=31]
            // The length, as the pairing above disregards whatever follows the third part.
            if text.len() == 10 && day <= days_of_month(year, month) =>
        {
            Ok(text.to_owned())
        }
        _ => Err("allowed: a date as YYYY-MM-DD, such as 2026-11-30".to_owned()),
    }
}

fn days_of_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Name of an HTML file.
pub fn html(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_html = path.extension().is_some_and(|extension| {
        ["html", "htm"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    });
    if is_html { Ok(path) } else { Err("expected the name of a file ending in .html".to_owned()) }
}

fn ratio_part(text: &str) -> Option<u32> {
    text.parse().ok().filter(|part| (1..=1000).contains(part))
}
