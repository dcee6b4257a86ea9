//! Recruitment, follow-up, dropout and adherence in words, each without a full stop.

use super::super::file::{Missing, WrittenAccrual, WrittenAdherence, WrittenDeparture};
use crate::accrual::FollowUp;

impl WrittenAccrual {
    /// Describes the rate, given the share of screened patients who are randomised.
    pub fn describe(&self, screening_yield: Option<f64>) -> String {
        let mut text = match (self.per_month, self.screened_per_month) {
            (Some(rate), _) => format!("{rate} patients randomised per month"),
            (None, Some(rate)) => format!("{rate} patients screened per month"),
            (None, None) => return String::new(),
        };
        if let (None, Some(share)) = (self.per_month, screening_yield) {
            text += &format!(", of whom {} are randomised", percent(share));
        }
        if self.ramp_up_months > 0.0 {
            text += &format!(", after a linear rise over {} months", self.ramp_up_months);
        }
        text
    }
}

impl FollowUp {
    /// Describes when the outcome is assessed.
    pub fn describe(&self) -> String {
        let Self { days, window_days } = self;
        let window =
            if *window_days > 0.0 { format!(", ± {window_days} days") } else { String::new() };
        format!("mRS {days} days after randomisation{window}")
    }
}

impl Missing {
    /// Describes how many outcomes are never known and on what that depends, given the shares lost in the
    /// control and the experimental arm.
    pub fn describe(&self, lost: [f64; 2]) -> String {
        if lost == [0.0; 2] {
            return "all outcomes become known".to_owned();
        }
        let [control, experimental] = lost;
        // Compared as they are printed: two equal percentages for two arms would look like an error.
        let mut text = if percent(control) == percent(experimental) {
            format!("{} of outcomes are never known", percent(control))
        } else {
            format!(
                "{} of outcomes in the control arm and {} in the experimental arm are never known",
                percent(control),
                percent(experimental)
            )
        };
        let factors: Vec<&str> = self.factors.iter().map(|of| of.factor.as_str()).collect();
        text += &match (self.log_odds_per_mrs != 0.0, factors.is_empty()) {
            (false, true) => ", completely at random (MCAR)".to_owned(),
            (false, false) => format!(", depending on {} (MAR)", factors.join(", ")),
            (true, true) => format!(
                ", depending on the outcome: log odds {} per level of the mRS (MNAR)",
                self.log_odds_per_mrs
            ),
            (true, false) => format!(
                ", depending on the outcome (log odds {} per level of the mRS) and on {} (MNAR)",
                self.log_odds_per_mrs,
                factors.join(", ")
            ),
        };
        if self.known_deaths > 0.0 {
            text += &format!("; {} of deaths are always known", percent(self.known_deaths));
        }
        text
    }
}

impl WrittenAdherence {
    /// Describes the patients who do not get the treatment of their arm.
    pub fn describe(&self) -> String {
        let departures = [
            (&self.control_crossover, "of control patients get the experimental treatment"),
            (
                &self.experimental_refusal,
                "of experimental patients refuse the experimental treatment",
            ),
            (
                &self.experimental_failed_access,
                "of occlusions in experimental patients who do not refuse cannot be reached",
            ),
        ];
        let found: Vec<String> = departures
            .into_iter()
            .filter(|(departure, _)| departure.probability > 0.0)
            .map(|(departure, what)| {
                format!("{}{}", share(departure, what), departure.depends_on())
            })
            .collect();
        if found.is_empty() {
            return "all patients get the treatment of their arm".to_owned();
        }
        found.join("; ")
    }
}

fn share(departure: &WrittenDeparture, what: &str) -> String {
    format!("{} {what}", percent(departure.probability))
}

impl WrittenDeparture {
    fn depends_on(&self) -> String {
        let mut causes: Vec<&str> = Vec::new();
        if self.log_odds_per_prognosis != 0.0 {
            causes.push("the patient's prognosis");
        }
        causes.extend(self.factors.iter().map(|of| of.factor.as_str()));
        if causes.is_empty() {
            String::new()
        } else {
            format!(" (depending on {})", causes.join(", "))
        }
    }
}

/// Writes a share with at most one decimal.
fn percent(share: f64) -> String {
    // Half a tenth of a per cent and less would vanish.
    if share > 0.0 && share < 0.000_5 {
        return "less than 0.1 %".to_owned();
    }
    let text = format!("{:.1}", 100.0 * share);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;

    fn described(sets: &[&str]) -> [String; 4] {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        let text = include_str!("../../../scenarios/angel-reboot.toml");
        let scenario = Scenario::parse(text, &sets).expect("valid");
        let file = scenario.file();
        let adherence = file.adherence.as_ref();
        [
            file.accrual.describe(scenario.outcomes.screening_yield()),
            file.follow_up.describe(),
            file.missing.describe(scenario.dropout),
            adherence.map_or(String::new(), |adherence| adherence.describe()),
        ]
    }

    #[test]
    fn rates_follow_up_and_dropout_are_named_with_their_units() {
        let [accrual, follow_up, dropout, adherence] = described(&[]);
        assert_eq!(accrual, "22.39 patients randomised per month");
        assert_eq!(follow_up, "mRS 90 days after randomisation, ± 14 days");
        assert_eq!(dropout, "10 % of outcomes are never known, completely at random (MCAR)");
        assert_eq!(adherence, "");
    }

    #[test]
    fn a_rise_a_difference_between_arms_and_dependence_are_stated() {
        let [accrual, follow_up, dropout, adherence] = described(&[
            "accrual.ramp_up_months=6",
            "follow_up.window_days=0",
            "missing.dropout={control=0.05, experimental=0.125}",
            "adherence.control_crossover={probability=0.05, log_odds_per_prognosis=-0.5}",
        ]);
        assert_eq!(
            accrual,
            "22.39 patients randomised per month, after a linear rise over 6 months"
        );
        assert_eq!(follow_up, "mRS 90 days after randomisation");
        assert_eq!(
            dropout,
            "5 % of outcomes in the control arm and 12.5 % in the experimental arm are never known, \
             completely at random (MCAR)"
        );
        assert_eq!(
            adherence,
            "5 % of control patients get the experimental treatment (depending on the patient's prognosis)"
        );
    }

    #[test]
    fn complete_data_and_selective_dropout_are_distinguished_from_random_dropout() {
        assert_eq!(described(&["missing.dropout=0"])[2], "all outcomes become known");
        let selective = ["missing.log_odds_per_mrs=0.2", "missing.known_deaths=0.5"];
        let dropout = &described(&selective)[2];
        assert!(dropout.contains("log odds 0.2 per level of the mRS (MNAR)"), "{dropout}");
        assert!(dropout.ends_with("; 50 % of deaths are always known"), "{dropout}");
    }
}
