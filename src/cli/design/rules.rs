//! Looks and boundaries from options.

use clap::Args;
use rescuesim::design::comparison::Comparison;
use rescuesim::design::{
    Boundaries, ConditionalOn, DesignError, FutilityRule, HarmRule, MAX_LOOKS, Rules,
    TwoSidedSpending, Untested,
};
use rescuesim::num::normal::upper_quantile;

use super::family::Family;
use super::usage;
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
    /// hwang-shih-decani=GAMMA, kim-demets=RHO, cumulative=A,B,…) or bounds (obrien-fleming, pocock,
    /// wang-tsiatis=DELTA, haybittle-peto[=Z], none).
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
          value_parser = ["per-side", "both-sides"], conflicts_with_all = ["harm", "futility"])]
    two_sided: Option<String>,
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

/// One-sided α of the options; the usual one where none is given.
pub const USUAL_ALPHA: f64 = 0.025;

/// A size that was given, with what it is compared for.
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
            return Ok((1..=looks).map(|k| f64::from(k) / f64::from(looks)).collect());
        }
        let increasing = given.windows(2).all(|pair| pair[1] - pair[0] >= 1e-6);
        if given.len() > MAX_LOOKS
            || !increasing
            || given[0] < 1e-6
            || given[given.len() - 1] != 1.0
        {
            let given: Vec<String> = given.iter().map(f64::to_string).collect();
            return Err(usage(format!(
                "--information-fractions {}; allowed: 1 to {MAX_LOOKS} numbers above 0 that \
                 increase to 1",
                given.join(",")
            )));
        }
        Ok(given.clone())
    }

    /// The rules at an error rate of `alpha`; futility on the scale of the effect, or under the
    /// planned one, needs the size.
    pub fn rules(
        &self,
        alpha: f64,
        fractions: &[f64],
        power: Option<f64>,
        size: Option<&Size>,
    ) -> Result<Rules, Failure> {
        let interims = fractions.len() - 1;
        let spending = &self.spending;
        let efficacy = spending.efficacy(alpha, fractions);
        Ok(Rules {
            alpha_one_sided: alpha,
            efficacy: efficacy
                .map_err(|message| usage(format!("--spending {spending}: {message}")))?,
            futility: self.futility(fractions, power, size)?,
            binding_futility: self.binding,
            harm: self.harm(fractions)?,
            untested: Untested {
                efficacy: untested("--efficacy-looks", &self.efficacy_looks, fractions.len())?,
                futility: untested("--futility-looks", &self.futility_looks, interims)?,
                harm: untested("--harm-looks", &self.harm_looks, fractions.len())?,
            },
        })
    }

    /// Whether futility needs a power, so that it may stand beside a size without being solved for.
    pub fn futility_has_power(&self) -> bool {
        let kind = self.futility.as_deref().and_then(|text| text.split(':').next());
        matches!(kind, Some("beta" | "cp-planned"))
    }

    /// Boundaries, or what is wrong with which option.
    pub fn boundaries(&self, rules: &Rules, fractions: &[f64]) -> Result<Boundaries, Failure> {
        Boundaries::new(rules, fractions).map_err(|error| usage(self.explained(error, rules)))
    }

    fn explained(&self, error: DesignError, rules: &Rules) -> String {
        let futility = self.futility.as_deref().unwrap_or_default();
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

    fn futility(
        &self,
        fractions: &[f64],
        power: Option<f64>,
        size: Option<&Size>,
    ) -> Result<FutilityRule, Failure> {
        let Some(text) = &self.futility else { return Ok(FutilityRule::None) };
        let wrong = |message: &str| usage(format!("--futility {text}: {message}"));
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        if fractions.len() == 1 && kind != "none" {
            return Err(wrong("there is no interim look; expected: --looks 2 or more"));
        }
        let bounds = |convert: &dyn Fn(usize, f64) -> Option<f64>| {
            let z = interim_numbers(rest, fractions.len() - 1)
                .map_err(|message| wrong(&message))?
                .into_iter()
                .enumerate()
                .map(|(k, bound)| convert(k, bound));
            Ok(FutilityRule::Z(z.collect()))
        };
        let chance = || share(rest).map_err(|message| wrong(&message));
        match kind {
            "none" => Ok(FutilityRule::None),
            "beta" => {
                let power = power.ok_or_else(|| wrong("needs --power"))?;
                let function = Family::spending_for(rest, 1.0 - power, fractions);
                let function = function.map_err(|message| wrong(&message))?;
                Ok(FutilityRule::BetaSpending { function, power })
            }
            "z" => bounds(&|_, z| z.is_finite().then_some(z)),
            "p" => {
                let rule = bounds(&|_, p| (p < 1.0).then(|| upper_quantile(p)))?;
                let odd = |text: &str| text.parse().is_ok_and(|p: f64| p <= 0.0 || p > 1.0);
                if rest.split(',').any(odd) {
                    return Err(wrong("allowed: p values above 0, and 1 for no bound"));
                }
                Ok(rule)
            }
            "effect" => {
                let size = size.ok_or_else(|| wrong("needs the size, --n"))?;
                bounds(&|k, effect| effect.is_finite().then(|| size.z_at(fractions[k], effect)))
            }
            "cp" => {
                Ok(FutilityRule::ConditionalPower { at_most: chance()?, on: ConditionalOn::Trend })
            }
            "cp-planned" => {
                let on = match (power, size) {
                    (Some(power), _) => ConditionalOn::Power(power),
                    (None, Some(size)) => ConditionalOn::Drift(size.planned_drift()),
                    (None, None) => return Err(wrong("needs --power or the size, --n")),
                };
                Ok(FutilityRule::ConditionalPower { at_most: chance()?, on })
            }
            "pp" => Ok(FutilityRule::PredictivePower { at_most: chance()? }),
            _ => Err(wrong(
                "allowed: none, beta:FAMILY, z:A,B,…, p:A,B,…, effect:A,B,…, cp:X, cp-planned:X, pp:X",
            )),
        }
    }

    fn harm(&self, fractions: &[f64]) -> Result<HarmRule, Failure> {
        match (&self.two_sided, &self.harm) {
            (Some(spending), _) => Ok(HarmRule::Symmetric {
                spending: match spending.as_str() {
                    "both-sides" => TwoSidedSpending::BothSides,
                    _ => TwoSidedSpending::PerSide,
                },
            }),
            (None, Some(text)) => {
                let wrong = |message: String| usage(format!("--harm {text}: {message}"));
                let (family, alpha) = text.rsplit_once(':').ok_or_else(|| {
                    wrong("expected FAMILY:ALPHA, such as lan-demets-pocock:0.1".into())
                })?;
                let alpha_one_sided = alpha_one_sided(alpha).map_err(wrong)?;
                let function = Family::spending_for(family, alpha_one_sided, fractions);
                let function = function.map_err(wrong)?;
                Ok(HarmRule::Spending { function, alpha_one_sided })
            }
            (None, None) => Ok(HarmRule::None),
        }
    }
}

/// One number per interim look; −∞ is that of a look without a bound.
fn interim_numbers(text: &str, interims: usize) -> Result<Vec<f64>, String> {
    let number = |text: &str| text.parse().ok().filter(|number: &f64| *number < f64::INFINITY);
    let numbers: Option<Vec<f64>> = text.split(',').map(number).collect();
    let expected = format!("expected: {interims} numbers with commas, one per interim look");
    numbers.filter(|numbers| numbers.len() == interims).ok_or(expected)
}

fn untested(option: &str, tested: &[usize], looks: usize) -> Result<Vec<usize>, Failure> {
    if tested.is_empty() {
        return Ok(Vec::new());
    }
    match tested.iter().find(|&&look| look == 0 || look > looks) {
        Some(look) => {
            Err(usage(format!("{option} {look}: there is no such look; allowed: 1 to {looks}")))
        }
        None => Ok((0..looks).filter(|k| !tested.contains(&(k + 1))).collect()),
    }
}
