//! Futility rules, of which some need the comparison that the trial is planned for.

use super::super::comparison::{NoComparison, WITH_CLOSED_FORM};
use super::super::file;
use super::design::{PlannedComparison, PlannedLooks};
use super::{Checked, Reported, Resolver};
use crate::design::comparison::Comparison;
use crate::design::{ConditionalOn, FutilityRule};
use crate::num::normal::upper_quantile;

/// A rule that depends on the comparison that the trial is planned for, for messages.
struct OnThePlan {
    path: &'static str,
    /// What the value at the path is.
    what: &'static str,
    /// What it can be instead.
    instead: &'static str,
}

/// The closed form of the primary analysis, with the outcomes at each look.
struct ClosedForm<'l> {
    comparison: Comparison,
    share_experimental: f64,
    analysed: &'l [f64],
}

impl<F: AsRef<file::WrittenDesign>> Resolver<'_, F> {
    pub(super) fn futility(
        &mut self,
        alpha: Option<f64>,
        looks: &PlannedLooks,
        comparison: Option<PlannedComparison>,
    ) -> Checked<FutilityRule> {
        let interims = looks.fractions.len() - 1;
        match &self.file.as_ref().futility {
            file::Futility::None => Ok(FutilityRule::None),
            // −∞ and p = 1 are how a scenario writes a look without the test.
            file::Futility::Z { bounds } => {
                self.futility_bounds(bounds, interims, |_, z| z.is_finite().then_some(z))
            }
            file::Futility::P { bounds } => {
                self.futility_bounds(bounds, interims, |_, p| (p < 1.0).then(|| upper_quantile(p)))
            }
            file::Futility::Effect { bounds } => {
                let rule = OnThePlan {
                    path: "design.futility",
                    what: "is on the effect scale",
                    instead: "another rule",
                };
                let ClosedForm { comparison, share_experimental, analysed } =
                    self.closed_form(rule, looks, comparison)?;
                self.futility_bounds(bounds, interims, |k, effect| {
                    if effect == f64::NEG_INFINITY {
                        return None;
                    }
                    let stated = comparison.with_measured_effect(effect)?;
                    Some(stated.z_at_effect(stated.effect(), share_experimental, analysed[k]))
                })
            }
            file::Futility::BetaSpending { spending, power } => {
                let path = "design.futility.spending";
                let function =
                    self.spending(path, spending, Some(1.0 - power), &looks.fractions)?;
                Ok(FutilityRule::BetaSpending { function, power: *power })
            }
            &file::Futility::ConditionalPower { at_most, under } => {
                let on = match under {
                    file::ConditionalEffect::Trend => ConditionalOn::Trend,
                    file::ConditionalEffect::Planned => {
                        self.planned_effect(alpha, looks, comparison)?
                    }
                };
                Ok(FutilityRule::ConditionalPower { at_most, on })
            }
            &file::Futility::PredictivePower { at_most } => {
                Ok(FutilityRule::PredictivePower { at_most })
            }
        }
    }

    /// Returns the planned effect for conditional power: that of the power, or of the comparison.
    fn planned_effect(
        &mut self,
        alpha: Option<f64>,
        looks: &PlannedLooks,
        comparison: Option<PlannedComparison>,
    ) -> Checked<ConditionalOn> {
        if let Some(power) = comparison.as_ref().and_then(|planned| planned.power) {
            return Ok(ConditionalOn::Power(power));
        }
        let rule = OnThePlan {
            path: "design.futility.under",
            what: "is \"planned\"",
            instead: "\"trend\"",
        };
        let ClosedForm { comparison, share_experimental, analysed } =
            self.closed_form(rule, looks, comparison)?;
        let total = analysed[analysed.len() - 1];
        let alpha = alpha.ok_or(Reported)?;
        Ok(ConditionalOn::Drift(comparison.drift(alpha, share_experimental, total)))
    }

    /// Returns the closed form that a rule needs.
    fn closed_form<'l>(
        &mut self,
        rule: OnThePlan,
        looks: &'l PlannedLooks,
        planned: Option<PlannedComparison>,
    ) -> Checked<ClosedForm<'l>> {
        let OnThePlan { path, what, instead } = rule;
        let PlannedComparison { comparison, share_experimental, .. } = planned.ok_or(Reported)?;
        let cause = match comparison {
            Ok(comparison) => match &looks.analysed {
                Some(analysed) => {
                    return Ok(ClosedForm { comparison, share_experimental, analysed });
                }
                None => {
                    let message = format!(
                        "{what}, which needs the number of patients, --n; allowed without it: {instead}"
                    );
                    return self.fail(path, message);
                }
            },
            // The message is about the method already.
            Err(NoComparison::Method) => String::new(),
            Err(
                cause @ (NoComparison::Arms
                | NoComparison::Key(_)
                | NoComparison::SelectiveLoss
                | NoComparison::Randomisation),
            ) => format!(" {cause}"),
        };
        let message = format!(
            "{what}, and the primary analysis has no closed form{cause}; allowed: {instead}, or another primary analysis ({WITH_CLOSED_FORM})"
        );
        self.fail(path, message)
    }

    fn futility_bounds(
        &mut self,
        bounds: &[f64],
        interims: usize,
        z_bound: impl Fn(usize, f64) -> Option<f64>,
    ) -> Checked<FutilityRule> {
        if bounds.len() != interims {
            let path = "design.futility.bounds";
            return self.wrong_length(path, bounds.len(), interims, "one per interim look");
        }
        // A rule knows its looks by number, as an effect depends on their information.
        let bounds = bounds.iter().enumerate().map(|(k, &written)| z_bound(k, written));
        Ok(FutilityRule::Z(bounds.collect()))
    }
}
