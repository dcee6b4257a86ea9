//! `rescuesim monitor`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::design::comparison::Comparison;
use rescuesim::design::inference::scale::{pooled_standard_error, standard_error_of};
use rescuesim::design::inference::{Belief, Estimate, repeated_difference, repeated_interval};
use rescuesim::design::monitor::RunningTrial;
use rescuesim::num::normal::upper_quantile;
use rescuesim::report::monitoring::{Effects, MonitoringReport};
use rescuesim::scenario::{Scenario, Truth};

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
        required_unless_present = "control"
    )]
    n: Vec<u32>,
    /// The statistic at this look.
    #[arg(long, allow_hyphen_values = true, value_parser = z, required_unless_present = "control")]
    z: Option<f64>,
    /// The estimate at this look (risk difference, or log common odds ratio); without it the one
    /// that gives this Z with control as planned.
    #[arg(long, allow_hyphen_values = true, requires = "z", value_parser = finite)]
    estimate: Option<f64>,
    /// Successes and patients of control, such as 13/52, instead of Z and estimate.
    #[arg(long, value_name = "X/N", value_parser = counts, requires = "experimental",
          conflicts_with_all = ["z", "estimate"])]
    control: Option<(u32, u32)>,
    /// Successes and patients of the experimental arm.
    #[arg(long, value_name = "X/N", value_parser = counts, requires = "control")]
    experimental: Option<(u32, u32)>,
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

/// Two arms' successes and patients, control first.
#[derive(Clone, Copy)]
struct Counts {
    rates: (f64, f64),
    sizes: (f64, f64),
    total: u32,
}

pub fn monitor(args: &MonitorArgs) -> Result<(), Failure> {
    let scenario = Scenario::load(&args.scenario, &args.overrides)?;
    let report = report(&scenario, args)?;
    output::print_as(args.format, || report.document(), || report.to_json())
}

fn report(scenario: &Scenario, args: &MonitorArgs) -> Result<MonitoringReport, Failure> {
    let analysis = analysis_named(scenario, args.analysis.as_deref())?;
    let comparison = scenario
        .comparison(Truth::Alternative, &analysis.method)
        .ok_or_else(|| usage(scenario.no_comparison(analysis)))?;
    let counts = args.counts();
    if counts.is_some() && !matches!(comparison, Comparison::TwoProportions(_)) {
        return Err(usage(format!(
            "--control, --experimental: analysis {} does not compare proportions; expected: --z and \
             --n, or --analysis with one that does",
            analysis.name
        )));
    }
    let plan = scenario.design.plan();
    let trial = RunningTrial::new(plan, &args.outcomes(scenario, counts)?)
        .map_err(|error| usage(format!("--n, --look: {error}")))?;
    if let (Comparison::TwoProportions(_), Some(difference)) = (&comparison, args.estimate)
        && difference.abs() >= 1.0
    {
        return Err(usage(format!(
            "--estimate is {difference}; allowed: a risk difference between -1 and 1"
        )));
    }
    let share = scenario.share_experimental_known();
    let seen = args.seen(counts, |z| {
        comparison.effect_at_z(z, share, f64::from(trial.analysed()[trial.look()]))
    })?;
    let prior = args.prior_mean.zip(args.prior_sd);
    let prior = prior
        .map(|(mean, sd)| Belief { mean, sd }.as_drift(trial.information(), seen.standard_error));
    let maximum = f64::from(plan.maximum_analysed());
    let drift = comparison.drift(plan.rules.alpha_one_sided, share, maximum);
    let evidence = trial.evidence(seen.z, drift, prior);
    let effects = effects(&trial, &seen, counts, evidence.drift, comparison.scale_name());
    let title = format!("{}, \"{}\"", scenario.file().title, analysis.name);
    Ok(MonitoringReport::new(recreate(), title, &trial, seen.z, evidence, effects))
}

/// What was seen at a look.
struct Seen {
    z: f64,
    estimate: f64,
    /// What Z was divided by.
    standard_error: f64,
}

/// Everything on the scale of the analysis.
fn effects(
    trial: &RunningTrial,
    &Seen { estimate, standard_error, .. }: &Seen,
    counts: Option<Counts>,
    drift: Estimate,
    scale: &'static str,
) -> Effects {
    let alpha = trial.alpha_one_sided();
    let bound = trial.repeated_bound(alpha).filter(|bound| bound.is_finite());
    let adjusted = drift.as_effect(trial.information(), standard_error);
    Effects {
        scale,
        estimate,
        standard_error,
        level: trial.level(),
        interval: repeated_interval(estimate, standard_error, upper_quantile(alpha)),
        repeated_interval: bound.map(|bound| repeated_interval(estimate, standard_error, bound)),
        repeated_score_interval: counts
            .zip(bound)
            .map(|(it, bound)| repeated_difference(it.rates, it.sizes, bound)),
        // Not −0.
        median_unbiased: adjusted.median + 0.0,
        stagewise_interval: (adjusted.low, adjusted.high),
    }
}

impl MonitorArgs {
    fn counts(&self) -> Option<Counts> {
        let (control, experimental) = self.control.zip(self.experimental)?;
        let rate = |(x, n): (u32, u32)| f64::from(x) / f64::from(n);
        Some(Counts {
            rates: (rate(control), rate(experimental)),
            sizes: (f64::from(control.1), f64::from(experimental.1)),
            total: control.1 + experimental.1,
        })
    }

    /// Z with its estimate: of the counts, as given, or as `effect_at` Z has it with control as
    /// planned.
    fn seen(
        &self,
        counts: Option<Counts>,
        effect_at: impl Fn(f64) -> Option<f64>,
    ) -> Result<Seen, Failure> {
        if let Some(counts) = counts {
            return counts.seen();
        }
        let z = self.z.ok_or_else(|| {
            usage("expected: --z and --n, or --control and --experimental".into())
        })?;
        let estimate = match self.estimate {
            Some(estimate) if (estimate == 0.0) == (z == 0.0) && estimate * z >= 0.0 => estimate,
            Some(estimate) => {
                return Err(usage(format!(
                    "--estimate is {estimate} while --z is {z}; allowed: the same sign, and 0 with 0"
                )));
            }
            None => effect_at(z).ok_or_else(|| {
                usage(format!(
                    "--z {z}: no effect gives it with control as planned; expected: --estimate"
                ))
            })?,
        };
        // At Z = 0 the slope of the planned effect in Z is all there is to go by.
        let slope = effect_at(1e-3).map_or(f64::NAN, |effect| effect / 1e-3);
        Ok(Seen { z, estimate, standard_error: standard_error_of(estimate, z, slope) })
    }

    /// Outcomes at the looks so far.
    fn outcomes(&self, scenario: &Scenario, counts: Option<Counts>) -> Result<Vec<u32>, Failure> {
        let looks = scenario.design.looks();
        if self.look == 0 || self.look > looks.len() {
            let planned = looks.len();
            return Err(usage(format!("--look is {}; allowed: 1 to {planned}", self.look)));
        }
        let mut outcomes: Vec<u32> = looks[..self.look].iter().map(|look| look.analysed).collect();
        let given = &self.n;
        let in_arms = counts.map(|counts| counts.total);
        let wrong = |expected: &str| {
            let given: Vec<String> = given.iter().map(u32::to_string).collect();
            let given = given.join(",");
            Err(usage(format!("--n {given}: expected {expected}")))
        };
        if let (Some(total), Some(&now)) = (in_arms, given.last())
            && now != total
        {
            return wrong(&format!(
                "{total} at look {}, as in --control and --experimental",
                self.look
            ));
        }
        match (given.len(), in_arms) {
            (0, Some(total)) => outcomes[self.look - 1] = total,
            (1, _) => outcomes[self.look - 1] = given[0],
            (looks, _) if looks == self.look => outcomes.clone_from(given),
            _ => {
                return wrong(&format!(
                    "the outcomes at look {0}, or one number for each of the looks up to {0}",
                    self.look
                ));
            }
        }
        Ok(outcomes)
    }
}

impl Counts {
    /// The pooled Z of the risk difference.
    fn seen(self) -> Result<Seen, Failure> {
        let standard_error = pooled_standard_error(self.rates, self.sizes);
        if standard_error == 0.0 {
            return Err(usage(
                "--control, --experimental: all outcomes are alike, so there is no Z; allowed: \
                 some successes and some failures"
                    .into(),
            ));
        }
        let estimate = self.rates.1 - self.rates.0;
        Ok(Seen { z: estimate / standard_error, estimate, standard_error })
    }
}
