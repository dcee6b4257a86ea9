//! Descriptions of a design in words: the same in `run`, `check`, `design` and the HTML report.

use std::fmt;

use super::characteristics::Question;
use super::comparison::Comparison;
use super::efficacy::EfficacyRule;
use super::futility::{ConditionalOn, FutilityRule};
use super::harm::{HarmRule, TwoSidedSpending};
use super::rules::Rules;
use super::spending::SpendingFunction;

impl fmt::Display for SpendingFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LanDeMetsObrienFleming => {
                f.write_str("Lan-DeMets spending, O'Brien-Fleming type")
            }
            Self::LanDeMetsPocock => f.write_str("Lan-DeMets spending, Pocock type"),
            Self::HwangShihDeCani { gamma } => {
                write!(f, "Hwang-Shih-DeCani spending, gamma {gamma}")
            }
            Self::KimDeMets { rho } => write!(f, "Kim-DeMets spending, rho {rho}"),
            Self::Stated(_) => f.write_str("spending as given"),
        }
    }
}

impl fmt::Display for EfficacyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FinalOnly => f.write_str("final look only"),
            Self::Spending(function) => function.fmt(f),
            // The two classical bounds have names of their own within this family.
            Self::WangTsiatis { delta: 0.0 } => f.write_str("O'Brien-Fleming bounds"),
            Self::WangTsiatis { delta: 0.5 } => f.write_str("Pocock bounds"),
            Self::WangTsiatis { delta } => write!(f, "Wang-Tsiatis bounds, delta {delta}"),
            Self::HaybittlePeto { interim_z } => {
                write!(f, "Haybittle-Peto bounds, Z {interim_z} at interim looks")
            }
        }
    }
}

impl fmt::Display for FutilityRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Z(_) => f.write_str("as given"),
            Self::BetaSpending { function, power } => {
                write!(f, "beta spending for a power of {power}, {function}")
            }
            Self::ConditionalPower { at_most, on } => {
                write!(f, "conditional power at most {at_most} under the {on}")
            }
            Self::PredictivePower { at_most } => write!(f, "predictive power at most {at_most}"),
        }
    }
}

impl fmt::Display for ConditionalOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trend => "current trend",
            Self::Drift(_) | Self::Power(_) => "planned effect",
        })
    }
}

/// Source of a design's error rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlphaSource {
    /// Stated by the user.
    Given,
    /// The default.
    Default,
    /// Solved for from size, power and effect.
    SolvedFor,
}

impl fmt::Display for AlphaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "",
            Self::Default => " (the default)",
            Self::SolvedFor => " (solved for)",
        })
    }
}

impl Rules {
    /// Describes the boundaries of a design with this number of looks, a sentence each.
    pub fn sentences(&self, looks: usize, alpha_source: AlphaSource) -> Vec<String> {
        let alpha = significant(self.alpha_one_sided);
        let mut sentences = vec![match looks {
            // With one look, all rules give the fixed test.
            1 => format!("One-sided alpha {alpha}{alpha_source}; one look."),
            _ => format!("One-sided alpha {alpha}{alpha_source}; efficacy: {}.", self.efficacy),
        }];
        if self.futility != FutilityRule::None {
            let binding = if self.binding_futility { "binding" } else { "non-binding" };
            sentences.push(format!("Futility, {binding}: {}.", self.futility));
        }
        sentences.extend(self.harm_sentence());
        sentences
    }

    /// Describes the boundary for harm in a sentence; `None` without one.
    pub fn harm_sentence(&self) -> Option<String> {
        let alpha = significant(self.alpha_one_sided);
        match &self.harm {
            HarmRule::None => None,
            HarmRule::Symmetric { spending: TwoSidedSpending::PerSide } => {
                Some(format!("Two-sided, symmetric: alpha {alpha} on each side."))
            }
            HarmRule::Symmetric { spending: TwoSidedSpending::BothSides } => {
                let both = significant(2.0 * self.alpha_one_sided);
                Some(format!("Two-sided, symmetric: both sides together spend {both}."))
            }
            HarmRule::Spending { function, alpha_one_sided } => {
                Some(format!("Harm: {function}, alpha {alpha_one_sided}."))
            }
        }
    }
}

impl Question {
    /// Returns a title for a design without a name.
    pub fn title(&self) -> String {
        let looks = match self.information_fractions.len() {
            1 => "one look".to_owned(),
            looks => format!("{looks} looks"),
        };
        let compared = match &self.comparison {
            Comparison::TwoProportions(it) => {
                let [control, experimental] = it.rates().map(percent);
                format!("{control} v {experimental}")
            }
            Comparison::Ordinal(_) => {
                let odds_ratio = libm::exp(self.comparison.effect());
                format!("mRS, common odds ratio {}", trimmed(odds_ratio, 4))
            }
            Comparison::Means(it) => {
                let [control, experimental] = it.arms();
                format!("mean utility {:.4} v {:.4}", control.mean, experimental.mean)
            }
            Comparison::ExpectedData(_) => {
                let scale = self.comparison.scale_name().replace('_', " ");
                format!("{scale} of {}", significant(self.comparison.effect()))
            }
        };
        format!("{compared}, {looks}")
    }

    /// Describes comparison and boundaries, a sentence each.
    pub fn conventions(&self, alpha_source: AlphaSource) -> Vec<String> {
        let mut sentences = vec![format!("{}.", self.comparison)];
        sentences.extend(self.rules.sentences(self.information_fractions.len(), alpha_source));
        sentences
    }

    /// States that the effect is solved for, from a power and a number of patients.
    pub fn solved_effect(&self, power: f64, patients: u32) -> String {
        let effect = match &self.comparison {
            Comparison::TwoProportions(it) => {
                format!("An experimental rate of {}", percent(it.rates()[1]))
            }
            Comparison::Ordinal(_) => {
                let odds_ratio = libm::exp(self.comparison.effect());
                format!("A common odds ratio of {}", significant(odds_ratio))
            }
            Comparison::Means(it) => format!("A mean of {}", significant(it.arms()[1].mean)),
            Comparison::ExpectedData(_) => {
                let scale = self.comparison.scale_name().replace('_', " ");
                format!("A {scale} of {}", significant(self.comparison.effect()))
            }
        };
        format!(
            "{effect} is the smallest effect that {patients} patients detect with a power of {power}."
        )
    }
}

fn percent(rate: f64) -> String {
    format!("{} %", trimmed(100.0 * rate, 4))
}

/// Writes a number with at most six decimals, or by its power of ten if these would not show it.
fn significant(number: f64) -> String {
    if number.abs() < 1e-4 { format!("{number:e}") } else { trimmed(number, 6) }
}

/// Writes a number with at most this many decimals, without zeros at the end.
fn trimmed(number: f64, decimals: usize) -> String {
    format!("{number:.decimals$}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_name_every_boundary_that_is_tested() {
        let function = SpendingFunction::HwangShihDeCani { gamma: -4.0 };
        let mut rules = Rules::efficacy_only(0.025, EfficacyRule::POCOCK);
        let words = |rules: &Rules, looks| rules.sentences(looks, AlphaSource::Given).join(" ");
        assert_eq!(words(&rules, 3), "One-sided alpha 0.025; efficacy: Pocock bounds.");
        assert_eq!(words(&rules, 1), "One-sided alpha 0.025; one look.");
        rules.futility = FutilityRule::BetaSpending { function: function.clone(), power: 0.9 };
        rules.harm = HarmRule::Spending { function, alpha_one_sided: 0.1 };
        assert_eq!(
            words(&rules, 3),
            "One-sided alpha 0.025; efficacy: Pocock bounds. Futility, non-binding: beta spending for \
             a power of 0.9, Hwang-Shih-DeCani spending, gamma -4. Harm: Hwang-Shih-DeCani spending, \
             gamma -4, alpha 0.1."
        );
    }

    #[test]
    fn sentences_of_a_symmetric_test_state_what_each_side_or_both_spend() {
        for (spending, sentence) in [
            (TwoSidedSpending::PerSide, "Two-sided, symmetric: alpha 0.025 on each side."),
            (TwoSidedSpending::BothSides, "Two-sided, symmetric: both sides together spend 0.05."),
        ] {
            let mut rules = Rules::efficacy_only(0.025, EfficacyRule::POCOCK);
            rules.harm = HarmRule::Symmetric { spending };
            let sentences = rules.sentences(3, AlphaSource::Given);
            assert_eq!(sentences, ["One-sided alpha 0.025; efficacy: Pocock bounds.", sentence]);
        }
    }

    #[test]
    fn numbers_have_no_zeros_at_the_end_and_small_ones_a_power_of_ten() {
        assert_eq!(significant(0.0125), "0.0125");
        assert_eq!(significant(2.0), "2");
        assert_eq!(significant(1e-5), "1e-5");
        assert_eq!(percent(0.4), "40 %");
    }
}
