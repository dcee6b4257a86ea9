//! Operating characteristics: what replicates are folded into, and what is read off in the end.
//!
//! Tallies are counts and exact sums, so that merging them in any order gives the same bits.
//! Every figure carries its Monte-Carlo standard error; formulas for the errors are those of
//! Morris, White & Crowther (2019), Stat Med 38:2074, table 6, unless said.

pub mod checkpoint;
mod centres;
mod control;
mod description;
mod moments;
mod named;
mod outcomes;
mod prior;
pub mod procedure;
mod safety;
mod tally;

use serde::Serialize;

use crate::expected::Expected;
use crate::scenario::{Scenario, Truth};
pub use centres::CentreSummary;
pub use control::ReducedEstimate;
pub use description::{CutSummary, DescriptionSummary, SubgroupSummary};
use moments::Histogram;
pub(crate) use moments::Moments;
pub(crate) use named::error_of_difference_to_stop_by;
pub use named::{NamedFigure, Sampled, UnknownFigure};
pub use outcomes::OutcomeShares;
pub use prior::{PredictiveSummary, PriorAnalysis, PriorSummary};
use procedure::ProcedureSummary;
pub use safety::{SafetyLook, SafetySummary};
pub use tally::Tally;
use tally::{AnalysisTally, EstimateTally};

/// A simulated figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McEstimate {
    /// The figure; NaN (null in JSON) when no replicate contributes.
    pub value: f64,
    /// Its Monte-Carlo standard error; NaN (null in JSON) where it has none, as for a maximum.
    pub mcse: f64,
    /// Replicates it is made from.
    pub n: u64,
    /// Of a proportion of 0 or 1, whose error is 0 although it is not certain: the one-sided 95 %
    /// limit of Clopper & Pearson (1934, Biometrika 26:404), above 0 or below 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_95: Option<f64>,
}

impl McEstimate {
    /// With no limit.
    pub(crate) fn new(value: f64, mcse: f64, n: u64) -> Self {
        Self { value, mcse, n, limit_95: None }
    }

    /// A proportion, with error √(p(1 − p)/n).
    pub(crate) fn proportion(count: u64, n: u64) -> Self {
        let value = count as f64 / n as f64;
        let mcse = (value * (1.0 - value) / n as f64).sqrt();
        // All n replicates are alike with a probability of 0.05 at the limit.
        let all_alike = libm::pow(0.05, 1.0 / n as f64);
        let limit_95 = match count {
            _ if n == 0 => None,
            0 => Some(1.0 - all_alike),
            _ if count == n => Some(all_alike),
            _ => None,
        };
        Self { value, mcse, n, limit_95 }
    }

    /// The mean of what every replicate gave.
    pub(crate) fn mean(moments: &Moments) -> Self {
        let n = moments.n();
        Self::new(moments.mean(), moments.sd() / (n as f64).sqrt(), n)
    }

    /// A standard deviation, with its error in a normal distribution, σ/√(2(n − 1)).
    fn sd(moments: &Moments) -> Self {
        let n = moments.n();
        let value = moments.sd();
        Self::new(value, value / (2.0 * (n as f64 - 1.0)).sqrt(), n)
    }

    /// Mean of a count.
    fn histogram_mean(histogram: &Histogram, scale: f64) -> Self {
        let (mean, sd) = histogram.mean_sd();
        let n = histogram.n();
        Self::new(mean * scale, sd * scale / (n as f64).sqrt(), n)
    }

    /// A quantile of a count.
    fn quantile(histogram: &Histogram, p: f64, scale: f64) -> Self {
        Self::quantile_by(|p| histogram.quantile(p), histogram.n(), p, scale)
    }

    /// A quantile of a continuous quantity that was rounded to `scale`.
    fn quantile_of_rounded(histogram: &Histogram, p: f64, scale: f64) -> Self {
        Self::quantile_by(|p| histogram.quantile_of_rounded(p), histogram.n(), p, scale)
    }

    /// Its error is half the distance between the quantiles one binomial standard error to either
    /// side.
    fn quantile_by(quantile: impl Fn(f64) -> f64, n: u64, p: f64, scale: f64) -> Self {
        let reach = (p * (1.0 - p) / n as f64).sqrt();
        let width = quantile(p + reach) - quantile(p - reach);
        Self::new(quantile(p) * scale, 0.5 * width * scale, n)
    }
}

/// All that a run has to say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatingCharacteristics {
    /// The alternative, then the null twin, then the prior where there is one.
    pub truths: Vec<TruthSummary>,
    /// What the prior makes of the design, where there is one.
    pub prior: Option<PriorSummary>,
    /// Under the alternative, where there is a procedure.
    pub procedure: Option<ProcedureSummary>,
}

/// Operating characteristics under one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TruthSummary {
    /// `alternative`, `null` or `prior`.
    pub truth: &'static str,
    /// In the order of the scenario.
    pub analyses: Vec<AnalysisSummary>,
    /// The odds ratio of mRS ≤ j, j = 0 … 5, between patients of one stratum and centre; null where an
    /// arm has nobody on one side of the cut, and under the prior. Without prognostic factors, and
    /// centres that differ, it is the marginal one.
    pub odds_ratios_within_stratum: [Option<f64>; 6],
    /// Odds ratios cut by cut and subgroups, where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<DescriptionSummary>,
    /// Adverse events, where any are followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub safety: Vec<SafetySummary>,
    /// The same under every truth, as allocation does not look at outcomes.
    pub balance: Balance,
}

/// What one analysis makes of the trials of one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnalysisSummary {
    /// Name in the scenario.
    pub name: String,
    /// As in the scenario.
    pub method: &'static str,
    /// P(efficacy at any look): power under the alternative, one-sided type I error under the null,
    /// assurance under the prior.
    pub rejection: McEstimate,
    /// The same with less noise, by control variate; absent where that is not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection_reduced: Option<ReducedEstimate>,
    /// How the trials ended; the shares add up to 1.
    pub outcomes: OutcomeShares,
    /// What stopping for safety does to that, where it can happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_of_safety: Option<PriceOfSafety>,
    /// P(efficacy at any look) of the same trials with every stop disregarded that the efficacy boundaries
    /// do not rely on: futility that is not binding, harm, adverse events. Absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection_stops_disregarded: Option<McEstimate>,
    /// The closed form beside it; null where it has none, as when everyone has a success, and under
    /// the prior.
    pub normal_approximation: Option<NormalApproximation>,
    /// How that is found, or why there is none.
    pub formula: String,
    /// Look by look; the last is the final one.
    pub looks: Vec<LookSummary>,
    /// Patients randomised, with those who came until the decision.
    pub n_randomised: SizeSummary,
    /// Outcomes in the analysis that ended the trial.
    pub n_analysed: SizeSummary,
    /// Months from the opening of the trial to the decision.
    pub duration_months: McEstimate,
    /// Patients randomised whose follow-up had not ended at the decision, over all trials (0 at a final
    /// look).
    pub overrun: McEstimate,
    /// P(the trial stopped early and the analysis repeated with the overrun's outcomes, against
    /// the critical value of a final look of that size, reaches the other conclusion).
    pub reversal: McEstimate,
    /// Its part after a stop for efficacy.
    pub reversal_after_efficacy: McEstimate,
    /// Its part after a stop for futility.
    pub reversal_after_futility: McEstimate,
    /// Its part after a stop for harm.
    pub reversal_after_harm: McEstimate,
    /// The estimate when the trial ends.
    pub estimate: EstimateSummary,
    /// Replicates without an estimate in the end (an arm empty; a ratio where all outcomes are alike
    /// or the arms separated). They stay in every denominator but the estimate's.
    pub fit_failures: u64,
    /// Looks whose statistic could not be computed, over all replicates; such a look never stops.
    pub failed_looks: u64,
}

/// P(efficacy) and stopping for adverse events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriceOfSafety {
    /// P(efficacy at any look), did adverse events stop nothing, of the same trials.
    pub rejection_without: McEstimate,
    /// What is lost of it: P(the trial is stopped for safety and would have shown efficacy).
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

/// One look. Means are over the replicates that reach it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LookSummary {
    /// From 1.
    pub look: usize,
    /// Outcomes planned.
    pub planned_analysed: u32,
    /// Planned share of the maximum information.
    pub information_fraction: f64,
    /// Planned critical value; null where the look cannot stop for efficacy. The final look's is
    /// recomputed from the outcomes that are known.
    pub z_efficacy: Option<f64>,
    /// Futility bound; null where there is none.
    pub z_futility: Option<f64>,
    /// Harm bound; null where there is none. The final look's is recomputed too.
    pub z_harm: Option<f64>,
    /// P(stop here for efficacy); at the final look, P(reject there).
    pub efficacy: McEstimate,
    /// P(efficacy here or before).
    pub efficacy_cumulative: McEstimate,
    /// P(stop here for futility).
    pub futility: McEstimate,
    /// P(futility here or before).
    pub futility_cumulative: McEstimate,
    /// P(stop here for harm); at the final look, P(harm is shown there).
    pub harm: McEstimate,
    /// P(harm here or before).
    pub harm_cumulative: McEstimate,
    /// P(stop here for safety), where adverse events can stop the trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety: Option<McEstimate>,
    /// P(safety here or before).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_cumulative: Option<McEstimate>,
    /// P(the look takes place).
    pub reached: McEstimate,
    /// Patients randomised by the day of the data.
    pub n_randomised: McEstimate,
    /// Outcomes known by then.
    pub n_analysed: McEstimate,
    /// Patients randomised by then whose follow-up has not ended.
    pub overrun: McEstimate,
    /// Calendar month of the data.
    pub month: McEstimate,
    /// The decision, which may come later than the data.
    pub decision: DecisionSummary,
}

/// Means when a look decides, over the replicates that reach it.
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
    /// 80th percentile.
    pub p80: McEstimate,
    /// 95th percentile.
    pub p95: McEstimate,
    /// Largest seen.
    pub max: McEstimate,
}

/// The estimate when the trial ends, with its 95 % interval, ignoring the looks and allowing for
/// them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EstimateSummary {
    /// The name of an [`EffectScale`](crate::analysis::EffectScale).
    pub scale: &'static str,
    /// The value aimed at: that of an ever larger trial; null where it has none. Under the prior it
    /// is null too, and bias, error and coverage are against the effect drawn for each replicate.
    pub truth: Option<f64>,
    /// Over all trials, ignoring the looks.
    #[serde(flatten)]
    pub overall: EstimatePerformance,
    /// Over trials that stopped at an interim look, ignoring the looks.
    pub stopped_early: EstimatePerformance,
    /// Over all trials, once all who were randomised have been followed to their end.
    pub with_overrun: EstimatePerformance,
    /// The median-unbiased estimate with its interval by stage-wise ordering, over all trials.
    pub median_unbiased: EstimatePerformance,
    /// The same over trials that stopped at an interim look.
    pub median_unbiased_stopped_early: EstimatePerformance,
}

/// How close an estimate comes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EstimatePerformance {
    /// Mean estimate.
    pub mean: McEstimate,
    /// Mean estimate minus truth.
    pub bias: McEstimate,
    /// Root mean square error.
    pub rmse: McEstimate,
    /// P(the 95 % interval holds the truth).
    pub coverage: McEstimate,
    /// P(the estimate is above the truth), one that is at it counting half: ½ without median bias.
    pub above_truth: McEstimate,
}

/// How evenly patients are allocated when all are randomised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Balance {
    /// In the whole trial.
    pub arm_difference: Imbalance,
    /// Within each level of each factor.
    pub levels: Vec<LevelBalance>,
    /// What that costs in predictability.
    pub correct_guesses: CorrectGuesses,
    /// Both within centres, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centres: Option<CentreSummary>,
}

/// Share of patients whose arm is guessed by the convergence strategy of Blackwell & Hodges (1957, Ann
/// Math Stat 28:449): the arm that is behind so far, relative to the ratio; in a tie the larger arm,
/// where the arms are equal half a guess on each. Complete randomisation of equal arms leaves ½.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CorrectGuesses {
    /// By someone who sees the arms of all patients so far.
    pub whole_trial: McEstimate,
    /// By someone who sees only those of the patient's own stratum, a combination of all factors.
    pub within_strata: McEstimate,
}

/// |n_e − n_c| in a 1:1 trial; with another ratio, twice the distance of n_e from its share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Imbalance {
    /// Mean absolute difference.
    pub mean: McEstimate,
    /// 95th percentile.
    pub p95: McEstimate,
}

/// Balance within a level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelBalance {
    /// Name of the factor.
    pub factor: String,
    /// Name of the level.
    pub level: String,
    /// Among patients of this level.
    pub arm_difference: Imbalance,
}

impl OperatingCharacteristics {
    /// Reads the figures off a tally of the scenario's replicates.
    pub fn new(scenario: &Scenario, tally: &Tally) -> Self {
        let expected = Expected::new(scenario);
        let truths = scenario.truths().iter().map(|&truth| TruthSummary {
            truth: truth.name(),
            analyses: (0..scenario.analyses.len())
                .map(|analysis| AnalysisSummary::new(&expected, scenario, truth, analysis, tally))
                .collect(),
            odds_ratios_within_stratum: scenario.odds_ratios_within_stratum(truth),
            description: scenario.description.as_ref().zip(tally.description(truth)).map(
                |(description, tally)| DescriptionSummary::new(scenario, truth, description, tally),
            ),
            safety: scenario.safety.as_ref().map_or_else(Vec::new, |safety| {
                (0..safety.endpoints.len())
                    .zip(tally.safety(truth))
                    .map(|(endpoint, tally)| {
                        SafetySummary::new(&expected, truth, safety, endpoint, tally)
                    })
                    .collect()
            }),
            balance: Balance::new(scenario, tally),
        });
        let procedure =
            tally.procedures().and_then(|tallies| ProcedureSummary::new(scenario, tallies));
        let prior = PriorSummary::new(&expected, scenario, tally);
        Self { truths: truths.collect(), prior, procedure }
    }
}

impl AnalysisSummary {
    fn new(
        expected: &Expected<'_>,
        scenario: &Scenario,
        truth: Truth,
        analysis: usize,
        whole: &Tally,
    ) -> Self {
        let tally = whole.of(truth, analysis);
        let method = &scenario.analyses[analysis].method;
        let n = tally.n();
        let proportion = |count| McEstimate::proportion(count, n);
        let written = &scenario.analyses[analysis];
        let closed_form = expected.normal_approximation(truth, written).ok();
        let [after_efficacy, after_futility, after_harm] = tally.reversals;
        Self {
            name: scenario.analyses[analysis].name.clone(),
            method: method.name(),
            rejection: tally.rejection(),
            rejection_reduced: whole.reduced(truth, analysis),
            outcomes: OutcomeShares::new(tally, scenario.stops_for_safety()),
            price_of_safety: scenario.stops_for_safety().then(|| {
                let [without, stopped] =
                    [tally.efficacy_without_safety, tally.stopped_for_safety()];
                let lost = without - tally.efficacies();
                PriceOfSafety {
                    rejection_without: proportion(without),
                    lost: proportion(lost),
                    stopped: proportion(stopped),
                }
            }),
            rejection_stops_disregarded: scenario
                .has_stops_to_disregard()
                .then(|| proportion(tally.efficacy_stops_disregarded)),
            normal_approximation: closed_form.map(|closed_form| NormalApproximation {
                rejection: closed_form.rejection(),
                efficacy: closed_form.efficacy,
                futility: closed_form.futility,
                harm: closed_form.harm,
            }),
            formula: expected.formula_in_words(truth, written),
            looks: (0..tally.looks.len()).map(|k| LookSummary::new(scenario, tally, k)).collect(),
            n_randomised: SizeSummary::new(&tally.n_randomised),
            n_analysed: SizeSummary::new(&tally.n_analysed),
            duration_months: McEstimate::mean(&tally.duration_months),
            overrun: McEstimate::mean(&tally.overrun),
            reversal: proportion(after_efficacy + after_futility + after_harm),
            reversal_after_efficacy: proportion(after_efficacy),
            reversal_after_futility: proportion(after_futility),
            reversal_after_harm: proportion(after_harm),
            estimate: EstimateSummary {
                scale: method.scale().name(),
                truth: tally.estimand,
                overall: EstimatePerformance::new(tally.estimand, &tally.estimates),
                stopped_early: EstimatePerformance::new(tally.estimand, &tally.early_estimates),
                with_overrun: EstimatePerformance::new(
                    tally.estimand,
                    &tally.estimates_with_overrun,
                ),
                median_unbiased: EstimatePerformance::new(tally.estimand, &tally.median_unbiased),
                median_unbiased_stopped_early: EstimatePerformance::new(
                    tally.estimand,
                    &tally.early_median_unbiased,
                ),
            },
            fit_failures: n - tally.estimates.estimates.n(),
            failed_looks: tally.failed_looks,
        }
    }
}

impl LookSummary {
    fn new(scenario: &Scenario, tally: &AnalysisTally, k: usize) -> Self {
        let planned = &scenario.design.looks()[k];
        let look = &tally.looks[k];
        let proportion = |count| McEstimate::proportion(count, tally.n());
        let so_far = &tally.looks[..=k];
        let stops_for_safety = scenario.stops_for_safety();
        Self {
            look: k + 1,
            planned_analysed: planned.analysed,
            information_fraction: planned.information_fraction,
            z_efficacy: planned.efficacy.is_finite().then_some(planned.efficacy),
            z_futility: planned.futility.is_finite().then_some(planned.futility),
            z_harm: planned.harm.is_finite().then_some(planned.harm),
            efficacy: proportion(look.efficacy),
            efficacy_cumulative: proportion(so_far.iter().map(|look| look.efficacy).sum()),
            futility: proportion(look.futility),
            futility_cumulative: proportion(so_far.iter().map(|look| look.futility).sum()),
            harm: proportion(look.harm),
            harm_cumulative: proportion(so_far.iter().map(|look| look.harm).sum()),
            safety: stops_for_safety.then(|| proportion(look.safety)),
            safety_cumulative: stops_for_safety
                .then(|| proportion(so_far.iter().map(|look| look.safety).sum())),
            reached: proportion(look.month.n()),
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
    fn new(histogram: &Histogram) -> Self {
        let max = McEstimate::new(histogram.max(), f64::NAN, histogram.n());
        Self {
            mean: McEstimate::histogram_mean(histogram, 1.0),
            p80: McEstimate::quantile(histogram, 0.80, 1.0),
            p95: McEstimate::quantile(histogram, 0.95, 1.0),
            max,
        }
    }
}

impl EstimatePerformance {
    fn new(truth: Option<f64>, tally: &EstimateTally) -> Self {
        let mean = McEstimate::mean(&tally.estimates);
        let mse = McEstimate::mean(&tally.squared_errors);
        let rmse = mse.value.sqrt();
        let above_truth = McEstimate::proportion(tally.above_twice, 2 * mse.n);
        // Of n estimates, not 2n; the few at the truth make this a little too large.
        let above_truth =
            McEstimate { mcse: above_truth.mcse * std::f64::consts::SQRT_2, ..above_truth };
        Self {
            mean,
            bias: match truth {
                Some(truth) => McEstimate { value: mean.value - truth, ..mean },
                // Drawn truths differ, so the errors are averaged; there are none without a truth.
                None => McEstimate::mean(&tally.errors),
            },
            // By the delta method.
            rmse: McEstimate::new(rmse, mse.mcse / (2.0 * rmse), mse.n),
            coverage: McEstimate::proportion(tally.covered, mse.n),
            above_truth: McEstimate { n: mse.n, ..above_truth },
        }
    }
}

impl Balance {
    fn new(scenario: &Scenario, tally: &Tally) -> Self {
        let imbalances = tally.imbalances();
        let scale = 1.0 / f64::from(scenario.ratio.parts());
        let imbalance = |histogram: &Histogram| Imbalance {
            mean: McEstimate::histogram_mean(histogram, scale),
            p95: McEstimate::quantile(histogram, 0.95, scale),
        };
        let levels = scenario.population.factors().iter().flat_map(|factor| {
            factor.levels.iter().map(|level| (factor.name.clone(), level.clone()))
        });
        Self {
            arm_difference: imbalance(&imbalances[0]),
            levels: levels
                .zip(&imbalances[1..])
                .map(|((factor, level), histogram)| LevelBalance {
                    factor,
                    level,
                    arm_difference: imbalance(histogram),
                })
                .collect(),
            correct_guesses: CorrectGuesses::new(scenario.randomised, tally.correct_guesses()),
            centres: tally.centres().and_then(|tally| CentreSummary::new(scenario, tally)),
        }
    }
}

impl CorrectGuesses {
    fn new(patients: u32, halves: &[Moments; 2]) -> Self {
        let [whole_trial, within_strata] = halves.each_ref().map(|moments| {
            let McEstimate { value, mcse, n, .. } = McEstimate::mean(moments);
            let all = 2.0 * f64::from(patients);
            McEstimate::new(value / all, mcse / all, n)
        });
        Self { whole_trial, within_strata }
    }
}
