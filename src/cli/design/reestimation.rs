//! Options of a re-estimation of the size.

use clap::Args;
use rescuesim::design::reestimation::{WantedReestimation, ZoneLimits};

use crate::cli::values;

/// Re-estimation of the size at the first of two looks.
#[derive(Debug, Args)]
#[group(id = "ReestimationArgs", multiple = true)]
pub struct ReestimationArgs {
    /// Increase the size at the first of two looks if the conditional power under the current trend is
    /// from LEAST to below TARGET, such as 0.36:0.8, to the size at which it is TARGET.
    #[arg(long, value_name = "LEAST:TARGET", requires = "maximum", value_parser = zone)]
    promising_zone: Option<ZoneLimits>,
    /// Patients analysed at most after an increase, both arms together.
    #[arg(long, value_name = "PATIENTS", requires = "promising_zone",
          value_parser = values::patients)]
    maximum: Option<u32>,
    /// Patients by whose multiples an increased size is rounded up.
    // One patient in each of two equal arms.
    #[arg(long, value_name = "PATIENTS", default_value_t = 2, requires = "promising_zone",
          value_parser = values::whole::<u32>(1, 1000))]
    size_step: u32,
}

impl ReestimationArgs {
    /// Returns the re-estimation that the options ask for, if any.
    pub fn wanted(&self) -> Option<WantedReestimation> {
        let (limits, maximum) = self.promising_zone.zip(self.maximum)?;
        Some(WantedReestimation { limits, maximum, step: self.size_step })
    }
}

/// Parses a zone of conditional power.
fn zone(text: &str) -> Result<ZoneLimits, String> {
    let zone = text.split_once(':').and_then(|(at_least, target)| {
        Some(ZoneLimits {
            at_least: at_least.trim().parse().ok()?,
            target: target.trim().parse().ok()?,
        })
    });
    zone.filter(|zone| 0.0 <= zone.at_least && zone.at_least < zone.target && zone.target < 1.0)
        .ok_or_else(|| {
            "allowed: LEAST:TARGET, conditional powers from 0 to below 1, the first the smaller, such as \
             0.36:0.8"
                .to_owned()
        })
}
