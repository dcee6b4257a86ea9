//! Re-estimation by the rate of both arms together, without knowledge of the arms.

use serde::Serialize;

use super::enumeration::{FirstStage, SecondStage, first_stages};
use crate::num::normal::upper_quantile;

/// Whether a blinded re-estimation may reduce the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Restriction {
    /// The size is never below the planned one.
    Restricted,
    /// The size may be as small as that of the interim look.
    Unrestricted,
}

/// The blinded rule of Gould (1992), Stat Med 11:55: the planned difference is kept, and the size is the
/// one that has the planned power at the rate observed in both arms together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledRate {
    /// Patients with an outcome at the interim look, in arms of equal size; even.
    pub interim: u32,
    /// Patients planned for the final look; even.
    pub planned: u32,
    /// Patients at most; even.
    pub maximum: u32,
    /// Planned difference of the rates, in (0, 1).
    pub difference: f64,
    /// One-sided error rate, in (0, 0.5).
    pub alpha_one_sided: f64,
    /// Power, in (0, 1).
    pub power: f64,
    /// Whether the size may fall below the planned one.
    pub restriction: Restriction,
}

/// Exact operating characteristics of a blinded re-estimation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PooledRateCharacteristics {
    /// P(efficacy) by the pooled Z of all data.
    pub rejection: f64,
    /// P(efficacy) without re-estimation.
    pub fixed: f64,
    /// Mean size.
    pub expected_size: f64,
    /// Standard deviation of the size.
    pub sd_size: f64,
}

impl PooledRate {
    /// Computes the size that the pooled rate asks for, before it is rounded or limited.
    ///
    /// N = 2·(z_α·√(2p(1 − p)) + z_β·√(p_c(1 − p_c) + p_e(1 − p_e)))²/d², with rates p ∓ d/2 held to 0 and
    /// 1.
    pub fn unlimited(&self, pooled: f64) -> f64 {
        let half = 0.5 * self.difference;
        let [control, experimental] =
            [pooled - half, pooled + half].map(|rate| rate.clamp(0.0, 1.0));
        let under_null = (2.0 * pooled * (1.0 - pooled)).sqrt();
        let under_effect = (control * (1.0 - control) + experimental * (1.0 - experimental)).sqrt();
        let deviations = upper_quantile(self.alpha_one_sided) * under_null
            + upper_quantile(1.0 - self.power) * under_effect;
        2.0 * (deviations / self.difference).powi(2)
    }

    /// Returns the size after `successes` of both arms together at the interim look, rounded up to
    /// whole pairs.
    pub fn size(&self, successes: u32) -> u32 {
        let size = self.unlimited(f64::from(successes) / f64::from(self.interim));
        let least = match self.restriction {
            Restriction::Restricted => self.planned,
            Restriction::Unrestricted => self.interim,
        };
        // A size that is whole but for rounding errors gains no pair.
        let pairs = (0.5 * size - 1e-9).ceil().max(0.0) as u32;
        (2 * pairs).clamp(least, self.maximum)
    }

    /// Computes exact operating characteristics at the rates of control and experimental arm.
    pub fn exact(&self, rates: [f64; 2]) -> PooledRateCharacteristics {
        let interim = self.interim / 2;
        let bound = upper_quantile(self.alpha_one_sided);
        let planned = SecondStage::new(self.planned / 2 - interim, rates);
        // Many interim results lead to the same size, whose second stage is enumerated once.
        let mut second: Vec<Option<SecondStage>> =
            (0..=self.maximum / 2 - interim).map(|_| None).collect();
        let [mut rejection, mut fixed, mut mean, mut square] = [0.0; 4];
        for FirstStage { successes, probability } in first_stages(interim, rates) {
            let size = self.size(successes[0] + successes[1]);
            let further = size / 2 - interim;
            let stage =
                second[further as usize].get_or_insert_with(|| SecondStage::new(further, rates));
            rejection += probability * stage.conventional(successes, interim, bound);
            fixed += probability * planned.conventional(successes, interim, bound);
            mean += probability * f64::from(size);
            square += probability * f64::from(size).powi(2);
        }
        PooledRateCharacteristics {
            rejection,
            fixed,
            expected_size: mean,
            // A size that never changes may have a variance below 0 by rounding.
            sd_size: (square - mean * mean).max(0.0).sqrt(),
        }
    }
}
