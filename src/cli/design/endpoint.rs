//! Endpoint and comparison from options.

use clap::{Args, ValueEnum};
use rescuesim::analysis::restricted::Distance;
use rescuesim::design::comparison::{
    Comparison, NotComparable, Ordinal, OrdinalTest, TwoMeans, TwoProportions, Variance,
};

use crate::cli::Failure;
use crate::cli::values::{finite, margin, positive, share};

/// Endpoint and comparison.
// An option of the other endpoint needs `conflicts_with` in addition to `requires`: clap waives a
// requirement that conflicts with a given option.
#[derive(Debug, Args)]
#[group(id = "EndpointArgs", multiple = true)]
pub struct EndpointArgs {
    /// Control rate of a success.
    #[arg(long, value_name = "RATE", value_parser = share)]
    control: Option<f64>,
    /// Experimental rate of a success.
    #[arg(long, value_name = "RATE", value_parser = share, requires = "control",
          conflicts_with = "control_mrs")]
    experimental: Option<f64>,
    /// mRS of control, best level first, as fractions or percentages; levels may be merged.
    #[arg(long, value_name = "SHARES", value_delimiter = ',', conflicts_with = "control",
          value_parser = finite)]
    control_mrs: Vec<f64>,
    /// mRS of the experimental arm, best level first, as fractions or percentages.
    #[arg(long, value_name = "SHARES", value_delimiter = ',', requires = "control_mrs",
          conflicts_with = "control", value_parser = finite)]
    experimental_mrs: Vec<f64>,
    /// Odds of a better mRS against control, the same at every cut.
    #[arg(long, value_name = "RATIO", requires = "control_mrs",
          conflicts_with_all = ["control", "experimental_mrs"], value_parser = positive)]
    common_odds_ratio: Option<f64>,
    /// Value of each mRS level: compares utility-weighted means.
    #[arg(
        long,
        value_name = "VALUES",
        value_delimiter = ',',
        requires = "control_mrs",
        conflicts_with = "control",
        allow_hyphen_values = true,
        value_parser = finite
    )]
    utilities: Vec<f64>,
    /// Test of the mRS.
    #[arg(long, value_enum, value_name = "TEST", default_value_t = MrsTest::ProportionalOdds,
          requires = "control_mrs", conflicts_with_all = ["control", "utilities"])]
    test: MrsTest,
    /// Variance of two proportions.
    #[arg(long, value_enum, value_name = "CONVENTION", default_value_t = VarianceConvention::Pooled,
          requires = "control", conflicts_with = "control_mrs")]
    variance: VarianceConvention,
    /// Continuity correction for two proportions.
    #[arg(long, requires = "control", conflicts_with = "control_mrs")]
    continuity_correction: bool,
    /// Margin on the risk difference (or difference of means) that has to be exceeded: below 0 for
    /// non-inferiority.
    #[arg(long, value_name = "DIFFERENCE", allow_hyphen_values = true, value_parser = margin)]
    margin: Option<f64>,
    /// Margin on the risk ratio: below 1 for non-inferiority.
    #[arg(long, value_name = "RATIO", requires = "control",
          conflicts_with_all = ["margin", "control_mrs"],
          value_parser = positive)]
    margin_ratio: Option<f64>,
    /// Margin on the odds ratio, or with --control-mrs on the common odds ratio: below 1 for
    /// non-inferiority.
    #[arg(long, value_name = "RATIO",
          conflicts_with_all = ["margin", "margin_ratio", "utilities", "continuity_correction"],
          value_parser = positive)]
    margin_odds_ratio: Option<f64>,
}

/// Test of the mRS.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum MrsTest {
    /// Proportional odds, with Whitehead's information.
    ProportionalOdds,
    /// Wald's test of the log common odds ratio, with the information of the fit at these arms.
    Wald,
    /// Wilcoxon-Mann-Whitney, with the exact variance under the alternative.
    MannWhitney,
    /// Wilcoxon-Mann-Whitney, with the variance of the null hypothesis under both.
    MannWhitneyNull,
}

/// Variance of two proportions.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum VarianceConvention {
    /// Pooled under the null hypothesis, unpooled under the alternative.
    Pooled,
    /// Unpooled under both hypotheses.
    Unpooled,
    /// Pooled under both hypotheses.
    Null,
    /// Wald's test on the scale of the margin, the logarithm of a ratio: unpooled under both hypotheses.
    Wald,
    /// Arcsine of the root.
    Arcsine,
}

impl EndpointArgs {
    /// Returns whether the effect is given.
    pub fn has_effect(&self) -> bool {
        self.experimental.is_some()
            || self.common_odds_ratio.is_some()
            || !self.experimental_mrs.is_empty()
    }

    /// Returns the comparison; without an effect, one with a placeholder that must be solved for.
    pub fn comparison(&self, share_experimental: f64) -> Result<Comparison, Failure> {
        if let Some(control) = self.control {
            return self.two_proportions(control);
        }
        if self.control_mrs.is_empty() {
            return Err(Failure::Usage(
                "nothing to design for: give a scenario, or --control and --experimental (rates), \
                 or --control-mrs with --common-odds-ratio or --experimental-mrs"
                    .into(),
            ));
        }
        self.mrs(share_experimental)
    }

    fn two_proportions(&self, control: f64) -> Result<Comparison, Failure> {
        // Without an effect the control rate is a placeholder, until the effect is solved for.
        let experimental = self.experimental.unwrap_or(control);
        let mut out = TwoProportions::new(control, experimental)
            .map_err(|error| Failure::Usage(format!("--control and --experimental: {error}")))?;
        out = out.with_variance(match self.variance {
            VarianceConvention::Pooled => Variance::NullAndAlternative,
            VarianceConvention::Unpooled => Variance::Alternative,
            VarianceConvention::Null => Variance::Null,
            VarianceConvention::Wald => Variance::Wald,
            VarianceConvention::Arcsine => Variance::Arcsine,
        });
        if self.continuity_correction {
            out = out.continuity_corrected();
        }
        let margins = [
            ("--margin", self.margin.map(Distance::Difference)),
            ("--margin-ratio", self.margin_ratio.map(Distance::Ratio)),
            ("--margin-odds-ratio", self.margin_odds_ratio.map(Distance::OddsRatio)),
        ];
        for (option, margin) in margins {
            if let Some(margin) = margin {
                out = out
                    .against(margin)
                    .map_err(|error| Failure::Usage(format!("{option}: {error}")))?;
            }
        }
        Ok(Comparison::TwoProportions(out))
    }

    fn mrs(&self, share_experimental: f64) -> Result<Comparison, Failure> {
        let control = &self.control_mrs;
        // Checked here and not by the comparison, so that the message names the option.
        for (option, list) in
            [("--experimental-mrs", &self.experimental_mrs), ("--utilities", &self.utilities)]
        {
            if !list.is_empty() && list.len() != control.len() {
                let (given, levels) = (list.len(), control.len());
                return Err(Failure::Usage(format!(
                    "{option} has {given} numbers; expected: {levels}, as many as --control-mrs"
                )));
            }
        }
        let test = match self.test {
            MrsTest::ProportionalOdds => OrdinalTest::ProportionalOdds,
            MrsTest::Wald => OrdinalTest::Wald,
            MrsTest::MannWhitney => OrdinalTest::MannWhitney,
            MrsTest::MannWhitneyNull => OrdinalTest::MannWhitneyNullVariance,
        };
        let ordinal = if self.experimental_mrs.is_empty() {
            // No effect is a placeholder here as well, until the effect is solved for.
            Ordinal::shifted(control, self.common_odds_ratio.unwrap_or(1.0), test)
        } else {
            Ordinal::fitted(control, &self.experimental_mrs, share_experimental, test)
        }
        .map_err(|error| self.not_an_mrs(error))?;
        self.scored(ordinal)
    }

    fn not_an_mrs(&self, error: NotComparable) -> Failure {
        let arm = if self.experimental_mrs.is_empty() {
            "--control-mrs"
        } else {
            "--control-mrs or --experimental-mrs"
        };
        Failure::Usage(format!("{arm}: {error}"))
    }

    /// Returns the comparison of the mRS, or of its utilities if any are given.
    fn scored(&self, ordinal: Ordinal) -> Result<Comparison, Failure> {
        match (self.utilities.is_empty(), self.margin) {
            (true, None) => return self.against_odds_ratio(ordinal),
            (true, Some(margin)) => {
                return Err(Failure::Usage(format!(
                    "--margin {margin}: a comparison of the mRS has its margin on the common odds \
                     ratio; expected: --margin-odds-ratio, or --control or --utilities"
                )));
            }
            (false, _) => {}
        }
        let (control, experimental) = (ordinal.control(), ordinal.experimental());
        let means = TwoMeans::of_utilities(&self.utilities, control, experimental);
        let means = means.map_err(|error| Failure::Usage(format!("--utilities: {error}")))?;
        Ok(Comparison::Means(self.margin.map_or(means, |margin| means.against(margin))))
    }

    /// Returns the comparison of the mRS, against the margin if there is one.
    fn against_odds_ratio(&self, ordinal: Ordinal) -> Result<Comparison, Failure> {
        let Some(margin) = self.margin_odds_ratio else { return Ok(Comparison::Ordinal(ordinal)) };
        match self.test {
            MrsTest::ProportionalOdds | MrsTest::Wald => {
                Ok(Comparison::Ordinal(ordinal.against(libm::log(margin))))
            }
            MrsTest::MannWhitney | MrsTest::MannWhitneyNull => Err(Failure::Usage(format!(
                "--margin-odds-ratio {margin}: a Mann-Whitney test has no margin on the common odds \
                 ratio; expected: --test proportional-odds or wald"
            ))),
        }
    }
}
