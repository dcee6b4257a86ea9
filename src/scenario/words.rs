//! Descriptions of written tables in words.

mod centres;
mod randomisation;
