//! `rescuesim list`.

use clap::Args;
use rescuesim::report::shipped;

use super::{Failure, Format, output};

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub fn list(args: &ListArgs) -> Result<(), Failure> {
    output::print_as(args.format, shipped::document, shipped::json)
}
