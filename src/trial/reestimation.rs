//! The number of patients of a trial that re-estimates it at an interim look.
//!
//! The cohort is drawn up to the maximum. A trial has the planned number of its first patients until the
//! decision, and afterwards the number that follows from the look: more of them are randomised, or fewer,
//! but never fewer than have been randomised by the decision.
//!
//! If all planned patients have been randomised before the decision, recruitment pauses until then; later
//! patients arrive at the same intervals after the pause.

use super::cohort::PatientSelection;
use super::{
    Conclusion, FollowedCohort, LookIndex, LookMoment, PatientsSoFar, PhaseObserver, Simulator,
};
use crate::analysis::{Statistic, TestResult};
use crate::design::inference::StagewiseEstimate;
use crate::design::reestimation::{FinalStatistic, PromisingZone, Zone};
use crate::scenario::{Analysis, AnalysisSet, Scenario, SizeRule};

/// A re-estimation in one trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SizeResult {
    /// Zone of the interim result, which may have stopped the trial; `None` for a blinded rule, and for a
    /// look without a statistic.
    pub zone: Option<Zone>,
    /// What the rule observed: conditional power at the planned size, or the rate or variance of both
    /// arms together; NaN for a look without a statistic.
    pub observed: f64,
    /// Patients at the final look that were decided; `None` if the trial ended before.
    pub decided: Option<u32>,
    /// The final look, if the number of patients is not the planned one and the trial reached it.
    pub changed: Option<ChangedSize>,
}

/// The final look of a trial whose number of patients is not the planned one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangedSize {
    /// Day and patients.
    pub moment: LookMoment,
    /// Days by which recruitment paused for the decision.
    pub paused_days: f64,
    /// Z of all patients together; NaN if there is none.
    pub conventional: f64,
    /// Z of both stages by the weights that were planned; NaN if there is none, and for a blinded rule.
    pub weighted: f64,
}

/// Conclusions by either statistic, of a trial that re-estimates its number of patients without
/// knowledge of the arms or with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SizeEfficacy {
    /// Efficacy by the weighted statistic.
    pub weighted: bool,
    /// Efficacy by the conventional statistic.
    pub conventional: bool,
}

/// A final look of another number of patients than planned, while the trial is analysed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resized {
    /// The interim look that decided it.
    decided_at: LookIndex,
    /// Z of that look.
    interim_z: f64,
    pub final_look: ChangedSize,
}

/// The final look as analysed.
pub(super) struct FinalAnalysis {
    /// The statistic that decides.
    pub statistic: Statistic,
    pub conclusion: Conclusion,
}

impl SizeResult {
    /// Returns whether either statistic shows efficacy, in a trial with this conclusion, given the bound
    /// of the final look as planned.
    pub fn efficacy(&self, conclusion: Conclusion, bound: f64) -> SizeEfficacy {
        let has_efficacy = conclusion == Conclusion::Efficacy;
        match self.changed {
            // A blinded rule has one statistic.
            Some(ChangedSize { weighted, conventional, .. }) if self.zone.is_some() => {
                SizeEfficacy { weighted: weighted >= bound, conventional: conventional >= bound }
            }
            Some(_) | None => SizeEfficacy { weighted: has_efficacy, conventional: has_efficacy },
        }
    }
}

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Notes what the rule observes at a look, if it is the one that re-estimates the size.
    pub(super) fn observe_size(&mut self, look: LookIndex, z: Option<f64>) {
        let Some(rule) = &self.simulator.scenario.adaptation.size else { return };
        if look.is_final || look.planned != rule.look {
            return;
        }
        let observed = match &rule.rule {
            SizeRule::Unblinded { zone, .. } => z.map_or(f64::NAN, |z| zone.conditional_power(z)),
            SizeRule::Blinded { by, .. } => by.observed(&self.all_known(look)),
        };
        let zone = z.and_then(|z| rule.zone(z));
        self.size = Some(SizeResult { zone, observed, decided: None, changed: None });
    }

    /// Decides the number of patients after a look that does not stop the trial, if it is the one that
    /// re-estimates the size, and prepares the final look of that many.
    pub(super) fn decide_size(&mut self, analysis: &Analysis, look: LookIndex, z: Option<f64>) {
        let Some(rule) = &self.simulator.scenario.adaptation.size else { return };
        if look.is_final || look.planned != rule.look {
            return;
        }
        let by_decision = self.moment(look).at_decision.randomised;
        // Patients who have been randomised remain in the trial.
        let decided = rule.size(z, &self.all_known(look)).max(by_decision);
        if let Some(size) = &mut self.size {
            size.decided = Some(decided);
        }
        if decided != rule.planned {
            self.resize(analysis, look, z.unwrap_or(f64::NAN), decided);
        }
    }

    fn all_known(&self, look: LookIndex) -> crate::analysis::OutcomeTable {
        self.simulator.known[AnalysisSet::IntentionToTreat as usize][look.taken].all
    }

    /// Prepares the final look of another number of patients.
    fn resize(&mut self, analysis: &Analysis, look: LookIndex, interim_z: f64, randomised: u32) {
        let decision_day = self.moment(look).decision_day;
        let Simulator { scenario, cohort, resized, second_stage, known, .. } = &mut *self.simulator;
        let last = randomised as usize - 1;
        let planned = scenario.randomised as usize;
        let arrivals = &cohort.enrolled.arrival_days;
        // Below 0 if the planned patients are still arriving at the decision: recruitment never
        // stops.
        let pause = (decision_day - arrivals[planned - 1]).max(0.0);
        // A smaller trial ends before the planned number is reached, at which recruitment pauses.
        let paused_days = if randomised > scenario.randomised { pause } else { 0.0 };
        let day = scenario.follow_up.closes(arrivals[last] + paused_days);
        // A final look waits for the last patient, so that no patient is still in follow-up.
        let all = PatientsSoFar { randomised, overrun: 0 };
        let moment = LookMoment {
            day,
            analysed: cohort.known_by_patient(last),
            at_data: all,
            decision_day: day + scenario.decision_lag_days,
            at_decision: all,
        };
        let selection = PatientSelection::FirstRandomised(randomised);
        cohort.fill(resized, scenario.detail, selection, analysis.set);
        // Patients with an outcome at the look are the first stage, all others the second.
        second_stage.clone_from(resized);
        second_stage.remove(&known[analysis.set as usize][look.taken]);
        let final_look =
            ChangedSize { moment, paused_days, conventional: f64::NAN, weighted: f64::NAN };
        self.resized = Some(Resized { decided_at: look, interim_z, final_look });
    }

    /// Prepares the final look of a trial that has been analysed before.
    pub(super) fn resize_as(&mut self, analysis: &Analysis, size: Option<SizeResult>) {
        self.resized = None;
        let Some(rule) = &self.simulator.scenario.adaptation.size else { return };
        let Some(changed) = size.and_then(|size| size.changed) else { return };
        let look = self.looks.numbered(rule.look + 1).expect("the trial had this look");
        // Only the patients are needed: the statistic has been computed.
        self.resize(analysis, look, f64::NAN, changed.moment.at_data.randomised);
    }

    /// Analyses the final look, of the number of patients that was decided.
    pub(super) fn analyse_finally(&mut self, analysis: &Analysis) -> FinalAnalysis {
        let look = self.looks.last();
        let statistic = self.statistic(analysis, PatientSelection::DueBy(look));
        let rule = self.simulator.scenario.adaptation.size.as_ref();
        let (Some(resized), Some(rule)) = (self.resized, rule) else {
            let conclusion = self.conclude_at(analysis, look, statistic);
            return FinalAnalysis { statistic, conclusion };
        };
        let conventional = statistic.z.unwrap_or(f64::NAN);
        let (deciding, weighted) = match &rule.rule {
            SizeRule::Unblinded { zone, statistic } => {
                let weighted = self.weighted(analysis, zone, resized.interim_z);
                let deciding = match statistic {
                    FinalStatistic::Weighted => weighted,
                    FinalStatistic::Conventional => conventional,
                };
                (deciding, weighted)
            }
            SizeRule::Blinded { .. } => (conventional, f64::NAN),
        };
        let conclusion = match &rule.rule {
            SizeRule::Unblinded { .. } => conclude_changed(self.simulator.scenario, deciding),
            SizeRule::Blinded { .. } => self.conclude_at(analysis, look, statistic),
        };
        let final_look = ChangedSize { conventional, weighted, ..resized.final_look };
        self.resized = Some(Resized { final_look, ..resized });
        let z = Some(deciding).filter(|z| !z.is_nan());
        FinalAnalysis { statistic: Statistic { z, ..statistic }, conclusion }
    }

    /// Whether a look is a final one of a changed size whose bounds are those of the planned one.
    pub(super) fn has_planned_bounds(&self, look: LookIndex) -> bool {
        let size = self.simulator.scenario.adaptation.size.as_ref();
        look.is_final
            && self.resized.is_some()
            && size.is_some_and(|size| match size.rule {
                SizeRule::Unblinded { .. } => true,
                SizeRule::Blinded { .. } => false,
            })
    }

    /// Computes Z of both stages by the planned weights; NaN without one of either.
    fn weighted(&mut self, analysis: &Analysis, zone: &PromisingZone, interim_z: f64) -> f64 {
        let Simulator { analyst, second_stage, cancelled, .. } = &mut *self.simulator;
        let second = analyst.statistic(analysis, second_stage, self.streams, cancelled);
        second.z.map_or(f64::NAN, |second| zone.weighted(interim_z, second))
    }

    /// Computes estimate and interval from the weighted statistic of a trial whose number of patients was
    /// changed by an unblinded rule; `None` for other trials.
    pub(super) fn weighted_estimate(&mut self, analysis: &Analysis) -> Option<StagewiseEstimate> {
        let resized = self.resized?;
        let SizeRule::Unblinded { zone, .. } =
            &self.simulator.scenario.adaptation.size.as_ref()?.rule
        else {
            return None;
        };
        let first = self.test(analysis, resized.decided_at);
        let second = self.test_of_second_stage(analysis);
        Some(weighted_estimate(analysis, zone, [first, second]))
    }

    fn test_of_second_stage(&mut self, analysis: &Analysis) -> TestResult {
        let Simulator { analyst, second_stage, cancelled, .. } = &mut *self.simulator;
        analyst.test(analysis, second_stage, self.streams, cancelled)
    }
}

/// Computes estimate and 95 % interval from the weighted statistic of two stages, the interim look and the
/// later patients alone; NaN if a stage has no estimate over its error.
///
/// Under an effect θ the weighted Z has the mean θ·(√t/s₁ + √(1 − t)/s₂), s₁ and s₂ being the standard errors
/// of the stages, so that Z over this sum estimates θ without median bias (Lawrence & Hung 2003, Biom J
/// 45:664) if no interim look could have stopped the trial.
pub fn weighted_estimate(
    analysis: &Analysis,
    zone: &PromisingZone,
    stages: [TestResult; 2],
) -> StagewiseEstimate {
    let stages = stages.map(|test| analysis.estimate_over_error(&test));
    let [Some((z_first, error_first)), Some((z_second, error_second))] = stages else {
        return StagewiseEstimate { median: f64::NAN, low: f64::NAN, high: f64::NAN };
    };
    // The weights of the stages are those of their Z.
    let weights = [zone.weighted(1.0, 0.0), zone.weighted(0.0, 1.0)];
    let per_effect = weights[0] / error_first + weights[1] / error_second;
    let null = analysis.method.null_effects().lower;
    let estimate = null + zone.weighted(z_first, z_second) / per_effect;
    let reach = Z_95 / per_effect;
    let scale = analysis.method.scale();
    StagewiseEstimate {
        median: scale.within(estimate),
        low: scale.within(estimate - reach),
        high: scale.within(estimate + reach),
    }
}

/// Concludes from the deciding statistic of a final look whose size an unblinded rule changed. The bounds are
/// those of the final look as planned, from which conditional power was computed.
pub fn conclude_changed(scenario: &Scenario, deciding: f64) -> Conclusion {
    let looks = scenario.design.looks();
    let planned = &looks[looks.len() - 1];
    // A stage without a statistic makes this NaN, which reaches neither bound and concludes nothing.
    if deciding >= planned.efficacy {
        Conclusion::Efficacy
    } else if deciding <= planned.harm {
        Conclusion::Harm
    } else {
        Conclusion::NotSignificant
    }
}

/// The standard normal quantile of a two-sided 95 % interval.
const Z_95: f64 = 1.959_963_984_540_054;
