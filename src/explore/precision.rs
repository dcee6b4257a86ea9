//! Simulation until a quantity has the requested precision.
//!
//! Replicates are run in waves of fixed size, and after each the standard error of the quantity decides
//! whether there are enough. The standard error is a result like any other, so the number of replicates
//! does not depend on the machine.

use serde::Serialize;

/// Largest number of replicates of a run, which takes days on many cores.
pub const MOST_REPLICATES: f64 = 1e10;

/// The requested precision and the precision reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrecisionReached {
    /// Name of the quantity.
    pub figure: String,
    /// Requested standard error.
    pub asked: f64,
    /// Standard error that ended the run: at least as large as any that is reported for the quantity, or
    /// for its estimate by control variate.
    pub reached: f64,
    /// Whether the standard error is that of the estimate by control variate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_control_variate: bool,
}

/// The decision after a wave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// The error is small enough.
    Enough,
    /// Continue; about this number of replicates will be needed in all.
    More(u64),
}

/// The reason why a precision cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum OutOfReach {
    /// More replicates would be needed than are run.
    #[error(
        "after {after} the standard error is {error:.2e}; one of {asked} would need about {needed:.1e}, and {most:e} are the most; allowed: {least:.1e} or more"
    )]
    TooMany {
        /// Replicates so far.
        after: u64,
        /// Standard error so far.
        error: f64,
        /// Requested standard error.
        asked: f64,
        /// Replicates needed, approximately.
        needed: f64,
        /// Largest number of replicates.
        most: f64,
        /// Standard error with that number, rounded up to two digits.
        least: f64,
    },
    /// No replicate has the quantity.
    #[error("after {after} the quantity has no standard error; allowed: another quantity")]
    NoError {
        /// Replicates so far.
        after: u64,
    },
}

/// Decides whether `replicates` replicates with the standard error `error` are enough for the one
/// `asked` for.
///
/// # Errors
/// [`OutOfReach`] if more than `most` replicates would be needed, or if the error is not a number.
pub fn judge(asked: f64, error: f64, replicates: u64, most: f64) -> Result<Verdict, OutOfReach> {
    // NaN compares false with everything and would never be small enough.
    if error.is_nan() {
        return Err(OutOfReach::NoError { after: replicates });
    }
    if error <= asked {
        return Ok(Verdict::Enough);
    }
    // The error falls with the root of the number.
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

/// Rounds up to two digits.
fn rounded_up(x: f64) -> f64 {
    // Up, as the error that is allowed must be reachable.
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
