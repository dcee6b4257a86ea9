//! Options of an enrichment.

use clap::Args;
use rescuesim::design::enrichment::WantedEnrichment;

/// Enrichment at the first of two looks.
#[derive(Debug, Args)]
#[group(id = "EnrichmentArgs", multiple = true)]
pub struct EnrichmentArgs {
    /// Shares of the patients in two levels of a factor, such as 0.6:0.4, either of which may be dropped at
    /// the first of two looks; all later patients then come from the other.
    // Both would change the trial at the same look.
    #[arg(long, value_name = "SHARE:SHARE", conflicts_with = "promising_zone",
          value_parser = shares)]
    enrich: Option<[f64; 2]>,
    /// Conditional power, under the current trend of a level, below which it is dropped.
    #[arg(long, value_name = "CP", default_value_t = 0.1, requires = "enrich",
          value_parser = drop_below)]
    drop_below: f64,
}

impl EnrichmentArgs {
    /// Returns the enrichment that the options ask for, if any.
    pub fn wanted(&self) -> Option<WantedEnrichment> {
        let Self { enrich, drop_below } = self;
        enrich.map(|shares| WantedEnrichment { shares, drop_below: *drop_below })
    }
}

/// Parses the shares of two levels.
fn shares(text: &str) -> Result<[f64; 2], String> {
    let shares = text.split_once(':').and_then(|(one, other)| {
        Some([one.trim().parse::<f64>().ok()?, other.trim().parse::<f64>().ok()?])
    });
    shares
        // Decimal shares may miss 1 by a rounding error.
        .filter(|[one, other]| *one > 0.0 && *other > 0.0 && (one + other - 1.0).abs() < 1e-9)
        .ok_or_else(|| "allowed: two shares above 0 that sum to 1, such as 0.6:0.4".to_owned())
}

/// Parses a conditional power.
fn drop_below(text: &str) -> Result<f64, String> {
    let parsed = text.parse::<f64>().ok();
    parsed
        .filter(|power| (0.0..1.0).contains(power))
        .ok_or_else(|| "allowed: a conditional power from 0 to below 1".to_owned())
}
