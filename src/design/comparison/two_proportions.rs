//! Comparison of the shares of patients with a success, by difference or against a margin.

mod statistic;

use super::NotComparable;
use super::moments::Balance;
use crate::analysis::margin::NullEffects;
use crate::analysis::restricted::Distance;
use crate::analysis::two_proportions::{ProportionEffect, ProportionStatistic, ProportionTest};
use crate::design::exact::ExactStatistic;
use crate::num::{logistic, logit};

/// Variance of the test statistic under each hypothesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variance {
    /// Variance at the most likely rates of the null hypothesis (without a margin: pooled) for the
    /// test, at the stated rates under the alternative: Fleiss, Tytun & Ury (1980), Biometrics
    /// 36:343, and with a margin Farrington & Manning (1990), Stat Med 9:1447, method 3.
    NullAndAlternative,
    /// Variance at the stated, or observed, rates (unpooled) under both hypotheses.
    Alternative,
    /// Variance at the most likely rates of the null hypothesis (pooled) under both hypotheses.
    Null,
    /// Wald's test on the scale of the null hypothesis: the risk difference, the logarithm of the risk
    /// ratio (Katz et al. 1978) or of the odds ratio (Woolf 1955), with its variance at the stated rates
    /// under both hypotheses.
    Wald,
    /// Variance of the arcsine of the root, ¼ per patient at any rate: Cohen (1988), chapter 6,
    /// whose h is twice the distance. With a margin, the distance is from the rate at the margin
    /// when the control rate is as stated.
    Arcsine,
}

/// Two proportions of successes, control and experimental, with their test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoProportions {
    control: f64,
    experimental: f64,
    null: Distance,
    variance: Variance,
    continuity_corrected: bool,
    /// Test of an analysis, if the convention for the variance approximates one.
    test: Option<ProportionTest>,
    measure: ProportionEffect,
    pub(super) balance: Balance,
}

impl TwoProportions {
    /// Constructs a test for superiority, with the variance of each hypothesis and no continuity
    /// correction.
    ///
    /// # Errors
    /// When a rate is not inside (0, 1).
    pub fn new(control: f64, experimental: f64) -> Result<Self, NotComparable> {
        rate("control rate", control)?;
        rate("experimental rate", experimental)?;
        Ok(Self::of_rates(control, experimental))
    }

    /// [`TwoProportions::new`] for any rates, 0 and 1 among them.
    fn of_rates(control: f64, experimental: f64) -> Self {
        Self {
            control,
            experimental,
            null: Distance::Difference(0.0),
            variance: Variance::NullAndAlternative,
            continuity_corrected: false,
            test: None,
            measure: ProportionEffect::RiskDifference,
            balance: Balance::NONE,
        }
    }

    /// Tests against the null hypothesis that the experimental rate is at most at this distance
    /// from control: a negative difference or a ratio below 1 for non-inferiority.
    ///
    /// # Errors
    /// When the experimental rate at that distance from the stated control is not inside (0, 1).
    pub fn against(self, null: Distance) -> Result<Self, NotComparable> {
        let out = Self { null, ..self };
        rate("experimental rate under the null hypothesis", out.null_rate())?;
        Ok(out)
    }

    /// Uses another convention for the variance.
    pub fn with_variance(self, variance: Variance) -> Self {
        Self { variance, ..self }
    }

    /// Adds the continuity correction of Fleiss, Tytun & Ury (1980): the distance is ½(1/n_c +
    /// 1/n_e) smaller. The arcsine has no correction of its own: 1/|d| patients more per arm of
    /// equal arms, d being the risk difference beyond the null hypothesis.
    pub fn continuity_corrected(self) -> Self {
        Self { continuity_corrected: true, ..self }
    }

    /// Uses the test of an analysis.
    ///
    /// Fisher's exact test is approximated by the continuity correction (Casagrande, Pike & Smith
    /// 1978, Biometrics 34:483), its mid-p version by the pooled test.
    pub fn tested_by(self, test: ProportionTest) -> Self {
        let (variance, continuity_corrected) = match test {
            ProportionTest::PooledZ
            | ProportionTest::FisherMidP
            | ProportionTest::FarringtonManning
            | ProportionTest::MiettinenNurminen => (Variance::NullAndAlternative, false),
            ProportionTest::UnpooledZ => (Variance::Alternative, false),
            ProportionTest::Wald => (Variance::Wald, false),
            ProportionTest::ContinuityCorrected | ProportionTest::Fisher => {
                (Variance::NullAndAlternative, true)
            }
        };
        Self { variance, continuity_corrected, test: Some(test), ..self }
    }

    /// Reports effects on this scale.
    pub fn measured_by(self, measure: ProportionEffect) -> Self {
        Self { measure, ..self }
    }

    /// Returns the statistic whose exact probabilities are those of the test; `None` by the arcsine,
    /// with a continuity correction of a statistic that has none, and if the arms are not independent.
    pub fn exact_statistic(&self) -> Option<ExactStatistic> {
        // Enumeration needs independent arms.
        if self.balance != Balance::NONE {
            return None;
        }
        if self.has_margin() || self.variance == Variance::Wald {
            return self.statistic_against_margin().map(ExactStatistic::Against);
        }
        if let Some(test) = self.test {
            return Some(ExactStatistic::Of(test));
        }
        match (self.variance, self.continuity_corrected) {
            (Variance::NullAndAlternative | Variance::Null, false) => Some(ExactStatistic::Pooled),
            (Variance::NullAndAlternative | Variance::Null, true) => {
                Some(ExactStatistic::Of(ProportionTest::ContinuityCorrected))
            }
            (Variance::Alternative, false) => Some(ExactStatistic::Unpooled),
            (Variance::Wald | Variance::Alternative, true)
            | (Variance::Wald | Variance::Arcsine, _) => None,
        }
    }

    /// Returns whether the null hypothesis ends at another effect than none.
    pub fn has_margin(&self) -> bool {
        match self.null {
            Distance::Difference(difference) => difference != 0.0,
            Distance::Ratio(ratio) | Distance::OddsRatio(ratio) => ratio != 1.0,
        }
    }

    /// Returns the test of observed proportions against the margin; `None` if there is none with this
    /// variance.
    fn statistic_against_margin(&self) -> Option<ProportionStatistic> {
        if self.continuity_corrected {
            return None;
        }
        let (effect, lower) = match self.null {
            Distance::Difference(difference) => (ProportionEffect::RiskDifference, difference),
            Distance::Ratio(ratio) => (ProportionEffect::LogRiskRatio, libm::log(ratio)),
            Distance::OddsRatio(ratio) => (ProportionEffect::LogOddsRatio, libm::log(ratio)),
        };
        let test = match (self.variance, effect) {
            (Variance::NullAndAlternative | Variance::Null, _) => {
                self.test.unwrap_or(ProportionTest::FarringtonManning)
            }
            (Variance::Wald, _) | (Variance::Alternative, ProportionEffect::RiskDifference) => {
                ProportionTest::Wald
            }
            (Variance::Alternative | Variance::Arcsine, _) => return None,
        };
        Some(ProportionStatistic { test, effect, null: NullEffects { lower, upper: None } })
    }

    /// Returns the rates of successes, control first.
    pub fn rates(&self) -> [f64; 2] {
        [self.control, self.experimental]
    }

    /// Returns the rates at which the null hypothesis ends when the control rate is as stated, control
    /// first.
    pub fn rates_under_null(&self) -> [f64; 2] {
        [self.control, self.null_rate()]
    }

    /// Returns the convention for the variance.
    pub fn variance(&self) -> Variance {
        self.variance
    }

    /// Returns whether a continuity correction is made.
    pub fn is_continuity_corrected(&self) -> bool {
        self.continuity_corrected
    }

    /// Returns the test of the analysis, if the comparison is that of one.
    pub fn test(&self) -> Option<ProportionTest> {
        self.test
    }

    /// Returns the distance at which the null hypothesis ends.
    pub fn null(&self) -> Distance {
        self.null
    }

    /// Returns the odds of success in the experimental arm over those in the control arm.
    pub fn odds_ratio(&self) -> f64 {
        odds_ratio(self.control, self.effect())
    }

    pub(super) fn effect(&self) -> f64 {
        self.experimental - self.control
    }

    pub(super) fn measure(&self) -> ProportionEffect {
        self.measure
    }

    /// Returns the risk difference of an effect on the scale on which effects are reported; the
    /// experimental rate is limited to [0, 1].
    pub(super) fn difference_measuring(&self, effect: f64) -> f64 {
        let experimental = match self.measure {
            ProportionEffect::RiskDifference => self.control + effect,
            ProportionEffect::LogRiskRatio => self.control * libm::exp(effect),
            ProportionEffect::LogOddsRatio => logistic(logit(self.control) + effect),
        };
        experimental.clamp(0.0, 1.0) - self.control
    }

    /// Returns the risk difference at which the null hypothesis ends.
    pub fn null_effect(&self) -> f64 {
        self.null_rate() - self.control
    }

    /// Returns the least and the largest risk difference.
    pub(super) fn effects(&self) -> (f64, f64) {
        (-self.control, 1.0 - self.control)
    }

    pub(super) fn with_effect(&self, effect: f64) -> Self {
        Self { experimental: (self.control + effect).clamp(0.0, 1.0), ..*self }
    }

    pub(super) fn at_fraction(&self, f: f64) -> Self {
        let from = self.null_rate();
        let experimental = (from + f * (self.experimental - from)).clamp(0.0, 1.0);
        Self { experimental, balance: self.balance.at_fraction(f), ..*self }
    }

    /// Returns the experimental rate at which the null hypothesis ends when the control rate is as
    /// stated.
    fn null_rate(&self) -> f64 {
        self.null.experimental_rate(self.control)
    }
}

/// Computes the mean of the pooled two-proportion Z on `total` patients of whom
/// `share_experimental` are in the experimental arm; `rates` are those of control and experimental
/// arm.
///
/// The variance is pooled under the null hypothesis and unpooled under the alternative, and the
/// ratio of the two enters at the fixed-sample critical value: the convention of rpact's
/// `getPowerRates`. Not finite if all patients, or no patients, have a success.
pub fn two_proportions_drift(
    rates: [f64; 2],
    share_experimental: f64,
    total: f64,
    alpha_one_sided: f64,
) -> f64 {
    let [control, experimental] = rates;
    let stated = TwoProportions::of_rates(control, experimental);
    stated.moments(share_experimental, total).drift(alpha_one_sided, total)
}

/// Returns the odds ratio of a risk difference on a control rate; both rates inside (0, 1).
pub fn odds_ratio(control: f64, difference: f64) -> f64 {
    let experimental = control + difference;
    experimental * (1.0 - control) / (control * (1.0 - experimental))
}

fn rate(what: &'static str, value: f64) -> Result<(), NotComparable> {
    if value > 0.0 && value < 1.0 { Ok(()) } else { Err(NotComparable::Rate { what, value }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::comparison::Comparison;
    use crate::design::{Design, EfficacyRule, Plan, Rules, SpendingFunction};

    fn design(looks: [u32; 3]) -> Design {
        let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        let plan =
            Plan { looks_analysed: looks.to_vec(), rules: Rules::efficacy_only(0.025, rule) };
        Design::new(plan, looks[2]).expect("no futility to fail")
    }

    /// rpact 4.5, `getPowerRates` with Lan–DeMets O'Brien–Fleming-type spending, 25 % v 40 %.
    #[test]
    fn power_for_two_proportions_is_rpacts() {
        let cases = [
            ([104, 208, 312], 0.805624895705462, 0.0191908446489054, 0.404746991774099),
            ([116, 232, 348], 0.846655882189405, 0.0239690187423204, 0.451882482186606),
        ];
        for (looks, power, first, second) in cases {
            let total = f64::from(looks[2]);
            let drift = two_proportions_drift([0.25, 0.40], 0.5, total, 0.025);
            let out = design(looks).stopping(drift, looks[2]);
            assert!((out.rejection() - power).abs() < 1e-7);
            assert!((out.efficacy[0] - first).abs() < 1e-7);
            assert!((out.efficacy[1] - second).abs() < 1e-7);
        }
        assert!(two_proportions_drift([0.3, 0.3], 0.5, 312.0, 0.025).abs() < 1e-12);
    }

    fn planned(variance: Variance) -> TwoProportions {
        TwoProportions::new(0.25, 0.40).expect("inside (0, 1)").with_variance(variance)
    }

    fn per_arm(stated: TwoProportions) -> f64 {
        let total = Comparison::TwoProportions(stated).fixed_sample_size(0.025, 0.8, 0.5);
        0.5 * total.expect("the effect is a benefit")
    }

    /// tests/reference/r/c2_156.R, whose formulas for equal arms are written out here with
    /// R's qnorm(0.975) and qnorm(0.8).
    #[test]
    fn sizes_per_arm_are_the_formulas_of_each_convention() {
        let (za, zb) = (1.959963984540054_f64, 0.8416212335729143_f64);
        let (d, at_rates, pooled) = (0.15, 0.4 * 0.6 + 0.25 * 0.75_f64, 2.0_f64 * 0.325 * 0.675);
        let fleiss = (za * pooled.sqrt() + zb * at_rates.sqrt()).powi(2) / (d * d);
        let both = |variance: f64| (za + zb).powi(2) * variance / (d * d);
        let angle = libm::asin(0.4_f64.sqrt()) - libm::asin(0.25_f64.sqrt());
        let arcsine = (za + zb).powi(2) / 2.0 / (angle * angle);
        let corrected = |n: f64| n / 4.0 * (1.0 + (1.0 + 4.0 / (n * d)).sqrt()).powi(2);
        for (variance, plain, with_correction) in [
            (Variance::NullAndAlternative, fleiss, corrected(fleiss)),
            (Variance::Alternative, both(at_rates), corrected(both(at_rates))),
            (Variance::Null, both(pooled), corrected(both(pooled))),
            (Variance::Arcsine, arcsine, arcsine + 1.0 / d),
        ] {
            let found = per_arm(planned(variance));
            assert!((found - plain).abs() < 1e-10, "{variance:?}: {found}");
            let found = per_arm(planned(variance).continuity_corrected());
            assert!((found - with_correction).abs() < 1e-10, "{variance:?}: {found}");
        }
        assert!((fleiss - 151.868862).abs() < 1e-6);
    }

    /// Fleiss, Tytun & Ury (1980), from the smaller arm n and the ratio κ of the larger to it.
    #[test]
    fn continuity_correction_of_unequal_arms_is_fleisss() {
        for ratio in [1.5, 2.0, 3.0] {
            let share = ratio / (1.0 + ratio);
            let size = |stated: TwoProportions| {
                let total = Comparison::TwoProportions(stated).fixed_sample_size(0.025, 0.8, share);
                total.expect("the effect is a benefit") / (1.0 + ratio)
            };
            let n = size(planned(Variance::NullAndAlternative));
            let root = 1.0 + (1.0 + 2.0 * (ratio + 1.0) / (n * ratio * 0.15)).sqrt();
            let found = size(planned(Variance::NullAndAlternative).continuity_corrected());
            assert!((found - n / 4.0 * root * root).abs() < 1e-9, "{ratio}: {found}");
        }
    }

    /// Farrington & Manning (1990), table I and page 1451, as gsDesign's tests quote them: sizes
    /// of the experimental and the control arm, to the printed digits.
    #[test]
    fn sizes_with_a_margin_are_the_published_ones() {
        let cases = [
            ((0.05, 0.4), Distance::Difference(0.2), 0.05, 0.2, 1.0, (79.8438, 79.8438)),
            ((0.1, 0.1), Distance::Difference(-0.2), 0.05, 0.1, 2.0 / 3.0, (62.88, 41.92)),
            ((0.05, 0.25), Distance::Difference(0.1), 0.05, 0.1, 1.5, (173.2214, 259.8322)),
            ((0.05, 0.25), Distance::Ratio(2.0), 0.05, 0.1, 1.5, (133.9289, 200.8933)),
        ];
        for ((control, experimental), null, alpha, beta, ratio, published) in cases {
            let stated = TwoProportions::new(control, experimental).expect("inside (0, 1)");
            // Not by `against`, which refuses a margin of 20 points below a rate of 10 %.
            let comparison = Comparison::TwoProportions(TwoProportions { null, ..stated });
            let total = comparison
                .fixed_sample_size(alpha, 1.0 - beta, 1.0 / (1.0 + ratio))
                .expect("beyond the margin");
            let arms = (total / (1.0 + ratio), total * ratio / (1.0 + ratio));
            assert!((arms.0 / published.0 - 1.0).abs() < 1e-4, "{null:?}: {arms:?}");
            assert!((arms.1 / published.1 - 1.0).abs() < 1e-4, "{null:?}: {arms:?}");
        }
    }

    #[test]
    fn the_odds_ratio_gives_its_risk_difference_back() {
        let stated = planned(Variance::Null);
        assert!((stated.odds_ratio() - 2.0).abs() < 1e-14);
        for (control, difference) in [(0.25, 0.15), (0.6, -0.4), (0.01, 0.98)] {
            let odds = odds_ratio(control, difference) * control / (1.0 - control);
            let back = odds / (1.0 + odds) - control;
            assert!((back - difference).abs() < 1e-13, "{back}");
        }
    }

    #[test]
    fn rates_outside_the_open_interval_are_refused_with_their_value() {
        let error = TwoProportions::new(0.3, 1.0).expect_err("nothing to gain");
        assert_eq!(error.to_string(), "the experimental rate is 1; allowed: above 0 and below 1");
        let stated = planned(Variance::Null);
        assert!(stated.against(Distance::Difference(-0.3)).is_err());
        assert!(stated.against(Distance::Ratio(5.0)).is_err());
    }
}
