//! `rescuesim design`.

mod asked;
mod endpoint;
mod family;
mod rules;
mod words;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rescuesim::design::sample_size::Rounding;
use rescuesim::report::figure::{self, BoundaryScale};
use rescuesim::scenario::{Analysis, Inputs, Scenario};

use super::recreate::quoted;
use super::{Failure, Format, output, values};
use asked::Asked;
use endpoint::EndpointArgs;
use rules::RuleArgs;

/// What a scenario says by itself. One by one, so that a refusal names the option that was given.
/// Options that require a scenario conflict with them too: clap waives a requirement that conflicts
/// with what was given.
const OPTIONS_OF_A_DESIGN: [&str; 26] = [
    "looks",
    "information_fractions",
    "alpha_one_sided",
    "alpha_two_sided",
    "spending",
    "efficacy_looks",
    "futility",
    "futility_looks",
    "binding",
    "two_sided",
    "harm",
    "harm_looks",
    "control",
    "experimental",
    "control_mrs",
    "experimental_mrs",
    "common_odds_ratio",
    "utilities",
    "test",
    "variance",
    "continuity_correction",
    "margin",
    "margin_ratio",
    "n",
    "ratio",
    "dropout",
];

/// A design without simulation: from a scenario, or from options.
#[derive(Debug, Args)]
pub struct DesignArgs {
    /// Scenario file (TOML); its looks, boundaries, arms and dropout are used. Without one, the
    /// options say all of it.
    #[arg(conflicts_with_all = OPTIONS_OF_A_DESIGN)]
    scenario: Option<PathBuf>,
    /// Replace a value of the scenario, as in `--set missing.dropout=0.05`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "scenario",
          conflicts_with_all = OPTIONS_OF_A_DESIGN)]
    overrides: Vec<String>,
    /// Analysis of the scenario to design for; the first by default.
    #[arg(long, value_name = "NAME", requires = "scenario",
          conflicts_with_all = OPTIONS_OF_A_DESIGN)]
    analysis: Option<String>,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// Power to reach. With a size and without an effect, the effect is solved for; with both and
    /// without an alpha, the alpha; else the size.
    #[arg(long, value_parser = values::share)]
    power: Option<f64>,
    /// Patients analysed at the final look, both arms together.
    #[arg(long, value_name = "PATIENTS", value_parser = values::patients)]
    n: Option<u32>,
    /// Control to experimental patients, such as 1:2.
    #[arg(long, value_name = "C:E", default_value = "1:1", value_parser = values::ratio)]
    ratio: (u32, u32),
    /// Share of patients whose outcome is never known.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = values::dropout)]
    dropout: f64,
    /// Where the exact number of patients that has the power is rounded up.
    #[arg(long, value_enum, default_value_t = RoundingRule::PerArm, conflicts_with = "n")]
    rounding: RoundingRule,
    /// More effects to compute probabilities under, as multiples of the stated one.
    #[arg(long, value_name = "MULTIPLES", value_delimiter = ',', allow_hyphen_values = true,
          value_parser = values::multiple)]
    effects: Vec<f64>,
    /// What to print; CSV has a row per look and boundary.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Also draw the boundaries to this file (SVG).
    #[arg(long, value_name = "FILE", value_parser = svg)]
    plot: Option<PathBuf>,
    /// Scale of the drawn boundaries.
    #[arg(long, value_enum, default_value_t = Scale::Z, requires = "plot")]
    scale: Scale,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoundingRule {
    /// Each arm at its maximum.
    PerArm,
    /// Each arm from look to look.
    PerLook,
    /// Both arms together.
    Total,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scale {
    /// Z.
    Z,
    /// One-sided p value.
    P,
    /// Observed effect.
    Effect,
}

pub fn design(args: &DesignArgs) -> Result<(), Failure> {
    let inputs = Inputs::default();
    let asked = match &args.scenario {
        Some(path) => {
            let scenario = Scenario::load_from(&inputs, path, &args.overrides)?;
            Asked::of_scenario(&scenario, args)?
        }
        None => Asked::of_options(args)?,
    };
    let report = asked.answer(args)?;
    if let Some(path) = &args.plot {
        let scale = match args.scale {
            Scale::Z => BoundaryScale::Z,
            Scale::P => BoundaryScale::P,
            Scale::Effect => BoundaryScale::Effect,
        };
        let svg = figure::boundaries(&report.design, scale, &report.title, report.effect_scale);
        output::write(path, &svg, &inputs.paths())?;
    }
    match args.format {
        Format::Csv => output::print(&report.to_csv()),
        format => output::print_as(format, || report.document(), || report.to_json()),
    }
}

/// An analysis of the scenario, the first by default.
pub fn analysis_named<'s>(
    scenario: &'s Scenario,
    name: Option<&str>,
) -> Result<&'s Analysis, Failure> {
    analysis_at(scenario, name).map(|at| &scenario.analyses[at])
}

/// Its position in the scenario.
pub fn analysis_at(scenario: &Scenario, name: Option<&str>) -> Result<usize, Failure> {
    let Some(name) = name else { return Ok(0) };
    scenario.analyses.iter().position(|analysis| analysis.name == name).ok_or_else(|| {
        let names: Vec<&str> = scenario.analyses.iter().map(|a| &*a.name).collect();
        let names = names.join(", ");
        usage(format!("--analysis {name}: no analysis has this name; allowed: {names}"))
    })
}

/// The command as it was typed.
pub fn recreate() -> String {
    let words = std::env::args_os().skip(1).map(|word| quoted(&word));
    std::iter::once("rescuesim".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

impl RoundingRule {
    fn rounding(self) -> Rounding {
        match self {
            Self::PerArm => Rounding::PerArm,
            Self::PerLook => Rounding::PerArmAndLook,
            Self::Total => Rounding::Total,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::PerArm => "Sizes are rounded up per arm at the final look.",
            Self::PerLook => "Sizes are rounded up per arm and look.",
            Self::Total => "Sizes are rounded up for both arms together.",
        }
    }
}

pub fn svg(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("svg") => Ok(path),
        _ => Err("allowed: the name of a file that ends in .svg".to_owned()),
    }
}

pub fn usage(message: String) -> Failure {
    Failure::Usage(message)
}
