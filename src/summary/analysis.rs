//! Operating characteristics of one analysis.

use serde::Serialize;

use super::analysis_tally::{AnalysisTally, EstimateTally};
use super::moments::Histogram;
use super::tally::Tally;
use super::{McEstimate, OutcomeShares, PopulationSummary, ReducedEstimate, ReestimationSummary};
use crate::expected::Expected;
use crate::scenario::{Scenario, Truth};

/// Operating characteristics of one analysis under one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnalysisSummary {
    /// Name in the scenario.
    pub name: String,
    /// Name of the method, as in the scenario.
    pub method: &'static str,
    /// Whether the scenario names it as the primary analysis; absent if it does not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub primary: bool,
    /// P(efficacy at any look): power under the alternative, one-sided type I error under the null,
    /// assurance under the prior.
    pub rejection: McEstimate,
    /// `rejection` by control variate, with less noise; absent if none are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection_reduced: Option<ReducedEstimate>,
    /// Shares of the trials by how they ended; they add up to 1.
    pub outcomes: OutcomeShares,
    /// Power lost to safety stopping, if adverse events can stop the trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_of_safety: Option<PriceOfSafety>,
    /// P(efficacy at any look) of the same trials, disregarding every stop that the efficacy boundaries do
    /// not rely on: non-binding futility, harm, adverse events. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection_stops_disregarded: Option<McEstimate>,
    /// `rejection` by closed form; null if there is none, as when all patients have a success, and under
    /// the prior.
    pub normal_approximation: Option<NormalApproximation>,
    /// How the closed form is found, or why there is none.
    pub formula: String,
    /// Looks in order, the final one last.
    pub looks: Vec<LookSummary>,
    /// Patients randomised by the decision.
    pub n_randomised: SizeSummary,
    /// Outcomes in the analysis that ended the trial.
    pub n_analysed: SizeSummary,
    /// Months from the opening of the trial to the decision.
    pub duration_months: McEstimate,
    /// Mean number of patients randomised whose follow-up has not ended at the decision, over all trials
    /// (0 at a final look).
    pub overrun: McEstimate,
    /// P(the trial stopped early, and the analysis repeated with the outcomes of the overrun against the
    /// critical value of a final look of that size reaches the other conclusion).
    pub reversal: McEstimate,
    /// P(reversal after a stop for efficacy).
    pub reversal_after_efficacy: McEstimate,
    /// P(reversal after a stop for futility).
    pub reversal_after_futility: McEstimate,
    /// P(reversal after a stop for harm).
    pub reversal_after_harm: McEstimate,
    /// The estimate when the trial ends.
    pub estimate: EstimateSummary,
    /// Re-estimation of the number of patients, if the scenario has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reestimation: Option<ReestimationSummary>,
    /// Restrictions of the population, if the scenario has a rule for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<PopulationSummary>,
    /// Replicates without an estimate at the final analysis (an arm is empty; a ratio with all outcomes
    /// alike or the arms separated). They stay in every denominator but the estimate's.
    pub fit_failures: u64,
    /// Looks whose statistic could not be computed, over all replicates; such a look never stops.
    pub failed_looks: u64,
}

/// Power lost to stopping for adverse events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriceOfSafety {
    /// P(efficacy at any look) of the same trials if adverse events stopped none of them.
    pub rejection_without: McEstimate,
    /// P(the trial is stopped for safety, and has efficacy without that stop).
    pub lost: McEstimate,
    /// P(the trial is stopped for safety).
    pub stopped: McEstimate,
}

/// Rejection by the normal approximation to the group-sequential procedure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NormalApproximation {
    /// P(efficacy at any look).
    pub rejection: f64,
    /// P(efficacy) at each planned look.
    pub efficacy: Vec<f64>,
    /// P(futility) at each planned look.
    pub futility: Vec<f64>,
    /// P(harm) at each planned look.
    pub harm: Vec<f64>,
}

/// One look of one analysis. Means are over the replicates that reach it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LookSummary {
    /// Number of the look, from 1.
    pub look: usize,
    /// Planned number of outcomes.
    pub planned_analysed: u32,
    /// Planned share of the maximum information.
    pub information_fraction: f64,
    /// Planned efficacy boundary; null if the look cannot stop for efficacy. The boundary of the final
    /// look is recomputed from the outcomes observed.
    pub z_efficacy: Option<f64>,
    /// Planned futility boundary; null if there is none.
    pub z_futility: Option<f64>,
    /// Planned harm boundary; null if there is none. The boundary of the final look is recomputed.
    pub z_harm: Option<f64>,
    /// P(stop for efficacy at this look); at the final look, P(reject there).
    pub efficacy: McEstimate,
    /// P(efficacy at this look or earlier).
    pub efficacy_cumulative: McEstimate,
    /// P(stop for futility at this look).
    pub futility: McEstimate,
    /// P(futility at this look or earlier).
    pub futility_cumulative: McEstimate,
    /// P(stop for harm at this look); at the final look, P(harm is significant there).
    pub harm: McEstimate,
    /// P(harm at this look or earlier).
    pub harm_cumulative: McEstimate,
    /// P(stop for safety at this look); absent if adverse events cannot stop the trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety: Option<McEstimate>,
    /// P(safety at this look or earlier).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_cumulative: Option<McEstimate>,
    /// P(the look takes place).
    pub reached: McEstimate,
    /// Patients randomised by the day of the data.
    pub n_randomised: McEstimate,
    /// Outcomes available by then, imputed ones not counted.
    pub n_analysed: McEstimate,
    /// Patients randomised by then whose follow-up has not ended.
    pub overrun: McEstimate,
    /// Calendar month of the data.
    pub month: McEstimate,
    /// The decision, which may come later than the data.
    pub decision: DecisionSummary,
}

/// Means on the day of a look's decision, over the replicates that reach the look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecisionSummary {
    /// Calendar month of the decision.
    pub month: McEstimate,
    /// Patients randomised by then.
    pub n_randomised: McEstimate,
    /// Patients randomised by then whose follow-up has not ended.
    pub overrun: McEstimate,
}

/// Distribution of a number of patients.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeSummary {
    /// Expected number.
    pub mean: McEstimate,
    /// Median.
    pub p50: McEstimate,
    /// 80th percentile.
    pub p80: McEstimate,
    /// 90th percentile.
    pub p90: McEstimate,
    /// 95th percentile.
    pub p95: McEstimate,
    /// Largest number simulated.
    pub max: McEstimate,
}

/// Performance of the estimate when the trial ends, both ignoring the looks and allowing for them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EstimateSummary {
    /// Name of an [`EffectScale`](crate::analysis::EffectScale).
    pub scale: &'static str,
    /// Value that the estimate approaches in ever larger trials without dropout and, per protocol and as
    /// treated, with full adherence; null if there is none. Under the prior it is null too, and bias, error
    /// and coverage refer to the effect drawn for each replicate.
    pub truth: Option<f64>,
    /// All trials, ignoring the looks.
    #[serde(flatten)]
    pub overall: EstimatePerformance,
    /// Trials that stopped at an interim look, ignoring the looks.
    pub stopped_early: EstimatePerformance,
    /// All trials, once all patients randomised have completed follow-up.
    pub with_overrun: EstimatePerformance,
    /// The median-unbiased estimate with its interval by stage-wise ordering, in all trials.
    pub median_unbiased: EstimatePerformance,
    /// The median-unbiased estimate in trials that stopped at an interim look.
    pub median_unbiased_stopped_early: EstimatePerformance,
}

/// Bias, error and coverage of an estimate and its 95 % confidence interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EstimatePerformance {
    /// Mean estimate.
    pub mean: McEstimate,
    /// Mean estimate minus truth.
    pub bias: McEstimate,
    /// Root mean square error.
    pub rmse: McEstimate,
    /// P(the 95 % confidence interval contains the truth).
    pub coverage: McEstimate,
    /// P(the estimate exceeds the truth), equality counting one half: ½ without median bias.
    pub above_truth: McEstimate,
}

impl AnalysisSummary {
    /// Reads the operating characteristics of an analysis off a tally, given its position in the scenario.
    pub(super) fn new(
        expected: &Expected<'_>,
        scenario: &Scenario,
        truth: Truth,
        position: usize,
        whole: &Tally,
    ) -> Self {
        let tally = whole.of(truth, position);
        let analysis = &scenario.analyses[position];
        let stops_for_safety = scenario.stops_for_safety();
        let closed_form = expected.normal_approximation(truth, analysis).ok();
        let [after_efficacy, after_futility, after_harm] = tally.reversals;
        Self {
            name: analysis.name.clone(),
            method: analysis.method.key(),
            primary: scenario.file().analyses_primary_first()[position].primary,
            rejection: tally.proportion(tally.efficacies()),
            rejection_reduced: whole.reduced(truth, position),
            outcomes: OutcomeShares::new(tally, stops_for_safety),
            price_of_safety: stops_for_safety.then(|| PriceOfSafety::new(tally)),
            rejection_stops_disregarded: scenario
                .has_stops_to_disregard()
                .then(|| tally.proportion(tally.efficacy_stops_disregarded)),
            normal_approximation: closed_form.map(|closed_form| NormalApproximation {
                rejection: closed_form.rejection(),
                efficacy: closed_form.efficacy,
                futility: closed_form.futility,
                harm: closed_form.harm,
            }),
            formula: expected.formula_in_words(truth, analysis),
            looks: (0..tally.looks.len()).map(|k| LookSummary::new(scenario, tally, k)).collect(),
            n_randomised: SizeSummary::new(&tally.n_randomised),
            n_analysed: SizeSummary::new(&tally.n_analysed),
            duration_months: McEstimate::mean(&tally.duration_months),
            overrun: McEstimate::mean(&tally.overrun),
            reversal: tally.proportion(after_efficacy + after_futility + after_harm),
            reversal_after_efficacy: tally.proportion(after_efficacy),
            reversal_after_futility: tally.proportion(after_futility),
            reversal_after_harm: tally.proportion(after_harm),
            estimate: EstimateSummary::new(analysis.method.scale().name(), tally),
            reestimation: ReestimationSummary::new(expected, scenario, truth, analysis, tally),
            population: PopulationSummary::new(expected, truth, analysis, tally),
            fit_failures: tally.n() - tally.estimates.estimates.n(),
            failed_looks: tally.failed_looks,
        }
    }
}

impl PriceOfSafety {
    fn new(tally: &AnalysisTally) -> Self {
        let without = tally.efficacy_without_safety;
        Self {
            rejection_without: tally.proportion(without),
            // Efficacy with safety stopping implies efficacy without, as the trials are the same.
            lost: tally.proportion(without - tally.efficacies()),
            stopped: tally.proportion(tally.stopped_for_safety()),
        }
    }
}

impl LookSummary {
    fn new(scenario: &Scenario, tally: &AnalysisTally, k: usize) -> Self {
        let planned = &scenario.design.looks()[k];
        let look = &tally.looks[k];
        let until = &tally.looks[..=k];
        let stops_for_safety = scenario.stops_for_safety();
        Self {
            look: k + 1,
            planned_analysed: planned.analysed,
            information_fraction: planned.information_fraction,
            // An infinite bound is never crossed: the design has none at this look.
            z_efficacy: scenario.planned_efficacy_bound(k),
            z_futility: planned.futility.is_finite().then_some(planned.futility),
            z_harm: planned.harm.is_finite().then_some(planned.harm),
            efficacy: tally.proportion(look.efficacy),
            efficacy_cumulative: tally.proportion(until.iter().map(|look| look.efficacy).sum()),
            futility: tally.proportion(look.futility),
            futility_cumulative: tally.proportion(until.iter().map(|look| look.futility).sum()),
            harm: tally.proportion(look.harm),
            harm_cumulative: tally.proportion(until.iter().map(|look| look.harm).sum()),
            safety: stops_for_safety.then(|| tally.proportion(look.safety)),
            safety_cumulative: stops_for_safety
                .then(|| tally.proportion(until.iter().map(|look| look.safety).sum())),
            reached: tally.proportion(look.month.n()),
            n_randomised: McEstimate::mean(&look.n_randomised),
            n_analysed: McEstimate::mean(&look.n_analysed),
            overrun: McEstimate::mean(&look.overrun),
            month: McEstimate::mean(&look.month),
            decision: DecisionSummary {
                month: McEstimate::mean(&look.decision_month),
                n_randomised: McEstimate::mean(&look.decision_n_randomised),
                overrun: McEstimate::mean(&look.decision_overrun),
            },
        }
    }
}

impl SizeSummary {
    /// Reads mean, quantiles and maximum off a histogram.
    pub(super) fn new(histogram: &Histogram) -> Self {
        let max = McEstimate::new(histogram.max(), f64::NAN, histogram.n());
        Self {
            mean: McEstimate::histogram_mean(histogram, 1.0),
            p50: McEstimate::quantile(histogram, 0.50, 1.0),
            p80: McEstimate::quantile(histogram, 0.80, 1.0),
            p90: McEstimate::quantile(histogram, 0.90, 1.0),
            p95: McEstimate::quantile(histogram, 0.95, 1.0),
            max,
        }
    }
}

impl EstimateSummary {
    fn new(scale: &'static str, tally: &AnalysisTally) -> Self {
        // Estimates of restricted populations have other truths, so that errors are averaged.
        let truth = tally.estimand.filter(|_| tally.population.is_none());
        Self {
            scale,
            truth,
            overall: EstimatePerformance::new(truth, &tally.estimates),
            stopped_early: EstimatePerformance::new(truth, &tally.early_estimates),
            with_overrun: EstimatePerformance::new(truth, &tally.estimates_with_overrun),
            median_unbiased: EstimatePerformance::new(truth, &tally.median_unbiased),
            median_unbiased_stopped_early: EstimatePerformance::new(
                truth,
                &tally.early_median_unbiased,
            ),
        }
    }
}

impl EstimatePerformance {
    pub(super) fn new(truth: Option<f64>, tally: &EstimateTally) -> Self {
        let mean = McEstimate::mean(&tally.estimates);
        let mse = McEstimate::mean(&tally.squared_errors);
        let rmse = mse.value.sqrt();
        let above_truth = McEstimate::proportion(tally.above_twice, 2 * mse.n);
        // The error is that of n estimates, not of 2n halves; with the few that equal the truth it is a
        // little too large.
        // Neither may the limit of a proportion of 0 or 1 be that of 2n halves.
        let limit_95 = match tally.above_twice {
            0 => McEstimate::proportion(0, mse.n).limit_95,
            all if all == 2 * mse.n => McEstimate::proportion(mse.n, mse.n).limit_95,
            _ => None,
        };
        let mcse = above_truth.mcse * std::f64::consts::SQRT_2;
        Self {
            mean,
            bias: match truth {
                Some(truth) => McEstimate { value: mean.value - truth, ..mean },
                // Truths drawn from the prior differ between replicates, so the errors are averaged; this
                // is NaN without a truth.
                None => McEstimate::mean(&tally.errors),
            },
            // Delta method: d√x = dx/(2√x).
            rmse: McEstimate::new(rmse, mse.mcse / (2.0 * rmse), mse.n),
            coverage: McEstimate::proportion(tally.covered, mse.n),
            above_truth: McEstimate { n: mse.n, mcse, limit_95, ..above_truth },
        }
    }
}
