//! The assumptions of a scenario in one sentence.

use crate::expected::{AssumedEffect, Assumptions, StatedAlpha};
use crate::report::numeral::{grouped, trimmed};

impl Assumptions {
    /// States the assumptions in one sentence.
    pub fn sentence(&self) -> String {
        let mut parts = vec![format!(
            "{} patients {} ({})",
            grouped(u64::from(self.randomised)),
            self.ratio_in_words(),
            self.outcomes_in_words()
        )];
        if self.most_randomised > self.randomised {
            let most = grouped(u64::from(self.most_randomised));
            parts.push(format!("up to {most} after re-estimation"));
        }
        let [control, experimental] = self.rates.map(|rate| trimmed(100.0 * rate, 1));
        parts.push(format!(
            "mRS 0–{} {control} % v {experimental} % ({})",
            self.cut,
            self.effect.words()
        ));
        parts.push(match self.interim_looks {
            0 => "one look".to_owned(),
            1 => "one interim look and the final".to_owned(),
            looks => format!("{} interim looks and the final", small_number(looks)),
        });
        parts.push(self.alpha.words());
        parts.extend(self.hypothesis.margin().map(|_| self.hypothesis.to_string()));
        parts.extend(self.centres.map(|number| match number {
            1 => "1 centre".to_owned(),
            _ => format!("{number} centres"),
        }));
        parts.push(format!("{} patients a month", trimmed(self.patients_per_month, 1)));
        if self.after_procedure {
            parts.push("outcomes after a simulated procedure".to_owned());
        }
        if self.non_adherence {
            parts.push("with non-adherence".to_owned());
        }
        if self.drift_per_year != 0.0 {
            parts.push("outcomes that change over time".to_owned());
        }
        let benefit = self.prior_benefit.map(|p| format!("prior P(benefit) {}", chance(p)));
        parts.extend(benefit);
        format!("{}.", parts.join(", "))
    }

    fn ratio_in_words(&self) -> String {
        match (self.ratio.control, self.ratio.experimental) {
            (1, 1) => "1:1".to_owned(),
            (control, experimental) => format!("{control}:{experimental} control to experimental"),
        }
    }

    /// States the outcomes that the final look is planned with, and dropout.
    fn outcomes_in_words(&self) -> String {
        let [planned, expected] = [self.planned_outcomes, self.expected_outcomes];
        let dropout = match self.dropout.map(|share| trimmed(100.0 * share, 2)) {
            _ if self.dropout == [0.0; 2] => "no dropout".to_owned(),
            [control, experimental] if control == experimental => format!("{control} % dropout"),
            [control, experimental] => format!("{control} % v {experimental} % dropout"),
        };
        if self.dropout == [0.0; 2] && planned == expected {
            dropout
        } else if planned == expected {
            format!("{} outcomes after {dropout}", grouped(u64::from(expected)))
        } else {
            format!(
                "{} outcomes planned, {} expected after {dropout}",
                grouped(u64::from(planned)),
                grouped(u64::from(expected))
            )
        }
    }
}

impl AssumedEffect {
    /// States the effect as an odds ratio of a better mRS.
    pub fn words(self) -> String {
        match self {
            Self::None => "no effect".to_owned(),
            Self::Proportional { odds_ratio } => format!("common odds ratio {odds_ratio:.2}"),
            Self::NotProportional { fitted, least, largest } => {
                // Without proportional odds no single ratio is the effect; the fitted one is what a
                // proportional odds analysis would estimate.
                let fitted = fitted
                    .map_or(String::new(), |fitted| format!("common odds ratio {fitted:.2}, "));
                format!("{fitted}not proportional: {least:.2} to {largest:.2} by cut")
            }
            Self::Separated => "no finite odds ratio".to_owned(),
        }
    }
}

impl StatedAlpha {
    /// States the level and its sides.
    pub fn words(self) -> String {
        match self {
            Self::OneSided(alpha) => format!("one-sided alpha {}", level(alpha)),
            Self::TwoSided(alpha) => format!("two-sided alpha {}", level(alpha)),
            Self::Boundaries => "stated boundaries of Z".to_owned(),
            Self::None => "Bayesian decisions".to_owned(),
        }
    }
}

/// Writes an error rate as people state it: without zeros at the end, however small it is.
fn level(alpha: f64) -> String {
    // Six decimals would show a level below 0.000001 as 0.
    if alpha < 1e-6 { format!("{alpha:e}") } else { trimmed(alpha, 6) }
}

/// Writes a number up to ten as a word.
fn small_number(number: usize) -> String {
    const WORDS: [&str; 11] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS.get(number).map_or_else(|| number.to_string(), |&word| word.to_owned())
}

/// Writes a probability that may round to 0 or 1 without being so.
fn chance(p: f64) -> String {
    match p {
        p if p > 0.999 && p < 1.0 => ">0.999".to_owned(),
        p if p < 0.001 && p > 0.0 => "<0.001".to_owned(),
        p => trimmed(p, 3),
    }
}
