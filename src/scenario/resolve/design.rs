//! Looks and boundaries.

use super::super::file;
use super::Resolver;
use crate::design::comparison::Comparison;
use crate::design::{
    ConditionalOn, Design, DesignError, EfficacyRule, FutilityRule, HarmRule, Plan, Rules,
    SpendingFunction, StatedSpending, Untested,
};
use crate::num::normal::upper_quantile;
use crate::randomisation::AllocationRatio;
use crate::scenario::comparison::{KnownShares, NoComparison, WITH_CLOSED_FORM};

/// What the first analysis compares, if two distributions say it all.
#[derive(Debug, Clone)]
pub(super) struct PlannedComparison {
    pub comparison: Result<Comparison, NoComparison>,
    /// Share of the experimental arm among the known outcomes.
    pub share_experimental: f64,
}

impl Resolver<'_> {
    /// The maximum information in patients.
    pub(super) fn analysed(&mut self, ratio: AllocationRatio, dropout: [f64; 2]) -> Option<u32> {
        let randomised = self.file.sample_size.randomised;
        let Some(analysed) = self.file.sample_size.analysed else {
            let expected = KnownShares::new(ratio, dropout).patients(randomised);
            return Some(expected.max(file::LEAST_PATIENTS));
        };
        if analysed > randomised {
            let message = format!(
                "is {analysed}; allowed: at most sample_size.randomised ({randomised}), or left out, to \
                 follow it: sample_size = {{ randomised = {randomised} }}"
            );
            return self.fail("sample_size.analysed", message);
        }
        Some(analysed)
    }

    /// `comparison` is that of the first analysis; `None` where something it needs has a mistake.
    pub(super) fn design(
        &mut self,
        analysed: u32,
        comparison: Option<PlannedComparison>,
    ) -> Option<Design> {
        let looks_analysed = self.looks(analysed);
        let rules = self.rules(looks_analysed.as_deref(), comparison);
        let plan = Plan { looks_analysed: looks_analysed?, rules: rules? };
        match Design::new(plan, self.file.sample_size.randomised) {
            Ok(design) => Some(design),
            Err(error) => self.no_boundaries(error),
        }
    }

    fn rules(
        &mut self,
        looks: Option<&[u32]>,
        comparison: Option<PlannedComparison>,
    ) -> Option<Rules> {
        let alpha = self.alpha_one_sided();
        let looks = looks?;
        let interims = looks.len() - 1;
        let file = self.file;
        let written = &file.design;
        let untested = Untested {
            efficacy: self.untested("design.efficacy_looks", &written.efficacy_looks, looks.len()),
            futility: self.untested("design.futility_looks", &written.futility_looks, interims),
            harm: self.untested("design.harm_looks", &written.harm_looks, looks.len()),
        };
        if written.harm_looks.is_some() && !matches!(written.harm, file::Harm::Spending { .. }) {
            self.fail::<()>("design.harm_looks", "is given without a harm boundary that spends an error rate of its own; allowed with `design.harm = { rule = \"spending\", … }`");
        }
        if written.futility_looks.is_some() && written.futility == file::Futility::None {
            self.fail::<()>(
                "design.futility_looks",
                "is given without `design.futility`; allowed with a rule other than \"none\"",
            );
        }
        let efficacy = self.efficacy(&written.efficacy, alpha, looks);
        let futility = self.futility(alpha, looks, comparison);
        let harm = self.harm(looks);
        Some(Rules {
            alpha_one_sided: alpha?,
            efficacy: efficacy?,
            futility: futility?,
            binding_futility: written.binding_futility,
            harm: harm?,
            untested,
        })
    }

    fn alpha_one_sided(&mut self) -> Option<f64> {
        match (self.file.design.alpha_one_sided, self.file.design.alpha_two_sided) {
            (Some(alpha), None) => Some(alpha),
            (None, Some(alpha)) => Some(0.5 * alpha),
            (Some(_), Some(_)) => self.fail(
                "design.alpha_two_sided",
                "is given beside `design.alpha_one_sided`; allowed: exactly one of the two",
            ),
            (None, None) => self.fail(
                "design",
                "has no type I error; expected: exactly one of alpha_one_sided, alpha_two_sided",
            ),
        }
    }

    /// What makes a design without boundaries, said where it can be mended.
    fn no_boundaries<T>(&mut self, error: DesignError) -> Option<T> {
        let (path, message) = match error {
            DesignError::NoEfficacyBoundary => (
                "design.efficacy".to_owned(),
                "spends more than alpha before the final look; allowed: bounds that leave some"
                    .to_owned(),
            ),
            DesignError::UnreachablePower => (
                "design.futility.power".to_owned(),
                "cannot be reached by these looks and efficacy bounds; allowed: a power above \
                 alpha that leaves some type II error to spend"
                    .to_owned(),
            ),
            DesignError::NoRoom { look, futility, efficacy } => (
                match self.file.design.futility {
                    file::Futility::Z { .. }
                    | file::Futility::P { .. }
                    | file::Futility::Effect { .. } => {
                        format!("design.futility.bounds[{}]", look - 1)
                    }
                    _ => "design.futility".to_owned(),
                },
                format!(
                    "is {futility:.4} on the Z scale; allowed: below the efficacy bound of look \
                     {look} ({efficacy:.4})"
                ),
            ),
            DesignError::Unsettled => (
                "design.binding_futility".to_owned(),
                "has no efficacy boundary that goes with it; allowed: false, or futility that \
                 stops less often"
                    .to_owned(),
            ),
            DesignError::TwoSidedFutility => (
                "design.futility".to_owned(),
                "is given for a symmetric two-sided test, which stops below for harm; allowed: \
                 \"none\", or another `design.harm`"
                    .to_owned(),
            ),
        };
        self.fail(&path, message)
    }

    /// Interim looks, from 0, that are not among the `written` ones, from 1.
    fn untested(&mut self, path: &str, written: &Option<Vec<u32>>, looks: usize) -> Vec<usize> {
        let Some(tested) = written else { return Vec::new() };
        for (i, &look) in tested.iter().enumerate() {
            if look as usize > looks {
                let message = format!("is {look}; allowed: 1 to {looks}");
                self.fail::<()>(&format!("{path}[{i}]"), message);
            }
        }
        (0..looks).filter(|&k| !tested.contains(&(k as u32 + 1))).collect()
    }

    /// Outcomes at each look, increasing, the last being the maximum.
    fn looks(&mut self, analysed: u32) -> Option<Vec<u32>> {
        let rounded = |fraction: f64| (fraction * f64::from(analysed)).round() as u32;
        let (path, counts): (&str, Vec<u32>) = match &self.file.design.looks {
            file::Looks::Analysed(counts) => ("design.looks.analysed", counts.clone()),
            file::Looks::InformationFractions(fractions) => {
                let path = "design.looks.information_fractions";
                if *fractions.last()? != 1.0 {
                    let last =
                        format!("ends at {}; allowed: 1 for the final look", fractions.last()?);
                    return self.fail(path, last);
                }
                (path, fractions.iter().map(|&fraction| rounded(fraction)).collect())
            }
            file::Looks::EquallySpaced(looks) => {
                let at = |k: u32| rounded(f64::from(k) / f64::from(*looks));
                ("design.looks.equally_spaced", (1..=*looks).map(at).collect())
            }
        };
        let mut before = 0;
        for (k, &count) in counts.iter().enumerate() {
            if count <= before {
                let at =
                    if path.ends_with("spaced") { path.to_owned() } else { format!("{path}[{k}]") };
                return self.fail(&at, format!("puts look {} at {count} outcomes; allowed: more than the {before} before it", k + 1));
            }
            before = count;
        }
        if before != analysed {
            let at = format!("{path}[{}]", counts.len() - 1);
            return self.fail(
                &at,
                format!(
                    "is {before}; allowed: sample_size.analysed ({analysed}) for the final look, or \
                     looks that follow it: {{ equally_spaced = {} }}",
                    counts.len()
                ),
            );
        }
        Some(counts)
    }

    fn efficacy(
        &mut self,
        written: &file::Boundary,
        alpha: Option<f64>,
        looks: &[u32],
    ) -> Option<EfficacyRule> {
        Some(match *written {
            file::Boundary::None {} => EfficacyRule::FinalOnly,
            file::Boundary::ObrienFleming {} => EfficacyRule::OBRIEN_FLEMING,
            file::Boundary::Pocock {} => EfficacyRule::POCOCK,
            file::Boundary::WangTsiatis { delta } => EfficacyRule::WangTsiatis { delta },
            file::Boundary::HaybittlePeto { interim_z } => {
                EfficacyRule::HaybittlePeto { interim_z }
            }
            _ => EfficacyRule::Spending(self.spending("design.efficacy", written, alpha, looks)?),
        })
    }

    /// A spending function for an error rate of `total`, `None` where that is not known.
    pub(super) fn spending(
        &mut self,
        path: &str,
        written: &file::Boundary,
        total: Option<f64>,
        looks: &[u32],
    ) -> Option<SpendingFunction> {
        Some(match written {
            file::Boundary::LanDemetsObrienFleming {} => SpendingFunction::LanDeMetsObrienFleming,
            file::Boundary::LanDemetsPocock {} => SpendingFunction::LanDeMetsPocock,
            &file::Boundary::HwangShihDecani { gamma } => {
                SpendingFunction::HwangShihDeCani { gamma }
            }
            &file::Boundary::KimDemets { rho } => SpendingFunction::KimDeMets { rho },
            file::Boundary::Cumulative { spent } => {
                SpendingFunction::Stated(self.stated_spending(path, spent, total?, looks)?)
            }
            _ => {
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
    ) -> Option<Vec<StatedSpending>> {
        let path = format!("{path}.spent");
        if spent.len() != looks.len() {
            return self.wrong_length(&path, spent.len(), looks.len(), "one per look");
        }
        if let Some(k) = (1..spent.len()).find(|&k| spent[k] < spent[k - 1]) {
            let message =
                format!("is {}; allowed: no less than the {} before it", spent[k], spent[k - 1]);
            return self.fail(&format!("{path}[{k}]"), message);
        }
        let last = spent.len() - 1;
        if (spent[last] - total).abs() > 1e-9 * total {
            let message = format!("is {}; allowed: the whole error rate, {total}", spent[last]);
            return self.fail(&format!("{path}[{last}]"), message);
        }
        let maximum = f64::from(looks[last]);
        let at = |(&n, &spent): (&u32, &f64)| StatedSpending {
            fraction: f64::from(n) / maximum,
            share: spent / total,
        };
        Some(looks.iter().zip(spent).map(at).collect())
    }

    fn futility(
        &mut self,
        alpha: Option<f64>,
        looks: &[u32],
        comparison: Option<PlannedComparison>,
    ) -> Option<FutilityRule> {
        let file = self.file;
        let interims = looks.len() - 1;
        match &file.design.futility {
            file::Futility::None => Some(FutilityRule::None),
            file::Futility::Z { bounds } => {
                // −inf is read as the most negative number.
                self.futility_bounds(bounds, interims, |_, z| (z > f64::MIN).then_some(z))
            }
            file::Futility::P { bounds } => {
                self.futility_bounds(bounds, interims, |_, p| (p < 1.0).then(|| upper_quantile(p)))
            }
            file::Futility::Effect { bounds } => {
                let PlannedComparison { comparison, share_experimental } = comparison?;
                let comparison = match comparison {
                    Ok(comparison) => comparison,
                    Err(cause) => {
                        let message = format!(
                            "is on the effect scale, and the first analysis has no closed form{}; allowed: another rule, or another first analysis ({WITH_CLOSED_FORM})",
                            cause_of(cause)
                        );
                        return self.fail("design.futility", message);
                    }
                };
                self.futility_bounds(bounds, interims, |k, effect| {
                    let stated =
                        comparison.with_measured_effect(effect).filter(|_| effect > f64::MIN)?;
                    let total = f64::from(looks[k]);
                    Some(stated.z_at_effect(stated.effect(), share_experimental, total))
                })
            }
            file::Futility::BetaSpending { spending, power } => {
                let path = "design.futility.spending";
                let function = self.spending(path, spending, Some(1.0 - power), looks)?;
                Some(FutilityRule::BetaSpending { function, power: *power })
            }
            &file::Futility::ConditionalPower { at_most, under } => {
                let on = match under {
                    file::ConditionalEffect::Trend => ConditionalOn::Trend,
                    file::ConditionalEffect::Planned => {
                        let PlannedComparison { comparison, share_experimental } = comparison?;
                        let total = f64::from(looks[interims]);
                        match comparison {
                            Ok(comparison) => ConditionalOn::Drift(comparison.drift(
                                alpha?,
                                share_experimental,
                                total,
                            )),
                            Err(cause) => {
                                let message = format!(
                                    "is \"planned\", and the first analysis has no closed form{}; allowed: \"trend\", or another first analysis ({WITH_CLOSED_FORM})",
                                    cause_of(cause)
                                );
                                return self.fail("design.futility.under", message);
                            }
                        }
                    }
                };
                Some(FutilityRule::ConditionalPower { at_most, on })
            }
            &file::Futility::PredictivePower { at_most } => {
                Some(FutilityRule::PredictivePower { at_most })
            }
        }
    }

    fn futility_bounds(
        &mut self,
        bounds: &[f64],
        interims: usize,
        bound: impl Fn(usize, f64) -> Option<f64>,
    ) -> Option<FutilityRule> {
        if bounds.len() != interims {
            let path = "design.futility.bounds";
            return self.wrong_length(path, bounds.len(), interims, "one per interim look");
        }
        let bounds = bounds.iter().enumerate().map(|(k, &written)| bound(k, written));
        Some(FutilityRule::Z(bounds.collect()))
    }

    fn harm(&mut self, looks: &[u32]) -> Option<HarmRule> {
        let file = self.file;
        Some(match &file.design.harm {
            file::Harm::None => HarmRule::None,
            file::Harm::Symmetric { spending } => HarmRule::Symmetric { spending: *spending },
            file::Harm::Spending { spending, alpha_one_sided } => {
                let alpha_one_sided = *alpha_one_sided;
                let total = Some(alpha_one_sided);
                let function = self.spending("design.harm.spending", spending, total, looks)?;
                HarmRule::Spending { function, alpha_one_sided }
            }
        })
    }
}

/// Why an analysis has no closed form, where that is not its method, which the message is about.
fn cause_of(cause: NoComparison) -> String {
    match cause {
        NoComparison::Method => String::new(),
        other => format!(" {other}"),
    }
}
