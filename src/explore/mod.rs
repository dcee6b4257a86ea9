//! Beyond one scenario: several compared, strategies laid side by side, unknowns solved for.

pub mod calibrate;
pub mod quantities;
