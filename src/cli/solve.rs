//! `rescuesim solve`.

use std::convert::Infallible;
use std::ops::Range;

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::explore::bracket::{self, Domain, Place, Point, Scale};
use rescuesim::explore::goal::{Goal, probability};
use rescuesim::explore::solve::{self, Observed, Question, SolveError};
use rescuesim::report::Provenance;
use rescuesim::report::solve::{self as report, Solved};
use rescuesim::scenario::edit::{self, Number};
use rescuesim::scenario::{Inputs, Rejection, Scenario, size};
use rescuesim::summary::{NamedFigure, Tally};

use super::output::print_as;
use super::recreate::CommandLine;
use super::simulation::{Session, SimulationArgs};
use super::{Failure, Format, ScenarioArgs, analysis};

#[derive(Debug, Args)]
pub struct SolveArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// The number of the scenario to be found, as in `--vary sample_size.randomised`.
    #[arg(long, value_name = "KEY")]
    vary: String,
    /// The power to be reached; the same as --reach power=….
    #[arg(long, value_parser = probability, conflicts_with = "reach", required_unless_present = "reach")]
    power: Option<f64>,
    /// Any probability to be reached, as in `--reach efficacy-at-1=0.3`, named as for --precision-of;
    /// type-i-error, futility, harm and safety are to be no more than that.
    #[arg(long, value_name = "FIGURE=VALUE")]
    reach: Option<Goal>,
    /// The analysis that it is of; the first by default.
    #[arg(long, value_name = "NAME")]
    analysis: Option<String>,
    /// Values allowed, as in `--within 100..600`; those of the key by default.
    #[arg(long, value_name = "LOW..HIGH", value_parser = within, allow_hyphen_values = true)]
    within: Option<(f64, f64)>,
    /// With which the answer reaches the target.
    #[arg(long, default_value_t = 0.95, value_parser = probability)]
    confidence: f64,
    /// --replicates are those of the verification; the search takes about as many,
    /// and more where the target is close to 0 or 1.
    #[command(flatten)]
    simulation: SimulationArgs,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn within(text: &str) -> Result<(f64, f64), String> {
    let ends = text.split_once("..").and_then(|(low, high)| {
        Some((low.trim().parse::<f64>().ok()?, high.trim().parse::<f64>().ok()?))
    });
    let ends = ends.filter(|(low, high)| low < high && low.is_finite() && high.is_finite());
    ends.ok_or_else(|| "expected a range such as 100..600".to_owned())
}

pub fn solve(args: &SolveArgs) -> Result<(), Failure> {
    if args.simulation.precision().is_some() {
        return Err(Failure::Usage(
            "--precision does not go with solve; allowed: --replicates for the verification".into(),
        ));
    }
    let task = Task::new(args)?;
    let by_formula = task.root_of_formula();
    let session = args.simulation.session(2 * task.base.replicates);
    let mut refused = None;
    let question = Question {
        target: task.goal.target(),
        confidence: args.confidence,
        replicates: task.base.replicates,
        domain: task.domain(),
        start: by_formula.unwrap_or(task.number.value),
    };
    let mut simulate = |x: f64, replicates| task.simulate(&session, (x, replicates), &mut refused);
    let solution = solve::solve(&question, &mut simulate);
    drop(session);
    let solution = solution.map_err(|error| task.failure(error, refused.as_ref()))?;
    let of = (&task.goal, task.base.analyses[task.analysis].name.as_str());
    let key = (args.vary.as_str(), task.number.whole);
    let solved = Solved::new(key, of, args.confidence, by_formula, &solution)
        .with_following(task.following(solution.answer().x));
    let provenance = task.provenance();
    let document = || report::document(&provenance, &solved, &task.goal);
    print_as(args.format, document, || report::to_json(&provenance, &solved))
}

/// What is asked of which scenario.
struct Task<'a> {
    args: &'a SolveArgs,
    overrides: Vec<String>,
    base: Scenario,
    /// The files that it is read from.
    inputs: Inputs,
    /// The scenario file.
    text: String,
    goal: Goal,
    /// Its place in the scenario.
    analysis: usize,
    number: Number,
}

impl<'a> Task<'a> {
    fn new(args: &'a SolveArgs) -> Result<Self, Failure> {
        let overrides = [args.scenario.overrides.clone(), args.simulation.overrides()].concat();
        if args.vary.starts_with("run.") {
            return Err(Failure::Usage(format!(
                "--vary {}: says how much is simulated, not what; allowed: a number of the trial, such as sample_size.randomised",
                args.vary
            )));
        }
        let inputs = Inputs::default();
        let base = Scenario::load_from(&inputs, &args.scenario.scenario, &overrides)?;
        let number = edit::any_number(&base, &args.vary)
            .map_err(|error| Failure::Usage(format!("--vary {error}")))?;
        let by_power = |value| Goal { figure: NamedFigure::Power, value };
        let goal = args.reach.or(args.power.map(by_power)).expect("clap wants one of them");
        if let Some(missing) = goal.figure.missing_from(&base) {
            return Err(Failure::Usage(format!("--reach {}: {missing}", goal.figure)));
        }
        let analysis = analysis::position(&base, args.analysis.as_deref())?;
        let text = inputs.text(&args.scenario.scenario)?;
        let task = Self { args, overrides, base, inputs, text, goal, analysis, number };
        let (low, high) = task.domain().range;
        if low > high {
            let (low, high) = task.number.range;
            return Err(Failure::Usage(format!(
                "--within has no value that {} may have; allowed: {}within {low} to {high}",
                args.vary,
                if task.number.whole { "a whole number " } else { "" }
            )));
        }
        Ok(task)
    }

    fn domain(&self) -> Domain {
        let (low, high) = self.args.within.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let range = (self.number.range.0.max(low), self.number.range.1.min(high));
        let whole = self.number.whole;
        let range = if whole { (range.0.ceil(), range.1.floor()) } else { range };
        // The probit of a power is linear in the root of a number of patients.
        let patients = ["sample_size.", "design.looks.analysed"];
        let key = self.args.vary.rsplit('.').next().unwrap_or_default();
        let scale = if whole && patients.iter().any(|start| self.args.vary.starts_with(start)) {
            Scale::Root
        } else if ["alpha_one_sided", "alpha_two_sided"].contains(&key) {
            // The probit of a rejection is linear in that of the level.
            Scale::Probit
        } else {
            Scale::Value
        };
        Domain { range, whole, scale }
    }

    /// The scenario with a value in place.
    fn load(&self, x: f64) -> Result<Scenario, Rejection> {
        let value = if self.number.whole { format!("{x:.0}") } else { format!("{x:?}") };
        let own = vec![format!("{}={value}", self.args.vary)];
        let set = [self.overrides.clone(), own, self.following(x)].concat();
        Scenario::load_from(&self.inputs, &self.args.scenario.scenario, &set)
    }

    /// What is set beside a number of patients, so that outcomes and looks follow it.
    fn following(&self, x: f64) -> Vec<String> {
        match self.args.vary == size::RANDOMISED {
            true => size::following(&self.base, &self.text, &self.overrides, x),
            false => Vec::new(),
        }
    }

    /// Where the closed form has the target, where it has one.
    fn root_of_formula(&self) -> Option<f64> {
        let by_formula =
            |scenario: &Scenario| self.goal.by_formula(scenario, &scenario.analyses[self.analysis]);
        by_formula(&self.base)?;
        let mut figure = |x: f64| -> Result<Option<f64>, Infallible> {
            Ok(self.load(x).ok().and_then(|scenario| by_formula(&scenario)))
        };
        let (mut domain, target) = (self.domain(), self.goal.target());
        let Ok(place) = bracket::find(&mut domain, self.number.value, target, &mut figure);
        let Some(Place::Between(one, other)) = place else { return None };
        let Ok(root) = bracket::halve(&domain, [one, other], target, &mut figure);
        Some(root)
    }

    /// Replicates at a value; one that the scenario refuses says why.
    fn simulate(
        &self,
        session: &Session<'_>,
        (x, replicates): (f64, Range<u64>),
        refused: &mut Option<Rejection>,
    ) -> Result<Option<Observed>, Failure> {
        let scenario = match self.load(x) {
            // A value may leave nothing that the figure is of, such as a look.
            Ok(scenario) if self.goal.figure.missing_from(&scenario).is_some() => return Ok(None),
            Ok(scenario) => scenario,
            Err(rejection) => {
                *refused = Some(rejection);
                return Ok(None);
            }
        };
        let new = || Tally::new(&scenario);
        let simulated = session.fold([&scenario], Job::of(replicates), new)?;
        Ok(Some(self.goal.observed(&simulated.tally, self.analysis)))
    }

    fn failure(&self, error: SolveError<Failure>, refused: Option<&Rejection>) -> Failure {
        let Goal { figure, value } = self.goal;
        let told = match error {
            SolveError::Simulation(failure) => return failure,
            // Told of the figure, not of what is to be reached.
            SolveError::Unreachable { range, best } => {
                let best = Point { value: self.goal.turned(best.value), ..best };
                SolveError::<Failure>::Unreachable { range, best }
            }
            SolveError::Everywhere { range, least } => {
                let least = Point { value: self.goal.turned(least.value), ..least };
                SolveError::Everywhere { range, least }
            }
            other => other,
        };
        let mut message = format!("{figure}={value} by {}: {told}", self.args.vary);
        if let Some(rejection) = refused {
            message += &format!("\nvalues beyond are refused:\n{rejection}");
        }
        Failure::Usage(message)
    }

    fn provenance(&self) -> Provenance {
        let args = self.args;
        let mut command = CommandLine::of("solve", &args.scenario)
            .option("vary", &args.vary)
            .option("reach", format_args!("{}={}", self.goal.figure, self.goal.value));
        if let Some(name) = &args.analysis {
            command = command.option("analysis", name);
        }
        if let Some((low, high)) = args.within {
            command = command.option("within", format_args!("{low}..{high}"));
        }
        let command = command.option("confidence", args.confidence).amounts(&self.base);
        Provenance::new(&self.base, command.to_string())
    }
}
