//! Descriptions of written tables in words.

mod bayesian;
mod centres;
mod conduct;
mod randomisation;
pub(super) mod adaptation;
pub(super) mod success;
