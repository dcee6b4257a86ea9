//! What a design says: its sizes, what its boundaries mean, and how it performs under any effect.
//!
//! By the normal approximation; for two proportions also exactly.

use serde::Serialize;

use super::boundaries::{Boundaries, DesignError, Rules};
use super::comparison::Comparison;
use super::exact::{ExactDesign, ExactProbabilities};
use super::inference::{Drift, Prior};
use super::sample_size::{ArmSizes, Rounding};
use crate::num::normal::{upper_quantile, upper_tail};
use crate::num::root::brent;

/// A design and what it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// How boundaries are found.
    pub rules: Rules,
    /// Information at each look, increasing to 1.
    pub information_fractions: Vec<f64>,
    /// What is compared, under the stated alternative.
    pub comparison: Comparison,
    /// Share of the analysed patients in the experimental arm, in (0, 1).
    pub share_experimental: f64,
    /// How exact sizes become whole patients.
    pub rounding: Rounding,
    /// Shares of control and experimental patients whose outcome is never known, in \[0, 1).
    pub dropout: [f64; 2],
    /// Whether sizes are those expected, of which the experimental arm has its share on average;
    /// else each arm has the whole patients that it is given.
    pub sizes_are_expected: bool,
}

/// The size that reaches a power.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequiredSize {
    /// Wanted P(efficacy) under the alternative.
    pub power: f64,
    /// Patients analysed at the final look, not rounded: that of the fixed design times the
    /// inflation factor.
    pub total: f64,
    /// Those of the design with one look and the same error rate and power.
    pub fixed_total: f64,
    /// Maximum information over that of the fixed design.
    pub inflation_factor: f64,
}

impl Question {
    /// The size that reaches `power`; `None` where none does.
    pub fn required(&self, boundaries: &Boundaries, power: f64) -> Option<RequiredSize> {
        let alpha = self.rules.alpha_one_sided;
        let share = self.share_experimental;
        let fixed_total = self.comparison.fixed_sample_size(alpha, power, share)?;
        let inflation_factor = boundaries.inflation_factor(alpha, power)?;
        let total = fixed_total * inflation_factor;
        Some(RequiredSize { power, total, fixed_total, inflation_factor })
    }

    /// Share of the experimental arm among the patients of a look.
    fn share_of(&self, size: ArmSizes) -> f64 {
        if self.sizes_are_expected { self.share_experimental } else { size.share_experimental() }
    }

    /// Cumulative sizes per look for an exact total.
    pub fn sizes(&self, total: f64) -> Vec<ArmSizes> {
        self.rounding.sizes(total, self.share_experimental, &self.information_fractions)
    }

    /// The smallest effect that `total` patients show with this power; `None` where none does.
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

    /// The one-sided error rate at which `total` patients have this power; `None` where none has.
    pub fn with_sufficient_alpha(&self, power: f64, total: f64) -> Option<Self> {
        let at = |alpha_one_sided: f64| Self {
            rules: Rules { alpha_one_sided, ..self.rules.clone() },
            ..self.clone()
        };
        let excess = |alpha: f64| {
            let question = at(alpha);
            let drift = self.comparison.drift(alpha, self.share_experimental, total);
            match Boundaries::new(&question.rules, &self.information_fractions) {
                Ok(found) => found.stopping(drift).rejection() - power,
                // Bounds that do not depend on alpha use up more than a small one.
                Err(DesignError::NoEfficacyBoundary) => -power,
                // A large one leaves no room for futility.
                Err(_) => 1.0 - power,
            }
        };
        let found = brent(excess, 1e-9, 0.4999)?;
        // Where boundaries begin or end there is a jump and no root.
        (excess(found).abs() < 1e-6).then(|| at(found))
    }
}

/// What a design says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesignCharacteristics {
    /// One-sided error rate.
    pub alpha_one_sided: f64,
    /// P(efficacy) under the stated alternative at these sizes.
    pub power: f64,
    /// What the size was found from, where it was.
    pub required: Option<RequiredSize>,
    /// Patients analysed at the final look.
    pub analysed: ArmSizes,
    /// Patients to randomise for that.
    pub randomised: ArmSizes,
    /// The design with one look beside it.
    pub fixed: FixedDesign,
    /// Mean of Z at the final look under the stated alternative.
    pub drift: f64,
    /// Look by look; the last is the final one.
    pub looks: Vec<LookCharacteristics>,
    /// Under no effect, half of it, all of it, and any others asked for, from the smallest.
    pub effects: Vec<EffectCharacteristics>,
    /// Without approximation; null but for two proportions of moderate size.
    pub exact: Option<ExactCharacteristics>,
}

/// A design with one look and the same error rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FixedDesign {
    /// Its power on as many patients.
    pub power: f64,
    /// Its patients, not rounded, for the power that the looks have; null where none has it.
    pub total: Option<f64>,
    /// Maximum information of the looks over its own for that power.
    pub inflation_factor: Option<f64>,
}

/// One planned look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LookCharacteristics {
    /// From 1.
    pub look: usize,
    /// Share of the maximum information.
    pub information_fraction: f64,
    /// Patients analysed.
    pub analysed: ArmSizes,
    /// The efficacy boundary; null where it is not tested.
    pub efficacy: Option<BoundaryCharacteristics>,
    /// The futility boundary.
    pub futility: Option<BoundaryCharacteristics>,
    /// The harm boundary.
    pub harm: Option<BoundaryCharacteristics>,
    /// One-sided α spent up to and including this look.
    pub alpha_spent: f64,
    /// P(ended without efficacy up to and including this look) under the stated alternative.
    pub beta_spent: f64,
}

/// What it means to be at a boundary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoundaryCharacteristics {
    /// On the Z scale.
    pub z: f64,
    /// Nominal one-sided p value of benefit.
    pub p_one_sided: f64,
    /// Observed effect with control as planned, on the scale of the comparison; null where no finite
    /// effect gives this Z.
    pub effect: Option<f64>,
    /// The same as an odds ratio of success, or common odds ratio; null for means.
    pub odds_ratio: Option<f64>,
    /// P(efficacy at a later look) under the stated alternative; null at the final look.
    pub conditional_power: Option<f64>,
    /// The same under the effect just seen.
    pub conditional_power_trend: Option<f64>,
    /// Averaged over what the data say of the effect (flat prior).
    pub predictive_power: Option<f64>,
}

/// The design under one effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffectCharacteristics {
    /// Share of the stated effect beyond the null hypothesis: 0 none, 1 all of it.
    pub fraction: f64,
    /// On the scale of the comparison.
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
}

/// Two proportions with the planned number of patients in each arm, by recursion over the counts of
/// successes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExactCharacteristics {
    /// Under the stated alternative.
    pub alternative: ExactProbabilities,
    /// With the planned control rate in both arms.
    pub null: ExactProbabilities,
    /// The largest one-sided type I error over all control rates from 0.01 to 0.99, to a relative
    /// 1e-7; futility that is not binding, and harm, are disregarded.
    pub maximum_type_one_error: f64,
    /// The control rate that has it.
    pub maximum_at: f64,
}

impl DesignCharacteristics {
    /// Of a design with these cumulative `sizes` per look, at the stated effect and at the given
    /// fractions of it.
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
        let looks = LookCharacteristics::all(question, boundaries, sizes, &planned);
        Self {
            alpha_one_sided: question.rules.alpha_one_sided,
            power: planned.rejection,
            required: None,
            analysed,
            randomised: analysed.randomised(question.dropout),
            fixed: FixedDesign::beside(question, boundaries, &planned),
            drift: planned.drift,
            looks,
            effects,
            exact: ExactCharacteristics::new(question, boundaries, sizes),
        }
    }
}

impl FixedDesign {
    fn beside(question: &Question, looks: &Boundaries, planned: &EffectCharacteristics) -> Self {
        let alpha = question.rules.alpha_one_sided;
        let required = question.required(looks, planned.rejection);
        Self {
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
        let totals: Vec<f64> = sizes.iter().map(|size| f64::from(size.total())).collect();
        Self {
            fraction,
            // Not −0 for no effect.
            effect: comparison.measured_effect() + 0.0,
            drift: drift + 0.0,
            rejection: stopping.rejection(),
            expected_information: stopping.expected(&boundaries.information_fractions),
            expected_total: stopping.expected(&totals),
            efficacy: stopping.efficacy,
            futility: stopping.futility,
            harm: stopping.harm,
        }
    }
}

impl LookCharacteristics {
    fn all(
        question: &Question,
        boundaries: &Boundaries,
        sizes: &[ArmSizes],
        planned: &EffectCharacteristics,
    ) -> Vec<Self> {
        let last = sizes.len() - 1;
        let mut beta_spent = 0.0;
        let look = |k: usize| {
            beta_spent += planned.futility[k] + planned.harm[k];
            let at = |bounds: &[f64]| {
                bounds[k].is_finite().then(|| {
                    BoundaryCharacteristics::new(
                        question,
                        boundaries,
                        sizes,
                        (k, bounds[k]),
                        planned.drift,
                    )
                })
            };
            Self {
                look: k + 1,
                information_fraction: boundaries.information_fractions[k],
                analysed: sizes[k],
                efficacy: at(&boundaries.efficacy),
                futility: at(&boundaries.futility),
                harm: at(&boundaries.harm),
                alpha_spent: boundaries.alpha_spent[k],
                beta_spent: if k == last { 1.0 - planned.rejection } else { beta_spent },
            }
        };
        (0..=last).map(look).collect()
    }
}

impl BoundaryCharacteristics {
    fn new(
        question: &Question,
        boundaries: &Boundaries,
        sizes: &[ArmSizes],
        (k, z): (usize, f64),
        drift: f64,
    ) -> Self {
        let (share, total) = (question.share_of(sizes[k]), f64::from(sizes[k].total()));
        let effect = question.comparison.effect_at_z(z, share, total);
        let no_lower = vec![f64::NEG_INFINITY; sizes.len()];
        let interim = (k + 1 < sizes.len()).then(|| boundaries.with_lower(&no_lower));
        Self {
            z,
            p_one_sided: upper_tail(z),
            effect: effect
                .map(|effect| question.comparison.with_effect(effect).measured_effect())
                .filter(|effect| effect.is_finite()),
            odds_ratio: effect.and_then(|effect| question.comparison.odds_ratio_of(effect)),
            conditional_power: interim.map(|it| it.conditional_power(k, z, Drift::Stated(drift))),
            conditional_power_trend: interim
                .map(|it| it.conditional_power(k, z, Drift::CurrentTrend)),
            predictive_power: interim.map(|it| it.predictive_power(k, z, Prior::Flat)),
        }
    }
}

/// Common rates over which the largest type I error is sought.
const RATES: (f64, f64) = (0.01, 0.99);

/// More patients per arm than this take longer than a person waits.
const MOST_PER_ARM: u32 = 500;

impl ExactCharacteristics {
    fn new(question: &Question, boundaries: &Boundaries, sizes: &[ArmSizes]) -> Option<Self> {
        let Comparison::TwoProportions(comparison) = &question.comparison else { return None };
        let largest = sizes[sizes.len() - 1];
        let moderate = largest.control.max(largest.experimental) <= MOST_PER_ARM;
        let statistic = comparison.exact_statistic().filter(|_| moderate)?;
        let design =
            |lower: &[f64]| ExactDesign::new(sizes, statistic, &boundaries.efficacy, lower).ok();
        let heeded = design(&boundaries.lower())?;
        let bounds = boundaries.futility.iter().zip(&boundaries.efficacy);
        let counted_out = bounds
            .map(|(&low, &high)| question.rules.counted_out_below(low, high))
            .collect::<Vec<_>>();
        let (lowest, highest) = RATES;
        let error = design(&counted_out)?.maximum_type_one_error(lowest, highest);
        let (control, _) = comparison.rates();
        Some(Self {
            alternative: heeded.probabilities(comparison.rates()),
            null: heeded.probabilities((control, control)),
            maximum_type_one_error: error.maximum,
            maximum_at: error.at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::comparison::TwoProportions;
    use crate::design::efficacy::EfficacyRule;
    use crate::design::futility::FutilityRule;

    /// With one look to come, the powers at a boundary have closed forms (Jennison & Turnbull 2000,
    /// equations 10.1, 10.4 and 10.6).
    #[test]
    fn power_at_the_first_of_two_boundaries_is_the_closed_form() {
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
                let got = got.expect("one look is to come");
                assert!((got - expected).abs() < 1e-9, "{z}: {got} {expected}");
            }
        }
        let last = last.efficacy.as_ref().expect("tested at the end");
        assert_eq!(last.conditional_power, None);
        assert_eq!(last.conditional_power_trend, None);
        assert_eq!(last.predictive_power, None);
    }
}
