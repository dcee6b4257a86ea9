//! Looks and boundaries.

use super::super::comparison::{KnownShares, NoComparison, WITH_CLOSED_FORM};
use super::super::file;
use super::super::problems::{conflicts, out_of_range};
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

/// Returns numbers per look as shares of that of the final look.
pub(super) fn shares_of_last(counts: &[u32]) -> Vec<f64> {
    let last = counts.last().map_or(f64::NAN, |&last| f64::from(last));
    counts.iter().map(|&count| f64::from(count) / last).collect()
}

/// Smallest step between information fractions.
// Looks closer than this would leave an interim test without patients of its own.
const LEAST_STEP: f64 = 1e-6;

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

    /// Builds looks and boundaries. `comparison` is that of the primary analysis; `None` if there are
    /// problems with what it needs.
    pub(super) fn design(
        &mut self,
        analysed: Checked<u32>,
        comparison: Option<PlannedComparison>,
    ) -> Checked<Design> {
        // Before the looks, so that problems with both are reported.
        let alpha = self.alpha_one_sided();
        let looks_analysed = self.looks(analysed?)?;
        let looks = PlannedLooks {
            fractions: shares_of_last(&looks_analysed),
            analysed: Some(looks_analysed.iter().map(|&count| f64::from(count)).collect()),
        };
        let rules = self.rules(&looks, alpha, comparison)?;
        match Design::new(Plan { looks_analysed, rules }, self.file.sample_size.randomised) {
            Ok(design) => Ok(design),
            Err(error) => self.fail_boundaries(error),
        }
    }

    /// Returns the outcomes at each look, increasing, the last being the maximum.
    fn looks(&mut self, analysed: u32) -> Checked<Vec<u32>> {
        let counts: Vec<u32> = match &self.file.design.looks {
            file::Looks::Analysed(counts) => counts.clone(),
            file::Looks::InformationFractions(_) | file::Looks::EquallySpaced(_) => {
                // The last fraction is exactly 1, so the final look has the maximum.
                let counts = self.information_fractions()?.into_iter();
                counts.map(|fraction| (fraction * f64::from(analysed)).round() as u32).collect()
            }
        };
        let mut before = 0;
        for (k, &count) in counts.iter().enumerate() {
            // Rounding can put two looks of a small trial at the same number of outcomes.
            if count <= before {
                let look = k + 1;
                let path = look_path(&self.file.design.looks, k);
                return self.fail(&path, format!("puts look {look} at {count} outcomes; allowed: more than the {before} before it"));
            }
            before = count;
        }
        if before != analysed {
            let allowed = format!(
                "sample_size.analysed ({analysed}) for the final look, or looks that follow it: \
                 {{ equally_spaced = {} }}",
                counts.len()
            );
            let path = look_path(&self.file.design.looks, counts.len() - 1);
            return self.fail(&path, out_of_range(before, allowed));
        }
        Ok(counts)
    }
}

/// Returns the key that has the size of look `k`, from 0.
fn look_path(looks: &file::Looks, k: usize) -> String {
    match looks {
        file::Looks::Analysed(_) => format!("design.looks.analysed[{k}]"),
        file::Looks::InformationFractions(_) => format!("design.looks.information_fractions[{k}]"),
        file::Looks::EquallySpaced(_) => "design.looks.equally_spaced".to_owned(),
    }
}

impl<F: AsRef<file::WrittenDesign>> Resolver<'_, F> {
    /// Returns the information at each look over the maximum, increasing to 1.
    pub(super) fn information_fractions(&mut self) -> Checked<Vec<f64>> {
        let looks = &self.file.as_ref().looks;
        let fractions = match looks {
            file::Looks::Analysed(counts) => shares_of_last(counts),
            file::Looks::InformationFractions(fractions) => fractions.clone(),
            file::Looks::EquallySpaced(looks) => {
                // Divided one by one, so that a third look of six has exactly the fraction 0.5.
                (1..=*looks).map(|k| f64::from(k) / f64::from(*looks)).collect()
            }
        };
        if let Some(last) = fractions.last().filter(|last| **last != 1.0) {
            // The maximum is the number of the final look, which rounding could miss.
            let path = "design.looks.information_fractions";
            return self.fail(path, format!("ends at {last}; allowed: 1 for the final look"));
        }
        if let Some(k) =
            (1..fractions.len()).find(|&k| fractions[k] - fractions[k - 1] < LEAST_STEP)
        {
            let message = format!(
                "puts look {} at an information fraction of {}; allowed: more than the {} before it",
                k + 1,
                fractions[k],
                fractions[k - 1]
            );
            return self.fail(&look_path(looks, k), message);
        }
        Ok(fractions)
    }

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
        let efficacy = self.efficacy(&written.efficacy, alpha.ok(), &looks.fractions);
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
