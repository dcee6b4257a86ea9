//! `rescuesim pool`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::evidence::Review;
use rescuesim::report::pooling;
use rescuesim::scenario::published::PublishedEvidence;

use super::{Failure, Format, output};

#[derive(Debug, Args)]
pub struct PoolArgs {
    /// 2×2 tables: TOML, or CSV with the columns study, events_experimental, n_experimental,
    /// events_control, n_control and, for several outcomes, outcome; for a prior also wanted (true, false).
    evidence: PathBuf,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub fn pool(args: &PoolArgs) -> Result<(), Failure> {
    let evidence = PublishedEvidence::load(&args.evidence)?;
    let outcomes = evidence.outcomes.into_iter();
    let reviews: Vec<Review> = outcomes.map(|of| Review::new(of.name, of.studies)).collect();
    output::print_as(
        args.format,
        || pooling::document(&evidence.title, &reviews),
        || pooling::to_json(&evidence.title, &reviews),
    )
}
