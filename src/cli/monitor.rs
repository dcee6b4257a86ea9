//! `rescuesim monitor`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::analysis::{EffectScale, KnownOutcomes, OutcomeTable, Scratch, TestResult};
use rescuesim::design::comparison::Comparison;
use rescuesim::design::inference::scale::standard_error_of;
use rescuesim::design::inference::{Belief, repeated_difference, repeated_interval};
use rescuesim::design::monitor::RunningTrial;
use rescuesim::expected::Expected;
use rescuesim::num::normal::upper_quantile;
use rescuesim::outcome::LEVELS;
use rescuesim::report::monitoring::{Effects, MonitoringReport, Said};
use rescuesim::scenario::{Analysis, Scenario, Truth};

use super::design::{analysis_named, recreate, usage};
use super::values::{finite, sd, whole, z};
use super::{Failure, Format, output};

/// A trial at one of its looks.
#[derive(Debug, Args)]
pub struct MonitorArgs {
    /// Scenario file (TOML) whose design the trial follows.
    scenario: PathBuf,
    /// Replace a value of the scenario, as in `--set missing.dropout=0.05`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Analysis of the scenario that monitors; the first by default.
    #[arg(long, value_name = "NAME")]
    analysis: Option<String>,
    /// The look at hand, from 1.
    #[arg(long)]
    look: usize,
    /// Outcomes known at this look, or at each look up to it, with commas; earlier looks are taken
    /// as planned where only one number is given.
    #[arg(
        long,
        value_name = "OUTCOMES",
        value_delimiter = ',',
        value_parser = whole::<u32>(0, u32::MAX.into()),
        required_unless_present_any = ["control", "control_mrs"]
    )]
    n: Vec<u32>,
    /// The statistic at this look.
    #[arg(long, allow_hyphen_values = true, value_parser = z,
          required_unless_present_any = ["control", "control_mrs"])]
    z: Option<f64>,
    /// The estimate at this look, on the scale of the analysis; without it the one that gives this Z
    /// with control as planned.
    #[arg(long, allow_hyphen_values = true, requires = "z", value_parser = finite)]
    estimate: Option<f64>,
    /// Successes and patients of control, such as 13/52, instead of Z and estimate: the analysis is
    /// then made of them.
    #[arg(long, value_name = "X/N", value_parser = counts, requires = "experimental",
          conflicts_with_all = ["z", "estimate"])]
    control: Option<(u32, u32)>,
    /// Successes and patients of the experimental arm.
    #[arg(long, value_name = "X/N", value_parser = counts, requires = "control")]
    experimental: Option<(u32, u32)>,
    /// Patients of control with an mRS of 0, 1 … 6, with commas, instead of Z and estimate.
    #[arg(long, value_name = "PATIENTS", value_delimiter = ',', requires = "experimental_mrs",
          value_parser = whole::<u32>(0, MOST_PATIENTS.into()),
          conflicts_with_all = ["z", "estimate", "control"])]
    control_mrs: Vec<u32>,
    /// Patients of the experimental arm with an mRS of 0, 1 … 6, with commas.
    #[arg(long, value_name = "PATIENTS", value_delimiter = ',', requires = "control_mrs",
          value_parser = whole::<u32>(0, MOST_PATIENTS.into()))]
    experimental_mrs: Vec<u32>,
    /// The trial stopped at this look, and the data are those of all its patients once the outcomes
    /// of the overrun are in.
    #[arg(long)]
    overrun: bool,
    /// Mean of a normal prior on the effect, for predictive power.
    #[arg(long, value_name = "EFFECT", allow_hyphen_values = true, requires = "prior_sd",
          value_parser = finite)]
    prior_mean: Option<f64>,
    /// Its standard deviation.
    #[arg(long, value_name = "EFFECT", value_parser = sd, requires = "prior_mean")]
    prior_sd: Option<f64>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Patients of an arm at most.
const MOST_PATIENTS: u32 = 1_000_000;

fn counts(text: &str) -> Result<(u32, u32), String> {
    let parsed = text
        .split_once('/')
        .and_then(|(x, n)| Some((x.trim().parse::<u64>().ok()?, n.trim().parse::<u64>().ok()?)));
    match parsed {
        None => Err("expected SUCCESSES/PATIENTS, such as 13/52".to_owned()),
        Some((_, n)) if n == 0 || n > u64::from(MOST_PATIENTS) => Err(format!(
            "{n} patients; expected SUCCESSES/PATIENTS with 1 to {MOST_PATIENTS} patients"
        )),
        Some((x, n)) if x > n => Err(format!(
            "{x} successes of {n} patients; expected SUCCESSES/PATIENTS with 0 to {n} successes"
        )),
        Some((x, n)) => Ok((x as u32, n as u32)),
    }
}

/// What was seen at a look.
struct Seen {
    /// `None` where the counts give none.
    z: Option<f64>,
    estimate: Option<f64>,
    standard_error: Option<f64>,
    /// The estimate over its error, and that error; see [`Analysis::estimate_over_error`].
    adjustable: Option<(f64, f64)>,
    /// The analysis's own 95 % interval.
    interval: Option<(f64, f64)>,
}

/// What the planned effect does to an analysis.
struct Planned {
    comparison: Result<Comparison, String>,
    drift: Option<f64>,
    share_experimental: f64,
}

/// Level of the analyses' own intervals.
const LEVEL: f64 = 0.95;

pub fn monitor(args: &MonitorArgs) -> Result<(), Failure> {
    let scenario = Scenario::load(&args.scenario, &args.overrides)?;
    let report = report(&scenario, args)?;
    output::print_as(args.format, || report.document(), || report.to_json())
}

fn report(scenario: &Scenario, args: &MonitorArgs) -> Result<MonitoringReport, Failure> {
    let analysis = analysis_named(scenario, args.analysis.as_deref())?;
    let table = args.table(scenario, analysis)?;
    let plan = scenario.design.plan();
    let outcomes = args.outcomes(scenario, table.as_ref().map(OutcomeTable::total))?;
    let trial = if args.overrun {
        RunningTrial::after_overrun(plan, &outcomes)
    } else {
        RunningTrial::new(plan, &outcomes)
    };
    let trial = trial.map_err(|error| usage(format!("--n, --look: {error}")))?;
    let planned = Planned::new(scenario, analysis);
    let seen = match &table {
        Some(table) => Seen::of_counts(analysis, table)?,
        None => args.seen(analysis, &planned, trial.analysed()[trial.look()])?,
    };
    let z = seen.z.unwrap_or(0.0);
    let evidence = trial.evidence(z, planned.drift, args.belief(&trial, &seen)?);
    let effects = effects(&trial, analysis, &seen, table.as_ref(), args.overrun);
    let said = Said::new(&trial, seen.z, args.overrun.then_some(args.look));
    let title = format!("{}, \"{}\"", scenario.file().title, analysis.name);
    Ok(MonitoringReport::new(recreate(), title, &trial, said, evidence, effects))
}

/// Estimate and intervals on the scale of the analysis.
fn effects(
    trial: &RunningTrial,
    analysis: &Analysis,
    seen: &Seen,
    table: Option<&OutcomeTable>,
    overrun: bool,
) -> Effects {
    let scale = analysis.method.scale();
    let alpha = trial.alpha_one_sided();
    let bound = trial.repeated_bound(alpha).filter(|bound| bound.is_finite() && !overrun);
    // An interval by the error that Z was divided by excludes the null effect exactly when Z is
    // beyond the bound.
    let error_of_z = seen.adjustable.map(|(_, error)| error);
    let adjusted = seen.adjustable.map(|(z, error)| {
        let drift = trial.drift_estimate(z);
        drift.as_effect(trial.information(), error)
    });
    let arms = table.and_then(|table| analysis.method.arms(&table.weights()));
    Effects {
        scale: scale.name(),
        estimate: seen.estimate,
        standard_error: seen.standard_error,
        level: trial.level(),
        interval: seen
            .interval
            .filter(|_| trial.level() == LEVEL)
            .or_else(|| seen.interval_of(scale, seen.standard_error?, upper_quantile(alpha))),
        repeated_interval: bound.and_then(|bound| seen.interval_of(scale, error_of_z?, bound)),
        repeated_score_interval: arms.zip(bound).map(|([control, experimental], bound)| {
            let rates = (control.rate(), experimental.rate());
            repeated_difference(rates, (control.patients, experimental.patients), bound)
        }),
        // Not −0.
        median_unbiased: adjusted.map(|adjusted| scale.within(adjusted.median) + 0.0),
        stagewise_interval: adjusted
            .map(|adjusted| (scale.within(adjusted.low), scale.within(adjusted.high))),
    }
}

impl Planned {
    fn new(scenario: &Scenario, analysis: &Analysis) -> Self {
        let share_experimental = scenario.share_experimental_known();
        let expected = Expected::new(scenario);
        let comparison = expected
            .comparison(Truth::Alternative, analysis)
            .map_err(|cause| expected.no_comparison(analysis, cause));
        let alpha = scenario.design.plan().rules.alpha_one_sided;
        let maximum = f64::from(scenario.design.maximum_analysed());
        let drift = match &comparison {
            Ok(comparison) => Some(comparison.drift(alpha, share_experimental, maximum)),
            Err(_) => expected
                .drift(Truth::Alternative, analysis)
                .ok()
                .map(|drift| expected.drift_at_maximum(drift)),
        };
        Self { comparison, drift, share_experimental }
    }

    /// The estimate that goes with a Z when control is observed as planned.
    fn effect_at(&self, z: f64, analysed: u32) -> Option<f64> {
        let comparison = self.comparison.as_ref().ok()?;
        let effect = comparison.effect_at_z(z, self.share_experimental, f64::from(analysed))?;
        Some(comparison.with_effect(effect).measured_effect())
    }
}

impl Seen {
    /// Returns the estimate ± `bound` standard errors, within the range of the scale; `None` without
    /// an estimate.
    fn interval_of(&self, scale: EffectScale, error: f64, bound: f64) -> Option<(f64, f64)> {
        let (low, high) = repeated_interval(self.estimate?, error, bound);
        Some((scale.within(low), scale.within(high)))
    }

    /// Analyses the counts as the analysis does in the simulation.
    fn of_counts(analysis: &Analysis, table: &OutcomeTable) -> Result<Self, Failure> {
        let known = KnownOutcomes { all: *table, ..KnownOutcomes::default() };
        let test = analysis.method.test(&known, &mut Scratch::default());
        if !test.z.is_finite() && !test.has_estimate() {
            return Err(usage(format!(
                "the counts give analysis {} neither a statistic nor an estimate; allowed: patients \
                 in both arms",
                analysis.name
            )));
        }
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let TestResult { z, estimate, standard_error, interval, .. } = test;
        Ok(Self {
            z: finite(z),
            estimate: finite(estimate),
            standard_error: finite(standard_error),
            adjustable: analysis.estimate_over_error(&test),
            interval: Some(interval).filter(|(low, high)| !low.is_nan() && !high.is_nan()),
        })
    }
}

impl MonitorArgs {
    /// The counts, where they are given, as the analysis sees them.
    fn table(
        &self,
        scenario: &Scenario,
        analysis: &Analysis,
    ) -> Result<Option<OutcomeTable>, Failure> {
        let counts = match (self.control.zip(self.experimental), self.control_mrs.is_empty()) {
            (None, true) => return Ok(None),
            (Some((control, experimental)), _) => {
                let Some(cut) = analysis.method.cut() else {
                    return Err(usage(format!(
                        "--control, --experimental: analysis {} does not compare proportions; \
                         expected: --control-mrs and --experimental-mrs, or --z and --n",
                        analysis.name
                    )));
                };
                [control, experimental].map(|(successes, patients)| {
                    let mut arm = [0; LEVELS];
                    arm[cut.index()] = successes;
                    arm[cut.index() + 1] = patients - successes;
                    arm
                })
            }
            (None, false) => [
                mrs("--control-mrs", &self.control_mrs)?,
                mrs("--experimental-mrs", &self.experimental_mrs)?,
            ],
        };
        if let Err(cause) = Expected::new(scenario).needs_only_counts(analysis) {
            return Err(usage(format!(
                "analysis {} takes more than the counts of two arms, because of its {cause}; expected: \
                 --z, --n and --estimate as its analysis gave them",
                analysis.name
            )));
        }
        Ok(Some(OutcomeTable { counts }))
    }

    /// Z and estimate as given, or as the Z has it with control as planned.
    fn seen(&self, analysis: &Analysis, planned: &Planned, analysed: u32) -> Result<Seen, Failure> {
        let z = self.z.ok_or_else(|| {
            usage("expected: --z and --n, or --control and --experimental".into())
        })?;
        let scale = analysis.method.scale();
        let estimate = match self.estimate {
            Some(estimate) if scale.is_within_one() && estimate.abs() >= 1.0 => {
                let what = scale.name().replace('_', " ");
                return Err(usage(format!(
                    "--estimate is {estimate}; allowed: a {what} between -1 and 1"
                )));
            }
            Some(estimate) if (estimate == 0.0) == (z == 0.0) && estimate * z >= 0.0 => estimate,
            Some(estimate) => {
                return Err(usage(format!(
                    "--estimate is {estimate} while --z is {z}; allowed: the same sign, and 0 with 0"
                )));
            }
            None => planned.effect_at(z, analysed).ok_or_else(|| {
                usage(match &planned.comparison {
                    Ok(_) => format!(
                        "--z {z}: no effect gives it with control as planned; expected: --estimate"
                    ),
                    Err(none) => format!("{none}, or --estimate"),
                })
            })?,
        };
        // At Z = 0 the slope of the planned effect in Z is all there is to go by.
        let slope = planned.effect_at(1e-3, analysed).map(|effect| effect / 1e-3);
        let standard_error = match slope {
            None if z == 0.0 => None,
            slope => Some(standard_error_of(estimate, z, slope.unwrap_or(f64::NAN))),
        };
        // Without the counts, the error of an estimate that Z is not made of is not known.
        let is_so = analysis.rerandomisations == 0 && analysis.method.is_estimate_over_error();
        let adjustable = standard_error.filter(|_| is_so).map(|error| (z, error));
        Ok(Seen {
            z: Some(z),
            estimate: Some(estimate),
            standard_error: standard_error.filter(|_| is_so),
            adjustable,
            interval: None,
        })
    }

    fn belief(&self, trial: &RunningTrial, seen: &Seen) -> Result<Option<Belief>, Failure> {
        let Some((mean, sd)) = self.prior_mean.zip(self.prior_sd) else { return Ok(None) };
        let Some((_, error)) = seen.adjustable else {
            return Err(usage(
                "--prior-mean: this look has no standard error to measure the prior by; expected: \
                 none, or the counts of the arms"
                    .into(),
            ));
        };
        Ok(Some(Belief { mean, sd }.as_drift(trial.information(), error)))
    }

    /// Outcomes at the looks so far, and after them those with the overrun.
    fn outcomes(&self, scenario: &Scenario, in_arms: Option<u32>) -> Result<Vec<u32>, Failure> {
        let looks = scenario.design.looks();
        let allowed = if self.overrun { looks.len() - 1 } else { looks.len() };
        if self.look == 0 || self.look > allowed {
            let which = if self.overrun { " with --overrun" } else { "" };
            let allowed = match allowed {
                0 => "none, as there are no interim looks".to_owned(),
                _ => format!("1 to {allowed}"),
            };
            return Err(usage(format!("--look is {}; allowed{which}: {allowed}", self.look)));
        }
        let mut outcomes: Vec<u32> = looks[..self.look].iter().map(|look| look.analysed).collect();
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
        let wrong = |expected: &str| {
            let given: Vec<String> = given.iter().map(u32::to_string).collect();
            Err(usage(format!("--n {}: expected {expected}", given.join(","))))
        };
        if let (Some(total), Some(&now)) = (in_arms, given.last())
            && now != total
        {
            return wrong(&format!("{total} {when}, as in the counts of the arms"));
        }
        match (given.len(), in_arms) {
            (0, Some(total)) => outcomes[last] = total,
            (1, _) => outcomes[last] = given[0],
            (looks, _) if looks == outcomes.len() => outcomes.clone_from(given),
            _ => {
                return wrong(&format!("the outcomes {when}, or {all}"));
            }
        }
        Ok(outcomes)
    }
}

/// Patients by mRS.
fn mrs(option: &str, given: &[u32]) -> Result<[u32; LEVELS], Failure> {
    given.try_into().map_err(|_| {
        usage(format!("{option} has {} numbers; expected: 7, for mRS 0 to 6", given.len()))
    })
}
