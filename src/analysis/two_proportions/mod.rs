//! Two proportions: tests, measures of effect and intervals from events and patients of each arm.
//!
//! An event is what the trial wants more of, such as functional independence. Counts are `f64`, so
//! that expected ones can be analysed too; only Fisher's test needs whole ones.

mod effect;
pub mod fisher;
pub mod intervals;
mod statistic;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grouping::CellLayout;
use super::margin::{NullEffects, statistic_without_margin};
use super::method::{
    ArmComparison, Binding, Method, ParameterError, PatientScore, ReferenceDistribution, Statistic,
    Test,
};
use super::proportional_odds::adjusted;
use super::{Counts, EffectScale, TestResult};
use crate::outcome::Mrs;
pub use effect::{EffectEstimate, ProportionEffect};
use fisher::Conditional;
pub use intervals::ProportionInterval;
pub use statistic::ProportionStatistic;

/// Parameters of a comparison of two proportions, which are also the bound test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proportions {
    /// Success is an mRS at or below this.
    #[serde(default = "independent")]
    // `Mrs` has no schema of its own: a reference to one could not exclude 6, which leaves no failures.
    #[schemars(with = "u8", range(min = 0, max = 5))]
    pub cut: Mrs,
    /// The statistic compared with the boundary.
    #[serde(default)]
    pub test: ProportionTest,
    /// Measure of effect.
    #[serde(default)]
    pub effect: ProportionEffect,
    /// Method of the 95 % interval.
    #[serde(default)]
    pub interval: ProportionInterval,
}

/// The cut of functional independence, the default of all methods with a cut.
pub(super) fn independent() -> Mrs {
    Mrs::INDEPENDENT
}

impl Method for Proportions {
    fn key(&self) -> &'static str {
        "two_proportions"
    }

    fn describe(&self) -> String {
        let Self { cut, test, effect, .. } = self;
        let test = match test {
            // The default, which a reader expects.
            ProportionTest::PooledZ => String::new(),
            ProportionTest::UnpooledZ
            | ProportionTest::ContinuityCorrected
            | ProportionTest::Fisher
            | ProportionTest::FisherMidP
            | ProportionTest::Wald
            | ProportionTest::FarringtonManning
            | ProportionTest::MiettinenNurminen => format!(", {test}"),
        };
        format!("two proportions with mRS 0–{cut}, {effect}{test}")
    }

    fn counts_successes(&self) -> bool {
        true
    }

    fn bind(&self, _: CellLayout<'_>, _: &[usize]) -> Result<Binding, ParameterError> {
        if !self.interval.is_for(self.effect) {
            let message = "is \"newcombe\", which is for the risk difference; allowed with this effect: wald, miettinen_nurminen, farrington_manning";
            return Err(ParameterError::new("interval", message));
        }
        Ok(Binding::of_trial(self.without_margin()))
    }
}

impl Proportions {
    fn without_margin(self) -> BoundProportions {
        BoundProportions { parameters: self, null: NullEffects::NONE }
    }
}

/// A comparison of two proportions with its null effects.
#[derive(Debug)]
struct BoundProportions {
    parameters: Proportions,
    null: NullEffects,
}

impl BoundProportions {
    fn statistic(&self) -> ProportionStatistic {
        let Proportions { test, effect, .. } = self.parameters;
        ProportionStatistic { test, effect, null: self.null }
    }
}

impl Test for BoundProportions {
    fn scale(&self) -> EffectScale {
        self.parameters.effect.scale()
    }

    fn score(&self) -> PatientScore<'_> {
        PatientScore::Success(self.parameters.cut)
    }

    fn comparison(&self) -> Option<ArmComparison<'_>> {
        let Proportions { cut, test, effect, .. } = self.parameters;
        Some(ArmComparison::Proportions { cut, test, effect })
    }

    fn test(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> TestResult {
        let Proportions { cut, interval, .. } = self.parameters;
        self.statistic().analyse(&arms(&groups[0], cut), interval)
    }

    fn statistic(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> Statistic {
        Statistic::alone(self.statistic().z(&arms(&groups[0], self.parameters.cut)))
    }

    fn z_of_expected(
        &self,
        groups: &[Counts],
        reference: ReferenceDistribution,
        _: &mut adjusted::FitScratch,
    ) -> f64 {
        let test = self.parameters.test.of_expected_counts(reference);
        let statistic = ProportionStatistic { test, ..self.statistic() };
        statistic.z(&arms(&groups[0], self.parameters.cut)).unwrap_or(f64::NAN)
    }

    fn is_estimate_over_error(&self) -> bool {
        self.parameters.test.is_estimate_over_error()
    }

    fn is_conservative(&self) -> bool {
        self.parameters.test.is_conservative()
    }

    fn level_needs_events(&self) -> bool {
        let Proportions { test, effect, .. } = self.parameters;
        match (test, effect) {
            (ProportionTest::UnpooledZ, _)
            | (
                ProportionTest::Wald,
                ProportionEffect::RiskDifference | ProportionEffect::LogRiskRatio,
            ) => true,
            // The log odds ratio is nearly symmetric, and the others restrict the variance to the null
            // hypothesis.
            (ProportionTest::Wald, ProportionEffect::LogOddsRatio)
            | (
                ProportionTest::PooledZ
                | ProportionTest::ContinuityCorrected
                | ProportionTest::Fisher
                | ProportionTest::FisherMidP
                | ProportionTest::FarringtonManning
                | ProportionTest::MiettinenNurminen,
                _,
            ) => false,
        }
    }

    fn against(self: Box<Self>, null: NullEffects) -> Result<Box<dyn Test>, ParameterError> {
        let Proportions { test, effect, .. } = self.parameters;
        match (test, effect) {
            (
                ProportionTest::PooledZ
                | ProportionTest::Wald
                | ProportionTest::FarringtonManning
                | ProportionTest::MiettinenNurminen,
                _,
            )
            | (ProportionTest::UnpooledZ, ProportionEffect::RiskDifference) => {
                Ok(Box::new(Self { null, ..*self }))
            }
            // The unpooled error is that of a difference of rates; on the scale of a ratio it is
            // Wald's.
            (ProportionTest::UnpooledZ, _) => Err(statistic_without_margin(
                "unpooled_z",
                "wald, farrington_manning, miettinen_nurminen, or effect = \"risk_difference\"",
            )),
            (ProportionTest::ContinuityCorrected, _) => {
                Err(statistic_without_margin("continuity_corrected", statistic::WITH_MARGIN))
            }
            (ProportionTest::Fisher, _) => {
                Err(statistic_without_margin("fisher", statistic::WITH_MARGIN))
            }
            (ProportionTest::FisherMidP, _) => {
                Err(statistic_without_margin("fisher_mid_p", statistic::WITH_MARGIN))
            }
        }
    }
}

/// One arm's events and patients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmEvents {
    /// Patients with an event, at least 0 and at most `patients`.
    pub events: f64,
    /// Number of patients, at least 0.
    pub patients: f64,
}

impl ArmEvents {
    /// Events per patient, in [0, 1]; NaN when the arm is empty.
    pub fn rate(self) -> f64 {
        self.events / self.patients
    }

    /// Patients without an event.
    fn others(self) -> f64 {
        self.patients - self.events
    }

    /// Variance of the rate.
    fn variance(self) -> f64 {
        let p = self.rate();
        p * (1.0 - p) / self.patients
    }
}

/// Control and experimental arm, in this order.
pub type Arms = [ArmEvents; 2];

/// Patients with mRS at or below `cut` as events.
pub fn arms(counts: &Counts, cut: Mrs) -> Arms {
    counts.each_ref().map(|arm| ArmEvents {
        events: arm[..=cut.index()].iter().sum(),
        patients: arm.iter().sum(),
    })
}

/// Test of two proportions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProportionTest {
    /// Z with pooled variance, the root of Pearson's χ². With a margin it is `farrington_manning`, which
    /// without one has the same variance.
    #[default]
    PooledZ,
    /// Z with unpooled variance.
    UnpooledZ,
    /// Pooled Z with Yates' continuity correction.
    ContinuityCorrected,
    /// Fisher's exact test, one-sided.
    Fisher,
    /// Fisher's test with half of the observed table's probability.
    FisherMidP,
    /// The effect, less the margin if there is one, over its standard error: unpooled for the risk
    /// difference, Katz's for the risk ratio, Woolf's for the odds ratio.
    Wald,
    /// Score test with the most likely rates at the margin (Farrington & Manning 1990); without a
    /// margin pooled.
    FarringtonManning,
    /// Farrington and Manning's test with the variance times N / (N − 1) (Miettinen & Nurminen 1985).
    MiettinenNurminen,
}

impl ProportionTest {
    /// Whether Z is the estimate over a standard error, but for a factor that does not depend on it.
    /// Corrected and exact tests are conservative on purpose, so that theirs is not.
    pub fn is_estimate_over_error(self) -> bool {
        match self {
            Self::PooledZ
            | Self::UnpooledZ
            | Self::Wald
            | Self::FarringtonManning
            | Self::MiettinenNurminen => true,
            Self::ContinuityCorrected | Self::Fisher | Self::FisherMidP => false,
        }
    }

    /// Whether its type I error is below the nominal level at every common proportion.
    pub fn is_conservative(self) -> bool {
        match self {
            Self::ContinuityCorrected | Self::Fisher => true,
            Self::PooledZ
            | Self::UnpooledZ
            | Self::Wald
            | Self::FarringtonManning
            | Self::MiettinenNurminen
            | Self::FisherMidP => false,
        }
    }

    /// The test that stands in for this one with expected counts, which are not whole and have no exact
    /// test.
    pub fn of_expected_counts(self, reference: ReferenceDistribution) -> Self {
        match (reference, self) {
            (ReferenceDistribution::Rerandomisation, _) => Self::PooledZ,
            // Yates corrected χ² to come close to Fisher's test; half the observed table's
            // probability takes this correction back.
            (ReferenceDistribution::Normal, Self::Fisher) => Self::ContinuityCorrected,
            (ReferenceDistribution::Normal, Self::FisherMidP) => Self::PooledZ,
            (
                ReferenceDistribution::Normal,
                Self::PooledZ
                | Self::UnpooledZ
                | Self::ContinuityCorrected
                | Self::Wald
                | Self::FarringtonManning
                | Self::MiettinenNurminen,
            ) => self,
        }
    }
}

impl fmt::Display for ProportionTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PooledZ => "pooled Z",
            Self::UnpooledZ => "unpooled Z",
            Self::ContinuityCorrected => "Z with continuity correction",
            Self::Fisher => "Fisher's exact test",
            Self::FisherMidP => "Fisher's mid-p test",
            Self::Wald => "Wald's Z",
            Self::FarringtonManning => "Farrington and Manning's score Z",
            Self::MiettinenNurminen => "Miettinen and Nurminen's score Z",
        })
    }
}

/// Variance of the difference of rates under no effect; `None` when an arm is empty or all outcomes
/// are alike.
fn pooled_variance(&[control, experimental]: &Arms) -> Option<f64> {
    let pooled =
        (control.events + experimental.events) / (control.patients + experimental.patients);
    let variance = pooled * (1.0 - pooled) * (1.0 / control.patients + 1.0 / experimental.patients);
    // Not `variance <= 0`: an empty arm makes the variance infinite or NaN.
    (variance > 0.0 && variance.is_finite()).then_some(variance)
}

/// The statistic compared with the boundary. Swapping the arms flips its sign. With p the rates, n the
/// patients and p̄ the rate of both arms together:
///
/// * `PooledZ`: (p_e − p_c) / √(p̄(1 − p̄)(1/n_c + 1/n_e)).
/// * `UnpooledZ`: (p_e − p_c) / √(p_c(1 − p_c)/n_c + p_e(1 − p_e)/n_e), the difference over its own
///   standard error. It rejects too often in small trials.
/// * `ContinuityCorrected`: the pooled Z with (1/n_c + 1/n_e)/2 taken from the difference, but never
///   more than the difference (Yates 1934, Suppl J R Stat Soc 1:217).
/// * `Fisher`: [`Conditional::z`], exact given both margins.
/// * `Wald`: the same as `UnpooledZ`; [`ProportionStatistic`] has that of the ratios.
/// * `FarringtonManning`: the same as `PooledZ`.
/// * `MiettinenNurminen`: the pooled Z times √((N − 1)/N), with N patients.
/// * `FisherMidP`: [`Conditional::mid_p_z`], with half the probability of the observed table (Lancaster
///   1961, JASA 56:223). Closer to its level, but may exceed it.
///
/// `None` when an arm is empty or all outcomes are alike; for `UnpooledZ` also if one arm has only events
/// and the other none; for both tests of Fisher also if a count is not whole.
pub fn z(arms: &Arms, test: ProportionTest) -> Option<f64> {
    let pooled = pooled_variance(arms)?;
    let [control, experimental] = *arms;
    let difference = experimental.rate() - control.rate();
    match test {
        ProportionTest::PooledZ | ProportionTest::FarringtonManning => {
            Some(difference / pooled.sqrt())
        }
        ProportionTest::MiettinenNurminen => {
            let total = control.patients + experimental.patients;
            // With one patient or less there is no variance.
            (total > 1.0).then(|| difference / (pooled * total / (total - 1.0)).sqrt())
        }
        ProportionTest::UnpooledZ | ProportionTest::Wald => {
            // 0 if one arm has only events and the other none, although the difference is largest.
            let variance = control.variance() + experimental.variance();
            (variance > 0.0).then(|| difference / variance.sqrt())
        }
        ProportionTest::ContinuityCorrected => {
            let correction = 0.5 * (1.0 / control.patients + 1.0 / experimental.patients);
            let rest = difference.abs() - correction;
            // A difference as large as the correction gives exactly 0, whatever rounding leaves of it.
            let rest = if rest <= 1e-12 * correction { 0.0 } else { rest };
            Some((rest / pooled.sqrt()).copysign(difference))
        }
        ProportionTest::Fisher => Conditional::of(arms).map(|it| it.z()),
        ProportionTest::FisherMidP => Conditional::of(arms).map(|it| it.mid_p_z()),
    }
}

/// The statistic without a margin, with the estimate, its standard error and its 95 % interval; see
/// [`ProportionStatistic::analyse`].
pub fn analyse(
    arms: &Arms,
    test: ProportionTest,
    effect: ProportionEffect,
    interval: ProportionInterval,
) -> TestResult {
    ProportionStatistic { test, effect, null: NullEffects::NONE }.analyse(arms, interval)
}

#[cfg(test)]
mod tests;
