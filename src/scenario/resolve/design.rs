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

/// The comparison of the first analysis, if two distributions determine it.
#[derive(Debug, Clone)]
pub(super) struct PlannedComparison {
    pub comparison: Result<Comparison, NoComparison>,
    /// Share of the experimental arm among the known outcomes.
    pub share_experimental: f64,
}

/// Outcomes at each look, with the key that says so.
struct WrittenLooks {
    path: &'static str,
    counts: Vec<u32>,
    /// Whether the key has an element for each look.
    is_list: bool,
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

    /// Builds looks and boundaries. `comparison` is that of the first analysis; `None` if there are
    /// problems with what it needs.
    pub(super) fn design(
        &mut self,
        analysed: Checked<u32>,
        comparison: Option<PlannedComparison>,
    ) -> Checked<Design> {
        // Before the looks, so that problems with both are reported.
        let alpha = self.alpha_one_sided();
        let looks_analysed = self.looks(analysed?)?;
        let rules = self.rules(&looks_analysed, alpha, comparison)?;
        match Design::new(Plan { looks_analysed, rules }, self.file.sample_size.randomised) {
            Ok(design) => Ok(design),
            Err(error) => self.fail_boundaries(error),
        }
    }

    fn rules(
        &mut self,
        looks: &[u32],
        alpha: Checked<f64>,
        comparison: Option<PlannedComparison>,
    ) -> Checked<Rules> {
        let interims = looks.len() - 1;
        let file = self.file;
        let written = &file.design;
        let untested = Untested {
            efficacy: self.untested("design.efficacy_looks", &written.efficacy_looks, looks.len()),
            futility: self.untested("design.futility_looks", &written.futility_looks, interims),
            harm: self.untested("design.harm_looks", &written.harm_looks, looks.len()),
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
        let efficacy = self.efficacy(&written.efficacy, alpha.ok(), looks);
        let futility = self.futility(alpha.ok(), looks, comparison);
        let harm = self.harm(looks);
        Ok(Rules {
            alpha_one_sided: alpha?,
            efficacy: efficacy?,
            futility: futility?,
            binding_futility: written.binding_futility,
            harm: harm?,
            untested,
        })
    }

    fn alpha_one_sided(&mut self) -> Checked<f64> {
        match (self.file.design.alpha_one_sided, self.file.design.alpha_two_sided) {
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
    fn fail_boundaries(&mut self, error: DesignError) -> Checked<Design> {
        match error {
            DesignError::NoEfficacyBoundary => self.fail(
                "design.efficacy",
                "spends more than alpha before the final look; allowed: bounds that leave some",
            ),
            DesignError::UnreachablePower => self.fail(
                "design.futility.power",
                "cannot be reached by these looks and efficacy bounds; allowed: a power above \
                 alpha that leaves some type II error to spend",
            ),
            DesignError::NoRoom { look, futility, efficacy } => {
                let path = match self.file.design.futility {
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

    /// Returns the outcomes at each look, increasing, the last being the maximum.
    fn looks(&mut self, analysed: u32) -> Checked<Vec<u32>> {
        let WrittenLooks { path, counts, is_list } = self.written_looks(analysed)?;
        let mut before = 0;
        for (k, &count) in counts.iter().enumerate() {
            // Rounding can put two looks of a small trial at the same number of outcomes.
            if count <= before {
                let path = if is_list { format!("{path}[{k}]") } else { path.to_owned() };
                let look = k + 1;
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
            let path = format!("{path}[{}]", counts.len() - 1);
            return self.fail(&path, out_of_range(before, allowed));
        }
        Ok(counts)
    }

    fn written_looks(&mut self, analysed: u32) -> Checked<WrittenLooks> {
        let maximum = f64::from(analysed);
        match &self.file.design.looks {
            file::Looks::Analysed(counts) => Ok(WrittenLooks {
                path: "design.looks.analysed",
                counts: counts.clone(),
                is_list: true,
            }),
            file::Looks::InformationFractions(fractions) => {
                let path = "design.looks.information_fractions";
                match fractions.last() {
                    // The maximum is the number of the final look, which rounding could miss.
                    Some(last) if *last != 1.0 => {
                        self.fail(path, format!("ends at {last}; allowed: 1 for the final look"))
                    }
                    Some(_) | None => Ok(WrittenLooks {
                        path,
                        counts: fractions
                            .iter()
                            .map(|fraction| (fraction * maximum).round() as u32)
                            .collect(),
                        is_list: true,
                    }),
                }
            }
            file::Looks::EquallySpaced(looks) => {
                // The last fraction is exactly 1, so the final look has the maximum.
                let fractions = (1..=*looks).map(|k| f64::from(k) / f64::from(*looks));
                Ok(WrittenLooks {
                    path: "design.looks.equally_spaced",
                    counts: fractions.map(|fraction| (fraction * maximum).round() as u32).collect(),
                    is_list: false,
                })
            }
        }
    }

    fn efficacy(
        &mut self,
        written: &file::Boundary,
        alpha: Option<f64>,
        looks: &[u32],
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
            | file::Boundary::Cumulative { .. } => {
                EfficacyRule::Spending(self.spending("design.efficacy", written, alpha, looks)?)
            }
        })
    }

    /// Returns a spending function for an error rate of `total`; `None` if there are problems with that.
    pub(super) fn spending(
        &mut self,
        path: &str,
        written: &file::Boundary,
        total: Option<f64>,
        looks: &[u32],
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
                SpendingFunction::Stated(self.stated_spending(path, spent, total, looks)?)
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
        looks: &[u32],
    ) -> Checked<Vec<StatedSpending>> {
        let path = format!("{path}.spent");
        if spent.len() != looks.len() {
            return self.wrong_length(&path, spent.len(), looks.len(), "one per look");
        }
        if let Some(k) = (1..spent.len()).find(|&k| spent[k] < spent[k - 1]) {
            let allowed = format!("no less than the {} before it", spent[k - 1]);
            return self.fail(&format!("{path}[{k}]"), out_of_range(spent[k], allowed));
        }
        let last = spent.len() - 1;
        // The final look spends the rest, so another total would not be spent as written. The tolerance
        // is for rates such as 1/3, which cannot be written exactly.
        if (spent[last] - total).abs() > 1e-9 * total {
            let message = out_of_range(spent[last], format!("the whole error rate, {total}"));
            return self.fail(&format!("{path}[{last}]"), message);
        }
        let maximum = f64::from(looks[last]);
        let stated = looks.iter().zip(spent).map(|(&n, &spent)| StatedSpending {
            fraction: f64::from(n) / maximum,
            share: spent / total,
        });
        Ok(stated.collect())
    }

    fn futility(
        &mut self,
        alpha: Option<f64>,
        looks: &[u32],
        comparison: Option<PlannedComparison>,
    ) -> Checked<FutilityRule> {
        let file = self.file;
        let interims = looks.len() - 1;
        match &file.design.futility {
            file::Futility::None => Ok(FutilityRule::None),
            // −∞ and p = 1 are how a scenario writes a look without the test.
            file::Futility::Z { bounds } => {
                self.futility_bounds(bounds, interims, |_, z| z.is_finite().then_some(z))
            }
            file::Futility::P { bounds } => {
                self.futility_bounds(bounds, interims, |_, p| (p < 1.0).then(|| upper_quantile(p)))
            }
            file::Futility::Effect { bounds } => {
                let path = "design.futility";
                let what = "is on the effect scale";
                let (comparison, share) =
                    self.closed_form(path, what, "another rule", comparison)?;
                self.futility_bounds(bounds, interims, |k, effect| {
                    if effect == f64::NEG_INFINITY {
                        return None;
                    }
                    let stated = comparison.with_measured_effect(effect)?;
                    Some(stated.z_at_effect(stated.effect(), share, f64::from(looks[k])))
                })
            }
            file::Futility::BetaSpending { spending, power } => {
                let path = "design.futility.spending";
                let function = self.spending(path, spending, Some(1.0 - power), looks)?;
                Ok(FutilityRule::BetaSpending { function, power: *power })
            }
            &file::Futility::ConditionalPower { at_most, under } => {
                let on = match under {
                    file::ConditionalEffect::Trend => ConditionalOn::Trend,
                    file::ConditionalEffect::Planned => {
                        let path = "design.futility.under";
                        let what = "is \"planned\"";
                        let (comparison, share) =
                            self.closed_form(path, what, "\"trend\"", comparison)?;
                        let total = f64::from(looks[interims]);
                        let alpha = alpha.ok_or(Reported)?;
                        ConditionalOn::Drift(comparison.drift(alpha, share, total))
                    }
                };
                Ok(FutilityRule::ConditionalPower { at_most, on })
            }
            &file::Futility::PredictivePower { at_most } => {
                Ok(FutilityRule::PredictivePower { at_most })
            }
        }
    }

    /// Returns the comparison of the first analysis, with the share of the experimental arm, for a rule
    /// that needs its closed form. `what` is about the rule at the path, `instead` another one.
    fn closed_form(
        &mut self,
        path: &str,
        what: &str,
        instead: &str,
        planned: Option<PlannedComparison>,
    ) -> Checked<(Comparison, f64)> {
        let PlannedComparison { comparison, share_experimental } = planned.ok_or(Reported)?;
        match comparison {
            Ok(comparison) => Ok((comparison, share_experimental)),
            Err(cause) => {
                let cause = match cause {
                    // The message is about the method already.
                    NoComparison::Method => String::new(),
                    NoComparison::Arms
                    | NoComparison::Key(_)
                    | NoComparison::SelectiveLoss
                    | NoComparison::Randomisation => format!(" {cause}"),
                };
                let message = format!(
                    "{what}, and the first analysis has no closed form{cause}; allowed: {instead}, or another first analysis ({WITH_CLOSED_FORM})"
                );
                self.fail(path, message)
            }
        }
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

    fn harm(&mut self, looks: &[u32]) -> Checked<HarmRule> {
        let file = self.file;
        Ok(match &file.design.harm {
            file::Harm::None => HarmRule::None,
            file::Harm::Symmetric { spending } => HarmRule::Symmetric { spending: *spending },
            file::Harm::Spending { spending, alpha_one_sided } => {
                let path = "design.harm.spending";
                let function = self.spending(path, spending, Some(*alpha_one_sided), looks)?;
                HarmRule::Spending { function, alpha_one_sided: *alpha_one_sided }
            }
        })
    }
}
