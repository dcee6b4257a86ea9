//! Characteristics of a design: its sizes, the meaning of its boundaries, and its performance under
//! any effect.
//!
//! All are normal approximations; for two proportions there are exact values as well.

mod looks;

pub use looks::{BoundaryCharacteristics, LookCharacteristics};

use serde::Serialize;

use super::boundaries::Boundaries;
use super::comparison::{Comparison, TwoProportions};
use super::exact::{ExactDesign, ExactProbabilities, StoppingRegion};
use super::rules::{DesignError, Rules};
use super::sample_size::{ArmSizes, Rounding};
use crate::num::normal::{upper_quantile, upper_tail};
use crate::num::root::brent;
use looks::StatedEffect;

/// A design with the comparison it is made for.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Rules of the boundaries.
    pub rules: Rules,
    /// Information at each look, increasing to 1.
    pub information_fractions: Vec<f64>,
    /// Comparison under the stated alternative.
    pub comparison: Comparison,
    /// Share of the analysed patients in the experimental arm, in (0, 1).
    pub share_experimental: f64,
    /// Convention by which exact sizes become whole patients.
    pub rounding: Rounding,
    /// Shares of control and experimental patients whose outcome is never known, in \[0, 1).
    pub dropout: [f64; 2],
    /// Whether sizes are expected ones, of which the experimental arm has its share on average;
    /// otherwise each arm has whole patients.
    pub sizes_are_expected: bool,
}

/// Size that reaches a power.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequiredSize {
    /// Wanted P(efficacy) under the alternative.
    pub power: f64,
    /// Patients analysed at the final look, not rounded: those of the fixed design times the
    /// inflation factor.
    pub total: f64,
    /// Patients of the design with one look and the same error rate and power.
    pub fixed_total: f64,
    /// Maximum information over that of the fixed design.
    pub inflation_factor: f64,
}

impl Question {
    /// Computes the size that reaches `power`; `None` if no size does.
    pub fn required(&self, boundaries: &Boundaries, power: f64) -> Option<RequiredSize> {
        let alpha = self.rules.alpha_one_sided;
        let share = self.share_experimental;
        let fixed_total = self.comparison.fixed_sample_size(alpha, power, share)?;
        let inflation_factor = boundaries.inflation_factor(alpha, power)?;
        // The inflation factor is of information, to which patients are taken to be proportional.
        let total = fixed_total * inflation_factor;
        Some(RequiredSize { power, total, fixed_total, inflation_factor })
    }

    /// Returns the share of the experimental arm among the patients of a look.
    fn share_of(&self, size: ArmSizes) -> f64 {
        if self.sizes_are_expected { self.share_experimental } else { size.share_experimental() }
    }

    /// Returns cumulative sizes per look for an exact total.
    pub fn sizes(&self, total: f64) -> Vec<ArmSizes> {
        self.rounding.sizes(total, self.share_experimental, &self.information_fractions)
    }

    /// Returns the question with the smallest effect for which `total` patients have this power;
    /// `None` if no effect has it.
    pub fn with_detectable_effect(
        &self,
        boundaries: &Boundaries,
        power: f64,
        total: f64,
    ) -> Option<Self> {
        let drift = boundaries.drift_for_power(power)?;
        let (alpha, share) = (self.rules.alpha_one_sided, self.share_experimental);
        let comparison = self.comparison.with_drift(drift, alpha, share, total)?;
        Some(Self { comparison, ..self.clone() })
    }

    /// Returns the question with the one-sided error rate at which `total` patients have this
    /// power; `None` if no error rate has it.
    pub fn with_sufficient_alpha(&self, power: f64, total: f64) -> Option<Self> {
        let alpha = brent(|alpha| self.power_at(alpha, total) - power, 1e-9, 0.4999)?;
        // The power jumps where boundaries begin or cease to exist, and the search may have found
        // the jump.
        let is_root = (self.power_at(alpha, total) - power).abs() < 1e-6;
        is_root.then(|| Self { rules: self.rules_at(alpha), ..self.clone() })
    }

    /// Computes the power of `total` patients at a one-sided error rate.
    fn power_at(&self, alpha: f64, total: f64) -> f64 {
        let drift = self.comparison.drift(alpha, self.share_experimental, total);
        match Boundaries::new(&self.rules_at(alpha), &self.information_fractions) {
            Ok(found) => found.stopping(drift).rejection(),
            // Bounds that do not depend on alpha use up more than a small one: search above.
            Err(DesignError::NoEfficacyBoundary) => 0.0,
            // A large alpha leaves no room for futility: search below.
            Err(
                DesignError::UnreachablePower
                | DesignError::NoRoom { .. }
                | DesignError::Unsettled
                | DesignError::TwoSidedFutility,
            ) => 1.0,
        }
    }

    fn rules_at(&self, alpha_one_sided: f64) -> Rules {
        Rules { alpha_one_sided, ..self.rules.clone() }
    }
}

/// Characteristics of a design.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesignCharacteristics {
    /// One-sided error rate.
    pub alpha_one_sided: f64,
    /// P(efficacy) under the stated alternative at these sizes.
    pub power: f64,
    /// Derivation of the size; null if the size was given.
    pub required: Option<RequiredSize>,
    /// Patients analysed at the final look.
    pub analysed: ArmSizes,
    /// Patients to randomise for these.
    pub randomised: ArmSizes,
    /// The design with one look, for comparison.
    pub fixed: FixedDesign,
    /// Mean of Z at the final look under the stated alternative.
    pub drift: f64,
    /// Look by look; the last is the final one.
    pub looks: Vec<LookCharacteristics>,
    /// Performance under no effect, half of it, all of it, and other requested effects, in
    /// increasing order.
    pub effects: Vec<EffectCharacteristics>,
    /// Exact values; null except for two proportions in trials of moderate size.
    pub exact: Option<ExactCharacteristics>,
}

/// A design with one look and the same error rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FixedDesign {
    /// Power on the same number of patients.
    pub power: f64,
    /// Patients, not rounded, with the power of the design with looks; null if no number has it.
    pub total: Option<f64>,
    /// Maximum information of the design with looks over that of this one, at the same power.
    pub inflation_factor: Option<f64>,
}

/// Performance of the design under one effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffectCharacteristics {
    /// Share of the stated effect beyond the null hypothesis: 0 none, 1 all of it.
    pub fraction: f64,
    /// Effect on the scale of the comparison.
    pub effect: f64,
    /// Mean of Z at the final look.
    pub drift: f64,
    /// P(efficacy) at each look.
    pub efficacy: Vec<f64>,
    /// P(stop for futility) at each look.
    pub futility: Vec<f64>,
    /// P(harm) at each look.
    pub harm: Vec<f64>,
    /// P(efficacy at any look).
    pub rejection: f64,
    /// Mean information when the trial ends, over the maximum.
    pub expected_information: f64,
    /// Mean number of patients analysed when the trial ends.
    pub expected_total: f64,
    /// Median of the number of patients analysed when the trial ends, one of those at the looks.
    pub median_total: u32,
    /// 90th percentile of that number.
    pub p90_total: u32,
}

/// Exact values for two proportions with the planned number of patients in each arm, by recursion
/// over the counts of successes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExactCharacteristics {
    /// Probabilities under the stated alternative.
    pub alternative: ExactProbabilities,
    /// Probabilities with the planned control rate in both arms; with a margin, with the experimental arm
    /// at the margin.
    pub null: ExactProbabilities,
    /// The largest one-sided type I error over all control rates between 0 and 1, to a relative
    /// 1e-7; futility that is not binding, and harm, are disregarded, except with Bayesian decisions. Null
    /// with a margin.
    pub maximum_type_one_error: Option<f64>,
    /// Control rate with that error; null with a margin.
    pub maximum_at: Option<f64>,
}

impl DesignCharacteristics {
    /// Computes the characteristics of a design with these cumulative `sizes` per look, at the
    /// stated effect and at the given fractions of it.
    pub fn new(
        question: &Question,
        boundaries: &Boundaries,
        sizes: &[ArmSizes],
        fractions: &[f64],
    ) -> Self {
        let analysed = sizes[sizes.len() - 1];
        let effects: Vec<_> = fractions
            .iter()
            .map(|&f| EffectCharacteristics::new(question, boundaries, sizes, f))
            .collect();
        let planned = EffectCharacteristics::new(question, boundaries, sizes, 1.0);
        let stated = StatedEffect { question, planned: &planned };
        let looks = LookCharacteristics::under(stated, boundaries, sizes);
        Self {
            alpha_one_sided: question.rules.alpha_one_sided,
            power: planned.rejection,
            required: None,
            analysed,
            randomised: analysed.randomised(question.dropout),
            fixed: FixedDesign::new(question, boundaries, &planned),
            drift: planned.drift,
            looks,
            effects,
            exact: ExactCharacteristics::new(question, boundaries, sizes),
        }
    }
}

impl FixedDesign {
    fn new(question: &Question, looks: &Boundaries, planned: &EffectCharacteristics) -> Self {
        let alpha = question.rules.alpha_one_sided;
        // The two designs are compared at the power that the one with looks has, not at the wanted
        // one.
        let required = question.required(looks, planned.rejection);
        Self {
            // The drift is defined such that this is the power of one look, whatever the variances.
            power: upper_tail(upper_quantile(alpha) - planned.drift),
            total: required.as_ref().map(|required| required.fixed_total),
            inflation_factor: required.map(|required| required.inflation_factor),
        }
    }
}

impl EffectCharacteristics {
    fn new(
        question: &Question,
        boundaries: &Boundaries,
        sizes: &[ArmSizes],
        fraction: f64,
    ) -> Self {
        let analysed = sizes[sizes.len() - 1];
        let comparison = question.comparison.at_fraction(fraction);
        let (share, total) = (question.share_of(analysed), f64::from(analysed.total()));
        let drift = comparison.drift(question.rules.alpha_one_sided, share, total);
        let stopping = boundaries.stopping(drift);
        let sizes: Vec<u32> = sizes.iter().map(|size| size.total()).collect();
        let totals: Vec<f64> = sizes.iter().map(|&size| f64::from(size)).collect();
        Self {
            fraction,
            // Adding 0 turns −0, which no effect may have, into 0.
            effect: comparison.measured_effect() + 0.0,
            drift: drift + 0.0,
            rejection: stopping.rejection(),
            expected_information: stopping.expected(&boundaries.information_fractions),
            expected_total: stopping.expected(&totals),
            median_total: stopping.quantile(&sizes, 0.5),
            p90_total: stopping.quantile(&sizes, 0.9),
            efficacy: stopping.efficacy,
            futility: stopping.futility,
            harm: stopping.harm,
        }
    }
}

/// Largest number of patients per arm for which exact values are computed.
// More take longer than a person waits.
const MOST_PER_ARM: u32 = 500;

impl ExactCharacteristics {
    fn new(question: &Question, boundaries: &Boundaries, sizes: &[ArmSizes]) -> Option<Self> {
        let Comparison::TwoProportions(comparison) = &question.comparison else { return None };
        let largest = sizes[sizes.len() - 1];
        if largest.control.max(largest.experimental) > MOST_PER_ARM {
            return None;
        }
        let (statistic, efficacy) = (comparison.exact_statistic()?, &boundaries.efficacy);
        let heeded = ExactDesign::new(sizes, statistic, efficacy, &boundaries.lower()).ok()?;
        // Power heeds every stop; the type I error only those that the efficacy boundary relies on,
        // as others may be overruled.
        let counted_out: Vec<f64> = boundaries
            .futility
            .iter()
            .zip(efficacy)
            .map(|(&low, &high)| question.rules.counted_out_below(low, high))
            .collect();
        let for_error = ExactDesign::new(sizes, statistic, efficacy, &counted_out).ok()?;
        Some(Self::of(comparison, &heeded, &for_error))
    }

    /// Computes the probabilities of `heeded` at the rates of a comparison, and the largest type I error of
    /// `for_error`.
    fn of(comparison: &TwoProportions, heeded: &ExactDesign, for_error: &ExactDesign) -> Self {
        // At a margin the arms have no rate in common, of which the error would be a function.
        let error = (!comparison.has_margin()).then(|| for_error.maximum_type_one_error());
        Self {
            alternative: heeded.probabilities(comparison.rates()),
            null: heeded.probabilities(comparison.rates_under_null()),
            maximum_type_one_error: error.map(|error| error.maximum),
            maximum_at: error.map(|error| error.at),
        }
    }

    /// Computes the characteristics of a trial of two proportions that stops at these counts; `None` for
    /// other comparisons, trials too large to enumerate, and looks that do not grow.
    pub fn of_regions(question: &Question, regions: Vec<StoppingRegion>) -> Option<Self> {
        let Comparison::TwoProportions(comparison) = &question.comparison else { return None };
        let largest = regions.last()?.sizes;
        if largest.control.max(largest.experimental) > MOST_PER_ARM {
            return None;
        }
        let exact = ExactDesign::of_regions(regions).ok()?;
        Some(Self::of(comparison, &exact, &exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::efficacy::EfficacyRule;
    use crate::design::futility::FutilityRule;

    /// With one look left, the powers at a boundary have closed forms (Jennison & Turnbull 2000,
    /// equations 10.1, 10.4 and 10.6).
    #[test]
    fn powers_at_the_first_of_two_looks_are_the_closed_forms() {
        let comparison = TwoProportions::new(0.25, 0.4).expect("rates");
        let question = Question {
            rules: Rules {
                futility: FutilityRule::Z(vec![Some(0.3)]),
                ..Rules::efficacy_only(0.025, EfficacyRule::OBRIEN_FLEMING)
            },
            information_fractions: vec![0.4, 1.0],
            comparison: Comparison::TwoProportions(comparison),
            share_experimental: 0.5,
            rounding: Rounding::PerArm,
            dropout: [0.0; 2],
            sizes_are_expected: false,
        };
        let boundaries =
            Boundaries::new(&question.rules, &question.information_fractions).expect("solvable");
        let sizes = question.sizes(320.0);
        let found = DesignCharacteristics::new(&question, &boundaries, &sizes, &[1.0]);
        let [first, last] = &found.looks[..] else { panic!("two looks") };
        let (t, critical) = (0.4_f64, boundaries.efficacy[1]);
        let conditional = |z: f64, drift: f64| {
            upper_tail((critical - z * t.sqrt() - drift * (1.0 - t)) / (1.0 - t).sqrt())
        };
        for bound in [first.efficacy.as_ref(), first.futility.as_ref()] {
            let bound = bound.expect("both are tested at the first look");
            let z = bound.z;
            for (got, expected) in [
                (bound.conditional_power, conditional(z, found.drift)),
                (bound.conditional_power_trend, conditional(z, z / t.sqrt())),
                (bound.predictive_power, upper_tail((critical * t.sqrt() - z) / (1.0 - t).sqrt())),
            ] {
                let got = got.expect("one look is left");
                assert!((got - expected).abs() < 1e-9, "{z}: {got} {expected}");
            }
        }
        let last = last.efficacy.as_ref().expect("tested at the end");
        assert_eq!(last.conditional_power, None);
        assert_eq!(last.conditional_power_trend, None);
        assert_eq!(last.predictive_power, None);
    }
}
