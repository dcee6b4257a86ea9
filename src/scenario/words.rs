//! Analyses in words.

mod centres;
mod randomisation;

use super::file::Analysis;
use super::file::analysis::{
    AnalysisSet, MeansTest, Method, MissingRule, ProportionEffect, ProportionTest, ShiftTest,
};

impl Analysis {
    /// What it does, in a line or two.
    pub fn describe(&self) -> String {
        let mut text = of_method(&self.method);
        text += match self.population {
            AnalysisSet::IntentionToTreat => "",
            AnalysisSet::PerProtocol => ", per protocol",
            AnalysisSet::AsTreated => ", as treated",
        };
        if self.rerandomisations > 0 {
            text += &format!(", p from {} re-randomisations", self.rerandomisations);
        }
        text + &of_missing(&self.missing)
    }
}

fn of_method(method: &Method) -> String {
    match method {
        Method::TwoProportions { cut, test, effect, .. } => {
            let test = match test {
                ProportionTest::PooledZ => String::new(),
                other => format!(", {}", proportion_test(*other)),
            };
            format!("two proportions with mRS 0–{cut}, {}{test}", proportion_effect(*effect))
        }
        Method::ProportionalOdds { test, merge_5_and_6, adjust_for } => {
            let merged = if *merge_5_and_6 { " (5 and 6 merged)" } else { "" };
            format!(
                "proportional odds{merged}, {} test{}, log common odds ratio",
                shift_test(*test),
                adjusted(adjust_for)
            )
        }
        Method::Logistic { cut, test, adjust_for } => format!(
            "logistic regression of mRS 0–{cut}, {} test{}, log odds ratio",
            shift_test(*test),
            adjusted(adjust_for)
        ),
        Method::Wilcoxon { stratify_by } if stratify_by.is_empty() => {
            "Wilcoxon's rank sum test, net benefit".to_owned()
        }
        Method::Wilcoxon { stratify_by } => {
            format!("van Elteren's test within {}, net benefit", stratify_by.join(" × "))
        }
        Method::WinOdds {} => "win odds (ties split), its logarithm".to_owned(),
        Method::WinRatio {} => "win ratio (ties left out), its logarithm".to_owned(),
        Method::UtilityWeighted { test, adjust_for, .. } => {
            let test = match (test, adjust_for.is_empty()) {
                (MeansTest::Student, true) => "Student's t test",
                (MeansTest::Welch, _) => "Welch's t test",
                (MeansTest::Student, false) => "linear regression",
            };
            format!("utility-weighted mRS, {test}{}, difference of means", adjusted(adjust_for))
        }
        Method::CochranMantelHaenszel { cut, stratify_by } => format!(
            "Cochran–Mantel–Haenszel test of mRS 0–{cut} within {}, log odds ratio",
            stratify_by.join(" × ")
        ),
        Method::SlidingDichotomy { cuts, test, .. } => {
            let cuts: Vec<String> = cuts.iter().map(|cut| format!("0–{}", cut.cut)).collect();
            format!(
                "sliding dichotomy with mRS {} by prognosis, {}, risk difference",
                cuts.join(", "),
                proportion_test(*test)
            )
        }
    }
}

fn of_missing(rule: &MissingRule) -> String {
    match rule {
        MissingRule::CompleteCase {} => String::new(),
        MissingRule::SingleValue { mrs } => format!(", missing as mRS {mrs}"),
        MissingRule::ByArm { control, experimental } => {
            format!(", missing as mRS {control} (control) and {experimental} (experimental)")
        }
        MissingRule::LastObservation {} => ", missing as the early mRS".to_owned(),
        MissingRule::MultipleImputation { imputations, log_odds_experimental, .. } => {
            let shift = match *log_odds_experimental {
                0.0 => String::new(),
                shift => format!(", experimental by {shift} log odds"),
            };
            format!(", missing imputed {imputations} times{shift}")
        }
    }
}

fn adjusted(factors: &[String]) -> String {
    if factors.is_empty() { String::new() } else { format!(" adjusted for {}", factors.join(", ")) }
}

fn shift_test(test: ShiftTest) -> &'static str {
    match test {
        ShiftTest::Score => "score",
        ShiftTest::Wald => "Wald",
        ShiftTest::LikelihoodRatio => "likelihood-ratio",
    }
}

fn proportion_test(test: ProportionTest) -> &'static str {
    match test {
        ProportionTest::PooledZ => "pooled Z",
        ProportionTest::UnpooledZ => "unpooled Z",
        ProportionTest::ContinuityCorrected => "Z with continuity correction",
        ProportionTest::Fisher => "Fisher's exact test",
        ProportionTest::FisherMidP => "Fisher's mid-p test",
    }
}

fn proportion_effect(effect: ProportionEffect) -> &'static str {
    match effect {
        ProportionEffect::RiskDifference => "risk difference",
        ProportionEffect::LogRiskRatio => "log risk ratio",
        ProportionEffect::LogOddsRatio => "log odds ratio",
    }
}
