//! Descriptions of comparisons in words.

use std::fmt;

use super::{Balance, Comparison, Ordinal, OrdinalTest, TwoProportions, Variance};
use crate::analysis::restricted::Distance;
use crate::analysis::two_proportions::ProportionTest;
use crate::analysis::utilities::MeansTest;

/// Writes the comparison as a sentence without its full stop.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoProportions(it) => two_proportions(it, f)?,
            Self::Ordinal(it) => {
                f.write_str(ordinal(it))?;
                let margin = libm::exp(it.null_log_odds_ratio());
                if margin != 1.0 {
                    write!(f, "; margin {} on the common odds ratio", shortest(margin))?;
                }
            }
            Self::Means(it) => {
                let test = match it.test() {
                    MeansTest::Welch => "Welch's",
                    MeansTest::Student => "Student's",
                };
                write!(
                    f,
                    "Means, {test} t, its variance under the alternative by the delta method"
                )?;
                if it.null_effect() != 0.0 {
                    write!(
                        f,
                        "; margin {} on the difference of means",
                        shortest(it.null_effect())
                    )?;
                }
            }
            Self::ExpectedData(_) => {
                f.write_str(
                    "The statistic of the expected data, its variance by the delta method",
                )?;
            }
        }
        if self.balance() == Balance::NONE {
            return Ok(());
        }
        f.write_str(Balance::WORDS)
    }
}

/// Writes a margin with at most ten digits, without those that only a logarithm and its inverse have
/// added.
fn shortest(margin: f64) -> f64 {
    (margin * 1e10).round() / 1e10
}

fn two_proportions(it: &TwoProportions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let under_null = if it.has_margin() { "restricted" } else { "pooled" };
    f.write_str("Two proportions: ")?;
    if it.test() == Some(ProportionTest::Fisher) {
        f.write_str("Fisher's exact test, approximated with ")?;
    } else if it.test() == Some(ProportionTest::FisherMidP) {
        f.write_str("mid-p of Fisher's exact test, approximated with ")?;
    }
    match it.variance() {
        Variance::NullAndAlternative => write!(
            f,
            "{under_null} variance under the null hypothesis, unpooled under the alternative"
        ),
        Variance::Alternative => f.write_str("unpooled variance under both hypotheses"),
        Variance::Null => write!(f, "{under_null} variance under both hypotheses"),
        Variance::Wald => f.write_str("Wald's test, unpooled variance under both hypotheses"),
        Variance::Arcsine => f.write_str("arcsine of the root of each"),
    }?;
    if it.is_continuity_corrected() {
        f.write_str(", continuity correction")?;
    }
    match it.null() {
        Distance::Difference(0.0) => Ok(()),
        Distance::Difference(margin) => write!(f, "; margin {margin} on the risk difference"),
        Distance::Ratio(margin) => write!(f, "; margin {margin} on the risk ratio"),
        Distance::OddsRatio(margin) => write!(f, "; margin {margin} on the odds ratio"),
    }
}

fn ordinal(it: &Ordinal) -> &'static str {
    match it.test() {
        OrdinalTest::ProportionalOdds => "Proportional odds, Whitehead's information",
        OrdinalTest::Wald => "Proportional odds, Wald's test, information of the fit at these arms",
        OrdinalTest::MannWhitney => {
            "Wilcoxon-Mann-Whitney, its exact variance under the alternative"
        }
        OrdinalTest::MannWhitneyNullVariance => {
            "Wilcoxon-Mann-Whitney, variance of the null hypothesis under both"
        }
    }
}
