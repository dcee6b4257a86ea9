//! The only place that reads a clock: for progress and measurement, never for a result.

use std::time::Instant;

/// Returns the current time.
#[allow(clippy::disallowed_methods)] // no result depends on it
pub fn now() -> Instant {
    Instant::now()
}
