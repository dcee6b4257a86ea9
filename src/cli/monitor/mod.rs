//! `rescuesim monitor`.

mod checks;
mod data;
mod events;
mod outcomes;
mod posterior;

use std::path::PathBuf;

use clap::Args;
use rescuesim::design::inference::Belief;
use rescuesim::design::inference::scale::standard_error_of;
use rescuesim::design::monitor::RunningTrial;
use rescuesim::expected::plausibility::{self, LookFacts};
use rescuesim::explore::imbalance;
use rescuesim::report::html::interim;
use rescuesim::report::monitoring::{LookContext, LookEvidence, LookResult, MonitoringReport};
use rescuesim::scenario::{Analysis, InputDocument, Scenario};

use super::values::{finite, sd, whole, z};
use super::{Failure, Format, analysis, delay, output, recreate, values};
use data::{LookData, PlannedEffect, effects};
use events::GivenEvent;
use outcomes::GivenOutcomes;

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
    #[arg(long, value_name = "Z", value_delimiter = ',', allow_hyphen_values = true, value_parser = z)]
    earlier_z: Vec<f64>,
    /// Z at this look.
    #[arg(long, allow_hyphen_values = true, value_parser = z,
          required_unless_present_any = ["control", "control_mrs", "patients"])]
    z: Option<f64>,
    /// Estimate at this look, on the scale of the analysis; by default the one that gives this Z
    /// with the control arm as planned, if the analysis has a closed form.
    #[arg(long, allow_hyphen_values = true, requires = "z", value_parser = finite)]
    estimate: Option<f64>,
    /// Successes and patients of the control arm, such as 13/52, to be analysed instead of giving Z
    /// and estimate.
    #[arg(long, value_name = "X/N", value_parser = counts, requires = "experimental",
          conflicts_with_all = ["z", "estimate"])]
    control: Option<GivenCounts>,
    /// Successes and patients of the experimental arm.
    #[arg(long, value_name = "X/N", value_parser = counts, requires = "control")]
    experimental: Option<GivenCounts>,
    /// Patients of the control arm with an mRS of 0, 1 … 6, with commas, instead of Z and estimate.
    #[arg(long, value_name = "PATIENTS", value_delimiter = ',', requires = "experimental_mrs",
          value_parser = whole::<u32>(0, MOST_PATIENTS.into()),
          conflicts_with_all = ["z", "estimate", "control"])]
    control_mrs: Vec<u32>,
    /// Patients of the experimental arm with an mRS of 0, 1 … 6, with commas.
    #[arg(long, value_name = "PATIENTS", value_delimiter = ',', requires = "control_mrs",
          value_parser = whole::<u32>(0, MOST_PATIENTS.into()))]
    experimental_mrs: Vec<u32>,
    /// Patients of control and experimental arm whose follow-up has ended without an mRS, such as 2,3, for
    /// an analysis that counts them as a given mRS.
    #[arg(long, value_name = "CONTROL,EXPERIMENTAL", value_parser = arms,
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
    /// Patients of control and experimental arm who are randomised by the data cut-off, such as 61,60.
    #[arg(long, value_name = "CONTROL,EXPERIMENTAL", value_parser = arms)]
    randomised: Option<ArmPatients>,
    /// Events and patients of control and experimental arm for an adverse event of the scenario, such as
    /// sICH=1/60,5/58, among the patients in whom it is known; once for each event. Deaths are read
    /// from the mRS if its counts are given.
    #[arg(long = "event", value_name = "NAME=X/N,X/N", value_parser = events::event)]
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
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Largest number of patients of an arm.
// Sums over arms and mRS levels are then far below the largest u32.
const MOST_PATIENTS: u32 = 1_000_000;

/// Events among the patients of an arm.
#[derive(Debug, Clone, Copy)]
struct GivenCounts {
    events: u32,
    patients: u32,
}

/// Patients of both arms.
#[derive(Debug, Clone, Copy)]
pub struct ArmPatients([u32; 2]);

/// Reads successes and patients of an arm.
fn counts(text: &str) -> Result<GivenCounts, String> {
    counts_of(text, "successes")
}

/// Reads events and patients of an arm; `what` names the events in errors.
fn counts_of(text: &str, what: &str) -> Result<GivenCounts, String> {
    let expected = format!("expected {}/PATIENTS", what.to_uppercase());
    // Read as larger numbers than are allowed, so that too large ones are refused by what is
    // allowed.
    let parsed = text
        .split_once('/')
        .and_then(|(x, n)| Some((x.trim().parse::<u64>().ok()?, n.trim().parse::<u64>().ok()?)));
    match parsed {
        None => Err(format!("{expected}, such as 13/52")),
        Some((_, n)) if n == 0 || n > u64::from(MOST_PATIENTS) => {
            Err(format!("{n} patients; {expected} with 1 to {MOST_PATIENTS} patients"))
        }
        Some((x, n)) if x > n => {
            Err(format!("{x} {what} of {n} patients; {expected} with 0 to {n} {what}"))
        }
        Some((x, n)) => Ok(GivenCounts { events: x as u32, patients: n as u32 }),
    }
}

/// Reads the patients of both arms.
fn arms(text: &str) -> Result<ArmPatients, String> {
    let parse = whole::<u32>(0, MOST_PATIENTS.into());
    let (control, experimental) = text
        .split_once(',')
        .ok_or_else(|| "expected CONTROL,EXPERIMENTAL, such as 61,60".to_owned())?;
    Ok(ArmPatients([parse(control.trim())?, parse(experimental.trim())?]))
}

pub fn monitor(args: &MonitorArgs) -> Result<(), Failure> {
    let document = InputDocument::read(&args.scenario)?;
    let scenario = delay::announced(false, || document.scenario(&args.overrides))?;
    // Before the page is opened: Ctrl-C during a search for boundaries would leave its temporary file.
    let command = recreate::as_typed();
    let report = delay::announced(false, || report(&scenario, args, command))?;
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

/// Evaluates the look; `command` repeats it.
///
/// # Errors
/// When the data do not fit the scenario.
pub fn report(
    scenario: &Scenario,
    args: &MonitorArgs,
    command: String,
) -> Result<MonitoringReport, Failure> {
    let analysis = analysis::named(scenario, args.analysis.as_deref())?;
    let given = args.given(scenario, analysis)?;
    let given = given.as_ref();
    let plan = scenario.design.plan();
    let outcomes = args.outcomes(scenario, given.map(|given| given.all.total()))?;
    args.check_patients(scenario, &outcomes, given)?;
    let safety = args.safety(scenario, given)?;
    let trial = if args.overrun {
        RunningTrial::after_overrun(plan, &outcomes)
    } else {
        RunningTrial::new(plan, &outcomes)
    };
    let trial = trial.map_err(|error| Failure::Usage(format!("--n, --look: {error}")))?;
    let planned = PlannedEffect::new(scenario, analysis);
    let data = match given {
        Some(given) => LookData::of_test(analysis, &given.test)?,
        None => args.data(analysis, &planned, trial.analysed()[trial.look()])?,
    };
    // Counts without a statistic, such as no events in either arm, are no evidence in any
    // direction.
    let z = data.z.unwrap_or(0.0);
    let facts = args.facts(analysis, &trial, &data, given);
    // Only now: `safety` above has refused events that contradict each other.
    let facts = LookFacts { known_events: args.known_events(scenario, given), ..facts };
    let mut warnings = plausibility::implausible(scenario, &facts);
    warnings.extend(imbalance::implausible(scenario, &facts));
    let seen = given.and_then(|given| given.seen.as_ref());
    let posterior = posterior::posterior(scenario, analysis, &trial, &data, given)?;
    let result = LookEvidence {
        z: data.z,
        stopped_at: args.overrun.then_some(args.look),
        evidence: trial.evidence(z, planned.drift, args.belief(analysis, &trial, &data)?),
        effects: effects(&trial, analysis, &data, seen, args.overrun),
        safety,
        posterior,
    };
    let context = LookContext {
        scenario,
        analysis,
        command,
        date: args.date.clone(),
        randomised: facts.randomised,
        counts: given.and_then(GivenOutcomes::by_mrs),
        path: args.path(&trial, data.z)?,
        warnings,
    };
    Ok(MonitoringReport::new(context, &trial, LookResult::new(&trial, result)))
}

impl MonitorArgs {
    /// Returns Z and estimate as given; without an estimate, the one that gives this Z with the
    /// control arm as planned, if a formula knows it.
    fn data(
        &self,
        analysis: &Analysis,
        planned: &PlannedEffect,
        analysed: u32,
    ) -> Result<LookData, Failure> {
        let z = self.z.expect("the command line requires it without outcomes");
        let scale = analysis.method.scale();
        // Z is 0 at the margin, if there is one.
        let null = analysis.method.null_effects().lower;
        // If Z is not the estimate over its error, the error is unknown without the counts.
        let is_so = analysis.rerandomisations == 0
            && analysis.method.null_effects().upper.is_none()
            && analysis.method.as_test().is_estimate_over_error();
        let estimate = match self.estimate {
            Some(estimate) if scale.is_within_one() && estimate.abs() >= 1.0 => {
                let what = scale.name().replace('_', " ");
                return Err(Failure::Usage(format!(
                    "--estimate is {estimate}; allowed: a {what} between -1 and 1"
                )));
            }
            // An exact p value, or one from few re-randomisations, may fall on the other side of one half.
            Some(estimate) if !is_so => Some(estimate),
            // Opposite signs mean that one of the two is coded the other way round.
            Some(estimate) if (estimate == null) == (z == 0.0) && (estimate - null) * z >= 0.0 => {
                Some(estimate)
            }
            Some(estimate) if null == 0.0 => {
                return Err(Failure::Usage(format!(
                    "--estimate is {estimate} while --z is {z}; allowed: the same sign, and 0 with 0"
                )));
            }
            Some(estimate) => {
                return Err(Failure::Usage(format!(
                    "--estimate is {estimate} while --z is {z}; allowed: an estimate above the margin \
                     ({null:.6}) with a Z above 0, and below it with one below 0"
                )));
            }
            // Without a formula the estimate stays unknown; decision, p values and boundaries need none.
            None if !planned.is_known() => None,
            None => {
                let effect = planned.effect_at(z, analysed);
                let possible = effect.filter(|&effect| scale.within(effect) == effect);
                Some(possible.ok_or_else(|| {
                    Failure::Usage(format!(
                        "--z {z}: no effect gives it with control as planned; check its decimal point, or \
                         give --estimate"
                    ))
                })?)
            }
        };
        // At Z = 0 estimate and Z do not determine the error, but the slope of the planned effect
        // in Z does.
        // Small enough for the effect to be linear in Z, large enough to outweigh rounding.
        let slope = planned.effect_at(1e-3, analysed).map(|effect| (effect - null) / 1e-3);
        let standard_error = match (estimate, slope) {
            (None, _) => None,
            (Some(_), None) if z == 0.0 => None,
            (Some(estimate), slope) => {
                Some(standard_error_of(estimate - null, z, slope.unwrap_or(f64::NAN)))
            }
        };
        let adjustable = standard_error.filter(|_| is_so).map(|error| (z, error));
        Ok(LookData {
            z: Some(z),
            estimate,
            standard_error: standard_error.filter(|_| is_so),
            adjustable,
            interval: None,
        })
    }

    fn belief(
        &self,
        analysis: &Analysis,
        trial: &RunningTrial,
        data: &LookData,
    ) -> Result<Option<Belief>, Failure> {
        let Some((mean, sd)) = self.prior_mean.zip(self.prior_sd) else { return Ok(None) };
        // The prior is on the scale of the effect and the drift on that of Z: the error translates.
        let Some((_, error)) = data.adjustable else {
            return Err(Failure::Usage(
                "--prior-mean: this look has no standard error to measure the prior by; expected: \
                 none, or the counts of the arms"
                    .into(),
            ));
        };
        let null = analysis.method.null_effects().lower;
        Ok(Some(Belief { mean, sd }.as_drift(null, trial.information(), error)))
    }

    /// Returns the outcomes at the looks up to the current one, and after them those with the
    /// overrun.
    fn outcomes(&self, scenario: &Scenario, in_arms: Option<u32>) -> Result<Vec<u32>, Failure> {
        let looks = scenario.design.looks();
        // No patients overrun the final look, which waits for all outcomes.
        let allowed = if self.overrun { looks.len() - 1 } else { looks.len() };
        if self.look == 0 || self.look > allowed {
            let which = if self.overrun { " with --overrun" } else { "" };
            let allowed = match allowed {
                0 => "none, as there are no interim looks".to_owned(),
                _ => format!("1 to {allowed}"),
            };
            return Err(Failure::Usage(format!(
                "--look is {}; allowed{which}: {allowed}",
                self.look
            )));
        }
        let mut outcomes: Vec<u32> = looks[..self.look].iter().map(|look| look.analysed).collect();
        // A place for the analysis with the overrun, filled below.
        outcomes.extend(self.overrun.then_some(0));
        let last = outcomes.len() - 1;
        let (when, all) = match self.overrun {
            true => (
                "after the overrun".to_owned(),
                format!("one number for each look up to {} and one after the overrun", self.look),
            ),
            false => (
                format!("at look {}", self.look),
                format!("one number for each of the looks up to {}", self.look),
            ),
        };
        let given = &self.n;
        // Both may be given, as --n also states the earlier looks; of this look they must agree.
        if let (Some(total), Some(&now)) = (in_arms, given.last())
            && now != total
        {
            return Err(
                self.wrong_outcomes(&format!("{total} {when}, as in the counts of the arms"))
            );
        }
        match (given.len(), in_arms) {
            (0, Some(total)) => outcomes[last] = total,
            // A single number is that of the current look: the looks before were as planned.
            (1, _) => outcomes[last] = given[0],
            (looks, _) if looks == outcomes.len() => outcomes.clone_from(given),
            _ => return Err(self.wrong_outcomes(&format!("the outcomes {when}, or {all}"))),
        }
        Ok(outcomes)
    }

    fn wrong_outcomes(&self, expected: &str) -> Failure {
        let given: Vec<String> = self.n.iter().map(u32::to_string).collect();
        Failure::Usage(format!("--n {}: expected {expected}", given.join(",")))
    }
}
