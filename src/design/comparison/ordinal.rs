//! Two distributions over ordered levels, compared by a proportional-odds or a Mann–Whitney test.

use super::NotComparable;
use super::mann_whitney::{MannWhitney, mixture_powers, null_variance};
use super::moments::{Balance, StatisticMoments};
use crate::analysis::proportional_odds::unadjusted::{self, UnadjustedFit};
use crate::num::root::brent;
use crate::num::{logistic, logit, normalised};
use crate::outcome::LEVELS;

/// Test of two ordinal distributions, with the variance that its sample size is computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrdinalTest {
    /// Common odds ratio, with the information of Whitehead (1993), Stat Med 12:2257.
    ProportionalOdds,
    /// Log common odds ratio over its standard error, with the expected information of the fit when the
    /// arms are as stated: the limit of Wald's test.
    Wald,
    /// Wilcoxon–Mann–Whitney: the test divides by its tie-corrected null variance, and the
    /// statistic has its exact variance under the alternative; both for the actual number of
    /// patients.
    MannWhitney,
    /// Wilcoxon–Mann–Whitney with the large-sample, tie-corrected null variance under both
    /// hypotheses: Noether (1987), for ties Zhao, Rahardja & Qu (2008), Stat Med 27:462.
    MannWhitneyNullVariance,
}

/// Distributions of control and experimental arm over K ≥ 2 levels, the best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ordinal {
    control: Vec<f64>,
    experimental: Vec<f64>,
    log_odds_ratio: f64,
    /// Whether the experimental arm is the control arm shifted by the odds ratio.
    proportional: bool,
    test: OrdinalTest,
    /// Log common odds ratio at which the null hypothesis ends; 0 for superiority.
    null_log_odds_ratio: f64,
    /// Whether effects are reported as net benefit instead of the common odds ratio.
    by_net_benefit: bool,
    pub(super) balance: Balance,
}

impl Ordinal {
    /// Constructs a comparison whose experimental arm has `common_odds_ratio` > 0 times the control
    /// arm's odds of every level or better; above 1 is better. Shares are fractions or percentages.
    ///
    /// # Errors
    /// When `control` is not a distribution over at least two levels, or the odds ratio is not
    /// positive and finite.
    pub fn shifted(
        control: &[f64],
        common_odds_ratio: f64,
        test: OrdinalTest,
    ) -> Result<Self, NotComparable> {
        let control = spread_out(control)?;
        let log_odds_ratio = libm::log(common_odds_ratio);
        if !log_odds_ratio.is_finite() {
            return Err(NotComparable::Score {
                what: "common odds ratio",
                value: common_odds_ratio,
            });
        }
        let experimental = shift(&control, log_odds_ratio);
        Ok(Self {
            control,
            experimental,
            log_odds_ratio,
            proportional: true,
            test,
            null_log_odds_ratio: 0.0,
            by_net_benefit: false,
            balance: Balance::NONE,
        })
    }

    /// Constructs a comparison of any two distributions over the same levels.
    ///
    /// `log_odds_ratio` is the limit of a proportional-odds fit of such arms
    /// ([`crate::analysis::proportional_odds::unadjusted::fit`]); Mann–Whitney tests use it only to
    /// report the effect.
    ///
    /// # Errors
    /// When an arm is not a distribution, their lengths differ, or control has one level only.
    pub fn pair(
        control: &[f64],
        experimental: &[f64],
        log_odds_ratio: f64,
        test: OrdinalTest,
    ) -> Result<Self, NotComparable> {
        let (control, experimental) = (spread_out(control)?, distribution(experimental)?);
        if control.len() != experimental.len() {
            return Err(NotComparable::Levels(control.len(), experimental.len()));
        }
        if !log_odds_ratio.is_finite() {
            return Err(NotComparable::Score { what: "log odds ratio", value: log_odds_ratio });
        }
        Ok(Self {
            control,
            experimental,
            log_odds_ratio,
            proportional: false,
            test,
            null_log_odds_ratio: 0.0,
            by_net_benefit: false,
            balance: Balance::NONE,
        })
    }

    /// Returns the test.
    pub fn test(&self) -> OrdinalTest {
        self.test
    }

    /// Constructs a comparison of any two distributions over at most [`LEVELS`] levels, with the
    /// limit of the log odds ratio of a proportional-odds fit; recognises an experimental arm that
    /// is the control arm shifted.
    ///
    /// # Errors
    /// When an arm is not a distribution, their lengths differ, control has one level only, or there
    /// are more than [`LEVELS`].
    pub fn fitted(
        control: &[f64],
        experimental: &[f64],
        share_experimental: f64,
        test: OrdinalTest,
    ) -> Result<Self, NotComparable> {
        let unknown = Self::pair(control, experimental, 0.0, test)?;
        if unknown.control.len() > LEVELS {
            return Err(NotComparable::TooManyLevels(unknown.control.len()));
        }
        let (control, experimental) = (&unknown.control, &unknown.experimental);
        let log_odds_ratio = limit_of_fit(control, experimental, share_experimental);
        let shifted = Self::shifted(control, libm::exp(log_odds_ratio), test)?;
        // A shift keeps proportional odds at other effects, which a mixture of the arms would not.
        let mut pairs = shifted.experimental.iter().zip(experimental);
        if pairs.all(|(a, b)| (a - b).abs() < 1e-9) {
            return Ok(shifted);
        }
        Self::pair(control, experimental, log_odds_ratio, test)
    }

    /// Tests against the null hypothesis that the log common odds ratio is at most this instead of 0:
    /// below 0 for non-inferiority. Mann–Whitney tests have no margin on it and leave it as it is.
    pub fn against(self, log_odds_ratio: f64) -> Self {
        match self.test {
            OrdinalTest::ProportionalOdds | OrdinalTest::Wald => {
                Self { null_log_odds_ratio: log_odds_ratio, ..self }
            }
            OrdinalTest::MannWhitney | OrdinalTest::MannWhitneyNullVariance => self,
        }
    }

    /// Returns the log common odds ratio at which the null hypothesis ends.
    pub fn null_log_odds_ratio(&self) -> f64 {
        self.null_log_odds_ratio
    }

    /// Reports effects as net benefit: P(an experimental patient does better) − P(worse).
    pub fn measured_by_net_benefit(self) -> Self {
        Self { by_net_benefit: true, ..self }
    }

    pub(super) fn is_measured_by_net_benefit(&self) -> bool {
        self.by_net_benefit
    }

    /// Returns P(an experimental patient does better) − P(worse), in [−1, 1].
    pub(super) fn net_benefit(&self) -> f64 {
        2.0 * self.probability_better() - 1.0
    }

    /// Returns the probabilities of the levels in the control arm.
    pub fn control(&self) -> &[f64] {
        &self.control
    }

    /// Returns the probabilities of the levels in the experimental arm.
    pub fn experimental(&self) -> &[f64] {
        &self.experimental
    }

    /// Returns P(experimental patient better) + ½·P(tie) of a random pair, in \[0, 1\].
    pub fn probability_better(&self) -> f64 {
        MannWhitney::new(&self.control, &self.experimental).probability_better
    }

    pub(super) fn log_odds_ratio(&self) -> f64 {
        self.log_odds_ratio
    }

    pub(super) fn with_effect(&self, log_odds_ratio: f64) -> Self {
        let experimental = shift(&self.control, log_odds_ratio);
        Self { experimental, log_odds_ratio, proportional: true, ..self.clone() }
    }

    /// Returns the comparison a fraction `f` of the way from the margin, 0 for superiority, to the effect as
    /// stated: a shift by the log odds ratio there; for a pair without proportional odds, the mixture of an arm
    /// at the margin with a share `f` of experimental patients, which has `f` times the difference of P(better).
    pub(super) fn at_fraction(&self, f: f64) -> Self {
        let balance = self.balance.at_fraction(f);
        let null = self.null_log_odds_ratio;
        let effect = null + f * (self.log_odds_ratio - null);
        if self.proportional {
            return Self { balance, ..self.with_effect(effect) };
        }
        // A shift by 0 would leave rounding errors.
        let at_margin = if null == 0.0 { self.control.clone() } else { shift(&self.control, null) };
        let pairs = at_margin.iter().zip(&self.experimental);
        // With f beyond 1 or below 0 a level may become negative: it is left out, and the rest
        // scaled to 1.
        let mixed: Vec<f64> = pairs.map(|(c, e)| (c + f * (e - c)).max(0.0)).collect();
        let sum: f64 = mixed.iter().sum();
        Self {
            experimental: mixed.iter().map(|share| share / sum).collect(),
            log_odds_ratio: effect,
            balance,
            ..self.clone()
        }
    }

    /// Computes the moments of the statistic on `total` patients, which may be infinite.
    pub(super) fn moments(&self, share_experimental: f64, total: f64) -> StatisticMoments {
        self.balance.applied_to(self.moments_of_independent_arms(share_experimental, total))
    }

    fn moments_of_independent_arms(&self, share_experimental: f64, total: f64) -> StatisticMoments {
        let shares = [1.0 - share_experimental, share_experimental];
        let arms = shares[0] * shares[1];
        let statistic = MannWhitney::new(&self.control, &self.experimental);
        let excess = statistic.probability_better - 0.5;
        // The exact variance differs from the large-sample one by terms of 1/N, which no infinite
        // trial has.
        if self.test == OrdinalTest::MannWhitney && total.is_finite() {
            let sizes = shares.map(|share| share * total);
            let null = null_variance(&self.control, &self.experimental, sizes);
            return StatisticMoments {
                excess,
                null_sd: (null * total).sqrt(),
                sd: (statistic.variance(sizes) * total).sqrt(),
            };
        }
        let cubes = mixture_powers(&self.control, &self.experimental, share_experimental).cubes;
        match self.test {
            OrdinalTest::ProportionalOdds => {
                // Whitehead's information is N·q_c·q_e·(1 − Σ p̄³)/3, with the shares q of the
                // arms.
                let sd = (3.0 / (arms * (1.0 - cubes))).sqrt();
                StatisticMoments {
                    excess: self.log_odds_ratio - self.null_log_odds_ratio,
                    null_sd: sd,
                    sd,
                }
            }
            OrdinalTest::Wald => {
                let fit = fit_of_shares(&self.control, &self.experimental, share_experimental);
                let sd = fit.standard_error;
                StatisticMoments {
                    excess: self.log_odds_ratio - self.null_log_odds_ratio,
                    null_sd: sd,
                    sd,
                }
            }
            OrdinalTest::MannWhitney | OrdinalTest::MannWhitneyNullVariance => {
                // Noether's 1/(12·N·q_c·q_e), times 1 − Σ p̄³ for the ties (Zhao, Rahardja & Qu).
                let sd = ((1.0 - cubes) / (12.0 * arms)).sqrt();
                StatisticMoments { excess, null_sd: sd, sd }
            }
        }
    }

    /// Computes the size of the test with one look from the upper quantiles at α and β.
    pub(super) fn fixed_sample_size(
        &self,
        z_alpha: f64,
        z_beta: f64,
        share_experimental: f64,
    ) -> Option<f64> {
        let total = self.moments(share_experimental, f64::INFINITY).required(z_alpha, z_beta)?;
        if self.test != OrdinalTest::MannWhitney {
            return Some(total);
        }
        brent(
            // The variance for the actual number of patients differs from the large-sample one by
            // O(1/N).
            |total| {
                let required = self.moments(share_experimental, total).required(z_alpha, z_beta);
                total - required.unwrap_or(f64::NAN)
            },
            0.5 * total.min(2.0),
            4.0 * total + 100.0,
        )
    }
}

/// Probability of a level below which it does not enter the limit of a fit.
// No trial would observe such a level, and its logarithm would only add rounding errors.
const NEGLIGIBLE: f64 = 1e-12;

/// Computes the limit of the log odds ratio of a proportional-odds fit as the number of patients
/// grows; not finite if the arms do not overlap, or all patients have one level.
///
/// There are at most [`LEVELS`] levels; levels without patients do not change the fit.
pub fn limit_of_fit(control: &[f64], experimental: &[f64], share_experimental: f64) -> f64 {
    fit_of_shares(control, experimental, share_experimental).log_odds_ratio
}

/// Fits proportional odds to the shares of one patient.
fn fit_of_shares(control: &[f64], experimental: &[f64], share_experimental: f64) -> UnadjustedFit {
    let mut table = [[0.0; LEVELS]; 2];
    let arms = [(control, 1.0 - share_experimental), (experimental, share_experimental)];
    for (row, (shares, weight)) in table.iter_mut().zip(arms) {
        for (cell, &share) in row.iter_mut().zip(shares) {
            *cell = if share < NEGLIGIBLE { 0.0 } else { weight * share };
        }
    }
    unadjusted::fit(&table)
}

/// Returns fractions of 1 from fractions or percentages.
pub(super) fn distribution(shares: &[f64]) -> Result<Vec<f64>, NotComparable> {
    for (level, &value) in shares.iter().enumerate() {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(NotComparable::Share { level, value });
        }
    }
    Ok(normalised(shares)?)
}

/// Returns fractions of 1 for a distribution that must have patients at more than one level.
fn spread_out(shares: &[f64]) -> Result<Vec<f64>, NotComparable> {
    let out = distribution(shares)?;
    let used = out.iter().filter(|&&share| share > 0.0).count();
    if used < 2 { Err(NotComparable::OneLevel) } else { Ok(out) }
}

/// Returns the distribution with exp(`log_odds_ratio`) times these odds at every cut.
fn shift(shares: &[f64], log_odds_ratio: f64) -> Vec<f64> {
    // If rounding left the sum below 1, the levels after the last one would get the difference.
    let last = shares.iter().rposition(|&share| share > 0.0).unwrap_or(0);
    let (mut sum, mut before) = (0.0, 0.0);
    let shifted = shares.iter().enumerate().map(|(level, share)| {
        sum += share;
        let upper =
            if level >= last { 1.0 } else { logistic(logit(sum.min(1.0)) + log_odds_ratio) };
        upper - std::mem::replace(&mut before, upper)
    });
    shifted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::comparison::Comparison;
    use crate::num::normal::upper_quantile;
    use crate::outcome::MrsDistribution;
    use proptest::prelude::*;

    const CONTROL: [f64; 7] = [0.047, 0.074, 0.129, 0.16, 0.249, 0.141, 0.20];

    /// Whitehead (1993) total size at 80 % power: 202 for the planning pair of ANGEL-REBOOT.
    #[test]
    fn proportional_odds_drift_gives_whiteheads_sample_size() {
        let stated = Ordinal::shifted(&CONTROL, 2.0, OrdinalTest::ProportionalOdds);
        let stated = Comparison::Ordinal(stated.expect("a distribution"));
        let needed = upper_quantile(0.025) + upper_quantile(0.2);
        let drift = |n: f64| stated.drift(0.025, 0.5, n);
        assert!(drift(200.0) < needed && drift(203.0) > needed);
    }

    fn size(control: &[f64], test: OrdinalTest, share: f64) -> f64 {
        let stated = Ordinal::shifted(control, 2.0, test).expect("a distribution");
        let total = Comparison::Ordinal(stated).fixed_sample_size(0.025, 0.8, share);
        total.expect("an odds ratio of 2 is a benefit")
    }

    /// 12·(z_α + z_β)² / (ln² OR·(1 − Σ p̄³)), rounded up; and with the worst two levels one.
    #[test]
    fn whiteheads_sizes_of_angel_reboot() {
        let merged = [0.047, 0.074, 0.129, 0.16, 0.249, 0.341];
        for (control, published) in [(&CONTROL[..], 202.0), (&merged[..], 205.0)] {
            let total = size(control, OrdinalTest::ProportionalOdds, 0.5);
            assert_eq!(total.ceil(), published, "{total}");
        }
    }

    /// Zhao, Rahardja & Qu (2008): (z_α + z_β)²·(1 − Σ p̄³) / (12·t·(1 − t)·(P(better) +
    /// ½·P(tie) − ½)²), with the sums written out.
    #[test]
    fn mann_whitney_size_is_the_published_formula() {
        let share = 0.6;
        let stated = Ordinal::shifted(&CONTROL, 2.0, OrdinalTest::MannWhitneyNullVariance)
            .expect("a distribution");
        let (mut better, mut cubes) = (0.0, 0.0);
        for (i, e) in stated.experimental().iter().enumerate() {
            let worse: f64 = CONTROL[i + 1..].iter().sum();
            better += e * (worse + 0.5 * CONTROL[i]);
            cubes += (share * e + (1.0 - share) * CONTROL[i]).powi(3);
        }
        let quantiles = upper_quantile(0.025) + upper_quantile(0.2);
        let published = quantiles * quantiles * (1.0 - cubes)
            / (12.0 * share * (1.0 - share) * (better - 0.5) * (better - 0.5));
        let found = size(&CONTROL, OrdinalTest::MannWhitneyNullVariance, share);
        assert!((found / published - 1.0).abs() < 1e-12, "{found} {published}");
        let exact = size(&CONTROL, OrdinalTest::MannWhitney, share);
        assert!((exact / published - 1.0).abs() < 0.03, "{exact} {published}");
    }

    #[test]
    fn the_whole_effect_of_arms_without_proportional_odds_is_the_stated_one_with_a_margin_too() {
        let experimental = [0.10, 0.08, 0.15, 0.15, 0.22, 0.10, 0.20];
        let stated = Ordinal::fitted(&CONTROL, &experimental, 0.5, OrdinalTest::Wald)
            .expect("two distributions")
            .against(libm::log(0.8));
        let whole = stated.at_fraction(1.0);
        for (found, expected) in whole.experimental().iter().zip(experimental) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
        assert_eq!(whole.log_odds_ratio(), stated.log_odds_ratio());
        let none = stated.at_fraction(0.0);
        let margin = shift(&CONTROL, libm::log(0.8));
        for (found, expected) in none.experimental().iter().zip(margin) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
    }

    #[test]
    fn shares_that_are_not_a_pair_of_distributions_are_refused() {
        let test = OrdinalTest::ProportionalOdds;
        let refused =
            |result: Result<Ordinal, NotComparable>| result.expect_err("no comparison").to_string();
        assert!(refused(Ordinal::shifted(&[0.0, 1.0], 2.0, test)).contains("same level"));
        assert!(refused(Ordinal::shifted(&[0.5, 0.4], 2.0, test)).contains("sum to 0.9"));
        assert!(refused(Ordinal::shifted(&[1.5, -0.5], 2.0, test)).contains("level 1 is -0.5"));
        assert!(refused(Ordinal::shifted(&[0.5, 0.5], 0.0, test)).contains("odds ratio is 0"));
        let three = [0.2, 0.3, 0.5];
        assert!(refused(Ordinal::pair(&[0.5, 0.5], &three, 0.0, test)).contains("2 levels"));
    }

    proptest! {
        /// Over seven levels a shift is that of the modified Rankin Scale's own distribution.
        #[test]
        fn a_shift_is_that_of_the_mrs(
            weights in prop::array::uniform7(0.0..1.0f64),
            log_odds_ratio in -3.0..3.0f64,
        ) {
            let sum: f64 = weights.iter().sum();
            let control = weights.map(|w| w / sum);
            let mrs = MrsDistribution::new(control).expect("normalised");
            let expected = mrs.shifted_by(log_odds_ratio);
            let found = shift(mrs.probabilities(), log_odds_ratio);
            for (a, b) in found.iter().zip(expected.probabilities()) {
                prop_assert!((a - b).abs() < 1e-15);
            }
        }
    }
}
