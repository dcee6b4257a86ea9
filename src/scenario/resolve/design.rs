//! Looks and boundaries.

use super::super::comparison::{KnownShares, NoComparison};
use super::super::file;
use super::super::look_timing::{LookCalendar, LookTiming};
use super::super::problems::{conflicts, missing, out_of_range};
use super::looks::shares_of_last;
use super::{Checked, Resolver};
use crate::design::comparison::Comparison;
use crate::design::{Design, DesignError, EfficacyRule, HarmRule, Plan, Rules, Untested};

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

impl<F> Resolver<'_, F> {}
