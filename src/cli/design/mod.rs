//! `rescuesim design`.

mod family;
mod question;
mod words;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rescuesim::design::Boundaries;
use rescuesim::design::characteristics::{DesignCharacteristics, Question};
use rescuesim::design::sample_size::{ArmSizes, Rounding};
use rescuesim::report::design::DesignReport;
use rescuesim::report::figure::{self, BoundaryScale};
use rescuesim::scenario::{Analysis, Scenario, Truth};

use super::simulation::quoted;
use super::{Failure, output};
pub use question::usage;
use question::{EndpointArgs, RuleArgs, USUAL_ALPHA};
use words::{conventions, described};

/// A design without simulation: from a scenario, or from options.
#[derive(Debug, Args)]
pub struct DesignArgs {
    /// Scenario file (TOML); its looks, boundaries, arms and dropout are used. Without one, the
    /// options say all of it.
    #[arg(conflicts_with_all = ["RuleArgs", "EndpointArgs", "n", "ratio", "dropout"])]
    scenario: Option<PathBuf>,
    /// Replace a value of the scenario, as in `--set missing.dropout=0.05`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "scenario")]
    overrides: Vec<String>,
    /// Analysis of the scenario to design for; the first by default.
    #[arg(long, value_name = "NAME", requires = "scenario")]
    analysis: Option<String>,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// Power to reach. With a size and without an effect, the effect is solved for; with both and
    /// without an alpha, the alpha; else the size.
    #[arg(long, value_parser = question::share)]
    power: Option<f64>,
    /// Patients analysed at the final look, both arms together.
    #[arg(long, value_name = "PATIENTS", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    n: Option<u32>,
    /// Control to experimental patients, such as 1:2.
    #[arg(long, value_name = "C:E", default_value = "1:1", value_parser = question::ratio)]
    ratio: (u32, u32),
    /// Share of patients whose outcome is never known.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = question::dropout)]
    dropout: f64,
    /// Where exact numbers of patients are rounded up.
    #[arg(long, value_enum, default_value_t = RoundingRule::PerArm)]
    rounding: RoundingRule,
    /// More effects to compute probabilities under, as multiples of the stated one.
    #[arg(long, value_name = "MULTIPLES", value_delimiter = ',', value_parser = question::multiple)]
    effects: Vec<f64>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = DesignFormat::Table)]
    format: DesignFormat,
    /// Also draw the boundaries to this file (SVG).
    #[arg(long, value_name = "FILE")]
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
enum DesignFormat {
    /// Tables for people.
    Table,
    /// JSON.
    Json,
    /// One row per look and boundary.
    Csv,
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

/// A question with what was given and what is to be found.
struct Asked {
    question: Question,
    boundaries: Boundaries,
    /// Cumulative sizes per look, where they were given.
    sizes: Option<Vec<ArmSizes>>,
    title: String,
}

pub fn design(args: &DesignArgs) -> Result<(), Failure> {
    let asked = match &args.scenario {
        Some(path) => {
            let scenario = Scenario::load(path, &args.overrides)?;
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
        output::OutputFile::whole(path, &svg).and_then(output::OutputFile::put_in_place).map_err(
            |error| Failure::Running(format!("cannot write {}: {error}", path.display())),
        )?;
    }
    output::print(&match args.format {
        DesignFormat::Table => report.render(),
        DesignFormat::Json => report.to_json(),
        DesignFormat::Csv => report.to_csv(),
    })
}

impl Asked {
    fn of_scenario(scenario: &Scenario, args: &DesignArgs) -> Result<Self, Failure> {
        let analysis = analysis_named(scenario, args.analysis.as_deref())?;
        let share_experimental = scenario.share_experimental_known();
        let comparison =
            scenario.comparison(Truth::Alternative, analysis.method).ok_or_else(|| {
                usage(format!("analysis {} has no closed form with these arms", analysis.name))
            })?;
        let boundaries = scenario.design.boundaries().clone();
        let question = Question {
            rules: scenario.design.plan().rules.clone(),
            information_fractions: boundaries.information_fractions.clone(),
            comparison,
            share_experimental,
            rounding: args.rounding.rounding(),
            dropout: scenario.dropout,
        };
        let split = |analysed: u32| {
            let experimental = (f64::from(analysed) * share_experimental).round() as u32;
            ArmSizes { control: analysed - experimental, experimental }
        };
        let sizes = scenario.design.looks().iter().map(|look| split(look.analysed)).collect();
        let title = format!("{}, \"{}\"", scenario.file().title, analysis.name);
        Ok(Self { question, boundaries, sizes: Some(sizes), title })
    }

    fn of_options(args: &DesignArgs) -> Result<Self, Failure> {
        let (control, experimental) = args.ratio;
        let share_experimental = f64::from(experimental) / f64::from(control + experimental);
        let information_fractions = args.rules.information_fractions()?;
        let alpha = args.rules.alpha().unwrap_or(USUAL_ALPHA);
        let comparison = args.endpoint.comparison(share_experimental)?;
        let z_at = |k: usize, effect: f64| {
            let total = information_fractions[k] * f64::from(args.n.unwrap_or(0));
            comparison.z_at_effect(effect, share_experimental, total)
        };
        let z_at: Option<&dyn Fn(usize, f64) -> f64> = args.n.map(|_| &z_at as _);
        let rules = args.rules.rules(alpha, &information_fractions, args.power, z_at)?;
        let mut question = Question {
            rules,
            comparison: comparison.clone(),
            information_fractions: information_fractions.clone(),
            share_experimental,
            rounding: args.rounding.rounding(),
            dropout: [args.dropout; 2],
        };
        let total = args.n.map(f64::from);
        if let (Some(total), Some(power), true, None) =
            (total, args.power, args.endpoint.has_effect(), args.rules.alpha())
        {
            let found = question.with_sufficient_alpha(power, total);
            question = found.ok_or_else(|| unreachable(power, "no alpha below 0.5"))?;
        }
        let boundaries = question::boundaries(&question)?;
        if !args.endpoint.has_effect() {
            let (Some(total), Some(power)) = (total, args.power) else {
                return Err(usage(
                    "there is no effect; expected: --experimental, --common-odds-ratio or \
                     --experimental-mrs, or both --n and --power to solve for it"
                        .into(),
                ));
            };
            let found = question.with_detectable_effect(&boundaries, power, total);
            question = found.ok_or_else(|| unreachable(power, "no effect"))?;
        }
        let sizes = total.map(|total| question.sizes(total));
        let title = described(&question);
        Ok(Self { question, boundaries, sizes, title })
    }

    /// The sizes that were given, or those that reach the wanted power; then what the design says.
    fn answer(&self, args: &DesignArgs) -> Result<DesignReport, Failure> {
        let question = &self.question;
        let solve = args.scenario.is_some() || self.sizes.is_none();
        let required = match args.power {
            Some(power) if solve => Some(
                question
                    .required(&self.boundaries, power)
                    .ok_or_else(|| unreachable(power, "no number of patients"))?,
            ),
            _ => None,
        };
        let sizes = match (&required, &self.sizes) {
            (Some(required), _) => question.sizes(required.total),
            (None, Some(sizes)) => sizes.clone(),
            (None, None) => return Err(usage("how large? expected: --power or --n".into())),
        };
        let mut fractions = vec![0.0, 0.5, 1.0];
        fractions.extend(args.effects.iter().filter(|f| ![0.0, 0.5, 1.0].contains(*f)));
        let design = DesignCharacteristics::new(question, &self.boundaries, &sizes, &fractions);
        let mut conventions = conventions(question);
        if required.is_some() {
            conventions.push(args.rounding.sentence().to_owned());
        }
        Ok(DesignReport {
            version: env!("CARGO_PKG_VERSION"),
            command: recreate(),
            title: self.title.clone(),
            conventions,
            effect_scale: question.comparison.scale_name(),
            design: DesignCharacteristics { required, ..design },
        })
    }
}

fn unreachable(power: f64, what: &str) -> Failure {
    usage(format!("{what} gives a power of {power} with these boundaries and this effect"))
}

/// An analysis of the scenario, the first by default.
pub fn analysis_named<'s>(
    scenario: &'s Scenario,
    name: Option<&str>,
) -> Result<&'s Analysis, Failure> {
    let Some(name) = name else { return Ok(&scenario.analyses[0]) };
    scenario.analyses.iter().find(|analysis| analysis.name == name).ok_or_else(|| {
        let names: Vec<&str> = scenario.analyses.iter().map(|a| &*a.name).collect();
        usage(format!("no analysis is named {name}; allowed: {}", names.join(", ")))
    })
}

/// The command as it was typed.
pub fn recreate() -> String {
    let words = std::env::args().skip(1).map(|word| quoted(&word));
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
