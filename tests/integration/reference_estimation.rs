//! Inference during and after a trial compared with rpact, gsDesign and an independent recursion in R
//! (tests/reference/README.md).

use std::collections::BTreeMap;

use rescuesim::analysis::restricted::Distance;
use rescuesim::design::inference::{
    AssumedDrift, Belief, DriftPrior, Monitored, StagewiseEstimate, prediction_interval,
    repeated_difference, repeated_p_value,
    scale::{pooled_standard_error, standardised, unpooled_standard_error},
};
use rescuesim::design::recursion::CrossingProbabilities;
use rescuesim::design::{Boundaries, EfficacyRule, FutilityRule, Rules, SpendingFunction};
use rescuesim::num::normal::upper_quantile;
use rescuesim::num::root::brent;

const FRACTIONS: [f64; 3] = [1.0 / 3.0, 2.0 / 3.0, 1.0];
const NO_LOWER: [f64; 3] = [f64::NEG_INFINITY; 3];
const ALPHA: f64 = 0.025;
const POWER: f64 = 0.8;

/// Number of comparisons by quantity and source.
const COUNTS: [(&str, &str, usize); 55] = [
    ("CP_final_only_theta_hat", "formula", 4),
    ("CP_total_theta_0", "ref", 4),
    ("CP_total_theta_delta", "ref", 4),
    ("CP_total_theta_hat", "ref", 4),
    ("PP_final_only_flat", "formula", 4),
    ("PP_flat_prior", "ref", 4),
    ("PP_normalprior_mu_delta/2_sd_delta/2", "ref", 4),
    ("conditional_power_cumulative", "rpact4", 24),
    ("conditional_rejection_probability", "rpact4", 40),
    ("critical_value", "rpact4", 72),
    ("delta", "gsDesign", 1),
    ("drift_CI_lower", "ref", 20),
    ("drift_CI_upper", "ref", 20),
    ("drift_median_unbiased", "ref", 20),
    ("final_CI_general_lower", "ref", 20),
    ("final_CI_general_lower", "rpact4", 20),
    ("final_CI_general_upper", "ref", 20),
    ("final_CI_general_upper", "rpact4", 20),
    ("final_CI_lower", "rpact4", 40),
    ("final_CI_upper", "rpact4", 40),
    ("final_p_value", "ref", 20),
    ("final_p_value", "rpact4", 20),
    ("final_p_value_from_getAnalysisResults", "rpact4", 14),
    ("gsBoundCP_lower_delta", "gsDesign", 2),
    ("gsBoundCP_lower_thetahat", "gsDesign", 2),
    ("gsBoundCP_upper_delta", "gsDesign", 2),
    ("gsBoundCP_upper_thetahat", "gsDesign", 2),
    ("gsCP by look", "gsDesign", 24),
    ("gsCP_total_theta_0", "gsDesign", 4),
    ("gsCP_total_theta_delta", "gsDesign", 4),
    ("gsCP_total_theta_hat", "gsDesign", 4),
    ("gsDesign_bound", "gsDesign", 12),
    ("gsDesign_delta", "gsDesign", 4),
    ("gsDesign_n.I", "gsDesign", 12),
    ("gsPI_lower", "gsDesign", 4),
    ("gsPI_upper", "gsDesign", 4),
    ("gsPOS", "gsDesign", 4),
    ("gsPP_flat_prior", "gsDesign", 4),
    ("gsPP_normalprior_mu_delta/2_sd_delta/2", "gsDesign", 4),
    ("gsPosterior_mean_theta", "gsDesign", 4),
    ("gsPosterior_sd_theta", "gsDesign", 4),
    ("its drift", "ref", 4),
    ("its posterior mean", "ref", 4),
    ("lower", "gsDesign", 3),
    ("median_unbiased", "rpact4", 40),
    ("median_unbiased_general", "ref", 20),
    ("median_unbiased_general", "rpact4", 20),
    ("n.I", "gsDesign", 3),
    ("repeated_CI_lower", "rpact4", 52),
    ("repeated_CI_upper", "rpact4", 52),
    ("repeated_p_value", "rpact4", 52),
    ("upper", "gsDesign", 3),
    ("z_pooled", "formula", 52),
    ("z_pooled", "rpact4", 52),
    ("z_unpooled", "formula", 52),
];

#[derive(Debug, Clone, serde::Deserialize)]
struct Row {
    scenario: String,
    design: String,
    stage: String,
    quantity: String,
    value: String,
    source: String,
    note: String,
}

impl Row {
    fn value(&self) -> f64 {
        self.value.parse().unwrap_or_else(|_| panic!("the value of {self:?}"))
    }

    /// Index of the look, from 0.
    fn look(&self) -> usize {
        self.stage.parse::<usize>().unwrap_or_else(|_| panic!("the stage of {self:?}")) - 1
    }

    /// The number that follows `name` in the note.
    fn noted(&self, name: &str) -> f64 {
        let (_, after) = self.note.split_once(name).unwrap_or_else(|| panic!("{name} in {self:?}"));
        let number = after.trim_start().split([' ', ';']).next().expect("a split has a part");
        number.parse().unwrap_or_else(|_| panic!("{name} in {self:?}"))
    }
}

/// Number of comparisons and largest difference, by quantity and source.
#[derive(Default)]
struct Compared(BTreeMap<(String, String), (usize, f64)>);

impl Compared {
    /// Adds a comparison of the row's quantity, or of a value in its note, named `what`.
    fn add(&mut self, row: &Row, what: &str, found: f64, reference: f64) {
        let error = (found - reference).abs() / reference.abs().max(1.0);
        let tolerance = tolerance(what, &row.source);
        assert!(error <= tolerance, "{what}: {found} for {reference}, {error:e} apart\n{row:?}");
        let entry = self.0.entry((what.to_owned(), row.source.clone())).or_default();
        entry.0 += 1;
        entry.1 = entry.1.max(error);
    }
}

/// Tolerance, absolute up to 1, relative beyond. rpact and gsDesign iterate to tolerances of their own,
/// the coarsest of which is rpact's 2⁻²⁰ for repeated p values.
fn tolerance(quantity: &str, source: &str) -> f64 {
    match (quantity, source) {
        // gsDesign solves with uniroot's default tolerance, the fourth root of the machine's
        // epsilon; the closed form here excludes 2.5 % at each end to 1e-12 (see its own test).
        ("gsPI_lower" | "gsPI_upper", _) => 1.3e-4,
        // Computed with rpact's critical values, which differ by a few 1e-9.
        (_, "ref" | "formula") => 1e-8,
        _ => 1e-6,
    }
}

fn efficacy_bounds(rule: EfficacyRule, alpha: f64) -> Vec<f64> {
    let found = Boundaries::new(&Rules::efficacy_only(alpha, rule), &FRACTIONS);
    found.expect("these rules have bounds at every error rate").efficacy
}

fn rule(design: &str) -> EfficacyRule {
    match design {
        "asOF" => EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming),
        "asP" => EfficacyRule::Spending(SpendingFunction::LanDeMetsPocock),
        "OF" => EfficacyRule::OBRIEN_FLEMING,
        "P" => EfficacyRule::POCOCK,
        other => panic!("an unknown design {other}"),
    }
}

/// The drift at which a design has the power requested from gsDesign.
fn planned_drift(lower: &[f64], efficacy: &[f64]) -> f64 {
    let excess = |drift: f64| {
        CrossingProbabilities::new(&FRACTIONS, drift, lower, efficacy).total_upper() - POWER
    };
    brent(excess, 0.0, 10.0).expect("some drift gives the power")
}

fn fixed_drift() -> f64 {
    upper_quantile(ALPHA) + upper_quantile(1.0 - POWER)
}

fn unrounded(noted: f64, observed: f64) -> f64 {
    if (noted - observed).abs() < 1e-6 { observed } else { noted }
}

/// Number of patients of a fixed trial of 25 % v 40 % by gsDesign's `nBinomial`.
fn fixed_patients() -> f64 {
    let (control, experimental) = (0.25, 0.4);
    let pooled = 0.5 * (control + experimental);
    let null = 2.0 * f64::sqrt(pooled * (1.0 - pooled));
    let alternative =
        f64::sqrt(2.0 * (control * (1.0 - control) + experimental * (1.0 - experimental)));
    let needed = upper_quantile(ALPHA) * null + upper_quantile(1.0 - POWER) * alternative;
    (needed / (experimental - control)).powi(2)
}

/// A trial up to its current look. The first group of the reference is the experimental arm here.
struct Trial {
    design: String,
    critical: Vec<f64>,
    /// Values of the control and the experimental arm, per look.
    patients: Vec<[f64; 2]>,
    rates: Vec<[f64; 2]>,
    z: Vec<f64>,
}

impl Trial {
    fn new(rows: &[Row]) -> Self {
        let input = |quantity: &str| -> Vec<f64> {
            rows.iter().filter(|row| row.quantity == quantity).map(Row::value).collect()
        };
        let (n1, n2) = (input("cum_n1"), input("cum_n2"));
        let (e1, e2) = (input("cum_events1"), input("cum_events2"));
        let patients: Vec<[f64; 2]> = n2.into_iter().zip(n1).map(Into::into).collect();
        let events = e2.into_iter().zip(e1);
        let rates: Vec<[f64; 2]> =
            events.zip(&patients).map(|(e, n)| [e.0 / n[0], e.1 / n[1]]).collect();
        let looks = rates.iter().zip(&patients);
        let z = looks.map(|(&rates, &n)| Distance::Difference(0.0).score_z(rates, n)).collect();
        let design = rows[0].design.clone();
        let critical = efficacy_bounds(rule(&design), ALPHA);
        Self { design, critical, patients, rates, z }
    }

    fn monitored(&self) -> Monitored<'_> {
        Monitored::new(&FRACTIONS, &NO_LOWER, &self.critical)
    }

    /// Look at which the trial ended: the first at or above its bound, or the last.
    fn end(&self) -> usize {
        let crossed = self.z.iter().zip(&self.critical).position(|(z, bound)| z >= bound);
        crossed.unwrap_or(FRACTIONS.len() - 1)
    }

    fn now(&self) -> usize {
        self.z.len() - 1
    }

    fn estimate(&self) -> StagewiseEstimate {
        self.monitored().stagewise_estimate(self.end(), self.z[self.end()], 0.95)
    }

    /// The estimate on the risk difference in rpact's definition: at the first look, at which the design
    /// has no influence, it gives the fixed score interval.
    fn risk_difference(&self, standard_error: fn([f64; 2], [f64; 2]) -> f64) -> StagewiseEstimate {
        let end = self.end();
        let (rates, patients) = (self.rates[end], self.patients[end]);
        if end == 0 {
            let (low, high) = repeated_difference(rates, patients, upper_quantile(ALPHA));
            return StagewiseEstimate { median: rates[1] - rates[0], low, high };
        }
        self.estimate().as_effect(FRACTIONS[end], standard_error(rates, patients))
    }

    /// The drift that rpact's `getConditionalPower` computes from rates, with 104 patients
    /// planned per look: the conditional error has the place of α in two_proportions_drift.
    fn rpact_drift(&self, [control, experimental]: [f64; 2]) -> f64 {
        let now = self.now();
        let error = self.monitored().conditional_power(now, self.z[now], AssumedDrift::Stated(0.0));
        let to_come = 104.0 * (FRACTIONS.len() - 1 - now) as f64;
        let pooled = 0.5 * (control + experimental);
        let null = f64::sqrt(2.0 * pooled * (1.0 - pooled));
        let alternative =
            f64::sqrt(control * (1.0 - control) + experimental * (1.0 - experimental));
        let adjustment =
            upper_quantile(error) * (1.0 - null / alternative) * 2.0 / f64::sqrt(to_come);
        let per_root =
            (experimental - control) / alternative * std::f64::consts::SQRT_2 + adjustment;
        per_root * f64::sqrt(0.25 * 312.0)
    }

    /// The rates of a note, printed with six digits: replaced by the observed ones if equal to these digits.
    fn noted_rates(&self, row: &Row) -> [f64; 2] {
        let observed = self.rates[self.now()];
        [unrounded(row.noted("pi2="), observed[0]), unrounded(row.noted("pi1="), observed[1])]
    }

    fn planned_drift(&self) -> f64 {
        planned_drift(&NO_LOWER, &self.critical)
    }

    /// Number of patients of the group-sequential trial with the planned power.
    fn maximum_patients(&self) -> f64 {
        fixed_patients() * (self.planned_drift() / fixed_drift()).powi(2)
    }

    /// gsDesign's prior N(δ/2, (δ/2)²) on the scale of the drift, whose planned value is known.
    fn prior(&self) -> Belief {
        let half = 0.5 * self.planned_drift();
        Belief { mean: half, sd: half }
    }

    fn normal_prior(&self) -> DriftPrior {
        DriftPrior::Normal(self.prior())
    }

    /// Conditional power at the current look.
    fn conditional_power(&self, drift: AssumedDrift) -> f64 {
        self.monitored().conditional_power(self.now(), self.z[self.now()], drift)
    }

    /// Predictive power at the current look.
    fn predictive_power(&self, prior: DriftPrior) -> f64 {
        self.monitored().predictive_power(self.now(), self.z[self.now()], prior)
    }

    /// A drift as a standardised effect, with the patients of the look at which the trial ended.
    fn as_standardised_effect(&self, drift: f64) -> f64 {
        standardised(drift, FRACTIONS[self.end()], self.patients[self.end()])
    }

    fn compare(&self, row: &Row, compared: &mut Compared) {
        let (z, t) = (self.z[self.now()], FRACTIONS[self.now()]);
        let monitored = self.monitored();
        let end = self.end();
        let error = match row.note.ends_with(" unpooled") {
            true => unpooled_standard_error,
            false => pooled_standard_error,
        };
        // The current look and the final one, without looks between them: made when a row asks for it, as
        // a trial at its final look has no further information.
        let (to_the_end, bounds) = ([t, 1.0], [f64::INFINITY, self.critical[2]]);
        let final_only = || Monitored::new(&to_the_end, &NO_LOWER[..2], &bounds);

        let found = match row.quantity.as_str() {
            "critical_value" | "gsDesign_bound" => self.critical[row.look()],
            "z_pooled" => self.z[row.look()],
            "z_unpooled" => {
                let (rates, n) = (self.rates[row.look()], self.patients[row.look()]);
                (rates[1] - rates[0]) / unpooled_standard_error(rates, n)
            }
            "repeated_CI_lower" => self.repeated(row.look()).0,
            "repeated_CI_upper" => self.repeated(row.look()).1,
            "repeated_p_value" => {
                let bound_at = |alpha| {
                    let bounds = efficacy_bounds(rule(&self.design), alpha);
                    Some(bounds[row.look()])
                };
                repeated_p_value(self.z[row.look()], bound_at)
            }
            "conditional_rejection_probability" => {
                let look = row.look();
                monitored.conditional_power(look, self.z[look], AssumedDrift::Stated(0.0))
            }
            "final_p_value" | "final_p_value_from_getAnalysisResults" => {
                assert_eq!(row.look(), end, "{row:?}");
                monitored.stagewise_p_value(end, self.z[end], 0.0)
            }
            "final_CI_lower" => self.risk_difference(error).low,
            "final_CI_upper" => self.risk_difference(error).high,
            "median_unbiased" => self.risk_difference(error).median,
            "final_CI_general_lower" => self.as_standardised_effect(self.estimate().low),
            "final_CI_general_upper" => self.as_standardised_effect(self.estimate().high),
            "median_unbiased_general" => self.as_standardised_effect(self.estimate().median),
            "drift_CI_lower" => self.estimate().low,
            "drift_CI_upper" => self.estimate().high,
            "drift_median_unbiased" => self.estimate().median,
            "conditional_power_cumulative" => {
                let drift = AssumedDrift::Stated(self.rpact_drift(self.noted_rates(row)));
                let by_look = monitored.conditional_power_by_look(self.now(), z, drift);
                by_look[row.look() - self.now() - 1]
            }
            "gsDesign_n.I" => self.maximum_patients() * FRACTIONS[row.look()],
            "gsDesign_delta" => fixed_drift() / f64::sqrt(fixed_patients()),
            "CP_total_theta_hat" => {
                let trend = AssumedDrift::CurrentTrend.value(z, t);
                compared.add(row, "its drift", trend, row.noted("drift at t=1:"));
                self.conditional_power(AssumedDrift::CurrentTrend)
            }
            // The drift as gsDesign solves it; gsDesign_n.I compares its error.
            "CP_total_theta_0" | "CP_total_theta_delta" => {
                self.conditional_power(AssumedDrift::Stated(row.noted("drift at t=1:")))
            }
            "gsCP_total_theta_hat" => self.by_look(row, AssumedDrift::CurrentTrend, compared),
            "gsCP_total_theta_0" => self.by_look(row, AssumedDrift::Stated(0.0), compared),
            "gsCP_total_theta_delta" => {
                self.by_look(row, AssumedDrift::Stated(self.planned_drift()), compared)
            }
            "PP_flat_prior" | "gsPP_flat_prior" => self.predictive_power(DriftPrior::Flat),
            "gsPP_normalprior_mu_delta/2_sd_delta/2" => self.predictive_power(self.normal_prior()),
            "PP_normalprior_mu_delta/2_sd_delta/2" => {
                // The prior that gave the noted posterior: its mean is its standard deviation.
                let sd = row.noted("sd");
                let half = sd / f64::sqrt(1.0 - sd * sd * t);
                let prior = DriftPrior::Normal(Belief { mean: half, sd: half });
                let mean = prior.posterior(z, t).mean;
                compared.add(row, "its posterior mean", mean, row.noted("drift mean"));
                self.predictive_power(prior)
            }
            "CP_final_only_theta_hat" => {
                final_only().conditional_power(0, z, AssumedDrift::CurrentTrend)
            }
            "PP_final_only_flat" => final_only().predictive_power(0, z, DriftPrior::Flat),
            "gsPosterior_mean_theta" => {
                self.normal_prior().posterior(z, t).mean / f64::sqrt(self.maximum_patients())
            }
            "gsPosterior_sd_theta" => {
                self.normal_prior().posterior(z, t).sd / f64::sqrt(self.maximum_patients())
            }
            "gsPOS" => monitored.assurance(self.prior()),
            "gsPI_lower" => prediction_interval(z, t, 1.0, self.normal_prior(), 0.95).0,
            "gsPI_upper" => prediction_interval(z, t, 1.0, self.normal_prior(), 0.95).1,
            other => panic!("an unknown quantity {other}"),
        };
        compared.add(row, &row.quantity, found, row.value());
    }

    fn repeated(&self, look: usize) -> (f64, f64) {
        repeated_difference(self.rates[look], self.patients[look], self.critical[look])
    }

    /// Conditional power; the note has the part of each look.
    fn by_look(&self, row: &Row, drift: AssumedDrift, compared: &mut Compared) -> f64 {
        let now = self.now();
        let so_far = self.monitored().conditional_power_by_look(now, self.z[now], drift);
        let (_, noted) = row.note.split_once("increments: ").expect("the note has them");
        let mut before = 0.0;
        for (noted, so_far) in noted.split(';').zip(&so_far) {
            let noted = noted.parse().expect("the note has numbers");
            compared.add(row, "gsCP by look", so_far - before, noted);
            before = *so_far;
        }
        before
    }
}

/// Lan–DeMets O'Brien–Fleming-type efficacy bounds with non-binding β-spending futility.
fn compare_with_futility(row: &Row, compared: &mut Compared) {
    let function = SpendingFunction::HwangShihDeCani { gamma: -2.0 };
    let rules = Rules {
        futility: FutilityRule::BetaSpending { function, power: POWER },
        ..Rules::efficacy_only(ALPHA, rule("asOF"))
    };
    let found = Boundaries::new(&rules, &FRACTIONS).expect("some drift gives the power");
    let (efficacy, mut lower) = (found.efficacy, found.futility);
    lower[2] = efficacy[2];
    let monitored = Monitored::new(&FRACTIONS, &lower, &efficacy);
    let planned = planned_drift(&lower, &efficacy);
    let power =
        |bounds: &[f64], drift| monitored.conditional_power(row.look(), bounds[row.look()], drift);
    let found = match row.quantity.as_str() {
        "upper" => efficacy[row.look()],
        "lower" => lower[row.look()],
        "n.I" => FRACTIONS[row.look()] * (planned / fixed_drift()).powi(2),
        "delta" => fixed_drift(),
        "gsBoundCP_lower_thetahat" => power(&lower, AssumedDrift::CurrentTrend),
        "gsBoundCP_upper_thetahat" => power(&efficacy, AssumedDrift::CurrentTrend),
        "gsBoundCP_lower_delta" => power(&lower, AssumedDrift::Stated(planned)),
        "gsBoundCP_upper_delta" => power(&efficacy, AssumedDrift::Stated(planned)),
        other => panic!("an unknown quantity {other}"),
    };
    compared.add(row, &row.quantity, found, row.value());
}

#[test]
fn analyses_agree_with_the_reference() {
    let text = include_str!("../reference/estimation.csv");
    let mut by_trial: BTreeMap<(String, String), Vec<Row>> = BTreeMap::new();
    let mut rows = 0;
    for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        let row: Row = row.expect("a well-formed reference");
        by_trial.entry((row.scenario.clone(), row.design.clone())).or_default().push(row);
        rows += 1;
    }
    let mut compared = Compared::default();
    let (mut inputs, mut missing) = (0, 0);
    for ((scenario, _), rows) in &by_trial {
        let trial = (scenario != "gsBoundCP").then(|| Trial::new(rows));
        for row in rows {
            match (&trial, row.value.as_str(), row.source.as_str()) {
                (_, _, "input") => inputs += 1,
                (_, "NA", _) => missing += 1,
                (Some(trial), ..) => trial.compare(row, &mut compared),
                (None, ..) => compare_with_futility(row, &mut compared),
            }
        }
    }
    for ((quantity, source), (count, worst)) in &compared.0 {
        println!("{quantity}, {source}: {count}, at most {worst:.1e} apart");
    }
    assert_eq!((inputs, missing), (208, 78));
    let counts: Vec<_> = compared
        .0
        .iter()
        .map(|((quantity, source), (n, _))| (&**quantity, &**source, *n))
        .collect();
    assert_eq!(counts, COUNTS);
    // Values in a note are no rows of their own.
    let noted = ["gsCP by look", "its drift", "its posterior mean"];
    let of_rows: usize = counts.iter().filter(|c| !noted.contains(&c.0)).map(|c| c.2).sum();
    assert_eq!(of_rows + inputs + missing, rows);
}
