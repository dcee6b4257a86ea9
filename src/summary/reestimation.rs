//! Trials that re-estimate their number of patients: zones, sizes, both statistics and both estimates.

use serde::{Deserialize, Serialize};

use super::McEstimate;
use super::analysis::{EstimatePerformance, SizeSummary};
use super::analysis_tally::{AnalysisTally, EstimateTally};
use super::merge::{merge_fields, sum};
use super::moments::{ExactMoments, Histogram};
use crate::design::reestimation::{ReestimationCharacteristics, Zone, ZoneCharacteristics};
use crate::expected::Expected;
use crate::scenario::{Analysis, Scenario, SizeRule, Truth};
use crate::trial::TrialResult;

/// A re-estimation of the number of patients as one analysis sees it, under one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReestimationSummary {
    /// Name of the rule, as in the scenario.
    pub rule: &'static str,
    /// P(the look that re-estimates takes place).
    pub reached: McEstimate,
    /// P(more patients than planned at the final look).
    pub increased: McEstimate,
    /// P(fewer patients than planned at the final look).
    pub decreased: McEstimate,
    /// P(the largest number of patients at the final look).
    pub at_maximum: McEstimate,
    /// P(recruitment paused for the decision, as all planned patients had been randomised, and more
    /// patients followed).
    pub paused: McEstimate,
    /// Patients of trials that reached the final look.
    pub final_size: SizeSummary,
    /// P(efficacy at any look) if the statistic of a changed size is the weighted one; null for a blinded
    /// rule.
    pub weighted: Option<McEstimate>,
    /// P(efficacy at any look) if it is the conventional one; null for a blinded rule.
    pub conventional: Option<McEstimate>,
    /// By numerical integration in the normal model; null without it.
    pub integrated: Option<IntegratedReestimation>,
    /// Zones of the interim result, by increasing Z; empty for a blinded rule.
    pub zones: Vec<ZoneSummary>,
    /// Conventional estimate of trials whose size changed, which ignores the change.
    pub naive_changed: EstimatePerformance,
    /// Weighted estimate of trials whose size changed; for a blinded rule the median-unbiased one.
    pub weighted_changed: EstimatePerformance,
}

/// Operating characteristics by numerical integration in the normal model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IntegratedReestimation {
    /// P(efficacy) by the weighted statistic.
    pub weighted: f64,
    /// P(efficacy) by the conventional statistic.
    pub conventional: f64,
    /// P(efficacy) without re-estimation.
    pub fixed: f64,
    /// Mean number of outcomes.
    pub expected_analysed: f64,
    /// P(the largest number of patients).
    pub at_maximum: f64,
}

/// Trials whose interim result is in one zone, those that stop there included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZoneSummary {
    /// `unfavourable`, `promising` or `favourable`.
    pub zone: &'static str,
    /// P(the interim result is in the zone).
    pub probability: McEstimate,
    /// The same by numerical integration; null without it.
    pub probability_integrated: Option<f64>,
    /// P(efficacy given the zone) by the statistic of the scenario.
    pub rejection: McEstimate,
    /// The same by numerical integration; null without it.
    pub rejection_integrated: Option<f64>,
    /// Mean number of patients randomised, given the zone.
    pub n_randomised: McEstimate,
    /// Mean number of outcomes, given the zone.
    pub n_analysed: McEstimate,
    /// The same by numerical integration; null without it.
    pub n_analysed_integrated: Option<f64>,
}

/// Counts of trials that re-estimate their number of patients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SizeTally {
    // These three come from the scenario, which is read again when a run is resumed.
    /// Planned patients, largest number of patients, and planned efficacy bound of the final look.
    #[serde(skip)]
    planned: u32,
    #[serde(skip)]
    maximum: u32,
    #[serde(skip)]
    bound: f64,
    n: u64,
    reached: u64,
    increased: u64,
    decreased: u64,
    at_maximum: u64,
    paused: u64,
    weighted: u64,
    conventional: u64,
    final_size: Histogram,
    zones: [ZoneTally; 3],
    naive_changed: EstimateTally,
    weighted_changed: EstimateTally,
}

merge_fields!(SizeTally {
    n,
    reached,
    increased,
    decreased,
    at_maximum,
    paused,
    weighted,
    conventional,
    final_size,
    zones,
    naive_changed,
    weighted_changed,
} keep { planned, maximum, bound });

/// Counts of trials in one zone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct ZoneTally {
    efficacy: u64,
    n_randomised: ExactMoments,
    n_analysed: ExactMoments,
}

merge_fields!(ZoneTally { efficacy, n_randomised, n_analysed });

impl SizeTally {
    /// A tally of no trials; `None` if the scenario re-estimates nothing.
    pub fn new(scenario: &Scenario) -> Option<Self> {
        let size = scenario.adaptation.size.as_ref()?;
        Some(Self {
            planned: size.planned,
            maximum: size.maximum,
            // Unblinded rules re-estimate at the last interim look, and keep the planned bound of
            // the final one.
            bound: scenario.design.looks()[size.look + 1].efficacy,
            n: 0,
            reached: 0,
            increased: 0,
            decreased: 0,
            at_maximum: 0,
            paused: 0,
            weighted: 0,
            conventional: 0,
            final_size: Histogram::default(),
            zones: Default::default(),
            naive_changed: EstimateTally::default(),
            weighted_changed: EstimateTally::default(),
        })
    }

    /// Adds a trial, with the value that its estimate approaches.
    pub fn add(&mut self, trial: &TrialResult, estimand: Option<f64>) {
        self.n += 1;
        let has_efficacy = trial.conclusion == crate::trial::Conclusion::Efficacy;
        // A trial that ended before the look was decided by the same statistic in both designs.
        let Some(size) = trial.size else {
            self.weighted += u64::from(has_efficacy);
            self.conventional += u64::from(has_efficacy);
            return;
        };
        self.reached += 1;
        let by_statistic = size.efficacy(trial.conclusion, self.bound);
        self.weighted += u64::from(by_statistic.weighted);
        self.conventional += u64::from(by_statistic.conventional);
        if let Some(decided) = size.decided {
            self.increased += u64::from(decided > self.planned);
            self.decreased += u64::from(decided < self.planned);
            self.at_maximum += u64::from(decided == self.maximum);
            self.final_size.add(decided);
        }
        if let Some(zone) = size.zone {
            let tally = &mut self.zones[zone as usize];
            tally.efficacy += u64::from(has_efficacy);
            tally.n_randomised.add(f64::from(trial.n_randomised));
            tally.n_analysed.add(f64::from(trial.n_analysed));
        }
        let Some(changed) = size.changed else { return };
        self.paused += u64::from(changed.paused_days > 0.0);
        // Trials of the planned size have one estimate, and are in the tally of all trials.
        if trial.has_estimate() {
            let (low, high) = trial.test.interval;
            self.naive_changed.add(estimand, trial.test.estimate, low, high);
            let (low, high) = trial.stagewise_interval;
            // Nothing is added if adjusted estimates are skipped.
            if !trial.median_unbiased.is_nan() {
                self.weighted_changed.add(estimand, trial.median_unbiased, low, high);
            }
        }
    }

    /// Whether `n` replicates can have these counts.
    pub fn is_of(&self, n: u64) -> bool {
        let by_size = [self.increased, self.decreased, self.at_maximum, self.paused];
        // No other count says how many trials went on to the final look, so that the histogram is
        // asked for its own number, which the trials that reached the look must contain.
        let final_looks = self.final_size.n();
        self.n == n
            && [self.reached, self.weighted, self.conventional].iter().all(|&count| count <= n)
            && final_looks <= self.reached
            && self.final_size.is_of(final_looks, self.maximum)
            && by_size.iter().all(|&count| count <= final_looks)
            && sum(self.zones.iter().map(|zone| zone.n_randomised.n())) <= u128::from(self.reached)
            && self.zones.iter().all(|zone| {
                let in_zone = zone.n_randomised.n();
                zone.efficacy <= in_zone
                    && zone.n_randomised.is_of(in_zone, f64::from(self.maximum))
                    && zone.n_analysed.is_of(in_zone, f64::from(self.maximum))
            })
            && self.naive_changed.is_possible(final_looks)
            && self.weighted_changed.is_possible(final_looks)
    }

    fn share(&self, count: u64) -> McEstimate {
        McEstimate::proportion(count, self.n)
    }
}

impl ReestimationSummary {
    /// Reads the re-estimation off a tally; `None` if the scenario has none.
    pub(super) fn new(
        expected: &Expected<'_>,
        scenario: &Scenario,
        truth: Truth,
        analysis: &Analysis,
        whole: &AnalysisTally,
    ) -> Option<Self> {
        let tally = whole.size.as_ref()?;
        let written = scenario.file().adaptation.as_ref()?.size.as_ref()?;
        let is_unblinded = match scenario.adaptation.size.as_ref()?.rule {
            SizeRule::Unblinded { .. } => true,
            SizeRule::Blinded { .. } => false,
        };
        let found = expected.reestimation(truth, analysis).ok();
        let zones = Zone::ALL.iter().filter(|_| is_unblinded).map(|&zone| {
            let of = &tally.zones[zone as usize];
            let integrated = found.as_ref().map(|found| found.zones[zone as usize]);
            ZoneSummary::new(tally, zone, of, integrated, written.is_weighted())
        });
        Some(Self {
            rule: written.rule(),
            reached: tally.share(tally.reached),
            increased: tally.share(tally.increased),
            decreased: tally.share(tally.decreased),
            at_maximum: tally.share(tally.at_maximum),
            paused: tally.share(tally.paused),
            final_size: SizeSummary::new(&tally.final_size),
            weighted: is_unblinded.then(|| tally.share(tally.weighted)),
            conventional: is_unblinded.then(|| tally.share(tally.conventional)),
            integrated: found.as_ref().map(IntegratedReestimation::new),
            zones: zones.collect(),
            naive_changed: EstimatePerformance::new(whole.estimand, &tally.naive_changed),
            weighted_changed: EstimatePerformance::new(whole.estimand, &tally.weighted_changed),
        })
    }
}

impl IntegratedReestimation {
    fn new(found: &ReestimationCharacteristics) -> Self {
        Self {
            weighted: found.weighted,
            conventional: found.conventional,
            fixed: found.fixed,
            expected_analysed: found.expected_size,
            at_maximum: found.at_maximum,
        }
    }
}

impl ZoneSummary {
    fn new(
        all: &SizeTally,
        zone: Zone,
        tally: &ZoneTally,
        integrated: Option<ZoneCharacteristics>,
        is_weighted: bool,
    ) -> Self {
        let in_zone = tally.n_randomised.n();
        // A zone that never happens has no rejections to share.
        let given = |value: f64| Some(value).filter(|value| value.is_finite());
        Self {
            zone: zone.name(),
            probability: all.share(in_zone),
            probability_integrated: integrated.map(|it| it.probability),
            rejection: McEstimate::proportion(tally.efficacy, in_zone),
            rejection_integrated: integrated
                .and_then(|it| given(if is_weighted { it.weighted } else { it.conventional })),
            n_randomised: McEstimate::mean(&tally.n_randomised),
            n_analysed: McEstimate::mean(&tally.n_analysed),
            n_analysed_integrated: integrated.and_then(|it| given(it.expected_size)),
        }
    }
}
