//! `rescuesim solve`.

use std::convert::Infallible;
use std::ops::Range;

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::explore::bracket::{self, Domain, DoseScale, SearchPoint, TargetPlace};
use rescuesim::explore::goal::{Goal, probability};
use rescuesim::explore::solve::{self, Observed, SolveError, SolveQuestion};
use rescuesim::report::Provenance;
use rescuesim::report::solve::{self as report, Solved, SolvedQuestion};
use rescuesim::scenario::edit::{self, EditError, Number};
use rescuesim::scenario::path::NotAPath;
use rescuesim::scenario::{InputDocument, KeyPath, Rejection, Scenario, Set, size};
use rescuesim::summary::checkpoint::{RunId, Task};
use rescuesim::summary::{NamedQuantity, Tally};
use rescuesim::trial::AdjustedEstimates;

use super::checkpoint::{CheckpointArgs, CheckpointFile};
use super::output::print_as;
use super::simulation::{Session, SimulationArgs};
use super::{Failure, Format, ScenarioArgs, analysis, delay};

#[derive(Debug, Args)]
pub struct SolveArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// The number of the scenario to be found, as in `--vary missing.dropout`; answers for the number
    /// of patients are multiples of the allocation ratio's parts, or of the block.
    #[arg(long, value_name = "KEY", default_value = "sample_size.randomised")]
    vary: String,
    /// The power to be reached; the same as --reach power=….
    #[arg(long, value_parser = probability, conflicts_with = "reach", required_unless_present = "reach")]
    power: Option<f64>,
    /// Another probability to be reached, as in `--reach efficacy-at-1=0.3`, named as for
    /// --precision-of; type-i-error, futility, harm and safety are to be at most that value.
    #[arg(long, value_name = "QUANTITY=VALUE")]
    reach: Option<Goal>,
    /// The analysis whose probability it is; the primary one by default.
    #[arg(long, value_name = "NAME")]
    analysis: Option<String>,
    /// Values to be tried, as in `--within 100..600`; all that the key allows by default.
    #[arg(long, value_name = "LOW..HIGH", value_parser = within, allow_hyphen_values = true)]
    within: Option<(f64, f64)>,
    /// Confidence that the answer reaches the target.
    #[arg(long, default_value_t = 0.95, value_parser = probability)]
    confidence: f64,
    /// --replicates are those of the verification; the search takes about as many,
    /// and more where the target is close to 0 or 1.
    #[command(flatten)]
    simulation: SimulationArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn within(text: &str) -> Result<(f64, f64), String> {
    text.split_once("..")
        .and_then(|(low, high)| {
            Some((low.trim().parse::<f64>().ok()?, high.trim().parse::<f64>().ok()?))
        })
        .filter(|(low, high)| low < high && low.is_finite() && high.is_finite())
        .ok_or_else(|| "expected a range such as 100..600".to_owned())
}

pub fn solve(args: &SolveArgs) -> Result<(), Failure> {
    if args.simulation.precision().is_some() {
        return Err(Failure::Usage(
            "--precision conflicts with solve; allowed: --replicates for the verification".into(),
        ));
    }
    let task = SolveTask::new(args)?;
    let by_formula = task.root_of_formula();
    // The search takes about as many replicates as the verification.
    let file = args.checkpoint.open(task.run_id(), args.simulation.threads())?;
    let mut session = args.simulation.session(2 * task.base.replicates).in_file(file);
    // The search counts rejections and other ends of trials.
    session.estimates = AdjustedEstimates::Skipped;
    let question = SolveQuestion {
        target: task.goal.target(),
        confidence: args.confidence,
        replicates: task.base.replicates,
        domain: task.domain(),
        multiple: if task.path == size::randomised() {
            task.base.patients_allocated_together()
        } else {
            1
        },
        start: by_formula.unwrap_or(task.number.value),
    };
    let mut refused = None;
    let solution = solve::solve(&question, &mut |x, replicates| {
        task.simulate(&mut session, x, replicates, &mut refused)
    });
    // Removes the progress bar before anything is printed.
    let in_file = session.end().map_or(Ok(()), CheckpointFile::finish);
    let solution = solution.map_err(|error| task.failure(error, refused.as_ref()))?;
    let asked = SolvedQuestion {
        key: &args.vary,
        whole: task.number.whole,
        goal: &task.goal,
        analysis: &task.base.analyses[task.analysis].name,
        confidence: args.confidence,
    };
    let following = task.following(solution.answer().x).iter().map(Set::to_string).collect();
    let solved = Solved::new(&asked, by_formula, &solution).with_following(following);
    let provenance = task.provenance();
    print_as(
        args.format,
        || report::document(&provenance, &solved, &task.goal),
        || report::to_json(&provenance, &solved),
    )?;
    in_file
}

/// A question about a scenario.
struct SolveTask<'a> {
    args: &'a SolveArgs,
    /// The scenario file, read once: a search of minutes is of one scenario, whatever happens to the
    /// file meanwhile.
    document: InputDocument,
    /// Values that the command line sets in it.
    sets: Vec<Set>,
    base: Scenario,
    goal: Goal,
    /// Position of the analysis in the scenario.
    analysis: usize,
    /// The key that is varied, and its number in `base`.
    path: KeyPath,
    number: Number,
}

impl<'a> SolveTask<'a> {
    fn new(args: &'a SolveArgs) -> Result<Self, Failure> {
        // More replicates would make every value reach the target in appearance only.
        if args.vary.starts_with("run.") {
            return Err(Failure::Usage(format!(
                "--vary {}: the key says how much is simulated; allowed: a number of the trial, such as sample_size.randomised",
                args.vary
            )));
        }
        let document = InputDocument::read(&args.scenario.scenario)?;
        let overrides = [args.scenario.overrides.clone(), args.simulation.overrides()].concat();
        let sets = Set::all(&overrides);
        let quiet = args.simulation.quiet;
        let base = delay::announced(quiet, || document.with(&sets).resolve())?;
        let path: KeyPath =
            args.vary.parse().map_err(|error: NotAPath| args.not_varied(&error.into()))?;
        let number = edit::any_number(&base, &path).map_err(|error| args.not_varied(&error))?;
        let goal = match (args.reach, args.power) {
            (Some(goal), _) => goal,
            (None, Some(value)) => Goal { quantity: NamedQuantity::POWER, value },
            (None, None) => unreachable!("clap requires one of --reach and --power"),
        };
        if let Some(missing) = goal.quantity.missing_from(&base) {
            return Err(Failure::Usage(format!("--reach {}: {missing}", goal.quantity)));
        }
        let analysis = analysis::position(&base, args.analysis.as_deref())?;
        let task = Self { args, document, sets, base, goal, analysis, path, number };
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
        let (least, most) = self.number.range;
        let range = (least.max(low), most.min(high));
        let whole = self.number.whole;
        // Ends that are allowed themselves, so that clamping to them gives an allowed value.
        let range = if whole { (range.0.ceil(), range.1.floor()) } else { range };
        // The probit of a power is linear in the root of a number of patients.
        let patients = ["sample_size.", "design.looks.analysed"];
        let key = self.args.vary.rsplit('.').next().unwrap_or_default();
        // Without the place in a list.
        let key = key.split('[').next().unwrap_or_default();
        let scale = if whole && patients.iter().any(|start| self.args.vary.starts_with(start)) {
            DoseScale::Root
        } else if ["alpha_one_sided", "alpha_two_sided", "posterior_at_least"].contains(&key) {
            // The probit of a rejection is linear in that of the level.
            DoseScale::Probit
        } else {
            DoseScale::Value
        };
        Domain { range, whole, scale }
    }

    /// Resolves the scenario with a value of the key.
    fn scenario(&self, x: f64) -> Result<Scenario, Rejection> {
        let mut sets = self.sets.clone();
        sets.push(Set::number(self.path.clone(), x, self.number.whole));
        sets.extend(self.following(x));
        self.document.with(&sets).resolve()
    }

    /// Returns what is set with a number of patients, so that outcomes and looks follow it.
    fn following(&self, x: f64) -> Vec<Set> {
        if self.path == size::randomised() {
            size::following(&self.base, &self.document, &self.sets, x)
        } else {
            Vec::new()
        }
    }

    fn by_formula(&self, scenario: &Scenario) -> Option<f64> {
        self.goal.by_formula(scenario, &scenario.analyses[self.analysis])
    }

    /// Returns the value at which the closed form reaches the target; `None` without a closed form.
    fn root_of_formula(&self) -> Option<f64> {
        self.by_formula(&self.base)?;
        let (mut domain, target) = (self.domain(), self.goal.target());
        let start = self.number.value;
        let Ok(place) =
            bracket::find(&mut domain, start, target, &mut |x| self.probability_by_formula(x));
        let Some(TargetPlace::Between(one, other)) = place else { return None };
        let Ok(root) =
            bracket::halve(&domain, [one, other], target, &mut |x| self.probability_by_formula(x));
        Some(root)
    }

    /// Returns the closed form at a value; `None` if the scenario refuses the value.
    fn probability_by_formula(&self, x: f64) -> Result<Option<f64>, Infallible> {
        Ok(self.scenario(x).ok().and_then(|scenario| self.by_formula(&scenario)))
    }

    /// Simulates replicates at a value. `None` if the scenario refuses the value; `refused` then says
    /// why.
    fn simulate(
        &self,
        session: &mut Session<'_>,
        x: f64,
        replicates: Range<u64>,
        refused: &mut Option<Rejection>,
    ) -> Result<Option<Observed>, Failure> {
        let scenario = match self.scenario(x) {
            Ok(scenario) => scenario,
            Err(rejection) => {
                // Kept for the message if the search ends at a value that the scenario refuses.
                *refused = Some(rejection);
                return Ok(None);
            }
        };
        // With this value there may be no such quantity, as there is none of a look that is gone.
        if self.goal.quantity.missing_from(&scenario).is_some() {
            return Ok(None);
        }
        let job = Job::of(replicates);
        let simulated = session.fold([&scenario], job, || Tally::new(&scenario))?;
        Ok(Some(self.goal.observed(&simulated.tally, self.analysis)))
    }

    fn failure(&self, error: SolveError<Failure>, refused: Option<&Rejection>) -> Failure {
        let Goal { quantity, value } = self.goal;
        // The search knows probabilities to be reached, the user the quantity that was asked for.
        let error = match error {
            SolveError::Simulation(failure) => return failure,
            SolveError::Unreachable { ends, best } => SolveError::<Failure>::Unreachable {
                ends: ends.map(|end| self.as_asked(end)),
                best: self.as_asked(best),
            },
            SolveError::Everywhere { ends, least } => SolveError::Everywhere {
                ends: ends.map(|end| self.as_asked(end)),
                least: self.as_asked(least),
            },
            SolveError::Flat { ends } => {
                SolveError::Flat { ends: ends.map(|end| self.as_asked(end)) }
            }
            SolveError::NoStart | SolveError::NotShown { .. } | SolveError::TooFew { .. } => error,
        };
        let mut message = format!("{quantity}={value} by --vary {}: {error}", self.args.vary);
        if let Some(rejection) = refused {
            message += &format!("\nvalues beyond these are not valid:\n{rejection}");
        }
        Failure::Usage(message)
    }

    /// Returns a value of the search with the quantity that was asked for.
    fn as_asked(&self, point: SearchPoint) -> SearchPoint {
        SearchPoint { value: self.goal.turned(point.value), ..point }
    }

    fn run_id(&self) -> RunId {
        let args = self.args;
        // All that decides which values are tried, so that a resumed search tries the same.
        let mut options = vec![format!("--vary {}", self.path), format!("--reach {}", self.goal)];
        options.push(format!("--analysis {}", self.base.analyses[self.analysis].name));
        if let Some((low, high)) = args.within {
            options.push(format!("--within {low}..{high}"));
        }
        options.push(format!("--confidence {}", args.confidence));
        // What is simulated next depends on what was found with the replicates before.
        let task = Task { command: "solve".to_owned(), options, jobs: 0, can_grow: false };
        let command = self.provenance().command;
        RunId::new(&[&self.base], Some(self.base.replicates), task, command)
    }

    fn provenance(&self) -> Provenance {
        let args = self.args;
        let mut command = args
            .scenario
            .command("solve")
            .option("vary", &args.vary)
            .option("reach", format_args!("{}={}", self.goal.quantity, self.goal.value));
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

impl SolveArgs {
    fn not_varied(&self, error: &EditError) -> Failure {
        Failure::Usage(format!("--vary {}: {error}", self.vary))
    }
}
