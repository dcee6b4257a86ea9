//! Looks and boundaries.

use super::super::comparison::{KnownShares, NoComparison, WITH_CLOSED_FORM};
use super::super::file;
use super::super::look_timing::{LookCalendar, LookTiming};
use super::super::problems::{conflicts, missing, out_of_range};
use super::looks::shares_of_last;
use super::{Checked, Reported, Resolver};
use crate::design::comparison::Comparison;
use crate::design::{
    ConditionalOn, Design, DesignError, EfficacyRule, FutilityRule, HarmRule, Plan, Rules,
    SpendingFunction, StatedSpending, Untested,
};
use crate::num::normal::upper_quantile;

/// The comparison of the primary analysis, if two distributions determine it.
#[derive(Debug, Clone)]
pub(super) struct PlannedComparison {
    pub comparison: Result<Comparison, NoComparison>,
    /// Share of the experimental arm among the known outcomes.
    pub share_experimental: f64,
    /// Power that the number of patients will be found for; `None` if it is stated.
    pub power: Option<f64>,
}

/// Looks, as far as rules depend on them.
pub(super) struct PlannedLooks {
    /// Information at each look, over the maximum.
    pub fractions: Vec<f64>,
    /// Outcomes at each look; `None` if their number is yet to be found.
    pub analysed: Option<Vec<f64>>,
}

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

impl Resolver<'_> {
    /// Returns the maximum information in patients. A stated number needs no shares.
    pub(super) fn analysed(&mut self, known: Checked<KnownShares>) -> Checked<u32> {
        let randomised = self.file.sample_size.randomised;
        let Some(analysed) = self.file.sample_size.analysed else {
            return Ok(known?.patients(randomised).max(file::LEAST_PATIENTS));
        };
        if analysed > randomised {
            let allowed = format!(
                "at most sample_size.randomised ({randomised}), or left out, to follow it: \
                 sample_size = {{ randomised = {randomised} }}"
            );
            return self.fail("sample_size.analysed", out_of_range(analysed, allowed));
        }
        Ok(analysed)
    }

    /// Builds looks and boundaries. `comparison` is that of the primary analysis; it and `calendar` are
    /// `None` if there are problems with what they need.
    pub(super) fn design(
        &mut self,
        analysed: Checked<u32>,
        comparison: Option<PlannedComparison>,
        calendar: Option<&LookCalendar<'_>>,
    ) -> Checked<Design> {
        // Before the looks, so that problems with both are reported.
        let alpha = self.alpha_one_sided();
        let looks_analysed = self.looks(analysed?, calendar)?;
        let looks = PlannedLooks {
            fractions: shares_of_last(&looks_analysed),
            analysed: Some(looks_analysed.iter().map(|&count| f64::from(count)).collect()),
        };
        let rules = self.rules(&looks, alpha, comparison)?;
        match self.design_of(Plan { looks_analysed, rules }) {
            Ok(design) => Ok(design),
            Err(error) => self.fail_boundaries(error),
        }
    }

    /// Finds the boundaries of a plan, for the outcomes that each trial observes if its looks leave their
    /// number open.
    pub(super) fn design_of(&self, plan: Plan) -> Result<Design, DesignError> {
        // A re-estimated size may exceed the planned one, and has a final look of its own.
        let maximum = self.file.adaptation.as_ref().and_then(|of| of.size.as_ref());
        let maximum = maximum.map_or(0, file::WrittenSizeAdaptation::maximum);
        let most_analysed = self.file.sample_size.randomised.max(maximum);
        let design = Design::new(plan, most_analysed)?;
        if LookTiming::of(&self.file.design.looks).is_random() {
            design.with_looks_as_observed()
        } else {
            Ok(design)
        }
    }
}

impl<F: AsRef<file::WrittenDesign>> Resolver<'_, F> {
    pub(super) fn rules(
        &mut self,
        looks: &PlannedLooks,
        alpha: Checked<f64>,
        comparison: Option<PlannedComparison>,
    ) -> Checked<Rules> {
        let count = looks.fractions.len();
        let written = self.file.as_ref();
        let untested = Untested {
            efficacy: self.untested("design.efficacy_looks", &written.efficacy_looks, count),
            futility: self.untested("design.futility_looks", &written.futility_looks, count - 1),
            harm: self.untested("design.harm_looks", &written.harm_looks, count),
        };
        if written.harm_looks.is_some() && !matches!(written.harm, file::Harm::Spending { .. }) {
            self.report("design.harm_looks", "is given without a harm boundary that spends an error rate of its own; allowed with `design.harm = { rule = \"spending\", … }`");
        }
        if written.futility_looks.is_some() && written.futility == file::Futility::None {
            self.report(
                "design.futility_looks",
                "is given without `design.futility`; allowed with a rule other than \"none\"",
            );
        }
        self.refuse_rules_of_planned_outcomes();
        let efficacy = match &written.efficacy {
            Some(efficacy) => self.efficacy(efficacy, alpha.ok(), &looks.fractions),
            None => self.fail(
                "design.efficacy",
                missing("Boundary for stopping early because the experimental arm is better"),
            ),
        };
        let futility = self.futility(alpha.ok(), looks, comparison);
        let harm = self.harm(&looks.fractions);
        Ok(Rules {
            alpha_one_sided: alpha?,
            efficacy: efficacy?,
            futility: futility?,
            binding_futility: written.binding_futility,
            harm: harm?,
            untested,
        })
    }

    pub(super) fn alpha_one_sided(&mut self) -> Checked<f64> {
        match (self.file.as_ref().alpha_one_sided, self.file.as_ref().alpha_two_sided) {
            (Some(alpha), None) => Ok(alpha),
            // Half of it is on the side of benefit.
            (None, Some(alpha)) => Ok(0.5 * alpha),
            (Some(_), Some(_)) => {
                self.fail("design.alpha_two_sided", conflicts("design.alpha_one_sided"))
            }
            (None, None) => self.fail(
                "design",
                "has no type I error; expected: exactly one of alpha_one_sided, alpha_two_sided",
            ),
        }
    }

    /// Reports why a design has no boundaries, at the key that can change it.
    pub(super) fn fail_boundaries<T>(&mut self, error: DesignError) -> Checked<T> {
        match error {
            DesignError::NoEfficacyBoundary => self.fail(
                "design.efficacy",
                "spends more than alpha before the final look; allowed: fewer or higher interim \
                 bounds, or a larger alpha",
            ),
            DesignError::UnreachablePower => self.fail(
                "design.futility.power",
                "cannot be reached by these looks and efficacy bounds; allowed: a power above \
                 alpha that leaves some type II error to spend",
            ),
            DesignError::NoRoom { look, futility, efficacy } => {
                let path = match self.file.as_ref().futility {
                    file::Futility::Z { .. }
                    | file::Futility::P { .. }
                    | file::Futility::Effect { .. } => {
                        format!("design.futility.bounds[{}]", look - 1)
                    }
                    file::Futility::None
                    | file::Futility::ConditionalPower { .. }
                    | file::Futility::PredictivePower { .. }
                    | file::Futility::BetaSpending { .. } => "design.futility".to_owned(),
                };
                let message = format!(
                    "is {futility:.4} on the Z scale; allowed: below the efficacy bound of look \
                     {look} ({efficacy:.4})"
                );
                self.fail(&path, message)
            }
            DesignError::Unsettled => self.fail(
                "design.binding_futility",
                "has no efficacy boundary that goes with it; allowed: false, or futility that \
                 stops less often",
            ),
            DesignError::TwoSidedFutility => self.fail(
                "design.futility",
                "is given for a symmetric two-sided test, which stops below for harm; allowed: \
                 \"none\", or another `design.harm`",
            ),
        }
    }

    /// Returns the looks, from 0, that are not among the `written` ones, from 1.
    fn untested(&mut self, path: &str, written: &Option<Vec<u32>>, looks: usize) -> Vec<usize> {
        let Some(tested) = written else { return Vec::new() };
        for (i, &look) in tested.iter().enumerate() {
            if look as usize > looks {
                let message = out_of_range(look, format!("1 to {looks}"));
                self.report(&format!("{path}[{i}]"), message);
            }
        }
        // Scenarios count looks from 1.
        (0..looks).filter(|&k| !tested.contains(&(k as u32 + 1))).collect()
    }

    fn efficacy(
        &mut self,
        written: &file::Boundary,
        alpha: Option<f64>,
        fractions: &[f64],
    ) -> Checked<EfficacyRule> {
        Ok(match *written {
            file::Boundary::None {} => EfficacyRule::FinalOnly,
            file::Boundary::ObrienFleming {} => EfficacyRule::OBRIEN_FLEMING,
            file::Boundary::Pocock {} => EfficacyRule::POCOCK,
            file::Boundary::WangTsiatis { delta } => EfficacyRule::WangTsiatis { delta },
            file::Boundary::HaybittlePeto { interim_z } => {
                EfficacyRule::HaybittlePeto { interim_z }
            }
            file::Boundary::LanDemetsObrienFleming {}
            | file::Boundary::LanDemetsPocock {}
            | file::Boundary::HwangShihDecani { .. }
            | file::Boundary::KimDemets { .. }
            | file::Boundary::Cumulative { .. } => EfficacyRule::Spending(self.spending(
                "design.efficacy",
                written,
                alpha,
                fractions,
            )?),
        })
    }

    fn futility(
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

    fn harm(&mut self, fractions: &[f64]) -> Checked<HarmRule> {
        Ok(match &self.file.as_ref().harm {
            file::Harm::None => HarmRule::None,
            file::Harm::Symmetric { spending } => HarmRule::Symmetric { spending: *spending },
            file::Harm::Spending { spending, alpha_one_sided } => {
                let path = "design.harm.spending";
                let function = self.spending(path, spending, Some(*alpha_one_sided), fractions)?;
                HarmRule::Spending { function, alpha_one_sided: *alpha_one_sided }
            }
        })
    }
}

impl<F> Resolver<'_, F> {
    /// Returns a spending function for an error rate of `total`; `None` if there are problems with that.
    pub(super) fn spending(
        &mut self,
        path: &str,
        written: &file::Boundary,
        total: Option<f64>,
        fractions: &[f64],
    ) -> Checked<SpendingFunction> {
        Ok(match written {
            file::Boundary::LanDemetsObrienFleming {} => SpendingFunction::LanDeMetsObrienFleming,
            file::Boundary::LanDemetsPocock {} => SpendingFunction::LanDeMetsPocock,
            &file::Boundary::HwangShihDecani { gamma } => {
                SpendingFunction::HwangShihDeCani { gamma }
            }
            &file::Boundary::KimDemets { rho } => SpendingFunction::KimDeMets { rho },
            file::Boundary::Cumulative { spent } => {
                let total = total.ok_or(Reported)?;
                SpendingFunction::Stated(self.stated_spending(path, spent, total, fractions)?)
            }
            file::Boundary::None {}
            | file::Boundary::ObrienFleming {}
            | file::Boundary::Pocock {}
            | file::Boundary::WangTsiatis { .. }
            | file::Boundary::HaybittlePeto { .. } => {
                let message = "is a boundary and spends nothing by itself; allowed: \
                     lan_demets_obrien_fleming, lan_demets_pocock, hwang_shih_decani, kim_demets, \
                     cumulative";
                return self.fail(&format!("{path}.rule"), message);
            }
        })
    }

    fn stated_spending(
        &mut self,
        path: &str,
        spent: &[f64],
        total: f64,
        fractions: &[f64],
    ) -> Checked<Vec<StatedSpending>> {
        let path = format!("{path}.spent");
        if spent.len() != fractions.len() {
            return self.wrong_length(&path, spent.len(), fractions.len(), "one per look");
        }
        if let Some(k) = (1..spent.len()).find(|&k| spent[k] < spent[k - 1]) {
            let allowed = format!("no less than the {} before it", spent[k - 1]);
            return self.fail(&format!("{path}[{k}]"), out_of_range(spent[k], allowed));
        }
        let last = spent.len() - 1;
        // The final look spends the rest, so another total would not be spent as written. The tolerance
        // is for rates such as 1/3, which cannot be written exactly.
        if (spent[last] - total).abs() > 1e-9 * total {
            // Rounded, or the rest of a power of 0.8 would be printed as 0.19999999999999996.
            let total = (total * 1e12).round() / 1e12;
            let message = out_of_range(spent[last], format!("the whole error rate, {total}"));
            return self.fail(&format!("{path}[{last}]"), message);
        }
        let stated = fractions
            .iter()
            .zip(spent)
            .map(|(&fraction, &spent)| StatedSpending { fraction, share: spent / total });
        Ok(stated.collect())
    }
}
