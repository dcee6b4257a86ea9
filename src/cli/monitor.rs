//! `rescuesim monitor`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::design::inference::Belief;
use rescuesim::explore::monitor::{
    ChangedInput, GivenData, GivenEvent, GivenStatistic, InvalidLook, LookInput, PopulationInput,
    UnblindedRule, evaluate, typed,
};
use rescuesim::report::html::interim;
use rescuesim::report::monitoring::{
    ChangedLookReport, LookContext, MonitoringReport, PopulationLookReport,
};
use rescuesim::scenario::{Analysis, InputDocument, Scenario};
use rescuesim::trial::EventCounts;

use super::values::{finite, sd, whole};
use super::{Failure, Format, analysis, delay, output, recreate, values};

/// Looks of an ongoing trial, with the data of the current one.
#[derive(Debug, Args)]
pub struct MonitorArgs {
    /// Scenario file (TOML) whose design the trial follows.
    scenario: PathBuf,
    /// Replace a value of the scenario, as in `--set missing.dropout=0.05`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Analysis of the scenario that monitors; the primary one by default.
    #[arg(long, value_name = "NAME")]
    analysis: Option<String>,
    /// The current look, from 1.
    #[arg(long)]
    // Any number, as how many looks there are is known only with the scenario.
    look: usize,
    /// Outcomes known at this look, or at each look up to it, with commas; with one number, earlier
    /// looks are taken as planned.
    #[arg(
        long,
        value_name = "OUTCOMES",
        value_delimiter = ',',
        value_parser = whole::<u32>(0, u32::MAX.into()),
        required_unless_present_any = ["control", "control_mrs", "patients"]
    )]
    n: Vec<u32>,
    /// Z of the looks before this one, with commas, to draw its path and to check that none of them had
    /// crossed a boundary.
    #[arg(long, value_name = "Z", value_delimiter = ',', allow_hyphen_values = true, value_parser = typed::z)]
    earlier_z: Vec<f64>,
    /// Z at this look.
    #[arg(long, allow_hyphen_values = true, value_parser = typed::z,
          required_unless_present_any = ["control", "control_mrs", "patients"])]
    z: Option<f64>,
    /// Estimate at this look, on the scale of the analysis; by default the one that gives this Z
    /// with the control arm as planned, if the analysis has a closed form.
    #[arg(long, allow_hyphen_values = true, requires = "z", value_parser = finite)]
    estimate: Option<f64>,
    /// Successes and patients of the control arm, such as 13/52, to be analysed instead of giving Z
    /// and estimate.
    #[arg(long, value_name = "X/N", value_parser = typed::successes, requires = "experimental",
          conflicts_with_all = ["z", "estimate"])]
    control: Option<EventCounts>,
    /// Successes and patients of the experimental arm.
    #[arg(long, value_name = "X/N", value_parser = typed::successes, requires = "control")]
    experimental: Option<EventCounts>,
    /// Patients of the control arm with an mRS of 0, 1 … 6, with commas, instead of Z and estimate.
    #[arg(long, value_name = "PATIENTS", value_delimiter = ',', requires = "experimental_mrs",
          value_parser = typed::patients,
          conflicts_with_all = ["z", "estimate", "control"])]
    control_mrs: Vec<u32>,
    /// Patients of the experimental arm with an mRS of 0, 1 … 6, with commas.
    #[arg(long, value_name = "PATIENTS", value_delimiter = ',', requires = "control_mrs",
          value_parser = typed::patients)]
    experimental_mrs: Vec<u32>,
    /// Patients of control and experimental arm whose follow-up has ended without an mRS, such as 2,3, for
    /// an analysis that counts them as a given mRS.
    #[arg(long, value_name = "CONTROL,EXPERIMENTAL", value_parser = ArmPatients::parse,
          conflicts_with_all = ["z", "patients"])]
    lost: Option<ArmPatients>,
    /// Patients as CSV, a row each in order of randomisation, instead of counts: columns arm, mrs, those of
    /// the factors that the analysis uses, and events; `rescuesim trace --format csv` writes such a file.
    #[arg(long, value_name = "FILE",
          conflicts_with_all = ["z", "estimate", "control", "control_mrs", "randomised"])]
    patients: Option<PathBuf>,
    /// With --patients, use only what was known by this day since the trial opened, from the columns day,
    /// followed_until_day and outcome_day.
    #[arg(long, value_name = "DAY", requires = "patients", value_parser = finite)]
    cutoff_day: Option<f64>,
    /// In a trial whose population may be restricted: levels left before this look, with commas. By default
    /// all, and at the final look of a closed test those that its rule let continue.
    #[arg(long, value_name = "LEVELS", value_delimiter = ',', requires = "patients")]
    levels: Vec<String>,
    /// Patients of control and experimental arm who are randomised by the data cut-off, such as 61,60.
    #[arg(long, value_name = "CONTROL,EXPERIMENTAL", value_parser = ArmPatients::parse)]
    randomised: Option<ArmPatients>,
    /// Events and patients of control and experimental arm for an adverse event of the scenario, such as
    /// sICH=1/60,5/58, among the patients in whom it is known; once for each event. Deaths are read
    /// from the mRS if its counts are given.
    #[arg(long = "event", value_name = "NAME=X/N,X/N", value_parser = typed::event)]
    events: Vec<GivenEvent>,
    /// Date of the data cut-off, such as 2026-11-30.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date)]
    date: Option<String>,
    /// The trial stopped at this look, and the data are those of all its patients, including the
    /// overrun (patients whose outcome was not yet known when it stopped).
    #[arg(long)]
    overrun: bool,
    /// Mean of a normal prior on the effect, for predictive power.
    #[arg(long, value_name = "EFFECT", allow_hyphen_values = true, requires = "prior_sd",
          value_parser = finite)]
    prior_mean: Option<f64>,
    /// Standard deviation of that prior.
    #[arg(long, value_name = "EFFECT", value_parser = sd, requires = "prior_mean")]
    prior_sd: Option<f64>,
    /// Also write the look as a page for the monitoring board: one HTML file that needs nothing else.
    #[arg(long, value_name = "FILE", value_parser = values::html)]
    out: Option<PathBuf>,
    #[command(flatten)]
    interim: InterimArgs,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Data of the look that changed the number of patients, for the final look of another size than planned
/// (`adaptation.size`): its statistic combines the outcomes of that look and the later ones.
#[derive(Debug, Args)]
struct InterimArgs {
    /// At a final look of a changed size: successes and patients of the control arm at the look that
    /// changed it, in addition to --control with all patients.
    #[arg(long, value_name = "X/N", value_parser = typed::successes,
          requires_all = ["interim_experimental", "control"])]
    interim_control: Option<EventCounts>,
    /// At a final look of a changed size: successes and patients of the experimental arm at the look that
    /// changed it, in addition to --experimental with all patients.
    #[arg(long, value_name = "X/N", value_parser = typed::successes, requires = "interim_control")]
    interim_experimental: Option<EventCounts>,
    /// At a final look of a changed size: patients of the control arm with an mRS of 0, 1 … 6 at the look
    /// that changed it, in addition to --control-mrs with all patients.
    #[arg(long, value_name = "PATIENTS", value_delimiter = ',',
          requires_all = ["interim_experimental_mrs", "control_mrs"],
          value_parser = typed::patients)]
    interim_control_mrs: Vec<u32>,
    /// At a final look of a changed size: patients of the experimental arm with an mRS of 0, 1 … 6 at the
    /// look that changed it, in addition to --experimental-mrs with all patients.
    #[arg(long, value_name = "PATIENTS", value_delimiter = ',', requires = "interim_control_mrs",
          value_parser = typed::patients)]
    interim_experimental_mrs: Vec<u32>,
    /// At a final look of a changed size, or of a closed test of levels, with --patients: day of the data of
    /// the look that changed the trial, since it opened.
    #[arg(long, value_name = "DAY", requires = "patients", value_parser = finite)]
    interim_day: Option<f64>,
}

/// Patients of both arms.
// A type of its own, as clap takes an array for several values.
#[derive(Debug, Clone, Copy)]
struct ArmPatients([u32; 2]);

impl ArmPatients {
    fn parse(text: &str) -> Result<Self, String> {
        typed::arms(text).map(Self)
    }
}

impl From<InvalidLook> for Failure {
    fn from(error: InvalidLook) -> Self {
        Self::Usage(error.to_string())
    }
}

pub fn monitor(args: &MonitorArgs) -> Result<(), Failure> {
    let document = InputDocument::read(&args.scenario)?;
    let scenario = delay::announced(false, || document.scenario(&args.overrides))?;
    // Before the page is opened: Ctrl-C during a search for boundaries would leave its temporary file.
    let command = recreate::as_typed();
    if scenario.adaptation.population.is_some() {
        let report = args.population_look(&scenario, command)?;
        return output::print_as(args.format, || report.document(), || report.to_json());
    }
    if !args.levels.is_empty() {
        let message =
            "--levels: the scenario restricts no population; allowed with adaptation.population";
        return Err(Failure::Usage(message.into()));
    }
    if let Some(changed) = args.changed_look(&scenario, &command)? {
        return output::print_as(args.format, || changed.document(), || changed.to_json());
    }
    let report = delay::announced(false, || args.report(&scenario, command))?;
    // A page named like a file that is read would overwrite the scenario or the patients.
    let inputs = [document.paths(), args.patients.iter().cloned().collect()].concat();
    let page = args.out.as_deref().map(|path| output::own_page(path, &inputs)).transpose()?;
    // Before the tables are printed: an error after them would be overlooked.
    let written = page.map(|page| page.written(&interim::page(&report))).transpose()?;
    output::print_as(args.format, || report.document(), || report.to_json())?;
    if let Some(message) = written {
        output::print_message(&message);
    }
    Ok(())
}

impl MonitorArgs {
    /// Evaluates the look; `command` repeats it.
    fn report(&self, scenario: &Scenario, command: String) -> Result<MonitoringReport, Failure> {
        let analysis = analysis::named(scenario, self.analysis.as_deref())?;
        let look = evaluate(scenario, analysis, &self.input(scenario, analysis)?)?;
        let context = LookContext { scenario, analysis, command, date: self.date.clone() };
        Ok(MonitoringReport::new(context, look))
    }

    /// Evaluates the final look of a changed size; `None` unless the data of the interim look are given.
    fn changed_look(
        &self,
        scenario: &Scenario,
        command: &str,
    ) -> Result<Option<ChangedLookReport>, Failure> {
        let analysis = analysis::named(scenario, self.analysis.as_deref())?;
        let Some(interim) = self.interim_data(scenario, analysis)? else { return Ok(None) };
        let rule = UnblindedRule::of(scenario)?;
        let looks = scenario.design.looks().len();
        if self.look != looks || self.overrun {
            return Err(Failure::Usage(format!(
                "--interim-…: data of the look that changed the size are for the final look; allowed: \
                 --look {looks} without --overrun"
            )));
        }
        if self.out.is_some() {
            let message = "--out: a final look of a changed size has no page; allowed: --format";
            return Err(Failure::Usage(message.into()));
        }
        let last = self.data(scenario, analysis)?;
        let randomised = self.randomised.map(|arms| arms.0);
        let input = ChangedInput { interim, last, randomised };
        let data = rule.evaluate(scenario, analysis, &input)?;
        Ok(Some(ChangedLookReport::new(scenario, analysis, rule, data, command.to_owned())))
    }

    /// Evaluates a look of a trial whose population may be restricted.
    fn population_look(
        &self,
        scenario: &Scenario,
        command: String,
    ) -> Result<PopulationLookReport, Failure> {
        let analysis = analysis::named(scenario, self.analysis.as_deref())?;
        let Some(path) = &self.patients else {
            let message = "--patients: a population that may be restricted (adaptation.population) is judged by levels; expected: the patients, and no --z or counts of the arms";
            return Err(Failure::Usage(message.into()));
        };
        self.refuse_with_population()?;
        let interim = self.interim.interim_day;
        PopulationInput::check_interim(scenario, self.look, interim.is_some())?;
        let interim = interim.map(|day| scenario.read_patients(path, analysis, Some(day)));
        let input = PopulationInput {
            look: self.look,
            levels: self.levels.clone(),
            patients: scenario.read_patients(path, analysis, self.cutoff_day)?,
            interim: interim.transpose()?,
            events: self.events.clone(),
        };
        let found = input.evaluate(scenario, analysis)?;
        Ok(PopulationLookReport::new(scenario, analysis, &input, found, command))
    }

    /// Refuses options that say nothing about levels.
    fn refuse_with_population(&self) -> Result<(), Failure> {
        let given = [
            ("--n", !self.n.is_empty()),
            ("--earlier-z", !self.earlier_z.is_empty()),
            ("--overrun", self.overrun),
            ("--prior-mean", self.prior_mean.is_some()),
            ("--date", self.date.is_some()),
            ("--out", self.out.is_some()),
        ];
        let found = given.into_iter().find(|(_, is_given)| *is_given);
        found.map_or(Ok(()), |(option, _)| {
            Err(Failure::Usage(format!(
                "{option}: the scenario has adaptation.population, whose looks are judged by levels; allowed \
                 with --patients: --look, --analysis, --levels, --cutoff-day, --interim-day, --event, \
                 --format"
            )))
        })
    }

    /// Reads the data of the look that changed the size; `None` if none are given.
    fn interim_data(
        &self,
        scenario: &Scenario,
        analysis: &Analysis,
    ) -> Result<Option<GivenData>, Failure> {
        let InterimArgs { interim_control, interim_experimental, interim_day, .. } = self.interim;
        if let (Some(path), Some(_)) = (&self.patients, interim_day) {
            let patients = scenario.read_patients(path, analysis, interim_day)?;
            return Ok(Some(GivenData::Patients(patients)));
        }
        if let Some((control, experimental)) = interim_control.zip(interim_experimental) {
            return Ok(Some(GivenData::Successes([control, experimental])));
        }
        let InterimArgs { interim_control_mrs, interim_experimental_mrs, .. } = &self.interim;
        Ok((!interim_control_mrs.is_empty()).then(|| GivenData::Mrs {
            control: interim_control_mrs.clone(),
            experimental: interim_experimental_mrs.clone(),
        }))
    }

    /// Gathers what the options state.
    fn input(&self, scenario: &Scenario, analysis: &Analysis) -> Result<LookInput, Failure> {
        let prior = self.prior_mean.zip(self.prior_sd);
        Ok(LookInput {
            look: self.look,
            overrun: self.overrun,
            analysed: self.n.clone(),
            earlier_z: self.earlier_z.clone(),
            data: self.data(scenario, analysis)?,
            randomised: self.randomised.map(|arms| arms.0),
            lost: self.lost.map(|arms| arms.0),
            events: self.events.clone(),
            prior: prior.map(|(mean, sd)| Belief { mean, sd }),
        })
    }

    fn data(&self, scenario: &Scenario, analysis: &Analysis) -> Result<GivenData, Failure> {
        if let Some(path) = &self.patients {
            let patients = scenario.read_patients(path, analysis, self.cutoff_day)?;
            return Ok(GivenData::Patients(patients));
        }
        // The command line refuses all but one of these.
        if let Some((control, experimental)) = self.control.zip(self.experimental) {
            return Ok(GivenData::Successes([control, experimental]));
        }
        Ok(match self.z {
            Some(z) => GivenData::Statistic(GivenStatistic { z, estimate: self.estimate }),
            None => GivenData::Mrs {
                control: self.control_mrs.clone(),
                experimental: self.experimental_mrs.clone(),
            },
        })
    }
}
