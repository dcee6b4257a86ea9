//! `rescuesim run`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::engine;
use rescuesim::expected;
use rescuesim::report::{Provenance, Summary, table};
use rescuesim::scenario::{Inputs, Scenario};
use rescuesim::summary::part::Run;
use rescuesim::summary::{OperatingCharacteristics, Tally};
use rescuesim::trial::TrialResult;

use super::checkpoint::{Begun, CheckpointArgs};
use super::output::print_as;
use super::recreate::{command_line, command_line_with};
use super::result_files::{ResultFiles, RowFormat};
use super::signals::handle_signals;
use super::simulation::{Simulated, SimulationArgs};
use super::{Failure, Format, ScenarioArgs};

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    simulation: SimulationArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    /// Estimate power and type I error also with less noise, by control variates; --precision then asks
    /// for theirs. The same as --set run.variance_reduction=true.
    #[arg(long)]
    variance_reduction: bool,
    /// What to print; JSON is the content of summary.json.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write summary.json (and the files of --trials) to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// With --out, also write a row per replicate, truth and analysis.
    #[arg(long, value_enum, value_delimiter = ',', requires = "out")]
    trials: Vec<RowFormat>,
}

impl RunArgs {
    /// What is set beside replicates and seed.
    fn overrides(&self) -> Vec<String> {
        let reduced = self.variance_reduction.then(|| "run.variance_reduction=true".to_owned());
        self.scenario.overrides.iter().cloned().chain(reduced).collect()
    }

    /// The command that makes so many replicates of the scenario.
    fn command(&self, scenario: &Scenario, replicates: u64) -> String {
        let amounts = [("replicates", replicates), ("seed", scenario.seed.0)];
        command_line("run", &[&self.scenario.scenario], &self.overrides(), &amounts)
    }

    /// The command that is under way, whatever decides on the replicates.
    fn command_so_far(&self, scenario: &Scenario) -> String {
        let Some((asked, figure)) = self.simulation.precision() else {
            return self.command(scenario, scenario.replicates);
        };
        let options = [
            ("precision", asked.to_string()),
            ("precision-of", figure.to_string()),
            ("seed", scenario.seed.0.to_string()),
        ];
        command_line_with("run", &[&self.scenario.scenario], &self.overrides(), &options)
    }

    fn provenance(&self, scenario: &Scenario) -> Provenance {
        Provenance::new(scenario, self.command(scenario, scenario.replicates))
    }

    fn open(&self, scenario: &Scenario, inputs: &Inputs) -> Result<Option<ResultFiles>, Failure> {
        handle_signals();
        let Some(directory) = &self.out else { return Ok(None) };
        let provenance = self.provenance(scenario);
        let inputs = inputs.paths();
        ResultFiles::create(directory, &self.trials, scenario, &provenance, &inputs).map(Some)
    }

    /// Simulates what the file of `--checkpoint` does not have yet, and says whether it has it in the
    /// end; `None` without one.
    fn simulate_kept(&self, scenario: &Scenario) -> Result<Option<Kept>, Failure> {
        let share = self.checkpoint.share();
        let stated = self.simulation.precision().is_none().then_some(scenario.replicates);
        let run = Run::new(scenario, stated, share, self.command_so_far(scenario));
        let own = run.own_replicates();
        let Some(begun) = self.checkpoint.open(scenario, run)? else { return Ok(None) };
        let Begun { mut checkpoint, tally, next } = begun;
        let mut session =
            self.simulation.session(stated.map_or(engine::WAVE, |_| own.end - own.start));
        session.begin_at(next - own.start);
        session.kept = checkpoint.promise();
        let simulated = session.go_on(
            std::slice::from_ref(scenario),
            (tally, next..own.end),
            || Tally::new(scenario),
            Tally::error_to_stop_by,
            |tally, next, is_last| checkpoint.keep(tally, next, is_last),
        )?;
        let Simulated { tally, next, .. } = &simulated;
        let replicates = stated.unwrap_or(*next);
        let command = self.command(scenario, replicates);
        let run = Run::new(scenario, Some(replicates), share, command);
        let in_file = checkpoint.finish(run, tally, *next);
        Ok(Some(Kept { simulated, in_file }))
    }

    /// Simulates everything, with the rows that are asked for.
    fn simulate(
        &self,
        mut scenario: Scenario,
        inputs: &Inputs,
        files: &mut Option<ResultFiles>,
    ) -> Result<(Scenario, Simulated<Tally>), Failure> {
        let (simulation, with_rows) = (&self.simulation, !self.trials.is_empty());
        let mut reached = None;
        if simulation.precision().is_some() || !with_rows {
            let one = std::slice::from_ref(&scenario);
            let new = || Tally::new(&scenario);
            let simulated = simulation.simulate(one, new, Tally::error_to_stop_by)?;
            scenario = scenario.with_replicates(simulated.next);
            if !with_rows {
                return Ok((scenario, simulated));
            }
            // Files of rows begin with the number of replicates, which is known only now.
            drop(files.take());
            *files = self.open(&scenario, inputs)?;
            reached = simulated.reached;
        }
        let files = files.as_mut().expect("rows are asked for with a directory");
        let mut write = |trials: &[TrialResult]| {
            files.write(trials);
            Ok(())
        };
        let one = std::slice::from_ref(&scenario);
        let tally = simulation.simulate_all(one, || Tally::new(&scenario), Some(&mut write))?;
        let next = scenario.replicates;
        Ok((scenario, Simulated { tally, next, reached }))
    }
}

/// What was simulated, and whether its file has it.
struct Kept {
    simulated: Simulated<Tally>,
    in_file: Result<(), Failure>,
}

pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let all = [args.overrides(), args.simulation.overrides()].concat();
    let inputs = Inputs::default();
    let scenario = Scenario::load_from(&inputs, &args.scenario.scenario, &all)?;
    args.simulation.check(&scenario)?;
    args.checkpoint.check(&scenario)?;
    // Before anything is simulated, so that a place that cannot be written is told at once.
    let mut files = args.open(&scenario, &inputs)?;
    let (scenario, simulated, in_file) = match args.simulate_kept(&scenario)? {
        Some(Kept { in_file, .. }) if args.checkpoint.shard.is_some() => {
            return in_file.and_then(|()| args.checkpoint.tell(&scenario));
        }
        Some(Kept { simulated, in_file }) => {
            (scenario.with_replicates(simulated.next), simulated, in_file)
        }
        None => {
            let (scenario, simulated) = args.simulate(scenario, &inputs, &mut files)?;
            (scenario, simulated, Ok(()))
        }
    };
    let provenance = args.provenance(&scenario).with_precision(simulated.reached);
    let result = OperatingCharacteristics::new(&scenario, &simulated.tally);
    let summary = Summary::new(provenance, result);
    let written = files.map_or(Ok(()), |files| files.finish(&summary));
    if args.format != Format::Table || !args.simulation.quiet || args.out.is_none() {
        let document = || table::document(&summary, &expected::warnings(&scenario));
        print_as(args.format, document, || summary.to_json())?;
    }
    written.and(in_file)
}
