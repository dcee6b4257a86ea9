//! Simulating until a figure is known well enough.
//!
//! Replicates are run in waves of fixed size, and after each the standard error of the figure decides
//! whether there are enough. What it decides by is a result like any other, so the number it takes
//! does not depend on the machine.

use serde::Serialize;

/// Replicates that no run is expected to come to: days on many cores.
pub const MOST_REPLICATES: f64 = 1e10;

/// What was asked for and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrecisionReached {
    /// The figure, by its name.
    pub figure: String,
    /// The standard error asked for.
    pub asked: f64,
    /// The standard error it was stopped by: no less than any that is reported for the figure, or for
    /// the figure by control variate.
    pub reached: f64,
    /// Whether it is that of the figure by control variate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_control_variate: bool,
}

/// What a wave says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// The error is small enough.
    Enough,
    /// Go on; about so many replicates will be needed in all.
    More(u64),
}

/// Why a precision cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum OutOfReach {
    /// The error falls with the root of the number.
    #[error(
        "after {after} the standard error is {error:.2e}; one of {asked} would need about {needed:.1e}, and {most:e} are the most; allowed: {least:.1e} or more"
    )]
    TooMany {
        /// Run so far.
        after: u64,
        /// The standard error so far.
        error: f64,
        /// The standard error asked for.
        asked: f64,
        /// Needed, about.
        needed: f64,
        /// The most that are run.
        most: f64,
        /// The standard error that the most would give, rounded up to two digits.
        least: f64,
    },
    /// No replicate has the figure.
    #[error("after {after} the figure has no standard error; allowed: another figure")]
    NoError {
        /// Run so far.
        after: u64,
    },
}

/// Whether `replicates` with this standard error are enough for the one asked for.
///
/// # Errors
/// When more than `most` would be needed, or the error is not a number.
pub fn judge(asked: f64, error: f64, replicates: u64, most: f64) -> Result<Verdict, OutOfReach> {
    if error.is_nan() {
        return Err(OutOfReach::NoError { after: replicates });
    }
    if error <= asked {
        return Ok(Verdict::Enough);
    }
    let ratio = error / asked;
    let needed = replicates as f64 * ratio * ratio;
    if needed > most {
        let least = error * (replicates as f64 / most).sqrt();
        return Err(OutOfReach::TooMany {
            after: replicates,
            error,
            asked,
            needed,
            most,
            least: rounded_up(least),
        });
    }
    Ok(Verdict::More(needed.ceil() as u64))
}

/// To two digits.
fn rounded_up(x: f64) -> f64 {
    let step = libm::pow(10.0, libm::log10(x).floor() - 1.0);
    (x / step).ceil() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_falls_with_the_root_of_the_number() {
        assert_eq!(judge(0.01, 0.01, 8192, 1e10), Ok(Verdict::Enough));
        assert_eq!(judge(0.01, 0.02, 8192, 1e10), Ok(Verdict::More(4 * 8192)));
        let far = judge(1e-7, 0.004, 8192, 1e10).expect_err("it is far").to_string();
        assert!(far.contains("about 1.3e13") && far.contains("allowed: 3.7e-6 or more"), "{far}");
        assert_eq!(judge(0.01, f64::NAN, 5, 1e10), Err(OutOfReach::NoError { after: 5 }));
    }
}
