//! Looks and boundaries from options: overrides of the `design` table of a scenario.

use clap::{Args, ValueEnum};
use rescuesim::scenario::schema::{TableShape, ValueShape};
use rescuesim::scenario::{DesignFile, InputFile, Set, TomlTable, TomlValue};

use crate::cli::Failure;

/// Looks and boundaries.
#[derive(Debug, Args)]
#[group(id = "RuleArgs", multiple = true)]
// Texts, which become keys of a design: options and files then share their checks and messages.
pub struct RuleArgs {
    /// Equally spaced looks, the last being the final one; one by default.
    #[arg(long, value_name = "LOOKS", conflicts_with = "information_fractions")]
    looks: Option<String>,
    /// Looks at these information fractions, increasing to 1.
    #[arg(long, value_name = "FRACTIONS")]
    information_fractions: Option<String>,
    /// One-sided type I error; 0.025 by default.
    #[arg(long, value_name = "ALPHA")]
    alpha_one_sided: Option<String>,
    /// Two-sided type I error; half of it is used on the side of benefit.
    #[arg(long, value_name = "ALPHA", conflicts_with = "alpha_one_sided")]
    alpha_two_sided: Option<String>,
    /// Boundary for efficacy: a spending function (lan-demets-obrien-fleming, lan-demets-pocock,
    /// hwang-shih-decani=GAMMA, kim-demets=RHO, cumulative=A,B,…) or bounds (obrien-fleming,
    /// pocock, wang-tsiatis=DELTA, haybittle-peto[=Z], none); lan-demets-obrien-fleming by default.
    #[arg(long, visible_alias = "efficacy", value_name = "FAMILY")]
    spending: Option<String>,
    /// Looks, from 1, at which efficacy is tested; all by default, and always the final
    /// one.
    #[arg(long, value_name = "LOOKS")]
    efficacy_looks: Option<String>,
    /// Boundary for futility: beta:FAMILY (β-spending for the power), or a bound per interim look
    /// as z:A,B,…, p:A,B,… or effect:A,B,…, or cp:X (conditional power under the current trend),
    /// cp-planned:X (under the planned effect), pp:X (predictive power).
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    futility: Option<String>,
    /// Interim looks, from 1, at which futility is tested; all by default.
    #[arg(long, value_name = "LOOKS", requires = "futility", conflicts_with = "two_sided")]
    futility_looks: Option<String>,
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
    #[arg(long, value_name = "LOOKS", requires = "harm", conflicts_with = "two_sided")]
    harm_looks: Option<String>,
}

/// Spending of a symmetric two-sided test.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum TwoSided {
    /// Each side spends the function at the one-sided alpha.
    PerSide,
    /// Both sides together spend the function at twice the one-sided alpha.
    BothSides,
}

impl TwoSided {
    /// Returns the name of the option's value, and that in a scenario.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::PerSide => ["per-side", "per_side"],
            Self::BothSides => ["both-sides", "both_sides"],
        }
    }
}

impl RuleArgs {
    /// Returns whether an error rate is stated.
    pub fn has_alpha(&self) -> bool {
        self.alpha_one_sided.is_some() || self.alpha_two_sided.is_some()
    }

    /// Returns the options as overrides of a scenario's design; `power` is that of β-spending.
    ///
    /// # Errors
    /// When an option is not of its form. Whether its values are allowed is checked with those of the
    /// scenario.
    pub fn overrides(&self, power: Option<f64>) -> Result<Vec<Set>, Failure> {
        let mut overrides = Overrides::default();
        overrides.add("looks", &self.looks, "looks.equally_spaced", typed)?;
        let fractions = &self.information_fractions;
        overrides.add("information-fractions", fractions, "looks.information_fractions", list)?;
        overrides.add("alpha-one-sided", &self.alpha_one_sided, "alpha_one_sided", typed)?;
        overrides.add("alpha-two-sided", &self.alpha_two_sided, "alpha_two_sided", typed)?;
        overrides.add("spending", &self.spending, "efficacy", family)?;
        overrides.add("efficacy-looks", &self.efficacy_looks, "efficacy_looks", list)?;
        overrides.add("futility", &self.futility, "futility", |text| futility(text, power))?;
        overrides.add("futility-looks", &self.futility_looks, "futility_looks", list)?;
        if self.binding {
            overrides.set("binding", "", "binding_futility", true.into());
        }
        if let Some(two_sided) = self.two_sided {
            let [option, spending] = two_sided.names();
            let harm = table([("rule", "symmetric".into()), ("spending", spending.into())]);
            overrides.set("two-sided", option, "harm", harm);
        }
        overrides.add("harm", &self.harm, "harm", harm)?;
        overrides.add("harm-looks", &self.harm_looks, "harm_looks", list)?;
        Ok(overrides.0)
    }
}

/// Overrides of the `design` table.
#[derive(Default)]
struct Overrides(Vec<Set>);

impl Overrides {
    /// Adds the override of an option, if it is given, as `value` reads it.
    fn add(
        &mut self,
        option: &str,
        given: &Option<String>,
        key: &str,
        value: impl Fn(&str) -> Result<TomlValue, String>,
    ) -> Result<(), Failure> {
        let Some(text) = given else { return Ok(()) };
        let value = value(text)
            .map_err(|message| Failure::Usage(format!("--{option} {text}: {message}")))?;
        self.set(option, text, key, value);
        Ok(())
    }

    fn set(&mut self, option: &str, text: &str, key: &str, value: TomlValue) {
        let path = format!("design.{key}").parse().expect("keys of a design are a path");
        self.0.push(Set::option(option, text, path, value));
    }
}

fn table<const N: usize>(keys: [(&str, TomlValue); N]) -> TomlValue {
    TomlValue::InlineTable(TomlTable::from_iter(keys))
}

fn typed(text: &str) -> Result<TomlValue, String> {
    Ok(Set::typed(text))
}

/// Reads values with commas.
fn list(text: &str) -> Result<TomlValue, String> {
    Ok(TomlValue::from_iter(text.split(',').map(|text| Set::typed(text.trim()))))
}

/// Reads a boundary or a spending function: `NAME` or `NAME=VALUE`.
fn family(text: &str) -> Result<TomlValue, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    // The name in a scenario: options have hyphens, and families are often typed with capitals.
    let rule = name.replace('-', "_").to_lowercase();
    let mut family = TomlTable::from_iter([("rule", rule.as_str())]);
    // A name that is not known is reported with those that are, whatever its value.
    if let (Some(value), Some(known)) = (value, known_family(&rule)) {
        // A family has one parameter at most.
        let Some(parameter) = known.keys.iter().find(|key| key.name != "rule") else {
            return Err(format!("{name} takes no number"));
        };
        let is_list = matches!(parameter.shape, ValueShape::List(_));
        let value = if is_list { list(value)? } else { Set::typed(value) };
        family.insert(&parameter.name, value);
    }
    Ok(TomlValue::InlineTable(family))
}

/// Returns the keys of a family of boundaries in a scenario; `None` if there is no such family.
fn known_family(rule: &str) -> Option<&'static TableShape> {
    let shape = DesignFile::shape().key("design")?.key("efficacy")?;
    let ValueShape::Tagged { variants, .. } = shape else { return None };
    variants.iter().find(|(name, _)| name == rule).map(|(_, variant)| variant)
}

/// Reads a futility rule, `NAME` or `NAME:VALUE`; `power` is that of β-spending.
fn futility(text: &str, power: Option<f64>) -> Result<TomlValue, String> {
    let (kind, value) = text.split_once(':').unwrap_or((text, ""));
    Ok(match kind {
        "none" => table([("rule", "none".into())]),
        "beta" => {
            // The type II error that is spent is the complement of the power.
            let power = power.ok_or("needs --power")?;
            let spending = family(value)?;
            let rule = "beta_spending".into();
            table([("rule", rule), ("spending", spending), ("power", power.into())])
        }
        "z" | "p" | "effect" => table([("rule", kind.into()), ("bounds", list(value)?)]),
        "cp" => conditional_power(value, "trend"),
        "cp-planned" => conditional_power(value, "planned"),
        "pp" => table([("rule", "predictive_power".into()), ("at_most", Set::typed(value))]),
        _ => {
            return Err("allowed: none, beta:FAMILY, z:A,B,…, p:A,B,…, effect:A,B,…, cp:X, \
                        cp-planned:X, pp:X"
                .to_owned());
        }
    })
}

fn conditional_power(at_most: &str, under: &str) -> TomlValue {
    let at_most = Set::typed(at_most);
    table([("rule", "conditional_power".into()), ("at_most", at_most), ("under", under.into())])
}

/// Reads a boundary for harm, `FAMILY:ALPHA`.
fn harm(text: &str) -> Result<TomlValue, String> {
    // From the right, as the family comes first and may grow.
    let Some((spending, alpha)) = text.rsplit_once(':') else {
        return Err("expected FAMILY:ALPHA, such as lan-demets-pocock:0.1".to_owned());
    };
    let (spending, alpha) = (family(spending)?, Set::typed(alpha));
    Ok(table([("rule", "spending".into()), ("spending", spending), ("alpha_one_sided", alpha)]))
}
