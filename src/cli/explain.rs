//! `rescuesim explain`.

use clap::Args;
use rescuesim::report::explain::{self, Explanation};

use super::{Failure, Format, output};

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Key of a scenario (missing.dropout, design.futility), quantity (power, n_randomised.mean) or term
    /// (overrun, spending function); without one, all topics are listed.
    #[arg(value_name = "KEY|TERM")]
    name: Vec<String>,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    // A term of several words needs no quotes.
    let name = args.name.join(" ");
    if name.trim().is_empty() {
        return output::print_as(args.format, explain::topics, explain::topics_json);
    }
    let explanation =
        Explanation::of(&name).map_err(|unknown| Failure::Usage(unknown.to_string()))?;
    output::print_as(args.format, || explanation.document(), || explanation.to_json())
}
