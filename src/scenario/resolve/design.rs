//! Looks and boundaries.

use super::super::file;
use super::Resolver;
use crate::design::{Design, EfficacyRule, FutilityRule, Plan, SpendingFunction};
use crate::randomisation::AllocationRatio;
use crate::scenario::closed_form::expected_known;

impl Resolver<'_> {
    /// The maximum information in patients.
    pub(super) fn analysed(&mut self, ratio: AllocationRatio, dropout: [f64; 2]) -> Option<u32> {
        let randomised = self.file.sample_size.randomised;
        let Some(analysed) = self.file.sample_size.analysed else {
            let experimental = ratio.share_experimental();
            let known = 1.0 - (1.0 - experimental) * dropout[0] - experimental * dropout[1];
            let expected = expected_known(randomised, known);
            return Some(expected.max(1));
        };
        if analysed > randomised {
            let message =
                format!("is {analysed}; allowed: at most sample_size.randomised ({randomised})");
            return self.fail("sample_size.analysed", message);
        }
        Some(analysed)
    }

    pub(super) fn design(&mut self, analysed: u32) -> Option<Design> {
        let written = &self.file.design;
        let alpha = match (written.alpha_one_sided, written.alpha_two_sided) {
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
        };
        let looks_analysed = self.looks(analysed);
        let interims = looks_analysed.as_ref()?.len() - 1;
        let futility = self.futility(interims);
        let has_futility = futility.as_ref() != Some(&FutilityRule::None);
        let plan = Plan {
            alpha_one_sided: alpha?,
            looks_analysed: looks_analysed?,
            efficacy: efficacy_rule(self.file.design.efficacy),
            futility: futility?,
        };
        let Ok(design) = Design::new(plan, self.file.sample_size.randomised) else {
            return self.fail("design.futility.power", "cannot be reached by these looks and efficacy bounds; allowed: a power above alpha that leaves some type II error to spend");
        };
        if has_futility {
            for (k, look) in design.interims().iter().enumerate() {
                if look.futility >= look.efficacy {
                    let (futility, efficacy) = (look.futility, look.efficacy);
                    let path = format!("design.futility.bounds[{k}]");
                    self.fail::<()>(&path, format!("is {futility:.4}; allowed: below the efficacy bound of look {} ({efficacy:.4})", k + 1));
                }
            }
        }
        Some(design)
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
                    "is {before}; allowed: sample_size.analysed ({analysed}) for the final look"
                ),
            );
        }
        Some(counts)
    }

    fn futility(&mut self, interims: usize) -> Option<FutilityRule> {
        match &self.file.design.futility {
            file::Futility::None => Some(FutilityRule::None),
            file::Futility::Z { bounds } if bounds.len() != interims => self.wrong_length(
                "design.futility.bounds",
                bounds.len(),
                interims,
                "one per interim look",
            ),
            file::Futility::Z { bounds } => {
                // −inf is read as the most negative number.
                let bound = |&z: &f64| (z > f64::MIN).then_some(z);
                Some(FutilityRule::Z(bounds.iter().map(bound).collect()))
            }
            file::Futility::BetaSpending { spending, power } => Some(FutilityRule::BetaSpending {
                function: spending_function(*spending),
                power: *power,
            }),
        }
    }
}

fn efficacy_rule(written: file::Efficacy) -> EfficacyRule {
    let spending = |function| EfficacyRule::Spending(function);
    match written {
        file::Efficacy::None {} => EfficacyRule::FinalOnly,
        file::Efficacy::ObrienFleming {} => EfficacyRule::ObrienFleming,
        file::Efficacy::Pocock {} => EfficacyRule::Pocock,
        file::Efficacy::LanDemetsObrienFleming {} => {
            spending(SpendingFunction::LanDeMetsObrienFleming)
        }
        file::Efficacy::LanDemetsPocock {} => spending(SpendingFunction::LanDeMetsPocock),
        file::Efficacy::HwangShihDecani { gamma } => {
            spending(SpendingFunction::HwangShihDeCani { gamma })
        }
        file::Efficacy::KimDemets { rho } => spending(SpendingFunction::KimDeMets { rho }),
    }
}

fn spending_function(written: file::Spending) -> SpendingFunction {
    match written {
        file::Spending::LanDemetsObrienFleming {} => SpendingFunction::LanDeMetsObrienFleming,
        file::Spending::LanDemetsPocock {} => SpendingFunction::LanDeMetsPocock,
        file::Spending::HwangShihDecani { gamma } => SpendingFunction::HwangShihDeCani { gamma },
        file::Spending::KimDemets { rho } => SpendingFunction::KimDeMets { rho },
    }
}
