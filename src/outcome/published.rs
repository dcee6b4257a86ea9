//! Published distributions of the 90-day mRS, whose shape a control arm may follow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LEVELS, Mrs, MrsDistribution};
use crate::num::{logistic, logit};

/// A published distribution of the 90-day mRS.
///
/// HERMES is given in per cent, as published; the trials are given as numbers of patients, of whom those
/// of some arms sum to one more or less than the patients analysed, because they were reconstructed from
/// rounded percentages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedShape {
    /// Five trials of thrombectomy, anterior circulation, control arms, n = 645 (Goyal et al. 2016,
    /// Lancet 387:1723).
    HermesControl,
    /// Five trials of thrombectomy, anterior circulation, intervention arms, n = 633 (Goyal et al. 2016,
    /// Lancet 387:1723).
    HermesIntervention,
    /// MR CLEAN, anterior circulation, control arm (Berkhemer et al. 2015, N Engl J Med 372:11).
    MrCleanControl,
    /// RESILIENT, anterior circulation, control arm (Martins et al. 2020, N Engl J Med 382:2316).
    ResilientControl,
    /// REVASCAT, anterior circulation, control arm (Jovin et al. 2015, N Engl J Med 372:2296).
    RevascatControl,
    /// ANGEL-ASPECT, large infarcts, control arm (Huo et al. 2023, N Engl J Med 388:1272).
    AngelAspectControl,
    /// ATTENTION, basilar artery, control arm (Tao et al. 2022, N Engl J Med 387:1361).
    AttentionControl,
    /// BAOCHE, basilar artery, control arm (Jovin et al. 2022, N Engl J Med 387:1373).
    BaocheControl,
    /// BASICS, basilar artery, control arm (Langezaal et al. 2021, N Engl J Med 384:1910).
    BasicsControl,
}

/// Reason why a shape cannot have the rates that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "leaves {left:.4} for mRS 3–5; allowed: a sum of functional independence and mortality below 1"
)]
pub struct RatesTooLarge {
    left: f64,
}

impl PublishedShape {
    /// Returns the published distribution.
    pub fn distribution(self) -> MrsDistribution {
        // In the published units: divided shares could not be compared with the papers at a glance.
        let shares: [f64; LEVELS] = match self {
            Self::HermesControl => [5.0, 7.9, 13.6, 16.4, 24.7, 13.5, 18.9],
            Self::HermesIntervention => [10.0, 16.9, 19.1, 16.9, 15.6, 6.2, 15.3],
            Self::MrCleanControl => [1.0, 16.0, 35.0, 43.0, 80.0, 32.0, 59.0],
            Self::ResilientControl => [3.0, 7.0, 13.0, 17.0, 21.0, 18.0, 33.0],
            Self::RevascatControl => [6.0, 7.0, 16.0, 20.0, 17.0, 21.0, 16.0],
            Self::AngelAspectControl => [0.0, 8.0, 18.0, 49.0, 60.0, 45.0, 45.0],
            Self::AttentionControl => [5.0, 5.0, 3.0, 14.0, 6.0, 19.0, 63.0],
            Self::BaocheControl => [1.0, 6.0, 7.0, 11.0, 20.0, 16.0, 45.0],
            Self::BasicsControl => [6.0, 13.0, 25.0, 11.0, 16.0, 12.0, 63.0],
        };
        let sum: f64 = shares.iter().sum();
        MrsDistribution::new(shares.map(|share| share / sum))
            .expect("the shares are divided by their sum")
    }

    /// Returns this shape with P(mRS 0–2) = `independent`, and P(mRS 6) = `mortality` if given; both
    /// inside (0, 1).
    ///
    /// With one rate the distribution is shifted by a common odds ratio. With two, logit P(mRS ≤ j) is
    /// a + b times that of the shape, where a and b > 0 reproduce both rates (location and scale of a
    /// cumulative logit model, McCullagh 1980, J R Stat Soc B 42:109, section 6).
    ///
    /// # Errors
    /// [`RatesTooLarge`] if the two rates sum to 1 or more.
    pub fn with_rates(
        self,
        independent: f64,
        mortality: Option<f64>,
    ) -> Result<MrsDistribution, RatesTooLarge> {
        let shape = self.distribution();
        let Some(mortality) = mortality else {
            // One rate fixes one parameter; proportional odds keep the shape, as in the effect of a
            // treatment.
            return Ok(shape.shifted(shape.odds_ratio_to(Mrs::INDEPENDENT, independent)));
        };
        let alive = 1.0 - mortality;
        // mRS 3–5 needs a positive share: at equality the scale would be 0 and the levels between vanish.
        if alive <= independent {
            return Err(RatesTooLarge { left: alive - independent });
        }
        let below = shape.cumulative().map(logit);
        let [of_independent, of_alive] = [below[Mrs::INDEPENDENT.index()], below[LEVELS - 2]];
        // Positive, as both differences are: cumulative shares increase from mRS 2 to 5 in every shape, so
        // that the result stays increasing.
        let scale = (logit(alive) - logit(independent)) / (of_alive - of_independent);
        let location = logit(independent) - scale * of_independent;
        Ok(MrsDistribution::from_cumulative(below.map(|x| logistic(location + scale * x))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [PublishedShape; 9] = [
        PublishedShape::HermesControl,
        PublishedShape::HermesIntervention,
        PublishedShape::MrCleanControl,
        PublishedShape::ResilientControl,
        PublishedShape::RevascatControl,
        PublishedShape::AngelAspectControl,
        PublishedShape::AttentionControl,
        PublishedShape::BaocheControl,
        PublishedShape::BasicsControl,
    ];

    #[test]
    fn a_shape_has_the_rates_that_are_asked_for() {
        for shape in ALL {
            for (independent, mortality) in [(0.27, 0.15), (0.11, 0.60), (0.6, 0.05)] {
                let both = shape.with_rates(independent, Some(mortality)).expect("sum below 1");
                assert!((both.at_most(Mrs::INDEPENDENT) - independent).abs() < 1e-12);
                assert!((both.probabilities()[6] - mortality).abs() < 1e-12);
                assert!(both.probabilities().iter().all(|&p| p >= 0.0));
                let one = shape.with_rates(independent, None).expect("one rate always fits");
                assert!((one.at_most(Mrs::INDEPENDENT) - independent).abs() < 1e-12);
            }
        }
    }

    /// A shape moved to its own rates is itself.
    #[test]
    fn the_published_rates_give_the_published_distribution() {
        for shape in ALL {
            let published = shape.distribution();
            let independent = published.at_most(Mrs::INDEPENDENT);
            let death = published.probabilities()[6];
            for mortality in [None, Some(death)] {
                let same =
                    shape.with_rates(independent, mortality).expect("they sum to less than 1");
                for (a, b) in same.probabilities().iter().zip(published.probabilities()) {
                    assert!((a - b).abs() < 1e-14, "{shape:?}");
                }
            }
        }
    }

    /// The control arm of ANGEL-REBOOT's planning pair is HERMES at 25 % in tenths of a per cent, adjusted to
    /// sum to 100 with exactly 25 % independence: the shares of death are 20.13 and 20.0.
    #[test]
    fn hermes_at_a_quarter_is_the_planned_control_arm() {
        let control = PublishedShape::HermesControl.with_rates(0.25, None).expect("one rate");
        let planned = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0];
        for (p, planned) in control.probabilities().iter().zip(planned) {
            assert!((100.0 * p - planned).abs() < 0.15, "{p} {planned}");
        }
    }

    #[test]
    fn rates_that_leave_no_dependent_survivors_are_refused() {
        let error = PublishedShape::HermesControl.with_rates(0.6, Some(0.4)).expect_err("sum is 1");
        assert!(error.to_string().starts_with("leaves 0.0000 for mRS 3–5"), "{error}");
    }
}
