//! What the analyses have to show, and the outcomes at the margin.

use super::super::Analysis;
use super::super::file::{Harm, HypothesisType, WrittenHypothesis};
use super::super::hypothesis::{Hypothesis, Margin};
use super::super::problems::missing;
use super::{Checked, Resolver};
use crate::analysis::Counts;
use crate::analysis::margin::MarginScale;
use crate::analysis::method::BoundMethod;
use crate::analysis::restricted::Distance;
use crate::num::root::brent;
use crate::outcome::{LEVELS, MrsDistribution, OutcomeModel};
use crate::randomisation::Arm;

/// Largest absolute log odds ratio at which a margin is searched.
// It leaves one patient in 10⁵ at the level of a control patient; estimates are still finite there.
const FARTHEST: f64 = 12.0;

/// Patients of the expected trial whose estimate is that of arms at the margin.
// Large enough for terms of order 1/N of an estimate to be negligible.
const LARGE_TRIAL: f64 = 1e9;

/// What an analysis has to show, and the path at which that is written.
pub(super) struct ReadHypothesis {
    pub hypothesis: Hypothesis,
    path: String,
}

impl Resolver<'_> {
    /// Reads what the analysis at this position has to show.
    pub(super) fn hypothesis(&mut self, index: usize) -> Checked<ReadHypothesis> {
        let file = self.file;
        let (written, path) = match (&file.analyses[index].hypothesis, &file.hypothesis) {
            (Some(own), _) => (own, format!("analyses[{index}].hypothesis")),
            (None, Some(common)) => (common, "hypothesis".to_owned()),
            (None, None) => {
                let hypothesis = Hypothesis::Superiority;
                return Ok(ReadHypothesis { hypothesis, path: String::new() });
            }
        };
        let hypothesis = self.written_hypothesis(written, &path)?;
        Ok(ReadHypothesis { hypothesis, path })
    }

    fn written_hypothesis(
        &mut self,
        written: &WrittenHypothesis,
        path: &str,
    ) -> Checked<Hypothesis> {
        let &WrittenHypothesis { kind, margin, upper_margin } = written;
        if upper_margin.is_some() && kind != HypothesisType::Equivalence {
            let message = "is given without equivalence; allowed: none, or type = \"equivalence\"";
            return self.fail(&format!("{path}.upper_margin"), message);
        }
        let Some(margin) = margin else {
            return match kind {
                HypothesisType::Superiority => Ok(Hypothesis::Superiority),
                HypothesisType::NonInferiority | HypothesisType::Equivalence => self.fail(
                    &format!("{path}.margin"),
                    missing("exactly one scale with a value, such as { risk_difference = -0.05 } or { common_odds_ratio = 0.8 }"),
                ),
            };
        };
        let (scale, value) = (margin.scale(), margin.value());
        let path_of_margin = format!("{path}.margin.{}", scale.key());
        let margin = Margin { scale, value };
        let none = if scale.is_ratio() { 1.0 } else { 0.0 };
        match kind {
            HypothesisType::Superiority if value < none => {
                let message = format!(
                    "is {value}, on the side of harm; allowed for superiority: at least {none}, or type = \"non_inferiority\""
                );
                self.fail(&path_of_margin, message)
            }
            HypothesisType::NonInferiority if value > none => {
                let message = format!(
                    "is {value}, on the side of benefit; allowed for non-inferiority: at most {none}; did you mean {}?",
                    tidy(scale.mirrored(value))
                );
                self.fail(&path_of_margin, message)
            }
            HypothesisType::Superiority => Ok(Hypothesis::SuperiorityBy(margin)),
            HypothesisType::NonInferiority => Ok(Hypothesis::NonInferiority(margin)),
            HypothesisType::Equivalence => self.equivalence(margin, upper_margin, path, none),
        }
    }

    fn equivalence(
        &mut self,
        margin: Margin,
        upper: Option<f64>,
        path: &str,
        none: f64,
    ) -> Checked<Hypothesis> {
        let Margin { scale, value } = margin;
        let path_of_margin = format!("{path}.margin.{}", scale.key());
        if value == none {
            let message =
                format!("is {value}, at which no arms are equivalent; allowed: any other value");
            return self.fail(&path_of_margin, message);
        }
        match upper {
            // Either of two symmetric margins may be stated.
            None if value > none => {
                let margin = Margin { value: tidy(scale.mirrored(value)), ..margin };
                Ok(Hypothesis::Equivalence { margin, upper: value })
            }
            None => Ok(Hypothesis::Equivalence { margin, upper: tidy(scale.mirrored(value)) }),
            Some(_) if value > none => {
                let message = format!(
                    "is {value}, on the side of benefit; allowed with upper_margin: below {none}"
                );
                self.fail(&path_of_margin, message)
            }
            Some(upper) if upper <= none || !upper.is_finite() => {
                let message = format!(
                    "is {upper}, not on the side of benefit; allowed: above {none}, on the {scale}"
                );
                self.fail(&format!("{path}.upper_margin"), message)
            }
            Some(upper) => Ok(Hypothesis::Equivalence { margin, upper }),
        }
    }

    /// Checks that an analysis is tested against the margin of its hypothesis, and makes it do so.
    pub(super) fn against_margin(
        &mut self,
        index: usize,
        method: BoundMethod,
        read: &ReadHypothesis,
    ) -> Checked<BoundMethod> {
        let ReadHypothesis { hypothesis, path } = read;
        let Some(Margin { scale, .. }) = hypothesis.margin() else { return Ok(method) };
        let written = &self.file.analyses[index];
        let path_of_margin = format!("{path}.margin.{}", scale.key());
        let name = written.name.clone().unwrap_or_else(|| method.key().to_owned());
        match method.margin_scale() {
            Some(own) if own == scale => {}
            Some(own) => {
                let hint = effect_hint(&method, scale);
                let message = format!(
                    "is a margin on the {scale}, while analysis {name} estimates the {own}; allowed for it: margin = {{ {} = … }}{hint}, or a hypothesis of its own",
                    own.key()
                );
                return self.fail(&path_of_margin, message);
            }
            None => {
                let message = format!(
                    "is a margin, which analysis {name} does not test; allowed for method {}: a hypothesis of its own, type = \"superiority\" without a margin",
                    method.key()
                );
                return self.fail(&path_of_margin, message);
            }
        }
        if !hypothesis.has_margin() {
            return Ok(method);
        }
        if written.rerandomisations > 0 {
            return self.fail(
                &format!("analyses[{index}].rerandomisations"),
                "is given with a margin, at which patients would not have the same outcome in either arm; allowed there: 0",
            );
        }
        let is_equivalence = matches!(hypothesis, Hypothesis::Equivalence { .. });
        if is_equivalence && self.file.design.harm != Harm::default() {
            return self.fail(
                "design.harm",
                "is given with equivalence, where a small Z is benefit as well as harm; allowed there: none",
            );
        }
        if self.file.procedure.is_some() {
            let message = "needs outcomes at the margin, which a procedure does not determine; allowed with [procedure]: superiority without a margin";
            return self.fail(&path_of_margin, message);
        }
        match method.testing_against(hypothesis.null_effects()) {
            Ok(bound) => Ok(bound),
            Err(error) => self.fail(&format!("analyses[{index}].{}", error.key), error.message),
        }
    }

    /// Returns the outcomes under the null hypothesis of the primary analysis: both arms as control, or
    /// with a margin the experimental arm shifted to the margin by a common odds ratio. `centres` are
    /// their log odds and shares.
    pub(super) fn null_twin(
        &mut self,
        model: &OutcomeModel,
        primary: &Analysis,
        centres: &[(f64, f64)],
    ) -> Checked<OutcomeModel> {
        let hypothesis = primary.hypothesis;
        let Some(margin) = hypothesis.margin().filter(|_| hypothesis.has_margin()) else {
            // Copied, so that trials under both truths share everything but the experimental arm.
            return Ok(model.null_twin());
        };
        let early = self.file.analyses.iter().any(|analysis| analysis.missing.uses_early());
        // The treatment is at the margin in every level: a null hypothesis about all patients that holds
        // in some levels only is a configuration.
        let model = &model.without_effect_modification();
        let expected = ExpectedTrial {
            model,
            centres,
            share_experimental: self.ratio().share_experimental(),
            cells_per_stratum: if early { LEVELS } else { 1 },
        };
        match expected.at_margin(primary, margin) {
            Some(experimental) => Ok(model.with_experimental(experimental)),
            None => {
                let Margin { scale, value } = margin;
                let message = format!(
                    "is {value}, a {scale} that no common odds ratio gives the experimental arm with this control arm; allowed: a margin that leaves some patients on either side"
                );
                let position = self.file.primary();
                let path = match self.file.analyses[position].hypothesis {
                    Some(_) => format!("analyses[{position}].hypothesis"),
                    None => "hypothesis".to_owned(),
                };
                self.fail(&format!("{path}.margin.{}", scale.key()), message)
            }
        }
    }
}

/// Says how a comparison of proportions gets another scale.
fn effect_hint(method: &BoundMethod, scale: MarginScale) -> &'static str {
    if method.key() != "two_proportions" {
        return "";
    }
    match scale {
        MarginScale::RiskDifference => ", effect = \"risk_difference\"",
        MarginScale::RiskRatio => ", effect = \"log_risk_ratio\"",
        MarginScale::OddsRatio => ", effect = \"log_odds_ratio\"",
        MarginScale::CommonOddsRatio | MarginScale::WinOdds | MarginScale::UtilityDifference => "",
    }
}

/// Removes the last digits of a mirrored ratio, such as those of 1 / 0.8.
fn tidy(value: f64) -> f64 {
    let rounded = (value * 1e12).round() / 1e12;
    if rounded == 0.0 { value } else { rounded }
}

/// The expected outcomes of a large trial whose experimental arm is shifted from control.
struct ExpectedTrial<'m> {
    model: &'m OutcomeModel,
    /// Log odds of centres, each with its share.
    centres: &'m [(f64, f64)],
    share_experimental: f64,
    cells_per_stratum: usize,
}

impl ExpectedTrial<'_> {
    /// Returns the mRS of the experimental arm at the margin of an analysis; `None` if no shift has it.
    fn at_margin(&self, analysis: &Analysis, margin: Margin) -> Option<MrsDistribution> {
        let control = self.model.marginal()[Arm::Control.index()];
        let target = margin.as_estimate();
        if analysis.method.grouping().is_some() {
            return self.at_adjusted_margin(analysis, target);
        }
        let distance = match margin.scale {
            MarginScale::CommonOddsRatio | MarginScale::OddsRatio => {
                return Some(control.shifted_by(target));
            }
            MarginScale::WinOdds | MarginScale::UtilityDifference => {
                let shift = brent(
                    |shift| self.estimate(analysis, control.shifted_by(shift)) - target,
                    -FARTHEST,
                    FARTHEST,
                );
                return shift.map(|shift| control.shifted_by(shift));
            }
            MarginScale::RiskDifference => Distance::Difference(margin.value),
            MarginScale::RiskRatio => Distance::Ratio(margin.value),
        };
        let cut = analysis.method.success_cut()?;
        let now = control.at_most(cut);
        let rate = distance.experimental_rate(now);
        let is_possible = [now, rate].iter().all(|rate| (f64::EPSILON..1.0).contains(rate));
        is_possible.then(|| control.shifted(control.odds_ratio_to(cut, rate)))
    }

    /// Returns the same for an analysis of groups of patients, whose odds ratio is that within them. The
    /// shift is the same in all strata and centres.
    fn at_adjusted_margin(&self, analysis: &Analysis, target: f64) -> Option<MrsDistribution> {
        // Within centres too, the odds ratio of a regression on them is that of the shift.
        let shift = if analysis.by_centre {
            Some(target)
        } else {
            brent(|shift| self.adjusted_estimate(analysis, shift) - target, -FARTHEST, FARTHEST)
        };
        shift.map(|shift| self.model.shifted_within_strata(shift))
    }

    fn estimate(&self, analysis: &Analysis, experimental: MrsDistribution) -> f64 {
        let control = self.model.marginal()[Arm::Control.index()];
        let counts = self.patients([control.probabilities(), experimental.probabilities()], 1.0);
        analysis.method.estimate_of_expected(std::iter::once(counts))
    }

    fn adjusted_estimate(&self, analysis: &Analysis, shift: f64) -> f64 {
        let mut cells = Vec::new();
        for (stratum, share) in self.model.shares().enumerate() {
            let mut counts = [[0.0; LEVELS]; 2];
            for &(log_odds, part) in self.centres {
                let [control, experimental] = [log_odds, log_odds + shift]
                    .map(|log_odds| self.model.in_stratum(Arm::Control, stratum, log_odds));
                let more = self.patients([&control, &experimental], share * part);
                let sums = counts.iter_mut().flatten();
                sums.zip(more.iter().flatten()).for_each(|(sum, more)| *sum += more);
            }
            cells.push(counts);
            // No method groups patients by early outcomes: all may be in the first cell of a stratum.
            cells.resize(cells.len() + self.cells_per_stratum - 1, [[0.0; LEVELS]; 2]);
        }
        analysis.method.estimate_of_expected(cells)
    }

    /// Returns the patients of both arms, of a share of the trial.
    fn patients(&self, arms: [&[f64; LEVELS]; 2], share: f64) -> Counts {
        let sizes = [1.0 - self.share_experimental, self.share_experimental];
        let mut counts = [[0.0; LEVELS]; 2];
        for ((counts, mrs), size) in counts.iter_mut().zip(arms).zip(sizes) {
            counts
                .iter_mut()
                .zip(mrs)
                .for_each(|(count, p)| *count = LARGE_TRIAL * share * size * p);
        }
        counts
    }
}
