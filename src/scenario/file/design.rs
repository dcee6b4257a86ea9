//! Looks and boundaries in a scenario file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bayesian::{Decisions, WrittenBayesian};
use crate::design::TwoSidedSpending;

/// Looks and boundaries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-exclusive" = ["alpha_one_sided", "alpha_two_sided"]))]
#[schemars(rename = "Design")]
pub struct WrittenDesign {
    /// One-sided type I error. Give this or `alpha_two_sided`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    // At one half the boundary is 0, and half of all trials without an effect reject.
    #[schemars(range(min = 1e-12, max = 0.4999))]
    pub alpha_one_sided: Option<f64>,
    /// Two-sided type I error; half of it is used on the side of benefit. Give this or
    /// `alpha_one_sided`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2e-12, max = 0.9998))]
    pub alpha_two_sided: Option<f64>,
    /// Times of the looks, in exactly one of five ways; one look is a fixed design.
    pub looks: Looks,
    /// What looks decide by: boundaries of Z, by default, or the probabilities of `bayesian`.
    #[serde(default, skip_serializing_if = "Decisions::is_frequentist")]
    pub decisions: Decisions,
    /// Rules of Bayesian decisions, with `decisions = "bayesian"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bayesian: Option<WrittenBayesian>,
    /// Boundary for stopping early because the experimental arm is better. Required unless decisions are
    /// Bayesian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efficacy: Option<Boundary>,
    /// Looks, from 1, at which efficacy is tested; all by default, and the final one always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 1, max = 20)))]
    pub efficacy_looks: Option<Vec<u32>>,
    /// Boundary for stopping early because success is unlikely.
    #[serde(default)]
    pub futility: Futility,
    /// Interim looks, from 1, at which futility is tested; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 1, max = 20)))]
    pub futility_looks: Option<Vec<u32>>,
    /// Whether the efficacy boundary relies on the futility boundary being followed; `false` by
    /// default. It is then lower, and the type I error exceeds alpha if a trial continues in spite
    /// of futility.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub binding_futility: bool,
    /// Boundary for stopping because the experimental arm is worse; none by default.
    #[serde(default, skip_serializing_if = "Harm::is_none")]
    pub harm: Harm,
    /// Looks, from 1, at which harm is tested; all by default, and the final one always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 1, max = 20)))]
    pub harm_looks: Option<Vec<u32>>,
    /// Days from the last outcome of a look to the decision, while accrual continues.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 3652.5))]
    pub decision_lag_days: f64,
}

impl AsRef<WrittenDesign> for WrittenDesign {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// When to look. The last look is the final one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Looks {
    /// Outcomes known at each look, increasing, the last equal to `sample_size.analysed`.
    Analysed(#[schemars(length(min = 1, max = 20), inner(range(min = 1)))] Vec<u32>),
    /// Fractions of `sample_size.analysed`, increasing to 1; rounded to whole patients.
    InformationFractions(
        #[schemars(length(min = 1, max = 20), inner(range(min = 1e-6, max = 1.0)))] Vec<f64>,
    ),
    /// Number of looks, at equal steps of information, rounded to whole patients.
    EquallySpaced(#[schemars(range(min = 1, max = 20))] u32),
    /// Patients randomised first whose outcomes a look analyses, once the follow-up of all of them
    /// has ended; increasing, the last equal to `sample_size.randomised`. Boundaries depend on the
    /// outcomes that become known of them.
    Randomised(#[schemars(length(min = 1, max = 20), inner(range(min = 1)))] Vec<u32>),
    /// Months from the opening of the trial to the looks, increasing. An interim look analyses the
    /// outcomes known on that day, and its boundaries depend on their number. The last month is the
    /// one planned for the final look, which waits until all patients are followed; interim looks
    /// that would come after it are left out.
    Months(#[schemars(length(min = 1, max = 20), inner(range(min = 0.01, max = 1200.0)))] Vec<f64>),
}

impl Looks {
    /// Returns the number of looks, the final one among them.
    pub fn number(&self) -> usize {
        match self {
            Self::Analysed(counts) | Self::Randomised(counts) => counts.len(),
            Self::InformationFractions(fractions) => fractions.len(),
            Self::EquallySpaced(looks) => *looks as usize,
            Self::Months(months) => months.len(),
        }
    }
}

/// A family of boundaries or spending functions. `beta_spending` and the harm boundary take only
/// the spending functions: the two of Lan–DeMets, Hwang–Shih–DeCani, Kim–DeMets, cumulative.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Boundary {
    /// No stopping before the final look, which has the whole α.
    None {},
    /// Lan–DeMets spending, O'Brien–Fleming-type.
    LanDemetsObrienFleming {},
    /// Lan–DeMets spending, Pocock-type.
    LanDemetsPocock {},
    /// Hwang–Shih–DeCani spending.
    HwangShihDecani {
        /// Parameter γ; −4 is near O'Brien–Fleming, 1 near Pocock.
        // The smallest share spent, e⁻⁴⁰, would beyond it be lost next to 1 in double precision.
        #[schemars(range(min = -40.0, max = 40.0))]
        gamma: f64,
    },
    /// Kim–DeMets power-family spending.
    KimDemets {
        /// Exponent ρ; 3 is near O'Brien–Fleming, 1 near Pocock.
        #[schemars(range(min = 0.01, max = 50.0))]
        rho: f64,
    },
    /// Spending as given.
    Cumulative {
        /// One-sided error spent up to and including each look; the last is the whole error rate.
        #[schemars(length(min = 1, max = 20), inner(range(min = 0.0, max = 0.9999)))]
        spent: Vec<f64>,
    },
    /// Classical O'Brien–Fleming bounds: Wang–Tsiatis with Δ = 0.
    ObrienFleming {},
    /// Classical Pocock bounds: Wang–Tsiatis with Δ = 0.5.
    Pocock {},
    /// Wang–Tsiatis bounds, c·t^(Δ − 0.5).
    WangTsiatis {
        /// From 0, O'Brien–Fleming, to 0.5, Pocock.
        #[schemars(range(min = -0.5, max = 1.0))]
        delta: f64,
    },
    /// Haybittle–Peto: one high bound at every interim look; the final one spends the rest.
    HaybittlePeto {
        /// The bound of the interim looks.
        #[serde(default = "default_interim_z")]
        #[schemars(range(min = 1.0, max = 8.0))]
        interim_z: f64,
    },
}

fn default_interim_z() -> f64 {
    // The bound that Peto et al. (1976, Br J Cancer 34:585) recommend.
    3.0
}

/// Boundary for futility.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Futility {
    /// No stopping for futility.
    #[default]
    None,
    /// Stop when Z is at or below a bound.
    Z {
        /// One bound per interim look; -inf where a look does not test for futility.
        // No least value: −∞ is a look without the test.
        #[schemars(inner(range(max = 40.0)))]
        bounds: Vec<f64>,
    },
    /// Stop when the one-sided p value is at or above a bound.
    P {
        /// One bound per interim look; 1 where a look does not test for futility.
        #[schemars(inner(range(min = 1e-12, max = 1.0)))]
        bounds: Vec<f64>,
    },
    /// Stop when the estimate of the primary analysis is at or below a bound, as the look's planned
    /// information turns it into a Z.
    Effect {
        /// One bound per interim look, a risk difference or a log common odds ratio; -inf where a
        /// look does not test for futility.
        // No least value here either: −∞ is a look without the test.
        #[schemars(inner(range(max = 20.0)))]
        bounds: Vec<f64>,
    },
    /// Stop when the conditional power is at or below a bound.
    ConditionalPower {
        /// Probability of reaching an efficacy bound at a later look.
        #[schemars(range(min = 1e-6, max = 0.9999))]
        at_most: f64,
        /// Effect under which it is computed.
        #[serde(default)]
        under: ConditionalEffect,
    },
    /// Stop when the predictive power, conditional power averaged over the posterior distribution
    /// of the effect (flat prior), is at or below a bound.
    PredictivePower {
        /// Probability of reaching an efficacy bound at a later look.
        #[schemars(range(min = 1e-6, max = 0.9999))]
        at_most: f64,
    },
    /// Spend the type II error.
    BetaSpending {
        /// The spending function.
        spending: Boundary,
        /// Power 1 − β from which the bounds are derived.
        #[serde(default = "default_power")]
        #[schemars(range(min = 0.05, max = 0.9999))]
        power: f64,
    },
}

fn default_power() -> f64 {
    0.8
}

/// The effect that conditional power is computed under.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ConditionalOn")]
pub enum ConditionalEffect {
    /// The effect observed at the look.
    #[default]
    Trend,
    /// The effect of the scenario, on the scale of the primary analysis.
    Planned,
}

/// Boundary for harm.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Harm {
    /// Harm is not tested.
    #[default]
    None,
    /// The mirror image of the efficacy boundary: a symmetric two-sided test.
    Symmetric {
        /// Error rate that a spending function distributes: that of each side, or of both together.
        #[serde(default)]
        spending: TwoSidedSpending,
    },
    /// Separate error rate, spent under no effect.
    Spending {
        /// The spending function.
        spending: Boundary,
        /// Probability of stopping for harm if there is none.
        #[schemars(range(min = 1e-12, max = 0.4999))]
        alpha_one_sided: f64,
    },
}

impl Harm {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}
