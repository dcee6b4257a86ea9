//! From look to look: what an analysis shows, and whether it ends the trial.

use std::sync::atomic::Ordering;

use super::cohort::PatientSelection;
use super::reestimation::FinalAnalysis;
use super::{Conclusion, FollowedCohort, LookIndex, PhaseObserver, Simulator, safety};
use crate::analysis::rerandomisation::Repeats;
use crate::analysis::{Statistic, TestResult};
use crate::design::{AnalysedSoFar, Decision, MAX_LOOKS};
use crate::rng::Purpose;
use crate::scenario::Analysis;

/// The end of a trial.
pub(super) struct MonitoringEnd {
    /// The look that ended it.
    pub look: LookIndex,
    pub conclusion: Conclusion,
    /// The full test of that look, if the statistic had to compute it.
    pub test: Option<TestResult>,
    /// Z by look planned; NaN if there was none.
    pub z: [f64; MAX_LOOKS],
    /// Looks whose statistic could not be computed.
    pub failed_looks: u32,
}

/// Outcomes of a final look.
#[derive(Debug, Clone, Copy)]
pub(super) struct FinalTable {
    /// Outcomes at it and at the interim looks before it.
    pub looks: AnalysedSoFar,
    /// The patients.
    pub of: PatientSelection,
}

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Monitors the trial from look to look until one stops it. A look without a statistic never does.
    pub(super) fn monitor(&mut self, analysis: &Analysis) -> MonitoringEnd {
        let mut z = [f64::NAN; MAX_LOOKS];
        let mut failed_looks = 0;
        for look in self.looks.interims() {
            let statistic = self.statistic(analysis, PatientSelection::DueBy(look));
            self.observe_size(look, statistic.z);
            let Some(z_here) = statistic.z else {
                failed_looks += 1;
                self.decide_size(analysis, look, None);
                continue;
            };
            z[look.planned] = z_here;
            let conclusion = match self.decide(analysis, look, z_here, statistic.test) {
                Decision::Continue => {
                    self.decide_size(analysis, look, Some(z_here));
                    continue;
                }
                Decision::Efficacy => Conclusion::Efficacy,
                Decision::Futility => Conclusion::Futility,
                Decision::Harm => Conclusion::Harm,
            };
            return MonitoringEnd { look, conclusion, test: statistic.test, z, failed_looks };
        }
        // The final look has its own boundaries, for the outcomes observed rather than planned.
        let look = self.looks.last();
        let FinalAnalysis { statistic, conclusion } = self.analyse_finally(analysis);
        failed_looks += u32::from(statistic.z.is_none());
        z[look.planned] = statistic.z.unwrap_or(f64::NAN);
        MonitoringEnd { look, conclusion, test: statistic.test, z, failed_looks }
    }

    /// Whether a trial that adverse events do not stop reaches an efficacy boundary if it also continues
    /// after the futility boundary, unless that is binding, and after the harm boundary.
    pub(super) fn reaches_efficacy(&mut self, analysis: &Analysis, end: &MonitoringEnd) -> bool {
        if let Some(adaptation) = &self.simulator.scenario.adaptation.population {
            return self.reaches_efficacy_in_population(analysis, adaptation, end);
        }
        let may_continue = matches!(end.conclusion, Conclusion::Futility | Conclusion::Harm);
        if !may_continue || end.look.is_final {
            return end.conclusion == Conclusion::Efficacy;
        }
        let design = &self.simulator.scenario.design;
        let z = end.z[end.look.planned];
        if design.ends_for_futility(&self.analysed_by(end.look), z) {
            return false;
        }
        // The trial itself ended here: what it re-estimates later is of the continuation alone.
        let size = self.size;
        self.decide_size(analysis, end.look, Some(z));
        let reaches = self.reaches_efficacy_after(analysis, end.look);
        (self.size, self.resized) = (size, None);
        reaches
    }

    /// Whether a trial that continues after an interim look reaches an efficacy boundary.
    fn reaches_efficacy_after(&mut self, analysis: &Analysis, end: LookIndex) -> bool {
        let design = &self.simulator.scenario.design;
        for look in self.looks.interims_after(end) {
            // A look without a statistic decides nothing here either.
            let Statistic { z, test } = self.statistic(analysis, PatientSelection::DueBy(look));
            let Some(z) = z else {
                self.decide_size(analysis, look, None);
                continue;
            };
            let looks = self.analysed_by(look);
            if self.decide(analysis, look, z, test) == Decision::Efficacy {
                return true;
            }
            if design.ends_for_futility(&looks, z) {
                return false;
            }
            self.decide_size(analysis, look, Some(z));
        }
        self.analyse_finally(analysis).conclusion == Conclusion::Efficacy
    }

    /// Replaces the end of a trial by a stop for adverse events, if one comes before it or at the same look.
    pub(super) fn or_stopped_for_safety(
        &mut self,
        analysis: &Analysis,
        end: MonitoringEnd,
    ) -> MonitoringEnd {
        let stop = if self.is_drawn {
            self.safety_stop_if_restricted()
        } else {
            safety::stop(&self.simulator.safety, self.looks)
        };
        match stop {
            Some(look) if look.taken <= end.look.taken => {
                // Statistics of later looks were computed, but the trial never saw them.
                let mut z = [f64::NAN; MAX_LOOKS];
                let seen = ..=look.planned;
                z[seen].copy_from_slice(&end.z[seen]);
                if let Some(adaptation) = &self.simulator.scenario.adaptation.population {
                    self.return_to(analysis, adaptation, look, &mut z);
                }
                let failed_looks = z[seen].iter().filter(|z| z.is_nan()).count() as u32;
                MonitoringEnd { look, conclusion: Conclusion::Safety, test: None, z, failed_looks }
            }
            Some(_) | None => end,
        }
    }

    /// Returns the conclusion of the final look.
    pub(super) fn conclude_at(
        &mut self,
        analysis: &Analysis,
        last: LookIndex,
        statistic: Statistic,
    ) -> Conclusion {
        let looks = self.analysed_by(last);
        let of = PatientSelection::DueBy(last);
        self.conclude(analysis, FinalTable { looks, of }, statistic)
    }

    /// Returns the conclusion of a final look. The table of patients selected as first randomised must have
    /// been filled.
    pub(super) fn conclude(
        &mut self,
        analysis: &Analysis,
        outcomes: FinalTable,
        statistic: Statistic,
    ) -> Conclusion {
        // Without a statistic nothing is significant.
        let Some(z) = statistic.z else { return Conclusion::NotSignificant };
        match self.decide_finally(analysis, outcomes, z, statistic.test) {
            Decision::Efficacy => Conclusion::Efficacy,
            Decision::Harm => Conclusion::Harm,
            Decision::Futility | Decision::Continue => Conclusion::NotSignificant,
        }
    }

    /// Computes the statistic of an analysis of some patients. The table of patients selected as first
    /// randomised must have been filled.
    pub(super) fn statistic(&mut self, analysis: &Analysis, of: PatientSelection) -> Statistic {
        let streams = self.streams;
        let is_resized = self.resized.is_some();
        let Simulator {
            scenario,
            cancelled,
            cohort,
            analyst,
            known,
            with_overrun,
            reallocated,
            resized,
            ..
        } = &mut *self.simulator;
        let known = match of {
            PatientSelection::DueBy(look) if is_resized && look.is_final => resized,
            PatientSelection::DueBy(look) => &known[analysis.set as usize][look.taken],
            PatientSelection::FirstRandomised(_) => with_overrun,
        };
        let statistic = analyst.statistic(analysis, known, streams, cancelled);
        let Some(z) = statistic.z.filter(|_| analysis.rerandomisations > 0) else {
            return statistic;
        };
        // One stream for all looks and analyses: what they compare is allocated alike.
        let mut rng = streams.stream(Purpose::Rerandomisation);
        let mut repeats = Repeats::of(z);
        for _ in 0..analysis.rerandomisations {
            // Thousands of repeats may take seconds.
            if cancelled.load(Ordering::Relaxed) {
                break;
            }
            cohort.fill_reallocated(reallocated, scenario, of, &mut rng);
            repeats.add(analyst.statistic(analysis, reallocated, streams, cancelled).z);
        }
        Statistic { z: Some(repeats.z()), ..statistic }
    }
}
