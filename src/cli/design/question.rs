//! From options, or a scenario, to a question about a design.

use clap::Args;
use rescuesim::analysis::proportional_odds;
use rescuesim::analysis::restricted::Distance;
use rescuesim::design::characteristics::Question;
use rescuesim::design::comparison::{
    Comparison, Means, NotComparable, Ordinal, OrdinalTest, TwoProportions, Variance,
};
use rescuesim::design::{
    Boundaries, ConditionalOn, DesignError, FutilityRule, HarmRule, MAX_LOOKS, Rules,
    TwoSidedSpending, Untested,
};
use rescuesim::num::normal::upper_quantile;

use super::family::Family;
use crate::cli::Failure;

/// Looks and boundaries.
#[derive(Debug, Args)]
#[group(id = "RuleArgs", multiple = true)]
pub struct RuleArgs {
    /// Equally spaced looks, the last being the final one.
    #[arg(long, value_name = "LOOKS", conflicts_with = "information_fractions",
          value_parser = clap::value_parser!(u32).range(1..=20))]
    looks: Option<u32>,
    /// Looks at these information fractions, increasing to 1.
    #[arg(long, value_name = "FRACTIONS", value_delimiter = ',')]
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
    /// Looks, from 1, at which efficacy is tested; all by default.
    #[arg(long, value_name = "LOOKS", value_delimiter = ',')]
    efficacy_looks: Vec<usize>,
    /// Boundary for futility: beta:FAMILY (β-spending for the power), or a bound per interim look
    /// as z:A,B,…, p:A,B,… or effect:A,B,…, or cp:X (conditional power under the trend),
    /// cp-planned:X (under the planned effect), pp:X (predictive power).
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    futility: Option<String>,
    /// Interim looks, from 1, at which futility is tested; all by default.
    #[arg(long, value_name = "LOOKS", value_delimiter = ',')]
    futility_looks: Vec<usize>,
    /// Let the efficacy boundary rely on futility.
    #[arg(long)]
    binding: bool,
    /// A symmetric two-sided test; with `both-sides` the spending function is that of both sides
    /// together.
    #[arg(long, value_name = "SPENDING", num_args = 0..=1, default_missing_value = "per-side",
          value_parser = ["per-side", "both-sides"], conflicts_with_all = ["harm", "futility"])]
    two_sided: Option<String>,
    /// A boundary for harm that spends an error rate of its own: FAMILY:ALPHA.
    #[arg(long, value_name = "FAMILY:ALPHA")]
    harm: Option<String>,
}

/// What is compared.
#[derive(Debug, Args)]
#[group(id = "EndpointArgs", multiple = true)]
pub struct EndpointArgs {
    /// Control rate of a success.
    #[arg(long, value_name = "RATE", value_parser = share)]
    control: Option<f64>,
    /// Experimental rate of a success.
    #[arg(long, value_name = "RATE", value_parser = share, requires = "control")]
    experimental: Option<f64>,
    /// mRS of control, 0 to 6, as fractions or percentages.
    #[arg(long, value_name = "SHARES", value_delimiter = ',', conflicts_with = "control")]
    control_mrs: Vec<f64>,
    /// mRS of the experimental arm.
    #[arg(long, value_name = "SHARES", value_delimiter = ',', requires = "control_mrs")]
    experimental_mrs: Vec<f64>,
    /// Odds of a better mRS against control, the same at every cut.
    #[arg(long, value_name = "RATIO", requires = "control_mrs",
          conflicts_with = "experimental_mrs", value_parser = positive)]
    common_odds_ratio: Option<f64>,
    /// Value of each mRS level: compares utility-weighted means.
    #[arg(
        long,
        value_name = "VALUES",
        value_delimiter = ',',
        requires = "control_mrs",
        allow_hyphen_values = true
    )]
    utilities: Vec<f64>,
    /// Test of the mRS: proportional-odds (Whitehead), mann-whitney, or mann-whitney-null (with the
    /// variance of the null hypothesis under both).
    #[arg(long, value_name = "TEST", default_value = "proportional-odds",
          value_parser = ["proportional-odds", "mann-whitney", "mann-whitney-null"])]
    test: String,
    /// Variance of two proportions: pooled (under the null hypothesis, unpooled under the
    /// alternative), unpooled, null (pooled under both), arcsine.
    #[arg(long, value_name = "CONVENTION", default_value = "pooled",
          value_parser = ["pooled", "unpooled", "null", "arcsine"])]
    variance: String,
    /// Continuity correction for two proportions.
    #[arg(long)]
    continuity_correction: bool,
    /// Margin on the risk difference (or difference of means) that has to be exceeded: below 0 for
    /// non-inferiority.
    #[arg(long, value_name = "DIFFERENCE", allow_hyphen_values = true, value_parser = margin)]
    margin: Option<f64>,
    /// Margin on the risk ratio: below 1 for non-inferiority.
    #[arg(long, value_name = "RATIO", conflicts_with = "margin", value_parser = positive)]
    margin_ratio: Option<f64>,
}

fn within(text: &str, ok: impl Fn(f64) -> bool, allowed: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|&number| ok(number));
    number.ok_or_else(|| format!("allowed: {allowed}"))
}

pub fn share(text: &str) -> Result<f64, String> {
    within(text, |x| 0.0 < x && x < 1.0, "above 0 and below 1")
}

pub fn dropout(text: &str) -> Result<f64, String> {
    within(text, |x| (0.0..=0.99).contains(&x), "0 to 0.99")
}

pub fn multiple(text: &str) -> Result<f64, String> {
    within(text, |x| (-10.0..=10.0).contains(&x), "-10 to 10")
}

fn alpha_one_sided(text: &str) -> Result<f64, String> {
    within(text, |x| (1e-12..=0.4999).contains(&x), "1e-12 to 0.4999")
}

fn alpha_two_sided(text: &str) -> Result<f64, String> {
    within(text, |x| (2e-12..=0.9998).contains(&x), "2e-12 to 0.9998")
}

fn positive(text: &str) -> Result<f64, String> {
    within(text, |x| (1e-3..=1e3).contains(&x), "0.001 to 1000")
}

fn margin(text: &str) -> Result<f64, String> {
    within(text, |x| -1.0 < x && x < 1.0, "above -1 and below 1")
}

pub fn ratio(text: &str) -> Result<(u32, u32), String> {
    let part = |text: &str| text.parse().ok().filter(|part| (1..=1000).contains(part));
    text.split_once(':')
        .and_then(|(control, experimental)| Some((part(control)?, part(experimental)?)))
        .ok_or_else(|| "expected CONTROL:EXPERIMENTAL, each from 1 to 1000, such as 1:2".to_owned())
}

/// One-sided α of the options; the usual one where none is given.
pub const USUAL_ALPHA: f64 = 0.025;

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
            return Err(usage(format!(
                "--information-fractions are {given:?}; allowed: 1 to {MAX_LOOKS} numbers above 0 \
                 that increase to 1"
            )));
        }
        Ok(given.clone())
    }

    /// The rules at an error rate of `alpha`; futility on the effect scale has its Z from `z_at`,
    /// which takes a look and an effect.
    pub fn rules(
        &self,
        alpha: f64,
        fractions: &[f64],
        power: Option<f64>,
        z_at: Option<&dyn Fn(usize, f64) -> f64>,
    ) -> Result<Rules, Failure> {
        let interims = fractions.len() - 1;
        let named = |option: &str, result: Result<_, String>| {
            result.map_err(|message| usage(format!("{option}: {message}")))
        };
        Ok(Rules {
            alpha_one_sided: alpha,
            efficacy: named("--spending", self.spending.efficacy(alpha, fractions))?,
            futility: self.futility(fractions, power, z_at)?,
            binding_futility: self.binding,
            harm: self.harm(fractions)?,
            untested: Untested {
                efficacy: untested("--efficacy-looks", &self.efficacy_looks, fractions.len())?,
                futility: untested("--futility-looks", &self.futility_looks, interims)?,
                harm: Vec::new(),
            },
        })
    }

    fn futility(
        &self,
        fractions: &[f64],
        power: Option<f64>,
        z_at: Option<&dyn Fn(usize, f64) -> f64>,
    ) -> Result<FutilityRule, Failure> {
        let Some(text) = &self.futility else { return Ok(FutilityRule::None) };
        let wrong = |message: &str| usage(format!("--futility {text}: {message}"));
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let interims = fractions.len() - 1;
        let bounds = |convert: &dyn Fn(usize, f64) -> Option<f64>| {
            let numbers: Result<Vec<f64>, _> = rest.split(',').map(str::parse).collect();
            let numbers = numbers.map_err(|_| wrong("expected numbers with commas"))?;
            if numbers.len() != interims {
                return Err(wrong(&format!("expected: {interims} numbers, one per interim look")));
            }
            let convert = |(k, &bound): (usize, &f64)| convert(k, bound);
            Ok(FutilityRule::Z(numbers.iter().enumerate().map(convert).collect()))
        };
        let chance = || share(rest).map_err(|message| wrong(&message));
        match kind {
            "none" => Ok(FutilityRule::None),
            "beta" => {
                let power = power.ok_or_else(|| wrong("needs --power"))?;
                let family: Family = rest.parse().map_err(|message: String| wrong(&message))?;
                let function = family.spending(1.0 - power, fractions);
                let function = function.map_err(|message| wrong(&message))?;
                Ok(FutilityRule::BetaSpending { function, power })
            }
            "z" => bounds(&|_, z| z.is_finite().then_some(z)),
            "p" => bounds(&|_, p| (p < 1.0).then(|| upper_quantile(p))),
            "effect" => {
                let z_at = z_at.ok_or_else(|| wrong("needs the size (--n) and the effect"))?;
                bounds(&|k, effect| effect.is_finite().then(|| z_at(k, effect)))
            }
            "cp" => {
                Ok(FutilityRule::ConditionalPower { at_most: chance()?, on: ConditionalOn::Trend })
            }
            "cp-planned" => {
                let power = power.unwrap_or(0.8);
                let on = ConditionalOn::Planned { power };
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
                let family: Family = family.parse().map_err(wrong)?;
                let function = family.spending(alpha_one_sided, fractions).map_err(wrong)?;
                Ok(HarmRule::Spending { function, alpha_one_sided })
            }
            (None, None) => Ok(HarmRule::None),
        }
    }
}

fn untested(option: &str, tested: &[usize], looks: usize) -> Result<Vec<usize>, Failure> {
    if tested.is_empty() {
        return Ok(Vec::new());
    }
    match tested.iter().find(|&&look| look == 0 || look > looks) {
        Some(look) => {
            Err(usage(format!("{option}: there is no look {look}; allowed: 1 to {looks}")))
        }
        None => Ok((0..looks).filter(|k| !tested.contains(&(k + 1))).collect()),
    }
}

impl EndpointArgs {
    /// Whether the effect is given.
    pub fn has_effect(&self) -> bool {
        self.experimental.is_some()
            || self.common_odds_ratio.is_some()
            || !self.experimental_mrs.is_empty()
    }

    /// The comparison; without an effect, one with a placeholder that must be solved for.
    pub fn comparison(&self, share_experimental: f64) -> Result<Comparison, Failure> {
        if let Some(control) = self.control {
            return self.two_proportions(control);
        }
        if self.control_mrs.is_empty() {
            return Err(usage(
                "what is compared? expected: a scenario, --control and --experimental (rates), or \
                 --control-mrs with --common-odds-ratio or --experimental-mrs"
                    .into(),
            ));
        }
        self.mrs(share_experimental)
    }

    fn two_proportions(&self, control: f64) -> Result<Comparison, Failure> {
        let experimental = self.experimental.unwrap_or(control);
        let mut out = TwoProportions::new(control, experimental).map_err(not_comparable)?;
        out = out.with_variance(match self.variance.as_str() {
            "unpooled" => Variance::Alternative,
            "null" => Variance::Null,
            "arcsine" => Variance::Arcsine,
            _ => Variance::NullAndAlternative,
        });
        if self.continuity_correction {
            out = out.continuity_corrected();
        }
        let margin = match (self.margin, self.margin_ratio) {
            (Some(difference), _) => Some(Distance::Difference(difference)),
            (None, Some(ratio)) => Some(Distance::Ratio(ratio)),
            (None, None) => None,
        };
        if let Some(margin) = margin {
            out = out.against(margin).map_err(not_comparable)?;
        }
        Ok(Comparison::TwoProportions(out))
    }

    fn mrs(&self, share_experimental: f64) -> Result<Comparison, Failure> {
        let control = &self.control_mrs;
        let test = match self.test.as_str() {
            "mann-whitney" => OrdinalTest::MannWhitney,
            "mann-whitney-null" => OrdinalTest::MannWhitneyNullVariance,
            _ => OrdinalTest::ProportionalOdds,
        };
        let ordinal = if self.experimental_mrs.is_empty() {
            Ordinal::shifted(control, self.common_odds_ratio.unwrap_or(1.0), test)
        } else {
            pair(control, &self.experimental_mrs, share_experimental, test)
        }
        .map_err(not_comparable)?;
        if self.utilities.is_empty() {
            return Ok(Comparison::Ordinal(ordinal));
        }
        let (control, experimental) = (ordinal.control(), ordinal.experimental());
        let means = Means::of_utilities(&self.utilities, control, experimental);
        let means = means.map_err(not_comparable)?;
        Ok(Comparison::Means(self.margin.map_or(means, |margin| means.against(margin))))
    }
}

/// Two distributions with the log odds ratio that a proportional-odds fit of ever more patients
/// approaches.
fn pair(
    control: &[f64],
    experimental: &[f64],
    share_experimental: f64,
    test: OrdinalTest,
) -> Result<Ordinal, NotComparable> {
    let unknown = Ordinal::pair(control, experimental, 0.0, test)?;
    let weights = |shares: &[f64], weight: f64| -> Option<[f64; 7]> {
        let weighted: Vec<f64> = shares.iter().map(|share| weight * share).collect();
        weighted.try_into().ok()
    };
    let table = [
        weights(unknown.control(), 1.0 - share_experimental),
        weights(unknown.experimental(), share_experimental),
    ];
    let [Some(control), Some(experimental)] = table else {
        return Err(NotComparable::Levels(unknown.control().len(), 7));
    };
    let log_odds_ratio = proportional_odds::fit(&[control, experimental]).log_odds_ratio;
    Ordinal::pair(unknown.control(), unknown.experimental(), log_odds_ratio, test)
}

pub fn usage(message: String) -> Failure {
    Failure::Usage(message)
}

pub fn not_comparable(error: NotComparable) -> Failure {
    usage(error.to_string())
}

/// Boundaries, or why there are none.
pub fn boundaries(question: &Question) -> Result<Boundaries, Failure> {
    let found = Boundaries::new(&question.rules, &question.information_fractions);
    found.map_err(|error: DesignError| usage(error.to_string()))
}
