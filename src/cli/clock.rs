//! The one place that reads a clock: for progress and measurement, never for a result.

use std::time::Instant;

/// The time.
#[allow(clippy::disallowed_methods)] // no result depends on it
pub fn now() -> Instant {
    Instant::now()
}
