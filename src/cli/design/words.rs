//! A design's conventions in words.

use rescuesim::design::characteristics::Question;
use rescuesim::design::comparison::Comparison;
use rescuesim::design::{
    ConditionalOn, EfficacyRule, FutilityRule, HarmRule, SpendingFunction, TwoSidedSpending,
};

/// A title for a design that has no name.
pub fn described(question: &Question) -> String {
    let looks = question.information_fractions.len();
    let looks = if looks == 1 { "one look".to_owned() } else { format!("{looks} looks") };
    let compared = match &question.comparison {
        Comparison::TwoProportions(it) => {
            let (control, experimental) = it.rates();
            format!("{} v {}", percent(control), percent(experimental))
        }
        Comparison::Ordinal(_) => {
            let odds_ratio = libm::exp(question.comparison.effect());
            format!("mRS, common odds ratio {}", short(odds_ratio))
        }
        Comparison::Means(it) => {
            let [control, experimental] = it.arms();
            format!("mean utility {:.4} v {:.4}", control.mean, experimental.mean)
        }
    };
    format!("{compared}, {looks}")
}

fn percent(rate: f64) -> String {
    format!("{} %", short(100.0 * rate))
}

fn short(number: f64) -> String {
    format!("{number:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Where alpha is from.
#[derive(Debug, Clone, Copy)]
pub enum Alpha {
    Given,
    Usual,
    SolvedFor,
}

/// What is compared and how, a sentence each.
pub fn conventions(question: &Question, alpha_from: Alpha) -> Vec<String> {
    let rules = &question.rules;
    let alpha = plain(rules.alpha_one_sided);
    let from = match alpha_from {
        Alpha::Given => "",
        Alpha::Usual => " (the default)",
        Alpha::SolvedFor => " (solved for)",
    };
    let efficacy = match question.information_fractions.len() {
        1 => "one look".to_owned(),
        _ => format!("efficacy: {}", efficacy(&rules.efficacy)),
    };
    let mut out = vec![
        format!("{}.", question.comparison),
        format!("One-sided alpha {alpha}{from}; {efficacy}."),
    ];
    if let Some(futility) = futility(&rules.futility) {
        let binding = if rules.binding_futility { "binding" } else { "non-binding" };
        out.push(format!("Futility, {binding}: {futility}."));
    }
    match &rules.harm {
        HarmRule::None => {}
        HarmRule::Symmetric { spending: TwoSidedSpending::PerSide } => {
            out.push(format!("Two-sided, symmetric: alpha {alpha} on each side."));
        }
        HarmRule::Symmetric { spending: TwoSidedSpending::BothSides } => out.push(format!(
            "Two-sided, symmetric: both sides together spend {}.",
            plain(2.0 * rules.alpha_one_sided)
        )),
        HarmRule::Spending { function, alpha_one_sided } => {
            out.push(format!("Harm: {}, alpha {alpha_one_sided}.", spending(function)));
        }
    }
    out
}

/// That the effect is no assumption.
pub fn solved_effect(comparison: &Comparison, power: f64, patients: u32) -> String {
    let what = match comparison {
        Comparison::TwoProportions(it) => {
            format!("An experimental rate of {}", percent(it.rates().1))
        }
        Comparison::Ordinal(_) => {
            format!("A common odds ratio of {}", plain(libm::exp(comparison.effect())))
        }
        Comparison::Means(it) => format!("A mean of {}", plain(it.arms()[1].mean)),
    };
    format!("{what} is the smallest that {patients} patients show with a power of {power}.")
}

/// Six digits at most, none of them idle.
fn plain(number: f64) -> String {
    if number.abs() < 1e-4 {
        return format!("{number:e}");
    }
    format!("{number:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn efficacy(rule: &EfficacyRule) -> String {
    match rule {
        EfficacyRule::FinalOnly => "final look only".to_owned(),
        EfficacyRule::Spending(function) => spending(function),
        &EfficacyRule::WangTsiatis { delta: 0.0 } => "O'Brien-Fleming bounds".to_owned(),
        &EfficacyRule::WangTsiatis { delta: 0.5 } => "Pocock bounds".to_owned(),
        EfficacyRule::WangTsiatis { delta } => format!("Wang-Tsiatis bounds, delta {delta}"),
        EfficacyRule::HaybittlePeto { interim_z } => {
            format!("Haybittle-Peto bounds, Z {interim_z} at interim looks")
        }
    }
}

fn spending(function: &SpendingFunction) -> String {
    match function {
        SpendingFunction::LanDeMetsObrienFleming => {
            "Lan-DeMets spending, O'Brien-Fleming type".to_owned()
        }
        SpendingFunction::LanDeMetsPocock => "Lan-DeMets spending, Pocock type".to_owned(),
        SpendingFunction::HwangShihDeCani { gamma } => {
            format!("Hwang-Shih-DeCani spending, gamma {gamma}")
        }
        SpendingFunction::KimDeMets { rho } => format!("Kim-DeMets spending, rho {rho}"),
        SpendingFunction::Stated(_) => "spending as given".to_owned(),
    }
}

fn futility(rule: &FutilityRule) -> Option<String> {
    Some(match rule {
        FutilityRule::None => return None,
        FutilityRule::Z(_) => "as given".to_owned(),
        FutilityRule::BetaSpending { function, power } => {
            format!("beta spending for a power of {power}, {}", spending(function))
        }
        FutilityRule::ConditionalPower { at_most, on: ConditionalOn::Trend } => {
            format!("conditional power at most {at_most} under the trend")
        }
        FutilityRule::ConditionalPower { at_most, on: _ } => {
            format!("conditional power at most {at_most} under the planned effect")
        }
        FutilityRule::PredictivePower { at_most } => format!("predictive power at most {at_most}"),
    })
}
