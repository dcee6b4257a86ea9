//! Pooling of published 2×2 tables into one odds ratio.
//!
//! Everything is on the scale of the log odds ratio; above 0 the event is more frequent in the
//! experimental arm. Symbols: y_i and v_i are a study's log odds ratio and its variance, w_i = 1/v_i
//! its weight, τ² the variance between studies, k their number.
//!
#![doc = include_str!("README.md")]

mod fixed;
pub mod prior;
mod random;
mod reml;

use crate::num::{chi_squared, normal, student};

/// A published comparison of two proportions.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// Citation.
    pub name: String,
    /// Events and patients in the experimental arm.
    pub experimental: (u32, u32),
    /// Events and patients in the control arm.
    pub control: (u32, u32),
}

/// A study's log odds ratio with its variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// Log odds ratio y_i.
    pub estimate: f64,
    /// Variance v_i of the estimate.
    pub variance: f64,
}

/// The 2×2 table of a study: patients with event (a) and without (b) in the experimental arm, with (c)
/// and without (d) in the control arm.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TwoByTwo {
    a: f64,
    b: f64,
    c: f64,
    d: f64,
}

impl Study {
    fn table(&self) -> TwoByTwo {
        let [(a, treated), (c, controls)] = [self.experimental, self.control];
        TwoByTwo {
            a: f64::from(a),
            b: f64::from(treated - a),
            c: f64::from(c),
            d: f64::from(controls - c),
        }
    }

    /// Returns whether the study has information about the odds ratio: at least one event, and at
    /// least one patient without it.
    pub fn is_informative(&self) -> bool {
        let TwoByTwo { a, b, c, d } = self.table();
        a + c > 0.0 && b + d > 0.0
    }

    /// Returns the log odds ratio and its variance (Woolf), with 0.5 added to all cells if one is zero.
    pub fn log_odds_ratio(&self) -> Effect {
        let TwoByTwo { a, b, c, d } = self.table().corrected();
        let variance = 1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d;
        Effect { estimate: libm::log(a * d / (b * c)), variance }
    }

    /// Returns the two-sided p value of Pearson's χ² test without continuity correction (Pearson 1900,
    /// Phil Mag 50:157): N(ad − bc)² over the product of the four margins, on 1 degree of freedom.
    /// `None` if a margin is zero.
    pub fn pearson_p(&self) -> Option<f64> {
        let table = self.table();
        let TwoByTwo { a, b, c, d } = table;
        let margins = (a + b) * (c + d) * (a + c) * (b + d);
        let difference = a * d - b * c;
        let statistic = table.total() * difference * difference / margins;
        (margins > 0.0).then(|| chi_squared::upper_tail(statistic, 1))
    }

    /// Returns the 95 % confidence interval of the log odds ratio.
    pub fn interval(&self) -> (f64, f64) {
        let Effect { estimate, variance } = self.log_odds_ratio();
        let reach = Reference::Normal.quantile_975() * variance.sqrt();
        (estimate - reach, estimate + reach)
    }
}

impl TwoByTwo {
    fn total(self) -> f64 {
        self.a + self.b + self.c + self.d
    }

    /// Adds 0.5 to every cell if one is zero.
    fn corrected(self) -> Self {
        let Self { a, b, c, d } = self;
        // Not always: the correction shrinks the odds ratio, and RevMan and metafor leave tables without a
        // zero as they are.
        if [a, b, c, d].contains(&0.0) {
            Self { a: a + 0.5, b: b + 0.5, c: c + 0.5, d: d + 0.5 }
        } else {
            self
        }
    }
}

/// A method of pooling studies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolingMethod {
    /// Fixed effect, inverse variance.
    InverseVariance,
    /// Fixed effect, Mantel–Haenszel with the variance of Robins, Breslow & Greenland (1986);
    /// cells as they are.
    MantelHaenszel,
    /// Fixed effect, Peto's one-step estimate (Yusuf et al. 1985).
    Peto,
    /// Random effects with an estimate of τ².
    RandomEffects {
        /// Estimator of the variance between studies.
        tau: TauEstimator,
        /// Interval by Hartung & Knapp (2001) and Sidik & Jonkman (2002) with t on k − 1 degrees
        /// of freedom, never narrower than with standard errors of the plain method (q at least 1).
        hartung_knapp: bool,
    },
}

/// Estimator of τ².
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TauEstimator {
    /// DerSimonian & Laird (1986): moments of Q about the inverse-variance estimate.
    DerSimonianLaird,
    /// The estimator of RevMan 5: DerSimonian & Laird with Q about the Mantel–Haenszel estimate.
    RevMan,
    /// Restricted maximum likelihood: the largest of all its maxima.
    Reml,
    /// Paule & Mandel (1982): the τ² at which Q is k − 1.
    PauleMandel,
}

/// A pooled odds ratio.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooled {
    /// Pooled log odds ratio.
    pub log_odds_ratio: f64,
    /// Standard error of the log odds ratio.
    pub standard_error: f64,
    /// 95 % interval of the log odds ratio.
    pub interval: (f64, f64),
    /// Two-sided p value of the hypothesis of no effect.
    pub p_two_sided: f64,
    /// Number of informative studies.
    pub studies: usize,
    /// Cochran's Q about the method's fixed estimate, with k − 1 degrees of freedom.
    pub q: f64,
    /// P value of Q.
    pub q_p: f64,
    /// I², the share of the total variation that lies between studies, 0 to 1.
    pub i_squared: f64,
    /// Variance between studies; `None` for a fixed effect.
    pub tau_squared: Option<f64>,
    /// Degrees of freedom of the t distribution of interval and p value; `None` for the normal
    /// distribution.
    pub degrees_of_freedom: Option<f64>,
    /// Distribution of the log odds ratio of a new study; `None` for a fixed effect and with fewer
    /// than three studies.
    pub prediction: Option<Prediction>,
}

/// Predictive distribution of the log odds ratio of a new study: Student's t about the pooled
/// estimate, with √(τ² + SE²) as its scale and k − 2 degrees of freedom, one of them lost to τ²
/// (Higgins, Thompson & Spiegelhalter 2009, JRSS A 172:137, section 4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Scale √(τ² + SE²).
    pub scale: f64,
    /// Degrees of freedom k − 2, 1 or more.
    pub degrees_of_freedom: f64,
    /// Central 95 % of the distribution.
    pub interval: (f64, f64),
}

/// The reason why studies cannot be pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolingError {
    /// No study is informative.
    #[error("no study has both events and others; allowed: at least one that has")]
    NoInformation,
    /// A single study, for which the interval by Hartung and Knapp has no degrees of freedom.
    #[error("one study has no variance between studies; allowed: two or more for Hartung–Knapp")]
    TooFew,
    /// Mantel–Haenszel's Σ ad/N is 0.
    #[error(
        "in every study no experimental patient has the event or all control patients have it (Σ ad/N = 0), so that the odds ratio is 0"
    )]
    Zero,
    /// Mantel–Haenszel's Σ bc/N is 0.
    #[error(
        "in every study all experimental patients have the event or no control patient has it (Σ bc/N = 0), so that the odds ratio is infinite"
    )]
    Infinite,
    /// The odds ratio or a bound of its interval overflows.
    #[error(
        "the odds ratio or a bound of its interval is too large or too small for a number; the method does not hold for these data"
    )]
    OutOfRange,
}

/// Pools the informative studies.
///
/// # Errors
/// [`PoolingError`] if no study is informative, if the odds ratio is 0, infinite or not a number, or if
/// the method is Hartung–Knapp and there is a single study.
pub fn pool(studies: &[Study], method: PoolingMethod) -> Result<Pooled, PoolingError> {
    let studies: Vec<&Study> = studies.iter().filter(|study| study.is_informative()).collect();
    if studies.is_empty() {
        return Err(PoolingError::NoInformation);
    }
    let pooled = match method {
        PoolingMethod::InverseVariance => fixed::inverse_variance(&studies),
        PoolingMethod::MantelHaenszel => fixed::mantel_haenszel(&studies)?,
        PoolingMethod::Peto => fixed::peto(&studies),
        PoolingMethod::RandomEffects { hartung_knapp: true, .. } if studies.len() < 2 => {
            return Err(PoolingError::TooFew);
        }
        PoolingMethod::RandomEffects { tau, hartung_knapp } => {
            random::pool(&studies, tau, hartung_knapp)
        }
    };
    let (low, high) = pooled.interval;
    // Log odds ratios of 700 and more are finite, but their exponentials, which are printed, are not. A
    // prediction interval may overflow where the estimate does not: then it alone is left out.
    let in_range = [low, pooled.log_odds_ratio, high].into_iter().all(has_odds_ratio);
    let prediction = pooled
        .prediction
        .filter(|of| has_odds_ratio(of.interval.0) && has_odds_ratio(of.interval.1));
    if in_range { Ok(Pooled { prediction, ..pooled }) } else { Err(PoolingError::OutOfRange) }
}

/// Returns whether the exponential of a log odds ratio is a finite number above 0.
fn has_odds_ratio(log_odds_ratio: f64) -> bool {
    libm::exp(log_odds_ratio).is_normal()
}

/// A pooling method with its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedMethod {
    /// Name in tables.
    pub label: &'static str,
    /// Name in JSON and CSV; stable.
    pub key: &'static str,
    /// The method.
    pub method: PoolingMethod,
}

/// All methods, beginning with that of RevMan's forest plots.
pub const METHODS: [NamedMethod; 11] = [
    named("RevMan random", "revman_random", random_effects(TauEstimator::RevMan, false)),
    named(
        "DerSimonian–Laird",
        "dersimonian_laird",
        random_effects(TauEstimator::DerSimonianLaird, false),
    ),
    named("REML", "reml", random_effects(TauEstimator::Reml, false)),
    named("Paule–Mandel", "paule_mandel", random_effects(TauEstimator::PauleMandel, false)),
    named("RevMan + HK", "revman_random_hartung_knapp", random_effects(TauEstimator::RevMan, true)),
    named(
        "DL + HK",
        "dersimonian_laird_hartung_knapp",
        random_effects(TauEstimator::DerSimonianLaird, true),
    ),
    named("REML + HK", "reml_hartung_knapp", random_effects(TauEstimator::Reml, true)),
    named("PM + HK", "paule_mandel_hartung_knapp", random_effects(TauEstimator::PauleMandel, true)),
    named("Mantel–Haenszel", "mantel_haenszel", PoolingMethod::MantelHaenszel),
    named("Peto", "peto", PoolingMethod::Peto),
    named("inverse variance", "inverse_variance", PoolingMethod::InverseVariance),
];

const fn named(label: &'static str, key: &'static str, method: PoolingMethod) -> NamedMethod {
    NamedMethod { label, key, method }
}

const fn random_effects(tau: TauEstimator, hartung_knapp: bool) -> PoolingMethod {
    PoolingMethod::RandomEffects { tau, hartung_knapp }
}

/// One outcome pooled by every method.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// The event that is counted.
    pub outcome: String,
    /// All studies, informative or not.
    pub studies: Vec<Study>,
    /// Results in the order of [`METHODS`].
    pub results: Vec<(NamedMethod, Result<Pooled, PoolingError>)>,
}

impl Review {
    /// Pools the studies of an outcome by every method.
    pub fn new(outcome: String, studies: Vec<Study>) -> Self {
        let results = METHODS.iter().map(|&named| (named, pool(&studies, named.method))).collect();
        Self { outcome, studies, results }
    }
}

fn effects(studies: &[&Study]) -> Vec<Effect> {
    studies.iter().map(|study| study.log_odds_ratio()).collect()
}

/// Returns Cochran's Q about a mean m, Σ w(y − m)².
fn q_about(effects: &[Effect], mean: f64) -> f64 {
    effects.iter().map(|of| (of.estimate - mean) * (of.estimate - mean) / of.variance).sum()
}

/// The reference distribution of a pooled estimate.
#[derive(Debug, Clone, Copy)]
enum Reference {
    Normal,
    T { degrees_of_freedom: f64 },
}

impl Reference {
    /// Returns the value exceeded with probability 0.025.
    fn quantile_975(self) -> f64 {
        match self {
            Self::Normal => normal::upper_quantile(0.025),
            Self::T { degrees_of_freedom } => student::upper_quantile(0.025, degrees_of_freedom),
        }
    }

    fn p_two_sided(self, statistic: f64) -> f64 {
        match self {
            Self::Normal => 2.0 * normal::upper_tail(statistic.abs()),
            Self::T { degrees_of_freedom } => {
                2.0 * student::upper_tail(statistic.abs(), degrees_of_freedom)
            }
        }
    }

    fn degrees_of_freedom(self) -> Option<f64> {
        match self {
            Self::Normal => None,
            Self::T { degrees_of_freedom } => Some(degrees_of_freedom),
        }
    }
}

/// Builds the result of a fixed-effect method from an estimate, its standard error and Q.
fn summarise(estimate: f64, standard_error: f64, q: f64, studies: usize, by: Reference) -> Pooled {
    // Intervals of the log odds ratio are symmetric.
    let reach = by.quantile_975() * standard_error;
    let df = studies as f64 - 1.0;
    // One study agrees with itself: Q is 0, with no degrees of freedom. The portable tail, not that of a
    // library, whose last digits depend on the platform.
    // Peto's Q is a difference of sums, which rounding takes below 0 where the studies agree.
    let q = q.max(0.0);
    let q_p = if studies > 1 { chi_squared::upper_tail(q, studies as u32 - 1) } else { 1.0 };
    Pooled {
        log_odds_ratio: estimate,
        standard_error,
        interval: (estimate - reach, estimate + reach),
        p_two_sided: by.p_two_sided(estimate / standard_error),
        studies,
        q,
        q_p,
        // With one study rounding may leave a Q above 0.
        i_squared: if studies > 1 && q > df { (q - df) / q } else { 0.0 },
        tau_squared: None,
        degrees_of_freedom: by.degrees_of_freedom(),
        prediction: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn study(name: &str, experimental: (u32, u32), control: (u32, u32)) -> Study {
        Study { name: name.into(), experimental, control }
    }

    fn premat_death() -> Vec<Study> {
        vec![
            study("Baracchini 2017", (1, 23), (9, 23)),
            study("Chang 2018", (6, 48), (19, 100)),
            study("Cornelissen 2018", (0, 12), (5, 14)),
            study("Peng 2019", (21, 66), (29, 66)),
        ]
    }

    const REVMAN: PoolingMethod =
        PoolingMethod::RandomEffects { tau: TauEstimator::RevMan, hartung_knapp: false };

    /// Premat et al. (2020), figure 2, mortality: 0.39 [0.16–0.93], I² 43 %.
    #[test]
    fn revman_random_effects_give_the_published_mortality() {
        let pooled = pool(&premat_death(), REVMAN).expect("four studies");
        assert!((libm::exp(pooled.log_odds_ratio) - 0.385).abs() < 5e-4);
        assert!((libm::exp(pooled.interval.0) - 0.159).abs() < 5e-4);
        assert!((libm::exp(pooled.interval.1) - 0.935).abs() < 5e-4);
        assert!((pooled.i_squared - 0.433).abs() < 5e-4);
        assert!((pooled.p_two_sided - 0.0350).abs() < 5e-5);
        assert!((pooled.tau_squared.expect("random effects") - 0.330).abs() < 5e-4);
    }

    /// Guo et al. (2023), Front Neurol 13:1001496, table 2.
    #[test]
    fn pearsons_test_gives_the_published_p_values() {
        let printed = [
            ((7, 14), 0.910),
            ((5, 9), 0.771),
            ((2, 3), 0.707),
            ((3, 6), 0.944),
            ((20, 45), 0.709),
            ((6, 11), 0.775),
        ];
        for ((stented, other), p) in printed {
            let pearson = study("Guo 2023", (stented, 41), (other, 86)).pearson_p();
            assert!((pearson.expect("no margin is zero") - p).abs() < 5e-4, "{pearson:?} {p}");
        }
        assert_eq!(study("no events", (0, 41), (0, 86)).pearson_p(), None);
        assert_eq!(study("events only", (41, 41), (86, 86)).pearson_p(), None);
        assert_eq!(study("the same", (4, 8), (5, 10)).pearson_p(), Some(1.0));
    }

    #[test]
    fn studies_without_information_do_not_enter() {
        let mut studies = premat_death();
        let without = pool(&studies, REVMAN);
        studies.push(study("no events", (0, 10), (0, 12)));
        studies.push(study("events only", (10, 10), (12, 12)));
        assert_eq!(pool(&studies, REVMAN), without);
        assert_eq!(pool(&studies[4..], REVMAN), Err(PoolingError::NoInformation));
    }

    /// Peto's log odds ratio is (O − E)/V = 24 388 here.
    #[test]
    fn an_odds_ratio_that_overflows_is_no_estimate() {
        let one = [study("one", (3, 41), (0, 1_000_000))];
        assert_eq!(pool(&one, PoolingMethod::Peto), Err(PoolingError::OutOfRange));
        assert!(pool(&one, PoolingMethod::InverseVariance).is_ok());
    }

    #[test]
    fn sums_of_zero_have_no_mantel_haenszel_estimate() {
        let one = [study("one", (5, 10), (0, 12))];
        let mantel_haenszel = PoolingMethod::MantelHaenszel;
        assert_eq!(pool(&one, mantel_haenszel), Err(PoolingError::Infinite));
        // Events in both arms: a = 0 in the first study, d = 0 in the second.
        let both = [study("none", (0, 10), (5, 10)), study("all", (5, 10), (10, 10))];
        assert_eq!(pool(&both, mantel_haenszel), Err(PoolingError::Zero));
        assert!(pool(&one, PoolingMethod::InverseVariance).is_ok());
        let hk = PoolingMethod::RandomEffects { tau: TauEstimator::Reml, hartung_knapp: true };
        assert_eq!(pool(&one, hk), Err(PoolingError::TooFew));
    }

    fn any_study() -> impl Strategy<Value = Study> {
        (1u32..80, 1u32..80).prop_flat_map(|(n_e, n_c)| {
            (0..=n_e, 0..=n_c).prop_map(move |(a, c)| study("s", (a, n_e), (c, n_c)))
        })
    }

    fn turned_over(error: &PoolingError) -> PoolingError {
        match error {
            PoolingError::Zero => PoolingError::Infinite,
            PoolingError::Infinite => PoolingError::Zero,
            other => *other,
        }
    }

    proptest! {
        /// Swapping the arms turns the odds ratio over; counting the others instead of the events
        /// does too.
        #[test]
        fn signs_follow_the_arms(studies in prop::collection::vec(any_study(), 1..8)) {
            let swapped: Vec<Study> =
                studies.iter().map(|s| study("s", s.control, s.experimental)).collect();
            let others = |(events, n): (u32, u32)| (n - events, n);
            let turned: Vec<Study> = studies
                .iter()
                .map(|s| study("s", others(s.experimental), others(s.control)))
                .collect();
            for method in METHODS.map(|named| named.method) {
                let pooled = pool(&studies, method);
                for other in [pool(&swapped, method), pool(&turned, method)] {
                    match (&pooled, &other) {
                        (Ok(a), Ok(b)) => {
                            prop_assert!((a.log_odds_ratio + b.log_odds_ratio).abs() < 1e-6);
                            prop_assert!((a.standard_error - b.standard_error).abs() < 1e-6);
                        }
                        (a, b) => prop_assert_eq!(
                            a.as_ref().err().map(turned_over),
                            b.as_ref().err().copied()
                        ),
                    }
                }
            }
        }

        /// Random effects never claim more than the fixed effect, nor Hartung–Knapp more than
        /// they do.
        #[test]
        fn intervals_widen_with_caution(studies in prop::collection::vec(any_study(), 2..8)) {
            let width = |method| pool(&studies, method).map(|p| p.interval.1 - p.interval.0);
            let random = |tau, hartung_knapp| {
                width(PoolingMethod::RandomEffects { tau, hartung_knapp })
            };
            if let (Ok(fixed), Ok(plain)) = (
                width(PoolingMethod::InverseVariance),
                random(TauEstimator::DerSimonianLaird, false),
            ) {
                prop_assert!(plain >= fixed - 1e-12);
                if let Ok(guarded) = random(TauEstimator::DerSimonianLaird, true) {
                    prop_assert!(guarded >= plain - 1e-12);
                }
            }
        }
    }
}
