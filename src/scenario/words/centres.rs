//! Centres and calendar time in words.

use super::super::file::{WrittenAccrual, WrittenCentres, WrittenDrift, WrittenOpening};

impl WrittenCentres {
    /// Number, rates, opening and differences of the centres, in a sentence.
    pub fn describe(&self, accrual: &WrittenAccrual) -> String {
        let number = self.number;
        let mut text =
            if number == 1 { "One centre".to_owned() } else { format!("{number} centres") };
        text += &match (accrual.per_month, accrual.screened_per_month) {
            (Some(all), _) => format!(" of {} patients a month", rounded(all / f64::from(number))),
            (None, Some(all)) => {
                format!(" of {} screened a month", rounded(all / f64::from(number)))
            }
            (None, None) => String::new(),
        };
        text += &match self.rate_shape {
            Some(shape) => format!(" on average (gamma, shape {shape})"),
            None => " each".to_owned(),
        };
        text += &match &self.opening {
            None => String::new(),
            Some(WrittenOpening::OverMonths(months)) => format!(", opening over {months} months"),
            Some(WrittenOpening::Months(plan)) => {
                let last = plan.iter().copied().fold(0.0, f64::max);
                format!(", opening by plan until month {last}")
            }
        };
        let effects: Vec<String> = [
            ("the outcome", self.outcome_sd),
            ("success of the procedure", self.procedure_sd),
            ("dropout", self.dropout_sd),
        ]
        .iter()
        .filter(|(_, sd)| *sd > 0.0)
        .map(|(what, sd)| format!("{what} {sd}"))
        .collect();
        if !effects.is_empty() {
            text += &format!("; SD between them in log odds of {}", effects.join(", "));
        }
        text + "."
    }
}

impl WrittenDrift {
    /// The change of outcomes over time, in a sentence; `None` if they do not change.
    pub fn describe(&self) -> Option<String> {
        let Self { log_odds_per_year: per_year, stated_at_month } = self;
        (*per_year != 0.0).then(|| {
            format!(
                "In both arms the log odds of a better mRS change by {per_year} a year from month \
                 {stated_at_month}, where the outcomes are those stated."
            )
        })
    }
}

/// A rate to three digits after the point, as a quotient of round numbers has many.
fn rounded(rate: f64) -> f64 {
    (rate * 1e3).round() / 1e3
}
