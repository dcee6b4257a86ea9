//! Looks of a design, and the meaning of its boundaries at each.

use serde::Serialize;

use super::{EffectCharacteristics, Question};
use crate::design::boundaries::Boundaries;
use crate::design::inference::{AssumedDrift, DriftPrior, Monitored};
use crate::design::sample_size::ArmSizes;
use crate::num::normal::{two_sided, upper_tail};

/// One planned look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LookCharacteristics {
    /// Number of the look, from 1.
    pub look: usize,
    /// Share of the maximum information.
    pub information_fraction: f64,
    /// Patients analysed.
    pub analysed: ArmSizes,
    /// Efficacy boundary; null if it is not tested.
    pub efficacy: Option<BoundaryCharacteristics>,
    /// Futility boundary; null if it is not tested.
    pub futility: Option<BoundaryCharacteristics>,
    /// Harm boundary; null if it is not tested.
    pub harm: Option<BoundaryCharacteristics>,
    /// One-sided α spent up to and including this look.
    pub alpha_spent: f64,
    /// P(ended without efficacy up to and including this look) under the stated alternative; null if its
    /// effect on Z is not known.
    pub beta_spent: Option<f64>,
}

/// Meaning of a Z at a boundary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoundaryCharacteristics {
    /// The boundary, on the Z scale.
    pub z: f64,
    /// Nominal one-sided p value of benefit.
    pub p_one_sided: f64,
    /// Nominal two-sided p value.
    pub p_two_sided: f64,
    /// Observed effect with the control arm as planned, on the scale of the comparison; null if no
    /// finite effect gives this Z.
    pub effect: Option<f64>,
    /// Observed effect as an odds ratio of success, or common odds ratio; null for means.
    pub odds_ratio: Option<f64>,
    /// P(efficacy at a later look) under the stated alternative; null at the final look.
    pub conditional_power: Option<f64>,
    /// P(efficacy at a later look) under the current trend; null at the final look.
    pub conditional_power_trend: Option<f64>,
    /// P(efficacy at a later look) averaged over the posterior of the effect from a flat prior;
    /// null at the final look.
    pub predictive_power: Option<f64>,
}

/// The stated effect, for what depends on it.
#[derive(Clone, Copy)]
pub(super) struct StatedEffect<'q> {
    pub question: &'q Question,
    /// Performance under it.
    pub planned: &'q EffectCharacteristics,
}

/// A look by its number, from 0, with its cumulative size.
#[derive(Clone, Copy)]
struct LookPosition {
    k: usize,
    analysed: ArmSizes,
}

impl LookCharacteristics {
    /// Computes what the boundaries mean whatever the effect: for analyses without a formula.
    pub fn without_effect(boundaries: &Boundaries, sizes: &[ArmSizes]) -> Vec<Self> {
        let looks = sizes.iter().enumerate();
        looks
            .map(|(k, &analysed)| Self::new(None, boundaries, LookPosition { k, analysed }))
            .collect()
    }

    /// Returns the look without the probabilities of crossing a later boundary: for a Z that does not determine
    /// them, such as the smaller of two.
    #[must_use]
    pub fn without_continuation(self) -> Self {
        let [efficacy, futility, harm] = [self.efficacy, self.futility, self.harm].map(|bound| {
            bound.map(|bound| BoundaryCharacteristics {
                conditional_power: None,
                conditional_power_trend: None,
                predictive_power: None,
                ..bound
            })
        });
        Self { efficacy, futility, harm, ..self }
    }

    /// Computes what the boundaries mean under a stated effect.
    pub(super) fn under(
        stated: StatedEffect<'_>,
        boundaries: &Boundaries,
        sizes: &[ArmSizes],
    ) -> Vec<Self> {
        let planned = stated.planned;
        let last = sizes.len() - 1;
        let mut beta_spent = 0.0;
        let mut looks = Vec::with_capacity(sizes.len());
        for (k, &analysed) in sizes.iter().enumerate() {
            beta_spent += planned.futility[k] + planned.harm[k];
            looks.push(Self {
                // A trial that does not reject at the final look ends there without a test for
                // futility.
                beta_spent: Some(if k == last { 1.0 - planned.rejection } else { beta_spent }),
                ..Self::new(Some(stated), boundaries, LookPosition { k, analysed })
            });
        }
        looks
    }

    fn new(stated: Option<StatedEffect<'_>>, boundaries: &Boundaries, look: LookPosition) -> Self {
        let LookPosition { k, analysed } = look;
        let [efficacy, futility, harm] =
            [&boundaries.efficacy, &boundaries.futility, &boundaries.harm].map(|bounds| {
                let z = bounds[k];
                z.is_finite().then(|| match stated {
                    Some(stated) => BoundaryCharacteristics::under(stated, boundaries, look, z),
                    None => BoundaryCharacteristics::without_effect(boundaries, k, z),
                })
            });
        Self {
            look: k + 1,
            information_fraction: boundaries.information_fractions[k],
            analysed,
            efficacy,
            futility,
            harm,
            alpha_spent: boundaries.alpha_spent[k],
            beta_spent: None,
        }
    }
}

impl BoundaryCharacteristics {
    fn under(
        stated: StatedEffect<'_>,
        boundaries: &Boundaries,
        look: LookPosition,
        z: f64,
    ) -> Self {
        let StatedEffect { question, planned } = stated;
        let LookPosition { k, analysed } = look;
        let (share, total) = (question.share_of(analysed), f64::from(analysed.total()));
        let effect = question.comparison.effect_at_z(z, share, total);
        let drift = AssumedDrift::Stated(planned.drift);
        Self {
            effect: effect
                .map(|effect| question.comparison.with_effect(effect).measured_effect())
                // At a rate of 0 or 1 a ratio has no finite logarithm.
                .filter(|effect| effect.is_finite()),
            odds_ratio: effect.and_then(|effect| question.comparison.odds_ratio_of(effect)),
            conditional_power: continued(boundaries, k, |looks| {
                looks.conditional_power(k, z, drift)
            }),
            ..Self::without_effect(boundaries, k, z)
        }
    }

    fn without_effect(boundaries: &Boundaries, k: usize, z: f64) -> Self {
        Self {
            z,
            p_one_sided: upper_tail(z),
            p_two_sided: two_sided(z),
            effect: None,
            odds_ratio: None,
            conditional_power: None,
            conditional_power_trend: continued(boundaries, k, |looks| {
                looks.conditional_power(k, z, AssumedDrift::CurrentTrend)
            }),
            predictive_power: continued(boundaries, k, |looks| {
                looks.predictive_power(k, z, DriftPrior::Flat)
            }),
        }
    }
}

/// Evaluates `ask` on a trial that continues after look `k`, with futility disregarded; `None` at the
/// final look.
fn continued(
    boundaries: &Boundaries,
    k: usize,
    ask: impl FnOnce(&Monitored) -> f64,
) -> Option<f64> {
    let looks = boundaries.efficacy.len();
    let no_lower = vec![f64::NEG_INFINITY; looks];
    (k + 1 < looks).then(|| ask(&boundaries.with_lower(&no_lower)))
}
