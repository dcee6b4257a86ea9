//! The treatment effect at a look as a table.

use crate::explore::monitor::Effects;
use crate::report::document::Document;
use crate::report::numeral::number;

/// A row of the table of effects.
pub(super) struct EffectRow {
    pub name: &'static str,
    pub estimate: Option<f64>,
    pub interval: Option<(f64, f64)>,
}

/// Tabulates estimates with their intervals on a scale; logarithms also as ratios, which the protocol
/// states.
pub(super) fn table_of_effects(scale: &str, rows: Vec<EffectRow>) -> Document {
    let is_log = scale.starts_with("log_");
    let rows = rows.into_iter().map(|EffectRow { name, estimate, interval }| {
        let values = [estimate, interval.map(|it| it.0), interval.map(|it| it.1)];
        let mut row = vec![name.to_owned()];
        row.extend(values.map(number));
        if is_log {
            // Limits are transformed, not the error: exp is monotone, and the coverage stays.
            row.extend(values.map(|value| number(value.map(libm::exp))));
        }
        row
    });
    let name = scale.replace('_', " ");
    let ratio = name.trim_start_matches("log ").to_owned();
    let mut header = vec![name.as_str(), "estimate", "low", "high"];
    if is_log {
        header.extend([ratio.as_str(), "low", "high"]);
    }
    Document::of_table(&header, rows.collect())
}

impl Effects {
    /// Returns the confidence level in per cent.
    pub(super) fn percent(&self) -> f64 {
        // 1 − 2α has rounding errors: 0.95 would be printed as 94.99999999999999 %.
        (1e8 * self.level).round() / 1e6
    }

    /// States the effect that holds if the trial stops at the look; `None` if it is unknown.
    pub(super) fn in_words(&self) -> Option<String> {
        let (low, high) = self.stagewise_interval?;
        let values = [self.median_unbiased?, low, high];
        let scale = self.scale.replace('_', " ");
        // As a ratio, which the protocol states; exp is monotone, and the coverage stays.
        let (name, values) = match scale.strip_prefix("log ") {
            Some(ratio) => (ratio, values.map(libm::exp)),
            None => (scale.as_str(), values),
        };
        let [estimate, low, high] = values.map(|value| number(Some(value)));
        let percent = self.percent();
        Some(format!(
            "If the trial stops at this look, the {name} is {estimate} ({percent} % interval {low} to \
             {high}): median-unbiased, by stage-wise ordering."
        ))
    }

    /// Tabulates the intervals.
    pub(super) fn document(&self) -> Document {
        table_of_effects(self.scale, self.rows())
    }

    fn rows(&self) -> Vec<EffectRow> {
        let mut rows = vec![
            EffectRow { name: "unadjusted", estimate: self.estimate, interval: self.interval },
            // A repeated interval has no estimate of its own: it is centred on the unadjusted one.
            EffectRow { name: "repeated", estimate: None, interval: self.repeated_interval },
        ];
        // Other rows stay without an interval, so that its absence is seen; this one is for one kind of test.
        if self.repeated_score_interval.is_some() {
            rows.push(EffectRow {
                name: "repeated, score test",
                estimate: None,
                interval: self.repeated_score_interval,
            });
        }
        rows.push(EffectRow {
            name: "stage-wise, if the trial stops now",
            estimate: self.median_unbiased,
            interval: self.stagewise_interval,
        });
        rows
    }
}
