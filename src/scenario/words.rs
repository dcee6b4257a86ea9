//! Descriptions of written tables in words.

mod centres;
mod conduct;
mod randomisation;
pub(super) mod success;
