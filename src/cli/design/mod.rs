//! `rescuesim design`.

mod asked;
mod endpoint;
mod enrichment;
mod options;
mod posed;
mod reestimation;
mod rules;

use std::path::PathBuf;

use clap::{Args, Command, Id, ValueEnum};
use rescuesim::design::sample_size::Rounding;
use rescuesim::report::design::{BoundariesReport, DesignReport};
use rescuesim::report::document::Document;
use rescuesim::report::figure::{self, BoundaryScale};
use rescuesim::scenario::{InputDocument, Set};

use super::pictures::{DpiArgs, figure_path, write_plot};
use super::{Failure, Format, delay, output, values};
use asked::Asked;
use endpoint::EndpointArgs;
use enrichment::EnrichmentArgs;
use posed::{Posed, asked_of};
use reestimation::ReestimationArgs;
use rules::RuleArgs;

/// Options that a scenario states itself, each of which conflicts with a scenario.
// One by one instead of as a group, so that clap's refusal names the option that was given. Options
// that require a scenario conflict with these too, as clap waives a requirement that conflicts with
// a given option.
fn options_of_a_design() -> Vec<Id> {
    let command = EndpointArgs::augment_args(Command::new("design"));
    let command = SizeArgs::augment_args(command);
    command.get_arguments().map(|option| option.get_id().clone()).collect()
}

/// A design without simulation: from a scenario, or from options.
#[derive(Debug, Args)]
pub struct DesignArgs {
    /// Scenario file (TOML); its looks, boundaries, arms and dropout are used, but for those that
    /// options state. Without one, the options say all of it.
    #[arg(conflicts_with_all = options_of_a_design())]
    scenario: Option<PathBuf>,
    /// Replace a value of the scenario, as in `--set missing.dropout=0.05`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "scenario",
          conflicts_with_all = options_of_a_design())]
    overrides: Vec<String>,
    /// Analysis of the scenario to design for; the primary one by default.
    #[arg(long, value_name = "NAME", requires = "scenario",
          conflicts_with_all = options_of_a_design())]
    analysis: Option<String>,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// Power to reach. With a size and without an effect, the effect is solved for; with both and
    /// without an alpha, the alpha; else the size.
    #[arg(long, value_parser = values::share)]
    power: Option<f64>,
    #[command(flatten)]
    size: SizeArgs,
    /// Where the exact number of patients that has the power is rounded up.
    #[arg(long, value_enum, default_value_t = RoundingRule::PerArm, conflicts_with = "n")]
    rounding: RoundingRule,
    #[command(flatten)]
    reestimation: ReestimationArgs,
    #[command(flatten)]
    enrichment: EnrichmentArgs,
    /// More effects to compute probabilities under, as multiples of the stated one.
    #[arg(long, value_name = "MULTIPLES", value_delimiter = ',', allow_hyphen_values = true,
          value_parser = values::multiple)]
    effects: Vec<f64>,
    /// Format of the output; CSV has a row per look and boundary.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Also draw the boundaries to this file: SVG, PDF or PNG, by the ending of its name.
    #[arg(long, value_name = "FILE", value_parser = figure_path)]
    plot: Option<PathBuf>,
    #[command(flatten)]
    dpi: DpiArgs,
    /// Scale of the drawn boundaries.
    #[arg(long, value_enum, default_value_t = PlotScale::Z, requires = "plot")]
    scale: PlotScale,
}

/// Number of patients, and their division.
#[derive(Debug, Args)]
#[group(id = "SizeArgs", multiple = true)]
struct SizeArgs {
    /// Patients analysed at the final look, both arms together.
    #[arg(long, value_name = "PATIENTS", value_parser = values::patients)]
    n: Option<u32>,
    /// Control to experimental patients, such as 1:2.
    #[arg(long, value_name = "C:E", default_value = "1:1", value_parser = values::ratio)]
    ratio: (u32, u32),
    /// Share of patients whose outcome is never known.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = values::dropout)]
    dropout: f64,
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
enum PlotScale {
    /// Z.
    Z,
    /// One-sided p value.
    P,
    /// Observed effect.
    Effect,
}

pub fn design(args: &DesignArgs) -> Result<(), Failure> {
    let (asked, inputs) = match &args.scenario {
        Some(path) => {
            let document = InputDocument::read(path)?;
            let mut sets = Set::all(&args.overrides);
            sets.extend(args.rules.overrides(args.power)?);
            let scenario = delay::announced(false, || document.with(&sets).resolve())?;
            (delay::announced(false, || asked_of(&scenario, args))?, document.paths())
        }
        None => {
            let asked = delay::announced(false, || Asked::of_options(args))?;
            (Posed::Question(Box::new(asked)), Vec::new())
        }
    };
    let answer = match asked {
        Posed::Question(asked) => {
            Answer::Design(Box::new(delay::announced(false, || asked.answer(args))?))
        }
        Posed::Boundaries(boundaries) => Answer::Boundaries(boundaries),
    };
    if let Some(path) = &args.plot {
        let svg = answer.figure(args.scale)?;
        write_plot(path, &svg, answer.title(), args.dpi, &inputs)?;
        output::report_written(std::slice::from_ref(path));
    }
    match args.format {
        // A row for each boundary: a quantity in each row, as elsewhere, would scatter the numbers
        // of a look.
        Format::Csv => output::print(&answer.to_csv()),
        format @ (Format::Table | Format::Markdown | Format::Json) => {
            output::print_as(format, || answer.document(), || answer.to_json())
        }
    }
}

/// Output of `design`: a design with its power, or boundaries alone.
enum Answer {
    /// Sizes, boundaries and power by formula.
    Design(Box<DesignReport>),
    /// Boundaries of an analysis whose power no formula gives.
    Boundaries(BoundariesReport),
}

impl Answer {
    fn title(&self) -> &str {
        match self {
            Self::Design(report) => &report.title,
            Self::Boundaries(report) => &report.title,
        }
    }

    fn figure(&self, scale: PlotScale) -> Result<String, Failure> {
        let scale = match (scale, self) {
            (PlotScale::Z, _) => BoundaryScale::Z,
            (PlotScale::P, _) => BoundaryScale::P,
            (PlotScale::Effect, Self::Design(_)) => BoundaryScale::Effect,
            (PlotScale::Effect, Self::Boundaries(report)) => {
                return Err(Failure::Usage(format!(
                    "--scale effect: {}; allowed: z, p",
                    report.no_formula.trim_end_matches('.')
                )));
            }
        };
        Ok(match self {
            Self::Design(report) => {
                let looks = &report.design.looks;
                figure::boundaries(looks, scale, &report.title, report.effect_scale)
            }
            Self::Boundaries(report) => figure::boundaries(&report.looks, scale, &report.title, ""),
        })
    }

    fn to_csv(&self) -> String {
        match self {
            Self::Design(report) => report.to_csv(),
            Self::Boundaries(report) => report.to_csv(),
        }
    }

    fn to_json(&self) -> String {
        match self {
            Self::Design(report) => report.to_json(),
            Self::Boundaries(report) => report.to_json(),
        }
    }

    fn document(&self) -> Document {
        match self {
            Self::Design(report) => report.document(),
            Self::Boundaries(report) => report.document(),
        }
    }
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
