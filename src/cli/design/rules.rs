//! Looks and boundaries from options.

use std::fmt::Display;

use clap::{Args, ValueEnum};
use rescuesim::design::comparison::Comparison;
use rescuesim::design::{
    Boundaries, ConditionalOn, DesignError, FutilityRule, HarmRule, MAX_LOOKS, Rules,
    TwoSidedSpending, Untested,
};
use rescuesim::num::normal::upper_quantile;

use super::family::Family;
use crate::cli::Failure;
use crate::cli::values::{alpha_one_sided, alpha_two_sided, finite, looks, share};

/// Looks and boundaries.
#[derive(Debug, Args)]
#[group(id = "RuleArgs", multiple = true)]
pub struct RuleArgs {
    /// Equally spaced looks, the last being the final one.
    #[arg(long, value_name = "LOOKS", conflicts_with = "information_fractions",
          value_parser = looks)]
    looks: Option<u32>,
    /// Looks at these information fractions, increasing to 1.
    #[arg(long, value_name = "FRACTIONS", value_delimiter = ',', value_parser = finite)]
    information_fractions: Vec<f64>,
    /// One-sided type I error [default: 0.025].
    #[arg(long, value_name = "ALPHA", value_parser = alpha_one_sided)]
    pub alpha_one_sided: Option<f64>,
    /// Two-sided type I error; half of it is used on the side of benefit.
    #[arg(long, value_name = "ALPHA", value_parser = alpha_two_sided,
          conflicts_with = "alpha_one_sided")]
    pub alpha_two_sided: Option<f64>,
    /// Boundary for efficacy: a spending function (lan-demets-obrien-fleming, lan-demets-pocock,
    /// hwang-shih-decani=GAMMA, kim-demets=RHO, cumulative=A,B,…) or bounds (obrien-fleming,
    /// pocock, wang-tsiatis=DELTA, haybittle-peto[=Z], none).
    #[arg(
        long,
        visible_alias = "efficacy",
        value_name = "FAMILY",
        default_value = "lan-demets-obrien-fleming"
    )]
    spending: Family,
    /// Looks, from 1, at which efficacy is tested; all by default, and always the final
    /// one.
    #[arg(long, value_name = "LOOKS", value_delimiter = ',')]
    efficacy_looks: Vec<usize>,
    /// Boundary for futility: beta:FAMILY (β-spending for the power), or a bound per interim look
    /// as z:A,B,…, p:A,B,… or effect:A,B,…, or cp:X (conditional power under the trend),
    /// cp-planned:X (under the planned effect), pp:X (predictive power).
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    futility: Option<String>,
    /// Interim looks, from 1, at which futility is tested; all by default.
    #[arg(
        long,
        value_name = "LOOKS",
        value_delimiter = ',',
        requires = "futility",
        conflicts_with = "two_sided"
    )]
    futility_looks: Vec<usize>,
    /// Let the efficacy boundary rely on futility.
    #[arg(long, requires = "futility", conflicts_with = "two_sided")]
    binding: bool,
    /// A symmetric two-sided test; with `both-sides` the spending function is that of both sides
    /// together.
    #[arg(long, value_name = "SPENDING", num_args = 0..=1, default_missing_value = "per-side",
          conflicts_with_all = ["harm", "futility"])]
    two_sided: Option<TwoSided>,
    /// A boundary for harm that spends an error rate of its own: FAMILY:ALPHA.
    #[arg(long, value_name = "FAMILY:ALPHA")]
    harm: Option<String>,
    /// Looks, from 1, at which harm is tested; all by default, and always the final one.
    #[arg(
        long,
        value_name = "LOOKS",
        value_delimiter = ',',
        requires = "harm",
        conflicts_with = "two_sided"
    )]
    harm_looks: Vec<usize>,
}

/// One-sided α without an option that states it.
pub const USUAL_ALPHA: f64 = 0.025;

/// Spending of a symmetric two-sided test.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum TwoSided {
    /// Each side spends the function at the one-sided alpha.
    PerSide,
    /// Both sides together spend the function at twice the one-sided alpha.
    BothSides,
}

/// A given size, with the comparison that it is for.
pub struct Size<'c> {
    pub comparison: &'c Comparison,
    pub share_experimental: f64,
    pub total: f64,
    pub alpha: f64,
}

impl Size<'_> {
    fn z_at(&self, fraction: f64, effect: f64) -> f64 {
        self.comparison.z_at_effect(effect, self.share_experimental, fraction * self.total)
    }

    fn planned_drift(&self) -> f64 {
        self.comparison.drift(self.alpha, self.share_experimental, self.total)
    }
}

impl RuleArgs {
    pub fn alpha(&self) -> Option<f64> {
        self.alpha_one_sided.or(self.alpha_two_sided.map(|alpha| 0.5 * alpha))
    }

    pub fn information_fractions(&self) -> Result<Vec<f64>, Failure> {
        let given = &self.information_fractions;
        if given.is_empty() {
            let looks = self.looks.unwrap_or(1);
            // Divided one by one, so that a third look of six has exactly the fraction 0.5.
            return Ok((1..=looks).map(|k| f64::from(k) / f64::from(looks)).collect());
        }
        // Looks closer than this would leave an interim test without patients of its own.
        let increasing = given.windows(2).all(|pair| pair[1] - pair[0] >= 1e-6);
        if given.len() > MAX_LOOKS
            || !increasing
            || given[0] < 1e-6
            || given[given.len() - 1] != 1.0
        {
            let given: Vec<String> = given.iter().map(f64::to_string).collect();
            return Err(Failure::Usage(format!(
                "--information-fractions {}; allowed: 1 to {MAX_LOOKS} numbers above 0 that \
                 increase to 1",
                given.join(",")
            )));
        }
        Ok(given.clone())
    }

    /// Returns the rules at an error rate of `alpha`; futility on the scale of the effect, or under
    /// the planned one, needs the size.
    pub fn rules(
        &self,
        alpha: f64,
        fractions: &[f64],
        power: Option<f64>,
        size: Option<&Size>,
    ) -> Result<Rules, Failure> {
        let interims = fractions.len() - 1;
        let efficacy = self.spending.efficacy(alpha, fractions);
        let futility = match &self.futility {
            Some(text) => futility(text, fractions, power, size),
            None => Ok(FutilityRule::None),
        };
        Ok(Rules {
            alpha_one_sided: alpha,
            efficacy: efficacy.map_err(|message| refused("--spending", &self.spending, message))?,
            futility: futility.map_err(|message| refused("--futility", self.written(), message))?,
            binding_futility: self.binding,
            harm: self.harm(fractions)?,
            untested: Untested {
                efficacy: untested("--efficacy-looks", &self.efficacy_looks, fractions.len())?,
                futility: untested("--futility-looks", &self.futility_looks, interims)?,
                harm: untested("--harm-looks", &self.harm_looks, fractions.len())?,
            },
        })
    }

    /// Returns the futility rule as it was written.
    fn written(&self) -> &str {
        self.futility.as_deref().unwrap_or_default()
    }

    /// Returns whether futility needs a power, which may then be given with a size without solving
    /// for anything.
    pub fn futility_has_power(&self) -> bool {
        let kind = self.futility.as_deref().and_then(|text| text.split(':').next());
        matches!(kind, Some("beta" | "cp-planned"))
    }

    /// Finds the boundaries, or names the option that leaves none.
    pub fn boundaries(&self, rules: &Rules, fractions: &[f64]) -> Result<Boundaries, Failure> {
        Boundaries::new(rules, fractions)
            .map_err(|error| Failure::Usage(self.explained(error, rules)))
    }

    fn explained(&self, error: DesignError, rules: &Rules) -> String {
        let futility = self.written();
        match error {
            DesignError::NoEfficacyBoundary => format!(
                "--spending {}: the interim looks use up more than the one-sided alpha of {}; \
                 allowed: fewer of them, higher bounds, or a larger alpha",
                self.spending, rules.alpha_one_sided
            ),
            DesignError::NoRoom { look, futility: low, efficacy: high } => format!(
                "--futility {futility}: at look {look} that is a Z of {low:.4}, not below the \
                 efficacy boundary; allowed: below {high:.4}"
            ),
            DesignError::UnreachablePower => {
                format!("--futility {futility}: {error}; allowed: a power above alpha")
            }
            DesignError::Unsettled | DesignError::TwoSidedFutility => {
                format!("--futility {futility}: {error}")
            }
        }
    }

    fn harm(&self, fractions: &[f64]) -> Result<HarmRule, Failure> {
        if let Some(spending) = self.two_sided {
            let spending = match spending {
                TwoSided::PerSide => TwoSidedSpending::PerSide,
                TwoSided::BothSides => TwoSidedSpending::BothSides,
            };
            return Ok(HarmRule::Symmetric { spending });
        }
        let Some(text) = &self.harm else { return Ok(HarmRule::None) };
        harm(text, fractions).map_err(|message| refused("--harm", text, message))
    }
}

/// Explains why the value of an option is refused.
fn refused(option: &str, value: impl Display, message: String) -> Failure {
    Failure::Usage(format!("{option} {value}: {message}"))
}

fn futility(
    text: &str,
    fractions: &[f64],
    power: Option<f64>,
    size: Option<&Size>,
) -> Result<FutilityRule, String> {
    let (kind, value) = text.split_once(':').unwrap_or((text, ""));
    // Checked first: the number of bounds would be refused as well, with a less useful message.
    if fractions.len() == 1 && kind != "none" {
        return Err("there is no interim look; expected: --looks 2 or more".to_owned());
    }
    let interims = fractions.len() - 1;
    match kind {
        "none" => Ok(FutilityRule::None),
        "beta" => {
            let power = power.ok_or("needs --power")?;
            let function = Family::spending_for(value, 1.0 - power, fractions)?;
            Ok(FutilityRule::BetaSpending { function, power })
        }
        "z" => {
            let bounds = interim_numbers(value, interims)?.into_iter();
            Ok(FutilityRule::Z(bounds.map(|z| z.is_finite().then_some(z)).collect()))
        }
        "p" => {
            let bounds = interim_numbers(value, interims)?;
            if bounds.iter().any(|&p| p <= 0.0 || p > 1.0) {
                return Err("allowed: p values above 0, and 1 for no bound".to_owned());
            }
            let bounds = bounds.into_iter().map(|p| (p < 1.0).then(|| upper_quantile(p)));
            Ok(FutilityRule::Z(bounds.collect()))
        }
        "effect" => {
            let size = size.ok_or("needs the size, --n")?;
            let bounds = interim_numbers(value, interims)?.into_iter().zip(fractions);
            let bounds = bounds
                .map(|(effect, &fraction)| effect.is_finite().then(|| size.z_at(fraction, effect)));
            Ok(FutilityRule::Z(bounds.collect()))
        }
        "cp" => {
            Ok(FutilityRule::ConditionalPower { at_most: share(value)?, on: ConditionalOn::Trend })
        }
        "cp-planned" => {
            let on = match (power, size) {
                (Some(power), _) => ConditionalOn::Power(power),
                (None, Some(size)) => ConditionalOn::Drift(size.planned_drift()),
                (None, None) => return Err("needs --power or the size, --n".to_owned()),
            };
            Ok(FutilityRule::ConditionalPower { at_most: share(value)?, on })
        }
        "pp" => Ok(FutilityRule::PredictivePower { at_most: share(value)? }),
        _ => Err("allowed: none, beta:FAMILY, z:A,B,…, p:A,B,…, effect:A,B,…, cp:X, \
                  cp-planned:X, pp:X"
            .to_owned()),
    }
}

fn harm(text: &str, fractions: &[f64]) -> Result<HarmRule, String> {
    // From the right, as the family comes first and may grow.
    let Some((family, alpha)) = text.rsplit_once(':') else {
        return Err("expected FAMILY:ALPHA, such as lan-demets-pocock:0.1".to_owned());
    };
    let alpha_one_sided = alpha_one_sided(alpha)?;
    let function = Family::spending_for(family, alpha_one_sided, fractions)?;
    Ok(HarmRule::Spending { function, alpha_one_sided })
}

/// Reads one number per interim look; −∞ is that of a look without a bound.
fn interim_numbers(text: &str, interims: usize) -> Result<Vec<f64>, String> {
    let numbers: Option<Vec<f64>> = text
        .split(',')
        .map(|text| text.parse().ok().filter(|number: &f64| *number < f64::INFINITY))
        .collect();
    numbers
        .filter(|numbers| numbers.len() == interims)
        .ok_or_else(|| format!("expected: {interims} numbers with commas, one per interim look"))
}

/// Returns the looks, from 0, that are not among the tested ones, from 1; none if no option names
/// any.
fn untested(option: &str, tested: &[usize], looks: usize) -> Result<Vec<usize>, Failure> {
    // Without the option all looks are tested.
    if tested.is_empty() {
        return Ok(Vec::new());
    }
    match tested.iter().find(|&&look| look == 0 || look > looks) {
        Some(look) => {
            let message = format!("there is no such look; allowed: 1 to {looks}");
            Err(refused(option, look, message))
        }
        None => Ok((0..looks).filter(|k| !tested.contains(&(k + 1))).collect()),
    }
}
