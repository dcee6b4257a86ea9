//! `rescuesim monitor`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::design::comparison::Comparison;
use rescuesim::design::inference::scale::pooled_standard_error;
use rescuesim::design::inference::{Belief, repeated_difference, repeated_interval};
use rescuesim::design::monitor::RunningTrial;
use rescuesim::num::normal::upper_quantile;
use rescuesim::report::monitoring::{Effects, MonitoringReport};
use rescuesim::scenario::{Scenario, Truth};

use super::design::{analysis_named, recreate, usage};
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
        required_unless_present = "control"
    )]
    n: Vec<u32>,
    /// The statistic at this look.
    #[arg(long, allow_hyphen_values = true, value_parser = z, required_unless_present = "control")]
    z: Option<f64>,
    /// The estimate at this look (risk difference, or log common odds ratio); without it the one
    /// that gives this Z with control as planned.
    #[arg(long, allow_hyphen_values = true, requires = "z")]
    estimate: Option<f64>,
    /// Successes and patients of control, such as 13/52, instead of Z and estimate.
    #[arg(long, value_name = "X/N", value_parser = counts, requires = "experimental",
          conflicts_with_all = ["z", "estimate"])]
    control: Option<(u32, u32)>,
    /// Successes and patients of the experimental arm.
    #[arg(long, value_name = "X/N", value_parser = counts, requires = "control")]
    experimental: Option<(u32, u32)>,
    /// Mean of a normal prior on the effect, for predictive power.
    #[arg(long, value_name = "EFFECT", allow_hyphen_values = true, requires = "prior_sd")]
    prior_mean: Option<f64>,
    /// Its standard deviation.
    #[arg(long, value_name = "EFFECT", value_parser = sd, requires = "prior_mean")]
    prior_sd: Option<f64>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn z(text: &str) -> Result<f64, String> {
    let z = text.parse::<f64>().ok().filter(|z| z.abs() <= 40.0);
    z.ok_or_else(|| "allowed: -40 to 40".to_owned())
}

fn sd(text: &str) -> Result<f64, String> {
    let sd = text.parse::<f64>().ok().filter(|sd| (1e-6..=100.0).contains(sd));
    sd.ok_or_else(|| "allowed: 0.000001 to 100".to_owned())
}

fn counts(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once('/').and_then(|(x, n)| {
        let (x, n): (u32, u32) = (x.parse().ok()?, n.parse().ok()?);
        (0 < n && n <= 1_000_000 && x <= n).then_some((x, n))
    });
    parsed.ok_or_else(|| "expected SUCCESSES/PATIENTS, such as 13/52".to_owned())
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
    output::print(&match args.format {
        Format::Table => report.render(),
        Format::Json => report.to_json(),
    })
}

fn report(scenario: &Scenario, args: &MonitorArgs) -> Result<MonitoringReport, Failure> {
    let analysis = analysis_named(scenario, args.analysis.as_deref())?;
    let comparison = scenario.comparison(Truth::Alternative, analysis.method).ok_or_else(|| {
        usage(format!("analysis {} has no closed form with these arms", analysis.name))
    })?;
    let counts = args.counts();
    if counts.is_some() && !matches!(comparison, Comparison::TwoProportions(_)) {
        return Err(usage(format!(
            "--control, --experimental: analysis {} does not compare proportions; expected: --z and \
             --n, or --analysis with one that does",
            analysis.name
        )));
    }
    let plan = scenario.design.plan();
    let monitored = RunningTrial::new(plan, &args.outcomes(scenario, counts)?)
        .map_err(|error| usage(format!("--n, --look: {error}")))?;
    let share = scenario.share_experimental_known();
    let now = f64::from(monitored.analysed()[monitored.look()]);
    let (z, estimate, standard_error) = match (counts, args.z) {
        (Some(counts), _) => counts.pooled()?,
        (None, Some(z)) => {
            let planned = || comparison.effect_at_z(z, share, now);
            let estimate = args.estimate.or_else(planned).ok_or_else(|| {
                usage(format!(
                    "--z {z}: no effect gives it with control as planned; expected: --estimate"
                ))
            })?;
            // The slope of the effect in Z where Z says nothing of it.
            let per_z = || comparison.effect_at_z(1e-3, share, now).map(|effect| effect / 1e-3);
            let standard_error = if z == 0.0 { per_z().unwrap_or(f64::NAN) } else { estimate / z };
            (z, estimate, standard_error)
        }
        (None, None) => {
            return Err(usage("expected: --z and --n, or --control and --experimental".into()));
        }
    };
    if estimate == 0.0 && z != 0.0 {
        return Err(usage(format!("--estimate is 0 while --z is {z}; allowed: not 0")));
    }
    if !(standard_error > 0.0 && standard_error.is_finite()) {
        return Err(usage(format!("--estimate {estimate} and --z {z} have different signs")));
    }
    let drift =
        comparison.drift(plan.rules.alpha_one_sided, share, f64::from(plan.maximum_analysed()));
    // An effect is a drift over the root of the information that the maximum has.
    let per_effect = 1.0 / (standard_error * monitored.information().sqrt());
    let prior = args
        .prior_mean
        .zip(args.prior_sd)
        .map(|(mean, sd)| Belief { mean: mean * per_effect, sd: sd * per_effect });
    let evidence = monitored.evidence(z, drift, prior);
    let alpha = plan.rules.alpha_one_sided;
    let bound = monitored.repeated_bound(alpha).unwrap_or(f64::INFINITY);
    let at_bound = bound.is_finite();
    let effects = Effects {
        scale: comparison.scale_name(),
        estimate,
        standard_error,
        level: monitored.level(),
        interval: repeated_interval(estimate, standard_error, upper_quantile(alpha)),
        repeated_interval: at_bound.then(|| repeated_interval(estimate, standard_error, bound)),
        repeated_score_interval: counts
            .filter(|_| at_bound)
            .map(|it| repeated_difference(it.rates, it.sizes, bound)),
        median_unbiased: evidence.drift.median / per_effect,
        stagewise_interval: (evidence.drift.low / per_effect, evidence.drift.high / per_effect),
    };
    let title = format!("{}, \"{}\"", scenario.file().title, analysis.name);
    Ok(MonitoringReport::new(recreate(), title, &monitored, z, evidence, effects))
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

    /// Outcomes at the looks so far.
    fn outcomes(&self, scenario: &Scenario, counts: Option<Counts>) -> Result<Vec<u32>, Failure> {
        let looks = scenario.design.looks();
        if self.look == 0 || self.look > looks.len() {
            let planned = looks.len();
            return Err(usage(format!("--look is {}; allowed: 1 to {planned}", self.look)));
        }
        let mut outcomes: Vec<u32> = looks[..self.look].iter().map(|look| look.analysed).collect();
        match (&self.n[..], counts) {
            ([], Some(counts)) => outcomes[self.look - 1] = counts.total,
            (&[now], None) => outcomes[self.look - 1] = now,
            (all, None) if all.len() == self.look => outcomes = all.to_vec(),
            (all, Some(counts)) if all.len() == self.look && all[self.look - 1] == counts.total => {
                outcomes = all.to_vec();
            }
            (all, _) => {
                return Err(usage(format!(
                    "--n has {} numbers that do not fit look {}; expected: the outcomes at this \
                     look, or at each of the {} looks so far, the last as many as in the arms",
                    all.len(),
                    self.look,
                    self.look
                )));
            }
        }
        Ok(outcomes)
    }
}

impl Counts {
    /// Pooled Z, risk difference, and the standard error that Z was divided by.
    fn pooled(self) -> Result<(f64, f64, f64), Failure> {
        let standard_error = pooled_standard_error(self.rates, self.sizes);
        if standard_error == 0.0 {
            return Err(usage(
                "--control, --experimental: all outcomes are alike, so there is no Z".into(),
            ));
        }
        let difference = self.rates.1 - self.rates.0;
        Ok((difference / standard_error, difference, standard_error))
    }
}
