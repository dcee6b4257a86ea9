//! Beyond one scenario: several compared, strategies laid side by side, unknowns solved for.

pub mod bracket;
pub mod calibrate;
pub mod compare;
pub mod goal;
pub mod grid;
pub mod precision;
pub mod probit;
pub mod quantities;
pub mod solve;
pub mod strategies;
